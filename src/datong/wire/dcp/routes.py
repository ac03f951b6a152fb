"""What a node answers about itself: its DID document, its credential service, its status list.

    GET  /.well-known/did.json (or <path>/did.json)   the document; keys of identity.KeyRing
    POST /dcp/presentations/query                     our membership credential, to whom we gave an access token
    POST /dcp/credentials                             a credential from an issuer this node believes
    GET  /dcp/status                                  which credentials this node gave out were revoked

Who shows no access token of ours is refused before anything of theirs is fetched. Errors say no more than why.
Must never know: what a membership allows. Contract: tests/wire/dcp/test_dcp_nodes.py.
Source: DCP 1.0 "Resolution API", "Storage API".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from datong.ground import clock, identity, signing
from datong.ground.db import NODE, Store, Tx, new_id
from datong.ground.jobs import Handler, Job
from datong.ground.refusal import Kind, Refusal
from datong.register import service as register
from datong.wire import http
from datong.wire.dcp import credentials, did, tokens
from datong.wire.dcp.did import DCP_CONTEXT, PATH
from datong.wire.dcp.verifying import ACCESS, Verifier, did_of_record

BODY_BYTES_MAX = 256 * 1024
SCOPES_MAX = 20
TYPE_ALIAS, ID_ALIAS = "org.eclipse.dspace.dcp.vc.type:", "org.eclipse.dspace.dcp.vc.id:"
STATUS_PATHS = {credentials.NEWER: f"{PATH}/status", credentials.OLDER: f"{PATH}/status/2021"}
"""Where the list of each profile lies; both are always there, as credentials outlive a setting."""


def routes(store: Store, verifier: Verifier, address: str) -> list[Route]:
    """The routes of one node, which is reached at `address`."""

    async def document(_request: Request) -> Response:
        value = await run_in_threadpool(own_document, store)
        return JSONResponse(value, 200 if value["verificationMethod"] else 404)  # without a key it shows nothing yet

    def status(profile: str) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            if request.headers.get("accept", "").startswith("application/json"):  # EDC before 0.16 reads no signed one
                return JSONResponse(await run_in_threadpool(own_status_value, store, profile))
            text = await run_in_threadpool(own_status_list, store, profile)
            return Response(text, media_type="application/vc+jwt")

        return endpoint

    def posted(answer: Callable[[Verifier, str, Any], dict[str, Any] | None]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            body = await http.limited_body(request, BODY_BYTES_MAX)
            authorization = request.headers.get("authorization", "")
            return await run_in_threadpool(_answered, answer, verifier, authorization, body)

        return endpoint

    return [
        Route(did.document_path(address), document, methods=["GET"]),
        *(Route(path, status(profile), methods=["GET"]) for profile, path in STATUS_PATHS.items()),
        Route(f"{PATH}/presentations/query", posted(queried), methods=["POST"]),
        Route(f"{PATH}/credentials", posted(given), methods=["POST"]),
    ]


class _Said(Exception):
    """An answer that is no success: its status and a word why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _answered(
    answer: Callable[[Verifier, str, Any], dict[str, Any] | None], verifier: Verifier, authorization: str, body: bytes
) -> Response:
    try:
        if len(body) > BODY_BYTES_MAX:
            raise _Said(413, "it is too large")
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            raise _Said(400, "its body is no JSON object")
        said = answer(verifier, http.bearer(authorization), message)
    except _Said as refused:
        return JSONResponse({"error": str(refused)}, refused.status)
    except ValueError as refused:
        return JSONResponse({"error": str(refused)}, 401)
    except Refusal as refused:
        return JSONResponse({"error": refused.code}, 503 if refused.kind is Kind.unavailable else 401)
    return Response(status_code=200) if said is None else JSONResponse(said)


# --- about this node ---------------------------------------------------------------------------------------------


def own_document(store: Store) -> dict[str, Any]:
    """The DID document of this node."""
    with store.read() as tx:
        address = signing.me(tx).address
        return did.document(did.did_of(address), address, identity.ring(tx).published())


def own_status_list(store: Store, profile: str) -> str:
    """The status list of the credentials this node gave out, signed."""
    with store.read() as tx:
        mine, key, revoked = (
            did.did_of(signing.me(tx).address),
            identity.ring(tx).current(),
            register.revoked_places(tx),
        )
        at = status_address(tx, profile)
        return credentials.status_list(mine, key, at=at, revoked=revoked, now=tx.wall_now, profile=profile)


def own_status_value(store: Store, profile: str) -> dict[str, Any]:
    """What it says, for verifiers that want plain JSON."""
    with store.read() as tx:
        mine, revoked, at = did.did_of(signing.me(tx).address), register.revoked_places(tx), status_address(tx, profile)
        return credentials.status_value(mine, at=at, revoked=revoked, now=tx.wall_now, profile=profile)


def status_address(tx: Tx, profile: str) -> str:
    return signing.me(tx).address.rstrip("/") + STATUS_PATHS[profile]


# --- the credential service --------------------------------------------------------------------------------------


def queried(verifier: Verifier, token: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a PresentationQueryMessage: presentations of what was asked for and the access token allows."""
    who = tokens.sender_of(token)
    with verifier.store.read() as tx:
        allowed = _allowed(tx, who, str(tokens.unproven(token).get("token", "")))
    verifier.claims(token, who)
    if message.get("type") != "PresentationQueryMessage":
        raise _Said(400, "it is no PresentationQueryMessage")
    scopes = message.get("scope")
    if message.get("presentationDefinition"):
        if scopes:
            raise _Said(400, "it has both scope and presentationDefinition")
        raise _Said(501, "only scope is known")
    if not isinstance(scopes, list) or not 1 <= len(scopes) <= SCOPES_MAX or any(type(s) is not str for s in scopes):
        raise _Said(400, "scope should be a list of texts")
    if any(not scope.startswith((TYPE_ALIAS, ID_ALIAS)) for scope in scopes):
        raise _Said(400, "a scope has an alias that is not known here")
    with verifier.store.read() as tx:
        texts = register.credential_texts(tx, kinds=_kinds(scopes), names=_names(scopes), among=allowed)
        mine, key = did.did_of(signing.me(tx).address), identity.ring(tx).current()
        made = credentials.presentation(mine, key, texts, audience=who, jti=new_id("vp"), now=tx.wall_now)
    return {"@context": [DCP_CONTEXT], "type": "PresentationResponseMessage", "presentation": made}


def _allowed(tx: Tx, who: str, access: str) -> frozenset[str]:
    """The kinds of credentials that `access` opens; ValueError unless this node gave it to `who` a moment ago."""
    address = signing.me(tx).address
    mine = did.did_of(address)
    own = did.read(did.document(mine, address, identity.ring(tx).published()), mine)
    try:
        claims = tokens.signed_claims(access, own, "capabilityInvocation")
        tokens.in_time(claims, tx.wall_now)
    except ValueError as broken:
        raise ValueError("it bears no access token of this node") from broken
    if (claims.get("aud"), claims.get("sub")) != (ACCESS, who):
        raise ValueError("it bears an access token of another one")
    return _kinds(str(claims.get("scope", "")).split())


def _kinds(scopes: list[str]) -> frozenset[str]:
    """The kinds of credentials that scopes name by type."""
    return frozenset(scope.removeprefix(TYPE_ALIAS).split(":")[0] for scope in scopes if scope.startswith(TYPE_ALIAS))


def _names(scopes: list[str]) -> frozenset[str]:
    """The ids of credentials that scopes name."""
    of_one = (scope for scope in scopes if scope.startswith(ID_ALIAS))
    return frozenset(scope.removeprefix(ID_ALIAS).removesuffix(":read") for scope in of_one)


def given(verifier: Verifier, token: str, message: Mapping[str, Any]) -> None:
    """Keep the credentials of a CredentialMessage from an issuer this node believes."""
    who = tokens.sender_of(token)
    if who not in verifier.issuers:
        raise ValueError("its sender is no issuer this node believes")
    verifier.claims(token, who)
    if message.get("type") != "CredentialMessage" or message.get("status") not in ("ISSUED", "REJECTED"):
        raise _Said(400, "it is no CredentialMessage")
    entries = message.get("credentials", []) if message["status"] == "ISSUED" else []
    if not isinstance(entries, list) or len(entries) > credentials.CREDENTIALS_MAX:
        raise _Said(400, "credentials should be a short list")
    with verifier.store.read() as tx:
        mine, now = did.did_of(signing.me(tx).address), tx.wall_now
    read = []
    for entry in entries:
        text = entry.get("payload") if isinstance(entry, Mapping) else None
        if not isinstance(text, str):
            raise _Said(400, "a credential is no JWT")
        try:
            found = credentials.credential(text, verifier.document, now=now)
        except ValueError as broken:
            raise _Said(400, f"a credential does not hold: {broken}") from broken
        if found.issuer != who or found.holder != mine or len(text) > tokens.TOKEN_MAX:
            raise _Said(400, "a credential is another one's, or too long")
        read.append(found)
    with verifier.store.begin(NODE, "register") as tx:
        for found in read:
            kind = next(iter(sorted(found.types - {"VerifiableCredential"})), "")[:100]
            register.keep_credential(tx, issuer=who, kind=kind, name=found.id, text=found.text, expires=found.expires)


# --- giving out --------------------------------------------------------------------------------------------------


def issue_job(store: Store, verifier: Verifier, profile: str) -> Handler:
    """The handler of "dcp.issue" jobs: sign the credential of the payload and bring it to its holder."""

    def issue(job: Job) -> None:
        with store.read() as tx:
            row = register.issued(tx, str(job.payload["credential"]))
            if row["state"] != "issued":
                return
            node = register.node(tx, row["node"])
            mine, key = did.did_of(signing.me(tx).address), identity.ring(tx).current()
            holder = did_of_record(node)
            text = credentials.membership(
                mine, key, id=row["id"], holder=holder, index=int(row["place"]),
                list_at=status_address(tx, profile), profile=profile,
                subject={"nodeCode": node["code"], "party": node["party"], "name": node["name"]},
                issued=clock.instant(row["issued_at"]), expires=clock.instant(row["expires_at"]),
            )  # fmt: skip
        container = {"credentialType": credentials.MEMBERSHIP, "format": profile, "payload": text}
        message = {
            "@context": [DCP_CONTEXT], "type": "CredentialMessage", "issuerPid": row["id"], "status": "ISSUED",
            "credentials": [container],
        }  # fmt: skip
        try:
            answer = verifier.deliver(holder, message)
        except ValueError as broken:
            raise http.NOT_REACHED(to=row["node"], why=f"Its credential service: {broken}.") from broken
        if not 200 <= answer.status < 300:
            raise http.NOT_REACHED(to=row["node"], why=f"Its credential service answers {answer.status}.")

    return issue
