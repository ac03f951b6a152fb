"""The root keys of treatments in a node's folder: one for each agreement, made the first time, destroyed at its end.

    keys/treatments/<digest of the agreement>             64 hexadecimal digits, mode 0600
    keys/treatments/<digest of the agreement>.destroyed   the id of the key that was there; no other is ever made

Recipients have no part in it. Must never know: what is treated.
Contract: tests/deidentify/treatments/test_treatments_treating.py.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path

from datong.deidentify.model.treatments import KEY_DESTROYED, NO_KEY
from datong.deidentify.rules.treatments.keys import ROOT_BYTES, key_id
from datong.ground.canonical import hexdigest
from datong.ground.refusal import Refusal
from datong.ground.staging import whole_file

_FORM = re.compile(r"[0-9a-fA-F]{64,}")
FILE_BYTES_MAX = 1024


def key_in(path: Path) -> bytes:
    """The key in a file that only its owner may read; refused with NO_KEY otherwise. What it holds is never told."""
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        said = error.strerror or "error"
        raise NO_KEY(why=f"{path} 不能读取（{said}）。", why_en=f"{path} cannot be read ({said}).") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NO_KEY(why=f"{path} 他人也可读；请执行 chmod 600。", why_en=f"Others may read {path}; chmod 600 it.")
    key = text.decode("ascii", "replace").strip()
    if not _FORM.fullmatch(key) or len(key) % 2:
        raise NO_KEY(why=f"{path} 的内容不是至少 64 个十六进制数字。",
                     why_en=f"{path} holds no 64 (or more, an even number of) hexadecimal digits.")  # fmt: skip
    return bytes.fromhex(key)


def key_of_agreement(folder: Path, agreement: str) -> bytes:
    """The key that the node of `folder` keeps for an agreement, made the first time; refused once it is destroyed."""
    path, marker = _places(folder, agreement)
    if marker.exists():
        raise KEY_DESTROYED(agreement=agreement)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".new-{secrets.token_hex(8)}")
    if not path.exists():
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(ROOT_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(fresh, path)  # of two that make it at once one wins, and both take that one
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return key_in(path)


def destroy_key(folder: Path, agreement: str) -> str:
    """Destroy the key of an agreement for good; its id, "" where there never was one. Repeated, it says the same.

    First the marker is written, so that no key is made anew, then the key is overwritten and deleted. (A copy-on-write
    disk may keep old blocks; the marker refuses in any case.)"""
    path, marker = _places(folder, agreement)
    if not marker.exists():
        marker.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = _name_of(path) if path.exists() else ""
        with whole_file(marker) as fresh:
            fresh.write_text(name, encoding="ascii")
    if path.exists():
        with path.open("r+b") as old:
            old.write(secrets.token_bytes(max(2 * ROOT_BYTES, path.stat().st_size)))
            old.flush()
            os.fsync(old.fileno())
        path.unlink()
    return marker.read_text(encoding="ascii")


def _name_of(path: Path) -> str:
    """The id of a key that is to be destroyed, whatever became of its file meanwhile."""
    try:
        return key_id(key_in(path))
    except Refusal:
        return "unreadable"


def _places(folder: Path, agreement: str) -> tuple[Path, Path]:
    path = folder / "keys" / "treatments" / hexdigest(agreement)
    return path, path.with_suffix(".destroyed")
