"""A real week of arXiv, over HTTP, undisturbed, repeated and killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from conftest import ROOT

pytestmark = pytest.mark.realdata

WEEK, MONDAY, SUNDAY = "2026-W16", "2026-04-13", "2026-04-19"
SOURCES = """\
sources:
  - id: oai
    kind: oai_pmh
    name: arXiv, all that was listed
    url: {url}/oai
    params: {{metadataPrefix: arXiv}}
    overlap_days: 0
    rate: 60000
    allow_private: true
  - id: api
    kind: arxiv
    name: arXiv, cryptography and security
    url: {url}/api/query
    params: {{search_query: "cat:cs.CR"}}
    overlap_days: 0
    rate: 60000
    allow_private: true
  - id: rss
    kind: rss
    name: arXiv, the day's batch
    url: {url}/rss/cs.CR
    yields: preprint
    rate: 60000
    allow_private: true
"""


@contextmanager
def origin(delay: float = 0) -> Iterator[str]:
    """Serve the real stream; yield the address."""
    command = [sys.executable, "bench/origin.py", "--port", "0", "--day", "2026-04-15"]
    with subprocess.Popen(
        [*command, "--delay", str(delay)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def configure(folder: Path, url: str) -> Path:
    """Write a config folder whose sources are at ``url``."""
    config = folder / "config"
    config.mkdir(parents=True, exist_ok=True)
    for name in ("taxonomy.yaml", "partners.yaml", "subscribers.yaml"):
        (config / name).write_bytes((ROOT / "config" / name).read_bytes())
    (config / "horizon.toml").write_text("[http]\nbackoff = 0.1\n[harvest]\nretry_delay = 0\n")
    (config / "sources.yaml").write_text(SOURCES.format(url=url))
    return config


def command(folder: Path, config: Path) -> list[str]:
    arguments = ["--week", WEEK, "--config", str(config), "--store", str(folder / "store.duckdb")]
    return [str(Path(sys.executable).parent / "horizon"), "weekly", *arguments]


def weekly(folder: Path, url: str) -> None:
    config = configure(folder, url)
    done = subprocess.run(command(folder, config), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def content(folder: Path) -> dict[str, list[object]]:
    """All that the store and its folder tell, but for the times of day."""
    kept: dict[str, list[object]] = {}
    with duckdb.connect(folder / "store.duckdb", read_only=True) as con:
        for table, clock in {
            "documents": "first_seen",
            "sightings": "seen_at",
            "keys": "",
            "bands": "",
            "labels": "",
            "watermarks": "",
            "deliveries": "updated",
        }.items():
            columns = f"* EXCLUDE ({clock})" if clock else "*"
            rows = con.execute(f"SELECT {columns} FROM base.{table}").fetchall()
            kept[table] = sorted(map(repr, rows))
    for place in ("digests", "outbox"):
        files = sorted((folder / place).iterdir())
        kept[place] = [(file.name, file.read_bytes()) for file in files]
    return kept


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    with origin() as url:
        weekly(folder, url)
    return folder


@pytest.fixture(scope="module")
def listed(undisturbed: Path) -> Callable[[str], set[str]]:
    """Return the ids that the corpus has for the week, of all or of one category."""
    corpus = ROOT.parent / "shared" / "corpus" / "arxiv-daily-2025-2026.parquet"

    def ids(category: str = "") -> set[str]:
        rows = duckdb.execute(
            f"SELECT id FROM '{corpus}' WHERE listed BETWEEN '{MONDAY}' AND '{SUNDAY}' "
            "AND (? = '' OR list_contains(regexp_split_to_array(categories, '[,;\\s]+'), ?))",
            [category, category],
        ).fetchall()
        return {row[0] for row in rows}

    return ids


def test_all_arrive_and_none_twice(undisturbed: Path, listed: Callable[..., set[str]]) -> None:
    with duckdb.connect(undisturbed / "store.duckdb", read_only=True) as con:
        stored = [row[0] for row in con.execute("SELECT arxiv_id FROM documents").fetchall()]
        seen = dict(con.execute("SELECT source, count(*) FROM sightings GROUP BY 1").fetchall())
        labelled = con.execute("SELECT count(DISTINCT document_id) FROM labels").fetchall()
    assert len(stored) > 1400
    assert len(stored) == len(set(stored))
    assert set(stored) == listed()
    assert seen["oai"] == len(stored)
    assert seen["api"] == len(listed("cs.CR"))
    assert 0 < seen["rss"] < seen["api"]
    assert labelled == [(len(stored),)]


def test_a_second_run_adds_nothing_and_mails_nothing(undisturbed: Path) -> None:
    before = content(undisturbed)
    [mail] = (undisturbed / "outbox").iterdir()
    stamp = mail.stat().st_mtime_ns
    with origin() as url:
        weekly(undisturbed, url)
    assert content(undisturbed) == before
    assert mail.stat().st_mtime_ns == stamp


def test_killed_and_run_again_it_ends_as_if_undisturbed(undisturbed: Path, tmp_path: Path) -> None:
    """SIGKILL at growing delays after the first answer, until a run gets through."""
    kills = 0
    with origin(delay=0.05) as url:
        config = configure(tmp_path, url)
        store = tmp_path / "store.duckdb"
        for patience in (0.2, 0.8, 2.0, 4.0):
            run = subprocess.Popen(
                command(tmp_path, config),
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            size = store.stat().st_size if store.exists() else 0
            wal = store.with_suffix(".duckdb.wal")
            while (
                run.poll() is None
                and not wal.exists()
                and (not store.exists() or store.stat().st_size == size)
            ):
                time.sleep(0.01)
            time.sleep(patience)
            kills += run.poll() is None
            # With the whole group: Prefect's temporary server is a child of its own.
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    assert kills >= 2
    with origin() as url:
        weekly(tmp_path, url)
    assert content(tmp_path) == content(undisturbed)
