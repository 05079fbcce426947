"""dblp: which papers and proceedings of computer science appeared, by its search for publications.

https://dblp.org/faq/13501473.html

dblp gives titles, authors and venues, no abstracts, and of a date only the year. It cannot be asked
what is new, so each harvest reads the years of its window whole; a source that should see the
proceedings of December in January says ``overlap_days``. Since September 2026 a bot wall
(Anubis) stands before it, which answers with a web page and status 500 or 200.

No library is used: those on PyPI (``dblp``, ``dblp-api``) are wrappers of one GET, past our one
polite ``Http``, and stop at the first page.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.document import Document, Kind, web_url
from core.sources import Source
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import Blocked, SourceError
from scanners.parse import as_list, find_arxiv_id, find_doi, json_object, parse_date, readable

_PAGE_SIZE = "100"  # 1,000 are allowed; more than 100 were not given in 2026
_MOST_HITS = 10_000  # that dblp gives of one query
_WALL = "a bot wall stands before dblp, which lets no program in"
_KINDS = (
    ("Conference", Kind.PROCEEDINGS),
    ("Editorship", Kind.PROCEEDINGS),  # the volume itself
    ("Informal", Kind.PREPRINT),
    ("Journal", Kind.PUBLICATION),
)


class Answer(NamedTuple):
    """One answer: ``hits`` as received, ``total`` as the query matches in all."""

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...]
    hits: int
    total: int


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield what dblp lists for the years of ``mark.window``, the last year first.

    ``source.params``: ``q`` in dblp's own language, without a year, and ``h`` hits per page. The
    cursor is the year and the number of its hits read.

    Raises:
        Blocked: the bot wall.
        SourceError: no answer, one that is not dblp's, or an empty page before the end.
    """
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    oldest, newest = (day.year for day in mark.window)
    year, read = map(int, mark.cursor.split()) if mark.cursor else (newest, 0)
    while year >= oldest:
        answer = _ask(source, http, year, read)
        if not answer.hits and read < answer.total:
            raise SourceError(
                f"dblp gave an empty page at {read} of {answer.total}", url=source.url, status=200
            )
        read += answer.hits
        skipped = answer.skipped
        if read >= answer.total or read >= _MOST_HITS:
            if read < answer.total:
                skipped += (Skip(f"the rest, beyond the {_MOST_HITS} hits that dblp gives"),)
            year, read = year - 1, 0
        yield Page(
            documents=answer.documents,
            skipped=skipped,
            mark=mark.at(f"{year} {read}") if year >= oldest else mark.done(),
        )


def _ask(source: Source, http: Access, year: int, first: int) -> Answer:
    params = {
        "h": _PAGE_SIZE,
        **source.params,
        "q": f"{source.params['q']} year:{year}:",
        "f": str(first),
        "c": "0",  # no completions of the last word
        "format": "json",
    }
    try:
        response = http.get(source.url, params=params)
    except SourceError as error:
        if error.status != 500:
            raise
        raise Blocked(f"{_WALL}, or it failed", url=error.url, status=500) from error
    return parse(response.body, source, response.url, year)


def parse(body: bytes, source: Source, url: str, oldest: int) -> Answer:
    """Read one answer; a hit of a year before ``oldest`` is skipped.

    Raises:
        Blocked: the answer is a web page.
        SourceError: not JSON, an error told with status 200, or no answer of the search.
    """
    if body.lstrip()[:1] == b"<":
        raise Blocked(_WALL, url=url, status=200)
    result = json_object(body, url).get("result")
    status = result.get("status") if isinstance(result, dict) else None
    if isinstance(status, dict) and status.get("@code") not in ("200", None):
        raise SourceError(f"dblp refused the query: {status.get('text')}", url=url, status=200)
    hits = result.get("hits") if isinstance(result, dict) else None
    total = str(hits.get("@total")) if isinstance(hits, dict) else ""
    if not isinstance(hits, dict) or not re.fullmatch(r"\d{1,9}", total, re.ASCII):
        raise SourceError("not an answer of dblp's search", url=url, status=200)
    found = as_list(hits.get("hit"))
    documents, skipped = [], []
    for hit in found:
        try:
            documents.append(_document(hit["info"], source, oldest))
        except ValueError as error:
            skipped.append(Skip(str(error), _key(hit)))
        except (AttributeError, KeyError, TypeError) as error:  # not of the documented shape
            skipped.append(Skip(f"misshapen hit: {error}", _key(hit)))
    return Answer(tuple(documents), tuple(skipped), len(found), int(total))


def _key(hit: Any) -> str:
    """Return dblp's key of a hit, else the number it has in this answer."""
    info = hit.get("info") if isinstance(hit, dict) else None
    key = info.get("key") if isinstance(info, dict) else None
    return str(key or (hit.get("@id") if isinstance(hit, dict) else None) or "")


def _document(info: Mapping[str, Any], source: Source, oldest: int) -> Document:
    """Return the document that ``info`` tells.

    Raises:
        ValueError: before ``oldest``, or no title.
        AttributeError, TypeError: a field is not of the documented shape.
    """
    published, precision = parse_date(info.get("year")) or (None, "year")
    if published and published.year < oldest:
        raise ValueError("of a year before the window")
    links = list(filter(None, map(web_url, map(_text, as_list(info.get("ee"))))))
    names = [_text(info.get("doi")), *links]
    return Document(
        kind=_kind(_text(info.get("type"))) or source.yields or Kind.PUBLICATION,
        title=re.sub(r"(?<!\.)\.$", "", _text(info.get("title"))),  # dblp ends all titles with one
        source=source.id,
        native_id=info.get("key") or "",
        doi=next(filter(None, map(find_doi, names)), None),
        arxiv_id=next(filter(None, map(find_arxiv_id, names)), None),
        url=links[0] if links else _text(info.get("url")),
        published=published,
        precision=precision,
        venue=", ".join(map(_text, as_list(info.get("venue")))),
        language=source.language,
        authors=tuple(map(_author, as_list((info.get("authors") or {}).get("author")))),
        countries=source.countries,
        raw={name: info.get(name) for name in ("key", "type", "url", "pages", "volume", "number")},
    )


def _text(value: Any) -> str:
    """Return the text that ``value`` is or, as authors have it, holds beside its attributes."""
    return readable((value.get("text") if isinstance(value, dict) else value) or "")


def _author(author: Any) -> str:
    """Return the name without the number that tells namesakes apart."""
    return re.sub(r"\s\d{4}$", "", _text(author))


def _kind(written: str) -> Kind | None:
    return next((kind for word, kind in _KINDS if written.startswith(word)), None)
