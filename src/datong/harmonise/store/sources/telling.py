"""How a source that cannot be read is told of: where, and why, in both languages; never a value, never a secret."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datong.ground.refusal import Refusal, Text
from datong.harmonise.model.mappings import Source
from datong.harmonise.model.refusals import UNREADABLE


def refused(source: Source, place: str, zh: str, en: str, read: int = 0) -> Refusal:
    """UNREADABLE at `place`, after `read` whole records."""
    return UNREADABLE(source=source.name, place=place, zh=zh, en=en, read=read)


def refused_header(
    source: Source, place: str, names: Sequence[str], called: Callable[[int], str], fix: Text
) -> Refusal:
    """A header that names no column, or two alike. called: how people call the column at a place. Its names are not
    told: where there is no header they are values."""
    at = next(([n for n, other in enumerate(names) if other == name] for name in names if names.count(name) > 1), [])
    if not at:
        return refused(source, place, "缺少表头", "has no header")
    alike = [called(number) for number in at]
    zh = f"{'、'.join(alike)} 列同名；{fix.zh}"
    return refused(source, place, zh, f"the columns {' and '.join(alike)} have one name; {fix.en}")


def require_places(source: Source, place: str, columns: Sequence[str], header: Sequence[str | None]) -> None:
    """The names that the source gives its columns stand where the skipped header, the last line that is skipped, has
    them, as far as it has them: in a file with another order every value would come under a wrong name."""
    names = [(name or "").strip() for name in header]
    for at, name in enumerate(columns):
        there = [n for n, other in enumerate(names) if other == name]
        if there and at not in there:
            zh = f"columns 把 {name} 列为第 {at + 1} 列，跳过的表头中它是第 {there[0] + 1} 列"
            en = f"`columns` says that {name} is column {at + 1}; in the header that is skipped it is {there[0] + 1}"
            raise refused(source, place, zh, en)


def refused_os(source: Source, place: str, error: OSError) -> Refusal:
    """A file that the system does not give."""
    if isinstance(error, FileNotFoundError):
        return refused(source, place, "没有这个文件", "there is no such file")
    said = error.strerror or "error"
    return refused(source, place, f"不能读取（{said}）", f"cannot be read ({said})")
