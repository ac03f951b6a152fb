"""Classes of persons over a release and all earlier ones, as a plan: what somebody who holds them all can tell apart.

A person is seen in a release as the set of the tuples of quasi-identifiers on the person's rows. Whoever holds several
releases can tell two persons apart when any of them does, so a class is a tuple of this release together with what
every earlier one shows of the same persons; and those who are in none of its rows any more are classes as well.
Must never know: what a risk is. Contract: tests/deidentify/test_deidentify_table_risk.py (against counting in Python).
"""

from __future__ import annotations

from collections.abc import Sequence

from datong.engine.model import Plan, Step, quoted

PERSON = "datong_person"


def classes_plan(columns: Sequence[str], earlier: Sequence[Sequence[str]], *, population: bool = False) -> Plan:
    """`classes(tuple, seen_0, …, persons, rows, population)`; tuple is JSON text, NULL where the persons are gone.

    And `coarsest(here, seen_0, …, persons)`: the classes that would be left if every tuple were the same.

    Inputs `released(datong_person, columns)`, `earlier_0(datong_person, its columns)`, … and `population(columns)`, all
    but the person as text.
    """
    numbers = range(len(earlier))
    steps = [Step("now", f"SELECT {PERSON}, {_tuple(columns)} AS tuple FROM released")]
    for n in numbers:
        steps += [
            Step(f"tuples_{n}", f"SELECT DISTINCT {PERSON}, {_tuple(earlier[n])} AS tuple FROM earlier_{n}"),
            Step(f"seen_{n}", f"SELECT {PERSON}, string_agg(tuple, ' ' ORDER BY tuple) AS seen FROM tuples_{n} "
                              f"GROUP BY {PERSON}"),
        ]  # fmt: skip
    everybody = " UNION ALL ".join(f"SELECT {PERSON} FROM {name}" for name in ("now", *(f"seen_{n}" for n in numbers)))
    seen = "".join(f", coalesce(s{n}.seen, '-') AS seen_{n}" for n in numbers)
    joins = "".join(f" LEFT JOIN seen_{n} s{n} ON s{n}.{PERSON} = e.{PERSON}" for n in numbers)
    groups = ", ".join(("tuple", *(f"seen_{n}" for n in numbers)))
    steps += [
        Step("everybody", f"SELECT DISTINCT {PERSON} FROM ({everybody}) AS every_release"),
        Step("held", f"SELECT e.{PERSON}, n.tuple{seen} FROM everybody e LEFT JOIN now n "
                     f"ON n.{PERSON} = e.{PERSON}{joins}"),
        Step("counted", f"SELECT {groups}, count(DISTINCT {PERSON}) AS persons, count(tuple) AS rows FROM held "
                        f"GROUP BY {groups}"),
    ]  # fmt: skip
    apart = ", ".join(("here", *(f"seen_{n}" for n in numbers)))
    steps.append(
        Step("coarsest", f"SELECT tuple IS NOT NULL AS {apart}, count(DISTINCT {PERSON}) AS persons FROM held "
                         f"GROUP BY tuple IS NOT NULL{''.join(f', seen_{n}' for n in numbers)}")
    )  # fmt: skip
    if population:
        steps.append(
            Step("of_all", f"SELECT {_tuple(columns)} AS tuple, count(*) AS population FROM population GROUP BY 1")
        )
        found = (
            "SELECT c.*, coalesce(p.population, 0) AS population FROM counted c "
            f"LEFT JOIN of_all p ON p.tuple = c.tuple ORDER BY persons, {groups}"
        )
    else:
        found = f"SELECT *, 0 AS population FROM counted ORDER BY persons, {groups}"
    steps.append(Step("classes", found))
    inputs = ("released", *(f"earlier_{n}" for n in numbers), *(("population",) if population else ()))
    return Plan(tuple(steps), inputs)


def together_plan(columns: Sequence[str]) -> Plan:
    """`together(persons)`: the classes that would be left if the rows of one person could be put together, as they can
    where a token of the person stands on them: persons whose rows are all alike, however many they are.

    Input `released(datong_person, columns)`.
    """
    rows = f"SELECT {PERSON}, {_tuple(columns)} AS tuple FROM released"
    curves = f"SELECT {PERSON}, string_agg(tuple, ' ' ORDER BY tuple) AS curve FROM rows_of GROUP BY {PERSON}"
    steps = (
        Step("rows_of", rows),
        Step("curves", curves),
        Step("together", "SELECT count(*) AS persons FROM curves GROUP BY curve"),
    )
    return Plan(steps, ("released",))


def _tuple(columns: Sequence[str]) -> str:
    """The values as one text that keeps nothing apart from an empty text, and every column apart from the next."""
    return f"CAST(to_json(list_value({', '.join(quoted(c) for c in columns)})) AS VARCHAR)"
