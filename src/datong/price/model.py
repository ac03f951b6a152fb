"""What a cost survey, a ceiling and a fee are, and why one is refused.

Source: 关于建立公共数据资源授权运营价格形成机制的通知 (发改价格〔2025〕65号). Must never know: the database.
Contract: tests/price/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text

RULE = "关于建立公共数据资源授权运营价格形成机制的通知"

FREE_PURPOSES = frozenset({"public_governance", "public_welfare"})
CHARGED_PURPOSES = frozenset({"industry_development"})
UNITS = ("per_delivery",)
MARGIN_OVER_BOND = "0.06"
"""Permitted profit rate <= average ten-year government-bond yield of the year before the survey + 6 points."""
MAX_PERIOD_YEARS = 3
REVENUE_ALERTS_PERCENT = (80, 95, 100)
COST_CATEGORIES = {
    "platform": "平台建设和运维",
    "data_governance": "数据传输、汇聚、存储和治理",
    "labour": "人工",
    "data_acquisition": "获取公共数据的支出",
    "period_expenses": "期间费用",
}


class CeilingState(StrEnum):
    IN_FORCE = "IN_FORCE"
    SUPERSEDED = "SUPERSEDED"


class FeeState(StrEnum):
    SET = "SET"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"


@dataclass(frozen=True)
class Figure:
    """One computed figure with the formula and the inputs it came from; amounts in fen, rates as decimal text."""

    name: str
    zh: str
    formula: str
    inputs: dict[str, Any]
    value: int | str


OPERATION = "公共数据资源授权运营实施规范（试行）"


def _reason(
    code: str, kind: Kind, what: tuple[str, str], why: tuple[str, str], fix: tuple[str, str], rule: str = "",
    article: str = "",
) -> Reason:  # fmt: skip
    named = rule or (RULE if code >= "PRC-6" else "")
    return Reason(code, kind, Text(*what), Text(*why), Text(*fix), rule=named, article=article)


BAD_SURVEY = _reason(
    "PRC-400", Kind.invalid,
    ("成本监审材料未被接受。", "The cost survey was not accepted."),
    ("其中 {count} 处有误。", "Mistakes in it: {count}."),
    ("请按下列各项修改后重试。", "Mend the items listed and try again."),
)  # fmt: skip
BAD_MESSAGE = _reason(
    "PRC-401", Kind.denied,
    ("收到的价格上限未被接受。", "The ceiling received was not accepted."),
    ("{why}", "{why_en}"),
    ("请授权主体核对后重新发送。", "Let the authorising body check it and send it again."),
)  # fmt: skip
NOT_IMPLEMENTING = _reason(
    "PRC-403", Kind.denied,
    ("产品 {product} 的价格上限未设定。", "No ceiling of {product} was set."),
    ("本主体不是授权 {operator} 运营该产品公共数据的实施机构。",
     "This party is not the implementing body under whose agreement {operator} uses the product's public data."),
    ("请由该实施机构在其节点上设定，并确认运营协议和供数同意均已生效。",
     "Let that body set it at its own node; the agreement and the supplying unit's consent must be in force there."),
    rule=RULE,
)  # fmt: skip
UNKNOWN = _reason(
    "PRC-404", Kind.unknown,
    ("没有 {thing}。", "There is no {thing}."),
    ("本节点未保存该记录。", "This node holds no such record."),
    ("请先完成前一步，或核对编号。", "Do the step before it, or check the id."),
)  # fmt: skip
BAD_AMOUNT = _reason(
    "PRC-422", Kind.invalid,
    ("{field} 未被接受。", "{field} was not accepted."),
    ("值为 {value}，应为{zh}。", "It is {value}; it should be {en}."),
    ("请改正后重试。", "Correct it and try again."),
)  # fmt: skip
MUST_BE_FREE = _reason(
    "PRC-601", Kind.denied,
    ("{product} 用于 {purpose} 的收费未被接受。", "The fee of {product} for {purpose} was not accepted."),
    ("公共治理和公益用途免费，所设费用为 {amount_fen} 分。",
     "Public governance and welfare are free; the fee was {amount_fen} fen."),
    ("请将该用途的费用设为 0。", "Set the fee for this purpose to 0."),
)  # fmt: skip
ABOVE_CEILING = _reason(
    "PRC-602", Kind.denied,
    ("产品 {product} 的收费未被接受。", "The fee of {product} was not accepted."),
    ("{amount_fen} 分高于上限 {cap_fen} 分。", "{amount_fen} fen is above the ceiling of {cap_fen} fen."),
    ("请设为 {cap_fen} 分或以下。", "Set it to {cap_fen} fen or less."),
)  # fmt: skip
CEILING_LOWERED = _reason(
    "PRC-630", Kind.denied,
    ("产品 {product} 未按合同价 {amount_fen} 分交付。",
     "No delivery of {product} was granted at the {amount_fen} fen of its contract."),
    ("该产品的价格上限现为 {cap_fen} 分，合同价高于上限。", "Its ceiling is {cap_fen} fen by now, below that price."),
    ("请设定并公布不高于 {cap_fen} 分的收费，另订合同，并解除原合同。",
     "Set and publish a fee of {cap_fen} fen or less, make another contract at it, and end this one."),
)  # fmt: skip
ABOVE_REVENUE = _reason(
    "PRC-603", Kind.denied,
    ("产品 {product} 的价格上限未被接受。", "The ceiling of {product} was not accepted."),
    ("上限乘预计数量合计 {sum_fen} 分，高于最高准许收入 {mpr_fen} 分。",
     "Ceilings times forecasts sum to {sum_fen} fen, above the maximum permitted revenue of {mpr_fen} fen."),
    ("请将该产品上限降至 {room_fen} 分或以下。", "Lower the ceiling of this product to {room_fen} fen or less."),
)  # fmt: skip
PROFIT_RATE = _reason(
    "PRC-604", Kind.invalid,
    ("准许利润率未被接受。", "The permitted profit rate was not accepted."),
    ("{rate} 高于上限 {bound}（十年期国债收益率 {bond} + 6 个百分点）。",
     "{rate} is above the bound of {bound} (ten-year bond yield {bond} + 6 points)."),
    ("请设为 {bound} 或以下。", "Set it to {bound} or less."),
)  # fmt: skip
NOT_PUBLISHED = _reason(
    "PRC-605", Kind.denied,
    ("产品 {product} 用于 {purpose} 没有生效的收费。", "There is no fee of {product} for {purpose} in force."),
    ("收费标准尚未设定或尚未公布。", "It is not set, or not published."),
    ("请先执行 price set_fee 和 price publish_fees。", "Do `price set_fee` and `price publish_fees` first."),
)  # fmt: skip
SUBSIDY = _reason(
    "PRC-606", Kind.invalid,
    ("成本监审材料未被接受。", "The cost survey was not accepted."),
    ("所列运营成本 {stated_fen} 分未扣除政府补贴，应为 {net_fen} 分。",
     "The stated operating cost of {stated_fen} fen does not deduct the subsidy; it should be {net_fen} fen."),
    ("请填写 subsidy_fen 并扣除后的运营成本。", "State subsidy_fen and the operating cost net of it."),
)  # fmt: skip
TRIAL_OVER = _reason(
    "PRC-607", Kind.denied,
    ("试行收费标准未被接受。", "Trial fees were not accepted."),
    ("已有完整运营年度。", "There already is a complete operating year."),
    ("请按正式程序核定最高准许收入（trial: false）。",
     "Verify the maximum permitted revenue in the regular way (trial: false)."),
)  # fmt: skip
TRIAL_NEEDED = _reason(
    "PRC-609", Kind.denied,
    ("成本监审材料未被接受。", "The cost survey was not accepted."),
    ("尚无完整运营年度，只能执行试行收费标准。",
     "There is no complete operating year yet, so fees can only be on trial."),
    ("请标明 trial: true，或在有完整运营年度后再报。",
     "State trial: true, or survey again when there is a complete operating year."),
)  # fmt: skip
SURVEY_OVER = _reason(
    "PRC-610", Kind.conflict,
    ("产品 {product} 的价格上限未被接受。", "The ceiling of {product} was not accepted."),
    ("该运营机构同期已有更新的成本监审 {latest}。",
     "A later survey of the operator, {latest}, covers the same period."),
    ("请依据该成本监审设定。", "Set the ceiling under that survey."),
)  # fmt: skip
OTHER_PRICE = _reason(
    "PRC-611", Kind.denied,
    ("产品 {product} 未按 {amount_fen} 分订立合同。", "The product {product} was not contracted at {amount_fen} fen."),
    ("含公共数据的产品同等条件同等价格：用途 {purpose} 已公布的收费为 {fee_fen} 分。",
     "Public data are among its inputs, so all pay the same on the same conditions: the published fee for {purpose} is "
     "{fee_fen} fen."),
    ("请按已公布的收费订立，或先设定并公布新的收费、重新上架。",
     "Contract it at the published fee, or set and publish another and list it again."),
    rule=OPERATION, article="第三条",
)  # fmt: skip
PERIOD_OVER = _reason(
    "PRC-620", Kind.denied,
    ("产品 {product} 的收费未被接受。", "The fee of {product} was not accepted."),
    ("其价格上限属于 {from_year} 至 {to_year} 年的评估周期，现为 {year} 年。",
     "Its ceiling is of the evaluation period {from_year} to {to_year}, and it is {year}."),
    ("请授权主体核定本周期的最高准许收入，并设定新的价格上限。",
     "Let the authorising body verify the revenue of this period and set a ceiling for it."),
)  # fmt: skip
NOT_CARRIED = _reason(
    "PRC-621", Kind.invalid,
    ("成本监审材料未被接受。", "The cost survey was not accepted."),
    ("上一评估周期（{from_year} 至 {to_year} 年）的最高准许收入已核定为 {mpr_fen} 分，"
     "以前各期分摊而本期应扣减 {carried_fen} 分；实际收入超出部分应在本次核定时扣减。",
     "The revenue permitted in the period before, {from_year} to {to_year}, was verified as {mpr_fen} fen, and "
     "{carried_fen} fen of earlier ones are due in this; what was earned above it is deducted now."),
    ("请填写 previous：mpr_fen {mpr_fen}、carried_fen {carried_fen}，并以 actual_fen 填写该周期实际收入。",
     "State previous with mpr_fen {mpr_fen}, carried_fen {carried_fen}, and what was earned in it as actual_fen."),
)  # fmt: skip
NO_CEILING = _reason(
    "PRC-608", Kind.denied,
    ("产品 {product} 的收费未被接受。", "The fee of {product} was not accepted."),
    ("本节点没有该产品的生效价格上限。", "This node holds no ceiling in force for it."),
    ("请授权主体先设定价格上限。", "Let the authorising body set the ceiling first."),
)  # fmt: skip
