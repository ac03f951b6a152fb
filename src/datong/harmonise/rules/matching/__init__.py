"""Matching: what each column of a source means, with a score and a reason in words.

    glossary       what words in names mean, which are opposites
    words          reading a name: Chinese, English, pinyin, initials, mixed; abbreviations
    names          finding candidates by a name
    qualifiers     what sets two names apart: start and end, planned and actual
    values         what values look like
    declared       what a source's own type lets one expect
    order          which column of a table comes first, row by row
    looks          the columns as they are matched
    evidence       a column held against an element
    scores         evidence to a score: weights, calibration, accept | ask | leave
    marginals      strengths of a whole table to shares; assignment: one-to-one, with a cost for no partner
    deciding       what each column gets
    telling        the reasons in words
    proposals      columns against elements; candidates: those of a standard
    tables         columns against those of another table

Must never know: files, databases, where samples come from. Contract: tests/harmonise/matching/.
"""

from datong.harmonise.rules.matching.candidates import candidates_of
from datong.harmonise.rules.matching.proposals import matched
from datong.harmonise.rules.matching.tables import match_tables

__all__ = ["candidates_of", "match_tables", "matched"]
