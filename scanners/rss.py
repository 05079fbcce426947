"""News and journals by feed: RSS 0.90 to 2.0, RDF, Atom and CDF by feedparser, and JSON Feed.

feedparser (6.0.14) is asked for the text as it came (``sanitize_html=False``): its sanitiser takes
"a<b" for a tag and drops what follows, and we keep no markup anyway. It would try a bytes object
as the name of a local file first, hence the ``BytesIO``, and it does not read JSON Feed, which
those few lines are for. One thing it loses for good: the text of an element that it does not know
and that has attributes.

JSON Feed: https://www.jsonfeed.org/version/1.1/; arXiv: https://info.arxiv.org/help/rss.html
"""

import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urljoin

import feedparser

from core.document import Document, Kind, Precision, web_url
from core.sources import Source
from core.text import plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.mend import take_apart
from scanners.parse import (
    find_arxiv_id,
    find_doi,
    mend_references,
    parse_date,
    parse_language,
    plausible,
    readable,
    refuse_swarm,
)

_TITLE_LENGTH = 100  # characters of a summary that stand in for a missing title
_RAW_LENGTH = 500  # characters; longer strings of an entry are text that the document has
_ARXIV_LEAD = re.compile(r"^arXiv:\S+\s+Announce Type:\s*\S+\s+Abstract:\s*", re.IGNORECASE)
_MAX_TAGS = 500_000  # of one feed; feedparser reads some 20,000 a second
_MAX_ENTRY_TAGS = 20_000  # of an ill-formed entry; if they lie in one another, time is quadratic
# feedparser compares each attribute of a tag with each other one.
_CROWDED = re.compile(rb"<[^<>!?](?:[^<>=]*=){1000}")
_LOST = Skip("ill-formed XML")
_DATES = ("published", "prism_publicationdate", "updated", "created")  # dc:date is in updated


class Answer(NamedTuple):
    """One feed; ``built`` is the day on which it says that it was made."""

    documents: list[Document]
    skipped: list[Skip]
    built: date | None


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the feed as one page, empty if nothing changed since ``mark``. Raises SourceError."""
    response = http.get(
        source.url,
        params=source.params or None,
        etag=mark.etag,
        last_modified=mark.last_modified,
    )
    if response.status == 304:
        yield Page(documents=(), mark=mark.done())
        return
    headers = {name.lower(): value for name, value in response.headers.items()}
    answer = parse(response.body, source, url=response.url, headers=headers)
    yield Page(
        documents=tuple(answer.documents),
        skipped=tuple(answer.skipped),
        mark=mark.validated(response.headers).done(),
        built=answer.built,
    )


def parse(body: bytes, source: Source, *, url: str, headers: Mapping[str, str]) -> Answer:
    """Return the documents of a feed and the entries that could not become one.

    Args:
        body: the feed.
        source: whose feed it is.
        url: where it was found; relative addresses in it are resolved against this.
        headers: of the answer, names in lower case; Content-Type, -Language and -Location count.

    Raises:
        SourceError: ``body`` is not a feed.
    """
    refuse_swarm(max(body.count(b"<"), body.count(b"{")), _MAX_TAGS, url)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        (feed, entries), lost = _json_feed(body, url), 0
    else:
        feed, entries, lost = _xml_feed(body, url, headers)
    documents, skipped = [], [_LOST] * lost
    for entry in entries:
        try:
            documents.append(_document(entry, feed, source, url))
        except ValueError as error:
            name = _string(entry, "id") or _string(entry, "link") or _string(entry, "title")
            skipped.append(Skip(str(error), plain(name)[:_RAW_LENGTH]))
    return Answer(documents, skipped, _date(feed, ("updated", "published"))[0])


def _xml_feed(
    body: bytes, url: str, headers: Mapping[str, str]
) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Return feed, entries, and how many entries there is nothing left of."""
    if _CROWDED.search(body):
        raise SourceError("a tag of the answer has more than 1,000 attributes", url=url)
    body = mend_references(body)
    pieces = take_apart(body)
    if not pieces:
        parsed = _feedparser(body, url, headers)
        if not parsed.entries and not parsed.get("version"):
            raise SourceError("the answer is not a feed", url=url)
        return parsed.feed, parsed.entries, 0
    feed = _feedparser(pieces.shell, url, headers).feed
    entries = _feedparser(pieces.good, url, headers).entries
    lost = pieces.lost
    for alone in pieces.alone():
        try:
            refuse_swarm(alone.count(b"<"), _MAX_ENTRY_TAGS, url)
            found = _feedparser(alone, url, headers).entries
        except SourceError:
            found = []
        entries += found
        lost += not found
    return feed, entries, lost


def _feedparser(body: bytes, url: str, headers: Mapping[str, str]) -> Any:
    context = {
        # Without a type feedparser guesses Latin-1, where XML itself says UTF-8.
        "content-type": headers.get("content-type") or "application/xml",
        "content-language": headers.get("content-language", ""),
        "content-location": web_url(headers.get("content-location")) or url,
    }
    try:
        return feedparser.parse(
            io.BytesIO(body),
            response_headers=context,
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception as error:  # whatever a stranger's bytes can make it raise
        raise SourceError(f"feedparser fails on it: {error!r}", url=url) from error


def _json_feed(body: bytes, url: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a JSON Feed in feedparser's words."""
    try:
        feed = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the answer is not a feed: {error}", url=url) from error
    if "jsonfeed.org/version/" not in _string(feed, "version") or not isinstance(
        items := feed.get("items"), list
    ):
        raise SourceError("the answer is JSON, but not a feed", url=url)
    return feed, [_json_entry(item) for item in items]


def _json_entry(item: Any) -> dict[str, Any]:
    """Return an item of a JSON Feed in feedparser's words; empty if it is no object."""
    if not isinstance(item, dict):
        return {}
    authors = item.get("authors") or [item.get("author")]  # author: JSON Feed 1.0
    contents = [_string(item, "content_html"), _string(item, "content_text")]
    return {
        "id": str(item.get("id") or ""),  # 1.0 had numbers
        "link": _string(item, "url") or _string(item, "external_url"),
        "title": _string(item, "title"),
        "summary": _string(item, "summary"),
        "content": [{"value": content} for content in contents],
        "published": _string(item, "date_published"),
        "updated": _string(item, "date_modified"),
        "language": _string(item, "language"),
        "authors": authors if isinstance(authors, list) else [],
    }


def _document(entry: dict[str, Any], feed: dict[str, Any], source: Source, url: str) -> Document:
    """Return the document that ``entry`` tells. Raises ValueError."""
    link, native_id, abstract = _link(entry, url), _string(entry, "id"), _abstract(entry)
    names = (_string(entry, "prism_doi"), _string(entry, "dc_identifier"), native_id, link)
    arxiv_id = next(filter(None, map(find_arxiv_id, names)), None)
    published, precision = _date(entry, _DATES)
    return Document(
        kind=source.yields or Kind.NEWS,
        title=readable(_string(entry, "title")) or _first_words(abstract),
        source=source.id,
        native_id=native_id or link,
        url=link,
        abstract=abstract,
        published=published,
        precision=precision,
        doi=next(filter(None, map(find_doi, names)), None),
        arxiv_id=arxiv_id,
        venue=readable(_string(feed, "title")),
        language=_language(entry, feed) or source.language,
        authors=_authors(entry, listed=arxiv_id is not None),
        countries=source.countries,
        raw=_raw(entry),
    )


def _string(record: Any, key: str) -> str:
    """Return the string at ``key``; feedparser stores elements with attributes as dicts."""
    value = dict.get(record, key) if isinstance(record, dict) else None
    return value if isinstance(value, str) else ""


def _dicts(record: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [value for value in record.get(key) or () if isinstance(value, dict)]


def _link(entry: dict[str, Any], url: str) -> str:
    """Return the entry's address, absolute, or its id if that is one. Raises ValueError."""
    link, native_id = _string(entry, "link"), _string(entry, "id")
    links = [_string(x, "href") for x in _dicts(entry, "links") if x.get("rel") == "alternate"]
    if link == native_id:  # feedparser lets the id stand in for a link that comes after it
        links.append(link)
    else:
        links.insert(0, link)
    addresses = (web_url(urljoin(url, link)) for link in links if link)
    return next(filter(None, addresses), web_url(native_id))


def _abstract(entry: dict[str, Any]) -> str:
    """Return the longest of the entry's texts."""
    texts = [_string(content, "value") for content in _dicts(entry, "content")]
    texts.append(_string(entry, "summary"))
    return _ARXIV_LEAD.sub("", max(map(readable, texts), key=len))


def _first_words(text: str) -> str:
    if len(text) <= _TITLE_LENGTH:
        return text
    return text[: _TITLE_LENGTH + 1].rsplit(" ", 1)[0][:_TITLE_LENGTH]


def _date(record: dict[str, Any], names: Iterable[str]) -> tuple[date | None, Precision]:
    """Return the first date of ``record``, an entry or a feed, under one of ``names``."""
    for name in names:
        text = _string(record, name)
        if found := parse_date(text):
            return found
        parsed = dict.get(record, f"{name}_parsed")
        if parsed and plausible(parsed[0]):
            # The day as written: in UTC, as in feedparser's tuple, Seoul's midnight is yesterday.
            return (datetime(*parsed[:6]) + _utc_offset(text)).date(), "day"
    return None, "day"


def _utc_offset(text: str) -> timedelta:
    match = re.search(r"([+-])(\d\d):?(\d\d)$", text)
    if not match:
        return timedelta()
    sign, hours, minutes = match.groups()
    return timedelta(hours=int(sign + hours), minutes=int(sign + minutes))


def _language(entry: dict[str, Any], feed: dict[str, Any]) -> str | None:
    detail = entry.get("title_detail") or entry.get("summary_detail")
    tags = (_string(entry, "language"), _string(detail, "language"), _string(feed, "language"))
    return next(filter(None, map(parse_language, filter(None, tags))), None)


def _authors(entry: dict[str, Any], *, listed: bool) -> tuple[str, ...]:
    """Return the names of the authors; ``listed``: arXiv's way, all in one, between commas."""
    names = [readable(_string(author, "name")) for author in _dicts(entry, "authors")]
    if listed:
        names = [re.sub(r"\s*\([^()]*\)", "", name) for name in names]  # affiliations
    return tuple(part for name in names for part in re.split(r"[,;]" if listed else ";", name))


def _raw(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry's own short strings and its tags."""
    raw: dict[str, Any] = {
        key: plain(value)
        for key, value in entry.items()
        if isinstance(value, str) and 0 < len(value) <= _RAW_LENGTH and key != "summary"
    }
    tags = [plain(_string(tag, "term")) for tag in _dicts(entry, "tags")]
    return raw | ({"tags": tags} if tags else {})
