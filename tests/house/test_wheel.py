"""What is installed is all that stands in src: migrations, templates, styles, packs, schemas; and the licences."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_the_whole_package_and_its_licences(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")  # its own build backend: nothing is fetched
    subprocess.run([uv, "build", "--quiet", "--offline", "--wheel", "-o", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    carried = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    files = (file for file in (ROOT / "src").rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    assert {file.relative_to(ROOT / "src").as_posix() for file in files} == {
        name for name in carried if ".dist-info/" not in name
    }
    assert {Path(name).name for name in carried if ".dist-info/licenses/" in name} == {"LICENSE", "NOTICE"}
