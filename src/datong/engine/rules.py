"""Is this plan within the plan language? Pure: text in, problems out. Also its printed form and its digest.

Two looks at the same SQL. The token look finds every name that stands before an opening bracket, as it is written
and so as DuckDB will see it, and holds it against the allow-list. The tree look (SQLGlot) finds what kind of
statement it is, which tables it reads and which parameters it takes. What runs the plan is closed besides: see
service. Must never know: what the steps mean. Contract: tests/engine/test_engine_rules.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from datong.engine.model import FUNCTIONS, Balance, Plan, Step
from datong.ground.canonical import digest
from datong.ground.refusal import Problem

DIALECT = "duckdb"
_READER = sqlglot.Dialect.get_or_raise(DIALECT)
NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_NO_FUNCTIONS = (
    "all and any as between by case check decimal distinct else end except exclude exists filter from group "
    "grouping having ilike in intersect interval is join like limit not numeric offset on or order over partition "
    "qualify replace rollup cube sets select similar some struct then timestamptz to union using values varchar "
    "when where with within recursive materialized escape asof semi anti cross inner outer lateral list map array "
    "rows range"
)
"""Words of the language that may stand before a bracket without being a function."""
_BEFORE_BRACKETS = frozenset(_NO_FUNCTIONS.split())

_REFUSED_NODES = (
    exp.Command, exp.DDL, exp.DML, exp.Describe, exp.Summarize, exp.Pragma, exp.Set, exp.Use, exp.Copy, exp.Attach,
    exp.Detach, exp.Pivot, exp.TableSample, exp.Into, exp.Lock, exp.Drop, exp.Alter,
    exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.Localtime, exp.Localtimestamp,
)  # fmt: skip
"""The last are the clock, which no bracket has to follow."""


def problems(plan: Plan) -> list[Problem]:
    """Everything in `plan` that is outside the plan language; empty when it may run."""
    found: list[Problem] = []
    known = list(plan.inputs)
    for step in plan.steps:
        if not NAME.fullmatch(step.name) or step.name in known:
            found.append(_problem(step.name, "步骤名须为小写标识符且不得重复", "needs a new lower-case name"))
        found += _of_step(step, frozenset(known), frozenset(plan.parameters))
        known += [step.name, *(late.name for late in plan.late if late.asked == step.name)]
    found += [
        _problem(f"balance of {b.whole}", f"没有步骤 {name}", f"there is no step or input {name}")
        for b in plan.balances
        for name in (b.whole, *b.parts)
        if name not in known
    ]
    kept = {step.name for step in plan.steps if step.kept}
    found += [
        _problem(late.name, f"{late.asked} 不是保留的步骤", f"is asked for by {late.asked}, which is no kept step")
        for late in plan.late
        if late.asked not in kept
    ]
    return found


def digest_of(plan: Plan) -> str:
    """ "<algorithm>:<hex>" over the steps' names and texts, the declared inputs, parameters and balances."""
    return digest(as_json(plan))


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as plain JSON, for evidence and for the console: what it computes, not what is kept on the way."""
    told: dict[str, Any] = {
        "inputs": list(plan.inputs),
        "parameters": list(plan.parameters),
        "steps": [{"name": step.name, "sql": step.sql} for step in plan.steps],
        "balances": [{"whole": b.whole, "parts": list(b.parts)} for b in plan.balances],
    }
    return told | ({"late": [{"name": late.name, "asked": late.asked} for late in plan.late]} if plan.late else {})


def printed(plan: Plan) -> str:
    """The plan as readable SQL text: one headed, indented statement a step."""
    lines = [f"-- inputs: {', '.join(plan.inputs) or 'none'}"]
    if plan.parameters:
        lines.append("-- parameters: " + ", ".join(f"${name}" for name in plan.parameters))
    for number, step in enumerate(plan.steps, 1):
        lines += ["", f"-- {number}. {step.name}{'' if step.kept else ' (not kept)'}", _pretty(step.sql) + ";"]
        lines += [f"-- input {late.name}: what {step.name} asks for" for late in plan.late if late.asked == step.name]
    for balance in plan.balances:
        lines.append(f"-- rows of {balance.whole} = rows of {' + '.join(balance.parts)}")
    return "\n".join(lines) + "\n"


def unbalanced(rows: dict[str, int], balances: Iterable[Balance]) -> Iterator[tuple[Balance, int]]:
    """Each balance all of whose tables are counted and which does not add up, with the rows of its parts."""
    for balance in balances:
        if balance.whole in rows and all(part in rows for part in balance.parts):
            together = sum(rows[part] for part in balance.parts)
            if rows[balance.whole] != together:
                yield balance, together


def last_reads(plan: Plan, wanted: Iterable[str] = ()) -> dict[str, int]:
    """table -> number of the last step that reads it, itself or through steps that are not kept.

    A step that is wanted and not kept is read when all others have run.
    """
    through: dict[str, frozenset[str]] = {}
    last: dict[str, int] = {}
    for number, step in enumerate(plan.steps):
        read = reads(step)
        whole = read.union(*(through.get(name, frozenset()) for name in read))
        if step.kept:
            last.update(dict.fromkeys(whole, number))
        else:
            through[step.name] = whole
    for name in wanted:
        last.update(dict.fromkeys(through.get(name, ()), len(plan.steps)))
    return last


def reads(step: Step) -> frozenset[str]:
    """The names of the tables a step reads."""
    return _said(step.sql).tables


@dataclass(frozen=True)
class _Said:
    """What a text says, as far as it is asked: its tree would take a hundred times the memory.

    query: it is one SELECT. refused: kinds of what it may not have; functions, tables, parameters: their names.
    """

    query: bool
    refused: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    parameters: frozenset[str] = frozenset()


@functools.lru_cache(maxsize=1024)
def _said(sql: str) -> _Said:
    """Reading SQL is what a check takes its time for: a third of that are the tokens, which both looks share."""
    tokens = _READER.tokenize(sql)
    trees = _READER.parser().parse(tokens, sql)
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return _Said(query=False)
    asked = (*_REFUSED_NODES, exp.CTE, exp.Table, exp.Placeholder, exp.Parameter)
    found = list(trees[0].find_all(*asked))
    return _Said(
        True,
        frozenset(type(node).__name__.upper() for node in found if isinstance(node, _REFUSED_NODES)),
        frozenset(called(tokens)),
        frozenset(_read(found)),
        frozenset(str(node.name) or "?" for node in found if isinstance(node, exp.Placeholder | exp.Parameter)),
    )


LONG_TEXT = 10_000
"""Signs of a step that is printed with a line for each column, not for each word: to read it for that takes as long as
to check it, which of a table of a thousand columns is half a minute."""
_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[(),\[\]{}]")


def _pretty(sql: str) -> str:
    if len(sql) > LONG_TEXT:
        return _in_lines(sql)
    try:
        return sqlglot.parse_one(sql, read=DIALECT).sql(dialect=DIALECT, pretty=True)
    except SqlglotError:
        return sql


def _in_lines(sql: str) -> str:
    """`sql` as it is, with a new line behind each comma that stands in no bracket but a parenthesised SELECT."""
    lines, depth, begun, selects = [], 0, 0, [0]
    for piece in _PIECES.finditer(sql):
        sign = piece[0]
        if sign in "([{":
            depth += 1
            if sql.startswith("SELECT", piece.end()):
                selects.append(depth)
        elif sign in ")]}":
            if selects[-1] == depth:
                selects.pop()
            depth -= 1
        elif sign == "," and depth == selects[-1]:
            lines.append(sql[begun : piece.end()])
            begun = piece.end() + 1 if sql[piece.end()] == " " else piece.end()
    return "\n  ".join([*lines, sql[begun:]])


def _of_step(step: Step, tables: frozenset[str], parameters: frozenset[str]) -> list[Problem]:
    try:
        said = _said(step.sql)
    except SqlglotError as error:
        first = str(error).splitlines()[0][:120]
        return [_problem(step.name, f"不是可读的 SQL：{first}", f"not SQL that can be read: {first}")]
    if not said.query:
        return [_problem(step.name, "只允许一个 SELECT", "must be one SELECT")]
    found = [_problem(step.name, f"不允许 {kind}", f"{kind} is not allowed") for kind in sorted(said.refused)]
    found += [
        _problem(step.name, f"不允许的函数：{name}", f"the function {name} is not allowed")
        for name in sorted(said.functions - FUNCTIONS)
    ]
    found += [
        _problem(step.name, f"未声明的表：{name}", f"reads {name}, which is no input and no earlier step")
        for name in sorted(said.tables - tables)
    ]
    found += [
        _problem(step.name, f"未声明的参数：${name}", f"takes ${name}, which the plan does not declare")
        for name in sorted(said.parameters - parameters)
    ]
    return found


def called(tokens: list[Token]) -> Iterator[str]:
    """The names that stand before an opening bracket and are neither a word of the language nor an alias."""
    for before, here, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if after.token_type is not TokenType.L_PAREN or not here.text:
            continue
        name = here.text.lower()
        quoted_name = here.token_type is TokenType.IDENTIFIER
        if here.token_type in {TokenType.STRING, TokenType.NUMBER} or (not quoted_name and not _word(name)):
            continue
        if before is not None and before.token_type is TokenType.ALIAS:
            continue  # AS t(a, b)
        if quoted_name or name.split()[-1] not in _BEFORE_BRACKETS:  # GROUP BY is one token
            yield name


def _word(text: str) -> bool:
    return text[0].isalpha() or text[0] == "_"


def _read(nodes: Sequence[Any]) -> Iterator[str]:
    """The names of tables a statement reads, without those it defines itself (WITH)."""
    own = {node.alias for node in nodes if isinstance(node, exp.CTE)}
    for read in nodes:
        if not isinstance(read, exp.Table) or isinstance(read.this, exp.Func):
            continue  # FROM unnest(…): a function, judged by its name
        if read.args.get("db") or read.args.get("catalog"):
            yield read.sql(dialect=DIALECT)
        elif read.name not in own:
            yield read.name


def _problem(where: str, zh: str, en: str) -> Problem:
    return Problem(where, zh, en)
