"""Five domains on real data: each from its raw files, harmonised as it is and with planted dirt, and measured.

    make domains                                    all domains whose files are there; writes bench/results/domains.json
    .venv/bin/python examples/domains/domains.py finance [--samples] [--write]

The raw files are looked for in the folder that DATONG_DATA names, by the paths and digests of each `recipe.yaml`; with
--samples in `samples/`, where those few stand whose licence lets them be in this repository. A file that is missing or
is another one is told, and its domain left out. Everything runs through the verbs of `harmonise` on a real node.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from dirt import Planted, planted

from datong import app
from datong.authorise import service as authorise
from datong.engine import service as engine
from datong.engine.model import Plan, Step
from datong.ground.canonical import plain
from datong.harmonise import service as harmonise
from datong.register import service as register

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DATA = Path(os.environ.get("DATONG_DATA") or ROOT / "../shared/data").resolve()
SAMPLES = HERE / "samples"
RESULTS = ROOT / "bench" / "results" / "domains.json"
DOMAINS = ("transport", "finance", "medicine", "industry", "energy")
PARTY, PURPOSE = "91520100MAXDT0015L", "industry_development"


def recipe_of(domain: str) -> dict[str, Any]:
    recipe: dict[str, Any] = yaml.safe_load((HERE / domain / "recipe.yaml").read_text("utf-8"))
    return recipe


def missing(domain: str, data: Path) -> list[str]:
    """Why the domain cannot run on the files of `data`; empty when it can."""
    told = []
    digests = _sample_digests() if data == SAMPLES else {}
    for path, facts in recipe_of(domain)["files"].items():
        file, expected = data / path, digests.get(path, facts["sha256"])
        if not file.is_file():
            told.append(f"{path} is not in {data}: fetch it from {facts['source']}")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            told.append(f"{path} is another file than the recipe's (sha256 {expected[:12]}…)")
    return told


def measured(domain: str, data: Path, work: Path) -> dict[str, Any]:
    """The figures of one domain: as it is, with dirt, what its steps gave, and what its licence forbids."""
    recipe = recipe_of(domain)
    app.init(work / "node", name=domain, party=PARTY, port=None, region="5201", kind="connector")
    figures: dict[str, Any] = {"licences": sorted({_licence(recipe, path) for path in recipe["files"]})}
    with app.open_here(work / "node") as here:
        copy = _copied(recipe, data, work / "raw")
        names = sorted(path.stem for path in (HERE / domain / "mappings").glob("*.yaml"))
        rows = {name: _built(here, domain, name, copy) for name in names}
        figures["tables"] = {name: _told(row) for name, row in rows.items()}
        figures["steps"] = _stepped(here, recipe["steps"], rows)
        figures["suspicions"] = _suspected(here, domain, recipe["suspects"], copy)
        figures["planted"] = _dirty(here, domain, recipe, data, work / "dirty", rows)
        if "licence_terms" in recipe:
            figures["refused"] = _refused(here, recipe)
    return figures


def _licence(recipe: dict[str, Any], path: str) -> str:
    """The licence of a file; "the same" is that of the file before it."""
    said = ""
    for name, facts in recipe["files"].items():
        said = said if facts["licence"] == "the same" else str(facts["licence"])
        if name == path:
            break
    return said


def _copied(recipe: dict[str, Any], data: Path, to: Path) -> Path:
    for path in recipe["files"]:
        (to / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(data / path, to / path)
    return to


def _built(here: app.Here, domain: str, mapping: str, data: Path, resource: str = "") -> dict[str, Any]:
    began = time.perf_counter()
    with here.store.begin(here.person, "harmonise") as tx:
        row = harmonise.build(
            tx, workspace=str(HERE / domain), mapping=mapping, resource=resource or mapping, data=str(data)
        )
    return {**row, "seconds": round(time.perf_counter() - began, 2)}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "read": row["read"], "written": row["harmonised"], "quarantined": row["quarantined"], "reasons": row["reasons"],
        "repairs": {f"{r['state']}:{r['rule']} {r['column']}": r["values"] for r in row["repairs"]},
        "grade": row["quality"]["grade"], "score": row["quality"]["score"], "seconds": row["seconds"],
    }  # fmt: skip


def _stepped(here: app.Here, steps: dict[str, Any], rows: dict[str, dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What the recipe's own steps make of the harmonised tables; steps of up to 20 rows are shown."""
    plan = Plan(tuple(Step(step["name"], step["sql"]) for step in steps["plan"]), tuple(steps["inputs"]))
    with here.store.read(here.person) as tx:
        inputs = {
            name: pq.read_table(harmonise.current(tx, rows[name]["resource"])["path"]) for name in steps["inputs"]
        }
    result = engine.run(plan, inputs, want=tuple(step.name for step in plan.steps))
    tables = {name: table.to_pylist() for name, table in result.tables.items() if table.num_rows <= 20}
    return {name: [plain(row) for row in table] for name, table in tables.items()}


def _suspected(here: app.Here, domain: str, asked: list[dict[str, str]], data: Path) -> list[str]:
    """What the software suspects of the raw files by itself."""
    with here.store.read(here.person) as tx:
        found = [
            one
            for what in asked
            for one in harmonise.suspicions(tx, workspace=str(HERE / domain), data=str(data), **what)
        ]
    return [f"{one['kind']} {', '.join(one['columns'])}: {one['en']}" for one in found]


def _dirty(
    here: app.Here, domain: str, recipe: dict[str, Any], data: Path, folder: Path, clean: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Per file with planted dirt: how much of it was told as what it is, and what was said of other rows besides."""
    figures, told = {}, recipe["dirt"]
    for path in [path for path in told if path != "seed"]:
        copy = _copied(recipe, data, folder)  # afresh: what is wrong with one file shall not show in another
        found = planted(copy / path, told[path], told["seed"])
        name = told[path]["mapping"]
        dirty = _built(here, domain, name, copy, f"{name}-dirty")
        before = {row["row"] for row in _table(here, clean[name], "quarantine")}
        figures[name] = {**_told(dirty), **_found(here, found, dirty, before)}
    return figures


def _found(here: app.Here, dirt: list[Planted], row: dict[str, Any], before: set[int]) -> dict[str, Any]:
    held = {entry["row"]: entry["reason"] for entry in _table(here, row, "quarantine")}
    fixed: dict[int, set[str]] = {}
    for entry in _table(here, row, "repairs"):
        fixed.setdefault(entry["row"], set()).add(f"{entry['state']}:{entry['rule']}")
    kinds: dict[str, Counter[str]] = {}
    for one in dirt:
        seen = {held[one.row]} if one.row in held else fixed.get(one.row, set())
        what = "found" if one.expect in seen else "held for another reason" if one.row in held else "missed"
        kinds.setdefault(f"{one.kind} -> {one.expect}", Counter())[what] += 1
    strewn = {one.row for one in dirt}
    return {
        "kinds": {kind: {"planted": count.total(), **count} for kind, count in kinds.items()},
        "planted": len(dirt), "found": sum(count["found"] for count in kinds.values()),
        "others_held": len(set(held) - strewn - before),
    }  # fmt: skip


def _table(here: app.Here, row: dict[str, Any], name: str) -> list[dict[str, Any]]:
    path = here.config.folder / "data" / "harmonised" / row["resource"] / row["id"] / f"{name}.parquet"
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def _refused(here: app.Here, recipe: dict[str, Any]) -> list[str]:
    """What the licence forbids, as the node says it to who wants to build a product over the resource."""
    terms = recipe["licence_terms"]
    with here.store.begin(here.person, "register") as tx:
        declared = register.declare_resource(
            tx, name_zh=recipe["title"]["zh"], name_en=recipe["title"]["en"], abstract=recipe["title"]["en"],
            standard="transformer_reading", source_kind="003", source_statement=next(iter(recipe["files"].values()))["source"],
            licence=terms["name"], licence_terms={key: terms[key] for key in ("commercial", "derivatives", "attribution")},
            public_data=False, personal=False, grade=1, update_frequency="009", area="5201",
        )  # fmt: skip
        said = authorise.cleared(tx, inputs=[declared["id"]], purpose=PURPOSE, act="build")
    return [problem["en"] for problem in said["problems"] if terms["name"] in problem["en"]]


def _sample_digests() -> dict[str, str]:
    digests: dict[str, str] = yaml.safe_load((SAMPLES / "digests.yaml").read_text("utf-8"))
    return digests


def without_seconds(figures: Any) -> Any:
    """The figures that must come out the same every time."""
    if isinstance(figures, dict):
        return {key: without_seconds(value) for key, value in figures.items() if key != "seconds"}
    return [without_seconds(value) for value in figures] if isinstance(figures, list) else figures


def reported(figures: dict[str, Any]) -> list[str]:
    """The figures in words."""
    lines = [
        f"  {name}: {table['read']} read = {table['written']} written + {table['quarantined']} quarantined "
        f"{table['reasons'] or ''}, grade {table['grade']}, {table['seconds']} s"
        for name, table in figures["tables"].items()
    ]
    for name, table in figures["planted"].items():
        lines.append(
            f"  {name} with dirt: {table['found']} of {table['planted']} found, {table['others_held']} others held"
        )
        lines += [
            f"    {kind}: {count}" for kind, count in table["kinds"].items() if count.get("found") != count["planted"]
        ]
    lines += [f"  suspected: {line}" for line in figures["suspicions"]]
    for name, rows in figures["steps"].items():
        lines += [
            f"  {name}:",
            *("    " + ", ".join(f"{column} {value}" for column, value in row.items()) for row in rows),
        ]
    return lines + [f"  a product over it: {said}" for said in figures.get("refused", [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("domains", nargs="*", help=", ".join(DOMAINS))
    parser.add_argument("--samples", action="store_true", help="run on the samples of this repository")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in {RESULTS.relative_to(ROOT)}")
    asked = parser.parse_args()
    if unknown := set(asked.domains) - set(DOMAINS):
        parser.error(f"no such domain: {', '.join(sorted(unknown))}")
    data, key = (SAMPLES, "samples") if asked.samples else (DATA, "domains")
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.is_file() else {"domains": {}, "samples": {}}
    for domain in asked.domains or DOMAINS:
        if why := missing(domain, data):
            print(f"{domain}: left out. " + "; ".join(why), file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix=f"datong-{domain}-") as work:
            figures = measured(domain, data, Path(work))
        results[key][domain] = figures
        print("\n".join([f"{domain}:", *reported(figures)]), flush=True)
        if asked.write:
            RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
