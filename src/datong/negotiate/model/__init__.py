"""What a negotiation is, the moves the Dataspace Protocol 2025-1 allows, and the refusals of this room.

MOVES reads line for line like the specification's figure (negotiation/figures/contract.negotiation.state.machine),
with its prose where they differ: both sides may terminate in every state that is not final. The two openings
(a consumer requests, a provider offers) are constructors, not moves.
"""

from __future__ import annotations

from enum import StrEnum

from datong.ground.refusal import Kind, Reason, Text


class State(StrEnum):
    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class Act(StrEnum):
    request = "request"
    offer = "offer"
    accept = "accept"
    agree = "agree"
    verify = "verify"
    finalize = "finalize"
    terminate = "terminate"


class Party(StrEnum):
    consumer = "consumer"
    provider = "provider"

    @property
    def other(self) -> Party:
        return Party.provider if self is Party.consumer else Party.consumer


BOTH = (Party.consumer, Party.provider)
C, P = (Party.consumer,), (Party.provider,)

MOVES: dict[tuple[State, Act], tuple[tuple[Party, ...], State]] = {
    (State.REQUESTED, Act.offer): (P, State.OFFERED),
    (State.REQUESTED, Act.agree): (P, State.AGREED),
    (State.REQUESTED, Act.terminate): (BOTH, State.TERMINATED),
    (State.OFFERED, Act.request): (C, State.REQUESTED),
    (State.OFFERED, Act.accept): (C, State.ACCEPTED),
    (State.OFFERED, Act.terminate): (BOTH, State.TERMINATED),
    (State.ACCEPTED, Act.agree): (P, State.AGREED),
    (State.ACCEPTED, Act.terminate): (BOTH, State.TERMINATED),
    (State.AGREED, Act.verify): (C, State.VERIFIED),
    (State.AGREED, Act.terminate): (BOTH, State.TERMINATED),
    (State.VERIFIED, Act.finalize): (P, State.FINALIZED),
    (State.VERIFIED, Act.terminate): (BOTH, State.TERMINATED),
}
"""(state now, act) -> (who may do it, state after)."""

OPENINGS = {Act.request: (Party.consumer, State.REQUESTED), Act.offer: (Party.provider, State.OFFERED)}
FINAL = frozenset({State.FINALIZED, State.TERMINATED})

HOLDER: dict[State, tuple[Party | None, Text]] = {
    State.REQUESTED: (Party.provider, Text("等待提供方答复请求", "the provider has to answer the request")),
    State.OFFERED: (Party.consumer, Text("等待使用方答复要约", "the consumer has to answer the offer")),
    State.ACCEPTED: (Party.provider, Text("等待提供方出具合约", "the provider has to draw up the agreement")),
    State.AGREED: (Party.consumer, Text("等待使用方签署确认", "the consumer has to verify and sign")),
    State.VERIFIED: (Party.provider, Text("等待提供方最终确认", "the provider has to finalise")),
    State.FINALIZED: (None, Text("合约已成立", "the contract is concluded")),
    State.TERMINATED: (None, Text("协商已终止", "the negotiation has ended")),
}
"""Whose turn it is in each state, and why it waits."""

BY_HAND = frozenset({Act.agree, Act.finalize})
"""The acts of a provider that follow by themselves unless the node leaves them to a person (negotiate.by_hand)."""

LEFT: dict[Act, Text] = {
    Act.offer: Text("对方还价，等待本方人员答复", "the consumer asked for other terms; a person has to answer"),
    Act.agree: Text("等待本方人员出具合约", "a person has to draw up the agreement"),
    Act.finalize: Text("等待本方人员最终确认", "a person has to finalise"),
}
"""Why a negotiation waits whose next act is left to a person of this node."""

ENDING = Text("终止通知正在送达对方", "the end is on its way to the other side")
"""Why a negotiation waits that this node has ended."""

SIGNED = (
    "id", "code", "dataset", "offer_id", "provider", "consumer", "provider_party", "consumer_party",
    "policy", "policy_hash", "terms", "from", "until", "agreed_at",
)  # fmt: skip
"""The fields of an agreement that both sides sign."""

ANSWER_DAYS = 10
"""Days of the business clock a side has for its answer before the other may let the negotiation lapse."""

BAD_OFFER = Reason(
    "CTR-400",
    Kind.invalid,
    Text("合约请求未被接受。", "The contract request was not accepted."),
    Text("要约内容有 {count} 处有误。", "Mistakes in the offer: {count}."),
    Text("请从提供方目录重新取得要约。", "Take the offer again from the provider's catalogue."),
)
MOVE_REFUSED = Reason(
    "CTR-401",
    Kind.conflict,
    Text("{party} 不能对协商 {negotiation} 执行 {act}。", "The {party} cannot {act} negotiation {negotiation}."),
    Text("其状态为 {state}。", "It is {state}."),
    Text("{party} 现在可以：{open}。", "The {party} may now: {open}."),
    rule="Dataspace Protocol 2025-1",
    article="Contract Negotiation, state machine",
)
OFFER_CHANGED = Reason(
    "CTR-416",
    Kind.conflict,
    Text("对协商 {negotiation} 的答复未执行。", "Negotiation {negotiation} was not answered."),
    Text("读过之后，桌面上的要约已经改变。", "What lies on the table has changed since it was read."),
    Text(
        "请重新打开该协商，阅读现在的要约后再答复。",
        "Open the negotiation again, read what it says now, and answer that.",
    ),
)
NOT_IN_FORCE = Reason(
    "CTR-402",
    Kind.conflict,
    Text("合约 {agreement} 不得履行。", "The contract {agreement} may not be performed."),
    Text("{why_zh}。", "{why_en}."),
    Text("请等待双方签署并最终确认，以及合约生效。",
         "Wait until both sides have signed, it is finalised and its term has begun."),
    rule="TC609-6-2025-14",
    article="7.5.a",
)  # fmt: skip
SPLITS_DIFFER = Reason(
    "CTR-530",
    Kind.conflict,
    Text("产品 {product} 未备妥交付。", "The product {product} was not laid ready."),
    Text("其供给合约所载的分配不同，收费后无法按各方所签分账。",
         "Its supply contracts promise different splits, so that no split of what is paid is what all of them signed."),
    Text("请与各供给方按同一分配续订合约，并重新合成产品。",
         "Renew the supply contracts with one split, and build the product again."),
)  # fmt: skip
BAD_SIGNATURE = Reason(
    "CTR-403",
    Kind.denied,
    Text("合约 {agreement} 不得履行。", "The contract {agreement} may not be performed."),
    Text("签名验证失败：{who}。", "A signature does not verify: {who}."),
    Text("请勿履行；核对双方节点密钥后重新签约。",
         "Do not perform it; compare both nodes' keys and conclude it again."),
    rule="TC609-6-2025-14",
    article="7.5.a",
)  # fmt: skip
ENDED = Reason(
    "CTR-404",
    Kind.conflict,
    Text("合约 {agreement} 不得履行。", "The contract {agreement} may not be performed."),
    Text("{why_zh}。", "{why_en}."),
    Text("请协商新的合约。", "Negotiate a new contract."),
    rule="TC609-6-2025-14",
    article="7.6",
)
PURPOSE_NOT_ALLOWED = Reason(
    "CTR-405",
    Kind.denied,
    Text("数据集 {dataset} 的合约请求被拒绝。", "The request for {dataset} was refused."),
    Text("使用目的 {purpose} 不被允许。", "The purpose {purpose} is not allowed."),
    Text("允许的目的：{allowed}。", "Allowed purposes: {allowed}."),
)
OFFER_DIFFERS = Reason(
    "CTR-406",
    Kind.conflict,
    Text("数据集 {dataset} 的合约请求被拒绝。", "The request for {dataset} was refused."),
    Text("与已发布要约 {offer} 不一致：{where}，应为 {expected}，实为 {given}。",
         "It differs from the published offer {offer} at {where}: {expected} is offered, {given} was asked."),
    Text("请按目录中的要约提出请求。", "Request the offer as it stands in the catalogue."),
)  # fmt: skip
OFFER_NOT_LIVE = Reason(
    "CTR-407",
    Kind.unknown,
    Text("合约请求被拒绝。", "The request was refused."),
    Text("要约 {offer} 不存在或已下架。", "The offer {offer} is not published, or no longer."),
    Text("请重新查询提供方目录。", "Look into the provider's catalogue again."),
)
NOT_CLEARED = Reason(
    "CTR-413",
    Kind.denied,
    Text("未就「{dataset}」订立合约。", "No contract over {dataset} was made."),
    Text("该要约所依据的权利缺少 {count} 项。", "{count} of the rights the offer stands on are missing."),
    Text("请按下列各项由相应主体补齐后再请求。", "Let the party named at each item mend it, and request again."),
)
NO_SUCH = Reason(
    "CTR-408",
    Kind.unknown,
    Text("未找到 {id}。", "There is no {id} here."),
    Text("没有这一协商或合约，或者贵方不是其当事人。", "No such negotiation or contract, or you are no party to it."),
    Text("请核对编号。", "Check the id."),
)
REUSED = Reason(
    "CTR-409",
    Kind.conflict,
    Text("消息未被接受。", "The message was not accepted."),
    Text("编号 {id} 已用于内容不同的消息。", "The id {id} was already used for a message with other content."),
    Text("请用新的编号发送。", "Send it under a new id."),
)
CALLBACK_REFUSED = Reason(
    "CTR-410",
    Kind.invalid,
    Text("合约请求未被接受。", "The contract request was not accepted."),
    Text("回调地址 {address} 不是该节点登记的地址。",
         "The callback address {address} is not at the address registered for the node."),
    Text("请使用登记的节点地址。", "Use the address registered for your node."),
)  # fmt: skip
AGREEMENT_ALTERED = Reason(
    "CTR-411",
    Kind.conflict,
    Text("提供方出具的合约未被签署。", "The agreement drawn up by the provider was not signed."),
    Text("与请求不一致：{where}，请求为 {expected}，合约为 {given}。",
         "It differs from the request at {where}: {expected} was asked, {given} is written."),
    Text("请重新协商。", "Negotiate again."),
)  # fmt: skip
UNSIGNED = Reason(
    "CTR-412",
    Kind.denied,
    Text("合约未成立。", "The contract was not concluded."),
    Text("{who} 的签名缺失或无效。", "The signature of {who} is missing or does not verify."),
    Text("请以登记的节点密钥签署后重新协商。", "Sign with the key registered for the node and negotiate again."),
    rule="TC609-6-2025-14",
    article="7.3.f",
)
NOT_LISTED = Reason(
    "CTR-415",
    Kind.denied,
    Text("数据集 {dataset} 不能要约或签约。", "There can be no offer of {dataset} and no contract over it."),
    Text("本节点没有其在架目录条目。", "It has no live listing at this node."),
    Text("请先通过全部关口上架。", "List it first, through all its gates."),
)
BAD_TERMS = Reason(
    "CTR-414",
    Kind.invalid,
    Text("数据集 {dataset} 的条款不能签约。", "The terms for {dataset} cannot be contracted."),
    Text("其中 {count} 处有误。", "Mistakes in them: {count}."),
    Text("请按下列各项修改后重新要约。", "Mend the items listed and offer again."),
)
BUSY = Reason(
    "CTR-503",
    Kind.unavailable,
    Text("协商 {negotiation} 正在被处理。", "Negotiation {negotiation} is being changed right now."),
    Text("另一消息同时到达。", "Another message arrived at the same moment."),
    Text("请重试。", "Try again."),
)
FINALISING = Reason(
    "CTR-504",
    Kind.unavailable,
    Text("合约 {agreement} 暂不能履行。", "The contract {agreement} cannot be performed yet."),
    Text("最终确认正在送达对方。", "Its finalisation is on its way to the other side."),
    Text("请稍后重试。", "Try again in a moment."),
)
TOO_MANY_OPEN = Reason(
    "CTR-505",
    Kind.unavailable,
    Text("协商未开始。", "The negotiation was not begun."),
    Text("{peer} 在此发起的协商中，{which_zh}已达 {most} 件。",
         "{peer} has opened {most} negotiations here that {which_en}, as many as one peer may."),
    Text("请先结束其中一些，或待其结束、一日期满后重试；提供方可调整 negotiate.open_per_peer。",
         "End some of them, or try again when some have ended or the day is over; the node may set "
         "negotiate.open_per_peer."),
)  # fmt: skip
TOO_MANY_BEGUN = Reason(
    "CTR-507",
    Kind.unavailable,
    Text("合约未发起。", "The contract was not begun."),
    Text("{issuer} 近 {days} 天内发起而尚无协商或备案的合约已达 {most} 份。",
         "Of {most} contracts that {issuer} began in the last {days} days nothing came yet, as many as one node may."),
    Text("请先就其中一些开始协商（在平台：备案），或稍后重试；接收方可调整 negotiate.begun_per_peer。",
         "Negotiate some of them (at a platform: file them), or try again later; the node may set "
         "negotiate.begun_per_peer."),
)  # fmt: skip
PERSON_DECIDES = Text("该要约须由人员同意", "the listing leaves the answer to a person")
