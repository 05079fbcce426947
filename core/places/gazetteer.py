"""Names that tell a country: of countries, regions, towns, institutions, firms, and nationalities.

The tables beside this file hold one entry a line: candidate countries, a tab, names between bars.
``DE`` means Germany and nothing else; ``GB>CA US`` Great Britain, unless something else in the text
speaks for Canada or the US; ``GB US`` one of the two. ``README.md`` says where each comes from.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent

_WORD = re.compile(r"[^\W_]+")
_LOOSE_ACCENT = re.compile(r"\s?[´`¨ˆ˜](?=[a-z])|[´`¨ˆ˜]")  # Universit ¨at, out of a PDF
_INITIAL = re.compile(r"\b(\w)\.\s?(?=\w\b|\W|$)")
_DIGIT = re.compile(r"\d")
_FOOTNOTE = re.compile(r"\b\d+(?=[^\W\d_]{3})|(?<=[^\W\d_]{5})\d+\b")
_COMBINING = dict.fromkeys(range(0x300, 0x370))  # accents of Latin, Greek and Cyrillic letters
_SPELT_OUT = {"univ": "university", "inst": "institute", "st": "saint"}


class Kind(IntEnum):
    """What a name inside a text is of, the most telling first."""

    COUNTRY = 0
    INSTITUTION = 1
    PLACE = 2
    DOMAIN = 3
    COMPANY = 4
    NATIONALITY = 5


class Entry(NamedTuple):
    """The countries that a name may mean, and the one it means if nothing else speaks."""

    kind: Kind
    codes: frozenset[str]
    likely: str | None


class Hit(NamedTuple):
    """A name found in a text, up to the word ``end``."""

    end: int
    entry: Entry


class Gazetteer(NamedTuple):
    """All names, folded; acronyms and codes in capitals."""

    places: dict[str, Entry]  # of countries, regions and towns
    phrases: dict[str, Entry]  # those and all others
    codes: dict[str, Entry]  # GB, USA, MA, NSW
    longest: dict[str, int]  # words of the longest phrase, by its first, if more than one


def repair(text: str) -> str:
    """Return ``text`` without what tears words apart: U.S.A. as USA, loose accents, footnotes."""
    if "." in text:
        text = _INITIAL.sub(r"\1", text)
    if not text.isascii() or "`" in text:
        text = _LOOSE_ACCENT.sub("", text)
    return _FOOTNOTE.sub("", text) if _DIGIT.search(text) else text


def words(text: str) -> list[str]:
    """Return the words of a repaired text as printed."""
    return _WORD.findall(text)


def fold_words(raw: list[str]) -> list[str]:
    """Return each word caseless and without accents, common abbreviations spelt out."""
    return [_fold_word(word) for word in raw]


@lru_cache(maxsize=20_000)
def _fold_word(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word).translate(_COMBINING).casefold()
    return _SPELT_OUT.get(plain, unicodedata.normalize("NFC", plain))


def fold(text: str) -> str:
    """Return the folded words of ``text`` between single spaces: how tables are keyed."""
    return " ".join(fold_words(words(repair(text))))


def hits(raw: list[str], folded: list[str]) -> Iterator[Entry]:
    """Yield what the longest phrases of a text mean, from left to right, none inside another.

    Args:
        raw: the words as printed.
        folded: the same words, folded.
    """
    start = 0
    while start < len(raw):
        hit = find(start, raw, folded, gazetteer().phrases)
        if hit:
            yield hit.entry
        start = hit.end if hit else start + 1


def find(start: int, raw: list[str], folded: list[str], names: dict[str, Entry]) -> Hit | None:
    """Return the longest of ``names`` at ``start``; what starts with a small letter is no name."""
    if raw[start][0].islower():
        return None
    last = min(start + gazetteer().longest.get(folded[start], 1), len(folded))
    for end in range(last, start, -1):
        if entry := names.get(" ".join(folded[start:end])):
            return Hit(end, entry)
    entry = names.get(raw[start]) or _prefix(folded[start], names)
    return Hit(start + 1, entry) if entry else None


def _prefix(word: str, names: dict[str, Entry]) -> Entry | None:
    """Return the name that a word of Chinese, Japanese or Korean begins with: 東京大学."""
    if not "\u3040" <= word[0] <= "\ud7a3":
        return None
    return next((names[word[:end]] for end in (4, 3, 2) if word[:end] in names), None)


@cache
def gazetteer() -> Gazetteer:
    """Read the tables, once."""
    places = _table("cities", Kind.PLACE) | _table("countries", Kind.COUNTRY)
    for name in (FOLDER / "ordinary.txt").read_text(encoding="utf-8").splitlines():
        del places[name]
    places |= _table("regions", Kind.PLACE, fold)
    institutions = _table("companies", Kind.COMPANY, _key)
    institutions |= _table("institutions", Kind.INSTITUTION, _key)
    for name in places.keys() & institutions.keys():
        if places[name].codes.isdisjoint(institutions[name].codes):  # Mila, Montréal and Algeria
            del places[name]
    phrases = _table("nationalities", Kind.NATIONALITY, fold) | places | institutions
    longest: dict[str, int] = {}
    for name in phrases:
        if " " in name:
            first = name.partition(" ")[0]
            longest[first] = max(longest.get(first, 0), 1 + name.count(" "))
    return Gazetteer(places, phrases, _table("codes", Kind.PLACE), longest)


def _key(name: str) -> str:
    """Return ``name`` folded, an acronym as it is: MIT, which is no German preposition."""
    return name if name.isupper() and name.isalnum() else fold(name)


def _table(name: str, kind: Kind, key: Callable[[str], str] = str) -> dict[str, Entry]:
    table: dict[str, Entry] = {}
    for line in (FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        candidates, names = line.split("\t")
        codes = candidates.replace(">", " ").split()
        likely = codes[0] if len(codes) == 1 or ">" in candidates else None
        table |= dict.fromkeys(map(key, names.split("|")), Entry(kind, frozenset(codes), likely))
    return table
