"""The room's verbs: partitions (a provider's side), assessment records, the release gate, privacy budgets; treating a
file by a plan.

Must never know: protocols, prices, who buys. Contract: tests/deidentify/.
"""

from datong.deidentify.rules.nodes import groups_digest, groups_of, node_of, window_of
from datong.deidentify.rules.recipe import FLOORS, figure_columns, periods_meet, recipe_digest, recipe_problems
from datong.deidentify.service.assessments import (
    assess,
    assessment_for,
    assessments,
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
    supply,
)
from datong.deidentify.service.releases import gate, release, releases, require_still_low, supply_problems
from datong.deidentify.service.treating import treat
from datong.deidentify.service.treatment_keys import destroy_key as destroy_treatment_key

__all__ = [
    "DRAW",
    "FLOORS",
    "METADATA",
    "answer",
    "answer_round",
    "ask",
    "assess",
    "assessment_for",
    "assessments",
    "budget",
    "budget_ledger",
    "cancel_part",
    "counts",
    "destroy_treatment_key",
    "draw",
    "draw_job",
    "figure_columns",
    "gate",
    "groups_digest",
    "groups_of",
    "holding",
    "keep_partition",
    "node_of",
    "noisy_releases",
    "partition_part",
    "periods_meet",
    "questions",
    "received_assessment",
    "received_assessment_withdrawn",
    "recipe_digest",
    "recipe_from",
    "recipe_problems",
    "release",
    "release_noisy",
    "releases",
    "require_still_low",
    "set_budget",
    "supply",
    "supply_problems",
    "treat",
    "window_of",
    "withdraw_assessment",
]
