"""The one way out to the network: polite and bounded GET requests.

requests and urllib3 speak HTTP; three things here are ours, because theirs leave gaps:

- *Retries.* ``urllib3.Retry`` ends where the body begins: a connection lost in mid body is not
  tried again. Nor can it stop when ``Retry-After`` asks for hours, or keep the interval between
  two requests to one host from try to try.
- *Redirects.* Each hop is a request like any other: scheme, address, interval and caps are checked
  again. requests reads the whole body of a redirect, however long, before it follows.
- *Time.* A read timeout begins anew with every byte, so a server that drips holds a reader for
  days. Every read from the socket, headers included, ends at the answer's deadline.
"""

import gzip
import http.client
import io
import math
import random
import re
import socket
import ssl
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.exceptions import InvalidURL, ProxyError, RequestException
from urllib3 import Retry
from urllib3.exceptions import HTTPError, InvalidHeader, LocationValueError

from core.settings import HttpSettings
from scanners.connection import LIMITS, Limits, Session, UnwantedError
from scanners.errors import Blocked, ComeBackLater, SourceError
from scanners.robots import Rules

_CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer: ``status`` is 200, or 304 when the validators sent still hold (no body).

    ``url`` is where the redirects ended, with keys in its query masked, so that it may be shown;
    ``headers`` are found whatever their case; ``body`` is decompressed.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Http:
    """A polite client; safe to share between threads.

    Attributes:
        requests: how many requests have been sent, tries and redirects included.
        bytes: how many bytes of bodies have been received, before decompression.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self.requests = 0
        self.bytes = 0
        self._settings = settings
        # Two, so that a connection opened to a private address is never used again without leave.
        self._guarded, self._unguarded = (Session(settings.contact) for _ in range(2))
        self._rules: dict[str, Rules | SourceError] = {}  # by address of robots.txt
        self._last_start: dict[str, float] = {}  # by host, s of time.monotonic
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._guarded.close()
        self._unguarded.close()

    def robots(self, url: str, *, allow_private: bool = False) -> Rules:
        """Return what the robots.txt of the host of ``url`` says; each host is asked once.

        An answer of 4xx means that there are no rules (RFC 9309, 2.3.1.3).

        Raises:
            SourceError: no answer, or 5xx: nothing may be fetched then (2.3.1.4).
        """
        parts = urlsplit(_web_address(url))
        address = f"{parts.scheme}://{parts.netloc}/robots.txt"
        if address not in self._rules:
            try:
                answer = self.get(address, allow_private=allow_private)
                self._rules[address] = Rules.parse(answer.body)
            except SourceError as error:
                absent = error.status is not None and 400 <= error.status < 500
                absent &= not isinstance(error, ComeBackLater)
                self._rules[address] = Rules.parse(b"") if absent else error
        rules = self._rules[address]
        if isinstance(rules, SourceError):
            raise rules
        return rules

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        etag: str = "",
        last_modified: str = "",
        allow_private: bool = False,
        interval: float | None = None,
    ) -> Response:
        """Fetch ``url``, trying again where that may help.

        Args:
            url: http or https, without user and password.
            params: added to the query of ``url``; a redirect's address is taken as it comes.
            headers: sent to this host only; dropped when a redirect leads to another.
            etag: of the answer kept from last time.
            last_modified: of the answer kept from last time.
            allow_private: whether addresses that are not public may be connected to.
            interval: s between two requests to one host, in place of the settings' own.

        Raises:
            ComeBackLater: the source asks for more patience than the settings allow.
            SourceError: no answer, an answer that is an error, or one beyond the caps.
        """
        url = _web_address(url)
        try:
            url = requests.Request("GET", url, params=params).prepare().url or url
        except RequestException:
            raise SourceError("this is not a web address", url=_shown(url)) from None
        validators = {"If-None-Match": etag, "If-Modified-Since": last_modified}
        call = _Call(
            headers=dict(headers or {}),
            validators={name: value for name, value in validators.items() if value},
            allow_private=allow_private,
            interval=self._settings.interval if interval is None else interval,
        )
        attempt = 0
        while True:
            try:
                return self._follow(url, call)
            except _TransientError as fault:
                if attempt == self._settings.retries:
                    raise fault.error from None
                # Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
                jitter = random.uniform(0, self._settings.backoff * 2**attempt)  # noqa: S311
                time.sleep(max(fault.retry_after, jitter))
                attempt += 1

    def _follow(self, url: str, call: "_Call") -> Response:
        """Return the answer at the end of the redirects that begin at ``url``."""
        session = self._unguarded if call.allow_private else self._guarded
        start, headers = url, {**call.headers, **call.validators}
        for _ in range(self._settings.max_redirects + 1):
            answer = self._request(session, url, headers, call)
            if isinstance(answer, Response):
                return answer
            if session.should_strip_auth(url, answer):  # type: ignore[no-untyped-call]
                headers = {**call.validators}
            url = answer
        raise SourceError(f"more than {self._settings.max_redirects} redirects", url=_shown(start))

    def _request(
        self, session: Session, url: str, headers: Mapping[str, str], call: "_Call"
    ) -> Response | str:
        """Send one request; return its answer or the address it redirects to."""
        self._take_turn(urlsplit(url).hostname or "", call.interval)
        deadline = time.monotonic() + self._settings.max_seconds
        LIMITS.set(Limits(call.allow_private, self._settings.timeout, deadline))
        try:
            with session.get(
                url,
                headers=headers,
                timeout=self._settings.timeout,
                stream=True,
                allow_redirects=False,
            ) as answer:
                if answer.is_redirect:
                    return _redirect_target(answer)
                self._check_status(answer)
                return Response(
                    url=_shown(answer.url),
                    status=answer.status_code,
                    headers=answer.headers,
                    body=self._body(answer),
                )
        except UnwantedError as error:
            raise SourceError(str(error), url=_shown(url)) from None
        except (RequestException, HTTPError) as error:
            # Not chained: the library's text repeats the URL with whatever key is in its query.
            raise self._network_error(error, url, deadline) from None

    def _take_turn(self, host: str, interval: float) -> None:
        """Count a request; sleep until ``interval`` has passed since the last one to ``host``."""
        with self._lock:
            self.requests += 1
            now = time.monotonic()
            start = max(now, self._last_start.get(host, -math.inf) + interval)
            self._last_start[host] = start
        if start > now:
            time.sleep(start - now)

    def _check_status(self, answer: requests.Response) -> None:
        """Raise unless ``answer`` is one that the caller wants."""
        status, url = answer.status_code, _shown(answer.url)
        if status in (200, 304):
            return
        if status in (401, 403, 451):
            raise Blocked("the server does not let us in", url=url, status=status)
        if status != 429 and status < 500:
            raise SourceError("the server did not give what was asked", url=url, status=status)
        seconds = _retry_after(answer.headers.get("Retry-After"))
        too_long = seconds is not None and seconds > self._settings.max_retry_after
        if status == 429 or too_long:
            wait = "later" if seconds is None else f"in {seconds:.0f} s"
            error: SourceError = ComeBackLater(
                f"the server asks us to come back {wait}", url=url, status=status, seconds=seconds
            )
        else:
            error = SourceError("the server failed", url=url, status=status)
        raise error if too_long else _TransientError(error, seconds or 0)

    def _body(self, answer: requests.Response) -> bytes:
        """Return the body of ``answer``, received and decompressed."""

        def receive(size: int) -> bytes:
            # read1 gives what is there, so that what came before a failure is counted too.
            data: bytes = answer.raw.read1(size, decode_content=False)
            with self._lock:
                self.bytes += len(data)
            return data

        received = _read_capped(receive, self._settings.max_bytes)
        coding = answer.headers.get("Content-Encoding", "").strip().lower()
        try:
            return _decompress(received, coding, self._settings.max_decoded_bytes)
        except (EOFError, OSError, zlib.error):
            damaged = SourceError(
                "the compressed answer is damaged",
                url=_shown(answer.url),
                status=answer.status_code,
            )
            raise _TransientError(damaged) from None

    def _network_error(
        self, error: Exception, url: str, deadline: float
    ) -> "SourceError | _TransientError":
        """Return what ``error``, raised by requests or urllib3, means to us."""
        causes = tuple(_causes(error))
        kinds = [kind for kind in _MESSAGES if any(isinstance(cause, kind) for cause in causes)]
        kind = kinds[0] if kinds else Exception
        permanent = kind in _PERMANENT
        message = _MESSAGES.get(kind, "the connection to {host} broke")
        if kind is TimeoutError and time.monotonic() >= deadline:
            permanent, message = True, "the answer of {host} was not complete after {total:g} s"
        settings = self._settings
        fault = SourceError(
            message.format(
                host=urlsplit(url).hostname, timeout=settings.timeout, total=settings.max_seconds
            ),
            url=_shown(url),
        )
        return fault if permanent else _TransientError(fault)


# What lies at the bottom of a failure → what a person is told; the first that is found counts.
_MESSAGES: dict[type[Exception], str] = {
    InvalidURL: "{host} is not a valid name of a host",
    LocationValueError: "{host} is not a valid name of a host",
    ProxyError: "there was no way to {host} through the proxy",
    ssl.SSLCertVerificationError: "the TLS certificate of {host} is not valid",
    ssl.SSLError: "no secure connection to {host} could be made (TLS)",
    socket.gaierror: "the name {host} is not known (DNS)",
    ConnectionRefusedError: "{host} refused the connection",
    TimeoutError: "{host} did not answer within {timeout:g} s",
    http.client.IncompleteRead: "the answer of {host} broke off",
}
_PERMANENT = InvalidURL, LocationValueError, ssl.SSLCertVerificationError


@dataclass(frozen=True, slots=True)
class _Call:
    """What the caller of ``get`` asked for, the same for every try and hop."""

    headers: Mapping[str, str]
    validators: Mapping[str, str]
    allow_private: bool
    interval: float


class _TransientError(Exception):
    """A failure that another try may mend; ``error`` is raised if none does."""

    def __init__(self, error: SourceError, retry_after: float = 0) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after  # s


def _web_address(url: str) -> str:
    """Return ``url`` if it is one that we ask, else raise SourceError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise SourceError("this is not a web address", url=_shown(url)) from None
    if parts.scheme not in ("http", "https") or not host:
        raise SourceError("only http and https addresses are read", url=_shown(url))
    if "@" in parts.netloc:
        raise SourceError("an address must not hold a user or password", url=_shown(url))
    return url


def _redirect_target(answer: requests.Response) -> str:
    """Return the address that ``answer`` redirects to, or raise SourceError."""
    try:
        # As requests does: http.client reads headers as Latin-1, servers write UTF-8.
        location = answer.headers["Location"].encode("latin-1").decode("utf-8")
        target = requests.utils.requote_uri(urljoin(answer.url, location))
    except (ValueError, RequestException):
        raise SourceError(
            "the redirect leads to no valid address",
            url=_shown(answer.url),
            status=answer.status_code,
        ) from None
    return _web_address(target)


_SECRET = re.compile(r"(?i)([?&](?:\w*key|\w*token|\w*secret|password)=)[^&#]*")


def _shown(url: str) -> str:
    """Return ``url`` as it may be shown in messages: without passwords and keys."""
    return _SECRET.sub(r"\1***", re.sub(r"//[^/?#]*@", "//***@", url))


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return Retry(retry_after_max=sys.maxsize).parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _read_capped(read: Callable[[int], bytes], limit: int) -> bytes:
    """Return all that ``read(size)`` gives up to its first empty piece."""
    body = io.BytesIO()
    while piece := read(_CHUNK):
        if body.tell() + len(piece) > limit:
            raise UnwantedError(f"the answer is larger than {limit:,} bytes")
        body.write(piece)
    return body.getvalue()


def _decompress(data: bytes, coding: str, limit: int) -> bytes:
    """Undo ``coding`` (RFC 9110, 8.4.1), a piece at a time: a bomb ends at ``limit`` bytes.

    Raises:
        EOFError, OSError, zlib.error: ``data`` is cut short or damaged.
    """
    if not data or coding in ("", "identity"):
        return data
    if coding in ("gzip", "x-gzip"):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return _read_capped(stream.read, limit)
    if coding == "deflate":
        # zlib's format by the standard; some servers leave out its two bytes of header (RFC 1950,
        # 2.2), which are 8 in the low half of the first and a multiple of 31 together.
        has_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        inflater = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        body = inflater.decompress(data, limit + 1)
        if len(body) > limit:
            raise UnwantedError(f"the answer is larger than {limit:,} bytes")
        if not inflater.eof:
            raise EOFError
        return body
    raise UnwantedError(f"the answer is compressed as we did not ask for: {coding}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield ``error`` and what it came from, down to the first."""
    while error:
        yield error
        error = error.__cause__ or error.__context__
