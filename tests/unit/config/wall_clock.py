"""When schedules fire by SPEC 3's own sentences: a walk over real minutes that looks at the clock on the wall.

Shares no code with `config/cron.py`, not even the reading of the expression.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE_S = 60
DAY_MINUTES = 24 * 60
EPOCH_DAY = date(1970, 1, 1).toordinal()
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMES = {name: n for n, name in enumerate(WEEKDAYS)} | {name: n for n, name in enumerate(MONTHS, start=1)}


class Expression(NamedTuple):
    """A schedule as sets: minutes of the day, days of the month, months and weekdays (0 is Sunday)."""

    minutes: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    both_passes: bool


class Minute(NamedTuple):
    """One real minute: when it begins (Unix seconds), its minute of the day on the wall, whether seen before."""

    at: int
    of_day: int
    second_pass: bool


class Walk(NamedTuple):
    """The real minutes of some days by the day on the wall, and for each skipped day the minute that came instead."""

    minutes: dict[int, list[Minute]]
    skipped: dict[int, list[Minute]]


def read(text: str) -> Expression:
    """An expression of numbers, names, lists, ranges and steps."""
    fields = text.split()
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    minute, hour, day, month, weekday = (frozenset(_numbers(f, *b)) for f, b in zip(fields, bounds, strict=True))
    return Expression(
        minutes=frozenset(60 * h + m for h in hour for m in minute),
        days=day,
        months=month,
        weekdays=frozenset(n % 7 for n in weekday),
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
        both_passes="*" in fields[1] or "/" in fields[1],
    )


def _numbers(field: str, low: int, high: int) -> Iterator[int]:
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start, end = (low, high) if span == "*" else (_number(first), _number(last or first))
        yield from range(start, end + 1, int(step or 1))


def _number(word: str) -> int:
    return NAMES[word.lower()] if word.isalpha() else int(word)


def walk(zone: str, start: int, end: int) -> Walk:
    """Every real minute of [start, end], Unix seconds; second by second where the wall clock is between minutes."""
    clock = ZoneInfo(zone)
    minutes: dict[int, list[Minute]] = defaultdict(list)
    skipped: dict[int, list[Minute]] = defaultdict(list)
    latest = None
    at, offset = start, _offset(clock, start)
    while at <= end:
        wall, second = divmod(at + offset, MINUTE_S)
        if second == 0:
            minutes[wall // DAY_MINUTES].append(Minute(at, wall % DAY_MINUTES, latest is not None and wall <= latest))
            for gone in range(latest + 1 if latest is not None else wall, wall):
                skipped[gone // DAY_MINUTES].append(Minute(at, gone % DAY_MINUTES, False))
            latest = wall if latest is None else max(latest, wall)
        following = _offset(clock, at + MINUTE_S)
        if second or following % MINUTE_S:
            at += 1
            offset = _offset(clock, at)
        else:
            at += MINUTE_S
            offset = following
    return Walk(minutes, skipped)


def fires(expression: Expression, real: Walk, after: int, until: int) -> list[int]:
    """The slots in (after, until], which the walk covers: Unix seconds, in order."""
    found = set()
    for day, minutes in real.minutes.items():
        if _day_matches(expression, day):
            # In a repeated hour only the first pass fires, unless the hour field is `*` or a step.
            found.update(
                minute.at
                for minute in minutes
                if minute.of_day in expression.minutes and (expression.both_passes or not minute.second_pass)
            )
    for day, minutes in real.skipped.items():
        if _day_matches(expression, day):
            # A time inside a skipped hour fires once, at the first minute after it.
            found.update(minute.at for minute in minutes if minute.of_day in expression.minutes)
    return sorted(at for at in found if after < at <= until)


def change_near(zone: str, moment: datetime) -> int | None:
    """When the clocks of a zone first change within the year after a moment, to the day; Unix seconds."""
    clock = ZoneInfo(zone)
    start = int(moment.timestamp())
    for day in range(0, 366, 6):
        at = start + day * 86400
        if _offset(clock, at) != _offset(clock, at + 6 * 86400):
            days = (at + n * 86400 for n in range(6))
            return next(d for d in days if _offset(clock, d) != _offset(clock, d + 86400))
    return None


def _offset(clock: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, clock).utcoffset()
    assert offset is not None
    return offset.days * 86400 + offset.seconds


def _day_matches(expression: Expression, day: int) -> bool:
    wall = date.fromordinal(EPOCH_DAY + day)
    by_day, by_weekday = wall.day in expression.days, wall.isoweekday() % 7 in expression.weekdays
    matches = by_day or by_weekday if expression.either_day else by_day and by_weekday
    return matches and wall.month in expression.months


def unix(text: str) -> int:
    """The Unix seconds of a UTC time such as `2026-03-29 01:00`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
