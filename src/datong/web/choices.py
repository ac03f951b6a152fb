"""What a form asks an argument as, where a line of text would make a person guess: choices by their words, a structure
by its parts, an example of what is written. The verb checks what it is given, whoever gave it; so nothing here permits.

Must never know: HTTP, the store. Contract: tests/web/test_forms.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from datong.authorise.model import ACTS, InstrumentKind
from datong.catalogue.service import DELIVERY_FORMS as LISTED_FORMS
from datong.deidentify import service as deidentify
from datong.ground.refusal import Text
from datong.price.model import CHARGED_PURPOSES, FREE_PURPOSES, UNITS
from datong.register.model import national, values
from datong.register.model.cases import GROUNDS, LAST_ACTS
from datong.terms.policy import PURPOSES
from datong.terms.roles import PERSON_ROLES, Role

T = TypeVar("T")

CHOICES: Mapping[str, Sequence[str]] = {
    name: tuple(found)
    for name, found in {
        "source_kind": values.SOURCE_KINDS, "update_frequency": values.FREQUENCIES, "level": values.LEVELS,
        "grade": "12345", "delivery_forms": values.DELIVERY_FORMS, "basis": values.BASES, "purpose": PURPOSES,
        "purposes": PURPOSES, "acts": ACTS, "delivery_form": LISTED_FORMS, "agree": ("node", "person"),
        "into": ("node", "person"),
        "rail": ("dsp", "national"), "roles": [role for role in Role if role in PERSON_ROLES],
        "price.set_fee.purpose": [one for one in PURPOSES if one in FREE_PURPOSES | CHARGED_PURPOSES],
        "price.set_fee.unit": UNITS, "price.set_ceiling.unit": UNITS,
        "register.add_party.kind": values.PARTY_KINDS, "register.apply_to_join.kind": sorted(values.JOINING_KINDS),
        "register.apply_identity.kind": national.Identity, "register.apply_identity.act": national.ACTS,
        "register.apply_to_cancel.ground": [name for name, ground in GROUNDS.items() if ground.applied],
        "register.end_registration.ground": [name for name, ground in GROUNDS.items() if ground.own_motion],
        "authorise.draft.kind": InstrumentKind, "register.draft_case.type": LAST_ACTS,
    }.items()
}  # fmt: skip
"""Argument, or verb and argument -> the codes that it takes, in the order of their table."""


@dataclass(frozen=True)
class Part:
    """One part of a structure. title: what is asked, where that is more than its name; codes: what may be answered."""

    kind: type = str
    title: Text | None = None
    codes: tuple[str, ...] = ()


@cache
def parts(argument: str) -> Mapping[str, Part]:
    """The parts of an argument that is a structure, each a field of its own; empty for any other argument."""
    if argument == "licence_terms":
        return {"commercial": Part(bool), "derivatives": Part(bool), "attribution": Part()}
    if argument == "answers":
        asked = deidentify.questionnaire()
        return {
            one["id"]: Part(title=Text(one["zh"], one["en"]), codes=tuple(asked["steps"])) for one in asked["questions"]
        }
    return {}


TOLD_OF = {"licence.name": "licence", "licence.": "licence_terms."}
"""Where a verb finds a problem -> the argument or part that a form asked, where they are called otherwise."""

LONG = frozenset({"abstract", "source_statement", "scenario", "description", "security_assessment"})
"""Texts of some sentences."""

FLAT = frozenset({"materials", "changes", "items"})
"""Structures of anything that have one level."""

EXAMPLES: Mapping[str, str] = {
    **dict.fromkeys(("from_at", "until_at", "term_until", "expires"), "2026-03-31"),
    "area": "520100",
    "period": "2026-03",
    "percent": "51",
    "address": "https://",
    "files": "trips.csv: …",
    "materials": "products: …",
    "changes": "abstract: …",
    "price.survey_costs.survey": """{"operator": "9152…", "period": {"from_year": 2026, "years": 3},
 "costs": [{"item": "…", "category": "platform", "amount_fen": 100, "charged": true}],
 "subsidy_fen": 0, "bond_yield": "0.02", "profit_rate": "0.05", "tax_fen": 0,
 "complete_year": false, "trial": true}""",
    "tariffs": "industry_development: 1180000",
    "values": "purpose: industry_development",
    "split": '[{"party": "9152…", "weight": 7, "payee_kind": "company", "account": "…"}]',
}
"""Argument -> what a field shows while it is empty: how its value is written, no value of anybody's."""


def of(kind: Mapping[str, T], verb: str, argument: str, none: T) -> T:
    """What `kind` holds for this argument of this verb, or of any; else `none`."""
    return kind.get(f"{verb}.{argument}") or kind.get(argument, none)
