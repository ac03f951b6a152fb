"""What the risk of a table's release is told as, and the refusals of asking for it: DID-490 and DID-491.

Must never know: how classes are counted. Contract: tests/deidentify/test_deidentify_table_risk.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datong.deidentify.model.joint import Risk
from datong.ground.refusal import Kind, Reason, Text


@dataclass(frozen=True)
class Class:
    """An equivalence class 等价类 of what one recipient group holds.

    values: of the quasi-identifiers in the release, None where its persons left between the releases; seen: what each
    earlier release shows of the same persons ("-" = nothing); persons: f_j; rows: of the release; population: F_j, 0
    where no population was given.
    """

    values: tuple[str | None, ...] | None
    seen: tuple[str, ...]
    persons: int
    rows: int
    population: int = 0

    @property
    def name(self) -> str:
        here = "-" if self.values is None else ", ".join("∅" if v is None else v for v in self.values)
        return " | ".join((here, *self.seen))


@dataclass(frozen=True)
class Attack:
    """How often one attacker is right: on the most exposed record, on average, and of how many records beyond tau."""

    highest: float
    average: float
    beyond_tau: float

    def as_json(self) -> dict[str, float]:
        return {"highest": self.highest, "average": self.average, "beyond_tau": self.beyond_tau}


@dataclass(frozen=True)
class TableRisk:
    """Three attackers and the figures of GB/T 42460 for one release, over all that the recipient group holds.

    prosecutor: knows that the person is in the table; journalist: only that the person is in the population (None
    where none was given); marketer: the share of records an attacker links rightly who links them all.
    """

    rows: int
    sample_uniques: int
    prosecutor: Attack
    journalist: Attack | None
    marketer: float
    standard: Risk
    worst: tuple[Class, ...]
    rows_below_floor: int

    def as_json(self, columns: Sequence[str]) -> dict[str, Any]:
        told = self.standard.as_json()
        told.pop("worst")
        return {
            "rows": self.rows, "sample_uniques": self.sample_uniques, "rows_below_floor": self.rows_below_floor,
            "prosecutor": self.prosecutor.as_json(),
            "journalist": None if self.journalist is None else self.journalist.as_json(),
            "marketer": self.marketer, **told,
            "worst": [
                {
                    "values": None if one.values is None else dict(zip(columns, one.values, strict=True)),
                    "earlier": list(one.seen), "persons": one.persons, "rows": one.rows,
                }
                for one in self.worst
            ],
        }  # fmt: skip


BAD_QUESTION = Reason(
    "DID-490",
    Kind.invalid,
    Text("{table} 的风险未计算。", "The risk of {table} was not computed."),
    Text("其中 {count} 处有误。", "{count} things are wrong."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
NOT_IN_POPULATION = Reason(
    "DID-491",
    Kind.invalid,
    Text("{table} 的风险未计算。", "The risk of {table} was not computed."),
    Text("表中有 {count} 个类在总体中的个体少于表中个体，总体不能包含该表。",
         "{count} classes have fewer persons in the population than in the table, so it cannot hold the table."),
    Text("请给出包含全部个体、且以同样方式泛化的总体表。",
         "Give a population that holds everybody of the table, generalised in the same way."),
)  # fmt: skip
