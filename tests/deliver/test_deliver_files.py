"""Files: staged, committed, renamed; strays swept; nothing half done after a crash between the two."""

from __future__ import annotations

from pathlib import Path

import pytest

import delivery_case as case
from datong.deliver import service as deliver
from datong.deliver import store as rows
from datong.deliver.service import files
from datong.ground.crypto import hashing
from datong.ground.db import NODE, Store


def folder(store: Store) -> Path:
    return files.place(store).folder


def test_a_rolled_back_release_leaves_no_file(provider: Store) -> None:
    with provider.begin(NODE) as tx:
        case.agree(tx)
    with pytest.raises(RuntimeError), provider.begin(NODE, "deliver") as tx:
        case.lay_out(tx)
        assert list(folder(provider).glob("data/staging/*"))
        raise RuntimeError
    assert not list(folder(provider).glob("data/**/*.parquet"))


def test_the_start_finishes_renames_and_deletes_strays(provider: Store) -> None:
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        case.lay_out(tx)
        tx.after_commit.clear()  # the process dies between commit and rename
        _grant, token = case.grant(tx)
    (stray := files.staged(provider, "file-stray")).write_bytes(b"half a file")
    files.new_url_key(provider, "urlkey-orphan")
    (pull := stray.parent / "pull-transfer-1").mkdir()
    with provider.begin(NODE, "deliver") as tx:
        assert deliver.sweep(tx) == {"renamed": 1, "deleted": 2, "keys": 1}
        assert deliver.sweep(tx) == {"renamed": 0, "deleted": 0, "keys": 0}
        (file,) = rows.rows(tx, rows.share_files)
        deliver.holder_of(tx, token)
    assert not stray.exists() and not pull.exists()
    assert hashing.file_digest(folder(provider) / file["path"]) == file["digest"]


def test_a_file_is_found_before_the_sweep_too(provider: Store) -> None:
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        shown = case.lay_out(tx)
        tx.after_commit.clear()
    (file,) = shown["files"]
    assert files.there(provider, file["id"], file["path"]).is_file()


def test_url_keys_are_private_and_destroyed(provider: Store) -> None:
    files.new_url_key(provider, "urlkey-1")
    path = folder(provider) / "keys" / "grants" / "urlkey-1"
    assert path.stat().st_mode & 0o777 == 0o600 and len(path.read_bytes()) == 32
    assert files.url_key(provider, "../../../etc/passwd") is None
    files.destroy_url_key(provider, "urlkey-1")
    files.destroy_url_key(provider, "urlkey-1")
    assert not path.exists() and files.url_key(provider, "urlkey-1") is None


@pytest.mark.parametrize("agreement", ["../../../etc", "a/b", "urn:uuid:1", "..", "\x00"])
def test_no_agreement_id_leads_out_of_the_folder(agreement: str) -> None:
    target = Path("/n") / files.target("released", agreement, "file-1")
    assert target.resolve().is_relative_to("/n/data/released")
