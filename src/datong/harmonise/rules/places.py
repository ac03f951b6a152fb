"""Where in which file a problem of a workspace stands: its line, found from the path that its reader told.

A reader says "mappings/trips.yaml: columns.bike.from"; with the lines of the file that becomes
"mappings/trips.yaml:7: columns.bike.from", or the line of the nearest key above when that key is missing.
Must never know: files. Contract: tests/harmonise/test_harmonise_texts.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import replace
from typing import Any

from datong.ground.refusal import Problem
from datong.harmonise.model.mappings import Mapping
from datong.harmonise.model.texts import Lines

_WHERE = re.compile(r"(?P<file>[\w-]+/[^:/]+\.ya?ml)(?::(?P<line>\d+))?(?:: ?(?P<at>.*))?", re.DOTALL)


def placed(problems: Iterable[Problem], files: Map[str, Any]) -> list[Problem]:
    """The problems, each with its line, where `files` knows the lines (model.texts.Texts)."""
    return [replace(problem, where=_text(*place_of(problem, files))) for problem in problems]


def listed(problems: Iterable[Problem], files: Map[str, Any]) -> list[dict[str, Any]]:
    """The problems as values: file and line ("" and None where it is of no file), where in it, what."""
    told = []
    for problem in dict.fromkeys(placed(problems, files)):
        file, line, at = place_of(problem, files)
        told.append({"file": file, "line": line, "where": at, "zh": problem.zh, "en": problem.en})
    return told


def place_of(problem: Problem, files: Map[str, Any]) -> tuple[str, int | None, str]:
    """(file, line, path of keys) of a problem; ("", None, where) when it is of no file."""
    form = _WHERE.fullmatch(problem.where)
    if form is None:
        return "", None, problem.where
    file, at = form["file"], form["at"] or ""
    if form["line"]:
        return file, int(form["line"]), at
    return file, line_of(getattr(files, "lines", {}).get(file, {}), at), at


def line_of(lines: Lines, at: str) -> int | None:
    """The line of the key `at`, or of the nearest one above it that is there."""
    key = re.sub(r"\[(\d+)\]", r".\1", at)
    if f"elements.{key.partition('.')[0]}" in lines:
        key = f"elements.{key}"  # a pack's reader names its elements by their id alone
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key)


def asked(mapping: Mapping) -> list[tuple[str, str]]:
    """(where the mapping names it, path) of every path it reads."""
    asked = [(f"columns.{column.element.name}", path) for column in mapping.columns for path in column.paths]
    for number, join in enumerate(mapping.joins):
        asked += [(f"joins[{number}].on", join.left), (f"joins[{number}].on", f"{join.table}.{join.right}")]
    return asked


def where_in(mapping: Mapping, at: str) -> str:
    """The place of a key of the mapping, as problems tell it."""
    return _text(mapping.file, line_of(mapping.lines, at), at)


def _text(file: str, line: int | None, at: str) -> str:
    if not file:
        return at
    head = file if line is None else f"{file}:{line}"
    return f"{head}: {at}" if at else head
