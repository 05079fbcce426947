"""The house: arrows one way, heavy imports where they are needed."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT

ALLOWED = {
    "core": set(),
    "scanners": {"core"},
    "classifiers": {"core"},
    "store": {"core"},
    "reports": {"core", "store"},
    "flows": {"core", "scanners", "classifiers", "store", "reports"},
    "horizon": {"core", "scanners", "classifiers", "store", "reports", "flows"},
}


def imported(room: str) -> dict[str, set[str]]:
    """Top-level names that each file of a room imports."""
    found = {}
    for file in (ROOT / room).rglob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
        found[str(file.relative_to(ROOT))] = names
    assert found, f"{room} has no Python files"
    return found


@pytest.mark.parametrize("room", ALLOWED)
def test_arrows(room: str) -> None:
    for file, names in imported(room).items():
        assert names & set(ALLOWED) <= ALLOWED[room] | {room}, file


@pytest.mark.parametrize("room", [room for room in ALLOWED if room != "flows"])
def test_only_flows_import_prefect(room: str) -> None:
    for file, names in imported(room).items():
        assert "prefect" not in names, file


@pytest.mark.parametrize("room", [room for room in ALLOWED if room != "store"])
def test_only_store_imports_duckdb(room: str) -> None:
    for file, names in imported(room).items():
        assert "duckdb" not in names, file


@pytest.mark.parametrize("command", [["--help"], ["search", "drones", "--store", "none.duckdb"]])
def test_light_commands_import_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['horizon', *sys.argv[1:]]\n"
        "from horizon.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'prefect', 'torch', 'sklearn', 'sentence_transformers', 'pyarrow', 'scipy'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "loaded: []"
