"""`make demo`: five nodes on loopback walk the whole journey; then their consoles stay up until Ctrl-C.

    python examples/city-mobility/demo.py [--once] [--report FILE] [--folder .demo] [--port 8401] [--crypto guomi]
                                          [--edc 0.15.1] [--store postgresql+psycopg://USER@HOST/{node}]

State lies in the folder: an unfinished run is resumed (every call carries an idempotency key, so what was done
is not done again), a finished one starts fresh. A second demonstration in the same folder is refused; nodes that
outlived a demonstration that was killed are ended first.

For tests of faults: --crash NODE:LINK.before_commit (or after_commit) lets a node kill itself the first time it
passes that point (ground/crash.py), --kill NODE:STEP:start (or end) kills it from outside at that moment. Each
fires once, also over a resumption; what fired stands in the node's crashes.log. Contract: tests/faults/.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import traffic
from paperwork import BIKE, BUREAU, GROUP, HERE, REGISTRY, ROOT, department, parties
from rich.console import Console
from world import NodeProcess, Refused, World, keep

from datong import app
from datong.ground.crypto.profile import DEFAULT, PROFILES, Profile, use
from datong.ground.keys import PrivateKey
from journey import STEPS, Journey

screen = Console(highlight=False, soft_wrap=True)


class Stopped(Exception):
    """The demonstration cannot start; the text says why and what to do."""


def main() -> int:
    options = arguments()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with alone(folder):
            return run(options, folder)
    except Stopped as stopped:
        screen.print(f"[bold red]{stopped}[/]")
        return 2
    except KeyboardInterrupt:
        return 130


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--once", action="store_true", help="stop everything when the journey is done")
    parser.add_argument("--report", type=Path, help="write the report (JSON) to this file")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="where the nodes' state lies")
    parser.add_argument("--port", type=int, default=8401, help="port of the first node; the others follow")
    parser.add_argument("--crypto", choices=sorted(PROFILES), help="crypto profile of the nodes (guomi: extra guomi)")
    parser.add_argument(
        "--store", default="", metavar="URL", help="database of each node, {node} for its name; default: SQLite files"
    )
    parser.add_argument(
        "--edc", metavar="VERSION", help="one chapter more: a company with an Eclipse EDC of this version"
    )
    parser.add_argument("--crash", action="append", default=[], metavar="NODE:POINT", help="let a node die there once")
    parser.add_argument(
        "--kill", action="append", default=[], metavar="NODE:STEP:start|end", help="kill a node then once"
    )
    return parser.parse_args()


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one demonstration at a time may use the folder."""
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Stopped(
            f"A demonstration is running in {folder} already.\n"
            "Two would use the same nodes. Use its consoles, or stop it with Ctrl-C and start again."
        ) from None
    try:
        yield
    finally:
        lock.close()


def run(options: argparse.Namespace, folder: Path) -> int:
    state_file = folder / "state.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    end_leftovers(folder)
    resuming = bool(state.get("prepared") and not state.get("finished"))
    ports = list(state["ports"].values()) if resuming else [options.port + n for n in range(len(parties()))]
    with_edc = state.get("edc") if resuming else options.edc
    ports_free([*ports, *(another_make().ports(max(ports)) if with_edc else [])])
    report_fits(options.report)
    if not resuming:
        for entry in folder.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        state = {}
    began = time.perf_counter()
    profile = PROFILES[state.get("crypto") or (DEFAULT.name if state else options.crypto or DEFAULT.name)]
    if options.crypto not in (None, profile.name):
        raise Stopped(
            f"The unfinished run in {folder} is of the crypto profile {profile.name}, and its nodes keep it.\n"
            "Finish it without --crypto, or forget it (make demo-clean) and start again."
        )
    if resuming and options.edc not in (None, state.get("edc")):
        raise Stopped(
            f"The unfinished run in {folder} was begun {'with EDC ' + state['edc'] if state.get('edc') else 'without an EDC'}.\n"
            "Finish it without --edc, or forget it (make demo-clean) and start again."
        )
    use(profile)
    if not state:
        by = "" if profile is DEFAULT else f" ({profile.signature}, {profile.digest.upper()}, {profile.seal})"
        screen.print(
            f"[bold]Datong 大同[/]  preparing five organisations, each with its own folder, store and keys{by}"
        )
        state = prepare(folder, options.port, profile, options.edc or "", options.store)
        keep(state_file, state)
    else:
        screen.print("[bold]Datong 大同[/]  an unfinished run was found: it is taken up where it stopped")
    world = the_world(folder, options, state)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        world.start()
        return walk(world, options, folder, state, state_file, began)
    finally:
        world.stop()


def walk(
    world: World, options: argparse.Namespace, folder: Path, state: dict[str, Any], state_file: Path, began: float
) -> int:
    journey = Journey(world, folder, edc=state.get("edc", ""))
    steps = STEPS if not journey.edc else with_another_make()
    seconds: dict[str, float] = {"prepare and start": round(time.perf_counter() - began, 2)}
    for number, (name, step) in enumerate(steps, 1):
        world.step = name
        at = time.perf_counter()
        strike(world, options.kill, f"{name}:start")
        with screen.status(f"{number:>2} {name} …"):
            try:
                said = journey.said[name] = step(journey)
            except (Refused, TimeoutError) as stopped:
                screen.print(f"[bold red]{name} stopped:[/] {stopped}")
                screen.print(f"The state is kept in {folder}; the nodes' logs are its */node.log. Run again to go on.")
                return 1
        strike(world, options.kill, f"{name}:end")
        seconds[name] = round(time.perf_counter() - at, 2)
        screen.print(f"[green]✓[/] [bold]{number:>2} {name:<12}[/] {said}  [dim]{seconds[name]:.1f} s[/]")
    report = journey.report(seconds)
    if options.report:
        options.report.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
    journey.write_story(seconds)
    keep(state_file, {**state, "finished": True})
    screen.print()
    for line in journey.summary(report):
        screen.print(line)
    if options.once:
        return 0
    show_doors(world, journey)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    return 0


def strike(world: World, kills: list[str], moment: str) -> None:
    """Kill the nodes that --kill names for this moment, each once; they are started again as after any death."""
    for slug, node in world.nodes.items():
        log = node.folder / "crashes.log"
        fired = log.read_text().split() if log.exists() else []
        if f"{slug}:{moment}" in kills and moment not in fired:
            with log.open("a") as out:
                out.write(moment + "\n")
            node.kill()


def end_leftovers(folder: Path) -> None:
    """End the nodes of a demonstration in this folder that was killed and could not end them (we hold its lock)."""
    for slug in sorted(file.parent.name for file in folder.glob("*/node.pid")):
        left = NodeProcess(slug, folder / slug, 0)
        if (pid := left.left_over()) is None:
            continue
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            if left.left_over() is None:
                break
            time.sleep(0.1)
        else:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)


def show_doors(world: World, journey: Journey) -> None:
    screen.print(
        "\n[bold]The consoles are up.[/] Each link logs one person in, once; the story is at /story of the group.\n"
    )
    for slug, node in world.nodes.items():
        screen.print(f"[bold]{slug}[/]  {node.address}")
        for person in journey.login_links(slug):
            screen.print(
                f"   {person['name']:<14} {person['roles']:<30} {node.address}/enter/{person['link']}", soft_wrap=True
            )
    screen.print(
        f"\nTo begin, open a link of data-group and there the story: {world.nodes['data-group'].address}/story",
        soft_wrap=True,
    )
    screen.print("Ctrl-C stops the five nodes; their state stays in the folder until the next run.")


def ports_free(ports: list[int]) -> None:
    if not 0 < min(ports) <= max(ports) < 2**16:
        raise Stopped(
            f"The nodes would listen on the ports {min(ports)} to {max(ports)}, and ports run from 1 to 65535.\n"
            "Choose others: make demo PORT=9401."
        )
    taken = []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(port)
    if taken:
        raise Stopped(
            f"Port {', '.join(map(str, taken))} on 127.0.0.1 is in use, so the nodes cannot listen there.\n"
            "Stop the program that uses it, or choose other ports: make demo PORT=9401."
        )


def report_fits(report: Path | None) -> None:
    """The report is the last deed of a minute: where it cannot be written is said before the first."""
    if report is None:
        return
    beside = report.resolve().parent
    if report.is_dir() or not beside.is_dir() or not os.access(report if report.exists() else beside, os.W_OK):
        raise Stopped(
            f"The report cannot be written to {report}: it is no file in a folder that is there and may be written.\n"
            "Choose another: make demo ONCE=1 REPORT=report.json."
        )


def another_make() -> ModuleType:
    """The chapter of a connector of another make, whose pieces lie beside the checks of EDC."""
    sys.path.insert(0, str(ROOT / "conformance"))
    return importlib.import_module("another_make")


def with_another_make() -> list[tuple[str, Callable[[Journey], str]]]:
    """The steps with that chapter, before the audit."""
    at = [name for name, _ in STEPS].index("audit")
    return [*STEPS[:at], ("another make", another_make().another_make), *STEPS[at:]]


def edc_had(version: str, folder: Path) -> None:
    """EDC's jars are had before anything is begun; Stopped with the reason otherwise."""
    screen.print(f"[bold]Datong 大同[/]  fetching Eclipse EDC {version}")
    folder.mkdir()
    if why := another_make().prepared(version, folder):
        raise Stopped(
            f"Eclipse EDC {version} cannot be run here: {why}.\nIts chapter is left out without --edc (EDC=)."
        )


def prepare(folder: Path, first_port: int, profile: Profile, edc: str, store: str) -> dict[str, Any]:
    """Folders, configurations, keys and first operators of the five nodes; the sources in their owners' folders.

    edc: version of the Eclipse EDC that is to come, which function node and group take by credentials; "": none.
    store: URL of each node's database, {node} for its name; "": SQLite files.
    """
    if edc:
        edc_had(edc, folder / "edc")
    clock_key = PrivateKey.at(folder / "demo.pem")
    tokens: dict[str, str] = {}
    keys: dict[str, str] = {}
    ports = {slug: first_port + number for number, slug in enumerate(parties())}
    for slug, party in parties().items():
        kind = {"2": "regional", "4": "business", "5": "connector"}[party["node_type"]]
        made = app.init(
            folder / slug,
            name=party["name"],
            party=party["credit_code"],
            port=ports[slug],
            region=party["region_code"][:4],
            kind=kind,
            crypto=profile.name,
        )
        keys[slug] = made.key
    for slug in parties():
        extra = f'\n[demo]\nclock_key = "{clock_key.public.text}"\n\n[peers]\nallow_private = true\n'
        if store:
            extra += f'\n[store]\nurl = "{store.format(node=slug)}"\n'
        if edc and slug in (REGISTRY, GROUP):
            extra += 'identity = "either"\ncredential_profile = "vc11-sl2021/jwt"\n'
        if slug != REGISTRY:
            address = f"http://127.0.0.1:{ports[REGISTRY]}"
            extra += f'\n[function_node]\naddress = "{address}"\nkey = "{keys[REGISTRY]}"\nheartbeat_seconds = 5\n'
        if slug == GROUP:
            extra += "\n[deliver]\non_signing = true\n"
        witness = GROUP if slug == REGISTRY else REGISTRY
        extra += f'\n[witness]\nnodes = ["http://127.0.0.1:{ports[witness]}"]\n'
        with (folder / slug / "datong.toml").open("a", encoding="utf-8") as out:
            out.write(extra)
        operator = next(person for person in parties()[slug]["people"] if "operator" in person["roles"])
        tokens[slug] = app.first_operator(
            folder / slug, login=operator["login"], name=operator["name"], department=department(slug, operator)
        ).token
    place_sources(folder)
    return {"prepared": True, "tokens": tokens, "ports": ports, "crypto": profile.name, "edc": edc}


def place_sources(folder: Path) -> None:
    """Each owner's source in its own folder, and the workspace its data engineer keeps in git."""
    bikes, bureau = folder / BIKE, folder / BUREAU
    for slug in (BIKE, BUREAU):
        shutil.copytree(HERE / "workspaces" / slug, folder / slug / "workspace", dirs_exist_ok=True)
    (bikes / "sources" / "raw_days").mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "data" / BIKE / "trips_2019_09.json", bikes / "sources")
    shutil.copy(HERE / "data" / BIKE / "raw_days" / "VB_Routes_Data_2018_06_28.csv.gz", bikes / "sources" / "raw_days")
    (bureau / "sources").mkdir(exist_ok=True)
    traffic.write_sqlite(traffic.generated(), bureau / "sources" / "traffic.sqlite")


def the_world(folder: Path, options: argparse.Namespace, state: dict[str, Any]) -> World:
    nodes = {slug: NodeProcess(slug, folder / slug, port) for slug, port in state["ports"].items()}
    crash: dict[str, list[str]] = {}
    for entry in options.crash:
        slug, _, point = entry.partition(":")
        crash.setdefault(slug, []).append(point)
    world = World(nodes, PrivateKey.at(folder / "demo.pem"), {slug: ",".join(points) for slug, points in crash.items()})
    for slug, party in parties().items():
        operator = next(person for person in party["people"] if "operator" in person["roles"])
        world.tokens[slug, operator["login"]] = state["tokens"][slug]
    os.environ.setdefault("DATONG_DEMO", "1")
    return world


if __name__ == "__main__":
    sys.exit(main())
