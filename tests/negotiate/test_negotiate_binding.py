"""What a node may bind itself to: not to a product that the policies of its supplies keep back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import delivery_case as case
from datong.compose import store as compose_rows
from datong.ground.db import NODE
from datong.negotiate.service.binding import uninherited

KEPT = {**case.OPEN_POLICY, "inherit": True}
POLICIES = [
    ("as it says", KEPT, True),
    ("within an hour of its choice", {**KEPT, "permissions": [
        {"action": "delivery", "constraints": [{"left": "time", "op": "gteq", "right": "2026-05-01T00:00:00Z"}]}]}, True),
    ("not inherited", {**KEPT, "permissions": [case.permission("compute")], "inherit": False}, True),
    ("for another purpose", {**KEPT, "permissions": [case.permission("delivery", purpose=["public_welfare"])]}, False),
    ("not to this party", {**KEPT, "prohibitions": [{"action": "delivery", "assignee": case.BUYER}]}, False),
    ("not written", {**KEPT, "permissions": [case.permission("compute")]}, False),
]  # fmt: skip


@pytest.mark.parametrize(("why", "policy", "bindable"), POLICIES, ids=[row[0] for row in POLICIES])
def test_no_product_is_sold_that_its_supplies_let_nobody_deliver(
    tmp_path: Path, why: str, policy: dict[str, Any], bindable: bool
) -> None:
    store = case.open_node(tmp_path / "seller", case.OWNER_NODE)
    supply = {"resource": case.RESOURCE, "agreement": "agr-2", "digest": "sha256:00", "rows": 1}
    with store.begin(NODE, "test") as tx:
        case.agree(tx, "agr-2", policy_json=policy, consumer=case.OWNER_NODE)
        tx.add(
            compose_rows.versions,
            {"id": "P-1/1", "product": "P-1", "version": 1, "partition": "part-1", "recipe": {}, "path": "p.parquet",
             "digest": "sha256:00", "rows": 1, "recipient_group": case.BUYER, "risk": {}, "kept": {}, "account": {},
             "inputs": [supply], "at": case.NOW},
        )  # fmt: skip
        refusal = uninherited(tx, "P-1", {"purpose": case.PURPOSE}, case.BUYER)
    assert (refusal is None) is bindable
    if refusal is not None:
        assert (refusal.code, [p.where for p in refusal.problems]) == ("CTR-413", [case.RESOURCE])
        assert all("agr-2" in text for p in refusal.problems for text in (p.zh, p.en))
