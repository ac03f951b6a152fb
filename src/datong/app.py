"""The only file that knows everybody: opens the store, builds the rooms, mounts the doors, registers handlers.

    init            make the folder of a new node
    open_here       the store of the node in a folder, for a command that needs no running node
    open_node       everything of one node, ready to run (tests open several in one process)
    serve           run it behind uvicorn until it is told to stop

Contract: tests/cli/ and tests/journey/.
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route

from datong.audit import service as audit
from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.compose import service as compose
from datong.deidentify import service as deidentify
from datong.deliver import service as deliver
from datong.deliver.model import START_BY_HAND
from datong.engine import service as engine
from datong.engine import spark
from datong.engine.model import Engine
from datong.engine.service import DUCKDB
from datong.ground import codes, evidence, identity, jobs, migrations, outbox, signing
from datong.ground.config import BAD_CONFIG, SETTINGS, Config, load
from datong.ground.crypto.profile import DEFAULT, PROFILES, Profile, use
from datong.ground.db import NODE, Actor, Store, Tx, settings
from datong.ground.evidence import witness
from datong.ground.evidence.sequencer import Sequencer
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.harmonise import service as harmonise
from datong.negotiate import service as negotiate
from datong.negotiate.model import BY_HAND
from datong.negotiate.service import national, signatures
from datong.price import service as price
from datong.register import service as register
from datong.settle import service as settle
from datong.terms.roles import Role
from datong.web import api, console
from datong.wire import delta_sharing, dsp, http, http_data, node, openlineage
from datong.wire.dcp import routes as dcp_routes
from datong.wire.dcp.credentials import AUTH
from datong.wire.dcp.did import did_of
from datong.wire.dcp.verifying import Verifier
from datong.wire.delta_sharing import client as delta_client
from datong.wire.dsp import catalogue as dsp_catalogue
from datong.wire.dsp import routes as dsp_routes
from datong.wire.dsp import sending as dsp_sending
from datong.wire.ndi import access as ndi_access
from datong.wire.ndi import contracts as ndi_contracts
from datong.wire.ndi import identity as ndi_identity
from datong.wire.ndi import routes as ndi_routes
from datong.wire.ndi import sending as ndi_sending
from datong.wire.ndi import serving as ndi_serving
from datong.wire.ndi import tables as ndi_tables

PORT_TAKEN = Reason(
    "APP-409",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("{host}:{port} 已被占用。", "{host}:{port} is in use."),
    Text("请停止占用该端口的程序，或在 datong.toml 中改 node.port。",
         "Stop the program that uses it, or change node.port in datong.toml."),
)  # fmt: skip
ALREADY_THERE = Reason(
    "APP-410",
    Kind.conflict,
    Text("节点未创建。", "The node was not made."),
    Text("{folder} 中已有 datong.toml。", "There is a datong.toml in {folder} already."),
    Text("请换一个文件夹，或直接运行 datong serve {folder}。", "Choose another folder, or run datong serve {folder}."),
)
BAD_INIT = Reason(
    "APP-400",
    Kind.invalid,
    Text("节点未创建。", "The node was not made."),
    Text("{count} 项信息有误。", "{count} of the facts given are wrong."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
OTHER_NODE = Reason(
    "APP-411",
    Kind.conflict,
    Text("未在此目录执行任何操作。", "Nothing was done in this folder."),
    Text("{file} 指向的数据库属于另一个节点（公钥 {key}，本目录的公钥为 {mine}）。",
         "The store that {file} points at is another node's (key {key}; the key of this folder is {mine})."),
    Text("请在该节点自己的目录中执行，或删去 store.url 后用 datong init 新建。",
         "Work in that node's own folder, or make a new one with datong init."),
)  # fmt: skip
HOURLY = "app.hourly"
SPEAKING = ("dsp.send", "dsp.transfer.send")
"""Jobs that wait for one peer's answer, each of them about a process of its own or in the lane of one."""
NODE_KINDS = ("connector", "business", "regional")

RECEIVERS: Mapping[str, node.Receiver] = {
    "register.join": register.received_join,
    "register.admitted": register.received_admitted,
    "register.membership_changed": register.received_membership_changed,
    "register.case_filed": register.received_case_filed,
    "register.filing_joined": register.received_filing_joined,
    "register.case_state": register.received_case_state,
    "register.ledger_entry": register.received_ledger_entry,
    "register.licence_changed": register.received_licence_changed,
    "register.identity_applied": register.received_identity_applied,
    "register.identity_decided": register.received_identity_decided,
    "register.connector_report": register.received_connector_report,
    "register.space_applied": register.received_space_applied,
    "register.space_decided": register.received_space_decided,
    "register.space_left": register.received_space_left,
    "catalogue.report": catalogue.received_report,
    "authorise.instrument": authorise.received_instrument,
    "authorise.withdrawn": authorise.received_withdrawn,
    "deidentify.assessment": deidentify.received_assessment,
    "deidentify.assessment_withdrawn": deidentify.received_assessment_withdrawn,
    "compose.partition_ask": deliver.received_partition_ask,
    "compose.partition_hold": compose.received_partition_hold,
    "compose.partition_agreed": deliver.received_partition_agreed,
    "compose.partition_cancelled": deliver.received_partition_cancelled,
    "price.ceiling": price.received_ceiling,
    "negotiate.ended": negotiate.received_ended,
    "deliver.ended": deliver.received_ended,
    "deliver.destruction_proof": deliver.received_destruction_proof,
    "settle.invoice": settle.received_invoice,
    "settle.statement": settle.received_statement,
    "settle.accepted": settle.received_accepted,
    "settle.disputed": settle.received_disputed,
    "settle.voided": settle.received_voided,
    "settle.paid": settle.received_paid,
}
"""Which room receives which message of the node protocol (docs/reference/node-protocol.md)."""


@dataclass(frozen=True)
class Made:
    file: Path
    key: str


@dataclass
class Node:
    """One node in this process."""

    config: Config
    store: Store
    client: http.Client
    verifier: Verifier
    worker: jobs.Worker
    sequencer: Sequencer
    asgi: Starlette
    heart: node.Heart

    def start(self) -> None:
        self.sequencer.start()
        self.worker.start()
        self.heart.start()

    def stop(self) -> None:
        self.heart.stop()
        self.worker.stop()
        self.sequencer.stop()
        self.client.close()
        self.store.dispose()


def init(
    folder: Path,
    *,
    name: str,
    party: str | None,
    port: int | None,
    region: str,
    kind: str,
    data: str | None = None,
    crypto: str = DEFAULT.name,
) -> Made:
    """Write the configuration of a new node and make its key.

    party, port: None for a node that works in its own folder only, and joins later. data: see `workspace.data`.
    crypto: the profile it signs, digests and encrypts with for its life.
    """
    file = folder / "datong.toml"
    if file.exists():
        raise ALREADY_THERE(folder=folder)
    problems = _init_problems(name, party, port, region, kind, crypto)
    if data is not None and not (folder / data).is_dir():
        problems.append(Problem("data", "没有这个目录", "there is no such folder"))
    if problems:
        raise BAD_INIT(problems, count=len(problems))
    facts: dict[str, str | int | None] = {
        "name": name, "party": party, "region": region, "kind": kind,
        "address": None if port is None else f"http://127.0.0.1:{port}", "port": port,
    }  # fmt: skip
    lines = ["[node]", *(f"{key} = {_toml(value)}" for key, value in facts.items() if value is not None)]
    missing = ", ".join(key for key, value in facts.items() if value is None)
    lines += [f"# before `datong serve`, also: {missing} (docs/reference/settings.md)"] if missing else []
    lines += [] if data is None else ["", "[workspace]", f"data = {_toml(str((folder / data).resolve()))}"]
    lines += [] if crypto == DEFAULT.name else ["", "[crypto]", f"profile = {_toml(crypto)}"]
    folder.mkdir(parents=True, exist_ok=True)
    key = _key(folder, PROFILES[crypto])
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return Made(file, key.public.text)


def _toml(value: str | int) -> str:
    return json.dumps(value, ensure_ascii=False)  # of such values JSON is TOML


def _init_problems(
    name: str, party: str | None, port: int | None, region: str, kind: str, crypto: str
) -> list[Problem]:
    problems = []
    if crypto not in PROFILES:
        problems.append(Problem("crypto", "应为 " + "、".join(PROFILES), "should be one of " + ", ".join(PROFILES)))
    if not name.strip() or re.search(r'["\\\x00-\x1f\x7f\ud800-\udfff]', name):
        problems.append(Problem("name", "应为不含引号和换行的文字", "should be a text without quotes and line breaks"))
    if party is not None and (fault := codes.credit_code_fault(party)) is not None:
        problems.append(Problem("party", *fault))
    if port is not None and not 0 < port < 65536:
        problems.append(Problem("port", "应为 1 至 65535", "should be 1 to 65535"))
    if not (len(region) == 4 and region.isascii() and region.isdigit()):
        problems.append(Problem("region", "应为 4 位数字", "should have four digits"))
    if kind not in NODE_KINDS:
        problems.append(Problem("kind", "应为 " + "、".join(NODE_KINDS), "should be one of " + ", ".join(NODE_KINDS)))
    return problems


def _key(folder: Path, profile: Profile) -> PrivateKey:
    return PrivateKey.at(folder / "keys" / "node.pem", profile)


def _profile(config: Config) -> Profile:
    return PROFILES[str(config["crypto.profile"])]


@dataclass(frozen=True)
class Here:
    """A node opened in its own folder, and the person at the keyboard."""

    config: Config
    store: Store
    person: Actor


@contextmanager
def open_here(folder: Path) -> Iterator[Here]:
    """The store of the node in `folder`, for one command; the person is a data engineer of the node by being there."""
    config = load(folder, alone=True)
    store = open_store(config)
    try:
        party = str(config["node.party"])
        role = Role.data_engineer.value
        yield Here(config, store, Actor(person="local", role=role, party=party, roles=frozenset({role})))
    finally:
        store.dispose()


KEY_KEPT = "node.key"


def _require_same_node(store: Store, config: Config) -> None:
    """Refuse a store that another node's key has signed for: a copied datong.toml would write into its evidence."""
    mine = _key(config.folder, _profile(config)).public.text
    with store.begin(NODE, "start") as tx:
        known = tx.get(settings, KEY_KEPT)
        if known is None:
            tx.add(settings, {"id": KEY_KEPT, "value": mine})
            evidence.append(tx, "ground.key_kept", settings, KEY_KEPT, public_key=mine)
        elif known["value"] != mine:
            raise OTHER_NODE(file=config.folder / "datong.toml", key=str(known["value"]), mine=mine)


def open_store(config: Config) -> Store:
    """The store of a node, brought up to date; this process signs for it, and runs its crypto profile."""
    key = _key(config.folder, _profile(config))
    use(_profile(config), config["crypto.accepts"])
    store = Store(config.store_url)
    migrations.upgrade(store)
    mine = signing.Me("", str(config["node.party"]), str(config["node.name"]), str(config["node.address"]))
    signing.install(store, key, mine)
    identity.install(store, identity.KeyRing(config.folder))
    _require_same_node(store, config)
    harmonise.install(store, config.folder)
    harmonise.on_run(store, lambda run: openlineage.keep(config.folder, openlineage.events_of(run, _whose(store))))
    compose.install(store, config.folder)
    compose.on_version(
        store, lambda made: openlineage.keep(config.folder, openlineage.version_events(made, _whose(store)))
    )
    _installed_customs(store, config)
    catalogue.install(store, config.folder)
    if config["node.kind"] == "regional":
        with store.begin(NODE, "start") as tx:
            register.found(tx, area=str(config["node.region"]))
    return store


def _installed_customs(store: Store, config: Config) -> None:
    """What this node leaves to persons, and where its peers' data may lie; BAD_CONFIG names what is no such act."""
    known = {"negotiate.by_hand": {act.value for act in BY_HAND}, "deliver.by_hand": {START_BY_HAND}}
    problems = [
        Problem(name, f"应为 {', '.join(sorted(acts))} 中的若干项", f"should be some of {', '.join(sorted(acts))}")
        for name, acts in known.items()
        if not {str(act) for act in config[name]} <= acts
    ]
    if problems:
        raise BAD_CONFIG(problems, file=str(config.folder / "datong.toml"), count=len(problems))
    negotiate.install(store, config["negotiate.by_hand"])
    deliver.install(
        store, config.folder, int(config["deliver.url_seconds"]), by_hand=config["deliver.by_hand"],
        data_elsewhere=bool(config["peers.data_elsewhere"]),
    )  # fmt: skip


@dataclass(frozen=True)
class FirstOperator:
    """The first person of a node, and two ways in: a login link that works once, a token for programs."""

    person: str
    link: str
    token: str


def first_operator(
    folder: Path, *, login: str, name: str, password: str | None = None, department: str = ""
) -> FirstOperator:
    """Add the first operator of a node (run it before the node, or beside it: the store takes both)."""
    store = open_store(load(folder))
    try:
        with store.begin(NODE, "start") as tx:
            added = register.bootstrap_operator(tx, login=login, name=name, password=password, department=department)
            person = str(added["id"])
            link = register.login_link(tx, person=person)["token"]
            token = register.issue_service_token(tx, person=person, label="first", scopes=["register"], days=1)
        return FirstOperator(person, str(link), str(token["token"]))
    finally:
        store.dispose()


Peers = Callable[[Store], tuple[http.Client, http.Door]]


def open_node(config: Config, counts_on: Engine = DUCKDB, peers: Peers | None = None) -> Node:
    """Store, worker, sequencer and ASGI application of a node; nothing runs yet.

    counts_on: what runs the plans of product recipes over this node's data. peers: the client and the door, where
    peers prove themselves by something else than tokens under the directory's keys.
    """
    store = open_store(config)
    engine.use(store, counts_on)
    function_node = (str(config["function_node.address"]), str(config["function_node.key"]))
    if peers is None:
        client = http.Client(store, allow_private=bool(config["peers.allow_private"]))
        door = http.Door(store, client, function_node)
    else:
        client, door = peers(store)
    verifier = _verifier(store, client, config)
    _swept(store)
    worker = jobs.Worker(store, handlers(store, client, function_node, verifier, config), speaking=SPEAKING)
    sequencer = Sequencer(
        store, _key(config.folder, _profile(config)), lambda: _origin(store),
        config.path("evidence", "checkpoint").parent,
        witnesses=lambda: _witnesses(store, list(config["witness.nodes"])),
    )  # fmt: skip
    if ended not in negotiate.on_terminated:
        negotiate.on_terminated.append(ended)
    on_national_rail(store, str(config["ndi.platform"]))
    found = routes(store, door, verifier, config)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield

    heart = node.Heart(store, client, function_node[0], int(config["function_node.heartbeat_seconds"]))
    return Node(config, store, client, verifier, worker, sequencer, Starlette(routes=found, lifespan=lifespan), heart)


def _verifier(store: Store, client: http.Client, config: Config) -> Verifier:
    """Who proves and checks membership credentials for this node; it makes its first identity key when it needs one."""
    function_node = (str(config["function_node.address"]), str(config["function_node.key"]))
    issuers = [str(issuer) for issuer in config["peers.issuers"]]
    if not issuers:
        issuers = [did_of(function_node[0] or str(config["node.address"]))]
    if config["peers.identity"] == "dcp":
        identity.KeyRing(config.folder).current()
    return Verifier(store, client, lambda code: http.peer_key(client, store, code, function_node), issuers)


def on_national_rail(store: Store, platform: str) -> None:
    """The national rail's part of a node: its platform, the form its contracts are signed in and what it carries."""
    national.use_platform(store, platform)
    signatures.FORMS["national"] = ndi_contracts.form
    national.CARRIES["national"] = ndi_contracts.carrying
    if negotiate.concluded not in negotiate.on_finalized:
        negotiate.on_finalized.append(negotiate.concluded)


def _national_tables(config: Config) -> ndi_tables.Tables:
    named = str(config["ndi.tables"])
    return ndi_tables.tables(config.folder / named if named else None)


def _whose(store: Store) -> str:
    """The node's code, or its party before it has joined."""
    with store.read() as tx:
        mine = signing.me(tx)
    return mine.code or mine.party


def _origin(store: Store) -> str:
    with store.read() as tx:
        code = signing.me(tx).code
    return f"datong/{code}" if code else ""


def _witnesses(store: Store, addresses: list[str]) -> list[str]:
    """Codes of the nodes that cosign this log: the named ones, else the function node."""
    with store.read() as tx:
        mine = signing.me(tx).code
        known = [entry for entry in register.directory(tx) if entry["code"] != mine and entry["state"] == "active"]
    if addresses:
        return [str(entry["code"]) for entry in known if entry["address"] in addresses]
    return [str(entry["code"]) for entry in known if entry["kind"] == "regional"]


def _swept(store: Store) -> None:
    """At the start: staged files nobody committed go, jobs of the dead process are free again."""
    jobs.recover(store)
    with store.begin(NODE, "start") as tx:
        harmonise.sweep(tx)
        compose.sweep(tx)
        deliver.sweep(tx)


def handlers(
    store: Store, client: http.Client, function_node: tuple[str, str], verifier: Verifier, config: Config
) -> dict[str, jobs.Handler]:
    """What does which job."""
    caller = verifier if config["peers.identity"] == "dcp" else client

    def fetch(profile: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
        return delta_client.fetch_tables(client, profile, folder)

    national_sender = ndi_sending.Sender(store, client, _national_tables(config), str(config["ndi.prefix"]))
    return {
        outbox.SEND: node.sender_job(store, client, function_node),
        "register.identity_send": node.identity_job(store, client, function_node),
        "dsp.send": dsp_sending.negotiation_job(store, caller),
        "dsp.transfer.send": dsp_sending.transfer_job(store, caller, deliver),
        "ndi.send": ndi_sending.negotiation_job(national_sender),
        national.CALL: ndi_sending.call_job(national_sender),
        deidentify.DRAW: deidentify.draw_job(store),
        "deliver.fetch": deliver.fetch_job(store, fetch, http_data.fetcher(client)),
        "deliver.push": deliver.push_job(store, http_data.pusher(client)),
        "deliver.destroy": deliver.destroy_job(store),
        HOURLY: hourly_job(store),
        catalogue.HARVEST: harvest_job(store, caller, client, function_node),
        register.ISSUE_JOB: dcp_routes.issue_job(store, verifier),
    }


def falls_due(tx: Tx) -> None:
    """What the business clock brings about: overdue cases, terms that end, contracts that expire."""
    if register.is_registry(tx):
        register.escalate_overdue(tx)
    authorise.expire_due(tx)
    negotiate.lapse(tx)
    deliver.expire_due(tx)


def hourly_job(store: Store) -> jobs.Handler:
    """Looks once an hour what fell due, and asks for the next hour."""

    def look(_job: jobs.Job) -> None:
        with store.begin(NODE, "start") as tx:
            falls_due(tx)
            _next_hour(tx)

    return look


def _next_hour(tx: Tx) -> None:
    hour = tx.wall_now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    wait = (hour - tx.wall_now).total_seconds()
    jobs.enqueue(tx, HOURLY, {}, key=f"hourly/{hour:%Y-%m-%dT%H}", delay_seconds=wait)


def ended(tx: Tx, agreement: Any) -> None:
    """A contract that ended ends its delivery, where one began: keys and copies go, with proof."""
    contract, node_itself = str(agreement["id"]), replace(tx, actor=NODE)
    if not (deliver.shares(node_itself, agreement=contract) or deliver.transfers(node_itself, agreement=contract)):
        return
    reason = agreement.get("reason") or {}
    deliver.end(tx, agreement=contract, reason=str(reason.get("en") or agreement["state"]))


def harvest_job(
    store: Store, caller: http.Client | Verifier, client: http.Client, function_node: tuple[str, str]
) -> jobs.Handler:
    """Reads the catalogue of a peer by DSP and keeps what it said."""

    def harvest(job: jobs.Job) -> None:
        peer = str(job.payload["node"])
        http.peer_key(client, store, peer, function_node)  # learns a node not met before from the directory
        found = dsp_catalogue.fetched(store, caller, peer)
        with store.begin(NODE, "catalogue") as tx:
            catalogue.harvested(tx, sender=peer, datasets=found)

    return harvest


def receivers(store: Store) -> dict[str, node.Receiver]:
    """RECEIVERS, and the two of the evidence log that need the sender's key."""

    def checkpoint(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
        witness.received_checkpoint(tx, sender=sender, sender_key=register.node(tx, sender)["public_key"], body=body)

    def cosignature(tx: Tx, *, sender: str, body: dict[str, Any]) -> None:
        witness.received_cosignature(tx, sender=sender, sender_key=register.node(tx, sender)["public_key"], body=body)

    return {**RECEIVERS, "evidence.checkpoint": checkpoint, "evidence.cosignature": cosignature}


def routes(store: Store, door: http.Door, verifier: Verifier, config: Config) -> list[BaseRoute]:
    """All routes of a node: peers and stock clients first, then the API, then the console."""

    def authenticate(request: Request, body: bytes) -> Actor:
        authorization = request.headers.get("authorization", "")
        return verifier.sender(authorization) if by_credentials else door.sender(authorization, body)

    by_credentials = config["peers.identity"] == "dcp"

    return [
        *node.routes(
            store, door, receivers(store), clock_key=str(config["demo.clock_key"]),
            evidence_folder=config.folder / "evidence", on_time=falls_due,
        ),
        *dsp_routes.routes(store, authenticate, deliver, auth=AUTH if by_credentials else None),
        *dsp_catalogue.routes(store, authenticate, catalogue),
        *dcp_routes.routes(store, verifier, str(config["node.address"])),
        *national_routes(store, door, config),
        *delta_sharing.server.routes(store, str(config["node.address"])),
        *http_data.routes(store),
        *openlineage.routes(store),
        Mount("/api", api.api(store), middleware=[Middleware(http.Limited)]),
        *_with_small_bodies(console.routes(store, config.folder / "story.json", int(config["web.session_hours"]))),
    ]  # fmt: skip


def national_routes(store: Store, door: http.Door, config: Config) -> list[Route]:
    """The interfaces of the national rail."""

    def bearer(headers: Mapping[str, str], body: bytes) -> Actor:
        return door.sender(headers.get("authorization", ""), body)

    def key_of(code: str) -> Mapping[str, Any]:
        return http.peer_key(door.client, store, code, door.function_node)

    tables, prefix = _national_tables(config), str(config["ndi.prefix"])
    access = ndi_access.Access(store, bearer, key_of)
    before = {} if door.client is None else ndi_serving.before(store, door.client, tables, prefix)
    serving = {**ndi_serving.serving(tables), **ndi_identity.serving(tables)}
    return ndi_routes.routes(store, access, tables, serving, before, prefix)


def _with_small_bodies(pages: Sequence[Route | Mount]) -> list[BaseRoute]:
    """Forms are read before anybody has logged in, and take many times their size in memory."""
    for page in pages:
        page.app = http.Limited(page.app, http.FORM_BYTES_MAX)
    return list(pages)


def all_routes(store: Store | None = None) -> list[BaseRoute]:
    """The routes of any node, with the settings that every node begins with: for the reference page and for tests.

    store: None for an empty one in memory.
    """
    values = {setting.name: setting.default if setting.default is not None else setting.kind() for setting in SETTINGS}
    store = store or Store("sqlite://")
    client, config = http.Client(store, allow_private=False), Config(Path(), values)
    return routes(store, http.Door(store, client, ("", "")), _verifier(store, client, config), config)


def serve(folder: Path, master: str | None = None) -> None:
    """Run the node of `folder` until SIGTERM or Ctrl-C. master: the Spark it counts on; None: its own DuckDB."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = load(folder)
    host, port = str(config["node.host"]), int(config["node.port"])
    _require_free(host, port)
    opened = open_node(config, DUCKDB if master is None else spark.opened(master))
    opened.start()
    try:
        uvicorn.run(opened.asgi, host=host, port=port, log_level="warning", access_log=False, server_header=False)
    finally:
        opened.stop()


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise PORT_TAKEN(host=host, port=port) from None


__all__ = [
    "RECEIVERS",
    "Refusal",
    "all_routes",
    "audit",
    "dsp",
    "first_operator",
    "init",
    "open_here",
    "open_node",
    "serve",
]
