"""The page of a release: the risk report the gate kept, what it means today, who signed it; the same report as a PDF.

A reviewer signs on the page itself. Must never know: how a risk is computed.
Contract: tests/web/test_releases.py and test_releases_browser.py.
"""

from __future__ import annotations

import secrets
from typing import Any

from starlette.responses import Response

from datong.deidentify import service as deidentify
from datong.ground.idempotency import once
from datong.ground.refusal import Kind, Refusal
from datong.terms.verbs import VERBS
from datong.web.api import STATUS
from datong.web.outcomes import Outcome
from datong.web.story import gauge
from datong.web.visits import Visit

REPORT, SIGN = "deidentify.release_report", "deidentify.sign_report"
GAUGE_WIDTH = 520


def more(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    """What a release's page tells beside the release; without a report, why there is none."""
    try:
        report = visit.view(REPORT, release=row["id"])
    except Refusal as refused:
        return {"report": None, "no_report": refused.as_json(), "error": _error(visit)}
    leaves = [leaf for one in report["signatures"] for leaf in visit.view("audit.leaves", record=one["id"], limit=1)]
    return {
        "report": report, "signing_leaves": leaves, "error": _error(visit), "key": secrets.token_hex(16),
        "gauge": gauge(report["overall_risk"], report["limit"], report["overall_risk_at_cr_1"], GAUGE_WIDTH),
        "may_sign": visit.may(SIGN) and visit.actor.person not in report["asked_by"],
        "given_note": visit.form.get("note", ""),
        "has_signed": any(one["person"] == visit.actor.person for one in report["signatures"]),
    }  # fmt: skip


def _error(visit: Visit) -> Any:
    return visit.outcome.error if visit.outcome else None


def signed(visit: Visit) -> Outcome:
    """The report signed by whoever is here; then its page as it is, or with the refusal."""
    release, note = str(visit.request.path_params["id"]), visit.form.get("note", "")
    if visit.shows:
        return Outcome({"note": note})
    if (refused := _refused(visit, release, note)) is None:
        return Outcome({}, done=True)
    if not any(one["id"] == release for one in visit.view("deidentify.releases")):
        raise refused
    return Outcome({"note": note}, refused.as_json(), STATUS[Kind(refused.kind)])


def _refused(visit: Visit, release: str, note: str) -> Refusal | None:
    """Sign it; why that was refused."""
    key, asked = visit.form.get("_key") or secrets.token_hex(16), {"release": release, "note": note}
    try:
        with visit.store.begin(visit.actor, "deidentify") as tx:
            once(tx, key, [SIGN, asked], lambda: VERBS[SIGN].call(tx, **asked))
    except Refusal as why:
        return why
    return None


def pdf(visit: Visit) -> Response:
    """The report as a PDF to keep: figures in both languages, who signed, when, under which leaf of the evidence."""
    release = str(visit.request.path_params["release"])
    with visit.store.read(visit.actor) as tx:
        data = deidentify.report_pdf(tx, release)
    name = f"attachment; filename=risk-{release}.pdf"
    return Response(data, media_type="application/pdf", headers={"content-disposition": name})
