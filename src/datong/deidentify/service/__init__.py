"""The room's verbs: partitions (a provider's side), assessment records, the release gate.

Must never know: protocols, prices, who buys. Contract: tests/deidentify/.
"""

from datong.deidentify.rules.nodes import groups_digest, groups_of, node_of, window_of
from datong.deidentify.rules.recipe import figure_columns, recipe_digest, recipe_problems
from datong.deidentify.service.assessments import assess, assessment_for, assessments, questions, received_assessment
from datong.deidentify.service.partitions import (
    METADATA,
    answer_round,
    counts,
    holding,
    keep_partition,
    partition_part,
    recipe_from,
    supply,
)
from datong.deidentify.service.releases import gate, release, releases, supply_problems

__all__ = [
    "METADATA",
    "answer_round",
    "assess",
    "assessment_for",
    "assessments",
    "counts",
    "figure_columns",
    "gate",
    "groups_digest",
    "groups_of",
    "holding",
    "keep_partition",
    "node_of",
    "partition_part",
    "questions",
    "received_assessment",
    "recipe_digest",
    "recipe_from",
    "recipe_problems",
    "release",
    "releases",
    "supply",
    "supply_problems",
    "window_of",
]
