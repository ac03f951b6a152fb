"""HTTP APIs: every way of paging to its end, and every way in which one misbehaves, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from sources_desk import read, refused, told

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.reading import BROKEN
from datong.harmonise.store import sources
from datong.harmonise.store.sources import apis, web

RECORDS = [{"id": n, "at": {"x": f"{n}.50"}} for n in range(7)]
SECRET = "sesame-4711-open"
Answer = tuple[int, dict[str, str], bytes]


class Api:
    """A real server that answers by a function of (path, query, headers) and remembers what it was asked."""

    def __init__(self) -> None:
        api = self
        self.answers: Callable[[str, dict[str, str], Any], Answer] = lambda *_: (500, {}, b"")
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                api.asked.append(self.path)
                parts = urlsplit(self.path)
                status, headers, body = api.answers(parts.path, dict(parse_qsl(parts.query)), self.headers)
                self.send_response(status)
                for name, value in {
                    "content-type": "application/json",
                    "content-length": str(len(body)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    made = Api()
    monkeypatch.setenv("TRIPS_TOKEN", SECRET)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are noted, not waited."""
    noted: list[float] = []
    made = web.Web.__init__

    def quick(self: web.Web, source: Source) -> None:
        made(self, source, noted.append)

    monkeypatch.setattr(web.Web, "__init__", quick)
    return noted


def page(records: list[Any], **more: Any) -> Answer:
    return 200, {}, json.dumps({"data": {"items": records}, **more}).encode()


def source(api: Api, **keys: Any) -> Source:
    return told(**{"kind": "http", "url": f"{api.url}/trips?day=1", "records": "data.items", **keys})


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [int(row["id"]) for row in found]


@pytest.mark.parametrize(
    ("paging", "answers", "pages"),
    [
        (
            {"by": "page", "parameter": "p", "size_parameter": "n", "size": 3},
            lambda q: page(RECORDS[(int(q["p"]) - 1) * int(q["n"]) :][: int(q["n"])]), 4,
        ),
        ({"by": "page", "parameter": "p", "first": 0, "total": "total"}, lambda q: page(RECORDS[int(q["p"]) * 4 :][:4], total=7), 2),
        ({"by": "offset", "parameter": "from"}, lambda q: page(RECORDS[int(q["from"]) :][:2]), 5),
        (
            {"by": "cursor", "parameter": "after", "at": "next.cursor"},
            lambda q: page(RECORDS[int(q.get("after", 0)) :][:5], next={"cursor": 5 if "after" not in q else None}), 2,
        ),
        (
            {"by": "link", "at": "next"},
            lambda q: page(RECORDS[int(q.get("s", 0)) :][:4], next="/trips?s=4" if "s" not in q else ""), 2,
        ),
    ],
)  # fmt: skip
def test_every_page_to_the_last(
    api: Api, tmp_path: Path, paging: dict[str, Any], answers: Callable[[dict[str, str]], Answer], pages: int
) -> None:
    api.answers = lambda _path, query, _headers: answers(query)
    found = read(source(api, paging=paging), tmp_path)
    assert ids(found) == list(range(7))
    assert found[3]["at.x"] == "3.50"
    assert len(api.asked) == pages
    assert all("day=1" in asked for asked in api.asked[:1])


def test_the_next_page_by_the_link_header(api: Api, tmp_path: Path) -> None:
    def answers(_path: str, query: dict[str, str], _headers: Any) -> Answer:
        status, headers, body = page(RECORDS[4:] if "s" in query else RECORDS[:4])
        return status, headers if "s" in query else {"link": f'<{api.url}/trips?s=4>; rel="next"'}, body

    api.answers = answers
    assert ids(read(source(api, paging={"by": "link"}), tmp_path)) == list(range(7))


def test_the_digest_is_of_the_records_whatever_stands_around_them(api: Api, tmp_path: Path) -> None:
    api.answers = lambda *_: page(RECORDS, made_at=len(api.asked))
    first, second = (sources.read(source(api), tmp_path, {}).digest for _ in range(2))
    api.answers = lambda *_: page(RECORDS[:-1])
    assert first == second != sources.read(source(api), tmp_path, {}).digest


def test_a_sample_asks_for_no_more_pages_than_it_needs(api: Api, tmp_path: Path) -> None:
    api.answers = lambda _path, query, _headers: page(RECORDS[int(query["from"]) :][:2])
    found = sources.sample(source(api, paging={"by": "offset", "parameter": "from"}), tmp_path, rows=3)
    assert [c.values for c in found.columns if c.path == "id"] == [("0", "1", "2")]
    assert (found.rows_seen, found.whole, len(api.asked)) == (3, False, 2)


def test_the_token_goes_in_the_header_that_is_named(api: Api, tmp_path: Path) -> None:
    seen = []

    def answers(_path: str, _query: dict[str, str], headers: Any) -> Answer:
        seen.append((headers.get("authorization"), headers.get("x-key")))
        return page(RECORDS)

    api.answers = answers
    read(source(api, token_from="TRIPS_TOKEN"), tmp_path)
    read(source(api, token_from="TRIPS_TOKEN", token_header="X-Key"), tmp_path)
    assert seen == [(f"Bearer {SECRET}", None), (None, SECRET)]


def test_it_waits_as_long_as_it_is_asked_to(api: Api, tmp_path: Path, waits: list[float]) -> None:
    api.answers = lambda *_: page(RECORDS) if len(api.asked) > 2 else (429, {"retry-after": "7"}, b"")
    assert ids(read(source(api), tmp_path)) == list(range(7))
    assert waits == [7.0, 7.0]


@pytest.mark.parametrize("asked", ["86400", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_it_does_not_wait_for_ever(api: Api, tmp_path: Path, waits: list[float], asked: str) -> None:
    api.answers = lambda *_: (429, {"retry-after": asked}, b"")
    assert "asks to wait" in str(refused(source(api), tmp_path))
    assert waits == []
    api.answers = lambda *_: (429, {"retry-after": "1"}, b"")
    assert "again and again" in str(refused(source(api), tmp_path))


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("²", 1.0), ("９", 1.0), ("9" * 5000, 1.0), ("soon", 1.0), ("-5", 1.0), ("", 0.5),
        ("Thu, 01 Jan 2026 00:00:00 -0000", 0.0), ("Thu, 01 Jan 99999 00:00:00 GMT", 1.0),
    ],
)  # fmt: skip
def test_it_waits_a_while_when_it_is_asked_to_in_no_known_way(
    api: Api, tmp_path: Path, waits: list[float], asked: str, seconds: float
) -> None:
    asked = asked.encode().decode("latin-1")  # headers are written so
    api.answers = lambda *_: page(RECORDS) if len(api.asked) > 1 else (503, {"retry-after": asked}, b"")
    assert ids(read(source(api), tmp_path)) == list(range(7))
    assert waits == [seconds]


FOREVER: list[tuple[dict[str, Any], Callable[[int, str], Answer], str]] = [
    ({"by": "page", "parameter": "p"}, lambda _n, _url: page(RECORDS), "the same page comes again"),
    ({"by": "page", "parameter": "p", "pages_max": 20}, lambda n, _url: page([{"id": n}]), "more than 20 pages"),
    ({"by": "cursor", "parameter": "c", "at": "c"}, lambda n, _url: page([{"id": n}], c="a"), "leads back"),
    ({"by": "link", "at": "next"}, lambda n, url: page([{"id": n}], next=url), "leads back"),
]


@pytest.mark.parametrize(("paging", "answers", "why"), FOREVER)
def test_pages_without_end_are_refused(
    api: Api, tmp_path: Path, paging: dict[str, Any], answers: Callable[[int, str], Answer], why: str
) -> None:
    api.answers = lambda *_: answers(len(api.asked), f"{api.url}/trips?day=1")
    refusal = refused(source(api, paging=paging), tmp_path)
    assert why in str(refusal)
    assert len(api.asked) <= 21


def test_bytes_without_end_are_refused(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apis, "ALL_BYTES_MAX", 1000)
    api.answers = lambda *_: page([{"id": len(api.asked), "text": "x" * 300}])
    assert "more than 1000 bytes" in str(refused(source(api, paging={"by": "page", "parameter": "p"}), tmp_path))
    monkeypatch.setattr(apis, "PAGE_BYTES_MAX", 100)
    assert "larger than 100 bytes" in str(refused(source(api), tmp_path))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, {"content-type": "text/html"}, b"<!doctype html><title>Login</title>"), "a web page, not JSON"),
        ((200, {}, b'{"data": {"items": [{"id": 1'), "is no JSON"),
        ((200, {}, b'{"data": {"rows": []}}'), "no array at data.items"),
        ((401, {}, b"{}"), "does not take the credentials (TRIPS_TOKEN)"),
        ((403, {}, b"{}"), "does not take the credentials (TRIPS_TOKEN)"),
        ((404, {}, b"{}"), "HTTP 404"),
        ((302, {"location": "http://127.0.0.1:1/"}, b""), "sends elsewhere"),
        ((200, {"content-encoding": "gzip"}, b"\x1f\x8b"), "packed"),
        ((500, {}, b"trace: password=hunter2"), "HTTP 500"),
        ((200, {"content-length": "999"}, b'{"data"'), "broke off"),
    ],
)
def test_what_is_no_answer_is_one_refusal_without_the_secret(
    api: Api, tmp_path: Path, answer: Answer, why: str
) -> None:
    api.answers = lambda *_: answer
    refusal = refused(source(api, url=f"{api.url}/trips?day={SECRET}", token_from="TRIPS_TOKEN"), tmp_path)
    assert why in str(refusal)
    assert SECRET not in json.dumps(refusal.as_json())
    assert "hunter2" not in json.dumps(refusal.as_json())


def test_half_a_character_is_a_row_that_is_no_record(api: Api, tmp_path: Path) -> None:
    api.answers = lambda *_: page([{"id": 1}, {"id": "\ud83d"}, {"\udc00": 2}])
    found = read(source(api), tmp_path)
    assert [row[BROKEN] for row in found] == [None, r'{"id": "\ud83d"}', r'{"\udc00": 2}']


@pytest.mark.parametrize("by", [{"by": "cursor", "parameter": "after"}, {"by": "link"}])
@pytest.mark.parametrize("following", ["\ud83d", "http://[", "/a\nb"])
def test_a_next_page_that_is_no_address(api: Api, tmp_path: Path, by: dict[str, str], following: str) -> None:
    api.answers = lambda *_: page(RECORDS, next=following) if len(api.asked) == 1 else (200, {}, b"<html>")
    refusal = refused(source(api, paging={**by, "at": "next"}), tmp_path)
    assert refusal.facts["read"] == 7


def test_a_break_in_the_middle_says_how_far_it_came(api: Api, tmp_path: Path) -> None:
    api.answers = lambda *_: page(RECORDS) if len(api.asked) == 1 else (200, {}, b"<html>")
    refusal = refused(source(api, paging={"by": "page", "parameter": "p"}), tmp_path)
    assert refusal.facts["read"] == 7


_OTHER, _ERROR = "has another {} than those before it", "tells of an error in {}"


@pytest.mark.parametrize(("usual", "then", "told"), [
    ({"code": 0}, {"code": 1, "msg": "?"}, _OTHER.format("code")), ({}, {"Error_Code": "X1"}, _OTHER.format("Error_Code")),
    ({"code": 0}, {"code": 500}, _ERROR.format("code")),
    ({"success": True, "msg": ""}, {"success": False}, _ERROR.format("success")),
    ({"code": 0, "msg": "ok"}, {"code": 0, "msg": "系统繁忙"}, _ERROR.format("msg")),
    ({}, {"errorMessage": "no data: token expired"}, _ERROR.format("errorMessage")),
    ({"code": 0, "msg": "a"}, {"code": 0, "msg": "b"}, _OTHER.format("msg")), ({"msg": "a"}, {"message": "b"}, _OTHER.format("message")),
    ({"code": 0, "msg": "ok"}, {"code": 0, "msg": "没有更多数据"}, ""), ({}, {"message": "No more records"}, ""),
    ({"msg": "第 1 页，7 条"}, {"msg": "第 2 页，0 条"}, ""), ({"msg": "共7条"}, {"msg": "共 0 条"}, ""),
    ({"info": {"at": "p"}}, {"info": {"at": "q"}}, ""), ({"errmsg": ""}, {"errmsg": "no error"}, ""),
    ({"msg": "a"}, {"msg": None}, ""), ({"msg": "a"}, {}, ""), ({"traceId": "1"}, {"traceId": "2"}, ""),
])  # fmt: skip
def test_an_error_with_status_200_is_not_the_last_page(
    api: Api, tmp_path: Path, usual: dict[str, Any], then: dict[str, Any], told: str
) -> None:
    """The records of the pages after it would be missing without a word."""
    api.answers = lambda *_: page(RECORDS, **usual) if len(api.asked) == 1 else page([], **then)
    given = source(api, paging={"by": "page", "parameter": "p"})
    if told:
        assert told in str(refused(given, tmp_path))
    else:
        assert len(read(given, tmp_path)) == 7


@pytest.mark.parametrize("said", [{"success": False}, {"code": 401}, {"msg": "登录已过期"}])
def test_an_error_on_the_first_page_is_not_that_nothing_is_new(api: Api, tmp_path: Path, said: dict[str, Any]) -> None:
    """Under a watermark a first page without records is an ordinary one."""
    api.answers = lambda *_: page([], **said)
    assert "tells of an error in" in str(refused(source(api, paging={"by": "page", "parameter": "p"}), tmp_path))
    api.answers = lambda *_: page([], success=True, code=200, msg="ok")
    assert read(source(api, paging={"by": "page", "parameter": "p"}), tmp_path) == []


def test_a_total_that_is_reached_says_more_than_a_message(api: Api, tmp_path: Path) -> None:
    """Of pages of one record each the last one that is asked for is the seventh."""
    api.answers = lambda _path, query, _headers: page(
        RECORDS[int(query["p"]) - 1 :][:1], total=7, msg=f"m{query['p']}x"
    )
    assert len(read(source(api, paging={"by": "page", "parameter": "p", "total": "total"}), tmp_path)) == 7


def test_a_page_of_more_values_than_may_be_held_is_refused_unread(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 MB of numbers of one digit were 2 GB in memory."""
    monkeypatch.setattr(apis, "PAGE_VALUES_MAX", 100)
    given = source(api, paging={"by": "page", "parameter": "p"})
    api.answers = lambda *_: page([{"id": 1, "many": [1] * 101}] if len(api.asked) == 1 else [])
    assert "one page holds more than 100 values" in str(refused(given, tmp_path))
    api.asked.clear()
    api.answers = lambda *_: page([{"id": 1, "text": "," * 200}] if len(api.asked) == 1 else [])
    assert ids(read(given, tmp_path)) == [1]


def test_a_number_that_does_not_agree_is_refused(api: Api, tmp_path: Path) -> None:
    api.answers = lambda *_: page(RECORDS, total=9)
    assert "tells of 9 records and gave 7" in str(
        refused(source(api, paging={"by": "none", "total": "total"}), tmp_path)
    )


def test_a_number_that_changes_while_it_is_read_is_refused(api: Api, tmp_path: Path) -> None:
    """A record that came in front moves all others a place on: one comes twice, the new one never, and both numbers
    agree at the end."""
    there = list(RECORDS)

    def answers(_path: str, query: dict[str, str], _headers: Any) -> Answer:
        start = int(query["from"])
        found = page(there[start:][:4], total=len(there))
        there.insert(0, {"id": 99 + start})
        return found

    api.answers = answers
    paging = {"by": "offset", "parameter": "from", "total": "total"}
    refusal = refused(source(api, paging=paging), tmp_path)
    assert "told of 7 records and then of 8" in str(refusal)
    there[:] = RECORDS
    assert sources.sample(source(api, paging=paging), tmp_path).rows_seen  # a look at it is not held to that


@pytest.mark.parametrize("total", ["²", "1" * 5000, "-1", 1.5, None])
def test_a_total_that_is_no_number(api: Api, tmp_path: Path, total: Any) -> None:
    api.answers = lambda *_: page(RECORDS, total=total)
    assert "no number at `total`" in str(refused(source(api, paging={"by": "none", "total": "total"}), tmp_path))


def test_a_record_that_is_nested_too_deeply(api: Api, tmp_path: Path) -> None:
    deep = b"[" * 600 + b"]" * 600
    api.answers = lambda *_: (200, {}, b'{"data": {"items": [{"a": ' + deep + b"}]}}")
    assert "nested too deeply" in str(refused(source(api), tmp_path))


def test_a_next_page_elsewhere_never_gets_the_token(api: Api, tmp_path: Path) -> None:
    other = Api()
    other.answers = lambda *_: page(RECORDS)
    api.answers = lambda *_: page(RECORDS, next=f"{other.url}/trips")
    given = source(api, token_from="TRIPS_TOKEN", paging={"by": "link", "at": "next"})
    assert "another host" in str(refused(given, tmp_path))
    assert other.asked == []
    other.server.shutdown()
    other.server.server_close()


def test_an_unreachable_host(api: Api, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert "cannot be reached" in str(refused(source(api, url=f"http://127.0.0.1:{port}/x"), tmp_path))
    assert "no address" in str(refused(source(api, url="http://nowhere.invalid/x"), tmp_path))


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "0.0.0.0", "[::ffff:169.254.169.254]"])  # noqa: S104
def test_the_secrets_of_a_cloud_machine_are_never_asked_for(api: Api, tmp_path: Path, host: str) -> None:
    assert "never called" in str(refused(source(api, url=f"http://{host}/latest/meta-data"), tmp_path))


def test_a_token_that_is_not_there(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIPS_TOKEN")
    refusal = refused(source(api, token_from="TRIPS_TOKEN"), tmp_path)
    assert "is not set" in str(refusal)
    assert api.asked == []
    monkeypatch.setenv("TRIPS_TOKEN", "two\nlines")
    with pytest.raises(Refusal, match="no header can"):
        read(source(api, token_from="TRIPS_TOKEN"), tmp_path)
