"""Each source within its own limits: robots.txt, rate, budget, max_items."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response as Answer

from core.settings import HttpSettings, Settings
from core.sources import Source
from flows.checking import Check, check
from scanners import Blocked, ComeBackLater, Http, SourceError, Watermark, pages
from scanners import http as http_module
from scanners.access import Access

FEED = """<rss version="2.0"><channel><title>Agency</title><link>https://example.org/</link>{}
</channel></rss>"""
ITEM = "<item><title>Item {0}</title><guid>{0}</guid><link>https://example.org/{0}</link></item>"
HTTP = HttpSettings(interval=0, backoff=0, retries=0)
WINDOW = date(2026, 11, 9), date(2026, 11, 15)


@pytest.fixture
def http() -> Iterator[Http]:
    with Http(HTTP) as http:
        yield http


def source(server: HTTPServer, **fields: object) -> Source:
    given = {
        "id": "agency",
        "kind": "rss",
        "name": "Agency",
        "url": server.url_for("/feed.xml"),
        "allow_private": True,
    }
    return Source.model_validate({**given, **fields})


def serve(server: HTTPServer, items: int = 3, robots: str | None = None) -> None:
    body = FEED.format("".join(ITEM.format(i) for i in range(items)))
    server.expect_request("/feed.xml").respond_with_data(body, content_type="application/rss+xml")
    if robots is not None:
        server.expect_request("/robots.txt").respond_with_data(robots)


def read(http: Http, source: Source) -> list[str]:
    mark = Watermark().aim(*WINDOW)
    return [d.title for page in pages(source, http, mark) for d in page.documents]


class TestRobots:
    def test_without_rules_everything_is_allowed(self, httpserver: HTTPServer, http: Http) -> None:
        serve(httpserver)
        httpserver.expect_request("/robots.txt").respond_with_data("none", status=404)
        assert len(read(http, source(httpserver))) == 3

    def test_what_is_forbidden_is_not_asked(self, httpserver: HTTPServer, http: Http) -> None:
        serve(httpserver, robots="User-agent: Horizon\nDisallow: /feed\n")
        with pytest.raises(Blocked, match=r"robots\.txt"):
            read(http, source(httpserver))
        assert [request.path for request, _ in httpserver.log] == ["/robots.txt"]

    def test_rules_for_others_do_not_count(self, httpserver: HTTPServer, http: Http) -> None:
        robots = "User-agent: Other\nDisallow: /\n\nUser-agent: *\nDisallow: /private/\n"
        serve(httpserver, robots=robots)
        assert len(read(http, source(httpserver))) == 3

    def test_a_host_that_fails_to_tell_is_left(self, httpserver: HTTPServer, http: Http) -> None:
        serve(httpserver)
        httpserver.expect_request("/robots.txt").respond_with_data("", status=503)
        for _ in range(2):
            with pytest.raises(SourceError) as error:
                read(http, source(httpserver))
            assert error.value.status == 503
        assert [request.path for request, _ in httpserver.log] == ["/robots.txt"]

    def test_interfaces_for_programs_are_exempt(self, httpserver: HTTPServer, http: Http) -> None:
        serve(httpserver, robots="User-agent: *\nDisallow: /\n")
        interface = source(httpserver, kind="openalex")
        assert Access(http, interface).get(interface.url).status == 200

    def test_each_host_is_asked_once(self, httpserver: HTTPServer, http: Http) -> None:
        serve(httpserver, robots="")
        for _ in range(3):
            read(http, source(httpserver))
        asked = [request.path for request, _ in httpserver.log]
        assert asked.count("/robots.txt") == 1

    def test_crawl_delay_is_kept(
        self, httpserver: HTTPServer, http: Http, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve(httpserver, robots="User-agent: *\nCrawl-delay: 7\n")
        naps: list[float] = []
        monkeypatch.setattr(http_module.time, "sleep", naps.append)
        read(http, source(httpserver))
        read(http, source(httpserver))
        assert max(naps) > 6


def test_rate_is_kept(httpserver: HTTPServer, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(httpserver, robots="")
    naps: list[float] = []
    monkeypatch.setattr(http_module.time, "sleep", naps.append)
    read(http, source(httpserver, rate=6))
    assert max(naps) == pytest.approx(10, abs=1)


def test_budget_ends_the_harvest(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, robots="")
    access = Access(http, source(httpserver, budget=2))
    access.get(httpserver.url_for("/feed.xml"))
    with pytest.raises(ComeBackLater, match="budget of 2 requests"):
        access.get(httpserver.url_for("/feed.xml"))
    assert access.requests == 2  # robots.txt is one
    assert access.bytes > 100


def test_max_items_leaves_the_rest_and_says_so(httpserver: HTTPServer, http: Http) -> None:
    serve(httpserver, robots="", items=9)
    [page] = pages(source(httpserver, max_items=4), http, Watermark().aim(*WINDOW))
    assert len(page.documents) == 4
    assert [skip.reason for skip in page.skipped] == ["beyond max_items"] * 5
    assert page.mark.window is None


@pytest.mark.parametrize("status", [401, 403, 451])
def test_a_server_that_does_not_let_us_in_blocks(
    httpserver: HTTPServer, http: Http, status: int
) -> None:
    httpserver.expect_request("/robots.txt").respond_with_data("")
    httpserver.expect_request("/feed.xml").respond_with_data("no", status=status)
    with pytest.raises(Blocked) as error:
        read(http, source(httpserver))
    assert error.value.status == status


def test_a_fault_of_a_scanner_is_a_fault_of_its_source(
    httpserver: HTTPServer, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[object]:
        raise KeyError("surprise")
        yield

    monkeypatch.setitem(__import__("scanners")._SCANNERS, "rss", broken)
    with pytest.raises(SourceError, match="KeyError: 'surprise'"):
        read(http, source(httpserver))


class TestCheck:
    def check(self, source: Source, tmp_path: Path) -> Check:
        settings = Settings(store=tmp_path / "none.duckdb", http=HTTP)
        [found] = check(settings, [source], WINDOW[1])
        return found

    def test_a_source_that_answers(self, httpserver: HTTPServer, tmp_path: Path) -> None:
        serve(httpserver, robots="User-agent: *\nCrawl-delay: 2\n")
        found = self.check(source(httpserver), tmp_path)
        assert (found.http_status, found.items, found.would_add) == (200, 3, 3)
        assert (found.state, found.robots) == ("ok", "allows, 2 s apart")

    def test_a_source_that_does_not(self, httpserver: HTTPServer, tmp_path: Path) -> None:
        httpserver.expect_request("/robots.txt").respond_with_data("")
        httpserver.expect_request("/feed.xml").respond_with_response(Answer("oops", status=500))
        found = self.check(source(httpserver), tmp_path)
        assert (found.state, found.http_status, found.items) == ("failing", 500, 0)
        assert "the server failed" in found.message

    def test_a_source_that_is_forbidden(self, httpserver: HTTPServer, tmp_path: Path) -> None:
        serve(httpserver, robots="User-agent: *\nDisallow: /\n")
        found = self.check(source(httpserver), tmp_path)
        assert (found.state, found.robots, found.items) == ("blocked", "forbids", 0)
