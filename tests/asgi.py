"""The real ASGI application, in process, for synchronous tests."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class Asgi:
    """`get`, `post` and `request` of an ASGI application; cookies are kept between calls. An error nobody foresaw is
    raised, unless `raises` is taken off."""

    raises = True

    def __init__(self, app: Any, address: str = "http://node.test") -> None:
        self.app, self.address, self.cookies = app, address, httpx.Cookies()

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=self.raises)
            async with httpx.AsyncClient(transport=transport, base_url=self.address, cookies=self.cookies) as client:
                answer = await client.request(method, path, **given)
                self.cookies = client.cookies
                return answer

        return asyncio.run(call())

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.request("GET", path, **given)

    def post(self, path: str, **given: Any) -> httpx.Response:
        return self.request("POST", path, **given)
