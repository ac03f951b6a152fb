"""harmonise 归一: from any source to one data standard, nothing lost.

A source is read as text with row numbers; a mapping says which path feeds which element of a standard and how it
is converted; one plan of SQL steps makes the harmonised rows and, for every row that cannot be, a quarantined
row with its place, reason and original text. Rows in = rows out + rows quarantined, checked while the plan runs.

    model    sources, data elements, standards, mappings, readings, builds; the refusals
    rules    reading the workspace's texts, conversions and plan as SQL text, quality figures; the library of data
             elements, and what changed between two versions of it; matching: what the columns of a source mean
    store    the tables of builds and of what people said columns mean, reading files and databases, the files of a
             build, the files of the library
    data     the library that ships: packs of elements and their code tables; the glossary and weights of matching
    service  the verbs

Must never know: policies, prices, who will use the data. Contract: tests/harmonise/.
"""
