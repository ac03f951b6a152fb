"""Authenticated encryption of small values, by the name of the algorithm.

    AES-256-GCM   FIPS 197, SP 800-38D; a key of 32 bytes
    SM4-GCM       GB/T 32907-2016 in the mode of SP 800-38D (RFC 8998 section 3); a key of 16 bytes

Both with a nonce of 12 bytes and a tag of 16 bytes at the end. Must never know: where keys come from.
Contract: tests/ground/test_crypto_sealing.py.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from datong.ground.crypto.profile import DEFAULT, GUOMI, NO_LIBRARY

KEY_BYTES = {DEFAULT.seal: 32, GUOMI.seal: 16}
TAG_BYTES = 16
Fault = InvalidTag


def sealed(algorithm: str, key: bytes, nonce: bytes, data: bytes, about: bytes) -> bytes:
    """Ciphertext and tag. about: what is authenticated beside it. ValueError for an algorithm not known here."""
    if _known(algorithm) == DEFAULT.seal:
        return AESGCM(key).encrypt(nonce, data, about)
    done = _sm4(key, modes.GCM(nonce)).encryptor()
    done.authenticate_additional_data(about)
    return done.update(data) + done.finalize() + done.tag


def opened(algorithm: str, key: bytes, nonce: bytes, data: bytes, about: bytes) -> bytes:
    """What was sealed; `Fault` when the key, the nonce, the data or what stands beside it is another."""
    if _known(algorithm) == DEFAULT.seal:
        return AESGCM(key).decrypt(nonce, data, about)
    if len(data) < TAG_BYTES:
        raise Fault
    done = _sm4(key, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
    done.authenticate_additional_data(about)
    return done.update(data[:-TAG_BYTES]) + done.finalize()


def _known(algorithm: str) -> str:
    if algorithm not in KEY_BYTES:
        raise ValueError(f"seal {algorithm[:20]!r} is not known here")
    return algorithm


def _sm4(key: bytes, mode: modes.GCM) -> Cipher[modes.GCM]:
    try:
        cipher = Cipher(algorithms.SM4(key), mode)
        cipher.encryptor() if mode.tag is None else cipher.decryptor()
    except UnsupportedAlgorithm:
        raise NO_LIBRARY(algorithm=GUOMI.seal) from None
    return cipher
