"""`datong deidentify --spec`: read a spec and its files, recode the table, tell what it cost; no database, no node.

Heavy imports (numba, pyarrow) stand inside the functions. Contract: tests/deidentify/test_recoding_*.py,
tests/cli/test_cli_deidentify.py.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from datong.deidentify.model.recoding import Loss, Method, Models, Spec, Suppressed
from datong.deidentify.model.recoding_refusals import (
    BAD_FILES,
    BAD_SPEC,
    NONE_HOLDS,
    NOT_WRITTEN,
    TOO_MANY_NODES,
)
from datong.deidentify.model.refusals import NO_EXTRA
from datong.deidentify.rules.recoding.hierarchy import Array, numbers_of, places_of
from datong.deidentify.rules.recoding.lattice import NODES_MAX, Column
from datong.deidentify.rules.recoding.spec import spec_of
from datong.deidentify.service.recoding_files import Loaded, load, path_of
from datong.deidentify.service.tables import read_table, write_table
from datong.ground.refusal import Problem, Refusal
from datong.harmonise import service as harmonise

if TYPE_CHECKING:
    from datong.deidentify.rules.recoding.running import Parts

STAR = "*"


def recoded(
    spec: Path, *, table: Path | None = None, out: Path | None = None, compiling: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Recodes the table of a spec. table: instead of the spec's own; out: where the recoded table is written;
    compiling: called before the search is compiled, at the first use of an installation.

    Returns levels (or ranges of classes under Mondrian), loss, suppressed, classes, checks, seconds and what else is
    known of the result; seconds count reading, encoding, searching and writing, not loading or compiling the program.
    """
    asked = read_spec(spec, table)
    if importlib.util.find_spec("numba") is None:
        raise NO_EXTRA(package="numba")
    from datong.deidentify.rules.recoding import running  # noqa: PLC0415 - numba

    if out is not None and not out.parent.is_dir():
        raise NOT_WRITTEN(out=str(out), why="没有这个文件夹。", why_en="There is no such folder.")
    running.warm(asked.method, compiling)
    begun = perf_counter()
    loaded = load(spec, asked, table)
    read_at = perf_counter()
    said = spec.name
    _fits(asked, loaded, said)
    if asked.method is Method.mondrian:
        answer, columns = _by_mondrian(asked, loaded, running, said)
    else:
        answer, columns = _by_search(asked, loaded, running, said)
    searched_at = perf_counter()
    if out is not None:
        _written(asked, loaded, columns, out, path_of(spec, asked.table, table))
    ended = perf_counter()
    timing = {"read": read_at - begun, "search": searched_at - read_at, "write": ended - searched_at}
    return {
        **answer,
        "seconds": round(ended - begun, 6),
        "timing": {name: round(value, 6) for name, value in timing.items()},
        "method": asked.method.value,
        "loss_measure": asked.loss.value,
        "rows": loaded.read.rows,
        "suppression_limit": loaded.limit,
        **({"out": str(out)} if out is not None else {}),
    }


def read_spec(spec: Path, table: Path | None = None) -> Spec:
    """The spec in a file; every mistake with its line."""
    name = spec.name
    if not spec.exists():
        raise BAD_SPEC([Problem(name, "没有这个文件", "there is no such file")], spec=name, count=1)
    value, lines, problems = harmonise.read_yaml(spec)
    if problems:
        raise BAD_SPEC(problems, spec=name, count=len(problems))
    asked, found = spec_of(value, table=str(table) if table else "")
    if asked is None:
        placed = [_placed(problem, name, lines) for problem in found]
        raise BAD_SPEC(placed, spec=name, count=len(placed))
    return asked


def _placed(problem: Problem, name: str, lines: Mapping[str, int]) -> Problem:
    line = harmonise.line_of(lines, problem.where) or lines.get("", 1)
    return Problem(f"{name}:{line}: {problem.where}".removesuffix(": "), problem.zh, problem.en)


def _fits(asked: Spec, loaded: Loaded, said: str) -> None:
    rows = loaded.read.rows
    if asked.models.k > rows:
        raise _none(
            asked, said,
            f"表只有 {rows} 行，少于 k = {asked.models.k}。",
            f"The table has {rows} rows, fewer than k = {asked.models.k}.",
            "请用更小的 k，或更大的表。", "Take a smaller k, or a larger table.",
        )  # fmt: skip
    nodes = prod(column.height + 1 for column in loaded.columns)
    if asked.method is Method.optimal and nodes > NODES_MAX and not asked.best_effort:
        tallest = sorted(loaded.columns, key=lambda column: -column.height)
        dropped, left = [], nodes
        for column in tallest:
            if left <= NODES_MAX:
                break
            dropped.append(column.name)
            left //= column.height + 1
        shown = f"{nodes}" if nodes < 10**12 else f"{float(nodes):.1e}" if nodes < 10**300 else "> 1e300"
        named = ", ".join(dropped[:10]) + (f" … {len(dropped)}" if len(dropped) > 10 else "")
        raise TOO_MANY_NODES(spec=said, columns=len(loaded.columns), nodes=shown, most=NODES_MAX, drop=named)


def _none(asked: Spec, said: str, zh: str, en: str, change_zh: str, change_en: str) -> Refusal:
    return NONE_HOLDS(spec=said, models=told(asked.models), why=zh, why_en=en, change=change_zh, change_en=change_en)


def told(models: Models) -> str:
    """The models in short, e.g. "k = 5, distinct l = 2"."""
    parts = [f"k = {models.k}"] if models.k else []
    if models.diverse:
        c = f", c = {models.diverse.c:g}" if models.diverse.c else ""
        parts.append(f"{models.diverse.kind} l = {models.diverse.l:g}{c}")
    if models.close:
        parts.append(f"{models.close.distance} t = {models.close.t:g}")
    if models.k_map:
        parts.append(f"k_map = {models.k_map}")
    if models.present:
        parts.append(f"delta_presence {models.present.least:g}..{models.present.most:g}")
    return ", ".join(parts)


def _by_search(asked: Spec, loaded: Loaded, running: ModuleType, said: str) -> tuple[dict[str, Any], list[Any]]:
    tuples = running.distinct(loaded.codes, loaded.weights, loaded.population, loaded.leaves)
    if len(tuples.p):
        _population_holds(asked, loaded, running, said)
    whole = prod(column.height + 1 for column in loaded.columns) <= NODES_MAX
    way = running.searched if whole else running.descended
    given = (tuples, loaded.columns, loaded.sensitive, asked.models, asked.loss, loaded.limit)
    found = way(*given)
    if found.levels is None:
        if found.fewest <= loaded.limit:  # whatever is suppressed: only delta_presence with a min above 0 comes here
            raise _none(
                asked, said,
                "即使取最粗的层级，总体中仍有一类在表中没有任何行，其下限大于 0 的 delta_presence 无法满足。",
                "Even at the coarsest levels a class of the population has no row in the table, so its share there "
                "is 0, below the min of delta_presence.",
                "请将 min 设为 0，与 k 或 l 同用，或在层级文件中加一级把所有值归为一个标签。",
                "Set min to 0, state k or l beside it, or add a level to the hierarchy files that joins all values.",
            )  # fmt: skip
        raise _none(
            asked, said,
            f"即使取最粗的层级，也有 {found.fewest} 行不满足；可抑制 {loaded.limit} 行。",
            f"Even at the coarsest levels {found.fewest} rows fail; {loaded.limit} may be suppressed.",
            "请提高 suppression_limit、放宽模型，或在层级文件中加一级把所有值归为一个标签。",
            "Raise suppression_limit, loosen the model, or add a level to the hierarchy files that joins all values.",
        )  # fmt: skip
    names = list(asked.quasi_identifiers)
    answer = {
        "levels": dict(zip(names, found.levels, strict=True)),
        "loss": found.loss,
        "suppressed": found.suppressed,
        "classes": found.classes,
        "checks": found.checks,
        "nodes": prod(column.height + 1 for column in loaded.columns),
        "tuples": len(tuples.w),
        "optimal": whole,
        "models": told(asked.models),
    }

    def columns() -> list[tuple[Sequence[str], Array]]:
        gone = running.suppressed_at(*given, found.levels)[tuples.of_row[: loaded.read.rows]]
        made: list[tuple[Sequence[str], Array]] = []
        for j, (column, level) in enumerate(zip(loaded.columns, found.levels, strict=True)):
            codes = column.up[level][loaded.codes[j, : loaded.read.rows]]
            made.append(([*column.labels[level], STAR], np.where(gone, len(column.labels[level]), codes)))
        return [*made, ((), gone)]

    return answer, [columns]


def _population_holds(asked: Spec, loaded: Loaded, running: ModuleType, said: str) -> None:
    """Whoever is in the table is in the population: no tuple of values has more rows in the table."""
    quasi = loaded.codes[: len(loaded.columns)]
    tuples = running.distinct(quasi, loaded.weights, loaded.population, loaded.leaves[: len(loaded.columns)])
    if over := int((tuples.w > tuples.p).sum()):
        problem = Problem(
            asked.population,
            f"{over} 组值在表中的行数多于总体；总体须包含表中的每一行",
            f"{over} combinations of values have more rows in the table than here; the population holds all its rows",
        )
        raise BAD_FILES([problem], spec=said, count=1)


def _by_mondrian(asked: Spec, loaded: Loaded, running: ModuleType, said: str) -> tuple[dict[str, Any], list[Any]]:
    hierarchies = [loaded.hierarchies[name] for name in asked.quasi_identifiers]
    q = len(hierarchies)
    orders = [hierarchy.order() for hierarchy in hierarchies]
    ranks = np.empty((q, loaded.read.rows), np.int32)
    for j, (name, hierarchy) in enumerate(zip(asked.quasi_identifiers, hierarchies, strict=True)):
        ranks[j] = orders[j][places_of(loaded.read.values[name], hierarchy)][loaded.codes[j]]
    leaves = [len(hierarchy.labels[0]) for hierarchy in hierarchies]
    if asked.models.close or asked.models.diverse:
        _whole_holds(asked, loaded, running, said)
    parts = running.parted(ranks, leaves, loaded.codes[q:], loaded.sensitive, asked.models)
    answer = {
        "levels": None,
        "ranges": {
            name: {"mean_share": float(_mean_width(parts, j, leaves[j], loaded.read.rows))}
            for j, name in enumerate(asked.quasi_identifiers)
        },
        "loss": running.parts_loss(parts, leaves, asked.loss, loaded.read.rows),
        "suppressed": 0,
        "classes": len(parts.starts),
        "checks": 0,
        "models": told(asked.models),
    }

    def columns() -> list[tuple[Sequence[str], Array]]:
        cls = np.empty(loaded.read.rows, np.int64)
        cls[parts.rows] = np.repeat(np.arange(len(parts.starts)), np.diff([*parts.starts, loaded.read.rows]))
        made: list[tuple[Sequence[str], Array]] = []
        for j, hierarchy in enumerate(hierarchies):
            spans, of = np.unique(np.stack([parts.low[:, j], parts.high[:, j]], 1), axis=0, return_inverse=True)
            values = [hierarchy.labels[0][at] for at in np.argsort(orders[j])]
            numeric = numbers_of(values) is not None
            labels = [_span(values, int(low), int(high), numeric=numeric) for low, high in spans]
            made.append((labels, of.reshape(-1)[cls]))
        return [*made, ((), np.zeros(loaded.read.rows, bool))]

    return answer, [columns]


def _whole_holds(asked: Spec, loaded: Loaded, running: ModuleType, said: str) -> None:
    """The whole table as one class must meet the model, or no part of it is looked at."""
    rows = running.Tuples(loaded.codes, loaded.weights, loaded.population, np.zeros(0, np.int32))
    one = [Column(c.name, np.zeros_like(c.up[:1]), ((STAR,),), np.zeros_like(c.share[:1])) for c in loaded.columns]
    if running.searched(rows, one, loaded.sensitive, asked.models, Loss.aecs, 0).levels is None:
        raise _none(
            asked, said, "整张表作为一个类也不满足。", "The whole table as one class does not meet it.",
            "请放宽模型。", "Loosen the model.",
        )  # fmt: skip


def _mean_width(parts: Parts, j: int, leaves: int, rows: int) -> float:
    sizes = np.diff([*parts.starts, rows])
    return float(((parts.high[:, j] - parts.low[:, j]) / max(leaves - 1, 1) * sizes).sum() / rows)


def _span(values: Sequence[str], low: int, high: int, *, numeric: bool) -> str:
    """A range as it is written: a value, `low..high` where all values are numbers, and so stand by size, else the
    values joined by |, or * for all."""
    if low == high:
        return values[low]
    if high - low + 1 == len(values):
        return STAR
    if not numeric:
        return "|".join(values[low : high + 1])
    return f"{values[low]}..{values[high]}"


def _written(asked: Spec, loaded: Loaded, columns: list[Any], out: Path, table: Path) -> None:
    """The recoded table: quasi-identifiers, sensitive columns, and what `keep` names; nothing else of the source."""
    *made, (_, gone) = columns[0]()
    names = [*asked.quasi_identifiers, *asked.sensitive, *asked.keep]
    for name in asked.sensitive:
        made.append((loaded.read.values[name], loaded.read.codes[name]))
    if asked.keep:
        kept, problems = read_table(
            table, asked.table, asked.keep, delimiter=loaded.read.delimiter, encoding=loaded.read.encoding
        )
        if kept is None:
            raise BAD_FILES(problems, spec=asked.table, count=len(problems))
        made += [(kept.values[name], kept.codes[name]) for name in asked.keep]
    if asked.suppressed is Suppressed.drop:
        made = [(texts, codes[~gone]) for texts, codes in made]
    try:
        write_table(out, names, made, loaded.read.delimiter or ",")
    except OSError as error:
        said = error.strerror or "error"
        raise NOT_WRITTEN(
            out=str(out), why=f"不能写入（{said}）。", why_en=f"It cannot be written ({said})."
        ) from error
