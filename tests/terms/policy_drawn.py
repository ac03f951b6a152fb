"""Policies and contexts drawn by hypothesis for the tests of the policy model."""

from hypothesis import strategies as st

from datong.ground.refusal import Refusal
from datong.terms.policy import (
    ACTIONS,
    CONSTRAINTS,
    LOGIC,
    OPERATORS,
    PURPOSES,
    Constraint,
    Logical,
    Policy,
    Rule,
    checked,
)
from datong.terms.policy.vocabulary import ORDERED

VALUES = {
    "time": ["2026-03-01T00:00:00Z", "20270101000000", "2026-03-01T08:00:00+08:00"],
    "timeWindow": ["P7D", "PT36H"],
    "region": ["5201", "520102", "52"],
    "networkAddress": ["10.0.0.0/8", "10.1.2.3", "node.example"],
    "physicalAddress": ["tpcm-1", "tpcm-2"],
    "count": ["1", "5", "0100"],
    "frequency": ["60/hour", "5/day"],
    "dataSize": ["10G", "512M", "3"],
    "dataRecord": ["1", "1000"],
    "dataField": ["area", "starts", "ends"],
    "valueExpression": ["area=5201", "starts>3"],
    "application": ["app-1", "app-2"],
    "algorithm": ["sum", "re-identification"],
    "machineLearningModels": ["m1", "m2"],
    "executionEnv": ["01", "02", "07"],
    "encryptMode": ["01", "02"],
    "deliveryMethod": ["01", "03"],
    "payAmount": ["100.00 CNY", "7.50 CNY"],
    "purpose": list(PURPOSES),
}
TARGETS, PARTIES = ["", "6915201A", "6915202B"], ["", "91520100A", "91310000B"]


@st.composite
def constraints(draw):
    left = draw(st.sampled_from(sorted(VALUES)))
    ordered = CONSTRAINTS[left].family in ORDERED
    op = draw(st.sampled_from([name for name, one in OPERATORS.items() if one.ordered in (None, ordered)]))
    values = st.sampled_from(VALUES[left])
    if OPERATORS[op].takes_list:
        return Constraint(left, op, tuple(draw(st.lists(values, min_size=1, max_size=3))))
    return Constraint(left, op, draw(values))


conditions = st.recursive(
    constraints(),
    lambda inner: st.builds(
        Logical, st.sampled_from(sorted(LOGIC)), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=4,
)
duties = st.lists(st.builds(Rule, st.sampled_from(["anonymize", "alert", "compensate"])), max_size=2).map(tuple)
rules = st.builds(
    Rule, st.sampled_from(["read", "compute", "delivery"]), st.lists(conditions, max_size=3).map(tuple), duties,
    st.sampled_from(TARGETS), st.sampled_from(PARTIES),
)  # fmt: skip
policies = st.builds(
    Policy, st.sampled_from(["p-1", "策略 一", "urn:x:1"]), st.lists(rules, min_size=1, max_size=3).map(tuple),
    st.lists(rules, max_size=2).map(tuple), st.lists(rules, max_size=2).map(tuple), st.booleans(),
)  # fmt: skip
contexts = st.fixed_dictionaries(
    {},
    optional={
        **{left: st.sampled_from([*values, values]) for left, values in VALUES.items()},
        "target": st.sampled_from(TARGETS[1:]),
        "assignee": st.sampled_from([*PARTIES[1:], PARTIES[1:]]),
        "done": st.sampled_from([[], ["anonymize"], ["anonymize", "alert", "compensate"]]),
    },
)
actions = st.sampled_from(["read", "compute", "delivery", "sell", *sorted(ACTIONS)[:2]])


def accepted(policy):
    """The checked policy, None when it is refused (a contradiction was drawn)."""
    try:
        return checked(policy)
    except Refusal:
        return None
