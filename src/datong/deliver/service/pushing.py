"""A push (format HttpData-PUSH): the provider sends what lies ready to where the consumer said, the consumer takes it.

The provider asks the choke point and counts as for a pull; the file goes out only after the consumer has acknowledged
the start, and its completion is said when all has arrived. A push repeated after a crash is taken once, by its digest.
Contract: tests/wire/test_wire_http_data.py.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import AGAIN, HTTP_PUSH, NO_TOKEN, NOT_AS_ANNOUNCED, UNKNOWN, GrantState, Side, State
from datong.deliver.service import addresses, fetching, files, granting, transferring
from datong.ground import jobs
from datong.ground.db import NODE, Store, Tx
from datong.ground.refusal import Kind, Refusal

BYTES_MAX, TABLES_MAX = 4 * 1024**3, 1000
"""What may be pushed in one transfer, as much as is pulled of one share: else whoever may push once fills the disk."""

Push = Callable[[str, Mapping[str, str], Path, Callable[[], None]], None]
"""(address, headers, file, still): sends the file, and asks `still` now and then, whose refusal ends it; given by app
from wire.http_data. Raises a refusal when the file is not taken."""


def push_job(store: Store, push: Push) -> jobs.Handler:
    """The handler of "deliver.push": send every table of the share, then complete the transfer. Safe to repeat."""

    def run(job: jobs.Job) -> None:
        pid = str(job.payload["transfer"])
        with store.read() as tx:
            process, goal = tx.get(rows.processes, pid), addresses.address_of(tx, pid)
            grant = rows.first(
                tx, rows.grants, rows.grants.c.transfer == pid, rows.grants.c.state == GrantState.active.value
            )
            tables = [] if grant is None else granting.share_of(tx, grant)
        if process is None or process["state"] != State.STARTED or goal is None or grant is None:
            return
        try:
            for table in tables:
                _pushed(
                    store, grant, table,
                    lambda name, path, still: push(goal.endpoint, _headers(goal.token, name), path, still),
                )  # fmt: skip
        except Refusal as refusal:
            if refusal.kind is not Kind.unavailable:
                _failed(store, pid, refusal)
            raise
        with store.begin(NODE, "deliver") as tx:
            transferring.complete_transfer(tx, transfer=pid)

    return run


def _failed(store: Store, pid: str, refusal: Refusal) -> None:
    """End a transfer whose push was refused, unless it was suspended or ended meanwhile."""
    with store.begin(NODE, "deliver") as tx:
        process = tx.get(rows.processes, pid)
        if process is not None and process["state"] == State.STARTED:
            transferring.terminate(tx, transfer=pid, reason=str(refusal)[:500])


def _headers(token: str, name: str) -> dict[str, str]:
    named = {"content-disposition": f'attachment; filename="{name}.parquet"'}
    return {**named, **({"authorization": rules.bearer(token)} if token else {})}


def _pushed(
    store: Store, grant: Mapping[str, Any], table: Mapping[str, Any],
    send: Callable[[str, Path, Callable[[], None]], None],
) -> None:  # fmt: skip
    with store.begin(granting.holder(grant), "deliver") as tx:
        full = granting.table_of(tx, grant, table["schema_name"], table["table_name"], version=table["version"])
        given = granting.grant_files(tx, grant, full)
        places = {file["id"]: files.there(store, file["id"], file["path"]) for file in given["files"]}
    for file, path in places.items():

        def still(file: str = file) -> None:
            with store.read() as tx:
                granting.require_open(tx, {"grant": grant["id"], "file": file, "event": given["event"]})

        send(f"{table['schema_name']}.{table['table_name']}", path, still)
        with store.begin(NODE, "deliver") as tx:
            granting.served(tx, given["event"], path.stat().st_size)


# ---- the consumer


def expected(tx: Tx, *, pid: str, token: str) -> dict[str, Any]:
    """Our process that waits for a push under this token; USE-404, USE-401, USE-503 (it has not started, or is
    suspended) else."""
    process, goal = tx.get(rows.processes, pid[:80]), addresses.address_of(tx, pid[:80])
    if process is None or process["side"] != Side.consumer or process["format"] != HTTP_PUSH:
        raise UNKNOWN(zh="传输", en="transfer", id=pid[:80])
    if goal is None or not hmac.compare_digest(goal.token.encode(), token.encode()):
        raise NO_TOKEN()
    if process["state"] == State.SUSPENDED:
        raise AGAIN(id=process["id"], zh="传输已暂停。", en="It is suspended.")
    if process["state"] != State.STARTED:
        raise AGAIN(id=process["id"], zh="提供方尚未开始。", en="Its provider has not started it.")
    return process


def room(tx: Tx, pid: str) -> int:
    """How many bytes the next file of a transfer may have: of what is left, or as many as one that came already, which
    may come again."""
    sizes = _sizes(tx, pid)
    return max(_left(sizes), *sizes, 0)


def _sizes(tx: Tx, pid: str) -> list[int]:
    return [int(row["bytes"]) for row in rows.rows(tx, rows.received, rows.received.c.transfer == pid)]


def _left(sizes: list[int]) -> int:
    return 0 if len(sizes) >= TABLES_MAX else max(0, BYTES_MAX - sum(sizes))


def taken(tx: Tx, *, pid: str, token: str, path: Path, name: str, kind: str) -> str:
    """Keep a pushed file (it is moved away from `path`); its digest. The same file again changes nothing."""
    process = expected(tx, pid=pid, token=token)
    table = fetching.file_table(path, share=rules.share_name(process["agreement"]), name=name or "file", kind=kind)
    known = rows.first(tx, rows.received, rows.received.c.transfer == pid, rows.received.c.digest == table["digest"])
    if known is None:
        if int(table["bytes"]) > _left(_sizes(tx, pid)):
            raise NOT_AS_ANNOUNCED(
                zh=f"一次传输所推送的数据合计至多 {BYTES_MAX} 字节、{TABLES_MAX} 个文件。",
                en=f"In one transfer at most {BYTES_MAX} bytes and {TABLES_MAX} files are taken.",
            )
        fetching.keep(tx, process, [table])
    return str(table["digest"])


def staging(store: Store, name: str) -> Path:
    """A file to write what is being pushed into; strays are swept at the start of the node."""
    folder = files.place(store).folder / "data" / "staging" / f"pull-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "0.parquet"
