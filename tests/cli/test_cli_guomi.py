"""A node of profile guomi: made, kept to its profile, and what happens when somebody changes it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from datong import app
from datong.cli.commands import datong
from datong.ground.config import load
from datong.ground.crypto import profile
from datong.ground.crypto.profile import DEFAULT, as_if
from datong.ground.refusal import Refusal

ROOT = Path(__file__).parents[2]
PARTY = "91520100MAXDT0015L"


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """As a process that has chosen no profile yet."""
    with as_if(DEFAULT):
        profile._PROCESS.chosen = None
        yield


def made(folder: Path, crypto: str) -> Path:
    arguments = ["init", str(folder), "--name", "N", "--party", PARTY, "--port", "9999", "--crypto", crypto]
    done = CliRunner().invoke(datong, arguments, catch_exceptions=False)
    wanted = {"guomi": "SM2:", "default": "Ed25519:"}[crypto]
    assert done.exit_code == 0 and f"Public key: {wanted}" in done.output
    return folder


def opened(folder: Path) -> profile.Profile:
    app.open_store(load(folder)).dispose()
    return profile.running()


def set_profile(folder: Path, to: str) -> None:
    lines = (folder / "datong.toml").read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("profile = "))
    lines[at] = f'profile = "{to}"'
    (folder / "datong.toml").write_text("\n".join(lines))


def test_its_profile_is_never_changed_silently(tmp_path: Path) -> None:
    pytest.importorskip("tongsuopy", reason="needs the extra guomi")
    folder = made(tmp_path / "n", "guomi")
    key = folder / "keys" / "node.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert opened(folder) is profile.GUOMI
    set_profile(folder, "default")
    with as_if(DEFAULT):
        with pytest.raises(Refusal, match=r"GND-411.*--crypto default"):
            opened(folder)
        key.rename(folder / "aside.pem")
        with pytest.raises(Refusal, match=r"APP-411.*SM2:"):  # a fresh key: the store knows whose it is
            opened(folder)
    (folder / "aside.pem").rename(key)
    set_profile(folder, "guomi")
    assert opened(folder) is profile.GUOMI


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('profile = "sm9"', "crypto.profile: should be one of default, guomi"),
        ("profile = 3", "crypto.profile: should be of type str"),
        ('accepts = ["guomi", "rsa"]', "crypto.accepts: each should be one of default, guomi"),
        ("accepts = [[1]]", "crypto.accepts: each should be one of default, guomi"),
    ],
)
def test_a_profile_nobody_knows_is_refused_in_the_configuration(tmp_path: Path, line: str, said: str) -> None:
    folder = made(tmp_path / "n", "default")
    with (folder / "datong.toml").open("a") as out:
        out.write(f"\n[crypto]\n{line}\n")
    with pytest.raises(Refusal) as refused:
        load(folder)
    assert refused.value.code == "CFG-400" and said in str(refused.value)


def test_a_profile_nobody_knows_makes_no_node(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="APP-400") as refused:
        app.init(tmp_path / "m", name="N", party=PARTY, port=9999, region="5201", kind="connector", crypto="sm9")
    assert [problem.where for problem in refused.value.problems] == ["crypto"]
    assert not (tmp_path / "m").exists()


def test_the_default_node_is_made_as_it_was(tmp_path: Path) -> None:
    folder = made(tmp_path / "n", "default")
    assert "crypto" not in (folder / "datong.toml").read_text()
    assert opened(folder) is DEFAULT


def test_the_wheels_of_the_extra_are_there_for_linux_on_both_processors() -> None:
    """As the lock has them: abi3 wheels that need no compiler, for glibc and musl."""
    locked = tomllib.loads((ROOT / "uv.lock").read_text())
    (package,) = [one for one in locked["package"] if one["name"] == "tongsuopy-crayon"]
    wheels = [wheel["url"].rpartition("/")[2] for wheel in package["wheels"]]
    for machine in ("x86_64", "aarch64"):
        for libc in ("manylinux", "musllinux"):
            assert [w for w in wheels if f"{libc}_" in w and w.endswith(f"{machine}.whl") and "-abi3-" in w], machine
    assert "sdist" not in package  # nothing to compile by accident


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['tongsuopy'] = None\nfrom datong.cli import main\n"
        f"sys.argv = ['datong', 'init', {str(tmp_path / 'n')!r}, '--crypto', 'guomi']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "GND-501" in done.stderr and "datong[guomi]" in done.stderr
    assert not (tmp_path / "n" / "datong.toml").exists()
