"""Register and authorise: people, nodes, resources and their codes, then every consent the product stands on.

Contract: tests/journey/test_journey_rights.py.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paperwork import BIKE, BUREAU, GROUP, HERE, PURPOSE, REGISTRY, department, first_day, parties
from reporting import cases as all_cases
from reporting import counted, every
from world import Person

from datong.ground.canonical import digest_bytes

if TYPE_CHECKING:
    from journey import Journey

ROOMS = [
    "register", "authorise", "harmonise", "deidentify", "compose", "price", "catalogue", "negotiate", "deliver",
    "meter", "settle", "audit",
]  # fmt: skip


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
    common = {
        "personal": True,
        "grade": 3,
        "area": "520100",
        "security_assessment": "已完成数据安全风险评估",
        "scenario": "城市出行",
    }
    of_bikes = {
        "source_kind": "001", "source_statement": "本企业在运营中自行采集（演示数据：ValleyBike，MIT 许可）", "licence": "MIT",
        "licence_terms": {"commercial": True, "derivatives": True, "attribution": "ValleyBike / Amherst-Statistics, MIT"},
        "public_data": False, "update_frequency": "009", **common,
    }  # fmt: skip
    declare(
        j, BIKE, "trips", [trips],
        name_zh="共享单车骑行行程 2019-09", name_en="Shared-bike trips 2019-09",
        abstract="2019 年 9 月的骑行起讫时间与位置，含骑行者代号；行程原始数据不出本企业节点。",
        standard="trip", **of_bikes,
    )  # fmt: skip
    declare(
        j, BIKE, "positions", [positions],
        name_zh="共享单车定位日样本 2018-06-28", name_en="Shared-bike positions, one raw day",
        abstract="一天的原始定位点，用于核对行程的起讫；不对外提供。",
        standard="position", **of_bikes,
    )  # fmt: skip
    declare(
        j, BUREAU, "passages", [passages],
        name_zh="卡口过车记录 2019-09", name_en="Gate passages 2019-09",
        abstract="2019 年 9 月道路卡口的过车记录与车辆登记信息；号牌不出本局节点。（演示数据为生成数据）",
        standard="vehicle_passage", source_kind="002", source_statement="依道路交通安全职责采集",
        licence="公共数据授权运营", licence_terms={"commercial": True, "derivatives": True, "attribution": "范例市交通局"},
        public_data=True, update_frequency="004", **common,
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
