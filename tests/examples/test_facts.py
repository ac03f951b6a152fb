"""The paper of the example: valid codes, the roles the journey needs, facts that the rooms accept."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from datong.ground import codes
from datong.terms.roles import PERSON_ROLES

EXAMPLE = Path(__file__).parents[2] / "examples" / "city-mobility"
FILES = sorted(path.stem for path in (EXAMPLE / "facts").glob("*.yaml"))


@pytest.fixture(scope="module")
def paperwork() -> Iterator[ModuleType]:
    sys.path.insert(0, str(EXAMPLE))
    yield importlib.import_module("paperwork")
    sys.path.remove(str(EXAMPLE))


@pytest.fixture(scope="module")
def known(paperwork: ModuleType) -> dict[str, str]:
    parties = paperwork.parties()
    subject = parties["traffic-bureau"]["credit_code"]
    return {
        "passages": codes.data_code("7", subject, "5201", "PASSAGES"),
        "trips": codes.data_code("7", subject, "5201", "TRIPS000"),
        "product": codes.data_code("6", subject, "5201", "FLOWS000"),
        **{f"party:{slug}": party["credit_code"] for slug, party in parties.items()},
        **{
            f"node:{slug}": codes.node_code(p["node_type"], p["credit_code"], "5201", "NODE0000")
            for slug, p in parties.items()
        },
    }


def test_five_parties_with_valid_codes_of_the_region(paperwork: ModuleType) -> None:
    parties = paperwork.parties()
    assert list(parties) == ["bike-company", "traffic-bureau", "data-bureau", "data-group", "city-lab"]
    assert [p["port"] for p in parties.values()] == [8401, 8402, 8403, 8404, 8405]
    assert [p["node_type"] for p in parties.values()] == ["5", "5", "2", "4", "5"]
    assert len({p["credit_code"] for p in parties.values()}) == 5
    for party in parties.values():
        assert codes.credit_code_fault(party["credit_code"]) is None, party["slug"]
        assert party["credit_code"][2:8] == party["region_code"] == "520100"


def test_one_wrong_sign_in_any_place_of_a_credit_code_is_found(paperwork: ModuleType) -> None:
    for party in paperwork.parties().values():
        code = party["credit_code"]
        for place in range(18):
            wrong = code[:place] + ("1" if code[place] != "1" else "2") + code[place + 1 :]
            assert codes.credit_code_fault(wrong) is not None, (code, place)


NEEDED = {
    "bike-company": {"operator", "data_engineer", "legal", "finance", "product_manager"},
    "traffic-bureau": {"operator", "data_engineer", "legal", "product_manager", "finance"},
    "data-bureau": {"operator", "steward", "registrar", "reviewer", "auditor", "price_officer", "assessor"},
    "data-group": {"operator", "product_manager", "legal", "reviewer", "finance", "auditor"},
    "city-lab": {"operator", "analyst", "legal", "finance"},
}


def test_people_hold_the_roles_the_journey_needs(paperwork: ModuleType) -> None:
    for slug, party in paperwork.parties().items():
        people = party["people"]
        held = {role for person in people for role in person["roles"]}
        assert held == NEEDED[slug] and held <= {role.value for role in PERSON_ROLES}
        assert len({person["login"] for person in people}) == len(people)
        assert {person["department"] for person in people} <= {d["code"] for d in party["departments"]}
        assert all(re.fullmatch(r"[a-z]+\.[a-z]+", p["login"]) and p["name"] and p["name_en"] for p in people)


def test_where_one_body_is_both_the_departments_differ(paperwork: ModuleType) -> None:
    bureau = paperwork.parties()["data-bureau"]["people"]
    department = {role: {p["department"] for p in bureau if role in p["roles"]} for role in NEEDED["data-bureau"]}
    assert department["steward"].isdisjoint(department["reviewer"] | department["registrar"] | department["assessor"])
    assert len(paperwork.logins("data-bureau", "steward")) == 2  # a collective decision, and drafter and approver
    assert set(paperwork.logins("data-bureau", "registrar")).isdisjoint(paperwork.logins("data-bureau", "reviewer"))
    with pytest.raises(KeyError, match="nobody at city-lab is steward"):
        paperwork.logins("city-lab", "steward")


@pytest.mark.parametrize("name", FILES)
def test_every_reference_of_a_fact_is_filled_or_named(paperwork: ModuleType, known: dict[str, str], name: str) -> None:
    assert "$" not in repr(paperwork.facts(name, known))
    if "$" in (EXAMPLE / "facts" / f"{name}.yaml").read_text(encoding="utf-8"):
        with pytest.raises(KeyError, match=f"facts/{name}.yaml also needs"):
            paperwork.facts(name, {})


def test_the_cost_survey_gives_a_revenue_that_covers_the_ceiling(paperwork: ModuleType, known: dict[str, str]) -> None:
    rules = importlib.import_module("datong.price.rules")
    figures = {f.name: f.value for f in rules.maximum_permitted_revenue(paperwork.facts("cost-survey", known))}
    price = paperwork.facts("price", known)
    ceiling = price["ceiling"]
    rules.check_ceilings("p", ceiling["cap_fen"], ceiling["forecast_count"], [], figures["mpr"])
    for fee in price["fees"]:
        rules.check_fee("p", fee["purpose"], fee["amount_fen"], ceiling["cap_fen"], guided=True)
    bad = price["refused_fee"]
    with pytest.raises(Exception, match="PRC-602"):
        rules.check_fee("p", bad["purpose"], bad["amount_fen"], ceiling["cap_fen"], guided=True)


INSTRUMENTS = ["plan", "agreement", "consent", "data-use"]


def instruments(paperwork: ModuleType, known: dict[str, str]) -> list[dict[str, Any]]:
    return [paperwork.facts(n, known) for n in INSTRUMENTS] + list(paperwork.facts("legal-basis", known).values())


def test_the_instruments_are_complete(paperwork: ModuleType, known: dict[str, str]) -> None:
    rules = importlib.import_module("datong.authorise.rules")
    purposes = importlib.import_module("datong.terms.policy").PURPOSES
    for fact in instruments(paperwork, known):
        content = {
            "grantor_party": "own",
            "grantee_party": "",
            "grantee_node": "",
            "copies_to": [],
            "acts": [],
            **fact,
            "from": fact["from_at"],
            "until": fact["until_at"],
        }
        assert rules.draft_problems(fact["kind"], content, purposes) == [], fact["kind"]
    plan, agreement = paperwork.facts("plan", known), paperwork.facts("agreement", known)
    assert len(plan["items"]) == 12 and len(agreement["items"]) == 13 + 1  # and how the operator was chosen
    for name in plan["items"]:
        items = {k: v for k, v in plan["items"].items() if k != name}
        without = {**plan, "from": "2026-01-01", "until": "2027-01-01", "items": items}
        nobody = {"grantor_party": "own", "grantee_party": "", "grantee_node": "", "copies_to": []}
        assert [p.where for p in rules.draft_problems("plan", without | nobody, purposes)] == [f"items.{name}"]


def test_the_assessment_answers_every_question_and_one_worse_answer_costs(
    paperwork: ModuleType, known: dict[str, str]
) -> None:
    rules = importlib.import_module("datong.deidentify.rules.assessment")
    told, file = paperwork.facts("assessment", known), rules.rules_in_force()
    for recipient in ("data-group", "city-lab"):
        assert rules.answer_problems(file, told[recipient]["answers"]) == []
    good = rules.threats(file, told["city-lab"]["answers"]).cr
    worse = rules.threats(file, told["city-lab"]["answers"] | told["worsened"]).cr
    assert 0.2 * good <= 0.05 < 0.2 * worse


def test_the_recipe_is_one_the_counting_room_accepts(paperwork: ModuleType, known: dict[str, str]) -> None:
    rules = importlib.import_module("datong.deidentify.rules.recipe")
    value = paperwork.facts("mobility-flows", known)
    for part, resource in zip(value["parts"], (known["trips"], known["passages"]), strict=True):
        part["resource"] = resource  # as compose define_product does
    assert rules.recipe_problems(value) == []
    recipe = rules.recipe_of(value)
    assert (recipe.origin, recipe.zone, recipe.k) == ((42.0, -72.8), "America/New_York", 5)
    assert [(level.km, level.hours) for level in recipe.levels] == [
        (1, 1), (2, 1), (2, 3), (10, 3), (10, 24), (None, 24), (None, None),
    ]  # fmt: skip
    figures = [column for part in recipe.parts for column in rules.figure_columns(part)]
    assert {"starts", "ends", "start_riders", "end_riders", "vehicles"} <= set(figures)


def test_the_recipe_counts_columns_that_the_standards_have(paperwork: ModuleType, known: dict[str, str]) -> None:
    workspaces = {"trip": "bike-company", "vehicle_passage": "traffic-bureau"}
    for part in paperwork.facts("mobility-flows", known)["parts"]:
        standard = part["standard"]
        path = EXAMPLE / "workspaces" / workspaces[standard] / "standards" / f"{standard}.odcs.yaml"
        elements = {e["name"]: e for e in yaml.safe_load(path.read_text(encoding="utf-8"))["schema"][0]["properties"]}
        for measure in part["measures"]:
            assert {measure[key] for key in ("subject", "time", "lat", "lon")} <= set(elements)
            assert elements[measure["subject"]]["classification"] == "personal"
        if "types" in part:
            allowed = {entry["value"] for entry in elements[part["types"]["column"]]["enum"]}
            assert {value for values in part["types"]["classes"].values() for value in values} <= allowed
