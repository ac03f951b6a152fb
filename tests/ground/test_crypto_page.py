"""The reference page of cryptography says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from datong.ground.config import SETTINGS
from datong.ground.crypto.profile import PROFILES
from datong.ground.evidence.note import SM2_TYPES
from datong.register.rules.logins import PBKDF2_ROUNDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/cryptography.md").read_text("utf-8")


def test_every_algorithm_of_each_profile_stands_in_its_column() -> None:
    (head, *rows) = [line for line in PAGE.splitlines() if line.startswith("| ")][:9]
    assert [name.strip(" `") for name in head.split("|")[2:-1]] == list(PROFILES)
    columns = {name: " ".join(row.split("|")[2 + n] for row in rows) for n, name in enumerate(PROFILES)}
    for profile in PROFILES.values():
        named = set(re.findall(r"`([^`]+)`", columns[profile.name]))
        assert {profile.signature, profile.digest, profile.seal, profile.token} == named
    assert f"{PBKDF2_ROUNDS:,} rounds" in columns["guomi"]


def test_the_types_of_notes_and_the_settings_are_the_codes() -> None:
    for name in SM2_TYPES.values():
        assert name[0] == 0xFF and f'0xff "{name[1:].decode()}"' in PAGE
    for setting in SETTINGS:
        if setting.name.startswith("crypto."):
            assert f"`{setting.name}" in PAGE
