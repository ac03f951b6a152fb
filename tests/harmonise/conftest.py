"""Makes harmonise_desk importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
