"""A coded registration is changed by its registrant, or corrected, over real stores and real messages."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from register_country import NAMES, Country, changed_past_the_log, declared
from test_register_cases import BIKES, BUREAU, TRAFFIC, publicised, refusal, registry
from test_register_ledger import GROUP, product_facts
from test_register_ledger import coded as code_of
from test_register_lifetime import LAST, cancel, coded, gaps, on, state

from datong.ground import signing
from datong.register import rules, store
from datong.register import service as register
from datong.register.model.cases import FILED, MOVES, Act, State

NEW = "卡口过车的时间、号牌与车道。"
PROOF = "sha256:" + "ef" * 32
ENTERED_ON = "2026-04-10"
"""After ten working days of publicity from 2026-03-17, Qingming between."""


def draft(country: Country, of: str, node: str = TRAFFIC, **more: Any) -> str:
    asked = {"of": of, "type": "change", "materials": {"reason": "采集范围扩大"}, "changes": {"abstract": NEW}, **more}
    return str(country.as_(node, "data_engineer", register.draft_case, "数据处", **asked)["id"])


def submit(country: Country, case: str, node: str = TRAFFIC, **more: Any) -> None:
    country.as_(node, "data_engineer", register.submit_case, "数据处", case=case, **more)
    country.post()


def filed(country: Country, of: str, node: str = TRAFFIC, **more: Any) -> str:
    case = draft(country, of, node, **more)
    submit(country, case, node)
    return case


def entered(country: Country, case: str) -> Any:
    publicised(country, case)
    on(country, ENTERED_ON)
    return registry(country, "registrar", register.code_case, case=case)


def correction(proof: str = "", **more: Any) -> dict[str, Any]:
    materials = {"reason": "面积单位写错", **({"proof": proof} if proof else {})}
    return {"type": "correction", "materials": materials, **more}


def entry(country: Country, node: str, code: str) -> dict[str, Any]:
    found = country.view(node, lambda tx: tx.get(store.ledger, code))
    return dict(found["entry"])


def abstract(country: Country, node: str, code: str) -> str:
    return str(country.view(node, register.resource, code_or_id=code)["abstract"])


def test_a_change_goes_the_whole_way_and_every_node_hears(country: Country) -> None:
    resource, case, code = coded(country)
    before = entry(country, BIKES, code)
    change = filed(country, resource)
    shown = country.view(BUREAU, register.case, case=change)
    assert (shown["type"], shown["state"], shown["code"]) == ("change", "SUBMITTED", None)
    assert shown["changes"] == [{"item": "abstract", "was": before["object"]["abstract"], "wanted": NEW}]
    publicised(country, change)
    told = registry(country, "registrar", register.publicity)
    assert (told[0]["type"], told[0]["description"]) == ("变更登记", NEW)
    assert country.view(BUREAU, register.case, case=change)["open"] == ["object", "enter"]
    early = refusal(registry, country, "registrar", register.code_case, case=change)
    assert early.code == "REG-405"
    for node in (BUREAU, TRAFFIC, BIKES):
        assert abstract(country, node, code) != NEW, "what is applied for does not hold yet"
        assert gaps(country, node, code) == []
    on(country, ENTERED_ON)
    done = registry(country, "registrar", register.code_case, case=change)
    assert (done["state"], done["open"], done["deadline"]) == ("ENTERED", [], None)
    for node in (BUREAU, TRAFFIC, BIKES):
        assert abstract(country, node, code) == NEW
        assert country.view(node, register.registration, code_or_id=code) == ("CODED", LAST), "code and last day stay"
        assert gaps(country, node, code) == []
    now = entry(country, BIKES, code)
    assert (now["type"], now["version"] > before["version"], now["coded_on"]) == ("change", True, before["coded_on"])
    own = country.view(TRAFFIC, lambda tx: tx.get(store.resources, resource))
    assert own["abstract"] == NEW, "the owner's own record follows"
    for node in (BUREAU, TRAFFIC):
        line = country.view(node, register.case, case=case)["history"][-1]
        assert (line["act"], line["by_case"], line["fields"]) == ("change", change, ["abstract"])
        assert state(country, case, node) == "CODED"
    country.deliver(BUREAU, "register.ledger_entry", {"entry": before}, BIKES)
    assert abstract(country, BIKES, code) == NEW, "an older entry changes nothing"
    assert not country.refused
    assert [changed_past_the_log(country, node) for node in (BUREAU, TRAFFIC, BIKES)] == [[], [], []]
    assert registry(country, "registrar", register.code_case, case=change)["state"] == "ENTERED"
    again = filed(country, resource, changes={"abstract": "第二次变更。"})
    assert state(country, again) == "SUBMITTED", "what was entered may be changed again"


def test_new_source_files_are_preserved_first_and_entered_with_the_change(country: Country) -> None:
    resource, case, code = coded(country)
    assert refusal(draft, country, resource, changes={}).code == "REG-434"
    files = {"b.db": "sha256:" + "cd" * 32}
    new = country.as_(TRAFFIC, "data_engineer", register.preserve_evidence, of=resource, files=files)["evidence_digest"]
    assert entry(country, BUREAU, code)["object"]["evidence_digest"] != new
    change = filed(country, resource, changes={"source_statement": "依法履职采集，含新增卡口。"})
    late = refusal(country.as_, TRAFFIC, "data_engineer", register.preserve_evidence, of=resource, files={"c": PROOF})
    assert late.code == "REG-422", "what was filed stays what was filed"
    entered(country, change)
    assert entry(country, BIKES, code)["object"]["evidence_digest"] == new
    assert country.view(BUREAU, lambda tx: tx.get(store.cases, case))["evidence_digest"] == new
    twice = declared(country, BIKES, digest="sha256:" + "cd" * 32, name_zh="另一资源")
    other = country.as_(BIKES, "data_engineer", register.preserve_evidence, of=twice["id"], files=files)["id"]
    first = country.as_(BIKES, "data_engineer", register.draft_case, of=other, materials={"products": "x"})["id"]
    submit(country, first, BIKES)
    assert [one.code for one in country.refused] == ["REG-409"], "the same files are not registered a second time"


def test_a_registrant_that_comes_in_confirms_and_nobody_is_left_out(country: Country) -> None:
    resource, case, code = coded(country)
    country.as_(TRAFFIC, "operator", register.add_party, code=NAMES[BIKES], name="单车企业", kind="1")
    change = filed(country, resource, changes={}, co_registrants=[NAMES[BIKES]])
    (seen,) = country.view(BUREAU, register.case, case=change)["changes"]
    assert (seen["item"], [len(seen[name]) for name in ("was", "wanted")]) == ("registrants", [1, 2])
    waiting = refusal(registry, country, "registrar", register.accept_case, case=change)
    assert (waiting.code, [one.where for one in waiting.problems]) == ("REG-416", [NAMES[BIKES]])
    assert country.view(BIKES, register.case, case=change)["open"][-1] == "join"
    country.as_(BIKES, "legal", register.join_filing, case=change)
    country.post()
    entered(country, change)
    assert country.view(BUREAU, register.registered_to, code=code) == {NAMES[TRAFFIC], NAMES[BIKES]}
    assert country.view(BIKES, register.case, case=case)["state"] == "CODED", "who came in knows the registration"
    filing = country.view(TRAFFIC, register.case, case=filed(country, resource))["filing"]
    assert [one["party"] for one in filing["registrants"]] == [NAMES[TRAFFIC], NAMES[BIKES]]
    less = spoilt(country, TRAFFIC, filing, case="case-less", registrants=filing["registrants"][:1])
    refused = refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": less}, BUREAU)
    assert (refused.code, "left out" in str(refused)) == ("REG-433", True)


def spoilt(country: Country, sender: str, filing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    with country.stores[sender].read(country.person(sender, "data_engineer")) as tx:
        mine = signing.me(tx)
        who = {"node": mine.code, "party": mine.party, "person": tx.actor.person, "department": ""}
        bare = {**copy.deepcopy(filing), "applicant": who, "signatures": [], **changes}
        return dict(signing.signed(tx, bare))


def test_who_is_concerned_has_it_corrected_upon_the_registrants_consent(country: Country) -> None:
    resource, case, code = coded(country)
    asked = filed(country, code, BIKES, **correction())
    assert country.view(TRAFFIC, register.case, case=asked)["changes"][0]["wanted"] == NEW, "the registrant hears"
    alone = refusal(registry, country, "registrar", register.accept_case, case=asked)
    assert (alone.code, [one.where for one in alone.problems]) == ("REG-416", [NAMES[TRAFFIC]])
    country.as_(TRAFFIC, "legal", register.join_filing, case=asked)
    country.post()
    entered(country, asked)
    for node in (BUREAU, TRAFFIC, BIKES):
        assert (abstract(country, node, code), entry(country, node, code)["type"]) == (NEW, "correction")
    line = country.view(TRAFFIC, register.case, case=case)["history"][-1]
    assert (line["act"], line["note"]) == ("correction", "面积单位写错")
    assert country.view(TRAFFIC, lambda tx: tx.get(store.resources, resource))["abstract"] == NEW
    assert not country.refused


def test_a_proof_of_the_error_carries_a_correction_without_consent(country: Country) -> None:
    _resource, _case, code = coded(country)
    asked = filed(country, code, BIKES, **correction(PROOF))
    entered(country, asked)
    assert abstract(country, TRAFFIC, code) == NEW
    assert not country.refused


def test_what_others_ask_for_holds_up_nothing_of_the_registrants(country: Country) -> None:
    resource, _case, code = coded(country)
    asked = filed(country, code, BIKES, **correction(changes={"public_data": False}, basis="voluntary"))
    items = {
        one["item"]: (one["was"], one["wanted"]) for one in country.view(BUREAU, register.case, case=asked)["changes"]
    }
    assert items == {"public_data": (True, False), "basis": ("mandatory", "voluntary")}, "nothing slips in unseen"
    files = {"b.db": "sha256:" + "cd" * 32}
    country.as_(TRAFFIC, "data_engineer", register.preserve_evidence, of=resource, files=files)
    assert state(country, filed(country, resource)) == "SUBMITTED"
    assert not country.refused


def test_the_registrant_corrects_its_own(country: Country) -> None:
    resource, _case, code = coded(country)
    entered(country, filed(country, resource, **correction()))
    assert (abstract(country, BIKES, code), entry(country, BIKES, code)["type"]) == (NEW, "correction")


def test_a_change_is_written_upon_what_stands_and_one_is_under_review_at_a_time(country: Country) -> None:
    resource, _case, code = coded(country)
    mine, theirs = filed(country, resource), filed(country, code, BIKES, **correction(PROOF, changes={"grade": 2}))
    assert refusal(draft, country, resource).code == "REG-409", "of one applicant one at a time"
    registry(country, "registrar", register.accept_case, case=theirs)
    second = refusal(registry, country, "registrar", register.accept_case, case=mine)
    assert (second.code, theirs in str(second)) == ("REG-435", True)
    registry(country, "reviewer", register.review_case, case=theirs)
    registry(country, "registrar", register.publicise_case, case=theirs)
    on(country, ENTERED_ON)
    registry(country, "registrar", register.code_case, case=theirs)
    stale = refusal(registry, country, "registrar", register.accept_case, case=mine)
    assert (stale.code, "another entry" in str(stale)) == ("REG-433", True)
    registry(country, "registrar", register.request_supplement, case=mine, items=["按现行台账重新提交"])
    submit(country, mine)
    registry(country, "registrar", register.accept_case, case=mine)
    assert country.view(BUREAU, register.case, case=mine)["filing"]["object"]["grade"] == 2
    assert not country.refused


def test_a_licence_changed_meanwhile_is_not_turned_back(country: Country) -> None:
    resource, _case, code = coded(country)
    change = filed(country, resource)
    terms = {"commercial": False, "derivatives": True, "attribution": "a"}
    country.as_(TRAFFIC, "legal", register.change_licence, of=code, licence="narrow", licence_terms=terms, reason="x")
    country.post()
    entered(country, change)
    for node in (BUREAU, TRAFFIC, BIKES):
        shown = country.view(node, register.resource, code_or_id=code)
        assert (shown["abstract"], shown["licence"]["commercial"]) == (NEW, False)


def test_a_product_gets_another_input_and_stays_what_it_was_until_then(country: Country) -> None:
    """Private inputs make a private product; with public data among them it is registered as public data's (REG-430)."""
    country.join(TRAFFIC, BIKES, GROUP)
    trips = code_of(country, BIKES, declared(country, BIKES, public_data=False)["id"])
    gates = code_of(country, TRAFFIC, declared(country, TRAFFIC, digest=PROOF)["id"])
    facts = {**product_facts([trips]), "public_data": False}
    made = country.as_(GROUP, "product_manager", register.declare_product, **facts)["id"]
    files = {"recipe": "sha256:" + "3" * 64}
    country.as_(GROUP, "product_manager", register.preserve_evidence, of=made, files=files)
    flows = code_of(country, GROUP, made, "product_manager")
    asked = {"of": made, "type": "change", "materials": {"reason": "增加卡口"}}
    both = {"inputs": [trips, gates]}
    private = country.as_(GROUP, "product_manager", register.draft_case, **asked, changes=both)["id"]
    told = refusal(country.as_, GROUP, "product_manager", register.submit_case, case=private)
    assert (told.code, [one.where for one in told.problems]) == ("REG-430", [gates])
    case = country.as_(GROUP, "product_manager", register.draft_case, **asked, changes={**both, "public_data": True})[
        "id"
    ]
    assert country.as_(GROUP, "product_manager", register.case, case=case)["basis"] == "mandatory"
    country.as_(GROUP, "product_manager", register.submit_case, case=case)
    country.post()
    publicised(country, case)
    assert country.view(GROUP, register.product, code_or_id=made)["inputs"] == [trips]
    with country.stores[BUREAU].read() as tx:
        later = tx.business_now
    country.move_to(later.replace(month=later.month + 1))
    registry(country, "registrar", register.code_case, case=case)
    for node in (GROUP, TRAFFIC):
        shown = country.view(node, register.product, code_or_id=flows)
        assert (shown["inputs"], shown["public_data"]) == ([trips, gates], True)
    assert not country.refused


def test_an_objection_that_is_upheld_ends_the_change_and_not_the_registration(country: Country) -> None:
    resource, case, code = coded(country)
    change = filed(country, resource)
    publicised(country, change)
    facts = {"name": "某公司", "grounds": "描述不实", "evidence_digest": PROOF}
    objection = registry(country, "registrar", register.object_to_case, case=change, **facts)["id"]
    registry(country, "registrar", register.settle_objection, objection=objection, upheld=True, reason="属实")
    assert (state(country, change, TRAFFIC), state(country, case, TRAFFIC)) == ("ENDED", "CODED")
    assert (gaps(country, BIKES, code), abstract(country, BIKES, code) == NEW) == ([], False)
    assert state(country, filed(country, resource)) == "SUBMITTED", "it may be applied for again"


@pytest.mark.parametrize("by", ["rejected", "not passed"])
def test_a_change_that_does_not_pass_leaves_all_as_it_was(country: Country, by: str) -> None:
    resource, case, code = coded(country)
    change = filed(country, resource)
    if by == "rejected":
        registry(country, "registrar", register.reject_case, case=change, reasons="非重大变更")
    else:
        registry(country, "registrar", register.accept_case, case=change)
        registry(country, "reviewer", register.review_case, case=change, passed=False, remarks="材料不符")
    for node in (BUREAU, TRAFFIC):
        assert (state(country, change, node), state(country, case, node)) == ("ENDED", "CODED")
    assert (gaps(country, BIKES, code), abstract(country, BIKES, code) == NEW) == ([], False)


def test_where_the_registration_ends_its_changes_lapse(country: Country) -> None:
    resource, case, code = coded(country)
    change = filed(country, resource)
    publicised(country, change)
    cancel(country, case)
    registry(country, "registrar", register.accept_case, case=case)
    registry(country, "registrar", register.end_registration, case=case, reason="核实无误")
    for node in (BUREAU, TRAFFIC):
        assert (state(country, change, node), state(country, case, node)) == ("ENDED", "CANCELLED")
    assert country.view(BUREAU, register.due, most=9)["register.cases"] == []
    refused = refusal(draft, country, code)
    assert (refused.code, "cancelled or revoked" in str(refused)) == ("REG-433", True)


def test_what_lapsed_is_not_changed(country: Country) -> None:
    resource, _case, _code = coded(country)
    change = filed(country, resource)
    on(country, "2029-03-18")
    assert refusal(draft, country, resource).code == "REG-433"
    refused = refusal(registry, country, "registrar", register.accept_case, case=change)
    assert (refused.code, LAST in str(refused)) == ("REG-433", True)


def test_who_applied_for_a_change_does_not_review_it(country: Country) -> None:
    _resource, _case, code = coded(country)
    both = country.person(BUREAU, "steward", "reviewer", department="运营科")
    asked = correction(PROOF, of=code, changes={"abstract": NEW})
    case = country.act(BUREAU, both, register.draft_case, **asked)["id"]
    country.act(BUREAU, both, register.submit_case, case=case)
    country.post()
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, both, register.review_case, case=case).code == "REG-411"
    same = refusal(country.as_, BUREAU, "reviewer", register.review_case, "运营科", case=case)
    assert same.code in ("REG-411", "REG-412")
    registry(country, "reviewer", register.review_case, case=case)
    assert state(country, case, TRAFFIC) == "REVIEWED"


@pytest.mark.parametrize(
    ("node", "asked", "code", "why"),
    [
        (TRAFFIC, {"changes": {"abstract": " "}}, "REG-402", "abstract"),
        (TRAFFIC, {"changes": {"grade": 9, "area": "x"}}, "REG-402", "area"),
        (TRAFFIC, {"changes": {"abstrakt": "x"}}, "REG-402", "no such item"),
        (TRAFFIC, {"changes": {"licence": {"name": "x"}}}, "REG-402", "change_licence"),
        (TRAFFIC, {"changes": {"evidence_digest": PROOF}}, "REG-402", "preserve_evidence"),
        (TRAFFIC, {"changes": {"id": "res-2"}}, "REG-402", "stays what it is"),
        (TRAFFIC, {"changes": {"inputs": []}}, "REG-402", "no such item"),
        (TRAFFIC, {"changes": {}}, "REG-434", "ledger says already"),
        (TRAFFIC, {"materials": {}}, "REG-421", ""),
        (TRAFFIC, {"materials": {"reason": "  "}}, "REG-421", ""),
        (TRAFFIC, {"term_until": "2030-01-01"}, "REG-433", "renewal"),
        (TRAFFIC, {"type": "first"}, "REG-433", "has no changes"),
        (TRAFFIC, {"materials": {"reason": "x", "proof": PROOF}}, "REG-420", "no correction"),
        (BIKES, {}, "REG-433", "its registrant alone"),
        (BIKES, correction("sha256:ab"), "REG-420", "no digest"),
        (BIKES, correction(co_registrants=[NAMES[BIKES]]), "REG-433", "leaves the registrants"),
        (BIKES, {"of": "7-unknown"}, "REG-433", "does not hold it"),
    ],
)
def test_a_draft_that_asks_for_what_may_not_be_is_refused(
    country: Country, node: str, asked: dict[str, Any], code: str, why: str
) -> None:
    _resource, case, data_code = coded(country)
    refused = refusal(draft, country, asked.get("of", data_code), node, **{k: v for k, v in asked.items() if k != "of"})
    assert (refused.code, why in str(refused) + "".join(f"{p.where} {p.en}" for p in refused.problems)) == (code, True)
    assert state(country, case) == "CODED"


HOSTILE = {
    "another's": (BIKES, {}, "REG-420"),
    "an unnamed change": (TRAFFIC, {"object": {"grade": 1}}, "REG-433"),
    "no code": (TRAFFIC, {"materials": {"reason": "x"}}, "REG-420"),
    "a form of its own": (TRAFFIC, {"materials": {"reason": "x", "registration": ["x"]}}, "REG-420"),
    "evidence of others": (
        BIKES, {"type": "correction", "changes": {"evidence_digest": PROOF}, "proof": PROOF}, "REG-433",
    ),
    "the id": (TRAFFIC, {"changes": {"id": "res-9"}}, "REG-402"),
    "the licence": (TRAFFIC, {"changes": {"abstract": NEW, "licence": {"name": "x"}}}, "REG-402"),
    "without a reason": (TRAFFIC, {"reason": ""}, "REG-421"),
    "a term": (TRAFFIC, {"term_until": "2040-01-01"}, "REG-433"),
    "another name": (
        BIKES, {"type": "correction", "registrants": [{"party": NAMES[TRAFFIC], "name": "x"}], "proof": PROOF}, "REG-433",
    ),
    "another kind": (TRAFFIC, {"type": "renewal"}, "REG-413"),
}  # fmt: skip


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_filing_is_refused(country: Country, attack: str) -> None:
    resource, _case, code = coded(country)
    sender, changes, wanted = HOSTILE[attack]
    changes = dict(changes)
    sound = country.view(TRAFFIC, register.case, case=draft(country, resource))["filing"]
    asked = changes.pop("changes", {"abstract": NEW})
    named = {"reason": changes.pop("reason", "x"), "registration": {"code": code, "changes": asked}}
    if "proof" in changes:
        named["proof"] = changes.pop("proof")
    before = entry(country, BUREAU, code)
    thing = {**before["object"], **asked, **changes.pop("object", {}), "licence": before["object"]["licence"]}
    told = {"materials": named, **changes, "object": thing}
    word = spoilt(country, sender, sound, case="case-hostile", **told)
    assert refusal(country.deliver, sender, "register.case_filed", {"filing": word}, BUREAU).code == wanted
    assert entry(country, BUREAU, code) == before


def test_a_torn_change_is_refused_and_a_first_filing_does_not_become_one(country: Country) -> None:
    resource, _case, _code = coded(country)
    case = draft(country, resource)
    sound = spoilt(country, TRAFFIC, country.view(TRAFFIC, register.case, case=case)["filing"])
    torn = json.loads(json.dumps(sound))
    torn["object"]["abstract"] = torn["materials"]["registration"]["changes"]["abstract"] = "另一内容"
    assert refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": torn}, BUREAU).code == "REG-420"
    country.deliver(TRAFFIC, "register.case_filed", {"filing": sound}, BUREAU)
    country.deliver(TRAFFIC, "register.case_filed", {"filing": sound}, BUREAU)
    other = spoilt(country, TRAFFIC, {**sound, "type": "correction"})
    assert refusal(country.deliver, TRAFFIC, "register.case_filed", {"filing": other}, BUREAU).code == "REG-420"


def test_what_is_filed_lapses_from_wherever_it_stands_and_nobody_asks_for_that() -> None:
    assert {now for now, act in MOVES if act is Act.lapse} == FILED
    for kind, last, other in (("first", Act.code, Act.enter), ("change", Act.enter, Act.code)):
        acts = rules.open_acts(State.PUBLICISED, kind)
        assert (last in acts, other in acts, Act.lapse in acts) == (True, False, False)
