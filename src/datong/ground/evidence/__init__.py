"""Evidence (存证): a signed, append-only log of what this node did, provable to anybody.

    append        write a leaf in the transaction of the change it speaks of
    Sequencer     gives leaves their positions, tree nodes and a signed checkpoint within a second
    proofs        inclusion and consistency, RFC 6962
    checkpoints   C2SP signed notes; other nodes cosign them as witnesses (C2SP tlog-cosignature)
    tiles         C2SP tlog-tiles as static files

Must never know: any business word; `act` and `facts` are opaque. Contract: tests/ground/test_evidence*.py and
tools/verify_evidence.py, which checks the same log without importing Datong.
"""

from datong.ground.evidence.leaves import append, forget, leaves, row_digest

__all__ = ["append", "forget", "leaves", "row_digest"]
