"""Instruments between nodes: a signed instrument with the grantor's signed word on its state, or the grantee's
counter-signature. Every field of what arrives is checked; an older word never undoes a newer one."""

from __future__ import annotations

from typing import Any

from datong.authorise import rules, store
from datong.authorise.model import COLUMNS, MOVES, NOT_PROVEN, NOT_YET_KNOWN, Deed, State
from datong.authorise.service import records
from datong.ground import clock, evidence, outbox, signing
from datong.ground.canonical import hexdigest, is_digest_of
from datong.ground.db import Tx
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.terms.policy import PURPOSES


def received_instrument(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """authorise.instrument: a copy with the grantor's notice, or the grantee's counter-signature."""
    value, notice = _checked_body(body)
    if notice is None:
        _take_countersignature(tx, sender, value)
        return
    if not _bears(tx, value, str(value["grantor_party"]), sender):
        raise NOT_PROVEN(why="授权方签名无效。", why_en="The grantor's signature does not verify.")
    if notice["instrument"] != value["id"] or not is_digest_of(notice["digest"], signing.unsigned(value)):
        raise NOT_PROVEN(why="状态通知与文件不符。", why_en="The notice speaks of another instrument.")
    if not _bears(tx, notice, str(value["grantor_party"]), sender):
        raise NOT_PROVEN(why="状态通知签名无效。", why_en="The signature of the notice does not verify.")
    both = value["kind"] == "agreement" and notice["state"] not in (State.OFFERED, State.WITHDRAWN)
    if both and not _bears(tx, value, str(value["grantee_party"])):
        raise NOT_PROVEN(why="被授权方签名无效。", why_en="The grantee's signature does not verify.")
    _take_copy(tx, value, notice)


received_withdrawn = received_instrument
"""authorise.withdrawn: the same checks; the notice says WITHDRAWN."""


def _take_countersignature(tx: Tx, sender: str, value: dict[str, Any]) -> None:
    row = records.known(tx, str(value["id"]))
    if not is_digest_of(row["digest"], signing.unsigned(value)) or row["grantor_party"] != signing.me(tx).party:
        raise NOT_PROVEN(why="内容与已签文件不同。", why_en="Its content differs from what was signed.")
    if not _bears(tx, value, row["grantee_party"], sender):
        raise NOT_PROVEN(why="被授权方签名无效。", why_en="The grantee's signature does not verify.")
    if row["state"] != State.OFFERED:
        return  # a repetition
    theirs = [s for s in value["signatures"] if s.get("party") == row["grantee_party"]]
    both = {**row["value"], "signatures": [*row["value"]["signatures"], *theirs]}
    after = rules.moved(row["id"], row["kind"], row["state"], Deed.countersign)
    records.move(tx, row, after, "countersignature_received", value=both)


def _take_copy(tx: Tx, value: dict[str, Any], notice: dict[str, Any]) -> None:
    known = tx.get(store.instruments, str(value["id"]))
    if known is None:
        rules.require_sound(value, PURPOSES)
        records.insert(tx, value, State(notice["state"]), serial=notice["serial"], notice=notice)
    elif not _is_same(known, value, notice) or known["grantor_party"] == signing.me(tx).party:
        raise NOT_PROVEN(why="本节点已有同号不同文件。", why_en="This node holds another instrument of that id.")
    elif notice["serial"] <= known["serial"]:
        return  # a repetition, or an older word that arrived late
    else:
        if known["digest"] != notice["digest"]:
            rules.require_sound(value, PURPOSES)
        tx.change(
            store.instruments, known["id"], **records.content_columns(value), state=notice["state"],
            serial=notice["serial"], notice=notice, reason=notice["reason"], changed_at=tx.now,
        )  # fmt: skip
    evidence.append(tx, "authorise.copy_received", store.instruments, str(value["id"]), state=notice["state"],
                    serial=notice["serial"], digest=notice["digest"])  # fmt: skip


def _is_same(known: dict[str, Any], value: dict[str, Any], notice: dict[str, Any]) -> bool:
    """Whether this is the instrument held: of the same content, but for a plan that its body changed and filed anew."""
    changed = value["kind"] == known["kind"] == "plan" and notice["state"] == State.FILED
    same = known["digest"] == notice["digest"]
    return bool(same or (changed and known["grantor_party"] == value["grantor_party"]))


def tell(tx: Tx, instrument_id: str) -> None:
    """Send the instrument with a signed notice of its state to its grantee and to every copy."""
    row = records.known(tx, instrument_id)
    serial = row["serial"] + 1
    bare = {
        "instrument": row["id"], "digest": row["digest"], "state": row["state"], "serial": serial, "at": tx.now,
        "reason": row["reason"] or "",
    }  # fmt: skip
    notice = signing.signed(tx, bare)
    tx.change(store.instruments, row["id"], serial=serial, notice=notice)
    evidence.append(tx, "authorise.told", store.instruments, row["id"], state=row["state"], serial=serial)
    offered = row["state"] == State.OFFERED  # only the grantee sees an agreement that is half signed
    targets = [row["grantee_node"]] if offered else [row["grantee_node"], *row["copies_to"]]
    kind = "authorise.withdrawn" if row["state"] == State.WITHDRAWN else "authorise.instrument"
    for node in dict.fromkeys(t for t in targets if t and t != signing.me(tx).code):
        body = {"instrument": row["value"], "notice": notice}
        outbox.send(tx, to=node, type=kind, body=body, key=f"{row['id']}-{serial}-{hexdigest(node)[:12]}")


def _checked_body(body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """The two parts of a message, each field of the right type, or NOT_PROVEN."""
    value, notice = body.get("instrument"), body.get("notice")
    lists, texts = ("resources", "purposes", "acts", "parents", "copies_to"), ("id", "kind", "title", "grantor_party")
    sound = (
        isinstance(value, dict)
        and set(value) == {*COLUMNS, "id", "from", "until", "signatures"}
        and all(isinstance(value[n], str) and len(value[n]) <= 200 for n in (*texts, "grantee_party", "grantee_node"))
        and all(isinstance(value[n], list) and all(isinstance(x, str) for x in value[n]) for n in lists)
        and value["grantor_party"] != value["grantee_party"]
        and isinstance(value["items"], dict)
        and isinstance(value["signatures"], list)
        and all(isinstance(s, dict) for s in value["signatures"])
        and value["kind"] in MOVES
        and _are_instants(value["from"], value["until"])
    )
    if sound and notice is not None:
        sound = (
            isinstance(notice, dict)
            and set(notice) == {"instrument", "digest", "state", "serial", "at", "reason", "signatures"}
            and isinstance(notice["state"], str)
            and notice["state"] in set(State)
            and type(notice["serial"]) is int
            and isinstance(notice["reason"], str)
            and isinstance(notice["signatures"], list)
            and all(isinstance(s, dict) for s in notice["signatures"])
        )
    if not sound or not isinstance(value, dict):
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    return value, notice


def _bears(tx: Tx, value: dict[str, Any], party: str, node: str | None = None) -> bool:
    """True when `value` bears a signature of `party` that verifies under the key of one of its nodes."""
    mine = signing.me(tx)
    for signature in value["signatures"]:
        code = str(signature.get("node"))
        if signature.get("party") != party or (node is not None and code != node):
            continue
        if code == mine.code:
            known = {"party": mine.party, "public_key": signing.node_key(tx).public.text}
        else:
            try:
                known = register.node(tx, code)
            except Refusal as unknown:
                raise NOT_YET_KNOWN(node=code) from unknown
        if known["party"] == party and signing.signed_by(value, party, str(known["public_key"])):
            return True
    return False


def _are_instants(*texts: Any) -> bool:
    try:
        return all(bool(clock.instant(t)) for t in texts)
    except (ValueError, TypeError):
        return False
