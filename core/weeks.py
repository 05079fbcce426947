"""ISO weeks, the beat of the house."""

from datetime import date, timedelta


def week_of(day: date) -> str:
    """Return the ISO week of ``day``, such as ``2026-W46``."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def last_complete_week(today: date) -> str:
    """Return the last ISO week that is over on ``today``."""
    return week_of(today - timedelta(days=7))


def days_of(week: str) -> tuple[date, date]:
    """Return the Monday and the Sunday of an ISO week.

    Raises:
        ValueError: ``week`` is not of the form 2026-W46, or the year has no such week.
    """
    try:
        year, number = week.split("-W")
        monday = date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise ValueError(f"{week!r} is no ISO week; write it like 2026-W46") from error
    return monday, monday + timedelta(days=6)
