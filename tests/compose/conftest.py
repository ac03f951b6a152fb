"""Three nodes in one process: two providers and the group, the outbox carried by hand.

The small worlds stand in tests/deidentify/deidentify_world.py.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "deidentify"))

from compose_world import three
from deidentify_world import world

__all__ = ["three", "world"]
