"""S3-compatible storage: signatures as Amazon publishes them, objects under one ETag, files of every kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from sources_desk import read, refused, told

from datong.harmonise.model.mappings import Source
from datong.harmonise.store import sources
from datong.harmonise.store.sources import buckets
from storage import ACCESS, S3, SECRET


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    made = S3()
    monkeypatch.setenv("LAKE_ACCESS", ACCESS)
    monkeypatch.setenv("LAKE_SECRET", SECRET)
    monkeypatch.setattr("datong.harmonise.store.sources.web.TRIES", 2)
    yield made
    made.stop()


def source(s3: S3, **keys: Any) -> Source:
    common = {
        "endpoint": s3.url,
        "bucket": s3.bucket,
        "access_key_from": "LAKE_ACCESS",
        "secret_key_from": "LAKE_SECRET",
    }
    return told(kind="s3", **{"format": "csv", **common, **keys})


@pytest.mark.parametrize(
    ("query", "headers", "signature"),
    [
        ("test.txt", {"range": "bytes=0-9"}, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        ("?max-keys=2&prefix=J", {}, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_signatures_are_those_of_amazons_published_examples(
    query: str, headers: dict[str, str], signature: str
) -> None:
    """Amazon S3 API reference, "Authenticating Requests: Using the Authorization Header", its examples."""
    keys = buckets.Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    at = datetime(2013, 5, 24, tzinfo=UTC)
    made = buckets.signed("GET", f"https://examplebucket.s3.amazonaws.com/{query}", headers, keys, "us-east-1", at)
    assert made["authorization"].endswith(f"Signature={signature}")


def test_the_server_of_these_tests_is_one_that_a_stock_client_knows(s3: S3) -> None:
    s3.objects["a/x y.csv"] = b"id\n1\n"
    for secret, works in ((SECRET, True), ("wrong", False)):
        client = pyarrow.fs.S3FileSystem(
            access_key=ACCESS, secret_key=secret, endpoint_override=s3.url, region="us-east-1", scheme="http",
            allow_delayed_open=False, retry_strategy=pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1),
        )  # fmt: skip
        if works:
            with client.open_input_stream("lake/a/x y.csv") as stream:
                assert stream.read() == b"id\n1\n"
            assert [f.path for f in client.get_file_info(pyarrow.fs.FileSelector("lake/a"))] == ["lake/a/x y.csv"]
        else:
            with pytest.raises(OSError, match=r"403|ACCESS_DENIED|SIGNATURE|not match|No response body"):
                client.open_input_stream("lake/a/x y.csv").read()


def test_one_object_of_each_kind(s3: S3, tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2]}), tmp_path / "p")
    s3.objects = {
        "一月/x y+z.csv": b"id\n1\n2\n", "a.json": b'{"d": [{"id": 1}, {"id": 2}]}', "a.ndjson": b'{"id": 1}\n{"id": 2}\n',
        "a.parquet": (tmp_path / "p").read_bytes(), "a.csv.gz": gzip.compress(b"id;n\n1;\n2;\n"),
    }  # fmt: skip
    for key, more in (
        ("一月/x y+z.csv", {}), ("a.json", {"format": "json", "records": "d"}), ("a.ndjson", {"format": "ndjson"}),
        ("a.parquet", {"format": "parquet"}), ("a.csv.gz", {"delimiter": ";"}),
    ):  # fmt: skip
        given = source(s3, key=key, **more)
        assert [row["id"] for row in read(given, tmp_path)] == ["1", "2"]
        assert sources.sample(given, tmp_path).columns[0].values == ("1", "2")
    assert sources.declared(source(s3, key="a.parquet", format="parquet"), tmp_path) == {"id": "int64"}


def test_all_objects_below_a_prefix_in_the_order_of_their_keys(s3: S3, tmp_path: Path) -> None:
    s3.objects = {f"trips/2026-0{n}.csv": f"id,n\n{n},x\n".encode() for n in (3, 1, 2)}
    s3.objects |= {"trips/": b"", "other/2026-01.csv": b"id\n9\n"}
    s3.page = 2
    found = read(source(s3, prefix="trips/"), tmp_path)
    assert [(row["_row"], row["id"]) for row in found] == [(1, "1"), (2, "2"), (3, "3")]
    before = sources.read(source(s3, prefix="trips/"), tmp_path, {}).digest
    s3.objects["trips/2026-04.csv"] = b"id,n\n4,x\n"
    assert sources.read(source(s3, prefix="trips/"), tmp_path, {}).digest != before
    s3.asked.clear()
    sample = sources.sample(source(s3, prefix="trips/"), tmp_path)
    assert (sample.rows_seen, sample.whole) == (1, False)
    assert [asked for asked in s3.asked if "?" not in asked] == ["GET trips/2026-01.csv"]


def test_a_large_object_comes_in_parts(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 1000)
    s3.objects["x"] = b"id\n" + b"".join(b"%d\n" % n for n in range(1000))
    assert [row["id"] for row in read(source(s3, key="x"), tmp_path)] == [str(n) for n in range(1000)]
    assert s3.asked.count("GET x") == 4


def test_an_object_that_changes_while_it_is_read(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 1000)
    s3.objects["x"] = b"id\n" + b"1\n" * 1000

    def change(_method: str, _key: str) -> None:
        if s3.asked.count("GET x") == 2:
            s3.objects["x"] = b"id\n" + b"2\n" * 1000

    s3.before = change
    refusal = refused(source(s3, key="x"), tmp_path)
    assert "changed while it was read" in str(refusal)
    assert refusal.facts["place"] == "lake/x"


def test_an_object_that_goes_away(s3: S3, tmp_path: Path) -> None:
    s3.objects = {"p/a": b"id\n1\n", "p/b": b"id\n2\n"}
    s3.before = lambda _method, key: s3.objects.pop("p/b", None) and None if key == "p/a" else None
    assert "HTTP 404" in str(refused(source(s3, prefix="p/"), tmp_path))
    assert "HTTP 404" in str(refused(source(s3, key="none"), tmp_path))
    assert "nothing lies below" in str(refused(source(s3, prefix="none/"), tmp_path))


def test_wrong_keys_are_told_by_the_names_of_their_variables(
    s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.objects["x"] = b"id\n1\n"
    monkeypatch.setenv("LAKE_SECRET", "wrong-secret-4711")
    refusal = refused(source(s3, key="x"), tmp_path)
    assert "LAKE_ACCESS, LAKE_SECRET" in str(refusal)
    assert "4711" not in json.dumps(refusal.as_json())
    monkeypatch.delenv("LAKE_SECRET")
    assert "LAKE_SECRET" in str(refused(source(s3, key="x"), tmp_path))
    assert "4711" not in repr(buckets.Keys("a", "wrong-secret-4711"))


def test_what_is_no_storage(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "listed", lambda _query: b"<!doctype html><p>hello")
    s3.objects["x"] = b"id\n1\n"
    assert "no list of an S3 service" in str(refused(source(s3, prefix="x"), tmp_path))
    for other in (b"<html><body>log in</body></html>", b"<Error><Code>AccessDenied</Code></Error>"):
        monkeypatch.setattr(s3, "listed", lambda _query, other=other: other)
        assert "no list of an S3 service" in str(refused(source(s3, prefix="x"), tmp_path))
    bomb = b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 40) for n in range(8)
    )
    monkeypatch.setattr(s3, "listed", lambda _query: bomb + b"]><ListBucketResult>&i;</ListBucketResult>")
    assert "no list of an S3 service" in str(refused(source(s3, prefix="x"), tmp_path))
    s3.stop()
    assert "cannot be reached" in str(refused(source(s3, key="x"), tmp_path))
