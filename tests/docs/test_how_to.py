"""The how-to pages are done as written: on a living demonstration, and for one of them on a PostgreSQL server."""

from __future__ import annotations

import shutil
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import pytest
from docs_pages import BIN, ROOT, Shell, blocks, follow, masked, same
from test_tutorial import stop

import mariadb
import postgresql
import servers
from datong import app
from datong.cli.psi import interpreter
from datong.ground.config import load
from datong.ground.db import Actor
from datong.ground.refusal import Refusal
from datong.register import service as register
from demo_run import PORT, Run, finished
from living import alive
from storage import ACCESS, S3, SECRET

__all__ = ["finished"]
HOW_TO = ROOT / "docs/how-to"
IN_ORDER = [
    "settle-a-month", "read-a-refusal", "file-a-contract", "move-the-business-clock", "verify-a-bundle",
    "receive-with-the-stock-client", "show-a-listing-to-a-space", "withdraw-an-authorisation", "join-a-node",
    "end-a-delivery", "deliver-a-noisy-answer",
]  # fmt: skip
"""The first counts what was sold; the later ones take something away, or add a member."""
IN_AN_EMPTY_FOLDER = [
    "map-your-first-table",
    "map-a-wide-table",
    "write-an-element-pack",
    "measure-the-risk-of-a-table",
    "find-and-treat-personal-data",
    "join-two-owners-by-tokens",
    "answer-with-noise",
    "recode-a-table",
    "read-flows-from-counts",
    "run-on-national-cryptography",
    "write-a-policy",
    "back-up-a-node",
]
OF_ITS_OWN = {
    "connect-postgresql", "connect-mariadb", "connect-excel", "connect-http-api", "connect-s3", "confirm-a-mapping",
    "confirm-a-classification", "repair-quarantined-rows", "intersect-without-showing",
    "prove-membership-by-credentials", "put-a-node-into-service",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a demonstration whose five nodes are up, as `make demo` leaves them."""
    with alive(finished, tmp_path_factory.mktemp("how-to") / "demo") as world:
        yield world.folder


def there(folder: Path) -> dict[str, str]:
    """What the pages say -> where this demonstration is. `datong serve` starts the joining node in the background."""
    ports = {f"840{number}": str(PORT + number - 1) for number in range(1, 6)}
    return {
        "city-mobility/act.py": f"city-mobility/act.py --folder {folder}",
        ".demo/": f"{folder}/",
        **ports,
        "8459": str(PORT + 8),
        f"datong serve {folder}/newcomer": background(f"{folder}/newcomer", PORT + 8),
    }


def background(folder: str, port: int) -> str:
    wait = f"for n in $(seq 300); do (echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null && break; sleep 0.1; done"
    return f"{BIN}/datong serve {folder} > {folder}.log 2>&1 & echo $! > {folder}.pid; {wait}"


def test_every_page_is_done_here() -> None:
    assert {page.stem for page in HOW_TO.glob("*.md")} == {*IN_ORDER, *IN_AN_EMPTY_FOLDER, *OF_ITS_OWN}


@pytest.mark.clients
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_the_commands_and_the_ten_lines_of_the_readme(name: str, demo: Path) -> None:
    """The code is the same in both languages, ten lines long, and what it prints is what the page says."""
    found = [block for block in blocks(ROOT / name) if block.kind in ("python", "output")]
    (code,) = [block.text for block in found if block.kind == "python"]
    told = found[[block.kind for block in found].index("python") + 1].text
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import", "from", "sys.path"))]
    assert len(lines) == 10
    script = demo.parent / f"{name}.py"
    script.write_text(
        code.replace('"ning.ce")', f'"ning.ce", Path("{demo}"))').replace('"chen.pin")', f'"chen.pin", Path("{demo}"))')
    )
    script.write_text("from pathlib import Path\n" + script.read_text())
    shell = Shell(ROOT)
    try:
        printed = shell.run(f"python {script}")
        assert follow(ROOT / name, shell, there(demo)) == 2
    finally:
        shell.close()
    assert same(told, printed), masked(printed)


@pytest.mark.clients
@pytest.mark.parametrize("name", IN_ORDER)
def test_a_page_on_the_living_demonstration(name: str, demo: Path) -> None:
    page = HOW_TO / f"{name}.md"
    shell = Shell(ROOT)
    try:
        compared = follow(page, shell, there(demo))
    finally:
        stop(demo / "newcomer.pid")
        shell.close()
    assert compared == sum(block.kind == "output" for block in blocks(page)) > 0


def test_the_first_table_takes_few_lines() -> None:
    """Of their own a reader writes a handful of lines of YAML; the rest is drafted."""
    shown = blocks(HOW_TO / "map-your-first-table.md")
    own = [b.text.split(".yaml <<'EOF'\n")[1].split("\nEOF")[0] for b in shown if ".yaml <<'EOF'" in b.text]
    assert 0 < sum(text.count("\n") + 1 for text in own) <= 10


@pytest.mark.parametrize("name", IN_AN_EMPTY_FOLDER)
def test_a_page_in_an_empty_folder(name: str, tmp_path: Path) -> None:
    page, shell = HOW_TO / f"{name}.md", Shell(tmp_path)
    try:
        assert follow(page, shell) == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        shell.close()


def test_a_space_that_goes_by_credentials(tmp_path: Path) -> None:
    bureau, lab = PORT + 11, PORT + 12
    said = {"datong serve bureau": background("bureau", bureau), "datong serve lab": background("lab", lab)}
    shell, page = Shell(tmp_path), HOW_TO / "prove-membership-by-credentials.md"
    try:
        shown = follow(page, shell, {**said, "9481": str(bureau), "9482": str(lab)})
        assert shown == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        for node in ("bureau", "lab"):
            stop(tmp_path / f"{node}.pid")
        shell.close()


def test_two_organisations_intersect_their_ids(tmp_path: Path) -> None:
    try:
        python = interpreter()
    except Refusal as missing:
        pytest.skip(f"{missing}")
    ports = {"9471": str(PORT + 6), "9472": str(PORT + 7)}
    shell, page = Shell(tmp_path, DATONG_PSI_PYTHON=str(python)), HOW_TO / "intersect-without-showing.md"
    try:
        assert follow(page, shell, ports) == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        shell.close()


def done(page: str, folder: Path, replaced: dict[str, str] | None = None, **environment: str) -> None:
    """Do a page that needs no running node, in a folder of its own."""
    shell = Shell(folder, **environment)
    try:
        assert follow(HOW_TO / page, shell, replaced) == sum(b.kind == "output" for b in blocks(HOW_TO / page)) > 0
    finally:
        shell.close()


def test_an_excel_source(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["二月站点表"], ["站点编号", "位置", None], [None, "道路", "门牌"], ["N1", "北京路", 12], ["S7", "中山南路", 8],
        ["注：试运行站点未列入"],
    ):  # fmt: skip
        book.active.append(row)
    for span in ("A1:C1", "A2:A3", "B2:C2", "A6:C6"):
        book.active.merge_cells(span)
    book.save(tmp_path / "stations.xlsx")
    done("connect-excel.md", tmp_path)


def test_an_http_source(tmp_path: Path) -> None:
    pid = tmp_path / "api.pid"
    try:
        done("connect-http-api.md", tmp_path, {"8080": str(free_port()), "& API=$!": f"& API=$!; echo $! > {pid}"})
    finally:
        stop(pid)


def test_an_s3_source(tmp_path: Path) -> None:
    storage = S3()
    storage.objects = {f"meters/2026-0{n}.csv": f"meter;kwh\nM1;{n}.5\nM2;{n}\n".encode() for n in (1, 2)}
    keys = {"your-access-key": ACCESS, "your-secret-key": SECRET}
    try:
        done("connect-s3.md", tmp_path, {"http://127.0.0.1:9000": storage.url, **keys})
    finally:
        storage.stop()


@pytest.mark.mariadb
def test_a_mariadb_source(tmp_path: Path) -> None:
    url = urlsplit(servers.given_or_skip(mariadb.server()))
    replaced = {"127.0.0.1:3306": f"127.0.0.1:{url.port}", "-P 3306": f"-P {url.port}"}
    done("connect-mariadb.md", tmp_path, replaced, SHOP_PASSWORD=mariadb.PASSWORD)


def test_confirming_a_mapping(tmp_path: Path) -> None:
    port = free_port()
    node = tmp_path / "car-park"
    app.init(node, name="Car Park", party="91520100MAXDT0066W", port=port, region="5201", kind="regional")
    shell = Shell(tmp_path, DATONG_TOKEN=engineer(node), DATONG_NODE=f"http://127.0.0.1:{port}")
    page = HOW_TO / "confirm-a-mapping.md"
    try:
        shell.run(background(str(node), port))
        assert follow(page, shell) == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        stop(tmp_path / "car-park.pid")
        shell.close()


def test_confirming_a_classification(tmp_path: Path) -> None:
    port, node = free_port(), tmp_path / "clinic"
    app.init(node, name="Clinic", party="91520100MAXDT0066W", port=port, region="5201", kind="regional")
    shell = Shell(
        tmp_path, DATONG_TOKEN=engineer(node, "deidentify"), LEGAL_TOKEN=person(node, "mo", "legal", "deidentify"),
        DATONG_NODE=f"http://127.0.0.1:{port}",
    )  # fmt: skip
    page = HOW_TO / "confirm-a-classification.md"
    try:
        shell.run(background(str(node), port))
        assert follow(page, shell) == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        stop(tmp_path / "clinic.pid")
        shell.close()


def test_repairing_and_replaying(tmp_path: Path) -> None:
    folder, port = tmp_path / "car-park", free_port()
    app.init(folder, name="Car Park", party="91520100MAXDT0066W", port=port, region="5201", kind="regional")
    page = HOW_TO / "repair-quarantined-rows.md"
    shell = Shell(tmp_path, DATONG_TOKEN=engineer(folder), DATONG_NODE=f"http://127.0.0.1:{port}")
    try:
        shell.run(background(str(folder), port))
        assert follow(page, shell) == sum(block.kind == "output" for block in blocks(page)) > 0
    finally:
        stop(tmp_path / "car-park.pid")
        shell.close()


@pytest.mark.postgresql
def test_a_postgresql_source(tmp_path: Path) -> None:
    url, why_not = postgresql.server()
    if why_not:
        pytest.skip(why_not)
    server, port = urlsplit(url).netloc, free_port()
    app.init(
        tmp_path / "car-park", name="Car Park", party="91520100MAXDT0066W", port=port, region="5201", kind="regional"
    )
    shell = Shell(tmp_path, DATONG_TOKEN=engineer(tmp_path / "car-park"), DATONG_NODE=f"http://127.0.0.1:{port}")
    replaced = {
        "datong@127.0.0.1:5432": server,
        "datong serve car-park": background(str(tmp_path / "car-park"), port),
    }
    try:
        assert follow(HOW_TO / "connect-postgresql.md", shell, replaced) == 2
    finally:
        stop(tmp_path / "car-park.pid")
        shell.close()


@pytest.mark.postgresql
def test_a_node_in_service(tmp_path: Path) -> None:
    """On a real PostgreSQL, behind a real nginx that ends TLS."""
    server = urlsplit(servers.given_or_skip(postgresql.server()))
    servers.given_or_skip((shutil.which("nginx") or "", "Debian's package nginx is not installed"))
    port, door, name = free_port(), free_port(), f"node_{uuid.uuid4().hex[:12]}"
    replaced = {
        "datong@127.0.0.1:5432": server.netloc,
        "node@127.0.0.1:5432/node": f"{name}@127.0.0.1:{server.port}/{name}",
        "role node": f"role {name}", "database node owner node": f"database {name} owner {name}",
        "http {": "http {" + "".join(f"{part}_temp_path {part};" for part in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
        "8450": str(port), "8443": str(door), "datong serve node": background("node", port),
    }  # fmt: skip
    shell, page = Shell(tmp_path), HOW_TO / "put-a-node-into-service.md"
    try:
        assert follow(page, shell, replaced) == sum(block.kind == "output" for block in blocks(page)) == 2
        link = shell.run("grep -o '/enter/[^ ]*' operator.txt").strip()
        asked = f"curl -s -i --cacert tls.crt https://localhost:{door}"
        assert "secure" in shell.run(f"{asked}{link} -H 'Origin: https://localhost:{door}' -d ''").lower()
        foreign = shell.run(f"{asked}{link} -H 'Origin: https://elsewhere.example' -d ''")
        assert "set-cookie" not in foreign.lower()
    finally:
        stop(tmp_path / "nginx.pid")
        stop(tmp_path / "node.pid")
        shell.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def engineer(folder: Path, room: str = "harmonise") -> str:
    """A token of a new data engineer of the new node in `folder`, for the verbs of a room."""
    app.first_operator(folder, login="ada", name="Ada")
    return person(folder, "lin", "data_engineer", room)


def person(folder: Path, login: str, role: str, room: str) -> str:
    """A token of a new person of the node in `folder`, let in by its operator."""
    store = app.open_store(load(folder))
    ada = Actor(person="ada", role="operator", party="91520100MAXDT0066W", department="", roles=frozenset({"operator"}))
    with store.begin(ada, "register") as tx:
        added = register.add_person(tx, login=login, name=login.title(), roles=[role])
        token = register.issue_service_token(tx, person=added["id"], label="docs", scopes=[room], days=1)
    store.dispose()
    return str(token["token"])
