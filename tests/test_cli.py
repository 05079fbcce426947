"""The command line: exit codes, one sentence on stderr, tables and JSON."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pytest_httpserver import HTTPServer
from test_store import NEWS, PAPER, PARTNERS, WEEK

from core.sources import Source
from store import documents
from store.database import open_writer

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(run_horizon: Run, tmp_path: Path) -> Run:
    """Run ``horizon`` on a small store."""
    file = tmp_path / "store.duckdb"
    with open_writer(file, PARTNERS) as con:
        documents.add(con, [PAPER, NEWS], week=WEEK)
    return lambda *arguments: run_horizon(*arguments, "--store", str(file))


def test_search(run: Run) -> None:
    found = run("search", "drones airports")
    assert found.returncode == 0
    assert PAPER.title in found.stdout
    assert NEWS.title not in found.stdout
    hits = json.loads(run("search", "flood", "--json").stdout)
    assert [hit["title"] for hit in hits] == [NEWS.title]


def test_search_finds_nothing(run: Run) -> None:
    found = run("search", "unicorns")
    assert (found.returncode, found.stdout) == (0, "")
    assert "nothing found" in found.stderr


def test_sql(run: Run) -> None:
    rows = json.loads(
        run("sql", "select kind, published from documents order by 1", "--json").stdout
    )
    assert rows == [
        {"kind": "news", "published": "2026-11-10"},
        {"kind": "proceedings", "published": "2026-01-01"},
    ]
    assert run("sql", "select 1 as a, [2, 3] as b").stdout == "a\tb\n1\t2, 3\n"


@pytest.mark.parametrize("query", ["selec 1", "delete from base.documents", "from read_csv('/x')"])
def test_sql_that_may_not_or_cannot_run(run: Run, query: str) -> None:
    done = run("sql", query)
    assert done.returncode == 1
    assert done.stderr.startswith("horizon: ")
    assert len(done.stderr.splitlines()) == 1


def test_sources_list(run: Run) -> None:
    listed = json.loads(run("sources", "list", "--json").stdout)
    assert {"id", "kind", "url", "status"} <= set(listed[0])
    table = run("sources", "list").stdout.splitlines()
    assert len(table) == len(listed) + 1


@pytest.mark.parametrize("arguments", [
    ["weekly", "--week", "2026-99"], ["harvest", "--since", "yesterday"], ["search", ""],
    ["nonsense"], ["search", "a", "--limit", "0"],
])  # fmt: skip
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).returncode == 2


def test_no_store_is_one_sentence(run_horizon: Run, tmp_path: Path) -> None:
    done = run_horizon("search", "a", "--store", str(tmp_path / "none.duckdb"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("horizon: there is no store at ")


def test_wrong_configuration_is_one_sentence(run_horizon: Run, tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text("sources:\n  - id: a\n    kindd: rss\n")
    done = run_horizon("sources", "list", "--config", str(tmp_path))
    assert done.returncode == 1
    assert "sources.yaml:3: sources.0.kindd: unknown key" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_names_every_command(run_horizon: Run) -> None:
    shown = run_horizon("--help").stdout
    for command in ("weekly", "demo", "harvest", "digest", "search", "sql", "sources"):
        assert command in shown


FEED = """<rss version="2.0"><channel><title>Agency</title><link>https://example.org/</link>
<item><title>Flood warning by radio links</title><guid>tag:1</guid>
<pubDate>Mon, 09 Nov 2026 08:00:00 GMT</pubDate></item></channel></rss>"""


@pytest.fixture
def agency(httpserver: HTTPServer, tmp_path: Path) -> str:
    """A feed behind a page, and a config folder whose only source it is."""
    page = '<link rel="alternate" type="application/rss+xml" href="/feed.xml"><p>News</p>'
    httpserver.expect_request("/").respond_with_data(page, content_type="text/html")
    httpserver.expect_request("/robots.txt").respond_with_data("User-agent: *\nAllow: /\n")
    httpserver.expect_request("/feed.xml").respond_with_data(
        FEED, content_type="application/rss+xml"
    )
    source = {"id": "agency", "kind": "rss", "name": "Agency", "allow_private": True}
    catalogue = {"sources": [source | {"url": httpserver.url_for("/feed.xml")}]}
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(catalogue))
    return str(tmp_path)


def test_sources_check(run: Run, agency: str) -> None:
    done = run("sources", "check", "agency", "--config", agency, "--json")
    assert done.returncode == 0, done.stderr
    [found] = json.loads(done.stdout)
    assert found["http_status"] == 200
    assert (found["items"], found["would_add"], found["robots"]) == (1, 1, "allows")
    assert (found["newest"], found["sample"]) == ("2026-11-09", "Flood warning by radio links")


def test_sources_check_of_what_fails(run: Run, agency: str, httpserver: HTTPServer) -> None:
    httpserver.clear()
    done = run("sources", "check", "--config", agency)
    assert done.returncode == 1
    assert "agency" in done.stdout
    assert run("sources", "check", "nobody", "--config", agency).returncode == 2


def test_sources_add_proposes_lines_that_are_valid(
    run: Run, agency: str, httpserver: HTTPServer
) -> None:
    url = httpserver.url_for("/")
    done = run("sources", "add", url, "--config", agency, "--allow-private")
    assert done.returncode == 0, done.stderr
    [proposal] = yaml.safe_load(done.stdout)
    assert Source.model_validate(proposal).url == httpserver.url_for("/feed.xml")
    assert "1 items" in done.stdout


def test_sources_add_stays_outside_the_office(run: Run, httpserver: HTTPServer) -> None:
    done = run("sources", "add", httpserver.url_for("/"))
    assert "not a public address" in done.stdout + done.stderr


def test_the_first_run_makes_the_folders_of_its_store(run_horizon: Run, tmp_path: Path) -> None:
    store = tmp_path / "not" / "yet" / "there" / "store.duckdb"
    done = run_horizon("digest", "--store", str(store))
    assert done.returncode == 0, done.stderr
    assert list((store.parent / "digests").glob("*.html"))


def test_a_folder_that_cannot_be_made_is_one_sentence(run_horizon: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_horizon("weekly", "--store", str(tmp_path / "file" / "store.duckdb"))
    assert done.returncode == 1
    assert "choose another --store" in done.stderr
    assert len(done.stderr.splitlines()) == 1
