"""A repair: the text a person gives for one column of a row that was quarantined.

A repair is a layer over the source, never a change of it. It belongs to a row by what stands in the row, so it finds
the row again wherever a later load puts it, and finds nothing once the source itself was corrected.
Contract: tests/harmonise/test_harmonise_repairs.py.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass
from enum import StrEnum

TEXT_MAX = 10_000
"""Characters of a repair's text."""
AT_ONCE_MAX = 10_000
"""Repairs of one call or file."""
NO_RECORDS = ("not_a_record", "total_row")
"""Reasons whose rows have their text alone."""
NOT_REPAIRED = ("duplicate",)
"""Reasons whose rows cannot be told from a good row by what stands in them."""


class State(StrEnum):
    standing = "standing"
    withdrawn = "withdrawn"


@dataclass(frozen=True)
class Repair:
    """number: order in which repairs were given; the later wins. record: the row's texts by column, as the source had
    them, with the text of what was no record under `_broken`."""

    number: int
    record: Map[str, str | None]
    column: str
    text: str
