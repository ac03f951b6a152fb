"""`python bench/crypto.py`: signatures, verifications, digests, seals and passwords per second in both crypto profiles.
Writes bench/results/crypto.json and docs/reference/crypto-measures.md.

CPU seconds of this process, the best of several runs of both profiles in turn; the load of the machine stands beside it.
Nothing here is a test. `--page` writes only the page, from the results that are there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from run import machine

from datong.ground.canonical import digest
from datong.ground.crypto import hashing, sealing
from datong.ground.crypto.profile import DEFAULT, GUOMI, Profile, as_if
from datong.ground.evidence import tree
from datong.ground.keys import PrivateKey, token_claims
from datong.register import rules

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench/results/crypto.json", ROOT / "docs/reference/crypto-measures.md"
RUNS = 5
MESSAGE = b'{"a message of the node protocol":"' + b"x" * 965 + b'"}'
LARGE = bytes(16 << 20)
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
CLAIMS = {"iss": "5" + "9" * 30, "aud": "2" + "9" * 30, "jti": "jti-1", "digest": "0" * 70}
VALUE = {"id": "msg-1", "type": "settle.invoice", "version": 1, "body": {"lines": [{"fen": n} for n in range(40)]}}


def cases(profile: Profile) -> dict[str, tuple[int, Callable[[], Any]]]:
    """What is measured: name -> (how often a run does it, one of it)."""
    key = PrivateKey.new(profile)
    signature, token = key.sign(MESSAGE), key.token(CLAIMS, NOW)
    nonce, secret = bytes(12), bytes(sealing.KEY_BYTES[profile.seal])
    kept = rules.password_hash("correct horse battery", bytes(16))
    leaf = tree.leaf_hash(MESSAGE)
    return {
        "Signatures of 1,001 bytes": (400, lambda: key.sign(MESSAGE)),
        "Verifications of 1,001 bytes": (400, lambda: key.public.verifies(signature, MESSAGE)),
        "Request tokens issued": (300, lambda: key.token(CLAIMS, NOW)),
        "Request tokens checked": (300, lambda: token_claims(token, key.public, CLAIMS["aud"], NOW)),
        "Digests of a message of the node protocol": (2_000, lambda: digest(VALUE)),
        "Inner nodes of the evidence tree": (5_000, lambda: tree.node_hash(leaf, leaf)),
        "Sealed answers of 1,001 bytes": (2_000, lambda: sealing.sealed(profile.seal, secret, nonce, MESSAGE, b"id")),
        "Passwords checked": (1, lambda: rules.password_fits("correct horse battery", kept)),
        "Megabytes of a file digested": (16, lambda: hashing.hash_bytes(LARGE)),
    }


def measured(profile: Profile, best: dict[str, float]) -> None:
    """One run; `best` keeps the best rate of each."""
    with as_if(profile):
        for name, (times, one) in cases(profile).items():
            rounds = 1 if name.startswith("Megabytes") else times
            begun = time.process_time()
            for _ in range(rounds):
                one()
            rate = times / max(time.process_time() - begun, 1e-9)
            best[name] = max(best.get(name, 0.0), rate)


def main() -> None:
    if "--page" not in sys.argv[1:]:
        load = round(os.getloadavg()[0], 1)
        rates: dict[str, dict[str, float]] = {DEFAULT.name: {}, GUOMI.name: {}}
        for _ in range(RUNS):
            for profile in (DEFAULT, GUOMI):
                measured(profile, rates[profile.name])
        results = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "load_before": load,
            "measure": f"per CPU second of one thread, best of {RUNS} runs",
            "profiles": {p.name: {"signature": p.signature, "digest": p.digest, "seal": p.seal} for p in (DEFAULT, GUOMI)},
            "per_second": {name: {case: round(rate, 1) for case, rate in of.items()} for name, of in rates.items()},
            "times_faster_default": {
                case: round(rate / rates[GUOMI.name][case], 1) for case, rate in rates[DEFAULT.name].items()
            },
        }  # fmt: skip
        RESULTS.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", "utf-8")
    page = page_of(json.loads(RESULTS.read_text("utf-8")))
    PAGE.write_text(page, "utf-8")
    print(page)


def page_of(results: dict[str, Any]) -> str:
    told = results["machine"]
    default, guomi = results["per_second"]["default"], results["per_second"]["guomi"]
    lines = [
        f"| {case} | {default[case]:,.0f} | {guomi[case]:,.0f} | {results['times_faster_default'][case]:,.1f} |"
        for case in default
    ]
    return f"""# Measures of the crypto profiles

<!-- made by bench/crypto.py; do not edit -->

Measured {results["at"]}, one thread, per CPU second, best of {RUNS} runs in turn; load of the machine before:
{results["load_before"]}. Machine: {told["cores"]} cores, {told["cpu"]}, Python {told["python"]}; one core did
{told["sha256_mb_per_second"]:,} MB/s of SHA-256 meanwhile.

| Done per second | `default` | `guomi` | default ÷ guomi |
|---|---:|---:|---:|
{chr(10).join(lines)}

`default`: Ed25519, SHA-256, AES-256-GCM, scrypt. `guomi`: SM2 with SM3, SM3, SM4-GCM, PBKDF2-HMAC-SM3.
SHA-256 and AES have instructions of the processor here; SM3 and SM4 have none, so they are computed.
[What uses which algorithm](cryptography.md).
"""


if __name__ == "__main__":
    main()
