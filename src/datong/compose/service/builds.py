"""Supplies received, builds and versions of a product.

A build joins the supplies by group id, checks them against the agreed partition, passes the release gate for the
intended recipient and leaves one parquet file, written staged and renamed after the commit.
Must never know: prices, raw rows. Contract: tests/compose/test_compose_builds.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
import pyarrow.parquet as pq

from datong.authorise import service as authorise
from datong.compose import rules, store
from datong.compose.model import BAD_SUPPLY, FILE_CHANGED, NO_FOLDER, NOT_READY, UNKNOWN, PartitionState
from datong.compose.service.partitions import partition
from datong.deidentify import service as deidentify
from datong.deidentify.model.joint import Recipe
from datong.ground import evidence, signing
from datong.ground.canonical import digest_bytes
from datong.ground.db import Store, Tx, Window, new_id
from datong.ground.refusal import Problem
from datong.ground.staging import flush
from datong.harmonise import service as harmonise
from datong.register import service as register
from datong.terms.roles import Role
from datong.terms.verbs import verb, view

STAGED = ".staged"
PLACE = (
    ("group_id", pa.string()), ("level", pa.int64()), ("area_km", pa.int64()), ("cell_x", pa.int64()),
    ("cell_y", pa.int64()), ("window_start", pa.timestamp("us", "UTC")), ("window_end", pa.timestamp("us", "UTC")),
    ("rest", pa.bool_()),
)  # fmt: skip
"""Columns that say where and when a group is; area_km and the cell are empty for the whole area."""
PATTERN = (
    ("window_days", pa.string()), ("window_from_hour", pa.int64()), ("window_until_hour", pa.int64()),
    ("rest_of_level", pa.int64()),
)  # fmt: skip
"""Besides, where a recipe is patterned: weekdays or weekend, or empty for all days of the window; the local hours of
each of its days, a night from 21 to 6, empty for all; the level whose groups a marginal tells once more, empty for
groups: leave those rows out of sums."""

Listener = Callable[[dict[str, Any]], None]
_FOLDERS: WeakKeyDictionary[Store, Path] = WeakKeyDictionary()
VERSION = "compose.version"


def install(store_: Store, folder: Path) -> None:
    """Tell this process where the node's files live (once, by app or a test)."""
    _FOLDERS[store_] = folder


def received_supply(tx: Tx, *, agreement: str, resource: str, path: str, digest: str, rows: int) -> dict[str, Any]:
    """Keep a provider's table that was delivered under `agreement`, once it fits the agreed partition.

    path: absolute, or inside the node's folder. The same file again changes nothing.
    """
    row = _partition_by(tx, agreement, resource)
    known = store.supplies_of(tx, row["id"]).get(resource)
    if known is not None and (known["digest"], known["path"]) == (digest, path):
        return known
    table = _read(tx, row, resource, path, digest)
    if table.num_rows != rows:
        problem = Problem("rows", f"文件有 {table.num_rows} 行", f"the file has {table.num_rows} rows")
        raise BAD_SUPPLY([problem], resource=resource, count=1)
    supply = {
        "id": new_id("supply"), "partition": row["id"], "resource": resource, "agreement": agreement, "path": path,
        "digest": digest, "rows": rows, "number": 1 + (known["number"] if known else 0), "at": tx.now,
    }  # fmt: skip
    tx.add(store.supplies, supply)
    evidence.append(tx, "compose.supply_received", store.supplies, supply["id"], partition=row["id"],
                    resource=resource, agreement=agreement, digest=digest, rows=rows)  # fmt: skip
    return supply


def is_supply(tx: Tx, agreement: str) -> bool:
    """Whether this node composes a product from what that agreement delivers."""
    return any(s["agreement"] == agreement for row in store.standing_partitions(tx) for s in row["supplies"])


@verb(Role.product_manager, Role.data_engineer)
def build(tx: Tx, *, product: str, recipient_group: str, purpose: str | None = None) -> dict[str, Any]:
    """Build the product from the supplies received: join by group, check, pass the gate, write a version.

    recipient_group: the intended recipient, whose assessment record the gate takes; purpose: one of the recipe's
    (default: all of them must be cleared). The same inputs and record again give the version that is there.
    """
    row = _ready(tx, product)
    inputs = [supply["resource"] for supply in row["supplies"]]
    for wanted in [purpose] if purpose else row["recipe"]["purposes"]:
        authorise.require_clearance(tx, inputs=inputs, purpose=wanted, act="build")
    received = store.supplies_of(tx, row["id"])
    tables = {resource: _read(tx, row, resource, s["path"], s["digest"]) for resource, s in received.items()}
    account: dict[str, Any] = {}
    for table in tables.values():
        account |= _facts(table).get("account", {})
    composed = _composed(tx, row, [tables[resource] for resource in inputs])
    return _version(tx, row, composed, account, recipient_group=recipient_group)


def concerned(tx: Tx, recipe: Mapping[str, Any]) -> list[str]:
    """Whom an assessor of a product must be independent of: this party and the owners of the recipe's inputs, who
    earn from it."""
    owners = {str(register.resource(tx, part["resource"])["owner"]) for part in recipe["parts"]}
    return sorted({signing.me(tx).party, *owners})


def gated_again(tx: Tx, product: str, form: str) -> dict[str, Any]:
    """The risk of the product's latest version as the gate finds it now, for delivery as `form`; or its refusal."""
    latest = version(tx, product=product)
    return deidentify.gate(
        tx, dataset=product, recipient_group=latest["recipient_group"], form=form, path=Path(latest["path"]),
        providers=concerned(tx, latest["recipe"]), recipe=latest["recipe"],
    )  # fmt: skip


@view()
def version(tx: Tx, *, product: str, version: int | None = None) -> dict[str, Any]:
    """A version of a product (default: the latest): file, digest, risk, shares kept, inputs."""
    found = store.versions_of(tx, product)
    if not found or not 1 <= (version or 1) <= len(found):
        raise UNKNOWN(thing="version of product", id=f"{product} {version or ''}".strip())
    return _whole(tx, found[(version or 0) - 1])


def supplied(tx: Tx, *, product: str) -> list[dict[str, Any]]:
    """The supplies in the latest version of a product, {resource, agreement, digest, rows}; none without a version."""
    found = store.versions_of(tx, product)
    return list(found[-1]["inputs"]) if found else []


@view()
def versions(tx: Tx, *, id: str = "", limit: int | None = None, offset: int = 0) -> list[dict[str, Any]]:
    """The versions of all products, oldest first, with risk figures and shares kept.

    id: one alone. limit, offset: how many, after how many.
    """
    names = ("id", "product", "version", "rows", "digest", "recipient_group", "risk", "kept", "partition", "at")
    return [{name: row[name] for name in names} for row in store.all_versions(tx, Window(id, limit, offset))]


@view()
def lineage(tx: Tx, *, product: str) -> dict[str, Any]:
    """What each column of a product is made of: elements of its resources and, of those built here, source columns.

    Of its latest version; in the shape of `harmonise.lineage`, with the resources as tables. Refuses: CMP-404.
    """
    found = store.versions_of(tx, product)
    if not found:
        raise UNKNOWN(thing="version of product", id=product)
    return _lineage(tx, found[-1])


def _lineage(tx: Tx, version_: Mapping[str, Any]) -> dict[str, Any]:
    told = rules.lineage_of(deidentify.recipe_from(version_["recipe"]))
    own = [resource for resource in told["tables"] if harmonise.is_built(tx, resource)]
    known = {resource: harmonise.lineage(tx, resource=resource) for resource in own}
    return {"resource": version_["product"], "build": version_["id"], **rules.traced(told, known)}


def on_version(store_: Store, listener: Listener) -> None:
    """From now on `listener` is called with every new version of `store_` and its lineage, after the commit."""
    store_.listen(VERSION, listener)


def _tell(store_: Store, id_: str) -> None:
    def told(tx: Tx) -> dict[str, Any] | None:
        row = tx.get(store.versions, id_)
        return None if row is None else {**row, "lineage": _lineage(tx, row)}

    store_.tell(VERSION, told)


def sweep(tx: Tx) -> None:
    """At the start of the node: finish files whose version was committed, drop files whose version was not."""
    folder = _folder(tx)
    known = {str(folder / row["path"]): row for row in store.all_versions(tx)}
    products = folder / "products"
    for staged in sorted(products.glob(f"*/*{STAGED}")) if products.is_dir() else []:
        row = known.get(str(staged)[: -len(STAGED)])
        if row is not None and digest_bytes(staged.read_bytes()) == row["digest"]:
            staged.rename(str(staged)[: -len(STAGED)])
        else:
            staged.unlink()


def _whole(tx: Tx, row: dict[str, Any]) -> dict[str, Any]:
    """A version with the absolute path of its file, which is there and is what its digest says."""
    file = _folder(tx) / row["path"]
    _land(file, row["digest"], row["product"])
    return {**row, "path": str(file)}


def _ready(tx: Tx, product: str) -> dict[str, Any]:
    """The latest partition of the product, agreed and with every supply there; CMP-411 says what is missing."""
    found = store.standing_partitions(tx, product=product)
    if not found:
        raise UNKNOWN(thing="partition of product", id=product)
    row = found[-1]
    if row["state"] != PartitionState.agreed:
        waiting = partition(tx, id=row["id"])["waiting_on"]
        problems = [
            Problem(w["resource"], f"等待节点 {w['node']} 答复", f"waits for node {w['node']}") for w in waiting
        ]
        raise NOT_READY(problems, product=product, count=len(problems))
    there = store.supplies_of(tx, row["id"])
    missing = [
        Problem(
            s["resource"], f"合约 {s['agreement']} 下尚未收到", f"nothing received under agreement {s['agreement']}"
        )
        for s in row["supplies"]
        if s["resource"] not in there
    ]
    if missing:
        raise NOT_READY(missing, product=product, count=len(missing))
    return row


def _partition_by(tx: Tx, agreement: str, resource: str) -> dict[str, Any]:
    serving: list[dict[str, Any]] = [
        row
        for row in store.standing_partitions(tx)
        if any((s["agreement"], s["resource"]) == (agreement, resource) for s in row["supplies"])
    ]
    if not serving:
        raise UNKNOWN(thing="partition of agreement", id=agreement)
    if serving[-1]["state"] != PartitionState.agreed:
        problem = Problem(serving[-1]["id"], "分区尚未商定", "the partition is not agreed yet")
        raise BAD_SUPPLY([problem], resource=resource, count=1)
    return serving[-1]


def _told_problems(row: dict[str, Any], resource: str, table: pa.Table) -> list[Problem]:
    """What a provider wrote into the table's metadata that does not fit the partition."""
    problems, facts = [], _facts(table)
    for name, wanted in (("partition", row["id"]), ("groups_digest", row["groups_digest"])):
        if facts.get(name, wanted) != wanted:
            problems.append(Problem(name, "属于另一分区", "belongs to another partition"))
    plan = deidentify.recipe_from(row["recipe"])
    measures = [measure.name for measure in plan.part_of(resource).measures]
    return problems + rules.account_problems(facts.get("account", {}), measures, [one.label for one in plan.levels])


def _groups(tx: Tx, row: dict[str, Any]) -> list[deidentify.Group]:
    return deidentify.groups_of(deidentify.recipe_from(row["recipe"]), store.passed_of(tx, row["id"]))


def _facts(table: pa.Table) -> dict[str, Any]:
    """What the provider wrote into the table's metadata; nothing when a delivery did not keep it."""
    try:
        value = json.loads((table.schema.metadata or {}).get(deidentify.METADATA, b"{}"))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _composed(tx: Tx, row: dict[str, Any], tables: list[pa.Table]) -> pa.Table:
    plan = deidentify.recipe_from(row["recipe"])
    places = []
    for group in _groups(tx, row):
        node, level = group.node, plan.rounds[group.node.level]
        start, end = deidentify.window_of(plan, node)
        x, y = node.cell or (None, None)
        places.append(
            {
                "group_id": str(node), "level": node.level, "area_km": level.km, "cell_x": x, "cell_y": y,
                "window_start": start, "window_end": end, "rest": group.rest,
                **(_pattern(plan, node) if plan.patterned else {}),
            }
        )  # fmt: skip
    rows = rules.joined(places, [table.to_pylist() for table in tables])
    columns = [column for part in plan.parts for column in deidentify.figure_columns(part)]
    place = [*PLACE, *(PATTERN if plan.patterned else ())]
    schema = pa.schema([*place, *((name, pa.int64()) for name in columns), ("suppressed_types", pa.string())])
    return pa.Table.from_pylist(rows, schema)


def _pattern(plan: Recipe, node: deidentify.Node) -> dict[str, Any]:
    first, last = deidentify.hours_of(plan.rounds[node.level], node.window) or (None, None)
    rest_of = plan.marginals[node.level - len(plan.levels)].of if deidentify.is_rest(plan, node) else None
    return {
        "window_days": (node.window.days or None) if node.window else None,
        "window_from_hour": first, "window_until_hour": last, "rest_of_level": rest_of,
    }  # fmt: skip


def _version(
    tx: Tx,
    row: dict[str, Any],
    composed: pa.Table,
    account: dict[str, Any],
    *,
    recipient_group: str,
) -> dict[str, Any]:
    product, plan = row["product"], deidentify.recipe_from(row["recipe"])
    earlier = store.versions_of(tx, product)
    number = len(earlier) + 1
    file = _folder(tx) / "products" / product / f"{number}.parquet"
    staged = file.with_name(file.name + STAGED)
    digest = _staged(composed, staged)
    tx.after_rollback.append(lambda: staged.unlink(missing_ok=True))
    gate = deidentify.gate(
        tx,
        dataset=product,
        recipient_group=recipient_group,
        form=plan.form.value,
        path=staged,
        providers=concerned(tx, row["recipe"]),
        recipe=row["recipe"],
    )
    if earlier and (earlier[-1]["digest"], earlier[-1]["risk"]) == (digest, gate):
        staged.unlink()
        return _whole(tx, earlier[-1])
    received = store.supplies_of(tx, row["id"])
    counted = next(((m.name, m.events_as) for part in plan.parts for m in part.measures if m.events_as), None)
    kept = {}
    if counted is not None:
        suppressed = account.get(counted[0], {}).get("suppressed", 0.0)
        labels = [level.label for level in plan.levels]
        if suppressed is not None:  # its owner told it
            kept = rules.shares_kept(composed.to_pylist(), counted[1], labels, float(suppressed))
    values: dict[str, Any] = {
        "id": f"{product}/{number}", "product": product, "version": number, "partition": row["id"],
        "recipe": row["recipe"], "path": str(file.relative_to(_folder(tx))), "digest": digest,
        "rows": composed.num_rows, "recipient_group": recipient_group, "risk": gate, "kept": kept, "account": account,
        "inputs": [{name: received[s["resource"]][name] for name in ("resource", "agreement", "digest", "rows")}
                   for s in row["supplies"]], "at": tx.now,
    }  # fmt: skip
    tx.add(store.versions, values)
    evidence.append(tx, "compose.built", store.versions, values["id"], product=product, rows=values["rows"],
                    digest=digest, partition=row["id"], inputs=values["inputs"], level=gate["level"])  # fmt: skip
    tx.after_commit.append(lambda: _land(file, digest, product))
    tx.after_commit.append(lambda: _tell(tx.store, values["id"]))
    return {**values, "path": str(file)}


def _staged(table: pa.Table, staged: Path) -> str:
    """Write the table beside its final place, flushed to disk; its digest."""
    staged.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, staged, compression="zstd")
    flush(staged)
    return digest_bytes(staged.read_bytes())


def _land(file: Path, digest: str, product: str) -> None:
    """The staged file of a committed version becomes the file; harmless when that was done."""
    staged = file.with_name(file.name + STAGED)
    if staged.exists() and digest_bytes(staged.read_bytes()) == digest:
        staged.rename(file)
    if not file.exists() or digest_bytes(file.read_bytes()) != digest:
        raise FILE_CHANGED(product=product, file=file.name)


def _read(tx: Tx, row: dict[str, Any], resource: str, path: str, digest: str) -> pa.Table:
    """A supply that fits the agreed partition; FILE_CHANGED or BAD_SUPPLY."""
    file = _folder(tx) / path  # an absolute path stands for itself
    if not file.is_file() or digest_bytes(file.read_bytes()) != digest:
        raise FILE_CHANGED(product=row["product"], file=file.name)
    groups = [str(group.node) for group in _groups(tx, row)]
    try:
        table, problems = deidentify.read_supply(file, row["recipe"], resource, groups)
    except (pa.ArrowException, OSError):
        raise FILE_CHANGED(product=row["product"], file=file.name) from None
    if table is not None:
        problems += _told_problems(row, resource, table)
    if problems or table is None:
        raise BAD_SUPPLY(problems[:10], resource=resource, count=len(problems))
    return table


def _folder(tx: Tx) -> Path:
    folder = _FOLDERS.get(tx.store)
    if folder is None:
        raise NO_FOLDER()
    return folder
