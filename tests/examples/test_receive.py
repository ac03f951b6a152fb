"""clients/receive.py: the stock client against a small real HTTP server that speaks Delta Sharing (PROTOCOL.md)."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "clients" / ".venv" / "bin" / "python"

pytestmark = [
    pytest.mark.clients,
    pytest.mark.skipif(not PYTHON.exists(), reason="clients/ is not set up: uv sync --locked --project clients"),
]

FIELDS = [("group_id", "string"), ("starts", "long")]


class Sharing(BaseHTTPRequestHandler):
    data = b""

    def do_GET(self) -> None:
        if self.path.startswith("/file"):
            return self._answer(self.data, "application/octet-stream")
        if self.headers["authorization"] != "Bearer good":
            return self._answer(json.dumps({"errorCode": "CTR-404", "message": "ended"}).encode(), status=403)
        if "/version" in self.path or "/metadata" in self.path:
            return self._lines()
        place = {"share": "s", "schema": "d", "name": "flows"}
        shares, all_tables = [{"name": "s"}], [place]
        items = all_tables if "all-tables" in self.path else shares
        return self._answer(json.dumps({"items": items}).encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"] or 0))
        self._lines(
            {
                "file": {
                    "url": f"http://{self.headers['host']}/file.parquet",
                    "id": "f1",
                    "partitionValues": {},
                    "size": len(self.data),
                }
            }
        )

    def _lines(self, *files: object) -> None:
        fields = [{"name": n, "type": t, "nullable": True, "metadata": {}} for n, t in FIELDS]
        schema = json.dumps({"type": "struct", "fields": fields})
        meta = {"id": "m", "format": {"provider": "parquet"}, "schemaString": schema, "partitionColumns": []}
        lines = [{"protocol": {"minReaderVersion": 1}}, {"metaData": meta}, *files]
        self._answer("\n".join(json.dumps(line) for line in lines).encode(), "application/x-ndjson")

    def _answer(self, body: bytes, kind: str = "application/json", status: int = 200) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.send_header("delta-table-version", "7")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    table = pa.table({"group_id": ["a", "b", "c"], "starts": pa.array([5, 6, 7], pa.int64())})
    pq.write_table(table, tmp_path / "t.parquet")
    Sharing.data = (tmp_path / "t.parquet").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sharing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def receive(tmp_path: Path, address: str, token: str, *more: str) -> tuple[int, list[dict[str, object]]]:
    profile = tmp_path / "p.share"
    profile.write_text(json.dumps({"shareCredentialsVersion": 1, "endpoint": address, "bearerToken": token}))
    done = subprocess.run(
        [PYTHON, ROOT / "clients" / "receive.py", profile, tmp_path / "out", *more],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_stock_client_receives_every_row(tmp_path: Path, address: str, form: str) -> None:
    code, (told,) = receive(tmp_path, address, "good", "--format", form)
    path = Path(str(told["path"]))
    assert code == 0
    assert (told["client"], told["version"]) == ("delta-sharing", "1.4.2")
    assert (told["table"], told["table_version"], told["rows"]) == ("s.d.flows", 7, 3)
    assert told["columns"] == ["group_id", "starts"] and told["bytes"] == path.stat().st_size
    if form == "parquet":
        assert pq.read_table(path).column("starts").to_pylist() == [5, 6, 7]
    else:
        assert path.read_text().splitlines() == ["group_id,starts", "a,5", "b,6", "c,7"]


def test_a_refusal_of_the_server_is_told_and_nothing_is_written(tmp_path: Path, address: str) -> None:
    code, (told,) = receive(tmp_path, address, "ended")
    assert code == 1 and told["status"] == 403 and "CTR-404" in str(told["refused"])
    assert not (tmp_path / "out").exists()
