"""Witnessing between real nodes: it comes to rest, catches up, and refuses another history."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from datong.ground import clock, evidence, jobs, signing
from datong.ground.db import NODE, Actor, Store, settings, sqlite_url
from datong.ground.evidence import log, note, witness
from datong.ground.evidence.leaves import leaves
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey, PublicKey
from datong.ground.refusal import Refusal
from stores import with_tables


class Party:
    """A node with its own store, key and clock, and its unsent post."""

    def __init__(self, code: str, folder: Path, now: list[datetime], key: PrivateKey | None = None) -> None:
        self.code, self.now, self.key = code, now, key or PrivateKey.new()
        folder.mkdir(exist_ok=True)
        self.store = Store(sqlite_url(folder / "n.db"), wall=lambda: now[0])
        with_tables(self.store)
        signing.install(self.store, self.key, signing.Me(code, code, code, "http://" + code))
        self.folder = folder

    def sequencer(self, *witnesses: str) -> Sequencer:
        return Sequencer(self.store, self.key, f"datong/{self.code}", self.folder / "log", witnesses=witnesses)

    def deed(self, times: int = 1) -> None:
        with self.store.begin(NODE) as tx:
            if tx.get(settings, "s") is None:
                tx.add(settings, {"id": "s", "value": 0})
            for n in range(times):
                evidence.append(tx, "ground.set", settings, "s", n=n)

    def post(self) -> list[dict[str, Any]]:
        """Unsent messages, marked as sent."""
        with self.store.begin(NODE) as tx:
            rows = tx.all(select(jobs.jobs).where(jobs.jobs.c.state == "waiting").order_by(jobs.jobs.c.added_at))
            tx.execute(jobs.jobs.update().values(state="done"))
        return [copy.deepcopy(row.payload) for row in rows]

    def receives(self, sender: Party, message: dict[str, Any]) -> None:
        receiver = {
            "evidence.checkpoint": evidence.received_checkpoint,
            "evidence.cosignature": evidence.received_cosignature,
        }[message["type"]]
        with self.store.begin(Actor("", "peer", sender.code), "evidence") as tx:
            receiver(tx, sender=sender.code, sender_key=sender.key.public.text, body=message["body"])

    def count(self, what: Any) -> int:
        with self.store.read() as tx:
            return len(tx.all(select(what)))


@pytest.fixture
def party(tmp_path: Path) -> Iterator[Callable[..., Party]]:
    now = [datetime(2026, 3, 2, 8, tzinfo=UTC)]
    made: list[Party] = []

    def make(code: str, key: PrivateKey | None = None, folder: str = "") -> Party:
        made.append(Party(code, tmp_path / (folder or code), now, key))
        return made[-1]

    yield make
    for one in made:
        one.store.dispose()


def later(one: Party, seconds: float = 3) -> None:
    one.now[0] += timedelta(seconds=seconds)


def carried(*parties: Party) -> int:
    """Carry all post until there is none; the number of messages."""
    by_code = {one.code: one for one in parties}
    count = 0
    while post := [(one, message) for one in parties for message in one.post()]:
        for sender, message in post:
            by_code[message["to"]].receives(sender, message)
            count += 1
        assert count < 200, "it does not come to rest"
    return count


def test_a_checkpoint_is_cosigned_and_published(party: Callable[..., Party]) -> None:
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    for times in (3, 4, 1):
        a.deed(times)
        grower.run_once()
        assert carried(a, b) == 2
        later(a)
    grower.run_once()
    signed = note.parsed((a.folder / "log" / "checkpoint").read_text())
    assert note.parsed_checkpoint(signed.text).size == 8
    assert note.is_signed_by(signed, "datong/A", a.key.public)
    at = note.cosigned_at(signed.text, signed.signatures[1], "datong/B", b.key.public)
    assert at == int(datetime(2026, 3, 2, 8, 0, 6, tzinfo=UTC).timestamp())
    assert a.count(log.cosignatures) == 3
    assert b.count(leaves) == 0, "cosigning writes no leaf"


def test_a_witness_is_asked_again_after_the_clock_was_put_right(party: Callable[..., Party]) -> None:
    """It was asked last in a year that has not come yet."""
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    later(a, 365 * 86_400)
    a.deed(1)
    grower.run_once()
    assert carried(a, b) == 2
    later(a, -365 * 86_400)
    a.deed(1)
    grower.run_once()
    assert carried(a, b) == 2
    assert a.count(log.cosignatures) == 2


def test_two_nodes_that_witness_each_other_come_to_rest(party: Callable[..., Party]) -> None:
    a, b = party("A"), party("B")
    growers = [a.sequencer("B"), b.sequencer("A")]
    a.deed(2)
    b.deed(2)
    sent = 0
    for _ in range(10):
        for grower in growers:
            grower.run_once()
        sent += carried(a, b)
        later(a)
    assert sent == 4
    assert (a.count(log.checkpoints), b.count(log.checkpoints)) == (1, 1)


def test_not_more_often_than_every_two_seconds_and_always_the_last(party: Callable[..., Party]) -> None:
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    asked = 0
    for _ in range(20):
        a.deed()
        grower.run_once()
        asked += carried(a, b) // 2
        later(a, 0.5)
    assert asked == 5
    later(a)
    grower.run_once()
    carried(a, b)
    with b.store.read() as tx:
        row = tx.get(witness.witnessed, "A")
    assert row is not None and row["size"] == 20


def test_one_question_in_flight(party: Callable[..., Party]) -> None:
    """While a message waits for a witness that is away, no second one is queued; afterwards it catches up."""
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    for _ in range(10):
        a.deed()
        grower.run_once()
        later(a, 60)
    with a.store.read() as tx:
        assert len(jobs.open_jobs(tx)) == 1
    carried(a, b)
    grower.run_once()
    carried(a, b)
    with b.store.read() as tx:
        row = tx.get(witness.witnessed, "A")
    assert row is not None and row["size"] == 10


def test_repeated_and_lost_answers(party: Callable[..., Party]) -> None:
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    a.deed(3)
    grower.run_once()
    [question] = a.post()
    b.receives(a, question)
    b.receives(a, question)  # delivered twice: cosigned as before
    first, second = b.post()
    assert first["body"] == second["body"]
    later(a, 31)  # both answers are lost; the log asks again, with a proof from 0
    a.deed(2)
    grower.run_once()
    carried(a, b)  # it is told what was seen
    later(a)
    grower.run_once()
    carried(a, b)
    assert a.count(log.cosignatures) == 2
    with b.store.read() as tx:
        row = tx.get(witness.witnessed, "A")
    assert row is not None and row["size"] == 5


def test_a_witness_that_lost_its_store_starts_afresh(party: Callable[..., Party]) -> None:
    a, b = party("A"), party("B")
    grower = a.sequencer("B")
    a.deed(3)
    grower.run_once()
    carried(a, b)
    with b.store.begin(NODE) as tx:
        tx.execute(delete(witness.witnessed))
    for _ in range(3):
        a.deed()
        later(a)
        grower.run_once()
        carried(a, b)
    with b.store.read() as tx:
        row = tx.get(witness.witnessed, "A")
    assert row is not None and row["size"] == 6


def forked(party: Callable[..., Party], a: Party, times: int) -> dict[str, Any]:
    """What a node would send that keeps A's key and shows another history of so many leaves."""
    other = party("A", a.key, "other")
    other.deed(times)
    grower = other.sequencer("B")
    grower.run_once()
    [message] = other.post()
    return message


@pytest.mark.parametrize(
    ("times", "code", "kind"), [(5, "EVD-409", "fork"), (8, "EVD-409", "fork"), (4, "EVD-410", "shrink")]
)
def test_another_history_is_refused_and_kept(party: Callable[..., Party], times: int, code: str, kind: str) -> None:
    a, b = party("A"), party("B")
    a.deed(5)
    a.sequencer("B").run_once()
    carried(a, b)
    shown = forked(party, a, times)
    if times > 5:
        shown["body"]["old_size"] = 5  # it claims to continue what was seen, with whatever proof it has
        with party("A", a.key, "other").store.read() as tx:
            proof = log.consistency_proof(tx, 5, times)
        shown["body"]["proof"] = [base64.b64encode(part).decode() for part in proof]
    for _ in range(3):  # a flood of it is kept once
        with pytest.raises(Refusal) as refused:
            b.receives(a, shown)
        assert refused.value.code == code
    with b.store.read() as tx:
        [fork] = tx.all(select(witness.forks))
        [leaf] = tx.all(select(leaves))
        row = tx.get(witness.witnessed, "A")
    assert (fork.kind, fork.origin, leaf.act) == (kind, "datong/A", "evidence.fork_refused")
    assert fork.shown == shown["body"]["note"]
    for text in (fork.seen, fork.shown):  # both bear the log's own signature: that is the proof
        assert note.is_signed_by(note.parsed(text), "datong/A", PublicKey(a.key.public.text))
    assert row is not None and row["size"] == 5, "what was seen stays"
    assert b.count(jobs.jobs) == 1, "nothing was cosigned"


def test_who_may_not_speak_for_a_log(party: Callable[..., Party]) -> None:
    a, b, c = party("A"), party("B"), party("C")
    a.deed()
    a.sequencer("B").run_once()
    [message] = a.post()
    with pytest.raises(Refusal, match="EVD-401"):  # C sends A's checkpoint
        b.receives(c, message)
    imposter = party("A", folder="imposter")  # another key than the registered one
    imposter.deed()
    imposter.sequencer("B").run_once()
    with pytest.raises(Refusal, match="EVD-401"):
        b.receives(a, imposter.post()[0])
    forged = {**message, "body": {**message["body"], "note": message["body"]["note"].replace("\n1\n", "\n2\n")}}
    with pytest.raises(Refusal, match="EVD-401"):
        b.receives(a, forged)
    assert b.count(witness.witnessed) == 0 and b.count(leaves) == 0


@pytest.mark.parametrize(
    "body",
    [
        {}, {"note": 1, "old_size": "0", "proof": {}}, {"note": "x", "old_size": -1, "proof": ["!"]},
        {"note": "\n\n", "old_size": True, "proof": ["AAAA"] * 65}, {"note": None, "old_size": 1 << 70, "proof": [7]},
        {"note": "x" * 100_000, "old_size": 1.5, "proof": None},
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_told(party: Callable[..., Party], body: dict[str, Any]) -> None:
    a, b = party("A"), party("B")
    with pytest.raises(Refusal) as refused:
        b.receives(a, {"type": "evidence.checkpoint", "body": body})
    assert refused.value.code == "EVD-400"
    assert {problem.where for problem in refused.value.problems} == {"note", "old_size", "proof"}


def test_false_cosignatures(party: Callable[..., Party]) -> None:
    a, b, c = party("A"), party("B"), party("C")
    a.deed(2)
    grower = a.sequencer("B")
    grower.run_once()
    [question] = a.post()
    b.receives(a, question)
    [answer] = b.post()
    good = answer["body"]
    future = note.cosigned(good["text"], "datong/B", b.key, int(a.now[0].timestamp()) + 3600)
    by_c = note.cosigned(good["text"], "datong/B", c.key, int(a.now[0].timestamp()))
    for wrong in (
        {}, {"size": "2", "text": good["text"], "line": good["line"]}, {**good, "size": 1}, {**good, "size": 1 << 80},
        {**good, "text": good["text"].replace("\n2\n", "\n3\n")}, {**good, "line": "— x\n"}, {**good, "line": ""},
        {**good, "line": by_c}, {**good, "line": future}, {**good, "size": -2}, {**good, "size": True},
        {**good, "line": good["line"] * 30},
    ):  # fmt: skip
        with pytest.raises(Refusal, match="EVD-422"):
            a.receives(b, {"type": "evidence.cosignature", "body": wrong})
    with pytest.raises(Refusal, match="EVD-422"):  # C was never asked
        a.receives(c, answer)
    assert a.count(log.cosignatures) == 0
    a.receives(b, answer)
    a.receives(b, answer)
    assert a.count(log.cosignatures) == 1
    with a.store.read() as tx:
        [row] = tx.all(select(log.cosignatures))
    assert clock.instant(row.cosigned_at) == a.now[0]
