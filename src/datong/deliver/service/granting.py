"""Grants 授权: who may pull under an agreement, by which token and file addresses, and the usage events of it.

A token opens only the share of its own agreement. A file address is signed with the key of one grant, works for
several requests (stock clients make dozens) and stops at once when the grant is suspended or ended.
Contract: tests/deliver/test_deliver_grants.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import BAD_ADDRESS, GRANT_OVER, NO_TOKEN, UNKNOWN, Decision, GrantState
from datong.deliver.service import deciding, files
from datong.ground import clock, evidence
from datong.ground.crypto import hashing
from datong.ground.db import Actor, Tx, Window, new_id
from datong.meter import service as meter
from datong.terms.verbs import view

FAR = "9999-12-31T00:00:00Z"


def new_grant(tx: Tx, contract: Mapping[str, Any], transfer: str, decision: Decision) -> str:
    """A grant without a token yet; `new_token` makes one when the start message is sent."""
    grant = new_id("grant")
    key_id = new_id("urlkey")
    files.new_url_key(tx.store, key_id)
    tx.after_rollback.append(lambda: files.destroy_url_key(tx.store, key_id))
    tx.add(
        rows.grants,
        {
            "id": grant, "agreement": contract["id"], "transfer": transfer, "holder": contract["consumer"],
            "holder_party": contract["consumer_party"], "token_hash": None, "key_id": key_id,
            "expires": contract["until"] or FAR, "issued_at": tx.now, "state": GrantState.active.value, "reason": "",
            "decision": decision.id,
        },
    )  # fmt: skip
    evidence.append(tx, "deliver.granted", rows.grants, grant, agreement=contract["id"], decision=decision.id)
    return grant


def new_token(tx: Tx, grant: str, start: str = "") -> str:
    """The bearer token (256 bits) of the grant for one start message; only its digest is kept, a former one is void.

    start: id of the start message, fresh when empty. A start sent again because its answer was lost brings the token
    it brought before, so tokens are derived, from the key of the grant, which is destroyed with it.
    """
    row = tx.get(rows.grants, grant)
    key = None if row is None else files.url_key(tx.store, row["key_id"])
    if row is None or key is None:
        raise GRANT_OVER(zh="密钥已销毁。", en="Its key was destroyed.")
    made = hashing.mac(key, f"bearer token/{grant}/{start or new_id('start')}".encode())
    token = "dt_" + base64.urlsafe_b64encode(made).decode().rstrip("=")
    if row["token_hash"] != rules.token_hash(token):
        tx.change(rows.grants, grant, token_hash=rules.token_hash(token))
        evidence.append(tx, "deliver.token_issued", rows.grants, grant)
    return token


def set_state(tx: Tx, grant: Mapping[str, Any], state: GrantState, reason: str) -> None:
    """Suspend, take up again or end a grant; an ended one stays ended, its token and addresses work no more."""
    if grant["state"] in (state.value, GrantState.ended.value):
        return
    void = {"token_hash": None} if state is GrantState.ended else {}
    tx.change(rows.grants, grant["id"], state=state.value, reason=reason, **void)
    evidence.append(tx, f"deliver.grant_{state.value}", rows.grants, grant["id"], reason=reason)


def grants_of(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    return rows.rows(tx, rows.grants, rows.grants.c.agreement == agreement, order=rows.grants.c.issued_at)


@view()
def grants(
    tx: Tx, *, agreement: str = "", id: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Grants of one agreement or of all, without anything secret.

    id: one alone. limit, offset: how many, after how many.
    """
    where = [rows.grants.c.agreement == agreement] if agreement else []
    found = rows.rows(tx, rows.grants, *where, order=rows.grants.c.issued_at, window=Window(id, limit, offset))
    return [{name: value for name, value in grant.items() if name != "token_hash"} for grant in found]


# ---- what a Delta Sharing server asks


def holder_of(tx: Tx, token: str) -> dict[str, Any]:
    """The live grant behind a bearer token of a member, with `actor`; USE-401 or USE-410 otherwise. Works in a read."""
    grant = rows.first(tx, rows.grants, rows.grants.c.token_hash == rules.token_hash(token)) if token else None
    if grant is None:
        raise NO_TOKEN()
    _require_live(tx, grant)
    if fault := deciding.member_fault(tx, grant["holder"]):  # names, columns and counts are not for it either
        raise GRANT_OVER(zh=fault[0], en=fault[1])
    return {**grant, "share": rules.share_name(grant["agreement"]), "actor": holder(grant)}


def holder(grant: Mapping[str, Any]) -> Actor:
    """The node that pulls under a grant, as who acts."""
    return Actor(person="", role="peer", party=grant["holder_party"], department=grant["holder"])


def _require_live(tx: Tx, grant: Mapping[str, Any]) -> None:
    """The grant is active and its agreement has not run out, been suspended or ended; no decision is written."""
    hold = rows.hold_of(tx, grant["agreement"])
    if grant["state"] == GrantState.suspended.value or hold is not None:
        reason = hold["reason"] if hold is not None else grant["reason"]
        raise GRANT_OVER(zh=f"交付已暂停：{reason}。", en=f"Delivery is suspended: {reason}.")
    if grant["state"] != GrantState.active.value or tx.get(rows.endings, grant["agreement"]) is not None:
        raise GRANT_OVER(zh=f"授权已终止：{grant['reason']}。", en=f"The grant has ended: {grant['reason']}.")
    if tx.business_now > clock.instant(grant["expires"]):
        raise GRANT_OVER(zh=f"合同已于 {grant['expires']} 到期。", en=f"The agreement ended at {grant['expires']}.")


def share_of(tx: Tx, grant: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The newest version of every table of the grant's share."""
    return rows.newest_tables(tx, grant["agreement"])


def table_of(
    tx: Tx, grant: Mapping[str, Any], schema: str, table: str, *, version: int | None = None,
    at: str = "", from_time: str = "",
) -> dict[str, Any]:  # fmt: skip
    """One table of the grant's share (names compared without case); USE-404 otherwise.

    version: that one. at: the newest not later than this wall instant. from_time: the first not earlier.
    """
    open_here = rows.rows(
        tx, rows.share_tables, rows.share_tables.c.agreement == grant["agreement"],
        rows.share_tables.c.state == "open", order=rows.share_tables.c.version,
    )  # fmt: skip
    # compared here: PostgreSQL cannot be asked for every text that an address may hold
    found = [row for row in open_here if (row["schema_name"], row["table_name"]) == (schema.lower(), table.lower())]
    if version is not None:
        found = [row for row in found if row["version"] == version]
    if at:
        found = [row for row in found if clock.instant(row["wall_at"]) <= clock.instant(at)]
    if from_time:
        found = [row for row in found if clock.instant(row["wall_at"]) >= clock.instant(from_time)][:1]
    if not found:
        raise UNKNOWN(zh="数据表", en="table", id=f"{schema}.{table}"[:200])
    return {**found[-1], "files": rows.files_of(tx, found[-1]["id"])}


def grant_files(tx: Tx, grant: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """Decide, count one usage event, and sign an address for every file of the table.

    Returns {"event", "decision", "until" (Unix seconds), "files": [{id, digest, rows, bytes, query}]}; `query` is
    the query string of the address. A query repeated while the addresses of the first still live belongs to the
    same usage event, because clients refresh addresses by asking again.
    """
    known = rows.first(
        tx, rows.file_sets, rows.file_sets.c.grant_id == grant["id"], rows.file_sets.c.share_table == table["id"],
        rows.file_sets.c.until > tx.wall, order=rows.file_sets.c.until.desc(),
    )  # fmt: skip
    if known is None:
        decision = deciding.require(tx, **_delivery(grant, table))
    else:
        decision = _require_still(tx, known["decision"], grant, table)
    current = tx.get(rows.grants, grant["id"])
    assert current is not None
    _require_live(tx, current)  # the token was checked in an earlier transaction
    key = files.url_key(tx.store, grant["key_id"])
    if key is None:
        raise GRANT_OVER(zh="密钥已销毁。", en="Its key was destroyed.")
    file_set = known or _new_file_set(tx, grant, table, decision)
    until = int(tx.wall_now.timestamp()) + files.place(tx.store).url_seconds
    return {
        "event": file_set["event"], "decision": decision.id, "until": until,
        "files": [
            {**file, "query": _address(key, file["id"], grant["id"], file_set["event"], until)}
            for file in table["files"]
        ],
    }  # fmt: skip


def _delivery(grant: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked of the choke point before the files of a table go out under a grant."""
    return {
        "agreement": grant["agreement"], "action": "delivery", "dataset": table["dataset"],
        "subject": grant["holder_party"], "facts": {"dataSize": table["bytes"], "dataRecord": table["rows"]},
        "laid": [table["id"]],
    }  # fmt: skip


def _require_still(tx: Tx, decision: str, grant: Mapping[str, Any], table: Mapping[str, Any]) -> Decision:
    """The same asked again of what was granted: its own count does not stand in its way."""
    ask, counted = _delivery(grant, table), rows.granted_before(tx, grant["agreement"])
    return deciding.require_still(tx, decision, **{**ask, "facts": {**ask["facts"], "count": counted}})


def _new_file_set(tx: Tx, grant: Mapping[str, Any], table: Mapping[str, Any], decision: Decision) -> dict[str, Any]:
    event = meter.take(
        tx, agreement=grant["agreement"], grant=grant["id"],
        kind="supply" if table["source"].get("kind") == "supply" else "file_set",
        table=f"{table['schema_name']}.{table['table_name']}", version=table["version"], rows=table["rows"],
        bytes_granted=table["bytes"], files=[f["digest"] for f in table["files"]],
        decision={"id": decision.id, "outcome": decision.verdict.outcome.value, "rule": decision.verdict.rule},
    )  # fmt: skip
    row = {
        "id": new_id("files"), "grant_id": grant["id"], "agreement": grant["agreement"], "share_table": table["id"],
        "event": event, "decision": decision.id,
        "until": clock.text(tx.wall_now.replace(microsecond=0) + timedelta(seconds=files.place(tx.store).url_seconds)),
    }  # fmt: skip
    tx.add(rows.file_sets, row)
    evidence.append(tx, "deliver.files_granted", rows.file_sets, row["id"], agreement=row["agreement"], event=event)
    return row


def _address(key: bytes, file: str, grant: str, event: str, until: int) -> str:
    signature = rules.address_signature(key, file=file, grant=grant, event=event, until=until)
    return f"grant={grant}&event={event}&until={until}&{rules.SIGNATURE}={signature}"


def open_file(tx: Tx, file: str, query: Mapping[str, str]) -> dict[str, Any]:
    """The file behind a signed address: {"file", "grant", "path", "digest", "bytes", "event"}; a refusal says why not.
    A read: the right is judged anew and only a denial is recorded.

    `file` is only ever looked up as a row id, so nothing in an address can name a path.
    """
    grant = tx.get(rows.grants, query.get("grant", "")[:80])
    if grant is None:
        raise BAD_ADDRESS(zh="的签名无效", en="has no valid signature")
    _require_live(tx, grant)
    key = files.url_key(tx.store, grant["key_id"])
    if key is None:
        raise GRANT_OVER(zh="密钥已销毁。", en="Its key was destroyed.")
    event = query.get("event", "")
    fault = rules.address_fault(
        key, file=file, grant=grant["id"], event=event, until=query.get("until", ""),
        signature=query.get(rules.SIGNATURE, ""), now=tx.wall_now.timestamp(),
    )  # fmt: skip
    if fault is not None:
        raise BAD_ADDRESS(zh=fault[0], en=fault[1])
    return _opened(tx, grant, file, event)


def require_open(tx: Tx, opened: Mapping[str, Any]) -> None:
    """A file that is being read is given no longer than the right to it lasts; what `open_file` gave is asked for once
    more, whatever has become of its address."""
    grant = tx.get(rows.grants, opened["grant"])
    assert grant is not None
    _require_live(tx, grant)
    _opened(tx, grant, opened["file"], opened["event"])


def _opened(tx: Tx, grant: Mapping[str, Any], file: str, event: str) -> dict[str, Any]:
    row = tx.get(rows.share_files, file[:80])
    owner = None if row is None else tx.get(rows.share_tables, row["share_table"])
    if row is None or owner is None or owner["agreement"] != grant["agreement"] or row["state"] != "open":
        raise UNKNOWN(zh="文件", en="file", id=file[:80])
    _require_still_allowed(tx, grant, owner, event)
    path: Path = files.there(tx.store, row["id"], row["path"])
    if not path.is_file():
        raise UNKNOWN(zh="文件", en="file", id=file[:80])
    return {"file": row["id"], "grant": grant["id"], "path": path, "digest": row["digest"], "bytes": row["bytes"],
            "event": event}  # fmt: skip


def _require_still_allowed(tx: Tx, grant: Mapping[str, Any], table: Mapping[str, Any], event: str) -> None:
    """An address lives no longer than the right it was handed out under."""
    given = rows.first(tx, rows.file_sets, rows.file_sets.c.event == event, rows.file_sets.c.grant_id == grant["id"])
    if given is None:
        raise UNKNOWN(zh="授权", en="grant of files", id=event[:80])
    _require_still(tx, given["decision"], grant, table)


def supplies_of(tx: Tx, events: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Usage event -> the supply contracts of what it delivered, by id; left out where it is no product of supplies."""
    found = {row.event: row.source.get("inputs", ()) for row in rows.sources_of(tx, events)}
    return {event: tuple(sorted({one["agreement"] for one in inputs})) for event, inputs in found.items() if inputs}


def served(tx: Tx, event: str, count: int) -> None:
    """Add the bytes of one answered request to its usage event; several requests of one grant are one event. What was
    still under way when the grant ended is written at once, as nothing reconciles it afterwards."""
    meter.served(tx, event, count)
    given = rows.first(tx, rows.file_sets, rows.file_sets.c.event == event)
    grant = None if given is None else tx.get(rows.grants, given["grant_id"])
    if grant is not None and grant["state"] == GrantState.ended.value:
        meter.reconcile(tx, event)


def reconcile(tx: Tx, agreement: str) -> int:
    """Write the bytes served so far into the usage events of an agreement; the number of events."""
    events = {s["event"] for s in rows.rows(tx, rows.file_sets, rows.file_sets.c.agreement == agreement)}
    meter.reconcile_all(tx, sorted(events))
    return len(events)
