"""A risk report as a PDF, or the refusal that names the extra it needs.

Contract: tests/deidentify/test_deidentify_reports.py, tests/cli/test_cli_risk.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datong.deidentify.model.refusals import NO_EXTRA
from datong.deidentify.rules.printing import Line, printed


def as_pdf(told: Mapping[str, Any], facts: Sequence[Line], signatures: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """See rules.printing.printed; DID-454 where the extra privacy is not installed."""
    try:
        return printed(told, facts, signatures)
    except ModuleNotFoundError as missing:
        raise NO_EXTRA(package=str(missing.name).partition(".")[0]) from None
