"""Signed notes, checkpoints and cosignatures: the C2SP text formats other tools read too.

    signed note     text, an empty line, lines "— <name> base64(key id || signature)"    c2sp.org/signed-note
    checkpoint      a note of three lines: origin, tree size, root                       c2sp.org/tlog-checkpoint
    cosignature     a witness's timestamped signature line on a checkpoint               c2sp.org/tlog-cosignature

A key of SM2 signs the same texts. c2sp.org has no signature type for it, so it has two of its own under 0xff, which
signed-note keeps for such (`SM2_TYPES`); its key id is made with SM3, and it signs logs whose hashes are SM3.

A key is known by name and key id, and only a key the caller hands in is ever believed. Parsing is strict and
raises ValueError. Must never know: whose keys these are, where notes are kept.
Contract: tests/ground/test_evidence_note.py.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from datong.ground.crypto.hashing import hash_bytes
from datong.ground.crypto.profile import GUOMI
from datong.ground.evidence.tree import HASH_BYTES
from datong.ground.keys import PrivateKey, PublicKey

ED25519 = 0x01
COSIGNATURE_V1 = 0x04
SM2_TYPES = {ED25519: b"\xffdatong/sm2-sm3/v1", COSIGNATURE_V1: b"\xffdatong/sm2-sm3-cosignature/v1"}
"""What stands for each of the two in the key id of a key of SM2: 0xff and a longer identifier."""
SIGNATURE_BYTES = 64
"""Of both algorithms."""
NOTE_BYTES_MAX = 16_384
SIGNATURES_MAX = 64

_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Signature:
    """One signature line: `value` is what follows the four bytes of the key id."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True)
class Note:
    """`text` ends with a newline and is what is signed."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: so many leaves, this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(node_code: str) -> str:
    """The name of a node's log, and of its keys in notes."""
    return f"datong/{node_code}"


def key_id(name: str, kind: int, public: PublicKey) -> bytes:
    """The four bytes by which a note names a key. kind: ED25519 for a note's own signature, COSIGNATURE_V1 for a
    witness's."""
    by = public.profile
    kinds = SM2_TYPES[kind] if by is GUOMI else bytes([kind])
    return hash_bytes(name.encode() + b"\n" + kinds + public.raw, by.digest)[:4]


def signed(text: str, name: str, key: PrivateKey) -> str:
    """The signed note of `text` with one signature."""
    return f"{text}\n{_line(name, key_id(name, ED25519, key.public) + key.sign_raw(text.encode()))}"


def written(note: Note) -> str:
    """The note as text again."""
    return note.text + "\n" + "".join(_line(s.name, s.key_id + s.value) for s in note.signatures)


def parsed(note: str) -> Note:
    """The note with its signature lines; ValueError says what is wrong."""
    if len(note.encode()) > NOTE_BYTES_MAX:
        raise ValueError("longer than a note may be")
    if any(ord(sign) < 0x20 and sign != "\n" for sign in note):
        raise ValueError("control characters")
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise ValueError("no signature lines after an empty line")
    found = tuple(parsed_line(line) for line in lines[:-1].split("\n"))
    if len(found) > SIGNATURES_MAX:
        raise ValueError("too many signatures")
    return Note(text + "\n", found)


def parsed_line(line: str) -> Signature:
    """One signature line, without its newline."""
    dash, _, rest = line.partition(" ")
    name, _, value = rest.partition(" ")
    if dash != "—" or not _NAME.fullmatch(name):
        raise ValueError("not a signature line")
    data = unb64(value)
    if len(data) < 5:
        raise ValueError("a signature that is too short")
    return Signature(name, data[:4], data[4:])


def parsed_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Extension lines are refused: no log of ours writes them."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise ValueError("a checkpoint has three lines")
    if not _SIZE.fullmatch(lines[1]):
        raise ValueError("the tree size is not a number")
    root = unb64(lines[2])
    if len(root) != HASH_BYTES:
        raise ValueError(f"the root is not a hash of {HASH_BYTES} bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def is_signed_by(note: Note, name: str, public: PublicKey) -> bool:
    """True when the note bears a valid signature of this key; a broken one of the same key spoils the note."""
    mine = [s for s in note.signatures if s.name == name and s.key_id == key_id(name, ED25519, public)]
    return bool(mine) and all(_verifies(public, s.value, note.text) for s in mine)


def cosigned(text: str, name: str, key: PrivateKey, at_seconds: int) -> str:
    """The signature line (with newline) by which the witness `name` cosigns the checkpoint `text`."""
    signature = key.sign_raw(_cosigned_message(text, at_seconds))
    return _line(name, key_id(name, COSIGNATURE_V1, key.public) + at_seconds.to_bytes(8) + signature)


def cosigned_at(text: str, line: Signature, name: str, public: PublicKey) -> int | None:
    """The time (POSIX seconds) at which this witness cosigned the checkpoint `text`, or None if it did not."""
    mine = line.name == name and line.key_id == key_id(name, COSIGNATURE_V1, public)
    if not mine or len(line.value) != 8 + SIGNATURE_BYTES:
        return None
    at_seconds = int.from_bytes(line.value[:8])
    message = _cosigned_message(text, at_seconds).decode()
    return at_seconds if _verifies(public, line.value[8:], message) else None


def unb64(value: str) -> bytes:
    """Strict standard base64; ValueError otherwise."""
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as broken:
        raise ValueError("not base64") from broken
    if base64.b64encode(data).decode() != value:
        raise ValueError("not canonical base64")
    return data


def _cosigned_message(text: str, at_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {at_seconds}\n{text}".encode()


def _line(name: str, value: bytes) -> str:
    return f"— {name} {base64.b64encode(value).decode()}\n"


def _verifies(public: PublicKey, signature: bytes, text: str) -> bool:
    return public.verifies_raw(signature, text.encode())
