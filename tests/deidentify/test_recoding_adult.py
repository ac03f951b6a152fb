"""Adult: the optima of ARX 3.9.2, through the whole of `recoded` on files.

OPTIMA: measured on ARX's data with its Loss (arithmetic mean), levels in the order of the columns. ARX_CASES: the
expected results of its own test classes src/test/org/deidentifier/arx/test/TestAnonymization*.java (commit aacd487,
Apache-2.0), those whose loss counts suppression as ours do, or that suppress nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from datong.deidentify.service.recoding import recoded

pytest.importorskip("numba", reason="the extra privacy is not installed")

ADULT = Path(__file__).parents[1] / "data" / "adult"
QI9 = (
    "sex", "age", "race", "marital-status", "education", "native-country", "workclass", "occupation", "salary-class",
)  # fmt: skip
QI8 = QI9[:-1]
OCCUPATION = tuple(name for name in QI9 if name != "occupation")

OPTIMA = [
    (9, 5, 0, 0.635544, 0, 24, "041132210"),
    (9, 5, 0.01, 0.402001, 294, 263, "031122110"),
    (9, 5, 0.05, 0.269635, 1346, 397, "030021120"),
    (9, 10, 0, 0.635544, 0, 24, "041132210"),
    (9, 10, 0.01, 0.448440, 262, 83, "040131120"),
    (9, 10, 0.05, 0.317842, 1437, 196, "030121120"),
    (8, 5, 0, 0.660842, 0, 30, "04023221"),
    (8, 5, 0.01, 0.403491, 273, 147, "03013112"),
    (8, 5, 0.05, 0.261757, 1248, 384, "03012111"),
    (8, 10, 0, 0.660842, 0, 30, "04023221"),
    (8, 10, 0.01, 0.474108, 297, 82, "03023112"),
    (8, 10, 0.05, 0.331544, 1484, 200, "03011112"),
]

RECURSIVE = {"l": {"l": 5, "kind": "recursive", "c": 4.0}}
HIERARCHICAL = {"t": {"t": 0.2, "distance": "hierarchical", "hierarchy": "adult_hierarchy_occupation.csv"}}
PRESENT = {"delta_presence": {"min": 0.05, "max": 0.15}}
ENTROPIC = {"l": {"l": 5, "kind": "entropy"}}
ORDERED = {"t": {"t": 0.2, "distance": "ordered"}}
ARX_CASES: list[tuple[str, dict[str, Any], float, str, float, str]] = [
    # table, model, limit, loss, expected loss, levels; TestAnonymizationCombinations
    ("adult", {"k": 5}, 0, "entropy", 324620.5269918692, "11113221"),
    ("adult", {"k": 5} | HIERARCHICAL, 0, "entropy", 398400.0741806447, "04113221"),
    ("adult", HIERARCHICAL, 0, "entropy", 398400.0741806447, "04113221"),
    ("adult", RECURSIVE, 0, "entropy", 324620.5269918692, "11113221"),
    ("adult", {"k": 5}, 0.05, "entropy", 180132.40848244698, "00112220"),
    ("adult", {"k": 5} | HIERARCHICAL, 0.05, "entropy", 374778.01889889664, "14003121"),
    ("adult", RECURSIVE, 0.05, "entropy", 209764.96161974416, "10112220"),
    ("adult", HIERARCHICAL, 0.05, "entropy", 374778.01889889664, "14003121"),
    ("adult_subset", PRESENT, 0, "entropy", 37223.2491248282, "14111221"),
    ("adult_subset", {"k": 5} | PRESENT, 0, "entropy", 35461.300017243804, "02123221"),
    ("adult_subset", {"k": 5} | HIERARCHICAL | PRESENT, 0, "entropy", 42481.619746031596, "14113221"),
    ("adult_subset", {"k": 5} | PRESENT, 0.05, "entropy", 25949.0068665567, "10122221"),
    ("adult_subset", {"k": 5} | HIERARCHICAL | PRESENT, 0.05, "entropy", 40282.23779327559, "14013221"),
    ("adult_subset", RECURSIVE | PRESENT, 0.05, "entropy", 28759.669970588497, "10123221"),
    ("adult_subset", PRESENT, 0.05, "entropy", 33660.3063277646, "14110221"),
    # TestAnonymizationDPresence
    ("adult_subset", {"delta_presence": {"max": 0.2}}, 0, "aecs", 52.0, "14110220"),
    ("adult_subset", {"delta_presence": {"max": 0.2}}, 0, "entropy", 30238.2081484441, "01123220"),
    ("adult_subset", {"delta_presence": {"max": 0.2}}, 0.05, "aecs", 8.02127659574468, "00121221"),
    ("adult_subset", {"delta_presence": {"max": 0.2}}, 0.05, "entropy", 20747.362350403302, "10112220"),
    ("adult_subset", PRESENT, 0, "aecs", 150.8, "04013221"),
    ("adult_subset", PRESENT, 0.05, "aecs", 97.29032258064517, "14110221"),
    # TestAnonymizationLDiversity, EntropyLDiversity
    ("adult", ENTROPIC, 0.04, "entropy", 228878.2039109517, "10112221"),
    ("adult", ENTROPIC, 0, "entropy", 324620.5269918692, "11113221"),
    # TestAnonymizationKMap
    ("adult_subset", {"k_map": 5}, 0, "aecs", 45.014925373134325, "10123221"),
    ("adult_subset", {"k_map": 3}, 0, "entropy", 23387.494246375998, "00123220"),
    ("adult_subset", {"k_map": 5}, 0, "entropy", 28551.7222913157, "10123221"),
    ("adult_subset", {"k_map": 20}, 0.05, "aecs", 11.424242424242424, "10113210"),
    ("adult_subset", {"k_map": 3}, 0.05, "entropy", 15121.633326877098, "00111210"),
    ("adult_subset", {"k_map": 2}, 0, "entropy", 23108.1673304724, "10113220"),
    ("adult_subset", {"k_map": 10}, 0, "entropy", 30238.2081484441, "01123220"),
    ("adult_subset", {"k_map": 10}, 0.05, "aecs", 7.215311004784689, "00113210"),
    # TestAnonymizationTCloseness, OrderedDistanceTCloseness
    ("adult", {"k": 5, "t": {"t": 0.1, "distance": "ordered"}}, 0, "dm", 9.786802e7, "11123221"),
    ("adult", {"k": 100} | ORDERED, 0, "dm", 1.6231213e8, "14111221"),
    ("adult", {"k": 5, "t": 0.2}, 0, "dm", 4.56853172e8, "14113221"),
]
WHOLE_CASES = [
    # TestAnonymizationKAnonymity: nine quasi-identifiers
    ({"k": 5}, "entropy", 407289.5388925293, "121132211"),
    ({"k": 100}, "entropy", 453196.8932458743, "041132211"),
    # AECS and DM* of ARX 3.9.2, nothing suppressed
    ({"k": 5}, "aecs", 30162 / 48, None),
    ({"k": 10}, "aecs", 30162 / 32, None),
    ({"k": 5}, "dm", 3.363e7, None),
    ({"k": 10}, "dm", 5.517e7, None),
]


def run(folder: Path, names: tuple[str, ...], table: str, **given: Any) -> dict[str, Any]:
    """`recoded` on a spec beside the files of Adult."""
    spec = {
        "table": str(ADULT / f"{table}.csv"),
        "quasi_identifiers": {name: str(ADULT / f"adult_hierarchy_{name}.csv") for name in names},
        **given,
    }
    file = folder / "spec.yaml"
    file.write_text(yaml.safe_dump(spec), "utf-8")
    return recoded(file)


@pytest.mark.parametrize(("q", "k", "limit", "loss", "suppressed", "classes", "levels"), OPTIMA)
def test_the_optimum_of_arx(
    tmp_path: Path, q: int, k: int, limit: float, loss: float, suppressed: int, classes: int, levels: str
) -> None:
    names = QI9[:q]
    found = run(tmp_path, names, "adult", model={"k": k}, suppression_limit=limit)
    assert round(found["loss"], 6) == loss
    assert (found["suppressed"], found["classes"]) == (suppressed, classes)
    assert "".join(str(found["levels"][name]) for name in names) == levels


@pytest.mark.parametrize(("table", "model", "limit", "measure", "loss", "levels"), ARX_CASES)
def test_what_arx_expects_of_other_models(
    tmp_path: Path, table: str, model: dict[str, Any], limit: float, measure: str, loss: float, levels: str
) -> None:
    given: dict[str, Any] = {"model": dict(model), "suppression_limit": limit, "loss": measure}
    if "t" in model or "l" in model:
        given["sensitive"] = ["occupation"]
    if isinstance(model.get("t"), dict) and "hierarchy" in model["t"]:
        given["model"]["t"] = model["t"] | {"hierarchy": str(ADULT / model["t"]["hierarchy"])}
    if table == "adult_subset":
        given["population"] = str(ADULT / "adult.csv")
    found = run(tmp_path, OCCUPATION, table, **given)
    assert found["loss"] == pytest.approx(loss, rel=1e-9)
    assert "".join(str(found["levels"][name]) for name in OCCUPATION) == levels


@pytest.mark.parametrize(("model", "measure", "loss", "levels"), WHOLE_CASES)
def test_other_losses_with_nothing_suppressed(
    tmp_path: Path, model: dict[str, Any], measure: str, loss: float, levels: str | None
) -> None:
    found = run(tmp_path, QI9, "adult", model=model, loss=measure)
    assert found["loss"] == pytest.approx(loss, rel=1e-4 if measure == "dm" else 1e-9)
    assert found["suppressed"] == 0
    if levels is not None:
        assert "".join(str(found["levels"][name]) for name in QI9) == levels


def test_mondrian_loses_a_tenth(tmp_path: Path) -> None:
    found = run(tmp_path, QI9, "adult", model={"k": 5}, method="mondrian")
    assert found["suppressed"] == 0
    assert 4000 < found["classes"] < 4300
    assert 0.035 < found["loss"] < 0.045
