"""Calendars of events and of deadlines: iCalendar (RFC 5545), read by icalendar.

Each VEVENT is given to icalendar (7.3.0) on its own: read whole, a calendar that breaks off or has
one bad line outside its events is lost with all of them. Days are taken as written, so no VTIMEZONE
is needed.

CCFDDL's calendars have one VEVENT per deadline and tell the conference itself in the description:
https://github.com/ccfddl/ccf-deadlines (extensions/cli/ccfddl/convert_to_ical.py).
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import icalendar

from core.document import Document, Event, Kind
from core.sources import Source
from core.text import html_to_text, plain
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.events import parse_days, parse_place
from scanners.parse import plausible

_BEGIN = re.compile(rb"^BEGIN:VEVENT[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_END = re.compile(rb"^END:VEVENT", re.IGNORECASE | re.MULTILINE)
_UID = re.compile(rb"^UID:([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)
_DEADLINE = re.compile(r"\bdeadlines?\b|\b(?:papers?|abstracts?|submissions?) due\b", re.IGNORECASE)
_NOT_FOR_AUTHORS = re.compile(r"Rebuttal Submission|Final Decisions")
_EDITION = re.compile(r".*?\b\d{4}\b")  # RAID 2027, of "RAID 2027 Abstract Deadline [round 1]"


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the calendar as one page, empty if nothing changed since ``mark``.

    Raises:
        SourceError: no answer, or one that is not a calendar.
    """
    if mark.window is None:
        raise ValueError("a harvest needs a window: see Watermark.aim")
    response = http.get(
        source.url,
        params=source.params or None,
        etag=mark.etag,
        last_modified=mark.last_modified,
    )
    if response.status == 304:
        yield Page(documents=(), mark=mark.done())
        return
    documents, skipped = parse(response.body, source, url=response.url, since=mark.window[0])
    mark = mark.validated(response.headers).done()
    yield Page(documents=tuple(documents), skipped=tuple(skipped), mark=mark)


def parse(
    body: bytes, source: Source, *, url: str, since: date
) -> tuple[list[Document], list[Skip]]:
    """Return what a calendar announces from ``since`` on, and the events that it does not.

    Raises:
        SourceError: ``body`` is not a calendar.
    """
    head, *blocks = _BEGIN.split(body)
    if b"BEGIN:VCALENDAR" not in head.upper():
        raise SourceError("the answer is not a calendar", url=url)
    entries: dict[str, list[icalendar.Event]] = {}  # of an edition, all of its deadlines
    skipped = []
    for number, block in enumerate(blocks, start=1):
        uid = _UID.search(block)
        name = uid[1].decode(errors="replace") if uid else f"event {number}"
        try:
            event = _event(block)
        except ValueError as error:
            skipped.append(Skip(str(error), plain(name)))
            continue
        entries.setdefault(_text(event, "X-CCFDDL-ID") or f"event {number}", []).append(event)
    documents = []
    for name, events in entries.items():
        try:
            documents.append(_document(events, source, since))
        except ValueError as error:
            skipped.append(Skip(str(error), _text(events[0], "UID") or name))
    return documents, skipped


def _event(block: bytes) -> icalendar.Event:
    """Return the event in ``block``, which begins after its first line. Raises ValueError."""
    end = _END.search(block)
    if end is None:
        raise ValueError("the event breaks off")
    try:
        # Folds may cut a character in two, so they go before icalendar decodes.
        text = re.sub(rb"\r?\n[ \t]", b"", block[: end.start()])
        event = icalendar.Event.from_ical(b"BEGIN:VEVENT" + text + b"END:VEVENT\r\n")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("unreadable event") from error
    if not isinstance(event, icalendar.Event):
        raise ValueError("unreadable event")
    if _text(event, "STATUS").upper() == "CANCELLED":
        raise ValueError("cancelled")
    if _day(event.get("DTSTART")) is None:
        raise ValueError("no date to be believed")
    return event


def _document(events: Sequence[icalendar.Event], source: Source, since: date) -> Document:
    """Return the document of one event, or of the deadlines of one edition. Raises ValueError."""
    first = events[0]
    if edition := _text(first, "X-CCFDDL-ID"):
        title, native_id, event = _edition_title(first), edition, _edition(events, since)
        abstract = ""  # the description is a form
    else:
        title, native_id, event = _text(first, "SUMMARY"), _native_id(first), _single(first)
        abstract = html_to_text(_value(first, "DESCRIPTION"))
    recurs = "RRULE" in first
    if max(filter(None, (event.starts, event.ends, event.deadline)), default=since) < since:
        raise ValueError("over" if not recurs else "recurs, and the first time is over")
    return Document(
        kind=Kind.CALL_FOR_PAPERS,
        title=html_to_text(title),
        abstract=abstract,
        source=source.id,
        native_id=native_id,
        url=_text(first, "URL"),
        published=_day(first.get("CREATED")),
        venue=source.name,
        language=source.language,
        countries=(event.country,) if event.country else source.countries,
        event=event,
        raw={
            "summaries": [_text(entry, "SUMMARY") for entry in events],
            "days": [str(_day(entry.get("DTSTART"))) for entry in events],
            "recurs": recurs,  # only the first time is told
        },
    )


def _single(entry: icalendar.Event) -> Event:
    """Return when and where one event is, or what it is the deadline for."""
    starts, ends = _days(entry)
    place, country = parse_place(_text(entry, "LOCATION"))
    if _DEADLINE.search(_text(entry, "SUMMARY")):
        return Event(place=place, country=country, deadline=starts)
    return Event(starts=starts, ends=ends, place=place, country=country)


def _edition(entries: Sequence[icalendar.Event], since: date) -> Event:
    """Return the conference whose deadlines these are, with the next one for authors."""
    due = sorted(
        day
        for entry in entries
        if not _NOT_FOR_AUTHORS.search(_text(entry, "SUMMARY"))
        and (day := _day(entry.get("DTSTART")))
    )
    told = re.search(r"Date: (.*)", _value(entries[0], "DESCRIPTION"))
    starts, ends = (told and parse_days(told[1])) or (None, None)
    place, country = parse_place(_text(entries[0], "LOCATION"))
    return Event(
        starts=starts,
        ends=ends,
        place=place,
        country=country,
        deadline=next((day for day in due if day >= since), due[-1] if due else None),
    )


def _edition_title(entry: icalendar.Event) -> str:
    """Return the conference's name, the first line of the description, and its short one."""
    name = _value(entry, "DESCRIPTION").partition("\n")[0]
    summary = _text(entry, "SUMMARY")
    short = _EDITION.match(summary)
    return f"{name} ({short[0]})" if name and short else name or summary


def _days(entry: icalendar.Event) -> tuple[date | None, date | None]:
    """Return the first and the last day, None where it is not to be believed."""
    starts = _day(entry.get("DTSTART"))
    try:
        end = entry.end
    except (ValueError, TypeError, OverflowError):  # of another form than the start, two, too far
        return starts, None
    # The end is exclusive: the midnight after the last day.
    if isinstance(end, datetime):
        last = (end - timedelta(microseconds=1)).date()
    else:
        last = end - timedelta(days=1)
    return starts, max(starts or last, last) if plausible(last.year) else None


def _day(value: Any) -> date | None:
    """Return the day of a date or time as written, None if there is none to be believed."""
    value = value[0] if isinstance(value, list) else value
    day = None if isinstance(value, icalendar.vBroken) else getattr(value, "dt", None)
    if isinstance(day, datetime):
        day = day.date()
    return day if isinstance(day, date) and plausible(day.year) else None


def _text(entry: icalendar.Event, name: str) -> str:
    """Return the property ``name`` on one line."""
    return plain(_value(entry, name))


def _value(entry: icalendar.Event, name: str) -> str:
    """Return the property ``name``, the first if there are several, '' if there is none."""
    value = entry.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _native_id(entry: icalendar.Event) -> str:
    """Return the UID, with what tells one changed occurrence from the others (RFC 5545, 3.8.4)."""
    occurrence = _day(entry.get("RECURRENCE-ID"))
    return f"{_text(entry, 'UID')} {occurrence or ''}".strip()
