"""Joining, codes, the signed directory, membership over time, the ledger; and messages nobody should send."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from register_country import NAMES, Country, in_tx

from datong.ground import codes, signing
from datong.ground.db import NODE, Actor
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Kind, Refusal
from datong.register import rules, store
from datong.register import service as register
from datong.register.service import nodes

BUREAU, TRAFFIC, BIKES = "data-bureau", "traffic-bureau", "bike-company"


def refused(call: Any, *args: Any, **arguments: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call(*args, **arguments)
    return caught.value


def test_the_function_node_gives_codes_of_the_national_form(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    own = codes.parse_node_code(country.code(BUREAU))
    assert (own.kind, own.subject, own.area) == ("regional", NAMES[BUREAU], "5201")
    for name in (TRAFFIC, BIKES):
        parsed = codes.parse_node_code(country.code(name))
        assert (parsed.kind, parsed.subject, parsed.area) == ("connector", NAMES[name], "5201")
        at_home = country.view(name, register.node, code=country.code(name))
        assert (at_home["state"], at_home["public_key"]) == ("active", country.keys[name].public.text)
    listed = country.view(BUREAU, register.directory)
    assert {row["name"] for row in listed} == {BUREAU, TRAFFIC, BIKES}
    assert country.view(BUREAU, register.node_of_party, subject=NAMES[BIKES])["code"] == country.code(BIKES)


def test_founding_and_admitting_twice_answer_as_before(country: Country) -> None:
    country.join(TRAFFIC)
    before = country.code(BUREAU), country.code(TRAFFIC)
    with country.stores[BUREAU].begin(NODE, "register") as tx:
        assert register.found(tx, area="5201")["code"] == before[0]
    waiting = country.as_(BUREAU, "registrar", register.join_applications)
    again = country.as_(BUREAU, "registrar", register.admit_node, application=waiting[0]["id"])
    assert again["code"] == before[1]
    assert (
        refused(country.as_, TRAFFIC, "operator", register.apply_to_join, function_node="http://x.test").code
        == "IDN-425"
    )


def test_a_repeated_application_is_one_application(country: Country) -> None:
    country.join()
    for _ in range(2):
        country.as_(TRAFFIC, "operator", register.apply_to_join, function_node="http://data-bureau.test")
        country.post()
    assert len(country.as_(BUREAU, "registrar", register.join_applications)) == 1


def application(country: Country, **changes: Any) -> dict[str, Any]:
    with country.stores[TRAFFIC].read() as tx:
        mine = signing.me(tx)
        value = {
            "schema": "datong.application/1", "party": mine.party, "name": mine.name, "address": mine.address,
            "public_key": signing.node_key(tx).public.text, "kind": "connector", "at": tx.now,
        }  # fmt: skip
        return signing.signed(tx, {**value, **changes})


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"party": "91350100M000100Y44"}, "party"),
        ({"name": ""}, "name"),
        ({"address": "ftp://x"}, "address"),
        ({"address": "http://user@x"}, "address"),
        ({"kind": "regional"}, "kind"),
        ({"public_key": "Ed25519:AAAA"}, "public_key"),
        ({"public_key": PrivateKey.new().public.text}, "signatures"),
        ({"name": 5}, "name"),
        ({"extra": 1}, "application"),
    ],
)
def test_a_wrong_application_is_refused_naming_what(country: Country, changes: dict[str, Any], where: str) -> None:
    country.join()
    refusal = refused(country.deliver, TRAFFIC, "register.join", application(country, **changes), BUREAU)
    assert refusal.code == "IDN-420"
    assert where in [p.where for p in refusal.problems]
    assert country.as_(BUREAU, "registrar", register.join_applications) == []


def test_an_application_for_somebody_else_is_refused(country: Country) -> None:
    country.join()
    value = application(country)
    assert refused(country.deliver, BIKES, "register.join", value, BUREAU).problems[0].where == "party"
    changed = {**value, "address": "http://evil.test"}
    assert refused(country.deliver, TRAFFIC, "register.join", changed, BUREAU).problems[0].where == "signatures"


def keyed(country: Country, key: PrivateKey) -> dict[str, Any]:
    """An application of the traffic bureau's with another key, as anybody can make one."""
    bare = {**signing.unsigned(application(country)), "public_key": key.public.text}
    one = {"node": "", "party": bare["party"], "key": key.public.text, "signature": key.sign_value(bare)}
    return {**bare, "signatures": [one]}


def test_no_more_applications_wait_than_a_registrar_can_look_through(
    country: Country, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody makes as many keys as they like; a store takes no more than so many applications, and room is made."""
    monkeypatch.setattr(nodes, "APPLICATIONS_MAX", 3)
    country.join()
    keys = [PrivateKey.new() for _ in range(5)]
    for key in keys[:3]:
        country.deliver(TRAFFIC, "register.join", keyed(country, key), BUREAU)
    country.deliver(TRAFFIC, "register.join", keyed(country, keys[0]), BUREAU)  # the same again
    full = refused(country.deliver, TRAFFIC, "register.join", keyed(country, keys[3]), BUREAU)
    assert (full.code, full.kind) == ("REG-440", Kind.unavailable), "the sender tries again"
    waiting = country.as_(BUREAU, "registrar", register.join_applications)
    assert len(waiting) == 3
    for _ in range(2):
        told = country.as_(BUREAU, "registrar", register.admit_node, application=waiting[0]["id"], admit=False)
        assert told["state"] == "refused"
    country.deliver(TRAFFIC, "register.join", keyed(country, keys[3]), BUREAU)
    again = next(key for key in keys if key.public.text == waiting[0]["public_key"])
    assert refused(country.deliver, TRAFFIC, "register.join", keyed(country, again), BUREAU).code == "REG-440"
    admitted = waiting[1]["id"]
    code = country.as_(BUREAU, "registrar", register.admit_node, application=admitted)["code"]
    country.deliver(TRAFFIC, "register.join", keyed(country, again), BUREAU)  # who was refused applies again
    states = [row["state"] for row in country.as_(BUREAU, "registrar", register.join_applications)]
    assert states == ["applied"] * 3 + ["admitted"]
    late = refused(country.as_, BUREAU, "registrar", register.admit_node, application=admitted, admit=False)
    assert (late.code, code in str(late)) == ("IDN-426", True)


def test_only_a_function_node_admits(country: Country) -> None:
    country.join(BIKES)
    assert refused(country.deliver, TRAFFIC, "register.join", application(country), BIKES).code == "IDN-424"
    assert refused(country.as_, BIKES, "registrar", register.admit_node, application="x").code == "IDN-424"


def record_of(country: Country, name: str) -> dict[str, Any]:
    return dict(country.view(BUREAU, register.membership, code=country.code(name)))


FORGERIES = [
    ("other key", lambda r: r.update(public_key=PrivateKey.new().public.text)),
    ("other address", lambda r: r.update(address="http://evil.test")),
    ("raised serial", lambda r: r.update(serial=9)),
    ("serial of text", lambda r: r.update(serial="9")),
    ("wrong check character", lambda r: r.update(code=r["code"][:-1] + ("0" if r["code"][-1] != "0" else "1"))),
    ("no signature", lambda r: r.update(signatures=[])),
    ("signatures of nothing", lambda r: r.update(signatures=None)),
    ("signature without key", lambda r: r["signatures"][0].pop("key")),
    ("signature of another party", lambda r: r["signatures"][0].update(party=BIKES)),
    ("issuer without a code", lambda r: r.update(issuer="x")),
    ("state unknown", lambda r: r.update(state="king")),
    ("a field more", lambda r: r.update(more=1)),
    ("a field less", lambda r: r.pop("name")),
]


@pytest.mark.parametrize(("what", "forge"), FORGERIES, ids=[what for what, _ in FORGERIES])
def test_a_forged_record_is_not_learned(country: Country, what: str, forge: Any) -> None:
    country.join(TRAFFIC, BIKES)
    record = copy.deepcopy(record_of(country, TRAFFIC))
    forge(record)
    with country.stores[BIKES].begin(NODE, "register") as tx, pytest.raises(Refusal) as caught:
        register.learn_node(tx, record=record, function_key=country.keys[BUREAU].public.text)
    assert caught.value.code == "IDN-422"


def test_a_record_signed_by_a_member_instead_of_the_function_node_is_not_learned(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    with country.stores[TRAFFIC].begin(country.person(TRAFFIC, "operator"), "register") as tx:
        forged = signing.signed(tx, record_of(country, TRAFFIC) | {"signatures": [], "address": "http://evil.test"})
    with country.stores[BIKES].begin(NODE, "register") as tx, pytest.raises(Refusal):
        register.learn_node(tx, record=forged, function_key=country.keys[BUREAU].public.text)
    assert refused(country.deliver, TRAFFIC, "register.membership_changed", {"record": forged}, BIKES).code == "IDN-422"
    assert refused(country.deliver, TRAFFIC, "register.admitted", {"record": forged}, BIKES).code == "IDN-422"


def test_another_nodes_admission_is_not_mine(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    foreign = {"record": record_of(country, TRAFFIC)}
    assert refused(country.deliver, BUREAU, "register.admitted", foreign, BIKES).code == "IDN-422"
    assert country.code(BIKES) != country.code(TRAFFIC)


def test_suspension_reaches_the_members_and_old_records_do_not_undo_it(country: Country) -> None:
    country.join(TRAFFIC, BIKES)
    with country.stores[BIKES].begin(NODE, "register") as tx:
        register.learn_node(tx, record=record_of(country, TRAFFIC), function_key=country.keys[BUREAU].public.text)
    before = record_of(country, TRAFFIC)
    country.as_(BUREAU, "registrar", register.suspend_node, code=country.code(TRAFFIC), reason="密钥泄露")
    country.post()
    assert country.view(BIKES, register.node, code=country.code(TRAFFIC))["state"] == "suspended"
    country.deliver(BUREAU, "register.membership_changed", {"record": before}, BIKES)
    assert country.view(BIKES, register.node, code=country.code(TRAFFIC))["state"] == "suspended"
    country.as_(BUREAU, "registrar", register.reinstate_node, code=country.code(TRAFFIC), reason="已换钥")
    country.post()
    assert country.view(BIKES, register.node, code=country.code(TRAFFIC))["state"] == "active"
    country.as_(BUREAU, "registrar", register.revoke_node, code=country.code(TRAFFIC), reason="退出")
    country.post()
    assert country.view(BIKES, register.node, code=country.code(TRAFFIC))["state"] == "revoked"
    back = refused(country.as_, BUREAU, "registrar", register.reinstate_node, code=country.code(TRAFFIC), reason="x")
    assert back.code == "IDN-426"
    assert not country.refused


def test_unknown_nodes_are_refused_as_unknown(country: Country) -> None:
    country.join()
    for call in (register.node, register.membership):
        assert refused(country.view, BUREAU, call, code="5" * 32).code == "IDN-421"
    assert refused(country.view, BUREAU, register.node_of_party, subject="x").code == "IDN-421"


def test_a_bad_founding_tells_everything_wrong(country: Country) -> None:
    store, nobody = country.stores[TRAFFIC], signing.Me("", "no code", TRAFFIC, "http://traffic-bureau.test")
    signing.install(store, country.keys[TRAFFIC], nobody)
    with store.begin(NODE, "register") as tx, pytest.raises(Refusal) as caught:
        register.found(tx, area="52")
    assert [p.where for p in caught.value.problems] == ["party", "area"]


def test_an_undone_admission_leaves_no_code_behind(country: Country) -> None:
    country.join()
    country.as_(TRAFFIC, "operator", register.apply_to_join, function_node="http://data-bureau.test")
    country.post()
    waiting = country.as_(BUREAU, "registrar", register.join_applications)
    record = country.as_(BUREAU, "registrar", register.admit_node, application=waiting[0]["id"])
    country._know(TRAFFIC, country.code(BUREAU))
    peer = Actor("", "peer", NAMES[BUREAU], department=country.code(BUREAU))
    with pytest.raises(RuntimeError), country.stores[TRAFFIC].begin(peer, "register") as tx:
        register.received_admitted(tx, sender=country.code(BUREAU), body={"record": record})
        assert signing.me(tx).code == record["code"]
        raise RuntimeError("the disk is full")
    assert country.code(TRAFFIC) == ""
    with country.stores[TRAFFIC].read() as tx:
        assert store.count(tx, store.nodes) == 1


ANOTHER = {"name": "Ocean Data", "party": "91520100MA6EDC012H", "address": "https://edc.example.cn/protocol",
           "did": "did:web:id.example.cn:ocean", "make": "Eclipse EDC 0.18.0"}  # fmt: skip


def admitted(country: Country, **changes: str) -> dict[str, Any]:
    return dict(country.as_(BUREAU, "registrar", register.admit_connector, **{**ANOTHER, **changes}))


def test_a_connector_of_another_make_is_a_member_without_a_key(country: Country) -> None:
    country.join(TRAFFIC)
    record = admitted(country)
    parsed = codes.parse_node_code(record["code"])
    assert (parsed.kind, parsed.subject, record["public_key"]) == ("connector", ANOTHER["party"], "")
    assert admitted(country) == record
    learned = in_tx(
        country, TRAFFIC,
        lambda tx: register.learn_node(tx, record=record, function_key=country.keys[BUREAU].public.text),
    )  # fmt: skip
    assert (learned["did"], learned["make"], learned["state"]) == (ANOTHER["did"], ANOTHER["make"], "active")
    assert country.view(TRAFFIC, register.node, code=country.code(TRAFFIC))["did"] == ""


def test_what_changes_of_it_reaches_the_members_and_no_message_goes_to_itself(country: Country) -> None:
    country.join(TRAFFIC)
    code = admitted(country)["code"]
    in_tx(country, TRAFFIC, lambda tx: register.learn_node(tx, record=register_record(country, code),
                                                           function_key=country.keys[BUREAU].public.text))  # fmt: skip
    moved = admitted(country, address="https://edc2.example.cn/protocol", make="Eclipse EDC 0.19.0")
    assert (moved["code"], moved["serial"]) == (code, 2)
    country.as_(BUREAU, "registrar", register.suspend_node, code=code, reason="its certificate has expired")
    last = admitted(country, name="Ocean", address=moved["address"])
    assert last["state"] == "suspended", "entering facts lifts no suspension"
    country.post()
    at_member = country.view(TRAFFIC, register.node, code=code)
    assert (at_member["name"], at_member["address"], at_member["state"], at_member["did"], at_member["serial"]) == (
        "Ocean", moved["address"], "suspended", ANOTHER["did"], 4,
    )  # fmt: skip
    with country.stores[BUREAU].read() as tx:
        told = {job["payload"]["to"] for job in jobs_of(tx)}
    assert code not in told
    country.as_(BUREAU, "registrar", register.revoke_node, code=code, reason="it left")
    assert admitted(country)["code"] != code, "who was revoked comes back under a new code"


def register_record(country: Country, code: str) -> dict[str, Any]:
    return dict(country.view(BUREAU, register.membership, code=code))


def jobs_of(tx: Any) -> list[dict[str, Any]]:
    from datong.ground.jobs import jobs

    return [dict(row._mapping) for row in tx.all(jobs.select().where(jobs.c.kind == "node.send"))]


@pytest.mark.parametrize(
    ("changes", "where"),
    [({"did": "did:key:z6Mk"}, "did"), ({"did": ""}, "did"), ({"did": "did:web:a b"}, "did"), ({"make": " "}, "make"),
     ({"party": "91520100MA6EDC012X"}, "party"), ({"address": "ftp://x"}, "address"), ({"name": ""}, "name"),
     ({"address": "https://x/" + "a" * 300}, "address"), ({"make": "m" * 201}, "make")],
)  # fmt: skip
def test_what_is_wrong_with_it_is_named(country: Country, changes: dict[str, str], where: str) -> None:
    country.join()
    refusal = refused(admitted, country, **changes)
    assert (refusal.code, [problem.where for problem in refusal.problems]) == ("IDN-420", [where])


def test_all_that_is_wrong_is_named_at_once_and_a_did_stays_with_its_party(country: Country) -> None:
    country.join(TRAFFIC)
    admitted(country)
    refusal = refused(admitted, country, party=NAMES[TRAFFIC], make="", address="nowhere")
    assert [problem.where for problem in refusal.problems] == ["address", "make", "did"]
    assert refused(country.as_, TRAFFIC, "registrar", register.admit_connector, **ANOTHER).code == "IDN-424"


@pytest.mark.parametrize("spoilt", [{"did": "did:key:x"}, {"did": 5}, {"public_key": "Ed25519:AAAA"}, {"make": None}])
def test_a_record_of_another_make_that_is_not_sound_is_not_learned(country: Country, spoilt: dict[str, Any]) -> None:
    country.join(TRAFFIC)
    record = {name: value for name, value in {**admitted(country), **spoilt}.items() if name != "signatures"}
    with country.stores[BUREAU].read() as tx:
        signed = signing.signed(tx, record)
    for value in (signed, {name: part for name, part in signed.items() if name != "make"}):
        refusal = refused(
            in_tx, country, TRAFFIC,
            lambda tx, value=value: register.learn_node(tx, record=value, function_key=country.keys[BUREAU].public.text),
        )  # fmt: skip
        assert refusal.code == "IDN-422"


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("https://node.example.cn/dsp", True), ("https://node.example.cn:443/dsp", True), ("HTTPS://Node.Example.CN", True),
        ("https://node.example.cn:/x", True), ("http://node.example.cn", False), ("https://node.example.cn:8443", False),
        ("https://node.example.cn:0", False), ("https://node.example.cn:99999", False), ("https://u@node.example.cn", False),
        ("https://node.example.cn.", False), ("https://node.example.cn@evil.example", False),
        ("https://evil.example\\@node.example.cn", False), ("https://node.example.cn\\@evil.example", False),
        ("https://Kode.example.cn", False), ("https://[", False), ("node.example.cn", False), ("", False),
    ],
)  # fmt: skip
def test_an_address_lies_at_another_however_it_is_spelt(address, same):
    assert rules.same_origin("https://node.example.cn", address) is same
    assert rules.same_origin("https://node.example.cn:443", address) is same


@pytest.mark.parametrize("port", [":99999", ":abc", ":0", ":-1"])
def test_a_node_does_not_live_at_a_port_that_there_is_not(port):
    assert rules.address_problem(f"https://node.example.cn{port}") is not None
    assert rules.address_problem("https://node.example.cn:8443") is None
