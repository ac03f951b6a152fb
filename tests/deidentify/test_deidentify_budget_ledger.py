"""The ledger: never overspent, never refunded, one answer for one question; on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import delete, select, update

import postgresql
from budget_world import COUNT, ENGINEER, LEGAL, asked, built, cap, costing, paid, stands
from datong.deidentify import service as deidentify
from datong.deidentify.service import noise
from datong.deidentify.store import budget as kept
from datong.engine import service as engine
from datong.ground import evidence, jobs
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.refusal import Refusal

pytest.importorskip("opendp")
TESTS = Path(__file__).parents[1]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, node_folder: Path) -> str:
    return postgresql.fresh_database() if request.param == "postgresql" else sqlite_url(node_folder / "datong.db")


@pytest.fixture
def rides(url: str, node_folder: Path) -> Iterator[Store]:
    made = built(url, node_folder)
    yield made
    made.dispose()


@pytest.fixture
def here(node_folder: Path) -> Iterator[Store]:
    """The same on SQLite only, for what does not depend on the database."""
    made = built(sqlite_url(node_folder / "datong.db"), node_folder)
    yield made
    made.dispose()


def refused(code: str, call: Any, *arguments: Any, **named: Any) -> Refusal:
    with pytest.raises(Refusal) as told:
        call(*arguments, **named)
    assert told.value.code == code
    return told.value


def lines(store: Store) -> list[dict[str, Any]]:
    with store.read() as tx:
        return kept.lines_of(tx, "rides")


# --- the ledger under many hands ---------------------------------------------------------------------------------


def test_fifty_clients_at_once_never_overspend(rides: Store) -> None:
    """Each asks another question at 0.02 of a cap of 0.2: ten are answered, whoever they are, and none more."""
    cap(rides, "0.2")
    outcomes: list[str] = []
    start = threading.Barrier(50)

    def client(n: int) -> None:
        start.wait()
        try:
            paid(rides, costing("0.02", rows_per_unit=n + 1), f"lab-{n}")
            outcomes.append("paid")
        except Refusal as why:
            outcomes.append(why.code)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["DID-473"] * 40 + ["paid"] * 10
    row = stands(rides)
    assert (row["spent_rho"], row["left_rho"], row["answers"]) == ("0.2", "0", 10)
    assert [line["seq"] for line in lines(rides)] == list(range(1, 12))


def test_twenty_clients_with_one_question_pay_once_and_get_one_answer(rides: Store) -> None:
    cap(rides, "1")
    told: list[str] = []
    start = threading.Barrier(20)

    def client(n: int) -> None:
        start.wait()
        told.append(json.dumps(asked(rides, COUNT, f"lab-{n}")["rows"]))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 20
    assert len(set(told)) == 1
    assert stands(rides)["spent_rho"] == "0.01"


# --- death ------------------------------------------------------------------------------------------------------

BOTH = ("deidentify.after_commit", "deidentify_answer.before_commit")
CLIENT = """
import sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
import budget_world as world
from datong.deidentify import service as deidentify
store = world.opened(sys.argv[2], Path(sys.argv[3]))
done = world.paid(store, world.COUNT)
print(deidentify.draw(store, done["release"])["answer"]["rows"])
"""


@pytest.mark.parametrize(
    ("point", "spent"),
    [
        ("deidentify.before_commit", "0"),  # nothing was written, nothing was drawn
        ("deidentify.after_commit", "0.01"),
        ("deidentify.noise_drawn", "0.01"),
        ("deidentify_answer.before_commit", "0.01"),
        ("deidentify_answer.after_commit", "0.01"),
    ],
)
def test_a_process_killed_between_debit_and_answer_has_spent_and_answers_once(
    rides: Store, url: str, node_folder: Path, tmp_path: Path, point: str, spent: str
) -> None:
    if rides.engine.dialect.name == "postgresql" and point not in BOTH:
        pytest.skip("the other points on SQLite only")
    cap(rides, "1")
    environment = {**os.environ, "DATONG_CRASH": point, "DATONG_CRASH_LOG": str(tmp_path / "fired")}
    command = [sys.executable, "-c", CLIENT, str(TESTS), url, str(node_folder)]
    died = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert died.stdout == "", "nothing left the process before it died"
    assert stands(rides)["spent_rho"] == spent
    first = asked(rides, COUNT)
    assert stands(rides)["spent_rho"] == "0.01", "a debit that stands is not taken twice"
    assert asked(rides, COUNT)["rows"] == first["rows"]
    with rides.read() as tx:
        states = [row.state for row in tx.all(select(kept.noisy_releases.c.state))]
        acts = [row.act for row in tx.all(select(evidence.leaves.c.act))]
    assert states == ["answered"]
    assert acts.count("deidentify.budget_debited") == acts.count("deidentify.answered") == 1


def test_two_that_draw_the_same_answer_keep_one(here: Store) -> None:
    cap(here, "1")
    release = paid(here, COUNT)["release"]
    both = [deidentify.draw(here, release)["answer"] for _ in range(2)]
    assert both[0] == both[1]


def test_the_worker_of_a_node_draws_what_was_paid_for(here: Store) -> None:
    cap(here, "1")
    release = paid(here, COUNT)["release"]
    assert jobs.Worker(here, {deidentify.DRAW: deidentify.draw_job(here)}).run_due() == 1
    again = paid(here, COUNT, "lab-2")
    assert (again["release"], again["state"], again["free"], again["cost_rho"]) == (release, "answered", True, "0")
    assert len(again["answer"]["rows"]) == 2


# --- errors after the debit -------------------------------------------------------------------------------------


def test_an_error_after_the_debit_is_told_without_a_reason_and_refunds_nothing(
    here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cap(here, "0.015")
    release = paid(here, COUNT)["release"]

    def fails(*_: Any, **__: Any) -> Any:
        raise ValueError("贵A12345")

    monkeypatch.setattr(engine, "run", fails)
    told = refused("DID-477", deidentify.draw, here, release)
    assert "贵A12345" not in json.dumps(told.as_json(), ensure_ascii=False)
    monkeypatch.undo()
    assert stands(here)["spent_rho"] == "0.01"
    refused("DID-477", deidentify.draw, here, release)
    refused("DID-473", paid, here, COUNT)
    cap(here, "0.02")
    assert asked(here, COUNT)["release"] != release, "asking again is a new answer at a new cost"
    assert stands(here)["left_rho"] == "0"


def test_data_built_anew_since_the_debit_are_not_answered_for_the_old_price(here: Store, node_folder: Path) -> None:
    from datong.harmonise import service as harmonise

    cap(here, "1")
    release = paid(here, COUNT)["release"]
    with (node_folder / "rides.csv").open("a") as more:
        more.write("99999,r1,3.00,bike\n")
    with here.begin(ENGINEER, "harmonise") as tx:
        harmonise.build(tx, workspace=str(node_folder), mapping="rides", resource="rides")
    refused("DID-477", deidentify.draw, here, release)
    asked(here, COUNT)
    assert stands(here)["spent_rho"] == "0.02", "one ledger over all builds of a dataset"


# --- before the debit nothing is spent --------------------------------------------------------------------------


def test_bad_questions_cost_nothing_and_look_at_no_data(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cap(here, "1")
    seen: list[int] = []
    run = engine.run

    def watched(plan: Any, inputs: Any, *rest: Any, **named: Any) -> Any:
        given = inputs["harmonised"]
        seen.append(given.num_rows if isinstance(given, pa.Table) else 1)
        return run(plan, inputs, *rest, **named)

    monkeypatch.setattr(engine, "run", watched)
    big = {"column": "fare", "lower": 0, "upper": 9e14, "step": 1}
    for bad in (costing("0"), costing("-1"), costing("nan"), {**COUNT, "kind": "sum", "value": big}, {"kind": "count"}):
        refused("DID-470", paid, here, bad)
    refused("DID-470", paid, here, COUNT, "no id, a name")
    refused("DID-470", paid, here, {**COUNT, "by": [{"classes": {"column": "nowhere", "values": ["x"]}}]})
    refused("DID-473", paid, here, costing("1.000000001"))
    assert set(seen) <= {0}
    assert stands(here)["spent_rho"] == "0"
    paid(here, costing("1"))


def test_without_a_cap_nothing_is_answered(here: Store) -> None:
    refused("DID-472", paid, here, COUNT)
    assert lines(here) == []


def test_without_opendp_nothing_is_paid(here: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    cap(here, "1")
    monkeypatch.setattr(noise.importlib.util, "find_spec", lambda _name: None)
    told = refused("DID-476", paid, here, COUNT)
    assert "pip install 'datong[privacy]'" in str(told)
    assert stands(here)["spent_rho"] == "0"


# --- the cap ----------------------------------------------------------------------------------------------------


def test_a_cap_in_epsilon_and_delta(rides: Store) -> None:
    row = cap(rides, None, epsilon="1", delta="0.000001")  # type: ignore[arg-type]
    assert row["cap_epsilon"] == 1.0
    assert row["spent_epsilon"] == 0.0
    assert Decimal(row["cap_rho"]) > Decimal("0.02")
    asked(rides, COUNT)
    row = stands(rides)
    assert 0 < row["spent_epsilon"] < 1.0
    assert row["consumers"] == [
        {"consumer": "lab-1", "answers": 1, "spent_rho": "0.01", "spent_epsilon": row["spent_epsilon"]}
    ]


def test_a_cap_is_not_lowered_below_what_is_spent_and_can_stop_everything(rides: Store) -> None:
    cap(rides, "1")
    asked(rides, COUNT)
    assert "0.01" in str(refused("DID-474", cap, rides, "0.009"))
    cap(rides, "0.01")
    refused("DID-473", paid, rides, costing("0.000000001"))
    assert asked(rides, COUNT)["free"], "what was given stays free"


def test_a_cap_must_make_sense(here: Store) -> None:
    for bad in ("0", "-1", "nan", "inf", "1e9", "0.0000000001", "much"):
        refused("DID-471", cap, here, bad)
    refused("DID-471", cap, here, None)
    refused("DID-471", cap, here, None, epsilon="1")
    refused("DID-471", cap, here, "1", epsilon="1", delta="1e-6")
    refused("DID-471", cap, here, "1", delta="0.1")
    assert lines(here) == []


def test_who_may(here: Store) -> None:
    with pytest.raises(Refusal, match="GEN-403"), here.begin(ENGINEER, "deidentify") as tx:
        deidentify.set_budget(tx, resource="rides", unit="rider_id", rho="1")
    cap(here, "1")
    with pytest.raises(Refusal, match="GEN-403"), here.begin(LEGAL, "deidentify") as tx:
        deidentify.ask(tx, resource="rides", query=COUNT, consumer="lab-1")
    stranger = Actor(person="x", role="data_engineer", party="OTHER", roles=frozenset({"data_engineer", "legal"}))
    with pytest.raises(Refusal, match="DID-478"), here.begin(stranger, "deidentify") as tx:
        deidentify.ask(tx, resource="rides", query=COUNT, consumer="lab-1")
    with pytest.raises(Refusal, match="DID-478"), here.begin(stranger, "deidentify") as tx:
        deidentify.set_budget(tx, resource="rides", unit="rider_id", rho="9")


def test_the_unit_stays_once_something_was_told_of_it(here: Store) -> None:
    def of(unit: str) -> None:
        with here.begin(LEGAL, "deidentify") as tx:
            deidentify.set_budget(tx, resource="rides", unit=unit, rho="1")

    refused("DID-471", of, "nobody")
    refused("DID-471", of, "ride_id")  # protects a ride and nobody who rides
    of("payer_id")
    of("rider_id")
    asked(here, COUNT)
    refused("DID-475", of, "payer_id")


# --- what the ledger proves -------------------------------------------------------------------------------------


def test_a_ledger_that_was_tampered_with_answers_nothing_more(here: Store) -> None:
    cap(here, "1")
    asked(here, COUNT)
    asked(here, costing("0.1"))
    with here.begin(ENGINEER) as tx:
        tx.execute(update(kept.ledger).where(kept.ledger.c.seq == 2).values(nanorho=0))
    refused("DID-479", paid, here, costing("0.2"))


def test_a_ledger_that_lost_its_end_answers_nothing_more(here: Store) -> None:
    """What is left of it adds up; the answers that it paid for are there."""
    cap(here, "1")
    asked(here, COUNT)
    asked(here, costing("0.1"))
    with here.begin(ENGINEER) as tx:
        tx.execute(delete(kept.ledger).where(kept.ledger.c.seq == 3))
    refused("DID-479", paid, here, costing("0.2"))


def test_every_step_has_its_leaf_and_rows_still_match_it(rides: Store) -> None:
    cap(rides, "1")
    asked(rides, COUNT)
    asked(rides, COUNT, "lab-2")
    cap(rides, "2")
    with rides.read() as tx:
        tables = {table.name: table for table in (kept.budgets, kept.ledger, kept.noisy_releases)}
        leaves = tx.all(select(evidence.leaves).where(evidence.leaves.c.table_name.in_(tables)))
        acts = [leaf.act.removeprefix("deidentify.") for leaf in leaves]
        last = {(leaf.table_name, leaf.record_id): leaf.record_digest for leaf in leaves}
        for (name, key), told in last.items():
            row = tx.get(tables[name], key)
            assert row is not None
            assert evidence.row_digest(tx, tables[name], row) == told
    assert sorted(acts) == ["answer_given_again", "answered", "budget_debited", "budget_set", "budget_set"]
    facts = [json.loads(leaf.body)["facts"] for leaf in leaves if leaf.act == "deidentify.budget_debited"]
    assert facts[0]["rho"] == "0.01"
    assert facts[0]["spent_rho"] == "0.01"


def test_what_may_be_handed_on_names_no_other_consumer_and_no_time(here: Store) -> None:
    cap(here, "1")
    asked(here, COUNT, "lab-secret")
    told = json.dumps(asked(here, COUNT, "lab-2"))
    assert "lab-secret" not in told
    assert "2026-" not in told
    assert not {"at", "by", "spent"} & set(json.loads(told))
