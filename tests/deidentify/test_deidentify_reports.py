"""The risk report of a release: equal to counting by hand, kept once with the release, signed by another hand."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deidentify_world import BUREAU, GROUP, PROVIDER, actor, assessed, recipe_value
from test_deidentify_gate import Scene, edited, scene_of

from datong.audit import service as audit
from datong.deidentify import service as deidentify
from datong.ground.db import Actor
from datong.ground.refusal import Refusal
from datong.register import service as register

World = Callable[..., dict[str, Path]]


@pytest.fixture
def bikes(tmp_path: Path, world: World) -> Iterator[Scene]:
    yield from scene_of(tmp_path, world, "R-BIKE")


def report(scene: Scene, release: str) -> dict[str, Any]:
    with scene.node.read(actor("auditor", PROVIDER)) as tx:
        return deidentify.release_report(tx, release=release)


def sign(scene: Scene, release: str, who: Actor, note: str = "") -> dict[str, Any]:
    with scene.node.begin(who, "deidentify") as tx:
        return deidentify.sign_report(tx, release=release, note=note)


def reviewer(scene: Scene, login: str, name: str) -> Actor:
    with scene.node.begin(actor("operator", PROVIDER, "p-0"), "register") as tx:
        person = register.add_person(tx, login=login, name=name, roles=["reviewer"])["id"]
    return actor("reviewer", PROVIDER, person)


def test_the_report_is_what_the_rows_say(bikes: Scene) -> None:
    record = bikes.assess()
    release = bikes.release()
    told = report(bikes, release["id"])
    sizes = sorted(min(row["start_riders"], row["end_riders"]) for row in bikes.table.to_pylist())
    thetas = [1 / size for size in sizes]
    average = sum(thetas) / len(thetas)
    assert told["classes"] == told["rows"] == len(sizes)
    assert (told["f_min"], told["over_threshold"], told["max_class_risk"]) == (sizes[0], 0, 1 / sizes[0])
    assert told["average_risk"] == pytest.approx(average)
    assert told["overall_risk"] == pytest.approx(average * 0.25)
    assert told["overall_risk_at_cr_1"] == pytest.approx(average)
    assert (told["cr"], told["level"], told["passes"], told["limit"]) == (0.25, 3, True, 0.05)
    assert told["prosecutor"] == {
        "highest": 1 / sizes[0], "average": pytest.approx(len(sizes) / sum(sizes)), "beyond_tau": 0,
    }  # fmt: skip
    assert told["journalist"] == told["prosecutor"]  # the counts are a census of the provider's riders
    assert told["population"] == "census"
    assert told["marketer"] == pytest.approx(len(sizes) / sum(sizes))
    assert told["floors_met"] == ["controlled", "enclave"]
    assert [one["persons"] for one in told["worst"]] == sizes[:5]
    assert {one["values"]["group_id"] for one in told["worst"]} <= set(bikes.table["group_id"].to_pylist())
    assert (told["assessment"], told["releases"], told["earlier"]) == (record["id"], 1, [])
    assert {name: told[name] for name in release["risk"] if name != "worst"} == {
        name: value for name, value in release["risk"].items() if name != "worst"
    }


def test_it_is_computed_once_and_stays_while_the_context_moves(bikes: Scene) -> None:
    bikes.assess()
    release = bikes.release()["id"]
    first = report(bikes, release)
    bikes.release()
    worse = bikes.assess(answers={"logging": "none"})
    then = report(bikes, release)
    assert {name: first[name] for name in first if name != "today"} == {n: then[n] for n in then if n != "today"}
    assert first["today"]["passes"] is True
    assert (then["today"]["cr"], then["today"]["passes"], then["today"]["assessment"]) == (0.75, False, worse["id"])
    with bikes.node.read(actor("auditor", PROVIDER)) as tx:
        acts = [leaf["act"] for leaf in audit.leaves(tx, record=release)]
    assert sorted(acts) == ["deidentify.released", "deidentify.risk_reported"]


def test_a_refused_release_leaves_no_report(bikes: Scene) -> None:
    assert bikes.refused().code == "DID-412"
    assert bikes.remembered() == 0
    with pytest.raises(Refusal) as refused:
        report(bikes, "release-none")
    assert refused.value.code == "DID-492"


def test_the_union_with_the_release_before_is_what_is_reported(bikes: Scene) -> None:
    """Whole days, then the whole period: the union's classes are days, and the report names both releases."""
    days = recipe_value(levels=[{"km": "whole", "hours": 24}, {"km": "whole", "hours": "whole"}])
    whole = recipe_value(levels=[{"km": "whole", "hours": "whole"}])
    group = "91520100GROUP00002"
    assessed(bikes.bureau, bikes.node, "R-BIKE", group=group)
    made = []
    for number, value in enumerate((days, whole)):
        bikes.part = bikes.agree(value, f"partition-{number + 5}", group=f"{group}-{number}")
        with bikes.node.begin(actor("data_engineer", PROVIDER), "deliver") as tx:
            table = deidentify.supply(tx, part=bikes.part, data=bikes.data)
        made.append(bikes.release(bikes.write(table, f"{number}.parquet"), recipient_group=group))
    told = report(bikes, made[1]["id"])
    assert (told["releases"], told["earlier"]) == (2, [made[0]["id"]])
    assert told["classes"] > told["rows"] == table.num_rows
    assert all(one["earlier"] for one in told["worst"])
    assert report(bikes, made[0]["id"])["releases"] == 1


def test_a_reviewer_signs_and_the_paper_says_so(bikes: Scene) -> None:
    pypdf = pytest.importorskip("pypdf")
    pytest.importorskip("reportlab")
    bikes.assess()
    release = bikes.release()["id"]
    who = reviewer(bikes, "zhou", "周审核")
    signed = sign(bikes, release, who, "样本已核对 <b>")
    told = report(bikes, release)
    assert told["signatures"] == [signed]
    with bikes.node.read(actor("auditor", PROVIDER)) as tx:
        leaf = audit.leaves(tx, record=signed["id"])[0]
        pdf = deidentify.report_pdf(tx, release)
        assert deidentify.report_pdf(tx, release) == pdf
    assert (leaf["act"], leaf["leaf"], leaf["person"]) == ("deidentify.report_signed", signed["leaf"], who.person)
    assert leaf["facts"]["report_digest"] == told["report_digest"]
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages).replace("\n", "")
    for words in ("周审核", signed["leaf"], signed["at"], "样本已核对 <b>", told["report_digest"], told["file_digest"],
                  f"{told['overall_risk']:.4f} ({told['overall_risk_at_cr_1']:.4f})", "受控公开、领地公开"):  # fmt: skip
        assert words in text, words
    with pytest.raises(Refusal) as twice:
        sign(bikes, release, who)
    assert twice.value.code == "DID-494"
    sign(bikes, release, reviewer(bikes, "zheng", "郑审核"))
    assert len(report(bikes, release)["signatures"]) == 2


def test_who_asked_for_the_release_does_not_sign_it(bikes: Scene) -> None:
    """p-1 asked; p-7 asked again; p-8 was let in by p-1; none of them, and no other role."""
    bikes.assess()
    release = bikes.release()["id"]
    with bikes.node.begin(actor("data_engineer", PROVIDER, "p-7"), "deliver") as tx:
        deidentify.release(
            tx, dataset=bikes.resource, recipient_group=GROUP, agreement="agr", form="controlled", path=bikes.file,
            providers=[PROVIDER], part=bikes.part, data=bikes.data,
        )  # fmt: skip
    assert report(bikes, release)["asked_by"] == ["p-1", "p-7"]
    asked, again = (actor("reviewer", PROVIDER, person) for person in ("p-1", "p-7"))
    for who in (asked, again, replace(actor("reviewer", PROVIDER, "p-8"), issued_by="p-1")):
        with pytest.raises(Refusal) as refused:
            sign(bikes, release, who)
        assert refused.value.code == "DID-493"
    for role, party in (("data_engineer", PROVIDER), ("assessor", BUREAU)):
        with pytest.raises(Refusal) as refused:
            sign(bikes, release, actor(role, party, "p-20"))
        assert refused.value.code == "GEN-403"
    assert report(bikes, release)["signatures"] == []


# --- who does what a refusal proposes passes the gate --------------------------------------------------------------


def test_no_record_then_the_record_it_asks_for(bikes: Scene) -> None:
    assert "an assessment record with CR below" in str(bikes.refused())
    bikes.assess()
    assert bikes.release()["risk"]["level"] == 3


def test_a_bad_context_then_a_better_one(bikes: Scene) -> None:
    bad = bikes.assess(answers={"logging": "none"})
    refusal = bikes.refused()
    assert "mend contract and environment" in str(refusal) and "logging" in str(refusal)
    bikes.withdraw(bad)
    bikes.assess()
    assert bikes.release()["risk"]["level"] == 3


def test_a_small_class_then_counted_again(bikes: Scene) -> None:
    bikes.assess()
    refusal = bikes.refused(bikes.write(edited(bikes.table, lambda row: row.update(start_riders=4)), "small.parquet"))
    assert refusal.code == "DID-411" and "count again on exactly the agreed groups" in str(refusal)
    with bikes.node.begin(actor("data_engineer", PROVIDER), "deliver") as tx:
        again = deidentify.supply(tx, part=bikes.part, data=bikes.data)
    assert bikes.release(bikes.write(again, "again.parquet"))["risk"]["level"] == 3


def test_classes_too_small_in_any_context_then_another_period_at_the_k_proposed(bikes: Scene) -> None:
    """Every class of exactly five: R = 0.05 at the best context there is. k = 6 on the next period passes."""
    bikes.assess()
    fives = edited(bikes.table, lambda row: row.update(start_riders=5, end_riders=5), None)
    refusal = bikes.refused(bikes.write(fives, "fives.parquet"))
    assert refusal.code == "DID-412" and "k = 6 for a period that has none yet, with CR 0.25" in str(refusal)
    later = recipe_value(k=6, period={"from": "2019-09-04", "until": "2019-09-05"})
    later["levels"] = recipe_value()["levels"]
    bikes.part = bikes.agree(later, "partition-2")
    with bikes.node.begin(actor("data_engineer", PROVIDER), "deliver") as tx:
        table = deidentify.supply(tx, part=bikes.part, data=bikes.data)
    assert table.num_rows
    assert bikes.release(bikes.write(table, "later.parquet"))["risk"]["floor"] == 6
