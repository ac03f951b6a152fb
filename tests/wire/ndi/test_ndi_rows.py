"""All 398 rows of the 27 tables, one by one: present, missing, too long, wrong type, every spelling."""

from __future__ import annotations

import pytest
from ndi_samples import holders, sample

from datong.wire.ndi import reading
from datong.wire.ndi.tables import printed

TABLES = printed()
ROWS = [
    pytest.param(interface, part, row, id=f"{interface.id}.{part}.{row.row}")
    for interface in TABLES.interfaces.values()
    for part in ("request", "response")
    for row in interface.rows(part)
]


def test_the_tables_hold_27_interfaces_and_398_rows() -> None:
    assert len(TABLES.interfaces) == 27
    assert len(ROWS) == 398
    documents = {interface.document for interface in TABLES.interfaces.values()}
    assert documents == {"TC609-6-2025-14", "TC609-6-2025-15", "NDI-TR-2025-03", "NDI-TR-2025-05"}


def spoilt(interface, part, row, change):
    message = sample(TABLES, interface, part)
    if row.when:  # a conditional row is told in the state that asks for it
        message[row.when["field"]] = row.when["is"]
    holder, name = holders(message, row.path)
    change(holder, name)
    return reading.read(TABLES, interface, part, message)


def kinds(found, row):
    return [fault.kind for fault in found.faults if fault.row == row.row]


@pytest.mark.parametrize(("interface", "part", "row"), ROWS)
def test_each_row(interface, part, row) -> None:
    assert spoilt(interface, part, row, lambda *_: None).faults == ()

    missing = spoilt(interface, part, row, lambda holder, name: holder.pop(name))
    needed = (row.required is True or bool(row.when)) and not row.accept_absent
    assert kinds(missing, row) == (["missing"] if needed else [])
    null = spoilt(interface, part, row, lambda holder, name: holder.update({name: None}))
    assert kinds(null, row) == kinds(missing, row)

    if row.type != "any":
        wrong = spoilt(interface, part, row, lambda holder, name: holder.update({name: 7}))
        assert "format" in kinds(wrong, row)

    if row.longest is not None and row.type == "text" and not row.codes and "object" not in row.also:
        for length, fits in ((row.longest, True), (row.longest + 1, False)):
            found = spoilt(interface, part, row, lambda holder, name, n=length: holder.update({name: "字" * n}))
            assert kinds(found, row) == ([] if fits else ["too_long"])

    for spelling in row.names:

        def respelt(holder, name, spelling=spelling):
            holder[spelling] = holder.pop(name)

        message = sample(TABLES, interface, part)
        respelt(*holders(message, row.path))
        found = reading.read(TABLES, interface, part, message)
        assert found.faults == ()
        assert (
            holders(found.value, row.path)[0][row.name]
            == holders(sample(TABLES, interface, part), row.path)[0][row.name]
        )
        assert bool(found.odd) is (spelling != row.name)

    if row.codes and row.codes != "action" and row.type == "text":
        strange = spoilt(interface, part, row, lambda holder, name: holder.update({name: "?"}))
        assert "code" in kinds(strange, row)


def test_all_faults_of_one_message_are_told_at_once() -> None:
    found = reading.read(
        TABLES, TABLES.interface("contractCreate"), "request", {"contractName": "n" * 129, "signMode": "09"}
    )
    told = {(fault.where, fault.kind) for fault in found.faults}
    assert {
        ("contractName", "too_long"),
        ("signMode", "code"),
        ("signature", "missing"),
        ("endTime", "missing"),
    } <= told
    assert len(told) == 9
