"""The chapter of the national rail 国家数据基础设施: what its interfaces ask for, done by the people of the five nodes.

The function node (data-bureau) decides identities and connectors, merges the catalogue, and is the service platform;
the group runs a logical space, and for a while its product is offered to the members of that alone. The contract that was bought by the Dataspace Protocol is filed there; a second one is
concluded on the national rail with the platform's help, delivered, reported, and ended early, so that nothing that
the consoles show afterwards is taken away. `told` reads every figure from the nodes. Contract: tests/journey/.
"""

from __future__ import annotations

import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

import httpx
from paperwork import BIKE, BUREAU, GROUP, LAB, parties
from paperwork import REGISTRY as PLATFORM
from reporting import counted
from world import NodeProcess, Person

from datong import app
from datong.ground.config import load
from datong.ground.crypto import profile

if TYPE_CHECKING:
    from journey import Journey

MEMBERS = tuple(slug for slug in parties() if slug != PLATFORM)
NO_SUCH_OFFER, NO_SUCH_PURPOSE = "CTR-407", "CTR-405"
"""The answer to a request for an offer that is not there, and for one that the asker may not see; and to a request for
one that it may see, for a purpose that is not allowed."""


def national(j: Journey) -> str:
    """Identities, connectors, catalogues, spaces, filed contracts, usage control: each told between real nodes."""
    visitor = Visitor(j)
    visitor.comes()
    logins(j)
    identities(j)
    spaces(j)
    filed(j)
    concluded(j)
    shown_to_all(j)
    reported(j)
    performed(j)
    ended(j)
    visitor.joins_and_leaves()
    found = j.known["national"] = told(j)
    return (
        f"{counted(found['identities'], 'identity', 'identities')} assigned, {counted(found['connectors'], 'connector')}"
        f" heard, {counted(found['listed'], 'listing')} in the merged catalogue, a space of"
        f" {counted(found['members'], 'member')}; {counted(len(found['contracts']), 'contract')} filed, one of them in"
        f" {counted(found['rounds'], 'round')} through the platform and ended early with proof of destruction"
    )


# --- identities and connectors -----------------------------------------------------------------------------------


class Visitor:
    """A sixth connector: admitted, heard, and deregistered again, while the five stay what they are."""

    def __init__(self, j: Journey) -> None:
        self.j, self.told = j, j.facts("national-rail")["visitor"]
        self.slug, self.folder = self.told["slug"], j.folder / self.told["slug"]
        self.registrar = j.who(PLATFORM, "registrar")

    @property
    def gone(self) -> bool:
        return self._member().get("state") == "revoked"

    def _member(self) -> dict[str, Any]:
        found = self.registrar.ask("register.directory")
        return next((row for row in found if row["party"] == self.told["credit_code"]), {})

    def comes(self) -> None:
        """Its node is made and started; the other steps go on meanwhile."""
        if self.gone:
            return
        if not self.folder.exists():
            self._make()
        operator = self.told["operator"]
        self.j.world.tokens[self.slug, operator["login"]] = (self.folder / "operator.token").read_text("utf-8")
        self.j.world.add(NodeProcess(self.slug, self.folder, int(load(self.folder)["node.port"])))

    def _make(self) -> None:
        """Whole or not at all: a run that is stopped here begins it anew."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        aside = self.folder.with_name(f".{self.slug}.new")
        shutil.rmtree(aside, ignore_errors=True)
        app.init(
            aside, name=self.told["name"], party=self.told["credit_code"], port=port, region="5201", kind="connector",
            crypto=profile.running().name,
        )  # fmt: skip
        world = self.j.world
        key = world.wait_for(lambda: world.about(PLATFORM).get("key"), "the function node to tell its key")
        lines = [
            "", "[demo]", f'clock_key = "{world.clock_key.public.text}"', "", "[peers]", "allow_private = true",
            "", "[function_node]", f'address = "{world.nodes[PLATFORM].address}"',
            f'key = "{key}"', "heartbeat_seconds = 1", "",
        ]  # fmt: skip
        with (aside / "datong.toml").open("a", encoding="utf-8") as out:
            out.write("\n".join(lines))
        first = app.first_operator(aside, **self.told["operator"])
        with os.fdopen(os.open(aside / "operator.token", os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(first.token)
        aside.rename(self.folder)

    def joins_and_leaves(self) -> None:
        if self.gone:
            return
        j, operator = self.j, Person(self.j.world, self.slug, self.told["operator"]["login"])
        j.world.await_node(self.slug)
        operator.do("register.apply_to_join", function_node=j.world.nodes[PLATFORM].address, kind="connector")
        party = self.told["credit_code"]
        asked = j.until(
            self.registrar, "register.join_applications", lambda rows: [r for r in rows if r["party"] == party],
            "the visitor to apply",
        )  # fmt: skip
        self.registrar.do("register.admit_node", application=next(r["id"] for r in asked if r["party"] == party))
        code = j.world.wait_for(lambda: str(j.world.about(self.slug).get("code", "")), "the visitor to hear its code")
        j.until(
            self.registrar, "register.connectors",
            lambda rows: any(row["node"] == code and row["state"] == "running" for row in rows), "the visitor's heart",
        )  # fmt: skip
        operator.do("register.apply_to_leave", function_node=j.codes[f"node:{PLATFORM}"], reason="试接入结束")
        j.until(
            self.registrar, "register.connector_reports", lambda rows: any(row["kind"] == "leave" for row in rows),
            "the visitor's application to leave", node=code,
        )  # fmt: skip
        self.registrar.do("register.revoke_node", code=code, reason="接入连接器申请注销")
        j.world.remove(self.slug)


def logins(j: Journey) -> None:
    """At the platform and at a connector a person logs in by a one-time link; a link that is none is refused."""
    for slug, role in ((PLATFORM, "registrar"), (LAB, "analyst")):
        if opened(j, slug):  # a resumed run: the link is used
            continue
        login = j.who(slug, role).login
        person = next(p["id"] for p in j.who(slug, "operator").ask("register.people") if p["login"] == login)
        link = j.who(slug, "operator").do("register.login_link", person=person)["token"]
        if lets_in(j, slug, "no-such-link"):
            raise TimeoutError(f"{slug} let somebody in by a link that is none")
        if not lets_in(j, slug, link) and not opened(j, slug):  # the second: it died before it could answer
            raise TimeoutError(f"{slug} refused a link that is valid")


def lets_in(j: Journey, slug: str, link: str) -> bool:
    """Whether a node logs the bearer of a link in; one that does not answer is asked again."""

    def answer() -> Any:
        try:
            return j.world.http.post(f"{j.world.nodes[slug].address}/enter/{link}", follow_redirects=False)
        except httpx.TransportError:
            return None

    return bool(j.world.wait_for(answer, f"{slug} to answer").status_code == 303)


def opened(j: Journey, slug: str) -> int:
    """How many sessions a node has opened."""
    return sum(
        row["act"] == "register.session_opened" for row in j.who(slug, "operator").ask("audit.leaves", limit=5000)
    )


def identities(j: Journey) -> None:
    """The lab applies in the names of itself, its agent and a person; the registrar decides; one is changed, and the
    person's is cancelled."""
    paper = j.facts("national-rail")
    firm = identity(j, "organisation", "register", paper["organisation"])
    identity(j, "agent", "register", paper["agent"])
    person = identity(j, "person", "register", paper["person"])
    identity(j, "organisation", "update", paper["organisation_changed"], firm)
    identity(j, "person", "cancel", {}, person)


def identity(j: Journey, kind: str, act: str, attributes: dict[str, str], code: str = "") -> str:
    """One application, decided at the function node; the identity's code, as the applicant was told it."""
    operator, registrar = j.who(LAB, "operator"), j.who(PLATFORM, "registrar")
    made = operator.do(
        "register.apply_identity", kind=kind, act=act, attributes=attributes, identity=code,
        function_node=j.codes[f"node:{PLATFORM}"],
    )["id"]  # fmt: skip
    j.until(registrar, "register.identities", lambda rows: any(r["id"] == made for r in rows), f"the {act} of a {kind}")
    registrar.do("register.decide_identity", application=made, admit=True)
    told = j.until(
        operator, "register.identities", lambda rows: [r for r in rows if r["id"] == made and not r["pending"]],
        f"the decision on the {kind}",
    )  # fmt: skip
    return str(next(row["identity_code"] for row in told if row["id"] == made))


def reported(j: Journey) -> None:
    """Every member reports its running state, and what it lists; a code is resolved at the function node."""
    function_node = j.codes[f"node:{PLATFORM}"]
    for slug in MEMBERS:
        j.who(slug, "operator").do("register.report_running", function_node=function_node, note="演示运行正常")
        j.who(slug, "operator").do("catalogue.report_catalogue", function_node=function_node)
    running(j)
    registrar = j.who(PLATFORM, "registrar")
    wanted = {j.codes[name] for name in ("trips", "passages", "product")}
    j.until(
        registrar, "catalogue.merged_catalogue", lambda rows: wanted <= {row["dataset"] for row in rows},
        "the merged catalogue",
    )  # fmt: skip


def running(j: Journey) -> list[dict[str, Any]]:
    """The members as the function node knows them, once it hears every heart and has every report."""
    codes = {j.codes[f"node:{slug}"] for slug in MEMBERS}

    def all_heard(rows: list[dict[str, Any]]) -> bool:
        return codes <= {row["node"] for row in rows if row["state"] == "running" and row["last_report"]}

    found = j.until(j.who(PLATFORM, "registrar"), "register.connectors", all_heard, "the members' hearts and reports")
    return [row for row in found if row["node"] in codes]


# --- a logical space ---------------------------------------------------------------------------------------------


def spaces(j: Journey) -> None:
    """The group runs a space: named anew, joined by approval, its state reported; a second one is closed again. Its
    product is shown to the members alone: the bike company finds it once it is approved, the traffic bureau does not."""
    operator, paper = j.who(GROUP, "operator"), j.facts("national-rail")["space"]
    made = operator.do("register.create_space", name=paper["name"], description=paper["description"])["id"]
    operator.do("register.change_space", space=made, name=paper["name_changed"], description=paper["description"])
    admitted(j, made, LAB)
    j.who(GROUP, "product_manager").do("catalogue.show_in_spaces", dataset=j.codes["product"], spaces=[made])
    for slug in (BIKE, BUREAU):
        outside(j, made, slug)
    admitted(j, made, BIKE)
    inside(j)
    trial = operator.do("register.create_space", name=paper["trial"])["id"]
    operator.do("register.close_space", space=trial, reason="试运行结束")
    j.known["space"] = made


def admitted(j: Journey, space: str, slug: str) -> None:
    """A node applies to join the group's space, is approved, and has its roster."""
    operator, applicant, node = j.who(GROUP, "operator"), j.who(slug, "operator"), j.codes[f"node:{slug}"]
    applicant.do("register.apply_to_space", space=space, platform=j.codes[f"node:{GROUP}"], reason="参与城市出行")
    j.until(
        operator, "register.space_members", lambda rows: any(row["node"] == node for row in rows),
        f"{slug} to apply", space=space,
    )  # fmt: skip
    operator.do("register.decide_member", space=space, node=node, admit=True)
    j.until(
        applicant, "register.space_members",
        lambda rows: any(row["node"] == node and row["state"] == "member" for row in rows),
        f"{slug} to hear that it is a member", space=space,
    )  # fmt: skip


def outside(j: Journey, space: str, slug: str) -> None:
    """Who is no member does not find the product; told its offer by somebody, it asks for it, and gets the answer of an
    offer that never was."""
    manager, group = j.who(slug, "product_manager"), j.codes[f"node:{GROUP}"]
    manager.do("catalogue.harvest", node=group, again="outside")
    j.until(
        manager,
        "catalogue.peers",
        lambda rows: any(row["source"] == group for row in rows),
        f"{slug} to read the group",
    )
    bound = j.who(GROUP, "product_manager").ask("catalogue.listing", dataset=j.codes["product"])["spaces"]
    members = {row["node"] for row in j.who(GROUP, "operator").ask("register.space_members", space=space)}
    stands_outside = bound and j.codes[f"node:{slug}"] not in members  # a resumed run may be further on
    if stands_outside and offered(manager.ask("catalogue.find"), j.codes["product"]):
        raise TimeoutError(f"{slug} sees what is for the members of a space it is not in")
    answered(j, slug, "outside", NO_SUCH_OFFER)


def inside(j: Journey) -> None:
    """The bike company, approved, looks again and finds the product. What it asks is now answered on its merits: that
    purpose is not allowed. (The lab, a member too, asks for what is allowed: `concluded`.)"""
    manager, product = j.who(BIKE, "product_manager"), j.codes["product"]
    manager.do("catalogue.harvest", node=j.codes[f"node:{GROUP}"], again="inside")
    j.until(manager, "catalogue.find", lambda rows: offered(rows, product), "the product, which members see")
    answered(j, BIKE, "inside", NO_SUCH_PURPOSE)


def answered(j: Journey, slug: str, where: str, code: str) -> None:
    """A node asks for the product for a purpose that its policy does not allow, and is answered with this code."""
    manager, product = j.who(slug, "product_manager"), j.codes["product"]
    listing = j.who(GROUP, "product_manager").ask("catalogue.listing", dataset=product)
    offer = next(one for one in listing["offers"] if one["purpose"] == j.facts("national-rail")["contract"]["purpose"])
    asked = manager.do(
        "negotiate.request", provider=j.codes[f"node:{GROUP}"], dataset=product, offer_id=offer["id"],
        purpose="credit_scoring", offer={name: offer[name] for name in ("policy", "terms")}, again=where,
    )  # fmt: skip
    ended = j.until(
        manager, "negotiate.negotiation", lambda n: n["state"] in ("FINALIZED", "TERMINATED"),
        f"the answer to {slug}, {where} the space", id=asked["id"],
    )  # fmt: skip
    if ended["state"] != "TERMINATED" or ended["reason"]["code"] != code:
        raise TimeoutError(f"{slug}, {where} the space, was answered {ended['state']} {ended.get('reason')}")


def offered(found: list[dict[str, Any]], dataset: str) -> list[dict[str, Any]]:
    return [row for row in found if row["dataset"] == dataset]


def shown_to_all(j: Journey) -> None:
    """The group opens its product to every node again, before it reports what it lists."""
    j.who(GROUP, "product_manager").do("catalogue.show_in_spaces", dataset=j.codes["product"], spaces=[])


# --- contracts ---------------------------------------------------------------------------------------------------


def filed(j: Journey) -> None:
    """The bridge: the lab files the contract it concluded by the Dataspace Protocol, and reports its performance."""
    agreement, lawyer = j.known["product.agreement"], j.who(LAB, "legal")
    carried = lawyer.ask("negotiate.carried", agreement=agreement)
    if carried["lost"]:
        raise TimeoutError(f"the national rail cannot carry {carried['lost']}")
    lawyer.do("negotiate.file_contract", agreement=agreement, platform_node=j.codes[f"node:{PLATFORM}"])
    card = is_filed(j, agreement)
    j.who(LAB, "analyst").do("deliver.report_performance", agreement=agreement)
    heard(j, PLATFORM, card["contract_id"], "contractExecution")


def concluded(j: Journey) -> None:
    """On the national rail, with the platform's help (signMode 02): the id first, then every round through it."""
    analyst, purpose = j.who(LAB, "analyst"), j.facts("national-rail")["contract"]["purpose"]
    found = analyst.ask("catalogue.find", q="出行流量")
    offer = next(o for o in found[0]["offers"] if o["terms"]["purpose"] == purpose)
    asked = analyst.do(
        "negotiate.request", provider=j.codes[f"node:{GROUP}"], dataset=j.codes["product"], offer_id=offer["id"],
        purpose=purpose, rail="national_assisted",
    )  # fmt: skip
    done = j.until(
        analyst, "negotiate.negotiation", lambda n: n["state"] in ("FINALIZED", "TERMINATED"),
        "the contract on the national rail", id=asked["id"],
    )  # fmt: skip
    if done["state"] == "TERMINATED":
        raise TimeoutError(f"the negotiation on the national rail ended: {done.get('reason')}")
    j.known["national.agreement"] = str(done["agreement"])
    is_filed(j, j.known["national.agreement"])


def performed(j: Journey) -> None:
    """One delivery into the lab's node, its performance reported; then a person asks for a copy, which the lab's own
    node decides, and that decision is told to the provider."""
    agreement, analyst = j.known["national.agreement"], j.who(LAB, "analyst")
    analyst.do("deliver.request_transfer", agreement=agreement, into="node")
    j.until(
        analyst, "deliver.transfers", lambda rows: any(row["state"] == "COMPLETED" for row in rows),
        "the delivery under the national contract", agreement=agreement,
    )  # fmt: skip
    analyst.do("deliver.report_performance", agreement=agreement)
    analyst.do("deliver.request_transfer", agreement=agreement, into="person")
    j.until(  # or the end of the contract might overtake the start
        analyst, "deliver.transfers", lambda rows: len(rows) == 2 and all(row["state"] != "REQUESTED" for row in rows),
        "the copy to be open to the person", agreement=agreement,
    )  # fmt: skip
    analyst.do("deliver.give_feedback", agreement=agreement)
    heard(j, PLATFORM, agreement, "contractExecution")
    heard(j, GROUP, agreement, "executionFeedback")


def ended(j: Journey) -> None:
    """Ended early: keys and copies go, the proof of it reaches provider and platform, the filing reads 06."""
    agreement = j.known["national.agreement"]
    j.who(LAB, "analyst").do(
        "negotiate.end", agreement=agreement, reason=j.facts("national-rail")["contract"]["reason"]
    )
    for slug in (PLATFORM, GROUP):
        heard(j, slug, agreement, "fulfillmentProof")
    auditor = j.who(PLATFORM, "auditor")
    j.until(
        auditor, "negotiate.filings",
        lambda rows: any(row["contract"] == agreement and row["status"] == "06" for row in rows),
        "the filing to read ended",
    )  # fmt: skip


def is_filed(j: Journey, agreement: str) -> dict[str, Any]:
    """The national card of a contract at the lab, once the platform has filed it."""

    def card(found: Any) -> Any:
        told = found["national"]
        if told and told["filing"] == "refused":
            raise TimeoutError(f"the platform refused the filing: {told['why_not']}")
        return told and told["filing"] == "filed"

    return dict(j.until(j.who(LAB, "legal"), "negotiate.contract", card, "the filing", id=agreement)["national"])


def heard(j: Journey, slug: str, contract: str, interface: str) -> None:
    """Wait until a node has kept what was told it of a contract by this interface."""
    j.until(
        j.who(slug, "auditor"), "deliver.control_messages",
        lambda rows: any(row["interface"] == interface and row["direction"] == "in" for row in rows),
        f"{slug} to hear {interface}", contract=contract,
    )  # fmt: skip


# --- what the nodes say of it afterwards -------------------------------------------------------------------------


def told(j: Journey) -> dict[str, Any]:
    """The chapter in figures: {identities, connectors, listed, resolved, space, members, outside, contracts: [{id, rail, status,
    hash, versions, told: {interface: messages}}], rounds, destroyed}. Everything is read at the platform and the group."""
    registrar, auditor = j.who(PLATFORM, "registrar"), j.who(PLATFORM, "auditor")
    identities = registrar.ask("register.identities")
    agreement, bought = j.known["national.agreement"], j.known["product.agreement"]
    space = next(row for row in j.who(GROUP, "operator").ask("register.spaces") if row["id"] == j.known["space"])
    strangers = [row for row in j.who(BUREAU, "product_manager").ask("negotiate.negotiations") if row["reason"]]
    refused = {row["reason"]["code"] for row in strangers if row["dataset"] == j.codes["product"]}
    rails = {agreement: "national_assisted"}
    contracts = []
    for id in (j.who(LAB, "legal").ask("negotiate.contract", id=bought)["national"]["contract_id"], agreement):
        filing = auditor.ask("negotiate.filing", contract=id)
        last = filing["versions"][-1]
        messages = auditor.ask("deliver.control_messages", contract=id)
        kinds = [row["interface"] for row in messages if row["direction"] == "in"]
        contracts.append({
            "id": id, "rail": rails.get(id, "dsp"), "status": last["status"], "hash": last["hash"],
            "versions": len(filing["versions"]), "rounds": len(filing["rounds"]),
            "told": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        })  # fmt: skip
    proof = next(row for row in j.who(LAB, "legal").ask("deliver.endings") if row["id"] == agreement)["proof"]
    resolved = registrar.ask("register.resolve", code=j.codes["product"])
    return {
        "identities": sum(row["act"] == "register" and bool(row["identity_code"]) for row in identities),
        "valid": sum(row["state"] == "active" for row in identities),
        "connectors": len(running(j)), "listed": len(registrar.ask("catalogue.merged_catalogue")),
        "resolved": resolved["holder"], "space": space["name"], "members": space["members"],
        "outside": ", ".join(sorted(refused)),
        "contracts": contracts, "rounds": sum(one["rounds"] for one in contracts),
        "destroyed": len(proof["files"]), "platform": j.codes[f"node:{PLATFORM}"],
    }  # fmt: skip
