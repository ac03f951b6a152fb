"""Listings, offers, gates, and why a listing is refused.

Must never know: the database. Contract: tests/catalogue/.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Problem, Reason, Text


class ListingState(StrEnum):
    live = "live"
    suspended = "suspended"
    withdrawn = "withdrawn"


# (state now, deed) -> state after
LISTING_MOVES = {
    (ListingState.live, "suspend"): ListingState.suspended,
    (ListingState.suspended, "restore"): ListingState.live,
    (ListingState.live, "withdraw"): ListingState.withdrawn,
    (ListingState.suspended, "withdraw"): ListingState.withdrawn,
}


class Gate(StrEnum):
    """What a listing must pass; each gate leaves its opinion on the listing."""

    registered = "registered"
    cleared = "cleared"
    quality = "quality"
    risk = "risk"
    price = "price"
    policy = "policy"


@dataclass(frozen=True)
class Opinion:
    """What one gate says: facts to show, problems that close it."""

    gate: Gate
    facts: dict[str, Any] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Searched:
    """One thing to search: weighted fields of text."""

    id: str
    fields: tuple[tuple[str, str], ...]


def _reason(code: str, kind: Kind, what: tuple[str, str], why: tuple[str, str], fix: tuple[str, str]) -> Reason:
    return Reason(code, kind, Text(*what), Text(*why), Text(*fix))


GATES_CLOSED = _reason(
    "CAT-403", Kind.denied,
    ("「{dataset}」未上架。", "{dataset} was not listed."),
    ("有 {count} 项未通过。", "{count} things stand against it."),
    ("请按下列各项办理后重试；以下为全部问题。", "Settle the items listed and try again; this is all of them."),
)  # fmt: skip
UNKNOWN = _reason(
    "CAT-404", Kind.unknown,
    ("没有{zh} {id}。", "There is no {en} {id}."),
    ("它不在本节点的目录中。", "It is not in this node's catalogue."),
    ("请用 catalogue find 查找。", "Look for it with `catalogue find`."),
)  # fmt: skip
NOT_NOW = _reason(
    "CAT-409", Kind.conflict,
    ("「{listing}」不能执行「{deed}」。", "{listing} cannot {deed}."),
    ("其状态为 {state}。", "It is {state}."),
    ("现在可以：{open}。", "Open now: {open}."),
)  # fmt: skip
BAD_HARVEST = _reason(
    "CAT-422", Kind.invalid,
    ("节点 {source} 的目录未收录。", "The catalogue of {source} was not taken in."),
    ("第 {number} 项不符合要求。", "Item {number} of it is not of the agreed form."),
    ("请该节点修正其目录。", "Let that node mend its catalogue."),
)  # fmt: skip

BAD_REPORT = _reason(
    "CAT-423", Kind.invalid,
    ("目录上报未被接受。", "The report of a catalogue was not accepted."),
    ("{why_zh}。", "{why}."),
    ("请按 docs/reference/national-rail.md 的格式上报。", "Send it as docs/reference/national-rail.md has it."),
)  # fmt: skip

MEMBERS_ONLY = _reason(
    "CAT-424", Kind.denied,
    ("没有就「{dataset}」与节点 {node} 洽谈。", "There is no dealing with the node {node} over {dataset}."),
    ("它只对空间 {spaces} 的成员开放，而该节点不是其有效成员。",
     "It is offered to the members of {spaces} only, and that node is no active member."),
    ("请待该节点获准加入空间，或用 catalogue show-in-spaces 改变范围。",
     "Wait until that node is admitted to the space, or change who sees it by `catalogue show-in-spaces`."),
)  # fmt: skip
BAD_SPACES = _reason(
    "CAT-425", Kind.invalid,
    ("「{dataset}」的可见范围未改变。", "Who sees {dataset} was not changed."),
    ("有 {count} 个空间不能选用。", "{count} of the spaces cannot be chosen."),
    ("请先创建空间，或申请加入并获批准。", "Create the space, or apply to join it and be admitted, first."),
)  # fmt: skip
