"""Where the node keeps its files, and where a workspace and its data lie."""

from __future__ import annotations

from pathlib import Path

from datong.ground.db import Store, Tx
from datong.ground.refusal import Problem
from datong.harmonise.model.refusals import BAD_WORKSPACE
from datong.harmonise.store import builds as kept
from datong.harmonise.store import files

NODE_ONLY = ("keys", "evidence", "data")
"""Folders of a node that no source may lie in: a source's text can be shown to its engineer."""

_FOLDERS: dict[int, Path] = {}


def install(store: Store, folder: Path) -> None:
    """Tell this process in which folder the node of `store` keeps its files (once, by app or a test)."""
    _FOLDERS[id(store)] = folder


def sweep(tx: Tx) -> list[str]:
    """At the start of a node: finish moving files of committed builds, delete what no build names."""
    return files.swept(_FOLDERS[id(tx.store)], kept.committed(tx))


def folder_of(tx: Tx) -> Path:
    """The folder in which the node of `tx` keeps its files."""
    return _FOLDERS[id(tx.store)]


def folders_of(tx: Tx, workspace: str, data: str | None) -> tuple[Path, Path]:
    """(workspace folder, folder in which the sources' paths begin); never the node's own keys, store or files."""
    node = _FOLDERS[id(tx.store)].resolve()
    folder = (node / workspace).resolve()  # an absolute path stays as it is
    given = folder if data is None else (node / data).resolve()
    for name, path in (("workspace", folder), ("data", given)):
        inside = path.relative_to(node).parts if path.is_relative_to(node) else ()
        if node.is_relative_to(path) or (inside and inside[0] in NODE_ONLY):
            problem = Problem(name, "这是节点自己的目录", "this folder is the node's own; name one below or beside it")
            raise BAD_WORKSPACE([problem], workspace=workspace, count=1)
    return folder, given
