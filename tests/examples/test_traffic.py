"""The generated traffic: the same for a seed, planted dirt as told, schema the same on both databases."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest

import postgresql

EXAMPLE = Path(__file__).parents[2] / "examples" / "city-mobility"
sys.path.insert(0, str(EXAMPLE))
import traffic  # noqa: E402

PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z]"
    r"([A-HJ-NP-Z0-9]{5}|[A-HJK][A-HJ-NP-Z0-9]\d{4}|\d{5}[A-HJK])"
)
TIME = "%Y-%m-%d %H:%M:%S"


@pytest.fixture(scope="module")
def month() -> traffic.Traffic:
    return traffic.generated()


@pytest.fixture(scope="module")
def database(month: traffic.Traffic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("traffic") / "traffic.sqlite"
    traffic.write_sqlite(month, path)
    connection = sqlite3.connect(path)
    yield connection
    connection.close()


def valid_time(text: str) -> bool:
    try:
        datetime.strptime(text, TIME)  # noqa: DTZ007
    except ValueError:
        return False
    return text.isascii()


def told(month: traffic.Traffic) -> dict[str, list[tuple[object, ...]]]:
    rows = {row[0]: row for row in month.passages}
    return {kind: [rows[number] for number in ids] for kind, ids in month.planted.items()}


def test_the_command_writes_the_same_rows_for_a_seed(tmp_path: Path, month: traffic.Traffic) -> None:
    out = tmp_path / "t.sqlite"
    done = subprocess.run([sys.executable, EXAMPLE / "traffic.py", out], capture_output=True, text=True, check=True)
    assert f"{len(month.passages):,} passages" in done.stdout
    connection = sqlite3.connect(out)
    for name, rows in month.tables():
        assert connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() == rows
    connection.close()
    assert json.loads((tmp_path / "t.truth.json").read_text(encoding="utf-8")) == month.truth()
    assert not list(tmp_path.glob("*.unfinished"))


def test_these_are_the_rows_of_the_seed_everywhere(month: traffic.Traffic) -> None:
    text = json.dumps([rows for _, rows in month.tables()], ensure_ascii=False).encode()
    assert hashlib.sha256(text).hexdigest() == (Path(__file__).parent / "traffic.sha256").read_text().strip()


def test_another_seed_gives_other_rows(month: traffic.Traffic) -> None:
    other = traffic.generated(7)
    assert other.passages != month.passages
    assert other.truth()["planted"] == month.truth()["planted"]


def test_about_two_hundred_thousand_passages_of_one_month(month: traffic.Traffic) -> None:
    assert 190_000 < len(month.passages) < 210_000
    assert len(month.vehicles) == 9_000 and len(month.gates) == len(traffic.GATES) == 47
    assert [row[0] for row in month.passages] == list(range(1, len(month.passages) + 1))
    assert all(PLATE.fullmatch(plate) for plate, *_ in month.vehicles)
    assert {len(plate) for plate, *_ in month.vehicles} == {7, 8}
    assert len({code for _, code, _, _ in month.vehicles}) == 8


def test_planted_counts_are_what_the_rows_show(month: traffic.Traffic) -> None:
    plates, gates = {row[0] for row in month.vehicles}, {row[0] for row in month.gates}
    found: Counter[str] = Counter()
    seen: set[tuple[object, ...]] = set()
    for _, plate, gate, at in month.passages:
        if (plate, gate, at) in seen:
            found["duplicate"] += 1
        seen.add((plate, gate, at))
        if not plate:
            found["plate_missing"] += 1
        elif re.search("[Ａ-Ｚ０-９]", plate):
            found["plate_full_width"] += 1
        elif re.search("[ .·]", plate):
            found["plate_spaced"] += 1
        elif plate != plate.upper():
            found["plate_lower_case"] += 1
        elif re.search("[OI]", plate[1:]):
            found["plate_letter_o_or_i"] += 1
        elif plate not in plates:
            found["vehicle_unknown"] += 1
        if gate not in gates:
            found["gate_unknown"] += 1
        if re.search("[０-９]", at):
            found["time_full_width"] += 1
        elif "/" in at:
            found["time_slashes"] += 1
        elif not valid_time(at):
            found["time_impossible"] += 1
    assert dict(found) == traffic.PLANTED == month.truth()["planted"]


def test_no_row_is_spoiled_twice_and_repairable_rows_mend(month: traffic.Traffic) -> None:
    spoiled = [number for ids in month.planted.values() for number in ids]
    assert len(spoiled) == len(set(spoiled))
    plates, narrow = {row[0] for row in month.vehicles}, {ord("０") + n: str(n) for n in range(10)}
    wide = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
    rows = told(month)
    for kind in ("plate_full_width", "plate_spaced", "plate_lower_case"):
        assert all(re.sub("[ .·]", "", str(row[1]).translate(wide)).upper() in plates for row in rows[kind]), kind
    assert all(valid_time(str(row[3]).translate(narrow)) for row in rows["time_full_width"])
    assert all(re.fullmatch(r"2019/9/\d{1,2} \d{1,2}:\d\d", str(row[3])) for row in rows["time_slashes"])
    assert all(PLATE.fullmatch(str(row[1])) for row in rows["vehicle_unknown"])
    assert not any(PLATE.fullmatch(str(row[1])) for row in rows["plate_letter_o_or_i"])


def test_gates_are_told_in_degrees_minutes_seconds_near_where_they_are(month: traffic.Traffic) -> None:
    assert traffic.dms(42.3754444, "NS") == "42°22'31.6\"N"
    assert traffic.dms(-72.5195, "EW") == "72°31'10.2\"W"
    assert traffic.dms(41.99999999, "NS") == "42°00'00.0\"N"  # no 60 seconds
    for gate, (_, route, _, latitude, longitude) in zip(traffic.GATES, month.gates, strict=True):
        assert route in traffic.ROUTES
        for text, degrees in ((latitude, gate.latitude), (longitude, gate.longitude)):
            whole, minutes, seconds, sign = re.fullmatch(r"(\d+)°(\d\d)'(\d\d\.\d)\"([NW])", text).groups()  # type: ignore[union-attr]
            back = (int(whole) + int(minutes) / 60 + float(seconds) / 3600) * (1 if sign == "N" else -1)
            assert abs(back - degrees) < 2e-5


def test_the_day_has_a_curve_and_night_is_not_empty(month: traffic.Traffic) -> None:
    hours: Counter[tuple[bool, int]] = Counter()
    night: dict[tuple[str, str, int], set[str]] = defaultdict(set)
    for _, plate, gate, at in month.passages:
        if plate and valid_time(at):
            when = datetime.strptime(at, TIME)  # noqa: DTZ007
            hours[when.weekday() >= 5 or when.day == 2, when.hour] += 1
            if when.hour < 6:
                night[gate, at[:10], when.hour // 3].add(plate)
    workday = [hours[False, hour] / 20 for hour in range(24)]
    free = [hours[True, hour] / 10 for hour in range(24)]
    assert max(workday[7:9]) > 2 * workday[11] and max(workday[16:18]) > 2 * workday[11]  # commuting
    assert workday[3] < workday[12] / 2  # night
    assert max(free) < 2 * free[11] and free[8] < workday[8]  # no commuting on free days
    assert sum(len(vehicles) >= 5 for vehicles in night.values()) / (47 * 60) > 0.5


def test_declared_foreign_keys_are_broken_only_by_the_rows_told(
    database: sqlite3.Connection, month: traffic.Traffic
) -> None:
    broken: dict[str, set[int]] = defaultdict(set)
    for table, rowid, parent, _ in database.execute("PRAGMA foreign_key_check"):
        assert table == "passage"
        broken[parent].add(rowid)
    planted = month.planted
    assert broken["gate"] == set(planted["gate_unknown"])
    plates = {
        "plate_full_width",
        "plate_spaced",
        "plate_lower_case",
        "plate_letter_o_or_i",
        "vehicle_unknown",
        "plate_missing",
    }
    expected = {number for kind in plates for number in planted[kind]}
    null = {row[0] for row in month.passages if row[1] is None}  # NULL breaks no key; an empty text does
    assert broken["vehicle"] == expected - null


@pytest.mark.postgresql
def test_the_same_schema_and_rows_on_postgresql(month: traffic.Traffic) -> None:
    psycopg: ModuleType = pytest.importorskip("psycopg")
    with psycopg.connect(postgresql.fresh_database().replace("+psycopg", "")) as connection:
        connection.execute("CREATE SCHEMA datong_traffic_test; SET search_path TO datong_traffic_test")
        connection.execute(traffic.SCHEMA.read_text(encoding="utf-8"))
        with pytest.raises(psycopg.errors.ForeignKeyViolation), connection.transaction():
            connection.execute("INSERT INTO passage VALUES (1, '贵Z00000', 'G-999', '2019-09-01 00:00:00')")
        connection.execute("SET LOCAL session_replication_role = replica")
        for name, rows in month.tables():
            with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        counted = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE plate IS NULL OR plate = '') FROM passage"
        )
        assert counted.fetchone() == (len(month.passages), traffic.PLANTED["plate_missing"])
        connection.rollback()
