"""`datong init`: the folder of a new node with an empty workspace, and what to do next.

Must never know: what a store is; so it starts at once. Contract: tests/cli/test_cli.py.
"""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from datong.app import init

FOLDERS = ("sources", "standards", "mappings")
NOT_FOR_GIT = "keys/\nevidence/\ndata/\nproducts/\ndatong.db*\n"
OTHER_DATA = "# the node's own: its key, its store and what it built; the texts beside them belong into git\n"


def made(folder: Path, *, name: str | None, party: str | None, data: str | None, **facts: Any) -> list[str]:
    """A new node with an empty workspace; what to say about it."""
    given = name or re.sub(r'["\\\x00-\x1f\x7f\ud800-\udfff]', "", folder.resolve().name) or "node"
    new = init(folder, name=given, party=party, data=data, **facts)
    for below in FOLDERS:
        (folder / below).mkdir(exist_ok=True)
    with suppress(FileExistsError), (folder / ".gitignore").open("x", encoding="utf-8") as opened:
        opened.write(OTHER_DATA + NOT_FOR_GIT)
    lines = [f"{new.file} written. Public key: {new.key}"]
    there = shlex.quote(str(folder))
    if party is None:
        return [*lines, f"Next: cd {there}, then datong match FILE --standard PACK"]
    return [*lines, f"Next: datong add-operator {there} --login NAME --name NAME, then datong serve {there}"]
