"""A console on a port of its own, and a browser that looks at it."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def need_chromium() -> None:
    """Skip where Debian's Chromium is not there; in CI that is a failure."""
    if not Path(CHROMIUM).exists():
        reason = f"Debian's Chromium is not at {CHROMIUM}: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve `app` on loopback while the block lasts; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@contextmanager
def in_chromium(link: str, locale: str = "zh-CN") -> Iterator[Page]:
    """A page of Chromium on a desk, let in by the login link; in the end no script and no console told an error."""
    from playwright.sync_api import sync_playwright

    wrong = list[str]()
    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = chromium.new_context(viewport={"width": 1440, "height": 900}, locale=locale).new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(link)
        page.get_by_role("button", name=re.compile("^(进入控制台|Enter the console)$")).click()
        yield page
        chromium.close()
    assert not wrong


def wider_by(page: Page) -> int:
    """By how many pixels a page is wider than its window, so that one scrolls sideways."""
    over: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return over
