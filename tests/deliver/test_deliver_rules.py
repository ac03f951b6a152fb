"""Names, file addresses, Delta types, hostile messages, the proof: pure rules."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.deliver import rules
from datong.deliver.model import DSP_CONTEXT, EDC, ENDPOINT_TYPE, HTTP_ENDPOINT, TYPES, Act, Address
from datong.ground.refusal import Refusal

KEY = b"k" * 32


@given(st.text(max_size=400))
def test_share_names_are_legal_in_urls_and_profiles(text: str) -> None:
    name = rules.share_name(text)
    assert re.fullmatch(r"[0-9a-z_\-]{1,200}", name)
    assert rules.share_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("City Mobility/Flows_1", "city-mobility-flows_1"),
        (" 骑行 trips. ", "trips"),
        ("骑行", "unnamed"),
        ("a" * 300, "a" * 200),
        ("a" * 199 + " b", "a" * 199),
    ],
)
def test_a_share_name_keeps_what_may_stand_in_one(text: str, name: str) -> None:
    assert rules.share_name(text) == name == rules.share_name(name)


PARTS = {"file": "file-1", "grant": "grant-1", "event": "use-1", "until": "1000"}


def fault(changed: dict[str, str], now: float = 999, key: bytes = KEY) -> Any:
    signature = rules.address_signature(KEY, file="file-1", grant="grant-1", event="use-1", until=1000)
    return rules.address_fault(key, **{**PARTS, "signature": signature, **changed}, now=now)


def test_an_address_holds_until_its_time() -> None:
    assert fault({}) is None
    assert fault({}, now=1000) is None
    assert fault({}, now=1000.5) == ("已过期", "has expired")
    assert fault({"grant": "grant-2"}) == ("的签名无效", "has no valid signature")


@pytest.mark.parametrize(("until", "holds"), [(10**12 - 1, True), (10**12, False)])
def test_no_time_of_an_address_is_longer_than_twelve_digits(until: int, holds: bool) -> None:
    signature = rules.address_signature(KEY, file="f", grant="g", event="e", until=until)
    told = rules.address_fault(KEY, file="f", grant="g", event="e", until=str(until), signature=signature, now=0)
    assert told == (None if holds else ("的签名无效", "has no valid signature"))


@pytest.mark.parametrize("part", [*PARTS, "signature"])
def test_every_part_of_an_address_is_signed(part: str) -> None:
    for value in ("file-2", "2000", "", "9" * 40, "１０００", "-1", "é"):
        assert fault({part: value}) is not None, (part, value)


def test_another_grants_key_signs_nothing_here() -> None:
    assert "signature" in fault({}, key=b"x" * 32)[1]


def test_parts_cannot_run_into_each_other() -> None:
    a = rules.address_signature(KEY, file="a", grant="b\nc", event="d", until=1)
    b = rules.address_signature(KEY, file="a\nb", grant="c", event="d", until=1)
    assert a != b


DELTA = [
    (pa.int64(), "long"), (pa.int32(), "integer"), (pa.int16(), "short"), (pa.int8(), "byte"),
    (pa.float64(), "double"), (pa.float32(), "float"), (pa.string(), "string"), (pa.large_string(), "string"),
    (pa.bool_(), "boolean"), (pa.date32(), "date"), (pa.timestamp("us", "UTC"), "timestamp"),
    (pa.decimal128(12, 2), "decimal(12,2)"), (pa.binary(), "binary"),
    (pa.large_binary(), "binary"), (pa.timestamp("ms", "Etc/UTC"), "timestamp"), (pa.timestamp("us", "+00:00"), "timestamp"),
    (pa.list_(pa.string()), {"type": "array", "elementType": "string", "containsNull": True}),
]  # fmt: skip
NO_DELTA = [
    pa.timestamp("us"), pa.timestamp("ns", "UTC"), pa.timestamp("us", "Asia/Shanghai"), pa.uint32(), pa.uint64(),
    pa.time64("us"), pa.struct([("a", pa.int8())]), pa.list_(pa.uint8()),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), DELTA)
def test_delta_types(kind: pa.DataType, name: Any) -> None:
    assert rules.delta_type(kind) == name


def test_columns_without_a_delta_type_are_all_named_at_once() -> None:
    schema = pa.schema([("good", pa.int64()), *((f"bad{n}", kind) for n, kind in enumerate(NO_DELTA))])
    with pytest.raises(Refusal) as refused:
        rules.schema_string(schema)
    assert refused.value.code == "USE-412"
    assert [p.where for p in refused.value.problems] == [f"bad{n}" for n in range(len(NO_DELTA))]


def test_schema_string_is_spark_json() -> None:
    commented = pa.field("b", pa.string(), metadata={"comment": "noisy", "PARQUET:field_id": "2"})
    text = rules.schema_string(pa.schema([pa.field("面积", pa.int64(), False), commented]))
    assert '"面积"' in text
    assert json.loads(text) == {
        "type": "struct",
        "fields": [
            {"name": "面积", "type": "long", "nullable": False, "metadata": {}},
            {"name": "b", "type": "string", "nullable": True, "metadata": {"comment": "noisy"}},
        ],
    }


ADDRESS = Address("http://p.test/delta-sharing", "dt_" + "x" * 43, "2026-09-01T00:00:00Z", "agr-1")


def test_a_data_address_survives_the_wire() -> None:
    assert rules.read_address(json.loads(json.dumps(rules.data_address(ADDRESS)))) == ADDRESS


@pytest.mark.parametrize(
    "change",
    [
        {"endpointType": "https://w3id.org/idsa/v4.1/HTTP"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "http://user:pw@host/x"},
        {"endpoint": ["http://p.test"]},
        {"endpoint": "http://[::1"},
        {"endpointProperties": []},
        {"endpointProperties": "authorization"},
        {"endpointProperties": [{"name": "authorization", "value": 7}]},
        {"endpointProperties": [{"name": "authorization", "value": ""}]},
        {"endpointProperties": [{"name": "authorization", "value": "t" * 40}, {"name": "authType", "value": "basic"}]},
        {"endpointProperties": [None, {"name": "authorization", "value": "é" * 40}]},
        {"endpointProperties": [{"name": "authorization", "value": "t" * 40 + "\r\nX-Role: operator"}]},
        {
            "endpointProperties": [
                {"name": "authorization", "value": "t" * 40},
                {"name": "expirationTime", "value": "9" * 41},
            ]
        },
        {"endpointProperties": [{"name": "authorization", "value": "t" * 40}, {"name": "share", "value": "s" * 201}]},
    ],
)
def test_hostile_data_addresses_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refused:
        rules.read_address({**rules.data_address(ADDRESS), **change})
    assert refused.value.code == "USE-400"


BEARER = {"name": "authorization", "value": "t" * 40}


@pytest.mark.parametrize(
    ("given", "kind", "read"),
    [
        ({}, ENDPOINT_TYPE, "http://p.test/x"),
        ({"endpoint": "http://p.test/x/"}, ENDPOINT_TYPE, "http://p.test/x"),
        ({"endpoint": "http://p.test/x/", "endpointType": HTTP_ENDPOINT}, HTTP_ENDPOINT, "http://p.test/x/"),
        ({"endpointType": "HttpData"}, HTTP_ENDPOINT, "http://p.test/x"),
        ({"endpointType": "HttpData"}, ENDPOINT_TYPE, ["dataAddress.endpointType"]),
        ({"endpointType": "HttpData", "endpointProperties": []}, HTTP_ENDPOINT, "http://p.test/x"),
        ({"endpointProperties": []}, ENDPOINT_TYPE, ["dataAddress.authorization"]),
        (
            {"endpointType": "HttpData", "endpoint": None,
             "endpointProperties": [{"name": f"{EDC}baseUrl", "value": "http://q.test"}]},
            HTTP_ENDPOINT, "http://q.test",
        ),
        (
            {"endpointType": "HttpData", "endpoint": None,
             "endpointProperties": [{"name": "endpoint", "value": "http://q.test"}]},
            HTTP_ENDPOINT, "http://q.test",
        ),
        (
            {"endpoint": None, "endpointProperties": [BEARER, {"name": "baseUrl", "value": "http://q.test"}]},
            ENDPOINT_TYPE, ["dataAddress.endpoint"],
        ),
        ({"endpointProperties": [BEARER, {"name": "authType", "value": "Bearer"}]}, ENDPOINT_TYPE, "http://p.test/x"),
        (
            {"endpointProperties": [{"name": "authorization", "value": "Basic eA=="}, {"name": "authType", "value": "basic"}]},
            ENDPOINT_TYPE, "http://p.test/x",  # a token that names its scheme is sent as it is
        ),
        (
            {"endpointType": HTTP_ENDPOINT, "endpointProperties": [{"name": "authType", "value": "basic"}]},
            HTTP_ENDPOINT, "http://p.test/x",  # a file that lies open is fetched with no token
        ),
        (
            {"endpointProperties": [{"name": "authorization", "value": "t" * 4096}, {"name": "share", "value": "s" * 200},
                                    {"name": "expirationTime", "value": "9" * 40}]},
            ENDPOINT_TYPE, "http://p.test/x",
        ),
        ({"endpointProperties": [{"name": "authorization", "value": "t"}]}, ENDPOINT_TYPE, "http://p.test/x"),
        (
            {"endpointType": HTTP_ENDPOINT, "endpointProperties": [{"name": "authorization", "value": 7}]},
            HTTP_ENDPOINT, ["dataAddress.authorization"],
        ),
        (
            {"endpointProperties": [{"name": "authorization", "value": "t" * 4097}]},
            ENDPOINT_TYPE, ["dataAddress.authorization"],
        ),
        (
            {"endpointType": "S3", "endpoint": "s3://b", "endpointProperties": []},
            ENDPOINT_TYPE, ["dataAddress.endpointType", "dataAddress.endpoint", "dataAddress.authorization"],
        ),
    ],
)  # fmt: skip
def test_how_peers_write_a_data_address(given: dict[str, Any], kind: str, read: str | list[str]) -> None:
    written = {"endpointType": ENDPOINT_TYPE, "endpoint": "http://p.test/x", "endpointProperties": [BEARER], **given}
    if isinstance(read, str):
        assert rules.read_address(written, kind).endpoint == read
        return
    with pytest.raises(Refusal) as refused:
        rules.read_address(written, kind)
    assert [problem.where for problem in refused.value.problems] == read


@pytest.mark.parametrize("kind", [ENDPOINT_TYPE, HTTP_ENDPOINT])
def test_a_data_address_names_what_there_is(kind: str) -> None:
    def written(address: Address) -> dict[str, Any]:
        return rules.data_address(address, kind)

    base = {f"{EDC}baseUrl": ADDRESS.endpoint} if kind == HTTP_ENDPOINT else {}
    told = {"authorization": ADDRESS.token, "authType": "bearer", "expirationTime": ADDRESS.expires, "share": "agr-1"}
    assert written(ADDRESS) == {
        "@type": "DataAddress", "endpointType": kind, "endpoint": ADDRESS.endpoint,
        "endpointProperties": [
            {"@type": "EndpointProperty", "name": name, "value": value} for name, value in {**told, **base}.items()
        ],
    }  # fmt: skip
    bare = written(Address(ADDRESS.endpoint, "t", "", ""))["endpointProperties"]
    assert [item["name"] for item in bare] == ["authorization", "authType", *base]


def test_of_an_address_without_a_time_or_a_share_neither_is_made_up() -> None:
    assert rules.read_address({"endpointType": HTTP_ENDPOINT, "endpoint": "http://p.test"}, HTTP_ENDPOINT) == Address(
        "http://p.test", "", "", ""
    )
    assert rules.read_address(
        {"endpointType": ENDPOINT_TYPE, "endpoint": "http://p.test", "endpointProperties": [BEARER]}
    ) == Address("http://p.test", "t" * 40, "", "")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("http://p.test", True), ("https://p.test/x", True), ("https://p.test/" + "x" * 1985, True),
        ("https://p.test/" + "x" * 1986, False), ("ftp://p.test", False), ("http:///x", False), ("p.test/x", False),
        ("http://u@p.test", False), ("http://[::1", False),
    ],
)  # fmt: skip
def test_what_is_a_web_address(text: str, good: bool) -> None:
    assert rules.web_address(text) is good


def test_a_token_that_names_its_scheme_stays_as_it_came() -> None:
    assert [rules.bearer(token) for token in ("t", "Basic x")] == ["Bearer t", "Basic x"]


def test_every_field_of_a_message_that_is_no_text_is_told() -> None:
    assert rules.texts({"a": "x"}, ["a"]) == {"a": "x"}
    fields = {"a": "x" * 10, "b": "", "c": 5, "d": "x" * 11, "e": ["x"], "g": 5}
    with pytest.raises(Refusal) as refused:
        rules.texts(fields, iter("abcdef"), 10)
    assert (refused.value.code, [p.where for p in refused.value.problems]) == ("USE-400", ["b", "c", "d", "e", "f"])
    assert rules.texts(fields, iter("a"), 10) == {"a": "x" * 10}
    assert rules.texts({"a": "x" * 2000}, ["a"])
    with pytest.raises(Refusal):
        rules.texts({"a": "x" * 2001}, ["a"])


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ([{"digest": "sha256:1"}, {"digest": "sha256:2"}], {"sha256:1", "sha256:2"}),
        ([{"digest": "sha256:1"}, "sha256:2", None], {"sha256:1"}),
        ({"digest": "sha256:1"}, set()),
        (None, set()),
    ],
)
def test_the_files_that_a_proof_names(named: Any, found: set[str]) -> None:
    assert rules.digests({"files": named}) == found


def test_a_process_is_told_compactly() -> None:
    assert rules.process_message("c", "p", "STARTED") == {
        "@context": [DSP_CONTEXT], "@type": "TransferProcess", "providerPid": "p", "consumerPid": "c", "state": "STARTED",
    }  # fmt: skip


def test_a_message_without_a_code_or_a_reason_has_no_empty_ones() -> None:
    plain = {"@context": [DSP_CONTEXT], "providerPid": "p", "consumerPid": "c"}
    told = {"code": "USE-1", "reason": ["why"]}
    for act in Act:
        may = act in (Act.suspend, Act.terminate)
        plain["@type"] = TYPES[act]
        assert rules.move_message(act, "c", "p", "", []) == plain
        assert rules.move_message(act, "c", "p", "USE-1", ["why"]) == {**plain, **(told if may else {})}


@pytest.mark.parametrize("hostile", [None, 7, [], "x"])
def test_no_data_address_at_all(hostile: Any) -> None:
    with pytest.raises(Refusal):
        rules.read_address(hostile)


def test_the_profile_is_version_1_and_without_empty_members() -> None:
    assert ADDRESS.profile()["shareCredentialsVersion"] == 1
    assert "expirationTime" not in Address("http://p", "t" * 20, "", "s").profile()


def test_the_proof_says_where_control_ended() -> None:
    facts: dict[str, Any] = {"agreement": "a", "node": "n", "reason": "r", "at": "t", "by": "p", "keys": ["k2", "k1"],
                             "files": [{"digest": "sha256:1", "bytes": 1, "role": "released"}]}  # fmt: skip
    kept = rules.destruction_proof(**facts, download_allowed=False)
    assert kept == {**facts, "kind": "destruction_proof", "version": 1, "keys": ["k1", "k2"], "control": "complete"}
    files = [{"digest": "sha256:2"}, {"digest": "sha256:1"}]
    assert rules.destruction_proof(**{**facts, "files": files}, download_allowed=False)["files"] == files[::-1]
    let_go = rules.destruction_proof(**facts, download_allowed=True)
    assert kept["control"] == "complete" and "note" not in kept and kept["keys"] == ["k1", "k2"]
    assert let_go["control"] == "ends at download" and "beyond" in let_go["note"]["en"]
    assert "已下载" in let_go["note"]["zh"]


@pytest.mark.parametrize(
    ("side", "zh"), [("provider", "提供方"), ("consumer", "需求方"), ("side", "一方"), ("pair of sides", "合同双方")]
)
def test_a_node_that_is_not_of_the_contract_is_told_what_it_is_not(side: str, zh: str) -> None:
    told = rules.not_ours("end", "agr-1", side)
    assert (told.facts["zh"], told.facts["en"]) == (zh, side)
