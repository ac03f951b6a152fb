"""Who knocks: a person by session cookie, or a program by service token.

A cookie request that changes something must come from this site (Origin or Sec-Fetch-Site), so that another
page cannot use a person's session. Contract: tests/web/test_console.py and tests/web/test_api.py.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from datong.ground import signing
from datong.ground.canonical import hexdigest_bytes
from datong.ground.db import Actor, Store, Tx
from datong.ground.refusal import Kind, Reason, Text
from datong.register import service as register

COOKIE = "datong_session_"

NO_LOGIN = Reason(
    "GEN-401",
    Kind.denied,
    Text("需要登录。", "A login is needed."),
    Text("请求既没有有效会话，也没有服务令牌。", "The request carries neither a valid session nor a service token."),
    Text("请登录控制台，或以 Authorization: Bearer 提供服务令牌。",
         "Log in to the console, or send a service token as Authorization: Bearer."),
)  # fmt: skip
OTHER_SITE = Reason(
    "GEN-419",
    Kind.denied,
    Text("请求未执行。", "The request was not done."),
    Text("它来自另一个站点的页面。", "It came from a page of another site."),
    Text("请在本控制台内操作。", "Do it from this console."),
)
OUT_OF_SCOPE = Reason(
    "GEN-404",
    Kind.denied,
    Text("「{verb}」未执行。", "{verb} was not done."),
    Text("服务令牌的范围不包含它。", "It is outside the scopes of the service token."),
    Text("请节点运维人员签发包含该范围的令牌。", "Ask the node operator for a token with that scope."),
)


def cookie_of(tx: Tx) -> str:
    """The name of this node's session cookie. A browser knows hosts, not ports: nodes on one host need names of their
    own, or a login at one would end the session at the other."""
    return COOKIE + hexdigest_bytes(signing.me(tx).address.encode())[:12]


def client_of(request: Request) -> str:
    """What makes a stolen session cookie noticed: the browser it was given to."""
    return request.headers.get("user-agent", "")


def actor_of(store: Store, request: Request, verb: str, *, changes: bool) -> Actor:
    """The person or program behind `request`, allowed to be asked for `verb` at all (roles are checked later)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        with store.read() as tx:
            actor, scopes = register.actor_of_service_token(tx, token.strip())
        if not {verb, verb.partition(".")[0]} & set(scopes):
            raise OUT_OF_SCOPE(verb=verb)
        return actor
    if changes:
        require_same_site(request)
    with store.read() as tx:
        cookie = request.cookies.get(cookie_of(tx), "")
        if not cookie:
            raise NO_LOGIN()
        return register.actor_of_session(tx, cookie, client_of(request))


def require_same_site(request: Request) -> None:
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in ("cross-site", "same-site"):
        raise OTHER_SITE()
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise OTHER_SITE()
