"""A live look at sources: do they answer, with what, may we ask, and what would a harvest add?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta

from core.settings import Settings
from core.sources import Source
from flows import health
from scanners import Access, Http, Page, SourceError, Watermark, pages
from store import runs
from store.database import Connection, open_reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What the first page of a source gave.

    Attributes:
        state: as a harvest would judge it, see ``store.runs.Health``.
        robots: what robots.txt says of it; ``interface``: it does not speak of interfaces.
        http_status: of the answer; None if none came.
        items: entries that became documents.
        would_add: those of them that the store does not have from this source.
        skipped: reason → count of the others.
        newest: the latest date of publication among the items.
        sample: title of the newest item.
        message: what is wrong, if something is.
    """

    source: str
    state: str
    verified: bool
    robots: str
    http_status: int | None
    items: int
    would_add: int
    skipped: dict[str, int]
    newest: date | None
    sample: str
    message: str


def check(settings: Settings, sources: Iterable[Source], today: date) -> Iterator[Check]:
    """Ask each of ``sources`` for its first page and keep nothing; no source's error escapes.

    Raises:
        StoreError: there is a store, but it cannot be read.
    """
    with ExitStack() as stack:
        http = stack.enter_context(Http(settings.http))
        con = None
        if settings.store.exists():
            con = stack.enter_context(open_reader(settings.store))
        for source in sources:
            yield _check(con, http, source, today)


def _check(con: Connection | None, http: Http, source: Source, today: date) -> Check:
    robots = _robots(source, http)
    received = http.bytes
    since = today - timedelta(days=max(source.rhythm_days, source.overlap_days))
    page, error = Page(documents=(), mark=Watermark()), None
    status: int | None = 200
    try:
        page = next(pages(source, http, Watermark().aim(since, today)), page)
    except SourceError as caught:
        error, status = caught, caught.status
    found = page.documents
    seen = runs.count_seen(con, source.id, [d.native_id for d in found]) if con else 0
    dated = [d for d in found if d.published]
    newest = max(dated, key=lambda d: d.published or date.min, default=None)
    answer = health.Answer(
        items=len(found) + len(page.skipped),
        new=len(found) - seen,
        bytes=http.bytes - received,
        filled=health.filled(found),
        newest=newest.published if newest else None,
        built=page.built,
    )
    past = runs.past(con, source.id) if con else runs.Past((), (), (), None)
    if error:
        state, message = health.of_error(error), str(error)
    else:
        state, message = health.judge(source, answer, past, today)
    return Check(
        source=source.id,
        state=state,
        verified=source.verified,
        robots=robots,
        http_status=status,
        items=len(found),
        would_add=answer.new,
        skipped=dict(Counter(skip.reason for skip in page.skipped)),
        newest=answer.newest,
        sample=(newest or found[0]).title if found else "",
        message=message,
    )


def _robots(source: Source, http: Http) -> str:
    if not Access.honours_robots(source):
        return "interface"
    try:
        rules = http.robots(source.url, allow_private=source.allow_private)
    except SourceError:  # told by the source itself, which shares the host
        return "not read"
    if not rules.allows(source.url):
        return "forbids"
    return f"allows, {rules.crawl_delay:g} s apart" if rules.crawl_delay else "allows"
