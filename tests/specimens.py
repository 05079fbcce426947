"""A good answer of each kind of source, in pieces, and one way to read them all."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from core.document import Document
from core.sources import Source
from horizon.demo import answers, feeds
from horizon.demo.answers import OaiRequest
from horizon.demo.feeds import Channel
from horizon.demo.records import Author, Record
from scanners import arxiv, crossref, dblp, gtr, html_listing, ics, oai_pmh, openalex, rss, sitemap
from scanners.webpage import WebPage

URL = "https://origin.example/list"
COUNT = 7
_NOW = datetime(2026, 11, 16, tzinfo=UTC)
_PARAMS = {
    "arxiv": {"search_query": "all:security"},
    "dblp": {"q": "port"},
    "gtr": {"q": "port"},
    "html_listing": {"item": "li", "title": "a", "date": "time"},
}


@dataclass(frozen=True, slots=True)
class Specimen:
    """A good answer with ``COUNT`` entries: ``head``, ``entries`` and ``tail``, end to end.

    Of a JSON answer the entries are values.
    """

    kind: str
    head: bytes
    entries: Sequence[Any]
    tail: bytes
    is_json: bool = False

    def body(self, entries: Sequence[Any] | None = None) -> bytes:
        """Return the answer, with ``entries`` in place of its own."""
        chosen = self.entries if entries is None else entries
        if self.is_json:
            chosen = [", ".join(map(json.dumps, chosen)).encode()]
        return b"".join([self.head, *chosen, self.tail])


def read(kind: str, body: bytes) -> dict[str, Any]:
    """Return id → what was read in an answer. Raises SourceError."""
    source = Source.model_validate(
        {"id": "origin", "kind": kind, "name": "O", "url": URL, "params": _PARAMS.get(kind, {})}
    )
    return {one.url if kind == "sitemap" else one.id: one for one in _READ[kind](body, source)}


def _read_listing(body: bytes, source: Source) -> list[Document]:
    page = WebPage(body, url=URL, content_type="text/html", language="en")
    return html_listing.parse(page, html_listing.Listing.of(source)).documents


_READ: Mapping[str, Callable[[bytes, Source], Sequence[Any]]] = {
    "arxiv": lambda body, source: arxiv.parse(body, source, URL).documents,
    "crossref": lambda body, source: crossref.parse(body, source, URL).documents,
    "dblp": lambda body, source: dblp.parse(body, source, URL, 2020).documents,
    "gtr": lambda body, source: gtr.parse(body, source, URL).documents,
    "html_listing": _read_listing,
    "ics": lambda body, source: ics.parse(body, source, url=URL, since=date(2026, 1, 1))[0],
    "oai_pmh": lambda body, source: oai_pmh.parse(body, source, url=URL).documents,
    "openalex": lambda body, source: openalex.parse(body, source, URL).documents,
    "rss": lambda body, source: rss.parse(body, source, url=URL, headers={}).documents,
    "sitemap": lambda body, _: sitemap.parse(body, URL).entries,
}


def _record(number: int) -> Record:
    return Record(
        id=f"W{number + 1}",
        title=f"Detecting <drones> & birds near airports, part {number}",
        day=date(2026, 11, 15 - number),
        url=f"https://origin.example/{number}",
        abstract="The sensor & its filter détectent a < b within 3 km. " * 5,
        authors=(Author("Ada B. Name", "Institute", "FR"), Author("Bo É. Ek", "KTH", "SE")),
        doi=f"10.5555/{number}",
        arxiv_id=f"2611.{number:05}",
        categories=("cs.CR", "cs.AI"),
    )


def _cut(kind: str, body: bytes, start: bytes, end: bytes) -> Specimen:
    """Return the specimen whose entries begin with ``start`` and end with ``end``."""
    spans = [m.span() for m in re.finditer(start + rb"[\s>].*?" + end, body, re.DOTALL)]
    head, tail = body[: spans[0][0]], body[spans[-1][1] :]
    edges = [spans[0][0], *(stop for _, stop in spans)]
    return Specimen(kind, head, [body[a:b] for a, b in pairwise(edges)], tail)


def _values(kind: str, answer: Any, *path: str) -> Specimen:
    """Return the specimen whose entries are the list at ``path`` in a JSON answer."""
    *way, last = path
    container = answer
    for step in way:
        container = container[step]
    entries, container[last] = container[last], ["HERE"]
    head, tail = json.dumps(answer).encode().split(b'"HERE"')
    return Specimen(kind, head, entries, tail, is_json=True)


def specimens() -> dict[str, Specimen]:
    """Return name → specimen, of every kind that lists entries."""
    records = [_record(number) for number in range(COUNT)]
    channel = Channel(title="Origin", url="https://origin.example/")
    oai = partial(
        answers.oai_records, records, OaiRequest(URL, {}, _NOW), total=99, cursor=0, token="more"
    )
    api = answers.arxiv_atom(records, query="", start=0, size=COUNT, total=COUNT, now=_NOW)
    works = answers.openalex(records, total=COUNT, size=COUNT, next_cursor=None)
    found = {
        "rss 2.0": _cut("rss", feeds.rss2(channel, records), b"<item", b"</item>"),
        "rss 1.0": _cut("rss", feeds.rss1(channel, records), b"<item", b"</item>"),
        "atom": _cut("rss", feeds.atom(channel, records), b"<entry", b"</entry>"),
        "arxiv rss": _cut(
            "rss", feeds.arxiv_rss(["cs.CR"], records[0].day, records), b"<item", b"</item>"
        ),
        "json feed": _values("rss", json.loads(feeds.jsonfeed(channel, records)), "items"),
        "arxiv": _cut("arxiv", api, b"<entry", b"</entry>"),
        "oai_dc": _cut("oai_pmh", oai(prefix="oai_dc"), b"<record", b"</record>"),
        "oai arXiv": _cut("oai_pmh", oai(prefix="arXiv"), b"<record", b"</record>"),
        "openalex": _values("openalex", json.loads(works), "results"),
        "crossref": _values("crossref", _crossref(), "message", "items"),
        "gtr": _values("gtr", _gtr(), "project"),
        "dblp": _values("dblp", _dblp(), "result", "hits", "hit"),
        "ics": _cut("ics", _calendar(), b"BEGIN:VEVENT", b"END:VEVENT\r\n"),
        "sitemap": _cut("sitemap", _sitemap(), b"<url", b"</url>"),
        "html_listing": _cut("html_listing", _listing(), b"<li", b"</li>"),
    }
    for name, specimen in found.items():
        if len(specimen.entries) != COUNT or len(read(specimen.kind, specimen.body())) != COUNT:
            raise ValueError(f"{name} is not a good specimen")
    return found


def _crossref() -> Any:
    works = [
        {
            "DOI": f"10.1234/port.{n}",
            "URL": f"https://doi.org/10.1234/port.{n}",
            "type": "proceedings-article",
            "title": [f"Drones over <i>harbours</i>, part {n}"],
            "container-title": ["Port Series", "Harbour Watch 2026"],
            "abstract": "<jats:title>Abstract</jats:title><jats:p>We track a < b.</jats:p>",
            "published": {"date-parts": [[2026, 11]]},
            "author": [
                {"given": "Min-ji", "family": "Kim", "affiliation": [{"name": "KAIST, Korea"}]},
                {"name": "Harbour Guard Group"},
            ],
            "event": {"name": "Watch", "location": "Lisbon, Portugal"},
            "relation": {"has-preprint": [{"id-type": "arxiv", "id": f"2611.0000{n}"}]},
        }
        for n in range(COUNT)
    ]
    message = {"items": works, "items-per-page": 200, "total-results": COUNT, "next-cursor": None}
    return {"status": "ok", "message-type": "work-list", "message": message}


def _gtr() -> Any:
    projects = [
        {
            "id": f"D8217775-{n}",
            "identifiers": {"identifier": [{"value": f"EP/X0{n}/1", "type": "RCUK"}]},
            "title": f"Gates &amp; walls, part {n}",
            "abstractText": "We watch &lt; 5 gates.",
            "created": 1_782_860_400_000,
            "leadFunder": "EPSRC",
            "links": {"link": [{"rel": "FUND", "href": "x", "start": 1_796_083_200_000}]},
            "researchTopics": {"researchTopic": [{"id": "t", "text": "Radar"}]},
        }
        for n in range(COUNT)
    ]
    return {"totalPages": 1, "totalSize": COUNT, "project": projects}


def _dblp() -> Any:
    hits = [
        {
            "@id": str(n),
            "info": {
                "authors": {"author": [{"@pid": "1/2", "text": "Noa Levi 0001"}]},
                "title": f"Walls &amp; gates, part {n}.",
                "venue": "PORT",
                "year": "2026",
                "type": "Conference and Workshop Papers",
                "key": f"conf/port/Levi{n}",
                "ee": f"https://doi.org/10.1234/PORT.{n}",
            },
        }
        for n in range(COUNT)
    ]
    status = {"@code": "200", "text": "OK"}
    return {"result": {"status": status, "hits": {"@total": str(COUNT), "hit": hits}}}


def _calendar() -> bytes:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:u{n}\r\nDTSTART;VALUE=DATE:2027030{n + 1}\r\n"
        f"SUMMARY:Days of civil protection\\, part {n}\r\nLOCATION:Kraków\\, Poland\r\n"
        f"URL:https://origin.example/{n}\r\nEND:VEVENT\r\n"
        for n in range(COUNT)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n".encode()


def _sitemap() -> bytes:
    urls = "".join(
        f"<url><loc>https://origin.example/{n}</loc><lastmod>2026-11-1{n}</lastmod></url>"
        for n in range(COUNT)
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    return f'<?xml version="1.0"?><urlset xmlns="{space}">{urls}</urlset>'.encode()


def _listing() -> bytes:
    items = "".join(
        f'<li><a href="/{n}">Item {n} &amp; more</a> <time datetime="2026-11-1{n}">x</time></li>'
        for n in range(COUNT)
    )
    return f"<!doctype html><title>News</title><ul>{items}</ul>".encode()


def kind_of_recording(file: Path) -> str:
    """Return the kind of source that answers as in ``file``, under ``shared/feeds``."""
    folder = next(part for part in file.parts[::-1] if part in _RECORDINGS)
    return _RECORDINGS[folder]


_RECORDINGS = {
    "feedparser": "rss",
    "arxiv": "arxiv",
    "crossref": "crossref",
    "oai_pmh": "oai_pmh",
}


def recordings(shared: Path) -> list[Path]:
    """Return the recorded answers under ``shared/feeds``, in one order."""
    return sorted(
        file for file in (shared / "feeds").rglob("*") if file.suffix in (".xml", ".json")
    )


def must_be_storable(document: Document) -> None:
    """Raise ValueError or AssertionError if the store could not keep ``document``."""
    json.dumps(dict(document.raw), default=str, ensure_ascii=False, allow_nan=False).encode()
    names = (*document.authors, *document.affiliations, *document.countries)
    texts = (document.title, document.abstract, document.native_id, document.url, document.venue)
    ids = (document.doi or "", document.arxiv_id or "", document.language or "")
    for text in (*names, *texts, *ids):
        text.encode()
        assert "\0" not in text
        assert len(text) <= 100_000
