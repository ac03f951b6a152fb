"""A policy in words, zh-CN and English, for listings, contracts and refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from datong.ground.refusal import Text
from datong.terms.policy.model import Condition, Constraint, Policy, Rule
from datong.terms.policy.vocabulary import ACTIONS, CONSTRAINTS, LOGIC, OF_THE_DEED, OPERATORS, PURPOSES, Family

KIND_WORDS = {
    "permissions": ("允许", "May", "，但须先", ", after"),
    "prohibitions": ("禁止", "Must not", "，违反时须", ", else must"),
    "obligations": ("必须", "Must", "，未履行时须", ", else must"),
}
"""How a rule of each kind begins, and how its duties follow, in both languages."""
INHERITED = Text("中间数据和结果数据仍受本策略约束。", "Intermediate and result data stay under this policy.")
_PLAIN = re.compile(r"[\w.:/@#*+-]+")
DEFAULT = Text("未列明的操作一律拒绝。", "Everything else is denied.")


def in_words(policy: Policy) -> Text:
    """The whole policy as sentences, one per rule: permissions, prohibitions, obligations, inheritance."""
    sentences = [words for _, words in rules_in_words(policy)]
    sentences += [INHERITED] * policy.inherit + [DEFAULT]
    return Text("".join(one.zh for one in sentences), " ".join(one.en for one in sentences))


def rules_in_words(policy: Policy) -> list[tuple[str, Text]]:
    """(place, sentence) of every rule."""
    return [
        (f"{kind}[{number}]", _sentence(kind, rule))
        for kind in KIND_WORDS
        for number, rule in enumerate(getattr(policy, kind))
    ]


def besides_in_words(kind: str, rule: Rule) -> list[Text]:
    """What a rule of a kind says beside its action and constraints: whom it binds, about what, what goes before it or
    follows."""
    whom, what = _shown(rule.assignee), _shown(rule.target)
    _, _, then_zh, then_en = KIND_WORDS[kind]
    duties = [_duty(duty) for duty in rule.duties]
    said = [Text(f"使用方 {whom}", f"party {whom}")] if whom else []
    said += [Text(f"标的 {what}", f"target {what}")] if what else []
    then = then_zh.lstrip("，") + "、".join(one.zh for one in duties), " and ".join(one.en for one in duties)
    return [*said, Text(then[0], f"{then_en.lstrip(', ')} {then[1]}")] if duties else said


def explained(policy: Policy) -> dict[str, Any]:
    """{"words", "rules": [{"place", "kind", "action", "zh", "en"}], "inherit"} for people and machines."""
    words = in_words(policy)
    return {
        "id": policy.id,
        "words": {"zh": words.zh, "en": words.en},
        "rules": [
            {"place": place, "kind": place.split("[", maxsplit=1)[0].removesuffix("s"), "zh": said.zh, "en": said.en}
            for place, said in rules_in_words(policy)
        ],
        "inherit": policy.inherit,
    }


def _sentence(kind: str, rule: Rule) -> Text:
    begins_zh, begins_en, then_zh, then_en = KIND_WORDS[kind]
    words, duties = _rule(rule, is_due=kind == "obligations"), [_duty(duty) for duty in rule.duties]
    more_zh = then_zh + "、".join(duty.zh for duty in duties) if duties else ""
    more_en = f"{then_en} " + " and ".join(duty.en for duty in duties) if duties else ""
    whom, what = _shown(rule.assignee), _shown(rule.target)
    whom_zh, whom_en = (f"（{whom}）", f"{whom}: ") if whom else ("", "")
    what_zh, what_en = (f"对 {what} ", f" (of {what})") if what else ("", "")
    return Text(
        f"{whom_zh}{begins_zh}{what_zh}{words.zh}{more_zh}。",
        f"{whom_en}{begins_en} {words.en}{what_en}{more_en}.",
    )


def _shown(text: str) -> str:
    """A text of the writer's own choice; in quotation marks where it could be taken for words of the sentence."""
    if not text or _PLAIN.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in quoted)


def _duty(duty: Rule) -> Text:
    """A duty, on what and by whom where it says so, with what follows when it is not met."""
    words, further = _rule(duty, is_due=True), [_duty(one) for one in duty.duties]
    whom, what = _shown(duty.assignee), _shown(duty.target)
    zh = (f"由 {whom} " if whom else "") + (f"对 {what} " if what else "") + words.zh
    en = words.en + (f" (of {what})" if what else "") + (f" (by {whom})" if whom else "")
    if not further:
        return Text(zh, en)
    _, _, then_zh, then_en = KIND_WORDS["obligations"]
    more_zh, more_en = "、".join(one.zh for one in further), " and ".join(one.en for one in further)
    return Text(f"{zh}（{then_zh.lstrip('，')}{more_zh}）", f"{en} ({then_en.lstrip(', ')} {more_en})")


def _rule(rule: Rule, *, is_due: bool = False) -> Text:
    """is_due: whether it has to be done, when some of its constraints say how rather than when."""
    action = ACTIONS[rule.action]
    if not rule.constraints:
        return action
    says_how = [is_due and isinstance(one, Constraint) and one.left in OF_THE_DEED for one in rule.constraints]
    words = [condition_in_words(condition) for condition in rule.constraints]
    deed = " and ".join(one.en for one, how in zip(words, says_how, strict=True) if how)
    conditions = " and ".join(one.en for one, how in zip(words, says_how, strict=True) if not how)
    return Text(
        action.zh + "（" + "；".join(one.zh for one in words) + "）",
        action.en + (f" ({deed})" if deed else "") + (f" if {conditions}" if conditions else ""),
    )


def condition_in_words(condition: Condition) -> Text:
    """E.g. "purpose is any of public governance, public welfare", joined ones in brackets."""
    if isinstance(condition, Constraint):
        return _constraint(condition)
    parts = [condition_in_words(part) for part in condition.parts]
    if condition.how in ("xone", "andSequence"):
        return _listed(LOGIC[condition.how], parts)
    how = LOGIC[condition.how]
    return Text("（" + how.zh.join(p.zh for p in parts) + "）", "(" + f" {how.en} ".join(p.en for p in parts) + ")")


def _listed(how: Text, parts: Sequence[Text]) -> Text:
    return Text(
        f"{how.zh}（" + "；".join(p.zh for p in parts) + "）", f"{how.en} (" + "; ".join(p.en for p in parts) + ")"
    )


def _constraint(constraint: Constraint) -> Text:
    left, op = CONSTRAINTS[constraint.left], OPERATORS[constraint.op]
    values = [_value(constraint.left, value) for value in constraint.values]
    return Text(
        f"{left.zh}{op.zh} {'、'.join(value.zh for value in values)}",
        f"{left.en} {op.en} {', '.join(value.en for value in values)}",
    )


def _value(left: str, value: str) -> Text:
    for code, zh, en in CONSTRAINTS[left].codes:
        if code == value:
            return Text(zh, en)
    if left == "purpose":
        return PURPOSES.get(value, Text(value, value))
    shown = _shown(value) if CONSTRAINTS[left].family is Family.name else value
    return Text(shown, shown)
