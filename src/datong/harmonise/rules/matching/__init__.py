"""Matching: what each column of a source means, with a score and a reason in words.

    words       reading a name: Chinese, English, pinyin, initials, mixed
    names       finding candidates by a name
    values      what values look like
    evidence    a column held against an element, or against a column of another table
    scores      evidence to a score: weights, calibration, accept | ask | leave
    assignment  one-to-one, with a cost for no partner
    telling     the reasons in words
    proposals   all of it together: matched, match_tables

Must never know: files, databases, where samples come from. Contract: tests/harmonise/matching/.
"""

from datong.harmonise.rules.matching.proposals import candidates_of, match_tables, matched

__all__ = ["candidates_of", "match_tables", "matched"]
