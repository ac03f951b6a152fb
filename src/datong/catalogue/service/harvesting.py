"""The order to read a peer's catalogue; the reading itself is a job that `app` registers from wire."""

from __future__ import annotations

from typing import Any

from datong.ground import jobs
from datong.ground.db import Tx
from datong.terms.roles import Role
from datong.terms.verbs import verb

HARVEST = "catalogue.harvest"


@verb(Role.analyst, Role.product_manager, Role.data_engineer)
def harvest(tx: Tx, *, node: str) -> dict[str, Any]:
    """Read the catalogue of a peer (its node code) and keep what it says, so that `find` sees it."""
    job = jobs.enqueue(tx, HARVEST, {"node": node})
    return {"node": node, "job": job}
