"""Who sees which listing: everybody, or the active members of the logical spaces it is offered in.

    bind              a listing to the spaces whose members alone see it
    spaces_shared     the spaces this node has in common with an asker, of those any listing is bound to
    is_shown          the one question of every road: may this node see that dataset
    require_shown     the same asked by people here, who are told the reason

The rule is rules.visible; a page asks it in the database (store.live_page). To who may not see it a listing does not
exist: the answer is that of an unknown one. Agreements that were concluded stay.
Contract: tests/catalogue/test_catalogue_spaces.py, tests/wire/test_wire_spaces.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from datong.catalogue import rules, store
from datong.catalogue.model import MEMBERS_ONLY
from datong.ground import evidence
from datong.ground.canonical import digest
from datong.ground.db import Tx
from datong.ground.refusal import Problem
from datong.register import service as register


def space_problems(tx: Tx, spaces: Sequence[str]) -> list[Problem]:
    """A problem for each space this node is not of, whether it exists or not."""
    known = register.own_spaces(tx, spaces)
    return [
        Problem(f"spaces: {one[:60]}", "本节点不是该空间的成员，或该空间已关闭",
                "this node is not of that space, or the space is closed")
        for one in spaces
        if one not in known
    ]  # fmt: skip


def bind(tx: Tx, dataset: str, spaces: Sequence[str]) -> None:
    """Bind a dataset's listing to exactly these spaces, with a leaf for each one added or taken away."""
    before, wanted = set(_bound_to(tx, dataset)), set(spaces)
    for space in sorted(wanted - before):
        key, by = _key(dataset, space), tx.actor.person
        tx.add(store.listing_spaces, {"id": key, "dataset": dataset, "space": space, "added_by": by, "at": tx.now})
        evidence.append(tx, "catalogue.space_added", store.listing_spaces, key, dataset=dataset, space=space)
    for space in sorted(before - wanted):
        key = _key(dataset, space)
        tx.execute(store.listing_spaces.delete().where(store.listing_spaces.c.id == key))
        evidence.append(tx, "catalogue.space_removed", store.listing_spaces, key, dataset=dataset, space=space)


def _bound_to(tx: Tx, dataset: str) -> list[str]:
    return store.spaces_by_dataset(tx, [dataset]).get(dataset, [])


def _key(dataset: str, space: str) -> str:
    return digest([dataset, space])


# --- who sees ----------------------------------------------------------------------------------------------------


def spaces_shared(tx: Tx, node: str) -> frozenset[str]:
    """Of the spaces that listings here are bound to, those in which `node` is an active member beside this node."""
    named = store.named_spaces(tx)
    return register.shared_spaces(tx, node, named) if named else frozenset()


def is_shown(tx: Tx, dataset: str, node: str) -> bool:
    """Whether `node` may see the listing of a dataset and ask for it; a dataset that is bound to nothing is shown."""
    bound = _bound_to(tx, dataset)
    return rules.visible(bound, register.shared_spaces(tx, node, bound) if bound else ())


def require_shown(tx: Tx, dataset: str, node: str) -> None:
    """MEMBERS_ONLY, for people of this node; a peer is never told why."""
    if not is_shown(tx, dataset, node):
        raise MEMBERS_ONLY(dataset=dataset, node=node[:40], spaces=", ".join(_bound_to(tx, dataset)))


def told_to(spaces: Sequence[str], shared: Collection[str]) -> dict[str, list[str]]:
    """What a node is told of the spaces of a listing it sees: those it is of itself, and of others nothing."""
    return {"spaces": [one for one in spaces if one in shared]} if spaces else {}
