"""What comes out of a source: tables of text with row numbers."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Reading:
    """What was read: per input table a pyarrow Table of text columns named by path, with `_row` (from 1) and
    `_broken` (original text of what is no record, else null). digest: of the content read."""

    tables: Map[str, Any]
    digest: str


ROW, BROKEN, SURE = "_row", "_broken", "_sure"
"""Columns of ours in what was read; `_sure` only in scans: this row is certainly as the text reader would give it."""
