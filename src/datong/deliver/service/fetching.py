"""The consumer's side of a pull: the address a start brought, fetching into the node, the profile for a person.

The kept address holds a live token; it is deleted when used, shown or ended. What is fetched is checked against
what was announced (digest, rows) before it is kept, and kept only while its transfer is still open.
Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import AGAIN, HTTP_PULL, NOT_AS_ANNOUNCED, SHOWN, Address, Side, State
from datong.deliver.service import addresses, deciding, files, handing, sharing, transferring
from datong.ground import evidence, jobs
from datong.ground.crypto import hashing
from datong.ground.db import NODE, Store, Tx, Window, new_id
from datong.ground.refusal import Kind, Refusal
from datong.ground.staging import flush
from datong.negotiate import service as negotiate
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

SUFFIXES = {"application/json": "json", "text/csv": "csv", "text/plain": "txt", "application/xml": "xml"}
"""Content type -> suffix of a kept file that is no Parquet."""
TRIES = 5
"""How often a pull is tried that the provider refuses (REFUSED): its token was replaced, or the transfer suspended, and
the message that says so may still be on its way."""
REFUSED = (401, 403)
INDEX_BYTES_MAX = 1024 * 1024

Fetch = Callable[[Mapping[str, Any], Path], list[dict[str, Any]]]
"""(profile, folder) -> [{"share", "schema", "table", "version", "bytes", "digest", "announced_digest",
"announced_rows", "files": [Path]}]; given by app from wire.delta_sharing."""


@verb(Role.analyst, Role.data_engineer, Role.product_manager)
def profile(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Show once the Delta Sharing profile of a started transfer (a secret: keep it as you keep a password).

    Who has it can copy the data to anywhere, so the policy must allow download.
    """
    sharing.our_contract(tx, agreement, "consumer", "profile")
    deciding.require(tx, agreement=agreement, action="download")
    process = rows.first(
        tx, rows.processes, rows.processes.c.agreement == agreement, rows.processes.c.side == Side.consumer.value,
        rows.processes.c.into == "person", order=rows.processes.c.seq.desc(),
    )  # fmt: skip
    if process is None:
        raise SHOWN(agreement=agreement, zh="尚未发起传输", en="no transfer was requested")
    address = addresses.address_of(tx, process["id"])
    if address is None:
        waiting = process["state"] == State.REQUESTED
        zh = "提供方尚未开始传输" if waiting else f"已显示过，或传输已结束（{process['state']}）"
        en = "the provider has not started it yet" if waiting else f"it was shown, or it is over ({process['state']})"
        raise SHOWN(agreement=agreement, zh=zh, en=en)
    addresses.forget_address(tx, process["id"])
    evidence.append(tx, "deliver.profile_shown", rows.processes, process["id"], agreement=agreement)
    return address.profile()


@view()
def held(
    tx: Tx, *, agreement: str = "", id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Tables received from other owners and held here, of one agreement or of all.

    id: one alone. limit, offset: how many, after how many.
    """
    where = [rows.received.c.agreement == agreement] if agreement else []
    return rows.rows(tx, rows.received, *where, order=rows.received.c.at, window=Window(id, limit, offset))


FetchFile = Callable[[str, Mapping[str, str], Path], str]
"""(address, headers, file to write) -> its content type; one file by HTTP, given by app from wire.http_data."""


def fetch_job(store: Store, fetch: Fetch, fetch_file: FetchFile | None = None) -> jobs.Handler:
    """The handler of "deliver.fetch": pull, check, keep, hand to compose, complete the transfer. Safe to repeat.

    fetch: what pulls a share; fetch_file: what pulls one file (format HttpData-PULL).
    """

    def pulled(process: Mapping[str, Any], address: Address, folder: Path) -> list[dict[str, Any]]:
        if process["format"] == HTTP_PULL and fetch_file is not None:
            return [_one_file(process, address, folder, fetch_file)]
        return fetch(address.profile(), folder)

    def run(job: jobs.Job) -> None:
        pid = str(job.payload["transfer"])
        with store.read() as tx:
            process, address = tx.get(rows.processes, pid), addresses.address_of(tx, pid)
            kept = rows.rows(tx, rows.received, rows.received.c.transfer == pid)
        if process is None or process["state"] != State.STARTED:
            return
        if not kept:
            if address is None:
                return
            _pull(store, process, address, pulled, last_try=job.attempts >= TRIES)
        _handed_on(store, pid)

    return run


def _one_file(
    process: Mapping[str, Any], address: Address, folder: Path, fetch_file: FetchFile
) -> dict[str, Any]:  # fmt: skip
    """One file as a received table has it."""
    path = folder / "0.parquet"
    headers = {"authorization": rules.bearer(address.token)} if address.token else {}
    kind = fetch_file(address.endpoint, headers, path)
    if _is_index(path):
        raise NOT_AS_ANNOUNCED(
            zh="共享含多个数据表，HttpData-PULL 只取一个文件；请以 DeltaSharing-PULL 发起。",
            en="The share holds several tables, and HttpData-PULL takes one file; ask by DeltaSharing-PULL.",
        )
    return file_table(path, share=address.share or rules.share_name(process["agreement"]), kind=kind)


def _is_index(path: Path) -> bool:
    """Whether a file is what a node of this make answers where a share has several tables."""
    if path.stat().st_size > INDEX_BYTES_MAX:
        return False
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    tables = value.get("tables") if isinstance(value, dict) and set(value) == {"tables"} else None
    return isinstance(tables, list) and all(isinstance(one, dict) and "schema_name" in one for one in tables)


def file_table(path: Path, *, share: str, name: str = "file", kind: str = "") -> dict[str, Any]:
    """One file that came without a description, as `Fetch` describes a table."""
    with path.open("rb") as opened:
        parquet = opened.read(4) == b"PAR1"
    return {
        "share": share, "schema": "http", "table": rules.share_name(name), "version": 1, "files": [path],
        "bytes": path.stat().st_size, "digest": hashing.file_digest(path), "announced_digest": None,
        "announced_rows": None,
        "suffix": "parquet" if parquet else SUFFIXES.get(kind.partition(";")[0].strip().lower(), "bin"),
    }  # fmt: skip


Pulled = Callable[[Mapping[str, Any], Address, Path], list[dict[str, Any]]]


def _pull(store: Store, process: dict[str, Any], address: Address, pulled: Pulled, *, last_try: bool) -> None:
    folder = files.place(store).folder / "data" / "staging" / f"pull-{process['id']}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        tables = pulled(process, address, folder)
        with store.begin(NODE, "deliver") as tx:
            if _is_open(tx, process["id"]):  # else it was ended or suspended meanwhile
                keep(tx, process, tables)
    except Refusal as refusal:
        with store.begin(NODE, "deliver") as tx:
            _failed(tx, process["id"], address, refusal, last_try=last_try)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_open(tx: Tx, pid: str) -> bool:
    """Whether what a transfer brought may be kept: it is started, or its provider has already said that it is done."""
    process = tx.get(rows.processes, pid)
    return (
        process is not None
        and process["state"] in (State.STARTED, State.COMPLETED)
        and tx.get(rows.endings, process["agreement"]) is None
    )


def _failed(tx: Tx, pid: str, used: Address, refusal: Refusal, *, last_try: bool) -> None:
    """End the transfer, unless trying again may help: no answer, or a refusal whose reason may still be on its way."""
    process = tx.get(rows.processes, pid)
    if refusal.kind is Kind.unavailable or process is None or process["state"] != State.STARTED:
        return
    if addresses.address_of(tx, pid) != used:
        raise AGAIN(id=pid, zh="令牌已更换。", en="Its token was replaced.")
    if refusal.facts.get("status") in REFUSED and not last_try:
        _what, why, _next = refusal.texts()
        raise AGAIN(id=pid, zh=why.zh, en=why.en)
    transferring.terminate(tx, transfer=pid, reason=str(refusal)[:500])


def keep(tx: Tx, process: Mapping[str, Any], tables: list[dict[str, Any]]) -> None:
    """Rows of `received` for what was pulled, once each table is as it was announced."""
    contract = negotiate.in_force(tx, process["agreement"])
    if not tables:
        raise NOT_AS_ANNOUNCED(zh="共享中没有数据表。", en="The share holds no table.")
    for table in tables:
        if table.get("suffix", "parquet") != "parquet" and addresses.is_supply(tx, process["agreement"]):
            raise NOT_AS_ANNOUNCED(zh="供数应为 Parquet 文件。", en="A supply should be a Parquet file.")
        if len(table["files"]) != 1:
            raise NOT_AS_ANNOUNCED(zh="每个表应为一个文件。", en="A table should be one file.")
        source = Path(table["files"][0])
        count = _checked_rows(table, source)
        file = new_id("recv")
        staged = files.staged(tx.store, file)
        source.rename(staged)
        flush(staged)
        relative = files.target("received", process["agreement"], file, table.get("suffix", "parquet"))
        tx.add(
            rows.received,
            {
                "id": file, "agreement": process["agreement"], "transfer": process["id"],
                "dataset": contract["dataset"], "share": table["share"], "schema_name": table["schema"],
                "table_name": table["table"], "version": int(table["version"]), "path": relative,
                "digest": table["digest"], "rows": count, "bytes": int(table["bytes"]), "at": tx.now,
                "state": "held",
            },
        )  # fmt: skip
        evidence.append(
            tx, "deliver.received", rows.received, file, agreement=process["agreement"], digest=table["digest"],
            rows=count,
        )  # fmt: skip
        files.settle(tx, file, relative)


def _checked_rows(table: Mapping[str, Any], source: Path) -> int:
    """The rows of a file that is as it was announced; 0 of one that is no Parquet."""
    found = hashing.file_digest(source)
    announced = table.get("announced_digest") or found
    if announced != found or table["digest"] != found:
        raise NOT_AS_ANNOUNCED(
            zh=f"摘要应为 {announced}，实为 {found}。", en=f"Its digest is {found}, announced was {announced}."
        )
    count = _rows(source) if table.get("suffix", "parquet") == "parquet" else 0
    rows_announced = table.get("announced_rows")
    if rows_announced is not None and int(rows_announced) != count:
        raise NOT_AS_ANNOUNCED(
            zh=f"行数应为 {rows_announced}，实为 {count}。", en=f"It has {count} rows, announced were {rows_announced}."
        )
    return count


def _rows(source: Path) -> int:
    try:
        return int(pq.read_metadata(source).num_rows)
    except (pa.ArrowException, OSError) as broken:
        raise NOT_AS_ANNOUNCED(zh="Parquet 文件不可读。", en="It is no Parquet file that can be read.") from broken


def _handed_on(store: Store, pid: str) -> None:
    """Give what is held to compose and complete the transfer, in one transaction."""
    with store.begin(NODE, "deliver") as tx:
        process = tx.get(rows.processes, pid)
        if process is None or not _is_open(tx, pid):
            return
        handing.handed_to_compose(tx, pid)
        if process["state"] == State.STARTED:
            transferring.complete_transfer(tx, transfer=pid)
