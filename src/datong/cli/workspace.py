"""The commands of a workspace: done in its folder by this process, on the node's own store, with no running node.

The person at the keyboard is a data engineer of the node: who can open its folder can read all of it anyway. Every
build is a transaction of its own and leaves its evidence. Must never know: how anything is matched or built.
Contract: tests/cli/test_cli_workspace.py, docs/how-to/map-your-first-table.md.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from datong.app import Here, open_workspace
from datong.cli import EXIT, said, told
from datong.cli.printing import cell, console, node_of, print_json
from datong.engine import spark
from datong.engine.service import DUCKDB
from datong.ground.db import NODE
from datong.ground.refusal import Kind, Reason, Refusal, Text
from datong.ground.staging import whole_file
from datong.harmonise import service as harmonise
from datong.harmonise.service.drafting import Drafted

NO_WORKSPACE = Reason(
    "CLI-404",
    Kind.unknown,
    Text("命令未执行。", "The command was not done."),
    Text("{folder} 及其上一级目录中没有 datong.toml。",
         "There is no datong.toml in {folder}, nor in the folder above it."),
    Text("请先执行 datong init {folder}，或用 --workspace 指定工作区。",
         "Run datong init {folder} first, or name the workspace by --workspace."),
)  # fmt: skip
ONE_RESOURCE = Reason(
    "CLI-400",
    Kind.invalid,
    Text("未构建任何内容。", "Nothing was built."),
    Text("--resource 只能与一个映射同用，而此处有 {count} 个。",
         "--resource goes with one mapping, and there are {count}."),
    Text("请在各映射文件中写 resource。", "Write `resource` in each mapping file instead."),
)  # fmt: skip
NOTHING_TO_BUILD = Reason(
    "CLI-402",
    Kind.invalid,
    Text("未构建任何内容。", "Nothing was built."),
    Text("{folder} 的 mappings/ 中没有映射。", "There is no mapping in mappings/ of {folder}."),
    Text("请用 datong match 起草一个；文件名须以 .yaml 结尾。",
         "Let datong match draft one; its file should end in .yaml."),
)  # fmt: skip


def matched(
    folder: Path,
    source: str,
    standard: str,
    *,
    table: str | None,
    data: str | None,
    as_json: bool,
    secret_from: str = "",
    endpoint: str = "",
) -> None:
    node, workspace = _places(folder)
    lines: list[str] = []
    with open_workspace(node) as here:
        path = Path(source).resolve()
        is_name = "://" in source or (Path(workspace) / "sources" / f"{source}.yaml").exists()
        given = _data(here, data)
        if not is_name and (path.is_file() or "*" in path.name) and given is None:
            given = _data_of(node, Path(workspace), path, lines)
        with here.store.begin(here.person, "harmonise") as tx:
            drafted = harmonise.draft(
                tx,
                workspace=workspace,
                source=source if is_name else str(path),
                standard=standard,
                table=table,
                data=given,
                secret_from=secret_from,
                endpoint=endpoint,
            )
    lines += _drafted_lines(drafted)
    if as_json:
        print_json([
            {
                "source_column": entry.column,
                "element": None if entry.element is None or entry.verdict == "leave" else entry.element.name,
                "score": entry.score, "reason": said(entry.reason),
            }
            for entry in drafted.proposals
        ])  # fmt: skip
    else:
        _print_proposals(drafted.proposals)
    for line in lines:
        click.echo(line, err=as_json)


def _drafted_lines(drafted: Drafted) -> list[str]:
    """What was written, what was there, and what a person is still to look at."""
    lines = [said(doubt) for doubt in drafted.doubts]
    lines += [f"{name}: {said(Text('已写入', 'written'))}" for name in drafted.written]
    lines += [
        f"{name}: {said(Text('已存在，未改动', 'is there already and stays as it is'))}" for name in drafted.there
    ]
    if drafted.confirm:
        names = ", ".join(cell(column) for column in drafted.confirm)
        zh, en = "请在映射中核对并删去 confirm", "To confirm in the mapping (take `confirm` away)"
        lines.append(f"{said(Text(zh, en))}: {names}")
    return lines


def _data_of(node: Path, workspace: Path, path: Path, lines: list[str]) -> str | None:
    """Where the sources' paths begin when nobody has said so: the workspace; or, for the first file of a workspace and
    one that lies elsewhere, that file's folder, which datong.toml keeps from then on."""
    file = node / "datong.toml"
    text = file.read_text("utf-8")
    if path.is_relative_to(workspace) or any((workspace / "sources").glob("*.yaml")) or "[workspace]" in text:
        return None
    with whole_file(file) as staged:  # the node's configuration is whole, whatever stops this
        staged.write_text(
            f"{text.rstrip()}\n\n[workspace]\ndata = {json.dumps(str(path.parent), ensure_ascii=False)}\n", "utf-8"
        )
        shutil.copymode(file, staged)
    zh, en = "已记入 datong.toml：数据源的路径由此起算", "is now in datong.toml: there the paths of sources begin"
    lines.append(f"workspace.data = {path.parent} {said(Text(zh, en))}")
    return str(path.parent)


def _print_proposals(proposals: Sequence[Any]) -> None:
    table = Table("column", "element", "score", "verdict", "reason")
    for entry in proposals:
        name = "" if entry.element is None or entry.verdict == "leave" else f"{entry.element.name} {entry.element.zh}"
        table.add_row(
            cell(entry.column),
            cell(name),
            f"{entry.score:.2f}",
            str(entry.verdict),
            cell(said(entry.reason)),
        )
    console().print(table)


def checked(folder: Path, *, data: str | None, as_json: bool) -> None:
    node, workspace = _places(folder)
    with open_workspace(node) as here, here.store.read(here.person) as tx:
        found = harmonise.check(tx, workspace=workspace, data=_data(here, data))
    if as_json:
        print_json(found)
    else:
        for entry in found["mappings"]:
            click.echo(f"{entry['mapping']}: {entry['source']} -> {entry['standard']}, {entry['rows']} rows")
            if entry["unmapped"]:
                names = ", ".join(map(cell, entry["unmapped"]))
                click.echo(f"  {said(Text('未映射，也不在 left 中', 'neither mapped nor in left'))}: {names}")
            _print_doubts(entry["suspicions"])
        for change in found["changes"]:
            _print_change(change["mapping"], change)
        for problem in found["problems"]:
            click.echo(_problem(problem))
        count = len(found["problems"])
        zh, en = (f"{count} 处有误。", f"{count} to mend.") if count else ("可以构建。", "Ready to build.")
        click.echo(said(Text(zh, en)))
    if not found["accepted"]:
        sys.exit(EXIT[Kind.invalid])


def built(
    folder: Path,
    mappings: Sequence[str],
    *,
    resource: str | None,
    data: str | None,
    as_json: bool,
    full: bool = False,
    accept_changes: bool = False,
    master: str | None = None,
) -> None:
    """master: the Spark that runs the plans; None: the node's own DuckDB."""
    node, workspace = _places(folder)
    engine = DUCKDB if master is None else spark.at(master)
    rows: list[dict[str, Any]] = []
    refusals, files = [], []
    with open_workspace(node) as here:
        given = _data(here, data)
        with here.store.begin(NODE, "start") as tx:  # a node that is never served is swept here
            harmonise.sweep(tx)
        with here.store.read(here.person) as tx:
            names = list(dict.fromkeys(mappings)) or harmonise.mappings(tx, workspace=workspace)
        if not names:
            raise NOTHING_TO_BUILD(folder=Path(workspace).name)
        if resource is not None and len(names) != 1:
            raise ONE_RESOURCE(count=len(names))
        for name in names:
            began = time.perf_counter()
            try:
                with here.store.begin(here.person, "harmonise") as tx:
                    row = harmonise.build_on(
                        engine, tx, workspace=workspace, mapping=name, resource=resource, data=given, full=full,
                        accept_changes=accept_changes,
                    )  # fmt: skip
            except Refusal as refusal:
                refusals.append((name, refusal))
                continue
            rows.append({
                "table": name, "read": row["read"], "written": row["harmonised"], "quarantined": row["quarantined"],
                "reasons": row["reasons"], "seconds": round(time.perf_counter() - began, 3),
                **{more: row[more] for more in ("load", "repaired", "changes", "suspicions") if more in row},
                **({"engine": engine.name} if master is not None else {}),
            })  # fmt: skip
            files.append(_file(here.config.folder, row))
    if as_json:
        print_json(rows)
    elif rows:
        _print_built(rows, files)
    for name, refused in refusals:
        click.echo(("" if as_json else f"{name}: ") + told(refused.as_json(), as_json=as_json), err=True)
    if refusals:
        sys.exit(EXIT[refusals[0][1].kind])


OF_BEFORE = Text(
    "最近一次构建被拒绝（{read} 行中 {quarantined} 行将被隔离：{reasons}）；以下为此前构建的行。",
    "The last build was refused ({quarantined} of {read} rows would have been quarantined: {reasons}); these rows are "
    "of the one before it.",
)


def held(folder: Path, resource: str, *, as_json: bool, **window: Any) -> None:
    from datong.app import open_here  # noqa: PLC0415 - the one command here that asks for another room than harmonise
    from datong.deliver import service as deliver  # noqa: PLC0415

    node, _ = _places(folder)
    with open_here(node) as here, here.store.begin(here.person, "deliver") as tx:
        shown = deliver.own_rows(tx, resource=resource, kind="quarantined", **window)
        refused = harmonise.refused_last(tx, resource)
    if refused is not None:
        click.echo(said(Text(*(one.format_map(refused) for one in (OF_BEFORE.zh, OF_BEFORE.en)))), err=True)
    if as_json:
        print_json(shown)
        return
    table = Table("row", "column", "reason", "original", "suggestion")
    for row in shown["rows"]:
        table.add_row(*(cell(row[name]) for name in ("row", "column", "reason", "original", "suggestion")))
    console().print(table)
    count, passed = len(shown["rows"]), min(window["offset"], shown["total"])
    which = f"{passed + 1} to {passed + count}" if passed and count else str(count)
    click.echo(f"{which} of {shown['total']} quarantined rows; decision {shown['decision']}")


def repaired(folder: Path, resource: str, *, as_json: bool, **given: Any) -> None:
    node, _ = _places(folder)
    with open_workspace(node) as here, here.store.begin(here.person, "harmonise") as tx:
        build = harmonise.current(tx, resource)["build"]
        done = harmonise.repair(tx, build=build, **given)
    if as_json:
        print_json(done)
        return
    count = len(done["repairs"])
    zh, en = f"已记录 {count} 项修复；请再次执行 datong build。", f"Repairs recorded: {count}. Run datong build again."
    click.echo(said(Text(zh, en)))


def place_of(folder: Path) -> Path:
    """The folder of the node whose workspace `folder` is."""
    return _places(folder)[0]


def _places(folder: Path) -> tuple[Path, str]:
    """(the node's folder, the workspace as the verbs name it): datong.toml lies in it, or in the folder above."""
    node = node_of(folder)
    if node is None:
        raise NO_WORKSPACE(folder=folder)
    return node, str(folder.resolve())


def _data(here: Here, given: str | None) -> str | None:
    """Where the sources' paths begin: as this command says (from where it is called), else as datong.toml does."""
    return str(Path(given).resolve()) if given is not None else (str(here.config["workspace.data"]) or None)


def _file(node: Path, row: dict[str, Any]) -> Path:
    path = node / "data" / "harmonised" / str(row["resource"]) / str(row["id"]) / "harmonised.parquet"
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _print_built(rows: list[dict[str, Any]], files: list[Path]) -> None:
    table = Table("table", "read", "written", "quarantined", "reasons", "seconds")
    for row in rows:
        reasons = ", ".join(f"{reason} {count}" for reason, count in row["reasons"].items())
        table.add_row(
            cell(row["table"]), *(f"{row[name]:,}" for name in ("read", "written", "quarantined")), cell(reasons),
            f"{row['seconds']:.1f}",
        )  # fmt: skip
    if len(rows) > 1:
        sums = (sum(row[name] for row in rows) for name in ("read", "written", "quarantined"))
        table.add_section()
        table.add_row("", *(f"{total:,}" for total in sums), "", f"{sum(row['seconds'] for row in rows):.1f}")
    console().print(table)
    for path in files:
        click.echo(str(path))
    for row in rows:
        for key, what in _LEFT.items():
            if count := row.get("repaired", {}).get(key):
                zh, en = f"{count} 项修复未生效：{what.zh}", f"repairs without effect, {count}: {what.en}"
                click.echo(f"{cell(row['table'])}: {said(Text(zh, en))}")
        for change in row.get("changes", ()):
            _print_change(row["table"], change)
        if row.get("suspicions"):
            click.echo(f"{cell(row['table'])}:")
            _print_doubts(row["suspicions"])


_LEFT = {
    "conflicting": Text("修复后的行会与另一行同键而内容不同", "the row would share its key with one that differs"),
    "held": Text("修复后的行仍被隔离", "the row is quarantined with them, too"),
    "not_found": Text("数据源中已没有该行", "the source no longer has their row"),
    "superseded": Text("数据源已自行更正", "the source was mended itself"),
}
"""Why a repair came to nothing."""


def _print_change(table: str, change: dict[str, Any]) -> None:
    """One difference of a source against the last build, with the column that it is about."""
    said_of = (
        table,
        said(Text("数据源有变", "the source changed")),
        change["path"],
        said(Text(change["zh"], change["en"])),
    )
    click.echo(": ".join(cell(part) for part in said_of if part))


def _print_doubts(doubts: list[dict[str, Any]]) -> None:
    for doubt in doubts:
        where = cell(", ".join(doubt["columns"]))
        click.echo(f"  {said(Text('疑点', 'suspicion'))}: {where}: {said(Text(doubt['zh'], doubt['en']))}")


def _problem(problem: dict[str, Any]) -> str:
    place = f"{problem['file']}:{problem['line']}" if problem["line"] else problem["file"]
    return ": ".join(part for part in (place, problem["where"], said(Text(problem["zh"], problem["en"]))) if part)
