"""Coordinating a joint partition: ask each provider level by level, intersect, tell all what was agreed.

Every step is done by the arrival of an answer and can be repeated; after a crash the outbox and the rows say
where it stands. Must never know: raw rows, counts. Contract: tests/compose/test_compose_partitions.py.
"""

from __future__ import annotations

from typing import Any

from datong.compose import rules, store
from datong.compose.model import (
    ALREADY_AGREED,
    BAD_HOLD,
    BAD_SUPPLIES,
    OTHER_ANSWER,
    SECOND_PROPOSAL,
    UNKNOWN,
    PartitionState,
)
from datong.compose.service.recipes import recipe
from datong.deidentify import service as deidentify
from datong.ground import evidence, outbox
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

NODES_MAX = 500_000


@verb(Role.product_manager, Role.data_engineer)
def propose_partition(tx: Tx, *, product: str, supplies: list[dict[str, str]]) -> dict[str, Any]:
    """Propose the joint partition of a product to its providers and ask the first round.

    supplies: [{resource, agreement, node}], one per resource of the recipe. The same proposal again goes on.
    """
    current = recipe(tx, product=product)
    resources = [part["resource"] for part in current["recipe"]["parts"]]
    if problems := rules.supply_problems(resources, supplies):
        raise BAD_SUPPLIES(problems, product=product, count=len(problems))
    wanted = sorted(
        ({k: s[k] for k in ("resource", "agreement", "node")} for s in supplies), key=lambda s: s["resource"]
    )
    for earlier in store.standing_partitions(tx, product=product):
        if (earlier["recipe_digest"], earlier["supplies"]) == (current["digest"], wanted):
            return partition(tx, id=earlier["id"])
        if deidentify.periods_meet(earlier["recipe"], current["recipe"]):
            raise SECOND_PROPOSAL(product=product, earlier=earlier["id"])
    row = {
        "id": new_id("partition"), "product": product, "recipe": current["recipe"], "recipe_digest": current["digest"],
        "supplies": wanted, "state": PartitionState.asking.value, "level": 0, "groups_digest": "", "at": tx.now,
    }  # fmt: skip
    tx.add(store.partitions, row)
    evidence.append(tx, "compose.partition_proposed", store.partitions, row["id"], product=product,
                    recipe_digest=row["recipe_digest"])  # fmt: skip
    _ask(tx, row, [])
    return partition(tx, id=row["id"])


@verb(Role.product_manager, Role.data_engineer)
def cancel_partition(tx: Tx, *, id: str, reason: str) -> dict[str, Any]:
    """Cancel a partition that is not agreed yet and tell its providers; it blocks nothing afterwards."""
    row = tx.get(store.partitions, id)
    if row is None:
        raise UNKNOWN(thing="partition", id=id)
    if row["state"] == PartitionState.agreed:
        raise ALREADY_AGREED(partition=id, state=row["state"])
    if row["state"] != PartitionState.cancelled:
        tx.change(store.partitions, id, state=PartitionState.cancelled.value)
        evidence.append(tx, "compose.partition_cancelled", store.partitions, id, product=row["product"],
                        reason=reason)  # fmt: skip
        _tell_cancelled(tx, row)
    return partition(tx, id=id)


def _tell_cancelled(tx: Tx, row: dict[str, Any], level: int = 0) -> None:
    for supply in row["supplies"]:
        body = {"partition": row["id"], "resource": supply["resource"], "agreement": supply["agreement"]}
        key = _key("cancelled", row, supply, level)
        outbox.send(tx, to=supply["node"], type="compose.partition_cancelled", body=body, key=key)


def received_partition_hold(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """Take a provider's answer for the open round; when all have answered, pass what all hold and go on."""
    row = tx.get(store.partitions, str(body.get("partition"))[:80])
    if row is None:
        raise UNKNOWN(thing="partition", id=str(body.get("partition"))[:80])
    level, resource, nodes = _checked_hold(row, sender, body)
    if row["state"] == PartitionState.cancelled:
        _tell_cancelled(tx, row, level + 1)  # an ask may have overtaken the cancellation
        return
    known = store.holds_of(tx, row["id"], level)
    if resource in known:
        if known[resource] != nodes:
            raise OTHER_ANSWER(partition=row["id"], level=level)
        return
    if row["state"] != PartitionState.asking or level != row["level"]:
        raise OTHER_ANSWER(partition=row["id"], level=level)
    hold = {"id": new_id("hold"), "partition": row["id"], "level": level, "resource": resource, "nodes": nodes}
    tx.add(store.holds, hold)
    evidence.append(tx, "compose.nodes_told", store.holds, hold["id"], partition=row["id"], level=level,
                    resource=resource, nodes=len(nodes))  # fmt: skip
    held = store.holds_of(tx, row["id"], level)
    if not rules.waiting_on(row["supplies"], held):
        _pass(tx, row, level, rules.held_by_all(held.values()))


@view()
def partition(tx: Tx, *, id: str) -> dict[str, Any]:
    """A partition: its state, the open round, on whom it waits, groups passed per level."""
    row = tx.get(store.partitions, id)
    if row is None:
        raise UNKNOWN(thing="partition", id=id)
    asking = row["state"] == PartitionState.asking
    plan = deidentify.recipe_from(row["recipe"])
    passed = store.passed_of(tx, id)
    return {
        "id": id, "product": row["product"], "state": row["state"], "level": row["level"],
        "waiting_on": rules.waiting_on(row["supplies"], store.holds_of(tx, id, row["level"])) if asking else [],
        "levels": [{"label": plan.label(n), "groups": len(nodes)} for n, nodes in enumerate(passed)],
        "groups": sum(map(len, passed)), "supplies": row["supplies"], "recipe_digest": row["recipe_digest"],
        "groups_digest": row["groups_digest"], "at": row["at"],
    }  # fmt: skip


@view()
def partitions(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The partitions this node coordinates, oldest first.

    id: one alone. limit, offset: how many, after how many.
    """
    return [partition(tx, id=row["id"]) for row in store.all_partitions(tx, Window(id, limit, offset))]


def _ask(tx: Tx, row: dict[str, Any], passed: list[str]) -> None:
    """Ask every provider the open round, telling which nodes of the level before passed."""
    for supply in row["supplies"]:
        body = {
            "partition": row["id"], "product": row["product"], "level": row["level"], "recipe": row["recipe"],
            "recipe_digest": row["recipe_digest"], "resource": supply["resource"], "agreement": supply["agreement"],
            "passed": passed,
        }  # fmt: skip
        key = _key("ask", row, supply, row["level"])
        outbox.send(tx, to=supply["node"], type="compose.partition_ask", body=body, key=key)


def _pass(tx: Tx, row: dict[str, Any], level: int, passed: list[str]) -> None:
    """Close the round: keep what passed, then ask the next level or tell everybody what was agreed."""
    round_id = f"{row['id']}/{level}"
    tx.add(store.rounds, {"id": round_id, "partition": row["id"], "level": level, "passed": passed})
    evidence.append(tx, "compose.nodes_passed", store.rounds, round_id, level=level, nodes=len(passed))
    if level + 1 < len(deidentify.recipe_from(row["recipe"]).rounds):
        tx.change(store.partitions, row["id"], level=level + 1)
        evidence.append(tx, "compose.round_opened", store.partitions, row["id"], level=level + 1)
        _ask(tx, {**row, "level": level + 1}, passed)
        return
    everything = store.passed_of(tx, row["id"])
    digest = deidentify.groups_digest(row["recipe_digest"], everything)
    tx.change(store.partitions, row["id"], state=PartitionState.agreed.value, groups_digest=digest)
    evidence.append(tx, "compose.partition_agreed", store.partitions, row["id"], digest=digest,
                    groups=sum(map(len, everything)))  # fmt: skip
    for supply in row["supplies"]:
        body = {
            "partition": row["id"], "resource": supply["resource"], "agreement": supply["agreement"],
            "recipe_digest": row["recipe_digest"], "passed": passed, "digest": digest,
        }  # fmt: skip
        key = _key("agreed", row, supply, level)
        outbox.send(tx, to=supply["node"], type="compose.partition_agreed", body=body, key=key)


def _key(kind: str, row: dict[str, Any], supply: dict[str, str], level: int) -> str:
    number = row["supplies"].index(supply)
    return f"{kind}-{row['id']}-{number}-{level}"


def _checked_hold(row: dict[str, Any], sender: str, body: dict[str, Any]) -> tuple[int, str, list[str]]:
    """(level, resource, sorted nodes) of an answer whose every field is right; CMP-402 otherwise."""
    problems = []
    level, resource, nodes = body.get("level"), body.get("resource"), body.get("nodes")
    if not any(s["node"] == sender and s["resource"] == resource for s in row["supplies"]):
        problems.append(Problem("resource", "不由该节点供给", "is not supplied by this node"))
    plan = deidentify.recipe_from(row["recipe"])
    if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level < len(plan.rounds):
        problems.append(Problem("level", "没有这一级", "no such level"))
    if not isinstance(nodes, list) or len(nodes) > NODES_MAX or not all(isinstance(n, str) for n in nodes):
        problems.append(Problem("nodes", "应为节点编号的列表", "should be a list of node ids"))
    if not problems:
        try:
            strange = sum(deidentify.node_of(plan, node).level != level for node in nodes or [])
        except ValueError as wrong:
            strange = 1
            problems.append(Problem("nodes", "含有无效编号", f"one of them is {wrong}"))
        if strange or len(set(nodes or [])) < len(nodes or []):
            problems.append(Problem("nodes", "含有他级或重复的节点", "some are of another level or occur twice"))
    if problems:
        raise BAD_HOLD(problems, partition=row["id"], count=len(problems))
    assert isinstance(level, int) and isinstance(resource, str) and isinstance(nodes, list)
    return level, resource, sorted(nodes)
