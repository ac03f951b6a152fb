"""The commands in a folder: from nothing to harmonised rows, with no node running."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datong.ground import db

MAPPING = """source: visits
standard: visit
columns:
  visit_id: "no"
  plate: {from: plate, as: plate}
  entered_at: {from: in, as: timestamp, zone: Asia/Shanghai}
"""
STANDARD = """apiVersion: v3.2.0
kind: DataContract
id: visit
version: 1.0.0
status: active
schema:
  - name: visit
    logicalType: object
    properties:
      - {name: visit_id, businessName: Visit, synonyms: [{synonym: 停车编号, locale: zh-CN}], logicalType: string, required: true}
      - {name: plate, businessName: Plate, synonyms: [{synonym: 号牌号码, locale: zh-CN}], logicalType: string, classification: personal}
      - {name: entered_at, businessName: In, synonyms: [{synonym: 入场时间, locale: zh-CN}], logicalType: timestamp}
"""
ROWS = "no,plate,in\n1,贵A12345,2026-02-01 08:03:11\n2,贵AO2345,2026-02-01 09:00:00\n3,贵B77001,2026-02-01 10:00:00\n"


@dataclass
class Run:
    returncode: int
    stdout: str
    stderr: str


def datong(folder: Path, *arguments: str, **environment: str) -> Run:
    """The command as its entry point runs it, in this process (test_cli.py starts real ones)."""
    from datong.cli import main

    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patched, contextlib.chdir(folder),
        contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
    ):  # fmt: skip
        patched.setattr(sys, "argv", ["datong", *arguments])
        for name, value in {"LANG": "C.UTF-8", **environment}.items():
            patched.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Run(code, out.getvalue(), err.getvalue())


def read(run: Run) -> Any:
    return json.loads(run.stdout)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    made = datong(tmp_path, "init", "work")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "work"
    (folder / "visits.csv").write_text(ROWS, "utf-8")
    (folder / "sources/visits.yaml").write_text("kind: csv\npath: visits.csv\n")
    (folder / "standards/visit.odcs.yaml").write_text(STANDARD, "utf-8")
    (folder / "mappings/visits.yaml").write_text(MAPPING)
    return folder


def test_init_needs_nothing_and_never_writes_over(tmp_path: Path) -> None:
    made = datong(tmp_path, "init", "中文 folder")
    assert made.returncode == 0, made.stderr
    folder = tmp_path / "中文 folder"
    assert {path.name for path in folder.iterdir()} == {
        "datong.toml",
        "keys",
        "sources",
        "standards",
        "mappings",
        ".gitignore",
    }
    assert (folder / "keys/node.pem").stat().st_mode & 0o777 == 0o600
    assert "keys/" in (folder / ".gitignore").read_text("utf-8"), "the key must not get into git"
    assert 'name = "中文 folder"' in (folder / "datong.toml").read_text("utf-8")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    again = datong(tmp_path, "init", "中文 folder", "--name", "other")
    assert again.returncode == 5 and "APP-410" in again.stderr
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    served = datong(folder, "serve", ".")
    assert served.returncode == 2 and "CFG-400" in served.stderr
    assert all(f"node.{key}" in served.stderr for key in ("party", "address", "port"))


def test_init_tells_all_that_is_wrong(tmp_path: Path) -> None:
    wrong = ("--name", 'a"b', "--party", "x", "--port", "0", "--region", "x", "--kind", "moon", "--data", "none")
    refused = datong(tmp_path, "init", "work", *wrong)
    assert refused.returncode == 2 and not (tmp_path / "work").exists()
    assert all(f"- {name}:" in refused.stderr for name in ("name", "party", "port", "region", "kind", "data"))


def test_a_build_clears_away_what_one_that_was_killed_left(work: Path) -> None:
    staged = work / "data/harmonised/.staged"
    for left in ("reading-0123", "build-of-a-process-that-died"):
        (staged / left).mkdir(parents=True)
        (staged / left / "harmonised.parquet").write_bytes(b"half")
    assert datong(work, "build").returncode == 0
    assert list(staged.iterdir()) == []


def test_check_names_the_columns_nobody_has_decided_about(work: Path) -> None:
    rows = (work / "visits.csv").read_text("utf-8").splitlines()
    wider = [f"{row},{more}" for row, more in zip(rows, ("note,gate", "a,1", "b,2", "c,3"), strict=True)]
    (work / "visits.csv").write_text("\n".join(wider) + "\n", "utf-8")
    assert read(datong(work, "check", "--json"))["mappings"][0]["unmapped"] == ["note", "gate"]
    assert "  neither mapped nor in left: note, gate\n" in datong(work, "check").stdout
    with (work / "mappings/visits.yaml").open("a") as mapping:
        mapping.write("left: [note]\n")
    assert read(datong(work, "check", "--json"))["mappings"][0]["unmapped"] == ["gate"]


def test_check_and_build(work: Path) -> None:
    fine = datong(work, "check", "--json")
    assert fine.returncode == 0, fine.stderr
    assert read(fine) == {
        "accepted": True, "problems": [], "changes": [],
        "mappings": [{"mapping": "visits", "source": "visits", "standard": "visit", "rows": 3, "unmapped": [], "suspicions": []}],
    }  # fmt: skip
    built = datong(work, "build", "--json")
    assert built.returncode == 0, built.stderr
    (row,) = read(built)
    assert set(row) == {"table", "read", "written", "quarantined", "reasons", "seconds"}
    assert (row["table"], row["read"], row["written"], row["quarantined"]) == ("visits", 3, 2, 1)
    assert row["reasons"] == {"plate_format": 1}
    assert sum(row["reasons"].values()) == row["quarantined"] and row["seconds"] > 0
    (file,) = (work / "data/harmonised/visits").glob("*/harmonised.parquet")
    assert pq.read_table(file)["plate"].to_pylist() == ["贵A12345", "贵B77001"]
    shown = datong(work, "build")
    assert "visits" in shown.stdout and str(file.relative_to(work)) in shown.stdout
    held = datong(work, "quarantine", "visits", "--json")
    (mended,) = read(held)["rows"]
    assert (mended["row"], mended["reason"], mended["original"], mended["suggestion"]) == (
        2,
        "plate_format",
        "贵AO2345",
        "贵A02345",
    )
    assert "贵A02345" in datong(work, "quarantine", "visits").stdout


def test_a_changed_source_is_told_with_its_column(work: Path) -> None:
    assert datong(work, "build").returncode == 0
    more = "".join(f"{line},{word}\n" for line, word in zip(ROWS.splitlines(), ("fee", 5, 5, 5), strict=True))
    (work / "visits.csv").write_text(more, "utf-8")
    for command in ("check", "build"):
        assert "visits: the source changed: fee: is new" in datong(work, command).stdout, command


def test_the_quarantine_of_a_refused_build_is_none_and_says_so(work: Path) -> None:
    mapping = work / "mappings" / "visits.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("as: plate", "as: vin"), "utf-8")
    assert "STD-420" in datong(work, "build", "visits").stderr
    told = datong(work, "quarantine", "visits").stderr
    assert "STD-470" in told and "of 3 rows" in told and "no such resource" not in told


def test_rows_of_the_build_before_a_refused_one_are_told_to_be_that(work: Path) -> None:
    assert datong(work, "build", "visits").returncode == 0
    assert "refused" not in datong(work, "quarantine", "visits").stderr
    mapping = work / "mappings" / "visits.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("as: plate", "as: vin"), "utf-8")
    assert "STD-420" in datong(work, "build", "visits").stderr
    shown = datong(work, "quarantine", "visits", "--json")
    assert "The last build was refused (3 of 3 rows" in shown.stderr and "of the one before it" in shown.stderr
    assert read(shown)["rows"]


def test_quarantined_rows_are_browsed_by_reason_and_page(work: Path) -> None:
    (work / "visits.csv").write_text(
        ROWS + "4,贵A77002,never\n5,贵B77003,yesterday\n6,贵B77004,2026-02-01 11:00:00\n", "utf-8"
    )
    assert read(datong(work, "build", "--json"))[0]["reasons"] == {"plate_format": 1, "not_a_time": 2}

    def shown(*which: str) -> tuple[list[int], int]:
        found = read(datong(work, "quarantine", "visits", *which, "--json"))
        return [row["row"] for row in found["rows"]], found["total"]

    assert shown("--reason", "not_a_time") == ([4, 5], 2)
    assert shown("--offset", "1", "--limit", "1") == ([4], 3)
    assert shown("--reason", "nothing_known") == ([], 0)
    assert "2 to 3 of 3" in datong(work, "quarantine", "visits", "--offset", "1").stdout
    assert "\n0 of 3" in datong(work, "quarantine", "visits", "--offset", "9").stdout


def test_a_quarantined_row_is_repaired_beside_its_source(work: Path) -> None:
    assert read(datong(work, "build", "--json"))[0]["quarantined"] == 1
    for wrong in (("--row", "1", "--text", "x"), ("--row", "2"), ("--row", "2", "--text", "x", "--accept")):
        refused = datong(work, "repair", "visits", "--column", "plate", *wrong)
        assert refused.returncode == 2 and "STD-500" in refused.stderr, wrong
    assert "STD-421" in datong(work, "repair", "none", "--column", "plate", "--row", "2", "--accept").stderr
    done = datong(work, "repair", "visits", "--column", "plate", "--row", "2", "--accept", "--json")
    assert (done.returncode, read(done)["given"]) == (0, 1)
    (row,) = read(datong(work, "build", "--json"))
    assert (row["read"], row["written"], row["quarantined"]) == (3, 3, 0)
    assert (work / "visits.csv").read_text("utf-8") == ROWS, "the source stays as it is"


def test_a_repair_that_comes_to_nothing_is_told(work: Path) -> None:
    (work / "mappings/visits.yaml").write_text(MAPPING + "unique:\n  - columns: [visit_id]\n")
    (work / "visits.csv").write_text(ROWS + "1,贵A7700O,2026-02-01 11:00:00\n", "utf-8")
    assert read(datong(work, "build", "--json"))[0]["quarantined"] == 2
    for row, plate in (("4", "贵A77000"), ("2", "贵A0234")):  # another good row is visit 1, and no plate has five signs
        datong(work, "repair", "visits", "--column", "plate", "--row", row, "--text", plate)
    told = datong(work, "build")
    assert "visits: repairs without effect, 1: the row would share its key with one that differs" in told.stdout
    assert "visits: repairs without effect, 1: the row is quarantined with them, too" in told.stdout
    repaired = read(datong(work, "build", "--json"))[0]["repaired"]
    assert (repaired["rows"], repaired["conflicting"], repaired["held"]) == (0, 1, 1)


def test_every_problem_at_once_with_file_and_line(work: Path) -> None:
    (work / "mappings/visits.yaml").write_text(
        MAPPING.replace("from: plate", "from: plates").replace("zone: Asia/Shanghai", "zoen: x")
    )
    (work / "mappings/more.yaml").write_text("source: none\nstandard: visit\nsource: twice\n")
    (work / "sources/other.yaml").write_text("kind: csv\npath: /etc/passwd\n")
    told = datong(work, "check", "--json")
    assert told.returncode == 2
    problems = read(told)["problems"]
    assert all(set(p) == {"file", "line", "where", "zh", "en"} for p in problems)
    places = {(p["file"], p["line"]) for p in problems}
    assert {("mappings/visits.yaml", 6), ("mappings/more.yaml", 3), ("sources/other.yaml", 2)} <= places
    text = datong(work, "check").stdout
    assert "mappings/more.yaml:3: a key is there twice" in text
    assert "有误" in datong(work, "check", LANG="zh_CN.UTF-8").stdout


def test_columns_that_are_not_there_are_told_with_what_else_is_wrong(work: Path) -> None:
    wrong = MAPPING.replace("from: plate,", "from: plates,").replace("Asia/Shanghai", "Beijing")
    (work / "mappings" / "visits.yaml").write_text(wrong.replace("as: plate", "as: plat"))
    found = read(datong(work, "check", "--json"))
    assert [(p["line"], p["where"], p["en"].split(";")[-1].strip()) for p in found["problems"]] == [
        (5, "columns.plate.as", "nearest: plate, latitude, date"),
        (6, "columns.entered_at.zone", "nearest: Asia/Shanghai"),
        (5, "columns.plate", "nearest: plate"),
    ]
    (work / "visits.csv").unlink()
    found = read(datong(work, "check", "--json"))
    assert ["no such file" in p["en"] for p in found["problems"]] == [False, False, True]


def test_a_build_of_nothing_is_told(work: Path) -> None:
    (work / "mappings" / "visits.yaml").rename(work / "mappings" / "visits.yml.txt")
    run = datong(work, "build", "--json")
    assert (run.returncode, json.loads(run.stderr)["code"]) == (2, "CLI-402")


def test_one_refused_mapping_does_not_stop_the_others(work: Path) -> None:
    (work / "mappings/bad.yaml").write_text(MAPPING.replace("from: plate", "from: plates"))
    (work / "mappings/worse.yaml").write_text(
        MAPPING.replace("plate: {from: plate, as: plate}", "plate: {from: in, as: plate}")
    )
    built = datong(work, "build", "--json")
    assert built.returncode == 2
    assert [row["table"] for row in read(built)] == ["visits"]
    assert '"STD-412"' in built.stderr and '"STD-420"' in built.stderr
    assert not list((work / "data/harmonised").glob("bad/*")), "a refused build leaves no file"
    assert "bad: [STD-412]" in datong(work, "build", "bad").stderr
    assert datong(work, "build", "none").returncode == 2


def test_resource_codes(work: Path) -> None:
    assert datong(work, "build", "--resource", "res-1", "visits").returncode == 0
    assert (work / "data/harmonised/res-1").is_dir()
    (work / "mappings/visits.yaml").write_text(f"resource: res-2\n{MAPPING}")
    assert datong(work, "build").returncode == 0
    assert (work / "data/harmonised/res-2").is_dir()
    (work / "mappings/again.yaml").write_text(MAPPING)
    refused = datong(work, "build", "--resource", "res-3")
    assert refused.returncode == 2 and "CLI-400" in refused.stderr


def test_a_match_waits_for_a_person(work: Path, tmp_path: Path) -> None:
    (tmp_path / "车辆.csv").write_text(
        "车牌号,更新时间,zzq\n" + "".join(f"贵A{n:05},2026-02-01 08:{n:02}:00,{n}\n" for n in range(40)), "utf-8"
    )
    outside = datong(work, "match", "../车辆.csv", "--standard", "transport")
    assert outside.returncode == 2 and "STD-451" in outside.stderr, "sources begin in the workspace already"
    (tmp_path / "车辆.csv").rename(work / "车辆.csv")
    told = datong(work, "match", "车辆.csv", "--standard", "transport", "--json")
    assert told.returncode == 0, told.stderr
    proposals = read(told)
    assert [set(p) for p in proposals] == [{"source_column", "element", "score", "reason"}] * 3
    assert [p["source_column"] for p in proposals] == ["车牌号", "更新时间", "zzq"]
    assert proposals[0]["element"] == "vehicle_plate"
    assert all(0 <= p["score"] <= 1 and p["reason"] for p in proposals)
    assert "mappings/cheliang.yaml: written" in told.stderr
    waits = datong(work, "build", "cheliang")
    assert waits.returncode == 2 and "waits for a person" in waits.stderr
    mapping = work / "mappings/cheliang.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace(", confirm: true", ""), "utf-8")
    assert datong(work, "build", "cheliang").returncode == 0
    assert "车牌号" in datong(work, "match", "cheliang", "--standard", "transport").stdout


def test_the_first_file_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("车牌号,金额\n贵A12345,1\n贵B12345,2\n", "utf-8")
    assert datong(tmp_path, "init", "work").returncode == 0
    told = datong(tmp_path / "work", "match", "../data/a.csv", "--standard", "transport")
    assert told.returncode == 0, told.stderr
    assert f'data = "{tmp_path / "data"}"' in (tmp_path / "work/datong.toml").read_text("utf-8")
    assert datong(tmp_path / "work", "build").returncode == 0
    assert datong(tmp_path, "build", "--workspace", "work").returncode == 0


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:SECRET@h/d", "mysql+pymysql://u:SECRET@h/d", "https://u:SECRET@h/x", "https://h/x?token=SECRET"],
)
def test_no_secret_on_the_command_line(work: Path, url: str) -> None:
    refused = datong(work, "match", url, "--standard", "transport")
    assert refused.returncode == 2 and "STD-450" in refused.stderr and "--secret-from" in refused.stderr
    assert "SECRET" not in refused.stdout + refused.stderr
    assert not any("SECRET" in path.read_text("utf-8", "replace") for path in work.rglob("*.yaml"))


def test_a_table_by_its_address(work: Path) -> None:
    """A small API on a real socket: source, standard and mapping are written, and built when a person has looked."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first = "page=2" not in self.path
            rows = [{"plate": f"贵A{n:05}", "km": f"{n}.5"} for n in (range(15) if first else range(15, 20))]
            body = json.dumps({"total": 20, "rows": rows}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/trips"
    told = datong(work, "match", url, "--standard", "transport")
    assert told.returncode == 0, told.stderr
    assert "sources/trips.yaml: written" in told.stdout and "A second page came that way" in told.stdout
    mapping = work / "mappings/trips.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace(", confirm: true", ""), "utf-8")
    (row,) = read(datong(work, "build", "trips", "--json"))
    server.shutdown()
    server.server_close()
    assert (row["read"], row["written"]) == (20, 20)


def test_a_build_tells_what_its_rows_make_one_suspect(work: Path) -> None:
    lines = ["no,plate,in", *(f"{n},贵A{n:05},2026-02-01 08:00:00" for n in range(120))]
    (work / "visits.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (row,) = read(datong(work, "build", "--json"))
    assert list(row) == ["table", "read", "written", "quarantined", "reasons", "seconds", "suspicions"]
    assert [(one["kind"], one["columns"]) for one in row["suspicions"]] == [("constant", ["in"])]
    shown = datong(work, "build").stdout
    assert "visits:\n  suspicion: in: " in shown, "told again when the same is built again"
    assert "疑点" in datong(work, "build", LANG="zh_CN.UTF-8").stdout


def test_refusals_speak_both_languages_and_json(work: Path, tmp_path: Path) -> None:
    none = datong(tmp_path, "check")
    assert none.returncode == 4 and "CLI-404" in none.stderr and "datong init" in none.stderr
    assert "没有 datong.toml" in datong(tmp_path, "check", LANG="zh_CN.UTF-8").stderr
    assert json.loads(datong(tmp_path, "check", "--json").stderr)["code"] == "CLI-404"
    assert "STD-453" in datong(work, "match", "visit", "--standard", "transport").stderr


def test_a_configuration_of_another_node_writes_nothing_there(work: Path, tmp_path: Path) -> None:
    """A copied datong.toml whose store is another node's: its evidence would get leaves of a stranger's key."""
    assert datong(work, "build").returncode == 0
    assert datong(tmp_path, "init", "thief").returncode == 0
    thief = tmp_path / "thief"
    toml = thief / "datong.toml"
    toml.write_text(toml.read_text("utf-8") + f'[store]\nurl = "sqlite:///{work / "datong.db"}"\n', "utf-8")
    before = (work / "datong.db").read_bytes()
    for command in (("check",), ("build",), ("match", "x", "--standard", "transport")):
        refused = datong(thief, *command)
        assert refused.returncode == 5 and "APP-411" in refused.stderr, refused.stderr
    assert (work / "datong.db").read_bytes() == before


def test_a_store_that_another_process_writes_to_is_told(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert datong(work, "build").returncode == 0
    real = db._sqlite_pragmas

    def impatient(connection: Any, record: Any) -> None:
        real(connection, record)
        connection.execute("PRAGMA busy_timeout=50")

    monkeypatch.setattr(db, "_sqlite_pragmas", impatient)
    with contextlib.closing(sqlite3.connect(work / "datong.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = datong(work, "build")
    assert refused.returncode == 6 and "APP-412" in refused.stderr, refused.stderr


def test_terminal_signs_in_rows_are_not_obeyed(work: Path) -> None:
    (work / "visits.csv").write_text(ROWS + "4,\x1b]0;owned\x07[red]x,2026-02-01 08:03:11\n", "utf-8")
    assert datong(work, "build").returncode == 0
    shown = datong(work, "quarantine", "visits").stdout
    assert "\x1b" not in shown and "\\x1b" in shown and "[red]" in shown


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """Half a datong.toml is no node any more, and half a source is taken for a person's own by the next match."""
    assert datong(tmp_path, "init", ".").returncode == 0
    config = (tmp_path / "datong.toml").read_text("utf-8")
    script = f"""
import resource
from pathlib import Path
from datong.cli.workspace import _data_of
from datong.harmonise.store.workspace import written
here = Path({str(tmp_path)!r})
resource.setrlimit(resource.RLIMIT_FSIZE, (40, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
for write in (
    lambda: _data_of(here, here, Path("/elsewhere/cars.csv"), []),
    lambda: written(here, {{"sources/cars.yaml": "title: " + "x" * 100}}),
):
    try:
        write()
    except OSError as full:
        print(full.errno)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(errno.EFBIG)] * 2
    assert (tmp_path / "datong.toml").read_text("utf-8") == config
    assert list((tmp_path / "sources").iterdir()) == []
    assert not list(tmp_path.glob("*.staged"))
