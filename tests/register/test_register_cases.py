"""A registration from the filing to the code, over real stores and real messages."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from register_country import MONDAY, NAMES, Country, declared, resource_facts

from datong.ground import codes, signing
from datong.ground.canonical import digest
from datong.ground.evidence.leaves import leaves
from datong.ground.jobs import jobs
from datong.ground.refusal import Refusal
from datong.register import rules, store
from datong.register import service as register
from datong.register.model.cases import MOVES, OVER, Act, State
from datong.register.service import following

BUREAU, TRAFFIC, BIKES = "data-bureau", "traffic-bureau", "bike-company"
AFTER_PUBLICITY = datetime(2026, 3, 17, 1, tzinfo=UTC)  # 10 working days from Monday 2 March end on Monday 16


def filed(country: Country, node: str = TRAFFIC, *, joint: bool = False, **changes: Any) -> tuple[str, str]:
    """(resource id, case id) of a case filed from `node` and received at the registry."""
    thing = declared(country, node, **changes)
    others = [NAMES[BUREAU]] if joint else None
    case = country.as_(
        node,
        "data_engineer",
        register.draft_case,
        "数据处",
        of=thing["id"],
        co_registrants=others,
        materials={"products": "流量"},
    )["id"]
    country.as_(node, "data_engineer", register.submit_case, "数据处", case=case)
    country.post()
    assert not country.refused
    return thing["id"], case


def registry(country: Country, role: str, call: Any, **arguments: Any) -> Any:
    department = {"registrar": "登记科", "reviewer": "审核科", "steward": "运营科"}[role]
    answer = country.as_(BUREAU, role, call, department, **arguments)
    country.post()
    return answer


def publicised(country: Country, case: str) -> None:
    registry(country, "registrar", register.accept_case, case=case)
    registry(country, "reviewer", register.review_case, case=case)
    registry(country, "registrar", register.publicise_case, case=case)


def refusal(call: Any, *args: Any, **arguments: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*args, **arguments)
    return caught.value


def test_a_joint_filing_goes_from_draft_to_code_and_everybody_knows(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    resource, case = filed(country, joint=True)
    waiting = refusal(registry, country, "registrar", register.accept_case, case=case)
    assert waiting.code == "REG-416"
    assert [p.where for p in waiting.problems] == [NAMES[BUREAU]]
    registry(country, "steward", register.join_filing, case=case)
    publicised(country, case)
    shown = registry(country, "registrar", register.publicity)
    assert [tuple(row) for row in shown] == [
        ("registrant", "type", "name", "description")
    ]  # and nothing else (art. 12)
    assert shown[0]["registrant"] == "traffic-bureau、data-bureau"
    country.move_to(AFTER_PUBLICITY)
    coded = registry(country, "registrar", register.code_case, case=case)
    assert codes.data_code_fault(coded["code"]) is None
    assert codes.parse_data_code(coded["code"]).subject == NAMES[TRAFFIC]
    assert (coded["code"][0], coded["valid_until"]) == ("7", "2029-03-17")
    own = country.view(TRAFFIC, register.resource, code_or_id=resource)
    assert (own["code"], own["state"], own["local"]) == (coded["code"], "CODED", True)
    abroad = country.view(BIKES, register.resource, code_or_id=coded["code"])
    assert (abroad["owner"], abroad["local"], abroad["licence"]["commercial"]) == (NAMES[TRAFFIC], False, True)
    for node in (BUREAU, TRAFFIC, BIKES):
        assert country.view(node, register.registration_state, code_or_id=coded["code"]) == "CODED"
    at_registry = country.view(BUREAU, register.resource, code_or_id=coded["code"])
    assert at_registry["owner_name"] == "traffic-bureau"
    assert not country.refused
    seen = country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)
    assert seen["applicant_departments"] == [
        {"party": NAMES[TRAFFIC], "department": "数据处"}, {"party": NAMES[BUREAU], "department": "运营科"},
    ]  # fmt: skip
    assert seen["reviewer"]["department"] == "审核科"
    assert [line["act"] for line in seen["history"]] == ["submit", "join", "accept", "review", "publicise", "code"]


def test_a_private_resource_is_filed_voluntarily_and_marked(country: Country) -> None:
    country.join(BIKES)
    _resource, case = filed(country, BIKES, public_data=False)
    shown = country.as_(BUREAU, "registrar", register.case, "登记科", case=case)
    assert (shown["basis"], shown["public_data"]) == ("voluntary", False)
    other = declared(country, BIKES, digest="sha256:" + "cd" * 32, public_data=False)
    wrong = refusal(country.as_, BIKES, "data_engineer", register.draft_case, of=other["id"], basis="mandatory")
    assert wrong.code == "REG-420"


def test_a_node_that_is_registry_and_applicant_files_at_itself(country: Country) -> None:
    country.join()
    thing = declared(country, BUREAU)
    case = country.as_(
        BUREAU, "data_engineer", register.draft_case, "数据处", of=thing["id"], materials={"products": "x"}
    )["id"]
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    registry(country, "registrar", register.accept_case, case=case)
    inside = refusal(country.as_, BUREAU, "reviewer", register.review_case, "数据处", case=case)
    assert inside.code == "REG-412"
    registry(country, "reviewer", register.review_case, case=case)
    registry(country, "registrar", register.publicise_case, case=case)
    country.move_to(AFTER_PUBLICITY)
    code = registry(country, "registrar", register.code_case, case=case)["code"]
    assert country.view(BUREAU, register.resource, code_or_id=thing["id"])["code"] == code


def test_the_reviewer_is_another_person_and_department_than_the_applicants(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country, joint=True)
    both = country.person(BUREAU, "steward", "reviewer", department="运营科")
    country.act(BUREAU, both, register.join_filing, case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, both, register.review_case, case=case).code == "REG-411"
    colleague = refusal(country.as_, BUREAU, "reviewer", register.review_case, "运营科", case=case)
    assert colleague.code == "REG-412"
    nowhere = refusal(country.as_, BUREAU, "reviewer", register.review_case, "", case=case)
    assert nowhere.code == "REG-412"
    registry(country, "reviewer", register.review_case, case=case)


def test_an_applicant_without_a_department_cannot_show_that_it_differs(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country, joint=True)
    country.as_(BUREAU, "steward", register.join_filing, "", case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(registry, country, "reviewer", register.review_case, case=case).code == "REG-412"


# --- four eyes: one person must not stand on both sides, however it is arranged -----------------------------------


def test_a_draft_with_a_mistake_is_drafted_again(country: Country) -> None:
    """A wrong co-registrant, basis or term would otherwise stand in the only case that the resource may have."""
    country.join(TRAFFIC)
    thing = declared(country, TRAFFIC)

    def draft(**more: Any) -> Any:
        asked = {"of": thing["id"], "materials": {"products": "x"}, **more}
        return country.as_(TRAFFIC, "data_engineer", register.draft_case, **asked)

    first = draft(co_registrants=[NAMES[BUREAU]], term_until="2027-01-01", basis="voluntary")
    again = draft()
    assert again["id"] == first["id"]
    filing = country.view(TRAFFIC, register.case, case=again["id"])["filing"]
    assert (len(filing["registrants"]), filing["term_until"], filing["basis"]) == (1, None, "mandatory")
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=again["id"])
    assert refusal(draft).code == "REG-409"
    country.post()
    shown = country.view(BUREAU, register.case, case=again["id"])
    assert (shown["state"], len(country.view(TRAFFIC, register.cases))) == ("SUBMITTED", 1)
    with country.stores[TRAFFIC].read() as tx:
        drafted = [row for row in tx.all(leaves.select()) if row.act == "register.case_drafted"]
    assert len(drafted) == 2


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"basis": "maybe"}, "not one of mandatory, voluntary"),
        ({"term_until": "2026-03-01"}, "over on 2026-03-01"),
        ({"term_until": "soon"}, "no date"),
    ],
)
def test_a_draft_says_what_is_wrong_with_it(country: Country, asked: dict[str, str], why: str) -> None:
    country.join(TRAFFIC)
    thing = declared(country, TRAFFIC)
    wrong = refusal(country.as_, TRAFFIC, "data_engineer", register.draft_case, of=thing["id"], **asked)
    assert (wrong.code, why in str(wrong)) == ("REG-420", True)


def test_a_term_that_ends_while_the_case_waits_is_not_accepted(country: Country) -> None:
    country.join(TRAFFIC)
    thing = declared(country, TRAFFIC)
    asked = {"of": thing["id"], "materials": {"products": "x"}, "term_until": "2026-03-02"}
    case = country.as_(TRAFFIC, "data_engineer", register.draft_case, **asked)["id"]
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case)
    country.post()
    country.move_to(MONDAY + timedelta(days=1))
    assert refusal(registry, country, "registrar", register.accept_case, case=case).code == "REG-420"


def test_a_second_person_does_not_take_the_place_of_the_first_who_joined(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country, joint=True)
    first = country.person(BUREAU, "steward", "reviewer", department="审核科")
    country.act(BUREAU, first, register.join_filing, case=case)
    assert refusal(registry, country, "steward", register.join_filing, case=case).code == "REG-425"
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, first, register.review_case, case=case).code == "REG-411"


def test_a_co_registrants_node_confirms_once(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    thing = declared(country, TRAFFIC)
    asked = {"of": thing["id"], "co_registrants": [NAMES[BIKES]], "materials": {"products": "x"}}
    in_directory = country.view(BUREAU, register.membership, code=country.code(BIKES))
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "operator"), "register") as tx:
        register.learn_node(tx, record=in_directory, function_key=country.keys[BUREAU].public.text)
    case = country.as_(TRAFFIC, "data_engineer", register.draft_case, **asked)["id"]
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case)
    country.post()
    for person in ("person-1", "person-1", "person-2"):
        who = {"node": country.code(BIKES), "party": NAMES[BIKES], "person": person, "department": "法务部"}
        with country.stores[BIKES].begin(country.person(BIKES, "legal"), "register") as tx:
            filing = digest(register.case(tx, case=case)["filing"])
            word = signing.signed(tx, {"case": case, "joined": who, "filing": filing, "at": tx.now, "signatures": []})
        if person == "person-2":
            assert refusal(country.deliver, BIKES, "register.filing_joined", word, BUREAU).code == "REG-425"
        else:
            country.deliver(BIKES, "register.filing_joined", word, BUREAU)  # the second time: a repetition
    shown = country.as_(BUREAU, "registrar", register.case, "登记科", case=case)
    assert shown["registrants"][1]["person"] == "person-1"


def joint_with_bikes(country: Country) -> str:
    """A case of the traffic bureau's that the bike company is to join, and that the registry wants supplemented."""
    country.join(TRAFFIC, BIKES)
    thing = declared(country, TRAFFIC)
    in_directory = country.view(BUREAU, register.membership, code=country.code(BIKES))
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "operator"), "register") as tx:
        register.learn_node(tx, record=in_directory, function_key=country.keys[BUREAU].public.text)
    asked = {"of": thing["id"], "co_registrants": [NAMES[BIKES]], "materials": {"products": "x"}}
    case = str(country.as_(TRAFFIC, "data_engineer", register.draft_case, **asked)["id"])
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case)
    country.post()
    registry(country, "registrar", register.request_supplement, case=case, items=["the licence"])
    country.post()
    return case


def test_nobody_confirms_a_filing_that_was_changed_meanwhile(country: Country) -> None:
    """The applicant files again with other terms while the co-registrant confirms what it has read."""
    case = joint_with_bikes(country)
    read = country.view(BIKES, register.case, case=case)["filing"]["object"]
    country.as_(
        TRAFFIC, "data_engineer", register.amend_description, of=read["id"], changes={"abstract": "another abstract"}
    )
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case)
    country.as_(BIKES, "legal", register.join_filing, case=case)
    country.post()
    assert [one.code for one in country.refused] == ["REG-420"]
    assert country.view(BUREAU, register.case, case=case)["registrants"][1].get("confirmed_at") is None
    country.as_(BIKES, "legal", register.join_filing, case=case)
    country.post()
    assert country.view(BUREAU, register.case, case=case)["registrants"][1]["confirmed_at"]


def test_a_supplement_is_of_the_same_thing(country: Country) -> None:
    case = joint_with_bikes(country)
    filing = country.view(TRAFFIC, register.case, case=case)["filing"]
    inputs = [codes.data_code("7", NAMES[TRAFFIC], "5201", "TRIPS000")]
    thing = {**filing["object"], "inputs": inputs, "delivery_forms": ["public"]}
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "data_engineer"), "register") as tx:
        as_product = signing.signed(tx, {**filing, "object_kind": "product", "object": thing, "signatures": []})
    refused = refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": as_product}, BUREAU)
    assert (refused.code, "another case" in str(refused)) == ("REG-420", True)


def test_a_state_with_a_time_that_is_none_breaks_no_list(country: Country) -> None:
    case = joint_with_bikes(country)
    with country.stores[BUREAU].begin(country.person(BUREAU, "registrar"), "register") as tx:
        row = tx.get(store.cases, case)
        assert row is not None
        told = {name: row[name] for name in following.CASE_FIELDS - {"schema", "case", "signatures"}}
        told |= {"schema": "datong.case/1", "case": case, "version": row["version"] + 1}
        states = [
            signing.signed(tx, {**told, name: time})
            for name in ("since", "publicised_at", "escalated_at")
            for time in ("soon", "9999-12-31T23:59:59Z")
        ]
    for body in states:
        assert refusal(country.deliver, BUREAU, "register.case_state", body, TRAFFIC).code == "REG-420"
    assert country.view(TRAFFIC, register.cases)[0]["deadline"] is not None


def test_who_drafted_does_not_review_what_another_submitted(country: Country) -> None:
    country.join()
    thing = declared(country, BUREAU)
    drafter = country.person(BUREAU, "data_engineer", "reviewer", department="审核科")
    case = country.act(BUREAU, drafter, register.draft_case, of=thing["id"], materials={"products": "x"})["id"]
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, drafter, register.review_case, case=case).code == "REG-411"
    assert refusal(registry, country, "reviewer", register.review_case, case=case).code == "REG-412"  # same department


def test_who_declared_the_resource_does_not_review_it(country: Country) -> None:
    country.join()
    both = country.person(BUREAU, "data_engineer", "reviewer", department="审核科")
    thing = country.act(BUREAU, both, register.declare_resource, **resource_facts())
    files = {"a": "sha256:" + "5" * 64}
    country.as_(BUREAU, "data_engineer", register.preserve_evidence, "数据处", of=thing["id"], files=files)
    asked = {"of": thing["id"], "materials": {"products": "x"}}
    case = country.as_(BUREAU, "data_engineer", register.draft_case, "数据处", **asked)["id"]
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, both, register.review_case, case=case).code == "REG-411"


def test_a_supplement_filed_by_another_does_not_make_the_first_applicant_forgotten(country: Country) -> None:
    country.join()
    thing = declared(country, BUREAU)
    first = country.person(BUREAU, "data_engineer", "reviewer", department="审核科")
    asked = {"of": thing["id"], "materials": {"products": "x"}}
    case = country.as_(BUREAU, "data_engineer", register.draft_case, "数据处", **asked)["id"]
    country.act(BUREAU, first, register.submit_case, case=case)
    registry(country, "registrar", register.request_supplement, case=case, items=["补来源证明"])
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, first, register.review_case, case=case).code == "REG-411"


@pytest.mark.parametrize("spelling", ["审核科 ", " 审核科", "审核科\u3000"])
def test_a_department_is_the_same_however_it_is_spelt(country: Country, spelling: str) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country, joint=True)
    country.as_(BUREAU, "steward", register.join_filing, spelling, case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(registry, country, "reviewer", register.review_case, case=case).code == "REG-412"
    kept = country.view(BUREAU, register.departments)
    assert [row["name"] for row in kept].count("审核科") == 1
    assert rules.department_name("Ｉｔ  科 ") == "It 科"


@pytest.mark.parametrize("side", ["reviewer", "applicant"])
def test_who_let_the_other_in_counts_as_the_other(country: Country, side: str) -> None:
    """An operator who joined as steward must not review through a colleague's link, nor the other way round."""
    country.join(TRAFFIC)
    _resource, case = filed(country, joint=True)
    one = country.person(BUREAU, "operator", "steward", "reviewer", department="运营科")
    colleague = country.person(BUREAU, "steward", "reviewer", department="审核科")
    through = replace(colleague, issued_by=one.person)
    joins, reviews = (one, through) if side == "reviewer" else (through, replace(one, department="其他科"))
    country.act(BUREAU, joins, register.join_filing, case=case)
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, reviews, register.review_case, case=case).code == "REG-411"
    third = replace(country.person(BUREAU, "reviewer", department="监督科"), issued_by="person-it")
    shown = country.act(BUREAU, third, register.review_case, case=case)
    assert (shown["state"], shown["reviewer"]["issued_by"]) == ("REVIEWED", "person-it")


def test_no_code_before_the_tenth_working_day_has_ended(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    publicised(country, case)
    for day in (2, 13, 16):
        country.move_to(datetime(2026, 3, day, 2, tzinfo=UTC))
        early = refusal(registry, country, "registrar", register.code_case, case=case)
        assert (early.code, early.facts["until"]) == ("REG-405", "2026-03-16")
    country.move_to(datetime(2026, 3, 16, 15, 59, tzinfo=UTC))  # 23:59 in China
    assert refusal(registry, country, "registrar", register.code_case, case=case).code == "REG-405"
    country.move_to(datetime(2026, 3, 16, 16, 0, tzinfo=UTC))  # midnight in China
    assert registry(country, "registrar", register.code_case, case=case)["state"] == "CODED"


def test_nothing_is_coded_on_a_provisional_deadline(country: Country) -> None:
    country.move_to(datetime(2026, 12, 25, 1, tzinfo=UTC))
    country.join(TRAFFIC)
    _resource, case = filed(country)
    publicised(country, case)
    country.move_to(datetime(2027, 6, 1, 1, tzinfo=UTC))
    refused = refusal(registry, country, "registrar", register.code_case, case=case)
    assert refused.code == "REG-405"
    assert "provisional" in str(refused)


def test_objections_hold_the_code_and_upheld_ones_end_the_case(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    publicised(country, case)
    bare = refusal(
        registry, country, "registrar", register.object_to_case, case=case, name=" ", grounds="", evidence_digest="x"
    )
    assert (bare.code, len(bare.problems)) == ("REG-417", 3)
    two = [
        registry(
            country,
            "registrar",
            register.object_to_case,
            case=case,
            name="张三",
            grounds="来源不明",
            evidence_digest="sha256:" + "0" * 64,
        )["id"]
        for _ in range(2)
    ]
    country.move_to(AFTER_PUBLICITY)
    held = refusal(registry, country, "registrar", register.code_case, case=case)
    assert (held.code, held.facts["count"]) == ("REG-406", 2)
    registry(country, "registrar", register.settle_objection, objection=two[0], upheld=False, reason="已核实")
    assert country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)["state"] == "OBJECTED"
    assert refusal(registry, country, "registrar", register.code_case, case=case).code == "REG-406"
    assert (
        refusal(
            registry, country, "registrar", register.settle_objection, objection=two[1], upheld=True, reason=" "
        ).code
        == "GEN-420"
    )
    ended = registry(country, "registrar", register.settle_objection, objection=two[1], upheld=True, reason="属实")
    assert ended["state"] == "ENDED"
    assert refusal(registry, country, "registrar", register.code_case, case=case).code == "REG-410"
    log = [bytes(row["body"]) for row in country.view(BUREAU, lambda tx: store.rows(tx, leaves))]
    assert not any("张三".encode() in body for body in log)


def test_dismissed_objections_let_publicity_go_on_and_the_code_follow(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    publicised(country, case)
    one = registry(
        country,
        "registrar",
        register.object_to_case,
        case=case,
        name="李四",
        grounds="重复",
        evidence_digest="sha256:" + "1" * 64,
    )
    back = registry(country, "registrar", register.settle_objection, objection=one["id"], upheld=False, reason="不重复")
    assert (back["state"], back["deadline"]["day"]) == ("PUBLICISED", "2026-03-16")
    country.move_to(AFTER_PUBLICITY)
    assert registry(country, "registrar", register.code_case, case=case)["state"] == "CODED"


def test_a_filing_misses_everything_at_once_and_needs_evidence_first(country: Country) -> None:
    country.join(TRAFFIC)
    bare = country.as_(
        TRAFFIC, "data_engineer", register.declare_resource, **resource_facts(scenario="", security_assessment="")
    )
    case = country.as_(TRAFFIC, "data_engineer", register.draft_case, of=bare["id"])["id"]
    assert refusal(country.as_, TRAFFIC, "data_engineer", register.submit_case, case=case).code == "REG-404"
    country.as_(TRAFFIC, "data_engineer", register.preserve_evidence, of=bare["id"], files={"a": "sha256:" + "2" * 64})
    missing = refusal(country.as_, TRAFFIC, "data_engineer", register.submit_case, case=case)
    assert missing.code == "REG-414"
    assert [p.where for p in missing.problems] == ["products", "scenario", "security"]
    country.as_(
        TRAFFIC,
        "data_engineer",
        register.amend_description,
        of=bare["id"],
        changes={"scenario": "治理", "security_assessment": "A"},
    )
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case, materials={"products": "流量"})
    country.post()
    assert not country.refused


def test_a_supplement_is_asked_once_and_restarts_the_clock(country: Country) -> None:
    country.join(TRAFFIC)
    resource, case = filed(country)
    asked = registry(country, "registrar", register.request_supplement, case=case, items=["来源证明不清"])
    assert (asked["state"], asked["deadline"]["holder"]) == ("SUPPLEMENT_REQUESTED", "applicant")
    assert country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)["supplement"]["items"] == [
        "来源证明不清"
    ]
    country.move_to(datetime(2026, 3, 9, 1, tzinfo=UTC))
    country.as_(
        TRAFFIC,
        "data_engineer",
        register.amend_description,
        "数据处",
        of=resource,
        changes={"source_statement": "依据某条例采集。"},
    )
    country.as_(TRAFFIC, "data_engineer", register.submit_case, "数据处", case=case)
    country.post()
    again = country.as_(BUREAU, "registrar", register.case, "登记科", case=case)
    assert (again["state"], again["deadline"]["day"]) == ("SUBMITTED", "2026-03-12")
    assert again["filing"]["object"]["source_statement"] == "依据某条例采集。"
    assert (
        refusal(registry, country, "registrar", register.request_supplement, case=case, items=["又"]).code == "REG-415"
    )
    locked = refusal(
        country.as_,
        TRAFFIC,
        "data_engineer",
        register.amend_description,
        "数据处",
        of=resource,
        changes={"scenario": "别的"},
    )
    assert locked.code == "REG-422"


def test_the_same_resource_or_the_same_source_is_not_registered_twice(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    resource, _case = filed(country)
    assert refusal(country.as_, TRAFFIC, "data_engineer", register.draft_case, of=resource).code == "REG-409"
    copy_ = declared(country, BIKES)  # the same files, by somebody else: only the registry can know
    case = country.as_(BIKES, "data_engineer", register.draft_case, of=copy_["id"], materials={"products": "x"})["id"]
    country.as_(BIKES, "data_engineer", register.submit_case, case=case)
    country.post()
    assert [r.code for r in country.refused] == ["REG-409"]


@pytest.mark.parametrize("kind", ["cancellation", "renewal", "", "First"])
def test_other_types_of_registration_are_refused_by_name(country: Country, kind: str) -> None:
    country.join(TRAFFIC)
    thing = declared(country, TRAFFIC)
    refused = refusal(country.as_, TRAFFIC, "data_engineer", register.draft_case, of=thing["id"], type=kind)
    assert (refused.code, kind in str(refused)) == ("REG-413", True)


def test_a_bad_credit_code_among_the_registrants_is_refused_here_and_at_the_registry(country: Country) -> None:
    country.join(TRAFFIC)
    thing = declared(country, TRAFFIC)
    bad = NAMES[BUREAU][:-1] + ("A" if NAMES[BUREAU][-1] != "A" else "B")
    refused = refusal(country.as_, TRAFFIC, "data_engineer", register.draft_case, of=thing["id"], co_registrants=[bad])
    assert (refused.code, refused.problems[0].where) == ("REG-401", "registrants[1].party")
    filing = signed_filing(
        country, thing, registrants=[{"party": NAMES[TRAFFIC], "name": "t"}, {"party": bad, "name": "x"}]
    )
    assert refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": filing}, BUREAU).code == "REG-401"


def signed_filing(country: Country, thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A filing made by hand at the traffic bureau and signed with its key."""
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "data_engineer", department="数据处"), "register") as tx:
        case = register.draft_case(tx, of=thing["id"], materials={"products": "x"})["id"]
        row = store.rows(tx, store.cases, where=store.cases.c.id == case)[0]
        value = signing.signed(tx, {**row["filing"], **changes})
        tx.execute(store.cases.delete())
    return value


HOSTILE = [
    ("not an object", lambda f: f.update(object="x")),
    ("no registrants", lambda f: f.update(registrants=[])),
    ("a stranger first", lambda f: f["registrants"].insert(0, {"party": NAMES[BIKES], "name": "b"})),
    ("an extra field", lambda f: f.update(extra=1)),
    ("a missing field", lambda f: f.pop("basis")),
    ("a number for a text", lambda f: f.update(case=7)),
    ("a huge number", lambda f: f["materials"].update(n=2**70)),
    ("public but said not to be", lambda f: f.update(public_data=False, basis="voluntary")),
    ("another person after signing", lambda f: f["applicant"].update(person="person-x")),
    ("another name after signing", lambda f: f["object"].update(name_zh="别的")),
    ("a registrant that is no object", lambda f: f["registrants"].append("x")),
    ("signatures that are none", lambda f: f.update(signatures="x")),
    ("signature of strange things", lambda f: f.update(signatures=[1, None, {"party": NAMES[TRAFFIC]}])),
    ("no person", lambda f: f["applicant"].update(person="")),
    ("term that is no date", lambda f: f.update(term_until="soon")),
    ("bad grade", lambda f: f["object"].update(grade=True)),
]


@pytest.mark.parametrize(("what", "spoil"), HOSTILE, ids=[what for what, _ in HOSTILE])
def test_a_hostile_filing_is_refused_and_leaves_nothing(country: Country, what: str, spoil: Any) -> None:
    country.join(TRAFFIC)
    filing = copy.deepcopy(signed_filing(country, declared(country, TRAFFIC)))
    spoil(filing)
    assert refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": filing}, BUREAU).code in (
        "REG-420",
        "REG-402",
    )
    assert country.view(BUREAU, lambda tx: store.rows(tx, store.cases)) == []


def test_a_filing_signed_by_one_and_sent_by_another_is_refused(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    filing = signed_filing(country, declared(country, TRAFFIC))
    assert refusal(country.deliver, BIKES, "register.case_filed", {"filing": filing}, BUREAU).code == "REG-420"


def test_a_repeated_filing_changes_nothing(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    filing = country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)["filing"]
    before = country.view(BUREAU, lambda tx: store.rows(tx, store.cases))
    country.deliver(TRAFFIC, "register.case_filed", {"filing": filing}, BUREAU)
    assert country.view(BUREAU, lambda tx: store.rows(tx, store.cases)) == before
    publicised(country, case)
    country.deliver(TRAFFIC, "register.case_filed", {"filing": filing}, BUREAU)
    assert country.as_(BUREAU, "registrar", register.case, "登记科", case=case)["state"] == "PUBLICISED"


def test_forged_or_old_states_do_not_move_the_applicants_copy(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    _resource, case = filed(country)
    with country.stores[BUREAU].read() as tx:
        state = next(
            r["payload"]["body"] for r in store.rows(tx, jobs) if r["payload"].get("type") == "register.case_state"
        )
    coded = {**state, "state": "CODED", "version": 99, "code": codes.data_code("7", NAMES[TRAFFIC], "5201", "AAAAAAAA")}
    assert refusal(country.deliver, BUREAU, "register.case_state", coded, TRAFFIC).code == "REG-420"
    with country.stores[BIKES].read() as tx:
        by_bikes = signing.signed(tx, {**coded, "registry": country.code(BIKES)})
    assert refusal(country.deliver, BIKES, "register.case_state", by_bikes, TRAFFIC).code == "REG-420"
    registry(country, "registrar", register.accept_case, case=case)
    country.deliver(BUREAU, "register.case_state", state, TRAFFIC)  # the old, true one comes late
    assert country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)["state"] == "ACCEPTED"


def test_a_co_registrant_with_a_node_of_its_own_sees_and_confirms_the_case(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    in_directory = country.view(BUREAU, register.membership, code=country.code(BIKES))
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "operator"), "register") as tx:
        register.learn_node(tx, record=in_directory, function_key=country.keys[BUREAU].public.text)
    thing = declared(country, TRAFFIC)
    case = country.as_(
        TRAFFIC,
        "data_engineer",
        register.draft_case,
        of=thing["id"],
        co_registrants=[NAMES[BIKES]],
        materials={"products": "x"},
    )["id"]
    country.as_(TRAFFIC, "data_engineer", register.submit_case, case=case)
    country.post()
    assert country.as_(BIKES, "legal", register.case, case=case)["side"] == "joint"
    country.as_(BIKES, "legal", register.join_filing, "法务部", case=case)
    country.post()
    accepted = registry(country, "registrar", register.accept_case, case=case)
    assert [d["department"] for d in accepted["applicant_departments"]] == ["", "法务部"]
    assert not country.refused


def test_overdue_steps_are_escalated_and_never_approved(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    assert registry(country, "registrar", register.escalate_overdue) == []
    country.move_to(datetime(2026, 3, 5, 1, tzinfo=UTC))  # the third working day itself
    assert registry(country, "registrar", register.escalate_overdue) == []
    country.move_to(datetime(2026, 3, 6, 1, tzinfo=UTC))
    assert registry(country, "registrar", register.escalate_overdue) == [case]
    assert registry(country, "registrar", register.escalate_overdue) == []
    shown = country.as_(TRAFFIC, "data_engineer", register.case, "数据处", case=case)
    assert shown["state"] == "SUBMITTED"
    assert shown["deadline"]["overdue"]
    assert shown["deadline"]["escalated_at"]
    assert shown["deadline"]["holder"] == "registrar"


def test_the_steps_belong_to_the_registry_and_to_roles(country: Country) -> None:
    country.join(TRAFFIC)
    _resource, case = filed(country)
    assert refusal(country.as_, TRAFFIC, "registrar", register.accept_case, case=case).code == "IDN-424"
    assert refusal(country.as_, BUREAU, "reviewer", register.accept_case, case=case).code == "GEN-403"
    assert refusal(country.as_, BUREAU, "registrar", register.review_case, case=case).code == "GEN-403"
    assert refusal(country.as_, BUREAU, "registrar", register.accept_case, case="case-none").code == "REG-418"
    assert refusal(country.as_, BUREAU, "registrar", register.reject_case, case=case, reasons=" ").code == "GEN-420"
    assert registry(country, "registrar", register.reject_case, case=case, reasons="不在范围内")["state"] == "ENDED"


def test_every_state_and_act_either_moves_as_the_table_says_or_does_not() -> None:
    moves = {(state, act): rules.moved(state, act) for state in State for act in Act}
    assert {key: after for key, after in moves.items() if after} == {key: after for key, (_who, after) in MOVES.items()}
    reachable = {State.DRAFT}
    while more := {after for (now, _act), (_who, after) in MOVES.items() if now in reachable} - reachable:
        reachable |= more
    assert reachable == set(State)
    assert all(rules.open_acts(state) for state in set(State) - OVER)


def test_a_case_without_a_registry_is_not_submitted(country: Country) -> None:
    thing = declared(country, TRAFFIC)
    case = country.as_(TRAFFIC, "data_engineer", register.draft_case, of=thing["id"], materials={"products": "x"})["id"]
    assert refusal(country.as_, TRAFFIC, "data_engineer", register.submit_case, case=case).code == "REG-423"


def test_the_clock_of_the_tests_begins_on_the_day_of_the_scenario() -> None:
    assert MONDAY.weekday() == 0
