"""The kinds of personal data, from the dated file of the room (data/personal-data-2026.yaml, with its sources).

Contract: tests/deidentify/finding/test_finding_deciding.py.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import yaml

from datong.deidentify.model.finding import Identifying, PersonalType
from datong.ground.refusal import Text

FILE = "personal-data-2026.yaml"
KINDS = {kind.name: kind for kind in Identifying}


@functools.cache
def types_in_force() -> tuple[PersonalType, ...]:
    text = (resources.files("datong.deidentify") / "data" / FILE).read_text("utf-8")
    return tuple(_type(name, value) for name, value in yaml.safe_load(text)["types"].items())


def _type(name: str, value: dict[str, Any]) -> PersonalType:
    return PersonalType(
        name, Text(value["zh"], value["en"]), KINDS[value["kind"]], value["level"], value.get("check", ""),
        bool(value.get("decides")), tuple(value.get("tags", ())), frozenset(value.get("elements", ())),
        tuple(value.get("names", ())),
    )  # fmt: skip
