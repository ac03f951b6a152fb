"""Treatments of columns (GB/T 37964-2019 clause 6.4, annex A), each pure and vectorised, each with what it leaves.

    columns        columns as texts, finite numbers, times; what is wrong told by count and row
    keys           a key for each (agreement, domain, purpose, use) by HKDF
    tokens         HMAC and packed AES
    ff1            format-preserving encryption, batched
    small_domains  a keyed permutation where FF1 is not allowed
    numbers        rounding, top and bottom coding, noise (not differential privacy), micro-aggregation
    dates          keyed shift per subject, coarser units
    places         grid and H3 cells
    cells          leaving out columns, rare values, rows
    known          the treatments by their names in a plan, with their options
    classified     what a plan may not let out of a classified dataset
    plan           reading a plan, everything wrong with it at once
    applying       a table treated by a plan

Must never know: files, where keys are kept, who receives. Contract: tests/deidentify/treatments/.
"""
