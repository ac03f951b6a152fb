"""What a build goes through."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """States of a build."""

    built = "built"
    refused = "refused"
