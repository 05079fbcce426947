"""Feeds: every dialect becomes documents, and nothing is lost uncounted."""

import io
import json
import re
import warnings
from collections import Counter
from datetime import date
from html import escape
from pathlib import Path

import feedparser
import pytest
from pytest_httpserver import HTTPServer

from core.document import Document, Kind
from core.settings import HttpSettings
from core.sources import Source
from core.text import plain
from scanners import rss
from scanners.access import Access
from scanners.base import Skip, Watermark
from scanners.errors import SourceError
from scanners.http import Http

URL = "https://news.example/feeds/all.xml"
SOURCE = Source(id="news", kind="rss", name="News", url=URL, country="SE", language="sv")

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
     xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/">
<channel><title>Harbour News</title><link>https://news.example/</link><language>en-GB</language>
{items}
</channel></rss>"""


def read(
    body: str | bytes, source: Source = SOURCE, headers: dict[str, str] | None = None
) -> tuple[list[Document], list[Skip]]:
    body = body.encode() if isinstance(body, str) else body
    return rss.parse(body, source, url=URL, headers=headers or {})[:2]


def only(body: str | bytes, source: Source = SOURCE) -> Document:
    (document,), skipped = read(body, source)
    assert skipped == []
    return document


def item(inside: str, source: Source = SOURCE) -> Document:
    """Return the document of an RSS item with an id and what is ``inside``."""
    return only(RSS.format(items=f"<item><guid>g1</guid>{inside}</item>"), source)


def test_an_rss_item_becomes_a_document() -> None:
    document = item("""
        <title>Ferry &amp;amp; port drill</title><link>../2026/drill?a=1&amp;b=2</link>
        <pubDate>Mon, 16 Nov 2026 00:10:00 +0900</pubDate>
        <dc:creator>Ada Berg</dc:creator><dc:creator>Bo Ek; Cy Lund</dc:creator>
        <prism:doi>10.1234/AB.5</prism:doi>
        <description>Short.</description>
        <content:encoded>
            <![CDATA[<p>Longer <b>text</b> of it.</p><script>x()</script>]]>
        </content:encoded>
    """)
    assert document.title == "Ferry & port drill"
    assert document.url == "https://news.example/2026/drill?a=1&b=2"
    assert (document.published, document.precision) == (date(2026, 11, 16), "day")  # in Seoul
    assert document.authors == ("Ada Berg", "Bo Ek", "Cy Lund")
    assert document.doi == "10.1234/ab.5"
    assert document.abstract == "Longer text of it."
    assert document.venue == "Harbour News"
    assert document.language == "en"
    assert document.countries == ("SE",)
    assert document.kind == Kind.NEWS
    assert document.native_id.endswith("g1")
    json.dumps(dict(document.raw))
    assert "Longer" not in str(document.raw)


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr" xml:base="https://labo.example/a/">
<title>Le labo</title><entry><id>urn:1</id><title type="html">Un &lt;i&gt;essai&lt;/i&gt;</title>
<link rel="alternate" type="application/pdf" href="b.pdf"/>
<updated>2026-11-03T23:30:00-05:00</updated>
<author><name>Léa Roy</name><email>l@labo.example</email></author><summary>Court.</summary>
</entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="x"><title>Le labo</title></channel>
<item rdf:about="urn:1"><title>Un essai</title><link>https://labo.example/a/b.pdf</link>
<dc:date>2026-11-03</dc:date><dc:creator>Léa Roy</dc:creator><dc:language>fr</dc:language>
<description>Court.</description></item></rdf:RDF>"""
JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Le labo",
        "language": "fr-FR",
        "items": [
            {
                "id": "urn:1",
                "url": "https://labo.example/a/b.pdf",
                "title": "Un essai",
                "content_html": "<p>Court.</p>",
                "date_published": "2026-11-03T08:00:00Z",
                "authors": [{"name": "Léa Roy"}],
            }
        ],
    }
)


@pytest.mark.parametrize("feed", [ATOM, RDF, JSON], ids=["atom", "rdf", "json"])
def test_the_dialects_say_the_same(feed: str) -> None:
    document = only(feed)
    assert document.title == "Un essai"
    assert document.native_id == "urn:1"
    assert document.url == "https://labo.example/a/b.pdf"
    assert document.abstract == "Court."
    assert document.published == date(2026, 11, 3)
    assert document.authors == ("Léa Roy",)
    assert document.venue == "Le labo"
    assert document.language == "fr"


def test_cdf() -> None:
    documents, skipped = read(
        '<CHANNEL HREF="https://cdf.example/"><TITLE>Old</TITLE>'
        '<ITEM HREF="https://cdf.example/1"><TITLE>One</TITLE></ITEM></CHANNEL>'
    )
    assert [(d.title, d.url, d.native_id) for d in documents] == [
        ("One", "https://cdf.example/1", "https://cdf.example/1")
    ]
    assert skipped == []


def test_json_feed_1_0_and_items_that_are_none() -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1",
        "title": "T",
        "items": [
            {"id": 7, "content_text": "No title, a < b.", "author": {"name": "A"}},
            "nonsense",
            {"id": "8", "title": ["not", "text"]},
            {"id": "9", "title": "Fine", "url": "http://[", "authors": {"name": "A"}},
            {"id": "10", "title": "Good", "external_url": "/x"},
        ],
    }
    documents, skipped = read(b"\xef\xbb\xbf" + json.dumps(feed).encode())
    assert [(d.native_id, d.title, d.authors, d.url) for d in documents] == [
        ("7", "No title, a < b.", ("A",), ""),
        ("10", "Good", (), "https://news.example/x"),
    ]
    assert [(s.reason, s.entry) for s in skipped] == [
        ("no title", ""),
        ("no title", "8"),
        ("Invalid IPv6 URL", "9"),
    ]


ARXIV_ITEM = """<item><title>Drones</title><link>https://arxiv.org/abs/2401.01234</link>
<description>arXiv:2401.01234v{version} Announce Type: {announced}
Abstract: If $a&lt;b$ then $p&lt;q$ holds.</description>
<guid isPermaLink="false">oai:arXiv.org:2401.01234v{version}</guid>
<category>cs.CR</category><arxiv:announce_type>{announced}</arxiv:announce_type>
<dc:creator>Ann Able (MIT, Boston), Bo van Dyk, Chen Li</dc:creator></item>"""


def test_arxiv_feed() -> None:
    source = SOURCE.model_copy(update={"yields": Kind.PREPRINT, "country": "multi"})
    feed = RSS.format(
        items=ARXIV_ITEM.format(version=1, announced="new")
        + ARXIV_ITEM.format(version=2, announced="replace-cross")
    ).replace("<rss", '<rss xmlns:arxiv="http://arxiv.org/schemas/atom"')
    (new, replaced), skipped = read(feed, source)
    assert skipped == []
    assert new.id == replaced.id
    assert new.arxiv_id == "2401.01234"
    assert new.abstract == "If $a<b$ then $p<q$ holds."
    assert new.authors == ("Ann Able", "Bo van Dyk", "Chen Li")
    assert new.kind == Kind.PREPRINT
    assert new.countries == ()
    assert replaced.raw["arxiv_announce_type"] == "replace-cross"
    assert replaced.raw["tags"] == ["cs.CR"]


def test_a_missing_title_is_made_of_the_first_words() -> None:
    text = "Observers count ships " * 12
    document = item(f"<description>{text}</description>")
    assert len(document.title) <= 100
    assert text.startswith(document.title + " ")
    assert document.abstract == text.strip()
    assert item("<description>Brief note</description>").title == "Brief note"
    assert item(f"<description>{'港' * 130}</description>").title == "港" * 100


def test_what_cannot_become_a_document_is_counted() -> None:
    documents, skipped = read(
        RSS.format(
            items="<item><guid>a</guid></item><item><title>B</title></item>"
            "<item><guid>c</guid><title>C</title></item>"
        )
    )
    assert [d.title for d in documents] == ["C"]
    assert [s.reason.split(":")[0] for s in skipped] == ["no title", "no identifier"]
    assert skipped[0].entry.endswith("a")
    assert skipped[1].entry == "B"


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("<pubDate>2026</pubDate>", (date(2026, 1, 1), "year")),
        ("<dc:date>2026-05</dc:date>", (date(2026, 5, 1), "month")),
        ("<pubDate>Mon, 01 Jan 0001 00:00:00 GMT</pubDate>", (None, "day")),
        (
            "<pubDate>0001-01-01T00:00:00Z</pubDate><dc:date>2026-02-03</dc:date>",
            (date(2026, 2, 3), "day"),
        ),
        ("<pubDate>Sat, 31 Feb 2026 10:00:00 GMT</pubDate>", (None, "day")),
        ("<pubDate>next Tuesday</pubDate>", (None, "day")),
    ],
)
def test_dates(dates: str, expected: tuple[date | None, str]) -> None:
    document = item(f"<title>T</title>{dates}")
    assert (document.published, document.precision) == expected


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("for a<b and c>d", "for a<b and c>d"),
        ("one<br/>two", "one two"),
        ("<jats:p>Ships.</jats:p>", "Ships."),
        ("Caf&eacute; &#8211; a<b", "Café – a<b"),
        ("<p>Seen</p><style>p{}</style><!-- not -->", "Seen"),
    ],
)
def test_text_that_may_be_html(markup: str, text: str) -> None:
    assert item(f"<title>T</title><description>{escape(markup)}</description>").abstract == text


@pytest.mark.parametrize(
    ("identifier", "doi"),
    [
        ("<dc:identifier>doi:10.1234/x</dc:identifier>", "10.1234/x"),
        ("<link>https://doi.org/10.1234/x</link>", "10.1234/x"),
        ("<link>https://publisher.example/doi/full/10.1234/x?af=R</link>", None),
    ],
)
def test_doi(identifier: str, doi: str | None) -> None:
    assert item(f"<title>T</title>{identifier}").doi == doi


def test_language_falls_back_to_the_source() -> None:
    feed = RSS.replace("<language>en-GB</language>", "").format(
        items="<item><guid>1</guid><title>T</title></item>"
    )
    assert only(feed).language == "sv"


def test_a_feed_in_another_encoding() -> None:
    body = RSS.replace("utf-8", "euc-kr").format(
        items="<item><guid>1</guid><title>드론 탐지</title></item>"
    )
    assert only(body.encode("euc-kr")).title == "드론 탐지"


def test_references_to_no_character_do_not_cost_the_feed() -> None:
    broken = "<title>Sm&#xD83D;&#xDE00;ile &#55357; &#1114112; &#44032;</title><br>"
    title = item(broken).title
    assert title.startswith("Sm")
    assert "ile" in title
    assert title.endswith("가")


def test_an_ill_formed_feed_keeps_its_entries() -> None:
    documents, _ = read(
        RSS.format(
            items="<item><guid>1</guid><title>Fire & flood</title></item>"
            "<item><guid>2</guid><title>Second</title>"
        ).replace("</channel></rss>", "")
    )
    assert [d.title for d in documents] == ["Fire & flood", "Second"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"Service unavailable",
        b"<!DOCTYPE html><html><head><title>Log in</title></head><body><p>Hello</p></body></html>",
        b"<record><title>other XML</title></record>",
        b'{"error": "no such feed"}',
        b'{"version": "https://jsonfeed.org/version/1.1", "items": [',
        b'{"version": "https://jsonfeed.org/version/1.1", "title": "No items"}',
        b'{"a":' * 100_000,
        b"/etc/hostname",
    ],
)
def test_what_is_not_a_feed(body: bytes) -> None:
    with pytest.raises(SourceError, match="not a feed") as caught:
        read(body)
    assert caught.value.url == URL


def test_an_empty_feed_is_a_feed() -> None:
    assert read(RSS.format(items="")) == ([], [])


def test_conditional_requests(httpserver: HTTPServer) -> None:
    feed = RSS.format(items="<item><link>/1</link><title>One</title></item>")
    path = "/feed.xml"
    httpserver.expect_ordered_request("/robots.txt").respond_with_data("", status=404)
    httpserver.expect_ordered_request(path).respond_with_data(
        feed, content_type="application/rss+xml", headers={"ETag": '"v1"', "Last-Modified": "then"}
    )
    httpserver.expect_ordered_request(
        path, headers={"If-None-Match": '"v1"', "If-Modified-Since": "then"}
    ).respond_with_data(status=304)
    source = SOURCE.model_copy(update={"url": httpserver.url_for(path), "allow_private": True})
    window = date(2026, 11, 9), date(2026, 11, 15)
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as http:
        (first,) = rss.pages(source, Access(http, source), Watermark().aim(*window))
        (second,) = rss.pages(source, Access(http, source), first.mark.aim(*window))
    httpserver.check()
    assert [d.url for d in first.documents] == [httpserver.url_for("/1")]
    assert first.mark == Watermark(until=window[1], etag='"v1"', last_modified="then")
    assert second.documents == second.skipped == ()
    assert second.mark == first.mark


def test_an_error_of_the_server_is_a_source_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/feed").respond_with_data("down", status=500)
    httpserver.expect_request("/robots.txt").respond_with_data("", status=404)
    source = SOURCE.model_copy(update={"url": httpserver.url_for("/feed"), "allow_private": True})
    mark = Watermark().aim(date(2026, 1, 1), date(2026, 1, 2))
    with (
        Http(HttpSettings(interval=0, backoff=0, retries=0)) as http,
        pytest.raises(SourceError) as caught,
    ):
        list(rss.pages(source, Access(http, source), mark))
    assert caught.value.status == 500


@pytest.mark.realdata
def test_every_feed_of_feedparser(shared: Path) -> None:
    files = sorted((shared / "feeds" / "feedparser").rglob("*.xml"))
    seen: Counter[str] = Counter()
    for file in files:
        body = file.read_bytes()
        headers = {  # that feedparser's own tests send with the file
            name.decode().lower(): value.decode().strip()
            for name, value in re.findall(rb"^Header:\s+([\w-]+):(.*)$", body, re.MULTILINE)
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of undeclared encodings, which are the point
            expected = feedparser.parse(io.BytesIO(body), response_headers=headers).entries
        try:
            documents, skipped = read(body, headers=headers)
        except SourceError:
            assert expected == [], file
            seen["no feed"] += 1
            continue
        assert len(documents) + len(skipped) == len(expected), file
        complete = [
            entry
            for entry in expected
            if plain(entry.get("title")) and plain(entry.get("id") or entry.get("link"))
        ]
        assert len(documents) >= len(complete), file
        seen["documents"] += len(documents)
        seen["skipped"] += len(skipped)
    assert seen["documents"] > 0
    assert seen["no feed"] < 10


def test_the_day_a_feed_was_made() -> None:
    feed = """<rss version="2.0"><channel><title>T</title>
    <lastBuildDate>Mon, 16 Nov 2026 05:00:00 GMT</lastBuildDate>
    <item><title>Old</title><guid>1</guid><pubDate>Fri, 13 Nov 2026 00:00:00 GMT</pubDate></item>
    </channel></rss>"""
    answer = rss.parse(feed.encode(), SOURCE, url=URL, headers={})
    assert answer.built == date(2026, 11, 16)
    assert answer.documents[0].published == date(2026, 11, 13)
    assert (
        rss.parse(b"<rss version='2.0'><channel/></rss>", SOURCE, url=URL, headers={}).built is None
    )
