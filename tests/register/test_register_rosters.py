"""Rosters of logical spaces: signed by the platform, learned by members, believed from nobody else and never backwards."""

from __future__ import annotations

from typing import Any

import pytest
from register_country import Country, changed_past_the_log, in_tx

from datong.audit import service as audit
from datong.ground import signing
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register.model.rosters import Known
from datong.register.rules.rosters import roster_fault, shared

BUREAU, BIKES, TRAFFIC, GROUP = "data-bureau", "bike-company", "traffic-bureau", "data-group"
A, B, C = "node-a", "node-b", "node-c"


def known(**changes: Any) -> Known:
    return Known(
        **({"space": "s", "platform": C, "is_open": True, "own": "member", "members": frozenset({A, B})} | changes)
    )


@pytest.mark.parametrize(
    ("spaces", "me", "other", "expected"),
    [
        ([known()], A, B, {"s"}),
        ([known()], B, A, {"s"}),
        ([known()], A, "node-d", set()),  # no member
        ([known()], A, C, set()),  # to run a space is not to be a member of it
        ([known(platform=A, own="", members=frozenset({B}))], A, B, {"s"}),  # who runs it may offer in it
        ([known(is_open=False)], A, B, set()),
        ([known(platform=A, own="", is_open=False)], A, B, set()),
        ([known(own="left")], A, B, set()),  # we left: what we knew of the members no longer counts
        ([known(own="refused")], A, B, set()),
        ([known(own="applied")], A, B, set()),
        ([known(own="")], A, B, set()),
        ([known(members=frozenset({B}))], A, B, set()),  # the newest roster no longer names us
        ([known(members=frozenset())], A, B, set()),
        ([], A, B, set()),
        ([known(), known(space="t", members=frozenset({A}))], A, B, {"s"}),
        ([known(), known(space="t")], A, B, {"s", "t"}),
    ],
)
def test_two_share_a_space_when_both_are_of_it_now(
    spaces: list[Known], me: str, other: str, expected: set[str]
) -> None:
    assert shared(spaces, me, other) == expected


@pytest.fixture
def country(country: Country) -> Country:
    country.join(BIKES, TRAFFIC, GROUP)
    return country


def made(country: Country, at: str = BUREAU, name: str = "城市出行空间") -> str:
    return str(country.as_(at, "operator", register.create_space, name=name)["id"])


def let_in(country: Country, space: str, *members: str, at: str = BUREAU) -> None:
    for node in members:
        country.as_(node, "operator", register.apply_to_space, space=space, platform=country.code(at))
        country.post()
        decide(country, space, node, True, at)


def decide(country: Country, space: str, node: str, admit: bool, at: str = BUREAU) -> None:
    with country.stores[at].begin(country.person(at, "operator"), "register") as tx:
        register.decide_member(tx, space=space, node=country.code(node), admit=admit)
    country.post()


def sees(country: Country, at: str, other: str, *spaces: str) -> set[str]:
    """The spaces `at` shares with `other`, which it knows from the directory as soon as it has asked something."""
    country._know(at, country.code(other))
    with country.stores[at].read() as tx:
        return set(register.shared_spaces(tx, country.code(other), spaces))


def roster(country: Country, space: str, at: str = BUREAU) -> dict[str, Any]:
    from datong.register.store import national as rows

    with country.stores[at].read() as tx:
        row = tx.get(rows.rosters, space)
        assert row is not None
        return dict(row["record"])


def refused(country: Country, sender: str, record: Any, to: str = BIKES) -> str:
    with pytest.raises(Refusal) as caught:
        country.deliver(sender, "register.space_roster", {"record": record}, to)
    return caught.value.code


def acts(country: Country, node: str, act: str) -> int:
    with country.stores[node].read(country.person(node, "auditor")) as tx:
        return sum(row["act"] == act for row in audit.leaves(tx, limit=5000))


def test_members_learn_who_the_members_are_and_nobody_else_does(country: Country) -> None:
    space = made(country)
    assert sees(country, BUREAU, BIKES, space) == set()
    let_in(country, space, BIKES)
    assert sees(country, BUREAU, BIKES, space) == {space}
    assert sees(country, BIKES, TRAFFIC, space) == set()
    let_in(country, space, TRAFFIC)
    for one, other in ((BIKES, TRAFFIC), (TRAFFIC, BIKES), (BUREAU, TRAFFIC)):
        assert sees(country, one, other, space) == {space}
        assert sees(country, one, GROUP, space) == set()
    assert sees(country, GROUP, BIKES, space) == set()
    assert sees(country, BIKES, BUREAU, space) == set()
    assert sees(country, BIKES, TRAFFIC, "space-other") == set()
    with country.stores[GROUP].read() as tx:  # a node that the directory does not know
        assert register.shared_spaces(tx, "9" * 32, [space]) == frozenset()
    listed = {row["node"]: row["state"] for row in country.view(BIKES, register.space_members, space=space)}
    assert listed == {country.code(BIKES): "member", country.code(TRAFFIC): "member"}
    assert country.view(BIKES, register.spaces)[0]["members"] == 2
    assert roster(country, space)["serial"] == 2 and roster(country, space, BIKES) == roster(country, space)
    assert (acts(country, BUREAU, "register.space_roster_signed"), acts(country, BIKES, "register.space_roster_learned")) == (2, 2)  # fmt: skip
    assert [changed_past_the_log(country, node) for node in (BUREAU, BIKES, TRAFFIC)] == [[], [], []]


def removed(country: Country, space: str) -> None:
    decide(country, space, TRAFFIC, False)


def left(country: Country, space: str) -> None:
    country.as_(TRAFFIC, "operator", register.leave_space, space=space, platform=country.code(BUREAU))
    assert sees(country, TRAFFIC, BIKES, space) == set()  # at once, before the platform has heard of it
    country.post()


def closed(country: Country, space: str) -> None:
    country.as_(BUREAU, "operator", register.close_space, space=space, reason="结束")
    country.post()


def suspended(country: Country, _space: str) -> None:
    country.as_(BUREAU, "registrar", register.suspend_node, code=country.code(TRAFFIC), reason="查处")
    country.post()


@pytest.mark.parametrize("end", [removed, left, closed, suspended])
def test_who_is_removed_leaves_or_is_suspended_is_no_member_any_more(country: Country, end: Any) -> None:
    space = made(country)
    let_in(country, space, BIKES, TRAFFIC)
    assert sees(country, BIKES, TRAFFIC, space) == {space}
    end(country, space)
    assert sees(country, BIKES, TRAFFIC, space) == set()
    assert sees(country, BUREAU, TRAFFIC, space) == set()
    if end in (removed, left):  # what it knew of the others is no leave to deal with them
        assert sees(country, TRAFFIC, BIKES, space) == set()
        let_in(country, space, TRAFFIC)
        assert sees(country, BIKES, TRAFFIC, space) == {space}
    if end is suspended:
        country.as_(BUREAU, "registrar", register.reinstate_node, code=country.code(TRAFFIC), reason="整改完成")
        country.post()
        assert sees(country, BIKES, TRAFFIC, space) == {space}
    if end is closed:
        assert country.view(BIKES, register.spaces)[0]["state"] == "closed"
    assert changed_past_the_log(country, TRAFFIC) == []


def test_an_earlier_roster_played_again_after_a_removal_changes_nothing(country: Country) -> None:
    space = made(country)
    let_in(country, space, BIKES, TRAFFIC)
    earlier = roster(country, space)
    country.deliver(BUREAU, "register.space_roster", {"record": earlier}, BIKES)  # the newest again: nothing happens
    assert acts(country, BIKES, "register.space_roster_learned") == 2
    removed(country, space)
    assert refused(country, BUREAU, earlier) == "IDN-455"
    assert sees(country, BIKES, TRAFFIC, space) == set()
    same_serial = in_tx(country, BUREAU, lambda tx: signing.signed(tx, {**earlier, "serial": 3}))
    assert refused(country, BUREAU, same_serial) == "IDN-455"
    assert sees(country, BIKES, TRAFFIC, space) == set()


def test_a_decision_that_comes_late_or_is_played_again_makes_nobody_a_member(country: Country) -> None:
    space = made(country)
    let_in(country, space, BIKES, TRAFFIC)
    decided = {"space": space, "state": "member", "reason": "", "name": "城市出行空间"}
    for end in (removed, left):
        end(country, space)
        before = acts(country, TRAFFIC, "register.space_told")
        country.deliver(BUREAU, "register.space_decided", decided, TRAFFIC)
        assert acts(country, TRAFFIC, "register.space_told") == before
        assert sees(country, TRAFFIC, BIKES, space) == sees(country, BIKES, TRAFFIC, space) == set()
        let_in(country, space, TRAFFIC)
        assert sees(country, TRAFFIC, BIKES, space) == {space}


def test_a_forged_roster_is_not_believed(country: Country) -> None:
    space = made(country)
    let_in(country, space, BIKES)
    genuine = roster(country, space)
    intruder = {"node": country.code(TRAFFIC), "party": country.code(TRAFFIC)[1:19]}
    members = sorted([*genuine["members"], intruder], key=lambda one: one["node"])
    grown = {**genuine, "serial": 9, "members": members}
    assert refused(country, BUREAU, grown) == "IDN-455"  # the old signature over other content
    assert refused(country, BUREAU, {**grown, "signatures": []}) == "IDN-455"
    assert refused(country, BUREAU, {**grown, "signatures": "x"}) == "IDN-455"
    by_traffic = in_tx(country, TRAFFIC, lambda tx: signing.signed(tx, {**grown, "signatures": []}))
    assert refused(country, BUREAU, by_traffic) == "IDN-455"  # another node's key
    as_bureau = [
        {**one, "node": country.code(BUREAU), "party": country.code(BUREAU)[1:19]} for one in by_traffic["signatures"]
    ]
    assert refused(country, BUREAU, {**by_traffic, "signatures": as_bureau}) == "IDN-455"
    assert refused(country, TRAFFIC, by_traffic) == "IDN-450"  # it does not run the space
    assert refused(country, TRAFFIC, {**by_traffic, "platform": country.code(TRAFFIC)}) == "IDN-450"
    assert refused(country, TRAFFIC, genuine) == "IDN-450"  # the genuine one, but from a third
    assert sees(country, BIKES, TRAFFIC, space) == set()
    assert refused(country, BUREAU, genuine, to=GROUP) == "IDN-450"  # it never applied there


def test_a_space_of_the_same_name_is_another_space(country: Country) -> None:
    ours, theirs = made(country), made(country, at=GROUP)
    let_in(country, ours, BIKES)
    let_in(country, theirs, TRAFFIC, at=GROUP)
    assert sees(country, BIKES, TRAFFIC, ours, theirs) == set()
    over_ours = in_tx(country, GROUP, lambda tx: signing.signed(tx, {**roster(country, theirs, GROUP), "space": ours}))
    assert refused(country, GROUP, over_ours) == "IDN-450"
    let_in(country, theirs, BIKES, at=GROUP)
    assert sees(country, BIKES, TRAFFIC, ours, theirs) == {theirs}
    assert sees(country, BIKES, TRAFFIC, ours) == set()
    decide(country, theirs, TRAFFIC, False, at=GROUP)
    let_in(country, ours, TRAFFIC)
    assert sees(country, BIKES, TRAFFIC, ours, theirs) == {ours}


GOOD: dict[str, Any] = {
    "schema": "datong.space-roster/1", "space": "space-1", "platform": "p", "name": "空间", "state": "open", "serial": 1,
    "members": [], "issued_at": "2026-03-02T00:00:00Z", "signatures": [],
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "other/1"}, {"extra": 1}, {"serial": 0}, {"serial": True}, {"serial": 2**31}, {"issued_at": "x" * 41}, {"serial": "1"}, {"name": " "},
        {"name": "x" * 101}, {"name": None}, {"state": "ajar"}, {"state": None}, {"platform": "q"}, {"members": {}},
        {"members": ["x"]}, {"members": [{"node": "x", "party": "y"}]}, {"members": [{"node": 5, "party": "y"}]},
        {"members": [{"node": "x"}]}, {"members": [None] * 10_001},
    ],
)  # fmt: skip
def test_a_roster_of_a_wrong_form_is_named_wrong(changes: dict[str, Any]) -> None:
    assert roster_fault(GOOD, "p") is None
    assert roster_fault({**GOOD, **changes}, "p") is not None
    for not_one in (None, [], "x", {}):
        assert roster_fault(not_one, "p") is not None


def test_members_stand_once_and_in_order_with_their_own_party(country: Country) -> None:
    one, two = sorted(
        ({"node": country.code(name), "party": country.code(name)[1:19]} for name in (BIKES, TRAFFIC)),
        key=lambda member: member["node"],
    )
    assert roster_fault({**GOOD, "members": [one, two]}, "p") is None
    for wrong in ([two, one], [one, one], [{**one, "party": two["party"]}]):
        assert roster_fault({**GOOD, "members": wrong}, "p") is not None
