"""A live look at one source: does it answer, with what, and may we ask?"""

from collections import Counter
from dataclasses import dataclass
from datetime import date

from core.sources import Source
from scanners import Access, Http, SourceError, Watermark, pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What the first page of a source gave; ``robots`` is the verdict of its robots.txt."""

    source: str
    robots: str
    http_status: int | None
    items: int
    skipped: dict[str, int]
    native_ids: tuple[str, ...]
    newest: date | None
    sample: str
    message: str


def check(source: Source, http: Http, *, since: date, until: date) -> Check:
    """Ask ``source`` for its first page of the window, keeping nothing; no error escapes."""
    robots = _robots(source, http)
    status: int | None = 200
    message = ""
    found, skipped = [], Counter[str]()
    try:
        page = next(pages(source, http, Watermark().aim(since, until)), None)
    except SourceError as error:
        page, status, message = None, error.status, str(error)
    if page:
        found = list(page.documents)
        skipped.update(skip.reason for skip in page.skipped)
    newest = max(found, key=lambda d: d.published or date.min, default=None)
    return Check(
        source=source.id,
        robots=robots,
        http_status=status,
        items=len(found),
        skipped=dict(skipped),
        native_ids=tuple(document.native_id for document in found),
        newest=newest.published if newest else None,
        sample=newest.title if newest else "",
        message=message,
    )


def _robots(source: Source, http: Http) -> str:
    if not Access.honours_robots(source):
        return "interface"
    try:
        rules = http.robots(source.url, allow_private=source.allow_private)
    except SourceError:
        return "not read"
    if not rules.allows(source.url):
        return "forbids"
    return f"allows, {rules.crawl_delay:g} s apart" if rules.crawl_delay else "allows"
