"""Tiles: names and widths as C2SP tlog-tiles has them, staged writes, strays."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datong.ground.evidence import tiles
from datong.ground.evidence.tiles import ENTRIES, Tile


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),
        (Tile(0, 273, 112), "tile/0/273.p/112"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(ENTRIES, 1000, 256), "tile/entries/x001/000"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile.path == path


def widths(found: Iterable[Tile], level: int) -> list[int]:
    return [tile.width for tile in found if tile.level == level]


def test_the_example_of_c2sp() -> None:
    found = list(tiles.tiles(70_000))
    assert widths(found, 0) == [256] * 273 + [112]
    assert widths(found, 1) == [256, 17]
    assert widths(found, 2) == [1]
    assert {tile.level for tile in found} == {ENTRIES, 0, 1, 2}
    assert (widths(tiles.tiles(256), 0), widths(tiles.tiles(256), 1)) == ([256], [1])
    assert not list(tiles.tiles(0))


@given(st.integers(0, 70_000), st.integers(0, 2_000))
def test_growing_writes_what_a_new_start_would(first: int, more: int) -> None:
    def newest(found: Iterable[Tile]) -> dict[tuple[int, int], int]:
        return {(tile.level, tile.index): tile.width for tile in found}

    grown = newest(tiles.tiles(first)) | newest(tiles.tiles(first + more, since=first))
    assert grown == newest(tiles.tiles(first + more))


def test_full_tiles_replace_partial_ones_and_strays_go(tmp_path: Path) -> None:
    def content(tile: Tile) -> bytes:
        return b"x" * 32 * tile.width

    tiles.write(tmp_path, tiles.tiles(200), content)
    assert (tmp_path / "tile/0/000.p/200").is_file()
    stray = tmp_path / "tile/0/000.staged"
    stray.write_bytes(b"torn")
    tiles.write(tmp_path, tiles.tiles(300, since=200), content)
    assert not (tmp_path / "tile/0/000.p").exists()
    assert (tmp_path / "tile/0/000").stat().st_size == 8192
    assert (tmp_path / "tile/0/001.p/44").is_file()
    stray.write_bytes(b"torn")
    assert tiles.sweep(tmp_path) == 1
    assert not list(tiles.missing(tmp_path, 300))
    (tmp_path / "tile/0/000").write_bytes(b"short")
    (tmp_path / "tile/entries/001.p/44").unlink()
    assert [tile.path for tile in tiles.missing(tmp_path, 300)] == ["tile/entries/001.p/44", "tile/0/000"]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundles(entries: list[bytes]) -> None:
    data = tiles.bundle(entries)
    assert tiles.entries_in(data) == entries
    if data:
        with pytest.raises(ValueError, match="torn"):
            tiles.entries_in(data + b"\x00")
