"""Nodes in this process over real sockets, and a connector of another make, in a space with a function node."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from datong import app
from datong.catalogue import service as catalogue
from datong.ground import identity, signing
from datong.ground.config import load
from datong.ground.db import Actor, Store
from datong.ground.keys import PrivateKey
from datong.register import service as register
from datong.terms.policy import to_json
from datong.wire.dcp import credentials, did, tokens, verifying
from two_nodes import POLICY, TERMS, Node, listed, supplied
from wallet import Telling, Wallet, serving, stopped

PARTIES = {"registry": "11520100MBXDT00351", "provider": "91520100MAXDT004X2", "consumer": "91520100MAXDT00582"}
CATALOG = {"@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "CatalogRequestMessage"}


@dataclass
class Up:
    """A node that runs in this process and listens on a socket."""

    node: app.Node
    address: str

    @property
    def store(self) -> Store:
        return self.node.store

    @property
    def did(self) -> str:
        return did.did_of(self.address)

    def do(self, verb: Callable[..., Any], role: str, **given: Any) -> Any:
        party = str(self.node.config["node.party"])
        with self.store.begin(Actor("p-1", role, party, "", frozenset({role})), "register") as tx:
            return verb(tx, **given)

    def see(self, view: Callable[..., Any]) -> Any:
        with self.store.read() as tx:
            return view(tx)

    def forget(self) -> None:
        """As if peers.believed_seconds had passed."""
        verifier = self.node.verifier
        for name in ("documents", "members", "lists", "schemas"):
            setattr(verifier, name, verifying.Kept(getattr(verifier, name).seconds))

    def post(self, path: str, body: Any, token: str = "") -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.post(self.address + path, json=body, headers=headers, trust_env=False)

    def catalogue(self, token: str) -> httpx.Response:
        return self.post("/dsp/2025-1/catalog/request", CATALOG, token)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def up(
    folder: Path, name: str, function_node: tuple[str, str], profile: str = credentials.NEWER, identity: str = "dcp"
) -> Iterator[Up]:
    port = free_port()
    kind = "regional" if name == "registry" else "connector"
    app.init(folder, name=name, party=PARTIES[name], port=port, region="5201", kind=kind)
    with (folder / "datong.toml").open("a") as config:
        config.write(f'\n[peers]\nallow_private = true\nidentity = "{identity}"\ncredential_profile = "{profile}"\n')
        if function_node[0]:
            config.write(f'\n[function_node]\naddress = "{function_node[0]}"\nkey = "{function_node[1]}"\n')
    node = app.open_node(load(folder))
    server = uvicorn.Server(uvicorn.Config(node.asgi, host="127.0.0.1", port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    node.start()
    made = Up(node, f"http://127.0.0.1:{port}")
    try:
        until(lambda: server.started, "the server to listen")
        yield made
    finally:
        server.should_exit = True
        thread.join(10)
        node.stop()


def until(condition: Callable[[], Any], what: str, seconds: float = 40) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)
    return found


@dataclass
class Space:
    registry: Up
    provider: Up
    consumer: Up


@contextmanager
def joined(folder: Path, **identities: str) -> Iterator[Space]:
    """Two members that joined at the registry, each named with its peers.identity."""
    with ExitStack() as stack:
        started = dict[str, Up]()
        for name in PARTIES:
            registry = started.get("registry")
            known = (registry.address, registry.see(register.directory)[0]["public_key"]) if registry else ("", "")
            started[name] = stack.enter_context(up(folder / name, name, known, identity=identities[name]))
        space = Space(**started)
        for member in (space.provider, space.consumer):
            member.do(register.apply_to_join, "operator", function_node=space.registry.address)
        until(lambda: len(space.registry.see(register.join_applications)) == 2, "both applications")
        for application in space.registry.see(register.join_applications):
            space.registry.do(register.admit_node, "registrar", application=application["id"])
        until(lambda: code(space.provider) and code(space.consumer), "both codes")
        yield space


def credentialed(space: Space, *members: Up) -> None:
    """The registry gives these members their credentials."""
    for member in members:
        space.registry.do(register.issue_membership, "registrar", code=code(member))
    until(lambda: all(member.see(register.held_credentials) for member in members), "their credentials")


def code(member: Up) -> str:
    with member.store.read() as tx:
        return signing.me(tx).code


def token_to(sender: Up, receiver: Up, **more: Any) -> str:
    """A token of `sender` for `receiver`, with whatever a liar would put into it."""
    with sender.store.read() as tx:
        access = verifying.access_for(tx, receiver.did)
        own = tokens.unproven(verifying.own_token(tx, receiver.did, access=access))
        key = identity.ring(tx).current()
    claims = {name: value for name, value in {**own, **more}.items() if value is not None}
    return key.jwt(claims, did.key_id(sender.did, key))


class Another:
    """A connector of another make: its DID and credential service live at one address, its protocol at another."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        heard = self.heard

        class Handler(Telling):
            def posted(self, body: bytes) -> bytes:
                heard.append((self.path, tokens.unproven(self.bearer()), json.loads(body)))
                return b"{}"

        self.protocol = serving(0, Handler)  # at a port of the system's choice: one found before may be taken by then
        self.wallet = Wallet(folder, 0)
        self.address = f"http://127.0.0.1:{self.protocol.server_port}/protocol"
        self.code = ""

    def stop(self) -> None:
        for server in (self.wallet.server, self.protocol):
            stopped(server)


def state_at(member: Up, node: str) -> str:
    with member.store.read() as tx:
        return str(register.node(tx, node)["state"])


def offering(space: Space) -> dict[str, Any]:
    """What the provider lists; the consumer knows the provider from the directory."""
    space.consumer.node.verifier.peer(code(space.provider))
    party = str(space.provider.node.config["node.party"])
    provider = Node("provider", space.provider.store, PrivateKey.new(), "", party, "")
    with space.provider.store.read() as tx:
        known = catalogue.published_page(tx, to=code(space.consumer), offset=0, limit=10)
    if not known:
        supplied(provider)
        listed(provider)
    return {"policy": to_json(POLICY), "terms": TERMS}
