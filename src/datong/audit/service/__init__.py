"""The verbs of audit: verify, leaves, receipt, health, export_bundle, walk, trace, capability,
disclosure.

Contract: tests/audit/.
"""

from datong.audit.service.bundle import bundle, export_bundle
from datong.audit.service.capability import capability
from datong.audit.service.checking import checked
from datong.audit.service.disclosing import disclosure
from datong.audit.service.views import health, leaves, receipt, verify
from datong.audit.service.walking import trace, walk

__all__ = [
    "bundle", "capability", "checked", "disclosure", "export_bundle", "health", "leaves", "receipt", "trace", "verify",
    "walk",
]  # fmt: skip
