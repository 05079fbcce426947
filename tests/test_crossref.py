"""The Crossref scanner: works, JATS, partial dates, cursors that die."""

import json
import random
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.document import Document, Event, Kind
from core.settings import HttpSettings
from core.sources import Source
from scanners import crossref
from scanners.access import Access
from scanners.base import Page, Watermark
from scanners.errors import ComeBackLater, SourceError
from scanners.http import Http
from scanners.jats import jats_to_text

WINDOW = Watermark().aim(date(2026, 11, 9), date(2026, 11, 15))
HTTP = HttpSettings(interval=0, backoff=0, retries=0)


def a_source(
    url: str = "https://crossref.test/works", yields: Kind | None = None, **params: str
) -> Source:
    return Source(
        id="crossref-test",
        kind="crossref",
        name="Crossref",
        url=url,
        allow_private=True,
        yields=yields,
        params=params,
    )


def work(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "DOI": f"10.1234/Port.{number}",
        "URL": f"https://doi.org/10.1234/port.{number}",
        "type": "proceedings-article",
        "title": ["Drones over <i>harbours</i>"],
        "container-title": ["Port Series", "Harbour Watch 2026"],
        "abstract": "<jats:title>Abstract</jats:title><jats:p>We track drones.</jats:p>",
        "published": {"date-parts": [[2026, 11]]},
        "issued": {"date-parts": [[2026, 11, 2]]},
        "created": {"date-parts": [[2026, 11, 12]]},
        "author": [
            {
                "given": "Min-ji",
                "family": "Kim",
                "affiliation": [{"name": "KAIST, Daejeon, South Korea"}],
            },
            {"given": "Noa", "family": "Levi", "suffix": "Jr.", "affiliation": []},
            {"name": "Harbour Guard Group"},
        ],
        "event": {
            "name": "Harbour Watch",
            "location": "Lisbon, Portugal",
            "start": {"date-parts": [[2026, 11, 3]]},
            "end": {"date-parts": [[2026, 11, 5]]},
        },
        **fields,
    }


def body(*works: Any, cursor: str | None = None, rows: int = 200) -> bytes:
    message = {"items": works, "items-per-page": rows, "total-results": 99, "next-cursor": cursor}
    return json.dumps({"status": "ok", "message-type": "work-list", "message": message}).encode()


def one(source: Source | None = None, **fields: Any) -> Document:
    (document,) = crossref.parse(body(work(**fields)), source or a_source(), "u").documents
    return document


class Api:
    """A Crossref of ``total`` works, two on a page; cursors in ``dead`` are not found."""

    def __init__(self, server: HTTPServer, total: int, **params: str) -> None:
        self.total = total
        self.dead: set[str] = set()
        self.dead_is_empty = False
        self.asked: list[dict[str, str]] = []
        server.expect_request("/works").respond_with_handler(self.answer)
        self.source = a_source(server.url_for("/works"), rows="2", **params)

    def answer(self, request: Request) -> Response:
        self.asked.append({k: v[0] for k, v in parse_qs(request.query_string.decode()).items()})
        cursor = self.asked[-1]["cursor"]
        if cursor in self.dead and self.dead_is_empty:
            return Response(body(cursor=cursor, rows=2))
        if cursor in self.dead:
            return Response("Resource not found.", status=404)
        start = 0 if cursor == "*" else int(cursor.removesuffix("+/=="))
        works = [work(n) for n in range(start, min(start + 2, self.total))]
        return Response(body(*works, cursor=f"{start + 2}+/==", rows=2))

    def pages(self, mark: Watermark = WINDOW) -> list[Page]:
        with Http(HTTP) as http:
            return list(crossref.pages(self.source, Access(http, self.source), mark))


def numbers(pages: list[Page]) -> list[str]:
    return [(d.doi or "").rpartition(".")[2] for page in pages for d in page.documents]


def test_a_work_becomes_a_document() -> None:
    document = one()
    assert document.kind is Kind.PROCEEDINGS
    assert (document.title, document.abstract) == ("Drones over harbours", "We track drones.")
    assert (document.doi, document.url) == ("10.1234/port.1", "https://doi.org/10.1234/port.1")
    assert (document.published, document.precision) == (date(2026, 11, 1), "month")
    assert document.venue == "Harbour Watch 2026"
    assert document.authors == ("Min-ji Kim", "Noa Levi Jr.", "Harbour Guard Group")
    assert document.affiliations == ("KAIST, Daejeon, South Korea",)
    assert (document.countries, document.language) == (("KR",), None)
    assert document.event == Event(
        starts=date(2026, 11, 3), ends=date(2026, 11, 5), place="Lisbon, Portugal", country="PT"
    )
    json.dumps(document.raw)


@pytest.mark.parametrize(
    ("work_type", "yields", "kind"),
    [
        ("journal-article", Kind.PROCEEDINGS, Kind.PUBLICATION),
        ("proceedings-article", None, Kind.PROCEEDINGS),
        ("posted-content", None, Kind.PREPRINT),
        ("report", None, Kind.REPORT),
        ("book-chapter", None, Kind.PUBLICATION),
        ("book-chapter", Kind.PROCEEDINGS, Kind.PROCEEDINGS),
        (None, None, Kind.PUBLICATION),
    ],
)
def test_types_become_kinds(work_type: str | None, yields: Kind | None, kind: Kind) -> None:
    assert one(a_source(yields=yields), type=work_type).kind is kind


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ({}, (date(2026, 11, 1), "month")),
        ({"published": {"date-parts": [[2025, 3, 9]]}}, (date(2025, 3, 9), "day")),
        ({"published": {"date-parts": [[None]]}}, (date(2026, 11, 2), "day")),
        ({"published": None, "posted": {"date-parts": [[2024]]}}, (date(2024, 1, 1), "year")),
        ({"published": {"date-parts": [[2024, 2, 31]]}}, (date(2024, 2, 1), "month")),
        ({"published": {"date-parts": [[3024]]}, "issued": {"date-parts": []}}, (None, "day")),
        ({"published": "2024", "issued": {"date-parts": [["x"]]}}, (None, "day")),
    ],
)
def test_dates_are_as_precise_as_they_are_written(
    dates: dict[str, Any], expected: tuple[date | None, str]
) -> None:
    document = one(**dates)
    assert (document.published, document.precision) == expected


@pytest.mark.parametrize(
    ("relation", "arxiv_id"),
    [
        ({"has-preprint": [{"id-type": "doi", "id": "10.48550/arXiv.2611.01234"}]}, "2611.01234"),
        ({"is-preprint-of": [{"id-type": "arxiv", "id": "2611.01234"}]}, "2611.01234"),
        (
            {"has-preprint": {"id-type": "uri", "id": "https://arxiv.org/abs/2611.01234v2"}},
            "2611.01234",
        ),
        ({"has-review": [{"id-type": "doi", "id": "10.48550/arXiv.2611.01234"}]}, None),
        ({"has-preprint": [{"id-type": "doi", "id": "10.1101/2026.11.01"}]}, None),
        ({}, None),
    ],
)
def test_a_preprint_on_arxiv_is_recognised(relation: dict[str, Any], arxiv_id: str | None) -> None:
    assert one(relation=relation).arxiv_id == arxiv_id


def test_a_work_that_says_little_is_kept() -> None:
    bare = {"DOI": "10.1234/bare", "title": ["A report"], "publisher": "Port Office"}
    source = a_source().model_copy(update={"country": "NL", "language": "nl"})
    (document,) = crossref.parse(body(bare), source, "u").documents
    assert (document.published, document.event) == (None, None)
    assert (document.url, document.venue) == ("https://doi.org/10.1234/bare", "Port Office")
    assert (document.countries, document.language) == (("NL",), "nl")


def test_an_event_without_a_day_has_a_place_only() -> None:
    event = {"name": "Watch", "location": "Online", "start": {"date-parts": [[2026, 11]]}}
    assert one(event=event).event == Event(place="Online")
    assert one(event={"name": "Watch"}, **{"container-title": []}).venue == "Watch"


def test_title_and_subtitle() -> None:
    assert one(title=["Gates &amp; walls"], subtitle=["A <b>view</b>"]).title == (
        "Gates & walls: A view"
    )


def test_a_bad_work_is_skipped_and_counted() -> None:
    bad = [
        work(2, title=[]),
        work(3, author="none"),
        work(4, type="component"),
        work(5, title=None, subtitle=["only"]),
        7,
    ]
    answer = crossref.parse(body(work(1), *bad, work(6)), a_source(), "u")
    assert [document.doi for document in answer.documents] == ["10.1234/port.1", "10.1234/port.6"]
    assert [skip.entry[-2:] for skip in answer.skipped] == [".2", ".3", ".4", ".5", ""]
    assert [answer.skipped[i].reason for i in (0, 2, 3)] == [
        "no title",
        "not a work: component",
        "no title",
    ]


def test_what_is_not_of_the_source_is_counted() -> None:
    elsewhere = {"container-title": ["Proc. of Ports"], "event": {"name": "Ports"}}
    works = [
        work(1, title=["Border Security today"], **elsewhere),
        work(2, **elsewhere),
        work(3, **{**elsewhere, "event": {"name": "Conference on BORDER security"}}),
        work(4, **{**elsewhere, "container-title": ["Radar Letters"]}),
    ]
    answer = crossref.parse(body(*works), a_source(match="border security| radar"), "u")
    assert [(d.doi or "")[-1] for d in answer.documents] == ["1", "3", "4"]
    assert [(s.reason, s.entry) for s in answer.skipped] == [
        ("not of this source", "10.1234/Port.2")
    ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (None, ""),
        ("Plain, a &amp; b, p &amp;lt; 0.05", "Plain, a & b, p < 0.05"),
        ("<jats:p>10<jats:sup>9</jats:sup> of H<jats:sub>2</jats:sub>O</jats:p>", "109 of H2O"),
        ("<jats:p>One.</jats:p><jats:p>Two.</jats:p>", "One. Two."),
        ("<p>if a<b and p < 0.05</p>", "if a<b and p < 0.05"),
        (
            "<jats:sec><jats:title>Methods.</jats:title><jats:p>We look.</jats:p></jats:sec>"
            "<jats:sec><jats:title>RESULTS</jats:title><jats:p>We see.</jats:p></jats:sec>",
            "We look. We see.",
        ),
        (
            "<jats:title>Wind in forests</jats:title><jats:p>It blows.</jats:p>",
            "Wind in forests It blows.",
        ),
        (
            "so <mml:math xmlns:mml='http://www.w3.org/1998/Math/MathML'> <mml:mi>x</mml:mi> "
            "<mml:mo>=</mml:mo> <mml:mn>2</mml:mn> <mml:annotation>x=2</mml:annotation></mml:math> "
            "holds",
            "so x=2 holds",
        ),
        (
            "so <jats:inline-formula><jats:alternatives><jats:inline-graphic href='a'/>"
            "<jats:tex-math>$$x$$</jats:tex-math>"
            "<mml:math><mml:mi>x</mml:mi></mml:math></jats:alternatives></jats:inline-formula>.",
            "so x.",
        ),
        (
            r"<tex-math>\documentclass{a}\begin{document}$$\alpha$$\end{document}</tex-math> is",
            r"\alpha is",
        ),
        ('at <jats:inline-graphic xlink:href="a.png" xlink:title="urn:a" /> it', "at it"),
        ("<!-- no --><![CDATA[kept]]>", "kept"),
        ("<jats:p>cut <jats:italic>short", "cut short"),
        ("<jats:p>a\u202eb\x00c</jats:p>", "a b c"),
    ],
)
def test_jats_becomes_text(markup: str | None, text: str) -> None:
    assert jats_to_text(markup) == text


def test_deep_nesting_and_long_text_are_survived() -> None:
    answer = crossref.parse(
        body(work(1, abstract="<jats:p>" * 50_000), work(2, title=["t<i>" * 200_000])),
        a_source(),
        "u",
    )
    assert len(answer.documents) + len(answer.skipped) == 2


def test_what_is_asked(httpserver: HTTPServer) -> None:
    params = {"filter": "prefix:10.14722", "match": "ports", "query.event-name": "a b", "sort": "x"}
    api = Api(httpserver, 0, **params)
    api.pages()
    assert api.asked == [
        {
            "filter": "prefix:10.14722,from-created-date:2026-11-09,until-created-date:2026-11-15",
            "query.event-name": "a b",
            "sort": "x",
            "rows": "2",
            "cursor": "*",
        }
    ]


@pytest.mark.parametrize(("total", "requests"), [(0, 1), (5, 3), (4, 3)])
def test_all_pages_are_read_and_the_window_is_done(
    httpserver: HTTPServer, total: int, requests: int
) -> None:
    api = Api(httpserver, total)
    pages = api.pages()
    assert numbers(pages) == [str(n) for n in range(total)]
    assert pages[-1].mark == Watermark(until=date(2026, 11, 15))
    assert len(api.asked) == requests


def test_a_harvest_goes_on_from_any_of_its_marks(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 5)
    whole = api.pages()
    assert [page.mark.cursor for page in whole] == ["2+/==", "4+/==", ""]
    for read, page in enumerate(whole[:-1], 1):
        assert numbers(whole[:read] + api.pages(page.mark)) == numbers(whole)


@pytest.mark.parametrize("dead_is_empty", [True, False])
def test_a_dead_cursor_begins_the_window_again(httpserver: HTTPServer, dead_is_empty: bool) -> None:
    api = Api(httpserver, 5)
    api.dead, api.dead_is_empty = {"old"}, dead_is_empty
    pages = api.pages(WINDOW.at("old"))
    assert numbers(pages) == ["0", "1", "2", "3", "4"]
    assert [asked["cursor"] for asked in api.asked] == ["old", "*", "2+/==", "4+/=="]
    assert pages[-1].mark.until == date(2026, 11, 15)


def test_a_cursor_that_dies_again_and_again_is_an_error(httpserver: HTTPServer) -> None:
    api = Api(httpserver, 5)
    api.dead = {"2+/=="}
    with pytest.raises(SourceError) as caught:
        api.pages()
    assert caught.value.status == 404
    assert [asked["cursor"] for asked in api.asked] == ["*", "2+/==", "*", "2+/=="]


def test_the_same_page_twice_is_an_error(httpserver: HTTPServer) -> None:
    answer = body(work(1), work(2), cursor="same", rows=2)
    httpserver.expect_request("/works").respond_with_data(answer)
    source = a_source(httpserver.url_for("/works"), rows="2")
    with Http(HTTP) as http:
        harvest = crossref.pages(source, Access(http, source), WINDOW)
        assert next(harvest).mark.cursor == "same"
        with pytest.raises(SourceError, match="same page twice"):
            next(harvest)


def test_a_full_page_without_a_cursor_is_kept_and_told(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/works").respond_with_data(body(work(1), work(2), rows=2))
    source = a_source(httpserver.url_for("/works"), rows="2")
    with Http(HTTP) as http:
        harvest = crossref.pages(source, Access(http, source), WINDOW)
        page = next(harvest)
        assert (numbers([page]), page.mark) == (["1", "2"], WINDOW)
        with pytest.raises(SourceError, match="without a cursor"):
            next(harvest)


def test_a_smaller_page_than_asked_for_is_not_the_end() -> None:
    answer = crossref.parse(body(work(1), cursor="c", rows=1), a_source(), "u", rows=1000)
    assert answer.size == 1


def test_one_work_alone() -> None:
    alone = {"status": "ok", "message-type": "work", "message": work(3)}
    answer = crossref.parse(json.dumps(alone).encode(), a_source(), "u")
    assert [document.doi for document in answer.documents] == ["10.1234/port.3"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "not JSON"),
        (b"<!doctype html><title>Just a moment...</title>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"status": "ok", "message-type": "member-list", "message": {"items": []}}', "not about"),
        (b'{"status": "ok", "message-type": "work-list", "message": {"items": {}}}', "not a list"),
        (b'{"status": "ok", "message-type": "work-list", "message": []}', "not about works"),
        (
            b'{"status": "failed", "message-type": "validation-failure", "message":'
            b'[{"type": "filter-not-available", "value": "isssn"}]}',
            "refused.*isssn",
        ),
    ],
)
def test_what_is_no_list_of_works_is_an_error(
    httpserver: HTTPServer, answer: bytes, said: str
) -> None:
    httpserver.expect_request("/works").respond_with_data(answer)
    source = a_source(httpserver.url_for("/works"))
    with Http(HTTP) as http, pytest.raises(SourceError, match=said) as caught:
        list(crossref.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == 200
    assert caught.value.url.startswith(source.url)


@pytest.mark.parametrize("status", [400, 404, 429, 500, 504])
def test_a_refusal_is_an_error(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/works").respond_with_data("no", status=status)
    source = a_source(httpserver.url_for("/works"))
    with Http(HTTP) as http, pytest.raises(SourceError) as caught:
        list(crossref.pages(source, Access(http, source), WINDOW))
    assert caught.value.status == status
    assert isinstance(caught.value, ComeBackLater) == (status == 429)


@pytest.mark.realdata
def test_recorded_answers(shared: Path) -> None:
    recorded = sorted((shared / "feeds" / "crossref").glob("*.json"))
    assert recorded
    documents = []
    for path in recorded:
        message = json.loads(path.read_bytes())["message"]
        works = message.get("items", [message])
        answer = crossref.parse(path.read_bytes(), a_source(), path.name)
        assert len(answer.documents) + len(answer.skipped) == len(works) == len(answer.keys)
        assert [s.reason for s in answer.skipped if not s.reason.startswith("not a work")] == []
        documents += answer.documents
    assert not any("jats:" in d.text or "mml:" in d.text or "&amp;" in d.text for d in documents)


@pytest.mark.realdata
def test_mangled_answers(shared: Path) -> None:
    chance = random.Random(3)
    for path in sorted((shared / "feeds" / "crossref").glob("*.json"))[::3]:
        whole = path.read_bytes()
        for _ in range(10):
            mangled = bytearray(whole)
            for _ in range(20):
                mangled[chance.randrange(len(mangled))] = chance.choice(b'<>&"{}[]:,\\0 \xff')
            with suppress(SourceError):  # and nothing else
                crossref.parse(bytes(mangled), a_source(), path.name)


@pytest.mark.realdata
def test_a_misshapen_field_costs_its_work_only(shared: Path) -> None:
    chance = random.Random(4)
    junk = [None, "", "x", 7, [], {}, [None], {"a": 1}, [[]], "<jats:p>", ["<b"], True]
    path = shared / "feeds" / "crossref" / "test_works_field_query_publisher_name-0.json"
    data = json.loads(path.read_bytes())
    items = data["message"]["items"]
    good = {d.doi for d in crossref.parse(path.read_bytes(), a_source(), "u").documents}
    for _ in range(200):
        victim = chance.choice(items)
        spoilt = {**victim, chance.choice(list(victim)): chance.choice(junk)}
        data["message"]["items"] = [spoilt if item is victim else item for item in items]
        answer = crossref.parse(json.dumps(data).encode(), a_source(), "u")
        assert len(answer.documents) + len(answer.skipped) == len(items)
        assert good - {victim["DOI"].lower()} <= {d.doi for d in answer.documents}
