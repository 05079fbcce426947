"""Stale is not quiet: the state of a source from what it answers and used to answer."""

from datetime import date, datetime, timedelta

import pytest

from core.document import Document, Kind
from core.sources import Source
from flows.health import Answer, filled, judge, of_error, rhythm
from scanners import Blocked, Changed, ComeBackLater, SourceError
from store.runs import Past

TODAY = date(2026, 11, 15)
NOTHING = Past(items=(), filled=(), days=(), last_new=None)
WEEKLY = Source(id="a", kind="rss", name="A", url="https://example.org/feed", rhythm_days=7)
DAILY = WEEKLY.model_copy(update={"rhythm_days": 1})


def answer(**fields: object) -> Answer:
    given = {"items": 20, "new": 0, "bytes": 9000, "filled": 0.8, "newest": TODAY, "built": None}
    return Answer(**{**given, **fields})  # type: ignore[arg-type]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("source", "given", "past", "state"),
    [
        pytest.param(WEEKLY, answer(new=3), NOTHING, "ok", id="something new"),
        pytest.param(WEEKLY, answer(), NOTHING, "quiet", id="nothing new"),
        pytest.param(WEEKLY, answer(newest=ago(20)), NOTHING, "quiet", id="within three rhythms"),
        pytest.param(WEEKLY, answer(newest=ago(22)), NOTHING, "stale", id="beyond three rhythms"),
        pytest.param(
            WEEKLY, answer(new=8, newest=ago(120)), NOTHING, "stale", id="first seen, long dead"
        ),
        pytest.param(
            WEEKLY, answer(items=0, bytes=0, newest=None, filled=None),
            Past(items=(20,), filled=(), days=(ago(3),), last_new=None), "quiet", id="304",
        ),
        pytest.param(
            WEEKLY, answer(items=0, newest=None, filled=None),
            Past(items=(20, 22), filled=(), days=(ago(3),), last_new=None), "changed", id="empty",
        ),
        pytest.param(
            WEEKLY, answer(filled=0.3),
            Past(items=(20,), filled=(0.8, 0.8), days=(), last_new=None), "changed",
            id="far fewer fields",
        ),
        pytest.param(
            DAILY, answer(newest=ago(2), built=TODAY), NOTHING, "stale",
            id="yesterday's batch, made today",
        ),
        pytest.param(
            DAILY, answer(newest=None),
            Past(items=(), filled=(), days=(), last_new=datetime(2026, 11, 1)), "stale",
            id="undated, nothing new for long",
        ),
    ],
)  # fmt: skip
def test_states(source: Source, given: Answer, past: Past, state: str) -> None:
    said, message = judge(source, given, past, TODAY)
    assert said == state
    assert bool(message) == (state not in ("ok", "quiet"))


def test_a_weekend_is_no_silence() -> None:
    """A daily feed that rests on Saturdays and Sundays is quiet on Monday, not stale."""
    workdays = [d for d in (ago(n) for n in range(60, 2, -1)) if d.weekday() < 5]
    past = Past(items=(20,), filled=(), days=tuple(workdays), last_new=None)
    newest = workdays[-1]
    assert judge(DAILY, answer(newest=newest, built=TODAY), past, TODAY)[0] == "quiet"
    assert rhythm(workdays, 1) == 3


def test_rhythm_is_declared_until_history_tells() -> None:
    assert rhythm([ago(3), ago(2)], 30) == 30
    assert rhythm([ago(n) for n in range(140, 0, -14)], 30) == 14


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (SourceError, "failing"),
        (Blocked, "blocked"),
        (Changed, "changed"),
        (ComeBackLater, "budget"),
    ],
)
def test_errors(error: type[SourceError], state: str) -> None:
    assert of_error(error("why", url="https://example.org")) == state


def test_filled() -> None:
    bare = Document(kind=Kind.NEWS, title="T", source="a", native_id="1")
    full = Document(
        kind=Kind.NEWS, title="T", source="a", native_id="2", abstract="A", published=TODAY,
        url="https://example.org", authors=("A",), venue="V",
    )  # fmt: skip
    assert filled([bare, full]) == 0.5
    assert filled([]) is None
