"""Defining a product's recipe: the text of the workspace with the codes of its resources filled in.

Contract: tests/compose/test_compose_recipes.py.
"""

from __future__ import annotations

from typing import Any

from datong.compose import store
from datong.compose.model import BAD_PRODUCT_RECIPE, UNKNOWN
from datong.deidentify import service as deidentify
from datong.ground import evidence
from datong.ground.canonical import plain
from datong.ground.db import Tx
from datong.ground.refusal import Problem
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.terms.policy import PURPOSES
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

RECIPE_BYTES_MAX = 262_144


@verb(Role.product_manager, Role.data_engineer)
def define_product(tx: Tx, *, product: str, recipe: str, resources: dict[str, str] | None = None) -> dict[str, Any]:
    """Define the recipe of a product from its text (YAML).

    resources: {part name: resource code}, for parts whose text names none. All mistakes are told together; the
    same text again changes nothing.
    """
    value, codes = _read(product, recipe), resources or {}
    parts = value.get("parts")
    named = [p for p in parts if isinstance(p, dict)] if isinstance(parts, list) else []
    for part in named:
        if "resource" not in part and str(part.get("part")) in codes:
            part["resource"] = codes[str(part["part"])]
    names = {str(part.get("part")) for part in named}
    problems = [
        Problem(f"resources.{name}", "配方没有这一部分", "the recipe has no such part")
        for name in sorted(set(codes) - names)
    ]
    problems += deidentify.recipe_problems(value)
    purposes = value.get("purposes")
    for purpose in purposes if isinstance(purposes, list) else []:
        if str(purpose) not in PURPOSES:
            problems.append(Problem("purposes", f"没有用途 {purpose}", f"no such purpose: {purpose}"))
    problems = problems or _input_problems(tx, product, value)
    if problems:
        raise BAD_PRODUCT_RECIPE(problems, product=product, count=len(problems))
    digest = deidentify.recipe_digest(value)
    earlier = store.recipes_of(tx, product)
    if earlier and earlier[-1]["digest"] == digest:
        return earlier[-1]
    number = len(earlier) + 1
    row: dict[str, Any] = {"id": f"{product}/{number}", "product": product, "number": number, "recipe": value,
                           "digest": digest, "at": tx.now}  # fmt: skip
    tx.add(store.recipes, row)
    evidence.append(tx, "compose.product_defined", store.recipes, row["id"], product=product, digest=digest)
    return row


@view()
def recipe(tx: Tx, *, product: str) -> dict[str, Any]:
    """The recipe of a product as it stands."""
    found = store.recipes_of(tx, product)
    if not found:
        raise UNKNOWN(thing="recipe of product", id=product)
    return found[-1]


def _input_problems(tx: Tx, product: str, value: dict[str, Any]) -> list[Problem]:
    """What is counted must be what is registered: rights, listing and split are cleared over the registered inputs."""
    counted = {str(part["resource"]) for part in value["parts"]}
    registered = {str(code) for code in register.product(tx, product)["inputs"]}
    more = [Problem(r, "不是登记的输入", "is none of the product's registered inputs") for r in counted - registered]
    less = [Problem(r, "登记的输入未被统计", "is a registered input and not counted") for r in registered - counted]
    return sorted([*more, *less], key=lambda problem: problem.where)


def _read(product: str, text: str) -> dict[str, Any]:
    value, _, problems = harmonise.yaml_of("recipe", text.encode("utf-8", "replace"), RECIPE_BYTES_MAX)
    if not problems and not isinstance(value, dict):
        problems = [Problem("recipe", "应为对象", "should be an object")]
    if problems:
        raise BAD_PRODUCT_RECIPE(problems, product=product, count=len(problems))
    return dict(plain(value))  # YAML reads bare dates as dates; the recipe keeps them as text
