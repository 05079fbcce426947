"""The diary: runs, the health of sources, and what was delivered to whom."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import uuid4

from store.database import Connection, transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How one source fared in one run.

    ``status``: ``ok`` (something new), ``quiet`` (nothing new, within its rhythm), ``stale``
    (answers, but nothing new for far longer), ``failing``, ``waiting`` (asked us to come back).
    """

    source: str
    status: str
    new: int = 0
    known: int = 0
    skipped: Mapping[str, int]
    message: str = ""


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
    con.execute(
        "INSERT INTO base.source_health VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(run_id, health.source, _now(), health.status, health.new, health.known),
            *(json.dumps(dict(health.skipped)), health.message),
        ],
    )


def newest(con: Connection, source: str) -> date | None:
    """Return the latest date of publication among what ``source`` has listed, if any has one."""
    row = con.execute(
        "SELECT max(published) FROM base.documents d "
        "WHERE d.id IN (SELECT document_id FROM base.sightings s WHERE s.source = ?)",
        [source],
    ).fetchone()
    return row[0] if row else None


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
