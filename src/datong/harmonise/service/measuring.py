"""Quality over time and the rows behind its figures.

Contract: tests/harmonise/test_harmonise_measuring.py.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datong.engine import service as engine
from datong.engine.model import Plan, Step, quoted
from datong.ground.db import Tx
from datong.harmonise.model.builds import State
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.refusals import NO_BUILD
from datong.harmonise.rules import quality
from datong.harmonise.rules.plan import also_said
from datong.harmonise.service.rows import intact, quarantine
from datong.harmonise.service.showing import note_of
from datong.harmonise.store import accounts, files, runs
from datong.harmonise.store import builds as kept
from datong.terms.verbs import view

ROWS_TOLD_MAX = 1000


def fresh(tx: Tx, mapping: Mapping, harmonised: engine.Input) -> tuple[int, int]:
    """(values no older than the mapping's freshness allows, values), at the business time; (0, 0) where none is
    declared. A value of the future is not fresh."""
    if mapping.freshness is None:
        return 0, 0
    now, column = tx.business_now, quoted(mapping.freshness.column)
    query = (
        f"SELECT count(*) FILTER ({column} > $since AND {column} <= $now) AS fresh, count({column}) AS every FROM rows_"
    )
    plan = Plan((Step("counted", query),), ("rows_",), ("since", "now"))
    since = now - timedelta(days=mapping.freshness.within_days)
    counted = engine.run(plan, {"rows_": harmonised}, {"since": since, "now": now})["counted"].to_pylist()[0]
    return counted["fresh"], counted["every"]


def readings(tx: Tx, mapping: Mapping, resource: str) -> tuple[int, int]:
    """(attempts that read the source to its end, attempts that asked it), this one among them."""
    whole, asked = runs.readings(tx, mapping.source.name, resource)
    return whole + 1, asked + 1


@view()
def quality_of(tx: Tx, *, build: str) -> dict[str, Any]:
    """The quality of a build: each dimension of GB/T 36344 as A / B, for the dataset and for each element; and for each
    reason how many rows of which column stand behind it. Refuses: STD-421.
    """
    row = _build(tx, build)
    reasons = [
        {**entry, "zh": note_of(entry["reason"])[0], "en": note_of(entry["reason"])[1]}
        for entry in row["reasons_by_column"]
    ]
    told = {key: row[key] for key in ("resource", "standard", "state", "read", "harmonised", "quarantined", "at")}
    account = accounts.of(tx, build)
    columns = account["columns"] if account else []
    return {
        "build": build, **told, **row["quality"], "columns": columns, "reasons": reasons, "repairs": row["repairs"]
    }  # fmt: skip


@view()
def quality_history(tx: Tx, *, resource: str) -> list[dict[str, Any]]:
    """Grade, score and the mean of each dimension of every build of a resource, oldest first, with what changed since
    the one before."""
    found: list[dict[str, Any]] = []
    for row in reversed(kept.all_builds(tx, resource)):
        means = {name: round(value, 6) for name, value in quality.means_of(row["quality"]["dimensions"]).items()}
        before = found[-1]["dimensions"] if found else {}
        changed = {name: round(value - before[name], 6) for name, value in means.items() if name in before}
        told = {key: row[key] for key in ("state", "read", "harmonised", "quarantined", "at")}
        grade = {"grade": row["quality"]["grade"], "score": row["quality"]["score"]}
        found.append({"build": row["id"], **told, **grade, "dimensions": means, "changed": changed})
    return found


@view()
def rows_behind(
    tx: Tx, *, build: str, reason: str | None = None, column: str | None = None, offset: int = 0
) -> dict[str, Any]:
    """The numbers of the source's rows behind a figure: those quarantined, and those with a value fixed, suspect or
    repaired; by reason and column, all that is said of a row and not only what it is held for. Numbers only: the rows
    themselves are shown by deliver, under a decision.

    Tells up to 1000 at a time, and how many there are. Refuses: STD-421, STD-422.
    """
    row = _build(tx, build)
    if row["state"] != State.built.value:
        raise NO_BUILD(what=build)
    held = quarantine(tx, row).select(["row", "column", "reason", "also"])
    mended = pq.ParquetFile(intact(tx, row, files.REPAIRS)).read(["row", "column", "rule", "state"])
    rows = pa.concat_tables(
        [
            held.append_column("state", pa.array(["quarantined"] * held.num_rows, pa.string())).select(_TOLD),
            _also(held),
            mended.rename_columns({"rule": "reason"}).select(_TOLD),
        ],
        promote_options="permissive",
    )
    if reason is not None:
        rows = rows.filter(pc.equal(rows["reason"], reason))
    if column is not None:  # several columns may stand behind one check or key
        rows = rows.filter(pc.match_substring_regex(rows["column"], rf"(^|, |/ ){re.escape(column)}($|, | /)"))
    told = rows.sort_by("row").slice(min(max(offset, 0), rows.num_rows), ROWS_TOLD_MAX)
    return {"build": build, "total": rows.num_rows, "rows": told.to_pylist()}


_TOLD = ["row", "column", "state", "reason"]


def _also(held: pa.Table) -> pa.Table:
    """What is said of held rows besides the reason that each is held for."""
    rows = []
    for one in held.filter(pc.not_equal(held["also"], "")).select(["row", "also"]).to_pylist():
        for column, state, reason in also_said(one["also"]):
            rows.append({"row": one["row"], "column": column, "state": state or "quarantined", "reason": reason})
    return pa.Table.from_pylist(rows, pa.schema([("row", pa.int64()), *((name, pa.string()) for name in _TOLD[1:])]))


def _build(tx: Tx, build: str) -> dict[str, Any]:
    row = tx.get(kept.builds, build)
    if row is None:
        raise NO_BUILD(what=build[:80])
    return row
