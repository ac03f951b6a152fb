"""Requests written by hand from the tables: who may send them, and how a stranger without our token signs."""

from __future__ import annotations

import uuid

import pytest
from ndi_world import Country

from datong.ground import clock
from datong.ground.db import NODE
from datong.negotiate import service as negotiate
from datong.negotiate.store import national as national_rows
from datong.wire.ndi import contracts
from datong.wire.ndi.access import signed_headers


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    made = Country(tmp_path_factory.mktemp("country"))
    yield made
    for node in made.nodes:
        node.store.dispose()


def by_hand(node, interface, message, **spoilt):
    """Headers of NDI-TR-2025-03 table 16, signed with the node's key."""
    at = spoilt.get("at", node.wall)
    number = spoilt.get("number", uuid.uuid4().hex)
    headers = signed_headers(node.key.sign_value, spoilt.get("code", node.code), interface, message, at, number)
    return {**headers, **spoilt.get("headers", {})}


TEMPLATE = {"issuerId": "591310000MA000000053100CN000123M", "issuerEntityId": "91310000MA00000005"}


def test_templates_are_given_to_whoever_signs_the_headers(country):
    answer = country.call(
        country.platform, "/contractTemplate", TEMPLATE, by_hand(country.consumer, "contractTemplate", TEMPLATE)
    )
    assert answer.status_code == 200
    assert answer.json()["status"] == "0"
    assert {t["templateId"] for t in answer.json()["template"]["templates"]} >= {"api-limited", "deliver-and-delete"}
    one = {**TEMPLATE, "templateId": "compute-inside"}
    answer = country.call(
        country.platform, "/contractTemplate", one, by_hand(country.consumer, "contractTemplate", one)
    )
    assert len(answer.json()["template"]["templates"]) == 1
    none = {**TEMPLATE, "templateId": "no-such"}
    answer = country.call(
        country.platform, "/contractTemplate", none, by_hand(country.consumer, "contractTemplate", none)
    )
    assert (answer.status_code, answer.json()["status"]) == (404, "1")
    assert "api-limited" in answer.json()["error"]["why"]["en"]


@pytest.mark.parametrize(
    "spoil",
    [
        {"code": "591310000MA000000053100CN000123M"},  # a node nobody knows
        {"headers": {"signValue": "Ed25519:AAAA"}},
        {"headers": {"timestamp": "soon"}},
        {"headers": {"sequenceNum": "n" * 65}},
        {"headers": {"msgcode": "contractCreate"}},
        {"headers": {"msgversion": ""}},
        {"at": clock.instant("2020-01-01T00:00:00Z")},
    ],
)
def test_a_request_whose_sender_is_not_established_is_refused_in_the_envelope(country, spoil):
    headers = by_hand(country.consumer, "contractTemplate", TEMPLATE, **spoil)
    answer = country.call(country.platform, "/contractTemplate", TEMPLATE, headers)
    assert (answer.status_code, answer.json()["status"]) == (403, "1")
    assert answer.json()["error"]["code"] == "NET-401"


LOGOFF = {"identityCode": "91520100MA6DATONG5/52010119900101001X"}


@pytest.mark.parametrize(
    ("spoil", "wheres", "code"),
    [
        ({"interface": "GetOperatorStatus"}, ["msgcode"], "203007"),
        ({"version": "2.0.0"}, ["msgversion"], "203005"),
        ({"version": "one"}, ["msgversion"], "203005"),
        ({"at": clock.instant("2020-01-01T00:00:00Z")}, ["timestamp"], "203006"),
        ({"version": "9", "at": clock.instant("2020-01-01T00:00:00Z")}, ["msgversion", "timestamp"], "203005"),
        ({"code": "591310000MA000000053100CN000123M"}, [], "103004"),
    ],
)
def test_signed_headers_are_of_this_call_and_the_document_has_codes_for_it(country, spoil, wheres, code):
    node = country.consumer
    at = spoil.get("at", node.wall)
    signed = {"msgcode": spoil.get("interface", "SyncLogoffInfo"), "msgversion": spoil.get("version", "1.0.0"),
              "timestamp": str(int(at.timestamp() * 1000)), "sequenceNum": uuid.uuid4().hex}  # fmt: skip
    headers = {**signed, "issuerConnectorId": spoil.get("code", node.code),
               "signValue": node.key.sign_value({**signed, "body": LOGOFF})}  # fmt: skip
    answer = country.call(country.platform, "/SyncLogoffInfo", LOGOFF, headers)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert answer.json()["error"]["code"] == "NET-401"
    assert [problem["where"] for problem in answer.json()["error"]["problems"]] == wheres


def test_where_the_document_has_no_code_for_a_header_the_answer_is_that_nobody_may(country):
    message = {"productId": "p"}
    headers = by_hand(country.consumer, "catalogueSearch", message)
    answer = country.call(country.provider, "/productDetail", message, headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "12001")


def test_versions_of_the_printed_edition_are_read(country):
    from datong.wire.ndi.access import VERSION

    assert all(VERSION.fullmatch(text) for text in ("1", "1.0", "1.0.0", "1.12.3"))
    assert not any(VERSION.fullmatch(text) for text in ("10", "1.", "1.0.0.0", "v1", "1.x", "1.٣"))


def test_a_recorded_request_does_not_work_twice(country):
    headers = by_hand(country.consumer, "contractTemplate", TEMPLATE)
    assert country.call(country.platform, "/contractTemplate", TEMPLATE, headers).status_code == 200
    assert country.call(country.platform, "/contractTemplate", TEMPLATE, headers).status_code != 200


def test_nothing_at_all_is_refused(country):
    answer = country.call(country.platform, "/contractTemplate", TEMPLATE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NET-401")


def creation(node, **spoilt):
    given = {"name": "出行流量", "abstract": "按小时", "at": "2026-03-02T00:00:00Z", "start": "2026-03-02T00:00:00Z",
             "end": "2027-03-02T00:00:00Z", "mode": "01", "node": node.code, "party": node.party, **spoilt}  # fmt: skip
    return contracts.creation(node.key, **given)


def test_a_contract_is_created_by_its_own_signature_and_the_id_is_the_same_again(country):
    request = creation(country.consumer)
    first = country.call(country.platform, "/contractCreate", request)
    assert (first.status_code, first.json()["creationFlag"]) == (200, "0")
    assert len(first.json()["contractId"]) == 47
    assert country.call(country.platform, "/contractCreate", request).json() == first.json()
    other = country.call(country.platform, "/contractCreate", creation(country.consumer, name="另一份"))
    assert other.json()["contractId"] != first.json()["contractId"]


def long_ago(*nodes):
    """What was begun until now has been waiting longer than a negotiation may."""
    for node in nodes:
        with node.store.begin(NODE) as tx:
            for table in (national_rows.issued, national_rows.contracts):
                tx.execute(table.update().values(at="2026-01-01T00:00:00Z"))


def test_one_node_begins_so_many_contracts_of_which_nothing_comes_and_no_more(country):
    """At the platform each takes an id, at the other connector a row; what is older than a negotiation may wait, is
    known already, or was begun by another, does not count."""
    platform, provider, consumer = country.platform, country.provider, country.consumer
    long_ago(platform, provider)

    def create(at, name, by=consumer):
        answer = country.call(at, "/contractCreate", creation(by, name=name))
        return answer.status_code, answer.json().get("error", {}).get("code", "")

    negotiate.install(provider.store, begun_per_peer=2)
    assert [create(provider, name) for name in ("甲", "乙", "丙")] == [(200, ""), (200, ""), (503, "CTR-507")]
    assert create(provider, "甲") == (200, "")
    negotiate.install(platform.store, begun_per_peer=3)  # the connector had asked for an id before it refused the third
    assert create(platform, "丁") == (503, "CTR-507")
    assert create(platform, "丙") == (200, "")
    assert create(platform, "丁", by=provider) == (200, "")
    long_ago(platform, provider)
    assert create(provider, "丁") == (200, "")
    for node in (platform, provider):
        negotiate.install(node.store)


def test_the_other_connector_asks_the_platform_for_the_id_itself(country):
    request = creation(country.consumer, name="由对方申请标识")
    answer = country.call(country.provider, "/contractCreate", request)
    assert (answer.status_code, answer.json()["creationFlag"]) == (200, "0")
    at_platform = country.call(country.platform, "/contractCreate", request)
    assert answer.json()["contractId"] == at_platform.json()["contractId"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"contractName": "改过"}, "NET-401"),
        ({"signature": "Ed25519:AAAA"}, "NET-401"),
        ({"signature": ""}, "NET-401"),
        ({"issuerId": "591310000MA000000053100CN000123M"}, "NET-401"),
        ({"signMode": "03"}, "NET-401"),
    ],
)
def test_a_creation_changed_after_signing_is_refused(country, change, code):
    answer = country.call(country.platform, "/contractCreate", {**creation(country.consumer), **change})
    assert (answer.status_code, answer.json()["creationFlag"], answer.json()["contractId"]) == (403, "1", "")
    assert answer.json()["error"]["code"] == code


def test_a_creation_in_another_partys_name_is_refused(country):
    request = creation(country.consumer, party=country.provider.party)
    answer = country.call(country.platform, "/contractCreate", request)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NDI-405")


def test_faults_are_told_with_their_rows_after_the_sender_is_known(country):
    message = {"contractName": 5, "contractId": "c"}
    answer = country.call(
        country.platform, "/contractRegistrate", message, by_hand(country.consumer, "contractRegistrate", message)
    )
    assert (answer.status_code, answer.json()["status"]) == (400, "1")
    places = {problem["where"]: problem["en"] for problem in answer.json()["error"]["problems"]}
    assert places["contractName"] == "should be a string (row 1)"
    assert {"strategy", "signatoryEntities", "signatoryTime"} <= set(places)
    assert "contractExpansionItem" not in places


HOSTILE = [b"", b"[]", b"{", b"null", b'"x"', b"[" * 60_000, b'{"issuerId":' + b"9" * 400 + b"}", b"\xff",
           b'{"a":' * 40 + b"1" + b"}" * 40]  # fmt: skip
TEN = ["contractTemplate", "contractCreate", "contractNegotiate", "contractRegistrate", "contractExecution",
       "contractTerminate", "strategySend", "executionFeedback", "abnormalTermination", "fulfillmentProof"]  # fmt: skip


def test_hostile_bodies_are_refused_by_every_interface_in_its_envelope(country):
    for interface in TEN:
        flag = country.tables.interface(interface).flag
        for body in HOSTILE:
            answer = country.call(country.platform, f"/{interface}", body)
            assert answer.status_code in (400, 403), (interface, body[:20])
            assert answer.json()[flag] == "1"
            assert answer.json()["error"]["code"] in ("NDI-400", "NET-401")


def test_a_body_of_ten_megabytes_is_not_read_to_its_end(country):
    answer = country.call(country.platform, "/contractTemplate", b'{"a": "' + b"x" * 10_000_000 + b'"}')
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NET-413")


def test_contracts_that_are_not_yours_and_contracts_that_are_not_there_look_the_same(country):
    made = country.call(country.platform, "/contractCreate", creation(country.consumer, name="x")).json()["contractId"]
    told = []
    for contract in (made, made[:-9] + "ZZZZZZZZ" + made[-1]):
        message = {
            "proofId": "p",
            "contractId": contract,
            "strategyId": "s",
            "log": {},
            "timestamp": "2026-03-02T00:00:00Z",
        }
        message = contracts.signed_message(country.provider.key, message)
        answer = country.call(
            country.platform, "/fulfillmentProof", message, by_hand(country.provider, "fulfillmentProof", message)
        )
        told.append((answer.status_code, answer.json()["status"], answer.json()["error"]["code"]))
    assert told == [(404, "1", "CTR-444")] * 2


@pytest.mark.parametrize("stamp", ["²", "١٢٣", "-1", "1e3", "9" * 13, "", " 1"])
def test_a_timestamp_that_is_no_number_is_refused_and_no_fault(country: Country, stamp: str) -> None:
    headers = {**by_hand(country.consumer, "contractTemplate", TEMPLATE), "timestamp": stamp}
    given = {name: value.encode("utf-8" if stamp == "١٢٣" else "latin-1") for name, value in headers.items()}
    assert country.call(country.platform, "/contractTemplate", TEMPLATE, given).status_code in (401, 403)
