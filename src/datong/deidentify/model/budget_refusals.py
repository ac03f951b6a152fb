"""The room's refusals about privacy budgets and noisy answers: DID-470 to DID-480, DID-496.

None depends on the data, only on the question, the cap and what was spent: a refusal that looked at the data would be
an answer without noise. Must never know: databases. Contract: tests/deidentify/test_deidentify_budget*.py.
"""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

BAD_QUERY = Reason(
    "DID-470",
    Kind.invalid,
    Text("该查询未被接受，预算未动用。", "The question was not accepted; nothing was spent."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请按下列各项修改；各项含义见 docs/reference/noisy-queries.md。",
         "Mend the items listed; docs/reference/noisy-queries.md says what each item means."),
)  # fmt: skip
BAD_BUDGET = Reason(
    "DID-471",
    Kind.invalid,
    Text("「{dataset}」的隐私预算未设定。", "The privacy budget of {dataset} was not set."),
    Text("其中 {count} 处有误。", "Mistakes in it: {count}."),
    Text("请给出上限 rho，或 epsilon 与 delta。", "Give a cap as rho, or as epsilon with delta."),
)
NO_BUDGET = Reason(
    "DID-472",
    Kind.denied,
    Text("未作答。", "There was no answer."),
    Text("「{dataset}」没有隐私预算：数据持有方尚未设定上限。",
         "{dataset} has no privacy budget: its owner has not set a cap."),
    Text("请由本单位法务以 datong budget set 设定上限与隐私单位。",
         "Have the owner's legal officer set the cap and the privacy unit (datong budget set)."),
)  # fmt: skip
OVER_BUDGET = Reason(
    "DID-473",
    Kind.denied,
    Text("未作答，预算未动用。", "There was no answer; nothing was spent."),
    Text("该查询需 rho {cost}，「{dataset}」对全部使用者合计仅余 rho {left}（上限 {cap}）。",
         "It costs rho {cost}, and {dataset} has rho {left} left for all consumers together (cap {cap})."),
    Text("请以不高于余额的 rho 再问（噪声更大），或沿用已有的回答（不计费）。",
         "Ask for at most what is left (with more noise), or use an answer that was given already: it costs nothing."),
)  # fmt: skip
BELOW_SPENT = Reason(
    "DID-474",
    Kind.conflict,
    Text("「{dataset}」的上限未改动。", "The cap of {dataset} stays as it was."),
    Text("已用 rho {spent}，高于所给上限 rho {cap}；已发生的披露不可收回。",
         "Rho {spent} is spent, more than the cap of rho {cap}; what was disclosed cannot be taken back."),
    Text("若要停止一切新的回答，请将上限设为 rho {spent}。",
         "To stop every further answer, set the cap to rho {spent}."),
)  # fmt: skip
OTHER_UNIT = Reason(
    "DID-475",
    Kind.conflict,
    Text("「{dataset}」的隐私单位未改动。", "The privacy unit of {dataset} stays as it was."),
    Text("已按「{unit}」作答；换成「{asked}」后，两者的支出不能相加，原先的承诺将失效。",
         "Answers were given for the unit {unit}; those for {asked} would not add up with them, and the promise made "
         "to the first would be void."),
    Text("请沿用「{unit}」。", "Keep the unit {unit}."),
)  # fmt: skip
NO_NOISE = Reason(
    "DID-476",
    Kind.unavailable,
    Text("未作答，预算未动用。", "There was no answer; nothing was spent."),
    Text("未安装 OpenDP，噪声只由它抽取。", "OpenDP is not installed, and noise is drawn by it alone."),
    Text("请执行 pip install 'datong[privacy]'。", "Run pip install 'datong[privacy]'."),
)
SPENT_WITHOUT_ANSWER = Reason(
    "DID-477",
    Kind.conflict,
    Text("未作答，而预算已动用。", "There was no answer, and its cost is spent."),
    Text("扣减之后作答失败；失败本身也可能透露数据，因此不退还。",
         "It failed after the debit; a failure may tell of the data too, so nothing is given back."),
    Text("请节点运维查看日志；再次提问须再次付费。",
         "Have the node operator look into the log; asking again costs again."),
)  # fmt: skip
NOT_THE_OWNER = Reason(
    "DID-478",
    Kind.denied,
    Text("未执行。", "It was not done."),
    Text("隐私预算只由持有数据的单位的人员使用。", "Only the staff of the party that holds the data use its budget."),
    Text("请由该单位人员执行。", "Ask a person of that party."),
)
LEDGER_BROKEN = Reason(
    "DID-479",
    Kind.conflict,
    Text("未作答，预算未动用。", "There was no answer; nothing was spent."),
    Text("「{dataset}」的预算台账前后不符（第 {seq} 行起）。",
         "The ledger of {dataset} does not add up from line {seq} on."),
    Text("台账只能追加；请以 datong audit verify 查明，并由备份恢复。",
         "The ledger is only ever added to; find out with datong audit verify, and restore it from a backup."),
)  # fmt: skip
UNKNOWN_RELEASE = Reason(
    "DID-480",
    Kind.unknown,
    Text("没有回答「{id}」。", "There is no answer {id}."),
    Text("本节点没有它的记录。", "This node has no record of it."),
    Text("请以 datong budget show 查看已有的回答。", "See the answers that were given with datong budget show."),
)
OTHER_LEDGER = Reason(
    "DID-496",
    Kind.denied,
    Text("未执行，预算未动用。", "It was not done; nothing was spent."),
    Text("「{dataset}」与「{other}」由同一来源构建，而后者的预算已先作答；同一人的两个上限会相加，承诺即告失效。",
         "{dataset} is built from the source that {other} is built from, whose budget has answered before: two caps of "
         "one person would add up, and the promise would be void."),
    Text("请对「{other}」提问。", "Ask of {other}."),
)  # fmt: skip
UNIT_NAMES_NOBODY = Reason(
    "DID-497",
    Kind.denied,
    Text("未作答，预算未动用。", "There was no answer; nothing was spent."),
    Text("「{dataset}」的隐私单位「{unit}」经分级不是直接标识符：为它加的噪声不保护任何人。",
         "The privacy unit {unit} of {dataset} is classified as no direct identifier: noise for it protects nobody."),
    Text("请由本单位法务改定隐私单位；已按它作答的，请先将该列确认为直接标识符。",
         "Have the owner's legal officer set another unit, or, where answers were given for it, confirm it as a direct "
         "identifier."),
)  # fmt: skip
