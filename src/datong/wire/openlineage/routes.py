"""GET /openlineage/events?after=N&resource=…: lineage events for a collector that pulls, one JSON event a line.

A service token of scope `harmonise` opens it. `X-Last-Seq` says what to give as `after` the next time.
Contract: tests/wire/test_wire_openlineage.py.
"""

from __future__ import annotations

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.ground import signing
from datong.ground.db import Store
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.wire.http import STATUS, bearer
from datong.wire.openlineage.events import events_of

SCOPE = "harmonise"
NO_TOKEN = Reason(
    "STD-508",
    Kind.denied,
    Text("未给出血缘事件。", "No lineage events were given."),
    Text("请求没有范围为 harmonise 的服务令牌。", "The request carries no service token of scope harmonise."),
    Text("请以 Authorization: Bearer 提供服务令牌。", "Send one as Authorization: Bearer."),
)
BAD_QUESTION = Reason(
    "STD-509",
    Kind.invalid,
    Text("未给出血缘事件。", "No lineage events were given."),
    Text("after 应为整数，limit 应为 1 至 1000。", "after should be a whole number, limit 1 to 1000."),
    Text("请修改后重试。", "Mend it and ask again."),
)


def routes(store: Store) -> list[Route]:
    async def events(request: Request) -> Response:
        return await run_in_threadpool(_answer, store, request)

    return [Route("/openlineage/events", events, methods=["GET"])]


def _answer(store: Store, request: Request) -> Response:
    try:
        return _events(store, request)
    except Refusal as refusal:
        status = 401 if refusal.code == NO_TOKEN.code else STATUS[refusal.kind]
        return JSONResponse({"error": refusal.as_json()}, status)


def _events(store: Store, request: Request) -> Response:
    if not (token := bearer(request.headers.get("authorization", ""))):
        raise NO_TOKEN()
    with store.read() as tx:
        actor, scopes = register.actor_of_service_token(tx, token)
    if not {SCOPE, f"{SCOPE}.lineage_runs"} & set(scopes):
        raise NO_TOKEN()
    after, limit = (request.query_params.get(name, default) for name, default in (("after", "0"), ("limit", "200")))
    if not all(text.isascii() and text.isdigit() and len(text) < 10 for text in (after, limit)):
        raise BAD_QUESTION()
    if not 1 <= int(limit) <= harmonise.RUNS_MAX:
        raise BAD_QUESTION()
    with store.read(actor) as tx:
        node = signing.me(tx).code or signing.me(tx).party
        resource = request.query_params.get("resource")
        runs = harmonise.lineage_runs(tx, resource=resource, after=int(after), limit=int(limit))
    lines = [json.dumps(event, ensure_ascii=False) for run in runs for event in events_of(run, node)]
    last = runs[-1]["seq"] if runs else int(after)
    body = "".join(f"{line}\n" for line in lines)
    return Response(body, media_type="application/x-ndjson", headers={"x-last-seq": str(last)})
