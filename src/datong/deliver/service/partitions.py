"""The rounds of a joint partition 联合分组, answered at a provider under its agreement with the group.

Which groups hold the threshold is itself a release, so each round is a decision (action compute).
Contract: tests/deliver/test_deliver_partitions.py; the rules are deidentify's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from datong.deidentify import service as deidentify
from datong.deliver import rules
from datong.deliver.service import deciding
from datong.ground import outbox, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import NODE, Tx
from datong.harmonise import service as harmonise
from datong.negotiate import service as negotiate


def received_partition_ask(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """compose.partition_ask: say which of the asked groups hold the threshold here, as compose.partition_hold."""
    contract = _decided(tx, sender, body)
    tx = replace(tx, actor=NODE)  # decided: what follows is the node's own deed
    terms = contract["terms"]
    agreed = {"form": rules.form_of(contract)}
    agreed |= {name: terms[name] for name in ("recipe_digest", "k", "p") if name in terms}
    build = harmonise.current(tx, contract["dataset"])
    kinds = deidentify.require_countable(
        tx, dataset=contract["dataset"], columns=[element["name"] for element in build["schema"]],
        recipient_group=contract["consumer_party"],
    )  # fmt: skip
    subjects = {element["name"] for element in build["schema"] if element["personal"]}
    answer = deidentify.answer_round(
        tx, ask=body, data=Path(build["path"]), recipient_group=contract["consumer_party"], agreed=agreed,
        subjects=subjects, kinds=kinds,
    )  # fmt: skip
    key = "hold-" + hexdigest([answer["partition"], contract["dataset"], answer["level"]])
    outbox.send(tx, to=sender, type="compose.partition_hold", body=answer, key=key)


def received_partition_agreed(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """compose.partition_agreed: keep the groups both sides will count on."""
    contract = _decided(tx, sender, body)
    tx = replace(tx, actor=NODE)
    deidentify.keep_partition(tx, agreed=body, recipient_group=contract["consumer_party"])


def received_partition_cancelled(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
    """compose.partition_cancelled: give the partition up. Nothing leaves by it, so nothing is decided, and the
    agreement may be over."""
    fields = rules.texts(body, ("agreement", "partition", "resource"), 200)
    contract = negotiate.agreement(tx, fields["agreement"])
    _require_sides(tx, contract, sender, dataset=fields["resource"])
    deidentify.cancel_part(tx, **fields, recipient_group=contract["consumer_party"])


def _require_sides(tx: Tx, contract: dict[str, Any], sender: str, *, dataset: str | None = None) -> None:
    """USE-416 unless the sender is the consumer, and this node the provider, of an agreement; where one is named, over
    this dataset: a decision compares it itself."""
    asked = contract["dataset"] if dataset is None else dataset
    if (contract["consumer"], contract["provider"], contract["dataset"]) != (sender, signing.me(tx).code, asked):
        raise rules.not_ours("partition", contract["id"], "pair of sides")


def _decided(tx: Tx, sender: str, body: dict[str, Any]) -> dict[str, Any]:
    """The agreement a round is asked under, once the sender is its consumer and `compute` is allowed."""
    fields = rules.texts(body, ("agreement", "partition", "resource"), 200)
    contract = negotiate.in_force(tx, fields["agreement"])
    _require_sides(tx, contract, sender)
    deciding.require(tx, agreement=fields["agreement"], action="compute", dataset=fields["resource"])
    return contract
