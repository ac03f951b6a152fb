"""The one ledger: incremental, counted, signed, and closed to everybody but the registry."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

import pytest
from register_country import NAMES, Country, declared, resource_facts

from datong.ground import codes
from datong.ground.refusal import Refusal
from datong.register import rules
from datong.register import service as register

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
