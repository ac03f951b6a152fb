"""`make conformance`: the Dataspace TCK and a live EDC against this node, as far as they can be had here.

A part that cannot be run is reported as "not run" with the reason and is never counted as passed. Exit code: 0 when
nothing that ran has failed, 1 when something has, 3 with STRICT=1 when a part was not run (CI uses it where a Maven
repository is known to answer). Environment: STRICT, TCK_VERSION, EDC_VERSION (one, or several by comma: the first that
can be had), PORT (first of 20), REPORT (a file for the outcome as JSON).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
MAVEN_SECONDS, TCK_SECONDS = 900, 1800
TCK_TESTS = 65
JAVA = 17
SUITE = "org.eclipse.dataspacetck.dsp.suite.DspTckSuite"


@dataclass(frozen=True)
class Part:
    """One part of the run: "ok", "failed" or "not run", and what is to be said about it."""

    name: str
    outcome: str
    told: str


def lacking() -> str:
    """Why Maven builds cannot be made here, or ""."""
    for program in ("mvn", "java"):
        if shutil.which(program) is None:
            return f"there is no {program} on the PATH"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found.group(1)) < JAVA:
        return f"Java {JAVA} or newer is needed; java -version says {told.splitlines()[0] if told else 'nothing'}"
    return ""


def resolved(pom: Path, lib: Path, *properties: str) -> str:
    """Copy the runtime jars of a pom into `lib`; why that cannot be done, or ""."""
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


def outcome_of(printed: str) -> Part:
    """What the suite printed, judged: every one of the 65 has to have run and succeeded."""
    passed = re.findall(r"^.*SUCCESSFUL: (\S+)", printed, re.MULTILINE)
    failed = re.findall(r"^.*FAILED: (\S+)", printed, re.MULTILINE)
    told = f"found {len(passed) + len(failed)}, ok {len(passed)}, failed {len(failed)}"
    right = not failed and len(set(passed)) >= TCK_TESTS
    lines = "" if right else "; ".join(failed) or f"fewer than {TCK_TESTS} ran: {printed.strip()[-300:]}"
    return Part("Dataspace TCK", "ok" if right else "failed", f"{told}{': ' if lines else ''}{lines}")


def tck(folder: Path, port: int) -> Part:
    """The real kit against the connector under test."""
    version = os.environ.get("TCK_VERSION", "1.0.1")
    if why := resolved(HERE / "tck" / "pom.xml", folder / "tck", f"tck.version={version}"):
        return Part("Dataspace TCK", "not run", why)
    kit, base = f"http://127.0.0.1:{port + 1}", f"http://127.0.0.1:{port}"
    from connector import CODE, opened  # noqa: PLC0415 - a node is opened only when there is a kit for it

    connector = opened(folder / "node", port, kit)
    connector.start()
    sample = (HERE.parent / "tests" / "data" / "dsp" / "kit" / "sample.tck.properties").read_text("utf-8")
    own = {
        "dataspacetck.debug": "false", "dataspacetck.callback.address": kit, "dataspacetck.port": str(port + 1),
        "dataspacetck.host": "127.0.0.1", "dataspacetck.dsp.default.wait": "15",
        "dataspacetck.dsp.connector.agent.id": CODE,
        "dataspacetck.dsp.connector.http.url": f"{base}/dsp/2025-1",
        "dataspacetck.dsp.connector.http.base.url": base,
        "dataspacetck.dsp.connector.negotiation.initiate.url": f"{base}/tck/negotiations/requests",
        "dataspacetck.dsp.connector.transfer.initiate.url": f"{base}/tck/transfers/requests",
    }  # fmt: skip
    kept = [line for line in sample.splitlines() if line.partition("=")[0] not in own]
    config = folder / "tck.properties"
    config.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in own.items())]) + "\n", "utf-8")
    command = ["java", "-cp", f"{folder / 'tck'}/*", SUITE, "-config", str(config)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TCK_SECONDS)
        return outcome_of(done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        return Part("Dataspace TCK", "failed", f"it did not end in {TCK_SECONDS} s")
    finally:
        connector.stop()


def edc(folder: Path, port: int) -> list[Part]:
    """A live EDC, of the first version that can be had."""
    reasons = []
    for version in os.environ.get("EDC_VERSION", "0.18.0,0.15.1").split(","):
        lib = folder / f"edc-{version}"
        if why := resolved(HERE / "edc" / "pom.xml", lib, f"edc.version={version}"):
            reasons.append(f"{version}: {why}")
            continue
        from edc_peer import checked  # noqa: PLC0415 - as above

        work = folder / "edc"
        work.mkdir()
        found = checked(lib, work, port, said=lambda line: print(f"  {line}", flush=True))
        parts = [Part(f"EDC {version}, {name}", outcome, told) for name, outcome, told in found]
        return [*(Part(f"EDC {one.partition(':')[0]}", "not run", one) for one in reasons), *parts]
    return [Part("EDC", "not run", "; ".join(reasons))]


def main() -> int:
    port, strict = int(os.environ.get("PORT", "9740")), os.environ.get("STRICT") == "1"
    parts: list[Part] = []
    with tempfile.TemporaryDirectory(prefix="datong-conformance-") as made:
        folder = Path(made)
        if why := lacking():
            parts = [Part(name, "not run", why) for name in ("Dataspace TCK", "EDC")]
        else:
            parts = [tck(folder, port), *edc(folder, port + 2)]
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
