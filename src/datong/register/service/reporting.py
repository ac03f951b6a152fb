"""What a connector sends to its function node about itself: how it runs, and that it wants to leave.

Received by connectors.received_connector_report. Must never know: what stands in the log.
Contract: tests/register/test_register_connectors.py.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from datong.ground import jobs, outbox
from datong.ground.db import Tx
from datong.ground.evidence.leaves import leaves
from datong.register.service.nodes import node
from datong.register.service.spaces import reported
from datong.terms.roles import Role
from datong.terms.verbs import verb


@verb(Role.operator)
def report_running(tx: Tx, *, function_node: str, note: str = "") -> dict[str, Any]:
    """Report running state and a summary of the log to the function node (运行状态与日志上报).

    What stands in the log itself stays here; its size and what was done how often goes, so that it can be asked for.
    The state of the logical spaces this node runs goes with it.
    """
    node(tx, function_node)
    waiting = jobs.open_jobs(tx)
    acts = tx.all(select(leaves.c.act, func.count()).group_by(leaves.c.act).order_by(leaves.c.act))
    counts = {str(act): int(number) for act, number in (tuple(row) for row in acts)}
    body = {
        "kind": "running", "state": "running", "note": note, "open_jobs": len(waiting),
        "anomalies": len([job for job in waiting if job["state"] == "failed"]),
        "log": {"leaves": sum(counts.values()), "acts": counts}, "spaces": reported(tx, function_node),
    }  # fmt: skip
    outbox.send(tx, to=function_node, type="register.connector_report", body=body)
    return body


@verb(Role.operator)
def apply_to_leave(tx: Tx, *, function_node: str, reason: str) -> dict[str, Any]:
    """Ask the function node to deregister this connector (接入连接器注销); its registrar revokes the membership."""
    node(tx, function_node)
    body = {"kind": "leave", "reason": reason}
    outbox.send(tx, to=function_node, type="register.connector_report", body=body)
    return body
