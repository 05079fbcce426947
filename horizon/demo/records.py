"""What the demonstration's services know, and how the parts of an answer are written."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Any

from lxml import etree


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a record, and where; ``country`` is ISO 3166-1 alpha-2."""

    name: str
    institution: str = ""
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a service knows of one document.

    ``day`` is when it was published or listed. ``abstract`` is plain; feeds pass on one that begins
    with a tag as the HTML it is.
    """

    id: str
    title: str
    day: date
    url: str
    abstract: str = ""
    authors: tuple[Author, ...] = ()
    doi: str | None = None
    arxiv_id: str | None = None
    venue: str = ""
    type: str = ""
    language: str | None = None
    categories: tuple[str, ...] = ()


def each(element: Callable[[str], Any], texts: Iterable[str | None]) -> list[Any]:
    """Return one element for each text that says something."""
    return [element(text) for text in texts if text]


def filled(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value}


def instant(moment: date) -> str:
    """Return RFC 3339 in UTC; a day begins at midnight."""
    return f"{midnight(moment):%Y-%m-%dT%H:%M:%SZ}"


def rfc822(day: date) -> str:
    """Return the date as RSS wants it."""
    return format_datetime(midnight(day))


def midnight(moment: date) -> datetime:
    """Return the beginning of a day in UTC; a ``datetime`` stays what it is."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)


def to_xml(root: Any) -> bytes:
    """Return the XML document under ``root`` in UTF-8."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def to_json(value: Any) -> bytes:
    """Return ``value`` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()
