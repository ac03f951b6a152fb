"""The purposes a policy admits. Contract: tests/terms/test_policy_decision.py."""

from __future__ import annotations

from datong.terms.policy.decision import compiled
from datong.terms.policy.model import Policy, atoms
from datong.terms.policy.vocabulary import PURPOSES


def purposes_allowed(policy: Policy, action: str | None = None) -> list[str] | None:
    """The purposes for which something (or `action`) is permitted and not forbidden, or None when any is."""
    ready = compiled(policy)
    actions = [name for name in ready.permissions if action in (None, name)]
    found = {purpose for purpose in PURPOSES for name in actions if ready.may_pass(name, {"purpose": purpose})}
    asked = [
        any(atom.left == "purpose" for condition in one.rule.constraints for _, atom in atoms(condition))
        for name in actions
        for one in ready.permissions[name]
    ]
    return None if len(found) == len(PURPOSES) and not all(asked) else sorted(found)
