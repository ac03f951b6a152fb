"""Is an instrument complete, which move is open, and what is missing before inputs may be used. Pure.

Contract: tests/authorise/test_authorise_rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from datong.authorise.model import (
    ACTS,
    AGREEMENT_ITEMS,
    BAD_INSTRUMENT,
    GRANTS,
    GROUNDS,
    LIVE,
    MAX_AGREEMENT_YEARS,
    MOVES,
    NOT_NOW,
    PLAN_ITEMS,
    SELECTIONS,
    TERM_TOO_LONG,
    Deed,
    Instrument,
    InstrumentKind,
    ResourceFacts,
    State,
    Use,
)
from datong.ground import codes
from datong.ground.refusal import Problem
from datong.ground.workdays import CHINA, china_date
from datong.terms.policy import Policy

PERCENT = re.compile(r"100(\.0{1,6})?|\d{1,2}(\.\d{1,6})?", re.ASCII)
LAST_YEAR = 9990
"""Five years more, or a day in Beijing, are still in the calendar."""
DEVELOPING = ("process", "transform", "jointDevelop")
"""Actions of a policy that let its holder make something of what is delivered (加工、转换、联合开发)."""
COMMERCIAL_PURPOSES = frozenset({"industry_development"})
"""Purposes for which a fee may be charged; a licence must then allow commercial use."""

KIND_ZH = {
    "plan": "实施方案",
    "agreement": "运营协议",
    "consent": "供数单位同意",
    "data_use": "数据使用授权",
    "legal_basis": "个人信息处理合法性基础",
}
KIND_EN = {
    "agreement": "operation agreement",
    "consent": "consent of the supplying unit",
    "data_use": "data-use authorisation",
    "legal_basis": "legal basis (PIPL art. 13)",
}


def moved(instrument_id: str, kind: str, state: str, deed: Deed) -> State:
    """The state after `deed`; NOT_NOW names the deeds that are open."""
    moves = MOVES[InstrumentKind(kind)]
    after = moves.get((State(state), deed))
    if after is None:
        open_now = ", ".join(open_deeds(kind, state)) or "—"
        raise NOT_NOW(id=instrument_id, deed=deed.value, state=state, open=open_now)
    return after


def open_deeds(kind: str, state: str) -> list[str]:
    """What may be done with an instrument in `state`, in the order of the table."""
    return [deed.value for now, deed in MOVES[InstrumentKind(kind)] if now == state]


def draft_problems(kind: str, content: dict[str, Any], purposes: Iterable[str]) -> list[Problem]:
    """Every gap of a drafted instrument, all at once; `purposes` are the purposes the node knows."""
    known = frozenset(purposes)
    problems = [_missing(name) for name in ("resources", "purposes") if not content[name]]
    problems += [
        Problem("purposes", f"没有用途「{p}」", f"no purpose {p!r}; known: {', '.join(sorted(known))}")
        for p in content["purposes"]
        if p not in known
    ]
    problems += [
        Problem("acts", f"没有行为「{a}」", f"no act {a!r}; known: {', '.join(ACTS)}")
        for a in content["acts"]
        if a not in ACTS
    ]
    problems += _side_problems(kind, content)
    if kind == "data_use" and not content["acts"]:
        problems.append(_missing("acts"))
    starts, ends = datetime.fromisoformat(content["from"]), datetime.fromisoformat(content["until"])
    if ends <= starts:
        problems.append(Problem("until", "终止不晚于起始", "ends before it begins"))
    if max(starts, ends).year > LAST_YEAR:
        problems.append(Problem("until", f"晚于 {LAST_YEAR} 年", f"lies beyond the year {LAST_YEAR}"))
    return problems + _item_problems(kind, content["items"])


def require_sound(content: dict[str, Any], purposes: Iterable[str], others: Sequence[Problem] = ()) -> None:
    """AUT-400 with every gap of an instrument, AUT-501 for too long an agreement: asked where one is drafted, where one
    comes in from another node, whose software may ask nothing, and before the grantee signs it.

    others: what else is wrong with it.
    """
    kind = content["kind"]
    if problems := [*draft_problems(kind, content, purposes), *others]:
        raise BAD_INSTRUMENT(problems, count=len(problems))
    if kind == InstrumentKind.agreement:
        check_term(datetime.fromisoformat(content["from"]), datetime.fromisoformat(content["until"]))


def _side_problems(kind: str, content: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with who is granted the right and with the nodes that are told: a word sent to no node, or to that
    of somebody else, would be known to nobody."""
    grantee, node, problems = content["grantee_party"], content["grantee_node"], []
    if grantee and (fault := codes.subject_code_fault(grantee)) is not None:
        problems.append(Problem("grantee_party", *fault))
    elif not grantee and kind in GRANTS:
        problems.append(_missing("grantee_party"))
    if grantee == content["grantor_party"]:
        problems.append(Problem("grantee_party", "不得向本主体授权", "nobody grants a right to itself"))
    told = {"grantee_node": node, **{f"copies_to[{at}]": code for at, code in enumerate(content["copies_to"])}}
    faults = {where: codes.node_code_fault(code) for where, code in told.items() if code}
    problems += [Problem(where, *fault) for where, fault in faults.items() if fault is not None]
    if node and faults["grantee_node"] is None and codes.parse_node_code(node).subject != grantee:
        problems.append(Problem("grantee_node", "不是被授予主体的节点", "is no node of the grantee's"))
    if not node and kind == InstrumentKind.agreement:
        problems.append(Problem("grantee_node", "缺少：由该节点会签", "missing: it is counter-signed there"))
    return problems


def not_owned(resources: Sequence[str], owned: Collection[str]) -> list[Problem]:
    """Resources over which a consent or data-use authorisation of a party gives no right: none of its own registered
    ones has that code."""
    zh, en = "不是本主体已登记赋码的数据资源", "is no resource registered with this code for this organisation"
    return [Problem(f"resources: {code[:80]}", zh, en) for code in resources if code not in owned]


def _item_problems(kind: str, items: dict[str, Any]) -> list[Problem]:
    required = {"plan": PLAN_ITEMS, "agreement": AGREEMENT_ITEMS}.get(kind, {})
    problems = [
        Problem(f"items.{name}", f"缺少「{zh}」", f"missing item: {zh}")
        for name, zh in required.items()
        if not _is_said(items.get(name))
    ]
    if kind == "agreement" and items.get("selection") not in SELECTIONS:
        problems.append(
            Problem(
                "items.selection", "未说明运营机构选择方式（第十二条）", f"should be one of {', '.join(SELECTIONS)}"
            )
        )
    if kind == "legal_basis":
        if items.get("ground") not in GROUNDS:
            problems.append(
                Problem("items.ground", "不是个人信息保护法第十三条的依据", f"should be one of {', '.join(GROUNDS)}")
            )
        if not _is_said(items.get("impact_assessment")):
            problems.append(
                Problem(
                    "items.impact_assessment", "缺少个人信息保护影响评估编号（第五十五条）",
                    "no reference of the impact assessment (PIPL art. 55)",
                )
            )  # fmt: skip
    return problems


def _is_said(item: Any) -> bool:
    """Whether an item of the articles says anything: a text that is not blank, or a list or table with something in."""
    return bool(item.strip() if isinstance(item, str) else item if isinstance(item, list | dict) else "")


def _missing(name: str) -> Problem:
    return Problem(name, "缺少", "missing")


def check_term(from_at: datetime, until_at: datetime) -> None:
    """AUT-501: an agreement lasts at most five years by Beijing's days (29 February counts to 28 February)."""
    begins, ends = from_at.astimezone(CHINA), until_at.astimezone(CHINA)
    year = begins.year + MAX_AGREEMENT_YEARS
    day = 28 if (begins.month, begins.day) == (2, 29) else begins.day
    latest = begins.replace(year=year, day=day)
    if ends > latest:
        raise TERM_TOO_LONG(
            from_at=begins.date().isoformat(), until_at=ends.date().isoformat(), latest=latest.date().isoformat()
        )


def outside(agreement: Mapping[str, Any], plans: Iterable[Mapping[str, Any]], now: str) -> list[Problem]:
    """Resources of an agreement that no filed plan of its grantor names in its term, for every purpose (AUT-502)."""
    at = datetime.fromisoformat(now)
    own = [
        plan for plan in plans
        if plan["state"] == State.FILED and plan["grantor_party"] == agreement["grantor_party"]
        and at < datetime.fromisoformat(plan["until_at"])
    ]  # fmt: skip
    problems = []
    for code in agreement["resources"]:
        planned = {purpose for plan in own if code in plan["resources"] for purpose in plan["purposes"]}
        if not planned:
            problems.append(Problem(code, "不在已备案的实施方案内", "not in a filed plan"))
        elif lacking := ", ".join(p for p in agreement["purposes"] if p not in planned):
            zh, en = f"已备案的实施方案不含用途 {lacking}", f"no filed plan has it for {lacking}"
            problems.append(Problem(code, zh, en))
    return problems


def not_registered(facts: Iterable[ResourceFacts], now: str) -> list[Problem]:
    """Resources without valid registration or grade (AUT-503)."""
    problems = []
    for fact in facts:
        problems += registration_gaps(fact, now)
        if not fact.grade:
            problems.append(Problem(fact.code, "未分类分级", "it has no grade"))
    return problems


def without_consent(
    facts: Iterable[ResourceFacts], rights: Sequence[Instrument], grantor: str, purposes: Sequence[str], now: str
) -> list[Problem]:
    """Resources got from another unit that has not consented to every purpose towards `grantor` (AUT-504)."""
    return [
        Problem(
            fact.code,
            f"{_who(fact)} 未同意用途 {purpose}",
            f"{_who(fact)} has not consented to the purpose {purpose}",
        )
        for fact in facts
        if fact.owner_party != grantor
        for purpose in purposes
        if not any(
            r.kind == "consent"
            and r.grantor_party == fact.owner_party
            and r.grantee_party == grantor
            and not shortfalls(r, Use(fact.code, purpose, "", now))
            for r in rights
        )
    ]


def shortfalls(instrument: Instrument, use: Use) -> list[tuple[str, str]]:
    """Why `instrument` does not cover a use, as (zh, en); empty when it does."""
    found = []
    if instrument.state not in LIVE:
        found.append((f"状态为 {instrument.state}", f"it is {instrument.state}"))
    if use.resource not in instrument.resources:
        found.append((f"未包含资源 {use.resource}", f"it does not name {use.resource}"))
    if use.purpose not in instrument.purposes:
        found.append((f"未包含用途 {use.purpose}", f"it does not allow the purpose {use.purpose}"))
    if use.act and instrument.acts and use.act not in instrument.acts:
        found.append((f"未包含行为 {use.act}", f"it does not allow to {use.act}"))
    at = datetime.fromisoformat(use.now)
    if at < datetime.fromisoformat(instrument.from_at):
        day = _day(instrument.from_at)
        found.append((f"{day} 起生效", f"it begins on {day}"))
    if at >= datetime.fromisoformat(instrument.until_at):
        day = _day(instrument.until_at)
        found.append((f"自 {day} 起已到期", f"it has ended from {day} on"))
    return found


def _day(instant: str) -> str:
    """Beijing's day of an instant: a term that ends at midnight does not cover the day that begins then."""
    return china_date(datetime.fromisoformat(instant)).isoformat()


def gaps(
    facts: ResourceFacts, instruments: Sequence[Instrument], *, purpose: str, act: str, now: str, operator: str,
    names: Mapping[str, str] | None = None, unchanged: bool = False,
) -> list[Problem]:  # fmt: skip
    """What is missing before `act` for `purpose` may be done with one resource; empty = cleared.

    operator: subject code of the party that acts; "" at the owner's own node, where any grantee will do.
    names: of parties by subject code. unchanged: nothing is derived of it, so a licence without derivatives
    will do. Each problem says what is missing, whose it is and the smallest fix.
    """
    owner = (_who(facts), _who(facts))
    use = Use(facts.code, purpose, act, now)
    problems = registration_gaps(facts, now)

    def fitting(kind: str, grantor: str, grantee: str) -> list[Instrument]:
        found = [
            i
            for i in instruments
            if i.kind == kind
            and (not grantor or i.grantor_party == grantor)
            and (not grantee or i.grantee_party == grantee)
            and i.grantor_party != i.grantee_party
            and facts.code in i.resources
        ]
        return sorted(found, key=lambda i: _farness(i, use))

    def need(kind: str, found: Sequence[Instrument], holder: tuple[str, str]) -> None:
        problem = _uncovered(found, KIND_ZH[kind], KIND_EN[kind], holder, use)
        if problem:
            problems.append(problem)

    if facts.public_data:
        consents = fitting("consent", facts.owner_party, "")
        body, agreements = _implementing(fitting("agreement", "", operator), consents, facts.owner_party, use)
        need("agreement", agreements, _named(body, names or {}))
        if body != facts.owner_party:
            need("consent", [c for c in consents if c.grantee_party == body], owner)
    elif facts.owner_party != operator:
        need("data_use", fitting("data_use", facts.owner_party, operator), owner)
    if facts.personal:
        need("legal_basis", fitting("legal_basis", facts.owner_party, ""), owner)
    return problems + _licence_gaps(facts, purpose, unchanged=unchanged)


def registration_gaps(facts: ResourceFacts, now: str) -> list[Problem]:
    """The registration is not coded, its last day (art. 15) is over, or it is of core data, which are not traded."""
    if facts.level == "core":
        zh = f"登记为核心数据，核心数据不得交易（GB/T 43697-2024）；由{_who(facts)}停止流通"
        en = f"it is registered as core data, which are not traded (GB/T 43697-2024); {_who(facts)} must keep it"
        return [Problem(facts.code, zh, en)]
    if facts.registration_state == "ENDED":
        zh = f"登记已注销或撤销；由{_who(facts)}重新登记赋码"
        return [Problem(facts.code, zh, f"the registration was cancelled or revoked; {_who(facts)} must register anew")]
    if facts.registration_state != "CODED":
        return [
            Problem(
                facts.code,
                f"资源登记状态为 {facts.registration_state}；由{_who(facts)}完成登记赋码",
                f"the registration is {facts.registration_state}; {_who(facts)} must have it coded",
            )
        ]
    if facts.valid_until and china_date(datetime.fromisoformat(now)).isoformat() > facts.valid_until:
        return [
            Problem(
                facts.code,
                f"登记有效期已于 {facts.valid_until} 届满；由{_who(facts)}重新登记，届满前已申请续展的待审核",
                f"the registration was valid until {facts.valid_until}; {_who(facts)} must register anew, or have the "
                "renewal reviewed that it applied for in time",
            )
        ]
    return []


def _implementing(
    agreements: Sequence[Instrument], consents: Sequence[Instrument], owner: str, use: Use
) -> tuple[str, Sequence[Instrument]]:
    """The implementing body ("" when nothing names one) and its agreements, nearest first.

    It is the body that the supplying unit consented to, or the unit itself: what anybody else signs gives no right.
    """
    consented = {c.grantee_party for c in consents if not shortfalls(c, use)} | {owner}
    named = [a.grantor_party for a in sorted(agreements, key=lambda a: a.grantor_party not in consented)]
    body = next(iter([*named, *(c.grantee_party for c in consents)]), "")
    return body, [a for a in agreements if a.grantor_party == body]


def implementing_bodies(
    facts: Iterable[ResourceFacts], instruments: Sequence[Instrument], operator: str, now: str
) -> set[str]:
    """The bodies under whose agreement in force `operator` uses the public resources `facts`, with the consent of
    the unit that supplies each."""
    bodies = set()
    for fact in facts:
        standing = [i for i in instruments if _stands(i, fact.code, now)]
        consented = {i.grantee_party for i in standing if i.kind == "consent" and i.grantor_party == fact.owner_party}
        bodies |= {
            i.grantor_party
            for i in standing
            if i.kind == "agreement" and i.grantee_party == operator
            and i.grantor_party in {*consented, fact.owner_party}
        }  # fmt: skip
    return bodies - {operator}


def has_basis(resource: str, owner: str, instruments: Iterable[Instrument], now: str) -> bool:
    """Whether `owner` has a legal basis in force for handling a resource, for whatever purpose."""
    return any(i.kind == "legal_basis" and i.grantor_party == owner and _stands(i, resource, now) for i in instruments)


def _stands(instrument: Instrument, resource: str, now: str) -> bool:
    return any(not shortfalls(instrument, Use(resource, purpose, "", now)) for purpose in instrument.purposes)


def _farness(instrument: Instrument, use: Use) -> tuple[int, bool, str]:
    """Of equally near ones a suspended one comes first: to resume it is less than to sign another."""
    return len(shortfalls(instrument, use)), instrument.state != State.SUSPENDED, instrument.id


def _uncovered(ranked: Sequence[Instrument], zh: str, en: str, holder: tuple[str, str], use: Use) -> Problem | None:
    """None when the nearest of `ranked` covers the use; else the problem that names it and the smallest fix."""
    if not ranked:
        return Problem(
            use.resource,
            f"缺少{zh}（用途 {use.purpose}，行为 {use.act}）；由{holder[0]}签署并送达本节点",
            f"no {en} for {use.purpose}, {use.act}; {holder[1]} must sign one and send it here",
        )
    reasons = shortfalls(ranked[0], use)
    if not reasons:
        return None
    resumable = ranked[0].state == State.SUSPENDED and len(reasons) == 1
    fix_zh, fix_en = ("恢复", "resume it") if resumable else ("重新签署", "renew it")
    return Problem(
        use.resource,
        f"{zh} {ranked[0].id} 不适用：{'；'.join(r for r, _ in reasons)}；由{holder[0]}{fix_zh}",
        f"the {en} {ranked[0].id} does not cover it: {'; '.join(r for _, r in reasons)}; {holder[1]} must {fix_en}",
    )


def _named(body: str, names: Mapping[str, str]) -> tuple[str, str]:
    """The implementing body in words, with name and code where they are known."""
    if not body:
        return "实施机构", "the implementing body"
    named = f"{names[body]} ({body})" if names.get(body) else body
    return f"实施机构 {named} ", f"the implementing body {named}"


def _licence_gaps(facts: ResourceFacts, purpose: str, *, unchanged: bool) -> list[Problem]:
    name = str(facts.licence.get("name") or "—")
    problems = []
    if purpose in COMMERCIAL_PURPOSES and facts.licence.get("commercial") is not True:
        problems.append(
            Problem(
                facts.code,
                f"许可条款「{name}」不允许商业使用；由{_who(facts)}改变许可，或改为公共治理、公益用途",
                f"its licence terms ({name}) do not allow commercial use; {_who(facts)} must change them, "
                "or use a public purpose",
            )
        )
    if facts.licence.get("derivatives") is not True and not unchanged:
        problems.append(
            Problem(
                facts.code,
                f"许可条款「{name}」不允许演绎：可原样列入目录，不得发布由其加工的产品；由{_who(facts)}改变许可",
                f"its licence terms ({name}) do not allow derived works: it may be listed unchanged, and nothing made "
                f"of it may be published; {_who(facts)} must change them",
            )
        )
    return problems


def _who(facts: ResourceFacts) -> str:
    return f"{facts.owner_name} ({facts.owner_party})" if facts.owner_name else facts.owner_party


def held_by(operator: str, holdings: Iterable[tuple[str, str]]) -> set[str]:
    """`operator` and every party it holds directly or indirectly; holdings are (owner, owned) pairs."""
    edges: dict[str, set[str]] = {}
    for owner, owned in holdings:
        edges.setdefault(owner, set()).add(owned)
    reached, waiting = {operator}, [operator]
    while waiting:
        for owned in edges.get(waiting.pop(), ()):
            if owned not in reached:
                reached.add(owned)
                waiting.append(owned)
    return reached


def holding_problems(owner: str, owned: str, percent: str) -> list[Problem]:
    """What is wrong with a declared holding. percent: a number up to 100; 0 when nothing is held any more."""
    sides = {"owner_party": owner, "owned_party": owned}
    problems = [
        Problem(name, *fault) for name, code in sides.items() if (fault := codes.credit_code_fault(code)) is not None
    ]
    if owner == owned:
        problems.append(Problem("owned_party", "与持有人相同", "is its own owner"))
    if not PERCENT.fullmatch(percent):
        problems.append(Problem("percent", "应为 0 至 100 的数，如 12.5", "should be a number up to 100, such as 12.5"))
    return problems


def is_held(percent: str) -> bool:
    return bool(percent.strip("0."))


def developing(policy: Policy) -> list[str]:
    """The actions that `policy` permits by which something new is made of what is delivered."""
    return [action for action in DEVELOPING if any(rule.action == action for rule in policy.permissions)]
