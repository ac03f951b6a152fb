"""The page of one verb: a form made from its arguments, done once, answered or refused.

Contract: tests/web/test_console.py.
"""

from __future__ import annotations

import inspect
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from datong.ground.canonical import plain
from datong.ground.idempotency import once
from datong.ground.money import parse_yuan, yuan
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.terms.verbs import VERBS, Verb
from datong.web import choices, words
from datong.web.acts import FINAL
from datong.web.api import BAD_ARGUMENTS, STATUS, arguments_model, keepable, wrong
from datong.web.pages import PAGES, Page
from datong.web.values import record_address
from datong.web.visits import SECRETS, SHOW, Answer, Visit, own_address

ASKS, NAMES_OFFER = "negotiate.request", ("provider", "dataset", "offer_id")
KEY, SURE, BACK = "_key", "_sure", "_back"
NOT_ARGUMENTS = frozenset({KEY, SURE, BACK, SHOW})
MANY_LINES = {
    ("harmonise.import_repairs", "csv"): "row,column,reason,original_digest,new_text",
    ("catalogue.write_policy_template", "text"): "YAML",
    ("compose.define_product", "recipe"): "YAML",
    ("register.load_calendar", "file"): "JSON",
}
"""(verb, argument): texts of many lines, which a field of one line would run together; and what it says when empty."""
NO_AMOUNT = ("应为以元为单位的金额，至多两位小数，如 11,800.00",
             "should be an amount in yuan with at most two decimals, such as 11,800.00")  # fmt: skip
NO_PAIRS = ("应为每行一项的「名称: 值」，或 JSON", "should be one pair a line, name: value, or JSON")
BARE = re.compile(r"true|false|-?(0|[1-9][0-9]{0,14})|\".*\"", re.ASCII)
"""A value that is no text."""
APART = re.compile(r"[\n,，、;；]")
SUGGESTED = {
    "product": re.compile(r"6\w{30,}"), "resource": re.compile(r"7\w{30,}|res-\w+"),
    "dataset": re.compile(r"[67]\w{30,}"),
    "of": re.compile(r"(res|prod)-\w+"), "agreement": re.compile(r"agr-\w+"), "person": re.compile(r"person-\w+"),
    "node": re.compile(r"[1-5]\w{30,}"), "provider": re.compile(r"[1-5]\w{30,}"),
}  # fmt: skip
"""Arguments whose values are codes with names: what a form offers for them."""

UNSURE = Reason(
    "GEN-412",
    Kind.invalid,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("它不可撤销，而确认一栏没有勾选。", "Nothing undoes it, and the box that confirms it was not ticked."),
    Text("请核对后勾选「我确认」再执行。", "Look at it once more, tick the box and send it again."),
)
NO_VERB = Reason(
    "GEN-407",
    Kind.unknown,
    Text("没有这项操作。", "There is no such verb."),
    Text("本节点不认识「{verb}」。", "This node knows no {verb}."),
    Text("请从总览中选择，或见 docs/reference/api.md。", "Choose one from the overview, or see docs/reference/api.md."),
)


def form(visit: Visit) -> Answer:
    """The empty form, or filled from the address; a view that lacks nothing is answered at once."""
    verb = _verb(visit)
    if verb is None:
        return _unknown(visit)
    names = arguments_model(verb).model_fields
    given = {
        name: value for name, value in visit.request.query_params.items() if name in names or _whole(name) in names
    }
    given = {name: _in_yuan(value) if _is_money(name, names[name]) else value for name, value in given.items()}
    if verb.changes:
        given = {**_on_the_table(visit, names), **given}
    return _seen_again(visit, verb, given)


def _seen_again(visit: Visit, verb: Verb, given: dict[str, str]) -> Answer:
    """The form as it is filled; a view that lacks nothing is answered at once."""
    names = arguments_model(verb).model_fields
    if not verb.changes and all(name in given for name, field in names.items() if field.is_required()):
        return _done(visit, verb, given)
    return "do.html", _shown(visit, verb, given), 200


def _on_the_table(visit: Visit, names: Collection[str]) -> dict[str, str]:
    """Policy and terms of the negotiation that a form answers, to be changed there rather than written anew."""
    asked = visit.request.query_params.get("negotiation")
    if not asked or not {"negotiation", "policy", "terms"} <= set(names):
        return {}
    try:
        offer = visit.view("negotiate.negotiation", id=asked)["offer"]
    except Refusal:
        return {}
    return {name: json.dumps(offer[name], ensure_ascii=False, indent=1) for name in ("policy", "terms")}


def done(visit: Visit) -> Answer:
    """The verb, done with what the form gave."""
    verb = _verb(visit)
    if verb is None:
        return _unknown(visit)
    given = {name: value for name, value in visit.form.items() if value and name not in NOT_ARGUMENTS}
    if visit.shows:
        return _seen_again(visit, verb, given)
    if f"{verb.room}.{verb.name}" in FINAL and not visit.form.get(SURE):
        refused = UNSURE(verb=words.button_title(verb, visit.lang))
        return "do.html", _shown(visit, verb, given, error=refused.as_json()), STATUS[refused.kind]
    return _done(visit, verb, given)


def _done(visit: Visit, verb: Verb, given: dict[str, str]) -> Answer:
    name = f"{verb.room}.{verb.name}"
    try:
        arguments = _arguments(verb, given, visit.lang)
        if not verb.changes:
            answer = visit.read(verb, **arguments)
        else:
            key = visit.form.get(KEY) or secrets.token_hex(16)
            answer = visit.store.does(
                visit.actor, verb.room,
                lambda tx: once(tx, key, [name, plain(arguments)], lambda: verb.call(tx, **arguments)),
            )  # fmt: skip
    except Refusal as refused:
        return "do.html", _shown(visit, verb, given, error=refused.as_json()), STATUS[refused.kind]
    left = {} if verb.changes else given  # a form still filled would do it once more, under another key
    return "do.html", _shown(visit, verb, left, answer={"value": plain(answer)}), 200


def _verb(visit: Visit) -> Verb | None:
    return VERBS.get(f"{visit.request.path_params['room']}.{visit.request.path_params['verb']}")


def _unknown(visit: Visit) -> Answer:
    asked = f"{visit.request.path_params['room']}.{visit.request.path_params['verb']}"
    return "refused.html", {"error": NO_VERB(verb=asked[:80]).as_json(), "page": None}, 404


def _shown(visit: Visit, verb: Verb, given: dict[str, str], *, error: Any = None, answer: Any = None) -> dict[str, Any]:
    name = f"{verb.room}.{verb.name}"
    fields = [
        part
        for argument, field in arguments_model(verb).model_fields.items()
        for part in _fields(visit, verb, argument, field, given)
    ]
    told: dict[str, list[Any]] = {}
    for problem in error["problems"] if error else ():
        told.setdefault(_told_of(problem["where"], [field["name"] for field in fields]), []).append(problem)
    doc = inspect.getdoc(verb.call) or ""
    return {
        "verb": verb, "doc": words.ASIDE.sub("", doc) if verb.title != " ".join(doc.split()) else "", "fields": fields,
        "given": given, "error": error, "told": told, "answer": answer, "key": secrets.token_hex(16),
        "secrets": SECRETS, "final": name in FINAL, "back": _back(visit), "made": _made(answer),
        "list": (listed := _list_of(name)), "here": f"/{listed.slug}" if listed else "",
        "offered": _offered(visit, given) if name == ASKS else None,
    }  # fmt: skip


def _fields(visit: Visit, verb: Verb, argument: str, field: FieldInfo, given: dict[str, str]) -> list[dict[str, Any]]:
    """What a form asks for one argument: one field, or one for each of its parts, unless the whole is given."""
    name = f"{verb.room}.{verb.name}"
    shown = {
        "name": argument, "heading": argument, "of": "", "kind": _kind(field), "required": field.is_required(),
        "default": _default(field), "suggested": _suggested(visit, argument), "texts": _is_of_texts(field),
        "lines": MANY_LINES.get((name, argument)), "pairs": _is_of_pairs(argument, field), "title": None,
        "money": _is_money(argument, field),
        "most": verb.longest.get(argument), "long": argument in choices.LONG,
        "example": choices.of(choices.EXAMPLES, name, argument, ""),
    }  # fmt: skip
    if (parts := choices.parts(argument)) and argument not in given:
        plain_text = {"suggested": [], "texts": False, "lines": None, "default": "", "example": "", "pairs": False}
        return [
            {
                **shown, **plain_text, "of": argument, "name": f"{argument}.{part}", "heading": part,
                "kind": "bool" if of.kind is bool else "text", "title": of.title, "codes": of.codes,
                "required": shown["required"] and (of.kind is bool or bool(of.codes)),
            }
            for part, of in parts.items()
        ]  # fmt: skip
    known = choices.of(choices.CHOICES, name, argument, ())
    there = _texts(given.get(argument, "")) if shown["texts"] else [given.get(argument, "")]
    more = [one for one in there if one and one not in known]  # of another hand: kept, and the verb says what it thinks
    return [{**shown, "codes": (*known, *more) if known else (), "there": there}]


def _whole(name: str) -> str:
    """licence_terms.commercial -> licence_terms."""
    argument, point, part = name.partition(".")
    return argument if point and part in choices.parts(argument) else ""


def _told_of(where: str, names: Collection[str]) -> str:
    """The field that a problem is of; empty where it is of none."""
    for known, asked in choices.TOLD_OF.items():
        where = where.replace(known, asked, 1) if where.startswith(known) else where
    return max((name for name in names if re.match(rf"{re.escape(name)}(?![a-z_])", where)), key=len, default="")


def _offered(visit: Visit, given: Mapping[str, str]) -> dict[str, Any] | None:
    """The offer that a request names, with its title and source, to be read before it is asked for."""
    for found in visit.view("catalogue.find"):
        for offer in found["offers"]:
            if (found["source"], found["dataset"], offer["id"]) == tuple(map(given.get, NAMES_OFFER)):
                terms = offer.get("terms") if isinstance(offer.get("terms"), dict) else {}  # as a peer wrote it
                return {
                    "title": found["title"],
                    "source": found["source"],
                    "terms": terms,
                    "policy": offer.get("policy"),
                }
    return None


def _list_of(verb: str) -> Page | None:
    """The list whose records the verb begins."""
    return next((page for page in PAGES if any(door.verb == verb for door in page.doors)), None)


def _made(answer: Any) -> str:
    """The page of the record that an answer is; empty for any other answer."""
    value = answer["value"] if answer else None
    return record_address(str(value.get("id"))) if isinstance(value, dict) else ""


def _back(visit: Visit) -> str:
    """The page from which the form was opened; empty where it was opened by itself."""
    asked = visit.form.get(BACK) or visit.request.query_params.get(BACK, "")
    return own_address(asked) if asked else ""


def _suggested(visit: Visit, argument: str) -> list[tuple[str, str]]:
    """(code, name) of what is known here for this argument."""
    if argument == "template" and visit.may("catalogue.policy_templates"):
        told = visit.view("catalogue.policy_templates")
        return [(one["name"], one[visit.lang]) for one in told]
    pattern = SUGGESTED.get(argument)
    names = visit.names.suggested.items() if pattern else ()
    return [(code, words.in_language(name, visit.lang)) for code, name in names if pattern and pattern.fullmatch(code)]


def _is_money(name: str, field: FieldInfo) -> bool:
    """Whether it is an amount: kept in fen, and asked for in yuan as people write it."""
    return name.endswith("_fen") and _kind(field) == "int"


def _in_yuan(fen: str) -> str:
    return yuan(int(fen)) if re.fullmatch(r"[0-9]{1,17}", fen, re.ASCII) else fen


def _default(field: FieldInfo) -> str:
    value = None if field.is_required() else field.default
    return "" if value is None or value == "" else json.dumps(value, ensure_ascii=False).strip('"')


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    parts = [part for part in get_args(kind) if part is not type(None)]
    bare = parts[0] if type(None) in get_args(kind) else kind
    simple = {bool: "bool", int: "int", float: "float", str: "text"}
    return simple.get(bare, "json") if get_origin(bare) is None else "json"


def _is_of_pairs(name: str, field: FieldInfo, of: Any = None) -> bool:
    """Whether it is a structure of one level, which a person may write as pairs, one a line; with values of this type,
    if given."""
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if get_origin(kind) is dict]
    flat = [get_args(kind)[1] for kind in kinds if get_args(kind)[1] in (str, int) or name in choices.FLAT]
    return of in flat if of else bool(flat)


def _is_of_texts(field: FieldInfo) -> bool:
    """Whether it is a list of texts, which a person may write as they are, one a line or with commas."""
    kinds = (field.annotation, *get_args(field.annotation))
    return any(get_origin(kind) in (list, Sequence) and get_args(kind) == (str,) for kind in kinds)


def _texts(value: str) -> list[str]:
    """A list of texts, as a person writes it or as JSON."""
    try:
        found = json.loads(value) if value.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list):
        return [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in found]
    return [word for word in map(str.strip, APART.split(value)) if word]


def _pairs(value: str, *, texts: bool) -> dict[str, Any]:
    """Names and values, one pair a line, as a person writes them; unless all are texts, a whole number, true, false and
    what stands between quotes is what JSON takes it for."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, value.splitlines())):
        name, colon, said = re.sub("：", ":", line, count=1).partition(":")
        if not colon or not name.strip():
            raise ValueError(line)
        found[name.strip()] = json.loads(said) if not texts and BARE.fullmatch(said.strip()) else said.strip()
    return found


def _joined(given: dict[str, str]) -> dict[str, str]:
    """`given`, with the parts of a structure as the structure."""
    parts: dict[str, dict[str, Any]] = {}
    for name, value in given.items():
        if whole := _whole(name):
            part = name.partition(".")[2]
            known = choices.parts(whole)
            said = {"true": True, "false": False}.get(value, value) if known[part].kind is bool else value
            texts = {name: "" for name, of in known.items() if of.kind is str and not of.codes}
            parts.setdefault(whole, dict[str, Any](texts))[part] = said
    rest = {name: value for name, value in given.items() if not _whole(name)}
    return {**{whole: json.dumps(found, ensure_ascii=False) for whole, found in parts.items()}, **rest}


def _arguments(verb: Verb, given: dict[str, str], lang: str) -> dict[str, Any]:
    model: type[BaseModel] = arguments_model(verb)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in _joined(given).items():
        known = model.model_fields.get(name)
        if known is not None and _is_money(name, known):
            try:
                values[name] = parse_yuan(value)
            except ValueError:
                problems.append(Problem(name, *NO_AMOUNT))
            continue
        if known is None or _kind(known) != "json":
            values[name] = value
            continue
        if _is_of_texts(known) and not value.lstrip().startswith(("[", "{", '"')):
            values[name] = _texts(value)
            continue
        try:
            as_lines = _is_of_pairs(name, known) and not value.lstrip().startswith("{")
            values[name] = _pairs(value, texts=_is_of_pairs(name, known, str)) if as_lines else json.loads(value)
        except (ValueError, RecursionError):
            problems.append(Problem(name, *(NO_PAIRS if _is_of_pairs(name, known) else ("不是 JSON", "is not JSON"))))
    if not problems:
        try:
            return keepable(f"{verb.room}.{verb.name}", model(**values).model_dump())
        except ValidationError as broken:
            problems = [wrong(".".join(map(str, item["loc"])), item) for item in broken.errors()]
    raise BAD_ARGUMENTS(problems, verb=words.button_title(verb, lang), count=len(problems))
