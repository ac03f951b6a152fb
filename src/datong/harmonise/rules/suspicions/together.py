"""Columns held against one another, row by row: swapped, sums of others, renamed; and rows that are no records.

Must never know: more than a sample of the rows. Contract: tests/harmonise/suspicions/test_suspicions.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from datong.ground.refusal import Text
from datong.harmonise.model.reading import SampleColumn, label_at
from datong.harmonise.model.suspicions import Suspicion
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.suspicions.enough import FEW, LEAST
from datong.harmonise.rules.suspicions.numbers import NUMBER, numbers_of

_LATITUDE = re.compile(r"(^|[._\s])(.*_)?(e?lat(itude)?|纬度|weidu)$", re.IGNORECASE)
_LONGITUDE = re.compile(r"(^|[._\s])(.*_)?(e?lo?ng?(itude)?|经度|jingdu)$", re.IGNORECASE)


def swapped(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """A column called latitude that holds longitudes, next to one called longitude that holds its latitudes."""
    found = []
    for column in columns:
        numbers = numbers_of(v for v in column.values if v)
        if not _LATITUDE.search(column.path) or len(numbers) < LEAST:
            continue
        wrong = sum(abs(number) > 90 for number in numbers)
        if wrong < 0.5 * len(numbers):
            continue
        near = [c for c in columns if _LONGITUDE.search(c.path) and c.path != column.path]
        other = next((c for c in near if _mostly_below(c, 90)), None)
        if other is None:
            continue
        share = wrong / len(numbers)
        told = Text(
            f"{column.path} 有 {share:.1%} 的值超过 90 度，而 {other.path} 都在 90 度以内：经纬度多半颠倒了。",
            f"{share:.1%} of {column.path} lie beyond 90 degrees, and {other.path} within: they are probably swapped",
        )
        evidence = {"values": len(numbers), "share_beyond_90": round(share, 4)}
        found.append(Suspicion("swapped", (column.path, other.path), evidence, told))
    return found


def _mostly_below(column: SampleColumn, limit: float) -> bool:
    numbers = numbers_of(v for v in column.values if v)
    return len(numbers) >= LEAST and sum(abs(n) <= limit for n in numbers) >= 0.99 * len(numbers)


_SUM_COLUMNS, _SUM_ROWS = 24, 2000


def sums(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """a = b + c in (nearly) every row, for numbers that vary by themselves."""
    numeric: dict[str, list[float | None]] = {}
    for column in columns:
        values = [float(v) if v and NUMBER.fullmatch(v.strip()) else None for v in column.values[:_SUM_ROWS]]
        there = [v for v in values if v is not None]
        if len(there) >= max(LEAST, 0.9 * len(values)) and len(set(there)) >= 20:
            numeric[column.path] = values
    found = []
    for one, two in combinations(list(numeric)[:_SUM_COLUMNS], 2):
        for whole in list(numeric)[:_SUM_COLUMNS]:
            if whole in (one, two):
                continue
            every = list(zip(numeric[whole], numeric[one], numeric[two], strict=True))
            if not all(_adds(r) for r in every[:20] if None not in r):
                continue
            rows = [r for r in every if None not in r]
            if len(rows) >= LEAST and sum(map(_adds, rows)) >= 0.99 * len(rows):
                told = Text(
                    f"{whole} = {one} + {two}（{len(rows)} 行）：三列只需其二，可作一致性检查。",
                    f"{whole} = {one} + {two} ({len(rows)} rows): two of the three are enough, and make a check",
                )
                found.append(Suspicion("sum", (whole, one, two), {"rows": len(rows)}, told))
    return found


def _adds(row: Sequence[float | None]) -> bool:
    whole, one, two = (value or 0.0 for value in row)
    return abs(whole - one - two) <= 1e-6 * max(1.0, abs(whole))


_TOTAL_OF = re.compile("(.{1,40}?)\\s*(?:合\\s*计|总\\s*计|共\\s*计)")
_PART = re.compile("其中\\s*([:：]|$)")


def totals(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Rows that begin with 其中, a part of the one above; and with 合计 or Total, or have it behind a group's name (in
    one cell where the name stood there alone before): the sum of others. Both would be counted with these."""
    before: dict[str, set[str]] = {}
    rows: dict[str, list[int]] = {}
    parts: dict[str, list[int]] = {}
    for at in range(min((len(column.values) for column in columns), default=0)):
        filled = [(column.path, text) for column in columns if (text := (column.values[at] or "").strip())]
        place = label_at([text for _, text in filled])
        if place < len(filled):
            rows.setdefault(filled[place][0], []).append(at + 1)
        elif len(filled) > 1 and _PART.match(filled[0][1]):
            parts.setdefault(filled[0][0], []).append(at + 1)
        for path, text in filled[:2]:
            known = before.setdefault(path, set())
            if (form := _TOTAL_OF.fullmatch(text)) and form[1] in known:
                rows.setdefault(path, []).append(at + 1)
                break
            known.add(text)
    told = [("total_row", *found) for found in rows.items()] + [("part_row", *found) for found in parts.items()]
    return [_counted_twice(*found) for found in told]


_COUNTED_TWICE = {
    "total_row": Text(
        "记录中混有合计（{count} 行，首见第 {first} 行），会与明细重复计算；可用 checks 将其隔离。",
        "totals stand among the records ({count}, the first in row {first}): what they add up is counted twice; "
        "hold them by `checks`",
    ),
    "part_row": Text(
        "记录中混有“其中”行（{count} 行，首见第 {first} 行）：是上一行的一部分，会重复计算；其下各行可能也是。",
        "rows that are a part of the one above (其中) stand among the records ({count}, the first in row {first}"
        "), and are counted twice; those below them may be, too. Hold them by `checks`",
    ),
}


def _counted_twice(kind: str, path: str, rows: Sequence[int]) -> Suspicion:
    told = _COUNTED_TWICE[kind].filled({"count": len(rows), "first": rows[0]})
    return Suspicion(kind, (path,), {"rows": len(rows), "first_row": rows[0]}, told)


def named_once(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """A first column whose names stand in the first row of each group alone, as where merged cells were taken apart or
    a workbook was saved as CSV: the rows below have lost their group."""
    if len(columns) < 2 or len({len(column.values) for column in columns}) > 1:  # lists: no row beside another
        return []
    texts = [(value or "").strip() for value in columns[0].values]
    names = list(filter(None, texts))
    there = [{at for at, value in enumerate(column.values) if (value or "").strip()} for column in columns[1:]]
    bare = set[int]().union(*there).difference(at for at, text in enumerate(texts) if text)
    if len(names) < 2 or not texts[0] or len(bare) < len(names) or len(set(names)) < len(names):
        return []
    if all(len(bare & filled) < 0.9 * len(bare) for filled in there):
        return []
    path = columns[0].path
    told = Text(
        f"{path} 只在每组首行有值（{len(names)} 组，{len(bare)} 行为空）：其余各行失去所属的组；"
        f"在数据源（csv、excel）中写 fill_down: [{path}]，即逐组向下填充。",
        f"{path} has a value in the first row of each group alone ({len(names)} groups, {len(bare)} rows without): "
        f"those have lost their group; `fill_down: [{path}]` in the source (csv, excel) fills it down",
    )
    return [Suspicion("named_once", (path,), {"groups": len(names), "rows": len(bare)}, told)]


def second_table(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """A row in which a column of numbers holds its own name: another table begins there, under the first one, whose
    other columns mean something else. Where the whole header comes again, its rows are no records."""
    rows: dict[int, str] = {}
    for column in columns:
        name = column.path.rpartition(".")[2].strip()
        again = [at for at, value in enumerate(column.values, 1) if value is not None and value.strip() == name]
        there = [value.strip() for value in column.values if value and value.strip() and value.strip() != name]
        if 0 < len(again) <= FEW and there and len(numbers_of(there)) >= 0.8 * len(there):
            rows |= {row: column.path for row in again if row not in rows}
    if not rows:
        return []
    row, path = min(rows.items())
    below = min(len(column.values) for column in columns) - row
    told = Text(
        f"第 {row} 行的 {path} 列又写着列名：其下 {below} 行多半是另一张表，其他列的含义不同；"
        "请拆成两个文件或两张工作表。",
        f"in row {row} the column {path} holds its own name: what is below ({below} rows) is probably another table, "
        "whose other columns mean something else; make a file, or a sheet, of each",
    )
    return [Suspicion("second_table", (path,), {"row": row, "rows_below": below}, told)]


def renamed(columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Columns that are filled down to one row, and others from the next row on: whoever writes the file has changed its
    names, and what reads the one reads nothing of the other."""
    ends: dict[int, list[str]] = {}
    begins: dict[int, list[str]] = {}
    for column in columns:
        there = [at for at, value in enumerate(column.values, 1) if value is not None and value.strip()]
        if len(there) < FEW or len(there) < 0.9 * (there[-1] - there[0] + 1):
            continue
        if there[0] == 1 and there[-1] < len(column.values):
            ends.setdefault(there[-1], []).append(column.path)
        elif there[0] > 1 and there[-1] == len(column.values):
            begins.setdefault(there[0], []).append(column.path)
    found = []
    for row, new in sorted(begins.items()):
        old = [path for last, paths in sorted(ends.items()) if row - 2 <= last < row for path in paths]
        if old:
            was, now = ", ".join(old[:10]), ", ".join(new[:10])
            told = Text(
                f"{was} 到第 {row - 1} 行为止，{now} 自第 {row} 行起：可能在中途改名；只读其一，另一半即为空。"
                "映射中写 from: [旧名, 新名] 则两者都读。",
                f"{was} end where {now} begin, in row {row}: they were probably renamed there; whoever reads the ones "
                "finds nothing in the rows of the others; `from: [old, new]` in the mapping reads both",
            )
            found.append(Suspicion("renamed", (*old, *new), {"row": row}, told))
    return found


def no_list(unnest: str, columns: Sequence[SampleColumn]) -> list[Suspicion]:
    """Of a source whose records have a list at the path `unnest`: no row has a value there. The list is called
    otherwise, and its records stayed whole, or every list is empty."""
    names = unnest.split(".")
    if any(column.path.split(".")[: len(names)] == names for column in columns):
        return []
    lists = [column.path for column in columns if any(value and value.startswith("[") for value in column.values)]
    near = nearest(unnest, [column.path for column in columns])
    here = list(dict.fromkeys((*lists, *near)))[:5]
    rows = max((len(column.values) for column in columns), default=0)
    zh = f"看过的 {rows} 行中，unnest 所指的 {unnest} 没有任何值：或路径写错，一条记录仍是一行；或列表全空。"
    zh += f"相近的或含列表的列：{'、'.join(here) or '无'}"
    en = f"in {rows} rows there is nothing at {unnest}, which `unnest` names: either it is called otherwise, and each "
    en += f"record stayed one row, or every list is empty. Columns with lists, or named alike: {', '.join(here) or '-'}"
    return [Suspicion("no_list", (unnest,), {"rows": rows}, Text(zh, en))]
