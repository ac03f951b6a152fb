"""What the tests on Spark share: where it is, and when they cannot run. `make test-matrix` runs them.

DATONG_TEST_SPARK names the master; two workers of one core are started when it is not set.
"""

from __future__ import annotations

import os
import shutil

import pytest

pytest.importorskip("pyspark", reason="needs the extra spark")
MASTER = os.environ.get("DATONG_TEST_SPARK", "local-cluster[2,1,1024]")
MARKS = [
    pytest.mark.spark,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs Java 17 (Debian: openjdk-17-jre-headless)"),
    pytest.mark.filterwarnings("ignore"),
]
