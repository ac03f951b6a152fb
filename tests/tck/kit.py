"""The compatibility kit's side of its sequences: a small DSP party that says what it is told and notes what it hears.

It shares no code with the product: messages are written here as the specification and the kit's source have them,
answers and messages of the connector under test are checked by both published copies of the schemas.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from published import faults

CONTEXT = ["https://w3id.org/dspace/2025/1/context.jsonld"]
KIT = "TCK_PARTICIPANT"
SECONDS = 15.0

SAID = {
    "request": "ContractRequestMessage", "offer": "ContractOfferMessage", "agreement": "ContractAgreementMessage",
    "verification": "ContractAgreementVerificationMessage", "accepted": "ContractNegotiationEventMessage",
    "finalized": "ContractNegotiationEventMessage", "termination": "ContractNegotiationTerminationMessage",
    "transfer": "TransferRequestMessage", "start": "TransferStartMessage", "completion": "TransferCompletionMessage",
    "suspension": "TransferSuspensionMessage", "end": "TransferTerminationMessage",
}  # fmt: skip
"""Word of the sequences -> @type."""
PATHS = {
    "offer": "offers", "agreement": "agreement", "verification": "agreement/verification", "accepted": "events",
    "finalized": "events", "termination": "termination", "counter": "request", "start": "start",
    "completion": "completion", "suspension": "suspension", "end": "termination",
}  # fmt: skip
"""Word -> last part of the path below a process."""


class Kit:
    """One party at `address`, which speaks to the connector at `base` (its DSP base)."""

    def __init__(self, port: int, base: str) -> None:
        self.base, self.address = base, f"http://127.0.0.1:{port}"
        self.heard: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()
        self.client = httpx.Client(timeout=SECONDS)
        self.mine = ""
        kit = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = json.dumps(kit.answered(self.path, body)).encode()
                self.send_response(201 if self.path.endswith("s/request") else 200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_rest: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.client.close()

    def answered(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        """What we answer a message of the connector; an opening makes our own pid."""
        self.heard.put((path, message))
        if message["@type"] in ("ContractRequestMessage", "TransferRequestMessage") and "providerPid" not in message:
            kind = "ContractNegotiation" if message["@type"] == "ContractRequestMessage" else "TransferProcess"
            return message_of(kind, providerPid=self.mine, consumerPid=message["consumerPid"], state="REQUESTED")
        return {}


def message_of(kind: str, **members: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "@id": str(uuid.uuid4()), "@type": kind, **members}


USE = [{"action": "use", "constraint": []}]


class Course:
    """One sequence. `subject` is the dataset of a negotiation or the agreement of a transfer."""

    def __init__(self, kit: Kit, subject: str, *, transfer: bool, consumer: bool, agent: str) -> None:
        """consumer: the connector under test is the consumer."""
        self.kit, self.subject, self.transfer, self.consumer, self.agent = kit, subject, transfer, consumer, agent
        self.mine, self.theirs = str(uuid.uuid4()), ""
        kit.mine = self.mine
        while not kit.heard.empty():
            kit.heard.get_nowait()

    @property
    def root(self) -> str:
        return f"{self.kit.base}/{'transfers' if self.transfer else 'negotiations'}"

    @property
    def pids(self) -> dict[str, str]:
        own, other = ("providerPid", "consumerPid") if self.consumer else ("consumerPid", "providerPid")
        return {own: self.mine, other: self.theirs}

    def play(self, sequence: str) -> None:
        """`>x` we say x and it is taken; `!x` we say x and it is refused; `<x` we hear x; `=S` its state is S;
        `*` we ask it by its webhook to begin."""
        for step in sequence.split():
            match step[0]:
                case "*":
                    self.begin()
                case ">":
                    self.say(step[1:])
                case "!":
                    self.refused(step[1:])
                case "<":
                    self.hear(step[1:])
                case _:
                    self.state(step[1:])
        time.sleep(0.02)
        assert self.kit.heard.empty(), f"it said more: {self.kit.heard.get_nowait()[1]['@type']}"

    def begin(self) -> None:
        asked = {"providerId": KIT, "connectorAddress": self.kit.address}
        if self.transfer:
            asked |= {"agreementId": self.subject, "format": "HttpData-PULL"}
        else:
            asked |= {"offerId": f"offer{self.subject}", "datasetId": self.subject}
        root = self.kit.base.partition("/dsp/")[0]
        path = "transfers" if self.transfer else "negotiations"
        assert self.kit.client.post(f"{root}/tck/{path}/requests", json=asked).is_success

    def message(self, word: str) -> dict[str, Any]:
        if self.transfer:
            address = {"@type": "DataAddress", "endpoint": "http://example.com",
                       "endpointType": "https://w3id.org/idsa/v4.1/HTTP"}  # fmt: skip
            if word == "request":
                return message_of("TransferRequestMessage", consumerPid=self.mine, agreementId=self.subject,
                                  format="HttpData-PULL", callbackAddress=self.kit.address)  # fmt: skip
            # the kit writes suspensions as terminations, on the path of suspensions
            kind = SAID["end" if word == "suspension" else word]
            extra = {"dataAddress": address} if word == "start" and self.consumer else {}
            extra |= {"code": "1"} if word in ("suspension", "end") else {}
            return message_of(kind, **self.pids, **extra)
        offer = {"@id": f"CD123:{self.subject}:456", "@type": "Offer", "target": self.subject, "permission": USE}
        match word:
            case "request":
                return message_of("ContractRequestMessage", consumerPid=self.mine, offer=offer,
                                  callbackAddress=self.kit.address)  # fmt: skip
            case "counter":
                parties = {"assigner": self.agent, "assignee": KIT}
                return message_of("ContractRequestMessage", **self.pids, offer={**offer, **parties})
            case "offer":
                parties = {"assigner": KIT, "assignee": self.agent, "@id": f"offer{self.subject}"}
                return message_of("ContractOfferMessage", **self.pids, offer={**offer, **parties})
            case "agreement":
                written = {"@type": "Agreement", "@id": str(uuid.uuid4()), "target": self.subject, "permission": USE,
                           "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "assignee": self.agent,
                           "assigner": KIT}  # fmt: skip
                return message_of("ContractAgreementMessage", **self.pids, agreement=written,
                                  callbackAddress=self.kit.address)  # fmt: skip
            case "accepted" | "finalized":
                return message_of(SAID[word], **self.pids, eventType=word.upper())
            case "termination":
                return message_of(SAID[word], **self.pids, code="1")
            case _:
                return message_of(SAID[word], **self.pids)

    def post(self, word: str) -> httpx.Response:
        path = "request" if word == "request" else f"{self.theirs}/{PATHS[word]}"
        return self.kit.client.post(f"{self.root}/{path}", json=self.message(word))

    def say(self, word: str) -> None:
        answer = self.post(word)
        assert answer.is_success, f"{word} was answered {answer.status_code}: {answer.text}"
        assert not (found := faults(answer.json())), found
        if word == "request":
            assert answer.status_code == 201
            self.theirs = answer.json()["providerPid"]

    def refused(self, word: str) -> None:
        before = self.asked()
        answer = self.post(word)
        assert 400 <= answer.status_code < 500, f"{word} was answered {answer.status_code}"
        assert answer.status_code != 404, f"{word} was answered 404"
        assert answer.json()["@type"] == ("TransferError" if self.transfer else "ContractNegotiationError")
        assert not (found := faults(answer.json())), found
        assert self.asked() == before, "an error changed the state"

    def hear(self, word: str) -> None:
        path, message = self.kit.heard.get(timeout=SECONDS)
        wanted = SAID["transfer" if word == "request" and self.transfer else word]
        assert message["@type"] == wanted, f"{message['@type']} instead of {wanted}: {message}"
        assert not (found := faults(message)), found
        below = "/transfers" if self.transfer else "/negotiations"
        if word == "request" and "providerPid" not in message:
            assert path == f"{below}/request"
            assert message["callbackAddress"] == self.kit.base
            self.theirs = message["consumerPid"]
            if not self.transfer:
                assert message["offer"]["@id"] == f"offer{self.subject}"
            return
        assert re.fullmatch(rf"{below}/{self.mine}/{PATHS.get(word, word)}", path), path
        assert {name: message[name] for name in self.pids} == self.pids
        if "eventType" in message:
            assert message["eventType"] == word.upper()
        if "offer" in message:
            assert message["offer"]["target"] == self.subject
        if "agreement" in message:
            parties = {name: message["agreement"][name] for name in ("target", "assigner", "assignee")}
            assert parties == {"target": self.subject, "assigner": self.agent, "assignee": KIT}

    def asked(self) -> str:
        answer = self.kit.client.get(f"{self.root}/{self.theirs}")
        assert answer.status_code == 200, answer.text
        assert not (found := faults(answer.json())), found
        for name, pid in self.pids.items():  # ours may not have reached it with our answer yet
            assert answer.json()[name] in ({pid, ""} if pid == self.mine else {pid})
        return str(answer.json()["state"])

    def state(self, wanted: str) -> None:
        """Its state, once it has worked up our acknowledgement."""
        end = time.monotonic() + SECONDS
        while (found := self.asked()) != wanted:
            assert time.monotonic() < end, f"it is {found}, not {wanted}"
            time.sleep(0.01)
