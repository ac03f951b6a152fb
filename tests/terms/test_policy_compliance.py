"""Compliance reports on ODRL of any vocabulary: premises, logic, collections, duties, and the outcome."""

import pytest

from datong.terms.policy.compliance import (
    ODRL,
    Asked,
    Atomic,
    DutyState,
    Joined,
    OdrlPolicy,
    OdrlRule,
    Term,
    World,
    report,
)
from datong.terms.policy.literals import XSD

NOW = Term("2026-03-02T08:00:00Z", f"{XSD}dateTime")
X, Y, ALICE, BOB = "urn:x", "urn:y", "urn:alice", "urn:bob"
READ, SELL, USE, WRITE = (f"{ODRL}{name}" for name in ("read", "sell", "use", "write"))


def named(*ids):
    return tuple((one, ()) for one in ids)


def judged(rule, world=None, **asked):
    """(Active or not, which premises are satisfied) of one rule for Alice reading X."""
    given = {
        name: (values if isinstance(values, tuple) else (values,)) for name, values in asked.pop("given", {}).items()
    }
    asked = Asked("q", **{"targets": (X,), "assignees": (ALICE,), "actions": (READ,), **asked}, given=given)
    [made] = report(OdrlPolicy("p", (rule,)), "r", [asked], world or World(NOW)).rules
    return made.active, [one.satisfied for one in made.premises]


def iri(text):
    return Term(text)


def number(text):
    return Term(text, f"{XSD}integer")


SCOPES = [
    ({}, True),
    ({"targets": named(X)}, True),
    ({"targets": named(Y)}, False),
    ({"targets": named(Y, X)}, True),  # a compact rule: any of them
    ({"assignees": named(BOB)}, False),
    ({"actions": named(USE)}, True),  # read is included in use
    ({"actions": named(SELL)}, False),
    ({"actions": named(READ, SELL), "targets": named(X), "assignees": named(ALICE)}, True),
]


@pytest.mark.parametrize(("scope", "active"), SCOPES)
def test_a_rule_is_active_when_target_party_and_action_fit(scope, active):
    assert judged(OdrlRule("u", "Permission", **scope))[0] is active


ACTIONS = [
    (WRITE, USE, True),  # write is modify's old name, and modify is included in use
    (WRITE, f"{ODRL}modify", True),
    (f"{ODRL}copy", f"{ODRL}reproduce", True),
    (f"{ODRL}extract", USE, True),  # by way of reproduce
    (SELL, USE, False),  # included in transfer, which use does not include
    (SELL, f"{ODRL}transfer", True),
    (USE, READ, False),
    ("urn:own:peek", READ, False),
]


@pytest.mark.parametrize(("asked", "permitted", "fits"), ACTIONS)
def test_actions_are_included_as_the_vocabulary_says(asked, permitted, fits):
    assert judged(OdrlRule("u", "Permission", actions=named(permitted)), actions=(asked,))[0] is fits


def test_a_profile_may_say_that_its_action_is_included():
    world = World(NOW, wider={"urn:own:peek": frozenset({READ})})
    assert judged(OdrlRule("u", "Permission", actions=named(READ)), world, actions=("urn:own:peek",))[0]


CONSTRAINTS = [
    ("dateTime", "lt", [Term("2026-03-03", f"{XSD}date")], {}, True),
    ("dateTime", "eq", [Term("2026-03-02T16:00:00+08:00", f"{XSD}dateTime")], {}, True),
    ("dateTime", "neq", [NOW], {}, False),
    ("dateTime", "lt", [Term("tomorrow", f"{XSD}dateTime")], {}, False),
    ("dateTime", "gt", [number("3")], {}, False),  # not comparable
    ("count", "lteq", [number("3")], {"count": number("03")}, True),
    ("count", "lteq", [Term("3.5", f"{XSD}decimal")], {"count": number("4")}, False),
    ("count", "lteq", [number("3")], {}, False),  # nothing said does not satisfy
    ("purpose", "eq", [iri("urn:a")], {"purpose": iri("urn:a")}, True),
    ("purpose", "eq", [iri("urn:a")], {"purpose": Term("urn:a", "")}, False),  # a text is no name
    ("purpose", "neq", [iri("urn:a")], {"purpose": iri("urn:b")}, True),
    ("purpose", "neq", [iri("urn:a")], {}, False),
    ("purpose", "isAnyOf", [iri("urn:a"), iri("urn:b")], {"purpose": iri("urn:b")}, True),
    ("purpose", "isNoneOf", [iri("urn:a"), iri("urn:b")], {"purpose": iri("urn:b")}, False),
    ("purpose", "isNoneOf", [iri("urn:a")], {}, True),
    ("purpose", "isAllOf", [iri("urn:a"), iri("urn:b")], {"purpose": (iri("urn:b"), iri("urn:a"))}, True),
    ("purpose", "isAllOf", [iri("urn:a"), iri("urn:b")], {"purpose": iri("urn:b")}, False),
    ("purpose", "isA", [iri("urn:kind")], {"purpose": iri("urn:a")}, True),  # urn:a is a urn:narrow is a urn:kind
    ("purpose", "isA", [iri("urn:a")], {"purpose": iri("urn:a")}, False),  # itself is no instance of itself
    ("spatial", "isPartOf", [iri("urn:country")], {"spatial": iri("urn:town")}, True),
    ("spatial", "hasPart", [iri("urn:town")], {"spatial": iri("urn:country")}, True),
    ("spatial", "hasPart", [iri("urn:country")], {"spatial": iri("urn:town")}, False),
    ("language", "eq", [Term("zh", "")], {"language": Term("zh", "")}, True),
]  # fmt: skip
KNOWN = World(
    NOW,
    wholes={"urn:town": frozenset({"urn:county"}), "urn:county": frozenset({"urn:country"})},
    kinds={"urn:a": frozenset({"urn:narrow"}), "urn:narrow": frozenset({"urn:kind"})},
)


@pytest.mark.parametrize(("left", "op", "right", "given", "holds"), CONSTRAINTS)
def test_each_operator(left, op, right, given, holds):
    rule = OdrlRule("u", "Permission", constraints=(Atomic("c", ODRL + left, op, tuple(right)),))
    active, premises = judged(rule, KNOWN, given={ODRL + name: value for name, value in given.items()})
    assert (active, premises) == (holds, [holds])


def typed(text, kind):
    return Term(text, f"{XSD}{kind}" if kind and kind[0] != "@" else kind)


COMPARED = [
    # (left, right, what holds of gt, lt, eq, neq)
    (("2026-03-02T08:00:00Z", "dateTime"), ("2026-03-02+08:00", "date"), "gt neq"),
    (("2026-03-01T16:00:00Z", "dateTime"), ("2026-03-02+08:00", "date"), "eq"),
    (("2026-03-02T24:00:00Z", "dateTime"), ("2026-03-03T00:00:00Z", "dateTime"), "eq"),
    (("2026-03-02T24:00:01Z", "dateTime"), ("2026-03-03T00:00:00Z", "dateTime"), "neq"),
    (("9999-12-31T23:59:59-08:00", "dateTime"), ("12026-01-01T00:00:00Z", "dateTime"), "lt neq"),
    (("2026-03-02", "dateTime"), ("2026-03-01T00:00:00Z", "dateTime"), "neq"),  # no dateTime
    (("P5Y", "duration"), ("P1Y", "duration"), "gt neq"),
    (("P1Y", "duration"), ("P12M", "yearMonthDuration"), "eq"),
    (("P1Y", "duration"), ("P365D", "duration"), "neq"),  # a year has 365 days or 366
    (("P1Y", "duration"), ("P367D", "duration"), "lt neq"),
    (("PT1.5S", "duration"), ("PT1S", "dayTimeDuration"), "gt neq"),
    (("P7D", "duration"), ("P1W", "duration"), "eq"),
    (("-P1D", "duration"), ("PT0S", "duration"), "lt neq"),
    (("08:00:00+08:00", "time"), ("00:00:00Z", "time"), "eq"),
    (("09:00:00", "time"), ("08:00:00+08:00", "time"), "gt neq"),
    (("2026", "gYear"), ("12025", "gYear"), "lt neq"),
    (("10", "integer"), ("9.5", "decimal"), "gt neq"),
    (("1e3", "double"), ("1000", "integer"), "eq"),
    (("INF", "double"), ("1000", "integer"), "gt neq"),
    (("300", "byte"), ("9", "byte"), "neq"),  # no byte
    (("true", "boolean"), ("1", "boolean"), "eq"),
    (("b", ""), ("a", "string"), "gt neq"),
    (("b", "token"), ("a", "token"), "neq"),  # of no known order
    (("colour", "@en-gb"), ("colour", "@en-us"), "neq"),
    (("a", "token"), ("a", "NMTOKEN"), "neq"),
    (("a", "@en"), ("a", ""), "neq"),
]


@pytest.mark.parametrize(("left", "right", "holds"), COMPARED)
def test_literals_compare_by_their_type_and_never_by_their_text(left, right, holds):
    given = {f"{ODRL}version": typed(*left)}
    found = [
        op
        for op in ("gt", "lt", "eq", "neq")
        if judged(
            OdrlRule("u", "Permission", constraints=(Atomic("c", f"{ODRL}version", op, (typed(*right),)),)), given=given
        )[0]
    ]
    assert " ".join(found) == holds


def early(day):
    return Atomic(f"before {day}", f"{ODRL}dateTime", "lt", (Term(f"2026-03-{day}T00:00:00Z", f"{XSD}dateTime"),))


@pytest.mark.parametrize(
    ("how", "days", "holds"),
    [("or", ["01", "05"], True), ("or", ["01", "02"], False), ("xone", ["04", "05"], False), ("xone", ["01", "05"], True),
     ("and", ["04", "05"], True), ("and", ["01", "05"], False), ("andSequence", ["04", "05"], True)],
)  # fmt: skip
def test_logic(how, days, holds):
    rule = OdrlRule("u", "Permission", constraints=(Joined("j", how, tuple(map(early, days))),))
    assert judged(rule) == (holds, [holds])


def test_members_of_a_collection_and_of_a_collection_in_it_fit():
    rule = OdrlRule("u", "Permission", targets=named("urn:all"))
    wholes = {X: frozenset({"urn:some"}), "urn:some": frozenset({"urn:all"})}
    assert judged(rule, World(NOW, wholes=wholes))[0]
    assert not judged(rule, World(NOW, wholes=wholes), targets=(Y,))[0]


def test_a_refinement_narrows_the_action():
    half = Atomic("c", f"{ODRL}resolution", "lteq", (number("600"),))
    rule = OdrlRule("u", "Permission", actions=((READ, (half,)),))
    assert not judged(rule)[0]
    assert judged(rule, given={f"{ODRL}resolution": number("300")})[0]


MAY = OdrlRule("may", "Permission", actions=named(READ))
PAID = OdrlRule("paid", "Permission", actions=named(READ), duties=("pay",))
NOT = OdrlRule("not", "Prohibition", actions=named(USE))


@pytest.mark.parametrize(
    ("rules", "conflict", "duty", "outcome"),
    [
        ([MAY], "prohibit", None, "allowed"),
        ([MAY, NOT], "prohibit", None, "denied"),
        ([MAY, NOT], "invalid", None, "denied"),
        ([MAY, NOT], "perm", None, "allowed"),
        ([NOT], "perm", None, "denied"),
        ([], "prohibit", None, "default_denied"),
        ([PAID], "prohibit", None, "conditional"),
        ([PAID], "prohibit", DutyState("r", "Unknown", "NonSet"), "conditional"),
        ([PAID], "prohibit", DutyState("r", "Performed", "Fulfilled"), "allowed"),
        ([PAID], "prohibit", DutyState("r", "Unperformed", "Violated"), "default_denied"),
    ],
)
def test_the_outcome_and_what_a_duty_does(rules, conflict, duty, outcome):
    world = World(NOW, duties={"pay": duty} if duty else {})
    asked = Asked("q", (X,), (ALICE,), (READ,))
    assert report(OdrlPolicy("p", tuple(rules), conflict), "r", [asked], world).outcome == outcome


def test_a_duty_of_the_policy_is_reported_whoever_asks():
    owed = OdrlRule("owed", "Duty", assignees=named(BOB), actions=named(f"{ODRL}delete"))
    [told] = report(OdrlPolicy("p", (owed,)), "r", [Asked("q", (X,), (ALICE,), (READ,))], World(NOW)).rules
    assert (told.active, told.performance, told.deontic) == (True, "Unknown", "NonSet")
    late = World(NOW, duties={"owed": DutyState("r", "Unperformed")})
    [told] = report(OdrlPolicy("p", (owed,)), "r", [Asked("q", (X,), (ALICE,), (READ,))], late).rules
    assert told.deontic == "Violated"


@pytest.mark.parametrize(
    ("rules", "conflict", "outcome"),
    [
        ([OdrlRule("m", "Permission", actions=named(READ))], "prohibit", "default_denied"),
        ([OdrlRule("m", "Permission", actions=named(READ, SELL))], "prohibit", "allowed"),
        ([MAY, OdrlRule("m", "Permission", actions=named(SELL), duties=("pay",))], "prohibit", "conditional"),
        ([MAY, OdrlRule("n", "Prohibition", actions=named(SELL))], "perm", "denied"),
        ([OdrlRule("m", "Permission", actions=named(READ, SELL)), NOT], "perm", "allowed"),
    ],
)
def test_of_several_rules_asked_for_the_worst_is_the_outcome(rules, conflict, outcome):
    asked = [Asked(action, (X,), (ALICE,), (action,)) for action in (READ, SELL)]
    assert report(OdrlPolicy("p", tuple(rules), conflict), "r", asked, World(NOW)).outcome == outcome


@pytest.mark.parametrize(("kind", "active"), [("Permission", False), ("Prohibition", True)])
def test_a_permission_has_to_fit_all_that_one_rule_asks_for_and_a_prohibition_one(kind, active):
    assert judged(OdrlRule("u", kind, targets=named(Y)), targets=(X, Y))[0] is active


def test_a_permission_without_an_action_is_told_and_permits_nothing():
    made = report(
        OdrlPolicy("p", (OdrlRule("m", "Permission"),)), "r", [Asked("q", (X,), (ALICE,), (READ,))], World(NOW)
    )
    assert (made.rules[0].active, made.outcome) == (True, "default_denied")


def test_an_obligation_that_does_not_hold_now_is_not_violated():
    late = Atomic("c", f"{ODRL}dateTime", "gt", (Term("2027-01-01T00:00:00Z", f"{XSD}dateTime"),))
    world = World(NOW, duties={"owed": DutyState("r", "Unperformed"), "done": DutyState("r", "Performed")})
    rules = (OdrlRule("owed", "Duty", constraints=(late,)), OdrlRule("done", "Duty", constraints=(late,)))
    made = report(OdrlPolicy("p", rules), "r", [Asked("q")], world).rules
    assert [(one.active, one.deontic) for one in made] == [(False, "NonSet"), (False, "NonSet")]


@pytest.mark.parametrize(
    ("performance", "outcome"),
    [("Performed", "allowed"), ("Unperformed", "default_denied"), ("Unknown", "conditional")],
)
def test_a_condition_without_a_deontic_state_is_what_was_performed(performance, outcome):
    world = World(NOW, duties={"pay": DutyState("r", performance)})
    asked = Asked("q", (X,), (ALICE,), (READ,))
    assert report(OdrlPolicy("p", (PAID,)), "r", [asked], world).outcome == outcome
