"""What the room speaks of, values only.

joint      recipes of joint counts, delivery forms, risk
refusals   DID-400 to DID-426
joint_refusals  marginals and the flows read from them: DID-436, DID-437
finding    what columns are found to be, grades; DID-460
classification what people say of a dataset's columns; DID-461 to DID-469
treatments what a treatment leaves behind, plans; DID-450 to DID-456
table_risk what the risk of a table is told as; DID-490, DID-491
budget     questions answered with noise; budget_refusals: DID-470 to DID-480
recoding   what a recoding is asked for; recoding_refusals   DID-430 to DID-435

Must never know: databases, clocks, who buys. Contract: tests/deidentify/.
"""
