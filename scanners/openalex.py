"""OpenAlex: works that match a filter and a search, by cursor, within a daily budget of credits.

https://developers.openalex.org/guides/page-through-results and …/api-reference/authentication

The library ``pyalex`` is not used: it opens a session of its own for each request, past our one
polite ``Http``, and hides the headers that tell what is left of the budget.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.countries import countries_of, country_name
from core.document import Document, Kind, normal_openalex_id
from core.sources import Source
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import ComeBackLater, SourceError
from scanners.http import Response
from scanners.parse import find_arxiv_id, json_object, parse_date, parse_language, readable

_PAGE_SIZE = "100"  # the most a page may hold; 200 until early 2026
_FIRST_CURSOR = "*"
_FIELDS = (
    "id,doi,title,display_name,publication_date,language,type,ids,"
    "primary_location,locations,authorships,abstract_inverted_index"
)
# https://developers.openalex.org/api-reference/work-types; what is not named is a publication.
# ``proceedings-article`` is the name of the same thing before 2026, taken over from Crossref.
_KINDS = {
    "preprint": Kind.PREPRINT,
    "report": Kind.REPORT,
    "standard": Kind.REPORT,
    "conference-paper": Kind.PROCEEDINGS,
    "conference-abstract": Kind.PROCEEDINGS,
    "proceedings-article": Kind.PROCEEDINGS,
}


class Answer(NamedTuple):
    """One page of works; ``next_cursor`` is '' on the last."""

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...]
    next_cursor: str


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the works published in ``mark.window``.

    ``source.params``: ``filter`` and ``search`` in OpenAlex's own language, ``per_page``, and
    ``api_key``. Errors name the bare address, because the one asked holds the key.

    Raises:
        SourceError: no answer, or one that is not a list of works.
        ComeBackLater: today's credits do not pay for the next page.
    """
    cursor = mark.cursor or _FIRST_CURSOR
    seen = {cursor}
    while True:
        response = _ask(source, http, mark, cursor)
        answer = parse(response.body, source, source.url)
        cursor = answer.next_cursor
        if cursor in seen:
            raise SourceError("OpenAlex gave the same cursor twice", url=source.url, status=200)
        seen.add(cursor)
        yield Page(
            documents=answer.documents,
            skipped=answer.skipped,
            mark=mark.at(cursor) if cursor else mark.done(),
        )
        if not cursor:
            return
        _check_budget(response.headers, source.url)


def _ask(source: Source, http: Access, mark: Watermark, cursor: str) -> Response:
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    first, last = mark.window
    window = f"from_publication_date:{first},to_publication_date:{last}"
    given = source.params
    params = {
        "filter": f"{given['filter']},{window}" if given.get("filter") else window,
        "select": _FIELDS,
        "sort": "publication_date",  # by relevance, the default of a search, pages would shift
        "per_page": given.get("per_page", _PAGE_SIZE),
        "cursor": cursor,
    }
    params |= {name: given[name] for name in ("search", "api_key") if given.get(name)}
    try:
        return http.get(
            source.url,
            params=params,
        )
    except SourceError as error:
        if error.status != 401:
            raise
        advice = "refused the API key" if given.get("api_key") else "asks for an API key"
        raise SourceError(
            f"OpenAlex {advice}: get one, free, at openalex.org/settings/api and set it as "
            "HORIZON_OPENALEX_API_KEY",
            url=source.url,
            status=401,
        ) from error


def _check_budget(headers: Mapping[str, str], url: str) -> None:
    """Raise ComeBackLater when the credits left today do not pay for one more such request."""
    left = _number(headers.get("X-RateLimit-Remaining"))
    price = _number(headers.get("X-RateLimit-Credits-Required"))
    if left is None or price is None or left >= price:
        return
    seconds = _number(headers.get("X-RateLimit-Reset"))
    when = f"in {seconds / 3600:.1f} h" if seconds is not None else "at midnight UTC"
    raise ComeBackLater(
        f"OpenAlex's budget of today is spent: {left:g} credits left, a page costs {price:g}; "
        f"it is filled again {when}, and the next run goes on from here",
        url=url,
        status=200,
        seconds=seconds,
    )


def _number(header: str | None) -> float | None:
    """Return the number that a header is, None if it is none."""
    match = re.fullmatch(r"\d{1,12}(?:\.\d+)?", (header or "").strip(), re.ASCII)
    return float(match[0]) if match else None


def parse(body: bytes, source: Source, url: str) -> Answer:
    """Read one page of works.

    Raises:
        SourceError: not JSON, or not a list of works.
    """
    data = json_object(body, url)
    works, meta = data.get("results"), data.get("meta")
    if not isinstance(works, list) or not isinstance(meta, dict):
        raise SourceError("the answer is not a list of works", url=url, status=200)
    cursor = meta.get("next_cursor")
    if not isinstance(cursor, str | None):
        raise SourceError("the answer's next_cursor is not a text", url=url, status=200)
    documents, skipped = [], []
    for work in works:
        try:
            documents.append(_document(work, source))
        except ValueError as error:
            skipped.append(Skip(str(error), _native_id(work)))
        except (AttributeError, TypeError) as error:  # a field of another shape than documented
            skipped.append(Skip(f"misshapen work: {error}", _native_id(work)))
    return Answer(tuple(documents), tuple(skipped), cursor or "")


def _native_id(work: Any) -> str:
    return str(work.get("id") or "") if isinstance(work, dict) else ""


def _document(work: Mapping[str, Any], source: Source) -> Document:
    """Return the document of one work.

    Raises:
        ValueError: no OpenAlex id or no title.
        AttributeError, TypeError: a field is not of the documented shape.
    """
    openalex_id = normal_openalex_id(work.get("id"))
    if not openalex_id:
        raise ValueError("no OpenAlex id")
    location = work.get("primary_location") or {}
    venue = location.get("source") or {}
    published, precision = parse_date(work.get("publication_date")) or (None, "day")
    affiliations, countries = _origins(work.get("authorships") or [])
    return Document(
        kind=_kind(work.get("type"), venue.get("type")),
        title=readable(work.get("title") or work.get("display_name") or ""),
        abstract=readable(abstract(work.get("abstract_inverted_index"))),
        source=source.id,
        native_id=openalex_id,
        openalex_id=openalex_id,
        doi=work.get("doi"),
        arxiv_id=_arxiv_id(work),
        url=location.get("landing_page_url") or work.get("doi") or work["id"],
        published=published,
        precision=precision,
        venue=venue.get("display_name") or "",
        language=parse_language(work.get("language") or ""),
        authors=tuple(
            (authorship.get("author") or {}).get("display_name") or ""
            for authorship in work.get("authorships") or []
        ),
        affiliations=affiliations,
        countries=countries,
        raw={
            "id": work["id"],
            "type": work.get("type"),
            "ids": work.get("ids") or {},
            "primary_location": location,
        },
    )


def _kind(work_type: str | None, venue_type: str | None) -> Kind:
    kind = _KINDS.get(work_type or "", Kind.PUBLICATION)
    return Kind.PROCEEDINGS if kind is Kind.PUBLICATION and venue_type == "conference" else kind


def _origins(authorships: list[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return affiliations and countries: of the institutions, else of what the paper prints."""
    affiliations: list[str] = []
    countries: set[str] = set()
    for authorship in authorships:
        institutions = authorship.get("institutions") or []
        printed = authorship.get("raw_affiliation_strings") or []
        affiliations += filter(None, map(_affiliation, institutions)) if institutions else printed
        codes = {institution.get("country_code") for institution in institutions}
        codes |= set(authorship.get("countries") or [])
        countries |= (codes - {None, ""}) or set(countries_of(printed))
    return tuple(affiliations), tuple(countries)


def _affiliation(institution: Mapping[str, Any]) -> str:
    name, code = institution.get("display_name"), institution.get("country_code")
    return f"{name}, {country_name(code)}" if name and code else name or ""


def _arxiv_id(work: Mapping[str, Any]) -> str | None:
    """Return the arXiv id among the work's identifiers and addresses."""
    places = [work.get("primary_location") or {}, *(work.get("locations") or [])]
    addresses = [work.get("doi"), *(work.get("ids") or {}).values()]
    addresses += [place.get("landing_page_url") for place in places]
    return next(filter(None, (find_arxiv_id(str(address)) for address in addresses)), None)


def abstract(index: Any) -> str:
    """Return the text of an ``abstract_inverted_index`` (word → positions), '' if it is broken."""
    try:
        placed = sorted((place, word) for word, places in index.items() for place in places)
    except (AttributeError, TypeError):
        return ""
    if not all(isinstance(place, int) for place, _ in placed):
        return ""
    return " ".join(word for _, word in placed)
