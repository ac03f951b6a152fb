"""Tables of the register and the queries on them.

Secrets (password hashes, tokens) are kept as hashes only; counters of failed logins stand in a table without
evidence, because they change without a deed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Integer, String, Table, Text, bindparam, func, or_, select, union_all

from datong.ground.db import EVERY, SOUGHT, Instant, Sought, Tx, Window, table
from datong.ground.prepared import Prepared
from datong.register.model.cases import OVER, State

PERSONAL = {"personal": True}
SECRET = {"secret": True}

parties = table(
    "register_party",  # id = subject code
    Column("name", String(200), nullable=False),
    Column("kind", String(1), nullable=False),
    Column("own", Boolean, nullable=False),
    Column("added_at", Instant, nullable=False),
)
departments = table(
    "register_department",
    Column("name", String(100), nullable=False, unique=True),
    Column("added_at", Instant, nullable=False),
)
people = table(
    "register_person",
    Column("login", String(80), nullable=False, unique=True, info=PERSONAL),
    Column("name", String(100), nullable=False, info=PERSONAL),
    Column("password", String(300), info=SECRET),
    Column("password_by", String(80), nullable=False),  # who else may know it: its setter, or who let the setter in
    Column("department", String(100), nullable=False),
    Column("roles", JSON, nullable=False),
    Column("state", String(10), nullable=False),  # active | disabled
    Column("added_by", String(80), nullable=False),
    Column("added_at", Instant, nullable=False),
)
sessions = table(
    "register_session",  # id = digest of the token
    Column("person", String(80), nullable=False, index=True),
    Column("family", String(80), nullable=False, index=True),  # the first session of a chain of rotated ones
    Column("client", String(80), nullable=False),  # digest of what the client shows (user agent)
    Column("issued_by", String(80), nullable=False),  # who else handed out the way in; "" = nobody
    Column("opened_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("ended", String(12), nullable=False),  # "" | logout | rotated | stolen | password
)
service_tokens = table(
    "register_service_token",  # id = token-…
    Column("secret_digest", String(80), nullable=False, unique=True),
    Column("person", String(80), nullable=False, index=True),
    Column("label", String(100), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("issued_by", String(80), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
login_links = table(
    "register_login_link",  # id = digest of the token
    Column("person", String(80), nullable=False),
    Column("issued_by", String(80), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)
attempts = table(
    "register_login_attempt",  # id = digest of the login; no evidence
    Column("failures", Integer, nullable=False),
    Column("blocked_until", Instant, nullable=False),
)
nodes = table(
    "register_node",  # id = node code
    Column("party", String(18), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("address", String(300), nullable=False),
    Column("public_key", String(100), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("state", String(12), nullable=False),
    Column("serial", Integer, nullable=False),
    Column("record", JSON, nullable=False),  # the signed membership record
    Column("learned_at", Instant, nullable=False),
)
applications = table(
    "register_application",
    Column("party", String(18), nullable=False),
    Column("name", String(200), nullable=False),
    Column("address", String(300), nullable=False),
    Column("public_key", String(100), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),
    Column("state", String(12), nullable=False),  # applied | admitted | refused
    Column("code", String(32)),
    Column("applied_at", Instant, nullable=False),
)
issued_credentials = table(
    "register_issued_credential",
    Column("node", String(32), nullable=False, index=True),
    Column("place", Integer, nullable=False, unique=True),  # in the status list
    Column("state", String(10), nullable=False),  # issued | revoked
    Column("reason", String(500), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)
held_credentials = table(
    "register_held_credential",
    Column("issuer", String(300), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("name", String(200), nullable=False),  # the id its issuer gave it
    Column("text", Text, nullable=False, info=SECRET),
    Column("received_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),  # "" = it does not say
)


def _holding(name: str, *own: Column[Any]) -> Table:
    """A table of things a node declares and registers: what resources and products have in common."""
    return table(
        name,
        Column("code", String(65), unique=True, info=SOUGHT),
        Column("owner", String(18), nullable=False, info=SOUGHT),
        Column("name_zh", String(200), nullable=False, info=SOUGHT),
        Column("name_en", String(200), nullable=False, info=SOUGHT),
        Column("abstract", Text, nullable=False),
        Column("standard", String(100), nullable=False),
        Column("public_data", Boolean, nullable=False),
        Column("personal", Boolean, nullable=False),
        Column("grade", Integer, nullable=False),
        Column("level", String(12), nullable=False),
        Column("update_frequency", String(3), nullable=False),
        Column("area", String(6), nullable=False),
        Column("industry", String(6), nullable=False),
        Column("scenario", Text, nullable=False),
        Column("licence", JSON, nullable=False),
        Column("security_assessment", String(200), nullable=False),
        Column("evidence_digest", String(80)),
        Column("evidence_files", JSON),
        Column("evidence_at", Instant),
        Column("declared_by", String(80), nullable=False),
        Column("declared_at", Instant, nullable=False),
        *own,
    )


resources = _holding(
    "register_resource",
    Column("source_kind", String(3), nullable=False),
    Column("source_statement", Text, nullable=False),
)
products = _holding(
    "register_product",
    Column("inputs", JSON, nullable=False),
    Column("delivery_forms", JSON, nullable=False),
)

cases = table(
    "register_case",
    Column("side", String(10), nullable=False),  # applicant | registry | both | joint
    Column("registry", String(32), nullable=False),
    Column("applicant_node", String(32), nullable=False),
    Column("applicant_party", String(18), nullable=False, info=SOUGHT),
    Column("object_kind", String(10), nullable=False),
    Column("object_id", String(80), nullable=False, index=True, info=SOUGHT),
    Column("evidence_digest", String(80)),
    Column("type", String(12), nullable=False),
    Column("basis", String(12), nullable=False),
    Column("public_data", Boolean, nullable=False),
    Column("filing", JSON, nullable=False),  # the signed filing
    Column("registrants", JSON, nullable=False),  # [{party, name, department, person, confirmed_at}]
    Column("state", String(24), nullable=False),
    Column("version", Integer, nullable=False),
    Column("history", JSON, nullable=False),  # [{act, state, at, person, department, party, note}]
    Column("since", Instant, nullable=False),  # of the state, for its deadline
    Column("publicised_at", Instant),
    Column("supplement", JSON),
    Column("reviewer", JSON),  # {person, department, party}
    Column("escalated_at", Instant),
    Column("code", String(65), unique=True, info=SOUGHT),
    Column("valid_until", String(10)),
)
objections = table(
    "register_objection",
    Column("case_id", String(80), nullable=False, index=True),
    Column("name", String(100), nullable=False, info=PERSONAL),
    Column("grounds", Text, nullable=False, info=PERSONAL),
    Column("evidence_digest", String(80), nullable=False),
    Column("state", String(10), nullable=False),  # open | dismissed | upheld
    Column("taken_by", String(80), nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("settled_by", String(80)),
    Column("reason", Text),
)
ledger = table(
    "register_ledger",  # id = data code without extension
    Column("version", Integer, nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("state", String(24), nullable=False),
    Column("entry", JSON, nullable=False),  # signed by the registry
    Column("licence_word", JSON),  # at the registry: the owner's latest signed change of the licence terms
    Column("at", Instant, nullable=False),
)


def person_of_login(tx: Tx, login: str) -> dict[str, Any] | None:
    return _first(tx, people, people.c.login == login)


def rows(tx: Tx, of: Table, *order: Any, where: Any = None, window: Window = EVERY) -> list[dict[str, Any]]:
    query = (select(of) if where is None else select(of).where(where)).order_by(*(order or (of.c.id,)))
    return tx.rows(window.of(query, *_names(of)))


def ids(tx: Tx, of: Table, *order: Any, where: Any, window: Window) -> list[str]:
    """The keys of these rows, in order."""
    return [row.id for row in tx.all(window.of(select(of.c.id).where(where).order_by(*order), *_names(of)))]


def not_in_force(tx: Tx, codes: Sequence[str], today: str) -> set[str]:
    """Those of these codes whose entry ended, or whose last day is before `today`."""
    until = ledger.c.entry["valid_until"].as_string()
    query = select(ledger.c.id).where(ledger.c.id.in_(codes), (ledger.c.state != State.CODED) | (until < today))
    return {str(row.id) for row in tx.all(query)}


def ledger_counts(tx: Tx, where: Any, window: Window) -> list[dict[str, Any]]:
    """How many entries there are of each kind, area and industry, of public data and of others: counted in the
    database, for a country's ledger is long and its entries are wide."""
    thing, public = ledger.c.entry["object"], ledger.c.entry["public_data"]
    of = (
        ledger.c.kind.label("kind"), thing["area"].as_string().label("area"),
        thing["industry"].as_string().label("industry"), public.as_boolean().label("public_data"),
    )  # fmt: skip
    one = select(*of).where(where)
    each = window.of(one, *_names(ledger)).subquery()
    found = tx.rows(select(*each.c, func.count().label("count")).group_by(*each.c))
    return sorted(found, key=lambda told: [str(part) for part in told.values()])


def sought(text: str) -> Sought | None:
    """What to look for in a list of any room, by words of a person: also by the codes and ids of the parties, nodes,
    things and cases here whose name contains them. None for no words."""
    text = text.strip()
    if not text or "\0" in text:
        return Sought(text) if text else None

    def called(key: Column[Any], *names: Any) -> Any:
        return select(key.label("called")).where(or_(*(name.icontains(text, autoescape=True) for name in names)))

    def thing(of: Any) -> tuple[Any, Any]:
        return of["name_zh"].as_string(), of["name_en"].as_string()

    own = [(key, of.c.name_zh, of.c.name_en) for of in (resources, products) for key in (of.c.id, of.c.code)]
    every = union_all(
        called(parties.c.id, parties.c.name),
        called(nodes.c.id, nodes.c.name),
        *(called(*one) for one in own),
        called(ledger.c.id, *thing(ledger.c.entry["object"])),
        called(cases.c.object_id, *thing(cases.c.filing["object"])),
    ).cte("called")  # looked for once, in however many columns
    return Sought(text, select(every.c.called))


def _names(of: Table) -> tuple[Column[Any], ...]:
    return (of.c.id, of.c.code) if "code" in of.c else (of.c.id,)


def count(tx: Tx, of: Table) -> int:
    return int(tx.execute(select(func.count()).select_from(of)).scalar() or 0)


@cache
def _by_id_or_code(of: Table) -> Prepared:
    either = or_(of.c.id == bindparam("name"), of.c.code == bindparam("name"))
    return Prepared(select(of).where(either).order_by(of.c.id).limit(1))


def holding(tx: Tx, code_or_id: str) -> tuple[Table, dict[str, Any]] | None:
    """The resource or product of this node with this id or data code, and its table."""
    for of in (resources, products):
        found = tx.first(_by_id_or_code(of), name=code_or_id)
        if found is not None:
            return of, found
    return None


def cases_of(tx: Tx, code_or_id: str) -> list[dict[str, Any]]:
    """Cases of a thing by its local id or data code, oldest first."""
    return tx.found(_CASES_OF, name=code_or_id)


_CASES_OF = Prepared(
    select(cases)
    .where(or_(cases.c.object_id == bindparam("name"), cases.c.code == bindparam("name")))
    .order_by(cases.c.since, cases.c.id)
)


def open_or_coded(
    tx: Tx, party: str, object_id: str, evidence_digest: str | None, besides: Collection[str]
) -> dict[str, Any] | None:
    """Another case of the same thing, or of the same source files, that is not over; `besides`: but these."""
    same = (cases.c.applicant_party == party) & (cases.c.object_id == object_id)
    if evidence_digest:
        same = same | ((cases.c.evidence_digest == evidence_digest) & (cases.c.object_kind == "resource"))
    return _first(tx, cases, same & cases.c.state.not_in(OVER) & cases.c.id.not_in(besides))


def next_ledger_version(tx: Tx) -> int:
    return int(tx.execute(select(func.max(ledger.c.version))).scalar() or 0) + 1


def active_nodes(tx: Tx) -> list[dict[str, Any]]:
    return rows(tx, nodes, where=nodes.c.state == "active")


def listening_nodes(tx: Tx) -> list[dict[str, Any]]:
    """Active nodes that take messages between nodes: a connector of another make has no key here and takes none."""
    return rows(tx, nodes, where=(nodes.c.state == "active") & (nodes.c.public_key != ""))


def nodes_of_party(tx: Tx, party: str) -> list[dict[str, Any]]:
    """Nodes of a party, active ones first."""
    return rows(tx, nodes, nodes.c.state, nodes.c.id, where=nodes.c.party == party)


def _first(tx: Tx, of: Table, where: Any) -> dict[str, Any] | None:
    found = tx.execute(select(of).where(where).order_by(of.c.id).limit(1)).mappings().first()
    return dict(found) if found is not None else None


def next_place(tx: Tx) -> int:
    """The first free place in the status list of issued credentials."""
    row = tx.one(select(func.max(issued_credentials.c.place).label("last")))
    return 0 if row is None or row.last is None else int(row.last) + 1
