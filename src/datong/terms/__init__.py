"""The language all rooms share, pure: roles and verbs, policies, grades, tariffs, rule files with sources.

Must never know: databases, wire formats. Contract: tests/terms/.
"""
