"""The catalogue as the protocol shows it, in pages, and reading a counterparty's.

A page takes a constant number of queries whatever it holds (the room reads datasets with their offers at once).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.deliver.model import EDC, FORMATS
from datong.ground import signing
from datong.ground.canonical import canonical
from datong.ground.crypto.hashing import hash_bytes
from datong.ground.db import Store, Tx
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.wire.dsp.forms import catalogue_offer, read_offer
from datong.wire.dsp.messages import answered, error, error_text, out, problems, read, typed
from datong.wire.dsp.participants import BY_CODE, Participants
from datong.wire.dsp.routes import BODY_BYTES_MAX, STATUS, Authenticate, require_short
from datong.wire.dsp.versions import PATH, Caller, base_of, own_base, require_answer
from datong.wire.http import limited_body

PAGE = 100
OFFSET_MAX = 10**9
RIGHT_MAX = 50_000
_RIGHT: set[bytes] = set()
"""Digests of datasets of ours that follow the schema."""
PAGES_MAX, CATALOGUE_BYTES_MAX, CATALOGUE_SECONDS = 1000, 128 * 1024 * 1024, 600.0
"""Of a counterparty's catalogue: pages, bytes of all of them, and the time after which no further page is asked for."""
TITLE, DESCRIPTION, FACTS = "dct:title", "dct:description", "datong:facts"

NO_FILTER = Reason(
    "DSP-406",
    Kind.invalid,
    Text("目录请求未执行。", "The catalogue request was not done."),
    Text("不支持 filter。", "Filters are not supported."),
    Text("请去掉 filter，在本地筛选。", "Leave the filter out and select on your side."),
    rule="Dataspace Protocol 2025-1",
    article="Catalog, filter",
)
NO_PAGE = Reason(
    "DSP-404",
    Kind.invalid,
    Text("目录页未给出。", "The page of the catalogue was not given."),
    Text("continuationToken 无效。", "Its continuation token is not valid."),
    Text("请从第一页重新请求。", "Ask again from the first page."),
)
CATALOGUE_REFUSED = Reason(
    "DSP-422",
    Kind.conflict,
    Text("未能读取节点 {node} 的目录。", "The catalogue of node {node} could not be read."),
    Text("{why}", "{why}"),
    Text("请与对方节点运维人员联系。", "Ask the operator of that node."),
)


class Published(Protocol):
    """What `catalogue` offers: datasets with their live offers, read in a constant number of queries; of them what the
    node `to` may see, as if there were no others.

    A dataset is {"id", "title", "description", ..., "offers": [{"id", "dataset", "policy", "terms"}]}.
    """

    def published_page(self, tx: Tx, *, to: str, offset: int, limit: int) -> list[dict[str, Any]]: ...
    def published_dataset(self, tx: Tx, dataset: str, *, to: str) -> dict[str, Any]: ...


def routes(
    store: Store, authenticate: Authenticate, published: Published, *, page_size: int = PAGE,
    participants: Participants = BY_CODE,
) -> list[Route]:  # fmt: skip
    """POST (and GET on our own page links) /catalog/request, GET /catalog/datasets/{id}."""

    async def catalogue(request: Request) -> Response:
        body = await limited_body(request, BODY_BYTES_MAX)
        token = request.query_params.get("continuationToken", "")
        posted = body if request.method == "POST" else None

        def call(tx: Tx, to: str) -> tuple[dict[str, Any], str]:
            datasets, link = _page(tx, published, to, posted, (token, page_size))
            return _catalogue(tx, participants.ids(tx, to), datasets), link

        return await run_in_threadpool(_answered, store, authenticate, request, (body, call))

    async def dataset(request: Request) -> Response:
        call = lambda tx, to: (_dataset_root(tx, published, to, request.path_params["id"]), "")  # noqa: E731
        return await run_in_threadpool(_answered, store, authenticate, request, (b"", call))

    return [
        Route(PATH + path + slash, endpoint, methods=methods)
        for path, endpoint, methods in (
            ("/catalog/request", catalogue, ["GET", "POST"]),
            ("/catalog/datasets/{id}", dataset, ["GET"]),
        )
        for slash in ("", "/")
    ]


Answering = Callable[[Tx, str], tuple[dict[str, Any], str]]
"""(transaction, node code of who asks) -> the message and its Link header."""


def _answered(
    store: Store, authenticate: Authenticate, request: Request, asked: tuple[bytes, Answering]
) -> Response:  # fmt: skip
    body, call = asked
    try:
        require_short(body)
        sender = authenticate(request, body)
        with store.read(sender) as tx:
            told, link = call(tx, sender.department or sender.party)
        return JSONResponse(checked(told), headers={"link": link} if link else {})
    except Refusal as refusal:
        return JSONResponse(error("CatalogError", refusal), status_code=STATUS[refusal.kind])


def checked(told: dict[str, Any]) -> dict[str, Any]:
    """A Catalog or Dataset of ours, checked as `out` checks a message; a dataset that was right once is not checked
    again (a page of a hundred takes a quarter of a second of a core)."""
    datasets = told.get("dataset", [])
    for dataset in datasets:
        known = hash_bytes(json.dumps(dataset, sort_keys=True).encode())
        if known not in _RIGHT:
            found = problems(typed("Dataset", **dataset), "catalog/dataset")
            assert not found, f"our own dataset is invalid: {found[0].where}: {found[0].en}"
            if len(_RIGHT) >= RIGHT_MAX:
                _RIGHT.clear()
            _RIGHT.add(known)
    out({**told, "dataset": datasets[:1]} if datasets else told)
    return told


def _catalogue(tx: Tx, ids: Mapping[str, str], datasets: list[dict[str, Any]]) -> dict[str, Any]:
    """The Catalog message of this node around the datasets of a page. ids: what it and who asks are called."""
    base, own = own_base(tx), ids[signing.me(tx).code]
    service = {"@id": f"{base}#service", "@type": "DataService", "endpointURL": base}
    listed = {"dataset": datasets} if datasets else {}
    return typed("Catalog", **{"@id": f"{base}#catalog"}, participantId=own, service=[service], **listed)


def _page(
    tx: Tx, published: Published, to: str, body: bytes | None, place: tuple[str, int]
) -> tuple[list[dict[str, Any]], str]:  # fmt: skip
    """The datasets of the page at `place` (its token, how many a page has) and its Link header. One more than a page is
    read, to know whether more follow.

    body: None where there is no message (a link that is followed by GET)."""
    token, size = place
    window = {} if body is None else _window(read(body, "CatalogRequestMessage").get("filter"))
    if token and not token.isdecimal():
        raise NO_PAGE()
    offset = int(token[:9] or 0) or window.get("offset", 0)
    size = min(size, window.get("limit", size))
    found = published.published_page(tx, to=to, offset=offset, limit=size + 1)
    base = own_base(tx)
    links = []
    if len(found) > size:
        links.append(_link(base, offset + size, "next"))
    if offset:
        links.append(_link(base, max(0, offset - size), "previous"))
    return [_dataset(item, base) for item in found[:size] if item["offers"]], ", ".join(links)


def _window(asked: Any) -> dict[str, int]:
    """{"offset", "limit"} of a filter that only says which page (Eclipse EDC sends such a query with every request);
    NO_FILTER for one that selects or sorts."""
    found: dict[str, int] = {}
    for one in asked if isinstance(asked, list) else [asked] if asked else []:
        given = {str(name).removeprefix("edc:").removeprefix(EDC): value for name, value in one.items()} \
            if isinstance(one, dict) else {"": one}  # fmt: skip
        window = {name: whole for name in ("offset", "limit") if (whole := _whole(given.get(name))) is not None}
        given = {name: value for name, value in given.items() if name not in window}
        given.pop("@type", None)
        given.pop("sortOrder", None)  # says nothing without a field to sort by
        if any(value not in ([], None, "") for value in given.values()):
            raise NO_FILTER()
        found |= window
    return found if found.get("limit", 1) > 0 else {**found, "limit": 1}


def _whole(value: Any) -> int | None:
    value = value.get("@value") if isinstance(value, dict) else value
    whole = isinstance(value, int) and not isinstance(value, bool)
    return min(max(int(value), 0), OFFSET_MAX) if whole else None


def _link(base: str, offset: int, relation: str) -> str:
    return f'<{base}/catalog/request?continuationToken={offset}>; rel="{relation}"'


def _dataset_root(tx: Tx, published: Published, to: str, dataset: str) -> dict[str, Any]:
    found = published.published_dataset(tx, dataset, to=to)
    return typed("Dataset", **{k: v for k, v in _dataset(found, own_base(tx)).items() if k != "@type"})


def _dataset(item: Mapping[str, Any], base: str) -> dict[str, Any]:
    words = {TITLE: item.get("title"), DESCRIPTION: item.get("description")}
    facts = {name: value for name, value in item.items() if name not in ("id", "title", "description", "offers")}
    return {
        "@id": item["id"],
        "@type": "Dataset",
        **{name: text for name, text in words.items() if text},
        **({FACTS: facts} if facts else {}),
        "hasPolicy": [catalogue_offer(offer) for offer in item["offers"]],
        "distribution": [
            {"@type": "Distribution", "format": name, "accessService": f"{base}#service"} for name in FORMATS
        ],
    }


# ---- as a client


def fetched(store: Store, caller: Caller, node: str) -> list[dict[str, Any]]:
    """The datasets in the catalogue of `node`, as `Published` has them, all pages of it or none.

    Raises CATALOGUE_REFUSED, DSP-503, DSP-505. Offers whose policy has no equal in our model are left out.
    """
    url = base_of(store, caller, node) + "/catalog/request"
    origin, begun = urlsplit(url)[:2], time.monotonic()
    found: list[dict[str, Any]] = []
    size, seen = 0, {url}
    while True:
        answer = caller.post(node, url, out(typed("CatalogRequestMessage")))
        require_answer(node, answer)
        if answer.status != 200:
            raise CATALOGUE_REFUSED(node=node, why=" ".join(error_text(answer.body)))
        found += read_catalogue(answer.body, node)
        size += len(answer.body)
        link = next_link({name.lower(): value for name, value in answer.headers.items()}.get("link", ""))
        if not link:
            return found
        url = _joined(url, link)
        if urlsplit(url)[:2] != origin:  # what came is not all, and is not kept as if it were
            raise CATALOGUE_REFUSED(node=node, why="Its next page is at another address than its catalogue.")
        if url in seen:
            raise CATALOGUE_REFUSED(node=node, why="Its pages go round in a circle.")
        seen.add(url)
        if len(seen) > PAGES_MAX or size > CATALOGUE_BYTES_MAX or time.monotonic() - begun > CATALOGUE_SECONDS:
            limits = f"{PAGES_MAX} pages, {CATALOGUE_BYTES_MAX} bytes or {CATALOGUE_SECONDS:.0f} s"
            raise CATALOGUE_REFUSED(node=node, why=f"It goes on after {limits}.")


def next_link(header: str) -> str:
    """The address of the relation `next` in a Link header (RFC 8288), which may be relative, or ""."""
    links = httpx.Response(200, headers={b"link": header.encode("ascii", "replace")}).links.values()
    named = ({name.lower(): value for name, value in one.items()} for one in links)
    return next((one["url"] for one in named if "next" in one.get("rel", "").lower().split()), "")


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link)
    except ValueError:  # no address at all
        return ""


def read_catalogue(body: bytes, node: str) -> list[dict[str, Any]]:
    """Datasets of a Catalog message; those without an offer we understand are left out."""
    value = answered(body)
    try:
        canonical(value)
    except ValueError as broken:  # a number that cannot be signed, in what would be kept
        raise CATALOGUE_REFUSED(node=node, why=f"It cannot be kept: {broken}"[:200]) from broken
    if value is None:
        raise CATALOGUE_REFUSED(node=node, why="It is not JSON, or has a text that cannot be kept.")
    if faults := problems(value, "catalog/catalog"):
        raise CATALOGUE_REFUSED(faults, node=node, why="It does not follow the schema.")
    found = []
    for item in value.get("dataset", []):
        offers = [offer for offer in (_offer(one, item["@id"]) for one in item["hasPolicy"]) if offer]
        if offers:
            facts = item[FACTS] if isinstance(item.get(FACTS), dict) else {}
            words = {"title": _words(item.get(TITLE)), "description": _words(item.get(DESCRIPTION))}
            found.append({**facts, "id": item["@id"], **words, "offers": offers})
    return found


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _offer(value: Mapping[str, Any], dataset: str) -> dict[str, Any] | None:
    try:
        return read_offer(value, dataset)
    except Refusal:
        return None
