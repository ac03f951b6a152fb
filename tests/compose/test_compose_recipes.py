"""Defining a product: text with codes filled in, every mistake at once, versions."""

from __future__ import annotations

import pytest
import yaml
from compose_world import GROUP, PARTIES, PRODUCT, described
from deidentify_world import actor, recipe_value

from datong.compose import service as compose
from datong.ground.db import Store
from datong.ground.refusal import Refusal
from datong.register.store import ledger


@pytest.fixture(autouse=True)
def registered(store: Store) -> None:
    described(store)


def define(store: Store, text: str, resources: dict[str, str] | None = None) -> dict[str, object]:
    with store.begin(actor("product_manager", GROUP), "compose") as tx:
        return compose.define_product(tx, product=PRODUCT, recipe=text, resources=resources)


def test_codes_are_filled_in_and_the_same_text_changes_nothing(store: Store) -> None:
    value = recipe_value()
    for part in value["parts"]:
        del part["resource"]
    codes = {"bike": "R-BIKE", "traffic": "R-GATE"}
    first = define(store, yaml.safe_dump(value), codes)
    assert [p["resource"] for p in first["recipe"]["parts"]] == ["R-BIKE", "R-GATE"]  # type: ignore[index]
    assert define(store, yaml.safe_dump(value), codes) == first
    assert define(store, yaml.safe_dump(recipe_value(k=7)))["number"] == 2
    with store.read(actor("analyst", GROUP)) as tx:
        assert compose.recipe(tx, product=PRODUCT)["recipe"]["k"] == 7


def test_bare_dates_are_dates(store: Store) -> None:
    text = yaml.safe_dump(recipe_value()).replace("'2019-09-01'", "2019-09-01").replace("'2019-09-04'", "2019-09-04")
    assert define(store, text)["recipe"]["period"] == {"from": "2019-09-01", "until": "2019-09-04"}  # type: ignore[index]


def test_all_mistakes_are_told_together(store: Store) -> None:
    value = recipe_value(k=2, zone="nowhere", purposes=["spying"])
    del value["parts"][0]["resource"]
    with pytest.raises(Refusal) as refusal:
        define(store, yaml.safe_dump(value), {"no_such_part": "R-1"})
    assert refusal.value.code == "CMP-400"
    places = {p.where for p in refusal.value.problems}
    assert places >= {"zone", "purposes", "parts[0].resource", "resources.no_such_part"}


def test_a_few_lines_that_stand_for_a_thousand_million_values_are_refused_at_once(store: Store) -> None:
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    for text in ("\n".join(["a0: &a0 [x, x]", *rows]), "[" * 5_000, "x" * 300_000):
        with pytest.raises(Refusal) as refusal:
            define(store, text)
        assert refusal.value.code == "CMP-400"
        assert all(problem.where.startswith("recipe") for problem in refusal.value.problems)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "just words", "parts: 7", "parts: [1]", "purposes: [[1]]"])
def test_text_that_is_no_recipe(store: Store, text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        define(store, text)
    assert refusal.value.code == "CMP-400"


def test_an_unknown_recipe(store: Store) -> None:
    with pytest.raises(Refusal) as refusal, store.read(actor("analyst", GROUP)) as tx:
        compose.recipe(tx, product="P-NONE")
    assert refusal.value.code == "CMP-404"


@pytest.mark.parametrize("inputs", [["R-BIKE"], ["R-BIKE", "R-GATE", "R-TRAM"], ["R-BIKE", "R-TRAM"], []])
def test_what_is_counted_must_be_what_is_registered(store: Store, inputs: list[str]) -> None:
    """Rights, listing and split are looked at over the registered inputs; the recipe must not count others."""
    with store.begin(actor("node", GROUP)) as tx:
        row = tx.get(ledger, PRODUCT)
        assert row is not None
        entry = {**row["entry"], "object": {**row["entry"]["object"], "inputs": inputs}}
        tx.change(ledger, PRODUCT, entry=entry)
    with pytest.raises(Refusal) as refusal:
        define(store, yaml.safe_dump(recipe_value()))
    assert refusal.value.code == "CMP-400"
    assert {p.where for p in refusal.value.problems} == set(inputs) ^ set(PARTIES)


def test_a_product_nobody_registered_has_no_recipe(store: Store) -> None:
    with store.begin(actor("product_manager", GROUP), "compose") as tx, pytest.raises(Refusal) as refusal:
        compose.define_product(tx, product="P-OTHER", recipe=yaml.safe_dump(recipe_value()))
    assert refusal.value.code.startswith("REG-")
