"""Coordinating a partition: rounds to the end, repetition, silence, hostile answers, second proposals."""

from __future__ import annotations

from typing import Any

import pytest
from compose_world import GROUP, PARTIES, PRODUCT, Three
from deidentify_world import actor, recipe_value
from sqlalchemy import func, select

from datong.compose import service as compose
from datong.compose import store as tables
from datong.deidentify import service as deidentify
from datong.ground import evidence, jobs
from datong.ground.refusal import Refusal


def test_a_partition_is_agreed_by_all(three: Three) -> None:
    found = three.agreed()
    assert found["state"] == "agreed" and found["waiting_on"] == []
    assert found["groups"] > 5 and len(found["levels"]) == 5
    for resource, node in three.providers.items():
        with node.read() as tx:
            part = deidentify.partition_part(tx, agreement=f"agr-{resource}")
        assert (part["state"], part["groups_digest"]) == ("agreed", found["groups_digest"])


def test_it_says_on_whom_it_waits_and_goes_on(three: Three) -> None:
    three.define()
    three.propose()
    three.silent = {"R-GATE"}
    three.carry()
    found = three.partition()
    assert (found["state"], found["level"]) == ("asking", 0)
    assert [w["resource"] for w in found["waiting_on"]] == ["R-GATE"]
    three.silent = set()
    three.carry()
    assert three.partition()["state"] == "agreed"


def test_every_message_twice_changes_nothing(three: Three) -> None:
    three.define()
    first = three.propose()
    for _ in range(30):
        messages = three.waiting()
        if not messages:
            break
        for message in messages:
            three.carried.add(message["id"])
            for _ in range(2):
                answer = three.provider_gets(message)
                if answer is not None:
                    three.group_gets(message["body"]["resource"], answer)
                    three.group_gets(message["body"]["resource"], answer)
    assert three.partition()["state"] == "agreed"
    assert three.propose()["id"] == first["id"]
    with three.group.read() as tx:
        sent = tx.execute(select(func.count()).select_from(jobs.jobs)).scalar_one()
        holds = tx.execute(select(func.count()).select_from(tables.holds)).scalar_one()
    assert sent == 2 * 5 + 2  # five rounds and the agreement, to two providers
    assert holds == 2 * 5


def test_every_change_has_its_leaf(three: Three) -> None:
    three.agreed()
    with three.group.read() as tx:
        latest: dict[tuple[str, str], str] = {}
        for leaf in tx.all(select(evidence.leaves).order_by(evidence.leaves.c.seq)):
            latest[leaf.table_name, leaf.record_id] = leaf.record_digest
        for table in (tables.partitions, tables.holds, tables.rounds, tables.recipes):
            for row in tx.all(select(table)):
                assert latest[table.name, row.id] == evidence.row_digest(tx, table, dict(row._mapping))


def test_a_second_partition_of_the_period_is_not_proposed(three: Three) -> None:
    three.define()
    three.propose()
    three.define(recipe_value(k=6))
    with pytest.raises(Refusal) as refusal:
        three.propose()
    assert refusal.value.code == "CMP-409"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda s: s[:1], "R-GATE"),
        (lambda s: [*s, {**s[0], "agreement": "x"}], "R-BIKE"),
        (lambda s: [{**s[0], "resource": "R-X"}, s[1]], "R-X"),
        (lambda s: [{**s[0], "node": ""}, s[1]], "supplies[0].node"),
        (lambda s: [s[0], {**s[1], "agreement": s[0]["agreement"]}], "supplies"),
        (lambda s: ["R-BIKE"], "supplies"),
    ],
)
def test_supplies_must_fit_the_recipe(three: Three, change: Any, where: str) -> None:
    three.define()
    with pytest.raises(Refusal) as refusal:
        three.propose(change(three.supplies))
    assert refusal.value.code == "CMP-401"
    assert where in {p.where for p in refusal.value.problems}


def test_only_a_product_manager_or_engineer_proposes(three: Three) -> None:
    three.define()
    with pytest.raises(Refusal) as refusal, three.group.begin(actor("analyst", GROUP)) as tx:
        compose.propose_partition(tx, product=PRODUCT, supplies=three.supplies)
    assert refusal.value.code == "GEN-403"


def test_hostile_answers_are_refused(three: Three) -> None:
    three.define()
    partition = three.propose()["id"]
    right = {"partition": partition, "resource": "R-BIKE", "level": 0, "nodes": ["0:1,1:2019-09-01T05"]}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"partition": "partition-9"}, "CMP-404"),
        ({"resource": "R-GATE"}, "CMP-402"),  # not this node's
        ({"level": 7}, "CMP-402"),
        ({"level": True}, "CMP-402"),
        ({"level": 1}, "CMP-402"),  # nodes of another level
        ({"level": 1, "nodes": []}, "CMP-410"),  # a round that is not open
        ({"nodes": "all"}, "CMP-402"),
        ({"nodes": ["0:1,1:2019-09-01T05", "0:1,1:2019-09-01T05"]}, "CMP-402"),
        ({"nodes": ["'; DROP TABLE x; --"]}, "CMP-402"),
        ({"nodes": [None]}, "CMP-402"),
    ]
    for items, code in cases:
        with pytest.raises(Refusal) as refusal:
            three.group_gets("R-BIKE", {**right, **items})
        assert refusal.value.code == code, items
    three.group_gets("R-BIKE", right)
    three.group_gets("R-BIKE", right)
    with pytest.raises(Refusal) as refusal:
        three.group_gets("R-BIKE", {**right, "nodes": []})  # a provider that changes its mind
    assert refusal.value.code == "CMP-410"
    assert [w["node"] for w in three.partition()["waiting_on"]] == [f"N-{PARTIES['R-GATE']}"]


def cancel(three: Three, partition: str) -> dict[str, Any]:
    with three.group.begin(actor("product_manager", GROUP), "compose") as tx:
        return compose.cancel_partition(tx, id=partition, reason="a provider fell silent")


def test_a_partition_that_is_not_agreed_can_be_cancelled_and_proposed_anew(three: Three) -> None:
    three.define()
    first = three.propose()
    three.silent = {"R-GATE"}
    three.carry()
    assert cancel(three, first["id"])["state"] == "cancelled"
    cancel(three, first["id"])
    told = [m for m in three.waiting() if m["type"] == "compose.partition_cancelled"]
    assert sorted(m["body"]["resource"] for m in told) == sorted(PARTIES), "each provider is told once"
    three.silent = set()
    three.carry()
    assert three.partition()["state"] == "cancelled", "late answers move nothing"
    second = three.propose()
    assert second["id"] != first["id"]
    three.carry()
    with three.group.read(actor("product_manager", GROUP)) as tx:
        states = {row["id"]: row["state"] for row in compose.partitions(tx)}
        assert states == {first["id"]: "cancelled", second["id"]: "agreed"}
        assert compose.is_supply(tx, "agr-R-BIKE")


def test_an_agreed_partition_is_not_cancelled(three: Three) -> None:
    found = three.agreed()
    with pytest.raises(Refusal) as refusal:
        cancel(three, found["id"])
    assert refusal.value.code == "CMP-413"
    assert three.partition()["state"] == "agreed"


def test_a_second_proposal_is_compared_by_instants(three: Three) -> None:
    three.define()
    three.propose()
    three.define(recipe_value(zone="Asia/Shanghai", period={"from": "2019-09-04", "until": "2019-09-05"}))
    with pytest.raises(Refusal) as refusal:
        three.propose()
    assert refusal.value.code == "CMP-409"
