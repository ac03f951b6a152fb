"""The console: server-rendered pages in Chinese and English, made from the rooms' views and verbs.

Every list is a view of a room, every form a verb, so the console shows and does what the API and the command
line do, under the same gate. No request goes to another host; nothing needs JavaScript.
Must never know: SQL of the rooms. Contract: tests/web/test_console.py and tests/journey/test_browser.py.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from datong.ground import signing
from datong.ground.db import NODE, Actor, Store
from datong.ground.money import yuan
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.register import service as register
from datong.register.model.refusals import NO_SESSION
from datong.web import classification, forms, lineage, matching, overview, quality, records, releases, values, words
from datong.web.api import BROKEN_STATUS, STATUS, broke
from datong.web.doors import NO_LOGIN, client_of, cookie_of, require_same_site
from datong.web.outcomes import TOLD, Outcome, Outcomes
from datong.web.pages import GROUPS, PAGES
from datong.web.visits import KEPT, SECRETS, SHOW, Answer, Visit, own_address

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
NO_PAGE = Reason(
    "GEN-410",
    Kind.unknown,
    Text("这里没有页面。", "There is no page here."),
    Text("本节点的「{path}」不以 {method} 方法提供任何内容。", "Nothing at this node answers {path} by {method}."),
    Text("请核对链接，或从总览开始。", "Check the link, or begin at the overview."),
)
NOT_READ = Reason(
    "GEN-411",
    Kind.invalid,
    Text("请求未执行。", "The request was not done."),
    Text("无法读取：{why}。", "It could not be read: {why}."),
    Text("请返回并重新打开该页面，再试一次。", "Go back, open the page anew and try again."),
)
BELONGS_TO = {
    "match": "meanings", "classify": "classifications", "quality": "builds", "lineage": "builds", "walk": "invoices",
}  # fmt: skip
"""Pages of their own -> the list of the navigation in which one is there."""
LANGUAGE = "datong_language"
NO_LOGIN_CODES = frozenset({NO_LOGIN.code, NO_SESSION.code})

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
OF_A_BLANK_FORM = "private, max-age=0"
"""What Back shows of a form that was sent: the same one, with its key, so that sent again it does nothing more. Fetched
anew it would have another key and, filled by the browser as it was, do the deed twice."""


def routes(store: Store, story_file: Path, session_hours: int = 8) -> list[Route | Mount]:
    """The console's routes; `story_file` is the file a demonstration leaves for its story page, if any."""
    console = Console(store, story_file, session_hours)
    pages = [
        route
        for page in PAGES
        for route in (
            Route(f"/{page.slug}", console.handler(records.records(page)), methods=["GET"]),
            Route(f"/{page.slug}/{{id:path}}", console.handler(records.record(page)), methods=["GET"]),
        )
    ]
    return [
        Route("/", console.handler(overview.overview), methods=["GET"]),
        Route("/login", console.login_page, methods=["GET"]),
        Route("/login", console.log_in, methods=["POST"]),
        Route("/logout", console.log_out, methods=["POST"]),
        Route("/enter/{token}", console.enter_page, methods=["GET"]),
        Route("/enter/{token}", console.enter, methods=["POST"]),
        Route("/story", console.handler(records.told(story_file)), methods=["GET"]),
        Route("/walk/{id}", console.handler(records.walk), methods=["GET"]),
        Route("/match", console.handler(matching.page), methods=["GET"]),
        Route("/match", console.handler(matching.said), methods=["POST"]),
        Route("/classify", console.handler(classification.page), methods=["GET"]),
        Route("/classify", console.handler(classification.said), methods=["POST"]),
        Route("/quality/{resource}", console.handler(quality.page), methods=["GET"]),
        Route("/lineage/{resource}", console.handler(lineage.page), methods=["GET"]),
        Route("/do/{room}/{verb}", console.handler(forms.form), methods=["GET"]),
        Route("/do/{room}/{verb}", console.handler(forms.done), methods=["POST"]),
        Route("/report/{release}.pdf", console.handler(releases.pdf), methods=["GET"]),
        Route("/releases/{id:path}", console.handler(releases.signed), methods=["POST"]),
        *pages,
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]


def on_errors(store: Store, story_file: Path) -> dict[Any, Callable[..., Any]]:
    """What a node answers where nothing is served and where it failed itself: the exception handlers of its
    application. A person gets a page in the language of the browser, a program the one shape of errors."""
    console = Console(store, story_file, 0)
    return {HTTPException: console.not_served, Exception: console.broken}


def says(store: Store, story_file: Path) -> Callable[[Request, Refusal, int], Response]:
    """How a node tells a refusal that no page of the console tells."""
    return Console(store, story_file, 0).sorry


class Console:
    """Templates, language and sessions of one node's console."""

    def __init__(self, store: Store, story_file: Path, hours: int) -> None:
        self.store, self.story, self.hours = store, story_file, hours
        self.outcomes = Outcomes()
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def handler(self, page: Callable[[Visit], Answer | Response | Outcome]) -> Callable[..., Any]:
        """An endpoint that shows `page`, gives its file or leads to the page of its outcome, to the person of the
        session; or the login."""

        async def answer(request: Request) -> Response:
            form = _held(_fields(await request.form())) if request.method == "POST" else {}
            request.state.language = form.get(SHOW)
            try:
                actor, token, rotates = await run_in_threadpool(self._known, request)
            except Refusal as refused:
                return await run_in_threadpool(self._must_log_in, request, refused, form)
            named = form.get(TOLD) or request.query_params.get(TOLD, "")
            told = self.outcomes.of(named, actor.person, request.url.path, self.store.wall_clock()) if named else None
            if told and request.method != "POST":
                form = dict(told.form)
            visit = Visit(self.store, request, actor, language(request), form, told, bool(named) and told is None)
            response = await run_in_threadpool(self._answer, visit, page)
            if rotates:
                await run_in_threadpool(self._rotate, request, response, token)
            return response

        return answer

    def _known(self, request: Request) -> tuple[Actor, str, bool]:
        """The person of the session, its token, and whether it is time for another one."""
        with self.store.read() as tx:
            token = request.cookies.get(cookie_of(tx), "")
            if not token:
                raise NO_LOGIN()
            actor = register.actor_of_session(tx, token, client_of(request))
            return actor, token, register.session_rotates(tx, token)

    def _rotate(self, request: Request, response: Response, token: str) -> None:
        try:
            with self.store.begin(NODE, "register") as tx:
                fresh = register.rotate_session(tx, token, client_of(request))
        except Refusal:  # what was just done ended the session
            return
        if fresh:
            self._keep(response, fresh)

    def _keep(self, response: Response, session: str) -> None:
        """Set the session's cookie; only over https where the node's address says so, whoever ends TLS before us."""
        with self.store.read() as tx:
            name, secure = cookie_of(tx), signing.me(tx).address.startswith("https:")
        response.set_cookie(name, session, httponly=True, samesite="strict", secure=secure)

    def _forget(self, response: Response) -> None:
        with self.store.read() as tx:
            response.delete_cookie(cookie_of(tx))

    def _answer(self, visit: Visit, page: Callable[[Visit], Answer | Response | Outcome]) -> Response:
        request = visit.request
        try:
            if request.method == "POST":
                require_same_site(request)
            found = page(visit)
            if isinstance(found, Outcome):
                found = self._leads_to(visit, found)
            if isinstance(found, Response):
                found.headers.update(SECURITY_HEADERS)
                return found
            template, shown, status = found
        except Refusal as refused:
            template, shown, status = "refused.html", {"error": refused.as_json(), "page": None}, STATUS[refused.kind]
        return self.page(request, template, shown, visit=visit, status=status)

    def _leads_to(self, visit: Visit, outcome: Outcome) -> Response:
        """To the page of what came of a form, in the language in which it was to be seen."""
        path = visit.request.url.path
        kept = replace(outcome, form=_without_secrets(dict(outcome.form)))
        asked = {**outcome.at, TOLD: self.outcomes.keep(visit.actor.person, path, kept, self.store.wall_clock())}
        response = RedirectResponse(f"{path}?{urlencode(asked)}", 303)
        self._keep_language(visit.request, response)
        return response

    def _must_log_in(self, request: Request, refused: Refusal, form: dict[str, str]) -> Response:
        """To the login; a session that ended for a reason worth knowing says it there, and what a form of this site
        held goes with it: in the page, never in an address, and without what is secret."""
        if refused.code in NO_LOGIN_CODES and request.method != "POST":
            asked = f"{request.url.path}?{request.url.query}".rstrip("?")
            return RedirectResponse(f"/login?next={quote(asked, safe='/')}", 303)
        shown: dict[str, Any] = {"error": None if refused.code in NO_LOGIN_CODES else refused.as_json(), "next": "/"}
        if request.method == "POST":  # its form has a page at the same path
            try:
                require_same_site(request)
                shown |= {"next": request.url.path, "kept": json.dumps(_without_secrets(form), ensure_ascii=False)}
            except Refusal as foreign:
                shown["error"] = foreign.as_json()
        response = self.page(request, "login.html", shown, status=STATUS[refused.kind])
        if refused.code not in NO_LOGIN_CODES:  # another site's form comes without the cookie, and may not end it
            self._forget(response)
        return response

    def page(
        self, request: Request, template: str, shown: dict[str, Any], *, visit: Visit | None = None, status: int = 200
    ) -> Response:
        """A template with what every page shows: who is here, the business time, both languages."""
        lang = language(request)

        def t(zh: str, en: str) -> str:
            return zh if lang == "zh" else en

        place = request.url.path.split("/")[1]
        with self.store.read() as tx:
            me, business_time = signing.me(tx), tx.now
            person = register.person_card(tx, visit.actor.person) if visit else None
        frame = {
            "t": t, "lang": lang, "me": me, "business_time": values.moment(business_time), "person": person,
            "visit": visit, "values": visit.values if visit else values.Values(lang, {}), "pages": PAGES,
            "groups": GROUPS, "seen_views": _views_of(visit) if visit else set(),
            "here": f"/{BELONGS_TO.get(place, place)}", "has_story": self.story.exists(), "yuan": yuan,
            "path": request.url.path, "moment": values.moment, "short_id": values.short_id,
            "other_language": other_language(request, lang), "word": words.code,
            "said": words.in_language, "rooms": words.ROOMS, "verb_title": words.verb_title,
            "button_title": words.button_title, "deed": words.deed, "formula": words.formula,
        }  # fmt: skip
        text = self.templates.get_template(template).render({**frame, **shown})
        headers = {**SECURITY_HEADERS, "content-language": t("zh-CN", "en")}
        if shown.get("blank"):
            headers["cache-control"] = OF_A_BLANK_FORM
        response = HTMLResponse(text, status_code=status, headers=headers)
        self._keep_language(request, response)
        return response

    def _keep_language(self, request: Request, response: Response) -> None:
        """What a link or a form asked for, for the next page."""
        lang = language(request)
        if lang in (request.query_params.get("lang"), getattr(request.state, "language", None)):
            response.set_cookie(LANGUAGE, lang, httponly=True, samesite="lax", max_age=31_536_000)

    # -- what nobody serves, what nobody foresaw ------------------------------------------------------------------

    async def not_served(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (404, 405):
            refused = NO_PAGE(path=request.url.path[:200], method=request.method)
        else:
            refused = NOT_READ(why=error.detail[:200])
        response = await run_in_threadpool(self.sorry, request, refused, error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def broken(self, request: Request, _error: Exception) -> Response:
        return await run_in_threadpool(self.sorry, request, broke(), BROKEN_STATUS)

    def sorry(self, request: Request, refused: Refusal, status: int) -> Response:
        """A refusal of the node as a whole: a page where a browser asks for one, else the one shape of errors."""
        error = refused.as_json()
        response: Response = JSONResponse({"error": error}, status)
        if "text/html" in request.headers.get("accept", ""):
            try:
                response = self.page(request, "refused.html", {"error": error, "page": None}, status=status)
            except Exception:  # what broke the first page may break this one: the store, say
                log.exception("no page for %s", refused.code)
        return response

    # -- in and out -----------------------------------------------------------------------------------------------

    async def login_page(self, request: Request) -> Response:
        asked = request.query_params
        shown = {"next": own_address(asked.get("next", "/"))}
        return await run_in_threadpool(self.page, request, "login.html", shown)

    async def log_in(self, request: Request) -> Response:
        form = _fields(await request.form())
        login, password = form.get("login", ""), form.get("password", "")
        shown = {"next": own_address(form.get("next", "/")), "login": login, "kept": form.get(KEPT, "")}
        request.state.language = form.get(SHOW)
        return await run_in_threadpool(
            self._enter, request,
            lambda tx: register.login(tx, login, password, client_of(request), self.hours), shown,
        )  # fmt: skip

    async def enter_page(self, request: Request) -> Response:
        return await run_in_threadpool(self.page, request, "enter.html", {"token": request.path_params["token"]})

    async def enter(self, request: Request) -> Response:
        token = request.path_params["token"]
        return await run_in_threadpool(
            self._enter, request, lambda tx: register.login_by_link(tx, token, client_of(request), self.hours),
            {"next": "/"},
        )  # fmt: skip

    def _enter(self, request: Request, log_in: Callable[..., str], shown: dict[str, str]) -> Response:
        """In, and to where one wanted to go or to the form one had filled in; else the login with `shown`."""
        known: dict[str, Any] = {"next": "/"}  # what another site sends is not shown
        try:
            require_same_site(request)
            known = shown
            if getattr(request.state, "language", None):
                return self.page(request, "login.html", known)
            with self.store.begin(Actor("", "node"), "register") as tx:
                session, refusal = _attempt(lambda: log_in(tx))
            if refusal is not None:
                raise refusal
        except Refusal as refused:
            return self.page(request, "login.html", {**known, "error": refused.as_json()}, status=STATUS[refused.kind])
        response: Response = RedirectResponse(shown["next"], 303)
        if shown.get("kept"):
            response = self.page(request, "again.html", shown)
        self._keep(response, session)
        return response

    async def log_out(self, request: Request) -> Response:
        def out() -> Response:
            try:
                require_same_site(request)
            except Refusal as refused:
                return self.page(request, "login.html", {"error": refused.as_json(), "next": "/"}, status=403)
            with suppress(Refusal):  # the session had ended
                self.outcomes.forget(self._known(request)[0].person)
            with self.store.begin(Actor("", "node"), "register") as tx:
                register.logout(tx, session=request.cookies.get(cookie_of(tx), ""))
            response = RedirectResponse("/login", 303)
            response.headers["clear-site-data"] = '"cache"'
            self._forget(response)
            return response

        return await run_in_threadpool(out)


def _views_of(visit: Visit) -> set[str]:
    return {section.view for page in PAGES for section in page.sections if visit.may(section.view)}


def _attempt(log_in: Callable[[], str]) -> tuple[str, Refusal | None]:
    """The session, or the refusal as a value: a failed attempt is counted, so its transaction must commit."""
    try:
        return log_in(), None
    except Refusal as refused:
        return "", refused


def _fields(form: FormData) -> dict[str, str]:
    """The fields of a form; what was ticked under one name stands together, one a line."""
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        found[name] = f"{found[name]}\n{value}" if name in found else str(value)
    return found


def _without_secrets(form: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in form.items() if name not in {*SECRETS, SHOW, TOLD}}


def _held(form: dict[str, str]) -> dict[str, str]:
    """What a form holds: what a login kept of it, to be shown, where it says so."""
    if not {SHOW, KEPT} <= form.keys():
        return form
    try:
        kept = json.loads(form[KEPT])
    except (ValueError, RecursionError):
        return form
    texts = {name: value for name, value in kept.items() if isinstance(value, str)} if isinstance(kept, dict) else {}
    return {**texts, SHOW: form[SHOW]}


def language(request: Request) -> str:
    """zh or en: asked for in the address, chosen before, or preferred by the browser; Chinese otherwise."""
    chosen = (
        getattr(request.state, "language", None) or request.query_params.get("lang") or request.cookies.get(LANGUAGE)
    )
    if chosen in ("zh", "en"):
        return chosen
    return "en" if request.headers.get("accept-language", "zh").lower().startswith("en") else "zh"


def other_language(request: Request, lang: str) -> str:
    """The same page in the other language, as the query of a link."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return "?" + urlencode([*kept, ("lang", "en" if lang == "zh" else "zh")])


__all__ = ["PAGES", "routes"]
