"""Compiled decisions are those of the definition, scopes and logic among them, and their advice passes when followed."""

import pytest
from hypothesis import assume, given, settings
from policy_drawn import accepted, actions, contexts, policies

from datong.terms.policy import Constraint, Logical, Outcome, Policy, Rule, checked, decide
from datong.terms.policy.values import holds


def held(condition, context):
    """The definition, written the long way: True, False, or None where it is not known."""
    if isinstance(condition, Constraint):
        if context.get(condition.left) is None:
            return None
        return holds(condition.left, condition.op, condition.values, context[condition.left])
    results = [held(part, context) for part in condition.parts]
    sure, maybe = results.count(True), results.count(None)
    if condition.how == "or":
        least, most = sure >= 1, sure + maybe >= 1
    elif condition.how == "xone":
        least, most = sure == 1 and not maybe, sure <= 1 and sure + maybe >= 1
    else:
        least, most = sure == len(results), sure + maybe == len(results)
    return True if least else None if most else False


def within(rule, context, unknown):
    for name in ("target", "assignee"):
        wanted, given_ = getattr(rule, name), context.get(name)
        if wanted and given_ is None and not unknown:
            return False
        if wanted and given_ is not None and wanted not in (given_ if isinstance(given_, list) else [given_]):
            return False
    return True


def defined(policy, action, context):
    for rule in policy.prohibitions:
        if rule.action == action and within(rule, context, True) and all(
            held(c, context) is not False for c in rule.constraints
        ):  # fmt: skip
            return Outcome.denied
    granting = [rule for rule in policy.permissions if rule.action == action]
    if not granting:
        return Outcome.default_denied
    good = [r for r in granting if within(r, context, False) and all(held(c, context) is True for c in r.constraints)]
    if not good:
        return Outcome.denied
    done = context.get("done", [])
    ready = any(all(duty.action in done for duty in rule.duties) for rule in good)
    return Outcome.allowed if ready else Outcome.conditional


@settings(max_examples=120, deadline=None)
@given(policies, actions, contexts)
def test_the_decision_is_the_defined_one_and_its_advice_passes(drawn, action, context):
    policy = accepted(drawn)
    assume(policy is not None)
    decision = decide(policy, action, context)
    assert decision.outcome is defined(policy, action, context)
    assert decision.zh
    assert decision.en
    assert (decision.change is None) is decision.allowed
    if decision.needs:
        after = decide(policy, action, {**context, **decision.needs})
        assert after.outcome in (Outcome.allowed, Outcome.conditional)
    if decision.outcome is Outcome.conditional:
        done = [*context.get("done", []), *(duty.action for duty in decision.duties)]
        assert decide(policy, action, {**context, "done": done}).allowed


HOURS = Logical("or", (
    Logical("and", (Constraint("time", "gteq", "2026-03-02T01:00:00Z"), Constraint("time", "lt", "2026-03-02T09:00:00Z"))),
    Constraint("region", "isPartOf", ("5201",)),
))  # fmt: skip


@pytest.mark.parametrize(
    ("context", "outcome", "needs"),
    [
        ({"time": "2026-03-02T03:00:00Z"}, "allowed", {}),
        ({"region": "520102"}, "allowed", {}),
        ({"time": "2026-03-02T10:00:00Z"}, "denied", {"time": "2026-03-02T08:59:59Z"}),
        ({"time": "2026-03-02T10:00:00Z", "region": "31"}, "denied", {"time": "2026-03-02T08:59:59Z"}),
        ({}, "denied", {"time": "2026-03-02T01:00:00Z"}),
    ],
)
def test_one_of_two_conditions_is_enough_and_the_change_is_the_smallest(context, outcome, needs):
    decision = decide(checked(Policy("p", (Rule("read", (HOURS,)),))), "read", context)
    assert (decision.outcome, decision.needs) == (outcome, needs)


def test_what_is_unknown_neither_permits_nor_lifts_when_exactly_one_must_hold():
    one = Logical("xone", (Constraint("count", "lteq", "3"), Constraint("region", "isPartOf", ("52",))))
    may, must_not = Policy("p", (Rule("read", (one,)),)), Policy("p", (Rule("read"),), (Rule("read", (one,)),))
    assert decide(checked(may), "read", {"count": 1}).outcome == "denied"
    assert decide(checked(may), "read", {"count": 1, "region": "31"}).allowed
    assert decide(checked(must_not), "read", {"count": 1}).outcome == "denied"
    assert decide(checked(must_not), "read", {"count": 1, "region": "5201"}).allowed


TO_ONE = Policy("p", (Rule("read", target="6X", assignee="91A"), Rule("compute")), (Rule("compute", assignee="91B"),),
                (Rule("delete", assignee="91A"), Rule("logRecordSend")))  # fmt: skip


@pytest.mark.parametrize(
    ("action", "context", "outcome", "rule", "party"),
    [
        ("read", {"target": "6X", "assignee": "91A"}, "allowed", "permissions[0]", "91A"),
        ("read", {"target": "6X", "assignee": ["91C", "91A"]}, "allowed", "permissions[0]", "91A"),
        ("read", {"target": "6Y", "assignee": "91A"}, "denied", "permissions[0].target", "91A"),
        ("read", {"target": "6X", "assignee": "91B"}, "denied", "permissions[0].assignee", "91A"),
        ("read", {}, "denied", "permissions[0].target", "91A"),
        ("compute", {"assignee": "91A"}, "allowed", "permissions[1]", "91A"),
        ("compute", {"assignee": "91B"}, "denied", "prohibitions[0]", "91B"),
        ("compute", {}, "denied", "prohibitions[0]", "91B"),  # who it is may not be kept back
        ("sell", {"assignee": "91A"}, "default_denied", "", "91A"),
    ],
)
def test_rules_for_one_product_or_party(action, context, outcome, rule, party):
    decision = decide(checked(TO_ONE), action, context)
    assert (decision.outcome, decision.rule, decision.party) == (outcome, rule, party)


def test_a_refused_party_is_told_and_the_obligations_are_those_of_who_asks():
    denied = decide(checked(TO_ONE), "read", {"target": "6X", "assignee": "91B"})
    assert denied.needs == {"assignee": "91A"}
    assert "91A" in denied.en
    assert [rule.action for rule in denied.obligations] == ["logRecordSend"]
    granted = decide(checked(TO_ONE), "read", {"target": "6X", "assignee": "91A"})
    assert [rule.action for rule in granted.obligations] == ["delete", "logRecordSend"]


def test_out_of_a_prohibition_the_way_is_told_when_there_is_one():
    policy = checked(Policy("p", (Rule("read"),), (Rule("read", (Constraint("count", "gt", "10"),)),)))
    assert decide(policy, "read", {"count": 11}).needs == {"count": "10"}
    assert decide(checked(Policy("p", (Rule("read"),), (Rule("sell"),))), "sell", {}).needs == {}
