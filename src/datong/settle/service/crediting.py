"""Credit notes (红字账单): what an accepted invoice billed wrongly, taken back by the word of both its sides.

A credit note is an invoice below nought over uses of the one it credits; the buyer accepts or disputes it and the
seller may void it until then, as any other. Its uses are not billed again. Accepted, it lowers what is due on its
invoice and on the statements made of that; what was paid already is paid back.
Messages: settle.credit (seller -> buyer); then those of invoices and statements.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from datong.ground import evidence, outbox, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem
from datong.settle import rules, store
from datong.settle.model import CREDIT_OPEN, NOT_CREDITED, NOT_PROVEN, EntryState, InvoiceState, Line
from datong.settle.service import ledger
from datong.settle.service.invoices import (
    INVOICE_FIELDS,
    LINE_FIELDS,
    charge_of,
    held,
    invoice_shown,
    keepable,
    known,
    line_json,
    of_form,
    require_party,
    require_signature,
    store_invoice,
)
from datong.terms.roles import Role
from datong.terms.verbs import verb

CREDIT_FIELDS = {**INVOICE_FIELDS, "credits": str, "credits_digest": str, "reason": str}
SAME = ("agreement", "seller_party", "buyer_party", "product", "purpose")
REASON_CHARACTERS = 500


@verb(Role.finance, longest={"reason": REASON_CHARACTERS})
def credit_invoice(tx: Tx, *, invoice: str, reason: str, uses: list[str] | None = None) -> dict[str, Any]:
    """Issue a credit note (红字账单) for what an accepted invoice billed wrongly; it holds once the buyer accepts it.

    uses: the usage events that were billed wrongly, all that are not credited yet where none is named; they are not
    billed again. Refuses: TRD-409 (what is not accepted is voided instead), TRD-531, TRD-532.
    """
    row = known(tx, invoice)
    require_party(tx, row["seller_party"], "credit")
    rules.moved(invoice, row["state"], "credit")
    for earlier in store.credits_of(tx, row):
        if earlier["state"] in (InvoiceState.ISSUED, InvoiceState.DISPUTED):
            raise CREDIT_OPEN(invoice=invoice, credit=earlier["id"])
    found = _taken_back(tx, row, uses)
    before = row["gross_fen"] - row["credited_fen"]
    gross = sum(line.amount_fen for line in found)
    value = signing.signed(tx, {
        **{name: row[name] for name in SAME}, "invoice": new_id("inv"), "from": row["from_at"],
        "until": row["until_at"], "tariff": row["value"]["tariff"], "lines": [line_json(line) for line in found],
        "gross_fen": gross, "issued_at": tx.now, "credits": invoice, "credits_digest": row["digest"],
        "reason": reason.strip(),
    })  # fmt: skip
    parts, key = rules.credited_shares(before, before + gross, row["parts"]), str(value["invoice"])
    shown = [asdict(part) for part in parts]
    store_invoice(tx, value, found, peer=row["peer_node"], parts=shown, state=InvoiceState.ISSUED)
    _note_credited(tx, row, key, found)
    ledger.post(
        tx, key=charge_of(key), kind="credit", reference=invoice, narration=f"{row['product']} {key}",
        postings=rules.charge(row["seller_party"], row["buyer_party"], gross, parts), state=EntryState.PENDING,
    )  # fmt: skip
    outbox.send(tx, to=row["peer_node"], type="settle.credit", body={"credit": value}, key=f"{key}-sent")
    return invoice_shown(tx, invoice=key)


def _taken_back(tx: Tx, row: dict[str, Any], uses: list[str] | None) -> list[Line]:
    """The lines of a credit note: of each charged line of its invoice the uses that are taken back, below nought."""
    lines = [line for line in store.lines_of(tx, row["id"]) if line["amount_fen"] > 0]
    charged = [event for line in lines for event in line["events"]]
    gone = store.billed_among(tx, [_credited(row, event) for event in charged])
    left = {event for event in charged if _credited(row, event) not in gone}
    wanted = left if not uses else set(uses)
    problems = [
        Problem(event[:80], "已经冲红" if event in charged else "不在其计费明细中",
                "is credited already" if event in charged else "is not charged by it")
        for event in sorted(wanted - left)
    ]  # fmt: skip
    if problems or not wanted:
        raise NOT_CREDITED(problems, invoice=row["id"])
    taken = [(line, tuple(event for event in line["events"] if event in wanted)) for line in lines]
    return [
        Line(number, line["description"], line["state"], len(events), -line["unit_price_fen"],
             -line["unit_price_fen"] * len(events), events)
        for number, (line, events) in enumerate([one for one in taken if one[1]], 1)
    ]  # fmt: skip


def received_credit(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.credit: checked against the signature and the invoice whose uses it takes back, then kept."""
    value = of_form(body.get("credit"), CREDIT_FIELDS)
    lines = [Line(**{**of_form(line, LINE_FIELDS), "events": tuple(line["events"])}) for line in value["lines"]]
    require_signature(tx, value, sender)
    if held(tx, value):
        return
    row = known(tx, value["credits"])
    same = (
        row["peer_node"] == sender
        and row["buyer_party"] == signing.me(tx).party
        and row["digest"] == value["credits_digest"]
        and all(row[name] == value[name] for name in SAME)
        and (row["from_at"], row["until_at"], row["value"]["tariff"])
        == (value["from"], value["until"], value["tariff"])
    )
    if not same or row["state"] not in rules.CHARGED_AT_BUYER:
        raise NOT_PROVEN(why="与所冲红的账单不符。", why_en="It does not agree with the invoice it credits.")
    if not keepable(value, value["lines"]) or not 0 < len(value["reason"].strip()) <= REASON_CHARACTERS:
        raise NOT_PROVEN(
            why="编号、明细序号、时间或原因的写法不符。",
            why_en="Its id, line numbers, times or reason are not written as they are kept.",
        )
    events = [event for line in lines for event in line.events]
    sound = (
        all(isinstance(event, str) for event in events)
        and lines == _taken_back(tx, row, events)
        and value["gross_fen"] == sum(line.amount_fen for line in lines)
    )
    if not events or not sound:
        raise NOT_PROVEN(why="金额计算不符。", why_en="Its amounts do not follow from the lines of its invoice.")
    store_invoice(tx, value, lines, peer=sender, parts=[], state=InvoiceState.RECEIVED)
    _note_credited(tx, row, value["invoice"], lines)


def _note_credited(tx: Tx, row: dict[str, Any], credit: str, lines: list[Line]) -> None:
    """Note which uses a credit note takes back: each once, until the note is voided."""
    for key in [_credited(row, event) for line in lines for event in line.events]:
        tx.add(store.billed, {"id": key, "invoice": credit})
        evidence.append(tx, "settle.use_credited", store.billed, key, invoice=credit)


def _credited(row: dict[str, Any], event: str) -> str:
    return f"credit-{hexdigest([row['agreement'], event])[:32]}"
