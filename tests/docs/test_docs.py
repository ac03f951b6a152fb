"""The documentation says what the code says: links, commands, verbs, protocol, workspace keys, the README's figures."""

from __future__ import annotations

import ast
import inspect
import json
import re
import sqlite3
import subprocess
import textwrap
import tomllib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from docs_pages import BIN, ROOT, blocks, links, masked, same

import datong.app.doors  # declares all verbs
from datong import app
from datong.cli.commands import datong as datong_command
from datong.harmonise.model.mappings import How, SourceKind
from datong.harmonise.rules import columns as keys_of_columns
from datong.harmonise.rules import source_keys, workspace
from datong.terms.verbs import VERBS
from demo_run import Run, finished

__all__ = ["finished"]

OURS = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
PAGES = [ROOT / name for name in OURS if (ROOT / name).exists()]
REFERENCE = ROOT / "docs/reference"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
SHIPPED = re.compile(r"docs/[\w/-]+\.md")


# --- links and names ---------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The fragments that headings of a page answer to."""
    headings = re.findall(r"^#+ +(.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        assert not fragment or fragment in anchors(file), f"{page.name}: {target}"


def test_every_page_of_the_docs_is_linked_from_the_four_doors() -> None:
    front = ROOT / "docs/README.md"
    linked = {(front.parent / target.partition("#")[0]).resolve() for target in links(front)}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if "decisions" not in page.parts and page != front}
    assert not {page.relative_to(ROOT) for page in pages - linked}


def test_pages_the_code_points_to_exist() -> None:
    for file in (ROOT / "src").rglob("*.py"):
        for name in SHIPPED.findall(file.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{file.name} names {name}"


def test_make_verbs_in_the_docs_exist() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        for told in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
            assert told in known, f"{page.name}: make {told}"


FIXED = (
    "add-operator", "budget", "build", "check", "classify", "contract", "flows", "identity", "init", "match",
    "ndi", "policy", "psi", "quarantine", "repair", "risk", "serve", "treat",
)  # fmt: skip
"""Commands that are no verb of a room."""


def test_the_commands_are_listed() -> None:
    assert set(datong_command.commands) == set(FIXED)
    listed = re.findall(r"^    datong ([a-z-]+) ", (REFERENCE / "cli.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted([*FIXED, "deidentify"])  # a room, and with --spec a command


def test_verbs_in_the_docs_exist() -> None:
    commands = {name.replace("_", "-").replace(".", " ") for name in VERBS} | {*FIXED}
    rooms = {verb.room for verb in VERBS.values()}
    for page in PAGES:
        for room, verb in re.findall(r"\bdatong ([a-z]+)(?: ([a-z][a-z-]*)(?![.\w]))?", page.read_text("utf-8")):
            if room in rooms and verb:
                assert f"{room} {verb}" in commands, f"{page.name}: datong {room} {verb}"


def test_one_version() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert datong.__version__ == told
    assert f"## {told}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


# --- README ------------------------------------------------------------------------------------------------------


def demo_block(page: Path) -> str:
    found = blocks(page)
    return found[[block.text.strip() for block in found].index("make demo") + 1].text


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readme_shows_what_the_demonstration_prints(page: Path, finished: Run) -> None:
    assert same(demo_block(page), finished.output), f"--- printed\n{masked(finished.output)}"


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_figures_of_the_readme_are_the_reports(page: Path, finished: Run) -> None:
    report, text = finished.report, page.read_text("utf-8")
    picture = blocks(page)[0].text
    for name in ("trips", "passages"):
        for part in ("read", "harmonised", "quarantined"):
            assert f"{report['sources'][name][part]:,}" in picture
    assert f"{report['product']['rows']:,}" in picture
    assert f"R = {report['privacy']['overall_risk']:.4f}" in picture
    for part in report["settlement"]["parts"]:
        assert f"{part['fen'] / 100:,.2f}" in picture
    assert f"{report['settlement']['gross_fen'] / 100:,.0f}" in picture
    assert f" {columns(finished)} " in picture
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for error in ("raw_mae", "product_mae"):
        assert f"{report['model'][error]:.2f}" in prose


def columns(run: Run) -> int:
    received = json.loads((run.folder / "city-lab/received/received.json").read_text("utf-8"))
    return len(received["columns"])


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readme_counts_the_verbs(page: Path) -> None:
    told = dict(re.findall(r"^\|[^|]*?([a-z]+) \| (\d+, \d+) \|", page.read_text("utf-8"), re.MULTILINE))
    counted: dict[str, list[int]] = {}
    for verb in VERBS.values():
        counted.setdefault(verb.room, [0, 0])[0 if verb.changes else 1] += 1
    assert {room: f"{does}, {shows}" for room, (does, shows) in counted.items()} == told


def test_both_readmes_show_the_same() -> None:
    shown = [[(block.kind, block.text) for block in blocks(page) if block.kind != "text"] for page in READMES]
    assert shown[0] == shown[1]
    for form in (r"^#+ ", r"^\|"):
        counts = [len(re.findall(form, page.read_text("utf-8"), re.MULTILINE)) for page in READMES]
        assert counts[0] == counts[1]


def test_test_folders_of_the_readme_exist() -> None:
    for row in re.findall(r"^\|.*\|$", READMES[0].read_text("utf-8"), re.MULTILINE):
        cells = row.split("|")
        for folder in re.findall(r"`([a-z]+)`", cells[4]) if len(cells) > 5 else []:
            assert list((ROOT / "tests" / folder).glob("test_*.py")), folder


def test_help_and_make_answer() -> None:
    help_text = subprocess.run([BIN / "datong", "--help"], capture_output=True, text=True, check=True).stdout
    assert all(room in help_text for room in {verb.room for verb in VERBS.values()})
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"make {verb} " in listed for verb in ("setup", "demo", "test", "lint", "docs", "bench"))


# --- reference pages written by hand -----------------------------------------------------------------------------


def protocol() -> dict[str, dict[str, set[str]]]:
    """{message type: {"": fields of the body, part: fields of the body's part}} as the page tells it."""
    text = (REFERENCE / "node-protocol.md").read_text("utf-8").partition("## Messages")[2]
    told = {}
    for section in text.split("\n### ")[1:]:
        name, _, rest = section.partition("\n")
        parts = re.findall(r"^(?:Body|In `(\w+)`): ((?:.|\n(?!In |\n))*)", rest, re.MULTILINE)
        told[name.strip()] = {part: set(re.findall(r"`(\w+)`", fields)) for part, fields in parts}
    return told


def sent(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Bodies of the messages that the nodes of a demonstration sent, by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for file in folder.glob("*/datong.db"):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            for (payload,) in store.execute("SELECT payload FROM job WHERE kind = 'node.send'"):
                message = json.loads(payload)
                found.setdefault(message["type"], []).append(message["body"])
    return found


def test_the_node_protocol_page_lists_every_message() -> None:
    at_the_door = re.findall(r'"(evidence\.\w+)": ', inspect.getsource(app.receivers))
    assert set(protocol()) == {*app.RECEIVERS, *at_the_door}


OF_SEVERAL_FORMS = {"register.connector_report"}
"""Which fields there are depends on the field `kind`; the page tells them for each."""


def test_messages_have_the_fields_the_page_tells(finished: Run) -> None:
    told, seen = protocol(), sent(finished.folder)
    assert len(seen) > 15
    for kind, bodies in seen.items():
        for body in bodies:
            if kind in OF_SEVERAL_FORMS:
                assert {"kind"} < set(body) <= told[kind][""] and body["kind"] in told[kind][""], kind
                continue
            assert set(body) == told[kind][""], kind
            for part, fields in told[kind].items():
                if part and body[part] is not None:
                    assert set(body[part]) == fields, f"{kind} {part}"


def test_the_report_page_lists_every_field(finished: Run) -> None:
    told = set(re.findall(r"^\| `([^`]+)` \|", (REFERENCE / "report.md").read_text("utf-8"), re.MULTILINE))
    assert {re.sub(r"<\w+>", "<>", name) for name in told} == set(fields_of(finished.report, ""))


def fields_of(value: Any, at: str) -> list[str]:
    if isinstance(value, list):
        return sorted({name for item in value for name in fields_of(item, f"{at}[]")})
    if not isinstance(value, dict):
        return [at]
    named = at in ("sources", "privacy.kept", "seconds") or at.endswith(".reasons")
    return sorted(
        {name for key, item in value.items() for name in fields_of(item, f"{at}.{'<>' if named else key}".strip("."))}
    )


def keys_of(heading: str) -> set[str]:
    """First column of the key table under a heading of workspace.md."""
    text = (REFERENCE / "workspace.md").read_text("utf-8")
    section = re.split(rf"^#+ {heading}\n", text, flags=re.MULTILINE)[1]
    table = re.split(r"^#+ ", section, flags=re.MULTILINE)[0].split("| Key | What |")[1].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))


def keys_read(function: Any) -> set[str]:
    """The literal set of keys a reader of workspaces allows."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    sets = [
        {part.value for part in node.elts if isinstance(part, ast.Constant)}
        for node in ast.walk(tree)
        if isinstance(node, ast.Set)
    ]
    return sets[0]


@pytest.mark.parametrize(
    ("heading", "reader"),
    [
        ("Source", workspace._source),
        ("Paging", source_keys._paging),
        ("Load", source_keys.load_of),
        ("Mapping", workspace._mapping),
        ("Column", keys_of_columns.Columns._column),
        ("Join", workspace._Reader.joins),
        ("Check", workspace._Reader.checks),
        ("Unique", workspace._Reader.unique),
        ("Freshness", workspace._Reader.freshness),
        ("Code table", keys_of_columns._code_table),
    ],
)
def test_the_workspace_page_lists_the_keys_that_are_read(heading: str, reader: Any) -> None:
    assert keys_of(heading) == keys_read(reader)


def test_the_workspace_page_lists_the_conversions_and_kinds() -> None:
    text = (REFERENCE / "workspace.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|([^|]*)\|[^|]*\|$", text, re.MULTILINE)
    told = {name: (set(made.split(", ")), set(re.findall(r"`(\w+)`", keys))) for name, made, keys in rows}
    known = {
        how.value: ({kind.value for kind in keys_of_columns.MAKES[how]}, keys_of_columns.OPTIONS[how]) for how in How
    }
    assert told == known
    kinds = next(line for line in text.splitlines() if line.startswith("| `kind` |"))
    assert all(f"`{kind.value}`" in kinds for kind in SourceKind)
