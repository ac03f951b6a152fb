"""Invoices, lines, entries, shares, and why one is refused.

Sources: policy of revenue distribution (收益分配) in 发改数据规〔2025〕27号 articles 9, 14, 20; peers: TigerBeetle's
two-phase transfers. Must never know: the database. Contract: tests/settle/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text


class InvoiceState(StrEnum):
    ISSUED = "ISSUED"
    """At the seller; at the buyer the same invoice is RECEIVED."""
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    DISPUTED = "DISPUTED"
    PAID = "PAID"
    VOIDED = "VOIDED"


# (state now, deed) -> state after
INVOICE_MOVES = {
    (InvoiceState.RECEIVED, "accept"): InvoiceState.ACCEPTED,
    (InvoiceState.RECEIVED, "dispute"): InvoiceState.DISPUTED,
    (InvoiceState.DISPUTED, "accept"): InvoiceState.ACCEPTED,
    (InvoiceState.ISSUED, "accepted"): InvoiceState.ACCEPTED,
    (InvoiceState.DISPUTED, "accepted"): InvoiceState.ACCEPTED,
    (InvoiceState.ISSUED, "disputed"): InvoiceState.DISPUTED,
    (InvoiceState.ISSUED, "void"): InvoiceState.VOIDED,
    (InvoiceState.DISPUTED, "void"): InvoiceState.VOIDED,
    (InvoiceState.RECEIVED, "voided"): InvoiceState.VOIDED,
    (InvoiceState.DISPUTED, "voided"): InvoiceState.VOIDED,
    (InvoiceState.ACCEPTED, "voided"): InvoiceState.VOIDED,  # the void crossed the acceptance; the seller's word holds
    (InvoiceState.PAID, "voided"): InvoiceState.VOIDED,  # or the payment, too: the seller owes it
    (InvoiceState.ACCEPTED, "pay"): InvoiceState.PAID,
    (InvoiceState.ACCEPTED, "reverse"): InvoiceState.ACCEPTED,
    (InvoiceState.PAID, "reverse"): InvoiceState.ACCEPTED,
    (InvoiceState.VOIDED, "reverse"): InvoiceState.VOIDED,  # the money came back
    (InvoiceState.ACCEPTED, "credit"): InvoiceState.ACCEPTED,  # a credit note is an invoice of its own, below nought
    (InvoiceState.PAID, "credit"): InvoiceState.PAID,
    (InvoiceState.PAID, "refund"): InvoiceState.PAID,  # of what was paid and then credited
}


DEEDS = ("accept", "dispute", "void", "pay", "refund", "reverse", "credit")
"""What people do with an invoice; the other deeds above are heard of the other side."""


WAIVED = "WAIVED"
"""The state of a line of uses that would be charged and that the seller charges nothing for."""


class EntryState(StrEnum):
    PENDING = "PENDING"
    POSTED = "POSTED"
    VOIDED = "VOIDED"


@dataclass(frozen=True)
class Share:
    """One party's part of the split. `exact` is the share before rounding, as "numerator/denominator" of a fen."""

    party: str
    weight: int
    payee_kind: str
    account: str
    share_fen: int
    exact: str


@dataclass(frozen=True)
class Line:
    """One invoice line; `events` are the usage events it prices, each in exactly one line."""

    number: int
    description: str
    state: str
    quantity: int
    unit_price_fen: int
    amount_fen: int
    events: tuple[str, ...]


@dataclass(frozen=True)
class Posting:
    """amount_fen: debit positive, credit negative."""

    account: str
    party: str
    amount_fen: int
    payee: str = ""
    """The bank or treasury account the contract names, where money is owed or paid to one."""


def _reason(
    code: str, kind: Kind, what: tuple[str, str], why: tuple[str, str], fix: tuple[str, str], **rule: Any
) -> Reason:
    return Reason(code, kind, Text(*what), Text(*why), Text(*fix), **rule)


UNKNOWN = _reason(
    "TRD-404", Kind.unknown,
    ("没有 {thing}。", "There is no {thing}."),
    ("本节点未保存该记录。", "This node holds no such record."),
    ("用 settle invoices 查看已有账单。", "List the invoices held with `settle invoices`."),
)  # fmt: skip
UNBALANCED = _reason(
    "TRD-407", Kind.invalid,
    ("分账未执行。", "The entry was not made."),
    ("{what}：相差 {difference_fen} 分，分账不平。", "{what_en}: it is out by {difference_fen} fen."),
    ("请核对各方权重和金额。", "Check the weights and amounts of every party."),
)  # fmt: skip
DIRECT_CASH = _reason(
    "TRD-408", Kind.denied,
    ("分账未执行。", "The split was refused."),
    ("部门 {party} 不得直接收款，只能由国库账户收取。",
     "The department {party} may not receive cash directly, only through the treasury account."),
    ("请将其 payee_kind 改为 treasury 并填写国库账户。", "Set its payee_kind to treasury, with the treasury account."),
    rule="公共数据资源授权运营实施规范（试行）", article="第二十条",
)  # fmt: skip
BAD_SPLIT = _reason(
    "TRD-400", Kind.invalid,
    ("合约中的分配条款不可用。", "The split of the contract cannot be used."),
    ("其中 {count} 处有误。", "Mistakes in it: {count}."),
    ("请按下列各项修改合约。", "Mend the items listed in the contract."),
)  # fmt: skip
BAD_PERIOD = _reason(
    "TRD-422", Kind.invalid,
    ("账期 {period} 未被接受。", "The period {period} was not accepted."),
    ("应为 YYYY-MM，或「起始日/终止日」（终止日不含）。",
     "It should be YYYY-MM, or <from>/<until> with the end excluded."),
    ("请改正后重试。", "Correct it and try again."),
)  # fmt: skip
PERIOD_OPEN = _reason(
    "TRD-406", Kind.conflict,
    ("账单未开具。", "The invoice was not issued."),
    ("账期到 {until} 才结束。", "The period ends only at {until}."),
    ("请在账期结束后开具。", "Issue it when the period is over."),
)  # fmt: skip
NOTHING = _reason(
    "TRD-410", Kind.conflict,
    ("账单未开具。", "The invoice was not issued."),
    ("合约 {agreement} 在该账期没有未结算的使用。", "Agreement {agreement} has no unsettled use in that period."),
    ("请核对账期，或查看 meter usage。", "Check the period, or look at `meter usage`."),
)  # fmt: skip
NOT_WAIVED = _reason(
    "TRD-542", Kind.invalid,
    ("账单未开具。", "The invoice was not issued."),
    ("有 {count} 次使用不能免收。", "{count} of the uses cannot be waived."),
    ("只能免收该账期内应计费、尚未开具账单的使用；见下列各项。",
     "Waive what would be charged in the period and is on no invoice yet; each is named below."),
)  # fmt: skip
TOO_LARGE = _reason(
    "TRD-414", Kind.invalid,
    ("账单未开具。", "The invoice was not issued."),
    ("该账期有 {uses} 次使用，计 {gross_fen} 分；一份账单至多 {most_uses} 次、{most_fen} 分。",
     "Its period has {uses} uses for {gross_fen} fen; one invoice holds at most {most_uses} uses and {most_fen} fen."),
    ("请分几个较短的账期开具（起始日/终止日）。", "Issue several, for shorter periods (<from>/<until>)."),
)  # fmt: skip
TWO_SPLITS = _reason(
    "TRD-530", Kind.conflict,
    ("账单未开具。", "The invoice was not issued."),
    ("账期内供给合约改换过，所载的分配不同；一份账单只有一种分配。",
     "Within its period a supply contract gave way to one with another split, and an invoice has one split."),
    ("请分别开具以下账期：{periods}。", "Issue one for each of these periods: {periods}."),
)  # fmt: skip
NOT_CREDITED = _reason(
    "TRD-531", Kind.invalid,
    ("账单 {invoice} 未开红字。", "No credit note of {invoice} was issued."),
    ("没有可冲红的使用，或下列使用不在该账单的计费明细中、已经冲红。",
     "It charges no use that is not credited yet, or these uses are not charged by it, or credited already."),
    ("用 settle invoice_shown 查看账单明细中的使用。", "See the uses on its lines with `settle invoice_shown`."),
)  # fmt: skip
CREDIT_OPEN = _reason(
    "TRD-532", Kind.conflict,
    ("账单 {invoice} 未开红字。", "No credit note of {invoice} was issued."),
    ("此前的红字账单 {credit} 尚待买方验收。", "The one before, {credit}, still waits for the buyer."),
    ("请等买方验收，或先作废该红字账单。", "Wait until the buyer accepts it, or void it first."),
)  # fmt: skip
NOTHING_LEFT = _reason(
    "TRD-540", Kind.conflict,
    ("账单 {invoice} 未提出争议。", "The invoice {invoice} was not disputed."),
    ("其上没有可冲红的金额，或已全部冲红。", "It charges nothing, or all of it is credited already."),
    ("用 settle settlement 查看该账单的结算。", "See what is settled of it with `settle settlement`."),
)  # fmt: skip
OBJECTED_ALREADY = _reason(
    "TRD-541", Kind.conflict,
    ("账单 {invoice} 未再提出争议。", "The invoice {invoice} was not disputed once more."),
    ("此前提出的争议，卖方尚未答复。", "The seller has not answered what was said against it before."),
    ("请等卖方开具红字账单或答复。", "Wait for its credit note or its answer."),
)  # fmt: skip
NOT_SELLER = _reason(
    "TRD-403", Kind.denied,
    ("「{deed}」未执行。", "{deed} was not done."),
    ("只有主体 {party} 可以执行。", "Only the party {party} may do it."),
    ("请在该主体的节点上执行。", "Do it at that party's node."),
)  # fmt: skip
NOT_NOW = _reason(
    "TRD-409", Kind.conflict,
    ("{thing} 不能执行「{deed}」。", "{thing} cannot {deed}."),
    ("其状态为 {state}。", "Its state is {state}."),
    ("现在可以：{open}。", "Open now: {open}."),
)  # fmt: skip
NOT_PROVEN = _reason(
    "TRD-401", Kind.denied,
    ("收到的结算文件未被接受。", "The settlement document received was not accepted."),
    ("{why}", "{why_en}"),
    ("请发送方核对后重新发送。", "Let the sender check it and send it again."),
)  # fmt: skip
NOT_REVERSIBLE = _reason(
    "TRD-412", Kind.denied,
    ("分录 {entry} 未冲销。", "The entry {entry} was not reversed."),
    ("「{kind}」分录由双方签署的文件产生，不能单方冲销。",
     "A {kind} entry follows from a document of both sides and cannot be undone by one."),
    ("请作废其账单；收付款分录可以冲销。", "Void its invoice; entries of payments and payouts can be reversed."),
)  # fmt: skip
OVERPAID = _reason(
    "TRD-411", Kind.invalid,
    ("收付款未登记。", "The payment was not recorded."),
    ("{amount_fen} 分与未结余额 {open_fen} 分不符。",
     "{amount_fen} fen does not fit the open balance of {open_fen} fen."),
    ("请登记大于零、不超过 {open_fen} 分的金额。", "Record an amount above zero, of at most {open_fen} fen."),
)  # fmt: skip
REFERENCE = _reason(
    "TRD-413", Kind.conflict,
    ("收付款未登记。", "The payment was not recorded."),
    ("{why}", "{why_en}"),
    ("请填写该笔款项的银行流水号；原登记有误的，先冲销其分录再登记。",
     "Give the bank's reference of this payment; where it was recorded wrongly, reverse that entry first."),
)  # fmt: skip
