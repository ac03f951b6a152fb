"""A data contract written: an Open Data Contract Standard 3.2 document from a standard, and from what was built by it.

`written` says a standard so that reading it gives the same standard again; `contract_of` adds what a build knows:
where the data lie, what each element was made of, the mapping's own checks as quality rules, who stands for it.
Must never know: files, data. Contract: tests/harmonise/test_harmonise_contracts.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Map
from typing import Any

from datong.engine.model import literal, quoted
from datong.harmonise.model.contracts import Metric, Must, Rule, RuleType
from datong.harmonise.model.lineage import Field, Kind, Lineage
from datong.harmonise.model.mappings import WGS84, Element, How, Mapping, Standard
from datong.harmonise.rules.conversions.reading import sql_type
from datong.harmonise.rules.standards import WRITTEN

_OPTIONS = {"minimum": "minimum", "maximum": "maximum", "max_length": "maxLength"}
SEVERITY_OF_CHECKS = "error"


def written(standard: Standard) -> dict[str, Any]:
    """`standard` as an ODCS document."""
    whole = [_rule(rule) for rule in standard.rules if not rule.column]
    properties = [_property(element, standard.rules) for element in standard.elements]
    thing = {"name": standard.name, "logicalType": "object", "properties": properties}
    return {
        "apiVersion": WRITTEN,
        "kind": "DataContract",
        "id": standard.name,
        "name": standard.name,
        "version": standard.version,
        "status": "active",
        "schema": [{**thing, "quality": whole} if whole else thing],
    }


def contract_of(mapping: Mapping, lineage: Lineage, resource: str) -> dict[str, Any]:
    """The contract of a resource: its standard, with the lineage and the checks of the mapping it is built by."""
    document = written(mapping.standard)
    thing = document["schema"][0]
    fields = {field.element: field for field in lineage.fields}
    codes = {column.element.name: column.codes.name for column in mapping.columns if column.codes is not None}
    points = {c.element.name: c.element.datum for c in mapping.columns if c.how in {How.latitude, How.longitude}}
    for prop in thing["properties"]:
        name = prop["name"]
        if name in fields:
            prop.update(_made_of(mapping, fields[name]))
        if name in codes:
            prop["customProperties"] = [*prop.get("customProperties", []), _custom("codeTable", codes[name])]
        if points.get(name) == WGS84:  # any other is written with the element
            prop["customProperties"] = [*prop.get("customProperties", []), _custom("datum", WGS84)]
    if rules := [*thing.get("quality", []), *(_rule(rule) for rule in _checks(mapping))]:
        thing["quality"] = rules
    thing["physicalName"], thing["physicalType"] = "harmonised", "parquet"
    return {**document, "id": resource}


def with_place(document: Map[str, Any], *, path: str, team: str, facts: Map[str, Any]) -> dict[str, Any]:
    """The contract with where its data lie now, who stands for them and the facts of the current build."""
    return {
        **document,
        "servers": [{"server": "node", "type": "local", "path": path, "format": "parquet", "encoding": "UTF-8"}],
        "team": {"name": team},
        "roles": [
            {"role": "data_engineer", "access": "write", "description": "builds, repairs, sees what was quarantined"},
            {"role": "product_manager", "access": "read", "description": "figures, never rows"},
        ],
        "customProperties": [_custom(name, value) for name, value in facts.items()],
    }


def _property(element: Element, rules: tuple[Rule, ...]) -> dict[str, Any]:
    options = {odcs: getattr(element, ours) for ours, odcs in _OPTIONS.items() if getattr(element, ours) is not None}
    if element.pattern:
        options["pattern"] = element.pattern
    prop: dict[str, Any] = {
        "name": element.name,
        "businessName": element.en,
        "synonyms": [{"synonym": element.zh, "locale": "zh-CN"}],
        "logicalType": element.type.value,
        "physicalType": sql_type(element.type),
        "required": element.required,
    }
    if element.personal:
        prop["classification"] = "personal"
    if options:
        prop["logicalTypeOptions"] = options
    if element.values:
        prop["enum"] = [{"value": value} for value in element.values]
    said = [_custom("unit", element.unit)] if element.unit else []
    if element.datum != WGS84:
        said.append(_custom("datum", element.datum))
    if said:
        prop["customProperties"] = said
    if own := [_rule(rule) for rule in rules if rule.column == element.name]:
        prop["quality"] = own
    return prop


def _rule(rule: Rule) -> dict[str, Any]:
    told = {"name": rule.name, "dimension": rule.dimension, "unit": rule.unit, "query": rule.query}
    entry: dict[str, Any] = {"type": rule.type.value, **{key: value for key, value in told.items() if value}}
    if rule.metric is not None:
        entry["metric"] = rule.metric.value
    if rule.must is not None:
        entry[rule.must.value] = rule.threshold
    if rule.arguments:
        entry["arguments"] = dict(rule.arguments)
    return {**entry, **rule.said}


def _checks(mapping: Mapping) -> Iterator[Rule]:
    """The mapping's row checks and uniqueness rules, which its rows were held by."""
    said = {"severity": SEVERITY_OF_CHECKS}
    for check in mapping.checks:
        query = f"SELECT count(*) FROM ${{object}} WHERE {check.when}"
        yield Rule("", RuleType.sql, None, query, Must.be, 0, "rows", check.reason, "consistency", {}, said)
    for unique in mapping.unique:
        arguments, name = {"properties": list(unique.columns)}, "unique_" + "_".join(unique.columns)
        library = (RuleType.library, Metric.duplicate_values, "", Must.be, 0, "rows", name, "uniqueness")
        yield Rule("", *library, arguments, said)


def _made_of(mapping: Mapping, field: Field) -> dict[str, Any]:
    made: dict[str, Any] = {"transformLogic": field.how}
    source = mapping.source
    of = (f"{i.table}.{i.column}" if source.tables else i.column for i in field.inputs if i.kind is Kind.direct)
    direct = [f"{source.name}.{path}" for path in of]
    return {**made, "transformSourceObjects": direct} if direct else made


def _custom(name: str, value: Any) -> dict[str, Any]:
    return {"property": name, "value": value}


# --- rules as plans ------------------------------------------------------------------------------------------


def query_of(rule: Rule, table: str, elements: tuple[Element, ...]) -> tuple[str, str]:
    """(a query that gives the rule's one figure over `table`, "") or ("", why the rule is not run)."""
    names = {element.name for element in elements}
    if rule.must is None:
        return "", "it compares nothing"
    if rule.type is RuleType.sql:
        query = rule.query
        for mark, name in (("object", quoted(table)), ("table", quoted(table)), ("schema", quoted(table)),
                           ("property", quoted(rule.column)), ("column", quoted(rule.column))):  # fmt: skip
            query = query.replace("${" + mark + "}", name).replace("{" + mark + "}", name)
        return query, ""
    if rule.type is not RuleType.library or rule.metric is None:
        return "", "it is text, or for another engine"
    named = [str(name) for name in rule.arguments.get("properties", [])] or ([rule.column] if rule.column else [])
    if unknown := [name for name in named if name not in names]:
        return "", f"there is no element {', '.join(unknown)}"
    if not named and rule.metric is not Metric.row_count:
        return "", "it names no column"
    figure, why = _figure(rule, named, {element.name: element for element in elements})
    if why:
        return "", why
    share = f"100.0 * ({figure}) / NULLIF(count(*), 0)" if rule.unit == "percent" else figure
    return f"SELECT {share} AS figure FROM {quoted(table)}", ""


def _figure(rule: Rule, named: list[str], elements: Map[str, Element]) -> tuple[str, str]:
    if rule.metric is Metric.row_count:
        return "count(*)", ""
    columns = [quoted(name) for name in named]
    if rule.metric is Metric.duplicate_values:
        together = columns[0] if len(columns) == 1 else f"row({', '.join(columns)})"
        there = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        return f"count(*) FILTER ({there}) - count(DISTINCT {together}) FILTER ({there})", ""
    column, text = columns[0], f"CAST({columns[0]} AS VARCHAR)"
    if rule.metric is Metric.null_values:
        return f"count(*) FILTER ({column} IS NULL)", ""
    if rule.metric is Metric.missing_values:
        markers = [str(v) for v in rule.arguments.get("missingValues", []) if v is not None]
        listed = f" OR {text} IN ({_listed(markers)})" if markers else ""
        return f"count(*) FILTER ({column} IS NULL{listed})", ""
    valid, pattern = rule.arguments.get("validValues"), rule.arguments.get("pattern")
    if not valid and not pattern:
        return "", "it says neither validValues nor a pattern"
    wrong = f"{text} NOT IN ({_listed([str(v) for v in valid])})" if valid else ""
    if pattern:
        mismatch = f"NOT regexp_full_match({text}, {literal(str(pattern))})"
        wrong = f"{wrong} OR {mismatch}" if wrong else mismatch
    return f"count(*) FILTER ({column} IS NOT NULL AND ({wrong}))", ""


def _listed(values: list[str]) -> str:
    return ", ".join(literal(value) for value in values)


def holds(must: Must, threshold: Any, figure: Any) -> bool | None:
    """Whether a figure is what it must be; None when the two cannot be compared."""
    if must in (Must.be, Must.not_be):
        if isinstance(figure, int | float) and isinstance(threshold, str):
            return None
        return (figure == threshold) is (must is Must.be)
    if not isinstance(figure, int | float) or isinstance(figure, bool):
        return None
    if must in (Must.between, Must.not_between):
        low, high = threshold
        return bool(low <= figure <= high) is (must is Must.between)
    return bool(
        {
            Must.greater: figure > threshold,
            Must.greater_or_equal: figure >= threshold,
            Must.less: figure < threshold,
            Must.less_or_equal: figure <= threshold,
        }[must]
    )
