"""Privacy budgets: the cap an owner sets, what is spent of it over all consumers, noisy answers debited before a draw.

Two transactions make an answer. The first, the edge's, holds the budget, writes the debit with its evidence leaf, the
answer that is owed, and the job that draws it. The second (`draw`) keeps the figures, once. Between the two the debit
stands, whatever happens; a drawn figure leaves this process only after its commit, so an interrupted draw is drawn
again and was seen by nobody. The same question over the same data is answered from what was kept, whoever asks.
Must never know: who buys; a consumer is an opaque id.
Contract: tests/deidentify/test_deidentify_budget_ledger.py, test_deidentify_budget_attacks.py, tests/faults.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datong.deidentify.model.budget import NANO, Kind, Line, Query, ReleaseState, Windows
from datong.deidentify.model.budget_refusals import (
    BAD_BUDGET,
    BAD_QUERY,
    BELOW_SPENT,
    LEDGER_BROKEN,
    NO_BUDGET,
    NOT_THE_OWNER,
    OTHER_LEDGER,
    OTHER_UNIT,
    OVER_BUDGET,
    SPENT_WITHOUT_ANSWER,
    UNIT_NAMES_NOBODY,
    UNKNOWN_RELEASE,
)
from datong.deidentify.rules.budget import answers, zcdp
from datong.deidentify.rules.budget.plan import classes_of, plan_of
from datong.deidentify.rules.budget.reading import cap_of, query_of
from datong.deidentify.rules.budget.sensitivity import parts, per_row
from datong.deidentify.service import leaving, noise
from datong.deidentify.service.assessments import assessment_for
from datong.deidentify.service.classification import confirmed
from datong.deidentify.store import budget as store
from datong.engine import service as engine
from datong.ground import crash, evidence, jobs, signing
from datong.ground.canonical import digest
from datong.ground.db import NODE, Store, Tx, Window, new_id
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

log = logging.getLogger("datong.deidentify")

DRAW = "deidentify.draw"
"""Kind of the job that draws an answer that was paid for."""
CONSUMER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/*-]{0,79}")
ROWS_SHOWN = 500
MECHANISM = "zcdp-1"
"""Version of bounds, noise and forms; another one answers anew, at a cost."""


@verb(Role.legal)
def set_budget(
    tx: Tx,
    *,
    resource: str,
    unit: str,
    rho: str | None = None,
    epsilon: str | None = None,
    delta: str | None = None,
) -> dict[str, Any]:
    """Set the cap on what noisy answers about a dataset may disclose of one unit, to all consumers together.

    unit: the column that names the person (or vehicle) to protect, personal by the standard and, once people have
    classified the data, a direct identifier: a unit of rides would protect a ride and nobody's life. The cap is rho, or
    epsilon with delta, converted once and rounded down; with rho, delta is for display (1e-6).
    Refuses: DID-471, DID-474, DID-475, DID-478, DID-496.
    """
    _require_owner(tx)
    cap, exact_delta, found = cap_of({"rho": rho, "epsilon": epsilon, "delta": delta})
    if not harmonise.is_built(tx, resource):
        found.say("resource", "本节点没有它的构建", "this node has no build of it")
    elif unit not in (columns := _columns(harmonise.current(tx, resource))):
        found.say("unit", "数据中没有这一列", f"the data have no such column; they have {', '.join(columns)[:600]}")
    elif unit not in (persons := _persons(harmonise.current(tx, resource))):
        zh, en = ("、".join(persons), ", ".join(persons)) if persons else ("无", "none")
        found.say(
            "unit",
            f"标准未将该列标为个人信息；已标的有：{zh[:600]}",
            f"the standard does not say that it names a person (classification: personal); those that do: {en[:600]}",
        )
    elif not _names_somebody(tx, resource, unit):
        found.say("unit", "数据的分级说它不是直接标识符：它不指称任何人",
                  "the classification of the data says that it is no direct identifier: it names nobody")  # fmt: skip
    if found.problems:
        raise BAD_BUDGET(found.problems, dataset=resource[:80], count=len(found.problems))
    before, others = _held(tx, resource)
    lines = ledger_of(tx, resource)
    _require_one_ledger(tx, resource, lines, others)
    spent = _spent(lines)
    if before is not None and spent and before["unit"] != unit:
        raise OTHER_UNIT(dataset=resource, unit=before["unit"], asked=unit)
    if cap < spent:
        raise BELOW_SPENT(dataset=resource, spent=zcdp.rho_text(spent), cap=zcdp.rho_text(cap))
    given = {"rho": rho} if rho is not None else {"epsilon": epsilon, "delta": delta}
    row = {
        "unit": unit, "cap_nanorho": cap, "delta": str(exact_delta), "given": given, "set_by": tx.actor.person,
        "at": tx.now,
    }  # fmt: skip
    if before is None:
        tx.add(store.budgets, {"id": resource, **row})
    else:
        tx.change(store.budgets, resource, **row)
    store.add_line(tx, lines, dataset=resource, kind=Line.cap, cap=cap)
    evidence.append(tx, "deidentify.budget_set", store.budgets, resource, unit=unit, cap_rho=zcdp.rho_text(cap),
                    cap_rho_before=zcdp.rho_text(before["cap_nanorho"]) if before else "",
                    spent_rho=zcdp.rho_text(spent), delta=row["delta"])  # fmt: skip
    return _shown(tx, {"id": resource, **row})


@verb(Role.data_engineer)
def ask(tx: Tx, *, resource: str, query: dict[str, Any], consumer: str) -> dict[str, Any]:
    """Ask a question about a dataset for a consumer; it is paid for here, and answered with noise right after.

    The same question over the same data again costs nothing and gets the kept answer, for every consumer. The answer
    is `datong deidentify answer`, or this verb once more. What people have not confirmed (DID-463), core data (DID-467)
    and, without an assessment of this consumer, important data (DID-468) are not answered of. Refuses also: DID-470,
    DID-472, DID-473, DID-476, DID-478, DID-479, DID-495 to DID-497.
    Returns {release, state, cost_rho, free, answer (null until it is drawn)}.
    """
    _require_owner(tx)
    noise.require()
    budget, others = _held(tx, resource)
    if budget is None:
        raise NO_BUDGET(dataset=resource[:80])
    lines = ledger_of(tx, resource)
    current = harmonise.current(tx, resource)
    asked = _query(query, _schema(current), consumer)
    require_answerable(tx, resource, current, asked, consumer)
    if not _names_somebody(tx, resource, budget["unit"]):
        raise UNIT_NAMES_NOBODY(dataset=resource, unit=budget["unit"])
    wanted = digest([MECHANISM, current["digest"], budget["unit"], asked.asked])
    kept = store.kept_answer(tx, resource, wanted)
    if kept is not None:
        given_again(tx, kept, budget, consumer)
        return {**_told(kept), "cost_rho": "0", "free": True, "answer": _answer(kept)}
    _require_one_ledger(tx, resource, lines, others)
    _rehearse(asked, budget["unit"], current)
    spent, cap, cost = _spent(lines), int(budget["cap_nanorho"]), asked.cost_nanorho
    if spent < store.owed_or_given(tx, resource):
        raise LEDGER_BROKEN(dataset=resource, seq=len(lines) + 1)
    if spent + cost > cap:
        raise OVER_BUDGET(dataset=resource, cost=zcdp.rho_text(cost), left=zcdp.rho_text(max(cap - spent, 0)),
                          cap=zcdp.rho_text(cap))  # fmt: skip
    row = {
        "id": new_id("noisy"), "dataset": resource, "asked_digest": wanted, "build": current["build"],
        "build_digest": current["digest"], "unit": budget["unit"], "query": dict(asked.asked), "nanorho": cost,
        "state": ReleaseState.debited.value, "figures": None, "at": tx.now, "answered_at": None,
    }  # fmt: skip
    tx.add(store.noisy_releases, row)
    line = store.add_line(tx, lines, dataset=resource, kind=Line.debit, cap=cap, consumer=consumer, release=row["id"],
                          nanorho=cost)  # fmt: skip
    evidence.append(tx, "deidentify.budget_debited", store.ledger, line, dataset=resource, consumer=consumer,
                    release=row["id"], rho=zcdp.rho_text(cost), spent_rho=zcdp.rho_text(spent + cost),
                    cap_rho=zcdp.rho_text(cap))  # fmt: skip
    jobs.enqueue(tx, DRAW, {"release": row["id"]}, key=f"{DRAW}/{row['id']}")
    return {**_told(row), "cost_rho": zcdp.rho_text(cost), "free": False, "answer": None}


def draw(opened: Store, release: str) -> dict[str, Any]:
    """Draw the noise of an answer that was paid for and keep it, unless it has been already; the kept answer.

    The figures leave this function only as they stand in the store after the commit. Refuses: DID-477, DID-480.
    """
    with opened.read() as tx:
        row = tx.get(store.noisy_releases, release)
        if row is None:
            raise UNKNOWN_RELEASE(id=release[:80])
    if row["state"] == ReleaseState.debited:
        figures = _drawn(opened, row)
        crash.point("deidentify.noise_drawn")
        state = ReleaseState.failed if figures is None else ReleaseState.answered
        with opened.begin(NODE, "deidentify_answer") as tx:
            if store.settle(tx, release, state, figures):
                act = "deidentify.answer_failed" if figures is None else "deidentify.answered"
                evidence.append(tx, act, store.noisy_releases, release, dataset=row["dataset"],
                                rho=zcdp.rho_text(row["nanorho"]))  # fmt: skip
    with opened.read() as tx:
        kept = tx.get(store.noisy_releases, release)
    assert kept is not None
    return {**_told(kept), "answer": _answer(kept)}


def draw_job(opened: Store) -> jobs.Handler:
    """Does the job that `ask` left."""

    def do(job: jobs.Job) -> None:
        draw(opened, str(job.payload["release"]))

    return do


@view()
def answer(tx: Tx, *, release: str, offset: int = 0, limit: int = ROWS_SHOWN) -> dict[str, Any]:
    """A noisy answer as it may be handed to a consumer: figures, their accuracy, what they cost; not who asked.

    Returns {release, dataset, state, query, rows, accuracy, cost_rho, groups, privacy_unit}. Refuses: DID-480, DID-477.
    """
    row = tx.get(store.noisy_releases, release)
    if row is None:
        raise UNKNOWN_RELEASE(id=release[:80])
    found = _answer(row, offset, limit)
    facts = {"cost_rho": zcdp.rho_text(row["nanorho"]), "groups": answers.groups_in(again(row["query"]))}
    return {**_told(row), **facts, **(found or {"query": row["query"], "rows": [], "accuracy": {}})}


@view()
def budget(tx: Tx, *, resource: str | None = None) -> list[dict[str, Any]]:
    """The privacy budgets: cap, spent and left in rho and in epsilon at delta, and by whom it was spent."""
    return [_shown(tx, row) for row in store.all_budgets(tx) if resource in (None, row["id"])]


@view()
def budget_ledger(
    tx: Tx, *, resource: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Every line of the ledgers of privacy budgets, newest first: caps, debits, answers given again.

    id: one alone. limit, offset: how many, after how many.
    """
    lines = store.newest_lines(tx, resource, Window(id, limit, offset))
    return [
        {
            **{name: line[name] for name in ("id", "dataset", "seq", "consumer", "release", "by", "at")},
            "line": line["kind"],
            "rho": zcdp.rho_text(line["nanorho"]), "spent_rho": zcdp.rho_text(line["spent_nanorho"]),
            "cap_rho": zcdp.rho_text(line["cap_nanorho"]),
        }
        for line in lines
    ]  # fmt: skip


@view()
def noisy_releases(tx: Tx) -> list[dict[str, Any]]:
    """The noisy answers: to which question, at what cost, in what state."""
    return [
        {
            **_told(row), "id": row["id"], "question": row["query"]["kind"], "query": row["query"],
            "cost_rho": zcdp.rho_text(row["nanorho"]), "at": row["at"], "answered_at": row["answered_at"],
        }
        for row in store.all_releases(tx)
    ]  # fmt: skip


def require_answerable(tx: Tx, dataset: str, current: Mapping[str, Any], query: Query, recipient_group: str) -> None:
    """DID-463, DID-467, DID-468 or DID-495 where the classification of the data forbids the answer, noise or not."""
    leaving.require_answerable(
        tx, dataset, [str(element["name"]) for element in current["schema"]], query.columns,
        lambda: recorded(tx, dataset, recipient_group),
    )  # fmt: skip


def recorded(tx: Tx, dataset: str, recipient_group: str) -> Mapping[str, Any] | None:
    """The assessment of who gets an answer about this node's dataset, or None."""
    mine = signing.me(tx).party
    return assessment_for(tx, recipient_group=recipient_group, subject=dataset, providers=[mine])


def given_again(tx: Tx, kept: Mapping[str, Any], budget: Mapping[str, Any], consumer: str) -> None:
    """A line, at no cost, that this consumer has the kept answer too; `budget` is held. Once per consumer."""
    dataset, release = str(kept["dataset"]), str(kept["id"])
    lines = ledger_of(tx, dataset)
    if any(line["release"] == release and line["consumer"] == consumer for line in lines):
        return
    line = store.add_line(tx, lines, dataset=dataset, kind=Line.again, cap=budget["cap_nanorho"], consumer=consumer,
                          release=release)  # fmt: skip
    evidence.append(tx, "deidentify.answer_given_again", store.ledger, line, dataset=dataset, consumer=consumer,
                    release=release)  # fmt: skip


def facts_of(kept: Mapping[str, Any], delta: str) -> dict[str, str]:
    """What an answer says of its own cost when it is handed on: {privacy_unit, rho, epsilon, delta}, as texts."""
    nanorho = int(kept["nanorho"])
    return {
        "privacy_unit": str(kept["unit"]), "rho": zcdp.rho_text(nanorho),
        "epsilon": f"{_epsilon(nanorho, float(Decimal(delta))):g}", "delta": delta,
    }  # fmt: skip


# --- the ledger --------------------------------------------------------------------------------------------------


def ledger_of(tx: Tx, dataset: str) -> list[dict[str, Any]]:
    """The ledger, when it adds up line by line; DID-479 otherwise, and nothing is answered any more."""
    lines, spent = store.lines_of(tx, dataset), 0
    for number, line in enumerate(lines, 1):
        spent += int(line["nanorho"])
        if line["seq"] != number or line["spent_nanorho"] != spent or line["nanorho"] < 0:
            raise LEDGER_BROKEN(dataset=dataset, seq=number)
    return lines


def _held(tx: Tx, dataset: str) -> tuple[dict[str, Any] | None, list[str]]:
    """(its budget, other datasets of the same source that have one), all held, in one order so that no two wait for
    each other."""
    others = [name for name in harmonise.of_one_source(tx, dataset) if tx.get(store.budgets, name) is not None]
    held = {name: store.locked(tx, name) for name in sorted({dataset, *others})}
    return held[dataset], others


def _require_one_ledger(tx: Tx, dataset: str, lines: Sequence[Mapping[str, Any]], others: Sequence[str]) -> None:
    """DID-496 where something was told before from another ledger of the same rows: two caps of one person add up."""
    mine = _first_debit(lines)
    for other in others:
        theirs = _first_debit(store.lines_of(tx, other))
        if theirs and (not mine or (theirs, other) < (mine, dataset)):
            raise OTHER_LEDGER(dataset=dataset, other=other)


def _first_debit(lines: Sequence[Mapping[str, Any]]) -> str:
    """When the ledger first paid; "" when it never has."""
    return next((str(line["at"]) for line in lines if line["kind"] == Line.debit), "")


def _spent(lines: Sequence[Mapping[str, Any]]) -> int:
    return int(lines[-1]["spent_nanorho"]) if lines else 0


def _shown(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    lines = store.lines_of(tx, row["id"])
    spent, cap, delta = _spent(lines), int(row["cap_nanorho"]), float(Decimal(row["delta"]))
    left = max(cap - spent, 0)
    by: dict[str, list[int]] = {}
    for line in lines:
        if line["consumer"]:
            by.setdefault(line["consumer"], []).append(int(line["nanorho"]))
    consumers = [
        {"consumer": name, "answers": len(paid), "spent_rho": zcdp.rho_text(sum(paid)),
         "spent_epsilon": _epsilon(sum(paid), delta)}
        for name, paid in sorted(by.items(), key=lambda entry: (-sum(entry[1]), entry[0]))
    ]  # fmt: skip
    return {
        "id": row["id"], "dataset": row["id"], "privacy_unit": row["unit"], "delta": row["delta"],
        "cap_epsilon": _epsilon(cap, delta), "spent_epsilon": _epsilon(spent, delta),
        "left_epsilon": _epsilon(left, delta), "cap_rho": zcdp.rho_text(cap), "spent_rho": zcdp.rho_text(spent),
        "left_rho": zcdp.rho_text(left), "answers": sum(line["kind"] == Line.debit for line in lines),
        "consumers": consumers, "given": row["given"], "set_by": row["set_by"], "at": row["at"],
    }  # fmt: skip


def _epsilon(nanorho: int, delta: float) -> float:
    """For people, rounded up to four decimals."""
    return float(np.ceil(zcdp.epsilon(nanorho / NANO, delta) * 10_000) / 10_000)


# --- asking and drawing ------------------------------------------------------------------------------------------


def _require_owner(tx: Tx) -> None:
    if tx.actor.party != signing.me(tx).party:
        raise NOT_THE_OWNER()


def _persons(current: Mapping[str, Any]) -> list[str]:
    return [element["name"] for element in current["schema"] if element["personal"]]


def _names_somebody(tx: Tx, dataset: str, unit: str) -> bool:
    """Whether the unit is a direct identifier, where somebody classified the data: a standard calls costs and dates
    personal too, and noise for one of those hides no person."""
    known = confirmed(tx, dataset)
    return known is None or unit not in known.kinds or bool(known.direct([unit]))


def _columns(current: Mapping[str, Any]) -> list[str]:
    return list(_schema(current).names)


def _schema(current: Mapping[str, Any]) -> pa.Schema:
    with pq.ParquetFile(current["path"]) as file:
        return file.schema_arrow


def _query(value: Any, schema: pa.Schema, consumer: str) -> Query:
    query, found = query_of(value, schema.names)
    for windows in (by for by in (query.by if query else ()) if isinstance(by, Windows)):
        kind = schema.field(windows.column).type
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
            en = f"{windows.column} is no time: give it the type of one in the standard and build again"
            found.say("windows.column", f"{windows.column} 不是时间：请在标准中声明为时间，并重新构建", en)
    if not CONSUMER.fullmatch(consumer):
        found.say(
            "consumer", "应为不透明的编号", "should be an opaque id: letters, digits and . _ : @ / * -, at most 80"
        )
    if query is None or found.problems:
        raise BAD_QUERY(found.problems[:50], count=len(found.problems))
    return query


def _rehearse(query: Query, unit: str, current: Mapping[str, Any]) -> None:
    """Run the plan on no rows, so that what is wrong with it or with the types of columns is told before the debit."""
    aggregated(query, unit, _schema(current).empty_table())


def again(asked: Mapping[str, Any]) -> Query:
    """The question of a kept canonical form."""
    query, found = query_of({**asked, "by": asked["by"]})
    assert query is not None, found.problems
    return query


def _drawn(opened: Store, row: Mapping[str, Any]) -> dict[str, list[int]] | None:
    """The figures with their noise; None when anything goes wrong, which is told to the operator's log alone."""
    try:
        with opened.read() as tx:
            current = harmonise.current(tx, row["dataset"])
        assert current["digest"] == row["build_digest"], "the data were built anew since the debit"
        query = again(row["query"])
        return figures_of(query, aggregated(query, row["unit"], current["path"]))
    except Exception as error:  # noqa: BLE001 - whatever it is: after the debit nothing is told and nothing given back
        why = error.code if isinstance(error, Refusal) else type(error).__name__
        log.error("noisy answer %s was paid for and failed: %s", row["id"], why)
        return None


def aggregated(query: Query, unit: str, data: pa.Table | Path) -> dict[str, Any]:
    """Columns g, v, n, s of `plan.plan_of` as NumPy arrays: exact, so they stay in this process."""
    classes = {
        name: pa.table(
            {"datong_label": pa.array(labels, pa.string()), "datong_number": pa.array(range(len(labels)), pa.int64())}
        )
        for name, labels in classes_of(query).items()
    }
    found = engine.run(plan_of(query, unit), {"harmonised": data, **classes}, want=["figures"])["figures"]
    return {name: found[name].to_numpy() for name in ("g", "v", "n", "s")}


def figures_of(query: Query, held: Mapping[str, Any]) -> dict[str, list[int]]:
    """Part -> one whole number a group, noise added. held: columns g, v, n, s of `plan.plan_of`, ordered by g, v."""
    groups = answers.groups_in(query)
    drawn = {}
    for part in parts(query):
        if query.kind is Kind.quantile and query.value is not None:
            level = int(part.name.removeprefix("level"))
            change = per_row(query, part.name) * query.rows_per_group
            drawn[part.name] = [
                noise.least(answers.scores(query, held, level, group).tolist(), part, change) + query.value.lower
                for group in range(groups)
            ]
        else:
            column = "s" if part.name == "sum" else "n"
            drawn[part.name] = noise.gaussian(answers.spread(groups, held, column).tolist(), part)
    return drawn


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"release": row["id"], "dataset": row["dataset"], "privacy_unit": row["unit"], "state": row["state"]}


def _answer(row: Mapping[str, Any], offset: int = 0, limit: int = ROWS_SHOWN) -> dict[str, Any] | None:
    """What may be handed on of a kept answer; None while it is owed, DID-477 when it failed."""
    if row["state"] == ReleaseState.failed:
        raise SPENT_WITHOUT_ANSWER()
    if row["state"] != ReleaseState.answered:
        return None
    query = again(row["query"])
    rows = list(answers.rows_of(query, row["figures"]))[max(offset, 0) :][: max(limit, 0)]
    return {"query": row["query"], "rows": rows, "accuracy": answers.accuracy(query)}
