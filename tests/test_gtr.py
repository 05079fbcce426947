"""The Gateway to Research scanner: projects, their dates, and where to stop."""

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
from scanners import gtr
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import Blocked, ComeBackLater, SourceError
from scanners.http import Http

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
HTTP = HttpSettings(interval=0, backoff=0, retries=0)
DAY = 86_400_000  # ms
FIRST_OF_JULY = 1_782_860_400_000  # 2026-06-30T23:00Z, midnight in London
FIRST_OF_DECEMBER = 1_796_083_200_000  # 2026-12-01T00:00Z, midnight in London


def a_source(url: str = "https://gtr.test/gtr/api/projects", **params: str) -> Source:
    return Source(
        id="gtr-test",
        kind="gtr",
        name="GtR",
        url=url,
        allow_private=True,
        country="GB",
        params={"q": '"border security"', **params},
    )


def project(number: int = 1, start: Any = FIRST_OF_DECEMBER, **fields: Any) -> dict[str, Any]:
    fund = {"rel": "FUND", "href": "x", "start": start, "end": FIRST_OF_DECEMBER + 365 * DAY}
    return {
        "id": f"D8217775-{number}",
        "identifiers": {"identifier": [{"value": f"EP/X0{number}/1", "type": "RCUK"}]},
        "title": "Gates &amp; Walls",
        "status": "Active",
        "grantCategory": "Research Grant",
        "leadFunder": "EPSRC",
        "leadOrganisationDepartment": "Engineering",
        "abstractText": "We watch &lt; 5 gates.",
        "techAbstractText": "We watch with radar.",
        "created": None,
        "start": None,
        "end": None,
        "links": {"link": [{"rel": "LEAD_ORG", "href": "y", "start": None}, fund]},
        "researchTopics": {"researchTopic": [{"id": "t", "text": "Radar", "percentage": 30}]},
        "researchSubjects": {"researchSubject": []},
        "participantValues": None,
        **fields,
    }


def body(projects: Any = None, page: int = 1, total: int = 1) -> bytes:
    found = {} if projects is None else {"project": projects}
    return json.dumps({"page": page, "size": 100, "totalPages": total, **found}).encode()


def one(**fields: Any) -> Document:
    (document,) = gtr.parse(body([project(**fields)]), a_source(), "u").documents
    return document


class Api:
    """A GtR whose pages hold one project for each of the starts in ``self.starts[page]``."""

    def __init__(self, server: HTTPServer, *starts: list[int]) -> None:
        self.starts = starts
        self.asked: list[dict[str, str]] = []
        self.accepted: list[str | None] = []
        server.expect_request("/projects").respond_with_handler(self.answer)
        self.source = a_source(server.url_for("/projects"))

    def answer(self, request: Request) -> Response:
        self.asked.append({k: v[0] for k, v in parse_qs(request.query_string.decode()).items()})
        self.accepted.append(request.headers.get("Accept"))
        number = int(self.asked[-1]["p"])
        if number > len(self.starts):
            said = f"Page requested exceeds maximum available: {len(self.starts)}"
            return Response(said, status=404)
        starts = self.starts[number - 1]
        found = [project(10 * number + i, start=start) for i, start in enumerate(starts)]
        return Response(body(found[0] if len(found) == 1 else found, number, len(self.starts)))

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HTTP) as http:
            return list(gtr.pages(self.source, Access(http, self.source), mark))


def references(pages: list[Page]) -> list[str]:
    return [document.native_id for page in pages for document in page.documents]


def test_a_project_becomes_a_document() -> None:
    document = one()
    assert (document.kind, document.title) == (Kind.PROJECT, "Gates & Walls")
    assert document.abstract == "We watch < 5 gates. We watch with radar."
    assert document.native_id == "EP/X01/1"
    assert document.url == "https://gtr.ukri.org/projects?ref=EP%2FX01%2F1"
    assert (document.published, document.precision) == (date(2026, 12, 1), "day")
    assert (document.venue, document.countries) == ("EPSRC", ("GB",))
    assert document.raw["end"] == "2027-12-01"
    assert document.raw["topics"] == ["Radar"]
    json.dumps(document.raw)


@pytest.mark.parametrize(
    ("fields", "published"),
    [
        ({"start": FIRST_OF_JULY}, date(2026, 7, 1)),
        ({"start": None, "created": FIRST_OF_JULY}, date(2026, 7, 1)),
        ({"start": None}, None),
        ({"start": 10**30}, None),
        ({"start": -(10**13)}, None),
        ({"start": "soon"}, None),
        ({"links": None}, None),
        ({"links": {"link": {"rel": "FUND", "start": FIRST_OF_JULY}}}, date(2026, 7, 1)),
    ],
)
def test_days_are_britains(fields: dict[str, Any], published: date | None) -> None:
    assert one(**fields).published == published


def test_an_abstract_that_is_none() -> None:
    nothing = "Abstracts are not currently available in GtR for all funded research."
    assert one(abstractText=nothing, techAbstractText=None).abstract == ""
    assert one(abstractText="The same.", techAbstractText="The same.").abstract == "The same."


def test_participants_and_where_they_are() -> None:
    values = {
        "participant": [
            {"organisationName": "Port Radar Ltd"},
            {"organisationName": "Institute of the Sea, Oslo, Norway"},
            {"organisationName": None},
        ]
    }
    document = one(participantValues=values)
    assert document.affiliations == ("Port Radar Ltd", "Institute of the Sea, Oslo, Norway")
    assert document.countries == ("GB", "NO")


def test_a_project_without_reference_has_its_id() -> None:
    document = one(identifiers={"identifier": []})
    assert (document.native_id, document.url) == ("D8217775-1", "")
    assert one(identifiers={"identifier": {"value": "10045762"}}).native_id == "10045762"


def test_a_bad_project_is_skipped_and_counted() -> None:
    bad: list[Any] = [project(2, title=" "), project(3, links="none"), project(4, title=5), 7]
    answer = gtr.parse(body([project(1), *bad, project(5)]), a_source(), "u")
    assert [d.native_id for d in answer.documents] == ["EP/X01/1", "EP/X05/1"]
    assert [skip.entry[-2:] for skip in answer.skipped] == ["-2", "-3", "-4", ""]
    assert answer.skipped[0].reason == "no title"


def test_what_is_asked(httpserver: HTTPServer) -> None:
    api = Api(httpserver, [FIRST_OF_DECEMBER])
    api.pages()
    assert api.asked == [
        {"q": '"border security"', "sf": "pro.sd", "so": "D", "s": "100", "p": "1"}
    ]
    assert api.accepted == ["application/vnd.rcuk.gtr.json-v7"]


def test_all_pages_are_read_and_the_window_is_done(httpserver: HTTPServer) -> None:
    pages = Api(httpserver, [FIRST_OF_DECEMBER] * 2, [FIRST_OF_DECEMBER]).pages()
    assert references(pages) == ["EP/X010/1", "EP/X011/1", "EP/X020/1"]
    assert [page.mark.cursor for page in pages] == ["2", ""]
    assert pages[-1].mark == Watermark(until=date(2026, 11, 15))


def test_reading_ends_with_the_first_page_that_is_all_old(httpserver: HTTPServer) -> None:
    old = FIRST_OF_JULY
    api = Api(httpserver, [FIRST_OF_DECEMBER, old], [old, old - DAY], [old - 9 * DAY])
    pages = api.pages()
    assert references(pages) == ["EP/X010/1", "EP/X011/1", "EP/X020/1", "EP/X021/1"]
    assert [asked["p"] for asked in api.asked] == ["1", "2"]
    assert pages[-1].mark.until == date(2026, 11, 15)


def test_an_old_start_that_was_entered_lately_is_not_old() -> None:
    recent = gtr.parse(
        body([project(start=FIRST_OF_JULY, created=FIRST_OF_DECEMBER)]), a_source(), "u"
    )
    assert recent.newest == date(2026, 12, 1)
    assert gtr.parse(body([project(start=None)]), a_source(), "u").newest is None


def test_a_harvest_goes_on_from_any_of_its_marks(httpserver: HTTPServer) -> None:
    api = Api(httpserver, *([FIRST_OF_DECEMBER] * 2 for _ in range(3)))
    whole = api.pages()
    assert len(references(whole)) == 6
    for read, page in enumerate(whole[:-1], 1):
        assert references(whole[:read] + api.pages(page.mark)) == references(whole)


def test_a_search_that_matches_nothing_is_an_end(httpserver: HTTPServer) -> None:
    (page,) = Api(httpserver).pages()  # 404, as the interface has it
    assert (page.documents, page.mark) == ((), Watermark(until=date(2026, 11, 15)))
    (page,) = Api(httpserver, [FIRST_OF_DECEMBER]).pages(WINDOW.at("3"))
    assert page.documents == ()


@pytest.mark.parametrize("answer", [body([], total=0), body([], total=1), body(total=0)])
def test_an_empty_page_is_an_end(httpserver: HTTPServer, answer: bytes) -> None:
    httpserver.expect_request("/projects").respond_with_data(answer)
    source = a_source(httpserver.url_for("/projects"))
    with Http(HTTP) as http:
        (page,) = gtr.pages(source, Access(http, source), WINDOW)
    assert page.mark == Watermark(until=date(2026, 11, 15))


def test_an_empty_page_too_early_is_an_error(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/projects").respond_with_data(body([], total=3))
    source = a_source(httpserver.url_for("/projects"))
    with Http(HTTP) as http, pytest.raises(SourceError, match="empty page 1 of 3"):
        list(gtr.pages(source, Access(http, source), WINDOW))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<!doctype html><title>Down</title>",
        b"[" * 100_000,
        b"[]",
        b'{"headerData": {}, "facetedSearchResultBean": {}}',
        b'{"totalPages": "1", "project": []}',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_page_of_projects_is_an_error(httpserver: HTTPServer, answer: bytes) -> None:
    httpserver.expect_request("/projects").respond_with_data(answer)
    source = a_source(httpserver.url_for("/projects"))
    with Http(HTTP) as http, pytest.raises(SourceError) as caught:
        list(gtr.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == 200
    assert caught.value.url.startswith(source.url)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, SourceError), (403, Blocked), (429, ComeBackLater), (500, SourceError)],
)
def test_a_refusal_is_an_error(
    httpserver: HTTPServer, status: int, error: type[SourceError]
) -> None:
    httpserver.expect_request("/projects").respond_with_data("no", status=status)
    source = a_source(httpserver.url_for("/projects"))
    with Http(HTTP) as http, pytest.raises(error) as caught:
        list(gtr.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == status
