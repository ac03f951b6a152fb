"""Every message of the Dataspace Protocol spoilt member by member, at the moment at which the whole one would be taken:
each is refused with the protocol's own error body or, where the schema lets it, taken; never a fault of ours, and a
refusal writes nothing to the store. The messages are those of our own nodes and the official examples."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from datong.deliver import service as deliver
from datong.deliver.model import FORMAT, HTTP_PUSH
from datong.negotiate import service as negotiate
from datong.terms.policy import to_json
from datong.wire.dsp.messages import problems
from datong.wire.http import Answer
from tck.published import SPECIFICATION, validator
from two_nodes import DATASET, OFFER, POLICY, TERMS, Loop, Node, listed, two_nodes
from whole import whole

GOLDEN = Path(__file__).parent / "golden" / "dsp"
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
GONE = object()
"""Stands for a member that is left out."""


class Raw(str):
    """JSON text that no value of Python writes."""


DEEP = Raw("[" * 10_000 + "]" * 10_000)
LESS_DEEP = Raw("[" * 300 + "]" * 300)
"""Deeper than the validator of schemas goes, and not too deep for a parser."""
ANYWHERE: list[Any] = [GONE, None, 5, [], [{}]]
AT_THE_TOP: list[Any] = [*ANYWHERE, "", True, {}, Raw('"\\ud800"'), -1.5, "x" * 5000, "x\0y", [[]], [None], {"@value": 5}, {"@id": []}, DEEP, LESS_DEEP, Raw("NaN"),
                         Raw("-Infinity"), Raw("1e999"), Raw("9" * 5000), Raw("9" * 30)]  # fmt: skip
CONTEXTS: list[Any] = [CONTEXT, ["https://example.org/other"], [CONTEXT.replace("2025", "2099")], [{"a": CONTEXT}]]
RIGHT_OPERANDS: list[Any] = [5, 1e308, [5], {"@value": 5, "@type": "xsd:integer"}, {"@value": []}, [[]]]
BODIES = [b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe{}", "{}".encode("utf-16"), b"[" * 100_000, b'{"a":' * 10_000,
          b" " * 1000, b"\0"]  # fmt: skip
OTHER_ENCODINGS = ("utf-16", "utf-16-le", "utf-32")
"""What Python reads as JSON too, and in which a NUL is not spelt as in UTF-8."""
PLACE = '"\N{LARGE ORANGE DIAMOND}"'


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a message; of a list only its first."""
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else [(0, value[0])] if isinstance(value, list) and value else []
    for name, part in inside:
        yield from paths(part, (*at, name))


def written(message: Mapping[str, Any], at: tuple[Any, ...], value: Any) -> bytes:
    """The message with what stands at `at` replaced by `value`."""
    made = json.loads(json.dumps(message))
    holder = made
    for step in at[:-1]:
        holder = holder[step]
    if value is GONE:
        del holder[at[-1]]
        return json.dumps(made).encode()
    holder[at[-1]] = PLACE[1] if isinstance(value, Raw) else value
    return json.dumps(made, ensure_ascii=False).replace(PLACE, str(value)).encode()


def spoilt(message: Mapping[str, Any], *, deep: bool = True) -> Iterator[tuple[str, bytes]]:
    """(what is wrong, body). deep: inside its members too."""
    for body in BODIES:
        yield repr(body[:20]), body
    for encoding in OTHER_ENCODINGS:
        yield encoding, json.dumps(message).encode(encoding)
    for at in paths(message):
        if len(at) > 1 and not deep:
            continue
        more = CONTEXTS if at[0] == "@context" else RIGHT_OPERANDS if "rightOperand" in at else []
        for value in [*(AT_THE_TOP if len(at) == 1 else ANYWHERE), *more]:
            yield f"{at} {'gone' if value is GONE else repr(value)[:40]}", written(message, at, value)


class Kept:
    """The store of a node as it stands now: whether anything was committed since, and back to it."""

    def __init__(self, node: Node) -> None:
        self.node, self.live = node, sqlite3.connect(str(node.store.engine.url.database))
        self.copy = sqlite3.connect(":memory:")
        self.live.backup(self.copy)
        self.version = self._version()

    def _version(self) -> int:
        return int(self.live.execute("PRAGMA data_version").fetchone()[0])

    @property
    def changed(self) -> bool:
        return self._version() != self.version

    def back(self) -> None:
        with sqlite3.connect(str(self.node.store.engine.url.database)) as again:
            self.copy.backup(again)
        again.close()
        self.version = self._version()

    def close(self) -> None:
        self.live.close()
        self.copy.close()


class Attacked:
    """Two nodes whose every message is spoilt first. `counted`: how many were refused and taken, by @type."""

    def __init__(self, folder: Path) -> None:
        self.provider, self.consumer = two_nodes(folder)
        self.loop = Loop(self.provider, self.consumer)
        self.loop.tamper = self.attack
        self.counted: Counter[tuple[str, str]] = Counter()
        for node in (self.provider, self.consumer):
            self.loop.workers[node.name].handlers["deliver.push"] = lambda _job: None  # data have their own tests
            self.loop.workers[node.name].handlers["deliver.fetch"] = lambda _job: None
            deliver.install(node.store, folder / node.name, by_hand=["start"] if node is self.provider else [])

    def attack(self, url: str, message: dict[str, Any]) -> dict[str, Any]:
        receiver, sender = self.provider, self.consumer
        if url.startswith(self.consumer.address):
            receiver, sender = sender, receiver
        if self.counted[message["@type"], "refused"] == 0:
            self.spoil(receiver, sender, url, message)
        return message

    def spoil(self, receiver: Node, sender: Node, url: str, message: Mapping[str, Any], *, deep: bool = True) -> None:
        kept, before, kind = Kept(receiver), whole(receiver.store), str(message["@type"])

        async def each() -> None:
            headers = {"authorization": f"Node {sender.code}"}
            async with httpx.AsyncClient(transport=self.loop.doors[receiver.address], headers=headers) as client:
                for what, body in spoilt(message, deep=deep):
                    answer = await client.post(url, content=body)
                    if answer.status_code >= 400:
                        refused(answer, f"{kind} {what}")
                        assert not kept.changed, f"{kind} {what}: an error changed the store"
                        self.counted[kind, "refused"] += 1
                        continue
                    assert schema_faults(body, kind) == [], f"{kind} {what}: taken against the schema"
                    self.counted[kind, "taken"] += 1
                    kept.back()

        asyncio.run(each())
        kept.close()
        assert whole(receiver.store) == before

    def close(self) -> None:
        for node in (self.provider, self.consumer):
            negotiate.install(node.store)
            node.store.dispose()


ERRORS = {"ContractNegotiationError", "TransferError", "CatalogError"}


def refused(answer: httpx.Response, said: str) -> None:
    """4xx with the typed error body of the protocol, which names a code and tells nothing of our insides."""
    assert 400 <= answer.status_code < 500, (said, answer.status_code, answer.content[:200])
    body = json.loads(answer.content)
    assert body["@type"] in ERRORS, said
    assert body["code"], said
    assert body["reason"], said
    assert problems(body) == [], said
    assert b"Traceback" not in answer.content, said


def told(answer: Answer) -> httpx.Response:
    return httpx.Response(answer.status, content=answer.body)


def schema_faults(body: bytes, kind: str) -> list[str]:
    check = validator(SPECIFICATION, kind)
    assert check is not None
    return [fault.message for fault in check.iter_errors(json.loads(body))]


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    made = Attacked(tmp_path_factory.mktemp("attacked"))
    yield made
    made.close()


def test_each_message_of_a_negotiation_and_a_transfer(attacked: Attacked) -> None:
    provider, consumer, loop = attacked.provider, attacked.consumer, attacked.loop
    published = listed(provider, agree="person")
    with provider.as_("product_manager") as tx:  # the provider opens, the consumer counters, the provider offers again
        negotiate.offer(tx, consumer=consumer.code, dataset=DATASET, policy=to_json(POLICY), terms=TERMS)
    loop.run()
    with consumer.as_("analyst") as tx:
        negotiate.accept(tx, negotiation=consumer.negotiation()["id"])
    loop.run()
    with provider.as_("product_manager") as tx:
        for row in negotiate.negotiations(tx):
            if row["state"] == "ACCEPTED":
                negotiate.agree(tx, negotiation=row["id"])
    loop.run()
    (agreement,) = consumer.agreements()
    assert agreement["state"] == "FINALIZED"
    with consumer.as_("analyst") as tx:  # another, which is ended
        asked = negotiate.request(
            tx, provider=provider.code, dataset=DATASET, offer_id=OFFER, purpose="industry_development", offer=published
        )
    loop.run()
    with consumer.as_("analyst") as tx:
        negotiate.terminate(tx, negotiation=asked["id"], reason_text="enough")
    loop.run()
    assert {kind for kind, _ in attacked.counted} == {
        "ContractOfferMessage", "ContractNegotiationEventMessage", "ContractAgreementMessage",
        "ContractAgreementVerificationMessage", "ContractRequestMessage", "ContractNegotiationTerminationMessage",
    }  # fmt: skip
    transferred(attacked, agreement["id"])
    for kind in ("Request", "Start", "Suspension", "Completion", "Termination"):
        assert attacked.counted[f"Transfer{kind}Message", "refused"] > 50, kind


def transferred(attacked: Attacked, agreement: str) -> None:
    """Two transfers, one pushed and ended, one started, suspended, taken up again and completed."""
    provider, consumer, loop = attacked.provider, attacked.consumer, attacked.loop
    for format, last in ((HTTP_PUSH, "terminate"), (FORMAT, "complete")):
        with consumer.as_("analyst") as tx:
            mine = deliver.request_transfer(tx, agreement=agreement, into="node", format=format)
        loop.run()
        with provider.as_("legal", "data_engineer") as tx:
            ours = next(row for row in deliver.transfers(tx) if row["peer_pid"] == mine["id"])["id"]
            started_without_data(tx, ours)
        loop.run()
        with provider.as_("legal") as tx:
            deliver.suspend_transfer(tx, transfer=ours, reason="a moment")
        loop.run()
        with provider.as_("legal") as tx:
            deliver.resume_transfer(tx, transfer=ours)
        loop.run()
        with consumer.as_("analyst", "legal") as tx:
            if last == "complete":
                deliver.complete_transfer(tx, transfer=mine["id"])
            else:
                deliver.terminate(tx, transfer=mine["id"], reason="enough")
        loop.run()
        with consumer.as_("analyst") as tx:
            state = next(row for row in deliver.transfers(tx) if row["id"] == mine["id"])["state"]
        assert state == ("COMPLETED" if last == "complete" else "TERMINATED")


def started_without_data(tx: Any, pid: str) -> None:
    """Start it past the gates of what is laid ready, which have their own tests."""
    from datong.deliver import store as rows
    from datong.deliver.model import Act
    from datong.deliver.service import deciding, granting, transfer_course

    process = tx.get(rows.processes, pid)
    contract = negotiate.in_force(tx, process["agreement"])
    decision = deciding.decide(tx, agreement=contract["id"], action="delivery", subject=contract["consumer_party"])
    assert decision.allowed, decision
    granting.new_grant(tx, contract, pid, decision)
    transfer_course.by_us(tx, process, Act.start)


EXAMPLES = {
    "contract-request-message": "negotiations/request", "contract-offer-message": "negotiations/offers",
    "contract-agreement-message": "negotiations/{pid}/agreement",
    "contract-agreement-verification-message": "negotiations/{pid}/agreement/verification",
    "contract-negotiation-event-message": "negotiations/{pid}/events",
    "contract-negotiation-termination-message": "negotiations/{pid}/termination",
    "transfer-request-message": "transfers/request", "transfer-start-message": "transfers/{pid}/start",
    "transfer-completion-message": "transfers/{pid}/completion",
    "transfer-suspension-message": "transfers/{pid}/suspension",
    "transfer-termination-message": "transfers/{pid}/termination", "catalog-request-message": "catalog/request",
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_official_example(attacked: Attacked, example: str) -> None:
    (file, *_) = sorted(GOLDEN.glob(f"*/{example}*.json"))
    message = json.loads(file.read_text("utf-8"))
    if "callbackAddress" in message:
        message["callbackAddress"] = attacked.consumer.address + "/dsp/2025-1"
    path = EXAMPLES[example].format(pid=message.get("providerPid", "none"))
    url, opens = f"{attacked.provider.address}/dsp/2025-1/{path}", "{pid}" not in EXAMPLES[example]
    attacked.spoil(attacked.provider, attacked.consumer, url, message, deep=opens)


@pytest.mark.parametrize("path", sorted(EXAMPLES.values()))
def test_ten_megabytes(attacked: Attacked, path: str) -> None:
    kept = Kept(attacked.provider)
    url = f"{attacked.provider.address}/dsp/2025-1/{path.format(pid='none')}"
    for body in (b'{"x": "' + b"y" * 10_000_000 + b'"}', b"[" * 10_000_000):
        answer = attacked.loop.call(attacked.consumer, "POST", url, body)
        refused(told(answer), path)
        assert (answer.status, json.loads(answer.body)["code"]) == (400, "NET-413"), "its size, not its sender"
    assert not kept.changed
    kept.close()


@pytest.mark.parametrize("token", ["-1", "x", "1" * 5000, "٣", "²", "1e9", "%00", "0x10", "99999999999"])
def test_a_page_that_is_none(attacked: Attacked, token: str) -> None:
    url = f"{attacked.provider.address}/dsp/2025-1/catalog/request?continuationToken={token}"
    answer = attacked.loop.call(attacked.consumer, "GET", url)
    assert answer.status == 200 or refused(told(answer), token) is None


@pytest.mark.parametrize("pid", ["%00", "%ED%A0%80", "x" * 5000, "..%2f..", "%F0%9F%92%A3", "%0d%0aX: y", "a%00b"])
@pytest.mark.parametrize("where", ["negotiations", "transfers", "catalog/datasets"])
def test_an_id_that_is_nobodys(attacked: Attacked, where: str, pid: str) -> None:
    url = f"{attacked.provider.address}/dsp/2025-1/{where}/{pid}"
    answer = attacked.loop.call(attacked.consumer, "GET", url)
    assert answer.status == 404
