"""The careful plan of a mapping, every column of every row through every step: what the plan must be equal to.

The first form of harmonise.rules.plan, kept as the oracle of the property test that holds the present form to it.
"""

from __future__ import annotations

from datong.engine.model import Balance, Plan, Step, literal, quoted
from datong.harmonise.model.mappings import Check, Column, Join, Mapping, Unique
from datong.harmonise.model.reading import BROKEN, ROW
from datong.harmonise.rules import conversions as sql
from datong.harmonise.rules.plan import condition, input_name, is_main, join_state

CARRIED = (ROW, BROKEN)


def plan_of(mapping: Mapping) -> Plan:
    """The plan of `mapping`; its inputs are `input_name` of the main table and of each joined one."""
    lookups = tuple(_lookup(mapping, join) for join in mapping.joins)
    steps = (
        *lookups,
        Step("joined", _joined(mapping)),
        Step("cleaned", _added("joined", {sql.clean(c.element.name): _cleaned(mapping, c) for c in mapping.columns})),
        Step("parsed", _parsed(mapping)),
        Step("converted", _converted(mapping)),
        Step("judged", _added("converted", {sql.verdict(c.element.name): sql.judged(c) for c in mapping.columns})),
        Step("decided", _decided(mapping)),
        *_repeats(mapping),
        Step("harmonised", _harmonised(mapping)),
        Step("quarantined", _quarantined(mapping)),
        Step("repairs", _repairs(mapping)),
        Step("measured", _measured(mapping)),
    )
    main = input_name(mapping.main)
    whole = ("joined", "cleaned", "parsed", "converted", "judged", "decided")
    balances = (*(Balance(main, (name,)) for name in whole), Balance(main, ("harmonised", "quarantined")))
    inputs = (main, *(input_name(join.table) for join in mapping.joins))
    return Plan(steps, inputs, (), balances)


def _parsed(mapping: Mapping) -> str:
    """The parts of all columns, level over level."""
    columns = {c.element.name: sql.parts(c) for c in mapping.columns}
    text = "cleaned"
    for number in range(max(1, *(len(levels) for levels in columns.values()))):
        level = {k: v for levels in columns.values() if len(levels) > number for k, v in levels[number].items()}
        text = f"({_added(text, level)}) AS level_{number}"
    return f"SELECT * FROM {text}"


def _converted(mapping: Mapping) -> str:
    dated = [c for c in mapping.columns if c.codes is not None and c.codes.on]
    text = _added("parsed", {sql.value(c.element.name): sql.converted(c) for c in mapping.columns if c not in dated})
    return _added(f"({text}) AS undated", {sql.value(c.element.name): sql.converted(c) for c in dated})


def _read(mapping: Mapping) -> list[Column]:
    return [column for column in mapping.columns if column.constant is None]


def _plain(mapping: Mapping, path: str) -> str:
    """The name a path has in its input table: the path where the source has one table, else the column."""
    return path.split(".", 1)[1] if mapping.source.tables else path


def _key(text: str, join: Join, mapping: Mapping) -> str:
    return sql.cleaned_text(text, join.how, mapping.missing)


def _lookup(mapping: Mapping, join: Join) -> Step:
    """One row per key of a looked-up table, with how many rows had that key."""
    columns = [p.split(".", 1)[1] for p in mapping.paths if p.split(".")[0] == join.table]
    values = [f"min({quoted(name)}) AS {quoted(name)}" for name in columns if name != join.right]
    picked = [f"{_key(quoted(join.right), join, mapping)} AS {quoted('key')}", "count(*) AS n", *values]
    if join.right in columns:
        picked.append(f"min({quoted(join.right)}) AS {quoted(join.right)}")
    source = quoted(input_name(join.table))
    return Step(f"of_{join.table.lower()}", f"SELECT {', '.join(picked)} FROM {source} GROUP BY 1")


def _joined(mapping: Mapping) -> str:
    main = input_name(mapping.main)
    columns = [f"{main}.{quoted(name)}" for name in CARRIED]
    aliases = {join.table: f"of_{join.table.lower()}" for join in mapping.joins}

    def place(path: str) -> str:
        table = main if is_main(mapping, path) else aliases[path.split(".", maxsplit=1)[0]]
        return f"{quoted(table)}.{quoted(_plain(mapping, path))}"

    columns += [f"{place(path)} AS {sql.original(path)}" for path in mapping.paths]
    tables = quoted(main)
    for join in mapping.joins:
        there = quoted(aliases[join.table])
        left = _key(place(join.left), join, mapping)
        tables += f" LEFT JOIN {there} ON {left} = {there}.{quoted('key')}"
        none, many = literal(f"no_{join.table}"), literal(f"ambiguous_{join.table}")
        state = (
            f"CASE WHEN {left} IS NULL THEN NULL WHEN {there}.n IS NULL THEN {none} WHEN {there}.n > 1 THEN {many} END"
        )
        columns.append(f"{state} AS {join_state(join)}")
    named = {name: text for c in mapping.columns if c.of_several for name, text in sql.of_several(c).items()}
    return _added(f"(SELECT {', '.join(columns)} FROM {tables}) AS by_name", named)


def _cleaned(mapping: Mapping, column: Column) -> str:
    return sql.cleaned_text(sql.raw_text(column), column.how, column.missing, column.thousands, column.meaning)


def _added(before: str, columns: dict[str, str]) -> str:
    return ", ".join(["SELECT *", *(f"{text} AS {name}" for name, text in columns.items())]) + f" FROM {before}"


def _reasons(mapping: Mapping) -> list[tuple[str, str, str, str]]:
    """(condition, reason, column, original) of everything that can be said against a row, first things first."""
    found = [(f"{quoted(BROKEN)} IS NOT NULL", "'not_a_record'", "''", quoted(BROKEN))]
    own = [c for c in mapping.columns if c.constant is not None or is_main(mapping, c.path)]
    found += [_column_reason(column) for column in own]
    found += [
        (f"{join_state(j)} IS NOT NULL", join_state(j), literal(j.left), sql.original(j.left))
        for j in mapping.joins
        if j.missing == "quarantine"
    ]
    found += [_column_reason(column) for column in mapping.columns if column not in own]
    return found + [_check_reason(mapping, check) for check in mapping.checks]


def _column_reason(column: Column) -> tuple[str, str, str, str]:
    said = sql.verdict(column.element.name)
    raw = sql.told_text(column)
    return f"starts_with({said}, 'invalid:')", f"substr({said}, 9)", literal(column.element.name), raw


def _check_reason(mapping: Mapping, check: Check) -> tuple[str, str, str, str]:
    names = [c.element.name for c in mapping.columns if c.element.name in check.columns]
    paths = [c.path for c in mapping.columns if c.element.name in check.columns and c.path]
    together = f"concat_ws(' | ', {', '.join(sql.original(p) for p in paths)})" if paths else "''"
    return condition(check), literal(check.reason), literal(", ".join(names)), together


def _decided(mapping: Mapping) -> str:
    reasons = _reasons(mapping)

    def first(place: int) -> str:
        return "CASE " + " ".join(f"WHEN {r[0]} THEN {r[place]}" for r in reasons) + " END"

    return _added("judged", {"reason": first(1), quoted("column"): first(2), "original": first(3)})


def _repeats(mapping: Mapping) -> list[Step]:
    """Per uniqueness rule the keys that good rows share; then those rows, once each, with what is said of them.

    Of rows that are alike in everything all but the first are held; of rows that differ elsewhere, all.
    """
    steps = []
    for number, key in enumerate(mapping.unique):
        names = [sql.value(name) for name in key.columns]
        there = " AND ".join(f"{name} IS NOT NULL" for name in names)
        shared = f"SELECT {', '.join(names)} FROM decided WHERE reason IS NULL AND {there}"
        steps.append(Step(f"shared_{number}", f"{shared} GROUP BY ALL HAVING count(*) > 1"))
    if not mapping.unique:
        nothing = f"SELECT {quoted(ROW)} AS copy, '' AS said, '' AS of_columns, '' AS raw FROM decided WHERE FALSE"
        return [Step("repeated", nothing)]
    every = " UNION ALL ".join(_repeated(mapping, key, number) for number, key in enumerate(mapping.unique))
    once = "QUALIFY row_number() OVER (PARTITION BY copy ORDER BY of_rule) = 1"
    said = f"SELECT copy, said, of_columns, raw FROM ({every}) AS every WHERE said IS NOT NULL {once}"
    return [*steps, Step("repeated", said)]


def _repeated(mapping: Mapping, key: Unique, number: int) -> str:
    names = [sql.value(name) for name in key.columns]
    apart = {*key.columns, *key.apart_from}
    others = [sql.value(c.element.name) for c in mapping.columns if c.element.name not in apart]
    told = ", ".join(f"COALESCE(CAST({other} AS VARCHAR), chr(0))" for other in others)
    content = f"concat_ws('|', {told})" if others else "''"
    over = f"PARTITION BY {', '.join(names)}"
    said = (
        f"CASE WHEN min({content}) OVER ({over}) <> max({content}) OVER ({over}) THEN 'conflicting_duplicate' "
        f"WHEN row_number() OVER ({over} ORDER BY {quoted(ROW)}) > 1 THEN 'duplicate' END"
    )
    raws = [sql.raw_text(c) for c in mapping.columns if c.element.name in key.columns and c.path]
    raw = f"concat_ws(' | ', {', '.join(raws)})" if raws else "''"
    return (
        f"SELECT {quoted(ROW)} AS copy, {said} AS said, {literal(', '.join(key.columns))} AS of_columns, {raw} AS raw, "
        f"{number} AS of_rule FROM decided JOIN shared_{number} USING ({', '.join(names)}) WHERE reason IS NULL"
    )


_WITH_REPEATED = f"FROM decided LEFT JOIN repeated ON {quoted(ROW)} = copy"
_GOOD = "reason IS NULL AND copy IS NULL"


def _harmonised(mapping: Mapping) -> str:
    values = [f"{sql.value(c.element.name)} AS {quoted(c.element.name)}" for c in mapping.columns]
    picked = f"SELECT {', '.join(values)}, {quoted(ROW)} AS source_row"
    return f"{picked} {_WITH_REPEATED} WHERE {_GOOD} ORDER BY source_row"


def _quarantined(mapping: Mapping) -> str:
    record = ", ".join(f"{literal(p)}: {sql.original(p)}" for p in mapping.paths)
    offers = " ".join(
        f"WHEN {quoted('column')} = {literal(c.element.name)} THEN {sql.suggested(c)}" for c in _read(mapping)
    )
    suggestion = f"CASE {offers} ELSE NULL END" if offers else "NULL"
    return (
        f"SELECT {literal(mapping.source.name)} AS source, {quoted(ROW)} AS {quoted('row')}, "
        f"COALESCE({quoted('column')}, of_columns) AS {quoted('column')}, COALESCE(reason, said) AS reason, "
        f"CASE WHEN reason IS NULL THEN raw ELSE original END AS original, {suggestion} AS suggestion, "
        f"CAST(to_json({{{record}}}) AS VARCHAR) AS record, {_also(mapping)} AS also "
        f"{_WITH_REPEATED} WHERE NOT ({_GOOD}) ORDER BY {quoted(ROW)}"
    )


def _also(mapping: Mapping) -> str:
    """Whatever is said of a row but the first reason against it."""
    lines = []
    for number, (when, reason, column, _) in enumerate(_reasons(mapping)):
        before = " OR ".join(f"COALESCE({r[0]}, FALSE)" for r in _reasons(mapping)[:number])
        if before:
            lines.append(f"CASE WHEN ({when}) AND ({before}) THEN {column} || ': ' || {reason} END")
    for column in _read(mapping):
        said = sql.verdict(column.element.name)
        lines.append(
            f"CASE WHEN {said} SIMILAR TO '(fixed|suspect):.*' THEN {literal(column.element.name)} || ': ' || {said} END"
        )
    if mapping.unique:
        keys = " / ".join(dict.fromkeys(", ".join(key.columns) for key in mapping.unique))
        here = f"{quoted(ROW)} IN (SELECT row_ FROM ({_again(mapping)}) AS every)"
        lines.append(f"CASE WHEN {here} THEN {literal(keys)} || ': suspect:repeated' END")
    return f"concat_ws(chr(10), {', '.join(lines)})"


def _again(mapping: Mapping) -> str:
    """Of rows held for another reason, those whose key another row has; the first stands for itself."""
    return " UNION ALL ".join(
        f"SELECT row_ FROM (SELECT *, row_number() OVER (PARTITION BY {names} ORDER BY {quoted(ROW)}) AS place, "
        f"count(*) FILTER (reason IS NULL) OVER (PARTITION BY {names}) AS good, {quoted(ROW)} AS row_ "
        f"FROM decided WHERE {there}) AS those WHERE reason IS NOT NULL AND (good > 0 OR place > 1)"
        for key in mapping.unique
        for names in [", ".join(sql.value(name) for name in key.columns)]
        for there in [" AND ".join(f"{sql.value(name)} IS NOT NULL" for name in key.columns)]
    )


def _repairs(mapping: Mapping) -> str:
    selects = [
        f"SELECT {quoted(ROW)} AS {quoted('row')}, {literal(c.element.name)} AS {quoted('column')}, "
        f"split_part({sql.verdict(c.element.name)}, ':', 1) AS state, "
        f"split_part({sql.verdict(c.element.name)}, ':', 2) AS rule, {sql.raw_text(c)} AS original "
        f"{_WITH_REPEATED} WHERE {_GOOD} AND {sql.verdict(c.element.name)} IS NOT NULL"
        for c in mapping.columns
    ]
    together = " UNION ALL ".join(selects)
    return f"SELECT * FROM ({together}) AS every ORDER BY {quoted('row')}, {quoted('column')}"


def _measured(mapping: Mapping) -> str:
    """One row of counts over all rows read, for the quality figures; see quality."""
    counts = ["count(*) AS rows"]
    for column in _read(mapping):
        name = column.element.name
        filled, said = f"{sql.clean(name)} IS NOT NULL", sql.verdict(name)
        counts += [
            f"count({sql.clean(name)}) AS {quoted(f'filled:{name}')}",
            f"count(*) FILTER ({filled} AND {said} IS NULL) AS {quoted(f'plain:{name}')}",
            f"count(*) FILTER ({filled} AND starts_with({said}, 'invalid:')) AS {quoted(f'invalid:{name}')}",
        ]
        if column.timed:
            counts.append(f"count({sql.value(name)}) AS {quoted(f'read:{name}')}")
            outside = f"count(*) FILTER ({said} = 'invalid:outside_period')"
            counts.append(f"{outside} AS {quoted(f'outside_period:{name}')}")
    for join in mapping.joins:
        key = _key(sql.original(join.left), join, mapping)
        counts.append(f"count({key}) AS {quoted(f'asked:{join.table}')}")
        counts.append(f"count({join_state(join)}) AS {quoted(f'lost:{join.table}')}")
    for check in mapping.checks:
        counts.append(f"count({condition(check)}) AS {quoted(f'checked:{check.reason}')}")
        counts.append(f"count(*) FILTER {condition(check)} AS {quoted(f'failed:{check.reason}')}")
    also = ""
    if mapping.unique:
        also = f" + (SELECT count(DISTINCT row_) FROM ({_again(mapping)}) AS every)"
    counts.append(f"(SELECT count(*) FROM repeated){also} AS repeated")
    return f"SELECT {', '.join(counts)} FROM decided"
