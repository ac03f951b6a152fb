"""The only package that knows everybody: it opens the store, builds the rooms, mounts the doors, registers handlers.

    making      init: the folder of a new node
    opening     open_workspace: the store of the node in a folder, and of its rooms the one of its workspace
    rooms       open_here, open_store, first_operator: with every room
    messages    what the messages of other nodes do
    national    the national rail's part of a node
    work        what a node does by itself: its jobs, what falls due
    doors       every route of a node
    running     open_node: everything of one node, ready to run (tests open several in one process); serve

What opens a store, and what serves, is brought in when it is first asked for: making a node needs no database, and a
command of the workspace no web.
Contract: tests/cli/ and tests/journey/.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datong.app.making import Made, init

if TYPE_CHECKING:
    from datong.app.doors import all_routes, routes
    from datong.app.messages import RECEIVERS, receivers
    from datong.app.national import on_national_rail
    from datong.app.opening import Here, open_workspace
    from datong.app.rooms import FirstOperator, first_operator, open_here, open_store
    from datong.app.running import Node, open_node, serve

__all__ = [
    "RECEIVERS", "FirstOperator", "Here", "Made", "Node", "all_routes", "first_operator", "init", "on_national_rail",
    "open_here", "open_node", "open_store", "open_workspace", "receivers", "routes", "serve",
]  # fmt: skip

_LATER = {
    "doors": ("all_routes", "routes"),
    "messages": ("RECEIVERS", "receivers"),
    "national": ("on_national_rail",),
    "opening": ("Here", "open_workspace"),
    "rooms": ("FirstOperator", "first_operator", "open_here", "open_store"),
    "running": ("Node", "open_node", "serve"),
}


def __getattr__(name: str) -> Any:
    for module, names in _LATER.items():
        if name in names:
            return getattr(import_module(f"datong.app.{module}"), name)
    raise AttributeError(f"module 'datong.app' has no attribute {name!r}")
