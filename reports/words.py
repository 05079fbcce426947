"""How the digest words numbers, dates, countries and kinds."""

import calendar
from collections.abc import Iterable
from datetime import date

import pycountry

from core.document import Kind

# The scale of the US Intelligence Community Directive 203 (2015), Analytic Standards, D.6.e.(2)(a):
# (below this probability, in these words).
SCALE = (
    (0.05, "almost no chance"),
    (0.20, "very unlikely"),
    (0.45, "unlikely"),
    (0.55, "roughly even chance"),
    (0.80, "likely"),
    (0.95, "very likely"),
)
CERTAIN = "almost certain"

KINDS = {
    Kind.PUBLICATION: "Article",
    Kind.PREPRINT: "Preprint",
    Kind.PROCEEDINGS: "Conference paper",
    Kind.PROJECT: "Project grant",
    Kind.REPORT: "Report",
    Kind.NEWS: "News",
    Kind.CALL_FOR_PAPERS: "Call",
}
OUTCOMES = {
    "failing": "not reached",
    "blocked": "does not let us in",
    "changed": "page has changed",
    "budget": "goes on next time",
    "stale": "silent for long",
    "ok": "reached",
    "quiet": "nothing new",
}
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def chance(probability: float) -> str:
    """Return ``probability`` (0 to 1) in words, by ``SCALE``."""
    return next((words for below, words in SCALE if probability < below), CERTAIN)


def number(count: int, noun: str) -> str:
    """Return such as 'one report' or '1,204 reports'; small numbers are spelled out."""
    said = _SMALL[count] if count < len(_SMALL) else f"{count:,}"
    return f"{said} {noun}" if count == 1 else f"{said} {noun}s"


def listing(parts: Iterable[str], word: str = "and") -> str:
    """Return such as 'a, b and c'."""
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last


def sentence(text: str) -> str:
    """Return ``text`` with a capital first letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def day(when: date | None, precision: str = "day") -> str:
    """Return a date as precise as it is known: '9 November 2026', 'November 2026' or '2026'."""
    if when is None:
        return "undated"
    if precision == "year":
        return str(when.year)
    month = f"{calendar.month_name[when.month]} {when.year}"
    return month if precision == "month" else f"{when.day} {month}"


def days(first: date, last: date) -> str:
    """Return such as '9–15 November 2026' or '30 November – 6 December 2026'."""
    if first.year != last.year:
        return f"{day(first)} – {day(last)}"
    if first.month != last.month:
        return f"{first.day} {calendar.month_name[first.month]} – {day(last)}"
    return f"{first.day}–{day(last)}"


def latest(when: date, precision: str) -> date:
    """Return the last day that a date of this precision can mean."""
    if precision == "year":
        return when.replace(month=12, day=31)
    if precision == "month":
        return when.replace(day=calendar.monthrange(when.year, when.month)[1])
    return when


def country(code: str) -> str:
    """Return the English name of an ISO 3166-1 alpha-2 code (or EU); an unknown one as it is."""
    if code == "EU":
        return "European Union"
    found = pycountry.countries.get(alpha_2=code)
    if found is None:
        return code
    # 'Iran, Islamic Republic of' is how ISO sorts it, not how it reads.
    head, _, rest = found.name.partition(", ")
    return getattr(found, "common_name", None) or f"{rest} {head}".strip()
