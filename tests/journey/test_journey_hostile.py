"""Messages and people that may not, over real sockets: each is refused clearly, and nothing is changed by it."""

from __future__ import annotations

import base64
import copy
import inspect
import json
import random
import re
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import httpx
import pytest
from paperwork import BIKE, BUREAU, GROUP, LAB, PURPOSE, REGISTRY, parties

import datong.app.doors  # noqa: F401 - declares all verbs
from datong.app import RECEIVERS
from datong.ground.canonical import digest_bytes
from datong.ground.keys import PrivateKey
from datong.terms.verbs import VERBS
from living import Living, refusal, says

DSP = "/dsp/2025-1"


@pytest.fixture(scope="module", autouse=True)
def acquainted(living: Living) -> None:
    """Every node has heard of every other: to learn of one is a deed of its own."""
    for sender in parties():
        for to in parties():
            if to != sender:
                living.message(sender, to, "deliver.ended", {})


@pytest.fixture(autouse=True)
def nothing_changes(living: Living, request: pytest.FixtureRequest) -> Iterator[None]:
    """No test of this file leaves a deed at any node, but those that say so; every deed leaves a leaf."""
    living.at_rest()
    before = living.all_leaves()
    yield
    if "does_something" not in request.keywords:
        living.at_rest()
        assert living.all_leaves() == before


def said(answer: httpx.Response) -> str:
    """The refusal in one text; every one says what, why and the next step in both languages."""
    error = answer.json()["error"]
    for part in ("what", "why", "next"):
        assert error[part]["zh"] and error[part]["en"], error
    return f"{error['code']} {error['what']['en']} {error['why']['en']} {error['next']['en']}"


# --- messages between nodes --------------------------------------------------------------------------------------


def entry(living: Living, version: int = 1) -> dict[str, Any]:
    """A message the registry could really send: a new version of the ledger entry of the trips."""
    known = living.who(GROUP, "auditor").ask("register.ledger")["entries"]
    value = next(entry for entry in known if entry["code"] == living.code("trips"))
    return {"entry": living.signed(REGISTRY, {**value, "version": value["version"] + version})}


def posted(living: Living, message: Any, **spoilt: Any) -> httpx.Response:
    """A message of the registry to the group, `spoilt` in its proof."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return living.post(
        GROUP, "/node/messages", data, spoilt.pop("proof", "") or living.proof(REGISTRY, GROUP, data, **spoilt)
    )


def enveloped(body: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "type": "register.ledger_entry", "version": 1, "body": body, **other}


def test_a_message_whose_sender_is_not_proven_is_refused(living: Living) -> None:
    message = enveloped(entry(living))
    data = json.dumps(message).encode()
    known = living.code(f"node:{REGISTRY}")
    stranger = known[:-1] + ("1" if known[-1] == "0" else "0")  # its check character is anything at random
    claims = {"iss": living.code(f"node:{REGISTRY}"), "aud": living.code(f"node:{GROUP}"), "jti": uuid.uuid4().hex,
              "digest": digest_bytes(data)}  # fmt: skip
    key, now = living.key(REGISTRY), datetime.now(UTC)
    unsigned = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (
            {"alg": "none", "typ": "JWT"},
            {**claims, "iat": int(now.timestamp()), "exp": int(now.timestamp()) + 60},
        )
    )
    proofs = {
        "wrong signature": living.proof(REGISTRY, GROUP, data, key=PrivateKey.new()),
        "another node's key": living.proof(REGISTRY, GROUP, data, key=living.key(LAB)),
        "unknown node": living.proof(REGISTRY, GROUP, data, iss=stranger),
        "no node at all": living.proof(REGISTRY, GROUP, data, iss="../../node"),
        "wrong audience": living.proof(REGISTRY, GROUP, data, aud=living.code(f"node:{LAB}")),
        "altered body": living.proof(REGISTRY, GROUP, data + b" "),
        "expired": key.token(claims, now - timedelta(seconds=90)),
        "from the future": key.token(claims, now + timedelta(seconds=90)),
        "lives too long": key.token(claims, now, seconds=3600),
        "not signed": unsigned + ".",
        "no token": "nothing",
    }
    for what, proof in proofs.items():
        answer = posted(living, data, proof=proof)
        by_clock = what in ("expired", "from the future")  # right in all but its time: a new token may be taken
        expected = (503, "NET-425") if by_clock else (403, "NET-401")
        assert (answer.status_code, said(answer)[:7]) == expected, (what, said(answer))
    assert "unknown node" in said(posted(living, data, proof=proofs["unknown node"]))
    assert "body" in said(posted(living, data, proof=proofs["altered body"]))


@pytest.mark.does_something
def test_a_recorded_message_cannot_be_played_again(living: Living) -> None:
    message = enveloped(entry(living))
    data = json.dumps(message).encode()
    proof = living.proof(REGISTRY, GROUP, data)
    before = living.leaves(GROUP)
    assert posted(living, data, proof=proof).json() == {"id": message["id"], "received": "now"}
    assert living.leaves(GROUP) == before + 1
    replayed = posted(living, data, proof=proof)
    assert replayed.status_code == 403 and said(replayed).startswith("MSG-401")
    again = posted(living, data)  # the sender's own repetition, newly proven: answered as before, done once
    assert again.json() == {"id": message["id"], "received": "before"}
    other = posted(living, {**message, "body": entry(living, 2)})
    assert other.status_code == 409 and said(other).startswith("MSG-409")
    assert living.leaves(GROUP) == before + 1


def test_a_message_out_of_form_is_refused(living: Living) -> None:
    good = enveloped(entry(living))
    wrong = {
        "no JSON": b"{",
        "no text": b"\xff\xfe\x00",
        "a list": b"[]",
        "nothing": b"",
        "no id": {name: part for name, part in good.items() if name != "id"},
        "no body": {**good, "body": None},
        "another version": {**good, "version": 2},
        "an unknown type": {**good, "type": "register.everything"},
        "half a letter": json.dumps({**good, "body": {"entry": "\ud800"}}).encode(),
        "no number": json.dumps({**good, "body": {"entry": float("nan")}}).encode(),
        "endlessly nested": b'{"id": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    }
    for what, message in wrong.items():
        answer = posted(living, message)
        assert answer.status_code == 400, (what, answer.status_code, answer.text[:200])
        assert said(answer).startswith("MSG-400"), what
    large = posted(living, json.dumps({**good, "body": {"x": "x" * (9 * 1024 * 1024)}}).encode())
    assert large.status_code == 400 and said(large).startswith("NET-413"), large.text[:300]


def test_what_a_node_may_not_say_is_refused_although_it_proves_who_it_is(living: Living) -> None:
    as_told = entry(living)["entry"]
    forged = [
        living.message(LAB, GROUP, "register.ledger_entry", {"entry": living.signed(LAB, as_told)}),
        living.message(LAB, GROUP, "register.ledger_entry", {"entry": as_told}),
        living.message(REGISTRY, GROUP, "register.ledger_entry", {"entry": {**as_told, "state": "ENDED"}}),
        living.message(LAB, GROUP, "deliver.ended", {"agreement": living.agreement("trips"), "reason": "x"}),
        living.message(
            LAB, GROUP, "compose.partition_hold", {"partition": "p", "resource": "r", "level": 0, "nodes": []}
        ),
        living.message(LAB, BIKE, "compose.partition_ask", {"agreement": living.agreement("trips")}),
        living.message(BIKE, GROUP, "negotiate.ended", {"agreement": living.agreement("product"), "signatures": []}),
    ]
    record = next(iter(living.who(GROUP, "operator").ask("deidentify.assessments")))
    told = {name: value for name, value in record.items() if name != "withdrawn_at"}
    better = {**told, "id": "assessment-forged", "serial": record["serial"] + 1}
    forged.append(living.message(LAB, GROUP, "deidentify.assessment", living.signed(LAB, better)))
    forged.append(
        living.message(REGISTRY, GROUP, "deidentify.assessment", living.signed(REGISTRY, {**better, "cr": 0.01}))
    )
    for answer in forged:
        assert answer.status_code in (400, 403, 404), answer.text
        assert said(answer)


HOSTILE = (None, 7, "x", [], {}, [None], {"x": None}, True, "9" * 5000)


def test_no_field_of_any_message_breaks_a_node(living: Living) -> None:
    """Real messages of the journey with one value replaced, and bodies of nothing but hostile values."""
    sent = real_messages(living)
    assert {"authorise.instrument", "settle.invoice", "register.case_filed", "price.ceiling"} <= set(sent)
    for kind, (sender, to, body) in sorted(sent.items()):
        dice = random.Random(kind)  # of its own: what is drawn here does not hang on which other messages were sent
        told = [place for place in places(body) if not is_beside_a_signature(place)]
        for place in dice.sample(told, min(len(told), 24)):
            spoilt = put(body, place, dice.choice([v for v in HOSTILE if spoils(kind, v, at(body, place))]))
            assert_refused(living, (sender, to, kind), spoilt, place)
    for kind in sorted(RECEIVERS):
        dice = random.Random(kind)
        for value in HOSTILE:
            whole = {**dict.fromkeys(NAMES, value), "agreement": living.agreement("product")}
            assert_refused(living, (LAB, GROUP, kind), dice.choice([whole, {**whole, "agreement": value}]), value)


OF_ITSELF = {
    "catalogue.report", "deliver.ended", "register.connector_report", "register.identity_decided",
    "register.space_applied", "register.space_decided",
}  # fmt: skip
"""What a member says in its own words and nobody signs apart from the message: another text is another statement."""


def spoils(kind: str, value: Any, real: Any) -> bool:
    if kind in OF_ITSELF:
        return value is not None and type(value) is not type(real)
    return bool(value != real)


NAMES = (
    "agreement", "application", "case", "code", "entry", "files", "filing", "instrument", "invoice", "joined", "key", "keys",
    "kind", "node", "notice", "party", "public_key", "reason", "record", "serial", "signatures", "state", "statement",
)  # fmt: skip


def real_messages(living: Living) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """type -> (sender, receiver, body) of a message that was sent in the journey."""
    slugs = {living.code(f"node:{slug}"): slug for slug in parties()}
    found: dict[str, tuple[str, str, dict[str, Any]]] = {}
    for slug in parties():
        with closing(living.store(slug)) as store:
            for row in store.execute("SELECT payload FROM job WHERE kind = 'node.send' ORDER BY id"):
                told = json.loads(row["payload"])
                if told["to"] in slugs and not told["type"].startswith(("evidence.", "compose.")):
                    found.setdefault(told["type"], (slug, slugs[told["to"]], told["body"]))
    return found


def places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, part in inside:
        yield (*here, name)
        yield from places(part, (*here, name))


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        value = value[name]
    return value


def put(value: dict[str, Any], place: tuple[Any, ...], new: Any) -> dict[str, Any]:
    spoilt = copy.deepcopy(value)
    at(spoilt, place[:-1])[place[-1]] = new
    return spoilt


def is_beside_a_signature(place: tuple[Any, ...]) -> bool:
    """Who signed for which department is said beside a signature, not under it: it may differ without harm."""
    return "signatures" in place and place[-1] in ("by", "department", "node")


def assert_refused(living: Living, way: tuple[str, str, str], body: dict[str, Any], where: Any) -> None:
    sender, to, kind = way
    answer = living.message(sender, to, kind, body)
    assert 400 <= answer.status_code < 500, (kind, where, answer.status_code, answer.text[:300])
    assert said(answer)


def test_the_business_clock_moves_only_by_the_demonstrations_signature_and_forwards(living: Living) -> None:
    now = living.world.about(GROUP)["business_time"]
    later = {"at": "2026-12-31T00:00:00Z", "seq": 99}
    for message in (
        {**later, "signature": PrivateKey.new().sign_value(later)},
        {**later, "signature": living.key(REGISTRY).sign_value(later)},
        {**later, "signature": living.world.clock_key.sign_value({**later, "at": "2027-01-01T00:00:00Z"})},
        {"at": "2026-01-01T00:00:00Z", "seq": 99,
         "signature": living.world.clock_key.sign_value({"at": "2026-01-01T00:00:00Z", "seq": 99})},
        later,
        {"at": "tomorrow", "seq": "x"},
    ):  # fmt: skip
        answer = httpx.post(f"{living.address(GROUP)}/node/clock", json=message, trust_env=False)
        assert answer.status_code == 403 and said(answer).startswith("CLK-403")
    assert living.world.about(GROUP)["business_time"] == now


# --- Dataspace Protocol ------------------------------------------------------------------------------------------


def dsp(living: Living, sender: str, to: str, path: str, message: Any, **spoilt: Any) -> httpx.Response:
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return living.post(to, DSP + path, data, living.proof(sender, to, data, **spoilt))


def negotiation(living: Living) -> dict[str, Any]:
    """The lab's concluded negotiation for the product."""
    rows = living.who(LAB, "analyst").ask("negotiate.negotiations", state="FINALIZED")
    return next(dict(row) for row in rows if row["dataset"] == living.code("product"))


def typed(kind: str, **members: Any) -> dict[str, Any]:
    return {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": kind, **members}


def test_a_dsp_message_in_a_wrong_state_changes_nothing(living: Living) -> None:
    mine = negotiation(living)
    pids = {"providerPid": mine["peer_pid"], "consumerPid": mine["id"]}
    there = f"/negotiations/{mine['peer_pid']}"
    for path, message in (
        ("/agreement/verification", typed("ContractAgreementVerificationMessage", **pids)),
        ("/events", typed("ContractNegotiationEventMessage", **pids, eventType="ACCEPTED")),
        ("/termination", typed("ContractNegotiationTerminationMessage", **pids, code="x", reason=["x"])),
    ):
        answer = dsp(living, LAB, GROUP, there + path, message)
        assert answer.status_code == 400, (path, answer.text)
        error = answer.json()
        assert error["@type"] == "ContractNegotiationError" and error["code"].startswith("CTR-") and error["reason"]
    transfer = living.who(LAB, "analyst").ask("deliver.transfers", agreement=living.agreement("product"))[0]
    pids = {"providerPid": transfer["peer_pid"], "consumerPid": transfer["id"]}
    there = f"/transfers/{transfer['peer_pid']}"
    for path, kind in (("/start", "TransferStartMessage"), ("/suspension", "TransferSuspensionMessage")):
        answer = dsp(living, LAB, GROUP, there + path, typed(kind, **pids))
        assert answer.status_code == 400, (path, answer.text)
        assert answer.json()["@type"] == "TransferError" and answer.json()["code"] == "USE-409"
    assert negotiation(living)["state"] == "FINALIZED"


def test_a_negotiation_is_nobody_elses_and_a_message_of_it_is_of_the_protocols_form(living: Living) -> None:
    mine = negotiation(living)
    pids = {"providerPid": mine["peer_pid"], "consumerPid": mine["id"]}
    there = f"/negotiations/{mine['peer_pid']}"
    ending = typed("ContractNegotiationTerminationMessage", **pids, code="x", reason=["x"])
    assert dsp(living, BIKE, GROUP, there + "/termination", ending).status_code == 404, "another party"
    assert dsp(living, LAB, GROUP, there + "/termination", ending, key=PrivateKey.new()).status_code == 404
    assert dsp(living, LAB, GROUP, "/negotiations/neg-nothing/termination", ending).status_code == 404
    not_its_part = typed("ContractNegotiationEventMessage", **pids, eventType="FINALIZED")
    assert dsp(living, LAB, GROUP, there + "/events", not_its_part).status_code == 404, "only the provider says so"
    offer = {"@id": "offer-1", "@type": "Offer", "target": living.code("product"), "permission": [{"action": "use"}]}
    asked = typed(
        "ContractRequestMessage", consumerPid="neg-x", offer=offer, callbackAddress="http://203.0.113.7/dsp/2025-1"
    )
    for message in (
        b"{", b"[]", b"\xff", {}, typed("ContractRequestMessage"), typed("ContractOfferMessage", providerPid="x"),
        {**asked, "offer": {"@id": 7}}, {**asked, "consumerPid": "\ud800"}, asked,
        {**asked, "offer": {**offer, "padding": "x" * (3 * 1024 * 1024)}},
    ):  # fmt: skip
        answer = dsp(living, LAB, GROUP, "/negotiations/request", message)
        assert answer.status_code in (400, 404), (str(message)[:80], answer.status_code, answer.text[:200])
        assert answer.json()["@type"] == "ContractNegotiationError" and answer.json()["reason"]


@pytest.mark.does_something
def test_a_node_that_is_suspended_is_not_heard_until_it_is_reinstated(living: Living) -> None:
    registrar, code = living.who(REGISTRY, "registrar"), living.code(f"node:{BIKE}")
    registrar.do("register.suspend_node", code=code, reason="检查")

    def unheard() -> Any:
        answer = living.message(BIKE, GROUP, "deliver.destruction_proof", {"agreement": "x"})
        return answer if "suspended" in answer.text else None

    refused = living.until(unheard, "the suspension to arrive at the group")
    assert refused.status_code == 403 and said(refused).startswith("NET-401")
    registrar.do("register.reinstate_node", code=code, reason="检查完毕")
    living.until(lambda: not unheard(), "the reinstatement to arrive")


# --- people ------------------------------------------------------------------------------------------------------


def console(living: Living, slug: str, **headers: str) -> httpx.Client:
    told = {"accept-language": "en", **headers}
    return httpx.Client(base_url=living.address(slug), headers=told, verify=False, trust_env=False, timeout=30)  # noqa: S501 - plain http


def session_cookie(answer: httpx.Response) -> str:
    """The session an answer opened, as a browser sends it back; "" when it opened none."""
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items() if name.startswith("datong_session_"))


@pytest.mark.does_something
def test_a_wrong_password_is_refused_in_one_wording_and_then_throttled(living: Living) -> None:
    operator = living.who(LAB, "operator")
    operator.do("register.add_person", login="try.er", name="试者", roles=["analyst"], password="correct horse battery")
    with console(living, LAB) as browser:
        good = browser.post("/login", data={"login": "try.er", "password": "correct horse battery"})
        assert good.status_code == 303 and session_cookie(good)
        browser.cookies.clear()
        wrong = [browser.post("/login", data={"login": "try.er", "password": f"guess number {n}"}) for n in range(5)]
        nobody = browser.post("/login", data={"login": "no.body", "password": "guess"})
        assert {answer.status_code for answer in (*wrong, nobody)} == {403}
        assert "IDN-" in nobody.text or "REG-" in nobody.text
        throttled = browser.post("/login", data={"login": "try.er", "password": "correct horse battery"})
        assert throttled.status_code == 403 and not session_cookie(throttled)
        assert throttled.text != wrong[0].text, "even the right password waits now, and the page says for how long"
        assert re.search(r"[0-9]+ s\b", throttled.text), throttled.text


@pytest.mark.does_something
def test_a_stolen_session_ends_for_the_thief_and_for_its_owner(living: Living) -> None:
    operator, person = living.who(LAB, "operator"), living.person_id(LAB, "analyst")
    link = operator.do("register.login_link", person=person, again=uuid.uuid4().hex)["token"]
    with console(living, LAB, **{"user-agent": "her browser"}) as hers:
        cookie = {"cookie": session_cookie(hers.post(f"/enter/{link}"))}
        assert hers.post(f"/enter/{link}").status_code != 303, "a link works once"
        assert hers.get("/api/deliver/transfers", headers=cookie).status_code == 200
        with console(living, LAB, **{"user-agent": "another browser"}) as thief:
            stolen = thief.get("/api/deliver/transfers", headers=cookie)
            assert stolen.status_code == 403 and "session" in said(stolen).lower()
        ended = hers.get("/api/deliver/transfers", headers=cookie)
        assert ended.status_code == 403, "the whole session is over"


@pytest.mark.does_something
def test_a_page_of_another_site_cannot_use_a_session(living: Living) -> None:
    operator, person = living.who(GROUP, "operator"), living.person_id(GROUP, "product_manager")
    link = operator.do("register.login_link", person=person, again=uuid.uuid4().hex)["token"]
    with console(living, GROUP) as browser:
        cookie = {"cookie": session_cookie(browser.post(f"/enter/{link}"))}
        told = {"dataset": living.code("product"), "reason": "x"}
        for site in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = browser.post("/api/catalogue/suspend", json=told, headers={**cookie, **site})
            assert answer.status_code == 403 and said(answer).startswith("GEN-419")
    assert living.who(GROUP, "auditor").ask("catalogue.listing", dataset=living.code("product"))["state"] == "live"


def arguments_of(verb: Any) -> dict[str, Any]:
    """Something of the right kind for every argument a verb needs."""
    hints = get_type_hints(inspect.unwrap(verb.call))
    needed = {
        name: hints[name]
        for name, parameter in list(inspect.signature(verb.call).parameters.items())[1:]
        if parameter.default is inspect.Parameter.empty
    }
    return {name: sample(kind) for name, kind in needed.items()}


def sample(kind: Any) -> Any:
    if get_origin(kind) in (Union, UnionType):
        kind = get_args(kind)[0]
    if get_origin(kind) is list:
        return [sample(get_args(kind)[0])]
    if get_origin(kind) is dict or kind is dict:
        return {}
    return {str: "x", int: 1, bool: True, float: 1.0}[kind]


def test_whoever_lacks_the_role_may_not_and_an_auditor_changes_nothing(living: Living) -> None:
    dice = random.Random(1)
    people = [
        (slug, person["login"], person["roles"]) for slug, party in parties().items() for person in party["people"]
    ]
    auditor = (GROUP, living.who(GROUP, "auditor").login, ["auditor"])
    tried = 0
    for name, verb in sorted(VERBS.items()):
        outsiders = [one for one in people if not verb.roles & set(one[2]) and "auditor" not in one[2]]
        if verb.changes and "auditor" not in verb.roles:
            outsiders = [auditor, *dice.sample(outsiders, min(2, len(outsiders)))]
        else:
            outsiders = dice.sample(outsiders, min(2, len(outsiders)))
        for slug, login, roles in outsiders:
            token, asked = living.world.tokens[slug, login], arguments_of(verb)
            how: dict[str, Any] = {"json": asked} if verb.changes else {"params": asked, "method": "GET"}
            answer = living.api(slug, name, token=token, **how)
            assert answer.status_code == 403, (name, roles, answer.text)
            assert said(answer).startswith("GEN-403") and str(next(iter(sorted(verb.roles)))) in said(answer), name
            tried += 1
    assert tried > 150


def test_without_a_login_or_with_a_token_of_another_node_nothing_is_shown(living: Living) -> None:
    bare = living.api(GROUP, "settle.invoices", method="GET")
    assert bare.status_code == 403 and said(bare).startswith("GEN-401")
    for token in ("nonsense", living.token(LAB, "finance"), living.token(GROUP, "finance")[:-1]):
        answer = living.api(GROUP, "settle.invoices", token=token, method="GET")
        assert answer.status_code == 403 and "token" in said(answer)


@pytest.mark.does_something
def test_a_service_token_works_in_its_scope_and_until_it_is_revoked(living: Living) -> None:
    operator, person = living.who(GROUP, "operator"), living.person_id(GROUP, "product_manager")
    issued = operator.do(
        "register.issue_service_token", person=person, label="fees only", scopes=["price.fees", "meter"]
    )
    token = issued["token"]
    inside = living.api(GROUP, "price.fees", token=token, method="GET")
    room = living.api(GROUP, "meter.usage", token=token, method="GET")
    assert (inside.status_code, room.status_code) == (200, 200)
    fee = {"product": living.code("product"), "purpose": PURPOSE, "amount_fen": 1}
    for verb, how in (
        ("price.set_fee", {"json": fee}),
        ("catalogue.suspend", {"json": {"dataset": living.code("product"), "reason": "x"}}),
        ("register.people", {"method": "GET"}),
    ):
        answer = living.api(GROUP, verb, token=token, **how)
        assert answer.status_code == 403 and said(answer).startswith("GEN-404") and verb in said(answer)
    operator.do("register.revoke_service_token", token_id=issued["id"])
    assert living.api(GROUP, "price.fees", token=token, method="GET").status_code == 403
    for scopes, days in (([], 1), (["*"], 1), (["price"], 4000)):
        bad = {"person": person, "label": "x", "scopes": scopes, "days": days}
        assert refusal(lambda bad=bad: operator.do("register.issue_service_token", **bad)).error["problems"]


@pytest.mark.does_something
def test_an_idempotency_key_is_good_for_one_request_only(living: Living) -> None:
    token, key = living.token(GROUP, "product_manager"), {"idempotency-key": uuid.uuid4().hex}
    dataset = living.code("product")
    first = living.api(GROUP, "catalogue.suspend", token=token, json={"dataset": dataset, "reason": "one"}, headers=key)
    before = living.leaves(GROUP)
    again = living.api(GROUP, "catalogue.suspend", token=token, json={"dataset": dataset, "reason": "one"}, headers=key)
    assert again.json() == first.json() and living.leaves(GROUP) == before
    for verb, asked in (
        ("catalogue.suspend", {"dataset": dataset, "reason": "two"}),
        ("catalogue.restore", {"dataset": dataset, "reason": "one"}),
    ):
        answer = living.api(GROUP, verb, token=token, json=asked, headers=key)
        assert answer.status_code == 409 and said(answer).startswith("GEN-409")
    assert living.leaves(GROUP) == before
    living.who(GROUP, "product_manager").do("catalogue.restore", dataset=dataset, reason="again")


def test_arguments_that_are_none_are_refused_all_at_once(living: Living) -> None:
    token = living.token(GROUP, "product_manager")
    for body in (b"{", b"[]", b"null", b"\xff", b'"x"'):
        answer = living.api(
            GROUP, "price.set_fee", token=token, content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400 and said(answer).startswith("GEN-400"), (body, answer.text)
    many = living.api(GROUP, "price.set_fee", token=token, json={"purpose": [], "amount_fen": "much", "colour": "red"})
    places_ = {problem["where"] for problem in many.json()["error"]["problems"]}
    assert many.status_code == 400 and places_ == {"product", "purpose", "amount_fen", "colour"}
    absurd = living.api(GROUP, "price.set_fee", token=token, json={
        "product": living.code("product"), "purpose": PURPOSE, "amount_fen": 10**30,
    })  # fmt: skip
    assert absurd.status_code in (400, 403), absurd.text


@pytest.mark.does_something
def test_one_person_cannot_do_what_needs_two(living: Living) -> None:
    steward = living.who(REGISTRY, "steward")
    told = living.journey.facts("plan")
    minutes = told.pop("decision")["minutes"]
    told.pop("filing_ref")
    plan = steward.do("authorise.draft", **told, again="four eyes")
    alone = [living.person_id(REGISTRY, "steward")] * 2
    few = refusal(
        lambda: steward.do("authorise.decide_collectively", instrument=plan["id"], minutes=minutes, persons=alone)
    )
    assert few.code == "AUT-509"
    both = [living.person_id(REGISTRY, "steward", number) for number in (0, 1)]
    steward.do("authorise.decide_collectively", instrument=plan["id"], minutes=minutes, persons=both)
    own = refusal(lambda: steward.do("authorise.approve", instrument=plan["id"]))
    assert own.code == "AUT-510" and "Who drafted" in says(own)


@pytest.mark.does_something
def test_a_person_who_left_is_out_at_once(living: Living) -> None:
    operator = living.who(BUREAU, "operator")
    added = operator.do("register.add_person", login="leav.er", name="离者", roles=["finance"])
    token = operator.do("register.issue_service_token", person=added["id"], label="x", scopes=["settle"])["token"]
    assert living.api(BUREAU, "settle.statements", token=token, method="GET").status_code == 200
    operator.do("register.disable_person", person=added["id"])
    assert living.api(BUREAU, "settle.statements", token=token, method="GET").status_code == 403


@pytest.mark.parametrize("slug", list(parties()))
def test_after_all_of_it_the_evidence_verifies(living: Living, slug: str) -> None:
    found = living.who(slug, "operator").ask("audit.verify")
    assert found["ok"], found["problems"]
