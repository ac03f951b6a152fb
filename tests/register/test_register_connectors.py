"""Connectors at their function node: a heart that is heard, reports, leaving, and what codes stand for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from register_country import NAMES, Country, changed_past_the_log
from sqlalchemy import select

from datong.ground.db import NODE
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal
from datong.register import service as register

BUREAU, BIKES, TRAFFIC = "data-bureau", "bike-company", "traffic-bureau"


@pytest.fixture
def joined(country: Country) -> Country:
    country.join(BIKES, TRAFFIC)
    return country


def beat(country: Country, node: str) -> None:
    with country.stores[BUREAU].begin(NODE, "register") as tx:
        register.mark_overdue(tx)
        register.heard_beat(tx, node=country.code(node))


def states(country: Country) -> dict[str, str]:
    return {row["node"]: row["state"] for row in country.view(BUREAU, register.connectors)}


def test_a_node_that_is_not_heard_counts_as_stopped_and_runs_again_when_it_is(joined: Country) -> None:
    store = joined.stores[BUREAU]
    now = store.wall_clock()
    store.wall_clock = lambda: now
    beat(joined, BIKES)
    beat(joined, TRAFFIC)
    assert set(states(joined).values()) == {"running"}
    store.wall_clock = lambda: now + timedelta(seconds=10)
    beat(joined, BIKES)
    store.wall_clock = lambda: now + timedelta(seconds=16)
    assert states(joined) == {joined.code(BIKES): "running", joined.code(TRAFFIC): "stopped"}
    beat(joined, BIKES)
    assert states(joined)[joined.code(TRAFFIC)] == "stopped"
    beat(joined, TRAFFIC)
    assert set(states(joined).values()) == {"running"}
    with store.read() as tx:
        beats = select(leaves.c.act).where(leaves.c.table_name == "register_connector_state")
        acts = [act for (act,) in tx.all(beats.order_by(leaves.c.seq))]
    assert acts == [
        "register.connector_running", "register.connector_running", "register.connector_stopped",
        "register.connector_running",
    ]  # fmt: skip
    assert changed_past_the_log(joined, BUREAU) == [], "a beat is no change of what the log speaks of"


def test_nobody_listens_for_the_heart_of_a_connector_that_left(joined: Country) -> None:
    store = joined.stores[BUREAU]
    now = store.wall_clock()
    store.wall_clock = lambda: now
    beat(joined, BIKES)
    beat(joined, TRAFFIC)
    joined.as_(BUREAU, "registrar", register.revoke_node, code=joined.code(BIKES), reason="注销")
    store.wall_clock = lambda: now + timedelta(seconds=16)
    with store.begin(NODE, "register") as tx:
        assert register.mark_overdue(tx) == [joined.code(TRAFFIC)]
    assert states(joined) == {joined.code(BIKES): "left", joined.code(TRAFFIC): "stopped"}


def test_running_state_log_summary_and_leaving_are_reported(joined: Country) -> None:
    at = joined.code(BUREAU)
    sent = joined.as_(BIKES, "operator", register.report_running, function_node=at, note="夜间维护")
    joined.as_(BIKES, "operator", register.apply_to_leave, function_node=at, reason="停止服务")
    joined.post()
    running, leave = joined.as_(BUREAU, "registrar", register.connector_reports)
    assert {running["kind"], leave["kind"]} == {"running", "leave"}
    running = running if running["kind"] == "running" else leave
    assert running["body"]["note"] == "夜间维护"
    assert running["body"]["log"]["leaves"] == sum(sent["log"]["acts"].values()) > 0


@pytest.mark.parametrize(
    "body",
    [
        {}, {"kind": "boast"}, {"kind": "log", "text": "x" * 30_000}, {"kind": "running", "note": 7},
        {"kind": "running", "open_jobs": True}, {"kind": "running", "log": {"leaves": "9", "acts": {}}},
        {"kind": "running", "log": {"acts": {"register.code_received": [None]}}}, {"kind": "leave", "reason": {}},
        {"kind": "running", "spaces": [{"space": "space-1", "members": "2"}]}, {"kind": "running", "spaces": ["x"]},
    ],
)  # fmt: skip
def test_reports_of_another_form_are_refused(joined: Country, body) -> None:
    with pytest.raises(Refusal) as caught:
        joined.deliver(BIKES, "register.connector_report", body, BUREAU)
    assert caught.value.code == "IDN-454"
    with pytest.raises(Refusal) as caught:
        joined.deliver(BIKES, "register.connector_report", {"kind": "log"}, TRAFFIC)
    assert caught.value.code.startswith("IDN-")


def test_a_code_is_resolved_where_it_is_known_or_the_node_above_is_named(joined: Country) -> None:
    code = joined.code(BIKES)
    found = joined.view(BUREAU, register.resolve, code=code)
    assert (found["address"], found["kind"], found["party"]) == (f"http://{BIKES}.test", "connector", NAMES[BIKES])
    with pytest.raises(Refusal) as caught:
        joined.view(TRAFFIC, register.resolve, code=code)
    assert caught.value.code == "IDN-453"
    assert joined.code(BUREAU) in caught.value.as_json()["why"]["en"]
