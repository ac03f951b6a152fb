"""Requests made by schemathesis from descriptions of the routes, right and wrong ones, in process: no answer is a fault of
ours, every error has the one shape of its door, and an error commits nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode

import datong.app.doors
from datong.ground.config import load
from datong.ground.db import NODE, Store
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import VERBS
from datong.wire.dsp import messages
from two_nodes import application, two_nodes
from whole import Watch

PARTY = "11520100MBXDT00351"
FEW = settings(
    max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
)  # fmt: skip


class Door:
    """An application in this process, one client for all requests."""

    def __init__(self, app: Any, store: Store, headers: dict[str, str], prefix: str = "") -> None:
        self.root = f"http://127.0.0.1{prefix}"
        self.runner, self.watch = asyncio.Runner(), Watch(store)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1", headers=headers
        )  # fmt: skip

    def ask(self, case: Any) -> httpx.Response:
        given = case.as_transport_kwargs(base_url=self.root)
        given.pop("timeout", None)
        made = requests.Request(**{k: given[k] for k in REQUEST if k in given}).prepare()
        headers = {name: value for name, value in made.headers.items() if name.lower() not in ("authorization", "host")}
        content = made.body.encode() if isinstance(made.body, str) else made.body
        sent = self.client.request(str(made.method), str(made.url), content=content, headers=headers)
        return self.runner.run(sent)

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.watch.close()


RECORDED = {"/deliver/own_rows", "/harmonise/build"}
"""Verbs whose refusal is itself a fact that is kept: a look at raw rows that was denied, a build that failed."""
REQUEST = ("method", "url", "headers", "params", "json", "data", "files", "cookies")


def attacked(door: Door, operations: list[Any], shape: Callable[[httpx.Response, str], None]) -> int:
    """Ask for every operation some right and some wrong requests; how many answers were errors."""
    errors = 0

    def judged(case: Any) -> None:
        nonlocal errors
        door.watch.changed()
        answer = door.ask(case)
        said = f"{case.method} {case.formatted_path} {case.query} {str(case.body)[:300]} -> {answer.status_code}"
        if answer.status_code >= 400:
            errors += 1
            assert answer.status_code < 500 or is_told_busy(answer), f"{said} {answer.text[:300]}"
            shape(answer, said)
            if case.operation.path not in RECORDED:
                assert not door.watch.changed(), f"{said}: an error changed the store"

    for operation in operations:
        made = st.one_of(operation.as_strategy(mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
        FEW(given(made)(judged))()
    return errors


def is_told_busy(answer: httpx.Response) -> bool:
    """A refusal of the kind that may be tried again."""
    return answer.status_code == 503 and "error" in answer.json()


# ---- the JSON API


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("fuzzed") / "n"
    datong.app.init(folder, name="N", party=PARTY, port=65000, region="5201", kind="regional")
    made = datong.app.open_node(load(folder))
    yield made
    made.store.dispose()


@pytest.fixture(scope="module")
def everything(node: Any) -> dict[str, str]:
    """The token of a person with every role, for every room."""
    with node.store.begin(NODE, "start") as tx:
        first = register.bootstrap_operator(tx, login="op", name="运维", password=None)["id"]
    rooms = sorted({verb.room for verb in VERBS.values()})
    with node.store.begin(NODE, "start") as tx:
        tx.change(datong.register.store.people, first, roles=[role.value for role in Role])
        token = register.issue_service_token(tx, person=first, label="t", scopes=rooms, days=1)
    return {"authorization": f"Bearer {token['token']}"}


def described(door: Door) -> dict[str, Any]:
    document: dict[str, Any] = door.runner.run(door.client.get("/api/openapi.json")).json()
    return document


def one_shape(document: dict[str, Any]) -> Callable[[httpx.Response, str], None]:
    """Checks an error against the schema that the description itself gives of it."""
    schema = {"$ref": "#/components/schemas/Refused", "components": document["components"]}
    check = Draft202012Validator(schema)

    def shape(answer: httpx.Response, said: str) -> None:
        faults = [fault.message for fault in check.iter_errors(answer.json())]
        assert faults == [], f"{said}: {faults}"

    return shape


@pytest.mark.parametrize("room", sorted({verb.room for verb in VERBS.values()}))
def test_every_verb_of_the_api(node: Any, everything: dict[str, str], room: str) -> None:
    door = Door(node.asgi, node.store, everything, "/api")
    document = described(door)
    document["paths"] = {path: entry for path, entry in document["paths"].items() if path.startswith(f"/{room}/")}
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(operations) == len([verb for verb in VERBS.values() if verb.room == room])
    attacked(door, operations, one_shape(document))
    door.close()


# ---- the doors of other nodes

NO_ROUTE = ("Not Found", "Method Not Allowed")
"""What is answered where nothing is, as to an id with a slash in it."""


def dsp_schemas() -> dict[str, Any]:
    """The protocol's own schemas as components, their references among each other made local."""
    folder = Path(messages.__file__).parent / "schemas"
    found = {}
    for file in folder.glob("*/*-schema.json"):
        name = f"{file.parent.name}.{file.name.removesuffix('-schema.json')}"
        schema = json.loads(file.read_text("utf-8").replace(".json#definitions", ".json#/definitions"))
        schema.pop("$id")
        schema.pop("$schema")
        found[name] = local(schema, name)
    return found


def local(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return [local(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    made = {key: local(one, name) for key, one in value.items() if key != "$ref"}
    if isinstance(there := value.get("$ref"), str):
        file, _, inside = there.partition("#")
        if file:
            name = file.removeprefix(messages.SCHEMAS).removesuffix("-schema.json").replace("/", ".")
        made["$ref"] = f"#/components/schemas/{name}{inside}"
    return made


def dsp_described() -> dict[str, Any]:
    """The routes of the protocol, as OpenAPI."""
    from datong.deliver import service as deliver
    from datong.wire.dsp import routes

    paths: dict[str, Any] = {}
    pid = [{"name": "pid", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]
    ways = [(way.path, way.kinds) for way in [*routes.negotiation_ways(), *routes.transfer_ways(deliver)]]
    for path, kinds in [*ways, ("/catalog/request", ("CatalogRequestMessage",)), ("/catalog/datasets/{pid}", ())]:
        asked: dict[str, Any] = {"responses": {"200": {"description": "told"}}}
        asked |= {"parameters": pid} if "{pid}" in path else {}
        if kinds:
            named = messages.SCHEMA_OF[kinds[0]].replace("/", ".")
            content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{named}"}}}
            asked["requestBody"] = {"required": True, "content": content}
        paths.setdefault(path, {})["post" if kinds else "get"] = asked
    return {
        "openapi": "3.1.0", "info": {"title": "DSP", "version": "1"},
        "paths": paths, "components": {"schemas": dsp_schemas()},
    }  # fmt: skip


def test_every_route_of_the_dataspace_protocol(tmp_path: Path) -> None:
    provider, consumer = two_nodes(tmp_path)
    app, headers = application(provider, {consumer.code: consumer}), {"authorization": f"Node {consumer.code}"}
    door = Door(app, provider.store, headers, "/dsp/2025-1")
    operations = [result.ok() for result in schemathesis.openapi.from_dict(dsp_described()).get_all_operations()]

    def shape(answer: httpx.Response, said: str) -> None:
        if answer.text in NO_ROUTE:
            return
        assert messages.problems(answer.json()) == [], said
        assert answer.json()["code"], said

    assert attacked(door, operations, shape) > 50
    door.close()
    provider.store.dispose()
    consumer.store.dispose()


def others_described(node: Any, rooms: tuple[str, ...]) -> dict[str, Any]:
    """Routes of these modules as OpenAPI: parameters are texts, a body is any JSON object."""
    paths: dict[str, Any] = {}
    for route in node.asgi.routes:
        if not getattr(getattr(route, "endpoint", None), "__module__", "").startswith(rooms):
            continue
        path = route.path.replace(":path}", "}")
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        text = {"type": "string", "minLength": 1}
        asked: dict[str, Any] = {
            "responses": {"200": {"description": "told"}},
            "parameters": [{"name": name, "in": "path", "required": True, "schema": text} for name in names],
        }
        for method in sorted((route.methods or set()) & {"GET", "POST"}):
            body = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}
            paths.setdefault(path, {})[method.lower()] = asked | (body if method == "POST" else {})
    return {"openapi": "3.1.0", "info": {"title": "others", "version": "1"}, "paths": paths}


OTHERS = {
    "dcp": ("datong.wire.dcp",), "ndi": ("datong.wire.ndi",), "node": ("datong.wire.node",),
    "data": ("datong.wire.delta_sharing", "datong.wire.http_data", "datong.wire.openlineage"),
}  # fmt: skip


@pytest.mark.parametrize("family", OTHERS)
def test_every_other_route_of_the_wire_to_somebody_unknown(node: Any, family: str) -> None:
    door = Door(node.asgi, node.store, {})
    document = others_described(node, OTHERS[family])
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert operations

    def shape(answer: httpx.Response, said: str) -> None:
        if answer.content and answer.status_code not in (404, 405):
            assert isinstance(answer.json(), dict), said

    assert attacked(door, operations, shape) > len(operations)
    door.close()
