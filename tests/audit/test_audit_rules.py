"""Whether records belong together, said by values alone: each thing that differs is told by its name, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from datong.audit import rules
from datong.audit.model import Fault, Leaf, Problem

CONTRACT = {
    "provider_party": "S", "consumer_party": "B", "dataset": "P-1",
    "terms": {"product": "P-1", "purpose": "public_welfare", "tariff": {"kind": "per_delivery", "amount_fen": 7}},
}  # fmt: skip
INVOICE = {
    "id": "inv-1", "seller_party": "S", "buyer_party": "B", "product": "P-1", "purpose": "public_welfare",
    "gross_fen": 14, "agreement": "agr-1", "from_at": "2026-03-01T00:00:00Z", "until_at": "2026-04-01T00:00:00Z",
}  # fmt: skip
LINE = {
    "id": "line-1",
    "state": "MONETIZABLE",
    "quantity": 2,
    "events": ["u1", "u2"],
    "unit_price_fen": 7,
    "amount_fen": 14,
}
EVENT = {"id": "u1", "agreement": "agr-1", "state": "MONETIZABLE", "at": "2026-03-01T00:00:00Z"}
DECISION = {"id": "d-1", "outcome": "allowed", "agreement": "agr-1", "dataset": "P-1", "purpose": "public_welfare"}

CHECKS: dict[str, Callable[[dict[str, Any]], Iterable[Problem]]] = {
    "invoice": lambda changed: rules.invoice_problems({**INVOICE, **changed}, [LINE], CONTRACT),
    "contract": lambda changed: rules.invoice_problems(INVOICE, [LINE], {**CONTRACT, **changed}),
    "invoice line": lambda changed: rules.line_problems({**LINE, **changed}, INVOICE, CONTRACT),
    "line of a credit note": lambda changed: rules.line_problems(
        {**LINE, "unit_price_fen": -7, "amount_fen": -14, **changed}, {**INVOICE, "gross_fen": -14}, CONTRACT
    ),
    "usage event": lambda changed: rules.event_problems({**EVENT, **changed}, LINE, INVOICE),
    "decision": lambda changed: rules.decision_problems({**DECISION, **changed}, EVENT, CONTRACT),
}


@pytest.mark.parametrize(
    ("check", "changed", "told"),
    [
        *((check, {}, []) for check in CHECKS),
        ("invoice", {"seller_party": "X"}, ["seller"]),
        ("invoice", {"buyer_party": "X"}, ["buyer"]),
        ("invoice", {"product": "P-2"}, ["product"]),
        ("invoice", {"purpose": "credit_scoring"}, ["purpose"]),
        ("invoice", {"gross_fen": 15}, ["gross_fen"]),
        ("contract", {"dataset": "P-2"}, ["dataset"]),
        ("invoice line", {"quantity": 3}, ["quantity", "amount_fen"]),
        ("invoice line", {"events": ["u1", "u1"]}, ["quantity"]),  # one use billed twice
        ("invoice line", {"unit_price_fen": 8}, ["unit_price_fen"]),
        ("invoice line", {"amount_fen": 15}, ["amount_fen"]),
        ("invoice line", {"state": "INCLUDED"}, ["unit_price_fen", "amount_fen"]),
        ("line of a credit note", {"unit_price_fen": 7}, ["unit_price_fen"]),
        ("line of a credit note", {"amount_fen": 14}, ["amount_fen"]),
        ("usage event", {"agreement": "agr-2"}, ["agreement"]),
        ("usage event", {"state": "INCLUDED"}, ["state"]),
        ("usage event", {"at": "2026-02-28T23:59:59Z"}, ["time"]),
        ("usage event", {"at": "2026-03-31T23:59:59Z"}, []),
        ("usage event", {"at": "2026-04-01T00:00:00Z"}, ["time"]),
        ("decision", {"outcome": "denied"}, ["outcome"]),
        ("decision", {"agreement": "agr-2"}, ["agreement"]),
        ("decision", {"dataset": "P-2"}, ["dataset"]),
        ("decision", {"purpose": "credit_scoring"}, ["purpose"]),
    ],
)
def test_what_does_not_fit_is_named(check: str, changed: dict[str, Any], told: list[str]) -> None:
    found = list(CHECKS[check](changed))
    assert [problem.detail.split(" is ")[0] for problem in found] == told
    assert {problem.fault for problem in found} <= {Fault.chain_unfit}


def test_entries_balance_and_every_posting_has_one() -> None:
    postings = [
        {"entry": entry, "amount_fen": fen} for entry, fen in (("a", 5), ("a", -5), ("b", 3), ("c", 0), ("x", 9))
    ]
    found = [(one.fault, one.id, one.detail) for one in rules.ledger_problems(["a", "b", "c"], postings)]
    assert found == [(Fault.chain_broken, "x", ""), (Fault.ledger_unbalanced, "b", "out by 3 fen")]


BODY = {
    "id": "l-1",
    "act": "settle.sent",
    "record": {"table": "invoice", "id": "inv-1", "digest": "sha256:1"},
    "wall_at": "t",
}
LEAF = Leaf("l-1", 1, 0, "settle.sent", "invoice", "inv-1", "sha256:1", "t", json.dumps(BODY).encode())
NO_LEAVES = [
    b"", b"{", b"[]", b'"text"', b"{}", json.dumps({**BODY, "record": 5}).encode(), b"[" * 100_000,
    json.dumps({name: value for name, value in BODY.items() if name != "record"}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("column", ["id", "act", "table", "record", "digest", "added_at"])
def test_every_column_of_a_leaf_is_held_against_its_body(column: str) -> None:
    assert list(rules.column_problems(LEAF)) == []
    (found,) = rules.column_problems(replace(LEAF, **{column: "other"}))
    assert found.fault is Fault.leaf_columns


@pytest.mark.parametrize("body", NO_LEAVES)
def test_a_body_that_is_no_leaf_is_told_and_speaks_of_nothing(body: bytes) -> None:
    broken = replace(LEAF, body=body)
    assert [(found.fault, found.detail) for found in rules.column_problems(broken)] == [
        (Fault.leaf_columns, "the body is no leaf")
    ]
    assert rules.spoken_of(broken) is None


def test_a_leaf_speaks_of_what_its_body_says() -> None:
    found = rules.spoken_of(replace(LEAF, table="x", record="y", digest="z"))
    assert found == replace(LEAF, body=b"")


def test_records_are_held_against_their_last_leaves() -> None:
    last = {"inv-1": LEAF, "inv-2": replace(LEAF, record="inv-2"), "inv-3": replace(LEAF, record="inv-3")}
    digests = {"inv-1": "sha256:1", "inv-2": "sha256:2", "inv-9": "sha256:9"}
    found = [(one.fault, one.id) for one in rules.record_problems("invoice", digests, last)]
    assert found == [(Fault.record_changed, "inv-2"), (Fault.record_unlogged, "inv-9")]
    gone = [LEAF, replace(LEAF, record="inv-4", digest="deleted")]
    assert [(one.fault, one.id) for one in rules.missing_problems(gone, "deleted")] == [(Fault.record_missing, "inv-1")]
