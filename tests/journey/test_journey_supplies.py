"""The contracts of a product's supplies end: keys and copies go with proof, and the product goes out no more."""

from __future__ import annotations

from typing import Any

from paperwork import BIKE, BUREAU, GROUP

from datong.ground import signing
from living import Living, refusal, says


def test_a_contract_ended_early_ends_its_delivery_on_both_sides(living: Living) -> None:
    agreement, profile = living.agreement("passages"), living.profile()
    assert living.pull(profile).status_code == 200
    assert living.files_of(GROUP, "received", agreement)
    living.who(GROUP, "legal").do("negotiate.end", agreement=agreement, reason="不再需要 no longer needed")
    proven(living, BUREAU, GROUP, agreement)
    for slug in (BUREAU, GROUP):
        told = {row["id"]: row for row in living.who(slug, "operator").ask("negotiate.agreements")}[agreement]
        assert told["state"] == "TERMINATED" and "no longer needed" in told["reason"]["en"], slug
    assert not living.files_of(GROUP, "received", agreement) and not living.files_of(BUREAU, "released", agreement)
    assert not living.url_keys(BUREAU)
    product_is_held(living, profile, agreement)


def product_is_held(living: Living, profile: dict[str, Any], supply: str) -> None:
    """What was made with a supply goes out no more: not what lies ready, nor anew, and the reason names its contract."""
    assert living.pull(profile).status_code in (401, 403)
    refused = refusal(living.offer)
    assert refused.code == "USE-403" and supply in says(refused) and "no longer needed" in says(refused)
    asked = living.transfer()
    assert asked["state"] == "TERMINATED" and supply in " ".join(asked["reason"])


def test_the_end_of_a_delivery_destroys_keys_and_copies_with_proof(living: Living) -> None:
    agreement = living.agreement("trips")
    held = living.files_of(GROUP, "received", agreement)
    released = living.files_of(BIKE, "released", agreement)
    assert held and released
    living.who(BIKE, "legal").do("deliver.end_agreement", agreement=agreement, reason="合作结束 cooperation over")
    proven(living, BIKE, GROUP, agreement)
    assert not living.files_of(GROUP, "received", agreement), "the consumer's copies are gone"
    assert not living.files_of(BIKE, "released", agreement) and not living.url_keys(BIKE)
    held_rows = living.who(GROUP, "operator").ask("deliver.held", agreement=agreement)
    assert {row["state"] for row in held_rows} == {"destroyed"}
    engineer = living.who(BIKE, "data_engineer")
    over = refusal(lambda: engineer.do("deliver.release_supply", agreement=agreement, again="ended"))
    assert over.code == "USE-403" and "Delivery has ended" in says(over) and "cooperation over" in says(over)
    asked = living.transfer(agreement, GROUP, "product_manager", "node")
    assert asked["state"] == "TERMINATED" and "cooperation over" in " ".join(asked["reason"])
    lost = refusal(living.build)
    assert lost.code.startswith("CMP-"), says(lost)


def proven(living: Living, provider: str, consumer: str, agreement: str) -> None:
    """Both sides have destroyed what they held; the provider keeps the consumer's signed proof."""

    def proof() -> Any:
        rows = living.who(provider, "operator").ask("deliver.endings")
        row = next((row for row in rows if row["id"] == agreement), None)
        return row if row and row["state"] == "destroyed" and row["peer_proof"] else None

    ending = living.until(proof, f"the proof of {consumer}")
    theirs = ending["peer_proof"]
    assert theirs["agreement"] == agreement and theirs["node"] == living.code(f"node:{consumer}")
    assert [file["role"] for file in theirs["files"]] == ["received"]
    party, key = living.code(f"party:{consumer}"), living.key(consumer).public.text
    assert signing.signed_by(theirs, party, key)
    assert not signing.signed_by({**theirs, "files": []}, party, key)
    assert [file["role"] for file in ending["proof"]["files"]] == ["released"] and ending["proof"]["keys"]
    assert signing.signed_by(ending["proof"], living.code(f"party:{provider}"), living.key(provider).public.text)
