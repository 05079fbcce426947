"""Listing pages: described by selectors, read in any charset, and honest about a redesign."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document, Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import html_listing
from scanners.access import Access
from scanners.base import Page, Skip, Watermark
from scanners.dates import read_date, read_link_date
from scanners.errors import Blocked, Changed, ComeBackLater, SourceError
from scanners.http import Http
from scanners.webpage import WebPage

URL = "https://ministry.example/news/"
WINDOW = date(2026, 11, 9), date(2026, 11, 15)
PARAMS = {"item": "li", "title": "a", "date": "time"}


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HttpSettings(interval=0, backoff=0, retries=0)) as client:
        yield client


def a_source(params: dict[str, str] | None = None, **fields: object) -> Source:
    return Source.model_validate(
        {
            "id": "ministry",
            "kind": "html_listing",
            "name": "The Ministry",
            "url": URL,
            "country": "FR",
            "language": "fr",
            "params": PARAMS if params is None else params,
            **fields,
        }
    )


def read(
    body: str | bytes, source: Source, content_type: str = "text/html"
) -> tuple[list[Document], list[Skip]]:
    body = body.encode() if isinstance(body, str) else body
    page = WebPage(body, url=URL, content_type=content_type, language=source.language)
    answer = html_listing.parse(page, html_listing.Listing.of(source))
    return answer.documents, answer.skipped


def an_item(number: int, day: str = "2026-11-12") -> str:
    return f'<li><a href="/item/{number}">Item {number}</a> <time datetime="{day}">x</time></li>'


def a_list(*items: str) -> str:
    return f"<html><body><ul>{''.join(items)}</ul></body></html>"


def harvest(source: Source, http: Http, mark: Watermark | None = None) -> list[Page]:
    return list(html_listing.pages(source, Access(http, source), mark or Watermark().aim(*WINDOW)))


def served(httpserver: HTTPServer, params: dict[str, str], **fields: object) -> Source:
    respond(httpserver, "/robots.txt", "none", status=404)  # unless the test has said otherwise
    return a_source(params, url=httpserver.url_for("/news"), allow_private=True, **fields)


def respond(httpserver: HTTPServer, path: str, body: str, **keywords: object) -> None:
    httpserver.expect_request(path).respond_with_data(body, content_type="text/html", **keywords)


def asked(httpserver: HTTPServer) -> Counter[str]:
    return Counter(request.path for request, _ in httpserver.log)


def test_an_item_becomes_a_document() -> None:
    page = """<html><head><base href="/fr/"></head><body><nav><a href="/x">X</a></nav>
    <article class="card"><h3>Un <b>essai</b> de&nbsp;drone</h3>
      <a class="more" href="actus/essai?utm_source=a&id=3#top">Lire</a>
      <p class="date">Publié le 1<sup>er</sup> octobre 2026</p>
      <p class="text">Le résumé.<script>x()</script></p></article></body></html>"""
    params = {"item": "article", "title": "h3", "link": "a.more", "date": ".date"}
    (document,), skipped = read(page, a_source({**params, "summary": ".text"}, yields="report"))
    assert document.title == "Un essai de drone"
    assert document.url == "https://ministry.example/fr/actus/essai?utm_source=a&id=3#top"
    assert document.native_id == "https://ministry.example/fr/actus/essai?id=3"
    assert (document.published, document.precision) == (date(2026, 10, 1), "day")
    assert document.abstract == "Le résumé."
    assert document.kind == Kind.REPORT
    assert (document.language, document.countries) == ("fr", ("FR",))
    assert document.venue == "The Ministry"
    assert document.source == "ministry"
    assert skipped == []


@pytest.mark.parametrize(
    ("item", "params"),
    [
        ('<a class="i" href="/1">Title</a>', {"item": "a.i"}),
        ('<p class="i"><a href="/1">Title</a></p>', {"item": ".i"}),
        ('<p class="i"><span><a href="/1">Title</a></span></p>', {"item": ".i", "link": "span"}),
        ('<a class="i" href="/1"><b>Title</b> x</a>', {"item": "a:has(b)", "title": "b"}),
    ],
)
def test_where_title_and_link_may_be(item: str, params: dict[str, str]) -> None:
    (document,), _ = read(item, a_source(params))
    assert (document.title, document.url) == ("Title", "https://ministry.example/1")


@pytest.mark.parametrize(
    ("written", "language", "form", "expected"),
    [
        ("14 novembre 2026", "fr", "", (date(2026, 11, 14), "day")),
        ("vendredi 1 er août 2025", "fr", "", (date(2025, 8, 1), "day")),
        ("12 au 14 novembre 2026", "fr", "", (date(2026, 11, 14), "day")),
        ("Décembre 2026", "fr", "", (date(2026, 12, 1), "month")),
        ("Presse | 04.03.2026 | Berlin", "de", "", (date(2026, 3, 4), "day")),
        ("Freitag, 13. März 2026", "de", "", (date(2026, 3, 13), "day")),
        ("2026.03.04", "ko", "", (date(2026, 3, 4), "day")),
        ("2026년 3월 4일(수)", "ko", "", (date(2026, 3, 4), "day")),
        ("2026. 3. 4.", "ko", "", (date(2026, 3, 4), "day")),
        ("יום רביעי, 4 במרץ 2026", "he", "", (date(2026, 3, 4), "day")),
        ("\u200f04/03/2026", "he", "", (date(2026, 3, 4), "day")),
        ("4 de marzo de 2026", "es", "", (date(2026, 3, 4), "day")),
        ("04-03-2026", "nl", "", (date(2026, 3, 4), "day")),
        ("March 4, 2026", "en", "", (date(2026, 3, 4), "day")),
        ("Posted on 4 March 2026 in News", None, "", (date(2026, 3, 4), "day")),
        ("2026-03-04T23:30:00-05:00", "en", "", (date(2026, 3, 4), "day")),
        ("2026", "en", "", (date(2026, 1, 1), "year")),
        ("4 March 2026", "xx", "", (date(2026, 3, 4), "day")),
        ("04.03.26", "de", "%d.%m.%y", (date(2026, 3, 4), "day")),
        ("4. März 2026", "de", "%d. %B %Y", (date(2026, 3, 4), "day")),
        ("Mar 2026", "en", "%b %Y", (date(2026, 3, 1), "month")),
        ("2026", "en", "%Y", (date(2026, 1, 1), "year")),
        ("4 March 2026", "en", "%d.%m.%Y", None),
        ("4 March", "en", "", None),
        ("2 days ago", "en", "", None),
        ("31 novembre 2026", "fr", "", None),
        ("13 November 3024", "en", "", None),
        ("1 January 0000", "en", "", None),
        ("01.01.1899", "de", "%d.%m.%Y", None),
        ("Drone 5 seen 2026", "en", "", None),
        ("Read more", "en", "", None),
        ("5", "en", "", None),
        ("", "en", "%d.%m.%Y", None),
        ("2026 " * 50_000, "en", "", None),
        ("1" * 100_000, "en", "", None),
    ],
)
def test_dates(
    written: str, language: str | None, form: str, expected: tuple[date, str] | None
) -> None:
    assert read_date(written, language=language, form=form) == expected


def test_the_month_comes_first_in_the_us_alone() -> None:
    assert read_date("03/04/2026", language="en", country="US") == (date(2026, 3, 4), "day")
    assert read_date("03/04/2026", language="en", country="CA") == (date(2026, 4, 3), "day")


@pytest.mark.parametrize(
    ("pattern", "link", "expected"),
    [
        (r"/(\d{4})/(\d\d)/(\d\d)/", "https://a.example/2026/11/13/x", (date(2026, 11, 13), "day")),
        (r"/(\d{4}/\d\d/\d\d)/", "https://a.example/2026/11/13/x", (date(2026, 11, 13), "day")),
        (r"-(\d{8})\.", "https://a.example/n-20261113.html", (date(2026, 11, 13), "day")),
        (r"/(\d{4})/(\d\d)/", "https://a.example/2026/11/x", (date(2026, 11, 1), "month")),
        (r"/(\d{4})/(\d\d)/(\d\d)/", "https://a.example/2026/13/13/x", None),
        (r"/(\d{4})/(\d\d)/(\d\d)/", "https://a.example/x", None),
    ],
)
def test_dates_in_links(pattern: str, link: str, expected: tuple[date, str] | None) -> None:
    assert read_link_date(link, re.compile(pattern)) == expected


@pytest.mark.parametrize(
    ("tag", "params"),
    [
        ('<time datetime="2026-11-13T10:00">13 nov.</time>', {}),
        ('<time datetime="soon">13 novembre 2026</time>', {}),
        ('<time date="2026-11-13">hier</time>', {"date_attribute": "date"}),
        ("<time>13.11.2026</time>", {"date_format": "%d.%m.%Y"}),
        ("", {"date_in_link": r"/(\d{8})-"}),
    ],
)
def test_where_the_date_may_be(tag: str, params: dict[str, str]) -> None:
    item = f'<li><a href="/20261113-a">A</a>{tag}</li>'
    (document,), skipped = read(item, a_source({**PARAMS, **params}))
    assert document.published == date(2026, 11, 13)
    assert skipped == []


def test_an_item_whose_date_cannot_be_read_is_kept_and_told() -> None:
    documents, skipped = read(
        '<li><a href="/1">One</a><time>yesterday</time><li><a href="/2">Two</a><time></time>',
        a_source(),
    )
    assert [d.published for d in documents] == [None, None]
    assert skipped == [
        Skip("no date in what should be one", "yesterday (https://ministry.example/1)")
    ]


def test_what_cannot_become_a_document_is_counted() -> None:
    listing = a_list(
        an_item(1),
        '<li><a href="javascript:alert(1)">Bad</a></li>',
        '<li><a href="mailto:a@b.example">Mail</a></li>',
        '<li><a href="http://[">Broken</a></li>',
        '<li><a href="http://a.example:port/">Port</a></li>',
        '<li><a href="#here">Here</a></li>',
        "<li>No link</li>",
        '<li><a href="/item/2"><img src="x.png"></a></li>',
        f'<li><a href="/item/3">{"x" * 10_000_000}</a></li>',
        '<li><a href="/item/4"><img src="x.png"></a></li>',
        an_item(4),
    )
    documents, skipped = read(listing, a_source())
    assert [d.title for d in documents] == ["Item 1", "Item 4"]
    assert Counter(skip.reason for skip in skipped) == {
        "no link": 6,
        "no title": 1,
        "the title is too long to be one": 1,
    }
    assert max(len(skip.entry) for skip in skipped) <= 1000


def test_a_link_that_comes_twice_is_one_document() -> None:
    documents, skipped = read(
        a_list(an_item(1), an_item(2), an_item(1).replace("/item/1", "/item/1?utm_medium=x")),
        a_source(),
    )
    assert [d.title for d in documents] == ["Item 1", "Item 2"]
    assert skipped == []


def test_include_chooses_by_the_whole_address() -> None:
    listing = a_list(an_item(1), '<li><a href="https://else.example/item/2">Else</a></li>')
    documents, skipped = read(
        listing, a_source({**PARAMS, "include": r"^https://ministry\.example/item/\d+$"})
    )
    assert [d.title for d in documents] == ["Item 1"]
    assert skipped == []


@pytest.mark.parametrize(
    ("body", "extra", "message"),
    [
        ("<p>All new!</p>", {}, "no item matches 'li'"),
        ("", {}, "no item matches 'li'"),
        (b"\x00\xff\xfe" * 100, {}, "no item matches 'li'"),
        ("<li>A</li><li><a href='javascript:x'>B</a></li>", {}, "none of 2 items has a title"),
        (an_item(1), {"include": "/news/"}, "no item's link matches '/news/'"),
    ],
)
def test_a_redesign_is_told(body: str | bytes, extra: dict[str, str], message: str) -> None:
    with pytest.raises(Changed, match=re.escape(message)) as caught:
        read(body, a_source({**PARAMS, **extra}))
    assert caught.value.url == URL


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"item": "li", "titel": "a"}, "unknown: titel"),
        ({"item": "li["}, "Malformed attribute selector"),
        ({"item": "li", "include": "("}, "unterminated subpattern"),
        ({"item": "li", "date_format": "%d %b"}, "no year"),
    ],
)
def test_params_that_cannot_be_meant(params: dict[str, str], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        html_listing.Listing.of(a_source(params))


CHARSETS = {
    "header": ("드론 탐지", "euc-kr", "text/html; charset=EUC-KR", "", "fr"),
    "header over meta": ("드론 탐지", "utf-8", "text/html; charset=utf-8", "euc-kr", "fr"),
    "meta": ("L’été à Nîmes", "cp1252", "text/html", "iso-8859-1", "fr"),
    "mark": ("משרד", "utf-8-sig", "text/html; charset=iso-8859-1", "", "he"),
    "utf-16 with a mark": ("משרד", "utf-16", "text/html", "", "he"),
    "none, UTF-8": ("Überprüfung", "utf-8", "", "", "de"),
    "none, of old, Hebrew": ("משרד הביטחון", "cp1255", "", "", "he"),
    "none, of old, Korean": ("드론 탐지", "cp949", "", "", "ko"),
    "none, of old, French": ("L’été à Nîmes", "cp1252", "", "", "fr"),
    "unknown": ("Überprüfung", "utf-8", "text/html; charset=none-such", "hex", "de"),
    "utf-16 that is none": ("Überprüfung", "utf-8", "text/html", "utf-16", "de"),
}


@pytest.mark.parametrize("case", CHARSETS.values(), ids=CHARSETS)
def test_charsets(case: tuple[str, str, str, str, str]) -> None:
    title, codec, content_type, declared, language = case
    meta = f'<meta charset="{declared}">' if declared else ""
    page = f'<html><head>{meta}</head><body><li><a href="/1">{title}</a></li></body></html>'
    (document,), _ = read(page.encode(codec), a_source(language=language), content_type)
    assert document.title == title


def test_one_bad_byte_costs_one_character() -> None:
    body = '<li><a href="/1">Überprüfung '.encode() + b"\xff</a></li>"
    (document,), _ = read(body, a_source(language="de"), "text/html; charset=utf-8")
    assert document.title == "Überprüfung \N{REPLACEMENT CHARACTER}"


def test_xhtml_with_a_declaration() -> None:
    page = '<?xml version="1.0" encoding="iso-8859-1"?><html><li><a href="/1">Été</a></li></html>'
    (document,), _ = read(page.encode("latin-1"), a_source())
    assert document.title == "Été"


@pytest.mark.parametrize("opened", ["<table><tr><td>", "<div>", "<li>"])
def test_nesting_without_end(opened: str) -> None:
    documents, _ = read(a_list(an_item(1)) + opened * 5_000, a_source())
    assert documents[0].title == "Item 1"


def test_conditional_requests(httpserver: HTTPServer, http: Http) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": "then"}
    httpserver.expect_request(
        "/news", headers={"If-None-Match": '"v1"', "If-Modified-Since": "then"}
    ).respond_with_data(status=304)
    respond(httpserver, "/news", a_list(an_item(1)), headers=headers)
    source = served(httpserver, PARAMS)
    (first,) = harvest(source, http)
    (second,) = harvest(source, http, first.mark.aim(*WINDOW))
    assert [d.url for d in first.documents] == [httpserver.url_for("/item/1")]
    assert first.mark == Watermark(until=WINDOW[1], etag='"v1"', last_modified="then")
    assert second.documents == second.skipped == ()
    assert second.mark == first.mark


PAGED = {**PARAMS, "next": "a.next"}


def page_of(number: int, day: str, *, following: int | None) -> str:
    more = f'<a class="next" href="/news/{following}">More</a>' if following else ""
    pinned = an_item(0, "2020-01-01")  # on top of every page
    return a_list(pinned, an_item(number, day)) + more


def test_further_pages_are_read_while_they_are_new(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", page_of(1, "2026-11-14", following=2), headers={"ETag": '"v1"'})
    respond(httpserver, "/news/2", page_of(2, "2026-11-09", following=3), headers={"ETag": '"w"'})
    respond(httpserver, "/news/3", page_of(3, "2026-11-08", following=4))
    pages = harvest(served(httpserver, PAGED), http)
    assert [d.title for page in pages for d in page.documents if d.title != "Item 0"] == [
        "Item 1",
        "Item 2",
        "Item 3",
    ]
    assert [page.mark.cursor for page in pages] == [
        httpserver.url_for("/news/2"),
        httpserver.url_for("/news/3"),
        "",
    ]
    assert pages[-1].mark == Watermark(until=WINDOW[1], etag='"v1"')
    assert asked(httpserver)["/news/4"] == 0


def test_a_killed_harvest_goes_on_where_it_was(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", page_of(1, "2026-11-14", following=2))
    respond(httpserver, "/news/2", page_of(2, "2026-11-12", following=None))
    source = served(httpserver, PAGED)
    first = next(html_listing.pages(source, Access(http, source), Watermark().aim(*WINDOW)))
    (second,) = harvest(source, http, first.mark.aim(*WINDOW))
    assert "Item 2" in [d.title for d in second.documents]
    assert asked(httpserver)["/news"] == 1


def test_where_it_was_may_be_gone(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", a_list(an_item(1)))
    respond(httpserver, "/news/9", "gone", status=404)
    source = served(httpserver, PAGED)
    mark = Watermark(etag='"old"').aim(*WINDOW).at(httpserver.url_for("/news/9"))
    (page,) = harvest(source, http, mark)
    assert [d.title for d in page.documents] == ["Item 1"]
    assert page.mark == Watermark(until=WINDOW[1])


def test_an_empty_page_after_the_last_is_the_end(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", page_of(1, "2026-11-14", following=2))
    respond(httpserver, "/news/2", "<p>Nothing more.</p>")
    pages = harvest(served(httpserver, PAGED), http)
    assert len(pages) == 2
    assert pages[-1].mark.until == WINDOW[1]


def test_paging_has_an_end(httpserver: HTTPServer, http: Http) -> None:
    def endless(request: Request) -> Response:
        number = int(request.path.rpartition("/")[2].replace("news", "0"))
        body = page_of(number + 1, "2026-11-14", following=number + 1)
        return Response(body, content_type="text/html")

    httpserver.expect_request(re.compile("/news.*")).respond_with_handler(endless)
    pages = harvest(served(httpserver, PAGED), http)
    assert len(pages) == 10
    assert [skip.reason for skip in pages[-1].skipped] == ["the rest, beyond 10 pages"]
    assert pages[-1].mark.until == WINDOW[1]


def test_paging_in_a_circle_ends(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", page_of(1, "2026-11-14", following=2))
    respond(httpserver, "/news/2", page_of(2, "2026-11-14", following=2))
    assert len(harvest(served(httpserver, PAGED), http)) == 2


DETAILED = {
    **PARAMS,
    "detail_title": "h1",
    "detail_abstract": "meta[name=description]",
    "detail_date": ".date",
}
DETAIL = (
    '<head><meta name="description" content="All of it."></head>'
    '<h1>The whole title</h1><p class="date">11 novembre 2026</p>'
)


def test_details_of_what_is_new_or_undated(httpserver: HTTPServer, http: Http) -> None:
    undated = '<li><a href="/item/2">Item 2</a></li>'
    respond(httpserver, "/news", a_list(an_item(1), undated, an_item(3, "2026-10-30")))
    respond(httpserver, "/item/1", DETAIL)
    respond(httpserver, "/item/2", DETAIL)
    (page,) = harvest(served(httpserver, DETAILED), http)
    assert [(d.title, d.abstract, d.published) for d in page.documents] == [
        ("The whole title", "All of it.", date(2026, 11, 11)),
        ("The whole title", "All of it.", date(2026, 11, 11)),
        ("Item 3", "", date(2026, 10, 30)),
    ]
    assert page.skipped == ()
    assert asked(httpserver)["/item/3"] == 0


def test_a_detail_that_fails_costs_the_detail_only(httpserver: HTTPServer, http: Http) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data(
        "User-agent: *\nDisallow: /item/2", content_type="text/plain"
    )
    headers = {"ETag": '"v1"'}
    respond(httpserver, "/news", a_list(*map(an_item, (1, 2, 3, 4, 5))), headers=headers)
    respond(httpserver, "/item/1", "gone", status=404)
    respond(httpserver, "/item/2", DETAIL)
    httpserver.expect_request("/item/3").respond_with_data(b"%PDF", content_type="application/pdf")
    respond(httpserver, "/item/4", "<p>All new</p>")
    respond(httpserver, "/item/5", DETAIL)
    (page,) = harvest(served(httpserver, DETAILED), http)
    assert [d.abstract for d in page.documents] == ["", "", "", "", "All of it."]
    assert [d.published for d in page.documents[:4]] == [date(2026, 11, 12)] * 4
    assert [skip.reason for skip in page.skipped] == [
        *["detail page not read"] * 3,
        "not on the detail page: detail_title, detail_abstract, detail_date",
    ]
    assert asked(httpserver)["/item/2"] == 0
    assert page.mark == Watermark(until=WINDOW[1])  # without validators: to be read again


def test_details_end_with_the_budget(httpserver: HTTPServer, http: Http) -> None:
    respond(httpserver, "/news", a_list(*map(an_item, range(5))))
    for number in range(5):
        respond(httpserver, f"/item/{number}", DETAIL)
    (page,) = harvest(served(httpserver, DETAILED, budget=4), http)  # robots.txt, list, two details
    assert [bool(d.abstract) for d in page.documents] == [True, True, False, False, False]
    assert [skip.reason for skip in page.skipped] == ["detail pages left from here on"]


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda server: respond(server, "/news", "<title>Just a moment...</title>"), Blocked),
        (lambda server: respond(server, "/news", "no", status=403), Blocked),
        (lambda server: respond(server, "/news", "wait", status=429), ComeBackLater),
        (lambda server: respond(server, "/news", "down", status=500), SourceError),
        (
            lambda server: server.expect_request("/news").respond_with_data(
                "{}", content_type="application/json"
            ),
            SourceError,
        ),
    ],
    ids=["wall", "403", "429", "500", "JSON"],
)
def test_the_list_itself_fails(
    httpserver: HTTPServer,
    http: Http,
    arrange: Callable[[HTTPServer], None],
    error: type[SourceError],
) -> None:
    arrange(httpserver)
    with pytest.raises(error):
        harvest(served(httpserver, PARAMS), http)
