"""Jobs that speak on the national rail: rounds of a negotiation, and everything told about a contract.

    ndi.send   {"message"}  one round; an opening first gets the contract its id from the platform
    ndi.call   {"what"}     file, bridge (an id for a contract of the other rail, then file), terminate, strategy,
                            relay, refused (what one side of a relayed negotiation tells the other), control

Tried again: no answer, 5xx, 408, 425, 429, and 409 of a step that is still on its way. Any other refusal is final and
told to the room with the words of the answer. Contract: tests/wire/ndi/test_ndi_contracts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datong.deliver import service as deliver
from datong.ground import signing
from datong.ground.db import NODE, Store, Tx
from datong.ground.jobs import Handler, Job
from datong.ground.refusal import Kind, Reason, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import SIGNED, Act
from datong.negotiate.model.national import ASSISTED
from datong.negotiate.service import national, platforms
from datong.register import service as register
from datong.wire.http import NotTaken, is_for_now, not_taken_if_refused
from datong.wire.ndi import answers, contracts, control
from datong.wire.ndi.serving import Caller, issued_id
from datong.wire.ndi.tables import Tables

NOT_ANSWERED = Reason(
    "NDI-504",
    Kind.unavailable,
    Text("节点 {node} 未受理接口 {interface} 的请求。", "Node {node} did not take the request to {interface}."),
    Text("状态码 {status}。", "It answered {status}."),
    Text("系统会自动重试。", "It is tried again by itself."),
)


REASON_MAX = 256


@dataclass(frozen=True)
class Sender:
    """What every job needs to post a message to an interface of another node."""

    store: Store
    caller: Caller
    tables: Tables
    prefix: str = ""

    def base(self, tx: Tx, node: str) -> str:
        return str(register.node(tx, node)["address"]) + self.prefix

    def post(self, node: str, base: str, interface: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """The peer's answer; NotTaken when it is final, a Refusal or NOT_ANSWERED when it is worth another try."""
        of = self.tables.interface(interface)
        with not_taken_if_refused():
            answer = self.caller.post(node, base + of.path, dict(message))
        if is_for_now(answer.status):
            raise NOT_ANSWERED(node=node, interface=interface, status=answer.status)
        value = answers.json_object(answer.body)
        if not 200 <= answer.status < 300:
            code, text = answers.error_in(value)
            raise NotTaken(code or f"HTTP-{answer.status}", text or f"HTTP {answer.status}")
        goes_on = of.id == "contractNegotiate"  # O19: there "1" means that the parties go on negotiating
        if not answers.succeeded(self.tables, of, value) and not goes_on:
            raise NotTaken(*(part or "refused" for part in answers.error_in(value)))
        return value


# --- rounds ------------------------------------------------------------------------------------------------------


def negotiation_job(sender: Sender) -> Handler:
    """The handler of "ndi.send" jobs: payload {"message": id}."""

    def send(job: Job) -> None:
        message_id = str(job.payload["message"])
        with sender.store.read() as tx:
            outgoing = negotiate.outgoing(tx, message_id)
        if outgoing is None:
            return
        try:
            contract = outgoing["peer_pid"] or _begun(sender, outgoing)
            with sender.store.read() as tx:
                interface, message = _round(tx, outgoing, contract)
                mode = national.national(tx, contract)
                to = mode["platform"] if mode["sign_mode"] == ASSISTED else outgoing["peer"]
                base = sender.base(tx, to)
            sender.post(to, base, interface, message)
        except NotTaken as refused:
            with sender.store.begin(NODE, "negotiate") as tx:
                negotiate.not_accepted(tx, message=message_id, code=refused.code, answer=refused.text)
            return
        with sender.store.begin(NODE, "negotiate") as tx:
            negotiate.acknowledged(tx, message=message_id, peer_pid=contract)

    return send


def _begun(sender: Sender, outgoing: Mapping[str, Any]) -> str:
    """The id of a contract we begin: from our platform; told to the other side where the two speak directly.

    The same request gets the same id, so what is asked for twice in one second must differ: the abstract names the
    negotiation.
    """
    with sender.store.read() as tx:
        row = negotiate.negotiation(tx, id=outgoing["pid"])
        mine, key = signing.me(tx), signing.node_key(tx)
        offer, terms = outgoing["body"], outgoing["body"]["terms"]
        mode = str(outgoing["base"]).partition(":")[2]
        request = contracts.creation(
            key, name=contracts.name_of(offer), abstract=f"{outgoing['pid']} {contracts.name_of(offer)}",
            at=row["started_at"], start=terms.get("from") or row["started_at"], end=terms["until"], mode=mode,
            node=mine.code, party=mine.party,
        )  # fmt: skip
        platform = platforms.platform(tx)
        ours = platform == mine.code
        base, peer_base = sender.base(tx, platform), sender.base(tx, outgoing["peer"])
    if ours:
        with sender.store.begin(NODE, "negotiate") as tx:
            contract = platforms.issue_id(tx, request=request)
    else:
        with not_taken_if_refused():
            contract = issued_id(sender.caller, sender.tables, platform, base, request)
    with sender.store.begin(NODE, "negotiate") as tx:
        national.begun(tx, contract=contract, request=request, platform=platform, negotiation=outgoing["pid"])
    if mode != ASSISTED and outgoing["peer"] != platform:
        sender.post(outgoing["peer"], peer_base, "contractCreate", {**request, "contractId": contract})
    return contract


def _round(tx: Tx, outgoing: Mapping[str, Any], contract: str) -> tuple[str, dict[str, Any]]:
    """(interface, message) of one of our moves."""
    mine, act = signing.me(tx), Act(outgoing["act"])
    provider, consumer = (
        (mine.code, outgoing["peer"]) if outgoing["side"] == "provider" else (outgoing["peer"], mine.code)
    )
    row = negotiate.negotiation(tx, id=outgoing["pid"])
    if act is Act.terminate:
        request = national.national(tx, contract)["request"]
        key = signing.node_key(tx)
        ends = {"contract": contract, "kind": "01", "at": tx.now, "node": mine.code, "party": mine.party}
        said = outgoing["body"]
        why = f"[{said['code']}] {said['en']}"
        return "contractTerminate", contracts.signed_message(
            key, {**contracts.termination(key, request, **ends), "reason": why[:REASON_MAX]}
        )
    if act in (Act.request, Act.offer, Act.accept):
        said, name = row["offer"] if act is Act.accept else outgoing["body"], national.national(tx, contract)["name"]
        return "contractNegotiate", contracts.proposal(said, contract, provider, consumer, name)
    agreement = negotiate.agreement(tx, str(row["agreement"]))
    signatures = outgoing["body"]["signatures"] if act is Act.agree else agreement["signatures"]
    return "contractNegotiate", contracts.confirmation(signatures, agreement["agreed_at"])


# --- everything else ---------------------------------------------------------------------------------------------

Told = Callable[[Tx, dict[str, Any]], None]
"""What to do with the peer's answer, in a transaction of its own."""


@dataclass(frozen=True)
class Message:
    to: str
    interface: str
    body: dict[str, Any]
    arrived: Told
    refused: Callable[[Tx, str], None]
    creation: dict[str, Any] | None = None
    """contractCreate that the receiver has to know first."""


def _nothing(_tx: Tx, _answer: Any) -> None:
    return None


def call_job(sender: Sender) -> Handler:
    """The handler of "ndi.call" jobs."""

    def call(job: Job) -> None:
        payload = job.payload
        if payload["what"] == "bridge":
            _bridged(sender, payload)
            return
        with sender.store.read() as tx:
            message = WRITERS[str(payload["what"])](tx, payload)
            base = sender.base(tx, message.to)
        try:
            if message.creation is not None:
                sender.post(message.to, base, "contractCreate", message.creation)
            answer = sender.post(message.to, base, message.interface, message.body)
        except NotTaken as refused:
            with sender.store.begin(NODE, "ndi") as tx:
                message.refused(tx, f"[{refused.code}] {refused.text}")
            return
        with sender.store.begin(NODE, "ndi") as tx:
            message.arrived(tx, answer)

    return call


def _bridged(sender: Sender, payload: Mapping[str, Any]) -> None:
    """An id for a contract that the other rail concluded; then it is filed as any other."""
    with sender.store.read() as tx:
        row = negotiate.agreement(tx, str(payload["agreement"]))
        mine, key, to = signing.me(tx), signing.node_key(tx), str(payload["to"])
        request = contracts.signed_message(key, contracts.asked_for(row, node=mine.code, party=mine.party))
        base = sender.base(tx, to)
    if to == mine.code:
        with sender.store.begin(NODE, "ndi") as tx:
            contract = platforms.issue_id(tx, request=request)
    else:
        contract = issued_id(sender.caller, sender.tables, to, base, request)
    with sender.store.begin(NODE, "ndi") as tx:
        national.bridged(tx, agreement=row["id"], contract=contract, request=request, platform=to)


def _file(tx: Tx, payload: Mapping[str, Any]) -> Message:
    contract = str(payload["contract"])
    known = national.national(tx, contract)
    row = negotiate.agreement(tx, known["agreement"])
    given = row["signatures"]
    extension: dict[str, Any] = {"version": "1", "agreed_at": row["agreed_at"]}
    if contract == row["code"]:
        over = given[0]["over"]
    else:  # concluded on the other rail: its signatures cover the agreement itself, which goes along whole
        over = contracts.form({**row, "code": contract})
        signed = {name: row[name] for name in (*SIGNED, "signatures")}
        extension |= {"agreement": signed}
        given = [{**one, "over": {name: row[name] for name in SIGNED}} for one in given]
    body = contracts.filing(over, given, row["provider_party"], row["agreed_at"], extension)

    def arrived(tx: Tx, answer: dict[str, Any]) -> None:
        national.told_filed(tx, contract=contract, hash=str(answer.get("contractHash", "")))

    def refused(tx: Tx, why: str) -> None:
        national.told_not_filed(tx, contract=contract, why=why)

    return Message(known["platform"], "contractRegistrate", body, arrived, refused)


def _terminate(tx: Tx, payload: Mapping[str, Any]) -> Message:
    contract, mine = str(payload["contract"]), signing.me(tx)
    request = national.national(tx, contract)["request"]
    ends = {"contract": contract, "kind": payload["kind"], "at": payload["at"], "node": mine.code, "party": mine.party}
    message = contracts.termination(signing.node_key(tx), request, **ends)
    body = contracts.signed_message(signing.node_key(tx), {**message, "reason": payload["reason"]})

    def arrived(tx: Tx, _answer: dict[str, Any]) -> None:
        national.told_end(tx, contract=contract, signed=body)

    return Message(str(payload["to"]), "contractTerminate", body, arrived, _nothing)


def _strategy(tx: Tx, payload: Mapping[str, Any]) -> Message:
    filed, key = platforms.filed_message(tx, str(payload["filing"])), signing.node_key(tx)
    version = int(str(payload["filing"]).rpartition("/")[2])
    strategy = deliver.strategy_id(str(filed["contractId"]))
    body = control.instruction(filed, key, strategy, version, tx.now)
    return Message(str(payload["to"]), "strategySend", body, _nothing, _nothing)


def _relay(tx: Tx, payload: Mapping[str, Any]) -> Message:
    round = platforms.relayed_round(tx, str(payload["round"]))
    body = {**round["message"], "issuerId": round["sender"]}
    request = platforms.issued_request(tx, round["contract"])
    creation = {**request, "contractId": round["contract"]}

    def refused(tx: Tx, why: str) -> None:
        platforms.tell_refused(tx, contract=round["contract"], to=round["sender"], why=why)

    return Message(str(payload["to"]), "contractNegotiate", body, _nothing, refused, creation)


def _refused(tx: Tx, payload: Mapping[str, Any]) -> Message:
    """To one side of a negotiation that goes through us: the other has ended it, and in which words."""
    contract, mine, key = str(payload["contract"]), signing.me(tx), signing.node_key(tx)
    ends = {"contract": contract, "kind": "01", "at": tx.now, "node": mine.code, "party": mine.party}
    message = contracts.termination(key, platforms.issued_request(tx, contract), **ends)
    body = contracts.signed_message(key, {**message, "reason": payload["why"]})
    return Message(str(payload["to"]), "contractTerminate", body, _nothing, _nothing)


def _control(tx: Tx, payload: Mapping[str, Any]) -> Message:
    told = deliver.outgoing_control(tx, str(payload["message"]))
    key, mine, strategy = signing.node_key(tx), signing.me(tx).code, deliver.strategy_in_force(tx, told["contract"])
    interface = str(told["interface"])
    bodies: dict[str, Callable[[], dict[str, Any]]] = {
        "contractExecution": lambda: control.execution(told),
        "executionFeedback": lambda: control.feedback(told, key, mine, strategy),
        "abnormalTermination": lambda: control.stop(told, key, mine, strategy),
        "fulfillmentProof": lambda: control.proof(told, key, strategy),
    }

    def arrived(tx: Tx, _answer: dict[str, Any]) -> None:
        deliver.control_answered(tx, told["id"], arrived=True, answer="")

    def refused(tx: Tx, why: str) -> None:
        deliver.control_answered(tx, told["id"], arrived=False, answer=why)

    return Message(told["peer"], interface, bodies[interface](), arrived, refused)


WRITERS: dict[str, Callable[[Tx, Mapping[str, Any]], Message]] = {
    "file": _file,
    "terminate": _terminate,
    "strategy": _strategy,
    "relay": _relay,
    "refused": _refused,
    "control": _control,
}
