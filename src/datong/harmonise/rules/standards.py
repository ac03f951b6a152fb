"""Reading a data standard: an Open Data Contract Standard 3.x document, valid against the schema it ships with.

Elements carry their English name in `businessName`, their Chinese one as a synonym with locale zh-CN, their unit
and the datum of coordinates as the custom properties `unit` and `datum`, and `classification: personal` where they
speak of persons.
Must never know: files, data. Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping as Map
from importlib import resources
from typing import Any

from jsonschema import Draft201909Validator
from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty
from pydantic import ValidationError

from datong.ground.canonical import digest
from datong.ground.refusal import Problem
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.rules.datums import DATUMS

SHOWN_MAX = 20


def standard_of(where: str, value: Any) -> tuple[Standard | None, list[Problem]]:
    """The standard in an ODCS document (parsed YAML), or everything wrong with it."""
    found = [
        Problem(f"{where}: {'.'.join(str(part) for part in error.absolute_path) or 'document'}", *_both(error.message))
        for error in sorted(_schema().iter_errors(value), key=lambda e: [str(p) for p in e.absolute_path])[:SHOWN_MAX]
    ]
    if found:
        return None, found
    try:
        contract = OpenDataContractStandard.model_validate(value)
    except ValidationError as invalid:
        return None, [
            Problem(f"{where}: {'.'.join(str(part) for part in error['loc'])}", *_both(error["msg"]))
            for error in invalid.errors()
        ]
    objects = contract.schema_ or []
    if len(objects) != 1 or not objects[0].properties:
        return None, [Problem(f"{where}: schema", "应恰有一个含属性的对象", "should hold one object with properties")]
    elements = []
    for number, prop in enumerate(objects[0].properties):
        element, problems = _element(f"{where}: schema[0].properties.{prop.name or number}", prop)
        found += problems
        if element is not None:
            elements.append(element)
    if len({element.name for element in elements}) != len(elements):
        found.append(Problem(f"{where}: schema[0].properties", "元素名称重复", "two elements share a name"))
    name = objects[0].name or ""
    return (None, found) if found else (Standard(name, contract.version or "", tuple(elements), digest(value)), [])


def _element(where: str, prop: SchemaProperty) -> tuple[Element | None, list[Problem]]:
    found = []
    zh = next((s.synonym for s in prop.synonyms or [] if (s.locale or "").lower().startswith("zh")), None)
    if not zh:
        found.append(
            Problem(where, "缺少中文名（synonyms，locale: zh-CN）", "has no Chinese name (synonyms, locale zh-CN)")
        )
    if not prop.businessName:
        found.append(Problem(where, "缺少英文名 businessName", "has no English name (businessName)"))
    if prop.logicalType not in set(Type):
        kinds = ", ".join(Type)
        found.append(Problem(where, f"logicalType 应为 {kinds}", f"needs a logicalType, one of {kinds}"))
    if found:
        return None, found
    options = prop.logicalTypeOptions or {}
    units = [c.value for c in prop.customProperties or [] if c.property == "unit"]
    datums = [str(c.value) for c in prop.customProperties or [] if c.property == "datum"]
    if datums and datums[0] not in DATUMS:
        known = ", ".join(DATUMS)
        return None, [Problem(where, f"datum 应为 {known} 之一", f"datum should be one of {known}")]
    return (
        Element(
            name=str(prop.name),
            zh=str(zh),
            en=str(prop.businessName),
            type=Type(str(prop.logicalType)),
            unit=str(units[0]) if units else "",
            required=bool(prop.required),
            personal=prop.classification == "personal",
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            max_length=options.get("maxLength"),
            pattern=str(options.get("pattern", "")),
            values=tuple(str(entry.value) for entry in prop.enum or []),
            datum=datums[0] if datums else "WGS84",
        ),
        [],
    )


def as_json(standard: Standard) -> Map[str, Any]:
    """The standard's elements as a listing shows them."""
    return {
        "name": standard.name,
        "version": standard.version,
        "digest": standard.digest,
        "elements": [
            {
                "name": e.name, "zh": e.zh, "en": e.en, "type": e.type.value, "unit": e.unit,
                "required": e.required, "personal": e.personal,
            }
            for e in standard.elements
        ],
    }  # fmt: skip


@functools.cache
def _schema() -> Draft201909Validator:
    text = resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8")
    return Draft201909Validator(json.loads(text))


def _both(message: str) -> tuple[str, str]:
    short = message[:160]
    return f"不符合 ODCS：{short}", f"is not valid ODCS: {short}"
