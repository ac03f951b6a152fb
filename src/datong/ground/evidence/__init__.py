"""Evidence (存证): a signed, append-only log of what this node did, provable to anybody.

    append        write a leaf in the transaction of the change it speaks of
    Sequencer     gives leaves their positions, tree nodes and a signed checkpoint within a second
    proofs        inclusion and consistency, RFC 6962; `receipt` is one leaf's
    checkpoints   C2SP signed notes; other nodes cosign them as witnesses (C2SP tlog-cosignature)
    tiles         C2SP tlog-tiles as static files

Must never know: any business word; `act` and `facts` are opaque. Contract: tests/ground/test_evidence*.py and
tools/verify_evidence.py, which checks the same log without importing Datong.
"""

from datong.ground.evidence.leaves import append, forget, leaf_of, leaves, row_digest
from datong.ground.evidence.log import health, lag_seconds, receipt
from datong.ground.evidence.note import origin_of
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.evidence.witness import received_checkpoint, received_cosignature

__all__ = [
    "Sequencer",
    "append",
    "forget",
    "health",
    "lag_seconds",
    "leaf_of",
    "leaves",
    "origin_of",
    "receipt",
    "received_checkpoint",
    "received_cosignature",
    "row_digest",
]
