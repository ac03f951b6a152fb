"""What a look at a table's columns says of personal data, as values. Never a value of a cell.

Must never know: how it is judged. Contract: tests/deidentify/finding/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text


class Identifying(StrEnum):
    """GB/T 42460-2023 annexes A and B; sensitive: none of both, but named by a list of sensitive information."""

    direct = "direct identifier"
    quasi = "quasi-identifier"
    sensitive = "sensitive"
    other = "other"


class Level(IntEnum):
    """GB/T 43697-2024 clause 6: 一般 general, 重要 important, 核心 core."""

    general = 1
    important = 2
    core = 3


@dataclass(frozen=True)
class PersonalType:
    """A kind of personal data of the rule file. own: the key under which its own words are asked for."""

    name: str
    title: Text
    kind: Identifying
    level: int
    check: str
    decides: bool
    tags: tuple[str, ...]
    elements: frozenset[str]
    names: tuple[str, ...]

    @property
    def own(self) -> str:
        return f"type:{self.name}"


@dataclass(frozen=True)
class NameSaid:
    """What a column's name is near to: an element of the library or a type's own words; score 0 to 1."""

    of: str
    score: float
    said: str
    way: str


@dataclass(frozen=True)
class ColumnLook:
    """Figures of a column's values. shares: check -> share of the distinct values looked at that pass it. series: times
    at one distance, each in one row. within: check -> (how many, which share) of the texts that hold such a value among
    other words."""

    rows: int
    filled: int
    distinct: int
    shares: Mapping[str, float]
    sequential: bool
    true_sexes: bool
    shape: str
    series: bool = False
    within: Mapping[str, tuple[int, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """What one column is proposed to be, how sure that is, and by what. level: 1-4 of general data (annex H)."""

    column: str
    kind: Identifying
    type: str
    title: Text
    score: float
    tags: tuple[str, ...]
    level: int
    evidence: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "column": self.column, "kind": self.kind.value, "type": self.type, "zh": self.title.zh,
            "en": self.title.en, "score": round(self.score, 3), "tags": list(self.tags),
            "grade": Level.general.name, "level": self.level, "evidence": dict(self.evidence),
        }  # fmt: skip

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Finding:
        """What `as_json` told."""
        return cls(
            told["column"], Identifying(told["kind"]), told["type"], Text(told["zh"], told["en"]), told["score"],
            tuple(told["tags"]), told["level"], told["evidence"],
        )  # fmt: skip


NOT_CONFIRMED = Reason(
    "DID-460",
    Kind.invalid,
    Text("分级文件 {file} 未被接受。", "The classification {file} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改；低于建议的级别须写明理由，并由另一人批准。",
         "Mend the items listed; a level below the proposal needs a reason and the approval of another person."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
