"""The five nodes of the demonstration as processes, and the people who use them.

Each node is its own `datong serve` process with its own folder (store, keys, data). A node that dies is started
again; every call a person makes carries an idempotency key, so it is repeated safely until it is answered.
Nothing here reaches into a node's store: people act through the JSON API, nodes speak to each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from datong.ground import clock
from datong.ground.keys import PrivateKey

PATIENCE_SECONDS = 180.0


def keep(path: Path, value: Any) -> None:
    """Write what must outlive a stop, whole or not at all; only this user may read it, for tokens may stand in it."""
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False)
    aside.replace(path)


class Refused(Exception):
    """A node refused what a person asked; `error` is its answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.error, self.code = error, str(error.get("code"))
        lines = [f"[{self.code}] " + " ".join(error.get(part, {}).get("en", "") for part in ("what", "why", "next"))]
        lines += [f"  - {p['where']}: {p['en']}" for p in error.get("problems", [])]
        super().__init__("\n".join(lines))


@dataclass
class NodeProcess:
    slug: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, environment: dict[str, str]) -> None:
        log = (self.folder / "node.log").open("ab")
        command = [sys.executable, "-m", "datong", "serve", str(self.folder)]
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, env=environment, cwd=self.folder, start_new_session=True
        )
        self.starts += 1
        log.close()
        self._pid_file.write_text(str(self.process.pid))

    @property
    def _pid_file(self) -> Path:
        return self.folder / "node.pid"

    def left_over(self) -> int | None:
        """Process id of this folder's node when it still runs, started by a demonstration that is gone."""
        try:
            pid = int(self._pid_file.read_text())
            command = subprocess.run(
                ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout
        except (OSError, ValueError):
            return None
        return pid if f"datong serve {self.folder}" in command else None

    def kill(self) -> None:
        """End the process as a crash does, without a word (tests of faults)."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@dataclass
class World:
    """The five nodes, their people's service tokens, and the one demonstration key that moves business time."""

    nodes: dict[str, NodeProcess]
    clock_key: PrivateKey
    crash: dict[str, str] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)
    step: str = "start"
    failed: str = ""
    _stopping: bool = False
    _clock_moves: int = 0
    _clock: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.http = httpx.Client(timeout=60, trust_env=False)

    # -- processes ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        for node in self.nodes.values():
            node.start(self._environment(node))
        threading.Thread(target=self._watch, daemon=True).start()
        for node in self.nodes.values():
            self.wait_for(lambda node=node: self._alive(node), f"{node.slug} to start")

    def stop(self) -> None:
        self._stopping = True
        for node in self.nodes.values():
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGTERM)
        for node in self.nodes.values():
            node.stop()

    def add(self, node: NodeProcess) -> None:
        """Start one node more; it is there once `await_node` returns."""
        node.start(self._environment(node))
        self.nodes = {**self.nodes, node.slug: node}  # a new dict: the watching thread goes through the old one

    def await_node(self, slug: str) -> None:
        """Wait for a node that was added, and tell it the business time the others stand at."""
        node = self.nodes[slug]
        self.wait_for(lambda: self._alive(node), f"{slug} to start")
        if self._clock:
            self.wait_for(lambda: self._told(node, self._clock), f"{slug} to take the time")

    def remove(self, slug: str) -> None:
        """Stop a node that was added; it is not started again."""
        node = self.nodes[slug]
        self.nodes = {name: other for name, other in self.nodes.items() if name != slug}
        node.stop()

    def restarts(self) -> int:
        return sum(node.starts - 1 for node in self.nodes.values())

    def _environment(self, node: NodeProcess) -> dict[str, str]:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if points := self.crash.get(node.slug):
            environment |= {"DATONG_CRASH": points, "DATONG_CRASH_LOG": str(node.folder / "crashes.log")}
        return environment

    def _watch(self) -> None:
        while not self._stopping:
            for node in self.nodes.values():
                if self._stopping or node.process is None or node.process.poll() is None:
                    continue
                if node.process.returncode > 0:  # it refused to run; a killed node has a negative code
                    self.failed = f"{node.slug} ended by itself: see {node.folder / 'node.log'}"
                    return
                node.start(self._environment(node))
            time.sleep(0.05)

    def about(self, slug: str) -> dict[str, Any]:
        """What a node says of itself; empty while it does not answer."""
        try:
            return dict(self.http.get(f"{self.nodes[slug].address}/node").json())
        except httpx.HTTPError:
            return {}

    def _alive(self, node: NodeProcess) -> bool:
        try:
            return self.http.get(f"{node.address}/node").status_code == 200
        except httpx.HTTPError:
            return False

    # -- people -------------------------------------------------------------------------------------------------

    def person(self, slug: str, login: str) -> Person:
        return Person(self, slug, login)

    def call(
        self, slug: str, login: str, verb: str, arguments: dict[str, Any], *, changes: bool, again: str = ""
    ) -> Any:
        """The node's answer; repeated while the node does not answer. Raises Refused."""
        node = self.nodes[slug]
        url = f"{node.address}/api/{verb.replace('.', '/')}"
        headers = {"authorization": f"Bearer {self.tokens[slug, login]}"}
        if changes:
            asked = json.dumps([self.step, slug, login, verb, arguments, again], sort_keys=True)
            headers["idempotency-key"] = hashlib.sha256(asked.encode()).hexdigest()
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                if changes:
                    answer = self.http.post(url, json=arguments, headers=headers)
                else:
                    answer = self.http.get(url, params=arguments, headers=headers)
                if answer.status_code < 500:
                    break
            except httpx.TransportError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
                continue
            if time.monotonic() > until or answer.status_code != 503:
                break
            time.sleep(0.2)
        if answer.is_error:
            try:
                error = answer.json()["error"]
            except (ValueError, KeyError):
                error = {"code": str(answer.status_code), "what": {"en": f"{slug} {verb}: {answer.text[:300]}"}}
            raise Refused(error)
        return answer.json()

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
        """The first true value of `condition`; a TimeoutError naming `what` otherwise."""
        until = time.monotonic() + seconds
        pause = 0.01
        while time.monotonic() < until and not self.failed:
            if value := condition():
                return value
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
        raise TimeoutError(self.failed or f"waited {seconds:.0f} s for {what}")

    # -- business time ------------------------------------------------------------------------------------------

    def move_clock(self, at: datetime) -> None:
        """All five nodes stand at `at`, told by one message signed with the demonstration's key."""
        self._clock_moves += 1
        move = {"at": clock.text(at), "seq": self._clock_moves}
        message = self._clock = {**move, "signature": self.clock_key.sign_value(move)}
        for node in self.nodes.values():
            self.wait_for(lambda node=node: self._told(node, message), f"{node.slug} to take the time")

    def _told(self, node: NodeProcess, message: dict[str, Any]) -> bool:
        try:
            answer = self.http.post(f"{node.address}/node/clock", json=message)
        except httpx.TransportError:
            return False
        if answer.status_code == 403:  # a resumed run: this node is past that time already
            return "not later" in answer.text
        return answer.status_code == 200


@dataclass(frozen=True)
class Person:
    """Somebody at a node. `do` changes something, `ask` reads."""

    world: World
    slug: str
    login: str

    def do(self, verb: str, *, again: str = "", **arguments: Any) -> Any:
        return self.world.call(self.slug, self.login, verb, arguments, changes=True, again=again)

    def ask(self, view: str, **arguments: Any) -> Any:
        return self.world.call(self.slug, self.login, view, arguments, changes=False)
