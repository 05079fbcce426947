"""Listing pages of bodies that have no feed, described in the catalogue by CSS selectors.

``source.params`` (``item`` is needed, selectors are CSS as soupsieve reads it):

- ``item``: selector of one entry; the others are looked up inside it.
- ``title``: selector; without it the whole item.
- ``link``: selector of the link; without it the item itself, or the first link in it.
- ``date``: selector. Its ``datetime`` attribute or its text counts; ``date_attribute`` names
  another attribute. ``date_format`` as for ``strptime``, months in the source's language; without
  it as ``scanners.dates`` reads. ``date_in_link``: pattern, the groups year, month, day.
- ``summary``: selector.
- ``include``: pattern that a link's whole address must match somewhere.
- ``next``: selector of the link to the next page, followed while items are new, 10 pages at most.
- ``detail_title``, ``detail_abstract``, ``detail_date``: selectors on an item's own page, which is
  fetched where the item is new or without date.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

import soupsieve
from bs4 import Tag

from core.document import Document, Kind, Precision, canonical_url
from core.sources import Source
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.dates import read_date, read_link_date
from scanners.errors import Changed, ComeBackLater, SourceError
from scanners.http import Response
from scanners.webpage import TITLE_LENGTH, WebPage, attribute, read_page, text

_MAX_PAGES = 10
_DETAILS = ("detail_title", "detail_abstract", "detail_date")
_SELECTORS = ("item", "title", "link", "date", "summary", "next", *_DETAILS)
_PATTERNS = ("date_in_link", "include")
_DAYS: Mapping[Precision, int] = {"day": 0, "month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Listing:
    """How to read the pages of one source: its params, compiled."""

    source: Source
    selectors: Mapping[str, soupsieve.SoupSieve]
    patterns: Mapping[str, re.Pattern[str]]

    @classmethod
    def of(cls, source: Source) -> "Listing":
        """Compile the params of ``source``. Raises SourceError."""
        params = source.params
        try:
            if unknown := params.keys() - {
                *_SELECTORS,
                *_PATTERNS,
                "date_attribute",
                "date_format",
            }:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
            form = params.get("date_format")
            if form and not re.search(r"%[Yy]", form):
                raise ValueError(f"date_format {form!r} has no year")
            return cls(
                source,
                {name: soupsieve.compile(params[name]) for name in _SELECTORS if name in params},
                {name: re.compile(params[name]) for name in _PATTERNS if name in params},
            )
        except (ValueError, re.error, soupsieve.SelectorSyntaxError) as error:
            problem = f"params of source {source.id}: {error}"
            raise SourceError(problem, url=source.url) from error

    def first(self, name: str, within: Tag) -> Tag | None:
        """Return the first match of the selector ``name``, None if there is none or no selector."""
        return self.selectors[name].select_one(within) if name in self.selectors else None

    def date(self, tag: Tag | None, link: str) -> tuple[date, Precision] | None:
        """Return the date that ``tag`` holds, or else ``link``."""
        params, language = self.source.params, self.source.language
        country = next(iter(self.source.countries), None)
        if tag:
            stamp = attribute(tag, params.get("date_attribute", "datetime"))
            form = params.get("date_format", "")
            for words, like in ((stamp, ""), (text(tag), form)):
                if found := read_date(words, language=language, country=country, form=like):
                    return found
        return read_link_date(link, self.patterns.get("date_in_link"))


class Answer(NamedTuple):
    """What one page lists, once each; ``next`` is the address of the page after it, or ''."""

    documents: list[Document]
    skipped: list[Skip]
    next: str


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the listing page by page, all that it lists, empty if nothing changed since ``mark``.

    A page's address kept from an earlier run may be gone: then the listing is begun again, once.

    Raises:
        Changed: the page is there, but nothing on it is as ``source.params`` say.
        SourceError: the first page, or one after it, could not be read.
    """
    listing, resumed, visited = Listing.of(source), bool(mark.cursor), set[str]()
    while True:
        address = mark.cursor or source.url
        try:
            response = _ask(source, http, mark)
            if response.status == 304:
                yield Page(documents=(), mark=mark.done())
                return
            answer = parse(read_page(response, source.language), listing)
        except ComeBackLater:
            raise
        except SourceError as error:
            if isinstance(error, Changed) and visited:  # the page after the last is empty
                yield Page(documents=(), mark=mark.done())
                return
            if not resumed:
                raise
            resumed, mark = False, mark.at("").validated({})
            continue
        resumed = False
        visited.add(address)
        documents, faults = _with_details(answer.documents, listing, http, mark)
        skipped = [*answer.skipped, *faults]
        if not mark.cursor:
            # Faulty, it must be read again, changed or not.
            mark = mark.validated({} if faults else response.headers)
        goes_on = answer.next and answer.next not in visited and _all_new(documents, mark)
        if goes_on and len(visited) == _MAX_PAGES:
            skipped.append(Skip(f"the rest, beyond {_MAX_PAGES} pages", answer.next))
            goes_on = False
        mark = mark.at(answer.next) if goes_on else mark.done()
        yield Page(documents=tuple(documents), skipped=tuple(skipped), mark=mark)
        if not goes_on:
            return


def _ask(source: Source, http: Access, mark: Watermark) -> Response:
    if mark.cursor:
        return http.get(mark.cursor)
    return http.get(source.url, etag=mark.etag, last_modified=mark.last_modified)


def _all_new(documents: Sequence[Document], mark: Watermark) -> bool:
    """Whether the last item with a date, the oldest but for what is pinned on top, is new."""
    dated = [document for document in documents if document.published]
    return bool(dated) and _is_new(dated[-1], mark)


def _is_new(document: Document, mark: Watermark) -> bool:
    """Whether ``document`` is not surely older than the window."""
    if document.published is None or mark.window is None:
        return True
    return document.published + timedelta(days=_DAYS[document.precision]) >= mark.window[0]


def parse(page: WebPage, listing: Listing) -> Answer:
    """Return what ``page`` lists and what of it could not become a document.

    Raises:
        Changed: no item, or none with title and link.
    """
    found: dict[str, Document] = {}
    skipped: list[Skip] = []
    untitled: dict[str, Skip] = {}  # often a picture that links to where the words link
    items = listing.selectors["item"].select(page.soup)
    for item in items:
        link, title = _link(item, page, listing), _title(item, listing)
        if not link:
            skipped.append(Skip("no link", title[:TITLE_LENGTH]))
        elif "include" in listing.patterns and not listing.patterns["include"].search(link):
            continue
        elif len(title) > TITLE_LENGTH:
            skipped.append(Skip("the title is too long to be one", link))
        elif not title:
            untitled[canonical_url(link)] = Skip("no title", link)
        elif (key := canonical_url(link)) not in found:
            document, written = _document(item, title, link, listing)
            found[key] = document
            if written and not document.published:
                skipped.append(Skip("no date in what should be one", f"{written[:100]} ({link})"))
    skipped.extend(skip for key, skip in untitled.items() if key not in found)
    if not found:
        raise Changed(_what_changed(len(items), skipped, listing.source), url=page.url)
    return Answer(list(found.values()), skipped, _next(page, listing))


def _what_changed(items: int, skipped: list[Skip], source: Source) -> str:
    if not items:
        return f"the page has changed: no item matches {source.params['item']!r}"
    if not skipped:
        return f"the page has changed: no item's link matches {source.params['include']!r}"
    return f"the page has changed: none of {items} items has a title and a link"


def _link(item: Tag, page: WebPage, listing: Listing) -> str:
    tag = listing.first("link", item) if "link" in listing.selectors else item
    if tag and not tag.get("href"):
        tag = tag.select_one("a[href]")
    return page.link(tag) if tag else ""


def _title(item: Tag, listing: Listing) -> str:
    return text(listing.first("title", item) if "title" in listing.selectors else item)


def _next(page: WebPage, listing: Listing) -> str:
    tag = listing.first("next", page.soup)
    return page.link(tag) if tag else ""


def _document(item: Tag, title: str, link: str, listing: Listing) -> tuple[Document, str]:
    """Return the document of ``item`` and the date as it is written there."""
    source, tag = listing.source, listing.first("date", item)
    published, precision = listing.date(tag, link) or (None, "day")
    document = Document(
        kind=source.yields or Kind.NEWS,
        title=title,
        source=source.id,
        native_id=canonical_url(link),
        url=link,
        abstract=text(listing.first("summary", item)),
        published=published,
        precision=precision,
        venue=source.name,
        language=source.language,
        countries=source.countries,
        raw={"date": text(tag)},
    )
    return document, text(tag)


def _with_details(
    documents: Sequence[Document], listing: Listing, http: Access, mark: Watermark
) -> tuple[list[Document], list[Skip]]:
    """Return ``documents`` with what their own pages add, and what could not be had."""
    complete, skipped = [], []
    wanted = any(name in listing.selectors for name in _DETAILS)
    for document in documents:
        if wanted and _is_new(document, mark):
            try:
                document, missing = _with_detail(document, listing, http)
                if missing:
                    skipped.append(Skip(f"not on the detail page: {missing}", document.url))
            except ComeBackLater as error:
                wanted = False
                skipped.append(Skip("detail pages left from here on", str(error)))
            except SourceError as error:
                skipped.append(Skip("detail page not read", str(error)))
        complete.append(document)
    return complete, skipped


def _with_detail(document: Document, listing: Listing, http: Access) -> tuple[Document, str]:
    """Return ``document`` with what its own page adds, and the selectors that found nothing."""
    page = read_page(http.get(document.url), listing.source.language)
    tags = {name: listing.first(name, page.soup) for name in _DETAILS if name in listing.selectors}
    dated = listing.date(tags.get("detail_date"), document.url)
    published, precision = dated or (document.published, document.precision)
    title = text(tags.get("detail_title"))
    document = replace(
        document,
        title=title if 0 < len(title) <= TITLE_LENGTH else document.title,
        abstract=text(tags.get("detail_abstract")) or document.abstract,
        published=published,
        precision=precision,
    )
    return document, ", ".join(name for name, tag in tags.items() if not tag or not text(tag))
