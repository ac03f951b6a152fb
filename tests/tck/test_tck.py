"""The 65 sequences of the Dataspace TCK 1.0.1 against a real node over sockets, each under its id.

What stands for the kit is kit.py; the connector and the person beside it are conformance/connector.py, the same as for
the real kit (make conformance). Two sequences the kit itself switches off (TP:02-04, TP_C:02-04) are played as well.
"""

from __future__ import annotations

import pytest
from kit import Course, Kit, message_of
from published import faults

PROVIDER = {
    "CN:01-01": ">request <offer >termination =TERMINATED",
    "CN:01-02": ">request <offer >counter <termination =TERMINATED",
    "CN:01-03": ">request <offer >accepted <agreement >verification <finalized =FINALIZED",
    "CN:01-04": ">request <agreement >verification <finalized =FINALIZED",
    "CN:02-01": ">request <termination =TERMINATED",
    "CN:02-02": ">request >termination =TERMINATED",
    "CN:02-03": ">request <agreement >termination =TERMINATED",
    "CN:02-04": ">request <offer >termination =TERMINATED",
    "CN:02-05": ">request <offer <termination =TERMINATED",
    "CN:02-06": ">request <offer >accepted <termination =TERMINATED",
    "CN:02-07": ">request <agreement >verification <termination =TERMINATED",
    "CN:03-01": ">request <agreement >verification <finalized =FINALIZED !termination =FINALIZED",
    "CN:03-02": ">request <offer =OFFERED !verification =OFFERED",
    "CN:03-03": ">request <offer >accepted =ACCEPTED !verification =ACCEPTED",
    "CN:03-04": ">request <offer >counter =REQUESTED !counter =REQUESTED",
}
CONSUMER = {
    "CN_C:01-01": "* <request >offer <accepted >agreement <verification >finalized =FINALIZED",
    "CN_C:01-02": "* <request >offer <request =REQUESTED >termination =TERMINATED",
    "CN_C:01-03": "* <request >offer <termination =TERMINATED",
    "CN_C:01-04": "* <request >agreement <verification >finalized =FINALIZED",
    "CN_C:02-01": "* <request >termination =TERMINATED",
    "CN_C:02-02": "* <request <termination =TERMINATED",
    "CN_C:02-03": "* <request >agreement <termination =TERMINATED",
    "CN_C:02-04": "* <request >offer =OFFERED >termination =TERMINATED",
    "CN_C:02-05": "* <request >offer <accepted >termination =TERMINATED",
    "CN_C:02-06": "* <request >agreement <verification >termination =TERMINATED",
    "CN_C:03-01": "* <request =REQUESTED !finalized =REQUESTED",
    "CN_C:03-02": "* <request >offer =OFFERED !agreement =OFFERED",
    "CN_C:03-03": "* <request >offer =OFFERED !finalized =OFFERED",
    "CN_C:03-04": "* <request >offer <accepted =ACCEPTED !finalized =ACCEPTED",
    "CN_C:03-05": "* <request >offer <accepted =ACCEPTED !offer =ACCEPTED",
    "CN_C:03-06": "* <request >offer <accepted >agreement =AGREED !finalized =AGREED",
}
TRANSFER_PROVIDER = {
    "TP:01-01": ">request <start <end =TERMINATED",
    "TP:01-02": ">request <start <completion =COMPLETED",
    "TP:01-03": ">request <start <suspension <end =TERMINATED",
    "TP:01-04": ">request <start <suspension <start <completion =COMPLETED",
    "TP:01-05": ">request <end =TERMINATED",
    "TP:02-01": ">request <start =STARTED >end =TERMINATED",
    "TP:02-02": ">request <start =STARTED >completion =COMPLETED",
    "TP:02-03": ">request <start =STARTED >suspension =SUSPENDED >end =TERMINATED",
    "TP:02-04": ">request <start =STARTED >suspension =SUSPENDED >start =STARTED >completion =COMPLETED",
    "TP:02-05": ">request =REQUESTED >end =TERMINATED",
    "TP:03-01": ">request =REQUESTED !completion =REQUESTED",
    "TP:03-02": ">request =REQUESTED !suspension =REQUESTED",
    "TP:03-03": ">request <start =STARTED >suspension =SUSPENDED !completion =SUSPENDED",
    "TP:03-04": ">request <start =STARTED >end =TERMINATED !start =TERMINATED",
    "TP:03-05": ">request <start =STARTED >end =TERMINATED !suspension =TERMINATED",
    "TP:03-06": ">request <start =STARTED >end =TERMINATED !completion =TERMINATED",
}
TRANSFER_CONSUMER = {
    "TP_C:01-01": "* <request >start =STARTED >end =TERMINATED",
    "TP_C:01-02": "* <request >start =STARTED >completion =COMPLETED",
    "TP_C:01-03": "* <request >start =STARTED >suspension =SUSPENDED >end =TERMINATED",
    "TP_C:01-04": "* <request >start =STARTED >suspension =SUSPENDED >start =STARTED >completion =COMPLETED",
    "TP_C:01-05": "* <request >end =TERMINATED",
    "TP_C:02-01": "* <request >start <end =TERMINATED",
    "TP_C:02-02": "* <request >start <completion =COMPLETED",
    "TP_C:02-03": "* <request >start <suspension <end =TERMINATED",
    "TP_C:02-04": "* <request >start <suspension <start <completion =COMPLETED",
    "TP_C:02-05": "* <request <end =TERMINATED",
    "TP_C:03-01": "* <request =REQUESTED !completion =REQUESTED",
    "TP_C:03-02": "* <request =REQUESTED !suspension =REQUESTED",
    "TP_C:03-03": "* <request >start =STARTED >suspension =SUSPENDED !completion =SUSPENDED",
    "TP_C:03-04": "* <request >start =STARTED >end =TERMINATED !start =TERMINATED",
    "TP_C:03-05": "* <request >start =STARTED >end =TERMINATED !suspension =TERMINATED",
    "TP_C:03-06": "* <request >start =STARTED >end =TERMINATED !completion =TERMINATED",
}
SEQUENCES = {**PROVIDER, **CONSUMER, **TRANSFER_PROVIDER, **TRANSFER_CONSUMER}
OFF_IN_THE_KIT = {"TP:02-04", "TP_C:02-04"}
CATALOGUE = ("MET:01-01", "CAT:01-01", "CAT:01-02", "CAT:01-03")
SUBJECTS = {"CN": "ACN", "CN_C": "ACNC", "TP": "ATP", "TP_C": "ATPC"}


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequence(kit: Kit, agent: str, name: str) -> None:
    group, _, number = name.partition(":")
    subject = SUBJECTS[group] + number.replace("-", "")
    Course(kit, subject, transfer=group.startswith("TP"), consumer=group.endswith("_C"), agent=agent).play(
        SEQUENCES[name]
    )


@pytest.mark.parametrize("name", CATALOGUE)
def test_catalogue(kit: Kit, name: str) -> None:
    root = kit.base.removesuffix("/dsp/2025-1")
    match name:
        case "MET:01-01":
            answer = kit.client.get(f"{root}/.well-known/dspace-version").json()
            assert not faults(answer, "ProtocolVersion")
            (entry,) = [entry for entry in answer["protocolVersions"] if entry["version"] == "2025-1"]
            assert kit.base == root + entry["path"]
            assert entry["binding"] == "HTTPS"
        case "CAT:01-01":
            answer = kit.client.post(f"{kit.base}/catalog/request", json=message_of("CatalogRequestMessage")).json()
            assert not faults(answer)
            assert "CAT0101" in [dataset["@id"] for dataset in answer["dataset"]]
        case "CAT:01-02":
            answer = kit.client.get(f"{kit.base}/catalog/datasets/CAT0102").json()
            assert not faults(answer)
            assert answer["@id"] == "CAT0102"
        case _:
            answer = kit.client.get(f"{kit.base}/catalog/datasets/CAT0103")
            assert answer.status_code == 404
            assert not faults(answer.json())
            assert answer.json()["@type"] == "CatalogError"


def test_they_are_65() -> None:
    assert len(SEQUENCES) - len(OFF_IN_THE_KIT) + len(CATALOGUE) == 65
