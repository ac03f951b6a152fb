"""Assessment records: the calibration of the rules, independence, signatures, expiry, which record counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deidentify_world import BUREAU, GOOD, GROUP, PROVIDER, actor, assessed, introduce, new_node, set_clock, withdrawn
from sqlalchemy import select

from datong.deidentify import service as deidentify
from datong.deidentify.rules import assessment as rules
from datong.ground import jobs, signing
from datong.ground.db import Store
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal

RULES = rules.rules_in_force()
DR_C = 0.154
"""Average class risk of the real bike counts at k = 5."""


def test_all_good_passes_and_any_one_answer_worse_does_not() -> None:
    """The calibration that the rule file promises."""
    assert sorted(GOOD) == sorted(q["id"] for q in RULES["questions"])
    good = rules.threats(RULES, GOOD)
    assert good.cr == 0.25 and good.cr * DR_C < 0.05
    for question in GOOD:
        for worse in ("partial", "none"):
            cr = rules.threats(RULES, {**GOOD, question: worse}).cr
            assert cr >= 0.33 and cr * DR_C >= 0.05, (question, worse)
    for decisive in ("purpose_limited", "no_reidentification"):
        assert rules.threats(RULES, {**GOOD, decisive: "none"}).cr == 1.0


def test_worse_answers_never_lower_a_threat() -> None:
    order = list(rules.ANSWERS)
    for question in GOOD:
        steps = [rules.threats(RULES, {**GOOD, question: answer}) for answer in order]
        assert steps[0].t1 <= steps[1].t1 <= steps[2].t1 <= 1
        assert steps[0].t2 <= steps[1].t2 <= steps[2].t2 <= 1
        assert steps[0].t3 <= steps[1].t3 <= steps[2].t3 <= 1
    assert rules.threats(RULES, dict.fromkeys(GOOD, "none")).cr == 1.0


def test_the_rule_file_says_what_it_is() -> None:
    text = (Path(rules.__file__).parents[1] / "data" / rules.RULES_FILE).read_text("utf-8")
    assert "[D]" in text and RULES["dated"].isoformat() == "2026-01-01"
    assert all(q["zh"] and q["en"] and q["threats"] for q in RULES["questions"])


@pytest.fixture
def bureau(tmp_path: Path) -> Iterator[Store]:
    opened = new_node(tmp_path / "bureau", BUREAU)
    yield opened
    opened.dispose()


@pytest.fixture
def provider(tmp_path: Path, bureau: Store) -> Iterator[Store]:
    opened = new_node(tmp_path / "provider", PROVIDER)
    introduce(opened, bureau)
    yield opened
    opened.dispose()


def current(at: Store, providers: list[str] | None = None, subject: str = "R-BIKE") -> Any:
    with at.read() as tx:
        return deidentify.assessment_for(tx, recipient_group=GROUP, subject=subject, providers=providers or [PROVIDER])


def assess(bureau: Store, party: str = BUREAU, role: str = "assessor", **items: Any) -> dict[str, Any]:
    asked = {
        "provider_parties": [PROVIDER], "recipient_group": GROUP, "subject": "R-BIKE", "answers": GOOD,
        "expires": "2026-12-31", "nodes": ["N-1", "N-2"], **items,
    }  # fmt: skip
    with bureau.begin(actor(role, party), "deidentify") as tx:
        return deidentify.assess(tx, **asked)


def test_a_record_is_signed_sent_checked_and_in_force(bureau: Store, provider: Store) -> None:
    record = assess(bureau)
    assert record["cr"] == 0.25 and record["signatures"][0]["party"] == BUREAU
    with bureau.read() as tx:
        sent = tx.all(select(jobs.jobs.c.payload))
    assert sorted(row.payload["to"] for row in sent) == ["N-1", "N-2"]
    assert current(provider) is None
    with provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)  # again: nothing
    assert current(provider)["id"] == record["id"]
    assert current(provider, ["somebody else"]) is None
    assert current(provider, subject="R-OTHER") is None


def test_it_expires_by_the_business_clock(bureau: Store, provider: Store) -> None:
    assessed(bureau, provider, "R-BIKE", expires="2026-03-10")
    set_clock(provider, "2026-03-09T15:59:59Z")
    assert current(provider)
    set_clock(provider, "2026-03-09T16:00:00Z")  # the tenth begins in Beijing, not in Greenwich
    assert current(provider) is None


def test_of_several_records_the_worst_counts_in_whatever_order(bureau: Store, provider: Store) -> None:
    good = assessed(bureau, provider, "R-BIKE")
    worse = assessed(bureau, provider, "R-BIKE", answers={"logging": "partial"}, expires="2026-06-30")
    assert (good["serial"], worse["serial"]) == (1, 2)
    assert current(provider)["id"] == worse["id"]
    latest = assessed(bureau, provider, "R-BIKE")
    assert current(provider)["id"] == worse["id"], "a good record cannot whitewash"
    withdrawn(bureau, provider, worse)
    assert current(provider)["id"] == latest["id"]
    short = assessed(bureau, provider, "R-BIKE", answers={"logging": "none"}, expires="2026-04-01")
    assert current(provider)["id"] == short["id"]
    set_clock(provider, "2026-04-01T00:00:00Z")
    assert current(provider)["id"] == latest["id"], "it counts until it expires"


def test_withdrawing_tells_every_node_that_holds_it(bureau: Store, provider: Store) -> None:
    record = assessed(bureau, provider, "R-BIKE", nodes=["N-1", "N-2", f"N-{BUREAU}"])
    with bureau.begin(actor("assessor", BUREAU), "deidentify") as tx:
        notice = deidentify.withdraw_assessment(tx, assessment=record["id"], reason="the lab keeps a register")
    assert current(bureau) is None
    with bureau.read() as tx:
        sent = [row.payload for row in tx.all(select(jobs.jobs.c.payload))]
    told = [m for m in sent if m["type"] == "deidentify.assessment_withdrawn"]
    assert sorted(m["to"] for m in told) == ["N-1", "N-2"] and told[0]["body"] == notice
    assert current(provider), "not heard yet"
    for _ in range(2):  # delivered twice
        with provider.begin(actor("peer", BUREAU)) as tx:
            deidentify.received_assessment_withdrawn(tx, sender=f"N-{BUREAU}", body=notice)
    assert current(provider) is None
    with provider.read(actor("auditor", PROVIDER)) as tx:
        assert deidentify.assessments(tx)[0]["withdrawn_at"] == notice["withdrawn_at"]
    with pytest.raises(Refusal) as refusal, bureau.begin(actor("assessor", BUREAU)) as tx:
        deidentify.withdraw_assessment(tx, assessment=record["id"], reason="again")
    assert refusal.value.code == "DID-408"


def test_only_who_signed_a_record_withdraws_it(bureau: Store, provider: Store, tmp_path: Path) -> None:
    record = assessed(bureau, provider, "R-BIKE")
    with pytest.raises(Refusal) as refusal, provider.begin(actor("assessor", PROVIDER)) as tx:
        deidentify.withdraw_assessment(tx, assessment=record["id"], reason="it is in our way")
    assert refusal.value.code == "DID-407"
    with bureau.read(actor("assessor", BUREAU)) as tx:
        notice = signing.signed(tx, {"assessment": record["id"], "reason": "x", "withdrawn_at": tx.now})
    stranger = new_node(tmp_path / "stranger", "91520100STRANGER01")
    introduce(provider, stranger)
    with stranger.read(actor("assessor", "91520100STRANGER01")) as tx:
        theirs = signing.signed(tx, {**notice, "signatures": []})
    stranger.dispose()
    for sender, body, code in (
        ("N-91520100STRANGER01", theirs, "DID-403"),
        ("N-91520100STRANGER01", notice, "DID-403"),
        (f"N-{BUREAU}", {**notice, "reason": "y"}, "DID-403"),
        (f"N-{BUREAU}", {**notice, "assessment": "assessment-none"}, "DID-409"),
        (f"N-{BUREAU}", {"assessment": record["id"]}, "DID-401"),
    ):
        with pytest.raises(Refusal) as refused, provider.begin(actor("peer", BUREAU)) as tx:
            deidentify.received_assessment_withdrawn(tx, sender=sender, body=body)
        assert refused.value.code == code, (sender, body)
    assert current(provider)["id"] == record["id"]


def test_a_stranger_may_not_assess(bureau: Store, provider: Store, tmp_path: Path) -> None:
    """A node that is no function node: neither at itself nor by a record it signs and sends."""
    party = "91520100STRANGER01"
    stranger = new_node(tmp_path / "stranger", party)
    introduce(provider, stranger)
    with pytest.raises(Refusal) as refusal:
        assess(stranger, party=party)
    assert refusal.value.code == "DID-405"
    record = {**assess(bureau), "assessor_party": party, "signatures": []}
    with stranger.read(actor("assessor", party)) as tx:
        record = signing.signed(tx, record)
    stranger.dispose()
    with pytest.raises(Refusal) as refusal, provider.begin(actor("peer", party)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{party}", body=record)
    assert refusal.value.code == "DID-405"
    assert current(provider) is None


def test_a_record_of_tomorrow_is_not_taken_today(bureau: Store, provider: Store) -> None:
    set_clock(bureau, "2026-03-03T01:00:00Z")
    record = assess(bureau)
    with pytest.raises(Refusal) as refusal, provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)
    assert refusal.value.code == "DID-406" and refusal.value.kind == "unavailable", "the sender tries again"
    set_clock(provider, "2026-03-03T01:00:00Z")
    with provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=record)
    assert current(provider)


@pytest.mark.parametrize("concerned", [{"provider_parties": [PROVIDER, BUREAU]}, {"recipient_group": BUREAU}])
def test_neither_provider_nor_recipient_may_assess(bureau: Store, concerned: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        assess(bureau, **concerned)
    assert refusal.value.code == "DID-402"


def test_a_person_of_the_provider_at_the_bureaus_node_may_not_either(bureau: Store) -> None:
    with pytest.raises(Refusal) as refusal:
        assess(bureau, party=PROVIDER)
    assert refusal.value.code == "DID-402"


def test_only_an_assessor_assesses(bureau: Store) -> None:
    with pytest.raises(Refusal) as refusal:
        assess(bureau, role="product_manager")
    assert refusal.value.code == "GEN-403"


def test_every_wrong_answer_is_told(bureau: Store) -> None:
    answers = {**GOOD, "logging": "excellent", "weather": "good"}
    del answers["penalty"]
    with pytest.raises(Refusal) as refusal:
        assess(bureau, answers=answers, expires="2030-01-01", provider_parties=[])
    places = {p.where for p in refusal.value.problems}
    assert refusal.value.code == "DID-401"
    assert places == {"answers.logging", "answers.weather", "answers.penalty", "expires", "provider_parties"}


def forged(bureau: Store, record: dict[str, Any], *, sign: bool = True, **items: Any) -> dict[str, Any]:
    """The record changed, and signed again by the bureau's node where `sign`."""
    changed = {**record, **items}
    if not sign:
        return changed
    with bureau.read(actor("assessor", BUREAU)) as tx:
        return signing.signed(tx, {**changed, "signatures": []})


@pytest.mark.parametrize(
    ("items", "sign", "code"),
    [
        ({"cr": 0.1}, True, "DID-401"),  # not what the answers give
        ({"t1": 0.1, "t2": 0.1, "t3": 0.1, "cr": 0.1}, True, "DID-401"),
        ({"rules": "sha256:00"}, True, "DID-401"),
        ({"expires": "2099-01-01"}, True, "DID-401"),
        ({"answers": {}}, True, "DID-401"),
        ({"extra": 1}, True, "DID-401"),
        ({"serial": "1"}, True, "DID-401"),
        ({"expires": "2026-11-30"}, False, "DID-403"),  # changed after the signature
        ({"subject": "R-OTHER"}, False, "DID-403"),
        ({"assessor": "p-9"}, True, "DID-403"),  # signed by another person than it names
        ({"assessor_party": PROVIDER}, True, "DID-402"),
        ({"recipient_group": BUREAU}, True, "DID-402"),
        ({"assessor_party": "91520100STRANGER01"}, True, "DID-403"),
        ({"signatures": []}, False, "DID-403"),
        ({"signatures": ["x"]}, False, "DID-403"),
    ],
)
def test_forged_records_are_refused(
    bureau: Store, provider: Store, items: dict[str, Any], sign: bool, code: str
) -> None:
    body = forged(bureau, assess(bureau), sign=sign, **items)
    with pytest.raises(Refusal) as refusal, provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=body)
    assert refusal.value.code == code
    assert current(provider) is None


def test_a_signature_by_another_key_is_refused(bureau: Store, provider: Store) -> None:
    record = assess(bureau)
    with bureau.read() as tx:
        me = signing.me(tx)
    signing.install(bureau, PrivateKey.new(), me)
    body = forged(bureau, record)
    with pytest.raises(Refusal) as refusal, provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=body)
    assert refusal.value.code == "DID-403"


def test_an_id_used_for_another_record_is_refused(bureau: Store, provider: Store) -> None:
    record = assessed(bureau, provider, "R-BIKE")
    body = forged(bureau, record, expires="2026-06-30")
    with pytest.raises(Refusal) as refusal, provider.begin(actor("peer", BUREAU)) as tx:
        deidentify.received_assessment(tx, sender=f"N-{BUREAU}", body=body)
    assert refusal.value.code == "DID-401"
