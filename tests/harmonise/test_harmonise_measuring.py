"""Quality over builds, freshness and accessibility where they are declared, the rows behind a figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, prop, write

from datong.ground.db import Actor, Store, business_clock
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.rules.workspace import mapping_of

Act = Callable[..., Actor]
COLUMNS = {
    "id": "id", "n": {"from": "n", "as": "number", "thousands": ","},
    "seen_at": {"from": "t", "as": "timestamp", "zone": "offset"},
}  # fmt: skip
PROPERTIES = (prop("id", required=True), prop("n", "integer"), prop("seen_at", "timestamp"))


def contents(**more: Any) -> dict[str, Any]:
    return files(COLUMNS, *PROPERTIES, **more)


@pytest.fixture
def folder(store: Store, node_folder: Path) -> Path:
    harmonise.install(store, node_folder)
    write(node_folder / "work", contents(freshness={"column": "seen_at", "within_days": 7}))
    with store.begin(Actor("", "node")) as tx:
        tx.add(business_clock, {"id": "now", "at": "2026-03-08T00:00:00Z", "seq": 1})
    return node_folder


def built(store: Store, act: Act, folder: Path, *rows: dict[str, str]) -> dict[str, Any]:
    (folder / "work" / "things.json").write_text(json.dumps(rows))
    with store.begin(act("data_engineer"), "harmonise") as tx:
        return harmonise.build(tx, resource="things-1", workspace="work", mapping="things")


def row(key: str, n: str, day: str) -> dict[str, str]:
    return {"id": key, "n": n, "t": f"{day} 12:00:00Z"}


GOOD = (
    row("a", "1", "2026-03-07"),
    row("b", "2", "2026-03-02"),
    row("c", "1,000", "2026-01-01"),
    row("d", "4", "2026-03-09"),
)


def figures(store: Store, build: str) -> dict[str, tuple[int, int]]:
    with store.read() as tx:
        found = harmonise.quality_of(tx, build=build)
    return {f["indicator"]: (f["a"], f["b"]) for f in found["dimensions"]}


def test_freshness_counts_what_is_not_too_old_nor_of_the_future(store: Store, folder: Path, act: Act) -> None:
    assert figures(store, built(store, act, folder, *GOOD)["id"])["freshness"] == (2, 4)


def test_accessibility_counts_the_attempts_to_read(store: Store, folder: Path, act: Act) -> None:
    assert figures(store, built(store, act, folder, *GOOD)["id"])["accessibility"] == (1, 1)
    (folder / "work" / "things.json").unlink()
    for _ in range(2):
        with pytest.raises(Refusal, match="STD-411"), store.begin(act("data_engineer")) as tx:
            harmonise.build(tx, resource="things-1", workspace="work", mapping="things")
    with pytest.raises(Refusal, match="STD-410"), store.begin(act("data_engineer")) as tx:
        harmonise.build(tx, resource="things-1", workspace="work", mapping="none")  # never asked the source
    assert figures(store, built(store, act, folder, *GOOD[:3])["id"])["accessibility"] == (2, 4)


def test_history_shows_each_dimension_and_what_changed(store: Store, folder: Path, act: Act) -> None:
    built(store, act, folder, *GOOD)
    built(store, act, folder, *GOOD[:3], row("d", "x", "2026-03-09"))
    with store.read(act("analyst")) as tx:
        first, second = harmonise.quality_history(tx, resource="things-1")
        assert harmonise.quality_history(tx, resource="none") == []
    assert (first["dimensions"]["accuracy"], first["changed"]) == (1.0, {})
    assert second["dimensions"]["accuracy"] == pytest.approx(11 / 12, abs=1e-6)
    assert second["changed"]["accuracy"] == pytest.approx(-1 / 12, abs=1e-6)
    assert second["score"] < first["score"]


def test_the_rows_behind_a_figure_are_numbers_only(store: Store, folder: Path, act: Act) -> None:
    made = built(store, act, folder, *GOOD, row("e", "secret", "2026-03-09"))
    with store.read(act("analyst")) as tx:
        every = harmonise.rows_behind(tx, build=made["id"])
        assert every["rows"] == [
            {"row": 3, "column": "n", "state": "fixed", "reason": "thousands_separator"},
            {"row": 5, "column": "n", "state": "quarantined", "reason": "not_a_number"},
        ]
        assert harmonise.rows_behind(tx, build=made["id"], reason="not_a_number")["rows"] == every["rows"][1:]
        assert harmonise.rows_behind(tx, build=made["id"], column="id")["total"] == 0
        assert harmonise.rows_behind(tx, build=made["id"], offset=1)["rows"] == every["rows"][1:]
        assert harmonise.rows_behind(tx, build=made["id"], offset=10**9)["rows"] == []
        shown = harmonise.quality_of(tx, build=made["id"])
        assert [(r["reason"], r["rows"]) for r in shown["reasons"]] == [("not_a_number", 1)]
        assert "secret" not in json.dumps([every, shown])
        for unknown in ("build-none", "\0"):
            with pytest.raises(Refusal, match="STD-421"):
                harmonise.quality_of(tx, build=unknown)
            with pytest.raises(Refusal, match="STD-421"):
                harmonise.rows_behind(tx, build=unknown)


def test_every_row_that_a_figure_counts_is_behind_it(store: Store, folder: Path, act: Act) -> None:
    """A held row is counted against each of its columns, whatever it is held for."""
    write(folder / "work", contents(checks=[{"reason": "odd", "when": "n > 5"}], unique=[{"columns": ["id"]}]))
    rows = [row(f"k{n}", "1", "2026-03-07") for n in range(8)]
    rows += [row("a", "x", "yesterday"), row("k1", "1,000", "never"), row("b", "y", "2026-03-07")]
    made = built(store, act, folder, *rows)
    with store.read() as tx:
        shown = harmonise.quality_of(tx, build=made["id"])
        behind = {
            name: harmonise.rows_behind(tx, build=made["id"], column=name)["rows"] for name in ("id", "n", "seen_at")
        }
    accuracy = {
        c["element"]: next(f for f in c["dimensions"] if f["dimension"] == "accuracy") for c in shown["columns"]
    }
    assert {name: f["b"] - f["a"] for name, f in accuracy.items()} == {"id": 0, "n": 2, "seen_at": 2}
    told = {name: [(r["row"], r["state"], r["reason"]) for r in found] for name, found in behind.items()}
    assert told == {
        "id": [(10, "suspect", "repeated")],
        "n": [(9, "quarantined", "not_a_number"), (10, "quarantined", "odd"), (10, "fixed", "thousands_separator"),
              (11, "quarantined", "not_a_number")],
        "seen_at": [(9, "quarantined", "not_a_time"), (10, "quarantined", "not_a_time")],
    }  # fmt: skip
    assert next(f["b"] - f["a"] for f in shown["dimensions"] if f["indicator"] == "uniqueness") == 1


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"column": "n", "within_days": 7}, "freshness.column"),
        ({"column": "none", "within_days": 7}, "freshness.column"),
        ({"within_days": 7}, "freshness.column"),
        ({"column": "seen_at", "within_days": 0}, "freshness.within_days"),
        ({"column": "seen_at", "within_days": True}, "freshness.within_days"),
        ({"column": "seen_at", "within_days": "7"}, "freshness.within_days"),
        ({"column": "seen_at", "within_days": 7, "days": 1}, "freshness.days"),
        ([], "freshness"),
    ],
)
def test_a_bad_freshness_is_named(given: Any, where: str) -> None:
    found, problems = mapping_of(contents(freshness=given), "things")
    assert found is None
    assert any(p.where == f"mappings/things.yaml: {where}" for p in problems), problems
