"""The parsed texts of a folder, and at which line each key of them stands."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a file of a folder may be called, without its ending."""
Files = Map[str, Any]

LIBRARY = "library/codes"
"""Where, beside a workspace's own files, the code tables of the library stand that its mappings name."""

Lines = Map[str, int]
"""Path of keys and positions in a YAML file, "" for the file itself, e.g. "columns.plate.from" or "joins.0" -> line."""


class Texts(dict[str, Any]):
    """{path in the folder: parsed YAML}; `lines` has the Lines of each; `unread`: files that are no YAML."""

    def __init__(self, files: Map[str, Any] | None = None, lines: Map[str, Lines] | None = None) -> None:
        super().__init__(files or {})
        self.lines: dict[str, Lines] = dict(lines or {})
        self.unread: set[str] = set()


def is_unread(files: Files, file: str) -> bool:
    return file in getattr(files, "unread", ())
