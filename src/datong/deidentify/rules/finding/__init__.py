"""Finding personal data in the columns of a table.

    types     the kinds of personal data of the dated rule file
    values    checks of values, as shares over the distinct ones
    deciding  what each column is, from its name and its values
    amounts   whole numbers that say how many, and name nobody
    grading   grades after GB/T 43697: items and the whole, take the higher; what a person confirmed

Must never know: files, where the columns come from. Contract: tests/deidentify/finding/.
"""
