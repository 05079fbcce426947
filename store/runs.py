"""The diary: runs, the health of sources, and what was delivered to whom."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

from store.database import Connection, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one source fared in one run.

    ``status``: ``ok`` (something new), ``quiet`` (nothing new, within its rhythm), ``stale``
    (answers, but nothing new for far longer), ``changed`` (parses to far less than usual),
    ``budget`` (stopped for now, goes on), ``blocked`` (does not let us in), ``failing``.
    """

    source: str
    status: str
    items: int = 0
    new: int = 0
    known: int = 0
    skipped: Mapping[str, int]
    newest: date | None = None
    filled: float | None = None
    requests: int = 0
    bytes: int = 0
    seconds: float = 0
    http_status: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """What a source gave in earlier runs, the latest first; only runs in which it answered."""

    items: tuple[int, ...]
    filled: tuple[float, ...]
    days: tuple[date, ...]  # of publication, in the order of time, each once
    last_new: datetime | None  # when it last brought something new, UTC


def start(con: Connection, week: str) -> str:
    """Open a run for the ISO week ``week`` and return its id; one left open was interrupted."""
    run_id = uuid4().hex
    with transaction(con):
        con.execute("UPDATE base.runs SET status = 'interrupted' WHERE status = 'running'")
        con.execute(
            "INSERT INTO base.runs VALUES (?, ?, ?, NULL, 'running', '{}')", [run_id, week, _now()]
        )
    return run_id


def finish(con: Connection, run_id: str, status: str, counts: Mapping[str, int]) -> None:
    """Close a run as ``finished`` or ``failed`` with what it counted."""
    con.execute(
        "UPDATE base.runs SET finished = ?, status = ?, counts = ? WHERE run_id = ?",
        [_now(), status, json.dumps(dict(counts)), run_id],
    )


def record_health(con: Connection, run_id: str, health: Health) -> None:
    """Note how a source fared."""
    row = {
        **{name: getattr(health, name) for name in Health.__slots__},
        "skipped": json.dumps(dict(health.skipped)),
        "run_id": run_id,
        "checked": _now(),
    }
    names = ", ".join(row)
    values = ", ".join(f"${name}" for name in row)
    con.execute(f"INSERT INTO base.source_health ({names}) VALUES ({values})", row)


def past(con: Connection, source: str, runs: int = 12, years: int = 1) -> Past:
    """Return what ``source`` gave in its last ``runs`` runs, and its days of ``years`` years."""
    rows = con.execute(
        "SELECT items, filled FROM base.source_health WHERE source = ? AND items > 0 "
        "ORDER BY checked DESC LIMIT ?",
        [source, runs],
    ).fetchall()
    days = con.execute(
        "SELECT DISTINCT published FROM base.documents d "
        "WHERE d.id IN (SELECT document_id FROM base.sightings s WHERE s.source = ?) "
        "AND precision = 'day' AND published > current_date - to_years(?) ORDER BY published",
        [source, years],
    ).fetchall()
    (last_new,) = con.execute(
        "SELECT max(checked) FROM base.source_health WHERE source = ? AND new > 0", [source]
    ).fetchall()[0]
    return Past(
        items=tuple(items for items, _ in rows),
        filled=tuple(filled for _, filled in rows if filled is not None),
        days=tuple(day for (day,) in days),
        last_new=last_new,
    )


def count_seen(con: Connection, source: str, native_ids: Sequence[str]) -> int:
    """Return how many of ``native_ids`` the store has from ``source``."""
    (count,) = con.execute(
        "SELECT count(DISTINCT native_id) FROM base.sightings "
        "WHERE source = ? AND list_contains(?, native_id)",
        [source, list(native_ids)],
    ).fetchall()[0]
    return int(count)


def latest_status(con: Connection) -> dict[str, str]:
    """Return source id → how it fared when last asked."""
    return dict(
        con.execute(
            "SELECT source, arg_max(status, checked) FROM base.source_health GROUP BY source"
        ).fetchall()
    )


def is_sent(con: Connection, week: str, subscriber: str) -> bool:
    """Return whether the week's digest has gone to ``subscriber``."""
    return bool(
        con.execute(
            "SELECT 1 FROM base.deliveries WHERE week = ? AND subscriber = ? AND status = 'sent'",
            [week, subscriber],
        ).fetchone()
    )


def record_delivery(
    con: Connection, *, week: str, subscriber: str, message_id: str, status: str, detail: str = ""
) -> None:
    """Note that a digest is ``pending`` or ``sent``, in place of what was noted before."""
    with transaction(con):
        con.execute(
            "DELETE FROM base.deliveries WHERE week = ? AND subscriber = ?", [week, subscriber]
        )
        con.execute(
            "INSERT INTO base.deliveries VALUES (?, ?, ?, ?, ?, ?)",
            [week, subscriber, message_id, status, detail, _now()],
        )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
