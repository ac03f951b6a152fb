"""Measures finding personal data: the generated benchmark, real and foreign tables by their key.

    .venv/bin/python bench/classify/run.py            (real tables where DATONG_DATA names the folder of data)
    .venv/bin/python bench/classify/run.py --blind    draws a seed nobody has seen and measures it, once

Writes bench/results/classify.json. A blind figure is kept with its day until the next is drawn: it is of the detector of
that day. Shares are of columns; nothing here is timed.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import make
import yaml
from measured import measured

from datong.deidentify.service.classifying import classify, findings_of

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "classify.json"
PAGE = HERE.parents[1] / "docs" / "reference" / "classify-measures.md"


def generated(seed: int) -> dict[str, Any]:
    pairs: list[tuple[str, str]] = []
    traps: dict[str, Counter[str]] = {}
    for table in make.tables(seed):
        found = findings_of({column.name: column.values for column in table})
        for column, finding in zip(table, found, strict=True):
            pairs.append((column.label, finding.type))
            if column.hard:
                traps.setdefault(column.hard, Counter())[finding.type] += 1
    hard = {
        name: {"columns": sum(said.values()), "left_alone": said["other"],
               "taken_for": dict(sorted((n, c) for n, c in said.items() if n != "other"))}
        for name, said in sorted(traps.items())
    }  # fmt: skip
    return {"seed": seed, "tables": make.TABLES, "rows": make.ROWS, **measured(pairs), "hard_negatives": hard}


def real(data: Path) -> dict[str, Any]:
    key: dict[str, Any] = yaml.safe_load((HERE / "real.yaml").read_text("utf-8"))
    tables: dict[str, Any] = {}
    every: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
    for name, said in key.items():
        columns = classify(data / name)["columns"]
        known = said["columns"]
        strange = set(known) - {column["column"] for column in columns}
        assert not strange, f"{name} has no columns {strange}"
        pairs = [(known.get(column["column"], "other"), column["type"]) for column in columns]
        every[bool(said.get("unseen"))] += pairs
        one = measured(pairs)
        wrong = {
            column["column"]: f"{label} found as {column['type']}"
            for column, (label, _) in zip(columns, pairs, strict=True) if label != column["type"]
        }  # fmt: skip
        tables[name] = {"unseen": bool(said.get("unseen")), "columns": len(pairs), "right": sum(a == b for a, b in pairs),
                        "precision": one["precision"], "recall": one["recall"], "wrong": wrong}  # fmt: skip
    return {"tables": tables, "seen_headers": measured(every[False]), "unseen_headers": measured(every[True])}


def page_of(result: dict[str, Any]) -> str:
    held, blind = result["generated"], result["blind"]
    types = [
        f"| {name} | {row['columns']} | {row['found']} | {row['right']} | {_share(row['precision'])} | {_share(row['recall'])} |"
        for name, row in held["types"].items() if row["columns"]
    ]  # fmt: skip
    traps = [
        f"| {name} | {row['columns']} | {row['left_alone']} | {', '.join(f'{n} {c}' for n, c in row['taken_for'].items())} |"
        for name, row in held["hard_negatives"].items()
    ]  # fmt: skip
    tables = [
        f"| {name} | {row['columns']} | {row['right']} | {'; '.join(f'{c}: {w}' for c, w in row['wrong'].items())} |"
        for name, row in result["real"]["tables"].items()
    ]  # fmt: skip
    seen, unseen = result["real"]["seen_headers"], result["real"]["unseen_headers"]
    return (
        (HERE / "page.txt").read_text("utf-8")
        .replace("@precision@", _share(held["precision"])).replace("@recall@", _share(held["recall"]))
        .replace("@others@", f"{held['others_left_alone']} of {held['others']}").replace("@columns@", str(held["columns"]))
        .replace("@types@", "\n".join(types)).replace("@traps@", "\n".join(traps)).replace("@tables@", "\n".join(tables))
        .replace("@seen@", f"{_share(seen['precision'])} and {_share(seen['recall'])} over {seen['columns']} columns")
        .replace("@unseen@", f"{_share(unseen['precision'])} and {_share(unseen['recall'])} over {unseen['columns']} columns")
        .replace("@seed@", str(held["seed"])).replace("@blind_seed@", str(blind["seed"]))
        .replace("@blind_at@", blind["at"][:10]).replace("@blind_columns@", str(blind["columns"]))
        .replace("@blind_precision@", _share(blind["precision"])).replace("@blind_recall@", _share(blind["recall"]))
        .replace("@blind_others@", f"{blind['others_left_alone']} of {blind['others']}")
    )  # fmt: skip


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def main() -> None:
    data = os.environ.get("DATONG_DATA")
    kept: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    result: dict[str, Any] = {"generated": generated(make.MEASURED), "blind": kept.get("blind")}
    if "--blind" in sys.argv:
        result["blind"] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **generated(secrets.randbelow(2**31))}
    if data and Path(data).is_dir():
        result["real"] = real(Path(data))
    RESULTS.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if "real" in result:
        PAGE.write_text(page_of(result), "utf-8")
    shown = {
        seed: {name: result[seed][name] for name in ("precision", "recall", "others", "others_left_alone")}
        for seed in ("generated", "blind") if result[seed]
    }  # fmt: skip
    sys.stdout.write(f"{shown}\n")
    for name, table in result.get("real", {}).get("tables", {}).items():
        sys.stdout.write(f"{name}: {table['right']} of {table['columns']} {table['wrong'] or ''}\n")


if __name__ == "__main__":
    main()
