"""Documentation pages as tests read them: their code blocks, and a shell in which the blocks are really run.

A ```sh block is run; the ```output block after it is what it printed, where "…" stands for anything. Values that
differ from run to run (ids, keys, digests, times, tokens, ports) are compared by their form only. A ```sh block that
cannot be run says why in a comment before it: <!-- not run: the reason -->.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")

_MASKS = (
    (r"(sha256|sm3):[0-9a-f]{64}", r"\1:#"),
    (r"(Ed25519|SM2):[\w-]{40,}", r"\1:#"),
    (r"\b[1-7][0-9A-Z]{18}5201[0-9A-Z]{8}[0-9A-Z*]", "CODE#"),
    (r"\b([a-z]+)-[0-9a-f]{24,40}\b", r"\1-#"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME#"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:#"),
    (r"(?<![\w-])(dt_)?[\w-]{43}(?![\w-])", "TOKEN#"),
    (r"\b\d+\.\d s\b", "#.# s"),
    (r"[ \t]+$", ""),
    (r"^首次使用：.*\n", ""),  # said once by an installation, to whoever comes first
)


@dataclass(frozen=True)
class Block:
    kind: str
    text: str
    note: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(m["kind"], m["text"], m["note"] or "", text.count("\n", 0, m.start("text")))
        for m in _BLOCK.finditer(text)
    ]


def links(page: Path) -> list[str]:
    """Targets of the links of a page, outside its code blocks."""
    return _LINK.findall(_BLOCK.sub("", page.read_text("utf-8")))


def masked(text: str) -> str:
    for form, sign in _MASKS:
        text = re.sub(form, sign, text, flags=re.MULTILINE)
    return text.strip()


def same(told: str, was: str) -> bool:
    """Whether `was` printed is what the page told; "…" in the page stands for anything, alone on a line for any lines."""
    form = ".*?".join(map(re.escape, masked(told).split("…")))
    line_end = re.escape("\n")
    form = form.replace(f"{line_end}.*?{line_end}", r"\n(?:.*?\n)?")
    return re.fullmatch(form, masked(was), re.DOTALL) is not None


class Shell:
    """One bash in a folder, kept between blocks as a reader's terminal is."""

    def __init__(self, folder: Path, **environment: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATONG_", "LC_", "LANG"))}
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, text=True,
            env={**clean, "PATH": f"{BIN}:{os.environ['PATH']}", "LANG": "C.UTF-8", **environment},
        )  # fmt: skip

    def run(self, commands: str) -> str:
        """What the commands print, errors included."""
        end = f"end-{secrets.token_hex(8)}"
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{commands}\necho; echo {end}\n")
        self.process.stdin.flush()
        printed = []
        for line in self.process.stdout:
            if line.strip() == end:
                return "".join(printed)
            printed.append(line)
        raise AssertionError("the shell ended: " + "".join(printed))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def follow(page: Path, shell: Shell, replaced: dict[str, str] | None = None) -> int:
    """Run the page's ```sh blocks in order and hold them to their ```output; how many outputs were compared."""
    compared = 0
    printed = None
    for block in blocks(page):
        if block.kind in ("sh", "python"):
            printed = None
        if block.kind == "sh" and not block.note.startswith("not run: "):
            text = block.text
            for told, real in (replaced or {}).items():
                text = text.replace(told, real)
            printed = shell.run(text)
        elif block.kind == "output" and printed is not None:
            where = f"{page.relative_to(ROOT)}:{block.line}"
            assert same(block.text, printed), f"{where}\n--- told\n{masked(block.text)}\n--- printed\n{masked(printed)}"
            compared += 1
    return compared
