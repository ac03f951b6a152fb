"""Messages as a stranger would write them from the documents, odd spellings and all, and messages nobody should send."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ndi_samples import holders, sample

from datong.ground.refusal import Refusal
from datong.wire.ndi import contracts, reading
from datong.wire.ndi.tables import printed

TABLES = printed()
ROWS = [(of, row.path, row.names[-1]) for of in TABLES.interfaces.values() for row in of.rows("request")]
MEMBERS = sorted({path.rpartition(".")[2].removesuffix("[]") for _, path, _ in ROWS})

NEGOTIATE = """
{"contractName": "出行流量 2026", "contractId": "C491520100MA6DATONG5520120260302080000ABCDEFGHQ",
 "strategy": {
   "subjectInfo": {"dataProductId": "691310000MA000000063100PRD00001W"},
   "executionNodeInfo": {"assignerId": "591310000MA000000053100CN000123M",
                         "assigneeId": "591310000MA000000053100CN000123M"},
   "actions": ["read", "policyTransmit", "export"],
   "constraints": [
     {"constraintName": "count", "constraintOperator": "lteq", "constraintValue": "10000"},
     {"constraintName": "dataRecord", "constraintOperator": "11", "constraintValue": "500"},
     {"constraintName": "logRecordSend", "constraintOperator": "01", "constraintValue": "数据使用方"}]}}
"""


def request(interface: str, value) -> reading.Read:
    return reading.read(TABLES, TABLES.interface(interface), "request", value)


def test_a_negotiation_in_the_names_of_annex_c_and_the_operators_of_annex_d() -> None:
    found = request("contractNegotiate", json.loads(NEGOTIATE))
    assert found.faults == ()
    strategy = found.value["strategy"]
    assert strategy["executionNodeInfo"]["providerNodeId"].startswith("5913")
    assert "assignerId" not in strategy["executionNodeInfo"]
    assert strategy["actions"] == ["read", "plicyTransmit", "export"]
    assert [c["constraintName"] for c in strategy["constraints"]] == ["count", "dateRecord", "logRecordSend"]
    assert [c["constraintOperator"] for c in strategy["constraints"]] == ["11", "11", "01"]
    assert "strategy.constraints[1].constraintName: dataRecord" in found.odd


def test_several_strategies_and_a_strategy_in_a_string() -> None:
    message = json.loads(NEGOTIATE)
    one = message["strategy"]
    for spelt in ([one, one], json.dumps(one), json.dumps([one])):
        found = request("contractNegotiate", {**message, "strategy": spelt})
        assert found.faults == ()
    broken = request("contractNegotiate", {**message, "strategy": [one, {"actions": []}]})
    assert [fault.where for fault in broken.faults] == [
        "strategy[1].subjectInfo", "strategy[1].executionNodeInfo", "strategy[1].actions",
    ]  # fmt: skip


TERMINATE = {
    "contractName": "n", "contractId": "c", "issueTime": "20260302080000", "activationTime": "2026-03-02T00:00:00+08:00",
    "scheduled EndTime": "2027-03-02T00:00:00Z", "issuerId": "i", "issuerEntityId": "e", "signature": "s",
}  # fmt: skip


def test_the_termination_with_its_lost_letter_and_its_condition() -> None:
    assert request("contractTerminate", {**TERMINATE, "erminateType": "02"}).faults == ()
    early = request("contractTerminate", {**TERMINATE, "terminateType": "01"})
    assert early.value["erminateType"] == "01"
    assert [(fault.where, fault.kind) for fault in early.faults] == [("agreedEndTime", "missing")]
    told = request("contractTerminate", {**TERMINATE, "terminateType": "01", "agreedEndTime": "2026-06-01T00:00:00Z"})
    assert told.faults == ()


def test_two_spellings_of_one_member_must_agree() -> None:
    same = request("contractTerminate", {**TERMINATE, "erminateType": "02", "terminateType": "02"})
    assert same.faults == ()
    differ = request("contractTerminate", {**TERMINATE, "erminateType": "02", "terminateType": "01"})
    assert [fault.where for fault in differ.faults] == ["erminateType"]


def test_members_no_table_names_are_left_as_they_are() -> None:
    found = request(
        "SyncLogoffInfo", {"identityCode": "91520100MA6DATONG5/52010119900101001X", "later": {"edition": 2}}
    )
    assert found.faults == ()
    assert found.value["later"] == {"edition": 2}


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", "empty"), (b"  ", "empty"), (b"{", "unparsed"), (b'{"a": NaN}', "unparsed"), (b"[" * 50_000, "unparsed"),
     (b'{"a":' * 30 + b"1" + b"}" * 30, "unparsed"), (b'{"a": "\\u0000"}', "unparsed"), (b"\xff\xfe", "unparsed"),
     (b'{"a": "\\ud800"}', "unparsed"), (b'{"a": 1, "a": 1}', "unparsed"), (b'{"a": [{"b": 1, "b": 2}]}', "unparsed"),
     (b"[" * 950 + b"]" * 950, "unparsed"), (b'{"a": 123456789012345678901234567890}', "unparsed")],
)  # fmt: skip
def test_bodies_that_are_no_message(body, kind) -> None:
    _value, faults = reading.parsed(body)
    assert [fault.kind for fault in faults] == [kind]


SPOILT_JSON = ["NaN", "123456789012345678901234567890", '"\\ud800"', "[" * 950 + "]" * 950, '{"a": 1, "a": 1}']


@pytest.mark.parametrize("inner", SPOILT_JSON)
@pytest.mark.parametrize("member", ["strategy", "policyExpansion", "contractExpansionItem"])
def test_json_in_a_text_passes_what_a_body_has_to_pass(member, inner) -> None:
    message = json.loads(NEGOTIATE)
    spoilt = f'{{"x": {inner}}}'
    if member == "strategy":
        message["strategy"] = json.dumps(message["strategy"])[:-1] + f', "x": {inner}}}'
    elif member == "policyExpansion":
        message["strategy"][member] = spoilt
    else:
        message = {**message, member: spoilt}
    interface = "contractRegistrate" if member == "contractExpansionItem" else "contractNegotiate"
    told = {(fault.where.rpartition(".")[2], fault.kind) for fault in request(interface, message).faults}
    assert (member, "format") in told


@pytest.mark.parametrize(
    "words", ["先脱敏，再使用", "{见附件}", "[一] 先脱敏", "123456789012345678901234567890", "NaN"]
)
def test_a_text_in_words_is_no_json_to_be_refused(words) -> None:
    message = json.loads(NEGOTIATE)
    message["strategy"]["policyExpansion"] = words
    assert request("contractNegotiate", message).faults == ()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
    | st.sampled_from(["{}", "[[", '{"a": NaN}', '[{"a": 1, "a": 1}]', "00010101000000", "0001-01-01T00:00:00+23:59"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ROWS), ANY, st.booleans(), st.booleans())
def test_whatever_stands_in_a_member_is_read_or_told_and_never_a_fault(row, value, as_text, odd) -> None:
    interface, path, spelling = row
    message = sample(TABLES, interface, "request")
    holder, name = holders(message, path)
    del holder[name]
    holder[spelling if odd else name] = json.dumps(value) if as_text else value
    reading.read(TABLES, interface, "request", message)
    contracts.over_of(message)
    once = contracts.as_printed(message, interface)
    again = contracts.as_printed(once, interface)
    assert json.dumps(again, sort_keys=True) == json.dumps(once, sort_keys=True)  # also of NaN, which equals nothing


@pytest.mark.parametrize("value", [[], "text", 5, None, True])
def test_a_message_is_an_object(value) -> None:
    assert request("contractCreate", value).faults[0].where == "body"


def test_the_refusal_names_the_document_every_place_and_row() -> None:
    with pytest.raises(Refusal) as caught:
        reading.checked(TABLES, TABLES.interface("strategySend"), "request", {"contractId": 5})
    assert caught.value.code == "NDI-400"
    assert "TC609-6-2025-15" in str(caught.value)
    assert ("contractId", "should be a string (row 1)") in [(p.where, p.en) for p in caught.value.problems]
    assert len(caught.value.problems) == 6


@pytest.mark.parametrize(
    ("text", "fits"),
    [("2026-03-02T00:00:00Z", True), ("2026-03-02 08:00:00", True), ("20260302080000", True), ("2026-03-02", False),
     ("20261302080000", False), ("soon", False), ("", False), ("2026-02-30T00:00:00Z", False),
     ("00010101000000", False), ("0001-01-01T00:00:00+23:59", False), ("9999-12-31T23:59:59-00:01", False)],
)  # fmt: skip
def test_instants(text, fits) -> None:
    assert reading.is_instant(text) is fits


def test_fourteen_digits_are_chinas_time() -> None:
    assert reading.instant_of("20260302080000") == reading.instant_of("2026-03-02T00:00:00Z")


def test_names_of_the_identity_interfaces_are_read_in_lower_case_too() -> None:
    """N5: the text of NDI-TR-2025-03 asks for lower case, its tables print camelCase."""
    found = request("GetToken", {"authcode": "a"})
    assert (found.faults, found.value) == ((), {"authCode": "a"})
    nested = {"baseinfo": {"identitycode": "i"}}
    assert request("SyncConnectorInfo", nested).value["baseInfo"]["identityCode"] == "i"
    assert [fault.where for fault in request("contractTemplate", {"issuerid": "i", "issuerEntityId": "e"}).faults] == [
        "issuerId"
    ]


@pytest.mark.parametrize("log", ["", "  "])
def test_mandatory_json_is_not_a_blank_text(log: str) -> None:
    message = {"proofId": "p", "contractId": "c", "strategyId": "s", "log": log, "timestamp": "2026-03-02T00:00:00Z",
               "signature": "x"}  # fmt: skip
    assert [(fault.where, fault.kind) for fault in request("fulfillmentProof", message).faults] == [("log", "missing")]
