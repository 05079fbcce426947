"""One week of the store, for the digest."""

import json
from collections import Counter, defaultdict
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
    """How a source fared in the week."""

    source: str
    status: str  # of the last run, see store.runs.Health
    new: int  # documents that it was the first to bring
    known: int  # documents of the week that another source had brought
    skipped: dict[str, int]
    message: str
    weeks_failing: int = 0  # in a row, up to this one


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
        "SELECT document_id, scheme, label, score, reasons FROM base.effective_labels "
        f"WHERE assigned AND document_id IN (SELECT id {_OF_WEEK}) ORDER BY document_id, label",
        [week],
    ).fetchall():
        labels[document_id].append(LabelOn(scheme, label, score, tuple(reasons)))
    sightings: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for document_id, source, url in con.execute(
        "SELECT document_id, source, url FROM base.sightings "
        f"WHERE document_id IN (SELECT id {_OF_WEEK}) ORDER BY document_id, seen_at, source, url",
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
                SELECT document_id FROM base.effective_labels WHERE assigned
            ))
        FROM week
        """,
        [week],
    ).fetchall()[0]
    return Counts(*row)


def source_states(con: Connection, week: str) -> list[SourceState]:
    """Return how each source fared in the runs of ``week``, by source id.

    What it brought is counted in the store, not in the runs' diaries, so that a week run twice, or
    killed and run again, tells the same.
    """
    rows = con.execute(
        """
        WITH brought AS (
            SELECT s.source, count(*) FILTER (s.source = d.source) AS new,
                count(*) FILTER (s.source <> d.source) AS known
            FROM base.sightings s JOIN base.documents d ON s.document_id = d.id
            WHERE d.week = $week GROUP BY s.source
        ),
        -- How each week ended for each source, and for how many of the latest weeks badly.
        weekly AS (
            SELECT source, week, arg_max(h.status, checked) IN ('failing', 'blocked', 'changed')
                AS bad
            FROM base.source_health h JOIN base.runs USING (run_id)
            WHERE week <= $week GROUP BY source, week
        ),
        streak AS (
            SELECT source, count(*) AS weeks_failing FROM weekly w
            WHERE bad AND week > coalesce(
                (SELECT max(week) FROM weekly v WHERE v.source = w.source AND NOT v.bad), ''
            )
            GROUP BY source
        ),
        told AS (
            SELECT source, arg_max(h.status, checked) AS status,
                arg_max(message, checked) AS message, list(skipped ORDER BY checked) AS skipped
            FROM base.source_health h JOIN base.runs USING (run_id)
            WHERE week = $week GROUP BY source
        )
        SELECT source, if(status = 'quiet' AND new > 0, 'ok', status), coalesce(new, 0),
            coalesce(known, 0), skipped, message, coalesce(weeks_failing, 0)
        FROM told LEFT JOIN brought USING (source) LEFT JOIN streak USING (source)
        ORDER BY source
        """,
        {"week": week},
    ).fetchall()
    states = []
    for source, status, new, known, skipped, message, weeks_failing in rows:
        # The same entries are skipped again in each run: the most of any run counts.
        most: Counter[str] = Counter()
        for each in skipped:
            most |= Counter(json.loads(each))
        states.append(
            SourceState(
                source, status, new, known, dict(sorted(most.items())), message, weeks_failing
            )
        )
    return states
