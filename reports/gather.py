"""From the store to the digest of one week."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from core.document import Kind
from core.partners import Partners
from core.settings import DigestSettings
from core.taxonomy import Scheme, Taxonomy
from reports import summary, words
from reports.digest import (
    Chapter,
    Country,
    Coverage,
    Digest,
    Entry,
    Mark,
    Reference,
    Row,
    Section,
    SourceLine,
    Table,
)
from reports.extract import extract
from store import week as store_week
from store.database import Connection
from store.week import Item, LabelOn, SourceState

_TOP = 5
_TABLE_ITEMS = 2  # told below a table, under each of its labels
_PARTNER_EDGE = 0.02  # of probability: a partner's document goes before a near equal
_REASONS = 4
_INSTITUTION = 80  # characters


class _Candidate(NamedTuple):
    """A document under one of its labels."""

    item: Item
    on: LabelOn

    @property
    def rank(self) -> tuple[float, int, str]:
        """The first to be told sorts first: surest, partner before near equals, newest."""
        edge = _PARTNER_EDGE if self.item.is_partner else 0
        newest = (self.item.published or date.min).toordinal()
        return -self.on.score - edge, -newest, self.item.id


@dataclass(frozen=True, slots=True)
class _Writer:
    """Turns the store's items into entries, with the names that the reader knows."""

    partners: Partners
    marks: Mapping[str, Mark]
    source_names: Mapping[str, str]

    def entry(self, candidate: _Candidate) -> Entry:
        item, on = candidate
        others = sorted(
            (o for o in item.labels if o is not on and o.label in self.marks),
            key=lambda o: (-o.score, o.label),
        )
        also: dict[str, str] = {}
        for source, url in item.sightings:
            if source != item.source:
                also.setdefault(self.source(source), url)
        return Entry(
            id=item.id,
            title=item.title,
            url=item.url or next((url for _, url in item.sightings if url), ""),
            language=item.language,
            kind=words.KINDS[Kind(item.kind)],
            place=item.venue or self.source(item.source),
            date=words.day(item.published, item.precision),
            countries=self.countries(item.countries),
            institution=_institution(item.affiliations, words.country(self.partners.home)),
            extract=extract(item.title, item.abstract, on.reasons),
            label=self.marks[on.label],
            others=tuple(self.marks[o.label] for o in others),
            reasons=on.reasons[:_REASONS],
            probability=on.score,
            chance=words.chance(on.score),
            also=tuple(also.items()),
        )

    def source(self, source: str) -> str:
        return self.source_names.get(source, source)

    def country(self, code: str) -> Country:
        partner = self.partners.names.get(code)
        return Country(code, partner or words.country(code), partner is not None)

    def countries(self, codes: Iterable[str]) -> tuple[Country, ...]:
        return tuple(sorted(map(self.country, codes), key=lambda c: (not c.is_partner, c.name)))


def gather(
    con: Connection,
    week: str,
    *,
    taxonomy: Taxonomy,
    partners: Partners,
    settings: DigestSettings,
    source_names: Mapping[str, str],
) -> Digest:
    """Return the digest of the ISO week ``week`` (such as ``2026-W46``).

    ``source_names`` maps source ids to names; a source without one is told by its id.

    Raises:
        ValueError: ``week`` is no ISO week.
    """
    monday = datetime.strptime(f"{week}-1", "%G-W%V-%u").date()
    sunday = monday + timedelta(days=6)
    marks = {label.id: Mark(label.id, label.name) for _, label in taxonomy}
    writer = _Writer(partners, marks, source_names)

    by_label: dict[str, list[_Candidate]] = {label: [] for label in marks}
    recent, older = [], 0
    for item in store_week.items(con, week):
        known = [on for on in item.labels if on.label in marks]  # the taxonomy may have moved on
        if not known:
            continue
        if _too_old(item, sunday - timedelta(days=settings.max_age_days)):
            older += 1
            continue
        recent.append(item)
        for on in known:
            by_label[on.label].append(_Candidate(item, on))
    for candidates in by_label.values():
        candidates.sort(key=lambda candidate: candidate.rank)

    chosen, told = _choose(taxonomy, by_label, settings.items)
    entries = {label: tuple(map(writer.entry, those)) for label, those in chosen.items()}
    chapters = tuple(
        Chapter(
            scheme.id,
            scheme.name,
            _table(scheme, by_label, writer) if scheme.layout == "table" else None,
            tuple(
                Section(
                    marks[label.id],
                    len(by_label[label.id]),
                    entries[label.id],
                    _elsewhere(by_label[label.id][: settings.items], label.id, told, marks)
                    if scheme.layout == "sections"
                    else (),
                )
                for label in scheme.labels
            ),
        )
        for scheme in taxonomy.schemes
    )

    counts = store_week.counts(con, week)
    coverage = Coverage(
        sources=_sources(store_week.source_states(con, week), source_names),
        documents=counts.documents,
        foreign=counts.foreign,
        home=counts.home,
        unknown=counts.unknown,
        duplicates=counts.duplicates,
        relevant=len(recent),
        older=older,
        max_age_days=settings.max_age_days,
        told=len(told),
    )
    return Digest(
        week=week,
        monday=monday,
        sunday=sunday,
        home=words.country(partners.home),
        summary=summary.sentences(recent, by_label, taxonomy, partners, coverage),
        warnings=summary.warnings(coverage.sources),
        top=tuple(map(writer.entry, _top(taxonomy, chosen))),
        chapters=chapters,
        coverage=coverage,
    )


def _too_old(item: Item, oldest: date) -> bool:
    return item.published is not None and words.latest(item.published, item.precision) < oldest


def _choose(
    taxonomy: Taxonomy, by_label: Mapping[str, Sequence[_Candidate]], items: int
) -> tuple[dict[str, list[_Candidate]], dict[str, str]]:
    """Return what each label tells, and under which label each told document is (by its id).

    Labels told in sections choose first; the labels of tables tell of what is left.
    """
    chosen: dict[str, list[_Candidate]] = {label: [] for label in by_label}
    told: dict[str, str] = {}
    for layout, limit in (("sections", items), ("table", _TABLE_ITEMS)):
        labels = [label.id for scheme, label in taxonomy if scheme.layout == layout]
        # Surest first over all labels: each document goes under its best label that has room.
        for candidate in sorted((c for i in labels for c in by_label[i]), key=lambda c: c.rank):
            here = chosen[candidate.on.label]
            if candidate.item.id not in told and len(here) < limit:
                told[candidate.item.id] = candidate.on.label
                here.append(candidate)
    return chosen, told


def _top(taxonomy: Taxonomy, chosen: Mapping[str, Sequence[_Candidate]]) -> list[_Candidate]:
    """Return the five to read first: the first of each section, then the next best of all."""
    told = [chosen[label.id] for scheme, label in taxonomy if scheme.layout == "sections"]
    if not any(told):
        told = list(chosen.values())
    leaders = sorted((c for those in told for c in those[:1]), key=lambda c: c.rank)
    others = sorted((c for those in told for c in those[1:]), key=lambda c: c.rank)
    return sorted([*leaders, *others][:_TOP], key=lambda c: c.rank)


def _elsewhere(
    best: Iterable[_Candidate], label: str, told: Mapping[str, str], marks: Mapping[str, Mark]
) -> tuple[Reference, ...]:
    """Refer to those of a label's ``best`` that another label tells."""
    return tuple(
        Reference(item.title, item.language, marks[told[item.id]])
        for item, _ in best
        if item.id in told and told[item.id] != label
    )


def _table(scheme: Scheme, by_label: Mapping[str, Sequence[_Candidate]], writer: _Writer) -> Table:
    items = {label.id: [c.item for c in by_label[label.id]] for label in scheme.labels}
    everything = {item.id: item for those in items.values() for item in those}.values()
    present = {country for item in everything for country in item.countries}
    names = writer.partners.names
    columns = [code for code in names if code in present]

    def row(name: str, those: Iterable[Item]) -> Row:
        counts: dict[str, int] = defaultdict(int)
        other = unknown = total = 0
        for item in those:
            total += 1
            unknown += not item.countries
            other += any(c != writer.partners.home and c not in names for c in item.countries)
            for code in item.countries:
                counts[code] += 1
        return Row(name, tuple(counts[code] for code in columns), other, unknown, total)

    return Table(
        tuple(map(writer.country, columns)),
        tuple(name for code, name in names.items() if code not in present),
        tuple(row(label.name, items[label.id]) for label in scheme.labels),
        row("All", everything),
    )


def _sources(
    states: Iterable[SourceState], source_names: Mapping[str, str]
) -> tuple[SourceLine, ...]:
    order = list(words.OUTCOMES)  # trouble first
    lines = (
        SourceLine(
            source_names.get(state.source, state.source),
            state.status,
            words.OUTCOMES[state.status],
            state.new,
            state.known,
            tuple(sorted(state.skipped.items())),
            state.message,
            state.weeks_failing,
        )
        for state in states
    )
    return tuple(sorted(lines, key=lambda line: (order.index(line.status), line.name)))


def _institution(affiliations: Sequence[str], home: str) -> str:
    """Return the first institution that does not name ``home`` as its country, if there is one."""
    if not affiliations:
        return ""
    first = next((each for each in affiliations if home not in each), affiliations[0])
    return first if len(first) <= _INSTITUTION else f"{first[: _INSTITUTION - 1].rstrip(' ,')}…"
