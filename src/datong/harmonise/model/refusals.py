"""What the room refuses, with codes STD-4xx; docs/reference/refusals.md lists them."""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

BAD_WORKSPACE = Reason(
    "STD-410",
    Kind.invalid,
    Text("工作区 {workspace} 未被接受，未读取任何数据。",
         "The workspace {workspace} was not accepted; no data was read."),
    Text("其中 {count} 处有误。", "Mistakes in its files: {count}."),
    Text("请按下列各项修改，并用 harmonise check 复查。", "Mend the items listed, then run harmonise check again."),
)  # fmt: skip


UNREADABLE = Reason(
    "STD-411",
    Kind.invalid,
    Text("数据源 {source} 未能读完，未写入任何内容。",
         "The source {source} could not be read to its end; nothing was written."),
    Text("{place}：{zh}。此前已读到 {read} 条完整记录。", "{place}: {en}. {read} whole records were read before it."),
    Text("请修复或重新获取该数据源后重试。", "Mend the source or fetch it again, then repeat."),
)  # fmt: skip


COLUMNS_MISSING = Reason(
    "STD-412",
    Kind.invalid,
    Text("数据源 {source} 与映射不符，未写入任何内容。",
         "The source {source} does not fit the mapping; nothing was written."),
    Text("缺少 {count} 个列（或表）。", "{count} columns (or tables) that the mapping names are not there."),
    Text("若已改名，请修改映射中的 from；相近的名称列于下方。",
         "If they were renamed, change `from` in the mapping; the nearest names are listed."),
)  # fmt: skip


NO_ROWS = Reason(
    "STD-413",
    Kind.invalid,
    Text("数据源 {source} 没有任何记录，未构建。", "The source {source} has no rows; nothing was built."),
    Text("空的数据源通常意味着取数失败。", "An empty source usually means that fetching it failed."),
    Text("请检查数据源后重试。", "Check the source, then repeat."),
)  # fmt: skip


NO_SPACE = Reason(
    "STD-414",
    Kind.unavailable,
    Text("{mapping} 未构建，已有的构建未受影响。", "{mapping} was not built; what was built before is as it was."),
    Text("节点目录所在的磁盘已满（或文件大小受限）。",
         "The disk of the node's folder is full, or its files may not be so large."),
    Text("请腾出空间后重试。", "Make room, then build again."),
)  # fmt: skip


TOO_MANY_QUARANTINED = Reason(
    "STD-420",
    Kind.invalid,
    Text("{resource} 的构建被拒绝，未留下任何文件。", "The build of {resource} was refused; no file was left behind."),
    Text("{read} 行中有 {quarantined} 行被隔离，超过一半：映射或数据源多半有误。",
         "{quarantined} of {read} rows were quarantined, more than half: the mapping or the source is probably wrong."),
    Text("请按下列原因修正映射或数据源；该次拒绝记录为 {build}。",
         "Mend the mapping or the source by the reasons listed; the refused build is recorded as {build}."),
)  # fmt: skip


NO_BUILD = Reason(
    "STD-421",
    Kind.unknown,
    Text("没有找到 {what} 的归一数据。", "There are no harmonised data of {what}."),
    Text("该资源尚未在本节点构建，或编号有误。", "It has not been built at this node, or the name is wrong."),
    Text("请由数据工程师执行 harmonise build。", "Let a data engineer run harmonise build."),
)  # fmt: skip


BUILD_REFUSED = Reason(
    "STD-470",
    Kind.unknown,
    Text("{what} 没有归一数据，也没有隔离区。", "There are no harmonised data of {what}, nor a quarantine."),
    Text("其最近一次构建被拒绝（{build}）：{read} 行中有 {quarantined} 行将被隔离，被拒绝的构建不保留任何行。",
         "Its last build was refused ({build}): {quarantined} of {read} rows would have been quarantined, and a "
         "refused build keeps none of them."),
    Text("请按原因修正映射或数据源后重新构建：{reasons}。",
         "Mend the mapping or the source by its reasons and build again: {reasons}."),
)  # fmt: skip
FILES_CHANGED = Reason(
    "STD-422",
    Kind.conflict,
    Text("{resource} 的归一数据不可用。", "The harmonised data of {resource} cannot be used."),
    Text("构建 {build} 的文件 {file} 缺失或与登记的摘要不符。",
         "The file {file} of build {build} is missing or differs from its recorded digest."),
    Text("请重新构建。", "Build it again."),
)  # fmt: skip


NOT_THE_OWNER = Reason(
    "STD-430",
    Kind.denied,
    Text("隔离行的原文未显示。", "The originals of the quarantined rows were not shown."),
    Text("原文只向数据持有方本单位的数据工程师显示，并须有使用决策。",
         "Originals are shown only to a data engineer of the owner itself, under a usage decision."),
    Text("请由持有方的数据工程师以“本单位工作”为用途申请。",
         'Let a data engineer of the owner ask for them with the purpose "own work".'),
)  # fmt: skip


NO_SOURCE_FILE = Reason(
    "STD-450",
    Kind.invalid,
    Text("{path} 未被采用为数据源。", "{path} was not taken for a source."),
    Text("{zh}", "{en}"),
    Text("{fix_zh}", "{fix_en}"),
)


OUTSIDE_DATA = Reason(
    "STD-451",
    Kind.invalid,
    Text("{path} 未被采用为数据源。", "{path} was not taken for a source."),
    Text("它不在数据目录 {data} 之内，而数据源的路径都从那里起算。",
         "It lies outside the data folder {data}, in which the paths of the sources begin."),
    Text("请把它移入该目录，或在 datong.toml 中把 workspace.data 改为共同的上级目录。",
         "Move it there, or let workspace.data in datong.toml name a folder that holds both."),
)  # fmt: skip


WHICH_TABLE = Reason(
    "STD-452",
    Kind.invalid,
    Text("未起草映射。", "No mapping was drafted."),
    Text("数据源 {source} 有多张表，须指明结果的行取自哪一张。",
         "The source {source} has several tables, and one of them has the rows of the result."),
    Text("请用 --table 指定其一：{tables}。", "Name it by --table: {tables}."),
)  # fmt: skip


NO_SUCH_SOURCE = Reason(
    "STD-453",
    Kind.unknown,
    Text("未起草任何内容。", "Nothing was drafted."),
    Text("{source} 既不是 sources/ 中的名称，也不是文件。", "{source} is neither a name in sources/ nor a file."),
    Text("相近的名称：{near}。", "Nearest names: {near}."),
)


BAD_ELEMENTS = Reason(
    "STD-440",
    Kind.invalid,
    Text("数据元库未被采用。", "The library of data elements was not taken up."),
    Text("其中 {count} 处有误。", "Mistakes in its files: {count}."),
    Text("请按下列各项修改数据元包和代码表。", "Mend the items listed in the packs and code tables."),
)  # fmt: skip


VERSION_HIDES = Reason(
    "STD-441",
    Kind.invalid,
    Text("{name} 的版本号 {version} 未被接受。", "The version {version} of {name} was not accepted."),
    Text("与 {before} 相比的不兼容变更（{breaking} 处）没有在版本号中显示出来。",
         "Breaking changes against {before} that the number does not show: {breaking}."),
    Text("请改为 {needed} 或更高的版本号，或撤回下列变更。",
         "Give it the number {needed} or a higher one, or take the changes listed back."),
)  # fmt: skip


NOT_A_VERSION = Reason(
    "STD-442",
    Kind.invalid,
    Text("版本号 {version} 无法比较。", "The version {version} cannot be compared."),
    Text("它不是 主版本.次版本.修订号 的形式。", "It is not of the form major.minor.patch."),
    Text("请写成如 1.0.0 的版本号。", "Write it like 1.0.0."),
)  # fmt: skip


NOT_MATCHED = Reason(
    "STD-460",
    Kind.invalid,
    Text("没有可匹配的内容，未读取任何数据。", "There was nothing to match; no data was read."),
    Text("其中 {count} 处有误。", "Mistakes: {count}."),
    Text("请按下列各项修改：standard 为工作区标准的名称、数据元包的名称，或 library（全部数据元）。",
         "Mend the items listed; standard is a standard of the workspace, a pack of the element library, or library "
         "(every element)."),
)  # fmt: skip


NOT_CONFIRMED = Reason(
    "STD-461",
    Kind.invalid,
    Text("确认未被接受，未记住任何含义。", "The confirmation was not accepted; nothing was remembered."),
    Text("其中 {count} 处有误。", "Mistakes: {count}."),
    Text("请按下列各项修改后重试。", "Mend the items listed, then confirm again."),
)  # fmt: skip


NO_SYNONYM = Reason(
    "STD-462",
    Kind.unknown,
    Text("没有撤回任何内容。", "Nothing was withdrawn."),
    Text("本节点没有仍然有效的同义词 {synonym}。", "This node knows no standing synonym {synonym}."),
    Text("请用 harmonise synonyms 查看现有的同义词。", "See harmonise synonyms for those there are."),
)  # fmt: skip


BAD_REPAIRS = Reason(
    "STD-500",
    Kind.invalid,
    Text("未记录任何修复。", "No repair was recorded."),
    Text("其中 {count} 处有误。", "Mistakes in what was given: {count}."),
    Text("请按下列各项修改；可修复的行见隔离区。",
         "Mend the items listed; the quarantine shows which rows can be repaired."),
)  # fmt: skip


REPAIR_STANDS = Reason(
    "STD-501",
    Kind.conflict,
    Text("未记录任何修复。", "No repair was recorded."),
    Text("{count} 个值已有另一修复。", "For {count} values another repair stands already."),
    Text("请先用 harmonise withdraw-repair 撤回原修复。",
         "Withdraw the repair that stands first (harmonise withdraw-repair)."),
)  # fmt: skip


NO_REPAIR = Reason(
    "STD-502",
    Kind.unknown,
    Text("没有这项修复，或已撤回。", "There is no such repair, or it was withdrawn."),
    Text("本节点没有有效的修复 {repair}。", "This node holds no standing repair {repair}."),
    Text("请从 harmonise repairs 的列表中选择。", "Choose one from the list of harmonise repairs."),
)  # fmt: skip


NOTHING_TO_COMPARE = Reason(
    "STD-503",
    Kind.unknown,
    Text("未能比较数据标准。", "The standards were not compared."),
    Text("{what} 没有可比较的标准。", "{what} holds no standard to compare with."),
    Text("请给出工作区中的标准名，或已构建的资源。",
         "Name a standard of the workspace, or a resource that was built."),
)  # fmt: skip


NO_ACCOUNT = Reason(
    "STD-507",
    Kind.unknown,
    Text("构建 {build} 没有血缘与合同。", "The build {build} has no lineage and no contract."),
    Text("它由不记录这些内容的旧版本构建，或已被拒绝。",
         "It was made by a version that did not keep them, or it was refused."),
    Text("请重新构建该资源。", "Build the resource again."),
)  # fmt: skip
