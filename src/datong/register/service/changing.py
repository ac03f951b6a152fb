"""Change (变更) and correction (更正): what is asked for of an entry of the ledger, and whether it may be.

The registrant changes its registration; whoever is concerned asks for a correction, which the registrants confirm or a
proof of the error carries. Must never know: what rests on a registration. Contract:
tests/register/test_register_changes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import signing, workdays
from datong.ground.db import Tx
from datong.register import store
from datong.register.model.cases import CORRECTION, FIRST, OVER, UNDER_REVIEW, WITH_CODE, State
from datong.register.model.refusals import (
    BAD_FILING,
    CHANGE_UNDER_REVIEW,
    CHANGES_NOTHING,
    INCOMPLETE_DESCRIPTION,
    NO_REASONS,
    NOT_CHANGEABLE,
)
from datong.register.rules import changes


def standing_entry(tx: Tx, code_or_id: str) -> dict[str, Any]:
    """The ledger's entry that stands today for a data code, or for a thing of this node; else REG-433."""
    own = store.holding(tx, code_or_id)
    row = tx.get(store.ledger, str(own[1]["code"] if own else code_or_id))
    entry = row["entry"] if row is not None else None
    fault = changes.standing_fault(entry, workdays.china_date(tx.business_now).isoformat())
    if fault is not None or entry is None:
        name = entry["object"]["name_zh"] if entry else own[1]["name_zh"] if own else code_or_id[:80]
        raise NOT_CHANGEABLE(name=name, why_zh=(fault or ("", ""))[0], why=(fault or ("", ""))[1])
    return dict(entry)


def asked_of(tx: Tx, entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The changes asked of an entry, with the evidence that its owner has preserved since; REG-402 for unsound ones."""
    thing = entry["object"]
    if problems := changes.change_problems(thing, wanted):
        raise INCOMPLETE_DESCRIPTION(problems, name=thing["name_zh"], count=len(problems))
    own = store.holding(tx, entry["code"])
    mine = own is not None and entry["registrants"][0]["party"] == signing.me(tx).party
    preserved = {name: own[1][name] for name in changes.EVIDENCE} if own is not None and mine else {}
    if preserved.get("evidence_digest") == thing["evidence_digest"]:
        preserved = {}
    return {**{name: value for name, value in wanted.items() if thing[name] != value}, **preserved}


def require_changeable(tx: Tx, filing: Mapping[str, Any]) -> dict[str, Any]:
    """REG-420, -421, -433, -434, at the applicant and at the registry; the entry that would change."""
    code, wanted = changes.asked(filing)
    if not code:
        raise BAD_FILING(why_zh="没有写明要变更的登记", why="names no registration that is to be changed")
    entry = standing_entry(tx, code)
    mine = signing.me(tx).code
    fault = changes.change_fault(filing, entry)
    if fault is None and filing["applicant"]["node"] != mine and entry["registry"] != mine:
        fault = "该登记属于另一登记机构", "it is entered at another registry"
    if fault is not None:
        raise NOT_CHANGEABLE(name=entry["object"]["name_zh"], why_zh=fault[0], why=fault[1])
    if changes.changes_nothing(filing, entry):
        raise CHANGES_NOTHING(name=entry["object"]["name_zh"])
    described = {name: value for name, value in wanted.items() if name not in changes.EVIDENCE}
    if problems := changes.change_problems(entry["object"], described):
        raise INCOMPLETE_DESCRIPTION(problems, name=entry["object"]["name_zh"], count=len(problems))
    if not changes.stated(filing):
        raise NO_REASONS(act=filing["type"])
    if filing["materials"].get("proof") and not changes.proves(filing):
        raise BAD_FILING(
            why_zh="所附证明不是摘要，或不是更正", why="names a proof that is no digest, or is no correction"
        )
    return entry


def registered_case(tx: Tx, filing: Mapping[str, Any]) -> dict[str, Any] | None:
    """The case under which it was coded that a change or correction is about."""
    found = store.cases_of(tx, changes.asked(filing)[0])
    return next((one for one in found if one["state"] in WITH_CODE - OVER), None)


def under_way(tx: Tx, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Other changes and corrections of the thing of this case that are filed and not over."""
    return [
        one for one in store.cases_of(tx, row["object_id"])
        if one["type"] != FIRST and one["id"] != row["id"] and one["state"] not in (*OVER, State.DRAFT)
    ]  # fmt: skip


def require_alone(tx: Tx, row: Mapping[str, Any]) -> None:
    """REG-435: the next change is written upon what the one under review leaves."""
    for other in under_way(tx, row):
        if other["state"] in UNDER_REVIEW:
            raise CHANGE_UNDER_REVIEW(case=row["id"], other=other["id"], state=other["state"])


def needs_no_consent(filing: Mapping[str, Any]) -> bool:
    """A correction is made on the registrant's written consent or on the proof of an error (art. 9(3))."""
    return bool(filing["type"] == CORRECTION and changes.proves(filing))
