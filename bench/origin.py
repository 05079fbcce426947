"""A local server that answers as arXiv does, from a real stream of 70,990 preprints.

    python bench/origin.py --port 8099 --day 2026-06-26

serves the API at ``/api/query``, OAI-PMH at ``/oai`` and the day's batch at ``/rss/<category>``.
Windows are by the day a preprint was listed, the only date the corpus has.
"""

import argparse
import re
import time
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from horizon.demo.records import Author, Record
from horizon.demo.server import Web
from horizon.demo.services import Shelf, arxiv_api, arxiv_rss, oai_pmh

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "arxiv-daily-2025-2026.parquet"

# The corpus mixes in classes of other schemes: I.2.7 (ACM), 68T50 (MSC).
_CATEGORY = re.compile(r"[a-z]+(?:-[a-z]+)?(?:\.[A-Z]{2}|\.[a-z]+(?:-[a-z]+)?)?")


def corpus_shelf(corpus: Path) -> Shelf:
    """Return the preprints of a Parquet file: id, title, abstract, categories, listed, authors."""
    import pyarrow.parquet as pq

    table = pq.read_table(corpus).sort_by([("listed", "ascending"), ("id", "ascending")])

    def fetch(positions: Sequence[int]) -> list[Record]:
        return [_record(row) for row in table.take(list(positions)).to_pylist()]

    categories = (_categories(text) for text in table["categories"].to_pylist())
    return Shelf(table["listed"].to_pylist(), categories, fetch)


def _record(row: dict[str, Any]) -> Record:
    return Record(
        id=row["id"],
        title=row["title"],
        day=row["listed"],
        url=f"https://arxiv.org/abs/{row['id']}v1",
        abstract=row["abstract"],
        authors=tuple(Author(name.strip()) for name in row["authors"].split(";")),
        arxiv_id=row["id"],
        categories=_categories(row["categories"]),
    )


@cache
def _categories(text: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,;\s]+", text) if _CATEGORY.fullmatch(name))


def origin(
    corpus: Path = CORPUS, *, day: date | None = None, port: int = 0, delay: float = 0
) -> Web:
    """Return the server: a context manager with a ``url``.

    Args:
        corpus: the Parquet file.
        day: whose batch the RSS announces; the last one of the corpus if not given.
        port: 0 takes any free one.
        delay: seconds before each answer.
    """
    shelf = corpus_shelf(corpus)
    routes = {
        "/api/query": arxiv_api(shelf),
        "/oai": oai_pmh(shelf),
        "/rss/": arxiv_rss(shelf, day or shelf.days[-1]),
    }
    return Web(routes, port, delay)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--day", type=date.fromisoformat, help="whose batch the RSS announces")
    parser.add_argument("--delay", type=float, default=0, metavar="SECONDS")
    arguments = parser.parse_args()
    with origin(**vars(arguments)) as web:
        print(web.url, flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
