"""Documents per second through each scanner's parser, beside a plain parser on the same bytes.

    python bench/parsers.py

prints JSON. The answers are generated, 1,000 records each. The plain parser is
``feedparser.parse``, for OpenAlex ``json.loads``; every figure is the best of ``--rounds``.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any

import feedparser

from core.sources import Source
from horizon.demo import answers, feeds
from horizon.demo.answers import OaiRequest
from horizon.demo.feeds import Channel
from horizon.demo.records import Author, Record
from scanners import arxiv, oai_pmh, openalex, rss

RECORDS = 1000
URL = "https://origin.example/"
_SENTENCE = "Sensor {0} & its filter detect {0} of 90 drones at a range < 3 km in fog and rain. "


def _record(number: int) -> Record:
    return Record(
        id=f"W{number + 1}",
        title=f"Detecting drones near airports, part {number}",
        day=date(2026, 11, 15) - timedelta(days=number % 7),
        url=f"{URL}{number}",
        abstract=_SENTENCE.format(number) * 15,  # 1,200 characters: a usual abstract
        authors=tuple(Author(f"Ada B. Name{i}", f"Institute {i}", "FR") for i in range(5)),
        doi=f"10.5555/{number}",
        arxiv_id=f"2611.{number:05}",
        categories=("cs.CR", "cs.AI"),
    )


def cases(records: Sequence[Record]) -> dict[str, tuple[str, bytes]]:
    """Return name → kind of source and answer."""
    channel = Channel(title="Origin", url=URL)
    now = datetime.now(UTC)
    n = len(records)
    listing = partial(
        answers.oai_records, records, OaiRequest(URL, {}, now), total=n, cursor=0, token=""
    )
    api = answers.arxiv_atom(records, query="", start=0, size=n, total=n, now=now)
    works = answers.openalex(records, total=n, size=n, next_cursor=None)
    return {
        "rss: RSS 2.0": ("rss", feeds.rss2(channel, records)),
        "rss: RSS 1.0": ("rss", feeds.rss1(channel, records)),
        "rss: Atom": ("rss", feeds.atom(channel, records)),
        "rss: arXiv": ("rss", feeds.arxiv_rss(["cs.CR"], records[0].day, records)),
        "arxiv": ("arxiv", api),
        "oai_pmh: oai_dc": ("oai_pmh", listing(prefix="oai_dc")),
        "oai_pmh: arXiv": ("oai_pmh", listing(prefix="arXiv")),
        "openalex": ("openalex", works),
    }


def _scanner(source: Source, body: bytes) -> Callable[[], Sequence[Any]]:
    """Return a call that parses ``body`` into documents."""
    match source.kind:
        case "rss":
            return lambda: rss.parse(body, source, url=URL, headers={})[0]
        case "arxiv":
            return lambda: arxiv.parse(body, source, URL).documents
        case "oai_pmh":
            return lambda: oai_pmh.parse(body, source, url=URL).documents
        case "openalex":
            return lambda: openalex.parse(body, source, URL).documents


def _plain(kind: str, body: bytes) -> Callable[[], Any]:
    if kind == "openalex":
        return lambda: json.loads(body)
    return lambda: feedparser.parse(BytesIO(body))


def _seconds(call: Callable[[], Any], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(kind: str, body: bytes, rounds: int) -> dict[str, float]:
    """Return the rates of one case, in documents per second."""
    params = {"search_query": "all:security"}
    source = Source.model_validate(
        {"id": "origin", "kind": kind, "name": "Origin", "url": URL, "params": params}
    )
    scan = _scanner(source, body)
    if (found := len(scan())) != RECORDS:
        raise RuntimeError(f"{kind}: {found} documents from {RECORDS} records")
    ours, plain = _seconds(scan, rounds), _seconds(_plain(kind, body), rounds)
    return {
        "bytes": len(body),
        "documents_per_second": round(RECORDS / ours),
        "plain_per_second": round(RECORDS / plain),
        "ratio": round(plain / ours, 2),
    }


def main() -> None:
    """Print the rates of every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found = cases([_record(number) for number in range(RECORDS)])
    rates = {name: measure(kind, body, rounds) for name, (kind, body) in found.items()}
    print(json.dumps({"records": RECORDS, "rounds": rounds, "scanners": rates}, indent=2))


if __name__ == "__main__":
    main()
