"""The ground floor: what every room stands on and no business word may enter.

Identifier codes, money, the two clocks, configuration, the database and its transactions, refusals,
keys and signatures, jobs with leases and the outbox, evidence. Contract: tests/ground/.
"""
