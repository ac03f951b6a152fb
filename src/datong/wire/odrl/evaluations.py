"""What a compliance report is made of (terms/policy/compliance.py): a policy, requests and a world, from three files.

Must never know: how a premise is judged. Contract: tests/wire/test_wire_odrl_graphs.py, test_wire_odrl_suite.py.
"""

from __future__ import annotations

from pathlib import Path

from datong.ground.refusal import Problem
from datong.terms.policy.compliance import Asked, OdrlPolicy, World
from datong.wire.odrl.graphs import BYTES_MAX, Reader, bad, read_turtle
from datong.wire.odrl.policies import policies
from datong.wire.odrl.requests import requests
from datong.wire.odrl.worlds import hold_to_the_time, world_of


def inputs(policy: Path, request: Path, world: Path) -> tuple[list[OdrlPolicy], list[tuple[str, list[Asked]]], World]:
    """What three Turtle files say; BAD_GRAPH lists all that is wrong in all of them.

    Statements about members, types and wider actions may stand in any of the three.
    """
    problems: dict[Problem, None] = {}
    graphs = []
    for path in (policy, request, world):
        try:
            with path.open("rb") as opened:
                data = opened.read(BYTES_MAX + 1)
        except OSError as error:
            said = error.strerror or "error"
            problems[Problem(str(path), f"不能读取（{said}）", f"cannot be read ({said})")] = None
            continue
        graphs.append(read_turtle(path.name, data))
    if problems:
        raise bad(*problems)
    ruled, asked, known = graphs
    reader = Reader(policy.name, ruled, problems)
    found = policies(reader)
    asking = requests(reader.beside(request.name, asked))
    whole = reader.beside("", ruled + asked + known)
    whole.problems = {}  # each file has told its own
    state = world_of(reader.beside(world.name, known), whole)
    for _, rules in asking or [("", [])]:
        hold_to_the_time(reader.beside(request.name, asked), world.name, rules, state)
    if problems:
        raise bad(*problems)
    return found, asking, state
