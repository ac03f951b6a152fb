"""A DID with its credentials and tokens, for a connector that has no place of its own for them.

It presents what it holds to whoever asks: a stand-in for an identity hub in a test, no part of the product. Used by
edc_credentials.py and tests/wire/dcp/test_dcp_nodes.py.
"""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from datong.ground.identity import KeyRing
from datong.wire.dcp import credentials, tokens
from datong.wire.dcp.did import DCP_CONTEXT, did_of, document


class Telling(BaseHTTPRequestHandler):
    """A handler whose answers are 200 with JSON: `got` to a GET, `posted` to a POST and its body, also one in chunks."""

    def got(self) -> bytes:
        return b"{}"

    def posted(self, _body: bytes) -> bytes:
        return b"{}"

    def do_GET(self) -> None:
        self._tell(self.got())

    def do_POST(self) -> None:
        self._tell(self.posted(self._body()))

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def _tell(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_rest: Any) -> None:
        pass


def serving(port: int, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def stopped(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()


class Wallet:
    """A DID document, a credential service and a token service (/token) at `address`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.key, self.held = KeyRing(folder).rotate("ES256"), list[str]()
        self.asked: list[str] = []
        """Paths that were asked for, in order."""
        wallet = self

        class Handler(Telling):
            def got(self) -> bytes:
                wallet.asked.append(self.path)
                return json.dumps(document(wallet.did, wallet.address, [wallet.key])).encode()

            def posted(self, body: bytes) -> bytes:
                wallet.asked.append(self.path)
                return wallet.answered(self.path, body, self.bearer()).encode()

        self.server = serving(port, Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.did = did_of(self.address)

    def token(self, audience: str, access: str = "wallet") -> str:
        """A self-issued token for `audience` (a DID), by which it may ask for what is held here."""
        name, now = f"w-{time.time_ns()}", datetime.now(UTC)
        return tokens.id_token(self.did, self.key, audience=audience, jti=name, now=now, access=access)

    def answered(self, path: str, body: bytes, asker: str) -> str:
        if path == "/token":
            asked = dict(parse_qsl(body.decode()))
            return self.token(asked["audience"], asked.get("token", "wallet"))
        if path.endswith("/credentials"):
            self.held += [each["payload"] for each in json.loads(body)["credentials"]]
            return "{}"
        name, now = f"w-{time.time_ns()}", datetime.now(UTC)
        to = tokens.sender_of(asker)
        shown = credentials.presentation(self.did, self.key, self.held, audience=to, jti=name, now=now)
        return json.dumps({"@context": [DCP_CONTEXT], "type": "PresentationResponseMessage", "presentation": shown})
