"""What every scanner speaks: pages, watermarks and errors.

A scanner is a module with one generator, ``pages(source, http, mark)``. Each ``Page`` holds the
documents of one answer and the ``Watermark`` to keep *with* them, in one transaction: whoever
stores both together can be killed at any moment and go on from the last page kept.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Protocol

from core.document import Document
from core.sources import Source
from scanners.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a source has been read.

    Everything up to ``until`` has been read. ``window`` (first and last day, both included) is
    being read and ``cursor`` is where its next page begins, in the scanner's own words; '' is the
    beginning. ``etag`` and ``last_modified`` are the validators of the last whole answer
    (RFC 9110, 8.8), for sources that are one page.
    """

    until: date | None = None
    window: tuple[date, date] | None = None
    cursor: str = ""
    etag: str = ""
    last_modified: str = ""

    def aim(self, since: date, until: date, overlap_days: int = 0) -> "Watermark":
        """Return the mark from which to read what is new up to ``until``.

        A window begun earlier is finished first: its cursor is kept. A new one begins where the
        last one ended, or at ``since``, and ``overlap_days`` before that, because providers list
        late.
        """
        if self.window and self.cursor:
            return self
        start = min(since, self.until or since) - timedelta(days=overlap_days)
        return replace(self, window=(start, max(start, until)), cursor="")

    def at(self, cursor: str) -> "Watermark":
        """Return the mark for 'this page is kept, go on at ``cursor``'."""
        return replace(self, cursor=cursor)

    def validated(self, headers: Mapping[str, str]) -> "Watermark":
        """Return the mark with the validators among an answer's ``headers``, whatever their case.

        Without any, the next harvest asks for the whole answer again.
        """
        return replace(
            self, etag=headers.get("ETag", ""), last_modified=headers.get("Last-Modified", "")
        )

    def done(self) -> "Watermark":
        """Return the mark for 'the window is read to its end'."""
        end = self.window[1] if self.window else None
        until = max(filter(None, (self.until, end)), default=None)
        return replace(self, until=until, window=None, cursor="")

    def to_json(self) -> str:
        """Return the mark as JSON; ``from_json`` reads it back."""
        return json.dumps(asdict(self), default=date.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "Watermark":
        """Read what ``to_json`` wrote."""
        fields = json.loads(text)
        until, window = fields["until"], fields["window"]
        fields["until"] = until and date.fromisoformat(until)
        fields["window"] = window and tuple(map(date.fromisoformat, window))
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Skip:
    """One entry that could not become a document: why, in a word or two, and which."""

    reason: str
    entry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer gave; ``mark`` is to be kept together with ``documents``.

    ``built`` is the day on which a feed says that it was made, which may be later than its items.
    """

    documents: tuple[Document, ...]
    skipped: tuple[Skip, ...] = ()
    mark: Watermark
    built: date | None = None


class Scanner(Protocol):
    """A kind of source. ``mark.window`` is set; errors are ``SourceError``."""

    def __call__(self, source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
        """Yield the pages from ``mark`` on."""
