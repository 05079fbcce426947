"""The state of a source, from what it answers and used to answer: stale is not quiet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil
from statistics import median, quantiles

from core.document import Document
from core.sources import Source
from scanners import Blocked, Changed, ComeBackLater, SourceError
from store.runs import Past

BAD = frozenset({"failing", "blocked", "changed"})  # the source gave nothing that counts
_STALE_RHYTHMS = 3  # without anything new for so many rhythms, a source is stale
_ENOUGH_DAYS = 8  # days of publication from which a rhythm can be told
_ENOUGH_ITEMS = 5  # items from which a share of filled fields means something
_FAR_FEWER = 0.6  # of the usual share
_PAGES = {"html_listing", "ics", "rss", "sitemap", "wikicfp"}  # list something at any time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a source answered in this run; ``newest`` is the latest day of publication it listed."""

    items: int
    new: int
    bytes: int
    filled: float | None
    newest: date | None
    built: date | None


def judge(source: Source, answer: Answer, past: Past, today: date) -> tuple[str, str]:
    """Return the state of a source that answered, and what there is to say of it."""
    if source.kind in _PAGES and not answer.items and answer.bytes and past.items:
        usual = median(past.items)
        return "changed", f"lists nothing, where it used to list {usual:.0f} items"
    if answer.filled is not None and answer.items >= _ENOUGH_ITEMS and past.filled:
        usual = median(past.filled)
        if answer.filled < _FAR_FEWER * usual:
            return "changed", (
                f"its items have {answer.filled:.0%} of the fields, where they used to have "
                f"{usual:.0%}"
            )
    days = rhythm(past.days, source.rhythm_days)
    limit = timedelta(days=_STALE_RHYTHMS * days)
    newest = max(filter(None, (answer.newest, *past.days[-1:])), default=None)
    if newest and newest < today - limit:
        return "stale", f"answers, but its newest item is of {newest.isoformat()}"
    if answer.new:
        return "ok", ""
    if answer.newest and answer.built and answer.built - answer.newest > timedelta(days=days):
        return "stale", (
            f"says that it was made on {answer.built.isoformat()}, but lists what was there on "
            f"{answer.newest.isoformat()}"
        )
    if past.last_new and past.last_new.date() < today - limit:
        return "stale", f"has brought nothing new since {past.last_new.date().isoformat()}"
    return "quiet", ""


def of_error(error: SourceError) -> str:
    """Return the state of a source that raised ``error``."""
    match error:
        case ComeBackLater():
            return "budget"
        case Blocked():
            return "blocked"
        case Changed():
            return "changed"
    return "failing"


def rhythm(days: Sequence[date], declared: int) -> int:
    """Return within how many days something new is to be expected.

    From ``days`` of publication (each once, in order) where they are enough, else as ``declared``:
    nine of ten gaps between two days are no longer.
    """
    if len(days) < _ENOUGH_DAYS:
        return declared
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    return max(1, ceil(quantiles(gaps, n=10, method="inclusive")[-1]))


def filled(documents: Sequence[Document]) -> float | None:
    """Return the mean share of the main fields that ``documents`` have; None without documents."""
    if not documents:
        return None
    return sum(
        sum(map(bool, (d.abstract, d.published, d.url, d.authors, d.venue))) / 5 for d in documents
    ) / len(documents)
