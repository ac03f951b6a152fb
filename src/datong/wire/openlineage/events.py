"""An attempt to build as OpenLineage run events, valid against OpenLineage 2-0-2 and its facets. Pure.

Contract: tests/wire/test_wire_openlineage.py, against the schemas of the specification.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS = "https://openlineage.io/spec/facets/"
PRODUCER = f"urn:datong:{version('datong')}"


def events_of(run: Mapping[str, Any], node: str) -> list[dict[str, Any]]:
    """[START, COMPLETE or FAIL] of one attempt, as `harmonise.lineage_runs` shows it. node: whose it is."""
    namespace = f"datong://{node}"
    job = {"namespace": namespace, "name": f"{run['resource']}.{run['mapping']}", "facets": {"jobType": _job_type()}}
    engine = _facet("1-1-1/ProcessingEngineRunFacet", name="datong", version=version("datong"))
    start = {
        **_event("START", run["began_at"]),
        "run": {"runId": run["id"], "facets": {"processing_engine": engine}},
        "job": job,
        "inputs": [],
        "outputs": [],
    }
    failed = bool(run["code"])
    facets = {"processing_engine": engine}
    if failed:
        message = f"[{run['code']}] {run['en']}"
        facets["errorMessage"] = _facet("1-0-1/ErrorMessageRunFacet", message=message, programmingLanguage="SQL")
    end = {
        **_event("FAIL" if failed else "COMPLETE", run["ended_at"]),
        "run": {"runId": run["id"], "facets": facets},
        "job": job,
        "inputs": _inputs(run, namespace),
        "outputs": [] if failed else [_output(run, namespace)],
    }
    return [start, end]


def version_events(made: Mapping[str, Any], node: str) -> list[dict[str, Any]]:
    """[START, COMPLETE] of a product's version, as `compose.on_version` tells it: its resources are its inputs."""
    namespace, lineage = f"datong://{node}", made["lineage"]
    engine = _facet("1-1-1/ProcessingEngineRunFacet", name="datong", version=version("datong"))
    run_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{made['id']}"))
    run = {"runId": run_id, "facets": {"processing_engine": engine}}
    job = {"namespace": namespace, "name": f"{made['product']}.compose", "facets": {"jobType": _job_type()}}
    common = {"run": run, "job": job}
    inputs = []
    for one in made["inputs"]:
        counted = _facet("1-0-0/InputStatisticsInputDatasetFacet", rowCount=one["rows"])
        inputs.append({"namespace": namespace, "name": one["resource"], "inputFacets": {"inputStatistics": counted}})
    written = _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=made["rows"], fileCount=1)
    output = {
        "namespace": namespace,
        "name": made["product"],
        "facets": {
            "version": _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=made["id"]),
            "schema": _schema(lineage),
            "columnLineage": _columns(
                lineage, lambda used: {"namespace": namespace, "name": used["table"]}, masking=True
            ),
        },
        "outputFacets": {"outputStatistics": written},
    }
    start = {**_event("START", made["at"]), **common, "inputs": [], "outputs": []}
    return [start, {**_event("COMPLETE", made["at"]), **common, "inputs": inputs, "outputs": [output]}]


Placed = Callable[[Mapping[str, Any]], dict[str, Any]]
"""From an input of a lineage to its dataset."""


def _columns(lineage: Mapping[str, Any], placed: Placed, *, masking: bool) -> dict[str, Any]:
    """Column by column what went in. masking: no row comes back from what came out."""

    def given(used: Mapping[str, Any], how: str) -> dict[str, Any]:
        step = {"type": used["kind"], "subtype": used["part"], "description": how, "masking": masking}
        return {**placed(used), "field": used["column"], "transformations": [step]}

    fields = {
        field["element"]: {
            "inputFields": [given(used, field["how"] if used["kind"] == "DIRECT" else "") for used in field["inputs"]]
        }
        for field in lineage["fields"]
    }
    whole = [given(used, "") for used in lineage["whole"]]
    return _facet("1-2-0/ColumnLineageDatasetFacet", fields=fields, dataset=whole)


def _event(kind: str, at: str) -> dict[str, Any]:
    return {"eventType": kind, "eventTime": at, "producer": PRODUCER, "schemaURL": SPEC}


def _facet(name: str, /, **said: Any) -> dict[str, Any]:
    """A facet; name: its version and class."""
    return {"_producer": PRODUCER, "_schemaURL": f"{FACETS}{name}.json#/$defs/{name.partition('/')[2]}", **said}


def _job_type() -> dict[str, Any]:
    return _facet("2-0-4/JobTypeJobFacet", processingType="BATCH", integration="DATONG", jobType="BUILD")


def _inputs(run: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
    lineage = run["lineage"]
    if lineage is None:
        return [_dataset(namespace, run["source"], run["source"])] if run["source"] else []
    inputs = [_dataset(namespace, run["source"], table) for table in lineage["tables"]]
    counted = _facet("1-0-0/InputStatisticsInputDatasetFacet", rowCount=run["read"])
    inputs[0]["inputFacets"] = {"inputStatistics": counted}
    return inputs


def _dataset(namespace: str, source: str, table: str) -> dict[str, Any]:
    return {"namespace": f"{namespace}/sources", "name": source if table == source else f"{source}.{table}"}


def _output(run: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    lineage = run["lineage"]
    output: dict[str, Any] = {"namespace": namespace, "name": run["resource"], "facets": {}}
    data = (run["files"] or {}).get("harmonised.parquet", {})
    written = _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=run["harmonised"], fileCount=1)
    output["outputFacets"] = {"outputStatistics": {**written, "size": data["bytes"]} if "bytes" in data else written}
    output["facets"]["version"] = _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=run["build"])
    if lineage is not None:
        columns = _columns(lineage, lambda used: _dataset(namespace, run["source"], used["table"]), masking=False)
        output["facets"] |= {"schema": _schema(lineage), "columnLineage": columns}
    if run["rules"]:
        assertions = [_assertion(rule) for rule in run["rules"] if rule["executed"]]
        output["facets"]["dataQualityAssertions"] = _facet(
            "1-1-0/DataQualityAssertionsDatasetFacet", assertions=assertions
        )
    return output


def _schema(lineage: Mapping[str, Any]) -> dict[str, Any]:
    fields = [
        {"name": field["element"], "type": field["type"], "description": f"{field['zh']} {field['en']}"}
        for field in lineage["fields"]
    ]
    return _facet("1-2-0/SchemaDatasetFacet", fields=fields)


def _assertion(rule: Mapping[str, Any]) -> dict[str, Any]:
    said = {
        "assertion": rule["metric"] or rule["type"], "success": bool(rule["holds"]), "name": rule["name"],
        "expected": f"{rule['must']} {rule['threshold']}", "actual": str(rule["figure"]),
    }  # fmt: skip
    return {**said, "column": rule["column"]} if rule["column"] else said
