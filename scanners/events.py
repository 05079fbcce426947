"""What calls for papers and calendars say in the same words: the days of an event, and its place.

dateutil and dateparser read one date, not the two ends of "March 28-31, 2027", and fill in what is
missing from today's date, where we want nothing.
"""

import re
from datetime import date

from core.countries import countries_of
from core.text import plain
from scanners.parse import plausible

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_PART = re.compile(
    rf"\b(?:(?P<year>\d{{4}})|(?P<day>\d\d?)(?:st|nd|rd|th)?|(?P<month>{'|'.join(_MONTHS)})[a-z]*)\b",
    re.IGNORECASE,
)
_TO = re.compile(r"[-\u2013\u2014]|\bto\b", re.IGNORECASE)
_UNKNOWN = {"", "n/a", "tba", "tbd", "to be announced"}


def parse_days(text: str) -> tuple[date, date] | None:
    """Return the first and the last day that ``text`` names in English; None if it names none.

    What one end leaves out is taken from the other: "March 30 - April 2, 2027", "6-8 October 2027",
    "Dec 30 - Jan 2, 2027". One date alone is both; a month without a day is none.
    """
    ends = [_parts(end) for end in _TO.split(text)]
    if len(ends) > 2:
        return None
    last = ends[0] | ends[-1]
    first = last | ends[0]
    if first.keys() != {"year", "month", "day"} or not plausible(last["year"]):
        return None
    if "year" not in ends[0] and first["month"] > last["month"]:
        first["year"] -= 1
    try:
        days = date(**first), date(**last)
    except ValueError:  # such as February 30
        return None
    return days if days[0] <= days[1] else None


def _parts(text: str) -> dict[str, int]:
    """Return the first year, month and day in ``text``, as far as it has them."""
    parts: dict[str, int] = {}
    for match in _PART.finditer(text):
        for name, value in match.groupdict().items():
            if value:
                number = _MONTHS.index(value.lower()) + 1 if name == "month" else int(value)
                parts.setdefault(name, number)
    return parts


def parse_place(text: str) -> tuple[str | None, str | None]:
    """Return the place in ``text`` and the code of its country, each None if it says none."""
    place = plain(text)
    if place.lower() in _UNKNOWN:
        return None, None
    countries = countries_of([place])
    return place, countries[0] if len(countries) == 1 else None
