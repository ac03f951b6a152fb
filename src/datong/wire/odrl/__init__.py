"""ODRL: policies in the compact JSON of the Dataspace Protocol, and graphs of any ODRL vocabulary.

compact     the model as Offers and Agreements of DSP messages, and back
turtle      the model as an ODRL Set in Turtle, and back (needs datong[odrl])
graphs      Turtle, and a reader of the nodes of a graph (needs datong[odrl], as all below)
policies    )
requests    ) what a compliance report is made of, read from graphs; evaluations: from three files
worlds      )
reports     a compliance report as JSON-LD
Must never know: negotiations, transport. Contract: tests/wire/test_wire_odrl*.py.
"""

from datong.wire.odrl.compact import from_odrl, to_agreement, to_offer

__all__ = ["from_odrl", "to_agreement", "to_offer"]
