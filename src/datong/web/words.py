"""What codes, columns and verbs are called on the screen, in Chinese and English: words.tsv, read once.

Codes the rooms return (states, kinds, roles, purposes) stay codes in API and store; here they get their words. A
code or column without words is shown as it is, so a new one never hides anything.
Must never know: HTTP, the store. Contract: tests/web/test_words.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from datong.ground.refusal import Text
from datong.terms.policy import ACTIONS, CONSTRAINTS, LOGIC, OPERATORS, PURPOSES
from datong.terms.verbs import Verb

CODED_COLUMNS = frozenset(
    {
        "state", "status", "kind", "roles", "role", "purpose", "purposes", "side", "basis", "type", "object_kind",
        "form", "delivery_form", "delivery_forms", "unit", "payee_kind", "outcome", "action", "direction", "into",
        "act", "acts", "gates", "holder", "ground", "signed", "level", "registration", "word", "selection", "category",
        "standard", "reason", "held_by", "step", "open", "said", "told_by", "line", "question",
        "found_kind", "dimension", "indicator", "grade", "actions", "executedActions", "national security",
        "economic operation", "social order", "public interest", "purpose_limited", "no_reidentification", "no_onward",
        "breach", "linkable_data", "training", "separate_environment", "accounting_distribution", "access_control",
        "encryption", "logging", "retention", "raw_rows_leave", "supervision",
    }
)  # fmt: skip


def _read() -> dict[str, dict[str, Text]]:
    kinds: dict[str, dict[str, Text]] = {}
    for line in (Path(__file__).parent / "words.tsv").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, key, zh, *en = line.split("\t")
            kinds.setdefault(kind, {})[key] = Text(zh, en[0] if en else "")
    return kinds


KINDS = _read()
ROOMS, COLUMNS, VERB_TITLES = KINDS["room"], KINDS["column"], KINDS["verb"]
CODES = {**ACTIONS, **PURPOSES, **KINDS["state"], **KINDS["role"], **KINDS["code"]}
OF_POLICIES = {
    "left": {**LOGIC, **{name: Text(left.zh, left.en) for name, left in CONSTRAINTS.items()}},
    "op": {name: Text(operator.zh, operator.en) for name, operator in OPERATORS.items()},
    "right": PURPOSES,
}
"""The parts of a condition: what its words are does not hang on what other columns call so."""


NUMBER = re.compile(r"[0-9]+")
PLACE = re.compile(r"(permissions|prohibitions|obligations)\[([0-9]+)\]")
PARTY = re.compile(r":P[0-9A-Z]+$")
CELL = re.compile(r"([0-9.]+): ([a-z ]+), ([a-z ]+)")
"""A rule of a policy; whose an account is; a cell of the matrix of grades: the clause, the object, the degree."""


def in_language(text: Text, lang: str) -> str:
    return text.zh if lang == "zh" else text.en


def column(name: str, lang: str) -> str:
    """The heading of a column."""
    text = COLUMNS.get(name) or PURPOSES.get(name) or OF_POLICIES["left"].get(name)
    if text is None and name.isupper():  # how many are in each state
        text = KINDS["state"].get(name) or CODES.get(name)
    if text is None and (lang == "zh" or not name.isidentifier()):
        return name  # somebody's own: a column of data, say
    said = in_language(text, lang) if text else name.replace("_", " ")
    return said[:1].upper() + said[1:]


def code(value: str, of: str, lang: str) -> str:
    """The word of a code in the column `of`; the value itself when it has none."""
    if text := KINDS["of"].get(f"{of}.{value}") or (ROOMS.get(value) if of == "scopes" else None):
        return in_language(text, lang)
    if (said := _composed(value, of, lang)) is not None:
        return said
    first = KINDS["state" if of == "registration" else of] if of in ("state", "registration", "step", "job") else {}
    first = OF_POLICIES.get(of, first)
    text = first.get(value) or (CODES.get(value) if of in CODED_COLUMNS else None)
    return in_language(text, lang) if text else value


def _composed(value: str, of: str, lang: str) -> str | None:
    """What is made of a word and something else: a rule's place, an account, a sentence with its head, a cell."""
    colon, comma = ("：", "，") if lang == "zh" else (": ", ", ")
    if of in ("formula", "measured_on", "why"):
        return formula(value, lang)
    if of == "rule" and (place := PLACE.fullmatch(value)):
        return f"{in_language(KINDS['of'][f'rule.{place[1]}'], lang)} {int(place[2]) + 1}"
    if of == "account" and (account := KINDS["of"].get(f"account.{PARTY.sub('', value)}")):
        return in_language(account, lang)
    if of in ("reason", "narration") and (head := KINDS["head"].get(value.partition(": ")[0])):
        return f"{in_language(head, lang)}{colon}{value.partition(': ')[2]}"
    if of == "rule_path" and (cell := CELL.fullmatch(value)):
        parts = [KINDS["of"].get(f"rule_path.{part}") or CODES.get(part) or Text(part, part) for part in cell.groups()]
        return cell[1] + colon + comma.join(in_language(part, lang) for part in parts[1:])
    return None


def formula(text: str, lang: str) -> str:
    """Of what a figure of quality is the share, or which indicator it is; a number in it stays."""
    number = NUMBER.search(text)
    known = KINDS["formula"].get(NUMBER.sub("#", text))
    return known.zh.replace("#", number.group() if number else "#") if known and lang == "zh" else text


def deed(act: str, lang: str) -> str:
    """What an act of the evidence log is called."""
    known = KINDS["deed"].get(act)
    return known.zh if known and lang == "zh" else act.partition(".")[2].replace("_", " ") or act


def button_title(verb: Verb, lang: str) -> str:
    """The verb's title without what it explains."""
    title = verb_title(verb, lang)
    return title if lang == "zh" else re.split(r"[:;,(.]", title, maxsplit=1)[0].strip()


ASIDE = re.compile(r"\s*[（(]?[\u3400-\u9fff][\u3400-\u9fff、，]*[）)]?")
"""The Chinese term beside an English one."""


def verb_title(verb: Verb, lang: str) -> str:
    """The verb's title: Chinese where there is one, else its docstring's first sentence."""
    known = VERB_TITLES.get(f"{verb.room}.{verb.name}")
    return known.zh if known and lang == "zh" else ASIDE.sub("", verb.title)
