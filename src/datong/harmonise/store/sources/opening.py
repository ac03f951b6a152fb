"""Opening a file of a source: its bytes in pieces, unpacked (gzip, zip), counted, hashed; and as text.

A packed file that unfolds to more than any real one does (a bomb) is refused while it unfolds, and so is a file that
changes while it is read. Nothing is held but one piece.
Contract: tests/harmonise/test_harmonise_sources.py, tests/harmonise/test_harmonise_bad_input.py.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, cast

from datong.ground.crypto import hashing
from datong.ground.refusal import Refusal, Text
from datong.harmonise.model.mappings import Source
from datong.harmonise.store.sources.telling import refused, refused_os

PIECE = 1 << 20
UNPACKED_FREE_BYTES = 200_000_000
UNPACKED_RATIO_MAX = 200
"""Packed content may always unfold to UNPACKED_FREE_BYTES, and beyond that to so many times its packed size: text packs
five- to thirtyfold, a bomb a thousandfold."""
LINE_CHARS_MAX = 64_000_000
"""The longest line, record or value that is held at once."""
GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"
BAD_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, IndexError, struct.error)
"""What Python's library raises over an archive whose bytes were changed."""


class Content:
    """The bytes of an open file in order, counted and hashed."""

    def __init__(self, source: Source, stream: IO[bytes], packed_bytes: int | None) -> None:
        self.source, self._stream, self._packed = source, stream, packed_bytes
        self._hashed, self.read_bytes = hashing.hasher(), 0

    def pieces(self) -> Iterator[bytes]:
        """What is left of it, piece by piece."""
        while piece := self._next():
            yield piece

    def finish(self) -> str:
        """Read to the end; "<algorithm>:<hex>" of all of it."""
        for _ in self.pieces():
            pass
        return hashing.labelled(self._hashed.hexdigest())

    def _next(self) -> bytes:
        place = self.source.path or self.source.name
        try:
            piece = self._stream.read(PIECE)
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError, zipfile.BadZipFile):
            raise _damaged(self.source, place) from None
        except OSError as error:
            raise refused_os(self.source, place, error) from None
        self.read_bytes += len(piece)
        self._hashed.update(piece)
        if self._packed is not None and unfolds_too_far(self._packed, self.read_bytes):
            zh, en = (
                f"解压后过大（超过 {self.read_bytes} 字节）",
                f"unpacks to more than {self.read_bytes} bytes, over {UNPACKED_RATIO_MAX} times its size: no real file",
            )
            raise refused(self.source, place, zh, en)
        return piece


def _damaged(source: Source, place: str) -> Refusal:
    return refused(source, place, "压缩文件损坏或不完整", "the packed file is damaged or cut short")


def unfolds_too_far(packed_bytes: int, unpacked_bytes: int) -> bool:
    return unpacked_bytes > max(UNPACKED_FREE_BYTES, UNPACKED_RATIO_MAX * packed_bytes)


FILES_MAX = 100_000


def named(path: str, data: Path) -> list[Path]:
    """The files that a path with `*` names, in the order of their names; of a path without one the one it names."""
    if "*" not in path or (data / path).exists():
        return [data / path]
    try:
        return sorted(found for found in data.glob(path) if found.is_file())
    except (ValueError, NotImplementedError):  # `**` beside other signs, or a path from the root
        return []


def stands_for(name: str, called: str) -> str:
    """What stands for each `*` of `name` in what is `called` so, with a blank between; "" where there is none."""
    pieces = [re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*\*/?|\*", name)]
    found = re.fullmatch("(.*?)".join(pieces), called)
    return " ".join(part for part in found.groups() if part) if found else called


def all_inside(source: Source, data: Path) -> list[Path]:
    """The source's files, each in the folder `data`; there is at least one."""
    paths = named(source.path, data)
    if not paths:
        raise refused(source, source.path, "没有匹配的文件", "no file is called so")
    if len(paths) > FILES_MAX:
        raise refused(source, source.path, f"匹配的文件超过 {FILES_MAX} 个", f"names more than {FILES_MAX} files")
    return [inside(replace(source, path=str(path.relative_to(data))), data) for path in paths]


def inside(source: Source, data: Path) -> Path:
    """The source's file in the folder `data`; a path or link that leads out of it is refused."""
    path = data / source.path
    if not path.resolve().is_relative_to(data.resolve()):
        raise refused(source, source.path, "路径超出数据目录", "leads out of the data folder")
    return path


@contextmanager
def opened(source: Source, path: Path) -> Iterator[Content]:
    """The content of a file; unpacked when it is gzip, or a zip of one file (or of the one `member` names)."""
    place = source.path or source.name
    try:
        with path.open("rb") as raw:
            before = state_of(path)
            magic = raw.read(4)
            raw.seek(0)
            packed = before[0] if magic[:2] == GZIP_MAGIC or magic == ZIP_MAGIC else None
            with _unpacked(source, raw, magic) as stream:
                yield Content(source, stream, packed)
            if state_of(path) != before:
                raise changed(source, place)
    except OSError as error:
        raise refused_os(source, place, error) from None


@contextmanager
def unchanged(source: Source, path: Path) -> Iterator[None]:
    """The same for a file that a library reads by its path."""
    place = source.path or source.name
    try:
        before = state_of(path)
        yield
        if state_of(path) != before:
            raise changed(source, place)
    except OSError as error:
        raise refused_os(source, place, error) from None


def changed(source: Source, place: str) -> Refusal:
    return refused(source, place, "读取期间文件有变动", "the file changed while it was read")


def state_of(path: Path) -> tuple[int, int, int]:
    """What shows that a file is the one that was looked at before: its size, when it was written, its place."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


@contextmanager
def _unpacked(source: Source, raw: IO[bytes], magic: bytes) -> Iterator[IO[bytes]]:
    if magic[:2] == GZIP_MAGIC:
        with gzip.open(raw) as stream:
            yield cast(IO[bytes], stream)
    elif magic == ZIP_MAGIC:
        with _zip(source, raw) as archive, _member(source, archive) as stream:
            yield stream
    else:
        yield raw


def _zip(source: Source, raw: IO[bytes]) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(raw)
    except (*BAD_ZIP, NotImplementedError):  # the last: of a version that no zip has
        place = source.path or source.name
        raise _damaged(source, place) from None


def _member(source: Source, archive: zipfile.ZipFile) -> IO[bytes]:
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    wanted = source.member or (names[0] if len(names) == 1 else "")
    if wanted not in names:
        listed = ", ".join(names[:10]) or "nothing"
        zh, en = f"压缩包内有多个文件，请用 member 指定：{listed}", f"name one of its files with `member`: {listed}"
        raise refused(source, source.path, zh, en)
    try:
        return archive.open(wanted)
    except BAD_ZIP:
        raise _damaged(source, f"{source.path}: {wanted}") from None
    except (RuntimeError, NotImplementedError):  # a password, or a way of packing that the library does not know
        zh, en = "压缩包有密码或压缩方式不支持", "has a password, or is packed in a way that is not supported"
        raise refused(source, f"{source.path}: {wanted}", zh, en) from None


# --- text --------------------------------------------------------------------------------------------------


def in_its_encoding(source: Source, path: Path) -> Source:
    """The source with the first of its encodings in which all of the file is text."""
    for encoding in source.encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        with opened(source, path) as content:
            try:
                for piece in content.pieces():
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
        return replace(source, encoding=encoding)
    return source


def text_of(source: Source, content: Content) -> Iterator[str]:
    """The content as text, piece by piece, without a byte order mark; the first byte that is no such text is told."""
    pieces = content.pieces()
    head = next(pieces, b"")
    if head.startswith(codecs.BOM_UTF8):  # which says so itself
        source = replace(source, encoding="utf-8")
    decoder = codecs.getincrementaldecoder(source.encoding)()
    at, lines, first = 0, 0, True
    piece, begun = b"", b""
    takes_any = codecs.lookup(source.encoding).name in ("gb18030", "gbk")  # so that UTF-8 has to be looked for
    try:
        for piece in chain((head,), pieces):
            text = decoder.decode(piece)
            if takes_any:
                whole, _, rest = (begun + piece).rpartition(b"\n")
                _require_no_utf8(source, whole, at - len(begun), lines)
                begun = rest if len(rest) <= LINE_CHARS_MAX else b""
            at, lines = at + len(piece), lines + piece.count(b"\n")
            yield text.removeprefix("\ufeff") if first else text
            first = first and not text
        piece = b""
        _require_no_utf8(source, begun, at - len(begun), lines)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        held = error.object[: error.start]  # what the decoder still had of the piece before, and this one's beginning
        byte = at + error.start - (len(error.object) - len(piece))
        line = lines + held.count(b"\n")
        raise _other_encoding(source, error, byte, line) from None


def _other_encoding(source: Source, error: UnicodeDecodeError, byte: int, line: int) -> Refusal:
    """Says which encoding the line at fault is in, when one fits: files are put together from several."""
    whole = error.object
    start, end = whole.rfind(b"\n", 0, error.start) + 1, whole.find(b"\n", error.start)
    other = next((name for name in ("gb18030", "utf-8") if _is_text(whole[start : end if end > 0 else None], name)), "")
    zh, en = f"不是 {source.encoding} 编码", f"is not {source.encoding}"
    if not byte and whole.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        zh, en = f"{zh}，而是 UTF-16：写 encoding: utf-16", f"{en} but UTF-16: say `encoding: utf-16`"
    elif other and codecs.lookup(other) != codecs.lookup(source.encoding):
        zh, en = f"{zh}；该行可按 {other} 读出", f"{en}; the line reads as {other}"
        if line:
            zh, en = f"{zh}，文件混用了编码", f"{en}, so the file mixes encodings"
        zh, en = f"{zh}{_EACH.zh}", f"{en}{_EACH.en}"
    return refused(source, f"{source.path or source.name} @ byte {byte}, line {line + 1}", zh, en, read=line)


_EACH = Text(
    "；若各文件整个编码不同，写 encoding: [utf-8, gb18030]",
    "; where whole files of a source differ, `encoding: [utf-8, gb18030]` reads each in its own",
)


def _require_no_utf8(source: Source, lines: bytes, byte: int, before: int) -> None:
    """Refuses a line of UTF-8 among those of GB18030, which reads almost any bytes as some characters: one that in
    UTF-8 is common Chinese, two characters or more, and in GB18030 is not. byte, before: where the first line is."""
    if lines.isascii():
        return
    for number, line in enumerate(lines.split(b"\n"), before + 1):
        if not line.isascii() and _is_text(line, "utf-8") and not _is_text(line, "gb2312"):
            text = line.decode().removeprefix("\ufeff")
            if sum(sign > "\x7f" for sign in text) >= 2 and _is_common(text):
                zh, en = (
                    f"该行是 UTF-8 而不是 {source.encoding}，文件混用了编码{_EACH.zh}",
                    f"the line is UTF-8, not {source.encoding}, so the file mixes encodings{_EACH.en}",
                )
                place = f"{source.path or source.name} @ byte {byte}, line {number}"
                raise refused(source, place, zh, en, read=number - 1)
        byte += len(line) + 1


def _is_common(text: str) -> bool:
    """Whether all of its characters are of GB 2312, as those of most Chinese texts are."""
    try:
        text.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def _is_text(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def lines_of(source: Source, content: Content) -> Iterator[str]:
    """The lines of the text with their ends, as they stand in the file."""
    rest = ""
    for piece in text_of(source, content):
        lines = io.StringIO(rest + piece, newline="").readlines()
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""
        if len(rest) > LINE_CHARS_MAX:
            raise too_long(source)
        yield from lines
    if rest:
        yield rest


def too_long(source: Source, read: int = 0) -> Refusal:
    zh, en = (
        f"有一行（或一条记录）超过 {LINE_CHARS_MAX} 个字符",
        f"one line or record is longer than {LINE_CHARS_MAX} characters",
    )
    return refused(source, source.path or source.name, zh, en, read=read)
