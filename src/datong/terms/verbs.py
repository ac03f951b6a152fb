"""Verbs: the things a person can do at a node, each with who may do it.

`@verb` and `@view` mark service functions `(tx, *, named, arguments) -> value`. The JSON API, the CLI and the
reference page are all made from these marks, so a verb is declared once. The mark also is the gate: it
refuses a person whose role may not, before the function runs. `@verb` changes, `@view` reads.
Must never know: HTTP, command lines. Contract: tests/web/test_api.py and tests/docs/test_docs.py.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.terms.roles import PERSON_ROLES, Role

P = ParamSpec("P")
R = TypeVar("R")

MAY_NOT = Reason(
    "GEN-403",
    Kind.denied,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("角色 {roles} 无权执行；需要：{needed}。", "The roles {roles} may not do it; it needs one of: {needed}."),
    Text("请由具有该角色的人员执行，或请节点运维人员授予角色。",
         "Ask a person who has that role, or ask the node operator to grant it."),
)  # fmt: skip
TOO_LONG = Reason(
    "GEN-413",
    Kind.invalid,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("有 {count} 段文字过长；不会截断后再记下。", "{count} of its texts are too long; none is cut and kept."),
    Text("请按下列字数缩短。", "Shorten them to the numbers listed."),
)
NOTHING_SAID = Reason(
    "GEN-420",
    Kind.invalid,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("下列各项须有内容，现为空白：对方与审计人员据此才知道为什么。",
         "What is listed has to say something and is blank: by it the others and an auditor know why."),
    Text("请填写后重试。", "Fill it in and try again."),
)  # fmt: skip
SAID = frozenset({"reason", "reasons", "reason_text", "minutes", "filing_ref"})
"""What a person says of a deed, by the argument's name: where it is asked for, it is not left blank."""
LONGEST = {"reason": 500, "note": 500, "reason_text": 2000, "reference": 390}
"""What a person says of a deed, by the argument's name: how many characters are kept, signed and sent."""


@dataclass(frozen=True)
class Verb:
    """One entry of the table of verbs: room and name, who may, whether it changes anything."""

    room: str
    name: str
    roles: frozenset[Role]
    changes: bool
    call: Callable[..., Any]
    longest: Mapping[str, int] = field(default_factory=dict, hash=False)
    """How many characters some arguments may have at most; more is refused, not cut."""

    @property
    def title(self) -> str:
        """The first sentence of the docstring, on however many lines it stands."""
        paragraph = " ".join((self.call.__doc__ or "").partition("\n\n")[0].split())
        return re.split(r"(?<=[.。])\s", paragraph, maxsplit=1)[0]


VERBS: dict[str, Verb] = {}


def verb(
    *roles: Role, longest: Mapping[str, int] | None = None
) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    """Mark a service function that changes something; only `roles` may call it. longest: where it is not LONGEST."""
    return _mark(frozenset(roles), changes=True, longest={**LONGEST, **(longest or {})})


def view(*roles: Role) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    """Mark a service function that only reads; every person of the node may, or only `roles`."""
    return _mark(frozenset(roles) or PERSON_ROLES, changes=False)


def _mark(
    roles: frozenset[Role], *, changes: bool, longest: Mapping[str, int] | None = None
) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    allowed = roles | {Role.node} | (frozenset() if changes else {Role.auditor})

    def mark(function: Callable[Concatenate[Tx, P], R]) -> Callable[Concatenate[Tx, P], R]:
        room = function.__module__.removeprefix("datong.").split(".")[0]
        name = f"{room}.{function.__name__}"
        asked = inspect.signature(function).parameters
        wanted = [of for of in asked if changes and of in SAID and asked[of].default is inspect.Parameter.empty]
        limits = {of: most for of, most in (longest or {}).items() if of in asked}

        @functools.wraps(function)
        def gated(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not tx.actor.has(*allowed):
                roles_now = ", ".join(sorted(tx.actor.roles or {tx.actor.role}))
                raise MAY_NOT(verb=name, roles=roles_now, needed=", ".join(sorted(roles)))
            if blank := [of for of in wanted if isinstance(said := kwargs.get(of), str) and _is_blank(said)]:
                raise NOTHING_SAID([Problem(of, "为空白", "is blank") for of in blank], verb=name, count=len(blank))
            if problems := [problem for of, most in limits.items() if (problem := _too_long(kwargs.get(of), of, most))]:
                raise TOO_LONG(problems, verb=name, count=len(problems))
            return function(tx, *args, **kwargs)

        if name in VERBS:
            raise ValueError(f"two verbs are called {name}")
        VERBS[name] = Verb(room, function.__name__, roles, changes, gated, limits)
        return gated

    return mark


def _is_blank(text: str) -> bool:
    """Whether nothing of it can be seen: spaces, and signs without a width."""
    return not any(sign.isprintable() and not sign.isspace() for sign in text)


def _too_long(given: object, of: str, most: int) -> Problem | None:
    """What is wrong with a text, or with a text of a list."""
    counts = [len(text) for text in (given if isinstance(given, list) else [given]) if isinstance(text, str)]
    if max(counts, default=0) <= most:
        return None
    return Problem(of, f"{max(counts):,} 字，至多 {most:,} 字", f"has {max(counts):,} characters; at most {most:,}")
