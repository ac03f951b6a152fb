"""Cryptography by profile: which algorithms a node signs, digests and encrypts with, and what reads them.

    profile     the two profiles, the one this process runs, and which profiles of peers it accepts
    hashing     digests, message authentication and key derivation by the name of the algorithm
    sealing     authenticated encryption by the name of the algorithm
    sm2         SM2 signatures (GB/T 32918.2) on the library of the extra `guomi`

What is written names its algorithm ("sm3:…", "SM2:…", "SM4-GCM"); who reads goes by that name, never by a guess.
Must never know: what is signed, where keys are kept. Contract: tests/ground/test_crypto*.py.
"""
