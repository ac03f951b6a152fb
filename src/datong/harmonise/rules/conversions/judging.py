"""The verdict on a column: ok, fixed, suspect or invalid, by the first condition that holds.

Invalid comes before suspect, suspect before fixed; the reasons of a kind are in the order in which they are told.
"""

from __future__ import annotations

from datong.engine.model import literal
from datong.ground.signs import UNSEEN
from datong.harmonise.model.mappings import Column, How, Type
from datong.harmonise.rules import amounts, datums, identifiers
from datong.harmonise.rules.checks import PLATE
from datong.harmonise.rules.conversions import bounds, cleaning, codes, coordinates, times
from datong.harmonise.rules.conversions.names import Cases, clean, differs, part, raw_text, value


def judged(column: Column) -> str:
    """The verdict on a column, as an expression over the original, the cleaned text, the parts and the value."""
    name = column.element.name
    empty = "'invalid:missing_value'" if column.element.required else "NULL"
    cases = [f"WHEN {differs(column)} THEN 'invalid:names_differ'"] if column.others else []
    cases.append(f"WHEN {clean(name)} IS NULL THEN {empty}")
    cases += [
        f"WHEN {condition} THEN {what if what.startswith('CASE ') else literal(what)}"
        for condition, what in (*_invalid(column), *_suspect(column), *_fixed(column))
    ]
    return "CASE " + " ".join(cases) + " END"


def suggested(column: Column) -> str:
    """What could be meant by an invalid text, or NULL: for a person to confirm, never applied."""
    text = clean(column.element.name)
    if column.how is not How.plate:
        return identifiers.suggested(text, column.how)
    meant = f"left({text}, 2) || translate(substr({text}, 3), 'OI', '01')"
    return f"CASE WHEN regexp_full_match({meant}, {literal(PLATE)}) THEN {meant} END"


_OUTSIDE = {
    How.timestamp: "outside_period", How.date: "outside_period", How.birth_date: "outside_period",
    How.number: "outside_range",
}  # fmt: skip


def _invalid(column: Column) -> Cases:
    name, it = column.element.name, value(column.element.name)
    cases: Cases = []
    if column.meaning.marked:
        marked = amounts.on_a_side(cleaning.narrowed(raw_text(column), column.how), column.meaning)
        cases.append((f"{it} IS NOT NULL AND NOT {marked}", "invalid:no_side"))
    if column.how is How.timestamp and column.zone == "offset":
        bare = rf"regexp_full_match({clean(name)}, '{times.SECONDS}(\.\d{{1,9}})?')"
        cases.append((f"{it} IS NULL AND {bare}", "invalid:no_offset"))
    if column.how in identifiers.CHECKED:
        cases += [
            (f"{it} IS NULL AND {condition}", f"invalid:{reason}")
            for condition, reason in identifiers.invalid(clean(name), column.how, part(name, "check"))
        ]
    if column.meaning.partner:
        cases.append((f"{it} IS NULL AND {part(name, 'degrees')} IS NOT NULL", "invalid:no_other_coordinate"))
    if column.meaning.percent:
        bare = f"regexp_full_match({clean(name)}, '{amounts.NUMBER}')"
        cases.append((f"{it} IS NULL AND {bare}", "invalid:no_percent_sign"))
    if column.meaning.carries_unit:
        other = f"{part(name, 'unit')} <> '' AND NOT {_with_unit(column)}"
        cases.append((f"{it} IS NULL AND {other}", "invalid:other_unit"))
    unreadable = {
        How.number: "not_a_number", How.timestamp: "not_a_time", How.latitude: "not_a_coordinate",
        How.longitude: "not_a_coordinate", How.plate: "plate_format", How.code: "unknown_code",
        How.text: "missing_value", How.date: "not_a_date", How.boolean: "neither_true_nor_false",
        How.birth_date: "not_an_identifier", How.sex: "not_an_identifier",
    }.get(column.how)  # fmt: skip
    if column.meaning.digits:
        cases.append((f"NOT {cleaning.all_digits(clean(name), column.meaning.digits)}", "invalid:not_so_many_digits"))
    if unreadable:
        cases.append((f"{it} IS NULL", f"invalid:{unreadable}"))
    if times.is_local(column):
        local, zone = part(name, "local"), literal(column.zone)
        cases.append((f"timezone({zone}, {it}) <> {local}", "invalid:no_such_local_time"))
        if column.ambiguous == "quarantine":
            cases.append((times.twice(column, "-"), "invalid:ambiguous_local_time"))
    if column.how is How.number and column.element.type is Type.number:
        cases.append((f"NOT isfinite({it})", "invalid:not_a_number"))
    where = _OUTSIDE.get(column.how, "outside_area")
    cases += [(condition, f"invalid:{where}") for condition in bounds.outside(column)]
    cases += codes.out_of_time(column, early=True)
    cases += [(condition, "invalid:outside_standard") for condition in bounds.standard_broken(column)]
    return cases


def _suspect(column: Column) -> Cases:
    name = column.element.name
    if times.is_local(column) and column.ambiguous == "earlier":
        return [(times.twice(column, "+"), "suspect:ambiguous_local_time")]
    if column.meaning.partner:
        return [(f"NOT {datums.in_china(coordinates.point(column)[0])}", "suspect:outside_china")]
    if column.how is How.plate:
        raw = raw_text(column)
        alike = f"regexp_matches(upper({raw}), {literal(cleaning.CYRILLIC)})"
        return [(f"{raw} <> {clean(name)} AND {alike}", "suspect:look_alike")]
    if column.how in identifiers.CHECKED:
        found = identifiers.suspect(clean(name), column.how, part(name, "sound"))
        return [(condition, f"suspect:{rule}") for condition, rule in found]
    if column.how is How.number and column.element.type is Type.number:
        text = clean(name)
        if column.meaning.carries_unit:
            text = f"CASE WHEN {_with_unit(column)} THEN {part(name, 'number')} ELSE {text} END"
        return [(amounts.changed(text, column.meaning), "suspect:precision")]
    return codes.out_of_time(column, early=False)


def _with_unit(column: Column) -> str:
    """Whether a unit that the element's can be made of stands behind the number."""
    return amounts.is_one_of(part(column.element.name, "unit"), amounts.words_of(column.element))


def _fixed(column: Column) -> Cases:
    name, raw = column.element.name, raw_text(column)
    spaced = (f"NOT ({cleaning.trimmed(raw)})", "fixed:spaces")
    narrow, zeros = cleaning.narrowed(raw, column.how), []
    if column.meaning.digits:
        zeros = [
            (f"contains({narrow}, '.')", "fixed:zero_fraction"),
            (f"{narrow} <> {clean(name)}", "fixed:leading_zeros"),
        ]
    if column.how is How.text:
        return [*zeros, spaced]
    which = f"WHEN regexp_matches({raw}, '{cleaning.ANY_WIDE}') THEN 'fixed:full_width' "
    which += f"WHEN regexp_matches({raw}, '[{UNSEEN}]') THEN 'fixed:invisible'"
    cases = [*zeros, (cleaning.is_odd(raw), f"CASE {which} ELSE 'fixed:dashes' END")]
    if column.how is How.plate:
        cases += [(f"upper({raw}) <> {raw}", "fixed:lower_case"), (f"{raw} <> {clean(name)}", "fixed:separators")]
        return cases
    if column.how in identifiers.CHECKED:
        found = identifiers.fixed(raw, clean(name), column.how)
        return [*cases, *((condition, f"fixed:{rule}") for condition, rule in found)]
    cases.append(spaced)
    if column.how is How.number:
        if column.meaning.carries_unit:
            cases.append((_with_unit(column), "fixed:unit"))
        found = amounts.fixed(raw, narrow, clean(name), column.thousands, column.meaning)
        if column.element.type is Type.integer:
            found.append((f"contains({clean(name)}, '.')", "zero_fraction"))
        cases += [(condition, f"fixed:{rule}") for condition, rule in found]
    if column.how is How.timestamp and (column.zone == "offset" or any(map(times.has_fraction, column.formats))):
        cases.append((f"regexp_matches({clean(name)}, '{times.NANOSECONDS}')", "fixed:nanoseconds"))
    if times.is_local(column) and column.formats != times.LOCAL_FORMATS:
        main = times.by_format(clean(name), column.formats[0], column.zone)
        cases.append((f"{main} IS NULL", "fixed:other_format"))
    if column.how is How.date and len(column.formats) > 1:
        main = amounts.day(clean(name), column.formats[:1], column.meaning)
        cases.append((f"{main} IS NULL", "fixed:other_format"))
    return cases
