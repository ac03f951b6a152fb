"""How a source that cannot be read is told of: where, and why, in both languages; never a value, never a secret."""

from __future__ import annotations

from datong.ground.refusal import Refusal
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.refusals import UNREADABLE


def refused(source: Source, place: str, zh: str, en: str, read: int = 0) -> Refusal:
    """UNREADABLE at `place`, after `read` whole records."""
    return UNREADABLE(source=source.name, place=place, zh=zh, en=en, read=read)


def refused_os(source: Source, place: str, error: OSError) -> Refusal:
    """A file that the system does not give."""
    if isinstance(error, FileNotFoundError):
        return refused(source, place, "没有这个文件", "there is no such file")
    said = error.strerror or "error"
    return refused(source, place, f"不能读取（{said}）", f"cannot be read ({said})")
