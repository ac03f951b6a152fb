"""The risk report of every release: kept by the gate in the transaction of the release, signed by a reviewer.

The report is what the gate decided by, never computed a second time; what the same figures mean today, under the
assessment record that counts now, stands beside it. A signature is a deed of the evidence log and lets nothing pass:
the gate does. Must never know: contracts. Contract: tests/deidentify/test_deidentify_reports.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datong.deidentify import store
from datong.deidentify.model.joint import Form, Risk
from datong.deidentify.model.risk_report import NO_REPORT, OWN_RELEASE, SIGNED_ALREADY, RiskReport
from datong.deidentify.rules import risk as risks
from datong.deidentify.rules.printing import release_facts
from datong.deidentify.service.assessments import assessment_for
from datong.deidentify.service.printing import as_pdf
from datong.deidentify.store import reports as kept
from datong.ground import evidence, signing
from datong.ground.canonical import digest
from datong.ground.db import Tx, new_id
from datong.register import service as register
from datong.terms.roles import Role, one_hand
from datong.terms.verbs import verb, view

GROUP = "group_id"


def keep(
    tx: Tx,
    release: Mapping[str, Any],
    report: RiskReport,
    earlier: Sequence[str],
    beside: Sequence[str] = (),
    reason: str = "",
    asked: Sequence[Mapping[str, str]] = (),
) -> None:
    """Keep the report of a release that just passed, and who asked for it; the same again adds only a new asker.

    earlier: ids of the releases to the same recipient group that speak of the same events. beside: of those to others
    that together with it single somebody out, and the `reason` why it left all the same. asked: who asked before.
    """
    asker = {"person": tx.actor.person, "let_in_by": tx.actor.issued_by}
    row = tx.get(kept.reports, release["id"])
    if row is not None:
        if asker not in row["askers"]:
            tx.change(kept.reports, release["id"], askers=[*row["askers"], asker])
            evidence.append(tx, "deidentify.release_asked_again", kept.reports, release["id"])
        return
    names = ("dataset", "recipient_group", "agreement", "assessment", "groups_digest", "file_digest", "at")
    told = {
        "release": release["id"], **{name: release[name] for name in names}, "earlier": list(earlier),
        "releases": 1 + len(earlier), "p": release["recipe"].get("p", 0),
        "beside": list(beside), "beside_reason": reason if beside else "",
        **report.as_json([GROUP]), "limit": risks.LIMIT, "passes": True, "change": None,
    }  # fmt: skip
    found = digest(told)
    askers = [*(dict(one) for one in asked if one != asker), asker]
    tx.add(kept.reports, {"id": release["id"], "report": told, "report_digest": found, "askers": askers,
                          "at": tx.now})  # fmt: skip
    evidence.append(tx, "deidentify.risk_reported", kept.reports, release["id"], report_digest=found,
                    overall_risk=told["overall_risk"], overall_risk_at_cr_1=told["overall_risk_at_cr_1"],
                    level=told["level"], floors_met=told["floors_met"], releases=told["releases"])  # fmt: skip


def today(tx: Tx, release: Mapping[str, Any]) -> tuple[Risk, Mapping[str, Any] | None]:
    """The figures of a release at the contextual risk of now, and the assessment record behind it."""
    record = None
    if release["form"] != Form.public:
        record = assessment_for(tx, recipient_group=release["recipient_group"], subject=release["dataset"],
                                providers=release["providers"])  # fmt: skip
    return risks.again(release["risk"], record["cr"] if record else 1.0), record


@view()
def release_report(tx: Tx, *, release: str) -> dict[str, Any]:
    """The risk report of a release as the gate kept it, its figures at today's CR, who asked for it and who signed.

    The figures are those of `datong risk`: three attackers, GB/T 42460, over all that the recipient group holds.
    """
    row = _report(tx, release)
    facts = store.release_facts(tx, row["id"])
    assert facts is not None
    now, record = today(tx, facts)
    return {
        **row["report"], "report_digest": row["report_digest"], "asked_by": [one["person"] for one in row["askers"]],
        "today": {
            "at": tx.now, "assessment": record["id"] if record else "", "cr": now.cr,
            "overall_risk": now.overall_risk, "level": now.level, "passes": risks.passes(now),
        },
        "signatures": [_signature(tx, one) for one in kept.signatures_of(tx, row["id"])],
    }  # fmt: skip


@verb(Role.reviewer)
def sign_report(tx: Tx, *, release: str, note: str = "") -> dict[str, Any]:
    """Sign the risk report of a release as its reviewer; not the person who asked for the release.

    note: what the reviewer wants to be read beside the name.
    """
    row = _report(tx, release)
    me = tx.actor
    if any(one_hand(me.person, me.issued_by, one["person"], one["let_in_by"]) for one in row["askers"]):
        raise OWN_RELEASE()
    for one in kept.signatures_of(tx, row["id"]):
        if one["person"] == me.person:
            raise SIGNED_ALREADY(at=one["at"])
    signed = {"id": new_id("signature"), "release": row["id"], "report_digest": row["report_digest"],
              "person": me.person, "note": note.strip(), "at": tx.now}  # fmt: skip
    tx.add(kept.signatures, signed)
    evidence.append(tx, "deidentify.report_signed", kept.signatures, signed["id"], release=row["id"],
                    report_digest=row["report_digest"])  # fmt: skip
    return _signature(tx, signed)


def report_pdf(tx: Tx, release: str) -> bytes:
    """The report of a release with its signatures, as a PDF in both languages; needs the extra privacy."""
    told = release_report(tx, release=release)
    return as_pdf(told, release_facts(told, signing.me(tx).name), told["signatures"])


def _report(tx: Tx, release: str) -> dict[str, Any]:
    row = tx.get(kept.reports, release[:80])
    if row is None:
        raise NO_REPORT(release=release[:80])
    return dict(row)


def _signature(tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
    """A signature with the name of who gave it, as the directory of people has it, and its leaf."""
    names = ("id", "person", "at", "note", "report_digest")
    return {
        **{name: row[name] for name in names}, "name": register.person_card(tx, row["person"])["name"],
        "leaf": evidence.leaf_of(tx, kept.signatures, row["id"]),
    }  # fmt: skip
