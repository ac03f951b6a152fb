"""Statements: what each party of a split is owed from one invoice, with every factor; sent, checked, kept.

Messages: settle.statement, settle.payout_returned (seller -> each party of the split).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from datong.deliver import service as deliver
from datong.ground import clock, evidence, outbox, signing
from datong.ground.canonical import digest, hexdigest
from datong.ground.db import Tx, Window
from datong.ground.money import FEN_MAX
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.settle import rules, store
from datong.settle.model import NOT_PROVEN, OVERPAID, UNKNOWN, EntryState
from datong.settle.service import ledger, words
from datong.terms.roles import Role
from datong.terms.tariffs import weights
from datong.terms.verbs import verb, view

FIELDS = {
    "statement": str, "invoice": str, "invoice_digest": str, "agreement": str, "product": str, "from": str,
    "until": str, "party": str, "issuer_party": str, "gross_fen": int, "lines": list, "parts": list,
    "issued_at": str, "signatures": list,
}  # fmt: skip
CREDITS = {"invoice": str, "before_fen": int}
"""What the statement of a credit note says besides, as `credits`: its invoice, and what of that was billed before."""
LINE_FIELDS = {
    "number": int, "description": str, "state": str, "quantity": int, "unit_price_fen": int, "amount_fen": int,
}  # fmt: skip
"""What a statement tells of an invoice line: not its uses, which are between seller and buyer."""
LEANING = {"contracts": list, "uses": int, "first_at": str, "last_at": str}
"""What it tells besides, as `supplies`: how many uses lean on which supply contracts of its party, and when the first
and the last was made; each use stands in one. Statements from before there was this have none."""
CLOCKS = timedelta(days=1)
"""How far the clocks of two nodes may differ before a use outside the term of its contract is not believed."""


def issue(tx: Tx, invoice: str) -> None:
    """Make the statement of every party of an accepted invoice and send it to the party's node. What a party without
    a node is owed stands here all the same: its statement is handed over by people."""
    row = tx.get(store.invoices, invoice)
    assert row is not None
    me, lines = signing.me(tx).party, _lines(tx, row)
    for part in row["parts"]:
        value = signing.signed(tx, _value(tx, row, part["party"], lines))
        node = "" if part["party"] == me else words.node_of(tx, part["party"])
        own = part["party"] == me and part["payee_kind"] != "treasury"  # what is due to the treasury is to be paid
        direction = "own" if own else "sent" if node else "unsent"
        fresh = _store(tx, value, part["share_fen"], direction)
        if fresh and row["gross_fen"] < 0:
            _take_back(tx, _key(me, row["value"]["credits"], part["party"]), part["share_fen"])
        if fresh and node:
            outbox.send(tx, to=node, type="settle.statement", body={"statement": value},
                        key=f"{value['statement']}-sent")  # fmt: skip


Leaning = tuple[str, tuple[tuple[str, str], ...]]
"""When a use was made, and the supply contracts under which what it delivered was: (provider's party, contract)."""


def _lines(tx: Tx, row: dict[str, Any]) -> list[tuple[dict[str, Any], list[Leaning]]]:
    """The lines of an invoice, each with what its uses lean on."""
    lines = store.lines_of(tx, row["id"])
    made = deliver.supplies_of(tx, [event for line in lines for event in line["events"]])
    named = {one for supplies in made.values() for one in supplies}
    whose = {one: str(negotiate.agreement(tx, one)["provider_party"]) for one in named}
    within = meter.events_between(tx, agreement=row["agreement"], start=row["from_at"], end=row["until_at"])
    leaning = {
        event["id"]: (event["at"], tuple((whose[one], one) for one in made.get(event["id"], ()))) for event in within
    }
    return [(line, [leaning[event] for event in line["events"]]) for line in lines]


def _value(
    tx: Tx, row: dict[str, Any], party: str, lines: list[tuple[dict[str, Any], list[Leaning]]]
) -> dict[str, Any]:
    credits: dict[str, Any] = {}
    if row["gross_fen"] < 0:
        of = tx.get(store.invoices, row["value"]["credits"])
        assert of is not None
        before = of["gross_fen"] - of["credited_fen"] - row["gross_fen"]
        credits = {"credits": {"invoice": of["id"], "before_fen": before}}
    return {
        **credits,
        "statement": _key(row["seller_party"], row["id"], party), "invoice": row["id"], "invoice_digest": row["digest"],
        "agreement": row["agreement"], "product": row["product"], "from": row["from_at"], "until": row["until_at"],
        "party": party, "issuer_party": row["seller_party"], "gross_fen": row["gross_fen"],
        "lines": [
            {**{name: line[name] for name in LINE_FIELDS}, "supplies": rules.leaning(party, uses)}
            for line, uses in lines
        ],
        "parts": row["parts"], "issued_at": tx.now,
    }  # fmt: skip


def _key(issuer: str, invoice: str, party: str) -> str:
    """One statement of an issuer for an invoice and a party, whatever number it is sent under."""
    return f"st-{hexdigest([issuer, invoice, party])[:32]}"


def received_statement(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.statement: signature, lines and split are checked, and that the contracts of this node with the sender on
    which its uses lean promise exactly this split, or, where it names none, that one does; then kept."""
    value = body.get("statement")
    if not isinstance(value, dict) or value.keys() - {"credits"} != FIELDS.keys():
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    if any(type(value[name]) is not kind for name, kind in FIELDS.items()):
        raise NOT_PROVEN(why="字段类型不符。", why_en="A field is of the wrong type.")
    node, me = register.node(tx, sender), signing.me(tx).party
    if node["party"] != value["issuer_party"] or not signing.signed_by(value, node["party"], node["public_key"]):
        raise NOT_PROVEN(why="签名无效。", why_en="The signature does not verify.")
    if value["party"] != me:
        raise NOT_PROVEN(why="该结算单不是给本主体的。", why_en="The statement is for another party.")
    if not all(rules.is_instant(value[name]) for name in ("from", "until", "issued_at")):
        raise NOT_PROVEN(why="时间的写法不符。", why_en="Its times are not written as they are kept.")
    if value["statement"] != _key(value["issuer_party"], value["invoice"], me):
        raise NOT_PROVEN(why="结算单编号不符。", why_en="Its id is not that of this invoice and party.")
    of = _credited(tx, value) if "credits" in value else None
    share = _verified_share(value, me)
    leaning = _leaning(tx, sender, value)
    if of is None and not _promised(tx, sender, value, leaning):
        raise NOT_PROVEN(
            why="本节点与发送方没有载明该分配的合约。",
            why_en="No contract of this node with the sender promises that split.",
        )
    known = tx.get(store.statements, value["statement"])
    if known is not None:
        if known["digest"] != digest(signing.unsigned(value)):
            raise NOT_PROVEN(why="同号结算单内容不同。", why_en="Another statement of that id is held here.")
        return
    if of is not None and value["credits"]["before_fen"] != of["gross_fen"] + sum(
        one["gross_fen"] for one in store.credits_received(tx, of)
    ):
        raise NOT_PROVEN(why="红字前的金额不符。", why_en="What it says was billed before it is not what was.")
    _store(tx, value, share, "received")
    if of is not None:
        _take_back(tx, of["id"], share)
    if share:
        ledger.post(
            tx, key=f"{value['statement']}-share", kind="share", reference=value["statement"],
            narration=value["product"][:80], state=EntryState.POSTED,
            postings=rules.share_received(node["party"], next(p for p in value["parts"] if p["party"] == me)),
        )  # fmt: skip


def _credited(tx: Tx, value: dict[str, Any]) -> dict[str, Any]:
    """The statement from which that of a credit note takes back, whose split both must have."""
    credits = value["credits"]
    if not isinstance(credits, dict) or {name: type(told) for name, told in credits.items()} != CREDITS:
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    of = tx.get(store.statements, _key(value["issuer_party"], credits["invoice"], value["party"]))
    if of is None or of["direction"] != "received" or of["gross_fen"] < 0:
        raise NOT_PROVEN(why="本节点没有它所冲红的结算单。", why_en="What it takes back from is not held here.")
    same = ("agreement", "product", "from", "until")
    if any(of["value"][name] != value[name] for name in same) or _split(of["value"]) != _split(value):
        raise NOT_PROVEN(why="与所冲红的结算单不符。", why_en="It does not agree with what it takes back from.")
    return of


def _split(value: dict[str, Any]) -> list[Any]:
    names = ("party", "weight", "payee_kind", "account")
    return [[part.get(name) for name in names] if isinstance(part, dict) else None for part in value["parts"]]


def _take_back(tx: Tx, statement: str, share: int) -> None:
    """Lower what is owed on a statement by what that of a credit note takes back from it (below nought)."""
    of = tx.get(store.statements, statement)
    if of is not None:
        tx.change(store.statements, statement, credited_fen=of["credited_fen"] - share)
        evidence.append(tx, "settle.statement_credited", store.statements, statement, amount_fen=-share)


def received_payout_returned(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """settle.payout_returned: money that the issuer of a statement had paid out came back to it.

    What this party recorded as received stands until its own finance reverses it, when its bank says so too.
    """
    value = body.get("notice")
    if not isinstance(value, dict) or {name: type(told) for name, told in value.items()} != RETURNED:
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    node, row = register.node(tx, sender), tx.get(store.statements, value["statement"])
    if row is None or row["direction"] != "received" or row["issuer_party"] != node["party"]:
        raise NOT_PROVEN(why="发送方不是该结算单的出具方。", why_en="The sender issued no such statement.")
    if not signing.signed_by(value, node["party"], node["public_key"]):
        raise NOT_PROVEN(why="签名无效。", why_en="The signature does not verify.")
    if value["digest"] != row["digest"] or not 0 < value["amount_fen"] <= _most(row):
        raise NOT_PROVEN(why="所指结算单内容不同。", why_en="It speaks of a statement with other content.")
    tx.change(store.statements, row["id"], reason=value["reason"][:500])
    evidence.append(tx, "settle.payout_returned", store.statements, row["id"], amount_fen=value["amount_fen"])


def _most(row: dict[str, Any]) -> int:
    """The most that was ever owed on a statement: a small part may be a fen larger of less (see credited_shares)."""
    return int(row["share_fen"] - min(0, row["credited_fen"]))


RETURNED = {"statement": str, "digest": str, "amount_fen": int, "reason": str, "at": str, "signatures": list}


def _leaning(tx: Tx, sender: str, value: dict[str, Any]) -> set[str]:
    """The contracts on which the charged uses of a statement lean by its own words; NOT_PROVEN where one is none of
    this node's with the sender, or none of its uses lies within its term, or some outside the period. A use made after
    the end, which its seller may not have heard of, is told by the time of the last."""
    mine, found = {one["id"]: one for one in negotiate.provided_to(tx, sender)}, set()
    edges = clock.instant(value["from"]), clock.instant(value["until"])
    for line in value["lines"]:
        for group in line.get("supplies", []):
            first, last = clock.instant(group["first_at"]), clock.instant(group["last_at"])
            if not edges[0] <= first <= last < edges[1]:
                raise NOT_PROVEN(why="使用时间不在账期内。", why_en="Its uses lie outside its period.")
            for id in group["contracts"]:
                if id not in mine or not _in_force(mine[id], first, last, CLOCKS):
                    raise NOT_PROVEN(
                        why="所依据的合约不是本节点与发送方的，或使用时不在其期限内。",
                        why_en="A contract on which it leans is none of this node's with the sender, or was not in "
                               "force at the time of the uses.",
                    )  # fmt: skip
            found |= set(group["contracts"]) if line["amount_fen"] else set()
    return found


def _promised(tx: Tx, sender: str, value: dict[str, Any], leaning: set[str]) -> bool:
    """Whether the sender owes this party so by contracts that both signed: each of those on which the uses lean that
    carries a split carries this one. Where none does, one that was in force within the period: one that had ended
    before promises nothing of what was used after."""
    promised = [split for id in sorted(leaning) if (split := negotiate.promised_split(tx, id))]
    if promised:
        return all(weights(split) == weights(value["parts"]) for split in promised)
    edges = clock.instant(value["from"]), clock.instant(value["until"])
    return any(
        _in_force(contract, *edges) and weights(contract["terms"].get("split") or []) == weights(value["parts"])
        for contract in negotiate.provided_to(tx, sender)
    )


def _in_force(contract: Mapping[str, Any], first: datetime, last: datetime, slack: timedelta = timedelta(0)) -> bool:
    """Whether a contract was in force at some time from `first` to `last`; its term is written in any form of an
    instant."""
    ends = [clock.instant(end) for end in (contract["until"], contract["ended_at"]) if end]
    return clock.instant(contract["from"]) - last < slack and all(first - end < slack for end in ends)


def _verified_share(value: dict[str, Any], me: str) -> int:
    """This party's share when lines and parts follow from each other; NOT_PROVEN or TRD-407/408 otherwise."""
    lines, parts = value["lines"], value["parts"]
    if not all(isinstance(part, dict) for part in parts) or not all(_is_line(line) for line in lines):
        raise NOT_PROVEN(why="消息结构不符。", why_en="The message is not of the agreed form.")
    if any(line["amount_fen"] != line["quantity"] * line["unit_price_fen"] for line in lines):
        raise NOT_PROVEN(why="明细金额不是数量乘单价。", why_en="An amount is not quantity times price.")
    sign, gross = -1 if "credits" in value else 1, value["gross_fen"]
    if any(line["unit_price_fen"] * sign < 0 for line in lines) or gross * sign < 0:
        raise NOT_PROVEN(why="金额的正负不符。", why_en="An amount has the wrong sign.")
    if sum(line["amount_fen"] for line in lines) != gross or abs(gross) > FEN_MAX:
        raise NOT_PROVEN(why="明细与总额不符。", why_en="Its lines do not add up to the gross amount.")
    before = value["credits"]["before_fen"] if sign < 0 else 0
    if sign < 0 and not 0 < -gross <= before <= FEN_MAX:
        raise NOT_PROVEN(why="红字金额超出原金额。", why_en="It takes back more than was billed, or nothing.")
    found = rules.credited_shares(before, before + gross, parts) if sign < 0 else rules.shares(gross, parts)
    again = [asdict(share) for share in found]
    if again != parts:
        raise NOT_PROVEN(why="分配结果与权重不符。", why_en="The shares do not follow from the weights.")
    mine = [part["share_fen"] for part in parts if part["party"] == me]
    if not mine:
        raise NOT_PROVEN(why="本主体不在分配方中。", why_en="This party is not among the parts.")
    return int(mine[0])


def _is_line(line: Any) -> bool:
    """Whether a line has its fields, each of its type, counts nothing below zero, and tells of each of its uses on what
    it leans, where it tells it at all."""
    if not isinstance(line, dict) or not _is_of(
        {name: told for name, told in line.items() if name != "supplies"}, LINE_FIELDS
    ):
        return False
    groups = line.get("supplies", [])
    if not isinstance(groups, list) or not all(_is_of(group, LEANING) for group in groups):
        return False
    contracts = [id for group in groups for id in group["contracts"]]
    times = [group[name] for group in groups for name in ("first_at", "last_at")]
    uses = [group["uses"] for group in groups] if "supplies" in line else [line["quantity"]]
    return bool(
        all(type(id) is str for id in contracts) and all(map(rules.is_instant, times)) and min(uses, default=0) >= 0
        and sum(uses) == line["quantity"] >= 0
    )  # fmt: skip


def _is_of(told: Any, fields: Mapping[str, type]) -> bool:
    return isinstance(told, dict) and {name: type(part) for name, part in told.items()} == fields


def _store(tx: Tx, value: dict[str, Any], share: int, direction: str) -> bool:
    """Keep a statement; False when it is held already."""
    key = value["statement"]
    if tx.get(store.statements, key) is not None:
        return False
    tx.add(
        store.statements,
        {
            "id": key, "invoice": value["invoice"], "party": value["party"], "issuer_party": value["issuer_party"],
            "direction": direction, "gross_fen": value["gross_fen"], "share_fen": share, "paid_fen": 0,
            "value": value, "digest": digest(signing.unsigned(value)), "at": tx.now,
        },
    )  # fmt: skip
    evidence.append(tx, f"settle.statement_{direction}", store.statements, key, invoice=value["invoice"],
                    party=value["party"], share_fen=share)  # fmt: skip
    return True


@verb(Role.finance)
def record_payout(tx: Tx, *, statement: str, amount_fen: int, reference: str) -> dict[str, Any]:
    """Record money paid out on a statement, at either side; the same bank reference counts once, and once more only
    when its entry was reversed.

    A department's share goes to the treasury account: its own node records that it was paid there. amount_fen: below
    nought for what the party gave back, of a share that was paid out and then credited.
    Refuses: TRD-411, TRD-413 (the reference stands for another amount, or there is none).
    """
    row, reference = tx.get(store.statements, statement), reference.strip()
    if row is None or row["direction"] == "own":
        raise UNKNOWN(thing=statement)
    back = type(amount_fen) is int and amount_fen < 0
    key, stands = ledger.key_of_payment(tx, "back" if back else "out", statement, reference, amount_fen)
    if stands:
        return row
    due, whole = rules.due(row), _most(row) - row["paid_fen"]  # a payout of it may have crossed the credit note
    if type(amount_fen) is not int or not (due <= amount_fen < 0 or 0 < amount_fen <= whole):
        raise OVERPAID(amount_fen=amount_fen, open_fen=due)
    part = next(part for part in row["value"]["parts"] if part["party"] == row["party"])
    received = row["direction"] == "received"
    postings = (
        rules.payout_received(row["issuer_party"], part, amount_fen) if received else rules.paid_out(part, amount_fen)
    )
    kind = "payout_refund" if back else "payout"
    ledger.post(tx, key=key, kind=kind, reference=statement, narration=reference, postings=postings)
    tx.change(store.statements, statement, paid_fen=row["paid_fen"] + amount_fen)
    evidence.append(tx, "settle.paid_out", store.statements, statement, amount_fen=amount_fen)
    return dict(tx.get(store.statements, statement) or {})


@view()
def statements(
    tx: Tx, *, invoice: str | None = None, id: str = "", q: str = "", limit: int | None = None, offset: int = 0
) -> list[dict[str, Any]]:
    """Statements sent, received and of this party itself, with every factor; of each line the supply contracts of its
    party on which its uses lean, and when the first and last was made.

    ended_at, of these: when one of the contracts ended, before the last use was made. id: one alone. q: those whose
    party, invoice or id contains it. limit, offset: how many, after how many.
    """
    found = store.statements_of(tx, invoice, Window(id, limit, offset, register.sought(q)))
    return [{**row, "lines": [_line_shown(tx, line) for line in row["value"]["lines"]]} for row in found]


def _line_shown(tx: Tx, line: dict[str, Any]) -> dict[str, Any]:
    groups = [{**group, **_ended_before(tx, group)} for group in line.get("supplies", [])]
    return {**line, "supplies": groups} if groups else line


def _ended_before(tx: Tx, group: dict[str, Any]) -> dict[str, str]:
    contracts = [negotiate.agreement(tx, id) for id in group["contracts"]]
    ends = [str(end) for one in contracts for end in (one["until"], one["ended_at"]) if end]
    first = min(ends, key=clock.instant, default="")
    return {"ended_at": first} if first and clock.instant(first) < clock.instant(group["last_at"]) else {}


@view()
def settlement(tx: Tx, *, invoice: str) -> dict[str, Any]:
    """Gross, what is still open, parts with party names, and whether everything balances: every entry to zero, lines
    and parts to the gross, and what the ledger still holds against the other side to what is not paid."""
    row = tx.get(store.invoices, invoice)
    if row is None:
        raise UNKNOWN(thing=invoice)
    waits = (EntryState.PENDING, "credit")  # a credit note that is not accepted takes nothing back yet
    entries = [
        entry for entry in store.ledger(tx, invoice)
        if entry["state"] != EntryState.VOIDED and (entry["state"], entry["kind"]) != waits
    ]  # fmt: skip
    zero = all(sum(posting["amount_fen"] for posting in entry["postings"]) == 0 for entry in entries)
    live = sum(
        posting["amount_fen"] for entry in entries for posting in entry["postings"]
        if posting["account"] in (rules.receivable(row["buyer_party"]), rules.payable(row["seller_party"]))
    )  # fmt: skip
    seller = row["seller_party"] == signing.me(tx).party
    charged = row["state"] in (rules.CHARGED if seller else rules.CHARGED_AT_BUYER)
    due = rules.due(row) if charged else -row["paid_fen"]  # below nought: what the seller of a voided one owes
    lines = sum(line["amount_fen"] for line in store.lines_of(tx, invoice))
    parts = sum(part["share_fen"] for part in row["parts"]) if row["parts"] else row["gross_fen"]
    return {
        "invoice": invoice, "state": row["state"], "gross_fen": row["gross_fen"], "credited_fen": row["credited_fen"],
        "open_fen": due,
        "parts": [{**part, "name": _name(tx, part["party"])} for part in row["parts"]],
        "balanced": zero and lines == row["gross_fen"] == parts and live == (due if seller else -due),
    }  # fmt: skip


def _name(tx: Tx, party: str) -> str:
    try:
        return str(register.party(tx, party).get("name", ""))
    except Refusal:
        return ""
