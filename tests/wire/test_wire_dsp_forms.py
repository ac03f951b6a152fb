"""Our values as negotiation messages and back: what an Agreement may say, and how each act is spoken."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from datong.ground import codes
from datong.ground.refusal import Refusal
from datong.negotiate.model import Act
from datong.terms.policy import from_json, policy_hash, to_json
from datong.wire.dsp import forms
from datong.wire.dsp.messages import problems

POLICY = to_json(from_json({"id": "offer-1", "permissions": [{"action": "delivery"}]}))
PROVIDER, CONSUMER = (codes.node_code("5", "91520000MA6GROUP01", "5201", name) for name in ("SELLER00", "BUYER000"))
CODE = codes.contract_code("5", "91520000MA6GROUP01", "5201", datetime(2026, 3, 2, tzinfo=UTC), "A1B2C3D4")
AGREEMENT: dict[str, Any] = {
    "id": "agr-1", "dataset": "P-1", "provider": PROVIDER, "consumer": CONSUMER, "policy": {**POLICY, "id": "agr-1"},
    "agreed_at": "2026-03-01T00:00:00Z", "terms": {"k": 5}, "signatures": [{"by": PROVIDER}], "code": "",
    "offer_id": "offer-1", "provider_party": "A", "consumer_party": "B", "policy_hash": policy_hash(from_json(POLICY)),
    "from": "2026-03-01T00:00:00Z", "until": "2027-03-01T00:00:00Z",
}  # fmt: skip


def test_an_agreement_survives_the_wire() -> None:
    written = forms.agreement_message(AGREEMENT)
    assert forms.read_agreement(written) == AGREEMENT


def test_a_peer_without_these_terms_is_sent_none_of_them() -> None:
    own = {forms.TERMS, forms.CONTRACT, forms.SIGNATURES}
    for signs, terms, told in ((True, True, own), (True, False, own), (False, True, own), (False, False, set())):
        written = forms.agreement_message(AGREEMENT, signs=signs, terms=terms)
        assert own & set(written) == told


def test_participants_are_called_by_their_ids_and_known_by_their_codes() -> None:
    names = {PROVIDER: "did:web:p", CONSUMER: "did:web:c"}
    written = forms.agreement_message(AGREEMENT, names)
    assert (written["assigner"], written["assignee"]) == ("did:web:p", "did:web:c")
    read = forms.read_agreement(written, {name: code for code, name in names.items()})
    assert (read["provider"], read["consumer"]) == (PROVIDER, CONSUMER)


@pytest.mark.parametrize(
    ("changed", "places"),
    [
        ({forms.CONTRACT: []}, ["agreement.datong:contract"]),
        ({forms.CONTRACT: {"code": 5}}, ["agreement.datong:contract"]),
        ({forms.CONTRACT: {"code": None}}, []),
        ({forms.TERMS: []}, ["agreement.datong:terms"]),
        ({forms.SIGNATURES: {}}, ["agreement.datong:signatures"]),
        ({forms.SIGNATURES: [5]}, ["agreement.datong:signatures"]),
        ({forms.CONTRACT: 5, forms.TERMS: 5}, ["agreement.datong:contract", "agreement.datong:terms"]),
        ({"@id": "a" * 80}, []),
        ({"@id": "a" * 81}, ["agreement.@id"]),
        ({"@id": "a"}, []),
        ({"@id": ""}, ["agreement.@id"]),
        ({forms.CONTRACT: {"from": "2026-03-01T00:00:00.123456+00:00"}}, []),
        ({forms.CONTRACT: {"from": "2026-03-01T00:00:00.1234567+00:00"}}, ["agreement.datong:contract.from"]),
        ({"timestamp": "soon"}, ["agreement.timestamp"]),
        ({forms.CONTRACT: {"from": "x", "until": "9" * 33}}, ["agreement.datong:contract.from", "agreement.datong:contract.until"]),
        ({forms.CONTRACT: {"code": "no code"}}, ["agreement.datong:contract.code"]),
        ({forms.CONTRACT: {"code": ""}}, []),
        ({forms.CONTRACT: {"code": CODE}}, []),
    ],
)  # fmt: skip
def test_what_no_agreement_can_say(changed: dict[str, Any], places: list[str]) -> None:
    written = {**forms.agreement_message(AGREEMENT), **changed}
    if not places:
        forms.read_agreement(written)
        return
    with pytest.raises(Refusal) as refused:
        forms.read_agreement(written)
    assert (refused.value.code, [problem.where for problem in refused.value.problems]) == ("DSP-400", places)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2026-03-01T08:00:00.123456789+08:00", "2026-03-01T00:00:00.123456Z"),
        ("2026-03-01T00:00:00", "2026-03-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
    ],
)
def test_a_peers_timestamp_is_kept_as_an_instant(written: str, kept: str) -> None:
    assert forms.read_agreement({**forms.agreement_message(AGREEMENT), "timestamp": written})["agreed_at"] == kept


def test_what_a_peer_left_out_is_not_made_up() -> None:
    bare = forms.agreement_message(AGREEMENT, signs=False, terms=False)
    read = forms.read_agreement({name: value for name, value in bare.items() if name != "timestamp"})
    assert set(read) == {"id", "dataset", "provider", "consumer", "policy", "signatures"}
    assert read["signatures"] == []


def test_an_offer_is_about_one_dataset() -> None:
    offer = {"id": "offer-1", "dataset": "P-1", "policy": POLICY, "terms": {"k": 5}}
    assert forms.read_offer(forms.offer_message(offer)) == offer
    other = {**offer, "policy": {**POLICY, "id": "drawn up under another name"}}
    assert forms.offer_message(other) == forms.offer_message(offer)
    assert forms.catalogue_offer(other) == forms.catalogue_offer(offer)
    shown = forms.catalogue_offer(offer)
    assert "target" not in shown
    assert forms.read_offer(shown, "P-1") == offer
    assert forms.read_offer({k: v for k, v in shown.items() if k != forms.TERMS}, "P-1")["terms"] == {}
    for value in (shown, {**shown, "target": 5}, {**shown, "target": ""}):
        with pytest.raises(Refusal) as refused:
            forms.read_offer(value)
        assert [problem.where for problem in refused.value.problems] == ["offer.target"]


OFFER = {"id": "offer-1", "dataset": "P-1", "policy": POLICY, "terms": {}}
SPOKEN = [
    (Act.request, OFFER, "request", "ContractRequestMessage"),
    (Act.offer, OFFER, "offers", "ContractOfferMessage"),
    (Act.accept, {}, "events", "ContractNegotiationEventMessage"),
    (Act.agree, AGREEMENT, "agreement", "ContractAgreementMessage"),
    (Act.verify, {"signatures": []}, "agreement/verification", "ContractAgreementVerificationMessage"),
    (Act.finalize, {}, "events", "ContractNegotiationEventMessage"),
    (Act.terminate, {"code": "CTR-1", "en": "why", "zh": "因"}, "termination", "ContractNegotiationTerminationMessage"),
]


@pytest.mark.parametrize(("act", "body", "path", "kind"), SPOKEN)
@pytest.mark.parametrize("side", ["consumer", "provider"])
def test_how_each_act_is_spoken(act: Act, body: dict[str, Any], path: str, kind: str, side: str) -> None:
    said = {"act": act.value, "body": body, "pid": "mine", "peer_pid": "the/ir", "side": side, "opening": False,
            "message": "urn:uuid:1"}  # fmt: skip
    where, message = forms.message_of(said, "http://me.test/dsp")
    assert (where, message["@type"], message["@id"]) == (f"/negotiations/the%2Fir/{path}", kind, "urn:uuid:1")
    mine, theirs = ("consumerPid", "providerPid") if side == "consumer" else ("providerPid", "consumerPid")
    assert (message[mine], message[theirs]) == ("mine", "the/ir")
    assert "callbackAddress" not in message
    assert problems(message) == []
    if act is Act.terminate:
        assert (message["code"], message["reason"]) == ("CTR-1", ["why", "因"])


@pytest.mark.parametrize(
    ("act", "own", "path"), [(Act.request, "consumerPid", "request"), (Act.offer, "providerPid", "offers")]
)
def test_an_opening_names_one_pid_and_where_to_answer(act: Act, own: str, path: str) -> None:
    said = {"act": act.value, "body": OFFER, "pid": "mine", "peer_pid": "", "opening": True, "message": "urn:uuid:1",
            "side": own.removesuffix("Pid")}  # fmt: skip
    where, message = forms.message_of(said, "http://me.test/dsp")
    assert (where, message[own], message["callbackAddress"]) == (f"/negotiations/{path}", "mine", "http://me.test/dsp")
    assert len({"consumerPid", "providerPid"} & set(message)) == 1
