"""The gates of a listing: each asks the room that knows, and turns its refusal into problems, never into a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq

from datong.authorise import service as authorise
from datong.catalogue import rules
from datong.catalogue.model import Gate, Opinion
from datong.compose import service as compose
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Refusal, unless_unknown
from datong.harmonise import service as harmonise
from datong.price import service as pricing
from datong.register import service as register
from datong.terms.policy import from_json, to_json
from datong.terms.tariffs import revenue_problems

unpromised: list[Callable[[Tx, str, list[dict[str, Any]]], list[Problem]]] = []
"""Given by app: where the supply contracts of a product promise another split of its revenue than this one."""


@dataclass(frozen=True)
class Thing:
    """What is to be listed: a resource (its own only input) or a product (over input resources)."""

    code: str
    kind: str
    inputs: tuple[str, ...]
    record: dict[str, Any]


def described(tx: Tx, code: str) -> Thing:
    """The product or resource of this code; the register's refusal when it knows neither."""
    record = unless_unknown(lambda: register.product(tx, code))
    if record is None:
        return Thing(code, "resource", (code,), register.resource(tx, code))
    return Thing(code, "product", tuple(record.get("inputs") or ()), record)


def registered(tx: Tx, thing: Thing) -> Opinion:
    state = register.registration_state(tx, thing.code)
    facts = {
        "registration": state, "public_data": bool(thing.record.get("public_data")),
        "grade": thing.record.get("grade"), "licence": thing.record.get("licence") or {},
    }  # fmt: skip
    return Opinion(Gate.registered, facts, tuple(authorise.unregistered(tx, thing.code)))


def cleared(tx: Tx, thing: Thing, purpose: str) -> Opinion:
    itself = thing.kind == "resource"  # described as it is; what is made of it is cleared where it is offered and given
    problems = authorise.clearance(tx, inputs=list(thing.inputs), purpose=purpose, act="list", unchanged=itself)
    return Opinion(Gate.cleared, {}, tuple(problems))


def quality(tx: Tx, thing: Thing) -> Opinion:
    """Built, with its rows, schema and quality figures."""

    def ask() -> Opinion:
        if thing.kind == "resource":
            built = harmonise.current(tx, thing.code)
            schema = built["schema"]
        else:
            product = compose.version(tx, product=thing.code)
            columns = pq.read_schema(product["path"])
            schema = [{"name": column.name, "type": str(column.type)} for column in columns]
            measured = {"measured_on": "the product's table", "completeness": _completeness(product["path"])}
            built = {**product, "quality": measured}
        names = ("rows", "standard", "quality", "version", "digest", "kept")
        facts = {name: built[name] for name in names if built.get(name) is not None}
        return Opinion(Gate.quality, {**facts, "schema": schema})

    return _asked(Gate.quality, thing.code, ask)


def _completeness(path: str) -> dict[str, float]:
    """Per column the share of rows that hold a value: what suppression left of a product's table."""
    table = pq.read_table(path)
    return {
        name: round(1 - table[name].null_count / table.num_rows, 4) if table.num_rows else 1.0
        for name in table.column_names
    }


HELD_BACK = ("worst", "assessment")
"""Figures of a risk that stay here: the smallest classes by name, and the record of an assessor."""


def risk(tx: Tx, thing: Thing, delivery_form: str) -> Opinion:
    """The risk of a product's current version as its gate finds it now; a resource's raw rows never leave."""
    if thing.kind == "resource":
        return Opinion(Gate.risk, {"raw_rows_leave": False})

    def ask() -> Opinion:
        figures = compose.gated_again(tx, thing.code, delivery_form)
        told = {name: figure for name, figure in figures.items() if name not in HELD_BACK}
        return Opinion(Gate.risk, {"risk": told, "delivery_form": delivery_form})

    return _asked(Gate.risk, thing.code, ask)


def price(tx: Tx, thing: Thing, purpose: str, stated_fen: int | None, split: list[dict[str, Any]]) -> Opinion:
    """A product's fee in force (a stated amount must be that fee); a resource's stated amount, or free."""

    def ask() -> Opinion:
        amount, problems = stated_fen or 0, []
        if thing.kind == "resource":
            pricing.check_supplied(tx, resource=thing.code, purpose=purpose, amount_fen=amount)
        if thing.kind == "product":
            fee = pricing.fee_in_force(tx, thing.code, purpose)
            amount = fee["amount_fen"]
            if stated_fen not in (None, amount):
                problems.append(
                    Problem(
                        f"tariffs.{purpose}", f"与已公布的 {amount} 分不同", f"differs from the published {amount} fen"
                    )
                )
        tariff = {"kind": "per_delivery" if amount else "free", "amount_fen": amount}
        problems += revenue_problems(tariff, split)
        if thing.kind == "product" and amount:
            problems += [problem for ask in unpromised for problem in ask(tx, thing.code, split)]
        return Opinion(Gate.price, {"tariff": tariff}, tuple(problems))

    return _asked(Gate.price, thing.code, ask)


def policy(written: dict[str, Any], offer_id: str, purpose: str) -> Opinion:
    def ask() -> Opinion:
        ruled = rules.with_id(from_json({**written, "id": offer_id}), offer_id)
        return Opinion(Gate.policy, {"policy": to_json(ruled)}, tuple(rules.policy_problems(ruled, purpose)))

    return _asked(Gate.policy, "policy", ask)


def _asked(gate: Gate, where: str, ask: Callable[[], Opinion]) -> Opinion:
    """What a gate says; a refusal of the room below is its problem, with that room's reason and next step."""
    try:
        return ask()
    except Refusal as refusal:
        if refusal.kind is Kind.unavailable:
            raise
        what, why, fix = refusal.texts()
        own = Problem(where, f"{what.zh}{why.zh}{fix.zh}", f"[{refusal.code}] {what.en} {why.en} {fix.en}")
        return Opinion(gate, {}, (own, *refusal.problems))
