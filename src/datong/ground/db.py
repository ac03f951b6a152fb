"""The store of one node and its transactions.

One SQLAlchemy metadata for all rooms; SQLite (WAL, synchronous=FULL) by default, PostgreSQL in production.
A `Tx` is opened and committed once, at the edge (request, command, job), and passed down; services never
commit, but may let others write while they read for long (`Tx.reading`), or have what takes long done first
(`Tx.beforehand`). It knows who acts, both clocks, and in which link of the journey it runs (for named crash points).
Must never know: what the tables mean. Contract: tests/ground/test_db.py, on both databases.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Executable,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import CursorResult, ExceptionContext
from sqlalchemy.exc import OperationalError
from sqlalchemy.sql.schema import SchemaItem

from datong.ground import clock, crash
from datong.ground.prepared import Prepared
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text

STORE_BUSY = Reason(
    "GND-504",
    Kind.unavailable,
    Text("未执行。", "It was not done."),
    Text("另一个进程正在写入本节点的数据库，等候已超时。",
         "Another process writes to the store of this node, and was waited for in vain."),
    Text("请待其结束后重试。", "Repeat it when that is done."),
)  # fmt: skip
STORE_AWAY = Reason(
    "GND-505",
    Kind.unavailable,
    Text("未能完成。", "It could not be done."),
    Text("本节点的数据库目前不可用（{code}）。", "The store of this node cannot be used now ({code})."),
    Text("请稍后重试；节点运维人员请检查数据库是否在运行、磁盘是否已满、文件夹是否可写。",
         "Try again later; its operator sees whether the database runs, its disk is full, its folder is writable."),
)  # fmt: skip
TOO_MUCH = Reason(
    "GND-400",
    Kind.invalid,
    Text("未执行。", "It was not done."),
    Text("有的值过长或过大，数据库无法保存。", "A value is longer or larger than the store holds."),
    Text("请按下列各项缩短或减小后重试。", "Shorten or lessen what is listed, and repeat it."),
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

Fen = BigInteger
"""Column type of amounts: integer fen (分)."""

Instant = String(32)
"""Column type of instants: ISO 8601 UTC text, see ground.clock.text."""


def table(name: str, *columns: SchemaItem, **options: Any) -> Table:
    """A table of `metadata` whose primary key is the text column `id`.

    Mark columns that hold personal values with `info={"personal": True}`: they enter evidence only as
    salted hashes.
    """
    return Table(name, metadata, Column("id", String(80), primary_key=True), *columns, **options)


business_clock = table("business_clock", Column("at", Instant, nullable=False), Column("seq", Integer, nullable=False))

settings = table("node_setting", Column("value", JSON, nullable=False))
"""Facts a node learns at run time and needs at the next start (its own node code, say)."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a person in a role at a party, or a peer node (role "peer", person empty)."""

    person: str
    role: str
    party: str = ""
    department: str = ""
    roles: frozenset[str] = frozenset()
    issued_by: str = ""
    """The person who handed this one their way in (login link, service token, first password); "" = nobody else."""

    def has(self, *roles: str) -> bool:
        return bool(self.roles.union({self.role}).intersection(roles))


T = TypeVar("T")


SOUGHT = {"sought": True}
"""Marks the columns of a list in which a person's words are looked for; never on personal or secret ones."""


@dataclass(frozen=True)
class Sought:
    """What a person looks for in a list: rows of which the id or a column marked SOUGHT contains the text, small or
    capital letters alike, or holds one of the codes or ids that `called` selects, of what is called so elsewhere."""

    text: str
    called: Select[Any] | None = None

    def within(self, of: Any) -> ColumnElement[bool]:
        """The condition on the rows of the table `of`."""
        if "\0" in self.text:  # which PostgreSQL cannot be asked for, and nothing holds
            return false()
        columns = [of.c.id, *(column for column in of.columns if column.info.get("sought"))]
        contains = [column.icontains(self.text, autoescape=True) for column in columns]
        named = [column.in_(self.called) for column in columns if self.called is not None]
        return or_(false(), *contains, *named)


@dataclass(frozen=True)
class Window:
    """Which rows of a list are asked for: the one called `id`, or those that are `sought`, of these `limit` from the
    `offset`-th on; all by default.

    A list that grows takes these, and cuts in the database: nobody reads ten thousand rows to show fifty.
    """

    id: str = ""
    limit: int | None = None
    offset: int = 0
    sought: Sought | None = None

    def of(self, query: Select[Any], *names: Column[Any]) -> Select[Any]:
        """The part of the ordered `query` that is asked for; names: the columns by which a row may be called, first its
        primary key. The part is found by keys alone: wide rows are not sorted. Rows of one moment are told apart by
        their key for the cut alone: within a list they stand as they were written."""
        asked = query
        if self.id:
            asked = asked.where(false() if "\0" in self.id else or_(*(name == self.id for name in names)))
        if self.sought is not None:
            asked = asked.where(self.sought.within(names[0].table))
        if self.limit is None and not self.offset:
            return asked
        keys = asked.with_only_columns(names[0]).order_by(names[0]).offset(max(0, self.offset))
        return query.where(names[0].in_(keys if self.limit is None else keys.limit(max(0, self.limit))))


EVERY = Window()

WRITING = 0x6461746F6E67
"""Key of PostgreSQL's advisory lock under which a store is written ("datong")."""
SERVING = WRITING + 1
"""Key of the one that the process which serves a store holds as long as its session lasts."""
BUSY_SECONDS = 30.0
"""How long a transaction that writes waits for another of another process before it says GND-504."""
READ = "read"
"""The link of views: they see what is committed, and change nothing."""

NODE = Actor(person="", role="node")
"""The node itself: its jobs, its start, its sequencer."""


@cache
def _by_id(of: Table) -> Prepared:
    return Prepared(select(of).where(of.c.id == bindparam("wanted")))


@cache
def _room(of: Table) -> dict[str, int]:
    """Column -> how many signs its texts, or what size its whole numbers have at most: PostgreSQL keeps no more."""
    room: dict[str, int] = {}
    for column in of.columns:
        kind = column.type
        if isinstance(kind, String) and kind.length is not None:
            room[column.name] = kind.length
        elif isinstance(kind, Integer):
            room[column.name] = 2**63 - 1 if isinstance(kind, BigInteger) else 2**31 - 1
    return room


def _require_room(to: Table, values: Mapping[str, Any]) -> None:
    """TOO_MUCH for what one of the databases could not keep: then none does."""
    room, found = _room(to), []
    for name, value in values.items():
        if (most := room.get(name)) is None:
            continue
        if isinstance(value, str) and len(value) > most:
            found.append(
                Problem(name, f"有 {len(value)} 个字符，上限 {most}", f"has {len(value)} characters; at most {most}")
            )
        elif isinstance(value, int) and abs(value) > most:
            found.append(Problem(name, f"绝对值超过 {most}", f"is beyond {most}"))
    if found:
        raise TOO_MUCH(found)


@cache
def _into(to: Table) -> Prepared:
    return Prepared(insert(to))


@cache
def _change_of(of: Table) -> Prepared:
    return Prepared(update(of).where(of.c.id == bindparam("row_wanted")))


_BUSINESS_TIME = _by_id(business_clock)


class NotYetDone(Exception):
    """Undoes a transaction that wants something done beforehand; `Store.does` does it and begins again."""

    def __init__(self, key: Hashable, work: Callable[[], Any]) -> None:
        super().__init__(key)
        self.key, self.work = key, work


@dataclass
class Tx:
    """An open transaction. `after_commit` callables run once, after the commit succeeded; `after_rollback` ones
    when an exception undid it (to keep a record of why in a transaction of their own)."""

    conn: Connection
    actor: Actor
    link: str
    wall_now: datetime
    store: Store
    after_commit: list[Callable[[], None]] = field(default_factory=list)
    after_rollback: list[Callable[[], None]] = field(default_factory=list)
    closing: ExitStack = field(default_factory=ExitStack)
    """What is held for the length of this transaction and given back when all of the above has run."""
    kept: dict[str, Any] = field(default_factory=dict)
    """What holds for the length of this transaction, by whom it is kept, so that it is asked for once."""
    done: dict[Hashable, Any] | None = None
    """What was done beforehand; None where this transaction cannot be undone and begun again for it."""
    _business: datetime | None = None
    _written: bool | None = False
    """Whether something was written; None while others may write."""

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return self.conn.execute(statement, parameters)

    def one(self, statement: Executable) -> Row[Any] | None:
        """The only row, or None."""
        return self.conn.execute(statement).one_or_none()

    def all(self, statement: Executable) -> list[Row[Any]]:
        return list(self.conn.execute(statement).all())

    def rows(self, statement: Executable) -> list[dict[str, Any]]:
        """All rows, each a dict by the names of its columns."""
        return [dict(row) for row in self.conn.execute(statement).mappings()]

    def row(self, statement: Executable) -> dict[str, Any] | None:
        """The only row as such a dict, or None."""
        row = self.conn.execute(statement).mappings().one_or_none()
        return None if row is None else dict(row)

    def count(self, of: Table, *, each: str = "", sought: Sought | None = None, **equal: Any) -> int:
        """How many rows of `of` there are, of those that are sought and whose columns are `equal`; or, with the name of
        a column of lists, how many things `each` of them lists, together."""
        counted = func.coalesce(func.sum(func.json_array_length(of.c[each])), 0) if each else func.count()
        query = select(counted).select_from(of).where(*(of.c[name] == value for name, value in equal.items()))
        return int(self.conn.execute(query if sought is None else query.where(sought.within(of))).scalar_one())

    def longest(self, of: Table, since: str, where: ColumnElement[bool], most: int) -> list[str]:
        """The keys of these rows, those first that are so the longest by the time in the column `since`."""
        query = select(of.c.id).where(where).order_by(of.c[since], of.c.id).limit(most)
        return [row.id for row in self.all(query)]

    def found(self, statement: Prepared, **values: Any) -> list[dict[str, Any]]:
        """All rows that a prepared statement gives."""
        return statement.rows(self.conn, values)

    def first(self, statement: Prepared, **values: Any) -> dict[str, Any] | None:
        """The first of these rows, or None."""
        rows = statement.rows(self.conn, values)
        return rows[0] if rows else None

    def get(self, of: Table, key: str) -> dict[str, Any] | None:
        """The row of `of` with this id as a dict, or None."""
        if "\0" in str(key):  # which PostgreSQL cannot be asked for, and no row is called so
            return None
        return self.first(_by_id(of), wanted=key)

    def add(self, to: Table, values: Mapping[str, Any]) -> None:
        """Add a row. Refuses: GND-400, what is too long or too large for its column, on every database alike."""
        self._writing()
        _require_room(to, values)
        _into(to).changed(self.conn, values)

    def change(self, of: Table, key: str, **values: Any) -> None:
        """Set columns of the one row with this id; an AssertionError when there is none. Refuses: GND-400."""
        self._writing()
        _require_room(of, values)
        changed = _change_of(of).changed(self.conn, {**values, "row_wanted": key})
        assert changed == 1, f"{of.name} {key} is not there"

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What takes long and writes nothing, before the first thing is written: until the end of the block others
        may write (on SQLite this transaction sees the moment of its first question, elsewhere that of each). Then it
        goes on at another moment: what must not have changed is held by something in `closing`, or asked again."""
        if self.link == READ:
            yield
            return
        assert not self._written, "what was written before would be lost"
        self.conn.rollback()
        self.store.writer.release()
        try:
            self._written = None
            self.conn.execution_options(datong_read=True)
            self.conn.begin()
            yield
            self.conn.rollback()
        finally:
            self.store.writer.acquire()
        self._written = False
        self.conn.execution_options(datong_read=False)
        self.conn.begin()
        self.kept.clear()
        self._business, self.wall_now = None, self.store.wall_clock()
        vars(self).pop("wall", None)

    def beforehand(self, key: Hashable, work: Callable[[], T]) -> T:
        """What `work()` gives, which takes long and writes nothing, where something was written already: this
        transaction is undone, the work done while others write, and all of it done again, every decision included.

        key: everything that what it gives depends on, so that of what has changed meanwhile it is done anew. Where
        the edge did not begin by `Store.does`, it is done at once.
        """
        if self.done is None:
            return work()
        if key not in self.done:
            raise NotYetDone(key, work)
        found: T = self.done[key]
        return found

    def _writing(self) -> None:
        assert self._written is not None, "nothing is written while others may write"
        self._written = True

    @property
    def business_now(self) -> datetime:
        if self._business is None:
            row = self.first(_BUSINESS_TIME, wanted="now")
            self._business = clock.instant(row["at"]) if row else self.wall_now
        return self._business

    def move_clock(self, at: datetime, seq: int) -> None:
        """Set the business clock, for the rest of this transaction, too; seq: the number of the move."""
        row = {"at": clock.text(at), "seq": seq}
        if self.get(business_clock, "now") is None:
            self.add(business_clock, {"id": "now", **row})
        else:
            self.change(business_clock, "now", **row)
        self._business = at

    @property
    def now(self) -> str:
        """Business time as text: the time of deeds, terms and deadlines."""
        return clock.text(self.business_now)

    @cached_property
    def wall(self) -> str:
        """Wall time as text: the time of tokens, leases and checkpoints."""
        return clock.text(self.wall_now)


class Store:
    """The database of one node. `begin` opens the one kind of transaction there is."""

    def __init__(self, url: str, wall: clock.WallClock = clock.wall_clock) -> None:
        self.url = url
        self.wall_clock = wall
        # a failing statement is told without the values bound to it: they may be personal, or secret
        options: dict[str, Any] = {"hide_parameters": True}
        if not url.startswith("sqlite"):  # texts are sent and read as what they are, whatever PGCLIENTENCODING says
            options |= {"pool_pre_ping": True, "connect_args": {"client_encoding": "utf8"}}
        self.engine = create_engine(url, **options)
        self.writer = threading.RLock()
        """Held by the one transaction of this process that may write."""
        self.working = threading.RLock()
        """Held while something is done beforehand, until what came of it is committed: one at a time, so that a request
        made again meanwhile finds that instead of doing the same once more."""
        self._serving: Connection | None = None
        self._listeners: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._reading: dict[str, Any] = {"datong_read": True}
        if self.engine.dialect.name == "sqlite":
            _made_private(self.engine.url.database)
            event.listen(self.engine, "connect", _sqlite_pragmas)
            event.listen(self.engine, "begin", _sqlite_begin)
        else:
            self._reading["isolation_level"] = "REPEATABLE READ"
            event.listen(self.engine, "begin", _postgresql_begin)
            event.listen(self.engine, "handle_error", _without_detail)
        event.listen(self.engine, "handle_error", _refused, retval=True)

    @contextmanager
    def begin(self, actor: Actor, link: str = "ground", *, flushed: bool = True) -> Iterator[Tx]:
        """A write transaction: committed at the end of the block, rolled back by an exception.

        flushed: its commit waits for the disk. False, for what is worth nothing without a later transaction: it is on
        the disk when that is, and a loss of power may take it before (on SQLite; a killed process loses nothing).
        """
        after: list[Callable[[], None]] = []
        with ExitStack() as closing:
            try:
                with self.writer:
                    with self.engine.connect().execution_options(datong_flushed=flushed) as conn:
                        conn.begin()
                        tx = Tx(conn, actor, link, self.wall_clock(), self, closing=closing)
                        after = tx.after_rollback
                        yield tx
                        crash.point(f"{link}.before_commit")
                        conn.commit()
                    after = tx.after_commit
                    crash.point(f"{link}.after_commit")
            finally:
                for call in after:
                    call()

    def does(self, actor: Actor, link: str, call: Callable[[Tx], T]) -> T:
        """`call(tx)` in a write transaction as `begin` opens it. What it wants done beforehand (`Tx.beforehand`) is
        done first, while others write; a process that dies until then has written nothing."""
        try:
            with self.begin(actor, link) as tx:
                tx.done = {}
                return call(tx)
        except NotYetDone:
            pass  # it may be in another's hands, so once more when it is our turn
        done: dict[Hashable, Any] = {}
        with self.working:
            while True:
                try:
                    with self.begin(actor, link) as tx:
                        tx.done = done
                        return call(tx)
                except NotYetDone as wanted:
                    done[wanted.key] = wanted.work()
                    crash.point(f"{link}.done_beforehand")

    @contextmanager
    def read(self, actor: Actor = NODE) -> Iterator[Tx]:
        """A read-only view of one moment (SQLite: a deferred transaction that takes no write lock)."""
        after: list[Callable[[], None]] = []
        try:
            with self.engine.connect().execution_options(**self._reading) as conn:
                conn.begin()  # a prepared statement does not begin by itself
                tx = Tx(conn, actor, READ, self.wall_clock(), self)
                after = tx.after_rollback
                yield tx
                conn.rollback()
                after = []
        finally:
            for call in after:
                call()

    def listen(self, what: str, listener: Callable[[dict[str, Any]], None]) -> None:
        """From now on `listener` is told of everything called `what` that came about here."""
        self._listeners[what] = listener

    def tell(self, what: str, told: Callable[[Tx], dict[str, Any] | None]) -> None:
        """Give the listener, if there is one, what `told` finds in a view of its own: to be called after the commit."""
        if (listener := self._listeners.get(what)) is None:
            return
        with self.read() as tx:
            found = told(tx)
        if found is not None:
            listener(found)

    def serves(self) -> str | None:
        """Take the store for this process alone, until `dispose` or its death; None, or who holds it (address, since
        when). On PostgreSQL, whose sessions come from any host; whoever has the file of an SQLite store guards that.
        A guard against a mistake, no fence: with a restart of the database server it is given up.
        """
        if self.engine.dialect.name == "sqlite" or self._serving is not None:
            return None
        conn = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT", datong_read=True)
        conn.detach()  # no other transaction gets its session
        conn.exec_driver_sql(_NOTICED_WHEN_GONE)
        if conn.exec_driver_sql(f"SELECT pg_try_advisory_lock({SERVING})").scalar_one():
            self._serving = conn
            return None
        holder = conn.exec_driver_sql(_HOLDER).one_or_none()
        conn.close()
        return "" if holder is None else f"{holder.address}, {holder.since}"

    def encoding(self) -> str:
        """In which the database keeps texts: only "UTF8" holds every name."""
        if self.engine.dialect.name == "sqlite":
            return "UTF8"
        with self.read() as tx:
            return str(tx.conn.exec_driver_sql("SHOW server_encoding").scalar_one())

    def dispose(self) -> None:
        if self._serving is not None:
            self._serving.close()
            self._serving = None
        self.engine.dispose()


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def new_id(prefix: str) -> str:
    """A new random id, e.g. "case-3f0c…" (128 random bits)."""
    return f"{prefix}-{uuid.uuid4().hex}"


def _made_private(file: str | None) -> None:
    """A store that is not there yet is made for its own user alone, and with it what SQLite lays beside it; the rights
    of one that is there are its operator's business, and why it cannot be made the first transaction says."""
    if file and file != ":memory:":
        with suppress(OSError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL, 0o600))


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we send BEGIN ourselves
    patience = f"busy_timeout={BUSY_SECONDS * 1000:.0f}"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", patience):
        connection.execute(f"PRAGMA {pragma}")


def _without_detail(context: ExceptionContext) -> None:
    """PostgreSQL repeats the row's values in the lines after the first."""
    for told in (context.original_exception, context.sqlalchemy_exception):
        if told is not None and told.args:
            told.args = (str(told.args[0]).partition("\n")[0], *told.args[1:])


SQLITE_AWAY = {8: "read-only", 10: "I/O error", 13: "disk full", 14: "cannot be opened"}
"""Primary result codes of SQLite that speak of the place a store lies in, not of what was asked."""
SQLITE_BUSY = (5, 6)
LOCK_TIMED_OUT = "55P03"
OUT_OF_BOUNDS = ("22001", "22003")
"""SQLSTATEs: a text too long, a number too large."""


def _refused(context: ExceptionContext) -> Refusal | None:
    """What an operator can mend, or another value would, as a refusal; None: a fault of the program."""
    error, told = context.original_exception, context.sqlalchemy_exception
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    state = getattr(error, "sqlstate", None)
    if code in SQLITE_BUSY or state == LOCK_TIMED_OUT:
        return STORE_BUSY()
    if code:
        return STORE_AWAY(code=SQLITE_AWAY[code]) if code in SQLITE_AWAY else None
    if state in OUT_OF_BOUNDS:
        return TOO_MUCH()
    if context.is_disconnect or isinstance(told, OperationalError):
        return STORE_AWAY(code=state or type(error).__name__)
    return None


def _postgresql_begin(conn: Connection) -> None:
    """One writer at a time, as on SQLite, whichever process it is of: what it decides by nobody changes meanwhile."""
    if not conn.get_execution_options().get("datong_read"):
        patience = f"SET LOCAL lock_timeout = {BUSY_SECONDS * 1000:.0f}"
        conn.exec_driver_sql(f"{patience}; SELECT pg_advisory_xact_lock({WRITING})")


_NOTICED_WHEN_GONE = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""The session of a host that lost its power ends within a minute, and another may serve the store."""
_HOLDER = f"""
SELECT coalesce(host(a.client_addr), 'local') AS address, to_char(a.backend_start, 'YYYY-MM-DD HH24:MI TZ') AS since
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND l.classid::bigint = {SERVING >> 32} AND l.objid::bigint = {SERVING & 0xFFFFFFFF}
LIMIT 1
"""


def _sqlite_begin(conn: Connection) -> None:
    options = conn.get_execution_options()
    if options.get("datong_read"):
        conn.connection.cursor().execute("BEGIN")  # which waits for nobody: nothing to be told about it
        return
    wanted, about = "FULL" if options.get("datong_flushed", True) else "NORMAL", conn.connection.info
    if about.get("synchronous", "FULL") != wanted:
        conn.connection.cursor().execute(f"PRAGMA synchronous={wanted}")
        about["synchronous"] = wanted
    conn.exec_driver_sql("BEGIN IMMEDIATE")
