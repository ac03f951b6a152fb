"""Risk of a table: equal to counting in Python, over several releases too; the gate; what is asked wrongly."""

from __future__ import annotations

import csv
import hashlib
import itertools
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from datong.cli.commands import datong
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


def test_what_recipients_hold_already_does_not_make_a_release_less_risky(tmp_path: Path) -> None:
    """Thirty classes of five are refused; beside 20,000 others of long ago their mean is lower, and they are no safer."""
    bad = written(tmp_path / "bad.csv", ("who", "a"), [(f"p{n}", str(n % 30)) for n in range(150)])
    big = written(tmp_path / "big.csv", ("who", "a"), [(f"q{n}", str(n % 200)) for n in range(20_000)])
    assert not risk_of_table(bad, ["a"], person="who")["passes"]
    found = risk_of_table(bad, ["a"], person="who", earlier=[big])
    assert found["average_risk"] == pytest.approx((30 / 5 + 200 / 100) / 230), "DR_c is of the union"
    assert (found["average_alone"], found["overall_risk"]) == (pytest.approx(1 / 5), pytest.approx(1 / 5))
    assert (found["level"], found["passes"]) == (2, False)
    with pytest.raises(Refusal) as refused:
        risk_of_table(bad, ["a"], person="who", earlier=[big], gate=True)
    assert refused.value.code == "DID-412" and "DR = 0.2000" in str(refused.value)
    assert found["change"]["en"].startswith("coarser generalisation, at CR 0.25")
    coarse = written(tmp_path / "c.csv", ("who", "a"), [(f"p{n}", "all") for n in range(150)])
    assert risk_of_table(coarse, ["a"], person="who", earlier=[big])["passes"]


def test_rows_are_proposed_to_be_left_out_where_what_stays_passes_alone_too(tmp_path: Path) -> None:
    """Without the class of four, thirty of five would stay: R = 0.05 at the best CR, however many others are held."""
    fives = [(f"p{n}", str(n % 30)) for n in range(150)]
    four, twenty = ([(f"r{n}", "four") for n in range(4)], [(f"s{n}", "twenty") for n in range(20)])
    big = written(tmp_path / "big.csv", ("who", "a"), [(f"q{n}", str(n % 200)) for n in range(20_000)])
    said = proposed(written(tmp_path / "t.csv", ("who", "a"), fives + four), ["a"], person="who", earlier=[big])
    assert said.startswith("coarser generalisation")
    said = proposed(
        written(tmp_path / "u.csv", ("who", "a"), fives + four + twenty), ["a"], person="who", earlier=[big]
    )
    assert said.startswith("leave out the classes below 5 persons (4 rows, 2.3%) at CR 0.25")


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
        "a", "b", "who", "o.csv", "population", "population.a", "population.b",
    ]  # fmt: skip
    assert "p" not in {word for p in refused.value.problems for word in p.en.split()}
    for columns, wrong in (([], "quasi-identifiers"), (["who"], "who")):
        with pytest.raises(Refusal) as refused:
            risk_of_table(table, columns, person="who")
        assert wrong in [p.where for p in refused.value.problems]
    with pytest.raises(Refusal) as refused:
        risk_of_table(tmp_path / "absent.csv", ["a"])
    assert refused.value.code == "DID-455"


def problems_of(table: Path, columns: Sequence[str], **asked: object) -> dict[str, str]:
    with pytest.raises(Refusal) as refused:
        risk_of_table(table, columns, **asked)  # type: ignore[arg-type]
    return {problem.where: problem.en for problem in refused.value.problems}


def test_a_column_that_is_not_there_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    header = ("车牌 号", "User ID", "起点(经,纬)", "一二三四五六")
    table = written(tmp_path / "t.csv", header, [("a", "1", "2", "x")])
    told = problems_of(table, ["车牌号", "起点(经", "secret"], person="user_id")
    assert "'车牌 号'" in told["车牌号"]
    assert "'User ID'" in told["user_id"]
    assert "'起点(经,纬)'; a name with a comma is written in double quotes" in told["起点(经"]
    assert told["secret"] == "is no column of the table, which has 4"
    bare = written(tmp_path / "bare.csv", ("贵A12345", "13800138000"), [("贵B54321", "13900139000")])
    assert "1380" not in str(problems_of(bare, ["plate", "phone"]))  # without a header its first line is somebody's


def test_rows_about_nobody_are_refused_wherever_they_are(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ("who", "a"), [("p", "1"), ("", "2"), ("", "2")])
    whole = written(tmp_path / "w.csv", ("who", "a"), [("p", "1")])
    assert "empty in 2 rows" in problems_of(table, ["a"], person="who")["who"]
    assert list(problems_of(whole, ["a"], person="who", earlier=[table])) == ["t.csv: who"]


def test_a_header_alone_and_rows_that_are_none(tmp_path: Path) -> None:
    assert problems_of(written(tmp_path / "h.csv", ("who", "a"), []), ["a"]) == {"rows": "the table has no rows"}
    ragged = tmp_path / "r.csv"
    ragged.write_text("who,a\np,1\nq,2,3\nr,4\ns\n", "utf-8")
    assert list(problems_of(ragged, ["a"])) == ["r.csv, 2", "r.csv, 4"]


def test_lists_and_bytes_are_no_values_to_know(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [[1]], "b": [b"x"], "c": [1]}), tmp_path / "t.parquet")
    assert list(problems_of(tmp_path / "t.parquet", ["a", "b", "c"])) == ["a", "b"]


def test_values_that_read_the_same_are_classes_of_their_own(tmp_path: Path) -> None:
    """Four and thirty rows that both read "x, y, z"; counted as one class, the four would have been 34."""
    rows = [("x, y", "z")] * 4 + [("x", "y, z")] * 30 + [("∅", "q")] * 30 + [("", "q")] * 2
    found = risk_of_table(written(tmp_path / "t.csv", ("a", "b"), rows), ["a", "b"])
    assert (found["classes"], found["f_min"], found["rows"], found["persons"]) == (4, 2, 66, 66)
    assert found["average_risk"] == pytest.approx((1 / 2 + 1 / 4 + 1 / 30 + 1 / 30) / 4)


def test_what_was_not_asked_about_is_named(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ("who", "a", "name"), [("p", "1", "x")])
    assert risk_of_table(table, ["a"], person="who")["not_measured"] == ["name"]


def test_one_person_written_in_several_ways_is_one_person(tmp_path: Path) -> None:
    """Five ways of writing one id were a class of five, which the enclave takes for its floor of three."""
    ways = ["p1", "p1 ", " p1", "ｐ１", "p\u200b1"]
    table = written(tmp_path / "t.csv", ("who", "a"), [(who, "30") for who in [*ways, "p2", "P1"]])
    found = risk_of_table(table, ["a"], person="who", form=Form.enclave)
    assert (found["persons"], found["f_min"]) == (3, 3), "P1 may be another one's code"
    pq.write_table(pa.table({"who": pa.array(ways).dictionary_encode(), "a": ["30"] * 5}), tmp_path / "t.parquet")
    assert risk_of_table(tmp_path / "t.parquet", ["a"], person="who")["persons"] == 1
    before = written(tmp_path / "b.csv", ("who", "a"), [("ｐ１", "1"), ("p2", "2"), ("P1", "3")])
    linked = risk_of_table(table, ["a"], person="who", form=Form.enclave, earlier=[before])
    assert linked["f_min"] == 1, "another spelling in an earlier release hides nobody"


# --- direct identifiers beside the quasi-identifiers -----------------------------------------------------------------


IDENTIFYING = {
    "phone": [f"138{n:08d}" for n in range(100)],
    "mail": [f"a.person{n}@example.org" for n in range(100)],
    "姓名": [f"{'王李张刘陈'[n % 5]}{'伟芳娜秀英敏静丽强磊'[n // 5 % 10]}{'一二'[n // 50]}" for n in range(100)],
    "full name": [f"{('Ann', 'Bob', 'Cleo')[n % 3]} Smith{'abcdefghij'[n // 3 % 10]}" for n in range(100)],
    "remark": [f"called back on 138{n:08d}, no answer" for n in range(100)],
}


@pytest.mark.parametrize("name", IDENTIFYING)
def test_a_direct_identifier_left_in_the_table_is_level_1(name: str, tmp_path: Path) -> None:
    """GB/T 42460 clause 4: whatever the quasi-identifiers say, who can read the name needs none of them."""
    rows = [(str(n % 2), value) for n, value in enumerate(IDENTIFYING[name])]
    table = written(tmp_path / "t.csv", ("a", name), rows)
    found = risk_of_table(table, ["a"], form=Form.public)
    assert (found["level"], found["passes"], found["direct_identifiers"]) == (1, False, [name])
    assert (found["overall_risk"], found["f_min"]) == (pytest.approx(0.02), 50), "the figures are what they are"
    assert name in found["change"]["en"] and name in found["change"]["zh"]
    with pytest.raises(Refusal) as refused:
        risk_of_table(table, ["a"], form=Form.public, gate=True)
    assert refused.value.code == "DID-410"
    assert name in str(refused.value) and IDENTIFYING[name][0] not in str(refused.value)
    pq.write_table(pa.table({"a": [a for a, _ in rows], name: IDENTIFYING[name]}), tmp_path / "t.parquet")
    assert risk_of_table(tmp_path / "t.parquet", ["a"], form=Form.public)["level"] == 1


def test_what_names_nobody_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """A number of a register by its name only, tokens, one sign for all, and the person's column, which stays."""
    tokens = [hashlib.sha256(str(n).encode()).hexdigest()[:32] for n in range(100)]
    columns = {
        "a": [str(n % 2) for n in range(100)], "user_id": [f"u{n}" for n in range(100)], "name": tokens,
        "phone": ["*"] * 100, "from": [f"上海市闸北区共和新路{n}弄" for n in range(100)], "who": IDENTIFYING["phone"],
    }  # fmt: skip
    table = written(tmp_path / "t.csv", tuple(columns), list(zip(*columns.values(), strict=True)))
    found = risk_of_table(table, ["a"], person="who", form=Form.public, gate=True)
    assert (found["level"], found["passes"], found["direct_identifiers"]) == (3, True, [])
    assert found["not_measured"] == ["user_id", "name", "phone", "from"]


def test_the_change_says_all_that_stands_in_the_way(tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", ("a", "phone"), [(str(n), p) for n, p in enumerate(IDENTIFYING["phone"])])
    found = risk_of_table(table, ["a"], form=Form.public)
    assert (found["level"], found["f_min"]) == (1, 1)
    assert "phone" in found["change"]["en"] and "coarser generalisation" in found["change"]["en"]


# --- who does what is proposed passes ------------------------------------------------------------------------------


def proposed(table: Path, columns: Sequence[str], **asked: object) -> str:
    found = risk_of_table(table, columns, **asked)  # type: ignore[arg-type]
    assert not found["passes"]
    return str(found["change"]["en"])


def test_rows_left_out(tmp_path: Path) -> None:
    rows = [(f"p{n}", str(n // 30)) for n in range(90)] + [("x", "9"), ("y", "9"), ("y", "9")]
    said = proposed(written(tmp_path / "t.csv", ("who", "a"), rows), ["a"], person="who", form=Form.public)
    assert said.startswith("leave out the classes below 21 persons (3 rows, 3.2%) at CR 1.00")
    kept = written(tmp_path / "k.csv", ("who", "a"), [row for row in rows if row[1] != "9"])
    assert risk_of_table(kept, ["a"], person="who", form=Form.public)["passes"]


def test_coarser_where_leaving_out_is_not_enough(tmp_path: Path) -> None:
    rows = [(f"p{n}", str(n // 3)) for n in range(90)]
    said = proposed(written(tmp_path / "t.csv", ("who", "a"), rows), ["a"], person="who", form=Form.public)
    assert said == ("coarser generalisation, at CR 1.00; leaving out rows alone does not pass.")
    coarse = written(tmp_path / "c.csv", ("who", "a"), [(who, str(int(a) // 10)) for who, a in rows])
    assert risk_of_table(coarse, ["a"], person="who", form=Form.public)["passes"]


def test_another_form_where_the_public_may_not_have_it(tmp_path: Path) -> None:
    rows = [(f"p{n}", str(n // 10)) for n in range(30)]
    table = written(tmp_path / "t.csv", ("who", "a"), rows)
    assert "or controlled delivery under an assessment record with CR below 0.500" in proposed(
        table, ["a"], person="who", form=Form.public
    )
    assert "an assessment record with CR below 0.500" in proposed(table, ["a"], person="who", form=Form.controlled)


def test_nothing_is_proposed_that_cannot_pass(tmp_path: Path) -> None:
    """Two persons stay two however coarse; and who left between two releases stands out however coarse the second."""
    two = written(tmp_path / "two.csv", ("who", "a"), [(f"p{n % 2}", str(n % 3)) for n in range(50)])
    for form in Form:
        assert "only 2 distinct persons" in proposed(two, ["a"], person="who", form=form)
    first = written(tmp_path / "1.csv", ("who", "a"), [(f"p{n}", "1") for n in range(30)])
    second = written(tmp_path / "2.csv", ("who", "a"), [(f"p{n}", "1") for n in range(29)])
    said = proposed(second, ["a"], person="who", form=Form.public, earlier=[first])
    assert said.startswith("do not give it to these recipients")


def test_rows_are_not_left_out_of_a_second_release(tmp_path: Path) -> None:
    """Leaving the five out would show them by their absence; all at one value the table passes."""
    first = written(tmp_path / "1.csv", ("who", "a"), [(f"p{n}", "1") for n in range(65)])
    rows = [(f"p{n}", str(n // 30)) for n in range(65)]
    said = proposed(written(tmp_path / "2.csv", ("who", "a"), rows), ["a"], person="who", form=Form.public,
                    earlier=[first])  # fmt: skip
    assert said.startswith("coarser generalisation")
    assert risk_of_table(first, ["a"], person="who", form=Form.public, earlier=[first])["passes"]


def test_persons_are_linked_however_their_number_is_kept(tmp_path: Path) -> None:
    """In one file as digits, in the other as fractions: whoever holds both tells apart what the second shows."""
    people = [13_800_138_000 + n for n in range(20)]
    now = written(tmp_path / "now.csv", ("who", "a", "b"), [(str(n), "x", "y") for n in people])
    before = pa.table({"who": pa.array(people, pa.float64()), "a": ["x" if n % 2 else "z" for n in people]})
    pq.write_table(before, tmp_path / "before.parquet")
    found = risk_of_table(now, ["a", "b"], person="who", earlier=[tmp_path / "before.parquet"])
    assert (found["classes"], found["f_min"]) == (2, 10)


LINKS = {
    "a token of the meter": lambda meter, _: hashlib.sha256(meter.encode()).hexdigest()[:32],
    "a number of the row": lambda meter, at: f"{meter}/{at}",
    "the feeder": lambda meter, _: f"F{int(meter) % 2}",
}


def curves(tmp_path: Path, beside: str) -> Path:
    """60 meters of ten half hours, high in five of them, no two meters alike; `beside` stands beside the readings."""
    places = list(itertools.combinations(range(10), 5))
    rows = [
        [str(m), str(at), "high" if at in places[m * 4] else "low", LINKS[beside](str(m), at)]
        for m in range(60) for at in range(10)
    ]  # fmt: skip
    return written(tmp_path / "curves.csv", ["meter", "at", "kwh", "beside"], rows)


@pytest.mark.parametrize(("beside", "columns"), [(name, ["beside"] * ("token" in name)) for name in LINKS])
def test_rows_that_a_token_puts_together_are_a_curve(beside: str, columns: list[str], tmp_path: Path) -> None:
    """Who knows five half hours of a household finds the other five, though no single reading is rare."""
    table = curves(tmp_path, beside)
    told = risk_of_table(table, ["at", "kwh"], person="meter")
    assert told["f_min"] >= 20 and told["overall_risk"] < 0.05, "row by row it is harmless"
    assert told["together"] == {"columns": columns, "smallest": 1, "alone": 60}
    assert (told["passes"], told["level"]) == ((False, 2) if columns else (True, 3))
    seen = defaultdict(set)
    with table.open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            seen[row["beside"]].add((row["at"], row["kwh"]))
    known = {(str(at), "high") for at in range(5)}
    assert sum(known <= curve for curve in seen.values()) == (1 if columns else 0 if "row" in beside else 2)
    if columns:
        assert told["change"]["en"].startswith(
            "leave out the columns that put the rows of one person together (beside)"
        )
        with pytest.raises(Refusal, match="DID-438"):
            risk_of_table(table, ["at", "kwh"], person="meter", gate=True)


def test_rows_put_together_do_no_harm_where_enough_have_the_same(tmp_path: Path) -> None:
    rows = [[f"p{n}", str(at), str(n // 30 + at), f"t{n}"] for n in range(60) for at in range(3)]
    table = written(tmp_path / "alike.csv", ["who", "at", "high", "token"], rows)
    told = risk_of_table(table, ["at", "high"], person="who", gate=True)
    assert told["passes"] and told["together"] == {"columns": ["token"], "smallest": 30, "alone": 0}
    each = written(tmp_path / "each.csv", ["who", "a"], [[f"p{n}", "1"] for n in range(30)])
    assert risk_of_table(each, ["a"], person="who")["together"] is None


def test_an_earlier_release_with_ids_of_another_key_is_said_to_have_nobody_in_common(tmp_path: Path) -> None:
    """One person left between two releases and stands out, but not where both have tokens of their own."""

    def release(name: str, count: int, key: str) -> Path:
        tokens = [hashlib.sha256(f"{key}/{n}".encode()).hexdigest()[:32] for n in range(count)]
        return written(tmp_path / name, ["who", "a"], [[token, "1"] for token in tokens])

    now, same, other = release("now.csv", 39, "k1"), release("same.csv", 40, "k1"), release("other.csv", 40, "k2")
    told = risk_of_table(now, ["a"], person="who", earlier=[same])
    assert (told["f_min"], told["earlier"]) == (1, [{"table": "same.csv", "persons": 40, "here": 39}])
    told = risk_of_table(now, ["a"], person="who", earlier=[other])
    assert (told["f_min"], told["earlier"]) == (39, [{"table": "other.csv", "persons": 40, "here": 0}])
    asked = ["risk", str(now), "--quasi-identifiers", "a", "--person", "who", "--earlier", str(other)]
    said = CliRunner().invoke(datong, asked).output
    assert "other.csv: none of its 40 persons is here; with ids or tokens made under another key" in said
