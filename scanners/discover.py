"""What can be harvested at an address: feeds, sitemaps, repositories and calendars.

Feeds are found as browsers find them (``<link rel=alternate>``, HTML standard, 4.6.6.2), by links
that are named like one, and sitemaps by robots.txt (https://www.sitemaps.org/protocol.html).
"""

import re
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain, count, pairwise
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from core.document import web_url
from core.sources import Source
from core.text import plain
from scanners import rss, sitemap
from scanners.access import Access
from scanners.errors import SourceError
from scanners.http import Http, Response
from scanners.parse import element_text, xml_root
from scanners.webpage import WebPage, attribute, read_page, text

_MAX_CANDIDATES = 10  # addresses tried for one page
_NAME_LENGTH = 100  # characters
_FEED_TYPES = "application/rss+xml", "application/atom+xml", "application/feed+json"
_FEED_LIKE = re.compile(r"[/.?=_-](?:rss|atom|feeds?)(?:\.(?:xml|php|aspx?|json))?/?$", re.I)
# Country codes that are sold to the world for what they spell.
_SOLD = {"ai", "cc", "co", "fm", "gg", "io", "la", "ly", "me", "sh", "to", "tv", "ws"}
_OTHER_CODES = {"uk": "GB", "eu": "EU", "gov": "US", "mil": "US"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A source that could be added.

    Attributes:
        source: valid as ``core.sources.Source``; '' or empty fields are left out.
        items: how many it lists now (an index: sitemaps); None if it was not asked for them.
        newest: the latest date among them.
        robots: whether robots.txt allows it.
        problem: why it could not be read, '' if it could.
    """

    source: dict[str, Any]
    items: int | None = None
    newest: date | None = None
    robots: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What an answer turned out to be."""

    kind: str
    url: str
    name: str = ""
    language: str | None = None
    items: int | None = None
    dates: tuple[date, ...] = ()


def discover(url: str, http: Http, *, allow_private: bool = False) -> list[Proposal]:
    """Return the sources that ``url`` is or leads to, none if it is a page without any.

    Raises:
        SourceError: ``url`` itself could not be read, or is neither a source nor a web page.
    """
    probe = Source(id="probe", kind="rss", name=url, url=url, allow_private=allow_private)
    reading = _repository(url, probe, http) if "oai" in url.lower() else None
    if reading is None:
        response = Access(http, probe).get(url)
        reading = _read(response, probe, http)
    if reading:
        return [_proposal(reading, probe, http)]
    page = read_page(response, None)
    name = text(page.soup.title)
    probe = probe.model_copy(update={"language": page.language, "name": name or url})
    proposals: list[Proposal] = []
    for kind, address in _candidates(page, http, allow_private=allow_private):
        reading, problem = None, "it is neither a feed nor a sitemap"
        try:
            reading = _read(Access(http, probe).get(address), probe, http)
        except SourceError as error:
            problem = str(error)
        taken = [proposal.source["id"] for proposal in proposals]
        proposals.append(
            _proposal(reading, probe, http, taken)
            if reading
            else _proposal(_Reading(kind=kind, url=address), probe, http, taken, problem)
        )
    return proposals


def _candidates(page: WebPage, http: Http, *, allow_private: bool) -> list[tuple[str, str]]:
    """Return kind and address of what ``page`` and robots.txt point to, each once."""
    announced = [
        page.link(link)
        for link in page.soup.select("link[rel~=alternate][href]")
        if attribute(link, "type").split(";")[0].strip().lower() in _FEED_TYPES
    ]
    links = map(page.link, page.soup.select("a[href]"))
    feeds = [*announced, *(link for link in links if _FEED_LIKE.search(link))]
    sitemaps = _listed_sitemaps(page.url, http, allow_private=allow_private)
    found = dict.fromkeys(sitemaps, "sitemap") | dict.fromkeys(filter(None, feeds), "rss")
    in_order = dict.fromkeys([*filter(None, feeds), *sitemaps])
    return [(found[address], address) for address in in_order][:_MAX_CANDIDATES]


def _listed_sitemaps(url: str, http: Http, *, allow_private: bool) -> list[str]:
    listed = http.robots(url, allow_private=allow_private).sitemaps
    return [address for address in map(web_url, listed) if address]


def _read(response: Response, probe: Source, http: Http) -> _Reading | None:
    """Return what ``response`` is, None if it is nothing that can be harvested."""
    body, url = response.body, response.url
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:15].upper() == b"BEGIN:VCALENDAR":
        named = re.search(rb"^X-WR-CALNAME[^:\r\n]*:([^\r\n]+)", body, re.MULTILINE)
        name = named[1].decode("utf-8", errors="replace") if named else ""
        return _Reading(kind="ics", url=url, name=name, items=body.count(b"BEGIN:VEVENT"))
    if re.search(rb"<(?:\w+:)?OAI-PMH\b", body[:2000]):
        return _repository(url, probe, http)
    return _feed(response, probe) or _sitemap(response)


def _feed(response: Response, probe: Source) -> _Reading | None:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        answer = rss.parse(response.body, probe, url=response.url, headers=headers)
    except SourceError:
        return None
    languages = Counter(d.language for d in answer.documents if d.language)
    return _Reading(
        kind="rss",
        url=response.url,
        name=answer.documents[0].venue if answer.documents else "",
        language=max(languages, key=languages.__getitem__, default=None),
        items=len(answer.documents),
        dates=tuple(d.published for d in answer.documents if d.published),
    )


def _sitemap(response: Response) -> _Reading | None:
    try:
        entries = sitemap.parse(response.body, response.url).entries
    except SourceError:
        return None
    dates = tuple(entry.modified for entry in entries if entry.modified)
    return _Reading(kind="sitemap", url=response.url, items=len(entries), dates=dates)


def _repository(url: str, probe: Source, http: Http) -> _Reading | None:
    """Return the OAI-PMH repository at ``url``, None if there is none."""
    base = url.partition("?")[0]
    access = Access(http, probe.model_copy(update={"kind": "oai_pmh"}))
    try:
        response = access.get(base, params={"verb": "Identify"})
        root = xml_root(response.body, response.url)
    except SourceError:
        return None
    name = root.find("{*}Identify/{*}repositoryName")
    if name is None:
        return None
    return _Reading(kind="oai_pmh", url=base, name=element_text(name))


def _proposal(
    reading: _Reading,
    probe: Source,
    http: Http,
    taken: Container[str] = (),
    problem: str = "",
) -> Proposal:
    host = urlsplit(reading.url).hostname or ""
    fields = {
        "id": _free_id(host, taken),
        "kind": reading.kind,
        "name": plain(reading.name or probe.name)[:_NAME_LENGTH],
        "url": reading.url,
        "country": country_of_host(host),
        "language": reading.language or probe.language,
        "rhythm_days": _rhythm(reading.dates),
        "allow_private": probe.allow_private,
        "seen_at": probe.url,
    }
    source = {name: value for name, value in fields.items() if value}
    Source.model_validate(source)
    rules = http.robots(reading.url, allow_private=probe.allow_private)
    return Proposal(
        source=source,
        items=reading.items,
        newest=max(reading.dates, default=None),
        robots=rules.allows(reading.url),
        problem=problem,
    )


def _free_id(host: str, taken: Container[str]) -> str:
    """Return an id after ``host``, with a number where that is taken."""
    stem = re.sub(r"[^a-z0-9]+", "-", host.lower().removeprefix("www.")).strip("-") or "source"
    numbered = (f"{stem}-{number}" for number in count(2))
    return next(name for name in chain([stem], numbered) if name not in taken)


def country_of_host(host: str) -> str | None:
    """Return the country of ``host`` by its top-level domain, None if that is nobody's."""
    from pycountry import countries  # 80 ms with its data, which other commands do not need

    domain = host.rpartition(".")[2]
    if domain in _SOLD:
        return None
    known = len(domain) == 2 and countries.get(alpha_2=domain.upper())
    return _OTHER_CODES.get(domain) or (domain.upper() if known else None)


def _rhythm(dates: Iterable[date]) -> int | None:
    """Return the usual days between two days with something new, None if there are not two."""
    days = sorted(set(dates))
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    return max(1, round(median(gaps))) if gaps else None
