"""The state table against the specification: every State x Act x Party moves or refuses."""

import itertools

import pytest

from datong.ground.refusal import Refusal, Text
from datong.negotiate import rules
from datong.negotiate.model import FINAL, HOLDER, MOVES, OPENINGS, Act, Party, State
from datong.negotiate.rules import moved, open_acts, received

# state, act, who may, state after: written from the specification's figure, independently of MOVES
FIGURE = """
REQUESTED offer     provider          OFFERED
REQUESTED agree     provider          AGREED
REQUESTED terminate consumer,provider TERMINATED
OFFERED   request   consumer          REQUESTED
OFFERED   accept    consumer          ACCEPTED
OFFERED   terminate consumer,provider TERMINATED
ACCEPTED  agree     provider          AGREED
ACCEPTED  terminate consumer,provider TERMINATED
AGREED    verify    consumer          VERIFIED
AGREED    terminate consumer,provider TERMINATED
VERIFIED  finalize  provider          FINALIZED
VERIFIED  terminate consumer,provider TERMINATED
"""
ALLOWED = {
    (state, act, who): after
    for state, act, parties, after in (line.split() for line in FIGURE.strip().splitlines())
    for who in parties.split(",")
}
PRODUCT = list(itertools.product(State, Act, Party))


@pytest.mark.parametrize(("state", "act", "party"), PRODUCT)
def test_every_state_act_and_party(state, act, party):
    after = ALLOWED.get((state.value, act.value, party.value))
    if after is not None:
        assert moved(state, act, party) is State(after)
        return
    with pytest.raises(Refusal) as refused:
        moved(state, act, party, "n-1")
    assert refused.value.code == "CTR-401"
    assert f"It is {state.value}." in str(refused.value)
    open_now = [a for s, a, who in ALLOWED if (s, who) == (state.value, party.value)]
    assert sorted(refused.value.facts["open"].split(", ")) == sorted(open_now or ["nothing (无)"])


def test_the_product_is_whole():
    assert len(PRODUCT) == 7 * 7 * 2
    assert len(ALLOWED) == 17
    assert set(HOLDER) == set(State)
    assert {act for act, _ in OPENINGS.items()} == {Act.request, Act.offer}


@pytest.mark.parametrize("state", list(State))
def test_who_holds_a_state_has_a_move_in_it(state):
    holder, _why = HOLDER[state]
    if state in FINAL:
        assert holder is None
        assert not open_acts(state, Party.consumer) + open_acts(state, Party.provider)
    else:
        assert set(open_acts(state, holder)) - {"terminate"}


def test_what_is_received_is_a_move_or_a_move_after_our_pending_one():
    """An answer may overtake the acknowledgement of what it answers, and nothing else may overtake anything; what we
    have ended is not concluded any more."""

    def after(deed, *of):
        try:
            return deed(*of)
        except Refusal:
            return None

    for state, act, speaker, pending in itertools.product(State, Act, Party, [None, *Act]):
        direct = after(moved, state, act, speaker)
        implied = after(moved, state, pending, speaker.other) if pending is not None else None
        if pending is not None and implied is None:
            continue  # we do nothing that is not open to us
        expected = direct
        if direct is None and implied is not None:
            expected = after(moved, implied, act, speaker)
        if (pending, act) == (Act.terminate, Act.finalize):
            expected = None
        assert after(received, state, pending, act, speaker, "n-1") is expected, (state, act, speaker, pending)


def test_what_was_open_anyway_proves_nothing():
    """To end is open to both in most states: it does not tell that our agreement arrived, as a verification does."""
    assert rules.overtakes(State.REQUESTED, Act.agree, Act.verify, Party.consumer)
    assert not rules.overtakes(State.REQUESTED, Act.agree, Act.terminate, Party.consumer)
    assert not rules.overtakes(State.REQUESTED, Act.agree, Act.verify, Party.provider)


def test_final_states_have_no_moves():
    assert not [state for state, _ in MOVES if state in FINAL]


@pytest.mark.parametrize(
    ("reasons", "zh", "en"),
    [
        (["Not allowed.", "不被允许。"], "不被允许。", "Not allowed."),
        (["不被允许。", "Not allowed."], "不被允许。", "Not allowed."),
        (["Not allowed."], "Not allowed.", "Not allowed."),
        (["one", "two"], "one; two", "one; two"),
        (["一", "二"], "一; 二", "一; 二"),
        (["one", "two", "三"], "one; two; 三", "one; two; 三"),
        (["x" * 2001], "x" * 2000, "x" * 2000),
        (["x" * 2001, "因" * 2001], "因" * 2000, "x" * 2000),
        ([], "未说明原因", "no reason given"),
    ],
)
def test_a_peers_reasons_are_told_in_the_readers_language(reasons: list[str], zh: str, en: str) -> None:
    assert rules.told_in_both(reasons) == Text(zh, en)
