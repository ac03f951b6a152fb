"""Loading a file with a JSON record a line into DuckDB by dlt: what it is there for, with the settings its pages advise.

    bench/peers/env/.venv/bin/python bench/peers/dlt_load.py TRIPS.ndjson [parquet|insert_values]

Prints one line of JSON: CPU of the whole tree of processes, wall clock from a cold start, peak memory, and `result`:
rows, distinct trips, and sums over what was loaded, as `expected` (DuckDB's own reader, --expect) gives them, so that
it is seen that the same rows arrived. dlt flattens `start.lat` to `start__lat`, gives each row an id and its load, and
infers the types. Nothing of Datong is imported here.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from measured import job

FIGURES = """SELECT count(*) AS rows, count(DISTINCT {trip}) AS trips, count(DISTINCT {bike}) AS bikes,
  round(sum({lat}), 3) AS latitudes FROM {table}"""
LOADED = FIGURES.format(trip="trip_id", bike="bike", lat="start__lat", table="loaded.trips")


def load(arguments: list[str]) -> Any:
    import duckdb

    path = Path(arguments[0]).resolve()
    if "--expect" in arguments:
        columns = "{'tripId': 'VARCHAR', 'bike': 'VARCHAR', 'start': 'STRUCT(lat DOUBLE)'}"
        table = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
        return _told(duckdb.sql(FIGURES.format(trip="tripId", bike="bike", lat="start.lat", table=table)))
    with tempfile.TemporaryDirectory(prefix="dlt-load-") as folder:
        os.environ |= {
            "DLT_DATA_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR",
            "NORMALIZE__WORKERS": "2", "NORMALIZE__START_METHOD": "spawn",
            "DATA_WRITER__FILE_MAX_ITEMS": "100000",  # otherwise one file, and one worker
        }  # fmt: skip
        import dlt
        from dlt.sources.filesystem import filesystem, read_jsonl

        target = Path(folder) / "trips.duckdb"
        pipeline = dlt.pipeline("trips", destination=dlt.destinations.duckdb(str(target)), dataset_name="loaded",
                                pipelines_dir=folder)  # fmt: skip
        form: Any = arguments[1] if len(arguments) > 1 else "parquet"
        files = filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name)
        rows = (files | read_jsonl(chunksize=10_000)).with_name("trips")
        pipeline.run(rows, loader_file_format=form, write_disposition="replace").raise_on_failed_jobs()
        with duckdb.connect(str(target), read_only=True) as database:
            return _told(database.sql(LOADED))


def _told(relation: Any) -> dict[str, Any]:
    return dict(zip(relation.columns, relation.fetchone(), strict=True))


if __name__ == "__main__":
    job(load)
