"""What `datong policy …` does, and how it is told. Must never know: how anything is judged.

Contract: tests/cli/test_cli_policy.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from datong.cli import said
from datong.ground.refusal import Text
from datong.terms.policy.compliance import PolicyReport, report
from datong.wire.odrl import graphs
from datong.wire.odrl.reports import as_json_ld

OUTCOMES = {
    "allowed": Text("允许", "allowed"),
    "conditional": Text("有条件允许", "conditional"),
    "denied": Text("拒绝", "denied"),
    "default_denied": Text("默认拒绝", "default denied"),
}


def _print(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def evaluated(policy: Path, request: Path, world: Path, *, turtle: bool, as_json: bool) -> None:
    policies, requests, state = graphs.inputs(policy, request, world)
    made = [report(one, name, asked, state) for one in policies for name, asked in requests]
    if turtle:
        click.echo(graphs.as_turtle(as_json_ld(made)))
    elif as_json:
        _print(as_json_ld(made))
    else:
        for one in made:
            _told(one)


def _told(made: PolicyReport) -> None:
    outcome = OUTCOMES[made.outcome]
    click.echo(said(Text(f"{made.policy}：{outcome.zh}", f"{made.policy}: {outcome.en}")))
    for one in made.rules:
        state = Text("生效", "active") if one.active else Text("未生效", "inactive")
        click.echo(
            said(Text(f"  {one.rule.kind} {one.rule.id}：{state.zh}", f"  {one.rule.kind} {one.rule.id}: {state.en}"))
        )
        for premise in one.premises:
            if not premise.satisfied:
                what = premise.kind.removesuffix("Report")
                which = f" {premise.constraint.id}" if premise.constraint else ""
                click.echo(said(Text(f"    未满足：{what}{which}", f"    not satisfied: {what}{which}")))
        for duty in one.conditions:
            click.echo(said(Text(f"    义务：{duty.deontic}", f"    duty: {duty.deontic}")))
