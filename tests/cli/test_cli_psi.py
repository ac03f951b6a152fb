"""datong psi: two processes over mutual TLS learn what is in both and nothing under the threshold."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_cli_workspace import datong

from datong.cli import psi
from datong.cli.psi import _ids_of, _write_private, interpreter
from datong.ground.refusal import Refusal
from demo_run import PORT

Side = tuple[int, str, str]


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return interpreter()
    except Refusal as missing:
        return Path(str(pytest.skip(str(missing))))


def certificates(folder: Path, *names: str) -> None:
    """An authority and certificates of 127.0.0.1 signed by it: NAME.pem, NAME.key, authority.pem."""
    now = datetime.now(UTC)
    roots = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("authority", *names)}
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    for name, key in roots.items():
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(roots["authority"], hashes.SHA256())
        )  # fmt: skip
        (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / f"{name}.key").write_bytes(key.private_bytes(*plain))


def tables(folder: Path, left: range, right: range) -> None:
    names = [f"u{n}" for n in left]
    (folder / "left.csv").write_text("id,x\n" + "".join(f"{name},1\n{name},2\n" for name in names))
    pq.write_table(pa.table({"id": [f"u{n}" for n in right]}), folder / "right.parquet")


def both(folder: Path, python: Path, left: list[str], right: list[str]) -> tuple[Side, Side]:
    """Run the two sides as processes: (exit code, output, errors) of each."""
    addresses = ["--left", f"127.0.0.1:{PORT + 6}", "--right", f"127.0.0.1:{PORT + 7}", "--receiver", "left", "--json"]
    environment = {**os.environ, "DATONG_PSI_PYTHON": str(python), "LANG": "C.UTF-8"}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "datong", "psi", table, "--column", "id", "--side", side, *addresses, *more],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for side, table, more in (("left", "left.csv", left), ("right", "right.parquet", right))
    ]  # fmt: skip
    told = [process.communicate(timeout=240) for process in running]
    return tuple((process.returncode, *said) for process, said in zip(running, told, strict=True))  # type: ignore[return-value]


def tls(side: str, authority: str = "authority.pem") -> list[str]:
    return ["--certificate", f"{side}.pem", "--key", f"{side}.key", "--authority", authority]


def test_over_mutual_tls_the_receiver_gets_the_number_and_when_agreed_the_ids(tmp_path: Path, python: Path) -> None:
    certificates(tmp_path, "left", "right")
    tables(tmp_path, range(10_000), range(7_000, 17_000))
    left, right = both(
        tmp_path, python, [*tls("left"), "--ids-wanted", "--ids", "out"], [*tls("right"), "--ids-wanted"]
    )
    assert left[0] == right[0] == 0, left[2] + right[2]
    assert json.loads(left[1]) == {"entries": 10_000, "peer_entries": 10_000, "matched": 3_000}
    assert json.loads(right[1]) == {"entries": 10_000, "peer_entries": 10_000, "matched": None}
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    assert set((tmp_path / "out").read_text().split()) == {f"u{n}" for n in range(7_000, 10_000)}


def test_a_side_that_the_authority_did_not_sign_is_not_talked_to(tmp_path: Path, python: Path) -> None:
    certificates(tmp_path, "left", "right")
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    certificates(stranger, "right")
    tables(tmp_path, range(100), range(50, 150))
    mine = [*tls("left"), "--wait", "3"]
    theirs = ["--certificate", "stranger/right.pem", "--key", "stranger/right.key", "--authority", "authority.pem"]
    left, right = both(tmp_path, python, mine, [*theirs, "--wait", "3"])
    for side in (left, right):
        assert (side[0], json.loads(side[2])["code"]) == (6, "DID-489")
        assert side[1] == ""


@pytest.mark.parametrize(
    ("left", "right", "code"),
    [
        (["--least", "60"], ["--least", "60"], "DID-488"),
        (["--most", "100"], ["--most", "1000"], "DID-487"),
        (["--ids-wanted", "--ids", "out"], [], "DID-487"),
    ],
)
def test_small_results_and_other_terms_are_refused(
    tmp_path: Path, python: Path, left: list[str], right: list[str], code: str
) -> None:
    tables(tmp_path, range(100), range(50, 150))
    mine, theirs = both(tmp_path, python, [*left, "--without-tls"], [*right, "--without-tls"])
    assert json.loads(mine[2])["code"] == code
    assert mine[1] == ""
    assert (code == "DID-488") == (theirs[0] == 0)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("farewell", ["os.abort()", "time.sleep(60)"])
def test_a_result_that_was_told_stands_however_the_farewell_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, farewell: str
) -> None:
    party = tmp_path / "party.py"
    tells = "pathlib.Path(json.load(sys.stdin)['told']).write_text('{\"matched\": 3}')"
    party.write_text(f"import json, os, pathlib, sys, time\n{tells}\n{farewell}\n")
    monkeypatch.setattr(psi, "PARTY", party)
    monkeypatch.setattr(psi, "FAREWELL_SECONDS", 0.2)
    assert psi._run(Path(sys.executable), {"told": str(tmp_path / "told.json")}, peer="x") == {"matched": 3}
    party.write_text("raise SystemExit(1)\n")
    with pytest.raises(Refusal) as refused:
        psi._run(Path(sys.executable), {"told": str(tmp_path / "none.json")}, peer="x")
    assert refused.value.code == "DID-489"


def test_without_the_environment_it_says_how_to_make_it(tmp_path: Path) -> None:
    told = run(tmp_path, DATONG_PSI_PYTHON=str(tmp_path / "nowhere"))
    assert (told["code"], "make psi" in told["next"]["en"]) == ("DID-485", True)


def test_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    (tmp_path / "left.csv").write_text("id\nsecret-1\n")
    told = run(tmp_path, "--ids", "out", left="nowhere", DATONG_PSI_PYTHON=sys.executable)
    assert told["code"] == "DID-486"
    assert {p["where"] for p in told["problems"]} == {"left", "certificate", "key", "authority", "ids"}
    told = run(tmp_path, "--without-tls", left="198.51.100.7:9", DATONG_PSI_PYTHON=sys.executable)
    assert [p["where"] for p in told["problems"]] == ["left"]
    told = run(tmp_path, "--without-tls", column="no", DATONG_PSI_PYTHON=sys.executable)
    assert [p["where"] for p in told["problems"]] == ["column"]
    (tmp_path / "left.csv").write_text("id\nsecret-1\nsecret-2\n")
    told = run(tmp_path, "--without-tls", "--most", "1", DATONG_PSI_PYTHON=sys.executable)
    assert [p["where"] for p in told["problems"]] == ["column"]
    assert "secret" not in json.dumps(told)


def run(folder: Path, *more: str, left: str = "127.0.0.1:9", column: str = "id", **environment: str) -> dict[str, Any]:
    """The refusal of a left side that is given these."""
    if not (folder / "left.csv").exists():
        (folder / "left.csv").write_text("id\nu1\n")
    sides = ["--side", "left", "--left", left, "--right", "127.0.0.1:10", "--receiver", "left"]
    told = datong(folder, "psi", "left.csv", "--column", column, *sides, "--json", *more, **environment)
    assert told.returncode != 0
    refusal: dict[str, Any] = json.loads(told.stderr)
    return refusal


def test_ids_are_what_is_written_whichever_type_the_column_has(tmp_path: Path) -> None:
    ids = [13800138000, None, 7]
    for name, column in {
        "whole": pa.array(ids),
        "gaps": pa.array([None if n is None else float(n) for n in ids]),
    }.items():
        pq.write_table(pa.table({"id": column}), tmp_path / f"{name}.parquet")
        assert _ids_of(tmp_path / f"{name}.parquet", "id", 10, []) == {"13800138000", "7"}
    pq.write_table(pa.table({"id": [float("nan"), 1.0]}), tmp_path / "nan.parquet")
    assert _ids_of(tmp_path / "nan.parquet", "id", 10, []) == {"1"}


def test_matched_ids_are_for_their_owners_eyes_though_the_file_was_there(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("an older and longer list of ids\n")
    file.chmod(0o644)
    _write_private(file, "u1\n")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("u1\n", 0o600)
