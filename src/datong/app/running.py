"""A whole node in this process: made of its parts, started and stopped. Contract: tests/cli/ and tests/journey/."""

from __future__ import annotations

import errno
import fcntl
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from sqlalchemy import make_url
from starlette.applications import Starlette

from datong.app.doors import on_errors, routes
from datong.app.national import national_tables, on_national_rail
from datong.app.opening import profile_of
from datong.app.peering import Peering, peering_of, verifier_of
from datong.app.rooms import open_store
from datong.app.work import CARRYING, SPEAKING, Hourly, ended, handlers
from datong.compose import service as compose
from datong.deliver import service as deliver
from datong.engine import service as engine
from datong.engine import spark
from datong.engine.model import Engine
from datong.engine.service import DUCKDB
from datong.ground import jobs, overtaken, signing
from datong.ground.config import Config, load
from datong.ground.db import NODE, Store
from datong.ground.evidence.sequencer import Sequencer, require_whole, warn_of_clock
from datong.ground.keys import key_of
from datong.ground.refusal import Kind, Reason, Text
from datong.harmonise import service as harmonise
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.wire import http, node
from datong.wire.dcp.verifying import Verifier

PORT_TAKEN = Reason(
    "APP-409",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("{host}:{port} 已被占用。", "{host}:{port} is in use."),
    Text("请停止占用该端口的程序，或在 datong.toml 中改 node.port。",
         "Stop the program that uses it, or change node.port in datong.toml."),
)  # fmt: skip

NOT_LISTENING = Reason(
    "APP-416",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("无法在 {host}:{port} 上监听：{why}。", "{host}:{port} cannot be listened on: {why}."),
    Text("请检查 datong.toml：node.host 须为本机地址；1024 以下的 node.port 须有特权（对外的 443 由反向代理监听）。",
         "See datong.toml: node.host should be an address of this machine; a node.port below 1024 needs privileges "
         "(443 is for a reverse proxy before the node)."),
)  # fmt: skip

SERVED_ALREADY = Reason(
    "APP-414",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("{folder} 中的节点正由另一个进程运行；同时运行两个，一个会清掉另一个尚未提交的文件。",
         "Another process serves the node in {folder}; of two, one would sweep away the other's unfinished files."),
    Text("请使用正在运行的节点，或先停止它。", "Use the one that runs, or stop it first."),
)  # fmt: skip
SERVED_ELSEWHERE = Reason(
    "APP-430",
    Kind.conflict,
    Text("节点未启动。", "The node was not started."),
    Text("其数据库 {store} 正由另一个进程服务（{who}），可能在另一台主机上；同时运行两个会重复执行任务。",
         "Another process, maybe on another host, serves its store {store} ({who}); of two, each would do the other's "
         "jobs again."),
    Text("请先停止它；若其主机已宕机，数据库服务器会在一分钟内察觉，届时重试。",
         "Stop it first; where its host is down, the database server notices within a minute: try again then."),
)  # fmt: skip
NOT_WRITABLE = Reason(
    "APP-415",
    Kind.unavailable,
    Text("节点未启动。", "The node was not started."),
    Text("无法写入节点文件夹 {folder}：{why}。", "The node's folder {folder} cannot be written: {why}."),
    Text("节点在其中保存密钥、数据与存证；请检查权限、挂载方式与剩余空间。",
         "Its keys, data and evidence lie there: check the rights, how it is mounted, and the space left."),
)  # fmt: skip


log = logging.getLogger("datong")
AGAIN_SECONDS = 60.0


class Seldom(logging.Filter):
    """The same line again within a minute is left out: with a database away for a night, or a disk that is full,
    every thread says so every second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        told, now = (record.name, record.getMessage()), time.monotonic()
        if now - self._said.get(told, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        self._said = {line: at for line, at in self._said.items() if now - at < AGAIN_SECONDS} | {told: now}
        return True


@dataclass
class Node:
    """One node in this process."""

    config: Config
    store: Store
    client: http.Client
    verifier: Verifier
    peering: Peering
    worker: jobs.Worker
    sequencer: Sequencer
    asgi: Starlette
    heart: node.Heart
    hourly: Hourly

    def start(self) -> None:
        self.sequencer.start()
        self.worker.start()
        self.heart.start()
        self.hourly.start()

    def stop(self) -> None:
        self.hourly.stop()
        self.heart.stop()
        self.worker.stop()
        self.sequencer.stop()
        self.client.close()
        self.store.dispose()


Peers = Callable[[Store], tuple[http.Client, http.Door]]


def open_node(config: Config, counts_on: Engine = DUCKDB, peers: Peers | None = None) -> Node:
    """Store, worker, sequencer and ASGI application of a node; nothing runs yet. Refuses: APP-430, GND-413.

    counts_on: what runs the plans of product recipes over this node's data. peers: the client and the door, where
    peers prove themselves by something else than tokens under the directory's keys.
    """
    store, key = open_store(config), key_of(config.folder, profile_of(config))
    _require_unserved(store)
    log = config.path("evidence", "checkpoint").parent
    require_whole(store, key, log)
    warn_of_clock(store)
    overtaken.watch(store, int(config["node.still_days"]))
    engine.use(store, counts_on)
    function_node = (str(config["function_node.address"]), str(config["function_node.key"]))
    if peers is None:
        client = http.Client(store, allow_private=bool(config["peers.allow_private"]))
        door = http.Door(store, client, function_node)
    else:
        client, door = peers(store)
    verifier = verifier_of(store, client, config)
    peering = peering_of(client, door, verifier, config)
    _swept(store)
    work = handlers(store, client, function_node, verifier, peering, config)
    worker = jobs.Worker(store, work, speaking=SPEAKING, carrying=CARRYING)
    sequencer = Sequencer(
        store, key, lambda: _origin(store), log, witnesses=lambda: _witnesses(store, list(config["witness.nodes"]))
    )
    if ended not in negotiate.on_terminated:
        negotiate.on_terminated.append(ended)
    if deliver.signed not in negotiate.on_finalized:
        negotiate.on_finalized.append(deliver.signed)
    on_national_rail(store, str(config["ndi.platform"]), national_tables(config))
    found = routes(store, door, verifier, peering, config)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield

    heart = node.Heart(store, client, function_node[0], int(config["function_node.heartbeat_seconds"]))
    asgi = Starlette(routes=found, lifespan=lifespan, exception_handlers=on_errors(store, config))
    return Node(config, store, client, verifier, peering, worker, sequencer, asgi, heart, Hourly(store))


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


def serve(folder: Path, master: str | None = None) -> None:
    """Run the node of `folder` until SIGTERM or Ctrl-C. master: the Spark it counts on; None: its own DuckDB."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(Seldom())
    for of_others in ("httpx", "alembic"):
        logging.getLogger(of_others).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again when it has ended: then we end too
    config = load(folder)
    host, port = str(config["node.host"]), int(config["node.port"])
    with _alone(folder):
        _require_free(host, port)
        opened = open_node(config, DUCKDB if master is None else spark.opened(master))
        opened.start()
        log.info("%s is served at %s port %s until Ctrl-C or SIGTERM", config["node.name"], host, port)
        try:
            uvicorn.run(opened.asgi, host=host, port=port, log_level="warning", access_log=False, server_header=False)
        finally:
            opened.stop()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The only process that serves this folder, from before its sweep to its end, whichever way it ends."""
    try:
        lock = (folder / ".serving").open("a")
    except OSError as error:
        raise NOT_WRITABLE(folder=folder, why=error.strerror) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SERVED_ALREADY(folder=folder) from None
        yield


def _require_unserved(store: Store) -> None:
    """What `_alone` is for a folder, for a store that several hosts reach: from before the sweep to the end."""
    if (who := store.serves()) is not None:
        told = make_url(store.url).render_as_string(hide_password=True)
        store.dispose()
        raise SERVED_ELSEWHERE(store=told, who=who)


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PORT_TAKEN(host=host, port=port) from None
            raise NOT_LISTENING(host=host, port=port, why=error.strerror) from None
