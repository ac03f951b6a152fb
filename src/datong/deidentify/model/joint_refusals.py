"""What is refused of marginals and of the flows read from them (DID-436 to DID-449), of dominated sums (DID-457) and
beside what others hold (DID-458, DID-560).

Must never know: databases. Contract: tests/deidentify/test_deidentify_rests.py.
"""

from __future__ import annotations

from datong.ground.refusal import Kind, Reason, Text

FORCED = Reason(
    "DID-436",
    Kind.denied,
    Text("{dataset} 未放行：边际与分组合看，会露出少于 {k} 个个体。",
         "{dataset} was not released: its marginals, seen with its groups, would tell of fewer than {k} persons."),
    Text("{count} 个边际数值不可给出；列于下方。", "{count} figures of marginals may not be told; they are listed."),
    Text("请以各轮所得的分组重新统计；不可给出的边际数值不在其中。",
         "Count again on the groups that the rounds told; these figures are not among them."),
    rule="GB/T 37964-2019",
    article="5",
)  # fmt: skip
NO_FLOWS = Reason(
    "DID-437",
    Kind.invalid,
    Text("未能由表 {table} 得出流量。", "No flows were fitted to the table {table}."),
    Text("其中 {count} 处有误；列于下方。", "Mistakes: {count}; they are listed."),
    Text("请给出交付的表、其配方和一项事件数。",
         "Give the table as it was delivered, its recipe and one of its numbers of events."),
)  # fmt: skip
DOMINATED = Reason(
    "DID-457",
    Kind.denied,
    Text("{dataset} 未放行：有事件数几乎全属一个贡献者。",
         "{dataset} was not released: it has numbers of events that are nearly all one contributor's."),
    Text("{count} 个分组不合 p% 规则（p = {p}）：第二大的贡献者减去自己的，便能把最大者估到 {p}% 以内；列于下方。",
         "{count} groups break the p% rule (p = {p}): whoever gave second most takes its own away and knows the "
         "largest to within {p} %; they are listed."),
    Text("请以各轮所得的分组重新统计：不合规则的分组不在其中，已并入更粗的分组。",
         "Count again on the groups that the rounds told: these are not among them, they went into coarser ones."),
    rule="Hundepool et al., Statistical Disclosure Control (2012)",
    article="4",
)  # fmt: skip
OTHERS_HOLD = Reason(
    "DID-458",
    Kind.conflict,
    Text("{dataset} 未放行：其他接收方持有同一批个体的另一套分组。",
         "{dataset} was not released: other recipients hold other groups of the same people."),
    Text("两者若放到一起（放行 {releases}），有 {count} 处少于 {k} 个个体，或无法计算；列于下方。",
         "Put together with theirs (releases {releases}), {count} places hold fewer than {k} persons or vehicles, or "
         "cannot be computed; they are listed."),
    Text("请沿用该分组或不重叠的时段；或由法务或审核人员写明理由（reason）后放行，例如两份合约均不准转让。",
         "Use those groups, or a period that does not overlap; or have a legal officer or reviewer release it with the "
         "reason, for example that neither contract lets it be passed on."),
    rule="GB/T 37964-2019",
    article="5",
)  # fmt: skip
OWN_REASON = Reason(
    "DID-560",
    Kind.denied,
    Text("{dataset} 未放行：理由须出自另一人之手。",
         "{dataset} was not released: the reason has to be another person's."),
    Text("理由所答复的，是他人申请而被暂缓的放行（DID-458）；此合约的现有分组上，没有与您无关的人申请过。",
         "A reason answers a release that was asked for and held (DID-458); on the groups of this contract nobody did "
         "so but you, or who let you in, or whom you let in."),
    Text("请由数据工程师先不带 reason 申请放行，再由未参与申请的法务或审核人员写明理由。",
         "Have a data engineer ask for it without a reason first; then a legal officer or reviewer who did not ask "
         "gives one."),
)  # fmt: skip
