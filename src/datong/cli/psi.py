"""`datong psi`: how many ids of a column another organisation has too, without either showing its rows.

Each organisation runs its own side; RR22 (spu), over mutual TLS, in the locked environment envs/psi, because spu pins
numpy < 2. Ids leave this process as SHA-256 digests in a folder of mode 0700 that is deleted after; what crosses is the
protocol's. RR22 is semi-honest: it hides ids from a peer that follows it. Must never know: rooms, stores.
Contract: tests/cli/test_cli_psi.py, docs/how-to/intersect-without-showing.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from datong.cli.options import AS_JSON
from datong.ground.refusal import Kind, Problem, Reason, Text

NO_ENVIRONMENT = Reason(
    "DID-485",
    Kind.unavailable,
    Text("未求交。", "Nothing was intersected."),
    Text("求交的独立环境不在 {place}。", "The environment of its own that this needs is not at {place}."),
    Text("请执行 make psi（需 Python 3.11，约 1 GB），或以 DATONG_PSI_PYTHON 指定其解释器。",
         "Run make psi (Python 3.11, about 1 GB), or name its interpreter by DATONG_PSI_PYTHON."),
)  # fmt: skip
BAD_PSI = Reason(
    "DID-486",
    Kind.invalid,
    Text("未求交。", "Nothing was intersected."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
OTHER_TERMS = Reason(
    "DID-487",
    Kind.conflict,
    Text("未求交，任何标识均未送出。", "Nothing was intersected, and no id was sent."),
    Text("双方约定的条件不同，或一方的条数超过上限 {most}。",
         "The two sides named other terms, or one has more than {most} entries."),
    Text("请双方以相同的 --receiver、--most、--least 与 --ids-wanted 重试。",
         "Let both sides give the same --receiver, --most, --least and whether ids are wanted."),
)  # fmt: skip
TOO_FEW = Reason(
    "DID-488",
    Kind.denied,
    Text("结果未给出。", "The result is not told."),
    Text(
        "交集少于约定的 {least} 条；小交集会暴露个体。",
        "The intersection has fewer than the {least} entries agreed on; a small one singles persons out.",
    ),
    Text("请扩大范围后重新约定。", "Take a wider range, and agree anew."),
)
PEER_FAILED = Reason(
    "DID-489",
    Kind.unavailable,
    Text("未求交。", "Nothing was intersected."),
    Text("与 {peer} 的连接或协议中断。", "The connection to {peer}, or the protocol, broke off."),
    Text("请核对两个地址与双方证书，并让对方同时运行。",
         "Check both addresses and both certificates, and have the other side run at the same time."),
)  # fmt: skip
MOST = 10_000_000
LEAST = 10
SECONDS_MAX, FAREWELL_SECONDS, LOOK_SECONDS = 1800, 20, 0.05
ROOT = Path(__file__).parents[3]
PARTY = Path(__file__).with_name("psi_party.py")


@click.command()
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--column", required=True, help="Column of TABLE (CSV or Parquet) with the ids.")
@click.option("--side", type=click.Choice(["left", "right"]), required=True, help="Which of the two sides this is.")
@click.option("--left", required=True, metavar="HOST:PORT", help="Address of the left side.")
@click.option("--right", required=True, metavar="HOST:PORT", help="Address of the right side.")
@click.option("--receiver", type=click.Choice(["left", "right"]), required=True, help="Who learns the result.")
@click.option("--ids", type=click.Path(path_type=Path), help="The receiver writes the matched ids here.")
@click.option("--ids-wanted", is_flag=True, help="Agree that ids are given, not only their number.")
@click.option("--least", default=LEAST, show_default=True, type=click.IntRange(1), help="A smaller result is not told.")
@click.option("--most", default=MOST, show_default=True, type=click.IntRange(1, MOST), help="Entries a side may have.")
@click.option("--certificate", type=click.Path(path_type=Path), help="This side's certificate (PEM).")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key.")
@click.option("--authority", type=click.Path(path_type=Path), help="What the peer's certificate must be signed by.")
@click.option("--without-tls", is_flag=True, help="Between two processes of one machine only.")
@click.option(
    "--wait", default=60, show_default=True, type=click.IntRange(1, 3600), help="Seconds to wait for the peer."
)
@AS_JSON
def psi(
    table: Path,
    column: str,
    side: str,
    left: str,
    right: str,
    receiver: str,
    ids: Path | None,
    ids_wanted: bool,
    least: int,
    most: int,
    certificate: Path | None,
    key: Path | None,
    authority: Path | None,
    without_tls: bool,
    wait: int,
    as_json: bool,
) -> None:
    """Intersect a column of TABLE with another organisation's; only the number is told unless both want the ids."""
    python = interpreter()
    files = {"certificate": certificate, "key": key, "authority": authority}
    problems = _problems(left, right, files, without_tls=without_tls)
    if ids is not None and (not ids_wanted or side != receiver):
        problems.append(Problem("ids", "只有接收方在约定给出标识时可用", "goes with --ids-wanted, at the receiver"))
    if ids_wanted and side == receiver and ids is None:
        problems.append(Problem("ids", "请给出写入的文件", "name the file they are written to"))
    found = [] if problems else _ids_of(table, column, most, problems)
    if problems:
        raise BAD_PSI(problems, count=len(problems))
    terms = {"receiver": int(receiver == "right"), "least": least, "most": most, "ids": ids_wanted, "form": "psi-1"}
    with tempfile.TemporaryDirectory(prefix="datong-psi-") as folder:  # mode 0700
        by_digest = {digest_of(value): value for value in found}
        held, matched = Path(folder) / "in.csv", Path(folder) / "out.csv"
        held.write_text("id\n" + "\n".join(sorted(by_digest)) + "\n")
        job = {
            "session": "datong-psi", "wait": wait, "addresses": [left, right], "rank": int(side == "right"),
            "terms": terms, "told": str(Path(folder) / "told.json"), "entries": len(by_digest),
            "input": str(held), "output": str(matched),
            **{name: str(file.resolve()) if file and not without_tls else "" for name, file in files.items()},
        }  # fmt: skip
        done = _run(python, job, peer=right if side == "left" else left)
        if done["matched"] is None and side == receiver:
            raise OTHER_TERMS(most=most)
        if done["terms"] != terms:
            raise OTHER_TERMS(most=most)
        if side == receiver and int(done["matched"]) < least:
            raise TOO_FEW(least=least)
        if ids is not None:
            digests = matched.read_text().split()[1:]
            _write_private(ids, "\n".join(sorted(by_digest[digest] for digest in digests)) + "\n")
    told = {"entries": len(by_digest), "peer_entries": done["peer_entries"], "matched": done["matched"]}
    if as_json:
        click.echo(json.dumps(told))
    else:
        number = "told to the other side only" if told["matched"] is None else f"{told['matched']:,}"
        click.echo(f"entries {told['entries']:,}, the other side's {told['peer_entries']:,}, in both: {number}")


def _write_private(file: Path, text: str) -> None:
    """For its owner's eyes: matched ids are personal data."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        os.fchmod(out.fileno(), 0o600)  # it may have been there, open to others
        out.write(text)


def interpreter() -> Path:
    """The interpreter of the environment; DID-485 where it is not."""
    place = Path(os.environ.get("DATONG_PSI_PYTHON") or ROOT / "envs/psi/.venv/bin/python")
    if not place.is_file():
        raise NO_ENVIRONMENT(place=place)
    return place


def digest_of(value: str) -> str:
    return hashlib.sha256(f"datong psi 1\n{value}".encode()).hexdigest()


def _problems(left: str, right: str, files: dict[str, Path | None], *, without_tls: bool) -> list[Problem]:
    found = []
    for name, address in (("left", left), ("right", right)):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            found.append(Problem(name, "应为 主机:端口", "should be HOST:PORT"))
        elif without_tls and host not in ("127.0.0.1", "localhost"):
            found.append(Problem(name, "无 TLS 时只能用本机地址", "must be this machine's where there is no TLS"))
    for name, file in files.items():
        if not without_tls and (file is None or not file.is_file()):
            found.append(Problem(name, "没有这个文件", "there is no such file; TLS needs it"))
    return found


def _ids_of(table: Path, column: str, most: int, problems: list[Problem]) -> set[str]:
    """The distinct non-empty texts of a column; what is wrong is added to `problems`, never a value."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.parquet as pq  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    try:
        if table.suffix == ".parquet":
            names = pq.ParquetFile(table).schema_arrow.names
            read = pq.ParquetFile(table).read([column])[column] if column in names else None
        else:
            whole = csv.read_csv(table, convert_options=csv.ConvertOptions(column_types={column: pa.string()}))
            names, read = whole.column_names, whole[column] if column in whole.column_names else None
    except (OSError, pa.ArrowException) as wrong:
        problems.append(Problem(str(table), "不能读作 CSV 或 Parquet", f"is no CSV or Parquet: {type(wrong).__name__}"))
        return set()
    if read is None:
        problems.append(Problem("column", "没有这一列", f"no such column; there are {', '.join(names)[:400]}"))
        return set()
    found = {
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)  # a column with gaps
        for value in read.drop_null().unique().to_pylist()
        if value != "" and value == value  # noqa: PLR0124 - what is no number is no id
    }
    if not found:
        problems.append(Problem("column", "没有任何标识", "has no ids"))
    elif len(found) > most:
        problems.append(Problem("column", f"多于 {most} 条", f"has more than {most} ids"))
    return found


def _run(python: Path, job: dict[str, Any], *, peer: str) -> dict[str, Any]:
    """Run the other environment's side; its chatter is dropped, since it may name paths."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    environment["TMPDIR"] = str(Path(job["told"]).parent)  # spu writes digests there too
    told = Path(job["told"])
    command = [str(python), str(PARTY)]
    with subprocess.Popen(  # noqa: S603 - our own script, by the interpreter the operator named
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as party:
        try:
            assert party.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # it ended before it read: there will be no result
                party.stdin.write(json.dumps(job))
                party.stdin.close()
            _wait(party, told)
        finally:
            party.kill()
    if not told.is_file():
        raise PEER_FAILED(peer=peer)
    done: dict[str, Any] = json.loads(told.read_text("utf-8"))
    return done


def _wait(party: subprocess.Popen[str], told: Path) -> None:
    """Until the process ends, is over its time, or has told its result and had time to say farewell to the other."""
    over = time.monotonic() + SECONDS_MAX
    while party.poll() is None and time.monotonic() < over:
        if told.is_file():
            over = min(over, time.monotonic() + FAREWELL_SECONDS)
        time.sleep(LOOK_SECONDS)
