"""What several scanners read in the same way: XML, JSON, text, dates, languages, identifiers."""

import html
import json
import re
import sys
from datetime import date
from functools import lru_cache
from typing import Any

from lxml import etree

from core.document import Precision
from core.text import html_to_text, plain
from scanners.errors import SourceError

_ISO_DATE = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:?\d{2}.*)?)?|(\d{2})(\d{2}))?", re.ASCII
)
_FIRST_YEAR = 1900
_MAX_PARTS = 3_000_000  # tags, or objects and lists, in one answer: some 500 MB in memory

# A tag that is surely one, for in "if a<b then" and "$p<q$" nothing may be lost: a closing tag,
# a comment, or an element that often stands alone.
_TAG = re.compile(r"</[a-z][\w:]*\s*>|<!--|<(?:br|hr|img|li|p)\b[^<>]*>", re.IGNORECASE)

_DOI = re.compile(
    r"(?:doi:\s*|info:doi/|info:eu-repo/semantics/altIdentifier/doi/|(?:https?://)?(?:dx\.)?doi\.org/)?"
    r"(10\.\d{4,9}/\S+)",
    re.IGNORECASE,
)
_ARXIV_ID = re.compile(
    r"(?:\barxiv\.org/(?:abs|pdf|html)/|\barxiv:|\barxiv\.org:|10\.48550/arxiv\.)"
    r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})",
    re.IGNORECASE,
)
# Character references of four or more digits: those to no character (halves of surrogate pairs,
# beyond Unicode) make lxml's strings undecodable and feedparser fail.
_REFERENCE = re.compile(rb"&#(?:[xX]([0-9a-fA-F]{4,})|(\d{5,}));?")
_RENAMED = {"iw": "he", "in": "id", "ji": "yi"}  # ISO 639-1 before 1989, and still in feeds


def xml_root(body: bytes, url: str) -> Any:
    """Return the root element of ``body``, mended where it is ill-formed.

    Entities are not expanded, nothing is fetched, and libxml2's limits on depth and size stand.
    ``xml_faults`` tells what was mended.

    Raises:
        SourceError: nothing in ``body`` can be read as XML, it is a web page, or it has millions
            of tags.
    """
    refuse_swarm(body.count(b"<"), _MAX_PARTS, url)
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(mend_references(body), parser)
    except etree.XMLSyntaxError as error:
        raise SourceError(f"the answer is not XML: {error}", url=url) from error
    if root is None:
        raise SourceError("the answer is not XML", url=url)
    if local_name(root).lower() == "html":
        raise SourceError("the answer is a web page, not XML", url=url)
    return root


def json_object(body: bytes, url: str) -> dict[str, Any]:
    """Return the JSON object that ``body`` is. Raises SourceError: something else, or too large."""
    refuse_swarm(body.count(b"{") + body.count(b"["), _MAX_PARTS, url)
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the answer is not JSON: {error}", url=url, status=200) from error
    if not isinstance(data, dict):
        raise SourceError("the answer is not a JSON object", url=url, status=200)
    return data


def refuse_swarm(parts: int, most: int, url: str) -> None:
    """Raise SourceError if an answer has more than ``most`` parts, before they fill the memory."""
    if parts > most:
        raise SourceError(f"the answer has {parts:,} parts, more than {most:,}", url=url)


def as_list(value: Any) -> list[Any]:
    """Return ``value`` as a list, where a source writes one thing alone without its list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mend_references(body: bytes) -> bytes:
    """Return ``body`` with references to what is no character made to U+FFFD."""

    def mend(match: re.Match[bytes]) -> bytes:
        digits, base = (match[1], 16) if match[1] else (match[2], 10)
        digits = digits.lstrip(b"0")
        code = int(digits or b"0", base) if len(digits) < 8 else sys.maxunicode + 1
        return b"&#xFFFD;" if 0xD800 <= code <= 0xDFFF or code > sys.maxunicode else match[0]

    return _REFERENCE.sub(mend, body)


def xml_faults(root: Any) -> list[str]:
    """Return what ``xml_root`` had to mend: the place and the fault, nothing if well-formed."""
    log = root.getroottree().parser.error_log
    return [f"line {fault.line}: {fault.message}" for fault in log]


def parse_date(text: str | None) -> tuple[date, Precision] | None:
    """Return the date in ``text`` and how precise it is; None if there is none to be believed.

    Read are ISO 8601 dates of one to three parts and timestamps, whose day is taken as written.
    A year before 1900 or after the next but two is somebody's placeholder or slip.
    """
    match = _ISO_DATE.fullmatch((text or "").strip())
    if not match:
        return None
    year, month, day = match[1], match[2] or match[4], match[3] or match[5]
    if not plausible(int(year)):
        return None
    try:
        found = date(int(year), int(month or 1), int(day or 1))
    except ValueError:  # such as 2024-00-00
        return None
    return found, "day" if day else "month" if month else "year"


def plausible(year: int) -> bool:
    """Return whether a work we may harvest can bear the date ``year``."""
    return _FIRST_YEAR <= year <= date.today().year + 3


@lru_cache(maxsize=1024)
def parse_language(text: str) -> str | None:
    """Return the ISO 639-1 code of a language tag, a code of ISO 639-2 or an English name."""
    from pycountry import languages  # 0.1 s that a search does not need

    code = re.split(r"[-_]", text.strip(), maxsplit=1)[0].lower()
    code = _RENAMED.get(code, code)
    if len(code) == 2:
        found = languages.get(alpha_2=code)
    elif len(code) == 3:
        found = languages.get(alpha_3=code) or languages.get(bibliographic=code)
    else:
        found = languages.get(name=text.strip())
    return getattr(found, "alpha_2", None)


def local_name(element: Any) -> str:
    """Return the name of ``element`` without its namespace, even a name that no XML allows."""
    return str(element.tag).rpartition("}")[2]


def element_text(element: Any) -> str:
    """Return the text of ``element`` and all in it, without comments.

    A reference to an entity that nobody defined stays as it was written, ``&eacute;``.
    """
    return "".join(element.itertext("*", etree.Entity))


def readable(text: str) -> str:
    """Return ``text`` as plain text where the source does not say whether it is HTML."""
    return html_to_text(text) if _TAG.search(text) else plain(html.unescape(text))


def find_doi(text: str) -> str | None:
    """Return the DOI that ``text`` is, bare or with a prefix or resolver before it, or None.

    A publisher's address that merely contains one goes on after it, so it does not count.
    """
    match = _DOI.fullmatch(text.strip())
    return match[1] if match else None


def find_arxiv_id(text: str) -> str | None:
    """Return the arXiv identifier, without version, that ``text`` links to or names, or None."""
    match = _ARXIV_ID.search(text)
    return match[1] if match else None
