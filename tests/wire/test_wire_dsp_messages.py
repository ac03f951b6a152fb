"""The official schemas and examples: every example is valid, every mutilation of it is refused."""

import json
import time
from pathlib import Path

import pytest

from datong.ground.refusal import Refusal
from datong.wire.dsp.messages import SCHEMA_OF, error, error_text, problems, read, typed
from datong.wire.dsp.versions import common_version

GOLDEN = Path(__file__).parent / "golden" / "dsp"
EXAMPLES = sorted(file for part in ("catalog", "negotiation", "transfer") for file in (GOLDEN / part).glob("*.json"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_official_example_is_valid(file):
    assert problems(json.loads(file.read_text())) == []


def test_every_message_type_has_an_example():
    assert {json.loads(file.read_text())["@type"] for file in EXAMPLES} == set(SCHEMA_OF)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_without_its_context_or_with_a_bare_string_as_context_is_refused(file):
    message = json.loads(file.read_text())
    kind = message["@type"]
    for broken in (
        {k: v for k, v in message.items() if k != "@context"},
        {**message, "@context": message["@context"][0]},
    ):
        with pytest.raises(Refusal) as refused:
            read(json.dumps(broken).encode(), kind)
        assert refused.value.code == "DSP-400"


HOSTILE = [
    b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"@type": 5}', b'{"@type": "ContractRequestMessage"}',
    b'{"@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "x": NaN}',
    b'{"@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "x": 1e400}',
    b'{"@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "x": 123456789012345678901234567890}',
    b'{"@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "x": "\\ud800"}',
    b'{"@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "x": {"y": 1, "y": 2}}',
    b'{"@type": "CatalogError", "@type": "CatalogRequestMessage", "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"]}',
    b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_message_is_refused_not_crashed_on(data):
    with pytest.raises(Refusal) as refused:
        read(data, "ContractRequestMessage", "CatalogRequestMessage")
    assert refused.value.code == "DSP-400"


@pytest.mark.parametrize("wrong", [1, {}, {"action": "use", "constraint": [{"leftOperand": 1}]}])
def test_a_large_wrong_message_is_refused_at_once(wrong):
    """Its hundred thousands of faults were all collected first: minutes of a core, and gigabytes."""
    message = json.loads((GOLDEN / "negotiation" / "contract-request-message_initial.json").read_text())
    message["offer"]["permission"] = [wrong] * 30_000
    begun = time.process_time()
    (fault,) = problems(message)
    assert time.process_time() - begun < 2
    assert fault.where.startswith("offer")
    message["offer"]["permission"] = [wrong] * 5
    assert len(problems(message)) >= 5


def test_errors_are_typed_and_valid():
    with pytest.raises(Refusal) as refused:
        read(b"{}", "CatalogRequestMessage")
    for kind in ("ContractNegotiationError", "TransferError", "CatalogError"):
        body = error(kind, refused.value)
        assert problems(body) == []
        code, text = error_text(json.dumps(body).encode())
        assert code == "DSP-400"
        assert "expected here: CatalogRequestMessage" in text


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"reason": 3}', b'{"reason": [{"@value": "no"}]}'])
def test_any_error_answer_can_be_read(body):
    code, _text = error_text(body)
    assert code == ""


def test_the_version_entry_is_found_or_nothing_is():
    example = (GOLDEN / "common" / "protocol-version.json").read_bytes()
    assert common_version(example)["path"] == "/some/path/2025-1"
    older = json.dumps({"protocolVersions": [{"version": "2024-1", "path": "/x", "binding": "HTTPS"}]}).encode()
    assert [common_version(body) for body in (older, b"{}", b"", b'{"protocolVersions": []}')] == [None] * 4


@pytest.mark.parametrize(
    "other",
    [{"version": "v0.8", "path": "/"}, {"version": "2025-1", "path": "/grpc", "binding": "GRPC"}, "2024-1", None],
)
def test_what_else_a_version_document_offers_is_its_own_affair(other):
    ours = {"version": "2025-1", "path": "/dsp", "binding": "HTTPS"}
    for entries in ([other, ours], [ours, other]):
        assert common_version(json.dumps({"protocolVersions": entries}).encode()) == ours
    assert common_version(json.dumps({"protocolVersions": [other]}).encode()) is None


def test_typed_messages_carry_the_context():
    assert problems(typed("ContractNegotiation", providerPid="p", consumerPid="c", state="REQUESTED")) == []
    assert problems(typed("ContractNegotiation", providerPid="p", consumerPid="c", state="requested")) != []


@pytest.mark.parametrize("pid", ["", "x" * 201, "a\0b"])
def test_a_pid_that_no_store_keeps_is_refused(pid: str) -> None:
    message = typed("TransferCompletionMessage", consumerPid=pid, providerPid="p")
    with pytest.raises(Refusal) as refused:
        read(json.dumps(message).encode(), "TransferCompletionMessage")
    assert refused.value.code == "DSP-400"
