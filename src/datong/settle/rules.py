"""Periods, lines, the split, entries and the beancount text: pure arithmetic in integer fen.

Contract: tests/settle/test_settle_rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from datong.ground.money import FEN_MAX, split_by_largest_remainder, yuan
from datong.settle.model import (
    BAD_PERIOD,
    BAD_SPLIT,
    DEEDS,
    DIRECT_CASH,
    INVOICE_MOVES,
    NOT_NOW,
    TOO_LARGE,
    UNBALANCED,
    InvoiceState,
    Line,
    Posting,
    Share,
)
from datong.terms.tariffs import BILLED_STATE, paid_in_cash, split_problems, unit_price

CHINA = ZoneInfo("Asia/Shanghai")
CHARGED_AT_BUYER = (InvoiceState.ACCEPTED, InvoiceState.PAID)
CHARGED = (InvoiceState.ISSUED, InvoiceState.DISPUTED, *CHARGED_AT_BUYER)
"""States in which the ledger of a side holds the charge, pending or posted."""


USES_MAX = 100_000
"""How many uses one invoice may bill: it names each, and a node takes no message of more than eight million bytes."""
DESCRIPTION_CHARACTERS = 400
"""How long the description of a line may be; a longer one no node could keep."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,72}")
"""How an invoice may be called: ids of lines and entries are made of it, and stand in texts for other programs."""


def apart(start: str, end: str, uses: Sequence[tuple[str, Any]]) -> list[str]:
    """The periods into which [start, end) falls where `uses`, (time, what holds for it) in order of time, change what
    holds; none where they do not. Cut at the very time of a use: the next may be made within the same second."""
    cuts = [at for (_, before), (at, after) in pairwise(uses) if before != after]
    edges = list(dict.fromkeys([start, *cuts, end]))
    return [f"{one}/{other}" for one, other in pairwise(edges)] if cuts else []


def is_instant(text: str) -> bool:
    """Whether a peer's text is a time as it is kept and compared here: UTC, with a Z."""
    try:
        at = datetime.fromisoformat(text)
        return at.tzinfo is not None and at.astimezone(UTC).isoformat().replace("+00:00", "Z") == text
    except (ValueError, OverflowError):
        return False


def period_bounds(period: str) -> tuple[datetime, datetime]:
    """[from, until) of "2026-03" or "2026-03-01/2026-04-01" in Beijing time, or of two instants, in UTC."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", period):
            start = datetime(int(period[:4]), int(period[5:]), 1, tzinfo=CHINA)
            end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        else:
            first, last = period.split("/")
            start, end = _instant(first), _instant(last)
        start, end = start.astimezone(UTC), end.astimezone(UTC)
    except (ValueError, OverflowError):  # the second at the ends of the calendar
        raise BAD_PERIOD(period=period) from None
    if end <= start:
        raise BAD_PERIOD(period=period)
    return start, end


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=CHINA) if at.tzinfo is None else at


def moved(invoice: str, state: str, deed: str) -> InvoiceState:
    """The state after `deed`; NOT_NOW names the deeds of people that are open."""
    after = INVOICE_MOVES.get((InvoiceState(state), deed))
    if after is None:
        open_now = ", ".join(d for s, d in INVOICE_MOVES if s == state and d in DEEDS)
        raise NOT_NOW(thing=invoice, deed=deed, state=state, open=open_now)
    return after


def lines(events: Sequence[Mapping[str, Any]], tariff: Mapping[str, Any], product: str) -> list[Line]:
    """Invoice lines over metered events: one per state and table, each event in exactly one.

    Only MONETIZABLE events are charged; the others stand on lines of 0 fen, so that the lines add up to what was
    metered. tariff: {"kind": "free" | "per_delivery", "amount_fen"}.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for event in events:
        groups.setdefault((event["state"], event["table_name"]), []).append(event)
    ordered = sorted(groups.items(), key=lambda group: (group[0][0] != BILLED_STATE, group[0]))
    return [_line(number, found, tariff, product) for number, (_, found) in enumerate(ordered, 1)]


def leaning(party: str, uses: Iterable[tuple[str, Iterable[tuple[str, str]]]]) -> list[dict[str, Any]]:
    """How many uses lean on which of a party's supply contracts, and when the first and the last was made; by the first
    of them. uses: (when it was made, the supply contracts of what it delivered as (provider's party, contract))."""
    found: dict[tuple[str, ...], list[str]] = {}
    for at, supplies in uses:
        found.setdefault(tuple(sorted(contract for whose, contract in supplies if whose == party)), []).append(at)
    told = [
        {"contracts": list(contracts), "uses": len(times), "first_at": min(times, key=datetime.fromisoformat),
         "last_at": max(times, key=datetime.fromisoformat)}
        for contracts, times in found.items()
    ]  # fmt: skip
    return sorted(told, key=lambda group: (datetime.fromisoformat(group["first_at"]), group["contracts"]))


def require_billable(uses: int, gross_fen: int) -> None:
    """TOO_LARGE for more than one invoice can say, or the other side could read."""
    if uses > USES_MAX or gross_fen > FEN_MAX:
        raise TOO_LARGE(uses=uses, gross_fen=gross_fen, most_uses=USES_MAX, most_fen=FEN_MAX)


def _line(number: int, events: Sequence[Mapping[str, Any]], tariff: Mapping[str, Any], product: str) -> Line:
    state, table = events[0]["state"], events[0]["table_name"]
    unit = unit_price(state, tariff)
    return Line(
        number, _described(product, table, {str(event["version"]) for event in events}), state, len(events), unit,
        unit * len(events), tuple(sorted(event["id"] for event in events)),
    )  # fmt: skip


def _described(product: str, table: str, versions: Collection[str]) -> str:
    """What a line is for: every version by name, or the first, the last and how many where a table that is built every
    hour has more of them than a line can name. Its uses name each."""
    ordered = sorted(versions, key=lambda version: (len(version), version))
    named = f"{product} {table} v{', '.join(ordered)}"
    if len(named) <= DESCRIPTION_CHARACTERS:
        return named
    return f"{product} {table} v{ordered[0]} … v{ordered[-1]} ({len(ordered)})"[:DESCRIPTION_CHARACTERS]


def shares(gross_fen: int, split: Sequence[Mapping[str, Any]], departments: Iterable[str] = ()) -> list[Share]:
    """The parts of `gross_fen` by the contract's weights, largest remainder, ties by party code.

    split: [{party, weight, payee_kind, account}]. departments: parties known to be departments; a state organ's
    credit code says so too. BAD_SPLIT lists every mistake; TRD-408 when a department would be paid in cash.
    """
    problems = split_problems(split)
    if problems:
        raise BAD_SPLIT(problems, count=len(problems))
    if cash := paid_in_cash(split, departments):
        raise DIRECT_CASH(party=", ".join(cash))
    weights = [part["weight"] for part in split]
    parts = split_by_largest_remainder(gross_fen, weights, [part["party"] for part in split])
    total = sum(weights)
    return [
        Share(part["party"], part["weight"], part["payee_kind"], part["account"], fen,
              f"{gross_fen * part['weight']}/{total}")
        for part, fen in zip(split, parts, strict=True)
    ]  # fmt: skip


def credited_shares(before_fen: int, after_fen: int, split: Sequence[Mapping[str, Any]]) -> list[Share]:
    """What each party of a split gives back where of `before_fen` only `after_fen` stay billed: below nought, and such
    that what stays is split to the fen as if no more had been billed. A small part may grow by a fen: remainders
    do not fall with the whole."""
    total = sum(part["weight"] for part in split)
    return [
        replace(
            left, share_fen=left.share_fen - was.share_fen, exact=f"{(after_fen - before_fen) * left.weight}/{total}"
        )
        for was, left in zip(shares(before_fen, split), shares(after_fen, split), strict=True)
    ]


def due(row: Mapping[str, Any]) -> int:
    """What is to be paid on an invoice, or on a statement; below nought: to be paid back. On a credit note nothing:
    what it takes back is taken from what it speaks of."""
    of = row.get("share_fen", row["gross_fen"])
    return int(of - row["credited_fen"] - row["paid_fen"]) if row["gross_fen"] > 0 else 0


def balanced(postings: Sequence[Posting], what: str, what_en: str) -> list[Posting]:
    """The postings that are not zero; TRD-407 when they do not sum to zero."""
    difference = sum(posting.amount_fen for posting in postings)
    if difference:
        raise UNBALANCED(what=what, what_en=what_en, difference_fen=difference)
    return [posting for posting in postings if posting.amount_fen]


def charge(me: str, buyer: str, gross_fen: int, parts: Sequence[Share]) -> list[Posting]:
    """What an issued invoice posts at the seller: the buyer owes the gross, each party is owed its share."""
    owed = [
        Posting(f"Income:Data:P{me}", me, -part.share_fen)
        if part.party == me and part.payee_kind != "treasury"  # a department that sells earns for the treasury, too
        else Posting(owed_to(asdict(part)), part.party, -part.share_fen, part.account)
        for part in parts
    ]
    return balanced([Posting(receivable(buyer), buyer, gross_fen), *owed], "账单分配", "the split of the invoice")


def receivable(party: str) -> str:
    return f"Assets:Receivable:P{party}"


def payable(party: str) -> str:
    return f"Liabilities:Payable:P{party}"


def owed_to(part: Mapping[str, Any]) -> str:
    """The account on which a part of the split is owed: a department's stands for the treasury."""
    return treasury(part["party"]) if part["payee_kind"] == "treasury" else payable(part["party"])


def treasury(party: str) -> str:
    """What is owed to the treasury for a department: at the payer, and at the department itself."""
    return f"Liabilities:Treasury:P{party}"


def share_received(issuer: str, part: Mapping[str, Any]) -> list[Posting]:
    """What a party books on its statement; a department collects for the treasury and earns nothing itself."""
    party, fen = part["party"], part["share_fen"]
    if part["payee_kind"] == "treasury":
        earned = Posting(treasury(party), party, -fen, part["account"])
    else:
        earned = Posting("Income:Data:Share", issuer, -fen)
    return [Posting(receivable(issuer), issuer, fen), earned]


def paid_out(part: Mapping[str, Any], amount_fen: int) -> list[Posting]:
    """What the payer books: to the account that the contract names."""
    party = part["party"]
    return [
        Posting(owed_to(part), party, amount_fen, part["account"]),
        Posting("Assets:Bank", party, -amount_fen, part["account"]),
    ]


def payout_received(issuer: str, part: Mapping[str, Any], amount_fen: int) -> list[Posting]:
    """What a party books when it is paid; for a department the treasury is, and no bank account of its own."""
    if part["payee_kind"] == "treasury":
        party = part["party"]
        return [
            Posting(treasury(party), party, amount_fen, part["account"]),
            Posting(receivable(issuer), issuer, -amount_fen),
        ]
    return transfer("Assets:Bank", receivable(issuer), issuer, amount_fen)


def transfer(debit: str, credit: str, party: str, amount_fen: int) -> list[Posting]:
    """Two postings of one amount."""
    return [Posting(debit, party, amount_fen), Posting(credit, party, -amount_fen)]


def reversed_postings(postings: Iterable[Posting]) -> list[Posting]:
    return [replace(posting, amount_fen=-posting.amount_fen) for posting in postings]


def beancount(party: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """The ledger as beancount text with balance assertions, so that a second program can check every balance.

    entries: {id, kind, state, at, narration, reference, postings: [{account, amount_fen}]} in order of time.
    Pending ones are flagged "!", voided ones left out.
    """
    live = [entry for entry in entries if entry["state"] != "VOIDED"]
    totals: dict[str, int] = {}
    for entry in live:
        for posting in entry["postings"]:
            totals[posting["account"]] = totals.get(posting["account"], 0) + posting["amount_fen"]
    days = [_day(entry["at"]) for entry in live]
    out = [f'option "title" "Datong ledger of {party}"', 'option "operating_currency" "CNY"', ""]
    out += [f"{min(days)} open {account} CNY" for account in sorted(totals)]
    for entry, day in zip(live, days, strict=True):
        flag = "*" if entry["state"] == "POSTED" else "!"
        narration = _quoted(entry["narration"])
        reference = _quoted(entry["reference"])
        out += ["", f'{day} {flag} "{narration}"', f'  id: "{_quoted(entry["id"])}"', f'  reference: "{reference}"']
        for p in entry["postings"]:
            out.append(f"  {p['account']}  {yuan(p['amount_fen'])} CNY")
            out += [f'    payee: "{_quoted(p["payee"])}"'] if p.get("payee") else []
    if days:
        after = datetime.fromordinal(datetime.fromisoformat(max(days)).toordinal() + 1).date().isoformat()
        out += ["", *(f"{after} balance {account}  {yuan(fen)} CNY" for account, fen in sorted(totals.items()))]
    return "\n".join(out) + "\n"


def _quoted(text: Any) -> str:
    """What was said, on one line: nothing a peer wrote begins an entry of its own."""
    return " ".join(str(text).replace("\\", " ").replace('"', "'").split())


def _day(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(CHINA).date().isoformat()
