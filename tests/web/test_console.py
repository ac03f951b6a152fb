"""The console, as a browser sees it: in and out, who may, forms, refusals in both languages, hostile names, headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from sqlalchemy import JSON, event, select
from starlette.applications import Starlette
from starlette.routing import Mount

import datong.app.doors
from asgi import Asgi
from datong.catalogue import service as catalogue
from datong.catalogue.service import templates
from datong.ground import clock, codes, evidence, signing
from datong.ground.config import load
from datong.ground.db import NODE, Actor, Store, business_clock, metadata, settings, sqlite_url
from datong.ground.evidence.leaves import leaves
from datong.ground.evidence.sequencer import integrate
from datong.ground.keys import PrivateKey
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.terms.policy import Constraint, Policy, Rule, to_json
from datong.terms.verbs import VERBS
from datong.web import console
from datong.web.api import api, arguments_model
from datong.web.pages import PAGE_OF_PREFIX, PAGES, TOLD_TO_OTHERS
from stores import with_tables
from two_nodes import DATASET, POLICY, TERMS, Loop, listed, registered, two_nodes

PASSWORD = "lake-otter-7431"
EVIL = codes.credit_code("9", "1", "520100", "MA0EX001")
HOSTILE = '"><script>alert(1)</script>'
BROWSER = {
    "user-agent": "Browser/1.0",
    "accept-language": "zh-CN",
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
}
THERE = {"origin": "http://node.test", "sec-fetch-site": "same-origin"}
OUT_AND_IN = {"/login", "/logout"}


class Browser(Asgi):
    """Keeps cookies, names itself, sends the Origin of its page with every form, goes to the page of what came of it."""

    def __init__(self, app: Any, store: Store) -> None:
        super().__init__(app)
        self.store = store

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = {**BROWSER, **(THERE if method == "POST" else {}), **given.pop("headers", {})}
        answer = super().request(method, path, headers=headers, **given)
        there = answer.headers.get("location", "")
        if method == "POST" and "_told=" in there:
            assert answer.status_code == 303
            return self.request("GET", there, headers={"accept-language": headers["accept-language"]})
        return answer

    def log_in(self, login: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return self.post("/login", data={"login": login, "password": password, **fields})

    def enter(self, login: str) -> None:
        """By a one-time link, which costs no password hash."""
        with self.store.begin(NODE, "register") as tx:
            person = next(p["id"] for p in register.people(tx) if p["login"] == login)
            token = register.login_link(tx, person=person)["token"]
        assert self.post(f"/enter/{token}").status_code == 303


def app_of(store: Store, story: Path) -> Starlette:
    return Starlette(
        routes=[Mount("/api", api(store)), *console.routes(store, story)],
        exception_handlers=console.on_errors(store, story),
    )


@pytest.fixture
def people(store: Store) -> dict[str, str]:
    with store.begin(NODE, "start") as tx:
        operator = register.bootstrap_operator(tx, login="op", name="云泰", password=None, department="平台部")
        found = {"op": operator["id"]}
        for login, role in (("pm", "product_manager"), ("au", "auditor")):
            found[login] = register.add_person(tx, login=login, name=f"{login} 名", roles=[role])["id"]
    return found


@pytest.fixture
def with_password(store: Store, people: dict[str, str]) -> str:
    """The login of a person who has PASSWORD."""
    with store.begin(NODE, "start") as tx:
        register.add_person(tx, login="pw", name="口令", roles=["finance"], password=PASSWORD)
    return "pw"


@pytest.fixture
def browser(store: Store, people: dict[str, str], tmp_path: Path) -> Browser:
    return Browser(app_of(store, tmp_path / "story.json"), store)


def text(answer: httpx.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


# --- where nothing is, and what nobody foresaw -------------------------------------------------------------------


def test_what_nothing_serves_is_said_on_a_page_with_a_code_and_a_way_back(browser: Browser) -> None:
    for method, path, status in (
        ("GET", "/nowhere/at/all", 404), ("GET", "/static/none.css", 404), ("POST", "/contracts", 405),
    ):  # fmt: skip
        zh = browser.request(method, path)
        assert zh.status_code == status
        assert "这里没有页面" in zh.text
        assert "GEN-410" in zh.text
        assert 'href="/"' in zh.text
        assert "content-security-policy" in zh.headers
        en = browser.request(method, path, headers={"accept-language": "en"})
        assert "There is no page here" in en.text
        told = browser.request(method, path, headers={"accept": "*/*"})
        assert (told.status_code, told.json()["error"]["code"]) == (status, "GEN-410")
    assert "GET" in browser.request("POST", "/contracts").headers["allow"]


def test_a_form_that_cannot_be_read_is_refused_on_a_page(browser: Browser) -> None:
    kind = {"content-type": "multipart/form-data"}
    answer = browser.request("POST", "/login", content=b"nothing", headers=kind)
    assert (answer.status_code, "GEN-411" in answer.text) == (400, True)


def test_an_error_nobody_foresaw_is_a_page_with_a_code_and_no_secret(
    store: Store, people: dict[str, str], tmp_path: Path
) -> None:
    story = tmp_path / "story.json"
    story.write_text("no JSON, with a secret", "utf-8")
    browser = Browser(app_of(store, story), store)
    browser.raises = False
    browser.enter("pm")
    zh, en = (browser.get("/story", headers={"accept-language": lang}) for lang in ("zh-CN", "en"))
    assert (zh.status_code, en.status_code) == (500, 500)
    assert "节点未能答复" in zh.text
    assert "The node could not answer" in en.text
    for answer in (zh, en):
        assert "GEN-500" in answer.text
        assert 'href="/"' in answer.text
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
    assert browser.get("/story", headers={"accept": "*/*"}).json()["error"]["code"] == "GEN-500"


def test_where_no_page_can_be_made_a_person_reads_the_error_as_a_program_does(
    store: Store, people: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(app_of(store, tmp_path / "story.json"), store)
    browser.raises = False
    monkeypatch.setattr(store, "read", None)
    answer = browser.get("/login")
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "GEN-500")


# --- in and out --------------------------------------------------------------------------------------------------


def test_without_a_session_every_page_leads_to_the_login(browser: Browser) -> None:
    for path in ["/", "/story", "/do/price/set_fee", *(f"/{page.slug}" for page in PAGES), "/contracts/agr-1"]:
        answer = browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}"), path


def test_a_login_opens_a_session_and_goes_where_one_wanted_to(browser: Browser, with_password: str) -> None:
    answer = browser.log_in(with_password, next="/contracts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/contracts")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get("/contracts").status_code == 200


def test_a_login_goes_on_to_the_whole_address_that_was_asked_for(browser: Browser, with_password: str) -> None:
    asked = "/do/negotiate/accept?negotiation=neg-1&why=a%26b"
    told = httpx.URL(browser.get(asked).headers["location"])
    assert (told.path, told.params["next"]) == ("/login", asked)
    assert browser.log_in(with_password, next=told.params["next"]).headers["location"] == asked


@pytest.mark.parametrize(
    "there", ["//evil.test/", "https://evil.test/", "/\\evil.test", "\\evil", "/enter/x", "evil", "/a\nb"]
)
def test_a_login_never_leads_to_another_site(browser: Browser, with_password: str, there: str) -> None:
    assert browser.log_in(with_password, next=there).headers["location"] == "/"


def hidden(answer: httpx.Response) -> dict[str, str]:
    """The hidden fields of the last form of a page."""
    form = answer.text.rpartition('<form method="post"')[2].partition("</form>")[0]
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found}


def test_what_was_sent_after_the_session_ended_stands_in_its_form_again_after_the_login(
    browser: Browser, store: Store, with_password: str
) -> None:
    add, sent = "/do/register/add_person", {"login": "li", "name": f'李 "<b>{HOSTILE}', "password": "a-secret-7",
                                            "_back": "/people"}  # fmt: skip
    told = browser.post(add, data=sent)
    assert told.status_code == 403
    assert "刚才提交的内容未执行" in told.text
    assert "未执行" not in browser.get("/login").text
    kept = hidden(told)["_kept"]
    wrong = browser.log_in(with_password, "no", next=add, _kept=kept)
    english = browser.post("/login", data={"next": add, "_kept": kept, "_show": "en", "password": "typed"})
    for answer in (told, wrong, english):
        assert hidden(answer)["_kept"] == kept, "a slip, or the other language, does not lose it"
        assert "a-secret-7" not in answer.text
        assert "typed" not in answer.text
        assert HOSTILE not in answer.text
    assert "What was" in text(english) or "had ended" in text(english)
    inside = browser.log_in(with_password, next=add, _kept=kept, _show="")
    assert (inside.status_code, "location" in inside.headers) == (200, False)
    assert f'action="{add}"' in inside.text
    again = browser.post(add, data=hidden(inside))
    assert again.status_code == 200
    assert 'name="login"' in again.text
    assert f'value="{sent["login"]}"' in again.text
    assert 'href="/people"' in again.text
    assert "a-secret-7" not in again.text
    assert '<h2 class="told"' not in again.text
    with store.begin(NODE, "register") as tx:
        assert "li" not in {one["login"] for one in register.people(tx)}, "to be seen, and not done"


def test_what_another_site_sends_without_a_session_is_not_kept(browser: Browser, with_password: str) -> None:
    there = {"origin": "http://evil.test", "sec-fetch-site": "cross-site"}
    sent = {"login": "li", "name": "evil name", "_kept": '{"name": "evil name"}', "_show": "en"}
    for path in ("/do/register/add_person", "/login"):
        told = browser.post(path, data=sent, headers=there)
        assert (told.status_code, "GEN-419" in told.text) == (403, True), path
        assert "evil name" not in told.text, path
        assert "set-cookie" not in told.headers or "datong_session" not in told.headers["set-cookie"]


def test_a_form_is_shown_in_the_other_language_with_what_it_holds(browser: Browser, store: Store) -> None:
    browser.enter("op")
    add = "/do/register/add_person"
    form = browser.get(f"{add}?name=李&_back=/people").text
    assert re.search(r'<button form="asked" [^>]*name="_show" value="en" formnovalidate', form)
    english = browser.post(add, data={"login": "li", "name": "李", "password": "a-secret-7", "roles": "legal",
                                      "_back": "/people", "_show": "en"})  # fmt: skip
    assert english.status_code == 200
    assert '<html lang="en">' in english.text
    for said in ('value="li"', 'value="李"', 'value="legal" checked', 'href="/people"'):
        assert said in english.text, said
    assert "a-secret-7" not in english.text
    assert 'role="alert"' not in english.text, "what is missing still is told when it is sent"
    assert '<html lang="en">' in browser.get("/").text, "and so is the next page"
    with store.begin(NODE, "register") as tx:
        assert "li" not in {one["login"] for one in register.people(tx)}
    assert "no_such" not in browser.post(add, data={"name": "x", "_show": "no_such"}).text


def test_a_wrong_password_is_refused_in_both_languages_and_counted(browser: Browser, with_password: str) -> None:
    zh = browser.log_in(with_password, "wrong")
    assert zh.status_code == 403
    assert "登录名或口令不正确" in zh.text
    assert "下一步" in zh.text
    assert browser.get("/").status_code == 303
    en = browser.post("/login?lang=en", data={"login": with_password, "password": "wrong"})
    assert "The login or the password is wrong" in en.text
    for _ in range(6):
        last = browser.log_in(with_password, "wrong")
    assert "IDN-429" in last.text  # throttled: the attempts were kept although each was refused
    assert browser.log_in(with_password).status_code == 403


def test_a_one_time_link_works_once(browser: Browser, store: Store, people: dict[str, str]) -> None:
    with store.begin(NODE, "register") as tx:
        token = register.login_link(tx, person=people["pm"])["token"]
    assert browser.get(f"/enter/{token}").status_code == 200  # looking at it (a preview, say) does not use it up
    assert browser.post(f"/enter/{token}").headers["location"] == "/"
    assert browser.get("/").status_code == 200
    again = Browser(browser.app, store).post(f"/enter/{token}")
    assert again.status_code == 403
    assert "IDN-408" in again.text


def test_a_stolen_session_ends_for_both(browser: Browser) -> None:
    browser.enter("op")
    thief = Browser(browser.app, browser.store)
    thief.cookies = httpx.Cookies(browser.cookies)
    seen = thief.get("/people", headers={"user-agent": "Other/2.0"})
    assert seen.status_code == 403
    assert "IDN-406" in seen.text
    assert "op" not in re.findall(r"<td>(\w+)</td>", seen.text)
    assert browser.get("/people").headers["location"] == "/login?next=/people"


def later(store: Store, **delta: float) -> None:
    at = store.wall_clock() + timedelta(**delta)
    store.wall_clock = lambda: at


def test_a_session_stolen_with_all_a_browser_shows_is_noticed(browser: Browser, store: Store) -> None:
    """The thief has the cookie and names itself as her browser does; the console gives her a new token meanwhile."""
    browser.enter("op")
    thief = Browser(browser.app, browser.store)
    thief.cookies = httpx.Cookies(browser.cookies)
    later(store, minutes=11)
    renewed = browser.get("/people")
    assert renewed.status_code == 200
    assert "HttpOnly" in renewed.headers["set-cookie"] and "SameSite=strict" in renewed.headers["set-cookie"]
    assert "set-cookie" not in browser.get("/people").headers
    later(store, minutes=2)
    seen = thief.get("/people")
    assert (seen.status_code, "IDN-406" in seen.text) == (403, True)
    assert browser.get("/people").status_code == 303, "and the session is over"


def test_pages_asked_for_at_once_survive_the_change_of_the_token(browser: Browser, store: Store) -> None:
    browser.enter("op")
    other = Browser(browser.app, browser.store)
    other.cookies = httpx.Cookies(browser.cookies)
    later(store, minutes=11)
    assert browser.get("/people").status_code == 200
    late = other.get("/people")
    assert (late.status_code, "set-cookie" in late.headers) == (200, False)
    assert browser.get("/people").status_code == 200


def test_nodes_on_one_host_keep_their_sessions_apart(browser: Browser, store: Store, tmp_path: Path) -> None:
    browser.enter("op")
    mine = dict(browser.cookies)
    with store.read() as tx:
        key, me = signing.node_key(tx), signing.me(tx)
    signing.install(store, key, replace(me, address="https://node.test:8404"))
    browser.cookies = httpx.Cookies()
    with store.begin(NODE, "register") as tx:
        person = next(p["id"] for p in register.people(tx) if p["login"] == "op")
        token = register.login_link(tx, person=person)["token"]
    answer = browser.post(f"/enter/{token}")
    assert not set(mine) & set(answer.cookies)
    assert "; Secure" in answer.headers["set-cookie"], "the address says https, whoever ends TLS"


def test_logging_out_ends_the_session(browser: Browser) -> None:
    browser.enter("op")
    kept = httpx.Cookies(browser.cookies)
    assert browser.post("/logout").headers["location"] == "/login"
    browser.cookies = kept
    assert browser.get("/").status_code == 303


# --- pages -------------------------------------------------------------------------------------------------------


def test_no_page_stands_where_another_door_of_the_node_is(tmp_path: Path) -> None:
    """The whole node, all doors: the addresses of the console's pages reach the console (and ask for a login)."""
    datong.app.init(tmp_path / "n", name="N", party=EVIL, port=65000, region="5201", kind="connector")
    node = datong.app.open_node(load(tmp_path / "n"))
    door = Asgi(node.asgi)
    for page in PAGES:
        for path in (f"/{page.slug}", f"/{page.slug}/x", f"/{page.slug}/x/y"):
            assert door.get(path).headers.get("location") == f"/login?next={path}", path
    node.client.close()
    node.store.dispose()


def test_every_view_and_detail_a_page_names_exists(store: Store) -> None:
    for page in PAGES:
        for section in page.sections:
            assert not VERBS[section.view].changes
            if section.detail:
                view, _, argument = section.detail.partition(":")
                fields = arguments_model(VERBS[view]).model_fields
                assert [name for name, field in fields.items() if field.is_required()] == [argument], section


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_works_on_an_empty_node(browser: Browser, lang: str) -> None:
    browser.enter("au")
    for path in ["/", *(f"/{page.slug}" for page in PAGES)]:
        answer = browser.get(f"{path}?lang={lang}")
        assert answer.status_code == 200, path
        assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in answer.text
    assert ("这里还没有记录" if lang == "zh" else "nothing here yet") in browser.get("/contracts").text


def test_the_language_switch_keeps_the_page_and_is_remembered(browser: Browser) -> None:
    browser.enter("op")
    page = browser.get("/leaves?from=2")
    assert 'href="?from=2&amp;lang=en"' in page.text
    assert "Evidence" in browser.get("/leaves?from=2&lang=en").text
    assert '<html lang="en">' in browser.get("/").text


@pytest.mark.parametrize(("header", "lang"), [("en-GB,en", "en"), ("zh-CN", "zh-CN"), ("fr", "zh-CN"), ("", "zh-CN")])
def test_the_browsers_language_counts_until_one_is_chosen(browser: Browser, header: str, lang: str) -> None:
    assert f'<html lang="{lang}">' in browser.get("/login", headers={"accept-language": header}).text


def test_a_role_that_may_not_is_told_calmly_who_may(browser: Browser) -> None:
    browser.enter("pm")
    answer = browser.get("/people")
    assert answer.status_code == 403
    assert "这里不对您的角色开放" in answer.text
    assert "产品经理" in text(answer)
    assert "节点运维" in text(answer)
    assert "op" not in re.findall(r"<td>(\w+)</td>", answer.text)
    english = browser.get("/people?lang=en")
    assert "not open to your role" in english.text
    overview = browser.get("/?lang=zh").text
    assert "/do/register/add_person" not in overview
    assert "/do/price/set_fee" in overview


def test_an_auditor_reads_everything_and_is_offered_to_change_no_record_but_the_password(browser: Browser) -> None:
    """A bundle is a file for somebody outside; it changes no record, but it is written."""
    browser.enter("au")
    offered = re.findall(r'href="/do/(\w+)/(\w+)"', browser.get("/").text)
    assert {f"{room}.{name}" for room, name in offered if VERBS[f"{room}.{name}"].changes} == {
        "register.change_password", "audit.export_bundle",
    }  # fmt: skip


def test_a_record_has_its_page_with_its_evidence(browser: Browser, people: dict[str, str]) -> None:
    browser.enter("op")
    page = browser.get(f"/people/{people['pm']}")
    assert page.status_code == 200
    assert "register.person_added" in page.text
    leaf = re.search(r'href="(/leaves/leaf-\w+)"', page.text)
    assert leaf is not None
    page = browser.get(leaf.group(1))
    assert page.status_code == 200  # though its receipt still waits for its place
    integrate(browser.store, PrivateKey.new(), "test")
    assert "<h1>存证 " in browser.get(leaf.group(1)).text, "a number alone is no heading"


def test_a_list_is_counted_and_cut_in_the_database(browser: Browser, store: Store, people: dict[str, str]) -> None:
    """Three thousand contracts: the overview counts them, the page shows the newest, each is found by id and code, and
    at no time are all of them read."""
    contracts = metadata.tables["agreement"]
    value: dict[str, Any] = {column.name: "" for column in contracts.c}
    value |= {"state": "FINALIZED", "dataset": DATASET, "policy": to_json(POLICY), "terms": TERMS, "signatures": [],
              "keys": {}, "signed": "both", "reason": None, "from": TERMS["from"], "until": TERMS["until"]}  # fmt: skip
    with store.begin(NODE, "start") as tx:
        for n in range(3_000):
            at = f"2026-03-{1 + n // 1_000:02}T{n % 24:02}:00:{n % 60:02}Z"
            tx.execute(contracts.insert(), value | {"id": f"agr-{n:032x}", "code": f"HT{n:05}", "agreed_at": at})
        newest = tx.all(select(contracts.c.id).order_by(contracts.c.agreed_at.desc(), contracts.c.id.desc()))
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split())))
    browser.enter("pm")
    assert "<b>3,000</b><span>合约</span>" in browser.get("/").text
    first, second = browser.get("/contracts").text, browser.get("/contracts?from=2950").text
    assert re.findall(r'href="/contracts/(agr-\w+)"', first) == [row.id for row in newest[:50]]
    assert re.findall(r'href="/contracts/(agr-\w+)"', second) == [row.id for row in newest[-50:]]
    assert "1–50 / 3,000" in first
    assert 'href="?from=2950"' in first
    for name in ("agr-" + "0" * 32, "HT00000"):
        assert browser.get(f"/contracts/{name}").status_code == 200
    browser.get("/do/deliver/request_transfer")
    ways = re.compile(r"FROM agreement\b(?!.*(WHERE|LIMIT))")
    assert not [statement for statement in asked if ways.search(statement) and "count(" not in statement]


def test_long_ledgers_are_cut_in_the_database(browser: Browser, store: Store) -> None:
    """A country's ledger of registrations, and a budget asked for years: a page reads what it shows, a form what it
    offers."""
    entries, lines = metadata.tables["register_ledger"], metadata.tables["deidentify_budget_line"]
    entry = {"kind": "resource", "basis": "owned", "registrants": [], "coded_on": "2026-03-02", "valid_until": None,
             "state": "CODED", "public_data": True}  # fmt: skip
    line = {"dataset": "d", "kind": "debit", "consumer": "c", "release": "", "nanorho": 1, "spent_nanorho": 1,
            "cap_nanorho": 9, "by": "", "at": "2026-03-02T00:00:00Z"}  # fmt: skip
    with store.begin(NODE, "start") as tx:
        for n in range(1, 601):
            thing = {"name_zh": f"资源{n}", "name_en": f"r{n}", "area": "5201", "industry": "G54"}
            told = {**entry, "code": f"CODE-{n:04}", "version": n, "object": thing}
            row = {"id": told["code"], "version": n, "kind": "resource", "state": "CODED", "entry": told, "at": tx.now}
            tx.execute(entries.insert(), row)
            tx.execute(lines.insert(), {**line, "id": f"spent-{n:032x}", "seq": n})
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split())))
    browser.enter("op")
    page = browser.get("/ledger").text
    assert re.findall(r'href="/ledger/(CODE-\d+)"', page) == [f"CODE-{n:04}" for n in range(600, 550, -1)]
    assert "1–50 / 600" in page
    assert "资源1<" in browser.get("/ledger?from=550").text
    assert browser.get("/ledger/CODE-0007").status_code == 200
    assert re.findall(r"spent-(\w+)", browser.get("/budgets").text)[0] == f"{600:032x}"
    browser.enter("pm")
    assert browser.get("/do/deliver/request_transfer").status_code == 200
    wide = re.compile(
        r"SELECT [^()]*(register_ledger\.entry|budget_line\.nanorho)(?!.*(LIMIT|register_ledger\.id = \?))"
    )
    assert len(asked) > 50 and not [statement for statement in asked if wide.match(statement)]
    with store.read() as tx:
        told = register.ledger(tx)
        part = register.ledger(tx, since_version=590, limit=5, offset=2)
    assert (len(told["entries"]), told["counts"]) == (
        600, [{"kind": "resource", "area": "5201", "industry": "G54", "public_data": True, "count": 600}]
    )  # fmt: skip
    assert ([one["version"] for one in part["entries"]], part["counts"]) == ([593, 594, 595, 596, 597], [])


GROWING = {
    "spaces": ("logical_space", {"name": "空间", "platform": "n", "state": "open"}),
    "versions": ("compose_product_version", {"product": DATASET}),
    "fees": ("fee", {"product": DATASET, "purpose": "research", "state": "PUBLISHED", "set_at": "2026-03-02T00:00:00Z"}),
    "releases": ("deidentify_release", {"dataset": DATASET, "recipient_group": "g", "form": "controlled", "risk": {}}),
    "listings": ("listing", {"dataset": DATASET, "title": "目录条目", "kind": "product", "state": "withdrawn",
                             "published_at": "2026-03-02T00:00:00Z"}),
}  # fmt: skip
"""Page -> the table of its first list, and a row of it."""


def added(store: Store, table: str, *rows: dict[str, Any]) -> None:
    """Rows of a table, empty in all that is not given."""
    kept = metadata.tables[table]
    blank: dict[str, Any] = {c.name: {} if isinstance(c.type, JSON) else c.type.python_type() for c in kept.c}
    with store.begin(NODE, "start") as tx:
        for row in rows:
            tx.add(kept, {**blank, **row})


@pytest.mark.parametrize("slug", GROWING)
def test_a_list_that_grows_is_cut_in_the_database(browser: Browser, store: Store, slug: str) -> None:
    table, row = GROWING[slug]
    at = {"at": "2026-03-02T00:00:00Z"} if "at" in metadata.tables[table].c else {}
    added(store, table, *({**row, **at, "id": f"{table}-{n:04}"} for n in range(130)))
    browser.enter("op")
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split())))
    page = browser.get(f"/{slug}")
    assert "1–50 / 130" in page.text
    assert page.text.count("<tr><td>") + page.text.count("<tr>\n<td") >= 50
    assert "101–130 / 130" in browser.get(f"/{slug}?from=100").text
    whole = re.compile(rf"SELECT (?!count).* FROM {table}\b(?!.*(WHERE|LIMIT))")
    assert any(f"FROM {table}" in statement for statement in asked)
    assert not [statement for statement in asked if whole.search(statement)]


def test_why_rows_were_held_is_cut_in_the_database_by_line(browser: Browser, store: Store) -> None:
    """Of forty builds, each with several reasons, a page reads those whose lines it shows."""
    for seq in range(1, 41):
        why = [{"reason": "missing", "column": f"c{seq}-{n}", "rows": 500} for n in range(seq % 4)]
        row = {"id": f"build-{seq}", "seq": seq, "resource": "r", "state": "built", "reasons_by_column": why}
        added(store, "build", row)
    expected = [f"c{seq}-{n}" for seq in range(40, 0, -1) for n in range(seq % 4)]
    with store.read() as tx:
        view = VERBS["harmonise.quarantine_summary"].call
        assert [line["column"] for line in view(tx)] == expected
        for size in (1, 7, 50):
            parts = [view(tx, limit=size, offset=first) for first in range(0, len(expected) + size, size)]
            assert [line["column"] for part in parts for line in part] == expected
            assert parts[-1] == []
    browser.enter("op")
    assert f"<b>{len(expected)}</b><span>隔离区" in browser.get("/").text
    page = browser.get("/quarantine?from=50").text
    assert f"51–{len(expected)} / {len(expected)}" in page
    assert (expected[50] in page, expected[49] in page) == (True, False)


# --- looking for something ---------------------------------------------------------------------------------------

LISTS_LOOKED_THROUGH = {
    "resources", "products", "cases", "ledger", "instruments", "listings", "contracts", "invoices", "statements",
    "leaves",
}  # fmt: skip


def test_each_list_that_grows_can_be_looked_through(browser: Browser) -> None:
    browser.enter("op")
    for page in PAGES:
        has = 'role="search"' in browser.get(f"/{page.slug}").text
        assert has == (page.slug in LISTS_LOOKED_THROUGH), page.slug


def test_a_page_of_its_own_says_in_which_list_one_is(browser: Browser) -> None:
    browser.enter("op")
    for path, slug in (("/match", "meanings"), ("/classify", "classifications"), ("/quality/x", "builds"),
                       ("/fees/none", "fees")):  # fmt: skip
        assert f'<a href="/{slug}" aria-current="page"' in browser.get(path).text, path


def test_what_is_looked_for_is_found_by_name_code_and_party(browser: Browser, store: Store) -> None:
    thing = {"owner": EVIL, "name_en": "trips", "code": None}
    added(store, "register_party", {"id": EVIL, "name": "共享单车公司", "kind": "9"})
    for n, name in enumerate(("共享单车骑行", "道路卡口过车", "100% 抽样_甲")):
        added(store, "register_resource", {**thing, "id": f"res-{n}", "name_zh": name, "code": f"7CODE{n}"})
    for n in range(60):
        party = EVIL if n % 2 else "9"
        dataset = "7CODE1" if n < 5 else "7CODE2"
        bill = {"id": f"inv-{n:032x}", "product": dataset, "buyer_party": party, "state": "PAID"}
        added(store, "invoice", bill)
    browser.enter("op")

    def found(path: str, of: str) -> list[str]:
        return re.findall(rf'href="/{of}/([\w-]+)"', browser.get(path).text.partition("<tbody>")[2])

    assert found("/resources?q=骑行", "resources") == ["res-0"]
    assert len(found("/resources?q=单车公司", "resources")) == 3, "by the name of its owner"
    assert len(found("/resources?q=TRIPS", "resources")) == 3, "capital letters or small"
    assert found("/resources?q=7code1", "resources") == ["res-1"]
    assert found("/resources?q=100%25", "resources") == ["res-2"], "a sign of the database's is a sign"
    assert found("/resources?q=%25", "resources") == ["res-2"]
    assert len(set(found("/invoices?q=卡口", "invoices")) - {"7CODE1"}) == 5, "by the name of what was sold"
    page = browser.get("/invoices?q=共享单车公司").text
    assert "/ 30" not in page and len(set(re.findall(r'href="/invoices/(inv-\w+)"', page))) == 30, "by the buyer's name"
    page = browser.get("/invoices?q=7CODE2&lang=zh").text
    assert "1–50 / 55" in page
    assert 'href="?q=7CODE2&amp;from=50"' in page or 'href="?q=7CODE2&from=50"' in page
    none = browser.get("/resources?q=<script>x").text
    assert "没有包含「&lt;script&gt;x」的记录" in none
    assert "<script>" not in none
    assert browser.get("/resources?q=%00").status_code == 200
    assert browser.get("/resources?lang=en&q=" + "x" * 500).status_code == 200


def test_evidence_is_looked_through_by_deed_and_by_the_name_of_its_record(browser: Browser, store: Store) -> None:
    added(store, "register_resource", {"id": "res-77", "name_zh": "公交刷卡", "owner": EVIL, "code": None})
    with store.begin(NODE, "start") as tx:
        evidence.append(tx, "register.resource_declared", metadata.tables["register_resource"], "res-77")
    browser.enter("au")
    for q in ("resource_declared", "res-77", "公交"):
        page = browser.get(f"/leaves?q={q}").text
        assert len(re.findall(r'href="/leaves/leaf-\w+"', page)) == 1, q


def test_an_old_record_has_its_page(browser: Browser, store: Store) -> None:
    browser.enter("au")
    oldest = re.findall(r'href="(/leaves/leaf-\w+)"', browser.get("/leaves").text)[-1]
    with store.begin(NODE, "register") as tx:
        for n in range(500):
            evidence.append(tx, "register.person_added", settings, f"none-{n}")
    assert oldest not in browser.get("/leaves?from=450").text
    assert browser.get(oldest).status_code == 200
    with store.read() as tx:
        total = tx.count(leaves)
    assert f"<b>{total}</b>" in browser.get("/").text
    assert f"1–50 / {total}" in browser.get("/leaves?lang=en").text


def test_what_forms_ask_for_can_be_looked_up(browser: Browser, store: Store, people: dict[str, str]) -> None:
    """A token to revoke, an application to decide, a member to end: each stands on a page with its id."""
    with store.begin(NODE, "register") as tx:
        token = register.issue_service_token(tx, person=people["op"], label="夜间报表", scopes=["audit"], days=1)["id"]
        space = register.create_space(tx, name="出行空间")["id"]
        asks = {"id": f"{space}/n", "space": space, "node": "n", "party": EVIL, "state": "applied", "reason": "想加入",
                "decided_by": "", "at": tx.now}  # fmt: skip
        tx.add(metadata.tables["logical_space_member"], asks)
    browser.enter("op")
    page = browser.get("/people").text
    assert "夜间报表" in page
    assert f'href="/people/{token}"' in page
    assert token in browser.get(f"/people/{token}").text
    page = browser.get(f"/spaces/{space}").text
    assert "成员与申请" in page
    assert "想加入" in page
    for path, lists in (("/nodes", ("入网申请", "连接器运行状态")), ("/identities", ("身份", "持有的凭证"))):
        page = browser.get(path).text
        assert all(f"<h2>{name}" in page for name in lists), path
    browser.enter("pm")
    page = browser.get("/nodes")
    assert (page.status_code, "入网申请" in page.text, "GEN-403" in page.text) == (200, False, False)
    assert browser.get("/identities").status_code == 403


def test_an_id_leads_to_a_record_of_this_node_and_to_no_other(browser: Browser, store: Store) -> None:
    ours, theirs = (f"res-{n * 32}" for n in "ab")
    with store.begin(NODE, "register") as tx:
        for record in (ours, theirs):
            evidence.append(tx, "register.person_added", settings, record)
        evidence.append(tx, "register.resource_declared", metadata.tables["register_resource"], ours)
    browser.enter("au")
    page = browser.get("/leaves").text
    assert f'href="/resources/{ours}"' in page
    assert theirs in page
    assert f'href="/resources/{theirs}"' not in page


def test_a_list_that_nobody_counts_says_that_there_is_more(browser: Browser, store: Store) -> None:
    """What peers list is filtered by what this node may see, so that its number is known on its last page alone."""
    value = {"title": "别处的目录条目", "description": "", "offers": []}
    rows = ({**value, "source": "n", "value": value, "id": f"h-{n:04}", "dataset": f"D{n:04}"} for n in range(130))
    added(store, "harvested_dataset", *rows)
    browser.enter("pm")
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *given: asked.append(" ".join(given[2].split())))
    first = browser.get("/listings").text
    assert "1–50 / 50+" in first and 'href="?from=50">下一页' in first and "末页" not in first
    assert not [statement for statement in asked if "harvested_dataset.value" in statement and " IN " not in statement]
    last = browser.get("/listings?from=100").text
    assert "101–130 / 130" in last and "下一页" not in last
    beyond = browser.get("/listings?from=5000").text
    assert "这一页没有记录" in beyond and "<small>130</small>" in beyond
    assert "别处的目录条目" in browser.get("/listings/D0129").text


def test_the_tables_of_records_that_travel_exist() -> None:
    assert set(TOLD_TO_OTHERS.values()) <= set(metadata.tables)
    assert set(TOLD_TO_OTHERS) <= set(PAGE_OF_PREFIX)


def test_every_row_of_a_log_is_reached_by_next_and_back(browser: Browser, store: Store) -> None:
    browser.enter("au")
    with store.begin(NODE, "register") as tx:
        for n in range(620):
            evidence.append(tx, "register.person_added", settings, f"none-{n}")
        held = {row.id for row in tx.all(leaves.select())}
    at, seen, pages = "/leaves", [], []
    while at:
        page = browser.get(at)
        pages.append(at)
        seen += re.findall(r'<td><a href="/leaves/(leaf-\w+)"|<td[^>]*><a href="/leaves/(leaf-\w+)"', page.text)
        found = re.search(r'<a href="(\?from=\d+)">下一页', page.text)
        at = f"/leaves{found.group(1)}" if found else ""
    assert len(pages) > 10
    ids = ["".join(pair) for pair in seen]
    assert len(ids) == len(set(ids))
    assert set(ids) == held
    assert f'href="?from={50 * (len(pages) - 2)}"' in page.text


def test_a_page_beyond_the_end_says_so_and_leads_back(browser: Browser) -> None:
    browser.enter("op")
    for path, said in (("/leaves", "这一页没有记录"), ("/decisions", "这里还没有记录"), ("/people", "这一页没有记录")):
        page = browser.get(f"{path}?from=5000")
        assert said in page.text
        assert '"?from=0">‹' in page.text
        assert browser.get(f"{path}?from={'9' * 5000}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/people/person-none", "/contracts/agr-none", "/leaves/x", "/story", "/do/no/verb", "/walk/x-1"]
)
def test_what_is_not_there_is_said_plainly(browser: Browser, path: str) -> None:
    browser.enter("op")
    english = browser.get(path, headers={"accept-language": "en"}).text.partition("<main")[2]
    assert not re.search(r"[\u3400-\u9fff]", english)
    answer = browser.get(path)
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("start", ["-1", "x", "９", "999999999999999999999999", "1e3"])
def test_a_nonsense_place_in_a_list_is_no_fault(browser: Browser, start: str) -> None:
    browser.enter("op")
    assert browser.get("/leaves", params={"from": start}).status_code == 200


# --- forms -------------------------------------------------------------------------------------------------------


def test_a_form_does_the_verb_once_and_shows_the_answer(browser: Browser, store: Store) -> None:
    browser.enter("op")
    form = browser.get("/do/register/add_person")
    key = re.search(r'name="_key" value="(\w+)"', form.text)
    assert key is not None
    fields = {"login": "new.one", "name": "新人", "roles": '["analyst"]', "_key": key.group(1)}
    for _ in range(2):  # sent twice (a double click): done once
        answer = browser.post("/do/register/add_person", data=fields)
        assert answer.status_code == 200
        assert "新人" in answer.text
        assert 'value="new.one"' not in answer.text, "pressed again, it would be done again"
        way = re.search(r'class="button" href="(/people/person-\w+)"', answer.text)
        assert way is not None, "a login link is the next step"
    assert "register/login_link?person=" in browser.get(way[1]).text
    party = browser.post("/do/register/add_party", data={"code": EVIL, "name": "供数公司"})
    assert f'class="button" href="/parties/{EVIL}"' in party.text
    with store.read(NODE) as tx:
        assert [p["login"] for p in register.people(tx)].count("new.one") == 1


def test_what_is_shown_once_is_shown_in_the_other_language_too(browser: Browser, store: Store) -> None:
    browser.enter("op")
    at, person = "/do/register/issue_service_token", browser.get("/people").text.partition("/people/person-")[2][:32]
    fields = {"person": f"person-{person}", "label": "jupyter", "scopes": "register", "_back": "/people"}
    done = browser.post(f"{at}?lang=zh", data=fields)
    token = re.search(r"<code>([\w-]{43})</code>", done.text)
    assert token is not None
    assert 'name="_show" value="en"' in done.text
    sent = {**hidden(done), "label": "another", "_show": "en"}
    english = browser.post(at, data=sent).text
    assert '<html lang="en">' in english
    assert ">Done</h2>" in english
    assert token[1] in english
    assert '<details class="fold" open><summary>Once more' in english, "what is typed for the next stays in sight"
    assert 'value="another"' in english
    back = browser.post(at, data={**sent, "_show": "zh"}).text
    assert token[1] in back, "as often as one likes"
    with store.read(NODE) as tx:
        assert [one["label"] for one in register.service_tokens(tx)] == ["jupyter"]
    browser.enter("pm")
    assert token[1] not in browser.post(at, data=sent).text, "nobody else reads it by the same form"
    for never_done in ("", "x" * 5000, HOSTILE):
        assert ">Done</h2>" not in browser.post(at, data={**sent, "_done": never_done}).text


@pytest.mark.parametrize(
    "roles", ["analyst\r\nfinance", " analyst，finance", "analyst、 finance\n", '["analyst", "finance"]']
)
def test_a_list_of_words_is_written_as_words(browser: Browser, store: Store, roles: str) -> None:
    browser.enter("op")
    assert 'placeholder="每行一项"' in browser.get("/do/register/issue_service_token").text
    answer = browser.post("/do/register/add_person", data={"login": "new.one", "name": "新人", "roles": roles})
    assert answer.status_code == 200
    with store.read(NODE) as tx:
        added = next(p for p in register.people(tx) if p["login"] == "new.one")
    assert sorted(added["roles"]) == ["analyst", "finance"]
    assert "没有角色 分析" in browser.post("/do/register/set_roles", data={"person": added["id"], "roles": "分析"}).text


def test_money_is_asked_for_with_its_unit(browser: Browser) -> None:
    browser.enter("pm")
    assert "（元）" in browser.get("/do/price/set_fee").text
    assert "(in yuan)" in browser.get("/do/price/set_fee?lang=en").text


def test_a_form_refused_by_a_rule_shows_all_problems_in_both_languages_and_keeps_what_was_typed(
    browser: Browser,
) -> None:
    browser.enter("op")
    fields = {"login": "x y", "name": "新人", "roles": '["king"]', "password": "short-secret"}
    zh = browser.post("/do/register/add_person?lang=zh", data=fields)
    assert zh.status_code == 400
    assert "下一步" in zh.text
    assert 'value="新人"' in zh.text
    assert "short-secret" not in zh.text
    en = browser.post("/do/register/add_person?lang=en", data=fields)
    for where in ("login", "roles", "password"):
        assert f"<li><code>{where}</code>" in en.text or f"<code>{where}" in en.text


def test_a_reason_is_kept_whole_or_refused_with_its_number(browser: Browser, store: Store) -> None:
    browser.enter("op")
    with store.begin(NODE, "register") as tx:
        space = register.create_space(tx, name="出行空间")["id"]
    address, long = "/do/register/close_space", "因" * 501
    assert "（至多 500 字）" in browser.get(address).text
    for lang, told in (("zh", "501 字，至多 500 字"), ("en", "has 501 characters; at most 500")):
        refused = browser.post(f"{address}?lang={lang}", data={"space": space, "reason": long, "_sure": "yes"})
        assert refused.status_code == 400
        assert "GEN-413" in refused.text
        assert told in refused.text
        assert long in refused.text
    assert browser.post(address, data={"space": space, "reason": long[1:], "_sure": "yes"}).status_code == 200


def test_every_reason_of_a_verb_has_a_limit_that_is_told() -> None:
    said = {"reason", "reason_text", "note", "reference"}
    for name, verb in VERBS.items():
        wanted = said & set(arguments_model(verb).model_fields) if verb.changes else set()
        assert wanted <= set(verb.longest), name


def test_a_form_sent_again_with_other_content_says_what_happened(browser: Browser) -> None:
    browser.enter("op")
    address = "/do/register/create_space"
    key = re.search(r'name="_key" value="(\w+)"', browser.get(address).text)
    assert key is not None
    assert browser.post(address, data={"_key": key[1], "name": "甲"}).status_code == 200
    again = browser.post(address, data={"_key": key[1], "name": "乙"})
    assert again.status_code == 409
    assert "此前已执行过一次" in again.text
    assert 'value="乙"' in again.text
    fresh = re.search(r'name="_key" value="(\w+)"', again.text)
    assert fresh is not None
    assert browser.post(address, data={"_key": fresh[1], "name": "乙"}).status_code == 200


def test_a_form_with_bad_json_or_missing_fields_names_them(browser: Browser) -> None:
    browser.enter("op")
    answer = browser.post("/do/register/add_person", data={"login": "a", "roles": "[not json"})
    assert answer.status_code == 400
    assert "GEN-400" in answer.text
    assert "不是 JSON" in answer.text
    short = browser.post("/do/register/add_person", data={"name": "x", "roles": '{"a": 1}'})
    assert short.status_code == 400
    assert "必填，尚未给出" in short.text
    assert "应为列表" in short.text
    assert "Field required" in browser.post("/do/register/add_person?lang=en", data={"name": "x"}).text


def test_a_policy_template_is_written_in_the_console_with_its_lines(
    browser: Browser, store: Store, node_folder: Path
) -> None:
    templates.install(store, node_folder)
    browser.enter("op")
    assert "/do/catalogue/write_policy_template" not in browser.get("/listings").text
    browser.enter("pm")
    assert "aggregate-only" in browser.get("/listings").text
    assert 'href="/do/catalogue/write_policy_template"' in browser.get("/listings").text
    assert '<textarea name="text"' in browser.get("/do/catalogue/write_policy_template").text
    lines = ["template: {zh: 试用, en: Trial}", "permissions:", "  - {action: read, constraints: [count lteq 5]}"]
    form = {"name": "trial", "text": "\r\n".join(lines)}
    told = browser.post("/do/catalogue/write_policy_template", data=form)
    assert told.status_code == 200, text(told)
    assert "试用" in browser.get("/listings").text


def test_what_is_found_shows_who_offers_it_and_for_what_whatever_a_peer_wrote(browser: Browser, store: Store) -> None:
    free = {"purpose": "public_welfare", "tariff": {"amount_fen": 0}}
    terms = (free, {"purpose": "x", "tariff": "y"}, {"purpose": None, "tariff": [1]})
    items = [
        {
            "id": f"d{n}",
            "title": f"t{n}",
            "description": HOSTILE,
            "offers": [{"id": f"o{n}", "policy": {}, "terms": one}],
        }
        for n, one in enumerate(terms)
    ]
    with store.begin(NODE, "start") as tx:
        catalogue.harvested(tx, sender="4" + EVIL, datasets=items)
    browser.enter("pm")
    shown = browser.get("/listings")
    assert shown.status_code == 200
    assert all(f"t{n}" in shown.text for n in range(len(terms)))
    assert "公益事业" in text(shown)
    assert "4" + EVIL in shown.text
    assert "<script>alert" not in shown.text
    for n, purpose in enumerate(("public_welfare", "x", "")):
        page = browser.get(f"/listings/d{n}")
        assert page.status_code == 200
        (asked,) = re.findall(r'href="/do/negotiate/request\?([^"]+)"', page.text)
        given = dict(pair.split("=") for pair in asked.replace("&amp;", "&").split("&"))
        wanted = {"provider": "4" + EVIL, "dataset": f"d{n}", "offer_id": f"o{n}", "purpose": purpose}
        assert {**given, **wanted} == given, "who wants it copies no codes"
    assert "发起合约请求 · 公益事业" in text(browser.get("/listings/d0"))
    assert "0.00 元" in text(browser.get("/listings/d0")), "an amount has its unit, whatever it stands by"
    form = browser.get("/do/negotiate/request?" + asked.replace("&amp;", "&"))
    assert 'value="o2"' in form.text
    assert "是（缺省）" in form.text


def test_who_requests_a_contract_reads_price_and_policy_on_the_form_whatever_a_peer_wrote(
    browser: Browser, store: Store
) -> None:
    asked = Constraint("purpose", "isAnyOf", ("public_welfare",))
    held = to_json(Policy(id="p", permissions=(Rule("delivery", (asked,)),), prohibitions=(Rule("distribute"),)))
    good = {"purpose": "public_welfare", "tariff": {"amount_fen": 1_180_000}, "until": "2029-03-01T00:00:00+08:00"}
    offers = [
        {"id": "o0", "policy": held, "terms": good}, {"id": "o1", "policy": {"permissions": HOSTILE}, "terms": {"tariff": "x"}},
        {"id": "o2", "policy": {}, "terms": {"purpose": HOSTILE, "tariff": 3, "until": [HOSTILE]}},
    ]  # fmt: skip
    item = {"id": "d", "title": HOSTILE, "description": "", "offers": offers}
    with store.begin(NODE, "start") as tx:
        catalogue.harvested(tx, sender="4" + EVIL, datasets=[item])
    browser.enter("pm")
    for one in offers:
        form = browser.get(f"/do/negotiate/request?provider=4{EVIL}&dataset=d&offer_id={one['id']}&lang=zh")
        assert form.status_code == 200, one
        assert "<script>alert" not in form.text
    form = text(browser.get(f"/do/negotiate/request?provider=4{EVIL}&dataset=d&offer_id=o0"))
    assert "公益事业 · 11,800.00 元 · 至 2029-03-01" in form
    assert "允许交付（使用目的任意属于 公益事业）" in form
    assert "禁止" in form
    blank = browser.get("/do/negotiate/request?lang=zh").text
    assert '<a href="/listings">打开目录</a>' in blank, "an offer is chosen where it can be read"
    assert re.search(r'<option value="o0">[^<]+ · 公益事业 · 11,800.00 元</option>', blank)
    unread = text(browser.get(f"/do/negotiate/request?provider=4{EVIL}&dataset=d&offer_id=o1&lang=en"))
    assert "cannot be read in words" in unread
    other = browser.get(f"/do/negotiate/request?provider=4{EVIL}&dataset=other&offer_id=o0&lang=zh").text
    assert "11,800.00" not in other.partition("<form")[0], "an offer of something else"
    assert "允许交付（使用目的任意属于 公益事业）" in text(browser.get("/listings/d?lang=zh"))


def test_a_walk_over_a_record_without_evidence_says_so(browser: Browser, store: Store) -> None:
    """What an auditor comes for: a record that nobody may have put there is shown, and named."""
    added(store, "invoice", {"id": "inv-1", "agreement": "agr-1", "state": "PAID"})
    added(store, "invoice_line", {"id": "inv-1-1", "invoice": "inv-1", "number": 1, "events": []})
    browser.enter("au")
    page = browser.get("/walk/inv-1-1")
    assert page.status_code == 200
    assert "没有存证" in page.text
    assert "有不符" in page.text


def test_a_form_of_another_site_is_refused(browser: Browser, store: Store) -> None:
    browser.enter("op")
    fields = {"login": "evil", "name": "Evil", "roles": '["operator"]'}
    for headers in ({"origin": "http://evil.test"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}):
        answer = browser.post("/do/register/add_person", data=fields, headers={**THERE, **headers})
        assert answer.status_code == 403
        assert "GEN-419" in answer.text
    for path in ("/logout", "/login"):
        data = {"login": "op", "password": "x"}
        assert browser.post(path, data=data, headers={"origin": "http://evil.test"}).status_code == 403
    assert browser.get("/").status_code == 200  # still logged in
    with store.read(NODE) as tx:
        assert "evil" not in [p["login"] for p in register.people(tx)]


def test_a_form_of_a_verb_the_role_may_not(browser: Browser) -> None:
    browser.enter("pm")
    form = browser.get("/do/register/add_person?lang=zh").text
    assert "您的角色不能办理此事" in form, "who fills it in learns it before"
    assert "<button>" not in form.partition('class="arguments"')[2]
    assert "您的角色不能办理此事" not in browser.get("/do/negotiate/request").text
    answer = browser.post("/do/register/add_person", data={"login": "a.b", "name": "x", "roles": '["operator"]'})
    assert answer.status_code == 403
    assert "GEN-403" in answer.text


def test_a_view_with_all_it_needs_in_the_address_answers_at_once(browser: Browser) -> None:
    browser.enter("op")
    answer = browser.get("/do/audit/verify")
    assert "结果" in answer.text
    assert browser.get("/do/register/case?case=none").status_code == 404


# --- hostile names, headers --------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(answer: httpx.Response) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(answer.text)
    return parser.tags


def test_hostile_names_stay_text_on_every_page(store: Store, tmp_path: Path) -> None:
    with store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name=HOSTILE, password=None, department=HOSTILE)
        register.add_party(tx, code=EVIL, name=HOSTILE)
    browser = Browser(app_of(store, tmp_path / "none"), store)
    browser.enter("op")
    for path in ["/", "/people", "/parties", "/leaves", f"/parties/{EVIL}", f"/parties/{HOSTILE}",
                 f"/do/price/set_fee?product={HOSTILE}", f"/do/register/{HOSTILE}", f"/leaves?from={HOSTILE}",
                 f"/login?next={HOSTILE}"]:  # fmt: skip
        answer = browser.get(path)
        assert "<script" not in answer.text, path
        assert not [attrs for _, attrs in tags(answer) for name in attrs if name.startswith("on")], path
    assert "&lt;script&gt;" in browser.get("/people").text


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs(browser: Browser) -> None:
    browser.enter("op")
    for path in ["/", "/login", *(f"/{page.slug}" for page in PAGES), "/do/register/add_person"]:
        answer = browser.get(path)
        for tag, attrs in tags(answer):
            assert tag not in ("script", "iframe", "object", "embed", "base"), path
            assert "style" not in attrs, (path, tag)  # the policy allows the sheet only
            for name in ("href", "src", "action"):
                assert (attrs.get(name) or "/").startswith(("/", "?", "#")), (path, attrs)
    sheet = browser.get("/static/console.css").text
    assert "@import" not in sheet
    assert "url(" not in sheet


def test_every_table_scrolls_within_itself_so_that_no_page_is_wider_than_a_telephone() -> None:
    for template in (console.FOLDER / "templates").glob("*.html"):
        if template.name == "story.html":  # it has its own tables, measured in the journey's browser
            continue
        tables = re.findall(r"(<div [^>]*>)?<table", template.read_text("utf-8"))
        assert all(box.startswith('<div class="wide" tabindex="0"') for box in tables), template.name


def test_security_headers_stand_on_every_page(browser: Browser) -> None:
    browser.enter("op")
    for path in ("/", "/people", "/login", "/contracts/none", "/do/register/add_person"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == ("private, max-age=0" if path.startswith("/do/") else "no-store")
        assert headers["referrer-policy"] == "same-origin"


# --- a contract, a case ------------------------------------------------------------------------------------------


DOWNLOAD = Policy(
    POLICY.id,
    (*POLICY.permissions, Rule("download", (Constraint("purpose", "isAnyOf", ("industry_development",)),),
                               (Rule("anonymize", (Constraint("algorithm", "eq", "k-anonymity"),)),))),
    (*POLICY.prohibitions, Rule("download", assignee="91X"), Rule("sell", duties=(Rule("compensate"),))),
    POLICY.obligations,
    inherit=True,
)  # fmt: skip


@pytest.fixture(params=[POLICY, DOWNLOAD], ids=["kept", "downloaded"])
def contracted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Browser, str, bool]]:
    """A contract two real nodes concluded, seen at the consumer; whether its policy allows download."""
    provider, consumer = two_nodes(tmp_path)
    offer = listed(provider, policy=request.param)
    loop = Loop(provider, consumer)
    with consumer.as_("product_manager") as tx:
        negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=POLICY.id, purpose=TERMS["purpose"], offer=offer
        )
    loop.run()
    (agreement,) = consumer.agreements()
    assert agreement["state"] == "FINALIZED"
    with consumer.store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="运维", password=None)
    browser = Browser(app_of(consumer.store, tmp_path / "none"), consumer.store)
    browser.enter("op")
    yield browser, str(agreement["id"]), request.param is DOWNLOAD
    for node in (provider, consumer):
        node.store.dispose()


def test_a_contracts_page_says_what_is_allowed_who_signed_and_where_control_ends(
    contracted: tuple[Browser, str, bool],
) -> None:
    browser, agreement, download = contracted
    assert f"/contracts/{agreement}" in browser.get("/contracts").text
    zh, en = browser.get(f"/contracts/{agreement}"), browser.get(f"/contracts/{agreement}?lang=en")
    assert ("控制到此为止" in zh.text, "交付后仍受控" in zh.text) == (download, not download)
    assert ("control by this system ends" in en.text) is download
    for word in ("交付", "分发", "删除", "使用目的任意属于", "策略全文", "双方"):
        assert word in zh.text
    for word in ("May", "Must not", "distribute to third parties", "CNY 1,200.00", "industry development", "both"):
        assert word in en.text
    boxes = zh.text.partition("策略全文")[0], en.text.partition("The policy in full words")[0]
    for box, words in zip(boxes, (("但须先匿名化（算法等于 k-anonymity）", "使用方 91X", "违反时须补偿", "仍受本策略约束"),
                                  ("after anonymise (algorithm is k-anonymity)", "party 91X", "else must pay",
                                   "stay under this policy")), strict=True):  # fmt: skip
        assert [word in box for word in words] == [download] * 4
    assert zh.text.count("<summary>Ed25519</summary>") == 2
    assert "negotiate.contract_finalized" in zh.text
    (negotiation,) = set(re.findall(r'href="(/contracts/neg-\w+)"', browser.get("/contracts").text))
    assert f'class="button" href="/contracts/{agreement}"' in browser.get(negotiation).text, "there it goes on"
    assert json.dumps(TERMS["until"])[1:-1] not in re.sub(r'datetime="[^"]+"', "", zh.text)  # told in Beijing time


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"state": "ENDED"}, ("the registration was cancelled or revoked", "登记已注销或撤销")),
        ({"valid_until": "2020-01-01"}, ("was valid until 2020-01-01", "届满前已申请续展的待审核")),
    ],
    ids=["ended", "lapsed"],
)
@pytest.mark.parametrize("under", ["the product", "an input"])
def test_a_contract_under_an_ended_registration_says_so_and_that_it_still_stands(
    contracted: tuple[Browser, str, bool], entry: dict[str, str], words: tuple[str, str], under: str
) -> None:
    browser, agreement, _download = contracted
    kept = metadata.tables["register_ledger"]
    with browser.store.begin(NODE, "start") as tx:
        found = {DATASET: tx.get(kept, DATASET), TERMS["inputs"][0]: tx.get(kept, TERMS["inputs"][0])}
        for code, kind in ((DATASET, "product"), (TERMS["inputs"][0], "resource")):
            if found[code] is None:
                registered(tx, code, kind, EVIL, **({"inputs": TERMS["inputs"]} if kind == "product" else {}))
    assert "本合约不再交付" not in browser.get(f"/contracts/{agreement}").text
    with browser.store.begin(NODE, "start") as tx:
        register.add_person(tx, login="an", name="分析", roles=["analyst"])
    browser.enter("an")
    assert agreement not in browser.get("/").text.partition('class="groups"')[0]
    with browser.store.begin(NODE, "start") as tx:
        code = DATASET if under == "the product" else TERMS["inputs"][0]
        row = tx.get(kept, code)
        assert row is not None
        state = {"state": entry["state"]} if "state" in entry else {}
        tx.change(kept, code, entry={**row["entry"], **entry}, **state)
    zh, en = (browser.get(f"/contracts/{agreement}{lang}").text for lang in ("", "?lang=en"))
    assert "本合约不再交付" in zh and words[1] in zh and "登记终止不解除合约" in zh
    assert "Nothing is delivered under this contract" in en and words[0] in en
    browser.enter("an")
    due = browser.get("/?lang=zh").text.partition('<section class="due">')[2].partition("</section>")[0]
    assert f'href="/contracts/{agreement}"' in due and words[1] in due and "提前" in due
    with browser.store.begin(NODE, "start") as tx:
        tx.change(metadata.tables["agreement"], agreement, state="TERMINATED")
    assert "本合约不再交付" not in browser.get(f"/contracts/{agreement}").text


def _another_person_counters_and_the_provider_offers_anew(
    provider: Any, consumer: Any, loop: Loop, negotiation: str
) -> None:
    with consumer.as_("legal") as tx:
        negotiate.counter(tx, negotiation=negotiation)
    loop.run()
    with provider.as_("product_manager") as tx:
        row = negotiate.negotiations(tx)[0]
        negotiate.offer(tx, negotiation=row["id"], policy=row["offer"]["policy"], terms=TERMS)
    loop.run()


def test_who_has_to_answer_an_offer_finds_the_ways_to_and_others_do_not(tmp_path: Path) -> None:
    provider, consumer = two_nodes(tmp_path)
    loop = Loop(provider, consumer)
    with consumer.as_("product_manager") as tx:
        negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=POLICY.id, purpose=TERMS["purpose"],
            offer=listed(provider, agree="person"),
        )  # fmt: skip
    loop.run()
    with provider.as_("product_manager") as tx:
        row = negotiate.negotiations(tx)[0]
        negotiate.offer(tx, negotiation=row["id"], policy=row["offer"]["policy"], terms=TERMS)
    loop.run()
    with consumer.store.begin(NODE, "start") as tx:
        register.bootstrap_operator(tx, login="op", name="运维", password=None)
        register.add_person(tx, login="pm", name="产品", roles=["product_manager"], department="产品部")
        register.add_person(tx, login="de", name="数据", roles=["data_engineer"], department="数据部")
    browser = Browser(app_of(consumer.store, tmp_path / "none"), consumer.store)
    browser.enter("pm")
    negotiation = consumer.negotiation()["id"]
    due = browser.get("/?lang=en").text.partition('<section class="due">')[2].partition("</section>")[0]
    assert f"/contracts/{negotiation}" in due
    lists = browser.get("/contracts?lang=en").text
    assert "Negotiations that wait" in lists
    assert lists.count(f"/contracts/{negotiation}") == 2
    shown = browser.get(f"/contracts/{negotiation}").text
    for verb in ("accept", "counter", "terminate"):
        assert f"/do/negotiate/{verb}?negotiation={negotiation}" in shown
    assert "现由 本方 办理" in text(browser.get(f"/contracts/{negotiation}?lang=zh"))
    assert "/do/negotiate/verify" not in shown
    seen = re.search(r"/do/negotiate/accept\?negotiation=\S+&amp;seen=([^\"]+)\"", shown)
    assert seen is not None
    counter = browser.get(f"/do/negotiate/counter?negotiation={negotiation}").text
    assert '<option value="compute" selected>' in counter.partition('name="policy.clauses.')[2]
    assert re.search(r'name="terms\.tariff\.amount_fen"[^>]*value="1200\.00"', counter)
    assert re.search(r'name="terms\.split\.0\.account"[^>]*value="ACC-1"', counter)
    _another_person_counters_and_the_provider_offers_anew(provider, consumer, loop, negotiation)
    stale = browser.post("/do/negotiate/accept?lang=en", data={"negotiation": negotiation, "seen": unquote(seen[1])})
    assert (stale.status_code, "CTR-416" in stale.text) == (409, True)
    assert consumer.negotiation()["state"] == "OFFERED"
    form = browser.get(f"/do/negotiate/terminate?negotiation={negotiation}").text
    assert f'value="{negotiation}"' in form
    done = browser.post(
        "/do/negotiate/terminate", data={"negotiation": negotiation, "reason_text": "不合适", "_sure": "yes"}
    )
    assert done.status_code == 200
    loop.run()
    assert provider.negotiation()["state"] == consumer.negotiation()["state"] == "TERMINATED"
    assert "/do/negotiate/" not in browser.get(f"/contracts/{negotiation}").text
    browser.enter("de")
    over = browser.get(f"/contracts/{negotiation}").text
    assert "/do/negotiate/" not in over
    assert "现由" not in over and "Now held by" not in over
    for node in (provider, consumer):
        node.store.dispose()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Store]:
    """A function node that has filed a case with itself, so that it holds both sides."""
    opened = Store(sqlite_url(tmp_path / "registry.db"))
    with_tables(opened)
    party = codes.credit_code("1", "1", "520100", "MB0DB001")
    signing.install(opened, PrivateKey.new(), signing.Me("", party, "数据局", "http://registry.test"))
    with opened.begin(NODE, "start") as tx:
        register.found(tx, area="5201")
        register.bootstrap_operator(tx, login="op", name="运维", password=None)
        person = register.add_person(tx, login="de", name="谢岚", roles=["data_engineer"], department="数据部")["id"]
    with opened.begin(Actor(person, "data_engineer", party, "数据部"), "register") as tx:
        thing = register.declare_resource(
            tx, name_zh="骑行", name_en="Rides", abstract="一", standard="trip", source_kind="001", source_statement="自采",
            licence="MIT", licence_terms={"commercial": True, "derivatives": True, "attribution": "A"}, public_data=False,
            personal=True, grade=3, update_frequency="009", area="520100", scenario="出行", security_assessment="已评估",
        )  # fmt: skip
        register.preserve_evidence(tx, of=thing["id"], files={"a.json": "sha256:" + "ab" * 32})
        case = register.draft_case(tx, of=thing["id"], materials={"products": "出行", "scenarios": "出行"})
        register.submit_case(tx, case=case["id"])
    yield opened
    opened.dispose()


def test_a_cases_page_shows_the_deadline_who_holds_it_and_both_departments(registry: Store, tmp_path: Path) -> None:
    browser = Browser(app_of(registry, tmp_path / "none"), registry)
    browser.enter("op")
    found = re.search(r'href="(/cases/[^"]+)"', browser.get("/cases").text)
    assert found is not None
    zh, en = browser.get(found.group(1)), browser.get(f"{found.group(1)}?lang=en")
    for word in ("期限", "待受理", "登记受理", "数据部", "谢岚", "尚未审核", "骑行"):
        assert word in zh.text, word
    for word in ("Deadline", "to be accepted", "registrar", "Not reviewed yet", "Rides"):
        assert word in en.text, word


def test_a_change_of_what_is_registered_is_seen_item_by_item_before_it_is_entered(
    registry: Store, tmp_path: Path
) -> None:
    browser = Browser(app_of(registry, tmp_path / "none"), registry)
    with registry.begin(NODE, "register") as tx:
        for login, role in (("rr", "registrar"), ("rv", "reviewer")):
            register.add_person(tx, login=login, name=login, roles=[role], department=f"{role}科")
    browser.enter("op")
    case = re.findall(r'href="/cases/(case-[^"?]+)"', browser.get("/cases").text)[0]
    _coded(registry, case, datetime(2026, 3, 2, 1, tzinfo=UTC))
    browser.enter("de")
    ledger = browser.get("/ledger").text
    entry = re.search(r'href="(/ledger/7[^"]+)"', ledger)
    assert entry is not None
    assert 'href="/do/register/draft_case?of=7' in browser.get(entry[1]).text
    resource = re.search(r'href="(/resources/res-[^"]+)"', browser.get("/resources").text)
    assert resource is not None
    form = re.search(r'href="(/do/register/draft_case[^"]+type=change[^"]*)"', browser.get(resource[1]).text)
    assert form is not None
    asked = dict(parse_qsl(urlsplit(unescape(form[1])).query))
    given = {**asked, "changes": '{"abstract": "二", "grade": 2}', "materials": '{"reason": "扩大采集"}'}
    answer = browser.post("/do/register/draft_case", data=given)
    drafted = re.search(r"case-[0-9a-zA-Z_-]+", answer.text)
    assert (answer.status_code, drafted is not None) == (200, True), answer.text
    browser.post("/do/register/submit_case", data={"case": drafted[0]})
    zh, en = browser.get(f"/cases/{drafted[0]}").text, browser.get(f"/cases/{drafted[0]}?lang=en").text
    for word in ("变更登记", "申请的变更", "台账现为", "扩大采集", "记入台账", "二"):
        assert word in zh, word
    for word in ("registration of change", "What is asked to change", "Now in the ledger", "enter in the ledger"):
        assert word in en, word


def _coded(registry: Store, case: str, at: datetime) -> None:
    def do(role: str, call: Callable[..., Any], **more: Any) -> None:
        with registry.begin(NODE, "start") as tx:
            who = next(one for one in register.people(tx) if role in one["roles"])
            party = signing.me(tx).party
        with registry.begin(Actor(who["id"], role, party, who["department"]), "register") as tx:
            call(tx, case=case, **more)

    with registry.begin(NODE, "start") as tx:
        tx.add(business_clock, {"id": "now", "at": clock.text(at), "seq": 1})
    do("registrar", register.accept_case)
    do("reviewer", register.review_case)
    do("registrar", register.publicise_case)
    with registry.begin(NODE, "start") as tx:
        tx.change(business_clock, "now", at=clock.text(at + timedelta(days=15)))
    do("registrar", register.code_case)
