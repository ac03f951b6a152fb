"""Reading a workspace's YAML files from its folder, and writing those that were drafted, never over one that is there.

Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

from pathlib import Path

from datong.ground.refusal import Problem
from datong.harmonise.model.texts import LIBRARY, Texts
from datong.harmonise.store import elements, texts

FOLDERS = ("sources", "standards", "mappings", "elements", "codes")
ENDS = dict.fromkeys(FOLDERS, (".yaml",)) | {"standards": (".odcs.yaml", ".codes.yaml")}
FILE_BYTES_MAX = 8_000_000
FILES_MAX = 2_000


def files_of(folder: Path) -> tuple[Texts, list[Problem]]:
    """The parsed YAML of its sources, standards and mappings, of its own data elements and code tables, and what could
    not be read."""
    if not folder.is_dir():
        return Texts(), [Problem(str(folder), "没有这个目录", "there is no such folder")]
    found: list[Problem] = []
    files = Texts()
    paths = sorted(p for name in FOLDERS for end in ("yaml", "yml") for p in (folder / name).glob(f"*.{end}"))
    if len(paths) > FILES_MAX:
        return files, [Problem(str(folder), "文件过多", f"holds more than {FILES_MAX} files")]
    good = []
    for path in paths:
        where = f"{path.parent.name}/{path.name}".encode("utf-8", "replace").decode("utf-8")
        if (wrong := _no_file_of(folder, path)) is not None:
            found.append(Problem(where, *wrong))
        else:
            good.append((where, path))
    files, unread = texts.read_files(good, FILE_BYTES_MAX)
    for name in _tables_named(files):
        own = {f"standards/{name}.codes.yaml", f"codes/{name}.yaml"}
        if not files.keys() & own and (table := elements.shipped_codes(name)) is not None:
            files[f"{LIBRARY}/{name}.yaml"] = table
    return files, [*found, *unread]


def _tables_named(files: Texts) -> set[str]:
    """The code tables that the columns of mappings name."""
    mappings = (text for path, text in files.items() if path.startswith("mappings/") and isinstance(text, dict))
    columns = (text["columns"] for text in mappings if isinstance(text.get("columns"), dict))
    named = (column.get("codes") for every in columns for column in every.values() if isinstance(column, dict))
    return {name for name in named if isinstance(name, str)}


def _no_file_of(folder: Path, path: Path) -> tuple[str, str] | None:
    """Why `path` is not taken for a file of the workspace: a link out of it would read another's text."""
    ends = ENDS[path.parent.name]
    if not path.name.endswith(ends):
        return f"文件名应以 {' 或 '.join(ends)} 结尾", f"the name should end in {' or '.join(ends)}"
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return "指向工作区之外", "leads out of the workspace"
    except (OSError, RuntimeError):
        return "链接成环", "is a link to itself"
    return None if path.is_file() else ("不是文件", "is no file")


def written(folder: Path, files: dict[str, str]) -> tuple[list[str], list[str]]:
    """(paths written, paths that were there already and stay as they are)."""
    done, there = [], []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            opened = path.open("x", encoding="utf-8")
        except FileExistsError:
            there.append(name)
            continue
        try:
            with opened:
                opened.write(text)
        except OSError:  # a full disk: half a file would be taken for a person's own the next time
            path.unlink()
            raise
        done.append(name)
    return done, there
