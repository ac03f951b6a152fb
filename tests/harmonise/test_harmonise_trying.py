"""What check tells before a build would stumble over it: each mistake once, with its file and line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harmonise_desk import files, mapped, prop, write

from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.service.trying import tried

Act = Callable[..., Actor]
NUMBER = {"from": "n", "as": "number"}
PROPERTIES = (prop("v"), prop("n", "number"), prop("t", "timestamp"))
COLUMNS: dict[str, Any] = {"v": "v", "n": NUMBER, "t": {"from": "t", "as": "timestamp", "zone": "UTC"}}


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("n", "should come to true or false"),
        ("v", "stops at ordinary values"),
        ("v > 5", "stops at ordinary values"),
        ("cast(v as integer) > 1", "stops at ordinary values (Conversion)"),
        ("n > 5", ""),
        ("try_cast(v AS integer) > 1", ""),
        ("v = '5' AND t > '2020-01-01'", ""),
        ("v IS NULL OR length(v) > 3", ""),
    ],
)
def test_conditions_are_tried_on_ordinary_values(when: str, said: str) -> None:
    found = tried(mapped(files(COLUMNS, *PROPERTIES, checks=[{"reason": "bad", "when": when}])))
    assert [problem.where for problem in found] == (["mappings/things.yaml: checks[0].when"] if said else [])
    assert all(said in problem.en and problem.zh for problem in found)


@pytest.mark.parametrize(
    ("column", "said"),
    [({"constant": "abc"}, "it is no number"), ({"constant": 500, "between": [0, 10]}, "outside the declared range"),
     ({"constant": 36}, "")],
)  # fmt: skip
def test_constants_that_would_hold_every_row_are_told(column: dict[str, Any], said: str) -> None:
    found = tried(mapped(files({**COLUMNS, "n": column}, *PROPERTIES)))
    assert [problem.where for problem in found] == (["mappings/things.yaml: columns.n.constant"] if said else [])
    assert all(said in problem.en for problem in found)


@pytest.mark.parametrize(
    ("pattern", "good"),
    [("[A-Z]{4}[0-9]{7}", True), ("\\p{Han}+", True), ("([A-Z", False), ("(?=A)B", False), ("(.)\\1", False)],
)
def test_patterns_that_would_stop_a_build_are_told(pattern: str, good: bool) -> None:
    options = {"logicalTypeOptions": {"pattern": pattern}}
    found = tried(mapped(files({"v": "v"}, prop("v", **options), prop("w", **options))))
    assert [problem.where for problem in found] == ([] if good else ["mappings/things.yaml: columns.v"])
    assert all(pattern in problem.zh and pattern in problem.en for problem in found)


def test_a_constant_that_hangs_on_a_column_is_left_to_the_build() -> None:
    code = {"constant": "1", "as": "code", "codes": "cc", "on": "t"}
    contents = files({**COLUMNS, "v": code}, *PROPERTIES)
    contents["standards/cc.codes.yaml"] = {"codes": {"1": "a"}}
    assert tried(mapped(contents)) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"mappings/things.yaml": {"checks": [{"reason": "bad", "when": "n"}]}}, ("mappings/things.yaml", "checks[0].when")),
        ({"mappings/things.yaml": {"checks": [{"reason": "bad", "when": "nofunc(n) > 1"}]}},
         ("mappings/things.yaml", "checks[0].when")),
        ({"sources/things.yaml": {"load": {"by": "snapshot", "key": ["nope"]}}}, ("sources/things.yaml", "load.key[0]")),
    ],
)  # fmt: skip
def test_every_problem_has_its_file_and_line(
    store: Store, node_folder: Path, act: Act, change: dict[str, Any], place: tuple[str, str]
) -> None:
    harmonise.install(store, node_folder)
    contents = files({"n": NUMBER}, prop("n", "number"))
    for file, more in change.items():
        contents[file] |= more
    write(node_folder / "work", contents)
    (node_folder / "work" / "things.json").write_text('[{"n": 1}, {"n": 2}]')
    person = act("data_engineer")
    with store.read(person) as tx:
        (problem,) = harmonise.check(tx, workspace="work")["problems"]
    assert (problem["file"], problem["where"]) == place
    assert problem["line"] > 1
    with pytest.raises(Refusal) as caught, store.begin(person, "harmonise") as tx:
        harmonise.build(tx, workspace="work", mapping="things")
    assert caught.value.code in {"STD-410", "STD-412"}


def test_a_renamed_column_is_told_once_where_the_mapping_reads_it(store: Store, node_folder: Path, act: Act) -> None:
    harmonise.install(store, node_folder)
    write(node_folder / "work", files({"n": NUMBER}, prop("n", "number")))
    data, person = node_folder / "work" / "things.json", act("data_engineer")
    data.write_text('[{"n": 1}, {"n": 2}]')
    with store.begin(person, "harmonise") as tx:
        harmonise.build(tx, workspace="work", mapping="things")
    data.write_text('[{"m": 1}, {"m": 2}]')
    with store.read(person) as tx:
        problems = harmonise.check(tx, workspace="work")["problems"]
    about = [problem for problem in problems if "n: is gone; it is probably called m now" in problem["en"]]
    assert [(problem["file"], problem["where"]) for problem in about] == [("mappings/things.yaml", "columns.n")]
    assert all(problem["line"] for problem in problems)
    assert len(problems) == 1


def test_mistakes_of_the_standard_the_mapping_and_its_checks_are_told_at_once(
    store: Store, node_folder: Path, act: Act
) -> None:
    """A property that ODCS does not know, one without a Chinese name, a wrong zone, a constant and two conditions."""
    contents = files(
        {
            "v": "v", "n": {"from": "n", "as": "number", "unit": "km/h"}, "k": "k", "l": {"from": "l", "as": "number"},
            "t": {"from": "t", "as": "timestamp", "zone": "Mars"}, "c": {"constant": "abc", "as": "number"},
        },
        prop("v"), {**prop("n", "number"), "requred": True}, {**prop("k", "whole")}, {**prop("l"), "logicalType": 5},
        prop("t", "timestamp"), prop("c", "number"), {**prop("z", "number"), "synonyms": []},
        checks=[{"reason": "odd", "when": "v >"}, {"reason": "fast", "when": "n"}, {"reason": "bad", "when": "v > 5"},
                {"reason": "unknown", "when": "nn > 5"}, {"reason": "not_tried", "when": "k > 5"}],
    )  # fmt: skip
    harmonise.install(store, node_folder)
    write(node_folder / "work", contents)
    (node_folder / "work" / "things.json").write_text('[{"v": "a", "n": 1, "t": "x", "k": 1, "l": 1}]')
    with store.read(act("data_engineer")) as tx:
        told = harmonise.check(tx, workspace="work")["problems"]
    found = {(problem["file"].split("/")[0], problem["where"]) for problem in told}
    assert found >= {
        ("standards", "schema.0.properties.1"), ("standards", "schema.0.properties.2.logicalType"),
        ("standards", "schema.0.properties.3.logicalType"), ("standards", "schema.properties.z"),
        ("mappings", "columns.t.zone"), ("mappings", "columns.c.constant"), ("mappings", "checks[0].when"),
        ("mappings", "checks[1].when"), ("mappings", "checks[2].when"), ("mappings", "checks[3].when"),
    }  # fmt: skip
    assert not {where for _, where in found} & {"columns.n", "columns.n.unit", "columns.l", "checks[4].when"}
    assert all(problem["line"] for problem in told)
