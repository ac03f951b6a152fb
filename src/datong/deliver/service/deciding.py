"""The one choke point 使用控制决策: every way to data asks `decide`, and every answer is a row with evidence.

In this order, the first failure decides: the agreement is known and in force (negotiate: concluded, signatures
verified, within its term by the business clock); dataset, purpose, recipient and delivery form are agreed and can be
kept; the consumer's node is an active member; no hold and no end here; inputs cleared, and no re-development by what
the operator holds; the contracts of a product's supplies last, and the policies it inherits from them allow it;
listing not suspended; what lies ready passes the release gate as its assessment stands now; then the policy, which
denies by default. A denial is kept even when the transaction that asked is rolled back; a peer's that is repeated is
the one that was kept.
Contract: tests/deliver/test_deliver_decisions.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq

from datong.authorise import service as authorise
from datong.catalogue import service as catalogue
from datong.compose import service as compose
from datong.deidentify import service as deidentify
from datong.deidentify.model.refusals import RISK_TOO_HIGH, SMALL_CLASS
from datong.deliver import rules
from datong.deliver import store as rows
from datong.deliver.model import DENIED, NOT_STAFF, OWN_WORK, Decision, Verdict
from datong.deliver.service import files
from datong.ground import clock, codes, evidence, signing
from datong.ground.canonical import plain
from datong.ground.db import Actor, Store, Tx, new_id
from datong.ground.refusal import Kind, Refusal, refusal_in
from datong.harmonise import service as harmonise
from datong.negotiate import service as negotiate
from datong.register import service as register
from datong.terms import policy
from datong.terms.policy import Outcome
from datong.terms.roles import Role
from datong.terms.verbs import verb, view


def decide(
    tx: Tx,
    *,
    agreement: str,
    action: str,
    purpose: str = "",
    dataset: str = "",
    subject: str = "",
    facts: Mapping[str, Any] | None = None,
    laid: Sequence[str] | None = None,
) -> Decision:
    """Whether `action` may happen now under `agreement`; recorded either way.

    action: one of terms.policy.ACTIONS. purpose, dataset, subject (who receives, a subject code): "" = what the
    agreement says; another value is checked against it. facts: further left operands for the policy
    ({"dataSize": bytes, "dataRecord": rows}). laid: the share tables this hands out, which the gate looks at again;
    None = the newest under the agreement, () = nothing yet (what is about to be laid ready passes the gate then).
    """
    ask = {"agreement": agreement, "action": action, "purpose": purpose, "dataset": dataset, "subject": subject}
    verdict, ask, policy_hash = _judged(tx, ask, facts or {}, laid)
    return _recorded(tx, ask, verdict, policy_hash)


def require(tx: Tx, **ask: Any) -> Decision:
    """`decide`, or the refusal USE-403 that says which check failed and what would pass."""
    decision = decide(tx, **ask)
    if not decision.allowed:
        raise refused(tx, decision)
    return decision


def require_still(
    tx: Tx, decision: str, *, agreement: str, action: str, dataset: str, subject: str, facts: Mapping[str, Any],
    laid: Sequence[str],
) -> Decision:  # fmt: skip
    """The decision `decision` once more, when its action is allowed now as it was then: a question repeated, or a file
    asked for in pieces, leaves nothing twice. A denial is raised as by `require`, and kept when `tx` is over, so that
    a read may ask too."""
    ask = {"agreement": agreement, "action": action, "purpose": "", "dataset": dataset, "subject": subject}
    verdict, ask, policy_hash = _judged(tx, ask, facts, laid)
    if verdict.outcome is not Outcome.allowed:
        raise _denied_in(tx, ask, verdict, policy_hash)
    return Decision(decision, agreement, action, verdict)


def refused(tx: Tx, decision: Decision) -> Refusal:
    """The refusal of a denied decision. Raising it undoes the transaction, so the record is written again after."""
    _keep_denial(tx, decision)
    return _refusal(decision)


def _denied_in(tx: Tx, ask: Mapping[str, Any], verdict: Verdict, policy_hash: str) -> Refusal:
    """The refusal of a denial that is not recorded yet: it is when the transaction, which may be a read, is over."""
    row, store, actor = _row(tx, ask, verdict, policy_hash), tx.store, tx.actor
    known = _denied_before(tx, row)
    if known is None:
        tx.after_rollback.append(lambda: _keep(store, actor, row))
    return _refusal(Decision(known or row["id"], row["agreement"], row["action"], verdict))


def _refusal(decision: Decision) -> Refusal:
    v = decision.verdict
    return DENIED(
        agreement=decision.agreement, action=decision.action, zh=v.zh, en=v.en, change_zh=v.change_zh,
        change_en=v.change_en, rule=v.rule, step=v.step, decision=decision.id,
    )  # fmt: skip


def keep_held(tx: Tx, contract: Mapping[str, Any], part: str, held: Refusal) -> None:
    """Keep that a release on the groups of `part` was asked for and held, and who asked: when `tx` was undone by it."""
    asker = {"part": part, "person": tx.actor.person, "let_in_by": tx.actor.issued_by}
    ask = {"agreement": contract["id"], "action": "delivery", "dataset": contract["dataset"],
           "purpose": str(contract["terms"].get("purpose", "")), "subject": contract["consumer_party"],
           "context": asker}  # fmt: skip
    row, store, actor = _row(tx, ask, _from_refusal("gate", held), contract["policy_hash"]), tx.store, tx.actor
    tx.after_rollback.append(lambda: _keep(store, actor, row))


def asked_and_held(tx: Tx, agreement: str, part: str, rule: str) -> list[dict[str, str]]:
    """Who asked for a release on the groups of `part` that was held by `rule`: {person, let_in_by} each."""
    of = rows.decisions.c
    found = rows.rows(
        tx, rows.decisions, of.agreement == agreement, of.rule == rule, of.step == "gate", order=of.wall_at
    )
    named = [{"person": str(row["context"]["person"]), "let_in_by": str(row["context"]["let_in_by"])}
             for row in found if row["context"].get("part") == part]  # fmt: skip
    return [one for n, one in enumerate(named) if one not in named[:n]]


def _keep_denial(tx: Tx, decision: Decision) -> None:
    row = tx.get(rows.decisions, decision.id)
    assert row is not None
    store, actor = tx.store, tx.actor
    tx.after_rollback.append(lambda: _keep(store, actor, row))


def _judged(
    tx: Tx, ask: dict[str, str], facts: Mapping[str, Any], laid: Sequence[str] | None = None
) -> tuple[Verdict, dict[str, Any], str]:
    """The verdict, the request completed from the agreement, and the policy's hash."""
    try:
        contract = negotiate.in_force(tx, ask["agreement"])
    except Refusal as refusal:
        if refusal.kind is Kind.unavailable:
            raise  # no verdict yet: who asked tries again
        return _from_refusal("contract", refusal), {**ask, "context": {}}, ""
    terms = contract["terms"]
    full: dict[str, Any] = {
        **ask,
        "purpose": ask["purpose"] or str(terms.get("purpose", "")),
        "dataset": ask["dataset"] or contract["dataset"],
        "subject": ask["subject"] or contract["consumer_party"],
    }
    full["context"] = {
        "time": tx.now,
        "purpose": full["purpose"],
        "target": full["dataset"],
        "assignee": called(tx, full["subject"], contract["consumer"]),
        "count": rows.granted_before(tx, ask["agreement"]) + 1,
        **receiving(contract["consumer"]),
        **facts,
    }
    full["laid"] = laid
    for check in (_match, _member, _hold, _clearance, _supplies, _listing, _gate, _policy):
        verdict = check(tx, contract, full)
        if verdict is not None and verdict.outcome is not Outcome.allowed:
            return verdict, full, contract["policy_hash"]
    assert verdict is not None
    return verdict, full, contract["policy_hash"]


def called(tx: Tx, subject: str, consumer: str) -> list[str]:
    """What the receiving side goes by in a policy: as a party, as a node, and by the node's DID, as a counterparty
    that knows no code of ours writes it. A prohibition is for whom it names, by whichever of them."""
    try:
        node = register.node(tx, consumer)
    except Refusal as refusal:
        if refusal.kind is Kind.unavailable:
            raise
        return [subject, consumer]  # of a node that is not in the directory nothing more is known
    try:
        return [subject, consumer, str(node["did"] or codes.did_of(str(node["address"])))]
    except ValueError:  # its address has no port that there is, and so no DID
        return [subject, consumer]


def receiving(consumer: str) -> dict[str, str]:
    """What a policy may ask about the receiving side of a delivery: files, and the area its node's code bears (the
    region of the function node that assigned it). A peer whose id is no such code, or whose code bears a sector
    (00 and its division), tells no region: unknown."""
    area = "00" if codes.node_code_fault(consumer) is not None else codes.parse_node_code(consumer).area
    return {"deliveryMethod": "01", **({"region": area} if not area.startswith("00") else {})}


def _no(step: str, rule: str, texts: tuple[str, str], change: tuple[str, str]) -> Verdict:
    return Verdict(Outcome.denied, step, rule, *texts, *change)


def _from_refusal(step: str, refusal: Refusal) -> Verdict:
    what, why, fix = refusal.texts()
    return _no(step, refusal.code, (f"{what.zh}{why.zh}", f"{what.en} {why.en}"), (fix.zh, fix.en))


def _match(_tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    agreed = {"dataset": contract["dataset"], "subject": contract["consumer_party"]}
    if purpose := contract["terms"].get("purpose"):
        agreed["purpose"] = purpose
    for name, value in agreed.items():
        if ask[name] != value:
            wrong = f"{name} 与合同不符：约定为 {value}。", f"The {name} is not the agreed {value}."
            change = f"请使用约定的 {name}，或另签合同。", f"Use the agreed {name}, or negotiate another agreement."
            return _no("contract", name, wrong, change)
    if (form := rules.form_of(contract)) not in catalogue.DELIVERY_FORMS:
        wrong = f"本系统尚不能以「{form}」形式交付。", f"Delivery as {form} does not exist here."
        return _no("contract", "delivery_form", wrong,
                   ("请另签以受控形式交付的合同。", "Negotiate an agreement of controlled delivery."))  # fmt: skip
    return None


NODE_ZH = {"suspended": "暂停", "revoked": "撤销"}


def _member(tx: Tx, contract: dict[str, Any], _ask: dict[str, Any]) -> Verdict | None:
    try:
        fault = member_fault(tx, contract["consumer"])
    except Refusal as refusal:
        return _from_refusal("contract", refusal)
    if fault is None:
        return None
    return _no("contract", "member", fault, ("请待登记机构恢复其成员资格。", "Have the registry reinstate it."))


def member_fault(tx: Tx, consumer: str) -> tuple[str, str] | None:
    """Why nothing goes to the consumer's node, in zh and en; None while the directory has it as active."""
    state = register.node(tx, consumer)["state"]
    if state == "active":
        return None
    return f"接收方节点的成员资格已被{NODE_ZH.get(state, state)}。", f"The consumer's node is {state} in the directory."


def _hold(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    ended = tx.get(rows.endings, ask["agreement"])
    if ended is not None:
        return _no("hold", "ended", (f"交付已终止：{ended['reason']}", f"Delivery has ended: {ended['reason']}"),
                   ("请另签合同。", "Negotiate a new agreement."))  # fmt: skip
    if (hold := rows.hold_of(tx, ask["agreement"])) is not None:
        ours = hold["id"] == ask["agreement"] and contract["consumer"] == signing.me(tx).code
        lifted = ("请由本方恢复（datong deliver resume）。", "Resume it here: datong deliver resume.")
        provider = ("请待提供方恢复交付。", "Wait until the provider resumes delivery.")
        return _no("hold", "suspended", (f"交付已暂停：{hold['reason']}", f"Delivery is suspended: {hold['reason']}"),
                   lifted if ours else provider)  # fmt: skip
    return None


def _clearance(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    if contract["provider"] != signing.me(tx).code:
        return None  # the provider clears; the consumer's node decides on what it holds
    inputs = negotiate.stands_on(tx, contract["dataset"], contract["terms"])
    itself = authorise.unregistered(tx, contract["dataset"]) if contract["dataset"] not in inputs else []
    operator = contract["consumer_party"] if register.is_own_resource(tx, contract["dataset"]) else None
    problems = itself + authorise.clearance(tx, inputs=inputs, purpose=ask["purpose"], act="deliver", operator=operator)
    if not problems:
        return None if operator else _redeveloped(tx, contract, ask, inputs) or _overpriced(tx, contract)
    fix = ("请补齐所列授权。", "Complete the authorisations listed.")
    if register.over(tx, [contract["dataset"], *inputs]):
        fix = (
            "登记终止的，请解除合约（negotiate end），重新登记后按新标识另订。",
            "Where a registration ended, end the contract (negotiate end) and make another over the new code.",
        )
    return _no("clearance", "AUT",
               ("；".join(f"{p.where}：{p.zh}" for p in problems), "; ".join(f"{p.where}: {p.en}" for p in problems)),
               fix)  # fmt: skip


def _overpriced(tx: Tx, contract: dict[str, Any]) -> Verdict | None:
    """A ceiling that was lowered bounds what is delivered from then on: nothing goes out at a price above it."""
    refused = negotiate.overpriced(tx, contract)
    return None if refused is None else _from_refusal("clearance", refused)


def _redeveloped(tx: Tx, contract: dict[str, Any], ask: dict[str, Any], inputs: list[str]) -> Verdict | None:
    """An operator has no part in what is made of its products of public data: what it holds by now receives nothing
    that its contract lets it make something of."""
    ruled = policy.from_json(contract["policy"])
    refused = refusal_in(
        lambda: authorise.guard_redevelopment(tx, inputs=inputs, policy=ruled, developer=ask["subject"])
    )
    return None if refused is None else _from_refusal("clearance", refused)


def _supplies(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    """A product goes out while the contracts of its supplies last, and as those allow whose policy is inherited: who
    ended one agreed to nothing more, and who wrote `inherit` to nothing else."""
    if contract["provider"] != signing.me(tx).code:
        return None
    for supply in _supplied(tx, contract, ask):
        resource, agreement = supply["resource"], supply["agreement"]
        if why := _over(tx, agreement):
            wrong = (
                f"产品所含资源 {resource} 的供给合同 {agreement} 已不再有效：{why[0]}",
                f"Contract {agreement}, under which the product has {resource}, is over: {why[1]}",
            )
            return _no("supply", agreement, wrong,
                       ("请与供给方另签合同，并重新合成产品。",
                        "Negotiate a new contract with the supplier, and build the product again."))  # fmt: skip
        barred = _inherited(tx, ask, resource, agreement)
        if barred is not None:
            return barred
    return None


def _inherited(tx: Tx, ask: dict[str, Any], resource: str, agreement: str) -> Verdict | None:
    """Why a supply's policy, under which results stay, does not allow what is asked of the product; None when it does.

    Its rules of the resource are rules of the product too, and those of its consumer bind whoever receives from it."""
    supply = negotiate.agreement(tx, agreement)
    inherited = policy.from_json(supply["policy"])
    if not inherited.inherit:
        return None
    consumer = called(tx, supply["consumer_party"], supply["consumer"])
    widened = {"target": [ask["dataset"], resource], "assignee": [*ask["context"]["assignee"], *consumer]}
    found = policy.decide(inherited, ask["action"], {**ask["context"], **widened})
    if found.allowed:
        return None
    wrong = (
        f"产品所含资源 {resource} 的供给合同 {agreement} 约定结果数据仍受其策略约束：{found.zh}",
        f"Contract {agreement}, under which the product has {resource}, keeps its results under its policy: {found.en}",
    )
    assert found.change is not None
    change = f"就供给合同 {agreement}：{found.change.zh}", f"As for contract {agreement}: {found.change.en}"
    return Verdict(found.outcome, "supply", f"{agreement} {found.rule}".strip(), *wrong, *change)


def _over(tx: Tx, agreement: str) -> tuple[str, str] | None:
    """Why nothing more goes out under a supply's contract; None while it is in force and nobody has stopped it."""
    if (ended := tx.get(rows.endings, agreement)) is not None:
        return ended["reason"], ended["reason"]
    if (hold := rows.hold_of(tx, agreement)) is not None:
        return f"已暂停：{hold['reason']}", f"it is suspended: {hold['reason']}"
    if (refused := refusal_in(lambda: negotiate.in_force(tx, agreement))) is None:
        return None
    what, why, _ = refused.texts()
    return f"{what.zh}{why.zh}", f"{what.en} {why.en}"


def _supplied(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> list[dict[str, Any]]:
    """[{resource, agreement}] of what is handed out: the tables that lie ready, else the newest version."""
    tables = _laid(tx, contract, ask)
    if tables:
        return [supply for table in tables for supply in table["source"].get("inputs", ())]
    return compose.supplied(tx, product=contract["dataset"])


def _laid(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> list[dict[str, Any]]:
    if ask["laid"] is None:
        return rows.newest_tables(tx, contract["id"])
    return [table for id in ask["laid"] if (table := tx.get(rows.share_tables, id)) is not None]


LISTING_ZH = {"suspended": "暂停", "withdrawn": "下架"}


def _listing(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    if contract["provider"] != signing.me(tx).code:
        return None
    state = catalogue.listing_state(tx, ask["dataset"])
    if state not in LISTING_ZH:
        return None
    zh, en = f"{ask['dataset']} 的目录条目已{LISTING_ZH[state]}。", f"The listing of {ask['dataset']} is {state}."
    return _no("listing", state, (zh, en), ("请恢复上架后再交付。", "Have the listing restored first."))


def _gate(tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict | None:
    """What passed the gate once is not delivered when its record has expired, was withdrawn or is outdone by a worse
    one: the figures are kept with the release, the context is today's."""
    if contract["provider"] != signing.me(tx).code or ask["action"] == "compute":
        return None
    for table in _laid(tx, contract, ask):
        try:
            if "release" in table["source"]:
                deidentify.require_still_low(tx, table["source"]["release"])
        except Refusal as refusal:
            return _over_risk(table, refusal) if refusal.code in RISKS else _from_refusal("gate", refusal)
    return None


RISKS = frozenset({SMALL_CLASS.code, RISK_TOO_HIGH.code})
"""Refusals that say how small the classes are and how high the risk: for who released, not for who receives."""


def _over_risk(table: Mapping[str, Any], refusal: Refusal) -> Verdict:
    dataset, release = table["dataset"], table["source"]["release"]
    wrong = (
        f"{dataset} 在现行评估下不能再通过放行检查（{refusal.code}）。",
        f"{dataset} would not pass the release gate by the assessment that counts today ({refusal.code}).",
    )
    change = (
        f"数值见放行 {release} 的报告（所有者可查）；请补充有效的评估记录，或重新统计。",
        f"Its owner finds the figures in the report of release {release}: have it assessed anew, or count again.",
    )
    return _no("gate", refusal.code, wrong, change)


def _policy(_tx: Tx, contract: dict[str, Any], ask: dict[str, Any]) -> Verdict:
    found = policy.decide(policy.from_json(contract["policy"]), ask["action"], ask["context"])
    change = found.change
    return Verdict(found.outcome, "policy", found.rule, found.zh, found.en, change.zh if change else "",
                   change.en if change else "")  # fmt: skip


def _recorded(tx: Tx, ask: Mapping[str, Any], verdict: Verdict, policy_hash: str) -> Decision:
    row = _row(tx, ask, verdict, policy_hash)
    if tx.actor.role == "peer" and (known := _denied_before(tx, row)) is not None:
        return Decision(known, row["agreement"], row["action"], verdict)
    _write(tx, row)
    return Decision(row["id"], row["agreement"], row["action"], verdict)


def _denied_before(tx: Tx, row: Mapping[str, Any]) -> str | None:
    """The decision in which the same was denied for the same reason, no longer ago than a file address lives: a peer
    that asks a thousand times for what it may not have leaves one record of it, not a thousand."""
    if row["outcome"] == Outcome.allowed.value:
        return None
    since = tx.wall_now - timedelta(seconds=files.place(tx.store).url_seconds)
    return rows.same_decision(tx, row, clock.text(since))


def _row(tx: Tx, ask: Mapping[str, Any], verdict: Verdict, policy_hash: str) -> dict[str, Any]:
    return {
        "id": new_id("dec"), "agreement": ask["agreement"][:120], "dataset": ask["dataset"][:120],
        "action": ask["action"][:40], "purpose": ask["purpose"][:60], "subject": ask["subject"][:80],
        "outcome": verdict.outcome.value, "step": verdict.step, "rule": verdict.rule[:120], "zh": verdict.zh,
        "en": verdict.en, "change_zh": verdict.change_zh, "change_en": verdict.change_en, "context": ask["context"],
        "policy_hash": policy_hash, "at": tx.now, "wall_at": tx.wall,
    }  # fmt: skip


def _write(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.add(rows.decisions, row)
    evidence.append(
        tx, "deliver.decided", rows.decisions, row["id"], agreement=row["agreement"], action=row["action"],
        dataset=row["dataset"], outcome=row["outcome"], rule=row["rule"], policy_hash=row["policy_hash"],
    )  # fmt: skip


def _keep(store: Store, actor: Actor, row: Mapping[str, Any]) -> None:
    with store.begin(actor, "deliver") as tx:
        if tx.get(rows.decisions, row["id"]) is None:
            _write(tx, row)


@view()
def decisions(
    tx: Tx, *, agreement: str = "", decision: str = "", limit: int = 200, offset: int = 0
) -> list[dict[str, Any]]:
    """The newest decisions, allowed and denied, of one agreement or of all; or one decision.

    offset: how many of the newest are passed over.
    """
    where = [rows.decisions.c.agreement == agreement] if agreement else []
    where += [rows.decisions.c.id == decision] if decision else []
    return rows.newest_decisions(tx, *where, limit=max(0, limit), offset=max(0, offset))


@verb(Role.data_engineer)
def own_rows(
    tx: Tx,
    *,
    resource: str,
    kind: str = "quarantined",
    reason: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> dict[str, Any]:
    """Show quarantined or harmonised rows of our own resource, for our own work (recorded as a decision).

    reason: of the quarantined rows those alone that are held for it.
    """
    mine = signing.me(tx)
    verdict = _own_work(tx, mine.party, resource, kind)
    context = {"kind": kind, "offset": offset, "limit": limit} | ({"reason": reason} if reason else {})
    ask = {"agreement": "", "dataset": resource, "action": "read", "purpose": OWN_WORK, "subject": mine.party,
           "context": context}  # fmt: skip
    decision = _recorded(tx, ask, verdict, "")
    if not decision.allowed:
        _keep_denial(tx, decision)
        raise NOT_STAFF(resource=resource, zh=verdict.zh, en=verdict.en)
    window = (max(offset, 0), min(max(limit, 0), OWN_ROWS_MAX))
    shown = _own_rows(tx, resource, kind, decision.id, window, reason)
    return {"decision": decision.id, "resource": resource, "kind": kind, **plain(shown)}


OWN_ROWS_MAX = 500


def _own_rows(
    tx: Tx, resource: str, kind: str, decision: str, window: tuple[int, int], reason: str | None
) -> dict[str, Any]:
    """{"build", "total", "rows"} of the resource's current build. window: (offset, limit)."""
    offset, limit = window
    build = harmonise.current(tx, resource)
    if kind == "quarantined":
        return harmonise.quarantined_rows(
            tx, build=build["build"], decision=decision, reason=reason or None, offset=offset, limit=limit
        )
    table = pq.ParquetFile(build["path"]).read()
    return {"build": build["build"], "total": table.num_rows, "rows": table.slice(offset, limit).to_pylist()}


def _own_work(tx: Tx, party: str, resource: str, kind: str) -> Verdict:
    def no(zh: str, en: str) -> Verdict:
        return _no("own_work", "own_work", (zh, en), ("请联系所有者。", "Ask the owner."))

    if kind not in ("quarantined", "harmonised"):
        return no("只有 quarantined 与 harmonised 两种。", "There are the kinds quarantined and harmonised only.")
    if not tx.actor.has(Role.data_engineer):
        return no("需要数据工程师角色。", "It takes the role of a data engineer.")
    try:
        owner = register.resource(tx, resource)
    except Refusal as refusal:
        if tx.actor.party == party and (none := harmonise.refused_build(tx, resource)) is not None:
            raise none from None
        if tx.actor.party == party and harmonise.is_built(tx, resource):
            zh, en = "本节点构建、尚未登记为资源，无从流出。", "Built here and not declared yet: none of it can leave."
            return Verdict(Outcome.allowed, "own_work", "own_work", zh, en)
        return _from_refusal("own_work", refusal)
    if owner["owner"] != party or tx.actor.party != party:
        return no("资源不属于本机构。", "The resource is not this organisation's.")
    return Verdict(Outcome.allowed, "own_work", "own_work", "所有者的本方工作。", "The owner's own work.")
