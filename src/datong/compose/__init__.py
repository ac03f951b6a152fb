"""compose (产品合成): product recipes, joint partitions as their coordinator, builds and versions of products.

Tables of several owners are joined by group id; distinct counts are never added.
Must never know: prices, contracts beyond their ids, raw rows. Contract: tests/compose/.
"""
