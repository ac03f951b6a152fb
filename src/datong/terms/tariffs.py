"""Tariffs and revenue splits as a contract writes them, and everything that can be wrong with them. Pure.

    tariff  {"kind": "free" | "per_delivery", "amount_fen": int}
    split   [{"party": code, "weight": int, "payee_kind": "treasury" | "company", "account": text}, ...]

Departments do not receive cash: their part goes to the treasury (国有资源有偿使用收入; policy of 发改数据规〔2025〕27号
article 20). Must never know: who is invoiced. Contract: tests/terms/test_tariffs.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datong.ground.money import FEN_MAX, yuan
from datong.ground.refusal import Problem

TARIFF_KINDS = ("free", "per_delivery")
BILLED_STATE = "MONETIZABLE"
"""The state of usage events that are charged; `meter` gives every event its state."""
PAYEE_KINDS = ("treasury", "company")
_PARTY = re.compile(r"[0-9A-Za-z]{1,40}")
"""Codes of parties; they name accounts of the ledger, where nothing else may stand."""
ACCOUNT_CHARACTERS = 200
WEIGHT_MAX = 10**9
DEPARTMENT_PREFIX = "11"
"""First characters of a state organ's unified social credit code (机构编制 1, 机关 1; GB 32100 table 1)."""


def tariff_problems(tariff: Any) -> list[Problem]:
    """What is wrong with a tariff."""
    if not isinstance(tariff, Mapping) or tariff.get("kind") not in TARIFF_KINDS:
        known = ", ".join(TARIFF_KINDS)
        return [Problem("tariff.kind", f"应为 {known} 之一", f"should be one of {known}")]
    amount = tariff.get("amount_fen")
    if type(amount) is int and amount > FEN_MAX:
        return [
            Problem("tariff.amount_fen", f"至多 {FEN_MAX}（{yuan(FEN_MAX, 'zh')}）",
                    f"should be at most {FEN_MAX} ({yuan(FEN_MAX, 'en')})"),
        ]  # fmt: skip
    if type(amount) is not int or amount < 0 or (tariff["kind"] == "free") != (amount == 0):
        return [
            Problem("tariff.amount_fen", "应为正整数（分），免费时为 0", "should be fen above 0, or 0 when free"),
        ]
    return []


def unit_price(state: str, tariff: Mapping[str, Any]) -> int:
    """Fen per delivery on an invoice line of usage events in `state`."""
    return int(tariff["amount_fen"]) if state == BILLED_STATE and tariff["kind"] != "free" else 0


def split_problems(split: Any) -> list[Problem]:
    """What is wrong with a split, all at once; departments are another question (`paid_in_cash`)."""
    if not isinstance(split, Sequence) or not split or not all(isinstance(part, Mapping) for part in split):
        return [Problem("split", "没有分配方", "it names no party")]
    problems = []
    for number, part in enumerate(split):
        where = f"split[{number}]"
        if type(part.get("weight")) is not int or not 0 <= part["weight"] <= WEIGHT_MAX:
            zh, en = f"应为 0 至 {WEIGHT_MAX} 的整数", f"should be an integer of 0 to {WEIGHT_MAX}"
            problems.append(Problem(f"{where}.weight", zh, en))
        if part.get("payee_kind") not in PAYEE_KINDS:
            known = ", ".join(PAYEE_KINDS)
            problems.append(Problem(f"{where}.payee_kind", f"应为 {known} 之一", f"should be one of {known}"))
        party, account = part.get("party"), part.get("account")
        if not isinstance(party, str) or not _PARTY.fullmatch(party):
            en = "should be the code of a party: 1 to 40 letters and digits"
            problems.append(Problem(f"{where}.party", "应为主体标识码：1 至 40 位字母或数字", en))
        if not isinstance(account, str) or not 0 < len(account.strip()) <= len(account) <= ACCOUNT_CHARACTERS:
            en = f"should be the account that is paid, 1 to {ACCOUNT_CHARACTERS} characters"
            problems.append(Problem(f"{where}.account", f"应为收款账户，1 至 {ACCOUNT_CHARACTERS} 字", en))
    if not problems and len({part["party"] for part in split}) != len(split):
        problems.append(Problem("split", "同一方出现两次", "a party is named twice"))
    if not problems and sum(part["weight"] for part in split) == 0:
        problems.append(Problem("split", "权重之和为 0", "the weights sum to 0"))
    return problems


def weights(split: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Who gets which weight on which account, in one order, to hold one split against another."""
    return sorted((part["party"], part["weight"], part["payee_kind"], part["account"]) for part in split)


def revenue_problems(tariff: Any, split: Any) -> list[Problem]:
    """What is wrong with the money of an offer: its tariff, and who gets which weight of it; a free offer may leave
    the split out."""
    problems = tariff_problems(tariff)
    if not problems and not tariff["amount_fen"] and not split:
        return []
    wrong = split_problems(split)
    return [*problems, *(wrong or _cash_problems(split))]


def _cash_problems(split: Sequence[Mapping[str, Any]]) -> list[Problem]:
    return [
        Problem("split", f"部门 {party} 只能由国库收款", f"the department {party} is paid through the treasury only")
        for party in paid_in_cash(split)
    ]


def paid_in_cash(split: Sequence[Mapping[str, Any]], departments: Iterable[str] = ()) -> list[str]:
    """Departments that the split would pay directly instead of through the treasury."""
    known = set(departments)
    return [
        part["party"]
        for part in split
        if part["payee_kind"] != "treasury" and (part["party"] in known or part["party"].startswith(DEPARTMENT_PREFIX))
    ]
