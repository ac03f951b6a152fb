"""Policies 策略: what may be done with data, under which conditions, and what has to be done for it.

One pure model for both rails: ODRL in Dataspace Protocol messages (wire/odrl) and the strategy objects of the
national digital contract (TC609-6-2025-14) are two ways of writing it. Default is to refuse; a permission
holds when all its constraints hold; a prohibition beats every permission; a permission with duties is
conditional until they are done (TC609-6-2025-15, 7.1.2.4).
Must never know: databases, wire formats, who buys. Contract: tests/terms/test_policy_*.py.
"""

from datong.terms.policy.decision import Decision, Outcome, decide
from datong.terms.policy.model import (
    BAD_POLICY,
    Constraint,
    Policy,
    Rule,
    checked,
    from_json,
    policy_hash,
    purposes_allowed,
    to_json,
)
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, OPERATORS, PURPOSES
from datong.terms.policy.words import in_words

__all__ = [
    "ACTIONS",
    "BAD_POLICY",
    "CONSTRAINTS",
    "OPERATORS",
    "PURPOSES",
    "Constraint",
    "Decision",
    "Outcome",
    "Policy",
    "Rule",
    "checked",
    "decide",
    "from_json",
    "in_words",
    "policy_hash",
    "purposes_allowed",
    "to_json",
]
