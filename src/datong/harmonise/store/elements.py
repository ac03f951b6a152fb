"""Reading the files of a library of data elements: those that ship with the package, or those of a folder.

Contract: tests/harmonise/elements/test_elements_library.py.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from datong.ground.refusal import Problem
from datong.harmonise.model.texts import Texts
from datong.harmonise.store import texts

FOLDERS = ("elements", "codes")
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
FILE_BYTES_MAX = 2_000_000


def shipped() -> Traversable:
    return resources.files("datong.harmonise") / "data"


def files_of(folder: Traversable) -> tuple[Texts, list[Problem]]:
    """The parsed YAML of its packs and code tables, and what could not be read."""
    return texts.read_files(
        (
            (f"{name}/{file.name}", file)
            for name in FOLDERS
            if (below := folder / name).is_dir()
            for file in sorted(below.iterdir(), key=lambda f: f.name)
            if file.name.endswith(".yaml")
        ),
        FILE_BYTES_MAX,
    )


@functools.cache
def shipped_codes(name: str) -> Any:
    """The text of a code table that ships; None when there is none of that name."""
    file = shipped() / "codes" / f"{name}.yaml"
    if not NAME.fullmatch(name) or not file.is_file():
        return None
    found, _ = texts.read_files([(name, file)], FILE_BYTES_MAX)
    return found.get(name)
