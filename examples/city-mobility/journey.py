"""The journey of the demonstration: what the people of five organisations do, link by link.

Every step is a sequence of calls by named people at their own nodes (world.Person). A step returns the sentence the
screen shows; what later steps need is kept in `Journey`. Calls are idempotent, so a step may run again after a stop.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from national import national
from paperwork import HERE, department, facts, first_day, logins, parties
from reporting import cases as all_cases
from reporting import counted, every, report, summary
from telling import story
from world import Person, Refused, World

from datong.deidentify.rules.risk import LIMIT
from datong.ground.canonical import digest_bytes

ROOT = HERE.parents[1]
BIKE, BUREAU, REGISTRY, GROUP, LAB = "bike-company", "traffic-bureau", "data-bureau", "data-group", "city-lab"
PURPOSE = "industry_development"
TEMPLATE = "mobility-sale"
"""Of the group's own making: policies/mobility-sale.yaml."""
FROM, UNTIL = first_day().isoformat(), "2029-03-01"
ROOMS = [
    "register", "authorise", "harmonise", "deidentify", "compose", "price", "catalogue", "negotiate", "deliver",
    "meter", "settle", "audit",
]  # fmt: skip


@dataclass
class Journey:
    """What the steps find out, and who does what."""

    world: World
    folder: Path
    codes: dict[str, str] = field(default_factory=dict)
    """Names like node:bike-company, party:bike-company, passages, trips, product -> the codes of this run."""
    known: dict[str, Any] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    edc: str = ""
    """The version of Eclipse EDC that comes to the space; "": none does."""

    def who(self, slug: str, role: str, number: int = 0) -> Person:
        return self.world.person(slug, logins(slug, role)[number])

    def facts(self, name: str) -> Any:
        return facts(name, self.codes)

    def until(self, person: Person, view: str, good: Callable[[Any], Any], what: str, **arguments: Any) -> Any:
        """The first answer of `view` that is `good`."""

        def ask() -> Any:
            try:
                answer = person.ask(view, **arguments)
            except Refused as refused:
                if refused.error.get("kind") == "unknown":
                    return None
                raise
            return answer if good(answer) else None

        return self.world.wait_for(ask, what)

    def report(self, seconds: dict[str, float]) -> dict[str, Any]:
        return report(self, seconds)

    def summary(self, made: dict[str, Any]) -> list[str]:
        return summary(self, made)

    def write_story(self, seconds: dict[str, float]) -> None:
        told = story(self, seconds)
        (self.folder / GROUP / "story.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")

    def login_links(self, slug: str) -> list[dict[str, str]]:
        """A fresh one-time link per person of a node."""
        operator = self.who(slug, "operator")
        found = []
        for person in operator.ask("register.people"):
            link = operator.do("register.login_link", person=person["id"], again=str(datetime.now(UTC)))
            told = next(p for p in parties()[slug]["people"] if p["login"] == person["login"])
            found.append({"name": told["name_en"], "roles": ", ".join(told["roles"]), "link": link["token"]})
        return found

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo("Asia/Shanghai")

    def to_day(self, day: str | date, hour: int = 9) -> None:
        """All nodes stand at this hour of this day, Beijing time (never backwards)."""
        given = date.fromisoformat(day) if isinstance(day, str) else day
        at = datetime(given.year, given.month, given.day, hour, tzinfo=self.zone)
        self.known["today"] = given
        self.world.move_clock(at)


# --- 1 register --------------------------------------------------------------------------------------------------


def register(j: Journey) -> str:
    """People, nodes, resources and the registration of the two resources and the product."""
    j.to_day(first_day())
    people_and_tokens(j)
    nodes_join(j)
    declare_resources(j)
    cases = [file_case(j, BIKE, "trips"), file_case(j, BUREAU, "passages", joint=REGISTRY)]
    through_the_registry(j, cases)
    declare_product(j)
    through_the_registry(j, [file_case(j, GROUP, "product")])
    people = sum(len(party["people"]) for party in parties().values())
    coded = [case["object_kind"] for case in all_cases(j) if case["state"] == "CODED"]
    things = [f"{coded.count(kind)} {kind}{'' if coded.count(kind) == 1 else 's'}" for kind in ("resource", "product")]
    return f"{len(parties())} nodes and {people} people; {' and '.join(things)} coded by the registry"


def people_and_tokens(j: Journey) -> None:
    for slug, party in parties().items():
        operator = j.who(slug, "operator")
        known = next(person for person in operator.ask("register.people") if person["login"] == operator.login)
        for person in party["people"]:
            if "operator" in person["roles"]:
                continue
            added = operator.do(
                "register.add_person", login=person["login"], name=person["name"], roles=person["roles"],
                department=department(slug, person),
            )  # fmt: skip
            token = operator.do(
                "register.issue_service_token", person=added["id"], label="demonstration", scopes=ROOMS, days=1
            )
            j.world.tokens[slug, person["login"]] = token["token"]
        token = operator.do(
            "register.issue_service_token", person=known["id"], label="demonstration", scopes=ROOMS, days=1
        )
        j.world.tokens[slug, operator.login] = token["token"]


def nodes_join(j: Journey) -> None:
    registrar = j.who(REGISTRY, "registrar")
    address = j.world.nodes[REGISTRY].address
    for slug, party in parties().items():
        j.codes[f"party:{slug}"] = party["credit_code"]
        if slug != REGISTRY:
            kind = {"4": "business", "5": "connector"}[party["node_type"]]
            operator = j.who(slug, "operator")
            if not own_code(j, slug):
                operator.do("register.apply_to_join", function_node=address, kind=kind)
    for slug, party in parties().items():
        if slug != REGISTRY:
            asked = j.until(
                registrar, "register.join_applications",
                lambda rows, code=party["credit_code"]: [r for r in rows if r["party"] == code], f"{slug} to apply",
            )  # fmt: skip
            application = next(row for row in asked if row["party"] == party["credit_code"])
            registrar.do("register.admit_node", application=application["id"])
    for slug in parties():
        j.codes[f"node:{slug}"] = j.world.wait_for(lambda slug=slug: own_code(j, slug), f"{slug} to receive its code")


def own_code(j: Journey, slug: str) -> str:
    return str(j.world.about(slug).get("code", ""))


def declare_resources(j: Journey) -> None:
    trips = j.folder / BIKE / "sources" / "trips_2019_09.json"
    positions = j.folder / BIKE / "sources" / "raw_days" / "VB_Routes_Data_2018_06_28.csv.gz"
    passages = j.folder / BUREAU / "sources" / "traffic.sqlite"
    common = {"personal": True, "grade": 3, "area": "520100", "security_assessment": "已完成数据安全风险评估"}
    declare(
        j, BIKE, "trips", [trips],
        name_zh="共享单车骑行行程 2019-09", name_en="Shared-bike trips 2019-09",
        abstract="2019 年 9 月的骑行起讫时间与位置，含骑行者代号；行程原始数据不出本企业节点。",
        standard="trip", source_kind="001", source_statement="本企业在运营中自行采集（演示数据：ValleyBike，MIT 许可）",
        licence="MIT", licence_terms={"commercial": True, "derivatives": True, "attribution": "ValleyBike / Amherst-Statistics, MIT"},
        public_data=False, update_frequency="009", scenario="城市出行", **common,
    )  # fmt: skip
    declare(
        j, BIKE, "positions", [positions],
        name_zh="共享单车定位日样本 2018-06-28", name_en="Shared-bike positions, one raw day",
        abstract="一天的原始定位点，用于核对行程的起讫；不对外提供。",
        standard="position", source_kind="001", source_statement="本企业在运营中自行采集（演示数据：ValleyBike，MIT 许可）",
        licence="MIT", licence_terms={"commercial": True, "derivatives": True, "attribution": "ValleyBike / Amherst-Statistics, MIT"},
        public_data=False, update_frequency="009", scenario="城市出行", **common,
    )  # fmt: skip
    declare(
        j, BUREAU, "passages", [passages],
        name_zh="卡口过车记录 2019-09", name_en="Gate passages 2019-09",
        abstract="2019 年 9 月道路卡口的过车记录与车辆登记信息；号牌不出本局节点。（演示数据为生成数据）",
        standard="vehicle_passage", source_kind="002", source_statement="依道路交通安全职责采集",
        licence="公共数据授权运营", licence_terms={"commercial": True, "derivatives": True, "attribution": "范例市交通局"},
        public_data=True, update_frequency="004", scenario="城市出行", **common,
    )  # fmt: skip


def declare(j: Journey, slug: str, name: str, files: list[Path], **described: Any) -> None:
    engineer = j.who(slug, "data_engineer")
    thing = engineer.do("register.declare_resource", **described)
    digests = {file.name: digest_bytes(file.read_bytes()) for file in files}
    engineer.do("register.preserve_evidence", of=thing["id"], files=digests)
    j.known[f"{name}.id"] = thing["id"]


def declare_product(j: Journey) -> None:
    manager = j.who(GROUP, "product_manager")
    thing = manager.do(
        "register.declare_product",
        name_zh="城市出行流量", name_en="mobility-flows",
        abstract="按区域和时段统计的单车起讫、骑行人数、分类型车辆数，各组不少于 5 名不同个体。",
        standard="mobility-flows", inputs=[j.codes["trips"], j.codes["passages"]], scenario="城市出行规划与产业应用",
        delivery_forms=["controlled"], licence="合约约定",
        licence_terms={"commercial": True, "derivatives": True, "attribution": "范例数据集团"},
        public_data=True, personal=False, grade=2, update_frequency="008", area="520100",
        security_assessment="已完成数据安全风险评估",
    )  # fmt: skip
    recipe = (HERE / "facts" / "mobility-flows.yaml").read_bytes()
    manager.do("register.preserve_evidence", of=thing["id"], files={"mobility-flows.yaml": digest_bytes(recipe)})
    j.known["product.id"] = thing["id"]


def file_case(j: Journey, slug: str, name: str, joint: str = "") -> tuple[str, str, str]:
    """File the registration of a resource or product; with `joint`, that party confirms as co-registrant."""
    applicant = j.who(slug, "product_manager" if name == "product" else "data_engineer")
    with_whom = {"co_registrants": [parties()[joint]["credit_code"]]} if joint else {}
    drafted = applicant.do(
        "register.draft_case", of=j.known[f"{name}.id"],
        materials={"products": "mobility-flows 出行流量", "scenarios": "城市出行规划与产业应用"}, **with_whom,
    )  # fmt: skip
    applicant.do("register.submit_case", case=drafted["id"])
    registrar = j.who(REGISTRY, "registrar")
    j.until(registrar, "register.case", lambda case: case["state"], f"the case of {name}", case=drafted["id"])
    if joint:
        j.who(joint, "steward").do("register.join_filing", case=drafted["id"])
    return slug, name, drafted["id"]


def through_the_registry(j: Journey, cases: list[tuple[str, str, str]]) -> None:
    """Acceptance, formal review, ten working days of publicity, code."""
    registrar, reviewer = j.who(REGISTRY, "registrar"), j.who(REGISTRY, "reviewer")
    today = j.known["today"]
    j.to_day(today + timedelta(days=1))
    for _, _, case in cases:
        registrar.do("register.accept_case", case=case)
    j.to_day(today + timedelta(days=2))
    last = []
    for _, _, case in cases:
        reviewer.do("register.review_case", case=case, remarks="形式审核通过")
        last.append(registrar.do("register.publicise_case", case=case)["deadline"]["day"])
    j.to_day(date.fromisoformat(max(last)) + timedelta(days=1))
    for slug, name, case in cases:
        coded = registrar.do("register.code_case", case=case)
        j.codes[name] = coded["code"]
        j.known[f"{name}.case"] = case
        owner = j.who(slug, "operator")
        j.until(
            owner, "register.case", lambda found: found["state"] == "CODED", f"{slug} to hear of the code", case=case
        )


# --- 2 authorise -------------------------------------------------------------------------------------------------


def authorise(j: Journey) -> str:
    """Plan, consent, agreement, data-use authorisation, legal bases."""
    steward, second = j.who(REGISTRY, "steward"), j.who(REGISTRY, "steward", 1)
    persons = [
        person["id"] for person in j.who(REGISTRY, "operator").ask("register.people") if "steward" in person["roles"]
    ]
    told = j.facts("plan")
    decision, filing = told.pop("decision"), told.pop("filing_ref")
    plan = steward.do("authorise.draft", **told)
    steward.do("authorise.decide_collectively", instrument=plan["id"], minutes=decision["minutes"], persons=persons)
    second.do("authorise.approve", instrument=plan["id"])
    steward.do("authorise.file", instrument=plan["id"], filing_ref=filing)

    lawyer = j.who(BUREAU, "legal")
    planner = j.who(BUREAU, "product_manager")
    signed(j, planner, lawyer, j.facts("consent"))
    bases = j.facts("legal-basis")
    signed(j, planner, lawyer, bases[BUREAU])
    manager, company = j.who(BIKE, "product_manager"), j.who(BIKE, "legal")
    signed(j, manager, company, j.facts("data-use"))
    signed(j, manager, company, bases[BIKE])

    told = j.facts("agreement")
    decision, filing = told.pop("decision"), told.pop("filing_ref")
    j.until(steward, "authorise.instruments", lambda rows: any(r["kind"] == "consent" for r in rows), "the consent")
    agreement = steward.do("authorise.draft", **told, parents=[plan["id"]])
    steward.do(
        "authorise.decide_collectively", instrument=agreement["id"], minutes=decision["minutes"], persons=persons
    )
    second.do("authorise.sign", instrument=agreement["id"])
    group = j.who(GROUP, "legal")
    j.until(
        group,
        "authorise.instrument",
        lambda found: found["state"] != "DRAFT",
        "the agreement",
        instrument=agreement["id"],
    )
    group.do("authorise.countersign", instrument=agreement["id"])
    j.until(
        steward,
        "authorise.instrument",
        lambda found: found["state"] in ("SIGNED", "FILED", "IN_FORCE"),
        "the group's signature",
        instrument=agreement["id"],
    )
    steward.do("authorise.file", instrument=agreement["id"], filing_ref=filing)
    manager = j.who(GROUP, "product_manager")
    inputs = [j.codes["trips"], j.codes["passages"]]
    cleared = j.world.wait_for(lambda: clearance(manager, inputs, "build"), "the rights to arrive at the group")
    assert cleared["cleared"]
    kinds = [found["kind"] for found in manager.ask("authorise.instruments") if found["state"] == "IN_FORCE"]
    bases = counted(kinds.count("legal_basis"), "legal basis", "legal bases")
    missing = {"agreement", "consent", "data_use", "legal_basis"} - set(kinds)
    if missing:
        raise TimeoutError(f"the group does not hold in force: {', '.join(sorted(missing))}")
    return (
        f"the agreement is in force; consent, data-use authorisation and {bases} stand;"
        f" {every(len(inputs))} inputs are cleared"
    )


def signed(j: Journey, drafter: Person, signer: Person, told: dict[str, Any]) -> None:
    drafted = drafter.do("authorise.draft", **told)
    signer.do("authorise.sign", instrument=drafted["id"])


def clearance(person: Person, inputs: list[str], act: str) -> Any:
    answer = person.ask("authorise.cleared", inputs=inputs, purpose=PURPOSE, act=act)
    return answer if answer["cleared"] else None


# --- 3 harmonise -------------------------------------------------------------------------------------------------


def harmonise(j: Journey) -> str:
    """Three sources become standard tables, at both owners at once; what does not fit is quarantined."""
    with ThreadPoolExecutor() as owners:
        sources = ((BIKE, ("trips", "positions")), (BUREAU, ("passages",)))
        done = list(owners.map(lambda owned: harmonised(j, *owned), sources))
    return "; ".join(told for of_owner in done for told in of_owner)


def harmonised(j: Journey, slug: str, names: tuple[str, ...]) -> list[str]:
    """One owner's sources, one after the other; a few words on each."""
    engineer, said = j.who(slug, "data_engineer"), []
    for name in names:
        resource = j.codes.get(name, j.known[f"{name}.id"])
        engineer.ask("harmonise.check", workspace="workspace", data="sources", mapping=name)
        built = engineer.do("harmonise.build", resource=resource, workspace="workspace", data="sources", mapping=name)
        j.known[f"{name}.build"] = built
        classified(engineer, resource)
        said.append(f"{name} {built['read']:,} = {built['harmonised']:,} + {built['quarantined']:,} quarantined")
    return said


def classified(engineer: Person, resource: str) -> None:
    """The owner's engineer has looked at what is proposed of each column and of the whole, and confirms it: without
    that nothing that is counted of it is let out."""
    proposed = engineer.do("deidentify.propose_classification", dataset=resource)
    impacts = dict.fromkeys(proposed["judge_anew"], "none")
    engineer.do("deidentify.confirm_classification", dataset=resource, rest=True, impacts=impacts)


# --- supply contracts --------------------------------------------------------------------------------------------


def supply(j: Journey) -> str:
    """The two owners offer counts of their resources for a weight of the revenue, which so stands in a contract that
    they sign; the group contracts with both by the Dataspace Protocol."""
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        manager = j.who(slug, "product_manager")
        title = "共享单车骑行行程（仅供联合统计）" if name == "trips" else "卡口过车记录（仅供联合统计）"
        manager.do(
            "catalogue.publish", dataset=j.codes[name], title=title,
            description="在提供方节点内按约定分组计数，交付每组不少于 5 名不同个体的统计结果。",
            purposes=[PURPOSE], from_at=FROM, until_at=UNTIL, split=j.facts("price")["split"],
        )  # fmt: skip
        j.known[f"{name}.agreement"] = contract(j, j.who(GROUP, "product_manager"), slug, j.codes[name])
    made = counted(len(j.known["negotiations"]), "contract")
    return f"{made}, each requested, agreed, verified and finalized by signed messages"


def contract(j: Journey, buyer: Person, provider: str, dataset: str, purpose: str = PURPOSE) -> str:
    """Read the provider's catalogue, request its offer for `purpose`, wait for both signatures; the agreement's id."""
    node = j.codes[f"node:{provider}"]
    buyer.do("catalogue.harvest", node=node)
    found = j.until(
        buyer, "catalogue.find", lambda rows: [r for r in rows if r["dataset"] == dataset], f"the offer of {provider}"
    )
    listing = next(row for row in found if row["dataset"] == dataset)
    offer = next(o for o in listing["offers"] if o["terms"]["purpose"] == purpose)
    asked = buyer.do("negotiate.request", provider=node, dataset=dataset, offer_id=offer["id"], purpose=purpose)
    done = j.until(
        buyer,
        "negotiate.negotiation",
        lambda n: n["state"] in ("FINALIZED", "TERMINATED"),
        "the contract",
        id=asked["id"],
    )
    if done["state"] != "FINALIZED":
        raise TimeoutError(f"the negotiation with {provider} ended: {done.get('reason')}")
    j.known.setdefault("negotiations", []).append(done)
    return str(done["agreement"])


# --- 4 de-identify and compose -----------------------------------------------------------------------------------


def deidentify(j: Journey) -> str:
    """The joint partition is agreed; without assessments no count leaves; with them each provider's do."""
    manager = j.who(GROUP, "product_manager")
    recipe = (HERE / "facts" / "mobility-flows.yaml").read_text("utf-8")
    manager.do(
        "compose.define_product", product=j.codes["product"], recipe=recipe,
        resources={"bikes": j.codes["trips"], "vehicles": j.codes["passages"]},
    )  # fmt: skip
    supplies = [
        {"resource": j.codes[name], "agreement": j.known[f"{name}.agreement"], "node": j.codes[f"node:{slug}"]}
        for slug, name in ((BIKE, "trips"), (BUREAU, "passages"))
    ]
    proposed = manager.do("compose.propose_partition", product=j.codes["product"], supplies=supplies)
    agreed = j.until(
        manager, "compose.partition", lambda p: p["state"] == "agreed", "the partition to be agreed", id=proposed["id"]
    )
    j.known["partition"] = agreed
    refused = refused_release(j)
    assess(j)
    released = 0
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        j.known[f"{name}.release"] = release(j, slug, j.known[f"{name}.agreement"])
        released += 1
    return (
        f"{agreed['groups']:,} joint groups agreed in {len(agreed['levels'])} rounds; {every(released)} providers' counts"
        f" passed their gates, which refused them without an assessment ({refused})"
    )


def release(j: Journey, slug: str, agreement: str) -> dict[str, Any]:
    engineer = j.who(slug, "data_engineer")

    def attempt() -> Any:
        try:
            return engineer.do("deliver.release_supply", agreement=agreement)
        except Refused as refused:
            if refused.error.get("kind") in ("unknown", "conflict"):  # the agreed partition is still on its way
                return None
            raise

    return dict(j.world.wait_for(attempt, f"{slug} to release its counts"))


def refused_release(j: Journey) -> str:
    """The bike company asks to release its counts before anybody assessed the group; what its gate answered."""
    kept = j.folder / BIKE / "refused-release.json"
    if not kept.exists():  # a resumed run has its assessment already: it could not be refused again
        try:
            release(j, BIKE, j.known["trips.agreement"])
        except Refused as refused:
            if refused.code != "DID-412":
                raise
            keep(kept, refused.error)
        else:
            raise TimeoutError("counts were released without an assessment record")
    j.known["refused_release"] = json.loads(kept.read_text("utf-8"))
    return str(j.known["refused_release"]["code"])


def keep(path: Path, value: Any) -> None:
    """Write what must outlive a stop, whole or not at all."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    aside.replace(path)


def assess(j: Journey) -> None:
    """A person of neither provider nor recipient, nor of the owners of a product's inputs, signs what was found of
    contract and environment."""
    assessor = j.who(REGISTRY, "assessor")
    found = j.facts("assessment")
    party = {slug: j.codes[f"party:{slug}"] for slug in parties()}
    node = {slug: j.codes[f"node:{slug}"] for slug in parties()}
    expires = "2027-03-01"
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        j.known[f"{name}.assessment"] = assessor.do(
            "deidentify.assess", provider_parties=[party[slug]], recipient_group=party[GROUP], subject=j.codes[name],
            answers=found[GROUP]["answers"], expires=expires, nodes=[node[slug], node[GROUP]],
        )  # fmt: skip
    j.known["product.assessment"] = assessor.do(
        "deidentify.assess", provider_parties=[party[GROUP], party[BIKE], party[BUREAU]], recipient_group=party[LAB],
        subject=j.codes["product"], answers=found[LAB]["answers"], expires=expires, nodes=[node[GROUP], node[LAB]],
    )  # fmt: skip
    for slug in (BIKE, BUREAU, GROUP):
        wanted = 3 if slug == GROUP else 1
        j.until(
            j.who(slug, "operator"), "deidentify.assessments", lambda rows, n=wanted: len(rows) >= n,
            f"{slug} to hold its assessments",
        )  # fmt: skip


def compose(j: Journey) -> str:
    """The group pulls both tables under its contracts, joins them by group id, and its own gate measures the risk."""
    manager = j.who(GROUP, "product_manager")
    for name in ("trips", "passages"):
        manager.do("deliver.request_transfer", agreement=j.known[f"{name}.agreement"])
    for name in ("trips", "passages"):
        j.until(
            manager, "deliver.transfers", lambda rows: any(row["state"] == "COMPLETED" for row in rows),
            f"the table of {name}", agreement=j.known[f"{name}.agreement"],
        )  # fmt: skip
    built = manager.do(
        "compose.build", product=j.codes["product"], recipient_group=j.codes[f"party:{LAB}"], purpose=PURPOSE
    )
    j.known["version"] = built
    risk = built["risk"]
    return (
        f"{built['rows']:,} groups; R = {risk['overall_risk']:.4f} < {LIMIT} at CR = {risk['cr']:.2f}"
        f" (at CR = 1: {risk['overall_risk_at_cr_1']:.3f}, which would be refused)"
    )


# --- 5 price, 6 catalogue ----------------------------------------------------------------------------------------


def price(j: Journey) -> str:
    """Cost survey, maximum permitted revenue, ceiling; the fee at or below it; one above it is refused."""
    officer = j.who(REGISTRY, "price_officer")
    manager = j.who(GROUP, "product_manager")
    told = j.facts("price")
    survey = officer.do("price.survey_costs", survey=j.facts("cost-survey"))
    ceiling = told["ceiling"]
    officer.do("price.set_ceiling", survey=survey["id"], operator_node=j.codes[f"node:{GROUP}"], **ceiling)
    j.until(manager, "price.prices", lambda found: found["ceilings"], "the ceiling to arrive at the group")
    try:
        manager.do("price.set_fee", product=j.codes["product"], **told["refused_fee"])
    except Refused as refused:
        above = j.known["refused_fee"] = refused.code
    else:
        raise TimeoutError("a fee above the ceiling was accepted")
    for fee in told["fees"]:
        manager.do("price.set_fee", product=j.codes["product"], **fee)
    manager.do("price.publish_fees", product=j.codes["product"])
    fee = next(f["amount_fen"] for f in told["fees"] if f["purpose"] == PURPOSE)
    j.known["mpr_fen"] = survey["mpr_fen"]
    return (
        f"maximum permitted revenue ¥{survey['mpr_fen'] / 100:,.2f}; ceiling ¥{ceiling['cap_fen'] / 100:,.2f};"
        f" fee ¥{fee / 100:,.2f}; one fen above the ceiling was refused ({above})"
    )


def catalogue(j: Journey) -> str:
    """The group's lawyer writes the template of its sales; the product is listed by it once every gate passed; the
    buyer's search finds it."""
    manager = j.who(GROUP, "product_manager")
    text = (HERE / "policies" / f"{TEMPLATE}.yaml").read_text("utf-8")
    j.who(GROUP, "legal").do("catalogue.write_policy_template", name=TEMPLATE, text=text)
    manager.do(
        "catalogue.publish", dataset=j.codes["product"], template=TEMPLATE, title="城市出行流量 mobility-flows",
        description="按区域与时段统计的单车起讫、骑行人数与分类型车辆数，各组不少于 5 名不同个体。",
        purposes=["public_governance", "public_welfare", PURPOSE], from_at=FROM, until_at=UNTIL,
        split=j.facts("price")["split"],
    )  # fmt: skip
    analyst = j.who(LAB, "analyst")
    analyst.do("catalogue.harvest", node=j.codes[f"node:{GROUP}"])
    found = j.until(analyst, "catalogue.find", len, "the product in the search", q="出行流量")
    return f"listed with one offer per purpose; city-lab's search for 出行流量 finds {len(found)}"


# --- 7 negotiate, 8 deliver and meter ----------------------------------------------------------------------------


def negotiate(j: Journey) -> str:
    """The buyer contracts for the product; a purpose that the policy does not allow is refused."""
    analyst = j.who(LAB, "analyst")
    refused = refused_purpose(j, analyst)
    j.known["product.agreement"] = contract(j, analyst, GROUP, j.codes["product"])
    mine = analyst.ask("negotiate.contract", id=j.known["product.agreement"])
    signed = f"{str(mine['state']).lower()} and signed by {mine['signed']}"
    return f"city-lab's contract is {signed}; a request for credit scoring was refused ({refused})"


def refused_purpose(j: Journey, analyst: Person) -> str:
    node = j.codes[f"node:{GROUP}"]
    found = analyst.ask("catalogue.find", q="出行流量")
    offer = next(o for o in found[0]["offers"] if o["terms"]["purpose"] == PURPOSE)
    asked = analyst.do(
        "negotiate.request", provider=node, dataset=j.codes["product"], offer_id=offer["id"], purpose="credit_scoring"
    )
    done = j.until(
        analyst,
        "negotiate.negotiation",
        lambda n: n["state"] in ("FINALIZED", "TERMINATED"),
        "the refusal",
        id=asked["id"],
    )
    if done["state"] == "FINALIZED":
        raise TimeoutError("a purchase for credit scoring was accepted")
    j.known["refused_purpose"] = done
    return str((done.get("reason") or {}).get("code") or done["state"])


def deliver(j: Journey) -> str:
    """The buyer receives with the stock delta-sharing client; the grant is one usage event, its bytes reconciled."""
    agreement = j.known["product.agreement"]
    manager, analyst = j.who(GROUP, "product_manager"), j.who(LAB, "analyst")
    j.until(manager, "negotiate.agreements", lambda rows: any(r["id"] == agreement and r["state"] == "FINALIZED" for r in rows), "the group's side")  # fmt: skip
    manager.do("deliver.offer_product", agreement=agreement)
    transfer = analyst.do("deliver.request_transfer", agreement=agreement, into="person")
    j.until(
        analyst,
        "deliver.transfers",
        lambda rows: any(r["state"] in ("STARTED", "COMPLETED") for r in rows),
        "the transfer",
        agreement=agreement,
    )
    profile = analyst.do("deliver.profile", agreement=agreement)
    share = j.folder / LAB / "mobility-flows.share"
    share.write_text(json.dumps(profile))
    share.chmod(0o600)
    j.known["received"] = receive(j, share)
    j.known["transfer"] = transfer
    analyst.do("deliver.complete_transfer", transfer=transfer["id"])
    events = j.until(
        j.who(GROUP, "finance"), "meter.usage", lambda rows: rows and all(r.get("bytes_served") for r in rows),
        "the bytes to be reconciled", agreement=agreement,
    )  # fmt: skip
    j.known["usage"] = events
    got = j.known["received"]
    return f"{got['client']} received {got['rows']:,} rows, {got['bytes']:,} bytes; {len(events)} usage event"


def receive(j: Journey, share: Path) -> dict[str, Any]:
    out = j.folder / LAB / "received"
    kept = out / "received.json"
    if kept.exists():  # a resumed run: the transfer is complete, its token is void
        return dict(json.loads(kept.read_text()))
    command = [ROOT / "clients/.venv/bin/python", ROOT / "clients/receive.py", share, out]

    def attempt() -> Any:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout.strip().splitlines()[-1])
        j.known["receive_error"] = done.stderr[-500:]
        return None

    got = dict(j.world.wait_for(attempt, "the stock client to receive"))
    keep(kept, got)
    return got


# --- 9 settle, 10 audit (the national rail, which stands between them: national.py) ------------------------------------------------------------------------------------------


def settle(j: Journey) -> str:
    """An invoice from the metered event, balanced postings, the split of the contract, a statement per party; paid,
    and paid out: the bureau's share to the treasury account."""
    finance, buyer = j.who(GROUP, "finance"), j.who(LAB, "finance")
    month = j.known["today"].strftime("%Y-%m")
    j.to_day(first_of_next_month(j.known["today"]) + timedelta(days=5))  # only a finished period is invoiced
    invoice = finance.do("settle.invoice", agreement=j.known["product.agreement"], period=month)
    j.known["invoice"] = invoice
    j.until(buyer, "settle.invoices", len, "the invoice at the buyer")
    buyer.do("settle.accept_invoice", invoice=invoice["id"])
    j.until(
        finance, "settle.invoice_shown", lambda found: found["state"] not in ("ISSUED", "issued", "pending"),
        "the acceptance at the group", invoice=invoice["id"],
    )  # fmt: skip
    finance.do(
        "settle.record_payment", invoice=invoice["id"], amount_fen=invoice["gross_fen"], reference="演示收款 0001"
    )
    for slug in (BIKE, BUREAU):
        j.until(j.who(slug, "finance"), "settle.statements", len, f"the statement at {slug}")
    for person in (finance, buyer):
        j.until(
            person, "settle.settlement", lambda found: found["state"] == "PAID" and found["balanced"],
            "both sides to hold the invoice as paid", invoice=invoice["id"],
        )  # fmt: skip
    pay_out(j, finance, invoice["id"])
    j.known["settlement"] = finance.ask("settle.settlement", invoice=invoice["id"])
    j.known["statements"] = finance.ask("settle.statements", invoice=invoice["id"])
    j.known["balances"] = finance.ask("settle.balances")
    names = {party["credit_code"]: slug for slug, party in parties().items()}
    parts = ", ".join(f"{names[s['party']]} ¥{s['share_fen'] / 100:,.2f}" for s in j.known["statements"])
    paid = sum(1 for s in j.known["statements"] if s["direction"] == "sent" and s["paid_fen"] == s["share_fen"])
    return f"invoice ¥{invoice['gross_fen'] / 100:,.2f}; split {parts}; paid, and {counted(paid, 'share')} paid out"


def pay_out(j: Journey, finance: Person, invoice: str) -> None:
    """Each share is paid to the account the contract names; payer and payee record it under one reference."""
    slugs = {party["credit_code"]: slug for slug, party in parties().items()}
    for number, sent in enumerate(finance.ask("settle.statements", invoice=invoice), 1):
        if sent["direction"] != "sent":
            continue
        paid = {"statement": sent["id"], "amount_fen": sent["share_fen"], "reference": f"演示付款 {number:04}"}
        for person in (finance, j.who(slugs[sent["party"]], "finance")):
            person.do("settle.record_payout", **paid)


def first_of_next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def audit(j: Journey) -> str:
    """Every node verifies itself; the invoice line is walked back to its sources; a bundle is checked offline."""
    time_to_settle(j)
    with ThreadPoolExecutor() as nodes:
        found = list(nodes.map(lambda slug: verified(j, slug), parties()))
    j.known["verified"] = dict(zip(parties(), found, strict=True))
    auditor = j.who(GROUP, "auditor")
    line = j.known["invoice"]["lines"][0]["id"]
    j.known["walk"] = auditor.ask("audit.walk", invoice_line=line)
    slugs = {j.codes[f"node:{slug}"]: slug for slug in parties()}
    j.known["walk_on"] = {
        slugs[onward["node"]]: j.who(slugs[onward["node"]], "operator").ask(onward["call"], **onward["arguments"])
        for onward in j.known["walk"]["continues"]
    }
    broken = {
        slug: found["problems"]
        for slug, found in ((GROUP, j.known["walk"]), *j.known["walk_on"].items())
        if not found["ok"]
    }
    if broken:
        raise TimeoutError(f"the invoice line does not lead back to its sources: {broken}")
    bundle = auditor.ask("audit.export_bundle", name="demonstration")
    checked = subprocess.run(
        ["python3", ROOT / "tools/verify_evidence.py", bundle["file"], "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    j.known["bundle"] = (
        json.loads(checked.stdout) if checked.stdout.startswith("{") else {"ok": False, "said": checked.stderr[-800:]}
    )
    wrong = [slug for slug, found in j.known["verified"].items() if not found["ok"]]
    if wrong or not j.known["bundle"].get("ok"):
        raise TimeoutError(
            f"evidence does not verify: {wrong} {j.known['bundle']} {[j.known['verified'][s] for s in wrong]}"
        )
    entries = sum(found["leaves"] for found in j.known["verified"].values())
    return f"{entries:,} entries on {counted(len(j.known['verified']), 'node')} verified; the invoice line leads back through {len(j.known['walk']['steps'])} steps; the bundle passed the one-file verifier"


def verified(j: Journey, slug: str) -> dict[str, Any]:
    """What the node finds; asked again when it finds something, for one that was just started again mends its files."""
    operator = j.who(slug, "operator")
    found = operator.ask("audit.verify")
    if not found["ok"]:
        time.sleep(2)
        found = operator.ask("audit.verify")
    return dict(found)


def time_to_settle(j: Journey) -> None:
    """Wait until no node has an open job or a leaf without its place: then the logs stand still."""
    sizes: list[list[int]] = []

    def quiet() -> bool:
        """Twice in a row, with nothing written in between: a node looked at first may have heard from a later one."""
        resting = all(at_rest(j, slug) for slug in parties())
        sizes.append([j.known["health"][slug]["leaves"] for slug in parties()] if resting else [])
        return resting and len(sizes) > 1 and sizes[-1] == sizes[-2]

    j.world.wait_for(quiet, "the nodes to finish their messages")


def at_rest(j: Journey, slug: str) -> bool:
    health = j.who(slug, "operator").ask("audit.health")
    j.known.setdefault("health", {})[slug] = health
    return health["pending"] == 0 and health["open_jobs"] == 0 and health["cosignatures"] > 0


# --- what privacy cost -------------------------------------------------------------------------------------------


def model(j: Journey) -> str:
    """A small forecast, trained once on the raw trips (which only the example may see), once on the product."""
    raw = j.folder / BIKE / "sources" / "trips_2019_09.json"
    product = next((j.folder / LAB / "received").rglob("*.parquet"))
    done = subprocess.run(
        [ROOT / "clients/.venv/bin/python", HERE / "forecast.py", "--raw", raw, "--product", product],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    j.known["model"] = json.loads(done.stdout.strip().splitlines()[-1])
    found = j.known["model"]
    return (
        f"mean error {found['raw_mae']:.3f} on raw trips, {found['product_mae']:.3f} on the product,"
        f" {found['constant_mae']:.3f} for a constant"
    )


STEPS: list[tuple[str, Callable[[Journey], str]]] = [
    ("register", register),
    ("authorise", authorise),
    ("harmonise", harmonise),
    ("supply", supply),
    ("deidentify", deidentify),
    ("compose", compose),
    ("price", price),
    ("catalogue", catalogue),
    ("negotiate", negotiate),
    ("deliver", deliver),
    ("settle", settle),
    ("national", national),
    ("audit", audit),
    ("model", model),
]

__all__ = ["STEPS", "Journey", "yaml"]
