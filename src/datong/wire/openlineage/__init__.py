"""OpenLineage 2-0-2: what was built from what, column by column, as run events.

    events   an attempt to build, as its START and its COMPLETE or FAIL event; a version of a product likewise
    files    the events of a node, a file a day
    routes   GET /openlineage/events, for a collector that pulls

Must never know: how anything is built. Contract: tests/wire/test_wire_openlineage.py.
"""

from datong.wire.openlineage.events import events_of, version_events
from datong.wire.openlineage.files import keep
from datong.wire.openlineage.routes import routes

__all__ = ["events_of", "keep", "routes", "version_events"]
