"""The command line: `datong init | serve | <room> <verb>`; the entry point.

The rooms' commands are made from the table of verbs and speak to a node's JSON API, so the command line can do
what the console can, under the same roles. Rooms are imported only when their commands are asked for, which
keeps `datong --help` fast. Must never know: what a verb does. Contract: tests/cli/, docs/reference/cli.md.
"""

from __future__ import annotations

import sys

from datong.ground.refusal import Kind, Refusal

EXIT = {Kind.invalid: 2, Kind.denied: 3, Kind.unknown: 4, Kind.conflict: 5, Kind.unavailable: 6}
"""Kind of refusal -> exit code."""


def main() -> None:
    """Run a command; a refusal is printed as what, why, next step, and gives its exit code."""
    from datong.cli.commands import datong  # noqa: PLC0415 - keeps `import datong.cli` free of click

    try:
        datong()
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.exit(EXIT[refusal.kind])
