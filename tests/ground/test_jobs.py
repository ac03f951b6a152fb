"""Jobs: claimed by one, tried again, never lost, never finished by somebody who lost the lease."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from datong.ground import jobs
from datong.ground.db import NODE, STORE_AWAY, Store, settings, sqlite_url
from datong.ground.jobs import Job, Worker, claim, enqueue, finish, open_jobs, recover
from datong.ground.refusal import Kind, Reason, Text
from statements import asked_of, read_whole
from stores import with_tables

LATER = Reason("TST-503", Kind.unavailable, Text("稍后", "later"), Text("忙", "busy"), Text("等", "wait"))
NEVER = Reason("TST-400", Kind.invalid, Text("不", "no"), Text("错", "wrong"), Text("改", "mend"))


class Wall:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 0, 0, 0, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def timed(tmp_path: Path, wall: Wall) -> Any:
    made = Store(sqlite_url(tmp_path / "t.db"), wall)
    with_tables(made)
    yield made
    made.dispose()


def add(store: Store, count: int = 1, **options: Any) -> None:
    with store.begin(NODE, "deliver") as tx:
        for number in range(count):
            enqueue(tx, "k", {"n": number}, **options)


def states(store: Store) -> list[str]:
    with store.read() as tx:
        return [row["state"] for row in open_jobs(tx)]


def test_a_job_is_as_committed_as_its_transaction(store: Store) -> None:
    with pytest.raises(RuntimeError), store.begin(NODE) as tx:
        enqueue(tx, "k", {})
        raise RuntimeError("no")
    assert states(store) == []
    add(store)
    done: list[Job] = []
    assert Worker(store, {"k": done.append}).run_due() == 1
    assert (done[0].payload, done[0].link, done[0].attempts) == ({"n": 0}, "deliver", 1)
    assert states(store) == []
    assert Worker(store, {"k": done.append}).run_due() == 0


def test_a_keyed_job_is_added_once_even_when_done(store: Store) -> None:
    for _ in range(3):
        add(store, key="only")
        Worker(store, {"k": lambda job: None}).run_due()
    done: list[Job] = []
    assert Worker(store, {"k": done.append}).run_due() == 0


def test_two_threads_never_do_the_same_job(tmp_path: Path) -> None:
    """Two processes' worth: two stores on one file, claiming as fast as they can."""
    stores = [Store(sqlite_url(tmp_path / "n.db")) for _ in range(2)]
    with_tables(stores[0])
    add(stores[0], 40)
    taken: Counter[str] = Counter()
    barrier = threading.Barrier(2)

    def grab(store: Store) -> None:
        barrier.wait()
        while (job := claim(store)) is not None:
            taken[job.id] += 1

    threads = [threading.Thread(target=grab, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 40
    assert set(taken.values()) == {1}
    for store in stores:
        store.dispose()


def test_a_fault_is_tried_again_with_growing_waits_and_says_why(timed: Store, wall: Wall) -> None:
    add(timed)
    tries: list[datetime] = []

    def fail(job: Job) -> None:
        tries.append(wall())
        raise OSError("the cable")

    worker = Worker(timed, {"k": fail})
    for _ in range(40):
        worker.run_due()
        wall.later(0.15)
    gaps = [round((b - a).total_seconds(), 2) for a, b in pairwise(tries)]
    assert gaps == [0.3, 0.45, 0.75, 1.05, 1.65]
    with timed.read() as tx:
        job = open_jobs(tx)[0]
    assert (job["state"], job["last_error"], job["attempts"]) == ("waiting", "OSError: the cable", 6)
    for _ in range(30):
        wall.later(61)
        worker.run_due()
    assert len(tries) == 36, "never more than a minute between two tries"


def test_a_refusal_ends_a_job_unless_it_says_later(timed: Store, wall: Wall) -> None:
    add(timed, 2)

    def refuse(job: Job) -> None:
        raise LATER() if job.payload["n"] else NEVER()

    worker = Worker(timed, {"k": refuse})
    worker.run_due()
    with timed.read() as tx:
        by_state = {row["state"]: row["last_error"] for row in open_jobs(tx)}
    assert set(by_state) == {"waiting", "failed"}
    assert "TST-400" in by_state["failed"]
    wall.later(3600)
    assert worker.run_due() == 1, "the failed one stays, to be seen"


def test_what_was_refused_is_done_once_more_where_a_person_has_it_so(timed: Store, wall: Wall) -> None:
    def handler(job: Job) -> None:
        answers.append(job.id)
        if len(answers) == 1:
            raise NEVER()

    answers: list[str] = []
    worker = Worker(timed, {"note": handler})
    with timed.begin(NODE) as tx:
        enqueue(tx, "note", {}, key="k")
        assert not jobs.once_more(tx, "k"), "it did not fail"
    worker.run_due()
    with timed.begin(NODE) as tx:
        enqueue(tx, "note", {}, key="k")
    worker.run_due()
    assert answers == ["k"], "the same again changes nothing"
    with timed.begin(NODE) as tx:
        assert jobs.once_more(tx, "k") and not jobs.once_more(tx, "other")
    worker.run_due()
    with timed.begin(NODE) as tx:
        assert not jobs.once_more(tx, "k"), "it is done"
    assert answers == ["k", "k"]


def test_a_job_of_an_unknown_kind_waits_for_its_handler(timed: Store, wall: Wall) -> None:
    add(timed)
    Worker(timed, {}).run_due()
    wall.later(1)
    done: list[Job] = []
    Worker(timed, {"k": done.append}).run_due()
    assert len(done) == 1


def test_a_delay_is_kept(timed: Store, wall: Wall) -> None:
    add(timed, delay_seconds=10)
    assert claim(timed) is None
    wall.later(9.9)
    assert claim(timed) is None
    wall.later(0.2)
    assert claim(timed) is not None


def test_a_lost_lease_is_taken_over_and_the_loser_cannot_finish(timed: Store, wall: Wall) -> None:
    add(timed)
    slow = claim(timed)
    assert slow is not None
    wall.later(jobs.LEASE_SECONDS - 1)
    assert claim(timed) is None
    wall.later(2)
    quick = claim(timed)
    assert quick is not None
    assert (quick.id, quick.fence, quick.attempts) == (slow.id, slow.fence + 1, 2)
    jobs._finish(timed, slow)
    assert states(timed) == ["leased"]
    jobs._put_back(timed, slow, "late", again=False)
    assert states(timed) == ["leased"]
    jobs._finish(timed, quick)
    assert states(timed) == []


def test_at_a_start_the_leases_of_the_dead_are_void(timed: Store) -> None:
    add(timed)
    dead = claim(timed)
    assert dead is not None
    assert claim(timed) is None
    recover(timed)
    again = claim(timed)
    assert again is not None
    assert again.fence > dead.fence
    jobs._finish(timed, dead)
    assert states(timed) == ["leased"]


def test_a_running_worker_wakes_at_once_and_stops(store: Store) -> None:
    done = threading.Event()
    worker = Worker(store, {"k": lambda job: done.set()})
    worker.start()
    try:
        time.sleep(0.05)
        began = time.monotonic()
        add(store)
        assert done.wait(5)
        assert time.monotonic() - began < jobs.SWEEP_SECONDS
    finally:
        worker.stop()
    assert not any(thread.is_alive() for thread in worker._threads)


# --- handed over by the transaction that added it ------------------------------------------------------------------


@pytest.fixture
def busy(store: Store) -> Any:
    """A worker of two threads that wait, what they did, and a gate: while it is shut, a job with "hold" is held."""
    done: list[Job] = []
    gate = threading.Event()

    def do(job: Job) -> None:
        if job.payload.get("hold"):
            assert gate.wait(20)
        done.append(job)
        if job.payload.get("fault") and job.attempts == 1:
            raise LATER()

    worker = Worker(store, {"k": do}, speaking=["k"], speakers=2)
    worker.start()
    line = worker._lines[1]
    until(lambda: line.calls._waiting == 2)
    yield line, done, gate
    gate.set()
    worker.stop()


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_job_is_given_to_a_waiting_thread_under_its_lease(store: Store, busy: Any) -> None:
    _, done, gate = busy
    with store.begin(NODE, "deliver") as tx:
        one = enqueue(tx, "k", {"hold": True, "parts": ("a", 1)})
        row = tx.get(jobs.jobs, one)
        assert row is not None and (row["state"], row["fence"], row["attempts"]) == ("leased", 1, 1)
        assert row["lease_until"] > tx.wall and not done, "nothing is done before the commit"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "claim", lambda *_: None)
        gate.set()
        until(lambda: states(store) == [])
    assert done == [Job(one, "k", "deliver", {"hold": True, "parts": ["a", 1]}, attempts=1, fence=1)], "as it is stored"


def test_what_is_rolled_back_is_not_done_and_leaves_its_thread_free(store: Store, busy: Any) -> None:
    line, done, _ = busy
    for _ in range(5):
        with pytest.raises(RuntimeError), store.begin(NODE) as tx:
            enqueue(tx, "k", {})
            enqueue(tx, "k", {})
            assert line.calls._reserved == 2
            raise RuntimeError("no")
    with store.begin(NODE) as tx:
        with pytest.raises(RuntimeError), tx.conn.begin_nested():
            enqueue(tx, "k", {"within": "a savepoint"})
            raise RuntimeError("no")
        enqueue(tx, "k", {"after": "it"})
    until(lambda: states(store) == [] and done)
    assert line.calls._reserved == 0
    assert [job.payload for job in done] == [{"after": "it"}]


def test_where_no_thread_waits_a_job_waits(store: Store, busy: Any) -> None:
    _, done, gate = busy
    with store.begin(NODE) as tx:
        for number in range(4):
            enqueue(tx, "k", {"hold": True, "n": number})
        enqueue(tx, "k", {"n": 4}, lane="l")
        enqueue(tx, "k", {"n": 5}, delay_seconds=0.1)
        rows = {row["payload"]["n"]: row["state"] for row in open_jobs(tx)}
    assert rows == {0: "leased", 1: "leased", 2: "waiting", 3: "waiting", 4: "waiting", 5: "waiting"}
    gate.set()
    until(lambda: states(store) == [])
    assert sorted(job.payload["n"] for job in done) == [0, 1, 2, 3, 4, 5]
    assert all(job.attempts == 1 for job in done)


def test_a_job_that_was_handed_over_is_tried_again_like_any_other(store: Store, busy: Any) -> None:
    _, done, _ = busy
    with store.begin(NODE) as tx:
        enqueue(tx, "k", {"fault": True})
    until(lambda: states(store) == [] and len(done) == 2)
    assert [(job.attempts, job.fence) for job in done] == [(1, 1), (2, 2)]


def test_a_job_that_was_handed_over_too_long_ago_is_left_to_whoever_claims_it() -> None:
    calls = jobs._Calls()
    late, now = (Job(name, "k", "deliver", {}, 1, 1) for name in ("late", "now"))
    calls._handed.append((time.monotonic() - jobs.LEASE_SECONDS / 2, late))
    calls._handed.append((time.monotonic(), now))
    assert calls.wait(0) == (0, now)
    assert calls.wait(0) == (0, None)


def test_a_worker_that_was_stopped_takes_no_job(store: Store) -> None:
    worker = Worker(store, {"k": lambda job: None})
    worker.start()
    worker.stop()
    add(store)
    assert states(store) == ["waiting"]


def test_a_worker_survives_a_broken_store(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caplog.handler, "filters", [])  # a node served in this process before says a line once a minute
    done = threading.Event()
    worker = Worker(store, {"k": lambda job: done.set()})
    with store.begin(NODE) as tx:
        enqueue(tx, "k", {})
        tx.execute(text("ALTER TABLE job RENAME TO away"))
    worker.start()
    try:
        while "stumbled" not in caplog.text:
            time.sleep(0.02)
        with store.begin(NODE) as tx:
            tx.execute(text("ALTER TABLE away RENAME TO job"))
        assert done.wait(10)
    finally:
        worker.stop()


def in_lane(store: Store, *numbers: int, lane: str = "to b") -> None:
    with store.begin(NODE, "deliver") as tx:
        for number in numbers:
            enqueue(tx, "k", {"n": number}, lane=lane)


def test_jobs_of_a_lane_go_in_the_order_they_were_added(timed: Store, wall: Wall) -> None:
    """The receiver is away for the first tries; what was added meanwhile, at one moment or later, waits its turn."""
    heard: list[int] = []
    away = True

    def send(job: Job) -> None:
        if away:
            raise LATER()
        heard.append(job.payload["n"])

    worker = Worker(timed, {"k": send})
    in_lane(timed, *range(20))
    assert worker.run_due() == 1, "the first is tried, the others wait behind it"
    wall.later(100)
    in_lane(timed, 20)
    worker.run_due()
    away = False
    assert worker.run_due() == 0, "a new one does not overtake"
    wall.later(100)
    worker.run_due()
    assert heard == list(range(21))


@pytest.mark.parametrize("fault", [RuntimeError("it answered 500"), NEVER()])
def test_a_message_with_a_fault_of_its_own_holds_nobody_up(timed: Store, wall: Wall, fault: Exception) -> None:
    heard: list[int] = []

    def send(job: Job) -> None:
        if job.payload["n"] == 0:
            raise fault
        heard.append(job.payload["n"])

    in_lane(timed, 0, 1)
    Worker(timed, {"k": send}).run_due()
    assert heard == [1]
    assert len(states(timed)) == 1


def test_a_lane_waits_for_its_own_only(timed: Store, wall: Wall) -> None:
    heard: list[int] = []

    def send(job: Job) -> None:
        if job.payload["n"] < 2:
            raise LATER()
        heard.append(job.payload["n"])

    in_lane(timed, 0, 1)
    in_lane(timed, 2, lane="to c")
    with timed.begin(NODE) as tx:
        enqueue(tx, "k", {"n": 3})
    Worker(timed, {"k": send}).run_due()
    assert sorted(heard) == [2, 3]


def test_no_value_of_a_row_is_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    plate = "贵A" + "12345"  # not in one piece, for a traceback shows this line

    def break_it(_job: Job) -> None:
        with store.begin(NODE) as tx:
            for _ in range(2):
                tx.add(settings, {"id": plate, "value": plate})

    add(store)
    Worker(store, {"k": break_it}).run_due()
    with store.read() as tx:
        told = open_jobs(tx)[0]["last_error"]
    assert told == "IntegrityError"
    assert "IntegrityError" in caplog.text
    assert plate not in caplog.text


WORKING = """
import os, signal, sys, time
from pathlib import Path
from datong.ground import jobs
from datong.ground.db import NODE, Store, metadata, sqlite_url
store = Store(sqlite_url(Path(sys.argv[1])))
metadata.create_all(store.engine)
jobs.recover(store)
def added():
    with store.begin(NODE, "deliver") as tx:
        jobs.enqueue(tx, "k", {}, key="only")
def left():
    with store.read() as tx:
        return jobs.open_jobs(tx)
def work(job):
    with open(sys.argv[2], "a") as out:
        out.write(f"{job.attempts}\\n")
    if job.attempts == 1:
        os.kill(os.getpid(), signal.SIGKILL)
worker = jobs.Worker(store, {"k": work})
"""
CLAIMED = f"{WORKING}added()\nworker.run_due()\n"
HANDED = f"""{WORKING}
worker.start()
while not worker._lines[0].calls._waiting:
    time.sleep(0.01)
added()
while left():
    time.sleep(0.01)
worker.stop()
"""


@pytest.mark.parametrize("script", [CLAIMED, HANDED], ids=["claimed", "handed over"])
def test_a_job_whose_process_was_killed_is_done_by_the_next(tmp_path: Path, script: str) -> None:
    command = [sys.executable, "-c", script, str(tmp_path / "n.db"), str(tmp_path / "tries")]
    runs = [subprocess.run(command, capture_output=True, text=True, check=False, timeout=60) for _ in range(3)]
    assert [run.returncode for run in runs] == [-signal.SIGKILL, 0, 0], [run.stderr for run in runs]
    assert (tmp_path / "tries").read_text().split() == ["1", "2"], "killed, done, and not done again"


def test_a_peer_that_does_not_answer_holds_up_neither_the_others_nor_the_node(store):
    answered, done = threading.Event(), []

    def speak(job):
        if job.payload["to"] == "silent":
            answered.wait(20)
        done.append(job.payload["to"])

    worker = Worker(store, {"speak": speak, "k": lambda job: done.append("own")}, speaking=["speak"], speakers=2)
    with store.begin(NODE, "test") as tx:
        for kind, to in (("speak", "silent"), ("speak", "other"), ("k", "")):
            enqueue(tx, kind, {"to": to})
    worker.start()
    try:
        until(lambda: len(done) == 2)
        assert sorted(done) == ["other", "own"]
    finally:
        answered.set()
        worker.stop()
    assert sorted(done) == ["other", "own", "silent"]


def test_a_peer_that_was_slow_holds_one_thread_until_it_answers_in_time(store, monkeypatch):
    monkeypatch.setattr(jobs, "SLOW_SECONDS", 0.2)
    answers, spoken, lock = threading.Event(), [], threading.Lock()

    def speak(job):
        with lock:
            spoken.append(job.payload["to"])
        if job.payload["to"] == "silent" and not answers.is_set():
            answers.wait(20)

    def said(to):
        return spoken.count(to)

    def add_to(to, count):
        with store.begin(NODE, "test") as tx:
            for _ in range(count):
                enqueue(tx, "speak", {"to": to})

    worker = Worker(store, {"speak": speak}, speaking=["speak"], speakers=3)
    worker.start()
    try:
        add_to("silent", 1)
        until(lambda: said("silent") == 1)
        time.sleep(0.3)
        add_to("silent", 20)
        add_to("other", 5)
        until(lambda: said("other") == 5)
        assert said("silent") == 1
        with store.read() as tx:
            waiting = [job["last_error"] for job in open_jobs(tx) if job["state"] == "waiting"]
        assert any(error and error.startswith("[GND-503]") for error in waiting)
        answers.set()
        until(lambda: said("silent") == 21)
    finally:
        answers.set()
        worker.stop()


def test_a_store_that_is_away_when_a_job_is_done_holds_up_its_lane_for_a_moment_only(store, monkeypatch):
    """Not until the lease is over: a cut connection delayed whatever stood behind it by a minute."""
    written, done, cuts = jobs._finish, [], [STORE_AWAY(code="57P01")] * 2

    def cut(store, job):
        if cuts:
            raise cuts.pop()
        written(store, job)

    monkeypatch.setattr(jobs, "_finish", cut)
    with store.begin(NODE, "test") as tx:
        for name in ("first", "second"):
            enqueue(tx, "k", {"name": name}, lane="one")
    Worker(store, {"k": lambda job: done.append(job.payload["name"])}).run_due()
    assert (done, cuts) == (["first", "second"], [])


def test_data_that_take_their_time_hold_up_neither_messages_nor_the_node(store):
    arrived, done = threading.Event(), []

    def carry(job):
        arrived.wait(20)
        done.append("data")

    handlers = {"carry": carry, "speak": lambda job: done.append("said"), "k": lambda job: done.append("own")}
    worker = Worker(store, handlers, speaking=["speak"], carrying=["carry"])
    with store.begin(NODE, "test") as tx:
        for kind in ("carry", "carry", "speak", "k"):
            enqueue(tx, kind, {})
    worker.start()
    try:
        until(lambda: len(done) == 2)
        assert sorted(done) == ["own", "said"]
    finally:
        arrived.set()
        worker.stop()


def test_a_handler_may_finish_its_job_in_its_own_transaction(store):
    def do(job):
        with store.begin(NODE, "test") as tx:
            finish(tx, job)
        return True

    with store.begin(NODE, "test") as tx:
        enqueue(tx, "k", {}, key="one")
    assert Worker(store, {"k": do}).run_due() == 1
    with store.read() as tx:
        assert open_jobs(tx) == []


# --- what is forgotten -------------------------------------------------------------------------------------------


def test_what_is_done_is_forgotten_on_every_database(store: Store) -> None:
    add(store, 2)
    add(store, 2, lane="l")
    add(store, key="only")
    Worker(store, {"k": lambda job: None}).run_due()
    now = store.wall_clock
    store.wall_clock = lambda: now() + timedelta(days=jobs.KEPT_DAYS + 1)
    assert jobs.forget_done(store) == 4
    assert sorted((row.state, row.payload) for row in rows(store).values()) == [("done", {"n": 1}), ("forgotten", {})]


def done_long_ago(store: Store, wall: Wall, days: float = 0) -> int:
    """Do what waits, let the retention and some days more pass, and forget; how many rows that was."""
    Worker(store, {"k": lambda job: None}).run_due()
    wall.later((jobs.KEPT_DAYS + days) * 86_400)
    return jobs.forget_done(store)


def rows(store: Store) -> dict[str, Any]:
    with store.read() as tx:
        return {row.id: row for row in tx.all(jobs.jobs.select())}


def test_a_job_done_long_ago_is_forgotten(timed: Store, wall: Wall) -> None:
    add(timed, 3)
    assert done_long_ago(timed, wall, days=-1) == 0
    assert len(rows(timed)) == 3
    wall.later(2 * 86_400)
    assert jobs.forget_done(timed) == 3
    assert rows(timed) == {}


def test_what_waits_or_failed_is_never_forgotten(timed: Store, wall: Wall) -> None:
    def refuse(job: Job) -> None:
        raise LATER() if job.payload["n"] else NEVER()

    add(timed, 2)
    Worker(timed, {"k": refuse}).run_due()
    add(timed)
    claim(timed)
    wall.later(10 * jobs.KEPT_DAYS * 86_400)
    assert jobs.forget_done(timed) == 0
    assert sorted(row.state for row in rows(timed).values()) == ["failed", "leased", "waiting"]


def test_of_a_job_under_a_key_the_key_stays_so_that_it_is_never_done_again(timed: Store, wall: Wall) -> None:
    add(timed, key="invoice-1-sent")
    assert done_long_ago(timed, wall, days=1) == 1
    (left,) = rows(timed).values()
    assert (left.id, left.payload, left.last_error) == ("invoice-1-sent", {}, None)
    assert states(timed) == [], "nobody waits for it"
    with timed.read() as tx:
        assert jobs.waiting(tx, limit=9) == ([], 0)
        assert jobs.told(tx, "invoice-1-sent") == {}
    assert jobs.forget_done(timed) == 0, "it is not looked at again"
    add(timed, key="invoice-1-sent")
    done: list[Job] = []
    assert Worker(timed, {"k": done.append}).run_due() == 0
    recover(timed)
    assert Worker(timed, {"k": done.append}).run_due() == 0


def test_the_last_that_was_said_in_a_lane_stays_for_it_may_be_asked_for_again(timed: Store, wall: Wall) -> None:
    for lane in ("one", "two"):
        for _ in range(3):
            add(timed, lane=lane)
            wall.later(1)
    assert done_long_ago(timed, wall, days=1) == 4
    left = sorted(rows(timed).values(), key=lambda row: row.lane)
    assert [row.lane for row in left] == ["one", "two"]
    assert left[0].payload == {"n": 0} and left[0].state == "done"
    add(timed, lane="one")
    assert done_long_ago(timed, wall, days=1) == 1


def test_much_is_forgotten_in_small_transactions_between_which_others_write(
    timed: Store, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FORGOTTEN_AT_ONCE", 10)
    add(timed, 25)
    add(timed, 1, lane="l")
    began, begin = [], timed.begin
    monkeypatch.setattr(timed, "begin", lambda *args, **more: began.append(1) or begin(*args, **more))
    Worker(timed, {"k": lambda job: None}).run_due()
    wall.later((jobs.KEPT_DAYS + 1) * 86_400)
    began.clear()
    assert jobs.forget_done(timed) == 25
    assert len(began) == 3
    assert len(rows(timed)) == 1


def test_what_is_forgotten_is_found_by_index(timed: Store, wall: Wall) -> None:
    add(timed, 3)
    Worker(timed, {"k": lambda job: None}).run_due()
    wall.later((jobs.KEPT_DAYS + 1) * 86_400)
    with asked_of(timed) as asked:
        jobs.forget_done(timed)
        with timed.read() as tx:
            open_jobs(tx)
            jobs.waiting(tx, limit=9)
    assert "job" not in read_whole(timed, [one for one in asked if one.startswith(("SELECT", "DELETE"))])


# --- a clock that is put right -----------------------------------------------------------------------------------


def test_what_waits_by_a_clock_that_was_ahead_is_done_once_it_is_put_right(timed: Store, wall: Wall) -> None:
    """A retry waits a minute at most, so one that is due in a year was written by a clock that was wrong; all that is
    said to that peer stands behind it."""
    right = wall.at
    heard: list[int] = []

    def away(_job: Job) -> None:
        raise LATER()

    wall.later(365 * 86_400)
    add(timed, lane="peer")
    add(timed, lane="peer", delay_seconds=1)
    Worker(timed, {"k": away}).run_due()
    wall.at = right
    with timed.begin(NODE) as tx:
        enqueue(tx, "k", {"n": 7}, lane="peer")
        enqueue(tx, "k", {"n": 8}, delay_seconds=3_600)
    worker = Worker(timed, {"k": lambda job: heard.append(job.payload["n"])})
    worker.run_due()
    assert heard == [7], "that one was added before the others, by the clock as it stands"
    assert jobs.due_again(timed) == 2
    worker.run_due()
    assert heard == [7, 0, 0]
    assert jobs.due_again(timed) == 0
    wall.later(3_601)
    worker.run_due()
    assert heard == [7, 0, 0, 8], "what was to wait waited"


def test_a_start_makes_due_what_waits_by_a_clock_that_was_ahead(timed: Store, wall: Wall) -> None:
    right, done = wall.at, list[Job]()
    wall.later(86_400)
    add(timed)
    claim(timed)
    jobs._put_back(timed, Job("", "k", "", {}, 1, 0), "x", again=True)  # another's: nothing changes
    add(timed, delay_seconds=30)
    wall.at = right
    recover(timed)
    assert Worker(timed, {"k": done.append}).run_due() == 2
