"""The doors of a node: every route of peers, stock clients, programs and people. Contract: tests/web/, tests/wire/."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

import datong.audit.service  # noqa: F401 - no other room needs the last one
from datong.app.messages import receivers
from datong.app.national import national_tables
from datong.app.peering import Peering, peering_of, verifier_of
from datong.app.work import falls_due
from datong.catalogue import service as catalogue
from datong.deliver import service as deliver
from datong.ground.config import SETTINGS, Config
from datong.ground.db import Actor, Store
from datong.web import api, console
from datong.wire import delta_sharing, http, http_data, node, openlineage
from datong.wire.dcp import routes as dcp_routes
from datong.wire.dcp.verifying import Verifier
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp import routes as dsp_routes
from datong.wire.ndi import access as ndi_access
from datong.wire.ndi import identity as ndi_identity
from datong.wire.ndi import routes as ndi_routes
from datong.wire.ndi import serving as ndi_serving

STORY = "story.json"


def routes(store: Store, door: http.Door, verifier: Verifier, peering: Peering, config: Config) -> list[BaseRoute]:
    """All routes of a node: peers and stock clients first, then the API, then the console."""

    def authenticate(request: Request, body: bytes) -> Actor:
        return peering.sender(request.headers.get("authorization", ""), body)

    called = peering.participants
    return [
        *node.routes(
            store, door, receivers(store), clock_key=str(config["demo.clock_key"]),
            evidence_folder=config.folder / "evidence", on_time=falls_due,
        ),
        *dsp_routes.routes(store, authenticate, deliver, participants=called),
        *dsp_catalogue.routes(store, authenticate, catalogue, participants=called),
        *dcp_routes.routes(store, verifier, str(config["node.address"])),
        *national_routes(store, door, config),
        *delta_sharing.server.routes(store, str(config["node.address"])),
        *http_data.routes(store),
        *openlineage.routes(store),
        Mount("/api", api.api(store), middleware=[Middleware(http.Limited)]),
        *_with_small_bodies(store, config),
    ]  # fmt: skip


def on_errors(store: Store, config: Config) -> dict[Any, Callable[..., Any]]:
    """What the node answers beside its routes, and where it failed itself."""
    return console.on_errors(store, config.folder / STORY)


def national_routes(store: Store, door: http.Door, config: Config) -> list[Route]:
    """The interfaces of the national rail."""

    def bearer(headers: Mapping[str, str], body: bytes) -> Actor:
        return door.sender(headers.get("authorization", ""), body)

    def key_of(code: str) -> Mapping[str, Any]:
        return http.peer_key(door.client, store, code, door.function_node)

    tables, prefix = national_tables(config), str(config["ndi.prefix"])
    access = ndi_access.Access(store, bearer, key_of)
    before = {} if door.client is None else ndi_serving.before(store, door.client, tables, prefix)
    serving = {**ndi_serving.serving(tables), **ndi_identity.serving(tables)}
    return ndi_routes.routes(store, access, tables, serving, before, prefix)


def _with_small_bodies(store: Store, config: Config) -> list[BaseRoute]:
    """The console. Its forms are read before anybody has logged in, and take many times their size in memory."""
    story = config.folder / STORY
    pages = console.routes(store, story, int(config["web.session_hours"]))
    for page in pages:
        page.app = http.Limited(page.app, http.FORM_BYTES_MAX, console.says(store, story))
    return list(pages)


def all_routes(store: Store | None = None) -> list[BaseRoute]:
    """The routes of any node, with the settings that every node begins with: for the reference page and for tests.

    store: None for an empty one in memory.
    """
    values = {setting.name: setting.default if setting.default is not None else setting.kind() for setting in SETTINGS}
    store = store or Store("sqlite://")
    client, config = http.Client(store, allow_private=False), Config(Path(), values)
    door, verifier = http.Door(store, client, ("", "")), verifier_of(store, client, config)
    return routes(store, door, verifier, peering_of(client, door, verifier, config), config)
