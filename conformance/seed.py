"""What a connector under test must hold before a compatibility kit speaks to it: datasets, offers, agreements, data.

Rows are written as the rooms write them after their gates (which have their own tests); signatures are real.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datong.authorise import store as authorise_rows
from datong.catalogue import store as catalogue_rows
from datong.deliver.service import files, sharing
from datong.ground import signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, settings
from datong.negotiate import rules as negotiate_rules
from datong.negotiate import store as negotiate_rows
from datong.price import store as price_rows
from datong.register import store as register_rows
from datong.terms.policy import Constraint, Policy, Rule, policy_hash, to_json

FROM, UNTIL = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
PURPOSE = "industry_development"
RESOURCE = "CONFORMANCE-RESOURCE"
RULES = (Rule("use"), Rule("delivery"), Rule("download"), Rule("compute"))
"""What agreements of the kit's transfers allow."""
BOUND = (Constraint("purpose", "isAnyOf", (PURPOSE,)), Constraint("time", "gteq", FROM))
SALE = Policy(
    "sale", tuple(replace(rule, constraints=BOUND) for rule in RULES), (Rule("distribute"), Rule("sell")),
    (Rule("delete", (Constraint("time", "gteq", UNTIL),)),),
)  # fmt: skip
"""What a connector is offered: purpose and period, what is prohibited, what is due; every kind of rule a sale has."""


def introduced(tx: Tx, code: str, party: str, address: str, public_key: str) -> None:
    """A node in the directory of this one; the same again moves its address."""
    if tx.get(register_rows.parties, party) is None:
        tx.add(register_rows.parties, {"id": party, "name": party, "kind": "1", "own": False, "added_at": FROM})
    row = {"party": party, "name": code, "address": address, "public_key": public_key, "kind": "connector",
           "state": "active", "serial": 1, "record": {}, "learned_at": FROM}  # fmt: skip
    if tx.get(register_rows.nodes, code) is None:
        tx.add(register_rows.nodes, {"id": code, **row})
    else:
        tx.change(register_rows.nodes, code, **row)


def own_code(tx: Tx, code: str) -> None:
    """The node's own code, as an admission brings it."""
    if tx.get(settings, "node.code") is None:
        tx.add(settings, {"id": "node.code", "value": code})


def _ledger(tx: Tx, code: str, kind: str, owner: str, **facts: Any) -> None:
    licence = {"name": "CC BY", "commercial": True, "derivatives": True}
    thing = {"id": code.lower(), "name_zh": code, "name_en": code, "standard": "", "public_data": False,
             "personal": False, "grade": 2, "licence": licence, **facts}  # fmt: skip
    entry = {"code": code, "object": thing, "registrants": [{"party": owner, "name": owner}]}
    tx.add(register_rows.ledger, {"id": code, "version": 1, "kind": kind, "state": "CODED", "entry": entry, "at": FROM})


def resource(tx: Tx, owner: str, supplier: str, user: str) -> None:
    """The one resource everything here stands on: registered by another party, which lets both of us use it."""
    _ledger(tx, RESOURCE, "resource", supplier)
    for number, grantee in enumerate((owner, user)):
        row = {
            "id": f"ins-{number}", "kind": "data_use", "state": "IN_FORCE", "title": "use", "grantor_party": supplier,
            "grantee_party": grantee, "grantee_node": "", "resources": [RESOURCE], "purposes": [PURPOSE], "acts": [],
            "from_at": FROM, "until_at": UNTIL, "items": {}, "parents": [], "copies_to": [],
            "value": {"signatures": []}, "digest": "", "serial": 1, "drafted_by": "", "drafter_let_in_by": "",
            "changed_at": FROM,
        }  # fmt: skip
        tx.add(authorise_rows.instruments, row)


def terms(dataset: str, owner: str) -> dict[str, Any]:
    split = [{"party": owner, "weight": 1, "payee_kind": "company", "account": "ACC-1"}]
    return {"product": dataset, "purpose": PURPOSE, "delivery_form": "controlled", "inputs": [RESOURCE],
            "tariff": {"kind": "per_delivery", "amount_fen": 100}, "split": split, "from": FROM, "until": UNTIL}  # fmt: skip


def listing(
    tx: Tx, dataset: str, offer_id: str, owner: str, *, agree: str = "person", policy: Policy | None = None
) -> None:
    """A live listing of a product with one offer. policy: None for one that allows `use`, the only word the kits say."""
    cap = {"id": f"ceil-{dataset}", "survey": "s", "product": dataset, "cap_fen": 1000, "forecast_count": 1,
           "unit": "per_delivery", "issuer": "i", "serial": 1, "value": {}, "state": "IN_FORCE", "at": FROM}  # fmt: skip
    tx.add(price_rows.ceilings, cap)
    row = {
        "id": f"listing-{dataset}", "dataset": dataset, "kind": "product", "title": dataset, "description": "",
        "delivery_form": "controlled", "inputs": [], "facts": {}, "agree": agree, "state": "live", "reason": None,
        "published_by": "p", "published_at": FROM,
    }  # fmt: skip
    tx.add(catalogue_rows.listings, row)
    _ledger(tx, dataset, "product", owner, inputs=[RESOURCE])
    policy = replace(policy, id=offer_id) if policy else Policy(offer_id, (Rule("use"),))
    offer = {"id": offer_id, "listing": row["id"], "dataset": dataset, "purpose": PURPOSE, "policy": to_json(policy),
             "policy_hash": policy_hash(policy), "terms": terms(dataset, owner), "words": {}}  # fmt: skip
    tx.add(catalogue_rows.offers, offer)


def agreement(tx: Tx, name: str, dataset: str, provider: tuple[str, str], consumer: tuple[str, str]) -> None:
    """A concluded contract signed by this node; provider and consumer are (node code, party)."""
    policy = Policy(name, RULES)
    content: dict[str, Any] = {
        "id": name, "code": name, "dataset": dataset, "offer_id": f"offer-{name}", "provider": provider[0],
        "consumer": consumer[0], "provider_party": provider[1], "consumer_party": consumer[1],
        "policy": to_json(policy), "policy_hash": policy_hash(policy), "terms": terms(dataset, provider[1]),
        "from": FROM, "until": UNTIL, "agreed_at": FROM,
    }  # fmt: skip
    signed = signing.signed(tx, content)
    tx.add(
        negotiate_rows.agreements,
        {
            **content, "negotiation": "seed", "signatures": signed["signatures"],
            "keys": {signing.me(tx).code: signing.node_key(tx).public.text}, "signed": "one side",
            "digest": digest(negotiate_rules.agreement_content(content)), "state": "FINALIZED", "ended_at": None,
            "reason": None,
        },
    )  # fmt: skip


def laid_out(tx: Tx, name: str) -> None:
    """A small table that lies ready under the agreement."""
    contract = tx.get(negotiate_rows.agreements, name)
    assert contract is not None
    file = f"file-{name.lower()}"
    table = pa.table({"group_id": [f"g{n}" for n in range(20)], "starts": pa.array(range(20), pa.int64())})
    pq.write_table(table, files.staged(tx.store, file))
    sharing._laid_out(tx, contract, file, {}, {"kind": "product"}, schema="product", table=name.lower())
