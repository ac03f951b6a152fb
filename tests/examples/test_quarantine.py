"""Known truth: harmonising the generated traffic quarantines and repairs exactly the rows that were planted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from datong.ground.db import Actor, Store
from datong.harmonise import service as harmonise

EXAMPLE = Path(__file__).parents[2] / "examples" / "city-mobility"
sys.path.insert(0, str(EXAMPLE))
import traffic  # noqa: E402

REASONS = {
    "plate_letter_o_or_i": "plate_format",
    "plate_missing": "missing_value",
    "gate_unknown": "no_gate",
    "vehicle_unknown": "no_vehicle",
    "time_impossible": "not_a_time",
    "duplicate": "duplicate",
}
REPAIRS = {
    "plate_full_width": ("plate", "full_width"),
    "plate_spaced": ("plate", "separators"),
    "plate_lower_case": ("plate", "lower_case"),
    "time_slashes": ("passed_at", "other_format"),
    "time_full_width": ("passed_at", "full_width"),
}


def test_quarantine_and_repairs_are_the_planted_rows(
    store: Store, node_folder: Path, act: Callable[..., Actor]
) -> None:
    planted = traffic.generate(node_folder / "sources" / "traffic.sqlite").planted
    harmonise.install(store, node_folder)
    with store.begin(act("data_engineer")) as tx:
        build = harmonise.build(
            tx,
            resource="passages",
            workspace=str(EXAMPLE / "workspaces" / "traffic-bureau"),
            mapping="passages",
            data="sources",  # in the node's folder
        )
    assert build["reasons"] == {reason: len(planted[kind]) for kind, reason in REASONS.items()}
    assert {(r["column"], r["rule"]): r["values"] for r in build["repairs"]} == {
        place: len(planted[kind]) for kind, place in REPAIRS.items()
    }
    assert build["read"] == build["harmonised"] + build["quarantined"]
    folder = next((node_folder / "data" / "harmonised" / "passages").iterdir())
    kept = {int(number) for number in pq.read_table(folder / "harmonised.parquet").column("passage_id").to_pylist()}
    for kind, numbers in planted.items():
        if kind in traffic.REPAIRABLE:
            assert kept.issuperset(numbers), kind
        elif kind != "duplicate":  # either of two equal records may be the one kept
            assert kept.isdisjoint(numbers), kind
