"""The verbs of meter: take (count and set the final state in one step), served, reconcile, events.

Contract: tests/meter/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datong.ground import evidence
from datong.ground.canonical import digest_bytes
from datong.ground.db import EVERY, Tx, Window, new_id
from datong.meter import rules, store
from datong.meter.model import BAD_EVENT, COUNT_USED_UP, OTHER_USE, UNKNOWN, UsageKind, UsageState
from datong.negotiate import service as negotiate
from datong.terms.verbs import view


def take(
    tx: Tx, *, agreement: str, grant: str, kind: str, table: str, version: int | str, rows: int, bytes_granted: int,
    files: Sequence[str], decision: Mapping[str, Any], limit: int | None = None, key: str | None = None,
) -> str:  # fmt: skip
    """Count one use and give it its final state; returns the event id. MTR-429 when the count is used up.

    agreement: its id, "" for the owner's own work. kind: see UsageKind. decision: what the choke point decided.
    limit: number of uses allowed; by default the smallest count of the permission by which it was decided.
    key: the same use under the same key is one event, however often it is taken.
    """
    _check(kind, rows, bytes_granted)
    if key is not None and (known := tx.get(store.events, key)) is not None:
        if (known["agreement"], known["grant_id"], known["table_name"]) != (agreement, grant, table):
            raise OTHER_USE(id=key)
        return key
    tariff, limit = _terms(tx, agreement, limit, str(decision.get("rule", "")))
    number = store.count_up(tx, _counter("uses", agreement), limit)
    if number is None:
        raise COUNT_USED_UP(agreement=agreement, limit=limit)
    billable = kind in (UsageKind.query, UsageKind.file_set, UsageKind.supply)
    first = billable and store.count_up(tx, _counter("version", agreement, table, str(version)), None) == 1
    event = key or new_id("use")
    state = rules.final_state(kind, tariff, first=first)
    tx.add(
        store.events,
        {
            "id": event, "agreement": agreement, "grant_id": grant, "kind": kind, "table_name": table,
            "version": str(version), "rows": rows, "bytes_granted": bytes_granted, "files": list(files),
            "state": state.value, "decision": dict(decision), "number": number, "at": tx.now, "wall_at": tx.wall,
        },
    )  # fmt: skip
    evidence.append(tx, "meter.taken", store.events, event, agreement=agreement, state=state.value, number=number)
    return event


def served(tx: Tx, event: str, bytes: int) -> None:
    """Add bytes that were sent under an event; volatile until `reconcile`."""
    if bytes < 0:
        raise BAD_EVENT(field="bytes", value=bytes)
    store.add_served(tx, event, bytes)


def reconcile(tx: Tx, event: str) -> dict[str, Any]:
    """Write the bytes served so far into the event, with a leaf; repeated without new bytes it does nothing."""
    return reconciled(tx, [_known(tx, event)])[0]


def reconcile_all(tx: Tx, keys: Sequence[str]) -> None:
    """The same for many events at once."""
    reconciled(tx, store.events_of(tx, keys))


def reconciled(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same for events as `events_between` gives them; only what changed is written."""
    totals, found = store.counted(tx, store.served, [row["id"] for row in rows]), []
    for row in rows:
        total = totals.get(row["id"], 0)
        if row["bytes_served"] == total:
            found.append(row)
            continue
        tx.change(store.events, row["id"], bytes_served=total, reconciled_at=tx.now)
        evidence.append(tx, "meter.reconciled", store.events, row["id"], bytes_served=total)
        found.append(_known(tx, row["id"]))
    return found


@view()
def usage(
    tx: Tx, *, agreement: str | None = None, id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Usage events, of one agreement or all, in order of time, each in its one final state.

    id: one alone. limit, offset: how many, after how many.
    """
    return events(tx, agreement, Window(id, limit, offset))


def events(tx: Tx, agreement: str | None = None, window: Window = EVERY) -> list[dict[str, Any]]:
    """The events of one agreement or all, in order of time, with the bytes served so far."""
    found = store.events_between(tx, agreement, None, None, window)
    served = store.counted(tx, store.served, [row["id"] for row in found])
    return [{**row, "bytes_served": served.get(row["id"], 0)} for row in found]


@view()
def event(tx: Tx, *, event: str) -> dict[str, Any]:
    """One usage event."""
    counted = store.counted(tx, store.served, [event])
    return {**_known(tx, event), "bytes_served": counted.get(event, 0)}


def events_between(tx: Tx, *, agreement: str, start: str, end: str) -> list[dict[str, Any]]:
    """Events of an agreement with start <= business time < end (UTC texts)."""
    return store.events_between(tx, agreement, start, end)


def charged_before(tx: Tx, before: str) -> dict[str, int]:
    """Agreement -> how many uses before an instant (UTC text) are to be charged; whose first is longest ago first."""
    found = store.of_state_before(tx, UsageState.MONETIZABLE.value, before)
    return {row["agreement"]: row["events"] for row in found}


@view()
def totals(tx: Tx, agreement: str | None = None) -> dict[str, Any]:
    """Number of events per state, rows and bytes; the states add up to the events."""
    found = {row["state"]: row for row in store.sums(tx, agreement)}
    states = {state.value: found[state]["events"] if state in found else 0 for state in UsageState}
    sums = {name: sum(row[name] for row in found.values()) for name in ("rows", "bytes_granted", "bytes_served")}
    return {"events": sum(states.values()), "states": states, **sums}


def miscounts(tx: Tx) -> list[tuple[str, str]]:
    """(agreement, what is wrong) where the counters, which have no leaves, are not what the events say, which have:
    an agreement's uses are numbered 1, 2, 3 …, and a version is billed once."""
    found, counted = [], {row["agreement"]: row for row in store.numbered(tx)}
    keys = {agreement: _counter("uses", agreement) for agreement in counted}
    at = store.counted(tx, store.counters, list(keys.values()))
    for agreement, row in counted.items():
        used = at.get(keys[agreement], 0)
        if not row["events"] == row["numbers"] == row["last"] == used:
            found.append((row["agreement"], f"{row['events']} uses bear {row['numbers']} numbers up to {row['last']}, "
                                            f"and the counter is at {used}"))  # fmt: skip
    for row in store.billed_again(tx, UsageState.MONETIZABLE.value):
        version = f"version {row['version']} of {row['table_name']}"
        found.append((row["agreement"], f"{version} is billed {row['events']} times"))
    return found


def _terms(tx: Tx, agreement: str, limit: int | None, rule: str) -> tuple[str, int | None]:
    """(kind of tariff, number of uses allowed) of an agreement."""
    if not agreement:
        return "free", limit
    known = negotiate.agreement(tx, agreement)
    allowed = limit if limit is not None else rules.count_limit(known["policy"], rule)
    return str(known["terms"]["tariff"]["kind"]), allowed


def _check(kind: str, rows: int, bytes_granted: int) -> None:
    if kind not in set(UsageKind):
        raise BAD_EVENT(field="kind", value=kind)
    for field, value in (("rows", rows), ("bytes_granted", bytes_granted)):
        if type(value) is not int or value < 0:
            raise BAD_EVENT(field=field, value=value)


def _counter(*parts: str) -> str:
    return digest_bytes("\x1f".join(parts).encode())


def _known(tx: Tx, event_id: str) -> dict[str, Any]:
    row = tx.get(store.events, event_id)
    if row is None:
        raise UNKNOWN(id=event_id)
    return row
