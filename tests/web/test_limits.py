"""Bodies of people nobody knows yet: counted as they come, and answered in the one shape."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.applications import Starlette

import datong.app.doors
from datong.ground.db import Store
from datong.wire.http import FORM_BYTES_MAX, MESSAGE_BYTES_MAX

PIECE = 64 * 1024
FORM = b"application/x-www-form-urlencoded"
DOORS = [
    ("/api/register/add_person", b"application/json", MESSAGE_BYTES_MAX),
    ("/login", FORM, FORM_BYTES_MAX),
    ("/login", b"multipart/form-data; boundary=b", FORM_BYTES_MAX),
    ("/do/register/add_person", FORM, FORM_BYTES_MAX),  # kept for after the login
]


@pytest.fixture
def app(store: Store) -> Starlette:
    """All doors of a node."""
    return Starlette(routes=datong.app.all_routes(store))


def sent(app: Starlette, path: str, kind: bytes, size: int, accept: bytes = b"*/*") -> tuple[int, bytes, int]:
    """(status, body, bytes taken) of a POST of `size` bytes, in pieces, without a login and without a length."""
    answer: list[dict[str, Any]] = []
    taken = 0
    begin = b"--b\r\ncontent-disposition: form-data; name=x; filename=x\r\n\r\n" if b"multipart" in kind else b"x="

    async def receive() -> dict[str, Any]:
        nonlocal taken
        piece = begin if not taken else b"x" * min(PIECE, size - taken)
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": taken < size}

    async def send(message: dict[str, Any]) -> None:
        answer.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("node.test", 80),
        "headers": [(b"host", b"node.test"), (b"content-type", kind), (b"accept", accept)], "client": ("192.0.2.1", 5),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in answer)
    return answer[0]["status"], body, taken


@pytest.mark.parametrize(("path", "kind", "most"), DOORS)
def test_a_body_without_end_is_not_taken(app: Starlette, path: str, kind: bytes, most: int) -> None:
    status, body, taken = sent(app, path, kind, 400 * 1024 * 1024)
    assert status == 413
    assert json.loads(body)["error"]["code"] == "NET-413"
    assert taken <= most + PIECE + 100


def test_a_person_reads_on_a_page_that_a_form_was_too_long(app: Starlette) -> None:
    status, body, _ = sent(app, "/login", FORM, 2 * FORM_BYTES_MAX, b"text/html")
    assert status == 413
    assert b"<!doctype html>" in body
    assert b"NET-413" in body
    assert b'href="/"' in body


def test_a_long_body_that_is_not_too_long_is_read_to_its_end(app: Starlette) -> None:
    status, body, taken = sent(app, "/api/register/add_person", b"application/json", MESSAGE_BYTES_MAX)
    assert (status, json.loads(body)["error"]["code"], taken) == (400, "GEN-400", MESSAGE_BYTES_MAX)
