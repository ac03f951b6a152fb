"""A third member with valid signatures of its own, and contracts that are other people's: nothing of theirs moves."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ndi_world import Country
from ndi_world import country as country  # noqa: PLC0414 - its fixture
from test_ndi_access import by_hand
from test_ndi_contracts import by_dsp

import two_nodes
from datong.deliver import service as deliver
from datong.ground import clock
from datong.ground.db import NODE
from datong.negotiate import service as negotiate
from datong.negotiate import store as negotiate_rows
from datong.negotiate.service import national, platforms
from datong.register import store as register_rows
from datong.wire.ndi import contracts, control
from two_nodes import DATASET, NOW, TERMS, UNTIL, Node, _node


@pytest.fixture
def stranger(country: Country, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A member of the same country, known to all."""
    monkeypatch.setitem(two_nodes.PARTY, "stranger", "91520100MA6OTHER01")
    made = _node(tmp_path / "stranger", "stranger")
    for at in country.nodes:
        with at.store.begin(NODE) as tx:
            tx.add(register_rows.nodes, country._record(made))
    made.wall = country.consumer.wall
    return made


def creation(node: Node, **change: Any) -> dict[str, Any]:
    said = {"name": "a contract", "abstract": "what it is about", "at": NOW, "start": NOW, "end": UNTIL, "mode": "01"}
    return contracts.creation(node.key, **{**said, "node": node.code, "party": node.party, **change})


def told(country: Country, to: Node, by: Node, interface: str, message: dict[str, Any]) -> Any:
    """What `to` answers to a message signed by hand; its status and its JSON."""
    by.wall = max(node.wall for node in country.nodes)
    answer = country.call(to, f"/{interface}", message, by_hand(by, interface, message))
    return answer.status_code, answer.json()


def issued(country: Country, to: Node, **change: Any) -> str:
    status, answer = told(country, country.platform, to, "contractCreate", creation(to, **change))
    assert status == 200, answer
    return str(answer["contractId"])


def round_of(country: Country, contract: str, provider: Node, consumer: Node) -> dict[str, Any]:
    """A first round for the offer there is."""
    said = {**country.offer, "id": two_nodes.OFFER, "dataset": DATASET}
    return contracts.proposal(said, contract, provider.code, consumer.code)


def rows(node: Node, table: Any) -> list[dict[str, Any]]:
    with node.store.read() as tx:
        return [dict(row._mapping) for row in tx.all(table.select().order_by(table.c.id))]


@pytest.mark.parametrize("rail", ["dsp", "national"])
def test_a_contract_that_stands_is_not_begun_anew_by_somebody_else(country: Country, stranger: Node, rail: str) -> None:
    agreed = by_dsp(country) if rail == "dsp" else country.concluded()
    before = rows(country.provider, negotiate_rows.agreements)
    for id in {agreed["id"], agreed["code"]}:
        status, answer = told(
            country, country.provider, stranger, "contractCreate", {**creation(stranger), "contractId": id}
        )
        assert status in (404, 409), answer
        told(country, country.provider, stranger, "contractNegotiate",
             round_of(country, id, country.provider, stranger))  # fmt: skip
    country.run()
    assert rows(country.provider, negotiate_rows.agreements) == before


def test_an_agreement_is_not_written_over_by_a_negotiation_of_another(country: Country, stranger: Node) -> None:
    """Even where the id got in: as a node that was attacked before it checked ids would hold it."""
    agreed = by_dsp(country)
    before = rows(country.provider, negotiate_rows.agreements)
    request = creation(stranger)
    with country.provider.store.begin(NODE) as tx:
        national.begun(tx, contract=agreed["id"], request=request, platform=country.platform.code)
    told(country, country.provider, stranger, "contractNegotiate",
         round_of(country, agreed["id"], country.provider, stranger))  # fmt: skip
    assert rows(country.provider, negotiate_rows.agreements) == before
    theirs = [row for row in rows(country.provider, negotiate_rows.negotiations) if row["peer"] == stranger.code]
    assert [row["reason"]["code"] for row in theirs] == ["CTR-445"]


@pytest.mark.parametrize("id", ["123", "x", True, {"a": 1}, "C" * 5000, "C" * 47])
def test_an_id_that_is_none_begins_nothing(country: Country, stranger: Node, id: Any) -> None:
    for at in (country.provider, country.platform):
        status, answer = told(country, at, stranger, "contractCreate", {**creation(stranger), "contractId": id})
        assert status in (400, 404), answer
        assert rows(at, national.rows.contracts) == []


def test_a_platform_knows_whom_it_gave_an_id(country: Country, stranger: Node) -> None:
    mine = issued(country, country.consumer)
    status, answer = told(
        country, country.platform, stranger, "contractCreate", {**creation(stranger), "contractId": mine}
    )
    assert (status, answer["error"]["code"]) == (409, "CTR-445")
    never = mine[:-9] + "AAAAAAAA"
    never += two_nodes.codes.mod37_2(never)
    status, answer = told(
        country, country.platform, stranger, "contractCreate", {**creation(stranger), "contractId": never}
    )
    assert (status, answer["error"]["code"]) == (404, "CTR-444")


@pytest.mark.parametrize(("start", "end"), [(UNTIL, NOW), (NOW, NOW), ("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z")])
def test_a_contract_ends_after_it_begins_and_not_in_the_past(country: Country, start: str, end: str) -> None:
    asked = creation(country.consumer, start=start, end=end)
    status, answer = told(country, country.platform, country.consumer, "contractCreate", asked)
    assert (status, [one["where"] for one in answer["error"]["problems"]]) == (400, ["endTime"])


def test_nobody_else_takes_over_a_negotiation_through_the_platform(country: Country, stranger: Node) -> None:
    mine = issued(country, country.consumer, mode="02")
    pairs = [(country.provider, stranger), (stranger, country.provider), (stranger, stranger)]
    for provider, consumer in pairs:
        status, answer = told(country, country.platform, stranger, "contractNegotiate",
                              round_of(country, mine, provider, consumer))  # fmt: skip
        assert (status, answer["error"]["code"]) == (404, "CTR-444"), (provider.name, consumer.name)
    own = round_of(country, mine, country.provider, country.consumer)
    assert told(country, country.platform, country.consumer, "contractNegotiate", own)[0] == 200
    other = round_of(country, mine, stranger, country.consumer)  # the issuer cannot change whom it speaks to
    assert told(country, country.platform, country.consumer, "contractNegotiate", other)[0] == 404
    nobody = copy.deepcopy(own)
    for one in nobody["strategy"]:
        one["executionNodeInfo"]["providerNodeId"] = "nobody"
    assert told(country, country.platform, country.consumer, "contractNegotiate", nobody)[0] in (400, 404)


@pytest.mark.parametrize("odd", ["contractPolicies", "text"])
def test_a_round_in_another_spelling_can_be_ended_through_the_platform(country: Country, odd: str) -> None:
    mine = issued(country, country.consumer, mode="02")
    said = round_of(country, mine, country.provider, country.consumer)
    if odd == "text":
        said["strategy"] = json.dumps(said["strategy"], ensure_ascii=False)
    else:
        said["contractPolicies"] = said.pop("strategy")
    assert told(country, country.platform, country.consumer, "contractNegotiate", said)[0] == 200
    with country.platform.store.read() as tx:
        request = platforms.issued_request(tx, mine)
    by = country.consumer
    country.platform.wall += timedelta(seconds=1)
    end = contracts.termination(by.key, request, contract=mine, kind="01", at=NOW, node=by.code, party=by.party)
    assert told(country, country.platform, by, "contractTerminate", end)[0] == 200
    country.run()
    assert country.provider.negotiation()["state"] == "TERMINATED"


@pytest.mark.parametrize("odd", ["expansionItem", "contractPolicies", "text"])
def test_a_filing_in_another_spelling_hides_what_it_hides_in_the_printed_one(country: Country, odd: str) -> None:
    contract = country.concluded()["code"]
    again = refiled(country, filings(country)[0], "named anew")
    if odd == "expansionItem":
        again["strategy"] = [
            {("expansionItem" if name == "policyExpansion" else name): part for name, part in one.items()}
            for one in again["strategy"]
        ]
    elif odd == "text":
        again["strategy"] = json.dumps(again["strategy"], ensure_ascii=False)
    else:
        again["contractPolicies"] = again.pop("strategy")
    status, answer = told(country, country.platform, country.consumer, "contractRegistrate", again)
    assert status == 200, answer
    with country.reads(country.platform, "registrar") as tx:
        seen = negotiate.filing(tx, contract=contract)["versions"]
    assert [(one["version"], one["level"]) for one in seen] == [(1, 2), (2, 2)]
    assert "amount_fen" not in json.dumps(seen)
    another = copy.deepcopy(again)  # the same signatures do not go with other clauses
    listed = another.get("strategy", another.get("contractPolicies"))
    whole = json.loads(listed) if isinstance(listed, str) else listed
    whole[0]["actions"] = ["sell"]
    another["contractPolicies" if odd == "contractPolicies" else "strategy"] = whole
    assert told(country, country.platform, country.consumer, "contractRegistrate", another)[0] == 409


def filings(country: Country) -> list[dict[str, Any]]:
    return [body for _, url, body, _ in country.said if url.endswith("/contractRegistrate")]


def test_a_filing_goes_under_an_id_of_its_own_sides_only(country: Country, stranger: Node) -> None:
    country.concluded()
    (filed,) = filings(country)
    theirs = issued(country, stranger)
    over = {"contractId": theirs, "contractName": filed["contractName"], "strategy": filed["strategy"]}
    signed = [{"party": node.party, "over": contracts.over_of(over), "signature": node.key.sign_value(contracts.over_of(over))}
              for node in (country.provider, country.consumer)]  # fmt: skip
    moved = contracts.filing(over, signed, country.provider.party, filed["signatoryTime"], {})
    status, answer = told(country, country.platform, country.consumer, "contractRegistrate", moved)
    assert (status, answer["error"]["code"]) == (404, "CTR-444")


def refiled(country: Country, filed: dict[str, Any], name: str) -> dict[str, Any]:
    """The filing of a later version, signed by both."""
    over = contracts.over_of({**filed, "contractName": name})
    signed = [{"party": node.party, "over": over, "signature": node.key.sign_value(over)}
              for node in (country.provider, country.consumer)]  # fmt: skip
    extension = json.loads(filed["contractExpansionItem"])
    return contracts.filing(over, signed, country.provider.party, filed["signatoryTime"], extension)


def test_an_earlier_version_that_is_played_again_is_not_the_newest(country: Country) -> None:
    contract = country.concluded()["code"]
    (first,) = filings(country)
    second = refiled(country, first, "named anew")
    assert told(country, country.platform, country.consumer, "contractRegistrate", second)[0] == 200
    assert told(country, country.platform, country.consumer, "contractRegistrate", second)[0] == 200
    status, answer = told(country, country.platform, country.consumer, "contractRegistrate", first)
    assert (status, [one["where"] for one in answer["error"]["problems"]]) == (409, ["contractId"])
    with country.reads(country.platform) as tx:
        assert [one["version"] for one in negotiate.filing(tx, contract=contract)["versions"]] == [1, 2]


def test_both_sides_hear_of_a_later_version_that_one_of_them_filed(country: Country) -> None:
    """No signature covers the extension: one side alone may change it, and the other is to know."""
    contract = country.concluded()["code"]
    (changed,) = copy.deepcopy(filings(country))
    changed["contractExpansionItem"] = json.dumps(
        {**json.loads(changed["contractExpansionItem"]), "version": "2", "attachments": ["annex.pdf"]}
    )
    status, answer = told(country, country.platform, country.consumer, "contractRegistrate", changed)
    assert status == 200
    country.run()
    for node in (country.provider, country.consumer):
        with country.reads(node) as tx:
            heard = [
                row for row in deliver.control_messages(tx, contract=contract) if row["interface"] == "strategySend"
            ]
            hash = negotiate.contract(tx, id=contract)["national"]["hash"]
        assert sorted(row["body"]["strategyVersion"] for row in heard) == ["1", "2"]
        newest = next(row["body"] for row in heard if row["body"]["strategyVersion"] == "2")
        assert "annex.pdf" in newest["transactionExecutionStrategy"]["contractExpansionItem"]
        assert hash == answer["contractHash"]


def ending(country: Country, contract: str, **change: Any) -> dict[str, Any]:
    by = country.consumer
    request = rows(by, national.rows.contracts)[0]["request"]
    said = {"contract": contract, "kind": "02", "at": NOW, "node": by.code, "party": by.party, **change}
    return contracts.termination(by.key, request, **said)


def test_an_end_on_expiry_waits_for_the_expiry(country: Country) -> None:
    contract = country.concluded()["code"]
    early = ending(country, contract)
    for at in (country.provider, country.platform):
        status, answer = told(country, at, country.consumer, "contractTerminate", early)
        assert (status, answer["error"]["code"]) == (409, "NDI-415")
        by_other = ending(country, contract, kind="01", party=country.provider.party)
        status, answer = told(country, at, country.consumer, "contractTerminate", by_other)
        assert (status, answer["error"]["code"]) == (403, "NDI-405")
    assert {row["state"] for row in rows(country.provider, negotiate_rows.agreements)} == {"FINALIZED"}
    for node in country.nodes:
        two_nodes.business_time(node, 400)
    assert told(country, country.provider, country.consumer, "contractTerminate", early)[0] == 200


def test_an_end_may_call_a_contract_as_it_was_filed_last(country: Country) -> None:
    contract = country.concluded()["code"]
    renamed = refiled(country, filings(country)[0], "named anew")
    assert told(country, country.platform, country.consumer, "contractRegistrate", renamed)[0] == 200
    country.run()
    right = {key: part for key, part in ending(country, contract, kind="01").items() if key != "signature"}
    end = contracts.signed_message(country.consumer.key, {**right, "contractName": "named anew"})
    for at in (country.provider, country.platform):
        assert told(country, at, country.consumer, "contractTerminate", end)[0] == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("contractName", "another"), ("activationTime", "2026-03-03T00:00:00Z"),
        ("scheduledEndTime", "2026-12-31T00:00:00Z"), ("agreedEndTime", "2026-06-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_an_end_is_that_of_the_contract_it_names(country: Country, name: str, value: str) -> None:
    """Its own name and times, and no end that is still to come: all is ended when it is heard."""
    contract = country.concluded()["code"]
    right = {key: part for key, part in ending(country, contract, kind="01").items() if key != "signature"}
    wrong = contracts.signed_message(country.consumer.key, {**right, name: value})
    for at in (country.provider, country.platform):
        status, answer = told(country, at, country.consumer, "contractTerminate", wrong)
        assert (status, answer["error"]["code"]) == (409, "NDI-421")
        assert [one["where"] for one in answer["error"]["problems"]] == [name]
    assert country.provider.agreements()[0]["state"] == "FINALIZED"
    begins = clock.instant(right["activationTime"]) + timedelta(hours=8)
    odd = {**right, "activationTime": begins.strftime("%Y%m%d%H%M%S")}  # in China time
    odd = contracts.signed_message(country.consumer.key, odd)
    for at in (country.provider, country.platform):
        assert told(country, at, country.consumer, "contractTerminate", odd)[0] == 200
    assert country.provider.agreements()[0]["state"] == "TERMINATED"


@pytest.mark.parametrize("spoilt", ["another policy", "another id", "words"])
def test_a_control_instruction_says_what_was_signed_here(country: Country, spoilt: str) -> None:
    country.concluded()
    sent = next(body for _, url, body, _ in country.said if url.endswith("/strategySend"))
    message = copy.deepcopy(sent)
    whole = message["transactionExecutionStrategy"]
    if spoilt == "another policy":
        whole["strategy"] = [one for one in whole["strategy"] if one["actions"] != ["distribute"]]
    elif spoilt == "another id":
        whole["contractId"] = whole["contractId"][::-1]
    else:
        message["transactionExecutionStrategy"] = "as agreed"
    message = contracts.signed_message(country.platform.key, message)
    status, answer = told(country, country.consumer, country.platform, "strategySend", message)
    assert status in (400, 409), answer
    assert status == 400 or answer["error"]["code"] == "NDI-416"


def test_a_bridged_contract_is_shown_by_the_id_it_was_filed_under(country: Country) -> None:
    agreed = by_dsp(country)
    with country.consumer.as_("analyst") as tx:
        negotiate.file_contract(tx, agreement=agreed["id"])
    country.run()
    with country.reads(country.consumer) as tx:
        filed = negotiate.contract(tx, id=agreed["id"])["national"]["contract_id"]
        assert negotiate.contract(tx, id=filed)["id"] == agreed["id"]
        assert clock.instant(negotiate.contract(tx, id=filed)["agreed_at"])
    assert TERMS["until"] == UNTIL


def test_a_contract_keeps_the_name_it_was_created_with(country: Country) -> None:
    """Whoever made it and called it what: the rounds, the agreement and its performance report say that name."""
    by = country.consumer
    mine = issued(country, by, name="出行数据合约")
    said = {**creation(by, name="出行数据合约"), "contractId": mine}
    assert told(country, country.provider, by, "contractCreate", said)[0] == 200
    first = {**round_of(country, mine, country.provider, by), "contractName": "出行数据合约"}
    assert told(country, country.provider, by, "contractNegotiate", first)[0] == 200
    with country.reads(country.provider) as tx:
        (agreement,) = negotiate.agreement(tx, mine)["signatures"]
        assert agreement["over"]["contractName"] == "出行数据合约"
        outgoing = {**rows(country.provider, negotiate_rows.agreements)[0]}
    card = {"name": "出行数据合约"}
    body = {"executedStrategyId": "s", "executedActions": ["read"], "executionResult": "no use",
            "executionDetails": {}, "status": "05"}  # fmt: skip
    report = control.execution({"of": outgoing, "contract": mine, "card": card, "body": body, "at": NOW})
    assert report["contractName"] == "出行数据合约"


@pytest.mark.parametrize("fits", [True, False])
def test_a_request_that_names_no_offer_is_about_the_products_own(country: Country, fits: bool) -> None:
    """The tables have no member for an offer's id: a connector of another make asks for the product and its policy."""
    by = country.consumer
    mine = issued(country, by)
    assert told(country, country.provider, by, "contractCreate", {**creation(by), "contractId": mine})[0] == 200
    said = round_of(country, mine, country.provider, by)
    for one in said["strategy"]:
        extension = json.loads(one["policyExpansion"])
        extension.pop("contract", None)
        one["policyExpansion"] = json.dumps(extension)
    if not fits:
        said["strategy"] = [one for one in said["strategy"] if one["actions"] != ["distribute"]]
    assert told(country, country.provider, by, "contractNegotiate", said)[0] == 200
    row = country.provider.negotiation()
    assert row["offer_id"] == two_nodes.OFFER
    if fits:
        assert (row["pending"], row["reason"]) == ("agree", None)
        (agreement,) = rows(country.provider, negotiate_rows.agreements)
        assert (agreement["offer_id"], agreement["terms"]) == (two_nodes.OFFER, TERMS)
    else:
        assert (row["reason"]["code"], "distribute" in row["reason"]["en"]) == ("CTR-406", True)


def test_a_round_does_not_go_past_the_platform_that_keeps_them(country: Country) -> None:
    by = country.consumer
    mine = issued(country, by, mode="02")
    said = {**creation(by, mode="02"), "contractId": mine}
    assert told(country, country.provider, by, "contractCreate", said)[0] == 200
    first = round_of(country, mine, country.provider, by)
    status, answer = told(country, country.provider, by, "contractNegotiate", first)
    assert (status, answer["negotiationStatus"], answer["error"]["code"]) == (409, "1", "NDI-418")
    with country.reads(country.provider) as tx:
        assert negotiate.negotiations(tx) == []
    assert told(country, country.platform, by, "contractNegotiate", first)[0] == 200
    country.workers["platform"].run_due()
    assert country.provider.negotiation()["pending"] == "agree"
