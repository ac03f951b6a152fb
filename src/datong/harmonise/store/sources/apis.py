"""HTTP APIs that answer JSON: page after page to the end, held against the number the API itself tells.

A page that comes twice, a next page elsewhere, more pages than `pages_max`, or something other than JSON ends in one
refusal; nothing of it is used. Contract: tests/harmonise/test_harmonise_http.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from datong.ground.crypto import hashing
from datong.harmonise.model.mappings import Api, Page, Source
from datong.harmonise.store.sources.documents import DECODER, Inner, Row, holds_more, rows_of, too_deep, written
from datong.harmonise.store.sources.telling import refused
from datong.harmonise.store.sources.web import WHOLE, Web, body_of, header_secret, not_answered, shown

PAGE_BYTES_MAX = 64_000_000
PAGE_VALUES_MAX = 5_000_000
"""Each is an object of its own while the page is read, some sixty bytes where the text has two."""
SAME_PAGE = (
    "同一页再次出现：parameter 不是它的参数名，或末页之后总给末页（此时请设置 total）",
    "the same page comes again: `parameter` is not its name, or the last page comes for ever (then set `total`)",
)
ALL_BYTES_MAX = 4_000_000_000


class Pages:
    """One walk through the pages of an API. held: against the total that it tells. `digest` afterwards: of the
    records, whatever stands around them. inner: objects from which a field is wanted."""

    def __init__(
        self, source: Source, web: Web, since: str | None = None, inner: Inner | None = None, *, held: bool = True
    ) -> None:
        assert source.api is not None
        self.source, self.web, self.api = source, web, source.api
        self.since, self.held, self.inner = since, held, inner
        self.read, self._bytes, self._hashed = 0, 0, hashing.hasher()

    @property
    def digest(self) -> str:
        return hashing.labelled(self._hashed.hexdigest())

    def rows(self) -> Iterator[Row]:
        """The records of all pages."""
        url: str | None = self.first()
        seen = {url}
        before = b""
        pages, total = 0, None
        states: dict[str, Any] | None = None
        told_here: dict[str, Any] = {}
        while url is not None:
            pages += 1
            if pages > self.api.paging.pages_max:
                most = self.api.paging.pages_max
                raise self._endless(url, f"超过 {most} 页（pages_max）", f"more than {most} pages (pages_max)")
            answer, headers = self.page(url)
            records = self._records(url, answer)
            before_it, states = states, _said(answer, STATES)
            told_before, told_here = told_here, _words(answer)
            if not records:
                self._require_no_error(url, states, told_here)
            if not records and before_it is not None:
                self._require_the_last(url, states, before_it)
                if self.api.paging.total == "" or not self.held:
                    self._require_an_end(url, told_here, told_before)
            try:
                texts = [written(record) for record in records]
            except RecursionError:
                raise too_deep(self.source, self.read) from None
            content = hashing.hash_bytes("\n".join(texts).encode("utf-8", "surrogatepass"))
            if records and content == before:
                raise self._endless(url, *SAME_PAGE)
            before = content
            for record, text in zip(records, texts, strict=True):
                self._hashed.update(f"{len(text)}:{text}".encode("utf-8", "surrogatepass"))
                self.read += 1
                yield from self._rows_of(record)
            told, total = total, self._total(url, answer)
            self._require_same_total(url, told, total)
            here = url
            try:
                url = self._next(here, answer, headers, len(records), total)
            except (ValueError, httpx.InvalidURL):
                zh, en = "应答所给的下一页不成地址", "its next page is no address"
                raise refused(self.source, shown(here), zh, en, read=self.read) from None
            if url in seen:
                raise self._endless(url or "", "某页指回了之前的页", "a page leads back to one before it")
            seen.add(url)
        if self.held and total is not None and total != self.read:
            said = f"the API tells of {total} records and gave {self.read}: they changed, or pages overlap"
            raise refused(
                self.source, shown(self.api.url), f"API 报告 {total} 条，实得 {self.read} 条", said, self.read
            )

    def _require_the_last(self, url: str, states: dict[str, Any], before: dict[str, Any]) -> None:
        """A page without records is the last one where it says of itself what those before it said."""
        if states != before:
            names = ", ".join(sorted(name for name in states | before if states.get(name) != before.get(name)))
            zh = f"空页的 {names} 与之前各页不同：是差错而不是末页"
            en = f"a page without records has another {names} than those before it: an error, not the end"
            raise refused(self.source, shown(url), zh, en, self.read)

    def _require_no_error(self, url: str, states: dict[str, Any], told: dict[str, Any]) -> None:
        """A page without records that says itself that it failed: of the first page nothing else could be told."""
        names = sorted(name for name, value in states.items() if _is_error(name, value))
        names += sorted(name for name, value in told.items() if _ERROR.search(_NO_ERROR.sub("", str(value))))
        if names:
            zh = f"没有记录的一页在 {', '.join(names)} 中报告差错"
            en = f"a page without records tells of an error in {', '.join(names)}"
            raise refused(self.source, shown(url), zh, en, self.read)

    def _require_an_end(self, url: str, told: dict[str, Any], before: dict[str, Any]) -> None:
        """A page without records that says something new says that it is the end, or it may be a busy server's."""
        names = [name for name, value in told.items() if _plain(value) not in ("", _plain(before.get(name)))]
        if unknown := ", ".join(sorted(name for name in names if not _END.search(str(told[name])))):
            zh = f"空页的 {unknown} 与之前各页不同，又没有说明已到末页：可能是差错。应答若含总数，请设置 total 以核对"
            en = f"a page without records has another {unknown} than those before it, which does not say that it is "
            en += "the end: perhaps an error. Where the answer holds the number of all records, name it in `total`"
            raise refused(self.source, shown(url), zh, en, self.read)

    def _require_same_total(self, url: str, told: int | None, total: int | None) -> None:
        """Where the total changed on the way, pages may have moved: a record came twice, and another never."""
        if self.held and told not in (None, total):
            zh = f"读取期间 API 报告的总数由 {told} 变为 {total}"
            en = f"the API told of {told} records and then of {total}: they changed while they were read"
            raise refused(self.source, shown(url), zh, en, self.read)

    def _rows_of(self, record: Any) -> Iterator[Row]:
        try:
            yield from rows_of(self.source, record, inner=self.inner)
        except RecursionError:
            raise too_deep(self.source, self.read) from None

    # --- one page ------------------------------------------------------------------------------------------

    def page(self, url: str) -> tuple[Any, Mapping[str, str]]:
        body = bytearray()
        with self.web.asked("GET", url, lambda: _headers(self.source, self.api), self.read) as answer:
            if answer.status_code != 200:
                raise not_answered(self.source, url, answer.status_code, self.api.token_from, self.read)
            for piece in body_of(self.source, url, answer, PAGE_BYTES_MAX, self.read):
                body += piece
            headers = dict(answer.headers)
        self._bytes += len(body)
        if self._bytes > ALL_BYTES_MAX:
            raise self._endless(url, f"超过 {ALL_BYTES_MAX} 字节", f"more than {ALL_BYTES_MAX} bytes")
        try:
            text = body.decode("utf-8-sig")
            if holds_more(text, PAGE_VALUES_MAX):
                zh = f"一页含有超过 {PAGE_VALUES_MAX} 个值：请要求较小的页（paging 的 size_parameter 与 size）"
                en = f"one page holds more than {PAGE_VALUES_MAX} values: ask for smaller ones (`size_parameter` and "
                raise refused(self.source, shown(url), zh, f"{en}`size` of `paging`)", read=self.read)
            return DECODER.decode(text), headers
        except (ValueError, RecursionError):
            html = body.lstrip()[:1] == b"<"
            zh = "应答是网页而不是 JSON（可能是登录页）" if html else "应答不是 JSON"
            en = "answers a web page, not JSON (a login page?)" if html else "answers something that is no JSON"
            raise refused(self.source, shown(url), zh, en, read=self.read) from None

    def _records(self, url: str, answer: Any) -> list[Any]:
        found = _at(answer, self.source.records)
        if not isinstance(found, list):
            zh = f"应答中 {self.source.records or '顶层'} 不是数组"
            en = f"there is no array at {self.source.records or 'the top'} of the answer; set `records` to its path"
            raise refused(self.source, shown(url), zh, en, read=self.read)
        return found

    def _total(self, url: str, answer: Any) -> int | None:
        if not self.api.paging.total:
            return None
        found = _at(answer, self.api.paging.total)
        if not (isinstance(found, str) and WHOLE.fullmatch(found)):
            zh, en = (
                f"应答中没有总数 {self.api.paging.total}",
                f"there is no number at `total`: {self.api.paging.total}",
            )
            raise refused(self.source, shown(url), zh, en, read=self.read)
        return int(found)

    # --- the way from page to page ---------------------------------------------------------------------------

    def first(self) -> str:
        paging = self.api.paging
        asked: dict[str, str] = {}
        if self.since is not None and self.source.load.parameter:
            asked[self.source.load.parameter] = self.since
        if paging.by is Page.page:
            asked[paging.parameter] = str(paging.first)
        if paging.by is Page.offset:
            asked[paging.parameter] = "0"
        if paging.size_parameter:
            asked[paging.size_parameter] = str(paging.size)
        return _with(self.api.url, asked)

    def _next(self, url: str, answer: Any, headers: Mapping[str, str], count: int, total: int | None) -> str | None:
        paging = self.api.paging
        if paging.by is Page.none:
            return None
        if paging.by in (Page.page, Page.offset):
            if count == 0 or (total is not None and self.read >= total):
                return None
            before = int(httpx.URL(url).params[paging.parameter])
            return _with(url, {paging.parameter: str(before + (1 if paging.by is Page.page else count))})
        if paging.by is Page.cursor:
            cursor = _at(answer, paging.at)
            return _with(url, {paging.parameter: str(cursor)}) if cursor not in (None, "", False) else None
        link = (
            _at(answer, paging.at)
            if paging.at
            else httpx.Response(200, headers=headers).links.get("next", {}).get("url")
        )
        if link in (None, "", False):
            return None
        following = str(httpx.URL(urljoin(url, str(link))))
        if _origin(following) != _origin(self.api.url):
            zh, en = "下一页在另一台主机，未跟随", "the next page lies at another host, which is not followed"
            raise refused(self.source, shown(following), zh, en, read=self.read)
        return following

    def _endless(self, url: str, zh: str, en: str) -> Exception:
        return refused(self.source, shown(url), f"分页没有结束（{zh}）", f"its pages do not end: {en}", self.read)


def first_answer(source: Source) -> tuple[Any, Mapping[str, str]]:
    """The first page, whole, and the headers it came with."""
    web = Web(source)
    try:
        pages = Pages(source, web)
        return pages.page(pages.first())
    finally:
        web.close()


def read_rows(
    source: Source,
    keep: Callable[[Iterator[Row]], None],
    since: str | None = None,
    inner: Inner | None = None,
    *,
    held: bool = True,
) -> str:
    """Hand all records to `keep`; the digest of them. held, inner: see Pages; a look at the first is not held."""
    made = Web(source)
    try:
        pages = Pages(source, made, since, inner, held=held)
        keep(pages.rows())
        return pages.digest
    finally:
        made.close()


def _headers(source: Source, api: Api) -> dict[str, str]:
    headers = {"accept": "application/json"}
    if api.token_from:
        token = header_secret(source, api.token_from)
        bearer = api.token_header.lower() == "authorization" and " " not in token
        headers[api.token_header] = f"Bearer {token}" if bearer else token
    return headers


def _with(url: str, asked: Mapping[str, str]) -> str:
    return str(httpx.URL(url).copy_merge_params(dict(asked))) if asked else url


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


STATES = frozenset({
    "code", "status", "statuscode", "state", "success", "ok", "error", "errcode", "errorcode", "errno", "ret",
    "retcode", "returncode", "resultcode",
})  # fmt: skip
"""Fields in which an answer with status 200 says whether it is one, as they are written without case and separators."""


MESSAGES = frozenset({
    "msg", "message", "messages", "errmsg", "errormsg", "errormessage", "errordescription", "resultmsg",
    "resultmessage", "retmsg", "returnmsg", "returnmessage", "statusmsg", "statusmessage", "desc", "info", "reason",
    "detail", "tip", "tips",
})  # fmt: skip
"""Fields in which it says so in words, written in the same way."""
_ERROR = re.compile(
    "失败|错误|出错|差错|异常|权限|授权|繁忙|超时|超限|频繁|限流|过期|失效|未登录|请登录|重新登录|稍后|重试|不可用|维护"
    r"|error|exception|fail|denied|forbidden|unauthori[sz]ed|expired|busy|time[d ]*out|too many|throttl|try again|retry"
    "|unavailable|maintenance|log ?in",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(r"(\b(no|0|without)|[无未]|没有) ?(errors?|错误|差错|异常)", re.IGNORECASE)
_END = re.compile(
    "没有|无|暂|未查|未找|未检|未搜|已到|已经到|已是|已全部|到底|末页|最后|完|结束|成功|正常|空|[零0] ?条"
    r"|\bno\b|\bnot\b|nothing|none|empty|\bend|last|finish|complete|success|\bok\b|done|\b0\b",
    re.IGNORECASE,
)
"""Words of a page that says it is the end: 没有更多数据, no more data; or that all is well."""


def _said(answer: Any, names: frozenset[str]) -> dict[str, Any]:
    """What an answer says of itself in fields of these names."""
    fields = answer.items() if isinstance(answer, dict) else ()
    return {name: value for name, value in fields if re.sub("[^a-z]", "", name.lower()) in names}


def _words(answer: Any) -> dict[str, Any]:
    return {name: value for name, value in _said(answer, MESSAGES).items() if isinstance(value, str)}


def _is_error(name: str, value: Any) -> bool:
    """Whether a field says that the answer is none: success false, or a code of HTTP for what failed."""
    if re.sub("[^a-z]", "", name.lower()) in ("success", "ok"):
        return str(value).lower() == "false"
    return re.fullmatch("[45][0-9]{2}", str(value)) is not None


def _plain(message: Any) -> str:
    """A message without its numbers: of how many records, of which page."""
    return re.sub(r"[\d\s]+", "", "" if message is None else str(message))


def _at(value: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        value = value.get(name) if isinstance(value, dict) else None
    return value
