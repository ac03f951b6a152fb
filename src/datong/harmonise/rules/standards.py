"""Reading a data standard: an Open Data Contract Standard document, version 3.0 to 3.2, valid against its schema.

Elements carry their English name in `businessName`, their Chinese one as a synonym with locale zh-CN, their unit
and the datum of coordinates as the custom properties `unit` and `datum`, and `classification: personal` where they
speak of persons. Versions before 3.2 have no synonyms: there the name stands in for a name that is missing, and a
physical type for a logical one. A constraint that is not held row by row becomes a quality rule, so that none is lost.
Must never know: files, data. Contract: tests/harmonise/test_harmonise_workspace.py and test_harmonise_contracts.py.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jsonschema_rs import Draft201909Validator

from datong.engine.model import literal, quoted
from datong.ground.canonical import digest, plain
from datong.ground.refusal import Problem
from datong.harmonise.model.contracts import Metric, Must, Rule, RuleType
from datong.harmonise.model.mappings import Element, Standard, Type
from datong.harmonise.rules.datums import DATUMS

SHOWN_MAX = 20
WRITTEN = "v3.2.0"
SCHEMAS = {
    "v3.2.0": "", "v3.1.0": "odcs-json-schema-v3.1.0.json", "v3.0.2": "odcs-json-schema-v3.0.2.json",
    "v3.0.1": "odcs-json-schema-v3.0.2.json", "v3.0.0": "odcs-json-schema-v3.0.2.json",
}  # fmt: skip
"""Versions that are read, each with its schema ("" = the one of the package open-data-contract-standard)."""

PHYSICAL = (
    (r"bool|boolean|bit", Type.boolean),
    (r"(big|small|tiny|medium)?int(eger)?|int[248]|(big|small)?serial", Type.integer),
    (r"numeric|decimal|double( precision)?|float[48]?|real|money", Type.number),
    (r"date", Type.date),
    (r"timestamp(tz)?|timestamp with(out)? time zone|datetime2?", Type.timestamp),
    (r"n?(var)?char|n?varchar2|character( varying)?|bpchar|text|string|uuid|json|xml|clob", Type.string),
)
"""Physical types whose logical type is plain, without their length."""
_HELD = {
    Type.string: {"maxLength", "pattern"}, Type.integer: {"minimum", "maximum"}, Type.number: {"minimum", "maximum"},
}  # fmt: skip
"""Options that are held row by row."""
_SILENT = {"format", "timezone", "defaultTimezone"}
"""Options that say how a value is written or meant, not which values may be there."""
_BROKEN_BY = {
    "minimum": "{it} < {end}", "maximum": "{it} > {end}", "exclusiveMinimum": "{it} <= {end}",
    "exclusiveMaximum": "{it} >= {end}", "minLength": "length({it}) < {end}", "multipleOf": "{it} % {end} <> 0",
}  # fmt: skip
_RULE_KEYS = {"type", "metric", "query", "unit", "name", "dimension", "arguments", *Must}


@dataclass(frozen=True)
class Outline:
    """As much of a standard as can be read. doubtful: its elements with which something is wrong; untyped: those of
    them whose type is not known, and is string here."""

    standard: Standard
    doubtful: frozenset[str] = frozenset()
    untyped: frozenset[str] = frozenset()


def objects_of(value: Any) -> list[str]:
    """The names of the objects in an ODCS document that has several; "" for one that has none or one, or is wrong."""
    objects = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(objects, list) or len(objects) < 2:
        return [""]
    return [str(thing.get("name", "")) for thing in objects if isinstance(thing, dict)] or [""]


def standard_of(where: str, value: Any, object_name: str = "") -> tuple[Standard | None, list[Problem]]:
    """The standard in an ODCS document (parsed YAML), or everything wrong with it.

    object_name: which object of its schema; may be left out where there is only one.
    """
    outline, found = outlined(where, value, object_name)
    return (None, found) if found or outline is None else (outline.standard, [])


def outlined(where: str, value: Any, object_name: str = "") -> tuple[Outline | None, list[Problem]]:
    """The standard as far as it can be read, so that what names it can be read too, and everything wrong with it."""
    version = value.get("apiVersion") if isinstance(value, dict) else None
    if isinstance(version, str) and version not in SCHEMAS:
        known = ", ".join(SCHEMAS)
        return None, [Problem(f"{where}: apiVersion", f"可读版本：{known}", f"{version} is not read; read are {known}")]
    invalid = _invalid(value, version if isinstance(version, str) else WRITTEN)
    found = [Problem(f"{where}: {'.'.join(map(str, path)) or 'document'}", *_both(text)) for path, text in invalid]
    objects = (value.get("schema") if isinstance(value, dict) else None) or []
    if found and not (isinstance(objects, list) and objects and all(isinstance(thing, dict) for thing in objects)):
        return None, found
    thing, problems = _object(where, objects, object_name)
    if thing is None or not isinstance(thing["properties"], list):
        return None, [*found, *problems]
    at_fault = {path[:4] for path, _ in invalid}
    elements, doubtful, untyped = [], set[str](), set[str]()
    rules = [] if found else list(_rules("", thing.get("quality")))
    for number, prop in enumerate(thing["properties"]):
        if ("schema", objects.index(thing), "properties", number) in at_fault or not isinstance(prop, dict):
            element = None
        else:
            at = f"{where}: schema.properties.{prop.get('name') or number}"
            element, problems = _element(at, prop, bilingual=version == WRITTEN)
            found += problems
        if element is not None:
            elements.append(element)
            rules += [] if invalid else [*_rules(element.name, prop.get("quality")), *_kept(element, prop)]
        elif isinstance(prop, dict) and isinstance(name := prop.get("name"), str):
            kind = _type(prop, physical=version != WRITTEN) if isinstance(prop.get("logicalType"), str) else None
            required = prop.get("required") is True
            elements.append(Element(name, name, name, kind or Type.string, required=required))
            doubtful.add(name)
            untyped |= set() if kind else {name}
    names = [element.name for element in elements]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found.append(Problem(f"{where}: schema.properties.{name}", "元素名称重复", "two elements have this name"))
    made_of = "" if found else digest(value)
    made = Standard(str(thing.get("name", "")), str(value.get("version", "")), tuple(elements), made_of, tuple(rules))
    return Outline(made, frozenset(doubtful), frozenset(untyped)), found


def _invalid(value: Any, version: str) -> list[tuple[tuple[str | int, ...], str]]:
    """What is not valid by the schema of its version, nor by the next one: 3.1 also reads what 3.0 forgot to allow."""
    document = plain(value)  # dates that YAML made of texts are texts again
    errors = list(_schema(version).iter_errors(document))
    if errors and version.startswith("v3.0") and _schema("v3.1.0").is_valid(document):
        return []
    told = {(tuple(error.instance_path), error.message) for error in errors}  # each branch tells it again
    return sorted(told, key=lambda entry: ([str(part) for part in entry[0]], entry[1]))[:SHOWN_MAX]


def _object(where: str, objects: list[dict[str, Any]], name: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    at = f"{where}: schema"
    names = [str(thing.get("name", "")) for thing in objects]
    if name and name not in names:
        listed = ", ".join(names) or "–"
        return None, [Problem(at, f"没有对象 {name}；已有：{listed}", f"has no object {name}; there are: {listed}")]
    if not objects:
        return None, [
            Problem(at, "没有对象：须有一个含属性的对象", "should hold one object with properties; it holds none")
        ]
    if not name and len(objects) != 1:
        zh = f"有多个对象，请写作 文件名#对象名：{'、'.join(names)}"
        en = f"holds more than one object; name one, as file#object: {', '.join(names)}"
        return None, [Problem(at, zh, en)]
    thing = objects[names.index(name)] if name else objects[0]
    if not thing.get("properties"):
        return None, [Problem(at, "对象没有属性", "the object has no properties")]
    return thing, []


def _element(where: str, prop: Map[str, Any], *, bilingual: bool) -> tuple[Element | None, list[Problem]]:
    found = []
    zh = next((s["synonym"] for s in prop.get("synonyms") or [] if _is_chinese(s.get("locale"))), None)
    en = prop.get("businessName")
    if bilingual and not zh:
        said = "has no Chinese name (synonyms, locale zh-CN)"
        found.append(Problem(where, "缺少中文名（synonyms，locale: zh-CN）", said))
    if bilingual and not en:
        found.append(Problem(where, "缺少英文名 businessName", "has no English name (businessName)"))
    kind = _type(prop, physical=not bilingual)
    if kind is None:
        kinds, given = ", ".join(Type), prop.get("logicalType") or prop.get("physicalType") or "–"
        en_said = f"needs a logicalType, one of {kinds}, not {given}"
        found.append(Problem(where, f"logicalType 应为 {kinds}，而不是 {given}", en_said))
    if found or kind is None:
        return None, found
    options = {k: v for k, v in (prop.get("logicalTypeOptions") or {}).items() if k in _HELD.get(kind, ())}
    units = [c["value"] for c in prop.get("customProperties") or [] if c["property"] == "unit"]
    datums = [str(c["value"]) for c in prop.get("customProperties") or [] if c["property"] == "datum"]
    if datums and datums[0] not in DATUMS:
        known = ", ".join(DATUMS)
        return None, [Problem(where, f"datum 应为 {known} 之一", f"datum should be one of {known}")]
    low, high = options.get("minimum"), options.get("maximum")
    if low is not None and high is not None and low > high:
        return None, [
            Problem(where, "minimum 大于 maximum", "minimum is greater than maximum: no value could be right")
        ]
    return (
        Element(
            name=str(prop["name"]),
            zh=str(zh or en or prop["name"]),
            en=str(en or prop["name"]),
            type=kind,
            unit=str(units[0]) if units else "",
            required=bool(prop.get("required")),
            personal=prop.get("classification") == "personal",
            minimum=options.get("minimum"),
            maximum=options.get("maximum"),
            max_length=options.get("maxLength"),
            pattern=str(options.get("pattern", "")),
            values=tuple(str(entry["value"]) for entry in prop.get("enum") or []),
            datum=datums[0] if datums else "WGS84",
        ),
        [],
    )


def _is_chinese(locale: Any) -> bool:
    return str(locale or "").lower().startswith("zh")


def _type(prop: Map[str, Any], *, physical: bool) -> Type | None:
    if prop.get("logicalType") is not None or not physical:
        return Type(prop["logicalType"]) if prop.get("logicalType") in set(Type) else None
    plain = re.sub(r"[\[(].*", "", str(prop.get("physicalType", ""))).strip().lower()
    return next((kind for pattern, kind in PHYSICAL if re.fullmatch(pattern, plain)), None)


def _kept(element: Element, prop: Map[str, Any]) -> Iterator[Rule]:
    """Constraints that no row is held by, as rules: so many values may break them as none."""
    options = prop.get("logicalTypeOptions") or {}
    for name, end in options.items():
        if name in _HELD.get(element.type, ()) or name in _SILENT or name not in _BROKEN_BY:
            continue
        literal_end = literal(str(end)) if isinstance(end, str) else repr(end)
        typed = f"CAST({literal_end} AS {element.type.upper()})" if isinstance(end, str) else literal_end
        broken = _BROKEN_BY[name].format(it=quoted(element.name), end=typed)
        query = f"SELECT count(*) FROM ${{object}} WHERE {broken}"
        yield Rule(element.name, RuleType.sql, query=query, must=Must.be, threshold=0, name=name)
    if prop.get("unique") or prop.get("primaryKey"):
        metric = Metric.duplicate_values
        yield Rule(element.name, RuleType.library, metric, must=Must.be, threshold=0, name="unique")


def _rules(column: str, quality: Any) -> Iterator[Rule]:
    for entry in quality or []:
        must = next((must for must in Must if must in entry), None)
        metric, kind = entry.get("metric"), RuleType(entry.get("type", "library"))
        figured = kind is RuleType.sql or (kind is RuleType.library and metric in set(Metric))
        if kind in (RuleType.library, RuleType.sql) and not (figured and must):
            told = json.dumps(plain(entry), ensure_ascii=False, sort_keys=True)  # in words an older version had
            yield Rule(column, RuleType.text, name=str(entry.get("name", "")), said={"description": told})
            continue
        yield Rule(
            column=column,
            type=kind,
            metric=Metric(metric) if metric in set(Metric) else None,
            query=str(entry.get("query", "")),
            must=must,
            threshold=entry.get(must) if must else None,
            unit=str(entry.get("unit", "")),
            name=str(entry.get("name", "")),
            dimension=str(entry.get("dimension", "")),
            arguments=dict(entry.get("arguments") or {}),
            said={key: value for key, value in entry.items() if key not in _RULE_KEYS},
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
def _schema(version: str) -> Draft201909Validator:
    file = SCHEMAS[version]
    place = (
        resources.files("datong.harmonise").joinpath("data", "odcs", file)
        if file
        else resources.files("open_data_contract_standard").joinpath("schema.json")
    )
    return Draft201909Validator(json.loads(place.read_text("utf-8")), offline=True)


def problems_of(document: Any) -> list[str]:
    """What in a document of ours is not valid ODCS, by the schema of the version we write."""
    return [error.message for error in _schema(WRITTEN).iter_errors(document)]


def _both(message: str) -> tuple[str, str]:
    short = message[:160]
    return f"不符合 ODCS：{short}", f"is not valid ODCS: {short}"
