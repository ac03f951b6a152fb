"""deidentify (去标识化): joint partitions, counts on them, complementary suppression, measured risk, the release gate.

A recipient group is an opaque id. Must never know: who buys, contracts, prices, protocols.
Contract: tests/deidentify/, attacks that must fail included.
"""
