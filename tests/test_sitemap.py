"""Sitemaps: news as it is, pages fetched once and a few at a time, indexes one level deep."""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from html import escape

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document
from core.settings import HttpSettings
from core.sources import Source
from scanners import sitemap
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import Blocked, Changed, ComeBackLater, SourceError
from scanners.http import Http

URL = "https://agency.example/sitemap.xml"
WINDOW = date(2026, 11, 9), date(2026, 11, 15)
CORE = "http://www.sitemaps.org/schemas/sitemap/0.9"
NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as client:
        yield client


def served(httpserver: HTTPServer, **fields: object) -> Source:
    httpserver.expect_request("/robots.txt").respond_with_data("none", status=404)
    return Source.model_validate(
        {
            "id": "agency",
            "kind": "sitemap",
            "name": "The Agency",
            "url": httpserver.url_for("/sitemap.xml"),
            "country": "SG",
            "language": "en",
            "allow_private": True,
            **fields,
        }
    )


def harvest(source: Source, http: Http, mark: Watermark | None = None) -> list[Page]:
    return list(sitemap.pages(source, Access(http, source), mark or Watermark().aim(*WINDOW)))


def documents(pages: list[Page]) -> list[Document]:
    return [document for page in pages for document in page.documents]


def reasons(pages: list[Page]) -> list[str]:
    return [skip.reason for page in pages for skip in page.skipped]


def asked(httpserver: HTTPServer) -> Counter[str]:
    return Counter(request.path for request, _ in httpserver.log)


def urlset(*urls: str, namespace: str = CORE) -> bytes:
    xmlns = f'xmlns="{namespace}" xmlns:n="{NEWS}" xmlns:image="http://image.example/"'
    return f'<?xml version="1.0"?><urlset {xmlns}>{"".join(urls)}</urlset>'.encode()


def entry(loc: str, lastmod: str = "", inside: str = "") -> str:
    modified = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    return f"<url><loc>{escape(loc)}</loc>{modified}{inside}</url>"


def index(*sitemaps: tuple[str, str]) -> bytes:
    each = "".join(
        f"<sitemap><loc>{loc}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</sitemap>"
        for loc, day in sitemaps
    )
    return f'<sitemapindex xmlns="{CORE}">{each}</sitemapindex>'.encode()


def news(title: str, day: str = "2026-11-13T08:00:00+08:00", language: str = "en") -> str:
    return (
        f"<n:news><n:publication><n:name>The Times</n:name><n:language>{language}</n:language>"
        f"</n:publication><n:publication_date>{day}</n:publication_date>"
        f"<n:title>{title}</n:title></n:news>"
    )


def a_page(number: object, head: str = "") -> str:
    return f"<html lang='fr'><head><title>Page {number}</title>{head}</head><p>Text</p></html>"


def serve(httpserver: HTTPServer, path: str, body: bytes | str, **keywords: object) -> None:
    httpserver.expect_request(path).respond_with_data(
        body, content_type="text/html" if isinstance(body, str) else "text/xml", **keywords
    )


def serve_pages(httpserver: HTTPServer) -> None:
    def page(request: Request) -> Response:
        return Response(a_page(request.path), content_type="text/html")

    httpserver.expect_request(re.compile(r"/p/.*")).respond_with_handler(page)


def test_news_becomes_documents_without_asking_further(httpserver: HTTPServer, http: Http) -> None:
    site = "https://times.example"
    serve(
        httpserver,
        "/sitemap.xml",
        urlset(
            entry(f"{site}/1?a=1&b=2", inside=news("Drones &amp; ships", language="zh-cn")),
            entry(f"{site}/2", inside=news("Old", day="in spring", language="")),
            entry(f"{site}/3", inside=news("")),
            entry(f"{site}/4", inside=news("x" * 2000)),
            entry("javascript:alert(1)", inside=news("Bad")),
            entry(f"{site}:port/5", inside=news("Bad")),
            entry(f"{site}/1?a=1&b=2", inside=news("Again")),
        ),
    )
    pages = harvest(served(httpserver), http)
    first, second = documents(pages)
    assert first.title == "Drones & ships"
    assert first.url == "https://times.example/1?a=1&b=2"
    assert first.native_id == first.url
    assert (first.published, first.precision) == (date(2026, 11, 13), "day")
    assert (first.language, first.countries, first.venue) == ("zh", ("SG",), "The Times")
    assert (second.published, second.language) == (None, "en")
    assert sorted(reasons(pages)) == [
        "no address",
        "no address",
        "no title",
        "the title is too long to be one",
    ]
    assert pages[-1].mark.until == WINDOW[1]


def test_an_empty_news_sitemap_is_quiet(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, "/sitemap.xml", urlset())
    (page,) = harvest(served(httpserver, params={"include": "/news/"}), http)
    assert page.documents == page.skipped == ()
    assert page.mark.until == WINDOW[1]


HEADS = {
    "open graph": (
        '<meta property="og:title" content="The title">'
        '<meta property="og:description" content="All of the summary.">'
        '<meta name="description" content="Short.">'
        '<meta property="article:published_time" content="2026-11-12T23:59:00-05:00">'
    ),
    "json-ld": (
        '<meta name="description" content="All of the summary."></head><h1>The <i>title</i></h1>'
        '<script type="application/ld+json">not json</script>'
        '<script type="application/ld+json">{"@graph": [{"@type": "Organization"},'
        ' {"@type": "NewsArticle", "datePublished": "2026-11-12T10:00:00Z"}]}</script>'
    ),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_page_says_what_it_is(httpserver: HTTPServer, http: Http, head: str) -> None:
    source = served(httpserver)
    serve(
        httpserver,
        "/sitemap.xml",
        urlset(
            entry(
                httpserver.url_for("/p/1"),
                "2026-11-13T10:00+08:00",
                "<image:image><image:loc>http://image.example/x.png</image:loc></image:image>",
            )
        ),
    )
    serve(httpserver, "/p/1", a_page(1, head))
    (document,) = documents(harvest(source, http))
    assert document.title == "The title"
    assert document.abstract == "All of the summary."
    assert document.published == date(2026, 11, 12)
    assert (document.language, document.venue) == ("en", "The Agency")


def test_a_page_that_says_little(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver, language=None, params={"date_in_link": r"/(\d{8})"})
    urls = httpserver.url_for("/p/20261112"), httpserver.url_for("/p/x")
    serve(httpserver, "/sitemap.xml", urlset(*(entry(url, "2026-11-13") for url in urls)))
    serve_pages(httpserver)
    first, second = documents(harvest(source, http))
    assert (first.title, first.abstract, first.language) == ("Page /p/20261112", "", "fr")
    assert (first.published, second.published) == (date(2026, 11, 12), None)


def test_only_pages_of_the_window_that_are_included_are_fetched(
    httpserver: HTTPServer, http: Http
) -> None:
    source = served(httpserver, params={"include": r"/p/\d+$", "date_in_link": r"/p/(\d{8})$"})
    days = {
        "/p/1": "2026-11-08T23:59:59Z",
        "/p/2": "2026-11-09",
        "/p/3": "2026-11-15T23:00:00Z",
        "/p/4": "2026-11-16",
        "/p/about": "2026-11-12",
        "/p/20261110": "",
        "/p/5": "",
    }
    serve(
        httpserver,
        "/sitemap.xml",
        urlset(*(entry(httpserver.url_for(path), day) for path, day in days.items())),
        headers={"ETag": '"v1"'},
    )
    serve_pages(httpserver)
    pages = harvest(source, http)
    assert [d.url for d in documents(pages)] == [
        httpserver.url_for(path) for path in ("/p/2", "/p/20261110", "/p/3")
    ]
    assert reasons(pages) == ["pages with neither lastmod nor date_in_link"]
    # Without the validator: /p/4 is for the next window, though the file may stay as it is.
    assert pages[-1].mark == Watermark(until=WINDOW[1])


def test_no_page_is_fetched_again_for_the_overlap(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    serve(
        httpserver,
        "/sitemap.xml",
        urlset(
            entry(httpserver.url_for("/p/1"), "2026-11-12"),
            entry(httpserver.url_for("/p/2"), "2026-11-17"),
        ),
    )
    serve_pages(httpserver)
    (first,) = harvest(source, http)
    mark = first.mark.aim(date(2026, 11, 16), date(2026, 11, 22), source.overlap_days)
    (second,) = harvest(source, http, mark)
    assert [d.title for d in second.documents] == ["Page /p/2"]
    assert asked(httpserver)["/p/1"] == 1
    asked_for_more = Watermark(until=WINDOW[1]).aim(date(2026, 10, 1), date(2026, 11, 22))
    assert len(documents(harvest(source, http, asked_for_more))) == 2


def test_conditional_requests(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    httpserver.expect_request("/sitemap.xml", headers={"If-None-Match": '"v1"'}).respond_with_data(
        status=304
    )
    body = urlset(entry(httpserver.url_for("/p/1"), "2026-11-12"))
    serve(httpserver, "/sitemap.xml", body, headers={"ETag": '"v1"'})
    serve_pages(httpserver)
    (first,) = harvest(source, http)
    (second,) = harvest(source, http, first.mark.aim(*WINDOW))
    assert len(first.documents) == 1
    assert second == Page(documents=(), mark=first.mark)


def test_many_pages_are_read_over_several_harvests(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    urls = [httpserver.url_for(f"/p/{number}") for number in range(120)]
    serve(httpserver, "/sitemap.xml", urlset(*(entry(url, "2026-11-12") for url in urls)))
    serve_pages(httpserver)
    mark, harvests, patience = Watermark().aim(*WINDOW), [], []
    for _ in range(3):
        kept: list[Page] = []
        try:
            kept.extend(sitemap.pages(source, Access(http, source), mark))
        except ComeBackLater as error:
            patience.append(str(error).partition(";")[0])
        mark = kept[-1].mark
        harvests.append(len(documents(kept)))
    assert harvests == [50, 50, 20]
    assert patience == ["50 pages are read, 70 left", "50 pages are read, 20 left"]
    assert mark == Watermark(until=WINDOW[1])
    fetched = {path: n for path, n in asked(httpserver).items() if path.startswith("/p/")}
    assert len(fetched) == 120
    assert set(fetched.values()) == {1}


def test_the_budget_ends_a_harvest_that_goes_on_later(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver, budget=5)  # robots.txt, the sitemap, three pages
    urls = [httpserver.url_for(f"/p/{number}") for number in range(4)]
    serve(httpserver, "/sitemap.xml", urlset(*(entry(url, "2026-11-12") for url in urls)))
    serve_pages(httpserver)
    pages = sitemap.pages(source, Access(http, source), Watermark().aim(*WINDOW))
    first = next(pages)
    with pytest.raises(ComeBackLater, match="budget"):
        next(pages)
    (second,) = harvest(source, http, first.mark.aim(*WINDOW))
    assert [len(first.documents), len(second.documents)] == [3, 1]
    assert second.mark.until == WINDOW[1]


def test_a_page_that_fails_costs_itself_only(httpserver: HTTPServer, http: Http) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("User-agent: *\nDisallow: /p/2")
    source = served(httpserver)
    urls = [httpserver.url_for(f"/p/{number}") for number in range(1, 7)]
    serve(httpserver, "/sitemap.xml", urlset(*(entry(url, "2026-11-12") for url in urls)))
    serve(httpserver, "/p/1", "gone", status=404)
    serve(httpserver, "/p/3", "<title>Just a moment...</title>")
    serve(httpserver, "/p/4", "<p>No title</p>")
    serve(httpserver, "/p/5", f"<title>{'x' * 10_000_000}</title>")
    serve_pages(httpserver)
    pages = harvest(source, http)
    assert [d.title for d in documents(pages)] == ["Page /p/6"]
    assert reasons(pages) == ["page not read"] * 5
    assert asked(httpserver)["/p/2"] == 0


def test_an_index(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    at = httpserver.url_for
    serve(
        httpserver,
        "/sitemap.xml",
        index(
            (at("/old.xml"), "2026-10-01"),
            (at("/unknown.xml"), ""),
            (at("/packed.xml.gz"), "2026-11-12"),
            (at("/gone.xml"), "2026-11-14"),
            (at("/index.xml"), "2026-11-13"),
            (at("/page.xml"), "2026-11-13"),
        ),
        headers={"ETag": '"v1"'},
    )
    serve(httpserver, "/unknown.xml", urlset(entry(at("/p/1"), "2026-11-12")))
    packed = gzip.compress(urlset(entry(at("/p/2"), "2026-11-13"), entry(at("/p/3"), "2026-01-01")))
    serve(httpserver, "/packed.xml.gz", packed)
    serve(httpserver, "/gone.xml", "gone", status=404)
    serve(httpserver, "/index.xml", index((at("/p/9"), "2026-11-13")))
    serve(httpserver, "/page.xml", a_page("not found"))
    serve_pages(httpserver)
    pages = harvest(source, http)
    assert [d.title for d in documents(pages)] == ["Page /p/1", "Page /p/2"]
    assert Counter(reasons(pages)) == {
        "a sitemap of the index could not be read": 2,
        "an index in the index": 1,
    }
    order = [r.path for r, _ in httpserver.log if r.path.endswith((".xml", ".gz"))]
    assert order[1:] == ["/gone.xml", "/index.xml", "/page.xml", "/packed.xml.gz", "/unknown.xml"]
    assert pages[-1].mark == Watermark(until=WINDOW[1])  # an index that stays may hold what is new


def test_an_index_of_nothing_but_failures(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    serve(httpserver, "/sitemap.xml", index((httpserver.url_for("/a.xml"), "")))
    serve(httpserver, "/a.xml", "no", status=403)
    with pytest.raises(Blocked):
        harvest(source, http)


def test_an_index_is_read_to_a_limit(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    serve(
        httpserver,
        "/sitemap.xml",
        index(*((httpserver.url_for(f"/s/{number}"), "") for number in range(60))),
    )
    httpserver.expect_request(re.compile("/s/.*")).respond_with_data(urlset())
    pages = harvest(source, http)
    assert reasons(pages) == ["the rest, beyond 50 sitemaps"]


def test_no_address_is_as_described(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver, params={"include": "/news/"})
    serve(httpserver, "/sitemap.xml", urlset(entry(httpserver.url_for("/p/1"), "2026-11-12")))
    with pytest.raises(Changed, match="no address matches '/news/'"):
        harvest(source, http)


def test_no_dates_at_all(httpserver: HTTPServer, http: Http) -> None:
    source = served(httpserver)
    serve(httpserver, "/sitemap.xml", urlset(entry(httpserver.url_for("/p/1"))))
    with pytest.raises(SourceError, match="neither lastmod nor date_in_link"):
        harvest(source, http)


@pytest.mark.parametrize("params", [{"included": "x"}, {"include": "("}])
def test_params_that_cannot_be_meant(
    httpserver: HTTPServer, http: Http, params: dict[str, str]
) -> None:
    serve(httpserver, "/sitemap.xml", urlset())
    with pytest.raises(SourceError, match="params of source agency"):
        harvest(served(httpserver, params=params), http)


@pytest.mark.parametrize("namespace", [CORE, "http://www.google.com/schemas/sitemap/0.84", ""])
def test_namespaces(namespace: str) -> None:
    body = urlset(entry("https://a.example/", "2026-11-12"), namespace=namespace)
    assert sitemap.parse(body, URL).entries == [
        sitemap.Entry("https://a.example/", date(2026, 11, 12), None)
    ]


def test_a_sitemap_that_breaks_off_is_read_as_far_as_it_goes() -> None:
    read = sitemap.parse(
        urlset(entry("https://a.example/1"), entry("https://a.example/2"))[:-14], URL
    )
    assert read.entries[0].url == "https://a.example/1"
    assert [skip.reason for skip in read.skipped] == ["ill-formed XML, mended"]


LAUGHS = b"""<!DOCTYPE urlset [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY x SYSTEM "file:///etc/hostname">]>
<urlset><url><loc>https://a.example/&b;&x;</loc></url></urlset>"""


def test_entities_are_not_expanded() -> None:
    assert "haha" not in sitemap.parse(LAUGHS, URL).entries[0].url


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not XML"),
        (b"<html><body>Not found</body></html>", "a web page"),
        (b"<rss><channel/></rss>", "not a sitemap, but <rss>"),
        (gzip.compress(urlset())[:-9], "damaged"),
        (b"\x1f\x8bnonsense", "damaged"),
        (gzip.compress(b" " * 60_000_000), "larger than"),
    ],
    ids=["empty", "page", "rss", "cut", "nonsense", "bomb"],
)
def test_what_is_not_a_sitemap(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        sitemap.parse(body, URL)
