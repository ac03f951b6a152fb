"""The five domains: what `make domains` wrote is what the code does, on the samples, and in `make test-matrix` (--raw) on
the raw files, where they are."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import dirt
import pytest
import yaml

import domains

RESULTS = json.loads(domains.RESULTS.read_text("utf-8"))
WITH_SAMPLES = ("medicine", "industry")


def holds(figures: dict[str, Any]) -> None:
    """What must be true of figures whatever they are."""
    for table in [*figures["tables"].values(), *figures["planted"].values()]:
        assert table["read"] == table["written"] + table["quarantined"]
        assert table["quarantined"] == sum(table["reasons"].values())
    for table in figures["planted"].values():
        assert table["found"] == table["planted"]
        assert table["others_held"] == 0


@pytest.mark.parametrize("domain", domains.DOMAINS)
def test_the_raw_files_give_the_figures_that_are_told(
    domain: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("--raw"):
        pytest.skip("the raw files take minutes: they are read in `make test-matrix`; the samples are here")
    if why := domains.missing(domain, domains.DATA):
        pytest.skip("; ".join(why))
    figures = plain(domains.measured(domain, domains.DATA, tmp_path))
    assert domains.without_seconds(figures) == domains.without_seconds(RESULTS["domains"][domain])
    holds(figures)


@pytest.mark.parametrize("domain", WITH_SAMPLES)
def test_the_samples_give_the_figures_that_are_told(domain: str, tmp_path: Path) -> None:
    assert domains.missing(domain, domains.SAMPLES) == []
    figures = plain(domains.measured(domain, domains.SAMPLES, tmp_path))
    assert domains.without_seconds(figures) == domains.without_seconds(RESULTS["samples"][domain])
    holds(figures)


def plain(figures: dict[str, Any]) -> dict[str, Any]:
    """As they are once written and read again."""
    read: dict[str, Any] = json.loads(json.dumps(figures))
    return read


def test_every_domain_was_measured_and_the_energy_product_refused_by_its_licence() -> None:
    assert list(RESULTS["domains"]) == list(domains.DOMAINS)
    (said,) = RESULTS["domains"]["energy"]["refused"]
    assert "CC BY-ND 4.0" in said and "do not allow derived works" in said


def test_what_the_conversions_are_for() -> None:
    told = {domain: RESULTS["domains"][domain]["steps"] for domain in domains.DOMAINS}
    near = {(row["category"], row["reading"]): row["percent"] for row in told["transport"]["shares"]}
    for place in ("bus_stop", "hospital", "metro_station", "school"):
        assert near[place, "GCJ-02 converted"] > near[place, "taken as WGS84"]
    assert told["finance"]["together"][0]["amounts_together"] == 271161617.8  # as the source's publisher counts it
    kelvin = [row["lpt_outlet_kelvin"] for row in told["industry"]["wear"]]
    assert kelvin == sorted(kelvin, reverse=True) and 600 < kelvin[0] < 900


def test_a_file_that_is_missing_or_another_one_is_told(tmp_path: Path) -> None:
    (path, facts), *_ = domains.recipe_of("energy")["files"].items()
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("date,OT\n", "utf-8")
    other, absent = domains.missing("energy", tmp_path)
    assert other.startswith(f"{path} is another file") and facts["sha256"][:12] in other
    assert "fetch it from" in absent


def test_no_sample_is_here_but_openly_licensed_ones() -> None:
    told = yaml.safe_load((domains.SAMPLES / "digests.yaml").read_text("utf-8"))
    there = {str(p.relative_to(domains.SAMPLES)) for p in domains.SAMPLES.rglob("*") if p.is_file()}
    assert there == {*told, "digests.yaml", "README.md"}
    known = {path for domain in WITH_SAMPLES for path in domains.recipe_of(domain)["files"]}
    assert set(told) == known
    for path, digest in told.items():
        assert hashlib.sha256((domains.SAMPLES / path).read_bytes()).hexdigest() == digest


def test_every_kind_of_dirt_is_planted_once_a_record_and_alike_each_time(tmp_path: Path) -> None:
    kinds = [{"kind": kind, "column": "a", "rate": 0.01, "expect": "x"} for kind in dirt.CHANGES if kind != "no_offset"]
    more = [
        {"kind": "no_offset", "column": "t", "rate": 0.01, "expect": "x"},
        {"kind": "swap", "column": "a", "other": "b", "rate": 0.01, "expect": "x"},
        {"kind": "cut", "rate": 0.01, "expect": "x"}, {"kind": "again", "rate": 0.01, "expect": "x"},
    ]  # fmt: skip
    told = {"delimiter": ";", "kinds": [*kinds, *more]}
    text = "a;b;t\n" + "".join(f"{900101 + n};{n};2020-01-01T00:00:00Z\n" for n in range(300))
    files = []
    for name, raw in (("one", text.encode()), ("two", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(raw)
        files.append((dirt.planted(tmp_path / name, told, 7), (tmp_path / name).read_text("utf-8")))
    assert files[0] == files[1]
    found, after = files[0]
    before, changed = (list(csv.reader(lines.splitlines()[1:], delimiter=";")) for lines in (text, after))
    differ = {n + 1 for n, row in enumerate(changed) if n >= len(before) or row != before[n]}
    assert differ == {one.row for one in found}
    assert len(found) == len(differ) == 3 * len(told["kinds"])
    assert changed[-1] in before
