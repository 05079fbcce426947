"""The command line: exit codes, one sentence on stderr, tables and JSON."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from test_store import NEWS, PAPER, PARTNERS, WEEK

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
