"""Documents into the store: sightings of one work become one document."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from core.document import Document, Event, Kind
from core.likeness import Traits, same_work
from store.blocking import bands
from store.database import Connection, transaction
from store.works import DOCUMENT_COLUMNS, Work, arxiv_of_doi

__all__ = ["DOCUMENT_COLUMNS", "Added", "add", "as_document", "watermark"]

_CROWD = 100  # documents that share a band: more tell nothing, and would be compared for ever
_FILLING = 5000  # documents that get their bands at a time

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
    "band": pa.uint64(),
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


def add(
    con: Connection,
    documents: Sequence[Document],
    *,
    week: str,
    mark: tuple[str, str] | None = None,
) -> Added:
    """Store one batch, and ``mark`` (source id, watermark as JSON) with it, or nothing of both.

    A document that shares a DOI, arXiv id, OpenAlex id or native id with a known one, or is alike
    in title, text, authors and date, is a sighting of it; the richest text and the version of
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


@dataclass(slots=True)
class _Batch:
    """What the store knows of the works that a batch may belong to, and what the batch adds."""

    works: dict[str, Work]
    seen: set[tuple[str, str]]  # source and native id of their sightings
    owners: defaultdict[str, set[str]]  # identifier → ids of works
    neighbours: defaultdict[int, set[str]]  # band → ids of works
    absorbed: dict[str, str] = field(default_factory=dict)  # id of a work → of what it turned out
    keys: list[tuple[str, str]] = field(default_factory=list)
    bands: list[tuple[int, str]] = field(default_factory=list)
    sightings: list[dict[str, Any]] = field(default_factory=list)

    def find(self, document: Document, keys: Sequence[str], its_bands: Sequence[int]) -> list[str]:
        """Return the ids of the works that ``document`` is, the first seen first."""
        same = {self.root(i) for key in keys for i in self.owners.get(key, ())}
        near = {self.root(i) for band in its_bands for i in self.neighbours.get(band, ())} - same
        if near:
            traits = Traits(document)
            same |= {i for i in near if same_work(self.works[i].traits, traits)}
        return sorted(same, key=lambda i: (self.works[i].first_seen, i))

    def root(self, work_id: str) -> str:
        """Return the id of what ``work_id`` turned out to be."""
        while work_id in self.absorbed:
            work_id = self.absorbed[work_id]
        return work_id

    def join(self, first: str, others: Iterable[str]) -> Work:
        """Make one work of several; return it."""
        for other in others:
            self.works[first].absorb(self.works.pop(other))
            self.absorbed[other] = first
        return self.works[first]

    def note(self, work: Work, keys: Sequence[str], its_bands: Sequence[int]) -> None:
        """Remember what finds ``work`` again."""
        for key in keys:
            if not self._is_among(work.id, self.owners[key]):
                self.owners[key].add(work.id)
                self.keys.append((key, work.id))
        for band in its_bands:
            carriers = self.neighbours[band]
            if len(carriers) < _CROWD and not self._is_among(work.id, carriers):
                carriers.add(work.id)
                self.bands.append((band, work.id))

    def _is_among(self, work_id: str, others: set[str]) -> bool:
        return work_id in others or (bool(self.absorbed) and work_id in map(self.root, others))


def _lay(con: Connection, documents: Sequence[Document], week: str, now: datetime) -> Added:
    _fill_bands(con)
    keys, of_each = [_keys(document) for document in documents], bands(documents)
    batch = _surroundings(con, keys, of_each)
    new = 0
    for document, own_keys, own_bands in zip(documents, keys, of_each, strict=True):
        if found := batch.find(document, own_keys, own_bands):
            work = batch.join(found[0], found[1:])
            work.merge(document)
        else:
            work = batch.works[document.id] = Work(document, document.id, now, week)
            new += 1
        work.sight(document)
        batch.note(work, own_keys, own_bands)
        sighting = (document.source, document.native_id or document.url)
        if sighting not in batch.seen:
            batch.seen.add(sighting)
            batch.sightings.append(_sighting(document, work.id, now))
    _write(con, batch)
    return Added(new, len(documents) - new)


def _keys(document: Document) -> list[str]:
    """Return what identifies ``document``, the strongest first."""
    keys = [
        f"{name}:{value}"
        for name, value in (
            ("doi", document.doi),
            ("arxiv", document.arxiv_id or arxiv_of_doi(document.doi)),
            ("openalex", document.openalex_id),
        )
        if value
    ]
    return [*keys, f"source:{document.source}:{document.native_id or document.url}"]


def _surroundings(
    con: Connection, keys: Sequence[Sequence[str]], of_each: Sequence[Sequence[int]]
) -> _Batch:
    """Load the works that share an identifier or a band with the batch."""
    owners = _carriers(con, "keys", "key", sorted({key for each in keys for key in each}))
    neighbours = _carriers(
        con, "bands", "band", sorted({band for each in of_each for band in each})
    )
    ids = {i for carried in (*owners.values(), *neighbours.values()) for i in carried}
    works = _load(con, ids)
    return _Batch(works, _load_sightings(con, works), owners, neighbours)


def _carriers(con: Connection, table: str, column: str, values: Sequence[Any]) -> Any:
    """Return value → ids of the stored documents that carry it."""
    type_ = pa.uint64() if column == "band" else pa.string()
    con.register("wanted", pa.table({column: pa.array(values, type_)}))
    carriers: defaultdict[Any, set[str]] = defaultdict(set)
    for value, work_id in con.execute(
        f"SELECT {column}, document_id FROM base.{table} SEMI JOIN wanted USING ({column})"
    ).fetchall():
        carriers[value].add(work_id)
    con.unregister("wanted")
    return carriers


def _load(con: Connection, ids: Iterable[str]) -> dict[str, Work]:
    con.register("wanted", pa.table({"id": pa.array(sorted(ids), pa.string())}))
    rows = con.execute(
        f"SELECT {', '.join(DOCUMENT_COLUMNS)}, first_seen, week, labelled_by "
        "FROM base.documents SEMI JOIN wanted USING (id)"
    ).fetchall()
    con.unregister("wanted")
    return {
        values[0]: Work(
            as_document(dict(zip(DOCUMENT_COLUMNS, values, strict=True))),
            *(values[0], first_seen, week, labelled_by),
            stored=True,
        )
        for *values, first_seen, week, labelled_by in rows
    }


def _load_sightings(con: Connection, works: dict[str, Work]) -> set[tuple[str, str]]:
    """Tell ``works`` their sources and titles; return source and native id of every sighting."""
    con.register("wanted", pa.table({"document_id": pa.array(sorted(works), pa.string())}))
    rows = con.execute(
        "SELECT document_id, source, native_id, title "
        "FROM base.sightings SEMI JOIN wanted USING (document_id)"
    ).fetchall()
    con.unregister("wanted")
    for work_id, source, _, title in rows:
        works[work_id].sources.add(source)
        works[work_id].titles.add(title)
    return {(source, native_id) for _, source, native_id, _ in rows}


def _fill_bands(con: Connection) -> None:
    """Give bands to the documents of a store that was written before there were any."""
    if con.execute("SELECT 1 FROM base.bands LIMIT 1").fetchone():
        return
    last = ""
    while rows := con.execute(
        f"SELECT {', '.join(DOCUMENT_COLUMNS)} FROM base.documents "
        "WHERE id > ? ORDER BY id LIMIT ?",
        [last, _FILLING],
    ).fetchall():
        stored = [as_document(dict(zip(DOCUMENT_COLUMNS, row, strict=True))) for row in rows]
        each = zip(rows, bands(stored), strict=True)
        _insert_pairs(con, "bands", "band", [(band, row[0]) for row, own in each for band in own])
        last = rows[-1][0]


def as_document(row: dict[str, Any]) -> Document:
    """Return the stored row as a Document; its id is the stored one's first, not recomputed."""
    fields = {name: row[name] for name in DOCUMENT_COLUMNS if name != "id"}
    for name in ("authors", "affiliations", "countries"):
        fields[name] = tuple(fields[name])
    fields["kind"] = Kind(fields["kind"])
    fields["event"] = Event(**fields["event"]) if fields["event"] else None
    return Document(native_id=row["id"], **fields)


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


def _write(con: Connection, batch: _Batch) -> None:
    if batch.absorbed:
        lost = {"old": list(batch.absorbed), "id": [batch.root(old) for old in batch.absorbed]}
        con.register("lost", pa.table(lost))
        for table in ("keys", "bands", "sightings", "feedback"):
            con.execute(
                f"UPDATE base.{table} SET document_id = lost.id FROM lost WHERE document_id = old"
            )
        con.execute("DELETE FROM base.labels USING lost WHERE document_id = old")
        con.execute("DELETE FROM base.documents USING lost WHERE documents.id = old")
        con.unregister("lost")
    works = batch.works.values()
    rewritten = [work.id for work in works if work.stored and work.changed]
    if rewritten:
        con.register("rewritten", pa.table({"id": rewritten}))
        con.execute("DELETE FROM base.documents USING rewritten r WHERE documents.id = r.id")
        # The text may have changed, and a vector is soon made again.
        con.execute("DELETE FROM base.vectors USING rewritten r WHERE document_id = r.id")
        con.unregister("rewritten")
    _insert(con, "documents", [_row(work) for work in works if work.changed or not work.stored])
    for sighting in batch.sightings:
        sighting["document_id"] = batch.root(sighting["document_id"])
    _insert(con, "sightings", batch.sightings)
    _insert_pairs(con, "keys", "key", [(key, batch.root(i)) for key, i in batch.keys])
    _insert_pairs(con, "bands", "band", [(band, batch.root(i)) for band, i in batch.bands])


def _insert_pairs(
    con: Connection, table: str, column: str, pairs: Sequence[tuple[str | int, str]]
) -> None:
    _insert(con, table, [{column: value, "document_id": i} for value, i in dict.fromkeys(pairs)])


def _row(work: Work) -> dict[str, Any]:
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
