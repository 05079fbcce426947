"""One document of the store while a batch of sightings is laid upon it."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.document import Document, Event, Kind
from core.likeness import Traits

# The version of record speaks for a work before its preprint, and both before news of it.
_RANK = {Kind.PROCEEDINGS: 3, Kind.PUBLICATION: 3, Kind.REPORT: 2, Kind.PREPRINT: 1}
_PRECISION = ("year", "month", "day")

# What is kept and shown of a work; a Document's other fields are its sightings' own.
DOCUMENT_COLUMNS = (
    *("id", "kind", "title", "abstract", "url", "doi", "arxiv_id", "openalex_id", "venue"),
    *("language", "published", "precision", "source", "authors", "affiliations", "countries"),
    "event",
)


@dataclass(slots=True)
class Work:
    """A document, and the sources and titles under which it was sighted."""

    document: Document
    id: str
    first_seen: datetime
    week: str
    labelled_by: str | None = None
    stored: bool = False  # already in the store when the batch began
    changed: bool = False
    sources: set[str] = field(default_factory=set)
    titles: set[str] = field(default_factory=set)
    _traits: Traits | None = None

    @property
    def traits(self) -> Traits:
        """What a record is compared with."""
        if self._traits is None:
            self._traits = Traits(self.document, self.titles, self.sources)
        return self._traits

    def sight(self, document: Document) -> None:
        """Remember where and as what ``document`` was sighted."""
        self.sources.add(document.source)
        self.titles.add(document.title)
        self._traits = None

    def merge(self, new: Document) -> None:
        """Let ``new`` enrich what is shown."""
        old = self.document
        merged = _merged(old, new)
        if _shown(merged) == _shown(old):
            return
        if (merged.text, merged.kind, merged.language) != (old.text, old.kind, old.language):
            self.labelled_by = None
        self.document, self.changed, self._traits = merged, True, None

    def absorb(self, other: "Work") -> None:
        """Take over ``other``, which turned out to be the same work."""
        self.merge(other.document)
        self.sources |= other.sources
        self.titles |= other.titles
        self.stored, self.changed, self._traits = self.stored or other.stored, True, None


def arxiv_of_doi(doi: str | None) -> str | None:
    """Return the arXiv id in a DOI that arXiv itself registers (10.48550/arXiv.…)."""
    prefix = "10.48550/arxiv."
    return doi.removeprefix(prefix) if doi and doi.startswith(prefix) else None


def _merged(old: Document, new: Document) -> Document:
    """Return what is shown of a work: the richest text, and the version of record."""
    better = _RANK.get(new.kind, 0) > _RANK.get(old.kind, 0)
    first, second = (new, old) if better else (old, new)
    text = new if len(new.abstract) > len(old.abstract) else old
    dated = max(
        (d for d in (old, new) if d.published),
        key=lambda d: (_PRECISION.index(d.precision), -(d.published or date.min).toordinal()),
        default=old,
    )
    return replace(
        first,
        abstract=text.abstract,
        language=text.language or first.language or second.language,
        url=first.url or second.url,
        doi=_better_doi(first.doi, second.doi),
        arxiv_id=first.arxiv_id or second.arxiv_id,
        openalex_id=first.openalex_id or second.openalex_id,
        venue=first.venue or second.venue,
        published=dated.published,
        precision=dated.precision,
        authors=max(first.authors, second.authors, key=len),
        affiliations=(*old.affiliations, *new.affiliations),  # Document drops the repeated
        countries=tuple({*old.countries, *new.countries}),
        event=_event(old.event, new.event),
        source=old.source,
        native_id=old.native_id,
        raw={},
    )


def _event(old: Event | None, new: Event | None) -> Event | None:
    """Return what is known of an event; the later word counts: deadlines are put off."""
    if not (old and new):
        return new or old
    said = {name: getattr(new, name) for name in Event.__slots__}
    return replace(old, **{name: value for name, value in said.items() if value is not None})


def _better_doi(first: str | None, second: str | None) -> str | None:
    """Return the publisher's DOI before the one arXiv registers for each preprint."""
    if first and second and arxiv_of_doi(first):
        return second
    return first or second


def _shown(document: Document) -> tuple[object, ...]:
    return tuple(getattr(document, name) for name in DOCUMENT_COLUMNS if name != "id")
