"""The way out to the network, against servers of our own on loopback."""

import datetime
import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug import Request
from werkzeug import Response as Answer

from core.settings import HttpSettings
from scanners import connection
from scanners import http as module
from scanners.errors import ComeBackLater, SourceError
from scanners.http import Http

Script = Callable[[socket.socket], None]


class RawServer:
    """A server below HTTP: each connection is answered by the next script; the last one stays."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.scripts: list[Script] = []
        self.requests: list[str] = []
        self.connections = 0
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.url = f"{'https' if tls else 'http'}://{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def answer(self, *scripts: bytes | Script) -> str:
        self.scripts = [s if callable(s) else (lambda c, s=s: c.sendall(s)) for s in scripts]
        return self.url

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            self.connections += 1
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
            threading.Thread(target=self._serve, args=(connection, script), daemon=True).start()

    def _serve(self, connection: socket.socket, script: Script) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                received = b""
                while b"\r\n\r\n" not in received and (piece := connection.recv(4096)):
                    received += piece
                if received:
                    self.requests.append(received.decode("latin-1"))
                    script(connection)
        except OSError:  # the client hung up, which is what many of these tests are about
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    """Go straight to our own servers, wherever the tests run."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def raw() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


@pytest.fixture
def make_http() -> Iterator[Callable[..., Http]]:
    opened = []

    def make(**changes) -> Http:
        quick = {"interval": 0, "backoff": 0, "retries": 2, "timeout": 5, "max_seconds": 10}
        opened.append(Http(HttpSettings(**quick | changes)))
        return opened[-1]

    yield make
    for http in opened:
        http.close()


@pytest.fixture
def http(make_http) -> Http:
    return make_http()


@pytest.fixture
def naps(monkeypatch) -> list[float]:
    """Record what would have been slept; the clock moves on by as much."""
    slept: list[float] = []
    clock = time.monotonic
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock() + sum(slept))
    return slept


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def failing(status: str, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()


def coded(coding: str, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body


def endless(head: bytes, piece: bytes, pause: float = 0) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            if pause:
                threading.Event().wait(pause)

    return script


# What is asked and what comes back


def test_answer(http, httpserver):
    httpserver.expect_request("/feed").respond_with_data("body", headers={"X-Thing": "1"})
    answer = http.get(httpserver.url_for("/feed"), allow_private=True)
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b"body", "1")
    assert answer.url == httpserver.url_for("/feed")


def test_params_join_the_query_of_the_url(http, httpserver):
    httpserver.expect_request("/api").respond_with_handler(lambda r: Answer(r.query_string))
    answer = http.get(
        httpserver.url_for("/api?a=1"), params={"q": "x y", "c": "é"}, allow_private=True
    )
    assert answer.body == b"a=1&q=x+y&c=%C3%A9"


def test_identifies_itself(make_http, httpserver):
    def echo(request: Request) -> Answer:
        return Answer(f"{request.headers['User-Agent']}|{request.headers['Accept-Encoding']}")

    httpserver.expect_request("/").respond_with_handler(echo)
    http = make_http(contact="mailto:office@example.org")
    agent, _, coding = http.get(httpserver.url_for("/"), allow_private=True).body.partition(b"|")
    assert agent.startswith(b"Horizon/")
    assert agent.endswith(b" (+mailto:office@example.org)")
    assert coding == b"gzip, deflate"


def test_conditional_request(http, httpserver):
    date = "Mon, 09 Nov 2026 00:00:00 GMT"
    httpserver.expect_request(
        "/feed", headers={"If-None-Match": '"v1"', "If-Modified-Since": date}
    ).respond_with_data(status=304)
    url = httpserver.url_for("/feed")
    answer = http.get(url, etag='"v1"', last_modified=date, allow_private=True)
    assert (answer.status, answer.body) == (304, b"")


def test_no_validators_are_sent_unless_given(http, raw):
    http.get(raw.answer(OK), allow_private=True)
    assert "If-" not in raw.requests[0]


def test_counts_requests_and_bytes_as_received(http, raw):
    packed = gzip.compress(b"x" * 10_000)
    raw.answer(failing("500 Oops"), coded("gzip", packed))
    assert http.get(raw.url, allow_private=True).body == b"x" * 10_000
    assert (http.requests, http.bytes) == (2, len(packed))


def keep_alive(*answers: bytes) -> Script:
    """Give one answer after the other on one connection."""

    def script(connection: socket.socket) -> None:
        for answer in answers:
            connection.sendall(answer)
            connection.recv(4096)

    return script


def test_connection_is_used_again(http, raw):
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    url = raw.answer(keep_alive(OK, chunked, b"HTTP/1.1 304 Not Modified\r\n\r\n", OK))
    bodies = [http.get(url, allow_private=True).body for _ in range(4)]
    assert bodies == [b"hello", b"abcde", b"", b"hello"]
    assert raw.connections == 1


# Trying again


def test_server_errors_are_tried_again(http, raw):
    raw.answer(failing("500 Oops"), failing("503 Busy"), OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"


def test_last_server_error_is_raised_with_url_and_status(http, raw):
    raw.answer(failing("502 Bad"))
    with pytest.raises(SourceError) as caught:
        http.get(raw.url + "/x", allow_private=True)
    assert not isinstance(caught.value, ComeBackLater)
    assert (caught.value.url, caught.value.status) == (raw.url + "/x", 502)
    assert http.requests == 3


@pytest.mark.parametrize("status", ["400 Bad", "403 No", "404 Gone", "204 Empty", "300 Choose"])
def test_other_statuses_are_raised_at_once(http, raw, status):
    raw.answer(failing(status))
    with pytest.raises(SourceError) as caught:
        http.get(raw.url, allow_private=True)
    assert (caught.value.status, http.requests) == (int(status[:3]), 1)


def test_backoff_doubles_with_full_jitter(make_http, raw, naps, monkeypatch):
    monkeypatch.setattr(module.random, "uniform", lambda low, high: (low + high) / 2)
    raw.answer(failing("500 Oops"))
    with pytest.raises(SourceError):
        make_http(backoff=4, retries=3).get(raw.url, allow_private=True)
    assert naps == [2, 4, 8]


def test_retry_after_in_seconds(http, raw, naps):
    raw.answer(failing("429 Slow", "Retry-After: 7"), failing("503 Busy", "Retry-After: 0"), OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"
    assert naps == [7, 0]


def test_retry_after_as_a_date(http, raw, naps):
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    raw.answer(failing("503 Busy", f"Retry-After: {format_datetime(soon, usegmt=True)}"), OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"
    assert 30 < naps[0] <= 60


@pytest.mark.parametrize("value", ["soon", "9" * 5000, "-3"])
def test_retry_after_that_means_nothing_is_passed_over(http, raw, naps, value):
    raw.answer(failing("503 Busy", f"Retry-After: {value}"), OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"
    assert naps == [0]


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy"])
def test_long_retry_after_is_not_waited_for(http, raw, naps, status):
    raw.answer(failing(status, "Retry-After: 86400"))
    with pytest.raises(ComeBackLater) as caught:
        http.get(raw.url, allow_private=True)
    assert (caught.value.seconds, caught.value.status) == (86400, int(status[:3]))
    assert (http.requests, naps) == (1, [])


def test_429_to_the_last_try_is_come_back_later(http, raw):
    raw.answer(failing("429 Slow"))
    with pytest.raises(ComeBackLater) as caught:
        http.get(raw.url, allow_private=True)
    assert (caught.value.seconds, http.requests) == (None, 3)


CUT = {
    "before the status line": b"",
    "in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhello",
    "between chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "in the gzip stream": coded("gzip", gzip.compress(b"hello")[:-9]),
    "in the deflate stream": coded("deflate", zlib.compress(b"hello")[:-5]),
}


@pytest.mark.parametrize("where", CUT)
def test_cut_answer_is_tried_again(http, raw, where):
    raw.answer(CUT[where], OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"
    assert http.requests == 2


@pytest.mark.parametrize("where", CUT)
def test_cut_answer_is_an_error_in_the_end(http, raw, where):
    raw.answer(CUT[where])
    with pytest.raises(SourceError, match=r"bro[ k]|damaged"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 3


# Failures a person is told of


def test_refused_connection(http):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 refused the connection") as caught:
        http.get(f"http://127.0.0.1:{port}", allow_private=True)
    assert (caught.value.status, http.requests) == (None, 3)


def test_unknown_name(http):
    with pytest.raises(SourceError, match=r"the name nowhere\.invalid is not known \(DNS\)"):
        http.get("http://nowhere.invalid/feed")


def test_silent_server(make_http, raw):
    raw.answer(lambda connection: connection.recv(1))
    http = make_http(timeout=0.1)
    with pytest.raises(SourceError, match=r"did not answer within 0\.1 s"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 3


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.file = file
    return context


@pytest.fixture
def tls(self_signed) -> Iterator[RawServer]:
    server = RawServer(tls=self_signed)
    yield server
    server.close()


def test_untrusted_certificate(http, tls):
    tls.answer(OK)
    with pytest.raises(SourceError, match=r"certificate of 127\.0\.0\.1 is not valid"):
        http.get(tls.url, allow_private=True)
    assert (http.requests, tls.requests) == (1, [])


def test_trusted_certificate(make_http, tls, self_signed, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self_signed.file))
    tls.answer(OK, endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 0.05))
    http = make_http(max_seconds=0.5)
    assert http.get(tls.url, allow_private=True).body == b"hello"
    with pytest.raises(SourceError, match=r"not complete after 0\.5 s"):
        http.get(tls.url, allow_private=True)


def test_keys_do_not_show(http, raw):
    raw.answer(failing("404 Gone"), OK)
    with pytest.raises(SourceError) as caught:
        http.get(raw.url, params={"q": "mine", "api_key": "s3cret"}, allow_private=True)
    assert "s3cret" not in str(caught.value)
    assert caught.value.url.endswith("?q=mine&api_key=***")
    assert "s3cret" not in http.get(raw.url + "?token=s3cret", allow_private=True).url
    assert all("s3cret" in request for request in raw.requests)


# Caps


def test_too_many_bytes(make_http, raw):
    raw.answer(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1000))
    http = make_http(max_bytes=100_000)
    with pytest.raises(SourceError, match="larger than 100,000 bytes"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 1
    assert http.bytes < 200_000


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_body_as_large_as_the_caps_is_kept(make_http, raw, pack):
    body = bytes(1000)
    packed = pack(body)
    raw.answer(coded("gzip" if pack is gzip.compress else "deflate", packed))
    http = make_http(max_bytes=len(packed), max_decoded_bytes=1000)
    assert http.get(raw.url, allow_private=True).body == body
    with pytest.raises(SourceError, match="larger than 999 bytes"):
        make_http(max_decoded_bytes=999).get(raw.url, allow_private=True)


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
def test_bomb_takes_no_memory(make_http, raw, coding, wbits):
    packer = zlib.compressobj(wbits=wbits)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(100)), packer.flush()])
    raw.answer(coded(coding, bomb))
    http = make_http(max_decoded_bytes=1_000_000)
    tracemalloc.start()
    with pytest.raises(SourceError, match="larger than 1,000,000 bytes"):
        http.get(raw.url, allow_private=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert http.requests == 1


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("X-Gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
        ("identity", b"hello"),
    ],
    ids=["gzip", "two gzip members", "deflate", "bare deflate", "identity"],
)
def test_codings(http, raw, coding, packed):
    raw.answer(coded(coding, packed))
    assert http.get(raw.url, allow_private=True).body == b"hello"


@pytest.mark.parametrize("coding", ["br", "gzip, gzip"])
def test_coding_not_asked_for(http, raw, coding):
    raw.answer(coded(coding, b"..."))
    with pytest.raises(SourceError, match=coding):
        http.get(raw.url, allow_private=True)
    assert http.requests == 1


DRIPS = {
    "status line": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\nX-Long: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"x"),
    "last body": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "chunk size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
}


@pytest.mark.parametrize("where", DRIPS)
def test_dripping_server(make_http, raw, where):
    raw.answer(endless(*DRIPS[where], pause=0.05))
    http = make_http(max_seconds=0.5)
    with pytest.raises(SourceError, match=r"not complete after 0\.5 s"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 1


def test_bytes_received_before_a_failure_are_counted(make_http, raw):
    raw.answer(endless(*DRIPS["body"], pause=0.05))
    http = make_http(max_seconds=0.3)
    with pytest.raises(SourceError):
        http.get(raw.url, allow_private=True)
    assert http.bytes > 0


def test_interval_between_requests_to_one_host(make_http, httpserver, naps):
    httpserver.expect_request("/").respond_with_data("x")
    http, url = make_http(interval=100), httpserver.url_for("/")
    http.get(url, allow_private=True)
    assert naps == []
    http.get(url, allow_private=True)
    assert naps == [pytest.approx(100, abs=5)]
    http.get(url.replace("localhost", "127.0.0.1"), allow_private=True)  # a host of its own
    assert len(naps) == 1
    http.get(url, interval=300, allow_private=True)
    assert naps[1:] == [pytest.approx(300, abs=5)]
    http.get(url, interval=0, allow_private=True)
    assert len(naps) == 2


def test_interval_holds_for_tries(make_http, raw, naps):
    raw.answer(failing("500 Oops"), OK)
    make_http(interval=100).get(raw.url, allow_private=True)
    assert naps == [0, pytest.approx(100, abs=5)]


def test_threads_take_turns(make_http, httpserver, monkeypatch):
    naps = []
    monkeypatch.setattr(module.time, "sleep", naps.append)  # the clock stays where it is
    httpserver.expect_request("/").respond_with_data("x")
    http, url = make_http(interval=100), httpserver.url_for("/")
    threads = [
        threading.Thread(target=http.get, args=(url,), kwargs={"allow_private": True})
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(naps) == [pytest.approx(100 * n, abs=5) for n in range(1, 5)]


# Redirects


def redirect(location: str, status: int = 302) -> bytes:
    return failing(f"{status} Moved", f"Location: {location}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(http, raw, status):
    raw.answer(redirect("../b?x=1", status), OK)
    answer = http.get(raw.url + "/a/c", params={"api_key": "s3cret"}, allow_private=True)
    assert (answer.body, answer.url) == (b"hello", raw.url + "/b?x=1")
    assert "s3cret" not in raw.requests[1]


def test_redirect_to_an_address_in_another_script(http, raw):
    raw.answer(redirect("/é"), OK)
    assert http.get(raw.url, allow_private=True).url == raw.url + "/%C3%A9"


def test_too_many_redirects(make_http, raw):
    raw.answer(redirect("/again"))
    http = make_http(max_redirects=3)
    with pytest.raises(SourceError, match="more than 3 redirects"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 4


def test_body_of_a_redirect_is_not_read(http, raw):
    flood = endless(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", b"x" * 1000)
    raw.answer(flood, OK)
    assert http.get(raw.url, allow_private=True).body == b"hello"


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://example.org/x", "http://a:b@example.org/", "http://[x/", "\xff"],
)
def test_redirect_elsewhere_than_the_web(http, raw, location):
    raw.answer(redirect(location).decode().encode("latin-1"))
    with pytest.raises(SourceError, match="address"):
        http.get(raw.url, allow_private=True)
    assert http.requests == 1


def test_headers_stay_with_their_host(http, raw):
    other = RawServer()
    other.answer(OK)
    raw.answer(redirect("/here"), redirect(other.url + "/there"))
    http.get(raw.url, headers={"Authorization": "Bearer s3cret"}, etag='"v1"', allow_private=True)
    other.close()
    assert all("s3cret" in request for request in raw.requests)
    assert len(raw.requests) == 2
    assert "s3cret" not in other.requests[0]
    assert '"v1"' in other.requests[0]


def test_netrc_is_not_read(http, raw, monkeypatch, tmp_path):
    file = tmp_path / "netrc"
    file.write_text("default login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(file))
    http.get(raw.answer(OK), allow_private=True)
    assert "Authorization" not in raw.requests[0]


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "example.org/feed",
        "http://",
        "http://[::1",
        "http://me:s3cret@example.org/",
        "http://*.example.org/",
        "http://" + "a" * 64 + ".example.org/",
    ],
)
def test_not_an_address_of_the_web(http, url):
    with pytest.raises(SourceError) as caught:
        http.get(url)
    assert http.requests <= 1
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"])
def test_private_address_gets_not_one_byte(http, raw, host):
    raw.answer(OK)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 is not a public address"):
        http.get(raw.url.replace("127.0.0.1", host))
    assert http.requests == 1
    assert raw.requests == []


def test_private_address_gets_no_tls_handshake(http, tls):
    tls.answer(OK)
    with pytest.raises(SourceError, match="not a public address"):
        http.get(tls.url)


def test_name_that_resolves_to_a_private_address(http, raw, monkeypatch):
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *args, **kw: resolve("127.0.0.1", *args, **kw)
    )
    url = raw.answer(OK).replace("127.0.0.1", "rebound.example")
    with pytest.raises(SourceError, match="not a public address"):
        http.get(url)
    assert raw.requests == []
    assert http.get(url, allow_private=True).body == b"hello"


def test_redirect_to_a_private_address(http, raw, monkeypatch):
    monkeypatch.setattr(connection, "is_public", lambda host: host == "127.0.0.1")
    inside = RawServer(host="127.0.0.2")
    inside.answer(OK)
    raw.answer(redirect(inside.url))
    with pytest.raises(SourceError, match=r"127\.0\.0\.2 is not a public address"):
        http.get(raw.url)
    inside.close()
    assert (inside.requests, http.requests) == ([], 2)


def test_connection_opened_with_leave_is_not_used_without(http, raw):
    url = raw.answer(keep_alive(OK, OK, OK))
    http.get(url, allow_private=True)
    with pytest.raises(SourceError, match="not a public address"):
        http.get(url)
    assert http.get(url, allow_private=True).body == b"hello"
    assert raw.connections == 2  # the first, used twice, and the one hung up


def test_proxy_of_the_environment_may_be_private(make_http, raw, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", raw.url)
    monkeypatch.setenv("http_proxy", raw.url)
    drip = endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x", 0.05)
    raw.answer(OK, drip)
    http = make_http(max_seconds=0.5)
    assert http.get("http://public.example/feed").body == b"hello"
    assert raw.requests[0].startswith("GET http://public.example/feed ")
    raw.answer(drip)
    with pytest.raises(SourceError, match="not complete"):
        http.get("http://other.example/feed")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("fc00::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
    ],
)
def test_public_addresses(address, public):
    assert connection.is_public(address) is public
