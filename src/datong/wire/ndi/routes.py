"""What a node answers on the national rail: each interface at its configured path, in its document's envelope.

A body is parsed, its sender established, the message checked against its table, and only then a room is asked. An
error never changes a state. Interfaces whose rooms answer without a table of ours (identity) are in serving.identity.
Contract: tests/wire/ndi/test_ndi_contracts.py, test_ndi_hostile.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.ground.db import Actor, Store, Tx
from datong.ground.refusal import Refusal
from datong.wire.http import MESSAGE_BYTES_MAX, STATUS, TOO_LARGE, limited_body
from datong.wire.ndi import answers, reading
from datong.wire.ndi.access import Access
from datong.wire.ndi.tables import Interface, Tables

STRANGER_BYTES_MAX = 1024 * 1024
"""Of a message that is read before its sender is known, as one is that signs itself: 8 MiB of JSON take fifteen seconds
of a core, and anybody can send them. A larger one needs a token."""


@dataclass(frozen=True)
class Call:
    """One request that was read: who sent it, the message in printed spelling, and as it was sent."""

    sender: Actor
    message: dict[str, Any]
    sent: dict[str, Any]
    interface: Interface

    @property
    def node(self) -> str:
        return self.sender.department or self.sender.party


Answering = Callable[[Tx, Call], Mapping[str, Any] | None]
"""What a room answers within one transaction: the members of the answer beside the flag, or under data."""
Before = Callable[[Call], Call]
"""What has to be asked of another node before the transaction of an interface opens."""


def routes(
    store: Store, access: Access, tables: Tables, serving: Mapping[str, Answering], before: Mapping[str, Before],
    prefix: str = "",
) -> list[Route]:  # fmt: skip
    """A route for each interface in `serving`, at `prefix` and its configured path."""
    found = []
    for id, answering in serving.items():
        interface = tables.interface(id)
        endpoint = _endpoint(store, access, tables, interface, answering, before.get(id))
        found.append(Route(prefix + interface.path, endpoint, methods=[interface.method]))
    return found


def _endpoint(
    store: Store, access: Access, tables: Tables, interface: Interface, answering: Answering, before: Before | None
) -> Callable[[Request], Any]:
    def answered(headers: Mapping[str, str], body: bytes) -> Response:
        kinds: tuple[str, ...] = ()
        try:
            large, most = len(body) > STRANGER_BYTES_MAX, MESSAGE_BYTES_MAX
            if large and "authorization" not in headers:
                most = STRANGER_BYTES_MAX
            if len(body) > most:
                raise TOO_LARGE(limit=most)
            known = access.bearer(headers, body) if large else None
            sent, faults = reading.parsed(body)
            if not faults and isinstance(sent, Mapping):
                sender = known or access.sender(headers, body, sent, interface.id)
            found = reading.read(tables, interface, "request", sent) if not faults else reading.Read({}, faults)
            if found.faults:
                kinds = tuple(fault.kind for fault in found.faults)
                raise reading.refusal(interface, "request", found.faults)
            call = Call(sender, found.value, dict(sent), interface)
            call = before(call) if before is not None else call
            with store.begin(sender, "ndi") as tx:
                content = answering(tx, call)
            return JSONResponse(answers.done(tables, interface, content))
        except Refusal as refusal:
            return JSONResponse(answers.refused(tables, interface, refusal, kinds), STATUS[refusal.kind])

    async def endpoint(request: Request) -> Response:
        body = await limited_body(request)
        return await run_in_threadpool(answered, request.headers, body)

    return endpoint
