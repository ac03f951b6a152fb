"""Refusals about letting a noisy answer out: DID-481 to DID-484 under a contract, DID-495 before it is paid.

Must never know: databases. Contract: tests/deliver/test_deliver_noisy.py,
tests/deidentify/test_deidentify_budget_classification.py.
"""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

NOT_FOR_NOISE = Reason(
    "DID-481",
    Kind.denied,
    Text("回答「{answer}」未放行。", "The answer {answer} was not released."),
    Text("合同约定以「{form}」交付，而带噪声的回答只以 noisy 形式交付。",
         "The contract says delivery as {form}; a noisy answer leaves in the form noisy only."),
    Text("请以 noisy 形式上架（catalogue publish --delivery-form noisy），并按该要约签约。",
         "List the resource with --delivery-form noisy (datong catalogue publish) and contract by that offer."),
)  # fmt: skip
NOT_DRAWN = Reason(
    "DID-482",
    Kind.conflict,
    Text("回答「{answer}」未放行。", "The answer {answer} was not released."),
    Text("已付预算，噪声尚未抽取。", "It is paid for, and its noise is not drawn yet."),
    Text("节点的任务会抽取它；请以 datong deidentify answer 查看后再执行。",
         "The node's worker draws it; look with datong deidentify answer and do this again."),
)  # fmt: skip
OF_OTHER_DATA = Reason(
    "DID-483",
    Kind.denied,
    Text("回答「{answer}」未放行。", "The answer {answer} was not released."),
    Text(
        "它回答的是「{dataset}」，合同的数据是「{agreed}」。", "It is about {dataset}; the contract is about {agreed}."
    ),
    Text(
        "请选用对合同数据的回答，或对其另行提问。",
        "Choose an answer about the contract's data, or ask a question of it.",
    ),
)
NOT_IN_LEDGER = Reason(
    "DID-484",
    Kind.denied,
    Text("回答「{answer}」不再交付。", "The answer {answer} is delivered no more."),
    Text("「{dataset}」的预算台账中没有它的扣减。", "The ledger of {dataset} holds no debit for it."),
    Text("台账只能追加；请以 datong audit verify 查明，并由备份恢复。",
         "The ledger is only ever added to; find out with datong audit verify, and restore it from a backup."),
)  # fmt: skip
NAMES_SOMEBODY = Reason(
    "DID-495",
    Kind.denied,
    Text("对「{dataset}」的提问未作回答，预算未动用。",
         "The question about {dataset} was not answered; nothing was spent."),
    Text("它按 {columns} 分组或取值，而该列已被确认为直接标识符。",
         "It groups by, or adds up, {columns}, confirmed as direct identifiers; their values would stand in the "
         "answer."),
    Text("请改用不直接标识个人的列；须保护的单位由预算的 unit 指定，不写入问题。",
         "Ask by columns that name nobody; whom the noise protects is the budget's unit and no part of the question."),
    rule="GB/T 42460-2023",
    article="4, A",
)  # fmt: skip
