"""The national rail: interfaces of TC609-6-2025-14 and -15, NDI-TR-2025-03 and -05, both called and served.

    data/       the interface tables as facts, dated      tables    reading them, and a node's own corrections
    reading     a message against its table               answers   return codes and envelopes of each document
    strategies  TC609 strategy objects <-> policies       contracts the messages of the digital contract
    control     the messages of usage control             identity  the messages of identity and connectors
    access      who sends a request                       serving   how the rooms answer each interface
    routes, sending   the two directions over HTTP

A message is checked against its table before anything else looks at it; every documented odd spelling is read, the
printed one is written. Must never know: whether to agree, whom to admit, what a usage means (those are negotiate's,
register's and deliver's). Contract: tests/wire/ndi/.
"""
