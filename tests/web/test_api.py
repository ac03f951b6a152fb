"""The JSON API: made from the verbs, one shape of errors, safe to repeat, closed without a login."""

from __future__ import annotations

import pytest

import datong.app  # noqa: F401 - declares all verbs
from asgi import Asgi
from datong.ground.db import NODE, Store
from datong.register import service as register
from datong.terms.verbs import VERBS
from datong.web.api import api

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
