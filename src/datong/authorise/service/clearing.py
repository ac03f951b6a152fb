"""Clearance (权利核验): may these inputs be used, for this purpose, by this act; and the guard of art. 6."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from datong.authorise import rules, store
from datong.authorise.model import BAD_HOLDING, NO_BASIS, NOT_CLEARED, REDEVELOPMENT, Instrument, ResourceFacts
from datong.ground import evidence, signing
from datong.ground.db import Tx, new_id
from datong.ground.refusal import Problem, unless_unknown
from datong.register import service as register
from datong.terms.policy import Policy
from datong.terms.roles import Role
from datong.terms.verbs import verb, view


def clearance(
    tx: Tx, *, inputs: list[str], purpose: str, act: str, operator: str | None = None, unchanged: bool = False
) -> list[Problem]:
    """What is missing before `act` ("build", "list", "deliver") for `purpose` may use the resources `inputs`.

    Empty = cleared. operator: the party that acts; by default this node's party, and at the node of a resource's
    owner whoever was granted the right. unchanged: nothing is derived of them, as when a resource itself is listed.
    An unknown resource is a problem, not a refusal.
    """
    (problems,) = clearances(tx, [(inputs, purpose)], act=act, operator=operator, unchanged=unchanged)
    return problems


def clearances(
    tx: Tx, uses: Sequence[tuple[Sequence[str], str]], *, act: str, operator: str | None = None,
    unchanged: bool = False,
) -> list[list[Problem]]:  # fmt: skip
    """`clearance` of several (inputs, purpose) at once: rights are read once, each input is looked at once for each
    purpose, and beside the rights that name it."""
    rights, me = store.rights(tx), signing.me(tx).party
    names = _names(tx, {r.grantor_party for r in rights} | {r.grantee_party for r in rights})
    about: dict[str, list[Instrument]] = {}
    for right in rights:
        for code in right.resources:
            about.setdefault(code, []).append(right)

    @cache
    def facts_of(code: str) -> ResourceFacts | None:
        return _known_facts(tx, code)

    @cache
    def gaps(code: str, purpose: str) -> list[Problem]:
        facts = facts_of(code)
        if facts is None:
            return [_unknown(code)]
        acting = operator if operator is not None else ("" if facts.owner_party == me else me)
        return rules.gaps(
            facts, about.get(facts.code, []), purpose=purpose, act=act, now=tx.now, operator=acting, names=names,
            unchanged=unchanged,
        )  # fmt: skip

    def missing(inputs: Sequence[str], purpose: str) -> list[Problem]:
        none = [] if inputs else [Problem("inputs", "没有输入资源，无从核验", "there are no inputs to clear")]
        return none + [problem for code in inputs for problem in gaps(code, purpose)]

    return [missing(inputs, purpose) for inputs, purpose in uses]


def _known_facts(tx: Tx, code: str) -> ResourceFacts | None:
    return unless_unknown(lambda: resource_facts(tx, code))


def _names(tx: Tx, parties: set[str]) -> dict[str, str]:
    """The names of parties, "" of those that are not known here."""

    def named(code: str) -> str:
        party = unless_unknown(lambda: register.party(tx, code))
        return "" if party is None else str(party["name"])

    return {code: named(code) for code in parties}


def require_clearance(tx: Tx, *, inputs: list[str], purpose: str, act: str, operator: str | None = None) -> None:
    """AUT-507 with every problem when `clearance` finds one."""
    problems = clearance(tx, inputs=inputs, purpose=purpose, act=act, operator=operator)
    if problems:
        raise NOT_CLEARED(problems, act=act, purpose=purpose, count=len(problems))


def require_basis(tx: Tx, *, resource: str, columns: Sequence[str]) -> None:
    """AUT-520 where `columns` of a resource name persons, its registration says that it holds no personal data, so that
    clearance asks for no legal basis, and its owner has none in force. What is not registered is nobody's here yet."""
    facts = _known_facts(tx, resource)
    if not columns or facts is None or facts.personal:
        return
    if not rules.has_basis(facts.code, facts.owner_party, store.rights(tx), tx.now):
        raise NO_BASIS(resource=facts.code, columns=", ".join(columns))


def guard_redevelopment(tx: Tx, *, inputs: Sequence[str], policy: Policy, developer: str) -> None:
    """AUT-505 when this party, as operator of the public data among `inputs`, would give what it made of them under
    `policy` to itself or to a party it holds, directly or indirectly, to make something of it (27号 art. 6)."""
    operator, actions = signing.me(tx).party, rules.developing(policy)
    pairs = [(row["owner_party"], row["owned_party"]) for row in store.declared(tx) if rules.is_held(row["percent"])]
    if not actions or developer not in rules.held_by(operator, pairs):
        return
    if implementing_parties(tx, inputs=inputs, operator=operator):
        raise REDEVELOPMENT(developer=developer, actions=", ".join(actions))


def implementing_parties(tx: Tx, *, inputs: Sequence[str], operator: str) -> set[str]:
    """Subject codes of the bodies under whose agreement in force `operator` uses the public resources of `inputs`."""
    facts = [fact for code in inputs if (fact := _known_facts(tx, code)) is not None and fact.public_data]
    return rules.implementing_bodies(facts, store.rights(tx), operator, tx.now)


@view()
def cleared(tx: Tx, *, inputs: list[str], purpose: str, act: str) -> dict[str, Any]:
    """Whether the rights for an act over these resources are complete, and what is missing, whose, and the fix."""
    problems = clearance(tx, inputs=inputs, purpose=purpose, act=act)
    return {
        "cleared": not problems,
        "problems": [{"where": p.where, "zh": p.zh, "en": p.en} for p in problems],
    }


@verb(Role.steward, Role.legal)
def declare_holding(tx: Tx, *, owner_party: str, owned_party: str, percent: str) -> dict[str, Any]:
    """Declare which share one party holds of another (持股关系); an operator's product of public data is then not
    contracted with a party it holds, to make something of it (AUT-505).

    owner_party, owned_party: unified social credit codes. percent: up to 100; 0 once nothing is held any more.
    """
    if problems := rules.holding_problems(owner_party, owned_party, percent):
        raise BAD_HOLDING(problems, count=len(problems))
    known = store.declared(tx, owner_party, owned_party)
    key = known[-1]["id"] if known else new_id("hold")
    row = {"owner_party": owner_party, "owned_party": owned_party, "percent": percent, "declared_at": tx.now}
    if known:
        tx.change(store.holdings, key, **row)
    else:
        tx.add(store.holdings, {"id": key, **row})
    evidence.append(tx, "authorise.holding_declared", store.holdings, key, **row)
    return {"id": key, **row}


@view()
def holdings(tx: Tx) -> list[dict[str, Any]]:
    """Which parties hold shares of which, as declared at this node; 0 percent where nothing is held any more."""
    return store.declared(tx)


def unregistered(tx: Tx, code: str) -> list[Problem]:
    """What is wrong with the registration of a resource or product itself: not coded, or past its last day."""
    row = unless_unknown(lambda: register.product(tx, code)) or unless_unknown(lambda: register.resource(tx, code))
    return [_unknown(code)] if row is None else rules.registration_gaps(_facts(tx, row, code), tx.now)


def _unknown(code: str) -> Problem:
    return Problem(code, "本节点没有该资源的登记信息", "this node holds no registration of it")


def resource_facts(tx: Tx, code: str) -> ResourceFacts:
    """What the registration of a resource says, own or in the signed ledger."""
    return _facts(tx, register.resource(tx, code), code)


def _facts(tx: Tx, row: dict[str, Any], code: str) -> ResourceFacts:
    state, valid_until = register.registration(tx, code)
    return ResourceFacts(
        code=row["code"] or code, owner_party=row["owner"], owner_name=row.get("owner_name", ""),
        public_data=bool(row["public_data"]), personal=bool(row["personal"]),
        registration_state=state, valid_until=valid_until, licence=dict(row.get("licence") or {}),
        grade=str(row.get("grade") or ""), level=str(row.get("level") or "general"),
    )  # fmt: skip
