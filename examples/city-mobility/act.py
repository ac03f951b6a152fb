"""Act as one person of the running demonstration: prints the two variables that the command line reads.

    eval "$(.venv/bin/python examples/city-mobility/act.py data-group chen.pin)"
    .venv/bin/datong catalogue listings

Who there is stands in parties.toml. The token is issued by that node's own operator, whose first token the
demonstration keeps in its folder; it opens all rooms for one day, and what the person may do is up to their roles.
`person` gives the same to a program. Contract: tests/docs/test_how_to.py.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [
    "register", "authorise", "harmonise", "deidentify", "compose", "price", "catalogue", "negotiate", "deliver",
    "meter", "settle", "audit",
]  # fmt: skip


def door(slug: str, login: str, folder: Path = ROOT / ".demo") -> tuple[str, str]:
    """(address of the node, service token of the person); KeyError for a node or login that is not there."""
    state = json.loads((folder / "state.json").read_text("utf-8"))
    address = f"http://127.0.0.1:{state['ports'][slug]}"
    with _client(address, state["tokens"][slug]) as operator:
        people = operator.get("register/people").raise_for_status().json()
        known = {person["login"]: person["id"] for person in people}
        asked = {"person": known[login], "label": "act", "scopes": ROOMS, "days": 1}
        return address, operator.post("register/issue_service_token", json=asked).raise_for_status().json()["token"]


@dataclass(frozen=True)
class Person:
    """Somebody at a node: `do` is POST /api/<room>/<verb>, `ask` is GET. RuntimeError with the text of a refusal."""

    client: httpx.Client

    def do(self, verb: str, **arguments: Any) -> Any:
        return _answer(self.client.post(verb.replace(".", "/"), json=arguments))

    def ask(self, view: str, **arguments: Any) -> Any:
        return _answer(self.client.get(view.replace(".", "/"), params=arguments))

    def wait(self, view: str, state: str, seconds: float = 30, **arguments: Any) -> Any:
        """The answer of `view`, or its first row, once it is in `state`; other nodes need a moment."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answer = self.client.get(view.replace(".", "/"), params=arguments)
            found = answer.json() if answer.is_success else {}
            row = (found[0] if found else {}) if isinstance(found, list) else found
            if row.get("state") == state:
                return row
            time.sleep(0.2)
        raise TimeoutError(f"{view} is not {state} after {seconds:.0f} s")


def person(slug: str, login: str, folder: Path = ROOT / ".demo") -> Person:
    return Person(_client(*door(slug, login, folder)))


def _answer(answer: httpx.Response) -> Any:
    if answer.is_error:
        error = answer.json()["error"]
        raise RuntimeError(f"[{error['code']}] " + " ".join(error[part]["en"] for part in ("what", "why", "next")))
    return answer.json()


def _client(address: str, token: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{address}/api/", headers=headers, timeout=120, trust_env=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("node", help="bike-company, traffic-bureau, data-bureau, data-group or city-lab")
    parser.add_argument("login", help="login of a person of that node, e.g. chen.pin (see parties.toml)")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="folder of the demonstration")
    asked = parser.parse_args()
    address, token = door(asked.node, asked.login, asked.folder)
    print(f"export DATONG_NODE={address}\nexport DATONG_TOKEN={token}")


if __name__ == "__main__":
    main()
