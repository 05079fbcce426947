"""The answers of the services that Horizon queries, written from records.

Pure functions: records in, the bytes of one answer out. The shapes follow the services' manuals:
the arXiv API (https://info.arxiv.org/help/api/user-manual.html), OpenAlex works
(https://developers.openalex.org) and OAI-PMH 2.0
(https://www.openarchives.org/OAI/openarchivesprotocol.html) with the formats oai_dc and arXiv.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from lxml.builder import ElementMaker

from core.countries import countries_of, country_name
from horizon.demo.records import Author, Record, each, filled, instant, to_json, to_xml

_ARXIV = "http://arxiv.org/schemas/atom"
_ATOM = "http://www.w3.org/2005/Atom"
_DC = "http://purl.org/dc/elements/1.1/"
_OAI = "http://www.openarchives.org/OAI/2.0/"
_OAI_ARXIV = "http://arxiv.org/OAI/arXiv/"
_OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"

_arxiv = ElementMaker(namespace=_ARXIV, nsmap={"arxiv": _ARXIV})
_atom = ElementMaker(namespace=_ATOM, nsmap={None: _ATOM})
_atom_root = ElementMaker(
    namespace=_ATOM, nsmap={None: _ATOM, "arxiv": _ARXIV, "opensearch": _OPENSEARCH}
)
_dc = ElementMaker(namespace=_DC, nsmap={"dc": _DC})
_oai = ElementMaker(namespace=_OAI, nsmap={None: _OAI})
_oai_arxiv = ElementMaker(namespace=_OAI_ARXIV, nsmap={None: _OAI_ARXIV})
_oai_dc = ElementMaker(namespace=_OAI_DC, nsmap={"oai_dc": _OAI_DC, "dc": _DC})
_opensearch = ElementMaker(namespace=_OPENSEARCH, nsmap={"opensearch": _OPENSEARCH})


def arxiv_atom(
    records: Sequence[Record], *, query: str, start: int, size: int, total: int, now: datetime
) -> bytes:
    """Return a page of the arXiv API: ``records`` of the ``total`` found, from ``start`` on."""
    return _arxiv_feed(
        f"arXiv Query: search_query={query}&id_list=&start={start}&max_results={size}",
        [_arxiv_entry(r) for r in records],
        start=start,
        size=size,
        total=total,
        now=now,
    )


def arxiv_error(message: str, now: datetime) -> bytes:
    """Return what the arXiv API says with status 400: a feed whose one entry is the error."""
    entry = _atom.entry(
        _atom.id(f"https://arxiv.org/api/errors#{message.replace(' ', '_')}"),
        _atom.title("Error"),
        _atom.updated(instant(now)),
        _atom.summary(message),
        _atom.author(_atom.name("arXiv api core")),
    )
    return _arxiv_feed("arXiv Search Results", [entry], start=0, size=1, total=1, now=now)


def _arxiv_feed(
    title: str, entries: list[Any], *, start: int, size: int, total: int, now: datetime
) -> bytes:
    return to_xml(
        _atom_root.feed(
            _atom.id("https://arxiv.org/"),
            _atom.title(title),
            _atom.updated(instant(now)),
            _opensearch.itemsPerPage(str(size)),
            _opensearch.totalResults(str(total)),
            _opensearch.startIndex(str(start)),
            *entries,
        )
    )


def _arxiv_entry(r: Record) -> Any:
    return _atom.entry(
        _atom.id(f"http://arxiv.org/abs/{r.arxiv_id}v1"),
        _atom.title(r.title),
        _atom.updated(instant(r.day)),
        _atom.link(href=r.url, rel="alternate", type="text/html"),
        _atom.summary(r.abstract),
        *(_atom.category(term=category, scheme=_ARXIV) for category in r.categories),
        _atom.published(instant(r.day)),
        *(_arxiv.primary_category(term=category) for category in r.categories[:1]),
        *each(_arxiv.journal_ref, [r.venue]),
        *(
            _atom.author(_atom.name(author.name), *each(_arxiv.affiliation, [_affiliation(author)]))
            for author in r.authors
        ),
        *each(_arxiv.doi, [r.doi]),
    )


def openalex(
    records: Iterable[Record],
    *,
    total: int,
    size: int,
    next_cursor: str | None,
    select: Sequence[str] = (),
) -> bytes:
    """Return a page of OpenAlex works; ``select`` names the fields to keep, all if empty."""
    works = [_work(r) for r in records]
    if select:
        works = [{name: work.get(name) for name in select} for work in works]
    meta = {
        "count": total,
        "db_response_time_ms": 1,
        "page": None,
        "per_page": size,
        "next_cursor": next_cursor,
        "groups_count": None,
    }
    return to_json({"meta": meta, "results": works, "group_by": []})


def openalex_error(message: str) -> bytes:
    """Return what OpenAlex says with status 400."""
    return to_json({"error": "Invalid query parameters error.", "message": message})


def _work(r: Record) -> dict[str, Any]:
    openalex_id, doi = f"https://openalex.org/{r.id}", r.doi and f"https://doi.org/{r.doi}"
    source = {"display_name": r.venue, "type": "journal"} if r.venue else None
    location = {"is_oa": True, "landing_page_url": r.url, "pdf_url": None, "source": source}
    preprint = f"http://arxiv.org/abs/{r.arxiv_id}"
    return {
        "id": openalex_id,
        "doi": doi,
        "title": r.title,
        "display_name": r.title,
        "publication_year": r.day.year,
        "publication_date": r.day.isoformat(),
        "ids": filled(openalex=openalex_id, doi=doi),
        "language": r.language,
        "type": r.type or "article",
        "is_retracted": False,
        "is_paratext": False,
        "primary_location": location,
        "locations": [location, *([{"landing_page_url": preprint}] if r.arxiv_id else [])],
        "authorships": [
            _authorship(author, "first" if i == 0 else "middle")
            for i, author in enumerate(r.authors)
        ],
        "abstract_inverted_index": inverted_index(r.abstract) or None,
    }


def _authorship(author: Author, position: str) -> dict[str, Any]:
    institution = {
        "id": None,
        "ror": None,
        "display_name": author.institution.partition(",")[0],
        "country_code": author.country,
    }
    return {
        "author_position": position,
        "author": {"id": None, "display_name": author.name, "orcid": None},
        "institutions": [institution] if author.institution else [],
        "countries": [author.country] if author.country else [],
        "raw_affiliation_strings": [_affiliation(author)] if author.institution else [],
    }


def inverted_index(text: str) -> dict[str, list[int]]:
    """Return word → positions, the form in which OpenAlex gives abstracts."""
    index: dict[str, list[int]] = {}
    for position, word in enumerate(text.split()):
        index.setdefault(word, []).append(position)
    return index


@dataclass(frozen=True, slots=True)
class OaiRequest:
    """What was asked of a repository, as its answer repeats it."""

    url: str
    arguments: Mapping[str, str]
    now: datetime


def oai_records(
    records: Sequence[Record],
    request: OaiRequest,
    *,
    prefix: str,
    total: int,
    cursor: int,
    token: str,
) -> bytes:
    """Return a page of ListRecords: ``records`` of ``total``, from ``cursor`` on.

    ``prefix`` is a key of ``OAI_FORMATS``. ``token`` fetches the next page and is '' on the last;
    a list that fits one page has none (protocol, 3.5).
    """
    write = OAI_FORMATS[prefix]
    resumption = _oai.resumptionToken(token, completeListSize=str(total), cursor=str(cursor))
    return _oai_answer(
        request,
        _oai.ListRecords(
            *(_oai.record(_oai_header(r), _oai.metadata(write(r))) for r in records),
            *([resumption] if token or cursor else []),
        ),
    )


def oai_error(code: str, message: str, request: OaiRequest) -> bytes:
    """Return an error of the protocol (3.6); a wrong request's arguments are not repeated."""
    if code in ("badVerb", "badArgument"):
        request = OaiRequest(request.url, {}, request.now)
    return _oai_answer(request, _oai.error(message, code=code))


def _oai_answer(request: OaiRequest, content: Any) -> bytes:
    return to_xml(
        _oai(
            "OAI-PMH",
            _oai.responseDate(instant(request.now)),
            _oai.request(request.url, dict(request.arguments)),
            content,
        )
    )


def _oai_header(r: Record) -> Any:
    place, name = ("arXiv.org", r.arxiv_id) if r.arxiv_id else (urlsplit(r.url).hostname, r.id)
    return _oai.header(
        _oai.identifier(f"oai:{place}:{name}"),
        _oai.datestamp(r.day.isoformat()),
        *each(_oai.setSpec, map(set_spec, r.categories)),
    )


def _oai_dc_metadata(r: Record) -> Any:
    return _oai_dc.dc(
        _dc.title(r.title),
        *each(_dc.creator, [author.name for author in r.authors]),
        *each(_dc.subject, r.categories),
        *each(_dc.description, [r.abstract]),
        *each(_dc.source, [r.venue]),
        # HAL gives the authors' institutions so; the format has no place of its own for them
        *each(_dc.contributor, dict.fromkeys(author.institution for author in r.authors)),
        _dc.date(r.day.isoformat()),
        *each(_dc.type, [r.type]),
        _dc.identifier(r.url),
        *each(_dc.identifier, [r.doi and f"doi:{r.doi}"]),
        *each(_dc.language, [r.language]),
    )


def _arxiv_metadata(r: Record) -> Any:
    return _oai_arxiv.arXiv(
        _oai_arxiv.id(r.arxiv_id or ""),
        _oai_arxiv.created(r.day.isoformat()),
        _oai_arxiv.authors(*map(_keyname_author, r.authors)),
        _oai_arxiv.title(r.title),
        _oai_arxiv.categories(" ".join(r.categories)),
        *(_oai_arxiv("journal-ref", venue) for venue in [r.venue] if venue),
        *each(_oai_arxiv.doi, [r.doi]),
        _oai_arxiv.abstract(r.abstract),
    )


OAI_FORMATS: Mapping[str, Callable[[Record], Any]] = {
    "oai_dc": _oai_dc_metadata,
    "arXiv": _arxiv_metadata,
}


def _keyname_author(author: Author) -> Any:
    forenames, _, keyname = author.name.rpartition(" ")
    return _oai_arxiv.author(
        _oai_arxiv.keyname(keyname),
        *each(_oai_arxiv.forenames, [forenames]),
        *each(_oai_arxiv.affiliation, [_affiliation(author)]),
    )


# arXiv's groups; every other archive (hep-ex, astro-ph, …) belongs to the group physics
_GROUPS = frozenset({"cs", "econ", "eess", "math", "physics", "q-bio", "q-fin", "stat"})


def set_spec(category: str) -> str:
    """Return arXiv's OAI set of a category: group:archive:SUBJECT, as in ``cs:cs:CR``."""
    archive, _, subject = category.partition(".")
    group = archive if archive in _GROUPS else "physics"
    return ":".join(filter(None, (group, archive, subject)))


def category_of(spec: str) -> str:
    """Return the category, or whole archive, that ``set_spec`` names: its inverse."""
    group, *rest = spec.split(":")
    return ".".join(rest or [group])


def _affiliation(author: Author) -> str:
    """Return the institution as a paper prints it: with its country."""
    if not author.country or countries_of([author.institution]):
        return author.institution
    return f"{author.institution}, {country_name(author.country)}"
