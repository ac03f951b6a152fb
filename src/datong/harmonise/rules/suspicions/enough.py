"""How many values a figure needs before it says anything. Contract: tests/harmonise/suspicions/test_suspicions.py."""

LEAST = 100
"""Values a column must have before its figures say anything."""
FEW = 20
"""Enough where some codes show the zeros that others have lost, or names end where others begin."""
