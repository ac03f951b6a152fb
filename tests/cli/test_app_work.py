"""What a node does by itself while it runs: terms that end, whatever else fails, and what is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

import datong.app
from datong.app import work
from datong.authorise import store as authorise_rows
from datong.deliver import store as deliver_rows
from datong.ground import clock, crash, evidence, jobs, overtaken, signing, workdays
from datong.ground.config import load
from datong.ground.db import NODE, Actor, Store, Tx, business_clock
from datong.ground.overtaken import Ends
from datong.ground.refusal import Refusal
from datong.negotiate import store as negotiate_rows
from datong.register import service as register
from datong.register import store as register_rows
from datong.terms.roles import Role

PARTY = "91520100MAXDT0015L"
OPERATOR = Actor("p-0", Role.operator)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[datong.app.Node]:
    """A node that runs without its web, as `datong serve` starts it."""
    datong.app.init(tmp_path / "n", name="N", party=PARTY, port=65000, region="5201", kind="regional")
    made = datong.app.open_node(load(tmp_path / "n"))
    yield made
    made.stop()


def instrument(store: Store, key: str, until: str) -> None:
    """A legal basis in force of this node's party until then."""
    with store.begin(NODE, "test") as tx:
        party = signing.me(tx).party
        tx.add(
            authorise_rows.instruments,
            {
                "id": key, "kind": "legal_basis", "state": "IN_FORCE", "title": "basis", "grantor_party": party,
                "grantee_party": "", "grantee_node": "", "resources": [], "purposes": [], "acts": [],
                "from_at": "2020-01-01T00:00:00Z", "until_at": until, "items": {}, "parents": [], "copies_to": [],
                "value": {"signatures": []}, "digest": "", "serial": 1, "drafted_by": "p-0", "drafter_let_in_by": "",
                "changed_at": until,
            },
        )  # fmt: skip


def state(store: Store, key: str) -> Any:
    with store.read() as tx:
        row = tx.get(authorise_rows.instruments, key)
    assert row is not None
    return row["state"]


def comes(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + 10
    while not true() and time.monotonic() < until:
        time.sleep(0.05)
    return true()


def test_a_term_that_ended_while_the_node_was_down_is_over_when_it_has_started(node: datong.app.Node) -> None:
    instrument(node.store, "past", "2021-01-01T00:00:00Z")
    instrument(node.store, "open", "2900-01-01T00:00:00Z")
    node.start()
    assert comes(lambda: state(node.store, "past") == "EXPIRED")
    assert state(node.store, "open") == "IN_FORCE"


def test_a_term_that_ends_while_the_node_runs_is_over_within_the_hour(
    node: datong.app.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LOOK_SECONDS", 0.05)
    seen: list[str] = []
    monkeypatch.setattr(work, "DUE", (Ends("seen", lambda tx, _id: seen.append(tx.wall) or [], never, never),))
    wall = node.store.wall_clock
    node.start()
    assert comes(lambda: len(seen) == 1)
    time.sleep(0.3)
    assert len(seen) == 1, "once an hour"
    for hours in (1, 24 * 13, 0):  # forwards, far forwards, and back again, as a clock that was wrong is put right
        node.store.wall_clock = lambda hours=hours: wall() + HOUR * hours
        before = len(seen)
        assert comes(lambda before=before: len(seen) == before + 1), hours


def never(*_: Any) -> bool:
    raise AssertionError("nothing is there")


def told(node: datong.app.Node) -> tuple[str, ...]:
    """The codes of what the overview warns of."""
    with node.store.read() as tx:
        return tuple(one.code for one in (overtaken.far_ahead(tx), overtaken.unended(tx)) if one is not None)


def test_a_clock_far_ahead_ends_nothing_until_it_is_put_right(
    node: datong.app.Node, caplog: pytest.LogCaptureFixture
) -> None:
    wall = node.store.wall_clock
    instrument(node.store, "soon", clock.text(wall() + 10 * DAY))
    with node.store.begin(NODE, "test") as tx:
        old = jobs.enqueue(tx, "k", {})
    jobs.Worker(node.store, {"k": lambda _job: None}).run_due()
    assert node.hourly.look()
    node.store.wall_clock = lambda: wall() + 400 * DAY
    for _ in range(2):
        assert not node.hourly.look()
    assert state(node.store, "soon") == "IN_FORCE"
    with node.store.read() as tx:
        assert tx.get(jobs.jobs, old) is not None, "what is done is not forgotten by such a clock either"
    assert told(node) == ("CLK-404",)
    assert caplog.text.count("CLK-404") == 1, "once an hour, though it is looked every minute"
    node.store.wall_clock = lambda: wall() + HOUR
    assert node.hourly.look()
    assert (state(node.store, "soon"), told(node)) == ("IN_FORCE", ())
    node.store.wall_clock = lambda: wall() + 12 * DAY  # a node that was shut over a holiday
    assert node.hourly.look()
    assert (state(node.store, "soon"), told(node)) == ("EXPIRED", ())


def test_a_clock_far_ahead_when_the_node_is_opened_is_held_against_what_was_seen_before(tmp_path: Path) -> None:
    """Of a store that no clock was kept in, that is its newest checkpoint."""
    datong.app.init(tmp_path / "n", name="N", party=PARTY, port=65000, region="5201", kind="regional")
    first = datong.app.open_node(load(tmp_path / "n"))
    wall = first.store.wall_clock
    instrument(first.store, "soon", clock.text(wall() + 10 * DAY))
    with first.store.begin(NODE, "test") as tx:
        evidence.append(tx, "test.drafted", authorise_rows.instruments, "soon")
    while first.sequencer.run_once():
        pass
    with first.store.begin(NODE, "test") as tx:
        tx.execute(overtaken.marks.delete())
        first.store.wall_clock = lambda: wall() + 400 * DAY
    overtaken.watch(first.store, 14)
    assert not first.hourly.look()
    assert state(first.store, "soon") == "IN_FORCE"
    overtaken.watch(first.store, 14)  # started once more by the same clock
    assert not first.hourly.look()
    overtaken.watch(first.store, 500)  # as a node that stands still for a year at a time is set
    assert first.hourly.look()
    assert state(first.store, "soon") == "EXPIRED"
    first.stop()


def test_a_node_that_did_stand_still_goes_on_when_its_operator_says_what_day_it_is(node: datong.app.Node) -> None:
    wall = node.store.wall_clock
    instrument(node.store, "soon", clock.text(wall() + 10 * DAY))
    node.store.wall_clock = lambda: wall() + 400 * DAY
    assert not node.hourly.look()
    for day in (wall(), wall() + 399 * DAY):
        with pytest.raises(Refusal) as refused, node.store.begin(OPERATOR, "test") as tx:
            register.confirm_clock(tx, today=workdays.china_date(day).isoformat())
        assert refused.value.code == "CLK-405"
    with pytest.raises(Refusal) as refused, node.store.begin(Actor("p-1", Role.registrar), "test") as tx:
        register.confirm_clock(tx, today=workdays.china_date(wall() + 400 * DAY).isoformat())
    assert refused.value.code == "GEN-403"
    assert not node.hourly.look()
    assert state(node.store, "soon") == "IN_FORCE"
    with node.store.begin(OPERATOR, "test") as tx:
        register.confirm_clock(tx, today=workdays.china_date(tx.wall_now).isoformat())
    assert node.hourly.look()
    assert (state(node.store, "soon"), told(node)) == ("EXPIRED", ())
    with node.store.read() as tx:
        (said,) = [leaf.body for leaf in tx.all(evidence.leaves.select()) if b"clock_confirmed" in leaf.body]
    assert b'"person":"p-0"' in said


def test_a_clock_set_back_ends_nothing_early_and_is_not_far_ahead_when_it_is_right_again(node: datong.app.Node) -> None:
    wall = node.store.wall_clock
    instrument(node.store, "soon", clock.text(wall() + 10 * DAY))
    assert node.hourly.look()
    node.store.wall_clock = lambda: datetime(1970, 1, 1, 0, 5, tzinfo=UTC)  # the battery of its clock is empty
    assert node.hourly.look()
    assert state(node.store, "soon") == "IN_FORCE"
    node.store.wall_clock = lambda: wall() + 11 * DAY
    assert node.hourly.look()
    assert (state(node.store, "soon"), told(node)) == ("EXPIRED", ())


def test_a_business_time_that_is_told_decides_alone(node: datong.app.Node) -> None:
    wall = node.store.wall_clock
    instrument(node.store, "soon", clock.text(wall() + 10 * DAY))
    with node.store.begin(NODE, "test") as tx:
        tx.add(business_clock, {"id": "now", "at": tx.wall, "seq": 1})
    node.store.wall_clock = lambda: wall() + 400 * DAY
    assert node.hourly.look()
    assert (state(node.store, "soon"), told(node)) == ("IN_FORCE", ())


PAST = "2021-01-01T00:00:00Z"
SPRING = "2026-03-02T01:00:00Z"
RAW = "not an instant"


def row(of: Table, **given: Any) -> dict[str, Any]:
    """A row of `of` with nothing in what is not given."""
    empty = {"String": "", "Text": "", "Integer": 0, "BigInteger": 0, "Boolean": False}
    return {
        column.name: given.get(column.name, None if column.nullable else empty.get(type(column.type).__name__, {}))
        for column in of.columns
    }


def case(tx: Tx, key: str, since: str) -> None:
    filed = {"side": "registry", "applicant_node": signing.me(tx).code, "registrants": [], "state": "SUBMITTED"}
    tx.add(register_rows.cases, row(register_rows.cases, id=key, since=since, history=[], **filed))


def contract(tx: Tx, key: str, until: str | None) -> None:
    me = signing.me(tx).code
    of = {"provider": me, "consumer": me, "state": "FINALIZED", "from": PAST, "agreed_at": PAST, "code": key}
    tx.add(negotiate_rows.agreements, row(negotiate_rows.agreements, id=key, until=until, **of))


def negotiation(tx: Tx, key: str, offer: dict[str, Any] | None) -> None:
    mine = {"side": "consumer", "state": "REQUESTED", "deadline": PAST, "started_at": PAST, "changed_at": PAST}
    tx.add(negotiate_rows.negotiations, row(negotiate_rows.negotiations, id=key, peer="n", offer=offer, **mine))


def delivery(tx: Tx, key: str, expires: str) -> None:
    contract(tx, key, None)
    grant = {"agreement": key, "issued_at": PAST, "state": "active", "key_id": key, "token_hash": key}
    tx.add(deliver_rows.grants, row(deliver_rows.grants, id=f"g-{key}", expires=expires, **grant))


def of_room(kind: str) -> tuple[Callable[[Tx, str], None], Table, str, dict[str, Any], dict[str, Any]]:
    """How a thing of a kind that is over is made; its table and what is called so; what poisons it, and mends it."""
    return {
        "register.case": (lambda tx, key: case(tx, key, SPRING), register_rows.cases, "", {"since": RAW}, {"since": SPRING}),
        "negotiate.contract": (
            lambda tx, key: contract(tx, key, PAST), negotiate_rows.agreements, "", {"until": RAW}, {"until": PAST},
        ),
        "negotiate.negotiation": (
            lambda tx, key: negotiation(tx, key, {}), negotiate_rows.negotiations, "", {"state": "AGREED",
            "side": "nobody"}, {"side": "consumer"},
        ),
        "deliver.delivery": (
            lambda tx, key: delivery(tx, key, PAST), deliver_rows.grants, "g-", {"agreement": "gone"},
            {"agreement": "a"},
        ),
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", [kind.what for kind in work.DUE if kind.what != "authorise.instrument"])
def test_one_thing_that_cannot_be_ended_holds_up_none_of_its_room(node: datong.app.Node, kind: str) -> None:
    make, of, prefix, poison, cure = of_room(kind)
    with node.store.begin(NODE, "test") as tx:
        for key in "abc":
            make(tx, key)
        tx.change(of, f"{prefix}a", **poison)
        before = {key: tx.get(of, prefix + key) for key in "abc"}
    for _ in range(2):
        assert node.hourly.look()
        with node.store.read() as tx:
            ended = {key for key in "abc" if tx.get(of, prefix + key) != before[key]}
        assert ended == {"b", "c"}
        with node.store.read() as tx:
            refusal = overtaken.unended(tx)
        assert refusal is not None
        assert (refusal.facts["count"], len(refusal.problems)) == (1, 1)
        assert refusal.problems[0].where in (f"{kind} a", f"{kind} gone")
    with node.store.begin(NODE, "test") as tx:
        tx.change(of, f"{prefix}a", **cure)
    assert node.hourly.look()
    with node.store.read() as tx:
        assert tx.get(of, f"{prefix}a") != {**(before["a"] or {}), **cure}
    assert told(node) == ()


def test_one_instrument_that_cannot_expire_holds_up_no_other(node: datong.app.Node) -> None:
    for key, until in (("a", RAW), ("b", PAST), ("c", PAST)):
        instrument(node.store, key, until)
    assert node.hourly.look()
    assert [state(node.store, key) for key in "abc"] == ["IN_FORCE", "EXPIRED", "EXPIRED"]
    assert told(node) == ("CLK-406",)
    with node.store.begin(NODE, "test") as tx:
        tx.change(authorise_rows.instruments, "a", until_at=PAST)
    assert node.hourly.look()
    assert (state(node.store, "a"), told(node)) == ("EXPIRED", ())


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_node_that_dies_between_two_ends_goes_on_with_the_rest_and_ends_nothing_twice(
    node: datong.app.Node, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    for key in "abc":
        instrument(node.store, key, PAST)
    commits: list[str] = []

    def dies(point: str) -> None:
        commits.append(point)
        if commits.count(f"start.{side}_commit") == 3:  # the clock is believed, the first ends, the second
            raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(crash, "point", dies)
        with pytest.raises(SystemExit):
            node.hourly.look()
    assert [state(node.store, key) for key in "abc"].count("EXPIRED") == (1 if side == "before" else 2)
    assert node.hourly.look()
    assert [state(node.store, key) for key in "abc"] == ["EXPIRED"] * 3
    with node.store.read() as tx:
        assert sum(b"authorise.expired" in leaf.body for leaf in tx.all(evidence.leaves.select())) == 3


def test_a_kind_that_cannot_be_looked_through_holds_up_no_other(
    node: datong.app.Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def torn(*_: Any) -> Any:
        raise ValueError("a table that nobody foresaw")

    monkeypatch.setattr(work, "DUE", (Ends("torn", torn, never, never), *work.DUE))
    instrument(node.store, "past", PAST)
    node.start()
    assert comes(lambda: state(node.store, "past") == "EXPIRED")
    assert "a table that nobody foresaw" in caplog.text


def test_what_was_done_long_ago_is_forgotten(node: datong.app.Node) -> None:
    wall, done = node.store.wall_clock, []
    node.store.wall_clock = lambda: wall() - (jobs.KEPT_DAYS + 1) * DAY
    with node.store.begin(NODE, "test") as tx:
        old = jobs.enqueue(tx, "k", {})
    jobs.Worker(node.store, {"k": done.append}).run_due()
    node.store.wall_clock = wall
    with node.store.begin(NODE, "test") as tx:
        new = jobs.enqueue(tx, "k", {})
    jobs.Worker(node.store, {"k": done.append}).run_due()
    assert len(done) == 2
    node.start()

    def there(key: str) -> bool:
        with node.store.read() as tx:
            return tx.get(jobs.jobs, key) is not None

    assert comes(lambda: not there(old))
    assert there(new)
