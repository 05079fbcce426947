"""Dates as pages print them: 14 novembre 2026, 13.11.2026, 2026년 11월 13일, November 13, 2026.

ISO 8601 is for ``parse_date``. Dates that begin with the year read alike everywhere. The rest is
dateparser's (1.5.0, BSD-3; 200 languages, 0.7 ms a date), told to take nothing that lacks month or
year and nothing relative to today, for it guesses gladly. Babel's ``parse_date`` knows the same
words, but reads numbers only.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from core.document import Precision
from core.text import plain
from scanners.parse import parse_date, plausible

if TYPE_CHECKING:
    from dateparser.date import DateDataParser

_YEAR_FIRST = re.compile(
    r"(?<!\d)((?:19|20)\d{2})(?:\s?[-./年년]\s?(\d{1,2})\s?[-./月월]\s?|(\d{2}))(\d{1,2})(?!\d)"
)
# Where a date may stand among other words.
_SPAN = re.compile(
    r"(?<!\d)\d{1,2}\D{1,25}(?:19|20)\d{2}(?!\d)"  # 13. November 2026
    r"|(?<!\d)\d{1,2}([./-])\s?\d{1,2}\1\s?(?:19|20)?\d{2}(?!\d)"  # 13/11/2026
    r"|[^\W\d_]{3,12}\.?\s\d{1,2}(?:st|nd|rd|th)?,?\s(?:19|20)\d{2}(?!\d)"  # November 13, 2026
)
_ORDINAL = re.compile(r"(?<=\d)\s+(?=(?:er|st|nd|rd|th)\b)")  # 1<sup>er</sup> octobre
_LENGTH = 1000  # characters that are looked at
_WHOLE_LENGTH = 60  # characters; a longer text is not a date alone
_Found = tuple[date, Precision]


def read_date(
    text: str, *, language: str | None = None, country: str | None = None, form: str = ""
) -> _Found | None:
    """Return the date in ``text`` and how precise it is; None if there is none to be believed.

    Args:
        text: as printed; without ``form`` other words may stand around the date.
        language: that it is written in (ISO 639-1); None: English.
        country: where (ISO 3166-1 alpha-2): in the US the month comes before the day.
        form: as for ``strptime``, month and weekday in ``language``; the whole text must fit.
    """
    text = _ORDINAL.sub("", plain(text[:_LENGTH]))
    if not text:
        return None
    if form:
        return _formatted(text, form, language or "en")
    return parse_date(text) or _year_first(text) or _in_words(text, language or "en", country)


def read_link_date(link: str, pattern: re.Pattern[str] | None) -> _Found | None:
    """Return the date that the groups of ``pattern`` find in ``link``, year first; else None."""
    match = pattern.search(link) if pattern else None
    return read_date("-".join(filter(None, match.groups())).replace("/", "-")) if match else None


def _formatted(text: str, form: str, language: str) -> _Found | None:
    try:
        found = datetime.strptime(text, form).date()
    except ValueError:  # or its words are not English
        data = _parser(language, "DMY", "custom-formats").get_date_data(text, [form])
        if not data.date_obj:
            return None
        found = data.date_obj.date()
    if not plausible(found.year):
        return None
    parts: tuple[tuple[str, Precision], ...] = ((r"%-?[dj]", "day"), (r"%-?[mbB]", "month"))
    return found, next((precision for part, precision in parts if re.search(part, form)), "year")


def _year_first(text: str) -> _Found | None:
    match = _YEAR_FIRST.search(text)
    if not match:
        return None
    year, month, day = match[1], match[2] or match[3], match[4]
    return parse_date(f"{year}-{month:0>2}-{day:0>2}")


def _in_words(text: str, language: str, country: str | None) -> _Found | None:
    parser = _parser(language, "MDY" if country == "US" else "DMY", "absolute-time")
    for candidate in _candidates(text):
        data = parser.get_date_data(candidate)
        if data.date_obj and plausible(data.date_obj.year):
            return data.date_obj.date(), "month" if data.period == "month" else "day"
    return None


def _candidates(text: str) -> Iterator[str]:
    if len(text) <= _WHOLE_LENGTH and re.search(r"\d", text):
        yield text
    for match in _SPAN.finditer(text):
        yield match[0]


@lru_cache(maxsize=64)
def _parser(language: str, order: str, kind: str) -> "DateDataParser":
    from dateparser.data.languages_info import language_order
    from dateparser.date import DateDataParser  # 80 ms that a search does not need

    language = {"no": "nb"}.get(language, language)
    return DateDataParser(
        languages=[language if language in language_order else "en"],
        try_previous_locales=False,
        settings={
            "DATE_ORDER": order,
            "PARSERS": [kind],
            "PREFER_DAY_OF_MONTH": "first",
            "REQUIRE_PARTS": ["month", "year"],
        },
    )
