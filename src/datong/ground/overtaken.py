"""What the time ends, one thing after the other; and whether the clock of this machine is to be believed first.

What ends by time ends for good: contracts, keys, copies. A clock that is far ahead would end all of it, so the node
keeps until when it saw the time go by (once an hour), and where the clock stands further ahead of that than a node
stands still, nothing ends until the clock is put right, or its operator says what day it is. A clock that was set back
ends nothing that is not over, and what was seen stays seen: put right again, it is not further ahead than before.
Where a business time is told by signed messages, that decides and not the clock.

Each thing is ended in a transaction of its own (`looked_through`), so that one that cannot be ended holds no other up:
it is told, kept on record, and tried again.
Must never know: what the things are (`app` lists them). Contract: tests/cli/test_app_work.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Column

from datong.ground import clock, evidence, workdays
from datong.ground.db import NODE, Store, Tx, business_clock, settings, table
from datong.ground.evidence import log as checkpoints
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text

log = logging.getLogger("datong")

FAR_AHEAD = Reason(
    "CLK-404",
    Kind.conflict,
    Text("到期事项暂不执行：合约、密钥与副本一经终止即无法恢复。",
         "What the time ends waits: contracts, keys and copies that ended are gone for good."),
    Text("本机时钟为 {clock}，节点上次所见时间为 {seen}；相隔超过 {days} 天，时钟可能有误。",
         "This machine's clock stands at {clock}, and the node last saw the time at {seen}: more than {days} days lie "
         "between, and the clock may be wrong."),
    Text("若时钟有误，请校准，节点一分钟内继续。若节点确实停了这么久，请节点运维人员执行 "
         "datong register confirm-clock --today 当天日期。",
         "If the clock is wrong, put it right: the node goes on within a minute. If the node did stand still so long, "
         "its operator runs datong register confirm-clock --today with the day it is."),
)  # fmt: skip
NOT_TODAY = Reason(
    "CLK-405",
    Kind.conflict,
    Text("时钟未确认。", "The clock was not confirmed."),
    Text("本机时钟为 {clock}，按北京时间是 {day}，不是 {today}。",
         "This machine's clock stands at {clock}, which is {day} in Beijing and not {today}."),
    Text("日期填写有误的，请改正；时钟有误的，请先校准，节点随后自行继续。",
         "Mend the day if it is mistyped; if the clock is wrong, put it right, and the node goes on by itself."),
)  # fmt: skip
UNENDED = Reason(
    "CLK-406",
    Kind.conflict,
    Text("有 {count} 项已到期而未能终止。", "Over, and not ended: {count} in number."),
    Text(
        "其余各项不受影响；节点每小时重试这些项。",
        "They hold nothing else up, and the node tries them again every hour.",
    ),
    Text(
        "请节点运维人员在日志中按标识查看原因并处理。",
        "The node's operator finds the cause of each in its journal, by the id.",
    ),
)

marks = table("node_mark", Column("value", JSON, nullable=False))
"""What this module keeps between two looks. It changes with every look and has no leaf."""
SEEN, FAILED = "clock.seen", "overtaken.failed"
CONFIRMED = "clock.confirmed"
TOLD = 100
"""So many things that could not be ended are named; all are counted."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Ends:
    """One kind of thing that the time ends, by what a room knows of it."""

    what: str
    open: Callable[[Tx, str], Iterable[Row]]
    """The rows, each with its "id", of what may be over; with an id, of that thing alone. They decide nothing yet."""
    over: Callable[[Tx, Row], bool]
    end: Callable[[Tx, Row], Any]

    def all(self, tx: Tx) -> int:
        """End in this one transaction whatever is over; how many things."""
        over = {str(row["id"]): row for row in self.open(tx, "") if self.over(tx, row)}
        for row in over.values():
            self.end(tx, row)
        return len(over)

    def one(self, tx: Tx, id: str) -> None:
        """End this thing, if it is over still."""
        over = [row for row in self.open(tx, id) if self.over(tx, row)]
        if over:
            self.end(tx, over[0])


def watch(store: Store, still_days: int) -> None:
    """At the start, before anything of this run is written: what time was seen last, if nobody kept it that of the
    newest checkpoint, and for how many days this node may have stood still."""
    with store.begin(NODE, "start") as tx:
        known, newest = _known(tx, SEEN), checkpoints.last_checkpoint(tx)
        at = known["at"] if known else newest["wall_at"] if newest else tx.wall
        _keep(tx, SEEN, {"at": at, "still_days": still_days})


def far_ahead(tx: Tx) -> Refusal | None:
    """Why nothing is ended now; None where the clock is believed."""
    seen = _known(tx, SEEN)
    if seen is None or tx.get(business_clock, "now") is not None:
        return None
    if tx.wall_now <= clock.instant(seen["at"]) + timedelta(days=seen["still_days"]):
        return None
    return FAR_AHEAD(clock=tx.wall, seen=seen["at"], days=seen["still_days"])


def saw(tx: Tx) -> None:
    """The time goes by, and the clock is believed. What was seen is never taken back: a clock set to 1970 for a minute
    would stand far ahead once it is right again."""
    if (seen := _known(tx, SEEN)) is not None and clock.instant(seen["at"]) < tx.wall_now:
        _keep(tx, SEEN, {**seen, "at": tx.wall})


def confirm(tx: Tx, today: str) -> dict[str, Any]:
    """A person says what day it is in Beijing; where the clock says so too, it is believed from now on, forwards and
    backwards. {"clock", "seen"}: where it stands, and what was seen before. Refuses: CLK-405."""
    day = workdays.china_date(tx.wall_now).isoformat()
    if today != day:
        raise NOT_TODAY(clock=tx.wall, day=day, today=today[:40])
    told = {"clock": tx.wall, "seen": tx.wall}
    if (seen := _known(tx, SEEN)) is not None:
        told["seen"] = seen["at"]
        _keep(tx, SEEN, {**seen, "at": tx.wall})
    if tx.get(settings, CONFIRMED) is None:
        tx.add(settings, {"id": CONFIRMED, "value": told})
    else:
        tx.change(settings, CONFIRMED, value=told)
    evidence.append(tx, "ground.clock_confirmed", settings, CONFIRMED, today=day, **told)
    return told


def looked_through(store: Store, kinds: Iterable[Ends]) -> bool:
    """End whatever is over, each thing in a transaction of its own, and keep what could not be ended. False when the
    store was away, or busy for long: the rest waits for the next look."""
    failed: list[dict[str, str]] = []
    for kind in kinds:
        try:
            over = _over(store, kind, failed)
            for id in over:
                try:
                    with store.begin(NODE, "start") as tx:
                        kind.one(tx, id)
                except Exception as error:  # noqa: BLE001 - whatever is the matter with one, the others end
                    _failed(failed, kind.what, id, error)
        except Refusal as refusal:
            log.warning("what fell due waits: %s", refusal)
            return False
        except Exception as error:  # noqa: BLE001 - whatever is the matter with one kind, the others end
            _failed(failed, kind.what, "", error)
    try:
        with store.begin(NODE, "start") as tx:
            _keep_failed(tx, failed)
    except Refusal as refusal:
        log.warning("what could not be ended is not on record: %s", refusal)
        return False
    return True


def unended(tx: Tx) -> Refusal | None:
    """What is over and could not be ended at the last look, each with its id, why and since when; None: nothing."""
    kept = _known(tx, FAILED) or {"count": 0, "things": []}
    told = [
        Problem(
            f"{one['what']} {one['id']}".strip(),
            f"自 {one['since']}：{one['why']}",
            f"since {one['since']}: {one['why']}",
        )
        for one in kept["things"]
    ]
    return UNENDED(told, count=kept["count"]) if kept["count"] else None


def told(tx: Tx) -> list[dict[str, Any]]:
    """What an operator has to know of it, as refusals are written."""
    return [one.as_json() for one in (far_ahead(tx), unended(tx)) if one is not None]


def _over(store: Store, kind: Ends, failed: list[dict[str, str]]) -> list[str]:
    """The ids of what is over, each once, in the order of the rows."""
    found: dict[str, None] = {}
    with store.read() as tx:
        for row in kind.open(tx, ""):
            try:
                if kind.over(tx, row):
                    found[str(row["id"])] = None
            except Exception as error:  # noqa: BLE001 - the same
                _failed(failed, kind.what, str(row["id"]), error)
    return list(found)


def _failed(failed: list[dict[str, str]], what: str, id: str, error: Exception) -> None:
    """Told with its place, and kept by its kind alone: a fault's words may hold values."""
    if isinstance(error, Refusal):
        if error.kind is Kind.unavailable:
            raise error
        log.warning("%s %s is over and was not ended, it is tried again: %s", what, id, error)
    else:
        log.error("%s %s is over and was not ended, it is tried again", what, id, exc_info=error)
    failed.append({"what": what, "id": id, "why": error.code if isinstance(error, Refusal) else type(error).__name__})


def _keep_failed(tx: Tx, now: list[dict[str, str]]) -> None:
    before = _known(tx, FAILED)
    since = {(one["what"], one["id"]): one["since"] for one in (before or {"things": []})["things"]}
    things = [{**one, "since": since.get((one["what"], one["id"]), tx.wall)} for one in now[:TOLD]]
    if (value := {"count": len(now), "things": things}) != before:
        _keep(tx, FAILED, value)


def _known(tx: Tx, key: str) -> dict[str, Any] | None:
    row = tx.get(marks, key)
    return dict(row["value"]) if row else None


def _keep(tx: Tx, key: str, value: dict[str, Any]) -> None:
    if tx.get(marks, key) is None:
        tx.add(marks, {"id": key, "value": value})
    else:
        tx.change(marks, key, value=value)
