"""The dblp scanner: its many shapes of one thing, years, pages, and the wall before it."""

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document, Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import dblp
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import Blocked, ComeBackLater, SourceError
from scanners.http import Http

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
TWO_YEARS = Watermark().aim(date(2025, 12, 20), date(2026, 1, 4))
HTTP = HttpSettings(interval=0, backoff=0, retries=0)
WALL = """<!doctype html><html lang="en"><head><title>Making sure you&#39;re not a bot!</title>"""


def a_source(url: str = "https://dblp.test/search/publ/api", **params: str) -> Source:
    return Source(
        id="dblp-test",
        kind="dblp",
        name="dblp",
        url=url,
        allow_private=True,
        params={"q": "stream:streams/conf/port:", **params},
    )


def hit(number: int = 1, **info: Any) -> dict[str, Any]:
    return {
        "@score": "5",
        "@id": str(100 + number),
        "info": {
            "authors": {
                "author": [
                    {"@pid": "1/2", "text": "Noa Levi 0001"},
                    {"@pid": "3/4", "text": "J&uuml;rgen M&uuml;ller"},
                ]
            },
            "title": "Walls &amp; Gates: Who Watches?",
            "venue": "PORT",
            "pages": "1-5",
            "year": "2026",
            "type": "Conference and Workshop Papers",
            "key": f"conf/port/Levi{number}",
            "doi": f"10.1234/PORT.{number}",
            "ee": f"https://doi.org/10.1234/PORT.{number}",
            "url": f"https://dblp.org/rec/conf/port/Levi{number}",
            **info,
        },
    }


def body(hits: Any = None, total: int | str = 1, code: str = "200") -> bytes:
    found = {"@total": str(total), "@sent": "1", "@first": "0"}
    found |= {} if hits is None else {"hit": hits}
    status = {"@code": code, "text": "told"}
    return json.dumps({"result": {"status": status, "hits": found}}).encode()


def one(**info: Any) -> Document:
    (document,) = dblp.parse(body([hit(**info)]), a_source(), "u", 2026).documents
    return document


class Api:
    """A dblp of ``counts[year]`` hits, at most two of them in one answer."""

    def __init__(self, server: HTTPServer, counts: dict[int, int]) -> None:
        self.counts = counts
        self.empty = False
        self.asked: list[dict[str, str]] = []
        server.expect_request("/api").respond_with_handler(self.answer)
        self.source = a_source(server.url_for("/api"))

    def answer(self, request: Request) -> Response:
        self.asked.append({k: v[0] for k, v in parse_qs(request.query_string.decode()).items()})
        year = int(self.asked[-1]["q"].rpartition("year:")[2].removesuffix(":"))
        total, first = self.counts.get(year, 0), int(self.asked[-1]["f"])
        hits: list[Any] = [
            hit(key=f"{year}/{n}", year=str(year)) for n in range(first, min(first + 2, total))
        ]
        if not hits or self.empty:
            return Response(body(total=total))
        return Response(body(hits[0] if len(hits) == 1 else hits, total=total))

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HTTP) as http:
            return list(dblp.pages(self.source, Access(http, self.source), mark))


def keys(pages: list[Page]) -> list[str]:
    return [document.native_id for page in pages for document in page.documents]


def test_a_hit_becomes_a_document() -> None:
    document = one()
    assert document.kind is Kind.PROCEEDINGS
    assert document.title == "Walls & Gates: Who Watches?"
    assert (document.native_id, document.doi) == ("conf/port/Levi1", "10.1234/port.1")
    assert document.url == "https://doi.org/10.1234/PORT.1"
    assert (document.published, document.precision) == (date(2026, 1, 1), "year")
    assert (document.venue, document.abstract) == ("PORT", "")
    assert document.authors == ("Noa Levi", "Jürgen Müller")
    assert (document.countries, document.language) == ((), None)
    json.dumps(document.raw)


@pytest.mark.parametrize(
    ("authors", "names"),
    [
        ({"author": {"@pid": "1", "text": "Bo Lind"}}, ("Bo Lind",)),
        ({"author": "Bo Lind 0012"}, ("Bo Lind",)),
        ({"author": ["Bo Lind", {"text": "Al 4D"}]}, ("Bo Lind", "Al 4D")),
        ({}, ()),
        (None, ()),
    ],
)
def test_authors_in_their_many_shapes(authors: Any, names: tuple[str, ...]) -> None:
    assert one(authors=authors).authors == names


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("Conference and Workshop Papers", Kind.PROCEEDINGS),
        ("Editorship", Kind.PROCEEDINGS),
        ("Journal Articles", Kind.PUBLICATION),
        ("Informal and Other Publications", Kind.PREPRINT),
        ("Informal Publications", Kind.PREPRINT),
        ("Books and Theses", Kind.PUBLICATION),
        (None, Kind.PUBLICATION),
    ],
)
def test_types_become_kinds(written: str | None, kind: Kind) -> None:
    assert one(type=written).kind is kind


@pytest.mark.parametrize(
    ("written", "title"),
    [("On Walls.", "On Walls"), ("On Walls...", "On Walls..."), ("Which Wall?", "Which Wall?")],
)
def test_the_full_stop_that_dblp_adds_is_taken_off(written: str, title: str) -> None:
    assert one(title=written).title == title


def test_identifiers_out_of_links() -> None:
    document = one(
        doi=None,
        ee=["https://arxiv.org/abs/2611.01234", "https://doi.org/10.1/x"],
        venue=["A", "B"],
    )
    assert (document.arxiv_id, document.doi) == ("2611.01234", None)
    assert (document.url, document.venue) == ("https://arxiv.org/abs/2611.01234", "A, B")
    bare = one(doi=None, ee=None)
    assert (bare.doi, bare.url) == (None, "https://dblp.org/rec/conf/port/Levi1")


def test_a_bad_hit_is_skipped_and_counted() -> None:
    bad: list[Any] = [
        hit(2, title=""),
        hit(3, authors="none"),
        hit(4, year="2025"),
        {"@id": "105"},
        {"@id": "106", "info": None},
        7,
    ]
    answer = dblp.parse(body([hit(1), *bad, hit(8)]), a_source(), "u", 2026)
    assert [d.native_id for d in answer.documents] == ["conf/port/Levi1", "conf/port/Levi8"]
    assert [skip.entry[-5:] for skip in answer.skipped] == [
        "Levi2",
        "Levi3",
        "Levi4",
        "105",
        "106",
        "",
    ]
    assert answer.skipped[0].reason == "no title"
    assert answer.skipped[2].reason == "of a year before the window"
    assert answer.hits == 8


def test_what_is_asked(httpserver: HTTPServer) -> None:
    api = Api(httpserver, {})
    (page,) = api.pages()
    assert page.mark == Watermark(until=date(2026, 11, 15))
    assert api.asked == [
        {
            "q": "stream:streams/conf/port: year:2026:",
            "format": "json",
            "h": "100",
            "f": "0",
            "c": "0",
        }
    ]


def test_all_pages_of_all_years_are_read(httpserver: HTTPServer) -> None:
    pages = Api(httpserver, {2026: 3, 2025: 2, 2024: 9}).pages(TWO_YEARS)
    assert keys(pages) == ["2026/0", "2026/1", "2026/2", "2025/0", "2025/1"]
    assert [page.mark.cursor for page in pages] == ["2026 2", "2025 0", ""]
    assert pages[-1].mark == Watermark(until=date(2026, 1, 4))


def test_a_harvest_goes_on_from_any_of_its_marks(httpserver: HTTPServer) -> None:
    api = Api(httpserver, {2026: 5, 2025: 4})
    whole = api.pages(TWO_YEARS)
    assert len(keys(whole)) == 9
    for read, page in enumerate(whole[:-1], 1):
        assert keys(whole[:read] + api.pages(page.mark)) == keys(whole)


def test_an_empty_page_before_the_end_is_an_error(httpserver: HTTPServer) -> None:
    api = Api(httpserver, {2026: 5})
    with Http(HTTP) as http:
        harvest = dblp.pages(api.source, Access(http, api.source), WINDOW)
        first = next(harvest)
        api.empty = True
        with pytest.raises(SourceError, match="empty page at 2 of 5"):
            next(harvest)
    api.empty = False
    assert len(keys([first, *api.pages(first.mark)])) == 5


def test_what_lies_beyond_the_last_hit_given_is_told(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api").respond_with_data(body([hit(1)], total=12_000))
    source = a_source(httpserver.url_for("/api"))
    with Http(HTTP) as http:
        (page,) = dblp.pages(source, Access(http, source), WINDOW.at("2026 9999"))
    assert [skip.reason for skip in page.skipped] == [
        "the rest, beyond the 10000 hits that dblp gives"
    ]
    assert page.mark.until == date(2026, 11, 15)


@pytest.mark.parametrize("status", [200, 403, 500])
def test_the_bot_wall_is_told_as_such(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/api").respond_with_data(
        WALL, status=status, content_type="text/html"
    )
    source = a_source(httpserver.url_for("/api"))
    with Http(HTTP) as http, pytest.raises(Blocked) as caught:
        list(dblp.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == status


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"result": []}',
        b'{"result": {"hits": []}}',
        b'{"result": {"hits": {"@total": "many"}}}',
        b'{"result": {"hits": {"hit": []}}}',
        body(code="400"),
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_answer_of_the_search_is_an_error(answer: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        dblp.parse(answer, a_source(), "u", 2026)
    assert not isinstance(caught.value, Blocked)
    assert (caught.value.url, caught.value.status) == ("u", 200)


@pytest.mark.parametrize("status", [404, 429, 503])
def test_a_refusal_is_an_error(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/api").respond_with_data("no", status=status)
    source = a_source(httpserver.url_for("/api"))
    with Http(HTTP) as http, pytest.raises(SourceError) as caught:
        list(dblp.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == status
    assert isinstance(caught.value, ComeBackLater) == (status == 429)
