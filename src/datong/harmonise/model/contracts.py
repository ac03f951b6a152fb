"""Quality rules of a data contract: what a dataset must be, as the Open Data Contract Standard says it.

Contract: tests/harmonise/test_harmonise_contracts.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RuleType(StrEnum):
    library = "library"
    sql = "sql"
    text = "text"
    custom = "custom"


class Metric(StrEnum):
    """The metrics of the standard's library."""

    row_count = "rowCount"
    null_values = "nullValues"
    missing_values = "missingValues"
    invalid_values = "invalidValues"
    duplicate_values = "duplicateValues"


class Must(StrEnum):
    """How a rule's figure is held against its threshold."""

    be = "mustBe"
    not_be = "mustNotBe"
    greater = "mustBeGreaterThan"
    greater_or_equal = "mustBeGreaterOrEqualTo"
    less = "mustBeLessThan"
    less_or_equal = "mustBeLessOrEqualTo"
    between = "mustBeBetween"
    not_between = "mustNotBeBetween"


@dataclass(frozen=True)
class Rule:
    """One entry of `quality`. column: "" where it speaks of the whole object. must: None where nothing is compared.

    said: what else the entry says (description, severity, schedule, an engine's own text); it is kept and written
    again, never interpreted.
    """

    column: str
    type: RuleType
    metric: Metric | None = None
    query: str = ""
    must: Must | None = None
    threshold: Any = None
    unit: str = ""
    name: str = ""
    dimension: str = ""
    arguments: Map[str, Any] = field(default_factory=dict)
    said: Map[str, Any] = field(default_factory=dict)
