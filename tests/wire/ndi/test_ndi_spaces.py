"""A listing for the members of a space on the national rail: who is none is answered as for an offer that never was."""

from __future__ import annotations

import pytest
from ndi_world import country as country  # noqa: PLC0414 - its fixture

from datong.catalogue import service as catalogue
from datong.ground.db import NODE
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.register.store import national as register_rows
from two_nodes import DATASET, OFFER, business_time


def bound(country) -> str:
    """The provider's listing, for the members of a space of its own that nobody has joined."""
    with country.provider.as_("operator") as tx:
        space = register.create_space(tx, name="出行空间")["id"]
    with country.provider.as_("product_manager") as tx:
        catalogue.show_in_spaces(tx, dataset=DATASET, spaces=[space])
    return space


def let_in(country, space: str) -> None:
    node = country.consumer.code
    with country.provider.store.begin(NODE) as tx:
        row = {"id": f"{space}/{node}", "space": space, "node": node, "party": country.consumer.party}
        tx.add(register_rows.members, {**row, "state": "applied", "reason": "", "decided_by": "", "at": tx.now})
    with country.provider.as_("operator") as tx:
        register.decide_member(tx, space=space, node=node, admit=True)


def answer(country, rail: str, day: int, **more) -> dict:
    """What becomes of a request. (The platform gives one id to requests that are the same at the same time.)"""
    for node in country.nodes:
        business_time(node, day)
    asked = country.ask(rail, **more)
    country.run()
    with country.reads(country.consumer) as tx:
        return negotiate.negotiation(tx, id=asked["id"])


@pytest.mark.parametrize("rail", ["national", "national_assisted"])
def test_only_a_member_concludes_over_it(country, rail):
    space = bound(country)
    hidden = answer(country, rail, 1)
    never = answer(country, rail, 2, offer_id="offer-never")
    assert hidden["state"] == never["state"] == "TERMINATED"
    assert hidden["reason"]["code"] == never["reason"]["code"] != ""
    told = [{lang: one["reason"][lang] for lang in ("zh", "en")} for one in (hidden, never)]
    assert told[0] == {lang: text.replace("offer-never", OFFER) for lang, text in told[1].items()}
    let_in(country, space)
    assert answer(country, rail, 3)["state"] == "FINALIZED"
