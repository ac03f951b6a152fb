"""A space whose members prove themselves by credentials: three real nodes over sockets, and those who try to get in."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import jsonschema
import pytest
from credential_space import (
    CATALOG,
    PARTIES,
    Another,
    Space,
    Up,
    code,
    credentialed,
    joined,
    offering,
    state_at,
    token_to,
    until,
    up,
)
from referencing import Registry, Resource

from datong.app.peering import verifier_of
from datong.ground import identity
from datong.ground.config import Config
from datong.ground.refusal import Refusal
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire import http
from datong.wire.dcp import credentials, did, routes, tokens, verifying
from datong.wire.dcp.did import DCP_CONTEXT
from datong.wire.dsp.messages import problems
from two_nodes import DATASET, OFFER, TERMS

SCHEMAS = Path(__file__).parents[2] / "data" / "dcp"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """Two members that joined at the registry and were given their credentials by it."""
    ways = dict.fromkeys(PARTIES, "dcp")
    with joined(tmp_path_factory.mktemp("space"), **ways) as found:
        credentialed(found, found.provider, found.consumer)
        yield found


def test_a_member_is_let_in_and_its_token_works_once(space: Space) -> None:
    token = token_to(space.consumer, space.provider)
    first, second = space.provider.catalogue(token), space.provider.catalogue(token)
    assert first.status_code == 200, first.text
    assert first.json()["@type"] == "Catalog"
    assert second.status_code == 404


def test_our_own_caller_is_such_a_member(space: Space) -> None:
    space.consumer.node.verifier.peer(code(space.provider))
    answer = space.consumer.node.verifier.post(
        code(space.provider), space.provider.address + "/dsp/2025-1/catalog/request", CATALOG
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    "more",
    [{"aud": "did:web:another.cn"}, {"exp": 1}, {"iat": 9_999_999_999}, {"jti": None}, {"token": None}, {"token": "x"},
     {"iss": "did:web:127.0.0.1%3A1"}, {"iss": "did:web:127.0.0.1%3A1", "sub": "did:web:127.0.0.1%3A1"}, {"sub": "x"}],
)  # fmt: skip
def test_who_is_not_let_in(space: Space, more: dict[str, Any]) -> None:
    space.provider.forget()
    assert space.provider.catalogue(token_to(space.consumer, space.provider, **more)).status_code == 404
    good = space.provider.catalogue(token_to(space.consumer, space.provider))
    assert good.status_code == 200, good.text


def test_a_made_up_sender_is_looked_for_once(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, asked_for = space.provider.node.verifier, []
    real = verifier.client.request
    monkeypatch.setattr(verifier.client, "request", lambda *a, **k: (asked_for.append(a), real(*a, **k))[1])
    for _ in range(3):
        made_up = token_to(space.consumer, space.provider, sub="did:web:127.0.0.1%3A1", iss="did:web:127.0.0.1%3A1")
        assert space.provider.catalogue(made_up).status_code == 404
    assert len([a for a in asked_for if a[1] == "http://127.0.0.1:1/.well-known/did.json"]) <= 1
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200


def test_forged_tokens_of_a_member_do_not_send_us_to_it_again_and_again(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each was a call of ours to the member's host, and held a thread for as long as that took to answer."""
    verifier, asked_for = space.provider.node.verifier, []
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200
    real = verifier.client.request
    monkeypatch.setattr(verifier.client, "request", lambda *a, **k: (asked_for.append(a), real(*a, **k))[1])
    for _ in range(5):
        good = token_to(space.consumer, space.provider)
        assert space.provider.catalogue(good[:-8] + "AAAAAAAA").status_code == 404
    assert len(asked_for) <= 1
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200


@pytest.fixture
def another(space: Space, tmp_path: Path) -> Iterator[Another]:
    made = Another(tmp_path)
    yield made
    made.stop()


def test_a_connector_of_another_make_is_let_in_under_a_did_that_lives_elsewhere(space: Space, another: Another) -> None:
    space.provider.forget()
    assert space.provider.catalogue(another.wallet.token(space.provider.did)).status_code == 404, "nobody admitted it"
    facts = {"name": "Ocean Data", "party": "91520100MA6EDC012H", "address": another.address, "did": another.wallet.did}
    record = space.registry.do(register.admit_connector, "registrar", make="Another 1.0", **facts)
    assert space.registry.do(register.admit_connector, "registrar", make="Another 1.0", **facts) == record
    space.provider.node.verifier.unreached = http.Unknown()  # as if a moment had passed
    assert space.provider.catalogue(another.wallet.token(space.provider.did)).status_code == 404, (
        "it has no credential yet"
    )
    space.registry.do(register.issue_membership, "registrar", code=record["code"])
    until(lambda: another.wallet.held, "the credential at its service")
    answer = space.provider.catalogue(another.wallet.token(space.provider.did))
    assert answer.status_code == 200, answer.text
    verifier = space.provider.node.verifier
    assert verifier.post(record["code"], f"{another.address}/catalog/request", CATALOG).status == 200
    ((path, claims, _body),) = another.heard
    assert (path, claims["aud"]) == ("/protocol/catalog/request", another.wallet.did)
    with space.provider.store.read() as tx:
        assert verifying.did_of_node(tx, record["code"]) == another.wallet.did
        assert register.lies_at(tx, record["code"], f"{another.address}/callback")
        assert not register.lies_at(tx, record["code"], another.wallet.address)
    space.registry.do(register.suspend_node, "registrar", code=record["code"], reason="it is over")
    until(lambda: state_at(space.provider, record["code"]) == "suspended", "the member to hear of it")
    assert space.provider.catalogue(another.wallet.token(space.provider.did)).status_code == 404


def test_a_presentation_sends_us_to_no_issuer_we_do_not_believe(
    space: Space, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger could name hundreds, each of which keeps a thread of ours waiting."""
    now = datetime.now(UTC)
    for n in range(5):
        issuer = f"did:web:127.0.0.1%3A1:issuer{n}"
        facts = {"id": f"c-{n}", "holder": another.wallet.did, "subject": {}, "index": n, "list_at": "http://x.cn/l"}
        times = {"issued": now, "expires": now + timedelta(days=1)}
        another.wallet.held.append(credentials.membership(issuer, another.wallet.key, **facts, **times))
    verifier, called = space.provider.node.verifier, []
    real = verifier.client.request
    monkeypatch.setattr(verifier.client, "request", lambda *a, **k: (called.append(a[1]), real(*a, **k))[1])
    answer = space.provider.catalogue(another.wallet.token(space.provider.did))
    assert answer.status_code == 404
    assert "not believed" in answer.text
    assert [url for url in called if "issuer" in url] == []
    assert verifier.documents.get(another.wallet.did) is None, "nor is what strangers publish kept"


def test_strangers_on_slow_hosts_hold_up_nobody(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "SECONDS", 3.0)
    member = token_to(space.consumer, space.provider)
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent, ThreadPoolExecutor(60) as at_once:
        host = f"did:web:127.0.0.1%3A{silent.getsockname()[1]}"
        made_up = [token_to(space.consumer, space.provider, sub=f"{host}:{n}", iss=f"{host}:{n}") for n in range(50)]
        strangers = [at_once.submit(space.provider.catalogue, token) for token in made_up]
        time.sleep(0.5)
        begun = time.monotonic()
        answer = space.provider.catalogue(member)
        took = time.monotonic() - begun
        statuses = Counter(each.result().status_code for each in strangers)
    assert (answer.status_code, took < 2) == (200, True), (took, answer.text)
    assert (statuses[404], statuses[503]) == (verifying.STRANGERS_MAX, 50 - verifying.STRANGERS_MAX)
    space.provider.node.verifier.unreached = http.Unknown()


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.e30"])
def test_without_a_token_nobody_is_let_in(space: Space, token: str) -> None:
    assert space.provider.catalogue(token).status_code == 404


def test_a_node_that_is_no_member_is_not_let_in(space: Space, tmp_path: Path) -> None:
    key = space.registry.see(register.directory)[0]["public_key"]
    with up(tmp_path / "stranger", "consumer", (space.registry.address, key)) as stranger:
        space.provider.forget()
        assert space.provider.catalogue(token_to(stranger, space.provider)).status_code == 404
        with pytest.raises(ValueError, match="no credential"):
            asked(space.provider, stranger)


@pytest.mark.parametrize("kept", [True, False], ids=["believed a moment ago", "asked anew"])
def test_a_token_by_which_nobody_could_be_asked_is_refused_also_of_a_known_member(space: Space, kept: bool) -> None:
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200
    if not kept:
        space.provider.forget()
    for token in (None, "", 5):
        assert space.provider.catalogue(token_to(space.consumer, space.provider, token=token)).status_code == 404


@pytest.mark.parametrize(
    ("subject", "known", "why"),
    [({}, True, ""), ({"nodeCode": None}, True, ""), ({}, False, "no one node has its DID"), ({"nodeCode": 5}, True, "names no node")],
)  # fmt: skip
def test_a_credential_of_an_issuer_that_knows_no_node_codes(
    space: Space, monkeypatch: pytest.MonkeyPatch, subject: dict[str, Any], known: bool, why: str
) -> None:
    """Its holder is the node of the directory here that has its DID."""
    with space.provider.store.read() as tx:
        assert code(space.consumer) in {node["code"] for node in register.known_nodes(tx)}
    verifier, real = space.provider.node.verifier, asked(space.provider, space.consumer)
    another = replace(real, subject={"id": space.consumer.did, **subject})
    monkeypatch.setattr(verifier, "membership", lambda _who, _access: another)
    who = space.consumer.did if known else "did:web:another.cn"
    if not why:
        assert verifier._member(who, "") == code(space.consumer)
        return
    with pytest.raises(ValueError, match=why):
        verifier._member(who, "")


class Schemas(BaseHTTPRequestHandler):
    """A server on which an issuer keeps the schemas of its credentials."""

    served: ClassVar[dict[str, bytes]] = {"/subject": json.dumps({"required": ["id", "tier"]}).encode(), "/odd": b"{"}

    def do_GET(self) -> None:
        body = self.served.get(self.path)
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("path", "subject", "why"),
    [("/subject", {"tier": "gold"}, ""), ("/subject", {}, "does not follow its schema"), ("/odd", {}, "no JSON"),
     ("/absent", {}, "cannot be fetched")],
)  # fmt: skip
def test_the_schema_of_a_credential_is_fetched_and_asked(
    space: Space, path: str, subject: dict[str, str], why: str
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Schemas)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        space.provider.forget()
        verifier, real = space.provider.node.verifier, asked(space.provider, space.consumer)
        at = f"http://127.0.0.1:{server.server_port}{path}"
        named = replace(real, schemas=(credentials.Schema(at, {"id": space.consumer.did, **subject}),))
        with space.provider.store.read() as tx:
            now = tx.wall_now
        if not why:
            verifier._holds(named, now)
        else:
            with pytest.raises(ValueError, match=why):
                verifier._holds(named, now)
    finally:
        server.shutdown()
        server.server_close()


def test_how_long_a_member_is_believed_is_a_setting(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is set, nobody who presented a moment ago is asked again; at 0 everybody is."""
    node, presented = space.provider.node, []
    for seconds, again in ((60, 1), (0, 2)):
        config = Config(node.config.folder, {**node.config.values, "peers.believed_seconds": seconds})
        verifier = verifier_of(node.store, node.verifier.client, config)
        assert verifier.members.seconds + verifier.lists.seconds <= seconds, "a new member may be asked of an old list"
        real = verifier.membership
        monkeypatch.setattr(
            verifier, "membership", lambda *given, real=real: (presented.append(given), real(*given))[1]
        )
        for _ in range(2):
            verifier.sender(f"Bearer {token_to(space.consumer, space.provider)}")
        assert len(presented) == again, seconds
        presented.clear()


def asked(verifier: Up, holder: Up) -> credentials.Credential:
    with holder.store.read() as tx:
        access = verifying.access_for(tx, verifier.did)
    return verifier.node.verifier.membership(holder.did, access)


def test_a_rotated_key_is_believed_at_once_and_a_retired_one_no_longer(space: Space) -> None:
    space.provider.node.verifier.renewed = verifying.Kept(verifying.RENEW_SECONDS)  # of other tests
    ring = identity.KeyRing(space.consumer.node.config.folder)
    before = token_to(space.consumer, space.provider)
    old = ring.current().name
    ring.rotate("ES256")
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200
    assert space.provider.catalogue(before).status_code == 200  # it was on its way
    later = ring.published()[0].jwt(
        tokens.unproven(token_to(space.consumer, space.provider)), f"{space.consumer.did}#{old}"
    )
    ring.retire(old)
    space.provider.forget()
    assert space.provider.catalogue(later).status_code == 404


def test_the_issuers_new_key_leaves_old_credentials_valid_until_the_old_one_is_retired(space: Space) -> None:
    ring = identity.KeyRing(space.registry.node.config.folder)
    old = ring.current().name
    ring.rotate("ES256")
    space.provider.forget()
    assert asked(space.provider, space.consumer).issuer == space.registry.did
    ring.retire(old)
    space.provider.forget()
    with pytest.raises(ValueError, match="not published"):
        asked(space.provider, space.consumer)
    for member in (space.provider, space.consumer):
        held = len(member.see(register.held_credentials))
        space.registry.do(register.issue_membership, "registrar", code=code(member))
        until(lambda member=member, held=held: len(member.see(register.held_credentials)) > held, "a new credential")
    assert asked(space.provider, space.consumer).issuer == space.registry.did


def test_a_revoked_credential_is_none(space: Space) -> None:
    issued = space.registry.see(register.issued_credentials)
    mine = [row for row in issued if row["node"] == code(space.consumer) and row["state"] == "issued"]
    for row in mine:
        space.registry.do(register.revoke_credential, "registrar", credential=row["id"], reason="a test")
    space.provider.forget()
    with pytest.raises(ValueError, match=r"revoked|not published"):
        asked(space.provider, space.consumer)
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 404
    with pytest.raises(Refusal, match="IDN-461"):
        space.registry.do(register.revoke_credential, "registrar", credential=mine[0]["id"], reason="again")
    held = len(space.consumer.see(register.held_credentials))
    space.registry.do(register.issue_membership, "registrar", code=code(space.consumer))
    until(lambda: len(space.consumer.see(register.held_credentials)) > held, "a new credential")
    space.provider.forget()
    assert space.provider.catalogue(token_to(space.consumer, space.provider)).status_code == 200


def test_a_credential_of_an_issuer_that_is_not_believed(space: Space) -> None:
    verifier = space.provider.node.verifier
    before, verifier.issuers = verifier.issuers, [space.provider.did]
    space.provider.forget()
    with pytest.raises(ValueError, match="not believed"):
        asked(space.provider, space.consumer)
    verifier.issuers = before


# --- the credential service --------------------------------------------------------------------------------------


def query(**more: Any) -> dict[str, Any]:
    return {"@context": [DCP_CONTEXT], "type": "PresentationQueryMessage", "scope": [verifying.SCOPE], **more}


def query_token(space: Space, **more: Any) -> str:
    """A token by which the provider asks the consumer, with the consumer's access token for it."""
    with space.consumer.store.read() as tx:
        access = verifying.access_for(tx, space.provider.did)
    return token_to(space.provider, space.consumer, **{"token": access, **more})


@pytest.mark.parametrize(
    ("body", "status", "presented"),
    [
        (query(), 200, 1), (query(scope=["org.eclipse.dspace.dcp.vc.type:OtherCredential:read"]), 200, 0),
        (query(scope=["org.eclipse.dspace.dcp.vc.id:unknown"]), 200, 0), (query(scope=[]), 400, 0),
        (query(scope="x"), 400, 0), (query(scope=[5]), 400, 0), (query(scope=["odd:Member"]), 400, 0),
        (query(scope=None), 400, 0), (query(presentationDefinition={"id": "x"}), 400, 0),
        (query(scope=None, presentationDefinition={"id": "x"}), 501, 0), (query(type="Odd"), 400, 0), ([], 400, 0),
        (query(scope=None, presentationDefinition={}), 400, 0), (query(scope=None, presentationDefinition=None), 400, 0),
        (query(scope=[verifying.SCOPE] * 21), 400, 0),
    ],
)  # fmt: skip
def test_what_is_presented(space: Space, body: Any, status: int, presented: int) -> None:
    answer = space.consumer.post("/dcp/presentations/query", body, query_token(space))
    assert answer.status_code == status, answer.text
    if status == 200:
        valid(answer.json(), "presentation-response-message-schema.json")
        assert len(answer.json()["presentation"]) == presented


def test_an_access_token_opens_the_kinds_it_names_and_no_more_by_whatever_name(space: Space) -> None:
    """Also the credential's own id opens only what the token does."""
    (held,) = {row["name"] for row in rows(space.consumer, "register_held_credential")} & {
        tokens.unproven(row["text"])["id"] for row in rows(space.consumer, "register_held_credential")[-1:]
    }
    by_id = f"org.eclipse.dspace.dcp.vc.id:{held}:read"
    other = "org.eclipse.dspace.dcp.vc.type:OtherCredential:read"

    def presented(scope: str, asked_for: str) -> int:
        with space.consumer.store.read() as tx:
            access = verifying.access_for(tx, space.provider.did, scope)
        token = token_to(space.provider, space.consumer, token=access)
        answer = space.consumer.post("/dcp/presentations/query", query(scope=[asked_for]), token)
        assert answer.status_code == 200, answer.text
        return len(answer.json()["presentation"])

    assert presented(verifying.SCOPE, verifying.SCOPE) == presented(verifying.SCOPE, by_id) == 1
    assert presented(f"{other} {verifying.SCOPE}", by_id) == 1
    assert presented(other, by_id) == presented(other, verifying.SCOPE) == presented("", by_id) == 0


def test_to_whom_nothing_is_presented(space: Space) -> None:
    with space.consumer.store.read() as tx:
        for_another = verifying.access_for(tx, space.registry.did)
    for more in ({"token": None}, {"token": "x"}, {"token": for_another}, {"aud": space.registry.did}, {"exp": 1}):
        answer = space.consumer.post("/dcp/presentations/query", query(), query_token(space, **more))
        assert answer.status_code == 401, (more, answer.text)
        assert "presentation" not in answer.json()
    assert space.consumer.post("/dcp/presentations/query", query()).status_code == 401


def test_only_an_issuer_may_leave_a_credential_and_only_ours(space: Space) -> None:
    held = len(space.consumer.see(register.held_credentials))
    (text, *_) = [row["text"] for row in rows(space.provider, "register_held_credential")]
    container = {"credentialType": credentials.MEMBERSHIP, "format": credentials.NEWER, "payload": text}
    message = {"@context": [DCP_CONTEXT], "type": "CredentialMessage", "issuerPid": "x", "status": "ISSUED",
               "credentials": [container]}  # fmt: skip
    valid(message, "credential-message-schema.json")
    refused = space.consumer.post("/dcp/credentials", message, token_to(space.provider, space.consumer))
    assert refused.status_code == 401
    for odd in (message, {**message, "type": "x"}, {**message, "credentials": [{"payload": 5}]}, {**message, "credentials": 5},
                {**message, "credentials": [{**container, "payload": text[:-3] + "abc"}]}):  # fmt: skip
        answer = space.consumer.post("/dcp/credentials", odd, token_to(space.registry, space.consumer))
        assert answer.status_code == 400, answer.text
    rejected = {**message, "status": "REJECTED", "credentials": []}
    assert (
        space.consumer.post("/dcp/credentials", rejected, token_to(space.registry, space.consumer)).status_code == 200
    )
    assert len(space.consumer.see(register.held_credentials)) == held
    huge = space.consumer.post("/dcp/credentials", {"x": "y" * 300_000}, token_to(space.registry, space.consumer))
    assert huge.status_code == 413


def rows(member: Up, table: str) -> list[dict[str, Any]]:
    with member.store.engine.connect() as opened:
        return [dict(row) for row in opened.exec_driver_sql(f"SELECT * FROM {table}").mappings()]


def test_documents_are_public_and_hold_no_secret(space: Space) -> None:
    answer = httpx.get(space.consumer.address + "/.well-known/did.json", trust_env=False)
    assert answer.status_code == 200
    assert did.read(answer.json(), space.consumer.did).services["CredentialService"] == space.consumer.address + "/dcp"
    assert '"d"' not in answer.text
    for profile, path in routes.STATUS_PATHS.items():
        listed = httpx.get(space.registry.address + path, trust_env=False)
        assert listed.headers["content-type"].startswith("application/vc+jwt")
        plain = httpx.get(space.registry.address + path, headers={"accept": "application/json"}, trust_env=False).json()
        signed = tokens.unproven(listed.text)
        said = signed["vc"] if profile == credentials.OLDER else signed
        assert plain["credentialSubject"] == said["credentialSubject"]


@pytest.fixture
def offered(space: Space) -> dict[str, Any]:
    return offering(space)


def test_a_catalogue_names_its_node_by_did(space: Space, offered: dict[str, Any]) -> None:
    shown = space.provider.catalogue(token_to(space.consumer, space.provider)).json()
    assert shown["participantId"] == space.provider.did and len(shown["dataset"]) == 1


Wording = Callable[[Space, dict[str, Any]], dict[str, Any]]


def as_it_is(_space: Space, parties: dict[str, Any]) -> dict[str, Any]:
    return parties


def by_codes(space: Space, parties: dict[str, Any]) -> dict[str, Any]:
    return {"assigner": code(space.provider), "assignee": code(space.consumer)}


def of_another(space: Space, parties: dict[str, Any]) -> dict[str, Any]:
    return {**parties, "assignee": space.registry.did}


def the_other_way_round(space: Space, parties: dict[str, Any]) -> dict[str, Any]:
    return {"assigner": parties["assignee"], "assignee": parties["assigner"]}


@pytest.mark.parametrize(
    ("worded", "ends"),
    [(as_it_is, "FINALIZED"), (by_codes, "FINALIZED"), (of_another, "TERMINATED"), (the_other_way_round, "TERMINATED")],
)
def test_an_agreement_names_both_by_their_dids(
    space: Space, offered: dict[str, Any], monkeypatch: pytest.MonkeyPatch, worded: Wording, ends: str
) -> None:
    """A connector compares assigner and assignee with the DIDs that sent and received; what is signed names the nodes."""
    said: list[dict[str, Any]] = []
    caller = space.provider.node.verifier
    real = caller.post

    def post(to: str, url: str, body: dict[str, Any]) -> Any:
        if body["@type"] == "ContractAgreementMessage":
            said.append(body["agreement"])
            parties = {name: body["agreement"][name] for name in ("assigner", "assignee")}
            body = {**body, "agreement": {**body["agreement"], **worded(space, parties)}}
        return real(to, url, body)

    monkeypatch.setattr(caller, "post", post)
    asked_for = {"dataset": DATASET, "offer_id": OFFER, "purpose": TERMS["purpose"], "offer": offered}
    mine = space.consumer.do(negotiate.request, "analyst", provider=code(space.provider), **asked_for)["id"]

    def at(member: Up, key: str) -> dict[str, Any]:
        return next((row for row in member.see(negotiate.negotiations) if row[key] == mine), {"state": ""})

    until(lambda: at(space.consumer, "id")["state"] == ends == at(space.provider, "peer_pid")["state"], f"both {ends}")
    assert [(one["assigner"], one["assignee"]) for one in said] == [(space.provider.did, space.consumer.did)]
    if ends == "TERMINATED":
        assert at(space.consumer, "id")["reason"]["code"] == "CTR-411"
        return
    signed = [row for row in space.consumer.see(negotiate.agreements) if row["id"] == said[0]["@id"]]
    assert [(row["provider"], row["consumer"], row["signed"]) for row in signed] == [
        (code(space.provider), code(space.consumer), "both")
    ]


def test_the_version_document_says_how_a_member_proves_itself(space: Space) -> None:
    answer = httpx.get(space.provider.address + "/.well-known/dspace-version", trust_env=False).json()
    assert problems(answer, "common/protocol-version") == []
    (entry,) = answer["protocolVersions"]
    assert entry["identifierType"] == "did:web"
    assert entry["auth"] == {"protocol": "DCP", "version": "1.0", "profile": ["vc20-bssl/jwt", "vc11-sl2021/jwt"]}


def valid(message: Any, schema: str) -> None:
    """Raises when `message` does not follow the published schema."""
    found = {file.name: json.loads(file.read_text("utf-8")) for file in SCHEMAS.glob("*.json")}
    context = found["context-schema.json"]  # published under an id of a draft, and named by another
    context["$id"] = context["$id"].replace("/v08/", "/v1.0/")
    registry: Registry[Any] = Registry().with_resources((v["$id"], Resource.from_contents(v)) for v in found.values())
    jsonschema.Draft201909Validator(found[schema], registry=registry).validate(message)


def test_what_we_ask_follows_the_schema() -> None:
    valid(query(), "presentation-query-message-schema.json")
