"""Rules of the register, pure: addresses, descriptions, who may review, what a case may do. Logins: logins.py.

Source: 公共数据资源登记管理暂行办法 art. 5-15; code tables in model.values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

from datong.ground import codes
from datong.ground.crypto import hashing
from datong.ground.crypto.profile import running
from datong.ground.refusal import Problem
from datong.ground.workdays import Calendar, Deadline, add_working_days
from datong.register.model.cases import (
    CORRECTION,
    FIRST,
    LAST_ACTS,
    MATERIALS,
    MOVES,
    PERIODS,
    RENEWAL_DAYS,
    VALID_YEARS,
    Act,
    State,
    Who,
)  # fmt: skip
from datong.register.model.values import BASES, DELIVERY_FORMS, FILING_SCHEMA, FREQUENCIES, LEVELS, SOURCE_KINDS
from datong.terms.roles import one_hand

# --- nodes -------------------------------------------------------------------------------------------------------


def address_problem(address: str) -> Problem | None:
    try:
        parts = urlsplit(address)
        has_port = parts.port != 0
    except ValueError:  # brackets without an address, a port that is no number or beyond 65535
        parts, has_port = urlsplit(""), False
    if has_port and parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.username:
        return None
    return Problem("address", "不是 http(s) 地址", "is no http or https address")


def same_origin(address: str, other: str) -> bool:
    """Whether two addresses have one scheme, host and port (and neither carries credentials the other does not)."""
    try:
        return _origin(address) == _origin(other)
    except ValueError:
        return False


def _origin(address: str) -> tuple[str | int | None, ...]:
    """Scheme, credentials, host and port, which may be written in capitals and with the port that it has anyway."""
    parts = urlsplit(address)
    if not parts.netloc.isascii():  # another letter may look, and be lowered to, the same
        return parts.scheme, parts.netloc
    port = {"http": 80, "https": 443}.get(parts.scheme) if parts.port is None else parts.port
    return parts.scheme, parts.username, parts.password, parts.hostname, port


def code_problem(where: str, fault: codes.Fault | None) -> list[Problem]:
    return [Problem(where, *fault)] if fault else []


# --- descriptions of resources and products ----------------------------------------------------------------------

_FORMS: dict[str, tuple[type, ...]] = {
    "name_zh": (str,), "name_en": (str,), "abstract": (str,), "standard": (str,), "public_data": (bool,),
    "personal": (bool,), "grade": (int,), "level": (str,), "update_frequency": (str,), "area": (str,),
    "industry": (str,), "scenario": (str,), "licence": (dict,), "security_assessment": (str,),
}  # fmt: skip
DESCRIPTION = tuple(_FORMS)
"""Fields that resources and products share; they travel in filings and ledger entries."""


def description_problems(thing: Mapping[str, Any]) -> list[Problem]:
    """Everything wrong with what a resource or product says of itself."""
    problems = [
        Problem(name, f"应为 {kinds[0].__name__}", f"should be of type {kinds[0].__name__}")
        for name, kinds in _FORMS.items()
        if type(thing.get(name)) not in kinds
    ]
    if problems:
        return problems
    problems = [
        Problem(name, "不得为空", "must not be empty")
        for name in ("name_zh", "name_en", "abstract")
        if not thing[name].strip()
    ]
    problems += [
        Problem(name, f"超过 {most} 字", f"is longer than {most} characters")
        for name, most in (
            ("name_zh", 200),
            ("name_en", 200),
            ("abstract", 2000),
            ("scenario", 2000),
            ("standard", 100),
        )
        if len(thing[name]) > most
    ]
    if not 1 <= thing["grade"] <= 5:
        problems.append(Problem("grade", "应为 1 至 5", "should be 1 to 5"))
    if thing["level"] not in LEVELS:
        problems.append(Problem("level", f"应为 {'、'.join(LEVELS)}", f"should be one of {', '.join(LEVELS)}"))
    if thing["update_frequency"] not in FREQUENCIES:
        problems.append(Problem("update_frequency", "应为 001 至 009", "should be 001 to 009"))
    if not re.fullmatch("[0-9]{4}([0-9]{2})?", thing["area"]):
        problems.append(Problem("area", "应为 4 或 6 位区划代码", "should be a region code of 4 or 6 digits"))
    return problems + licence_problems(thing["licence"])


def licence_problems(licence: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the terms of a licence."""
    problems = [
        Problem(f"licence.{name}", "应为 true 或 false", "should be true or false")
        for name in ("commercial", "derivatives")
        if not isinstance(licence.get(name), bool)
    ]
    problems += [
        Problem(f"licence.{name}", "应为文本", "should be a text")
        for name in ("name", "attribution")
        if not isinstance(licence.get(name), str)
    ]
    unknown = set(licence) - {"name", "commercial", "derivatives", "attribution"}
    return problems + [Problem(f"licence.{name}", "没有这一项", "no such item") for name in sorted(unknown)]


def narrower_licence(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The terms that both licences allow, under the name of the one that allows less."""
    terms = {name: one[name] and other[name] for name in ("commercial", "derivatives")}
    return {**(one if all(one[name] == value for name, value in terms.items()) else other), **terms}


def resource_problems(thing: Mapping[str, Any]) -> list[Problem]:
    problems = description_problems(thing)
    if not isinstance(thing.get("source_kind"), str) or thing["source_kind"] not in SOURCE_KINDS:
        problems.append(Problem("source_kind", "应为 001 至 004", "should be 001 to 004"))
    if not str(thing.get("source_statement") or "").strip():
        problems.append(Problem("source_statement", "须说明数据来源", "must say where the data come from"))
    return problems


def product_problems(thing: Mapping[str, Any]) -> list[Problem]:
    problems = description_problems(thing)
    inputs = thing.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        problems.append(Problem("inputs", "至少一个数据资源标识", "at least one resource code is needed"))
    else:
        for at, code in enumerate(inputs):
            problems += code_problem(f"inputs[{at}]", codes.data_code_fault(str(code)))
    forms = thing.get("delivery_forms")
    if not isinstance(forms, list) or not forms or not set(map(str, forms)) <= set(DELIVERY_FORMS):
        wanted = "、".join(DELIVERY_FORMS)
        problems.append(Problem("delivery_forms", f"取自 {wanted}", f"should be among {', '.join(DELIVERY_FORMS)}"))
    return problems


def digest_problem(where: str) -> Problem:
    by = running().digest
    return Problem(where, f"应为 {by}:<64 位十六进制>", f"should be {by}:<64 hexadecimal digits>")


def evidence_problems(files: Mapping[str, Any]) -> list[Problem]:
    if not files:
        return [Problem("files", "至少一个来源文件", "at least one source file is needed")]
    return [
        digest_problem(name[:100])
        for name, value in files.items()
        if not isinstance(value, str) or not hashing.is_accepted(value)
    ]


# --- cases -------------------------------------------------------------------------------------------------------

FILING_FIELDS = frozenset(
    {
        "schema", "case", "type", "basis", "public_data", "object_kind", "object", "registrants", "applicant",
        "materials", "term_until", "filed_at", "signatures",
    }
)  # fmt: skip


def filing_fault(filing: Mapping[str, Any]) -> codes.Fault | None:
    """What is wrong with the form of a filing, which may come from anybody; the content is checked after."""
    if set(filing) != FILING_FIELDS or filing["schema"] != FILING_SCHEMA:
        return f"申请不是 {FILING_SCHEMA}", f"is no {FILING_SCHEMA}"
    if any(
        not isinstance(filing[name], str) or len(filing[name]) > 80 for name in ("case", "type", "basis", "filed_at")
    ):
        return "字段类型不符", "has fields of the wrong type"
    thing, registrants, applicant = filing["object"], filing["registrants"], filing["applicant"]
    if (
        not isinstance(thing, dict)
        or not isinstance(filing["materials"], dict)
        or type(filing["public_data"]) is not bool
    ):
        return "字段类型不符", "has fields of the wrong type"
    sound = isinstance(registrants, list) and 1 <= len(registrants) <= 20 and all(map(is_registrant, registrants))
    if not sound or not isinstance(applicant, dict) or set(applicant) != {"node", "party", "person", "department"}:
        return "登记主体格式不符", "names registrants or applicant in a wrong form"
    if not all(isinstance(value, str) and len(value) <= 100 for value in applicant.values()) or not applicant["person"]:
        return "申请人格式不符", "names its applicant in a wrong form"
    first = registrants[0]["party"] == applicant["party"] or filing["type"] == CORRECTION  # which is anybody's (9(3))
    if not first or len({r["party"] for r in registrants}) != len(registrants):
        return "登记主体重复或首位不是申请人", "does not list the applicant first and everybody once"
    if filing["object_kind"] not in ("resource", "product") or not isinstance(thing.get("id"), str):
        return "登记对象不符", "registers neither a resource nor a product"
    if filing["basis"] not in BASES:
        return f"登记依据应为 {'、'.join(BASES)}", f"has a basis that is not one of {', '.join(BASES)}"
    if filing["basis"] == "mandatory" and not filing["public_data"]:
        return "非公共数据只能自愿登记", "must be voluntary, because the data are not public"
    if filing["term_until"] is not None and not is_day(filing["term_until"]):
        return "授权期限不是日期", "has a term that is no date"
    find = resource_problems if filing["object_kind"] == "resource" else product_problems
    problems = find(thing)
    if problems or thing.get("public_data") != filing["public_data"]:
        where = "、".join(p.where for p in problems) or "public_data"
        return f"描述有误：{where}", f"describes its object wrongly: {where}"
    return None


def is_registrant(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"party", "name"}
        and isinstance(value["party"], str)
        and isinstance(value["name"], str)
        and len(value["party"]) <= 18
        and len(value["name"]) <= 200
    )


LAST_YEAR = 9990
"""Of what another node says: a term of three years more, and ten working days, are still in the calendar."""


def is_day(text: Any) -> bool:
    try:
        return isinstance(text, str) and len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


def moved(state: str, act: Act) -> State | None:
    """The state after `act`, or None when the act is not open in `state`."""
    move = MOVES.get((State(state), act))
    return move[1] if move else None


def open_acts(state: str, type: str = FIRST) -> list[Act]:
    """What may be done in `state` in a case of this type, in the order of the table."""
    others = set(LAST_ACTS.values()) - {LAST_ACTS.get(type, Act.code)}
    return [
        act for (now, act), (by, _after) in MOVES.items() if now == state and by is not Who.nobody and act not in others
    ]


def missing_materials(filing: Mapping[str, Any]) -> list[Problem]:
    """All materials a registration misses (art. 9(1)), of a change those that the entry would lose; evidence has a
    refusal of its own."""
    thing = filing["object"]
    has = {
        "registrant": bool(filing["registrants"]),
        "source": filing["object_kind"] == "product" or bool(thing.get("source_statement")),
        "description": bool(thing.get("abstract")),
        "evidence": bool(thing.get("evidence_digest")),
        "products": filing["object_kind"] == "product"
        or filing["type"] != FIRST
        or bool(filing["materials"].get("products")),
        "scenario": bool(thing.get("scenario")),
        "security": bool(thing.get("security_assessment")),
    }
    return [
        Problem(name, f"缺少：{MATERIALS[name]}", f"missing: {MATERIALS[name]}")
        for name, there in has.items()
        if not there
    ]


def registrant_problems(registrants: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Registrants whose credit code does not pass GB 32100."""
    return [
        problem
        for at, registrant in enumerate(registrants)
        for problem in code_problem(f"registrants[{at}].party", codes.credit_code_fault(str(registrant.get("party"))))
    ]


def registrants(filing: Mapping[str, Any], now: str) -> list[dict[str, Any]]:
    """The registrants of a filing. The applicant confirms by filing; the others must confirm each new filing."""
    return [confirmed(one, filing["applicant"], now) for one in filing["registrants"]]


def confirmed(registrant: Mapping[str, Any], who: Mapping[str, Any], now: str) -> dict[str, Any]:
    """`registrant`, with person and department when `who` acts for that party."""
    if registrant["party"] != who["party"]:
        return dict(registrant)
    return {**registrant, "person": who["person"], "department": who["department"], "confirmed_at": now}


APPLYING = ("draft", Act.submit.value, "join", Act.apply_to_renew.value)
"""Acts of a case's history that belong to the application."""


def applied(
    of: Sequence[Mapping[str, Any]], history: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Who ever took part in the application, as {person, party, department, ...}: the registrants' people, everybody
    who drafted, filed or joined it, earlier filings included, and who declared its object."""
    lines = [*of, *(line for line in history if line["act"] in APPLYING), *declared]
    return [line for line in lines if line.get("person")]


def same_person(applicants: Sequence[Mapping[str, Any]], reviewer: str, issued_by: str) -> bool:
    """Whether the reviewer took part, was let in by somebody who did, or let somebody in who did."""
    return any(one_hand(reviewer, issued_by, who["person"], str(who.get("issued_by") or "")) for who in applicants)


def department_name(text: str) -> str:
    """One spelling of a department's name: NFKC, single spaces, none around it."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def same_department(applicants: Sequence[Mapping[str, Any]], party: str, department: str) -> str | None:
    """The applying department at the registry's own party that equals the reviewing one (or neither is named)."""
    reviewing = department_name(department).casefold()
    for who in applicants:
        applying = department_name(str(who.get("department") or ""))
        if who["party"] == party and (not reviewing or applying.casefold() in ("", reviewing)):
            return applying or "—"
    return None


def deadline(state: str, since: date, calendar: Calendar) -> Deadline | None:
    """The last day of the period the case stands in, or None when nothing is waited for."""
    period = PERIODS.get(State(state))
    return add_working_days(since, period.working_days, calendar) if period else None


def valid_until(coded: date, term_until: str | None) -> date:
    """The last day of validity: 3 years from the code, or the operation's term when that is shorter (art. 15); of a
    renewal 3 years from the last day before."""
    try:
        last = coded.replace(year=coded.year + VALID_YEARS)
    except ValueError:  # 29 February
        last = date(coded.year + VALID_YEARS, 2, 28)
    return min(last, date.fromisoformat(term_until)) if term_until else last


def renewal_fault(until: str, term_until: str | None, today: date) -> codes.Fault | None:
    """Why a registration valid until this day is not renewed today (art. 15): too early, too late, or its operation's
    term adds nothing."""
    last = date.fromisoformat(until)
    if today > last:
        return f"登记已于 {until} 届满", f"it was valid until {until} and has lapsed"
    if today < (opens := last - timedelta(days=RENEWAL_DAYS)):
        zh = f"登记有效至 {until}，自 {opens} 起方可申请续展"
        return zh, f"it is valid until {until}, and its renewal is applied for from {opens} on"
    if valid_until(last, term_until) <= last:
        zh = f"授权运营期限 {term_until} 不长于现有效期 {until}"
        return zh, f"the operation's term, {term_until}, does not outlast its last day, {until}"
    return None


def validity_fault(until: Any, coded_on: str) -> codes.Fault | None:
    """What is wrong with the last day that another registry gives: 3 years at most from the code, or from the last day
    before a renewal (art. 15)."""
    if not is_day(coded_on) or not is_day(until) or date.fromisoformat(coded_on).year > LAST_YEAR:
        return "有效期不是日期", "has a last day of validity that is no date"
    if date.fromisoformat(until) > valid_until(date.fromisoformat(coded_on), None):
        return f"有效期超过 {VALID_YEARS} 年", f"is valid for more than {VALID_YEARS} years"
    return None


# --- what members say of themselves ------------------------------------------------------------------------------

_RUNNING = {"state": str, "note": str, "open_jobs": int, "anomalies": int, "log": dict, "spaces": list}
_SPACE = {"space": str, "name": str, "state": str, "members": int}
_WORDS = {
    str: ("文本", "a text"),
    int: ("整数", "a whole number"),
    dict: ("对象", "an object"),
    list: ("列表", "a list"),
}


def report_problems(body: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the known members of a connector's report; others, and missing ones, are let be."""
    problems = _of_type(body, {**_RUNNING, "reason": str}, "")
    log = body.get("log")
    if isinstance(log, dict):
        problems += _of_type(log, {"leaves": int, "acts": dict}, "log.")
        acts = log.get("acts")
        if isinstance(acts, dict):
            problems += _of_type(acts, dict.fromkeys(acts, int), "log.acts.")
    spaces = body.get("spaces")
    for number, space in enumerate(spaces if isinstance(spaces, list) else ()):
        where = f"spaces[{number}]"
        problems += (
            _of_type(space, _SPACE, f"{where}.")
            if isinstance(space, dict)
            else [Problem(where, "应为对象", "should be an object")]
        )
    return problems


def text_problems(body: Mapping[str, Any], *names: str) -> list[Problem]:
    """Which of the members of these names are there and no texts."""
    return _of_type(body, dict.fromkeys(names, str), "")


def _of_type(value: Mapping[str, Any], types: Mapping[str, type], before: str) -> list[Problem]:
    return [
        Problem(f"{before}{name}"[:80], f"应为{_WORDS[wanted][0]}", f"should be {_WORDS[wanted][1]}")
        for name, wanted in types.items()
        if value.get(name) is not None and type(value[name]) is not wanted
    ]
