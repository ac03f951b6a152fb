"""Algorithms are chosen in ground.crypto, by the node's profile; who names one elsewhere says why.

A new line in ELSEWHERE needs one in docs/reference/cryptography.md, or the algorithm is none of a profile's.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src/datong"
LIBRARIES = {"hashlib", "cryptography", "tongsuopy", "jwt", "nacl"}
NAMES = ("sha256", "sha-256", "ed25519", "aes-256", "es256", "eddsa")

ELSEWHERE = {
    "ground/keys.py": "keys of both profiles, and their tokens",
    "ground/identity.py": "keys of DIDs, whose algorithms other data spaces can read",
    "cli/identity.py": "the same, as an option",
    "wire/dcp/tokens.py": "signatures of other data spaces, by the algorithm each names",
    "ground/workdays.py": "the release's key of the shipped calendar",
    "ground/config.py": "the form of a key, in the text of a setting",
    "register/rules/logins.py": "scrypt, for passwords of the default profile",
    "register/model/refusals.py": "the form of a digest, in the text of a refusal",
    "web/values.py": "which texts are shown as codes",
    "deidentify/rules/treatments/tokens.py": "AES and SM4 where a plan names them",
    "engine/model.py": "a function of SQL that plans may name",
    "harmonise/store/sources/buckets.py": "Signature Version 4 of S3-compatible storage",
    "harmonise/rules/drift.py": "sketches that prove nothing",
    "cli/psi.py": "salted ids of `datong psi`, whose library fixes its own",
}


def named_in(file: Path) -> set[str]:
    """The libraries a module imports, and the algorithms its texts name, docstrings aside."""
    tree = ast.parse(file.read_text("utf-8"))
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names} & LIBRARIES
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").partition(".")[0]} & LIBRARIES
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            found |= {name for name in NAMES if name in node.value.lower()}
    return found


MODULES = sorted(file for file in ROOT.rglob("*.py") if "crypto" not in file.parts and "versions" not in file.parts)


def test_no_room_names_an_algorithm_of_its_own() -> None:
    found = {str(file.relative_to(ROOT)): names for file in MODULES if (names := named_in(file))}
    assert {file: names for file, names in found.items() if file not in ELSEWHERE} == {}
    assert set(ELSEWHERE) - set(found) == set(), "nothing is named there any more"


@pytest.mark.parametrize(
    "text", ["import hashlib", "from cryptography.x import y", 'D = f"sha256:{1}"', 'K = ["a", "Ed25519:x"]']
)
def test_the_search_finds_what_it_looks_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.py").write_text(f'"""A module about sha256."""\n{text}\n')
    assert named_in(tmp_path / "m.py")
    (tmp_path / "m.py").write_text('"""A module about sha256."""\nx = 1\n')
    assert not named_in(tmp_path / "m.py")
