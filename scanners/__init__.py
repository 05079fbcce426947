"""Scanners: one module per kind of source, each a generator of documents.

>>> from scanners import scan
>>> for document in scan(source, http, since=date(2026, 11, 9), until=date(2026, 11, 15)):
...     print(document.title)
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from core.document import Document
from core.sources import Source
from scanners import (
    arxiv,
    cordis,
    crossref,
    dblp,
    gtr,
    html_listing,
    ics,
    oai_pmh,
    openalex,
    rss,
    sitemap,
    wikicfp,
)
from scanners.access import Access
from scanners.base import Page, Scanner, Skip, Watermark
from scanners.errors import Blocked, Changed, ComeBackLater, SourceError
from scanners.http import Http

__all__ = [
    "Access",
    "Blocked",
    "Changed",
    "ComeBackLater",
    "Http",
    "Page",
    "Skip",
    "SourceError",
    "Watermark",
    "pages",
    "scan",
]

_SCANNERS: dict[str, Scanner] = {
    "arxiv": arxiv.pages,
    "cordis": cordis.pages,
    "crossref": crossref.pages,
    "dblp": dblp.pages,
    "gtr": gtr.pages,
    "html_listing": html_listing.pages,
    "ics": ics.pages,
    "oai_pmh": oai_pmh.pages,
    "openalex": openalex.pages,
    "rss": rss.pages,
    "sitemap": sitemap.pages,
    "wikicfp": wikicfp.pages,
}


def pages(source: Source, http: Http, mark: Watermark) -> Iterator[Page]:
    """Yield the pages of ``source`` from ``mark`` on, up to its ``max_items``.

    Raises:
        SourceError: whatever went wrong, a fault of the scanner included: one source's surprise
            must not cost the others their week.
    """
    room = source.max_items
    try:
        for page in _SCANNERS[source.kind](source, Access(http, source), mark):
            if room is None:
                yield page
                continue
            if len(page.documents) >= room:
                yield _last_page(page, room)
                return
            # What was skipped was asked for too: a search that matches little must end as well.
            room -= len(page.documents) + len(page.skipped)
            if room <= 0:
                yield _last_page(page, len(page.documents))
                return
            yield page
    except SourceError:
        raise
    except Exception as error:
        problem = f"the answer could not be read: {type(error).__name__}: {error}"
        raise SourceError(problem, url=source.url) from error


def _last_page(page: Page, room: int) -> Page:
    """Return ``page`` with its first ``room`` documents, as the last; what is left is counted."""
    left = [Skip("beyond max_items", document.title) for document in page.documents[room:]]
    if page.mark.window:
        left.append(Skip("beyond max_items: further pages"))
    return replace(
        page,
        documents=page.documents[:room],
        skipped=(*page.skipped, *left),
        mark=page.mark.done(),
    )


def scan(source: Source, http: Http, *, since: date, until: date) -> Iterator[Document]:
    """Yield the documents that ``source`` lists from ``since`` to ``until``. Raises SourceError."""
    for page in pages(source, http, Watermark().aim(since, until)):
        yield from page.documents
