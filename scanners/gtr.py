"""Gateway to Research: what UK Research and Innovation funds, years before the papers.

https://gtr.ukri.org/resources/gtrapi2.html (version 2; the portal's ``/api/projects`` is another)

The interface has no filter by date, so projects are read newest start first, up to a page on which
all are older than the window. The names of most organisations stand behind a request each and are
left there. No library is used: there is none on PyPI that is kept.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from core.countries import countries_of
from core.document import Document, Kind
from core.sources import Source
from core.text import plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.parse import as_list, json_object, plausible, readable

_PAGE_SIZE = "100"  # the most a page may hold
_JSON = {"Accept": "application/vnd.rcuk.gtr.json-v7"}  # application/json means the oldest version
_NEWEST_FIRST = {"sf": "pro.sd", "so": "D"}
_NO_ABSTRACT = "Abstracts are not currently available in GtR"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Answer(NamedTuple):
    """One page of projects, ``projects`` as received; ``newest`` of their days, if they have one.

    ``total_pages`` may be 0 or 1 when there is nothing.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...]
    projects: int
    total_pages: int
    newest: date | None


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield projects, whole pages, from the newest start to the first day of ``mark.window``.

    ``source.params``: ``q``, ``f`` and ``s`` (projects per page) in the interface's own language.
    The cursor is the number of the next page.

    Raises:
        SourceError: no answer, one that is not a list of projects, or an empty page too early.
    """
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    number = int(mark.cursor or 1)
    more = True
    while more:
        answer = _ask(source, http, number)
        if not answer.projects and number < answer.total_pages:
            raise SourceError(
                f"GtR gave an empty page {number} of {answer.total_pages}",
                url=source.url,
                status=200,
            )
        number += 1
        is_old = answer.newest is not None and answer.newest < mark.window[0]
        more = number <= answer.total_pages and not is_old
        yield Page(
            documents=answer.documents,
            skipped=answer.skipped,
            mark=mark.at(str(number)) if more else mark.done(),
        )


def _ask(source: Source, http: Access, number: int) -> Answer:
    params = {"s": _PAGE_SIZE, **source.params, **_NEWEST_FIRST, "p": str(number)}
    try:
        response = http.get(source.url, params=params, headers=_JSON)
    except SourceError as error:
        if error.status != 404:
            raise
        # "Page requested exceeds maximum available": a search that matches nothing is told so too.
        return Answer((), (), 0, 0, None)
    return parse(response.body, source, response.url)


def parse(body: bytes, source: Source, url: str) -> Answer:
    """Read one page of projects. Raises SourceError: not JSON, or not a page of projects."""
    data = json_object(body, url)
    total_pages = data.get("totalPages")
    if not isinstance(total_pages, int):
        raise SourceError("the answer is not a page of GtR's projects", url=url, status=200)
    projects = as_list(data.get("project"))
    documents, skipped = [], []
    for project in projects:
        try:
            documents.append(_document(project, source))
        except ValueError as error:
            skipped.append(Skip(str(error), _id(project)))
        except (AttributeError, TypeError) as error:  # a field of another shape than documented
            skipped.append(Skip(f"misshapen project: {error}", _id(project)))
    days = [day for document in documents for day in _days(document)]
    return Answer(
        tuple(documents),
        tuple(skipped),
        projects=len(projects),
        total_pages=total_pages,
        newest=max(days, default=None),
    )


def _id(project: Any) -> str:
    return str(project.get("id") or "") if isinstance(project, dict) else ""


def _days(document: Document) -> Iterator[date]:
    """Yield the days on which the project starts and was entered, as far as they are known."""
    days = (document.raw["start"], document.raw["created"])
    yield from (date.fromisoformat(day) for day in days if day)


def _document(project: Mapping[str, Any], source: Source) -> Document:
    """Return the document of one project.

    Raises:
        ValueError: no title, or nothing that identifies it.
        AttributeError, TypeError: a field is not of the documented shape.
    """
    reference = _reference(project)
    start, end = _period(project)
    created = _day(project.get("created"))
    organisations = tuple(_organisations(project))
    return Document(
        kind=Kind.PROJECT,
        title=readable(project.get("title") or ""),
        source=source.id,
        native_id=reference or _id(project),
        url=f"https://gtr.ukri.org/projects?ref={quote(reference, safe='')}" if reference else "",
        abstract=_abstract(project),
        published=start or created,
        venue=plain(project.get("leadFunder")),
        language=source.language,
        affiliations=organisations,
        countries=("GB", *countries_of(organisations)),
        raw={
            "id": _id(project),
            "reference": reference,
            "start": start and start.isoformat(),
            "end": end and end.isoformat(),
            "created": created and created.isoformat(),
            "status": project.get("status"),
            "category": project.get("grantCategory"),
            "funder": project.get("leadFunder"),
            "department": project.get("leadOrganisationDepartment"),
            "subjects": _words(project, "researchSubjects", "researchSubject"),
            "topics": _words(project, "researchTopics", "researchTopic"),
        },
    )


def _inner(project: Mapping[str, Any], outer: str, inner: str) -> list[Any]:
    """Return the list ``inner``, which the interface wraps in an object ``outer``."""
    return as_list((project.get(outer) or {}).get(inner))


def _words(project: Mapping[str, Any], outer: str, inner: str) -> list[str]:
    return [word for one in _inner(project, outer, inner) if (word := plain(one.get("text")))]


def _reference(project: Mapping[str, Any]) -> str:
    """Return the reference of the grant, '' if it has none."""
    identifiers = _inner(project, "identifiers", "identifier")
    return next(filter(None, (plain(one.get("value")) for one in identifiers)), "")


def _abstract(project: Mapping[str, Any]) -> str:
    """Return the abstract and, if it is another text, the technical one."""
    texts = [readable(project.get(name) or "") for name in ("abstractText", "techAbstractText")]
    return " ".join(dict.fromkeys(t for t in texts if t and not t.startswith(_NO_ABSTRACT)))


def _organisations(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the participants, which projects of Innovate UK bring along."""
    for participant in _inner(project, "participantValues", "participant"):
        yield participant.get("organisationName") or ""


def _period(project: Mapping[str, Any]) -> tuple[date | None, date | None]:
    """Return the first and last day: of the project, else of its fund, which mostly has them."""
    spans = [project] + [x for x in _inner(project, "links", "link") if x.get("rel") == "FUND"]
    starts = [day for span in spans if (day := _day(span.get("start")))]
    ends = [day for span in spans if (day := _day(span.get("end")))]
    return min(starts, default=None), max(ends, default=None)


def _day(milliseconds: Any) -> date | None:
    """Return the day that begins at ``milliseconds``: midnight in Britain, 23:00 UTC in summer."""
    if not isinstance(milliseconds, int):
        return None
    try:
        day = (_EPOCH + timedelta(milliseconds=milliseconds, hours=12)).date()
    except OverflowError:
        return None
    return day if plausible(day.year) else None
