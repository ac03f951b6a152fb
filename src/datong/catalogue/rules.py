"""Policies from templates, terms of offers, and search. Pure.

Contract: tests/catalogue/test_catalogue_rules.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from datong.catalogue.model import LISTING_MOVES, NOT_NOW, ListingState, Searched
from datong.ground.refusal import Problem
from datong.terms.policy import PURPOSES, Constraint, Policy, Rule, purposes_allowed

TEMPLATES = ("supply", "sale")
DELIVERY_FORMS = ("public", "controlled", "noisy")
"""noisy: answers of a privacy budget, and nothing else. Enclave is none: files would leave under its weaker threshold.
It needs sealed delivery first."""
WEIGHTS = {"title": 4, "fields": 2, "keywords": 2, "purposes": 1, "description": 1}
"""How much a word found in a field of a listing counts."""


def policy_of(
    template: str, offer_id: str, *, purpose: str, begins: str, ends: str, download: bool = True,
    max_count: int | None = None,
) -> Policy:  # fmt: skip
    """The policy of an offer.

    supply: a provider's resource to a data group: aggregated counts only, computed at the provider and delivered
    for the product; no download of the resource itself, no grant of it to others.
    sale: a product to a buyer: for the purpose and the period, no distribution, no grant to others, no attempt to
    re-identify; download allowed or not; at most `max_count` deliveries where given.
    """
    term = (
        Constraint("purpose", "isAnyOf", (purpose,)),
        Constraint("time", "gteq", begins),
        Constraint("time", "lt", ends),
    )
    counted = (*term, Constraint("count", "lteq", str(max_count))) if max_count is not None else term
    reidentify = Rule("process", (Constraint("algorithm", "isAnyOf", ("re-identification",)),))
    if template == "supply":
        return Policy(
            offer_id,
            permissions=(
                Rule("compute", term), Rule("delivery", counted), Rule("jointDevelop", term), Rule("process", term),
            ),
            prohibitions=(Rule("download"), Rule("grantUse"), Rule("sell"), reidentify),
            obligations=(Rule("policyTransmit"), Rule("logRecordSend")),
            inherit=True,
        )  # fmt: skip
    kept = (Rule("download", term), Rule("storage", term)) if download else ()
    return Policy(
        offer_id,
        permissions=(Rule("delivery", counted), Rule("read", term), Rule("process", term), *kept),
        prohibitions=(
            Rule("distribute"), Rule("grantUse"), Rule("sell"), *(() if download else (Rule("download"),)), reidentify,
        ),
        obligations=(Rule("delete", (Constraint("time", "gteq", ends),)),),
    )  # fmt: skip


def with_id(policy: Policy, offer_id: str) -> Policy:
    """The same rules under the id of the offer (an ODRL offer is named by its policy)."""
    return replace(policy, id=offer_id)


def policy_problems(policy: Policy, purpose: str) -> list[Problem]:
    """Whether a policy fits its offer: the purpose known and allowed, and something delivered."""
    problems = []
    if purpose not in PURPOSES:
        known = ", ".join(PURPOSES)
        problems.append(
            Problem("purposes", f"没有用途「{purpose}」；已知：{known}", f"no purpose {purpose!r}; known: {known}")
        )
    allowed = purposes_allowed(policy, "delivery")
    if not any(rule.action == "delivery" for rule in policy.permissions):
        problems.append(Problem("policy", "未允许交付（delivery）", "it does not permit delivery"))
    elif allowed is not None and purpose not in allowed:
        problems.append(
            Problem(
                "policy", f"未允许用于「{purpose}」的交付", f"it does not permit delivery for the purpose {purpose!r}"
            )
        )
    return problems


def moved(listing: str, state: str, deed: str) -> ListingState:
    after = LISTING_MOVES.get((ListingState(state), deed))
    if after is None:
        open_now = ", ".join(d for s, d in LISTING_MOVES if s == state) or "—"
        raise NOT_NOW(listing=listing, deed=deed, state=state, open=open_now)
    return after


def visible(bound_to: Iterable[str], shared: Collection[str]) -> bool:
    """Whether a listing is shown to a node: it is bound to no space, or to one of those the two have in common.

    The one rule of every road to a catalogue and of the beginning of a negotiation. bound_to: the spaces the listing is
    offered in; shared: those in which provider and asker are both active now (register.shared_spaces).
    """
    spaces = set(bound_to)
    return not spaces or not spaces.isdisjoint(shared)


# --- search ----------------------------------------------------------------------------------------------------

_HAN = re.compile(r"[㐀-鿿]+")
_LATIN = re.compile(r"[a-z0-9]+")


def tokens(text: str) -> list[str]:
    """What a text is found by: Latin words and numbers in lower case, Chinese as overlapping pairs.

    A lone Chinese character is its own token. Source: the usual bigram indexing of CJK text.
    """
    found = _LATIN.findall(text.lower())
    for run in _HAN.findall(text):
        found += [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
    return found


def ranked(query: str, things: Iterable[Searched]) -> list[tuple[str, int, list[str]]]:
    """(id, score, why) of the things that match a query, best first; every thing for an empty query.

    Score: the weight of every field a token of the query stands in, plus ten per token found at all, so that
    a thing with more of the words comes first. why: "<token> in <field>".
    """
    wanted = list(dict.fromkeys(tokens(query)))
    results = []
    for thing in things:
        score, why = 0, []
        held = [(name, set(tokens(text)), text.lower()) for name, text in thing.fields]
        for token in wanted:
            places = [name for name, words, text in held if token in words or _begins(token, words, text)]
            if places:
                score += 10 + sum(WEIGHTS.get(name, 1) for name in places)
                why += [f"{token} in {name}" for name in places]
        if score or not wanted:
            results.append((thing.id, score, why))
    return sorted(results, key=lambda result: (-result[1], result[0]))


def _begins(token: str, words: set[str], text: str) -> bool:
    """Latin words are found by their beginning, single Chinese characters anywhere."""
    if _HAN.fullmatch(token):
        return len(token) == 1 and token in text
    return len(token) > 2 and any(word.startswith(token) for word in words)


# --- what a peer is told of rows that never leave ----------------------------------------------------------------

FEWEST = 10
"""So many rows at least a number or a share stands for."""


def roughly(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a resource's listing so that one row more or less is hardly ever seen in them: two digits of the
    number of rows, shares of the quality to what so many allow, and no digest, which would say whether somebody has
    guessed all the rows right."""
    told = {name: fact for name, fact in facts.items() if name != "digest"}
    if isinstance(told.get("rows"), int):
        grain = max(FEWEST, 10 ** (len(str(told["rows"])) - 2))
        told["rows"] = -(-told["rows"] // grain) * grain  # upwards: what there is does not read as nothing
    if isinstance(told.get("quality"), Mapping):
        quality = {name: fact for name, fact in told["quality"].items() if name != "score"}
        if "dimensions" in quality:
            quality["dimensions"] = [_share(one) for one in quality["dimensions"]]
        told["quality"] = quality
    return told


def _share(figure: Mapping[str, Any]) -> dict[str, Any]:
    """A figure A / B without both numbers, its value in hundredths, tenths or halves, whichever stand for enough."""
    parts = next((parts for parts in (100, 10, 2) if figure["b"] >= parts * FEWEST), None)
    value = None if figure["value"] is None or parts is None else round(figure["value"] * parts) / parts
    return {**{name: fact for name, fact in figure.items() if name not in ("a", "b")}, "value": value}


# --- what a peer's catalogue says ------------------------------------------------------------------------------


def harvest_fault(datasets: Sequence[Any]) -> int | None:
    """The number (from 1) of the first item that is wrong or there twice, or None.

    An item is {"id", "title", "description", "offers": [{"id", "policy", "terms"}], ...}.
    """
    seen = set()
    for number, item in enumerate(datasets, 1):
        if not isinstance(item, Mapping) or not _texts(item, "id") or not isinstance(item.get("offers"), list):
            return number
        if item["id"] in seen:
            return number
        seen.add(item["id"])
        if not all(isinstance(item.get(name, ""), str) for name in ("title", "description")):
            return number
        for offer in item["offers"]:
            sound = isinstance(offer, Mapping) and _texts(offer, "id") and isinstance(offer.get("policy"), Mapping)
            if not sound or not isinstance(offer.get("terms", {}), Mapping):
                return number
    return None


def _texts(item: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(item.get(name), str) and 0 < len(item[name]) <= 200 for name in names)
