"""Rows as they come to columns of text: in batches of Arrow, so that Python holds one batch at a time.

What grows beyond STAGED_BYTES is put aside as Parquet when there is a folder for it. Columns stand in the order they
first appear in. Names that differ in case alone are one name to the databases that run plans, which would then take the
first such column for the other: one that is not asked for is numbered, `id (2)`.
Contract: tests/harmonise/test_harmonise_sources.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.reading import BROKEN, ROW, Sample, SampleColumn
from datong.harmonise.store import staged as staging
from datong.harmonise.store.sources.documents import Row
from datong.harmonise.store.sources.filling import filled
from datong.harmonise.store.sources.telling import refused
from datong.harmonise.store.sources.unpivoting import unpivoted
from datong.harmonise.store.staged import Staged, staged

BATCH_ROWS = 20_000
COLUMNS_MAX = 4_000
"""More columns than any table has that people made; what has more is no table (ids used as names, say)."""
SAMPLE_VALUES_MAX = 4_000_000


class Gathered:
    """Batches of one table. aside: a folder that is the caller's to empty; None: everything stays in memory. wanted:
    columns that keep their names, whatever others are called."""

    def __init__(self, source: Source, aside: Path | None = None, wanted: Iterable[str] = ()) -> None:
        self.source, self.aside = source, aside
        self._wanted = frozenset(wanted)
        self._lowered, self._called = {name.lower() for name in self._wanted}, dict[str, str]()
        self.batches: list[pa.Table] = []
        self.parts: list[Path] = []
        self.rows, self._held_bytes = 0, 0
        self._files: list[tuple[Source, set[str]]] = []
        self._schema = pa.schema([(ROW, pa.int64()), (BROKEN, pa.string())])

    def add(self, columns: dict[str, pa.Array], count: int, broken: pa.Array | None = None) -> None:
        """The next `count` rows, as columns of text."""
        if taken := sorted(name for name in columns if name.lower() in (ROW, BROKEN)):
            zh, en = "是系统使用的列名，请在数据源中改名", "is a name Datong uses itself; rename it in the source"
            raise refused(self.source, f"{self.source.path or self.source.name}: {', '.join(taken)}", zh, en)
        if (named := self._here.named) and named in columns:
            zh, en = "已有 named 所写的列名", "is the name of a column there, and of the one `named` is to make"
            raise refused(self.source, f"{self._here.path or self._here.name}: {named}", zh, en)
        if named:
            columns = {named: pa.repeat(pa.scalar(self._here.part, pa.string()), count), **columns}
        if self._files:
            self._files[-1][1].update(columns)
        columns = {self._told_apart(name): values for name, values in columns.items()}
        numbers = pa.array(range(self.rows + 1, self.rows + count + 1), pa.int64())
        marks = pa.nulls(count, pa.string()) if broken is None else broken
        batch = pa.table({ROW: numbers, BROKEN: marks, **columns})
        self.rows += count
        self._schema = pa.unify_schemas([self._schema, batch.schema])
        if len(self._schema) - 2 > COLUMNS_MAX:
            zh, en = (
                f"超过 {COLUMNS_MAX} 列",
                f"has more than {COLUMNS_MAX} columns: it is no table",
            )
            raise refused(self.source, self.source.path or self.source.name, zh, en, read=self.rows)
        self.batches.append(batch)
        self._held_bytes += batch.nbytes
        if self.aside is not None and self._held_bytes > staging.STAGED_BYTES:
            self._put_aside(self.aside)

    def _told_apart(self, name: str) -> str:
        """The column's name in the table: its own, or numbered where another is called so but for the case."""
        if name in self._wanted:
            return name
        if (called := self._called.get(name)) is None:
            called, number = name, 1
            while called.lower() in self._lowered:
                number += 1
                called = f"{name} ({number})"
            self._called[name] = called
            self._lowered.add(called.lower())
        return called

    def add_rows(self, rows: Iterable[Row]) -> None:
        """All of `rows`, a batch at a time."""
        columns: dict[str, list[str | None]] = {}
        broken: list[str | None] = []
        for values, text in self._as_declared(rows):
            number = len(broken)
            broken.append(text)
            for path, value in values.items():
                column = columns.get(path)
                if column is None:
                    column = columns[path] = [None] * number
                elif len(column) < number:
                    column.extend([None] * (number - len(column)))
                column.append(value)
            if len(broken) == BATCH_ROWS:
                self._add_lists(columns, broken)
                columns, broken = {}, []
        if broken:
            self._add_lists(columns, broken)

    def _as_declared(self, rows: Iterable[Row]) -> Iterable[Row]:
        if self.source.fill_down:
            rows = filled(self.source.fill_down, self._here, rows)
        return rows if self.source.unpivot is None else unpivoted(self.source.unpivot, self._here, rows)

    @property
    def _here(self) -> Source:
        """The source as it is called in the file whose rows come."""
        return self._files[-1][0] if self._files else self.source

    def begin(self, here: Source) -> None:
        """From now on the rows of another file come. here: the source as it is called there."""
        self._files.append((here, set()))

    def named(self, names: Iterable[str]) -> None:
        """What the header of the file says, also where no row follows, as behind an error in place of a table."""
        if self._files and self.source.unpivot is None:
            self._files[-1][1].update(names, [self._here.named] if self._here.named else [])

    def require_alike(self, wanted: Iterable[tuple[str, ...]]) -> None:
        """Of several files with headers, each has the wanted columns that any of them has, by one of the names of each:
        values of a column that is called otherwise in one of them would be lost. In JSON a field may be left out."""
        if self.source.format in (SourceKind.json, SourceKind.ndjson):
            return
        for here, names in self._files:
            for one_of in wanted if names else ():
                if names.isdisjoint(one_of) and not set(one_of).isdisjoint(self._schema.names):
                    zh, en = (
                        "没有其他文件都有的、映射所需的列；若只是改了名，映射中写 from: [旧名, 新名]",
                        "lacks a mapped column that other files of the source have; where it was only renamed, give "
                        "both names in the mapping, from: [old, new]",
                    )
                    lowered = {name.lower() for name in one_of}
                    if other := next((name for name in sorted(names) if name.lower() in lowered), ""):
                        zh = f"该列在此文件中名为 {other}，仅大小写不同，执行计划的数据库不能区分：请在文件中改名"
                        en = f"calls it {other}, which differs in case alone, and databases that run plans do not tell "
                        en += "the two apart: name the column in this file as the others do"
                    raise refused(self.source, f"{here.path or here.name}: {', '.join(one_of)}", zh, en)

    def table(self, name: str = "") -> pa.Table | Staged:
        """Everything that was added: in memory, or put aside as a Parquet file in that folder."""
        empty, names = self._schema.empty_table(), self._own_names()
        if not self.parts or self.aside is None:
            tables = pa.concat_tables([empty, *self.batches], promote_options="default")
            return tables.combine_chunks().rename_columns(names)
        self._put_aside(self.aside)
        whole = self.aside / f"{name or self.source.name}.parquet"
        with pq.ParquetWriter(whole, empty.rename_columns(names).schema, compression="zstd") as writer:
            for part in self.parts:
                for batch in pq.ParquetFile(part).iter_batches():
                    rows = pa.concat_tables([empty, pa.Table.from_batches([batch])], promote_options="default")
                    writer.write_table(rows.rename_columns(names))
                part.unlink()
        return staged(whole)

    def _own_names(self) -> list[str]:
        """What the columns are called: one that was numbered beside a wanted column that never came has its own name,
        by which it is told as the nearest to that one."""
        alike = Counter(name.lower() for name in {*self._called, *self._schema.names})
        own = {called: name for name, called in self._called.items() if alike[name.lower()] == 1}
        return [own.get(name, name) for name in self._schema.names]

    def _add_lists(self, columns: dict[str, list[str | None]], broken: list[str | None]) -> None:
        for column in columns.values():
            column.extend([None] * (len(broken) - len(column)))
        arrays = {path: pa.array(column, pa.string()) for path, column in columns.items()}
        self.add(arrays, len(broken), pa.array(broken, pa.string()))

    def _put_aside(self, folder: Path) -> None:
        if not self.batches:
            return
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{self.source.name}-{len(self.parts)}.part"
        pq.write_table(pa.concat_tables(self.batches, promote_options="default"), part, compression="zstd")
        self.parts.append(part)
        self.batches, self._held_bytes = [], 0


def sampled(table: pa.Table, whole: bool, types: dict[str, str] | None = None) -> Sample:
    """The sample that a table read from the beginning of a source is. An object that is null here and there is no
    column of its own: what is in it where it is not null are the columns."""
    names = [name for name in table.column_names if name not in (ROW, BROKEN)]
    objects = {name[:end] for name in names for end, sign in enumerate(name) if sign == "."}
    names = [name for name in names if name not in objects or table[name].null_count < table.num_rows]
    rows = max(1, min(table.num_rows, SAMPLE_VALUES_MAX // max(1, len(names))))
    known = types or {}
    columns = tuple(
        SampleColumn(name, "", tuple(table[name].slice(0, rows).to_pylist()), known.get(name, "")) for name in names
    )
    return Sample(columns, min(rows, table.num_rows), whole and rows >= table.num_rows)
