"""What waits for a person, on the page they come in by: each record its own page takes onwards, for who may do it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.types import JSON
from test_acts import OTHER, offered
from test_console import Browser, app_of, people, text  # noqa: F401 - fixtures

from datong.catalogue import service as catalogue
from datong.deidentify import service as deidentify
from datong.ground import overtaken, signing
from datong.ground.db import NODE, Store, metadata
from datong.register import service as register
from datong.terms.verbs import VERBS
from datong.web import acts, overview
from datong.web.pages import PAGES


@pytest.fixture
def browser(store: Store, people: dict[str, str], tmp_path: Path) -> Browser:  # noqa: F811
    with store.begin(NODE, "start") as tx:
        for login, role in (("fi", "finance"), ("re", "registrar"), ("rv", "reviewer")):
            register.add_person(tx, login=login, name=f"{login} 名", roles=[role])
    return Browser(app_of(store, tmp_path / "story.json"), store)


def added(store: Store, table: str, **given: Any) -> None:
    kept = metadata.tables[table]
    blank: dict[str, Any] = {c.name: {} if isinstance(c.type, JSON) else c.type.python_type() for c in kept.c}
    with store.begin(NODE, "start") as tx:
        tx.add(kept, {**blank, **given})


def invoice(store: Store, n: int, day: int, **given: Any) -> str:
    key = f"inv-{n:032x}"
    at = {"from_at": "2026-03-02T00:00:00Z", "until_at": "2026-03-03T00:00:00Z"}
    added(store, "invoice", **{**at, "issued_at": f"2026-03-{day:02}T00:00:00Z", "id": key, "gross_fen": 5, **given})
    return key


def waiting(browser: Browser) -> str:
    page = browser.get("/").text
    return page.partition('<section class="due">')[2].partition("</section>")[0]


def leads_to(page: str) -> list[str]:
    return re.findall(r'<a href="(/\w+/[\w-]+)"', page)


def test_a_card_counts_the_first_list_of_its_page_that_has_any_and_says_which(browser: Browser, store: Store) -> None:
    browser.enter("pm")
    at = re.compile(r'<a class="card" href="/listings"><b>(\d+)</b><span>目录</span>(?:<small>(.*?)</small>)?</a>')
    assert at.search(browser.get("/").text)[2] == "策略模板"  # type: ignore[index]
    offers = [{"id": "o", "policy": {}, "terms": {}}]
    items = [{"id": f"d{n}", "title": f"流量{n}", "description": "", "offers": offers} for n in range(3)]
    with store.begin(NODE, "start") as tx:
        catalogue.harvested(tx, sender=f"4{OTHER}", datasets=items)
    assert at.search(browser.get("/").text).groups() == ("3", "可检索到"), "a buyer lists nothing"  # type: ignore[union-attr]
    assert '<section class="begin">' in browser.get("/").text, "what others offer is no beginning of one's own"


def test_what_waits_is_in_a_list_of_the_console_and_has_a_step(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        views = {view for room in overview.ROOMS for view in room.due(tx, 1)}
    assert views <= {section.name for page in PAGES for section in page.sections}
    assert set(VERBS) >= acts.STEPS
    decisions = {"settle.accept_invoice", "register.decide_identity", "register.end_registration"}
    assert not acts.STEPS & acts.FINAL - decisions


def test_an_invoice_waits_for_the_finance_of_its_side(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    late = invoice(store, 1, 20, state="RECEIVED", buyer_party=mine, seller_party=OTHER)
    early = invoice(store, 2, 10, state="RECEIVED", buyer_party=mine, seller_party=OTHER)
    invoice(store, 3, 1, state="RECEIVED", buyer_party=OTHER, seller_party=mine)
    invoice(store, 4, 1, state="PAID", buyer_party=mine, seller_party=OTHER)
    invoice(store, 5, 1, state="ISSUED", buyer_party=OTHER, seller_party=mine)
    browser.enter("fi")
    page = waiting(browser)
    assert leads_to(page) == [f"/invoices/{early}", f"/invoices/{late}"], "the longest waiting first"
    assert page.count("买方验收账单") == 2
    assert not offered(page), "who decides has the record before them"
    browser.enter("pm")
    assert waiting(browser) == "", "a product manager accepts no invoice"


def test_an_invoice_that_its_buyer_disputes_waits_for_the_seller(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    sold = {"seller_party": mine, "buyer_party": OTHER, "reason": "damaged"}
    said = [{"word": "objected", "reason": "damaged", "at": "2026-03-09T00:00:00Z"}]
    paid = {"state": "PAID", "paid_fen": 5, "agreement": "agr-1"}
    disputed = invoice(store, 1, 1, state="DISPUTED", **sold)
    objected = invoice(store, 2, 2, **paid, **sold, words=said)
    invoice(store, 3, 3, **paid, **sold, words=[*said, {**said[0], "word": "upheld"}])
    invoice(store, 4, 4, **paid, **sold, words=[{**said[0], "word": "paid"}])
    invoice(store, 5, 5, **paid, **{**sold, "seller_party": OTHER, "buyer_party": mine}, words=said)
    browser.enter("fi")
    page = waiting(browser)
    assert leads_to(page) == [f"/invoices/{disputed}", f"/invoices/{objected}"]
    assert "作废未验收的账单" in page and "开具红字账单" in page


def test_a_clock_that_is_not_believed_and_what_could_not_be_ended_are_told_to_everybody(
    browser: Browser, store: Store
) -> None:
    def torn(*_: Any) -> Any:
        raise ValueError("what a fault says stays in the journal")

    overtaken.watch(store, 14)
    overtaken.looked_through(store, [overtaken.Ends("kind", lambda _tx, _id: [{"id": "thing-7"}], torn, torn)])
    browser.enter("fi")
    page = text(browser.get("/"))
    assert "CLK-406" in page and "kind thing-7" in page
    assert "CLK-404" not in page and "journal" not in page
    wall = store.wall_clock
    store.wall_clock = lambda: wall() + timedelta(days=15)
    browser.enter("fi")
    assert "CLK-404" in text(browser.get("/"))


def test_of_many_only_some_are_shown_and_the_list_is_named(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    for n in range(60):  # older ones, which wait for the other side
        invoice(store, 100 + n, 1, state="RECEIVED", buyer_party=OTHER, seller_party=mine)
    keys = [invoice(store, n, 1 + n % 28, state="RECEIVED", buyer_party=mine, seller_party=OTHER) for n in range(60)]
    browser.enter("fi")
    page = waiting(browser)
    assert len(leads_to(page)) == overview.SHOWN < len(keys)
    assert "还有更多" in page


def test_a_statement_waits_until_it_is_paid_out(browser: Browser, store: Store) -> None:
    share = {"party": OTHER, "gross_fen": 9, "share_fen": 7, "at": "2026-03-02T00:00:00Z", "value": {"lines": []}}
    added(store, "statement", id="st-1", direction="own", **share)
    added(store, "statement", id="st-2", direction="sent", paid_fen=7, **share)
    added(store, "statement", id="st-3", direction="sent", paid_fen=3, **share)
    browser.enter("fi")
    assert leads_to(waiting(browser)) == ["/statements/st-3"]


def test_a_case_waits_for_its_registrar_but_not_during_its_publicity(browser: Browser, store: Store) -> None:
    case = {"code": None, "side": "registry", "registrants": [], "history": [], "filing": {"object": {"name_zh": "行程"}},
            "since": "2026-03-02T00:00:00Z", "publicised_at": "2026-03-02T00:00:00Z"}  # fmt: skip
    with store.read() as tx:
        now = tx.now
    added(store, "register_case", id="case-1", state="SUBMITTED", **case)
    added(store, "register_case", id="case-2", state="ACCEPTED", **case)
    added(store, "register_case", id="case-3", state="PUBLICISED", **{**case, "since": now, "publicised_at": now})
    added(store, "register_case", id="case-4", state="SUBMITTED", **{**case, "side": "applicant"})
    long_ago = {**case, "since": "2026-01-05T00:00:00Z", "publicised_at": "2026-01-05T00:00:00Z"}
    added(store, "register_case", id="case-5", state="PUBLICISED", **long_ago)
    browser.enter("re")
    page = waiting(browser)
    assert leads_to(page) == ["/cases/case-5", "/cases/case-1"]
    assert ("受理" in page, "不予受理" in page) == (True, False), "what rejects it is on its own page"
    browser.enter("rv")
    assert leads_to(waiting(browser)) == ["/cases/case-2"]


def test_a_plan_waits_for_who_may_take_it_onwards(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    right = {"kind": "plan", "title": "实施方案", "grantor_party": mine, "resources": [], "purposes": [], "acts": [],
             "parents": [], "copies_to": [], "value": {"signatures": []}}  # fmt: skip
    for n, (state, party) in enumerate((("DRAFT", mine), ("FILED", mine), ("DRAFT", OTHER))):
        at = {
            "from_at": "2026-03-01T00:00:00Z",
            "until_at": "2027-03-01T00:00:00Z",
            "changed_at": "2026-03-02T00:00:00Z",
        }
        added(store, "instrument", **{**right, **at, "id": f"ins-{n}", "state": state, "grantor_party": party})
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="st", name="管家", roles=["steward"])
    browser.enter("st")
    page = waiting(browser)
    assert leads_to(page) == ["/instruments/ins-0"]
    browser.enter("fi")
    assert waiting(browser) == ""
    assert "现在没有等您办理的事项" in browser.get("/").text


def test_what_waits_for_another_role_does_not_hide_that_there_is_more(browser: Browser, store: Store) -> None:
    case = {"code": None, "side": "registry", "registrants": [], "history": [], "filing": {"object": {"name_zh": "行程"}},
            "since": "2026-03-02T00:00:00Z", "publicised_at": None}  # fmt: skip
    for n in range(overview.LOOKED_AT):
        added(store, "register_case", id=f"case-{n}", state="ACCEPTED", **case)
    added(store, "register_case", id="case-new", state="SUBMITTED", **{**case, "since": "2026-03-03T00:00:00Z"})
    browser.enter("re")
    page = waiting(browser)
    assert leads_to(page) == []
    assert "还有更多" in page
    browser.enter("fi")
    assert waiting(browser) == "", "who has no step in that room is not sent there"


def test_who_asks_to_join_waits_where_one_may_let_it_in(browser: Browser, store: Store) -> None:
    added(store, "register_application", id="app-1", party=OTHER, name="新节点", kind="connector", state="applied", public_key="k1",
          applied_at="2026-03-02T00:00:00Z")  # fmt: skip
    added(store, "register_application", id="app-2", party=OTHER, name="旧节点", kind="connector", state="admitted", public_key="k2",
          applied_at="2026-03-01T00:00:00Z")  # fmt: skip
    browser.enter("re")
    assert "新节点" in waiting(browser)
    assert "旧节点" not in waiting(browser)
    browser.enter("au")
    assert waiting(browser) == "", "an auditor reads everything and does nothing"


def test_an_objection_waits_for_the_registrar_who_reads_it_on_the_page_of_its_case(
    browser: Browser, store: Store
) -> None:
    filing = {"object": {"name_zh": "行程"}, "materials": {}, "signatures": []}
    case = {"code": None, "side": "registry", "registrants": [], "history": [], "filing": filing,
            "since": "2026-03-02T00:00:00Z", "publicised_at": "2026-03-02T00:00:00Z"}  # fmt: skip
    added(store, "register_case", id="case-1", state="OBJECTED", **case)
    for n, state in ((1, "dismissed"), (2, "open"), (3, "open")):
        said = {"case_id": "case-1", "name": "王一", "grounds": f"理由{n}", "state": state}
        added(store, "register_objection", id=f"objection-{n}", raised_at=f"2026-03-0{n}T00:00:00Z", **said)
    browser.enter("re")
    page = waiting(browser)
    assert leads_to(page) == ["/cases/case-1"]
    assert "处理异议" in page
    record = browser.get("/cases/case-1").text
    assert "理由2" in record
    assert "objection=objection-2" in record, "the one that is open the longest is settled next"
    browser.enter("au")
    assert waiting(browser) == ""


def test_who_asks_to_join_a_space_waits_for_the_operator_of_its_platform(browser: Browser, store: Store) -> None:
    with store.begin(NODE, "start") as tx:
        mine = signing.me(tx).code
    for n, (platform, state) in enumerate(((mine, "open"), (mine, "closed"), ("other", "open"), (mine, "open"))):
        added(store, "logical_space", id=f"space-{n}", name=f"空间{n}", platform=platform, state=state)
        member = "applied" if n < 3 else "member"
        added(store, "logical_space_member", id=f"space-{n}/x", space=f"space-{n}", node="x", party=OTHER, state=member)
    browser.enter("op")
    page = waiting(browser)
    assert leads_to(page) == ["/spaces/space-0"]
    assert "审核空间成员" in page
    browser.enter("pm")
    assert waiting(browser) == ""


def test_a_fee_that_is_set_waits_for_the_product_manager(browser: Browser, store: Store) -> None:
    for n, state in enumerate(("SET", "PUBLISHED", "SUPERSEDED", "SET")):
        fee = {"product": "6X", "purpose": "research", "unit": "per_delivery", "set_at": f"2026-03-0{9 - n}T00:00:00Z"}
        added(store, "fee", id=f"fee-{n}", state=state, **fee)
    browser.enter("pm")
    page = waiting(browser)
    assert leads_to(page) == ["/fees/fee-3", "/fees/fee-0"]
    assert "公布服务费" in page
    assert "公布服务费" in browser.get("/fees/fee-0").text
    browser.enter("fi")
    assert waiting(browser) == ""


def test_a_classification_waits_until_each_column_is_confirmed_and_each_lowering_answered(store: Store) -> None:
    """Asked of the database alone: of each dataset's newest version, with what was carried over from the one before."""
    finding = {"column": "c1"}, {"column": "c2"}
    kept = {"kind": "other", "level": 1, "by": "p", "at": "2026-03-02T00:00:00Z"}

    def version(n: int, dataset: str, carried: dict[str, Any], number: int = 1) -> None:
        at = f"2026-03-{n:02}T00:00:00Z"
        added(store, "deidentify_classification", id=f"cls-{n}", dataset=dataset, version=number, carried=carried,
              findings=list(finding), at=at)  # fmt: skip

    def word(version: int, seq: int, subject: str, said: str, answers: str = "") -> None:
        added(store, "deidentify_classification_word", id=f"word-{version}-{seq}", classification=f"cls-{version}",
              seq=seq, about="column", subject=subject, said=said, answers=answers)  # fmt: skip

    version(1, "nothing", {})
    version(2, "half", {"c1": kept})
    word(2, 1, "c1", "confirmed")
    version(3, "carried", {"c1": kept, "c2": kept})
    version(4, "said", {"c1": kept})
    word(4, 1, "c2", "confirmed")
    version(5, "older", {})
    version(6, "older", {"c1": kept, "c2": kept}, 2)
    version(7, "asked", {"c1": kept, "c2": kept})
    word(7, 1, "c1", "lowering_asked")
    version(8, "answered", {"c1": kept, "c2": kept})
    word(8, 1, "c1", "lowering_asked")
    word(8, 2, "c1", "lowering_refused", "word-8-1")
    with store.read() as tx:
        assert deidentify.due(tx, 9) == {"deidentify.classifications": ["nothing", "half", "asked"]}
        assert deidentify.due(tx, 1) == {"deidentify.classifications": ["nothing"]}


def test_an_agreement_whose_plan_is_over_waits_for_who_may_suspend_or_withdraw_it(
    browser: Browser, store: Store
) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    right = {"title": "运营", "resources": ["R-1"], "purposes": ["public_welfare"], "acts": [], "parents": [], "items": {},
             "copies_to": [], "value": {"signatures": []}, "from_at": "2026-03-01T00:00:00Z", "grantor_party": mine,
             "until_at": "2099-03-01T00:00:00Z", "changed_at": "2026-03-02T00:00:00Z"}  # fmt: skip
    added(store, "instrument", **right, id="ins-plan", kind="plan", state="FILED", filing_ref="F-1")
    added(store, "instrument", **right, id="ins-agr", kind="agreement", state="IN_FORCE")
    added(store, "instrument", **{**right, "grantor_party": OTHER}, id="ins-other", kind="agreement", state="IN_FORCE")
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="st", name="管家", roles=["steward"])
    for state, over in (("FILED", False), ("MAJOR_CHANGE", False), ("WITHDRAWN", True), ("CLOSED", True)):
        with store.begin(NODE, "start") as tx:
            tx.change(metadata.tables["instrument"], "ins-plan", state=state)
        browser.enter("st")
        page = waiting(browser)
        assert ("/instruments/ins-agr" in leads_to(page)) is over, state
        assert "/instruments/ins-other" not in leads_to(page), "of which this body's plans say nothing"
        assert ("不在已备案的实施方案内" in page and "撤回" in page) is over, state
        assert ("不再有已备案的实施方案支持" in browser.get("/instruments/ins-agr").text) is over, state
    with store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["instrument"], "ins-agr", state="SUSPENDED")
    assert "/instruments/ins-agr" not in leads_to(waiting(browser)), "somebody has acted on it"


def test_a_contract_of_which_uses_are_not_billed_waits_for_finance(browser: Browser, store: Store) -> None:
    with store.read() as tx:
        mine = signing.me(tx).party
    browser.enter("fi")
    for n, state in enumerate(("FINALIZED", "TERMINATED", "FINALIZED")):
        added(store, "agreement", id=f"agr-{n:032x}", dataset="D", provider_party=mine, consumer_party=OTHER, state=state,
              agreed_at="2026-03-02T00:00:00Z", terms={"tariff": {"kind": "per_delivery", "amount_fen": 5}})  # fmt: skip
    for n in (0, 1):
        added(store, "usage_event", id=f"use-{n}", agreement=f"agr-{n:032x}", state="MONETIZABLE", number=1,
              at="2026-03-02T00:00:00Z")  # fmt: skip
    page = waiting(browser)
    assert leads_to(page) == [f"/contracts/agr-{n:032x}" for n in (0, 1)]
    assert page.count("开具期间账单") == 2
