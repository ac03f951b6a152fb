"""authorise 授权: who may hold, process, use and operate which data, for what, until when.

One kind of record, the instrument (权利文件): plans and agreements of authorised operation, consents of supplying
units, data-use authorisations of companies, legal bases for personal data. They are signed, copied to the nodes
that need them, and withdrawn by a signed notice; `clearance` asks them all at once.
Must never know: protocols, prices, how data are processed. Contract: tests/authorise/.
"""
