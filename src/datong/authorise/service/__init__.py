"""The verbs of authorise, by subject; other rooms say `from datong.authorise import service as authorise`.

instruments  draft, decide, approve, sign, counter-sign, file, suspend, withdraw
records      how they are kept and shown
clearing     clearance of inputs, the guard of re-development
exchange     messages authorise.instrument and authorise.withdrawn
"""

from datong.authorise.service.clearing import (
    clearance,
    clearances,
    cleared,
    declare_holding,
    guard_redevelopment,
    holdings,
    implementing_parties,
    require_basis,
    require_clearance,
    resource_facts,
    unregistered,
)
from datong.authorise.service.due import due
from datong.authorise.service.exchange import received_instrument, received_withdrawn
from datong.authorise.service.instruments import (
    ENDS,
    approve,
    change,
    close,
    commence,
    countersign,
    decide_collectively,
    draft,
    file,
    resume,
    sign,
    suspend,
    withdraw,
)
from datong.authorise.service.records import instrument, instruments

__all__ = [
    "ENDS",
    "approve",
    "change",
    "clearance",
    "clearances",
    "cleared",
    "close",
    "commence",
    "countersign",
    "decide_collectively",
    "declare_holding",
    "draft",
    "due",
    "file",
    "guard_redevelopment",
    "holdings",
    "implementing_parties",
    "instrument",
    "instruments",
    "received_instrument",
    "received_withdrawn",
    "require_basis",
    "require_clearance",
    "resource_facts",
    "resume",
    "sign",
    "suspend",
    "unregistered",
    "withdraw",
]
