"""Risk of a table: equal to counting in Python, over several releases too; the gate; what is asked wrongly."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.deidentify.model.joint import Form
from datong.deidentify.service.table_risk import risk_of_table
from datong.ground.refusal import Refusal

Row = tuple[str, str, str]
PEOPLE = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2", ""]), st.sampled_from(["x", "y"])), max_size=12
)


def written(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return path


def told_apart(now: list[Row], *earlier: list[Row]) -> dict[tuple[object, ...], set[str]]:
    """Class -> persons, the slow way: a row's tuple and the sets of tuples of its person in each earlier release."""
    seen = []
    for release in earlier:
        tuples = defaultdict(set)
        for who, *values in release:
            tuples[who].add(tuple(values))
        seen.append(tuples)
    classes: dict[tuple[object, ...], set[str]] = defaultdict(set)
    here = defaultdict(set)
    for who, *values in now:
        here[who].add(tuple(values))
    for who in {*here, *(w for tuples in seen for w in tuples)}:
        for values in here.get(who) or {None}:
            classes[(values, *(frozenset(tuples.get(who, ())) for tuples in seen))].add(who)
    return classes


@settings(max_examples=12, deadline=None)
@given(PEOPLE.filter(bool), PEOPLE.filter(bool), PEOPLE.filter(bool))
def test_classes_of_several_releases(now: list[Row], one: list[Row], other: list[Row]) -> None:
    folder = Path(os.environ["PYTEST_TABLES"])
    files = [written(folder / f"{n}.csv", ("who", "a", "b"), rows) for n, rows in enumerate((now, one, other))]
    found = risk_of_table(files[0], ["a", "b"], person="who", form=Form.enclave, earlier=files[1:], worst=100)
    expected = told_apart(now, one, other)
    sizes = sorted(len(who) for who in expected.values())
    assert sorted(row["persons"] for row in found["worst"]) == sizes
    assert found["classes"] == len(sizes)
    assert found["rows"] == len(now)
    assert found["f_min"] == sizes[0]
    assert found["average_risk"] == pytest.approx(sum(1 / n for n in sizes) / len(sizes))
    assert found["prosecutor"]["average"] == pytest.approx(len(sizes) / sum(sizes))
    assert found["prosecutor"]["beyond_tau"] == pytest.approx(sum(n for n in sizes if n < 3) / sum(sizes))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_TABLES", str(tmp_path))


def test_a_person_with_many_rows_is_one_person(tmp_path: Path) -> None:
    rows = [("p", "1", "x")] * 30 + [("q", "1", "x")]
    file = written(tmp_path / "t.csv", ("who", "a", "b"), rows)
    assert risk_of_table(file, ["a", "b"], person="who")["f_min"] == 2
    assert risk_of_table(file, ["a", "b"])["f_min"] == 31
    assert risk_of_table(file, ["a", "b"], person="who")["rows"] == 31


def test_nothing_written_and_a_comma_are_values_of_their_own(tmp_path: Path) -> None:
    rows = [("1", "x,y"), ("1,x", "y"), ("", "y"), ("null", "y")]
    found = risk_of_table(written(tmp_path / "t.csv", ("a", "b"), rows), ["a", "b"])
    assert found["classes"] == 4
    assert {tuple(w["values"].values()) for w in found["worst"]} == {
        ("1", "x,y"), ("1,x", "y"), (None, "y"), ("null", "y"),
    }  # fmt: skip


def test_a_journalist_does_not_know_who_is_in_the_table(tmp_path: Path) -> None:
    """El Emam: the journalist looks among the population's class, the marketer links the mean of f/F."""
    table = written(tmp_path / "t.csv", ("a", "b"), [("1", "x")] * 2 + [("2", "x")] * 3)
    everybody = written(tmp_path / "all.csv", ("a", "b"), [("1", "x")] * 10 + [("2", "x")] * 30 + [("3", "y")])
    found = risk_of_table(table, ["a", "b"], population=everybody, form=Form.enclave)
    assert found["prosecutor"] == {"highest": 1 / 2, "average": 2 / 5, "beyond_tau": 2 / 5}
    assert found["journalist"] == {
        "highest": 1 / 10, "average": pytest.approx((2 / 10 + 3 / 30) / 5), "beyond_tau": 0,
    }  # fmt: skip
    assert found["marketer"] == pytest.approx((2 / 10 + 3 / 30) / 5)
    with pytest.raises(Refusal) as refused:
        risk_of_table(everybody, ["a", "b"], population=table)
    assert refused.value.code == "DID-491"
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(("form", "persons", "code"), [
    ("public", 20, "DID-411"), ("public", 21, None), ("controlled", 4, "DID-411"), ("controlled", 20, "DID-412"),
    ("controlled", 21, None), ("enclave", 2, "DID-411"), ("enclave", 20, "DID-412"), ("enclave", 21, None),
])  # fmt: skip
def test_the_gate_of_the_standard(form: str, persons: int, code: str | None, tmp_path: Path) -> None:
    """policy.md 5.5: k = 20 is not enough for the public; without an assessment CR = 1, so R decides everywhere."""
    table = written(tmp_path / "t.csv", ("a", "b"), [("1", "x")] * persons)
    assert risk_of_table(table, ["a"], form=Form(form))["passes"] is (code is None)
    if code is None:
        assert risk_of_table(table, ["a"], form=Form(form), gate=True)["passes"]
        return
    with pytest.raises(Refusal) as refused:
        risk_of_table(table, ["a"], form=Form(form), gate=True)
    assert refused.value.code == code
    assert refused.value.problems[0].where == "1"


def test_two_harmless_releases_may_be_harmful_together(tmp_path: Path) -> None:
    """Ages in tens to one, districts to the other: each k = 25, together 25 classes of 5."""
    rows = [(f"p{n}", str(n % 5), str(n // 5 % 5)) for n in range(125)]
    by_age = written(tmp_path / "age.csv", ("who", "age"), [(w, a) for w, a, _ in rows])
    by_place = written(tmp_path / "place.csv", ("who", "place"), [(w, p) for w, _, p in rows])
    both = written(tmp_path / "both.csv", ("who", "age", "place"), rows)
    assert risk_of_table(both, ["age"], person="who", form=Form.public)["passes"]
    assert risk_of_table(both, ["place"], person="who", form=Form.public)["passes"]
    with pytest.raises(Refusal):  # the earlier release has none of the columns asked about
        risk_of_table(by_age, ["age"], person="who", earlier=[by_place])
    together = risk_of_table(both, ["age", "place"], person="who", form=Form.public, earlier=[by_age, by_place])
    assert (together["classes"], together["f_min"], together["passes"]) == (25, 5, False)


def test_who_left_between_two_releases_stands_out(tmp_path: Path) -> None:
    """Differencing: 30 persons, then 29 of the same class; the one who left is a class of one."""
    first = written(tmp_path / "1.csv", ("who", "a"), [(f"p{n}", "1") for n in range(30)])
    second = written(tmp_path / "2.csv", ("who", "a"), [(f"p{n}", "1") for n in range(29)])
    assert risk_of_table(second, ["a"], person="who", form=Form.public)["passes"]
    found = risk_of_table(second, ["a"], person="who", form=Form.public, earlier=[first])
    assert (found["f_min"], found["passes"]) == (1, False)
    assert found["worst"][0] == {"values": None, "earlier": ['["1"]'], "persons": 1, "rows": 0}


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ("who", "a"), [("p", "1"), ("", "2")])
    other = written(tmp_path / "o.csv", ("id", "c"), [("p", "1")])
    with pytest.raises(Refusal) as refused:
        risk_of_table(table, ["a", "a", "b"], person="who", earlier=[other], population=other)
    assert refused.value.code == "DID-490"
    assert [p.where for p in refused.value.problems] == [
        "a", "b", "o.csv", "who", "population", "population.a", "population.b",
    ]  # fmt: skip
    assert "p" not in {word for p in refused.value.problems for word in p.en.split()}
    for columns, wrong in (([], "quasi-identifiers"), (["who"], "who")):
        with pytest.raises(Refusal) as refused:
            risk_of_table(table, columns, person="who")
        assert wrong in [p.where for p in refused.value.problems]
    with pytest.raises(Refusal) as refused:
        risk_of_table(tmp_path / "absent.csv", ["a"])
    assert refused.value.code == "DID-455"
