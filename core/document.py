"""The record that passes between the rooms of the house."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from math import isfinite
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from core.text import plain

# Characters and items that a record may have; beyond them lies damage or malice. Titles and names
# are cut, and so are abstracts, at far more than any real one has.
_TITLE_LENGTH = 1_000
_ABSTRACT_LENGTH = 100_000
_NAME_LENGTH = 500
_NAMES = 10_000  # the longest lists of authors, of physics, have 5,154
_ID_LENGTH = 500
_URL_LENGTH = 8_000  # RFC 9110, 4.1, asks to support that much
_RAW_LENGTH = 10_000  # of one text in ``raw``, and items of one list
_RAW_DEPTH = 10


class Kind(StrEnum):
    """What a document is."""

    PUBLICATION = "publication"
    PREPRINT = "preprint"
    PROCEEDINGS = "proceedings"
    PROJECT = "project"
    REPORT = "report"
    NEWS = "news"
    CALL_FOR_PAPERS = "call_for_papers"


Precision = Literal["day", "month", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """When and where a conference or call takes place; whatever the source does not say is None."""

    starts: date | None = None
    ends: date | None = None
    place: str | None = None
    country: str | None = None
    deadline: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as one source told it.

    Text is plain (no markup) and of bounded length, identifiers are brought to one form and
    ``raw`` to what JSON can hold on construction, so a ``Document`` that exists is well-formed and
    can be stored. ``id`` is derived, never given.

    Raises:
        ValueError: the title is empty, or nothing identifies the document.
    """

    kind: Kind
    title: str
    source: str
    native_id: str = ""
    url: str = ""
    abstract: str = ""
    published: date | None = None
    precision: Precision = "day"
    doi: str | None = None
    arxiv_id: str | None = None
    openalex_id: str | None = None
    venue: str = ""
    language: str | None = None  # ISO 639-1; None until someone finds out
    authors: tuple[str, ...] = ()
    affiliations: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()  # ISO 3166-1 alpha-2, sorted; EU for the Union's own bodies
    event: Event | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)  # the source's own record, for audit
    id: str = field(init=False)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("title", plain(self.title)[:_TITLE_LENGTH].rstrip())
        put("abstract", plain(self.abstract)[:_ABSTRACT_LENGTH].rstrip())
        put("venue", plain(self.venue)[:_NAME_LENGTH].rstrip())
        put("native_id", _short_id(plain(self.native_id)))
        put("url", web_url(self.url))
        put("doi", normal_doi(self.doi))
        put("arxiv_id", normal_arxiv_id(self.arxiv_id))
        put("openalex_id", normal_openalex_id(self.openalex_id))
        put("authors", _unique(self.authors))
        put("affiliations", _unique(self.affiliations))
        put("countries", tuple(sorted(filter(_is_code, {c.upper() for c in self.countries}))))
        put("raw", _storable(self.raw))
        if not self.title:
            raise ValueError("no title")
        put("id", _document_id(self))

    @property
    def text(self) -> str:
        """Title and abstract, as the classifiers read them."""
        return f"{self.title}. {self.abstract}" if self.abstract else self.title


def _document_id(document: Document) -> str:
    if document.doi:
        key = f"doi:{document.doi}"
    elif document.arxiv_id:
        key = f"arxiv:{document.arxiv_id}"
    elif document.openalex_id:
        key = f"openalex:{document.openalex_id}"
    elif document.native_id:
        key = f"source:{document.source}:{document.native_id}"
    elif document.url:
        key = f"url:{canonical_url(document.url)}"
    else:
        raise ValueError("no identifier: neither DOI, arXiv id, OpenAlex id, native id nor URL")
    return blake2b(key.encode(), digest_size=8).hexdigest()


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    cleaned = (plain(name)[:_NAME_LENGTH].rstrip() for name in names[:_NAMES])
    return tuple(dict.fromkeys(filter(None, cleaned)))


def _short_id(native_id: str) -> str:
    """Return ``native_id``, or its hash if it is absurdly long: cut it might be another's."""
    if len(native_id) <= _ID_LENGTH:
        return native_id
    return f"blake2b:{blake2b(native_id.encode(), digest_size=16).hexdigest()}"


def _is_code(country: str) -> bool:
    return re.fullmatch("[A-Z]{2}", country) is not None


def _storable(value: Any, depth: int = 0) -> Any:
    """Return ``value`` without what JSON or UTF-8 cannot hold, cut in length and depth."""
    if isinstance(value, str):
        return value[:_RAW_LENGTH].encode(errors="replace").decode()
    if isinstance(value, float) and not isfinite(value):
        return None
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == _RAW_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        items = islice(value.items(), _RAW_LENGTH)
        return {_storable(str(key)): _storable(item, depth + 1) for key, item in items}
    return [_storable(item, depth + 1) for item in value[:_RAW_LENGTH]]


def web_url(url: str | None) -> str:
    """Return ``url`` if a browser may follow it (http or https, with a host), else ''."""
    url = plain(url).replace(" ", "%20")
    try:
        parts = urlsplit(url)
        is_web = parts.scheme.lower() in ("http", "https") and parts.hostname
        return url if is_web and parts.port != 0 and len(url) <= _URL_LENGTH else ""
    except ValueError:  # an address such as http://[not-an-ip/ or http://host:port/
        return ""


_TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_[ce]id|cmp|xtor)=", re.IGNORECASE)


def canonical_url(url: str) -> str:
    """Return ``url`` without what does not tell pages apart: scheme, www., tracking, fragment."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    query = "&".join(q for q in parts.query.split("&") if q and not _TRACKING.match(q))
    return urlunsplit(("https", host + port, parts.path.rstrip("/") or "/", query, ""))


def normal_doi(doi: str | None) -> str | None:
    """Return the DOI in ``doi`` (bare, ``doi:`` or as a URL) in lower case, or None.

    DOIs are case-insensitive (DOI Handbook, 2.4).
    """
    match = re.search(r"10\.\d{4,9}/[^\s\"<>]+", plain(doi))
    return match[0].rstrip(".,;)").lower() if match and len(match[0]) <= _ID_LENGTH else None


# The longest archive's name is ``astro-ph``; without a bound, long words take quadratic time.
_ARXIV_ID = re.compile(
    r"(?<![\d.])(\d{4}\.\d{4,5}|(?<![a-z-])[a-z-]{2,10}(?:\.[A-Z]{2})?/\d{7})(?:v\d{1,3})?(?![\d.])"
)


def normal_arxiv_id(arxiv_id: str | None) -> str | None:
    """Return the arXiv identifier in ``arxiv_id`` without its version, or None.

    Both schemes count: ``2401.01234v2`` and ``hep-th/9901001``
    (https://info.arxiv.org/help/arxiv_identifier.html).
    """
    match = _ARXIV_ID.search(arxiv_id or "")
    return match[1] if match else None


def normal_openalex_id(openalex_id: str | None) -> str | None:
    """Return the work identifier (``W`` and digits) in ``openalex_id``, or None."""
    match = re.search(r"\bW\d{1,15}\b", (openalex_id or "").upper())
    return match[0] if match else None
