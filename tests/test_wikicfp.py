"""The WikiCFP scanner: the feed's own pattern, the listing's deadlines, and when they fail."""

from datetime import date
from pathlib import Path

import pytest
from conftest import ROOT
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Event, Kind
from core.partners import load_partners
from core.settings import HttpSettings
from core.sources import Source
from scanners import wikicfp
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import SourceError
from scanners.events import parse_days, parse_place
from scanners.http import Http
from store import documents
from store.database import open_writer

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))


def item(
    number: int,
    title: str = "QUIET 2027 : Conference on Quiet Skies",
    description: str = "Conference on Quiet Skies [Padua, Italy] [Sep 30, 2027 - Oct 2, 2027]",
) -> str:
    link = "http://www.wikicfp.com/cfp/servlet/event.showcfp"
    return f"""<item><title>{title}</title>
      <link>{link}?eventid={number}&amp;copyownerid=171656</link>
      <description>{description}</description>
      <guid isPermaLink="false">cfp-9{number}-S@wikicfp.com</guid></item>"""


def feed(*items: str) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel>
      <title>CFPs on Security : WikiCFP</title>
      <link>http://www.wikicfp.com/cfp/call?conference=security</link>
      <description>Calls</description>{"".join(items)}</channel></rss>"""


def listing(deadlines: dict[int, str]) -> str:
    rows = "".join(
        f"""<tr bgcolor="#f6f6f6"><td rowspan="2" align="left">
          <a href="/cfp/servlet/event.showcfp?eventid={number}&amp;copyownerid=5">Q</a></td>
          <td align="left" colspan="3">A conference</td></tr>
          <tr bgcolor="#f6f6f6"><td>Sep 30, 2027 - Oct 2, 2027</td><td>Padua</td>
          <td>{deadline}</td></tr>"""
        for number, deadline in deadlines.items()
    )
    return f"""<html><body><table><tr><td>Event</td><td>When</td><td>Where</td>
      <td>Deadline</td></tr>{rows}</table></body></html>"""


class Site:
    """A WikiCFP of one category."""

    def __init__(self, server: HTTPServer) -> None:
        self.feed = Response(feed(), content_type="text/xml")
        self.listing = Response(listing({}), content_type="text/html")
        self.robots = Response("", status=404)
        self.asked: list[str] = []
        server.expect_request("/robots.txt").respond_with_handler(lambda _: self.robots)
        server.expect_request(
            "/cfp/rss", query_string={"cat": "public health"}
        ).respond_with_handler(lambda request: self.answer(request, self.feed))
        server.expect_request(
            "/cfp/call", query_string={"conference": "public health"}
        ).respond_with_handler(lambda request: self.answer(request, self.listing))
        self.source = Source(
            id="calls",
            kind="wikicfp",
            name="WikiCFP",
            url=server.url_for("/cfp/rss"),
            params={"cat": "public health"},
            allow_private=True,
        )

    def answer(self, request: Request, response: Response) -> Response:
        self.asked.append(request.path)
        etag = response.headers.get("ETag")
        return Response(status=304) if etag and request.headers.get("If-None-Match") else response

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
            return list(wikicfp.pages(self.source, Access(http, self.source), mark))


@pytest.fixture
def site(httpserver: HTTPServer) -> Site:
    return Site(httpserver)


def test_an_item_becomes_a_call(site: Site) -> None:
    site.feed.data = feed(item(7))
    site.listing.data = listing({7: "Mar 15, 2027 (Mar 8, 2027)"})
    (page,) = site.pages()
    (document,) = page.documents
    assert (document.kind, document.native_id) == (Kind.CALL_FOR_PAPERS, "7")
    assert document.title == "Conference on Quiet Skies (QUIET 2027)"
    assert document.url == "http://www.wikicfp.com/cfp/servlet/event.showcfp?eventid=7"
    assert (document.abstract, document.published) == ("", None)
    assert document.countries == ("IT",)
    assert document.event == Event(
        starts=date(2027, 9, 30),
        ends=date(2027, 10, 2),
        place="Padua, Italy",
        country="IT",
        deadline=date(2027, 3, 15),
    )
    assert page.skipped == ()
    assert page.mark.until == date(2026, 11, 15)


@pytest.mark.parametrize(
    ("description", "event"),
    [
        ("Name [N/A] [N/A]", Event()),
        ("Name without a place", Event()),
        (
            "Name [Online] [Nov 9, 2026]",
            Event(starts=date(2026, 11, 9), ends=date(2026, 11, 9), place="Online"),
        ),
        (
            "Name [and more] [Hall [A], Lyon, France] [Nov 9, 2026 - Nov 8, 2026]",
            Event(place="Hall [A], Lyon, France", country="FR"),
        ),
    ],
)
def test_what_a_description_may_leave_out(site: Site, description: str, event: Event) -> None:
    site.feed.data = feed(item(7, description=description))
    ((document,),) = (page.documents for page in site.pages())
    assert document.event == event


def test_a_title_of_another_form_stays(site: Site) -> None:
    site.feed.data = feed(item(7, title="A journal's special issue: floods"))
    ((document,),) = (page.documents for page in site.pages())
    assert document.title == "A journal's special issue: floods"


def test_the_copier_does_not_make_another_call(site: Site) -> None:
    site.feed.data = feed(item(7), item(7).replace("171656", "5"))
    ((first, second),) = (page.documents for page in site.pages())
    assert first.id == second.id


def test_deadlines_reach_only_those_that_have_one(site: Site) -> None:
    site.feed.data = feed(item(7), item(8), item(9))
    site.listing.data = listing({9: "Jan 5, 2027", 8: "TBD", 10: "Feb 1, 2027"})
    (page,) = site.pages()
    found = [document.event and document.event.deadline for document in page.documents]
    assert found == [None, None, date(2027, 1, 5)]
    assert site.asked == ["/cfp/rss", "/cfp/call"]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_listing_that_fails_costs_the_deadlines_only(site: Site, status: int) -> None:
    site.feed.data = feed(item(7))
    site.listing.status_code = status
    (page,) = site.pages()
    assert [document.native_id for document in page.documents] == ["7"]
    (skip,) = page.skipped
    assert skip.reason.startswith("no deadlines")
    assert f"HTTP {status}" in skip.entry


def test_a_listing_that_robots_may_not_read_is_not_read(site: Site) -> None:
    site.robots = Response("User-agent: *\nDisallow: /cfp/call")
    site.feed.data = feed(item(7))
    (page,) = site.pages()
    assert len(page.documents) == 1
    assert "robots.txt" in page.skipped[0].entry
    assert site.asked == ["/cfp/rss"]


def test_a_spent_budget_costs_the_deadlines_only(site: Site) -> None:
    site.feed.data = feed(item(7))
    site.source = site.source.model_copy(update={"budget": 2})  # robots.txt and the feed
    (page,) = site.pages()
    assert len(page.documents) == 1
    assert "budget" in page.skipped[0].entry
    assert site.asked == ["/cfp/rss"]


@pytest.mark.parametrize(
    "text", ["", "<html>nothing</html>", "<table><td rowspan=2><a href='?eventid=1'>"]
)
def test_a_listing_of_another_form_gives_no_deadlines(text: str) -> None:
    assert wikicfp.deadlines(text.encode()) == {}


def test_an_unknown_category_is_an_empty_feed(site: Site) -> None:
    (page,) = site.pages()
    assert (page.documents, page.skipped) == ((), ())
    assert site.asked == ["/cfp/rss"]


def test_an_unchanged_feed_asks_for_nothing_more(site: Site) -> None:
    site.feed.data = feed(item(7))
    site.feed.headers["ETag"] = '"1"'
    (page,) = site.pages()
    site.asked.clear()
    (again,) = site.pages(page.mark.aim(date(2026, 11, 16), date(2026, 11, 22)))
    assert (again.documents, site.asked) == ((), ["/cfp/rss"])


def test_a_web_page_is_refused(site: Site) -> None:
    site.feed.data = "<!doctype html><html><head><title>Busy</title></head><body></body></html>"
    with pytest.raises(SourceError, match="not a feed"):
        site.pages()


def test_an_error_tells_the_status(site: Site) -> None:
    site.feed.status_code = 503
    with pytest.raises(SourceError) as caught:
        site.pages()
    assert caught.value.status == 503


def test_calls_arrive_in_the_forums_view(site: Site, tmp_path: Path) -> None:
    site.feed.data = feed(item(7))
    site.listing.data = listing({7: "Mar 15, 2027"})
    (page,) = site.pages()
    with open_writer(tmp_path / "h.duckdb", load_partners(ROOT / "config")) as con:
        documents.add(con, page.documents, week="2026-W46")
        rows = con.execute(
            "SELECT name, starts, ends, place, country, deadline, url FROM forums"
        ).fetchall()
    assert rows == [
        (
            "Conference on Quiet Skies (QUIET 2027)",
            date(2027, 9, 30),
            date(2027, 10, 2),
            "Padua, Italy",
            "IT",
            date(2027, 3, 15),
            "http://www.wikicfp.com/cfp/servlet/event.showcfp?eventid=7",
        )
    ]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Oct 28, 2027 - Oct 29, 2027", date(2027, 10, 28), date(2027, 10, 29)),
        ("October 6-8, 2021", date(2021, 10, 6), date(2021, 10, 8)),
        ("March 28-31 , 2022", date(2022, 3, 28), date(2022, 3, 31)),
        ("March 30 – April 2, 2027", date(2027, 3, 30), date(2027, 4, 2)),
        ("Dec 30 - Jan 2, 2027", date(2026, 12, 30), date(2027, 1, 2)),
        ("6th to 8th October 2027", date(2027, 10, 6), date(2027, 10, 8)),
        ("Sept. 9, 2026", date(2026, 9, 9), date(2026, 9, 9)),
    ],
)
def test_days(text: str, first: date, last: date) -> None:
    assert parse_days(text) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TBD",
        "2027",
        "April 2027",
        "May 3",
        "Feb 30, 2027",
        "May 3, 3024",
        "May 8, 2027 - May 3, 2027",
        "1 - 2 - 3 May 2027",
    ],
)
def test_no_days(text: str) -> None:
    assert parse_days(text) is None


@pytest.mark.parametrize(
    ("text", "place", "country"),
    [
        ("Vienna, Austria", "Vienna, Austria", "AT"),
        ("Las Vegas, NV, USA", "Las Vegas, NV, USA", "US"),
        ("Virtual", "Virtual", None),
        (" n/a ", None, None),
    ],
)
def test_places(text: str, place: str | None, country: str | None) -> None:
    assert parse_place(text) == (place, country)
