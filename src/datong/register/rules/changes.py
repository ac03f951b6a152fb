"""Change (变更) and correction (更正) of what is registered, pure: what may be asked, by whom, of which entry.

Source: 公共数据资源登记管理暂行办法 art. 9(2), 9(3). A filing of either type names in its materials the code, the
changes and the reason; the object it holds is the ledger's with those changes and nothing else. Contract:
tests/register/test_register_changes.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.ground import codes
from datong.ground.crypto import hashing
from datong.ground.refusal import Problem
from datong.register import rules
from datong.register.model.cases import CORRECTION, State

EVIDENCE = ("evidence_digest", "evidence_at")
"""They change with what the registrant preserved, never by hand."""
_LATER = {
    "licence": ("许可条款用 change_licence 变更", "is changed by change_licence"),
    **dict.fromkeys(EVIDENCE, ("请先存证（preserve_evidence）", "is changed by preserve_evidence, before the filing")),
    "id": ("登记对象不变", "stays what it is"),
}


def change_problems(thing: Mapping[str, Any], changes: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the changes asked of a registered thing: names it has not, or an unsound description."""
    unknown = [
        Problem(name[:80], *_LATER.get(name, ("没有这一项", "no such item")))
        for name in sorted(changes)
        if name in _LATER or name not in thing
    ]
    find = rules.resource_problems if "source_kind" in thing else rules.product_problems
    return unknown or find({**thing, **changes})


def asked(filing: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(code, changes) that a filing asks for; ("", {}) where it names none in the right form."""
    of = filing["materials"].get("registration")
    if not isinstance(of, dict) or set(of) != {"code", "changes"}:
        return "", {}
    sound = isinstance(of["code"], str) and isinstance(of["changes"], dict)
    return (of["code"], of["changes"]) if sound else ("", {})


def standing_fault(entry: Mapping[str, Any] | None, today: str) -> codes.Fault | None:
    """Why there is nothing to change: no entry, or one that ended or lapsed."""
    if entry is None:
        return "台账中没有该登记", "the ledger here does not hold it"
    if entry["state"] != State.CODED:
        return "登记已注销或撤销", "its registration was cancelled or revoked"
    if entry["valid_until"] < today:
        return f"登记已于 {entry['valid_until']} 届满", f"its registration was valid until {entry['valid_until']}"
    return None


def change_fault(filing: Mapping[str, Any], entry: Mapping[str, Any]) -> codes.Fault | None:
    """Why this filing may not change this entry: whose it is, who is registered, and that the object is the entry's
    with the changes named."""
    now, then = ([one["party"] for one in of["registrants"]] for of in (entry, filing))
    if filing["type"] == CORRECTION:
        if filing["registrants"] != entry["registrants"]:
            return "更正不变更登记主体", "a correction leaves the registrants as they are"
    elif filing["applicant"]["party"] != now[0]:
        return (
            "变更由登记主体申请；利害关系人可申请更正",
            "its registrant alone changes it; others ask for a correction",
        )
    elif then[: len(now)] != now:
        return "已登记的主体不得略去或改变次序", "who is registered cannot be left out, nor stand in another order"
    changes = asked(filing)[1]
    own = filing["applicant"]["party"] == now[0]
    if not own and set(changes) & set(EVIDENCE):
        return "存证由登记主体变更", "its registrant alone changes the evidence preserved"
    if filing["term_until"] is not None:
        return "期限由续展延长", "its term is lengthened by a renewal"
    if filing["object_kind"] != entry["kind"] or _bare(filing["object"]) != _bare({**entry["object"], **changes}):
        return "申请所依据的登记内容已不是现在的内容", "it was written upon another entry than the one that stands now"
    return None


def changes_nothing(filing: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether the entry would be the same after it."""
    same = _bare(filing["object"]) == _bare(entry["object"]) and filing["basis"] == entry["basis"]
    return same and [dict(one) for one in filing["registrants"]] == [dict(one) for one in entry["registrants"]]


def _bare(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Without the licence, which changes by itself."""
    return {name: value for name, value in thing.items() if name != "licence"}


def stated(filing: Mapping[str, Any]) -> str:
    """The reason that a filing gives, or ""."""
    return str(filing["materials"].get("reason") or "").strip()


def proves(filing: Mapping[str, Any]) -> bool:
    """Whether a correction names the proof of the error (the digest of its file)."""
    proof = filing["materials"].get("proof")
    return filing["type"] == CORRECTION and isinstance(proof, str) and hashing.is_accepted(proof)
