"""An HTTP server on the loopback address: routes in, answers out, conditional requests honoured."""

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """One GET: the address without its query, the path's last part, and the query."""

    url: str
    name: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. With ``modified`` it carries validators and may become a 304."""

    body: bytes
    media_type: str
    status: int = HTTPStatus.OK
    modified: date | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Answer]


class Web:
    """An HTTP server on the loopback address, running while the context lasts.

    Args:
        routes: path → route; a path that ends in ``/`` answers for every name below it.
        port: 0 takes any free one.
        delay: seconds before each answer.
    """

    def __init__(self, routes: Mapping[str, Route], port: int = 0, delay: float = 0) -> None:
        self._server = _Server(routes, port, delay)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Web":
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, routes: Mapping[str, Route], port: int, delay: float) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.routes, self.delay = routes, delay

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client may hang up
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a kept connection waits 40 ms between head and body
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        folder, _, name = parts.path.rpartition("/")
        routes = self.server.routes
        route = routes.get(parts.path) or routes.get(f"{folder}/", _not_found)
        url = f"http://127.0.0.1:{self.server.server_port}{parts.path}"
        time.sleep(self.server.delay)
        self._send(route(Request(url, name, dict(parse_qsl(parts.query, keep_blank_values=True)))))

    def _send(self, answer: Answer) -> None:
        validators = _validators(answer)
        if validators and _unchanged(self.headers, validators):
            answer = Answer(b"", answer.media_type, HTTPStatus.NOT_MODIFIED)
        self.send_response(answer.status)
        for name, value in {**validators, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Keep quiet: the client tells what it asked."""


def _not_found(_: Request) -> Answer:
    return Answer(b"not found\n", "text/plain", HTTPStatus.NOT_FOUND)


def _validators(answer: Answer) -> dict[str, str]:
    if answer.modified is None:
        return {}
    midnight = datetime.combine(answer.modified, datetime.min.time(), UTC)
    return {
        "ETag": f'"{hashlib.blake2b(answer.body, digest_size=12).hexdigest()}"',
        "Last-Modified": format_datetime(midnight, usegmt=True),
    }


def _unchanged(asked: Message, validators: Mapping[str, str]) -> bool:
    """Say whether the client has this answer; If-None-Match goes first (RFC 9110, 13.2.2)."""
    if tags := asked.get("If-None-Match"):
        return validators["ETag"] in tags or tags.strip() == "*"
    if since := asked.get("If-Modified-Since"):
        try:
            return parsedate_to_datetime(validators["Last-Modified"]) <= parsedate_to_datetime(
                since
            )
        except (TypeError, ValueError):  # not a date: the condition does not count
            return False
    return False
