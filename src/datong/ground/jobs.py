"""Jobs: rows written with the change that wants them, done afterwards at least once.

The outbox of messages to other nodes is made of these. A job is claimed with one compare-and-set statement
that takes a lease and raises a fencing number; an after-commit hook wakes the worker at once, a slow sweep is
only the safety net after a crash. Where a thread of this process is free for it, a job is added under its lease and
given to that thread after the commit, which saves the claim. Every waiting job shows why it waits, since when, and its
next try.
A job that is done is forgotten after KEPT_DAYS; of one under a key the key stays, and of a lane the last job, which may
be asked for again.
A job may name a lane: the jobs of a lane are done one after the other in the order in which they were added, so that
a receiver that was away hears of things in the order they happened. A job that ends, or that met a fault of its own,
holds nobody up.
Must never know: what a job does (handlers are registered by `app`). Contract: tests/ground/test_jobs.py.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Text,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError

from datong.ground import clock
from datong.ground.db import NODE, Instant, Store, Tx, new_id, table
from datong.ground.prepared import Prepared
from datong.ground.refusal import Kind, Reason, Refusal
from datong.ground.refusal import Text as Words

log = logging.getLogger("datong.jobs")

LEASE_SECONDS = 60
SWEEP_SECONDS = 1.0
FIRST_WAIT_SECONDS = 0.3
WAIT_GROWTH = 1.5
LONGEST_WAIT_SECONDS = 60.0
GROWING_TRIES = 20
"""Waits grow by half, so that a peer that was away for a while is reached within half that while after its return."""
SLOW_SECONDS = 5.0
"""A peer that kept a thread waiting for longer is spoken to by one thread at a time, until it answers sooner."""

OPEN = ("waiting", "leased", "failed")
"""The states of jobs that are not done: a failed one waits for somebody to look at it."""
KEPT_DAYS = 90
"""What was done is kept for so long, for whoever has to look what was sent when a peer says that nothing came. What it
brought about stands in the rooms' records and in the evidence, and neither is kept here."""
FORGOTTEN_AT_ONCE = 500
MADE_UP = ("job-", "msg-")
"""How ids begin that were made for one job; any other is a key, under which a job is never added a second time."""

SLOW = Reason(
    "GND-503",
    Kind.unavailable,
    Words("发给 {to} 的消息稍后再试。", "The message to {to} waits for its turn."),
    Words(
        "该节点应答缓慢或未应答，另一条消息正在等它。",
        "That node answers slowly or not at all, and another message waits for it.",
    ),
    Words("系统会自动重试。", "It is tried again by itself."),
)

jobs = table(
    "job",
    Column("kind", String(60), nullable=False),
    Column("link", String(20), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(10), nullable=False),  # waiting | leased | done | failed | forgotten
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("lane", String(80)),
    Column("added_at", Instant, nullable=False),
    Column("nth", Integer, nullable=False),  # place among the jobs added at that moment
    Column("done_at", Instant),
    Index("ix_job_open", "state", "due_at"),
    Index("ix_job_lane", "lane", "added_at"),
)


@dataclass(frozen=True)
class Job:
    id: str
    kind: str
    link: str
    payload: dict[str, Any]
    attempts: int
    fence: int


class NotYet(Exception):
    """Raised by a handler with a Refusal: this job alone is tried again. Unlike one that is `unavailable` it holds
    nobody up behind it in its lane, and unlike a fault of the program it is told in a line."""


Handler = Callable[[Job], bool | None]
"""Does one job; opens its own transactions. Raises to be tried again; a Refusal that is not
`unavailable` ends the job as failed (trying again would change nothing). True: it has called `finish` in the
transaction in which it wrote what came of the job, which saves one."""


def enqueue(
    tx: Tx,
    kind: str,
    payload: Mapping[str, Any],
    *,
    key: str | None = None,
    lane: str | None = None,
    delay_seconds: float = 0,
) -> str:
    """Add a job to be done after this transaction, and after those added before it to the same `lane`.

    With `key`, a second job of the same key is not added.
    """
    job_id = key or new_id("job")
    if key is not None and tx.get(jobs, key) is not None:
        return key
    due = clock.text(tx.wall_now + timedelta(seconds=delay_seconds))
    row = {
        "id": job_id, "kind": kind, "link": tx.link, "payload": dict(payload), "state": "waiting", "due_at": due,
        "fence": 0, "attempts": 0, "lane": lane, "added_at": tx.wall, "nth": len(tx.after_commit),
    }  # fmt: skip
    at_once = lane is None and delay_seconds <= 0 and not tx.conn.in_nested_transaction()
    if at_once and (line := _reserved(tx.store, kind)) is not None:
        job = Job(job_id, kind, tx.link, json.loads(json.dumps(row["payload"])), attempts=1, fence=1)
        lease = clock.text(tx.wall_now + timedelta(seconds=LEASE_SECONDS))
        row |= {"state": "leased", "fence": job.fence, "attempts": job.attempts, "lease_until": lease}
        tx.after_commit.append(lambda: line.calls.hand(job))
        tx.after_rollback.append(line.calls.release)
    else:
        tx.after_commit.append(lambda: _call(tx.store, kind))
    tx.add(jobs, row)
    return job_id


def once_more(tx: Tx, key: str) -> bool:
    """Make a failed job due again, where a person has it so: what stood in its way may be gone. False where no job of
    that key failed."""
    row = tx.get(jobs, key)
    if row is None or row["state"] != "failed":
        return False
    _OURS.changed(tx.conn, {"state": "waiting", "due_at": tx.wall, "attempts": 0, "ours": key, "known": row["fence"]})
    tx.after_commit.append(lambda: _call(tx.store, row["kind"]))
    return True


def open_jobs(tx: Tx) -> list[dict[str, Any]]:
    """Jobs not done, oldest first, with why they wait and when they are tried next."""
    return tx.rows(select(jobs).where(jobs.c.state.in_(OPEN)).order_by(jobs.c.added_at))


def waiting(tx: Tx, *, limit: int) -> tuple[list[dict[str, Any]], int]:
    """The oldest `limit` of the jobs not done, and how many there are."""
    where = jobs.c.state.in_(OPEN)
    oldest = tx.rows(select(jobs).where(where).order_by(jobs.c.added_at, jobs.c.id).limit(limit))
    return oldest, int(tx.execute(select(func.count()).where(where)).scalar_one())


def told(tx: Tx, job: str) -> dict[str, Any]:
    """What a job waits for, as far as anybody should know: {"next_try", "tries", "last_error"}; {} once it is done."""
    row = tx.get(jobs, job)
    if row is None or row["state"] not in ("waiting", "leased"):
        return {}
    return {"next_try": row["due_at"], "tries": row["attempts"], "last_error": row["last_error"] or ""}


class Worker:
    """A thread that does the jobs of one store, in order of their due time.

    speaking: kinds of jobs that wait for the answer of a peer, which is `to` in their payload. They have `speakers`
    threads of their own, of which a slow peer holds one (see _Turns). carrying: kinds that move data for as long as it
    takes; they have one thread, so that none is begun again while it lasts. So one peer that does not answer holds up
    neither the others nor the work of this node.
    """

    def __init__(
        self, store: Store, handlers: Mapping[str, Handler], *, speaking: Iterable[str] = (), speakers: int = 3,
        carrying: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self.store, self.handlers = store, handlers
        self.speaking, carried = frozenset(speaking), frozenset(carrying)
        self._stop, self._turns = threading.Event(), _Turns()
        self._lines = [_Line(but=self.speaking | carried)]
        self._lines += [_Line(only=kinds) for kinds in (self.speaking, carried) if kinds]
        threads = [line for line in self._lines for _ in range(speakers if line.only == self.speaking else 1)]
        self._threads = [
            threading.Thread(target=self._run, args=(line,), name=f"datong-jobs-{n}", daemon=True)
            for n, line in enumerate(threads)
        ]

    def start(self) -> None:
        _LINES.setdefault(self.store, []).extend(self._lines)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for line in self._lines:
            line.calls.end()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)
        called = _LINES.get(self.store, [])
        for line in self._lines:
            if line in called:
                called.remove(line)

    def run_due(self, line: _Line | None = None, called: int = 0) -> int:
        """Do every job that is due now, in this thread; the number done or failed (tests use it). line: those only.
        called: how many jobs this thread was called for; once it has one, the others are another's."""
        line, done = line or _Line(), 0
        while (job := self._claimed(line)) is not None:
            if not done:
                line.calls.add(called - 1)
            self._do(job)
            done += 1
        return done

    def _claimed(self, line: _Line) -> Job | None:
        with line.claiming:  # threads of one line would find the same job, and all but one in vain
            return claim(self.store, line)

    def _run(self, line: _Line) -> None:
        called, handed = 0, None
        while not self._stop.is_set():
            try:
                if handed is not None:
                    self._do(handed)
                self.run_due(line, called)
            except Refusal as refusal:  # the store is away, for as long as that may last: a line, not a traceback
                log.warning("the job loop waits: %s", refusal)
            except Exception:
                log.exception("the job loop stumbled; it goes on")
            called, handed = line.calls.wait(SWEEP_SECONDS)

    def _do(self, job: Job) -> None:
        to = str(job.payload.get("to") or "") if job.kind in self.speaking else ""
        begun = self._turns.begun(to)
        if begun is None:
            self._written(lambda: _put_back(self.store, job, str(SLOW(to=to)), again=True, stays=True))
            return
        try:
            self._done(job)
        finally:
            self._turns.over(to, begun)

    def _done(self, job: Job) -> None:
        try:
            finished = self.handlers[job.kind](job)
        except Refusal as refusal:
            again, told = refusal.kind is Kind.unavailable, str(refusal)
            self._written(lambda: _put_back(self.store, job, told, again=again, stays=again))
        except NotYet as later:
            why = str(later)
            log.warning("job %s %s is tried again: %s", job.kind, job.id, " ".join(why.split()))
            self._written(lambda: _put_back(self.store, job, why, again=True))
        except Exception as error:
            log.exception("job %s %s", job.kind, job.id)
            why = _told(error)
            self._written(lambda: _put_back(self.store, job, why, again=True))
        else:
            if not finished:
                self._written(lambda: _finish(self.store, job))

    def _written(self, write: Callable[[], None]) -> None:
        """Write what became of a job. A store that is away for a moment is waited for: nobody else takes the job, nor
        what stands behind it in its lane, before its lease is over."""
        until = time.monotonic() + LEASE_SECONDS / 2
        while True:
            try:
                return write()
            except Refusal as away:
                over = away.kind is not Kind.unavailable or time.monotonic() > until
                if over or self._stop.wait(SWEEP_SECONDS / 4):
                    raise
                log.warning("what became of a job waits to be written: %s", away)


class _Turns:
    """Whom the speaking threads wait for. A peer that has kept one of them for SLOW_SECONDS is spoken to by one at a
    time, until it answers sooner again: its other messages are put back, and the threads go on to other peers."""

    def __init__(self) -> None:
        self._lock, self._since, self._slow = threading.Lock(), dict[str, list[float]](), set[str]()

    def begun(self, to: str) -> float | None:
        """When the turn began; None when there is none for this peer now."""
        now = time.monotonic()
        with self._lock:
            since = self._since.setdefault(to, [])
            if to and since and (to in self._slow or now - min(since) > SLOW_SECONDS):
                return None
            since.append(now)
        return now

    def over(self, to: str, begun: float) -> None:
        slow = time.monotonic() - begun > SLOW_SECONDS
        with self._lock:
            self._since[to].remove(begun)
            if not self._since[to]:
                del self._since[to]
            (self._slow.add if slow else self._slow.discard)(to)


class _Calls:
    """Calls to the threads of a line, one for each job that was added: as many threads wake as have work to do.

    A thread that waits can be reserved for a job that is being added; the job is handed to it once it is committed.
    """

    def __init__(self) -> None:
        self._changed, self._open, self._ended = threading.Condition(), 0, False
        self._waiting = self._reserved = 0
        self._handed: deque[tuple[float, Job]] = deque()

    def add(self, number: int) -> None:
        if number > 0:
            with self._changed:
                self._open += number
                self._changed.notify()

    def reserve(self) -> bool:
        """Whether a thread waits that nobody else has called or reserved; it is now."""
        with self._changed:
            free = not self._ended and self._waiting > self._reserved + len(self._handed) + self._open
            self._reserved += free
            return free

    def release(self) -> None:
        """What a thread was reserved for did not come about."""
        with self._changed:
            self._reserved -= 1

    def hand(self, job: Job) -> None:
        """The job that a thread was reserved for."""
        with self._changed:
            self._reserved -= 1
            self._handed.append((time.monotonic(), job))
            self._changed.notify()

    def wait(self, seconds: float) -> tuple[int, Job | None]:
        """A job that was handed over, or all calls there are, as soon as there is one; neither after `seconds`, or at
        the end."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._handed or self._open or self._ended, seconds)
            self._waiting -= 1
            while self._handed:
                at, job = self._handed.popleft()
                if time.monotonic() - at < LEASE_SECONDS / 2:  # else all threads were held up: another claims it
                    return 0, job
            called, self._open = self._open, 0
        return called, None

    def end(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@dataclass(frozen=True, eq=False)
class _Line:
    """What some threads of a worker do: the kinds in `only` (empty: all), but not those in `but`."""

    only: frozenset[str] = frozenset()
    but: frozenset[str] = frozenset()
    calls: _Calls = field(default_factory=_Calls)
    claiming: threading.Lock = field(default_factory=threading.Lock)

    def does(self, kind: str) -> bool:
        return kind not in self.but and (not self.only or kind in self.only)


EVERY_KIND = _Line()


def _told(error: Exception) -> str:
    """The kind of fault, and its text where that cannot hold values of rows (a database's text may)."""
    kind = type(error).__name__
    return kind if isinstance(error, DBAPIError) else f"{kind}: {error}"


_LINES: WeakKeyDictionary[Store, list[_Line]] = WeakKeyDictionary()


def _reserved(store: Store, kind: str) -> _Line | None:
    """A line of which a thread is reserved for one job of this kind; None when all have something to do."""
    return next((line for line in _LINES.get(store, []) if line.does(kind) and line.calls.reserve()), None)


def _call(store: Store, kind: str) -> None:
    for line in _LINES.get(store, []):
        if line.does(kind):
            line.calls.add(1)


def _first_of_its_lane() -> ColumnElement[bool]:
    before = jobs.alias("before")
    earlier = or_(
        before.c.added_at < jobs.c.added_at,
        and_(before.c.added_at == jobs.c.added_at, before.c.nth < jobs.c.nth),
    )
    open_before = and_(before.c.state.in_(("waiting", "leased")), before.c.lane == jobs.c.lane, earlier)
    return or_(jobs.c.lane.is_(None), ~exists().where(open_before))


OPEN_NOW = or_(
    (jobs.c.state == "waiting") & (jobs.c.due_at <= bindparam("moment")),
    (jobs.c.state == "leased") & (jobs.c.lease_until < bindparam("moment")),
)


@cache
def _next_of(only: frozenset[str], but: frozenset[str]) -> Prepared:
    """The next due job of a line, made once: a worker asks for it all day long."""
    found = select(jobs.c.id, jobs.c.fence).where(OPEN_NOW, _first_of_its_lane())
    if only:
        found = found.where(jobs.c.kind.in_(sorted(only)))
    if but:
        found = found.where(jobs.c.kind.not_in(sorted(but)))
    return Prepared(found.order_by(jobs.c.due_at, jobs.c.added_at, jobs.c.nth, jobs.c.id).limit(1))


_LEASE = Prepared(
    update(jobs)
    .where(jobs.c.id == bindparam("found"), jobs.c.fence == bindparam("known"), OPEN_NOW)
    .values(state="leased", fence=jobs.c.fence + 1, attempts=jobs.c.attempts + 1, lease_until=bindparam("until"))
    .returning(jobs)
)


def claim(store: Store, line: _Line | None = None) -> Job | None:
    """Take the next due job (of the line) under a lease, or None. One statement decides who gets it."""
    line = line or EVERY_KIND
    now = store.wall_clock()
    moment = clock.text(now)
    with store.read() as view:
        found = view.first(_next_of(line.only, line.but), moment=moment)
    if found is None:
        return None
    until = clock.text(now + timedelta(seconds=LEASE_SECONDS))
    with store.begin(NODE, "jobs", flushed=False) as tx:  # after a loss of power leases are void
        row = tx.first(_LEASE, found=found["id"], known=found["fence"], moment=moment, until=until)
    if row is None:
        return claim(store, line)
    return Job(**{name: row[name] for name in ("id", "kind", "link", "payload", "attempts", "fence")})


def recover(store: Store) -> None:
    """At the start of the only process of a node: leases of the dead process are void."""
    with store.begin(NODE, "jobs") as tx:
        tx.execute(update(jobs).where(jobs.c.state == "leased").values(state="waiting", lease_until=None))
    due_again(store)


def due_again(store: Store) -> int:
    """Make due what waits by a clock that was ahead and was put right, and with it what stands behind it; the number.

    A retry waits LONGEST_WAIT_SECONDS at most, and nothing was added in the future.
    """
    with store.begin(NODE, "jobs") as tx:
        latest = clock.text(tx.wall_now + timedelta(seconds=LONGEST_WAIT_SECONDS))
        wrong = and_(jobs.c.due_at > latest, or_(jobs.c.attempts > 0, jobs.c.added_at > tx.wall))
        soon = and_(jobs.c.added_at > tx.wall, jobs.c.due_at > tx.wall)
        changed = tx.execute(
            update(jobs).where(jobs.c.state == "waiting", or_(wrong, soon)).values(due_at=tx.wall)
        )  # fmt: skip
    number = int(changed.rowcount)
    if number:
        log.warning("%s jobs waited by a clock that was ahead; they are due now", number)
    return number


def finish(tx: Tx, job: Job) -> None:
    """The job is done, in this transaction, if it still is ours."""
    done = {"state": "done", "done_at": tx.wall, "lease_until": None, "last_error": None}
    _OURS.changed(tx.conn, {**done, "ours": job.id, "known": job.fence})


_OURS = Prepared(update(jobs).where(jobs.c.id == bindparam("ours"), jobs.c.fence == bindparam("known")))


def forget_done(store: Store) -> int:
    """Forget what was done more than KEPT_DAYS ago, a few at a time, so that others write meanwhile; the number.

    Found aside, in a view that holds nobody up. Nothing else changes a job that is done.
    """
    number, after = 0, ("", "")
    while True:
        with store.read() as tx:
            over = clock.text(tx.wall_now - timedelta(days=KEPT_DAYS))
            found = tx.found(_DONE_LONG_AGO, over=over, due=after[0], id=after[1], most=FORGOTTEN_AT_ONCE)
        if found:
            after = (found[-1]["due_at"], found[-1]["id"])
            keys = [row["id"] for row in found if not row["id"].startswith(MADE_UP)]
            with store.begin(NODE, "jobs") as tx:
                tx.execute(delete(jobs).where(jobs.c.id.in_([row["id"] for row in found if row["id"] not in keys])))
                tx.execute(update(jobs).where(jobs.c.id.in_(keys)).values(state="forgotten", payload={}))
            number += len(found)
        if len(found) < FORGOTTEN_AT_ONCE:
            return number


def _last_of_its_lane() -> ColumnElement[bool]:
    after = jobs.alias("after")
    later = or_(after.c.added_at > jobs.c.added_at, and_(after.c.added_at == jobs.c.added_at, after.c.nth > jobs.c.nth))
    return and_(jobs.c.lane.is_not(None), ~exists().where(after.c.lane == jobs.c.lane, later))


_DONE_LONG_AGO = Prepared(
    select(jobs.c.id, jobs.c.due_at)
    .where(
        jobs.c.state == "done", jobs.c.due_at >= bindparam("due"), jobs.c.due_at < bindparam("over"),
        jobs.c.done_at < bindparam("over"), or_(jobs.c.due_at > bindparam("due"), jobs.c.id > bindparam("id")),
        ~_last_of_its_lane(),
    )
    .order_by(jobs.c.due_at, jobs.c.id)
    .limit(bindparam("most"))
)  # fmt: skip


def _finish(store: Store, job: Job) -> None:
    with store.begin(NODE, "jobs") as tx:
        finish(tx, job)


def _put_back(store: Store, job: Job, error: str, *, again: bool, stays: bool = False) -> None:
    """stays: in its lane, for whoever is to receive it is away; any other fault is its own and holds nobody up."""
    wait = min(FIRST_WAIT_SECONDS * WAIT_GROWTH ** min(job.attempts - 1, GROWING_TRIES), LONGEST_WAIT_SECONDS)
    left: dict[str, Any] = {} if stays else {"lane": None}
    with store.begin(NODE, "jobs") as tx:
        due = clock.text(tx.wall_now + timedelta(seconds=wait))
        state = "waiting" if again else "failed"
        told = {"state": state, "due_at": due, "lease_until": None, "last_error": error[:2000], **left}
        _OURS.changed(tx.conn, {**told, "ours": job.id, "known": job.fence})
