"""The calendar scanner: days, places, deadlines, and what calendars get wrong."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from conftest import ROOT
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document, Event, Kind
from core.partners import load_partners
from core.settings import HttpSettings
from core.sources import Source
from scanners import ics
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import SourceError
from scanners.http import Http
from store import documents
from store.database import open_writer

SINCE = date(2026, 11, 9)
WINDOW = Watermark().aim(SINCE, date(2026, 11, 15))


def a_source(url: str = "https://events.test/all.ics", country: str = "multi") -> Source:
    return Source(
        id="events",
        kind="ics",
        name="Forum calendar",
        url=url,
        country=country,
        language="en",
        allow_private=True,
    )


def an_event(*lines: str, uid: str = "u1", start: str = ";VALUE=DATE:20270302") -> str:
    own = (f"UID:{uid}", f"DTSTART{start}") if start else (f"UID:{uid}",)
    if not any(line.startswith("SUMMARY") for line in lines):
        own += ("SUMMARY:Days of civil protection",)
    return "\r\n".join(("BEGIN:VEVENT", *own, *lines, "END:VEVENT"))


def calendar(*events: str, head: str = "VERSION:2.0") -> bytes:
    return "\r\n".join(("BEGIN:VCALENDAR", head, *events, "END:VCALENDAR", "")).encode()


def parse(*events: str, source: Source | None = None) -> tuple[list[Document], list[str]]:
    found, skipped = ics.parse(calendar(*events), source or a_source(), url="u", since=SINCE)
    return found, [skip.reason for skip in skipped]


def event_of(*lines: str, start: str = ";VALUE=DATE:20270302") -> Event:
    ((document,), skipped) = parse(an_event(*lines, start=start))
    assert not skipped
    assert document.event
    return document.event


def test_an_event_becomes_a_call() -> None:
    text = an_event(
        "SUMMARY:Borders\\, coasts and sensors 2027",
        "DTEND;VALUE=DATE:20270305",
        "LOCATION:Messezentrum\\, Graz\\, Austria",
        "DESCRIPTION:<p>Three days\\non surveillance</p> &amp; more.",
        "URL:https://events.test/1",
        "CREATED:20260930T120000Z",
    )
    ((document,), skipped) = parse(text)
    assert (document.kind, document.source, document.native_id, skipped) == (
        Kind.CALL_FOR_PAPERS,
        "events",
        "u1",
        [],
    )
    assert document.title == "Borders, coasts and sensors 2027"
    assert document.abstract == "Three days on surveillance & more."
    assert (document.url, document.published) == ("https://events.test/1", date(2026, 9, 30))
    assert (document.countries, document.language) == (("AT",), "en")
    assert document.venue == "Forum calendar"
    assert document.event == Event(
        starts=date(2027, 3, 2),
        ends=date(2027, 3, 4),
        place="Messezentrum, Graz, Austria",
        country="AT",
    )


@pytest.mark.parametrize(
    ("start", "lines", "first", "last"),
    [
        (";VALUE=DATE:20270302", [], date(2027, 3, 2), date(2027, 3, 2)),
        (";VALUE=DATE:20270302", ["DURATION:P3D"], date(2027, 3, 2), date(2027, 3, 4)),
        (":20270302T090000Z", ["DTEND:20270304T170000Z"], date(2027, 3, 2), date(2027, 3, 4)),
        # Midnight is the end of the day before.
        (":20270302T090000Z", ["DTEND:20270305T000000Z"], date(2027, 3, 2), date(2027, 3, 4)),
        (":20270302T090000Z", ["DTEND:20270302T090000Z"], date(2027, 3, 2), date(2027, 3, 2)),
        # The day is the one on the wall in Seoul; in UTC it is the day before.
        (";TZID=Asia/Seoul:20270302T003000", [], date(2027, 3, 2), date(2027, 3, 2)),
        (";TZID=Not/AZone:20270302T003000", [], date(2027, 3, 2), date(2027, 3, 2)),
        # Ends that cannot be: of another form than the start, before it, in the year 3024.
        (";VALUE=DATE:20270302", ["DTEND:20270304T170000Z"], date(2027, 3, 2), None),
        (";VALUE=DATE:20270302", ["DTEND;VALUE=DATE:30240302"], date(2027, 3, 2), None),
        (";VALUE=DATE:20270302", ["DURATION:P999999999D"], date(2027, 3, 2), None),
    ],
)
def test_days(start: str, lines: list[str], first: date, last: date | None) -> None:
    event = event_of(*lines, start=start)
    assert (event.starts, event.ends) == (first, last)


@pytest.mark.parametrize(
    "summary", ["Quiet Skies 2027: submission deadline", "Quiet Skies 2027 - papers due"]
)
def test_a_deadline_is_no_start(summary: str) -> None:
    event = event_of(f"SUMMARY:{summary}", "LOCATION:Busan\\, Korea")
    assert event == Event(place="Busan, Korea", country="KR", deadline=date(2027, 3, 2))


def test_without_a_place_the_country_is_the_source_s() -> None:
    ((document,), _) = parse(an_event("LOCATION:TBD"), source=a_source(country="NL"))
    assert document.countries == ("NL",)
    assert document.event
    assert (document.event.place, document.event.country) == (None, None)


def test_what_is_no_event_to_come_is_counted() -> None:
    found, reasons = parse(
        an_event("STATUS:CANCELLED", uid="u1"),
        an_event(uid="u2", start=";VALUE=DATE:20261108"),
        an_event("RRULE:FREQ=YEARLY", uid="u3", start=";VALUE=DATE:20201108"),
        an_event(uid="u4", start=""),
        an_event(uid="u5", start=":sometime"),
        an_event(uid="u6", start=";VALUE=DATE:30240101"),
        an_event("SUMMARY:", uid="u7"),
        an_event("RRULE:FREQ=WEEKLY;COUNT=5", uid="u8"),
        an_event(uid="u9", start=";VALUE=DATE:20261109"),
    )
    assert [document.native_id for document in found] == ["u8", "u9"]
    assert [document.raw["recurs"] for document in found] == [True, False]
    assert sorted(reasons) == [
        "cancelled",
        "no date to be believed",
        "no date to be believed",
        "no date to be believed",
        "no title",
        "over",
        "recurs, and the first time is over",
    ]


def test_a_changed_occurrence_is_an_event_of_its_own() -> None:
    moved = an_event("RECURRENCE-ID;VALUE=DATE:20270309", start=";VALUE=DATE:20270310")
    found, _ = parse(an_event("RRULE:FREQ=WEEKLY"), moved)
    assert [document.native_id for document in found] == ["u1", "u1 2027-03-09"]


def test_a_broken_event_costs_itself_only() -> None:
    open_end = an_event(uid="u2").removesuffix("END:VEVENT")
    bad_line = an_event("this is no property", uid="u3")
    body = calendar(an_event(uid="u1"), open_end, bad_line, an_event(uid="u4"), head="\0nonsense")
    body = b"\xef\xbb\xbf" + body.removesuffix(b"END:VCALENDAR\r\n")
    found, skipped = ics.parse(body, a_source(), url="u", since=SINCE)
    assert [document.native_id for document in found] == ["u1", "u3", "u4"]
    assert [(skip.reason, skip.entry) for skip in skipped] == [("the event breaks off", "u2")]


def test_folds_and_bare_line_feeds() -> None:
    title = "Früh gewarnt: Überschwemmung 2027"
    line = f"SUMMARY:{title}".encode()
    cut = line.index("Ü".encode()) + 1  # in the middle of the character
    line = line[:cut] + b"\r\n " + line[cut:]
    body = calendar(an_event("SUMMARY:X")).replace(b"SUMMARY:X", line).replace(b"\r\n", b"\n")
    ((document,), _) = ics.parse(body, a_source(), url="u", since=SINCE)
    assert document.title == title


def a_deadline(kind: str, day: str, uid: str, edition: str = "quiet27") -> str:
    """One event as CCFDDL writes them."""
    return an_event(
        f"X-CCFDDL-ID:{edition}",
        f"SUMMARY:QUIET 2027 {kind}",
        "DESCRIPTION:Conference on Quiet Skies\\n🗓️ Date: September 30 - October 2\\, 2027"
        "\\n📍 Location: Padua\\, Italy\\nCategory: Networks (NW)",
        "LOCATION:Padua\\, Italy",
        "URL:https://quiet.test/27",
        uid=uid,
        start=f';TZID="UTC-12:00":{day}T235959',
    )


def test_the_deadlines_of_an_edition_are_one_document() -> None:
    found, skipped = parse(
        a_deadline("Deadline [round 1]", "20261001", "d1"),
        a_deadline("Final Decisions [round 1]", "20261120", "d2"),
        a_deadline("Deadline [round 2]", "20270315", "d3"),
        a_deadline("Abstract Deadline [round 2]", "20270308", "d4"),
        a_deadline("Rebuttal Submission", "20261201", "d5"),
        a_deadline("Deadline", "20250101", "d6", edition="other25").replace(
            "2\\, 2027", "2\\, 2025"
        ),
    )
    (document,) = found
    assert document.title == "Conference on Quiet Skies (QUIET 2027)"
    assert (document.native_id, document.url) == ("quiet27", "https://quiet.test/27")
    assert document.event == Event(
        starts=date(2027, 9, 30),
        ends=date(2027, 10, 2),
        place="Padua, Italy",
        country="IT",
        deadline=date(2027, 3, 8),
    )
    assert skipped == ["over"]


def test_a_broken_deadline_leaves_the_others_of_its_edition() -> None:
    ((document,), skipped) = parse(
        a_deadline("Deadline [round 1]", "2026100", "d1"),
        a_deadline("Deadline [round 2]", "20270315", "d2"),
    )
    assert document.event
    assert document.event.deadline == date(2027, 3, 15)
    assert skipped == ["no date to be believed"]


@pytest.mark.parametrize("body", [b"", b"<!doctype html><html></html>", an_event().encode()])
def test_what_is_no_calendar_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError, match="not a calendar"):
        ics.parse(body, a_source(), url="https://events.test", since=SINCE)


def test_an_empty_calendar_is_one() -> None:
    assert parse() == ([], [])


def harvest(server: HTTPServer, mark: Watermark = WINDOW) -> list[Page]:
    server.expect_request("/robots.txt").respond_with_data("", status=404)
    source = a_source(server.url_for("/all.ics"))
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
        return list(ics.pages(source, Access(http, source), mark))


def test_an_unchanged_calendar_is_not_read_again(httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        if request.headers.get("If-None-Match") == '"1"':
            return Response(status=304)
        return Response(calendar(an_event()), headers={"ETag": '"1"'})

    httpserver.expect_request("/all.ics").respond_with_handler(answer)
    (page,) = harvest(httpserver)
    assert len(page.documents) == 1
    assert (page.mark.until, page.mark.cursor) == (date(2026, 11, 15), "")
    (again,) = harvest(httpserver, page.mark.aim(date(2026, 11, 16), date(2026, 11, 22)))
    assert (again.documents, again.mark.etag) == ((), '"1"')
    assert again.mark.until == date(2026, 11, 22)


def test_an_error_tells_address_and_status(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/all.ics").respond_with_data("gone", status=410)
    with pytest.raises(SourceError) as caught:
        harvest(httpserver)
    assert caught.value.status == 410
    assert caught.value.url.endswith("/all.ics")


def test_events_arrive_in_the_forums_view(tmp_path: Path) -> None:
    found, _ = parse(
        an_event(
            "SUMMARY:Rescue robots 2027",
            "DTEND;VALUE=DATE:20270305",
            "LOCATION:Sendai\\, Japan",
            "URL:https://events.test/1",
        ),
        a_deadline("Deadline", "20270315", "d1"),
    )
    with open_writer(tmp_path / "h.duckdb", load_partners(ROOT / "config")) as con:
        documents.add(
            con,
            [*found, replace(found[0], title="No event", native_id="x", event=None)],
            week="2026-W46",
        )
        rows = con.execute(
            "SELECT name, starts, ends, place, country, deadline, url FROM forums ORDER BY starts"
        ).fetchall()
    assert rows == [
        (
            "Rescue robots 2027",
            date(2027, 3, 2),
            date(2027, 3, 4),
            "Sendai, Japan",
            "JP",
            None,
            "https://events.test/1",
        ),
        (
            "Conference on Quiet Skies (QUIET 2027)",
            date(2027, 9, 30),
            date(2027, 10, 2),
            "Padua, Italy",
            "IT",
            date(2027, 3, 15),
            "https://quiet.test/27",
        ),
    ]
