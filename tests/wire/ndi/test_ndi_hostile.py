"""Every member of every message replaced by what it must not be, signed by a real party: no error, and no state moves."""

from __future__ import annotations

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
