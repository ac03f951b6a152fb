"""Building again from where a resource was built last, with the repairs that stand.

Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

from typing import Any

from datong.ground.db import Tx
from datong.harmonise.service.building import build
from datong.harmonise.service.rows import require_owner
from datong.harmonise.service.runs import account_of
from datong.terms.roles import Role
from datong.terms.verbs import verb


@verb(Role.data_engineer)
def replay(tx: Tx, *, resource: str) -> dict[str, Any]:
    """Build a resource again as its current build was made, with the repairs given since: each repaired row is there
    once, whether the source was loaded again or corrected meanwhile.

    Tells the build and, under `repaired`, rows repaired, still held, superseded by the source, left out because they
    conflict with a row of the source, and repairs whose row the source no longer has. Refuses: as build, and STD-507.
    """
    require_owner(tx)
    row, account = account_of(tx, resource)
    where = {"workspace": account["workspace"], "data": account["data"]}
    made = build(tx, resource=resource, mapping=row["mapping"], **where)
    return {**made, "before": row["id"], "repaired": account_of(tx, resource, made["id"])[1]["repaired"]}
