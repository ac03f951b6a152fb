"""The one final state of a use, and the count a policy allows."""

from __future__ import annotations

from typing import Any

import pytest

from datong.meter import rules


@pytest.mark.parametrize(
    ("kind", "tariff", "first", "state"),
    [
        ("file_set", "per_delivery", True, "MONETIZABLE"),
        ("file_set", "per_delivery", False, "INCLUDED"),
        ("query", "per_delivery", True, "MONETIZABLE"),
        ("supply", "free", True, "FREE"),
        ("file_set", "free", False, "FREE"),
        ("own_work", "per_delivery", True, "NON_MONETIZABLE"),
        ("preview", "free", True, "NON_MONETIZABLE"),
    ],
)
def test_final_state(kind: str, tariff: str, first: bool, state: str) -> None:
    assert rules.final_state(kind, tariff, first=first) == state


def policy(*bounds: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "permissions": [{"action": "delivery", "constraints": [{"left": n, "op": o, "right": r} for n, o, r in bounds]}]
    }


@pytest.mark.parametrize(
    ("written", "limit"),
    [
        ({}, None),
        (policy(("purpose", "eq", "3")), None),
        (policy(("count", "lteq", "3")), 3),
        (policy(("count", "eq", "3")), 3),
        (policy(("count", "lteq", 3)), 3),
        (policy(("count", "lteq", "three"), ("count", "lteq", "²"), ("count", "lteq", "-1")), None),
        (policy(("count", "lt", "3")), 2),
        (policy(("count", "lteq", "9"), ("count", "lt", "3")), 2),
        (policy(("count", "lt", "0")), 0),
        (policy(("count", "gteq", "3")), None),
        (policy(("count", "lteq", ["3"])), None),
    ],
)
def test_count_limit(written: dict[str, Any], limit: int | None) -> None:
    assert rules.count_limit(written) == limit


def test_a_use_is_bounded_by_the_permission_that_allows_it() -> None:
    """A contract that is read without limit and downloaded once is not used up by the first delivery."""
    written = {
        "permissions": [
            *policy()["permissions"], *policy(("count", "lteq", "1"))["permissions"],
            *policy(("count", "lt", "8"))["permissions"],
        ]
    }  # fmt: skip
    limits = [rules.count_limit(written, f"permissions[{number}]") for number in range(3)]
    assert limits == [None, 1, 7]
    assert rules.count_limit(written) == rules.count_limit(written, "permissions[3]") == 1
