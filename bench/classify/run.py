"""Measures finding personal data: the generated benchmark on the held-out seed, real and foreign tables by their key.

    .venv/bin/python bench/classify/run.py     (real tables where DATONG_DATA names the folder of data)

Writes bench/results/classify.json. Shares are of columns; nothing here is timed.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
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
    held = result["generated_held_out"]
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
        .replace("@seed@", str(held["seed"]))
    )  # fmt: skip


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def main() -> None:
    data = os.environ.get("DATONG_DATA")
    result: dict[str, Any] = {"generated_held_out": generated(make.HELD_OUT)}
    if data and Path(data).is_dir():
        result["real"] = real(Path(data))
    RESULTS.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", "utf-8")
    if "real" in result:
        PAGE.write_text(page_of(result), "utf-8")
    shown = {
        name: result["generated_held_out"][name] for name in ("precision", "recall", "others", "others_left_alone")
    }
    sys.stdout.write(f"held out {shown}\n")
    for name, table in result.get("real", {}).get("tables", {}).items():
        sys.stdout.write(f"{name}: {table['right']} of {table['columns']} {table['wrong'] or ''}\n")


if __name__ == "__main__":
    main()
