"""Looking at a file nobody has described yet. Contract: tests/harmonise/test_harmonise_sniffing.py."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from datong.ground.refusal import Refusal, Text
from datong.harmonise.model.drafts import Look, Unfit
from datong.harmonise.model.mappings import Source, SourceKind
from datong.harmonise.model.refusals import WHICH_TABLE
from datong.harmonise.rules import sniffing
from datong.harmonise.rules.headings import said_above
from datong.harmonise.rules.periods import over_time
from datong.harmonise.rules.sheets import TOP_ROWS, header_of, merged_down, named
from datong.harmonise.store import looking
from datong.harmonise.store.sources import workbooks

HEAD_BYTES = 4_000_000
TEXTS = (SourceKind.csv, SourceKind.json, SourceKind.ndjson)
_NO_TEXT = re.compile(r"[\x00\x02-\x08\x0e-\x1a]")
_AGAIN = Text("请重新获取该文件。", "Fetch it again.")


def looked_at(path: Path, sheet: str = "") -> Look | Unfit:
    """What the file at `path` is: a source with its keys, or why it is none. sheet: of a workbook with several."""
    try:
        return _looked_at(path, looking.head_of(path, 64), sheet)
    except looking.DAMAGED:
        return Unfit(Text("文件损坏、不完整或有密码。", "It is damaged, cut short, or has a password."), _AGAIN)
    except OSError as error:
        said = error.strerror or "error"
        why = Text(f"不能读取（{said}）。", f"It cannot be read ({said}).")
        return Unfit(why, Text("请检查权限。", "Look at its permissions."))


def over_encodings(look: Look, paths: Iterable[Path]) -> Look:
    """`look` with the encodings that the files are in, where they are in several."""
    if look.kind not in TEXTS or look.facts.get("encoding", "utf-8") not in sniffing.ENCODINGS:
        return look
    found = {look.facts.get("encoding", "utf-8")}
    for path in paths:
        with suppress(OSError, *looking.DAMAGED):  # reading it tells
            head = looking.head_of(path, 8, unpacked=True)
            found.add(sniffing.marked(head) or sniffing.encoding_of(looking.pieces_of(path))[0])
    several = [name for name in sniffing.ENCODINGS if name in found]
    if len(several) < 2:
        return look
    said = Text("各文件编码不同，逐个判定。", "Its files are in several encodings: each is read in its own.")
    return Look(look.kind, {**look.facts, "encoding": several}, (*look.doubts, said))


def _looked_at(path: Path, head: bytes, sheet: str) -> Look | Unfit:
    if head.startswith(sniffing.PARQUET):
        return Look(SourceKind.parquet, {})
    if head.startswith(sniffing.SQLITE):
        tables = looking.tables_of(path)
        none = Unfit(Text("数据库中没有表。", "There is no table in it."), _AGAIN)
        return Look(SourceKind.database, {"tables": tables}) if tables else none
    if head.startswith(sniffing.ZIP):
        names, sheets = looking.names_in(path)
        if sheets is not None:
            if sheet and sheet not in sheets:
                raise WHICH_TABLE(source=path.name, tables=", ".join(sheets))
            return _workbook(path, sniffing.workbook_look(sheets, sheet))
        return sniffing.zip_look(names) or _text(path)
    return _text(path)


def _workbook(path: Path, look: Look) -> Look:
    sheet = Source(path.name, SourceKind.excel, path.name, sheet=look.facts.get("sheet", ""))
    with suppress(Refusal):  # reading the whole tells what is wrong with it
        rows, spans = workbooks.top_of(sheet, path, 2 * TOP_ROWS)
        facts, found = header_of(rows, spans)
        top = facts.get("skip_lines", 0)
        below = top + facts.get("header_rows", 1)
        names = workbooks.names_in(rows[top:below], spans, top)
        facts, more = named(names, rows[below:], facts, workbooks.letters)
        turned, over = over_time(facts.get("columns") or names, rows[below:])
        under = facts.get("skip_lines", 0) + (0 if "columns" in facts else facts.get("header_rows", 1))
        down, groups = merged_down(facts.get("columns") or names, spans, under, rows)
        above = said_above(cell for row in rows[:top] for cell in row)
        return Look(
            look.kind, {**look.facts, **facts, **down, **turned}, (*look.doubts, *found, *more, *groups, *over, *above)
        )
    return look


def _text(path: Path) -> Look | Unfit:
    head = looking.head_of(path, HEAD_BYTES + 1, unpacked=True)
    whole, head = len(head) <= HEAD_BYTES, head[:HEAD_BYTES]
    if (unfit := sniffing.foreign(head[:64])) is not None:
        return unfit
    marked = sniffing.marked(head)
    encoding, doubts = (marked, ()) if marked else sniffing.encoding_of(looking.pieces_of(path))
    text = head.decode(encoding, "replace")  # reading the whole judges every byte
    if _NO_TEXT.search(text[:100_000]):
        return Unfit(Text("这不是文本。", "It is no text."), sniffing.SAVE_AS)
    found = sniffing.text_look(text, whole=whole)
    if isinstance(found, Unfit):
        return found
    facts = found.facts if encoding == "utf-8" else {"encoding": encoding, **found.facts}
    return Look(found.kind, facts, (*doubts, *found.doubts))
