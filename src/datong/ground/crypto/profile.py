"""The crypto profiles, the one this process runs, and the profiles of peers it accepts.

    default   Ed25519 (RFC 8032), SHA-256 (FIPS 180-4), AES-256-GCM (SP 800-38D), tokens EdDSA (RFC 8037)
    guomi     SM2 with SM3 (GB/T 32918.2, GB/T 32905), SM4-GCM (GB/T 32907), tokens "SM2"

A process runs one node, and a node one profile for its life: it is chosen at `datong init`, and its store keeps it with
its key. So the profile is a fact of the process, told once by `use`, and the pure rules of all rooms digest by it
without being handed it. Who reads what another wrote goes by the algorithm written there.
Must never know: the configuration file, the store. Contract: tests/ground/test_crypto_profile.py.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from datong.ground.refusal import Kind, Reason, Text


@dataclass(frozen=True)
class Profile:
    """The names of the algorithms, as they stand beside what they made."""

    name: str
    signature: str
    digest: str
    seal: str
    token: str


DEFAULT = Profile("default", signature="Ed25519", digest="sha256", seal="AES-256-GCM", token="EdDSA")  # noqa: S106
GUOMI = Profile("guomi", signature="SM2", digest="sm3", seal="SM4-GCM", token="SM2")  # noqa: S106
PROFILES = {profile.name: profile for profile in (DEFAULT, GUOMI)}
BY_SIGNATURE = {profile.signature: profile for profile in PROFILES.values()}
BY_DIGEST = {profile.digest: profile for profile in PROFILES.values()}

NO_LIBRARY = Reason(
    "GND-501",
    Kind.unavailable,
    Text("未能使用国密算法 {algorithm}。", "The algorithm {algorithm} could not be used."),
    Text("本机未安装提供它的组件。", "The part that provides it is not installed here."),
    Text("请执行 pip install 'datong[guomi]'。", "Run pip install 'datong[guomi]'."),
)
OTHER_PROFILE = Reason(
    "GND-410",
    Kind.conflict,
    Text("密码套件 {asked} 未启用。", "The crypto profile {asked} was not taken."),
    Text("本进程正在以 {running} 运行另一个节点。", "This process runs another node with {running}."),
    Text("请在另一个进程中运行。", "Run it in a process of its own."),
)
NOT_ACCEPTED = Reason(
    "GND-403",
    Kind.denied,
    Text("以 {algorithm} 签名的消息未被接受。", "What is signed with {algorithm} was not accepted."),
    Text("本节点只接受密码套件 {accepted} 的对端。", "This node accepts peers of the crypto profile {accepted} only."),
    Text("请对方以该套件建立节点，或由本节点运维人员将其套件加入 crypto.accepts。",
         "The peer can run a node of that profile, or this node's operator can add the peer's to crypto.accepts."),
)  # fmt: skip


class _Process:
    """What this process runs. None: nothing was chosen yet, which is the default profile."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.chosen: Profile | None = None
        self.accepted: frozenset[str] = frozenset()


_PROCESS = _Process()


def running() -> Profile:
    return _PROCESS.chosen or DEFAULT


def accepted() -> tuple[str, ...]:
    """Names of the profiles of peers that are accepted, sorted; its own is always among them."""
    return tuple(sorted(_PROCESS.accepted | {running().name}))


def use(profile: Profile, accepts: Sequence[str] = ()) -> None:
    """This process runs `profile` from now on, and accepts peers of it and of `accepts`. Another one is refused."""
    with _PROCESS.lock:
        if _PROCESS.chosen not in (None, profile):
            raise OTHER_PROFILE(asked=profile.name, running=running().name)
        _PROCESS.chosen, _PROCESS.accepted = profile, frozenset(accepts)


@contextmanager
def as_if(profile: Profile, accepts: Sequence[str] = ()) -> Iterator[None]:
    """Inside, the process runs `profile`: for programs and tests that are nodes of several profiles one by one."""
    with _PROCESS.lock:
        before = _PROCESS.chosen, _PROCESS.accepted
        _PROCESS.chosen, _PROCESS.accepted = profile, frozenset(accepts)
    try:
        yield
    finally:
        with _PROCESS.lock:
            _PROCESS.chosen, _PROCESS.accepted = before


def require_accepted(key: str) -> None:
    """NOT_ACCEPTED when the public key `key` ("<algorithm>:…") is of a profile that this node does not accept.

    An algorithm that no profile has is left to who parses the key.
    """
    algorithm = key.partition(":")[0]
    profile = BY_SIGNATURE.get(algorithm)
    if profile is not None and profile.name not in accepted():
        raise NOT_ACCEPTED(algorithm=algorithm, accepted=", ".join(accepted()))
