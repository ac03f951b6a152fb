"""The page of a resource's column lineage: a drawing that stays small, however many columns there are.

Without a question it draws tables and the resource, and lists a page of elements; a search lists what matches; a focus
draws one element, or one source column, with its neighbours. Everything is drawn here and by the template: no script.
Must never know: the store. Contract: tests/web/test_lineage.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from datong.ground.refusal import Refusal
from datong.web.visits import Answer, Visit

LISTED = 60
"""Elements of one page of the list, and neighbours of one drawing, at most."""
ROW, TOP, WIDTH, LEFT, RIGHT, BOX = 44, 16, 900, 10, 560, 330
SHOWN = 30
"""Characters of a name in a box; the rest is in its title."""


@dataclass(frozen=True)
class Box:
    """A box of the drawing; `ask` is the query of the page that focuses on it."""

    x: int
    y: int
    name: str
    note: str
    ask: tuple[tuple[str, str], ...]
    focus: bool = False

    @property
    def shown(self) -> str:
        return self.name if len(self.name) <= SHOWN else f"{self.name[: SHOWN - 1]}…"


@dataclass(frozen=True)
class Edge:
    """A line from a left box to a right one, by their places from the top."""

    left: int
    right: int
    direct: bool

    @property
    def path(self) -> str:
        start, end = LEFT + BOX, RIGHT
        y1, y2 = (TOP + ROW * place + 16 for place in (self.left, self.right))
        middle = (start + end) // 2
        return f"M{start} {y1}C{middle} {y1} {middle} {y2} {end} {y2}"


@dataclass(frozen=True)
class Drawing:
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    hidden: int = 0

    @property
    def height(self) -> int:
        return max((box.y for box in self.boxes), default=TOP) + ROW + TOP


def page(visit: Visit) -> Answer:
    """The page of /lineage/{resource}."""
    asked = visit.request.query_params
    resource = str(visit.request.path_params["resource"])
    lineage, of_product = _lineage(visit, resource)
    find, at, source = (asked.get(name, "")[:200] for name in ("find", "at", "of"))
    matching = [field for field in lineage["fields"] if _matches(field, find.casefold())]
    focus = next((field for field in lineage["fields"] if field["element"] == at), None)
    if focus is not None:
        drawing = around_element(lineage, focus)
    elif source:
        drawing = around_column(lineage, source)
    else:
        drawing = tables(lineage, resource)
    shown = {
        "resource": resource, "lineage": lineage, "find": find, "at": at, "of": source, "focus": focus,
        "drawing": drawing, "total": len(matching), "first": visit.first, "size": LISTED,
        "fields": matching[visit.first : visit.first + LISTED], "width": WIDTH, "box_width": BOX,
        "of_product": of_product,
        "built": {row["resource"] for row in visit.view("harmonise.builds")} if of_product else set(),
    }  # fmt: skip
    return "lineage.html", shown, 200


def _lineage(visit: Visit, code: str) -> tuple[Any, bool]:
    """The lineage of a resource that was built here, else of a product; whether it is one of a product."""
    try:
        return visit.view("harmonise.lineage", resource=code), False
    except Refusal as refusal:
        try:
            return visit.view("compose.lineage", product=code), True
        except Refusal:
            raise refusal from None


def _matches(field: dict[str, Any], words: str) -> bool:
    told = [field["element"], field["zh"], field["en"], *(f"{i['table']}.{i['column']}" for i in field["inputs"])]
    return not words or any(words in text.casefold() for text in told)


def tables(lineage: dict[str, Any], resource: str) -> Drawing:
    """Each table with how many columns of it are used, and the resource: columns collapsed."""
    used = Counter(table for table, _ in {(i["table"], i["column"]) for f in lineage["fields"] for i in f["inputs"]})
    left = [
        Box(LEFT, TOP + ROW * n, table, str(used[table]), (("find", f"{table}."),))
        for n, table in enumerate(lineage["tables"][:LISTED])
    ]
    right = Box(RIGHT, TOP, resource, str(len(lineage["fields"])), ())
    direct = {i["table"] for f in lineage["fields"] for i in f["inputs"] if i["kind"] == "DIRECT"}
    edges = tuple(Edge(n, 0, box.name in direct) for n, box in enumerate(left))
    return Drawing((*left, right), edges, max(len(lineage["tables"]) - LISTED, 0))


def around_element(lineage: dict[str, Any], focus: dict[str, Any]) -> Drawing:
    """One element: what it is made of, and what else is made of that."""
    inputs = [(f"{i['table']}.{i['column']}", i) for i in focus["inputs"]]
    names = list(dict.fromkeys(name for name, _ in inputs))[:LISTED]
    direct = {name for name, i in inputs if i["kind"] == "DIRECT"}
    beside = [
        field for field in lineage["fields"]
        if field["element"] != focus["element"] and direct & {f"{i['table']}.{i['column']}" for i in field["inputs"]}
    ]  # fmt: skip
    fields = [focus, *beside[: LISTED - 1]]
    return _drawn(names, fields, hidden=len(beside) - len(fields) + 1, focus=focus["element"])


def around_column(lineage: dict[str, Any], column: str) -> Drawing:
    """One source column: every element that it has a part in."""
    fed = [f for f in lineage["fields"] if any(f"{i['table']}.{i['column']}" == column for i in f["inputs"])]
    return _drawn([column], fed[:LISTED], hidden=max(len(fed) - LISTED, 0), focus=column)


def _drawn(names: list[str], fields: list[dict[str, Any]], *, hidden: int, focus: str) -> Drawing:
    places = {name: n for n, name in enumerate(names)}
    left = [Box(LEFT, TOP + ROW * n, name, "", (("of", name),), name == focus) for name, n in places.items()]
    right: list[Box] = []
    edges: dict[tuple[int, int], bool] = {}
    for n, field in enumerate(fields):
        note, name = field["how"], field["element"]
        right.append(Box(RIGHT, TOP + ROW * n, name, note, (("at", name),), name == focus))
        for used in field["inputs"]:
            place = places.get(f"{used['table']}.{used['column']}")
            if place is not None:
                edges[place, n] = edges.get((place, n), False) or used["kind"] == "DIRECT"
    drawn = tuple(Edge(left_one, right_one, direct) for (left_one, right_one), direct in edges.items())
    return Drawing((*left, *right), drawn, hidden)
