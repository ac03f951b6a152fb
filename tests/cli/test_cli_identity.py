"""`datong identity`: shown, rotated and retired in the node's folder, each change a leaf of its evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from datong.app import init, open_store
from datong.cli.commands import datong
from datong.ground.config import load
from datong.ground.refusal import Refusal


def said(*arguments: str) -> dict[str, object]:
    ran = CliRunner().invoke(datong, ["identity", *arguments, "--json"], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return dict(json.loads(ran.output))


def test_a_key_is_made_shown_replaced_and_retired(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    init(folder, name="lab", party="91520100MAXDT00582", port=9482, region="5201", kind="connector")
    shown = {"did": "did:web:127.0.0.1%3A9482", "document": "http://127.0.0.1:9482/.well-known/did.json"}
    assert said("show", str(folder)) == {**shown, "keys": []}
    assert said("rotate", str(folder)) == {**shown, "keys": ["1-EdDSA"]}
    assert said("rotate", str(folder), "--algorithm", "ES256") == {**shown, "keys": ["1-EdDSA", "2-ES256"]}
    assert said("retire", str(folder), "1-EdDSA") == {**shown, "keys": ["2-ES256"]}
    with pytest.raises(Refusal, match="KEY-409"):
        said("retire", str(folder), "2-ES256")
    store = open_store(load(folder))
    with store.engine.connect() as opened:
        acts = opened.exec_driver_sql(
            "SELECT act FROM evidence_leaf WHERE act LIKE 'register.identity_key%' ORDER BY rowid"
        ).scalars()
        assert [*acts] == ["register.identity_key_made", "register.identity_key_made", "register.identity_key_retired"]
    store.dispose()
