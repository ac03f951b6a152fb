"""The JSON API, made from the table of verbs: POST /api/<room>/<verb> changes, GET /api/<room>/<view> reads.

Arguments are validated against the verb's own signature; unknown ones are refused. An `Idempotency-Key` header
makes a POST safe to repeat. Every error has the one shape of ground.refusal. GET /api/openapi.json describes
it all. Must never know: what a verb does. Contract: tests/web/test_api.py, docs/reference/api.md.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, get_type_hints

from fastapi import Body, Depends, FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, create_model
from starlette.exceptions import HTTPException

from datong.ground import clock
from datong.ground.canonical import plain
from datong.ground.db import Store, Tx
from datong.ground.idempotency import once
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.terms.verbs import VERBS, Verb
from datong.web.doors import actor_of

EXACT_MAX = 2**53 - 1
PROBLEMS_MAX = 50

STATUS = {Kind.invalid: 400, Kind.denied: 403, Kind.unknown: 404, Kind.conflict: 409, Kind.unavailable: 503}

BAD_ARGUMENTS = Reason(
    "GEN-400",
    Kind.invalid,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("{count} 个参数有误。", "{count} of its arguments are wrong."),
    Text("请按下列各项修改；参数说明见 docs/reference/api.md。",
         "Mend the items listed; docs/reference/api.md describes the arguments."),
)  # fmt: skip
NO_ROUTE = Reason(
    "GEN-408",
    Kind.unknown,
    Text("「{path}」未执行。", "{path} was not done."),
    Text("没有以 {method} 方法调用的这个接口。", "There is no such interface by the method {method}."),
    Text("请核对 docs/reference/routes.md：修改用 POST，读取用 GET。",
         "Check docs/reference/routes.md: POST changes, GET reads."),
)  # fmt: skip
BROKEN = Reason(
    "GEN-500",
    Kind.unavailable,
    Text("节点未能答复。", "The node could not answer."),
    Text("{at} 发生意外错误；详情在节点的日志中。", "An unexpected error happened at {at}; the node's log has it."),
    Text("请先核对是否已生效，再重试；仍然出错时，请将上述时刻告知节点运维人员。",
         "Look whether it was done before you repeat it; if it fails again, tell the node operator that time."),
)  # fmt: skip
BROKEN_STATUS = 500


WRONG_ZH = {
    "missing": "必填，尚未给出", "extra_forbidden": "没有这个参数", "json_invalid": "不是 JSON",
    "int_parsing": "应为整数", "int_type": "应为整数", "int_from_float": "应为整数", "int_parsing_size": "整数过大",
    "float_parsing": "应为数值", "float_type": "应为数值", "bool_parsing": "应为 true 或 false",
    "bool_type": "应为 true 或 false", "string_type": "应为文本", "list_type": "应为列表", "dict_type": "应为对象",
    "tuple_type": "应为列表",
}  # fmt: skip
"""What pydantic finds wrong, by its type; it says so itself in English."""


class Words(BaseModel):
    """One sentence in both languages."""

    zh: str
    en: str


class Place(Words):
    """One thing that is wrong, and where."""

    where: str


class Told(BaseModel):
    """What a refusal says (ground.refusal.Refusal.as_json)."""

    code: str
    kind: Kind
    what: Words
    why: Words
    next: Words
    rule: str
    article: str
    problems: list[Place]
    facts: dict[str, Any]


class Refused(BaseModel):
    """The body of every error."""

    error: Told


SERVICE_TOKEN = HTTPBearer(auto_error=False, description="A service token, or no header beside the console's cookie.")
"""Only described by it: who asks is established by `web.doors`."""


def api(store: Store) -> FastAPI:
    """The API of one node as an ASGI application, to be mounted at /api."""
    app = FastAPI(
        title="Datong node API", docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        dependencies=[Depends(SERVICE_TOKEN)],
        responses={"default": {"model": Refused, "description": "A refusal: what, why, and the next step"}},
    )  # fmt: skip
    app.exception_handler(Refusal)(_refused)
    app.exception_handler(RequestValidationError)(_badly_asked)
    app.exception_handler(400)(_unreadable)
    app.exception_handler(Exception)(broken)
    for status in (404, 405):
        app.exception_handler(status)(_not_there)
    for name, verb in sorted(VERBS.items()):
        model = arguments_model(verb)
        endpoint = _changing(store, verb, model) if verb.changes else _reading(store, verb, model)
        app.add_api_route(
            f"/{verb.room}/{verb.name}",
            endpoint,
            methods=["POST" if verb.changes else "GET"],
            name=name,
            summary=verb.title,
            description=inspect.getdoc(verb.call) or "",
            tags=[verb.room],
        )
    return app


@functools.cache
def arguments_model(verb: Verb) -> type[BaseModel]:
    """A pydantic model of the verb's keyword arguments, made once for all nodes of a process."""
    hints = get_type_hints(inspect.unwrap(verb.call))
    fields: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(verb.call).parameters.items())[1:]:
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (hints.get(name, Any), default)
    title = f"{verb.room}_{verb.name}"
    return create_model(title, __config__=ConfigDict(extra="forbid", strict=False), **fields)


def _changing(store: Store, verb: Verb, model: type[BaseModel]) -> Callable[..., Any]:
    full_name = f"{verb.room}.{verb.name}"

    def endpoint(
        request: Request,
        arguments: Annotated[Any, Body()],
        idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    ) -> Any:
        actor = actor_of(store, request, full_name, changes=True)
        given = keepable(full_name, arguments.model_dump())

        def deed(tx: Tx) -> Any:
            if idempotency_key is None:
                return plain(verb.call(tx, **given))
            return once(tx, idempotency_key, [full_name, given], lambda: verb.call(tx, **given))

        return store.does(actor, verb.room, deed)

    endpoint.__annotations__["arguments"] = Annotated[model, Body()]
    return endpoint


def _reading(store: Store, verb: Verb, model: type[BaseModel]) -> Callable[..., Any]:
    full_name = f"{verb.room}.{verb.name}"

    def endpoint(request: Request, arguments: Annotated[Any, Query()]) -> Any:
        actor = actor_of(store, request, full_name, changes=False)
        given = keepable(full_name, arguments.model_dump())
        with store.read(actor) as tx:
            return plain(verb.call(tx, **given))

    endpoint.__annotations__["arguments"] = Annotated[model, Query()]
    return endpoint


def keepable(verb: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given`, where everything in it can be kept, signed and sent on; BAD_ARGUMENTS lists what cannot."""
    if found := list(_not_keepable(given)):
        raise BAD_ARGUMENTS(found[:PROBLEMS_MAX], verb=verb, count=len(found))
    return given


def _not_keepable(value: Any, where: str = "") -> Iterator[Problem]:
    """What no store and no canonical JSON holds: whole numbers beyond 2**53 (RFC 8785, RFC 7493), numbers that are
    none, the character NUL, halves of surrogate pairs."""
    match value:
        case bool() | None:
            return
        case int() if abs(value) > EXACT_MAX:
            yield Problem(where, "整数过大（绝对值不得超过 2^53-1）", "is too large a whole number (at most 2^53-1)")
        case float() if not math.isfinite(value):
            yield Problem(where, "不是有限的数", "is no finite number")
        case str() if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            yield Problem(where, "含有不能保存的字符", "has a character that cannot be kept")
        case dict():
            for name, part in value.items():
                yield from _not_keepable(str(name), f"{where}.(name)".lstrip("."))
                yield from _not_keepable(part, f"{where}.{name}".lstrip(".")[:200])
        case list() | tuple():
            for n, part in enumerate(value):
                yield from _not_keepable(part, f"{where}[{n}]"[:200])


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return JSONResponse({"error": error.as_json()}, status_code=STATUS[error.kind])


async def _not_there(request: Request, error: Exception) -> JSONResponse:
    """A path or a method that is no verb's."""
    status = error.status_code if isinstance(error, HTTPException) else STATUS[Kind.unknown]
    refusal = NO_ROUTE(path=request.url.path.rpartition("/api/")[2][:200], method=request.method)
    return JSONResponse({"error": refusal.as_json()}, status_code=status)


async def broken(_request: Request, _error: Exception) -> JSONResponse:
    """What nobody foresaw; the server logs the error itself."""
    return JSONResponse({"error": broke().as_json()}, status_code=BROKEN_STATUS)


def broke() -> Refusal:
    return BROKEN(at=clock.text(clock.wall_clock()))


async def _unreadable(request: Request, _error: Exception) -> JSONResponse:
    """A body that is not even text."""
    problem = Problem("body", "不是 UTF-8 编码的 JSON", "is no JSON in UTF-8")
    verb = request.url.path.rpartition("/api/")[2].replace("/", ".")
    return await _refused(request, BAD_ARGUMENTS([problem], verb=verb, count=1))


def wrong(where: str, found: Mapping[str, Any]) -> Problem:
    """A problem of pydantic's as one of ours."""
    return Problem(where, WRONG_ZH.get(found["type"], found["msg"]), found["msg"])


async def _badly_asked(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [wrong(".".join(str(part) for part in item["loc"][1:]) or "body", item) for item in error.errors()]
    verb = request.url.path.rpartition("/api/")[2].replace("/", ".")
    return await _refused(request, BAD_ARGUMENTS(problems, verb=verb, count=len(problems)))
