"""What a counterparty may say. Every message is checked, done once, and answered with the state.

sender: node code of the authenticated counterparty. message: its id of the message. pid: our own pid, peer_pid:
the sender's. A message repeated under its id gets the same answer and has no second effect (without an id: one of the
same content, unless its move is open again); a stranger and an unknown id get the same refusal, NO_SUCH.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from datong.ground.canonical import digest
from datong.ground.db import NODE, Tx
from datong.ground.refusal import Problem
from datong.negotiate import rules, store
from datong.negotiate.model import (
    BAD_OFFER,
    CALLBACK_REFUSED,
    FINAL,
    MOVES,
    NO_SUCH,
    OPENINGS,
    REUSED,
    Act,
    Party,
    State,
)
from datong.negotiate.service import national
from datong.negotiate.service.agreeing import accepted, answered, confirmed, judged
from datong.negotiate.service.binding import terms_problems
from datong.negotiate.service.course import NATIONAL, into, kept, opened, purpose_of, reason, require_room
from datong.negotiate.service.delivery import acknowledged
from datong.register import service as register
from datong.terms.policy import from_json, to_json

Status = dict[str, str]
PURPOSE_MAX = 60
BY_CONTENT = "content:"
"""What the id of a message begins with whose sender gave it none."""


def status(tx: Tx, *, sender: str, pid: str) -> Status:
    """{"provider_pid", "consumer_pid", "state"} of a negotiation with `sender`."""
    return _status(_with(tx, sender, pid))


def _status(row: dict[str, Any]) -> Status:
    pids = {row["side"]: row["id"], Party(row["side"]).other.value: row["peer_pid"]}
    return {"provider_pid": pids["provider"], "consumer_pid": pids["consumer"], "state": row["state"]}


def _with(tx: Tx, sender: str, pid: str, side: Party | None = None) -> dict[str, Any]:
    row = tx.get(store.negotiations, pid[:80])
    if row is None or row["peer"] != sender or (side is not None and row["side"] != side.value):
        raise NO_SUCH(id=pid[:80])
    return row


@dataclass(frozen=True)
class Heard:
    """One message of a counterparty: who said what, under which id, about which negotiation."""

    act: Act
    speaker: Party
    sender: str
    message: str
    peer_pid: str
    pid: str
    body: dict[str, Any]


def received_request(
    tx: Tx, *, sender: str, message: str, peer_pid: str, offer: dict[str, Any], pid: str = "", callback: str = "",
    sign_mode: str = "",
) -> Status:  # fmt: skip
    """A consumer asks for `offer` {"id", "dataset", "policy", "terms"}: a new negotiation, or with `pid` a counter.

    callback: where answers to a new one go; sign_mode instead of it on the national rail, where peer_pid is the id of
    a contract that this node knows.
    """
    heard = Heard(Act.request, Party.consumer, sender, message, peer_pid, pid, _checked_offer(offer))
    if pid:
        return _moving(tx, heard, lambda row: answered(tx, row), **_offered(heard.body))
    return _opening(tx, heard, callback, sign_mode, lambda row: answered(tx, row))


def received_offer(
    tx: Tx, *, sender: str, message: str, peer_pid: str, offer: dict[str, Any], pid: str = "", callback: str = "",
    sign_mode: str = "",
) -> Status:  # fmt: skip
    """A provider offers: a new negotiation, or with `pid` an answer to our request. A person decides."""
    heard = Heard(Act.offer, Party.provider, sender, message, peer_pid, pid, _checked_offer(offer))
    if pid:
        return _moving(tx, heard, _nothing_more, **_offered(heard.body))
    return _opening(tx, heard, callback, sign_mode, _nothing_more)


def _nothing_more(row: dict[str, Any]) -> dict[str, Any]:
    return row


def _offered(offer: dict[str, Any]) -> dict[str, Any]:
    """The columns of a negotiation that follow from the offer on the table; an offer without a purpose leaves the one
    that was asked for."""
    stated = {"purpose": purpose} if (purpose := purpose_of(offer)) else {}
    return {"offer": offer, "dataset": offer["dataset"], "offer_id": offer["id"], **stated}


def _opening(tx: Tx, heard: Heard, callback: str, sign_mode: str, then: Callable[[dict[str, Any]], Any]) -> Status:
    speaker, opens = OPENINGS[heard.act]
    side = speaker.other
    known = store.by_peer_pid(tx, side.value, heard.sender, heard.peer_pid)
    if known is not None:
        if not _repeated(tx, known, heard):
            raise REUSED(id=heard.peer_pid[:80])
        return _status(known)
    if not sign_mode and not register.lies_at(tx, heard.sender, callback):  # answers go only where the sender lives
        raise CALLBACK_REFUSED(address=callback[:200])
    require_room(tx, heard.sender)
    row = opened(
        tx, side=side, peer=heard.sender, peer_party=tx.actor.party, peer_pid=heard.peer_pid,
        callback=NATIONAL + sign_mode if sign_mode else callback.rstrip("/"), offer=heard.body, state=opens,
    )  # fmt: skip
    if sign_mode:
        national.opened(tx, contract=heard.peer_pid, negotiation=row["id"])
    kept(tx, row, heard.act, heard.body, heard.message)
    then(row)
    return _status(row)


def received_agreement(
    tx: Tx, *, sender: str, message: str, pid: str, peer_pid: str, agreement: dict[str, Any]
) -> Status:
    """The provider's agreement: the signed content as far as it came over the wire, policy as JSON."""
    given = {**agreement, "policy": to_json(from_json(agreement["policy"]))}
    heard = Heard(Act.agree, Party.provider, sender, message, peer_pid, pid, given)
    return _moving(tx, heard, lambda row: judged(tx, row, given))


def received_verification(
    tx: Tx, *, sender: str, message: str, pid: str, peer_pid: str, signatures: list[Any]
) -> Status:
    """The consumer has verified the agreement; `signatures` is what it signed, if it did."""
    heard = Heard(Act.verify, Party.consumer, sender, message, peer_pid, pid, {"signatures": signatures})
    return _moving(tx, heard, lambda row: confirmed(tx, row, signatures))


def received_event(tx: Tx, *, sender: str, message: str, pid: str, peer_pid: str, event: str) -> Status:
    """ACCEPTED from the consumer (answered with the agreement) or FINALIZED from the provider."""
    if event == "ACCEPTED":
        heard = Heard(Act.accept, Party.consumer, sender, message, peer_pid, pid, {"event": event})
        return _moving(tx, heard, lambda row: accepted(tx, row))
    heard = Heard(Act.finalize, Party.provider, sender, message, peer_pid, pid, {"event": event})
    return _moving(tx, heard, _nothing_more)


def received_termination(
    tx: Tx, *, sender: str, message: str, pid: str, peer_pid: str, code: str = "", reasons: list[str] | None = None
) -> Status:
    """Either side ends the negotiation, with its code and reasons."""
    body = reason(code[:60], rules.told_in_both(reasons or []))
    speaker = Party(_with(tx, sender, pid)["side"]).other
    heard = Heard(Act.terminate, speaker, sender, message, peer_pid, pid, body)
    return _moving(tx, heard, _nothing_more, reason=body)


def _moving(tx: Tx, heard: Heard, then: Callable[[dict[str, Any]], Any], **values: Any) -> Status:
    """Take what was heard into the negotiation once, then do what follows from it."""
    row = _with(tx, heard.sender, heard.pid, heard.speaker.other)
    if row["peer_pid"] != heard.peer_pid and (
        row["peer_pid"] or store.by_peer_pid(tx, row["side"], row["peer"], heard.peer_pid) is not None
    ):
        raise NO_SUCH(id=heard.peer_pid[:80])
    if _repeated(tx, row, heard):
        return _status(row)
    row = _caught_up(tx, row, heard)
    pending = Act(row["pending"]) if row["pending"] else None
    state = rules.received(State(row["state"]), pending, heard.act, heard.speaker, row["id"])
    kept(tx, row, heard.act, heard.body, heard.message)
    ending = pending is Act.terminate and state not in FINAL
    still = {"pending": row["pending"], "pending_message": row["pending_message"]} if ending else {}
    row = into(tx, row, state, peer_pid=heard.peer_pid, **{**still, **values})
    if not ending:
        then(row)
    return _status(row)


def _caught_up(tx: Tx, row: dict[str, Any], heard: Heard) -> dict[str, Any]:
    """`row` after our pending act when what was heard proves that it arrived: the answer to it was lost or late, and
    the log tells of it as if the answer had come first."""
    if not row["pending"]:
        return row
    pending, state = Act(row["pending"]), State(row["state"])
    if row["peer_pid"] and not rules.overtakes(state, pending, heard.act, heard.speaker):
        return row
    acknowledged(replace(tx, actor=NODE), message=row["pending_message"], peer_pid=heard.peer_pid)
    return _with(tx, heard.sender, heard.pid)


def _repeated(tx: Tx, row: dict[str, Any], heard: Heard) -> bool:
    known = store.known_message(tx, row["id"], heard.message)
    if known is None:
        return False
    if heard.message.startswith(BY_CONTENT) and _is_open(row, heard):
        return False  # the same offer or request made once more, after an answer to the first
    if (known["act"], known["digest"]) != (heard.act.value, digest(heard.body)):
        raise REUSED(id=heard.message[:80])
    return True


def _is_open(row: dict[str, Any], heard: Heard) -> bool:
    by, _ = MOVES.get((State(row["state"]), heard.act), ((), None))
    return heard.speaker in by


def _checked_offer(offer: dict[str, Any]) -> dict[str, Any]:
    """The hostile offer as {"id", "dataset", "policy": checked JSON, "terms"}; BAD_OFFER lists what is wrong."""
    problems = [
        Problem(name, "应为非空文本", "should be a text that is not empty")
        for name in ("id", "dataset")
        if not isinstance(offer.get(name), str) or not 0 < len(offer[name]) <= 200
    ]
    terms = offer.get("terms") or {}
    if not isinstance(terms, dict):
        problems.append(Problem("terms", "应为对象", "should be an object"))
    elif not isinstance(terms.get("purpose", ""), str) or len(terms.get("purpose", "")) > PURPOSE_MAX:
        zh, en = f"应为不超过 {PURPOSE_MAX} 字的文本", f"should be a text of at most {PURPOSE_MAX} characters"
        problems.append(Problem("terms.purpose", zh, en))
    else:
        problems += [Problem(f"terms.{one.where}", one.zh, one.en) for one in terms_problems(terms)]
    if problems:
        raise BAD_OFFER(problems, count=len(problems))
    policy = to_json(from_json(offer["policy"]))
    known = {name: part for name, part in terms.items() if name in rules.TERMS}
    return {"id": offer["id"], "dataset": offer["dataset"], "policy": policy, "terms": known}
