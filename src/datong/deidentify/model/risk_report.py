"""What the risk of a release is told as, and the refusals of asking for it and signing it: DID-490 to DID-494.

Must never know: how classes are counted. Contract: tests/deidentify/test_deidentify_table_risk.py and
test_deidentify_reports.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.deidentify.model.joint import Form, Risk
from datong.ground.refusal import Kind, Reason, Text


class Population(StrEnum):
    """Among whom a journalist looks: unknown; given beside the release; or, as the counts of an owner's data hold
    everybody of them, a census: the release itself."""

    unknown = "unknown"
    given = "given"
    census = "census"


@dataclass(frozen=True)
class Class:
    """An equivalence class 等价类 of what one recipient group holds.

    values: of the quasi-identifiers in the release (of joint counts: the group), None where its persons are in earlier
    releases only; seen: what each earlier release shows of the same persons ("-" = nothing); persons: f_j; rows: of the
    release; population: F_j, 0 where no population was given.
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
class Together:
    """What is seen of persons where the rows of one can be put together. columns: those of the release, beside the
    quasi-identifiers, by which they can; smallest: persons in the smallest class; alone: persons in a class of one."""

    columns: tuple[str, ...]
    smallest: int
    alone: int

    def as_json(self) -> dict[str, Any]:
        return {"columns": list(self.columns), "smallest": self.smallest, "alone": self.alone}


@dataclass(frozen=True)
class Attack:
    """How often one attacker is right: on the most exposed record, on average, and of how many records beyond tau."""

    highest: float
    average: float
    beyond_tau: float

    def as_json(self) -> dict[str, float]:
        return {"highest": self.highest, "average": self.average, "beyond_tau": self.beyond_tau}


@dataclass(frozen=True)
class RiskReport:
    """Three attackers and the figures of GB/T 42460 for one release, over all that the recipient group holds.

    prosecutor: knows that the person is in the release; journalist: only that the person is in the population (None
    where that is unknown); marketer: the share of records an attacker links rightly who links them all. floors_met: the
    delivery forms whose class-size floor the smallest class holds.
    """

    rows: int
    sample_uniques: int
    prosecutor: Attack
    journalist: Attack | None
    marketer: float
    population: Population
    standard: Risk
    floors_met: tuple[Form, ...]
    worst: tuple[Class, ...]
    rows_below_floor: int

    def as_json(self, columns: Sequence[str]) -> dict[str, Any]:
        told = self.standard.as_json()
        told.pop("worst")
        return {
            "rows": self.rows, "sample_uniques": self.sample_uniques, "rows_below_floor": self.rows_below_floor,
            "prosecutor": self.prosecutor.as_json(),
            "journalist": None if self.journalist is None else self.journalist.as_json(),
            "population": self.population.value, "marketer": self.marketer, **told,
            "floors_met": [form.value for form in self.floors_met],
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
    Text("其中 {count} 处有误。", "Mistakes: {count}."),
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
LINKED_ROWS = Reason(
    "DID-438",
    Kind.denied,
    Text("{dataset} 未放行：列 {columns} 把同一人的各行连在一起。",
         "{dataset} was not released: its columns {columns} put the rows of one person together."),
    Text("连在一起看，最小的类只有 {smallest} 人，独自成类的有 {alone} 人；按单行计算的风险不含这些。",
         "Seen together, the smallest class has {smallest} persons, and {alone} are alone in theirs; figures of single "
         "rows say nothing of it."),
    Text("请略去这些列，或先把每人并为一行再算。", "Leave these columns out, or make one row of each person first."),
    rule="GB/T 42460-2023",
    article="D.2",
)  # fmt: skip
NO_REPORT = Reason(
    "DID-492",
    Kind.unknown,
    Text("没有放行 {release} 的风险报告。", "There is no risk report of the release {release}."),
    Text("本节点没有这次放行，或它早于风险报告。", "This node has no such release, or it is older than the reports."),
    Text("请核对编号；较早的放行再次执行即补上报告。",
         "Check the id; doing an older release again adds its report."),
)  # fmt: skip
OWN_RELEASE = Reason(
    "DID-493",
    Kind.denied,
    Text("风险报告未签署。", "The risk report was not signed."),
    Text("签署人就是要求放行的人，或由其登入、为其登入。",
         "Whoever signs asked for the release, or one of the two let the other in."),
    Text("请由另一名审核人签署。", "Have another reviewer sign it."),
)  # fmt: skip
SIGNED_ALREADY = Reason(
    "DID-494",
    Kind.conflict,
    Text("风险报告未再次签署。", "The risk report was not signed again."),
    Text("此人已于 {at} 签署。", "This person signed it at {at} already."),
    Text("无须再做；也可由另一名审核人签署。", "There is nothing left to do; another reviewer may sign it as well."),
)
