"""The identity interfaces and a connector's catalogue, asked with requests written by hand."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from ndi_world import DATASET, Country
from test_ndi_access import by_hand

from datong.catalogue import service as catalogue
from datong.ground import codes
from datong.ground.db import NODE, settings
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register.store import national as register_rows
from datong.wire.ndi import reading

AGENT = {
    "operator": "王五", "operatorIdType": "1", "operatorId": "520101197001010018", "operatorAuthLevel": "1",
    "operatorAuthType": "1", "authorizationType": "1", "enterpriseCode": codes.credit_code("9", "1", "520100", "MA0DG004"), "authTime": "2026-01-05",
    "enterpriseName": "数据集团", "businessLicense": "license-1",
}  # fmt: skip


@pytest.fixture(scope="module")
def country(tmp_path_factory):
    """The platform stands for the function node here: it decides an identity of its own applicant."""
    made = Country(tmp_path_factory.mktemp("country"))
    platform = made.platform
    with platform.store.begin(NODE, "register") as tx:
        tx.add(settings, {"id": "register.area", "value": "5201"})
        register.received_identity_applied(
            tx, sender=platform.code,
            body={"application": "idn-1", "kind": "agent", "act": "register", "attributes": AGENT, "identity": ""},
        )  # fmt: skip
    yield made
    for node in made.nodes:
        node.store.dispose()


def ask(country, node, interface, message, by=None):
    return country.call(node, f"/{interface}", message, by_hand(by or country.consumer, interface, message))


def fits(country, interface, answer) -> bool:
    found = reading.read(country.tables, country.tables.interface(interface), "response", answer.json())
    return found.faults == ()


def test_an_agents_identity_is_read_by_authorisation_code_and_token(country):
    platform = country.platform
    with platform.as_("registrar") as tx:
        identity = register.decide_identity(tx, application="idn-1", admit=True)["identity"]
        given = register.authorise_identity(tx, identity=identity, node=country.consumer.code)
    bought = ask(country, platform, "GetToken", {"authCode": given["auth_code"]})
    assert (bought.status_code, bought.json()["code"], fits(country, "GetToken", bought)) == (200, "000000", True)
    token = bought.json()["data"]["token"]
    whole = ask(country, platform, "GetOperatorInfo", {"token": token})
    assert (whole.json()["code"], fits(country, "GetOperatorInfo", whole)) == ("003000", True)
    assert whole.json()["data"]["baseInfo"]["operator"] == "王五"
    assert whole.json()["data"]["extendInfo"]["enterpriseName"] == "数据集团"
    base = ask(country, platform, "GetOperatorBaseInfo", {"token": token})
    assert base.json()["data"]["identityCode"] == identity
    assert (base.json()["data"]["authStatus"], fits(country, "GetOperatorBaseInfo", base)) == ("1", True)
    stolen = ask(country, platform, "GetOperatorInfo", {"token": token}, by=country.provider)
    assert (stolen.status_code, stolen.json()["code"]) == (403, "103004")
    other = ask(country, platform, "GetPersonInfo", {"token": token})
    assert (other.status_code, other.json()["code"]) == (404, "301001")
    valid = ask(country, platform, "GetOperatorStatus", {"identityCode": identity})
    assert valid.json()["data"] == {"authStatus": "1"}


def test_what_the_interface_could_not_show_is_not_registered(country):
    """By the rows of GetOperatorInfo: longer than printed, in no code table, no date. No value is repeated."""
    spoilt = {**AGENT, "operator": "王" * 51, "operatorAuthLevel": "9", "authTime": "yesterday"}
    body = {"application": "idn-2", "kind": "agent", "act": "register", "attributes": spoilt, "identity": ""}
    with pytest.raises(Refusal) as caught, country.platform.heard(country.consumer) as tx:
        register.received_identity_applied(tx, sender=country.consumer.code, body=body)
    assert {problem.where for problem in caught.value.problems} == {"operator", "operatorAuthLevel", "authTime"}
    assert "yesterday" not in str(caught.value.as_json())


def test_a_token_for_an_identity_that_was_cancelled_is_answered_with_its_own_code(country):
    platform, identity = country.platform, ""
    attributes = {**AGENT, "operatorId": "520101197001010026"}
    for key, act in (("idn-3", "register"), ("idn-4", "cancel")):
        body = {"application": key, "kind": "agent", "act": act, "attributes": attributes, "identity": identity}
        with platform.store.begin(NODE, "register") as tx:
            register.received_identity_applied(tx, sender=country.consumer.code, body=body)
        if act == "register":
            with platform.as_("registrar") as tx:
                identity = register.decide_identity(tx, application=key, admit=True)["identity"]
                given = register.authorise_identity(tx, identity=identity, node=country.consumer.code)
            token = ask(country, platform, "GetToken", {"authCode": given["auth_code"]}).json()["data"]["token"]
    with platform.as_("registrar") as tx:
        register.decide_identity(tx, application="idn-4", admit=True)
    gone = ask(country, platform, "GetOperatorInfo", {"token": token})
    assert (gone.status_code, gone.json()["code"]) == (404, "303002")
    platform.wall += timedelta(minutes=2)
    try:
        late = ask(country, platform, "GetOperatorInfo", {"token": token}, by=platform)
        assert (late.status_code, late.json()["code"]) == (403, "103005")
    finally:
        platform.wall -= timedelta(minutes=2)


def test_a_wrong_code_and_a_wrong_token_are_refused_with_the_documents_codes(country):
    bought = ask(country, country.platform, "GetToken", {"authCode": "guessed"})
    assert (bought.status_code, bought.json()["code"]) == (403, "100004")
    read = ask(country, country.platform, "GetPersonInfo", {"token": "x.y.z"})
    assert (read.status_code, read.json()["code"]) == (403, "101004")
    empty = ask(country, country.platform, "GetPersonInfo", {"token": ""})
    assert (empty.status_code, empty.json()["code"]) == (400, "201001")


def test_a_connectors_catalogue_is_searched_and_shown(country):
    found = ask(country, country.provider, "catalogueSearch", {"keywords": "mobility", "offset": "0", "limit": "10"})
    assert (found.status_code, found.json()["code"]) == (200, "10000")
    assert found.json()["data"]["total"] == "1"
    (entry,) = found.json()["data"]["resultData"]
    assert (entry["productId"], set(entry)) == (DATASET, {"productId", "productName", "dscription"})
    none = ask(
        country, country.provider, "catalogueSearch", {"keywords": "mobility absent", "offset": "0", "limit": "10"}
    )
    assert none.json()["data"] == {"total": "0", "resultData": []}
    detail = ask(country, country.provider, "productDetail", {"productId": DATASET})
    assert detail.json()["product"]["dataset"] == DATASET
    assert ask(country, country.provider, "productDetail", {"productId": "none"}).json()["code"] == "13000"


def test_a_listing_for_the_members_of_a_space_is_found_and_shown_by_members_only(country):
    provider, search = country.provider, {"keywords": "mobility", "offset": "0", "limit": "10"}
    with provider.as_("operator") as tx:
        space = register.create_space(tx, name="出行空间")["id"]
        key = {"id": f"{space}/{country.consumer.code}", "space": space, "node": country.consumer.code}
        row = {**key, "party": "p", "state": "applied", "reason": "", "decided_by": "", "at": tx.now}
        tx.add(register_rows.members, row)
    with provider.as_("product_manager") as tx:
        catalogue.show_in_spaces(tx, dataset=DATASET, spaces=[space])

    def seen(by):
        found = ask(country, provider, "catalogueSearch", search, by).json()["data"]
        detail = ask(country, provider, "productDetail", {"productId": DATASET}, by)
        return found["total"], len(found["resultData"]), detail.json()["code"], detail.text.replace(DATASET, "none")

    try:
        unknown = ask(country, provider, "productDetail", {"productId": "none"}).text
        assert seen(country.consumer) == ("0", 0, "13000", unknown)
        with provider.as_("operator") as tx:
            register.decide_member(tx, space=space, node=country.consumer.code, admit=True)
        assert seen(country.consumer)[:3] == ("1", 1, "10000")
        assert seen(country.platform) == ("0", 0, "13000", unknown)  # the function node is no member either
        with provider.as_("operator") as tx:
            register.decide_member(tx, space=space, node=country.consumer.code, admit=False)
        assert seen(country.consumer) == ("0", 0, "13000", unknown)
    finally:
        with provider.as_("product_manager") as tx:
            catalogue.show_in_spaces(tx, dataset=DATASET, spaces=[])
    assert seen(country.platform)[:3] == ("1", 1, "10000")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"offset": "0", "limit": "ten"}, "11003"),
        ({"offset": 0, "limit": "10"}, "11003"),
        ({"limit": "10"}, "11005"),
        ({"offset": "0", "limit": "10", "order": "random"}, "11003"),
        ({"keywords": "k" * 129, "offset": "0", "limit": "10"}, "11004"),
    ],
)
def test_a_search_that_does_not_fit_its_table(country, message, code):
    answer = ask(country, country.provider, "catalogueSearch", message)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_search_is_told_everything_that_is_wrong_with_it(country):
    answer = ask(country, country.provider, "catalogueSearch", {"offset": "-1", "limit": "ten", "order": "random"})
    assert (answer.status_code, answer.json()["code"]) == (400, "11003")
    assert {problem["where"] for problem in answer.json()["error"]["problems"]} == {"offset", "limit", "order"}


def test_a_report_without_its_connector_misses_something_and_one_nobody_takes_is_not_reported_twice(country):
    """Annex C: 205001 is a mandatory parameter that is empty; 305003 is a connector reported twice."""
    provider, platform = country.provider, country.platform
    function_nodes = "update register_node set kind = 'regional' where id = ?"
    for node in (provider, platform):
        with node.store.engine.begin() as raw:
            raw.exec_driver_sql(function_nodes, (platform.code,))
    try:
        bare = {"extendInfo": {"connectorType": "1", "connectorMac": "00-00"}}
        missing = ask(country, provider, "SyncConnectorInfo", bare, by=platform)
        assert (missing.status_code, missing.json()["code"]) == (400, "205001")
        base = {"identityCode": provider.code, "connectorName": "c", "connectorJoinType": "2", "identityStatus": "1",
                "authTime": "2026-03-02", "enterpriseCode": provider.party}  # fmt: skip
        taken = ask(country, provider, "SyncConnectorInfo", {**bare, "baseInfo": base}, by=platform)
        assert (taken.status_code, taken.json()["code"], taken.json()["error"]["code"]) == (409, "305000", "IDN-424")
        known = ask(country, platform, "SyncConnectorInfo", {**bare, "baseInfo": base}, by=platform)
        assert (known.status_code, known.json()["code"]) == (200, "005000")
    finally:
        for node in (provider, platform):
            with node.store.engine.begin() as raw:
                raw.exec_driver_sql("update register_node set kind = 'business' where id = ?", (platform.code,))


def test_connectors_and_agents_are_reported_by_function_nodes_only(country):
    base = {"identityCode": country.provider.code, "connectorName": "c", "connectorJoinType": "2", "identityStatus": "1",
            "authTime": "2026-03-02", "enterpriseCode": country.provider.party}  # fmt: skip
    message = {"baseInfo": base, "extendInfo": {"connectorType": "1", "connectorMac": "00-00"}}
    answer = ask(country, country.platform, "SyncConnectorInfo", message)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "NDI-407")
    off = ask(country, country.platform, "SyncLogoffInfo", {"identityCode": "x/y"})
    assert (off.status_code, off.json()["code"]) == (403, "103004")
    status = ask(country, country.platform, "GetOperatorStatus", {"identityCode": "nobody/none"})
    assert (status.status_code, status.json()["code"]) == (404, "303001")
    assert json.loads(json.dumps(status.json()))["message"]
