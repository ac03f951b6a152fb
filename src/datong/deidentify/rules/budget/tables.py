"""A noisy answer as a table that can be delivered: labels, figures, and what the noise is written beside them.

What a consumer must know to use a figure travels with it: each figure's column carries a comment (Delta shows it in
`DESCRIBE`), the file carries the whole question. All of it was fixed before the noise was drawn.
Must never know: ledgers, who receives it. Contract: tests/deidentify/test_deidentify_budget_tables.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from datong.deidentify.model.budget import NORM_STEPS, Query
from datong.deidentify.rules.budget import answers
from datong.deidentify.rules.budget.reading import name_of
from datong.ground.canonical import canonical

FORM = "noisy"
"""The delivery form of such a table."""
NOISE = b"datong.noise"
"""Key of the file's metadata under which `facts` and the question stand, as JSON."""
DIGITS = 38


def table_of(query: Query, figures: Mapping[str, Sequence[int]], facts: Mapping[str, Any]) -> pa.Table:
    """One row a group: a text per dimension; whole numbers for counts, decimals for what has a step.

    facts: privacy_unit, rho, epsilon, delta of this answer, as texts; they are said in every figure's comment.
    """
    rows = list(answers.rows_of(query, figures))
    dimensions = [name_of(dimension) for dimension in query.by]
    accuracy = answers.accuracy(query)
    fields, columns = [], []
    for name in rows[0] if rows else dimensions:
        values = [row[name] for row in rows]
        if name in dimensions:
            fields.append(pa.field(name, pa.string()))
            columns.append(pa.array(values, pa.string()))
            continue
        kind = _figure_type(query, name)
        read = [None if value is None else Decimal(value) for value in values] if pa.types.is_decimal(kind) else values
        fields.append(pa.field(name, kind, metadata={"comment": comment(name, accuracy, facts)}))
        columns.append(pa.array(read, kind))
    about = canonical({**facts, "query": dict(query.asked), "accuracy": accuracy})
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata={NOISE: about}))


def comment(name: str, accuracy: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """What a figure's column says of its noise."""
    parts = [name] if name in accuracy else list(accuracy)
    off = "; ".join(
        f"{part} {bound.replace('_', ' ')}: {value}" for part in parts for bound, value in accuracy[part].items()
    )
    return (
        f"noisy; {off}; one {facts['privacy_unit']} is protected with epsilon {facts['epsilon']} at delta "
        f"{facts['delta']} (rho {facts['rho']})"
    )


def facts_in(table: pa.Table) -> dict[str, Any]:
    """What the file of a delivered answer says of its noise; empty for another table."""
    told: dict[str, Any] = json.loads((table.schema.metadata or {}).get(NOISE, b"{}"))
    return told


def _figure_type(query: Query, name: str) -> pa.DataType:
    """Whole numbers for counts, exact decimals with the places of the step else; it does not depend on the figures."""
    if query.norm:
        return pa.decimal128(DIGITS, len(str(NORM_STEPS)) - 1)
    if query.value is None or name == "count":
        return pa.int64()
    exponent = query.value.step.normalize().as_tuple().exponent
    return pa.decimal128(DIGITS, max(0, -int(exponent)))
