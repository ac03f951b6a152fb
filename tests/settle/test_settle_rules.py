"""Periods, invoice lines, the split and the beancount text: examples, and properties that must hold for all."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground import clock
from datong.ground.money import FEN_MAX
from datong.ground.refusal import Refusal
from datong.settle import rules
from datong.settle.model import InvoiceState, Posting

GROUP, BIKE, BUREAU, BUYER = "91520000MA6GROUP01", "91520100MA6BIKE001", "11520000009390180H", "91520100MA6LAB0001"
SPLIT = [
    {"party": GROUP, "weight": 30, "payee_kind": "company", "account": "g"},
    {"party": BUREAU, "weight": 40, "payee_kind": "treasury", "account": "t"},
    {"party": BIKE, "weight": 30, "payee_kind": "company", "account": "b"},
]


def event(number: int, state: str = "MONETIZABLE", size: int = 0, table: str = "flows.cells") -> dict[str, Any]:
    return {"id": f"use-{number}", "state": state, "table_name": table, "version": 1, "bytes_granted": size}


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("2026-03", "2026-02-28T16:00:00+00:00", "2026-03-31T16:00:00+00:00"),
        ("2026-11", "2026-10-31T16:00:00+00:00", "2026-11-30T16:00:00+00:00"),
        ("2026-12", "2026-11-30T16:00:00+00:00", "2026-12-31T16:00:00+00:00"),
        ("2026-03-02/2026-03-05", "2026-03-01T16:00:00+00:00", "2026-03-04T16:00:00+00:00"),
        ("2028-02", "2028-01-31T16:00:00+00:00", "2028-02-29T16:00:00+00:00"),
        ("2028-02-29/2028-03-01", "2028-02-28T16:00:00+00:00", "2028-02-29T16:00:00+00:00"),
        ("2026-03-02T00:00:00Z/2026-03-02T12:00:00Z", "2026-03-02T00:00:00+00:00", "2026-03-02T12:00:00+00:00"),
        ("2026-03-02T00:00:00.5Z/2026-03-03", "2026-03-02T00:00:00.500000+00:00", "2026-03-02T16:00:00+00:00"),
    ],
)
def test_period(period: str, start: str, end: str) -> None:
    assert [at.isoformat() for at in rules.period_bounds(period)] == [start, end]


@pytest.mark.parametrize(
    "period",
    [
        "",
        "2026",
        "2026-13",
        "2026-03-05/2026-03-05",
        "2026-03-06/2026-03-05",
        "a/b",
        "x/y/z",
        "0001-01",
        "9999-12",
        "2027-02-29/2027-03-01",
        "2026-03-02T00:00:00.5Z/2026-03-02T00:00:00.5Z",
    ],
)
def test_period_refused(period: str) -> None:
    with pytest.raises(Refusal) as refused:
        rules.period_bounds(period)
    assert refused.value.code == "TRD-422"


A, B, C = "2026-03-01T00:00:00Z", "2026-03-11T08:00:00Z", "2026-04-01T00:00:00Z"
LATER = "2026-03-11T08:00:00.7Z"


@pytest.mark.parametrize(
    ("uses", "periods"),
    [
        ([], []),
        ([(A, "x"), (B, "x")], []),
        ([(A, "x"), (B, "y")], [f"{A}/{B}", f"{B}/{C}"]),
        ([(A, "x"), (LATER, "y"), ("2026-03-12T00:00:00Z", "y")], [f"{A}/{LATER}", f"{LATER}/{C}"]),
        ([(A, "x"), (B, "y"), (LATER, "x")], [f"{A}/{B}", f"{B}/{LATER}", f"{LATER}/{C}"]),
    ],
)
def test_a_period_falls_apart_where_what_holds_changes(uses: list[tuple[str, str]], periods: list[str]) -> None:
    assert rules.apart(A, C, uses) == periods


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (A, True), ("2026-03-01T00:00:00.500000Z", True), ("2026-03-01T00:00:00", False), ("2026-03-01", False),
        ("2026-03-01T08:00:00+08:00", False), ("2026-03-01T00:00:00+00:00", False), ("2026-03-01t00:00:00Z", False),
        ("9999-12-31T23:59:59-08:00", False), ("soon", False), ("", False),
    ],
)  # fmt: skip
def test_which_times_of_a_peer_compare_as_texts(text: str, kept: bool) -> None:
    assert rules.is_instant(text) is kept


@pytest.mark.parametrize(
    ("uses", "gross", "fits"),
    [(100_000, 0, True), (100_001, 0, False), (1, FEN_MAX, True), (1, FEN_MAX + 1, False)],
)
def test_what_one_invoice_can_say(uses: int, gross: int, fits: bool) -> None:
    if fits:
        rules.require_billable(uses, gross)
        return
    with pytest.raises(Refusal) as refused:
        rules.require_billable(uses, gross)
    assert refused.value.facts["most_fen"] == FEN_MAX


def test_a_line_names_every_version_or_the_first_the_last_and_how_many() -> None:
    def said(versions: list[int], product: str = "p") -> str:
        events = [{**event(n), "version": version} for n, version in enumerate(versions)]
        (line,) = rules.lines(events, {"kind": "free", "amount_fen": 0}, product)
        return line.description

    assert said([10, 9, 9]) == "p flows.cells v9, 10"
    room = 400 - len(" flows.cells v9, 10")
    assert said([10, 9], "p" * room) == "p" * room + " flows.cells v9, 10"
    assert said([10, 9], "p" * (room + 1)) == ("p" * (room + 1) + " flows.cells v9 … v10 (2)")[:400]
    assert said(list(range(1, 201))) == "p flows.cells v1 … v200 (200)"


def test_only_monetizable_events_are_charged_and_every_event_is_named_once() -> None:
    events = [event(3), event(2, "INCLUDED"), event(1), event(4, "FREE"), event(5, table="flows.types")]
    lines = rules.lines(events, {"kind": "per_delivery", "amount_fen": 1234}, "mobility-flows")
    assert [(line.state, line.quantity, line.amount_fen) for line in lines] == [
        ("MONETIZABLE", 2, 2468), ("MONETIZABLE", 1, 1234), ("FREE", 1, 0), ("INCLUDED", 1, 0),
    ]  # fmt: skip
    assert [(line.number, line.events) for line in lines] == [
        (1, ("use-1", "use-3")), (2, ("use-5",)), (3, ("use-4",)), (4, ("use-2",)),
    ]  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(["MONETIZABLE", "FREE", "INCLUDED", "NON_MONETIZABLE"]), st.integers(0, 3))),
    st.integers(1, 10**7),
)
def test_lines_hold_every_event_once_and_add_up(kinds: list[tuple[str, int]], price: int) -> None:
    events = [event(n, state, table=f"t{table}") for n, (state, table) in enumerate(kinds)]
    lines = rules.lines(events, {"kind": "per_delivery", "amount_fen": price}, "p")
    assert sorted(e for line in lines for e in line.events) == sorted(e["id"] for e in events)
    charged = sum(state == "MONETIZABLE" for state, _ in kinds)
    assert sum(line.amount_fen for line in lines) == charged * price
    assert sum(line.quantity for line in lines) == len(events)


parties = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(lambda ws: sum(ws) > 0)


@given(st.integers(0, 10**13), parties, st.randoms())
def test_the_split_adds_up_is_near_and_does_not_depend_on_order(gross: int, weights: list[int], random: Any) -> None:
    split = [
        {"party": f"91P{n:03d}", "weight": w, "payee_kind": "company", "account": "a"} for n, w in enumerate(weights)
    ]
    parts = rules.shares(gross, split)
    assert sum(part.share_fen for part in parts) == gross
    for part in parts:
        assert abs(part.share_fen - Fraction(part.exact)) < 1
    shuffled = split[:]
    random.shuffle(shuffled)
    assert {p.party: p.share_fen for p in rules.shares(gross, shuffled)} == {p.party: p.share_fen for p in parts}


@given(
    st.integers(1, 10**6), st.lists(st.integers(0, 5), min_size=1, max_size=6),
    st.lists(st.integers(0, 10**4), min_size=1, max_size=5).filter(any),
)  # fmt: skip
def test_whatever_is_credited_step_by_step_the_rest_is_split_as_if_no_more_had_been_billed(
    fee: int, steps: list[int], weights: list[int]
) -> None:
    split = [
        {"party": f"91P{n}", "weight": weight, "payee_kind": "company", "account": "a"}
        for n, weight in enumerate(weights)
    ]
    left = fee * sum(steps)
    held = [share.share_fen for share in rules.shares(left, split)]
    for uses in steps:
        parts = rules.credited_shares(left, left - fee * uses, split)
        assert sum(part.share_fen for part in parts) == -fee * uses
        assert all(part.share_fen <= 1 for part in parts), "a small part grows by a fen at most"
        left -= fee * uses
        held = [have + part.share_fen for have, part in zip(held, parts, strict=True)]
        assert held == [share.share_fen for share in rules.shares(left, split)]
    assert held == [0] * len(weights)


INSTANTS = st.integers(0, 30 * 24 * 3600 * 10**6).map(
    lambda after: clock.text(clock.instant("2026-03-01T00:00:00Z") + timedelta(microseconds=after))
)


@given(st.lists(st.tuples(INSTANTS, st.sampled_from("ab")), max_size=12, unique_by=lambda use: use[0]))
def test_a_period_falls_apart_into_periods_of_one_split_each(uses: list[tuple[str, str]]) -> None:
    start, end = "2026-02-28T16:00:00Z", "2026-03-31T16:00:00Z"
    uses.sort(key=lambda use: clock.instant(use[0]))
    periods = rules.apart(start, end, uses) or [f"{start}/{end}"]
    bounds = [rules.period_bounds(period) for period in periods]
    assert [bounds[0][0], bounds[-1][1]] == [clock.instant(start), clock.instant(end)]
    assert all(one[1] == other[0] for one, other in itertools.pairwise(bounds)), "no time is left out or billed twice"
    for first, last in bounds:
        held = {split for at, split in uses if first <= clock.instant(at) < last}
        assert len(held) <= 1 and (held or not uses)


SUPPLIES = st.sets(st.tuples(st.sampled_from([GROUP, BIKE, BUREAU]), st.sampled_from(["a", "b", "c"])), max_size=4)


@given(st.lists(st.tuples(INSTANTS, SUPPLIES), max_size=20))
def test_each_use_leans_on_one_set_of_a_partys_contracts(uses: list[tuple[str, set[tuple[str, str]]]]) -> None:
    told = rules.leaning(BIKE, uses)
    assert sum(group["uses"] for group in told) == len(uses)
    own = {tuple(sorted(contract for whose, contract in supplies if whose == BIKE)) for _, supplies in uses}
    assert {tuple(group["contracts"]) for group in told} == own and len(told) == len(own)
    times = sorted((at for at, _ in uses), key=clock.instant)
    if times:
        assert told[0]["first_at"] == times[0]
        assert max((group["last_at"] for group in told), key=clock.instant) == times[-1]


@given(st.integers(0, 10**13), parties)
def test_a_charge_sums_to_zero(gross: int, weights: list[int]) -> None:
    split = [
        {"party": f"91P{n:03d}", "weight": w, "payee_kind": "company", "account": "a"} for n, w in enumerate(weights)
    ]
    postings = rules.charge("91P000", BUYER, gross, rules.shares(gross, split))
    assert sum(posting.amount_fen for posting in postings) == 0


def test_unbalanced_postings_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        rules.balanced([Posting("A", GROUP, 100), Posting("B", GROUP, -99)], "分账", "split")
    assert (refused.value.code, refused.value.facts["difference_fen"]) == ("TRD-407", 1)


TREASURY, COMPANY = SPLIT[1], SPLIT[2]


def postings(made: list[Posting]) -> list[tuple[str, str, int, str]]:
    return [(one.account, one.party, one.amount_fen, one.payee) for one in made]


def test_a_charge_books_the_sellers_own_part_as_income_unless_it_is_a_department() -> None:
    parts = rules.shares(100, SPLIT)
    owed = [(f"Liabilities:Treasury:P{BUREAU}", BUREAU, -40, "t"), (f"Liabilities:Payable:P{BIKE}", BIKE, -30, "b")]
    buyer = (f"Assets:Receivable:P{BUYER}", BUYER, 100, "")
    assert postings(rules.charge(GROUP, BUYER, 100, parts)) == [
        buyer, (f"Income:Data:P{GROUP}", GROUP, -30, ""), *owed,
    ]  # fmt: skip
    other = (f"Liabilities:Payable:P{GROUP}", GROUP, -30, "g")
    assert postings(rules.charge(BUREAU, BUYER, 100, parts)) == [buyer, other, *owed]


def test_a_department_collects_for_the_treasury_and_earns_nothing() -> None:
    """At the payer and at the party itself: on the statement, and when it is paid."""
    company, department = ({**part, "share_fen": 40} for part in (COMPANY, TREASURY))
    due, bank = (f"Assets:Receivable:P{GROUP}", GROUP), "Assets:Bank"
    owed, treasury = f"Liabilities:Payable:P{BIKE}", f"Liabilities:Treasury:P{BUREAU}"
    assert postings(rules.share_received(GROUP, company)) == [(*due, 40, ""), ("Income:Data:Share", GROUP, -40, "")]
    assert postings(rules.share_received(GROUP, department)) == [(*due, 40, ""), (treasury, BUREAU, -40, "t")]
    assert postings(rules.paid_out(company, 7)) == [(owed, BIKE, 7, "b"), (bank, BIKE, -7, "b")]
    assert postings(rules.paid_out(department, 7)) == [(treasury, BUREAU, 7, "t"), (bank, BUREAU, -7, "t")]
    assert postings(rules.payout_received(GROUP, company, 7)) == [(bank, GROUP, 7, ""), (*due, -7, "")]
    assert postings(rules.payout_received(GROUP, department, 7)) == [(treasury, BUREAU, 7, "t"), (*due, -7, "")]


@pytest.mark.parametrize(
    ("row", "fen"),
    [
        ({"gross_fen": 100, "credited_fen": 0, "paid_fen": 0}, 100),
        ({"gross_fen": 100, "credited_fen": 30, "paid_fen": 20}, 50),
        ({"gross_fen": 100, "credited_fen": 60, "paid_fen": 60}, -20),
        ({"gross_fen": 100, "share_fen": 40, "credited_fen": 10, "paid_fen": 5}, 25),
        ({"gross_fen": -100, "credited_fen": 0, "paid_fen": 0}, 0),
        ({"gross_fen": 1, "credited_fen": 0, "paid_fen": 0}, 1),
    ],
)
def test_what_is_due(row: dict[str, int], fen: int) -> None:
    assert rules.due(row) == fen


@given(st.integers(0, 10**13), st.integers(0, 10**13), parties)
def test_what_is_given_back_leaves_the_split_of_what_stays_billed(one: int, other: int, weights: list[int]) -> None:
    before, after = max(one, other), min(one, other)
    split = [{**COMPANY, "party": f"91P{n:03d}", "weight": weight} for n, weight in enumerate(weights)]
    back = rules.credited_shares(before, after, split)
    was, left = rules.shares(before, split), rules.shares(after, split)
    assert [w.share_fen + b.share_fen for w, b in zip(was, back, strict=True)] == [part.share_fen for part in left]
    assert sum(part.share_fen for part in back) == after - before
    assert sum(Fraction(part.exact) for part in back) == after - before


def test_what_reverses_an_entry_is_the_same_with_the_other_sign() -> None:
    booked = rules.transfer("Assets:Bank", "Income:Data:P", GROUP, 5)
    assert postings(booked) == [("Assets:Bank", GROUP, 5, ""), ("Income:Data:P", GROUP, -5, "")]
    assert postings(rules.reversed_postings(booked)) == [
        ("Assets:Bank", GROUP, -5, ""),
        ("Income:Data:P", GROUP, 5, ""),
    ]


def test_parts_of_nothing_are_not_posted() -> None:
    booked = rules.balanced([Posting("A", GROUP, 1), Posting("B", GROUP, 0), Posting("C", GROUP, -1)], "分账", "split")
    assert [one.account for one in booked] == ["A", "C"]


def test_a_department_is_never_paid_in_cash() -> None:
    cash = [{**part, "payee_kind": "company"} for part in SPLIT]
    with pytest.raises(Refusal) as refused:
        rules.shares(100, cash)
    assert (refused.value.code, refused.value.facts["party"]) == ("TRD-408", BUREAU)
    with pytest.raises(Refusal) as refused:
        rules.shares(100, [])
    assert refused.value.code == "TRD-400"


def test_largest_remainder_example() -> None:
    assert [(p.party, p.share_fen) for p in rules.shares(101, SPLIT)] == [(GROUP, 30), (BUREAU, 41), (BIKE, 30)]


@pytest.mark.parametrize(
    ("state", "deed", "after"),
    [
        ("RECEIVED", "accept", "ACCEPTED"),
        ("ISSUED", "void", "VOIDED"),
        ("ACCEPTED", "pay", "PAID"),
        ("ISSUED", "pay", None),
        ("ACCEPTED", "void", None),
        ("VOIDED", "accepted", None),
        ("PAID", "pay", None),
    ],
)
def test_moves(state: str, deed: str, after: str | None) -> None:
    if after is not None:
        assert rules.moved("i", state, deed) == after
        return
    with pytest.raises(Refusal) as refused:
        rules.moved("i", state, deed)
    assert refused.value.code == "TRD-409"


def test_what_is_open_is_what_a_person_may_do() -> None:
    """Not the words that are heard of the other side, and never a refusal about the entry behind the invoice."""
    told = {}
    for state in InvoiceState:
        with pytest.raises(Refusal) as refused:
            rules.moved("i", state, "nothing")
        told[state.value] = str(refused.value).partition("Open now: ")[2]
    assert told == {
        "ISSUED": "void.", "RECEIVED": "accept, dispute.", "DISPUTED": "accept, void.", "ACCEPTED": "pay, reverse, credit.",
        "PAID": "reverse, credit, refund.", "VOIDED": "reverse.",
    }  # fmt: skip


def entry(number: int, postings: list[tuple[str, int]], state: str = "POSTED") -> dict[str, Any]:
    return {
        "id": f"e{number}", "kind": "charge", "state": state, "at": f"2026-03-0{number}T20:00:00Z", "narration": 'a "b" \\',
        "reference": "inv", "postings": [{"account": a, "amount_fen": fen} for a, fen in postings],
    }  # fmt: skip


def test_beancount_text_balances_for_a_second_reader() -> None:
    entries = [
        entry(1, [("Assets:Receivable:P1", 10001), ("Income:Data:P2", -10001)]),
        entry(2, [("Assets:Bank", 5), ("Assets:Receivable:P1", -5)], "PENDING"),
        entry(3, [("Assets:Bank", 7), ("Assets:Receivable:P1", -7)], "VOIDED"),
    ]
    text = rules.beancount(GROUP, entries)
    moved: dict[str, int] = {}
    for block in text.split("\n\n")[1:]:
        amounts = re.findall(r"^  ([A-Z]\S+)  (-?)(\d+)\.(\d\d) CNY$", block, re.M)
        signed = [(name, int(f"{sign}{yuan}{fen}")) for name, sign, yuan, fen in amounts]
        assert sum(fen for _, fen in signed) == 0
        for name, fen in signed:
            moved[name] = moved.get(name, 0) + fen
    told = {n: int(f"{s}{y}{f}") for n, s, y, f in re.findall(r"balance (\S+)  (-?)(\d+)\.(\d\d) CNY", text)}
    assert told == moved == {"Assets:Receivable:P1": 9996, "Income:Data:P2": -10001, "Assets:Bank": 5}
    assert "2026-03-02 * " in text  # 20:00 UTC is the next day in Beijing
    assert "2026-03-03 ! " in text
    assert "e3" not in text
    assert sorted(re.findall(r"^(\S+) open (\S+) CNY$", text, re.M)) == [("2026-03-02", name) for name in sorted(told)]
    assert set(re.findall(r"^(\S+) balance", text, re.M)) == {"2026-03-04"}  # on the day after the last
    assert "payee" not in text
    assert rules.beancount(GROUP, []).count("\n") == 3


def test_nothing_a_peer_wrote_becomes_an_entry_of_the_beancount_text() -> None:
    forged = 'x"\n2026-01-01 * "forged\\'
    written = {**entry(1, [("Assets:Bank", 5), ("Income:Data:P2", -5)]), "reference": forged, "narration": forged}
    text = rules.beancount(GROUP, [{**written, "id": forged}])
    assert len(re.findall(r"^\d{4}-\d\d-\d\d [*!] ", text, re.M)) == 1


def test_the_beancount_text_whole() -> None:
    paid = {**entry(1, []), "postings": [{"account": "Income:Data:P", "amount_fen": -5, "payee": ""},
                                         {"account": "Assets:Bank", "amount_fen": 5, "payee": 'b"1'}]}  # fmt: skip
    assert (
        rules.beancount(GROUP, [paid])
        == f"""option "title" "Datong ledger of {GROUP}"
option "operating_currency" "CNY"

2026-03-02 open Assets:Bank CNY
2026-03-02 open Income:Data:P CNY

2026-03-02 * "a 'b'"
  id: "e1"
  reference: "inv"
  Income:Data:P  -0.05 CNY
  Assets:Bank  0.05 CNY
    payee: "b'1"

2026-03-03 balance Assets:Bank  0.05 CNY
2026-03-03 balance Income:Data:P  -0.05 CNY
"""
    )
