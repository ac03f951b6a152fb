"""Guarded connections for an HTTP client: which addresses may be called, and an end to the whole of a request.

A name is resolved once, and the address that was checked is the one that is called; TLS still proves the name. Every
step, headers and TLS included, ends with the deadline of the request, so that nobody holds a worker with a byte now
and then. Must never know: who is called and why. Contract: tests/wire/test_http.py.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

WRITE_BYTES = 64 * 1024
NOT_PUBLIC = [
    ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
]
"""NAT64, 6to4, Teredo and IPv4-compatible: addresses that lead to whatever IPv4 address is written in them."""
METADATA = frozenset(map(ipaddress.ip_address, (
    "169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
)))  # fmt: skip
"""Where clouds tell a machine its own secrets (AWS and others; AWS, Google over IPv6; Alibaba; Azure; Oracle): one
looks like an address of the open internet, others like private ones."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allowed = Callable[[Address], bool]


class AddressNotAllowed(Exception):
    """A name leads to an address that may not be called."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class NoAddress(Exception):
    """A name has no address."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host


class Deadline(threading.local):
    """When the request that this thread makes must be over, by the monotonic clock."""

    at = 0.0

    def begin(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the request takes too long as a whole")
        return left if timeout is None else min(timeout, left)


def transport(deadline: Deadline, allowed: Allowed | None, limits: httpx.Limits) -> httpx.HTTPTransport:
    """A transport whose connections end with `deadline`, to addresses that are `allowed` (None: all are).

    Of the environment it takes SSL_CERT_FILE or SSL_CERT_DIR, the authorities that sign certificates, and no proxy.
    """
    way = httpx.HTTPTransport(limits=limits, trust_env=True)
    way._pool._network_backend = _Guarded(deadline, allowed)  # no public door to it
    return way


def distrust(error: BaseException | None) -> str:
    """Why the certificate of the other side was not trusted, where that is what an error came of; else ""."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return "" if error is None else error.verify_message


def is_public(address: Address) -> bool:
    """An address of the open internet."""
    inside = any(address in net for net in NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not inside and address not in METADATA


def is_somewhere(address: Address) -> bool:
    """Any address at which a server can be meant: not those by which a cloud tells a machine its own secrets."""
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified or mapped in METADATA:
        return False
    return mapped.version == 4 or mapped.is_loopback or not any(mapped in net for net in NOT_PUBLIC)


@dataclass(frozen=True)
class _Timed(httpcore.NetworkStream):
    """A connection on which every step ends with the deadline of the request."""

    stream: httpcore.NetworkStream
    deadline: Deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITE_BYTES):
            self.stream.write(buffer[start : start + WRITE_BYTES], self.deadline.left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self.stream.start_tls(ssl_context, server_hostname, self.deadline.left(timeout))
        return _Timed(secured, self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class _Guarded(httpcore.SyncBackend):
    """Connections in time and to allowed addresses only."""

    def __init__(self, deadline: Deadline, allowed: Allowed | None) -> None:
        self.deadline, self.allowed = deadline, allowed

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **options: Any
    ) -> httpcore.NetworkStream:
        connect = super().connect_tcp if self.allowed is None else self._checked
        return _Timed(connect(host, port, self.deadline.left(timeout), *rest, **options), self.deadline)

    def _checked(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as broken:
            raise NoAddress(host) from broken
        addresses = list(dict.fromkeys(str(address[0]) for *_rest, address in found))
        assert self.allowed is not None
        if not all(self.allowed(ipaddress.ip_address(text.partition("%")[0])) for text in addresses):
            raise AddressNotAllowed(host)
        for address in addresses[:-1]:
            try:
                return super().connect_tcp(address, port, *rest, **options)
            except httpcore.ConnectError:
                continue
        return super().connect_tcp(addresses[-1], port, *rest, **options)
