"""Datong 大同: one node per organisation; rooms in the order of the journey. See ARCHITECTURE.md."""

__version__ = "0.1.0"
