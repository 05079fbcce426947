"""How well ``core.countries`` reads affiliations, on papers with exactly one known country.

    python bench/countries.py

prints JSON: per part of the corpus coverage and accuracy, the confusion of the most frequent
countries, speed and memory.

The split was fixed before the resolver was written. An institution is held out by the hash of its
name; a paper belongs to the training part if all its institutions do, and is held out if any is.
Tables were tuned on errors of the training part alone. The corpus files Taiwan, Hong Kong and Macao
under China, ISO 3166 and we do not: accuracy is given as printed and with the three read as China.
"""

import json
import re
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pycountry

from core.countries import countries_of
from core.places.gazetteer import gazetteer

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "conferences-2000-2025.parquet"
HELD_OUT = 0.3  # of institutions
FREQUENT = 20
AS_CHINA = {"TW": "CN", "HK": "CN", "MO": "CN"}

_UNIVERSITY = re.compile(r"universi|univ\b|institute of tech|polytech", re.I)
_INSTITUTION = re.compile(
    r"universi|institu|college|polytech|politec|academy|hochschule|laborator|\bschool of\b|centre|"
    r"center|école|ecole|\bcorp|\binc\b|\bltd\b|gmbh|research|\bUC\b",
    re.I,
)


class Paper(NamedTuple):
    """One paper: its affiliations and the code of its only country."""

    affiliations: list[str]
    country: str


def papers(corpus: Path = CORPUS) -> Iterator[Paper]:
    """Yield the papers of the corpus that have affiliations and exactly one country."""
    table = pq.read_table(corpus, columns=["affiliations", "countries"])
    for row in table.to_pylist():
        affiliations = _split(row["affiliations"] or "")
        names = set(_split(row["countries"] or ""))
        if affiliations and len(names) == 1 and (code := _code(names.pop())):
            yield Paper(affiliations, code)


def _split(text: str) -> list[str]:
    """Return the values of a column: authors stand between ``;``, what is theirs between ``+``."""
    return [one.strip() for one in re.split(r"[;+]", text) if one.strip()]


@cache
def _code(name: str) -> str | None:
    """Return the code of a country's name in the corpus, None for ``Unknown``."""
    ours = {"Türkiye": "TR", "Russia": "RU", "Kingdom of Saudi Arabia": "SA", "Unknown": None}
    return ours[name] if name in ours else pycountry.countries.lookup(name).alpha_2


def institution(affiliation: str) -> str:
    """Return what stands for the institution of an affiliation: a part between commas, folded."""
    parts = [part.strip() for part in affiliation.split(",")]
    named = [part for part in parts if _UNIVERSITY.search(part)]
    named = named or [part for part in parts if _INSTITUTION.search(part)]
    return re.sub(r"[\W\d_]+", " ", (named or parts)[0].casefold()).strip().removeprefix("the ")


@cache
def is_held_out(affiliation: str) -> bool:
    """Return whether the institution of an affiliation is held out, by the hash of its name."""
    digest = blake2b(institution(affiliation).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") / 2**32 < HELD_OUT


def parts(of: Iterable[Paper]) -> dict[str, list[Paper]]:
    """Return the papers by part: ``training`` and ``held_out``.

    ``held_out_alone`` are those of the held out whose institutions are all held out, and
    ``held_out_strings`` the distinct affiliations of held-out institutions, each as a paper.
    """
    found: dict[str, list[Paper]] = {"training": [], "held_out": [], "held_out_alone": []}
    strings = set()
    for paper in of:
        held = [one for one in paper.affiliations if is_held_out(one)]
        found["held_out" if held else "training"].append(paper)
        if len(held) == len(paper.affiliations):
            found["held_out_alone"].append(paper)
        strings |= {(one, paper.country) for one in held}
    found["held_out_strings"] = [Paper([one], country) for one, country in sorted(strings)]
    return found


def score(of: list[Paper]) -> dict[str, float]:
    """Return coverage, and accuracy where a country is given: all codes must be the right one."""
    given = [(set(found), paper.country) for paper in of if (found := countries_of(paper[0]))]
    right = sum(found == {country} for found, country in given)
    as_china = sum(_as_china(found) == {country} for found, country in given)
    return {
        "papers": len(of),
        "coverage": round(len(given) / len(of), 4),
        "accuracy": round(right / len(given), 4),
        "accuracy_as_china": round(as_china / len(given), 4),
    }


def _as_china(codes: Iterable[str]) -> set[str]:
    return {AS_CHINA.get(code, code) for code in codes}


def confusion(of: list[Paper]) -> dict[str, dict[str, int]]:
    """Return, for each of the most frequent countries, how often which codes were given."""
    frequent = [code for code, _ in Counter(paper.country for paper in of).most_common(FREQUENT)]
    given = Counter(
        (paper.country, " ".join(countries_of(paper.affiliations)) or "none") for paper in of
    )
    return {
        code: {answer: n for (gold, answer), n in given.most_common() if gold == code}
        for code in frequent
    }


def speed(of: list[Paper]) -> dict[str, float]:
    """Return affiliations per CPU second, as often as printed, with a cold and a warm cache."""
    tracemalloc.start()
    gazetteer()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    gazetteer.cache_clear()
    load = time.process_time()
    gazetteer()
    load = time.process_time() - load
    affiliations = [one for paper in of for one in paper.affiliations]
    rates = []
    for _ in range(2):
        started = time.process_time()
        for one in affiliations:
            countries_of([one])
        rates.append(len(affiliations) / (time.process_time() - started))
    return {
        "affiliations": len(affiliations),
        "distinct": len(set(affiliations)),
        "first_pass_per_second": round(rates[0]),
        "second_pass_per_second": round(rates[1]),
        "tables_seconds": round(load, 3),
        "tables_mb": round(memory / 1e6, 1),
    }


def main() -> None:
    """Measure and print."""
    of = list(papers())
    result = {"speed": speed(of)}
    by_part = parts(of)
    result |= {part: score(those) for part, those in by_part.items()}
    print(json.dumps(result | {"confusion": confusion(by_part["held_out"])}, indent=1))


if __name__ == "__main__":
    main()
