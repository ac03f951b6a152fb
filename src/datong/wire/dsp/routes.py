"""What a node answers to counterparties: negotiation and transfer, in both roles, on one router.

A process is looked up by our own pid whichever role we have in it. Unauthorised and unknown are both answered
404, a wrong move or message 400, each with the typed error body; an error never changes a state. Every path is
served with and without a trailing slash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.deliver.model import NUMBER, NUMBER_MAX
from datong.ground.canonical import digest
from datong.ground.db import Actor, Store, Tx
from datong.ground.refusal import Kind, Refusal
from datong.negotiate import service as negotiate
from datong.negotiate.model import NO_SUCH
from datong.wire.dsp import messages
from datong.wire.dsp.forms import SIGNATURES, read_agreement, read_offer
from datong.wire.dsp.messages import plain_reasons, read
from datong.wire.dsp.participants import BY_CODE, Participants
from datong.wire.dsp.versions import PATH, WELL_KNOWN, document
from datong.wire.http import TOO_LARGE, limited_body

STATUS = {Kind.invalid: 400, Kind.conflict: 400, Kind.denied: 404, Kind.unknown: 404, Kind.unavailable: 503}
"""Kind of refusal -> HTTP status of this binding (unauthorised is 404 by the specification)."""

BODY_BYTES_MAX = 2 * 1024 * 1024

Authenticate = Callable[[Request, bytes], Actor]
"""(request, its body) -> the peer, whose node code is `department`; a denied refusal otherwise."""


class TransferRoom(Protocol):
    """What `deliver` offers to counterparties; each answers the TransferProcess message."""

    def transfer(self, tx: Tx, *, sender: str, pid: str) -> dict[str, Any]: ...
    def transfer_requested(
        self, tx: Tx, *, sender: str, consumer_pid: str, agreement_id: str, format: str, callback: str,
        data_address: dict[str, Any] | None = None,
    ) -> dict[str, Any]: ...  # fmt: skip
    def transfer_started(
        self, tx: Tx, *, sender: str, pid: str, data_address: dict[str, Any] | None, other_pid: str = "",
        number: int = 0,
    ) -> dict[str, Any]: ...  # fmt: skip
    def transfer_completed(
        self, tx: Tx, *, sender: str, pid: str, other_pid: str = "", number: int = 0
    ) -> dict[str, Any]: ...
    def transfer_suspended(
        self, tx: Tx, *, sender: str, pid: str, code: str = "", reason: Any = None, other_pid: str = "",
        number: int = 0,
    ) -> dict[str, Any]: ...  # fmt: skip
    def transfer_terminated(
        self, tx: Tx, *, sender: str, pid: str, code: str = "", reason: Any = None, other_pid: str = "",
        number: int = 0,
    ) -> dict[str, Any]: ...  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One authenticated request: who, in which transaction, about which of our processes, saying what."""

    tx: Tx
    sender: str
    pid: str
    message: dict[str, Any]

    @property
    def message_id(self) -> str:
        """The id the sender gave the message; without one, its content stands for it."""
        given = self.message.get("@id")
        return given[:200] if isinstance(given, str) and given else negotiate.BY_CONTENT + digest(self.message)

    def heard(self, theirs: str) -> dict[str, str]:
        """Sender, message id and pids of a message about an existing process."""
        peer_pid = self.their_pid(theirs)
        return {"sender": self.sender, "message": self.message_id, "pid": self.pid, "peer_pid": peer_pid}

    def their_pid(self, theirs: str) -> str:
        """The sender's pid in the message; NO_SUCH when the other pid is not the one in the path."""
        ours = "consumerPid" if theirs == "providerPid" else "providerPid"
        if self.message[ours] != self.pid:
            raise NO_SUCH(id=str(self.message[ours])[:80])
        return str(self.message[theirs])


Answering = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True)
class Way:
    """One path of the binding: what it takes, what it answers, and whose error body it has."""

    path: str
    kinds: tuple[str, ...]
    answer: Answering
    error: str
    status: int = 200

    @property
    def link(self) -> str:
        return "deliver" if self.error == "TransferError" else "negotiate"


def routes(
    store: Store, authenticate: Authenticate, transfers: TransferRoom, *, participants: Participants = BY_CODE
) -> list[Route]:
    """The routes of negotiation, transfer and version metadata for one node (catalogue: see catalogue.routes)."""

    async def version(_request: Request) -> Response:
        def answer() -> dict[str, Any]:
            with store.read() as tx:
                return document(tx, participants)

        return JSONResponse(await run_in_threadpool(answer))

    found = [Route(WELL_KNOWN, version, methods=["GET"])]
    for way in [*negotiation_ways(participants), *transfer_ways(transfers)]:
        endpoint, method = _endpoint(store, authenticate, way), "POST" if way.kinds else "GET"
        found += [Route(PATH + way.path + slash, endpoint, methods=[method]) for slash in ("", "/")]
    return found


def _endpoint(store: Store, authenticate: Authenticate, way: Way) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        body = await limited_body(request, BODY_BYTES_MAX)
        asked = Asked(request, str(request.path_params.get("pid", "")), body)
        return await run_in_threadpool(_answered, store, authenticate, way, asked)

    return endpoint


def require_short(body: bytes) -> None:
    """TOO_LARGE for what `limited_body` cut off: no token goes with a part of it, so its sender is not asked for."""
    if len(body) > BODY_BYTES_MAX:
        raise TOO_LARGE(limit=BODY_BYTES_MAX)


@dataclass(frozen=True)
class Asked:
    request: Request
    pid: str
    body: bytes


def _answered(store: Store, authenticate: Authenticate, way: Way, asked: Asked) -> Response:
    message: dict[str, Any] = {}
    try:
        require_short(asked.body)
        sender = authenticate(asked.request, asked.body)
        if way.kinds:
            message = read(asked.body, *way.kinds)
        with store.begin(sender, way.link) as tx:
            told = way.answer(Call(tx, sender.department or sender.party, asked.pid, message))
        return JSONResponse(messages.out(told), status_code=way.status)
    except Refusal as refusal:
        pids = [str(message.get(name, "")) for name in ("providerPid", "consumerPid")]
        return JSONResponse(messages.error(way.error, refusal, *pids), status_code=STATUS[refusal.kind])


# ---- negotiation


def negotiation_ways(participants: Participants = BY_CODE) -> list[Way]:
    on, error = "/negotiations/{pid}", "ContractNegotiationError"

    def agreed(call: Call) -> dict[str, Any]:
        agreement = read_agreement(call.message["agreement"], participants.codes(call.tx, call.sender))
        heard = call.heard("providerPid")
        return messages.negotiation_state(negotiate.received_agreement(call.tx, agreement=agreement, **heard))

    return [
        Way(on, (), _negotiation, error),
        Way("/negotiations/request", ("ContractRequestMessage",), _requested, error, 201),
        Way(f"{on}/request", ("ContractRequestMessage",), _countered, error),
        Way("/negotiations/offers", ("ContractOfferMessage",), _offered, error, 201),
        Way(f"{on}/offers", ("ContractOfferMessage",), _offered_again, error),
        Way(f"{on}/agreement", ("ContractAgreementMessage",), agreed, error),
        Way(f"{on}/agreement/verification", ("ContractAgreementVerificationMessage",), _verified, error),
        Way(f"{on}/events", ("ContractNegotiationEventMessage",), _event, error),
        Way(f"{on}/termination", ("ContractNegotiationTerminationMessage",), _terminated, error),
    ]


def _negotiation(call: Call) -> dict[str, Any]:
    return messages.negotiation_state(negotiate.status(call.tx, sender=call.sender, pid=call.pid))


def _requested(call: Call) -> dict[str, Any]:
    opening = {"callback": str(call.message.get("callbackAddress", "")), "peer_pid": str(call.message["consumerPid"])}
    offer = read_offer(call.message["offer"])
    return messages.negotiation_state(
        negotiate.received_request(call.tx, sender=call.sender, message=call.message_id, offer=offer, **opening)
    )


def _countered(call: Call) -> dict[str, Any]:
    offer = read_offer(call.message["offer"])
    return messages.negotiation_state(negotiate.received_request(call.tx, offer=offer, **call.heard("consumerPid")))


def _offered(call: Call) -> dict[str, Any]:
    opening = {"callback": str(call.message.get("callbackAddress", "")), "peer_pid": str(call.message["providerPid"])}
    offer = read_offer(call.message["offer"])
    return messages.negotiation_state(
        negotiate.received_offer(call.tx, sender=call.sender, message=call.message_id, offer=offer, **opening)
    )


def _offered_again(call: Call) -> dict[str, Any]:
    offer = read_offer(call.message["offer"])
    return messages.negotiation_state(negotiate.received_offer(call.tx, offer=offer, **call.heard("providerPid")))


def _verified(call: Call) -> dict[str, Any]:
    given = call.message.get(SIGNATURES, [])
    signatures = given if isinstance(given, list) else []
    heard = call.heard("consumerPid")
    return messages.negotiation_state(negotiate.received_verification(call.tx, signatures=signatures, **heard))


def _event(call: Call) -> dict[str, Any]:
    event = str(call.message["eventType"])
    heard = call.heard("consumerPid" if event == "ACCEPTED" else "providerPid")
    return messages.negotiation_state(negotiate.received_event(call.tx, event=event, **heard))


def _terminated(call: Call) -> dict[str, Any]:
    ours = negotiate.status(call.tx, sender=call.sender, pid=call.pid)
    heard = call.heard("consumerPid" if ours["provider_pid"] == call.pid else "providerPid")
    code, reasons = str(call.message.get("code", "")), plain_reasons(call.message.get("reason", []))
    return messages.negotiation_state(negotiate.received_termination(call.tx, code=code, reasons=reasons, **heard))


# ---- transfer


def transfer_ways(room: TransferRoom) -> list[Way]:
    on, error = "/transfers/{pid}", "TransferError"

    def process(call: Call) -> dict[str, Any]:
        return room.transfer(call.tx, sender=call.sender, pid=call.pid)

    def requested(call: Call) -> dict[str, Any]:
        return room.transfer_requested(
            call.tx, sender=call.sender, consumer_pid=str(call.message["consumerPid"]),
            agreement_id=str(call.message["agreementId"]), format=str(call.message["format"]),
            callback=str(call.message["callbackAddress"]), data_address=call.message.get("dataAddress"),
        )  # fmt: skip

    def started(call: Call) -> dict[str, Any]:
        address = call.message.get("dataAddress")
        return room.transfer_started(call.tx, data_address=address, **_of(room, call))

    def completed(call: Call) -> dict[str, Any]:
        return room.transfer_completed(call.tx, **_of(room, call))

    def suspended(call: Call) -> dict[str, Any]:
        return room.transfer_suspended(call.tx, **_why(call), **_of(room, call))

    def terminated(call: Call) -> dict[str, Any]:
        return room.transfer_terminated(call.tx, **_why(call), **_of(room, call))

    return [
        Way(on, (), process, error),
        Way("/transfers/request", ("TransferRequestMessage",), requested, error, 201),
        Way(f"{on}/start", ("TransferStartMessage",), started, error),
        Way(f"{on}/completion", ("TransferCompletionMessage",), completed, error),
        # the compatibility kit writes a termination here, whose members are the same: the path says what is meant
        Way(f"{on}/suspension", ("TransferSuspensionMessage", "TransferTerminationMessage"), suspended, error),
        Way(f"{on}/termination", ("TransferTerminationMessage",), terminated, error),
    ]


def _why(call: Call) -> dict[str, Any]:
    return {"code": str(call.message.get("code", "")), "reason": plain_reasons(call.message.get("reason", []))}


def _of(room: TransferRoom, call: Call) -> dict[str, Any]:
    """Sender, pids and number of a message about an existing transfer; which of its two pids is the sender's depends
    on our role in it. A number that is none counts as left out."""
    ours = room.transfer(call.tx, sender=call.sender, pid=call.pid)
    theirs = "consumerPid" if ours["providerPid"] == call.pid else "providerPid"
    given = call.message.get(NUMBER)
    number = given if isinstance(given, int) and not isinstance(given, bool) and 0 < given <= NUMBER_MAX else 0
    return {"sender": call.sender, "pid": call.pid, "other_pid": call.their_pid(theirs), "number": number}
