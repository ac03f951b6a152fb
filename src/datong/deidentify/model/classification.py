"""What people of the node say of a dataset's columns, as values: words, and how a column stands after them.

A word is about one subject: a column, or one of the impact objects of the whole dataset. Must never know: databases,
how columns are judged. Contract: tests/deidentify/finding/test_finding_standing.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from datong.deidentify.model.finding import Identifying, Level
from datong.ground.refusal import Kind, Reason, Text


class Said(StrEnum):
    """What a word does. A lowering that is asked for changes nothing until it is approved: the higher counts."""

    confirmed = "confirmed"
    lowering_asked = "lowering_asked"
    lowering_approved = "lowering_approved"
    lowering_refused = "lowering_refused"


class About(StrEnum):
    column = "column"
    impact = "impact"


@dataclass(frozen=True)
class Word:
    """One word. kind: an Identifying's name, of an impact "". level: 1 to 4 of a column; of an impact its degree, 0
    (none) to 3 (especially serious). answers: the id of the asked lowering that this approves or refuses."""

    id: str
    about: About
    subject: str
    said: Said
    kind: str
    level: int
    reason: str
    by: str
    let_in_by: str
    answers: str
    at: str


@dataclass(frozen=True)
class Standing:
    """How a subject stands: what counts now, who said so last ("" = nobody yet), and the lowering that is open."""

    kind: Identifying
    level: int
    by: str
    at: str
    asked: Word | None = None

    @property
    def confirmed(self) -> bool:
        return bool(self.at)


@dataclass(frozen=True)
class Confirmed:
    """What of a dataset's classification binds whoever lets something out: kinds by column, columns nobody confirmed,
    impact objects nobody judged, the grade of the whole."""

    version: int
    kinds: dict[str, Identifying]
    unconfirmed: tuple[str, ...]
    unjudged: tuple[str, ...]
    grade: Level

    def direct(self, columns: Iterable[str]) -> list[str]:
        """Those of `columns` that identify somebody directly."""
        return [name for name in columns if self.kinds.get(name) is Identifying.direct]


NOT_PROPOSED = Reason(
    "DID-461",
    Kind.invalid,
    Text("「{dataset}」的分级建议未生成。", "No classification of {dataset} was proposed."),
    Text("{why}", "{why_en}"),
    Text("请给出本节点已构建的数据集，或以 file 指定本节点目录之内或之旁的一张表。",
         "Name a dataset that this node has built, or by file a table below or beside the node's folder."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
BAD_WORD = Reason(
    "DID-462",
    Kind.invalid,
    Text("对「{dataset}」的确认未被接受，分级保持不变。",
         "What was said of {dataset} was not accepted; its classification is as it was."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试；降低须写明理由。", "Mend the items listed and try again; a lowering needs a reason."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
NOT_CLASSIFIED = Reason(
    "DID-463",
    Kind.denied,
    Text("「{dataset}」未放行。", "{dataset} was not let out."),
    Text("其分级未经确认：{count} 处尚无人确认；未经分级的数据不得流出。",
         "Its classification is not confirmed: {count} things in it nobody has confirmed; what nobody has looked at is "
         "not let out."),
    Text("请本单位数据工程师在控制台 /classify 或以 datong deidentify propose-classification 与 confirm-classification "
         "确认。",
         "Have a data engineer of its owner confirm it: in the console at /classify, or by datong deidentify "
         "propose-classification and confirm-classification."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
NO_CLASSIFICATION = Reason(
    "DID-464",
    Kind.unknown,
    Text("本节点没有「{dataset}」的分级。", "This node has no classification of {dataset}."),
    Text("尚未有人为它提出分级建议。", "Nobody has had one proposed."),
    Text("请先执行 datong deidentify propose-classification。",
         "Run datong deidentify propose-classification first."),
)  # fmt: skip
SAME_HAND = Reason(
    "DID-465",
    Kind.denied,
    Text("该降级未获批准。", "The lowering was not approved."),
    Text("批准人即提出人，或其中一人为另一人开通了登录。",
         "Whoever approves also asked for it, or one of the two let the other in."),
    Text("请由另一名法务或审核人员批准。", "Have another legal officer or reviewer approve it."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
NOT_OPEN = Reason(
    "DID-466",
    Kind.conflict,
    Text("降级申请 {lowering} 未作处理。", "Nothing was done with the lowering {lowering}."),
    Text("本节点没有待批的这一申请：不存在、已有答复，或其后已有人另作确认。",
         "No such request is open here: there is none, it was answered, or the column was confirmed otherwise since."),
    Text("请查看 datong deidentify classification 中待批的申请。",
         "See which are open in datong deidentify classification."),
)  # fmt: skip
CORE_DATA = Reason(
    "DID-467",
    Kind.denied,
    Text("「{dataset}」未放行。", "{dataset} was not let out."),
    Text("它被确认为核心数据；核心数据不得流通。", "It is confirmed as core data, which are not traded."),
    Text("核心数据按国家规定管理；如认定有误，请申请降级并由另一人批准。",
         "Core data are kept as the state provides; where that is wrong, ask for a lowering and have it approved."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
IMPORTANT_DATA = Reason(
    "DID-468",
    Kind.denied,
    Text("「{dataset}」未放行。", "{dataset} was not let out."),
    Text("它被确认为重要数据，且没有针对该接收方的有效风险评估记录。",
         "It is confirmed as important data, and there is no valid assessment record for this recipient."),
    Text("请先由独立评估人对合同与环境作出评估；重要数据不得完全公开。",
         "Have an independent assessor assess contract and environment first; important data are never made public."),
    rule="GB/T 43697-2024",
    article="6.5",
)  # fmt: skip
KEPT_DIRECT = Reason(
    "DID-469",
    Kind.denied,
    Text("表 {table} 未处理，什么也没有写出。", "The table {table} was not treated; nothing was written."),
    Text("计划让 {count} 个已确认为直接标识符的列流出。",
         "The plan lets {count} columns out that are confirmed as direct identifiers."),
    Text("请对它们使用 drop、masked、token、ff1 或 permuted，或每组多于一个值的 generalised。",
         "Treat them by drop, masked, token, ff1 or permuted, or by generalised with several values in each group."),
    rule="GB/T 42460-2023",
    article="4",
)  # fmt: skip
