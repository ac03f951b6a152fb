"""Publishing, showing and withdrawing listings, with the offers a negotiation is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datong.catalogue import rules, store
from datong.catalogue.model import BAD_SPACES, GATES_CLOSED, UNKNOWN, ListingState, Opinion
from datong.catalogue.service import gates, listed, reporting, showing, templates
from datong.deidentify import service as deidentify
from datong.ground import clock, evidence, signing
from datong.ground.canonical import hexdigest
from datong.ground.db import Tx
from datong.ground.refusal import Problem
from datong.terms.policy import from_json, in_words, policy_hash, to_json
from datong.terms.roles import Role
from datong.terms.verbs import verb


@verb(Role.product_manager, Role.data_engineer, longest={of: reporting.FIELDS[of] for of in ("title", "description")})
def publish(
    tx: Tx, *, dataset: str, title: str, description: str, purposes: list[str], from_at: str, until_at: str,
    delivery_form: str = "controlled", template: str = "", policy: dict[str, Any] | None = None,
    tariffs: dict[str, int] | None = None, split: list[dict[str, Any]] | None = None, download: bool = True,
    max_count: int | None = None, agree: str = "node", k: int | None = None, p: int | None = None,
    values: dict[str, str] | None = None, spaces: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """List a resource or product with one offer per purpose; every gate is checked and all gaps are told at once.

    dataset: its code. from_at, until_at: ISO date (Beijing midnight) or instant. template: supply or sale (by
    default supply for a resource, sale for a product), or a template of `policy_templates`, with `values` for those of
    its parameters that the listing does not say itself; policy: its own rules instead. tariffs: fen per delivery by
    purpose (a product: the fee in force; a resource: free, where not given). split: who gets which weight of the
    revenue. agree: node or person, who answers a request that equals an offer. k (a resource): the least distinct
    persons or vehicles a joint group may have, by default the floor of the delivery form; p (a resource): the p% rule
    in per cent that a recipe over it must keep at least, by default none. spaces: only the active members of these
    logical spaces see it and may ask for it; without them as it was shown before, a new one to every node
    (`show_in_spaces` opens it again). The same listing again is the same.
    """
    thing = gates.described(tx, dataset)
    begins, ends, problems = _period(from_at, until_at)
    problems += [] if title.strip() else [Problem("title", "不得为空", "must not be empty")]
    problems += _choices(purposes, delivery_form, ("", *rules.TEMPLATES, *templates.names(tx)), template, agree)
    threshold, too_small = _threshold(thing, delivery_form, k, p)
    problems += too_small
    problems += showing.space_problems(tx, spaces or [])
    problems += _said_in_vain(purposes, tariffs or {}, policy, max_count)
    if problems:
        raise GATES_CLOSED(problems, dataset=dataset, count=len(problems))
    made: list[dict[str, Any]] = []
    opinions = [gates.registered(tx, thing), gates.quality(tx, thing), gates.risk(tx, thing, delivery_form)]
    for purpose in purposes:
        offer_id = _offer_id(tx, dataset, purpose, [begins, ends, delivery_form, template, policy, split, download,
                                                    max_count, (tariffs or {}).get(purpose), threshold,
                                                    *([values] if values else [])])  # fmt: skip
        opinions.append(gates.cleared(tx, thing, purpose))
        price = gates.price(tx, thing, purpose, (tariffs or {}).get(purpose), split or [])
        kind = template or ("supply" if thing.kind == "resource" else "sale")
        facts = {"purpose": purpose, "begins": begins, "ends": ends, "download": download, "max_count": max_count}
        written = policy or _ruled_by(tx, kind, offer_id, facts, values or {})
        ruled = gates.policy(written, offer_id, purpose)
        opinions += [price, ruled]
        terms = {
            "product": dataset, "purpose": purpose, "delivery_form": delivery_form, "tariff": price.facts.get("tariff"),
            "split": split or [], "inputs": list(thing.inputs), "from": begins, "until": ends, **threshold,
        }  # fmt: skip
        made.append({"id": offer_id, "purpose": purpose, "terms": terms, **ruled.facts})
    _require_open(dataset, opinions)
    said = {"title": title, "description": description, "delivery_form": delivery_form, "agree": agree}
    _listed(tx, thing, said, made, _facts(opinions))
    if spaces:
        showing.bind(tx, dataset, spaces)
        reporting.report_again(tx)
    return listed.listing(tx, dataset=dataset)


def _ruled_by(tx: Tx, template: str, offer_id: str, facts: dict[str, Any], values: dict[str, str]) -> dict[str, Any]:
    """The policy that a template makes of an offer; one that the node keeps takes its other parameters of `values`."""
    if template in rules.TEMPLATES:
        return to_json(rules.policy_of(template, offer_id, **facts))
    return to_json(templates.for_offer(tx, template, offer_id, {**facts, **values}))


def _require_open(dataset: str, opinions: list[Opinion]) -> None:
    problems = [
        Problem(f"{opinion.gate.value}: {p.where}", p.zh, p.en) for opinion in opinions for p in opinion.problems
    ]
    unique = list(dict.fromkeys(problems))
    if unique:
        raise GATES_CLOSED(unique, dataset=dataset, count=len(unique))


def _listed(
    tx: Tx, thing: gates.Thing, said: dict[str, str], made: list[dict[str, Any]], facts: dict[str, Any]
) -> None:
    """Write the listing and its offers; an earlier listing of the dataset is withdrawn for it."""
    key = f"listing-{hexdigest([thing.code, said, made, facts])[:32]}"
    known = tx.get(store.listings, key)
    if known is not None and known["state"] == ListingState.live:
        return
    earlier = store.live_listing(tx, thing.code)
    if earlier is not None:
        _move(tx, earlier, ListingState.withdrawn, "withdrawn", "superseded by a new listing")
    if known is not None:  # the same content, listed again after it was withdrawn
        tx.change(store.listings, key, state=ListingState.live.value, reason=None)
    else:
        row = {
            **said, "id": key, "dataset": thing.code, "kind": thing.kind, "inputs": list(thing.inputs),
            "facts": facts, "state": ListingState.live.value, "published_by": tx.actor.person, "published_at": tx.now,
        }  # fmt: skip
        tx.add(store.listings, row)
    evidence.append(tx, "catalogue.published", store.listings, key, dataset=thing.code, offers=len(made))
    for offered in made:
        _keep_offer(tx, key, thing.code, offered)


def _facts(opinions: list[Opinion]) -> dict[str, Any]:
    """What the gates found, as the listing shows it."""
    facts: dict[str, Any] = {"gates": sorted({opinion.gate.value for opinion in opinions})}
    for opinion in opinions:
        facts.update({name: fact for name, fact in opinion.facts.items() if name not in ("tariff", "policy")})
    return facts


def _keep_offer(tx: Tx, listing_id: str, dataset: str, offered: dict[str, Any]) -> None:
    ruled = from_json(offered["policy"])
    words = in_words(ruled)
    row = {
        "listing": listing_id, "dataset": dataset, "purpose": offered["purpose"], "terms": offered["terms"],
        "policy": offered["policy"], "policy_hash": policy_hash(ruled),
        "words": {"zh": words.zh, "en": words.en},
    }  # fmt: skip
    if tx.get(store.offers, offered["id"]) is None:
        tx.add(store.offers, {"id": offered["id"], **row})
    else:
        tx.change(store.offers, offered["id"], **row)
    evidence.append(tx, "catalogue.offered", store.offers, offered["id"], dataset=dataset, purpose=row["purpose"],
                    policy_hash=row["policy_hash"])  # fmt: skip


@verb(Role.product_manager, Role.data_engineer, Role.reviewer)
def suspend(tx: Tx, *, dataset: str, reason: str) -> dict[str, Any]:
    """Suspend a listing: no new contracts, no delivery until it is restored."""
    return _changed(tx, dataset, "suspend", "suspended", reason)


@verb(Role.product_manager, Role.reviewer)
def restore(tx: Tx, *, dataset: str, reason: str) -> dict[str, Any]:
    """Restore a suspended listing; its gates are not passed again here, delivery asks them anew."""
    return _changed(tx, dataset, "restore", "restored", reason)


@verb(Role.product_manager, Role.data_engineer, Role.reviewer)
def withdraw(tx: Tx, *, dataset: str, reason: str) -> dict[str, Any]:
    """Withdraw a listing for good."""
    return _changed(tx, dataset, "withdraw", "withdrawn", reason)


def _changed(tx: Tx, dataset: str, deed: str, past: str, reason: str) -> dict[str, Any]:
    row = listed.live(tx, dataset)
    _move(tx, row, rules.moved(row["id"], row["state"], deed), past, reason)
    reporting.report_again(tx)
    return listed.shown(tx, tx.get(store.listings, row["id"]) or row)


def _move(tx: Tx, row: dict[str, Any], after: ListingState, past: str, reason: str) -> None:
    tx.change(store.listings, row["id"], state=after.value, reason=reason[:500])
    evidence.append(tx, f"catalogue.{past}", store.listings, row["id"], dataset=row["dataset"])


@verb(Role.product_manager, Role.data_engineer)
def show_in_spaces(tx: Tx, *, dataset: str, spaces: list[str] | None = None) -> dict[str, Any]:
    """Show a listing to the active members of these logical spaces only; with none of them, to every node again.

    Asked with every look at the catalogue and every request: who leaves a space or is removed sees it no more.
    Agreements that were concluded stay. A harvested copy is gone with its next harvest; the function node to which it
    was reported hears of it by itself.
    """
    if store.live_listing(tx, dataset) is None:
        raise UNKNOWN(zh="目录条目", en="listing of", id=dataset[:80])
    wanted = list(dict.fromkeys(spaces or []))
    if problems := showing.space_problems(tx, wanted):
        raise BAD_SPACES(problems, dataset=dataset, count=len(problems))
    showing.bind(tx, dataset, wanted)
    reporting.report_again(tx)
    return {"dataset": dataset, "spaces": sorted(wanted)}


def _offer_id(tx: Tx, dataset: str, purpose: str, content: list[Any]) -> str:
    return f"offer-{hexdigest([signing.me(tx).code, dataset, purpose, content])[:32]}"


def _period(from_at: str, until_at: str) -> tuple[str, str, list[Problem]]:
    found, problems = [], []
    for name, text in (("from_at", from_at), ("until_at", until_at)):
        try:
            found.append(clock.text(clock.begins(text)))
        except ValueError:
            problems.append(Problem(name, "不是日期或带时区的时刻", "is no date and no instant with an offset"))
    if not problems and clock.instant(found[1]) <= clock.instant(found[0]):
        problems.append(Problem("until_at", "终止不晚于起始", "ends before it begins"))
    return (found[0], found[1], []) if not problems else ("", "", problems)


def _threshold(
    thing: gates.Thing, delivery_form: str, k: int | None, p: int | None
) -> tuple[dict[str, int], list[Problem]]:
    """{"k"}, and "p" where it is asked, of a resource's terms: the owner states them, so that a coordinator's recipe
    cannot go below."""
    given = [name for name, value in (("k", k), ("p", p)) if value is not None]
    if delivery_form == "noisy":
        zh, en = "以噪声保护，不设门槛", "goes with counts; noise has a privacy budget instead"
        return {}, [Problem(name, zh, en) for name in given]
    floor = {form.value: least for form, least in deidentify.FLOORS.items()}.get(delivery_form, 0)
    if thing.kind != "resource":
        return {}, [Problem(name, "产品的门槛在其配方中", "a product's threshold is its recipe's") for name in given]
    problems = []
    if k is not None and k < floor:
        problems.append(Problem("k", f"不得小于 {floor}", f"should be at least {floor} for {delivery_form} delivery"))
    if p is not None and not 1 <= p <= deidentify.P_MAX:
        problems.append(Problem("p", f"应为 1 至 {deidentify.P_MAX}", f"should be 1 to {deidentify.P_MAX}"))
    return {"k": floor if k is None else k, **({} if p is None else {"p": p})}, problems


def _said_in_vain(
    purposes: list[str], tariffs: dict[str, int], policy: dict[str, Any] | None, max_count: int | None
) -> list[Problem]:
    """What would go without effect: the fee of a misspelt purpose, and the offer be free; a count beside own rules."""
    problems = [
        Problem(f"tariffs.{name[:80]}", "不是所列的用途", "is none of the purposes listed")
        for name in sorted(set(tariffs) - set(purposes))
    ]
    if max_count is not None and max_count < 1:
        problems.append(Problem("max_count", "应为正整数，或不填", "should be a whole number from 1, or left out"))
    if max_count is not None and policy:
        problems.append(Problem("max_count", "自拟策略须自行写明次数", "is of templates; own rules say it themselves"))
    return problems


def _choices(
    purposes: list[str], delivery_form: str, known_templates: Sequence[str], template: str, agree: str
) -> list[Problem]:
    problems = [] if purposes else [Problem("purposes", "缺少用途", "names no purpose")]
    for name, value, known in (
        ("delivery_form", delivery_form, rules.DELIVERY_FORMS),
        ("template", template, known_templates),
        ("agree", agree, ("node", "person")),
    ):
        if value not in known:
            choices = ", ".join(filter(None, known))
            problems.append(Problem(name, f"应为 {choices} 之一", f"should be one of {choices}"))
    return problems
