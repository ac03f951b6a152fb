"""The one ledger: incremental, counted, signed, and closed to everybody but the registry."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from register_country import NAMES, Country, declared, resource_facts

from datong.ground import codes, signing
from datong.ground.evidence.leaves import leaves
from datong.ground.jobs import jobs
from datong.ground.refusal import Refusal
from datong.register import rules, store
from datong.register import service as register
from datong.register.service import following

BUREAU, TRAFFIC, BIKES, GROUP = "data-bureau", "traffic-bureau", "bike-company", "data-group"


def coded(country: Country, node: str, of: str, role: str = "data_engineer", **draft: Any) -> str:
    case = country.as_(node, role, register.draft_case, of=of, materials={"products": "x"}, **draft)["id"]
    country.as_(node, role, register.submit_case, case=case)
    country.post()
    country.as_(BUREAU, "registrar", register.accept_case, case=case)
    country.as_(BUREAU, "reviewer", register.review_case, case=case)
    country.as_(BUREAU, "registrar", register.publicise_case, case=case)
    with country.stores[BUREAU].read() as tx:
        since = tx.business_now
    country.move_to(since.replace(month=since.month + 1))
    code = country.as_(BUREAU, "registrar", register.code_case, case=case)["code"]
    country.post()
    assert not country.refused
    return str(code)


def product_facts(inputs: list[str]) -> dict[str, Any]:
    facts = resource_facts(name_zh="出行流量", name_en="mobility flows", public_data=True)
    facts = {name: value for name, value in facts.items() if not name.startswith("source")}
    return facts | {"inputs": inputs, "delivery_forms": ["controlled"]}


def test_resources_and_a_product_enter_and_are_exported_incrementally(country: Country) -> None:
    country.join(TRAFFIC, BIKES, GROUP)
    gates = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    first = country.as_(BUREAU, "registrar", register.ledger)
    trips = coded(country, BIKES, declared(country, BIKES, digest="sha256:" + "9" * 64, public_data=False)["id"])
    made = country.as_(GROUP, "product_manager", register.declare_product, **product_facts([gates, trips]))
    country.as_(
        GROUP, "product_manager", register.preserve_evidence, of=made["id"], files={"recipe": "sha256:" + "3" * 64}
    )
    flows = coded(country, GROUP, made["id"], "product_manager", term_until="2027-12-31")
    assert codes.parse_data_code(flows).kind == "product"
    later = country.as_(BUREAU, "registrar", register.ledger, since_version=first["version"])
    assert [entry["code"] for entry in first["entries"]] == [gates]
    assert [entry["code"] for entry in later["entries"]] == [trips, flows]
    assert later["entries"][1]["valid_until"] == "2027-12-31"
    assert later["counts"] == [
        {"kind": "product", "area": "5201", "industry": "", "public_data": True, "count": 1},
        {"kind": "resource", "area": "5201", "industry": "", "public_data": False, "count": 1},
        {"kind": "resource", "area": "5201", "industry": "", "public_data": True, "count": 1},
    ]
    nothing = country.as_(BUREAU, "registrar", register.ledger, since_version=later["version"])
    assert (nothing["entries"], nothing["tombstones"], nothing["version"]) == ([], [], later["version"])
    at_group = country.view(GROUP, register.resource, code_or_id=trips)
    assert (at_group["public_data"], at_group["owner"]) == (False, NAMES[BIKES])
    assert country.view(TRAFFIC, register.product, code_or_id=flows)["inputs"] == [gates, trips]
    with pytest.raises(Refusal) as caught:
        country.view(TRAFFIC, register.resource, code_or_id=flows)
    assert caught.value.code == "REG-419"


SPOILED = [
    ("another licence", lambda e: e["object"]["licence"].update(commercial=True, name="free")),
    ("another owner", lambda e: e["registrants"][0].update(party=NAMES[BIKES])),
    ("later version", lambda e: e.update(version=99)),
    ("version of text", lambda e: e.update(version="99")),
    ("bad code", lambda e: e.update(code="7" * 32)),
    ("product called resource", lambda e: e.update(kind="product")),
    ("no object", lambda e: e.update(object=None)),
    ("a field more", lambda e: e.update(more=1)),
    ("registrant of text", lambda e: e.update(registrants=["x"])),
]


@pytest.mark.parametrize(("what", "spoil"), SPOILED, ids=[what for what, _ in SPOILED])
def test_a_changed_entry_is_refused(country: Country, what: str, spoil: Any) -> None:
    country.join(TRAFFIC, BIKES)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    entry = copy.deepcopy(country.as_(BUREAU, "registrar", register.ledger)["entries"][0])
    spoil(entry)
    with pytest.raises(Refusal) as caught:
        country.deliver(BUREAU, "register.ledger_entry", {"entry": entry}, BIKES)
    assert caught.value.code == "REG-420"
    with pytest.raises(Refusal):
        country.deliver(TRAFFIC, "register.ledger_entry", {"entry": entry}, BIKES)
    assert country.view(BIKES, register.resource, code_or_id=code)["owner"] == NAMES[TRAFFIC]


@pytest.mark.parametrize("last", [{"coded_on": "9998-01-01", "valid_until": "9999-01-01"},
                                  {"type": "renewal", "valid_until": "9999-01-01"}])  # fmt: skip
def test_an_entry_of_the_last_years_of_the_calendar_is_refused(country: Country, last: dict[str, str]) -> None:
    """Also one that its registry signed: how long it may be valid cannot be counted."""
    country.join(TRAFFIC)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    entry = country.as_(BUREAU, "registrar", register.ledger)["entries"][0]
    country.join_one(BIKES)
    with country.stores[BUREAU].begin(country.person(BUREAU, "registrar"), "register") as tx:
        signed = signing.signed(tx, {**entry, **last, "signatures": []})
    with pytest.raises(Refusal, match="REG-420"):
        country.deliver(BUREAU, "register.ledger_entry", {"entry": signed}, BIKES)
    country.deliver(BUREAU, "register.ledger_entry", {"entry": entry}, BIKES)
    assert country.view(BIKES, register.resource, code_or_id=code)["owner"] == NAMES[TRAFFIC]


def test_a_product_of_public_resources_is_filed_as_one(country: Country) -> None:
    """27号 art. 16: it is registered as public data's, at the applicant and at a registry whose applicant asked nothing."""
    country.join(TRAFFIC, GROUP)
    gates = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    facts = {**product_facts([gates]), "public_data": False}
    made = country.as_(GROUP, "product_manager", register.declare_product, **facts)["id"]
    country.as_(GROUP, "product_manager", register.preserve_evidence, of=made, files={"recipe": "sha256:" + "3" * 64})
    case = country.as_(GROUP, "product_manager", register.draft_case, of=made)["id"]
    with pytest.raises(Refusal) as refused:
        country.as_(GROUP, "product_manager", register.submit_case, case=case)
    assert (refused.value.code, [p.where for p in refused.value.problems]) == ("REG-430", [gates])
    filing = country.as_(GROUP, "product_manager", register.case, case=case)["filing"]
    with country.stores[GROUP].read() as tx:
        signed = signing.signed(tx, filing)
    with pytest.raises(Refusal) as refused:
        country.deliver(GROUP, "register.case_filed", {"filing": signed}, BUREAU)
    assert refused.value.code == "REG-430"
    country.as_(GROUP, "product_manager", register.amend_description, of=made, changes={"public_data": True})
    assert country.as_(GROUP, "product_manager", register.submit_case, case=case)["state"] == "SUBMITTED"


def test_unregistered_things_say_so(country: Country) -> None:
    made = declared(country, TRAFFIC)
    assert made["state"] == "UNREGISTERED"
    assert country.view(TRAFFIC, register.registration_state, code_or_id="7" * 32) == "UNREGISTERED"
    country.as_(TRAFFIC, "data_engineer", register.draft_case, of=made["id"])
    assert country.view(TRAFFIC, register.registration_state, code_or_id=made["id"]) == "DRAFT"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name_zh": " "}, ["name_zh"]),
        ({"grade": 6, "level": "secret"}, ["grade", "level"]),
        ({"grade": True}, ["grade"]),
        ({"update_frequency": "daily", "area": "52"}, ["update_frequency", "area"]),
        (
            {"licence_terms": {"commercial": "yes", "more": 1}},
            ["licence.commercial", "licence.derivatives", "licence.attribution", "licence.more"],
        ),
        ({"source_kind": "009", "source_statement": ""}, ["source_kind", "source_statement"]),
    ],
)
def test_a_description_is_checked_all_at_once(country: Country, changes: dict[str, Any], where: list[str]) -> None:
    with pytest.raises(Refusal) as caught:
        country.as_(TRAFFIC, "data_engineer", register.declare_resource, **resource_facts(**changes))
    assert (caught.value.code, [p.where for p in caught.value.problems]) == ("REG-402", where)


def test_a_product_names_sound_resource_codes_and_forms(country: Country) -> None:
    facts = product_facts(["7" * 32]) | {"delivery_forms": ["fax"]}
    with pytest.raises(Refusal) as caught:
        country.as_(GROUP, "product_manager", register.declare_product, **facts)
    assert [p.where for p in caught.value.problems] == ["inputs[0]", "delivery_forms"]


@pytest.mark.parametrize("files", [{}, {"a": "md5:00"}, {"a": "sha256:XYZ"}, {"a": 5}])
def test_evidence_is_digests_of_files(country: Country, files: dict[str, Any]) -> None:
    made = country.as_(TRAFFIC, "data_engineer", register.declare_resource, **resource_facts())
    with pytest.raises(Refusal) as caught:
        country.as_(TRAFFIC, "data_engineer", register.preserve_evidence, of=made["id"], files=files)
    assert caught.value.code == "REG-424"


def test_validity_is_three_years_or_the_term() -> None:
    assert rules.valid_until(date(2028, 2, 29), None) == date(2031, 2, 28)
    assert rules.valid_until(date(2026, 3, 17), "2027-01-01") == date(2027, 1, 1)
    assert rules.valid_until(date(2026, 3, 17), "2035-01-01") == date(2029, 3, 17)


# --- the owner's node follows the ledger, and the ledger the owner's licence --------------------------------------


def owned(country: Country, code: str, node: str = TRAFFIC) -> dict[str, Any]:
    return dict(country.view(node, register.resource, code_or_id=code))


def entered(country: Country, code: str, **changes: Any) -> None:
    """The registry's newer signed entry arrives at the owner."""
    entry = next(e for e in country.as_(BUREAU, "registrar", register.ledger)["entries"] if e["code"] == code)
    with country.stores[BUREAU].read() as tx:
        newer = signing.signed(tx, {**entry, **changes, "version": entry["version"] + 1, "signatures": []})
    country.deliver(BUREAU, "register.ledger_entry", {"entry": newer}, TRAFFIC)


@pytest.mark.parametrize("until", ["", "some day", "2099-12-31"])
def test_no_registry_makes_a_registration_valid_for_more_than_three_years(country: Country, until: str) -> None:
    """Article 15, of what another registry's software signs as of our own."""
    country.join(TRAFFIC)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    before = country.view(TRAFFIC, register.registration, code_or_id=code)
    with pytest.raises(Refusal) as refused:
        entered(country, code, valid_until=until)
    assert refused.value.code == "REG-420"
    with country.stores[BUREAU].read() as tx:
        case = next(row for row in store.rows(tx, store.cases) if row["code"] == code)
        kept = {name: case[name] for name in following._COPIED}
        value = {"schema": "datong.case/1", "case": case["id"], "filing": case["filing"], "registry": case["registry"]}
        state = signing.signed(tx, {**value, **kept, "valid_until": until, "version": case["version"] + 1})
    with pytest.raises(Refusal) as refused:
        country.deliver(BUREAU, "register.case_state", state, TRAFFIC)
    assert refused.value.code == "REG-420"
    assert country.view(TRAFFIC, register.registration, code_or_id=code) == before
    entered(country, code, valid_until="2027-01-01")  # a shorter term is one


def test_an_entry_that_ended_is_ended_at_the_owner_too(country: Country) -> None:
    country.join(TRAFFIC)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    assert owned(country, code)["state"] == "CODED"
    entered(country, code, state="ENDED")
    assert owned(country, code)["state"] == "ENDED"
    assert country.view(TRAFFIC, register.registration_state, code_or_id=owned(country, code)["id"]) == "ENDED"
    with pytest.raises(Refusal):
        entered(country, code, state="PERHAPS", version=9)


def test_the_licence_in_the_ledger_holds_at_the_owner(country: Country) -> None:
    country.join(TRAFFIC)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    known = owned(country, code)
    thing = country.as_(BUREAU, "registrar", register.ledger)["entries"][0]["object"]
    narrower = {**thing, "licence": {**thing["licence"], "name": "non-commercial", "commercial": False}}
    entered(country, code, object=narrower)
    assert known["licence"]["commercial"] is True
    assert (owned(country, code)["licence"]["commercial"], owned(country, code)["licence"]["name"]) == (
        False,
        "non-commercial",
    )


TERMS = {"commercial": False, "derivatives": True, "attribution": "traffic bureau"}


def licensed(country: Country, node: str, of: str, commercial: bool, **more: Any) -> Any:
    asked = {"licence": "changed", "licence_terms": {**TERMS, "commercial": commercial}, "reason": "决定", **more}
    return country.as_(node, "legal", register.change_licence, of=of, **asked)


def test_the_owner_withdraws_licence_terms_and_gives_them_back(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    licensed(country, TRAFFIC, code, commercial=False)
    assert owned(country, code)["licence"]["commercial"] is False  # at once, before the registry has answered
    assert owned(country, code, BIKES)["licence"]["commercial"] is True
    country.post()
    for node in (BUREAU, TRAFFIC, BIKES):
        assert owned(country, code, node)["licence"] == {"name": "changed", **TERMS}
    licensed(country, TRAFFIC, code, commercial=True)
    assert owned(country, code)["licence"]["commercial"] is False  # wider only when it is entered
    country.post()
    for node in (BUREAU, TRAFFIC, BIKES):
        assert owned(country, code, node)["licence"]["commercial"] is True
    assert not country.refused
    acts = [row["act"] for row in country.view(BUREAU, lambda tx: store.rows(tx, leaves))]
    assert acts.count("register.licence_entered") == 2


def test_the_registry_as_owner_enters_its_own_licence(country: Country) -> None:
    country.join(BIKES)
    thing = declared(country, BUREAU)
    asked = {"of": thing["id"], "materials": {"products": "x"}}
    case = country.as_(BUREAU, "data_engineer", register.draft_case, "数据处", **asked)["id"]
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    country.as_(BUREAU, "registrar", register.accept_case, case=case)
    country.as_(BUREAU, "reviewer", register.review_case, "审核科", case=case)
    country.as_(BUREAU, "registrar", register.publicise_case, case=case)
    with country.stores[BUREAU].read() as tx:
        since = tx.business_now
    country.move_to(since.replace(month=since.month + 1))
    code = country.as_(BUREAU, "registrar", register.code_case, case=case)["code"]
    licensed(country, BUREAU, code, commercial=False)
    country.post()
    assert owned(country, code, BIKES)["licence"]["commercial"] is False


def words_on_their_way(country: Country) -> list[dict[str, Any]]:
    with country.stores[TRAFFIC].read() as tx:
        sent = [row["payload"] for row in store.rows(tx, jobs, jobs.c.added_at)]
    return [payload["body"] for payload in sent if payload.get("type") == "register.licence_changed"]


def test_an_older_word_on_the_licence_changes_nothing(country: Country) -> None:
    country.join(TRAFFIC)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    licensed(country, TRAFFIC, code, commercial=True)
    licensed(country, TRAFFIC, code, commercial=False)
    words = sorted(words_on_their_way(country), key=lambda word: str(word["at"]))
    for word in (words[1], words[0], words[0]):
        country.deliver(TRAFFIC, "register.licence_changed", word, BUREAU)
    assert owned(country, code, BUREAU)["licence"]["commercial"] is False


@pytest.mark.parametrize(
    "spoil",
    [
        lambda word: word["licence"].update(commercial=True),
        lambda word: word.update(at="2099-01-01T00:00:00Z"),
        lambda word: word.update(licence="free"),
        lambda word: word.update(code="7" * 32),
        lambda word: word.update(signatures=[]),
        lambda word: word.update(more=1),
        lambda word: word.pop("reason"),
    ],
)
def test_a_hostile_word_on_the_licence_is_refused(country: Country, spoil: Any) -> None:
    country.join(TRAFFIC, BIKES)
    code = coded(country, TRAFFIC, declared(country, TRAFFIC)["id"])
    licensed(country, TRAFFIC, code, commercial=False)
    (word,) = words_on_their_way(country)
    with pytest.raises(Refusal):
        country.deliver(BIKES, "register.licence_changed", word, BUREAU)
    with country.stores[BIKES].read() as tx:  # another member signs it for itself
        theirs = signing.signed(tx, {**word, "signatures": []})
    with pytest.raises(Refusal):
        country.deliver(BIKES, "register.licence_changed", theirs, BUREAU)
    spoil(word)
    with pytest.raises(Refusal) as caught:
        country.deliver(TRAFFIC, "register.licence_changed", word, BUREAU)
    assert caught.value.code == "REG-420"
    assert owned(country, code, BUREAU)["licence"]["commercial"] is True


def test_licence_terms_are_changed_by_the_owner_with_a_reason_once_it_is_coded(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    thing = declared(country, TRAFFIC)["id"]
    for code, ask in {
        "REG-426": {"node": TRAFFIC, "of": thing, "commercial": False},
        "REG-419": {"node": BIKES, "of": thing, "commercial": False},
        "GEN-420": {"node": TRAFFIC, "of": thing, "commercial": False, "reason": " "},
        "REG-402": {"node": TRAFFIC, "of": thing, "commercial": False, "licence_terms": {"commercial": "no"}},
    }.items():
        with pytest.raises(Refusal) as caught:
            licensed(country, **ask)
        assert caught.value.code == code


def test_of_two_licences_the_narrower_holds() -> None:
    wide, narrow = (
        {"name": "w", "commercial": True, "derivatives": True},
        {"name": "n", "commercial": False, "derivatives": True},
    )
    for one, other in ((wide, narrow), (narrow, wide)):
        assert rules.narrower_licence(one, other) == narrow
    cross = {"name": "c", "commercial": True, "derivatives": False}
    assert not {True} & {rules.narrower_licence(narrow, cross)[term] for term in ("commercial", "derivatives")}
