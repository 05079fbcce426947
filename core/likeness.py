"""Whether two records that share no identifier are of one work.

Preprint, proceedings paper and repository record of a work differ in a word of the title, a dropped
subtitle, LaTeX, initials, a rewritten abstract; parts of a series, yearly reports and replies
differ in as little and are works of their own. So titles and abstracts are compared, and what tells
siblings apart (numbers, parts, years, "reply to") has a veto. The limits were set on two thirds of
known pairs; how they fare on the rest: ``bench/duplicates.py`` and docs/store.md.

It lies on the ground floor because the store keeps one document a work, whoever hands it records.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from core.document import Document, Kind
from core.text import title_key

_SCHOLARLY = frozenset({Kind.PUBLICATION, Kind.PREPRINT, Kind.PROCEEDINGS, Kind.REPORT})
_YEARS = 2  # from preprint to proceedings
_NEWS_DAYS = 14  # within which outlets repeat one press release
_SHORT_TITLE = 20  # letters; shorter ones ('Editorial') are shared by many works
_FEW_WORDS = 20  # different ones, in an abstract that is too short to be compared

_PEOPLE = 0.5  # of the names on the shorter list, on the other as well
_SAME_TEXT = 0.9  # words that two abstracts share, of all their words (Jaccard)
_ALIKE_TEXT = 0.7
_RELATED_TEXT = 0.5
_ALIKE_TITLE = 90  # 100: equal

_LATEX_ACCENT = re.compile(r"\\(?:[`'^\"~=.]\s*\{?|[uvHcdbtkr](?:\s*\{|\s+))\\?(\w)\}?")
_LATEX_COMMAND = re.compile(
    r"\\(?:text|math)[a-z]*\b|\\(?:emph|it|bf|rm|tt|sc|em|boldsymbol|ensuremath|left|right|,)\b"
)
_FOLD = bytes(ord(chr(i).lower()) if i < 128 and chr(i).isalnum() else 32 for i in range(256))
_NUMBER = re.compile(r"\d+")
_NUMBER_WORDS = {
    name: str(number)
    for number, names in enumerate(
        (
            "one first", "two second ii", "three third iii", "four fourth iv", "five fifth",
            "six sixth vi", "seven seventh vii", "eight eighth viii", "nine ninth ix", "ten tenth",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_ROMAN = {"i": "1", "v": "5", "x": "10"}  # single letters, which need a place to be numerals
_MONTHS = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
})  # fmt: skip
# What is counted: the token after it (Part B, Vol. 2, version 3) belongs to the work's identity.
_SERIES = frozenset({
    "part", "parts", "volume", "vol", "no", "number", "nr", "chapter", "book", "version", "ver",
    "v", "release", "phase", "edition", "series", "report", "lecture", "paper", "section", "teil",
    "band", "partie", "tome", "parte",
})  # fmt: skip
_SUBTITLE = re.compile(r":\s|\s[(–—]|\s-\s")
_SINGLE_ROMAN = re.compile(r"(?<=\s)[IVX](?=\s*(?:[:.,(\[–—-]|$))")
_PLUS = re.compile(r"\w\++(?!\w)")  # YOLACT++
# A text about a work: a reply, a correction, a supplement.
_ASIDE_WORD = re.compile(
    r"\b(errat(?:um|a)|corrigend(?:um|a)|addend(?:um|a)|rejoinder|retract(?:ion|ed)|supplementary|"
    r"supplement|berichtigung|rectificatif)\b"
)
_ASIDE_PHRASE = re.compile(
    r"(?:^|[:(\[.?!–—-]\s*)(?:an?\s+|the\s+|authors?\S*\s+)?"
    r"(repl(?:y|ies)|response|comments?|commentary|discussion|corrections?|appendix)"
    r"(?=\s+(?:to|on|of)\b|\s*(?:[:)\].]|$))"
)


class Traits:
    """What is compared of a record, each worked out when first asked for."""

    def __init__(self, document: Document, titles: Iterable[str] = (), sources: Iterable[str] = ()):
        """Take a record; ``titles`` and ``sources`` are of all sightings known of it."""
        self._document = document
        self._titles = (document.title, *titles)
        self.sources = frozenset((document.source, *sources))
        self.kind: Kind = document.kind
        self.published: date | None = document.published
        self.has_authors = bool(document.authors)

    @property
    def scholarly(self) -> bool:
        """Whether it is research literature, not news of it."""
        return self.kind in _SCHOLARLY

    def peer_of(self, other: "Traits") -> bool:
        """Whether both are preprints, or both printed: in one way of publishing, works differ."""
        if self.kind != other.kind:
            return False
        return self.kind != Kind.PUBLICATION or bool(self._document.venue and other._document.venue)

    @cached_property
    def title(self) -> str:
        """The shown title's words."""
        return " ".join(text_words(self._document.title))

    @cached_property
    def titles(self) -> frozenset[str]:
        """The letters of every title it has been seen under."""
        return frozenset(filter(None, map(title_letters, self._titles)))

    @cached_property
    def headings(self) -> frozenset[str]:
        """The letters of its titles up to their subtitles."""
        heads = (_SUBTITLE.split(title, maxsplit=1) for title in self._titles)
        return frozenset(filter(None, (title_letters(head) for head, *rest in heads if rest)))

    @cached_property
    def names(self) -> frozenset[str]:
        """The words of two letters and more in the authors' names, however they are ordered."""
        words = text_words(" ".join(self._document.authors))
        return frozenset(word for word in words if len(word) > 1)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of the abstract; none if they are too few to compare."""
        words = frozenset(text_words(self._document.abstract))
        return words if len(words) >= _FEW_WORDS else frozenset()

    @cached_property
    def years(self) -> frozenset[str]:
        """The years that the abstract names."""
        return frozenset(
            w for w in self.words if len(w) == 4 and w[:2] in ("19", "20") and w.isdecimal()
        )

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers and months in the shown title, in digits or words."""
        return frozenset(_numbers(self.title))

    @cached_property
    def marks(self) -> frozenset[str]:
        """What makes the shown title a part of a series or a text about another work."""
        return frozenset(_marks(self._document.title, self.title))


def title_letters(title: str) -> str:
    """Return letters and digits of ``title`` alone; '' if it is too short to tell works apart.

    Neither hyphens nor spaces count, nor case, accents and LaTeX.
    """
    letters = "".join(text_words(title))
    return letters if len(letters) >= _SHORT_TITLE else ""


def text_words(text: str) -> list[str]:
    """Return the words of ``text`` as they are compared: ``title_key``'s, without LaTeX."""
    text = without_latex(text)
    if text.isascii():  # a tenth of the time, for most of what there is
        return text.encode().translate(_FOLD).decode().split()
    return title_key(text).split()


def without_latex(text: str) -> str:
    r"""Return ``text`` without LaTeX's accents and font commands: ``P\'olya {\it et al.}``."""
    if "\\" not in text:
        return text
    return _LATEX_COMMAND.sub(" ", _LATEX_ACCENT.sub(r"\1", text))


def same_work(one: Traits, other: Traits) -> bool:
    """Return whether two records without a common identifier are of one work."""
    if not (one.kind == other.kind or (one.scholarly and other.scholarly)):
        return False
    same_title = not one.titles.isdisjoint(other.titles)
    if one.has_authors and other.has_authors:
        people = _shared(one.names, other.names)
        if people < _PEOPLE and not (people and same_title and _text(one, other) >= _RELATED_TEXT):
            return False
    elif one.sources & other.sources:  # a weekly bulletin keeps its title
        return False
    if not _close_in_time(one, other) and not (
        one.scholarly and _text(one, other) >= (_RELATED_TEXT if same_title else _SAME_TEXT)
    ):
        return False
    return not _siblings(one, other) and (same_title or _alike(one, other))


def _alike(one: Traits, other: Traits) -> bool:
    """Whether texts under differing titles are alike.

    Two preprints or two papers with such titles are more often sequels than versions, so that they
    must be far more alike than a preprint and a paper.
    """
    subtitled = _subtitled(one, other)
    if not (one.words and other.words):
        return subtitled or _retyped(one.title, other.title)
    text = _text(one, other)
    near = subtitled or fuzz.ratio(one.title, other.title) >= _ALIKE_TITLE
    if one.peer_of(other):
        return near and text >= (_ALIKE_TEXT if subtitled else _SAME_TEXT)
    return text >= _ALIKE_TEXT or (near and text >= _RELATED_TEXT)


def _subtitled(one: Traits, other: Traits) -> bool:
    """Whether one title is the other's up to its subtitle."""
    return not (one.headings.isdisjoint(other.titles) and other.headings.isdisjoint(one.titles))


def _siblings(one: Traits, other: Traits) -> bool:
    """Whether two records are told apart as parts, years, versions or answers are."""
    if one.marks != other.marks:
        return True
    if one.numbers != other.numbers and (
        (one.numbers - other.numbers and other.numbers - one.numbers)
        or _text(one, other) < _SAME_TEXT
    ):
        return True
    if not (one.published and other.published) or one.published.year == other.published.year:
        return False
    return bool(one.years and other.years) and one.years.isdisjoint(other.years)


def _close_in_time(one: Traits, other: Traits) -> bool:
    if not (one.published and other.published):
        return True
    if one.scholarly:
        return abs(one.published.year - other.published.year) <= _YEARS
    return abs((one.published - other.published).days) <= _NEWS_DAYS


def _text(one: Traits, other: Traits) -> float:
    """Return what two abstracts share, 0 to 1; 0 where one is missing or too short."""
    if not (one.words and other.words):
        return 0.0
    common = len(one.words & other.words)
    return common / (len(one.words) + len(other.words) - common)


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of the smaller set that is in the larger."""
    return len(one & other) / (min(len(one), len(other)) or 1)


def _retyped(one: str, other: str) -> bool:
    """Whether two titles differ in typing alone: in plurals, endings, slips of the finger."""
    words, others = one.split(), other.split()
    return (
        len(words) == len(others)
        and len(one) >= _SHORT_TITLE
        and all(
            a == b or (len(a) > 3 and a[:3] == b[:3] and OSA.distance(a, b) <= 2)
            for a, b in zip(words, others, strict=True)
        )
    )


def _numbers(title: str) -> Iterator[str]:
    for word in title.split():
        yield from (digits.lstrip("0") or "0" for digits in _NUMBER.findall(word))
        if word in _NUMBER_WORDS:
            yield _NUMBER_WORDS[word]
        elif word in _MONTHS:
            yield word


def _marks(title: str, key: str) -> Iterator[str]:
    words = key.split()
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in _SERIES and (
            len(following) == 1 or following in _NUMBER_WORDS or following.isdecimal()
        ):
            yield f"part {_ROMAN.get(following) or _NUMBER_WORDS.get(following, following)}"
    yield from (f"part {_ROMAN[roman.lower()]}" for roman in _SINGLE_ROMAN.findall(title))
    if _PLUS.search(title):
        yield "+"
    lower = unicodedata.normalize("NFC", title).casefold()
    yield from _ASIDE_WORD.findall(lower)
    yield from _ASIDE_PHRASE.findall(lower)
