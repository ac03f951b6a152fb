"""`datong policy …` on files, with no node: what is said, as JSON, and each refusal."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from datong.cli.commands import datong
from datong.ground.refusal import Refusal

SUITE = Path(__file__).parents[1] / "data/odrl"
POLICY = """
id: p
permissions:
  - action: read
    constraints: [purpose isAnyOf public_welfare, count <= 100]
    prerequisites: [{action: anonymize}]
prohibitions:
  - {action: read, constraints: [region isPartOf 31]}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "C")
    (tmp_path / "p.yaml").write_text(POLICY, encoding="utf-8")

    def running(*arguments):
        done = CliRunner().invoke(datong, ["policy", *arguments], catch_exceptions=True)
        if isinstance(done.exception, Refusal):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return running


def test_check_tells_the_rules_and_where_they_meet(run):
    said = run("check", "p.yaml")
    assert "p.yaml: 3 rules, no mistake." in said
    assert "p permissions[0] and p prohibitions[0]" in said
    told = json.loads(run("check", "p.yaml", "--json"))
    assert told["policy"]["permissions"][0]["constraints"][1] == {"left": "count", "op": "lteq", "right": "100"}
    assert told["hash"].startswith("sha256:")
    assert told["meetings"][0]["wins"] == "p prohibitions[0]"


def test_check_tells_every_mistake_with_its_line(run, tmp_path):
    (tmp_path / "bad.yaml").write_text(
        POLICY.replace("action: read\n", "action: reed\n").replace("count <= 100", "count <= x")
    )
    with pytest.raises(Refusal) as refused:
        run("check", "bad.yaml")
    assert [p.where for p in refused.value.problems] == [
        "bad.yaml:4 permissions[0].action", "bad.yaml:5 permissions[0].constraints[1].right"
    ]  # fmt: skip


def test_explain(run):
    assert "permissions[0]: May read if purpose is any of public welfare and number of uses is at most 100" in run(
        "explain", "p.yaml"
    )
    told = json.loads(run("explain", "p.yaml", "--json"))
    assert told["rules"][1] == {
        "place": "prohibitions[0]", "kind": "prohibition", "zh": "禁止读取（限制地域属于部分 31）。",
        "en": "Must not read if region lies within 31.",
    }  # fmt: skip


DECIDED = [
    (["purpose=public_welfare", "count=3", "region=52", "done=anonymize"], "allowed", "permissions[0]"),
    (["purpose=公益事业", "count=3", "region=52"], "conditional", "permissions[0]"),
    (["purpose=public_welfare", "count=101", "region=52"], "denied", "permissions[0].constraints[1]"),
    (["purpose=public_welfare", "count=3", "region=3101"], "denied", "prohibitions[0]"),
]


@pytest.mark.parametrize(("given", "outcome", "rule"), DECIDED)
def test_decide(run, given, outcome, rule):
    options = [part for one in given for part in ("--with", one)]
    told = json.loads(run("decide", "p.yaml", "--action", "读取", *options, "--with", "assignee=91A", "--json"))
    assert (told["outcome"], told["rule"], told["party"]) == (outcome, rule, "91A")
    assert run("decide", "p.yaml", "--action", "read", *options).startswith(outcome)


def test_default_denial_is_told(run):
    assert run("decide", "p.yaml", "--action", "sell").startswith("default denied: No permission covers 'sell'")


def test_templates_become_policies_and_are_compared(run, tmp_path):
    names = [one["name"] for one in json.loads(run("templates", "--json"))["templates"]]
    assert {"research-only", "no-onward-transfer", "region-and-time", "count-limited", "aggregate-only"} <= set(names)
    run("template", "count-limited", "--set", "purpose=public_welfare", "--set", "max_count=3", "--out", "c.json")
    with pytest.raises(Refusal) as refused:
        run("template", "count-limited", "--set", "purpose=public_welfare", "--set", "max_count=3", "--out", "c.json")
    assert refused.value.code == "CLI-412"
    found = json.loads(run("conflicts", "p.yaml", "c.json", "--json"))["conflicts"]
    assert {one["kind"] for one in found} == {"grant", "scope"}
    (tmp_path / "datong.toml").write_text("")
    assert "policies/templates/count-limited.yaml written" in run("template", "count-limited", "--edit")
    assert {"name": "count-limited", "source": "node"}.items() <= next(
        one for one in json.loads(run("templates", "--json"))["templates"] if one["name"] == "count-limited"
    ).items()


def test_convert_to_every_form_and_back(run, tmp_path):
    pytest.importorskip("rdflib", reason="needs the extra odrl")
    first = run("convert", "p.yaml", "--to", "json")
    for form, file in (("json", "a.json"), ("odrl", "b.json"), ("turtle", "c.ttl")):
        (tmp_path / file).write_text(run("convert", "p.yaml", "--to", form), encoding="utf-8")
        assert run("convert", file, "--to", "json") == first


def test_evaluate(run):
    pytest.importorskip("rdflib", reason="needs the extra odrl")
    inputs = ["--policy", str(SUITE / "policies/policy-13.ttl"), "--request", str(SUITE / "requests/request-1.ttl"),
              "--world", str(SUITE / "sotw/temporal-future.ttl")]  # fmt: skip
    told = json.loads(run("evaluate", *inputs, "--json"))
    [report] = told["reports"]
    assert report["outcome"] == "allowed"
    assert report["ruleReport"][0]["activationState"] == "Active"
    assert "cr:PermissionReport" in run("evaluate", *inputs, "--turtle")
    assert "active" in run("evaluate", *inputs)


REFUSED = [
    (["check", "none.yaml"], "POL-400"),
    (["explain", "agreement-1"], "CLI-410"),
    (["decide", "p.yaml", "--action", "read", "--with", "purpose"], "CLI-411"),
    (["decide", "p.yaml", "--action", "read", "--with", "colour=red"], "CLI-411"),
    (["template", "research-only"], "POL-431"),
    (["template", "nothing"], "POL-432"),
]


@pytest.mark.parametrize(("arguments", "code"), REFUSED)
def test_refusals(run, arguments, code):
    with pytest.raises(Refusal) as refused:
        run(*arguments)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text", ["x" * 2_000_000, "{" * 3000, "[1, 2]", "id: p\nid: q", "a: &a [1]\nb: *a", "\x00", "3"]
)
def test_files_that_are_no_policy(run, tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(Refusal) as refused:
        run("check", "bad.yaml")
    assert refused.value.code == "POL-400"
    assert "bad.yaml" in refused.value.problems[0].where
