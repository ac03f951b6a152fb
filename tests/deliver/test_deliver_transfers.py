"""Transfers between two real nodes: messages carried by hand, as wire/dsp does; the pull over the ASGI application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from starlette.applications import Starlette

import delivery_case as case
from datong.audit import service as audit
from datong.deidentify.rules.treatments.keys import key_id
from datong.deidentify.service.treatment_keys import key_of_agreement
from datong.deliver import rules
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.model import FORMAT, HTTP_PULL, Address
from datong.deliver.service import files as deliver_files
from datong.deliver.service import granting, holding, transfer_received
from datong.ground import clock, jobs, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import NODE, Store
from datong.ground.refusal import Refusal
from datong.meter import service as meter
from datong.negotiate import service as negotiate
from datong.negotiate import store as negotiate_rows
from datong.register import store as register_rows
from datong.wire.delta_sharing import fetch_tables, routes
from statements import asked_of, read_whole

CALLBACK = "http://buyer0000.test/dsp/2025-1"


class Wire:
    """Two nodes and their job handlers; `dsp.transfer.send` is carried straight into the other store."""

    def __init__(self, provider: Store, consumer: Store) -> None:
        self.of = {case.OWNER_NODE: provider, case.BUYER_NODE: consumer}
        self.caller = case.Caller(Starlette(routes=list(routes(provider))))
        self.sent: list[dict[str, Any]] = []
        self.workers = [jobs.Worker(store, self._handlers(code, store)) for code, store in self.of.items()]

    def _handlers(self, code: str, store: Store) -> dict[str, jobs.Handler]:
        return {
            "dsp.transfer.send": partial(self._carry, code),
            "deliver.fetch": deliver.fetch_job(store, partial(fetch_tables, self.caller)),
            "deliver.destroy": deliver.destroy_job(store),
            deliver.ON_SIGNING: deliver.signed_job(store),
            "node.send": partial(self._message, code),
        }

    def settle(self) -> None:
        """Do every due job of both nodes until none is left."""
        while sum(worker.run_due() for worker in self.workers):
            pass

    def _carry(self, sender: str, job: jobs.Job) -> None:
        payload, mine, theirs = job.payload, self.of[sender], self.of[job.payload["to"]]
        with mine.begin(NODE, "deliver") as tx:
            message = deliver.outgoing(tx, payload)
        if message is None:
            return
        self.sent.append(message)
        try:
            with theirs.begin(case.peer(sender), "deliver") as tx:
                answer = self._told(tx, sender, payload, message)
        except Refusal as refusal:
            with mine.begin(NODE, "deliver") as tx:
                deliver.transfer_refused(tx, pid=payload["pid"], act=payload["act"], text=str(refusal))
            return
        with mine.begin(NODE, "deliver") as tx:
            deliver.transfer_acknowledged(tx, pid=payload["pid"], act=payload["act"], answer=answer)

    def _told(self, tx: Any, sender: str, payload: Mapping[str, Any], message: dict[str, Any]) -> dict[str, Any]:
        if payload["act"] == "request":
            return deliver.transfer_requested(
                tx, sender=sender, consumer_pid=message["consumerPid"], agreement_id=message["agreementId"],
                format=message["format"], callback=CALLBACK,
            )  # fmt: skip
        pid = payload["path"].split("/")[2]
        pids = {message["providerPid"], message["consumerPid"]}
        common = {"sender": sender, "pid": pid, "other_pid": (pids - {pid}).pop()}
        if payload["act"] == "start":
            return deliver.transfer_started(tx, data_address=message.get("dataAddress"), **common)
        if payload["act"] == "complete":
            return deliver.transfer_completed(tx, **common)
        reason = {"code": message.get("code", ""), "reason": message.get("reason")}
        tell = deliver.transfer_suspended if payload["act"] == "suspend" else deliver.transfer_terminated
        return tell(tx, **common, **reason)

    def _message(self, sender: str, job: jobs.Job) -> None:
        payload = job.payload
        receive = {
            "deliver.ended": deliver.received_ended,
            "deliver.destruction_proof": deliver.received_destruction_proof,
        }
        with self.of[payload["to"]].begin(case.peer(sender), "deliver") as tx:
            receive[payload["type"]](tx, sender=sender, body=payload["body"])


@pytest.fixture
def wire(provider: Store, consumer: Store, request: pytest.FixtureRequest) -> Wire:
    for store in (provider, consumer):
        with store.begin(NODE) as tx:
            case.agree(tx, policy_json=getattr(request, "param", None))
    return Wire(provider, consumer)


download_allowed = pytest.mark.parametrize("wire", [case.DOWNLOAD_POLICY], indirect=True, ids=["download allowed"])


def lay_out(store: Store) -> None:
    with store.begin(NODE, "deliver") as tx:
        case.lay_out(tx)


def request(store: Store, into: str) -> str:
    with store.begin(case.person(party=case.BUYER), "deliver") as tx:
        return str(deliver.request_transfer(tx, agreement="agr-1", into=into)["id"])


def states(*stores: Store) -> list[str]:
    found = []
    for store in stores:
        with store.read(case.person()) as tx:
            found += [row["state"] for row in deliver.transfers(tx)]
    return found


def test_transfers_are_found_by_state_and_by_the_make_of_the_other_side(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    lay_out(provider)
    request(consumer, "node")
    wire.settle()

    def found(**which: Any) -> list[str]:
        with provider.read(case.person()) as tx:
            return [row["state"] for row in deliver.transfers(tx, **which)]

    assert (found(state="COMPLETED"), found(state="STARTED")) == (["COMPLETED"], [])
    assert found(other_make=True) == []
    with pytest.raises(Refusal) as refused:
        found(state="completed")
    assert [problem.where for problem in refused.value.problems] == ["state"]
    with provider.begin(NODE) as tx:  # the buyer's record as one of another make has it
        known = tx.get(register_rows.nodes, case.BUYER_NODE)
        tx.change(register_rows.nodes, case.BUYER_NODE, record={**known["record"], "did": "did:web:elsewhere.cn"})
    assert found(other_make=True) == found(other_make=True, state="COMPLETED") == ["COMPLETED"]
    assert found(other_make=True, state="STARTED") == []


def test_a_supply_is_pulled_checked_kept_and_completed(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    request(consumer, "node")
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    with consumer.read(case.person()) as tx:
        (held,) = deliver.held(tx)
        assert held["rows"] == 100 and held["state"] == "held"
        folder = Path(str(consumer.url).removeprefix("sqlite:///")).parent
        assert pq.ParquetFile(folder / held["path"]).read().equals(case.counts())
        assert tx.all(select(rows.addresses)) == [], "the token is not kept"
    with provider.read(case.person()) as tx:
        (event,) = meter.events(tx, "agr-1")
        assert event["bytes_served"] == event["bytes_granted"] > 0
        assert [grant["state"] for grant in deliver.grants(tx)] == ["ended"]


def sign(*stores: Store) -> None:
    """What follows at both nodes when the contract is concluded, told twice as after a crash."""
    for store in (*stores, *stores):
        with store.begin(NODE, "negotiate") as tx:
            deliver.signed(tx, negotiate.agreement(tx, "agr-1"))


def test_where_a_node_has_it_so_the_signing_begins_the_delivery(wire: Wire, provider: Store, consumer: Store) -> None:
    """It waits for the data to lie ready, is kept when they come, and is begun once."""
    for store in (provider, consumer):
        deliver.install(store, Path(str(store.url).removeprefix("sqlite:///")).parent, on_signing=True)
    sign(provider, consumer)
    wire.settle()
    assert states(provider, consumer) == ["REQUESTED", "REQUESTED"]
    lay_out(provider)
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    sign(provider, consumer)
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    with consumer.read(case.person()) as tx:
        assert len(deliver.held(tx)) == 1
        assert [leaf["act"] for leaf in audit.leaves(tx, act="deliver.asked_on_signing")] == [
            "deliver.asked_on_signing"
        ]


def test_a_contract_that_begins_later_is_delivered_then(wire: Wire, provider: Store, consumer: Store) -> None:
    deliver.install(consumer, Path(str(consumer.url).removeprefix("sqlite:///")).parent, on_signing=True)
    with consumer.begin(NODE) as tx:
        tx.change(negotiate_rows.agreements, "agr-1", **{"from": "2026-12-01T00:00:00Z"})
    sign(consumer)
    wire.settle()
    assert states(consumer) == []
    with consumer.read() as tx:
        (job,) = [job for job in jobs.open_jobs(tx) if job["kind"] == deliver.ON_SIGNING]
        assert clock.instant(job["due_at"]) - tx.wall_now > timedelta(minutes=59)
        assert tx.business_now < clock.instant("2026-12-01T00:00:00Z")


def test_unless_a_node_has_it_so_somebody_asks(wire: Wire, provider: Store, consumer: Store) -> None:
    sign(provider, consumer)
    wire.settle()
    assert states(provider, consumer) == []


@download_allowed
def test_no_secret_stands_in_jobs_or_rows(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    request(consumer, "person")
    wire.settle()
    (start,) = [message for message in wire.sent if message["@type"] == "TransferStartMessage"]
    token = next(p["value"] for p in start["dataAddress"]["endpointProperties"] if p["name"] == "authorization")
    for store in (provider, consumer):
        with store.read() as tx:
            assert token not in str([tuple(row) for row in tx.all(select(jobs.jobs))])
            assert token not in str(rows.rows(tx, rows.grants))


@download_allowed
def test_the_profile_is_shown_once_and_opens_the_share(
    wire: Wire, provider: Store, consumer: Store, tmp_path: Path
) -> None:
    lay_out(provider)
    analyst = case.person("analyst", case.BUYER)
    with pytest.raises(Refusal) as early, consumer.begin(analyst, "deliver") as tx:
        deliver.profile(tx, agreement="agr-1")
    assert early.value.code == "USE-414"
    request(consumer, "person")
    wire.settle()
    with consumer.begin(analyst, "deliver") as tx:
        profile = deliver.profile(tx, agreement="agr-1")
    assert profile["shareCredentialsVersion"] == 1 and profile["endpoint"] == "http://provide00.test/delta-sharing"
    assert profile["expirationTime"].startswith("2027-05")  # six months of business time, on the wall clock
    (table,) = fetch_tables(wire.caller, profile, tmp_path)
    assert table["announced_rows"] == 100
    with pytest.raises(Refusal) as again, consumer.begin(analyst, "deliver") as tx:
        deliver.profile(tx, agreement="agr-1")
    assert again.value.code == "USE-414"
    request(consumer, "person")
    wire.settle()
    with consumer.begin(analyst, "deliver") as tx:
        renewed = deliver.profile(tx, agreement="agr-1")
    assert fetch_tables(wire.caller, renewed, tmp_path)
    with pytest.raises(Refusal) as void:
        fetch_tables(wire.caller, profile, tmp_path)
    assert void.value.code == "DSH-403"


def test_a_request_waits_for_the_release(wire: Wire, provider: Store, consumer: Store) -> None:
    request(consumer, "node")
    wire.settle()
    assert states(provider, consumer) == ["REQUESTED", "REQUESTED"]
    assert request(consumer, "node"), "asking again returns the open one"
    assert len(states(consumer)) == 1
    lay_out(provider)
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]


def test_a_denied_request_is_terminated_with_the_reason(provider: Store, consumer: Store) -> None:
    silent = {**case.OPEN_POLICY, "permissions": [case.permission("compute")]}
    for store in (provider, consumer):
        with store.begin(NODE) as tx:
            case.agree(tx, policy_json=silent)
    wire = Wire(provider, consumer)
    lay_out(provider)
    request(consumer, "node")
    wire.settle()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    with consumer.read(case.person()) as tx:
        (process,) = deliver.transfers(tx)
        assert process["code"] == "denied" and "permission" in process["reason"][0]
    with provider.read(case.person()) as tx:
        assert deliver.grants(tx) == [] and deliver.decisions(tx)[0]["outcome"] == "default_denied"


@download_allowed
def test_suspend_stops_and_resume_brings_a_new_token(
    wire: Wire, provider: Store, consumer: Store, tmp_path: Path
) -> None:
    lay_out(provider)
    request(consumer, "person")
    wire.settle()
    with consumer.begin(case.person("analyst", case.BUYER)) as tx:
        profile = deliver.profile(tx, agreement="agr-1")
    with provider.begin(case.person(), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="check")
    wire.settle()
    assert states(provider, consumer) == ["SUSPENDED", "SUSPENDED"]
    with consumer.read() as tx:
        (process,) = rows.rows(tx, rows.processes)
    with pytest.raises(Refusal) as refused, provider.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        deliver.transfer_started(tx, sender=case.BUYER_NODE, pid=process["peer_pid"], data_address=None)
    assert refused.value.code == "USE-410", "who suspended has to resume"
    with provider.begin(case.person(), "deliver") as tx:
        deliver.resume(tx, agreement="agr-1")
    wire.settle()
    assert states(provider, consumer) == ["STARTED", "STARTED"]
    with consumer.begin(case.person("analyst", case.BUYER)) as tx:
        renewed = deliver.profile(tx, agreement="agr-1")
    assert renewed["bearerToken"] != profile["bearerToken"]
    assert fetch_tables(wire.caller, renewed, tmp_path)


@download_allowed
def test_both_suspend_at_once_and_the_provider_takes_it_up_again(wire: Wire, provider: Store, consumer: Store) -> None:
    """The consumer does not know of the provider's suspension: its resuming is refused and ends nothing."""
    lay_out(provider)
    request(consumer, "person")
    wire.settle()
    ours, theirs = case.person(), case.person(party=case.BUYER)
    with consumer.begin(theirs, "deliver") as tx:
        (mine,) = deliver.transfers(tx)
        deliver.suspend_transfer(tx, transfer=mine["id"], reason="a moment")
    with provider.begin(ours, "deliver") as tx:
        deliver.suspend_transfer(tx, transfer=mine["peer_pid"], reason="a moment")
    wire.settle()
    with consumer.begin(theirs, "deliver") as tx:
        deliver.resume_transfer(tx, transfer=mine["id"])
    wire.settle()
    assert states(provider, consumer) == ["SUSPENDED", "SUSPENDED"]
    with consumer.begin(theirs, "deliver") as tx:
        (process,) = deliver.transfers(tx)
        assert (process["code"], process["wait"]["en"]) == ("refused", "the provider has to resume it")
        assert process["deadline"] == negotiate_rows.agreements_of(tx)[0]["until"]
        assert "resume_transfer" not in process["open_verbs"] and "terminate" in process["open_verbs"]
        with pytest.raises(Refusal, match="USE-410"):
            deliver.resume_transfer(tx, transfer=mine["id"])
    with provider.begin(ours, "deliver") as tx:
        deliver.resume_transfer(tx, transfer=mine["peer_pid"])
    wire.settle()
    assert states(provider, consumer) == ["STARTED", "STARTED"]


def incoming(provider: Store, **changed: Any) -> dict[str, Any]:
    ask = {"sender": case.BUYER_NODE, "consumer_pid": "cp-1", "agreement_id": "agr-1", "format": FORMAT,
           "callback": CALLBACK, **changed}  # fmt: skip
    with provider.begin(case.peer(ask["sender"]), "deliver") as tx:
        return deliver.transfer_requested(tx, **ask)


def test_under_one_contract_so_many_transfers_are_open_and_no_more(
    wire: Wire, provider: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a grant with a key of its own, a token, rows and messages; those that ended make room again."""
    lay_out(provider)
    few = replace(deliver_files.place(provider), open_per_contract=2)
    monkeypatch.setitem(deliver_files._PLACES, provider, few)
    first = incoming(provider, consumer_pid="cp-1")
    incoming(provider, consumer_pid="cp-2")
    with pytest.raises(Refusal) as refused:
        incoming(provider, consumer_pid="cp-3")
    assert (refused.value.code, refused.value.facts["most"]) == ("CTR-508", 2)
    assert incoming(provider, consumer_pid="cp-1") == first, "one that is known is answered as before"
    with provider.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        ids = {"pid": first["providerPid"], "other_pid": "cp-1"}
        deliver.transfer_completed(tx, sender=case.BUYER_NODE, **ids)
    assert incoming(provider, consumer_pid="cp-3")["state"] == "STARTED"


def test_what_is_asked_for_and_completed_again_and_again_under_one_contract_has_an_end(
    wire: Wire, provider: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(provider)
    few = replace(deliver_files.place(provider), open_per_contract=1)
    monkeypatch.setitem(deliver_files._PLACES, provider, few)
    monkeypatch.setattr(transfer_received, "ENDED_PER_OPEN", 2)
    for pid in ("cp-1", "cp-2"):
        ids = {"pid": incoming(provider, consumer_pid=pid)["providerPid"], "other_pid": pid}
        with provider.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
            deliver.transfer_completed(tx, sender=case.BUYER_NODE, **ids)
    with pytest.raises(Refusal) as refused:
        incoming(provider, consumer_pid="cp-3")
    assert (refused.value.code, refused.value.facts["most"]) == ("CTR-508", 2)
    with provider.begin(NODE) as tx:
        case.move_business_clock(tx, "2026-03-04T00:00:00Z")
    assert incoming(provider, consumer_pid="cp-3")["state"] == "STARTED"


def test_a_start_is_sent_again_without_looking_through_all_that_was_ever_sent(wire: Wire, provider: Store) -> None:
    """Jobs that are done stay; who asks for the same transfer again and again costs no reading of them all."""
    lay_out(provider)
    incoming(provider)
    with provider.begin(NODE) as tx:
        tx.execute(jobs.jobs.update().values(state="done"))
    with asked_of(provider) as asked:
        assert incoming(provider)["state"] == "STARTED"
    with provider.read() as tx:
        (again,) = [job for job in jobs.open_jobs(tx) if job["kind"] == "dsp.transfer.send"]
    assert again["payload"]["act"] == "start"
    reading = [text for text in asked if text.startswith("SELECT") and "FROM job" in text]
    assert reading and "job" not in read_whole(provider, reading)


def test_a_pid_is_one_part_of_a_path_whatever_it_holds(wire: Wire, provider: Store) -> None:
    lay_out(provider)
    incoming(provider, consumer_pid="../../admin/delete?x=#")
    with provider.read() as tx:
        (job,) = [job for job in jobs.open_jobs(tx) if job["kind"] == "dsp.transfer.send"]
        row = tx.get(jobs.jobs, job["id"])
    assert row is not None
    assert row["payload"]["path"] == "/transfers/..%2F..%2Fadmin%2Fdelete%3Fx%3D%23/start"
    assert row["payload"]["callback"] == CALLBACK


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:9/delta-sharing", "https://provide00.test/x", "http://evil.test"]
)
def test_a_start_sends_us_nowhere_but_to_the_provider(wire: Wire, consumer: Store, endpoint: str) -> None:
    pid = request(consumer, "node")
    address = rules.data_address(Address(endpoint, "dt_" + "x" * 40, "", "agr-1"))
    with pytest.raises(Refusal) as refused, consumer.begin(case.peer(case.OWNER_NODE), "deliver") as tx:
        deliver.transfer_started(tx, sender=case.OWNER_NODE, pid=pid, data_address=address, other_pid="pp-1")
    assert (refused.value.code, refused.value.problems[0].where) == ("USE-400", "dataAddress.endpoint")
    assert states(consumer) == ["REQUESTED"]


def test_requests_are_idempotent_on_the_consumer_pid(wire: Wire, provider: Store) -> None:
    lay_out(provider)
    first = incoming(provider)
    again = incoming(provider)
    assert first == again and first["state"] == "STARTED" and first["@type"] == "TransferProcess"
    assert len(states(provider)) == 1


@pytest.mark.parametrize("other", [{"agreement_id": "agr-9"}, {"format": HTTP_PULL}])
def test_a_request_for_something_else_under_a_known_pid_is_refused(
    wire: Wire, provider: Store, other: dict[str, Any]
) -> None:
    lay_out(provider)
    incoming(provider)
    with pytest.raises(Refusal) as refused:
        incoming(provider, **other)
    assert refused.value.code == "CTR-409"
    assert len(states(provider)) == 1


@pytest.mark.parametrize("state", ["FINALIZED", "AGREED", "TERMINATED", "EXPIRED"])
def test_a_stranger_hears_of_anothers_contract_what_it_hears_of_none(wire: Wire, provider: Store, state: str) -> None:
    with provider.begin(case.person(), "test") as tx:
        tx.change(negotiate_rows.agreements, "agr-1", state=state)
    told = []
    for agreement in ("agr-1", "agr-9"):
        with pytest.raises(Refusal) as refused:
            incoming(provider, sender=case.OTHER_NODE, callback="http://other0000.test/dsp", agreement_id=agreement)
        told.append(str(refused.value).replace(agreement, ""))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sender": case.OTHER_NODE}, "USE-400"),
        ({"sender": case.OTHER_NODE, "callback": "http://other0000.test/dsp"}, "CTR-408"),
        ({"agreement_id": "agr-9"}, "CTR-408"),
        ({"format": "AmazonS3-PULL"}, "USE-415"),
        ({"callback": "file:///etc/passwd"}, "USE-400"),
        ({"callback": ""}, "USE-400"),
        ({"callback": "http://127.0.0.1:9/admin/delete"}, "USE-400"),
        ({"callback": "http://buyer0000.test:81/dsp"}, "USE-400"),
        ({"callback": "https://buyer0000.test/dsp"}, "USE-400"),
        ({"callback": "http://buyer0000.test@127.0.0.1/dsp"}, "USE-400"),
        ({"callback": "http://[/dsp"}, "USE-400"),
        ({"consumer_pid": 7}, "USE-400"),
        ({"consumer_pid": "x" * 201}, "USE-400"),
        ({"consumer_pid": "x" * 3000}, "USE-400"),
    ],
)
def test_bad_requests_leave_nothing(wire: Wire, provider: Store, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        incoming(provider, **changed)
    assert refused.value.code == code
    assert states(provider) == []


def test_a_process_is_its_counterpartys_alone(wire: Wire, provider: Store) -> None:
    lay_out(provider)
    pid = incoming(provider)["providerPid"]
    attempts = (
        lambda tx: deliver.transfer(tx, sender=case.OTHER_NODE, pid=pid),
        lambda tx: deliver.transfer_completed(tx, sender=case.OTHER_NODE, pid=pid),
        lambda tx: deliver.transfer_terminated(tx, sender=case.OTHER_NODE, pid=pid),
        lambda tx: deliver.transfer_terminated(tx, sender=case.BUYER_NODE, pid=pid, other_pid="cp-2"),
        lambda tx: deliver.transfer(tx, sender=case.BUYER_NODE, pid="transfer-unknown"),
    )
    for attempt in attempts:
        with pytest.raises(Refusal) as refused, provider.begin(case.peer(case.OTHER_NODE), "deliver") as tx:
            attempt(tx)
        assert refused.value.code == "USE-404"
    assert states(provider) == ["STARTED"]


def test_messages_in_a_wrong_state_and_replays(wire: Wire, provider: Store) -> None:
    pid = incoming(provider)["providerPid"]  # waits: nothing is laid ready
    peer = case.peer(case.BUYER_NODE)
    for call in (deliver.transfer_completed, deliver.transfer_suspended):
        with pytest.raises(Refusal) as refused, provider.begin(peer, "deliver") as tx:
            call(tx, sender=case.BUYER_NODE, pid=pid)
        assert refused.value.code == "USE-409"
    for _ in range(2):  # the second is the replay
        with provider.begin(peer, "deliver") as tx:
            answer = deliver.transfer_terminated(tx, sender=case.BUYER_NODE, pid=pid, code="x", reason=["why"])
            assert answer["state"] == "TERMINATED"
    with pytest.raises(Refusal), provider.begin(peer, "deliver") as tx:
        deliver.transfer_started(tx, sender=case.BUYER_NODE, pid=pid, data_address=None)


def test_a_file_that_is_not_as_announced_is_not_kept(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    with provider.read() as tx:
        (file,) = rows.rows(tx, rows.share_files)
    path = Path(provider.url.removeprefix("sqlite:///")).parent / file["path"]
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 1  # in the data: size and footer stay as they are
    path.write_bytes(content)
    request(consumer, "node")
    wire.settle()
    with consumer.read(case.person()) as tx:
        assert deliver.held(tx) == []
        failed = [job for job in jobs.open_jobs(tx) if job["state"] == "failed"]
        assert "USE-413" in failed[0]["last_error"]
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]


@pytest.mark.parametrize(
    "content",
    [b"", b"PAR1 and no more", b"PAR1" + bytes(64) + b"PAR1", b"a,b\n1,2\n"],
    ids=["empty", "cut", "void", "csv"],
)
def test_a_table_that_is_no_parquet_ends_the_transfer(
    wire: Wire, provider: Store, consumer: Store, content: bytes
) -> None:
    """It was pulled again and again, for ever."""

    def lie(profile: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        (table,) = fetch_tables(wire.caller, profile, folder)
        table["files"][0].write_bytes(content)
        return [{**table, "digest": digest_bytes(content), "announced_digest": None, "announced_rows": None}]

    lay_out(provider)
    pid = request(consumer, "node")
    wire.workers[1].handlers["deliver.fetch"] = deliver.fetch_job(consumer, lie)  # type: ignore[index]
    wire.settle()
    assert states(provider, consumer) == ["TERMINATED", "TERMINATED"]
    with consumer.read(case.person()) as tx:
        assert "USE-413" in tx.get(rows.processes, pid)["reason"][0]  # type: ignore[index]


@pytest.mark.parametrize("end", [deliver.received_ended, deliver.terminate, deliver.suspend])
def test_what_is_ended_while_it_is_pulled_is_not_kept(
    wire: Wire, provider: Store, consumer: Store, end: Callable[..., Any]
) -> None:
    """Its destruction was proved already."""
    lay_out(provider)
    pid = request(consumer, "node")

    def ended_meanwhile(profile: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        found = fetch_tables(wire.caller, profile, folder)
        said = {"agreement": "agr-1", "reason": "a doubt"}
        asked = {
            deliver.received_ended: {"sender": case.OWNER_NODE, "body": said},
            deliver.terminate: {"transfer": pid, "reason": "a doubt"},
            deliver.suspend: said,
        }
        with consumer.begin(case.person("legal", case.BUYER), "deliver") as tx:
            end(tx, **asked[end])
        return found

    wire.workers[1].handlers["deliver.fetch"] = deliver.fetch_job(consumer, ended_meanwhile)  # type: ignore[index]
    wire.settle()
    with consumer.read(case.person()) as tx:
        assert deliver.held(tx) == []
    if end is deliver.suspend:
        wire.workers[1].handlers["deliver.fetch"] = deliver.fetch_job(consumer, partial(fetch_tables, wire.caller))  # type: ignore[index]
        with consumer.begin(case.person("legal", case.BUYER), "deliver") as tx:
            deliver.resume(tx, agreement="agr-1")
        wire.settle()
        assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]


def test_what_had_come_when_its_provider_said_that_it_is_done_is_kept(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    lay_out(provider)
    pid = request(consumer, "node")

    def completed_meanwhile(profile: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        found = fetch_tables(wire.caller, profile, folder)
        with consumer.begin(case.peer(case.OWNER_NODE), "deliver") as tx:
            deliver.transfer_completed(tx, sender=case.OWNER_NODE, pid=pid)
        return found

    wire.workers[1].handlers["deliver.fetch"] = deliver.fetch_job(consumer, completed_meanwhile)  # type: ignore[index]
    wire.settle()
    with consumer.read(case.person()) as tx:
        assert len(deliver.held(tx)) == 1
        assert [job["last_error"] for job in jobs.open_jobs(tx)] == []


def test_a_pull_that_was_suspended_before_it_was_done_goes_on_when_its_consumer_resumes(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    """Nothing was pulled any more."""
    lay_out(provider)
    pid = request(consumer, "node")
    provider_worker, consumer_worker = wire.workers
    consumer_worker.run_due()  # the request
    provider_worker.run_due()  # the start
    with consumer.begin(case.person(party=case.BUYER), "deliver") as tx:
        deliver.suspend_transfer(tx, transfer=pid, reason="not today")
    wire.settle()
    assert states(provider, consumer) == ["SUSPENDED", "SUSPENDED"]
    with consumer.begin(case.person(party=case.BUYER), "deliver") as tx:
        deliver.resume_transfer(tx, transfer=pid)
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    with consumer.read(case.person()) as tx:
        assert len(deliver.held(tx)) == 1


def test_a_suspension_that_a_pull_meets_before_it_hears_of_it_does_not_end_the_transfer(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    lay_out(provider)
    request(consumer, "node")
    provider_worker, consumer_worker = wire.workers
    consumer_worker.run_due()  # the request
    provider_worker.run_due()  # the start
    with provider.begin(case.person("legal"), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="a doubt")
    consumer_worker.run_due()  # the pull: it is told 403
    assert states(consumer) == ["STARTED"]
    wire.settle()
    assert states(provider, consumer) == ["SUSPENDED", "SUSPENDED"]
    with provider.begin(case.person("legal"), "deliver") as tx:
        deliver.resume(tx, agreement="agr-1")
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]


def test_what_starts_while_its_consumer_holds_the_agreement_is_pulled_when_the_hold_ends(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    lay_out(provider)
    with consumer.begin(case.person("legal", case.BUYER), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="a doubt")
    request(consumer, "node")
    wire.settle()
    assert states(provider, consumer) == ["SUSPENDED", "SUSPENDED"]
    with consumer.begin(case.person("legal", case.BUYER), "deliver") as tx:
        assert deliver.held(tx) == []
        deliver.resume(tx, agreement="agr-1")
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]


def test_what_its_provider_starts_again_is_not_held_back_by_the_providers_own_stop(
    wire: Wire, provider: Store, consumer: Store
) -> None:
    """The start may be heard before the word that the stop is lifted: nobody here would take it up again."""
    lay_out(provider)
    with consumer.begin(NODE, "deliver") as tx:
        holding.hold(tx, "agr-1", "suspended", "an incident", provider=True)
    pid = request(consumer, "node")
    wire.settle()
    with consumer.begin(case.peer(case.OWNER_NODE), "deliver") as tx:
        deliver.received_stop_lifted(tx, sender=case.OWNER_NODE, body={"agreement": "agr-1"})
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"], pid


def test_a_pull_repeated_after_a_crash_changes_nothing(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    pid = request(consumer, "node")
    wire.settle()
    again = jobs.Job("job-x", "deliver.fetch", "deliver", {"transfer": pid}, 1, 1)
    deliver.fetch_job(consumer, partial(fetch_tables, wire.caller))(again)
    with consumer.read(case.person()) as tx:
        assert len(deliver.held(tx)) == 1


def test_a_start_sent_again_never_breaks_the_transfer(wire: Wire, provider: Store, consumer: Store) -> None:
    """The provider died after sending its start and sends it again, while the consumer pulls or when it is done."""
    lay_out(provider)
    request(consumer, "node")
    provider_worker, consumer_worker = wire.workers
    consumer_worker.run_due()  # the request
    provider_worker.run_due()  # the start
    with provider.begin(NODE, "deliver") as tx:
        grant = rows.rows(tx, rows.grants)[0]
        granting.new_token(tx, grant["id"])  # a second start was made, its message is still under way
        (process,) = rows.rows(tx, rows.processes)
    consumer_worker.run_due()
    assert states(consumer) == ["STARTED"], "an unknown token alone does not end it"
    again = {"pid": process["id"], "act": "start", "to": case.BUYER_NODE, "callback": CALLBACK,
             "path": f"/transfers/{process['peer_pid']}/start",
             "message": {"@type": "TransferStartMessage", "providerPid": process["id"], "consumerPid": process["peer_pid"]}}  # fmt: skip
    wire._carry(case.OWNER_NODE, jobs.Job("job-1", "dsp.transfer.send", "deliver", again, 2, 2))
    wire.settle()
    assert states(provider, consumer) == ["COMPLETED", "COMPLETED"]
    with consumer.begin(case.peer(case.OWNER_NODE), "deliver") as tx:
        told = deliver.transfer_started(tx, sender=case.OWNER_NODE, pid=process["peer_pid"], data_address=None)
    assert told["state"] == "COMPLETED"


def test_without_download_no_person_gets_a_profile(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    with pytest.raises(Refusal) as refused:
        request(consumer, "person")
    assert refused.value.code == "USE-403"
    request(consumer, "node")
    with consumer.begin(case.person(party=case.BUYER), "deliver") as tx:
        rows_of = rows.rows(tx, rows.processes)
        tx.change(rows.processes, rows_of[0]["id"], into="person")  # as if it had been asked before the contract
    with pytest.raises(Refusal) as refused, consumer.begin(case.person(party=case.BUYER), "deliver") as tx:
        deliver.profile(tx, agreement="agr-1")
    assert refused.value.code == "USE-403"
    with consumer.read(case.person()) as tx:
        assert {row["action"] for row in deliver.decisions(tx) if row["outcome"] != "allowed"} == {"download"}


def test_a_proof_names_everything_that_was_delivered(wire: Wire, provider: Store, consumer: Store) -> None:
    """Signed as it should be, but for nothing: a node that kept what it got."""
    lay_out(provider)
    request(consumer, "node")
    wire.settle()
    with consumer.read(case.person()) as tx:
        kept = signing.signed(
            tx, rules.destruction_proof(agreement="agr-1", node=case.BUYER_NODE, reason="over", at=case.NOW,
                                                by="node", keys=[], files=[], download_allowed=False),
        )  # fmt: skip
    with pytest.raises(Refusal) as refused, provider.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
        deliver.received_destruction_proof(tx, sender=case.BUYER_NODE, body=kept)
    assert refused.value.code == "USE-400" and "does not name 1 files" in str(refused.value)


def test_the_end_destroys_on_both_sides_and_the_proofs_hold(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    request(consumer, "node")
    wire.settle()
    folders = [Path(store.url.removeprefix("sqlite:///")).parent for store in (provider, consumer)]
    assert all(list(folder.glob("data/re*/*/*.parquet")) for folder in folders)
    code = "C211520100MBXDT00351520120260506090000KCBI6PASU"
    with provider.begin(NODE) as tx:
        tx.change(negotiate_rows.agreements, "agr-1", code=code)
    token_keys = [key_id(key_of_agreement(folders[0], name)) for name in ("agr-1", code)]  # a plan names it by either
    with provider.begin(case.person(), "deliver") as tx:
        deliver.end_agreement(tx, agreement="agr-1", reason="consent withdrawn")
    wire.settle()
    for name in ("agr-1", code):
        with pytest.raises(Refusal, match="DID-453"):
            key_of_agreement(folders[0], name)
    for folder in folders:
        assert not list(folder.glob("data/**/*.parquet"))
        assert not list(folder.glob("keys/grants/*"))
    with provider.read(case.person()) as tx:
        (ending,) = deliver.endings(tx)
        (file,) = rows.rows(tx, rows.share_files)
        keys = [grant["key_id"] for grant in rows.rows(tx, rows.grants)]
    assert ending["state"] == "destroyed"
    assert ending["proof"]["keys"] == sorted([*keys, *(f"treatment:{key}" for key in token_keys)])
    assert ending["proof"]["control"] == "complete"
    assert [f["digest"] for f in ending["proof"]["files"]] == [file["digest"]] and file["state"] == "destroyed"
    peer_proof = ending["peer_proof"]
    assert [(f["role"], f["digest"]) for f in peer_proof["files"]] == [("received", file["digest"])]
    for change in ({"reason": "another"}, {"files": []}, {"signatures": []}):
        with pytest.raises(Refusal) as refused, provider.begin(case.peer(case.BUYER_NODE), "deliver") as tx:
            deliver.received_destruction_proof(tx, sender=case.BUYER_NODE, body={**peer_proof, **change})
        assert refused.value.code == "USE-400"
    with pytest.raises(Refusal), provider.begin(case.peer(case.OTHER_NODE), "deliver") as tx:
        deliver.received_destruction_proof(tx, sender=case.OTHER_NODE, body=peer_proof)


def test_what_was_delivered_daily_for_years_is_destroyed_and_proven(wire: Wire, provider: Store) -> None:
    lay_out(provider)
    with provider.begin(NODE) as tx:
        (table,), (file,) = rows.rows(tx, rows.share_tables), rows.rows(tx, rows.share_files)
        for day in range(2, 1_102):
            tx.add(rows.share_tables, {**table, "id": f"share-{day}", "version": day})
            tx.add(rows.share_files, {**file, "id": f"file-{day}", "share_table": f"share-{day}"})
    with provider.begin(case.person(), "deliver") as tx:
        deliver.end_agreement(tx, agreement="agr-1", reason="over")
    wire.settle()
    with provider.read(case.person()) as tx:
        (ending,) = deliver.endings(tx)
    assert ending["state"] == "destroyed"
    assert len(ending["proof"]["files"]) == 1_101


def test_only_the_provider_ends_what_a_consumer_holds(wire: Wire, consumer: Store) -> None:
    with pytest.raises(Refusal) as refused, consumer.begin(case.peer(case.OTHER_NODE), "deliver") as tx:
        deliver.received_ended(tx, sender=case.OTHER_NODE, body={"agreement": "agr-1", "reason": "x"})
    assert refused.value.code == "USE-416"
    with pytest.raises(Refusal) as refused, consumer.begin(case.peer(case.OWNER_NODE), "deliver") as tx:
        deliver.received_ended(tx, sender=case.OWNER_NODE, body={"agreement": ["agr-1"]})
    assert refused.value.code == "USE-400"
    with consumer.read(case.person()) as tx:
        assert deliver.endings(tx) == []


LATER = {"left": "time", "op": "gteq", "right": "2026-05-01T00:00:00Z"}
LET_OUT = [
    {"action": "download"},
    {"action": "download", "target": case.RESOURCE, "assignee": case.BUYER},
    {"action": "download", "constraints": [LATER]},
    {"action": "download", "constraints": [{"left": "count", "op": "gt", "right": "1"}]},
]


@pytest.mark.parametrize("rule", LET_OUT, ids=["at once", "of this to this party", "later", "after the first"])
def test_where_download_was_allowed_the_proof_says_so(provider: Store, consumer: Store, rule: dict[str, Any]) -> None:
    permissions = [*case.OPEN_POLICY["permissions"], rule]
    for store in (provider, consumer):
        with store.begin(NODE) as tx:
            case.agree(tx, policy_json={**case.OPEN_POLICY, "permissions": permissions})
    wire = Wire(provider, consumer)
    lay_out(provider)
    with provider.begin(case.person(), "deliver") as tx:
        deliver.end_agreement(tx, agreement="agr-1", reason="over")
    wire.settle()
    with provider.read(case.person()) as tx:
        (ending,) = deliver.endings(tx)
        assert ending["proof"]["control"] == "ends at download" and ending["peer_proof"] is not None


def test_a_refused_start_ends_the_process_and_its_grant(wire: Wire, provider: Store, consumer: Store) -> None:
    lay_out(provider)
    pid = incoming(provider)["providerPid"]  # no such process at the consumer
    wire.settle()
    with provider.read(case.person()) as tx:
        (process,) = deliver.transfers(tx)
        assert (process["id"], process["state"], process["code"]) == (pid, "TERMINATED", "refused")
        assert [grant["state"] for grant in deliver.grants(tx)] == ["ended"]


def test_only_the_consumer_may_ask(wire: Wire, provider: Store) -> None:
    with pytest.raises(Refusal) as refused, provider.begin(case.person(), "deliver") as tx:
        deliver.request_transfer(tx, agreement="agr-1", into="node")
    assert refused.value.code == "USE-416"
