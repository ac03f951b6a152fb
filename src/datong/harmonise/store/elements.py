"""Reading the files of a library of data elements: those that ship with the package, or those of a folder.

Contract: tests/harmonise/elements/test_elements_library.py.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable

from datong.ground.refusal import Problem
from datong.harmonise.model.texts import Texts
from datong.harmonise.store import texts

FOLDERS = ("elements", "codes")
FILE_BYTES_MAX = 2_000_000


def shipped() -> Traversable:
    return resources.files("datong.harmonise") / "data"


def files_of(folder: Traversable) -> tuple[Texts, list[Problem]]:
    """The parsed YAML of its packs and code tables, and what could not be read."""
    found: list[Problem] = []
    files = Texts()
    for name in FOLDERS:
        below = folder / name
        for file in sorted(below.iterdir(), key=lambda f: f.name) if below.is_dir() else []:
            if not file.name.endswith(".yaml"):
                continue
            where = f"{name}/{file.name}"
            try:
                data = file.read_bytes()
            except OSError:
                found.append(Problem(where, "不能读取", "cannot be read"))
                continue
            value, lines, problems = texts.read(where, data, FILE_BYTES_MAX)
            found += problems
            if not problems:
                files[where], files.lines[where] = value, lines
    return files, found
