"""Making the folder of a node: its configuration and its key. Contract: tests/cli/test_cli.py."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from datong.ground import codes
from datong.ground.crypto.profile import DEFAULT, PROFILES
from datong.ground.keys import key_of
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.ground.staging import whole_file

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


NODE_KINDS = ("connector", "business", "regional")


@dataclass(frozen=True)
class Made:
    file: Path
    key: str


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
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # raw rows will lie there
    key = key_of(folder, PROFILES[crypto])
    with whole_file(file) as staged:
        staged.write_text("\n".join(lines) + "\n", "utf-8")
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
