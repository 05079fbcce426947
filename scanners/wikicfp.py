"""Calls for papers from WikiCFP: the RSS feed of one category, and the deadlines of its listing.

The feed (``/cfp/rss?cat=…``) has names, places and days, and is read by ``scanners.rss``. Deadlines
are not in it. The category's listing (``/cfp/call?conference=…``) has them, many in one answer,
where the pages of the events would take a request each.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from urllib.parse import urljoin

from bs4 import BeautifulSoup

from core.document import Document, Event, Kind
from core.sources import Source
from scanners import rss
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.errors import SourceError
from scanners.events import parse_days, parse_place

_TITLE = re.compile(r"(.+?) : (.+)")  # RAID 2027 : Research in Attacks, Intrusions and Defenses
_GROUP = r"\[([^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\]"
_DETAILS = re.compile(rf"{_GROUP}\s*{_GROUP}\s*$")  # … [Padua, Italy] [Sep 30, 2027 - Oct 2, 2027]
_EVENT_ID = re.compile(r"[?&]eventid=(\d+)")


def pages(source: Source, http: Access, mark: Watermark) -> Iterator[Page]:
    """Yield the feed as one page, empty if nothing changed since ``mark``.

    ``source.params``: ``cat``, a category in WikiCFP's words. A listing that cannot be read costs
    the deadlines only, and is told as one ``Skip``.

    Raises:
        SourceError: no answer, or one that is not a feed.
    """
    for page in rss.pages(source, http, mark):
        due: dict[str, date] = {}
        skipped = page.skipped
        if page.documents:
            try:
                listing = http.get(
                    urljoin(source.url, "call"), params={"conference": source.params["cat"]}
                )
                due = deadlines(listing.body)
            except SourceError as error:
                skipped += (Skip("no deadlines: the listing was not read", str(error)),)
        documents = tuple(call_for_papers(item, source, due) for item in page.documents)
        yield replace(page, documents=documents, skipped=skipped)


def call_for_papers(item: Document, source: Source, due: Mapping[str, date]) -> Document:
    """Return the call that an item of the feed tells; ``due``: event id → deadline."""
    title = _TITLE.fullmatch(item.title)
    event_id = _event_id(item.url)
    details = _DETAILS.search(item.abstract)
    place, country = parse_place(details[1]) if details else (None, None)
    starts, ends = (details and parse_days(details[2])) or (None, None)
    return replace(
        item,
        kind=Kind.CALL_FOR_PAPERS,
        title=f"{title[2]} ({title[1]})" if title else item.title,
        abstract="",  # the name, the place and the days once more
        native_id=event_id or item.native_id,
        # Without the number of whoever copied it, which varies.
        url=re.sub(r"&copyownerid=\d+", "", item.url),
        venue="WikiCFP",
        countries=(country,) if country else source.countries,
        event=Event(
            starts=starts, ends=ends, place=place, country=country, deadline=due.get(event_id)
        ),
    )


def deadlines(listing: bytes) -> dict[str, date]:
    """Return event id → submission deadline, of those that a category's listing gives.

    An event has two rows: its name with the link; when, where and the deadline.
    """
    found = {}
    for link in BeautifulSoup(listing, "lxml").select("td[rowspan] a[href*='eventid=']"):
        row = link.find_parent("tr")
        details = row and row.find_next_sibling("tr")
        cells = details.find_all("td") if details else []
        # "Jul 3, 2026 (Jun 26, 2026)": the paper's, and the abstract's before it.
        if len(cells) == 3 and (days := parse_days(cells[2].get_text(" ").partition("(")[0])):
            found[_event_id(str(link["href"]))] = days[0]
    return found


def _event_id(url: str) -> str:
    match = _EVENT_ID.search(url)
    return match[1] if match else ""
