"""Configuration of a node: `datong.toml`, read once, all mistakes told together.

Every setting is declared in SETTINGS, which is also the reference page (docs/reference/settings.md, held equal
by tests/docs). Must never know: what a room does with its setting. Contract: tests/ground/test_config.py.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datong.ground.crypto.profile import PROFILES
from datong.ground.refusal import Kind, Problem, Reason, Text

BAD_CONFIG = Reason(
    "CFG-400",
    Kind.invalid,
    Text("节点配置 {file} 未被接受。", "The node configuration {file} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试；全部设置见 docs/reference/settings.md。",
         "Mend the items listed and try again; docs/reference/settings.md lists every setting."),
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    name: str
    kind: type
    default: Any
    """None: required."""
    doc: str
    among: tuple[str, ...] = ()
    """The values it may have; empty: any."""
    least: int = 0
    most: int = 2**31 - 1
    """Bounds of a whole number, both included."""


SETTINGS = (
    Setting("node.name", str, None, "Name of the organisation's node, shown in the console and in messages."),
    Setting("node.party", str, None, "Subject code (主体标识码) of the organisation, 18 characters."),
    Setting("node.region", str, None, "Region code of the seat, 4 digits (GB/T 2260)."),
    Setting("node.kind", str, "connector", "connector, business, regional: what the node is in the national layout."),
    Setting("node.address", str, None, "Address at which other nodes reach this one, e.g. http://127.0.0.1:8401."),
    Setting("node.host", str, "127.0.0.1", "Address the node listens on."),
    Setting("node.port", int, None, "Port the node listens on.", least=1, most=65535),
    Setting(
        "node.still_days",
        int,
        14,
        "How many days this node may have stood still: where the clock is further ahead of the time it saw last, "
        "nothing ends by time until its operator confirms the day. Two weeks: longer than the longest public holiday, "
        "shorter than the month by which a date is mistyped.",
        least=1,
        most=3650,
    ),
    Setting("crypto.profile", str, "default", "default or guomi: what the node signs, digests and encrypts with."),
    Setting("crypto.accepts", list, [], "Crypto profiles of peers accepted besides this node's own."),
    Setting("store.url", str, "", "postgresql://USER@HOST/DATABASE; empty = SQLite: datong.db in the folder."),
    Setting("function_node.address", str, "", "Address of the function node (功能节点); empty on that node itself."),
    Setting("function_node.key", str, "", 'Public key of the function node, "Ed25519:…" or "SM2:…", known beforehand.'),
    Setting(
        "function_node.heartbeat_seconds",
        int,
        0,
        "How often this node tells the function node that it is alive; 0 = never, 5 by TC609-6-2025-11.",
    ),
    Setting("witness.nodes", list, [], "Addresses of nodes asked to cosign this node's checkpoints."),
    Setting("demo.clock_key", str, "", "Public key whose messages may move the business clock; empty = real time."),
    Setting("peers.allow_private", bool, False, "Whether peers may live at loopback and private addresses."),
    Setting(
        "peers.identity",
        str,
        "directory",
        "How counterparties of the Dataspace Protocol prove who they are: directory (the key registered for their "
        "node), dcp (a DID and a membership credential), or either (connectors of another make by credentials, all "
        "others by their keys); where one node of a space says dcp, all do.",
        ("directory", "dcp", "either"),
    ),
    Setting("peers.issuers", list, [], "DIDs whose membership credentials are believed; empty = the function node's."),
    Setting(
        "peers.credential_profile",
        str,
        "vc20-bssl/jwt",
        "In which profile of DCP this function node writes membership credentials; vc11-sl2021/jwt where Eclipse EDC "
        "is to read them.",
        ("vc20-bssl/jwt", "vc11-sl2021/jwt"),
    ),
    Setting(
        "peers.believed_seconds",
        int,
        60,
        "How long a member that proved itself by a credential is believed without being asked again, so that a "
        "revocation is felt after that long at most; 0 = asked for every message.",
    ),
    Setting(
        "peers.data_elsewhere",
        bool,
        False,
        "Whether the data of a peer may lie at, or be pushed to, another address than the one it registered.",
    ),
    Setting(
        "negotiate.by_hand",
        list,
        [],
        'Acts of a provider that wait for a person: "agree" (draw up the contract), "finalize" (conclude it).',
    ),
    Setting(
        "negotiate.open_per_peer",
        int,
        1000,
        "How many negotiations that one peer has opened may be open at once, and a tenth of how many it may open "
        "within a day; further ones are refused until some end, or the day is over.",
        least=1,
    ),
    Setting(
        "negotiate.begun_per_peer",
        int,
        1000,
        "How many contracts of the national rail (contractCreate) that one node began in the last ten days may be "
        "without a negotiation here or, where this node is the platform, a filing; further ones are refused.",
        least=1,
    ),
    Setting(
        "negotiate.filed_first",
        bool,
        False,
        "Whether this node performs a contract, of either rail, only once it is filed (备案) at a service platform.",
    ),
    Setting("deliver.by_hand", list, [], 'Acts of a provider that wait for a person: "start" (a transfer).'),
    Setting(
        "deliver.open_per_contract",
        int,
        100,
        "How many transfers that its consumer asked for may be open at once under one contract, and a hundredth of how "
        "many may begin within a day; further ones are refused until some end, or the day is over.",
        least=1,
    ),
    Setting(
        "deliver.on_signing",
        bool,
        False,
        "Whether what this node contracts for is delivered into it as soon as the contract is signed, without being "
        "asked for.",
    ),
    Setting("deliver.url_seconds", int, 900, "How long a file address handed to a client is valid.", least=1),
    Setting("ndi.platform", str, "", "Node code of the service platform; empty = itself or its function node."),
    Setting("ndi.prefix", str, "", "What stands before the paths of the national interfaces, e.g. /ndi."),
    Setting("ndi.tables", str, "", "File with this node's corrections of the national interface tables."),
    Setting("web.session_hours", int, 8, "How long a console session lasts without a new login.", least=1),
    Setting(
        "workspace.data", str, "", "Folder in which the paths of the workspace's sources begin; empty = the workspace."
    ),
)


@dataclass(frozen=True)
class Config:
    """The settings of one node; `folder` is where its store, keys, data and evidence live."""

    folder: Path
    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def store_url(self) -> str:
        return str(self["store.url"]) or f"sqlite:///{self.folder / 'datong.db'}"

    def path(self, *parts: str) -> Path:
        """A folder or file inside the node's folder; the parent folders are made."""
        target = self.folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def load(folder: Path, *, alone: bool = False) -> Config:
    """The configuration in `folder`/datong.toml; a BAD_CONFIG refusal lists every mistake.

    alone: for work in the node's own folder, which needs nothing that only other nodes ask for: what is required to
    serve may be missing (and is then empty).
    """
    file = folder / "datong.toml"
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        missing = Problem(
            str(file), "文件不存在；可用 datong init 生成", "there is no such file; datong init makes one"
        )
        raise BAD_CONFIG([missing], file=str(file), count=1) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise BAD_CONFIG(
            [Problem(str(file), f"不是 TOML：{broken}", f"not TOML: {broken}")], file=str(file), count=1
        ) from None
    flat = {
        f"{part}.{key}": value
        for part, table in given.items()
        if isinstance(table, dict)
        for key, value in table.items()
    }
    problems = [
        Problem(name, "没有这个设置", "no such setting") for name in flat if name not in {s.name for s in SETTINGS}
    ]
    problems += [
        Problem(part, "应为一节 [表]", "should be a [table]")
        for part, table in given.items()
        if not isinstance(table, dict)
    ]
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        value = flat.get(setting.name, setting.default)
        if value is None and alone:
            value = setting.kind()
        elif value is None:
            problems.append(Problem(setting.name, f"缺少：{setting.doc}", f"missing: {setting.doc}"))
        elif type(value) is not setting.kind:
            problems.append(
                Problem(setting.name, f"应为 {setting.kind.__name__}", f"should be of type {setting.kind.__name__}")
            )
        elif setting.among and value not in setting.among:
            known = ", ".join(setting.among)
            problems.append(Problem(setting.name, f"应为 {known} 之一", f"should be one of {known}"))
        elif isinstance(value, int) and setting.kind is int and not setting.least <= value <= setting.most:
            zh, en = f"应为 {setting.least} 至 {setting.most}", f"should be {setting.least} to {setting.most}"
            problems.append(Problem(setting.name, zh, en))
        values[setting.name] = value
    problems += _profile_problems(values)
    if problems:
        raise BAD_CONFIG(problems, file=str(file), count=len(problems))
    return Config(folder, values)


def _profile_problems(values: dict[str, Any]) -> list[Problem]:
    known = "、".join(PROFILES), ", ".join(PROFILES)
    problems = []
    if isinstance(chosen := values["crypto.profile"], str) and chosen not in PROFILES:
        problems.append(Problem("crypto.profile", f"应为 {known[0]}", f"should be one of {known[1]}"))
    if isinstance(accepts := values["crypto.accepts"], list) and not all(name in tuple(PROFILES) for name in accepts):
        problems.append(Problem("crypto.accepts", f"每项应为 {known[0]}", f"each should be one of {known[1]}"))
    return problems
