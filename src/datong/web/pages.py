"""Which lists the console has: each page is one or more views of the rooms, with the columns worth a line.

What is not a column of the list stands on the record's own page. Must never know: how anything is drawn.
Contract: tests/web/test_console.py (every view and every detail named here exists).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datong.ground.refusal import Text


@dataclass(frozen=True)
class Section:
    """One list: the rows of a view, or of the list `part` inside its answer.

    columns: "name" finds name_zh or name_en by language, "words" finds zh or en. key: the field that names a row in
    the address of its page ("" = it has none); detail: "view:argument" that tells more of one row than the list.
    """

    view: str
    columns: tuple[str, ...]
    title: Text | None = None
    """Said where a page has several lists; those that a person may not see are left out."""
    key: str = "id"
    detail: str = ""
    part: str = ""
    one: str = "id"
    """Of a view that takes `limit` and `offset`: by which argument it gives one row."""
    first: tuple[str, ...] = ()
    """What the page of a row tells after the columns and before the rest."""
    note: Text | None = None
    """How its figures are read, where that is not plain."""

    @property
    def name(self) -> str:
        """Of the list: its view, with the part of the answer where that is several lists."""
        return f"{self.view}:{self.part}" if f"{self.view}:{self.part}" in COUNTED else self.view

    @property
    def counted(self) -> Counted | None:
        """Where the rows of this list are counted; None where they are no table's."""
        return COUNTED.get(self.name)


@dataclass(frozen=True)
class Door:
    """What begins a record of a list or tells more of it: a verb or view, by its own title or other words, at its form
    or at a page of its own."""

    verb: str
    title: Text | None = None
    at: str = ""

    @property
    def address(self) -> str:
        return self.at or f"/do/{self.verb.replace('.', '/')}"


@dataclass(frozen=True)
class Page:
    slug: str
    group: str
    title: Text
    sections: tuple[Section, ...]
    doors: tuple[Door, ...] = ()


GROUPS = {
    "who": Text("主体", "Who"), "rights": Text("登记与权利", "Registered"), "work": Text("加工", "Processed"),
    "market": Text("流通", "Traded"), "money": Text("结算", "Settled"), "proof": Text("证明", "Proven"),
}  # fmt: skip

PAGES = (
    Page("parties", "who", Text("主体", "Parties"), (
        Section("register.parties", ("name", "code", "own"), key="code"),
    ), (Door("register.add_party"),)),
    Page("people", "who", Text("人员", "People"), (
        Section("register.people", ("name", "login", "department", "roles", "state", "added_at"),
                Text("人员", "People")),
        Section("register.service_tokens", ("label", "person", "scopes", "issued_by", "issued_at", "expires_at",
                                            "revoked_at"), Text("服务令牌", "Service tokens")),
    ), (Door("register.add_person"),)),
    Page("nodes", "who", Text("节点", "Nodes"), (
        Section("register.directory", ("name", "kind", "code", "address", "state"), Text("目录", "Directory"),
                key="code"),
        Section("register.connectors", ("node", "state", "beat_at"), Text("连接器运行状态", "Connectors, as they run"),
                key="node"),
        Section("register.join_applications", ("name", "kind", "address", "state", "code", "applied_at"),
                Text("入网申请", "Applications to join")),
    ), (Door("register.apply_to_join"), Door("register.admit_connector"), Door("register.report_running"),
        Door("register.apply_to_leave"), Door("register.connector_reports"), Door("register.resolve"))),
    Page("identities", "who", Text("身份与凭证", "Identities and credentials"), (
        Section("register.identities", ("identity_code", "kind", "act", "state", "pending", "proxy", "reason", "at"),
                Text("身份", "Identities")),
        Section("register.held_credentials", ("kind", "issuer", "name", "received_at", "expires_at"),
                Text("持有的凭证", "Credentials held")),
        Section("register.issued_credentials", ("node", "state", "reason", "issued_at", "expires_at"),
                Text("签发的凭证", "Credentials issued")),
    ), (Door("register.apply_identity"),)),
    Page("spaces", "who", Text("数据空间", "Data spaces"), (
        Section("register.spaces", ("name", "platform", "members", "members_running", "state", "at"),
                detail="register.space_members:space"),
    ), (Door("register.create_space"), Door("register.apply_to_space"))),
    Page("resources", "rights", Text("数据资源", "Resources"), (
        Section("register.resources", ("name", "owner", "standard", "public_data", "personal", "grade", "state",
                                        "code")),
    ), (Door("register.declare_resource"),)),
    Page("products", "rights", Text("数据产品", "Products"), (
        Section("register.products", ("name", "owner", "inputs", "delivery_forms", "grade", "state", "code")),
    ), (Door("register.declare_product"),)),
    Page("cases", "rights", Text("登记案件", "Registration cases"), (
        Section("register.cases", ("name", "object_kind", "registrants", "applicant_departments", "reviewer",
                                   "deadline", "state", "code"), detail="register.case:case"),
    ), (Door("register.draft_case"), Door("register.escalate_overdue"), Door("register.publicity"),
        Door("register.objections"))),
    Page("ledger", "rights", Text("登记台账", "Ledger"), (
        Section("register.ledger", ("object", "kind", "basis", "registrants", "coded_on", "valid_until", "state",
                                    "code"), key="code", part="entries", one="code"),
    )),
    Page("instruments", "rights", Text("权利文件", "Rights"), (
        Section("authorise.instruments", ("title", "kind", "grantor_party", "grantee_party", "purposes", "until",
                                          "state"), Text("权利文件", "Instruments"),
                detail="authorise.instrument:instrument"),
        Section("authorise.holdings", ("owner_party", "owned_party", "percent", "declared_at"),
                Text("持股关系", "Holdings"), key=""),
    ), (Door("authorise.draft"), Door("authorise.declare_holding"))),
    Page("builds", "work", Text("归一与质量", "Harmonised builds"), (
        Section("harmonise.builds", ("resource", "standard", "read", "harmonised", "quarantined", "grade", "state",
                                     "at"), detail="harmonise.build_of:build"),
    ), (Door("harmonise.build"),)),
    Page("meanings", "work", Text("字段含义", "Meanings of columns"), (
        Section("harmonise.synonyms", ("column", "element", "said", "standard", "source", "told_by", "by", "at",
                                       "state"), key=""),
    ), (Door("harmonise.match", Text("匹配一个数据源", "Match a source"), "/match"),)),
    Page("quarantine", "work", Text("隔离区", "Quarantine"), (
        Section("harmonise.quarantine_summary", ("resource", "words", "column", "rows", "build"), key=""),
    )),
    Page("repairs", "work", Text("修复", "Repairs"), (
        Section("harmonise.repairs", ("resource", "column", "row", "reason", "build", "by", "state", "at")),
    )),
    Page("classifications", "work", Text("分类分级", "Classification"), (
        Section("deidentify.classifications", ("dataset", "level", "grade", "direct", "quasi", "unconfirmed",
                                               "lowerings", "state", "at"), key="dataset",
                detail="deidentify.classification:dataset"),
    ), (Door("deidentify.propose_classification", Text("为一个数据集提出建议", "Propose one for a dataset"),
             "/classify"),)),
    Page("releases", "work", Text("风险与放行", "Risk and releases"), (
        Section("deidentify.releases", ("dataset", "recipient_group", "form", "risk", "agreement", "at"),
                Text("放行", "Releases")),
        Section("deidentify.assessments", ("subject", "recipient_group", "t1", "t2", "t3", "cr", "assessor_party",
                                           "expires", "withdrawn_at"), Text("评估记录", "Assessment records")),
    ), (Door("deidentify.assess"),)),
    Page("budgets", "work", Text("隐私预算", "Privacy budgets"), (
        Section("deidentify.budget", ("dataset", "privacy_unit", "spent_epsilon", "left_epsilon", "cap_epsilon",
                                      "delta", "answers", "at"), Text("预算", "Budgets")),
        Section("deidentify.budget_ledger", ("dataset", "seq", "line", "consumer", "rho", "spent_rho", "cap_rho", "at"),
                Text("台账", "Ledger")),
        Section("deidentify.noisy_releases", ("dataset", "question", "cost_rho", "state", "at"),
                Text("含噪回答", "Noisy answers"), detail="deidentify.answer:release", key="release"),
    ), (Door("deidentify.set_budget"),)),
    Page("versions", "work", Text("产品版本", "Product versions"), (
        Section("compose.versions", ("product", "version", "rows", "risk", "recipient_group", "at"),
                Text("版本", "Versions")),
        Section("compose.partitions", ("product", "groups", "supplies", "state", "at"),
                Text("联合分区", "Joint partitions"), detail="compose.partition:id"),
    ), (Door("compose.define_product"), Door("compose.propose_partition"))),
    Page("fees", "market", Text("价格", "Prices"), (
        Section("price.prices", ("product", "purpose", "amount_fen", "cap_fen", "unit", "state", "published_at"),
                Text("服务费", "Fees"), part="fees"),
        Section("price.prices", ("product", "from_year", "to_year", "cap_fen", "forecast_count", "unit", "state"),
                Text("上限价", "Ceilings"), part="ceilings"),
        Section("price.prices", ("operator", "mpr_fen", "surveyed_by", "at"), Text("成本监审", "Cost surveys"),
                part="surveys"),
        Section("settle.earnings", ("products", "from", "until", "mpr_fen", "actual_fen", "deviation_percent",
                                    "alert_percent", "adjust", "next_deduction_fen"),
                Text("实际收入", "Revenue"), key=""),
    ), (Door("price.set_fee"), Door("price.survey_costs"))),
    Page("listings", "market", Text("目录", "Catalogue"), (
        Section("catalogue.listings", ("title", "kind", "gates", "grade", "rows", "state", "offered", "spaces",
                                       "published_at"),
                Text("本节点上架", "Listed here"), key="dataset", detail="catalogue.listing:dataset"),
        Section("catalogue.find", ("title", "source", "purposes", "description", "spaces"),
                Text("可检索到", "Found from here"), key="dataset"),
        Section("catalogue.policy_templates", ("name", "words", "parameters"), Text("策略模板", "Policy templates"),
                key=""),
    ), (Door("catalogue.publish"),
        Door("catalogue.write_policy_template", Text("编写策略模板", "Write a policy template")),
        Door("catalogue.harvest"), Door("catalogue.report_catalogue"), Door("catalogue.merged_catalogue"))),
    Page("contracts", "market", Text("合约", "Contracts"), (
        Section("negotiate.agreements", ("dataset", "provider_party", "consumer_party", "terms", "agreed_at", "until",
                                         "signed", "state"), Text("合约", "Contracts"), detail="negotiate.contract:id"),
        Section("negotiate.negotiations", ("dataset", "peer_party", "purpose", "side", "state", "wait", "changed_at"),
                Text("协商", "Negotiations"), detail="negotiate.negotiation:id"),
        Section("negotiate.waiting", ("dataset", "state", "held_by", "why", "deadline", "next_try"),
                Text("等待中的协商", "Negotiations that wait"), key="negotiation"),
    ), (Door("negotiate.filings"),)),
    Page("deliveries", "market", Text("交付", "Deliveries"), (
        Section("deliver.grants", ("agreement", "holder_party", "state", "reason", "issued_at", "expires"),
                Text("授予", "Grants to others")),
        Section("deliver.transfers", ("agreement", "peer", "side", "into", "format", "state", "at"),
                Text("传输", "Transfers")),
        Section("deliver.shares", ("dataset", "agreement", "version", "rows", "bytes", "state", "at"),
                Text("共享表", "Tables laid ready")),
        Section("deliver.held", ("dataset", "agreement", "version", "rows", "bytes", "state", "at"),
                Text("收到的数据", "Data received")),
        Section("deliver.endings", ("id", "state", "at"), Text("交付终结", "Ended, with proof")),
    )),
    Page("decisions", "market", Text("使用决策", "Decisions"), (
        Section("deliver.decisions", ("dataset", "action", "purpose", "subject", "outcome", "words", "at"),
                one="decision"),
    )),
    Page("usage", "market", Text("计量", "Usage"), (
        Section("meter.usage", ("agreement", "kind", "rows", "bytes_granted", "bytes_served", "state", "at"),
                detail="meter.event:event"),
    )),
    Page("invoices", "money", Text("账单", "Invoices"), (
        Section("settle.invoices", ("product", "seller_party", "buyer_party", "from_at", "until_at", "gross_fen",
                                    "paid_fen", "state"), detail="settle.invoice_shown:invoice",
                first=("credited_fen", "lines", "purpose", "issued_at", "id")),
    ), (Door("settle.invoice"),)),
    Page("statements", "money", Text("分账单", "Statements"), (
        Section("settle.statements", ("party", "issuer_party", "direction", "gross_fen", "share_fen", "paid_fen",
                                       "at")),
    )),
    Page("accounts", "money", Text("总账", "Accounts"), (
        Section("settle.balances", ("account", "party", "posted_fen", "pending_fen"), Text("余额", "Balances"), key="",
                note=Text("正数为借方余额，负数为贷方余额（如收入、应付款）。",
                          "Above zero is a debit balance, below zero a credit one: of revenue and of what is owed.")),
        Section("settle.ledger", ("narration", "kind", "postings", "state", "at"), Text("分录", "Entries")),
    ), (Door("settle.export_beancount"),)),
    Page("leaves", "proof", Text("存证", "Evidence"), (
        Section("audit.leaves", ("position", "act", "record", "role", "party", "business_at"), key="leaf",
                detail="audit.receipt:leaf", one="leaf"),
    ), (Door("audit.verify"), Door("audit.trace"), Door("audit.export_bundle"), Door("audit.capability"))),
)  # fmt: skip


@dataclass(frozen=True)
class Counted:
    """Where the rows of a view are counted: one for each of a table that has what is `equal`, or for each thing that
    the column `each` of the table lists."""

    table: str
    equal: Mapping[str, Any] = field(default_factory=dict)
    each: str = ""


COUNTED: dict[str, Counted] = {
    **{view: Counted(table) for view, table in {
        "audit.leaves": "evidence_leaf", "authorise.instruments": "instrument", "catalogue.listings": "listing",
        "compose.partitions": "compose_partition", "compose.versions": "compose_product_version",
        "deidentify.assessments": "deidentify_assessment", "deidentify.budget": "deidentify_budget",
        "deidentify.budget_ledger": "deidentify_budget_line", "deidentify.noisy_releases": "deidentify_noisy_release",
        "deidentify.releases": "deidentify_release", "deliver.decisions": "decision", "deliver.endings": "delivery_end",
        "deliver.grants": "delivery_grant", "deliver.held": "received", "deliver.shares": "share_table",
        "deliver.transfers": "transfer_process", "harmonise.builds": "build", "harmonise.repairs": "harmonise_repair",
        "harmonise.synonyms": "synonym", "meter.usage": "usage_event", "negotiate.agreements": "agreement",
        "negotiate.negotiations": "negotiation", "price.prices:ceilings": "price_ceiling", "price.prices:fees": "fee",
        "price.prices:surveys": "cost_survey", "register.cases": "register_case",
        "register.directory": "register_node",
        "register.held_credentials": "register_held_credential", "register.identities": "register_identity",
        "register.issued_credentials": "register_issued_credential",
        "register.join_applications": "register_application",
        "register.parties": "register_party", "register.people": "register_person",
        "register.products": "register_product", "register.resources": "register_resource",
        "register.service_tokens": "register_service_token", "register.spaces": "logical_space",
        "settle.invoices": "invoice", "settle.ledger": "ledger_entry", "settle.statements": "statement",
    }.items()},
    "register.ledger": Counted("register_ledger", {"state": "CODED"}),
    "deidentify.classifications": Counted("deidentify_classification", {"version": 1}),
    "harmonise.quarantine_summary": Counted("build", each="reasons_by_column"),
}  # fmt: skip
"""View, with the part of its answer where each is a table's -> where its rows are counted, in the database."""
OLDEST_FIRST = frozenset(
    {
        "authorise.instruments", "catalogue.listings", "compose.partitions", "compose.versions", "deliver.endings",
        "deidentify.assessments", "deidentify.releases", "deliver.grants", "deliver.held", "deliver.shares",
        "meter.usage", "negotiate.agreements",
        "negotiate.negotiations", "price.prices", "register.cases", "register.ledger", "register.products",
        "register.resources", "register.spaces", "settle.invoices", "settle.ledger", "settle.statements",
    }
)  # fmt: skip
"""Views that take `limit` and `offset` and begin with the oldest; a page of the console begins with the newest."""

PAGE_OF_PREFIX = {
    "agr": "contracts", "neg": "contracts", "case": "cases", "inv": "invoices", "use": "usage", "ins": "instruments",
    "build": "builds", "release": "releases", "assessment": "releases", "dec": "decisions", "grant": "deliveries",
    "transfer": "deliveries", "share": "deliveries", "recv": "deliveries", "st": "statements", "fee": "fees",
    "ceil": "fees", "survey": "fees", "res": "resources", "prod": "products", "partition": "versions",
    "leaf": "leaves", "repair": "repairs", "noisy": "budgets", "spent": "budgets",
    "space": "spaces",
}  # fmt: skip
"""The page on which a record stands, by the prefix of its id (ground.db.new_id)."""

TOLD_TO_OTHERS = {
    "agr": "agreement", "case": "register_case", "ceil": "price_ceiling", "fee": "fee", "ins": "instrument",
    "inv": "invoice", "partition": "compose_partition", "prod": "register_product", "res": "register_resource",
    "st": "statement", "survey": "cost_survey", "use": "usage_event",
}  # fmt: skip
"""Ids that other nodes may hear of without having the record, by prefix: the table of which the holder has leaves."""
