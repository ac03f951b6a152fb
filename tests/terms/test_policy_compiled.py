"""Compiled decisions are those of the definition, scopes and logic among them, and their advice passes when followed."""

import itertools

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


PARTS = (
    (Constraint("count", "lteq", "3"), {True: {"count": 1}, False: {"count": 9}, None: {}}),
    (Constraint("region", "isPartOf", ("52",)), {True: {"region": "5201"}, False: {"region": "31"}, None: {}}),
    (Constraint("executionEnv", "eq", "07"), {True: {"executionEnv": "07"}, False: {"executionEnv": "01"}, None: {}}),
)  # fmt: skip
TRUTHS = [t for size in (2, 3) for t in itertools.product((True, None, False), repeat=size)]


@pytest.mark.parametrize("how", ["and", "andSequence", "or", "xone"])
@pytest.mark.parametrize("truths", TRUTHS)
def test_whatever_is_known_of_the_parts_a_whole_permits_when_sure_and_forbids_unless_sure(how, truths):
    whole = Logical(how, tuple(part for part, _ in PARTS[: len(truths)]))
    context = {k: v for truth, (_, given_) in zip(truths, PARTS, strict=False) for k, v in given_[truth].items()}
    result = held(whole, context)
    may, must_not = Policy("p", (Rule("read", (whole,)),)), Policy("p", (Rule("read"),), (Rule("read", (whole,)),))
    assert decide(may, "read", context).allowed is (result is True)
    assert decide(must_not, "read", context).allowed is (result is False)


EITHER = Constraint("purpose", "isAnyOf", ("credit_scoring", "public_welfare"))
SCORING = Constraint("purpose", "eq", "credit_scoring")


@pytest.mark.parametrize("parts", [(EITHER, SCORING), (SCORING, EITHER)])
def test_the_advice_for_exactly_one_leaves_the_other_out(parts):
    policy = checked(Policy("p", (Rule("read", (Logical("xone", parts),)),)))
    assert decide(policy, "read", {"purpose": "industry_development"}).needs == {"purpose": "public_welfare"}


def test_advice_leads_to_a_permission_whose_duties_are_still_to_be_done():
    policy = checked(Policy("p", (Rule("read", (Constraint("count", "lteq", "3"),), duties=(Rule("anonymize"),)),)))
    assert decide(policy, "read", {"count": 5}).needs == {"count": "3"}


FIELDS = ("area", "starts")


@pytest.mark.parametrize(
    ("may", "must_not", "context", "known"),
    [
        ((), Rule("read", target="6X"), {"target": "6X"}, False),  # nobody is told to ask for another product,
        ((), Rule("read", assignee="91A"), {"assignee": "91A"}, False),  # or to be another party
        ((Constraint("dataField", "isAllOf", ("area",)),), Rule("read", (Constraint("dataField", "isAllOf", ("area",)),)),
         {"dataField": ["area"]}, True),
        ((Constraint("dataField", "isAllOf", FIELDS),), Rule("read", (Constraint("dataField", "isAllOf", FIELDS),)),
         {"dataField": list(FIELDS)}, False),
        ((Constraint("dataField", "hasPart", FIELDS),), Rule("read", (Constraint("dataField", "hasPart", FIELDS),)),
         {"dataField": list(FIELDS)}, False),
        ((Constraint("dataField", "hasPart", FIELDS), Constraint("count", "lteq", "3")),
         Rule("read", (Constraint("dataField", "hasPart", FIELDS),)), {"dataField": list(FIELDS), "count": 1}, False),
    ],
)  # fmt: skip
def test_that_there_is_no_change_is_said_only_where_all_were_tried(may, must_not, context, known):
    decision = decide(checked(Policy("p", (Rule("read", may),), (must_not,))), "read", context)
    assert decision.outcome == "denied"
    assert decision.change.en.startswith("Nothing passes" if known else "No change that passes was found")


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
