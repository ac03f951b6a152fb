"""Drafts of what lies at an address: real servers asked, the paging proved, no secret in a draft, a message or a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, make_url
from test_harmonise_http import Answer, Api

import mariadb
import postgresql
from datong.ground.db import Actor, Store
from datong.ground.refusal import Refusal
from datong.harmonise import service as harmonise
from datong.harmonise.model.drafts import Unfit
from datong.harmonise.rules import addresses
from datong.harmonise.store.sources import secrets
from storage import ACCESS, S3, SECRET

Act = Callable[..., Actor]
PASSWORD = "sesame-4711-open"
TRIPS = [
    {
        "trip_no": f"T{n:05}",
        "plate_number": f"贵A{n:05}",
        "start_time": f"2026-02-01 08:{n % 60:02}:00",
        "distance_km": f"{n}.5",
    }
    for n in range(25)
]


@pytest.fixture
def drafted(store: Store, node_folder: Path, act: Act) -> Callable[..., Any]:
    harmonise.install(store, node_folder)
    (node_folder / "work").mkdir()

    def draft(address: str, **more: Any) -> Any:
        with store.begin(act("data_engineer"), "harmonise") as tx:
            return harmonise.draft(tx, workspace="work", source=address, standard="transport", **more)

    return draft


@pytest.fixture
def built(store: Store, node_folder: Path, act: Act) -> Callable[[str], dict[str, Any]]:
    """Confirm what was drafted and build it."""

    def build(mapping: str) -> dict[str, Any]:
        path = node_folder / "work/mappings" / f"{mapping}.yaml"
        path.write_text(path.read_text("utf-8").replace(", confirm: true", ""), "utf-8")
        with store.begin(act("data_engineer"), "harmonise") as tx:
            return harmonise.build(tx, workspace="work", mapping=mapping)

    return build


def source(folder: Path, name: str) -> Any:
    return yaml.safe_load((folder / "work/sources" / f"{name}.yaml").read_text("utf-8"))


def lines(folder: Path) -> int:
    """Lines of YAML that a first table takes, none of them written by hand."""
    return sum(len(p.read_text("utf-8").splitlines()) for p in (folder / "work").rglob("*.yaml"))


def nothing_leaked(folder: Path, secret: str) -> None:
    for file in folder.rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


# --- databases ---------------------------------------------------------------------------------------------


@pytest.fixture(
    params=[
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database whose user `reader_c` must give PASSWORD; without the password."""
    url = {"postgresql": postgresql, "mariadb": mariadb}[request.param].fresh_database()
    engine = create_engine(url.replace("mysql:", "mysql+pymysql:"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        run = connection.exec_driver_sql
        run("CREATE TABLE trip (trip_no varchar(9) PRIMARY KEY, plate_number varchar(9), start_time varchar(19), "
            "distance_km varchar(9))")  # fmt: skip
        run("CREATE TABLE driver (driver_no varchar(9) PRIMARY KEY, name varchar(9))")
        values = ", ".join("(" + ", ".join(f"'{v}'" for v in row.values()) + ")" for row in TRIPS)
        run(f"INSERT INTO trip VALUES {values}")
        before, file = "", None
        if request.param == "postgresql":
            file = Path(str(run("SHOW hba_file").scalar()))
            before = file.read_text()
            file.write_text("host all reader_c 127.0.0.1/32 scram-sha-256\n" + before)
            run("SELECT pg_reload_conf()")
            run("DROP ROLE IF EXISTS reader_c")
            run(f"CREATE ROLE reader_c LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_data")
        else:
            run(f"CREATE OR REPLACE USER reader_c@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
            run("GRANT SELECT ON *.* TO reader_c@'127.0.0.1'")
    at = make_url(url)
    yield f"{request.param.replace('mariadb', 'mysql')}://reader_c@127.0.0.1:{at.port}/{at.database}"
    if file is not None:
        file.write_text(before)
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP ROLE reader_c")
    engine.dispose()


@pytest.mark.parametrize("by_file", [False, True])
def test_a_database_by_its_address(
    database: str, drafted: Any, built: Any, node_folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, by_file: bool,
) -> None:  # fmt: skip
    if by_file:
        (tmp_path / "password").write_text(PASSWORD + "\n")
        monkeypatch.setenv("FLEET_READER_FILE", str(tmp_path / "password"))
    else:
        monkeypatch.setenv("FLEET_READER", PASSWORD)
    with pytest.raises(Refusal) as caught:
        drafted(database, secret_from="FLEET_READER")
    assert (caught.value.code, caught.value.facts["tables"]) == ("STD-452", "driver, trip")
    found = drafted(database, table="trip", secret_from="FLEET_READER")
    name = next(f for f in found.written if f.startswith("sources/")).split("/")[1].removesuffix(".yaml")
    assert source(node_folder, name) == {
        "kind": "database", "url": database, "password_from": "FLEET_READER",
        "tables": {"driver": "driver_no", "trip": "trip_no"},
    }  # fmt: skip
    assert {p.column: p.element and p.element.name for p in found.proposals}["trip.plate_number"] == "vehicle_plate"
    assert lines(node_folder) <= 40
    mapping = next(f for f in found.written if f.startswith("mappings/"))
    assert built(mapping.split("/")[1].removesuffix(".yaml"))["harmonised"] == 25
    assert drafted(database, table="driver").there == [], "the same source again, another table of it"
    monkeypatch.setenv("FLEET_READER", "wrong-4711")
    with pytest.raises(Refusal) as caught:
        drafted(database, table="trip")
    assert "does not take the user or password" in str(caught.value) and "4711" not in json.dumps(
        caught.value.as_json()
    )
    nothing_leaked(node_folder, PASSWORD)


def test_a_database_that_asks_for_a_password_says_which_variable_to_set(
    database: str, drafted: Any, node_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refusal) as caught:
        drafted(database, table="trip")
    usual = str(caught.value.facts["place"])
    assert usual.endswith("_PASSWORD") and "set this environment variable" in str(caught.value)
    assert not list((node_folder / "work").rglob("*.yaml"))
    monkeypatch.setenv(usual, PASSWORD)
    drafted(database, table="trip")
    nothing_leaked(node_folder, PASSWORD)


# --- APIs --------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    made = Api()
    yield made
    made.server.shutdown()
    made.server.server_close()


def page(records: list[Any], headers: dict[str, str] | None = None, **more: Any) -> Answer:
    return 200, headers or {}, json.dumps({"code": 0, "data": {"list": records, **more}}).encode()


def by_number(query: dict[str, str], name: str, first: int, size: int = 10) -> list[Any]:
    return TRIPS[(int(query.get(name, first)) - first) * size :][:size]


@pytest.mark.parametrize(
    ("asked", "answers", "paging"),
    [
        ("?pageNum=1&pageSize=10", lambda q, _: page(by_number(q, "pageNum", 1, int(q["pageSize"])), total=25),
         {"by": "page", "parameter": "pageNum", "size_parameter": "pageSize", "size": 10, "total": "data.total"}),
        ("?day=1", lambda q, _: page(by_number(q, "pageNo", 1), total="25"),
         {"by": "page", "parameter": "pageNo", "total": "data.total"}),
        ("", lambda q, _: page(by_number(q, "page", 0), total=25),
         {"by": "page", "parameter": "page", "first": 0, "total": "data.total"}),
        ("", lambda q, _: page(TRIPS[int(q.get("start", 0)) :][:10], total=25),
         {"by": "offset", "parameter": "start", "total": "data.total"}),
        ("?offset=0&limit=7", lambda q, _: page(TRIPS[int(q["offset"]) :][: int(q["limit"])]),
         {"by": "offset", "parameter": "offset", "size_parameter": "limit", "size": 7}),
        ("", lambda q, _: page(TRIPS[int(q.get("pageToken", 0)) :][:10],
                               nextPageToken=str(int(q.get("pageToken", 0)) + 10) if int(q.get("pageToken", 0)) < 15 else ""),
         {"by": "cursor", "parameter": "pageToken", "at": "data.nextPageToken"}),
        ("", lambda q, u: page(TRIPS[int(q.get("s", 0)) :][:13], next=f"{u}?s=13" if "s" not in q else None),
         {"by": "link", "at": "data.next"}),
        ("", lambda q, u: page(TRIPS[int(q.get("s", 0)) :][:13], {} if "s" in q else {"link": f'<{u}?s=13>; rel="next"'}),
         {"by": "link"}),
    ],
)  # fmt: skip
def test_the_pages_of_an_api_are_found_and_proved(
    api: Api, drafted: Any, built: Any, node_folder: Path, asked: str, answers: Any, paging: dict[str, Any]
) -> None:
    address = f"{api.url}/v1/trips"
    api.answers = lambda _path, query, _headers: answers(query, address)
    found = drafted(address + asked)
    text = source(node_folder, "trips")
    assert (text["records"], text["paging"]) == ("data.list", paging)
    assert text["url"] == address + ("?day=1" if "day" in asked else "")
    assert any("A second page came that way" in doubt.en for doubt in found.doubts)
    assert lines(node_folder) <= 40
    made = built("trips")
    assert (made["read"], made["harmonised"]) == (25, 25)
    assert drafted(address + asked).written == [], "the same address again is the same source"


def test_pages_that_cannot_be_found_are_not_left_out(api: Api, drafted: Any, built: Any, node_folder: Path) -> None:
    api.answers = lambda *_: page(TRIPS[:10], total=25)
    found = drafted(f"{api.url}/trips")
    assert "tells of 25 records and gave 10" in found.doubts[0].en
    assert source(node_folder, "trips")["paging"] == {"by": "none", "total": "data.total"}
    with pytest.raises(Refusal) as caught:
        built("trips")
    assert "tells of 25 records and gave 10" in str(caught.value)


def test_one_page_and_a_token(
    api: Api, drafted: Any, built: Any, node_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(_path: str, _query: dict[str, str], headers: Any) -> Answer:
        if headers.get("authorization") != f"Bearer {PASSWORD}":
            return 401, {}, b"{}"
        return 200, {}, json.dumps(TRIPS).encode()

    api.answers = answers
    with pytest.raises(Refusal) as caught:
        drafted(f"{api.url}/trips")
    assert "does not take the credentials" in str(caught.value)
    monkeypatch.setenv("TRIPS_TOKEN", PASSWORD)
    found = drafted(f"{api.url}/trips")
    assert source(node_folder, "trips") == {"kind": "http", "url": f"{api.url}/trips", "token_from": "TRIPS_TOKEN"}
    assert found.doubts[0].en.startswith("One page of 25 records")
    assert built("trips")["harmonised"] == 25
    nothing_leaked(node_folder, PASSWORD)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"rows": [1, 2]}', b"[]"])
def test_what_answers_no_records(api: Api, drafted: Any, node_folder: Path, body: bytes) -> None:
    api.answers = lambda *_: (200, {}, body)
    with pytest.raises(Refusal) as caught:
        drafted(f"{api.url}/trips")
    assert caught.value.code in ("STD-411", "STD-450")
    assert not list((node_folder / "work").rglob("*.yaml"))


# --- buckets -----------------------------------------------------------------------------------------------


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    made = S3()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("datong.harmonise.store.sources.web.TRIES", 2)
    yield made
    made.stop()


def test_the_objects_of_a_bucket_are_one_table(s3: S3, drafted: Any, built: Any, node_folder: Path) -> None:
    """What later objects hold, call otherwise or write in another encoding is in the draft, as of files on the disk."""
    lines = ["行驶里程;备注", *(f"{n}.5;甲{n}" for n in range(10))]
    s3.objects = {
        "csv/2026-01.csv": "\n".join(["车牌号;行驶里程", *(f"贵A{n:05};{n}.5" for n in range(10))]).encode("gb18030"),
        "csv/2026-02.csv": "\n".join(["车牌号码;行驶里程", *(f"贵A{n:05};{n}.5" for n in range(10, 20))]).encode(),
        "nd/1.ndjson": b'{"plate": "x"}\n',
        "nd/2.ndjson": json.dumps({"plate": "y", "vin": "LSVAM4187C2184841"}).encode(),
        "other/1.csv": "\n".join(lines).encode(), "other/2.csv": b"id;x\n1;2\n",
    }  # fmt: skip
    drafted("s3://lake/csv/", endpoint=s3.url)
    assert source(node_folder, "csv")["encoding"] == ["utf-8", "gb18030"]
    columns = yaml.safe_load((node_folder / "work" / "mappings" / "csv.yaml").read_text())["columns"]
    assert ["车牌号", "车牌号码"] in [column["from"] for column in columns.values() if isinstance(column, dict)]
    proposed = drafted("s3://lake/nd/", endpoint=s3.url).proposals
    assert {one.column for one in proposed} == {"plate", "vin"}
    doubts = drafted("s3://lake/other/", endpoint=s3.url).doubts
    assert any("other/2.csv" in doubt.en and "lacks 行驶里程, 备注" in doubt.en for doubt in doubts)


def test_objects_are_looked_at_within_bounds(s3: S3, drafted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.objects = {f"nd/{n:02}.ndjson": json.dumps({"plate": "x", f"c{n}": 1}).encode() for n in range(40)}
    monkeypatch.setattr("datong.harmonise.store.sources.LOOKED_BYTES_MAX", 100)
    found = {one.column for one in drafted("s3://lake/nd/", endpoint=s3.url).proposals}
    assert 2 < len(found) < 12


def test_the_files_of_a_bucket(
    s3: S3, drafted: Any, built: Any, node_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines_of = ["车牌号;行驶里程", *(f"贵A{n:05};{n}.5" for n in range(30))]
    s3.objects = {
        "trips/2026-01.csv": "\n".join(lines_of[:16]).encode("gb18030"),
        "trips/2026-02.csv": "\n".join([lines_of[0], *lines_of[16:]]).encode("gb18030"),
        "one.json": json.dumps(TRIPS).encode(),
    }
    with pytest.raises(Refusal) as caught:
        drafted("s3://lake/trips/")
    assert "--endpoint" in str(caught.value)
    drafted("s3://lake/trips/", endpoint=s3.url)
    assert source(node_folder, "trips") == {
        "kind": "s3", "endpoint": s3.url, "bucket": "lake", "prefix": "trips/", "access_key_from": "AWS_ACCESS_KEY_ID",
        "secret_key_from": "AWS_SECRET_ACCESS_KEY", "format": "csv", "encoding": "gb18030", "delimiter": ";",
    }  # fmt: skip
    assert built("trips")["harmonised"] == 30
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.url)
    drafted("s3://lake/one.json")
    assert source(node_folder, "one")["format"] == "json"
    assert built("one")["harmonised"] == 25
    nothing_leaked(node_folder, SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-4711")
    with pytest.raises(Refusal) as caught:
        drafted("s3://lake/two.json")
    assert "AWS_SECRET_ACCESS_KEY" in str(caught.value) and "4711" not in json.dumps(caught.value.as_json())


# --- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:SECRET@h/d", "mysql+pymysql://u:SECRET@h/d", "https://u:SECRET@h/x", "https://SECRET@h/x",
        "https://h/x?api_key=SECRET", "https://h/x?a=1&access_token=SECRET", "postgresql://h/d?password=SECRET",
        "ftp://h/SECRET@", "oracle://u:SECRET@h/d", "s3://SECRET@b/x", "postgresql://u:SECRET@", "https://h:99999/?SECRET",
    ],
)  # fmt: skip
def test_an_address_with_a_secret_is_not_taken_and_not_repeated(drafted: Any, node_folder: Path, address: str) -> None:
    with pytest.raises(Refusal) as caught:
        drafted(address)
    assert caught.value.code == "STD-450"
    assert "SECRET" not in json.dumps(caught.value.as_json()).replace("ftp://h/SECRET@", "")
    assert not list((node_folder / "work").rglob("*.yaml"))


@pytest.mark.parametrize(
    ("address", "kind", "stem"),
    [
        ("postgresql://reader@db.example/parking", "database", "parking"), ("mysql://r@h:3306/parking", "database", "parking"),
        ("https://api.example/v1/trips?day=1", "http", "trips"), ("https://api.example", "http", "api"),
        ("https://api.example/trips/2026/", "http", "trips"), ("s3://lake/meters/2026-01.csv", "s3", "meters"),
        ("s3://lake/", "s3", "lake"), ("s3://lake/%E4%B8%80%E6%9C%88.csv", "s3", "一月"),
    ],
)  # fmt: skip
def test_what_an_address_is(address: str, kind: str, stem: str) -> None:
    found = addresses.address_of(address)
    assert not isinstance(found, Unfit)
    assert (found.kind.value, found.stem) == (kind, stem)


@pytest.mark.parametrize(
    ("given", "address", "paging", "same"),
    [
        ("https://h/x", "https://h/x?page=1", {"by": "page", "parameter": "page"}, True),
        ("https://h/x", "https://h/x?region=2", {"by": "page", "parameter": "page"}, False),
        ("https://h/x?a=1&b=2", "https://h/x?b=2&n=5&a=1", {"parameter": "p", "size_parameter": "n"}, True),
        ("https://h/x", "https://h/y", None, False), ("", "", None, False), ("mysql://h/d", "mysql://h/d", None, True),
        ("mysql://h/d", "mysql://other/d", None, False),
    ],
)  # fmt: skip
def test_the_same_address_again(given: str, address: str, paging: Any, same: bool) -> None:
    assert addresses.same(given, address, paging) is same


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"url": "postgresql://u:SECRET@h/d"}, "holds a secret"), ({"url": "https://h/d"}, "should be postgresql://"),
        ({"url": "postgresql://h/d", "path": "x.db"}, "needs one of"), ({"url_from": "X", "password_from": "Y"}, "goes with `url`"),
        ({"url": "postgresql://h/d", "password_from": "no name"}, "environment variable"), ({"url": "postgresql://h"}, "names no database"),
    ],
)  # fmt: skip
def test_wrong_keys_of_a_database_are_told(keys: dict[str, Any], said: str) -> None:
    from datong.harmonise.rules.workspace import source_of

    found, problems = source_of({"sources/x.yaml": {"kind": "database", "tables": {"t": "id"}, **keys}}, "x")
    told = " ".join(p.en for p in problems).lower()
    assert found is None and said.lower() in told and "secret@" not in told


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_should_hold_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    from sources_desk import source as made

    path = tmp_path / "sesame-4711"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("A_SECRET_FILE", str(path))
    with pytest.raises(Refusal) as caught:
        secrets.secret(made("csv"), "A_SECRET")
    assert "A_SECRET" in str(caught.value) and "4711" not in json.dumps(caught.value.as_json())
    monkeypatch.setenv("A_SECRET", "the variable itself comes first")
    assert secrets.secret(made("csv"), "A_SECRET") == "the variable itself comes first"
