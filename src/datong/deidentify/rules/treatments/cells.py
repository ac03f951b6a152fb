"""Leaving out: whole columns, rare values, rows that too few hold.

Must never know: plans, keys. Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datong.deidentify.model.treatments import Remains, Trace
from datong.deidentify.rules.treatments.columns import Bools, Column, codes_of, one, persons_of, texts
from datong.ground.refusal import Text

DROPPED = Remains(frozenset(), Text("什么也不留下。", "nothing remains"))
KEPT = Remains(
    frozenset((Trace.value, Trace.equality, Trace.frequency, Trace.order, Trace.distribution, Trace.presence)),
    Text("原样留下。", "everything remains as it is"),
)
BLANKED = Remains(
    frozenset((Trace.value, Trace.equality, Trace.frequency, Trace.presence)),
    Text("常见的值原样留下；少见的值置空（空值的多少仍可见）。",
         "usual values remain as they are; rare ones are empty (how many is still seen)"),
)  # fmt: skip
CONSTANT = Remains(
    frozenset((Trace.presence,)), Text("只留下该处有值或无值。", "only whether there was a value remains")
)


def rare_blanked(column: Column, fewest: int) -> pa.Array:
    """Values that stand in fewer than `fewest` rows become null."""
    array = one(column)
    codes, _ = codes_of(array)
    counts = np.bincount(codes[codes >= 0], minlength=int(codes.max(initial=0)) + 1)
    rare = (counts[codes] < fewest) | (codes < 0)
    return pc.if_else(pa.array(rare), pa.scalar(None, array.type), array)


def masked(column: Column, sign: str = "*") -> pa.Array:
    """Every value as one sign; null stays null."""
    array = one(column)
    return pc.if_else(pc.is_valid(array), pa.scalar(sign), pa.scalar(None, pa.string()))


def held_by_enough(columns: Sequence[Column], fewest: int, persons: Column | None = None) -> Bools:
    """Which rows' combination of `columns` (null is a value of its own) is held by at least `fewest` rows, or by so
    many different values of `persons` where given; rows without a person count for nobody."""
    groups = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes, values = codes_of(column)
        _, groups = np.unique(groups * (len(values) + 1) + codes + 1, return_inverse=True)
    size = int(groups.max(initial=-1)) + 1
    if persons is None:
        return np.asarray(np.bincount(groups, minlength=size)[groups] >= fewest)
    who, known = codes_of(persons_of(texts(persons)))
    pairs = np.unique((groups * (len(known) + 1) + who)[who >= 0])
    return np.asarray(np.bincount(pairs // (len(known) + 1), minlength=size)[groups] >= fewest)
