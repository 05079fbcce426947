"""Sitemaps (sitemaps.org), those of Google News, and the pages that they list.

A news sitemap tells title and date, and becomes documents as it is. Of other sitemaps the pages
modified in the window are fetched, oldest first and at most 50 a harvest, each for what it says of
itself; the rest is left for the next run. A sitemap may be gzip whatever its name; an index holds
sitemaps, no further index.

``source.params``: ``include``, a pattern that an address must match somewhere; ``date_in_link``, a
pattern whose groups are year, month and day, for sitemaps and pages that tell no dates.

Protocol: https://www.sitemaps.org/protocol.html; news:
https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

from core.document import Document, Kind, Precision, canonical_url, web_url
from core.sources import Source
from core.text import plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.dates import read_link_date
from scanners.errors import Changed, ComeBackLater, SourceError
from scanners.mend import xml_list
from scanners.parse import (
    element_text,
    local_name,
    parse_date,
    parse_language,
)
from scanners.webpage import TITLE_LENGTH, read_page

_MAX_PAGES = 50  # fetched in a harvest
_MAX_SITEMAPS = 50  # read of an index
_BATCH = 10  # pages kept together
_MAX_BYTES = 52_428_800  # unpacked, by the protocol


class News(NamedTuple):
    """What a news sitemap says of a page."""

    title: str
    published: tuple[date, Precision] | None
    language: str | None
    publication: str


class Entry(NamedTuple):
    """A page, or in an index a sitemap; ``modified`` is the day of its last change, if told."""

    url: str
    modified: date | None
    news: News | None

    @property
    def place(self) -> str:
        """Where it stands in the order of fetching, as a cursor."""
        return f"{self.modified} {self.url}"


class Sitemap(NamedTuple):
    """What one file lists, once each, and what of it could not be read."""

    entries: list[Entry]
    skipped: list[Skip]
    is_index: bool


class _Plan(NamedTuple):
    news: list[Document]
    todo: list[Entry]  # to fetch, in this order
    skipped: list[Skip]
    is_whole: bool  # nothing of it is left for a later window


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the news, then the pages modified in ``mark.window``; empty if nothing changed.

    Raises:
        Changed: not one address is as ``source.params`` say.
        ComeBackLater: more pages are left than one harvest may fetch.
        SourceError: the sitemap, or every one of an index, could not be read, or tells no dates.
    """
    window = _window(source, mark)
    if mark.cursor:  # what is left of the window is asked for, changed or not
        response = http.get(source.url)
    else:
        response = http.get(source.url, etag=mark.etag, last_modified=mark.last_modified)
    if response.status == 304:
        yield Page(documents=(), mark=mark.done())
        return
    sitemap = parse(response.body, response.url)
    if sitemap.is_index:
        sitemap = _below(sitemap, http, since=window[0])
    plan = _plan(sitemap, source, window)
    mark = mark.validated(response.headers if plan.is_whole else {})
    todo = [entry for entry in plan.todo if entry.place > mark.cursor]
    skipped = tuple(plan.skipped)
    if plan.news or not todo:
        kept = mark if todo else mark.done()
        yield Page(documents=tuple(plan.news), skipped=skipped, mark=kept)
        skipped = ()
    for page in _fetch(todo, source, http, mark):
        yield replace(page, skipped=skipped + page.skipped)
        skipped = ()


def _window(source: Source, mark: Watermark) -> tuple[date, date]:
    """Return the days to look at, without those that are read again for ``overlap_days`` only.

    Providers list late, but a page's lastmod is exact, and each page is to be fetched once.
    """
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    first, last = mark.window
    if mark.until and first >= mark.until - timedelta(days=source.overlap_days):
        first = mark.until
    return first, last


def parse(body: bytes, url: str) -> Sitemap:
    """Return what a sitemap, or an index of sitemaps, lists. Raises SourceError."""
    root, faults = xml_list(_unpacked(body, url), url, rb"url|sitemap")
    kind = local_name(root)
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(f"the answer is not a sitemap, but <{kind}>", url=url)
    entries: dict[str, Entry] = {}
    skipped = []
    for element in root.iterchildren("{*}url", "{*}sitemap"):
        written = _text(element, "loc")
        address = web_url(written)
        if not address:
            skipped.append(Skip("no address", written[:TITLE_LENGTH]))
        elif address not in entries:
            modified = parse_date(_text(element, "lastmod"))
            news = element.find("{*}news")
            entries[address] = Entry(
                address, modified[0] if modified else None, None if news is None else _news(news)
            )
    if faults:
        skipped.append(Skip("ill-formed XML, mended", f"{faults[0]} ({len(faults)} faults)"))
    return Sitemap(list(entries.values()), skipped, kind == "sitemapindex")


def _unpacked(body: bytes, url: str) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
            unpacked = stream.read(_MAX_BYTES + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceError(f"the compressed sitemap is damaged: {error}", url=url) from error
    if len(unpacked) > _MAX_BYTES:
        raise SourceError(f"the sitemap is larger than {_MAX_BYTES:,} bytes", url=url)
    return unpacked


def _text(element: Any, name: str) -> str:
    child = element.find(f"{{*}}{name}")
    return "" if child is None else plain(element_text(child))


def _news(element: Any) -> News:
    publication = element.find("{*}publication")
    told = publication is not None
    return News(
        title=_text(element, "title"),
        published=parse_date(_text(element, "publication_date")),
        language=parse_language(_text(publication, "language")) if told else None,
        publication=_text(publication, "name") if told else "",
    )


def _below(index: Sitemap, http: Access, since: date) -> Sitemap:
    """Return what the sitemaps of ``index`` list that may have changed since; newest first.

    Raises:
        SourceError: not one of them could be read.
    """
    entries, skipped, fault = list[Entry](), index.skipped, None
    fresh = [entry for entry in index.entries if not entry.modified or entry.modified >= since]
    fresh.sort(key=lambda entry: entry.modified or date.min, reverse=True)
    if left := fresh[_MAX_SITEMAPS:]:
        skipped.append(Skip(f"the rest, beyond {_MAX_SITEMAPS} sitemaps", f"{len(left)} sitemaps"))
    read = 0
    for entry in fresh[:_MAX_SITEMAPS]:
        try:
            response = http.get(entry.url)
            sitemap = parse(response.body, response.url)
        except ComeBackLater:
            raise
        except SourceError as error:
            fault = error
            skipped.append(Skip("a sitemap of the index could not be read", str(error)))
            continue
        read += 1
        skipped += sitemap.skipped
        if sitemap.is_index:
            skipped.append(Skip("an index in the index", entry.url))
        else:
            entries += sitemap.entries
    if fault and not read:
        raise fault
    return Sitemap(entries, skipped, is_index=True)


def _plan(sitemap: Sitemap, source: Source, window: tuple[date, date]) -> _Plan:
    """Return what is to be had of ``sitemap``. Raises SourceError."""
    include, date_in_link = _patterns(source)
    entries = [entry for entry in sitemap.entries if include.search(entry.url)]
    if sitemap.entries and not entries and not sitemap.is_index:  # of those only the fresh are read
        problem = f"the sitemap has changed: no address matches {include.pattern!r}"
        raise Changed(problem, url=source.url)
    news, todo, skipped, undated, later = list[Document](), list[Entry](), sitemap.skipped, 0, 0
    for entry in entries:
        in_link = read_link_date(entry.url, date_in_link)
        modified = entry.modified or (in_link[0] if in_link else None)
        if entry.news:
            try:
                news.append(_news_document(entry, entry.news, source))
            except ValueError as error:
                skipped.append(Skip(str(error), entry.url))
        elif not modified:
            undated += 1
        elif modified > window[1]:
            later += 1
        elif modified >= window[0]:
            todo.append(entry._replace(modified=modified))
    if undated:
        if undated == len(entries):
            raise SourceError("its pages have neither lastmod nor date_in_link", url=source.url)
        skipped.append(Skip("pages with neither lastmod nor date_in_link", f"{undated} pages"))
    todo.sort(key=lambda entry: entry.place)
    # The index may stay as it is while the sitemaps below change.
    return _Plan(news, todo, skipped, is_whole=not later and not sitemap.is_index)


def _patterns(source: Source) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    """Return the patterns ``include`` and ``date_in_link`` of the params. Raises SourceError."""
    params = source.params
    try:
        if unknown := params.keys() - {"include", "date_in_link"}:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        in_link = params.get("date_in_link")
        return re.compile(params.get("include", "")), re.compile(in_link) if in_link else None
    except (ValueError, re.error) as error:
        raise SourceError(f"params of source {source.id}: {error}", url=source.url) from error


def _news_document(entry: Entry, news: News, source: Source) -> Document:
    """Return the document of ``entry``. Raises ValueError."""
    if len(news.title) > TITLE_LENGTH:
        raise ValueError("the title is too long to be one")
    published, precision = news.published or (None, "day")
    return Document(
        kind=source.yields or Kind.NEWS,
        title=news.title,
        source=source.id,
        native_id=canonical_url(entry.url),
        url=entry.url,
        published=published,
        precision=precision,
        venue=news.publication or source.name,
        language=news.language or source.language,
        countries=source.countries,
        raw={"lastmod": str(entry.modified or "")},
    )


def _fetch(todo: list[Entry], source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the documents of the pages ``todo``, as many as one harvest may fetch.

    Raises:
        ComeBackLater: some are left.
    """
    _, date_in_link = _patterns(source)
    for start in range(0, min(len(todo), _MAX_PAGES), _BATCH):
        documents, skipped, patience = list[Document](), list[Skip](), None
        for entry in todo[start : start + _BATCH]:
            try:
                documents.append(_page_document(entry, source, http, date_in_link))
            except ComeBackLater as error:
                patience = error
                break
            except (SourceError, ValueError) as error:
                skipped.append(Skip("page not read", f"{error} [{entry.url}]"))
            mark = mark.at(entry.place)
        is_last = mark.cursor == todo[-1].place
        yield Page(
            documents=tuple(documents),
            skipped=tuple(skipped),
            mark=mark.done() if is_last else mark,
        )
        if patience:
            raise patience
    if left := todo[_MAX_PAGES:]:
        problem = f"{_MAX_PAGES} pages are read, {len(left)} left; the next run goes on"
        raise ComeBackLater(problem, url=source.url)


def _page_document(
    entry: Entry, source: Source, http: Access, date_in_link: re.Pattern[str] | None
) -> Document:
    """Return the document that the page of ``entry`` is. Raises SourceError, ValueError."""
    page = read_page(http.get(entry.url), source.language)
    about = page.about
    if len(about.title) > TITLE_LENGTH:
        raise ValueError("the title is too long to be one")
    dated = (about.published, about.precision) if about.published else None
    published, precision = dated or read_link_date(entry.url, date_in_link) or (None, "day")
    return Document(
        kind=source.yields or Kind.NEWS,
        title=about.title,
        source=source.id,
        native_id=canonical_url(entry.url),
        url=entry.url,
        abstract=about.abstract,
        published=published,
        precision=precision,
        venue=source.name,
        language=source.language or page.language,
        countries=source.countries,
        raw={"lastmod": str(entry.modified)},
    )
