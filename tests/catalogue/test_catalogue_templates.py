"""The node's policy templates: listed, written with a check, used; those that come with Datong among them."""

import json

import pytest
from sqlalchemy import select

from datong.catalogue import service as catalogue
from datong.ground.canonical import digest
from datong.ground.db import Actor
from datong.ground.evidence.leaves import leaves
from datong.ground.refusal import Refusal
from datong.terms.policy import from_json

OWN = """
template: {zh: 本院研究, en: Our research, parameters: {purpose: {zh: 目的, en: purpose, example: public_welfare}}}
permissions: [{action: delivery, constraints: ["purpose isAnyOf ${purpose}"]}]
"""


@pytest.fixture
def store(store, tmp_path):
    catalogue.install(store, tmp_path)
    return store


def acting(role):
    return Actor(person="w", role=role, party="91A", roles=frozenset({role}))


def test_own_templates_stand_beside_the_shipped_and_in_place_of_them(store, tmp_path):
    with store.begin(acting("product_manager"), "catalogue") as tx:
        assert {one["source"] for one in catalogue.policy_templates(tx)} == {"shipped"}
        made = catalogue.write_policy_template(tx, name="research-only", text=OWN)
        assert not (tmp_path / "policies").exists()  # not before it is committed
    assert made["parameters"] == [{"name": "purpose", "zh": "目的", "en": "purpose", "example": "public_welfare"}]
    with store.read(acting("analyst")) as tx:
        [own] = [one for one in catalogue.policy_templates(tx) if one["source"] == "node"]
        assert (own["name"], own["en"]) == ("research-only", "Our research")
        told = catalogue.policy_of_template(tx, name="research-only", values={"purpose": "public_governance"})
        written = tx.one(select(leaves.c.body).where(leaves.c.act == "catalogue.policy_template_written"))
    assert from_json(told["policy"]).permissions[0].constraints[0].values == ("public_governance",)
    assert "public governance" in told["words"]["en"]
    assert told["policy_hash"].startswith("sha256:")
    assert written is not None
    assert json.loads(written.body)["facts"] == {"template": "research-only", "digest": digest(OWN)}


def test_a_wrong_text_is_refused_and_leaves_nothing(store, tmp_path):
    with pytest.raises(Refusal) as refused, store.begin(acting("legal"), "catalogue") as tx:
        catalogue.write_policy_template(tx, name="own", text=OWN.replace("delivery", "deliver"))
    assert refused.value.code == "POL-430"
    assert "did you mean delivery" in refused.value.problems[0].en
    assert not (tmp_path / "policies").exists()


@pytest.mark.parametrize("name", ["../evil", "A", "", "x" * 50])
def test_a_name_is_no_path(store, name):
    with pytest.raises(Refusal), store.begin(acting("legal"), "catalogue") as tx:
        catalogue.write_policy_template(tx, name=name, text=OWN)


def test_only_product_managers_and_legal_officers_write(store):
    with pytest.raises(Refusal) as refused, store.begin(acting("analyst"), "catalogue") as tx:
        catalogue.write_policy_template(tx, name="own", text=OWN)
    assert refused.value.code == "GEN-403"


def test_a_file_that_went_wrong_is_told_in_the_list(store, tmp_path):
    (tmp_path / "policies/templates").mkdir(parents=True)
    (tmp_path / "policies/templates/broken.yaml").write_text("template: 3", encoding="utf-8")
    with store.read(acting("analyst")) as tx:
        [broken] = [one for one in catalogue.policy_templates(tx) if one["name"] == "broken"]
    assert broken["problems"][0]["where"] == "template"


def test_what_cannot_be_read_hides_no_other_template(store, tmp_path):
    (tmp_path / "policies/templates/folder.yaml").mkdir(parents=True)
    (tmp_path / "policies/templates/nowhere.yaml").symlink_to(tmp_path / "gone")
    with store.read(acting("analyst")) as tx:
        found = {one["name"]: one for one in catalogue.policy_templates(tx)}
        assert "problems" not in found["research-only"]
        for name in ("folder", "nowhere"):
            [problem] = found[name]["problems"]
            assert problem["where"] == f"{name}.yaml" and "cannot be read" in problem["en"]
            with pytest.raises(Refusal) as refused:
                catalogue.policy_of_template(tx, name=name, values={})
            assert refused.value.code == "POL-430"
