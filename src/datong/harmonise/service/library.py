"""The library of data elements that ships with Datong, and one of an owner's own."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datong.ground.refusal import Problem
from datong.harmonise.model.elements import Library
from datong.harmonise.model.refusals import BAD_ELEMENTS
from datong.harmonise.model.texts import Texts
from datong.harmonise.rules import elements as dictionary
from datong.harmonise.store import elements as packs


def of_workspace(contents: Mapping[str, Any]) -> tuple[Library, list[Problem]]:
    """The data elements that ship with Datong and those of a workspace, and everything wrong with the latter."""
    own = _own(contents)
    return dictionary.library_of({**packs.files_of(packs.shipped())[0], **own}) if own else (shipped(), [])


def mistakes_in(contents: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the data elements and code tables of a workspace; no library is read where it has none."""
    return of_workspace(contents)[1] if _own(contents) else []


def _own(contents: Mapping[str, Any]) -> dict[str, Any]:
    return {path: text for path, text in contents.items() if path.startswith(("elements/", "codes/"))}


def library(folder: Path | None = None) -> Library:
    """The data elements that ship with Datong, with those of `folder` (elements/, codes/) added; STD-440 if any is
    wrong. A file of the folder takes the place of a shipped one with the same name."""
    contents, problems = packs.files_of(packs.shipped())
    if folder is not None:
        own, wrong = packs.files_of(folder)
        if not own and not wrong:
            wrong = [Problem(str(folder), "没有 elements 或 codes 目录", "holds no files in elements/ or codes/")]
        contents, problems = Texts({**contents, **own}), problems + wrong
    found, wrong = dictionary.library_of(contents)
    if problems or wrong:
        raise BAD_ELEMENTS([*problems, *wrong], count=len(problems) + len(wrong))
    return found


@functools.cache
def shipped() -> Library:
    """The data elements that ship with Datong."""
    return library()
