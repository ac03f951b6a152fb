"""Every member of every message replaced by what it must not be, signed by a real party: no error, and no state moves."""

from __future__ import annotations

import json
import time

import pytest
from ndi_samples import sample
from ndi_world import Country
from ndi_world import concluded as concluded  # noqa: PLC0414 - its fixture
from test_ndi_access import TEN, by_hand

from two_nodes import Node

VALUES: list[object] = [
    None,
    5,
    True,
    "",
    "x" * 5000,
    "x\0y",
    [],
    [[]],
    [{}],
    {},
    {"a": {"b": []}},
    "591520000MA0000000000",
]


def leaves(node: Node) -> int:
    with node.store.engine.connect() as raw:
        return int(raw.exec_driver_sql("SELECT count(*) FROM evidence_leaf").scalar_one())


@pytest.mark.parametrize("interface", TEN)
def test_a_member_that_spoils_a_message_changes_nothing(concluded: Country, interface: str) -> None:
    contract = concluded.consumer.agreements()[0]["code"]
    whole = sample(concluded.tables, concluded.tables.interface(interface), "request")
    whole |= {"contractId": contract} if "contractId" in whole else {}
    for node in (concluded.platform, concluded.provider):
        for name in whole:
            for value in VALUES:
                before, spoilt = leaves(node), {**whole, name: value}
                answer = concluded.call(node, f"/{interface}", spoilt, by_hand(concluded.consumer, interface, spoilt))
                assert answer.status_code < 500, (interface, name, value, answer.text)
                if answer.status_code >= 400:
                    assert leaves(node) == before, (interface, name, value)


def _exp(text: str) -> dict[str, object]:
    return {"policyExpansion": text}


def _time(value: str) -> dict[str, object]:
    return {"constraints": [{"constraintName": "time", "constraintOperator": "03", "constraintValue": value}]}


CONTENTS = [
    _exp('{"kind":["permission"]}'),
    _exp('{"kind":{}}'),
    _exp('{"kind":"permission","constraints":[{"left":["x"],"op":"eq","right":"x"}]}'),
    _exp('{"kind":"permission","contract":{"terms":{"purpose":"\\ud800"}}}'),
    _exp('{"kind":"permission","x":NaN}'),
    _exp('{"kind":"permission","x":123456789012345678901234567890}'),
    _exp('{"kind":"permission","kind":"prohibition"}'),
    _exp('{"kind":"permission","x":' + "[" * 950 + "]" * 950 + "}"),
    _time("00010101000000"),
    _time("0001-01-01T00:00:00+23:59 -- 9999-12-31T23:59:59-23:59"),
]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_strategy_that_cannot_be_read_is_refused_and_changes_nothing(
    concluded: Country, content: dict[str, object], as_text: bool
) -> None:
    agreed, node = concluded.consumer.agreements()[0], concluded.provider
    strategy = {
        "subjectInfo": {"dataProductId": agreed["dataset"]}, "actions": ["read"],
        "executionNodeInfo": {"providerNodeId": node.code, "consumerNodeId": concluded.consumer.code}, **content,
    }  # fmt: skip
    said = json.dumps(strategy) if as_text else strategy
    message = {"contractName": "n", "contractId": agreed["code"], "strategy": said}
    before = leaves(node)
    headers = by_hand(concluded.consumer, "contractNegotiate", message)
    answer = concluded.call(node, "/contractNegotiate", message, headers)
    assert answer.status_code in (400, 409), answer.text
    assert answer.json()["error"]["code"] in ("NDI-400", "NDI-420")
    assert leaves(node) == before


@pytest.mark.parametrize("authorization", [None, "Bearer x"])
def test_a_large_message_is_read_once_its_sender_is_known(concluded: Country, authorization: str | None) -> None:
    """Eight megabytes of numbers took fifteen seconds of a core, whoever sent them."""
    headers = {} if authorization is None else {"authorization": authorization}
    message = {"x": [1] * 2_000_000}
    begun = time.process_time()
    answer = concluded.call(concluded.provider, "/contractNegotiate", message, headers)
    assert answer.json()["error"]["code"] == ("NET-413" if authorization is None else "NET-401")
    assert time.process_time() - begun < 3
