"""Harmonise, de-identify, compose: from the owners' files to the product, counted at the owners and joined at the group.

Contract: tests/journey/test_journey_sources.py and test_journey_report.py.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from paperwork import BIKE, BUREAU, GROUP, HERE, LAB, PURPOSE, REGISTRY, parties
from reporting import every
from world import Person, Refused, keep

from datong.deidentify.rules.risk import LIMIT

if TYPE_CHECKING:
    from journey import Journey


def harmonise(j: Journey) -> str:
    """Three sources become standard tables, at both owners at once; what does not fit is quarantined."""
    with ThreadPoolExecutor() as owners:
        sources = ((BIKE, ("trips", "positions")), (BUREAU, ("passages",)))
        done = list(owners.map(lambda owned: harmonised(j, *owned), sources))
    return "; ".join(told for of_owner in done for told in of_owner)


def harmonised(j: Journey, slug: str, names: tuple[str, ...]) -> list[str]:
    """One owner's sources, one after the other; a few words on each."""
    engineer, said = j.who(slug, "data_engineer"), []
    for name in names:
        resource = j.codes.get(name, j.known[f"{name}.id"])
        engineer.ask("harmonise.check", workspace="workspace", data="sources", mapping=name)
        built = engineer.do("harmonise.build", resource=resource, workspace="workspace", data="sources", mapping=name)
        j.known[f"{name}.build"] = built
        classified(engineer, resource)
        said.append(f"{name} {built['read']:,} = {built['harmonised']:,} + {built['quarantined']:,} quarantined")
    return said


def classified(engineer: Person, resource: str) -> None:
    """The owner's engineer has looked at what is proposed of each column and of the whole, and confirms it: without
    that nothing that is counted of it is let out."""
    proposed = engineer.do("deidentify.propose_classification", dataset=resource)
    impacts = dict.fromkeys(proposed["judge_anew"], "none")
    engineer.do("deidentify.confirm_classification", dataset=resource, rest=True, impacts=impacts)


def deidentify(j: Journey) -> str:
    """The joint partition is agreed; without assessments no count leaves; with them each provider's do."""
    manager = j.who(GROUP, "product_manager")
    recipe = (HERE / "facts" / "mobility-flows.yaml").read_text("utf-8")
    manager.do(
        "compose.define_product", product=j.codes["product"], recipe=recipe,
        resources={"bikes": j.codes["trips"], "vehicles": j.codes["passages"]},
    )  # fmt: skip
    supplies = [
        {"resource": j.codes[name], "agreement": j.known[f"{name}.agreement"], "node": j.codes[f"node:{slug}"]}
        for slug, name in ((BIKE, "trips"), (BUREAU, "passages"))
    ]
    proposed = manager.do("compose.propose_partition", product=j.codes["product"], supplies=supplies)
    agreed = j.until(
        manager, "compose.partition", lambda p: p["state"] == "agreed", "the partition to be agreed", id=proposed["id"]
    )
    j.known["partition"] = agreed
    refused = refused_release(j)
    assess(j)
    released = 0
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        j.known[f"{name}.release"] = release(j, slug, j.known[f"{name}.agreement"])
        released += 1
    return (
        f"{agreed['groups']:,} joint groups agreed in {len(agreed['levels'])} rounds; {every(released)} providers' counts"
        f" passed their gates, which refused them without an assessment ({refused})"
    )


def release(j: Journey, slug: str, agreement: str) -> dict[str, Any]:
    engineer = j.who(slug, "data_engineer")

    def attempt() -> Any:
        try:
            return engineer.do("deliver.release_supply", agreement=agreement)
        except Refused as refused:
            if refused.error.get("kind") in ("unknown", "conflict"):  # the agreed partition is still on its way
                return None
            raise

    return dict(j.world.wait_for(attempt, f"{slug} to release its counts"))


def refused_release(j: Journey) -> str:
    """The bike company asks to release its counts before anybody assessed the group; what its gate answered."""
    kept = j.folder / BIKE / "refused-release.json"
    if not kept.exists():  # a resumed run has its assessment already: it could not be refused again
        try:
            release(j, BIKE, j.known["trips.agreement"])
        except Refused as refused:
            if refused.code != "DID-412":
                raise
            keep(kept, refused.error)
        else:
            raise TimeoutError("counts were released without an assessment record")
    j.known["refused_release"] = json.loads(kept.read_text("utf-8"))
    return str(j.known["refused_release"]["code"])


def assess(j: Journey) -> None:
    """A person of neither provider nor recipient, nor of the owners of a product's inputs, signs what was found of
    contract and environment."""
    assessor = j.who(REGISTRY, "assessor")
    found = j.facts("assessment")
    party = {slug: j.codes[f"party:{slug}"] for slug in parties()}
    node = {slug: j.codes[f"node:{slug}"] for slug in parties()}
    expires = "2027-03-01"
    for slug, name in ((BIKE, "trips"), (BUREAU, "passages")):
        j.known[f"{name}.assessment"] = assessor.do(
            "deidentify.assess", provider_parties=[party[slug]], recipient_group=party[GROUP], subject=j.codes[name],
            answers=found[GROUP]["answers"], expires=expires, nodes=[node[slug], node[GROUP]],
        )  # fmt: skip
    j.known["product.assessment"] = assessor.do(
        "deidentify.assess", provider_parties=[party[GROUP], party[BIKE], party[BUREAU]], recipient_group=party[LAB],
        subject=j.codes["product"], answers=found[LAB]["answers"], expires=expires, nodes=[node[GROUP], node[LAB]],
    )  # fmt: skip
    for slug in (BIKE, BUREAU, GROUP):
        wanted = 3 if slug == GROUP else 1
        j.until(
            j.who(slug, "operator"), "deidentify.assessments", lambda rows, n=wanted: len(rows) >= n,
            f"{slug} to hold its assessments",
        )  # fmt: skip


def compose(j: Journey) -> str:
    """The group's node pulls both tables, which it asked for when their contracts were signed, joins them by group id,
    and its own gate measures the risk."""
    manager = j.who(GROUP, "product_manager")
    for name in ("trips", "passages"):
        j.until(
            manager, "deliver.transfers", lambda rows: any(row["state"] == "COMPLETED" for row in rows),
            f"the table of {name}", agreement=j.known[f"{name}.agreement"],
        )  # fmt: skip
    built = manager.do(
        "compose.build", product=j.codes["product"], recipient_group=j.codes[f"party:{LAB}"], purpose=PURPOSE
    )
    j.known["version"] = built
    risk = built["risk"]
    return (
        f"{built['rows']:,} groups; R = {risk['overall_risk']:.4f} < {LIMIT} at CR = {risk['cr']:.2f}"
        f" (at CR = 1: {risk['overall_risk_at_cr_1']:.3f}, which would be refused)"
    )
