"""A noisy answer delivered under a contract: paid once, drawn once, past the gate, granted, metered, pulled as it was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import delete
from test_deliver_transfers import Wire, states

import budget_world
import delivery_case as case
from datong.deidentify import service as deidentify
from datong.deidentify.rules.budget.tables import facts_in
from datong.deidentify.store import budget as kept
from datong.deidentify.store import classification as classified
from datong.deliver import service as deliver
from datong.ground.db import NODE, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.meter import service as meter

pytest.importorskip("opendp")
NOISY = {"delivery_form": "noisy"}


@pytest.fixture
def asked(provider: Store, consumer: Store) -> str:
    """The id of an answer that is paid for, about the contract's dataset; not drawn yet."""
    folder = Path(str(provider.url).removeprefix("sqlite:///")).parent
    harmonise.install(provider, budget_world.workspace(folder))
    with provider.begin(case.person(), "harmonise") as tx:
        harmonise.build(tx, workspace=str(folder), mapping="rides", resource=case.RESOURCE)
    budget_world.confirmed(provider, case.RESOURCE, case.person())
    with provider.begin(case.person("legal"), "deidentify") as tx:
        deidentify.set_budget(tx, resource=case.RESOURCE, unit="rider_id", epsilon="1", delta="0.000001")
    for store in (provider, consumer):
        with store.begin(NODE) as tx:
            case.agree(tx, terms=NOISY)
            case.agree(tx, "agr-2")
    with provider.begin(case.person(), "deidentify") as tx:
        done = deidentify.ask(tx, resource=case.RESOURCE, query=budget_world.COUNT, consumer="lab-1")
    return str(done["release"])


def laid(store: Store, answer: str, agreement: str = "agr-1") -> dict[str, Any]:
    with store.begin(case.person(), "deliver") as tx:
        return deliver.release_noisy(tx, agreement=agreement, answer=answer)


def refused(code: str, store: Store, answer: str, agreement: str = "agr-1") -> Refusal:
    with pytest.raises(Refusal) as told:
        laid(store, answer, agreement)
    assert told.value.code == code
    return told.value


def spent(store: Store) -> str:
    with store.read(case.person()) as tx:
        (row,) = deidentify.budget(tx, resource=case.RESOURCE)
    return str(row["spent_rho"])


def test_a_kept_answer_is_pulled_under_its_contract_and_metered(provider: Store, consumer: Store, asked: str) -> None:
    drawn = deidentify.draw(provider, asked)
    table = laid(provider, asked)
    assert table["schema_name"] == "noisy" and table["rows"] == 2
    assert (table["source"]["epsilon"], table["source"]["delta"]) == ("0.6217", "0.000001")
    assert table["source"]["build_digest"].startswith("sha256:"), "where the walk of an audit goes on"
    wire = Wire(provider, consumer)
    with consumer.begin(case.person(party=case.BUYER), "deliver") as tx:
        deliver.request_transfer(tx, agreement="agr-1", into="node")
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    with consumer.read(case.person()) as tx:
        (held,) = deliver.held(tx)
    pulled = pq.ParquetFile(Path(str(consumer.url).removeprefix("sqlite:///")).parent / held["path"]).read()
    assert pulled.to_pylist() == drawn["answer"]["rows"], "the figures kept, not new ones"
    assert facts_in(pulled)["epsilon"] == "0.6217"
    assert spent(provider) == "0.01", "delivering costs nothing more"
    with provider.read(case.person()) as tx:
        (event,) = meter.events(tx, "agr-1")
        assert (event["kind"], event["rows"]) == ("file_set", 2)
        (release,) = deidentify.releases(tx)
        assert (release["form"], release["risk"]["epsilon"]) == ("noisy", "0.6217")
        lines = kept.lines_of(tx, case.RESOURCE)
    assert [(line["kind"], line["consumer"]) for line in lines[1:]] == [("debit", "lab-1"), ("again", case.BUYER)]


def test_laid_ready_again_it_is_the_same_version(provider: Store, asked: str) -> None:
    deidentify.draw(provider, asked)
    first, again = laid(provider, asked), laid(provider, asked)
    assert (first["id"], first["version"]) == (again["id"], again["version"])
    with provider.read(case.person()) as tx:
        assert len(deidentify.releases(tx)) == 1
        assert len(kept.lines_of(tx, case.RESOURCE)) == 3


def test_what_may_not_leave(provider: Store, asked: str, tmp_path: Path) -> None:
    assert "not drawn" in str(refused("DID-482", provider, asked))
    deidentify.draw(provider, asked)
    assert "controlled" in str(refused("DID-481", provider, asked, "agr-2"))
    refused("DID-480", provider, "noisy-none")
    with pytest.raises(Refusal) as other, provider.begin(case.person(), "deidentify") as tx:
        deidentify.release_noisy(tx, answer=asked, dataset="RES-0002", recipient_group=case.BUYER, agreement="agr-3",
                                 form="noisy", path=tmp_path / "t.parquet")  # fmt: skip
    assert other.value.code == "DID-483"
    assert not (tmp_path / "t.parquet").exists()


def test_a_failed_answer_is_not_delivered(provider: Store, asked: str) -> None:
    with provider.begin(NODE) as tx:
        tx.change(kept.noisy_releases, asked, build_digest="sha256:other")
    with pytest.raises(Refusal):
        deidentify.draw(provider, asked)
    refused("DID-477", provider, asked)


def test_a_delivery_stops_when_its_debit_is_gone(provider: Store, asked: str) -> None:
    """The choke point asks the gate anew at each grant."""
    deidentify.draw(provider, asked)
    laid(provider, asked)
    with provider.begin(case.person(), "deliver") as tx:
        assert deliver.decide(tx, agreement="agr-1", action="delivery").allowed
    with provider.begin(NODE) as tx:
        tx.execute(delete(kept.ledger).where(kept.ledger.c.kind != "cap"))
    with provider.begin(case.person(), "deliver") as tx:
        denied = deliver.decide(tx, agreement="agr-1", action="delivery")
    assert (denied.verdict.step, denied.verdict.rule) == ("gate", "DID-484")


def test_what_people_say_of_the_data_ends_a_delivery(provider: Store, asked: str) -> None:
    """Confirmed when it was asked; core data since: neither laid ready anew nor granted."""
    deidentify.draw(provider, asked)
    laid(provider, asked)
    with provider.begin(case.person(), "deidentify") as tx:
        deidentify.confirm_classification(tx, dataset=case.RESOURCE, impacts={"social order": "especially serious"})
    refused("DID-467", provider, asked)
    with provider.begin(case.person(), "deliver") as tx:
        denied = deliver.decide(tx, agreement="agr-1", action="delivery")
    assert (denied.verdict.step, denied.verdict.rule) == ("gate", "DID-467")


def test_data_with_a_column_that_nobody_confirmed_are_not_laid_ready(provider: Store, asked: str) -> None:
    deidentify.draw(provider, asked)
    with provider.begin(NODE) as tx:
        tx.execute(delete(classified.words))
    refused("DID-463", provider, asked)
    with provider.begin(NODE) as tx:
        tx.execute(delete(classified.classifications))
    refused("DID-463", provider, asked)
