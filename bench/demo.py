"""What a newcomer waits for: the demo, ``--help``, a search on the demo's store; printed as JSON.

    .venv/bin/python bench/demo.py

Seconds are the best of three (the demo: of one); memory is the largest sum, over the run and its
children, of resident memory with shared pages split among their users (PSS).
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = str(Path(sys.executable).parent / "horizon")


def pss(pid: int) -> int:
    """Return the bytes of a process and its children; 0 for what has ended."""
    proc = Path("/proc") / str(pid)
    try:
        rollup = (proc / "smaps_rollup").read_text()
        children = (proc / "task" / str(pid) / "children").read_text().split()
    except OSError:
        return 0
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own * 1024 + sum(pss(int(child)) for child in children)


def watch(*arguments: str) -> tuple[float, int]:
    """Run ``horizon``; return its seconds and the largest memory seen, in bytes."""
    start, peak = time.perf_counter(), 0
    with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.DEVNULL) as run:
        while run.poll() is None:
            peak = max(peak, pss(run.pid))
            time.sleep(0.05)
    assert run.returncode == 0, arguments
    return time.perf_counter() - start, peak


def best(*arguments: str) -> float:
    """Return the seconds of the fastest of three runs."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        store = str(Path(folder) / "demo.duckdb")
        seconds, peak = watch("demo", "--store", store)
        figures = {
            "demo_seconds": seconds,
            "demo_peak_megabytes": peak / 1e6,
            "help_seconds": best("--help"),
            "search_seconds": best("search", "drone detection", "--store", store),
        }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}, indent=2))


if __name__ == "__main__":
    main()
