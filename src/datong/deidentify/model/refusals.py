"""Refusals about joint counts, assessments and the release gate: DID-400 to DID-426; DID-454, the missing extra.

Must never know: databases. Contract: tests/deidentify/.
"""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

BAD_RECIPE = Reason(
    "DID-400",
    Kind.invalid,
    Text("产品配方 {name} 未被接受。", "The product recipe {name} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
BAD_ASSESSMENT = Reason(
    "DID-401",
    Kind.invalid,
    Text("评估记录未被接受。", "The assessment record was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后由评估人重新签署。", "Mend the items listed and have the assessor sign it again."),
    rule="GB/T 42460-2023",
    article="D.5",
)
NOT_INDEPENDENT = Reason(
    "DID-402",
    Kind.denied,
    Text("评估记录未被接受。", "The assessment record was not accepted."),
    Text("评估人所属主体 {party} 是提供方或接收方之一。", "The assessor's party {party} is provider or recipient."),
    Text("请由与提供方和接收方均无关的主体的人员评估并签署。",
         "Have it assessed and signed by a person of a party that is neither provider nor recipient."),
    rule="GB/T 42460-2023",
    article="D.5",
)  # fmt: skip
BAD_SIGNATURE = Reason(
    "DID-403",
    Kind.denied,
    Text("评估记录未被接受。", "The assessment record was not accepted."),
    Text(
        "签名与节点 {node} 登记的公钥不符。", "Its signature does not verify under the registered key of node {node}."
    ),
    Text("请评估人所在节点以其登记的密钥重新签署。", "Have the assessor's node sign it again with its registered key."),
)
NO_ASSESSOR = Reason(
    "DID-405",
    Kind.denied,
    Text("评估记录未被接受。", "The assessment record was not accepted."),
    Text("节点 {node} 不是名录中在用的功能节点；评估记录只由功能节点的评估人签署。",
         "Node {node} is no active function node of the directory; only the assessors of one sign records."),
    Text("请由功能节点的评估人评估并签署。", "Have it assessed and signed by an assessor of the function node."),
    rule="GB/T 42460-2023",
    article="D.5",
)  # fmt: skip
NOT_YET = Reason(
    "DID-406",
    Kind.unavailable,
    Text("评估记录未被接受。", "The assessment record was not accepted."),
    Text("其评估时间 {assessed_at} 晚于本节点现在的时间 {now}。",
         "It is dated {assessed_at}, later than this node's time {now}."),
    Text("发送方会自动重试；若时间有误，请由评估人重新签署。",
         "The sender tries again by itself; when the date is wrong, have the assessor sign it anew."),
)  # fmt: skip
NOT_THE_SIGNER = Reason(
    "DID-407",
    Kind.denied,
    Text("评估记录 {assessment} 未撤回。", "The assessment record {assessment} was not withdrawn."),
    Text("它由另一节点签署。", "Another node signed it."),
    Text("请由签署它的节点的评估人撤回。", "Have an assessor of the node that signed it withdraw it."),
)
WITHDRAWN = Reason(
    "DID-408",
    Kind.conflict,
    Text("评估记录 {assessment} 未撤回。", "The assessment record {assessment} was not withdrawn."),
    Text("它已于 {at} 撤回。", "It was withdrawn at {at} already."),
    Text("无须再做。", "There is nothing left to do."),
)
NOT_HERE = Reason(
    "DID-409",
    Kind.unavailable,
    Text("撤回通知未被接受。", "The notice of withdrawal was not accepted."),
    Text(
        "本节点尚未收到评估记录 {assessment}。", "The assessment record {assessment} did not arrive at this node yet."
    ),
    Text("发送方会自动重试。", "The sender tries again by itself."),
)
UNKNOWN = Reason(
    "DID-404",
    Kind.unknown,
    Text("没有 {thing}「{id}」。", "There is no {thing} {id}."),
    Text("本节点没有它的记录。", "This node has no record of it."),
    Text("请核对编号；分区须先由数据集团提出。", "Check the id; a partition must first be proposed by the data group."),
)
DIRECT_IDENTIFIER = Reason(
    "DID-410",
    Kind.denied,
    Text("{dataset} 未放行：存在直接标识符或未声明的列。",
         "{dataset} was not released: it has a direct identifier or a column the recipe does not declare."),
    Text("列 {columns} 不是配方的统计项，或是直接标识符（经人确认，或其值如此）。",
         "The columns {columns} are none of the recipe's figures, or are direct identifiers (confirmed as such, or by "
         "what stands in them)."),
    Text("请去掉这些列，或先将其处理为假名，再重新统计。",
         "Drop these columns, or make tokens of them first, and count again."),
    rule="GB/T 42460-2023",
    article="4, A",
)  # fmt: skip
SMALL_CLASS = Reason(
    "DID-411",
    Kind.denied,
    Text("{dataset} 未放行：存在小于 {floor} 的等价类。", "{dataset} was not released: it has classes below {floor}."),
    Text("{count} 个类背后的不同个体少于 {floor}；最小的列于下方。",
         "{count} classes have fewer than {floor} distinct persons or vehicles behind a figure; the worst are listed."),
    Text("代价最小的改法：{change}", "The cheapest change that passes: {change_en}"),
    rule="GB/T 42460-2023",
    article="D.4",
)  # fmt: skip
RISK_TOO_HIGH = Reason(
    "DID-412",
    Kind.denied,
    Text("{dataset} 未放行：总体风险 {risk} ≥ {limit}。",
         "{dataset} was not released: its overall risk {risk} is not below {limit}."),
    Text("DR = {dr}，CR = {cr}（{cr_why}）；风险最大的类列于下方。",
         "DR = {dr}, CR = {cr} ({cr_why_en}); the worst classes are listed."),
    Text("代价最小的改法：{change}", "The cheapest change that passes: {change_en}"),
    rule="GB/T 42460-2023",
    article="D.5",
)  # fmt: skip
DIFFERENCE = Reason(
    "DID-413",
    Kind.denied,
    Text("{dataset} 未放行：与先前向同一接收方的放行相减，会露出少于 {k} 个个体。",
         "{dataset} was not released: its difference against an earlier release to the same recipient group would "
         "single out fewer than {k} persons or vehicles."),
    Text("共 {count} 处差异不安全；列于下方。", "{count} differences are unsafe; they are listed."),
    Text("请沿用先前放行的分组，或改用不重叠的时段。",
         "Deliver on the groups of the earlier release, or choose a period that does not overlap it."),
    rule="GB/T 37964-2019",
    article="5",
)  # fmt: skip
NOT_THE_GROUPS = Reason(
    "DID-414",
    Kind.invalid,
    Text("表 {dataset} 未被接受。", "The table {dataset} was not accepted."),
    Text(
        "其中 {count} 处与配方或商定的分区不符。", "{count} things in it do not fit the recipe or the agreed partition."
    ),
    Text("请在商定的分组上重新统计。", "Count again on exactly the agreed groups."),
)
OTHER_FORM = Reason(
    "DID-415",
    Kind.denied,
    Text("{dataset} 未放行：交付形式与配方不符。",
         "{dataset} was not released: its delivery form is not the recipe's."),
    Text("约定以「{form}」交付，而配方按「{recipe_form}」分组。",
         "It is to be delivered as {form}, but its recipe was grouped for {recipe_form}."),
    Text("请以同一交付形式重新商定配方，或以配方的形式交付。",
         "Agree a recipe of that delivery form, or deliver in the form of the recipe."),
    rule="GB/T 42460-2023",
    article="D.4",
)  # fmt: skip
BAD_ASK = Reason(
    "DID-420",
    Kind.invalid,
    Text("分区询问未被接受。", "The partition ask was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重新发送。", "Mend the items listed and send it again."),
)
SECOND_PARTITION = Reason(
    "DID-421",
    Kind.denied,
    Text("分区 {partition} 被拒绝。", "Partition {partition} was refused."),
    Text("同一数据、同一时段已向该接收方组商定过分区 {earlier}；两套分组相减可识别个体（差分攻击）。",
         "Partition {earlier} already covers this data and period for the same recipient group; the difference of "
         "two partitions can single out persons (differencing attack)."),
    Text("请沿用该分区，或改用不重叠的时段；未商定的分区可由其提出方撤销，之后以同样的网格和数据另提。",
         "Use that partition, or choose a period that does not overlap it; one not agreed yet can be cancelled by who "
         "proposed it, and proposed anew on the same grid and build."),
    rule="GB/T 37964-2019",
    article="5",
)  # fmt: skip
TWO_OF_ONE_SOURCE = Reason(
    "DID-427",
    Kind.denied,
    Text("分区 {partition} 中的「{resource}」被拒绝。", "Resource {resource} was refused in partition {partition}."),
    Text("它与该分区中已有的「{other}」由同一来源构建；同一分组中两者计数之差可识别个体（差分攻击）。",
         "It is built from the same source as {other}, which has a part in it already; in one group the difference of "
         "their counts can single out persons (differencing attack)."),
    Text("请在配方中只保留其一，并以该部分的多个 measures 统计。",
         "Keep one of them in the recipe, and count what you need as measures of its part."),
    rule="GB/T 37964-2019",
    article="5",
)  # fmt: skip
PROBING = Reason(
    "DID-422",
    Kind.denied,
    Text("分区 {partition} 第 {level} 轮的询问被拒绝。", "Round {level} of partition {partition} was refused."),
    Text("该轮已以另一组已通过的节点回答过；每轮只答一次。",
         "That round was answered for another set of passed nodes; a round is answered once."),
    Text("请以原来的询问继续。", "Go on with the ask that was answered."),
)  # fmt: skip
NOT_HELD = Reason(
    "DID-423",
    Kind.denied,
    Text("分区 {partition} 第 {level} 轮的询问被拒绝。", "Round {level} of partition {partition} was refused."),
    Text(
        "称已通过的节点中有 {count} 个并非本方报告的节点。",
        "{count} of the nodes said to have passed are none that this provider told.",
    ),
    Text("请只传各方都报告的节点。", "Pass only the nodes that every provider told."),
)
OUT_OF_ORDER = Reason(
    "DID-424",
    Kind.conflict,
    Text("分区 {partition} 的这一步未进行。", "This step of partition {partition} was not done."),
    Text("现处于 {now}；不能进行 {asked}。", "It stands at {now}; {asked} is not open."),
    Text("请按顺序逐轮进行；全部轮次之后才能商定，商定之后才能统计。",
         "Go round by round; agree after the last round; count after the agreement."),
)  # fmt: skip
NOT_THE_RECIPE = Reason(
    "DID-425",
    Kind.denied,
    Text("分区 {partition} 的配方被拒绝。", "The recipe of partition {partition} was refused."),
    Text("其中 {count} 处与约定或本方数据不符。", "{count} things in it are not what was agreed or what the data are."),
    Text("请使用约定的配方，并以标准标为个人信息、且已确认为直接标识符的个体列计数。",
         "Use the agreed recipe, and count by the person's or vehicle's column: one that the standard classifies as "
         "personal, and that is confirmed as a direct identifier."),
)  # fmt: skip
DATA_CHANGED = Reason(
    "DID-426",
    Kind.conflict,
    Text("分区 {partition} 的这一步未进行。", "This step of partition {partition} was not done."),
    Text("底层数据自首轮以来已变更；两次统计相减可识别个体。",
         "The data under it changed since the first round; the difference of two counts can single out persons."),
    Text("请恢复该分区所用的版本，或对新的时段另提分区。",
         "Restore the build that the partition began with, or propose a partition of another period."),
)  # fmt: skip
NO_EXTRA = Reason(
    "DID-454",
    Kind.unavailable,
    Text("缺少所需的软件包 {package}，什么也没有写出。",
         "The package {package} that this needs is not installed; nothing was written."),
    Text("它属于可选的 privacy 部分。", "It belongs to the optional extra privacy."),
    Text("请执行 pip install 'datong[privacy]'。", "Run pip install 'datong[privacy]'."),
)  # fmt: skip
