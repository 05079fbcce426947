"""Discovery: what can be harvested at an address, as a source that can be added."""

import json
from collections.abc import Iterator
from datetime import date

import pytest
from pytest_httpserver import HTTPServer

from core.settings import HttpSettings
from core.sources import Source
from scanners.discover import Proposal, country_of_host, discover
from scanners.errors import Blocked, SourceError
from scanners.http import Http

RSS = """<rss version="2.0"><channel><title>{title}</title><language>{language}</language>
<item><guid>1</guid><title>A</title><pubDate>Fri, 13 Nov 2026 08:00:00 GMT</pubDate></item>
<item><guid>2</guid><title>B</title><pubDate>Fri, 06 Nov 2026 08:00:00 GMT</pubDate></item>
<item><guid>3</guid><title>C</title><pubDate>Fri, 30 Oct 2026 08:00:00 GMT</pubDate></item>
</channel></rss>"""
SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://a.example/1</loc><lastmod>2026-11-12</lastmod></url>
<url><loc>https://a.example/2</loc></url></urlset>"""
IDENTIFY = """<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><Identify>
<repositoryName>Dépôt de l’Institut</repositoryName></Identify></OAI-PMH>"""
BAD_VERB = """<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">
<error code="badVerb">Illegal verb</error></OAI-PMH>"""
CALENDAR = "\r\n".join(
    ["BEGIN:VCALENDAR", "X-WR-CALNAME:Drone events", "BEGIN:VEVENT", "END:VEVENT", "END:VCALENDAR"]
)
JSON_FEED = json.dumps(
    {"version": "https://jsonfeed.org/version/1.1", "title": "Le labo", "language": "fr",
     "items": [{"id": "1", "title": "Un essai", "date_published": "2026-11-12T00:00:00Z"}]}
)  # fmt: skip


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as client:
        yield client


def serve(
    httpserver: HTTPServer, path: str, body: str, content_type: str = "text/xml", **keywords: object
) -> None:
    httpserver.expect_request(path, **keywords).respond_with_data(body, content_type=content_type)


def found(httpserver: HTTPServer, http: Http, path: str) -> list[Proposal]:
    httpserver.expect_request("/robots.txt").respond_with_data("", content_type="text/plain")
    proposals = discover(httpserver.url_for(path), http, allow_private=True)
    for proposal in proposals:
        Source.model_validate(proposal.source)
        assert proposal.source["allow_private"] is True
    return proposals


def test_an_address_that_is_a_feed(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, "/feed", RSS.format(title="Harbour \u202eNews", language="sv-SE"))
    (proposal,) = found(httpserver, http, "/feed")
    assert proposal.source == {
        "id": "localhost",
        "kind": "rss",
        "name": "Harbour News",
        "url": httpserver.url_for("/feed"),
        "language": "sv",
        "rhythm_days": 7,
        "allow_private": True,
        "seen_at": httpserver.url_for("/feed"),
    }
    assert (proposal.items, proposal.newest) == (3, date(2026, 11, 13))
    assert proposal.robots
    assert proposal.problem == ""


@pytest.mark.parametrize(
    ("path", "body", "kind", "name", "items"),
    [
        ("/feed.json", JSON_FEED, "rss", "Le labo", 1),
        ("/events.ics", "\ufeff" + CALENDAR, "ics", "Drone events", 1),
    ],
)
def test_an_address_that_is_a_source(
    httpserver: HTTPServer, http: Http, path: str, body: str, kind: str, name: str, items: int
) -> None:
    serve(httpserver, path, body, "application/octet-stream")
    (proposal,) = found(httpserver, http, path)
    assert (proposal.source["kind"], proposal.source["name"]) == (kind, name)
    assert proposal.items == items


def test_an_address_that_is_a_sitemap(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, "/map.xml", SITEMAP)
    (proposal,) = found(httpserver, http, "/map.xml")
    assert proposal.source["kind"] == "sitemap"
    assert (proposal.items, proposal.newest) == (2, date(2026, 11, 12))


@pytest.mark.parametrize("path", ["/oai/request", "/repository", "/oai/request?verb=ListSets"])
def test_an_address_that_is_a_repository(httpserver: HTTPServer, http: Http, path: str) -> None:
    base = path.partition("?")[0]
    serve(httpserver, base, IDENTIFY, query_string={"verb": "Identify"})
    serve(httpserver, base, BAD_VERB)
    (proposal,) = found(httpserver, http, path)
    assert proposal.source["kind"] == "oai_pmh"
    assert proposal.source["url"] == httpserver.url_for(base)
    assert proposal.source["name"] == "Dépôt de l’Institut"
    assert proposal.items is None


PAGE = """<html lang="ko-KR"><head><title>국방 연구소</title><base href="/site/">
<link rel="alternate" type="application/rss+xml" href="news.xml">
<link rel="alternate" type="application/atom+xml; charset=utf-8" href="/gone">
<link rel="alternate" type="application/json" href="/wp-json">
<link rel="alternate" hreflang="en" href="/en">
</head><body><a href="/rss">RSS</a><a href="/site/news.xml">again</a><a href="javascript:rss">x</a>
<a href="/breakfeed">no</a><a href="/secret/feed">S</a></body></html>"""


def test_what_a_page_leads_to(httpserver: HTTPServer, http: Http) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data(
        f"User-agent: *\nDisallow: /secret\nSitemap: {httpserver.url_for('/map.xml')}\n"
        "Sitemap: javascript:x\n",
        content_type="text/plain",
    )
    serve(httpserver, "/", PAGE, "text/html; charset=utf-8")
    serve(httpserver, "/site/news.xml", RSS.format(title="소식", language=""))
    serve(httpserver, "/gone", "<p>Moved</p>", "text/html")
    serve(httpserver, "/rss", RSS.format(title="", language="en"))
    serve(httpserver, "/map.xml", SITEMAP)
    proposals = found(httpserver, http, "/")
    at = httpserver.url_for
    assert [
        (p.source["id"], p.source["kind"], p.source["url"], p.source["name"], p.source["language"])
        for p in proposals
    ] == [
        ("localhost", "rss", at("/site/news.xml"), "소식", "ko"),
        ("localhost-2", "rss", at("/gone"), "국방 연구소", "ko"),
        ("localhost-3", "rss", at("/rss"), "국방 연구소", "en"),
        ("localhost-4", "rss", at("/secret/feed"), "국방 연구소", "ko"),
        ("localhost-5", "sitemap", at("/map.xml"), "국방 연구소", "ko"),
    ]
    assert [p.items for p in proposals] == [3, None, 3, None, 2]
    assert [p.robots for p in proposals] == [True, True, True, False, True]
    assert "neither" in proposals[1].problem
    assert "robots.txt" in proposals[3].problem
    assert {p.source["seen_at"] for p in proposals} == {at("/")}


def test_a_page_that_leads_nowhere(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, "/", "<h1>Hello</h1>", "text/html")
    assert found(httpserver, http, "/") == []


def test_a_page_of_many_feeds(httpserver: HTTPServer, http: Http) -> None:
    links = "".join(f'<a href="/{number}/rss">x</a>' for number in range(30))
    serve(httpserver, "/", links, "text/html")
    assert len(found(httpserver, http, "/")) == 10


def test_an_address_that_is_nothing(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, "/x.pdf", "%PDF", "application/pdf")
    with pytest.raises(SourceError, match="not a web page"):
        found(httpserver, http, "/x.pdf")


def test_an_address_that_robots_txt_forbids(httpserver: HTTPServer, http: Http) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("User-agent: *\nDisallow: /")
    with pytest.raises(Blocked):
        found(httpserver, http, "/")


@pytest.mark.parametrize(
    ("host", "country"),
    [
        ("www.gov.uk", "GB"),
        ("www.bsi.bund.de", "DE"),
        ("www.enisa.europa.eu", "EU"),
        ("mod.go.kr", "KR"),
        ("www.dhs.gov", "US"),
        ("news.example.com", None),
        ("github.io", None),
        ("10.0.0.1", None),
        ("localhost", None),
    ],
)
def test_the_country_of_a_host(host: str, country: str | None) -> None:
    assert country_of_host(host) == country
