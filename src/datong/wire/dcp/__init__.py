"""Decentralized Claims Protocol 1.0: who a counterparty is, by its DID and the credentials it presents.

    did             did:web documents
    tokens          self-issued ID tokens
    credentials     membership credentials and presentations as JWT, status lists
    verifying       a request's sender, from its token to its credential
    routes          this node's document, its credential service, its status list; on a function node the issuer's

Contract: tests/wire/dcp/.
"""
