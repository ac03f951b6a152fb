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
from datong.web.pages import PAGES
from datong.web.story import gauge
from datong.web.visits import Answer, Visit

REPORT, SIGN = "deidentify.release_report", "deidentify.sign_report"
GAUGE_WIDTH = 520


def more(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    """What a release's page tells beside the release; without a report, why there is none."""
    try:
        report = visit.view(REPORT, release=row["id"])
    except Refusal as refused:
        return {"report": None, "no_report": refused.as_json(), "error": None}
    leaves = [leaf for one in report["signatures"] for leaf in visit.view("audit.leaves", record=one["id"], limit=1)]
    return {
        "report": report, "signing_leaves": leaves, "error": None, "key": secrets.token_hex(16),
        "gauge": gauge(report["overall_risk"], report["limit"], report["overall_risk_at_cr_1"], GAUGE_WIDTH),
        "may_sign": visit.may(SIGN) and visit.actor.person not in report["asked_by"],
        "has_signed": any(one["person"] == visit.actor.person for one in report["signatures"]),
    }  # fmt: skip


def signed(visit: Visit) -> Answer:
    """The report signed by whoever is here; the page as it then is, or with the refusal."""
    release, note = str(visit.request.path_params["id"]), visit.form.get("note", "")
    refused = None if visit.shows else _refused(visit, release, note)
    row = next((one for one in visit.view("deidentify.releases") if one["id"] == release), None)
    if row is None:
        assert refused is not None
        raise refused
    page = next(page for page in PAGES if page.slug == "releases")
    shown = {"page": page, "section": page.sections[0], "row": row, **more(visit, row),
             "proofs": visit.view("audit.leaves", record=release, limit=20)}  # fmt: skip
    shown |= {"error": refused.as_json() if refused else None, "given_note": note if refused or visit.shows else ""}
    return "release.html", shown, STATUS[Kind(refused.kind)] if refused else 200


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
