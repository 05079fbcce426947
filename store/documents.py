"""Documents into the store: sightings of one work become one document."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from core.document import Document, Event, Kind
from core.text import title_key
from store.database import Connection, transaction

# The version of record speaks for a work before its preprint, and both before news of it.
_RANK = {Kind.PROCEEDINGS: 3, Kind.PUBLICATION: 3, Kind.REPORT: 2, Kind.PREPRINT: 1}
_SCHOLARLY = frozenset(_RANK)
_PRECISION = ("year", "month", "day")
_SHORT_TITLE = 20  # characters of a title key; shorter ones ('Editorial') are shared by many works
_YEARS = 2  # from preprint to proceedings
_NEWS_DAYS = 14  # within which outlets repeat one press release

DOCUMENT_COLUMNS = (
    *("id", "kind", "title", "abstract", "url", "doi", "arxiv_id", "openalex_id", "venue"),
    *("language", "published", "precision", "source", "authors", "affiliations", "countries"),
    "event",
)
_EVENT_TYPE = pa.struct(
    [
        ("starts", pa.date32()),
        ("ends", pa.date32()),
        ("place", pa.string()),
        ("country", pa.string()),
        ("deadline", pa.date32()),
    ]
)
_NAMES = pa.list_(pa.string())
_TYPES: dict[str, pa.DataType] = {
    "published": pa.date32(),
    "authors": _NAMES,
    "affiliations": _NAMES,
    "countries": _NAMES,
    "event": _EVENT_TYPE,
    "first_seen": pa.timestamp("us"),
    "seen_at": pa.timestamp("us"),
}


@dataclass(frozen=True, slots=True)
class Added:
    """What a batch brought: documents not seen before, and sightings of known ones."""

    new: int
    known: int


@dataclass(slots=True)
class _Work:
    """One document of the store while a batch is laid upon it."""

    document: Document
    id: str
    first_seen: datetime
    week: str
    labelled_by: str | None
    sources: set[str]
    stored: bool  # already in the store when the batch began
    changed: bool = False


def add(
    con: Connection,
    documents: Sequence[Document],
    *,
    week: str,
    mark: tuple[str, str] | None = None,
) -> Added:
    """Store one batch, and ``mark`` (source id, watermark as JSON) with it, or nothing of both.

    A document that shares a DOI, arXiv id, OpenAlex id or native id with a known one, or a title
    with one alike in authors and date, is a sighting of it; the richest text and the version of
    record are shown. The first id given stays.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    with transaction(con):
        added = _lay(con, documents, week, now) if documents else Added(0, 0)
        if mark:
            con.execute("DELETE FROM base.watermarks WHERE source = ?", [mark[0]])
            con.execute("INSERT INTO base.watermarks VALUES (?, ?)", list(mark))
    return added


def watermark(con: Connection, source: str) -> str | None:
    """Return the JSON kept with the last batch of ``source``, if there was one."""
    row = con.execute("SELECT mark FROM base.watermarks WHERE source = ?", [source]).fetchone()
    return str(row[0]) if row else None


def _lay(con: Connection, documents: Sequence[Document], week: str, now: datetime) -> Added:
    keys = [_keys(document) for document in documents]
    owners = _owners(con, {key for each in keys for key in each})
    works = _load(con, {work_id for ids in owners.values() for work_id in ids})
    seen = _sightings(con, works)
    absorbed: dict[str, str] = {}  # id of a work that turned out to be another → the other's id
    sightings: list[dict[str, Any]] = []
    new = known = 0

    for document, own_keys in zip(documents, keys, strict=True):
        found: set[str] = set()
        for key in own_keys:
            for candidate in owners.get(key, ()):
                if not key.startswith("title:") or _same_work(works[candidate], document):
                    found.add(candidate)
        if found:
            first, *others = sorted(found, key=lambda i: (works[i].first_seen, i))
            work = works[first]
            for other in others:
                _absorb(work, works.pop(other))
                absorbed[other] = first
                for ids in owners.values():
                    if other in ids:
                        ids.remove(other)
                        ids.add(first)
            _merge(work, document)
            known += 1
        else:
            work = _Work(document, document.id, now, week, None, set(), stored=False)
            works[work.id] = work
            new += 1
        work.sources.add(document.source)
        for key in own_keys:
            owners[key].add(work.id)
        sighting = (document.source, document.native_id or document.url)
        if sighting not in seen:
            seen.add(sighting)
            sightings.append(_sighting(document, work.id, now))

    for sighting_row in sightings:
        sighting_row["document_id"] = _root(absorbed, sighting_row["document_id"])
    _write(con, works, owners, sightings, absorbed)
    return Added(new, known)


def _keys(document: Document) -> list[str]:
    """Return what may find ``document`` again, the strongest first."""
    keys = [
        f"{name}:{value}"
        for name, value in (
            ("doi", document.doi),
            ("arxiv", document.arxiv_id or _arxiv_of_doi(document.doi)),
            ("openalex", document.openalex_id),
        )
        if value
    ]
    keys.append(f"source:{document.source}:{document.native_id or document.url}")
    if len(title := title_key(document.title)) >= _SHORT_TITLE:
        keys.append(f"title:{title}")
    return keys


def _arxiv_of_doi(doi: str | None) -> str | None:
    """Return the arXiv id in a DOI that arXiv itself registers (10.48550/arXiv.…)."""
    prefix = "10.48550/arxiv."
    return doi.removeprefix(prefix) if doi and doi.startswith(prefix) else None


def _same_work(work: _Work, document: Document) -> bool:
    """Whether two documents of one title are one work: alike in kind, authors and date."""
    old = work.document
    if (old.kind in _SCHOLARLY) != (document.kind in _SCHOLARLY):
        return False
    if old.authors and document.authors:
        if not _names(old.authors) & _names(document.authors):
            return False
    elif document.source in work.sources:  # a weekly bulletin keeps its title
        return False
    if not (old.published and document.published):
        return True
    if document.kind in _SCHOLARLY:
        return abs(old.published.year - document.published.year) <= _YEARS
    return abs((old.published - document.published).days) <= _NEWS_DAYS


def _names(authors: Iterable[str]) -> set[str]:
    """Return the words of two letters and more in the authors' names, however they are ordered."""
    return {word for author in authors for word in title_key(author).split() if len(word) > 1}


def _merge(work: _Work, new: Document) -> None:
    """Let ``new`` enrich what is shown of ``work``."""
    old = work.document
    better = _RANK.get(new.kind, 0) > _RANK.get(old.kind, 0)
    first, second = (new, old) if better else (old, new)
    text = new if len(new.abstract) > len(old.abstract) else old
    dated = max(
        (d for d in (old, new) if d.published),
        key=lambda d: (_PRECISION.index(d.precision), -(d.published or date.min).toordinal()),
        default=old,
    )
    merged = replace(
        first,
        title=first.title,
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
        event=first.event or second.event,
        source=old.source,
        native_id=old.native_id,
        raw={},
    )
    if _shown(merged) == _shown(old):
        return
    if (merged.text, merged.kind, merged.language) != (old.text, old.kind, old.language):
        work.labelled_by = None
    work.document, work.changed = merged, True


def _better_doi(first: str | None, second: str | None) -> str | None:
    """Return the publisher's DOI before the one arXiv registers for each preprint."""
    if first and second and _arxiv_of_doi(first):
        return second
    return first or second


def _absorb(work: _Work, other: _Work) -> None:
    """Let ``work`` take over ``other``, which turned out to be the same."""
    _merge(work, other.document)
    work.sources |= other.sources
    work.stored, work.changed = work.stored or other.stored, True


def _root(absorbed: dict[str, str], work_id: str) -> str:
    while work_id in absorbed:
        work_id = absorbed[work_id]
    return work_id


def _shown(document: Document) -> tuple[object, ...]:
    return tuple(getattr(document, name) for name in DOCUMENT_COLUMNS if name != "id")


def _owners(con: Connection, keys: set[str]) -> defaultdict[str, set[str]]:
    """Return key → ids of the stored documents that carry it."""
    owners: defaultdict[str, set[str]] = defaultdict(set)
    wanted = pa.table({"key": sorted(keys)})
    con.register("wanted", wanted)
    for key, work_id in con.execute("FROM base.keys SEMI JOIN wanted USING (key)").fetchall():
        owners[key].add(work_id)
    con.unregister("wanted")
    return owners


def _load(con: Connection, ids: set[str]) -> dict[str, _Work]:
    if not ids:
        return {}
    con.register("wanted", pa.table({"id": sorted(ids)}))
    rows = con.execute(
        f"SELECT {', '.join(f'd.{c}' for c in DOCUMENT_COLUMNS)}, first_seen, week, labelled_by, "
        "(SELECT list(DISTINCT s.source) FROM base.sightings s WHERE s.document_id = d.id) "
        "FROM base.documents d SEMI JOIN wanted USING (id)"
    ).fetchall()
    con.unregister("wanted")
    works = {}
    for *values, first_seen, week, labelled_by, sources in rows:
        document = as_document(dict(zip(DOCUMENT_COLUMNS, values, strict=True)))
        works[values[0]] = _Work(
            document, values[0], first_seen, week, labelled_by, set(sources or ()), stored=True
        )
    return works


def as_document(row: dict[str, Any]) -> Document:
    """Return the stored row as a Document; its id is the stored one's first, not recomputed."""
    fields = {name: row[name] for name in DOCUMENT_COLUMNS if name != "id"}
    for name in ("authors", "affiliations", "countries"):
        fields[name] = tuple(fields[name])
    fields["kind"] = Kind(fields["kind"])
    fields["event"] = Event(**fields["event"]) if fields["event"] else None
    return Document(native_id=row["id"], **fields)


def _sightings(con: Connection, works: dict[str, _Work]) -> set[tuple[str, str]]:
    """Return (source, native id) of each sighting of ``works``."""
    if not works:
        return set()
    con.register("wanted", pa.table({"document_id": sorted(works)}))
    rows = con.execute(
        "SELECT source, native_id FROM base.sightings SEMI JOIN wanted USING (document_id)"
    ).fetchall()
    con.unregister("wanted")
    return {(source, native_id) for source, native_id in rows}


def _sighting(document: Document, work_id: str, now: datetime) -> dict[str, Any]:
    return {
        "document_id": work_id,
        "source": document.source,
        "native_id": document.native_id or document.url,
        "url": document.url,
        "title": document.title,
        "seen_at": now,
        "raw": json.dumps(dict(document.raw), default=str, ensure_ascii=False),
    }


def _write(
    con: Connection,
    works: dict[str, _Work],
    owners: defaultdict[str, set[str]],
    sightings: list[dict[str, Any]],
    absorbed: dict[str, str],
) -> None:
    if absorbed:
        lost = pa.table({"old": list(absorbed), "id": [_root(absorbed, old) for old in absorbed]})
        con.register("lost", lost)
        for table in ("keys", "sightings"):
            con.execute(
                f"UPDATE base.{table} SET document_id = lost.id FROM lost WHERE document_id = old"
            )
        con.execute("DELETE FROM base.labels USING lost WHERE document_id = old")
        con.execute("DELETE FROM base.documents USING lost WHERE documents.id = old")
        con.unregister("lost")
    rewritten = [work.id for work in works.values() if work.stored and work.changed]
    if rewritten:
        con.register("rewritten", pa.table({"id": rewritten}))
        con.execute("DELETE FROM base.documents USING rewritten r WHERE documents.id = r.id")
        con.unregister("rewritten")
    _insert(
        con, "documents", [_row(work) for work in works.values() if work.changed or not work.stored]
    )
    _insert(con, "sightings", sightings)
    con.register(
        "carried",
        pa.table(
            {
                "key": [key for key, ids in owners.items() for _ in ids],
                "document_id": [work_id for ids in owners.values() for work_id in sorted(ids)],
            }
        ),
    )
    con.execute("INSERT INTO base.keys FROM carried ANTI JOIN base.keys USING (key, document_id)")
    con.unregister("carried")


def _row(work: _Work) -> dict[str, Any]:
    document = work.document
    event = document.event
    return {
        **{name: getattr(document, name) for name in DOCUMENT_COLUMNS},
        "id": work.id,
        "kind": str(document.kind),
        "event": event and {name: getattr(event, name) for name in Event.__slots__},
        "first_seen": work.first_seen,
        "week": work.week,
        "labelled_by": work.labelled_by,
    }


def _insert(con: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = {
        name: pa.array([row[name] for row in rows], _TYPES.get(name, pa.string()))
        for name in rows[0]
    }
    con.register("rows", pa.table(columns))
    con.execute(f"INSERT INTO base.{table} BY NAME FROM rows")
    con.unregister("rows")
