"""The end of a delivery 交付终止: tokens void at once, keys destroyed, copies deleted, and a signed proof of it.

`end` refuses everything from its commit on and queues "deliver.destroy", which destroys and only then writes the
proof; both can be repeated after a crash. The consumer's node is told (deliver.ended), does the same with what it
received and answers with its own signed proof (deliver.destruction_proof). TC609-6-2025-14: proof of data
destruction at termination. Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.deidentify import service as deidentify
from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import BAD_MESSAGE, Act, GrantState
from datong.deliver.service import controlling, deciding, files, granting, transfer_course
from datong.deliver.service.holding import our_side
from datong.ground import clock, evidence, jobs, outbox, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import NODE, Store, Tx, Window
from datong.ground.overtaken import Ends
from datong.ground.refusal import Problem
from datong.negotiate.service import national
from datong.register import service as register
from datong.terms import policy
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

DESTROY = "deliver.destroy"


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def end_agreement(tx: Tx, *, agreement: str, reason: str) -> dict[str, Any]:
    """End delivery under an agreement for good: keys destroyed, copies deleted, with proof."""
    return end(tx, agreement=agreement, reason=reason)


def end(tx: Tx, *, agreement: str, reason: str) -> dict[str, Any]:
    """The same for other rooms (expiry, termination, withdrawal). Repeated, it changes nothing."""
    known = tx.get(rows.endings, agreement)
    if known is not None:
        return known
    contract = our_side(tx, agreement, "end")
    transfer_course.move_all(tx, agreement, Act.terminate, "ended", reason)
    for grant in granting.grants_of(tx, agreement):
        granting.set_state(tx, grant, GrantState.ended, reason)
    granting.reconcile(tx, agreement)
    tx.add(
        rows.endings,
        {"id": agreement, "reason": reason, "by": tx.actor.person, "at": tx.now, "state": "ending", "proof": None,
         "peer_proof": None},
    )  # fmt: skip
    evidence.append(tx, "deliver.ended", rows.endings, agreement, reason=reason)
    jobs.enqueue(tx, DESTROY, {"agreement": agreement}, key=_key("destroy", agreement))
    if contract["provider"] == signing.me(tx).code:
        body = {"agreement": agreement, "reason": reason}
        outbox.send(tx, to=contract["consumer"], type="deliver.ended", body=body, key=_key("ended", agreement))
    row = tx.get(rows.endings, agreement)
    assert row is not None
    return row


def _granted_still(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    """{id, expires}: the agreements, or one of them, with a grant that did not end; the term of each grant."""
    of = rows.grants.c
    one = [of.agreement == agreement] if agreement else []
    found = rows.rows(tx, rows.grants, of.state != GrantState.ended.value, *one, order=of.agreement)
    return [{"id": grant["agreement"], "expires": grant["expires"]} for grant in found]


def _is_over(tx: Tx, row: Mapping[str, Any]) -> bool:
    return tx.business_now > clock.instant(row["expires"])


def _expired(tx: Tx, row: Mapping[str, Any]) -> None:
    end(tx, agreement=str(row["id"]), reason="合同到期 the term of the agreement is over")


ENDS = (Ends("deliver.delivery", _granted_still, _is_over, _expired),)
"""Deliveries whose agreement has run out by the business clock."""


def destroy_job(store: Store) -> jobs.Handler:
    """The handler of "deliver.destroy": destroys keys and files, then writes the proof. Safe to repeat."""

    def run(job: jobs.Job) -> None:
        agreement = str(job.payload["agreement"])
        with store.read() as tx:
            keys = [g["key_id"] for g in granting.grants_of(tx, agreement)]
            doomed = _files(tx, agreement)
            names = _names(tx, agreement)
        for key in keys:
            files.destroy_url_key(store, key)
        treated_with = [deidentify.destroy_treatment_key(files.place(store).folder, name) for name in names]
        keys += [f"treatment:{key}" for key in treated_with if key]
        for file in doomed:
            files.there(store, file["id"], file["path"]).unlink(missing_ok=True)
        with store.begin(NODE, "deliver") as tx:
            _proved(tx, agreement, keys, doomed)

    return run


def _names(tx: Tx, agreement: str) -> list[str]:
    """What a contract is called: its id, its code and the id a platform filed it under. A plan of treatment names it by
    any of them, and a key of each may be kept."""
    filed = national.of_agreement(tx, agreement) or {}
    return list(dict.fromkeys(filter(None, [agreement, our_side(tx, agreement, "end")["code"], filed.get("id")])))


def _files(tx: Tx, agreement: str) -> list[dict[str, Any]]:
    """Every file here that the agreement put here: released for the other side, or received from it."""
    tables = rows.rows(tx, rows.share_tables, rows.share_tables.c.agreement == agreement)
    ours = [{**f, "role": "released"} for t in tables for f in rows.files_of(tx, t["id"])]
    theirs = rows.rows(tx, rows.received, rows.received.c.agreement == agreement)
    return ours + [{**f, "role": "received"} for f in theirs]


def _proved(tx: Tx, agreement: str, keys: list[str], doomed: list[dict[str, Any]]) -> None:
    ending = tx.get(rows.endings, agreement)
    if ending is None or ending["state"] == "destroyed":
        return
    for file in doomed:
        of = rows.share_files if file["role"] == "released" else rows.received
        tx.change(of, file["id"], state="destroyed")
        evidence.append(tx, "deliver.file_destroyed", of, file["id"], digest=file["digest"], agreement=agreement)
    for table in rows.rows(tx, rows.share_tables, rows.share_tables.c.agreement == agreement):
        tx.change(rows.share_tables, table["id"], state="destroyed")
        evidence.append(tx, "deliver.share_destroyed", rows.share_tables, table["id"], agreement=agreement)
    contract = our_side(tx, agreement, "end")
    mine = signing.me(tx)
    proof = rules.destruction_proof(
        agreement=agreement, node=mine.code, reason=ending["reason"], at=tx.now, by=ending["by"] or "node", keys=keys,
        files=[{"digest": f["digest"], "bytes": f["bytes"], "role": f["role"]} for f in doomed],
        download_allowed=_download_allowed(tx, contract),
    )  # fmt: skip
    proof = signing.signed(tx, proof)
    tx.change(rows.endings, agreement, state="destroyed", proof=proof)
    # of a daily delivery there are thousands; each file has its leaf, and the proof, which names all, is the record
    evidence.append(tx, "deliver.destroyed", rows.endings, agreement, keys=len(keys), files=len(doomed),
                    control=proof["control"])  # fmt: skip
    if contract["consumer"] == mine.code:
        if (card := national.of_agreement(tx, agreement)) is not None:
            controlling.proven(tx, contract, card)
        outbox.send(tx, to=contract["provider"], type="deliver.destruction_proof", body=proof,
                    key=_key("proof", agreement))  # fmt: skip


def _granted(tx: Tx, agreement: str) -> set[str]:
    """Digests of the files whose addresses were ever given out under an agreement."""
    sets = rows.rows(tx, rows.file_sets, rows.file_sets.c.agreement == agreement)
    tables = {granted["share_table"] for granted in sets}
    return {str(file["digest"]) for table in tables for file in rows.files_of(tx, table)}


def _download_allowed(tx: Tx, contract: dict[str, Any]) -> bool:
    """Whether the policy let data leave the controlled nodes at some time of the agreement (purpose as agreed)."""
    names = deciding.called(tx, contract["consumer_party"], contract["consumer"])
    context = {"purpose": contract["terms"].get("purpose", ""), "target": contract["dataset"],
               "assignee": names, **deciding.receiving(contract["consumer"])}  # fmt: skip
    return policy.compiled(policy.from_json(contract["policy"])).may_pass("download", context)


# ---- messages


def received_ended(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """deliver.ended: the provider ended delivery; delete what we hold of it and prove it."""
    fields = rules.texts(body, ("agreement", "reason"))
    contract = our_side(tx, fields["agreement"], "end")
    if contract["provider"] != sender:
        raise rules.not_ours("end", fields["agreement"], "provider")
    end(tx, agreement=fields["agreement"], reason=fields["reason"])


def received_destruction_proof(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """deliver.destruction_proof: the consumer's signed proof, checked against its registered key and kept.

    Where the policy allows no download, everything that was granted went into that node: the proof must name it all.
    """
    agreement = rules.texts(body, ("agreement", "node", "at"))["agreement"]
    contract = our_side(tx, agreement, "end")
    if contract["consumer"] != sender or body["node"] != sender:
        raise rules.not_ours("destruction_proof", agreement, "consumer")
    peer = register.node(tx, sender)
    if not signing.signed_by(body, contract["consumer_party"], peer["public_key"]):
        raise BAD_MESSAGE([Problem("signatures", "签名无效", "no valid signature of the sender")], count=1)
    if not _download_allowed(tx, contract) and (unnamed := _granted(tx, agreement) - rules.digests(body)):
        zh, en = f"未列出 {len(unnamed)} 个已交付的文件", f"does not name {len(unnamed)} files that were delivered"
        raise BAD_MESSAGE([Problem("files", zh, en)], count=1)
    ending = end(tx, agreement=agreement, reason=rules.texts(body, ("reason",))["reason"])
    if ending["peer_proof"] is None:
        tx.change(rows.endings, agreement, peer_proof=body)
        evidence.append(tx, "deliver.proof_received", rows.endings, agreement, node=sender)


@view()
def endings(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """Ended deliveries with our proof of destruction and the other side's.

    id: one alone. limit, offset: how many, after how many.
    """
    return rows.rows(tx, rows.endings, order=rows.endings.c.at, window=Window(id, limit, offset))


def _key(kind: str, agreement: str) -> str:
    return f"{kind}-" + hexdigest(agreement)
