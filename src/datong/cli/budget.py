"""`datong budget confirm | set | show | ask`: privacy budgets in the node's folder, with no running node.

The person at the keyboard can open the folder and so could read all of it anyway; what is done is recorded as done by
`local`, the cap in the role of the legal officer, a question and a confirmation in that of the data engineer. Rooms are
imported when a command runs. Must never know: how noise is drawn. Contract: tests/cli/test_cli_budget.py,
docs/how-to/answer-with-noise.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from datong.cli.options import AS_JSON, HERE
from datong.cli.printing import print_json
from datong.ground.refusal import Kind, Problem, Reason, Text

if TYPE_CHECKING:
    from datong.app import Here

BAD_FILE = Reason(
    "CLI-401",
    Kind.invalid,
    Text("命令未执行。", "The command was not done."),
    Text("文件 {file} 不能读作 YAML 或 JSON。", "{file} cannot be read as YAML or JSON."),
    Text("请核对路径和写法；例子见 docs/how-to/answer-with-noise.md。",
         "Check the path and how it is written; docs/how-to/answer-with-noise.md has an example."),
)  # fmt: skip


@click.group()
def budget() -> None:
    """Answer with noise under a budget that all consumers share."""


@budget.command()
@click.argument("resource")
@click.option(
    "--words", type=click.Path(path_type=Path),
    help="YAML or JSON file of what is said otherwise: {columns: {NAME: {kind, level}}, impacts: {OBJECT: degree}}.",
)  # fmt: skip
@click.option("--rest", is_flag=True, help="Confirm every column that nobody has confirmed, as it was found.")
@HERE
@AS_JSON
def confirm(resource: str, words: Path | None, folder: Path, *, rest: bool, as_json: bool) -> None:
    """Show what the columns of RESOURCE were found to be, and confirm it; nothing is answered before that."""
    from datong.deidentify import service as deidentify  # noqa: PLC0415 - heavy

    said = _words(words) if words else {}
    with _opened(folder, role="data_engineer") as here, here.store.begin(here.person, "deidentify") as tx:
        told = deidentify.propose_classification(tx, dataset=resource)
        if said or rest:
            told = deidentify.confirm_classification(tx, dataset=resource, rest=rest, **said)
    if as_json:
        print_json(told)
        return
    shown = [
        {"column": one["column"], "kind": one["kind"], "level": one["level"],
         "stands": "confirmed" if one["confirmed"] else "open"}
        for one in told["columns"]
    ]  # fmt: skip
    _print_rows(shown)
    click.echo(f"{told['state']}: {told['grade']}, level {told['level']}")
    for subject in told["judge_anew"]:
        click.echo(_said(f"整体影响尚未判断：{subject}", f"to be judged for the whole: {subject}"))


@budget.command("set")
@click.argument("resource")
@click.option("--unit", required=True, help="Column that names the person (or vehicle) to protect.")
@click.option("--rho", help="The cap in rho of zero-concentrated differential privacy.")
@click.option("--epsilon", help="Instead of --rho: the cap as epsilon, with --delta; converted once.")
@click.option("--delta", help="With --epsilon; with --rho only for display [default: 0.000001].")
@HERE
@AS_JSON
def set_cap(
    resource: str, unit: str, rho: str | None, epsilon: str | None, delta: str | None, folder: Path, as_json: bool
) -> None:
    """Set the cap of RESOURCE: the most its answers may ever disclose of one unit."""
    from datong.deidentify import service as deidentify  # noqa: PLC0415 - heavy

    with _opened(folder, role="legal") as here, here.store.begin(here.person, "deidentify") as tx:
        done = deidentify.set_budget(tx, resource=resource, unit=unit, rho=rho, epsilon=epsilon, delta=delta)
    _print_budgets([done], as_json=as_json)


@budget.command()
@click.argument("resource", required=False)
@HERE
@AS_JSON
def show(resource: str | None, folder: Path, as_json: bool) -> None:
    """Show what is spent and left of the budgets, or of RESOURCE's, and who asked."""
    from datong.deidentify import service as deidentify  # noqa: PLC0415 - heavy

    with _opened(folder) as here, here.store.read(here.person) as tx:
        found = deidentify.budget(tx, resource=resource)
    _print_budgets(found, as_json=as_json)


@budget.command()
@click.argument("resource")
@click.argument("query", type=click.Path(path_type=Path))
@click.option("--consumer", required=True, help="Opaque id of who gets the answer.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500_000), help="How many groups.")
@HERE
@AS_JSON
def ask(resource: str, query: Path, consumer: str, limit: int, folder: Path, as_json: bool) -> None:
    """Answer the question in the file QUERY about RESOURCE with noise; paid for first, free when asked again."""
    from datong.deidentify import service as deidentify  # noqa: PLC0415 - heavy

    asked = _read(query)
    with _opened(folder) as here:
        with here.store.begin(here.person, "deidentify") as tx:
            paid = deidentify.ask(tx, resource=resource, query=asked, consumer=consumer)
        if paid["answer"] is None:
            deidentify.draw(here.store, paid["release"])
        with here.store.read(here.person) as tx:
            answer = deidentify.answer(tx, release=paid["release"], limit=limit)
            (left,) = deidentify.budget(tx, resource=resource)
    told = {**answer, "cost_rho": paid["cost_rho"], "free": paid["free"]}
    if as_json:
        print_json(told)
        return
    _print_rows(told["rows"])
    if (more := answer["groups"] - len(told["rows"])) > 0:
        click.echo(_said(f"另有 {more} 组；--limit 可多看。", f"{more} more groups; --limit shows them."))
    for name, bound in answer["accuracy"].items():
        ((kind, within),) = bound.items()
        en = f"{name}: 95 of 100 figures are within {within}" + (" rows of the rank" if kind.startswith("rank") else "")
        click.echo(_said(f"{name}：百分之九十五的数误差不超过 {within}", en))
    click.echo(_said(
        f"费用 rho {told['cost_rho']}；已用 rho {left['spent_rho']}，上限 {left['cap_rho']}；{told['release']}",
        f"cost rho {told['cost_rho']}; spent rho {left['spent_rho']} of {left['cap_rho']}; {told['release']}",
    ))  # fmt: skip


@contextmanager
def _opened(folder: Path, role: str = "") -> Iterator[Here]:
    from dataclasses import replace  # noqa: PLC0415

    from datong.app import open_here  # noqa: PLC0415 - heavy
    from datong.cli.workspace import place_of  # noqa: PLC0415 - heavy

    with open_here(place_of(folder)) as here:
        person = replace(here.person, role=role, roles=frozenset({role})) if role else here.person
        yield replace(here, person=person)


def _words(file: Path) -> dict[str, Any]:
    read = _read(file)
    zh, en = "应只有 columns 与 impacts，其值为对象", "should have columns and impacts only, an object each"
    named = read.items() if isinstance(read, dict) else [("", read)]
    strange = [name for name, value in named if name not in ("columns", "impacts") or not isinstance(value, dict)]
    wrong = [Problem(f"{file}: {name}"[:120], zh, en) for name in strange]
    if wrong:
        raise BAD_FILE(wrong, file=str(file))
    return dict(read)


def _read(file: Path) -> Any:
    import yaml  # noqa: PLC0415 - not needed for --help

    from datong.ground.canonical import plain  # noqa: PLC0415

    try:
        return plain(yaml.safe_load(file.read_text("utf-8")))  # bare dates as text, as in JSON
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as wrong:
        at = getattr(wrong, "problem_mark", None)
        where = f"{file}:{at.line + 1}" if at else str(file)
        what = str(getattr(wrong, "problem", "") or getattr(wrong, "strerror", "") or type(wrong).__name__)
        raise BAD_FILE([Problem(where, what, what)], file=str(file)) from None


def _print_budgets(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for row in found:
        click.echo(
            _said(f"{row['dataset']}：每个 {row['privacy_unit']}", f"{row['dataset']}: per {row['privacy_unit']}")
        )
        for zh, en, name in (("上限", "cap", "cap"), ("已用", "spent", "spent"), ("余", "left", "left")):
            click.echo(f"  {_said(zh, en):<6} epsilon {row[f'{name}_epsilon']:<8} delta {row['delta']}  "
                       f"rho {row[f'{name}_rho']}")  # fmt: skip
        for by in row["consumers"]:
            click.echo(f"  {by['consumer']}: {by['answers']} {_said('次回答', 'answers')}, rho {by['spent_rho']}")


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    widths = [max(len(name), *(len(str(row[name])) for row in rows)) for name in names]
    for line in [dict(zip(names, names, strict=True)), *rows]:
        cells = (f"{line[name]!s:<{width}}" for name, width in zip(names, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _said(zh: str, en: str) -> str:
    from datong.cli import said  # noqa: PLC0415

    return said(Text(zh, en))
