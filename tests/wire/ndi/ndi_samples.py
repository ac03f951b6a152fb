"""A message that fits its table, made from the table: what every row's test starts from and spoils."""

from __future__ import annotations

from typing import Any

from datong.wire.ndi.tables import Field, Interface, Tables

TEXTS = {"number": "1", "instant": "2026-03-02T00:00:00Z", "date": "2026-03-02", "date_or_open": "长期"}


def sample(tables: Tables, interface: Interface, part: str) -> dict[str, Any]:
    """Every member of `part` present, each as short as it may be."""
    roots = interface.request if part == "request" else interface.response
    return {row.name: value_of(tables, row) for row in roots}


def value_of(tables: Tables, row: Field) -> Any:
    if row.type == "object":
        return {child.name: value_of(tables, child) for child in row.children} or {"any": "thing"}
    if row.type in ("list", "texts"):
        one: Any = text_of(tables, row)
        if row.children:
            one = {child.name: value_of(tables, child) for child in row.children}
        return [one]
    if row.type == "json":
        return {"any": "thing"}
    return text_of(tables, row)


def text_of(tables: Tables, row: Field) -> str:
    if row.codes:
        return tables.codes[row.codes][0].code
    return TEXTS.get(row.type, "x")


def holders(message: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """(the object that holds the member at `path`, its name); lists are entered at their only element."""
    *above, name = path.replace("[]", "").split(".")
    at: Any = message
    for step in above:
        at = at[step]
        at = at[0] if isinstance(at, list) else at
    return at, name
