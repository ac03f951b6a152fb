"""All that a store holds, as one digest: what an error must not change."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection

from sqlalchemy import inspect, select

from datong.ground.db import Store, metadata


def whole(store: Store, *, but: Collection[str] = ()) -> str:
    """A digest over every row of every table of `store`; `but`: tables left out."""
    there = set(inspect(store.engine).get_table_names())
    made = hashlib.sha256()
    with store.engine.connect() as raw:
        for name in sorted(there & set(metadata.tables) - set(but)):
            rows = sorted(repr(tuple(row)) for row in raw.execute(select(metadata.tables[name])))
            made.update(f"{name}{rows}".encode())
    return made.hexdigest()


class Watch:
    """Whether anything was committed to a SQLite store since it was last asked."""

    def __init__(self, store: Store) -> None:
        self.live = sqlite3.connect(str(store.engine.url.database))
        self.seen = self._version()

    def _version(self) -> int:
        return int(self.live.execute("PRAGMA data_version").fetchone()[0])

    def changed(self) -> bool:
        before, self.seen = self.seen, self._version()
        return before != self.seen

    def close(self) -> None:
        self.live.close()
