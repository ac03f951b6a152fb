"""What the room speaks of, values only.

joint      recipes of joint counts, delivery forms, risk
refusals   DID-400 to DID-426
recoding   what a recoding is asked for; recoding_refusals   DID-430 to DID-435

Must never know: databases, clocks, who buys. Contract: tests/deidentify/.
"""
