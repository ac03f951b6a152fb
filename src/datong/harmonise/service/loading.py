"""Loading a source again: only what came since, or compared with what was loaded; nothing twice, nothing lost.

The rows loaded so far are kept as text beside the builds of a resource. A load merges what it reads into them by key
(rules.loads), and the build harmonises the result: so a build is always of the whole source as it stands, and read =
harmonised + quarantined holds for it as for any other. How far a load came is written in the build's own transaction.
Contract: tests/harmonise/test_harmonise_loads.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datong.engine import service as engine
from datong.ground import crash, evidence
from datong.ground.canonical import digest
from datong.ground.db import Tx
from datong.harmonise.model.drift import KEY_DOUBLED, WATERMARK_TYPE
from datong.harmonise.model.mappings import LoadBy, Mapping
from datong.harmonise.model.reading import Reading, Since
from datong.harmonise.model.refusals import NO_ROWS
from datong.harmonise.rules import loads as rules
from datong.harmonise.service import reading as reading_of
from datong.harmonise.service.folders import folder_of
from datong.harmonise.store import loads, rereading, staged
from datong.harmonise.store.sources import databases


@dataclass(frozen=True)
class Loaded:
    """reading: the source as it stands, main table merged. account: what this load brought. mark: how far it came."""

    reading: Reading
    account: dict[str, Any]
    mark: dict[str, Any]
    folder: Path

    def keep(self, tx: Tx, build: str) -> None:
        """Write how far the load came, in the transaction of the build that is made of it."""
        now = {**self.mark, "build": build, "at": tx.now}
        before = loads.of(tx, now["id"])
        if before is None or any(before[name] != now[name] for name in now if name != "at"):
            loads.put(tx, now)
            told = ("by", "whole", "read", "rows", "added", "changed", "unchanged", "removed")
            evidence.append(tx, "harmonise.loaded", loads.load_marks, now["id"], **{k: self.account[k] for k in told})
            crash.point("load.marked")
        folder, resource, file = self.folder, now["id"], now["file"]
        tx.after_commit.append(lambda: loads.only(folder, resource, file))


def loaded(tx: Tx, resource: str, mapping: Mapping, data: Path, aside: Path, *, full: bool) -> Loaded | None:
    """Load `mapping`'s source as its `load` says; None when it is read whole each time.

    full: read the source from its beginning, which also finds what was removed. Refuses as reading does, and STD-482
    (a watermark of a type that cannot be kept), STD-483 (a key that names several rows).
    """
    load = mapping.source.load
    if load.by is LoadBy.whole:
        return None
    folder = folder_of(tx)
    mark = loads.of(tx, resource)
    why_whole = _why_whole(mapping, mark, folder, full=full)
    before = None if mark is None else loads.intact(folder, mark)
    usable = mark is not None and before is not None and mark["source"] == mapping.source.name
    usable = usable and mark is not None and mark["key_columns"] == list(load.key)
    whole = bool(why_whole) or load.by is LoadBy.snapshot
    since = None if whole or mark is None else mark["value"]
    begin = None if since is None else Since(mapping.main, load.column, rules.value_of(since))
    highest_of = (mapping.main, load.column) if load.by is LoadBy.watermark else None
    loaded_columns = () if begin is None or mark is None else mark["columns"]
    reading = reading_of.unscanned(mapping, data, aside, begin, highest_of, loaded_columns)
    if begin is not None and rules.went_back(reading.highest, begin.value):
        why_whole = "its greatest value is less than before: rows were removed, or the table was filled anew"
        since, begin = None, None
        reading = reading_of.unscanned(mapping, data, aside, begin, highest_of)
    now = reading.tables[mapping.main]
    if whole and rereading.count(now) == 0:
        raise NO_ROWS(source=mapping.source.name)
    value = _value(mapping, reading, now, None if whole or mark is None else mark["value"])
    merged, counts, next_row = _merged(mapping, before if usable else None, now, mark if usable else None, whole=whole)
    file = loads.kept(folder, resource, merged)
    crash.point("load.kept")
    if mark is None or file != mark["file"]:
        tx.after_rollback.append(lambda: loads.place(folder, resource, file).unlink(missing_ok=True))
    others = {name: databases.digest_of(name, table) for name, table in reading.tables.items() if name != mapping.main}
    large = merged.nbytes > staged.STAGED_BYTES  # from here on it is read from its file, not held
    main = staged.staged(loads.place(folder, resource, file)) if large else merged
    whole_reading = Reading({**reading.tables, mapping.main: main}, digest([file, others]))
    account = {
        "by": load.by.value, "whole": whole, "because": why_whole, "read": rereading.count(now),
        "rows": merged.num_rows, "since": None if since is None else rules.shown_value(since), **counts,
    }  # fmt: skip
    made = {
        "id": resource,
        "source": mapping.source.name,
        "by": load.by.value,
        "key_columns": list(load.key),
        "column": load.column,
        "value": value,
        "columns": merged.column_names,
        "rows": merged.num_rows,
        "next_row": next_row,
        "file": file,
    }
    return Loaded(whole_reading, account, made, folder)


def _why_whole(mapping: Mapping, mark: dict[str, Any] | None, folder: Path, *, full: bool) -> str:
    """Why this load reads the source from its beginning; "" when it need not."""
    load = mapping.source.load
    if mark is None:
        return "first load"
    if full:
        return "asked for"
    if load.by is LoadBy.snapshot:
        return ""
    told = (mark["source"], mark["by"], mark["key_columns"], mark["column"])
    if told != (mapping.source.name, load.by.value, list(load.key), load.column):
        return "the source's `load` was changed"
    if mark["value"] is None:
        return "no watermark yet"
    if missing := [name for name in reading_of.own_columns(mapping) if name not in mark["columns"]]:
        return f"columns not loaded before: {', '.join(missing)}"
    return "" if loads.intact(folder, mark) else "the rows loaded before are missing or were changed"


def _value(mapping: Mapping, reading: Reading, now: Any, before: str | None) -> str | None:
    """How far a watermark came: the greatest value that the source told, else the greatest text that was read."""
    load = mapping.source.load
    if load.by is not LoadBy.watermark:
        return None
    if reading.highest is not None:
        try:
            return rules.kept_value(reading.highest)
        except TypeError as error:
            raise WATERMARK_TYPE(source=mapping.source.name, column=load.column, type=str(error)) from None
    read = rereading.column(now, load.column)
    texts = [text for text in read.to_pylist() if text] if read is not None else []
    if not texts:
        return before
    return rules.kept_value(rules.greatest([*texts, rules.shown_value(before) if before else None]))


def _merged(
    mapping: Mapping, before: Path | None, now: Any, mark: dict[str, Any] | None, *, whole: bool
) -> tuple[pa.Table, dict[str, int], int]:
    """(the source as it stands, what the load brought, the number of the next new row)."""
    old = staged.staged(before) if before is not None else rereading.head(now, 0)
    first = mark["next_row"] if mark is not None and before is not None else 1
    names = [rereading.columns(table) for table in (old, now)]
    plan = rules.merging(names[0], names[1], mapping.source.load.key, whole=whole)
    result = engine.run(plan, {rules.BEFORE: old, rules.NOW: now}, {"first": first}, want=("merged", "doubled"))
    if mapping.source.load.by is LoadBy.watermark and result.rows["doubled"]:
        raise KEY_DOUBLED(
            source=mapping.source.name, key=", ".join(mapping.source.load.key), rows=result.rows["doubled"]
        )
    counts = {name: result.rows[name] for name in ("added", "changed", "unchanged")}
    counts["removed"] = result.rows["absent"] if whole else 0
    return result["merged"], counts, first + counts["added"]
