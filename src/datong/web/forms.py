"""The page of one verb: a form made from its arguments, done once, answered or refused at an address of its own.

Contract: tests/web/test_console.py.
"""

from __future__ import annotations

import inspect
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args, get_origin
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from datong.ground.canonical import plain
from datong.ground.idempotency import OTHER_REQUEST, answered, once
from datong.ground.money import parse_yuan, yuan
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.harmonise import service as harmonise
from datong.terms.policy import PURPOSES, writing
from datong.terms.verbs import VERBS, Verb
from datong.web import choices, words
from datong.web.acts import FINAL, OWN_PAGES
from datong.web.api import BAD_ARGUMENTS, STATUS, arguments_model, keepable, wrong
from datong.web.outcomes import TOLD, Outcome
from datong.web.pages import PAGES, Page
from datong.web.records import found_on
from datong.web.values import record_address
from datong.web.visits import SECRETS, SHOW, SUGGESTED_MOST, Answer, Visit, own_address

ASKS, NAMES_OFFER = "negotiate.request", ("provider", "dataset", "offer_id")
KEY, SURE, BACK, DONE, WHOLE = "_key", "_sure", "_back", "_done", "_whole"
NOT_ARGUMENTS = frozenset({KEY, SURE, BACK, DONE, WHOLE, SHOW, TOLD})
"""Fields of a form besides its verb's arguments; DONE is the key under which the deed above it was done, WHOLE the
structure that is to be written as JSON, as its fields cannot say all of it."""
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
EMPTY_ROWS = 2
ASK_PARTS = Text("类别选定后：填写该类的内容", "Once the kind is chosen: what it asks")
TEXT_BYTES_MAX = 1_000_000
MOST_TICKS = 24
"""Known things that are offered to be ticked."""
ROW = re.compile(r"[0-9]{1,3}\.", re.ASCII)
LIST = re.compile(r"(.+?)\.[0-9]{1,3}\.", re.ASCII)
"""The place of a row within a field's name, and the list before it."""
INDEX = re.compile(r"\[([0-9]+)\]", re.ASCII)
SUGGESTED = {
    "product": re.compile(r"6\w{30,}\*?"), "resource": re.compile(r"7\w{30,}\*?|res-\w+"),
    "dataset": re.compile(r"[67]\w{30,}\*?"),
    "of": re.compile(r"(res|prod)-\w+"), "person": re.compile(r"person-\w+"),
    "agreement": re.compile(r"agr-\w+|C[1-5][\w*]{45}"),
    "node": re.compile(r"[1-5]\w{30,}\*?"), "provider": re.compile(r"[1-5]\w{30,}\*?"),
    "resources": re.compile(r"7\w{30,}\*?"), "inputs": re.compile(r"7\w{30,}\*?"), "spaces": re.compile(r"space-\w+"),
    **dict.fromkeys(("party", "grantee_party", "owner_party", "owned_party", "co_registrants", "provider_parties"),
                    re.compile(r"[0-9A-Z]{18}")),
    **dict.fromkeys(("nodes", "copies_to", "grantee_node", "operator_node", "function_node", "platform_node",
                     "consumer"),
                    re.compile(r"[1-5]\w{30,}\*?")),
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
    """The empty form, or filled from the address, or with what came of it; a view that lacks nothing is answered at
    once."""
    verb = _verb(visit)
    if verb is None:
        return _unknown(visit)
    if visit.outcome is not None:
        return _told(visit, verb, visit.outcome)
    names = arguments_model(verb).model_fields
    asked = visit.request.query_params.items()
    given = {name: value for name, value in asked if name in names or _whole(name) in names}
    given = {name: _in_yuan(value) if name in names and _is_money(name, names[name]) else value
             for name, value in given.items()}  # fmt: skip
    if verb.changes:
        given = {**_on_the_table(visit, names), **given}
    for name in names.keys() & given.keys():
        if (of := choices.structure(name)) and (parts := _taken_apart(name, of, given[name])) is not None:
            given = {**parts, **{known: value for known, value in given.items() if known != name}}
    return _seen_again(visit, verb, given)


def _told(visit: Visit, verb: Verb, outcome: Outcome) -> Answer:
    """What came of the form that was sent before."""
    given = _given(outcome.form)
    if outcome.error:
        zh, en = (words.button_title(verb, lang) for lang in ("zh", "en"))  # a title is told in the page's language
        old, new = (en, zh) if visit.lang == "zh" else (zh, en)
        what = {lang: said.replace(old, new) for lang, said in outcome.error["what"].items()}
        return "do.html", _shown(visit, verb, given, error={**outcome.error, "what": what}), outcome.status
    if outcome.done and not verb.changes:
        return _asked(visit, verb, given)
    return _seen_again(visit, verb, given)


def _seen_again(visit: Visit, verb: Verb, given: dict[str, str]) -> Answer:
    """The form as it is filled; a view that lacks nothing is answered at once."""
    names = arguments_model(verb).model_fields
    if not verb.changes and all(name in given for name, field in names.items() if field.is_required()):
        return _asked(visit, verb, given)
    return "do.html", _shown(visit, verb, given, answer=_answered(visit, verb)), 200


def _as_json(name: str, given: dict[str, str]) -> dict[str, str]:
    """`given`, with the structure at `name` whole, to be gone on with as JSON."""
    of = choices.structure(name)
    if of is None or name in given:
        return given
    said = _put_together(name, of, given, []) or (of.made({}) if of.made else {})
    kept = {field: value for field, value in given.items() if _whole(field) != name}
    return {**kept, name: json.dumps(said, ensure_ascii=False, indent=1)}


def _answered(visit: Visit, verb: Verb) -> dict[str, Any] | None:
    """What the deed above the form was answered, which may be shown nowhere else: a token, say."""
    done = visit.form.get(DONE, "")
    if not (verb.changes and done):
        return None
    with visit.store.read(visit.actor) as tx:
        answer = answered(tx, done)
    return None if answer is None else {"value": answer, "key": done}


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


def done(visit: Visit) -> Answer | Outcome:
    """The verb, done with what the form gave; a view is asked where it is shown."""
    verb = _verb(visit)
    if verb is None:
        return _unknown(visit)
    given = _given(visit.form)
    if whole := visit.form.get(WHOLE):
        aside = {name: value for name, value in visit.form.items() if name in NOT_ARGUMENTS - {WHOLE}}
        return Outcome({**aside, **_as_json(whole, given)})
    if visit.shows:
        before = visit.outcome or Outcome({})
        return Outcome(visit.form, before.error, before.status)
    if not verb.changes:
        return Outcome(visit.form, done=True)
    name, key = f"{verb.room}.{verb.name}", visit.form.get(KEY) or secrets.token_hex(16)
    try:
        if name in FINAL and not visit.form.get(SURE):
            raise UNSURE(verb=words.button_title(verb, visit.lang))
        arguments = _arguments(verb, given, visit.lang)
        visit.store.does(
            visit.actor, verb.room,
            lambda tx: once(tx, key, [name, plain(arguments)], lambda: verb.call(tx, **arguments)),
        )  # fmt: skip
    except Refusal as refused:
        used = {KEY} if refused.code == OTHER_REQUEST.code else set()
        kept = {name: value for name, value in visit.form.items() if name not in {SURE, *used}}
        return Outcome(kept, refused.as_json(), STATUS[refused.kind])
    # no more of the form: still filled, it would be done once more under another key
    return Outcome({BACK: visit.form.get(BACK, ""), DONE: key}, done=True)


def _given(form: Mapping[str, str]) -> dict[str, str]:
    """The arguments in a form."""
    return _closed_up({name: value for name, value in form.items() if value and name not in NOT_ARGUMENTS})


def _asked(visit: Visit, verb: Verb, given: dict[str, str]) -> Answer:
    """A view, asked with what the form gave."""
    try:
        answer = visit.read(verb, **_arguments(verb, given, visit.lang))
    except Refusal as refused:
        return "do.html", _shown(visit, verb, given, error=refused.as_json()), STATUS[refused.kind]
    return "do.html", _shown(visit, verb, given, answer={"value": plain(answer), "key": ""}), 200


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
        place = _told_of(problem["where"], [field["name"] for field in fields if field["name"]], given)
        told.setdefault(place, []).append(problem)
    doc = inspect.getdoc(verb.call) or ""
    return {
        "verb": verb, "doc": words.ASIDE.sub("", doc) if verb.title != " ".join(doc.split()) else "", "fields": fields,
        "given": given, "error": error, "told": told, "answer": answer, "lost": visit.lost,
        "blank": verb.changes and not error and not answer and not visit.outcome and not visit.lost,
        "key": _key_of(visit) or secrets.token_hex(16), "asked": visit.request.query_params.get(TOLD, ""),
        "secrets": SECRETS, "final": name in FINAL, "back": _back(visit),
        "list": (listed := _list_of(name)), "here": f"/{listed.slug}" if listed else "",
        "made": _made(visit, answer, listed) if verb.changes else "",
        "may": visit.may(name), "most_suggested": SUGGESTED_MOST, "own_page": _own_page(name, given),
        "offered": (offered := _offered(visit, given) if name == ASKS else None),
        "asks_offer": name == ASKS and not offered and not answer,
    }  # fmt: skip


def _key_of(visit: Visit) -> str:
    """The key of a form that was sent and did nothing yet: sent again, from this page or by Back from another, it does
    it once."""
    return visit.form.get(KEY, "") if visit.outcome is not None else ""


def _fields(visit: Visit, verb: Verb, argument: str, field: FieldInfo, given: dict[str, str]) -> list[dict[str, Any]]:
    """What a form asks for one argument: one field, or one for each of its parts, unless the whole is given."""
    name = f"{verb.room}.{verb.name}"
    shown: dict[str, Any] = {
        "name": argument, "heading": argument, "of": "", "kind": _kind(field), "required": field.is_required(),
        "default": _default(field), "suggested": _suggested(visit, argument), "texts": _is_of_texts(field),
        "lines": MANY_LINES.get((name, argument)), "pairs": _is_of_pairs(argument, field), "title": None,
        "money": _is_money(argument, field), "word": argument, "row": 0, "button": None,
        "alone": len(arguments_model(verb).model_fields) == 1,
        "most": verb.longest.get(argument), "long": argument in choices.LONG,
        "example": choices.of(choices.EXAMPLES, name, argument, ""), "written": choices.written(argument, visit.lang),
    }  # fmt: skip
    whole = None if argument in given or _is_of_texts(field) else choices.structure(argument)
    if whole and argument in choices.BY_KIND:
        kind = "plan" if name == "authorise.change" else given.get("kind", "")
        if not kind:
            return [{**shown, "name": "", "codes": (), "button": ASK_PARTS}]
        whole = choices.of_kind(argument, kind)
        shown["required"] = name == "authorise.draft" or given.get("act", "") == "register"
    if whole:
        plain_text = {
            **shown,
            "texts": False,
            "lines": None,
            "default": "",
            "pairs": False,
            "most": None,
            "written": "",
        }
        return _parts(visit, argument, whole, given, plain_text)
    known = choices.of(choices.CHOICES, name, argument, ())
    there = _texts(given.get(argument, "")) if shown["texts"] else [given.get(argument, "")]
    more = [one for one in there if one and one not in known]  # of another hand: kept, and the verb says what it thinks
    if shown["texts"] and not known and 0 < len(shown["suggested"]) <= MOST_TICKS:
        named = [code for code, _name in shown["suggested"]]
        rest = "\n".join(one for one in there if one not in named)
        return [{**shown, "codes": (), "there": there, "ticked": shown["suggested"], "rest": rest}]
    if shown["texts"] and not known and shown["suggested"]:  # too many to tick: each is looked for by its name
        button = Text(f"再加几行：{words.column(argument, 'zh')}", f"More rows: {words.column(argument, 'en')}")
        return [
            {**shown, "codes": (), "there": there, "one_a_line": (*there, *[""] * EMPTY_ROWS)},
            {**shown, "name": "", "row": 0, "button": button, "codes": ()},
        ]
    return [{**shown, "codes": (*known, *more) if known else (), "there": there}]


def _parts(
    visit: Visit, name: str, whole: choices.Part, given: Mapping[str, str], shown: dict[str, Any], row: int = 0
) -> list[dict[str, Any]]:
    """The fields of a structure; of one that there may be many of, those that are given and two empty ones."""
    if whole.many and not row:
        filled = len(_rows_given(name, given))
        found = [
            field
            for number in range(filled + EMPTY_ROWS)
            for field in _parts(visit, f"{name}.{number}", whole, given, shown, number + 1)
        ]
        what = words.column(name.rpartition(".")[2], visit.lang)
        button = Text(f"再加几行：{what}", f"More rows: {what}")
        return [*found, {**shown, "name": "", "row": 0, "button": button, "codes": ()}]
    of, found = (name.split(".")[-2] if row else name.rpartition(".")[2]), list[dict[str, Any]]()
    of = "" if shown["alone"] and "." not in name else of
    for part, one in whole.parts.items():
        field = f"{name}.{part}"
        if one.kind is dict:
            found += _parts(visit, field, one, given, {**shown, "required": shown["required"] and not one.many})
            if whole.made:  # of which the fields say the usual
                found[-1] |= {"whole": name}
            continue
        here = given.get(field, "")
        more = (here,) if here and one.codes and here not in one.codes else ()
        found.append(
            {
                **shown, "of": of, "name": field, "heading": part, "title": one.title, "money": one.money,
                "kind": "bool" if one.kind is bool else "json" if one.kind is list else "text",
                "texts": one.kind is list, "codes": (*one.codes, *more), "word": one.word or part, "there": [here],
                "suggested": _suggested(visit, one.suggested), "example": one.example, "row": row, "long": one.long,
                "first": part == next(iter(whole.parts)), "last": part == [*whole.parts][-1],
                "required": shown["required"] and one.needed and not row,
            }
        )  # fmt: skip
    return found


def _whole(name: str) -> str:
    """licence_terms.commercial -> licence_terms."""
    return name.partition(".")[0] if choices.part_of(name) else ""


def _rows_given(name: str, given: Collection[str]) -> list[int]:
    """Which rows of the list at `name` hold anything."""
    begins = f"{name}."
    return sorted({int(one[len(begins) :].split(".")[0]) for one in given if ROW.match(one, len(begins)) and
                   one.startswith(begins)})  # fmt: skip


def _closed_up(given: dict[str, str]) -> dict[str, str]:
    """`given`, with the empty rows of its lists left out, so that a problem is told of the row in which it stands."""
    for name in {found[1] for one in given if (found := LIST.match(one)) and _whole(one)}:
        places = {row: place for place, row in enumerate(_rows_given(name, given))}
        given = {
            f"{name}.{places[int((rest := one[len(name) + 1 :].split('.', 1))[0])]}.{rest[1]}"
            if one.startswith(f"{name}.") and ROW.match(one, len(name) + 1)
            else one: value
            for one, value in given.items()
        }
    return given


def _told_of(where: str, names: Collection[str], given: Mapping[str, str]) -> str:
    """The field that a problem is of; empty where it is of none. A gate says its name before it, and a verb of one
    structure the part alone; what is said of a whole is told at its first part."""
    where = where.rpartition(": ")[2]
    for known, asked in choices.TOLD_OF.items():
        where = where.replace(known, asked, 1) if where.startswith(known) else where
    where = INDEX.sub(r".\1", choices.clause_of(where, given) or where)
    wholes = dict.fromkeys(_whole(name) for name in names if _whole(name))
    for asked in (where, *(f"{whole}.{where}" for whole in wholes)):
        found = [name for name in names if re.match(rf"{re.escape(name)}(?![a-z_0-9])", asked)]
        if found or (found := [name for name in names if name.startswith(f"{asked}.")][:1]):
            return max(found, key=len)
    of_whole = [name for name in names if name.startswith(f"{where.partition('.')[0]}.")]
    return of_whole[0] if of_whole and "." in where else ""


def _offered(visit: Visit, given: Mapping[str, str]) -> dict[str, Any] | None:
    """The offer that a request names, with its title and source, to be read before it is asked for."""
    asked = given.get("dataset", "")
    for found in visit.view("catalogue.find", id=asked) if asked else ():
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


def _own_page(verb: str, given: Mapping[str, str]) -> str:
    """The page of its own on which the verb is done thing by thing; empty where the form is all there is."""
    at = OWN_PAGES.get(verb, "")
    asked = {name: given[name] for name in ("dataset", "source", "workspace") if given.get(name)}
    return f"{at}?{urlencode(asked)}" if at and asked else at


def _made(visit: Visit, answer: Any, listed: Page | None) -> str:
    """The page of the record that an answer is, by its id, or as the list says whose records the verb begins; empty for
    any other answer."""
    value = answer["value"] if answer else None
    if not isinstance(value, dict):
        return ""
    if address := record_address(str(value.get("id"))):
        return address
    for key in (str(value.get(name) or "") for name in ("id", "code", "dataset")):
        try:
            if listed and key and found_on(visit, listed, key):
                return f"/{listed.slug}/{quote(key, safe='')}"
        except Refusal:  # no record of that list, or none that this person may see
            continue
    return ""


def _back(visit: Visit) -> str:
    """The page from which the form was opened; empty where it was opened by itself."""
    asked = visit.form.get(BACK) or visit.request.query_params.get(BACK, "")
    return own_address(asked) if asked else ""


def _suggested(visit: Visit, argument: str) -> list[tuple[str, str]]:
    """(code, name) of what is known here for this argument."""
    if argument == "template" and visit.may("catalogue.policy_templates"):
        told = visit.view("catalogue.policy_templates")
        return [(one["name"], one[visit.lang]) for one in told]
    if argument == "offer_id":
        return _offers(visit)
    if argument == "purpose":
        return [(code, words.in_language(name, visit.lang)) for code, name in PURPOSES.items()]
    pattern = SUGGESTED.get(argument)
    names = visit.names.suggested.items() if pattern else ()
    return [(code, words.in_language(name, visit.lang)) for code, name in names if pattern and pattern.fullmatch(code)]


def _offers(visit: Visit) -> list[tuple[str, str]]:
    """(id, title, purpose and fee) of the offers of other nodes, as far as a form offers such."""
    listed = [row for row in visit.view("catalogue.find", limit=SUGGESTED_MOST) if row["source"] not in visit.sides]
    return [
        (offer["id"], " · ".join((row["title"], str(visit.values.short(offer.get("terms"), "terms").unescape()))))
        for row in listed
        for offer in row["offers"]
    ]


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
    either = () if get_origin(field.annotation) in (list, Sequence) else get_args(field.annotation)
    kinds = [kind for kind in (field.annotation, *either) if get_origin(kind) is dict]
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
    return [word for word in map(str.strip, choices.APART.split(value)) if word]


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


def _put_together(name: str, whole: choices.Part, given: Mapping[str, str], problems: list[Problem]) -> Any:
    """The structure of the parts that are given; None where none is. What is no amount is added to `problems`."""
    if whole.many:
        one = replace(whole, many=False)
        rows = [_put_together(f"{name}.{row}", one, given, problems) for row in _rows_given(name, given)]
        return [row for row in rows if row is not None] or None
    found: dict[str, Any] = {}
    for part, of in whole.parts.items():
        field = f"{name}.{part}"
        said = _put_together(field, of, given, problems) if of.kind is dict else given.get(field)
        if said is not None:
            found[part] = said if of.kind is dict else _said(field, of, said, problems)
    if not found:
        return None
    empty = {part: "" for part, of in whole.parts.items() if of.kept}
    return whole.made({**empty, **found}) if whole.made else {**empty, **found}


def _said(field: str, part: choices.Part, value: str, problems: list[Problem]) -> Any:
    """What was written in the field of a part; what it is not stays a text, of which the verb says what it thinks."""
    if part.money:
        try:
            return parse_yuan(value)
        except ValueError:
            problems.append(Problem(field, *NO_AMOUNT))
    if part.instant:
        return choices.instant(value)
    if part.kind is bool:
        return {"true": True, "false": False}.get(value, value)
    if part.kind is list:
        return _texts(value)
    return int(value) if part.kind is int and BARE.fullmatch(value) and value.lstrip("-").isdecimal() else value


def _taken_apart(name: str, whole: choices.Part, value: Any) -> dict[str, str] | None:
    """The fields of a structure that is given whole; None where it has what no field asks, or is no such structure."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    value = whole.taken(value) if whole.taken else value
    found: dict[str, str] = {}
    pieces = value if whole.many else [value]
    if not isinstance(pieces, list) or not all(isinstance(one, dict) for one in pieces):
        return None
    for number, piece in enumerate(pieces):
        at = f"{name}.{number}" if whole.many else name
        for part, one in piece.items():
            if one is None:
                continue
            field, of = f"{at}.{part}", whole.parts.get(part)
            fields = (
                None if of is None else _taken_apart(field, of, one) if of.kind is dict else _written(field, of, one)
            )
            if fields is None:
                return None
            found |= fields
    return found


def _written(field: str, part: choices.Part, value: Any) -> dict[str, str] | None:
    """What a field of a part says for a value of it; None for what it cannot say."""
    if part.kind is list:
        texts = value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None
        return None if texts is None or any(map(choices.APART.search, texts)) else {field: "\n".join(texts)}
    if part.kind is bool:
        return {field: str(value).lower()} if isinstance(value, bool) else None
    if not isinstance(value, part.kind) or isinstance(value, bool):
        return None
    return {field: yuan(value) if part.money and isinstance(value, int) else str(value)}


def _no_json(why: Exception) -> tuple[str, str]:
    if not isinstance(why, json.JSONDecodeError):
        return "不是 JSON", "is not JSON"
    return (f"不是 JSON：第 {why.lineno} 行第 {why.colno} 字起读不下去",
            f"is not JSON: it cannot be read from line {why.lineno}, character {why.colno} on")  # fmt: skip


def _yaml(name: str, value: str) -> tuple[Any, list[Problem]]:
    """What a person wrote as YAML, as files of questions and policies are; or what is wrong with it, by its lines."""
    found, _, problems = harmonise.yaml_of("", value.encode("utf-8", "replace"), TEXT_BYTES_MAX)
    told = [(one, re.sub("[^0-9]", "", one.where)) for one in problems]
    wrong_there = [
        Problem(name, f"第 {line} 行：{one.zh}" if line else one.zh, f"line {line}: {one.en}" if line else one.en)
        for one, line in told
    ]
    if name == "policy" and not wrong_there:
        found, misspelt = writing.plain(found)
        wrong_there = [Problem(f"{name}.{one.where}", one.zh, one.en) for one in misspelt]
    return plain(found), wrong_there


def _arguments(verb: Verb, given: dict[str, str], lang: str) -> dict[str, Any]:
    model: type[BaseModel] = arguments_model(verb)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for whole in dict.fromkeys(_whole(name) for name in given if _whole(name)):
        if (of := choices.structure(whole)) and whole not in given:
            said = _put_together(whole, of, given, problems)
            values |= {} if said is None else {whole: said}
    for name, value in ((name, value) for name, value in given.items() if not _whole(name)):
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
        as_json = value.lstrip().startswith(("{", "[", '"'))
        if not as_json and not _is_of_pairs(name, known):
            values[name], wrong_there = _yaml(name, value)
            problems += wrong_there
            continue
        try:
            values[name] = json.loads(value) if as_json else _pairs(value, texts=_is_of_pairs(name, known, str))
        except (ValueError, RecursionError) as why:
            problems.append(Problem(name, *(NO_PAIRS if _is_of_pairs(name, known) else _no_json(why))))
    if not problems:
        try:
            return keepable(f"{verb.room}.{verb.name}", model(**values).model_dump())
        except ValidationError as broken:
            problems = [wrong(".".join(map(str, item["loc"])), item) for item in broken.errors()]
    raise BAD_ARGUMENTS(problems, verb=words.button_title(verb, lang), count=len(problems))
