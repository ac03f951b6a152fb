"""The report of a run: exactly the keys the issue gives, every figure consistent with the others, with the raw data
and with the files the run left; nothing in it is typed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from paperwork import facts, parties

from demo_run import Run
from journey import STEPS

REPORT = {
    "nodes": [{"name": str, "subject_code": str, "node_code": str}],
    "sources": {str: {"read": int, "harmonised": int, "quarantined": int, "reasons": {str: int}}},
    "privacy": {
        "k": int, "classes": int, "max_class_risk": float, "average_risk": float, "cr": float, "overall_risk": float,
        "level": int, "kept": {str: float},
    },
    "registrations": [{"code": str, "kind": str, "state": str}],
    "product": {"code": str, "rows": int},
    "contracts": [{"id": str, "provider": str, "consumer": str, "state": str, "policy_hash": str}],
    "delivery": {"client": str, "rows": int, "bytes": int},
    "usage": {"events": int},
    "settlement": {"gross_fen": int, "parts": [{"party": str, "fen": int}], "balanced": bool},
    "evidence": {"entries": int, "checkpoints": int, "verified": bool},
    "model": {
        "unit": str, "raw_mae": float, "product_mae": float, "raw_r2": float, "product_r2": float, "constant_mae": float,
    },
    "seconds": {str: float},
}  # fmt: skip
"""The report as the issue writes it: {str: ...} stands for any names, [...] for a list of one form."""

LIMIT = 0.05
TYPES = ("vehicles_bus", "vehicles_car", "vehicles_motorcycle", "vehicles_truck")


def faults_of(form: Any, value: Any, where: str = "report") -> list[str]:
    """Where `value` is not of `form`: missing and foreign keys, other types (a bool is no int, an int is no float)."""
    if isinstance(form, list):
        if type(value) is not list or not value:
            return [f"{where} should be a list that is not empty"]
        return [fault for n, one in enumerate(value) for fault in faults_of(form[0], one, f"{where}[{n}]")]
    if not isinstance(form, dict):
        return [] if type(value) is form else [f"{where} is {type(value).__name__}, not {form.__name__}"]
    if type(value) is not dict:
        return [f"{where} should be an object"]
    if set(form) == {str}:
        return [fault for name, one in value.items() for fault in faults_of(form[str], one, f"{where}.{name}")]
    wrong = [f"{where}.{name}" for name in form.keys() ^ value.keys()]
    return wrong + [
        fault for name in form.keys() & value.keys() for fault in faults_of(form[name], value[name], f"{where}.{name}")
    ]


@pytest.fixture
def report(finished: Run) -> dict[str, Any]:
    return finished.report


def test_the_report_has_the_keys_and_types_of_the_issue(report: dict[str, Any]) -> None:
    assert faults_of(REPORT, report) == []


def test_five_parties_with_the_codes_they_have_on_paper(report: dict[str, Any]) -> None:
    told = {node["name"]: node["subject_code"] for node in report["nodes"]}
    assert told == {slug: party["credit_code"] for slug, party in parties().items()}
    for node in report["nodes"]:
        party = parties()[node["name"]]
        assert node["node_code"].startswith(party["node_type"] + node["subject_code"] + "5201")
    assert len({node["node_code"] for node in report["nodes"]}) == 5


def test_every_row_read_is_harmonised_or_quarantined_for_a_reason(report: dict[str, Any]) -> None:
    for name, source in report["sources"].items():
        assert source["read"] == source["harmonised"] + source["quarantined"], name
        assert sum(source["reasons"].values()) == source["quarantined"], name


def test_the_trips_are_the_real_ones_with_their_traps(report: dict[str, Any], finished: Run) -> None:
    raw = json.loads((finished.folder / "bike-company" / "sources" / "trips_2019_09.json").read_text("utf-8"))
    ends = [(trip["start"], trip["end"]) for trip in raw]
    missing = [pair for pair in ends if "-" in (pair[0]["at"], pair[1]["at"])]
    still = [pair for pair in ends if pair[0] == pair[1] and pair not in missing]
    outside = [
        pair for pair in ends if any(not (41.9 <= end["lat"] <= 42.6 and -72.9 <= end["lng"] <= -72.3) for end in pair)
    ]
    told = report["sources"]["trips"]
    assert (told["read"], len(raw)) == (13_652, 13_652)
    assert told["reasons"] == {
        "no_movement": len(still), "missing_value": len(missing), "outside_area": len(outside),
    }  # fmt: skip
    assert (len(missing), len(outside)) == (40, 1)


def test_the_generated_passages_lose_exactly_the_rows_that_were_spoilt(report: dict[str, Any], finished: Run) -> None:
    truth = json.loads((finished.folder / "traffic-bureau" / "sources" / "traffic.truth.json").read_text())
    planted, told = truth["planted"], report["sources"]["passages"]
    lost = {kind: count for kind, count in planted.items() if kind not in truth["repairable"]}
    assert told["read"] == truth["rows"]["passage"] and told["quarantined"] == sum(lost.values())
    assert sorted(told["reasons"].values()) == sorted(lost.values())


def test_the_risk_passes_the_gate_only_with_the_assessment(report: dict[str, Any]) -> None:
    told = report["privacy"]
    assert told["k"] == 5 and told["max_class_risk"] <= 1 / told["k"]
    assert 0 < told["average_risk"] <= told["max_class_risk"]
    assert told["overall_risk"] == pytest.approx(told["average_risk"] * told["cr"])
    assert told["overall_risk"] < LIMIT <= told["overall_risk"] / told["cr"]  # the second: at CR = 1
    assert told["level"] == 3


def test_every_trip_read_is_kept_at_one_resolution_or_told_elsewhere(report: dict[str, Any], finished: Run) -> None:
    kept = report["privacy"]["kept"]
    assert all(0 <= share <= 1 for share in kept.values())
    assert sum(kept.values()) == pytest.approx(1, abs=len(kept) * 1e-6)
    table = received(finished)
    starts = sum(row["starts"] for row in table if row["starts"] is not None)
    assert starts <= report["sources"]["trips"]["harmonised"]
    fine = sum(row["starts"] or 0 for row in table if row["area_km"] == 1 and hours(row) == 1)
    read = report["sources"]["trips"]["read"]
    assert read == 13_652 and fine / read == pytest.approx(kept["1 km x 1 h"], abs=1e-6)
    assert kept["quarantined"] == pytest.approx(report["sources"]["trips"]["quarantined"] / read, abs=1e-6)
    assert sum(share for label, share in kept.items() if " x " in label) == pytest.approx(starts / read, abs=1e-5)


def received(finished: Run) -> list[dict[str, Any]]:
    """The table that the stock client left at city-lab."""
    rows = pq.read_table(finished.folder / "city-lab" / "received" / "mobility-flows.parquet").to_pylist()
    return list(rows)


def hours(row: dict[str, Any]) -> float:
    return float((row["window_end"] - row["window_start"]).total_seconds() / 3600)


def test_what_the_buyer_received_is_the_product_and_no_group_is_small(report: dict[str, Any], finished: Run) -> None:
    table = received(finished)
    assert len(table) == report["delivery"]["rows"] == report["product"]["rows"] == report["privacy"]["classes"]
    assert len({row["group_id"] for row in table}) == len(table)
    for row in table:
        assert min(row["start_riders"], row["end_riders"], row["vehicles"]) >= 5
        types = {name.removeprefix("vehicles_"): row[name] for name in TYPES}
        shown = {name: count for name, count in types.items() if count is not None}
        assert not shown or min(shown.values()) >= 5
        hidden = sorted(types.keys() - shown.keys())
        assert len(hidden) != 1, "one empty type alone is the difference of the others"
        assert row["suppressed_types"] == ",".join(f"vehicles_{name}" for name in hidden)
        rest = row["vehicles"] - sum(shown.values())
        assert rest == 0 or (hidden and rest >= 5)
    sizes = [smallest(row) for row in table]
    assert max(1 / size for size in sizes) == report["privacy"]["max_class_risk"]
    assert sum(1 / size for size in sizes) / len(sizes) == pytest.approx(report["privacy"]["average_risk"])
    kept = json.loads((finished.folder / "city-lab" / "received" / "received.json").read_text())
    assert report["delivery"]["bytes"] == kept["bytes"] == Path(kept["path"]).stat().st_size
    assert report["delivery"]["client"].startswith("delta-sharing ")


def smallest(row: dict[str, Any]) -> int:
    """The fewest persons or vehicles behind any figure shown of a group."""
    counts = ("start_riders", "end_riders", "vehicles", *TYPES)
    return min(int(row[name]) for name in counts if row[name] is not None)


def test_two_resources_and_the_product_are_coded(report: dict[str, Any]) -> None:
    assert sorted(entry["kind"] for entry in report["registrations"]) == ["product", "resource", "resource"]
    assert {entry["state"] for entry in report["registrations"]} == {"CODED"}
    assert report["product"]["code"] in {e["code"] for e in report["registrations"] if e["kind"] == "product"}


def test_three_contracts_are_concluded_under_one_policy_form(report: dict[str, Any]) -> None:
    sides = {(one["provider"], one["consumer"]) for one in report["contracts"]}
    assert sides == {("traffic-bureau", "data-group"), ("bike-company", "data-group"), ("data-group", "city-lab")}
    assert [one["state"] for one in report["contracts"]] == ["FINALIZED"] * 3
    assert all(
        one["policy_hash"].startswith("sha256:") and len(one["policy_hash"]) == 71 for one in report["contracts"]
    )


def test_the_fee_is_split_by_the_weights_on_paper_to_the_last_fen(report: dict[str, Any]) -> None:
    told = report["settlement"]
    names = {f"party:{slug}": slug for slug in parties()}
    paper = facts("price", {**names, "product": "product"})
    weights = {part["party"]: part["weight"] for part in paper["split"]}
    fee = next(fee["amount_fen"] for fee in paper["fees"] if fee["purpose"] == "industry_development")
    assert told["gross_fen"] == fee * report["usage"]["events"] == sum(part["fen"] for part in told["parts"])
    assert told["balanced"] is True
    for part in told["parts"]:
        exact = told["gross_fen"] * weights[part["party"]] / sum(weights.values())
        assert abs(part["fen"] - exact) < 1, part


def test_all_evidence_verifies_and_the_model_beats_a_constant(report: dict[str, Any]) -> None:
    assert report["evidence"]["verified"] is True and report["evidence"]["checkpoints"] >= 5
    assert report["evidence"]["entries"] > 400
    model = report["model"]
    assert model["raw_mae"] < model["constant_mae"] and model["product_mae"] < model["constant_mae"]
    assert model["product_r2"] <= 1 and model["unit"] == "10 km x 3 h"


def test_every_step_took_its_time(report: dict[str, Any]) -> None:
    assert set(report["seconds"]) == {"prepare and start", *(name for name, _ in STEPS)}
    assert all(seconds >= 0 for seconds in report["seconds"].values())


def test_raw_rows_stay_with_their_owners(finished: Run) -> None:
    """No rider of the company and no plate of the bureau is in any file of another node."""
    riders = pq.read_table(harmonised(finished, "bike-company", "trip_id"), columns=["rider_id"])[
        "rider_id"
    ].to_pylist()
    plates = pq.read_table(harmonised(finished, "traffic-bureau", "plate"), columns=["plate"])["plate"].to_pylist()
    needles = {"bike-company": riders[:20], "traffic-bureau": plates[:20]}
    for slug in parties():
        strangers = [text.encode() for owner, texts in needles.items() if owner != slug for text in texts]
        for file in (finished.folder / slug).rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert not [text for text in strangers if text in data], file


def harmonised(finished: Run, slug: str, column: str) -> Path:
    files = (finished.folder / slug / "data" / "harmonised").rglob("harmonised.parquet")
    return next(
        file for file in files if column in pq.read_schema(file).names and "seen_at" not in pq.read_schema(file).names
    )


def test_nothing_of_this_machine_is_in_the_run(finished: Run) -> None:
    """Paths in the stores are relative to the node's folder, so that a folder can be moved."""
    here = str(finished.folder.parent).encode()
    for slug in parties():
        for name in ("datong.db", "datong.db-wal"):
            file = finished.folder / slug / name
            if file.exists():
                assert here not in file.read_bytes(), file
