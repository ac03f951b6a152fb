"""The plan of a mapping: SQL steps from the source's text to harmonised and quarantined rows.

    joined       the source's rows, looked-up columns beside them, every text as it was   from:<path>
    quick        values where the text is plainly one                                 value:<element>
    typed        every row: its values, and whether all of it is plain
    asked        the rows that need a closer look: not plain, or plain with a key that another plain row has
    told         (late input) those rows again, with all their texts
    of_told, cleaned, parsed, converted, judged, decided     the long way, for those rows alone:
        cleaned      other ways of writing removed                                        clean:<element>
        parsed       intermediate values                                                  part:<element>.<what>
        converted    values of the standard's types                                       value:<element>
        judged       a verdict per column                                                 verdict:<element>
        decided      per row the first reason against it: its column and the original text
    near_<n>     plain rows that share a key with a row that had to be looked at closely
    met, told_met  those of them that share it with a good one, and (late) their texts
    known        everything that was looked at closely
    repeated     rows that repeat others, among those that were otherwise good
    said_<n>     of the others, those of which something is said besides
    harmonised, quarantined, repairs (what was fixed or is suspect, with the original), measured (for quality)

Most rows of most sources are plain: written as the standard wants them. `plain` says so by conditions that are cheap
and never too wide (rules.plain); whatever they do not recognise goes the long way, which alone says what is right.
Columns for which no cheap condition is known go the long way for every row, in steps named all_*.
Rows are never dropped on the way: the plan's balances say so and the engine holds it to them. Late inputs are rows
of the main table by `_row` (harmonise.store.rereading), so texts of plain rows need not be kept.
Must never know: engines, files. Contract: tests/harmonise/test_harmonise_plan.py, test_harmonise_quick.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map

import sqlglot
from sqlglot import exp

from datong.engine.model import Balance, Late, Plan, Step, literal, quoted
from datong.engine.rules import DIALECT
from datong.ground.canonical import digest
from datong.harmonise.model.mappings import Check, Column, Join, Mapping, Unique
from datong.harmonise.model.reading import BROKEN, ROW, SURE, TOTAL
from datong.harmonise.rules import conversions as sql
from datong.harmonise.rules import plain

CARRIED = (ROW, BROKEN)


TOLD, MET = "told", "told_met"


def plan_of(mapping: Mapping, numbers: frozenset[str] = frozenset(), *, scanned: bool = False) -> Plan:
    """The plan of `mapping`; its inputs are `input_name` of the main table and of each joined one, and late ones.

    scanned: the main table is a scan that says in `_sure` for which rows its texts are to be trusted. numbers: the
    paths that it gives as DOUBLE.
    """
    main = input_name(mapping.main)
    days = {c.codes.on for c in mapping.columns if c.codes is not None}  # codes ask for these on the long way
    quick = {
        c.element.name: q
        for c in mapping.columns
        if c.element.name not in days and (q := plain.quick(c, c.path in numbers))
    }
    slow = [c for c in mapping.columns if c.element.name not in quick]
    steps = (
        *(_lookup(mapping, join) for join in mapping.joins),
        Step("joined", _joined(mapping, main, sure=scanned), kept=False),
        *_long_way(mapping, "all_", "joined", slow),
        Step("quick", _quick(mapping, quick, "all_judged" if slow else "joined"), kept=False),
        Step("typed", _typed(mapping, quick, scanned)),
        *_twins(mapping),
        Step("asked", _asked(mapping)),
        Step("of_told", _joined(mapping, TOLD), kept=False),
        *_long_way(mapping, "", "of_told", mapping.columns),
        Step("decided", _decided(mapping)),
        *_met(mapping),
        Step("known", _known(mapping)),
        *_repeats(mapping),
        *_also_repeated(mapping),
        Step("others", _others(mapping)),
        Step("harmonised", _harmonised(mapping), kept=False, ordered_by="source_row"),
        Step("quarantined", _quarantined(mapping)),
        *_said(mapping),
        Step("repairs", _repairs(mapping)),
        Step("measured", _measured(mapping)),
    )
    balances = (
        Balance(main, ("typed",)),
        Balance("asked", (TOLD,)),
        Balance(TOLD, ("decided",)),
        *((Balance("met", (MET,)),) if mapping.unique else ()),
        Balance(main, ("harmonised", "quarantined")),
    )
    late = (Late(TOLD, "asked"), *((Late(MET, "met"),) if mapping.unique else ()))
    return Plan(steps, (main, *(input_name(join.table) for join in mapping.joins)), (), balances, late)


def _long_way(mapping: Mapping, mark: str, before: str, columns: Sequence[Column]) -> tuple[Step, ...]:
    """The steps <mark>cleaned to <mark>judged for `columns`, over `before`; none when there is nothing to do."""
    if not columns:
        return ()
    steps = (
        ("cleaned", _levels(before, [sql.cleanings(c) for c in columns])),
        ("parsed", _levels(f"{mark}cleaned", [sql.parts(c) for c in columns])),
        ("converted", _converted(f"{mark}parsed", columns)),
        ("judged", _added(f"{mark}converted", {sql.verdict(c.element.name): sql.judged(c) for c in columns})),
    )
    return tuple(Step(f"{mark}{name}", text, kept=False) for name, text in steps)


def _quick(mapping: Mapping, quick: Map[str, plain.Quick], before: str) -> str:
    """A value per element, beside those that only the long way gives."""
    names = [c.element.name for c in mapping.columns if c.element.name in quick]
    return _added(before, {sql.value(name): quick[name].value for name in names})


def _typed(mapping: Mapping, quick: Map[str, plain.Quick], scanned: bool) -> str:
    """Every row's values, and whether it is plain: the long way would let all of it pass without a word.

    The conditions stand in CASE, where a row for which one fails is not asked the others.
    """
    good = [f"{quoted(BROKEN)} IS NULL", *([quoted(SURE)] if scanned else [])]
    good += [f"{join_state(join)} IS NULL" for join in mapping.joins]
    for column in mapping.columns:
        name = column.element.name
        good += quick[name].conditions if name in quick else (f"{sql.verdict(name)} IS NULL",)
    good += [f"{condition(check)} IS NOT TRUE" for check in mapping.checks]
    asked = [
        f"{_key(sql.original(join.left), join, mapping)} IS NOT NULL AS {quoted(f'asked:{join.table}')}"
        for join in mapping.joins
    ]
    values = [sql.value(c.element.name) for c in mapping.columns]
    plainly = f"CASE WHEN {' AND '.join(good)} THEN TRUE ELSE FALSE END AS plain"
    return f"SELECT {', '.join([quoted(ROW), *values, *asked, plainly])} FROM quick"


def _keyed(key: Unique) -> tuple[str, str]:
    """The value columns of a key, and the condition that all of them are there."""
    names = [sql.value(name) for name in key.columns]
    return ", ".join(names), " AND ".join(f"{name} IS NOT NULL" for name in names)


def _twins(mapping: Mapping) -> list[Step]:
    """Keys that several plain rows have.

    Of millions of keys nearly all are alone. Numbers made of them are brought together much sooner than the keys, and
    without the disk; only rows whose numbers meet are then held against each other.
    """
    steps = []
    for number, key in enumerate(mapping.unique):
        names, there = _keyed(key)
        those = f"WHERE plain AND {there}"
        numbers = f"SELECT hash({names}) AS met FROM typed {those} GROUP BY met HAVING count(*) > 1"
        tables = ("typed", f"typed SEMI JOIN ({numbers}) AS numbers ON hash({names}) = met")
        found = [f"SELECT {names} FROM {table} {those} GROUP BY {names} HAVING count(*) > 1" for table in tables]
        steps.append(Step(f"twins_{number}", found[0], on_duckdb=found[1]))
    return steps


def _asked(mapping: Mapping) -> str:
    again = [f"SELECT {quoted(ROW)} FROM typed WHERE NOT plain"]
    for number, key in enumerate(mapping.unique):
        names, _ = _keyed(key)
        again.append(f"SELECT {quoted(ROW)} FROM typed SEMI JOIN twins_{number} USING ({names}) WHERE plain")
    return " UNION ".join(again) if mapping.unique else again[0]


def _met(mapping: Mapping) -> tuple[Step, ...]:
    """Plain rows not looked at yet that share a key with a row that was; met are those with a good one: their texts
    are needed, too."""
    if not mapping.unique:
        return ()
    near, found, row = [], [], quoted(ROW)
    for number, key in enumerate(mapping.unique):
        names, there = _keyed(key)
        looked_at = f"SELECT {names} FROM decided WHERE {there}"
        rows = f"SELECT {row}, {names} FROM typed ANTI JOIN asked USING ({row})"
        near.append(Step(f"near_{number}", f"{rows} SEMI JOIN ({looked_at}) AS looked_at USING ({names}) WHERE plain"))
        good = f"({looked_at} AND reason IS NULL) AS good"
        found.append(f"SELECT {row} FROM near_{number} SEMI JOIN {good} USING ({names})")
    return (*near, Step("met", " UNION ".join(found)), Step("of_met", _joined(mapping, MET), kept=False))


def _known(mapping: Mapping) -> str:
    """The rows looked at closely; to plain ones that were met on the way nothing is said."""
    named = [name for c in mapping.columns if c.of_several for name in sql.of_several(c)]
    texts = [quoted(ROW), *map(sql.original, mapping.paths), *named, *(join_state(j) for j in mapping.joins)]
    cleaned = [sql.clean(c.element.name) for c in _read(mapping)]
    values = [sql.value(c.element.name) for c in mapping.columns]
    said = [*(sql.verdict(c.element.name) for c in mapping.columns), "reason", quoted("column"), "original"]
    known = f"SELECT {', '.join((*texts, *cleaned, *values, *said))} FROM decided"
    if not mapping.unique:
        return known
    of_plain = [
        *texts,
        *(f"CASE WHEN {sql.value(c.element.name)} IS NOT NULL THEN {sql.raw_text(c)} END" for c in _read(mapping)),
        *values,
        *("CAST(NULL AS VARCHAR)" for _ in said),
    ]
    return f"{known} UNION ALL SELECT {', '.join(of_plain)} FROM of_met JOIN typed USING ({quoted(ROW)})"


def input_name(table: str) -> str:
    return f"in_{_word(table)}"


def _looked_up(join: Join) -> str:
    """The step with the rows of a joined table."""
    return f"of_{_word(join.table)}"


def _word(table: str) -> str:
    """A word of the plan language for a table; of one with other signs in its name, with a mark to tell it apart."""
    name = table.lower()
    if re.fullmatch(r"[a-z0-9_]{1,50}", name):
        return name
    return f"{re.sub('[^a-z0-9_]+', '_', name)[:40]}_{digest(table).rpartition(':')[2][:8]}"


def join_state(join: Join) -> str:
    """The column that says how a look-up went: NULL = found (or not asked), else a reason."""
    return quoted(f"join:{join.table}")


def _read(mapping: Mapping) -> list[Column]:
    return [column for column in mapping.columns if column.constant is None]


def is_main(mapping: Mapping, path: str) -> bool:
    return not mapping.source.tables or path.split(".", maxsplit=1)[0] == mapping.main


def _plain(mapping: Mapping, path: str) -> str:
    """The name a path has in its input table: the path itself, or the column where the source has tables."""
    return path.split(".", 1)[1] if mapping.source.tables else path


def _key(text: str, join: Join, mapping: Mapping) -> str:
    return sql.cleaned_text(text, join.how, mapping.missing, meaning=join.meaning)


def _lookup(mapping: Mapping, join: Join) -> Step:
    """One row per key of a looked-up table, with how many rows had that key."""
    columns = [p.split(".", 1)[1] for p in mapping.paths if p.split(".")[0] == join.table]
    values = [f"min({quoted(name)}) AS {quoted(name)}" for name in columns if name != join.right]
    picked = [f"{_key(quoted(join.right), join, mapping)} AS {quoted('key')}", "count(*) AS n", *values]
    if join.right in columns:
        picked.append(f"min({quoted(join.right)}) AS {quoted(join.right)}")
    source = quoted(input_name(join.table))
    return Step(_looked_up(join), f"SELECT {', '.join(picked)} FROM {source} GROUP BY 1")


def _joined(mapping: Mapping, main: str, *, sure: bool = False) -> str:
    columns = [f"{quoted(main)}.{quoted(name)}" for name in (*CARRIED, *((SURE,) if sure else ()))]
    aliases = {join.table: _looked_up(join) for join in mapping.joins}

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
    joined = f"SELECT {', '.join(columns)} FROM {tables}"
    named = {name: text for c in mapping.columns if c.of_several for name, text in sql.of_several(c).items()}
    return _added(f"({joined}) AS by_name", named) if named else joined


def _levels(before: str, columns: Iterable[list[dict[str, str]]]) -> str:
    """What is computed of all columns, level over level."""
    levels: list[dict[str, str]] = [{}]
    for column in columns:
        for number, level in enumerate(column):
            if number == len(levels):
                levels.append({})
            levels[number] |= level
    text = _added(before, levels[0])
    for number, level in enumerate(levels[1:], 1):
        text = _added(f"({text}) AS level_{number}", level)
    return text


def _converted(before: str, columns: Sequence[Column]) -> str:
    """The values; codes that must be valid on a day come after it."""
    dated = [c for c in columns if c.codes is not None and c.codes.on]
    first = [c for c in columns if c not in dated]
    text = _added(before, {sql.value(c.element.name): sql.converted(c) for c in first})
    if not dated:
        return text
    return _added(f"({text}) AS before_codes", {sql.value(c.element.name): sql.converted(c) for c in dated})


def _added(before: str, columns: dict[str, str]) -> str:
    return ", ".join(["SELECT *", *(f"{text} AS {name}" for name, text in columns.items())]) + f" FROM {before}"


def _reasons(mapping: Mapping) -> list[tuple[str, str, str, str]]:
    """(condition, reason, column, original) of everything that can be said against a row, first things first."""
    total = f"regexp_matches(lower({quoted(BROKEN)}), {literal(TOTAL)})"
    none = f"CASE WHEN {total} THEN 'total_row' ELSE 'not_a_record' END"
    found = [(f"{quoted(BROKEN)} IS NOT NULL", none, "''", quoted(BROKEN))]
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
    raws = [sql.raw_text(c) for c in mapping.columns if c.element.name in check.columns and c.path]
    together = f"concat_ws(' | ', {', '.join(raws)})" if raws else "''"
    return condition(check), literal(check.reason), literal(", ".join(names)), together


def condition(check: Check) -> str:
    """The check's condition over value columns."""

    def of_value(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        return exp.column(exp.to_identifier(f"value:{node.name}", quoted=True))

    return f"({sqlglot.parse_one(check.when, read=DIALECT).transform(of_value).sql(dialect=DIALECT)})"


def trial_of(check: Check) -> Plan:
    """The condition alone, over rows of value columns."""
    asked = f"SELECT {condition(check)} AS held FROM rows_read WHERE {condition(check)}"
    return Plan((Step("asked", asked),), ("rows_read",))


def trial_of_pattern(pattern: str) -> Plan:
    """A pattern alone, over any row."""
    asked = f"SELECT regexp_full_match('x', {literal(pattern)}) AS held FROM rows_read"
    return Plan((Step("asked", asked),), ("rows_read",))


def constants_of(mapping: Mapping) -> tuple[Plan, tuple[str, ...]]:
    """What is said of the constants, as the one row of the last step, over any one row; and their elements. Those
    that hang on a column of the source are left out."""
    there = {c.element.name: c for c in mapping.columns if c.constant is not None}
    columns = [c for c in there.values() if {c.meaning.partner, c.codes.on if c.codes else ""} <= {"", *there}]
    said = ", ".join(sql.verdict(c.element.name) for c in columns)
    steps = (*_long_way(mapping, "", "rows_read", columns), Step("said", f"SELECT {said} FROM judged"))
    return Plan(steps if columns else (), ("rows_read",)), tuple(c.element.name for c in columns)


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
        shared = f"SELECT {', '.join(names)} FROM known WHERE reason IS NULL AND {there}"
        steps.append(Step(f"shared_{number}", f"{shared} GROUP BY ALL HAVING count(*) > 1"))
    if not mapping.unique:
        nothing = f"SELECT {quoted(ROW)} AS copy, '' AS said, '' AS of_columns, '' AS raw FROM known WHERE FALSE"
        return [Step("repeated", nothing)]
    every = " UNION ALL ".join(_repeated(mapping, key, number) for number, key in enumerate(mapping.unique))
    once = "QUALIFY row_number() OVER (PARTITION BY copy ORDER BY of_rule) = 1"
    said = f"SELECT copy, said, of_columns, raw FROM ({every}) AS every WHERE said IS NOT NULL {once}"
    return [*steps, Step("repeated", said)]


def _repeated(mapping: Mapping, key: Unique, number: int) -> str:
    names = [sql.value(name) for name in key.columns]
    apart = {*key.columns, *key.apart_from}
    others = [sql.value(c.element.name) for c in mapping.columns if c.element.name not in apart]
    told = ", ".join(f"COALESCE('=' || CAST({other} AS VARCHAR), '-')" for other in others)
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
        f"{number} AS of_rule FROM known JOIN shared_{number} USING ({', '.join(names)}) WHERE reason IS NULL"
    )


def _also_repeated(mapping: Mapping) -> list[Step]:
    """Rows held for another reason whose key another row has, too: all of them where a row that was not held has it,
    else all but the first. They are nobody's duplicates; the figure of uniqueness counts them."""
    steps, found, row = [], [], quoted(ROW)
    for number, key in enumerate(mapping.unique):
        names, there = _keyed(key)
        nth = f"row_number() OVER (PARTITION BY {names} ORDER BY {row}) AS nth"
        held = f"SELECT {row}, {names}, {nth} FROM known WHERE reason IS NOT NULL AND {there}"
        beside = (
            f"SELECT {names} FROM near_{number} SEMI JOIN held_{number} USING ({names}) "
            f"UNION SELECT {names} FROM known WHERE reason IS NULL AND {there}"
        )
        steps += [Step(f"held_{number}", held), Step(f"beside_{number}", beside)]
        found.append(f"SELECT {row} FROM held_{number} WHERE nth > 1")
        found.append(f"SELECT {row} FROM held_{number} SEMI JOIN beside_{number} USING ({names})")
    return [*steps, Step("also_repeated", " UNION ".join(found))] if found else []


_WITH_REPEATED = f"FROM known LEFT JOIN repeated ON {quoted(ROW)} = copy"
_GOOD = "reason IS NULL AND copy IS NULL"


def _others(mapping: Mapping) -> str:
    """Rows that were looked at closely: their values, and whether they are held."""
    values = ", ".join(sql.value(c.element.name) for c in mapping.columns)
    return f"SELECT {quoted(ROW)}, NOT ({_GOOD}) AS held, {values} {_WITH_REPEATED}"


def _harmonised(mapping: Mapping) -> str:
    """Plain rows as they are, the others with the values that were found for them."""
    row, names = quoted(ROW), [sql.value(c.element.name) for c in mapping.columns]
    values = [
        f"CASE WHEN o.{row} IS NULL THEN t.{name} ELSE o.{name} END AS {quoted(c.element.name)}"
        for name, c in zip(names, mapping.columns, strict=True)
    ]
    picked = f"SELECT {', '.join(values)}, t.{row} AS source_row"
    return f"{picked} FROM typed t LEFT JOIN others o ON t.{row} = o.{row} WHERE o.held IS NOT TRUE"


def _quarantined(mapping: Mapping) -> str:
    record = ", ".join(f"{literal(p)}: {sql.original(p)}" for p in mapping.paths)
    offers = " ".join(
        f"WHEN {quoted('column')} = {literal(c.element.name)} THEN {sql.suggested(c)}" for c in _read(mapping)
    )
    suggestion = f"CASE {offers} ELSE NULL END" if offers else "NULL"
    again = f" LEFT JOIN (SELECT {quoted(ROW)} AS again FROM also_repeated) AS r ON {quoted(ROW)} = again"
    return (
        f"SELECT {literal(mapping.source.name)} AS source, {quoted(ROW)} AS {quoted('row')}, "
        f"COALESCE({quoted('column')}, of_columns) AS {quoted('column')}, COALESCE(reason, said) AS reason, "
        f"CASE WHEN reason IS NULL THEN raw ELSE original END AS original, {suggestion} AS suggestion, "
        f"CAST(to_json({{{record}}}) AS VARCHAR) AS record, {_also(mapping)} AS also "
        f"{_WITH_REPEATED}{again if mapping.unique else ''} WHERE NOT ({_GOOD}) ORDER BY {quoted(ROW)}"
    )


def _also(mapping: Mapping) -> str:
    """What is said of a held row besides the reason it is held for: a line each, `column: reason`, or
    `column: fixed:rule` and `column: suspect:rule`. The figures of quality count all of it."""
    first = f"{quoted('column')} = {{}} AND reason = {{}}"
    said = [
        f"CASE WHEN {when} AND NOT ({first.format(column, reason)}) THEN concat({column}, ': ', {reason}) END"
        for when, reason, column, _ in _reasons(mapping)[1:]
    ]
    for column in _read(mapping):
        name = column.element.name
        it = sql.verdict(name)
        said.append(f"CASE WHEN NOT starts_with({it}, 'invalid:') THEN concat({literal(f'{name}: ')}, {it}) END")
    if mapping.unique:
        keys = " / ".join(dict.fromkeys(", ".join(key.columns) for key in mapping.unique))
        said.append(f"CASE WHEN again IS NOT NULL THEN {literal(f'{keys}: suspect:repeated')} END")
    return f"concat_ws(chr(10), {', '.join(said)})"


def also_said(also: str) -> list[tuple[str, str, str]]:
    """The lines of `also`: (column, "fixed", "suspect" or "", rule or reason)."""
    parted = [line.rpartition(": ") for line in also.splitlines()]
    return [(column, *what.rpartition(":")[::2]) for column, _, what in parted]


TOGETHER = 50
"""Columns whose repairs are gathered together: of each the database would go over all that is known, which of a
thousand columns is a million."""


def _together(mapping: Mapping) -> list[tuple[str, Sequence[Column]]]:
    columns = mapping.columns
    return [(f"said_{at // TOGETHER}", columns[at : at + TOGETHER]) for at in range(0, len(columns), TOGETHER)]


def _said(mapping: Mapping) -> list[Step]:
    """The good rows of which something is said, with what, and with the texts it is said of."""
    steps = []
    for name, columns in _together(mapping):
        verdicts = [sql.verdict(c.element.name) for c in columns]
        texts = [f"{sql.raw_text(c)} AS {quoted(f'text:{c.element.name}')}" for c in columns]
        something = " OR ".join(f"{verdict} IS NOT NULL" for verdict in verdicts)
        picked = ", ".join((quoted(ROW), *verdicts, *texts))
        steps.append(Step(name, f"SELECT {picked} {_WITH_REPEATED} WHERE {_GOOD} AND ({something})"))
    return steps


def _repairs(mapping: Mapping) -> str:
    selects = [
        f"SELECT {quoted(ROW)} AS {quoted('row')}, {literal(c.element.name)} AS {quoted('column')}, "
        f"split_part({sql.verdict(c.element.name)}, ':', 1) AS state, "
        f"split_part({sql.verdict(c.element.name)}, ':', 2) AS rule, {quoted(f'text:{c.element.name}')} AS original "
        f"FROM {said} WHERE {sql.verdict(c.element.name)} IS NOT NULL"
        for said, columns in _together(mapping)
        for c in columns
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
    also = " + (SELECT count(*) FROM also_repeated)" if mapping.unique else ""
    counts.append(f"(SELECT count(*) FROM repeated){also} AS repeated")
    close, rest = f"SELECT {', '.join(counts)} FROM known", _measured_plain(mapping)
    added = {name for name, _ in _plain_counts(mapping)}
    named = [count.rsplit(" AS ", 1)[1] for count in counts]
    picked = [f"close.{name} + rest.{name} AS {name}" if name in added else f"close.{name}" for name in named]
    return f"SELECT {', '.join(picked)} FROM ({close}) AS close, ({rest}) AS rest"


def _plain_counts(mapping: Mapping) -> list[tuple[str, str]]:
    """What plain rows add to the counts: everything in them is as it should be, so the rest is nought.

    `every` where none of them can lack it: of those counts no column need be read again, which tells on large tables.
    """
    there = {c.element.name for c in mapping.columns if c.element.required}
    counts = [("rows", "every")]
    for column in _read(mapping):
        name = column.element.name
        count = "every" if name in there else f"count({sql.value(name)})"
        asked = ("filled", "plain", "read") if column.timed else ("filled", "plain")
        counts += [(quoted(f"{what}:{name}"), count) for what in asked]
    for join in mapping.joins:
        counts.append((quoted(f"asked:{join.table}"), f"count(*) FILTER ({quoted(f'asked:{join.table}')})"))
    for check in mapping.checks:
        known = there.issuperset(check.columns) and _never_unknown(check)
        counts.append((quoted(f"checked:{check.reason}"), "every" if known else f"count({condition(check)})"))
    return counts


_ALWAYS_KNOWN = (
    exp.Column, exp.Identifier, exp.Literal, exp.Paren, exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE,
    exp.LT, exp.LTE, exp.Between,
)  # fmt: skip


def _never_unknown(check: Check) -> bool:
    """Whether the condition is true or false wherever its columns have values."""
    return all(isinstance(node, _ALWAYS_KNOWN) for node in sqlglot.parse_one(check.when, read=DIALECT).walk())


def _measured_plain(mapping: Mapping) -> str:
    counts = _plain_counts(mapping)
    picked = ", ".join(f"{'every' if count == 'every' else name} AS {name}" for name, count in counts)
    tables = "(SELECT (SELECT count(*) FROM typed) - (SELECT count(*) FROM known) AS every) AS plain"
    if apart := [f"{count} AS {name}" for name, count in counts if count != "every"]:
        tables += f", (SELECT {', '.join(apart)} FROM typed ANTI JOIN known USING ({quoted(ROW)})) AS apart"
    return f"SELECT {picked} FROM {tables}"
