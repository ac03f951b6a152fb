"""A provider's node that answers the rounds of a partition; what the tests of partitions and of Spark share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deidentify_world import recipe_value

from datong.deidentify import service as deidentify
from datong.deidentify.rules.nodes import groups_digest
from datong.deidentify.rules.recipe import recipe_digest
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal

GROUP = "recipient-1"
PEER = Actor(person="", role="peer", party="peer-party", roles=frozenset({"peer"}))


def ask(level: int, passed: list[str], value: dict[str, Any] | None = None, **items: Any) -> dict[str, Any]:
    recipe = value or recipe_value()
    return {
        "partition": "partition-1", "product": "P", "level": level, "recipe": recipe,
        "recipe_digest": recipe_digest(recipe), "resource": "R-BIKE", "agreement": "agreement-1", "passed": passed,
        **items,
    }  # fmt: skip


class Provider:
    """A provider's node that answers asks about its trips."""

    def __init__(self, store: Store, data: Path) -> None:
        self.store, self.data = store, data

    def answer(self, message: dict[str, Any], group: str = GROUP, **items: Any) -> list[str]:
        with self.store.begin(PEER, "compose") as tx:
            told = deidentify.answer_round(tx, ask=message, data=self.data, recipient_group=group, **items)
        nodes: list[str] = told["nodes"]
        return nodes

    def refused(self, message: dict[str, Any], group: str = GROUP, **items: Any) -> Refusal:
        with pytest.raises(Refusal) as refusal:
            self.answer(message, group, **items)
        return refusal.value

    def all_rounds(self, value: dict[str, Any] | None = None, **items: Any) -> list[list[str]]:
        """Answer every round, every node passing; the passed nodes of each level."""
        passed: list[list[str]] = []
        for level in range(len((value or recipe_value())["levels"])):
            passed.append(self.answer(ask(level, passed[-1] if passed else [], value, **items)))
        return passed

    def keep(self, passed: list[list[str]], **items: Any) -> dict[str, Any]:
        digest = recipe_digest(recipe_value())
        agreed = {
            "partition": "partition-1", "resource": "R-BIKE", "agreement": "agreement-1", "recipe_digest": digest,
            "passed": passed[-1], "digest": groups_digest(digest, passed), **items,
        }  # fmt: skip
        with self.store.begin(PEER, "compose") as tx:
            return deidentify.keep_partition(tx, agreed=agreed, recipient_group=GROUP)
