"""`datong treat` on files: what is written, what is refused and leaves nothing, and the keys of agreements."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from datong.app import init, open_here
from datong.cli.commands import datong
from datong.deidentify import service as deidentify
from datong.deidentify.rules.treatments.keys import derived
from datong.deidentify.rules.treatments.tokens import hmac_tokens
from datong.deidentify.service.treatment_keys import key_in, key_of_agreement
from datong.ground.refusal import Refusal

ROWS = "id,name,age\np1,王伟,31\np2,李娜,47\np1,王伟,32\n"
PLAN = """
agreement: A1
purpose: research
columns:
  id: {as: token, by: hmac}
  name: drop
  age: {as: rounded, step: 10}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(ROWS, "utf-8")
    (tmp_path / "plan.yaml").write_text(PLAN, "utf-8")
    (tmp_path / "key").write_text("0123456789abcdef" * 4 + "\n", "ascii")
    (tmp_path / "key").chmod(0o600)
    return tmp_path


def treat(desk: Path, *more: str) -> tuple[int, str]:
    told = CliRunner().invoke(
        datong, ["treat", str(desk / "people.csv"), "--plan", str(desk / "plan.yaml"), "--workspace", str(desk), *more]
    )
    if isinstance(told.exception, Refusal):
        return 1, str(told.exception)
    assert told.exception is None, told.exception
    return told.exit_code, told.output


TREE = "31;30-39;*\n32;30-39;*\n47;40-49;*\n"


def test_a_column_is_generalised_by_a_hierarchy_file(desk: Path) -> None:
    plan = PLAN.replace("{as: rounded, step: 10}", "{as: generalised, hierarchy: ages.csv, level: 1}")
    (desk / "plan.yaml").write_text(plan, "utf-8")
    (desk / "ages.csv").write_text(TREE, "utf-8")
    (desk / "people.csv").write_text(ROWS + "p3,赵敏,\n", "utf-8")
    code, told = treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.csv"))
    assert code == 0, told
    lines = (desk / "out.csv").read_text("utf-8").splitlines()
    assert lines[0].split(",")[1] == '"age"'
    assert sorted(line.split(",")[1] for line in lines[1:]) == ["", '"30-39"', '"30-39"', '"40-49"']


@pytest.mark.parametrize(("level", "tree", "said"), [
    (3, TREE, "ages.csv has 2 levels only"), (0, TREE, "at least 1"), (1, TREE.replace("47", "48"), "not in the hierarchy file"),
    (1, TREE.replace("32;30-39;*", "32;30-39;x"), "another parent"), (1, None, "there is no such file"),
])  # fmt: skip
def test_a_hierarchy_that_does_not_fit_is_refused(desk: Path, level: int, tree: str | None, said: str) -> None:
    plan = PLAN.replace("{as: rounded, step: 10}", f"{{as: generalised, hierarchy: ages.csv, level: {level}}}")
    (desk / "plan.yaml").write_text(plan, "utf-8")
    if tree is not None:
        (desk / "ages.csv").write_text(tree, "utf-8")
    code, told = treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.csv"))
    assert code == 1
    assert said in told
    assert "47" not in told
    assert not (desk / "out.csv").exists()


def test_a_table_is_treated_and_what_remains_is_told(desk: Path) -> None:
    _, said = treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.csv"), "--json")
    told = json.loads(said)
    assert [column["treatment"] for column in told["columns"]] == ["token", "drop", "rounded"]
    assert told["rows_written"] == 3
    lines = (desk / "out.csv").read_text("utf-8").splitlines()
    assert lines[0] == '"id","age"'
    assert len(set(lines[1:])) == 2
    assert "p1" not in lines[1]
    assert "王伟" not in said + "".join(lines)
    assert "0123456789abcdef" not in said
    assert treat(desk, "--key-file", str(desk / "key"))[0] == 0, "without --out it only says"


def test_parquet_keeps_its_types_and_holds_tokens_as_bytes(desk: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "name": ["a", "b"], "age": [31.5, 49.0]}), desk / "people.csv")
    treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.parquet"))
    made = pq.read_table(desk / "out.parquet")
    assert made.schema.field("id").type == pa.binary(16)
    assert sorted(made["age"].to_pylist()) == [30, 50]


def test_rows_of_two_recipients_are_not_linked_by_where_they_stand(desk: Path) -> None:
    """Tokens of two agreements cannot be linked; row 7 of the one table was row 7 of the other, and of the class list."""
    ids = [f"p{n}" for n in range(300)]
    (desk / "people.csv").write_text("id,name,age\n" + "".join(f"{one},x,31\n" for one in ids), "utf-8")
    tokens = {}
    for agreement in ("A1", "A2"):
        (desk / "plan.yaml").write_text(PLAN.replace("agreement: A1", f"agreement: {agreement}"), "utf-8")
        out = desk / f"{agreement}.parquet"
        assert treat(desk, "--key-file", str(desk / "key"), "--out", str(out))[0] == 0
        tokens[agreement] = pq.read_table(out)["id"].to_pylist()
        assert treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / f"{agreement}-again.parquet"))[0] == 0
        assert (desk / f"{agreement}-again.parquet").read_bytes() == out.read_bytes()
    root = key_in(desk / "key")
    of = {name: hmac_tokens(pa.array(ids), derived(root, agreement=name, domain="id", purpose="research", use="token hmac"))
          for name in tokens}  # fmt: skip
    who = {name: dict(zip(of[name].to_pylist(), ids, strict=True)) for name in tokens}
    linked = sum(who["A1"][one] == who["A2"][other] for one, other in zip(tokens["A1"], tokens["A2"], strict=True))
    assert linked < 10, "by chance one in three hundred"
    assert sum(who["A1"][one] == known for one, known in zip(tokens["A1"], ids, strict=True)) < 10


def test_lists_dictionaries_and_nulls_of_parquet(desk: Path) -> None:
    nested = pa.array([[1], [2]])
    codes = pa.array(["x", "y"]).dictionary_encode()
    pq.write_table(pa.table({"id": codes, "name": nested, "age": pa.array([None, None])}), desk / "people.csv")
    told = json.loads(treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.parquet"), "--json")[1])
    assert [column["distinct_before"] for column in told["columns"]] == [2, None, 0]
    (desk / "plan.yaml").write_text(PLAN.replace("name: drop", "name: keep"), "utf-8")
    refused = treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.csv"))[1]
    assert "name: holds lists or structs, which CSV cannot hold" in refused
    (desk / "plan.yaml").write_text(PLAN.replace("name: drop", "name: {as: token}"), "utf-8")
    assert "the column holds no single values" in treat(desk, "--key-file", str(desk / "key"))[1]
    (desk / "plan.yaml").write_text(PLAN.replace("name: drop", "name: keep") + "rows: {columns: [name], fewest: 2}\n")
    assert "rows: the column holds no single values" in treat(desk, "--key-file", str(desk / "key"))[1]


@pytest.mark.parametrize("ward", ["ward: keep", "ward: {as: rare_blanked, fewest: 5}"])
def test_a_dictionary_of_parquet_keeps_no_value_that_was_left_out(desk: Path, ward: str) -> None:
    """A column of categories has a list of all of them beside its rows, and a writer writes it whole: of the ward whose
    two rows were too rare to leave, and of those that no row of this table was ever in."""
    codes = pa.array([0, 1] * 20 + [2, 2], pa.int32())
    wards = pa.DictionaryArray.from_arrays(codes, pa.array(["A", "B", "of the SECRETPERSON", "UNUSEDNAME"]))
    whole = pa.StructArray.from_arrays([wards], ["in"])
    pq.write_table(pa.table({"ward": wards, "whole": whole}), desk / "people.csv")
    assert b"SECRETPERSON" in (desk / "people.csv").read_bytes()
    (desk / "plan.yaml").write_text(f"columns:\n  {ward}\n  whole: keep\nrows: {{columns: [ward], fewest: 3}}\n")
    if "keep" not in ward:
        (desk / "plan.yaml").write_text(f"columns:\n  {ward}\n  whole: drop\n")
    assert treat(desk, "--out", str(desk / "out.parquet"))[0] == 0
    written = (desk / "out.parquet").read_bytes()
    assert b"SECRETPERSON" not in written and b"UNUSEDNAME" not in written
    assert set(pq.read_table(desk / "out.parquet")["ward"].to_pylist()) - {None} == {"A", "B"}


def test_the_same_key_makes_the_same_tokens_in_another_process_of_work(desk: Path) -> None:
    for out in ("one.csv", "two.csv"):
        treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / out))
    assert (desk / "one.csv").read_bytes() == (desk / "two.csv").read_bytes()
    (desk / "key").write_text("f" * 64, "ascii")
    treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "three.csv"))
    assert (desk / "three.csv").read_bytes() != (desk / "one.csv").read_bytes()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plan.yaml": PLAN.replace("name: drop\n", "")}, "DID-450"),
        ({"plan.yaml": "columns: {id: [\n"}, "DID-450"),
        ({"people.csv": ROWS.replace("31", "NaN").replace("47", "many")}, "DID-451"),
        ({"key": "too short"}, "DID-452"),
        ({"people.csv": "id,name,age\np1,王伟,31,more\n"}, "DID-455"),
        ({"people.csv": ""}, "DID-455"),
        ({"people.csv": "id,name,age\n"}, "DID-455"),
        ({"out.csv": "is there"}, "DID-456"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_written(desk: Path, change: dict[str, str], code: str) -> None:
    for name, text in change.items():
        (desk / name).write_text(text, "utf-8")
    before = sorted(file.name for file in desk.iterdir())
    _, said = treat(desk, "--key-file", str(desk / "key"), "--out", str(desk / "out.csv"))
    assert said.startswith(f"[{code}]"), said
    assert sorted(file.name for file in desk.iterdir()) == before
    assert not {"王伟", "many", "too short"} & set(said.split())


def test_a_key_that_others_may_read_or_that_is_missing_is_refused(desk: Path) -> None:
    (desk / "key").chmod(0o644)
    assert "Others may read" in treat(desk, "--key-file", str(desk / "key"))[1]
    assert "cannot be read" in treat(desk, "--key-file", str(desk / "nowhere"))[1]
    assert treat(desk)[1].startswith("[DID-452]")
    (desk / "plan.yaml").write_text("columns: {id: drop, name: drop, age: keep}", "utf-8")
    assert treat(desk)[0] == 0, "without keyed treatments no key is asked for"


def test_a_missing_table_is_refused(desk: Path) -> None:
    (desk / "people.csv").unlink()
    assert treat(desk)[1].startswith("[DID-455]")


def test_without_the_extra_the_refusal_names_it(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "people.csv").write_text("id,name,age\n1,2,3\n", "utf-8")
    (desk / "plan.yaml").write_text(
        "columns: {id: {as: h3, latitude: name, resolution: 8}, name: drop, age: keep}", "utf-8"
    )
    assert treat(desk)[0] == 0
    monkeypatch.setitem(sys.modules, "h3.api.basic_int", None)
    refused = treat(desk)[1]
    assert refused.startswith("[DID-454]")
    assert "pip install 'datong[privacy]'" in refused


def test_a_node_keeps_one_key_per_agreement_until_it_is_destroyed(desk: Path) -> None:
    (desk / "datong.toml").write_text("", "utf-8")
    treat(desk, "--out", str(desk / "one.csv"))
    treat(desk, "--out", str(desk / "two.csv"))
    assert (desk / "one.csv").read_bytes() == (desk / "two.csv").read_bytes()
    [kept] = (desk / "keys" / "treatments").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert key_of_agreement(desk, "A1") != key_of_agreement(desk, "A2")

    key = deidentify.destroy_treatment_key(desk, "A1")
    assert len(key) == 16
    assert deidentify.destroy_treatment_key(desk, "A1") == key, "repeated, it says the same"
    assert not kept.exists()
    assert treat(desk)[1].startswith("[DID-453]")
    assert key_of_agreement(desk, "A2"), "the others stay"


def test_an_agreement_that_ended_without_a_key_gets_none_later(tmp_path: Path) -> None:
    assert deidentify.destroy_treatment_key(tmp_path, "A9") == ""
    key_of_agreement(tmp_path, "A8")
    [kept] = [file for file in (tmp_path / "keys" / "treatments").iterdir() if not file.suffix]
    kept.write_text("spoilt", "ascii")
    assert deidentify.destroy_treatment_key(tmp_path, "A8") == "unreadable", "the end of a delivery is not held up"
    with pytest.raises(Refusal, match="DID-453"):
        key_of_agreement(tmp_path, "A9")


def test_key_files_hold_hexadecimal_digits(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for text in ("ab" * 31, "g" * 64, "ab" * 32 + "c", "é" * 64, ""):
        file.write_text(text, "utf-8")
        file.chmod(0o600)
        with pytest.raises(Refusal, match="DID-452") as refused:
            key_in(file)
        assert not text or text not in str(refused.value)
    file.write_text("AB" * 40 + "\n", "ascii")
    assert key_in(file) == bytes.fromhex("AB" * 40)


def node_in(desk: Path) -> None:
    """A node in the folder whose people confirmed what the columns of `people` are."""
    init(desk, name="n", party=None, port=None, region="5201", kind="connector")
    with open_here(desk) as here, here.store.begin(here.person, "deidentify") as tx:
        deidentify.propose_classification(tx, dataset="people", file="people.csv")
        said = {"id": {"kind": "direct", "level": 3}, "name": {"kind": "direct", "level": 3}, "age": {}}
        deidentify.confirm_classification(tx, dataset="people", columns=said)
        deidentify.propose_classification(tx, dataset="open", file="people.csv")


def test_what_people_confirmed_of_the_dataset_binds_the_plan(desk: Path) -> None:
    node_in(desk)
    key = ("--key-file", str(desk / "key"))
    code, told = treat(desk, *key, "--dataset", "people", "--out", str(desk / "out.csv"))
    assert (code, "written" in told) == (0, True)
    plan = PLAN.replace("{as: token, by: hmac}", "keep").replace("name: drop", "name: {as: rare_blanked, fewest: 2}")
    (desk / "plan.yaml").write_text(plan, "utf-8")
    code, told = treat(desk, *key, "--dataset", "people", "--out", str(desk / "other.csv"))
    assert (code, told.startswith("[DID-469]")) == (1, True)
    assert "plan.yaml:5: columns.id: is confirmed as a direct identifier, and keep" in told
    assert "plan.yaml:6: columns.name: is confirmed as a direct identifier, and rare_blanked" in told
    assert not (desk / "other.csv").exists()
    assert treat(desk, *key, "--out", str(desk / "other.csv"))[0] == 0, "without a dataset the plan alone counts"


@pytest.mark.parametrize(
    ("treatment", "shown"),
    [
        ("{as: rounded, step: 1}", "rounded shows about what they are"),
        ("{as: noise, scale: 0.001}", "noise shows about what they are"),
        ("{as: micro_aggregated, k: 2}", "micro_aggregated shows about what they are"),
        ("{as: coarser, unit: minute}", "coarser shows about what they are"),
        ("{as: generalised, hierarchy: tree.csv, level: 1}", "2 groups of that level hold one value only"),
        ("{as: generalised, hierarchy: tree.csv, level: 2}", ""),
        ("masked", ""),
        ("{as: permuted, alphabet: digits}", ""),
    ],
)
def test_a_direct_identifier_goes_out_neither_under_another_name_nor_roughly(
    desk: Path, treatment: str, shown: str
) -> None:
    (desk / "people.csv").write_text("id,name,age\n1381,王伟,31\n1392,李娜,31\n1373,张敏,44\n1374,刘洋,44\n", "utf-8")
    (desk / "tree.csv").write_text("1381;1381;*\n1392;1392;*\n1373;137;*\n1374;137;*\n", "utf-8")
    node_in(desk)
    (desk / "plan.yaml").write_text(PLAN.replace("{as: token, by: hmac}", treatment), "utf-8")
    key, out = ("--key-file", str(desk / "key")), desk / "out.csv"
    code, told = treat(desk, *key, "--dataset", "people", "--out", str(out))
    if shown:
        assert (code, told.startswith("[DID-469]")) == (1, True), told
        assert f"columns.id: is confirmed as a direct identifier, and {shown}" in told
        assert not out.exists()
    else:
        assert code == 0, told


def test_a_dataset_that_nobody_confirmed_is_not_treated(desk: Path) -> None:
    node_in(desk)
    for dataset in ("open", "nowhere"):
        code, told = treat(desk, "--key-file", str(desk / "key"), "--dataset", dataset, "--out", str(desk / "out.csv"))
        assert (code, told.startswith("[DID-463]")) == (1, True)
    (desk / "people.csv").write_text("id,name,age,fresh\np1,王伟,31,x\n", "utf-8")
    (desk / "plan.yaml").write_text(PLAN + "  fresh: keep\n", "utf-8")
    code, told = treat(desk, "--key-file", str(desk / "key"), "--dataset", "people", "--out", str(desk / "out.csv"))
    assert "fresh: is not in the classification" in told
    assert not (desk / "out.csv").exists()
