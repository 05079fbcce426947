"""The arXiv API: one query over a window of submission days, read page by page.

https://info.arxiv.org/help/api/user-manual.html

The library ``arxiv`` is not used: it brings a session, a delay and retries of its own past our one
polite ``Http``, and yields results without saying where a page ends, so that no watermark could be
kept with them. lxml reads the answers because feedparser drops the ``<arxiv:affiliation>`` inside
an ``<author>`` (feedparser's issues 24 and 145).
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from core.countries import countries_of
from core.document import Document, Kind, normal_arxiv_id
from core.sources import Source
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import ComeBackLater, SourceError
from scanners.mend import is_cut, xml_list
from scanners.parse import parse_date

_PAGE_SIZE = "200"  # the manual allows 2,000; a small page is little to ask again

_NS = {
    "atom": "http://www.w3.org/2005/Atom",
    "arxiv": "http://arxiv.org/schemas/atom",
    "opensearch": "http://a9.com/-/spec/opensearch/1.1/",
}


class Answer(NamedTuple):
    """One answer of the API: ``entries`` as received, ``total`` as the query matches in all."""

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...]
    entries: int
    total: int


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield what was submitted in ``mark.window``, oldest first.

    ``source.params``: ``search_query`` in the API's own language, ``max_results`` per page. The
    cursor is the number of entries read.

    Raises:
        SourceError: no answer, or one that is not the API's.
        ComeBackLater: the API says there is more and gives nothing, twice.
    """
    start = int(mark.cursor or 0)
    more = True
    while more:
        answer = _ask(source, http, mark, start)
        if _is_faulty(answer, start):
            answer = _ask(source, http, mark, start)
        if _is_faulty(answer, start):
            raise ComeBackLater(
                f"arXiv gave an empty page at {start} of {answer.total}; "
                "the next run goes on from there",
                url=source.url,
                status=200,
            )
        start += answer.entries
        more = start < answer.total
        yield Page(
            documents=answer.documents,
            skipped=answer.skipped,
            mark=mark.at(str(start)) if more else mark.done(),
        )


def _is_faulty(answer: Answer, start: int) -> bool:
    """Return whether the page is empty though entries are left: a known fault, not the end."""
    return not answer.entries and start < answer.total


def _ask(source: Source, http: Access, mark: Watermark, start: int) -> Answer:
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    first, last = mark.window
    response = http.get(
        source.url,
        params={
            "search_query": f"({source.params['search_query']}) AND "
            f"submittedDate:[{first:%Y%m%d}0000 TO {last:%Y%m%d}2359]",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
            "start": str(start),
            "max_results": source.params.get("max_results", _PAGE_SIZE),
        },
    )
    return parse(response.body, source, response.url, response.status)


def parse(body: bytes, source: Source, url: str, status: int = 200) -> Answer:
    """Read one answer of the API.

    Raises:
        SourceError: not an answer of the API, one cut short, or one that tells an error.
    """
    root, faults = xml_list(body, url)
    if faults and is_cut(body, root):
        raise SourceError("the answer is cut short", url=url, status=status)
    entries = root.findall("atom:entry", _NS)
    for entry in entries:
        if "/api/errors" in _text(entry, "atom:id"):
            raise SourceError(
                f"arXiv refused the query: {_text(entry, 'atom:summary')}", url=url, status=status
            )
    total = _text(root, "opensearch:totalResults")
    if not re.fullmatch(r"\d{1,9}", total, re.ASCII):
        raise SourceError(
            "not an answer of the arXiv API: totalResults is missing", url=url, status=status
        )
    documents, skipped = [], []
    for entry in entries:
        try:
            documents.append(_document(entry, source))
        except ValueError as error:
            skipped.append(Skip(str(error), _text(entry, "atom:id")))
    if faults:
        skipped.append(Skip("ill-formed XML, mended", f"{faults[0]} ({len(faults)} faults)"))
    return Answer(tuple(documents), tuple(skipped), len(entries), int(total))


def _document(entry: Any, source: Source) -> Document:
    """Return the document of one ``<entry>``. Raises ValueError: no arXiv id or no title."""
    arxiv_id = normal_arxiv_id(_text(entry, "atom:id"))
    if not arxiv_id:
        raise ValueError("no arXiv id")
    published, precision = parse_date(_text(entry, "atom:published")) or (None, "day")
    authors = entry.findall("atom:author", _NS)
    affiliations = tuple(a.text or "" for a in entry.findall("atom:author/arxiv:affiliation", _NS))
    journal_ref = _text(entry, "arxiv:journal_ref")
    return Document(
        kind=Kind.PREPRINT,
        title=_text(entry, "atom:title"),
        abstract=_text(entry, "atom:summary"),
        source=source.id,
        native_id=arxiv_id,
        arxiv_id=arxiv_id,
        doi=_text(entry, "arxiv:doi"),
        url=f"https://arxiv.org/abs/{arxiv_id}",
        published=published,
        precision=precision,
        venue=journal_ref or "arXiv",
        authors=tuple(_text(author, "atom:name") for author in authors),
        affiliations=affiliations,
        countries=countries_of(affiliations),
        raw={
            "id": _text(entry, "atom:id"),
            "updated": _text(entry, "atom:updated"),
            "comment": _text(entry, "arxiv:comment"),
            "journal_ref": journal_ref,
            "categories": _categories(entry),
        },
    )


def _categories(entry: Any) -> list[str]:
    """Return the subject classes of an entry, the primary one first."""
    found = entry.findall("arxiv:primary_category", _NS) + entry.findall("atom:category", _NS)
    return list(dict.fromkeys(term for category in found if (term := category.get("term"))))


def _text(element: Any, path: str) -> str:
    """Return the text of the first child at ``path``, '' if there is none."""
    return (element.findtext(path, "", _NS) or "").strip()
