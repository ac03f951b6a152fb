"""A file that is there whole or not at all: written beside its place, flushed to disk, renamed.

For files that no row of the store names. One that a row names is staged before the commit and renamed after it, by the
room that has the row. Must never know: what is written. Contract: tests/ground/test_staging.py.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STAGED = ".staged"
_NUMBERS = itertools.count()


def flush(path: Path) -> None:
    """What is written in a file, or which names a folder holds, survives a power cut from here on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to: at the end of the block it takes the place of `path`; after an exception
    nothing was changed. Each call has a name of its own, so that two writers do not meet; a crash may leave it, ending
    in STAGED."""
    staged = path.with_name(f".{path.name}.{os.getpid()}-{next(_NUMBERS)}{STAGED}")
    try:
        yield staged
        flush(staged)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
