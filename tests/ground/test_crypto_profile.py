"""One profile a process, and which peers it accepts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datong.ground.crypto import profile
from datong.ground.crypto.profile import DEFAULT, GUOMI, as_if
from datong.ground.refusal import Refusal


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """As a process that has chosen nothing yet."""
    with as_if(DEFAULT):
        profile._PROCESS.chosen = None
        yield


def test_nothing_chosen_is_the_default() -> None:
    assert profile.running() is DEFAULT
    assert profile.accepted() == ("default",)


def test_a_process_keeps_its_profile() -> None:
    profile.use(GUOMI)
    profile.use(GUOMI)
    assert profile.running() is GUOMI
    with pytest.raises(Refusal, match="GND-410"):
        profile.use(DEFAULT)
    assert profile.running() is GUOMI


def test_peers_of_its_own_profile_only_unless_told() -> None:
    profile.use(GUOMI)
    profile.require_accepted("SM2:AAAA")
    profile.require_accepted("RSA:AAAA")  # known to no profile: who parses the key refuses it
    with pytest.raises(Refusal) as refused:
        profile.require_accepted("Ed25519:AAAA")
    assert refused.value.code == "GND-403" and "crypto.accepts" in str(refused.value)
    profile.use(GUOMI, ["default"])
    profile.require_accepted("Ed25519:AAAA")
    assert profile.accepted() == ("default", "guomi")


def test_as_if_ends() -> None:
    with pytest.raises(ZeroDivisionError), as_if(GUOMI):
        _ = 1 / 0
    assert profile.running() is DEFAULT
