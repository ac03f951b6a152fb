"""Opening the store of a node in its folder: brought up to date, signed for, and the room of its workspace installed.

No room above harmonise comes with it, as the commands of a workspace begin often and do little; those are for `rooms`.

Contract: tests/cli/ and tests/ground/test_evidence_sequencer.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from datong.deliver.model import START_BY_HAND
from datong.ground import evidence, identity, migrations, signing
from datong.ground.config import BAD_CONFIG, Config, load
from datong.ground.crypto.profile import PROFILES, Profile, use
from datong.ground.db import NODE, STORE_AWAY, STORE_BUSY, Actor, Store, settings
from datong.ground.keys import key_of
from datong.ground.refusal import Kind, Problem, Reason, Refusal, Text
from datong.harmonise import service as harmonise
from datong.negotiate.model import BY_HAND
from datong.terms.roles import Role

OTHER_NODE = Reason(
    "APP-411",
    Kind.conflict,
    Text("未在此目录执行任何操作。", "Nothing was done in this folder."),
    Text("{file} 指向的数据库属于另一个节点（公钥 {key}，本目录的公钥为 {mine}）。",
         "The store that {file} points at is another node's (key {key}; the key of this folder is {mine})."),
    Text("请在该节点自己的目录中执行，或删去 store.url 后用 datong init 新建；keys/node.pem 若曾丢失，请从备份恢复。",
         "Work in that node's own folder, or make a new one with datong init; where keys/node.pem was lost, "
         "put it back from the backup."),
)  # fmt: skip


BUSY = Reason(
    "APP-412",
    Kind.unavailable,
    Text("未执行任何操作。", "Nothing was done."),
    Text("另一个进程正在写入 {folder} 中节点的数据库（例如一次长时间的构建）。",
         "Another process writes to the store of the node in {folder}, as a long build does."),
    Text("请待其结束后重试。", "Repeat it when that is done."),
)  # fmt: skip


NOT_OPENED = Reason(
    "APP-413",
    Kind.unavailable,
    Text("未执行任何操作。", "Nothing was done."),
    Text("{file} 所指的数据库打不开：{why}。", "The store that {file} points at cannot be opened: {why}."),
    Text("请检查 store.url、数据库服务器与节点文件夹的权限后重试。",
         "Check store.url, the database server and the rights on the node's folder, and try again."),
)  # fmt: skip


KEY_KEPT = "node.key"
STORES = ("sqlite", "postgresql", "postgresql+psycopg")


def profile_of(config: Config) -> Profile:
    return PROFILES[str(config["crypto.profile"])]


@dataclass(frozen=True)
class Here:
    """A node opened in its own folder, and the person at the keyboard."""

    config: Config
    store: Store
    person: Actor


def open_workspace(folder: Path) -> AbstractContextManager[Here]:
    """The store of the node in `folder`, for one command on its workspace: no room but harmonise is brought in."""
    return for_one_command(folder, open_up_to_harmonise)


@contextmanager
def for_one_command(folder: Path, opening: Callable[[Config], Store]) -> Iterator[Here]:
    """The node in `folder`, its store opened by `opening`; the person is a data engineer of the node by being there."""
    config = load(folder, alone=True)
    try:
        with _opened(config, opening) as here:
            yield here
    except Refusal as refusal:
        if refusal.reason is not STORE_BUSY:
            raise
        raise BUSY(folder=folder) from None


@contextmanager
def _opened(config: Config, opening: Callable[[Config], Store]) -> Iterator[Here]:
    store = opening(config)
    try:
        party = str(config["node.party"])
        role = Role.data_engineer.value
        yield Here(config, store, Actor(person="local", role=role, party=party, roles=frozenset({role})))
    finally:
        store.dispose()


def open_up_to_harmonise(config: Config) -> Store:
    """The store of a node, brought up to date; this process signs for it, and runs its crypto profile."""
    key = key_of(config.folder, profile_of(config))
    use(profile_of(config), config["crypto.accepts"])
    store = _reached(config)
    mine = signing.Me("", str(config["node.party"]), str(config["node.name"]), str(config["node.address"]))
    signing.install(store, key, mine)
    identity.install(store, identity.KeyRing(config.folder))
    _require_same_node(store, config)
    harmonise.install(store, config.folder)
    harmonise.on_run(store, lambda run: _told(store, config.folder, run))
    _require_known_acts(config)
    if config["node.kind"] == "regional":
        from datong.register import service as register  # noqa: PLC0415 - heavy, and such nodes are few

        with store.begin(NODE, "start") as tx:
            register.found(tx, area=str(config["node.region"]))
    return store


def _reached(config: Config) -> Store:
    """The store that the configuration names, brought up to date."""
    _require_a_kind_of_store(config)
    file = config.folder / "datong.toml"
    try:
        store = Store(config.store_url)
    except ModuleNotFoundError as missing:
        raise NOT_OPENED(file=file, why=f"{missing.name}: pip install 'datong[postgresql]'") from None
    try:
        if (encoding := store.encoding()) != "UTF8":
            store.dispose()
            raise NOT_OPENED(
                file=file, why=f"server_encoding {encoding}, UTF8 expected (CREATE DATABASE … ENCODING UTF8)"
            )
        migrations.upgrade(store)
    except DatabaseError as error:
        store.dispose()
        raise NOT_OPENED(file=file, why=_first_line(error.orig)) from None
    except Refusal as refusal:
        store.dispose()
        if refusal.reason is not STORE_AWAY:
            raise
        raise NOT_OPENED(file=file, why=_first_line(refusal.__cause__)) from None
    return store


def _first_line(told: BaseException | None) -> str:
    """What a driver says of a database that does not open: addresses and names, never the password."""
    return str(told).partition("\n")[0]


def _require_a_kind_of_store(config: Config) -> None:
    try:
        kind = make_url(config.store_url).drivername
    except (SQLAlchemyError, ValueError):
        kind = ""
    if kind not in STORES:
        zh, en = "应为 postgresql://用户@主机/数据库，或留空", "should be postgresql://USER@HOST/DATABASE, or empty"
        problem = Problem("store.url", zh, en)
        raise BAD_CONFIG([problem], file=str(config.folder / "datong.toml"), count=1)


def _require_same_node(store: Store, config: Config) -> None:
    """Refuse a store that another node's key has signed for: a copied datong.toml would write into its evidence."""
    mine = key_of(config.folder, profile_of(config)).public.text
    with store.begin(NODE, "start") as tx:
        known = tx.get(settings, KEY_KEPT)
        if known is None:
            tx.add(settings, {"id": KEY_KEPT, "value": mine})
            evidence.append(tx, "ground.key_kept", settings, KEY_KEPT, public_key=mine)
        elif known["value"] != mine:
            raise OTHER_NODE(file=config.folder / "datong.toml", key=str(known["value"]), mine=mine)


def _require_known_acts(config: Config) -> None:
    """BAD_CONFIG names what is no act that a node can leave to persons."""
    known = {"negotiate.by_hand": {act.value for act in BY_HAND}, "deliver.by_hand": {START_BY_HAND}}
    problems = [
        Problem(name, f"应为 {', '.join(sorted(acts))} 中的若干项", f"should be some of {', '.join(sorted(acts))}")
        for name, acts in known.items()
        if not {str(act) for act in config[name]} <= acts
    ]
    if problems:
        raise BAD_CONFIG(problems, file=str(config.folder / "datong.toml"), count=len(problems))


def _told(store: Store, folder: Path, run: dict[str, Any]) -> None:
    """Keep the events of an attempt to build."""
    from datong.wire import openlineage  # noqa: PLC0415 - heavy, and only a build is told of

    openlineage.keep(folder, openlineage.events_of(run, whose(store)))


def whose(store: Store) -> str:
    """The node's code, or its party before it has joined."""
    with store.read() as tx:
        mine = signing.me(tx)
    return mine.code or mine.party
