"""What becomes of a coded registration: renewed, cancelled, revoked, over real stores and real messages."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from register_country import NAMES, Country, changed_past_the_log, declared
from test_register_cases import AFTER_PUBLICITY, BIKES, BUREAU, TRAFFIC, filed, publicised, refusal, registry

from datong.authorise import service as authorise
from datong.ground import signing
from datong.ground.jobs import jobs
from datong.register import rules, store
from datong.register import service as register
from datong.register.model.cases import GROUNDS, OVER, WITH_CODE, State

LAST = "2029-03-17"
"""Of what is coded on 2026-03-17."""


def coded(country: Country, node: str = TRAFFIC, **draft: Any) -> tuple[str, str, str]:
    """(resource id, case id, code) of a registration that is valid to 2029-03-17."""
    country.join(TRAFFIC, BIKES)
    resource, case = filed(country, node)
    publicised(country, case)
    country.move_to(AFTER_PUBLICITY)
    return resource, case, registry(country, "registrar", register.code_case, case=case)["code"]


def on(country: Country, day: str) -> None:
    country.move_to(datetime.fromisoformat(f"{day}T01:00:00").replace(tzinfo=UTC))


def cancel(country: Country, case: str, ground: str = "given_up", reason: str = "不再持有") -> Any:
    answer = country.as_(TRAFFIC, "legal", register.apply_to_cancel, case=case, ground=ground, reason=reason)
    country.post()
    return answer


def renew(country: Country, case: str, **more: Any) -> None:
    asked = {"case": case, "reason": "继续运营", **more}
    country.as_(TRAFFIC, "data_engineer", register.apply_to_renew, "数据处", **asked)
    country.post()


def state(country: Country, case: str, node: str = BUREAU) -> str:
    return str(country.view(node, register.case, case=case)["state"])


def gaps(country: Country, node: str, code: str) -> list[str]:
    """What builds, listings, contracts and deliveries of a node are told of a registration."""
    return [problem.en for problem in country.view(node, authorise.unregistered, code=code)]


def test_a_registrant_has_its_registration_cancelled_and_every_node_stops(country: Country) -> None:
    _resource, case, code = coded(country)
    assert [gaps(country, node, code) for node in (BUREAU, TRAFFIC, BIKES)] == [[], [], []]
    cancel(country, case)
    early = refusal(registry, country, "registrar", register.end_registration, case=case, reason="核实")
    assert (early.code, "accept, reject" in str(early)) == ("REG-410", True)
    for node in (BUREAU, TRAFFIC):
        assert state(country, case, node) == "CANCELLATION_FILED"
        assert gaps(country, node, code) == [], "it stands while its cancellation is applied for"
    due = country.view(BUREAU, register.case, case=case)["deadline"]
    assert (due["holder"], due["article"]) == ("registrar", "art. 10")
    registry(country, "registrar", register.accept_case, case=case)
    due = country.view(BUREAU, register.case, case=case)["deadline"]
    assert (due["day"], due["article"]) == ("2026-03-31", "art. 9(4)"), "ten working days from acceptance"
    ended = registry(country, "registrar", register.end_registration, case=case, reason="核实无误")
    assert (ended["state"], ended["code"], ended["deadline"], ended["open"]) == ("CANCELLED", code, None, [])
    for node in (BUREAU, TRAFFIC, BIKES):
        assert country.view(node, register.registration_state, code_or_id=code) == "ENDED"
        assert ["cancelled or revoked" in gap for gap in gaps(country, node, code)] == [True]
        assert country.view(node, register.over, data_codes=[code, "7-unknown"]) == {code}
    assert state(country, case, TRAFFIC) == "CANCELLED"
    told = country.as_(BUREAU, "registrar", register.ledger)
    assert (told["entries"], told["tombstones"]) == ([], [code])
    assert country.view(BIKES, register.registered_to, code=code) == frozenset()
    acts = [line["act"] for line in country.view(TRAFFIC, register.case, case=case)["history"]]
    assert acts[-3:] == ["apply_to_cancel", "accept", "cancel"]
    assert not country.refused
    assert [changed_past_the_log(country, node) for node in (BUREAU, TRAFFIC)] == [[], []]
    late = refusal(country.as_, TRAFFIC, "legal", register.change_licence, of=code, licence="x", reason="x",
                   licence_terms={"commercial": True, "derivatives": True, "attribution": "a"})  # fmt: skip
    assert late.code == "REG-426"


def test_what_was_cancelled_is_registered_anew_under_a_new_code(country: Country) -> None:
    resource, case, code = coded(country)
    cancel(country, case)
    registry(country, "registrar", register.accept_case, case=case)
    registry(country, "registrar", register.end_registration, case=case, reason="核实无误")
    country.as_(TRAFFIC, "data_engineer", register.amend_description, of=resource, changes={"abstract": "改过的描述。"})
    draft = {"of": resource, "materials": {"products": "流量"}}
    again = country.as_(TRAFFIC, "data_engineer", register.draft_case, "数据处", **draft)["id"]
    country.as_(TRAFFIC, "data_engineer", register.submit_case, "数据处", case=again)
    country.post()
    publicised(country, again)
    on(country, "2026-04-02")
    second = registry(country, "registrar", register.code_case, case=again)["code"]
    own = country.view(TRAFFIC, register.resource, code_or_id=resource)
    assert (own["code"], own["state"], own["abstract"], second != code) == (second, "CODED", "改过的描述。", True)
    assert gaps(country, BIKES, second) == [] != gaps(country, BIKES, code)
    assert not country.refused


def test_a_cancellation_that_is_not_accepted_leaves_the_registration_as_it_was(country: Country) -> None:
    _resource, case, code = coded(country)
    cancel(country, case)
    assert refusal(registry, country, "registrar", register.reject_case, case=case, reasons=" ").code == "GEN-420"
    registry(country, "registrar", register.reject_case, case=case, reasons="合约未了结")
    for node in (BUREAU, TRAFFIC):
        shown = country.view(node, register.case, case=case)
        assert (shown["state"], shown["code"], shown["valid_until"]) == ("CODED", code, LAST)
    assert gaps(country, BIKES, code) == []
    cancel(country, case, "lost")
    assert state(country, case) == "CANCELLATION_FILED", "it may be applied for again"
    assert not country.refused


def test_asked_twice_before_the_answer_it_is_filed_once(country: Country) -> None:
    _resource, case, _code = coded(country)
    asked = {"case": case, "ground": "lost", "reason": "毁损"}
    for _ in range(2):
        country.as_(TRAFFIC, "legal", register.apply_to_cancel, **asked)
    country.post()
    acts = [line["act"] for line in country.view(BUREAU, register.case, case=case)["history"]]
    assert (acts.count("apply_to_cancel"), country.refused) == (1, [])


@pytest.mark.parametrize(("day", "why"), [("2029-01-15", "from 2029-01-16 on"), ("2029-03-18", "has lapsed")])
def test_renewal_is_applied_for_within_the_sixty_days_before_the_last(country: Country, day: str, why: str) -> None:
    _resource, case, _code = coded(country)
    on(country, day)
    refused = refusal(renew, country, case)
    assert (refused.code, why in str(refused)) == ("REG-431", True)
    assert state(country, case) == "CODED"


def test_a_renewal_is_reviewed_by_another_and_counts_from_the_last_day(country: Country) -> None:
    _resource, case, code = coded(country)
    on(country, "2029-01-16")
    renew(country, case)
    registry(country, "registrar", register.accept_case, case=case)
    assert country.view(BUREAU, register.case, case=case)["deadline"]["article"] == "art. 11"
    on(country, "2029-03-19")
    assert ["was valid until 2029-03-17" in gap for gap in gaps(country, BIKES, code)] == [True]
    assert country.view(BIKES, register.over, data_codes=[code]) == {code}
    shown = registry(country, "reviewer", register.review_case, case=case)
    assert (shown["state"], shown["valid_until"]) == ("CODED", "2032-03-17")
    for node in (BUREAU, TRAFFIC, BIKES):
        assert country.view(node, register.registration, code_or_id=code) == ("CODED", "2032-03-17")
        assert gaps(country, node, code) == []
    assert state(country, case, TRAFFIC) == "CODED"
    on(country, "2032-03-01")
    renew(country, case)
    registry(country, "registrar", register.accept_case, case=case)
    registry(country, "reviewer", register.review_case, case=case)
    assert country.view(TRAFFIC, register.case, case=case)["valid_until"] == "2035-03-17"
    assert country.view(BIKES, register.registration, code_or_id=code)[1] == "2035-03-17"
    assert not country.refused


def test_who_applied_for_a_renewal_does_not_review_it(country: Country) -> None:
    country.join(TRAFFIC)
    thing = declared(country, BUREAU)
    draft = {"of": thing["id"], "materials": {"products": "x"}}
    case = country.as_(BUREAU, "data_engineer", register.draft_case, "数据处", **draft)["id"]
    country.as_(BUREAU, "data_engineer", register.submit_case, "数据处", case=case)
    publicised(country, case)
    country.move_to(AFTER_PUBLICITY)
    registry(country, "registrar", register.code_case, case=case)
    on(country, "2029-03-01")
    both = country.person(BUREAU, "data_engineer", "reviewer", department="审核二科")
    country.act(BUREAU, both, register.apply_to_renew, case=case, reason="继续")
    registry(country, "registrar", register.accept_case, case=case)
    assert refusal(country.act, BUREAU, both, register.review_case, case=case).code == "REG-411"
    same = refusal(country.as_, BUREAU, "reviewer", register.review_case, "审核二科", case=case)
    assert same.code == "REG-412"
    registry(country, "reviewer", register.review_case, case=case)
    assert country.view(BUREAU, register.case, case=case)["valid_until"] == "2032-03-17"


@pytest.mark.parametrize("passed_by", ["registrar", "reviewer"])
def test_a_renewal_that_does_not_pass_leaves_the_last_day(country: Country, passed_by: str) -> None:
    _resource, case, code = coded(country)
    on(country, "2029-03-01")
    renew(country, case)
    if passed_by == "reviewer":
        registry(country, "registrar", register.accept_case, case=case)
        registry(country, "reviewer", register.review_case, case=case, passed=False, remarks="证明不足")
    else:
        registry(country, "registrar", register.reject_case, case=case, reasons="证明不足")
    assert state(country, case, TRAFFIC) == "CODED"
    assert country.view(BIKES, register.registration, code_or_id=code) == ("CODED", LAST)


def test_what_lapsed_is_cancelled_by_the_registry_and_not_a_day_before(country: Country) -> None:
    _resource, case, code = coded(country)
    on(country, LAST)
    early = refusal(registry, country, "registrar", register.end_registration, case=case, reason="期满",
                    ground="not_renewed")  # fmt: skip
    assert early.code == "REG-432" and LAST in str(early)
    on(country, "2029-03-18")
    assert case in country.view(BUREAU, register.due, most=9)["register.cases"]
    registry(country, "registrar", register.end_registration, case=case, reason="期满", ground="not_renewed")
    assert state(country, case, TRAFFIC) == "CANCELLED"
    assert country.view(BIKES, register.registration_state, code_or_id=code) == "ENDED"


def test_who_may_renew_is_told_that_the_days_for_it_run(country: Country) -> None:
    _resource, case, _code = coded(country)
    assert case not in country.view(TRAFFIC, register.due, most=9)["register.cases"]
    on(country, "2029-01-16")
    assert case in country.view(TRAFFIC, register.due, most=9)["register.cases"]
    assert case not in country.view(BUREAU, register.due, most=9)["register.cases"]


REVOKED = [name for name, ground in GROUNDS.items() if ground.act == "revoke"]


@pytest.mark.parametrize("ground", REVOKED)
@pytest.mark.parametrize("while_asked", [False, True])
def test_the_registry_revokes_for_misconduct_whatever_is_applied_for(
    country: Country, ground: str, while_asked: bool
) -> None:
    _resource, case, code = coded(country)
    if while_asked:
        cancel(country, case)
    registry(country, "registrar", register.end_registration, case=case, reason="查实", ground=ground)
    assert (state(country, case, TRAFFIC), country.view(BIKES, register.registration_state, code_or_id=code)) == (
        "REVOKED", "ENDED",
    )  # fmt: skip


@pytest.mark.parametrize("ground", ["", "lost", "given_up", "whim"])
def test_the_registry_does_not_give_up_what_is_anothers(country: Country, ground: str) -> None:
    _resource, case, code = coded(country)
    refused = refusal(registry, country, "registrar", register.end_registration, case=case, reason="x", ground=ground)
    assert (refused.code, "dissolved" in str(refused), "not_renewed" in str(refused)) == ("REG-432", True, False)
    assert gaps(country, BIKES, code) == []


def test_a_registrant_does_not_revoke_nor_act_for_the_registry(country: Country) -> None:
    _resource, case, code = coded(country)
    assert refusal(cancel, country, case, "tampering").code == "REG-432"
    assert refusal(cancel, country, case, reason=" ").code == "GEN-420"
    own = refusal(country.as_, TRAFFIC, "registrar", register.end_registration, case=case, reason="x", ground="lost")
    assert own.code == "IDN-424"
    elsewhere = refusal(country.as_, BUREAU, "legal", register.apply_to_cancel, case=case, ground="lost", reason="x")
    assert elsewhere.code == "REG-410"
    assert gaps(country, BIKES, code) == []


def spoilt(country: Country, case: str, sender: str, **changes: Any) -> dict[str, Any]:
    """An application signed by `sender` as it would be for its own case, with changes."""
    with country.stores[sender].read(country.person(sender, "legal")) as tx:
        mine = signing.me(tx)
        who = {"node": mine.code, "party": mine.party, "person": tx.actor.person, "department": ""}
        bare = {"case": case, "act": "apply_to_cancel", "ground": "lost", "term_until": None, "reason": "x",
                "applicant": who, "at": tx.now, "signatures": [], **changes}  # fmt: skip
        return signing.signed(tx, bare)


@pytest.mark.parametrize(
    ("sender", "changes", "code"),
    [
        (BIKES, {}, "REG-420"),
        (TRAFFIC, {"act": "revoke"}, "REG-420"),
        (TRAFFIC, {"act": "code"}, "REG-420"),
        (TRAFFIC, {"ground": "false_materials"}, "REG-432"),
        (TRAFFIC, {"reason": " "}, "REG-420"),
        (TRAFFIC, {"more": "x"}, "REG-420"),
        (TRAFFIC, {"act": "apply_to_renew", "ground": ""}, "REG-431"),
        (TRAFFIC, {"term_until": "soon"}, "REG-420"),
    ],
)
def test_a_hostile_application_is_refused(
    country: Country, sender: str, changes: dict[str, Any], code: str
) -> None:  # fmt: skip
    _resource, case, data_code = coded(country)
    word = spoilt(country, case, sender, **changes)
    assert refusal(country.deliver, sender, "register.lifetime_asked", word, BUREAU).code == code
    sound = spoilt(country, case, TRAFFIC)
    torn = json.loads(json.dumps(sound)) | {"reason": "another"}
    assert refusal(country.deliver, TRAFFIC, "register.lifetime_asked", torn, BUREAU).code == "REG-420"
    assert (state(country, case), gaps(country, BIKES, data_code)) == ("CODED", [])
    country.deliver(TRAFFIC, "register.lifetime_asked", sound, BUREAU)
    country.deliver(TRAFFIC, "register.lifetime_asked", sound, BUREAU)
    assert [line["act"] for line in country.view(BUREAU, register.case, case=case)["history"]][-1] == "apply_to_cancel"


def test_no_renewal_is_longer_than_three_years_whichever_registry_signs(country: Country) -> None:
    _resource, _case, code = coded(country)
    with country.stores[BUREAU].read() as tx:
        entry = (tx.get(store.ledger, code) or {})["entry"]
        newer = {**entry, "type": "renewal", "version": entry["version"] + 1, "signatures": []}
        long, sound = (signing.signed(tx, {**newer, "valid_until": day}) for day in ("2032-03-18", "2032-03-17"))
    assert refusal(country.deliver, BUREAU, "register.ledger_entry", {"entry": long}, BIKES).code == "REG-420"
    country.deliver(BUREAU, "register.ledger_entry", {"entry": sound}, BIKES)
    assert country.view(BIKES, register.registration, code_or_id=code) == ("CODED", "2032-03-17")


@pytest.mark.parametrize(
    ("until", "term", "today", "why"),
    [
        ("2029-03-17", None, "2029-01-15", "from 2029-01-16 on"),
        ("2029-03-17", None, "2029-01-16", ""),
        ("2029-03-17", None, "2029-03-17", ""),
        ("2029-03-17", None, "2029-03-18", "lapsed"),
        ("2027-01-01", "2027-01-01", "2026-12-31", "does not outlast"),
        ("2027-01-01", "2028-01-01", "2026-12-31", ""),
        ("2032-02-29", None, "2031-12-31", ""),
    ],
)
def test_when_a_registration_is_renewed(until: str, term: str | None, today: str, why: str) -> None:
    fault = rules.renewal_fault(until, term, date.fromisoformat(today))
    assert (why in fault[1]) if fault and why else (fault is None and not why)


def test_a_renewal_of_an_operation_runs_as_long_as_its_term() -> None:
    assert rules.valid_until(date(2027, 1, 1), "2028-06-30") == date(2028, 6, 30)
    assert rules.valid_until(date(2032, 2, 29), None) == date(2035, 2, 28)


def test_only_what_is_over_lost_its_place() -> None:
    assert OVER - {State.ENDED, State.ENTERED} < WITH_CODE
    assert all(rules.open_acts(now) for now in WITH_CODE - OVER)
    assert not any(rules.open_acts(now) for now in OVER)
    assert all(ground.applied or ground.own_motion for ground in GROUNDS.values())


def test_a_message_left_unheard_changes_nothing_here(country: Country) -> None:
    """The case moves with the registry's answer, so that an application that never arrives holds nothing up."""
    _resource, case, _code = coded(country)
    country.as_(TRAFFIC, "legal", register.apply_to_cancel, case=case, ground="lost", reason="毁损")
    assert state(country, case, TRAFFIC) == "CODED"
    waiting = country.view(TRAFFIC, lambda tx: store.rows(tx, jobs, where=jobs.c.state != "done"))
    assert len(waiting) == 1
    assert NAMES[TRAFFIC] in json.dumps(waiting[0]["payload"])
