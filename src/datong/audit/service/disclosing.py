"""What this organisation has to make public of authorised operation (信息公开), gathered from the rooms that hold it.

27号 article 18: the implementing body tells whom it authorised, what, in which scope and until when; article 19: the
operator tells its products and services and which resources it uses. Ceilings and fees beside them are what the yearly
disclosure of March asks for (国家数据局综合司 2026-02-10, known by reports on it). To publish it is the organisation's
own deed. Must never know: people. Contract: tests/journey/test_journey_rights.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.ground import signing, workdays
from datong.ground.db import Tx
from datong.ground.refusal import unless_unknown
from datong.price import service as pricing
from datong.register import service as register
from datong.terms.verbs import view

STANDING = ("IN_FORCE", "SUSPENDED")


@view()
def disclosure(tx: Tx) -> dict[str, Any]:
    """Gather what this organisation has to disclose of authorised operation, as it stands today 信息公开.

    granted, ceilings: as implementing body (27号 art. 18). received, products, fees: as operator (art. 19). Each
    agreement: {id, title, state, body, operator, resources: [{code, name}], purposes, selection, filing_ref, from,
    until}; amounts in fen; ceilings by the years they hold in, those over left out. What it never was is empty.
    """
    mine = signing.me(tx)
    standing = [one for one in authorise.instruments(tx, kind="agreement") if one["state"] in STANDING]
    priced, today = pricing.prices(tx), workdays.china_date(tx.business_now)
    products = [one for one in catalogue.listings(tx, state="live") if one["kind"] == "product"]
    own = [one for one in products if authorise.implementing_parties(tx, inputs=one["inputs"], operator=mine.party)]
    codes = {one["dataset"] for one in own}
    return {
        "party": mine.party, "name": mine.name, "on": today.isoformat(),
        "granted": [_told(tx, one) for one in standing if one["grantor_party"] == mine.party],
        "ceilings": [
            {name: one[name] for name in ("product", "from_year", "to_year", "cap_fen", "unit", "at")}
            for one in priced["ceilings"]
            if one["state"] == "IN_FORCE" and one["issuer"] == mine.party
            and today.year <= (one["to_year"] or today.year)
        ],
        "received": [_told(tx, one) for one in standing if one["grantee_party"] == mine.party],
        "products": [
            {
                "code": one["dataset"], "title": one["title"], "description": one["description"],
                "delivery_form": one["delivery_form"], "published_at": one["published_at"],
                "resources": [_thing(tx, code) for code in one["inputs"]],
            }
            for one in own
        ],
        "fees": [
            {name: one[name] for name in ("product", "purpose", "amount_fen", "unit", "cap_fen", "published_at")}
            for one in priced["fees"] if one["state"] == "PUBLISHED" and one["product"] in codes
        ],
    }  # fmt: skip


def _told(tx: Tx, one: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: one[name] for name in ("id", "title", "state", "purposes", "filing_ref", "from", "until")}
    return {
        **said, "body": _party(tx, one["grantor_party"]), "operator": _party(tx, one["grantee_party"]),
        "selection": one["items"].get("selection", ""), "resources": [_thing(tx, code) for code in one["resources"]],
    }  # fmt: skip


def _party(tx: Tx, code: str) -> dict[str, str]:
    return {"code": code, "name": _known(lambda: register.party(tx, code)["name"])}


def _thing(tx: Tx, code: str) -> dict[str, str]:
    return {"code": code, "name": _known(lambda: register.resource(tx, code)["name_zh"])}


def _known(name: Callable[[], object]) -> str:
    """A name, or nothing where the register here does not hold whose it is."""
    found = unless_unknown(name)
    return "" if found is None else str(found)
