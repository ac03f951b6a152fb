"""Messages between nodes of this house: what each of their types does. Contract: tests/wire/test_wire_node.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.compose import service as compose
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.ground.db import Store, Tx
from datong.ground.evidence import witness
from datong.negotiate import service as negotiate
from datong.price import service as price
from datong.register import service as register
from datong.settle import service as settle
from datong.wire import node

RECEIVERS: Mapping[str, node.Receiver] = {
    "register.join": register.received_join,
    "register.admitted": register.received_admitted,
    "register.membership_changed": register.received_membership_changed,
    "register.case_filed": register.received_case_filed,
    "register.filing_joined": register.received_filing_joined,
    "register.case_state": register.received_case_state,
    "register.ledger_entry": register.received_ledger_entry,
    "register.lifetime_asked": register.received_lifetime_asked,
    "register.licence_changed": register.received_licence_changed,
    "register.identity_applied": register.received_identity_applied,
    "register.identity_decided": register.received_identity_decided,
    "register.connector_report": register.received_connector_report,
    "register.space_applied": register.received_space_applied,
    "register.space_decided": register.received_space_decided,
    "register.space_left": register.received_space_left,
    "register.space_roster": register.received_space_roster,
    "catalogue.report": catalogue.received_report,
    "authorise.instrument": authorise.received_instrument,
    "authorise.withdrawn": authorise.received_withdrawn,
    "deidentify.assessment": deidentify.received_assessment,
    "deidentify.assessment_withdrawn": deidentify.received_assessment_withdrawn,
    "compose.partition_ask": deliver.received_partition_ask,
    "compose.partition_hold": compose.received_partition_hold,
    "compose.partition_agreed": deliver.received_partition_agreed,
    "compose.partition_cancelled": deliver.received_partition_cancelled,
    "price.ceiling": price.received_ceiling,
    "negotiate.ended": negotiate.received_ended,
    "deliver.ended": deliver.received_ended,
    "deliver.stop_lifted": deliver.received_stop_lifted,
    "deliver.destruction_proof": deliver.received_destruction_proof,
    "settle.invoice": settle.received_invoice,
    "settle.credit": settle.received_credit,
    "settle.statement": settle.received_statement,
    "settle.accepted": settle.received_accepted,
    "settle.disputed": settle.received_disputed,
    "settle.objected": settle.received_objected,
    "settle.upheld": settle.received_upheld,
    "settle.voided": settle.received_voided,
    "settle.paid": settle.received_paid,
    "settle.unpaid": settle.received_unpaid,
    "settle.payout_returned": settle.received_payout_returned,
}
"""Which room receives which message of the node protocol (docs/reference/node-protocol.md)."""


def receivers(store: Store) -> dict[str, node.Receiver]:
    """RECEIVERS, and the two of the evidence log that need the sender's key."""

    def checkpoint(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
        witness.received_checkpoint(tx, sender=sender, sender_key=register.node(tx, sender)["public_key"], body=body)

    def cosignature(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
        witness.received_cosignature(tx, sender=sender, sender_key=register.node(tx, sender)["public_key"], body=body)

    return {**RECEIVERS, "evidence.checkpoint": checkpoint, "evidence.cosignature": cosignature}
