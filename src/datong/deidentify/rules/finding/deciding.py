"""What a column is: its name and its values weighed together, each told as evidence.

A value check that decides does so at 80 % of at least 50 distinct values (privacy.md 6.1); fewer only confirm a name.
Every element of the library that is no personal type is a decoy: a column whose name is nearer to one (order number,
product name) is not taken for a person's by its name alone, and numbers that merely look like phones are not by their
form. Columns are then seen beside each other (`in_context`): a phone is an organisation's where the rows are
organisations, and `amount` is of somebody's money where the rows have account numbers. Must never know: cells.
Contract: tests/deidentify/finding/test_finding_deciding.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datong.deidentify.model.finding import ColumnLook, Finding, Identifying, NameSaid, PersonalType
from datong.deidentify.rules.finding.values import CODED
from datong.ground.refusal import Text

SHARE_LEAST, DISTINCT_LEAST = 0.8, 50
"""A check decides a column by itself from here on."""
FEW = 5
"""So many distinct values can confirm a name."""
TAKEN = 0.5
"""From this score on a column is of the type."""
NAME_TRUST, VALUE_TRUST = 0.9, 0.95
WITHIN_LEAST = {"resident_id": 0.01, "phone": 0.05, "email": 0.05}
"""Check -> the share of texts, at least FEW, from which on a column of texts holds the numbers of persons. An order
number of eleven digits in a sentence looks like a mobile phone; eighteen with their check do not come by chance."""
NAME_LEAST = 0.75
NAME_LEAST_LOOSE = 0.85
"""Of names understood by initials, parts or spelling."""
NUMBERED = frozenset((
    "order_id", "record_id", "sequence_number", "transaction_id", "invoice_number", "work_order_number", "batch_number",
    "product_code", "material_number", "trip_id", "passage_id", "code", "amount", "quantity", "equipment_id",
    "sensor_id", "uuid", "organisation_code",
))  # fmt: skip
"""Elements that are numbers of things: what stands under their names is not a person's number by its form alone."""
BARE = frozenset(
    ("id", "no", "num", "number", "code", "key", "name", "编号", "号码", "代码", "序号", "名称", "uid", "uuid", "guid")
)
"""Names that say that there is a number or a name, and not of what."""
BY_FORM = frozenset(("phone", "bank_card", "device", "person", "address"))
"""Checks without, or with a single, check digit."""
STRICT = frozenset(("email", "age", "birth_date", "ip", "sex"))
"""Checks that every genuine column passes: where it fails, the name alone is not enough."""
UNNAMED_TIME = 0.7
"""That a column holds dates says least of all what they are of: any name says more."""
LOOSE = ("parts", "spelling", "initials")
ORGANISATIONS_LEAST = 0.25
"""From this share of names with a word for an organisation on a column of names holds such (names of persons never have
one, names of organisations often none); where there are half as many as rows, the rows are organisations."""
MOBILE_LEAST = 0.1
"""From this share of mobile numbers on some of the phones are persons', whatever the rows are."""
OF_PLACES = frozenset(("address", "phone", "region", "postcode", "location"))
"""Types that an organisation has as well as a person."""
OF_NOBODY = OF_PLACES | {"event_time", "email", "other"}
"""Types that do not say that a person is meant."""
GENERAL_WORDS = {
    "medical_record": ("health", ("code", "description", "device_code", "device_name")),
    "account": ("finance", ("amount", "status", "duration")),
}
"""Type of a register's number -> (the type that general words are of in that register, those words as elements)."""
OTHER = Text("其他", "other")


def found(column: str, names: Sequence[NameSaid], look: ColumnLook, types: Iterable[PersonalType]) -> Finding:
    """The finding for one column. names: everything of the library and of the types' words that its name is near to."""
    known = tuple(types)
    if _is_bare(column):
        names = [said for said in names if said.way not in ("parts", "spelling")]
    mapped = {element for one in known for element in one.elements} | {one.own for one in known}
    decoy = max((said for said in names if said.of not in mapped), key=lambda said: said.score, default=None)
    scored = [(_scored(one, names, decoy, look), one) for one in known]
    (score, name, share), best = max(scored, key=lambda item: item[0][0])
    evidence: dict[str, Any] = {
        "rows": look.rows, "filled": look.filled, "distinct": look.distinct,
        "shape": look.shape,
    }  # fmt: skip
    if score < TAKEN or best.kind is not Identifying.direct:
        inside = _within(column, known, look, evidence, best.level if score >= TAKEN else 1)
        if inside is not None:
            return inside
    if score < TAKEN:
        if decoy is not None and decoy.score >= NAME_LEAST:
            evidence["name"] = _said(decoy)
            if _is_bare(column) and look.shares.get("person", 0.0) >= SHARE_LEAST and look.distinct >= DISTINCT_LEAST:
                evidence["persons"] = round(look.shares["person"], 4)
            if (
                decoy.of.endswith(("name", "organisation"))
                and look.shares.get("organisation", 0) >= ORGANISATIONS_LEAST
            ):
                evidence["organisations"] = round(look.shares["organisation"], 4)
        return Finding(column, Identifying.other, "other", OTHER, 1 - score, (), 1, evidence)
    if name is not None:
        evidence["name"] = _said(name)
    if best.name == "phone" and look.shares.get("mobile", 0.0) >= MOBILE_LEAST:
        evidence["mobile"] = round(look.shares["mobile"], 4)
    if best.check:
        evidence["check"] = {"name": best.check, "share": round(look.shares.get(best.check, 0.0), 4), "decided": share}
    return Finding(column, best.kind, best.name, best.title, score, best.tags, best.level, evidence)


def _within(
    column: str, types: Iterable[PersonalType], look: ColumnLook, evidence: Mapping[str, Any], least: int
) -> Finding | None:
    """The finding by the numbers of persons that stand in the texts of a column, the most telling ones; None where
    there are none or too few. least: the level that the column has without them."""
    there = []
    for one in types:
        count, share = look.within.get(one.check, (0, 0.0))
        if one.decides and count >= FEW and share >= WITHIN_LEAST[one.check]:
            there.append((one.level, share, one))
    if not there:
        return None
    _, share, best = max(there, key=lambda item: item[:2])
    facts = {**evidence, "within": {"name": best.check, "share": round(share, 4)}}
    if best.check == "phone":
        facts["mobile"] = round(share, 4)
    score, level = min(VALUE_TRUST, TAKEN + share / 2), max(least, best.level)
    return Finding(column, best.kind, best.name, best.title, score, best.tags, level, facts)


def _is_bare(column: str) -> bool:
    return column.rpartition(".")[2].strip().casefold() in BARE


def names_somebody(finding: Finding) -> bool:
    """Whether the column is a direct identifier by what stands in it, or holds persons' names, which have no form that
    could show it. That a column is called the number of something is not enough: it may be a token by now. Nor is an
    address: it is the place of a person, or the end of a journey."""
    by_name = finding.type == "name" and finding.evidence["distinct"] >= FEW
    share = finding.evidence.get("check", {}).get("share", 0.0)
    by_values = share >= SHARE_LEAST and finding.evidence["distinct"] >= FEW and finding.type != "address"
    return finding.kind is Identifying.direct and (by_name or by_values or "within" in finding.evidence)


def in_context(findings: Sequence[Finding], types: Iterable[PersonalType]) -> list[Finding]:
    """The findings of one table, each seen beside the others: contacts and places of organisations are no person's;
    general words are of what the table registers; names of nothing said are of persons where another column is of one
    and they read like it; a key of its rows numbers the person where another column identifies one directly."""
    known = {one.name: one for one in types}
    seen = _organisations(findings)
    there = {finding.type for finding in seen}
    for register, (of, words) in GENERAL_WORDS.items():
        if register in there:
            seen = [_registered(finding, known[of], register, words) for finding in seen]
    if any(finding.type not in OF_NOBODY for finding in seen):
        seen = [_named(finding, known["name"]) for finding in seen]
    identified = any(finding.kind is Identifying.direct for finding in seen)
    return [_keyed(finding, known["subject_id"]) if identified and _is_key(finding) else finding for finding in seen]


def _organisations(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, with contacts and places taken for nobody's where every row is an organisation and no person."""
    rows_are = any(
        "organisations" in facts and 2 * facts["distinct"] >= facts["filled"] > FEW
        for facts in (finding.evidence for finding in findings)
    )
    if not rows_are or any(finding.type not in OF_NOBODY for finding in findings):
        return list(findings)
    said = "of an organisation: the rows are organisations, and no column is of a person"
    return [
        Finding(one.column, Identifying.other, "other", OTHER, 1 - TAKEN, (), 1, {**one.evidence, "context": said})
        if one.type in OF_PLACES and not one.evidence.get("mobile") else one  # a mobile phone is somebody's
        for one in findings
    ]  # fmt: skip


def _registered(finding: Finding, of: PersonalType, register: str, words: Sequence[str]) -> Finding:
    means = finding.evidence.get("name", {}).get("means")
    if finding.kind is not Identifying.other or means not in words:
        return finding
    evidence = {**finding.evidence, "context": f"a general word in a table of {register.replace('_', ' ')} numbers"}
    return Finding(finding.column, of.kind, of.name, of.title, 0.6, of.tags, of.level, evidence)


def _named(finding: Finding, name: PersonalType) -> Finding:
    """Many a name of a place or of goods has the form of a person's; beside birth dates or sexes it is a person's."""
    if "persons" not in finding.evidence:
        return finding
    share = finding.evidence["persons"]
    evidence = {**finding.evidence, "check": {"name": name.check, "share": share, "decided": True},
                "context": "names of the form of persons', beside a column of a person"}  # fmt: skip
    return Finding(finding.column, name.kind, name.name, name.title, 0.6, name.tags, name.level, evidence)


def _is_key(finding: Finding) -> bool:
    facts = finding.evidence
    unique = facts["distinct"] == facts["filled"] == facts["rows"] >= DISTINCT_LEAST
    named = _is_bare(finding.column) or facts.get("name", {}).get("means") in ("record_id", "uuid")
    return finding.kind is Identifying.other and unique and named


def _keyed(finding: Finding, subject: PersonalType) -> Finding:
    evidence = {**finding.evidence, "context": "a key of the rows beside a direct identifier"}
    title = subject.title
    return Finding(finding.column, subject.kind, subject.name, title, 0.6, subject.tags, subject.level, evidence)


def _said(name: NameSaid) -> dict[str, Any]:
    return {"means": name.of.removeprefix("type:"), "by": name.way, "word": name.said, "score": round(name.score, 3)}


def _scored(
    one: PersonalType, names: Sequence[NameSaid], decoy: NameSaid | None, look: ColumnLook
) -> tuple[float, NameSaid | None, bool]:
    """(score, the name that speaks for it, whether the values alone decide)."""
    name = max(
        (said for said in names if (said.of in one.elements or said.of == one.own) and _fits(one, said)),
        key=lambda said: (said.score, said.way not in LOOSE), default=None,
    )  # fmt: skip
    by_name = name.score if name is not None else 0.0
    if name is not None and decoy is not None and _sure(decoy) and _nearer(decoy, name):
        by_name *= 0.5
    share = look.shares.get(one.check, 0.0)
    may_be = max(share, look.shares.get("day", 0.0)) if one.check == "birth_date" else share  # of any century
    decides = _decides(one, look, share)
    by_value = share if decides else 0.0
    if one.check == "time":
        by_value *= UNNAMED_TIME if name is None else 0.5
    if decides and one.check in BY_FORM and decoy is not None and decoy.score >= 0.9 and by_name < 0.6:
        foreign = decoy.of in NUMBERED or one.check in ("person", "address")
        by_value *= 0.5 if foreign else 1.0
    if by_name >= 0.6 and not decides and one.check and look.distinct >= FEW:
        if share >= SHARE_LEAST:
            by_value = 0.5 * share
        elif may_be < 0.2 and one.check not in CODED:
            loose = name is not None and name.way in LOOSE
            if loose or look.distinct >= 20:
                by_name *= 0.4 if loose or one.check in STRICT else 0.7
    if one.check in STRICT and look.distinct >= 2 and may_be < 0.2 and look.filled >= 20:
        by_name *= 0.5
    if one.check == "time" and look.series:
        return 0.0, name, False
    return 1 - (1 - NAME_TRUST * by_name) * (1 - VALUE_TRUST * by_value), name, decides


def _fits(one: PersonalType, said: NameSaid) -> bool:
    """Numbers of things differ from those of persons by one word, so a part of a name does not make one of a person."""
    return _sure(said) and not (one.name == "subject_id" and said.way in ("parts", "spelling"))


def _nearer(decoy: NameSaid, name: NameSaid) -> bool:
    """Whether the name says the decoy rather: clearly nearer, or as near and by the very word."""
    plainly = decoy.way == "word" and name.way != "word" and decoy.score >= name.score - 0.05
    return plainly or decoy.score > name.score + 0.02


def _sure(said: NameSaid) -> bool:
    return said.score >= (NAME_LEAST_LOOSE if said.way in ("initials", "parts", "spelling") else NAME_LEAST)


def _decides(one: PersonalType, look: ColumnLook, share: float) -> bool:
    if not one.decides or share < SHARE_LEAST or (one.check == "sex" and not look.true_sexes):
        return False
    if one.check in CODED:
        return look.distinct >= 2 and share >= 0.9 and look.filled >= DISTINCT_LEAST
    return look.distinct >= DISTINCT_LEAST and not (look.sequential and one.check in BY_FORM)
