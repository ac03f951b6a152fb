"""Instruments between real nodes: drafted, decided, signed, counter-signed, filed, copied, withdrawn; clearance
follows at every node; forged, altered, replayed and foreign documents are refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from datong.authorise import service as authorise
from datong.authorise import store
from datong.authorise.model import AGREEMENT_ITEMS, PLAN_ITEMS
from datong.ground import codes, evidence, signing
from datong.ground.canonical import digest
from datong.ground.refusal import Kind, Refusal
from datong.register import store as register_store
from datong.terms.policy import Policy, Rule
from neighbours import PARTIES, Neighbours, node_code

PURPOSE = "industry_development"
GATES, TRIPS = "R-GATES", "R-TRIPS"
TERM = {"from_at": "2026-03-01", "until_at": "2028-03-01"}
PLAN = dict.fromkeys(PLAN_ITEMS, "x")
AGREEMENT = {**dict.fromkeys(AGREEMENT_ITEMS, "x"), "selection": "public_tender"}
BASIS = {"ground": "statutory_duty", "impact_assessment": "PIA-2026-1"}
ACTS = ["build", "list", "deliver"]


@pytest.fixture
def world(tmp_path: Path) -> Neighbours:
    world = Neighbours(tmp_path)
    world.register("resource", GATES, "traffic-bureau", public_data=True)
    world.register("resource", TRIPS, "bike-company")
    return world


def party(name: str) -> str:
    return PARTIES[name][0]


def draft(world: Neighbours, at: str, kind: str, resources: list[str], **more: Any) -> str:
    asked: dict[str, Any] = {"kind": kind, "resources": resources, "purposes": [PURPOSE], **TERM, **more}
    with world.as_person(at) as tx:
        return str(authorise.draft(tx, **asked)["id"])


def do(world: Neighbours, at: str, verb: str, instrument: str, person: str = "p-1", **more: Any) -> dict[str, Any]:
    with world.as_person(at, person) as tx:
        made: dict[str, Any] = getattr(authorise, verb)(tx, instrument=instrument, **more)
        return made


def simple(world: Neighbours, at: str, kind: str, resource: str, copies: list[str], **more: Any) -> str:
    made = draft(world, at, kind, [resource], copies_to=[node_code(name) for name in copies], **more)
    do(world, at, "sign", made, person="p-2")
    world.carry()
    return made


def decided(world: Neighbours, instrument: str, at: str = "data-bureau") -> None:
    do(world, at, "decide_collectively", instrument, minutes="M-1", persons=["p-1", "p-2"])


def everything(world: Neighbours) -> dict[str, str]:
    """All rights of the scenario; ids by kind (and owner)."""
    made = {
        "consent": simple(world, "traffic-bureau", "consent", GATES, ["data-group"], grantee_party=party("data-bureau"),
                          grantee_node=node_code("data-bureau")),
        "basis gates": simple(world, "traffic-bureau", "legal_basis", GATES, ["data-group", "data-bureau"], items=BASIS),
        "data_use": simple(world, "bike-company", "data_use", TRIPS, [], grantee_party=party("data-group"),
                           grantee_node=node_code("data-group"), acts=ACTS),
        "basis trips": simple(world, "bike-company", "legal_basis", TRIPS, ["data-group"], items=BASIS),
    }  # fmt: skip
    plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN)
    decided(world, plan)
    do(world, "data-bureau", "approve", plan, person="p-2")
    do(world, "data-bureau", "file", plan, filing_ref="F-1")
    agreement = draft(world, "data-bureau", "agreement", [GATES], items=AGREEMENT, parents=[plan],
                      grantee_party=party("data-group"), grantee_node=node_code("data-group"),
                      copies_to=[node_code("traffic-bureau")])  # fmt: skip
    decided(world, agreement)
    do(world, "data-bureau", "sign", agreement, person="p-2")
    world.carry()
    do(world, "data-group", "countersign", agreement)
    world.carry()
    do(world, "data-bureau", "file", agreement, filing_ref="F-2")
    world.carry(times=2)
    return {**made, "plan": plan, "agreement": agreement}


def gaps(world: Neighbours, at: str, *inputs: str, act: str = "build", purpose: str = PURPOSE) -> list[str]:
    with world.as_person(at) as tx:
        return [problem.en for problem in authorise.clearance(tx, inputs=list(inputs), purpose=purpose, act=act)]


def test_the_whole_chain_clears_every_node_that_needs_it(world: Neighbours) -> None:
    assert len(gaps(world, "data-group", GATES, TRIPS)) == 5
    made = everything(world)
    for act in ACTS:
        assert gaps(world, "data-group", GATES, TRIPS, act=act) == []
        assert gaps(world, "traffic-bureau", GATES, act=act) == []
        assert gaps(world, "bike-company", TRIPS, act=act) == []
    with world.as_person("data-group") as tx:
        authorise.require_clearance(tx, inputs=[GATES, TRIPS], purpose=PURPOSE, act="deliver")
        asked = {"inputs": [GATES, TRIPS], "operator": party("data-group")}
        assert authorise.implementing_parties(tx, **asked) == {party("data-bureau")}
        assert authorise.implementing_parties(tx, inputs=[TRIPS, "R-NONE"], operator=party("data-group")) == set()
        copy_here = authorise.instrument(tx, instrument=made["agreement"])
        assert {s["party"] for s in copy_here["signatures"]} == {party("data-bureau"), party("data-group")}
        assert copy_here["state"] == "IN_FORCE"
    assert gaps(world, "data-group", GATES, purpose="credit_scoring")


@pytest.mark.parametrize(
    ("which", "at", "resource", "owner"),
    [
        ("consent", "traffic-bureau", GATES, "traffic-bureau"),
        ("basis gates", "traffic-bureau", GATES, "traffic-bureau"),
        ("agreement", "data-bureau", GATES, "traffic-bureau"),
        ("data_use", "bike-company", TRIPS, "bike-company"),
        ("basis trips", "bike-company", TRIPS, "bike-company"),
    ],
)
def test_withdrawing_any_one_stops_build_listing_and_delivery(
    world: Neighbours, which: str, at: str, resource: str, owner: str
) -> None:
    made = everything(world)
    do(world, at, "withdraw", made[which], reason="purpose abandoned")
    world.carry()
    for act in ACTS:
        for node in ("data-group", owner):
            (problem,) = gaps(world, node, resource, act=act)
            assert made[which] in problem
            assert "WITHDRAWN" in problem
    with world.as_person("data-group") as tx, pytest.raises(Refusal) as refused:
        authorise.require_clearance(tx, inputs=[GATES, TRIPS], purpose=PURPOSE, act="list")
    assert refused.value.code == "AUT-507"
    assert len(refused.value.problems) == 1


def test_a_late_copy_does_not_revive_a_withdrawn_right(world: Neighbours) -> None:
    made = draft(world, "bike-company", "data_use", [TRIPS], grantee_party=party("data-group"), acts=ACTS,
                 grantee_node=node_code("data-group"))  # fmt: skip
    do(world, "bike-company", "sign", made, person="p-2")
    (granted,) = world.outgoing("bike-company")
    do(world, "bike-company", "withdraw", made, reason="error")
    world.carry()
    world.deliver("data-group", "bike-company", granted["type"], granted["body"])  # a recorded message, again
    with world.as_person("data-group") as tx:
        assert authorise.instrument(tx, instrument=made)["state"] == "WITHDRAWN"


def test_terms_end_by_the_business_clock_without_any_message(world: Neighbours) -> None:
    made = everything(world)
    world.at("2028-03-02T00:00:00Z")
    assert len(gaps(world, "data-group", GATES, TRIPS)) == 5
    with world.as_person("traffic-bureau") as tx:
        assert authorise.ENDS[0].all(tx) == 2
        assert authorise.ENDS[0].all(tx) == 0
        assert authorise.instrument(tx, instrument=made["consent"])["state"] == "EXPIRED"
    world.carry()
    with world.as_person("data-group") as tx:
        assert authorise.instrument(tx, instrument=made["consent"])["state"] == "EXPIRED"


def test_suspended_and_resumed(world: Neighbours) -> None:
    made = everything(world)
    do(world, "data-bureau", "suspend", made["agreement"], reason="inspection")
    world.carry()
    assert len(gaps(world, "traffic-bureau", GATES)) == 1
    do(world, "data-bureau", "resume", made["agreement"], reason="done")
    world.carry()
    assert gaps(world, "traffic-bureau", GATES) == []


def refused_with(code: str, call: Any, *args: Any, **named: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        call(*args, **named)
    assert refused.value.code == code
    return refused.value


def test_an_agreement_needs_plan_registration_and_consent_in_this_order(world: Neighbours) -> None:
    def fresh() -> str:
        made = draft(world, "data-bureau", "agreement", [GATES], items=AGREEMENT, grantee_party=party("data-group"),
                     grantee_node=node_code("data-group"))  # fmt: skip
        decided(world, made)
        return made

    made = fresh()
    refused_with("AUT-510", do, world, "data-bureau", "sign", made)
    refused_with("AUT-502", do, world, "data-bureau", "sign", made, person="p-2")
    plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN)
    decided(world, plan)
    refused_with("AUT-510", do, world, "data-bureau", "approve", plan)  # by its own drafter
    do(world, "data-bureau", "approve", plan, person="p-2")
    do(world, "data-bureau", "file", plan, filing_ref="F-1")
    world.register("resource", GATES, "traffic-bureau", public_data=True, state="PUBLICISED")
    refused_with("AUT-503", do, world, "data-bureau", "sign", made, person="p-2")
    world.register("resource", GATES, "traffic-bureau", public_data=True, grade=0)
    refused_with("AUT-503", do, world, "data-bureau", "sign", made, person="p-2")
    world.register("resource", GATES, "traffic-bureau", public_data=True)
    refused_with("AUT-504", do, world, "data-bureau", "sign", made, person="p-2")
    simple(world, "traffic-bureau", "consent", GATES, [], grantee_party=party("data-bureau"),
           grantee_node=node_code("data-bureau"))  # fmt: skip
    assert do(world, "data-bureau", "sign", made, person="p-2")["state"] == "OFFERED"


def test_a_right_is_drafted_over_registered_data_of_ones_own(world: Neighbours) -> None:
    """A code that is mistyped, or of somebody else, would be signed and give no right to anything."""
    to = {"grantee_party": party("data-group"), "grantee_node": node_code("data-group"), "acts": ACTS}
    for kind in ("data_use", "consent"):
        wrong = refused_with(
            "AUT-400", draft, world, "bike-company", kind, [TRIPS, GATES, "R-TIRPS", "res-R-TRIPS"], **to
        )
        assert [problem.where.rpartition(" ")[2] for problem in wrong.problems] == [GATES, "R-TIRPS", "res-R-TRIPS"]
        assert draft(world, "bike-company", kind, [TRIPS], **to)


def test_a_plan_of_another_body_or_of_a_past_term_plans_nothing(world: Neighbours) -> None:
    """A friend files a plan over the bureau's data and sends it: an agreement needs the plan of who grants it."""
    simple(world, "traffic-bureau", "consent", GATES, [], grantee_party=party("data-bureau"),
           grantee_node=node_code("data-bureau"), until_at="2032-03-01")  # fmt: skip
    foreign = draft(world, "city-lab", "plan", [GATES], items=PLAN, copies_to=[node_code("data-bureau")])
    decided(world, foreign, "city-lab")
    do(world, "city-lab", "approve", foreign, person="p-2")
    do(world, "city-lab", "file", foreign, filing_ref="F-9")
    world.carry()
    with world.as_person("data-bureau") as tx:
        assert authorise.instrument(tx, instrument=foreign)["state"] == "FILED"
    made = draft(world, "data-bureau", "agreement", [GATES], items=AGREEMENT, grantee_party=party("data-group"),
                 grantee_node=node_code("data-group"), until_at="2029-03-01")  # fmt: skip
    decided(world, made)
    refused_with("AUT-502", do, world, "data-bureau", "sign", made, person="p-2")
    own = draft(world, "data-bureau", "plan", [GATES], items=PLAN)
    decided(world, own)
    do(world, "data-bureau", "approve", own, person="p-2")
    blank = refused_with("GEN-420", do, world, "data-bureau", "file", own, filing_ref=" ")
    assert [problem.where for problem in blank.problems] == ["filing_ref"]
    refused_with("GEN-413", do, world, "data-bureau", "file", own, filing_ref="F" * 201)
    do(world, "data-bureau", "file", own, filing_ref="F-1")
    world.at("2028-03-01T00:00:00Z")
    refused_with("AUT-502", do, world, "data-bureau", "sign", made, person="p-2")
    world.at("2029-03-01T00:00:00Z")
    over = refused_with("AUT-400", do, world, "data-bureau", "sign", made, person="p-2")
    assert [problem.where for problem in over.problems] == ["until_at"]
    world.at("2028-02-01T00:00:00Z")
    assert do(world, "data-bureau", "sign", made, person="p-2")["state"] == "OFFERED"


def test_a_plan_is_signed_by_its_filing_and_its_copies_follow_it(world: Neighbours) -> None:
    made = draft(world, "data-bureau", "plan", [GATES], items=PLAN, copies_to=[node_code("traffic-bureau")])
    decided(world, made)
    do(world, "data-bureau", "approve", made, person="p-2")
    assert world.outgoing("data-bureau") == []
    for deed, more, state in (
        ("file", {"filing_ref": "F-1"}, "FILED"), ("change", {"reason": "more data"}, "MAJOR_CHANGE"),
    ):  # fmt: skip
        assert do(world, "data-bureau", deed, made, **more)["state"] == state
        world.carry()
        with world.as_person("traffic-bureau") as tx:
            copied = authorise.instrument(tx, instrument=made)
        assert (copied["state"], [one["party"] for one in copied["signatures"]]) == (state, [party("data-bureau")])


def test_instruments_are_listed_in_parts(world: Neighbours) -> None:
    made = [draft(world, "data-bureau", "plan", [GATES], items=PLAN, title=str(number)) for number in range(4)]
    with world.as_person("data-bureau") as tx:
        assert {row["id"] for row in authorise.instruments(tx)} == set(made)
        parts = [row["id"] for at in (0, 3) for row in authorise.instruments(tx, limit=3, offset=at)]
        assert len(parts) == 4
        assert set(parts) == set(made)
        assert [row["id"] for row in authorise.instruments(tx, id=made[2])] == [made[2]]
        assert authorise.instruments(tx, kind="consent", id=made[2]) == []
        assert authorise.instrument(tx, instrument=made[0])["open"] == ["decide_collectively"]


def test_bad_drafts_and_wrong_order(world: Neighbours) -> None:
    wrong = refused_with("AUT-400", draft, world, "data-bureau", "agreement", [], items={}, purposes=["fun"])
    assert len(wrong.problems) == 1 + 1 + 2 + 13 + 1  # resources, purpose, grantee and its node, items, selection
    refused_with("AUT-400", draft, world, "data-bureau", "poem", [GATES])
    refused_with("AUT-400", draft, world, "data-bureau", "plan", [GATES], items=PLAN, from_at="soon")
    refused_with(
        "AUT-501", draft, world, "data-bureau", "agreement", [GATES], items=AGREEMENT,
        grantee_party=party("data-group"), grantee_node=node_code("data-group"), from_at="2026-03-02", until_at="2031-03-03",
    )  # fmt: skip
    plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN)
    refused_with("AUT-409", do, world, "data-bureau", "file", plan, filing_ref="F")
    decide = world, "data-bureau", "decide_collectively", plan
    refused_with("AUT-509", do, *decide, minutes="M", persons=["p-1", "p-1"])
    refused_with("GEN-420", do, *decide, minutes=" ", persons=["p-1", "p-2"])
    invented = refused_with("AUT-509", do, *decide, minutes="M", persons=["a", "p-1", "b"])
    assert [problem.where for problem in invented.problems] == ["a", "b"]
    with world.as_person("data-bureau") as tx:
        tx.change(register_store.people, "p-2", state="disabled")
    refused_with("AUT-509", do, *decide, minutes="M", persons=["p-1", "p-2"])
    refused_with("AUT-404", do, world, "data-group", "countersign", plan)


@pytest.mark.parametrize("nothing", [" ", "\n", True, 7, [], {}, None])
def test_an_item_of_the_articles_says_something(world: Neighbours, nothing: Any) -> None:
    asked = world, "data-bureau", "plan", [GATES]
    wrong = refused_with("AUT-400", draft, *asked, items={**PLAN, "security": nothing, "mode": nothing})
    assert sorted(problem.where for problem in wrong.problems) == ["items.mode", "items.security"]
    told = {**PLAN, "products": ["flows"], "term_construction": {"until": "2028"}}
    assert draft(*asked, items=told)


@pytest.mark.parametrize(
    ("term", "where"),
    [
        ({"from_at": "9996-01-01", "until_at": "9997-01-01"}, "until"),
        ({"from_at": "9999-12-31", "until_at": "9999-12-31T23:00:00+08:00"}, "until"),
        ({"from_at": "2020-01-01", "until_at": "2021-01-01"}, "until_at"),
        ({"from_at": "2020-01-01", "until_at": "2026-03-02"}, "until_at"),
    ],
)
@pytest.mark.parametrize("kind", ["agreement", "plan"])
def test_a_term_that_is_over_or_out_of_the_calendar_is_told(
    world: Neighbours, term: dict[str, str], where: str, kind: str
) -> None:
    to = {"grantee_party": party("data-group"), "grantee_node": node_code("data-group")} if kind == "agreement" else {}
    items = AGREEMENT if kind == "agreement" else PLAN
    wrong = refused_with("AUT-400", draft, world, "data-bureau", kind, [GATES], items=items, **to, **term)
    assert [problem.where for problem in wrong.problems] == [where]
    far = of_another_make(
        world, "agreement", "OFFERED", until="9999-12-31T23:59:59Z", **{"from": "9998-01-01T00:00:00Z"}
    )
    refused_with("AUT-400", world.deliver, "data-group", "data-bureau", "authorise.instrument", far)


def test_five_years_are_told_by_beijings_days(world: Neighbours) -> None:
    asked = {"items": AGREEMENT, "grantee_party": party("data-group"), "grantee_node": node_code("data-group")}
    term = {"from_at": "2026-06-01", "until_at": "2031-06-02"}
    wrong = refused_with("AUT-501", draft, world, "data-bureau", "agreement", [GATES], **asked, **term)
    assert "2026-06-01 to 2031-06-02" in str(wrong) and "Set the end to 2031-06-01" in str(wrong)
    assert draft(world, "data-bureau", "agreement", [GATES], **asked, **term | {"until_at": "2031-06-01"})


def test_an_agreement_is_in_force_from_its_first_day_and_waits_for_who_says_so(world: Neighbours) -> None:
    made = everything(world)
    later = draft(world, "data-bureau", "agreement", [GATES], items=AGREEMENT, parents=[made["plan"]],
                  grantee_party=party("data-group"), grantee_node=node_code("data-group"), from_at="2026-04-01")  # fmt: skip
    decided(world, later)
    do(world, "data-bureau", "sign", later, person="p-2")
    world.carry()
    do(world, "data-group", "countersign", later)
    world.carry()
    assert do(world, "data-bureau", "file", later, filing_ref="F-3")["state"] == "FILED"
    early = refused_with("AUT-410", do, world, "data-bureau", "commence", later)
    assert "2026-04-01" in str(early)
    assert later not in waiting(world)
    world.at("2026-04-01T02:00:00Z")
    assert later in waiting(world)
    assert do(world, "data-bureau", "commence", later)["state"] == "IN_FORCE"
    assert later not in waiting(world)


def waiting(world: Neighbours) -> list[str]:
    with world.as_person("data-bureau") as tx:
        return authorise.due(tx, 20)["authorise.instruments"]


@pytest.mark.parametrize("deed", ["suspend", "withdraw"])
def test_what_stops_a_right_states_its_reason(world: Neighbours, deed: str) -> None:
    made = everything(world)
    refused_with("GEN-420", do, world, "data-bureau", deed, made["agreement"], reason=" \n")
    assert gaps(world, "data-group", GATES) == []


def test_people_of_a_decision_are_named_by_login_too(world: Neighbours) -> None:
    plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN)
    with world.as_person("data-bureau") as tx:
        tx.change(register_store.people, "p-1", login="gong.shi")
    login = "gong.shi"
    twice = world, "data-bureau", "decide_collectively", plan
    refused_with("AUT-509", do, *twice, minutes="M", persons=["p-1", login])
    row = do(*twice, minutes="M", persons=[login, "p-2"])
    assert row["decision"]["persons"] == ["p-1", "p-2"]


def test_a_major_change_of_a_plan_changes_it_and_repeats_the_procedure(world: Neighbours) -> None:
    """27号 art. 11: what is filed is not changed at will."""
    made = everything(world)
    with world.as_person("data-bureau") as tx:
        tx.change(store.instruments, made["plan"], copies_to=[node_code("data-group")])
    told = {**PLAN, "security": "加强"}
    for wrong, where in (({"resources": []}, "resources"), ({"purposes": ["fun"]}, "purposes"),
                         ({"items": {"mode": " "}}, "items.mode"), ({"until_at": "2020-01-01"}, "until")):  # fmt: skip
        found = refused_with("AUT-400", do, world, "data-bureau", "change", made["plan"], reason="x", **wrong)
        assert where in [problem.where for problem in found.problems]
    change: dict[str, Any] = {"resources": [GATES, TRIPS], "items": {"security": "加强"}, "until_at": "2029-03-01"}
    opened = do(world, "data-bureau", "change", made["plan"], person="p-2", reason="扩大范围", **change)
    assert (opened["state"], opened["resources"], opened["items"]) == ("MAJOR_CHANGE", [GATES, TRIPS], told)
    assert opened["signatures"] == [], "what was signed was the plan before"
    decided(world, made["plan"])
    refused_with("AUT-510", do, world, "data-bureau", "approve", made["plan"], person="p-2")
    do(world, "data-bureau", "approve", made["plan"], person="p-1")
    filed = do(world, "data-bureau", "file", made["plan"], filing_ref="F-9")
    assert (filed["state"], filed["until"], len(filed["signatures"])) == ("FILED", "2029-02-28T16:00:00Z", 1)
    assert gaps(world, "data-group", GATES) == [], "the agreement in force stands"


def test_a_changed_plan_reaches_its_copies_once_it_is_filed_and_no_other_does(world: Neighbours) -> None:
    plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN, copies_to=[node_code("data-group")])
    decided(world, plan)
    do(world, "data-bureau", "approve", plan, person="p-2")
    do(world, "data-bureau", "file", plan, filing_ref="F-1")
    world.carry()
    do(world, "data-bureau", "change", plan, reason="扩大", resources=[GATES, TRIPS])
    world.carry()
    assert held(world, plan)["resources"] == [GATES], "a copy keeps what was filed"
    decided(world, plan)
    do(world, "data-bureau", "approve", plan, person="p-2")
    do(world, "data-bureau", "file", plan, filing_ref="F-2")
    world.carry()
    assert (held(world, plan)["resources"], held(world, plan)["state"]) == ([GATES, TRIPS], "FILED")
    to = {"grantee_party": "", "grantee_node": ""}
    for body in (of_another_make(world, "consent", "IN_FORCE", id=plan),
                 of_another_make(world, "plan", "MAJOR_CHANGE", id=plan, items=PLAN, **to)):  # fmt: skip
        with world.as_person("data-bureau") as tx:
            notice = signing.signed(tx, {**signing.unsigned(body["notice"]), "serial": 99})
        other = {"instrument": body["instrument"], "notice": notice}
        refused_with("AUT-508", world.deliver, "data-group", "data-bureau", "authorise.instrument", other)
    assert held(world, plan)["resources"] == [GATES, TRIPS]


def held(world: Neighbours, instrument: str) -> dict[str, Any]:
    with world.as_person("data-group") as tx:
        return authorise.instrument(tx, instrument=instrument)


@pytest.mark.parametrize(
    ("drafter", "signer"),
    [(("p-1", ""), ("p-1", "")), (("p-1", ""), ("p-2", "p-1")), (("p-2", "p-1"), ("p-1", ""))],
    ids=["the drafter", "let in by the drafter", "who let the drafter in"],
)
def test_who_drafts_a_grant_does_not_sign_it(
    world: Neighbours, drafter: tuple[str, str], signer: tuple[str, str]
) -> None:
    asked: dict[str, Any] = {"kind": "data_use", "resources": [TRIPS], "purposes": [PURPOSE], "acts": ACTS, **TERM}
    with world.as_person("bike-company", drafter[0], let_in_by=drafter[1]) as tx:
        made = authorise.draft(tx, **asked, grantee_party=party("data-group"))["id"]
    with world.as_person("bike-company", signer[0], let_in_by=signer[1]) as tx, pytest.raises(Refusal) as refused:
        authorise.sign(tx, instrument=made)
    assert refused.value.code == "AUT-510"
    with world.as_person("bike-company", "p-3", let_in_by="p-4") as tx:
        assert authorise.sign(tx, instrument=made)["state"] == "IN_FORCE"


def test_nobody_else_decides_over_an_instrument(world: Neighbours) -> None:
    made = everything(world)
    refused_with("AUT-403", do, world, "data-group", "withdraw", made["agreement"], reason="mine now")
    refused_with("AUT-403", do, world, "data-group", "sign", made["consent"])
    with world.as_person("traffic-bureau", "p-9", "analyst") as tx, pytest.raises(Refusal) as refused:
        authorise.withdraw(tx, instrument=made["consent"], reason="no role")
    assert refused.value.kind is Kind.denied


def intercepted(world: Neighbours) -> dict[str, Any]:
    """A data-use authorisation on its way from bike-company to data-group."""
    made = draft(world, "bike-company", "data_use", [TRIPS], grantee_party=party("data-group"), acts=["build"],
                 grantee_node=node_code("data-group"))  # fmt: skip
    do(world, "bike-company", "sign", made, person="p-2")
    (message,) = world.outgoing("bike-company")
    return dict(message["body"])


@pytest.mark.parametrize(
    "path",
    [
        ("instrument", "acts"), ("instrument", "purposes"), ("instrument", "until"), ("instrument", "grantor_party"),
        ("notice", "state"), ("notice", "serial"), ("notice", "digest"), ("notice", "instrument"),
    ],
)  # fmt: skip
def test_altered_documents_are_refused(world: Neighbours, path: tuple[str, str]) -> None:
    body = copy.deepcopy(intercepted(world))
    other = {
        "acts": ["build", "deliver"], "purposes": ["credit_scoring"], "until": "2099-01-01T00:00:00Z",
        "grantor_party": party("data-bureau"), "state": "SUSPENDED", "serial": 99, "digest": "sha256:0", "instrument": "ins-x",
    }  # fmt: skip
    body[path[0]][path[1]] = other[path[1]]
    refused_with("AUT-508", world.deliver, "data-group", "bike-company", "authorise.instrument", body)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda b: b.pop("instrument"),
        lambda b: b["instrument"].pop("acts"),
        lambda b: b["instrument"].update(extra=1),
        lambda b: b["instrument"].update(acts="build"),
        lambda b: b["instrument"].update(signatures=[1]),
        lambda b: b["instrument"].update(signatures=[]),
        lambda b: b["instrument"].update(title="x" * 201),
        lambda b: b["instrument"].update({"from": "yesterday"}),
        lambda b: b["notice"].update(serial=True),
        lambda b: b["notice"].update(state="GRANTED"),
        lambda b: b.update(notice="x"),
    ],
)
def test_malformed_messages_are_refused(world: Neighbours, spoil: Any) -> None:
    body = copy.deepcopy(intercepted(world))
    spoil(body)
    refused_with("AUT-508", world.deliver, "data-group", "bike-company", "authorise.instrument", body)
    with world.as_person("data-group") as tx:
        assert authorise.instruments(tx) == []


def test_nobody_grants_in_the_name_of_another(world: Neighbours) -> None:
    body = intercepted(world)
    refused_with("AUT-508", world.deliver, "data-group", "city-lab", "authorise.instrument", body)
    forged = {name: part for name, part in body["instrument"].items() if name != "signatures"}
    with world.as_person("city-lab") as tx:  # city-lab signs, claiming bike-company's name
        signature = signing.signed(tx, forged)["signatures"][0]
    forged["signatures"] = [{**signature, "party": party("bike-company"), "node": node_code("bike-company")}]
    refused_with(
        "AUT-508", world.deliver, "data-group", "bike-company", "authorise.instrument",
        {"instrument": forged, "notice": body["notice"]},
    )  # fmt: skip


def test_an_agreement_in_force_bears_both_signatures(world: Neighbours) -> None:
    """A grantor cannot put a contract into force at a third node without the grantee's hand."""
    made = everything(world)
    with world.as_person("data-bureau") as tx:
        row = tx.get(store.instruments, made["agreement"])
    assert row is not None
    alone = {
        **row["value"],
        "signatures": [s for s in row["value"]["signatures"] if s["party"] == party("data-bureau")],
    }
    refused_with(
        "AUT-508", world.deliver, "traffic-bureau", "data-bureau", "authorise.instrument",
        {"instrument": alone, "notice": row["notice"]},
    )  # fmt: skip


def test_the_operator_cannot_put_itself_in_the_place_of_the_implementing_body(world: Neighbours) -> None:
    """The bureau ends its agreement; the operator must not go on under one that it made with itself."""
    made = everything(world)
    do(world, "data-bureau", "withdraw", made["agreement"], reason="ended")
    world.carry()
    own = {"grantee_party": party("data-group"), "grantee_node": node_code("data-group"), "items": AGREEMENT}
    wrong = refused_with("AUT-400", draft, world, "data-group", "agreement", [GATES], **own)
    assert [problem.where for problem in wrong.problems] == ["grantee_party"]
    for act in ACTS:
        (problem,) = gaps(world, "data-group", GATES, act=act)
        assert f"{made['agreement']} does not cover it" in problem
    plan = draft(world, "city-lab", "plan", [GATES], items=PLAN)  # a friend signs instead, without consent to it
    decided(world, plan, "city-lab")
    do(world, "city-lab", "approve", plan, person="p-2")
    do(world, "city-lab", "file", plan, filing_ref="F-9")
    friendly = draft(world, "city-lab", "agreement", [GATES], **own)
    decided(world, friendly, "city-lab")
    refused_with("AUT-504", do, world, "city-lab", "sign", friendly, person="p-2")


def test_a_right_granted_to_oneself_is_not_taken_in(world: Neighbours) -> None:
    body = intercepted(world)
    body["instrument"]["grantee_party"] = body["instrument"]["grantor_party"]
    with world.as_person("bike-company") as tx:
        body["instrument"] = signing.signed(tx, {**body["instrument"], "signatures": []})
        told = {**body["notice"], "digest": digest(signing.unsigned(body["instrument"])), "signatures": []}
        body["notice"] = signing.signed(tx, told)
    refused_with("AUT-508", world.deliver, "data-group", "bike-company", "authorise.instrument", body)


def of_another_make(world: Neighbours, kind: str, state: str, **changes: Any) -> dict[str, Any]:
    """A message of data-bureau's, properly signed by a software that asks nothing before it signs."""
    to = ("", "") if kind == "legal_basis" else (party("data-group"), node_code("data-group"))
    content = {
        "id": "ins-other", "kind": kind, "title": "t", "grantor_party": party("data-bureau"), "grantee_party": to[0],
        "grantee_node": to[1],
        "resources": [GATES], "purposes": [PURPOSE], "acts": ACTS, "from": "2026-03-01T00:00:00Z",
        "until": "2028-03-01T00:00:00Z", "items": AGREEMENT if kind == "agreement" else BASIS, "parents": [],
        "copies_to": [], **changes,
    }  # fmt: skip
    with world.as_person("data-bureau") as tx:
        value = signing.signed(tx, content)
        bare = {
            "instrument": value["id"], "digest": digest(signing.unsigned(value)), "state": state, "serial": 1,
            "at": "2026-03-02T00:00:00Z", "reason": "",
        }  # fmt: skip
        return {"instrument": value, "notice": signing.signed(tx, bare)}


@pytest.mark.parametrize(
    ("kind", "state", "wrong", "code"),
    [
        ("agreement", "OFFERED", {"until": "2036-03-01T00:00:00Z"}, "AUT-501"),
        ("agreement", "OFFERED", {"items": {**AGREEMENT, "disclosure_no_redevelopment": ""}}, "AUT-400"),
        ("agreement", "OFFERED", {"items": {**AGREEMENT, "selection": "a friend"}}, "AUT-400"),
        ("consent", "IN_FORCE", {"until": "2026-02-01T00:00:00Z"}, "AUT-400"),
        ("consent", "IN_FORCE", {"until": "2026-03-01T01:00:00+08:00"}, "AUT-400"),  # before 00:00 UTC of that day
        ("consent", "IN_FORCE", {"resources": []}, "AUT-400"),
        ("legal_basis", "IN_FORCE", {"items": {"ground": "statutory_duty"}}, "AUT-400"),
    ],
)
def test_what_may_not_be_drafted_is_not_taken_from_another_node(
    world: Neighbours, kind: str, state: str, wrong: dict[str, Any], code: str
) -> None:
    """Term, items and impact assessment are asked at every door by which an instrument comes into a node."""
    body = of_another_make(world, kind, state, **wrong)
    refused_with(code, world.deliver, "data-group", "data-bureau", "authorise.instrument", body)
    with world.as_person("data-group") as tx:
        assert authorise.instruments(tx) == []
    right = of_another_make(world, kind, state)
    world.deliver("data-group", "data-bureau", "authorise.instrument", right)
    with world.as_person("data-group") as tx:
        assert [one["state"] for one in authorise.instruments(tx)] == [state]


def test_the_operator_does_not_countersign_what_it_took_in_before_that_was_asked(world: Neighbours) -> None:
    world.deliver("data-group", "data-bureau", "authorise.instrument", of_another_make(world, "agreement", "OFFERED"))
    with world.as_person("data-group") as tx:
        row = tx.get(store.instruments, "ins-other")
        assert row is not None
        far = "2036-03-01T00:00:00Z"
        tx.change(store.instruments, "ins-other", until_at=far, value={**row["value"], "until": far})
    refused_with("AUT-501", do, world, "data-group", "countersign", "ins-other")


@pytest.mark.parametrize("lacking", ["another body's", "over its term", "another purpose"])
def test_an_agreement_rests_on_the_bodys_own_plan_for_its_purposes_in_its_term(world: Neighbours, lacking: str) -> None:
    simple(world, "traffic-bureau", "consent", GATES, [], grantee_party=party("data-bureau"),
           grantee_node=node_code("data-bureau"), until_at="2029-03-01")  # fmt: skip
    changes: dict[str, Any] = {
        "over its term": {"until_at": "2026-04-01"}, "another purpose": {"purposes": ["public_welfare"]},
    }.get(lacking, {})  # fmt: skip
    if lacking == "another body's":
        body = of_another_make(world, "plan", "FILED", items=PLAN, grantee_party="", grantee_node="", id="ins-plan",
                               grantor_party=party("traffic-bureau"))  # fmt: skip
        with world.as_person("traffic-bureau") as tx:
            body = {name: signing.signed(tx, {**part, "signatures": []}) for name, part in body.items()}
        world.deliver("data-bureau", "traffic-bureau", "authorise.instrument", body)
    else:
        plan = draft(world, "data-bureau", "plan", [GATES], items=PLAN, **changes)
        decided(world, plan)
        do(world, "data-bureau", "approve", plan, person="p-2")
        do(world, "data-bureau", "file", plan, filing_ref="F-1")
    made = draft(world, "data-bureau", "agreement", [GATES], items=AGREEMENT, grantee_party=party("data-group"),
                 grantee_node=node_code("data-group"))  # fmt: skip
    decided(world, made)
    if lacking == "over its term":
        world.at("2026-05-01T00:00:00Z")
    refused_with("AUT-502", do, world, "data-bureau", "sign", made, person="p-2")


def test_every_change_has_its_leaf(world: Neighbours) -> None:
    made = everything(world)
    with world.stores["data-bureau"].read() as tx:
        of = evidence.leaves.c.record_id == made["agreement"]
        acts = [row.act for row in tx.all(select(evidence.leaves).where(of).order_by(evidence.leaves.c.seq))]
        row = tx.get(store.instruments, made["agreement"])
        assert row is not None
        last = tx.all(select(evidence.leaves).where(of).order_by(evidence.leaves.c.seq))[-1]
        assert last.record_digest == evidence.row_digest(tx, store.instruments, row)
    assert acts == [
        "authorise.drafted", "authorise.decided", "authorise.signed", "authorise.told",
        "authorise.countersignature_received", "authorise.filed", "authorise.commenced", "authorise.told",
    ]  # fmt: skip


def test_a_plan_names_all_resources_of_a_province(world: Neighbours) -> None:
    many = [f"R-{number:032d}" for number in range(5_000)]
    plan = draft(world, "data-bureau", "plan", many, items=PLAN)
    decided(world, plan)
    with world.as_person("data-bureau") as tx:
        assert authorise.instrument(tx, instrument=plan)["resources"] == many


MAKING = Policy("p", (Rule("delivery"), Rule("process")))


def guard(world: Neighbours, developer: str, inputs: list[str] = [GATES], policy: Policy = MAKING) -> str:  # noqa: B006
    """The code of the refusal at the operator's node, "" when it may."""
    with world.as_person("data-group") as tx:
        try:
            authorise.guard_redevelopment(tx, inputs=inputs, policy=policy, developer=developer)
        except Refusal as refused:
            return refused.code
    return ""


def test_an_operator_or_what_it_holds_makes_nothing_of_its_products(world: Neighbours) -> None:
    lab, firm = (codes.credit_code("9", "1", "520100", organisation) for organisation in ("MA6LAB00", "MA6FRM00"))
    everything(world)
    group = party("data-group")
    assert (guard(world, group), guard(world, lab)) == ("AUT-505", "")
    with world.as_person("data-group") as tx:
        row = {"owner_party": group, "owned_party": firm, "percent": "51", "declared_at": tx.now}
        tx.add(store.holdings, {"id": "hold-1", **row})
        declared = authorise.declare_holding(tx, owner_party=firm, owned_party=lab, percent="12.5")
    assert (guard(world, lab), guard(world, lab, [TRIPS])) == ("AUT-505", "")
    assert guard(world, lab, policy=Policy("p", (Rule("delivery"), Rule("read")))) == ""
    with world.as_person("data-group") as tx:
        over = authorise.declare_holding(tx, owner_party=firm, owned_party=lab, percent="0")
    assert (over["id"], guard(world, lab)) == (declared["id"], "")
    with world.as_person("data-group") as tx, pytest.raises(Refusal) as refused:
        authorise.declare_holding(tx, owner_party=firm, owned_party="city lab", percent="half")
    assert (refused.value.code, len(refused.value.problems)) == ("AUT-402", 2)


def test_unknown_inputs_are_a_gap_not_a_fault(world: Neighbours) -> None:
    assert gaps(world, "data-group", "R-NOWHERE") == ["this node holds no registration of it"]
    assert gaps(world, "data-group") == ["there are no inputs to clear"]
