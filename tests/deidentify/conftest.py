"""Fixtures of this room's tests; the worlds themselves stand in deidentify_world."""

from deidentify_world import world

__all__ = ["world"]
