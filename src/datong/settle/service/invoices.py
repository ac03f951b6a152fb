"""Invoices at both sides: issued from metered events, accepted by the buyer, paid, or voided.

Messages: settle.invoice (seller -> buyer), settle.accepted (buyer -> seller), settle.voided, settle.paid, settle.unpaid
(seller -> buyer).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from datong.deliver import service as deliver
from datong.ground import clock, evidence, jobs, outbox, signing
from datong.ground.canonical import digest, hexdigest
from datong.ground.db import Tx, Window
from datong.ground.money import FEN_MAX
from datong.ground.refusal import Problem
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.settle import rules, store
from datong.settle.model import (
    NOT_PROVEN,
    NOT_SELLER,
    NOT_WAIVED,
    NOTHING,
    OVERPAID,
    PERIOD_OPEN,
    TWO_SPLITS,
    UNKNOWN,
    WAIVED,
    EntryState,
    InvoiceState,
    Line,
)
from datong.settle.service import ledger, statements, words
from datong.terms.roles import Role
from datong.terms.tariffs import BILLED_STATE, tariff_problems, unit_price, weights
from datong.terms.verbs import verb, view

DELIVERIES_NAMED = 300
"""Characters in which a refusal names what was delivered."""
INVOICE_FIELDS: dict[str, type] = {
    "invoice": str, "agreement": str, "from": str, "until": str, "seller_party": str, "buyer_party": str,
    "product": str, "purpose": str, "tariff": dict, "lines": list, "gross_fen": int, "issued_at": str,
    "signatures": list,
}  # fmt: skip
LINE_FIELDS: dict[str, type] = {
    "number": int, "description": str, "state": str, "quantity": int, "unit_price_fen": int, "amount_fen": int,
    "events": list,
}  # fmt: skip
WORD_FIELDS: dict[str, type] = {
    "invoice": str, "digest": str, "word": str, "reason": str, "at": str, "signatures": list,
}  # fmt: skip


@verb(Role.finance)
def invoice(tx: Tx, *, agreement: str, period: str, waived: list[str] | None = None) -> dict[str, Any]:
    """Issue the invoice of an agreement for a period that is over; the same period again gives the same invoice, and
    sends once more what of it another node had refused: invoice, credit notes, statements.

    period: "2026-03", or "2026-03-01/2026-04-01" with the end excluded (Beijing time). waived: usage events in it that
    are not charged, as nothing came of them to the buyer, say; they stand on a line of 0. Refuses: TRD-406, TRD-410,
    TRD-414, TRD-530, TRD-542 (what is waived would not be charged, or stands on an invoice).
    """
    contract = negotiate.agreement(tx, agreement)
    me = signing.me(tx)
    if contract["provider_party"] != me.party:
        raise NOT_SELLER(deed="invoice", party=contract["provider_party"])
    start, end = (clock.text(at) for at in rules.period_bounds(period))
    if tx.business_now < clock.instant(end):
        raise PERIOD_OPEN(until=end)
    number = store.voided_count(tx, agreement, start, end)
    key = f"inv-{hexdigest([agreement, start, end, number])[:32]}"
    if tx.get(store.invoices, key) is not None:
        _require_waived(
            waived, {e for line in store.lines_of(tx, key) if line["state"] == WAIVED for e in line["events"]}
        )
        _send_again(tx, key)
        return invoice_shown(tx, invoice=key)
    events = _unbilled(tx, agreement, start, end)
    if not events:
        raise NOTHING(agreement=agreement)
    _require_waived(waived, {event["id"] for event in events if event["state"] == BILLED_STATE})
    events = [{**event, "state": WAIVED} if event["id"] in (waived or ()) else event for event in events]
    terms = contract["terms"]
    found = rules.lines(events, terms["tariff"], terms["product"])
    rules.require_billable(len(events), sum(line.amount_fen for line in found))
    value = {
        "invoice": key, "agreement": agreement, "from": start, "until": end, "seller_party": me.party,
        "buyer_party": contract["consumer_party"], "product": terms["product"], "purpose": terms["purpose"],
        "tariff": terms["tariff"], "lines": [line_json(line) for line in found],
        "gross_fen": sum(line.amount_fen for line in found), "issued_at": tx.now,
    }  # fmt: skip
    parts = rules.shares(value["gross_fen"], _split(tx, contract, events, start, end)) if value["gross_fen"] else []
    signed = signing.signed(tx, value)
    shown = [asdict(part) for part in parts]
    store_invoice(tx, signed, found, peer=contract["consumer"], parts=shown, state=InvoiceState.ISSUED)
    for event in events:
        tx.add(store.billed, {"id": event["id"], "invoice": key})
        evidence.append(tx, "settle.billed", store.billed, event["id"], invoice=key)
    if parts:
        postings = rules.charge(me.party, contract["consumer_party"], value["gross_fen"], parts)
        ledger.post(
            tx, key=charge_of(key), kind="charge", reference=key, narration=f"{terms['product']} {period}",
            postings=postings, state=EntryState.PENDING,
        )  # fmt: skip
    outbox.send(tx, to=contract["consumer"], type="settle.invoice", body={"invoice": signed}, key=f"{key}-sent")
    return invoice_shown(tx, invoice=key)


def _send_again(tx: Tx, invoice: str) -> None:
    """Send once more what of an invoice was refused where it went: what stood in its way may be gone."""
    for one in [invoice, *(note["id"] for note in store.credits_of(tx, known(tx, invoice)))]:
        for told in [one, *(row["id"] for row in store.statements_of(tx, one))]:
            jobs.once_more(tx, f"{told}-sent")


def _require_waived(wanted: list[str] | None, may_be: set[str]) -> None:
    """NOT_WAIVED with each use that is not among those which are or may be waived."""
    problems = [
        Problem(event[:80], "不在该账期应计费的使用中，或已在账单上", "would not be charged in it, or is on an invoice")
        for event in sorted(set(wanted or ()) - may_be)
    ]
    if problems:
        raise NOT_WAIVED(problems, count=len(problems))


def _split(
    tx: Tx, contract: dict[str, Any], events: list[dict[str, Any]], start: str, end: str
) -> list[dict[str, Any]]:
    """Who gets which weight of an invoice: what the supply contracts promise under which the delivered was made, for
    that is what its suppliers signed; where they promise nothing, or not one split, what the contract itself says.

    TWO_SPLITS names the periods to bill where it changes within [start, end).
    """
    charged = [event for event in events if event["state"] == BILLED_STATE]
    made_of = deliver.supplies_of(tx, [event["id"] for event in charged])
    held: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for supplies in set(made_of.values()):
        promised = [split for supply in supplies if (split := negotiate.promised_split(tx, supply))]
        if promised and all(weights(split) == weights(promised[0]) for split in promised):
            held[supplies] = promised[0]
    splits = [(event["at"], held.get(made_of.get(event["id"], ()), contract["terms"]["split"])) for event in charged]
    if periods := rules.apart(start, end, [(at, weights(split)) for at, split in splits]):
        raise TWO_SPLITS(periods=", ".join(periods))
    return list(splits[0][1])


def _unbilled(tx: Tx, agreement: str, start: str, end: str) -> list[dict[str, Any]]:
    """The events of the period that no invoice bills yet, their served bytes written first."""
    found = meter.events_between(tx, agreement=agreement, start=start, end=end)
    done = store.billed_among(tx, [event["id"] for event in found])
    unbilled = [event for event in found if event["id"] not in done]
    rules.require_billable(len(unbilled), 0)  # before each of too many is written
    return meter.reconciled(tx, unbilled)


@verb(Role.finance)
def accept_invoice(tx: Tx, *, invoice: str) -> dict[str, Any]:
    """Accept a received invoice as buyer: it is posted here and the seller is told, signed; again, where it had refused
    that. One of 0 is paid by it."""
    row = known(tx, invoice)
    require_party(tx, row["buyer_party"], "accept")
    if row["state"] in rules.CHARGED_AT_BUYER:
        jobs.once_more(tx, f"{invoice}-accepted")
        return invoice_shown(tx, invoice=invoice)
    say(tx, row, "accept", "accepted", "")
    if row["gross_fen"]:
        owed = rules.transfer(
            "Expenses:Data", rules.payable(row["seller_party"]), row["seller_party"], row["gross_fen"]
        )
        kind, of = ("credit", row["value"]["credits"]) if row["gross_fen"] < 0 else ("charge", invoice)
        ledger.post(tx, key=charge_of(invoice), kind=kind, reference=of, narration=row["product"], postings=owed)
    _credit(tx, row, row["gross_fen"])
    _paid_where_nothing_is_due(tx, row)
    return invoice_shown(tx, invoice=invoice)


@verb(Role.finance)
def void_invoice(tx: Tx, *, invoice: str, reason: str) -> dict[str, Any]:
    """Void an invoice that was not accepted: its pending entry is voided, its events may be billed anew."""
    row = known(tx, invoice)
    require_party(tx, row["seller_party"], "void")
    rules.moved(invoice, row["state"], "void")  # asked before the uses are let go and the entry is touched
    _release(tx, invoice)
    ledger.conclude(tx, charge_of(invoice), EntryState.VOIDED)
    say(tx, row, "void", "voided", reason)
    return invoice_shown(tx, invoice=invoice)


def _release(tx: Tx, invoice: str) -> None:
    """Let the events of a voided invoice be billed anew."""
    for event in store.billed_of(tx, invoice):
        tx.execute(store.billed.delete().where(store.billed.c.id == event))
        evidence.append(tx, "settle.released", store.billed, event, invoice=invoice)


@verb(Role.finance)
def record_payment(tx: Tx, *, invoice: str, amount_fen: int, reference: str) -> dict[str, Any]:
    """Record money paid on an accepted invoice, at either side; the same bank reference counts once, and once more only
    when its entry was reversed.

    amount_fen: below nought for what went back to the buyer, of an invoice that was paid and then credited.
    Refuses: TRD-409, TRD-411, TRD-413 (the reference stands for another amount, or there is none).
    """
    row, reference = known(tx, invoice), reference.strip()
    due = rules.due(row)
    back = type(amount_fen) is int and amount_fen < 0
    key, stands = ledger.key_of_payment(tx, "refund" if back else "pay", invoice, reference, amount_fen)
    if stands:
        return invoice_shown(tx, invoice=invoice)
    after = rules.moved(invoice, row["state"], "refund" if back else "pay")
    # a payment of all that was billed may have crossed the credit note
    if type(amount_fen) is not int or not (
        due <= amount_fen < 0 or 0 < amount_fen <= row["gross_fen"] - row["paid_fen"]
    ):
        raise OVERPAID(amount_fen=amount_fen, open_fen=due)
    seller = row["seller_party"] == signing.me(tx).party
    postings = (
        rules.transfer("Assets:Bank", rules.receivable(row["buyer_party"]), row["buyer_party"], amount_fen)
        if seller
        else rules.transfer(rules.payable(row["seller_party"]), "Assets:Bank", row["seller_party"], amount_fen)
    )
    kind = "refund" if back else "payment"
    ledger.post(tx, key=key, kind=kind, reference=invoice, narration=reference, postings=postings)
    state = after if back or amount_fen >= due else InvoiceState(row["state"])
    values: dict[str, Any] = {"paid_fen": row["paid_fen"] + amount_fen, "state": state.value}
    if seller and state is InvoiceState.PAID and not back:
        values["words"] = words.kept(row, words.tell(tx, row, "paid", reference, key))
    tx.change(store.invoices, invoice, **values)
    evidence.append(tx, "settle.paid", store.invoices, invoice, amount_fen=amount_fen, state=state.value)
    return invoice_shown(tx, invoice=invoice)


@view()
def invoices(
    tx: Tx, *, agreement: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Invoices issued and received, with their lines.

    id: one alone. q: those whose product, party, contract or id contains it. limit, offset: how many, after how many.
    """
    query = select(store.invoices).order_by(store.invoices.c.issued_at, store.invoices.c.id)
    if agreement is not None:
        query = query.where(store.invoices.c.agreement == agreement)
    query = Window(id, limit, offset, register.sought(q)).of(query, store.invoices.c.id)
    return [invoice_shown(tx, invoice=row["id"]) for row in tx.rows(query)]


@view()
def invoice_shown(tx: Tx, *, invoice: str) -> dict[str, Any]:
    """One invoice with its lines; each line names the usage events it prices.

    credits: the invoice that a credit note credits. objection: why the buyer disputes it, until the seller answers.
    """
    row = known(tx, invoice)
    credits = row["value"]["credits"] if row["gross_fen"] < 0 else ""
    told = {"credits": credits, "objection": objection(tx, row), "lines": store.lines_of(tx, invoice)}
    return {**{n: v for n, v in row.items() if n != "value"}, **told}


def objection(tx: Tx, row: dict[str, Any]) -> str:
    """Why the buyer disputes an invoice: one that it accepted until the seller has issued a credit note, and not voided
    it, or has said its word; "" otherwise."""
    if row["state"] == InvoiceState.DISPUTED:
        return str(row["reason"])
    said = [word for word in row["words"] or [] if word["word"] in (words.OBJECTED, words.UPHELD)]
    if row["state"] not in rules.CHARGED_AT_BUYER or not said or said[-1]["word"] == words.UPHELD:
        return ""
    answered = any(
        note["state"] != InvoiceState.VOIDED and clock.instant(note["issued_at"]) >= clock.instant(said[-1]["at"])
        for note in store.credits_of(tx, row)
    )
    return "" if answered else str(said[-1]["reason"])


# --- messages --------------------------------------------------------------------------------------------------


def received_invoice(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.invoice: checked against the signature, the agreement and its tariff, then kept."""
    value = of_form(body.get("invoice"), INVOICE_FIELDS)
    found = [of_form(line, LINE_FIELDS) for line in value["lines"]]
    require_signature(tx, value, sender)
    if held(tx, value):
        return
    contract = negotiate.agreement(tx, value["agreement"])
    terms = contract["terms"]
    same = (
        contract["provider"] == sender
        and contract["provider_party"] == value["seller_party"]
        and contract["consumer_party"] == value["buyer_party"] == signing.me(tx).party
        and (terms["product"], terms["purpose"], terms["tariff"])
        == (value["product"], value["purpose"], value["tariff"])
    )
    if not same:
        raise NOT_PROVEN(why="与合约不符。", why_en="It does not agree with the contract.")
    if not keepable(value, found):
        raise NOT_PROVEN(
            why="编号、明细序号或时间的写法不符。",
            why_en="Its id, line numbers or times are not written as they are kept.",
        )
    if tariff_problems(value["tariff"]) or value["gross_fen"] > FEN_MAX or not _adds_up(found, value):
        raise NOT_PROVEN(why="金额计算不符。", why_en="Its amounts do not follow from its lines and the tariff.")
    if not _within(value, contract):
        raise NOT_PROVEN(why="账期不在合约期限内。", why_en="Its period lies outside the contract's term.")
    lines = [Line(**{**line, "events": tuple(line["events"])}) for line in found]
    charged = sum(line.quantity for line in lines if line.amount_fen)
    before = store.charged_count(tx, value["agreement"])
    came = deliver.delivered_at_most(tx, value["agreement"])
    if came is not None and charged and before + charged > len(came):
        named = ", ".join(came)[:DELIVERIES_NAMED] or "—"
        raise NOT_PROVEN(
            why=f"计费 {charged} 次，此前账单已计费 {before} 次，本节点至多收到 {len(came)} 次交付：{named}。",
            why_en=f"It charges {charged} deliveries, earlier ones {before}; this node had at most {len(came)}: "
            f"{named}.",
        )
    _bought(tx, value, lines)
    store_invoice(tx, value, lines, peer=sender, parts=[], state=InvoiceState.RECEIVED)


def held(tx: Tx, value: dict[str, Any]) -> bool:
    """Whether this invoice came before; NOT_PROVEN where another of its id did."""
    row = tx.get(store.invoices, value["invoice"])
    if row is not None and row["digest"] != digest(signing.unsigned(value)):
        raise NOT_PROVEN(why="同号账单内容不同。", why_en="Another invoice of that id is held here.")
    return row is not None


def keepable(value: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    """Whether what a peer wrote can be a key here, and a time: other keys are made of its id, times are compared."""
    numbered = [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    return bool(rules.ID.fullmatch(value["invoice"])) and numbered and all(
        rules.is_instant(value[name]) for name in ("from", "until", "issued_at")
    )  # fmt: skip


def _within(value: dict[str, Any], contract: dict[str, Any]) -> bool:
    """Whether a period touches the term in which the contract could be performed."""
    start, end = clock.instant(value["from"]), clock.instant(value["until"])
    ends = [clock.instant(at) for at in (contract["until"], contract["ended_at"]) if at]
    return start < end and end > clock.instant(contract["from"]) and all(start < at for at in ends)


def _bought(tx: Tx, value: dict[str, Any], lines: list[Line]) -> None:
    """Note at the buyer which events an invoice bills; NOT_PROVEN when another one bills one of them."""
    keys = [f"bought-{hexdigest([value['agreement'], event])[:32]}" for line in lines for event in line.events]
    if store.billed_among(tx, keys):
        raise NOT_PROVEN(why="同一使用已在另一账单中计费。", why_en="Another invoice bills one of its uses already.")
    for key in keys:
        tx.add(store.billed, {"id": key, "invoice": value["invoice"]})
        evidence.append(tx, "settle.billed", store.billed, key, invoice=value["invoice"])


def received_accepted(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.accepted: the buyer's signed acceptance posts the entry and sends the statements."""
    row, word = word_of(tx, sender, body, "accepted", "buyer_party")
    if row["state"] == InvoiceState.VOIDED:  # crossed by our void, which holds; said again, lest it was refused there
        words.tell(tx, row, "voided", str(row["reason"] or ""), f"{row['id']}-voided-again")
        return
    if row["state"] in (InvoiceState.ACCEPTED, InvoiceState.PAID):
        return
    move(tx, row, rules.moved(row["id"], row["state"], "accepted"), "accepted", acceptance=word)
    ledger.conclude(tx, charge_of(row["id"]), EntryState.POSTED)
    _credit(tx, row, row["gross_fen"])
    statements.issue(tx, row["id"])
    _paid_where_nothing_is_due(tx, row)


def received_voided(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.voided: the seller took the invoice back; an acceptance that crossed it is undone with its charge.

    What was paid meanwhile stands: the seller owes it, until the payment is reversed when the money comes back.
    """
    row, word = word_of(tx, sender, body, "voided", "seller_party")
    if row["state"] == InvoiceState.VOIDED:
        return
    after = rules.moved(row["id"], row["state"], "voided")
    _release(tx, row["id"])
    if tx.get(store.entries, charge_of(row["id"])) is not None:
        ledger.reverse(tx, charge_of(row["id"]), word["reason"])
        _credit(tx, row, -row["gross_fen"])
    move(tx, row, after, "voided", reason=word["reason"][:500], words=words.kept(row, word))


def received_paid(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.paid: the seller's signed receipt, which is kept; what this side had not recorded as paid is recorded on
    it."""
    row, word = word_of(tx, sender, body, "paid", "seller_party")
    if row["state"] == InvoiceState.PAID:
        if word not in (row["words"] or []):
            tx.change(store.invoices, row["id"], words=words.kept(row, word))
            evidence.append(tx, "settle.receipt_kept", store.invoices, row["id"])
        return
    after = rules.moved(row["id"], row["state"], "pay")
    due = rules.due(row)
    ledger.post(
        tx, key=f"pay-{hexdigest([row['id'], word])[:32]}", kind="payment", reference=row["id"],
        narration=f"receipt: {word['reason']}"[:400],
        postings=rules.transfer(rules.payable(row["seller_party"]), "Assets:Bank", row["seller_party"], due),
    )  # fmt: skip
    move(tx, row, after, "paid", paid_fen=row["paid_fen"] + due, words=words.kept(row, word))


def received_unpaid(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.unpaid: money that the seller had received went back (its bank reversed it); its receipt holds no more.

    What was recorded here on the seller's receipt alone is reversed with it. What this side recorded itself stands
    until its own finance reverses it, when the bank shows the money back: a seller's word makes nobody a debtor.
    """
    row, word = word_of(tx, sender, body, "unpaid", "seller_party")
    tx.change(store.invoices, row["id"], reason=word["reason"][:500], words=words.kept(row, word))
    evidence.append(tx, "settle.payment_returned", store.invoices, row["id"])
    if row["state"] == InvoiceState.PAID:
        for entry in store.receipts_of(tx, row["id"]):
            ledger.take_back(tx, entry, word["reason"])


def _paid_where_nothing_is_due(tx: Tx, row: dict[str, Any]) -> None:
    """An invoice of 0 that is accepted is settled, and so is a credit note: no money will move that could say so."""
    if row["gross_fen"] <= 0:
        move(tx, row, rules.moved(row["id"], InvoiceState.ACCEPTED, "pay"), "paid")


def _credit(tx: Tx, row: dict[str, Any], fen: int) -> None:
    """Take what an accepted credit note says (fen, below nought) from its invoice, or give it back; none of others."""
    if row["gross_fen"] >= 0:
        return
    of = known(tx, row["value"]["credits"])
    credited = of["credited_fen"] - fen
    due = rules.due({**of, "credited_fen": credited})
    state = of["state"]
    if state in rules.CHARGED_AT_BUYER and (due <= 0) != (state == InvoiceState.PAID):
        state = rules.moved(of["id"], state, "pay" if due <= 0 else "reverse").value
    tx.change(store.invoices, of["id"], credited_fen=credited, state=state)
    evidence.append(tx, "settle.invoice_credited", store.invoices, of["id"], by=row["id"], amount_fen=-fen, state=state)
    receipted = of["paid_fen"] and state == InvoiceState.PAID != of["state"]
    if receipted and of["seller_party"] == signing.me(tx).party:
        words.tell(tx, of, "paid", row["id"], f"{row['id']}-paid")


def word_of(tx: Tx, sender: str, body: dict[str, Any], word: str, party: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The invoice a signed word speaks of, and the word, checked."""
    value = of_form(body.get("notice"), WORD_FIELDS)
    row = known(tx, value["invoice"])
    if register.node(tx, sender)["party"] != row[party]:
        raise NOT_PROVEN(why="发送方不是该账单的当事方。", why_en="The sender is not that party of the invoice.")
    require_signature(tx, value, sender)
    if value["digest"] != row["digest"] or value["word"] != word:
        raise NOT_PROVEN(why="所指账单内容不同。", why_en="It speaks of an invoice with other content.")
    if not rules.is_instant(value["at"]):
        raise NOT_PROVEN(why="时间的写法不符。", why_en="Its time is not written as it is kept.")
    return row, value


def _adds_up(lines: list[dict[str, Any]], value: dict[str, Any]) -> bool:
    """Whether amounts follow from quantities and the tariff, and every event stands on one line only."""
    tariff, events = value["tariff"], [event for line in lines for event in line["events"]]
    if not all(isinstance(event, str) for event in events) or len(set(events)) != len(events):
        return False
    for line in lines:
        unit = unit_price(line["state"], tariff)
        if line["unit_price_fen"] != unit or line["quantity"] != len(line["events"]):
            return False
        if line["amount_fen"] != line["quantity"] * unit:
            return False
    return bool(sum(line["amount_fen"] for line in lines) == value["gross_fen"])


def of_form(value: Any, fields: dict[str, type]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(fields):
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    if any(type(value[name]) is not kind for name, kind in fields.items()):
        raise NOT_PROVEN(why="字段类型不符。", why_en="A field is of the wrong type.")
    return value


def require_signature(tx: Tx, value: dict[str, Any], sender: str) -> None:
    node = register.node(tx, sender)
    if not signing.signed_by(value, node["party"], node["public_key"]):
        raise NOT_PROVEN(why="签名无效。", why_en="The signature does not verify.")


# --- parts -----------------------------------------------------------------------------------------------------


def store_invoice(
    tx: Tx, value: dict[str, Any], lines: Sequence[Line], *, peer: str, parts: list[dict[str, Any]], state: InvoiceState
) -> None:
    """Keep an invoice or a credit note with its lines."""
    key = value["invoice"]
    same = ("agreement", "seller_party", "buyer_party", "product", "purpose", "gross_fen", "issued_at")
    row = {name: value[name] for name in same}
    tx.add(
        store.invoices,
        {
            **row, "id": key, "from_at": value["from"], "until_at": value["until"], "peer_node": peer, "paid_fen": 0,
            "parts": parts, "state": state.value, "value": value, "digest": digest(signing.unsigned(value)),
            "reason": value.get("reason"),
        },
    )  # fmt: skip
    evidence.append(
        tx, f"settle.invoice_{state.value.lower()}", store.invoices, key, agreement=value["agreement"],
        gross_fen=value["gross_fen"], lines=len(lines),
    )  # fmt: skip
    for line in lines:
        line_id = f"{key}-{line.number}"
        tx.add(store.lines, {**line_json(line), "id": line_id, "invoice": key})
        evidence.append(tx, "settle.line_made", store.lines, line_id, amount_fen=line.amount_fen, state=line.state)


def line_json(line: Line) -> dict[str, Any]:
    return {**asdict(line), "events": list(line.events)}


def say(tx: Tx, row: dict[str, Any], deed: str, word: str, reason: str) -> None:
    """Move an invoice and tell the other side, signed."""
    after = rules.moved(row["id"], row["state"], deed)
    notice = words.tell(tx, row, word, reason, f"{row['id']}-{word}")
    values = {"acceptance": notice} if word == "accepted" else {"reason": reason, "words": words.kept(row, notice)}
    move(tx, row, after, word, **values)


def move(tx: Tx, row: dict[str, Any], after: InvoiceState, past: str, **values: Any) -> None:
    tx.change(store.invoices, row["id"], state=after.value, **values)
    evidence.append(tx, f"settle.invoice_{past}", store.invoices, row["id"], state=after.value)


def charge_of(invoice_id: str) -> str:
    return f"{invoice_id}-charge"


def known(tx: Tx, invoice_id: str) -> dict[str, Any]:
    row = tx.get(store.invoices, invoice_id)
    if row is None:
        raise UNKNOWN(thing=invoice_id)
    return row


def require_party(tx: Tx, party: str, deed: str) -> None:
    if signing.me(tx).party != party:
        raise NOT_SELLER(deed=deed, party=party)
