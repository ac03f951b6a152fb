"""Ways in: passwords and throttling, one-time links, sessions that notice theft, service tokens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from datong.ground import codes, signing
from datong.ground.db import NODE, Actor, Store, sqlite_url
from datong.ground.evidence.leaves import leaves
from datong.ground.keys import PrivateKey
from datong.ground.refusal import Refusal
from datong.register import service as register
from datong.register import store
from datong.register.rules import logins
from datong.register.service import sessions
from stores import with_tables

PARTY = codes.credit_code("1", "1", "520100", "MB0DB001")
PASSWORD = "correct horse 电池"


class Wall:
    """A wall clock the test moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def later(self, **delta: float) -> None:
        self.at += timedelta(**delta)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def node(tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Its passwords cost a thirtieth of what they cost an attacker of a node in service."""
    monkeypatch.setattr(logins, "SCRYPT_LOG2_N", 10)
    made = Store(sqlite_url(tmp_path / "n.db"), wall)
    with_tables(made)
    signing.install(made, PrivateKey.new(), signing.Me("", PARTY, "bureau", "http://bureau.test"))
    with made.begin(NODE, "register") as tx:
        register.bootstrap_operator(tx, login="root", name="Wang Wei", password=PASSWORD)
    yield made
    made.dispose()


def operator(node: Store) -> Actor:
    with node.read() as tx:
        row = store.person_of_login(tx, "root")
    assert row is not None
    return Actor(row["id"], "operator", PARTY, "", frozenset({"operator"}))


def do(node: Store, call: Callable[..., Any], *, actor: Actor = NODE, **arguments: Any) -> Any:
    with node.begin(actor, "register") as tx:
        return call(tx, **arguments)


def code_of(node: Store, call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(Refusal) as caught:
        do(node, call, **arguments)
    return caught.value.code


def who(node: Store, token: str, client: str = "firefox") -> Actor:
    with node.read() as tx:
        return register.actor_of_session(tx, token, client)


def refused(node: Store, token: str, client: str = "firefox") -> str:
    with pytest.raises(Refusal) as caught:
        who(node, token, client)
    return caught.value.code


def entered(node: Store, client: str = "firefox") -> str:
    return str(do(node, register.login, login="root", password=PASSWORD, client=client))


def test_a_password_is_kept_by_the_costs_that_are_meant() -> None:
    kept = logins.password_hash(PASSWORD, bytes(16))
    assert kept.startswith("scrypt$15$8$1$")
    assert logins.password_fits(PASSWORD, kept)


def test_a_password_opens_a_session_of_the_person(node: Store) -> None:
    actor = who(node, entered(node))
    assert (actor.roles, actor.party) == (frozenset({"operator"}), PARTY)
    assert actor.person == operator(node).person


def test_the_first_operator_is_made_once(node: Store) -> None:
    assert code_of(node, register.bootstrap_operator, login="two", name="B", password=PASSWORD) == "IDN-412"


def test_wrong_passwords_and_unknown_logins_look_alike(node: Store) -> None:
    texts = set()
    for login in ("root", "nobody"):
        with pytest.raises(Refusal) as caught:
            do(node, register.login, login=login, password="wrong wrong wrong")
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert "IDN-403" in texts.pop()


@pytest.mark.parametrize("edge_commits", [True, False], ids=["edge commits", "edge rolls back"])
def test_failures_are_counted_and_throttled_whatever_the_edge_does(node: Store, wall: Wall, edge_commits: bool) -> None:
    for _ in range(logins.FREE_ATTEMPTS):
        if edge_commits:
            with node.begin(NODE, "register") as tx, pytest.raises(Refusal):
                register.login(tx, login="root", password="wrong wrong wrong")
        else:
            assert code_of(node, register.login, login="root", password="wrong wrong wrong") == "IDN-403"
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-429"
    wall.later(seconds=logins.FIRST_BLOCK_SECONDS - 1)
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-429"
    wall.later(seconds=2)
    assert code_of(node, register.login, login="root", password="wrong wrong wrong") == "IDN-403"
    wall.later(seconds=logins.FIRST_BLOCK_SECONDS + 1)
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-429", "the sixth blocks longer"
    wall.later(seconds=logins.FIRST_BLOCK_SECONDS)
    entered(node)
    assert code_of(node, register.login, login="root", password="wrong wrong wrong") == "IDN-403", (
        "counting starts anew"
    )
    entered(node)


def test_a_login_blocked_by_a_clock_that_was_ahead_is_open_once_it_is_put_right(node: Store, wall: Wall) -> None:
    wall.later(days=365)
    for _ in range(logins.FREE_ATTEMPTS):
        assert code_of(node, register.login, login="root", password="wrong wrong wrong") == "IDN-403"
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-429"
    wall.later(days=-365)
    entered(node)


def test_strangers_who_guess_hold_up_nobody_else(node: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison takes a tenth of a second; within the one write transaction of a store a flood of guesses would stop
    the whole node, and as many at a time as there are threads would take its memory."""
    compare, begun, go_on = logins.password_fits, threading.Semaphore(0), threading.Event()

    def slowly(password: str, kept: str) -> bool:
        begun.release()
        assert go_on.wait(30)
        return compare(password, kept)

    monkeypatch.setattr(logins, "password_fits", slowly)
    answers: list[str] = []

    def guess(login: str) -> None:
        answers.append(code_of(node, register.login, login=login, password="wrong wrong wrong"))

    strangers = [threading.Thread(target=guess, args=(f"stranger-{n}",)) for n in range(sessions.GUESSES_MAX)]
    written = threading.Thread(target=lambda: do(node, register.login_link, actor=operator(node),
                                                 person=operator(node).person))  # fmt: skip
    try:
        for stranger in strangers:
            stranger.start()
        for _ in strangers:
            assert begun.acquire(timeout=20)
        written.start()
        written.join(20)
        assert not written.is_alive(), "another's deed waits for a guess"
        assert code_of(node, register.login, login="root", password=PASSWORD) == "GEN-520"
    finally:
        go_on.set()
        for thread in [*strangers, written]:
            thread.join(30)
    assert answers == ["IDN-403"] * len(strangers)
    monkeypatch.undo()
    entered(node)


def test_many_guesses_at_once_are_no_more_than_one_after_another(node: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    compare, together = logins.password_fits, threading.Barrier(sessions.GUESSES_MAX)

    def at_once(password: str, kept: str) -> bool:
        together.wait(30)
        return compare(password, kept)

    for _ in range(logins.FREE_ATTEMPTS - 1):
        assert code_of(node, register.login, login="root", password="wrong wrong wrong") == "IDN-403"
    monkeypatch.setattr(logins, "password_fits", at_once)
    with ThreadPoolExecutor(sessions.GUESSES_MAX) as pool:
        told = list(pool.map(lambda _: code_of(node, register.login, login="root", password="wrong wrong wrong"),
                             range(sessions.GUESSES_MAX)))  # fmt: skip
    assert sorted(told) == ["IDN-403"] + ["IDN-429"] * (sessions.GUESSES_MAX - 1)


def test_who_holds_a_session_does_not_try_out_the_password_behind_it(node: Store, wall: Wall) -> None:
    """A new password that none is (too short) would tell of the old one whether it was right, and change nothing."""
    who_is_in = operator(node)
    tried = [code_of(node, register.change_password, actor=who_is_in, old=f"a guess of mine {n}", new="short")
             for n in range(logins.FREE_ATTEMPTS)]  # fmt: skip
    assert set(tried) == {"IDN-410"}
    assert code_of(node, register.change_password, actor=who_is_in, old=PASSWORD, new="short") == "IDN-429"
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-429", "they are guesses as any other"
    wall.later(seconds=logins.FIRST_BLOCK_SECONDS + 1)
    do(node, register.change_password, actor=who_is_in, old=PASSWORD, new="another horse 电池")


def test_what_strangers_made_up_is_forgotten(node: Store, wall: Wall) -> None:
    for n in range(3):
        assert code_of(node, register.login, login=f"stranger-{n}", password="wrong wrong wrong") == "IDN-403"
    with node.begin(NODE, "register") as tx:
        assert register.forget_attempts(tx) == 0
    wall.later(days=sessions.FORGOTTEN_DAYS, seconds=1)
    with node.begin(NODE, "register") as tx:
        assert register.forget_attempts(tx) == 3


def test_the_blocks_grow_and_have_an_end() -> None:
    seconds = [logins.block_seconds(n) for n in range(60)]
    assert seconds[:7] == [0, 0, 0, 0, 0, 30, 60]
    assert seconds == sorted(seconds)
    assert seconds[-1] == logins.LONGEST_BLOCK_SECONDS


def test_neither_passwords_nor_tokens_nor_names_stand_in_store_or_log(node: Store, tmp_path: Path) -> None:
    token = entered(node)
    link = do(node, register.login_link, actor=operator(node), person=operator(node).person)["token"]
    service = do(
        node,
        register.issue_service_token,
        actor=operator(node),
        person=operator(node).person,
        label="x",
        scopes=["price"],
    )["token"]
    data = b"".join(file.read_bytes() for file in tmp_path.glob("n.db*"))
    assert b"person-" in data
    assert not [secret for secret in (token, link, service, PASSWORD) if secret.encode() in data]
    with node.read() as tx:
        log = b"".join(row["body"] for row in store.rows(tx, leaves))
    assert b"Wang Wei" not in log
    assert b"person-" in log


def test_a_session_ends_with_time_logout_and_the_person(node: Store, wall: Wall) -> None:
    one, two, three = entered(node), entered(node), entered(node)
    do(node, register.logout, session=one)
    do(node, register.logout, session="no such token")
    assert refused(node, one) == "IDN-405"
    who(node, two)
    second = do(node, register.add_person, actor=operator(node), login="second", name="B", roles=["operator"])
    deputy = Actor(second["id"], "operator", PARTY, "", frozenset({"operator"}))
    do(node, register.disable_person, actor=deputy, person=operator(node).person)
    assert refused(node, two) == "IDN-405"
    assert refused(node, three) == "IDN-405"
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-403"


def test_a_session_expires(node: Store, wall: Wall) -> None:
    token = entered(node)
    wall.later(hours=7, minutes=59)
    who(node, token)
    wall.later(minutes=1)
    assert refused(node, token) == "IDN-405"


def test_a_stolen_session_is_noticed_and_ended_for_both(node: Store) -> None:
    token, other = entered(node), entered(node)
    assert refused(node, token, client="curl") == "IDN-406"
    assert refused(node, token) == "IDN-405", "the thief's attempt ended it"
    who(node, other)


def test_a_rotated_token_that_comes_back_ends_the_chain(node: Store, wall: Wall) -> None:
    first = entered(node)
    second = do(node, register.rotate_session, token=first, client="firefox")
    who(node, second)
    wall.later(seconds=61)
    assert refused(node, first) == "IDN-406"
    assert refused(node, second) == "IDN-405"


def test_a_replaced_token_works_as_long_as_requests_are_under_way(node: Store, wall: Wall) -> None:
    first = entered(node)
    wall.later(minutes=10)
    second = do(node, register.rotate_session, token=first, client="firefox")
    wall.later(seconds=60)
    who(node, first)
    assert do(node, register.rotate_session, token=first, client="firefox") == "", "two requests at once: one new token"
    assert refused(node, first, client="curl") == "IDN-406"
    assert refused(node, second) == "IDN-405"


def test_a_token_replaced_twice_has_no_grace_left(node: Store, wall: Wall) -> None:
    first = entered(node)
    wall.later(minutes=10)
    second = do(node, register.rotate_session, token=first, client="firefox")
    wall.later(minutes=10)
    third = do(node, register.rotate_session, token=second, client="firefox")
    who(node, second)
    assert refused(node, first) == "IDN-406"
    assert refused(node, third) == "IDN-405"


def test_logging_out_leaves_no_grace(node: Store, wall: Wall) -> None:
    first = entered(node)
    second = do(node, register.rotate_session, token=first, client="firefox")
    do(node, register.logout, session=second)
    assert refused(node, first) == "IDN-406"


def test_when_a_token_has_served_its_time(node: Store, wall: Wall) -> None:
    token = entered(node)
    wall.later(minutes=9, seconds=59)
    with node.read() as tx:
        assert not register.session_rotates(tx, token)
    wall.later(seconds=1)
    with node.read() as tx:
        assert register.session_rotates(tx, token)
        assert not register.session_rotates(tx, "none")


def test_rotation_does_not_make_a_session_longer(node: Store, wall: Wall) -> None:
    token = entered(node)
    for _ in range(3):
        wall.later(hours=2)
        token = do(node, register.rotate_session, token=token, client="firefox")
    wall.later(hours=2)
    assert refused(node, token) == "IDN-405"


def test_a_login_link_works_once_within_a_day(node: Store, wall: Wall) -> None:
    person = operator(node).person
    link = do(node, register.login_link, actor=operator(node), person=person)["token"]
    token = do(node, register.login_by_link, link=link, client="firefox")
    assert who(node, token).person == person
    assert code_of(node, register.login_by_link, link=link, client="firefox") == "IDN-408"
    late = do(node, register.login_link, actor=operator(node), person=person)["token"]
    wall.later(hours=24)
    assert code_of(node, register.login_by_link, link=late) == "IDN-408"
    assert code_of(node, register.login_by_link, link="") == "IDN-408"


def test_a_way_in_remembers_who_handed_it_out(node: Store) -> None:
    """Link, service token and a password that another set: whoever could use it too stands beside the person."""
    root = operator(node)
    ann = do(node, register.add_person, actor=root, login="ann", name="A", roles=["reviewer"])["id"]
    link = do(node, register.login_link, actor=root, person=ann)["token"]
    session = do(node, register.login_by_link, link=link, client="firefox")
    assert (who(node, session).person, who(node, session).issued_by) == (ann, root.person)
    session = do(node, register.rotate_session, token=session, client="firefox")
    assert who(node, session).issued_by == root.person
    token = do(node, register.issue_service_token, actor=root, person=ann, label="x", scopes=["register"])["token"]
    with node.read() as tx:
        assert register.actor_of_service_token(tx, token)[0].issued_by == root.person
    # a password chosen in a session that somebody else could have opened is no proof of the person either
    do(node, register.change_password, actor=who(node, session), new="chosen by somebody")
    by_password = do(node, register.login, login="ann", password="chosen by somebody", client="firefox")
    assert who(node, by_password).issued_by == root.person
    given = {"login": "bea", "name": "B", "roles": ["reviewer"], "password": "given by the operator"}
    do(node, register.add_person, actor=root, **given)
    entered_so = do(node, register.login, login="bea", password=given["password"], client="firefox")
    assert who(node, entered_so).issued_by == root.person


def test_ones_own_link_token_and_password_name_nobody_else(node: Store) -> None:
    root = operator(node)
    link = do(node, register.login_link, actor=root, person=root.person)["token"]
    assert who(node, do(node, register.login_by_link, link=link, client="firefox")).issued_by == ""
    assert who(node, entered(node)).issued_by == ""
    token = do(node, register.issue_service_token, actor=root, person=root.person, label="x", scopes=["price"])["token"]
    with node.read() as tx:
        assert register.actor_of_service_token(tx, token)[0].issued_by == ""


def test_a_person_without_password_enters_by_link_only(node: Store) -> None:
    person = do(node, register.add_person, actor=operator(node), login="linky", name="L", roles=["analyst"])
    for password in ("", "None", "nobody has this password"):
        assert code_of(node, register.login, login="linky", password=password) == "IDN-403"
    link = do(node, register.login_link, actor=operator(node), person=person["id"])["token"]
    actor = who(node, do(node, register.login_by_link, link=link, client="firefox"))
    do(node, register.change_password, actor=actor, new="a good long one")
    do(node, register.login, login="linky", password="a good long one")


def test_a_changed_password_ends_the_sessions(node: Store) -> None:
    token = entered(node)
    assert (
        code_of(node, register.change_password, actor=operator(node), old="wrong", new="another long one") == "IDN-410"
    )
    do(node, register.change_password, actor=operator(node), old=PASSWORD, new="another long one")
    assert refused(node, token) == "IDN-405"
    assert code_of(node, register.login, login="root", password=PASSWORD) == "IDN-403"


def test_a_service_token_has_scopes_an_end_and_a_person(node: Store, wall: Wall) -> None:
    me = operator(node)
    made = do(node, register.issue_service_token, actor=me, person=me.person, label="etl", scopes=["harmonise"], days=1)
    with node.read() as tx:
        actor, scopes = register.actor_of_service_token(tx, made["token"])
    assert (actor.person, scopes) == (me.person, ["harmonise"])
    assert "secret_digest" not in do(node, register.service_tokens, actor=me)[0]
    wall.later(days=1)
    assert code_of(node, register.actor_of_service_token, token=made["token"]) == "IDN-407"
    other = do(node, register.issue_service_token, actor=me, person=me.person, label="etl", scopes=["harmonise"])
    do(node, register.revoke_service_token, actor=me, token_id=other["id"])
    assert code_of(node, register.actor_of_service_token, token=other["token"]) == "IDN-407"
    assert code_of(node, register.actor_of_service_token, token="") == "IDN-407"
    bad = code_of(node, register.issue_service_token, actor=me, person=me.person, label="  ", scopes=["*"], days=0)
    assert bad == "IDN-413"


def test_new_people_are_checked_all_at_once(node: Store) -> None:
    with pytest.raises(Refusal) as caught:
        do(
            node,
            register.add_person,
            actor=operator(node),
            login="ROOT!",
            name=" ",
            roles=["king", "peer"],
            password="short",
        )
    assert [p.where for p in caught.value.problems] == ["login", "name", "roles", "roles", "password"]
    with pytest.raises(Refusal) as taken:
        do(node, register.add_person, actor=operator(node), login="root", name="A", roles=["legal"])
    assert [p.where for p in taken.value.problems] == ["login"]


def test_nobody_changes_their_own_roles(node: Store) -> None:
    me = operator(node)
    assert code_of(node, register.set_roles, actor=me, person=me.person, roles=["operator", "reviewer"]) == "IDN-411"
    assert code_of(node, register.disable_person, actor=me, person=me.person) == "IDN-411"
    card = do(node, register.add_person, actor=me, login="bo", name="B", roles=["legal"], department="法务部")
    assert do(node, register.set_roles, actor=me, person=card["id"], roles=["auditor"])["roles"] == ["auditor"]
    assert [d["name"] for d in do(node, register.departments, actor=me)] == ["法务部"]


@pytest.mark.parametrize("role", ["analyst", "auditor", "registrar"])
def test_only_operators_keep_people_and_tokens(node: Store, role: str) -> None:
    actor = Actor("p-2", role, PARTY, "", frozenset({role}))
    assert code_of(node, register.add_person, actor=actor, login="x1", name="X", roles=["operator"]) == "GEN-403"
    assert code_of(node, register.login_link, actor=actor, person="p") == "GEN-403"


def test_a_party_needs_a_sound_credit_code(node: Store) -> None:
    good = codes.credit_code("9", "1", "520100", "MA0BK003")
    assert do(node, register.add_party, actor=operator(node), code=good, name="单车企业")["name"] == "单车企业"
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert code_of(node, register.add_party, actor=operator(node), code=bad, name="x") == "IDN-401"
    assert code_of(node, register.party, code=bad) == "IDN-414"


NEW: dict[str, Any] = {
    "login": "ma.li",
    "name": "马丽",
    "roles": ["finance"],
    "password": "long enough",
    "taken": False,
}


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({}, []),
        ({"password": None}, []),  # known by an identity provider
        ({"login": "m2"}, []),
        ({"login": "m"}, ["login"]),
        ({"login": "m" * 80}, []),
        ({"login": "m" * 81}, ["login"]),
        ({"login": "Ma.Li"}, ["login"]),
        ({"login": ".ma"}, ["login"]),
        ({"taken": True}, ["login"]),
        ({"name": " "}, ["name"]),
        ({"name": "名" * 100}, []),
        ({"name": "名" * 101}, ["name"]),
        ({"roles": []}, ["roles"]),
        ({"roles": ["finance", "king"]}, ["roles"]),
        ({"roles": ["node"]}, ["roles"]),  # no person's
        ({"password": "9 letters"}, ["password"]),
        ({"password": "10 letters"}, []),
        ({"password": "x" * 500}, []),
        ({"password": "x" * 501}, ["password"]),
        ({"password": "so MA.LI it is"}, ["password"]),
        ({"login": "M", "taken": True, "name": "", "roles": [], "password": ""},
         ["login", "login", "name", "roles", "password"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_new_person_is_told_at_once(changes: dict[str, Any], places: list[str]) -> None:
    assert [problem.where for problem in logins.person_problems(**{**NEW, **changes})] == places
