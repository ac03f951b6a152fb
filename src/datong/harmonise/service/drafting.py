"""Drafting the texts of a table nobody has described yet: its source, a standard of matched elements, its mapping.

No verb: it writes into a workspace's folder, which only who stands in that folder may do (cli.workspace). What is
there already is never written over. Contract: tests/harmonise/test_harmonise_drafting.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datong.ground.db import Tx
from datong.ground.refusal import Text
from datong.harmonise.model.drafts import Entry, Look, Unfit
from datong.harmonise.model.elements import DataElement
from datong.harmonise.model.mappings import Source, SourceKind, Type
from datong.harmonise.model.matching import Proposal, Verdict
from datong.harmonise.model.reading import Sample
from datong.harmonise.model.refusals import (
    BAD_WORKSPACE,
    NO_ROWS,
    NO_SOURCE_FILE,
    NO_SUCH_SOURCE,
    NOT_MATCHED,
    OUTSIDE_DATA,
    WHICH_TABLE,
)
from datong.harmonise.model.texts import Texts
from datong.harmonise.rules import drafting, meaning
from datong.harmonise.rules.addresses import is_address
from datong.harmonise.rules.days_and_times import once, put_together
from datong.harmonise.rules.found import nearest
from datong.harmonise.rules.several_files import Together
from datong.harmonise.rules.standards import standard_of
from datong.harmonise.rules.workspace import source_of
from datong.harmonise.service import addressing
from datong.harmonise.service.folders import folders_of, require_not_own
from datong.harmonise.service.looking import looked_at, over_encodings
from datong.harmonise.service.matching import propose, target_of
from datong.harmonise.service.sampling import over_files
from datong.harmonise.store import elements, texts
from datong.harmonise.store import workspace as folder_texts
from datong.harmonise.store.sources import some_of
from datong.harmonise.store.sources.opening import named

JSON_KINDS = (SourceKind.json, SourceKind.ndjson)


@dataclass(frozen=True)
class Drafted:
    """What was proposed; the files written, those that were there and stay; what a person should look at in a mapping
    that was written."""

    proposals: tuple[Proposal, ...]
    written: list[str]
    there: list[str]
    confirm: list[str]
    doubts: list[Text]


def draft(
    tx: Tx,
    *,
    workspace: str,
    source: str,
    standard: str,
    table: str | None = None,
    data: str | None = None,
    secret_from: str = "",
    endpoint: str = "",
) -> Drafted:
    """Propose what the columns of a source mean, and write the texts that are not there yet.

    source: a name in sources/, the absolute path of a file (with * in its name: all files called so), or an address
    (rules.addresses), for which secret_from names the variable that holds the password or token, and endpoint the
    storage service of an s3:// one. standard: a standard of the workspace, or a pack. What a mapping of the source says
    already, without `confirm`, is given: the other columns are proposed anew with it. Refuses: STD-410, 411, 413,
    450 to 453, 460.
    """
    folder, given = folders_of(tx, workspace, data)
    contents, problems = folder_texts.files_of(folder)
    target, wrong = target_of(standard, contents)
    if problems or target is None:
        every = [*problems, *wrong]
        raise NOT_MATCHED(every, count=len(every))
    if is_address(source):
        name, new, doubts = _addressed(source, contents, secret_from, endpoint)
    else:
        name, new, doubts = _described(tx, source, contents, given, table or "")
    found = _source(contents, name, folder)
    require_not_own(tx, found, given)
    looked = over_files(found, given)
    sample = _of_table(looked.sample, found, table)
    if not sample.columns:
        raise NO_ROWS(source=found.name)
    main = (table or next(iter(found.tables))) if found.tables else ""
    stands = drafting.given_in(contents, found.name, main)
    proposals = propose(tx, sample, target, tables=found.tables, given=stands)
    own = f"standards/{standard}.odcs.yaml" in contents
    doubts += looked.doubts
    target_name = standard if own else ""
    files, entries, more = _texts(found, main, target_name, proposals, replace(looked, sample=sample), contents)
    written, there = folder_texts.written(folder, {**new, **files})
    drafted = any(name.startswith("mappings/") for name in written)
    confirm = [" + ".join(entry.columns) for entry in entries if entry.confirm and drafted]
    return Drafted(proposals, written, there, confirm, [*doubts, *more])


def _described(tx: Tx, source: str, contents: Texts, data: Path, table: str) -> tuple[str, dict[str, str], list[Text]]:
    """(name of the source, its text when it is new, doubts); a new one is put into `contents` too."""
    if f"sources/{source}.yaml" in contents:
        return source, {}, []
    path = Path(source)
    files = named(path.name, path.parent) if path.is_absolute() else []
    if not files or not files[0].is_file():
        known = [file[len("sources/") : -len(".yaml")] for file in contents if file.startswith("sources/")]
        raise NO_SUCH_SOURCE(source=source, near=", ".join(nearest(Path(source).name, known) or known) or "none")
    if not files[0].resolve().is_relative_to(data.resolve()):
        raise OUTSIDE_DATA(path=path.name, data=str(data))
    relative = str((path.parent.resolve() / path.name).relative_to(data.resolve()))
    for file, text in contents.items():
        if not file.startswith("sources/") or not isinstance(text, dict) or text.get("path") != relative:
            continue
        if not table or text.get("sheet", table) == table:
            return file[len("sources/") : -len(".yaml")], {}, []
    require_not_own(tx, Source(path.name, SourceKind.csv, relative), data)
    look = looked_at(files[0], table)
    if isinstance(look, Unfit):
        raise NO_SOURCE_FILE(path=path.name, zh=look.why.zh, en=look.why.en, fix_zh=look.fix.zh, fix_en=look.fix.en)
    if len(files) > 1:
        look = over_encodings(look, some_of(files))
    stem = path.name.split(".")[0].strip("*-_ ")
    stem = path.parent.name if "*" in path.name and not re.search(r"[^\W\d]", stem) else stem  # waybills/2026-*.csv
    stem = f"{stem}_{table}" if table and look.facts.get("sheet") == table else stem
    return _new(drafting.name_of(stem), replace(look, facts={"path": relative, **look.facts}), contents)


def _addressed(text: str, contents: Texts, secret_from: str, endpoint: str) -> tuple[str, dict[str, str], list[Text]]:
    """The same for an address: what lies there is asked what it is."""
    address = addressing.address_of(text)
    for file, given in contents.items():
        if file.startswith("sources/") and addressing.is_there(address, given):
            return file[len("sources/") : -len(".yaml")], {}, []
    name = _free(drafting.name_of(address.stem), contents)
    return _new(name, addressing.described(address, name, secret_from, endpoint), contents)


def _new(wanted: str, look: Look, contents: Texts) -> tuple[str, dict[str, str], list[Text]]:
    name = _free(wanted, contents)
    text = drafting.source_text(look.kind, look.facts, look.doubts)
    file = f"sources/{name}.yaml"
    contents[file], contents.lines[file], _ = texts.read(file, text.encode(), folder_texts.FILE_BYTES_MAX)
    return name, {file: text}, list(look.doubts)


def _free(name: str, contents: Texts) -> str:
    """`name`, or with a number when a source or mapping is called so already."""
    tried = (name if number == 1 else f"{name[:36]}_{number}" for number in range(1, 1000))
    return next(n for n in tried if f"sources/{n}.yaml" not in contents and f"mappings/{n}.yaml" not in contents)


def _source(contents: Texts, name: str, folder: Path) -> Source:
    found, problems = source_of(contents, name)
    if found is None:
        raise BAD_WORKSPACE(problems, workspace=folder.name, count=len(problems))
    return found


def _of_table(sample: Sample, source: Source, table: str | None) -> Sample:
    """The sample of the main table alone: the columns of the others come by joins, which a person writes."""
    if not source.tables:
        return sample
    if table not in source.tables and (table is not None or len(source.tables) > 1):
        raise WHICH_TABLE(source=source.name, tables=", ".join(source.tables))
    main = table or next(iter(source.tables))
    return Sample(tuple(c for c in sample.columns if c.path.startswith(f"{main}.")), sample.rows_seen, sample.whole)


def _codes_of(element: DataElement, contents: Mapping[str, Any]) -> dict[str, Any]:
    """What means a code in the element's code table, where the workspace or the library holds its codes."""
    own = contents.get(f"codes/{element.codes}.yaml")
    table = own or (elements.shipped_codes(element.codes) if element.codes else None)
    return dict(meaning.of_library(table)["codes"]) if table and table.get("match", "whole") == "whole" else {}


def _texts(
    source: Source, table: str, standard: str, proposals: tuple[Proposal, ...], looked: Together, contents: Texts
) -> tuple[dict[str, str], list[Entry], list[Text]]:
    """The texts of the standard (when it is to be a new one) and of the mapping; nothing when nothing was matched."""
    name = drafting.name_of(source.name if len(source.tables) < 2 else f"{source.name}_{table}")
    sample, others = looked.sample, looked.others
    missing = drafting.missing_of(sample.columns)
    taken = [p for p in proposals if p.element is not None and p.verdict is not Verdict.leave]
    if not taken:
        zh = "没有匹配的列，未起草映射：请换一个标准或数据元包（library 为全部）；"
        en = "No column was matched, so no mapping was drafted: try another standard or pack (`library`: all of them), "
        zh += "或自写标准与映射（standards/、mappings/），或为本行业的用词写数据元包（elements/）。"
        en += "or write your own: a standard and a mapping (standards, mappings), or a pack of your words (elements)."
        return {}, [], [Text(zh, en)]
    file = f"standards/{standard}.odcs.yaml"
    known = standard_of(file, contents[file])[0] if standard else None
    kinds = {element.name: element.type for element in known.elements} if known else {}
    columns = {column.path: column for column in sample.columns}
    entries: list[Entry] = []
    elements: list[tuple[DataElement, Type]] = []
    for proposal in taken:
        assert proposal.element is not None
        kind = kinds.get(proposal.element.name)
        codes = _codes_of(proposal.element, contents)
        wanted = kind or proposal.element.type
        entry, kind = drafting.entry_of(proposal, columns[proposal.column], missing, kind, codes)
        entry, kind = put_together(entry, kind, wanted, sample.columns, missing)
        if entry.column in others:
            said = f"{entry.said}; in other files it is probably called {', '.join(others[entry.column])}"
            entry = replace(entry, others=others[entry.column], said=said, confirm=True)
        entries.append(entry)
        elements.append((proposal.element, kind))
    alone = once(taken, entries)
    entries, elements = [entries[number] for number in alone], [elements[number] for number in alone]
    doubts = []
    if known and (unfilled := drafting.required_unfilled(known, entries)):
        names = ", ".join(unfilled)
        doubts.append(
            Text(f"标准的必填元素没有对应列：{names}。", f"No column fills what the standard requires: {names}.")
        )
    if missing:
        listed = ", ".join(missing)
        doubts.append(Text(f"视为缺失的文字：{listed}。", f"Taken for no value: {listed}."))
    for path in drafting.lists_in(sample.columns) if source.format in JSON_KINDS and not source.unnest else ():
        inside = path.removeprefix(f"{table}.") if table else path
        zh = f"{path} 是对象的列表，作为一个文字读取；要一项一行，请在数据源中写 unnest: {inside}，再次匹配。"
        en = (
            f"{path} holds lists of objects, read as one text: `unnest: {inside}` in the source makes each item a row; "
            "then match again."
        )
        doubts.append(Text(zh, en))
    read = {name for entry in entries for name in entry.columns}
    left = [proposal.column for proposal in proposals if proposal.column not in read]
    mapping = drafting.mapping_text(source, standard or name, table, entries, left=left, missing=missing)
    files = {} if known else {f"standards/{name}.odcs.yaml": drafting.standard_text(name, elements)}
    return {**files, f"mappings/{name}.yaml": mapping}, entries, doubts
