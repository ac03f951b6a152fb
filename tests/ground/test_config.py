"""Configuration: defaults, and every mistake told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from datong.ground.config import SETTINGS, load
from datong.ground.refusal import Refusal

SOUND = """
[node]
name = "bike-company"
party = "91520100MA0BK00312"
region = "5201"
address = "http://127.0.0.1:8401"
port = 8401
"""


def written(folder: Path, text: str | bytes) -> Path:
    (folder / "datong.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def wrong(folder: Path) -> list[str]:
    with pytest.raises(Refusal) as caught:
        load(folder)
    assert caught.value.code == "CFG-400"
    assert caught.value.facts["count"] == len(caught.value.problems)
    return [problem.where.rpartition("/")[2] for problem in caught.value.problems]


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    config = load(written(tmp_path, SOUND))
    assert (config["node.name"], config["node.port"], config["node.host"]) == ("bike-company", 8401, "127.0.0.1")
    assert config.store_url == f"sqlite:///{tmp_path / 'datong.db'}"
    assert config["peers.allow_private"] is False
    assert config.path("keys", "node.pem").parent.is_dir()


def test_what_is_given_wins(tmp_path: Path) -> None:
    config = load(written(tmp_path, SOUND + '[store]\nurl = "postgresql+psycopg://x/y"\n[web]\nsession_hours = 1\n'))
    assert (config.store_url, config["web.session_hours"]) == ("postgresql+psycopg://x/y", 1)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = 'top = 1\n[node]\nname = 5\nport = "8401"\ncolour = "red"\n[peers]\nallow_private = "yes"\n[moon]\nx = 1\n'
    assert wrong(written(tmp_path, text)) == [
        "node.colour", "moon.x", "top", "node.name", "node.party", "node.region", "node.address", "node.port",
        "peers.allow_private",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["true", "8401.0", "[8401]", '"8401"'])
def test_a_port_is_a_whole_number(tmp_path: Path, value: str) -> None:
    assert wrong(written(tmp_path, SOUND.replace("port = 8401", f"port = {value}"))) == ["node.port"]


@pytest.mark.parametrize(
    ("section", "name", "value", "sound"),
    [("peers", "believed_seconds", -1, False), ("peers", "believed_seconds", 0, True),
     ("web", "session_hours", 0, False), ("deliver", "url_seconds", 0, False), ("deliver", "url_seconds", 1, True),
     ("function_node", "heartbeat_seconds", -5, False), ("web", "session_hours", 2**31, False)],
)  # fmt: skip
def test_a_whole_number_keeps_its_bounds(tmp_path: Path, section: str, name: str, value: int, sound: bool) -> None:
    folder = written(tmp_path, f"{SOUND}[{section}]\n{name} = {value}\n")
    if sound:
        assert load(folder)[f"{section}.{name}"] == value
    else:
        assert wrong(folder) == [f"{section}.{name}"]


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(tmp_path: Path, port: int) -> None:
    assert wrong(written(tmp_path, SOUND.replace("port = 8401", f"port = {port}"))) == ["node.port"]


@pytest.mark.parametrize("text", ["[node", b"\xff\xfe", "a = \n"])
def test_what_is_no_toml_is_refused(tmp_path: Path, text: str | bytes) -> None:
    assert wrong(written(tmp_path, text)) == ["datong.toml"]


def test_a_folder_without_configuration_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        load(tmp_path)
    assert "datong init" in str(caught.value)


def test_every_setting_is_described_and_its_default_fits() -> None:
    assert len({s.name for s in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.doc.endswith(".") or setting.doc.endswith("…"), setting.name
        assert setting.default is None or type(setting.default) is setting.kind, setting.name
