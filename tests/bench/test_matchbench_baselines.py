"""bench/matching/baselines.py in its own environment: same shape for every matcher, a limit that is told."""

import json
import subprocess
from pathlib import Path

import pytest
from run import BASELINES, ENVIRONMENT, HERE

pytestmark = pytest.mark.skipif(
    not ENVIRONMENT.exists(), reason="bench/matching/env is not set up (make bench-matching does it)"
)
TABLES = {
    "t": {
        "left": {"XM": ["王一", "李二"], "车牌号": ["贵A12345", "贵A54321"]},
        "right": {"plate_no": ["贵A12345", "贵B11111"], "姓名": ["王一", "赵三"]},
    }
}


def answered(folder: Path, name: str, limit: str = "60") -> dict[str, object]:
    (folder / "staged.json").write_text(json.dumps(TABLES), "utf-8")
    out = folder / "out.json"
    command = [ENVIRONMENT, HERE / "baselines.py", name, folder / "staged.json", out, limit]
    subprocess.run(command, check=True, capture_output=True)
    return dict(json.loads(out.read_text("utf-8"))["t"])


def test_pinyin_knows_the_initials(tmp_path: Path) -> None:
    said = answered(tmp_path, "pinyin")
    assert ["XM", "姓名", 1.0] in said["assigned"]  # type: ignore[operator]


def test_values_speak_for_a_column(tmp_path: Path) -> None:
    said = answered(tmp_path, "valentine-jaccard")
    scores = {(a, b): s for a, b, s in said["scores"]}  # type: ignore[attr-defined]
    assert scores["车牌号", "plate_no"] > scores.get(("车牌号", "姓名"), 0)


def test_a_limit_that_is_over_is_told(tmp_path: Path) -> None:
    assert answered(tmp_path, "valentine-similarity-flooding", "0.000001") == {
        "not_finished": "longer than 1e-06 s of CPU, or three times that by the clock"
    }


def test_every_baseline_of_the_run_is_one_the_worker_knows() -> None:
    text = (HERE / "baselines.py").read_text("utf-8")
    assert all(f'"{name}": ' in text for name in BASELINES)
