"""What a bundle proves of the other side, offline: that it signed the contract and accepted the invoice. Every row
below has a leaf that fits it, as a node writes that forges its own books: the log alone would hold."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from datong.audit import service as audit
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.crypto.profile import DEFAULT, GUOMI, Profile, as_if
from datong.ground.db import Actor, Store, sqlite_url
from datong.ground.evidence import note
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.negotiate import store as negotiate_store
from datong.register import store as register_store
from datong.settle import store as settle_store
from scripts import loaded
from stores import with_tables

VERIFIER = loaded(Path(__file__).parents[2] / "tools" / "verify_evidence.py")
REGISTRY, SELLER, BUYER = "2REGISTRY", "4SELLER", "5BUYER"
PARTY = {REGISTRY: "11", SELLER: "91S", BUYER: "91B"}
AT = "2026-03-02T00:00:00Z"
Rows = dict[str, dict[str, Any]]


class World:
    """A seller's records about a sale, and everybody's keys."""

    def __init__(self) -> None:
        self.keys = {node: PrivateKey.new() for node in PARTY}
        self.tables = {
            "register_node": register_store.nodes, "agreement": negotiate_store.agreements,
            "invoice": settle_store.invoices, "statement": settle_store.statements,
        }  # fmt: skip

    def signature(self, node: str, value: dict[str, Any], key: PrivateKey | None = None) -> dict[str, Any]:
        signed = key or self.keys[node]
        return {"node": node, "party": PARTY[node], "by": "", "department": "", "key": signed.public.text,
                "signature": signed.sign_value(signing.unsigned(value))}  # fmt: skip

    def signed(self, value: dict[str, Any], *nodes: str) -> dict[str, Any]:
        return {**value, "signatures": [self.signature(node, value) for node in nodes]}

    def records(self) -> Rows:
        rows: Rows = {f"register_node {node}": self.member(node, self.keys[node]) for node in PARTY}
        content = {
            "id": "agr-1", "code": "C1", "dataset": "P", "offer_id": "o", "provider": SELLER, "consumer": BUYER,
            "provider_party": PARTY[SELLER], "consumer_party": PARTY[BUYER], "policy": {}, "policy_hash": "h",
            "terms": {"tariff": {"kind": "per_delivery", "amount_fen": 100}}, "from": AT, "until": None,
            "agreed_at": AT,
        }  # fmt: skip
        rows["agreement agr-1"] = {
            **self.signed(content, SELLER, BUYER), "negotiation": "n", "digest": "d", "signed": "both", "keys": {},
            "state": "FINALIZED",
        }  # fmt: skip
        value = self.signed({"invoice": "inv-1", "agreement": "agr-1", "gross_fen": 100}, SELLER)
        word = {"invoice": "inv-1", "digest": digest(signing.unsigned(value)), "word": "accepted", "reason": ""}
        rows["invoice inv-1"] = {
            "id": "inv-1", "agreement": "agr-1", "from_at": AT, "until_at": AT, "seller_party": PARTY[SELLER],
            "buyer_party": PARTY[BUYER], "peer_node": BUYER, "product": "P", "purpose": "p", "gross_fen": 100,
            "paid_fen": 0, "parts": [], "state": "ACCEPTED", "value": value, "digest": word["digest"],
            "acceptance": self.signed(word, BUYER), "reason": None, "issued_at": AT,
            "words": [self.signed({**word, "word": "disputed", "reason": "too much"}, BUYER),
                      self.signed({**word, "word": "paid", "reason": "b-1"}, SELLER)],
        }  # fmt: skip
        rows |= self.supplied()
        return rows

    def supplied(self) -> Rows:
        """The buyer's supply contract with the seller, and what the seller owes it on what was made of that."""
        part = {"party": PARTY[BUYER], "weight": 1, "payee_kind": "company", "account": "a"}
        content = {
            **dict.fromkeys(VERIFIER.AGREED, "s"), "id": "agr-2", "provider": BUYER, "consumer": SELLER,
            "provider_party": PARTY[BUYER], "consumer_party": PARTY[SELLER], "policy": {}, "from": AT, "until": None,
            "agreed_at": AT, "terms": {"tariff": {"kind": "free", "amount_fen": 0}, "split": [part]},
        }  # fmt: skip
        leaning = {"contracts": ["agr-2"], "uses": 1, "first_at": AT, "last_at": AT}
        value = {"party": PARTY[BUYER], "issuer_party": PARTY[SELLER], "parts": [{**part, "share_fen": 100}],
                 "lines": [{"amount_fen": 100, "supplies": [leaning]}]}  # fmt: skip
        return {
            "agreement agr-2": {
                **self.signed(content, SELLER, BUYER), "negotiation": "n", "digest": "d", "signed": "both", "keys": {},
                "state": "FINALIZED",
            },
            "statement st-1": {
                "id": "st-1", "invoice": "inv-1", "party": PARTY[BUYER], "issuer_party": PARTY[SELLER],
                "direction": "sent", "gross_fen": 100, "share_fen": 100, "paid_fen": 0,
                "value": self.signed(value, SELLER), "digest": "d", "at": AT,
            },
        }  # fmt: skip

    def member(self, node: str, key: PrivateKey, issuer: str = REGISTRY) -> dict[str, Any]:
        same = {"party": PARTY[node], "name": node, "address": "http://x", "public_key": key.public.text,
                "kind": "connector", "serial": 1}  # fmt: skip
        record = self.signed({**same, "code": node, "issuer": issuer}, issuer)
        return {**same, "id": node, "state": "active", "record": record, "learned_at": AT}

    def bundle(self, folder: Path, rows: Rows) -> Path:
        store = with_tables(Store(sqlite_url(folder / "n.db")))
        signing.install(store, self.keys[SELLER], signing.Me(SELLER, PARTY[SELLER], "s", "http://s"))
        with store.begin(Actor("p-1", "finance", PARTY[SELLER])) as tx:
            for name, row in rows.items():
                table = self.tables[name.split()[0]]
                tx.add(table, row)
                evidence.append(tx, "test.kept", table, row["id"])
        Sequencer(store, self.keys[SELLER], note.origin_of(SELLER), folder / "evidence").run_once()
        with store.read() as tx, zipfile.ZipFile(io.BytesIO(audit.bundle(tx))) as packed:
            packed.extractall(folder / "bundle")
        store.dispose()
        return folder / "bundle"


def checked(bundle: Path, **trusted: str) -> dict[str, Any]:
    check = VERIFIER.Check(VERIFIER.read_bundle(bundle), {f"datong/{node}": key for node, key in trusted.items()})
    check.run()
    return dict(check.report())


@pytest.mark.parametrize("profile", [DEFAULT, GUOMI], ids=["default", "guomi"])
def test_what_both_signed_holds(tmp_path: Path, profile: Profile) -> None:
    if profile is GUOMI:
        pytest.importorskip("tongsuopy", reason="needs the extra guomi")
    with as_if(profile):
        world = World()
        report = checked(world.bundle(tmp_path, world.records()))
    assert (report["problems"], report["signatures"], report["one_side"]) == ([], 12, [])
    assert set(report["keys"]) == {f"datong/{SELLER}", f"datong/{REGISTRY}"}, "who says whose the buyer's key is"


def forged_contract(world: World, rows: Rows) -> None:
    rows["agreement agr-1"]["terms"]["tariff"]["amount_fen"] = 900


def unsigned_contract(world: World, rows: Rows) -> None:
    del rows["agreement agr-1"]["signatures"][1]


def contract_in_its_name(world: World, rows: Rows) -> None:
    """The seller signs for the buyer."""
    row = rows["agreement agr-1"]
    content = {name: row[name] for name in VERIFIER.AGREED}
    row["signatures"][1] = {**world.signature(SELLER, content), "party": PARTY[BUYER]}


def contract_by_a_made_up_key(world: World, rows: Rows) -> None:
    row = rows["agreement agr-1"]
    content = {name: row[name] for name in VERIFIER.AGREED}
    row["signatures"][1] = world.signature(BUYER, content, PrivateKey.new())


def another_form(world: World, rows: Rows) -> None:
    """A form that the national rail would sign, of another contract."""
    over = {"contractId": "C2"}
    rows["agreement agr-1"]["signatures"][1] = {**world.signature(BUYER, over), "over": over}


def no_acceptance(world: World, rows: Rows) -> None:
    rows["invoice inv-1"]["acceptance"] = None


def forged_acceptance(world: World, rows: Rows) -> None:
    rows["invoice inv-1"]["acceptance"]["signatures"] = [
        {**world.signature(SELLER, rows["invoice inv-1"]["acceptance"]), "node": BUYER, "party": PARTY[BUYER]}
    ]


def acceptance_of_another(world: World, rows: Rows) -> None:
    """What the buyer accepted was cheaper."""
    value = world.signed({**signing.unsigned(rows["invoice inv-1"]["value"]), "gross_fen": 900}, SELLER)
    rows["invoice inv-1"] |= {"value": value, "gross_fen": 900}


def dispute_shown_as_acceptance(world: World, rows: Rows) -> None:
    word = {**signing.unsigned(rows["invoice inv-1"]["acceptance"]), "word": "disputed"}
    rows["invoice inv-1"]["acceptance"] = world.signed(word, BUYER)


def forged_dispute(world: World, rows: Rows) -> None:
    """The seller lets the buyer say what it never did."""
    word = rows["invoice inv-1"]["words"][0]
    word["signatures"] = [{**world.signature(SELLER, word), "node": BUYER, "party": PARTY[BUYER]}]


def receipt_of_a_third(world: World, rows: Rows) -> None:
    words = rows["invoice inv-1"]["words"]
    words[1] = world.signed(signing.unsigned(words[1]), REGISTRY)


def receipt_for_another(world: World, rows: Rows) -> None:
    words = rows["invoice inv-1"]["words"]
    words[1] = world.signed({**signing.unsigned(words[1]), "invoice": "inv-2"}, SELLER)


def self_made_member(world: World, rows: Rows) -> None:
    """The seller puts a key of its own into the buyer's membership, and signs with it as the buyer."""
    own = PrivateKey.new()
    row = rows[f"register_node {BUYER}"]
    row["record"] = {**row["record"], "public_key": own.public.text}


def ended_by_the_buyer(world: World, rows: Rows) -> None:
    """Honestly."""
    notice = world.signed({"agreement": "agr-1", "kind": "01", "reason": "enough", "at": AT}, BUYER)
    rows["agreement agr-1"] |= {"state": "TERMINATED", "reason": {"code": "01", "zh": "", "en": "", "notice": notice}}


def said_to_be_ended_by_the_buyer(world: World, rows: Rows) -> None:
    ended_by_the_buyer(world, rows)
    notice = rows["agreement agr-1"]["reason"]["notice"]
    notice["signatures"] = [{**world.signature(SELLER, notice), "node": BUYER, "party": PARTY[BUYER]}]


def ended_by_the_notice_of_another(world: World, rows: Rows) -> None:
    ended_by_the_buyer(world, rows)
    other = {**signing.unsigned(rows["agreement agr-1"]["reason"]["notice"]), "agreement": "agr-2"}
    rows["agreement agr-1"]["reason"]["notice"] = world.signed(other, BUYER)


def garbage(world: World, rows: Rows) -> None:
    rows["agreement agr-1"]["signatures"] = ["x", 7]


ATTACKS: list[tuple[Callable[[World, Rows], None], str]] = [
    (forged_contract, "agreement agr-1"), (unsigned_contract, "agreement agr-1"),
    (contract_in_its_name, "agreement agr-1"), (contract_by_a_made_up_key, "agreement agr-1"),
    (another_form, "agreement agr-1"), (garbage, "agreement agr-1"), (no_acceptance, "invoice inv-1 acceptance"),
    (forged_acceptance, "invoice inv-1 acceptance"), (acceptance_of_another, "invoice inv-1 acceptance"),
    (said_to_be_ended_by_the_buyer, "agreement agr-1 reason"),
    (ended_by_the_notice_of_another, "agreement agr-1 reason"),
    (forged_dispute, "invoice inv-1 words"), (receipt_of_a_third, "invoice inv-1 words"),
    (receipt_for_another, "invoice inv-1 words"),
    (dispute_shown_as_acceptance, "invoice inv-1 acceptance"), (self_made_member, f"register_node {BUYER} record"),
]  # fmt: skip


@pytest.mark.parametrize(("attack", "where"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_what_the_other_side_did_not_sign_is_named(
    tmp_path: Path, attack: Callable[[World, Rows], None], where: str
) -> None:
    world = World()
    rows = copy.deepcopy(world.records())
    attack(world, rows)
    problems = checked(world.bundle(tmp_path, rows))["problems"]
    assert ("signature", where) in {(one["kind"], one["where"]) for one in problems}
    assert {one["kind"] for one in problems} == {"signature"}, "its own log holds"


def another_split(world: World, rows: Rows) -> None:
    """The seller keeps half for itself, and signs that."""
    value = copy.deepcopy(rows["statement st-1"]["value"])
    value["parts"] = [{**value["parts"][0], "weight": 1}, {**value["parts"][0], "party": PARTY[SELLER], "weight": 1}]
    rows["statement st-1"]["value"] = world.signed(signing.unsigned(value), SELLER)


def another_contract(world: World, rows: Rows) -> None:
    """It lets the uses lean on the buyer's purchase."""
    value = copy.deepcopy(rows["statement st-1"]["value"])
    value["lines"][0]["supplies"][0]["contracts"] = ["agr-1"]
    rows["statement st-1"]["value"] = world.signed(signing.unsigned(value), SELLER)


@pytest.mark.parametrize("attack", [another_split, another_contract])
def test_a_statement_that_is_signed_and_not_as_its_supply_contract_says_is_named(
    tmp_path: Path, attack: Callable[[World, Rows], None]
) -> None:
    world = World()
    rows = world.records()
    attack(world, rows)
    problems = checked(world.bundle(tmp_path, rows))["problems"]
    assert [(one["kind"], one["where"]) for one in problems] == [("statement", "statement st-1 value")]


def test_a_registry_of_its_own_does_not_stand_where_the_key_of_the_real_one_is_given(tmp_path: Path) -> None:
    """Whoever forges every key, the registry's too, is told by that key alone; so it is shown, and may be given."""
    world, real = World(), World().keys[REGISTRY].public.text
    bundle = world.bundle(tmp_path, world.records())
    assert checked(bundle)["keys"][f"datong/{REGISTRY}"] == world.keys[REGISTRY].public.text
    wrong = {one["where"] for one in checked(bundle, **{REGISTRY: real})["problems"]}
    assert {f"register_node {node} record" for node in PARTY} <= wrong


def test_a_false_signature_beside_the_true_ones_taints_nobodys_books(tmp_path: Path) -> None:
    """What a peer sends is kept with all that it put on it."""
    world = World()
    rows = world.records()
    stray = {**world.signature(BUYER, {"another": "thing"}), "node": "5STRANGER", "party": "91X"}
    rows["agreement agr-1"]["signatures"] += [
        stray, "x", {"key": 7}, {**stray, "key": "RSA:x"}, {**stray, "party": ["91X"]}, {**stray, "signature": "Ed25519:é"},
    ]  # fmt: skip
    rows["invoice inv-1"]["value"]["signatures"].insert(0, stray)
    report = checked(world.bundle(tmp_path, rows))
    assert (report["ok"], report["problems"]) == (True, [])


def test_who_ended_a_contract_is_proven_by_its_notice(tmp_path: Path) -> None:
    world = World()
    rows = world.records()
    ended_by_the_buyer(world, rows)
    report = checked(world.bundle(tmp_path, rows))
    assert (report["problems"], report["signatures"]) == ([], 13)


def test_a_contract_of_one_side_is_said_to_be_one(tmp_path: Path) -> None:
    world = World()
    rows = world.records()
    rows["agreement agr-1"]["signed"] = "one side"
    del rows["agreement agr-1"]["signatures"][1]
    report = checked(world.bundle(tmp_path, rows))
    assert (report["problems"], report["one_side"]) == ([], ["agr-1"])
