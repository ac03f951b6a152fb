#!/usr/bin/env python3
"""Check an evidence bundle of a Datong node, without Datong and without trusting the node.

    python3 verify_evidence.py BUNDLE [--key NAME=Ed25519:... or NAME=SM2:...] [--json]

BUNDLE is the zip that `datong audit export-bundle` writes, or a folder with the same files. This one file needs
only Python 3.9: Ed25519 (RFC 8032), SM2 and SM3 (GB/T 32918, GB/T 32905), the Merkle tree (RFC 6962), signed notes
(C2SP) and canonical JSON (RFC 8785) are written out below, so that it can be read in an hour. A log signed with Ed25519
hashes with SHA-256, one signed with SM2 with SM3. It checks that

  - every checkpoint bears the log's signature and its root is the root of the first leaves: the log only grew;
  - every cosignature is the named witness's, and each witness whose key is given by --key cosigned a checkpoint;
  - every leaf is canonical JSON, in its place, and there is only one of each;
  - every record is as its last leaf left it, none is missing, none lacks a leaf;
  - every signature on a contract, invoice, acceptance, dispute, receipt, statement, ceiling, authorisation,
    registration, membership or proof of destruction is its node's over what the record says, and who must have signed
    it did: what the other side is said to have signed is not the word of the node whose log this is.

Keys come from the bundle unless given by --key (names like datong/<node code>): compare them with what the
parties published. By which key a party signs is told by the memberships in the bundle, which a function node signed:
with --key for that node nothing about the other parties is taken from whoever made the bundle. Every key that
memberships are signed with is shown, and every other that no membership tells. Exit status: 0 all holds, 1 something differs (each named), 2 the bundle cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FORMAT, VERSION = "datong-evidence-bundle", 1
FILES = (
    "bundle.json", "checkpoint", "checkpoints.jsonl", "leaves.jsonl", "hashes.txt", "waiting.jsonl", "records.jsonl",
)  # fmt: skip
FILE_BYTES_MAX = 4_000_000_000
PACKED_MAX = 200
"""How many bytes may come of one: of a log it is some ten. More would fill the memory with nothing."""


Hash = Callable[[bytes], bytes]


class Unreadable(Exception):
    """The bundle is not one."""


# --- Ed25519, RFC 8032 section 5.1 (verification only) ---------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T


def recover_x(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else 0
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - x2) % P:
        return None
    return P - x if x & 1 != sign else x


def decoded(data: bytes) -> Point | None:
    value = int.from_bytes(data, "little")
    y = value & ((1 << 255) - 1)
    x = recover_x(y, value >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def encoded(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def added(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(factor: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = added(total, point)
        point = added(point, point)
        factor >>= 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0) or 0
BASE: Point = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    key, s = decoded(public), int.from_bytes(signature[32:], "little")
    if key is None or s >= L:
        return False
    challenge = hashlib.sha512(signature[:32] + public + message).digest()
    h = int.from_bytes(challenge, "little") % L
    minus_key = (P - key[0], key[1], key[2], P - key[3])
    return encoded(added(times(s, BASE), times(h, minus_key))) == signature[:32]


# --- SM3, GB/T 32905-2016 --------------------------------------------------------------------------------------


def rotated(word: int, by: int) -> int:
    by %= 32
    return (word << by | word >> (32 - by)) & 0xFFFFFFFF


def sm3_in_python(data: bytes) -> bytes:
    """For builds of Python whose OpenSSL has no SM3."""
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for start in range(0, len(padded), 64):
        w = [int.from_bytes(padded[at : at + 4], "big") for at in range(start, start + 64, 4)]
        for j in range(16, 68):
            mixed = w[j - 16] ^ w[j - 9] ^ rotated(w[j - 3], 15)
            mixed ^= rotated(mixed, 15) ^ rotated(mixed, 23)
            w.append(mixed ^ rotated(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            constant, early = (0x79CC4519, True) if j < 16 else (0x7A879D8A, False)
            ss1 = rotated((rotated(a, 12) + e + rotated(constant, j)) & 0xFFFFFFFF, 7)
            ff = a ^ b ^ c if early else a & b | a & c | b & c
            gg = e ^ f ^ g if early else e & f | ~e & g
            tt1 = (ff + d + (ss1 ^ rotated(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            a, b, c, d = tt1, a, rotated(b, 9), c
            e, f, g, h = tt2 ^ rotated(tt2, 9) ^ rotated(tt2, 17), e, rotated(f, 19), g
        state = [old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h))]  # noqa: B905 - Python 3.9
    return b"".join(word.to_bytes(4, "big") for word in state)


def sm3(data: bytes) -> bytes:
    try:
        return hashlib.new("sm3", data).digest()
    except ValueError:
        return sm3_in_python(data)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- SM2, GB/T 32918.2-2016 section 7 (verification only), curve of GB/T 32918.5-2017 --------------------------

Q = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A2 = Q - 3
B2 = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
BASE2 = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
SIGNER = b"1234567812345678"
Jacobian = tuple[int, int, int]  # x = X / Z**2, y = Y / Z**3; Z = 0 is the point at infinity


def sm2_point(data: bytes) -> tuple[int, int] | None:
    """The point in compressed form, 33 bytes; None when it is not on the curve."""
    x = int.from_bytes(data[1:], "big")
    if len(data) != 33 or data[0] not in (2, 3) or x >= Q:
        return None
    square = (x * x * x + A2 * x + B2) % Q
    y = pow(square, (Q + 1) // 4, Q)
    if y * y % Q != square:
        return None
    return x, Q - y if y & 1 != data[0] & 1 else y


def doubled(point: Jacobian) -> Jacobian:
    x, y, z = point
    if not z:
        return point
    square = y * y % Q
    s = 4 * x * square % Q
    m = 3 * (x - z * z) * (x + z * z) % Q  # A2 = -3
    new_x = (m * m - 2 * s) % Q
    return new_x, (m * (s - new_x) - 8 * square * square) % Q, 2 * y * z % Q


def summed(one: Jacobian, two: Jacobian) -> Jacobian:
    if not one[2] or not two[2]:
        return two if not one[2] else one
    z1, z2 = one[2] * one[2] % Q, two[2] * two[2] % Q
    u1, u2 = one[0] * z2 % Q, two[0] * z1 % Q
    s1, s2 = one[1] * z2 * two[2] % Q, two[1] * z1 * one[2] % Q
    h, r = (u2 - u1) % Q, (s2 - s1) % Q
    if not h:
        return (1, 1, 0) if r else doubled(one)
    hh = h * h % Q
    hhh, v = h * hh % Q, u1 * hh % Q
    new_x = (r * r - hhh - 2 * v) % Q
    return new_x, (r * (v - new_x) - s1 * hhh) % Q, h * one[2] * two[2] % Q


def sm2_verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    key = sm2_point(public)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % ORDER
    if key is None or len(signature) != 64 or not (0 < r < ORDER and 0 < s < ORDER and t):
        return False
    numbers = (A2, B2, *BASE2, *key)
    about = (8 * len(SIGNER)).to_bytes(2, "big") + SIGNER + b"".join(number_.to_bytes(32, "big") for number_ in numbers)
    e = int.from_bytes(sm3(sm3(about) + message), "big")
    base, own = (*BASE2, 1), (*key, 1)
    both, total = summed(base, own), (1, 1, 0)
    for bit in range(255, -1, -1):
        total = doubled(total)
        which = s >> bit & 1 | (t >> bit & 1) << 1
        if which:
            total = summed(total, (base, own, both)[which - 1])
    if not total[2]:
        return False
    x = total[0] * pow(total[2], 2 * (Q - 2), Q) % Q
    return (e + x) % ORDER == r


# --- RFC 6962 --------------------------------------------------------------------------------------------------


class Tree:
    """The leaves one after the other; the root at any moment. of: the log's hash."""

    def __init__(self, of: Hash) -> None:
        self.of, self.size = of, 0
        self.peaks: list[bytes] = []  # roots of the complete subtrees, largest first

    def add(self, leaf: bytes) -> None:
        total, rest = leaf, self.size
        while rest & 1:
            total = self.of(b"\x01" + self.peaks.pop() + total)
            rest >>= 1
        self.peaks.append(total)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return self.of(b"")
        total = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            total = self.of(b"\x01" + peak + total)
        return total


# --- RFC 8785 --------------------------------------------------------------------------------------------------

SHORT = {0x08: "\\b", 0x09: "\\t", 0x0A: "\\n", 0x0C: "\\f", 0x0D: "\\r", 0x22: '\\"', 0x5C: "\\\\"}
ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)}
ESCAPES.update(SHORT)


def number(value: float) -> str:
    """As ECMAScript writes a double; Python's repr has the same shortest digits."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
        raise ValueError("not a number JSON has")
    if value == 0:
        return "0"
    if value < 0:
        return "-" + number(-value)
    mantissa, _, power = f"{value!r}e0".partition("e")
    exponent = int(power.split("e")[0])
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = exponent + len(whole) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if 0 < point <= 21:
        return digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def parsed(text: bytes) -> Any:
    """JSON as RFC 8785 means it: whole numbers beyond 2**53 are doubles, a name stands once."""
    try:
        return json.loads(text, parse_int=whole, object_pairs_hook=named)
    except RecursionError:
        raise ValueError("nested too deep") from None


def whole(text: str) -> Any:
    return int(text) if len(text) < 16 else float(text) if abs(int(text[:400])) >= 2**53 else int(text)


def named(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def canonical_text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return '"' + value.translate(ESCAPES) + '"'
    if isinstance(value, int):
        if abs(value) >= 2**53:
            raise ValueError("a whole number beyond 2**53")
        return str(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical_text(part) for part in value) + "]"
    names = sorted(value, key=lambda name: name.encode("utf-16-be"))
    return "{" + ",".join(f"{canonical_text(name)}:{canonical_text(value[name])}" for name in names) + "}"


def digest(value: Any, of: Hash) -> str:
    return f"{of.__name__}:{of(canonical_text(value).encode()).hex()}"


# --- C2SP signed notes, checkpoints, cosignatures --------------------------------------------------------------

Line = tuple[str, bytes, bytes]  # name, key id, signature


def note_parts(note: str) -> tuple[str, list[Line]]:
    text, gap, rest = note.rpartition("\n\n")
    if not gap or not rest.endswith("\n"):
        raise ValueError("no signed note")
    found = []
    for line in rest[:-1].split("\n"):
        dash, name, value = line.split(" ")
        data = base64.b64decode(value, validate=True)
        if dash != "\u2014" or len(data) < 5:
            raise ValueError("no signature line")
        found.append((name, data[:4], data[4:]))
    return text + "\n", found


def checkpoint_parts(text: str) -> tuple[str, int, bytes]:
    origin, size, root, rest = text.split("\n")
    if rest or str(int(size)) != size or int(size) < 0:
        raise ValueError("no checkpoint")
    return origin, int(size), base64.b64decode(root, validate=True)


LOG, WITNESS = 0, 1


class Key:
    """A public key, with what its algorithm brings along: the hash of its log, and its two types in key ids."""

    def __init__(self, text: str) -> None:
        algorithm, _, value = text.partition(":")
        self.text, self.data = text, base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        if algorithm == "Ed25519" and len(self.data) == 32:
            self.hash, self.check, self.types = sha256, ed25519_verifies, (b"\x01", b"\x04")
        elif algorithm == "SM2" and sm2_point(self.data):
            self.hash, self.check = sm3, sm2_verifies
            self.types = (b"\xffdatong/sm2-sm3/v1", b"\xffdatong/sm2-sm3-cosignature/v1")
        else:
            raise ValueError("an unknown kind of key")

    def id(self, name: str, kind: int) -> bytes:
        return self.hash(name.encode() + b"\n" + self.types[kind] + self.data)[:4]

    def verifies(self, signature: bytes, message: bytes) -> bool:
        return self.check(self.data, signature, message)


def log_signed(text: str, lines: list[Line], name: str, key: Key) -> bool:
    mine = [line for line in lines if line[:2] == (name, key.id(name, LOG))]
    return bool(mine) and all(key.verifies(line[2], text.encode()) for line in mine)


def witness_signed(text: str, line: Line, key: Key) -> bool:
    if len(line[2]) != 72:
        return False
    seconds = int.from_bytes(line[2][:8], "big")
    return key.verifies(line[2][8:], f"cosignature/v1\ntime {seconds}\n{text}".encode())


# --- signed documents ------------------------------------------------------------------------------------------

AGREED = (
    "id", "code", "dataset", "offer_id", "provider", "consumer", "provider_party", "consumer_party", "policy",
    "policy_hash", "terms", "from", "until", "agreed_at",
)  # fmt: skip
"""What of a contract's record its parties sign."""
DOCUMENTS = {
    "register_node": ("record",), "register_ledger": ("entry",), "register_case": ("filing",),
    "instrument": ("value", "notice"), "price_ceiling": ("value",), "deidentify_assessment": ("record",),
    "agreement": ("", "reason"), "invoice": ("value", "acceptance", "words"), "statement": ("value",),
    "delivery_end": ("proof", "peer_proof"),
}  # fmt: skip
"""Tables of which a column holds a signed document; "" = the record is one itself."""


def documents(row: dict[str, Any], column: str) -> list[dict[str, Any] | None]:
    """The signed documents in a column of a record, which may be a list of them; [None] where it holds none (yet)."""
    return list(row.get("words") or []) if column == "words" else [document(row, column)]


def document(row: dict[str, Any], column: str) -> dict[str, Any] | None:
    """The one signed document in a column of a record; None where it holds none (yet)."""
    if column == "reason":  # for which a contract ended: with the notice of the side that ended it
        return (row.get(column) or {}).get("notice")
    if column:
        return row.get(column) or None
    return {**{name: row.get(name) for name in AGREED}, "signatures": row.get("signatures")}


def said(signed: dict[str, Any], signature: dict[str, Any]) -> Any:
    """What a signature is over: the document without signatures, or the form of it that the national rail signs."""
    over = signature.get("over")
    if over is None:
        return {name: part for name, part in signed.items() if name != "signatures"}
    return over if isinstance(over, dict) and over.get("contractId") == signed.get("code") else None


def signers(table: str, column: str, row: dict[str, Any]) -> list[str]:
    """The parties (of a membership the node) without whose signature the document is not what its record says."""
    if table == "register_node":
        return [row["record"]["issuer"]]
    if table == "agreement" and not column:
        return [row["provider_party"], row["consumer_party"]] if row["signed"] == "both" else []
    if column == "words":  # of the one or of the other, see check_document
        return []
    if table == "invoice":
        return [row["buyer_party" if column == "acceptance" else "seller_party"]]
    if table == "instrument" and column == "value" and row["state"] == "IN_FORCE":
        return [row["grantor_party"], *([row["grantee_party"]] if row["kind"] == "agreement" else [])]
    named = {"statement": "issuer_party", "price_ceiling": "issuer"}.get(table)
    return [row[named]] if named else []


def weights(split: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Who gets which weight on which account, in one order."""
    return sorted((part["party"], part["weight"], part["payee_kind"], part["account"]) for part in split)


# --- the bundle ------------------------------------------------------------------------------------------------


class Check:
    """One bundle: what was looked at, and what differs."""

    def __init__(self, files: dict[str, bytes], trusted: dict[str, str]) -> None:
        self.files = files
        self.problems: list[dict[str, Any]] = []
        self.counts = {"leaves": 0, "waiting": 0, "checkpoints": 0, "cosignatures": 0, "records": 0, "signatures": 0}
        self.documents: list[tuple[str, dict[str, Any]]] = []
        self.one_side: list[str] = []
        self.signed_by: dict[str, str] = {}
        try:
            self.told = parsed(files["bundle.json"])
            if (self.told["format"], self.told["version"]) != (FORMAT, VERSION):
                raise Unreadable(f"format {self.told['format']} version {self.told['version']} is not known here")
            self.origin = str(self.told["origin"])
            given = {self.origin: self.told["key"], **{str(w["name"]): w["key"] for w in self.told["witnesses"]}}
            self.keys = {name: Key(str(key)) for name, key in {**given, **trusted}.items()}
            self.hash = self.keys[self.origin].hash
            self.tables = [str(name) for name in self.told["tables"]]
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            raise Unreadable(f"bundle.json: {broken!r}") from broken
        self.trusted = sorted(trusted)
        self.cosigned: dict[str, int] = {}
        for name in self.trusted:
            if trusted[name] != given.get(name, trusted[name]):
                self.differs("key", name, "the bundle names another key than the one given")

    def differs(self, kind: str, where: str, what: str, act: str = "") -> None:
        self.problems.append({"kind": kind, "where": where, "what": what, "act": act})

    def run(self) -> None:
        leaves = self.lines("leaves.jsonl")
        waiting = self.lines("waiting.jsonl")
        self.counts["leaves"], self.counts["waiting"] = len(leaves), len(waiting)
        roots = self.leaf_roots(leaves)
        self.check_checkpoints(roots, leaves)
        self.check_records(leaves, waiting)
        self.check_documents()
        for name in self.trusted:
            if name != self.origin and name not in self.cosigned:
                self.differs("key", name, "a key was given for it, and nothing in the bundle is cosigned by it")

    def lines(self, name: str) -> list[bytes]:
        data = self.files[name]
        if data and not data.endswith(b"\n"):
            self.differs("file", name, "it does not end with a line end")
        return data.split(b"\n")[:-1] if data else []

    def leaf_roots(self, leaves: list[bytes]) -> list[bytes]:
        """The root of the tree at every size."""
        tree = Tree(self.hash)
        roots = [tree.root()]
        for leaf in leaves:
            tree.add(self.hash(b"\x00" + leaf))
            roots.append(tree.root())
        return roots

    def check_checkpoints(self, roots: list[bytes], leaves: list[bytes]) -> None:
        newest = wrong = 0
        size = len(leaves)
        for number_, line in enumerate([*self.lines("checkpoints.jsonl"), None]):
            try:
                note = self.files["checkpoint"].decode() if line is None else str(parsed(line)["note"])
                text, lines = note_parts(note)
                origin, told_size, root = checkpoint_parts(text)
            except (ValueError, KeyError, TypeError) as broken:
                self.differs("checkpoint", "checkpoint" if line is None else f"checkpoint {number_}", str(broken))
                continue
            where = f"checkpoint {told_size}"
            self.counts["checkpoints"] += line is not None
            if origin != self.origin or not log_signed(text, lines, origin, self.keys[self.origin]):
                self.differs("checkpoint", where, "it is not signed by the log's key")
            elif told_size > size:
                self.differs("checkpoint", where, f"{told_size} leaves are signed for, the bundle has {size}")
            elif roots[told_size] != root:
                wrong += 1
                if wrong == 1:
                    self.differs("checkpoint", where, f"its root is not that of the first {told_size} leaves")
                    self.name_leaf(leaves, newest, told_size, root)
            else:
                newest = max(newest, told_size)
            for signature in lines:
                self.check_cosignature(text, told_size, signature, where, counts=line is not None)
            if line is None and told_size != size:
                self.differs("checkpoint", where, f"the newest checkpoint does not cover all {size} leaves")

    def name_leaf(self, leaves: list[bytes], good: int, size: int, root: bytes) -> None:
        """Find the leaf that is not the one signed for, by the list of leaf hashes, if that list is right."""
        where, what = f"one of leaf {good} to {size - 1}", "it was changed, dropped, added or moved"
        try:
            hashes = [bytes.fromhex(line.decode()) for line in self.lines("hashes.txt")]
        except ValueError:
            hashes = []
        tree = Tree(self.hash)
        for known in hashes[:size]:
            tree.add(known)
        act = ""
        if tree.size == size and tree.root() == root:
            place = next(n for n in range(size) if self.hash(b"\x00" + leaves[n]) != hashes[n])
            where = f"leaf {place}"
            try:
                leaf = parsed(leaves[place])
                where += f" ({leaf['record']['table']} {leaf['record']['id']})"
                act = str(leaf["act"])
            except (ValueError, KeyError, TypeError):
                what += "; it is no leaf any more"
        self.differs("leaf", where, what, act)

    def check_cosignature(self, text: str, size: int, line: Line, where: str, *, counts: bool) -> None:
        key = self.keys.get(line[0])
        if key is None or line[1] != key.id(line[0], WITNESS):
            return  # the log's own line, or of somebody unknown: says nothing
        self.counts["cosignatures"] += counts
        if not witness_signed(text, line, key):
            self.differs("cosignature", where, f"it is not validly cosigned by {line[0]}")
        else:
            self.cosigned[line[0]] = max(size, self.cosigned.get(line[0], 0))

    def check_records(self, leaves: list[bytes], waiting: list[bytes]) -> None:
        latest: dict[tuple[str, str], tuple[str, str, bool]] = {}
        seen: dict[str, int] = {}
        for place, line in enumerate([*leaves, *waiting]):
            where = f"leaf {place}"
            try:
                leaf = parsed(line)
                record = leaf["record"]
                key = (str(record["table"]), str(record["id"]))
                latest[key] = (str(record["digest"]), str(leaf["act"]), place >= len(leaves))
                name = str(leaf["id"])
                if canonical_text(leaf).encode() != line:
                    self.differs("leaf", where, "it is not in canonical form", str(leaf["act"]))
            except (ValueError, KeyError, TypeError, RecursionError):
                self.differs("leaf", where, "it is no leaf")
                continue
            if name in seen:
                self.differs("leaf", where, f"it is the same as leaf {seen[name]}", str(leaf["act"]))
            seen[name] = place
        self.compare(latest, self.read_records())

    def read_records(self) -> dict[tuple[str, str], str]:
        digests: dict[tuple[str, str], str] = {}
        for number_, line in enumerate(self.lines("records.jsonl")):
            try:
                value = parsed(line)
                key = (str(value["table"]), str(value["id"]))
                made = (
                    digest(value["row"], self.hash)
                    if value["row"] and value["row"]["id"] == value["id"]
                    else "unreadable"
                )
            except (ValueError, KeyError, TypeError, RecursionError):
                self.differs("record", f"line {number_ + 1} of records.jsonl", "it is no record")
                continue
            if key in digests:
                self.differs("record", " ".join(key), "it is there twice")
            digests[key] = made
            if key[0] in DOCUMENTS and made != "unreadable":
                self.documents.append((key[0], value["row"]))
        self.counts["records"] = len(digests)
        return digests

    def compare(
        self, latest: dict[tuple[str, str], tuple[str, str, bool]], digests: dict[tuple[str, str], str]
    ) -> None:
        for key, (expected, act, unproven) in latest.items():
            where = " ".join(key)
            if unproven:
                self.differs("record", where, "its last deed is not in the signed log yet; export again", act)
            if key[0] not in self.tables:
                self.differs("record", where, "its table is not in the bundle", act)
            elif key not in digests:
                if expected != "deleted":
                    self.differs("record", where, "it is gone, and no leaf knows of its deletion", act)
            elif digests[key] != expected:
                self.differs("record", where, "it is not as its last leaf left it", act)
        for key in digests.keys() - latest.keys():
            self.differs("record", " ".join(key), "it has no leaf: it was put there outside the log")

    def check_documents(self) -> None:
        """Memberships first: they say by which key every other document is signed."""
        members: dict[str, tuple[str, str]] = {}
        for table, row in self.documents:
            record = row.get("record") if table == "register_node" else None
            if isinstance(record, dict) and record.get("public_key"):
                members[str(record.get("code"))] = (str(record.get("party")), str(record["public_key"]))
        contracts = {row["id"]: row for table, row in self.documents if table == "agreement"}
        for table, row in self.documents:
            for column in DOCUMENTS[table]:
                where = f"{table} {row['id']}" + (f" {column}" if column else "")
                try:
                    for signed in documents(row, column):
                        self.check_document(table, column, row, signed, members, where)
                        if table == "statement" and signed:
                            self.check_split(signed, contracts, where)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    self.differs("signature", where, "it is no signed document")

    def check_document(
        self, table: str, column: str, row: dict[str, Any], signed: dict[str, Any] | None,
        members: dict[str, tuple[str, str]], where: str,
    ) -> None:  # fmt: skip
        if signed is None:
            if column == "acceptance" and row["state"] in ("ACCEPTED", "PAID"):
                self.differs("signature", where, f"the invoice is {row['state']}, and nobody signed its acceptance")
            return
        valid, faults = set(), []
        for one in signed.get("signatures") or []:
            self.counts["signatures"] += 1
            wrong = self.fault(signed, one, members)
            if wrong:
                faults.append(wrong)
            else:
                valid |= {one["party"], one["node"]}
                if table == "register_node" or one["node"] not in members:
                    self.signed_by[f"datong/{one['node']}"] = str(one["key"])
        missing = [f"{party} did not sign it" for party in signers(table, column, row) if party not in valid]
        if missing or not valid:  # one that is false beside those that count says nothing: whoever sent it put it there
            for wrong in [*faults, *missing]:
                self.differs("signature", where, wrong)
        if table == "agreement" and not column and row["signed"] != "both":
            self.one_side.append(str(row["id"]))
        if column == "words" and not (
            valid & {row["buyer_party"], row["seller_party"]} and self.speaks_of(signed, row)
        ):
            self.differs("signature", where, "it is no word of a side of this invoice")
        if column == "acceptance" and not self.accepts(signed, row):
            self.differs("signature", where, "it is the acceptance of something else")
        if column == "reason" and not (signed["agreement"] == row["id"] and valid):
            self.differs("signature", where, "it is no notice that ends this contract")

    def check_split(self, signed: dict[str, Any], contracts: dict[str, dict[str, Any]], where: str) -> None:
        """That a statement splits what its charged uses earned as the contracts say on which it lets them lean."""
        charged = [line for line in signed["lines"] if line["amount_fen"]]
        groups = [group for line in charged for group in line.get("supplies", [])]
        for name in sorted({name for group in groups for name in group["contracts"]}):
            contract = contracts.get(name, {})
            terms, sides = contract.get("terms") or {}, (contract.get("provider_party"), contract.get("consumer_party"))
            if sides != (signed["party"], signed["issuer_party"]):
                self.differs("statement", where, f"it leans on {name}, which is no contract of its two sides")
            elif (
                terms.get("split")
                and not terms["tariff"]["amount_fen"]
                and weights(terms["split"]) != weights(signed["parts"])
            ):
                self.differs("statement", where, f"its split is not that of {name}, on which it leans")

    def fault(self, signed: dict[str, Any], signature: Any, members: dict[str, tuple[str, str]]) -> str:
        """What is wrong with one signature; "" = nothing."""
        names = ("node", "party", "key", "signature")
        if not isinstance(signature, dict) or not all(isinstance(signature.get(name), str) for name in names):
            return "there is what is no signature"
        node, text = signature["node"], signature["key"]
        party, known = members.get(node, (signature["party"], text))
        given = self.keys.get(f"datong/{node}")
        if text != known or (given is not None and text.rstrip("=") != given.text.rstrip("=")):
            return f"by {node}: it is made with another key than the node's"
        if signature["party"] != party:
            return f"by {node}: it is made in the name of {signature['party']}, whose node it is not"
        message = said(signed, signature)
        value = signature["signature"].partition(":")[2]
        try:
            made = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            true = message is not None and Key(text).verifies(made, canonical_text(message).encode())
        except ValueError:
            true = False
        return "" if true else f"by {node}: it does not verify"

    def accepts(self, word: dict[str, Any], row: dict[str, Any]) -> bool:
        return bool(word["word"] == "accepted") and self.speaks_of(word, row)

    def speaks_of(self, word: dict[str, Any], row: dict[str, Any]) -> bool:
        bare = {name: part for name, part in row["value"].items() if name != "signatures"}
        return (word["invoice"], word["digest"]) == (row["id"], digest(bare, self.hash))

    def report(self) -> dict[str, Any]:
        return {
            "ok": not self.problems, "origin": self.origin, "size": self.told.get("size"), **self.counts,
            "keys": {
                **{name: key.rstrip("=") for name, key in self.signed_by.items()},
                **{name: key.text.rstrip("=") for name, key in self.keys.items()},
            },
            "keys_given": self.trusted, "cosigned": self.cosigned, "one_side": self.one_side,
            "problems": self.problems,
        }  # fmt: skip


UNREADABLE = (OSError, KeyError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)
"""What Python says of a zip that is cut, torn, encrypted or packed in a way it does not know."""


def read_bundle(path: Path) -> dict[str, bytes]:
    try:
        if path.is_dir():
            return {name: (path / name).read_bytes() for name in FILES}
        with zipfile.ZipFile(path) as packed:
            for name in FILES:
                told = packed.getinfo(name)
                if told.file_size > min(FILE_BYTES_MAX, PACKED_MAX * told.compress_size + 1_000_000):
                    raise Unreadable(f"{name} is too large")
            return {name: packed.read(name) for name in FILES}
    except UNREADABLE as broken:
        raise Unreadable(f"{path}: {broken}") from broken


def plain(text: str) -> str:
    """A text with what a terminal does not print as a sign written out: a bundle's maker could otherwise have a finding
    overwritten on the screen of who checks it."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def show(report: dict[str, Any]) -> None:
    for line in shown(report):
        print(plain(line))


def shown(report: dict[str, Any]) -> Iterator[str]:
    yield f"log           {report['origin']}"
    for name, key in report["keys"].items():
        origin = (
            "given by you" if name in report["keys_given"] else "from the bundle: compare it with the published one"
        )
        yield f"key           {name} {key} ({origin})"
    for name, size in sorted(report["cosigned"].items()):
        yield f"cosigned      up to {size} leaves by {name}"
    for name in ("leaves", "waiting", "checkpoints", "cosignatures", "records", "signatures"):
        yield f"{name:<13} {report[name]}"
    for name in report["one_side"]:
        yield f"one side      agreement {name} bears the signature of one side only"
    for problem in report["problems"]:
        act = f" (last act: {problem['act']})" if problem["act"] else ""
        yield f"DIFFERS       {problem['kind']}: {problem['where']}: {problem['what']}{act}"
    yield "everything holds" if report["ok"] else f"{len(report['problems'])} things differ"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Check an evidence bundle of a Datong node.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", action="append", default=[], metavar="NAME=ALGORITHM:...")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        check = Check(read_bundle(given.bundle), dict(part.partition("=")[::2] for part in given.key))
        check.run()
    except Unreadable as broken:
        told = plain(f"unreadable: {broken}")
        print(json.dumps({"ok": False, "unreadable": str(broken)}) if given.json else told)
        return 2
    report = check.report()
    if given.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        show(report)
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
