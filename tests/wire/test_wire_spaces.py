"""A listing for the members of a space: over the Dataspace Protocol a stranger finds nothing, by no road and no answer.

Three nodes: the provider runs one space and is a member of another, which a third node runs. Memberships are made by
the verbs and messages of the register.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import two_nodes
from datong.catalogue import service as catalogue
from datong.ground import jobs, outbox
from datong.ground.db import NODE, Actor
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.register import store as register_rows
from datong.wire.dsp.versions import PATH
from two_nodes import DATASET, NOW, POLICY, TERMS, Loop, Node, business_time, listed, supplied

OPEN, SPACED, OTHER = DATASET, "flows-members", "flows-other"


class World:
    """provider, consumer, platform, and the loop between the first two; `post` carries the register's messages."""

    def __init__(self, folder: Path) -> None:
        two_nodes.PARTY["platform"] = "91520100MA6PLAT001"
        self.provider, self.consumer, self.platform = (
            two_nodes._node(folder / name, name) for name in ("provider", "consumer", "platform")
        )
        self.nodes = (self.provider, self.consumer, self.platform)
        for at in self.nodes:
            with at.store.begin(NODE) as tx:
                for node in self.nodes:
                    tx.add(register_rows.nodes, {
                        "id": node.code, "party": node.party, "name": node.name, "address": node.address,
                        "kind": "connector", "public_key": node.key.public.text, "state": "active", "serial": 1,
                        "record": {}, "learned_at": NOW,
                    })  # fmt: skip
        supplied(self.provider)
        self.loop = Loop(self.provider, self.consumer)

    def post(self) -> None:
        while sum(jobs.Worker(node.store, {outbox.SEND: self._carrier(node)}).run_due() for node in self.nodes):
            pass

    def _carrier(self, sender: Node) -> Any:
        def carry(job: jobs.Job) -> None:
            to = next(node for node in self.nodes if node.code == job.payload["to"])
            receive = getattr(register, "received_" + job.payload["type"].partition(".")[2])
            with to.store.begin(Actor("", "peer", sender.party, sender.code), "register") as tx:
                receive(tx, sender=sender.code, body=json.loads(json.dumps(job.payload["body"])))

        return carry

    def space(self, at: Node) -> str:
        with at.as_("operator") as tx:
            return str(register.create_space(tx, name="出行空间")["id"])

    def let_in(self, space: str, platform: Node, member: Node) -> None:
        with member.as_("operator") as tx:
            register.apply_to_space(tx, space=space, platform=platform.code)
        self.post()
        self.decide(space, platform, member, True)

    def decide(self, space: str, platform: Node, member: Node, admit: bool) -> None:
        with platform.as_("operator") as tx:
            register.decide_member(tx, space=space, node=member.code, admit=admit)
        self.post()

    def show(self, dataset: str, *spaces: str) -> dict[str, Any]:
        with self.provider.as_("product_manager") as tx:
            return catalogue.show_in_spaces(tx, dataset=dataset, spaces=list(spaces))

    def seen(self) -> tuple[list[str], int]:
        """(datasets of all pages as the consumer reads them, how many pages there were)."""
        found, url, pages = [], f"{self.provider.address}{PATH}/catalog/request", 0
        body: Any = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}
        while url:
            answer = self.loop.call(self.consumer, "POST", url, body)
            assert answer.status == 200, answer.body
            found += [item["@id"] for item in json.loads(answer.body).get("dataset", [])]
            pages += 1
            link = answer.headers.get("link", "")
            url = next((part.split(">")[0][1:] for part in link.split(", ") if 'rel="next"' in part), "")
        return found, pages

    def dataset(self, dataset: str) -> tuple[int, str]:
        answer = self.loop.call(self.consumer, "GET", f"{self.provider.address}{PATH}/catalog/datasets/{dataset}")
        return answer.status, answer.body.decode()

    def asked(self, offer: dict[str, Any], dataset: str, offer_id: str) -> dict[str, Any]:
        """The consumer's negotiation over an offer, at its end."""
        with self.consumer.as_("analyst") as tx:
            made = negotiate.request(
                tx, provider=self.provider.code, dataset=dataset, offer_id=offer_id, purpose="industry_development",
                offer=offer,
            )  # fmt: skip
        self.loop.run()
        with self.consumer.store.read(self.consumer.by("auditor")) as tx:
            return negotiate.negotiation(tx, id=made["id"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for node in world.nodes:
        node.store.dispose()


def offered(world: World, dataset: str) -> dict[str, Any]:
    from dataclasses import replace

    policy, terms = replace(POLICY, id=f"offer-{dataset}"), {**TERMS, "product": dataset}
    return listed(world.provider, dataset, policy=policy, terms=terms)


def blind(answer: tuple[int, str], *words: str) -> tuple[int, str]:
    """An answer with the words taken out in which two honest ones may differ."""
    text = answer[1]
    for word in words:
        text = text.replace(word, "X")
    return answer[0], text


@pytest.mark.parametrize("runs_it", ["provider", "platform"])
def test_only_members_see_a_listing_of_their_space_and_may_ask_for_it(world: World, runs_it: str) -> None:
    platform = world.provider if runs_it == "provider" else world.platform
    space = world.space(platform)
    if platform is not world.provider:
        world.let_in(space, platform, world.provider)
    listed(world.provider)
    offer = offered(world, SPACED)
    assert world.seen() == ([SPACED, OPEN], 1)
    assert world.show(SPACED, space) == {"dataset": SPACED, "spaces": [space]}

    assert world.seen() == ([OPEN], 1)
    hidden, unknown = world.dataset(SPACED), world.dataset("never-was")
    assert hidden[0] == 404
    assert blind(hidden, SPACED) == blind(unknown, "never-was")
    refused, never = world.asked(offer, SPACED, f"offer-{SPACED}"), world.asked(offer, "never-was", "offer-never-was")
    assert refused["state"] == never["state"] == "TERMINATED"
    told, of_none = json.dumps(refused["reason"]), json.dumps(never["reason"])
    assert told.replace(SPACED, "X") == of_none.replace("never-was", "X")
    assert refused["reason"]["code"] == "CTR-407"

    world.let_in(space, platform, world.consumer)
    assert world.seen() == ([SPACED, OPEN], 1)
    assert world.dataset(SPACED)[0] == 200
    concluded = world.asked(offer, SPACED, f"offer-{SPACED}")
    assert concluded["state"] == "FINALIZED"

    world.decide(space, platform, world.consumer, False)
    assert world.seen() == ([OPEN], 1)
    assert blind(world.dataset(SPACED), SPACED) == blind(unknown, "never-was")
    assert world.asked(offer, SPACED, f"offer-{SPACED}")["reason"]["code"] == "CTR-407"
    assert [row["state"] for row in world.provider.agreements()] == ["FINALIZED"]  # what was concluded stays


def test_pages_have_no_gaps_where_something_is_hidden(world: World) -> None:
    space = world.space(world.provider)
    for number in range(7):
        offered(world, f"flows-{number}")
    assert world.seen() == ([f"flows-{n}" for n in range(7)], 4)
    for number in (0, 1, 2, 4, 6):
        world.show(f"flows-{number}", space)
    assert world.seen() == (["flows-3", "flows-5"], 1)  # as a provider of two, not four pages of which some are thin


def test_a_member_of_another_space_of_the_same_name_sees_nothing_of_it(world: World) -> None:
    ours, theirs, both = world.space(world.provider), world.space(world.platform), world.space(world.provider)
    world.let_in(theirs, world.platform, world.consumer)
    offered(world, SPACED), offered(world, OTHER)
    world.show(SPACED, ours)
    with pytest.raises(Refusal) as caught:  # the provider is not of that space, so it cannot offer in it
        world.show(OTHER, theirs, "space-none")
    assert (caught.value.code, len(caught.value.problems)) == ("CAT-425", 2)
    assert world.seen() == ([OTHER], 1)
    world.let_in(theirs, world.platform, world.provider)
    world.show(OTHER, theirs, both)
    assert world.seen() == ([OTHER], 1)
    facts = json.loads(world.dataset(OTHER)[1])["datong:facts"]
    assert facts["spaces"] == [theirs]  # and not the other space it is offered in, which is none of the consumer's
    world.show(OTHER, both)
    assert world.seen() == ([], 1)
    world.show(OTHER)
    assert world.seen() == ([OTHER], 1)
    assert "spaces" not in json.loads(world.dataset(OTHER)[1])["datong:facts"]


def test_when_the_provider_leaves_or_the_space_is_closed_nobody_sees_it(world: World) -> None:
    space = world.space(world.platform)
    for member in (world.provider, world.consumer):
        world.let_in(space, world.platform, member)
    offered(world, SPACED)
    world.show(SPACED, space)
    assert world.seen()[0] == [SPACED]
    with world.provider.as_("operator") as tx:
        register.leave_space(tx, space=space, platform=world.platform.code)
    assert world.seen()[0] == []  # at once, before anybody has heard of it
    world.post()
    world.let_in(space, world.platform, world.provider)
    assert world.seen()[0] == [SPACED]
    with world.platform.as_("operator") as tx:
        register.close_space(tx, space=space, reason="期满")
    world.post()
    assert world.seen()[0] == []
    with world.provider.as_("product_manager") as tx:  # its own people see it, and where it is shown
        (row,) = catalogue.listings(tx)
        assert (row["dataset"], row["spaces"]) == (SPACED, [space])
    with pytest.raises(Refusal) as caught:
        world.show(SPACED, space)
    assert caught.value.code == "CAT-425"


def test_a_suspended_node_sees_no_more(world: World) -> None:
    space = world.space(world.provider)
    world.let_in(space, world.provider, world.consumer)
    offered(world, SPACED)
    world.show(SPACED, space)
    assert world.seen()[0] == [SPACED]
    with world.provider.store.begin(NODE) as tx:
        tx.change(register_rows.nodes, world.consumer.code, state="suspended")
    assert world.seen()[0] == []
    assert world.dataset(SPACED)[0] == 404


def test_the_offer_of_another_dataset_is_no_way_round(world: World) -> None:
    """A request that names a listing everybody sees and means the hidden one is answered as for one that never was."""
    space = world.space(world.provider)
    everybody = listed(world.provider)
    offered(world, SPACED)
    world.show(SPACED, space)
    hidden = world.asked(everybody, SPACED, two_nodes.OFFER)
    never = world.asked(everybody, "never-was", two_nodes.OFFER)
    assert json.dumps(hidden["reason"]).replace(SPACED, "X") == json.dumps(never["reason"]).replace("never-was", "X")
    assert hidden["reason"]["code"] == "CTR-415"


def test_who_is_removed_while_a_person_considers_gets_no_contract(world: World) -> None:
    space = world.space(world.provider)
    world.let_in(space, world.provider, world.consumer)
    offer = listed(world.provider, agree="person")
    world.show(OPEN, space)
    with world.consumer.as_("analyst") as tx:
        negotiate.request(
            tx, provider=world.provider.code, dataset=OPEN, offer_id=two_nodes.OFFER, purpose="industry_development",
            offer=offer,
        )  # fmt: skip
    world.loop.run()
    waits = world.provider.negotiation()
    assert waits["state"] == "REQUESTED"
    world.decide(space, world.provider, world.consumer, False)
    with pytest.raises(Refusal) as caught, world.provider.as_("product_manager") as tx:
        negotiate.agree(tx, negotiation=waits["id"])
    assert caught.value.code == "CAT-424"  # the provider's own person is told why
    assert space in str(caught.value)
    with pytest.raises(Refusal) as caught, world.provider.as_("product_manager") as tx:
        negotiate.offer(tx, policy=offer["policy"], terms=offer["terms"], consumer=world.consumer.code, dataset=OPEN)
    assert caught.value.code == "CAT-424"
    world.let_in(space, world.provider, world.consumer)
    with world.provider.as_("product_manager") as tx:
        negotiate.agree(tx, negotiation=waits["id"])
    world.loop.run()
    assert world.provider.negotiation()["state"] == "FINALIZED"


def test_who_is_removed_before_it_accepts_an_offer_gets_no_contract(world: World) -> None:
    space = world.space(world.provider)
    world.let_in(space, world.provider, world.consumer)
    offer = listed(world.provider)
    world.show(OPEN, space)
    with world.provider.as_("product_manager") as tx:
        negotiate.offer(tx, policy=offer["policy"], terms=offer["terms"], consumer=world.consumer.code, dataset=OPEN)
    world.loop.run()
    world.decide(space, world.provider, world.consumer, False)
    with world.consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=world.consumer.negotiation()["id"])
    world.loop.run()
    ended = world.consumer.negotiation()
    assert (ended["state"], ended["reason"]["code"]) == ("TERMINATED", "CTR-415")
    assert world.consumer.agreements() == []


def test_nothing_is_asked_of_memberships_where_no_listing_is_bound(world: World) -> None:
    listed(world.provider)
    business_time(world.provider, 1)
    with world.provider.store.begin(NODE) as tx:
        tx.execute(register_rows.nodes.delete().where(register_rows.nodes.c.id == world.consumer.code))
    assert world.seen()[0] == [OPEN]  # a peer the directory does not know (another make, proved by a credential)
