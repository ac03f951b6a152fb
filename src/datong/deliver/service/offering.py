"""Laying something ready under an agreement, as a person does it; transfers that waited for it start.

Contract: tests/deliver/test_deliver_transfers.py.
"""

from __future__ import annotations

from typing import Any

from datong.deliver.service import deciding, sharing, transfer_course
from datong.ground.db import Tx
from datong.terms.roles import Role
from datong.terms.verbs import MAY_NOT, verb

WHO_MAY_SAY_WHY = (Role.legal, Role.reviewer)
"""Whose word lets something out that is harmless only while two recipients keep theirs apart."""


@verb(Role.data_engineer, *WHO_MAY_SAY_WHY)
def release_supply(tx: Tx, *, agreement: str, reason: str = "") -> dict[str, Any]:
    """Count on exactly the agreed groups, pass the gate, and lay the table ready for the other node.

    reason: where other recipients hold other groups of the same people, and both together would single somebody out
    (DID-458), why it may leave all the same; the word of a legal officer or reviewer who is not who asked for it
    (DID-560), kept with the release.
    """
    if reason.strip() and not tx.actor.has(*WHO_MAY_SAY_WHY):
        roles, needed = (", ".join(sorted(names)) for names in (tx.actor.roles or {tx.actor.role}, WHO_MAY_SAY_WHY))
        raise MAY_NOT(verb="deliver.release_supply (reason)", roles=roles, needed=needed)
    contract = sharing.our_contract(tx, agreement, "provider", "release_supply")
    deciding.require(tx, agreement=agreement, action="compute")
    deciding.require(tx, agreement=agreement, action="delivery", laid=())
    laid = sharing.released(tx, contract, reason)
    transfer_course.start_waiting(tx, agreement)
    return laid


@verb(Role.data_engineer, Role.product_manager)
def offer_product(tx: Tx, *, agreement: str) -> dict[str, Any]:
    """Lay the current version of the product ready for the consumer of an agreement."""
    contract = sharing.our_contract(tx, agreement, "provider", "offer_product")
    deciding.require(tx, agreement=agreement, action="delivery", laid=())
    laid = sharing.offered(tx, contract)
    transfer_course.start_waiting(tx, agreement)
    return laid


@verb(Role.data_engineer)
def release_noisy(tx: Tx, *, agreement: str, answer: str) -> dict[str, Any]:
    """Lay a noisy answer that was paid for and drawn ready for the consumer of a contract whose form is noisy.

    answer: the id that `deidentify ask` gave. Several answers under one contract are several tables.
    """
    contract = sharing.our_contract(tx, agreement, "provider", "release_noisy")
    deciding.require(tx, agreement=agreement, action="delivery", laid=())
    laid = sharing.noisy(tx, contract, answer)
    transfer_course.start_waiting(tx, agreement)
    return laid
