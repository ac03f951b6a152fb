"""Big NDJSON files, read by the database itself, wherever it gives what the text reader would.

The database reads JSON ten times as fast as we do, but it re-writes numbers (42.100 becomes 42.1), lets `{"a": 1,}`
pass and reads " 1" and true as numbers. So a scan says in `_sure` for which rows none of this can be; the plan sends
every other row the long way, for which its line is read once more by the text reader (store.sources), whose word is
final. What is quarantined or repaired is always told from there.

There are two scans with the same rows. `_by_record` reads whole records and is the quicker; it is taken where nothing
that was seen needs a look at the line itself, and ends with an error at a line that is no such record. `_by_line` goes
on whatever a line holds; it is what the engine then reads instead (Scan.otherwise).

`reading` looks through the file once (digest, lines, signs of trouble) and at its first lines closely. Where the file
as a whole is of a kind that a scan cannot be sure of, it gives None and the text reader takes all of it: gzipped, not
UTF-8 by declaration, with a byte order mark, carriage returns, blank or very long lines, Unicode line separators, a
field whose name holds a dot, two that differ in case alone, or when the first lines are not alike. One thing a scan
does not see: a field named twice in one record, when no mapping reads it and few of the first lines have it.
Contract: tests/harmonise/test_harmonise_scanned.py.
"""

from __future__ import annotations

import itertools
import json
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datong.engine.model import Reread, Scan, literal, quoted
from datong.ground.crypto import hashing
from datong.harmonise.model.mappings import Mapping, SourceKind
from datong.harmonise.model.reading import BROKEN, ROW, SURE, Needs, Reading
from datong.harmonise.model.refusals import UNREADABLE
from datong.harmonise.store.sources import documents, forms
from datong.harmonise.store.sources.opening import state_of

SCAN_FROM = 32_000_000
"""Bytes from which a file is scanned; smaller ones are read whole, which is as fast and needs no second look."""

SAMPLE = 2_000
SAMPLE_BYTES = 32_000_000
"""At most so many of the first lines are read before anything is known of them."""
SURE_AT_LEAST = 0.9
ORDINARY_AT_LEAST = 0.98
"""Of the first lines; with fewer it is quicker to look in the lines than to have so many rows go the long way."""
CHUNK = 1 << 18
"""Fits the nearest cache of the processor with what is found in it."""
BATCH_ROWS = 10_000
BLOCK_LINES = 8
"""Lines that are read together when one of them is wanted."""
BEGUN_MAX = 1 << 20
"""Bytes without an end of line from which a file is left to the text reader."""
LINE_MAX = 16_000_000

_NOT_SCANNED = r"[\r\x00\x01\x0b\x0c\x1c-\x1e]|\n[\n \t]|\xc2\x85|\xe2\x80[\xa8\xa9]"
_LOOSE_ENDS = r"[, \t][}\]]"
_LOOSE_STARTS = r'"[ \\\t]'
"""Of bytes: what a scan would take otherwise than the text reader does; the loose ones are then looked for per row."""
_BEFORE = b" \n"
_MARGIN = len(_BEFORE)
_END, _BLANK = ord("\n"), ord(" ")
_CLOSING, _QUOTE = ord("}"), ord('"')
"""] with the bit of the blank set is }."""
_BESIDE = 0xFF ^ ord(",") ^ _BLANK
"""Leaves a blank of a blank and of a comma; also of ( and $, which are then looked at more closely."""
Signs: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

_REWRITTEN = r"^([\[{].*|-?\d+(\.\d+)?([eE][+-]?\d+)?|-?(?i:nan|inf|infinity))$"
"""Texts that may have been a number, a list or an object in the file, and have then been written anew."""
_WHOLE_AS_IT_WAS = r"^-?[1-9]\d{0,17}$"
_MINUS_NOUGHT = r":\s*-0\s*[,}\]]"
_MAY_BE = ((45, 57), (73, 73), (78, 78), (91, 91), (105, 105), (110, 110), (123, 123))
"""What such a text begins with: - . / digits, I, N, [, i, n, {."""
_NUMBER_MAX = 25
"""Signs that a number written anew has at most; longer ones are left by the database as they were."""


@dataclass(frozen=True)
class Lines(Scan):
    """A scan of a file with a record a line. numbers: paths given as DOUBLE; as_seen: the file when it was surveyed;
    starts: as the survey's."""

    source: str = ""
    numbers: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    as_seen: tuple[int, ...] = ()
    starts: array[int] = field(default_factory=lambda: array("q", [0, 0]), repr=False)

    def again(self) -> Reread:
        """From rows that name `_row` to those rows as the text reader gives them, every mapped path a column."""

        def read(asked: Any) -> pa.Table:
            wanted = sorted(asked[ROW].to_pylist())
            form, lines = _form(self), _lines(self, wanted)
            parts = [self._table([], [], None)]
            for start in range(0, len(wanted), BATCH_ROWS):  # so that few records are held at a time
                rows = wanted[start : start + BATCH_ROWS]
                parts.append(self._table(rows, list(itertools.islice(lines, BATCH_ROWS)), form))
            next(lines, None)  # to its end, where the file must still be the one that was looked through
            return pa.concat_tables(parts)

        return read

    def _table(self, rows: list[int], lines: list[bytes], form: forms.Form | None) -> pa.Table:
        nothing: list[str | None] = [None] * len(lines)
        texts: Map[str, Sequence[str | None]] | None = None
        if form is not None:
            texts = form.columns(b"\n".join(lines).decode(), len(lines))
        if texts is None:
            inner = documents.inner_of(self.paths)
            records = [_record(line, form, inner) for line in lines]
            of_paths = {path: [values.get(path) for values, _ in records] for path in self.paths}
            texts = {BROKEN: [text for _, text in records], **of_paths}
        columns = {name: pa.array(texts.get(name, nothing), pa.string()) for name in (BROKEN, *self.paths)}
        return pa.table({ROW: pa.array(rows, pa.int64()), **columns})

    def records(self, rows: Iterable[int]) -> list[dict[str, str | None]]:
        """Whole records of `rows` (rising), with the fields that no mapping names too."""
        return [values for values, _ in _records(self, list(rows))]


def reading(mapping: Mapping, data: Path, needs: Map[str, Needs], scan_from: int = SCAN_FROM) -> Reading | None:
    """The source of `mapping` as a scan, or None where the text reader must read it. needs: of every path."""
    source = mapping.source
    path = data / source.path
    if source.unpivot is not None or source.unnest or source.encodings:
        return None
    if source.kind is not SourceKind.ndjson or source.encoding.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        return None
    if not path.resolve().is_relative_to(data.resolve()) or not path.is_file() or path.stat().st_size < scan_from:
        return None
    seen = state_of(path)
    first = _first(path)
    if first is None:
        return None
    kinds = _kinds(first)
    if sum(kinds.keys() <= (documents.flat(value) or {}).keys() for value in first) < SURE_AT_LEAST * len(first):
        return None
    inner = {before for name in kinds for before in _befores(name)}
    if any("." in name for name in _names(first)) or not set(mapping.paths) <= kinds.keys() - inner:
        return None
    if not _apart(_tree(kinds, inner, frozenset())) or (survey := _survey(path)) is None:
        return None
    numbers = frozenset(p for p in mapping.paths if kinds[p] == {"number"} and needs[p] is Needs.number)
    asked, tree = {path: needs[path] for path in mapping.paths}, _tree(kinds, inner, numbers)
    sql, otherwise = _by_line(asked, tree, numbers, survey), ""
    as_text = survey.loose_ends or (survey.loose_starts and bool(numbers))
    if not as_text and sum(_ordinary(value, mapping.paths) for value in first) >= ORDINARY_AT_LEAST * len(first):
        sql, otherwise = _by_record(asked, tree, numbers), sql
    lines = Lines(
        path, sql, survey.lines, source.name, numbers, mapping.paths, seen, survey.starts, otherwise=otherwise
    )
    return Reading({source.name: lines}, survey.digest)


# --- looking at the file -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Survey:
    digest: str
    lines: int
    loose_ends: bool
    loose_starts: bool
    starts: array[int]
    """Where every BLOCK_LINES-th line begins, from the first on, and where the file ends."""


def _survey(path: Path) -> _Survey | None:
    """One pass over the bytes; None when something in them is not for a scan."""
    hashed, lines, loose = hashing.hasher(), 0, {_LOOSE_ENDS: False, _LOOSE_STARTS: False}
    held = bytearray(
        _BEFORE + bytes(CHUNK)
    )  # the end of the chunk before, so that no sign is cut in two, and the chunk
    signs, size, begun, passed, starts = np.frombuffer(held, np.uint8), len(_BEFORE), 0, 0, array("q", [0])
    look = _Look(len(held))
    with path.open("rb", buffering=0) as opened, memoryview(held) as window:
        while read := opened.readinto(window[_MARGIN:]):
            size = _MARGIN + read
            hashed.update(window[_MARGIN:size])
            ends = look.line_ends(signs[_MARGIN:size]) + _MARGIN
            begin = ends[-(lines + 1) % BLOCK_LINES :: BLOCK_LINES] + (passed + 1 - _MARGIN)
            starts.frombytes(begin.astype(np.int64).tobytes())
            lines, passed = lines + len(ends), passed + read
            begun = size - int(ends[-1]) if len(ends) else begun + read
            if begun > BEGUN_MAX:
                return None
            if not look.nothing_odd(signs[:size], held, ends):
                looked_at = pa.array([bytes(window[:size])], pa.binary())
                if _in(looked_at, "|".join([_NOT_SCANNED, *(sign for sign, known in loose.items() if not known)])):
                    if _in(looked_at, _NOT_SCANNED):
                        return None
                    loose = {sign: known or _in(looked_at, sign) for sign, known in loose.items()}
            window[:_MARGIN] = bytes(window[size - _MARGIN : size])
    lines += held[_MARGIN - 1] != _END
    starts.append(passed)
    return _Survey(hashing.labelled(hashed.hexdigest()), lines, loose[_LOOSE_ENDS], loose[_LOOSE_STARTS], starts)


class _Look:
    """A quick look by single bytes. It writes where it wrote before: memory asked for anew costs more than the look."""

    def __init__(self, size: int) -> None:
        self._signs, self._found, self._also = (np.empty(size, kind) for kind in (np.uint8, np.bool_, np.bool_))

    def line_ends(self, signs: Signs) -> Signs:
        """Where lines end."""
        return np.flatnonzero(np.equal(signs, _END, out=self._found[: len(signs)]))

    def nothing_odd(self, signs: Signs, held: bytearray, ends: Signs) -> bool:
        """Whether none of the patterns can be in `signs` (those of `held`).

        ends: where lines end, after the first signs, which are of the chunk before.
        """
        size = len(signs)
        after = signs[ends[ends < size - 1] + 1]
        blank_line = np.any(after <= _BLANK) or (signs[_MARGIN - 1] == _END and signs[_MARGIN] <= _BLANK)
        if blank_line or held.find(b"\\", 0, size) >= 0:
            return False
        found = self._found[:size]
        ended = len(ends) + np.count_nonzero(signs[:_MARGIN] == _END)
        # signs beyond ASCII are below nought so
        if np.count_nonzero(np.less(signs.view(np.int8), _BLANK, out=found)) != ended:
            if np.count_nonzero(np.less(signs, _BLANK, out=found)) != ended:
                return False
            if held.find(b"\xc2\x85", 0, size) >= 0 or held.find(b"\xe2\x80", 0, size) >= 0:
                return False
        return not (self._loose_end(signs) or self._loose_start(signs))

    def _loose_end(self, signs: Signs) -> bool:
        before, sign, those = signs[:-1], signs[1:], self._signs[: len(signs) - 1]
        closing, loose = self._found[: len(those)], self._also[: len(those)]
        np.equal(np.bitwise_or(sign, _BLANK, out=those), _CLOSING, out=closing)
        np.equal(np.bitwise_and(before, _BESIDE, out=those), _BLANK, out=loose)
        return bool(np.logical_and(closing, loose, out=loose).any())

    def _loose_start(self, signs: Signs) -> bool:
        quote, blank = self._found[: len(signs) - 1], self._also[: len(signs) - 1]
        np.equal(signs[:-1], _QUOTE, out=quote)
        np.equal(signs[1:], _BLANK, out=blank)
        return bool(np.logical_and(quote, blank, out=blank).any())


def _in(looked_at: pa.Array, pattern: str) -> bool:
    return bool(pc.match_substring_regex(looked_at, pattern)[0].as_py())


def _first(path: Path) -> list[Any] | None:
    """The first records; None when too few of them are plain objects, or one has no end where any other would."""
    lines: list[bytes] = []
    held = 0
    with path.open("rb") as opened:
        while len(lines) < SAMPLE and held < SAMPLE_BYTES and (line := opened.readline(BEGUN_MAX)):
            if len(line) == BEGUN_MAX:
                return None
            lines.append(line)
            held += len(line)
    if not lines or lines[0].startswith((b"\x1f\x8b", b"\xef\xbb\xbf")):
        return None
    values = [value for line in lines if (value := _value(line)) is not None and documents.flat(value) is not None]
    return values if len(values) >= SURE_AT_LEAST * len(lines) else None


def _value(line: bytes) -> Any:
    try:
        return documents.DECODER.decode(line.decode())
    except (ValueError, RecursionError):
        return None


def _names(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            yield from value
            yield from _names(value.values())


def _kinds(values: list[Any]) -> dict[str, set[str]]:
    """path -> the kinds of values it had: "number", "text", both, or none where it was only null.

    Only paths that most records have: those that lack one, or hold an object there, are not sure.
    """
    kinds: dict[str, set[str]] = {}
    rows: Counter[str] = Counter()
    for value in values:
        for path, text in (documents.flat(value) or {}).items():
            rows[path] += 1
            found = kinds.setdefault(path, set())
            if text is not None:
                found.add("number" if isinstance(text, documents.Number) else "text")
    return {path: found for path, found in kinds.items() if rows[path] > len(values) / 2}


def _ordinary(value: Any, paths: Iterable[str]) -> bool:
    """Whether no field of a record has to be looked up in its line: none is 0 or 1, as true and 1e-999 become."""
    values = documents.flat(value) or {}
    return not any(
        text == "0" or (isinstance(text, documents.Number) and float(text) in (0, 1)) for text in map(values.get, paths)
    )


def _apart(tree: Tree) -> bool:
    """Whether names differ by more than their case, which the names of columns do not."""
    inside = [under for under in tree.values() if not isinstance(under, str)]
    return len({name.casefold() for name in tree}) == len(tree) and all(map(_apart, inside))


def _befores(path: str) -> Iterator[str]:
    names = path.split(".")
    return (".".join(names[:count]) for count in range(1, len(names)))


# --- the scan ----------------------------------------------------------------------------------------------


Tree: TypeAlias = "dict[str, str | Tree]"
"""The fields of a record by name: what is read of each, or the fields in it."""


def _tree(kinds: dict[str, set[str]], inner: set[str], numbers: frozenset[str]) -> Tree:
    tree: dict[str, Any] = {}
    for path in kinds:
        if path in inner:
            continue
        *befores, last = path.split(".")
        level = tree
        for name in befores:
            level = level.setdefault(name, {})
        level[last] = "DOUBLE" if path in numbers else "VARCHAR"
    return tree


def _by_record(needs: Map[str, Needs], tree: Tree, numbers: frozenset[str]) -> str:
    """The quicker scan. A line that is no record as `tree` has it ends it with an error; what _by_line would look up
    in the line is not sure here, nor is a row in which nothing was found, as of a line `null`."""
    columns = ", ".join(f"{literal(name)}: {literal(_type(under))}" for name, under in tree.items())
    read = (
        "read_json($file, format = 'newline_delimited', compression = 'uncompressed', "
        f"maximum_object_size = {LINE_MAX}, columns = {{{columns}}})"
    )
    picked = [f"{_field(path)} AS {quoted(path)}" for path in needs]
    fields = list(map(quoted, needs))
    sure = [f"({' OR '.join(f'{field} IS NOT NULL' for field in fields)})"]
    sure += [condition for path in needs for condition in _sure(path, needs[path], numbers, lambda _: "FALSE")]
    # a column that is not asked for is not read, and a field named twice in it not seen
    others = [quoted(name) for name in tree if not any(path.split(".")[0] == name for path in needs)]
    picked += [f"{other} AS {quoted(f'other:{number}')}" for number, other in enumerate(others)]
    sure += [f"COALESCE(strlen(CAST({quoted(f'other:{number}')} AS VARCHAR)), 0) >= 0" for number in range(len(others))]
    return _numbered(f"SELECT {', '.join(picked)} FROM {read}", sure, fields)


def _by_line(needs: Map[str, Needs], tree: Tree, numbers: frozenset[str], survey: _Survey) -> str:
    """The scan that goes on whatever a line holds."""
    structure = literal(json.dumps(tree, ensure_ascii=False))
    picked = [f"s.{_field(path)} AS {quoted(path)}" for path in needs]
    sure = ["parsed"]
    sure += [condition for path in needs for condition in _sure(path, needs[path], numbers, _not_in_line)]
    if survey.loose_ends:
        sure.append(_not_in_line(r",\s*[}\]]"))
    if survey.loose_starts and numbers:
        sure.append(_not_in_line(_LOOSE_STARTS))
    lines = (
        "read_csv($file, columns = {'line': 'VARCHAR'}, header = false, delim = chr(1), quote = '', escape = '', "
        f"comment = '', auto_detect = false, null_padding = false, max_line_size = {LINE_MAX}, new_line = '\\n')"
    )
    parsed = f"SELECT line, TRY(json_transform_strict(line, {structure})) AS s FROM {lines}"
    fields = f"SELECT line, s IS NOT NULL AS parsed, {', '.join(picked)} FROM ({parsed})"
    return _numbered(fields, sure, list(map(quoted, needs)))


def _numbered(fields: str, sure: list[str], columns: list[str]) -> str:
    """The rows of `fields` with their numbers, and whether all of `sure` holds.

    Fields are taken out before anything is asked of them: the database copies a whole record for every condition on
    one of its fields. Counting rows in between keeps it from putting the two together again. The conditions stand in
    CASE, as outside of it AND and OR ask everything of every row.
    """
    return (
        f"SELECT {ROW}, CAST(NULL AS VARCHAR) AS {BROKEN}, "
        f"CASE WHEN {' AND '.join(sure)} THEN TRUE ELSE FALSE END AS {SURE}, {', '.join(columns)} "
        f"FROM (SELECT *, row_number() OVER () AS {ROW} FROM ({fields}))"
    )


def _type(under: str | Tree) -> str:
    if isinstance(under, str):
        return under
    return f"STRUCT({', '.join(f'{quoted(name)} {_type(field)}' for name, field in under.items())})"


def _field(path: str) -> str:
    return ".".join(map(quoted, path.split(".")))


def _not_in_line(pattern: str) -> str:
    return f"NOT regexp_matches(line, {literal(pattern)})"


def _sure(path: str, needed: Needs, numbers: frozenset[str], unless: Callable[[str], str]) -> list[str]:
    """Conditions under which a field is surely what the text reader would give, where that makes a difference.

    unless: the condition that a pattern is nowhere in the line, which is rarely asked.
    """
    field = quoted(path)
    if path in numbers:  # true is given as 1, and what is too small to be told from 0 as 0
        return [f"CASE WHEN {field} IN (0, 1) THEN {unless('true|false|[eE]-')} ELSE TRUE END"]
    if needed is Needs.number:  # re-written, it is the same number; but 1e-9999 is none, and becomes 0.0
        return [f"({field} IS NULL OR {field} NOT IN ('0.0', '-0.0'))"]
    return _as_it_was(field, needed, unless(_MINUS_NOUGHT))


def _as_it_was(field: str, needed: Needs, not_minus: str) -> list[str]:
    nought = f"WHEN {field} = '0' THEN {not_minus}"
    if needed is Needs.value:
        return []
    if needed is Needs.digits:
        return [f"CASE {nought} ELSE TRUE END"]
    sign = f"unicode({field})"
    begins = " OR ".join(f"{sign} BETWEEN {low} AND {high}" for low, high in _MAY_BE)
    whole = f"regexp_matches({field}, '{_WHOLE_AS_IT_WAS}')"
    rewritten = f"NOT regexp_matches({field}, '{_REWRITTEN}', 's')"
    long = f"WHEN strlen({field}) > {_NUMBER_MAX} AND {sign} <> {ord('[')} AND {sign} <> {ord('{')} THEN TRUE"
    return [f"CASE {long} WHEN {begins} THEN CASE {nought} WHEN {whole} THEN TRUE ELSE {rewritten} END ELSE TRUE END"]


# --- the same rows again -----------------------------------------------------------------------------------


def _form(lines: Lines) -> forms.Form | None:
    """That of the first line; most files have no other."""
    form = next((forms.form_of(line.decode()) for line in _lines_at(lines, [1])), None)
    return None if form is None or not set(form.paths).issuperset(lines.paths) else form


def _records(lines: Lines, wanted: list[int]) -> Iterator[documents.Row]:
    """(values by path, broken text) of the rows `wanted` (rising)."""
    form, inner = _form(lines), documents.inner_of(lines.paths)
    return (_record(line, form, inner) for line in _lines(lines, wanted))


def _lines(lines: Lines, wanted: list[int]) -> Iterator[bytes]:
    """The lines `wanted` (rising). Refuses at the end when the file is no longer the one that was looked through."""
    read = 0
    for line in _lines_at(lines, wanted):
        read += 1
        yield line
    if read < len(wanted) or state_of(lines.path) != lines.as_seen:
        zh, en = "读取期间文件被改动", "was changed while it was read"
        raise UNREADABLE(source=lines.source, place=lines.path.name, zh=zh, en=en, read=0)


def _lines_at(lines: Lines, wanted: list[int]) -> Iterator[bytes]:
    """The lines `wanted` (from 1, rising), as far as the file has them; others are passed over."""
    with lines.path.open("rb", buffering=0) as opened:
        at = opened.fileno()
        for block, numbers in itertools.groupby(wanted, lambda number: (number - 1) // BLOCK_LINES):
            begin, end = lines.starts[block : block + 2]
            found = os.pread(at, end - begin, begin).split(b"\n")
            yield from (found[n] for number in numbers if (n := (number - 1) % BLOCK_LINES) < len(found))


def _record(line: bytes, form: forms.Form | None, inner: documents.Inner) -> documents.Row:
    text = line.decode()
    values = form.values(text) if form is not None else None
    if values is not None:
        return values, None
    return documents.row_of(_value(line), text, inner)
