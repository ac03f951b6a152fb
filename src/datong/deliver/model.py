"""What a delivery is made of: states and moves of a transfer, decisions, and the refusals of this room.

TRANSFER_MOVES reads line for line like the transfer figure of Dataspace Protocol 2025-1.
Must never know: databases, HTTP. Contract: tests/deliver/test_deliver_moves.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text
from datong.terms.policy import Outcome

FORMAT = "DeltaSharing-PULL"
"""Format of a distribution and of a transfer request that asks for Delta Sharing."""

HTTP_PULL, HTTP_PUSH = "HttpData-PULL", "HttpData-PUSH"
"""Formats under which connectors that know nothing of tables give and take the bytes of one file."""

FORMATS = (FORMAT, HTTP_PULL, HTTP_PUSH)

ENDPOINT_TYPE = "urn:datong:endpoint:delta-sharing:1"
"""endpointType of the DataAddress: Delta Sharing, bearer profile version 1."""

HTTP_ENDPOINT = "https://w3id.org/idsa/v4.1/HTTP"
"""endpointType of the DataAddress: one file by HTTP, as other connectors write it."""

EDC = "https://w3id.org/edc/v0.0.1/ns/"
"""Namespace in which Eclipse EDC writes the properties of its data addresses and queries."""

START_BY_HAND = "start"
"""The act of a provider's transfers that a node may leave to a person (deliver.by_hand)."""

DSP_CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"

OWN_WORK = "own_work"
"""Purpose under which the owner's own staff see raw and quarantined rows."""


class State(StrEnum):
    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


FINISHED = (State.COMPLETED, State.TERMINATED)


class Act(StrEnum):
    request = "request"
    start = "start"
    complete = "complete"
    suspend = "suspend"
    terminate = "terminate"


class Side(StrEnum):
    consumer = "consumer"
    provider = "provider"


BOTH = frozenset(Side)
P = frozenset({Side.provider})

TRANSFER_MOVES: dict[tuple[State, Act], tuple[frozenset[Side], State]] = {
    (State.REQUESTED, Act.start): (P, State.STARTED),
    (State.REQUESTED, Act.terminate): (BOTH, State.TERMINATED),
    (State.STARTED, Act.complete): (BOTH, State.COMPLETED),
    (State.STARTED, Act.suspend): (BOTH, State.SUSPENDED),
    (State.STARTED, Act.terminate): (BOTH, State.TERMINATED),
    (State.SUSPENDED, Act.start): (BOTH, State.STARTED),
    (State.SUSPENDED, Act.terminate): (BOTH, State.TERMINATED),
}
"""(state now, act) -> (who may send it, state after). The opening request is no move: it makes the process."""

REPEATS = {Act.start: State.STARTED, Act.complete: State.COMPLETED, Act.suspend: State.SUSPENDED,
           Act.terminate: State.TERMINATED}  # fmt: skip
"""The state that shows a message of this act as already applied."""

PATHS = {Act.request: "request", Act.start: "start", Act.complete: "completion", Act.suspend: "suspension",
         Act.terminate: "termination"}  # fmt: skip
NUMBER = "datong:number"
"""Own property of a message about a transfer: how many its sender has sent about it, this one counted. A message that
was on its way for long cannot undo what was said after it; a peer may leave the number out, or not look at it."""
NUMBER_MAX = 10**9

TYPES = {Act.request: "TransferRequestMessage", Act.start: "TransferStartMessage",
         Act.complete: "TransferCompletionMessage", Act.suspend: "TransferSuspensionMessage",
         Act.terminate: "TransferTerminationMessage"}  # fmt: skip


class GrantState(StrEnum):
    active = "active"
    suspended = "suspended"
    ended = "ended"


@dataclass(frozen=True)
class Verdict:
    """What one check says. step: which check decided; change: the smallest change that would pass."""

    outcome: Outcome
    step: str
    rule: str
    zh: str
    en: str
    change_zh: str = ""
    change_en: str = ""


@dataclass(frozen=True)
class Decision:
    """A recorded answer of the choke point; `id` is its row and the reference kept with usage and evidence."""

    id: str
    agreement: str
    action: str
    verdict: Verdict

    @property
    def allowed(self) -> bool:
        """True when the act may happen now; a conditional answer waits for its preconditions."""
        return self.verdict.outcome is Outcome.allowed


@dataclass(frozen=True)
class Address:
    """Where and with what a consumer pulls: the DataAddress of a transfer, without JSON-LD."""

    endpoint: str
    token: str
    expires: str
    share: str

    def profile(self) -> dict[str, Any]:
        """Delta Sharing profile file, version 1."""
        profile = {"shareCredentialsVersion": 1, "endpoint": self.endpoint, "bearerToken": self.token}
        return {**profile, "expirationTime": self.expires} if self.expires else profile


DENIED = Reason(
    "USE-403",
    Kind.denied,
    Text("「{action}」被拒绝（合同 {agreement}）。", "{action} was refused under agreement {agreement}."),
    Text("{zh}", "{en}"),
    Text("{change_zh}", "{change_en}"),
    rule="TC609-6-2025-15",
    article="7.1.2.4",
)
NO_TOKEN = Reason(
    "USE-401",
    Kind.denied,
    Text("请求未被接受。", "The request was not accepted."),
    Text("访问令牌不存在或已被更换。", "Its bearer token is unknown here or was replaced."),
    Text("请使用最近一次交付所给的凭证，或重新发起传输。",
         "Use the profile of the latest delivery, or request the transfer again."),
)  # fmt: skip
GRANT_OVER = Reason(
    "USE-410",
    Kind.denied,
    Text("数据未交付。", "No data were delivered."),
    Text("{zh}", "{en}"),
    Text("如合同仍有效，请重新发起传输；否则请与提供方联系。",
         "If the agreement is still in force, request the transfer again; otherwise ask the provider."),
)  # fmt: skip
BAD_ADDRESS = Reason(
    "USE-402",
    Kind.denied,
    Text("文件未交付。", "The file was not delivered."),
    Text("文件地址{zh}。", "The file address {en}."),
    Text("请重新查询该表以取得新的地址。", "Query the table again for a new address."),
)
UNKNOWN = Reason(
    "USE-404",
    Kind.unknown,
    Text("没有找到{zh} {id}。", "There is no {en} {id}."),
    Text("它不存在，或不属于您。", "It does not exist, or it is not yours."),
    Text("请核对编号；可用列表查看可用的项目。", "Check the id; the lists show what is available to you."),
)
NOT_NOW = Reason(
    "USE-409",
    Kind.conflict,
    Text("传输 {id} 未执行「{act}」。", "Transfer {id} did not {act}."),
    Text("其状态为 {state}，由{side_zh}发起。", "It is {state}, and the message is the {side}'s."),
    Text("现在可执行：{open}。", "The {side} may now: {open}."),
    rule="Dataspace Protocol 2025-1",
    article="Transfer Process Protocol, state machine",
)
NOT_READY = Reason(
    "USE-411",
    Kind.conflict,
    Text("合同 {agreement} 的数据尚不能放行。", "The data of agreement {agreement} cannot be released yet."),
    Text("{zh}", "{en}"),
    Text("{next_zh}", "{next_en}"),
)
NOT_DELIVERABLE = Reason(
    "USE-412",
    Kind.invalid,
    Text("文件不能交付。", "The file cannot be delivered."),
    Text("其中 {count} 列的类型没有对应的 Delta 类型。",
         "{count} of its columns have types that Delta has no name for."),
    Text("请在配方中转换这些列；时间须带时区（UTC）。",
         "Convert these columns in the recipe; times need a zone (UTC)."),
)  # fmt: skip
NOT_AS_ANNOUNCED = Reason(
    "USE-413",
    Kind.invalid,
    Text("收到的数据未被采用。", "The received data were not kept."),
    Text("{zh}", "{en}"),
    Text("传输已终止；请重新发起，如再次发生请与提供方联系。",
         "The transfer was terminated; request it again, and tell the provider if it recurs."),
)  # fmt: skip
SHOWN = Reason(
    "USE-414",
    Kind.conflict,
    Text("凭证未显示。", "The profile was not shown."),
    Text("合同 {agreement} 没有可显示的凭证：{zh}。", "Agreement {agreement} has no profile to show: {en}."),
    Text("凭证只显示一次；如已遗失，请先用 deliver terminate 终止该传输，再重新发起。",
         "A profile is shown once; if it was lost, end the transfer with deliver terminate and request another."),
)  # fmt: skip
OTHER_FORMAT = Reason(
    "USE-415",
    Kind.invalid,
    Text("传输请求未被接受。", "The transfer request was not accepted."),
    Text("格式 {format} 不受支持；支持：{known}。", "The format {format} is not known here; known: {known}."),
    Text("请按目录中的 distribution 选择格式。", "Choose a format of the dataset's distributions."),
)
TOO_MANY_TRANSFERS = Reason(
    "CTR-508",
    Kind.unavailable,
    Text("传输未开始。", "The transfer was not begun."),
    Text("合约 {agreement} 下需求方发起的传输中，{which_zh}已达 {most} 件。",
         "Under the contract {agreement} {most} transfers that its consumer asked for {which_en}, as many as may."),
    Text("请先完成或终止其中一些，或待其结束、一日期满后重试；提供方可调整 deliver.open_per_contract。",
         "Complete or terminate some of them, or try again when some have ended or the day is over; the provider may "
         "set deliver.open_per_contract."),
)  # fmt: skip
BAD_MESSAGE = Reason(
    "USE-400",
    Kind.invalid,
    Text("消息未被接受。", "The message was not accepted."),
    Text("其中 {count} 处有误。", "{count} of its fields are wrong."),
    Text("请按下列各项修改后重新发送。", "Mend the items listed and send it again."),
)
NOT_OURS = Reason(
    "USE-416",
    Kind.denied,
    Text("「{act}」未执行。", "{act} was not done."),
    Text("本节点不是合同 {agreement} 的{zh}。", "This node is not the {en} of agreement {agreement}."),
    Text("请由该方的节点执行。", "Do it at the node of that side."),
)
NOT_STAFF = Reason(
    "USE-417",
    Kind.denied,
    Text("未显示 {resource} 的原始行。", "No rows of {resource} were shown."),
    Text("{zh}", "{en}"),
    Text("原始与隔离行只供所有者的数据工程师处理本方工作时查看。",
         "Raw and quarantined rows are for a data engineer of the owner, for the owner's own work."),
)  # fmt: skip
AGAIN = Reason(
    "USE-503",
    Kind.unavailable,
    Text("传输 {id} 的数据尚未取得。", "The data of transfer {id} were not fetched yet."),
    Text("{zh}", "{en}"),
    Text("系统会自动重试。", "It is tried again by itself."),
)
