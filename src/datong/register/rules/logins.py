"""Passwords, the throttling of logins, and what a new person needs, pure.

Contract: tests/register/test_register_sessions.py.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from datong.ground.crypto import hashing
from datong.ground.crypto.profile import GUOMI, running
from datong.ground.refusal import Problem
from datong.terms.roles import PERSON_ROLES

PASSWORD_CHARACTERS_MIN = 10
SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P = 15, 8, 1
PBKDF2_ROUNDS = 300_000
"""About as long as scrypt takes. Unlike scrypt it costs an attacker no memory; no GM/T standard has one that does."""
FREE_ATTEMPTS = 5
FIRST_BLOCK_SECONDS, LONGEST_BLOCK_SECONDS = 30, 900


def password_hash(password: str, salt: bytes) -> str:
    """ "scrypt$log2n$r$p$salt$key" in hexadecimal (RFC 7914); on a node of profile guomi "pbkdf2-sm3$rounds$salt$key"
    (PBKDF2 with HMAC-SM3, GM/T 0091-2020)."""
    if running() is GUOMI:
        return _pbkdf2_sm3(password, salt, PBKDF2_ROUNDS)
    return _scrypt(password, salt, SCRYPT_LOG2_N, SCRYPT_R, SCRYPT_P)


def password_fits(password: str, kept: str) -> bool:
    """Whether `password` is the one `kept` was made of, compared in constant time."""
    if kept.startswith("pbkdf2-sm3$"):
        _name, rounds, salt, _key = kept.split("$")
        return hmac.compare_digest(_pbkdf2_sm3(password, bytes.fromhex(salt), int(rounds)), kept)
    _name, log2_n, r, p, salt, _key = kept.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt), int(log2_n), int(r), int(p)), kept)


def _scrypt(password: str, salt: bytes, log2_n: int, r: int, p: int) -> str:
    text = password.encode("utf-8", "surrogatepass")
    key = hashlib.scrypt(text, salt=salt, n=2**log2_n, r=r, p=p, maxmem=256 * 2**log2_n * r, dklen=32)
    return f"scrypt${log2_n}${r}${p}${salt.hex()}${key.hex()}"


def _pbkdf2_sm3(password: str, salt: bytes, rounds: int) -> str:
    key = hashing.stretched(password.encode("utf-8", "surrogatepass"), salt, rounds, GUOMI.digest)
    return f"pbkdf2-sm3${rounds}${salt.hex()}${key.hex()}"


def block_seconds(failures: int) -> int:
    """How long a login is not accepted after so many failures in a row: 30 s after the fifth, then doubling."""
    if failures < FREE_ATTEMPTS:
        return 0
    return int(min(FIRST_BLOCK_SECONDS * 2 ** min(failures - FREE_ATTEMPTS, 10), LONGEST_BLOCK_SECONDS))


def person_problems(*, login: str, name: str, roles: Sequence[str], password: str | None, taken: bool) -> list[Problem]:
    """What is wrong with a new person."""
    problems = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{1,79}", login):
        problems.append(Problem("login", "2 至 80 位小写字母、数字或 . _ @ -", "2 to 80 of a-z 0-9 . _ @ -"))
    if taken:
        problems.append(Problem("login", "已被使用", "is taken"))
    if not 1 <= len(name.strip()) <= 100:
        problems.append(Problem("name", "应为 1 至 100 字", "should have 1 to 100 characters"))
    problems += role_problems(roles)
    if password is not None:
        problems += password_problems(password, login)
    return problems


def role_problems(roles: Sequence[str]) -> list[Problem]:
    known = {str(role) for role in PERSON_ROLES}
    problems = [
        Problem("roles", f"没有角色 {role}", f"{role} is no role; roles are {', '.join(sorted(known))}")
        for role in roles
        if role not in known
    ]
    if not roles:
        problems.append(Problem("roles", "至少一个角色", "at least one role is needed"))
    return problems


def password_problems(password: str, login: str) -> list[Problem]:
    if len(password) < PASSWORD_CHARACTERS_MIN:
        least = PASSWORD_CHARACTERS_MIN
        return [Problem("password", f"至少 {least} 个字符", f"should have at least {least} characters")]
    if len(password) > 500 or login in password.lower():
        return [Problem("password", "不得含登录名，至多 500 字符", "must not hold the login; 500 characters at most")]
    return []
