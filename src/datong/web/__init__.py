"""The doors for people and programs of this organisation: JSON API, console, sessions.

Beside `wire`, not seeing it. Must never know: SQL of the rooms. Contract: tests/web/.
"""
