"""Harvest: every source, page by page, into the store."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from classifiers.language import LanguageDetector
from core.document import Document
from core.office import Office, load_office
from core.settings import Settings
from core.sources import Source
from core.weeks import days_of
from flows.progress import progress
from scanners import ComeBackLater, Http, SourceError, Watermark, pages
from store import documents, runs
from store.database import Connection, open_writer

# A source that shows nothing newer than three times its rhythm is not quiet: it is stale.
_STALE_RHYTHMS = 3


@dataclass(slots=True)
class _Tally:
    """What a source gave so far, over all tries."""

    new: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Means:
    """What every job of one harvest works with."""

    con: Connection
    http: Http
    detector: LanguageDetector


@dataclass(frozen=True, slots=True)
class _Job:
    """One source's harvest: from which day, up to which, and whether to go on from last time."""

    source: Source
    week: str
    since: date
    until: date
    resume: bool


@flow(name="harvest")
def harvest(
    week: str,
    config: str,
    store: str,
    source_ids: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    run_id: str | None = None,
) -> dict[str, int]:
    """Read what the sources list and keep it; return what was counted.

    Without ``since`` and ``until`` each source goes on where its last harvest ended, up to the
    Sunday of ``week``. A source that fails is noted and the next one is read.

    Args:
        week: ISO week that the documents are new in, such as ``2026-W46``.
        config: folder of the configuration.
        store: file of the store.
        source_ids: these sources only; none: all that are enabled.
        since: first day, for a window of one's own.
        until: last day of it.
        run_id: the run that this is part of; None: a run of its own.

    Raises:
        ValueError: a source id is not in the catalogue.
        ConfigError, StoreError: the configuration or the store cannot be used.
    """
    office = load_office(Path(config), Path(store))
    monday, sunday = days_of(week)
    own_window = since is not None or until is not None
    with open_writer(office.settings.store, office.partners) as con:
        own_run = run_id or runs.start(con, week)
        counts: Counter[str] = Counter()
        with Http(office.settings.http) as http, progress() as bar:
            means = _Means(con, http, LanguageDetector())
            chosen = _choose(office, source_ids)
            row = bar.add_task("Harvest", total=len(chosen), note="")
            for source in chosen:
                bar.update(row, note=source.name)
                job = _Job(source, week, since or monday, until or sunday, not own_window)
                health = _harvest_one(means, office.settings, job)
                runs.record_health(con, own_run, health)
                counts.update(new=health.new, known=health.known)
                counts["skipped"] += sum(health.skipped.values())
                counts["sources"] += 1
                counts["failing"] += health.status == "failing"
                bar.advance(row)
            bar.update(row, note="")
        if run_id is None:
            runs.finish(con, own_run, "finished", counts)
    return dict(counts)


def _choose(office: Office, source_ids: Sequence[str]) -> list[Source]:
    """Return the sources to read, with the keys that they need."""
    key = office.settings.openalex_api_key.get_secret_value()
    known = {
        source.id: source.model_copy(update={"params": {**source.params, "api_key": key}})
        if source.kind == "openalex" and key
        else source
        for source in office.sources
    }
    if unknown := [i for i in source_ids if i not in known]:
        raise ValueError(
            f"no source {', '.join(unknown)} in sources.yaml; see 'horizon sources list'"
        )
    return [known[i] for i in source_ids] or [s for s in known.values() if s.enabled]


def _harvest_one(means: _Means, settings: Settings, job: _Job) -> runs.Health:
    """Read one source and say how it fared."""
    tally = _Tally()
    status, message = "ok", ""
    source = job.source
    retrying = read_source.with_options(
        retries=settings.harvest.retries, retry_delay_seconds=settings.harvest.retry_delay
    )
    try:
        retrying(means, job, tally)
    except ComeBackLater as error:
        status, message = "waiting", str(error)
    except SourceError as error:
        status, message = "failing", str(error)
    else:
        status, message = _freshness(means.con, job, tally)
    if message:
        get_run_logger().warning("%s is %s: %s", source.id, status, message)
    return runs.Health(
        source=source.id,
        status=status,
        new=tally.new,
        known=tally.known,
        skipped=tally.skipped,
        message=message,
    )


def _is_worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """A source that asked us to come back later is not asked again in this run."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, SourceError) and not isinstance(error, ComeBackLater)


@task(
    name="read source",
    cache_policy=NO_CACHE,
    persist_result=False,
    retry_condition_fn=_is_worth_retrying,
)
def read_source(means: _Means, job: _Job, tally: _Tally) -> None:
    """Read a source to the end of its window; each page is kept with its watermark, or not at all.

    A retry, or the next run after a crash, goes on after the last page kept.
    """
    source = job.source
    kept = documents.watermark(means.con, source.id) if job.resume else None
    mark = Watermark.from_json(kept) if kept else Watermark()
    while True:
        mark = mark.aim(job.since, job.until, source.overlap_days)
        unfinished = mark.window
        for page in pages(source, means.http, mark):
            mark = page.mark
            added = documents.add(
                means.con,
                _with_language(page.documents, source, means.detector),
                week=job.week,
                mark=(source.id, mark.to_json()) if job.resume else None,
            )
            tally.new += added.new
            tally.known += added.known
            tally.skipped.update(skip.reason for skip in page.skipped)
        # A window that an earlier run left open is finished first; then comes this week's.
        if not unfinished or unfinished[1] >= job.until:
            return


def _with_language(
    found: Sequence[Document], source: Source, detector: LanguageDetector
) -> list[Document]:
    """Return ``found`` with each language that its source did not tell."""
    told = [replace(d, language=d.language or source.language) for d in found]
    silent = [i for i, document in enumerate(told) if not document.language]
    for i, language in zip(silent, detector.detect([told[i].text for i in silent]), strict=True):
        told[i] = replace(told[i], language=language)
    return told


def _freshness(con: Connection, job: _Job, tally: _Tally) -> tuple[str, str]:
    """Tell a source that answers apart: ok, quiet or stale."""
    newest = runs.newest(con, job.source.id)
    limit = timedelta(days=_STALE_RHYTHMS * job.source.rhythm_days)
    if newest and job.resume and newest < job.until - limit:
        return "stale", f"answers, but its newest item is of {newest.isoformat()}"
    return ("ok", "") if tally.new else ("quiet", "")
