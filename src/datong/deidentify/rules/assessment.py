"""Contextual risk CR out of a questionnaire's answers, by a dated rule file; which record is in force.

The rule file says for every question how much a partial or missing safeguard adds to T1 (deliberate attack),
T2 (inadvertent recognition), T3 (breach). Must never know: who asks, stores, clocks.
Contract: tests/deidentify/test_deidentify_assessment.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from importlib import resources
from typing import Any

import yaml

from datong.ground.canonical import digest
from datong.ground.refusal import Problem
from datong.ground.workdays import china_date

ANSWERS = ("good", "partial", "none")
RULES_FILE = "assessment-rules-2026.yaml"
LONGEST_DAYS = 366


@dataclass(frozen=True)
class Threats:
    """Probabilities that the recipient attacks (T1), recognises somebody by accident (T2), loses the data (T3)."""

    t1: float
    t2: float
    t3: float

    @property
    def cr(self) -> float:
        return max(self.t1, self.t2, self.t3)


def rules_in_force() -> dict[str, Any]:
    """The rule file of this version of Datong, as read; its digest names it in every record."""
    text = (resources.files("datong.deidentify") / "data" / RULES_FILE).read_text("utf-8")
    value: dict[str, Any] = yaml.safe_load(text)
    return value


def rules_digest(rules: Mapping[str, Any]) -> str:
    return digest(dict(rules))


def answer_problems(rules: Mapping[str, Any], answers: Any) -> list[Problem]:
    """Questions without an answer, answers without a question, and answers that are none of the three."""
    if not isinstance(answers, Mapping):
        return [Problem("answers", "应为对象", "should be an object {question: answer}")]
    known = {question["id"] for question in rules["questions"]}
    problems = [Problem(f"answers.{q}", "没有回答", "has no answer") for q in sorted(known - set(answers))]
    problems += [Problem(f"answers.{q}", "没有这个问题", "no such question") for q in sorted(set(answers) - known)]
    problems += [
        Problem(f"answers.{q}", "应为 good、partial 或 none", "should be good, partial or none")
        for q in sorted(known & set(answers))
        if not isinstance(answers[q], str) or answers[q] not in ANSWERS
    ]
    return problems


def threats(rules: Mapping[str, Any], answers: Mapping[str, str]) -> Threats:
    """T1-T3 of complete answers: the rest that good safeguards leave, plus what each worse answer adds, at most 1."""
    sums = {}
    for threat in ("t1", "t2", "t3"):
        added = sum(
            rules["steps"][answers[q["id"]]] if q.get("decisive", {}).get(answers[q["id"]]) is None else 1.0
            for q in rules["questions"]
            if threat in q["threats"]
        )
        sums[threat] = round(min(1.0, rules["rest"][threat] + added), 6)
    return Threats(**sums)


def worse_than_good(answers: Mapping[str, str]) -> list[str]:
    """The questions that keep CR from its lowest value."""
    return sorted(question for question, answer in answers.items() if answer != "good")


def record_problems(record: Any) -> list[Problem]:
    """Everything wrong with the fields of an assessment record that came from outside."""
    if not isinstance(record, Mapping):
        return [Problem("record", "应为对象", "should be an object")]
    fields = {
        "id": str, "subject": str, "recipient_group": str, "provider_parties": list, "answers": dict, "t1": float,
        "t2": float, "t3": float, "cr": float, "rules": str, "assessor": str, "assessor_party": str, "serial": int,
        "assessed_at": str, "expires": str, "signatures": list,
    }  # fmt: skip
    problems = [Problem(str(name), "没有这一项", "no such field") for name in record if name not in fields]
    for name, kind in fields.items():
        value: Any = record.get(name)
        right = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        if not right or isinstance(value, bool) or (kind is str and not 0 < len(value) <= 200):
            problems.append(Problem(name, "缺少或类型不对", "is missing or of a wrong type"))
    if problems:
        return problems
    parties = record["provider_parties"]
    if not parties or len(parties) > 20 or not all(isinstance(p, str) and p for p in parties):
        problems.append(Problem("provider_parties", "应列出提供方", "should list the providers' subject codes"))
    return problems + expiry_problems(record["assessed_at"], record["expires"])


def expiry_problems(assessed_at: str, expires: str) -> list[Problem]:
    """An expiry is a date after the assessment and at most a year later."""
    try:
        days = (date.fromisoformat(expires) - china_date(datetime.fromisoformat(assessed_at))).days
    except ValueError:
        return [Problem("expires", "应为日期", "should be a date, YYYY-MM-DD")]
    if not 0 < days <= LONGEST_DAYS:
        zh, en = "应在评估日之后一年之内", "should be after the assessment and within a year of it"
        return [Problem("expires", zh, en)]
    return []


def in_force(records: Iterable[Mapping[str, Any]], providers: Iterable[str], now: str) -> Mapping[str, Any] | None:
    """The record that counts at business time `now`: of those that name all these providers and last, the worst. Its
    days are Beijing's.

    So a good record cannot whitewash a bad one, whenever it was signed; a bad one counts until it expires or is
    withdrawn (the caller leaves withdrawn ones out).
    """
    wanted, today = set(providers), china_date(datetime.fromisoformat(now)).isoformat()
    lasting = [
        record
        for record in records
        if wanted <= set(record["provider_parties"]) and record["assessed_at"] <= now and today < record["expires"]
    ]
    return max(lasting, key=lambda r: (r["cr"], r["assessed_at"], r["serial"], r["id"]), default=None)


def withdrawal_problems(notice: Any) -> list[Problem]:
    """Everything wrong with the fields of a notice of withdrawal that came from outside."""
    if not isinstance(notice, Mapping):
        return [Problem("notice", "应为对象", "should be an object")]
    fields = {"assessment": str, "reason": str, "withdrawn_at": str, "signatures": list}
    return [Problem(str(name), "没有这一项", "no such field") for name in notice if name not in fields] + [
        Problem(name, "缺少或类型不对", "is missing or of a wrong type")
        for name, kind in fields.items()
        if not isinstance(notice.get(name), kind) or (kind is str and not 0 < len(notice[name]) <= 500)
    ]
