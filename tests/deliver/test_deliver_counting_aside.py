"""While a round is answered or a supply counted, everybody else writes; what was decided is decided again after it.

The message comes through the node's own door, signed; the engine is the real one, which a test holds up in between.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from test_deliver_partitions import RECIPE, agreed, ask, assess, bike, recipe_digest, sent

import delivery_case as case
from asgi import Asgi
from datong.app.messages import RECEIVERS
from datong.deidentify import store as deidentify_rows
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.service import files
from datong.engine import service as engine
from datong.engine.model import Engine
from datong.ground import clock, evidence, jobs, outbox
from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, Store, settings
from datong.wire import node
from datong.wire.http import Door

__all__ = ["bike"]
TESTS = Path(__file__).parents[1]


class Held:
    """The engine of a node, held up as soon as it runs, until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go, self.runs = threading.Event(), threading.Event(), 0

    def run(self, *given: Any, **named: Any) -> Any:
        self.runs += 1
        self.begun.set()
        assert self.go.wait(30)
        return engine.run(*given, **named)


@pytest.fixture
def held(bike: Store) -> Iterator[Held]:
    made = Held()
    yield made
    made.go.set()


@contextmanager
def meanwhile(store: Store, held: Held, *calls: Callable[[], Any]) -> Iterator[list[Any]]:
    """The block is done while the first of the calls computes; afterwards the answers of all are there."""
    engine.use(store, Engine("held", held.run))
    told: list[Any] = []

    def one(call: Callable[[], Any]) -> None:
        try:
            told.append(call())
        except Exception as refused:  # noqa: BLE001 - the test looks at it
            told.append(refused)

    threads = [threading.Thread(target=one, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    assert held.begun.wait(30), told
    yield told
    held.go.set()
    for thread in threads:
        thread.join(60)
    engine.use(store, engine.DUCKDB)


def written(store: Store, value: str = "written") -> None:
    """Somebody else writes, and need not wait."""

    def write() -> None:
        with store.begin(NODE, "test") as tx:
            tx.add(settings, {"id": value, "value": 1})

    other = threading.Thread(target=write, daemon=True)
    other.start()
    other.join(20)
    assert not other.is_alive(), "it waits for the computation"


def posted(store: Store, level: int = 0, id: str = "message-1") -> dict[str, Any]:
    """The ask of a round, as the group's node posts it; the answer at the door."""
    body = {"partition": "partition-1", "product": "P-1", "level": level, "recipe": RECIPE, "passed": [],
            "recipe_digest": recipe_digest(RECIPE), "resource": case.RESOURCE, "agreement": "agr-1"}  # fmt: skip
    message = {"id": id, "type": "compose.partition_ask", "version": 1, "body": body}
    data = json.dumps(message).encode()
    claims = {"iss": case.BUYER_NODE, "aud": case.OWNER_NODE, "jti": os.urandom(8).hex(), "digest": digest_bytes(data)}
    token = case.KEYS[case.BUYER_NODE].token(claims, clock.wall_clock())
    store.wall_clock = clock.wall_clock
    doors = Asgi(Starlette(routes=node.routes(
        store, Door(store, None, ("", "")), RECEIVERS, clock_key="", evidence_folder=Path("none"),
        on_time=lambda _tx: None,
    )))  # fmt: skip
    answer: dict[str, Any] = doors.post(
        "/node/messages", content=data, headers={"authorization": f"Bearer {token}"}
    ).json()
    return answer


def there(store: Store) -> dict[str, int]:
    """What of a round stands in the store, by table; and the acts it left."""
    with store.read() as tx:
        tables = {"inbox": outbox.inbox, "parts": deidentify_rows.parts, "answers": deidentify_rows.answers,
                  "decisions": rows.decisions}  # fmt: skip
        found = {name: len(tx.all(select(table))) for name, table in tables.items()}
        acts = [row.act for row in tx.all(select(evidence.leaves.c.act))]
        sends = tx.all(select(jobs.jobs).where(jobs.jobs.c.kind == outbox.SEND))
    return {**found, "sent": len(sends), "opened": acts.count("deidentify.partition_opened"),
            "answered": acts.count("deidentify.round_answered")}  # fmt: skip


NOTHING = dict.fromkeys(("inbox", "parts", "answers", "decisions", "sent", "opened", "answered"), 0)
ONCE = dict.fromkeys(NOTHING, 1)


def test_others_write_while_a_round_is_computed_and_it_is_answered_once(bike: Store, held: Held) -> None:
    with meanwhile(bike, held, lambda: posted(bike), lambda: posted(bike)) as told:
        written(bike)
        assert there(bike) == NOTHING, "nothing is said or spent before it is computed"
    assert sorted(answer["received"] for answer in told) == ["before", "now"]
    assert (there(bike), held.runs) == (ONCE, 1)


def test_what_ends_while_a_round_is_computed_is_not_answered(bike: Store, held: Held) -> None:
    with meanwhile(bike, held, lambda: posted(bike)) as told, bike.begin(case.person("legal"), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="to be looked into")
    assert told[0]["error"]["code"] == "USE-403"
    assert there(bike) == {**NOTHING, "decisions": 1}, "the denial"


def test_a_round_asked_anew_under_another_id_is_the_same_round(bike: Store, held: Held) -> None:
    with meanwhile(bike, held, lambda: posted(bike), lambda: posted(bike, id="message-2")) as told:
        written(bike)
    assert [answer["received"] for answer in told] == ["now", "now"]
    assert there(bike) == {**ONCE, "inbox": 2, "decisions": 2}
    assert held.runs == 1


def test_others_write_while_a_supply_is_counted_and_it_lies_ready_once(bike: Store, held: Held, tmp_path: Path) -> None:
    agreed(bike)
    assess(bike, tmp_path)

    def release() -> Any:
        return bike.does(case.person(), "deliver", lambda tx: deliver.release_supply(tx, agreement="agr-1"))

    with meanwhile(bike, held, release, release) as told:
        written(bike)
        with bike.read(case.person()) as tx:
            assert deliver.shares(tx) == []
            assert {row["action"] for row in deliver.decisions(tx)} == {"compute"}
    assert [laid["version"] for laid in told] == [1, 1]
    assert told[0]["id"] == told[1]["id"]
    with bike.read(case.person()) as tx:
        assert len(deliver.shares(tx)) == 1
        assert len(tx.all(select(deidentify_rows.releases))) == 1
    assert not list((files.place(bike).folder / "data" / "staging").glob("*"))


CLIENT = """
import sys; sys.path[:0] = [sys.argv[1], sys.argv[1] + "/deliver"]
from pathlib import Path
import delivery_case as case
import test_deliver_partitions as partitions
from datong.app.messages import RECEIVERS
from datong.deliver import service as deliver
from datong.ground import outbox, signing
from datong.ground.db import Store, sqlite_url
from datong.harmonise import service as harmonise
folder = Path(sys.argv[2])
store = Store(sqlite_url(folder / "datong.db"))
signing.install(store, case.KEYS[case.OWNER_NODE], signing.Me(case.OWNER_NODE, case.OWNER, "owner", "http://o.test"))
deliver.install(store, folder)
harmonise.install(store, folder)
body = {"partition": "partition-1", "product": "P-1", "level": 0, "recipe": partitions.RECIPE, "passed": [],
        "recipe_digest": partitions.recipe_digest(partitions.RECIPE), "resource": case.RESOURCE, "agreement": "agr-1"}
def received(tx):
    if outbox.first_time(tx, "message-1", case.BUYER_NODE, "compose.partition_ask", body):
        RECEIVERS["compose.partition_ask"](tx, sender=case.BUYER_NODE, body=body)
store.does(case.peer(case.BUYER_NODE), "compose", received)
print("answered")
"""


@pytest.mark.parametrize(
    ("point", "left"),
    [("done_beforehand", NOTHING), ("before_commit", NOTHING), ("after_commit", ONCE)],
)
def test_a_node_killed_while_it_answers_has_said_all_or_nothing_and_says_it_once(
    bike: Store, tmp_path: Path, point: str, left: dict[str, int]
) -> None:
    folder = files.place(bike).folder
    environment = {**os.environ, "DATONG_CRASH": f"compose.{point}", "DATONG_CRASH_LOG": str(tmp_path / "fired")}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CLIENT, str(TESTS), str(folder)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    died = run()
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, ""), died.stderr
    assert there(bike) == left
    again = run()
    assert (again.returncode, again.stdout) == (0, "answered\n"), again.stderr
    assert there(bike) == ONCE
    told = [message["body"]["nodes"] for message in sent(bike)]
    ask(bike, 0, [])
    assert [message["body"]["nodes"] for message in sent(bike)] == told, "asked again, it is the same answer"
