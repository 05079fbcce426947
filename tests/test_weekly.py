"""The weekly run on the demo's sample web, seen from outside."""

import json
import re
import subprocess
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest
import yaml

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def store(folder: Path) -> Path:
    return folder / "demo.duckdb"


@pytest.fixture(scope="module")
def demo(run_horizon: Run, store: Path) -> subprocess.CompletedProcess[str]:
    return run_horizon("demo", "--store", str(store))


@pytest.fixture
def sql(run_horizon: Run, demo: object, store: Path) -> Callable[[str], list[dict[str, object]]]:
    def ask(query: str) -> list[dict[str, object]]:
        done = run_horizon("sql", query, "--store", str(store), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ask


def digest_of(demo: subprocess.CompletedProcess[str]) -> Path:
    return Path(re.search(r"\S+\.html", demo.stdout)[0])


def without_port(digest: Path) -> str:
    """The digest's text, without the port on which the sample web happened to be served."""
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1", digest.read_text(encoding="utf-8"))


def test_it_ends_by_naming_digest_and_store(
    demo: subprocess.CompletedProcess[str], store: Path
) -> None:
    assert demo.returncode == 0, demo.stderr
    digest, last = demo.stdout.splitlines()[-2:]
    assert digest.endswith(".html")
    assert last.endswith(str(store))
    assert digest_of(demo).is_file()
    assert "Traceback" not in demo.stderr


def test_the_store_holds_the_sample(sql) -> None:
    [counts] = sql(
        "select count(*) as documents, count(distinct language) as languages, "
        "count(*) filter (is_foreign = false) as home, "
        "count(*) filter (id in (select document_id from labels where assigned)) as relevant "
        "from documents"
    )
    assert counts["documents"] >= 200
    assert counts["languages"] >= 6
    assert counts["home"] >= 5
    assert 0.3 * counts["documents"] < counts["relevant"] < 0.9 * counts["documents"]
    [merged] = sql("select count(*) as n from sightings")
    assert merged["n"] > counts["documents"]


def test_every_goal_has_documents_and_every_document_is_labelled(sql) -> None:
    rows = sql(
        "select label, count(*) filter (assigned) as n, count(*) as said from labels group by 1"
    )
    [total] = sql("select count(*) as n from documents")
    assert len(rows) == 15
    for row in rows:
        assert row["n"] >= 3, row
        assert row["said"] == total["n"], row


def test_health_tells_failing_from_stale(sql) -> None:
    health = {row["source"]: row for row in sql("from source_health")}
    assert health["demo-news-sg"]["status"] == "failing"
    assert "HTTP 500" in health["demo-news-sg"]["message"]
    assert health["demo-news-ca"]["status"] == "stale"
    assert {row["status"] for row in health.values()} == {"ok", "stale", "failing"}


def test_the_digest_escapes_what_comes_from_outside(demo) -> None:
    html = digest_of(demo).read_text(encoding="utf-8")
    assert "<script" not in html
    assert "javascript:" not in html


def test_mail_waits_in_the_outbox(demo, folder: Path) -> None:
    [file] = (folder / "outbox").glob("*.eml")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["To"] == "Analysts <analysts@example.org>"
    assert mail.get_body(("html",)) is not None
    assert "Visionary Goals" in mail.get_body(("plain",)).get_content()


def test_run_again_it_adds_nothing_and_mails_nothing(
    demo, run_horizon: Run, folder: Path, store: Path, sql
) -> None:
    before = sql("from documents order by id"), sql("from sightings order by all")
    [mail] = (folder / "outbox").glob("*.eml")
    stamp = mail.stat().st_mtime_ns
    html = without_port(digest_of(demo))
    again = run_horizon("demo", "--store", str(store))
    assert again.returncode == 0, again.stderr
    assert re.search(r"\bnew +0\b", again.stdout)
    assert (sql("from documents order by id"), sql("from sightings order by all")) == before
    assert list((folder / "outbox").glob("*.eml")) == [mail]
    assert mail.stat().st_mtime_ns == stamp
    assert without_port(digest_of(again)) == html


def test_a_fourth_scheme_needs_no_code(
    demo, run_horizon: Run, folder: Path, store: Path, sql
) -> None:
    config = folder / "config"
    taxonomy = yaml.safe_load((config / "taxonomy.yaml").read_text(encoding="utf-8"))
    taxonomy["schemes"].append(
        {
            "id": "sea_agreement",
            "name": "Agreement on the Sea",
            "layout": "table",
            "labels": [
                {
                    "id": "ports_and_ships",
                    "name": "Ports and Ships",
                    "definition": "Research on the security of ports, ships and sea lanes.",
                    "phrases": {"en": ["port security", "ports", "vessel", "vessels", "coastal"]},
                }
            ],
        }
    )
    other = folder / "other"
    other.mkdir()
    for name in ("partners.yaml", "subscribers.yaml", "horizon.toml"):
        (other / name).write_bytes((config / name).read_bytes())
    (other / "taxonomy.yaml").write_text(yaml.safe_dump(taxonomy), encoding="utf-8")
    (other / "sources.yaml").write_text("sources: []\n")
    done = run_horizon("weekly", "--config", str(other), "--store", str(store))
    assert done.returncode == 0, done.stderr
    [count] = sql("select count(*) as n from labels where scheme = 'sea_agreement' and assigned")
    assert count["n"] >= 1
    html = digest_of(done).read_text(encoding="utf-8")
    assert "Agreement on the Sea" in html
    assert "Ports and Ships" in html


def test_search_finds_what_the_digest_tells(run_horizon: Run, demo, store: Path) -> None:
    found = run_horizon("search", "drone", "--store", str(store), "--json")
    hits = json.loads(found.stdout)
    assert any("unmanned_aerial_systems" in hit["labels"] for hit in hits)
