"""Harvest: every source, page by page, into the store."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from classifiers.language import LanguageDetector
from core.office import Office, load_office
from core.settings import Settings
from core.sources import Source
from core.weeks import days_of
from flows import health
from flows.progress import progress
from scanners import Http, Page, SourceError, Watermark, pages
from store import documents, runs
from store.database import Connection, open_writer


@dataclass(slots=True)
class _Tally:
    """What a source gave so far, over all tries."""

    items: int = 0
    new: int = 0
    known: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    filled: list[float] = field(default_factory=list)  # of each page
    newest: date | None = None
    built: date | None = None

    def count(self, page: Page, added: documents.Added) -> None:
        """Add what one page gave."""
        self.items += len(page.documents) + len(page.skipped)
        self.new += added.new
        self.known += added.known
        self.skipped.update(skip.reason for skip in page.skipped)
        self.built = page.built or self.built
        if (share := health.filled(page.documents)) is not None:
            self.filled.append(share)
        days = [d.published for d in page.documents if d.published and d.precision == "day"]
        self.newest = max([*days, self.newest or date.min]) if days else self.newest


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
) -> dict[str, Any]:
    """Read what the sources list and keep it; return what was counted and who gave trouble.

    Without ``since`` and ``until`` each source goes on where its last harvest ended, up to the
    Sunday of ``week``. A source that fails is left for a second pass over all that failed: waiting
    for each in its turn would cost a run without network hours.

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
    jobs = [
        _Job(source, week, since or monday, until or sunday, not own_window)
        for source in _choose(office, source_ids)
    ]
    ended = []
    with open_writer(office.settings.store, office.partners) as con:
        own_run = run_id or runs.start(con, week)
        for fared in _harvest_all(con, office.settings, jobs):
            runs.record_health(con, own_run, fared)
            ended.append(fared)
        counts = _count(ended)
        if run_id is None:
            runs.finish(con, own_run, "finished", counts)
    trouble = [f"{e.source} is {e.status}: {e.message}" for e in ended if e.message]
    return {**counts, "trouble": trouble}


def _harvest_all(
    con: Connection, settings: Settings, jobs: Sequence[_Job]
) -> Iterator[runs.Health]:
    """Read all sources, those that failed once more at the end; yield how each fared."""
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    detector = LanguageDetector()
    with progress() as bar:
        row = bar.add_task("Harvest", total=len(jobs), note="")
        for tries_left in range(settings.harvest.retries, -1, -1):
            failed = []
            with Http(settings.http) as http:
                for job in jobs:
                    bar.update(row, note=job.source.name)
                    tally = tallies[job.source.id]
                    fared = _harvest_one(_Means(con, http, detector), job, tally)
                    if fared.status == "failing" and tries_left:
                        failed.append(job)
                    else:
                        bar.advance(row)
                        yield fared
            if not failed:
                break
            jobs = failed
            time.sleep(settings.harvest.retry_delay)
        bar.update(row, note="")


def _count(ended: Sequence[runs.Health]) -> dict[str, int]:
    return {
        "new": sum(fared.new for fared in ended),
        "known": sum(fared.known for fared in ended),
        "skipped": sum(sum(fared.skipped.values()) for fared in ended),
        "sources": len(ended),
        "failing": sum(fared.status in health.BAD for fared in ended),
    }


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


def _harvest_one(means: _Means, job: _Job, tally: _Tally) -> runs.Health:
    """Read one source, adding to ``tally``, and say how it fared."""
    source, http = job.source, means.http
    past = runs.past(means.con, source.id)
    began, requests, received = time.monotonic(), http.requests, http.bytes
    http_status = None
    try:
        read_source(means, job, tally)
    except SourceError as error:
        status, message, http_status = health.of_error(error), str(error), error.status
    else:
        answer = health.Answer(
            items=tally.items,
            new=tally.new,
            bytes=http.bytes - received,
            filled=mean(tally.filled) if tally.filled else None,
            newest=tally.newest,
            built=tally.built,
        )
        status, message = health.judge(source, answer, past, job.until)
    if message:
        get_run_logger().warning("%s is %s: %s", source.id, status, message)
    return runs.Health(
        source=source.id,
        status=status,
        items=tally.items,
        new=tally.new,
        known=tally.known,
        skipped=tally.skipped,
        newest=tally.newest,
        filled=mean(tally.filled) if tally.filled else None,
        requests=http.requests - requests,
        bytes=http.bytes - received,
        seconds=time.monotonic() - began,
        http_status=http_status,
        message=message,
    )


@task(name="read source", cache_policy=NO_CACHE, persist_result=False)
def read_source(means: _Means, job: _Job, tally: _Tally) -> None:
    """Read a source to the end of its window; each page is kept with its watermark, or not at all.

    A second try, or the next run after a crash, goes on after the last page kept.
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
                means.detector.fill(
                    [replace(d, language=d.language or source.language) for d in page.documents]
                ),
                week=job.week,
                mark=(source.id, mark.to_json()) if job.resume else None,
            )
            tally.count(page, added)
        # A window that an earlier run left open is finished first; then comes this week's.
        if not unfinished or unfinished[1] >= job.until:
            return
