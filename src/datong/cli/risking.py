"""`datong risk`: what an attacker could do with a table, before it leaves.

Must never know: how a risk is computed. Contract:
docs/how-to/measure-the-risk-of-a-table.md.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from datong.cli import said
from datong.cli.printing import print_json
from datong.deidentify.model.joint import Form
from datong.deidentify.service.table_risk import class_words, pdf_of_table, risk_of_table
from datong.ground.refusal import Text
from datong.ground.staging import whole_file


def risked(
    table: Path, columns: Sequence[str], *, person: str, form: str, earlier: Sequence[Path], population: Path | None,
    gate: bool, worst: int, pdf: Path | None, as_json: bool,
) -> None:  # fmt: skip
    told = risk_of_table(
        table, _names(columns), person=person, form=Form(form), earlier=earlier, population=population, gate=gate,
        worst=worst,
    )  # fmt: skip
    if pdf is not None:
        _write(pdf, told)
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        click.echo(line)


def _names(given: Sequence[str]) -> list[str]:
    """The names in lists with commas, as CSV writes them."""
    return [name.strip() for line in csv.reader(given, skipinitialspace=True) for name in line if name.strip()]


def _write(out: Path, told: dict[str, Any]) -> None:
    data = pdf_of_table(told)
    try:
        with whole_file(out) as staged:
            staged.write_bytes(data)
    except OSError as error:
        raise click.FileError(str(out), error.strerror or "") from None


def _lines(told: dict[str, Any]) -> list[str]:
    prosecutor, journalist = told["prosecutor"], told["journalist"]
    alone = f" (alone {told['average_alone']:.4f})" if told["average_alone"] > told["average_risk"] else ""
    lines = [
        f"{told['rows']:,} rows, {told['classes']:,} classes, smallest {told['f_min']} (floor {told['floor']})",
        f"prosecutor  highest {prosecutor['highest']:.4f}  average {prosecutor['average']:.4f}  "
        f"beyond tau {prosecutor['beyond_tau']:.1%}",
        *([f"journalist  highest {journalist['highest']:.4f}  average {journalist['average']:.4f}  "
           f"beyond tau {journalist['beyond_tau']:.1%}"] if journalist else []),
        f"marketer    {told['marketer']:.4f}",
        f"GB/T 42460  DR_a {told['over_threshold']:.4f}  DR_b {told['max_class_risk']:.4f}  "
        f"DR_c {told['average_risk']:.4f}{alone}  CR {told['cr']:.2f}  "
        f"R {told['overall_risk']:.4f}  level {told['level']}",
    ]  # fmt: skip
    lines += [f"  {one['persons']} persons: {class_words(one)}" for one in told["worst"]]
    if told["direct_identifiers"]:
        lines.append(f"direct identifiers: {', '.join(told['direct_identifiers'])}")
    if told["not_measured"]:
        lines.append(f"not measured: {', '.join(told['not_measured'])}")
    lines += [_common(one) for one in told["earlier"]]
    if told["together"]:
        lines.append(_together(told["together"], told["person"], told["persons"]))
    if told["passes"]:
        lines.append(said(Text("可以放行。", "It may leave.")))
    else:
        lines.append(said(Text(f"不能放行：{told['change']['zh']}", f"It may not leave: {told['change']['en']}")))
    return lines


def _common(one: dict[str, Any]) -> str:
    if one["here"]:
        return f"{one['table']}: {one['here']:,} of its {one['persons']:,} persons are here too"
    return (
        f"{one['table']}: none of its {one['persons']:,} persons is here; with ids or tokens made under another key "
        "that is so whoever they are, and nothing above is about both together"
    )


def _together(told: dict[str, Any], person: str, persons: int) -> str:
    by = ", ".join(told["columns"])
    how = f"as {by} puts them" if by else f"should the column {person} leave too, even as tokens"
    return f"rows of one person together, {how}: smallest {told['smallest']}, {told['alone']:,} of {persons:,} alone"
