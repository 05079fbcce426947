"""Import: the records of a file into the store, and their labels."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from prefect import flow

from classifiers.language import LanguageDetector
from core.document import Document
from core.errors import HorizonError
from core.office import load_office
from core.weeks import last_complete_week
from flows.enrich import enrich
from flows.progress import progress
from scanners.files import Wrong, read
from store import documents, runs
from store.database import Connection, open_writer

_BATCH = 10_000  # records read and kept at a time


class NothingReadError(HorizonError):
    """No record of a file could become a document."""


@flow(name="import")
def import_file(
    file: str, config: str, store: str, week: str | None = None, label: bool = True
) -> dict[str, Any]:
    """Read the records of ``file`` into the store and label them; return what was counted.

    Documents are kept first, a batch at a time, then labelled. Killed at any moment and run again,
    it ends as if undisturbed; the same file again adds nothing.

    Args:
        file: JSON Lines, CSV or Parquet; see ``scanners.files``.
        config: folder of the configuration.
        store: file of the store.
        week: ISO week that the documents are new in; None: the last one that is over.
        label: False leaves the labels to the next run that labels.

    Returns:
        ``new``, ``known``, ``skipped``, ``labelled``: counts; ``problems``: which records were
        skipped and why, as ``line 7: no title``.

    Raises:
        NothingReadError: no record could be read.
        FileError: the file cannot be read.
        ConfigError, StoreError, ModelError: configuration, store or model cannot be used.
    """
    office = load_office(Path(config), Path(store))
    week = week or last_complete_week(date.today())
    with open_writer(office.settings.store, office.partners) as con:
        run_id = runs.start(con, week)
        counts: Counter[str] = Counter()
        wrong: list[Wrong] = []
        try:
            keep(con, read(Path(file)), week, counts, wrong)
            if not counts["new"] + counts["known"]:
                raise NothingReadError(
                    f"{file}: no record could be read"
                    + (f"; line {wrong[0].line}: {wrong[0].reason}" if wrong else "; it is empty")
                )
            if label:
                counts.update(enrich(config, store))
        except BaseException:
            runs.finish(con, run_id, "failed", counts)
            raise
        runs.finish(con, run_id, "finished", counts)
    return {
        **{name: counts[name] for name in ("new", "known", "skipped", "labelled")},
        "problems": [f"line {each.line}: {each.reason}" for each in wrong],
    }


def keep(
    con: Connection,
    records: Iterable[Document | Wrong],
    week: str,
    counts: Counter[str],
    wrong: list[Wrong],
) -> None:
    """Store ``records`` by the batch; add to ``counts`` what came and to ``wrong`` what did not."""
    detector = LanguageDetector()
    with progress() as bar:
        row = bar.add_task("Import", total=None, note="")
        for batch in _batches(records):
            found = [record for record in batch if isinstance(record, Document)]
            wrong += (record for record in batch if isinstance(record, Wrong))
            added = documents.add(con, detector.fill(found), week=week)
            counts.update(new=added.new, known=added.known, skipped=len(batch) - len(found))
            bar.advance(row, len(batch))


def _batches(records: Iterable[Document | Wrong]) -> Iterator[list[Document | Wrong]]:
    iterator = iter(records)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
