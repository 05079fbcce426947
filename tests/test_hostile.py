"""Hostile answers: each is refused with a reason or made harmless, and the run goes on."""

import gzip
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple, get_args
from urllib.parse import urlsplit

import html5lib
import pytest
from pytest_httpserver import HTTPServer
from test_reports import PARTNERS, WEEK, Shelf
from werkzeug import Request, Response

from core.document import Document
from core.settings import HttpSettings
from core.sources import Source
from reports.render import to_html, to_text
from scanners import Http, SourceError, Watermark, pages
from store import documents, labels
from store.database import open_writer

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
HTTP = HttpSettings(interval=0, backoff=0, retries=0, max_decoded_bytes=20_000_000)
PARAMS = {
    "arxiv": {"search_query": "all:x"},
    "dblp": {"q": "x"},
    "gtr": {"q": "x"},
    "html_listing": {"item": "li"},
    "wikicfp": {"cat": "security"},
}
ENTRY = {
    "rss": "<item><guid>{id}</guid><title>{title}</title>{more}</item>",
    "arxiv": "<entry><id>http://arxiv.org/abs/2611.{id}v1</id><title>{title}</title>{more}</entry>",
    "oai_pmh": "<record><header><identifier>oai:r:{id}</identifier></header><metadata><dc>"
    "<title>{title}</title>{more}</dc></metadata></record>",
}
FRAME = {
    "rss": '<rss version="2.0"><channel><title>News</title>{}</channel></rss>',
    "arxiv": '<feed xmlns="http://www.w3.org/2005/Atom">'
    '<totalResults xmlns="http://a9.com/-/spec/opensearch/1.1/">1</totalResults>{}</feed>',
    "oai_pmh": '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords>{}'
    "</ListRecords></OAI-PMH>",
}
in_each_list = pytest.mark.parametrize("kind", FRAME)
in_each_kind = pytest.mark.parametrize("kind", get_args(Source.model_fields["kind"].annotation))


class Outcome(NamedTuple):
    """What a source gave: documents, reasons of what was skipped, and the error that ended it."""

    documents: list[Document]
    reasons: list[str]
    error: str

    @property
    def titles(self) -> set[str]:
        return {document.title for document in self.documents}


class Origin:
    """A server that answers everything alike, and what a source of any kind makes of it."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.asked: list[str] = []

    def scan(
        self,
        kind: str,
        answer: bytes | Callable[[Request], Response],
        settings: HttpSettings = HTTP,
        **headers: str,
    ) -> Outcome:
        def respond(request: Request) -> Response:
            self.asked.append(request.path)
            if request.path == "/robots.txt":
                return Response(status=404)
            return answer(request) if callable(answer) else Response(answer, headers=headers)

        self.server.clear()
        self.server.expect_request(re.compile("/.*")).respond_with_handler(respond)
        source = Source.model_validate(
            {
                "id": f"hostile-{kind}".replace("_", "-"),
                "kind": kind,
                "name": "Hostile",
                "url": self.server.url_for("/list"),
                "params": PARAMS.get(kind, {}),
                "allow_private": True,
            }
        )
        found: list[Document] = []
        reasons: list[str] = []
        error = ""
        with Http(settings) as http:
            try:
                for page in pages(source, http, WINDOW):
                    found += page.documents
                    reasons += [skip.reason for skip in page.skipped]
            except SourceError as problem:
                error = str(problem)
        return Outcome(found, reasons, error)


@pytest.fixture
def origin(httpserver: HTTPServer) -> Origin:
    return Origin(httpserver)


def listing(kind: str, *entries: tuple[str, str], more: str = "", dtd: str = "") -> bytes:
    """Return a list of (id, title) with a good neighbour after them; surrogates are kept."""
    written = [ENTRY[kind].format(id=i, title=title, more=more) for i, title in entries]
    written.append(ENTRY[kind].format(id="00002", title="A good neighbour", more=""))
    text = dtd + FRAME[kind].format("".join(written))
    return text.encode("utf-8", "surrogatepass")


def bad_entry(kind: str, title: str = "Bad", more: str = "", dtd: str = "") -> bytes:
    return listing(kind, ("00001", title), more=more, dtd=dtd)


# How it is sent


@pytest.mark.parametrize(
    ("coding", "bomb"),
    [("gzip", gzip.compress(bytes(30_000_000))), ("deflate", zlib.compress(bytes(30_000_000)))],
    ids=["gzip", "deflate"],
)
@in_each_kind
def test_compression_bombs(origin: Origin, kind: str, coding: str, bomb: bytes) -> None:
    outcome = origin.scan(kind, bomb, **{"Content-Encoding": coding})
    assert "larger than 20,000,000 bytes" in outcome.error


@in_each_kind
def test_endless_redirect(origin: Origin, kind: str) -> None:
    def again(request: Request) -> Response:
        return Response(status=302, headers={"Location": f"{request.path}x"})

    assert "redirects" in origin.scan(kind, again).error


def test_endless_body_that_drips(origin: Origin) -> None:
    over = threading.Event()

    def drip(_: Request) -> Response:
        def body() -> Iterator[bytes]:
            for _ in range(600):
                yield b"x"
                over.wait(0.05)

        return Response(body())

    outcome = origin.scan("rss", drip, HTTP.model_copy(update={"max_seconds": 0.4}))
    over.set()
    assert "not complete after 0.4 s" in outcome.error


@in_each_kind
@pytest.mark.parametrize(
    "body",
    [b"", b"\0" * 1000, b"\xff" * 1000, b"<!doctype html><html><body><p>Log in</p></body></html>"],
    ids=["nothing", "NUL", "0xff", "a web page"],
)
def test_what_is_no_answer_at_all(origin: Origin, kind: str, body: bytes) -> None:
    outcome = origin.scan(kind, body)
    assert outcome.documents == []
    assert outcome.error


@in_each_list
def test_wrong_charset(origin: Origin, kind: str) -> None:
    body = bad_entry(kind, "Fähre").decode().encode("latin-1")
    outcome = origin.scan(
        kind, b'<?xml version="1.0" encoding="utf-8"?>' + body, **{"Content-Type": "text/xml"}
    )
    assert "A good neighbour" in outcome.titles
    assert any(title.startswith("F") and title.endswith("hre") for title in outcome.titles)


# What XML can be made to do

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
LAUGHS = f'<!DOCTYPE x [<!ENTITY l0 "laugh">{LAUGHS}]>'
BLOWUP = f'<!DOCTYPE x [<!ENTITY b "{"b" * 100_000}">]>'


@in_each_list
@pytest.mark.parametrize(
    ("dtd", "title", "more"),
    [
        (LAUGHS, "Ha &l9;", ""),
        (LAUGHS, "Ha", '<x y="&l9;"/>'),
        (BLOWUP, "Bs " + "&b;" * 3_000, ""),
        (BLOWUP, "Bs", f'<x y="{"&b;" * 3_000}"/>'),
    ],
    ids=["laughs", "laughs in an attribute", "quadratic", "quadratic in an attribute"],
)
def test_entities_that_grow(origin: Origin, kind: str, dtd: str, title: str, more: str) -> None:
    outcome = origin.scan(kind, bad_entry(kind, title, more, dtd))
    assert outcome.error or "A good neighbour" in outcome.titles
    assert all(len(title) < 10_000 for title in outcome.titles)


@in_each_list
@pytest.mark.parametrize("where", ["file", "http"])
def test_external_entities(origin: Origin, tmp_path: Path, kind: str, where: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    address = secret.as_uri() if where == "file" else origin.server.url_for("/secret")
    dtd = (
        f'<!DOCTYPE x SYSTEM "{address}" [<!ENTITY s SYSTEM "{address}">'
        f'<!ENTITY % p SYSTEM "{address}"> %p;]>'
    )
    outcome = origin.scan(kind, bad_entry(kind, "Read &s; this", dtd=dtd))
    assert "hunter2" not in str(outcome)
    assert "/secret" not in origin.asked
    assert outcome.error or "A good neighbour" in outcome.titles


@in_each_list
@pytest.mark.parametrize("closed", [True, False])
def test_xml_of_100_000_levels(origin: Origin, kind: str, closed: bool) -> None:
    deep = "<a>" * 100_000 + ("</a>" * 100_000 if closed else "")
    outcome = origin.scan(kind, bad_entry(kind, f"Deep {deep}"))
    assert "A good neighbour" in outcome.titles


@pytest.mark.parametrize("kind", ["rss", "openalex", "crossref", "gtr", "dblp"])
@pytest.mark.parametrize("pair", ["[]", ("{'a':", "}")], ids=["lists", "objects"])
def test_json_of_100_000_levels(origin: Origin, kind: str, pair: tuple[str, str]) -> None:
    opening, closing = (mark.replace("'", '"') for mark in pair)
    body = f'{{"results": {opening * 100_000}1{closing * 100_000}}}'
    assert "recursion" in origin.scan(kind, body.encode()).error


@in_each_list
def test_thousands_of_attributes(origin: Origin, kind: str) -> None:
    crowd = " ".join(f'a{n}="x"' for n in range(50_000))
    outcome = origin.scan(kind, bad_entry(kind, more=f"<x {crowd}/>"))
    assert "attributes" in outcome.error or "A good neighbour" in outcome.titles


@in_each_list
def test_a_million_tiny_entries(origin: Origin, kind: str) -> None:
    tiny = {"rss": "<item/>", "arxiv": "<entry></entry>", "oai_pmh": "<record></record>"}[kind]
    body = FRAME[kind].format(tiny * 2_000_000).encode()
    outcome = origin.scan(kind, body, HTTP.model_copy(update={"max_decoded_bytes": 50_000_000}))
    assert "parts, more than" in outcome.error


@pytest.mark.parametrize("kind", ["rss", "openalex"])
def test_millions_of_objects(origin: Origin, kind: str) -> None:
    body = b'{"meta": {}, "results": [' + b"{}," * 3_100_000 + b"{}]}"
    assert "parts, more than" in origin.scan(kind, body).error


# What an entry can say


@in_each_list
def test_a_title_of_10_mb(origin: Origin, kind: str) -> None:
    outcome = origin.scan(kind, bad_entry(kind, "A title " * 1_400_000))
    assert "A good neighbour" in outcome.titles
    assert all(len(title) <= 1_000 for title in outcome.titles)


@in_each_list
def test_an_id_of_1_mb(origin: Origin, kind: str) -> None:
    body = listing(kind, ("a" * 1_000_000, "One"), ("a" * 1_000_000 + "b", "Two"))
    outcome = origin.scan(kind, body)
    assert "A good neighbour" in outcome.titles
    assert all(len(document.native_id) <= 500 for document in outcome.documents)
    assert len({document.id for document in outcome.documents}) == len(outcome.documents)
    assert len(outcome.documents) + len(outcome.reasons) >= 3


@in_each_list
def test_marks_without_end_on_one_letter(origin: Origin, kind: str) -> None:
    outcome = origin.scan(kind, bad_entry(kind, "Z" + "\u0300\u0316" * 500_000))
    assert "A good neighbour" in outcome.titles


@in_each_list
def test_a_million_unclosed_tags_in_a_text(origin: Origin, kind: str) -> None:
    tag = {"rss": "description", "arxiv": "summary", "oai_pmh": "description"}[kind]
    more = f"<{tag}>{'&lt;p&gt;a' * 300_000}</{tag}>"
    outcome = origin.scan(kind, bad_entry(kind, more=more))
    assert outcome.titles == {"Bad", "A good neighbour"}
    assert all(len(document.abstract) <= 100_000 for document in outcome.documents)


@in_each_list
@pytest.mark.parametrize("year", ["0000", "0001", "3024", "99999", "9" * 5_000, "-1"])
def test_dates_out_of_this_world(origin: Origin, kind: str, year: str) -> None:
    tag = {"rss": "pubDate", "arxiv": "published", "oai_pmh": "date"}[kind]
    written = f"<{tag}>{year}-11-12T00:00:00Z</{tag}>"
    outcome = origin.scan(kind, bad_entry(kind, more=written))
    assert {d.title: d.published for d in outcome.documents} == {
        "Bad": None,
        "A good neighbour": None,
    }


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "JaVaScRiPt://x/%0aalert(1)", "data:text/html,x", "file:///etc/passwd"],
)
def test_links_that_are_no_web_addresses(origin: Origin, link: str) -> None:
    feed = origin.scan("rss", bad_entry("rss", more=f"<link>{link}</link>"))
    record = origin.scan("oai_pmh", bad_entry("oai_pmh", more=f"<identifier>{link}</identifier>"))
    for outcome in (feed, record):
        assert len(outcome.documents) == 2
        assert {urlsplit(document.url).scheme for document in outcome.documents} <= {"", "http"}
        assert link not in str([document.url for document in outcome.documents])


@in_each_list
@pytest.mark.parametrize(
    "hidden",
    ["\u202egnp.exe", "\u2066\u2069", "\0", "\x1b[2J", "\x85", "\ud800", "&#0;", "&#xD800;"],
    ids=["override", "isolates", "NUL", "escape", "NEL", "surrogate", "zero", "half a pair"],
)
def test_characters_that_hide_or_reorder(origin: Origin, kind: str, hidden: str) -> None:
    outcome = origin.scan(kind, bad_entry(kind, f"Invoice {hidden} end"))
    assert "A good neighbour" in outcome.titles
    assert any(title.startswith("Invoice") for title in outcome.titles)
    for title in outcome.titles:
        title.encode()
        assert title.isprintable()
        assert "\u202e" not in title


def test_surrogates_and_numbers_that_json_lets_through(origin: Origin) -> None:
    works = [
        {"id": "W1", "title": "Half \ud800", "ids": {"\ud800": ["\udfff", float("nan"), 10**400]}},
        {"id": "W2", "title": "Good", "doi": "10.1234/\ud800", "primary_location": {"x": "\0"}},
    ]
    outcome = origin.scan("openalex", json.dumps({"meta": {}, "results": works}).encode())
    assert outcome.titles == {"Half", "Good"}
    for document in outcome.documents:
        json.dumps(dict(document.raw), ensure_ascii=False, allow_nan=False).encode()


def test_links_that_are_all_the_same(origin: Origin) -> None:
    items = "".join(f"<item><link>/home</link><title>Item {n}</title></item>" for n in range(5))
    outcome = origin.scan("rss", FRAME["rss"].format(items).encode())
    assert outcome.titles == {f"Item {n}" for n in range(5)}
    assert len({document.id for document in outcome.documents}) == 1


# All the way to the reader

SCRIPT = "<script>alert(1)</script>"
EVIL = "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_hostile_documents_are_stored_and_reported_as_text(origin: Origin, tmp_path: Path) -> None:
    feed = FRAME["rss"].format(
        f"<item><guid>1</guid><title>One {EVIL}</title><link>javascript:alert(1)</link></item>"
        "<item><guid>2</guid><title>Two \u202e&#xD800;</title><link>http://[</link></item>"
        f"<item><guid>3</guid><title>{'Three ' * 300_000}</title><author>{EVIL}</author></item>"
        f"<item><guid>{'4' * 1_000_000}</guid><title>Four</title><link>http://x.test:0/</link></item>"
        "<item><guid>5</guid><title>Five</title></item><item><guid>5</guid><title>Five</title></item>"
        '<item><guid>6</guid><title>Six "&gt;&lt;img src=x onerror=alert(1)&gt;</title></item>'
    )
    works = [
        {"id": "W7", "title": "Seven \ud800", "ids": {"\ud800": float("nan"), "\0": "\0"}},
        {
            "id": "W8",
            "title": f"Eight {SCRIPT}",
            "primary_location": {"landing_page_url": "data:,"},
        },
    ]
    found = origin.scan("rss", feed.encode()).documents
    found += origin.scan("openalex", json.dumps({"meta": {}, "results": works}).encode()).documents
    with open_writer(tmp_path / "store.duckdb", PARTNERS) as con:
        added = documents.add(con, found, week=WEEK)
        rows = [labels.LabelRow(d.id, "goals", "cyber", 0.9, True, "test", []) for d in found]
        ids = [document.id for document in found]
        labels.save(con, "test", list(dict.fromkeys(ids)), list({r[0]: r for r in rows}.values()))
        digest = Shelf(con).digest(items=20)
    assert (added.new, added.known) == (8, 1)
    page = html5lib.parse(to_html(digest), namespaceHTMLElements=False)
    assert not page.findall(".//script")
    assert not page.findall(".//img")
    links = {link.get("href", "") for link in page.iter("a")}
    assert not [link for link in links if not link.startswith(("http", "#", "mailto:"))]
    text = " ".join(to_text(digest).split())
    for word in ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"):
        assert word in text
    assert "\u202e" not in text
