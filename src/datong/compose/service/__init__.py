"""The room's verbs: recipes, partitions as coordinator, supplies, builds and versions.

Must never know: prices, protocols. Contract: tests/compose/.
"""

from datong.compose.service.builds import (
    build,
    concerned,
    gated_again,
    install,
    is_supply,
    lineage,
    on_version,
    received_supply,
    supplied,
    sweep,
    version,
    versions,
)
from datong.compose.service.frontiers import attach_frontier, frontiers
from datong.compose.service.partitions import (
    cancel_partition,
    partition,
    partitions,
    propose_partition,
    received_partition_hold,
)
from datong.compose.service.recipes import define_product, recipe

__all__ = [
    "attach_frontier",
    "build",
    "cancel_partition",
    "concerned",
    "define_product",
    "frontiers",
    "gated_again",
    "install",
    "is_supply",
    "lineage",
    "on_version",
    "partition",
    "partitions",
    "propose_partition",
    "received_partition_hold",
    "received_supply",
    "recipe",
    "supplied",
    "sweep",
    "version",
    "versions",
]
