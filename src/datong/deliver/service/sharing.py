"""Shares 共享: what lies ready under an agreement; one share per agreement, so that a token opens only its own.

A supply is a provider's counts on exactly the agreed groups; a product is a built version of the group's recipe; a
noisy table is an answer that was paid for and drawn once. All pass the release gate, are staged, committed with their
digest, then renamed. A file is shipped unchanged: its digest is the one the gate looked at.
Contract: tests/deliver/test_deliver_transfers.py, test_deliver_noisy.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datong.compose import service as compose
from datong.deidentify import service as deidentify
from datong.deidentify.model.joint_refusals import OTHERS_HOLD, OWN_REASON
from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import NOT_READY
from datong.deliver.service import deciding, files
from datong.ground import evidence, signing
from datong.ground.crypto import hashing
from datong.ground.db import Tx, Window, new_id
from datong.ground.refusal import Refusal, unless_unknown
from datong.ground.staging import flush
from datong.harmonise import service as harmonise
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.terms.roles import one_hand
from datong.terms.verbs import view


def our_contract(tx: Tx, agreement: str, side: str, act: str) -> dict[str, Any]:
    """The agreement in force of which this node is the `side` ("provider" or "consumer"), or a refusal."""
    contract = negotiate.in_force(tx, agreement)
    if contract[side] != signing.me(tx).code:
        raise rules.not_ours(act, agreement, side)
    return dict(contract)


def released(tx: Tx, contract: Mapping[str, Any], reason: str = "") -> dict[str, Any]:
    """Count on exactly the agreed groups, pass the gate, and lay the table ready; the caller has decided. reason: why,
    although others hold other groups of the same people: the word of another person than who asked for it."""
    agreement = str(contract["id"])
    part = _agreed_part(tx, agreement)
    asked = deciding.asked_and_held(tx, agreement, part["id"], OTHERS_HOLD.code)
    me = tx.actor
    if reason.strip() and all(one_hand(me.person, me.issued_by, one["person"], one["let_in_by"]) for one in asked):
        raise OWN_REASON(dataset=contract["dataset"])
    resource = contract["dataset"]
    build = harmonise.current(tx, resource)
    data = Path(build["path"])
    file, path = _staged(tx)
    pq.write_table(deidentify.supply(tx, part=part["id"], data=data), path)
    try:
        record = deidentify.release(
            tx, dataset=resource, recipient_group=contract["consumer_party"], agreement=agreement,
            form=rules.form_of(contract), path=path,
            providers=[signing.me(tx).party], part=part["id"], data=data, reason=reason, asked=asked,
        )  # fmt: skip
    except Refusal as refusal:
        if refusal.code == OTHERS_HOLD.code:
            deciding.keep_held(tx, contract, part["id"], refusal)
        raise
    source = {"kind": "supply", "release": record["id"], "partition": part["partition"], "build": build["build"],
              "build_digest": build["digest"]}  # fmt: skip
    return _laid_out(tx, contract, file, record, source, schema="supply", table=_name_of(tx, resource))


def _agreed_part(tx: Tx, agreement: str) -> dict[str, Any]:
    part = deidentify.partition_part(tx, agreement=agreement)
    if part["state"] == "asked":
        raise NOT_READY(
            agreement=agreement, zh="联合分组尚未商定。", en="The joint partition is not agreed yet.",
            next_zh="请待数据集团完成分组协商。", next_en="Wait until the data group has finished agreeing the groups.",
        )  # fmt: skip
    return dict(part)


def offered(tx: Tx, contract: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the current version of the product ready for the consumer; the caller has decided."""
    version = compose.version(tx, product=contract["dataset"])
    negotiate.require_one_split(tx, contract)
    record = deidentify.release(
        tx, dataset=contract["dataset"], recipient_group=contract["consumer_party"], agreement=contract["id"],
        form=rules.form_of(contract), path=Path(version["path"]),
        providers=compose.concerned(tx, version["recipe"]), recipe=version["recipe"],
    )  # fmt: skip
    file, path = _staged(tx)
    shutil.copyfile(version["path"], path)
    source = {"kind": "product", "release": record["id"], "version": version["id"], "inputs": version["inputs"]}
    return _laid_out(tx, contract, file, record, source, schema="product", table=_name_of(tx, contract["dataset"]))


def noisy(tx: Tx, contract: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """Pass the gate and lay a kept noisy answer ready; the caller has decided. The same question, answered anew over
    newer data, is a new version of the same table."""
    file, path = _staged(tx)
    record = deidentify.release_noisy(
        tx, answer=answer, dataset=contract["dataset"], recipient_group=contract["consumer_party"],
        agreement=contract["id"], form=rules.form_of(contract), path=path,
    )  # fmt: skip
    source = {"kind": "noisy", "release": record["id"], "build": record["build"],
              "build_digest": record["build_digest"], **record["risk"]}  # fmt: skip
    name = f"{_name_of(tx, contract['dataset'])[:180]}-{record['question'].partition(':')[2][:12]}"
    return _laid_out(tx, contract, file, record, source, schema="noisy", table=name)


def _staged(tx: Tx) -> tuple[str, Path]:
    """The id and the place of a file that is laid ready; it is gone again when this transaction comes to nothing."""
    file = new_id("file")
    path = files.staged(tx.store, file)
    tx.after_rollback.append(lambda: path.unlink(missing_ok=True))
    return file, path


def _laid_out(
    tx: Tx, contract: Mapping[str, Any], file: str, record: Mapping[str, Any], source: dict[str, Any], *,
    schema: str, table: str,
) -> dict[str, Any]:  # fmt: skip
    """A new version of the share's table from the staged `file`; the newest one again when nothing changed."""
    path = files.staged(tx.store, file)
    digest = hashing.file_digest(path)
    if record.get("file_digest", digest) != digest:
        raise NOT_READY(
            agreement=contract["id"], zh="文件不是放行检查所见的文件。",
            en="The file is not the one the gate looked at.", next_zh="请重新执行放行。", next_en="Release it again.",
        )  # fmt: skip
    parquet = pq.read_metadata(path)
    try:
        schema_string = rules.schema_string(pq.read_schema(path))
    except Refusal:
        path.unlink()
        raise
    newest = [
        t for t in rows.newest_tables(tx, contract["id"]) if (t["schema_name"], t["table_name"]) == (schema, table)
    ]
    if newest and [f["digest"] for f in rows.files_of(tx, newest[0]["id"])] == [digest]:
        path.unlink()
        return _shown(tx, newest[0])
    flush(path)
    size = path.stat().st_size
    row = {
        "id": new_id("share"), "agreement": contract["id"], "share": rules.share_name(contract["id"]),
        "schema_name": schema, "table_name": table, "version": newest[0]["version"] + 1 if newest else 1,
        "dataset": contract["dataset"], "schema_string": schema_string, "rows": parquet.num_rows, "bytes": size,
        "source": source, "at": tx.now, "wall_at": tx.wall, "state": "open",
    }  # fmt: skip
    relative = files.target("released", contract["id"], file)
    tx.add(rows.share_tables, row)
    tx.add(
        rows.share_files,
        {"id": file, "share_table": row["id"], "path": relative, "digest": digest, "rows": parquet.num_rows,
         "bytes": size, "state": "open"},
    )  # fmt: skip
    evidence.append(tx, "deliver.file_released", rows.share_files, file, digest=digest, agreement=contract["id"])
    evidence.append(
        tx, "deliver.share_opened", rows.share_tables, row["id"], agreement=contract["id"], dataset=row["dataset"],
        version=row["version"], rows=row["rows"], digest=digest, source=source,
    )  # fmt: skip
    files.settle(tx, file, relative)
    return _shown(tx, row)


def _name_of(tx: Tx, code: str) -> str:
    """The table's name: the data standard of the resource or product, its name where it has none, else its code."""
    known = unless_unknown(lambda: register.product(tx, code)) or unless_unknown(lambda: register.resource(tx, code))
    return rules.share_name(code if known is None else str(known["standard"] or known["name_en"]))


def _shown(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "files": rows.files_of(tx, row["id"])}


@view()
def shares(
    tx: Tx, *, agreement: str = "", id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """What lies ready under one agreement or under all: tables with versions, rows, bytes and files.

    id: one alone. limit, offset: how many, after how many.
    """
    where = [rows.share_tables.c.agreement == agreement] if agreement else []
    found = rows.rows(tx, rows.share_tables, *where, order=rows.share_tables.c.at, window=Window(id, limit, offset))
    return [_shown(tx, row) for row in found]
