"""Our messages on their way: what the wire asks before sending and tells after."""

from __future__ import annotations

from typing import Any

from datong.ground.db import Tx
from datong.ground.refusal import Text
from datong.negotiate import rules, store
from datong.negotiate.model import FINAL, MOVES, NO_SUCH, Act, Party, State
from datong.negotiate.service.course import into, mine, noted, own, purpose_of, reason, sending


def outgoing(tx: Tx, message: str) -> dict[str, Any] | None:
    """What to send: {"message", "act", "side", "peer", "base", "pid", "peer_pid", "opening", "body", "signs", "terms"}.

    base is "" when only the peer's version document tells it. signs: whether the peer announced that it signs
    agreements; terms: whether the offer on the table states terms (a peer that says neither compares the agreement's
    policy with the one it sent, word for word). None when the message is no longer wanted, because
    another act took its place or the counterparty's answer already showed that it arrived.
    """
    kept = tx.get(store.messages, message)
    if kept is None:
        raise NO_SUCH(id=message)
    row = mine(tx, kept["negotiation"])
    if row["pending_message"] != message:
        return None
    return {
        "message": message, "act": kept["act"], "side": row["side"], "peer": row["peer"], "base": row["callback"],
        "pid": row["id"], "peer_pid": row["peer_pid"], "opening": not row["peer_pid"], "body": kept["body"],
        "dataset": row["dataset"], "signs": _signs(tx, row["peer"]), "terms": bool(row["offer"]["terms"]),
    }  # fmt: skip


def _signs(tx: Tx, node: str) -> bool:
    announced = peer(tx, node)
    return announced is not None and bool(announced["signs"])


def acknowledged(tx: Tx, *, message: str, peer_pid: str = "") -> None:
    """The counterparty accepted our message: now the state moves. peer_pid: its pid, told in answer to an opening."""
    kept = tx.get(store.messages, message)
    assert kept is not None, "only messages we sent are acknowledged"
    row = mine(tx, kept["negotiation"])
    if row["pending_message"] != message:
        return
    act, state = Act(kept["act"]), State(row["state"])
    if not row["peer_pid"]:
        if peer_pid and store.by_peer_pid(tx, row["side"], row["peer"], peer_pid) is not None:
            peer_pid = ""  # that of another process of theirs with us: as good as none
        noted(tx, row, "acknowledged", peer_pid=peer_pid, pending=None, pending_message=None)
        return
    into(tx, row, rules.moved(state, act, Party(row["side"]), row["id"]), **_offer_of(act, kept["body"]))


def _offer_of(act: Act, body: dict[str, Any]) -> dict[str, Any]:
    """Values of a negotiation that an acknowledged counter-offer or counter-request sets."""
    if act not in (Act.offer, Act.request):
        return {}
    return {"offer": body, "offer_id": body["id"], "purpose": purpose_of(body)}


def not_accepted(tx: Tx, *, message: str, code: str, answer: str) -> None:
    """The counterparty refused our message for good: the two sides differ, so the negotiation ends.

    An opening ends here; later acts are followed by a termination, so that the other side ends too.
    """
    kept = tx.get(store.messages, message)
    assert kept is not None, "only messages we sent are refused"
    row = mine(tx, kept["negotiation"])
    if row["pending_message"] != message or State(row["state"]) in FINAL:
        return
    words = Text(f"对方拒绝了消息 {kept['act']}：{answer}", f"The counterparty refused the {kept['act']}: {answer}")
    why = reason(code, words)
    if row["peer_pid"] and kept["act"] != Act.terminate.value:
        sending(own(tx, row), row, Act.terminate, why, reason=why)
    else:
        ended = MOVES[State(row["state"]), Act.terminate][1]
        into(own(tx, row), row, ended, reason=row["reason"] or why)


def learned_peer(tx: Tx, *, node: str, base: str, signs: bool) -> None:
    """Remember what the version document of a node announced: its DSP base and whether it signs agreements."""
    values = {"base": base, "signs": signs, "learned_at": tx.wall}
    if tx.get(store.peers, node) is None:
        tx.add(store.peers, {"id": node, **values})
    else:
        tx.change(store.peers, node, **values)


def peer(tx: Tx, node: str) -> dict[str, Any] | None:
    """{"base", "signs", "learned_at"} of a peer, or None when its version document was not read yet."""
    return tx.get(store.peers, node)
