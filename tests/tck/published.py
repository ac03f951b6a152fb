"""Both published copies of the DSP 2025-1 schemas, loaded apart from the product: the specification's and the kit's."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from jsonschema import Draft201909Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT201909

TESTS = Path(__file__).parents[1]
SPECIFICATION = TESTS.parent / "src" / "datong" / "wire" / "dsp" / "schemas"
KIT = sorted(folder for folder in (TESTS / "data" / "dsp" / "kit").iterdir() if folder.is_dir())
"""The kit has a set of its own for each of its modules."""
COPIES = (SPECIFICATION, *KIT)


@functools.cache
def _schemas(folder: Path) -> tuple[Registry[Any], dict[str, str]]:
    """The registry of a copy, and the $id of the schema of each @type (whose constant the schema names)."""
    found, of_type = [], {}
    for file in sorted(folder.glob("**/*-schema.json")):
        text = file.read_text("utf-8").replace(".json#definitions", ".json#/definitions")  # upstream slip
        schema = json.loads(text)
        found.append((schema["$id"], Resource.from_contents(schema, default_specification=DRAFT201909)))
        words = file.name.removesuffix("-schema.json").split("-")
        of_type.setdefault("".join(word.title() for word in words), schema["$id"])
    return Registry().with_resources(found), of_type


@functools.cache
def validator(folder: Path, kind: str) -> Draft201909Validator | None:
    """The validator of a message's @type in one copy; None where that copy has no schema of it."""
    registry, of_type = _schemas(folder)
    if kind not in of_type:
        return None
    return Draft201909Validator({"$ref": of_type[kind]}, registry=registry)


def faults(message: dict[str, Any], kind: str = "") -> list[str]:
    """What either copy has against a message; at least the specification's must know its @type."""
    kind = kind or str(message.get("@type"))
    checks = [validator(folder, kind) for folder in COPIES]
    if checks[0] is None:
        return [f"no schema of {kind}"]
    return [f"{kind}: {fault.message}" for check in checks if check for fault in check.iter_errors(message)]
