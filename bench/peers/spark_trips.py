"""The job of bench/integration.py on Spark, as somebody who knows the file and Spark would write it by hand.

    bench/peers/env/.venv/bin/python bench/peers/spark_trips.py TRIPS.ndjson [MASTER] [MEMORY]    default local[2] 3g

Prints one line of JSON: CPU of the whole tree of processes (the JVM among them), wall clock from a cold start, peak
memory, and `result`, which is that of the hand-written DuckDB SQL: [figures per kind of bike, rows held per reason].
As in that SQL there are no originals, no repairs, no quality figures and no digest. Needs Java 17 and nothing of
Datong. What is done for Spark's good: an explicit schema (the file is not read twice), the 200,000 vehicles and their
tokens are broadcast, so that no trip is shuffled for a join and each key is hashed once; only the keys of trips are
grouped to find those that come twice.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from measured import job

DEFAULTS = ["local[2]", "3g"]
VEHICLES = 200_000
KEY = "a key of the bench"
SOUTH, NORTH, WEST, EAST = 41.9, 42.6, -72.9, -72.3
POINT = "STRUCT<lat: DOUBLE, lng: DOUBLE, at: STRING>"
SCHEMA = f"tripId STRING, bike STRING, userId STRING, start {POINT}, `end` {POINT}"
PERIOD = "BETWEEN TIMESTAMP '2019-08-31 00:00:00+00:00' AND TIMESTAMP '2019-10-02 00:00:00+00:00'"

TYPED = f"""SELECT n, trip_id, bike_id, started_at, ended_at, CASE
  WHEN trip_id IS NULL OR rider_id IS NULL THEN 'missing_value'
  WHEN TRY_CAST(bike_id AS BIGINT) IS NULL THEN 'not_a_number'
  WHEN missing OR started_at IS NULL OR ended_at IS NULL THEN CASE WHEN missing THEN 'missing_value' ELSE 'not_a_time' END
  WHEN started_at NOT {PERIOD} OR ended_at NOT {PERIOD} THEN 'outside_period'
  WHEN slat NOT BETWEEN {SOUTH} AND {NORTH} OR elat NOT BETWEEN {SOUTH} AND {NORTH}
    OR slng NOT BETWEEN {WEST} AND {EAST} OR elng NOT BETWEEN {WEST} AND {EAST} THEN 'outside_area'
  WHEN ended_at < started_at THEN 'ends_before_start'
  WHEN started_at = ended_at AND slat = elat AND slng = elng THEN 'no_movement' END AS reason
FROM (SELECT monotonically_increasing_id() AS n, tripId AS trip_id, replace(bike, ',', '') AS bike_id,
  userId AS rider_id, start.at = '-' OR `end`.at = '-' AS missing, TRY_CAST(start.at AS TIMESTAMP) AS started_at,
  start.lat AS slat, start.lng AS slng, TRY_CAST(`end`.at AS TIMESTAMP) AS ended_at, `end`.lat AS elat,
  `end`.lng AS elng FROM file)"""
VEHICLE = f"""SELECT bike_id, kind, sha2(concat(:key, bike_id), 256) AS token FROM (
  SELECT CAST(id AS STRING) AS bike_id, element_at(array('city', 'cargo', 'electric'), CAST(id % 3 AS INT) + 1) AS kind
  FROM range({VEHICLES}))"""
SHARED = "SELECT trip_id FROM typed WHERE reason IS NULL GROUP BY trip_id HAVING count(*) > 1"
AGAIN = """SELECT n FROM (SELECT n, row_number() OVER (PARTITION BY trip_id ORDER BY n) AS copy
  FROM (SELECT /*+ BROADCAST(shared) */ n, trip_id FROM typed SEMI JOIN shared USING (trip_id) WHERE reason IS NULL))
  WHERE copy > 1"""
FIGURES = """SELECT /*+ BROADCAST(vehicles) */ kind, count(*) AS trips, count(DISTINCT token) AS bikes,
  sum(CAST(unix_micros(ended_at) - unix_micros(started_at) AS DOUBLE) / 1e6) AS seconds
  FROM (SELECT /*+ BROADCAST(again) */ * FROM typed ANTI JOIN again USING (n) WHERE reason IS NULL)
  JOIN vehicles USING (bike_id) GROUP BY kind ORDER BY kind"""
HELD = "SELECT reason, count(*) AS n FROM typed WHERE reason IS NOT NULL GROUP BY reason"


def trips(arguments: list[str]) -> Any:
    path, master, memory = [*arguments, *DEFAULTS[len(arguments) - 1 :]]
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    from pyspark.sql import SparkSession

    settings = {
        "spark.driver.memory": memory, "spark.sql.session.timeZone": "UTC", "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "4", "spark.ui.showConsoleProgress": "false",
    }  # fmt: skip
    builder = SparkSession.builder.master(master).appName("trips")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.read.schema(SCHEMA).json(path).createOrReplaceTempView("file")
    spark.sql(VEHICLE, args={"key": KEY}).createOrReplaceTempView("vehicles")
    spark.sql(TYPED).cache().createOrReplaceTempView("typed")
    spark.sql(SHARED).cache().createOrReplaceTempView("shared")
    spark.sql(AGAIN).cache().createOrReplaceTempView("again")
    held = {row["reason"]: row["n"] for row in spark.sql(HELD).collect()}
    figures = [row.asDict() for row in spark.sql(FIGURES).collect()]
    copies = spark.table("again").count()
    _ended(spark)
    return [figures, held | ({"duplicate": copies} if copies else {})]


def _ended(spark: Any) -> None:
    """Stop Spark and wait for its JVM, without which its CPU would be nobody's."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


if __name__ == "__main__":
    job(trips)
