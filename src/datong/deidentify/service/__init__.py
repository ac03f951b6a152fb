"""The room's verbs: classifications, partitions (a provider's side), assessment records, the release gate and its risk
reports, privacy budgets; treating a file by a plan.

Must never know: protocols, prices, who buys. Contract: tests/deidentify/.
"""

from datong.deidentify.rules.nodes import Group, Node, groups_digest, groups_of, is_rest, node_of, window_of
from datong.deidentify.rules.recipe import FLOORS, P_MAX, figure_columns, periods_meet, recipe_digest, recipe_problems
from datong.deidentify.rules.windows import hours_of
from datong.deidentify.service.assessments import (
    assess,
    assessment_for,
    assessments,
    questionnaire,
    questions,
    received_assessment,
    received_assessment_withdrawn,
    withdraw_assessment,
)
from datong.deidentify.service.budgets import (
    DRAW,
    answer,
    ask,
    budget,
    budget_ledger,
    draw,
    draw_job,
    noisy_releases,
    set_budget,
)
from datong.deidentify.service.classification import (
    approve_lowering,
    classification,
    classifications,
    confirm_classification,
    confirmed,
    propose_classification,
    refuse_lowering,
    require_classified,
)
from datong.deidentify.service.due import due
from datong.deidentify.service.noisy_gate import release_noisy
from datong.deidentify.service.partitions import (
    METADATA,
    answer_round,
    cancel_part,
    counts,
    holding,
    keep_partition,
    partition_part,
    recipe_from,
    require_countable,
    supply,
)
from datong.deidentify.service.releases import (
    gate,
    read_supply,
    release,
    releases,
    require_still_low,
    supply_problems,
)
from datong.deidentify.service.reports import release_report, report_pdf, sign_report
from datong.deidentify.service.treating import treat
from datong.deidentify.service.treatment_keys import destroy_key as destroy_treatment_key

__all__ = [
    "DRAW",
    "FLOORS",
    "METADATA",
    "P_MAX",
    "Group",
    "Node",
    "answer",
    "answer_round",
    "approve_lowering",
    "ask",
    "assess",
    "assessment_for",
    "assessments",
    "budget",
    "budget_ledger",
    "cancel_part",
    "classification",
    "classifications",
    "confirm_classification",
    "confirmed",
    "counts",
    "destroy_treatment_key",
    "draw",
    "draw_job",
    "due",
    "figure_columns",
    "gate",
    "groups_digest",
    "groups_of",
    "holding",
    "hours_of",
    "is_rest",
    "keep_partition",
    "node_of",
    "noisy_releases",
    "partition_part",
    "periods_meet",
    "propose_classification",
    "questionnaire",
    "questions",
    "read_supply",
    "received_assessment",
    "received_assessment_withdrawn",
    "recipe_digest",
    "recipe_from",
    "recipe_problems",
    "refuse_lowering",
    "release",
    "release_noisy",
    "release_report",
    "releases",
    "report_pdf",
    "require_classified",
    "require_countable",
    "require_still_low",
    "set_budget",
    "sign_report",
    "supply",
    "supply_problems",
    "treat",
    "window_of",
    "withdraw_assessment",
]
