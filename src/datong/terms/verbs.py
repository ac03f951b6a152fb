"""Verbs: the things a person can do at a node, each with who may do it.

`@verb` and `@view` mark service functions `(tx, *, named, arguments) -> value`. The JSON API, the CLI and the
reference page are all made from these marks, so a verb is declared once. The mark also is the gate: it
refuses a person whose role may not, before the function runs. `@verb` changes, `@view` reads.
Must never know: HTTP, command lines. Contract: tests/web/test_api.py and tests/docs/test_docs.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

from datong.ground.db import Tx
from datong.ground.refusal import Kind, Reason, Text
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


@dataclass(frozen=True)
class Verb:
    """One entry of the table of verbs: room and name, who may, whether it changes anything."""

    room: str
    name: str
    roles: frozenset[Role]
    changes: bool
    call: Callable[..., Any]

    @property
    def title(self) -> str:
        """The first sentence of the docstring, on however many lines it stands."""
        paragraph = " ".join((self.call.__doc__ or "").partition("\n\n")[0].split())
        return re.split(r"(?<=[.。])\s", paragraph, maxsplit=1)[0]


VERBS: dict[str, Verb] = {}


def verb(*roles: Role) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    """Mark a service function that changes something; only `roles` may call it."""
    return _mark(frozenset(roles), changes=True)


def view(*roles: Role) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    """Mark a service function that only reads; every person of the node may, or only `roles`."""
    return _mark(frozenset(roles) or PERSON_ROLES, changes=False)


def _mark(
    roles: frozenset[Role], *, changes: bool
) -> Callable[[Callable[Concatenate[Tx, P], R]], Callable[Concatenate[Tx, P], R]]:
    allowed = roles | {Role.node} | (frozenset() if changes else {Role.auditor})

    def mark(function: Callable[Concatenate[Tx, P], R]) -> Callable[Concatenate[Tx, P], R]:
        room = function.__module__.removeprefix("datong.").split(".")[0]
        name = f"{room}.{function.__name__}"

        @functools.wraps(function)
        def gated(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not tx.actor.has(*allowed):
                roles_now = ", ".join(sorted(tx.actor.roles or {tx.actor.role}))
                raise MAY_NOT(verb=name, roles=roles_now, needed=", ".join(sorted(roles)))
            return function(tx, *args, **kwargs)

        if name in VERBS:
            raise ValueError(f"two verbs are called {name}")
        VERBS[name] = Verb(room, function.__name__, roles, changes, gated)
        return gated

    return mark
