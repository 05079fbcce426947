"""What several tests share."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.partners import load_partners
from store.database import Connection, open_writer

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED.is_dir():
        return
    skip = pytest.mark.skip(reason="../shared (real texts and recorded answers) is not here")
    for item in items:
        if item.get_closest_marker("realdata"):
            item.add_marker(skip)


@pytest.fixture
def shared() -> Path:
    return SHARED


@pytest.fixture(scope="session")
def run_horizon() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed ``horizon`` as a person would, in a process of its own."""
    program = Path(sys.executable).parent / "horizon"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test's store is."""
    return tmp_path / "store.duckdb"


@pytest.fixture
def con(file: Path) -> Iterator[Connection]:
    """An empty store, open for writing."""
    with open_writer(file, load_partners(ROOT / "config")) as con:
        yield con
