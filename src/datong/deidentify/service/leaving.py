"""What the release gate asks of the classification of a table's sources: confirmed, nobody shown, not core, assessed.

Noise bounds what an answer tells of one person; it does not make data lawful to let out, so noisy answers are asked the
same. Must never know: risk, recipients. Contract: tests/deidentify/test_deidentify_gate_classification.py,
test_deidentify_budget_classification.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datong.deidentify.model.classification import CORE_DATA, IMPORTANT_DATA, Confirmed
from datong.deidentify.model.finding import Level
from datong.deidentify.model.joint import Part
from datong.deidentify.model.noisy_refusals import NAMES_SOMEBODY
from datong.deidentify.model.refusals import DIRECT_IDENTIFIER
from datong.deidentify.rules.recipe import figure_columns, recipe_of
from datong.deidentify.service.classification import confirmed, require_classified
from datong.ground.db import Tx
from datong.harmonise import service as harmonise


def require_sources_classified(
    tx: Tx, dataset: str, parts: Sequence[Part], columns: Sequence[str], data: Path | None
) -> Level:
    """The highest grade of the sources that this node holds; refused (DID-463) where people have not confirmed every
    column of one, or (DID-410) where a value of a direct identifier would leave. What other nodes hold is theirs to
    classify. columns: of the table that would leave; data: the source's rows, where they are here."""
    grade = Level.general
    for part in parts:
        built = harmonise.is_built(tx, part.resource)
        if built or confirmed(tx, part.resource) is not None:
            asked = _columns_of(tx, part.resource, data, built=built)
            found = require_classified(tx, part.resource, asked, None if built else data)
            if direct := found.direct(_shown_of(part, columns)):
                raise DIRECT_IDENTIFIER(dataset=dataset, columns=", ".join(direct))
            grade = max(grade, found.grade)
    return grade


def require_assessed(dataset: str, grade: Level, record: Mapping[str, Any] | None) -> None:
    """DID-468 for important data without a valid assessment record, and so for all that would be public."""
    if grade is Level.important and record is None:
        raise IMPORTANT_DATA(dataset=dataset)


def require_still_classified(tx: Tx, release: Mapping[str, Any]) -> None:
    """DID-410 or DID-467 when people have said since a release that it shows direct identifiers, or that one of its
    sources is core data. A source that was never classified was released before it had to be; it stands."""
    for part in recipe_of(release["recipe"]).parts:
        found = confirmed(tx, part.resource) if part.resource in release["sources"] else None
        if found is not None and found.grade is Level.core:
            raise CORE_DATA(dataset=part.resource)
        if found is not None and (direct := found.direct(_shown_of(part, figure_columns(part)))):
            raise DIRECT_IDENTIFIER(dataset=release["dataset"], columns=", ".join(direct))


def require_answerable(
    tx: Tx, dataset: str, columns: Sequence[str], asked: Sequence[str], record: Callable[[], Mapping[str, Any] | None]
) -> None:
    """DID-463, DID-467, DID-468 or DID-495 where a dataset may not be answered of with noise.

    columns: of the data; asked: those the answer speaks of; record: looks for the assessment that counts for whoever
    gets the answer, and is called for important data only.
    """
    _require_answer(dataset, require_classified(tx, dataset, columns), asked, record)


def require_still_answerable(
    tx: Tx, dataset: str, asked: Sequence[str], record: Callable[[], Mapping[str, Any] | None]
) -> None:
    """The same of an answer that was delivered, by what people have said since; DID-463 is no more asked, as a new
    version of the data may wait for its confirmation."""
    found = confirmed(tx, dataset)
    if found is not None and found.grade is Level.core:
        raise CORE_DATA(dataset=dataset)
    if found is not None:
        _require_answer(dataset, found, asked, record)


def _require_answer(
    dataset: str, found: Confirmed, asked: Sequence[str], record: Callable[[], Mapping[str, Any] | None]
) -> None:
    if direct := found.direct(asked):
        raise NAMES_SOMEBODY(dataset=dataset, columns=", ".join(direct))
    if found.grade is Level.important:
        require_assessed(dataset, found.grade, record())


def _columns_of(tx: Tx, resource: str, data: Path | None, *, built: bool) -> list[str]:
    if built:
        return [str(element["name"]) for element in harmonise.current(tx, resource)["schema"]]
    return list(pq.read_schema(data).names) if data is not None else []


def _shown_of(part: Part, columns: Sequence[str]) -> list[str]:
    """Columns of a source whose values a table of counts shows: those it has, and the one that makes its classes."""
    return [*columns, *([part.types.column] if part.types is not None else [])]
