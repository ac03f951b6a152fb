"""Buttons on the pages of records: real verbs, offered to whom they are open, filled; a tick before what is final."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from test_console import Browser, app_of, people, text  # noqa: F401 - fixtures

import datong.app.doors
from datong.deliver.service import holding
from datong.ground import signing
from datong.ground.db import NODE, Actor, Store, metadata
from datong.register import service as register
from datong.terms.policy import to_json
from datong.terms.verbs import VERBS
from datong.web import acts, words
from datong.web.api import arguments_model
from datong.web.pages import PAGES
from datong.web.visits import Visit
from two_nodes import DATASET, POLICY, TERMS

OTHER = "91520100MA6OTHER01"
CONTRACT = f"agr-{'a' * 32}"
INVOICE = f"inv-{'a' * 32}"


@pytest.fixture
def browser(store: Store, people: dict[str, str], tmp_path: Path) -> Browser:  # noqa: F811
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="fi", name="财务", roles=["finance"])
    return Browser(app_of(store, tmp_path / "story.json"), store)


def invoice(store: Store, state: str, *, seller: str, buyer: str, paid_fen: int = 0) -> None:
    kept = metadata.tables["invoice"]
    row: dict[str, Any] = {column.name: "" for column in kept.c}
    numbers = {column.name: 0 for column in kept.c if column.type.python_type is int}
    dicts = {column.name: {} for column in kept.c if column.type.python_type is dict}
    at = dict.fromkeys(("from_at", "until_at", "issued_at"), "2026-03-02T00:00:00Z")
    with store.begin(NODE, "start") as tx:
        tx.execute(kept.delete())
        tx.add(kept, {**row, **numbers, **dicts, **at, "id": INVOICE, "state": state, "seller_party": seller,
                      "buyer_party": buyer, "gross_fen": 1_234_56, "paid_fen": paid_fen})  # fmt: skip


def offered(page: str) -> set[str]:
    return set(re.findall(r'class="button" href="/do/(\w+/\w+)', page))


def test_every_button_leads_to_a_verb_with_its_arguments() -> None:
    views = {section.view for page in PAGES for section in page.sections}
    assert set(acts.ACTS) <= views
    for act in (*(act for found in acts.ACTS.values() for act in found), *acts.MEMBER_ACTS):
        assert VERBS[act.verb].changes, act.verb
        assert act.at or act.argument in arguments_model(VERBS[act.verb]).model_fields, act.verb
    assert set(VERBS) >= acts.FINAL


def test_an_invoice_offers_what_its_side_may_do_now(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    browser.enter("fi")
    for state, seller, buyer, wanted in (
        ("RECEIVED", OTHER, mine, {"settle/accept_invoice", "settle/dispute_invoice"}),
        ("DISPUTED", OTHER, mine, {"settle/accept_invoice"}),
        ("ACCEPTED", OTHER, mine, {"settle/record_payment", "settle/dispute_invoice"}),
        ("PAID", OTHER, mine, {"settle/dispute_invoice"}),
        ("ISSUED", mine, OTHER, {"settle/void_invoice"}),
        ("DISPUTED", mine, OTHER, {"settle/void_invoice"}),
        ("ACCEPTED", mine, OTHER, {"settle/record_payment", "settle/credit_invoice"}),
        ("PAID", mine, OTHER, {"settle/credit_invoice"}),
        ("VOIDED", OTHER, mine, set()),
    ):
        invoice(store, state, seller=seller, buyer=buyer, paid_fen=23_456)
        page = browser.get(f"/invoices/{INVOICE}").text
        assert offered(page) == wanted, (state, wanted)
    invoice(store, "ACCEPTED", seller=OTHER, buyer=mine, paid_fen=23_456)
    way = re.search(r'href="(/do/settle/record_payment[^"]+)"', browser.get(f"/invoices/{INVOICE}").text)
    assert way is not None
    form = browser.get(unescape(way[1])).text
    assert f'value="{INVOICE}"' in form
    assert 'value="1000.00"' in form
    assert f'href="/invoices/{INVOICE}"' in form
    browser.enter("pm")
    page = browser.get(f"/invoices/{INVOICE}").text
    assert offered(page) == set()
    assert '<p class="printed">账单 <code>' in page, "on paper it says what it is"


def others(page: str) -> str:
    found = re.search(r'<p class="hint elsewhere">(.*?)</p>', page, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def test_a_record_says_who_may_do_what_this_person_may_not(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="rv", name="审核", roles=["reviewer"])
        mine = signing.me(tx).party
    accept, pay = (words.button_title(VERBS[f"settle.{name}"], "en") for name in ("accept_invoice", "record_payment"))
    for login, state, seller, buyer, wanted in (
        ("au", "RECEIVED", OTHER, mine, [f"{accept} (finance)"]),
        ("fi", "RECEIVED", OTHER, mine, []),
        ("fi", "ISSUED", mine, OTHER, [f"{accept} ({OTHER})"]),
        ("pm", "ISSUED", mine, OTHER, ["(finance); ", f"{accept} ({OTHER})"]),
        ("pm", "ACCEPTED", OTHER, mine, [f"{pay} (finance)"]),
        ("pm", "VOIDED", OTHER, mine, []),
    ):
        invoice(store, state, seller=seller, buyer=buyer)
        browser.enter(login)
        said = others(browser.get(f"/invoices/{INVOICE}?lang=en").text)
        assert all(one in said for one in wanted), (login, state, said)
        assert bool(wanted) is bool(said), (login, state, said)
    instrument(store, "agreement", "COLLECTIVE_DECISION", grantor=mine, grantee=OTHER)
    browser.enter("rv")
    told = "（法务、实施机构经办；本节点尚无此角色的人员）"
    assert told in others(browser.get(f"/instruments/{INSTRUMENT}?lang=zh").text), "nobody would ever sign it"
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="st", name="专员", roles=["steward"])
    assert "尚无" not in others(browser.get(f"/instruments/{INSTRUMENT}?lang=zh").text)
    instrument(store, "agreement", "OFFERED", grantor=mine, grantee=OTHER)
    said = others(browser.get(f"/instruments/{INSTRUMENT}?lang=zh").text)
    assert f"作为被授予方会签协议（{OTHER}）" in said
    assert "会签协议（数据专员" not in said, "at this node nobody may"


def test_an_instrument_offers_what_its_side_may_do_now(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="st", name="专员", roles=["steward"])
        register.add_person(tx, login="rv", name="审核", roles=["reviewer"])
    with store.read() as tx:
        mine = signing.me(tx).party
    decide, end = {"authorise/decide_collectively"}, {"authorise/withdraw"}
    for login, kind, state, grantor, wanted in (
        ("st", "plan", "DRAFT", mine, decide),
        ("st", "plan", "COLLECTIVE_DECISION", mine, {"authorise/approve"}),
        ("rv", "plan", "COLLECTIVE_DECISION", mine, {"authorise/approve"}),
        ("st", "plan", "APPROVED", mine, {"authorise/file"}),
        ("st", "plan", "FILED", mine, {"authorise/change", "authorise/close", *end}),
        ("st", "agreement", "COLLECTIVE_DECISION", mine, {"authorise/sign"}),
        ("rv", "agreement", "COLLECTIVE_DECISION", mine, set()),
        ("st", "agreement", "OFFERED", mine, end),
        ("st", "agreement", "OFFERED", OTHER, {"authorise/countersign"}),
        ("st", "agreement", "IN_FORCE", mine, {"authorise/suspend", *end}),
        ("st", "agreement", "IN_FORCE", OTHER, set()),
        ("st", "agreement", "SUSPENDED", mine, {"authorise/resume", *end}),
        ("st", "consent", "DRAFT", mine, {"authorise/sign"}),
        ("st", "consent", "WITHDRAWN", mine, set()),
    ):
        instrument(store, kind, state, grantor=grantor, grantee=mine if grantor == OTHER else OTHER)
        browser.enter(login)
        page = browser.get(f"/instruments/{INSTRUMENT}").text
        assert offered(page) == wanted, (login, kind, state)


INSTRUMENT = f"ins-{'b' * 32}"


def instrument(store: Store, kind: str, state: str, *, grantor: str, grantee: str, key: str = INSTRUMENT) -> None:
    kept = metadata.tables["instrument"]
    at = dict.fromkeys(("from_at", "until_at", "changed_at"), "2026-03-02T00:00:00Z")
    lists: dict[str, list[str]] = {name: [] for name in ("resources", "purposes", "acts", "parents", "copies_to")}
    texts = dict.fromkeys(("grantee_node", "digest", "drafted_by", "drafter_let_in_by"), "")
    with store.begin(NODE, "start") as tx:
        tx.execute(kept.delete().where(kept.c.id == key))
        tx.add(kept, {**at, **lists, **texts, "id": key, "kind": kind, "state": state, "title": key, "items": {},
                      "grantor_party": grantor, "grantee_party": grantee, "serial": 1,
                      "value": {"signatures": []}})  # fmt: skip


def test_many_instruments_are_turned_over_the_newest_first(browser: Browser, store: Store) -> None:
    for number in range(60):
        instrument(store, "consent", "IN_FORCE", grantor=OTHER, grantee="", key=f"ins-{number:032d}")
    browser.enter("op")
    listed = [re.findall(r"/instruments/(ins-\d{32})", browser.get(f"/instruments?from={at}").text) for at in (0, 50)]
    found = [list(dict.fromkeys(page)) for page in listed]
    assert (len(found[0]), found[0][0], found[1][-1]) == (50, f"ins-{59:032d}", f"ins-{0:032d}")
    assert len({*found[0], *found[1]}) == 60
    assert browser.get(f"/instruments/ins-{7:032d}").status_code == 200


def test_a_fee_offers_its_publication_and_a_survey_its_ceiling(browser: Browser, store: Store) -> None:
    fee, survey = f"fee-{'c' * 32}", f"survey-{'d' * 32}"
    row = {"product": "P-1", "purpose": "public_welfare", "amount_fen": 0, "unit": "per_delivery", "set_by": "p",
           "set_at": "2026-03-02T00:00:00Z"}  # fmt: skip
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="po", name="价格", roles=["price_officer"])
        tx.add(metadata.tables["fee"], {"id": fee, "state": "SET", **row})
        tx.add(metadata.tables["cost_survey"], {
            "id": survey, "operator": OTHER, "serial": 1, "survey": {}, "figures": [], "mpr_fen": 1, "surveyed_by": "p",
            "at": "2026-03-02T00:00:00Z",
        })  # fmt: skip
    for login, wanted in (("pm", {"price/publish_fees", "price/set_fee"}), ("po", set())):
        browser.enter(login)
        assert offered(browser.get(f"/fees/{fee}").text) == wanted, login
    assert offered(browser.get(f"/fees/{survey}").text) == {"price/set_ceiling"}
    with store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["fee"], fee, state="SUPERSEDED")
    browser.enter("pm")
    assert offered(browser.get(f"/fees/{fee}").text) == set()


def test_a_resource_offers_the_next_step_to_its_code_and_to_its_listing(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="de", name="工程", roles=["data_engineer"])
        thing = register.declare_resource(
            tx, name_zh="卡口", name_en="gates", abstract="x", standard="vehicle_passage", source_kind="001",
            source_statement="x", licence="l", public_data=False, personal=False, grade=1, update_frequency="002",
            area="5201", licence_terms={"commercial": True, "derivatives": True, "attribution": "a"},
        )["id"]  # fmt: skip
    here = {"register/preserve_evidence", "register/amend_description", "register/draft_case"}
    browser.enter("de")
    assert offered(browser.get(f"/resources/{thing}").text) == here
    code = "7-is-not-looked-at"
    case = {"id": "case-1", "side": "applicant", "registry": "", "applicant_node": "", "applicant_party": "",
            "object_kind": "resource", "object_id": thing, "type": "first", "basis": "voluntary", "public_data": False,
            "filing": {}, "registrants": [], "version": 1, "history": [], "since": "2026-03-02T00:00:00Z"}  # fmt: skip
    with store.begin(NODE, "start") as tx:
        tx.add(metadata.tables["register_case"], {**case, "state": "DRAFT"})
    assert offered(browser.get(f"/resources/{thing}").text) == here, "a draft may be drafted again"
    with store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["register_case"], "case-1", state="SUBMITTED")
    assert offered(browser.get(f"/resources/{thing}").text) == set()
    with store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["register_case"], "case-1", state="CODED", code=code)
        tx.change(metadata.tables["register_resource"], thing, code=code)
    page = browser.get(f"/resources/{thing}").text
    changing = {"register/preserve_evidence", "register/draft_case", "register/change_licence"}
    assert offered(page) == {"catalogue/publish", *changing}
    assert f"/do/register/draft_case?of={thing}&amp;type=change" in page
    assert f"/do/catalogue/publish?dataset={code}" in page
    browser.enter("op")
    assert offered(browser.get(f"/resources/{thing}").text) == set()


CASE = {
    "id": "case-1", "registry": "", "applicant_node": "", "applicant_party": "", "object_kind": "resource",
    "object_id": "res-1", "type": "first", "basis": "voluntary", "public_data": False, "registrants": [], "version": 1,
    "filing": {"object": {"name_zh": "行程"}}, "history": [], "since": "2026-03-02T00:00:00Z", "code": "7-code",
    "valid_until": "2029-03-02",
}  # fmt: skip


@pytest.mark.parametrize(
    ("side", "state", "by"),
    [
        ("applicant", "CODED", {"de": {"register/apply_to_renew"}, "lg": {"register/apply_to_cancel"}, "re": set()}),
        ("registry", "CODED", {"de": set(), "lg": set(), "re": {"register/end_registration"}}),
        ("registry", "RENEWAL_FILED", {"re": {"register/accept_case", "register/reject_case", "register/end_registration"}}),
        ("registry", "RENEWAL_ACCEPTED", {"re": {"register/reject_case", "register/end_registration"}, "rv": {"register/review_case"}}),
        ("registry", "CANCELLATION_ACCEPTED", {"re": {"register/end_registration"}, "rv": set()}),
        ("registry", "CANCELLED", {"re": set()}),
        ("applicant", "REVOKED", {"de": set(), "lg": set()}),
    ],
)  # fmt: skip
def test_a_coded_case_offers_what_its_side_may_do_now(
    browser: Browser, store: Store, side: str, state: str, by: dict[str, set[str]]
) -> None:
    roles = {"de": "data_engineer", "lg": "legal", "re": "registrar", "rv": "reviewer"}
    with store.begin(NODE, "start") as tx:
        tx.add(metadata.tables["register_case"], {**CASE, "side": side, "state": state})
        known = {person["login"] for person in register.people(tx)}
        for login in by.keys() - known:
            register.add_person(tx, login=login, name=login, roles=[roles[login]])
    for login, buttons in by.items():
        browser.enter(login)
        assert offered(browser.get("/cases/case-1").text) == buttons, login


@pytest.mark.parametrize(
    ("confirmed", "state", "buttons"),
    [
        (None, "SUBMITTED", {"register/join_filing"}),
        ("2026-03-02T00:00:00Z", "SUBMITTED", set()),
        (None, "ACCEPTED", set()),
    ],
)
def test_whose_confirmation_is_missing_is_offered_to_confirm(
    browser: Browser, store: Store, confirmed: str | None, state: str, buttons: set[str]
) -> None:
    with store.begin(NODE, "start") as tx:
        mine = {"party": signing.me(tx).party, "name": "本方", "confirmed_at": confirmed}
        first = {"party": "91520100MA0BK00308", "name": "他方", "confirmed_at": "2026-03-02T00:00:00Z"}
        row = {**CASE, "side": "joint", "state": state, "code": None, "registrants": [first, mine]}
        tx.add(metadata.tables["register_case"], row)
        register.add_person(tx, login="lg", name="法务", roles=["legal"])
    browser.enter("lg")
    assert offered(browser.get("/cases/case-1").text) == buttons


@pytest.mark.parametrize(("type", "buttons"), [("first", {"register/code_case"}), ("change", {"register/code_case"})])
def test_after_the_publicity_a_case_is_coded_or_entered(
    browser: Browser, store: Store, type: str, buttons: set[str]
) -> None:
    filing = {**CASE["filing"], "materials": {"registration": {"code": "7-code", "changes": {"grade": 2}}}}
    with store.begin(NODE, "start") as tx:
        row = {**CASE, "side": "registry", "state": "PUBLICISED", "code": None, "type": type, "filing": filing}
        tx.add(metadata.tables["register_case"], {**row, "publicised_at": "2026-03-02T00:00:00Z"})
        register.add_person(tx, login="re", name="登记", roles=["registrar"])
    browser.enter("re")
    assert offered(browser.get("/cases/case-1").text) - {"register/object_to_case"} == buttons


def test_what_nothing_undoes_wants_a_tick(browser: Browser, store: Store, people: dict[str, str]) -> None:  # noqa: F811
    with store.begin(NODE, "register") as tx:
        token = register.issue_service_token(tx, person=people["op"], label="夜间", scopes=["audit"], days=1)["id"]
    browser.enter("op")
    page = browser.get(f"/people/{token}").text
    assert offered(page) == {"register/revoke_service_token"}
    way = re.search(r'href="(/do/register/revoke_service_token[^"]+)"', page)
    assert way is not None
    form = browser.get(unescape(way[1]))
    assert "此操作不可撤销" in form.text
    data = {"token_id": token, "_back": f"/people/{token}"}
    refused = browser.post("/do/register/revoke_service_token", data=data)
    assert (refused.status_code, "GEN-412" in refused.text) == (400, True)
    assert offered(browser.get(f"/people/{token}").text) == {"register/revoke_service_token"}
    done = browser.post("/do/register/revoke_service_token", data={**data, "_sure": "yes"})
    assert done.status_code == 200
    assert f'href="/people/{token}"' in done.text
    assert offered(browser.get(f"/people/{token}").text) == set()


def test_a_way_back_never_leads_to_another_site(browser: Browser) -> None:
    browser.enter("op")
    for there in ("//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"):
        page = browser.get("/do/register/add_party", params={"_back": there}).text.partition("<main")[2]
        assert "evil" not in page
        assert "javascript" not in page


@pytest.mark.parametrize("amount", ["12,00", "1.234", "一百", "1e3", "9" * 5000])
def test_an_amount_is_asked_for_in_yuan(browser: Browser, store: Store, amount: str) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    invoice(store, "ACCEPTED", seller=OTHER, buyer=mine)
    browser.enter("fi")
    refused = browser.post(
        "/do/settle/record_payment", data={"invoice": INVOICE, "amount_fen": amount, "reference": "0001"}
    )
    assert (refused.status_code, "应为以元为单位的金额" in refused.text) == (400, True)
    over = {"invoice": INVOICE, "amount_fen": "1,234.57", "reference": "0001"}
    told = text(browser.post("/do/settle/record_payment", data=over))
    assert "TRD-411" in told
    assert "1,234.57 元与未结余额 1,234.56 元不符" in told
    paid = browser.post("/do/settle/record_payment", data={**over, "amount_fen": "1,234.56"})
    assert "已付清" in text(paid)


def test_people_members_and_applications_are_decided_from_their_pages(
    browser: Browser,
    store: Store,
    people: dict[str, str],  # noqa: F811
) -> None:
    with store.begin(NODE, "register") as tx:
        space = register.create_space(tx, name="出行空间")["id"]
        asks = {"id": f"{space}/n", "space": space, "node": "n", "party": OTHER, "state": "applied", "reason": "想加入",
                "decided_by": "", "at": tx.now}  # fmt: skip
        tx.add(metadata.tables["logical_space_member"], asks)
    browser.enter("op")
    person = browser.get(f"/people/{people['pm']}").text
    assert offered(person) >= {"register/set_roles", "register/disable_person", "register/login_link"}
    page = browser.get(f"/spaces/{space}").text
    assert offered(page) >= {"register/decide_member", "register/close_space", "register/change_space"}
    way = re.search(r'href="(/do/register/decide_member[^"]+)"', page)
    assert way is not None
    assert 'value="true" selected' in browser.get(unescape(way[1])).text
    browser.enter("au")
    assert offered(browser.get(f"/people/{people['pm']}").text) == set()


assert datong.app.doors


def test_a_contract_and_a_partition_offer_what_else_is_done_with_them(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="de", name="工程师", roles=["data_engineer"])
        register.add_person(tx, login="an", name="分析", roles=["analyst"])
        mine = signing.me(tx).party
    product = "6" + "1" * 31
    row = {"id": "agr-1", "state": "FINALIZED", "dataset": product, "provider_party": mine, "consumer_party": OTHER}
    ends = {"deliver.suspend", "deliver.stop_use", "deliver.end_agreement"}
    for login, view, shown, wanted in (
        ("de", "negotiate.agreements", row,
         {"deliver.offer_product", "deliver.report_performance", *ends}),
        ("de", "negotiate.agreements", {**row, "dataset": "7" + "1" * 31},
         {"deliver.release_supply", "deliver.report_performance", *ends}),
        ("de", "negotiate.agreements", {**row, "hold": {"ours": True}},
         {"deliver.offer_product", "deliver.report_performance", "deliver.resume", *ends} - {"deliver.suspend"}),
        ("de", "negotiate.agreements", {**row, "hold": {"ours": False, "theirs": True}},
         {"deliver.offer_product", "deliver.report_performance", *ends}),
        ("an", "negotiate.agreements", {**row, "provider_party": OTHER, "consumer_party": mine},
         {"deliver.request_transfer", "negotiate.file_contract", "deliver.give_feedback", "deliver.prove_fulfilment",
          "deliver.report_performance", "negotiate.end"}),
        ("de", "negotiate.agreements", {**row, "state": "EXPIRED"},
         {"deliver.report_performance", "deliver.end_agreement"}),
        ("de", "compose.partitions", {"id": "partition-1", "product": product, "state": "agreed"}, {"compose.build"}),
        ("de", "compose.partitions", {"id": "partition-1", "product": product, "state": "asking"},
         {"compose.cancel_partition"}),
        ("an", "compose.partitions", {"id": "partition-1", "product": product, "state": "agreed"}, set()),
    ):  # fmt: skip
        buttons = acts.buttons(visit_of(browser, store, login), view, shown)
        assert {f"{one.verb.room}.{one.verb.name}" for one in buttons} == wanted, (login, shown)
        assert all(one.seldom for one in buttons if f"{one.verb.room}.{one.verb.name}" in ends)


def test_a_contract_says_that_it_is_held_by_whom_and_why(browser: Browser, store: Store) -> None:
    contracts = metadata.tables["agreement"]
    value: dict[str, Any] = {column.name: "" for column in contracts.c}
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="de", name="甲工", roles=["data_engineer"])
        me = signing.me(tx)
        value |= {"id": CONTRACT, "code": "HT1", "state": "FINALIZED", "dataset": DATASET, "policy": to_json(POLICY),
                  "terms": TERMS, "signatures": [], "keys": {}, "signed": "both", "reason": None, "from": TERMS["from"],
                  "until": TERMS["until"], "agreed_at": TERMS["from"], "provider": me.code, "provider_party": me.party,
                  "consumer_party": OTHER}  # fmt: skip
        tx.execute(contracts.insert(), value)
    browser.enter("de")
    at = f"/contracts/{CONTRACT}?lang=zh"
    assert "交付已暂停" not in browser.get(at).text
    for deed, given, said in (
        ("suspend", {"reason": "账单逾期 <b>"}, "账单逾期 &lt;b&gt; · <time"), ("resume", {}, ""),
    ):  # fmt: skip
        assert f"deliver/{deed}" in offered(browser.get(at).text)
        done = browser.post(f"/do/deliver/{deed}", data={"agreement": CONTRACT, **given})
        assert done.status_code == 200, text(done)
        page = browser.get(at)
        assert f"deliver/{deed}" not in offered(page.text)
        assert ("交付已暂停" in page.text) is bool(said)
        assert ("交付已暂停" in browser.get("/contracts").text) is bool(said), "and its list says so"
        assert said in page.text
    with store.begin(NODE, "start") as tx:
        holding.hold(tx, CONTRACT, "suspended", "stopped there", provider=True)
    page = browser.get(f"/contracts/{CONTRACT}?lang=en")
    assert "Deliveries are suspended stopped there" in text(page)
    assert "deliveries suspended" in text(browser.get("/contracts?lang=en"))
    assert "the provider alone resumes it" in text(page)
    assert "deliver/resume" not in offered(page.text), "it is not this side's"


def visit_of(browser: Browser, store: Store, login: str) -> Visit:
    with store.begin(NODE, "register") as tx:
        person = next(one for one in register.people(tx) if one["login"] == login)
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    return Visit(store, request, Actor(person["id"], person["roles"][0], roles=frozenset(person["roles"])), "zh")
