"""A space of both kinds: a provider that takes nodes by their keys and connectors of another make by credentials, a
consumer that knows keys only, and a connector that knows credentials only; and those who come the wrong way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from credential_space import CATALOG, Another, Space, code, credentialed, joined, offering, token_to, until

from datong.ground import signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import new_id
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire.dsp.messages import problems
from two_nodes import DATASET, OFFER, TERMS

FACTS = {"name": "Ocean Data", "party": "91520100MA6EDC012H", "make": "Another 1.0"}
DSP = ["https://w3id.org/dspace/2025/1/context.jsonld"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    ways = {"registry": "either", "provider": "either", "consumer": "directory"}
    with joined(tmp_path_factory.mktemp("either"), **ways) as found:
        credentialed(found, found.provider)
        yield found


@pytest.fixture(scope="module")
def another(space: Space, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Another]:
    """Admitted, and given its credential."""
    made = Another(tmp_path_factory.mktemp("another"))
    facts = {**FACTS, "address": made.address, "did": made.wallet.did}
    made.code = space.registry.do(register.admit_connector, "registrar", **facts)["code"]
    space.registry.do(register.issue_membership, "registrar", code=made.code)
    until(lambda: made.wallet.held, "the credential at its service")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def offered(space: Space) -> dict[str, Any]:
    return offering(space)


def shown(space: Space, token: str) -> httpx.Response:
    return space.provider.catalogue(token)


def token_by_key(space: Space, key: PrivateKey | None = None, iss: str = "", body: bytes = b"") -> str:
    """A token under a key of the directory: the consumer's own, or what a liar makes of it."""
    with space.consumer.store.read() as tx:
        mine, own = signing.me(tx).code, signing.node_key(tx)
    claims = {"iss": iss or mine, "aud": code(space.provider), "jti": new_id("jti"), "digest": digest_bytes(body)}
    return (key or own).token(claims, space.consumer.store.wall_clock())


def test_each_is_shown_the_catalogue_under_the_name_it_knows(
    space: Space, another: Another, offered: dict[str, Any]
) -> None:
    by_did = shown(space, another.wallet.token(space.provider.did))
    assert by_did.status_code == 200, by_did.text
    assert by_did.json()["participantId"] == space.provider.did
    caller = space.consumer.node.client
    by_code = caller.post(code(space.provider), f"{space.provider.address}/dsp/2025-1/catalog/request", CATALOG)
    assert by_code.status == 200
    assert by_code.json()["participantId"] == code(space.provider)
    assert [one["@id"] for one in by_did.json()["dataset"]] == [one["@id"] for one in by_code.json()["dataset"]]


def test_the_version_document_names_both_ways_the_nodes_own_first(space: Space) -> None:
    answer = httpx.get(space.provider.address + "/.well-known/dspace-version", trust_env=False).json()
    assert problems(answer, "common/protocol-version") == []
    by_code, by_did = answer["protocolVersions"]
    assert (by_code["identifierType"], "auth" in by_code) == ("NDI-TR-2025-04", False)
    assert (by_did["identifierType"], by_did["auth"]["protocol"]) == ("did:web", "DCP")
    assert by_code["path"] == by_did["path"]


def test_a_node_of_the_directory_contracts_by_codes_and_both_sign(space: Space, offered: dict[str, Any]) -> None:
    asked = {"dataset": DATASET, "offer_id": OFFER, "purpose": TERMS["purpose"], "offer": offered}
    mine = space.consumer.do(negotiate.request, "analyst", provider=code(space.provider), **asked)["id"]

    def over() -> Any:
        rows = space.consumer.see(negotiate.negotiations)
        return next((row for row in rows if row["id"] == mine and row["state"] in ("FINALIZED", "TERMINATED")), None)

    ended = until(over, "the contract")
    assert ended["state"] == "FINALIZED", ended["reason"]
    (contract,) = space.consumer.see(negotiate.agreements)
    assert (contract["provider"], contract["signed"]) == (code(space.provider), "both")


def test_a_connector_of_another_make_contracts_by_dids_at_the_same_node(
    space: Space, another: Another, offered: dict[str, Any]
) -> None:
    """Told by hand, as its own code would: request, agreement heard, verified, finalized heard."""
    provider, mine, mark = space.provider, "their-process-1", len(another.heard)
    listed = shown(space, another.wallet.token(provider.did)).json()["dataset"][0]
    offer = {**listed["hasPolicy"][0], "target": listed["@id"], "assigner": provider.did}
    request = {"@context": DSP, "@type": "ContractRequestMessage", "consumerPid": mine, "offer": offer,
               "callbackAddress": another.address}  # fmt: skip
    told = provider.post("/dsp/2025-1/negotiations/request", request, another.wallet.token(provider.did))
    assert told.status_code == 201, told.text
    pids = {"providerPid": told.json()["providerPid"], "consumerPid": mine}

    def heard(kind: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
        return until(lambda: next((one for one in another.heard[mark:] if one[2]["@type"] == kind), None), kind)

    path, claims, message = heard("ContractAgreementMessage")
    assert path == f"/protocol/negotiations/{mine}/agreement"
    assert (claims["iss"], claims["aud"]) == (provider.did, another.wallet.did)
    agreement = message["agreement"]
    assert (agreement["assigner"], agreement["assignee"]) == (provider.did, another.wallet.did)
    verified = {"@context": DSP, "@type": "ContractAgreementVerificationMessage", **pids}
    answer = provider.post(f"/dsp/2025-1/negotiations/{pids['providerPid']}/agreement/verification", verified,
                           another.wallet.token(provider.did))  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert heard("ContractNegotiationEventMessage")[2]["eventType"] == "FINALIZED"
    contract = next(row for row in provider.see(negotiate.agreements) if row["id"] == agreement["@id"])
    assert (contract["consumer"], contract["consumer_party"]) == (another.code, FACTS["party"])


def test_its_processes_are_its_own(space: Space, another: Another, offered: dict[str, Any]) -> None:
    """What the node of the directory negotiates is 404 to the connector, whatever it can prove."""
    theirs = next(row for row in space.provider.see(negotiate.negotiations) if row["peer"] == code(space.consumer))
    headers = {"authorization": f"Bearer {another.wallet.token(space.provider.did)}"}
    address = f"{space.provider.address}/dsp/2025-1/negotiations/{theirs['id']}"
    assert httpx.get(address, headers=headers, trust_env=False).status_code == 404


def test_a_node_with_a_key_does_not_come_by_a_credential_instead(space: Space) -> None:
    """The registry is a node of the directory, and holds a credential too: here it goes by its key."""
    credentialed(space, space.registry)
    with pytest.raises(Refusal, match="NET-401") as refused:
        space.provider.node.peering.sender(f"Bearer {token_to(space.registry, space.provider)}", b"")
    assert "key in the directory" in str(refused.value)
    assert shown(space, token_to(space.registry, space.provider)).status_code == 404


@pytest.mark.parametrize("key", ["its own making", "the consumer's"])
def test_a_connector_without_a_key_does_not_come_by_one(space: Space, another: Another, key: str) -> None:
    """Its record has none, so whatever signs for its code is nobody's."""
    made = PrivateKey.new() if key == "its own making" else None
    with pytest.raises(Refusal, match="NET-401") as refused:
        space.provider.node.peering.sender(f"Bearer {token_by_key(space, made, another.code)}", b"")
    assert "by credentials only" in str(refused.value)


def test_the_consumers_own_token_is_taken_once(space: Space) -> None:
    token = token_by_key(space)
    assert space.provider.node.peering.sender(f"Bearer {token}", b"").department == code(space.consumer)
    with pytest.raises(Refusal, match="MSG-401"):
        space.provider.node.peering.sender(f"Bearer {token}", b"")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30"])
def test_what_is_no_token_of_either_kind(space: Space, token: str) -> None:
    with pytest.raises(Refusal, match="NET-401"):
        space.provider.node.peering.sender(f"Bearer {token}", b"")


def test_a_did_that_nobody_admitted_is_refused(space: Space, tmp_path: Path) -> None:
    stranger = Another(tmp_path)
    try:
        assert shown(space, stranger.wallet.token(space.provider.did)).status_code == 404
    finally:
        stranger.stop()


def test_a_node_that_goes_by_keys_alone_knows_no_dids(space: Space, another: Another) -> None:
    """The consumer's configuration says directory: a credential opens nothing there, and no document is fetched."""
    before = len(another.wallet.asked)
    assert space.consumer.catalogue(another.wallet.token(space.consumer.did)).status_code == 404
    time.sleep(0.2)
    assert len(another.wallet.asked) == before
