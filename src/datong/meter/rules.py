"""Which state a usage event lands in, and how many uses a policy allows. Pure.

Contract: tests/meter/test_meter_rules.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.meter.model import UNBILLED_KINDS, UsageKind, UsageState


def final_state(kind: str, tariff_kind: str, *, first: bool) -> UsageState:
    """The one state of an event. first: no delivery of this table version under this agreement came before."""
    if UsageKind(kind) in UNBILLED_KINDS:
        return UsageState.NON_MONETIZABLE
    if tariff_kind == "free":
        return UsageState.FREE
    return UsageState.MONETIZABLE if first else UsageState.INCLUDED


def count_limit(policy: Mapping[str, Any], rule: str = "") -> int | None:
    """The smallest number of uses that the permission `rule` ("permissions[1]") of a policy (its JSON form) allows, or
    None = no limit; of all permissions where the rule is none of them. What another one counts is another deed."""
    permissions = policy.get("permissions", [])
    named = [one for number, one in enumerate(permissions) if rule == f"permissions[{number}]"]
    bounds = []
    for constraint in (constraint for one in named or permissions for constraint in one.get("constraints", [])):
        if constraint.get("left") != "count":
            continue
        right = str(constraint.get("right"))
        if not right.isdecimal():
            continue
        if constraint.get("op") in ("lteq", "eq"):
            bounds.append(int(right))
        elif constraint.get("op") == "lt":
            bounds.append(max(0, int(right) - 1))
    return min(bounds, default=None)
