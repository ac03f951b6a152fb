"""Recoding a table until a privacy model holds: the arithmetic alone, on codes.

spec        what a spec may say, every mistake at once
hierarchy   generalisation hierarchies: their form, levels, shares, the order of their leaves
lattice     bounds and sizes of all nodes, from column histograms
kernels     compiled: grouping, node checks, the best-first search (needs the extra `privacy`)
mondrian    compiled: strict Mondrian (needs the extra `privacy`)

Must never know: files, clocks, who buys. Contract: tests/deidentify/test_recoding_*.py.
"""
