"""One week of the store, for the digest."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

from store.database import Connection


@dataclass(frozen=True, slots=True)
class LabelOn:
    """A label assigned to a document, its probability and the phrases that spoke for it."""

    scheme: str
    label: str
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A document of the week with its assigned labels (at least one) and where it was seen."""

    id: str
    kind: str
    title: str
    abstract: str
    url: str
    venue: str
    language: str | None
    published: date | None
    precision: str
    source: str
    authors: tuple[str, ...]
    affiliations: tuple[str, ...]
    countries: tuple[str, ...]
    is_partner: bool
    labels: tuple[LabelOn, ...]
    sightings: tuple[tuple[str, str], ...]  # (source id, URL), the first one first


@dataclass(frozen=True, slots=True)
class Counts:
    """What the week brought; ``foreign + home + unknown == documents``."""

    documents: int
    foreign: int
    home: int
    unknown: int  # no country known
    duplicates: int  # sightings beyond the first of their document
    relevant: int  # foreign or unknown, with at least one label


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source fared in the last run of the week."""

    source: str
    status: str
    new: int
    known: int
    skipped: dict[str, int]
    message: str


_COLUMNS = (
    *("id", "kind", "title", "abstract", "url", "venue", "language", "published", "precision"),
    *("source", "authors", "affiliations", "countries"),
)
_OF_WEEK = (
    "FROM documents v JOIN base.documents d USING (id) "
    "WHERE d.week = ? AND v.is_foreign IS DISTINCT FROM false"
)


def items(con: Connection, week: str) -> list[Item]:
    """Return the week's documents that carry a label, without those purely of the home country.

    In the order of id, so that the same store gives the same list.
    """
    labels: dict[str, list[LabelOn]] = defaultdict(list)
    for document_id, scheme, label, score, reasons in con.execute(
        "SELECT document_id, scheme, label, score, reasons FROM base.labels "
        f"WHERE assigned AND document_id IN (SELECT id {_OF_WEEK}) ORDER BY document_id, label",
        [week],
    ).fetchall():
        labels[document_id].append(LabelOn(scheme, label, score, tuple(reasons)))
    sightings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for document_id, source, url in con.execute(
        "SELECT document_id, source, url FROM base.sightings "
        f"WHERE document_id IN (SELECT id {_OF_WEEK}) ORDER BY document_id, seen_at, source",
        [week],
    ).fetchall():
        sightings[document_id].append((source, url))
    found = []
    for *values, is_partner in con.execute(
        f"SELECT {', '.join(f'd.{c}' for c in _COLUMNS)}, v.is_partner {_OF_WEEK} ORDER BY d.id",
        [week],
    ).fetchall():
        row: dict[str, Any] = dict(zip(_COLUMNS, values, strict=True))
        if row["id"] not in labels:
            continue
        for name in ("authors", "affiliations", "countries"):
            row[name] = tuple(row[name])
        found.append(
            Item(
                **row,
                is_partner=is_partner,
                labels=tuple(labels[row["id"]]),
                sightings=tuple(sightings[row["id"]]),
            )
        )
    return found


def counts(con: Connection, week: str) -> Counts:
    """Count what the week brought."""
    row = con.execute(
        """
        WITH week AS (
            SELECT v.id, v.is_foreign FROM documents v JOIN base.documents d USING (id)
            WHERE d.week = ?
        )
        SELECT
            count(*), count(*) FILTER (is_foreign), count(*) FILTER (NOT is_foreign),
            count(*) FILTER (is_foreign IS NULL),
            (SELECT count(*) FROM base.sightings WHERE document_id IN (SELECT id FROM week))
                - count(*),
            count(*) FILTER (is_foreign IS DISTINCT FROM false AND id IN (
                SELECT document_id FROM base.labels WHERE assigned
            ))
        FROM week
        """,
        [week],
    ).fetchall()[0]
    return Counts(*row)


def source_states(con: Connection, week: str) -> list[SourceState]:
    """Return how each source fared when it was last asked in a run of ``week``, by source id."""
    rows = con.execute(
        """
        SELECT source, h.status, new, known, skipped, message
        FROM base.source_health h JOIN base.runs USING (run_id)
        WHERE week = ?
        QUALIFY row_number() OVER (PARTITION BY source ORDER BY checked DESC) = 1
        ORDER BY source
        """,
        [week],
    ).fetchall()
    return [
        SourceState(source, status, new, known, json.loads(skipped), message)
        for source, status, new, known, skipped, message in rows
    ]
