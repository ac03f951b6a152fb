"""What a file is, by its first bytes: its kind, encoding, delimiter, header line, and where its records are.

What is not sure is said as a doubt, never guessed silently; what is no source at all is an Unfit with the next step.
Only the beginning is looked at; reading the whole judges every row. Must never know: files, what columns mean.
Contract: tests/harmonise/test_harmonise_sniffing.py.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Look, Unfit
from datong.harmonise.model.mappings import SourceKind
from datong.harmonise.rules.addresses import total_of
from datong.harmonise.rules.headings import distinct, over_two, said_above, side_by_side
from datong.harmonise.rules.periods import LEAST, is_period, over_time

GZIP, ZIP, PARQUET, SQLITE = b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"SQLite format 3\x00"
DELIMITERS = ",\t;|^~#\x01\x1f，"
BLANKS = "blanks"
"""The delimiter of tables whose fields are parted by any number of blanks."""
RECORDS_MAX = 500
JUNK_MAX = 30
"""How many lines may stand before the header line."""
LINE_MAX = 1_000_000

_NO_SOURCE = {
    b"\xd0\xcf\x11\xe0": Text(
        "旧版 Office 文件（.xls、.doc），或有密码的", "an old Office file (.xls, .doc), or one with a password"
    ),
    b"%PDF": Text("PDF 文件", "a PDF"),
    b"\x89PNG": Text("图片", "a picture"),
    b"\xff\xd8\xff": Text("图片", "a picture"),
    b"7z\xbc\xaf": Text("7z 压缩包", "a 7z archive"),
    b"Rar!": Text("RAR 压缩包", "a RAR archive"),
    b"BZh": Text("bzip2 压缩包", "a bzip2 file"),
    b"\x28\xb5\x2f\xfd": Text("zstd 压缩包", "a zstd file"),
    b"\xfd7zXZ": Text("xz 压缩包", "an xz file"),
    b"ARROW1": Text("Arrow/Feather 文件", "an Arrow (Feather) file"),
    b"\x7fELF": Text("程序", "a program"),
    b"<?xml": Text("XML", "XML"),
    b"<!DOC": Text("网页", "a web page"),
    b"<html": Text("网页", "a web page"),
}
SAVE_AS = Text("请另存为 CSV、JSON、.xlsx 或 Parquet。", "Save it as CSV, JSON, .xlsx or Parquet.")
_NUMERIC = re.compile(r"[+-]?[\d,. ]*\d[\d,. ]*%?|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.:]\d{1,2}[-/.:]\d{2,4}.*")


def foreign(head: bytes) -> Unfit | None:
    """What cannot be a source, by its first bytes."""
    start = head.lstrip()[:8]
    for magic, name in _NO_SOURCE.items():
        if head.startswith(magic) or start.lower().startswith(magic):
            return Unfit(Text(f"这是{name.zh}。", f"It is {name.en}."), SAVE_AS)
    if not head.strip():
        return Unfit(Text("文件为空。", "It is empty."), Text("请重新获取该文件。", "Fetch it again."))
    return None


def zip_look(names: Sequence[str]) -> Unfit | None:
    """Why a zip is no source; None when it has one file, which is then looked at."""
    if "content.xml" in names or any(name.startswith(("xl/", "word/", "ppt/")) for name in names):
        return Unfit(
            Text("这是另一种 Office 文件（.ods、.xlsb、.docx）。", "It is another Office file (.ods, .xlsb, .docx)."),
            SAVE_AS,
        )
    if len(names) == 1:
        return None
    listed = ", ".join(names[:5]) or "-"
    why = Text(f"这是压缩包，内有：{listed}。", f"It is a zip archive; in it: {listed}.")
    zh = "请解压后再试；或自写 sources/NAME.yaml，用 member 指定其中一个。"
    return Unfit(
        why, Text(zh, "Unpack it and try again, or write sources/NAME.yaml, where `member` names one of them.")
    )


def workbook_look(sheets: Sequence[str], wanted: str = "") -> Look:
    """wanted: the sheet that is meant, one of `sheets`; else the first."""
    if len(sheets) < 2:
        return Look(SourceKind.excel, {})
    if wanted:
        return Look(SourceKind.excel, {"sheet": wanted})
    names = ", ".join(sheets[:10])
    zh = f'取第一张工作表；共有：{names}。用 --table 另指其一；若同为一表，在数据源中写 sheet: "*"。'
    en = f'The first sheet is taken; there are: {names}. --table takes another; where all are one table, `sheet: "*"`.'
    said = Text(zh, en)
    return Look(SourceKind.excel, {"sheet": sheets[0]}, (said,))


# --- encoding --------------------------------------------------------------------------------------------------

ENCODINGS = ("utf-8", "gb18030")


def marked(head: bytes) -> str:
    """The encoding that a byte order mark names, or ""."""
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return ""


def encoding_of(pieces: Iterable[bytes]) -> tuple[str, tuple[Text, ...]]:
    """The encoding of a text, from all of its bytes: a file may turn Chinese after a million lines of ASCII."""
    alive: dict[str, Any] = {name: codecs.getincrementaldecoder(name)() for name in ENCODINGS}
    failed: dict[str, int] = {}
    lines = 0
    telling: list[bytes] = []  # lines that are not plain ASCII
    for piece in pieces:
        if len(telling) < LINES_LOOKED and not piece.isascii():
            whole = piece.splitlines()[
                1 if lines else 0 :
            ]  # the first line of a piece may have begun in the one before
            telling += [line for line in whole[:-1] or whole if not line.isascii()]
        for name, decoder in list(alive.items()):
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                failed[name] = lines + piece.count(b"\n", 0, error.start) + 1
                del alive[name]
        lines += piece.count(b"\n")
        if not alive:
            break
    if "utf-8" in alive:
        return "utf-8", ()
    kinds = Counter(_line_kind(line) for line in telling[:LINES_LOOKED])
    line = failed.get("utf-8", 1)
    if other := _of_elsewhere(telling[:LINES_OF_ELSEWHERE]):
        zh = f"第 {line} 行不是 UTF-8，读作 gb18030 多是生僻字，读作 {other} 则通顺：按 {other} 读取。"
        en = f"Line {line} is not UTF-8; as gb18030 its signs are rare ones, as {other} common: it is taken as that."
        return other, (Text(zh, en),)
    if "gb18030" in alive and kinds["gb18030"] * 2 >= kinds.total():
        return "gb18030", ()
    if kinds[""] * 2 > kinds.total():
        if "gb18030" in alive and _in_words(_read("gb18030", telling[:LINES_LOOKED])):
            return "gb18030", ()
        if any(0x80 <= byte < 0xA0 for text in telling for byte in text) and _read("cp1252", telling):
            zh = f"第 {line} 行不是 UTF-8，读作 gb18030 也不像中文：按 cp1252 读取（西文 Windows）。"
            en = f"Line {line} is not UTF-8, nor Chinese as gb18030: it is taken as cp1252 (Windows in the West)."
            return "cp1252", (Text(zh, en),)
        zh = f"第 {line} 行不是 UTF-8，读作 gb18030 也不像中文：按 latin-1 读取（也可能是 cp1252 等）。"
        en = f"Line {line} is not UTF-8, nor Chinese as gb18030: it is taken as latin-1 (it may be cp1252 or another)."
        return "latin-1", (Text(zh, en),)
    zh, en = f"可能混用了编码：第 {line} 行不是 UTF-8。", f"It may mix encodings: line {line} is not UTF-8."
    return ("gb18030" if kinds["gb18030"] >= kinds["utf-8"] else "utf-8"), (Text(zh, en),)


LINES_LOOKED = 5_000
LINES_OF_ELSEWHERE = 300
_COMMON = {
    "gb18030": ("gb2312", b"\xb0\xa1", b"\xd7\xfe"),
    "big5hkscs": ("big5", b"\xa4\x40", b"\xc6\x7e"),
    "cp932": ("shift_jis", b"\x82\x9f", b"\x98\x72"),
}
"""Encodings of the east with the signs that are written most: the first level of each table (in Japan with kana)."""


def _of_elsewhere(lines: Sequence[bytes]) -> str:
    """Big5 or Shift JIS where the lines read as that, and not as Chinese of the mainland; else ""."""
    shares = {name: _common_share(name, text) for name in _COMMON if (text := _read(name, lines))}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best not in ("", "gb18030") and shares[best] > 0.85 and shares.get("gb18030", 0.0) < 0.6 else ""


def _common_share(name: str, text: str) -> float:
    """The share of the signs of words that are among the common ones of an encoding."""
    table, first, last = _COMMON[name]
    signs = [sign for sign in text if not sign.isascii() and (sign.isalpha() or "\ue000" <= sign <= "\uf8ff")]
    return sum(first <= sign.encode(table, "replace") <= last for sign in signs) / len(signs) if signs else 0.0


def _in_words(text: str) -> bool:
    """Whether signs that are not ASCII stand beside one another, as in Chinese, whatever form its signs have; letters
    of the West with an accent stand among plain ones."""
    runs = re.findall(r"[^\x00-\x7f]+", text)
    beside = sum(len(run) for run in runs if len(run) > 1)
    return beside > 0.8 * sum(map(len, runs)) and not re.search("[\ue000-\uf8ff]", text)


def _read(name: str, lines: Sequence[bytes]) -> str:
    """The lines as text; "" where they are none."""
    try:
        return b"\n".join(lines).decode(name)
    except UnicodeDecodeError:
        return ""


def _line_kind(line: bytes) -> str:
    """What a line that is not ASCII is by itself: utf-8, gb18030 when it reads like Chinese, or ""."""
    for name in ENCODINGS:
        try:
            text = line.decode(name)
        except UnicodeDecodeError:
            continue
        signs = [sign for sign in text if not sign.isascii()]
        if name == "utf-8" or sum(map(_is_common, signs)) * 2 >= len(signs):
            return name
    return ""


def _is_common(sign: str) -> bool:
    """Whether a sign is of GB 2312: letters of the West read as GB 18030 give signs that hardly anybody writes."""
    try:
        return len(sign.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


# --- text ------------------------------------------------------------------------------------------------------


def text_look(text: str, *, whole: bool) -> Look | Unfit:
    """What a text is: JSON, NDJSON or delimited. whole: `text` is all of it, not only its beginning."""
    start = text.lstrip("\ufeff \t\r\n")[:1]
    if start in ("{", "["):
        return _json_look(text.lstrip("\ufeff"), whole=whole)
    return delimited_look(text, whole=whole)


def _json_look(text: str, *, whole: bool) -> Look | Unfit:
    lines = [line for line in text[:LINE_MAX].splitlines() if line.strip()]
    complete = lines if whole and len(text) <= LINE_MAX else lines[:-1]
    objects = [_is_object(line) for line in complete[:20]]
    if len(objects) > 1 and all(objects[:2]):
        return Look(SourceKind.ndjson, {})
    arrays = arrays_in(text)
    if whole and len(arrays) < 2 and (other := _laid_out_otherwise(text, arrays)) is not None:
        return other
    if not arrays:
        if len(objects) == 1 and objects[0]:
            return Look(SourceKind.ndjson, {}, (Text("只有一条记录。", "There is a single record."),))
        why = Text("其中没有由对象组成的数组。", "There is no array of objects in it.")
        fix = "Turn each record into an object with named fields, and put the records into one array or one on a line."
        return Unfit(why, Text("请把每条记录写成带字段名的对象，并放入一个数组或每行一条。", fix))
    best = max(arrays, key=lambda path: (arrays[path], -path.count(".")))
    others = sorted(path for path, count in arrays.items() if path != best and count > 1)
    doubts = []
    if others:
        names = ", ".join(path or "(top)" for path in others[:5])
        zh = f"取 {best or '顶层'} 的数组为记录；其他数组：{names}。"
        doubts.append(Text(zh, f"The array at {best or '(top)'} is taken for the records; there are others: {names}."))
    if whole and (total := _tells_of(text)) > arrays[best]:
        zh = f"文件自称共 {total} 条，只含 {arrays[best]} 条：是接口的某一页？"
        en = f"The file tells of {total} records and holds {arrays[best]}: a page of an API, kept alone?"
        doubts.append(Text(zh, f"{en} Then the others are missing."))
    return Look(SourceKind.json, {"records": best} if best else {}, tuple(doubts))


def _tells_of(text: str) -> int:
    """How many records a document says there are, as the answers of APIs do; 0 where it says nothing."""
    try:
        total = total_of(json.loads(text))
    except (ValueError, RecursionError):
        return 0
    return total[1] if total else 0


def _laid_out_otherwise(text: str, arrays: Collection[str]) -> Unfit | None:
    """Why a document is no list of records, where its records stand under their ids, or values apart from the names of
    their columns: taken for records as it is, it would be a single one, or a table of its columns. arrays: the paths of
    its arrays of objects, one at most."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for path, found in _objects(value, "", DEPTH_LOOKED):
        place = path or "(top)"
        members = list(found.values())
        if not arrays and len(members) > 2 and all(isinstance(member, dict) and member for member in members):
            shared = set.intersection(*map(set, members))
            if len(shared) * 2 >= max(map(len, members)):
                zh, en = (
                    f"{place} 处的记录以编号为键，是一个对象的字段。",
                    f"Its records at {place} are fields of one object, under their ids.",
                )
                fix = Text("请改写为数组，把编号作为各记录的字段。", "Make an array of them, the id a field of each.")
                return Unfit(Text(zh, en), fix)
        rows = [name for name, member in found.items() if _is_rows(member)]
        names = [name for name, member in found.items() if rows and _names_columns(member, len(found[rows[0]][0]))]
        if names and {f"{path}.{names[0]}".lstrip(".")}.issuperset(arrays):
            zh = f"{place} 处列名（{names[0]}）与数据（{rows[0]}）分开存放。"
            en = f"At {place} it has the names of columns ({names[0]}) apart from the values ({rows[0]})."
            how = "Make an object of each row, with the names of its columns as fields, or a CSV of both."
            return Unfit(Text(zh, en), Text("请把每行改写为以列名为字段的对象，或另存为 CSV。", how))
    return None


DEPTH_LOOKED = 3


def _objects(value: Any, path: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield path, value
        for name, member in value.items() if depth else ():
            yield from _objects(member, f"{path}.{name}" if path else name, depth - 1)


def _is_rows(member: Any) -> bool:
    """A list of lists, all of one length."""
    rows = isinstance(member, list) and len(member) > 1 and all(isinstance(row, list) and row for row in member)
    return rows and len({len(row) for row in member}) == 1


def _names_columns(member: Any, width: int) -> bool:
    """A list of names, or of objects that hold one each."""
    return isinstance(member, list) and len(member) == width and all(isinstance(name, str | dict) for name in member)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]')


def arrays_in(text: str) -> dict[str, int]:
    """path of each array of objects -> how many there are in it, as far as `text` goes (it may end anywhere)."""
    found: Counter[str] = Counter()
    stack: list[tuple[str, str | None]] = []  # ("{", key being read) or ("[", its path, None inside another array)
    last = ""
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign[0] == '"':
            last = sign
        elif sign == ":":
            if stack and stack[-1][0] == "{":
                stack[-1] = ("{", _key(last))
        elif sign == "{":
            if stack and stack[-1][0] == "[" and stack[-1][1] is not None:
                found[stack[-1][1]] += 1
            stack.append(("{", None))
        elif sign == "[":
            inside = any(kind == "[" for kind, _ in stack)
            stack.append(("[", None if inside else ".".join(key or "" for _, key in stack)))
        elif sign in "}]" and stack:
            stack.pop()
    return dict(found)


def _key(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text[1:-1]


# --- delimited -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cut:
    """A text cut by one delimiter: its records with the number of the line each begins at."""

    delimiter: str
    records: tuple[tuple[int, list[str]], ...]
    width: int
    share: float

    @property
    def score(self) -> float:
        return self.share * min(log2(self.width), 3) if self.width > 1 else 0.0


def delimited_look(text: str, *, whole: bool) -> Look | Unfit:
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    lines = lines if whole or len(lines) < 2 else lines[:-1]
    cuts = sorted((_cut(lines, sign) for sign in DELIMITERS), key=lambda cut: -cut.score)
    if cuts[0].score == 0 or cuts[0].share < 0.8:
        cuts = sorted([*cuts, _cut(lines, BLANKS)], key=lambda cut: -cut.score)
    best, second = cuts[0], cuts[1]
    doubts = []
    if best.width < 2:
        best = _cut(lines, ",")
        doubts.append(Text("未发现分隔符：按单列读取。", "No delimiter was found: it is read as one column."))
    elif best.share < 0.9 or second.score > 0.9 * best.score:
        zh = f"分隔符取 {best.delimiter!r}：{best.share:.0%} 的行有 {best.width} 列。"
        en = f"{best.share:.0%} of the lines then have {best.width} fields"
        doubts.append(Text(zh, f"The delimiter is taken to be {best.delimiter!r}: {en}."))
    header = _header(best)
    facts: dict[str, Any] = {} if best.delimiter == "," else {"delimiter": best.delimiter}
    if header is None:
        facts["columns"] = [f"c{number}" for number in range(1, best.width + 1)]
        zh = f"没有表头行：各列暂名 c1 至 c{best.width}，请在数据源的 columns 中写明列名。"
        en = f"It has no header line: its columns are called c1 to c{best.width}; name them in the source (`columns`)."
        return Look(SourceKind.csv, facts, (*doubts, Text(zh, en)))
    place, line, more = header
    first, *rest = ([cell.strip() for cell in fields] for _, fields in best.records[place : place + RECORDS_MAX])
    names = over_two(first, rest[0], rest[1:]) if rest else None
    place += 1 if names else 0
    if names:
        zh, en = (
            f"第 {line} 和 {line + 1} 行合起来是列名，以点相连。",
            f"Lines {line} and {line + 1} together make the names.",
        )
        doubts, more = [*doubts, Text(zh, en)], ()
    if names or len(set(first)) < len(first):  # where names tell them apart, those of the header are read
        named = distinct(names or first)
        below = best.records[place + 1][0] if place + 1 < len(best.records) else line + 1
        facts |= {"skip_lines": below - 1, "columns": named}
        new = "、".join(f"{at} {name}" for at, name in enumerate(named, 1) if name != (names or first)[at - 1])
        if new:
            zh, en = f"另行命名的列：{new}。", f"Columns called otherwise: {new.replace('、', ', ')}."
            doubts.append(Text(zh, en))
    elif line > 1:
        facts["skip_lines"] = line - 1
        zh, en = f"表头在第 {line} 行，之前的行跳过。", f"The header is line {line}; the lines before it are skipped."
        doubts.append(Text(zh, en))
    doubts += said_above(cell for at, fields in best.records if at < line for cell in fields)
    rows = [fields for _, fields in best.records[place + 1 :]]
    turned, over = over_time(facts.get("columns") or first, rows)
    return Look(SourceKind.csv, facts | turned, (*doubts, *more, *over, *_second_header(line, rows)))


def _cut(lines: Sequence[str], delimiter: str) -> _Cut:
    if delimiter == BLANKS:
        split = ((number, line.split()) for number, line in enumerate(lines[: 2 * RECORDS_MAX], 1))
        return _measured(delimiter, [(number, fields) for number, fields in split if fields])
    records: list[tuple[int, list[str]]] = []
    reader = csv.reader(iter(lines), delimiter=delimiter)
    at = 1
    try:
        for fields in reader:
            if fields:
                records.append((at, fields))
            at = reader.line_num + 1
            if len(records) >= RECORDS_MAX:
                break
    except csv.Error:
        pass
    return _measured(delimiter, records)


def _measured(delimiter: str, records: list[tuple[int, list[str]]]) -> _Cut:
    widths = Counter(len(fields) for _, fields in records)
    width, rows = max(widths.items(), key=lambda entry: (entry[1], entry[0])) if widths else (0, 0)
    empty = [
        number for number, (_, fields) in enumerate(records) if len(fields) == width > 2 and not fields[-1].strip()
    ]
    if len(empty) == rows and widths[width - 1]:  # each record ends with a delimiter, the header does not
        records = [(at, fields[: width - 1] if len(fields) == width else fields) for at, fields in records]
        width, rows = width - 1, rows + widths[width - 1]
    return _Cut(delimiter, tuple(records), width, rows / len(records) if records else 0.0)


def _header(cut: _Cut) -> tuple[int, int, tuple[Text, ...]] | None:
    """(place among the records, line, doubts) of the header: the first record of the usual width that is filled and
    looks like none of those below it. A title in a row of empty cells stands before it."""
    usual = [(place, line, f) for place, (line, f) in enumerate(cut.records[:JUNK_MAX]) if len(f) == cut.width]
    full = [entry for entry in usual if sum(bool(cell.strip()) for cell in entry[2]) * 2 > cut.width]
    if not full:
        return None
    place, line, fields = full[0]
    cells = [cell.strip() for cell in fields]
    filled = [cell for cell in cells if cell]
    below = [fields for _, fields in cut.records[place + 1 :] if len(fields) == cut.width]
    numeric = sum(bool(_NUMERIC.fullmatch(cell)) for cell in filled) - _years_over_figures(cells, below)
    others = [fields for fields in below if [cell.strip("\ufeff \t") for cell in fields] != cells]
    if not numeric and any(_NUMERIC.fullmatch(cell.strip()) for fields in others for cell in fields):
        below = others  # without the header where it comes again, as at the top of every page
    usually = max((sum(bool(_NUMERIC.fullmatch(cell.strip())) for cell in fields) for fields in below), default=0)
    if (numeric and numeric * 2 >= usually) or _recurs(cells, below):
        return None
    doubts = []
    if len(filled) < len(cells):
        doubts.append(Text("有的列没有列名。", "A column has no name."))
    if len(set(filled)) < len(filled):
        twice = ", ".join(sorted({cell for cell in filled if filled.count(cell) > 1})[:5])
        doubts.append(Text(f"列名重复：{twice}。", f"The header names a column twice: {twice}."))
        doubts += side_by_side(cells)
    if numeric:
        doubts.append(Text("表头中有数字。", "The header line holds numbers."))
    return place, line, tuple(doubts)


def _years_over_figures(cells: list[str], below: list[list[str]]) -> int:
    """How many cells are numbers or dates and still names: points of time (2021, 2026/1/1) over what is none."""
    there = [at for at, cell in enumerate(cells) if _NUMERIC.fullmatch(cell) and is_period(cell)]
    over = [at for at in there if sum(is_period(fields[at].strip()) for fields in below) * 2 < len(below)]
    return len(over) if len(over) >= LEAST and len({cells[at] for at in over}) == len(over) else 0


def _recurs(cells: list[str], below: list[list[str]]) -> bool:
    """Whether a line looks like those below it: most of its cells stand in the same column again."""
    seen = [{fields[at].strip() for fields in below} for at in range(len(cells))]
    again = sum(bool(cell) and cell in values for cell, values in zip(cells, seen, strict=True))
    return again * 2 > len(cells)


def _second_header(line: int, rows: list[list[str]]) -> tuple[Text, ...]:
    """A doubt when the line below the header holds no number where all the others do: units, or names in English."""
    if len(rows) < 4 or any(len(fields) != len(rows[0]) for fields in rows[:4]):
        return ()
    numeric = [
        at
        for at in range(len(rows[0]))
        if all(_NUMERIC.fullmatch(fields[at].strip()) for fields in rows[1:20] if len(fields) == len(rows[0]))
    ]
    words = [at for at in numeric if rows[0][at].strip() and not _NUMERIC.fullmatch(rows[0][at].strip())]
    if not numeric or len(words) * 2 <= len(numeric):
        return ()
    zh, en = f"第 {line + 1} 行似乎是第二行表头。", f"Line {line + 1} seems to be a second header line."
    return (Text(zh + "它将被隔离。", en + " It will be quarantined."),)
