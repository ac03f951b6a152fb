"""The last link, the console: a node dies before and after a person enters; the link works once, the session lasts."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from after_faults import NODES
from demo_run import Run
from living import Living, alive


def died(living: Living, slug: str) -> None:
    """Kill the node and wait until its supervisor has it running again."""
    node, starts = living.world.nodes[slug], living.world.nodes[slug].starts
    node.kill()
    living.until(lambda: node.starts > starts and living.world.about(slug), f"{slug} to be back")


def leaves_of(living: Living, slug: str, act: str) -> int:
    store = living.store(slug)
    try:
        return int(store.execute("SELECT count(*) FROM evidence_leaf WHERE act = ?", [act]).fetchone()[0])
    finally:
        store.close()


def test_a_node_that_dies_around_a_login_lets_its_person_in_once(finished: Run, tmp_path: Path) -> None:
    with alive(finished, tmp_path / "demo") as living:
        for slug in NODES:
            operator = living.who(slug, "operator")
            person = living.person_id(slug, "operator")
            link = operator.do("register.login_link", person=person, again=str(time.time()))["token"]
            entered = leaves_of(living, slug, "register.session_opened")
            died(living, slug)  # before the commit of the login
            with httpx.Client(base_url=living.address(slug), trust_env=False, timeout=30) as browser:
                home = {"origin": living.address(slug)}
                assert browser.post(f"/enter/{link}", headers=home).status_code == 303
                page = browser.get("/")
                assert page.status_code == 200
                died(living, slug)  # after it
                assert browser.get("/").status_code == 200, "the session outlives the process"
                spent = browser.post(f"/enter/{link}", headers=home)
                assert spent.status_code in (403, 404, 409), "a link lets in once"
            assert leaves_of(living, slug, "register.session_opened") == entered + 1
            assert operator.ask("audit.verify")["ok"]
