"""The stock delta-sharing client of the locked clients/ environment against our server, both formats."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

import delivery_case as case
from datong.deliver import service as deliver
from datong.ground.db import NODE, Store
from datong.meter import service as meter
from datong.wire.delta_sharing import routes

PYTHON = Path(os.environ.get("DATONG_CLIENTS_PYTHON", Path(__file__).parents[2] / "clients/.venv/bin/python"))


def _has_client() -> bool:
    return PYTHON.exists() and bool(list(PYTHON.parents[1].glob("lib/python*/site-packages/delta_sharing")))


pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not _has_client(), reason=f"the stock client is not installed at {PYTHON} (make setup does it)"),
]

SCRIPT = """
import json, sys
import delta_sharing
profile, forms = sys.argv[1], sys.argv[2:]
url = profile + "#agr-1.product.mobility-flows"
client = delta_sharing.SharingClient(profile)
tables = [(t.share, t.schema, t.name) for t in client.list_all_tables()]
for form in forms:
    options = {} if form == "auto" else {"use_delta_format": form == "delta"}
    frame = delta_sharing.load_as_pandas(url, **options)
    print(json.dumps({"tables": tables, "rows": len(frame), "starts": int(frame["starts"].sum()),
                      "types": {name: str(kind) for name, kind in frame.dtypes.items()},
                      "version": delta_sharing.get_table_version(url)}), flush=True)
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Store]:
    opened = case.open_node(tmp_path / "provider", case.OWNER_NODE)
    yield opened
    opened.dispose()


@pytest.fixture
def profile(provider: Store, tmp_path: Path) -> Iterator[Path]:
    """A profile file for a server that really listens."""
    with provider.begin(NODE, "deliver") as tx:
        case.agree(tx)
        case.lay_out(tx)
        token = case.grant(tx)[1]
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    config = uvicorn.Config(Starlette(routes=list(routes(provider))), log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    file = tmp_path / "profile.share"
    file.write_text(
        json.dumps(
            {"shareCredentialsVersion": 1, "endpoint": f"http://127.0.0.1:{port}/delta-sharing", "bearerToken": token}
        )
    )
    yield file
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


FORMS = ("auto", "parquet", "delta")
"""Read by one client after another: its start takes seconds."""


def run(profile: Path, *forms: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PYTHON), "-c", SCRIPT, str(profile), *forms], capture_output=True, text=True, timeout=180, check=False
    )


def read(profile: Path) -> dict[str, dict[str, Any]]:
    """What the client has of the table in each form."""
    done = run(profile, *FORMS)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(FORMS, map(json.loads, done.stdout.splitlines()), strict=True))


def test_the_stock_client_reads_the_table_in_every_form(profile: Path, provider: Store) -> None:
    for form, seen in read(profile).items():
        assert seen["tables"] == [["agr-1", "product", "mobility-flows"]]
        assert (seen["rows"], seen["starts"], seen["version"]) == (100, sum(range(100)), 1), form
        assert "UTC" in seen["types"]["window_start"], form
    with provider.begin(case.person(), "deliver") as tx:
        deliver.reconcile(tx, "agr-1")
        (event,) = meter.events(tx, "agr-1")
        assert event["bytes_served"] >= event["bytes_granted"] * 0.5 * len(FORMS)


def test_the_stock_client_reads_a_table_without_rows_in_every_form(profile: Path, provider: Store) -> None:
    with provider.begin(NODE, "deliver") as tx:
        case.lay_out(tx, table=case.counts().slice(0, 0))
    for form, seen in read(profile).items():
        assert (seen["rows"], list(seen["types"])) == (0, case.counts().column_names), form


def test_the_stock_client_is_told_why_it_gets_nothing(profile: Path, provider: Store) -> None:
    with provider.begin(case.person(), "deliver") as tx:
        deliver.suspend(tx, agreement="agr-1", reason="invoice unpaid")
    done = run(profile, "parquet")
    assert done.returncode != 0
    told = re.sub(r"['\s]+", " ", done.stderr)  # the client wraps and quotes the answer
    assert "403" in told or "Forbidden" in told
    assert "USE-410" in told and "invoice unpaid" in told
