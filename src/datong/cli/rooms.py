"""Commands of the rooms, one for each verb; each is one call of the node's JSON API.

`DATONG_NODE` (address) and `DATONG_TOKEN` (service token), or --node and --token, say which node and who.
Structured arguments take JSON, or a JSON/YAML file as @file. What the verbs are called and take stands in verbs.ndjson,
made from their signatures by `make docs`: a command that only speaks to a node would spend four fifths of its time on
bringing in the rooms themselves.
Contract: tests/cli/test_cli.py; that the file says what the code says, tests/docs/test_reference.py.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from datong.cli import EXIT, told
from datong.ground.refusal import Kind, Reason, Text

VERBS = Path(__file__).parent / "verbs.ndjson"

NODE_SILENT = Reason(
    "CLI-503",
    Kind.unavailable,
    Text("命令未执行。", "The command was not done."),
    Text("节点 {node} 未应答。", "The node at {node} did not answer."),
    Text("请用 datong serve 启动节点，或用 --node / DATONG_NODE 指定地址。",
         "Start it with datong serve, or give its address by --node or DATONG_NODE."),
)  # fmt: skip
UNTRUSTED = Reason(
    "CLI-406",
    Kind.unavailable,
    Text("命令未执行。", "The command was not done."),
    Text("节点 {node} 的 TLS 证书不可信：{why}。", "The certificate of {node} is not trusted: {why}."),
    Text("请核对地址；若证书由本机构自己的 CA 签发，请用环境变量 SSL_CERT_FILE 指定该 CA 的证书文件。",
         "Check the address; where an authority of your own signs it, let SSL_CERT_FILE name that one's certificates."),
)  # fmt: skip
SECONDS = 120
"""How long an answer is waited for."""
NO_ADDRESS = Reason(
    "CLI-408",
    Kind.invalid,
    Text("命令未执行。", "The command was not done."),
    Text("{node} 不是节点地址。", "{node} is no address of a node."),
    Text("地址以 http:// 或 https:// 开头，如 http://127.0.0.1:8400；请用 --node 或 DATONG_NODE 指定。",
         "One begins with http:// or https://, as http://127.0.0.1:8400; give it by --node or DATONG_NODE."),
)  # fmt: skip
NO_ANSWER_YET = Reason(
    "CLI-407",
    Kind.unavailable,
    Text("命令已发出，结果未知。", "The command was sent, and what came of it is not known."),
    Text("节点 {node} 在 {seconds} 秒内没有给出结果，可能仍在执行。",
         "The node at {node} gave no answer within {seconds} s; it may still be doing it."),
    Text("请先查看结果再重复；带 --idempotency-key 的命令可以放心重复。",
         "Look what became of it before you repeat it; with --idempotency-key repeating is safe."),
)  # fmt: skip
NO_NODE = Reason(
    "CLI-502",
    Kind.unavailable,
    Text("不知道命令是否已执行。", "Whether the command was done is not known."),
    Text("{node} 的应答（HTTP {status}）不是大通节点的应答。",
         "What {node} answered (HTTP {status}) is no answer of a Datong node."),
    Text("请核对 --node / DATONG_NODE 的地址，以及其间的代理或网关。",
         "Look at the address given by --node or DATONG_NODE, and at the proxy or gateway before it."),
)  # fmt: skip


def room_group(room: str, title: str) -> click.Group:
    group = click.Group(room, help=title, no_args_is_help=True)
    for line in VERBS.read_text("utf-8").splitlines():
        verb = json.loads(line)
        if verb["room"] == room:
            group.add_command(_command(verb))
    return group


def _command(verb: Mapping[str, Any]) -> click.Command:
    """verb: {room, name, title, text, roles, changes, takes}, a line of VERBS."""
    taken = {one["name"] for one in verb["takes"]}
    at = "--datong-node" if "node" in taken else "--node"  # catalogue.harvest has a --node of its own
    options: list[click.Parameter] = [
        *map(_option, verb["takes"]),
        click.Option([at, "to"], envvar="DATONG_NODE", default="http://127.0.0.1:8400", help="Address of the node."),
        click.Option(["--token"], envvar="DATONG_TOKEN", default="", help="Service token."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON only."),
        click.Option(["--idempotency-key"], default=None, help="Makes repeating the command safe."),
    ]

    def call(to: str, token: str, as_json: bool, idempotency_key: str | None, **given: Any) -> None:
        name = f"{verb['room']}.{verb['name']}"
        _run(name, to, token, as_json, given, changes=verb["changes"], key=idempotency_key)

    needed = ", ".join(verb["roles"]) if verb["changes"] else "reads"
    text = f"{verb['text']}\n\nRoles: {needed}."
    name = verb["name"].replace("_", "-")
    return click.Command(name, params=options, callback=call, help=text, short_help=verb["title"])


def _option(argument: Mapping[str, Any]) -> click.Option:
    """argument: {name, kind}, with its `default` where it may be left out."""
    name, kind = argument["name"], argument["kind"]
    flag = f"--{name.replace('_', '-')}"
    given: dict[str, Any] = {"required": "default" not in argument, "default": argument.get("default")}
    match kind:
        case "yes_or_no":
            return click.Option([f"{flag}/--no-{flag[2:]}", name], default=given["default"])
        case "whole_number":
            return click.Option([flag, name], type=int, **given)
        case "number":
            return click.Option([flag, name], type=float, **given)
        case "texts":
            return click.Option([flag, name], multiple=True, required=given["required"])
        case "text":
            return click.Option([flag, name], **given)
    return click.Option([flag, name], type=Structured(), help="JSON, or @file (JSON or YAML).", **given)


class Structured(click.ParamType[Any]):
    """A JSON value on the command line, or `@path` of a JSON or YAML file."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        import yaml  # noqa: PLC0415 - as few commands need it

        from datong.ground.canonical import plain  # noqa: PLC0415 - as above

        try:
            if value.startswith("@"):
                return plain(yaml.safe_load(Path(value[1:]).read_text("utf-8")))  # bare dates as text, as in JSON
            return json.loads(value)
        except (OSError, ValueError, yaml.YAMLError) as broken:
            return self.fail(str(broken), param, ctx)


def asked(name: str, node: str, token: str, as_json: bool, given: dict[str, Any]) -> None:
    """One view, "room.name", of the node's JSON API, for a command of its own."""
    _run(name, node, token, as_json, given)


def _run(
    verb: str,
    node: str,
    token: str,
    as_json: bool,
    given: dict[str, Any],
    *,
    changes: bool = False,
    key: str | None = None,
) -> None:
    import httpx  # noqa: PLC0415 - heavy, and `--help` speaks to nobody

    from datong.ground.guard import distrust  # noqa: PLC0415 - as above

    headers = ({"authorization": f"Bearer {token}"} if token else {}) | ({"idempotency-key": key} if key else {})
    arguments = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items() if v not in (None, ())}
    url = f"{node.rstrip('/')}/api/{verb.replace('.', '/')}"
    try:
        if changes:
            answer = httpx.post(url, json=arguments, headers=headers, timeout=SECONDS)
        else:
            answer = httpx.get(url, params=arguments, headers=headers, timeout=SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as broken:
        if isinstance(broken, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
            raise NO_ADDRESS(node=node) from broken
        if why := distrust(broken):
            raise UNTRUSTED(node=node, why=why) from broken
        if isinstance(broken, httpx.ReadTimeout):
            raise NO_ANSWER_YET(node=node, seconds=SECONDS) from broken
        raise NODE_SILENT(node=node) from broken
    try:
        body = answer.json()
        refused = Kind(body["error"]["kind"]) if answer.is_error else None
    except (ValueError, KeyError, TypeError) as foreign:  # a gateway's page, or another program's JSON
        raise NO_NODE(node=node, status=answer.status_code) from foreign
    if refused is not None:
        _print_refusal(body["error"], refused, as_json)
    _print(body, as_json)


def _print_refusal(error: dict[str, Any], kind: Kind, as_json: bool) -> None:
    click.echo(told(error, as_json=as_json), err=True)
    sys.exit(EXIT[kind])


def _print(body: Any, as_json: bool) -> None:
    if as_json or not isinstance(body, dict):
        click.echo(json.dumps(body, ensure_ascii=False, indent=1))
        return
    for name, value in body.items():
        shown = value if isinstance(value, str | int | float | None) else json.dumps(value, ensure_ascii=False)
        click.echo(f"{name:<20} {shown}")
