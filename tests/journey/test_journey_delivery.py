"""The release gate and the end of a delivery, on the real nodes: what passed once is refused when a record lacks,
worsens or expires; a token, a file address, a key and a copy live no longer than the contract."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from paperwork import BIKE, BUREAU, GROUP, LAB, PURPOSE, REGISTRY, parties

from demo_run import ROOT
from living import Living, refusal, says

# --- addresses and tokens ----------------------------------------------------------------------------------------


def get(url: str, token: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(verify=False, trust_env=False, timeout=30, headers=headers) as client:  # noqa: S501 - plain http
        return client.get(url)


def file_address(living: Living, profile: dict[str, Any]) -> str:
    """The signed address of the table's one file, as a query hands it out."""
    answer = living.pull(profile)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    return str(next(line["file"]["url"] for line in lines if "file" in line))


def altered(url: str, **changes: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(query=urlencode(query)).geturl()


def test_a_file_address_works_as_given_and_not_in_any_other_form(living: Living) -> None:
    url = file_address(living, living.profile())
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    good = get(url)
    assert good.status_code == 200 and good.content[:4] == b"PAR1"
    signature = next(name for name in query if "Signature" in name)
    spoilt = {
        "a longer life": altered(url, until=str(int(query["until"]) + 3600)),
        "no life": altered(url, until="0"),
        "another event": altered(url, event="use-other"),
        "another grant": altered(url, grant="grant-other"),
        "another signature": altered(url, **{signature: query[signature][::-1]}),
        "no signature": parts._replace(query=urlencode({k: v for k, v in query.items() if k != signature})).geturl(),
        "another file": parts._replace(path=parts.path[:-4] + "0000").geturl(),
        "a path": parts._replace(path=parts.path.rpartition("/")[0] + "/..%2F..%2Fkeys%2Fnode.pem").geturl(),
    }  # fmt: skip
    for what, bad in spoilt.items():
        answer = get(bad)
        assert answer.status_code in (403, 404), (what, answer.status_code)
        assert b"PAR1" not in answer.content and b"PRIVATE KEY" not in answer.content, what
    assert get(url).content == good.content, "the tries changed nothing"


def test_only_the_newest_token_opens_the_share_and_only_its_own(living: Living) -> None:
    first, second = living.profile(), living.profile()
    assert living.pull(first).status_code in (401, 403)
    assert living.pull(second).status_code == 200
    endpoint = second["endpoint"]
    for token in ("", "dt_nobody", second["bearerToken"][:-1]):
        answer = get(f"{endpoint}/shares", token)
        assert answer.status_code == 401 and answer.json()["errorCode"] == "USE-401"
    mine = get(f"{endpoint}/shares", second["bearerToken"]).json()["items"][0]["name"]
    assert get(f"{endpoint}/shares/{mine}", second["bearerToken"]).status_code == 200
    assert get(f"{endpoint}/shares/x{mine}", second["bearerToken"]).status_code == 404
    bikes = living.address(BIKE) + "/delta-sharing"
    assert get(f"{bikes}/shares", second["bearerToken"]).status_code == 401, "a token of another node"


def test_a_delivery_that_is_suspended_says_why_and_goes_on_when_resumed(living: Living) -> None:
    profile, manager = living.profile(), living.who(GROUP, "product_manager")
    agreement = living.agreement("product")
    url = file_address(living, profile)
    manager.do("deliver.suspend", agreement=agreement, reason="疑似异常访问 unusual access")
    pulled = living.pull(profile)
    assert pulled.status_code == 403 and "unusual access" in pulled.json()["message"]
    assert get(url).status_code == 403
    manager.do("deliver.resume", agreement=agreement)
    analyst = living.who(LAB, "analyst")
    again = living.until(lambda: shown(analyst, agreement), "the resumed transfer's new token")
    assert living.pull(again).status_code == 200


def shown(analyst: Any, agreement: str) -> Any:
    try:
        return analyst.do("deliver.profile", agreement=agreement, again=uuid.uuid4().hex)
    except Exception as refused:  # noqa: BLE001 - only the one refusal is waited out
        assert getattr(refused, "code", "") == "USE-414", refused
        return None


# --- the gate ----------------------------------------------------------------------------------------------------


def assessed(living: Living, expires: str, **worse: str) -> dict[str, Any]:
    """A new record over the lab, signed by the assessor of the data bureau, held by the group."""
    answers = {**living.journey.facts("assessment")[LAB]["answers"], **worse}
    record = living.who(REGISTRY, "assessor").do(
        "deidentify.assess", provider_parties=[living.code(f"party:{slug}") for slug in (GROUP, BIKE, BUREAU)],
        recipient_group=living.code(f"party:{LAB}"), subject=living.code("product"), answers=answers, expires=expires,
        nodes=[living.code(f"node:{GROUP}"), living.code(f"node:{LAB}")], again=uuid.uuid4().hex,
    )  # fmt: skip
    reader = living.who(GROUP, "operator")
    living.until(
        lambda: any(row["id"] == record["id"] for row in reader.ask("deidentify.assessments")), "the record to arrive"
    )
    return dict(record)


def withdraw(living: Living, record: str) -> None:
    """The assessor withdraws a record; the group's node hears of it."""
    living.who(REGISTRY, "assessor").do(
        "deidentify.withdraw_assessment", assessment=record, reason="答复有误 an answer was wrong"
    )
    reader = living.who(GROUP, "operator")
    living.until(
        lambda: any(row["id"] == record and row["withdrawn_at"] for row in reader.ask("deidentify.assessments")),
        "the withdrawal to arrive",
    )


def shut(living: Living, profile: dict[str, Any], url: str) -> None:
    """Neither a query under an open profile nor an address it handed out gives anything; the gate is named, and no
    figure of it."""
    for answer in (living.pull(profile), get(url)):
        assert answer.status_code == 403 and b"PAR1" not in answer.content
        message = answer.json()["message"]
        assert answer.json()["errorCode"] == "USE-403" and "release gate" in message and "DID-412" in message
        assert "CR" not in message and "0.0" not in message


def test_the_same_table_is_refused_for_a_recipient_without_a_record(living: Living) -> None:
    manager = living.who(GROUP, "product_manager")
    versions = manager.ask("compose.versions")
    for recipient in (living.code(f"party:{BIKE}"), "somebody else"):
        refused = refusal(
            lambda recipient=recipient: manager.do(
                "compose.build", product=living.code("product"), recipient_group=recipient, purpose=PURPOSE
            )
        )
        assert refused.code == "DID-412"
        assert "CR" in says(refused) and "1.00" in says(refused) and "no valid assessment record" in says(refused)
    assert manager.ask("compose.versions") == versions
    assert living.build()["id"] == versions[-1]["id"], "for the assessed recipient it passes"


def test_one_answer_worse_and_the_same_release_is_refused(living: Living) -> None:
    worsened = living.journey.facts("assessment")["worsened"]
    version, profile = living.build(), living.profile()
    url = file_address(living, profile)
    record = assessed(living, "2027-03-01", **worsened)
    assert record["cr"] > version["risk"]["cr"]
    for refused in (refusal(living.build), refusal(living.offer)):
        assert refused.code == "DID-412"
        assert all(question in says(refused) for question in worsened), says(refused)
        assert f"{record['cr']:.2f}" in says(refused)
    shut(living, profile, url)
    assessed(living, "2027-03-01")
    shut(living, profile, url)  # a good record signed after it does not whitewash
    withdraw(living, record["id"])
    assert living.pull(profile).status_code == get(url).status_code == 200
    assert living.build()["risk"]["cr"] == 0.25


def test_a_withdrawn_record_shuts_a_profile_that_is_open(living: Living, tmp_path: Path) -> None:
    profile = living.profile()
    url = file_address(living, profile)
    events = len(living.who(GROUP, "finance").ask("meter.usage", agreement=living.agreement("product")))
    standing = [
        row["id"] for row in living.who(GROUP, "operator").ask("deidentify.assessments")
        if row["subject"] == living.code("product") and not row["withdrawn_at"]
    ]  # fmt: skip
    assert standing
    for record in standing:
        withdraw(living, record)
    shut(living, profile, url)
    assert "USE-403" in stock_client(profile, tmp_path)
    asked = living.transfer()
    assert asked["state"] == "TERMINATED" and "release gate" in " ".join(asked["reason"])
    assert len(living.who(GROUP, "finance").ask("meter.usage", agreement=living.agreement("product"))) == events
    assessed(living, "2027-03-01")
    assert living.pull(living.profile()).status_code == 200


def test_no_clause_against_reidentification_counts_as_published(living: Living) -> None:
    record = assessed(living, "2027-03-01", no_reidentification="none")
    assert record["cr"] == 1
    refused = refusal(living.build)
    assert refused.code == "DID-412" and "1.00" in says(refused)
    withdraw(living, record["id"])
    built = living.build()
    assert built["risk"]["overall_risk"] < 0.05
    assert living.offer()["state"] == "open"


def test_who_provides_or_receives_cannot_assess(living: Living) -> None:
    answers = living.journey.facts("assessment")[LAB]["answers"]
    refused = refusal(
        lambda: living.who(REGISTRY, "assessor").do(
            "deidentify.assess", provider_parties=[living.code(f"party:{REGISTRY}")], recipient_group="anybody",
            subject=living.code("product"), answers=answers, expires="2027-03-01", nodes=[],
        )
    )  # fmt: skip
    assert refused.error["kind"] == "denied" and refused.code.startswith("DID-")


def test_after_the_records_expired_the_same_releases_are_refused(living: Living) -> None:
    living.to_day("2027-02-28")
    assert living.build()["risk"]["cr"] == 0.25
    profile = living.profile()
    url = file_address(living, profile)
    living.to_day("2027-03-01")
    shut(living, profile, url)
    assert living.transfer()["state"] == "TERMINATED"
    product = refusal(living.build)
    engineer = living.who(BIKE, "data_engineer")
    supply = refusal(
        lambda: engineer.do("deliver.release_supply", agreement=living.agreement("trips"), again="expired")
    )
    for refused in (product, refusal(living.offer), supply):
        assert refused.code == "DID-412" and "no valid assessment record" in says(refused)
    assessed(living, "2028-02-28")
    assert living.build()["risk"]["cr"] == 0.25
    assert living.pull(living.profile()).status_code == 200


# --- the end -----------------------------------------------------------------------------------------------------


def test_a_contract_that_runs_out_ends_its_delivery_by_the_business_clock(living: Living, tmp_path: Path) -> None:
    living.to_day("2029-02-27")
    assessed(living, "2029-06-30")
    agreement, profile = living.agreement("product"), living.profile()
    url = file_address(living, profile)
    until = living.who(LAB, "legal").ask("negotiate.contract", id=agreement)["until"]
    assert until == "2029-02-28T16:00:00Z", "midnight of 1 March in Beijing"
    living.to_day("2029-02-28", hour=23)
    assert living.pull(profile).status_code == 200 and get(url).status_code == 200
    assert living.url_keys(GROUP) and living.files_of(GROUP, "released", agreement)
    living.to_day("2029-03-01", hour=1)
    assert living.pull(profile).status_code in (401, 403)
    assert get(url).status_code == 403
    for slug in (GROUP, LAB):
        told = {row["id"]: row for row in living.who(slug, "operator").ask("negotiate.agreements")}[agreement]
        assert told["state"] == "EXPIRED", slug
    refused = refusal(lambda: living.transfer(agreement))
    assert "expired" in says(refused)
    assert "expired" in says(refusal(living.offer))
    living.until(lambda: not living.url_keys(GROUP), "the keys of the group to be destroyed")
    living.until(lambda: not living.files_of(GROUP, "released", agreement), "the released files to be deleted")
    assert "USE-4" in stock_client(profile, tmp_path)


def stock_client(profile: dict[str, Any], folder: Path) -> str:
    """What the stock client tells its user when the delivery is over."""
    share = folder / "over.share"
    share.write_text(json.dumps(profile))
    done = subprocess.run(
        [ROOT / "clients/.venv/bin/python", ROOT / "clients/receive.py", share, folder / "out"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1 and not list(folder.glob("out/*.parquet"))
    return str(json.loads(done.stdout.strip().splitlines()[-1])["refused"])


@pytest.mark.parametrize("slug", list(parties()))
def test_after_all_of_it_the_evidence_verifies(living: Living, slug: str) -> None:
    living.at_rest()
    found = living.who(slug, "operator").ask("audit.verify")
    assert found["ok"], found["problems"]
