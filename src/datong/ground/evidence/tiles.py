"""Tiles: the log as static files (C2SP tlog-tiles), for any web server and any verifier.

    checkpoint                  the newest signed checkpoint, with its cosignatures
    tile/<L>/<N>[.p/<W>]        256 (or W) hashes of the tree's level 8 L
    tile/entries/<N>[.p/<W>]    256 (or W) leaves, each after its length in two bytes

The files hold nothing the store does not: they can be deleted and are written again. Each is written staged
and renamed; what a crash left staged is swept at start.
Must never know: the database (the caller hands in hashes and entries). Contract: tests/ground/test_evidence_tiles.py.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datong.ground.evidence.tree import HASH_BYTES
from datong.ground.staging import STAGED, whole_file

WIDTH = 256
ENTRIES = -1
"""The "level" of entry bundles."""
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-7])/(?P<index>(x[0-9]{3}/){0,5}[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True)
class Tile:
    """`level` in tile levels (each eight levels of the tree) or ENTRIES; `width` 1 to 256."""

    level: int
    index: int
    width: int

    @property
    def path(self) -> str:
        name = "entries" if self.level == ENTRIES else str(self.level)
        groups = [f"{self.index % 1000:03d}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{name}/{'/'.join(groups)}{partial}"


def parsed_path(path: str) -> Tile | None:
    """The tile of a path, or None when no tile is called so."""
    read = _PATH.fullmatch(path)
    if read is None:
        return None
    level = ENTRIES if read["level"] == "entries" else int(read["level"])
    index = int(read["index"].replace("x", "").replace("/", ""))
    tile = Tile(level, index, int(read["width"] or WIDTH))
    return tile if tile.path == path else None


def tiles(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` that a tree of size `since` did not have (yet, or not so wide)."""
    for level in (ENTRIES, *range(8)):
        height = 8 * max(level, 0)
        known, hashes = since >> height, size >> height
        if hashes == known:
            continue
        for index in range(known // WIDTH, -(-hashes // WIDTH)):
            yield Tile(level, index, min(WIDTH, hashes - index * WIDTH))


def bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle: each entry after its length, two bytes big-endian."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def entries_in(data: bytes) -> list[bytes]:
    """The entries of a bundle; ValueError when it is torn."""
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2])
        entry = data[at + 2 : at + 2 + length]
        if len(entry) != length or at + 2 > len(data):
            raise ValueError("a torn entry bundle")
        found.append(entry)
        at += 2 + length
    return found


def write(folder: Path, wanted: Iterator[Tile], content: Callable[[Tile], bytes]) -> int:
    """Write the wanted tiles; the partial forms of a tile go once it is full. The number of files written."""
    written = 0
    for tile in wanted:
        _place(folder, tile.path, content(tile))
        written += 1
        if tile.width == WIDTH:
            shutil.rmtree(folder / f"{tile.path}.p", ignore_errors=True)
    return written


def write_checkpoint(folder: Path, note: str) -> None:
    _place(folder, "checkpoint", note.encode())


def missing(folder: Path, size: int) -> Iterator[Tile]:
    """The tiles of a tree of `size` that are not there or have a wrong length (a cheap look at the start)."""
    for tile in tiles(size):
        file = folder / tile.path
        length = file.stat().st_size if file.is_file() else 0
        if length == 0 or (tile.level != ENTRIES and length != tile.width * HASH_BYTES):
            yield tile


def sweep(folder: Path) -> int:
    """Delete files that a crash left staged; their number."""
    strays = list(folder.rglob(f"*{STAGED}")) if folder.exists() else []
    for stray in strays:
        stray.unlink(missing_ok=True)
    return len(strays)


def _place(folder: Path, path: str, data: bytes) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as staged:
        staged.write_bytes(data)
