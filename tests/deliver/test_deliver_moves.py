"""Every state, act and side of a transfer: it moves as the figure says or refuses and changes nothing."""

from __future__ import annotations

from itertools import product

import pytest

from datong.deliver.model import TRANSFER_MOVES, Act, Side, State
from datong.deliver.rules import moved, repeated
from datong.ground.refusal import Refusal

FIGURE = """
REQUESTED start     provider  STARTED
REQUESTED terminate consumer  TERMINATED
REQUESTED terminate provider  TERMINATED
STARTED   complete  consumer  COMPLETED
STARTED   complete  provider  COMPLETED
STARTED   suspend   consumer  SUSPENDED
STARTED   suspend   provider  SUSPENDED
STARTED   terminate consumer  TERMINATED
STARTED   terminate provider  TERMINATED
SUSPENDED start     consumer  STARTED
SUSPENDED start     provider  STARTED
SUSPENDED terminate consumer  TERMINATED
SUSPENDED terminate provider  TERMINATED
"""
ALLOWED = {tuple(line.split()[:3]): line.split()[3] for line in FIGURE.strip().splitlines()}


@pytest.mark.parametrize(("state", "act", "side"), list(product(State, Act, Side)))
def test_each_move_is_the_figures_or_refused(state: State, act: Act, side: Side) -> None:
    after = ALLOWED.get((state.value, act.value, side.value))
    if after is not None:
        assert moved(state, act, side, "t-1") == after
        return
    with pytest.raises(Refusal) as refused:
        moved(state, act, side, "t-1")
    assert refused.value.code == "USE-409"
    assert refused.value.facts["state"] == state.value
    open_now = [a for s, a, by in ALLOWED if (s, by) == (state.value, side.value)]
    assert sorted(refused.value.facts["open"].split(", ")) == sorted(open_now or ["—"])


@pytest.mark.parametrize("state", [State.COMPLETED, State.TERMINATED])
def test_final_states_have_no_moves(state: State) -> None:
    assert not [key for key in TRANSFER_MOVES if key[0] is state]


def test_a_repeated_message_is_known_by_the_state_it_leads_to() -> None:
    assert repeated(State.STARTED, Act.start)
    assert repeated(State.TERMINATED, Act.terminate)
    assert not repeated(State.SUSPENDED, Act.start)
    assert not repeated(State.COMPLETED, Act.terminate)
