"""Reads what the parties of the example would have on paper: parties.toml and the files of facts/.

The files name things that do not exist before the run, as "$passages", "$trips", "$product", "$party:<slug>" and
"$node:<slug>"; `facts` fills them with the codes this run assigned. Standard library and PyYAML only.
Contract: tests/examples/test_facts.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BIKE, BUREAU, REGISTRY, GROUP, LAB = "bike-company", "traffic-bureau", "data-bureau", "data-group", "city-lab"
"""The slugs of parties.toml."""
PURPOSE = "industry_development"
"""What the product is made and bought for."""


def parties() -> dict[str, dict[str, Any]]:
    """The five parties by slug, in the order of their ports."""
    told = tomllib.loads((HERE / "parties.toml").read_text(encoding="utf-8"))
    return {party["slug"]: party for party in told["party"]}


def first_day() -> date:
    """The business day, Beijing time, on which the clocks of the nodes start."""
    told = tomllib.loads((HERE / "parties.toml").read_text(encoding="utf-8"))
    return datetime.fromisoformat(told["clock_starts"]).astimezone(ZoneInfo("Asia/Shanghai")).date()


def logins(slug: str, role: str) -> list[str]:
    """Who of a party holds `role`, in the order of the file; KeyError for a party or role that is not there."""
    found = [person["login"] for person in parties()[slug]["people"] if role in person["roles"]]
    if not found:
        raise KeyError(f"nobody at {slug} is {role}")
    return found


def facts(name: str, known: Mapping[str, str]) -> Any:
    """facts/<name>.yaml with every "$..." replaced out of `known`; KeyError naming the references not known."""
    missing: set[str] = set()
    value = _filled(yaml.safe_load((HERE / "facts" / f"{name}.yaml").read_text(encoding="utf-8")), known, missing)
    if missing:
        raise KeyError(f"facts/{name}.yaml also needs {', '.join(sorted(missing))}")
    return value


def _filled(value: Any, known: Mapping[str, str], missing: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, known, missing) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, known, missing) for inner in value]
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in known:
            missing.add(value[1:])
        return known.get(value[1:], "")
    return value


def department(slug: str, person: Mapping[str, Any]) -> str:
    """Name of the department a person belongs to."""
    found = {entry["code"]: entry["name"] for entry in parties()[slug]["departments"]}
    return str(found[person["department"]])
