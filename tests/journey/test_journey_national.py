"""The chapter of the national rail: what was filed, what the platform recorded, what each side and a stranger can see
of it, what the story tells; and the capability checklist of five nodes, held to the table of the reference page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from paperwork import BIKE, BUREAU, GROUP, LAB, REGISTRY, facts, parties

from datong.audit.service.capability import NOT_YET, SHOWN, WAITS
from datong.terms.policy import policy_hash, templates
from demo_run import ROOT, Run
from living import Living, refusal

PAGE = ROOT / "docs/reference/national-rail.md"


@pytest.fixture(scope="module")
def living(living: Living) -> Living:
    """The five nodes, and what the chapter knows of them."""
    living.walked("national")
    return living


@pytest.fixture
def told(living: Living) -> dict[str, Any]:
    """The chapter's figures, as the replayed journey read them from the nodes."""
    return dict(living.journey.known["national"])


@pytest.fixture
def bought(living: Living) -> dict[str, Any]:
    """The national card of the contract that was concluded by the Dataspace Protocol."""
    return dict(living.who(LAB, "legal").ask("negotiate.contract", id=living.agreement("product"))["national"])


@pytest.fixture
def ended(living: Living) -> str:
    """The contract that was concluded on the national rail, and ended early."""
    return living.agreement("national")


def test_the_contract_bought_by_dsp_stands_filed_at_the_platform(living: Living, bought: dict[str, Any]) -> None:
    assert (bought["filing"], bought["platform"]) == ("filed", living.code(f"node:{REGISTRY}"))
    assert len(bought["contract_id"]) == 47
    assert bought["contract_id"][1:24] == bought["platform"][:23]
    agreement = living.who(LAB, "legal").ask("negotiate.contract", id=living.agreement("product"))
    assert agreement["state"] == "FINALIZED", "filing takes nothing from it"
    whole = living.who(REGISTRY, "auditor").ask("negotiate.filing", contract=bought["contract_id"])["versions"]
    assert [version["hash"] for version in whole] == [bought["hash"]]
    assert whole[0]["filer"] == living.code(f"node:{LAB}")
    extension = whole[0]["message"]["contractExpansionItem"]
    extension = json.loads(extension) if isinstance(extension, str) else extension
    assert extension["agreement"]["policy_hash"] == agreement["policy_hash"]
    assert len(extension["agreement"]["signatures"]) == 2


@pytest.mark.parametrize(("role", "level"), [("auditor", 3), ("registrar", 2), ("price_officer", 1)])
def test_who_sees_how_much_of_a_filing(living: Living, bought: dict[str, Any], role: str, level: int) -> None:
    seen = living.who(REGISTRY, role).ask("negotiate.filing", contract=bought["contract_id"])["versions"][-1]
    assert seen["level"] == level
    assert ("message" in seen) == (level > 1)
    assert ("strategy" in seen.get("message", {})) == (level > 1)
    assert ("contractExpansionItem" in seen.get("message", {})) == (level > 2)


def test_its_performance_is_what_was_metered(living: Living, bought: dict[str, Any], finished: Run) -> None:
    (report,) = [
        row for row in heard(living, REGISTRY, bought["contract_id"]) if row["interface"] == "contractExecution"
    ]
    details = json.loads(report["body"]["executedStrategy"]["executionDetails"])
    events = living.who(GROUP, "finance").ask("meter.usage", agreement=living.agreement("product"))
    assert len(events) == finished.report["usage"]["events"]
    assert report["peer"] == living.code(f"node:{LAB}")
    assert details["events_so_far"] <= len(events)


def heard(living: Living, slug: str, contract: str) -> list[dict[str, Any]]:
    """What a node was told of a contract."""
    rows = living.who(slug, "operator").ask("deliver.control_messages", contract=contract)
    return [row for row in rows if row["direction"] == "in"]


def test_the_contract_of_the_national_rail_went_through_the_platform(living: Living, ended: str) -> None:
    filing = living.who(REGISTRY, "auditor").ask("negotiate.filing", contract=ended)
    assert [one["signatures"] for one in filing["rounds"]] == [0, 1, 2, 2]
    lab, group = living.code(f"node:{LAB}"), living.code(f"node:{GROUP}")
    assert [one["sender"] for one in filing["rounds"]] == [lab, group, lab, group]
    assert filing["versions"][-1]["status"] == "06"
    assert (
        filing["versions"][-1]["ending"]["reason"] == facts("national-rail", living.journey.codes)["contract"]["reason"]
    )


def test_both_sides_hold_it_as_ended_under_the_platforms_id(living: Living, ended: str) -> None:
    for slug, role in ((LAB, "legal"), (GROUP, "legal")):
        shown = living.who(slug, role).ask("negotiate.contract", id=ended)
        assert (shown["state"], shown["code"], shown["signed"]) == ("TERMINATED", ended, "both"), slug
        assert (shown["national"]["status"], shown["national"]["sign_mode"]) == ("06", "02"), slug
        assert shown["national"]["issuer"] == living.code(f"node:{LAB}")


def test_usage_control_was_told_and_the_end_is_proven(living: Living, ended: str) -> None:
    at = {slug: heard(living, slug, ended) for slug in (REGISTRY, GROUP, LAB)}
    kinds = {slug: sorted(row["interface"] for row in rows) for slug, rows in at.items()}
    assert kinds == {
        REGISTRY: ["contractExecution", "fulfillmentProof"],
        GROUP: ["contractExecution", "executionFeedback", "fulfillmentProof", "strategySend"],
        LAB: ["strategySend"],
    }
    (feedback,) = [row for row in at[GROUP] if row["interface"] == "executionFeedback"]
    assert (feedback["body"]["result"], feedback["body"]["details"]["action"]) == ("allowed", "download")
    proofs = [
        row["body"]["log"]["destruction"] for slug in (REGISTRY, GROUP) for row in at[slug] if "log" in row["body"]
    ]
    ours = next(row for row in living.who(LAB, "legal").ask("deliver.endings") if row["id"] == ended)["proof"]
    assert proofs == [ours, ours]
    assert [file["role"] for file in ours["files"]] == ["received"]
    kept = [file for file in (living.folder / LAB).rglob("*.parquet") if "received" not in file.parts]
    assert not [file for file in kept if ended in str(file)]


def test_what_ends_early_leaves_the_contracts_of_the_journey_and_their_money_alone(living: Living, ended: str) -> None:
    for name in ("trips", "passages", "product"):
        slug = LAB if name == "product" else GROUP
        found = living.who(slug, "legal").ask("negotiate.contract", id=living.agreement(name))
        assert found["state"] == "FINALIZED", name
    assert living.who(GROUP, "finance").ask("meter.usage", agreement=ended), "its delivery was metered"
    invoices = living.who(GROUP, "finance").ask("settle.invoices")
    assert {invoice["agreement"] for invoice in invoices} == {living.agreement("product")}


def test_a_stranger_learns_nothing_of_a_contract(living: Living, ended: str) -> None:
    assert living.who(BUREAU, "legal").ask("deliver.control_messages", contract=ended) == []
    assert refusal(lambda: living.who(BUREAU, "legal").ask("negotiate.contract", id=ended)).code == "CTR-408"
    assert refusal(lambda: living.who(BUREAU, "legal").ask("negotiate.filing", contract=ended)).code == "CTR-444"


def test_identities_were_decided_and_no_list_shows_their_attributes(living: Living) -> None:
    paper = facts("national-rail", living.journey.codes)
    rows = living.who(REGISTRY, "registrar").ask("register.identities")
    assert [(row["kind"], row["act"], row["state"]) for row in rows] == [
        ("organisation", "register", "active"), ("agent", "register", "active"), ("person", "register", "cancelled"),
        ("organisation", "update", "done"), ("person", "cancel", "done"),
    ]  # fmt: skip
    assert rows[0]["identity_code"] == living.code(f"party:{LAB}")
    for secret in (
        paper["person"]["certCode"],
        paper["agent"]["operatorId"],
        paper["organisation"]["legalPersonCertno"],
    ):
        assert secret not in json.dumps(rows)
        for slug in (REGISTRY, LAB):
            for file in (living.folder / slug).glob("datong.db*"):
                assert secret.encode() not in file.read_bytes(), f"{file} holds the number of a document in the clear"


def test_the_visitor_came_and_went_and_the_five_stayed(living: Living) -> None:
    visitor = facts("national-rail", living.journey.codes)["visitor"]
    directory = living.who(REGISTRY, "registrar").ask("register.directory")
    assert {row["party"]: row["state"] for row in directory} == {
        **{party["credit_code"]: "active" for party in parties().values()}, visitor["credit_code"]: "revoked",
    }  # fmt: skip
    code = next(row["code"] for row in directory if row["state"] == "revoked")
    states = {row["node"]: row["state"] for row in living.who(REGISTRY, "registrar").ask("register.connectors")}
    assert states.pop(code) == "left"
    assert set(states) == {living.code(f"node:{slug}") for slug in parties() if slug != REGISTRY}


def test_the_merged_catalogue_and_a_code_lead_to_who_has_it(living: Living) -> None:
    listed = living.who(REGISTRY, "registrar").ask("catalogue.merged_catalogue")
    assert {(row["dataset"], row["node"]) for row in listed} == {
        (living.code("trips"), living.code(f"node:{BIKE}")), (living.code("passages"), living.code(f"node:{BUREAU}")),
        (living.code("product"), living.code(f"node:{GROUP}")),
    }  # fmt: skip
    found = living.world.http.get(f"{living.address(REGISTRY)}/node/resolve/{living.code('product')}").json()
    assert (found["holder"], found["address"]) == (living.code(f"node:{GROUP}"), living.address(GROUP))


def test_the_space_has_its_members_and_its_state_is_known_at_the_function_node(living: Living) -> None:
    open_now, closed = sorted(
        living.who(GROUP, "operator").ask("register.spaces"), key=lambda row: row["state"] == "closed"
    )
    assert (open_now["name"], open_now["members"], closed["state"]) == ("城市出行可信数据空间", 2, "closed")
    reports = living.who(REGISTRY, "registrar").ask("register.connector_reports", node=living.code(f"node:{GROUP}"))
    told = {row["space"]: (row["name"], row["state"], row["members"]) for row in reports[-1]["body"]["spaces"]}
    assert told[open_now["id"]] == (open_now["name"], "open", 2)
    for slug in (BIKE, LAB):
        (known,) = living.who(slug, "operator").ask("register.spaces")
        assert (known["id"], known["name"]) == (open_now["id"], open_now["name"])


def test_the_product_is_sold_by_the_template_the_group_wrote(living: Living) -> None:
    (own,) = [one for one in living.who(GROUP, "legal").ask("catalogue.policy_templates") if one["source"] == "node"]
    assert (own["name"], own["zh"]) == ("mobility-sale", "出行流量销售")
    agreement = living.who(LAB, "legal").ask("negotiate.contract", id=living.agreement("product"))
    text = (living.folder / GROUP / "policies/templates/mobility-sale.yaml").read_text("utf-8")
    values = {name: agreement["terms"][name] for name in ("purpose", "from", "until")}
    made = templates.filled(templates.template(own["name"], yaml.safe_load(text)), values, agreement["policy"]["id"])
    assert policy_hash(made) == agreement["policy_hash"]


def test_a_policy_is_explained_and_decided_by_the_id_of_its_contract_or_offer(living: Living) -> None:
    """By `datong policy`, in the folder of a node that is running."""
    agreement = living.agreement("product")
    contract = living.who(LAB, "legal").ask("negotiate.contract", id=agreement)
    (found,) = living.who(LAB, "analyst").ask("catalogue.find", q="出行流量")
    offers = [offer["id"] for offer in found["offers"]]

    def said(slug: str, verb: str, name: str, *more: str) -> Any:
        command = ("policy", verb, name, *more, "--workspace", str(living.folder / slug), "--json")
        done = living.cli(slug, "legal", *command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    for slug in (LAB, GROUP):
        told = said(slug, "explain", agreement)
        assert told["hash"] == contract["policy_hash"], "what both signed"
        assert told["rules"] and all(rule["zh"] and rule["en"] for rule in told["rules"])
    rules = [{key: rule[key] for key in ("place", "zh", "en")} for rule in told["rules"]]
    of_offers = [said(GROUP, "explain", offer)["rules"] for offer in offers]
    assert rules in [[{key: rule[key] for key in ("place", "zh", "en")} for rule in each] for each in of_offers]
    assert said(LAB, "decide", agreement, "--action", "sell")["outcome"] in ("denied", "default_denied")
    unknown = living.cli(LAB, "legal", "policy", "explain", "agr-none", "--workspace", str(living.folder / LAB))
    assert unknown.returncode != 0 and "CLI-410" in unknown.stderr


def test_the_story_tells_the_chapter_in_both_languages(finished: Run, told: dict[str, Any]) -> None:
    story = json.loads((finished.folder / GROUP / "story.json").read_text("utf-8"))
    link = next(link for link in story["links"] if link["name"] == "national")
    assert (link["zh"], link["en"]) == ("国家数据基础设施", "The national rail")
    figures = {str(told[name]) for name in ("identities", "connectors", "listed", "rounds", "destroyed")}
    assert figures == {"3", "4", "1"} and told["destroyed"] == 1
    for said in (link["said_zh"], link["said_en"]):
        assert figures <= set(re.findall(r"\d+", said)), said
    assert {name: story["national"][name] for name in told} == told


# --- the capability checklist ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checklist(living: Living) -> dict[str, dict[str, Any]]:
    """Every item with the nodes it is shown at: {id: {state, at: [slug], waits_for, zh}}."""
    found: dict[str, dict[str, Any]] = {}
    for slug in parties():
        for item in living.who(slug, "operator").ask("audit.capability")["items"]:
            row = found.setdefault(
                item["id"], {"zh": item["zh"], "basic": item["basic"], "at": [], "waits_for": item["waits_for"]}
            )
            if item["state"] == SHOWN:
                assert all(one["answered"]["count"] > 0 for one in item["shown_by"]), item["id"]
                row["at"].append(slug)
    for row in found.values():
        row["state"] = WAITS if row["waits_for"] else SHOWN if row["at"] else NOT_YET
    return found


ANOTHER_MAKE = "6.2.d"
"""Shown where a connector of another make comes (--edc), which is a part of make conformance."""


def test_every_item_is_shown_at_one_of_the_nodes_or_says_what_it_waits_for(
    checklist: dict[str, dict[str, Any]],
) -> None:
    assert len(checklist) == 70
    assert [id for id, row in checklist.items() if row["state"] == NOT_YET] == [ANOTHER_MAKE]


def test_the_reference_page_says_of_each_item_what_the_demonstration_shows(
    checklist: dict[str, dict[str, Any]],
) -> None:
    assert table(PAGE) == [written(id, row) for id, row in checklist.items()]
    counts = {state: sum(row["state"] == state for row in checklist.values()) for state in (SHOWN, WAITS)}
    basic = sum(row["basic"] and row["state"] == SHOWN for row in checklist.values())
    assert (
        f"**{counts[SHOWN]} of the 70 items are shown, {basic} of the 38 basic ones; {counts[WAITS]} wait**, and one is"
        f" shown with a connector of another make ({ANOTHER_MAKE}, `make demo EDC=0.15.1`)" in PAGE.read_text("utf-8")
    )


def written(id: str, row: dict[str, Any]) -> str:
    """The row of the page's table."""
    where = "every node" if len(row["at"]) == len(parties()) else ", ".join(row["at"])
    if id == ANOTHER_MAKE:
        where = "data-group, with `make demo EDC=0.15.1`"
    return f"| {id} | {row['zh']} | {'basic' if row['basic'] else ''} | {row['state']} | {where or row['waits_for']} |"


def table(page: Path) -> list[str]:
    return [line for line in page.read_text("utf-8").splitlines() if re.match(r"\| [678]\.\d+\.[a-d] \|", line)]
