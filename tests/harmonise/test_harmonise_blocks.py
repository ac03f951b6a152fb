"""CSV read many records at a time is CSV read record by record: the same rows in the same order, the same refusals."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source, SourceKind, Unpivot
from datong.harmonise.store.sources import blocks
from datong.harmonise.store.sources.delimited import csv_rows
from datong.harmonise.store.sources.gathering import Gathered
from datong.harmonise.store.sources.opening import opened

SOURCE = Source("s", SourceKind.csv, path="s.csv")
SIGNS = [
    "a", "b", "1", "2.5", ",", ",", ",", '"', '"', '""', '="', "\n", "\n", "\n", "\r\n", "\r", " ", "\t", ";", "|", "x,y\n",
    '"x","y"\n', "合计", "小 计", "Total", "subtotal:", "设计院", "注：", "制表人:", "备注", ":", "：", "\ufeff", "\0", "长春",
    "合计,3\n", '"合计","3"\n', "注：x,\n", "a,b\n", '"a",b\n', ",,\n", "x,y,\n", "x,y,z\n",
]  # fmt: skip


def by_record(source: Source, path: Path) -> Any:
    def gather(content: Any, gathered: Gathered) -> None:
        gathered.add_rows(csv_rows(source, content))

    return read(source, path, gather)


def by_block(source: Source, path: Path) -> Any:
    return read(source, path, lambda content, gathered: blocks.gather(source, content, gathered))


def read(source: Source, path: Path, gather: Any) -> Any:
    """What was read, by column and by row; or the refusal."""
    gathered = Gathered(source)
    gathered.begin(source)
    try:
        with opened(source, path) as content:
            gather(content, gathered)
            digest = content.finish()
    except Refusal as refusal:
        return refusal.as_json()
    table = gathered.table()
    assert isinstance(table, pa.Table)
    return digest, table.column_names, table.to_pylist()


def same(source: Source, content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.csv"
        path.write_bytes(content)
        found = by_block(source, path)
        assert found == by_record(source, path)
        return found


@pytest.fixture(autouse=True, params=[3, 20_000])
def rows_at_a_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that everything crosses their ends, and as they are."""
    monkeypatch.setattr(blocks, "BATCH_ROWS", request.param)


texts = some.lists(some.sampled_from(SIGNS), max_size=60).map("".join)


@settings(max_examples=120, deadline=None)
@given(header=some.sampled_from(["a,b\n", "a,b,c\r\n", '"a","b"\n', "a\n", "\ufeffa,b\n", ""]), text=texts)
@example(header="a,b\n", text='x","y\n1,2\n')  # two quotes, and the quotation is open all the same
@example(header="a,b\n", text='1,2\n"x,\n3,4\n5","6"\n7,8\n')  # plain lines inside a quotation
@example(header="a,b\n", text='"x",1\n"y",2\n"z","open\n')
@example(header="a,b\n", text='1,"x""y"\n"""",\n",",","\n')
@example(header="a,b\n", text="1,2\n\n3,4\n\r\n5,6")
@example(header="a,b,c\n", text="制表人：张三,,\n1,2,3\n合计,9,9\n ,合计,5\n")
@example(header="a,b\n", text='="01",2\n"=""02""",3\n')
def test_any_text_is_read_the_same(header: str, text: str) -> None:
    same(SOURCE, (header + text).encode())


@settings(max_examples=20, deadline=None)
@given(text=texts)
@pytest.mark.parametrize(
    "said",
    [
        {"delimiter": "\t"},
        {"delimiter": ";"},
        {"delimiter": "|", "quote": ""},
        {"quote": "'"},
        {"quote": ""},
        {"keeps_totals": True},
        {"encoding": "gb18030"},
        {"skip_lines": 2, "columns": {"": ("a", "b")}},
        {"columns": {"": ("a", "b", "c")}},
        {"columns": {"": ("a", "b")}, "numbered": {"": "n"}},
        {"delimiter": "，"},
        {"delimiter": "blanks"},
        {"unpivot": Unpivot(columns=("b",), name="n", value="v")},
    ],
    ids=str,
)
def test_whatever_is_said_of_the_file(said: dict[str, Any], text: str) -> None:
    source = replace(SOURCE, **said)
    signs = (text if source.columns else source.delimiter.replace("blanks", " ").join("ab") + "\n" + text).replace(
        "\ufeff", "" if source.encoding == "gb18030" else "\ufeff"
    )
    same(source, signs.encode(source.encoding))


def test_most_lines_go_by_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line in a hundred with a quotation, one that is no record and a header in between: only those two are alone."""
    asked = []
    records = blocks.Delimited.records

    def counted(self: Any, *given: Any) -> Any:
        asked.append(given[1])
        return records(self, *given)

    monkeypatch.setattr(blocks.Delimited, "records", counted)
    lines = [f'{n},"1,000"\n' if n % 100 == 0 else f"{n},{n}\n" for n in range(1000)]
    lines[500:500] = ["broken\n", "a,b\n"]
    path = tmp_path / "s.csv"
    path.write_text("a,b\n" + "".join(lines))
    _, columns, rows = by_block(SOURCE, path)
    assert asked == [502, 503]
    assert columns == ["_row", "_broken", "a", "b"]
    assert [row["_broken"] for row in rows if row["_broken"]] == ["broken", "a,b"]
    assert sum(row["b"] == "1,000" for row in rows) == 10
    assert [row["_row"] for row in rows] == list(range(1, 1003))


def test_a_quotation_that_never_ends_is_told_with_its_line_and_what_was_read_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("a,b\n1,2\n3,4\n" + '5,"open\n' + "6,7\n" * 10)
    found = by_block(SOURCE, path)
    assert found == by_record(SOURCE, path)
    assert "line 4" in found["why"]["en"]
    gathered = Gathered(SOURCE)
    gathered.add_rows([({"a": "1", "b": "2"}, None)] * 7)  # of a file before it
    with opened(SOURCE, path) as content, pytest.raises(Refusal) as refused:
        blocks.gather(SOURCE, content, gathered)
    assert refused.value.facts["read"] == 2
