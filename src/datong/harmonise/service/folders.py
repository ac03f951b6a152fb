"""Where the node keeps its files, and where a workspace and its data lie."""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from datong.ground.db import Store, Tx
from datong.ground.refusal import Problem
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.refusals import BAD_WORKSPACE
from datong.harmonise.store import builds as kept
from datong.harmonise.store import files, loads
from datong.harmonise.store.sources.opening import named

NODE_ONLY = (
    "keys", "evidence", "products", "data/harmonised", "data/staging", "data/released", "data/received", "datong.toml",
    "datong.db", "datong.db-wal", "datong.db-shm", "story.json",
)  # fmt: skip
"""What of a node's folder is no source, nor holds one: a source's text can be shown to its engineer."""

_FOLDERS: WeakKeyDictionary[Store, Path] = WeakKeyDictionary()


def install(store: Store, folder: Path) -> None:
    """Tell this process in which folder the node of `store` keeps its files (once, by app or a test)."""
    _FOLDERS[store] = folder


def sweep(tx: Tx) -> list[str]:
    """At the start of a node: finish moving files of committed builds, delete what no build names. While another
    process builds in its folder nothing is touched: the next start does it."""
    folder = _FOLDERS[tx.store]
    with files.unless_building(folder) as alone:
        return [*files.swept(folder, kept.committed(tx)), *loads.swept(tx, folder)] if alone else []


def folder_of(tx: Tx) -> Path:
    """The folder in which the node of `tx` keeps its files."""
    return _FOLDERS[tx.store]


def folders_of(tx: Tx, workspace: str, data: str | None) -> tuple[Path, Path]:
    """(workspace folder, folder in which the sources' paths begin), neither inside the node's own.

    The workspace may be the node's folder itself, as `datong init` makes it: `require_not_own` looks at what it reads.
    """
    node = folder_of(tx).resolve()
    folder = (node / workspace).resolve()  # an absolute path stays as it is
    given = folder if data is None else (node / data).resolve()
    for name, path in (("workspace", folder), ("data", given)):
        if _own(node, path):
            problem = Problem(name, "这是节点自己的目录", "this folder is the node's own; name one below or beside it")
            raise BAD_WORKSPACE([problem], workspace=workspace, count=1)
    return folder, given


def table_file(tx: Tx, file: str) -> Path:
    """The file that `file` names, seen from the node's folder; refused (STD-410) where it is one of the node's own."""
    node = folder_of(tx).resolve()
    path = (node / file).resolve()  # an absolute path stays as it is
    if _own(node, path):
        problem = Problem("file", "这是节点自己的文件", "this file is the node's own; name one below or beside it")
        raise BAD_WORKSPACE([problem], workspace=file[:80], count=1)
    return path


def require_not_own(tx: Tx, source: Source, data: Path) -> None:
    """Refuse a source one of whose files is one of the node's own: its key, its store, what it built or received."""
    node = folder_of(tx).resolve()
    if any(_own(node, path.resolve()) for files in source.files for path in (data / files, *named(files, data))):
        said = "this file is the node's own and no source"
        problem = Problem(f"sources/{source.name}.yaml: path", "这是节点自己的文件", said)
        raise BAD_WORKSPACE([problem], workspace=data.name, count=1)


def _own(node: Path, path: Path) -> bool:
    return any(path.is_relative_to(node / name) for name in NODE_ONLY)
