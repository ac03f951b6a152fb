"""What was found wrong in the texts of a workspace, and the names that were meant.

Must never know: what the texts are about. Contract: tests/harmonise/test_harmonise_workspace.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

from datong.ground.refusal import Problem


class Found:
    """Problems found so far; `at` is where in which file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def say(self, at: str, zh: str, en: str) -> None:
        self.problems.append(Problem(f"{self.file}: {at}" if at else self.file, zh, en))

    def items(self, at: str, value: Any) -> list[Any]:
        """`value` as a list."""
        if isinstance(value, list):
            return value
        self.say(at, "应为列表", "should be a list")
        return []

    def texts(self, at: str, value: Any) -> tuple[str, ...]:
        """`value` as a list of texts (or numbers, as they are written)."""
        items = self.items(at, value)
        if all(isinstance(item, str | int | float) for item in items):
            return tuple(map(str, items))
        self.say(at, "应为文字列表", "should be a list of texts")
        return ()

    def word(self, at: str, value: Any, default: str = "") -> str:
        """`value` as a text; nothing stands for `default`."""
        if value is None:
            return default
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        self.say(at, "应为文字", "should be a text")
        return default

    def only(self, value: Any, at: str, allowed: Iterable[str]) -> dict[str, Any]:
        """`value` as a dict; its unknown keys are told with the nearest known ones."""
        if not isinstance(value, dict):
            self.say(at, f"应为一组 键: 值{_wide(value)[0]}", f"should be a set of key: value{_wide(value)[1]}")
            return {}
        known = sorted(allowed)
        for key in value:
            if str(key) not in known:
                near, (zh, en) = nearest(str(key), known), _wide(key)
                self.say(
                    f"{at}.{key}".lstrip("."),
                    f"没有这一项{zh or nearest_zh(near)}",
                    f"there is no such item{en or nearest_en(near)}",
                )
        return value


def _wide(text: Any) -> tuple[str, str]:
    """What to say where a text was meant as YAML and its marks are full-width."""
    if isinstance(text, str) and re.search("[：，]", text):
        return "；冒号和逗号须用半角", "; write : and , half-width, not ： and ，"
    return "", ""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of `known` that look like `name`, likest first; also when only the last part of a path does."""
    pool = list(known)
    last = {k.rsplit(".", 1)[-1].lower(): k for k in pool}
    close = [k for k in pool if k.lower() == name.lower()]
    close += difflib.get_close_matches(name, pool, 3, 0.5)
    close += [last[k] for k in difflib.get_close_matches(name.rsplit(".", 1)[-1].lower(), list(last), 2, 0.6)]
    return list(dict.fromkeys(close))[:3]


def nearest_zh(near: list[str]) -> str:
    return f"；相近：{'、'.join(near)}" if near else ""


def nearest_en(near: list[str]) -> str:
    return f"; nearest: {', '.join(near)}" if near else ""
