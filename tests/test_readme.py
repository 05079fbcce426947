"""What README and docs tell people to type does what they say."""

import json
import os
import re
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from horizon.demo.web import demo_sources, demo_web

README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    \.venv/bin/(horizon .*)$", README, re.MULTILINE)
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory):
    """A config folder with the sample web in place of the internet, and the environment for it."""
    folder = tmp_path_factory.mktemp("office")
    config = folder / "config"
    config.mkdir()
    for name in ("taxonomy.yaml", "partners.yaml", "subscribers.yaml"):
        (config / name).write_bytes((ROOT / "config" / name).read_bytes())
    with demo_web(date(2026, 11, 15)) as web:
        sources = demo_sources(web)[:2]
        sources[0]["id"] = "arxiv-rss-security"
        (config / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
        record = {
            "id": "1",
            "title": "Flood warning for one's own town",
            "doi": "10.1234/flood.2026",
        }
        (folder / "records.jsonl").write_text(json.dumps(record) + "\n")
        (folder / "texts.jsonl").write_text(json.dumps(record) + "\n")
        record["labels"] = ["resilient_communities"]
        (folder / "labels.jsonl").write_text(json.dumps(record) + "\n")
        yield {
            **os.environ,
            "HORIZON_CONFIG": str(config),
            "HORIZON_STORE": str(folder / "store.duckdb"),
        }


def test_the_readme_has_its_commands() -> None:
    assert "make demo" in README
    assert "make test" in README
    assert COMMANDS[0] == "horizon weekly"  # which makes the store that the others read
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme(office: dict[str, str], command: str) -> None:
    program, *arguments = shlex.split(command)
    folder = Path(office["HORIZON_STORE"]).parent
    done = subprocess.run(
        [BIN / program, *arguments], cwd=folder, env=office, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    if "--output" in arguments:
        assert (folder / arguments[arguments.index("--output") + 1]).stat().st_size
    else:
        assert done.stdout or "nothing found" in done.stderr


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_knows_its_targets(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert {"demo": "horizon demo", "test": "pytest"}[target] in done.stdout


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


def test_the_deployment_is_accepted(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PREFECT_HOME": str(tmp_path),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
    }
    for command in ("work-pool create --type process horizon", "deploy --all"):
        done = subprocess.run(
            [BIN / "prefect", "--no-prompt", *command.split()],
            cwd=ROOT, env=environment, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert "weekly/weekly" in done.stdout
