"""Signed notes, checkpoints, cosignatures: the examples of C2SP, round trips, and what is not accepted."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from datong.ground.evidence import note
from datong.ground.keys import PrivateKey

KEY = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
OTHER = PrivateKey(Ed25519PrivateKey.from_private_bytes(b"o" * 32))
NAME = "datong/5X5201TESTNODE0"
TEXT = note.Checkpoint(NAME, 7, b"\x05" * 32).text

C2SP_EXAMPLE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""


def test_the_example_of_c2sp_is_read() -> None:
    read = note.parsed(C2SP_EXAMPLE)
    checkpoint = note.parsed_checkpoint(read.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == read.text
    assert [s.name for s in read.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(read.signatures[1].value[:8]) == 1679315147  # the time the specification names
    assert note.written(read) == C2SP_EXAMPLE


def test_signed_and_read_back() -> None:
    read = note.parsed(note.signed(TEXT, NAME, KEY))
    assert note.parsed_checkpoint(read.text) == note.Checkpoint(NAME, 7, b"\x05" * 32)
    assert note.is_signed_by(read, NAME, KEY.public)
    assert not note.is_signed_by(read, NAME, OTHER.public)
    assert not note.is_signed_by(read, "datong/other", KEY.public)


def test_a_forged_text_under_an_old_signature() -> None:
    read = note.parsed(note.signed(TEXT, NAME, KEY).replace("\n7\n", "\n8\n"))
    assert note.parsed_checkpoint(read.text).size == 8
    assert not note.is_signed_by(read, NAME, KEY.public)


def test_a_foreign_signature_beside_ours_is_ignored_a_broken_one_is_not() -> None:
    line = note.signed(TEXT, NAME, OTHER).rpartition("\n\n")[2]
    assert note.is_signed_by(note.parsed(note.signed(TEXT, NAME, KEY) + line), NAME, KEY.public)
    broken = base64.b64encode(note.key_id(NAME, note.ED25519, KEY.public) + b"\0" * 64).decode()
    spoiled = note.parsed(note.signed(TEXT, NAME, KEY) + f"— {NAME} {broken}\n")
    assert not note.is_signed_by(spoiled, NAME, KEY.public)


def test_cosignatures_bind_time_text_name_and_key() -> None:
    line = note.parsed_line(note.cosigned(TEXT, "datong/w", KEY, 1_700_000_000)[:-1])
    assert note.cosigned_at(TEXT, line, "datong/w", KEY.public) == 1_700_000_000
    later = note.Signature(line.name, line.key_id, (1_800_000_000).to_bytes(8) + line.value[8:])
    assert note.cosigned_at(TEXT, later, "datong/w", KEY.public) is None
    assert note.cosigned_at(TEXT.replace("7", "8"), line, "datong/w", KEY.public) is None
    assert note.cosigned_at(TEXT, line, "datong/v", KEY.public) is None
    assert note.cosigned_at(TEXT, line, "datong/w", OTHER.public) is None
    as_log = note.parsed_line(note.signed(TEXT, "datong/w", KEY).rpartition("\n\n")[2][:-1])
    assert note.cosigned_at(TEXT, as_log, "datong/w", KEY.public) is None


@pytest.mark.parametrize(
    "broken",
    [
        "", "\n\n", TEXT, TEXT + "\n", TEXT + "\nno dash here\n", TEXT + f"\n— {NAME} \n", TEXT + f"\n— {NAME} !!!!\n",
        TEXT + f"\n— {NAME} AAAA\n", TEXT + "\n— a+b AAAAAAAA\n", TEXT + f"\n- {NAME} AAAAAAAA\n",
        "a\tb\n\n— n AAAAAAAA\n", TEXT + "\n— n AAAAAAAA", "x" * 20_000 + "\n\n— n AAAAAAAA\n",
        TEXT + "\n" + "— n AAAAAAAA\n" * 65, "\ud800\n\n— n AAAAAAAA\n",
    ],
)  # fmt: skip
def test_no_note(broken: str) -> None:
    with pytest.raises(ValueError):
        note.parsed(broken)


@pytest.mark.parametrize(
    "broken",
    ["o\n1\n", "o\n01\nAAAA\n", "o\n-1\nAAAA\n", "o\n1\nAAAA\n", "\n1\n" + "A" * 43 + "=\n",
     "o\n1\n" + "A" * 43 + "=\nextension\n", "o\n1\n" + "A" * 43 + "=", "o\n1\n" + "A" * 42 + "B=\n",
     "o\n" + "9" * 19 + "\n" + "A" * 43 + "=\n"],
)  # fmt: skip
def test_no_checkpoint(broken: str) -> None:
    with pytest.raises(ValueError):
        note.parsed_checkpoint(broken)
