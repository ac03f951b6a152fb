"""The only package that knows everybody: it opens the store, builds the rooms, mounts the doors, registers handlers.

    making      init: the folder of a new node
    opening     open_here, open_store, first_operator: the store of the node in a folder
    messages    what the messages of other nodes do
    national    the national rail's part of a node
    work        what a node does by itself: its jobs, what falls due
    doors       every route of a node
    running     open_node: everything of one node, ready to run (tests open several in one process); serve

Contract: tests/cli/ and tests/journey/.
"""

import datong.audit.service  # noqa: F401 - no other room needs the last one
from datong.app.doors import all_routes, routes
from datong.app.making import Made, init
from datong.app.messages import RECEIVERS, receivers
from datong.app.national import on_national_rail
from datong.app.opening import FirstOperator, Here, first_operator, open_here, open_store
from datong.app.running import Node, open_node, serve

__all__ = [
    "RECEIVERS", "FirstOperator", "Here", "Made", "Node", "all_routes", "first_operator", "init", "on_national_rail",
    "open_here", "open_node", "open_store", "receivers", "routes", "serve",
]  # fmt: skip
