"""Logical spaces: made, changed, joined by approval, left, closed."""

from __future__ import annotations

import pytest
from register_country import Country, changed_past_the_log
from sqlalchemy import delete

from datong.ground.db import NODE
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register.store import national as rows

BUREAU, BIKES, TRAFFIC = "data-bureau", "bike-company", "traffic-bureau"


@pytest.fixture
def joined(country: Country) -> Country:
    country.join(BIKES, TRAFFIC)
    return country


def made(country: Country) -> str:
    space = country.as_(BUREAU, "operator", register.create_space, name="城市出行空间", description="贵阳")
    return str(space["id"])


def asked(country: Country, space: str, node: str = BIKES) -> None:
    given = {"space": space, "platform": country.code(BUREAU), "reason": "共享行程"}
    country.as_(node, "operator", register.apply_to_space, **given)
    country.post()


def belongs(country: Country, space: str, node: str = BIKES) -> bool:
    with country.stores[BUREAU].read() as tx:
        return register.is_member(tx, space, country.code(node))


def decide(country: Country, space: str, node: str, admit: bool) -> None:
    with country.stores[BUREAU].begin(country.person(BUREAU, "operator"), "register") as tx:
        register.decide_member(tx, space=space, node=country.code(node), admit=admit, reason="依申请")
    country.post()


def test_a_member_joins_by_approval_and_leaves(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    (row,) = joined.view(BUREAU, register.space_members, space=space)
    assert (row["state"], row["reason"]) == ("applied", "共享行程")
    assert not belongs(joined, space)
    decide(joined, space, BIKES, True)
    assert belongs(joined, space)
    (here,) = joined.view(BIKES, register.spaces)
    assert (here["name"], here["platform"], here["members"]) == ("城市出行空间", joined.code(BUREAU), 1)
    (listed,) = joined.view(BUREAU, register.spaces)
    assert (listed["members"], listed["members_running"]) == (1, 0)
    with joined.stores[BUREAU].begin(joined.person(BUREAU, "operator"), "register") as tx:
        register.heard_beat(tx, node=joined.code(BIKES))
    assert joined.view(BUREAU, register.spaces)[0]["members_running"] == 1
    joined.as_(BIKES, "operator", register.leave_space, space=space, platform=joined.code(BUREAU))
    joined.post()
    assert not belongs(joined, space)
    assert [changed_past_the_log(joined, node) for node in (BUREAU, BIKES)] == [[], []]


def test_a_refused_application_says_why_and_may_be_made_again(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, False)
    (row,) = joined.view(BIKES, register.space_members, space=space)
    assert (row["state"], row["reason"]) == ("refused", "依申请")
    with pytest.raises(Refusal) as caught:
        decide(joined, space, BIKES, True)
    assert caught.value.code == "IDN-452"
    asked(joined, space)
    decide(joined, space, BIKES, True)
    assert belongs(joined, space)


def test_a_space_is_changed_and_closed_by_its_platform_only(joined: Country) -> None:
    space = made(joined)
    joined.as_(BUREAU, "operator", register.change_space, space=space, name="出行空间", description="")
    assert joined.view(BUREAU, register.spaces)[0]["name"] == "出行空间"
    for node, call, given in (
        (BIKES, register.change_space, {"space": space, "name": "x"}),
        (BIKES, register.close_space, {"space": space, "reason": "x"}),
        (BUREAU, register.change_space, {"space": "space-none", "name": "x"}),
    ):
        with pytest.raises(Refusal) as caught:
            joined.as_(node, "operator", call, **given)
        assert caught.value.code == "IDN-450"
    asked(joined, space)
    decide(joined, space, BIKES, True)
    joined.as_(BUREAU, "operator", register.close_space, space=space, reason="结束")
    assert not belongs(joined, space)
    asked(joined, space, TRAFFIC)
    assert [refusal.code for refusal in joined.refused] == ["IDN-450"]


@pytest.mark.parametrize(("name", "description"), [("", ""), ("名" * 101, ""), ("x", "x" * 2001)])
def test_a_space_needs_a_name(joined: Country, name: str, description: str) -> None:
    with pytest.raises(Refusal) as caught:
        joined.as_(BUREAU, "operator", register.create_space, name=name, description=description)
    assert (caught.value.code, len(caught.value.problems)) == ("IDN-451", 1)


def test_a_stranger_cannot_tell_a_node_about_a_space_it_belongs_to(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, True)
    told = {"space": space, "state": "refused", "reason": "x", "name": "y"}
    with pytest.raises(Refusal) as caught:
        joined.deliver(TRAFFIC, "register.space_decided", told, BIKES)
    assert caught.value.code == "IDN-450"


@pytest.mark.parametrize(
    ("body", "code"),
    [({"space": "space-of-mine"}, "IDN-450"), ({"space": None}, "IDN-450"), ({}, "IDN-450"),
     ({"state": "king", "name": "y"}, "IDN-451"), ({"state": "member", "name": None}, "IDN-451")],
)  # fmt: skip
def test_nobody_is_made_a_member_of_what_it_did_not_ask_for(
    joined: Country, body: dict[str, object], code: str
) -> None:
    space = made(joined)
    asked(joined, space)
    told = {"space": space, "state": "member", "reason": "", "name": "y", **body}
    if body == {}:
        joined.as_(BUREAU, "operator", register.create_space, name="other", description="")
        told["space"] = "space-nobody-asked-for"
    with pytest.raises(Refusal) as caught:
        joined.deliver(BUREAU, "register.space_decided", told, BIKES)
    assert caught.value.code == code
    assert not belongs(joined, space)


def test_the_state_of_a_space_is_reported_to_the_function_node_by_who_runs_it(joined: Country) -> None:
    given = {"name": "出行空间", "description": ""}
    space = joined.as_(BIKES, "operator", register.create_space, **given)["id"]
    for node in (BIKES, TRAFFIC):  # the second runs none
        joined.as_(node, "operator", register.report_running, function_node=joined.code(BUREAU))
    joined.post()
    told = {row["node"]: row["body"]["spaces"] for row in joined.as_(BUREAU, "operator", register.connector_reports)}
    state = {"space": space, "name": "出行空间", "state": "open", "members": 0}
    assert told == {joined.code(BIKES): [state], joined.code(TRAFFIC): []}


def own(country: Country, space: str, node: str = BIKES) -> bool:
    """Whether a member itself takes itself for one, by which it shows and sees what is for members."""
    with country.stores[node].read() as tx:
        return space in register.own_spaces(tx, [space])


def test_a_member_that_applies_again_stays_a_member(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, True)
    asked(joined, space)
    assert (belongs(joined, space), own(joined, space)) == (True, True)


def test_a_member_that_forgot_that_it_is_one_is_told_again(joined: Country) -> None:
    """Its store was put back to a day before it applied."""
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, True)
    with joined.stores[BIKES].begin(NODE) as tx:
        for table in (rows.spaces, rows.members, rows.rosters):
            tx.execute(delete(table))
    asked(joined, space)
    assert (belongs(joined, space), own(joined, space), joined.refused) == (True, True, [])


def test_who_leaves_names_the_platform_it_joined_and_nothing_is_left_that_was_not_joined(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, True)
    for named, platform in ((space, joined.code(TRAFFIC)), ("space-never", joined.code(BUREAU)), ("x" * 200, "y")):
        with pytest.raises(Refusal) as caught:
            joined.as_(BIKES, "operator", register.leave_space, space=named, platform=platform)
        assert caught.value.code == "IDN-450"
    joined.post()
    assert (belongs(joined, space), own(joined, space)) == (True, True)


def test_a_member_leaves_a_space_whose_end_it_has_not_heard_of(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    decide(joined, space, BIKES, True)
    joined.as_(BIKES, "operator", register.leave_space, space=space, platform=joined.code(BUREAU))
    joined.as_(BUREAU, "operator", register.close_space, space=space, reason="试运行结束")
    joined.post()
    assert (belongs(joined, space), own(joined, space), joined.refused) == (False, False, [])
    (row,) = joined.view(BUREAU, register.space_members, space=space)
    assert row["state"] == "left"


def test_a_mistaken_platform_does_not_bar_the_way_to_the_right_one(joined: Country) -> None:
    space = made(joined)
    with pytest.raises(Refusal) as caught:
        joined.as_(BIKES, "operator", register.apply_to_space, space=space, platform="nobody")
    assert caught.value.code == "IDN-450"
    joined.as_(BIKES, "operator", register.apply_to_space, space=space, platform=joined.code(TRAFFIC))
    joined.post()
    asked(joined, space)
    decide(joined, space, BIKES, True)
    assert own(joined, space)
    with pytest.raises(Refusal):  # the platform that answered stays the one
        joined.as_(BIKES, "operator", register.apply_to_space, space=space, platform=joined.code(TRAFFIC))


def test_who_waits_to_be_let_in_hears_that_the_space_was_closed(joined: Country) -> None:
    space = made(joined)
    asked(joined, space)
    joined.as_(BUREAU, "operator", register.close_space, space=space, reason="试运行结束")
    joined.post()
    for node in (BUREAU, BIKES):
        (row,) = joined.view(node, register.space_members, space=space)
        assert (row["state"], row["reason"]) == ("refused", "试运行结束"), node
