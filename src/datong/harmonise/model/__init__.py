"""What the room speaks of: sources, standards, mappings, reasons, refusals. Values only.

refusals    STD-4xx
mappings    sources, standards, mappings, and what they are made of
reading     what comes out of a source
notes       what reasons and repairs mean
builds      the states of a build
elements    the library of data elements
matching    what a match says: proposals, pairings, verdicts

Must never know: databases, files, how SQL is run. Contract: tests/harmonise/.
"""
