"""Refusals about recoding a table: DID-430 to DID-435.

Must never know: files. Contract: tests/deidentify/test_recoding_refusals.py.
"""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

BAD_SPEC = Reason(
    "DID-430",
    Kind.invalid,
    Text("重编码说明 {spec} 未被接受。", "The recoding spec {spec} was not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改后重试；各键见 docs/reference/recoding-spec.md。",
         "Mend the items listed and try again; docs/reference/recoding-spec.md has every key."),
)  # fmt: skip
BAD_FILES = Reason(
    "DID-431",
    Kind.invalid,
    Text("{spec} 所指的文件未被接受。", "The files that {spec} names were not accepted."),
    Text("其中 {count} 处有误。", "Mistakes in them: {count}."),
    Text("请按下列各项修改后重试。", "Mend the items listed and try again."),
)
NONE_HOLDS = Reason(
    "DID-432",
    Kind.denied,
    Text("{spec} 没有给出结果：没有任何重编码满足 {models}。",
         "{spec} gave no result: no recoding meets {models}."),
    Text("{why}", "{why_en}"),
    Text("{change}", "{change_en}"),
)  # fmt: skip
TOO_MANY_NODES = Reason(
    "DID-433",
    Kind.denied,
    Text("{spec} 未执行：搜索空间过大。", "{spec} was not run: its lattice is too large to search for the optimum."),
    Text("{columns} 个准标识符有 {nodes} 个节点；上限为 {most}。",
         "{columns} quasi-identifiers make {nodes} nodes; at most {most} are searched."),
    Text("请去掉级数最多的列（{drop}）或减少其层级；"
         "或写 best_effort: true，取一个较好而未必最优的结果；或用 method: mondrian。",
         "Drop the columns with the most levels ({drop}) or levels of them; or write best_effort: true for a good "
         "result that need not be the best; or take method: mondrian."),
)  # fmt: skip
NOT_WRITTEN = Reason(
    "DID-435",
    Kind.invalid,
    Text("结果未写入 {out}。", "The recoded table was not written to {out}."),
    Text("{why}", "{why_en}"),
    Text("请给出另一个可写的文件名。", "Name another file that can be written."),
)
