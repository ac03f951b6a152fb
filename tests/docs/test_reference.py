"""The reference pages say what the code says: every command, setting, route, role and refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_reference_pages_equal_the_code() -> None:
    run = subprocess.run(
        [sys.executable, "tools/make_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr + "\nRun `make docs`."


def test_every_refusal_speaks_both_languages() -> None:
    import datong.app.running  # noqa: F401 - declares all refusals
    from datong.ground.refusal import ALL

    for reason in ALL.values():
        for text in (reason.what, reason.why, reason.fix):
            assert text.zh.strip()
            assert text.en.strip()
        zh = reason.what.zh + reason.why.zh + reason.fix.zh
        assert any("一" <= sign <= "鿿" for sign in zh), f"{reason.code} has no Chinese"
