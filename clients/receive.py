"""Receive a product as any buyer would: the stock delta-sharing client and a profile file, nothing of Datong.

    clients/.venv/bin/python clients/receive.py PROFILE.share OUT [--table SHARE.SCHEMA.TABLE] [--format parquet|csv]

Lists the tables the profile opens, loads them as pandas, writes one file a table into the folder OUT and prints
one JSON line a table: {client, version, table, table_version, rows, columns, bytes, path}; bytes are those of the
file written. Exit code 1 and one JSON line {"refused": ...} when the server does not deliver.
Contract: tests/examples/test_receive.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import delta_sharing
import pandas as pd
import requests


def tables(profile: Path) -> list[str]:
    """ "share.schema.table" of everything the profile opens."""
    client = delta_sharing.SharingClient(str(profile))
    return [f"{table.share}.{table.schema}.{table.name}" for table in client.list_all_tables()]


def received(profile: Path, table: str, folder: Path, form: str) -> dict[str, Any]:
    """Load one table and write it; what was received, as JSON."""
    address = f"{profile}#{table}"
    frame: pd.DataFrame = delta_sharing.load_as_pandas(address)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table.rsplit('.', 1)[1]}.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path, index=False)
    return {
        "client": "delta-sharing",
        "version": version("delta-sharing"),
        "table": table,
        "table_version": delta_sharing.get_table_version(address),
        "rows": len(frame),
        "columns": list(frame.columns),
        "bytes": path.stat().st_size,
        "path": str(path),
    }


def main() -> int:
    reading = argparse.ArgumentParser(description="Receive tables with the stock delta-sharing client.")
    reading.add_argument("profile", type=Path, help="the profile file (.share) of the contract")
    reading.add_argument("out", type=Path, help="folder for the tables")
    reading.add_argument("--table", help="share.schema.table; all when not given")
    reading.add_argument("--format", choices=("parquet", "csv"), default="parquet")
    asked = reading.parse_args()
    try:
        names = [asked.table] if asked.table else tables(asked.profile)
        for name in names:
            print(json.dumps(received(asked.profile, name, asked.out, asked.format), ensure_ascii=False), flush=True)
    except (requests.RequestException, aiohttp.ClientError, OSError) as error:
        response = getattr(error, "response", None)
        answer = response.text[:500] if response is not None else str(error)
        status = response.status_code if response is not None else getattr(error, "status", None)
        print(json.dumps({"refused": answer, "status": status}, ensure_ascii=False))
        return 1
    if not names:
        print(json.dumps({"refused": "the profile opens no table", "status": None}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
