"""The messages of usage control and performance, written from what deliver keeps. Pure but for the signing key.

Contract: tests/wire/ndi/test_ndi_control.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datong.ground.canonical import digest
from datong.ground.keys import PrivateKey
from datong.wire.ndi import contracts


def id36(value: Any) -> str:
    """36 characters that stand for a value: the ids of proofs and terminations."""
    return digest(value).partition(":")[2][:36]


def execution(told: Mapping[str, Any]) -> dict[str, Any]:
    """contractExecution of a kept report. told: deliver's outgoing_control."""
    content, body = told["of"], told["body"]
    form = contracts.form({**content, "code": told["contract"]}, told["card"]["name"])
    executed = {name: body[name] for name in ("executedStrategyId", "executedActions", "executionResult")}
    details = json.dumps(body["executionDetails"], ensure_ascii=False, sort_keys=True)
    return {
        "contractName": form["contractName"], "contractId": told["contract"], "strategy": form["strategy"],
        "executedStrategy": {**executed, "executionDetails": details}, "reportTime": told["at"],
        "contractStatus": body["status"],
    }  # fmt: skip


def feedback(told: Mapping[str, Any], key: PrivateKey, node: str, strategy: str) -> dict[str, Any]:
    message = {"connectorId": node, "contractId": told["contract"], "strategyId": strategy, **told["body"],
               "timestamp": told["at"]}  # fmt: skip
    return contracts.signed_message(key, message)


def stop(told: Mapping[str, Any], key: PrivateKey, node: str, strategy: str) -> dict[str, Any]:
    """abnormalTermination; its table has no signature (U2), Datong adds one beside it."""
    message = {"connectorId": node, "terminationId": id36(told["id"]), "contractId": told["contract"],
               "strategyId": strategy, **told["body"], "timestamp": told["at"]}  # fmt: skip
    return contracts.signed_message(key, message)


def proof(told: Mapping[str, Any], key: PrivateKey, strategy: str) -> dict[str, Any]:
    message = {"proofId": id36(told["id"]), "contractId": told["contract"], "strategyId": strategy, **told["body"],
               "timestamp": told["at"]}  # fmt: skip
    return contracts.signed_message(key, message)


def instruction(filed: Mapping[str, Any], key: PrivateKey, strategy: str, version: int, at: str) -> dict[str, Any]:
    """strategySend: the control instruction with the whole contract. filed: its contractRegistrate."""
    message = {
        "contractId": filed["contractId"], "strategyId": strategy, "strategyVersion": str(version),
        "transactionExecutionStrategy": dict(filed), "issuedAt": at,
    }  # fmt: skip
    return contracts.signed_message(key, message)
