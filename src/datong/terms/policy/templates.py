"""Policies with blanks: templates 合约模板 that an operator edits, and what becomes of them when filled.

A template is a policy as a person writes it (writing.py) with `template:` on top: its name in both languages and its
parameters, each with an example; `${purpose}` stands where a parameter is filled in.
Must never know: files. Contract: tests/terms/test_policy_writing.py, docs/how-to/write-a-policy.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.terms.policy.checking import BAD_POLICY, meant
from datong.terms.policy.model import Policy
from datong.terms.policy.reading import from_json
from datong.terms.policy.writing import plain

BAD_TEMPLATE = Reason(
    "POL-430",
    Kind.invalid,
    Text("策略模板 {name} 未被接受。", "The policy template {name} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改模板文件。", "Mend the template as listed."),
    rule="TC609-6-2025-14",
    article="7.2 a",
)  # fmt: skip
NOT_FILLED = Reason(
    "POL-431",
    Kind.invalid,
    Text("未由模板 {name} 生成策略。", "No policy was made of the template {name}."),
    Text("参数中 {count} 处有误。", "Mistakes in its parameters: {count}."),
    Text("请提供所列参数。", "Give the parameters listed."),
)  # fmt: skip
NO_TEMPLATE = Reason(
    "POL-432",
    Kind.unknown,
    Text("未由模板生成策略。", "No policy was made of a template."),
    Text("没有名为 {name} 的模板；现有：{known}。", "There is no template {name}; there are: {known}."),
    Text("请使用所列名称，或先编写该模板。", "Use one of those, or write the template first."),
)  # fmt: skip

_BLANK = re.compile(r"\$\{([^{}]*)\}")
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


@dataclass(frozen=True)
class Parameter:
    """A blank: what goes there in both languages, and an example that makes a policy of the template."""

    zh: str
    en: str
    example: str


@dataclass(frozen=True)
class Template:
    """body: the policy as written, with ${…} in its texts."""

    name: str
    title: Text
    parameters: Mapping[str, Parameter]
    body: Mapping[str, Any]


def template(name: str, value: Any) -> Template:
    """The template of a text that was read; BAD_TEMPLATE tells all that is wrong, also in the policy it makes."""
    problems = list(_shape(name, value))
    if problems:
        raise BAD_TEMPLATE(problems, name=name[:40], count=len(problems))
    head = value["template"]
    parameters = {key: Parameter(**one) for key, one in head.get("parameters", {}).items()}
    made = Template(name, Text(head["zh"], head["en"]), parameters, {k: v for k, v in value.items() if k != "template"})
    used = {blank for text in _texts(made.body) for blank in _BLANK.findall(text)}
    wrong = [
        Problem(f"${{{one}}}", "没有声明这个参数", "this parameter is not declared") for one in used - set(parameters)
    ]
    wrong += [Problem(f"template.parameters.{one}", "没有用到", "is not used") for one in set(parameters) - used]
    if wrong:
        raise BAD_TEMPLATE(sorted(wrong, key=lambda p: p.where), name=name[:40], count=len(wrong))
    try:
        filled(made, {key: one.example for key, one in parameters.items()}, "example")
    except Refusal as refusal:
        raise BAD_TEMPLATE(refusal.problems, name=name[:40], count=len(refusal.problems)) from refusal
    return made


def _shape(name: str, value: Any) -> Iterator[Problem]:
    if not NAME.fullmatch(name):
        yield Problem("name", "名称应为小写字母、数字、- 与 _", "the name takes a-z, 0-9, - and _")
    head = value.get("template") if isinstance(value, Mapping) else None
    if not isinstance(head, Mapping):
        yield Problem("template", "缺少", "is missing")
        return
    for member in ("zh", "en"):
        if not isinstance(head.get(member), str):
            yield Problem(f"template.{member}", "应为文本", "should be text")
    parameters = head.get("parameters", {})
    if not isinstance(parameters, Mapping):
        yield Problem("template.parameters", "应为对象", "should be an object")
        return
    for key, one in parameters.items():
        right = isinstance(one, Mapping) and set(one) == {"zh", "en", "example"}
        if not right or not all(isinstance(text, str) for text in one.values()):
            yield Problem(
                f"template.parameters.{key}", "需要 zh、en、example 三个文本", "needs the texts zh, en, example"
            )


def filled(made: Template, values: Mapping[str, Any], policy_id: str) -> Policy:
    """The checked policy; NOT_FILLED names parameters that are missing or that there are none of."""
    problems = [
        Problem(name, f"缺少：{one.zh}，例如 {one.example}", f"is missing: {one.en}, e.g. {one.example}")
        for name, one in made.parameters.items()
        if values.get(name) in (None, "")
    ]
    for name in values:
        if name not in made.parameters:
            hint = meant(name, made.parameters)
            problems.append(Problem(name[:80], f"没有这个参数{hint.zh}", f"there is no such parameter{hint.en}"))
    if problems:
        raise NOT_FILLED(problems, name=made.name, count=len(problems))
    texts = {name: str(value) for name, value in values.items()}
    written, wrong = plain({**_filled_in(made.body, texts), "id": policy_id})
    if wrong:
        raise BAD_POLICY(wrong, id=policy_id[:80], count=len(wrong))
    return from_json(written)


def _filled_in(value: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _BLANK.sub(lambda found: texts.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {name: _filled_in(one, texts) for name, one in value.items()}
    return [_filled_in(one, texts) for one in value] if isinstance(value, list) else value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
