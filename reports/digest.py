"""The digest of one week, before it takes a form: no markup, everything the renderers need."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Mark:
    """A label as the reader sees it."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Country:
    """A country as the reader sees it."""

    code: str
    name: str
    is_partner: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One document, told under ``label``; ``others`` are its further labels, the surest first."""

    id: str
    title: str
    url: str  # '' where none is known
    language: str | None
    kind: str  # in words
    place: str  # the venue, or the name of the source
    date: str  # as precise as it is known
    countries: tuple[Country, ...]  # partners first
    institution: str  # the first one; '' where none is known
    extract: str
    label: Mark
    others: tuple[Mark, ...]
    reasons: tuple[str, ...]
    probability: float  # that the document belongs to ``label``, 0 to 1
    chance: str  # the probability in words
    also: tuple[tuple[str, str], ...]  # (name of a further source, URL or '')

    @property
    def is_partner(self) -> bool:
        """Whether a partner country takes part."""
        return any(country.is_partner for country in self.countries)


@dataclass(frozen=True, slots=True)
class Reference:
    """The title of a document that another section tells."""

    title: str
    language: str | None
    told_under: Mark


@dataclass(frozen=True, slots=True)
class Section:
    """What is told under one label, out of ``documents`` that carry it."""

    label: Mark
    documents: int
    entries: tuple[Entry, ...]
    elsewhere: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Documents of one label: ``counts`` per partner column, then the rest and all, each once."""

    name: str
    counts: tuple[int, ...]
    other: int  # from a country abroad that is no partner
    unknown: int  # no country known
    total: int

    @property
    def cells(self) -> tuple[int, ...]:
        """All but the total, in the order of the table's columns."""
        return (*self.counts, self.other, self.unknown)


@dataclass(frozen=True, slots=True)
class Table:
    """Label × partner; a document of several countries counts under each, once in the totals."""

    columns: tuple[Country, ...]  # the partners with at least one document
    absent: tuple[str, ...]  # the names of the others
    rows: tuple[Row, ...]
    totals: Row

    @property
    def largest(self) -> int:
        """The largest single count; 0 where all is empty."""
        return max(max(row.cells) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Chapter:
    """One scheme: its sections, and its table where the scheme is told as one."""

    id: str
    name: str
    table: Table | None
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class SourceLine:
    """How one source fared; ``outcome`` is its ``status`` in words."""

    name: str
    status: str
    outcome: str
    new: int
    known: int
    skipped: tuple[tuple[str, int], ...]  # (reason, how many)
    message: str
    weeks_failing: int  # in a row, up to this one

    @property
    def is_fine(self) -> bool:
        """Whether it gave what it had."""
        return self.status in ("ok", "quiet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the digest rests on; ``foreign + home + unknown == documents``."""

    sources: tuple[SourceLine, ...]  # those in trouble first
    documents: int
    foreign: int
    home: int
    unknown: int  # no country known
    duplicates: int
    relevant: int  # foreign or unknown, labelled, and recent: what the digest chooses from
    older: int  # the same, but published too long ago to be told
    max_age_days: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One week. ``top`` are the entries to read first; ``summary`` and ``warnings`` sentences."""

    week: str  # such as 2026-W46
    monday: date
    sunday: date
    home: str  # name of the office's own country
    summary: tuple[str, ...]
    warnings: tuple[str, ...]
    top: tuple[Entry, ...]
    chapters: tuple[Chapter, ...]
    coverage: Coverage
