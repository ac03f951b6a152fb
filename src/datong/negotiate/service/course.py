"""The course of a negotiation: opening, moving and sending, each with its leaf, in one transaction.

Our own act is first `pending`: its message is a job, and the state moves when the counterparty acknowledges
it (Dataspace Protocol 2025-1, 1.6), or when its next message shows that ours arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from datong.ground import clock, evidence, jobs, signing
from datong.ground.canonical import digest
from datong.ground.db import Actor, Store, Tx, new_id
from datong.ground.refusal import Refusal, Text
from datong.negotiate import rules, store
from datong.negotiate.model import (
    ANSWER_DAYS,
    BUSY,
    ENDING,
    FINAL,
    HOLDER,
    LEFT,
    NO_SUCH,
    TOO_MANY_BEGUN,
    TOO_MANY_OPEN,
    Act,
    Party,
    State,
)

SEND = "dsp.send"
"""Kind of the jobs that carry our messages; payload {"message": id of the negotiation_message row, "to": node}."""
NATIONAL = "ndi:"
"""A callback that begins so belongs to the national rail, whose messages have their own jobs."""
SEND_NATIONAL = "ndi.send"

Hook = Callable[[Tx, dict[str, Any]], None]
on_finalized: list[Hook] = []
"""Called with the agreement when a contract is concluded, in the same transaction (set by `app`)."""
on_terminated: list[Hook] = []
"""Called with the agreement when a contract ends, early or by expiry, in the same transaction."""


@dataclass(frozen=True)
class _Customs:
    by_hand: frozenset[Act] = frozenset()
    open_per_peer: int = 1000
    begun_per_peer: int = 1000
    filed_first: bool = False


BEGUN_PER_OPEN = 10
"""How many negotiations one peer may open within a day for each that it may have open at once."""
_CUSTOMS: WeakKeyDictionary[Store, _Customs] = WeakKeyDictionary()


def install(
    store: Store, by_hand: Iterable[str] = (), *, open_per_peer: int = _Customs.open_per_peer,
    begun_per_peer: int = _Customs.begun_per_peer, filed_first: bool = False,
) -> None:  # fmt: skip
    """Tell this process which acts the node of `store` never does by itself (they wait for a person), how many
    negotiations one peer may have open that it opened, how many contracts of the national rail it may have begun of
    which nothing came yet, and whether contracts are performed only once they are filed."""
    acts = frozenset(Act(name) for name in by_hand)
    _CUSTOMS[store] = _Customs(acts, open_per_peer, begun_per_peer, filed_first)


def by_hand(tx: Tx, act: Act) -> bool:
    return act in _customs(tx).by_hand


def filed_first(tx: Tx) -> bool:
    return _customs(tx).filed_first


def require_room(tx: Tx, peer: str) -> None:
    """TOO_MANY_OPEN when `peer` has opened as many negotiations that are still open, or ten times as many within a day,
    as one peer may: each that it ends at once leaves its rows and its evidence."""
    most = _customs(tx).open_per_peer
    if store.opened_by(tx, peer) >= most:
        raise TOO_MANY_OPEN(peer=peer, most=most, which_zh="尚未结束者", which_en="are still open")
    since = clock.text(tx.business_now - timedelta(days=1))
    if store.begun_by(tx, peer, since) >= BEGUN_PER_OPEN * most:
        begun = Text("一日之内发起者", "were begun within a day")
        raise TOO_MANY_OPEN(peer=peer, most=BEGUN_PER_OPEN * most, which_zh=begun.zh, which_en=begun.en)


def require_room_to_begin(tx: Tx, issuer: str, pending: Callable[[Tx, str, str], int]) -> None:
    """TOO_MANY_BEGUN when of as many contracts as one node may begin nothing came yet; pending(tx, issuer, since): how
    many of those it began from then on. What is older than a negotiation may wait is over, and counts no more."""
    since = clock.text(tx.business_now - timedelta(days=ANSWER_DAYS))
    most = _customs(tx).begun_per_peer
    if pending(tx, issuer, since) >= most:
        raise TOO_MANY_BEGUN(issuer=issuer, days=ANSWER_DAYS, most=most)


def _customs(tx: Tx) -> _Customs:
    return _CUSTOMS.get(tx.store, _Customs())


def left_to_person(tx: Tx, row: dict[str, Any], act: Act) -> dict[str, Any]:
    """`row` waiting for a person of this node to do `act`, with the reason told."""
    words = LEFT[act]
    return noted(tx, row, "left_to_person", wait_zh=words.zh, wait_en=words.en)


def rail(row: Mapping[str, Any]) -> str:
    """ "national" or "dsp": by which protocol the two sides of a negotiation speak."""
    return "national" if str(row["callback"]).startswith(NATIONAL) else "dsp"


def own(tx: Tx, row: Mapping[str, Any]) -> Tx:
    """The same transaction acting as this node for the person who stands behind the negotiation.

    What follows from a counterparty's message by itself is the node's deed, not the counterparty's.
    """
    person = Actor(row["person"], "node", signing.me(tx).party, row["department"])
    return replace(tx, actor=person)


def opened(
    tx: Tx, *, side: Party, peer: str, peer_party: str, peer_pid: str, callback: str, offer: dict[str, Any],
    state: State, person: str = "", department: str = "", sign: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """A new negotiation in `state`, with its leaf."""
    row = {
        "id": new_id("neg"), "version": 1, "side": side.value, "peer": peer, "peer_party": peer_party,
        "peer_pid": peer_pid, "callback": callback, "dataset": offer["dataset"], "offer_id": offer["id"],
        "purpose": purpose_of(offer), "offer": offer, "state": state.value, "pending": None,
        "pending_message": None, "person": person, "department": department, "sign": sign, "agreement": None,
        "reason": None, "started_at": tx.now, "changed_at": tx.now, **_waiting(tx, state),
    }  # fmt: skip
    tx.add(store.negotiations, row)
    leaf(tx, row)
    return row


def _waiting(tx: Tx, state: State) -> dict[str, Any]:
    holder, why = HOLDER[state]
    deadline = None if state in FINAL else _deadline(tx)
    return {"held_by": holder.value if holder else None, "wait_zh": why.zh, "wait_en": why.en, "deadline": deadline}


def _deadline(tx: Tx) -> str:
    return clock.text(tx.business_now + timedelta(days=ANSWER_DAYS))


def leaf(tx: Tx, row: Mapping[str, Any], act: str = "") -> None:
    facts = {"state": row["state"], "peer": row["peer"], "dataset": row["dataset"], "purpose": row["purpose"]}
    evidence.append(tx, f"negotiate.{act or str(row['state']).lower()}", store.negotiations, row["id"], **facts)


def purpose_of(offer: Mapping[str, Any]) -> str:
    return str(offer["terms"].get("purpose") or "")


def kept(tx: Tx, row: Mapping[str, Any], act: Act, body: dict[str, Any], heard_as: str = "") -> str:
    """Keep a message (版本存档) with its leaf; returns the id of its row. heard_as: the counterparty's message id,
    "" for a message of ours."""
    key, direction = new_id("nmsg"), "in" if heard_as else "out"
    tx.add(
        store.messages,
        {
            "id": key, "negotiation": row["id"], "round": store.next_round(tx, row["id"]), "direction": direction,
            "act": act.value, "body": body, "message_id": heard_as or key, "digest": digest(body), "at": tx.now,
        },
    )  # fmt: skip
    evidence.append(
        tx, f"negotiate.message_{'sent' if direction == 'out' else 'received'}", store.messages, key, move=act.value
    )
    return key


def into(tx: Tx, row: dict[str, Any], state: State, **values: Any) -> dict[str, Any]:
    """`row` moved into `state` (its own pending act is done with), with leaf, agreement and hooks following."""
    waits = _waiting(tx, state)
    moved = store.changed(
        tx, row, **{"state": state.value, "pending": None, "pending_message": None, **waits, **values}
    )
    if moved is None:
        raise BUSY(negotiation=row["id"])
    leaf(tx, moved)
    if moved["agreement"]:
        _agreement_follows(tx, moved["agreement"], state, moved["reason"])
    return moved


def _agreement_follows(tx: Tx, agreement_id: str, state: State, reason: Any) -> None:
    agreement = tx.get(store.agreements, agreement_id)
    if agreement is None or agreement["state"] == state.value:
        return
    ended = {"ended_at": tx.now, "reason": reason} if state is State.TERMINATED else {}
    tx.change(store.agreements, agreement_id, state=state.value, **ended)
    evidence.append(tx, f"negotiate.contract_{state.value.lower()}", store.agreements, agreement_id, state=state.value)
    hooks = {State.FINALIZED: on_finalized, State.TERMINATED: on_terminated}.get(state, [])
    for hook in hooks:
        hook(tx, {**agreement, "state": state.value})


def noted(tx: Tx, row: dict[str, Any], act: str, **values: Any) -> dict[str, Any]:
    """`row` with other values changed in the same state, with its leaf."""
    changed = store.changed(tx, row, **values)
    if changed is None:
        raise BUSY(negotiation=row["id"])
    leaf(tx, changed, act)
    return changed


def sending(
    tx: Tx, row: dict[str, Any], act: Act, body: dict[str, Any], *, opening: bool = False, **values: Any
) -> dict[str, Any]:
    """Our act `act`: kept, made pending, and queued for the counterparty. MOVE_REFUSED when it is not open."""
    if not opening:
        rules.moved(State(row["state"]), act, Party(row["side"]), row["id"])
    message = kept(tx, row, act, body)
    kind = SEND_NATIONAL if rail(row) == "national" else SEND
    jobs.enqueue(tx, kind, {"message": message, "to": row["peer"]}, key=f"dsp-{message}")
    return noted(tx, row, f"{act.value}_sent", pending=act.value, pending_message=message, **values)


def terminating(tx: Tx, row: dict[str, Any], reason: dict[str, str]) -> dict[str, Any]:
    """End the negotiation from our side, for `reason` {"code", "zh", "en"}; it replaces any pending act.

    A counterparty that never acknowledged the opening has no process that could be ended: it ends here at once. One
    that does not hear of the end until the deadline is not waited for any longer (verbs.lapsed).
    """
    rules.moved(State(row["state"]), Act.terminate, Party(row["side"]), row["id"])
    if not row["peer_pid"]:
        return into(tx, row, State.TERMINATED, reason=reason)
    waits: dict[str, Any] = {"held_by": Party(row["side"]).other.value, "wait_zh": ENDING.zh, "wait_en": ENDING.en}
    return sending(tx, row, Act.terminate, reason, reason=reason, deadline=_deadline(tx), **waits)


def reason_of(refusal: Refusal) -> dict[str, str]:
    """A refusal as the reason of a termination: the code, and its sentences in both languages."""
    texts = refusal.texts()
    zh = [f"{problem.where}：{problem.zh}" for problem in refusal.problems]
    en = [f"{problem.where}: {problem.en}" for problem in refusal.problems]
    return {
        "code": refusal.code,
        "zh": "".join(text.zh for text in texts) + "；".join(zh),
        "en": " ".join([*(text.en for text in texts), "; ".join(en)]).strip(),
    }


def reason(code: str, text: Text) -> dict[str, str]:
    return {"code": code, "zh": text.zh, "en": text.en}


def mine(tx: Tx, negotiation: str, side: Party | None = None) -> dict[str, Any]:
    """The negotiation of this node by its own pid; NO_SUCH otherwise."""
    row = tx.get(store.negotiations, negotiation)
    if row is None or (side is not None and row["side"] != side.value):
        raise NO_SUCH(id=negotiation[:80])
    return row


VERBS = {
    (Party.consumer, Act.request): "counter", (Party.consumer, Act.accept): "accept",
    (Party.consumer, Act.verify): "verify", (Party.provider, Act.offer): "offer",
    (Party.provider, Act.agree): "agree", (Party.provider, Act.finalize): "finalize",
}  # fmt: skip
"""(side, act) -> the verb by which a person does it; ending is `terminate` on both sides."""


def open_verbs(row: Mapping[str, Any]) -> list[str]:
    """The verbs a person of this node may use on a negotiation now."""
    side, state = Party(row["side"]), State(row["state"])
    acts = [] if row["pending"] else [Act(name) for name in rules.open_acts(state, side)]
    verbs = [VERBS[side, act] for act in acts if (side, act) in VERBS]
    may_end = state not in FINAL and row["pending"] not in (Act.terminate.value, Act.finalize.value)
    return [*verbs, *(["terminate"] if may_end else [])]


def on_its_way(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    """What our unacknowledged message waits for: {"next_try", "tries", "last_error"}; {} when nothing is under way."""
    return jobs.told(tx, f"dsp-{row['pending_message']}") if row["pending_message"] else {}


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A negotiation as people and the API see it, with the acts open to this node now."""
    hidden = {"version", "callback", "sign", "pending_message"}
    value = {name: part for name, part in row.items() if name not in hidden}
    may = [] if row["pending"] else rules.open_acts(State(row["state"]), Party(row["side"]))
    return {**value, "open_acts": may}
