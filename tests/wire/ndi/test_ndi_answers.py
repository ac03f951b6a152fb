"""Envelopes and return codes, by document."""

from __future__ import annotations

import pytest

from datong.ground.refusal import Refusal
from datong.wire.ndi import answers, reading
from datong.wire.ndi.tables import printed, tables

TABLES = printed()


def refused(interface, value):
    found = reading.read(TABLES, TABLES.interface(interface), "request", value)
    refusal = reading.refusal(TABLES.interface(interface), "request", found.faults)
    kinds = tuple(fault.kind for fault in found.faults)
    return answers.refused(TABLES, TABLES.interface(interface), refusal, kinds)


def test_success_in_each_documents_envelope() -> None:
    done = answers.done
    assert done(TABLES, TABLES.interface("contractTerminate")) == {"status": "0"}
    assert done(TABLES, TABLES.interface("contractCreate"), {"contractId": "C"}) == {
        "contractId": "C",
        "creationFlag": "0",
    }
    assert done(TABLES, TABLES.interface("contractNegotiate"), {"negotiationStatus": "1"}) == {"negotiationStatus": "1"}
    search = done(TABLES, TABLES.interface("catalogueSearch"), {"total": "0"})
    assert search == {"code": "10000", "message": "请求成功", "data": {"total": "0"}}
    assert done(TABLES, TABLES.interface("SyncConnectorInfo")) == {"code": "005000", "message": "请求成功"}
    assert done(TABLES, TABLES.interface("GetPersonInfo"), {"a": 1})["code"] == "001000"


@pytest.mark.parametrize(
    ("interface", "value", "name", "code"),
    [
        ("contractTemplate", {}, "status", "1"),
        ("contractNegotiate", {"contractName": 5}, "negotiationStatus", "1"),
        ("catalogueSearch", {"offset": "0"}, "code", "11005"),
        ("catalogueSearch", {"offset": "0", "limit": 5}, "code", "11003"),
        ("productDetail", {"productId": "p" * 66}, "code", "11004"),
        ("productDetail", {}, "code", "11001"),
        ("GetToken", {"authCode": ""}, "code", "200001"),
        ("SyncLogoffInfo", {"identityCode": "i" * 65}, "code", "203003"),
        ("SyncConnectorInfo", {"baseInfo": []}, "code", "205002"),
        ("GetPersonInfo", {}, "code", "201004"),
    ],
)
def test_return_codes_of_faults(interface, value, name, code) -> None:
    answer = refused(interface, value)
    assert answer[name] == code
    assert answer["error"]["problems"] or answer["error"]["code"] == "NDI-400"
    assert not answers.succeeded(TABLES, TABLES.interface(interface), answer)
    assert len(answer.get("message", "")) <= 128


def test_an_answer_is_read_in_the_tables_names_and_the_samples() -> None:
    detail, status = TABLES.interface("productDetail"), TABLES.interface("GetOperatorStatus")
    assert answers.succeeded(TABLES, detail, {"status": "10000", "msg": "", "data": {}})
    assert answers.succeeded(TABLES, status, {"code": "003000"})
    assert answers.succeeded(TABLES, status, {"code": "000000"})
    assert not answers.succeeded(TABLES, status, {"code": "303001"})
    assert not answers.succeeded(TABLES, status, {})
    create = TABLES.interface("contractCreate")
    taken = [answers.succeeded(TABLES, create, {"creationFlag": flag}) for flag in ("0", 0, 1, "1", False, None, "")]
    assert taken == [True, True, False, False, False, False, False]
    assert answers.succeeded(TABLES, detail, {"code": 10000})


def test_a_node_corrects_the_tables_in_a_file(tmp_path) -> None:
    file = tmp_path / "ndi.yaml"
    file.write_text(
        "interfaces:\n  contractCreate:\n    path: /v2/contractCreate\n    request:\n"
        "      contractName: {length: 256}\n      contractAbstract: {required: false}\n"
        "return_codes:\n  flag: {success: '00'}\n",
        "utf-8",
    )
    corrected = tables(file)
    create = corrected.interface("contractCreate")
    assert create.path == "/v2/contractCreate"
    assert [row.longest for row in create.request][:2] == [256, 1024]
    assert create.request[1].required is False
    assert answers.done(corrected, corrected.interface("contractTerminate")) == {"status": "00"}
    assert TABLES.interface("contractCreate").path == "/contractCreate"


ROW = "interfaces.contractCreate.request.{}"
MISTAKES = [
    ("interfaces: [contractCreate]", ["interfaces"]),
    ("interfaces: {contractCreate: 5}", ["interfaces.contractCreate"]),
    ("interfaces: {contractCreate: {request: [1]}}", ["interfaces.contractCreate.request"]),
    ("interfaces: {contractCreate: {request: {contractName: 128}}}", [ROW.format("contractName")]),
    ("interfaces: {contractCreate: {path: ''}}", ["interfaces.contractCreate.path"]),
    ("interfaces: {contractCreate: {path: noslash, method: FLY, flag: nosuch, module: 5, wings: 2}}",
     [f"interfaces.contractCreate.{name}" for name in ("flag", "method", "module", "path", "wings")]),
    ("interfaces: {contractCreate: {path: '/{id}', method: [POST]}}",
     ["interfaces.contractCreate.method", "interfaces.contractCreate.path"]),
    ("interfaces: {contractCreate: {request: {signMode: {codes: nosuch, length: true, read_length: -5}}}}",
     [ROW.format(f"signMode.{name}") for name in ("codes", "length", "read_length")]),
    ("interfaces: {contractCreate: {request: {contractName: {spellings: [5, {}], required: sometimes, type: []}}}}",
     [ROW.format(f"contractName.{name}") for name in ("required", "spellings", "type")]),
    ("interfaces: {contractCreate: {request: {contractName: {required: conditional, accept_absent: 1, size: 3}}}}",
     [ROW.format(f"contractName.{name}") for name in ("accept_absent", "required", "size")]),
    ("code_tables: {signMode: [5]}", ["code_tables.signMode[0]"]),
    ("code_tables: {signMode: [{code: '01'}, {code: 1, zh: 一, en: one, also: one}]}",
     ["code_tables.signMode[0].en", "code_tables.signMode[0].zh", "code_tables.signMode[1].also",
      "code_tables.signMode[1].code"]),
    ("code_tables: {signMode: [], nosuch: []}", ["code_tables.nosuch", "code_tables.signMode"]),
    ("return_codes: {flag: 7}", ["return_codes.flag"]),
    ("return_codes: {flag: {success: 0, sucess: '0'}}", ["return_codes.flag.success", "return_codes.flag.sucess"]),
    ("return_codes: 7\ncode_tables: [1]\nenvelope: x", ["code_tables", "envelope", "return_codes"]),
    ("envelope: {code: []}", ["envelope.code"]),
    ("envelope: {code: [5], nosuch: [a]}", ["envelope.code", "envelope.nosuch"]),
    ("5: {}", ["5"]),
    ("interfaces: {5: {}}", ["interfaces.5"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "places"), MISTAKES)
def test_each_mistake_in_the_corrections_is_told_by_name(tmp_path, text, places) -> None:
    file = tmp_path / "ndi.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(Refusal) as caught:
        tables(file)
    assert caught.value.code == "NDI-410"
    assert sorted(p.where for p in caught.value.problems) == places
    assert all(p.zh and p.en for p in caught.value.problems)


def test_what_may_be_corrected_is(tmp_path) -> None:
    file = tmp_path / "ndi.yaml"
    file.write_text(
        "interfaces:\n  contractTerminate: {method: PUT, request: {agreedEndTime: {required: conditional}}}\n"
        "  contractNegotiate: {request: {'strategy.actions': {type: texts, codes: ''}}}\n  GetToken:\n"
        "code_tables: {signMode: [{code: '09', zh: 九, en: nine, also: [nine]}]}\n"
        "return_codes: {six_digits: {conflict: '3XX003'}}\nenvelope: {code: [status, code]}\n",
        "utf-8",
    )
    corrected = tables(file)
    assert corrected.interface("contractTerminate").method == "PUT"
    assert corrected.code_of("signMode", "nine") == "09"
    assert corrected.return_codes["six_digits"]["conflict"] == "3XX003"
    assert corrected.envelope["code"] == ("status", "code")


def test_every_mistake_in_the_corrections_is_told(tmp_path) -> None:
    file = tmp_path / "ndi.yaml"
    file.write_text(
        "interfaces:\n  contractMake: {path: /x}\n  contractCreate:\n    path: 5\n    request:\n"
        "      contractTitle: {length: 3}\n      contractName: {length: long}\nfields: {}\n",
        "utf-8",
    )
    with pytest.raises(Refusal) as caught:
        tables(file)
    assert caught.value.code == "NDI-410"
    assert sorted(p.where for p in caught.value.problems) == [
        "fields", "interfaces.contractCreate.path", "interfaces.contractCreate.request.contractName.length",
        "interfaces.contractCreate.request.contractTitle", "interfaces.contractMake",
    ]  # fmt: skip
    with pytest.raises(Refusal):
        tables(tmp_path / "absent.yaml")
