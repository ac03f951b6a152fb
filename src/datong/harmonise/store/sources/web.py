"""The guarded way to an HTTP API or to S3-compatible storage: no redirects, sizes and times limited, waits counted.

The address stands in the source, so it may lie in the organisation's own network; addresses by which a cloud tells a
machine its secrets are never called. What is told of a failure holds neither query nor header: they may hold a token.
Contract: tests/harmonise/test_harmonise_http.py, tests/harmonise/test_harmonise_s3.py.
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from datong.ground import guard
from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source
from datong.harmonise.store.sources.secrets import secret
from datong.harmonise.store.sources.telling import refused

TIMEOUT_SECONDS = 20.0
ANSWER_SECONDS = 300.0
"""For a whole answer: a server that sends a byte now and then would hold a build for ever."""
TRIES = 6
WAIT_SECONDS_MAX = 300.0
"""How long one reading waits altogether because it is asked to (429, Retry-After) or is not answered."""
AGAIN = {429, 500, 502, 503, 504}
WHOLE = re.compile(r"[0-9]{1,18}")
"""A whole number as a server tells it: neither the digits of other scripts, nor thousands of them."""

Answered = httpx.Response


class Web:
    """A client for one reading of one source; `close` at the end."""

    def __init__(self, source: Source, pause: Callable[[float], None] = time.sleep) -> None:
        self.source, self.pause, self.waited = source, pause, 0.0
        self._deadline = guard.Deadline()
        limits = httpx.Limits(max_keepalive_connections=2, keepalive_expiry=30)
        self._http = httpx.Client(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False,
            transport=guard.transport(self._deadline, guard.is_somewhere, limits),
            headers={"accept-encoding": "identity", "user-agent": "datong"},
        )  # fmt: skip

    def close(self) -> None:
        self._http.close()

    @contextmanager
    def asked(
        self, method: str, url: str, headers: Callable[[], Mapping[str, str]], read: int = 0
    ) -> Iterator[Answered]:
        """The answer, whose body is still to be read (`body_of`). headers: made anew for every try."""
        place = shown(url)
        for tried in range(1, TRIES + 1):
            self._deadline.begin(ANSWER_SECONDS)
            try:
                with self._http.stream(method, url, headers=dict(headers())) as answer:
                    if answer.status_code not in AGAIN or (answer.status_code != 429 and tried == TRIES):
                        yield answer
                        return
                    self._wait(place, tried, answer.headers.get("retry-after"), f"HTTP {answer.status_code}", read)
            except guard.AddressNotAllowed:
                zh, en = "该地址不允许访问", "leads to an address that is never called"
                raise refused(self.source, place, zh, en, read=read) from None
            except guard.NoAddress:
                raise refused(self.source, place, "主机名无法解析", "its host name has no address", read=read) from None
            except httpx.ConnectError as error:
                self._wait(place, tried, None, type(error).__name__, read, unreachable=True)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                said = type(error).__name__
                raise refused(self.source, place, f"读取中断（{said}）", f"broke off ({said})", read=read) from None
        raise refused(self.source, place, "一再要求稍后重试", "asked to come back later again and again", read=read)

    def _wait(
        self, place: str, tried: int, asked: str | None, said: str, read: int, *, unreachable: bool = False
    ) -> None:
        seconds = _seconds(asked) if asked else 0.25 * 2**tried
        if unreachable and tried >= min(3, TRIES):
            raise refused(self.source, place, "无法连接到主机", "its host cannot be reached", read=read)
        if self.waited + seconds > WAIT_SECONDS_MAX:
            zh, en = (
                f"要求等待 {seconds:.0f} 秒（{said}），超过上限 {WAIT_SECONDS_MAX:.0f} 秒",
                f"asks to wait {seconds:.0f} s ({said}), longer than the {WAIT_SECONDS_MAX:.0f} s a reading waits",
            )
            raise refused(self.source, place, zh, en, read=read)
        self.waited += seconds
        self.pause(seconds)


def _seconds(asked: str) -> float:
    """Retry-After: seconds or a date."""
    if WHOLE.fullmatch(asked.strip()):
        return float(asked)
    try:
        until = email.utils.parsedate_to_datetime(asked)
    except (ValueError, OverflowError):
        return 1.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def body_of(source: Source, url: str, answer: Answered, bytes_max: int, read: int = 0) -> Iterator[bytes]:
    """The body piece by piece, as it came: a packed answer could unfold to any size."""
    place = shown(url)
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        zh, en = "应答被压缩，而请求要求不压缩", "the answer is packed, though it was asked not to be"
        raise refused(source, place, zh, en, read=read)
    size = 0
    try:
        for piece in answer.iter_raw():
            size += len(piece)
            if size > bytes_max:
                zh, en = f"应答超过 {bytes_max} 字节", f"the answer is larger than {bytes_max} bytes"
                raise refused(source, place, zh, en, read=read)
            yield piece
    except httpx.HTTPError as error:
        said = type(error).__name__
        raise refused(source, place, f"读取中断（{said}）", f"broke off ({said})", read=read) from None


def header_secret(source: Source, name: str) -> str:
    """A secret that goes into a header."""
    value = secret(source, name)
    if not value.isascii() or not value.isprintable():
        raise refused(source, name, "环境变量含有不可用的字符", "this environment variable holds signs no header can")
    return value


def shown(url: str) -> str:
    """An address without its query and without a user in it; "" of none."""
    if not url:
        return ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def not_answered(source: Source, url: str, status: int, names: str, read: int = 0) -> Refusal:
    """An answer that is no success. names: the variables that hold the credentials, "" when there are none."""
    place = shown(url)
    if status in (401, 403):
        held = f" ({names})" if names else ""
        return refused(source, place, f"凭据不被接受{held}", f"does not take the credentials{held}", read=read)
    if status == 404:
        return refused(
            source, place, "没有此资源（HTTP 404）", "there is nothing at this address (HTTP 404)", read=read
        )
    if 300 <= status < 400:
        zh, en = "要求转到别处，未跟随", "sends elsewhere, which is not followed: name the final address"
        return refused(source, place, f"{zh}（HTTP {status}）", f"{en} (HTTP {status})", read=read)
    return refused(source, place, f"应答 HTTP {status}", f"answers HTTP {status}", read=read)
