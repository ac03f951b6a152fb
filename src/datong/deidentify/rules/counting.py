"""Counting as plans of SQL text: events placed on the hierarchy, nodes that hold, counts on groups, atoms.

Input `harmonised` is a provider's resource in its standard; inputs `released*(node)` are released nodes. Names
and values in the text are those rules.recipe has checked, quoted besides.
Must never know: whether a released group may leave. Contract: tests/deidentify/test_deidentify_counting.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from datong.deidentify.model.joint import DAY_OR_NIGHT, Level, Measure, Over, Part, Recipe
from datong.deidentify.rules.nodes import km_factors
from datong.deidentify.rules.recipe import figure_columns, type_columns
from datong.deidentify.rules.spelling import in_sql
from datong.deidentify.rules.windows import EVENING, MORNING, WEEKDAYS, WEEKEND
from datong.engine.model import Plan, Step, literal, quoted

SOURCE = Step("source", "SELECT *, row_number() OVER () AS datong_row FROM harmonised")


def holding_plan(recipe: Recipe, part: Part, level: int, coarsest_released: int = 0) -> Plan:
    """`held(node)`: nodes of `level` where every measure has k distinct subjects among events not yet released, and
    keeps the p% rule of the recipe.

    coarsest_released: the highest level among the released nodes; an event's nodes above both are not looked at.
    """
    looked_at = max(level, coarsest_released) + 1
    unreleased = "place = 'inside' AND node IS NULL"
    ranked: tuple[Step, ...] = ()
    by_measure = (
        f"SELECT n{level} AS node, measure FROM grouped WHERE {unreleased} "
        f"GROUP BY n{level}, measure HAVING count(DISTINCT subject) >= {recipe.k}"
    )
    if recipe.p:
        ranked = _ranked(f"SELECT n{level} AS node, measure, subject FROM grouped WHERE {unreleased}", "node, measure")
        by_measure = (
            f"SELECT node, measure FROM ranked GROUP BY node, measure HAVING count(*) >= {recipe.k} "
            f"AND NOT ({_dominated(recipe, part)})"
        )
    all_measures = f"GROUP BY node HAVING count(*) = {len(part.measures)}"
    steps = (
        SOURCE,
        *placed(recipe, part, levels=looked_at),
        grouped(recipe, levels=looked_at),
        *ranked,
        Step("held_by_measure", by_measure),
        Step("held", f"SELECT node FROM held_by_measure {all_measures} ORDER BY node"),
    )
    return Plan(steps, ("harmonised", "released"))


def counts_plan(recipe: Recipe, part: Part) -> Plan:
    """`counts(group_id, figures)`, `account(measure, place, released, events)`, `kept(measure, level, events)`.

    Types are not suppressed yet. Every event of every measure is in exactly one line of the account. Besides
    `untold(measure, place)`: what is in no group and is of fewer than k subjects, or breaks the p% rule.
    """
    account = (
        "SELECT measure, place, node IS NOT NULL AS released, count(*) AS events FROM grouped GROUP BY ALL ORDER BY ALL"
    )
    kept = (
        "SELECT measure, CAST(split_part(node, ':', 1) AS BIGINT) AS level, count(*) AS events FROM grouped "
        "WHERE node IS NOT NULL GROUP BY ALL ORDER BY ALL"
    )
    steps = (
        SOURCE,
        *placed(recipe, part, levels=len(recipe.rounds)),
        grouped(recipe),
        *_counts(recipe, part),
        Step("account", account),
        Step("kept", kept),
    )
    left = "SELECT measure, place, subject FROM grouped WHERE node IS NULL"
    few = f"sum(CASE WHEN subject IS NULL THEN events ELSE 1 END) < {recipe.k}"
    broken = f"{few} OR ({_dominated(recipe, part)})" if recipe.p else few
    untold = f"SELECT measure, place FROM ranked GROUP BY measure, place HAVING {broken} ORDER BY ALL"
    steps += (*_ranked(left, "measure, place"), Step("untold", untold))
    return Plan(steps, ("harmonised", "released"))


def dominance_plan(recipe: Recipe, part: Part) -> Plan:
    """`dominated(node)`: the released groups in which a number of events that is told breaks the p% rule."""
    of_groups = "SELECT node, measure, subject FROM grouped WHERE node IS NOT NULL"
    broken = f"SELECT node, measure FROM ranked GROUP BY node, measure HAVING {_dominated(recipe, part)}"
    steps = (
        SOURCE,
        *placed(recipe, part, levels=len(recipe.levels)),
        grouped(recipe),
        *_ranked(of_groups, "node, measure"),
        Step("broken", broken),
        Step("dominated", "SELECT DISTINCT node FROM broken ORDER BY node"),
    )
    return Plan(steps, ("harmonised", "released"))


def _ranked(events: str, within: str) -> tuple[Step, ...]:
    """`ranked(within, subject, events, nth)`: what each subject gave to each of `within`, the largest first."""
    counted = f"SELECT {within}, subject, count(*) AS events FROM told GROUP BY {within}, subject"
    nth = f"row_number() OVER (PARTITION BY {within} ORDER BY events DESC, subject) AS nth"
    return (
        Step("told", events),
        Step("contributions", counted),
        Step("ranked", f"SELECT {within}, subject, events, {nth} FROM contributions"),
    )


def _dominated(recipe: Recipe, part: Part) -> str:
    """Whether a measure whose number of events is told breaks the p% rule: who gave second most takes its own from the
    sum and knows the largest but for what all others gave, which is less than p per cent of it."""
    told = ", ".join(literal(m.name) for m in part.measures if m.events_as)
    return f"measure IN ({told}) AND {_closer_than(recipe.p)}" if told else "1 = 0"


def _closer_than(p: int) -> str:
    return f"100 * sum(CASE WHEN nth > 2 THEN events ELSE 0 END) < {p} * max(events)"


def rests_plan(recipe: Recipe, part: Part, marginal: int) -> Plan:
    """`rests(group_id, node, measure, subject, events)`: the events of the groups of a marginal's level by its nodes.

    marginal: its place in the recipe. One row per group, node of the marginal, measure and subject: what
    `rules.rests` needs to see what both tables tell together. It stays at its owner.
    """
    of, number = recipe.marginals[marginal].of, len(recipe.levels) + marginal
    rests = (
        f"SELECT node AS group_id, n{number} AS node, measure, subject, count(*) AS events FROM grouped "
        f"WHERE split_part(node, ':', 1) = '{of}' GROUP BY ALL ORDER BY ALL"
    )
    steps = (SOURCE, *placed(recipe, part, levels=number + 1), grouped(recipe), Step("rests", rests))
    return Plan(steps, ("harmonised", "released"))


def atoms_plan(counted: Sequence[tuple[Recipe, Part]]) -> Plan:
    """Common refinement of several releases of one resource: `atoms` and `class_atoms`.

    (g0, g1, …, kind, [class,] subjects): distinct subjects behind each combination of groups; of `atoms` also
    dominated, whether its events break the strictest p% rule of the recipes. Whoever holds all
    the releases can at best add and subtract groups, and every such difference is a union of atoms. Two measures
    are the same kind of event when they name the same columns. Inputs `released_0`, `released_1`, …
    """
    steps = [SOURCE]
    for n, (recipe, part) in enumerate(counted):
        kinds = " ".join(
            f"WHEN {literal(m.name)} THEN {literal('/'.join((m.subject, m.time, m.lat, m.lon)))}" for m in part.measures
        )
        in_groups = f"FROM grouped_{n} WHERE node IS NOT NULL"
        steps += [
            *placed(recipe, part, f"_{n}"),
            grouped(recipe, f"_{n}"),
            Step(f"groups_{n}", f"SELECT event, CASE measure {kinds} END AS kind, subject, class, node {in_groups}"),
        ]
    numbers = range(len(counted))
    united = " UNION ALL ".join(
        "SELECT event, kind, subject, class, "
        + ", ".join(f"{'node' if m == n else 'CAST(NULL AS VARCHAR)'} AS g{m}" for m in numbers)
        + f" FROM groups_{n}"
        for n in numbers
    )
    first = ", ".join(f"max(g{n}) AS g{n}" for n in numbers)
    vector = ", ".join(f"g{n}" for n in numbers)
    subjects = "count(DISTINCT subject) AS subjects FROM assigned"
    steps += [
        Step("united", united),
        Step(
            "assigned",
            f"SELECT event, kind, min(subject) AS subject, min(class) AS class, {first} FROM united "
            "GROUP BY event, kind",
        ),
        *_atoms(vector, max(recipe.p for recipe, _ in counted), subjects),
        Step(
            "class_atoms", f"SELECT {vector}, kind, class, {subjects} WHERE class IS NOT NULL GROUP BY ALL ORDER BY ALL"
        ),
    ]
    return Plan(tuple(steps), ("harmonised", *(f"released_{n}" for n in numbers)))


def _atoms(vector: str, p: int, subjects: str) -> tuple[Step, ...]:
    if not p:
        return (Step("atoms", f"SELECT {vector}, kind, {subjects} GROUP BY ALL ORDER BY ALL"),)
    within = f"{vector}, kind"
    figures = f"count(*) AS subjects, {_closer_than(p)} AS dominated"
    return (
        *_ranked(f"SELECT {within}, subject FROM assigned", within),
        Step("atoms", f"SELECT {within}, {figures} FROM ranked GROUP BY {within} ORDER BY ALL"),
    )


def placed(recipe: Recipe, part: Part, mark: str = "", levels: int | None = None) -> tuple[Step, ...]:
    """Steps from `source` to `events(event, measure, subject, class, place, n0, n1, …)`, every event of every measure.

    place: inside; outside (of the product's period or area); unplaced (no subject, time or position, or in no class
    where no class is for the rest: the shown classes add up whatever values there are). levels: how many of the
    hierarchy, finest first, and then of the marginals; None = the hierarchy.
    """
    nodes = ", ".join(f"{_node(recipe, level)} AS n{level}" for level in range(levels or len(recipe.levels)))
    south, west, north, east = recipe.area
    located = f"""SELECT event, measure, subject, class,
  CASE WHEN subject IS NULL OR local IS NULL OR lat IS NULL OR lon IS NULL{_in_no_class(part)} THEN 'unplaced'
       WHEN local >= CAST('{recipe.since}' AS TIMESTAMP) AND local < CAST('{recipe.until}' AS TIMESTAMP)
        AND lat >= {south!r} AND lat < {north!r} AND lon >= {west!r} AND lon < {east!r} THEN 'inside'
       ELSE 'outside' END AS place,
  {_cells(recipe)}, CAST(local AS DATE) AS day, CAST(extract(hour FROM local) AS BIGINT) AS hour
FROM measured{mark}"""
    return (
        Step(f"measured{mark}", " UNION ALL ".join(_measured(recipe, part, measure) for measure in part.measures)),
        Step(f"located{mark}", located),
        Step(f"events{mark}", f"SELECT event, measure, subject, class, place, {nodes} FROM located{mark}"),
    )


def grouped(recipe: Recipe, mark: str = "", levels: int | None = None) -> Step:
    """`events` and `released(node)` -> `grouped`: the events with `node`, the finest released node that holds each.

    NULL when none does. An event is in one group at most: it has one node per level and takes the first.
    """
    numbers = range(levels or len(recipe.levels))
    joins = " ".join(f"LEFT JOIN released{mark} r{n} ON e.n{n} = r{n}.node" for n in numbers)
    first = ", ".join(f"r{n}.node" for n in numbers)
    return Step(f"grouped{mark}", f"SELECT e.*, coalesce({first}) AS node FROM events{mark} e {joins}")


def _measured(recipe: Recipe, part: Part, measure: Measure) -> str:
    typed = part.types is not None and part.types.of == measure.name
    of_class = _class(part) if typed else "CAST(NULL AS VARCHAR)"
    return f"""SELECT datong_row AS event, {literal(measure.name)} AS measure,
  {in_sql(f"CAST({quoted(measure.subject)} AS VARCHAR)")} AS subject, {of_class} AS class,
  timezone({literal(recipe.zone)}, CAST({quoted(measure.time)} AS TIMESTAMPTZ)) AS local,
  CAST({quoted(measure.lat)} AS DOUBLE) AS lat, CAST({quoted(measure.lon)} AS DOUBLE) AS lon FROM source"""


def _class(part: Part) -> str:
    assert part.types is not None
    column = f"CAST({quoted(part.types.column)} AS VARCHAR)"
    cases = " ".join(
        f"WHEN {column} IN ({', '.join(literal(v) for v in values)}) THEN {literal(name)}"
        for name, values in part.types.classes.items()
        if values
    )
    other = literal(part.types.other) if part.types.other else "CAST(NULL AS VARCHAR)"
    return f"CASE {cases} ELSE {other} END" if cases else other


def _in_no_class(part: Part) -> str:
    if part.types is None or part.types.other:
        return ""
    return f" OR (measure = {literal(part.types.of)} AND class IS NULL)"


def _cells(recipe: Recipe) -> str:
    """Finest cell of an event; the same arithmetic in the same order as rules.nodes.node_at."""
    east, north = km_factors(recipe)
    km = float(recipe.levels[0].km or 1)
    lat, lon = recipe.origin
    return ", ".join(
        f"TRY_CAST(floor(({axis} - {_double(origin)}) * {_double(factor)} / {_double(km)}) AS BIGINT) AS {name}"
        for name, axis, origin, factor in (("x", "lon", lon, east), ("y", "lat", lat, north))
    )


def _node(recipe: Recipe, number: int) -> str:
    level, finest = recipe.rounds[number], recipe.levels[0]
    cell = "'*'"
    if level.km is not None and finest.km is not None:
        factor = level.km // finest.km
        x, y = (f"CAST(CAST(floor({axis} / {factor}.0) AS BIGINT) AS VARCHAR)" for axis in ("x", "y"))
        cell = f"{x} || ',' || {y}"
    return f"CASE WHEN place = 'inside' THEN '{number}:' || {cell} || ':' || {_window(level)} END"


def _window(level: Level) -> str:
    """The window of a local day and hour; equal to the text of rules.windows.Window."""
    if level.whole:
        return "'*'"
    hour = f"lpad(CAST(hour // {level.hours} * {level.hours} AS VARCHAR), 2, '0')"
    if level.over is None and level.hours != DAY_OR_NIGHT:
        return f"strftime(day, '%Y-%m-%d') || 'T' || {hour}"
    tokens = []
    if level.over is None:
        tokens.append("strftime(day, '%Y-%m-%d')")
    if level.over is Over.week:
        tokens.append("'week-' || strftime(CAST(date_trunc('week', day) AS DATE), '%Y-%m-%d')")
    if level.alike:
        tokens.append(f"CASE WHEN isodow(day) >= 6 THEN '{WEEKEND}' ELSE '{WEEKDAYS}' END")
    if level.hours == DAY_OR_NIGHT:
        tokens.append(f"CASE WHEN hour >= {MORNING} AND hour < {EVENING} THEN 'day' ELSE 'night' END")
    elif level.hours is not None:
        tokens.append(f"'T' || {hour}")
    return " || '-' || ".join(tokens)


def _counts(recipe: Recipe, part: Part) -> tuple[Step, ...]:
    """A vehicle read with two types in a group counts once, under the smaller name, so that classes add up."""
    figures = []
    for m in part.measures:
        of = f"FILTER (measure = {literal(m.name)})"
        if m.events_as:
            figures.append(f"CAST(sum(events) {of} AS BIGINT) AS {quoted(m.events_as)}")
        figures.append(f"count(*) {of} AS {quoted(m.subjects_as)}")
    for name, column in type_columns(part).items():
        assert part.types is not None
        of_class = f"measure = {literal(part.types.of)} AND class = {literal(name)}"
        figures.append(f"count(*) FILTER ({of_class}) AS {quoted(column)}")
    by_subject = (
        "SELECT node, measure, subject, count(*) AS events, min(class) AS class FROM grouped "
        "WHERE node IS NOT NULL GROUP BY node, measure, subject"
    )
    counts = f"SELECT node AS group_id, {', '.join(figures)} FROM by_subject GROUP BY node"
    if not recipe.marginals:
        return Step("by_subject", by_subject), Step("counts", f"{counts} ORDER BY node")
    named = ", ".join(("group_id", *map(quoted, figure_columns(part))))
    return (
        Step("by_subject", by_subject),
        Step("group_counts", counts),
        *_rest_counts(recipe, part),
        Step("counts", f"SELECT {named} FROM group_counts UNION ALL SELECT {named} FROM rest_counts ORDER BY group_id"),
    )


def _rest_counts(recipe: Recipe, part: Part) -> tuple[Step, ...]:
    """`rest_counts`: numbers of events on the released nodes of the marginals; subjects and classes are not told."""
    of_level = " UNION ALL ".join(
        f"SELECT n{number} AS node, measure FROM grouped WHERE split_part(node, ':', 1) = '{marginal.of}'"
        for number, marginal in enumerate(recipe.marginals, len(recipe.levels))
    )
    events = {m.events_as: m.name for m in part.measures}
    figures = [
        f"count(*) FILTER (measure = {literal(events[column])}) AS {quoted(column)}"
        if column in events
        else f"CAST(NULL AS BIGINT) AS {quoted(column)}"
        for column in figure_columns(part)
    ]
    return (
        Step("rest_events", of_level),
        Step("rest_told", "SELECT e.node, e.measure FROM rest_events e JOIN released r ON e.node = r.node"),
        Step("rest_counts", f"SELECT node AS group_id, {', '.join(figures)} FROM rest_told GROUP BY node"),
    )


def _double(value: float) -> str:
    return f"CAST({value!r} AS DOUBLE)"
