"""Secrets: the value of an environment variable, or the content of the file that the variable NAME_FILE names.

The second is how containers and service managers hand secrets out; a process's environment is seen by more people than
a file of its own. Only the names of variables are ever told. Contract: tests/harmonise/test_harmonise_addresses.py.
"""

from __future__ import annotations

import os
from pathlib import Path

from datong.harmonise.model.mappings import Source
from datong.harmonise.store.sources.telling import refused

FILE = "_FILE"
BYTES_MAX = 65_536


def is_set(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(name + FILE))


def shown_value(name: str) -> str:
    """What a variable says that is no secret, such as an address; "" when it is not set."""
    return os.environ.get(name, "")


def secret(source: Source, name: str) -> str:
    """What `name` holds; it must hold something."""
    value = os.environ.get(name, "") or _in_file(source, name + FILE)
    if not value:
        zh, en = (
            f"环境变量（或 {name}{FILE} 所指的文件）未给出内容",
            f"this environment variable, which should hold a secret, is not set (nor is {name}{FILE}, for a file)",
        )
        raise refused(source, name, zh, en)
    return value


def _in_file(source: Source, name: str) -> str:
    path = os.environ.get(name, "")
    if not path:
        return ""
    try:
        with Path(path).open("rb") as opened:
            data = opened.read(BYTES_MAX + 1)
        if len(data) <= BYTES_MAX:
            return data.decode("utf-8").rstrip("\r\n")
        zh, en = "所指的文件过大", "names a file that is too large for a secret"
    except UnicodeDecodeError:
        zh, en = "所指的文件不是文本", "names a file that is no text"
    except OSError as error:
        said = error.strerror or "error"
        zh, en = f"所指的文件不能读取（{said}）", f"names a file that cannot be read ({said})"
    raise refused(source, name, zh, en)
