"""`datong ndi`: the national interface tables, a message checked against its table, a request sent by hand.

Must never know: what a message means. Contract: tests/cli/test_cli_ndi.py.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import click

from datong.cli import EXIT, said
from datong.cli.options import AS_JSON
from datong.ground.refusal import Kind, Text

CORRECTIONS = click.option(
    "--tables",
    "corrections",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A node's corrections of the tables.",
)


@click.group(no_args_is_help=True)
def ndi() -> None:
    """The interfaces of the national data infrastructure 国家数据基础设施接口."""


@ndi.command("tables")
@click.argument("interface", required=False)
@CORRECTIONS
@AS_JSON
def tables_(interface: str | None, corrections: Path | None, as_json: bool) -> None:
    """List the 27 interfaces, or the rows of one."""
    from datong.wire.ndi.tables import tables  # noqa: PLC0415 - reads the tables

    known = tables(corrections)
    if interface is None:
        listed = [
            {"id": one.id, "zh": one.zh, "document": one.document, "path": one.path, "printed_path": one.printed,
             "rows": len(one.rows("request")) + len(one.rows("response"))}
            for one in known.interfaces.values()
        ]  # fmt: skip
        lines = [f"{one['id']:<24} {one['document']:<16} {one['rows']:>3}  {one['path']}" for one in listed]
        _told(listed, lines, as_json)
        return
    of = known.interface(interface)
    rows = [
        {"part": part, "row": row.row, "path": row.path, "zh": row.zh, "type": row.type, "length": row.length,
         "required": row.required, "read_as": list(row.names), "codes": row.codes}
        for part in ("request", "response")
        for row in of.rows(part)
    ]  # fmt: skip
    lines = [
        f"{row['part']:<9}{row['row']:<8}{row['path']:<56}{row['type']:<9}{row['length'] or '-':>5}  {row['required']}"
        for row in rows
    ]
    _told(rows, lines, as_json)


@ndi.command()
@click.argument("interface")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--answer", is_flag=True, help="The file is an answer, not a request.")
@CORRECTIONS
@AS_JSON
def check(interface: str, file: Path, answer: bool, corrections: Path | None, as_json: bool) -> None:
    """Check a message in FILE against the table of INTERFACE: every fault with its place and row."""
    from datong.wire.ndi import answers, reading  # noqa: PLC0415 - reads the tables
    from datong.wire.ndi.tables import tables  # noqa: PLC0415

    known = tables(corrections)
    of, part = known.interface(interface), "response" if answer else "request"
    value, faults = reading.parsed(file.read_bytes())
    found = reading.read(known, of, part, value) if not faults else reading.Read({}, faults)
    told: dict[str, Any] = {
        "interface": of.id, "document": of.document, "fits": not found.faults, "odd_spellings": list(found.odd),
        "problems": [{"kind": f.kind, "where": f.where, "row": f.row, "zh": f.zh, "en": f.en} for f in found.faults],
        "message": found.value,
    }  # fmt: skip
    if found.faults:
        refusal = reading.refusal(of, part, found.faults)
        kinds = tuple(fault.kind for fault in found.faults)
        told["answer"] = answers.refused(known, of, refusal, kinds)
    lines = [said(Text("符合接口表", "fits its table"))] if not found.faults else []
    lines += [f"{f.where} ({f.row or '-'}): {said(Text(f.zh, f.en))}" for f in found.faults]
    lines += [said(Text(f"按另一种写法读取：{one}", f"read in another spelling: {one}")) for one in found.odd]
    _told(told, lines, as_json)
    if found.faults:
        sys.exit(EXIT[Kind.invalid])


@ndi.command()
@click.argument("interface")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", required=True, help="Address of the node asked, e.g. http://127.0.0.1:8402.")
@click.option("--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default=Path())
@click.option("--sign", is_flag=True, help="Sign the message itself too (its member signature).")
@CORRECTIONS
def send(interface: str, file: Path, to: str, folder: Path, sign: bool, corrections: Path | None) -> None:
    """Send a request written by hand in the name of the node in --folder, with the signed headers of NDI-TR-2025-03."""
    from datong import app  # noqa: PLC0415 - opens a store
    from datong.ground import clock, signing  # noqa: PLC0415
    from datong.wire.http import Client  # noqa: PLC0415
    from datong.wire.ndi import contracts, reading  # noqa: PLC0415
    from datong.wire.ndi.access import signed_headers  # noqa: PLC0415
    from datong.wire.ndi.tables import tables  # noqa: PLC0415

    of = tables(corrections).interface(interface)
    value, faults = reading.parsed(file.read_bytes())
    if faults:
        raise reading.refusal(of, "request", faults)
    with app.open_here(folder) as here:
        with here.store.read() as tx:
            key, code = signing.node_key(tx), signing.me(tx).code
        message = contracts.signed_message(key, value) if sign else value
        headers = signed_headers(key.sign_value, code, of.id, message, clock.wall_clock(), uuid.uuid4().hex)
        client = Client(here.store, allow_private=bool(here.config["peers.allow_private"]))
        data = json.dumps(message, ensure_ascii=False).encode()
        answer = client.request(of.method, to.rstrip("/") + of.path, content=data, headers=headers)
        client.close()
    click.echo(
        json.dumps({"status": answer.status, "body": json.loads(answer.body or b"null")}, ensure_ascii=False, indent=1)
    )
    if answer.status >= 400:
        sys.exit(EXIT[Kind.invalid])


def _told(value: Any, lines: list[str], as_json: bool) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=1) if as_json else "\n".join(lines))
