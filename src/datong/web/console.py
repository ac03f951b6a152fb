"""The console: server-rendered pages in Chinese and English, made from the rooms' views and verbs.

Every list is a view of a room, every form a verb, so the console shows and does what the API and the command
line do, under the same gate. No request goes to another host; nothing needs JavaScript.
Must never know: SQL of the rooms. Contract: tests/web/test_console.py and the browser walk in tests/web/.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from datong.ground import jobs, signing
from datong.ground.canonical import plain
from datong.ground.db import Actor, Store
from datong.ground.idempotency import once
from datong.ground.money import yuan
from datong.ground.refusal import Kind, Problem, Refusal, Text
from datong.register import service as register
from datong.terms.verbs import VERBS, Verb
from datong.web import story
from datong.web.api import BAD_ARGUMENTS, STATUS, arguments_model
from datong.web.doors import COOKIE, NO_LOGIN, client_of, require_same_site

FOLDER = Path(__file__).parent
PAGE_ROWS = 50
LANGUAGE = "datong_language"

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Page:
    """A list in the console: the rows of one view."""

    slug: str
    title: Text
    view: str


PAGES = (
    Page("parties", Text("主体", "Parties"), "register.parties"),
    Page("people", Text("人员", "People"), "register.people"),
    Page("nodes", Text("节点", "Nodes"), "register.directory"),
    Page("resources", Text("数据资源", "Resources"), "register.resources"),
    Page("products", Text("数据产品", "Products"), "register.products"),
    Page("cases", Text("登记案件", "Registration cases"), "register.cases"),
    Page("instruments", Text("权利文件", "Rights and agreements"), "authorise.instruments"),
    Page("builds", Text("归一与质量", "Harmonised builds"), "harmonise.builds"),
    Page("quarantine", Text("隔离区", "Quarantine"), "harmonise.quarantine_summary"),
    Page("releases", Text("风险与放行", "Risk and releases"), "deidentify.releases"),
    Page("versions", Text("产品版本", "Product versions"), "compose.versions"),
    Page("fees", Text("价格", "Fees and ceilings"), "price.fees"),
    Page("listings", Text("目录", "Catalogue"), "catalogue.listings"),
    Page("contracts", Text("合约", "Contracts"), "negotiate.agreements"),
    Page("deliveries", Text("交付", "Deliveries"), "deliver.grants"),
    Page("decisions", Text("使用决策", "Decisions"), "deliver.decisions"),
    Page("usage", Text("计量", "Usage"), "meter.usage"),
    Page("invoices", Text("账单", "Invoices"), "settle.invoices"),
    Page("statements", Text("分账单", "Statements"), "settle.statements"),
    Page("evidence", Text("存证", "Evidence"), "audit.leaves"),
)

ROOM_TITLES = {
    "register": Text("登记", "Register"), "authorise": Text("授权", "Authorise"),
    "harmonise": Text("归一", "Harmonise"), "deidentify": Text("去标识化", "De-identify"),
    "compose": Text("产品", "Compose"), "price": Text("价格", "Price"), "catalogue": Text("目录", "Catalogue"),
    "negotiate": Text("合约", "Negotiate"), "deliver": Text("交付", "Deliver"), "meter": Text("计量", "Meter"),
    "settle": Text("结算", "Settle"), "audit": Text("审计", "Audit"),
}  # fmt: skip


def routes(store: Store, story_file: Path) -> list[BaseRoute]:
    """The console's routes; `story_file` is the file a demonstration leaves for its story page, if any."""
    console = Console(store, story_file)
    lists = [Route(f"/{page.slug}", console.handler(_records(page)), methods=["GET"]) for page in PAGES]
    return [
        Route("/", console.handler(_overview), methods=["GET"]),
        Route("/login", console.login_page, methods=["GET"]),
        Route("/login", console.log_in, methods=["POST"]),
        Route("/logout", console.log_out, methods=["POST"]),
        Route("/enter/{token}", console.enter_page, methods=["GET"]),
        Route("/enter/{token}", console.enter, methods=["POST"]),
        Route("/story", console.handler(_story), methods=["GET"]),
        Route("/do/{room}/{verb}", console.handler(_form), methods=["GET"]),
        Route("/do/{room}/{verb}", console.handler(_done), methods=["POST"]),
        *lists,
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
    ]


@dataclass(frozen=True)
class Visit:
    """One request by a logged-in person."""

    console: Console
    request: Request
    actor: Actor
    form: dict[str, str]

    def read(self, verb: Verb, **arguments: Any) -> Any:
        with self.console.store.read(self.actor) as tx:
            return plain(verb.call(tx, **arguments))


Answer = tuple[str, dict[str, Any], int]
"""(template, what it shows, status)."""


class Console:
    """Templates, language and sessions of one node's console."""

    def __init__(self, store: Store, story_file: Path) -> None:
        self.store, self.story = store, story_file
        self.templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"), autoescape=select_autoescape(), trim_blocks=True
        )

    def handler(self, page: Callable[[Visit], Answer]) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            form = {k: str(v) for k, v in (await request.form()).items()} if request.method == "POST" else {}
            return await run_in_threadpool(self._answer, request, page, form)

        return answer

    def _answer(self, request: Request, page: Callable[[Visit], Answer], form: dict[str, str]) -> Response:
        cookie = request.cookies.get(COOKIE, "")
        try:
            if not cookie:
                raise NO_LOGIN()
            if request.method == "POST":
                require_same_site(request)
            with self.store.read() as tx:
                actor = register.actor_of_session(tx, cookie, client_of(request))
        except Refusal:
            return RedirectResponse(f"/login?next={quote(request.url.path)}", 303)
        template, shown, status = page(Visit(self, request, actor, form))
        return self.page(request, template, shown, actor=actor, status=status)

    def page(
        self, request: Request, template: str, shown: dict[str, Any], *, actor: Actor | None = None, status: int = 200
    ) -> Response:
        lang = language(request)

        def t(zh: str, en: str) -> str:
            return zh if lang == "zh" else en

        with self.store.read() as tx:
            me, business_time = signing.me(tx), tx.now
            person = register.person_card(tx, actor.person) if actor else None
        frame = {
            "t": t, "lang": lang, "me": me, "business_time": business_time, "person": person, "pages": PAGES,
            "here": request.url.path, "cell": lambda value, column: cell(value, column, lang),
            "has_story": self.story.exists(), "other_language": f"?lang={'en' if lang == 'zh' else 'zh'}",
            "rooms": {room: t(title.zh, title.en) for room, title in ROOM_TITLES.items()}, "yuan": yuan,
        }  # fmt: skip
        text = self.templates.get_template(template).render({**frame, **shown})
        response = HTMLResponse(text, status_code=status, headers=SECURITY_HEADERS)
        if request.query_params.get("lang") in ("zh", "en"):
            response.set_cookie(LANGUAGE, request.query_params["lang"], httponly=True, samesite="lax")
        return response

    async def login_page(self, request: Request) -> Response:
        return await run_in_threadpool(self.page, request, "login.html", {})

    async def log_in(self, request: Request) -> Response:
        form = await request.form()
        login, password = str(form.get("login", "")), str(form.get("password", ""))
        return await run_in_threadpool(
            self._enter, request, lambda tx: register.login(tx, login=login, password=password, client=client_of(request))
        )

    async def enter_page(self, request: Request) -> Response:
        return await run_in_threadpool(self.page, request, "enter.html", {"token": request.path_params["token"]})

    async def enter(self, request: Request) -> Response:
        token = request.path_params["token"]
        return await run_in_threadpool(
            self._enter, request, lambda tx: register.login_by_link(tx, link=token, client=client_of(request))
        )

    def _enter(self, request: Request, log_in: Callable[..., str]) -> Response:
        try:
            require_same_site(request)
            with self.store.begin(Actor("", "node"), "register") as tx:
                session, refusal = _attempt(lambda: log_in(tx))
            if refusal is not None:
                raise refusal
        except Refusal as refused:
            shown = {"error": refused.as_json()}
            return self.page(request, "login.html", shown, status=STATUS[refused.kind])
        response = RedirectResponse("/", 303)
        response.set_cookie(COOKIE, session, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return response

    async def log_out(self, request: Request) -> Response:
        def out() -> None:
            with self.store.begin(Actor("", "node"), "register") as tx:
                register.logout(tx, session=request.cookies.get(COOKIE, ""))

        await run_in_threadpool(out)
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response


def _attempt(log_in: Callable[[], str]) -> tuple[str, Refusal | None]:
    """The session, or the refusal as a value: a failed attempt is counted, so its transaction must commit."""
    try:
        return log_in(), None
    except Refusal as refused:
        return "", refused


def language(request: Request) -> str:
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE)
    if chosen in ("zh", "en"):
        return chosen
    return "en" if request.headers.get("accept-language", "zh").lower().startswith("en") else "zh"


def cell(value: Any, column: str, lang: str) -> Markup:
    """A value as a table cell: states as pills, fen as yuan, instants to the minute, structures folded."""
    if value is None or value == "":
        return Markup("–")
    if column in ("state", "status"):
        return Markup('<span class="state {0}">{0}</span>').format(value)
    if column.endswith("_fen") and isinstance(value, int):
        return Markup("{}").format(yuan(value, lang))
    if isinstance(value, bool):
        return Markup({("zh", True): "是", ("zh", False): "否", ("en", True): "yes", ("en", False): "no"}[lang, value])
    if isinstance(value, str) and column.endswith(("_at", "at", "until", "from", "expires")) and "T" in value:
        return Markup('<time datetime="{}">{}</time>').format(value, value[:16].replace("T", " "))
    if isinstance(value, dict | list):
        if not value:
            return Markup("–")
        text = json.dumps(value, ensure_ascii=False, indent=1)
        if len(text) < 48:
            return Markup("<code>{}</code>").format(json.dumps(value, ensure_ascii=False))
        words = {"zh": f"{len(value)} 项", "en": f"{len(value)} items"}[lang]
        return Markup("<details><summary>{}</summary><pre>{}</pre></details>").format(words, text)
    if isinstance(value, str) and (value.startswith("sha256:") or (len(value) >= 18 and " " not in value and value.isascii())):
        return Markup("<code>{}</code>").format(value if len(value) <= 40 else value[:22] + "…" + value[-6:])
    return Markup("{}").format(escape(value))


def _overview(visit: Visit) -> Answer:
    doable: dict[str, list[Verb]] = {}
    for verb in VERBS.values():
        if verb.changes and visit.actor.has(*verb.roles):
            doable.setdefault(verb.room, []).append(verb)
    cards = []
    for page in PAGES:
        try:
            rows = visit.read(VERBS[page.view])
        except (Refusal, KeyError):
            continue
        cards.append({"page": page, "count": len(_rows(rows))})
    with visit.console.store.read(visit.actor) as tx:
        waiting = jobs.open_jobs(tx)
    return "overview.html", {"cards": cards, "waiting": waiting[:50], "doable": doable}, 200


def _rows(answer: Any) -> list[dict[str, Any]]:
    """A view's answer as rows: a list, the one list inside an object, or the object itself as one row."""
    if isinstance(answer, dict):
        lists = [value for value in answer.values() if isinstance(value, list)]
        if not answer:
            return []
        answer = lists[0] if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]) else [answer]
    return [row if isinstance(row, dict) else {"value": row} for row in answer]


def _records(page: Page) -> Callable[[Visit], Answer]:
    def show(visit: Visit) -> Answer:
        first = visit.request.query_params.get("from", "0")
        first = int(first) if first.isdigit() else 0
        try:
            rows = _rows(visit.read(VERBS[page.view]))
        except Refusal as refused:
            shown = {"page": page, "error": refused.as_json(), "rows": [], "total": 0, "columns": []}
            return "records.html", shown, STATUS[refused.kind]
        columns = list(dict.fromkeys(name for row in rows for name in row))
        shown_rows = [{name: row.get(name) for name in columns} for row in rows[first : first + PAGE_ROWS]]
        shown = {
            "page": page, "rows": shown_rows, "columns": columns, "total": len(rows), "first": first, "size": PAGE_ROWS,
        }  # fmt: skip
        return "records.html", shown, 200

    return show


def _verb(visit: Visit) -> Verb | None:
    return VERBS.get(f"{visit.request.path_params['room']}.{visit.request.path_params['verb']}")


def _form(visit: Visit) -> Answer:
    verb = _verb(visit)
    if verb is None:
        return "records.html", {"page": PAGES[0], "rows": [], "total": 0, "columns": []}, 404
    return "do.html", _form_shown(verb, {}, None, None), 200


def _done(visit: Visit) -> Answer:
    verb = _verb(visit)
    if verb is None:
        return _form(visit)
    given = {name: value for name, value in visit.form.items() if value and name != "_key"}
    try:
        arguments = _arguments(verb, given)
        if not verb.changes:
            answer = visit.read(verb, **arguments)
        else:
            with visit.console.store.begin(visit.actor, verb.room) as tx:
                name = f"{verb.room}.{verb.name}"
                key = visit.form.get("_key") or secrets.token_hex(16)
                answer = once(tx, key, [name, arguments], lambda: verb.call(tx, **arguments))
    except Refusal as refused:
        return "do.html", _form_shown(verb, given, refused.as_json(), None), STATUS[refused.kind]
    return "do.html", _form_shown(verb, given, None, json.dumps(plain(answer), ensure_ascii=False, indent=1)), 200


def _form_shown(verb: Verb, given: dict[str, str], error: Any, answer: str | None) -> dict[str, Any]:
    fields = [
        {"name": name, "kind": _kind(field), "required": field.is_required()}
        for name, field in arguments_model(verb).model_fields.items()
    ]
    doc = (verb.call.__doc__ or "").strip()
    return {
        "verb": verb, "doc": doc, "fields": fields, "given": given, "error": error, "answer": answer,
        "key": secrets.token_hex(16),
    }  # fmt: skip


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    parts = [part for part in get_args(kind) if part is not type(None)]
    bare = parts[0] if type(None) in get_args(kind) else kind
    simple = {bool: "bool", int: "int", float: "float", str: "text"}
    return simple.get(bare, "text" if get_origin(bare) is None and bare is str else "json")


def _arguments(verb: Verb, given: dict[str, str]) -> dict[str, Any]:
    model: type[BaseModel] = arguments_model(verb)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        field = model.model_fields.get(name)
        if field is not None and _kind(field) == "json":
            try:
                values[name] = json.loads(value)
            except ValueError as broken:
                problems.append(Problem(name, f"不是 JSON：{broken}", f"not JSON: {broken}"))
        else:
            values[name] = value
    try:
        parsed = model(**values)
    except ValidationError as broken:
        problems += [
            Problem(".".join(map(str, item["loc"])), item["msg"], item["msg"]) for item in broken.errors()
        ]
    if problems:
        raise BAD_ARGUMENTS(problems, verb=f"{verb.room}.{verb.name}", count=len(problems))
    return parsed.model_dump()


def _story(visit: Visit) -> Answer:
    if not visit.console.story.exists():
        return "records.html", {"page": Page("story", Text("全程故事", "The story"), ""), "rows": [], "total": 0, "columns": []}, 404
    told = json.loads(visit.console.story.read_text("utf-8"))
    report = told["report"]
    shown = {
        "story": told,
        "map": story.flow_map(told["map"]),
        "day": [(hour, story.flow_map(told["map"], 150.0, hour)) for hour in story.DAY_WINDOWS],
        "quarantine": {name: story.bars(source["reasons"]) for name, source in report["sources"].items()},
        "kept": story.stacked(report["privacy"]["kept"], 520),
        "split": story.stacked(
            {part["party"]: part["fen"] / (report["settlement"]["gross_fen"] or 1) for part in told["split"]}, 520
        ),
    }
    return "story.html", shown, 200


__all__ = ["PAGES", "Kind", "routes"]
