"""The command line: `datong init | match | check | build | serve | <room> <verb>`; the entry point.

The rooms' commands are made from the table of verbs, written down in verbs.ndjson, and speak to a node's JSON API, so
the command line can do what the console can, under the same roles, and imports no room for it. What works in a folder
imports its rooms when it is called, which keeps `datong --help` fast. Must never know: what a verb does.
Contract: tests/cli/, docs/reference/cli.md.
"""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

from datong.ground.refusal import Kind, Reason, Refusal, Text

EXIT = {Kind.invalid: 2, Kind.denied: 3, Kind.unknown: 4, Kind.conflict: 5, Kind.unavailable: 6}
"""Kind of refusal -> exit code."""

SYSTEM_SAID_NO = Reason(
    "CLI-405",
    Kind.unavailable,
    Text("命令未完成。", "The command was not finished."),
    Text("操作系统拒绝了：{said}。", "The operating system refused: {said}."),
    Text("请检查路径、权限（包括上级目录的）与剩余空间后重试。",
         "Check the path, the rights (of the folders above it, too) and the space left, and try again."),
)  # fmt: skip


def main() -> None:
    """Run a command; a refusal is printed as what, why, next step, and gives its exit code."""
    from datong.cli.commands import datong  # noqa: PLC0415 - keeps `import datong.cli` free of click

    for stream in (sys.stdout, sys.stderr):  # a terminal that has no Chinese signs gets escapes for them, no traceback
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        datong()
    except Refusal as refusal:
        _refused(refusal)
    except OSError as error:  # a folder nobody may write, a file that is none, a full disk: no fault of the program
        said = error.strerror or type(error).__name__
        _refused(SYSTEM_SAID_NO(said=f"{error.filename}: {said}" if error.filename else said))


def _refused(refusal: Refusal) -> None:
    sys.stderr.write(told(refusal.as_json(), as_json="--json" in sys.argv) + "\n")
    sys.exit(EXIT[refusal.kind])


def told(error: dict[str, Any], *, as_json: bool) -> str:
    """A refusal, in the one shape of errors, as the command line tells it."""
    if as_json:
        return json.dumps(error, ensure_ascii=False, indent=1)
    language = "zh" if in_chinese() else "en"
    said = " ".join(error[part][language] for part in ("what", "why", "next"))
    lines = [f"[{error['code']}] {said}"]
    lines += [f"  - {problem['where']}: {problem[language]}" for problem in error["problems"]]
    return "\n".join(lines)


def said(text: Text) -> str:
    return text.zh if in_chinese() else text.en


def in_chinese() -> bool:
    """Whether messages are wanted in Chinese, by the first of the variables of POSIX that is set."""
    language = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return language.startswith("zh")
