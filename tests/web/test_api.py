"""The JSON API: made from the verbs, one shape of errors, safe to repeat, closed without a login."""

from __future__ import annotations

import pytest

import datong.app.doors  # noqa: F401 - declares all verbs
from asgi import Asgi
from datong.ground.db import NODE, Store
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.terms.verbs import VERBS
from datong.web.api import api, keepable

ERROR_KEYS = {"code", "kind", "what", "why", "next", "rule", "article", "problems", "facts"}


@pytest.fixture
def client(store: Store) -> Asgi:
    return Asgi(api(store))


@pytest.fixture
def operator(store: Store) -> dict[str, str]:
    with store.begin(NODE, "start") as tx:
        person = register.bootstrap_operator(tx, login="op", name="运维", password=None)["id"]
        token = register.issue_service_token(tx, person=person, label="t", scopes=["register", "audit"], days=1)
    return {"authorization": f"Bearer {token['token']}"}


def test_every_verb_has_its_route(client: Asgi) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    expected = {(f"/{verb.room}/{verb.name}", "post" if verb.changes else "get") for verb in VERBS.values()}
    assert {(path, method) for path, entry in paths.items() for method in entry} == expected


def test_no_verb_answers_without_a_login(client: Asgi) -> None:
    for verb in VERBS.values():
        path = f"/{verb.room}/{verb.name}"
        answer = client.post(path, json={}) if verb.changes else client.get(path)
        assert answer.status_code in (400, 403), path  # arguments are looked at first; nothing is told of the node
        assert set(answer.json()["error"]) == ERROR_KEYS


def test_arguments_that_are_wrong_are_all_named(client: Asgi, operator: dict[str, str]) -> None:
    answer = client.post("/register/add_person", json={"login": 7, "extra": 1}, headers=operator)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["code"] == "GEN-400"
    assert {problem["where"] for problem in error["problems"]} >= {"name", "roles", "extra"}


def test_a_refusal_has_the_one_shape(client: Asgi, operator: dict[str, str]) -> None:
    answer = client.get("/register/case", params={"case": "case-none"}, headers=operator)
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == ERROR_KEYS


def test_outside_the_scopes_of_the_token(client: Asgi, operator: dict[str, str]) -> None:
    answer = client.get("/price/prices", headers=operator)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "GEN-404"


def test_a_role_that_may_not(client: Asgi, operator: dict[str, str]) -> None:
    answer = client.post("/register/admit_node", json={"application": "x"}, headers=operator)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "GEN-403"
    assert answer.json()["error"]["facts"]["needed"] == "registrar"


def test_a_post_with_a_key_is_done_once(client: Asgi, operator: dict[str, str]) -> None:
    body = {"login": "li.lei", "name": "李雷", "roles": ["analyst"]}
    headers = {**operator, "idempotency-key": "one"}
    first = client.post("/register/add_person", json=body, headers=headers)
    again = client.post("/register/add_person", json=body, headers=headers)
    assert first.status_code == 200
    assert again.json() == first.json()
    assert len(client.get("/register/people", headers=operator).json()) == 2
    other = client.post("/register/add_person", json={**body, "login": "han"}, headers=headers)
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (2**53, "amount_fen"),
        (-(10**30), "amount_fen"),
        ("a\0b", "reason"),
        ("\ud800", "reason"),
        (float("inf"), "amount_fen"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_no_store_keeps_is_named_and_not_a_fault(value: object, where: str) -> None:
    given = {"terms": {"list": [{where: value}]}}
    with pytest.raises(Refusal) as refused:
        keepable("room.verb", given)
    assert [problem.where for problem in refused.value.problems] == [f"terms.list[0].{where}"]
    assert keepable("room.verb", {"a": [2**53 - 1, 1.5, "大同", None, True, {"b": ()}]})


def test_a_path_or_a_method_that_is_no_verbs_has_the_one_shape(client: Asgi) -> None:
    for answer, status in ((client.get("/register/add_person"), 405), (client.post("/no/such", json={}), 404)):
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, "GEN-408")
        assert set(answer.json()["error"]) == ERROR_KEYS


def test_an_error_nobody_foresaw_has_the_one_shape(
    client: Asgi, operator: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datong.web.api.plain", None)
    client.raises = False
    answer = client.get("/register/people", headers=operator)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "GEN-500")
    assert set(answer.json()["error"]) == ERROR_KEYS


def test_the_description_tells_the_one_shape_and_the_token(client: Asgi) -> None:
    document = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for entry in document["paths"].values():
        for asked in entry.values():
            assert asked["security"] == [{"HTTPBearer": []}]
            told = asked["responses"]["default"]["content"]["application/json"]["schema"]
            assert told == {"$ref": "#/components/schemas/Refused"}
            assert "422" not in asked["responses"]
