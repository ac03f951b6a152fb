"""Differential privacy, the pure part.

zcdp         rho, and its conversion to (epsilon, delta) for people
reading      a question as JSON to a Query: every mistake at once, one canonical form
sensitivity  what one privacy unit may change, the noise that hides it
plan         contribution bounds and aggregation as plan steps
answers      groups and figures as rows for people

Must never know: databases, chance. Contract: tests/deidentify/test_deidentify_budget*.py.
"""
