"""The verbs of negotiation and contracts, and what `wire.dsp` calls when a counterparty speaks.

consumer   request, accept, counter, verify   both   terminate, end, negotiations, negotiation, waiting,
provider   offer, agree, finalize                  agreements, contract
rooms      agreement, in_force, stands_on, overpriced, promised_split, require_one_split, provided_to, signed_by_both,
           on_finalized, on_terminated
wire       received_*, offer_meant, status, outgoing, acknowledged, not_accepted, learned_peer, peer
node       ENDS; received_ended (message "negotiate.ended")
national   file_contract, carried, filings, filing; what wire.ndi calls stands in service/national.py and platforms.py
"""

from datong.negotiate.service.agreeing import offer_meant
from datong.negotiate.service.binding import overpriced, promised_split, require_one_split, stands_on, unpromised
from datong.negotiate.service.contracts import (
    ENDS,
    agreement,
    agreements,
    contract,
    end,
    in_force,
    provided_to,
    received_ended,
    received_national_end,
    signed_by_both,
)
from datong.negotiate.service.course import install, on_finalized, on_terminated
from datong.negotiate.service.delivery import acknowledged, learned_peer, not_accepted, outgoing, peer
from datong.negotiate.service.due import due
from datong.negotiate.service.national import carried, concluded, file_contract
from datong.negotiate.service.platforms import filing, filings
from datong.negotiate.service.received import (
    BY_CONTENT,
    received_agreement,
    received_event,
    received_offer,
    received_request,
    received_termination,
    received_verification,
    status,
)
from datong.negotiate.service.verbs import (
    accept,
    agree,
    counter,
    finalize,
    negotiation,
    negotiations,
    offer,
    request,
    terminate,
    verify,
    waiting,
)

__all__ = [
    "BY_CONTENT",
    "ENDS",
    "accept",
    "acknowledged",
    "agree",
    "agreement",
    "agreements",
    "carried",
    "concluded",
    "contract",
    "counter",
    "due",
    "end",
    "file_contract",
    "filing",
    "filings",
    "finalize",
    "in_force",
    "install",
    "learned_peer",
    "negotiation",
    "negotiations",
    "not_accepted",
    "offer",
    "offer_meant",
    "on_finalized",
    "on_terminated",
    "outgoing",
    "overpriced",
    "peer",
    "promised_split",
    "provided_to",
    "received_agreement",
    "received_ended",
    "received_event",
    "received_national_end",
    "received_offer",
    "received_request",
    "received_termination",
    "received_verification",
    "request",
    "require_one_split",
    "signed_by_both",
    "stands_on",
    "status",
    "terminate",
    "unpromised",
    "verify",
    "waiting",
]
