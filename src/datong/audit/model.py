"""What a check can find, and why audit refuses.

Must never know: the database. Contract: tests/audit/.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from datong.ground.refusal import Kind, Reason, Text


class Fault(StrEnum):
    """Kinds of problems; the part before the dot says where to look."""

    record_changed = "record.changed"
    record_missing = "record.missing"
    record_unlogged = "record.unlogged"
    record_unreadable = "record.unreadable"
    leaf_changed = "leaf.changed"
    leaf_forged = "leaf.forged"
    leaf_missing = "leaf.missing"
    leaf_columns = "leaf.columns"
    leaf_order = "leaf.order"
    leaf_late = "leaf.late"
    node_changed = "node.changed"
    node_missing = "node.missing"
    node_extra = "node.extra"
    checkpoint_root = "checkpoint.root"
    checkpoint_signature = "checkpoint.signature"
    checkpoint_missing = "checkpoint.missing"
    cosignature_false = "cosignature.false"
    file_changed = "file.changed"
    file_missing = "file.missing"
    file_unexpected = "file.unexpected"
    log_unreadable = "log.unreadable"
    chain_broken = "chain.broken"
    chain_unproven = "chain.unproven"
    chain_unfit = "chain.unfit"
    ledger_unbalanced = "ledger.unbalanced"
    usage_miscounted = "usage.miscounted"


WORDS: dict[Fault, Text] = {
    Fault.record_changed: Text("记录与其最后一次存证不符", "the record is not as its last leaf ({act}) left it"),
    Fault.record_missing: Text("记录已不在库中", "the record is gone; its last leaf ({act}) knows of no deletion"),
    Fault.record_unlogged: Text("记录没有任何存证", "the record has no leaf: it was put there outside the log"),
    Fault.record_unreadable: Text("记录无法读取", "the record cannot be read"),
    Fault.leaf_changed: Text(
        "存证内容与其在树中的哈希不符", "the leaf's bytes are not those the tree has at its place"
    ),
    Fault.leaf_forged: Text("存证不是本节点写入的", "the leaf was not written by this node: its seal is not"),
    Fault.leaf_missing: Text("此位置没有存证", "there is no leaf at this place"),
    Fault.leaf_columns: Text("存证的索引列与内容不符", "the leaf's columns do not say what its body says"),
    Fault.leaf_order: Text("存证次序与位置不符", "the leaf's place is not the one its order of writing gives"),
    Fault.leaf_late: Text("存证超过十秒未入树", "the leaf has waited over ten seconds for its place"),
    Fault.node_changed: Text("树节点与其子节点不符", "the tree node is not the hash of its children"),
    Fault.node_missing: Text("缺少树节点", "the tree node is missing"),
    Fault.node_extra: Text("多出树节点", "the tree node belongs to no tree of this size"),
    Fault.checkpoint_root: Text("检查点的根与树不符", "the checkpoint's root is not the root of the tree"),
    Fault.checkpoint_signature: Text("检查点签名无效", "the checkpoint is not validly signed by this node"),
    Fault.checkpoint_missing: Text("检查点缺失", "a checkpoint is missing"),
    Fault.cosignature_false: Text("见证签名无效", "the cosignature does not verify"),
    Fault.file_changed: Text("静态文件与库不符", "the file of the log differs from the store"),
    Fault.file_missing: Text("缺少静态文件", "the file of the log is missing"),
    Fault.file_unexpected: Text("多出静态文件", "the file belongs to no log of this size"),
    Fault.log_unreadable: Text("存证表中有无法读取的值", "the tables of the log hold values of a wrong kind"),
    Fault.chain_broken: Text("链条中的记录不在本节点", "a record the chain leads to is not here"),
    Fault.chain_unfit: Text("链条中的记录彼此不符", "the record does not fit the one that led to it"),
    Fault.ledger_unbalanced: Text("分录借贷不平", "the postings of the entry do not sum to zero"),
    Fault.usage_miscounted: Text(
        "使用计数与使用事件不符", "the uses counted under the agreement are not those of its events"
    ),
    Fault.chain_unproven: Text("存证尚无有效的包含证明", "the record's last leaf ({act}) has no valid inclusion proof"),
}


@dataclass(frozen=True)
class Problem:
    """One thing found: what kind, where, and which record and act it concerns, as far as known."""

    fault: Fault
    where: str
    table: str = ""
    id: str = ""
    act: str = ""
    detail: str = ""

    def as_json(self) -> dict[str, Any]:
        text = WORDS[self.fault].filled({"act": self.act})
        return {
            "kind": self.fault.value, "where": self.where, "table": self.table, "id": self.id, "act": self.act,
            "zh": text.zh, "en": text.en, "detail": self.detail,
        }  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A row of the log as the store has it."""

    id: str
    seq: int
    position: int | None
    act: str
    table: str
    record: str
    digest: str
    added_at: str
    body: bytes
    sealed: bool = True

    def problem(self, fault: Fault, detail: str = "") -> Problem:
        where = f"leaf {self.position}" if self.position is not None else f"leaf {self.id}"
        return Problem(fault, where, self.table, self.record, self.act, detail)


BAD_NAME = Reason(
    "AUD-400",
    Kind.invalid,
    Text("存证包未导出。", "The evidence bundle was not exported."),
    Text(
        "名称 {name} 只能含小写字母、数字与连字符。", "The name {name} may hold small letters, digits and hyphens only."
    ),
    Text("请换一个名称。", "Choose another name."),
)
NO_LOG = Reason(
    "AUD-503",
    Kind.unavailable,
    Text("存证包未导出。", "The evidence bundle was not exported."),
    Text("本节点还没有已签名的检查点，或不知道存证文件夹。",
         "This node has no signed checkpoint yet, or does not know its evidence folder."),
    Text("请在节点运行后重试。", "Try again when the node is running."),
)  # fmt: skip
NO_RECORD = Reason(
    "AUD-404",
    Kind.unknown,
    Text("没有 {table} 记录 {id}。", "There is no {table} {id}."),
    Text("本节点库中没有该编号。", "This node's store has none of that id."),
    Text("请核对编号。", "Check the id."),
)
