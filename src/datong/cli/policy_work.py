"""What `datong policy …` does, and how it is told. Must never know: how anything is judged.

Contract: tests/cli/test_cli_policy.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from datong.catalogue.service import templates as shelf
from datong.cli import said
from datong.cli.printing import node_of, print_json
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text, unless_unknown
from datong.harmonise.service import yaml_of as read_yaml
from datong.terms.policy import (
    BAD_POLICY,
    CONSTRAINTS,
    Decision,
    Policy,
    decide,
    explained,
    from_json,
    policy_hash,
    to_json,
)
from datong.terms.policy.checking import meant
from datong.terms.policy.conflicts import Conflict, conflicts, conflicts_within
from datong.terms.policy.model import KINDS
from datong.terms.policy.reading import read as read_json
from datong.terms.policy.vocabulary import ACTIONS, BY_NAME, PURPOSES, SPELLINGS
from datong.terms.policy.words import DEFAULT, INHERITED
from datong.terms.policy.writing import member, plain
from datong.wire.odrl import from_odrl, to_offer
from datong.wire.odrl.compact import ODRL

NOT_DONE = Text("命令未执行。", "The command was not done.")
NO_POLICY = Reason(
    "CLI-410",
    Kind.unknown,
    NOT_DONE,
    Text("没有名为 {name} 的文件，{folder} 的节点中也没有此编号的要约或合约。",
         "There is no file {name}, and the node in {folder} has no offer or agreement of that id."),
    Text("请核对路径，或用 --workspace 指定节点目录。", "Check the path, or name the node's folder by --workspace."),
)  # fmt: skip
BAD_ARGUMENT = Reason(
    "CLI-411",
    Kind.invalid,
    NOT_DONE,
    Text("参数中 {count} 处有误。", "Mistakes in its arguments: {count}."),
    Text("请写作 NAME=VALUE，例如 purpose=public_welfare。", "Write NAME=VALUE, as purpose=public_welfare."),
)  # fmt: skip
ALREADY_THERE = Reason(
    "CLI-412",
    Kind.conflict,
    Text("未写出任何文件。", "No file was written."),
    Text("{file} 已存在。", "{file} is there already."),
    Text("请换一个文件名，或先移走该文件。", "Name another file, or move that one away."),
)  # fmt: skip

BYTES_MAX = 1024 * 1024
OUTCOMES = {
    "allowed": Text("允许", "allowed"),
    "conditional": Text("有条件允许", "conditional"),
    "denied": Text("拒绝", "denied"),
    "default_denied": Text("默认拒绝", "default denied"),
}
OF_CONTEXT = ("target", "assignee", "done")
ODRL_MARKS = ("@", "odrl:", ODRL)
"""How a member of a policy in ODRL begins, somewhere: `permission` alone may be a slip of `permissions`."""


# --- which policy ----------------------------------------------------------------------------------------------------


def policy_in(file: Path) -> Policy:
    """The policy of a file of any form, its mistakes told with file and line."""
    try:
        with file.open("rb") as opened:
            data = opened.read(BYTES_MAX * 5)
    except OSError as error:
        raise _unread(file, error.strerror or "error") from None
    if file.suffix == ".ttl":
        from datong.wire.odrl.turtle import from_turtle  # noqa: PLC0415 - the extra `odrl`

        return from_turtle(file.name, data)
    value, lines, problems = read_yaml(file.name, data, BYTES_MAX)
    if problems:
        raise BAD_POLICY(problems, id=file.name[:80], count=len(problems))
    if isinstance(value, Mapping) and any(str(name) == "uid" or str(name).startswith(ODRL_MARKS) for name in value):
        return _told_by_line(file.name, lines, lambda: from_odrl(value, alone=True))
    written, wrong = plain(value)

    def read() -> Policy:
        policy, problems = read_json(written)
        if policy is None or wrong:
            found = [*wrong, *problems]
            raise BAD_POLICY(found, id=file.name[:80], count=len(found))
        return policy

    return _told_by_line(file.name, lines, read)


def _told_by_line(file: str, lines: Mapping[str, int], read: Any) -> Policy:
    try:
        policy: Policy = read()
    except Refusal as refusal:
        known = {".".join(member(part) for part in path.split(".")): line for path, line in lines.items()}
        told = [Problem(f"{file}:{_line(known, p.where)} {p.where}", p.zh, p.en) for p in refusal.problems]
        raise refusal.reason(told, **refusal.facts) from None
    return policy


def _line(lines: Mapping[str, int], place: str) -> int:
    """The line of a place ("permissions[0].constraints[1].op"), or of what it stands in."""
    parts = re.findall(r"[^.\[\]]+", place)
    for length in range(len(parts), 0, -1):
        if (line := lines.get(".".join(parts[:length]))) is not None:
            return line
    return 1


def _unread(file: Path, why: str) -> Refusal:
    return BAD_POLICY([Problem(str(file), f"不能读取（{why}）", f"cannot be read ({why})")], id=file.name[:80], count=1)


def policy_named(name: str, folder: Path) -> Policy:
    """The policy of a file, or of an offer or agreement of the node in `folder`."""
    file = Path(name)
    if file.is_file() or file.suffix in (".yaml", ".yml", ".json", ".jsonld", ".ttl"):
        return policy_in(file)
    node = node_of(folder)
    found = None if node is None else _stored(node, name)
    if found is None:
        raise NO_POLICY(name=name[:80], folder=folder)
    return from_json(found)


def _stored(node: Path, name: str) -> dict[str, Any] | None:
    from datong.app import open_here  # noqa: PLC0415 - heavy
    from datong.catalogue import service as catalogue  # noqa: PLC0415
    from datong.negotiate import service as negotiate  # noqa: PLC0415

    with open_here(node) as here, here.store.read(here.person) as tx:
        if (found := unless_unknown(lambda: negotiate.contract(tx, id=name))) is None:
            found = unless_unknown(lambda: catalogue.offer(tx, name))
        return None if found is None else dict(found["policy"])


# --- the commands ---------------------------------------------------------------------------------------------------


def checked_file(file: Path, *, as_json: bool) -> None:
    policy = policy_in(file)
    met = conflicts_within(policy)
    if as_json:
        print_json({"policy": to_json(policy), "hash": policy_hash(policy), "meetings": [one.as_json() for one in met]})
        return
    rules = len(list(policy.rules()))
    click.echo(said(Text(f"{file.name}：{rules} 条规则，无误。", f"{file.name}: {rules} rules, no mistake.")))
    for one in met:
        click.echo(f"  {said(one.text)}")


def explained_file(name: str, folder: Path, *, as_json: bool) -> None:
    policy = policy_named(name, folder)
    told = explained(policy)
    if as_json:
        print_json({**told, "hash": policy_hash(policy), "policy": to_json(policy)})
        return
    for rule in told["rules"]:
        click.echo(f"{rule['place']}: {said(Text(rule['zh'], rule['en']))}")
    if policy.inherit:
        click.echo(said(INHERITED))
    click.echo(said(DEFAULT))


def decided_file(name: str, action: str, given: Sequence[str], folder: Path, *, as_json: bool) -> None:
    problems: list[Problem] = []
    word = _known("--action", action, ACTIONS, problems)
    context = _context(given, problems)
    if problems:
        raise BAD_ARGUMENT(problems, count=len(problems))
    decision = decide(policy_named(name, folder), word, context)
    if as_json:
        print_json(_decision_json(decision))
        return
    outcome = OUTCOMES[decision.outcome]
    place = f" {decision.rule}" if decision.rule else ""
    party = f" [{decision.party}]" if decision.party else ""
    click.echo(said(Text(f"{outcome.zh}{place}{party}：{decision.zh}", f"{outcome.en}{place}{party}: {decision.en}")))
    if decision.change is not None:
        click.echo(said(decision.change))


def _decision_json(decision: Decision) -> dict[str, Any]:
    change = decision.change
    return {
        "outcome": decision.outcome, "rule": decision.rule, "party": decision.party, "zh": decision.zh,
        "en": decision.en, "change": {"zh": change.zh, "en": change.en} if change else None, "needs": decision.needs,
        "duties": [duty.action for duty in decision.duties],
        "obligations": [rule.action for rule in decision.obligations],
    }  # fmt: skip


def _context(given: Sequence[str], problems: list[Problem]) -> dict[str, Any]:
    """What is known of a request: left operands (Chinese names too) with their values, lists with commas."""
    context: dict[str, Any] = {}
    for name, value in _pairs(given, problems).items():
        left = _known(name, name, (*CONSTRAINTS, *OF_CONTEXT), problems)
        if left in context:
            problems.append(Problem(name[:80], f"与 {left} 是同一项，给出了两次", f"is {left}, which is given twice"))
        parts = [_value(name, left, one.strip(), problems) for one in value.split(",")]
        context[left] = parts if left == "done" or len(parts) > 1 else parts[0]
    return context


def _known(place: str, given: str, words: Collection[str], problems: list[Problem]) -> str:
    """The word that is given, by itself or by its Chinese name; one there is none of is told, and what was meant."""
    spelt = SPELLINGS.get(given, given)
    word = spelt if spelt in words else BY_NAME.get(given, given)
    if word not in words:
        hint = meant(given, words)
        problems.append(Problem(place[:80], f"未知 {given[:80]!r}{hint.zh}", f"unknown {given[:80]!r}{hint.en}"))
    return word


def _value(place: str, left: str, given: str, problems: list[Problem]) -> str:
    """A value as it is compared: of a fixed list its word, a code also by its name."""
    if left == "done":
        return _known(place, given, ACTIONS, problems)
    if left == "purpose":
        return _known(place, given, PURPOSES, problems)
    codes = CONSTRAINTS[left].codes if left in CONSTRAINTS else ()
    code = next((code for code, *names in codes if given in names), given)
    return _known(place, code, [one for one, *_ in codes], problems) if codes else given


def _pairs(given: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name or not value:
            problems.append(Problem(one[:80], "应为 NAME=VALUE", "should be NAME=VALUE"))
        elif name in found:
            problems.append(Problem(name[:80], "给出了两次", "is given twice"))
        else:
            found[name] = value
    return found


def compared(one: str, other: str, folder: Path, *, as_json: bool) -> None:
    found: list[Conflict] = conflicts(policy_named(one, folder), policy_named(other, folder))
    if as_json:
        print_json({"conflicts": [conflict.as_json() for conflict in found]})
        return
    if not found:
        click.echo(said(Text("两份策略的规则互不相遇。", "No rule of the one meets a rule of the other.")))
    for conflict in found:
        click.echo(said(conflict.text))


def converted(name: str, to: str, folder: Path) -> str:
    policy = policy_named(name, folder)
    if to == "turtle":
        from datong.wire.odrl.turtle import to_turtle  # noqa: PLC0415 - the extra `odrl`

        return to_turtle(policy).strip()
    told = to_json(policy) if to == "json" else to_offer(policy, target=_one_target(policy))
    return json.dumps(told, ensure_ascii=False, indent=1)


def _one_target(policy: Policy) -> str:
    """What all rules are about, and none of their duties for itself: an offer says it once. "" when there is none."""
    ruled = {rule.target for kind in KINDS for rule in getattr(policy, kind)}
    duties = {rule.target for place, rule in policy.rules() if ".duties[" in place}
    return ruled.pop() if len(ruled) == 1 and duties <= {""} else ""


def listed_templates(folder: Path, *, as_json: bool) -> None:
    found = shelf.all_told(node_of(folder))
    if as_json:
        print_json({"templates": found})
        return
    for one in found:
        if "problems" in one:
            wrong = (f"{p['where']} {said(Text(p['zh'], p['en']))}" for p in one["problems"])
            click.echo(f"{one['name']}: {'; '.join(wrong)}")
            continue
        names = ", ".join(parameter["name"] for parameter in one["parameters"])
        click.echo(f"{one['name']} ({one['source']}): {said(Text(one['zh'], one['en']))}  [{names}]")


def of_template(name: str, given: Sequence[str], policy_id: str, out: Path | None, *, edit: bool, folder: Path) -> str:
    """What to say: the policy of a template, or where it or the template's copy was written."""
    problems: list[Problem] = []
    values = _pairs(given, problems)
    if problems:
        raise BAD_ARGUMENT(problems, count=len(problems))
    node = node_of(folder)
    if edit:
        if node is None:
            raise NO_POLICY(name=name[:80], folder=folder)
        return _copied(node, name)
    text = json.dumps(to_json(shelf.made_of(node, name, values, policy_id)), ensure_ascii=False, indent=1)
    if out is None:
        return text
    _write_new(out, text + "\n")
    return said(Text(f"已写出 {out}。", f"{out} written."))


def _copied(node: Path, name: str) -> str:
    shelf.named(node, name)
    own = node.joinpath(*shelf.FOLDER, f"{name}.yaml")
    own.parent.mkdir(parents=True, exist_ok=True)
    _write_new(own, shelf.texts(node)[name][1].read_text("utf-8"))
    return said(Text(f"已写出 {own}，请编辑。", f"{own} written; edit it."))


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise ALREADY_THERE(file=file) from None
    except OSError as error:
        raise _unread(file, error.strerror or "error") from None


def evaluated(policy: Path, request: Path, world: Path, *, turtle: bool, as_json: bool) -> None:
    from datong.terms.policy.compliance import report  # noqa: PLC0415
    from datong.wire.odrl.evaluations import inputs  # noqa: PLC0415
    from datong.wire.odrl.reports import as_json_ld, as_turtle  # noqa: PLC0415

    policies, requests, state = inputs(policy, request, world)
    made = [report(one, name, asked, state) for one in policies for name, asked in requests]
    if turtle:
        click.echo(as_turtle(as_json_ld(made)))
    elif as_json:
        print_json(as_json_ld(made))
    else:
        for one in made:
            _told(one)


def _told(made: Any) -> None:
    outcome = OUTCOMES[made.outcome]
    click.echo(said(Text(f"{made.policy}：{outcome.zh}", f"{made.policy}: {outcome.en}")))
    for one in made.rules:
        state = Text("生效", "active") if one.active else Text("未生效", "inactive")
        rule = f"  {one.rule.kind} {one.rule.id}"
        click.echo(said(Text(f"{rule}：{state.zh}", f"{rule}: {state.en}")))
        for premise in one.premises:
            if not premise.satisfied:
                what = premise.kind.removesuffix("Report")
                which = f" {premise.constraint.id}" if premise.constraint else ""
                click.echo(said(Text(f"    未满足：{what}{which}", f"    not satisfied: {what}{which}")))
        for duty in one.conditions:
            click.echo(said(Text(f"    义务：{duty.deontic}", f"    duty: {duty.deontic}")))
