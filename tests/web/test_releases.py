"""The page of a release: its risk report in both languages, the PDF, a signature by another hand, none without."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from test_console import Browser, app_of, text

import datong.app.doors  # noqa: F401 - declares all verbs
from datong.deidentify.store import reports as kept
from datong.ground.db import NODE, Store
from datong.register import service as register
from release_world import released


@pytest.fixture
def people(store: Store) -> dict[str, str]:
    with store.begin(NODE, "start") as tx:
        found = {
            "op": register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")["id"]
        }
        for login, roles in (("de", ["data_engineer", "reviewer"]), ("re", ["reviewer"]), ("au", ["auditor"])):
            found[login] = register.add_person(tx, login=login, name=f"{login} 名", roles=roles)["id"]
    return found


@pytest.fixture
def release(store: Store, people: dict[str, str], tmp_path: Path) -> str:
    return released(store, tmp_path, people["de"])


@pytest.fixture
def browser(store: Store, tmp_path: Path) -> Browser:
    return Browser(app_of(store, tmp_path / "story.json"), store)


def test_the_page_tells_the_report_in_both_languages(browser: Browser, release: str) -> None:
    """Riders 25, 40, 100: DR_c = (1/25 + 1/40 + 1/100) / 3 = 0.025, marketer 3 / 165."""
    browser.enter("au")
    english = text(browser.get(f"/releases/{release}?lang=en"))
    for told in ("may be delivered today", "Prosecutor", "0.0400", "0.0182", "must be below 0.05", "R = 0.0250",
                 "DR_c 0.0250", "no assessment record", "floor 5", "0:*:2026-03-01T00", "Nobody has signed it yet",
                 "A person with the role of reviewer signs"):  # fmt: skip
        assert told in english, told
    chinese = text(browser.get(f"/releases/{release}?lang=zh"))
    for told in ("今日可交付", "检察官", "三类攻击者", "应小于 0.05", "尚未签署", "保存风险报告", "通过放行门禁"):
        assert told in chinese, told
    assert "style=" not in browser.get(f"/releases/{release}").text  # the content security policy would drop it


def test_a_reviewer_signs_on_the_page_and_the_pdf_says_so(browser: Browser, release: str) -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("reportlab")
    browser.enter("re")
    assert "签署此报告" in browser.get(f"/releases/{release}").text
    form = {"_key": "one", "note": "与样本一致"}
    for _ in range(2):  # a double click signs once
        answer = browser.post(f"/releases/{release}", data=form)
        assert answer.status_code == 200
    assert "re 名" in text(answer)
    assert "与样本一致" in answer.text
    assert "签署风险报告" in text(answer)  # its leaf, among the evidence of the record
    assert answer.text.count("与样本一致") == 1
    again = browser.post(f"/releases/{release}", data={"_key": "two", "note": ""})
    assert (again.status_code, "DID-494" in again.text) == (409, True)
    pdf = browser.get(f"/report/{release}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == f"attachment; filename=risk-{release}.pdf"
    assert pdf.headers["x-content-type-options"] == "nosniff"
    read = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
    for told in ("re 名", "与样本一致", "leaf-", "0.0250 (0.0250)", "可以放行"):
        assert told in read, told


def test_the_other_language_keeps_the_note_and_signs_nothing(browser: Browser, release: str) -> None:
    browser.enter("re")
    english = browser.post(f"/releases/{release}", data={"note": "seen it", "_show": "en"})
    assert ">seen it</textarea>" in english.text
    assert "Nobody has signed it yet" in english.text


def test_who_asked_for_the_release_is_refused_on_the_page(browser: Browser, release: str) -> None:
    browser.enter("de")
    answer = browser.post(f"/releases/{release}", data={"note": "mine"})
    assert (answer.status_code, "DID-493" in answer.text) == (403, True)
    assert "尚未签署" in answer.text
    browser.enter("au")
    assert browser.post(f"/releases/{release}", data={}).status_code == 403


def test_a_release_from_before_the_reports_is_shown_without_one(browser: Browser, release: str, store: Store) -> None:
    with store.begin(NODE, "deidentify") as tx:
        tx.execute(kept.reports.delete())
    browser.enter("re")
    answer = browser.get(f"/releases/{release}")
    assert (answer.status_code, "DID-492" in answer.text) == (200, True)
    assert "P-DAYS" in answer.text
    assert browser.get(f"/report/{release}.pdf").status_code == 404
    assert browser.get("/releases/release-none").status_code == 404
    assert browser.post("/releases/release-none", data={}).status_code == 404
    browser.get("/releases?lang=en")


def test_without_a_login_there_is_no_report(browser: Browser, release: str) -> None:
    for path in (f"/releases/{release}", f"/report/{release}.pdf"):
        assert browser.get(path).status_code == 303
