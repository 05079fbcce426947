"""Crossref: works by the days on which their DOIs were first deposited, by cursor.

https://github.com/CrossRef/rest-api-doc and
https://www.crossref.org/documentation/retrieve-metadata/rest-api/

The library ``habanero`` is not used: it opens a session of its own, past our one polite ``Http``,
follows a cursor to its end before it gives the first work, so that no watermark could be kept on
the way, and leaves works as they come, abstracts in JATS included.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from core.countries import countries_of
from core.document import Document, Event, Kind, Precision
from core.sources import Source
from core.text import plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.jats import jats_to_text
from scanners.parse import as_list, find_arxiv_id, json_object, parse_date, parse_language

_PAGE_SIZE = "200"  # 1,000 are allowed, but a work brings all its references along
_FIRST_CURSOR = "*"
_DEAD_CURSOR = (400, 404)  # statuses; 404 "Resource not found." has been seen
# https://api.crossref.org/types; of what is not named the source knows more: chapters of books are
# conference papers at some publishers.
_KINDS = {
    "journal-article": Kind.PUBLICATION,
    "proceedings": Kind.PROCEEDINGS,
    "proceedings-article": Kind.PROCEEDINGS,
    "posted-content": Kind.PREPRINT,
    "report": Kind.REPORT,
    "report-component": Kind.REPORT,
    "report-series": Kind.REPORT,
    "standard": Kind.REPORT,
}
_NO_WORKS = {"component", "journal", "journal-issue", "journal-volume", "peer-review"}
# The day of ``created`` is that of the deposit and says nothing of the work.
_DATES = ("published", "published-online", "published-print", "posted", "issued")
# https://www.crossref.org/documentation/schema-library/markup-guide-metadata-segments/relationships/
_SAME_WORK = ("has-preprint", "is-preprint-of", "is-version-of", "has-version", "is-same-as")


class Answer(NamedTuple):
    """One page of works; ``keys`` tell whether the same page comes twice."""

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...]
    keys: tuple[str, ...]
    size: int  # of a full page
    next_cursor: str


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the works first deposited in ``mark.window``.

    ``source.params``: whatever ``/works`` takes (``filter``, ``query.*``, ``rows``, ``sort`` …),
    and ``match``, which is ours: phrases divided by ``|``, one of which must be in the container's
    title, the event's name or the title, because Crossref's own queries match any single word.

    A cursor lives for five minutes, so one kept from an earlier run is dead as a rule: then the
    window is begun again, once.

    Raises:
        SourceError: no answer, one that is not a list of works, or the same page twice.
    """
    kept, may_restart = mark.cursor, True
    cursor, previous = kept or _FIRST_CURSOR, None
    while True:
        answer = None
        try:
            answer = _ask(source, http, mark, cursor)
        except SourceError as error:
            if cursor == _FIRST_CURSOR or not may_restart or error.status not in _DEAD_CURSOR:
                raise
        if answer is None or (cursor == kept and not answer.keys):  # no sign of an end, either
            cursor, previous, kept, may_restart = _FIRST_CURSOR, None, "", False
            continue
        if answer.keys and answer.keys == previous:
            raise SourceError("Crossref gave the same page twice", url=source.url, status=200)
        is_last = len(answer.keys) < answer.size
        kept, cursor, previous = "", answer.next_cursor, answer.keys
        if is_last:
            mark = mark.done()
        elif cursor:
            mark = mark.at(cursor)
        yield Page(documents=answer.documents, skipped=answer.skipped, mark=mark)
        if is_last:
            return
        if not cursor:
            raise SourceError("a full page without a cursor", url=source.url, status=200)


def _ask(source: Source, http: Access, mark: Watermark, cursor: str) -> Answer:
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    first, last = mark.window
    window = f"from-created-date:{first},until-created-date:{last}"
    # No ``select``: it refuses fields, such as language, that are there without it.
    params = {"rows": _PAGE_SIZE} | dict(source.params)
    params.pop("match", None)
    params["filter"] = f"{params['filter']},{window}" if params.get("filter") else window
    params["cursor"] = cursor
    response = http.get(source.url, params=params)
    return parse(response.body, source, response.url, int(params["rows"]))


def parse(body: bytes, source: Source, url: str, rows: int = int(_PAGE_SIZE)) -> Answer:
    """Read one answer, a list of works or one work alone; ``rows`` is how many were asked for.

    Raises:
        SourceError: not JSON, an error told with status 200, or something else than works.
    """
    data = json_object(body, url)
    answer_type, message = data.get("message-type"), data.get("message")
    if data.get("status") != "ok":
        told = plain(f"{answer_type}: {message}")[:500]
        raise SourceError(f"Crossref refused the query: {told}", url=url, status=200)
    if answer_type == "work":
        message = {"items": [message]}
    if answer_type not in ("work", "work-list") or not isinstance(message, dict):
        raise SourceError("the answer is not about works", url=url, status=200)
    works = message.get("items")
    if not isinstance(works, list):
        raise SourceError("the answer is not a list of works", url=url, status=200)
    documents, skipped = [], []
    for work in works:
        try:
            documents.append(_document(work, source))
        except ValueError as error:
            skipped.append(Skip(str(error), _doi(work)))
        except (AttributeError, TypeError, RecursionError) as error:
            skipped.append(Skip(f"misshapen work: {error}", _doi(work)))
    size, cursor = message.get("items-per-page"), message.get("next-cursor")
    return Answer(
        tuple(documents),
        tuple(skipped),
        keys=tuple(map(_doi, works)),
        size=size if isinstance(size, int) and 0 < size < rows else rows,
        next_cursor=cursor if isinstance(cursor, str) else "",
    )


def _doi(work: Any) -> str:
    return str(work.get("DOI") or "") if isinstance(work, dict) else ""


def _document(work: Mapping[str, Any], source: Source) -> Document:
    """Return the document of one work.

    Raises:
        ValueError: no work of the source's, no title, or nothing that identifies it.
        AttributeError, TypeError: a field is not of the documented shape.
    """
    work_type, event = work.get("type"), work.get("event") or {}
    if work_type in _NO_WORKS:
        raise ValueError(f"not a work: {work_type}")
    titles, containers = _texts(work, "title"), _texts(work, "container-title")
    title = ": ".join(titles[:1] + [t for t in _texts(work, "subtitle")[:1] if titles])
    name = jats_to_text(event.get("name"))
    if not _matches(source.params.get("match", ""), [*containers, name, *titles]):
        raise ValueError("not of this source")
    kind = _KINDS.get(work_type or "") or source.yields or Kind.PUBLICATION
    published, precision = _published(work)
    affiliations = tuple(_affiliations(work))
    doi = _doi(work)
    return Document(
        kind=kind,
        title=title,
        source=source.id,
        native_id=doi,
        doi=doi,
        arxiv_id=_arxiv_id(work),
        url=work.get("URL") or (f"https://doi.org/{doi}" if doi else ""),
        abstract=jats_to_text(work.get("abstract")),
        published=published,
        precision=precision,
        # The last container is the volume, those before it the series.
        venue=containers[-1] if containers else name or _publisher(work),
        language=parse_language(work.get("language") or "") or source.language,
        authors=tuple(map(_author, work.get("author") or [])),
        affiliations=affiliations,
        countries=countries_of(affiliations) or source.countries,
        event=_event(event) if kind is Kind.PROCEEDINGS else None,
        raw={
            "type": work_type,
            "subtype": work.get("subtype"),
            "containers": containers,
            "event": name,
            "publisher": work.get("publisher"),
            "relation": work.get("relation") or {},
        },
    )


def _matches(phrases: str, texts: list[str]) -> bool:
    wanted = [phrase.strip().casefold() for phrase in phrases.split("|") if phrase.strip()]
    return not wanted or any(phrase in text.casefold() for phrase in wanted for text in texts)


def _texts(work: Mapping[str, Any], name: str) -> list[str]:
    return [text for found in as_list(work.get(name)) if (text := jats_to_text(found))]


def _publisher(work: Mapping[str, Any]) -> str:
    """Return the institution that issues a report or keeps a preprint, else the publisher."""
    institutions = [one.get("name") for one in as_list(work.get("institution"))]
    return next(filter(None, institutions), work.get("publisher")) or ""


def _author(author: Mapping[str, Any]) -> str:
    """Return the name of a person, or of an organisation."""
    parts = (author.get(part) for part in ("given", "family", "suffix"))
    return " ".join(filter(None, parts)) or author.get("name") or ""


def _affiliations(work: Mapping[str, Any]) -> Iterator[str]:
    """Yield the affiliations of the authors, each with the place that may stand beside it."""
    for author in work.get("author") or []:
        for affiliation in as_list(author.get("affiliation")):
            yield ", ".join(filter(None, [affiliation.get("name"), *_places(affiliation)]))


def _places(affiliation: Mapping[str, Any]) -> list[str]:
    return [place for place in as_list(affiliation.get("place")) if isinstance(place, str)]


def _arxiv_id(work: Mapping[str, Any]) -> str | None:
    """Return the arXiv id among the relations to what is the same work."""
    relations = work.get("relation") or {}
    related = [one for name in _SAME_WORK for one in as_list(relations.get(name))]
    names = (f"{one.get('id-type')}:{one.get('id')}" for one in related)
    return next(filter(None, map(find_arxiv_id, names)), None)


def _published(work: Mapping[str, Any]) -> tuple[date | None, Precision]:
    return next(filter(None, (_date(work.get(name)) for name in _DATES)), (None, "day"))


def _date(written: Any) -> tuple[date, Precision] | None:
    """Return a date of one to three ``date-parts``, as precise as they can be believed."""
    parts = (written.get("date-parts") or [[]])[0] if isinstance(written, dict) else []
    numbers = [int(part) for part in as_list(parts)[:3] if str(part).isdecimal()]
    for count in range(len(numbers), 0, -1):
        year, *rest = numbers[:count]
        if found := parse_date("-".join([f"{year:04}", *(f"{part:02}" for part in rest)])):
            return found
    return None


def _event(event: Mapping[str, Any]) -> Event | None:
    """Return when and where; a date without a day is none."""
    starts, ends = (
        found[0] if (found := _date(event.get(name))) and found[1] == "day" else None
        for name in ("start", "end")
    )
    place = plain(event.get("location"))
    if not (starts or ends or place):
        return None
    country = next(iter(countries_of([place])), None)
    return Event(starts=starts, ends=ends, place=place or None, country=country)
