"""Who sees a listing: the rule, the same rule in the database, and the verbs that bind a listing to spaces."""

from __future__ import annotations

import itertools

import pytest
from test_catalogue_service import FLOWS, publish
from test_catalogue_service import ready as ready  # noqa: PLC0414 - its fixtures
from test_catalogue_service import world as world  # noqa: PLC0414

from datong.audit import service as audit
from datong.catalogue import rules, store
from datong.catalogue import service as catalogue
from datong.ground import outbox
from datong.ground.db import NODE
from datong.ground.jobs import open_jobs
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register.store import national as register_rows
from neighbours import Neighbours, node_code

GROUP, LAB, BIKES = node_code("data-group"), node_code("city-lab"), node_code("bike-company")


@pytest.mark.parametrize(
    ("bound_to", "shared", "seen"),
    [
        ((), (), True),  # bound to no space: everybody, as ever
        ((), ("a",), True),
        (("a",), (), False),  # nothing known of a membership
        (("a",), ("a",), True),
        (("a",), ("b",), False),
        (("a", "b"), ("b", "c"), True),  # one is enough
        (("a", "b"), ("c",), False),
        (("a",), ("A", "a "), False),  # spaces are the same by their id and by nothing like it
    ],
)
def test_the_rule(bound_to: tuple[str, ...], shared: tuple[str, ...], seen: bool) -> None:
    assert rules.visible(bound_to, frozenset(shared)) is seen


def test_the_database_asks_the_same_rule(world: Neighbours) -> None:
    spaces = ("a", "b", "c")
    bound = {f"d-{n}": chosen for n, chosen in enumerate(itertools.chain(*(itertools.combinations(spaces, k) for k in range(4))))}  # fmt: skip
    with world.as_person("data-group") as tx:
        for dataset, chosen in bound.items():
            tx.add(store.listings, {
                "id": f"listing-{dataset}", "dataset": dataset, "kind": "product", "title": "t", "description": "",
                "delivery_form": "controlled", "inputs": [], "facts": {}, "agree": "node", "state": "live", "reason": None,
                "published_by": "p", "published_at": tx.now,
            })  # fmt: skip
            catalogue.showing.bind(tx, dataset, chosen)
        for shared in itertools.chain(*(itertools.combinations((*spaces, "d"), k) for k in range(5))):
            seen = [row["dataset"] for row in store.live_page(tx, 0, None, shared)]
            assert seen == [dataset for dataset in bound if rules.visible(bound[dataset], shared)]
            pages = [store.live_page(tx, at, 2, shared) for at in range(0, len(bound), 2)]
            assert [row["dataset"] for page in pages for row in page] == seen


def space_of(world: Neighbours, *members: str, at: str = "data-group") -> str:
    """A space that the node runs, with these members as its operator admits them."""
    with world.as_person(at) as tx:
        space = str(register.create_space(tx, name="出行空间")["id"])
        for name in members:
            row = {"id": f"{space}/{node_code(name)}", "space": space, "node": node_code(name), "party": "p",
                   "state": "applied", "reason": "", "decided_by": "", "at": tx.now}  # fmt: skip
            tx.add(register_rows.members, row)
            register.decide_member(tx, space=space, node=node_code(name), admit=True)
    return space


def seen_by(world: Neighbours, node: str) -> list[str]:
    with world.stores["data-group"].read() as tx:
        pages = [item["id"] for item in catalogue.published_page(tx, to=node, offset=0, limit=9)]
        assert [row["dataset"] for row in catalogue.listings_for(tx, node)] == pages
        return pages


def acts(world: Neighbours, act: str) -> list[dict[str, str]]:
    with world.as_person("data-group") as tx:
        return [row for row in audit.leaves(tx, limit=5000) if row["act"] == act]


def test_a_listing_is_published_for_a_space_and_stays_there_when_it_is_listed_again(ready: Neighbours) -> None:
    space, second = space_of(ready, "city-lab"), space_of(ready, "bike-company")
    assert publish(ready, spaces=[space, space])["spaces"] == [space]
    assert (seen_by(ready, LAB), seen_by(ready, BIKES)) == ([FLOWS], [])
    publish(ready)  # the same listing again is the same
    publish(
        ready, title="新的标题 Flows, named anew"
    )  # another listing of the dataset: not open to everybody by a slip
    assert (seen_by(ready, LAB), seen_by(ready, BIKES)) == ([FLOWS], [])
    assert publish(ready, title="新的标题 Flows, named anew", spaces=[second])["spaces"] == [second]
    assert (seen_by(ready, LAB), seen_by(ready, BIKES)) == ([], [FLOWS])
    with ready.as_person("data-group") as tx:
        assert catalogue.show_in_spaces(tx, dataset=FLOWS) == {"dataset": FLOWS, "spaces": []}
        assert catalogue.show_in_spaces(tx, dataset=FLOWS)["spaces"] == []
    assert (seen_by(ready, LAB), seen_by(ready, BIKES)) == ([FLOWS], [FLOWS])
    assert (len(acts(ready, "catalogue.space_added")), len(acts(ready, "catalogue.space_removed"))) == (2, 2)
    with ready.as_person("data-group") as tx:
        assert not [p for p in audit.verify(tx)["problems"] if p["kind"] == "record.changed"]


def test_a_space_this_node_is_not_of_closes_the_gates_with_everything_else(ready: Neighbours) -> None:
    space = space_of(ready)
    elsewhere = space_of(ready, "city-lab", at="city-lab")
    with pytest.raises(Refusal) as caught:
        publish(ready, spaces=[space, elsewhere, "space-none"], delivery_form="raw")
    assert caught.value.code == "CAT-403"
    assert [p.where for p in caught.value.problems] == ["delivery_form", f"spaces: {elsewhere}", "spaces: space-none"]
    with ready.as_person("data-group") as tx:
        assert catalogue.listings(tx) == []
    publish(ready)
    for dataset, spaces, code in ((FLOWS, [elsewhere], "CAT-425"), ("P-NONE", [space], "CAT-404")):
        with pytest.raises(Refusal) as caught, ready.as_person("data-group") as tx:
            catalogue.show_in_spaces(tx, dataset=dataset, spaces=spaces)
        assert caught.value.code == code
    assert seen_by(ready, BIKES) == [FLOWS]


def test_an_offer_and_a_listing_are_unknown_to_who_may_not_see_them(ready: Neighbours) -> None:
    space = space_of(ready, "city-lab")
    offers = publish(ready, spaces=[space])["offers"]
    with ready.stores["data-group"].read() as tx:
        assert catalogue.offer(tx, offers[0]["id"], to=LAB)["state"] == "live"
        assert catalogue.offer(tx, offers[0]["id"])["state"] == "live"  # for people here
        assert catalogue.listing_for(tx, FLOWS, LAB)["dataset"] == FLOWS
        for call, what in (
            (lambda name: catalogue.offer(tx, name, to=BIKES), offers[0]["id"]),
            (lambda name: catalogue.published_dataset(tx, name, to=BIKES), FLOWS),
            (lambda name: catalogue.listing_for(tx, name, BIKES), FLOWS),
        ):
            told = []
            for name in (what, "never-was"):
                with pytest.raises(Refusal) as caught:
                    call(name)
                told.append((caught.value.code, str(caught.value).replace(name, "X")))
            assert told[0] == told[1]
        with pytest.raises(Refusal) as caught:
            catalogue.require_shown(tx, FLOWS, BIKES)
        assert caught.value.code == "CAT-424"
        catalogue.require_shown(tx, FLOWS, LAB)


def reports(world: Neighbours) -> list[list[str]]:
    """What the group has told function nodes that it lists, one after the other."""
    with world.stores["data-group"].read() as tx:
        sent = [job["payload"] for job in open_jobs(tx) if job["kind"] == outbox.SEND]
    return [[entry["dataset"] for entry in one["body"]["entries"]] for one in sent if one["type"] == "catalogue.report"]


def test_what_only_members_see_is_not_reported_and_what_is_taken_back_is_told_by_itself(ready: Neighbours) -> None:
    space = space_of(ready, "city-lab")
    publish(ready)
    with ready.as_person("data-group") as tx:
        catalogue.show_in_spaces(tx, dataset=FLOWS, spaces=[space])
        catalogue.show_in_spaces(tx, dataset=FLOWS)
    assert reports(ready) == [], "nobody was told of it, so nobody need hear that it is gone"
    with ready.as_person("data-group") as tx:
        for _ in range(2):
            catalogue.report_catalogue(tx, function_node=node_code("data-bureau"))
    assert reports(ready) == [[FLOWS], [FLOWS]]
    assert len(acts(ready, "catalogue.reports_to")) == 1
    with ready.as_person("data-group") as tx:
        catalogue.show_in_spaces(tx, dataset=FLOWS, spaces=[space])
    assert reports(ready)[2:] == [[]]
    with ready.as_person("data-group") as tx:
        catalogue.show_in_spaces(tx, dataset=FLOWS)
        catalogue.suspend(tx, dataset=FLOWS, reason="a fault was found")
        catalogue.restore(tx, dataset=FLOWS, reason="it is mended")
        catalogue.withdraw(tx, dataset=FLOWS, reason="it is over")
    assert reports(ready)[3:] == [[FLOWS], [], [FLOWS], []]
    publish(ready, spaces=[space])
    assert reports(ready)[7:] == [[]]


def test_a_harvested_listing_for_members_goes_with_our_own_membership(world: Neighbours) -> None:
    """At the consumer: at once, and not with the next harvest."""
    with world.stores["city-lab"].begin(NODE) as tx:
        space = "space-of-the-group"
        tx.add(register_rows.spaces, {"id": space, "name": "n", "description": "", "platform": GROUP, "state": "open",
                                      "created_by": "", "at": tx.now})  # fmt: skip
        tx.add(register_rows.members, {"id": f"{space}/{LAB}", "space": space, "node": LAB, "party": "p",
                                       "state": "member", "reason": "", "decided_by": "", "at": tx.now})  # fmt: skip
        tx.add(register_rows.rosters, {"id": space, "serial": 1, "at": tx.now,
                                       "record": {"members": [{"node": LAB, "party": "p"}]}})  # fmt: skip
        items = [
            {"id": name, "title": name, "offers": [{"id": f"o-{name}", "policy": {}}], **more}
            for name, more in (("open", {}), ("inside", {"spaces": [space]}), ("odd", {"spaces": "not a list"}))
        ]
        catalogue.harvested(tx, sender=GROUP, datasets=items)

    def found() -> list[str]:
        with world.stores["city-lab"].read() as tx:
            return sorted(card["dataset"] for card in catalogue.find(tx))

    assert found() == ["inside", "odd", "open"]
    with world.stores["city-lab"].read() as tx:
        assert catalogue.found_offer(tx, provider=GROUP, dataset="inside", offer="o-inside")["dataset"] == "inside"
        assert next(card for card in catalogue.find(tx) if card["dataset"] == "inside")["spaces"] == [space]
    with world.as_person("city-lab") as tx:
        register.leave_space(tx, space=space, platform=GROUP)
    assert found() == ["odd", "open"]
    with world.stores["city-lab"].read() as tx, pytest.raises(Refusal) as caught:
        catalogue.found_offer(tx, provider=GROUP, dataset="inside", offer="o-inside")
    assert caught.value.code == "CAT-404"
