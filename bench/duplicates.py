"""How well and how fast the store finds the sightings of one work, on real preprints and papers.

    python bench/duplicates.py quality [--documents N] [--show N]
    python bench/duplicates.py speed [--store N] [--batch N]

print JSON. ``quality`` stores both sides of the known pairs among the preprints and papers that
share most authors with them, and others at random; a pair is found if both sides are one document.
The list of pairs is not complete: what else became one document is counted, and a sample of those
with differing titles shown for reading (``--show``). The limits of ``core.likeness`` were set on
the pairs that ``held_out`` does not name. ``speed`` adds real documents to a store of other real
ones and of recombined ones.
"""

import argparse
import csv
import json
import re
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from core.document import Document, Kind
from core.likeness import title_letters
from core.partners import Partners
from core.text import title_key
from store import documents
from store.database import Connection, open_writer

SHARED = Path(__file__).parents[2] / "shared"
BATCH = 10_000
SEED = 7


def held_out(pair: tuple[str, str]) -> bool:
    """Return whether a pair was kept apart while the limits were set, by the hash of its ids."""
    digest = blake2b(" ".join(pair).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % 3 == 0


def known_pairs() -> list[tuple[str, str]]:
    """Return the ids of preprint and paper of each known pair."""
    with (SHARED / "dedup" / "pairs-dev.csv").open(newline="") as file:
        return [(row["id_a"], row["id_b"]) for row in csv.DictReader(file)]


def corpus() -> Iterator[Document]:
    """Yield all preprints and conference papers; a paper's date is its conference's year."""
    for name, day in (
        ("arxiv-1993-2019", "published"),
        ("arxiv-daily-2025-2026", "listed"),
        ("conferences-2000-2025", ""),
    ):
        for group in pq.ParquetFile(SHARED / "corpus" / f"{name}.parquet").iter_batches():
            for row in group.to_pylist():
                venue = row.get("venue", "")
                year = re.search(r"\d{4}", venue)
                yield Document(
                    kind=Kind.PREPRINT if day else Kind.PROCEEDINGS,
                    title=row["title"],
                    abstract=row["abstract"],
                    authors=tuple(
                        re.split(r";" if ";" in row["authors"] else r",| and ", row["authors"])
                    ),
                    source="arxiv" if day else "conferences",
                    native_id=row["id"],
                    venue=venue,
                    published=row[day] if day else date(int(year[0]), 1, 1) if year else None,
                    precision="day" if day else "year",
                )


def chosen(number: int) -> list[Document]:
    """Return the pairs' documents, those nearest to them by authors, and as many at random."""
    everything = {document.native_id: document for document in corpus()}
    paired = [everything[i] for i in dict.fromkeys(i for pair in known_pairs() for i in pair)]
    names = {name for document in paired for name in map(title_key, document.authors)}
    known = {document.native_id for document in paired}
    rest = [document for i, document in sorted(everything.items()) if i not in known]
    Random(SEED).shuffle(rest)
    wanted = max(0, number - len(paired))
    near = sorted(rest, key=lambda d: -len(names & {*map(title_key, d.authors)}))[: wanted // 2]
    taken = {document.native_id for document in near}
    random = [document for document in rest if document.native_id not in taken]
    found = [*paired, *near, *random[: wanted - len(near)]]
    Random(SEED).shuffle(found)
    return found


def fill(con: Connection, found: Sequence[Document]) -> None:
    """Store ``found`` in batches."""
    for start in range(0, len(found), BATCH):
        documents.add(con, found[start : start + BATCH], week="2026-W46")


def quality(con: Connection, number: int, show: int) -> dict[str, object]:
    """Return recall on the known pairs, and what else became one."""
    found = chosen(number)
    fill(con, found)
    groups = defaultdict(list)
    for work, native_id in con.execute("SELECT document_id, native_id FROM sightings").fetchall():
        groups[work].append(native_id)
    work_of = {native_id: work for work, ids in groups.items() for native_id in ids}
    recall = {}
    for name, part in (("tuned_on", False), ("held_out", True)):
        pairs = [pair for pair in known_pairs() if held_out(pair) is part]
        hits = sum(work_of[a] == work_of[b] for a, b in pairs)
        recall[name] = {"pairs": len(pairs), "found": hits, "recall": round(hits / len(pairs), 4)}
    known = {frozenset(pair) for pair in known_pairs()}
    merged = [pair for ids in groups.values() for pair in combinations(sorted(ids), 2)]
    others = [pair for pair in merged if frozenset(pair) not in known]
    by_id = {document.native_id: document for document in found}
    unlike = [
        (a, b) for a, b in others if title_letters(by_id[a].title) != title_letters(by_id[b].title)
    ]
    for a, b in Random(SEED).sample(unlike, min(show, len(unlike))):
        print(f"{a}: {by_id[a].title}\n{b}: {by_id[b].title}\n", file=sys.stderr)
    kinds = Counter(" + ".join(sorted(str(by_id[i].kind) for i in pair)) for pair in unlike)
    return {
        "documents": len(found),
        "works": len(groups),
        "known_pairs": recall,
        "merged_pairs": len(merged),
        "not_listed_same_title": len(others) - len(unlike),
        "not_listed_other_title": dict(kinds),
        "largest_group": max(map(len, groups.values())),
    }


def recombined(found: Sequence[Document], number: int) -> Iterator[Document]:
    """Yield ``number`` documents whose halves come from different ones: as alike as texts get."""
    random = Random(SEED)
    for i in range(number):
        one, other, third = random.sample(found, 3)
        a, b, words = one.abstract.split(), other.abstract.split(), third.title.split()
        yield Document(
            kind=one.kind,
            title=" ".join((*one.title.split()[:3], *words[3:])),
            abstract=" ".join((*a[: len(a) // 2], *b[len(b) // 2 :])),
            authors=third.authors,
            source=one.source,
            native_id=f"recombined-{i}",
            published=other.published,
        )


def speed(con: Connection, stored: int, number: int) -> dict[str, object]:
    """Return the seconds that adding ``number`` documents takes."""
    found = list(corpus())
    Random(SEED).shuffle(found)
    added, real = found[:number], found[number : number + stored]
    start = time.perf_counter()
    fill(con, [*real, *recombined(real, stored - len(real))])
    filling = time.perf_counter() - start
    before = con.execute("SELECT count(*) FROM base.documents").fetchall()[0][0]
    start = time.perf_counter()
    fill(con, added)
    seconds = time.perf_counter() - start
    return {
        "stored": before,
        "added": len(added),
        "seconds": round(seconds, 1),
        "documents_per_second": round(len(added) / seconds),
        "filling_seconds": round(filling, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Print one of the two as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    of_quality = commands.add_parser("quality")
    of_quality.add_argument("--documents", type=int, default=60_000)
    of_quality.add_argument("--show", type=int, default=0)
    of_speed = commands.add_parser("speed")
    of_speed.add_argument("--store", type=int, default=500_000)
    of_speed.add_argument("--batch", type=int, default=50_000)
    arguments = parser.parse_args()
    partners = Partners(home="US", partners=())
    with (
        tempfile.TemporaryDirectory() as folder,
        open_writer(Path(folder) / "store.duckdb", partners) as con,
    ):
        if arguments.command == "quality":
            result = quality(con, arguments.documents, arguments.show)
        else:
            result = speed(con, arguments.store, arguments.batch)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
