"""Connections that keep to limits: no private addresses, no answer past its deadline.

requests and urllib3 lie between ``http.py`` and the socket and pass on no argument of ours, so the
limits of the request under way are in a context variable.
"""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection must know of the request it serves."""

    allow_private: bool
    timeout: float  # s for one read
    deadline: float  # for the whole answer, of time.monotonic


LIMITS: ContextVar[Limits] = ContextVar("LIMITS")


class UnwantedError(Exception):
    """We will not have this answer, nor ask again; the text says why."""


class _DeadlineStream(io.RawIOBase):
    """The bytes of a socket, each read ending at the deadline at the latest."""

    def __init__(self, stream: io.RawIOBase, sock: socket.socket, limits: Limits) -> None:
        self._stream = stream
        self._sock = sock
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._limits.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        self._sock.settimeout(min(left, self._limits.timeout))
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _HttpResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineStream(self.fp.detach(), sock, LIMITS.get()))


class _Connection(HTTPConnection):
    response_class = _HttpResponse

    def _new_conn(self) -> socket.socket:
        """Connect, and hang up before a byte is sent if the address is not allowed.

        The address looked at is the one connected to, so a name that resolves to a public address
        now and to a private one a moment later changes nothing. A proxy of the environment stands
        inside the office as a rule: its own address is allowed, and which addresses it connects to
        in turn is its own policy.
        """
        sock = super()._new_conn()
        address = sock.getpeername()[0]
        if not (self.proxy or LIMITS.get().allow_private or is_public(address)):
            sock.close()
            raise UnwantedError(
                f"{address} is not a public address; a source may say allow_private: true"
            )
        return sock


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those have pools of their own
            manager.pool_classes_by_scheme = _POOLS
        return manager


class Session(requests.Session):
    """Names us, keeps to the limits, and follows nothing by itself."""

    def __init__(self, contact: str) -> None:
        super().__init__()
        try:
            release = version("horizon-foresight")
        except PackageNotFoundError:  # run from a source tree that is not installed
            release = "unreleased"
        self.headers["User-Agent"] = f"Horizon/{release}" + (f" (+{contact})" if contact else "")
        self.headers["Accept-Encoding"] = "gzip, deflate"
        self.auth = lambda request: request  # never a password out of ~/.netrc
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def resolve_redirects(self, *_: Any, **__: Any) -> Iterator[requests.Response]:
        """Follow nothing: even when told not to, requests would read the body of a redirect."""
        yield from ()


# Addresses that carry an IPv4 address in their last four bytes: IPv4-mapped (RFC 4291, 2.5.5.2)
# and NAT64 (RFC 6052, 2.1).
_EMBEDDING = ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ip_network("2000::/3")  # all that IANA assigns from (RFC 4291, 2.4)


def is_public(host: str) -> bool:
    """Tell whether the IP address ``host`` belongs to the public internet."""
    address = ip_address(host)
    if any(address in network for network in _EMBEDDING):
        address = IPv4Address(address.packed[-4:])
    if isinstance(address, IPv6Address):
        if address.sixtofour:
            return is_public(str(address.sixtofour))
        return address.is_global and address in _GLOBAL_UNICAST
    return address.is_global and not address.is_multicast
