"""Plans: default deny, every mistake at once with its line; treatments from the originals, under derived keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from datong.deidentify.model.treatments import Trace, TreatmentPlan
from datong.deidentify.rules.treatments.applying import needs_key, treated
from datong.deidentify.rules.treatments.known import KNOWN
from datong.deidentify.rules.treatments.plan import plan_of
from datong.harmonise import service as harmonise

COLUMNS = ["id", "name", "age", "born", "lon", "lat"]
ROOT = bytes(range(32))
TABLE = pa.table(
    {
        "id": ["p1", "p2", "p1", "p3"], "name": ["a", "b", "a", "c"], "age": ["31", "32", "33", None],
        "born": ["1990-02-03", "1991-02-03", "1990-02-13", "1980-01-01"], "lon": [1.0, 1.0, 1.0, 2.0],
        "lat": [1.0, 1.0, 1.0, 2.0],
    }
)  # fmt: skip
GOOD = """
agreement: A1
purpose: research
columns:
  id: {as: token, by: aes, domain: person}
  name: {as: token, by: aes, domain: person}
  age: {as: rounded, step: 10}
  born: {as: shifted, subject: id, days: 10}
  lon: {as: grid, latitude: lat, metres: 5000}
  lat: drop
rows: {columns: [lon], fewest: 2, persons: id}
"""


def read(text: str, folder: Path) -> tuple[TreatmentPlan | None, list[str]]:
    file = folder / "plan.yaml"
    file.write_text(text, "utf-8")
    value, lines, unread = harmonise.read_yaml(file)
    plan, problems = (None, unread) if unread else plan_of(value, lines, file.name, COLUMNS)
    return plan, [f"{problem.where}: {problem.en}" for problem in problems]


def test_a_good_plan_is_read_and_done(tmp_path: Path) -> None:
    plan, problems = read(GOOD, tmp_path)
    assert problems == []
    assert plan is not None
    assert needs_key(plan)
    done, bad = treated(TABLE, plan, ROOT, "plan.yaml")
    assert bad == []
    assert done is not None
    assert done.table.column_names == ["id", "name", "age", "born", "lon"]
    assert done.rows_left_out == 1
    assert done.table["age"].to_pylist() == [30, 30, 30]
    assert done.table["lon"].to_pylist()[0].count("_") == 1
    told = {column["column"]: column for column in done.told}
    assert told["lat"]["remains"]["traces"] == []
    assert told["id"]["remains"]["reversible_with_key"]
    assert (told["id"]["distinct_before"], told["id"]["distinct_after"]) == (3, 3)


def test_columns_of_one_domain_can_be_joined_and_others_not(tmp_path: Path) -> None:
    same = pa.table({**{name: TABLE[name] for name in COLUMNS}, "name": TABLE["id"]})
    joined, _ = treated(same, read(GOOD, tmp_path)[0], ROOT, "")
    assert joined.table["id"].to_pylist() == joined.table["name"].to_pylist()
    for other in (GOOD.replace("name: {as: token, by: aes, domain: person}", "name: {as: token, by: aes}"),):
        apart, _ = treated(same, read(other, tmp_path)[0], ROOT, "")
        assert apart.table["id"].to_pylist() == joined.table["id"].to_pylist() != apart.table["name"].to_pylist()
    for other in (GOOD.replace("A1", "A2"), GOOD.replace("research", "other")):
        apart, _ = treated(same, read(other, tmp_path)[0], ROOT, "")
        assert not set(apart.table["id"].to_pylist()) & set(joined.table["id"].to_pylist())


BAD = """
colums: {}
columns:
  id: {as: tokn}
  name: {as: token, by: rot13, size: 4}
  age: {as: micro_aggregated, k: 0}
  born: {as: shifted, subject: idd, days: 0}
  lon: {as: rounded, step: .nan}
  nmae: drop
rows: {columns: [age, nowhere], fewest: 1}
"""


def test_everything_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    plan, problems = read(BAD, tmp_path)
    assert plan is None
    assert problems == [
        "plan.yaml:2: colums: is no key of a plan; there are: table, agreement, purpose, columns, rows, note",
        "plan.yaml:4: columns.id: there is no treatment tokn; there is: token",
        "plan.yaml:5: columns.name.size: is no option of token; there are: by, domain",
        "plan.yaml:5: columns.name.by: should be one of hmac, aes, sm4",
        "plan.yaml:6: columns.age.k: should be a whole number at least 2",
        "plan.yaml:7: columns.born.subject: there is no column idd; nearest: id",
        "plan.yaml:7: columns.born.days: should be a whole number at least 1 and at most 36500",
        "plan.yaml:8: columns.lon.step: should be a number above 0",
        "plan.yaml:9: columns.nmae: is no column of the table; nearest: name",
        "plan.yaml:3: columns: lat is given no treatment; what is not mentioned is not let out",
        "plan.yaml:10: rows.columns: there is no column nowhere",
        "plan.yaml:10: rows.fewest: should be a whole number at least 2",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "should be a set of key: value"),
        ("columns: keep", "should say for every column how it is treated"),
        (GOOD.replace("agreement: A1\n", ""), "agreement: is missing; the keys of id, name, born are derived from it"),
        (GOOD.replace("lat: drop", "lat: [drop]"), "columns.lat: should be the name of a treatment"),
        (GOOD.replace("columns: [lon]", "columns: [lat]"), "rows.columns: lat is left out of the table"),
        (GOOD.replace("columns: [lon]", "columns: []"), "rows.columns: should have at least one column"),
        (GOOD.replace("step: 10", "step: ten"), "columns.age.step: should be a number above 0"),
        (GOOD.replace("step: 10", "step: true"), "columns.age.step: should be a number above 0"),
        (GOOD.replace("lat: drop", 'lat: {as: ff1, alphabet: "11"}'), "should have 2 to 65536 different signs"),
    ],
)
def test_bad_plans_are_refused(text: str, said: str, tmp_path: Path) -> None:
    plan, problems = read(text, tmp_path)
    assert plan is None
    assert any(said in problem for problem in problems), problems


def test_values_that_cannot_be_treated_are_told_for_every_column(tmp_path: Path) -> None:
    broken: dict[str, Any] = {name: TABLE[name] for name in COLUMNS}
    broken |= {"id": pa.array(["sixteen bytes ab", "b", "c", "d"]), "age": pa.array(["x", "2", "y", "4"])}
    done, problems = treated(pa.table(broken), read(GOOD, tmp_path)[0], ROOT, "plan.yaml")
    assert done is None
    assert [f"{problem.where}: {problem.en}" for problem in problems] == [
        "plan.yaml:5: columns.id: 1 values are longer than the 15 bytes that aes takes; use hmac (the first in row 1)",
        "plan.yaml:7: columns.age: 2 values are no finite numbers (the first in row 1)",
    ]


def test_every_treatment_says_what_it_leaves_in_both_languages() -> None:
    for name, treatment in KNOWN.items():
        remains = treatment.remains({"by": "hmac"})
        assert remains.told.zh, name
        assert remains.told.en, name
        assert (name == "drop") == (not remains.traces)
        assert treatment.keyed or not remains.reversible
    assert Trace.value not in KNOWN["token"].remains({"by": "hmac"}).traces
    assert "NOT differential privacy" in KNOWN["noise"].remains({}).told.en
