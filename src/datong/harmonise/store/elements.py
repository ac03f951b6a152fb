"""Reading the files of a library of data elements: those that ship with the package, or those of a folder.

Contract: tests/harmonise/elements/test_elements_library.py.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import yaml

from datong.ground.refusal import Problem

FOLDERS = ("elements", "codes")
FILE_BYTES_MAX = 2_000_000
DEPTH_MAX = 20


def shipped() -> Traversable:
    return resources.files("datong.harmonise") / "data"


def files_of(folder: Traversable) -> tuple[dict[str, Any], list[Problem]]:
    """{path in the folder: parsed YAML} of its packs and code tables, and what could not be read."""
    found: list[Problem] = []
    files: dict[str, Any] = {}
    for name in FOLDERS:
        below = folder / name
        for file in sorted(below.iterdir(), key=lambda f: f.name) if below.is_dir() else []:
            if not file.name.endswith(".yaml"):
                continue
            where = f"{name}/{file.name}"
            try:
                data = file.read_bytes()
                if len(data) > FILE_BYTES_MAX:
                    found.append(Problem(where, "文件过大", "the file is too large"))
                    continue
                text = data.decode("utf-8")
                if _depth(text) > DEPTH_MAX:
                    found.append(Problem(where, "嵌套过深", "is nested too deeply"))
                    continue
                files[where] = yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader
            except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
                mark = getattr(error, "problem_mark", None)
                line = f"{where}:{mark.line + 1}" if mark else where
                twice = getattr(error, "problem", None) == TWICE
                found.append(
                    Problem(line, "同一键出现两次", "a key is there twice")
                    if twice
                    else Problem(line, "不是可读的 YAML", "is no YAML that can be read")
                )
    return files, found


TWICE = "a key is there twice"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPEN, _SHUT = (yaml.MappingStartEvent, yaml.SequenceStartEvent), (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def _depth(text: str) -> int:
    """How deeply a text is nested, as far as DEPTH_MAX: the C loader ends the process on a few thousand levels."""
    deepest = depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, _OPEN) - isinstance(event, _SHUT)
        deepest = max(deepest, depth)
        if deepest > DEPTH_MAX:
            break
    return deepest


class _Strict(_LOADER):  # type: ignore[misc, valid-type]
    """YAML in which a key that is there twice is an error: the second would silently win over the first."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, TWICE, key.start_mark)
            keys.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep=deep)
