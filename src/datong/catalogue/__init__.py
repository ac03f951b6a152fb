"""catalogue 目录: what is on offer here and at peers: listings behind their gates, offers, search.

Must never know: contracts, how data are delivered. Contract: tests/catalogue/.
"""
