"""`make conformance`: the kits of DSP and DCP and a live EDC against this node, as far as they can be had here.

A part that cannot be run is reported as "not run" with the reason and is never counted as passed. Exit code: 0 when
nothing that ran has failed, 1 when something has, 3 with STRICT=1 when a part was not run (CI uses it where a Maven
repository is known to answer). Environment: STRICT, TCK_VERSION, DCP_TCK_VERSION, EDC_VERSION and EDC_DCP_VERSION (one,
or several by comma: the first that can be had), TCK_LIB, DCP_TCK_LIB, EDC_LIB and EDC_DCP_LIB (folders with the jars of
one of them, where Maven does not serve it), PORT (first of 60), REPORT (a file for the outcome as JSON).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
MAVEN_SECONDS, TCK_SECONDS, DEMO_SECONDS = 900, 1800, 900
JAVA = 17


@dataclass(frozen=True)
class Kit:
    """A compatibility kit: what it is called, its main class, the folder of its pom, how many tests have to pass."""

    name: str
    suite: str
    pom: str
    tests: int


DSP = Kit("Dataspace TCK", "org.eclipse.dataspacetck.dsp.suite.DspTckSuite", "tck", 65)
DCP = Kit("DCP TCK, verifier", "org.eclipse.dataspacetck.dcp.suite.DcpTckSuite", "dcp-tck", 20)
HOLDER = replace(DCP, name="DCP TCK, credential service", tests=16)
PRESENTATION = "org.eclipse.dataspacetck.dcp.verification.presentation"


@dataclass(frozen=True)
class Part:
    """One part of the run: "ok", "failed" or "not run", and what is to be said about it."""

    name: str
    outcome: str
    told: str


def lacking() -> str:
    """Why no kit and no connector can be run here, or ""."""
    if shutil.which("java") is None:
        return "there is no java on the PATH"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found.group(1)) < JAVA:
        return f"Java {JAVA} or newer is needed; java -version says {told.splitlines()[0] if told else 'nothing'}"
    return ""


def resolved(pom: Path, lib: Path, *properties: str) -> str:
    """Copy the runtime jars of a pom into `lib`; why that cannot be done, or ""."""
    if shutil.which("mvn") is None:
        return "there is no mvn on the PATH"
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
               f"-DoutputDirectory={lib}", *(f"-D{one}" for one in properties)]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MAVEN_SECONDS)
    except subprocess.TimeoutExpired:
        return f"Maven did not end in {MAVEN_SECONDS} s"
    if done.returncode == 0:
        return ""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    fault = next((line for line in plain.splitlines() if "Could not" in line), plain.strip()[:300] or "Maven failed")
    return re.sub(r"^\[ERROR\] ", "", fault)[:400]


def variable(pom: str, what: str) -> str:
    """The environment's word for "LIB" or "VERSION" of what a pom names: TCK_LIB, DCP_TCK_VERSION, …"""
    return f"{pom.upper().replace('-', '_')}_{what}"


def jars(pom: str, lib: Path, version: str = "") -> tuple[Path, str]:
    """The folder with the jars that a pom names (the one that {pom}_LIB says, else `lib`, filled by Maven), and why there
    is none, or "". version: another than the pom's own."""
    name = variable(pom, "LIB")
    if named := os.environ.get(name):
        there = any(Path(named).glob("*.jar"))
        return Path(named), "" if there else f"{name} names {named}, where no jar is"
    version = version or os.environ.get(variable(pom, "VERSION"), "")
    return lib, resolved(HERE / pom / "pom.xml", lib, *([f"{pom}.version={version}"] if version else []))


def outcome_of(kit: Kit, printed: str) -> Part:
    """What the suite printed, judged: every one of its tests has to have run and succeeded."""
    passed = re.findall(r"^.*SUCCESSFUL: (.+?)\s*$", printed, re.MULTILINE)
    failed = re.findall(r"^.*FAILED: (.+?)\s*$", printed, re.MULTILINE)
    told = f"found {len(passed) + len(failed)}, ok {len(passed)}, failed {len(failed)}"
    right = not failed and len(set(passed)) >= kit.tests
    lines = "" if right else "; ".join(failed) or f"fewer than {kit.tests} ran: {printed.strip()[-300:]}"
    return Part(kit.name, "ok" if right else "failed", f"{told}{': ' if lines else ''}{lines}")


def played(kit: Kit, lib: Path, config: dict[str, str], folder: Path) -> Part:
    """The kit run against the node that is up, with this configuration."""
    file = folder / f"{kit.pom}.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in config.items()), "utf-8")
    command = ["java", "-cp", f"{lib}/*", kit.suite, "-config", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TCK_SECONDS)
    except subprocess.TimeoutExpired:
        return Part(kit.name, "failed", f"it did not end in {TCK_SECONDS} s")
    return outcome_of(kit, done.stdout + done.stderr)


def listening(port: int) -> dict[str, str]:
    """Where a kit listens itself."""
    return {
        "dataspacetck.debug": "false", "dataspacetck.callback.address": f"http://127.0.0.1:{port}",
        "dataspacetck.port": str(port), "dataspacetck.host": "127.0.0.1",
    }  # fmt: skip


def dcp(folder: Path, port: int) -> list[Part]:
    """The kit of the Decentralized Claims Protocol against a node that goes by credentials: as it asks others for
    theirs, and as others ask for its own."""
    lib, why = jars(DCP.pom, folder / DCP.pom)
    if why:
        return [Part(kit.name, "not run", why) for kit in (DCP, HOLDER)]
    from connector import credential_node  # noqa: PLC0415 - a node is opened only when there is a kit for it

    connector, told = credential_node(folder / "dcp-node", port, f"http://127.0.0.1:{port + 1}")
    connector.start()
    asks = {
        "dataspacetck.test.package": f"{PRESENTATION}.verifier",
        "dataspacetck.did.verifier": told.did, "dataspacetck.vpp.trigger.endpoint": told.trigger,
    }  # fmt: skip
    is_asked = {
        "dataspacetck.test.package": f"{PRESENTATION}.cs", "dataspacetck.did.holder": told.did,
        "dataspacetck.sts.url": told.tokens, "dataspacetck.sts.client.id": "kit", "dataspacetck.sts.client.secret": "kit",
    }  # fmt: skip
    try:
        return [
            played(kit, lib, {**listening(port + 1), **own}, folder) for kit, own in ((DCP, asks), (HOLDER, is_asked))
        ]
    finally:
        connector.stop()


def tck(folder: Path, port: int) -> Part:
    """The real kit against the connector under test."""
    lib, why = jars(DSP.pom, folder / DSP.pom)
    if why:
        return Part(DSP.name, "not run", why)
    kit, base = f"http://127.0.0.1:{port + 1}", f"http://127.0.0.1:{port}"
    from connector import CODE, opened  # noqa: PLC0415 - as above

    connector = opened(folder / "node", port, kit)
    connector.start()
    sample = (HERE.parent / "tests" / "data" / "dsp" / "kit" / "sample.tck.properties").read_text("utf-8")
    said = dict(line.split("=", 1) for line in sample.splitlines() if "=" in line and not line.startswith("#"))
    own = {
        **listening(port + 1), "dataspacetck.dsp.default.wait": "15", "dataspacetck.dsp.connector.agent.id": CODE,
        "dataspacetck.dsp.connector.http.url": f"{base}/dsp/2025-1",
        "dataspacetck.dsp.connector.http.base.url": base,
        "dataspacetck.dsp.connector.negotiation.initiate.url": f"{base}/tck/negotiations/requests",
        "dataspacetck.dsp.connector.transfer.initiate.url": f"{base}/tck/transfers/requests",
    }  # fmt: skip
    try:
        return played(DSP, lib, {**said, **own}, folder)
    finally:
        connector.stop()


def edc(folder: Path, port: int) -> list[Part]:
    """A live EDC with its identity mock, of the first version that can be had."""

    def run(_version: str, lib: Path, work: Path) -> list[tuple[str, str, str]]:
        from edc_peer import checked  # noqa: PLC0415 - as above

        return checked(lib, work, port, said=_said)

    return first_had("EDC", "edc", folder, run)


def edc_by_credentials(folder: Path, port: int) -> list[Part]:
    """The same in a space of membership credentials, with EDC's own identities."""
    name, pom = "EDC by credentials", "edc-dcp"

    def run(_version: str, lib: Path, work: Path) -> list[tuple[str, str, str]] | str:
        from edc_credentials import checked  # noqa: PLC0415 - as above
        from edc_process import compiled  # noqa: PLC0415

        return compiled(lib, work / "classes") or checked(lib, work, port, said=_said)

    return first_had(name, pom, folder, run)


def edc_on_the_demonstration(folder: Path, port: int) -> list[Part]:
    """The five nodes walk the whole journey, and a company with an EDC finds, contracts and receives the product."""

    def run(version: str, lib: Path, work: Path) -> list[tuple[str, str, str]] | str:
        from edc_process import compiled  # noqa: PLC0415 - as above

        if why := compiled(lib, work / "classes"):
            return why
        demo, report = HERE.parent / "examples" / "city-mobility" / "demo.py", work / "report.json"
        command = [sys.executable, str(demo), "--once", "--edc", version, "--folder", str(work / "demo"),
                   "--port", str(port), "--report", str(report)]  # fmt: skip
        given = {**os.environ, variable("edc-dcp", "LIB"): str(lib)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEMO_SECONDS, env=given)
        if done.returncode:
            return [("the journey", "failed", (done.stdout + done.stderr)[-600:])]
        told = json.loads(report.read_text("utf-8"))
        made, verified = told["another_make"], told["evidence"]["verified"]
        right = verified and made["capability"]["state"] == "shown"
        said = f"{made['rows']} rows, {made['bytes']} bytes, as metered; {made['capability']['id']} {made['capability']['state']}"
        _said(f"{'ok' if right else 'failed'}  the journey  {said}")
        return [("the journey", "ok" if right else "failed", said)]

    return first_had("EDC on the demonstration", "edc-dcp", folder, run, "demo")


def first_had(
    name: str, pom: str, folder: Path, run: Callable[[str, Path, Path], list[tuple[str, str, str]] | str],
    work_in: str = "work",
) -> list[Part]:  # fmt: skip
    """What `run` (version, its jars, a folder of its own) came to with the first version whose jars can be had, or why it
    could not."""
    reasons = []
    for version in os.environ.get(variable(pom, "VERSION"), "0.18.0,0.15.1").split(","):
        lib, why = jars(pom, folder / f"{pom}-{version}", version)
        if why:
            reasons.append(f"{version}: {why}")
            continue
        work = folder / f"{pom}-{version}-{work_in}"
        work.mkdir()
        found = run(version, lib, work)
        if isinstance(found, str):
            reasons.append(f"{version}: {found}")
            continue
        parts = [Part(f"{name} {version}, {check}", outcome, told) for check, outcome, told in found]
        return [*(Part(f"{name} {one.partition(':')[0]}", "not run", one) for one in reasons), *parts]
    return [Part(name, "not run", "; ".join(reasons))]


def _said(line: str) -> None:
    print(f"  {line}", flush=True)


def main() -> int:
    port, strict = int(os.environ.get("PORT", "9740")), os.environ.get("STRICT") == "1"
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="datong-conformance-") as made:
        folder = Path(made)
        if why := lacking():
            names = (DSP.name, DCP.name, HOLDER.name, "EDC", "EDC by credentials", "EDC on the demonstration")
            parts = [Part(name, "not run", why) for name in names]
        else:
            parts = [tck(folder, port), *dcp(folder, port + 16), *edc(folder, port + 2)]
            parts += edc_by_credentials(folder, port + 20)
            parts += edc_on_the_demonstration(folder, port + 40)
    parts.append(Part("the kit's 65 sequences in Python", "elsewhere", "tests/tck, part of make test"))
    for part in parts:
        print(f"{part.outcome:10} {part.name}: {part.told}")
    if report := os.environ.get("REPORT"):
        Path(report).write_text(json.dumps([asdict(part) for part in parts], indent=1) + "\n", "utf-8")
    if any(part.outcome == "failed" for part in parts):
        return 1
    return 3 if strict and any(part.outcome == "not run" for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
