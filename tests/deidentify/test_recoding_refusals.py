"""What a recoding refuses: specs, hierarchies and tables that are wrong, all at once, with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from datong.deidentify.service.recoding import recoded
from datong.ground.refusal import Refusal

pytest.importorskip("numba", reason="the extra privacy is not installed")

TABLE = "age,city,ill\n" + "".join(f"{20 + i % 4},c{i % 3},{'flu' if i % 2 else 'hiv'}\n" for i in range(24))
AGES = "20;20-21;*\n21;20-21;*\n22;22-23;*\n23;22-23;*\n"
CITIES = "c0,*\nc1,*\nc2,*\n"
SPEC = "table: t.csv\nquasi_identifiers:\n  age: age.csv\n  city: city.csv\nmodel: {k: 2}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("t.csv", TABLE), ("age.csv", AGES), ("city.csv", CITIES), ("spec.yaml", SPEC)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def refused(folder: Path, spec: str | None = None, **files: str) -> Refusal:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    if spec is not None:
        (folder / "spec.yaml").write_text(spec, "utf-8")
    with pytest.raises(Refusal) as found:
        recoded(folder / "spec.yaml")
    return found.value


def said(refusal: Refusal) -> dict[str, str]:
    assert all(problem.zh and problem.en for problem in refusal.problems)
    return {problem.where: problem.en for problem in refusal.problems}


def test_the_folder_of_these_tests_is_recoded(folder: Path) -> None:
    found = recoded(folder / "spec.yaml", out=folder / "out.csv")
    assert found["levels"] == {"age": 0, "city": 0}
    assert found["classes"] == 12
    assert (folder / "out.csv").read_text("utf-8").splitlines()[1] == '"20","c0"'
    assert not list(folder.glob(".*"))


def test_all_mistakes_of_a_spec_at_once_with_their_lines(folder: Path) -> None:
    spec = (
        "quasi_identifiers: {age: age.csv}\nmodel:\n  k: 0\n  l: {l: 2, kind: best}\n  t: .nan\n"
        "suppression_limit: 2\nloss: ilp\nkk: 3\n"
    )
    told = said(refused(folder, spec))
    assert refused(folder, spec).code == "DID-430"
    assert set(told) == {
        "spec.yaml:1: table", "spec.yaml:1: sensitive", "spec.yaml:3: model.k", "spec.yaml:4: model.l.kind",
        "spec.yaml:5: model.t", "spec.yaml:6: suppression_limit", "spec.yaml:7: loss", "spec.yaml:8: kk",
    }  # fmt: skip
    assert told["spec.yaml:3: model.k"] == "should be a whole number of at least 1"


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "", "a: 1\na: 2\n", "a: &x 1\nb: *x\n"])
def test_a_spec_that_is_no_yaml_of_keys(folder: Path, text: str) -> None:
    assert refused(folder, text).code == "DID-430"


def test_a_spec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such file"):
        recoded(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("ages", "where", "what"),
    [
        ("20;20-21;*\n21;20-21\n22;22-23;*\n23;22-23;*\n", "age.csv:2", "has 2 levels, line 1 has 3"),
        ("20;20-21;a\n21;20-21;b\n22;22-23;a\n23;22-23;a\n", "age.csv:2", "another parent at level 2 than on line 1"),
        (AGES + "20;20-21;*\n", "age.csv:5", "its value is on line 1 already"),
        ("20;;*\n21;20-21;*\n22;22-23;*\n23;22-23;*\n", "age.csv:1", "level 1 is missing"),
        ("", "age.csv", "is empty"),
    ],
)
def test_hierarchies_that_are_none(folder: Path, ages: str, where: str, what: str) -> None:
    refusal = refused(folder, age=ages)
    assert refusal.code == "DID-431"
    assert what in said(refusal)[where]


def test_all_files_are_judged_at_once_and_no_value_is_told(folder: Path) -> None:
    refusal = refused(folder, age="20;*\n20;*\n", city="c0,*\nc1,*\n", t=TABLE.replace("c2", "SECRET"))
    told = said(refusal)
    assert "age.csv:2" in told
    assert told["t.csv:4: city"] == "1 values in 8 rows are not in its hierarchy file"
    assert "SECRET" not in str(refusal)
    assert "SECRET" not in str(refusal.as_json())


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("age,city,ill\n20,c0\n21,c1,flu\n", "t.csv:2", "has 2 fields, its header 3"),
        ("age,town,ill\n20,c0,flu\n", "t.csv:1", "has no column city"),
        ("what is this\n", "t.csv:1", "no delimiter is found"),
        ("age,city,age,ill\n20,c0,20,flu\n", "t.csv:1", "has two columns age"),
        ("age,city,ill\n", "t.csv", "has no rows below its header"),
        ("", "t.csv", "is empty"),
        ("age,city,ill\n20,c0,flu\n,c0,flu\n", "t.csv:3: age", "an empty cell is a value of its own"),
        ("age,city,ill\nNaN,c0,flu\n", "t.csv:2: age", "not in its hierarchy file"),
    ],
)
def test_tables_that_cannot_be_recoded(folder: Path, text: str, where: str, what: str) -> None:
    refusal = refused(folder, t=text)
    assert refusal.code == "DID-431"
    assert what in said(refusal)[where]


def test_files_that_are_not_there(folder: Path) -> None:
    (folder / "t.csv").unlink()
    (folder / "age.csv").unlink()
    assert said(refused(folder)) == {"age.csv": "there is no such file", "t.csv": "there is no such file"}


def test_an_empty_cell_is_a_value_when_the_hierarchy_has_it(folder: Path) -> None:
    (folder / "t.csv").write_text(TABLE + ",c0,flu\n,c0,hiv\n", "utf-8")
    (folder / "age.csv").write_text(AGES + ";unknown;*\n", "utf-8")
    assert recoded(folder / "spec.yaml")["levels"] == {"age": 0, "city": 0}


def test_empty_sensitive_cells_and_too_few_values_are_refused(folder: Path) -> None:
    spec = SPEC.replace("{k: 2}", "{l: 3}") + "sensitive: ill\n"
    refusal = refused(folder, spec)
    assert said(refusal) == {"t.csv: ill": "has 2 distinct values, fewer than l = 3"}
    told = said(refused(folder, spec.replace("l: 3", "l: 2"), t=TABLE + "20,c0,\n"))
    assert "1 rows are empty" in told["t.csv:26: ill"]


def test_one_illness_written_in_several_ways_does_not_make_a_class_diverse(folder: Path) -> None:
    """Four ways of writing one illness were four values: l = 4, and all who stand there have it."""
    ways = ["hiv", " hiv", "ｈｉｖ", "hi\u200bv"]
    table = "age,city,ill\n" + "".join(f'20,c0,"{ways[n % 4]}"\n' for n in range(8))
    spec = SPEC.replace("{k: 2}", "{k: 2, l: 4}") + "sensitive: ill\n"
    refusal = refused(folder, spec, t=table)
    assert refusal.code == "DID-431" and "hiv" not in str(refusal)
    assert (
        "4 values in 8 rows differ in spaces, width or signs that are not seen alone" in said(refusal)["t.csv:2: ill"]
    )
    recoded_by_t = spec.replace("l: 4", "t: 1")  # told apart, they only seem further from the table
    (folder / "spec.yaml").write_text(recoded_by_t, "utf-8")
    assert recoded(folder / "spec.yaml")["classes"] == 1


@pytest.mark.parametrize("method", ["optimal", "mondrian"])
def test_the_order_of_t_counts_the_steps_between_that_nobody_stands_on(folder: Path, method: str) -> None:
    """Li and others 2007: from low to high it is as far as the order says, whoever is in the table.

    Half of one city is low, half high; of the table 1/2, 1/4 (mid), 1/4. So 1/4 moves from mid to high: 6 of 7 steps.
    """
    table = "age,city,ill\n" + "".join(
        f"20,{city},{ill}\n" for city, other in (("c0", "mid"), ("c1", "high")) for ill in ("low", other) * 4
    )
    order = "[low, mid, m2, m3, m4, m5, m6, high]"
    for t, levels in ((0.25, 0), (0.20, 1)):
        model = f"{{k: 2, t: {{t: {t}, distance: ordered, order: {order}}}}}"
        spec = SPEC.replace("{k: 2}", model) + f"sensitive: ill\nmethod: {method}\n"
        (folder / "spec.yaml").write_text(spec, "utf-8")
        (folder / "t.csv").write_text(table, "utf-8")
        found = recoded(folder / "spec.yaml")
        assert found["classes"] == 2 - levels


def test_a_table_smaller_than_k(folder: Path) -> None:
    refusal = refused(folder, SPEC.replace("k: 2", "k: 25"))
    assert refusal.code == "DID-432"
    assert "The table has 24 rows, fewer than k = 25" in str(refusal)


def test_all_rows_unique_and_no_root_says_how_many_rows_fail(folder: Path) -> None:
    ages = "".join(f"{i};{i // 10}\n" for i in range(24))
    table = "age,city,ill\n" + "".join(f"{i},c{i % 3},flu\n" for i in range(24))
    refusal = refused(folder, SPEC.replace("k: 2", "k: 9"), t=table, age=ages)
    assert refusal.code == "DID-432"
    assert "4 rows fail; 0 may be suppressed" in str(refusal)
    (folder / "spec.yaml").write_text(SPEC.replace("k: 2", "k: 9") + "suppression_limit: 0.2\n", "utf-8")
    assert recoded(folder / "spec.yaml")["suppressed"] == 4


@pytest.mark.parametrize("broken", ["ragged", "count", "smaller"])
def test_populations_that_are_none(folder: Path, broken: str) -> None:
    spec = SPEC.replace("{k: 2}", "{k_map: 2}") + "population: p.csv\npopulation_count: n\n"
    rows = [line.rsplit(",", 1)[0] for line in TABLE.splitlines()[1:]]
    text = "age,city,n\n" + "".join(f"{row},{'x' if broken == 'count' else 2}\n" for row in rows)
    if broken == "ragged":
        text += "20,c0\n"
    if broken == "smaller":
        text = "age,city,n\n" + "".join(f"{row},0\n" for row in rows)
    refusal = refused(folder, spec, p=text)
    assert refusal.code == "DID-431"
    wanted = {"ragged": "2 fields", "count": "whole numbers from 0", "smaller": "more rows in the table"}[broken]
    assert any(wanted in text for text in said(refusal).values())


def test_class_counts_stand_for_a_population(folder: Path) -> None:
    spec = SPEC.replace("{k: 2}", "{k_map: 3}") + "population: p.csv\npopulation_count: n\n"
    (folder / "p.csv").write_text("age,city,n\n" + "".join(f"{20 + i % 4},c{i % 3},3\n" for i in range(12)), "utf-8")
    (folder / "spec.yaml").write_text(spec, "utf-8")
    assert recoded(folder / "spec.yaml")["levels"] == {"age": 0, "city": 0}


def hundred(folder: Path, more: str = "") -> None:
    names = [f"q{i}" for i in range(100)]
    lines = ["".join("01"[(r >> (i % 5)) & 1] + ("," if i < 99 else "") for i in range(100)) for r in range(64)]
    (folder / "t.csv").write_text(",".join(names) + "\n" + "\n".join(lines) + "\n", "utf-8")
    (folder / "h.csv").write_text("0;*\n1;*\n", "utf-8")
    listed = "".join(f"  {name}: h.csv\n" for name in names)
    (folder / "spec.yaml").write_text(f"table: t.csv\nquasi_identifiers:\n{listed}model: {{k: 4}}\n{more}", "utf-8")


def test_how_many_rows_fail_is_told_though_the_search_gives_up_before(folder: Path) -> None:
    """Every row in a class of its own at every level: the node is given up at the first class too many."""
    (folder / "t.csv").write_text("age,city,ill\n" + "".join(f"{n},c0,flu\n" for n in range(20, 60)), "utf-8")
    (folder / "age.csv").write_text("".join(f"{n};a{n}\n" for n in range(20, 60)), "utf-8")
    assert "40 rows fail; 0 may be suppressed" in str(refused(folder))


def test_persons_of_a_population_whose_sum_turns_over(folder: Path) -> None:
    """Three counts that each fit 64 bits, and no sum of two of which does."""
    (folder / "people.csv").write_text("age,city,n\n" + "".join(
        f"{age},c{age % 2},9000000000000000000\n" for age in range(20, 24)), "utf-8")  # fmt: skip
    spec = (folder / "spec.yaml").read_text("utf-8").replace("{k: 2}", "{k_map: 2}")
    (folder / "spec.yaml").write_text(spec + "population: people.csv\npopulation_count: n\n", "utf-8")
    (problem,) = refused(folder).problems
    assert (problem.where, "adds up to more than" in problem.en) == ("people.csv: n", True)


def test_a_class_of_the_population_that_the_table_has_nobody_of(folder: Path) -> None:
    (folder / "age.csv").write_text("".join(f"{n};{n // 30}\n" for n in range(20, 40)), "utf-8")
    present = [line.rpartition(",")[0] for line in TABLE.splitlines()]
    (folder / "people.csv").write_text("\n".join([*present, "35,c0", ""]), "utf-8")
    spec = (folder / "spec.yaml").read_text("utf-8").replace("{k: 2}", "{delta_presence: {min: 0.01, max: 1}}")
    (folder / "spec.yaml").write_text(spec + "population: people.csv\n", "utf-8")
    assert "has no row in the table" in str(refused(folder))


def test_a_hundred_quasi_identifiers(folder: Path) -> None:
    hundred(folder)
    refusal = refused(folder)
    assert refusal.code == "DID-433"
    assert "100 quasi-identifiers make 1.3e+30 nodes" in str(refusal)
    assert "q0, q1" in str(refusal)
    hundred(folder, "best_effort: true\n")
    found: dict[str, Any] = recoded(folder / "spec.yaml")
    assert found["optimal"] is False
    assert found["suppressed"] == 0
    assert 0 < found["loss"] < 1


def test_out_in_a_folder_that_is_not_there(folder: Path) -> None:
    with pytest.raises(Refusal, match="DID-435"):
        recoded(folder / "spec.yaml", out=folder / "none" / "out.csv")


def test_suppressed_rows_are_stars_or_dropped_and_only_what_is_asked_for_is_written(folder: Path) -> None:
    table = "name,age,city,ill\n" + "".join(f"n{i},{20 + i % 2},c{i % 2},flu\n" for i in range(12)) + "n99,23,c2,flu\n"
    (folder / "t.csv").write_text(table, "utf-8")
    for more, shown in (("", '"*","*"'), ("suppressed: drop\n", '"21","c1"'), ("keep: [name]\n", '"*","*","n99"')):
        (folder / "spec.yaml").write_text(SPEC + "suppression_limit: 0.1\n" + more, "utf-8")
        assert recoded(folder / "spec.yaml", out=folder / "out.csv")["suppressed"] == 1
        lines = (folder / "out.csv").read_text("utf-8").splitlines()
        assert shown in lines and ("*" in "".join(lines)) == (shown[1] == "*")


def test_who_holds_a_list_in_the_order_of_the_table_learns_nothing_from_the_order_of_the_recoded_one(
    folder: Path,
) -> None:
    rows = [f"n{i},{20 + i % 2},c{i % 2},{'flu' if i % 3 else 'asthma'}" for i in range(12)]
    (folder / "spec.yaml").write_text(SPEC + "suppression_limit: 0.1\n", "utf-8")
    written = set()
    for given in (rows, rows[::-1], sorted(rows, key=lambda row: row[-2:])):
        (folder / "t.csv").write_text("\n".join(["name,age,city,ill", *given]) + "\n", "utf-8")
        recoded(folder / "spec.yaml", out=folder / "out.csv")
        written.add((folder / "out.csv").read_bytes())
    assert len(written) == 1


def test_chinese_text_in_gb18030_with_another_delimiter(folder: Path) -> None:
    table = "年龄|城市\n" + "20|贵阳\n21|遵义\n" * 3
    (folder / "t.csv").write_bytes(table.encode("gb18030"))
    (folder / "city.csv").write_bytes("贵阳|贵州\n遵义|贵州\n".encode("gb18030"))
    spec = "table: t.csv\nquasi_identifiers: {年龄: age.csv, 城市: city.csv}\nmodel: {k: 6}\n"
    (folder / "spec.yaml").write_text(spec, "utf-8")
    found = recoded(folder / "spec.yaml", out=folder / "out.csv")
    assert found["levels"] == {"年龄": 1, "城市": 1}
    assert (folder / "out.csv").read_text("utf-8").splitlines()[1] == '"20-21"|"贵州"'


def test_mondrian_writes_ranges_and_refuses_what_no_class_can_meet(folder: Path) -> None:
    spec = SPEC.replace("k: 2", "k: 6") + "sensitive: ill\nmethod: mondrian\n"
    (folder / "spec.yaml").write_text(spec, "utf-8")
    found = recoded(folder / "spec.yaml", out=folder / "out.csv")
    assert found["levels"] is None
    assert set(found["ranges"]) == {"age", "city"}
    lines = (folder / "out.csv").read_text("utf-8").splitlines()[1:]
    classes = {line.rsplit(",", 1)[0] for line in lines}
    assert len(lines) == 24
    assert len(classes) == found["classes"] > 1
    assert all(sum(line.startswith(f"{one},") for line in lines) >= 6 for one in classes)
    spec = spec.replace("{k: 6}", "{k: 6, l: {l: 2, kind: recursive, c: 0.5}}")
    assert refused(folder, spec).code == "DID-432"
    told = said(refused(folder, spec.replace("l: {l", "k_map: 2, l: {l") + "loss: entropy\n"))
    assert {"spec.yaml:7: method", "spec.yaml:8: loss", "spec.yaml:1: population"} <= set(told)


def test_a_range_of_numbers_holds_nothing_but_numbers(folder: Path) -> None:
    """Where one value is a word the values stand in the order of the file: 10..20 would hold it, and 50."""
    files = {"age.csv": "10;*\nunknown;*\n50;*\n20;*\n30;*\n", "spec.yaml": SPEC + "method: mondrian\n"}
    rows = [*["10", "50", "20"] * 2, *["30"] * 6]
    files["t.csv"] = "age,city,ill\n" + "".join(f"{age},c0,flu\n" for age in rows)
    files["spec.yaml"] = files["spec.yaml"].replace("k: 2", "k: 6")
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    recoded(folder / "spec.yaml", out=folder / "out.csv")
    written = {line.split(",")[0] for line in (folder / "out.csv").read_text("utf-8").splitlines()[1:]}
    assert written == {'"10|unknown|50|20"', '"30"'}


def test_values_are_ordered_as_numbers_only_where_all_are(folder: Path) -> None:
    """`nan` and `inf` are texts; 9 comes before 10."""
    for ills in (("nan", "1", "2"), ("9", "10", "11")):
        table = "age,city,ill\n" + "".join(f"{20 + i % 2},c{i % 3},{ills[i % 3]}\n" for i in range(24))
        (folder / "t.csv").write_text(table, "utf-8")
        spec = SPEC.replace("k: 2", "k: 2, t: {t: 0.5, distance: ordered}") + "sensitive: ill\n"
        (folder / "spec.yaml").write_text(spec, "utf-8")
        # a class of one value at an end is 2/3 + 1/3 away of 2 steps, exactly 0.5; in the middle 1/3
        assert recoded(folder / "spec.yaml")["levels"] == {"age": 0, "city": 0}
