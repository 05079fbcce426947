"""The weekly run: harvest, enrich, digest, mail."""

from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow

from core.office import load_office
from core.weeks import days_of, last_complete_week
from flows.digest import digest
from flows.enrich import enrich
from flows.harvest import harvest
from store import runs
from store.database import open_writer


@flow(name="weekly")
def weekly(
    week: str | None = None, config: str = "config", store: str | None = None
) -> dict[str, Any]:
    """Run a week from the sources to the outbox; return its counts and files.

    Run again for the same week, it harvests what has come since, labels it, writes the digest anew
    and mails nobody twice. Killed at any moment and run again, it ends as if undisturbed.

    Args:
        week: ISO week such as ``2026-W46``; None: the last one that is over.
        config: folder of the configuration.
        store: file of the store; None: the settings' own.

    Raises:
        ValueError: ``week`` is no ISO week.
        ConfigError, StoreError, ModelError: configuration, store or model cannot be used.
    """
    week = week or last_complete_week(date.today())
    days_of(week)
    office = load_office(Path(config), Path(store) if store else None)
    file = str(office.settings.store)
    with open_writer(office.settings.store, office.partners) as con:
        run_id = runs.start(con, week)
        counts: dict[str, Any] = {}
        try:
            counts = harvest(week, config, file, run_id=run_id)
            trouble = counts.pop("trouble")
            counts |= enrich(config, file)
            written = digest(week, config, file, send=True)
        except BaseException:
            runs.finish(con, run_id, "failed", counts)
            raise
        runs.finish(con, run_id, "finished", counts | {"mailed": len(written["mailed"])})
    return {"week": week, "store": file, **counts, "trouble": trouble, **written}
