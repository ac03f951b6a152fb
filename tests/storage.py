"""A small S3 server for tests, on a real socket: it checks every signature by its own reading of the rules.

It knows GET and HEAD of objects (Range, If-Match) and ListObjectsV2 with pages, which is what reading needs.
test_harmonise_s3.py shows that a stock client (Arrow's, which is Amazon's own SDK) is content with it, and refused by
it when the secret is wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS, SECRET = "TESTACCESSKEY", "wJalr/test+secret/KEY"


class S3:
    """Objects of one bucket. before: called with the method and key before each answer, to change things in between."""

    def __init__(self, bucket: str = "lake") -> None:
        s3 = self
        self.bucket, self.objects, self.page = bucket, dict[str, bytes](), 1000
        self.before: Callable[[str, str], None] = lambda _method, _key: None
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                s3.answer(self)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request: Any) -> None:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        _, _, rest = parts.path.partition("/")
        bucket, _, key = unquote(rest).partition("/")
        self.asked.append(f"{request.command} {key or '?' + query.get('prefix', '')}")
        self.before(request.command, key)
        if not authentic(request.command, request.path, request.headers):
            send(request, 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        elif bucket != self.bucket or (key and key not in self.objects):
            send(request, 404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif not key:
            send(request, 200, self.listed(query))
        else:
            self.give(request, self.objects[key])

    def listed(self, query: dict[str, str]) -> bytes:
        keys = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        start = int(query.get("continuation-token", 0))
        page, more = keys[start : start + self.page], start + self.page < len(keys)
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>{escape(etag(self.objects[key]))}</ETag>"
            f"<Size>{len(self.objects[key])}</Size><LastModified>2026-02-01T00:00:00.000Z</LastModified></Contents>"
            for key in page
        )
        token = f"<NextContinuationToken>{start + self.page}</NextContinuationToken>" if more else ""
        return (
            '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{token}{entries}</ListBucketResult>"
        ).encode()

    def give(self, request: Any, content: bytes) -> None:
        wanted, headers = (
            request.headers.get("if-match"),
            {"ETag": etag(content), "Last-Modified": "Sun, 01 Feb 2026 00:00:00 GMT"},
        )
        if wanted is not None and wanted != etag(content):
            send(request, 412, b"<Error><Code>PreconditionFailed</Code></Error>")
            return
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if span is None:
            send(request, 200, content, headers)
            return
        start, end = int(span[1]), min(int(span[2] or len(content)), len(content) - 1)
        send(
            request, 206, content[start : end + 1], {**headers, "Content-Range": f"bytes {start}-{end}/{len(content)}"}
        )


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def send(request: Any, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def authentic(method: str, target: str, headers: Any) -> bool:
    """Signature Version 4 as the server sees it: from the bytes that arrived."""
    told = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        headers.get("authorization", ""),
    )
    if told is None or told[1] != ACCESS or "host" not in told[4].split(";"):
        return False
    path, _, query = target.partition("?")
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    lines = [method, quote(unquote(path), safe="/-_.~"), "&".join(f"{k}={v}" for k, v in pairs)]
    lines += [f"{name}:{' '.join(headers.get(name, '').split())}" for name in told[4].split(";")]
    lines += ["", told[4], headers.get("x-amz-content-sha256", "")]
    hashed = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = "\n".join(
        ["AWS4-HMAC-SHA256", headers.get("x-amz-date", ""), f"{told[2]}/{told[3]}/s3/aws4_request", hashed]
    )
    key = b"AWS4" + SECRET.encode()
    for part in (told[2], told[3], "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), told[5])
