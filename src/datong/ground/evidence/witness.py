"""Witnessing: other nodes see this node's checkpoints, and this node sees theirs.

Outgoing: `ask` sends the newest checkpoint with the proof from the size that witness last cosigned, one message
in flight per witness and not more often than every two seconds, so the last checkpoint always goes out.
Incoming: a witness remembers the last checkpoint it saw of each log and cosigns only what continues it. A log
that shows another history (fork) or fewer leaves (shrink) is refused, and both notes are kept with a leaf:
the log's own signatures are the proof. Cosigning writes no leaf, so two nodes that witness each other come to
rest. Who sends and with which key is told by the caller, who authenticated the sender.
Must never know: the register of nodes. Contract: tests/ground/test_evidence_witness.py.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Integer, String, select
from sqlalchemy import Text as LongText

from datong.ground import clock, jobs, outbox, signing
from datong.ground.canonical import hexdigest_bytes
from datong.ground.db import Actor, Instant, Store, Tx, table
from datong.ground.evidence import log, note, tree
from datong.ground.evidence.leaves import append
from datong.ground.keys import PublicKey
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text

CHECKPOINT = "evidence.checkpoint"
COSIGNATURE = "evidence.cosignature"
ASK_SECONDS = 2.0
ANSWER_SECONDS = 30.0
"""After so long without an answer to a delivered question, the newest checkpoint is sent again."""
PROOF_MAX = 64
CLOCK_SKEW_SECONDS = 300

_LOG_MENDS = Text("请日志所属节点运维人员核查。", "The operator of the log's node should look into it.")
BAD_CHECKPOINT = Reason(
    "EVD-400",
    Kind.invalid,
    Text("检查点未被见证。", "The checkpoint was not witnessed."),
    Text("消息内容有 {count} 处不符合格式。", "{count} things in the message do not have the required form."),
    Text("请按 C2SP tlog-checkpoint 格式发送。", "Send it as C2SP tlog-checkpoint describes."),
)
NOT_SIGNED = Reason(
    "EVD-401",
    Kind.denied,
    Text("{origin} 的检查点未被接受。", "The checkpoint of {origin} was not accepted."),
    Text("签名不是该节点登记密钥所作，或来源不是发送方自己的日志。",
         "It is not signed by that node's registered key, or it is not of the sender's own log."),
    _LOG_MENDS,
)  # fmt: skip
FORKED = Reason(
    "EVD-409",
    Kind.conflict,
    Text("{origin} 的检查点未被见证，证据已留存。",
         "The checkpoint of {origin} was not witnessed; the evidence is kept."),
    Text("它与此前见证的历史（{seen} 条）不一致：日志被分叉或改写。",
         "It does not continue the history witnessed before ({seen} leaves): the log was forked or rewritten."),
    _LOG_MENDS,
)  # fmt: skip
SHRUNK = Reason(
    "EVD-410",
    Kind.conflict,
    Text("{origin} 的检查点未被见证，证据已留存。",
         "The checkpoint of {origin} was not witnessed; the evidence is kept."),
    Text("它只有 {shown} 条，少于此前见证的 {seen} 条。", "It has {shown} leaves; {seen} were witnessed before."),
    _LOG_MENDS,
)  # fmt: skip
BAD_COSIGNATURE = Reason(
    "EVD-422",
    Kind.invalid,
    Text("见证签名未被接受。", "The cosignature was not accepted."),
    Text("它不是 {witness} 对本节点某个检查点所作的有效见证。",
         "It is not a valid cosignature of {witness} on a checkpoint of this node."),
    Text("请见证节点核对其密钥与时钟后重新签署。", "The witness should check its key and clock and sign again."),
)  # fmt: skip

asked = table(
    "evidence_asked",
    Column("cosigned_size", Integer, nullable=False),
    Column("asked_size", Integer, nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("job", String(80), nullable=False),
    Column("answered", Integer, nullable=False),  # 1 when the last question was answered
)
"""One row per witness of this node's log (id = node code)."""

witnessed = table(
    "evidence_witnessed",
    Column("origin", String(120), nullable=False, unique=True),
    Column("size", Integer, nullable=False),
    Column("root", String(64), nullable=False),
    Column("note", LongText, nullable=False),
    Column("line", LongText, nullable=False),
    Column("at", Instant, nullable=False),
)
"""What this node last saw of other logs (id = node code). Changes without a leaf: the other log has it."""

forks = table(
    "evidence_fork",
    Column("origin", String(120), nullable=False),
    Column("kind", String(10), nullable=False),  # fork | shrink
    Column("seen", LongText, nullable=False),
    Column("shown", LongText, nullable=False),
    Column("at", Instant, nullable=False),
)


def due(tx: Tx, witnesses: Sequence[str]) -> list[str]:
    """The witnesses to be asked now."""
    newest = log.last_checkpoint(tx)
    return [code for code in witnesses if newest is not None and _is_due(tx, code, int(newest["size"]))]


def _is_due(tx: Tx, witness: str, size: int) -> bool:
    row = tx.get(asked, witness)
    if row is None:
        return True
    since = (tx.wall_now - clock.instant(row["asked_at"])).total_seconds()
    if row["cosigned_size"] >= size or 0 <= since < ASK_SECONDS:
        return False
    if row["answered"] or since < 0:  # asked by a clock that was ahead and was put right
        return True
    job = tx.get(jobs.jobs, row["job"])
    in_flight = job is not None and job["state"] in {"waiting", "leased"}
    return not in_flight and since >= ANSWER_SECONDS


def ask(tx: Tx, witness: str) -> None:
    """Send the newest checkpoint to a witness."""
    newest = log.last_checkpoint(tx)
    assert newest is not None, "there is a checkpoint to ask about"
    row = tx.get(asked, witness)
    old = int(row["cosigned_size"]) if row else 0
    proof = [base64.b64encode(part).decode() for part in log.consistency_proof(tx, old, newest["size"])]
    body = {"note": newest["note"], "old_size": old, "proof": proof}
    job = outbox.send(tx, to=witness, type=CHECKPOINT, body=body)
    question = {"asked_size": newest["size"], "asked_at": tx.wall, "job": job, "answered": 0}
    if row is None:
        tx.add(asked, {"id": witness, "cosigned_size": 0, **question})
    else:
        tx.change(asked, witness, **question)


def received_checkpoint(tx: Tx, *, sender: str, sender_key: str, body: Mapping[str, Any]) -> None:
    """Cosign the checkpoint of `sender`'s log when it continues what was seen before, and answer.

    A sender whose old_size is not the one seen here is answered with what was seen, and can ask again.
    """
    old, proof, signed = _read(body)
    shown = note.parsed_checkpoint(signed.text)
    if shown.origin != note.origin_of(sender) or not note.is_signed_by(signed, shown.origin, PublicKey(sender_key)):
        raise NOT_SIGNED(origin=note.origin_of(sender))
    seen = tx.get(witnessed, sender)
    if seen is None:
        if old:
            _answer(tx, sender, {"size": 0, "text": "", "line": ""})
        else:
            _cosign(tx, sender, shown, signed, seen=False)
        return
    if shown.size < seen["size"]:
        raise _refused(tx, sender, SHRUNK, seen=seen, signed=signed, size=shown.size)
    if shown.size == seen["size"]:
        if shown.root.hex() != seen["root"]:
            raise _refused(tx, sender, FORKED, seen=seen, signed=signed, size=shown.size)
        _answer(tx, sender, {"size": seen["size"], "text": shown.text, "line": seen["line"]})
        return
    if old != seen["size"]:
        text = note.parsed(seen["note"]).text
        _answer(tx, sender, {"size": seen["size"], "text": text, "line": seen["line"]})
        return
    by = PublicKey(sender_key).profile.digest
    if not tree.consistent(old, bytes.fromhex(seen["root"]), shown.size, shown.root, proof, by):
        raise _refused(tx, sender, FORKED, seen=seen, signed=signed, size=shown.size)
    _cosign(tx, sender, shown, signed, seen=True)


def received_cosignature(tx: Tx, *, sender: str, sender_key: str, body: Mapping[str, Any]) -> None:
    """Keep a witness's cosignature on one of our checkpoints; size 0 says that it has seen nothing of us yet."""
    row = tx.get(asked, sender)
    size, text, line = body.get("size"), body.get("text"), body.get("line")
    if row is None or type(size) is not int or not isinstance(text, str) or not isinstance(line, str):
        raise BAD_COSIGNATURE(witness=sender)
    if size == 0:
        tx.change(asked, sender, cosigned_size=0, answered=1)
        return
    at = _cosigned_at(tx, sender, sender_key, size=size, text=text, line=line)
    tx.change(asked, sender, cosigned_size=size, answered=1)
    key = f"{size:016d}/{sender}"
    if tx.get(log.cosignatures, key) is None:
        cosignature = {
            "id": key, "witness": sender, "size": size, "key": sender_key, "line": line, "cosigned_at": clock.text(at),
        }  # fmt: skip
        tx.add(log.cosignatures, cosignature)


def _cosigned_at(tx: Tx, sender: str, sender_key: str, *, size: int, text: str, line: str) -> datetime:
    ours = tx.one(select(log.checkpoints).where(log.checkpoints.c.size == size)) if 0 < size < 1 << 60 else None
    refusal = BAD_COSIGNATURE(witness=sender)
    if ours is None or len(line) > 1_000 or not line.endswith("\n") or note.parsed(ours.note).text != text:
        raise refusal
    try:
        signature = note.parsed_line(line[:-1])
    except ValueError as broken:
        raise refusal from broken
    seconds = note.cosigned_at(text, signature, note.origin_of(sender), PublicKey(sender_key))
    if seconds is None or seconds > tx.wall_now.timestamp() + CLOCK_SKEW_SECONDS:
        raise refusal
    return datetime.fromtimestamp(seconds, UTC)


def _read(body: Mapping[str, Any]) -> tuple[int, list[bytes], note.Note]:
    """(old size, proof, note) of a hostile body, or BAD_CHECKPOINT with all that is wrong."""
    problems: list[Problem] = []
    old, given = body.get("old_size"), body.get("proof")
    if type(old) is not int or not 0 <= old < 1 << 60:
        problems.append(Problem("old_size", "应为非负整数", "should be a whole number, not negative"))
    proof: list[bytes] = []
    try:
        if not isinstance(given, list) or len(given) > PROOF_MAX:
            raise ValueError("not a list of hashes")
        proof = [note.unb64(str(part)) for part in given]
    except ValueError:
        problems.append(Problem("proof", "应为 base64 哈希的列表", f"should be a list of at most {PROOF_MAX} hashes"))
    signed = note.Note("", ())
    try:
        signed = note.parsed(str(body.get("note", "")))
        note.parsed_checkpoint(signed.text)
    except ValueError as broken:
        problems.append(Problem("note", "不是已签名的检查点", f"is no signed checkpoint: {broken}"))
    if problems:
        raise BAD_CHECKPOINT(problems, count=len(problems))
    return int(old or 0), proof, signed


def _cosign(tx: Tx, sender: str, shown: note.Checkpoint, signed: note.Note, *, seen: bool) -> None:
    mine = note.origin_of(signing.me(tx).code)
    line = note.cosigned(shown.text, mine, signing.node_key(tx), int(tx.wall_now.timestamp()))
    row = {
        "origin": shown.origin, "size": shown.size, "root": shown.root.hex(), "note": note.written(signed),
        "line": line, "at": tx.wall,
    }  # fmt: skip
    if seen:
        tx.change(witnessed, sender, **row)
    else:
        tx.add(witnessed, {"id": sender, **row})
    _answer(tx, sender, {"size": shown.size, "text": shown.text, "line": line})


def _answer(tx: Tx, to: str, body: Mapping[str, Any]) -> None:
    outbox.send(tx, to=to, type=COSIGNATURE, body=body)


def _refused(tx: Tx, sender: str, reason: Reason, *, seen: Mapping[str, Any], signed: note.Note, size: int) -> Refusal:
    """The refusal; what was shown is kept whether the caller's transaction is undone (as it should) or not."""
    row = {
        "origin": seen["origin"], "kind": "fork" if reason is FORKED else "shrink", "seen": seen["note"],
        "shown": note.written(signed), "at": tx.wall,
    }  # fmt: skip
    store, actor = tx.store, tx.actor

    def keep() -> None:
        _keep_fork(store, actor, sender, row)

    tx.after_rollback.append(keep)
    tx.after_commit.append(keep)
    return reason(origin=seen["origin"], seen=seen["size"], shown=size)


def _keep_fork(store: Store, actor: Actor, sender: str, row: Mapping[str, Any]) -> None:
    """One record per log and last good state, so that a flood of forks fills nothing."""
    known = f"{sender}\n{row['seen']}".encode()
    key = f"fork-{hexdigest_bytes(known)}"
    with store.begin(actor, "evidence") as tx:
        if tx.get(forks, key) is None:
            tx.add(forks, {"id": key, **row})
            append(tx, "evidence.fork_refused", forks, key, origin=row["origin"], kind=row["kind"])
