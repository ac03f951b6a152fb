"""A contract's delivery held (暂停) and resumed, by each side for itself: at once, and without an end.

At the consumer the provider's stop (`stop_use`) is a hold beside its own; each is lifted by whose it is.
Contract: tests/deliver/test_deliver_transfers.py, tests/wire/ndi/test_ndi_control.py.
"""

from __future__ import annotations

from typing import Any

from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import Act, GrantState
from datong.deliver.service import granting, transfer_course
from datong.ground import evidence, outbox, signing
from datong.ground.db import Tx
from datong.negotiate import service as negotiate
from datong.terms.roles import Role
from datong.terms.verbs import verb

STOP = "abnormalTermination"
"""The interface by which a provider tells its stop."""


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def suspend(tx: Tx, *, agreement: str, reason: str) -> dict[str, Any]:
    """Stop everything under an agreement at once, until it is resumed."""
    our_side(tx, agreement, "suspend")
    hold(tx, agreement, "suspended", reason)
    transfer_course.move_all(tx, agreement, Act.suspend, "suspended", reason)
    for grant in granting.grants_of(tx, agreement):
        if grant["state"] == GrantState.active:
            granting.set_state(tx, grant, GrantState.suspended, reason)
    return {"agreement": agreement, "state": "suspended", "reason": reason}


@verb(Role.data_engineer, Role.product_manager, Role.legal)
def resume(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Lift a hold of this side; transfers it suspended start again with a new token.

    What the provider stopped (`stop_use`) the provider alone resumes, and the consumer hears of it: until then its own
    resume leaves the state `suspended`.
    """
    our_side(tx, agreement, "resume")
    stop, ours = rows.hold_of(tx, agreement), tx.get(rows.holds, agreement)
    theirs = stop is not None and stop["id"] != agreement
    if theirs and (ours is None or ours["state"] != "suspended"):
        raise rules.not_ours("resume", agreement, "provider")
    if ours is not None:
        hold(tx, agreement, "lifted", "")
        tell_lifted(tx, agreement)
    transfer_course.resume_transfers(tx, agreement)
    return {"agreement": agreement, "state": "suspended" if theirs else "open"}


def hold(tx: Tx, agreement: str, state: str, reason: str, *, provider: bool = False) -> None:
    """provider: by the provider's word, at the consumer; else by this node."""
    id = rows.providers_word(agreement) if provider else agreement
    values = {"state": state, "reason": reason, "by": tx.actor.person, "at": tx.now}
    if tx.get(rows.holds, id) is None:
        tx.add(rows.holds, {"id": id, **values})
    else:
        tx.change(rows.holds, id, **values)
    evidence.append(tx, f"deliver.hold_{state}", rows.holds, id, agreement=agreement, reason=reason)


def hold_in_force(tx: Tx, agreement: str) -> dict[str, Any] | None:
    """Why nothing is delivered under an agreement for now: `reason`, `by` (a person of this node; empty where the
    provider told it), `at`, `theirs` (the provider's word at its consumer) and `ours` (this side holds it, and may
    resume). None where nobody holds it."""
    held, ours = rows.hold_of(tx, agreement), tx.get(rows.holds, agreement)
    if held is None:
        return None
    theirs = held["id"] != agreement
    by = "" if theirs else held["by"]
    mine = ours is not None and ours["state"] == "suspended"
    return {"reason": held["reason"], "by": by, "at": held["at"], "theirs": theirs, "ours": mine}


def tell_lifted(tx: Tx, agreement: str) -> None:
    """To a consumer that took our stop: it is lifted here, once for each stop. One that is on its way is waited for."""
    hold = tx.get(rows.holds, agreement)
    if hold is None or hold["state"] == "suspended":
        return
    consumer, messages = str(negotiate.agreement(tx, agreement)["consumer"]), rows.control_messages
    equal = {"agreement": agreement, "interface": STOP, "direction": "out", "peer": consumer, "state": "arrived"}
    for stop in rows.rows(tx, messages, *(messages.c[name] == value for name, value in equal.items())):
        body = {"agreement": agreement}
        outbox.send(tx, to=consumer, type="deliver.stop_lifted", body=body, key=f"lifted-{stop['id']}")


def received_stop_lifted(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """deliver.stop_lifted: the provider resumed what it had stopped; of the consumer's own hold it says nothing."""
    agreement = rules.texts(body, ("agreement",))["agreement"]
    contract = our_side(tx, agreement, "resume")
    if contract["provider"] != sender:
        raise rules.not_ours("resume", agreement, "provider")
    stop = rows.hold_of(tx, agreement)
    if stop is not None and stop["id"] != agreement:
        hold(tx, agreement, "lifted", "", provider=True)


def our_side(tx: Tx, agreement: str, act: str) -> dict[str, Any]:
    """The agreement, in force or not, when this node is one of its sides."""
    contract = negotiate.agreement(tx, agreement)
    if signing.me(tx).code not in (contract["provider"], contract["consumer"]):
        raise rules.not_ours(act, agreement, "side")
    return dict(contract)
