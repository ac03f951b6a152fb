"""A small lawful case for deliver and its wire: parties, a registered resource, a right to use it, an agreement
signed by both, and a table laid ready. Real rows in a real store, made here because this is not what is tested."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
from starlette.requests import Request

from datong.authorise import store as authorise_rows
from datong.deliver import service as deliver
from datong.deliver.service import files, granting, sharing, transfer_course
from datong.ground import clock, signing
from datong.ground.canonical import digest
from datong.ground.db import NODE, Actor, Store, Tx, business_clock, sqlite_url
from datong.ground.keys import PrivateKey
from datong.negotiate import rules as negotiate_rules
from datong.negotiate import store as negotiate_rows
from datong.negotiate.model import NO_SUCH
from datong.register import store as register_rows
from datong.terms import policy
from stores import with_tables

OWNER, BUYER, OTHER = "91520100MA6DATONG5", "91520100MA6BUYER07", "91520100MA6OTHER09"
OWNER_NODE, BUYER_NODE, OTHER_NODE = (
    "5" + OWNER + "5201PROVIDE00",
    "5" + BUYER + "5201BUYER0000",
    "5" + OTHER + "5201OTHER0000",
)
KEYS = {OWNER_NODE: PrivateKey.new(), BUYER_NODE: PrivateKey.new(), OTHER_NODE: PrivateKey.new()}
PARTIES = {OWNER_NODE: OWNER, BUYER_NODE: BUYER, OTHER_NODE: OTHER}
SIDES = {OWNER_NODE: OWNER, BUYER_NODE: BUYER}
"""The two of the case: node code -> party."""
RESOURCE = "RES-0001"
FROM, UNTIL = "2026-03-01T00:00:00Z", "2026-09-01T00:00:00Z"
NOW = "2026-03-02T00:00:00Z"
PURPOSE = "industry_development"

Wall = Callable[[], datetime]


class Hand:
    """A wall clock that a test turns."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def authenticate(request: Request, _body: bytes) -> Actor:
    """A side of the case by its code, for doors whose tests are not about who knocks."""
    code = request.headers.get("authorization", "")
    if code not in SIDES:
        raise NO_SUCH(id="sender")
    return Actor("", "peer", SIDES[code], code)


def open_node(folder: Path, code: str, wall: Wall | None = None, url: str = "") -> Store:
    """A fresh node with its store, key, folder and the business clock at NOW; it knows all three nodes."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(url or sqlite_url(folder / "datong.db"), **({"wall": wall} if wall else {}))
    with_tables(store)
    address = f"http://{code[-9:].lower()}.test"
    signing.install(store, KEYS[code], signing.Me(code, PARTIES[code], code[-9:], address))
    deliver.install(store, folder, url_seconds=900)
    with store.begin(NODE, "test") as tx:
        tx.add(business_clock, {"id": "now", "at": NOW, "seq": 1})
        for node, key in KEYS.items():
            tx.add(
                register_rows.nodes,
                {"id": node, "party": PARTIES[node], "name": node[-9:], "address": f"http://{node[-9:].lower()}.test",
                 "public_key": key.public.text, "kind": "regional" if node == OTHER_NODE else "connector", "state": "active", "serial": 1, "record": {},
                 "learned_at": NOW},
            )  # fmt: skip
        clear(tx)
    return store


def clear(tx: Tx) -> None:
    """RESOURCE is registered, its owner is OWNER, which may handle it, and a right to use it stands."""
    described = {
        "id": "res-1", "name_zh": "行程", "name_en": "trips", "standard": "trip", "public_data": False,
        "personal": False, "grade": 2, "licence": {"name": "MIT", "commercial": True, "derivatives": True},
    }  # fmt: skip
    entry = {"object": described, "code": RESOURCE, "registrants": [{"party": OWNER, "name": "owner"}]}
    tx.add(
        register_rows.ledger,
        {"id": RESOURCE, "version": 1, "kind": "resource", "state": "CODED", "entry": entry, "at": NOW},
    )
    grant_use(tx, BUYER, "ins-1")
    _instrument(tx, "ins-0", "legal_basis", "", "")


def grant_use(tx: Tx, party: str, instrument: str = "ins-2") -> None:
    """OWNER lets `party` use RESOURCE."""
    _instrument(tx, instrument, "data_use", party, next(node for node, of in PARTIES.items() if of == party))


def _instrument(tx: Tx, instrument: str, kind: str, party: str, node: str) -> None:
    tx.add(
        authorise_rows.instruments,
        {
            "id": instrument, "kind": kind, "state": "IN_FORCE", "title": "use", "grantor_party": OWNER,
            "grantee_party": party, "grantee_node": node, "resources": [RESOURCE], "purposes": [PURPOSE],
            "acts": [], "from_at": FROM, "until_at": UNTIL, "items": {}, "parents": [], "copies_to": [], "value": {},
            "digest": "", "serial": 1, "drafted_by": "p-0", "drafter_let_in_by": "", "changed_at": NOW,
        },
    )  # fmt: skip


def permission(action: str, **constraints: str | list[str]) -> dict[str, Any]:
    """A rule as policies write it: permission("delivery", purpose=[...], count="3")."""
    ops = {"count": "lteq", "purpose": "isAnyOf"}
    return {
        "action": action,
        "constraints": [{"left": left, "op": ops[left], "right": right} for left, right in constraints.items()],
        "duties": [],
    }


OPEN_POLICY = {
    "id": "pol-1",
    "permissions": [permission("compute"), permission("delivery", purpose=[PURPOSE])],
    "prohibitions": [],
    "obligations": [],
    "inherit": False,
}
DOWNLOAD_POLICY = {**OPEN_POLICY, "permissions": [*OPEN_POLICY["permissions"], permission("download")]}


def agree(
    tx: Tx, agreement: str = "agr-1", *, dataset: str = RESOURCE, policy_json: dict[str, Any] | None = None, consumer: str = BUYER_NODE,
    terms: dict[str, Any] | None = None, until: str = UNTIL, state: str = "FINALIZED",
) -> str:  # fmt: skip
    """An agreement signed by both nodes, as negotiate keeps it."""
    rule = policy.from_json(policy_json or OPEN_POLICY)
    row: dict[str, Any] = {
        "id": agreement, "code": agreement, "dataset": dataset, "offer_id": "offer-1", "provider": OWNER_NODE,
        "consumer": consumer, "provider_party": OWNER, "consumer_party": PARTIES[consumer],
        "policy": policy.to_json(rule), "policy_hash": policy.policy_hash(rule),
        "terms": {"purpose": PURPOSE, "delivery_form": "controlled", "inputs": [RESOURCE],
                  "tariff": {"kind": "free", "amount_fen": 0}, **(terms or {})},
        "from": FROM, "until": until, "agreed_at": NOW,
    }  # fmt: skip
    content = negotiate_rules.agreement_content(row)
    signatures = [
        {"node": node, "party": PARTIES[node], "by": "p", "key": KEYS[node].public.text,
         "signature": KEYS[node].sign_value(content)}
        for node in (OWNER_NODE, consumer)
    ]  # fmt: skip
    tx.add(
        negotiate_rows.agreements,
        {
            **row, "negotiation": "neg-1", "signatures": signatures,
            "keys": {node: KEYS[node].public.text for node in (OWNER_NODE, consumer)}, "signed": "both",
            "digest": digest(content), "state": state, "ended_at": None, "reason": None,
        },
    )  # fmt: skip
    return agreement


def counts(rows: int = 100) -> pa.Table:
    """A table as a product has it."""
    return pa.table(
        {
            "group_id": [f"g{n}" for n in range(rows)],
            "window_start": pa.array(
                [datetime(2019, 9, 1 + n % 28, tzinfo=UTC) for n in range(rows)], pa.timestamp("us", "UTC")
            ),
            "starts": pa.array(range(rows), pa.int64()),
            "area": pa.array([None if n % 7 == 0 else n / 3 for n in range(rows)], pa.float64()),
        }
    )


def lay_out(
    tx: Tx, agreement: str = "agr-1", table: pa.Table | None = None, inputs: Sequence[dict[str, Any]] = (),
    name: str = "mobility-flows",
) -> dict[str, Any]:  # fmt: skip
    """Lay a table ready under the agreement, past the gate (which is deidentify's and tested there)."""
    contract = negotiate_rows.agreements
    row = tx.get(contract, agreement)
    assert row is not None
    file = f"file-{agreement}-{tx.wall_now.timestamp()}-{(table or counts()).num_rows}".replace(".", "-")
    pq.write_table(table if table is not None else counts(), files.staged(tx.store, file))
    laid = sharing._laid_out(
        tx, row, file, {}, {"kind": "product", "inputs": list(inputs)}, schema="product", table=name
    )
    transfer_course.start_waiting(tx, agreement)  # as the verbs of offering.py do
    return laid


@contextmanager
def both_under_contract(folder: Path) -> Iterator[dict[str, Store]]:
    """The stores of both sides by their codes, under an agreement by which files may be had; the owner's is laid out."""
    stores = {code: open_node(folder / code[-9:], code) for code in SIDES}
    for store in stores.values():
        with store.begin(person(), "test") as tx:
            agree(tx, policy_json=DOWNLOAD_POLICY)
    with stores[OWNER_NODE].begin(person(), "test") as tx:
        lay_out(tx)
    yield stores
    for store in stores.values():
        store.dispose()


def grant(tx: Tx, agreement: str = "agr-1") -> tuple[str, str]:
    """(grant id, bearer token) of an allowed delivery."""
    row = tx.get(negotiate_rows.agreements, agreement)
    assert row is not None
    decision = deliver.decide(tx, agreement=agreement, action="delivery")
    assert decision.allowed, decision
    made = granting.new_grant(tx, row, f"transfer-{agreement}", decision)
    return made, granting.new_token(tx, made)


def move_business_clock(tx: Tx, at: str) -> None:
    tx.change(business_clock, "now", at=at)
    tx._business = clock.instant(at)


def peer(node: str) -> Actor:
    return Actor(person="", role="peer", party=PARTIES[node], department=node)


def person(role: str = "data_engineer", party: str = OWNER) -> Actor:
    return Actor(person="p-1", role=role, party=party, roles=frozenset({role}))


class Caller:
    """An HTTP client of one ASGI application, in this process. `request` also has the shape of wire.http.Client."""

    def __init__(self, app: Any, headers: dict[str, str] | None = None) -> None:
        self.app, self.headers, self.calls = app, headers or {}, 0

    def send(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://provide00.test") as client:
                headers = {**self.headers, **(options.pop("headers", None) or {})}
                return await client.request(method, url, headers=headers, **options)

        self.calls += 1
        return asyncio.run(once())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.send("GET", url, **options)

    def head(self, url: str, **options: Any) -> httpx.Response:
        return self.send("HEAD", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.send("POST", url, **options)

    def request(
        self, method: str, url: str, *, content: bytes | None = None, headers: Any = None, bytes_max: int = 8 << 20
    ) -> Answer:
        answer = self.send(method, url, content=content, headers=dict(headers or {}))
        assert len(answer.content) <= bytes_max
        return Answer(answer.status_code, dict(answer.headers), answer.content)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
