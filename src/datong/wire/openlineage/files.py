"""The lineage events of a node as files, a day a file, one JSON event a line; a collector may read or tail them.

    <folder>/data/lineage/2026-11-26.ndjson

Contract: tests/wire/test_wire_openlineage.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def keep(folder: Path, events: Iterable[Mapping[str, Any]]) -> None:
    """Append events to the file of the day on which they happened; each batch of lines is one write."""
    by_day: dict[str, list[str]] = {}
    for event in events:
        by_day.setdefault(str(event["eventTime"])[:10], []).append(json.dumps(event, ensure_ascii=False))
    place = folder / "data" / "lineage"
    place.mkdir(parents=True, exist_ok=True)
    for day, lines in by_day.items():
        handle = os.open(place / f"{day}.ndjson", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, ("\n".join(lines) + "\n").encode())
        finally:
            os.close(handle)
