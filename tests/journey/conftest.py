from collections.abc import Iterator

import pytest

from demo_run import Run, finished
from living import Living, alive

__all__ = ["finished"]


@pytest.fixture(scope="module")
def living(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """The five nodes, taken up where the finished run left them; each test file has its own copy."""
    with alive(finished, tmp_path_factory.mktemp("living") / "demo") as world:
        yield world
