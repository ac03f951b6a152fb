"""The synthetic set of a million rows (or more): columns, hierarchies, digest; the order of the random calls matters.

1,000,000 rows of seed 7 are a file of 24,039,462 bytes, SHA-256 53f87d4a247a7c860a8ba00c43e6ec0798d689cfa3d06c4fafa31
8648b53602e, whatever NumPy 2 writes it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

DIGEST = "53f87d4a247a7c860a8ba00c43e6ec0798d689cfa3d06c4fafa318648b53602e"
QI = ("age", "sex", "district", "occupation", "education", "vehicle")


def zipf(m: int, a: float) -> Any:
    p = 1 / np.arange(1, m + 1) ** a
    return p / p.sum()


def synthetic(folder: Path, n: int = 1_000_000) -> Path:
    """syn-N.csv with its hierarchies in `folder`."""
    file = folder / f"syn-{n}.csv"
    rng = np.random.default_rng(7)
    age = np.clip(rng.normal(38, 18, n).astype(int), 0, 99)
    sex = rng.integers(0, 2, n)
    code = rng.permutation(3000)
    district = code[rng.choice(3000, n, p=zipf(3000, 0.6))]
    occupation = rng.choice(60, n, p=zipf(60, 0.8))
    education = rng.choice(10, n, p=np.array([2, 5, 10, 22, 25, 14, 12, 7, 2, 1]) / 100)
    vehicle = rng.choice(20, n, p=zipf(20, 1.1))
    route = rng.integers(0, 50, n)
    columns = (age, sex, district, occupation, education, vehicle, route)
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write("age;sex;district;occupation;education;vehicle;route\n")
        for begin in range(0, n, 100_000):
            rows = zip(*(column[begin : begin + 100_000].tolist() for column in columns), strict=True)
            out.writelines(f"{a};{'FM'[s]};d{d};o{o};e{e};v{v};r{r}\n" for a, s, d, o, e, v, r in rows)
    if n == 1_000_000:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != DIGEST:
            raise SystemExit(f"the synthetic set has SHA-256 {found}, not {DIGEST}")
    band = lambda a, w: f"{a // w * w}-{a // w * w + w - 1}"  # noqa: E731
    lines = {
        "age": [[str(a), band(a, 5), band(a, 10), band(a, 20), "*"] for a in range(100)],
        "sex": [["F", "*"], ["M", "*"]],
        "district": [[f"d{d}", f"c{d // 9}", f"p{d // 9 // 11}", "*"] for d in range(3000)],
        "occupation": [[f"o{o}", f"og{o // 8}", "*"] for o in range(60)],
        "education": [[f"e{e}", f"eg{e // 3}", "*"] for e in range(10)],
        "vehicle": [[f"v{v}", f"vg{v // 5}", "*"] for v in range(20)],
    }
    for name, rows_of in lines.items():
        (folder / f"h_{name}.csv").write_text("\n".join(";".join(row) for row in rows_of) + "\n", "utf-8")
    return file
