"""Damaged answers by the thousand: crashes, the slowest, and the peak of memory.

    python bench/mutate.py

prints JSON, and ends with 1 if a parser raised anything but a SourceError, took more than 2 s or
the process grew beyond 300 MB. The answers are the recordings of ``../shared/feeds`` in turn with
generated ones; the damage is that of ``tests/mutate.py``, number by number the same on each run.
"""

import argparse
import json
import resource
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from mutate import damage, damage_json, to_json  # noqa: E402
from specimens import (  # noqa: E402
    kind_of_recording,
    must_be_storable,
    read,
    recordings,
    specimens,
)

from core.document import Document  # noqa: E402
from scanners.errors import SourceError  # noqa: E402

SECONDS = 2
MEGABYTES = 300


def answers() -> Iterator[tuple[str, str, bytes]]:
    """Yield name, kind of source and a good answer, without end: recorded and generated in turn."""
    recorded = cycle(recordings(ROOT.parent / "shared"))
    generated = cycle(specimens().items())
    while True:
        file = next(recorded)
        yield file.name, kind_of_recording(file), file.read_bytes()
        name, specimen = next(generated)
        yield name, specimen.kind, specimen.body()


def damaged(body: bytes, random: Random) -> bytes:
    """Return ``body`` damaged; every second JSON stays JSON."""
    if body[:1] == b"{" and random.random() < 0.5:
        return to_json(damage_json(json.loads(body), random))
    return damage(body, random)


def main() -> int:
    """Print what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    files = parser.parse_args().files
    began, counts = time.perf_counter(), Counter[str]()
    crashes: list[dict[str, Any]] = []
    slowest: list[tuple[float, int, str]] = []
    for number, (name, kind, body) in enumerate(islice(answers(), files)):
        bad = damaged(body, Random(number))
        start = time.perf_counter()
        try:
            found = read(kind, bad)
            for document in found.values():
                if isinstance(document, Document):
                    must_be_storable(document)
        except SourceError:
            counts["refused"] += 1
        except Exception:
            crashes.append({"number": number, "name": name, "error": traceback.format_exc()})
        else:
            counts["read"] += 1
            counts["entries"] += len(found)
        slowest.append((round(time.perf_counter() - start, 3), number, name))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    slowest.sort(reverse=True)
    report = {
        "files": files,
        **counts,
        "crashes": crashes,
        "slowest": slowest[:5],
        "peak_mb": round(peak),
        "seconds": round(time.perf_counter() - began),
    }
    print(json.dumps(report, indent=2))
    return int(bool(crashes) or slowest[0][0] > SECONDS or peak > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
