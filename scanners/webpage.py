"""Web pages: their text whatever its charset, their links, and what they say of themselves.

BeautifulSoup with lxml reads what no standard foresaw. The charset is found as browsers do (HTML
standard, 13.2.3.2): byte-order mark, Content-Type, <meta>, UTF-8 if it fits, and at last what pages
in that language were once written in; bs4's own order asks a statistical detector before, which
takes windows-1255 for Cyrillic.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import Message
from functools import cached_property
from typing import Any
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector

from core.document import Precision, canonical_url, web_url
from core.text import plain
from scanners.errors import Blocked, SourceError
from scanners.http import Response
from scanners.parse import parse_date, parse_language

TITLE_LENGTH = 1000  # characters; what is longer is a text, or an attack

# What a label means on the web (https://encoding.spec.whatwg.org/#names-and-labels).
_ON_THE_WEB = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
# HTML standard, 13.2.3.2, table of defaults by locale; all others: windows-1252.
_BY_LANGUAGE = {
    "ar": "cp1256",
    "cs": "cp1250",
    "el": "iso-8859-7",
    "he": "cp1255",
    "hu": "cp1250",
    "ja": "cp932",
    "ko": "cp949",
    "pl": "cp1250",
    "ru": "cp1251",
    "th": "cp874",
    "tr": "cp1254",
    "uk": "cp1251",
    "zh": "gb18030",
}
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
# Titles of pages that keep programs out with status 200: Anubis, Cloudflare, DDoS-Guard.
_WALL = re.compile(
    r"Making sure you('|’)re not a bot!|Just a moment\.\.\.|Attention Required! \| Cloudflare"
    r"|DDoS-Guard"
)


class WebPage:
    """A parsed page; ``url`` is where it was found."""

    def __init__(self, body: bytes, *, url: str, content_type: str = "", language: str | None):
        self.url = url
        text = _decode(body, content_type, language)
        self.soup = BeautifulSoup(_XML_DECLARATION.sub("", text, count=1), "lxml")

    @cached_property
    def base(self) -> str:
        """The address that relative links start from."""
        base = self.soup.select_one("base[href]")
        return (base and _join(self.url, attribute(base, "href"))) or self.url

    def link(self, tag: Tag) -> str:
        """Return the absolute web address that ``tag`` leads to, '' if none or this very page."""
        url = _join(self.base, attribute(tag, "href"))
        return "" if url and canonical_url(url) == canonical_url(self.url) else url

    @cached_property
    def language(self) -> str | None:
        """The language that the page says it is in (ISO 639-1)."""
        root = self.soup.select_one("html[lang]")
        return parse_language(attribute(root, "lang")) if root else None

    @cached_property
    def about(self) -> "About":
        """What the page says of itself."""
        meta = self._meta()
        texts = [meta.get("og:description", ""), meta.get("description", "")]
        dates = [meta.get("article:published_time"), meta.get("datepublished"), *self._json_ld()]
        found = next(filter(None, map(parse_date, dates)), None)
        published, precision = found or (None, "day")
        title = meta.get("og:title") or text(self.soup.select_one("h1")) or text(self.soup.title)
        return About(title, max(texts, key=len), published, precision)

    def _meta(self) -> dict[str, str]:
        """Return the first content of each <meta>, by property, name or itemprop."""
        found: dict[str, str] = {}
        for tag in self.soup.select("meta[content]"):
            names = (attribute(tag, name) for name in ("property", "name", "itemprop"))
            name = next(filter(None, names), "").lower()
            found.setdefault(name, plain(attribute(tag, "content")))
        return found

    def _json_ld(self) -> Iterator[str]:
        """Yield every ``datePublished`` of the page's JSON-LD, outermost first."""
        for script in self.soup.select('script[type="application/ld+json"]'):
            try:
                queue = [json.loads(script.get_text())]
            except (ValueError, RecursionError):  # no JSON: the page says nothing in this way
                continue
            for value in queue:
                if isinstance(value, dict):
                    if isinstance(value.get("datePublished"), str):
                        yield value["datePublished"]
                    queue.extend(value.values())
                elif isinstance(value, list):
                    queue.extend(value)


@dataclass(frozen=True, slots=True)
class About:
    """What a page says of itself for those who link to it; '' or None where it says nothing."""

    title: str
    abstract: str
    published: date | None
    precision: Precision


def read_page(response: Response, language: str | None) -> WebPage:
    """Return the page in ``response``; ``language`` is what it is expected to be in.

    Raises:
        Blocked: it is not the page, but a wall before it.
        SourceError: it is not a web page.
    """
    kind = response.headers.get("Content-Type", "")
    if kind and not re.match(r"\s*(text/|application/([\w.-]+\+)?xml)", kind, re.IGNORECASE):
        raise SourceError(f"the answer is not a web page, but {plain(kind)}", url=response.url)
    page = WebPage(response.body, url=response.url, content_type=kind, language=language)
    if _WALL.match(text(page.soup.title)):
        raise Blocked("a wall against programs stands before the page", url=response.url)
    return page


def attribute(tag: Tag, name: str) -> str:
    """Return an attribute of ``tag``, '' if it has none."""
    value: Any = tag.get(name)
    return value if isinstance(value, str) else " ".join(value or ())


def text(tag: Tag | None) -> str:
    """Return the readable text of ``tag``, on one line; of a <meta> its content."""
    if tag is None:
        return ""
    return plain(attribute(tag, "content") if tag.name == "meta" else tag.get_text(" "))


def _join(base: str, href: str) -> str:
    """Return ``href`` as an absolute web address, '' if it is none."""
    try:
        url = web_url(urljoin(base, href.strip())) if href.strip() else ""
        canonical_url(url)  # a port that is no number
    except ValueError:
        return ""
    return url


def _decode(body: bytes, content_type: str, language: str | None) -> str:
    body, mark = EncodingDetector.strip_byte_order_mark(body)
    declared = EncodingDetector.find_declared_encoding(body, is_html=True) or ""
    if declared.lower().startswith("utf-16"):  # then it could not have been read
        declared = "utf-8"
    header = Message()
    header["Content-Type"] = content_type
    named = [_codec(label) for label in (mark, header.get_content_charset(), declared) if label]
    codecs = list(filter(None, named))
    for codec in (*codecs, "utf-8"):
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    default = _BY_LANGUAGE.get(language or "", "cp1252")
    return body.decode(codecs[0] if codecs else default, errors="replace")


def _codec(label: str) -> str | None:
    """Return Python's name of the charset that a page calls ``label``, None if there is none."""
    name = _ON_THE_WEB.get(label.lower(), label.lower())
    try:
        b"    ".decode(name)  # of nothing, Python looks for no codec
    except (LookupError, ValueError):  # also hex, zip and other codecs that give no text
        return None
    return name
