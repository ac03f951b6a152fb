"""Usage control under a contract of the national rail: the platform's instruction, what is told of its performance.

Must never know: how a message came. Contract: tests/wire/ndi/test_ndi_control.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datong.deliver import service as deliver
from datong.ground import signing
from datong.ground.db import Tx
from datong.ground.refusal import Kind, Problem, Reason, Text
from datong.negotiate import service as negotiate
from datong.negotiate.model import SIGNED
from datong.negotiate.model.national import NOT_YOURS
from datong.negotiate.service import national, platforms
from datong.terms.policy import from_json, policy_hash
from datong.wire.ndi import contracts, strategies
from datong.wire.ndi.routes import Answering, Call
from datong.wire.ndi.serving.contracting import bridged
from datong.wire.ndi.serving.heard import NOT_THE_SENDER, printed, require_signed

NOT_AS_SIGNED = Reason(
    "NDI-416",
    Kind.conflict,
    Text("合约 {contract} 的控制指令未被接受。", "The control instruction for {contract} was not accepted."),
    Text("其中的合约与本方所签不同。", "The contract in it is not the one that was signed here."),
    Text("请下发双方所签的合约。", "Send the contract that both sides have signed."),
)
NOT_OF_CONTRACT = Reason(
    "NDI-419",
    Kind.conflict,
    Text(
        "合约 {contract} 的履行上报未被接受。", "The performance report under the contract {contract} was not accepted."
    ),
    Text("其策略有 {count} 处不是该合约的。", "{count} things in its strategy are not the contract's."),
    Text("请按该合约的策略上报。", "Report the strategy of that contract."),
)


def strategy_send(tx: Tx, call: Call) -> dict[str, Any]:
    """The platform's control instruction: kept when it is signed by our platform and says what we signed."""
    contract = str(call.message["contractId"])
    known = national.find(tx, contract) or _filed_by_other(tx, call, contract)
    if call.node != known["platform"]:
        raise NOT_YOURS(contract=contract[:60])
    require_signed(tx, call, call.node)
    filed = call.message["transactionExecutionStrategy"]
    if not _says_what_was_signed(tx, known, filed):
        raise NOT_AS_SIGNED(contract=contract[:60])
    national.heard_filed_by_issuer(tx, known, filed)
    body = {name: part for name, part in printed(call).items() if name != "contractId"}
    deliver.received_control(tx, sender=call.node, interface=call.interface.id, contract=contract, body=body)
    return {}


def _filed_by_other(tx: Tx, call: Call, contract: str) -> dict[str, Any]:
    """A contract of the other rail that the other side filed, as the platform whose id it is tells us; NOT_YOURS when
    it is not word for word one that this node concluded."""
    filed = call.message["transactionExecutionStrategy"]
    said = bridged(filed) if isinstance(filed, Mapping) else None
    if said is None or filed.get("contractId") != contract or platforms.issuer_of(tx, contract) != call.node:
        raise NOT_YOURS(contract=contract[:60])
    ours = negotiate.agreement(tx, str(said["id"])[:80])
    if any(said[name] != ours[name] for name in SIGNED):
        raise NOT_YOURS(contract=contract[:60])
    require_signed(tx, call, call.node)
    other = "consumer" if ours["provider"] == signing.me(tx).code else "provider"
    request = contracts.asked_for(ours, node=ours[other], party=ours[f"{other}_party"])
    national.heard_filed(tx, contract=contract, request=request, agreement=ours["id"], platform=call.node, filed=filed)
    return national.national(tx, contract)


def _says_what_was_signed(tx: Tx, known: Mapping[str, Any], filed: Any) -> bool:
    """Whether a contract as a platform filed it is the one this node holds; one not concluded here is not known."""
    if not isinstance(filed, Mapping) or filed.get("contractId") != known["id"] or "strategy" not in filed:
        return False
    if not known["agreement"]:
        return True
    read = strategies.understood(contracts.many(filed["strategy"]), str(known["id"]))
    signed = negotiate.agreement(tx, str(known["agreement"]))["policy"]
    return read.policy is not None and policy_hash(read.policy) == policy_hash(from_json(signed))


def contract_execution(tx: Tx, call: Call) -> dict[str, Any]:
    """A report of performance: kept when it is about the product and the provider of the contract it names."""
    answer = told(deliver_body=("strategy", "executedStrategy", "reportTime", "contractStatus"))(tx, call)
    contract, message = str(call.message["contractId"]), call.message
    known = national.find(tx, contract)
    if known is not None and known["agreement"]:
        agreed = negotiate.agreement(tx, str(known["agreement"]))
        product, provider = str(agreed["dataset"]), str(agreed["provider"])
    else:
        filed = platforms.filed_newest(tx, contract)
        product, provider = contracts.dataset_of(filed), contracts.nodes_of(filed, "")[0]
    by = contracts.nodes_of(message, call.node)[0]
    said = {"subjectInfo.dataProductId": (contracts.dataset_of(message), product),
            "executionNodeInfo.providerNodeId": (by, provider)}  # fmt: skip
    problems = [
        Problem(f"strategy.{where}", f"应为合约的 {wanted}", f"should be the contract's, {wanted}")
        for where, (given, wanted) in said.items()
        if given != wanted
    ]
    if problems:
        raise NOT_OF_CONTRACT(problems, contract=contract[:60], count=len(problems))
    return dict(answer or {})


def told(*, signed: bool = False, deliver_body: tuple[str, ...] = ()) -> Answering:
    def answering(tx: Tx, call: Call) -> dict[str, Any]:
        contract = str(call.message["contractId"])
        if signed or "signature" in call.sent:
            require_signed(tx, call, call.node)
        if "connectorId" in call.message and call.message["connectorId"] != call.node:
            raise NOT_THE_SENDER(interface=call.interface.id, name="connectorId")
        names = deliver_body or tuple(name for name in call.message if name != "contractId")
        body = {name: call.message[name] for name in names if name in call.message}
        deliver.received_control(tx, sender=call.node, interface=call.interface.id, contract=contract, body=body)
        return {}

    return answering
