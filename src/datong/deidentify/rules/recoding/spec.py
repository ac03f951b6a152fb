"""Reading a recoding spec: every mistake told at once, each at its key.

Must never know: files, lines. Contract: tests/deidentify/test_recoding_refusals.py, docs/reference/recoding-spec.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from datong.deidentify.model.recoding import (
    Close,
    Distance,
    Diverse,
    Diversity,
    Loss,
    Method,
    Models,
    Present,
    Spec,
    Suppressed,
)
from datong.ground.refusal import Problem

KEYS = (
    "table", "quasi_identifiers", "sensitive", "model", "population", "population_count", "suppression_limit", "loss",
    "method", "suppressed", "keep", "delimiter", "encoding", "best_effort",
)  # fmt: skip
MODELS = ("k", "l", "t", "k_map", "delta_presence")
K_MAX = 10**9
Choice = TypeVar("Choice", bound=StrEnum)


class _Found:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def say(self, where: str, zh: str, en: str) -> None:
        self.problems.append(Problem(where, zh, en))

    def keys(self, value: Mapping[str, Any], known: tuple[str, ...], where: str = "") -> None:
        for key in value:
            if key not in known:
                listed = ", ".join(known)
                self.say(f"{where}{key}", f"没有这一项；可用：{listed}", f"no such key; there are: {listed}")

    def text(self, value: Any, where: str, default: str = "") -> str:
        if value is None:
            return default
        if not isinstance(value, str) or not value:
            self.say(where, "应为文字", "should be a text")
            return default
        return value

    def texts(self, value: Any, where: str) -> tuple[str, ...]:
        given = [value] if isinstance(value, str) else value
        if given is None:
            return ()
        if not (isinstance(given, list) and all(isinstance(item, str | int) and item != "" for item in given)):
            self.say(where, "应为文字的列表", "should be a list of texts")
            return ()
        names = tuple(str(item) for item in given)
        if len(set(names)) < len(names):
            self.say(where, "有重复", "names something twice")
        return names

    def choice(self, value: Any, kinds: type[Choice], where: str, default: Choice) -> Choice:
        if value is None:
            return default
        if not isinstance(value, str) or value not in set(kinds):
            listed = ", ".join(kinds)
            self.say(where, f"应为 {listed} 之一", f"should be one of {listed}")
            return default
        return kinds(value)

    def number(self, value: Any, where: str, least: float, most: float, *, whole: bool = False) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or not least <= value <= most or (whole and value != int(value)):
            kind_zh, kind = ("整数", "a whole number") if whole else ("数", "a number")
            reach_zh, reach = (f"不小于 {least:g}", f"of at least {least:g}")
            if most < K_MAX:
                reach_zh, reach = f"{least:g} 至 {most:g}", f"from {least:g} to {most:g}"
            self.say(where, f"应为{reach_zh}的{kind_zh}", f"should be {kind} {reach}")
            return least
        return float(value)


def spec_of(value: Any, *, table: str = "") -> tuple[Spec | None, list[Problem]]:
    """The spec of a YAML value, or all that is wrong with it. table: given beside the spec, overrides its own."""
    found = _Found()
    if not isinstance(value, Mapping):
        found.say("", "应为键与值", "should be keys with values")
        return None, found.problems
    found.keys(value, KEYS)
    name = table or found.text(value.get("table"), "table")
    if not name and value.get("table") is None:
        found.say("table", "缺少要重编码的表", "is missing: the table to recode")
    quasi = _quasi_identifiers(value.get("quasi_identifiers"), found)
    sensitive = found.texts(value.get("sensitive"), "sensitive")
    for column in sensitive:
        if column in quasi:
            found.say("sensitive", f"{column} 已是准标识符", f"{column} is a quasi-identifier already")
    method = found.choice(value.get("method"), Method, "method", Method.optimal)
    loss = found.choice(value.get("loss"), Loss, "loss", Loss.ncp)
    models = _models(value.get("model"), found)
    population = found.text(value.get("population"), "population")
    _together(models, method, loss, sensitive, population, found)
    if value.get("population_count") is not None and not population:
        found.say("population_count", "没有 population", "belongs to a population")
    limit = value.get("suppression_limit", 0)
    spec = Spec(
        table=name,
        quasi_identifiers=quasi,
        models=models,
        sensitive=sensitive,
        population=population,
        population_count=found.text(value.get("population_count"), "population_count"),
        suppression_limit=found.number(limit, "suppression_limit", 0, 1),
        loss=loss,
        method=method,
        suppressed=found.choice(value.get("suppressed"), Suppressed, "suppressed", Suppressed.star),
        keep=found.texts(value.get("keep"), "keep"),
        delimiter=_sign(value.get("delimiter"), found),
        encoding=found.text(value.get("encoding"), "encoding"),
        best_effort=value.get("best_effort") is True,
    )
    if value.get("best_effort") not in (None, True, False):
        found.say("best_effort", "应为 true 或 false", "should be true or false")
    for column in spec.keep:
        if column in quasi or column in sensitive:
            found.say("keep", f"{column} 已在结果之中", f"{column} is written anyway")
    return (None, found.problems) if found.problems else (spec, [])


def _sign(value: Any, found: _Found) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in '\r\n"':
        found.say("delimiter", "应为一个 ASCII 字符", "should be one ASCII character")
        return ""
    return value


def _quasi_identifiers(value: Any, found: _Found) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        found.say("quasi_identifiers", "应为 列名: 层级文件", "should be columns with their hierarchy files")
        return {}
    return {str(column): found.text(file, f"quasi_identifiers.{column}", "?") for column, file in value.items()}


def _models(value: Any, found: _Found) -> Models:
    if not isinstance(value, Mapping) or not value:
        listed = ", ".join(MODELS)
        found.say("model", f"应至少有 {listed} 之一", f"should have at least one of {listed}")
        return Models()
    found.keys(value, MODELS, "model.")
    k = found.number(value["k"], "model.k", 1, K_MAX, whole=True) if "k" in value else 0
    k_map = found.number(value["k_map"], "model.k_map", 1, K_MAX, whole=True) if "k_map" in value else 0
    return Models(
        k=int(k),
        k_map=int(k_map),
        diverse=_diverse(value["l"], found) if "l" in value else None,
        close=_close(value["t"], found) if "t" in value else None,
        present=_present(value["delta_presence"], found) if "delta_presence" in value else None,
    )


def _diverse(value: Any, found: _Found) -> Diverse:
    given = value if isinstance(value, Mapping) else {"l": value}
    found.keys(given, ("l", "kind", "c"), "model.l.")
    kind = found.choice(given.get("kind"), Diversity, "model.l.kind", Diversity.distinct)
    at = "model.l.l" if isinstance(value, Mapping) else "model.l"
    level = found.number(given.get("l"), at, 1, K_MAX, whole=kind is not Diversity.entropy)
    c = 0.0
    if kind is Diversity.recursive:
        c = found.number(given.get("c"), "model.l.c", 0, K_MAX)
        if given.get("c") == 0:
            found.say("model.l.c", "应大于 0", "should be above 0")
    elif "c" in given:
        found.say("model.l.c", "只用于 recursive", "belongs to the kind recursive only")
    return Diverse(level, kind, c)


def _close(value: Any, found: _Found) -> Close:
    given = value if isinstance(value, Mapping) else {"t": value}
    found.keys(given, ("t", "distance", "hierarchy", "order"), "model.t.")
    distance = found.choice(given.get("distance"), Distance, "model.t.distance", Distance.equal)
    t = found.number(given.get("t"), "model.t.t" if isinstance(value, Mapping) else "model.t", 0, 1)
    file = found.text(given.get("hierarchy"), "model.t.hierarchy")
    order = found.texts(given.get("order"), "model.t.order")
    if distance is Distance.hierarchical and not file:
        found.say("model.t.hierarchy", "缺少敏感值的层级文件", "is missing: the hierarchy file of the sensitive values")
    if distance is not Distance.hierarchical and file:
        found.say("model.t.hierarchy", "只用于 hierarchical", "belongs to the distance hierarchical only")
    if distance is not Distance.ordered and order:
        found.say("model.t.order", "只用于 ordered", "belongs to the distance ordered only")
    return Close(t, distance, file, order)


def _present(value: Any, found: _Found) -> Present:
    if not isinstance(value, Mapping):
        found.say("model.delta_presence", "应有 min 与 max", "should have min and max")
        return Present(0, 1)
    found.keys(value, ("min", "max"), "model.delta_presence.")
    least = found.number(value.get("min", 0), "model.delta_presence.min", 0, 1)
    most = found.number(value.get("max", 1), "model.delta_presence.max", 0, 1)
    if least > most:
        found.say("model.delta_presence", "min 大于 max", "has a min above its max")
    return Present(least, most)


def _together(
    models: Models, method: Method, loss: Loss, sensitive: tuple[str, ...], population: str, found: _Found
) -> None:
    if (models.diverse or models.close) and not sensitive:
        found.say("sensitive", "l 与 t 需要敏感列", "is missing: l and t are about sensitive columns")
    if (models.k_map or models.present) and not population:
        found.say("population", "k_map 与 delta_presence 需要总体表", "is missing: k_map and delta_presence need it")
    if population and not (models.k_map or models.present):
        found.say("population", "只用于 k_map 与 delta_presence", "belongs to k_map and delta_presence only")
    if models.close and models.close.distance is not Distance.equal and len(sensitive) > 1:
        found.say(
            "sensitive", "该距离只用于一个敏感列", "should be one column for the ordered and hierarchical distances"
        )
    if method is Method.mondrian:
        if models.k_map or models.present:
            found.say("method", "mondrian 只用于 k、l、t", "mondrian knows k, l and t; take optimal")
        if loss in (Loss.precision, Loss.entropy):
            found.say("loss", "mondrian 没有层级；请用 ncp、aecs 或 dm", "mondrian has no levels; take ncp, aecs or dm")
        if not models.k:
            found.say("model.k", "mondrian 需要 k", "is missing: mondrian needs it")
