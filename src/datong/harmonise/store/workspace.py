"""Reading a workspace's YAML files from its folder. Contract: tests/harmonise/test_harmonise_workspace.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from datong.ground.refusal import Problem

FOLDERS = ("sources", "standards", "mappings")
FILE_BYTES_MAX = 1_000_000


def files_of(folder: Path) -> tuple[dict[str, Any], list[Problem]]:
    """{path in the workspace: parsed YAML} of its sources, standards and mappings, and what could not be read."""
    if not folder.is_dir():
        return {}, [Problem(str(folder), "没有这个目录", "there is no such folder")]
    found: list[Problem] = []
    files: dict[str, Any] = {}
    for path in sorted(p for name in FOLDERS for p in (folder / name).glob("*.yaml")):
        where = f"{path.parent.name}/{path.name}"
        try:
            if path.stat().st_size > FILE_BYTES_MAX:
                found.append(Problem(where, "文件过大", "the file is too large"))
                continue
            files[where] = yaml.safe_load(path.read_text("utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f"{where}:{mark.line + 1}" if mark else where
            found.append(Problem(line, "不是可读的 YAML", "is no YAML that can be read"))
    return files, found
