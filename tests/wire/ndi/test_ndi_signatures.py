"""What stands in a list of signatures is what a side signed: a round or filing with anything else moves nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ndi_world import Country
from ndi_world import country as country  # noqa: PLC0414 - its fixture
from test_ndi_strangers import creation, filings, issued, round_of, told

from datong.negotiate import service as negotiate
from two_nodes import Node

AT = "2026-03-02T00:00:00Z"


def forged(node: Node, over: dict[str, Any], how: str) -> dict[str, Any]:
    """An entry of signatureList that is no signature of `node` over `over`."""
    other = {**over, "contractName": "another"}
    texts = {
        "of another contract": node.key.sign_value(other),
        "with another's digest": "sha256:" + "0" * 64 + ";" + node.key.sign_value(over),
        "no signature": "Ed25519:AAAA",
        "absent": None,
    }
    party = "91310000MA00000005" if how == "of nobody" else node.party
    return {"entityId": party, "signature": texts.get(how, node.key.sign_value(over)), "signatoryTime": AT}


HOW = ["of another contract", "with another's digest", "no signature", "absent", "of nobody"]


def states(country: Country) -> list[str]:
    return [node.negotiation()["state"] for node in (country.provider, country.consumer)]


def until_agreed(country: Country, *, heard: bool) -> dict[str, Any]:
    """The provider has signed; `heard`: so has the consumer been told. What is signed."""
    country.ask()
    country.workers["consumer"].run_due()
    if heard:
        country.workers["provider"].run_due()
    with country.reads(country.provider) as tx:
        (agreement,) = negotiate.agreements(tx)
        (mine,) = negotiate.agreement(tx, agreement["id"])["signatures"]
    return dict(mine["over"])


@pytest.mark.parametrize("how", HOW)
def test_a_consumer_that_signed_something_else_has_not_verified(country: Country, how: str) -> None:
    over = until_agreed(country, heard=True)
    before = states(country)
    message = {**over, "signatureList": [forged(country.consumer, over, how)]}
    status, answer = told(country, country.provider, country.consumer, "contractNegotiate", message)
    assert (status, answer["negotiationStatus"], answer["error"]["code"]) == (403, "1", "NDI-417")
    assert states(country) == before
    country.run()  # its own word, said rightly, still counts
    assert states(country) == ["FINALIZED"] * 2
    with country.reads(country.provider) as tx:
        assert [one["signed"] for one in negotiate.agreements(tx)] == ["both"]


@pytest.mark.parametrize("how", HOW)
def test_an_agreement_its_provider_did_not_sign_is_none(country: Country, how: str) -> None:
    over = until_agreed(country, heard=False)
    message = {**over, "signatureList": [forged(country.provider, over, how)]}
    status, answer = told(country, country.consumer, country.provider, "contractNegotiate", message)
    assert (status, answer["error"]["code"]) == (403, "NDI-417")
    assert states(country)[1] == "REQUESTED"
    country.run()
    assert states(country) == ["FINALIZED"] * 2


def test_a_contract_is_concluded_with_the_signatures_of_both(country: Country) -> None:
    over = until_agreed(country, heard=True)
    country.workers["consumer"].run_due()
    before = states(country)
    own = forged(country.provider, over, "")
    for second in (own, forged(country.consumer, over, "no signature")):
        message = {**over, "signatureList": [own, second]}
        status, answer = told(country, country.consumer, country.provider, "contractNegotiate", message)
        assert (status, answer["error"]["code"]) == (403, "NDI-417")
    assert states(country) == before
    country.run()
    assert states(country) == ["FINALIZED"] * 2


@pytest.mark.parametrize("assisted", [False, True])
def test_a_first_round_with_a_signature_that_is_none_begins_nothing(country: Country, assisted: bool) -> None:
    by, at = country.consumer, country.platform if assisted else country.provider
    mine = issued(country, by, mode="02" if assisted else "01")
    if not assisted:
        assert told(country, at, by, "contractCreate", {**creation(by), "contractId": mine})[0] == 200
    said = round_of(country, mine, country.provider, by)
    spoilt = {**said, "signatureList": [forged(by, said, "of another contract")]}
    status, answer = told(country, at, by, "contractNegotiate", spoilt)
    assert (status, [one["where"] for one in answer["error"]["problems"]]) == (403, ["signatureList[0].signature"])
    country.run()
    with country.reads(country.provider) as tx:
        assert negotiate.negotiations(tx) == []
    over = {name: said[name] for name in ("contractId", "contractName", "strategy")}
    assert told(country, at, by, "contractNegotiate", {**said, "signatureList": [forged(by, over, "")]})[0] == 200


@pytest.mark.parametrize("how", HOW)
def test_a_filing_lists_nobody_who_did_not_sign(country: Country, how: str) -> None:
    country.concluded()
    again = copy.deepcopy(filings(country)[0])
    again["signatoryEntities"].append(
        {"signatoryEntityId": "91310000MA00000005" if how == "of nobody" else country.consumer.party,
         "signature": forged(country.consumer, {}, how)["signature"] or "x"}
    )  # fmt: skip
    status, answer = told(country, country.platform, country.consumer, "contractRegistrate", again)
    assert (status, answer["status"]) == (409, "1")
    assert answer["error"]["problems"][0]["where"].startswith("signatoryEntities[2]")
    with country.reads(country.platform) as tx:
        (filed,) = negotiate.filings(tx)
        assert len(negotiate.filing(tx, contract=filed["contract"])["versions"]) == 1


def test_a_filing_says_whose_the_product_is(country: Country) -> None:
    """The owner is in no signature: a side may not name itself, or anybody, as the owner of what is not theirs."""
    country.concluded()
    for owner in (country.consumer.party, "zz"):
        again = copy.deepcopy(filings(country)[0])
        for one in again["strategy"]:
            one["subjectInfo"]["dataProductEntityId"] = owner
        status, answer = told(country, country.platform, country.consumer, "contractRegistrate", again)
        assert (status, answer["error"]["code"]) == (409, "CTR-443")
        assert answer["error"]["problems"][0]["where"] == "strategy[0].subjectInfo.dataProductEntityId"
    with country.reads(country.platform) as tx:
        (filed,) = negotiate.filings(tx)
        assert filed["version"] == 1
