"""Generalisation 泛化: each value becomes its label at one level of a hierarchy file.

Must never know: plans, files, keys. Contract: tests/deidentify/treatments/test_treatments_values.py.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from datong.deidentify.model.treatments import Remains, Trace
from datong.deidentify.rules.recoding.hierarchy import Hierarchy, places_of
from datong.deidentify.rules.treatments.columns import Column, codes_of, require
from datong.ground.refusal import Text

GENERALISED = Remains(
    frozenset((Trace.equality, Trace.frequency, Trace.neighbourhood, Trace.presence)),
    Text("留下该层级的组别：同组的值看来相同，组的多少仍可见；组内人少时仍会暴露个体。",
         "the group at that level: its values look alike, its size is seen; few persons in one are singled out"),
)  # fmt: skip


def generalised(column: Column, hierarchy: Hierarchy, level: int) -> pa.Array:
    """The labels of a column of texts at `level` (1 to the hierarchy's height); null stays null.

    A value that the hierarchy does not have is refused: what it belongs to is not for the software to guess.
    """
    codes, distinct = codes_of(column)
    places = places_of([str(value) for value in distinct.to_pylist()], hierarchy)
    here = np.where(codes >= 0, places[codes] if len(places) else 0, 0)
    require((codes >= 0) & (here < 0), "不在层级文件中", "are not in the hierarchy file")
    labels = pa.array(hierarchy.labels[level], pa.string())
    return labels.take(pa.array(hierarchy.up[level][here], mask=codes < 0))
