"""What the releases of a product cost and how often an attacker is right, as somebody measured it.

The node keeps what was measured, by whom and when, as evidence; it measures nothing itself and vouches for nothing.
Must never know: how it is drawn. Contract: tests/compose/test_compose_frontiers.py.
"""

from __future__ import annotations

from typing import Any

from datong.compose import rules, store
from datong.compose.model import BAD_FRONTIER
from datong.ground import evidence
from datong.ground.canonical import digest, plain
from datong.ground.db import Tx
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view


@verb(Role.product_manager, Role.data_engineer)
def attach_frontier(tx: Tx, *, product: str, frontier: dict[str, Any]) -> dict[str, Any]:
    """Attach a measured frontier to a product: what each release costs a forecast, how often an attacker is right.

    frontier: {measured_by, measured_on, data, target, points}, as `bench/flows.py` writes it. The page of the product
    draws the latest; earlier ones stay. The same again changes nothing.
    """
    of = str(register.product(tx, product)["id"])
    value = plain(frontier)
    if problems := rules.frontier_problems(value):
        raise BAD_FRONTIER(problems, product=product, count=len(problems))
    earlier = store.frontiers_of(tx, of)
    if earlier and earlier[-1]["digest"] == digest(value):
        return earlier[-1]
    number = len(earlier) + 1
    row: dict[str, Any] = {
        "id": f"{of}/frontier-{number}", "product": of, "number": number, "frontier": value,
        "digest": digest(value), "by": tx.actor.person, "at": tx.now,
    }  # fmt: skip
    tx.add(store.frontiers, row)
    evidence.append(tx, "compose.frontier_attached", store.frontiers, row["id"], product=of,
                    digest=row["digest"], measured_on=value["measured_on"])  # fmt: skip
    return row


@view()
def frontiers(tx: Tx, *, product: str) -> list[dict[str, Any]]:
    """The measured frontiers attached to a product (code or id), oldest first; none when nobody attached one."""
    return store.frontiers_of(tx, str(register.product(tx, product)["id"]))
