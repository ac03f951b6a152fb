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


AGREED = {"@id": "urn:p", "@type": "Agreement", "target": "ex:x", "assignee": "ex:alice", "assigner": "ex:owner",
          "permission": [{"action": "odrl:read"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "outcome"),
    [(["assignee=ex:alice", "target=ex:x"], "allowed"), (["assignee=ex:bob", "target=ex:x"], "denied"),
     (["assignee=ex:alice", "target=ex:other"], "denied")],
)  # fmt: skip
def test_the_parties_of_an_agreement_in_a_file_bind_its_rules(run, tmp_path, given, outcome):
    (tmp_path / "a.json").write_text(json.dumps(AGREED))
    options = [part for one in given for part in ("--with", one)]
    assert run("decide", "a.json", "--action", "read", *options).startswith(outcome)
    (tmp_path / "b.json").write_text(run("convert", "a.json", "--to", "odrl"))
    assert run("convert", "b.json", "--to", "json") == run("convert", "a.json", "--to", "json")


def test_a_member_of_odrl_in_a_policy_file_is_a_slip_of_ours(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("id: p\npermission:\n  - {action: read}\n")
    with pytest.raises(Refusal) as refused:
        run("check", "bad.yaml")
    assert "bad.yaml:2 permission: there is no such member; did you mean permissions?" in str(refused.value)


def test_every_slip_of_a_question_is_told(run):
    given = ["purpose=credit_scorin", "done=anonymise,匿名化", "count=1", "使用次数=2", "count=3", "executionEnv=09",
             "colour=red"]  # fmt: skip
    with pytest.raises(Refusal) as refused:
        run("decide", "p.yaml", "--action", "raed", *(part for one in given for part in ("--with", one)))
    assert refused.value.code == "CLI-411"
    told = [f"{p.where}: {p.en}" for p in refused.value.problems]
    assert told[:5] == [
        "--action: unknown 'raed'; did you mean read?", "count: is given twice",
        "purpose: unknown 'credit_scorin'; did you mean credit_scoring?",
        "done: unknown 'anonymise'; did you mean anonymize?", "使用次数: is count, which is given twice",
    ]  # fmt: skip
    assert [one.partition(";")[0] for one in told[5:]] == ["executionEnv: unknown '09'", "colour: unknown 'colour'"]


def test_what_is_done_and_codes_may_be_said_in_chinese(run, tmp_path):
    (tmp_path / "s.yaml").write_text(
        "id: p\npermissions:\n  - {action: read, constraints: [executionEnv = 02], prerequisites: [{action: anonymize}]}"
    )
    asked = ("decide", "s.yaml", "--action", "读取", "--with", "执行环境=数据沙箱", "--with")
    assert run(*asked, "done=匿名化").startswith("allowed")


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
