"""Values of the room: states of a partition, and every refusal.

Must never know: databases, prices. Contract: tests/compose/.
"""

from __future__ import annotations

from enum import StrEnum

from datong.ground.refusal import Kind, Reason, Text


class PartitionState(StrEnum):
    """asking: rounds go on, one per level; agreed: the groups are fixed and supplies may be counted; cancelled: given
    up before that, it blocks nothing."""

    asking = "asking"
    agreed = "agreed"
    cancelled = "cancelled"


BAD_PRODUCT_RECIPE = Reason(
    "CMP-400",
    Kind.invalid,
    Text("产品 {product} 的配方未被接受。", "The recipe of product {product} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
BAD_SUPPLIES = Reason(
    "CMP-401",
    Kind.invalid,
    Text("产品 {product} 的分区未提出。", "No partition of product {product} was proposed."),
    Text("供给方与配方不符，{count} 处有误。", "The supplies do not fit the recipe; mistakes: {count}."),
    Text("请为配方中的每个资源各给出一个节点和合约。", "Give one node and agreement for each resource of the recipe."),
)
UNKNOWN = Reason(
    "CMP-404",
    Kind.unknown,
    Text("没有{thing}「{id}」。", "There is no {thing} {id}."),
    Text("本节点没有它的记录。", "This node has no record of it."),
    Text("请先定义配方、提出分区并收齐供给，再生成产品。",
         "Define the recipe, propose the partition and receive the supplies first; then build."),
)  # fmt: skip
SECOND_PROPOSAL = Reason(
    "CMP-409",
    Kind.conflict,
    Text("产品 {product} 的分区未提出。", "No partition of product {product} was proposed."),
    Text("同一时段已有分区 {earlier}，其供给或配方不同；提供方会拒绝第二套分区。",
         "Partition {earlier} covers the same period with other supplies or another recipe; the providers refuse a "
         "second one."),
    Text("请继续使用该分区，撤销尚未商定的分区，或改用不重叠的时段。",
         "Go on with it, cancel it when it is not agreed yet, or choose a period that does not overlap."),
)  # fmt: skip
BAD_HOLD = Reason(
    "CMP-402",
    Kind.invalid,
    Text("分区 {partition} 的答复未被接受。", "The answer for partition {partition} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重新发送。", "Mend the items listed and send it again."),
)
OTHER_ANSWER = Reason(
    "CMP-410",
    Kind.conflict,
    Text(
        "分区 {partition} 第 {level} 轮的答复未被接受。",
        "The answer for round {level} of {partition} was not accepted.",
    ),
    Text("该轮现在不待答复，或已收到不同的答复。", "The round is not open, or another answer was received for it."),
    Text("请重发原来的答复，或等待下一轮询问。", "Send the first answer again, or wait for the next ask."),
)  # fmt: skip  # fmt: skip
ALREADY_AGREED = Reason(
    "CMP-413",
    Kind.conflict,
    Text("分区 {partition} 未撤销。", "Partition {partition} was not cancelled."),
    Text("它的状态为 {state}；商定之后各方可能已在其上统计。",
         "It is {state}; once agreed, its providers may have counted on it."),
    Text("请沿用该分区，或对不重叠的时段另提分区。", "Use it, or propose one of a period that does not overlap it."),
)  # fmt: skip
BAD_SUPPLY = Reason(
    "CMP-403",
    Kind.invalid,
    Text("资源 {resource} 的供给未被接受。", "The supply of resource {resource} was not accepted."),
    Text("其中 {count} 处与商定的分区不符。", "{count} things in it do not fit the agreed partition."),
    Text("请提供方在商定的分组上重新统计并交付。", "Have the provider count on the agreed groups and deliver again."),
)
NOT_READY = Reason(
    "CMP-411",
    Kind.conflict,
    Text("产品 {product} 未生成。", "Product {product} was not built."),
    Text("尚缺 {count} 项；列于下方。", "{count} things are still missing; they are listed."),
    Text("请待各项齐备后重试。", "Try again when they are there."),
)
FILE_CHANGED = Reason(
    "CMP-412",
    Kind.conflict,
    Text("产品 {product} 未生成或未给出。", "Product {product} was not built or not given."),
    Text("文件 {file} 缺失，或内容与记录的摘要不符。", "The file {file} is missing or is not what its digest says."),
    Text("请由提供方重新交付，或从备份恢复该文件。", "Have it delivered again, or restore it from a backup."),
)
BAD_FRONTIER = Reason(
    "CMP-414",
    Kind.invalid,
    Text("产品 {product} 的前沿未登记。", "The frontier of product {product} was not attached."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改；其格式见产品配方的参考页。",
         "Mend the items listed; the reference page of the product recipe has its form."),
)  # fmt: skip
NO_FOLDER = Reason(
    "CMP-503",
    Kind.unavailable,
    Text("产品无法写入。", "The product cannot be written."),
    Text("本进程未被告知节点的数据目录。", "This process was not told the node's folder."),
    Text("请以 datong serve 启动节点。", "Start the node with datong serve."),
)
