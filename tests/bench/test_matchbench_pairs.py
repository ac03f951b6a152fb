"""bench/matching: the pairs, their truth, their split and their tables are what is frozen."""

import csv
import os
from pathlib import Path

import make
import pairs as bench
import pytest

PAIRS = bench.pairs()
COMMITTED_BYTES = 3_000_000


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_the_truth_names_columns_that_exist(pair: bench.Pair) -> None:
    left, right = bench.tables(pair)
    named = [*pair.truth, *((a, b) for a, b, _ in pair.debatable)]
    assert {a for a, _ in named} <= set(left.columns) and {b for _, b in named} <= set(right.columns)
    assert len(set(pair.truth)) == len(pair.truth) and not set(pair.truth) & {(a, b) for a, b, _ in pair.debatable}
    assert len({len(cells) for cells in left.columns.values()}) == 1
    assert 60 <= len(next(iter(left.columns.values()))) <= 400
    assert 60 <= len(next(iter(right.columns.values()))) <= 400


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
def test_a_pair_says_what_it_is(pair: bench.Pair) -> None:
    assert pair.split in bench.SPLITS and pair.difficulty in bench.DIFFICULTIES and pair.source and pair.title
    assert all(reason for _, _, reason in pair.debatable)
    assert (pair.difficulty == "dirty") == bool(pair.dirty)
    assert pair.id.startswith(pair.domain)


def test_the_split_holds_out_whole_domains_and_pairs_of_every_known_one() -> None:
    assert len({pair.id for pair in PAIRS}) == len(PAIRS) >= 36
    held = {pair.domain for pair in PAIRS if pair.split == "held-out-domain"}
    known = {pair.domain for pair in PAIRS if pair.split != "held-out-domain"}
    assert not held & known and len(held) >= 2 and len(known) >= 6
    for domain in known:
        splits = [pair.split for pair in PAIRS if pair.domain == domain]
        assert splits.count("held-out-pair") >= 2 and splits.count("known") >= 2, domain


def test_every_table_leaves_columns_without_a_partner_somewhere() -> None:
    alone = [
        (set(left.columns) - {a for a, _ in pair.truth}, set(right.columns) - {b for _, b in pair.truth})
        for pair in PAIRS
        for left, right in [bench.tables(pair)]
    ]
    assert sum(bool(a) for a, _ in alone) > len(PAIRS) / 2 and sum(bool(b) for _, b in alone) > len(PAIRS) / 3


def test_the_benchmark_is_frozen() -> None:
    """Whoever changes a pair changes the benchmark: make.py --freeze, and new figures for every matcher."""
    assert bench.FROZEN.read_text("utf-8") == bench.frozen_as_text()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.id)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_generator_writes_the_committed_file(pair: bench.Pair, side: str) -> None:
    text = make.written(pair, side)
    if text is None:
        pytest.skip(
            f"DATONG_DATA is not set: the real table {(pair.left if side == 'left' else pair.right).file} is not here"
        )
    assert (bench.DATA / pair.id / f"{side}.csv").read_bytes() == text.encode()


def test_the_committed_tables_are_small() -> None:
    assert sum(path.stat().st_size for path in bench.DATA.rglob("*.csv")) < COMMITTED_BYTES


def test_real_sides_have_a_licence_that_allows_them_here() -> None:
    text = "".join(path.read_text("utf-8") for path in bench.PAIRS.glob("*.yaml"))
    assert text.count("file: ") == text.count("licence: MIT") + text.count("licence: Apache-2.0") == 2


def test_dirt_is_on_one_side_only() -> None:
    pair = next(pair for pair in PAIRS if pair.dirty)
    marks = [
        sum(cell in make.BLANKS or "**" in cell for cells in table.columns.values() for cell in cells)
        for table in bench.tables(pair)
    ]
    dirty = 0 if pair.dirty and pair.dirty["side"] == "left" else 1
    assert marks[dirty] > 100 > marks[1 - dirty]


def test_a_missing_real_source_leaves_the_committed_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(os.environ, "DATONG_DATA", str(tmp_path))
    assert make.written(next(pair for pair in PAIRS if pair.left.file), "left") is None


def test_a_table_is_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["a", " b"], ["01", "x,y"], ["2"]])
    assert bench.read(path).columns == {"a": ("01", "2"), "b": ("x,y", "")}


def test_a_pair_set_apart_shares_no_entity() -> None:
    pair = next(pair for pair in PAIRS if pair.id == "government-05")
    (left, together), (same, other) = bench.tables(pair), make.apart(pair)
    assert same == left and other.names() == together.names()
    assert set(left.columns["发票号码"]) & set(together.columns["invoiceNumber"])
    assert not set(left.columns["发票号码"]) & set(other.columns["invoiceNumber"])
