"""The arXiv scanner: parsing, paging, and what the API is known to do wrong."""

import re
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import arxiv
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import ComeBackLater, SourceError
from scanners.http import Http

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
HTTP = HttpSettings(interval=0, backoff=0, retries=0)


def a_source(url: str = "https://arxiv.test/api/query", **params: str) -> Source:
    return Source(
        id="arxiv-test",
        kind="arxiv",
        name="arXiv",
        url=url,
        allow_private=True,
        params={"search_query": "cat:cs.CR OR cat:eess.IV", **params},
    )


def entry(number: int, title: str = "Sensing at the gate", extra: str = "") -> str:
    return f"""<entry>
      <id>http://arxiv.org/abs/2611.{number:05}v2</id>
      <title>{title}</title>
      <summary>We look at a &lt; b.</summary>
      <published>2026-11-10T18:59:58Z</published>
      <author><name>Ana Ruiz</name>
        <arxiv:affiliation>CSIC, Madrid, Spain</arxiv:affiliation></author>
      <author><name>Bo Lind</name></author>
      {extra}
    </entry>"""


def feed(*entries: str, total: int | str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"
      xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">
      <opensearch:totalResults>{total}</opensearch:totalResults>
      {"".join(entries)}
    </feed>""".encode()


ERROR = """<entry><id>https://arxiv.org/api/errors#start</id><title>Error</title>
    <summary>start must be an integer</summary></entry>"""


class Api:
    """An arXiv of ``total`` entries that gives at most ``most`` of them in one answer."""

    def __init__(self, server: HTTPServer, total: int, most: int = 10**6) -> None:
        self.total = total
        self.most = most
        self.asked: list[dict[str, str]] = []
        self.empty = 0  # so many answers from now on are empty
        server.expect_request("/api/query").respond_with_handler(self.answer)
        self.source = a_source(server.url_for("/api/query"), max_results="4")

    def answer(self, request: Request) -> Response:
        self.asked.append({k: v[0] for k, v in parse_qs(request.query_string.decode()).items()})
        start, size = (int(self.asked[-1][name]) for name in ("start", "max_results"))
        end = min(self.total, start + min(size, self.most))
        if self.empty:
            self.empty -= 1
            end = start
        return Response(feed(*(entry(n) for n in range(start, end)), total=self.total))

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HTTP) as http:
            return list(arxiv.pages(self.source, Access(http, self.source), mark))


def ids(pages: list[Page]) -> list[str | None]:
    return [document.arxiv_id for page in pages for document in page.documents]


def test_an_entry_becomes_a_document() -> None:
    extra = """<arxiv:doi>10.1234/ABC.5</arxiv:doi><arxiv:comment>5 pages</arxiv:comment>
      <arxiv:journal_ref>J. Sens. 5 (2026)</arxiv:journal_ref>
      <category term="cs.CV"/><category term="cs.CR"/><arxiv:primary_category term="cs.CR"/>"""
    answer = arxiv.parse(feed(entry(7, extra=extra), total=1), a_source(), "https://arxiv.test")
    (document,) = answer.documents
    assert (document.kind, document.arxiv_id, document.native_id, document.source) == (
        Kind.PREPRINT,
        "2611.00007",
        "2611.00007",
        "arxiv-test",
    )
    assert (document.title, document.abstract) == ("Sensing at the gate", "We look at a < b.")
    assert (document.published, document.precision) == (date(2026, 11, 10), "day")
    assert document.url == "https://arxiv.org/abs/2611.00007"
    assert (document.doi, document.venue) == ("10.1234/abc.5", "J. Sens. 5 (2026)")
    assert document.authors == ("Ana Ruiz", "Bo Lind")
    assert document.affiliations == ("CSIC, Madrid, Spain",)
    assert (document.countries, document.language) == (("ES",), None)
    assert document.raw["categories"] == ["cs.CR", "cs.CV"]


def test_two_versions_are_one_work() -> None:
    first = entry(1).replace("v2", "v1")
    documents = arxiv.parse(feed(first, entry(1), total=2), a_source(), "u").documents
    assert len({document.id for document in documents}) == 1


def test_an_old_identifier_keeps_its_archive() -> None:
    old = entry(1).replace("2611.00001v2", "math.GT/0309136v1")
    (document,) = arxiv.parse(feed(old, total=1), a_source(), "u").documents
    assert document.arxiv_id == "math.GT/0309136"


def test_the_query_holds_the_window(httpserver: HTTPServer) -> None:
    api = Api(httpserver, total=3)
    api.pages()
    assert api.asked == [
        {
            "search_query": "(cat:cs.CR OR cat:eess.IV) AND "
            "submittedDate:[202611090000 TO 202611152359]",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
            "start": "0",
            "max_results": "4",
        }
    ]


def test_all_pages_are_read_and_the_window_is_done(httpserver: HTTPServer) -> None:
    pages = Api(httpserver, total=10).pages()
    assert ids(pages) == [f"2611.{n:05}" for n in range(10)]
    assert [page.mark.cursor for page in pages] == ["4", "8", ""]
    assert pages[-1].mark == Watermark(until=date(2026, 11, 15))


def test_short_pages_lose_nothing(httpserver: HTTPServer) -> None:
    pages = Api(httpserver, total=10, most=3).pages()
    assert ids(pages) == [f"2611.{n:05}" for n in range(10)]
    assert [page.mark.cursor for page in pages] == ["3", "6", "9", ""]


def test_a_harvest_goes_on_from_any_of_its_marks(httpserver: HTTPServer) -> None:
    api = Api(httpserver, total=10)
    whole = api.pages()
    for read, page in enumerate(whole[:-1], 1):
        assert ids(whole[:read] + api.pages(page.mark)) == ids(whole)


def test_nothing_found_is_an_end(httpserver: HTTPServer) -> None:
    (page,) = Api(httpserver, total=0).pages()
    assert page.documents == ()
    assert page.mark.until == date(2026, 11, 15)


def test_one_empty_page_too_early_is_asked_again(httpserver: HTTPServer) -> None:
    api = Api(httpserver, total=3)
    api.empty = 1
    assert len(ids(api.pages())) == 3
    assert [asked["start"] for asked in api.asked] == ["0", "0"]


def test_two_empty_pages_too_early_end_the_run_where_it_is(httpserver: HTTPServer) -> None:
    api = Api(httpserver, total=10)
    with Http(HTTP) as http:
        harvest = arxiv.pages(api.source, Access(http, api.source), WINDOW)
        first = next(harvest)
        api.empty = 2
        with pytest.raises(ComeBackLater, match="4 of 10") as caught:
            next(harvest)
    assert caught.value.url == api.source.url
    assert ids([first, *api.pages(first.mark)]) == [f"2611.{n:05}" for n in range(10)]


def test_a_bad_entry_is_skipped_and_counted(httpserver: HTTPServer) -> None:
    bad = [entry(1, title=" "), entry(2).replace("2611.00002v2", "nowhere")]
    for answer in (feed(entry(0), *bad, total=4), feed(entry(3), total=4)):
        httpserver.expect_ordered_request("/q").respond_with_data(answer)
    source = a_source(httpserver.url_for("/q"))
    with Http(HTTP) as http:
        first, last = arxiv.pages(source, Access(http, source), WINDOW)
    assert first.mark.cursor == "3"
    assert ids([first, last]) == ["2611.00000", "2611.00003"]
    assert [(skip.reason, skip.entry.rpartition("/")[2]) for skip in first.skipped] == [
        ("no title", "2611.00001v2"),
        ("no arXiv id", "nowhere"),
    ]


def test_an_error_told_with_status_200_is_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/q").respond_with_data(feed(ERROR, total=1))
    source = a_source(httpserver.url_for("/q"))
    with Http(HTTP) as http, pytest.raises(SourceError, match="must be an integer") as caught:
        list(arxiv.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == 200
    assert caught.value.url.startswith(httpserver.url_for("/q"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (feed(entry(1), entry(2), total=2)[:-120], "cut short"),
        (feed(entry(1), total=""), "totalResults"),
        (b"<rss><channel/></rss>", "totalResults"),
        (b"<html><body>Down for maintenance</body></html>", "web page"),
        (b"", "not XML"),
    ],
)
def test_what_is_no_answer_of_the_api_is_an_error(body: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        arxiv.parse(body, a_source(), "https://arxiv.test/q")
    assert caught.value.url == "https://arxiv.test/q"


def test_a_control_character_costs_no_entry() -> None:
    body = feed(entry(1, title="Gate\x0c control"), entry(2), total=2)
    answer = arxiv.parse(body, a_source(), "u")
    assert len(answer.documents) == answer.entries == 2
    assert [skip.reason for skip in answer.skipped] == ["ill-formed XML, mended"]


@pytest.mark.realdata
def test_recorded_answers(shared: Path) -> None:
    recorded = sorted((shared / "feeds" / "arxiv").glob("*.200.xml"))
    assert recorded
    for path in recorded:
        body = path.read_bytes()
        answer = arxiv.parse(body, a_source(), path.name)
        assert answer.skipped == ()
        assert len(answer.documents) == answer.entries == body.count(b"<entry>")
        affiliations = set(re.findall(rb"<arxiv:affiliation>([^<]+)<", body))
        found = {name for document in answer.documents for name in document.affiliations}
        assert len(found) == len(affiliations)


@pytest.mark.realdata
def test_recorded_refusals(shared: Path, httpserver: HTTPServer) -> None:
    recorded = sorted((shared / "feeds" / "arxiv").glob("*.4*.xml"))
    assert recorded
    for path in recorded:
        status = int(path.name.split(".")[-2])
        httpserver.expect_request(f"/{path.name}").respond_with_data(
            path.read_bytes(), status=status
        )
        source = a_source(httpserver.url_for(f"/{path.name}"))
        with Http(HTTP) as http, pytest.raises(SourceError) as caught:
            list(arxiv.pages(source, Access(http, source), WINDOW))
        assert caught.value.status == status
        assert caught.value.url.startswith(source.url)
