"""Every message of the protocol, spoilt in every way the issue names, against the running connector: refused with a
typed error or taken for what it still says, never a fault, and an error never changes a state."""

from __future__ import annotations

import copy
import json
import threading
import uuid
from typing import Any

import pytest
from kit import Course, Kit, message_of
from published import faults

NEGOTIATION = ("counter", "accepted", "verification", "termination", "offer", "agreement", "finalized")
TRANSFER = ("start", "completion", "suspension", "end")
DEEP = "[" * 5000 + "]" * 5000
CONTEXTS: list[Any] = [None, "x", [], ["https://example.org/other"], [{"a": "b"}], 7,
                       "https://w3id.org/dspace/2025/1/context.jsonld"]  # fmt: skip


def spoilt(message: dict[str, Any]) -> list[tuple[str, Any]]:
    """(what is wrong, body): wrong types, missing members, empty arrays, numbers, contexts, depth, size, no JSON."""
    made: list[tuple[str, Any]] = [("not JSON", b"{"), ("a list", [message]), ("nothing", b""), ("deep", DEEP.encode())]
    for context in CONTEXTS:
        made.append((f"context {context}", {**message, "@context": context}))
    required = [name for name in message if name not in ("@id", "code", "reason", "callbackAddress", "@context")]
    for name in required:
        made.append((f"no {name}", {key: value for key, value in message.items() if key != name}))
        for wrong in (7, None, []):
            if wrong != message[name]:
                made.append((f"{name} {wrong!r}", {**message, name: wrong}))
    made.append(("a pid too long", {**message, "consumerPid": "x" * 500, "providerPid": "y" * 500}))
    made.append(("another type", {**message, "@type": "CatalogRequestMessage"}))
    made.append(("a surrogate", json.dumps(message).replace("}", ', "x": "\\ud800"}', 1).encode()))
    if "offer" in message or "agreement" in message:
        part = "offer" if "offer" in message else "agreement"
        for name, value in (
            ("permission", []), ("permission", "x"), ("permission", [{}]), ("permission", [{"action": 5}]),
            ("permission", [{"action": "use", "constraint": [{"leftOperand": "count", "operator": "lt", "rightOperand": 5}]}]),
            ("permission", [{"action": "use", "constraint": [{"leftOperand": "x", "operator": "??", "rightOperand": "5"}]}]),
            ("@id", 5), ("@type", "Set"),
        ):  # fmt: skip
            spoiled = copy.deepcopy(message)
            spoiled[part][name] = value
            made.append((f"{part}.{name} {value!r}"[:60], spoiled))
    return made


def sent(kit: Kit, url: str, body: Any) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = kit.client.post(url, content=content, headers={"content-type": "application/json"})
    if answer.status_code >= 400:
        assert not (found := faults(answer.json())), found
    return answer.status_code


@pytest.fixture(scope="module")
def open_negotiation(kit: Kit, agent: str) -> Course:
    """The connector as provider, silent in REQUESTED: any state change would be seen."""
    course = Course(kit, "ACN0202", transfer=False, consumer=False, agent=agent)
    course.play(">request =REQUESTED")
    return course


@pytest.fixture(scope="module")
def open_transfer(kit: Kit, agent: str) -> Course:
    course = Course(kit, "ATP0205", transfer=True, consumer=False, agent=agent)
    course.play(">request =REQUESTED")
    return course


@pytest.mark.parametrize("word", [*NEGOTIATION, *TRANSFER])
def test_a_spoilt_message_is_refused_and_changes_nothing(
    request: pytest.FixtureRequest, kit: Kit, word: str
) -> None:  # fmt: skip
    course: Course = request.getfixturevalue("open_transfer" if word in TRANSFER else "open_negotiation")
    from kit import PATHS

    url = f"{course.root}/{course.theirs}/{PATHS[word]}"
    for what, body in spoilt(course.message(word)):
        assert 400 <= sent(kit, url, body) < 500, what
    assert course.asked() == "REQUESTED"


@pytest.mark.parametrize("transfer", [False, True])
def test_a_spoilt_opening_opens_nothing(kit: Kit, agent: str, connector: Any, transfer: bool) -> None:
    course = Course(kit, "ATP0301" if transfer else "ACN0202", transfer=transfer, consumer=False, agent=agent)
    before = rows(connector)
    for what, body in spoilt(course.message("request")):
        assert 400 <= sent(kit, f"{course.root}/request", body) < 500, what
    for where in ("http://169.254.169.254/latest", "http://127.0.0.1:1", "file:///x", "http://[::1]:22", "nonsense",
                  kit.address.replace("http://", "http://evil@"), kit.address + "0"):  # fmt: skip
        message = {**course.message("request"), "callbackAddress": where}
        assert 400 <= sent(kit, f"{course.root}/request", message) < 500, where
    assert rows(connector) == before


def rows(connector: Any) -> int:
    from sqlalchemy import func, select

    from datong.deliver import store as deliver_rows
    from datong.negotiate import store as negotiate_rows

    with connector.node.store.read() as tx:
        counted = [select(func.count()).select_from(of) for of in (negotiate_rows.negotiations, deliver_rows.processes)]
        return sum(int(tx.execute(query).scalar() or 0) for query in counted)


def test_ten_megabytes_are_refused(kit: Kit, open_negotiation: Course) -> None:
    big = {**open_negotiation.message("termination"), "x": "y" * 10_000_000}
    url = f"{open_negotiation.root}/{open_negotiation.theirs}/termination"
    answer = kit.client.post(url, content=json.dumps(big).encode())
    assert 400 <= answer.status_code < 500
    assert open_negotiation.asked() == "REQUESTED"


@pytest.mark.parametrize("word", [*NEGOTIATION, *TRANSFER])
def test_a_process_that_is_nobodys_is_404(kit: Kit, agent: str, word: str) -> None:
    course = Course(kit, "ACN0202", transfer=word in TRANSFER, consumer=False, agent=agent)
    course.theirs = str(uuid.uuid4())
    answer = course.post(word)
    assert answer.status_code == 404
    assert not faults(answer.json())


def test_members_nobody_knows_are_tolerated(kit: Kit, agent: str) -> None:
    course = Course(kit, "ACN0202", transfer=False, consumer=False, agent=agent)
    message = {**course.message("request"), "x-next-version": {"a": [1, 2]}, "dct:title": "new"}
    message["offer"]["profile"] = "https://example.org/profile"
    message["offer"]["permission"] = [{**message["offer"]["permission"][0], "x-next": "x"}]
    assert sent(kit, f"{course.root}/request", message) == 201


def test_a_message_sent_again_is_answered_alike_and_under_other_content_refused(kit: Kit, agent: str) -> None:
    course = Course(kit, "ACN0202", transfer=False, consumer=False, agent=agent)
    course.play(">request")
    end = course.message("termination")
    url = f"{course.root}/{course.theirs}/termination"
    assert [sent(kit, url, end), sent(kit, url, end)] == [200, 200]
    assert sent(kit, url, {**end, "code": "other"}) == 400
    assert sent(kit, url, {**end, "@id": str(uuid.uuid4())}) == 400, "a new message to what is over"
    assert course.asked() == "TERMINATED"


def test_two_at_once_are_one(kit: Kit, agent: str, connector: Any) -> None:
    course = Course(kit, "ACN0202", transfer=False, consumer=False, agent=agent)
    before, opening, answers = rows(connector), course.message("request"), []

    def say() -> None:
        answers.append(kit.client.post(f"{course.root}/request", json=opening))

    threads = [threading.Thread(target=say) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert len({answer.json()["providerPid"] for answer in answers if answer.status_code == 201}) == 1
    assert rows(connector) == before + 1


def test_steps_in_the_wrong_order_are_refused_and_the_right_one_still_goes(kit: Kit, agent: str) -> None:
    course = Course(kit, "ACN0104", transfer=False, consumer=False, agent=agent)
    course.play(
        ">request <agreement =AGREED !accepted !counter >verification <finalized =FINALIZED !verification =FINALIZED"
    )


def test_an_old_version_of_a_message_is_taken(kit: Kit, agent: str) -> None:
    """N-1: the kit's older schema writes a duty with a rule, and parties with an offer."""
    course = Course(kit, "ACN0202", transfer=False, consumer=False, agent=agent)
    message = message_of("ContractRequestMessage", **{
        key: value for key, value in course.message("request").items() if not key.startswith("@")
    })  # fmt: skip
    message["offer"] |= {"assigner": agent, "assignee": "TCK_PARTICIPANT"}
    assert sent(kit, f"{course.root}/request", message) == 201
