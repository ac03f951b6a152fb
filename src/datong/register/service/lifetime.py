"""What becomes of a coded registration: its registrant applies to renew or to cancel it, the registry ends it.

The ledger's entry decides what holds: while something is applied for it stands, and where it ends every member hears so
and builds, lists, contracts and delivers nothing more of it. Must never know: what rests on a registration. Contract:
tests/register/test_register_lifetime.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import evidence, outbox, signing, workdays
from datong.ground.codes import Fault
from datong.ground.db import Tx
from datong.register import rules, store
from datong.register.model.cases import GROUNDS, Act, State
from datong.register.model.refusals import BAD_FILING, BAD_GROUND, NOT_RENEWABLE, WRONG_STATE
from datong.register.service import changing, following, nodes, registry
from datong.register.service.filing import APPLICANTS, me_acting
from datong.register.service.ledger import enter_again
from datong.terms.roles import Role
from datong.terms.verbs import verb

ASKED = {
    "case": str, "act": str, "ground": str, "term_until": str | None, "reason": str, "applicant": dict, "at": str,
    "signatures": list,
}  # fmt: skip


@verb(*APPLICANTS)
def apply_to_renew(tx: Tx, *, case: str, reason: str, term_until: str | None = None) -> dict[str, Any]:
    """Apply to renew (续展) a coded registration within the 60 days before its last day.

    term_until: last day of the authorised operation of a product (YYYY-MM-DD), as it runs on.
    """
    row = _own(tx, case, Act.apply_to_renew)
    return _ask(tx, row, Act.apply_to_renew, "", term_until or row["filing"]["term_until"], reason)


@verb(Role.steward, Role.legal)
def apply_to_cancel(tx: Tx, *, case: str, ground: str, reason: str) -> dict[str, Any]:
    """Apply to cancel (注销) a coded registration; once the registry has, nothing of it is delivered any more.

    ground: lost, given_up, dissolved or other_lawful (art. 9(4)).
    """
    return _ask(tx, _own(tx, case, Act.apply_to_cancel), Act.apply_to_cancel, ground, None, reason)


def _own(tx: Tx, case: str, act: Act) -> dict[str, Any]:
    row = following.known_case(tx, case)
    if row["side"] not in ("applicant", "both"):
        raise WRONG_STATE(case=case, act=act.value, state=row["state"], open="—")
    following.require_open(row, act)
    return row


def _ask(
    tx: Tx, row: Mapping[str, Any], act: Act, ground: str, term_until: str | None, reason: str
) -> dict[str, Any]:  # fmt: skip
    bare = {
        "case": row["id"], "act": act.value, "ground": ground, "term_until": term_until, "reason": reason.strip(),
        "applicant": me_acting(tx), "at": tx.now, "signatures": [],
    }  # fmt: skip
    _require_fitting(tx, row, bare)
    word = signing.signed(tx, bare)
    if row["side"] == "both":
        _enter(tx, row, word)
    else:  # the case moves with the registry's answer; asked twice meanwhile it is said once
        key = f"{row['id'][:60]}-asked-{row['version']}"
        outbox.send(tx, to=row["registry"], type="register.lifetime_asked", body=word, key=key)
        evidence.append(tx, f"register.case_{act.value}", store.cases, row["id"], ground=ground)
    return following.case_view(tx, following.known_case(tx, row["id"]))


def _require_fitting(tx: Tx, row: Mapping[str, Any], word: Mapping[str, Any]) -> None:
    """REG-431, REG-432: here and at the registry."""
    if word["act"] == Act.apply_to_cancel:
        _require_ground(row, word["ground"], [name for name, ground in GROUNDS.items() if ground.applied])
    else:
        today = workdays.china_date(tx.business_now)
        fault = rules.renewal_fault(row["valid_until"], word["term_until"], today)
        if fault is not None:
            raise NOT_RENEWABLE(case=row["id"], why_zh=fault[0], why=fault[1])


def received_lifetime_asked(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """register.lifetime_asked: a registrant's signed application to renew or to cancel what is coded here."""
    nodes.area(tx, "register.lifetime_asked")
    applicant = nodes.node(tx, sender)
    fault = _word_fault(applicant, body)
    if fault is not None:
        raise BAD_FILING(why_zh=fault[0], why=fault[1])
    row = registry.at_registry(tx, body["case"], body["act"])
    if (row["applicant_node"], row["applicant_party"]) != (sender, applicant["party"]):
        raise BAD_FILING(why_zh="发送方不是登记主体", why="does not come from the registrant")
    if any(line.get("signatures") == body["signatures"] for line in row["history"]):
        return
    following.require_open(row, Act(body["act"]))
    _require_fitting(tx, row, body)
    _enter(tx, row, body)


def _word_fault(applicant: Mapping[str, Any], word: Mapping[str, Any]) -> Fault | None:
    if set(word) != set(ASKED) or any(not isinstance(word[name], kind) for name, kind in ASKED.items()):
        return "格式不符", "is of a wrong form"
    if word["act"] not in (Act.apply_to_renew, Act.apply_to_cancel) or not word["reason"].strip():
        return "格式不符", "is of a wrong form"
    if word["term_until"] is not None and not rules.is_day(word["term_until"]):
        return "授权期限不是日期", "has a term that is no date"
    who = word["applicant"]
    if set(who) != {"node", "party", "person", "department"} or not all(isinstance(v, str) for v in who.values()):
        return "申请人格式不符", "names its applicant in a wrong form"
    if (who["node"], who["party"]) != (applicant["code"], applicant["party"]) or not who["person"]:
        return "申请人不是发送方", "names an applicant that is not its sender"
    if not signing.signed_by(word, applicant["party"], applicant["public_key"]):
        return "签名无效", "is not signed by its applicant"
    return None


def _enter(tx: Tx, row: Mapping[str, Any], word: Mapping[str, Any]) -> None:
    """Move the case; its history keeps who applied, for what, and their signature."""
    who = {name: word["applicant"][name] for name in ("party", "person", "department")}
    told = {name: word[name] for name in ("ground", "term_until", "signatures")}
    registry.step(tx, row, Act(word["act"]), note=word["reason"], line={**who, **told})


@verb(Role.registrar)
def end_registration(tx: Tx, *, case: str, reason: str, ground: str = "") -> dict[str, Any]:
    """End a registration: cancel (注销) it as was applied for, or cancel or revoke (撤销) it on one's own motion.

    ground: empty for an accepted application; else dissolved, other_lawful, or not_renewed once it has lapsed, which
    cancel; false_materials, tampering, unlawful_use or other_misconduct, which revoke.
    """
    row = registry.at_registry(tx, case, "end_registration")
    if not ground:
        following.require_open(row, Act.cancel)
    if row["state"] == State.CANCELLATION_ACCEPTED and not ground:
        ground = next(line["ground"] for line in reversed(row["history"]) if line["act"] == Act.apply_to_cancel)
    else:
        _require_ground(row, ground, _own_motion(tx, row))
    act = GROUNDS[ground].act
    following.require_open(row, act)
    kind = "cancellation" if act is Act.cancel else "revocation"
    enter_again(tx, row["code"], "register.ledger_ended", type=kind, state=State.ENDED.value)
    for change in changing.under_way(tx, row):
        registry.step(tx, change, Act.lapse, note=reason)
    return registry.step(tx, row, act, note=reason, line={"ground": ground})


def _own_motion(tx: Tx, row: Mapping[str, Any]) -> list[str]:
    """The grounds on which the registry may act itself, as the case stands."""
    lapsed = bool(row["valid_until"]) and workdays.china_date(tx.business_now).isoformat() > row["valid_until"]
    return [
        name for name, ground in GROUNDS.items()
        if ground.own_motion and (name != "not_renewed" or lapsed) and rules.moved(row["state"], ground.act)
    ]  # fmt: skip


def _require_ground(row: Mapping[str, Any], ground: str, open_ones: list[str]) -> None:
    if ground in open_ones:
        return
    known = GROUNDS.get(ground)
    why = ("没有这一理由", "there is no such ground") if known is None else (
        f"{known.zh}（{known.article}），登记有效至 {row['valid_until']}，案件处于 {row['state']}",
        f"{known.en} ({known.article}); it is valid until {row['valid_until']} and {row['state']}",
    )  # fmt: skip
    raise BAD_GROUND(
        case=row["id"], ground=ground[:40] or "—", why_zh=why[0], why=why[1], grounds=", ".join(open_ones) or "—"
    )
