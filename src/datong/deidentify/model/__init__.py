"""What the room speaks of, values only.

joint      recipes of joint counts, delivery forms, risk
refusals   DID-400 to DID-426
budget     questions answered with noise; budget_refusals: DID-470 to DID-480

Must never know: databases, clocks, who buys. Contract: tests/deidentify/.
"""
