"""The purposes a policy admits. Contract: tests/terms/test_policy_decision.py."""

from __future__ import annotations

from datong.terms.policy.decision import compiled
from datong.terms.policy.model import Policy, atoms
from datong.terms.policy.vocabulary import PURPOSES


def purposes_allowed(policy: Policy, action: str | None = None) -> list[str] | None:
    """The purposes that some permission (of `action`) admits, or None when one admits any."""
    found: set[str] = set()
    for name, rules in compiled(policy).permissions.items():
        if action is not None and name != action:
            continue
        for one in rules:
            asked = {atom.left for condition in one.rule.constraints for _, atom in atoms(condition)}
            if "purpose" not in asked:
                return None
            found |= {p for p in PURPOSES if all(test({"purpose": p}) is not False for test in one.tests)}
    return sorted(found)
