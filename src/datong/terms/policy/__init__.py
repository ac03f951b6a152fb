"""Policies 策略: what may be done with data, under which conditions, and what has to be done for it.

One pure model for both rails: ODRL in Dataspace Protocol messages (wire/odrl) and the strategy objects of the
national digital contract (TC609-6-2025-14) are two ways of writing it. Default is to refuse; a permission
holds when all its constraints hold; a prohibition beats every permission; a permission with duties is
conditional until they are done (TC609-6-2025-15, 7.1.2.4).

    vocabulary  the words, their codes and Chinese names     values      how values are written and compared
    model       rules, constraints, policies                  reading     the JSON form and its hash
    checking    every mistake when a policy is written        bounds      what several constraints leave together
    decision    allowed, conditional, denied, default denied  conflicts   where the rules of two policies meet
    writing     the form a person writes                      templates   policies with blanks to fill in
    words       a policy in zh and en                         compliance  reports on ODRL of any vocabulary
    literals    what literals of XML Schema mean
Must never know: databases, wire formats, who buys. Contract: tests/terms/test_policy_*.py.
"""

from datong.terms.policy.checking import BAD_POLICY, checked
from datong.terms.policy.decision import Decision, Outcome, compiled, decide
from datong.terms.policy.model import Condition, Constraint, Logical, Policy, Rule
from datong.terms.policy.purposes import purposes_allowed
from datong.terms.policy.reading import from_json, policy_hash, to_json
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, LOGIC, OPERATORS, PURPOSES
from datong.terms.policy.words import besides_in_words, condition_in_words, explained, in_words

__all__ = [
    "ACTIONS",
    "BAD_POLICY",
    "CONSTRAINTS",
    "LOGIC",
    "OPERATORS",
    "PURPOSES",
    "Condition",
    "Constraint",
    "Decision",
    "Logical",
    "Outcome",
    "Policy",
    "Rule",
    "besides_in_words",
    "checked",
    "compiled",
    "condition_in_words",
    "decide",
    "explained",
    "from_json",
    "in_words",
    "policy_hash",
    "purposes_allowed",
    "to_json",
]
