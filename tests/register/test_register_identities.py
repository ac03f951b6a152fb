"""Identities by proxy: applied for, decided, read with the subject's authorisation, updated, cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from register_country import NAMES, Country

from datong.ground.refusal import Refusal
from datong.register import service as register

BUREAU, BIKES, TRAFFIC = "data-bureau", "bike-company", "traffic-bureau"
PERSON = {
    "fullName": "张三", "certType": "1", "certCode": "52010119900101001X", "certEffdate": "2020-01-01",
    "certExpdate": "2040-01-01", "phone": "13800000000", "authLevel": "1", "authType": "1", "authTime": "2026-01-05",
}  # fmt: skip
FIRM = {
    "enterpriseName": "单车企业", "enterpriseCode": NAMES[BIKES], "enterpriseType": "1",
    "operatingPeriodBegin": "2018-01-01", "operatingPeriodEnd": "长期", "authType": "2", "authStatus": "1",
    "authDate": "2026-01-05", "legalPerson": "李四", "legalPersonCertno": "520101198001010019",
    "legalPersonAuthLevel": "1", "legalPersonAuthType": "1",
}  # fmt: skip
AGENT = {
    "operator": "王五", "operatorIdType": "1", "operatorId": "520101197001010018", "operatorAuthLevel": "1",
    "operatorAuthType": "1", "authorizationType": "1", "enterpriseCode": NAMES[BIKES], "authTime": "2026-01-05",
}  # fmt: skip


def applied(
    country: Country, kind: str, attributes: dict, act: str = "register", identity: str = "", node=BIKES
) -> str:
    """An application sent and received; its id."""
    asked = {"kind": kind, "act": act, "attributes": attributes, "identity": identity}
    made = country.as_(node, "operator", register.apply_identity, function_node=country.code(BUREAU), **asked)
    country.post()
    return str(made["id"])


def decided(country: Country, application: str, admit: bool = True, reason: str = "") -> dict:
    asked = {"application": application, "admit": admit, "reason": reason}
    told = country.as_(BUREAU, "registrar", register.decide_identity, **asked)
    country.post()
    return dict(told)


def listed(country: Country, node: str) -> dict[str, dict]:
    return {row["id"]: row for row in country.as_(node, "operator", register.identities)}


def authorised(country: Country, identity: str, reader: str) -> str:
    """The code that lets `reader` see an identity once."""
    with country.stores[BUREAU].begin(country.person(BUREAU, "registrar"), "register") as tx:
        return str(register.authorise_identity(tx, identity=identity, node=country.code(reader))["auth_code"])


def refused(call, *args, **arguments) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*args, **arguments)
    return caught.value


@pytest.fixture
def joined(country: Country) -> Country:
    country.join(BIKES, TRAFFIC)
    return country


def test_a_person_a_firm_and_its_agent_get_codes_of_the_national_form(joined: Country) -> None:
    person = decided(joined, applied(joined, "person", PERSON))["identity"]
    firm = decided(joined, applied(joined, "organisation", FIRM))["identity"]
    agent = decided(joined, applied(joined, "agent", AGENT))["identity"]
    assert (len(person), firm, agent[:19], len(agent)) == (18, NAMES[BIKES], NAMES[BIKES] + "/", 37)
    assert "520101" not in agent, "an identity code never shows a document's number"
    at_proxy = listed(joined, BIKES)
    assert {row["state"] for row in at_proxy.values()} == {"active"}
    assert {row["identity_code"] for row in at_proxy.values()} == {person, firm, agent}


def test_no_personal_value_stands_in_any_table_or_message_that_waits(joined: Country) -> None:
    decided(joined, applied(joined, "person", PERSON))
    for store in joined.stores.values():
        with store.engine.connect() as raw:
            tables = [row[0] for row in raw.exec_driver_sql("select name from sqlite_master where type = 'table'")]
            for table in tables:
                kept = str(list(raw.exec_driver_sql(f"select * from {table}")))
                assert PERSON["certCode"] not in kept, table
                assert PERSON["phone"] not in kept, table


def test_the_same_subject_is_registered_once(joined: Country) -> None:
    decided(joined, applied(joined, "person", PERSON))
    again = applied(joined, "person", {**PERSON, "phone": "13900000000"}, node=TRAFFIC)
    refusal = refused(joined.as_, BUREAU, "registrar", register.decide_identity, application=again, admit=True)
    assert refusal.code == "IDN-441"
    decided(joined, again, admit=False, reason="已登记")
    assert listed(joined, TRAFFIC)[again]["reason"] == "已登记"


def test_an_identity_is_read_once_by_whom_its_subject_let(joined: Country) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    code = authorised(joined, identity, TRAFFIC)
    buy = {"auth_code": code, "node": joined.code(TRAFFIC)}

    def at_bureau(call, **asked):
        with joined.stores[BUREAU].begin(joined.person(BUREAU, "operator"), "register") as tx:
            return call(tx, **asked)

    assert refused(at_bureau, register.token_for, **{**buy, "node": joined.code(BIKES)}).code == "IDN-444"
    token = at_bureau(register.token_for, **buy)
    assert refused(at_bureau, register.token_for, **buy).code == "IDN-444", "a code works once"
    read = {"token": token, "node": joined.code(TRAFFIC), "kind": "person"}
    shown = at_bureau(register.identity_of_token, **read)
    assert (shown["fullName"], shown["identityCode"], shown["identityStatus"]) == ("张三", identity, "1")
    for spoilt in ({"node": joined.code(BIKES)}, {"token": token + "x"}, {"token": ""}):
        assert refused(at_bureau, register.identity_of_token, **{**read, **spoilt}).code == "IDN-444"
    assert refused(at_bureau, register.identity_of_token, **{**read, "kind": "agent"}).code == "IDN-442"
    clock = joined.stores[BUREAU].wall_clock
    joined.stores[BUREAU].wall_clock = lambda: clock() + timedelta(minutes=2)
    assert refused(at_bureau, register.identity_of_token, **read).code == "IDN-444"


def test_an_update_keeps_what_it_does_not_say(joined: Country) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    decided(joined, applied(joined, "person", {"phone": "13900000000"}, "update", identity))
    code = authorised(joined, identity, TRAFFIC)
    with joined.stores[BUREAU].begin(joined.person(BUREAU, "operator")) as tx:
        token = register.token_for(tx, auth_code=code, node=joined.code(TRAFFIC))
        shown = register.identity_of_token(tx, token=token, node=joined.code(TRAFFIC), kind="person")
    assert (shown["phone"], shown["fullName"]) == ("13900000000", "张三")


def test_a_firm_is_cancelled_after_its_agents(joined: Country) -> None:
    firm = decided(joined, applied(joined, "organisation", FIRM))["identity"]
    agent = decided(joined, applied(joined, "agent", AGENT))["identity"]
    cancel = applied(joined, "organisation", {}, "cancel", firm)
    assert (
        refused(joined.as_, BUREAU, "registrar", register.decide_identity, application=cancel, admit=True).code
        == "IDN-443"
    )
    assert joined.view(BUREAU, register.agent_is_valid, code=agent)
    decided(joined, applied(joined, "agent", {}, "cancel", agent))
    assert not joined.view(BUREAU, register.agent_is_valid, code=agent)
    decided(joined, cancel)
    assert refused(joined.view, BUREAU, register.agent_is_valid, code="nobody").code == "IDN-442"


def test_another_node_than_the_one_that_registered_it_cannot_cancel(joined: Country) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    foreign = applied(joined, "person", {}, "cancel", identity, node=TRAFFIC)
    refusal = refused(joined.as_, BUREAU, "registrar", register.decide_identity, application=foreign, admit=True)
    assert refusal.code == "IDN-442"


@pytest.mark.parametrize(
    ("change", "places"),
    [
        ({"kind": "robot"}, ["kind"]),
        ({"act": "borrow"}, ["act", "identity"]),
        ({"act": "cancel", "attributes": {}}, ["identity"]),
        ({"attributes": {"fullName": 5}}, ["certCode", "certEffdate", "certExpdate", "certType", "fullName"]),
        ({"kind": "organisation", "attributes": {**FIRM, "enterpriseCode": "91X"}}, ["enterpriseCode"]),
    ],
)
def test_an_application_with_faults_is_refused_with_all_of_them_and_no_value(joined, change, places) -> None:
    asked = {"kind": "person", "function_node": joined.code(BUREAU), "attributes": PERSON, **change}
    refusal = refused(joined.as_, BIKES, "operator", register.apply_identity, **asked)
    assert refusal.code == "IDN-440"
    assert set(places) <= {problem.where for problem in refusal.problems}
    assert PERSON["certCode"] not in str(refusal.as_json())
    body = {"application": "idn-1", "identity": "", "act": "register", "kind": "person", "attributes": PERSON, **change}
    assert refused(joined.deliver, BIKES, "register.identity_applied", body, BUREAU).code == "IDN-440"


@pytest.mark.parametrize(
    ("sender", "body"),
    [(TRAFFIC, {}), (BUREAU, {"state": "king"}), (BUREAU, {"state": None}), (BUREAU, {"application": "idn-other"})],
)
def test_only_the_node_applied_to_decides_and_only_what_can_be_decided(
    joined: Country, sender: str, body: dict[str, object]
) -> None:
    mine = applied(joined, "person", PERSON)
    told = {"application": mine, "state": "active", "identity": "X" * 18, "reason": "", **body}
    assert refused(joined.deliver, sender, "register.identity_decided", told, BIKES).code == "IDN-442"
    assert listed(joined, BIKES)[mine]["state"] == "applied"


def test_a_decision_stands_and_a_node_is_told_nothing_of_what_it_decides_itself(joined: Country) -> None:
    mine = applied(joined, "person", PERSON)
    decided(joined, mine)
    again = {"application": mine, "state": "refused", "identity": "", "reason": "x"}
    joined.deliver(BUREAU, "register.identity_decided", again, BIKES)
    assert listed(joined, BIKES)[mine]["state"] == "active"
    assert refused(joined.deliver, BIKES, "register.identity_decided", again, BUREAU).code == "IDN-442"
    assert listed(joined, BUREAU)[mine]["state"] == "active"


def test_an_application_of_any_size_is_not_kept(joined: Country) -> None:
    many = {**PERSON, **{f"x{number}": "y" for number in range(100)}}
    with pytest.raises(Refusal) as caught:
        applied(joined, "person", many)
    assert (caught.value.code, caught.value.problems[0].where) == ("IDN-440", "attributes")


def undecidable(country: Country, application: str) -> str:
    asked = {"application": application, "admit": True}
    return refused(country.as_, BUREAU, "registrar", register.decide_identity, **asked).code


def test_an_update_changes_an_identity_of_its_own_kind_and_never_whose_it_is(joined: Country) -> None:
    firm = decided(joined, applied(joined, "organisation", FIRM))["identity"]
    person = decided(joined, applied(joined, "person", PERSON))["identity"]
    of_another_kind = applied(joined, "person", {"fullName": "李鬼"}, "update", firm)
    another_subject = applied(joined, "person", {"certCode": "520101198801010011"}, "update", person)
    another_firm = applied(joined, "organisation", {"enterpriseCode": NAMES[TRAFFIC]}, "update", firm)
    codes = [undecidable(joined, one) for one in (of_another_kind, another_subject, another_firm)]
    assert codes == ["IDN-442", "IDN-440", "IDN-440"]
    the_same = applied(joined, "person", {"certCode": PERSON["certCode"], "phone": "13900000000"}, "update", person)
    assert decided(joined, the_same)["state"] == "done"


def test_a_cancelled_identity_is_not_listed_as_valid_where_it_was_applied_for(joined: Country) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    decided(joined, applied(joined, "person", {}, "cancel", identity))
    for node in (BIKES, BUREAU):
        states = {row["act"]: row["state"] for row in listed(joined, node).values()}
        assert states == {"register": "cancelled", "cancel": "done"}, node


def test_nobody_becomes_the_agent_of_a_firm_that_was_cancelled(joined: Country) -> None:
    firm = decided(joined, applied(joined, "organisation", FIRM))["identity"]
    decided(joined, applied(joined, "organisation", {}, "cancel", firm))
    assert undecidable(joined, applied(joined, "agent", AGENT)) == "IDN-442"
    decided(joined, applied(joined, "organisation", FIRM))
    assert decided(joined, applied(joined, "agent", AGENT))["state"] == "active"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"act": "update", "identity": "x" * 65, "attributes": {"phone": "1"}}, "identity"),
        ({"act": "update", "identity": ["x"], "attributes": {"phone": "1"}}, "identity"),
        ({"act": "update", "identity": "x", "attributes": {}}, "attributes"),
        ({"application": "zzz"}, "application"),
        ({"application": "idn-" + "1" * 77}, "application"),
        ({"application": None}, "application"),
        ({"kind": ["person"]}, "kind"),
        ({"kind": {}}, "kind"),
    ],
)
def test_a_hostile_application_is_told_what_is_wrong_with_it(joined: Country, change: dict, place: str) -> None:
    body = {"application": "idn-1", "identity": "", "act": "register", "kind": "person", "attributes": PERSON, **change}
    refusal = refused(joined.deliver, BIKES, "register.identity_applied", body, BUREAU)
    assert (refusal.code, [problem.where for problem in refusal.problems]) == ("IDN-440", [place])
    assert listed(joined, BUREAU) == {}


@pytest.mark.parametrize("state", ["active", "refused"])
def test_an_application_to_change_is_done_or_refused_and_never_an_identity_itself(joined: Country, state: str) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    change = applied(joined, "person", {"phone": "13900000000"}, "update", identity)
    told = {"application": change, "state": state, "identity": identity, "reason": ""}
    if state == "active":
        assert refused(joined.deliver, BUREAU, "register.identity_decided", told, BIKES).code == "IDN-442"
    else:
        joined.deliver(BUREAU, "register.identity_decided", told, BIKES)
    assert listed(joined, BIKES)[change]["state"] == ("applied" if state == "active" else "refused")


def test_it_is_applied_for_at_a_function_node_and_shown_to_a_node_that_is_known(joined: Country) -> None:
    for wrong in (joined.code(TRAFFIC), joined.code(BUREAU)[:-1] + "-", "nobody" * 9):
        asked = {"kind": "person", "function_node": wrong, "attributes": PERSON}
        refusal = refused(joined.as_, BIKES, "operator", register.apply_identity, **asked)
        assert [problem.where for problem in refusal.problems] == ["function_node"]
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    with joined.stores[BUREAU].begin(joined.person(BUREAU, "registrar"), "register") as tx:
        assert refused(register.authorise_identity, tx, identity=identity, node="nobody" * 9).code == "IDN-421"


def test_a_token_that_is_late_and_an_identity_that_was_cancelled_are_told_apart(joined: Country) -> None:
    identity = decided(joined, applied(joined, "person", PERSON))["identity"]
    code, reader, store = authorised(joined, identity, TRAFFIC), joined.code(TRAFFIC), joined.stores[BUREAU]
    with store.begin(joined.person(BUREAU, "operator"), "register") as tx:
        token = register.token_for(tx, auth_code=code, node=reader)
    decided(joined, applied(joined, "person", {}, "cancel", identity))
    clock = store.wall_clock
    for later, faults in ((timedelta(0), ["gone"]), (timedelta(minutes=2), ["token"])):
        store.wall_clock = lambda later=later: clock() + later
        with store.read() as tx:
            refusal = refused(register.identity_of_token, tx, token=token, node=reader, kind="person")
        assert refusal.facts["faults"] == faults


def test_an_id_of_an_application_stands_for_one(joined: Country) -> None:
    """Said again it changes nothing; another application under it, or another node's, is not taken for it in silence."""
    body = {"application": "idn-1", "identity": "", "act": "register", "kind": "person", "attributes": PERSON}
    for _ in range(2):
        joined.deliver(BIKES, "register.identity_applied", body, BUREAU)
    other = {**body, "attributes": {**PERSON, "certCode": "520101198503070020"}}
    for sender, said in ((TRAFFIC, body), (BIKES, other)):
        refusal = refused(joined.deliver, sender, "register.identity_applied", said, BUREAU)
        assert (refusal.code, [problem.where for problem in refusal.problems]) == ("IDN-440", ["application"])
    assert list(listed(joined, BUREAU)) == ["idn-1"]
