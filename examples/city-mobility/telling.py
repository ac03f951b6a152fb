"""What the story page shows, beside the report: the run in figures, names and sentences in both languages.

Every figure is an answer of a node, a row of the delivered table or the outcome of a program that ran. The page
itself is drawn by datong.web.story; nothing here knows about pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowmap import flows
from paperwork import BIKE, BUREAU, GROUP, LAB, REGISTRY, first_day, parties
from reporting import SOURCES, cases, contracts, every, report, slug_of_party

from datong.deidentify.rules.risk import LIMIT

if TYPE_CHECKING:
    from journey import Journey

PARTS = {
    BIKE: ("提供骑行行程", "supplies bike trips"),
    BUREAU: ("提供卡口过车记录，出具同意书", "supplies gate passages, under its recorded consent"),
    REGISTRY: (
        "登记机构 · 实施机构 · 价格主管 · 评估",
        "registry · implementing body · price authority · assessor",
    ),
    GROUP: ("受托运营，汇成产品并上架", "operates the platform, composes and sells the product"),
    LAB: ("购买产品，训练预测模型", "buys the product and trains a forecast"),
}
LINKS = {
    "register": ("登记", "Register"), "authorise": ("授权", "Authorise"), "harmonise": ("归一", "Harmonise"),
    "supply": ("供数签约", "Contract supplies"), "deidentify": ("去标识化", "De-identify"), "compose": ("汇成产品", "Compose"),
    "price": ("定价", "Price"), "catalogue": ("上架", "List"), "negotiate": ("签约", "Negotiate"),
    "deliver": ("交付计量", "Deliver, meter"), "settle": ("结算分账", "Settle"),
    "national": ("国家数据基础设施", "The national rail"), "audit": ("审计", "Audit"),
    "model": ("使用", "Use"),
}  # fmt: skip
REASONS = {
    "no_movement": ("起讫为同一地点、同一时间", "starts and ends at one place and time"),
    "no_vehicle": ("号牌在车辆登记中查无", "its plate is not among the registered vehicles"),
    "no_gate": ("卡口编号不存在", "its gate does not exist"),
}
"""What the mappings of this example call their own checks; every other reason has its words from harmonise."""


def story(j: Journey, seconds: dict[str, float]) -> dict[str, Any]:
    """Everything the page needs; texts come in pairs `<name>_zh`, `<name>_en`."""
    made = report(j, seconds)
    named = Names(j)
    said = sentences(j, made)
    return {
        "report": made,
        "business_from": first_day().isoformat(),
        "business_until": j.known["today"].isoformat(),
        "seconds": round(sum(seconds.values()), 1),
        "total_read": sum(source["read"] for source in made["sources"].values()),
        "risk": {**j.known["version"]["risk"], "limit": LIMIT},
        "parties": [party(j, made, named, slug) for slug in parties()],
        "links": [
            {"name": name, "zh": LINKS[name][0], "en": LINKS[name][1], "said_zh": said[name][0], "said_en": said[name][1],
             "seconds": seconds.get(name, 0.0)}
            for name in j.said
            if name in LINKS
        ],
        "map": flows(j),
        "sources": [source(j, made, named, name) for name in SOURCES],
        "resolutions": [
            {"label": level["label"], "groups": level["groups"], "share": made["privacy"]["kept"].get(level["label"], 0.0)}
            for level in [*j.known["partition"]["levels"], {"label": "in no group", "groups": 0}, {"label": "quarantined", "groups": 0}]
        ],
        "registrations": [registration(case, named) for case in cases(j)],
        "rights": rights(j, named),
        "price": price(j),
        "refused": refusals(j),
        "contracts": [contract(found, named) for found in contracts(j)],
        "split": split(j, named),
        "national": rail(j, named),
        "evidence": evidence(j, named),
        "bundle": {name: j.known["bundle"][name] for name in ("leaves", "records", "checkpoints", "ok")},
        "walk": walk(j, named),
    }  # fmt: skip


class Names:
    """Names of parties, nodes, departments and datasets in both languages."""

    def __init__(self, j: Journey) -> None:
        self.of: dict[str, tuple[str, str]] = {}
        for slug, told in parties().items():
            pair = (told["name"], told["name_en"])
            self.of |= {slug: pair, told["credit_code"]: pair, told["name"]: pair, j.codes[f"node:{slug}"]: pair}
            self.of |= {d["name"]: (d["name"], d["name_en"]) for d in told["departments"]}
        held = [
            *j.who(BIKE, "operator").ask("register.resources"),
            *j.who(BUREAU, "operator").ask("register.resources"),
            *j.who(GROUP, "operator").ask("register.products"),
        ]
        for thing in held:
            pair = (thing["name_zh"], thing["name_en"])
            self.of |= {thing["id"]: pair, thing["code"] or thing["id"]: pair}

    def pair(self, name: str, key: str) -> dict[str, str]:
        zh, en = self.of.get(key, (key, key))
        return {f"{name}_zh": zh, f"{name}_en": en}

    def pairs(self, name: str, keys: list[str]) -> dict[str, list[str]]:
        found = [self.of.get(key, (key, key)) for key in keys]
        return {f"{name}_zh": [zh for zh, _ in found], f"{name}_en": [en for _, en in found]}


# --- sentences ---------------------------------------------------------------------------------------------------


def sentences(j: Journey, made: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """One sentence per link, in Chinese and English, from the figures of this run."""
    people = sum(len(told["people"]) for told in parties().values())
    kinds = [entry["kind"] for entry in made["registrations"]]
    resources, products = kinds.count("resource"), kinds.count("product")
    read, kept = (sum(s[part] for s in made["sources"].values()) for part in ("read", "harmonised"))
    aside = sum(s["quarantined"] for s in made["sources"].values())
    held = len(rights(j, Names(j)))
    supplies = len(j.known["partition"]["supplies"])
    groups, rounds = j.known["partition"]["groups"], len(j.known["partition"]["levels"])
    signed = all(contract["signed"] == "both" for contract in contracts(j))
    smallest = j.known["version"]["risk"]["f_min"]
    sources = len(j.known["walk_on"])
    gates = sum(1 for name in ("trips", "passages") if j.known.get(f"{name}.release"))
    paid = sum(1 for s in j.known["statements"] if s["direction"] == "sent" and s["paid_fen"] == s["share_fen"])
    risk, found, money = made["privacy"], made["delivery"], made["settlement"]
    told, model = price(j), made["model"]
    refused = {entry["link"]: entry["code"] for entry in refusals(j)}
    fee = max(entry["amount_fen"] for entry in told["fees"])
    weights = ":".join(str(part["weight"]) for part in j.known["settlement"]["parts"])
    entries, nodes = made["evidence"]["entries"], len(made["nodes"])
    rail = j.known["national"]
    steps = len(walk(j, Names(j)))
    return {
        "register": (
            f"{nodes} 个节点、{people} 人入网；{resources} 项资源、{products} 项产品经受理、审核、公示后赋码。",
            f"{nodes} nodes and {people} people joined; {resources} resource{'' if resources == 1 else 's'} and {products} product{'' if products == 1 else 's'} were accepted, reviewed, publicised and coded.",
        ),
        "authorise": (
            f"{held} 份权利文件到位：实施方案、运营协议、同意书、数据使用授权与合法性基础；{supplies} 项来源均已清权。",
            f"{held} instruments stand: plan, agreement, consent, data-use authorisation and legal bases; {supplies} inputs are cleared.",
        ),
        "harmonise": (
            f"读入 {read:,} 行 = 归一 {kept:,} 行 + 隔离 {aside:,} 行，一行不少。",
            f"{read:,} rows read = {kept:,} harmonised + {aside:,} quarantined; not one was lost.",
        ),
        "supply": (
            f"{supplies} 份供数合约经签名消息请求、同意、确认、成立{'，双方签署' if signed else ''}。",
            f"{supplies} supply contracts were requested, agreed, verified and finalized by signed messages{', and signed by both sides' if signed else ''}.",
        ),
        "deidentify": (
            f"{rounds} 轮问答商定 {groups:,} 个联合分组，每组骑行者与车辆各不少于 {smallest}；{gates} 家计数均通过放行门禁；无评估记录时曾被拒绝（{refused['deidentify']}）。",
            f"{rounds} rounds agreed on {groups:,} joint groups, each of at least {smallest} riders and {smallest} vehicles; {every(gates)} counts passed the gate, which refused them without an assessment ({refused['deidentify']}).",
        ),
        "compose": (
            f"汇成 {made['product']['rows']:,} 组；总体风险 R = {risk['overall_risk']:.4f}，低于限值 {LIMIT}。",
            f"Joined into {made['product']['rows']:,} groups; overall risk R = {risk['overall_risk']:.4f}, below the limit of {LIMIT}.",
        ),
        "price": (
            f"最高准许收入 {yuan(told['mpr_fen'])} 元，上限价 {yuan(told['cap_fen'])} 元，服务费 {yuan(fee)} 元；超上限的定价被拒绝（{refused['price']}）。",
            f"Maximum permitted revenue CNY {yuan(told['mpr_fen'])}, ceiling CNY {yuan(told['cap_fen'])}, fee CNY {yuan(fee)}; a fee above the ceiling was refused ({refused['price']}).",
        ),
        "catalogue": (
            f"逐关通过后上架，按 {len(told['fees'])} 种用途分别要约；买方检索可得。",
            f"Listed after every gate, with an offer for each of {len(told['fees'])} purposes; the buyer's search finds it.",
        ),
        "negotiate": (
            f"买方签约成立；以“信用评分”为用途的请求被拒绝（{refused['negotiate']}）。",
            f"The buyer's contract is final{' and signed by both' if signed else ''}; a request for credit scoring was refused ({refused['negotiate']}).",
        ),
        "deliver": (
            f"通用客户端 {found['client']} 收到 {found['rows']:,} 行、{found['bytes']:,} 字节；计量 {made['usage']['events']} 次。",
            f"The stock client {found['client']} received {found['rows']:,} rows, {found['bytes']:,} bytes; {made['usage']['events']} metered event.",
        ),
        "settle": (
            f"账单 {yuan(money['gross_fen'])} 元，按合约权重 {weights} 分给 {len(money['parts'])} 方，已付出 {paid} 份，借贷{'相等' if money['balanced'] else '不等'}。",
            f"An invoice of CNY {yuan(money['gross_fen'])}, split by the contract's weights {weights} among {len(money['parts'])} parties, {paid} shares paid out; the postings {'balance' if money['balanced'] else 'do not balance'}.",
        ),
        "national": (
            f"{rail['identities']} 个身份经功能节点赋码，{rail['connectors']} 个连接器心跳在线，{rail['listed']} 项进入全域目录；{len(rail['contracts'])} 份数字合约备案，其中 {rail['rounds']} 轮经平台协商的一份已提前解除并证明销毁 {rail['destroyed']} 个文件。",
            f"The function node assigned {rail['identities']} identities, hears {rail['connectors']} connectors and merged {rail['listed']} listings; {every(len(rail['contracts']))} digital contracts were filed, of which the one negotiated in {rail['rounds']} rounds through the platform was ended early, with proof that {rail['destroyed']} file{'' if rail['destroyed'] == 1 else 's'} went.",
        ),
        "audit": (
            f"{nodes} 个节点 {entries:,} 条存证全部核验；一行账单可经 {steps} 步走回 {sources} 家来源。",
            f"{entries:,} evidence entries of {nodes} nodes verified; one invoice line leads back to {every(sources)} sources in {steps} steps.",
        ),
        "model": (
            f"预测平均误差：原始行程 {model['raw_mae']:.3f}，产品 {model['product_mae']:.3f}，常数 {model['constant_mae']:.3f}。",
            f"Mean error of the forecast: raw trips {model['raw_mae']:.3f}, the product {model['product_mae']:.3f}, a constant {model['constant_mae']:.3f}.",
        ),
    }  # fmt: skip


def yuan(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def refusals(j: Journey) -> list[dict[str, Any]]:
    """What this run asked for on purpose and was refused."""
    release = j.known["refused_release"]
    reason = j.known["refused_purpose"].get("reason") or {}
    return [
        {"link": "deidentify", "code": release["code"],
         "zh": f"无评估记录即放行骑行计数。{release['what']['zh']}{release['why']['zh']}",
         "en": f"Releasing the counts of trips without an assessment record. {release['what']['en']} {release['why']['en']}"},
        {"link": "price", "code": j.known["refused_fee"], "zh": "定价高于上限价", "en": "A fee above the ceiling"},
        {"link": "negotiate", "code": str(reason.get("code", "")), "zh": "以“信用评分”为用途购买", "en": "A purchase for credit scoring"},
    ]  # fmt: skip


# --- parties, sources, rights ------------------------------------------------------------------------------------


def party(j: Journey, made: dict[str, Any], named: Names, slug: str) -> dict[str, Any]:
    kept = {BIKE: ("trips", "positions"), BUREAU: ("passages",)}.get(slug, ())
    gets = next((part["fen"] for part in made["settlement"]["parts"] if part["party"] == slug), None)
    return {
        "slug": slug, **named.pair("name", slug), "part_zh": PARTS[slug][0], "part_en": PARTS[slug][1],
        "node_code": j.codes[f"node:{slug}"], "stays": sum(made["sources"][name]["read"] for name in kept), "gets_fen": gets,
    }  # fmt: skip


def source(j: Journey, made: dict[str, Any], named: Names, name: str) -> dict[str, Any]:
    """One source: rows in = rows out + rows quarantined, and why."""
    built = j.known[f"{name}.build"]
    owner = BUREAU if name == "passages" else BIKE
    why = j.who(owner, "operator").ask("harmonise.quarantine_summary", build=built["id"])
    reasons: dict[str, dict[str, Any]] = {}
    for row in why:
        zh, en = REASONS.get(row["reason"], (row["zh"], row["en"]))
        known = reasons.setdefault(row["reason"], {"reason": row["reason"], "zh": zh, "en": en, "rows": 0})
        known["rows"] += row["rows"]
    return {
        "name": name, **named.pair("title", built["resource"]), **named.pair("owner", owner),
        **{part: made["sources"][name][part] for part in ("read", "harmonised", "quarantined")},
        "grade": built.get("quality", {}).get("grade", ""), "generated": name == "passages",
        "repaired": sum(repair["values"] for repair in built["repairs"]),
        "reasons": sorted(reasons.values(), key=lambda entry: -entry["rows"]),
    }  # fmt: skip


def registration(case: dict[str, Any], named: Names) -> dict[str, Any]:
    voluntary = case["basis"] == "voluntary"
    joint = len(case["registrants"]) > 1
    zh = [text for text, said in (("自愿登记，非公共数据", voluntary), ("与实施机构联合申报", joint)) if said]
    en = [
        text
        for text, said in (
            ("voluntary; not public data", voluntary),
            ("filed jointly with the implementing body", joint),
        )
        if said
    ]
    reviewer = case["reviewer"] or {}
    return {
        "code": case["code"], "kind": case["object_kind"], "state": case["state"], "valid_until": case["valid_until"],
        **named.pair("name", case["object_id"]), **named.pairs("registrants", [r["party"] for r in case["registrants"]]),
        **named.pairs("applicant", [entry["department"] for entry in case["applicant_departments"]]),
        **named.pair("reviewer", str(reviewer.get("department", ""))), "note_zh": "；".join(zh), "note_en": "; ".join(en),
    }  # fmt: skip


def rights(j: Journey, named: Names) -> list[dict[str, Any]]:
    """The instruments the product rests on, as the registry and the group hold them."""
    held = [
        *j.who(REGISTRY, "auditor").ask("authorise.instruments"),
        *j.who(GROUP, "auditor").ask("authorise.instruments"),
    ]
    known = {found["id"]: found for found in held}
    order = ("plan", "agreement", "consent", "data_use", "legal_basis")
    return [
        {
            "kind": found["kind"], "title": found["title"], "state": found["state"], "until": found["until"],
            **named.pair("grantor", found["grantor_party"]), **named.pair("grantee", found["grantee_party"]),
        }
        for found in sorted(known.values(), key=lambda entry: (order.index(entry["kind"]), entry["grantor_party"]))
    ]  # fmt: skip


# --- price, contracts, money, proofs -----------------------------------------------------------------------------


def price(j: Journey) -> dict[str, Any]:
    found = j.who(GROUP, "auditor").ask("price.prices")
    ceiling = found["ceilings"][-1]
    return {
        "mpr_fen": j.known["mpr_fen"], "cap_fen": ceiling["cap_fen"], "forecast_count": ceiling["forecast_count"],
        "fees": [
            {"purpose": fee["purpose"], "amount_fen": fee["amount_fen"]}
            for fee in sorted(found["fees"], key=lambda fee: (-fee["amount_fen"], fee["purpose"]))
            if fee["state"] == "PUBLISHED"
        ],
    }  # fmt: skip


def contract(found: dict[str, Any], named: Names) -> dict[str, Any]:
    return {
        "id": found["id"], **named.pair("provider", found["provider"]), **named.pair("consumer", found["consumer"]),
        **named.pair("dataset", found["dataset"]), "state": found["state"], "signed": found["signed"],
        "purpose": found["terms"]["purpose"], "amount_fen": found["terms"]["tariff"]["amount_fen"], "until": found["until"],
        "policy_hash": found["policy_hash"],
    }  # fmt: skip


def rail(j: Journey, named: Names) -> dict[str, Any]:
    """The chapter of the national rail: its figures, and who holds what."""
    found = j.known["national"]
    return {**found, **named.pair("platform", found["platform"]), **named.pair("holder", found["resolved"])}


def split(j: Journey, named: Names) -> list[dict[str, Any]]:
    return [
        {
            "party": slug_of_party(part["party"]), **named.pair("name", part["party"]), "fen": part["share_fen"],
            "weight": part["weight"], "treasury": part["payee_kind"] == "treasury", "account": part["account"],
        }
        for part in j.known["settlement"]["parts"]
    ]  # fmt: skip


def evidence(j: Journey, named: Names) -> list[dict[str, Any]]:
    return [
        {
            **named.pair("name", slug), "leaves": found["leaves"], "records": found["records"],
            "checkpoints": found["checkpoints"], "root": j.known["health"][slug]["checkpoint"].splitlines()[2],
            "witnesses": j.known["health"][slug]["cosignatures"], "ok": found["ok"],
        }
        for slug, found in j.known["verified"].items()
    ]  # fmt: skip


def walk(j: Journey, named: Names) -> list[dict[str, Any]]:
    """The steps back from the invoice line, first at the group, then on at each provider."""
    found = [
        (GROUP, j.known["walk"]["steps"]),
        *((slug, on["steps"]) for slug, on in sorted(j.known["walk_on"].items())),
    ]
    return [
        {"step": step["step"], "id": step["id"], "position": step.get("index"), "ok": step["ok"], "slug": slug,
         **named.pair("node", slug)}
        for slug, steps in found
        for step in steps
    ]  # fmt: skip
