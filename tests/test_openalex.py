"""The OpenAlex scanner: works, cursors, credits and keys."""

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import openalex
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import ComeBackLater, SourceError
from scanners.http import Http

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
HTTP = HttpSettings(interval=0, backoff=0, retries=0)
KEY = "s3cret-Key"


def a_source(url: str = "https://openalex.test/works", **params: str) -> Source:
    return Source(
        id="openalex-test",
        kind="openalex",
        name="OpenAlex",
        url=url,
        allow_private=True,
        params=params,
    )


def work(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"https://openalex.org/W{number}",
        "doi": f"https://doi.org/10.1234/Work.{number}",
        "title": "Drones over <i>harbours</i>",
        "display_name": "Drones over harbours",
        "publication_date": "2026-11-12",
        "language": "en",
        "type": "article",
        "ids": {"openalex": f"https://openalex.org/W{number}"},
        "primary_location": {
            "landing_page_url": f"https://journal.test/{number}",
            "source": {"display_name": "Journal of Ports", "type": "journal"},
        },
        "locations": [],
        "authorships": [
            {
                "author": {"display_name": "Kim Min-ji"},
                "institutions": [{"display_name": "KAIST", "country_code": "KR"}],
                "countries": ["KR"],
                "raw_affiliation_strings": ["KAIST, Daejeon"],
            },
            {
                "author": {"display_name": "Noa Levi"},
                "institutions": [],
                "countries": [],
                "raw_affiliation_strings": ["Port Lab, Haifa, Israel"],
            },
        ],
        "abstract_inverted_index": {"small": [2], "We": [0], "track": [1, 5], "drones.": [9]},
        **fields,
    }


def body(*works: Any, cursor: str | None = None) -> bytes:
    return json.dumps({"meta": {"next_cursor": cursor}, "results": works}).encode()


def one(**fields: Any) -> Any:
    (document,) = openalex.parse(body(work(**fields)), a_source(), "u").documents
    return document


class Api:
    """An OpenAlex of numbered pages of two works each, the last one empty."""

    def __init__(self, server: HTTPServer, count: int, **params: str) -> None:
        self.count = count
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        server.expect_request("/works").respond_with_handler(self.answer)
        self.source = a_source(server.url_for("/works"), **params)

    def answer(self, request: Request) -> Response:
        self.asked.append({k: v[0] for k, v in parse_qs(request.query_string.decode()).items()})
        cursor = self.asked[-1]["cursor"]
        page = 0 if cursor == "*" else int(cursor.removeprefix("c="))
        works = [work(2 * page + i) for i in (1, 2)] if page < self.count else []
        following = f"c={page + 1}" if page < self.count else None
        return Response(body(*works, cursor=following), headers=self.headers)

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HTTP) as http:
            return list(openalex.pages(self.source, Access(http, self.source), mark))


def ids(pages: list[Page]) -> list[str | None]:
    return [document.openalex_id for page in pages for document in page.documents]


def test_a_work_becomes_a_document() -> None:
    document = one()
    assert document.kind is Kind.PUBLICATION
    assert document.title == "Drones over harbours"
    assert document.abstract == "We track small track drones."
    assert (document.openalex_id, document.native_id) == ("W1", "W1")
    assert (document.doi, document.arxiv_id) == ("10.1234/work.1", None)
    assert (document.published, document.language) == (date(2026, 11, 12), "en")
    assert (document.url, document.venue) == ("https://journal.test/1", "Journal of Ports")
    assert document.authors == ("Kim Min-ji", "Noa Levi")
    assert document.affiliations == ("KAIST, South Korea", "Port Lab, Haifa, Israel")
    assert document.countries == ("IL", "KR")
    json.dumps(document.raw)


@pytest.mark.parametrize(
    ("work_type", "venue_type", "kind"),
    [
        ("article", "journal", Kind.PUBLICATION),
        ("review", None, Kind.PUBLICATION),
        ("article", "conference", Kind.PROCEEDINGS),
        ("conference-paper", "journal", Kind.PROCEEDINGS),
        ("proceedings-article", None, Kind.PROCEEDINGS),
        ("preprint", "repository", Kind.PREPRINT),
        ("report", None, Kind.REPORT),
        (None, None, Kind.PUBLICATION),
    ],
)
def test_types_become_kinds(work_type: str | None, venue_type: str | None, kind: Kind) -> None:
    location = {"source": {"display_name": "Somewhere", "type": venue_type}}
    assert one(type=work_type, primary_location=location).kind is kind


@pytest.mark.parametrize(
    "fields",
    [
        {"locations": [{"landing_page_url": "http://arxiv.org/abs/2611.01234v3"}]},
        {"primary_location": {"landing_page_url": "https://arxiv.org/pdf/2611.01234"}},
        {"doi": "https://doi.org/10.48550/arxiv.2611.01234"},
        {"ids": {"arxiv": "https://arxiv.org/abs/2611.01234"}},
    ],
)
def test_an_arxiv_copy_is_recognised(fields: dict[str, Any]) -> None:
    assert one(**fields).arxiv_id == "2611.01234"


@pytest.mark.parametrize(
    "index", [None, {}, [], "text", {"a": 1}, {"a": ["x"], "b": [1]}, {"a": [None]}, {"a": ["0"]}]
)
def test_a_broken_abstract_costs_the_abstract_only(index: Any) -> None:
    document = one(abstract_inverted_index=index)
    assert (document.title, document.abstract) == ("Drones over harbours", "")


def test_a_work_that_says_little_is_kept() -> None:
    bare = {"id": "https://openalex.org/W9", "title": None, "display_name": "A title"}
    (document,) = openalex.parse(body(bare), a_source(), "u").documents
    assert (document.url, document.published) == ("https://openalex.org/W9", None)
    assert (document.countries, document.language, document.venue) == ((), None, "")


def test_countries_without_institutions() -> None:
    authorships = [{"author": None, "countries": ["NZ"], "raw_affiliation_strings": ["x, Chile"]}]
    assert one(authorships=authorships).countries == ("NZ",)


def test_a_bad_work_is_skipped_and_counted() -> None:
    bad = [work(2, title=None, display_name=""), work(3, authorships="none"), {"title": "x"}, 7]
    answer = openalex.parse(body(work(1), *bad), a_source(), "u")
    assert [document.openalex_id for document in answer.documents] == ["W1"]
    assert [skip.entry[-2:] for skip in answer.skipped] == ["W2", "W3", "", ""]
    assert answer.skipped[0].reason == "no title"
    assert answer.skipped[2].reason == "no OpenAlex id"


def test_what_is_asked(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 0, filter="is_retracted:false", search='"border security"', api_key=KEY)
    api.pages()
    (asked,) = api.asked
    assert asked["filter"] == (
        "is_retracted:false,from_publication_date:2026-11-09,to_publication_date:2026-11-15"
    )
    assert (asked["search"], asked["api_key"]) == ('"border security"', KEY)
    assert (asked["cursor"], asked["per_page"]) == ("*", "100")
    assert "abstract_inverted_index" in asked["select"].split(",")


def test_all_pages_are_read_and_the_window_is_done(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 3)
    pages = api.pages()
    assert ids(pages) == ["W1", "W2", "W3", "W4", "W5", "W6"]
    assert [page.mark.cursor for page in pages] == ["c=1", "c=2", "c=3", ""]
    assert pages[-1].mark == Watermark(until=date(2026, 11, 15))
    assert api.asked[0]["filter"].startswith("from_publication_date:")


def test_a_harvest_goes_on_from_any_of_its_marks(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 3)
    whole = api.pages()
    for read, page in enumerate(whole[:-1], 1):
        assert ids(whole[:read] + api.pages(page.mark)) == ids(whole)


def test_a_spent_budget_ends_the_run_after_the_page_it_paid_for(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 3, api_key=KEY)
    api.headers = {
        "X-RateLimit-Remaining": "9",
        "X-RateLimit-Credits-Required": "10",
        "X-RateLimit-Reset": "5400",
    }
    with Http(HTTP) as http:
        harvest = openalex.pages(api.source, Access(http, api.source), WINDOW)
        first = next(harvest)
        with pytest.raises(ComeBackLater, match=r"9 credits left.*in 1\.5 h") as caught:
            next(harvest)
    assert caught.value.seconds == 5400
    assert KEY not in str(caught.value)
    assert len(api.asked) == 1
    api.headers = {}
    assert ids([first, *api.pages(first.mark)]) == ["W1", "W2", "W3", "W4", "W5", "W6"]


def test_a_budget_that_suffices_is_used(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 2)
    api.headers = {"X-RateLimit-Remaining": "10", "X-RateLimit-Credits-Required": "10"}
    assert len(ids(api.pages())) == 4


def test_the_last_page_needs_no_budget(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 0)
    api.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Credits-Required": "10"}
    assert api.pages()[-1].mark.until == date(2026, 11, 15)


def test_a_cursor_that_comes_back_is_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/works").respond_with_data(body(work(), cursor="c=1"))
    source = a_source(httpserver.url_for("/works"), api_key=KEY)
    with Http(HTTP) as http:
        harvest = openalex.pages(source, Access(http, source), WINDOW)
        assert next(harvest).mark.cursor == "c=1"
        with pytest.raises(SourceError, match="same cursor") as caught:
            next(harvest)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"[]",
        b'{"results": []}',
        b'{"meta": {}, "results": {}}',
        b'{"error": "Invalid filter"}',
        b'{"meta": {"next_cursor": 5}, "results": []}',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_list_of_works_is_an_error(httpserver: HTTPServer, answer: bytes) -> None:
    httpserver.expect_request("/works").respond_with_data(answer)
    source = a_source(httpserver.url_for("/works"), api_key=KEY)
    with Http(HTTP) as http, pytest.raises(SourceError) as caught:
        list(openalex.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == 200
    assert caught.value.url == source.url
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_a_refusal_keeps_the_key_to_itself(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/works").respond_with_data("no", status=status)
    source = a_source(httpserver.url_for("/works"), api_key=KEY)
    with Http(HTTP) as http, pytest.raises(SourceError) as caught:
        list(openalex.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == status
    error: BaseException | None = caught.value
    while error:
        assert KEY not in str(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(("key", "said"), [("", "asks for an API key"), (KEY, "refused the API")])
def test_a_missing_or_wrong_key_is_told_with_what_to_do(
    httpserver: HTTPServer, key: str, said: str
) -> None:
    httpserver.expect_request("/works").respond_with_data("no", status=401)
    source = a_source(httpserver.url_for("/works"), api_key=key)
    with (
        Http(HTTP) as http,
        pytest.raises(SourceError, match=f"{said}.*HORIZON_OPENALEX_API_KEY"),
    ):
        list(openalex.pages(source, Access(http, source), WINDOW))
