"""The release gate for noisy answers: what was drawn once leaves under a contract whose form is `noisy`.

Such a table is not measured by the classes of GB/T 42460: what it may disclose of one person was bounded before it was
drawn, and debited. So the gate asks that people have confirmed the classification of its data and that their grade lets
it out, that the answer was drawn, that it is about the contract's data, that its debit stands in a ledger that adds up,
and shows its epsilon. Nothing is computed anew: the figures are those kept.
Must never know: who buys; a recipient group is an opaque id.
Contract: tests/deliver/test_deliver_noisy.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datong.deidentify import store as rows
from datong.deidentify.model.budget import Line, ReleaseState
from datong.deidentify.model.budget_refusals import SPENT_WITHOUT_ANSWER, UNKNOWN_RELEASE
from datong.deidentify.model.noisy_refusals import NOT_DRAWN, NOT_FOR_NOISE, NOT_IN_LEDGER, OF_OTHER_DATA
from datong.deidentify.rules.budget.tables import FORM, table_of
from datong.deidentify.service import budgets, leaving
from datong.deidentify.store import budget as store
from datong.ground import evidence
from datong.ground.canonical import digest, digest_bytes
from datong.ground.db import Tx, new_id
from datong.harmonise import service as harmonise


def release_noisy(
    tx: Tx, *, answer: str, dataset: str, recipient_group: str, agreement: str, form: str, path: Path
) -> dict[str, Any]:
    """Write the kept answer to `path` as a table, and remember that it left; the same again adds nothing.

    Returns {id, dataset, recipient_group, form, file_digest, risk: {epsilon, delta, rho, …}, build, build_digest,
    question}; `question` is the digest of what was asked, which later answers over newer data share.
    Refuses: DID-463, DID-467, DID-468, DID-477, DID-479 to DID-484, DID-495.
    """
    row = _answered(tx, answer)
    if form != FORM:
        raise NOT_FOR_NOISE(answer=answer[:80], form=form)
    if row["dataset"] != dataset:
        raise OF_OTHER_DATA(answer=answer[:80], dataset=row["dataset"], agreed=dataset)
    query = budgets.again(row["query"])
    budgets.require_answerable(tx, dataset, harmonise.current(tx, dataset), query, recipient_group)
    budget = store.locked(tx, dataset)
    require_debit(tx, dataset, answer)
    assert budget is not None, "an answer was debited to a budget"
    told = budgets.facts_of(row, budget["delta"])
    pq.write_table(table_of(query, row["figures"], told), path)
    file_digest, question = digest_bytes(path.read_bytes()), digest(row["query"])
    for earlier in rows.releases_of_file(tx, recipient_group, file_digest):
        if (earlier["agreement"], earlier["file_digest"], earlier["form"]) == (agreement, file_digest, FORM):
            return _told(earlier, row, question)
    budgets.given_again(tx, row, budget, recipient_group)
    release = {
        "id": new_id("release"), "dataset": dataset, "sources": [], "recipient_group": recipient_group,
        "agreement": agreement, "form": FORM, "since": "", "until": "", "recipe": row["query"], "geometry": "",
        "groups_digest": digest(row["query"]["by"]), "figures": {}, "file_digest": file_digest, "providers": [],
        "risk": {**told, "answer": answer}, "assessment": "", "at": tx.now,
    }  # fmt: skip
    tx.add(rows.releases, release)
    evidence.append(tx, "deidentify.noisy_released", rows.releases, release["id"], dataset=dataset, answer=answer,
                    recipient_group=recipient_group, file_digest=file_digest, **told)  # fmt: skip
    return _told(release, row, question)


def require_still(tx: Tx, release: Mapping[str, Any]) -> None:
    """What was delivered would be today: its debit stands, and nobody has said of the data what forbids it."""
    dataset = str(release["dataset"])
    require_debit(tx, dataset, release["risk"]["answer"])
    query = budgets.again(release["recipe"])
    leaving.require_still_answerable(
        tx, dataset, query.columns, lambda: budgets.recorded(tx, dataset, str(release["recipient_group"]))
    )


def require_debit(tx: Tx, dataset: str, answer: str) -> None:
    """DID-479 when the ledger does not add up, DID-484 when it does and holds no debit for the answer."""
    lines = budgets.ledger_of(tx, dataset)
    if not any(line["release"] == answer and line["kind"] == Line.debit for line in lines):
        raise NOT_IN_LEDGER(answer=answer[:80], dataset=dataset)


def _answered(tx: Tx, answer: str) -> dict[str, Any]:
    row = tx.get(store.noisy_releases, answer)
    if row is None:
        raise UNKNOWN_RELEASE(id=answer[:80])
    if row["state"] == ReleaseState.failed:
        raise SPENT_WITHOUT_ANSWER()
    if row["state"] != ReleaseState.answered:
        raise NOT_DRAWN(answer=answer[:80])
    return dict(row)


def _told(release: Mapping[str, Any], answered: Mapping[str, Any], question: str) -> dict[str, Any]:
    names = ("id", "dataset", "recipient_group", "form", "file_digest", "risk")
    data = {name: answered[name] for name in ("build", "build_digest")}
    return {**{name: release[name] for name in names}, **data, "question": question}
