"""Crontab schedules: five fields read strictly, and when they fire in a time zone (SPEC 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from skafos_tui.config.zones import (
    Jump,
    jump_between,
    jumps,
    nearest_timezone,
    offset_at,
    valid_timezone,
    zone_named,
)

__all__ = ["Cron", "CronError", "nearest_timezone", "parse_cron", "valid_timezone"]

LAST_YEAR = 9998
"""Fire times end here: a zone's arithmetic needs a day of room below `datetime.max`."""
REMARK_DAYS = 3660
"""How far ahead a clock change can hit a schedule to be worth a remark."""

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_WORD = re.compile(r"[^ \t\r\n]+")
_PART = re.compile(r"(\*|[0-9]{1,4}|[A-Za-z]+)(?:-([0-9]{1,4}|[A-Za-z]+))?(?:/([0-9]{1,4}))?")


class CronError(ValueError):
    """A text that is no schedule; `start` and `end` are the offsets of what is wrong in it."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five places: its name, its range and the words that stand for numbers in it."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule: the minutes, hours, days, months (from 1) and weekdays (0 is Sunday) it fires at, sorted.

    `either_day`: day of month and day of week are both set, so that either may match (cron's old rule: a
    field that starts with `*` is not set). `every_hour`: the hour field is `*` or a step, so that in a
    repeated hour both passes fire.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either_day: bool
    every_hour: bool

    def never_fires(self) -> bool:
        """Whether no day of any year matches, as with `0 0 30 2 *`.

        Every existing month and day falls on every weekday in some year, so weekdays exclude nothing.
        """
        return not self.either_day and all(self.days[0] > _MONTH_DAYS[month - 1] for month in self.months)

    def every_minute_slip(self) -> str | None:
        """What was probably meant where a schedule of certain hours fires in every minute of them.

        `* */1 * * *` fires 60 times an hour; `0 */1 * * *` was meant. `* * * * *` says what it does.
        """
        fields = self.text.split()
        if len(self.minutes) < 60 or not fields[0].startswith("*") or fields[1] == "*":
            return None
        return " ".join(["0", *fields[1:]])

    def matches(self, wall: datetime) -> bool:
        """Whether a wall time is in the schedule, clock changes left aside."""
        return wall.minute in self.minutes and wall.hour in self.hours and self._matches_day(wall)

    def fires_after(self, instant: datetime, zone: str) -> Iterator[datetime]:
        """The fire times strictly after an aware instant, in order, as aware UTC datetimes.

        A time inside a skipped hour fires at the first minute after it, whatever the hour field. In a
        repeated hour only the first pass fires, unless the hour field is `*` or a step: then every real minute
        that matches does (SPEC 3). Ends only where the schedule never fires or the calendar does. ValueError
        where `zone` is no zone.
        """
        places = zone_named(zone)
        instant = instant.astimezone(UTC)
        if instant.year > LAST_YEAR or self.never_fires():
            return
        last = instant
        second_passes: list[datetime] = []
        for wall in self._walls(_first_wall(instant, places)):
            first, second = _instants(wall, places)
            while second_passes and second_passes[0] <= first:
                if (due := second_passes.pop(0)) > last:
                    yield (last := due)
            if second is not None and self.every_hour:
                second_passes.append(second)
            if first > last:
                yield (last := first)

    def next_fire(self, after: datetime, zone: str) -> datetime | None:
        """The first fire time strictly after an aware instant, in UTC; None if there is none."""
        return next(self.fires_after(after, zone), None)

    def dst_remark(self, zone: str, after: datetime | None = None) -> str | None:
        """What a change of the clocks of `zone` does to this schedule next; None if nothing in ten years."""
        if zone == "UTC":
            return None
        start = (after or datetime.now(UTC)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        ahead = jumps(zone, start, REMARK_DAYS)
        skipped = next((hit for jump in ahead if jump.skips and (hit := self._skipped_by(jump))), None)
        repeated = next((hit for jump in ahead if not jump.skips and (hit := self._repeated_by(jump))), None)
        if skipped is None and repeated is None:
            return None
        return f"in {zone} " + ", and ".join(hit for hit in (skipped, repeated) if hit)

    def _skipped_by(self, jump: Jump) -> str | None:
        wall = self._first_wall_within(jump)
        end = _minute_up(jump.end)
        if wall is None or (self.every_hour and self.matches(end)):
            return None
        return f"{wall:%H:%M} is skipped on {wall:%Y-%m-%d}: it fires at {_clock(end, wall)} instead"

    def _repeated_by(self, jump: Jump) -> str | None:
        wall = self._first_wall_within(jump)
        if wall is None or self.every_hour:
            return None
        return f"{wall:%H:%M} comes twice on {wall:%Y-%m-%d}: only the first of the two fires"

    def _first_wall_within(self, jump: Jump) -> datetime | None:
        wall = None if self.never_fires() else next(self._walls(_minute_up(jump.first)), None)
        return wall if wall is not None and wall < jump.end else None

    def _matches_day(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return (by_day or by_weekday) if self.either_day else (by_day and by_weekday)

    def _days(self, first: date) -> Iterator[date]:
        """The matching days from `first` on."""
        for year in range(first.year, LAST_YEAR + 1):
            for month in self.months:
                if (year, month) < (first.year, first.month):
                    continue
                start = date(year, month, 1)
                for day in _days_of(self, start.isoweekday() % 7, _length(year, month), month):
                    if (found := start.replace(day=day)) >= first:
                        yield found

    def _walls(self, first: datetime) -> Iterator[datetime]:
        """The matching wall times from `first` on, naive; clock changes left aside."""
        today = first.date()
        for day in self._days(today):
            for hour in self.hours:
                if day == today and hour < first.hour:
                    continue
                for minute in self.minutes:
                    if day == today and hour == first.hour and minute < first.minute:
                        continue
                    yield datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 (wall time)


@lru_cache(maxsize=4096)
def _days_of(cron: Cron, first_weekday: int, length: int, month: int) -> tuple[int, ...]:
    """The matching days of a month of `length` days whose first is `first_weekday`."""
    days, weekdays = set(cron.days), set(cron.weekdays)
    found = []
    for day in range(1, length + 1):
        by_day, by_weekday = day in days, (first_weekday + day - 1) % 7 in weekdays
        if (by_day or by_weekday) if cron.either_day else (by_day and by_weekday):
            found.append(day)
    return tuple(found)


def _length(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 if month == 2 and not leap else _MONTH_DAYS[month - 1]


def _minute_up(moment: datetime) -> datetime:
    """The first whole minute at or after `moment`."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + timedelta(minutes=1)


def _clock(moment: datetime, other: datetime) -> str:
    """A wall time, with its date where that is not the other's."""
    return f"{moment:%H:%M}" if moment.date() == other.date() else f"{moment:%Y-%m-%d %H:%M}"


def _first_wall(instant: datetime, zone: tzinfo) -> datetime:
    """The earliest wall minute that can still fire after `instant`.

    Before its own wall time only where clocks are about to go back (the second pass of times already past
    once is still to come) or went forward within this minute (the skipped times fire at the next whole one).
    """
    now, earlier = offset_at(instant, zone), offset_at(instant - timedelta(minutes=1), zone)
    back = max(now - earlier, timedelta(0))
    if (repeated := now - offset_at(instant + timedelta(hours=25), zone)) > timedelta(0) and (
        offset_at(instant + repeated, zone) != now
    ):
        back = max(back, repeated)
    return (instant + now - back).replace(tzinfo=None, second=0, microsecond=0)


def _instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """When a wall time fires in UTC: once, or at its first and its second pass."""
    before, after = wall.replace(tzinfo=zone).utcoffset(), wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None and after is not None
    utc = wall.replace(tzinfo=UTC)
    if before == after:
        return utc - before, None
    if before > after:
        return utc - before, utc - after
    jump = jump_between(utc - after, utc - before, zone)
    return _minute_up(jump + after) - after, None


@lru_cache(maxsize=4096)
def parse_cron(text: str) -> Cron:
    """Read a five-field crontab expression.

    Numbers, three-letter names, lists in any order, ranges and steps (`*/5`, `8-18/2`); 0 and 7 are Sunday.
    CronError says what is wrong with anything else and what would be right.
    """
    words = list(_WORD.finditer(text))
    _check_count(text, words)
    values = []
    for index, word in enumerate(words):
        values.append(_parse_field(index, word.group(), word.start()))
    minutes, hours, days, months, weekdays = values
    hour, day, weekday = (words[index].group() for index in (1, 2, 4))
    return Cron(
        text=" ".join(word.group() for word in words),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=tuple(sorted({value % 7 for value in weekdays})),
        either_day=not day.startswith("*") and not weekday.startswith("*"),
        every_hour="*" in hour or "/" in hour,
    )


def _check_count(text: str, words: list[re.Match[str]]) -> None:
    if not words:
        raise CronError("the schedule is empty; write 5 fields: minute hour day month weekday", 0, len(text))
    start, end, first = words[0].start(), words[-1].end(), words[0].group()
    if first.startswith("@"):
        known = _MACROS.get(first.lower())
        hint = f"write {known!r}" if known else "write 5 fields: minute hour day month weekday"
        raise CronError(f"{first} is not a crontab field; {hint}", start, end)
    if len(words) != 5 and len(text.split()) == 5:
        raise CronError("a character that looks like a space is none; write plain spaces", start, end)
    if len(words) in (6, 7):
        shorter = " ".join(word.group() for word in words[1:6])
        raise CronError(
            f"{len(words)} fields; a schedule has 5, without seconds or a year: perhaps {shorter!r}",
            start,
            end,
        )
    if len(words) != 5:
        count = "1 field" if len(words) == 1 else f"{len(words)} fields"
        raise CronError(f"{count}; a schedule has 5: minute hour day month weekday", start, end)


@lru_cache(maxsize=1024)
def _values_of(index: int, word: str) -> tuple[int, ...]:
    found: set[int] = set()
    start = 0
    for part in word.split(","):
        found.update(_parse_part(_FIELDS[index], part, start))
        start += len(part) + 1
    return tuple(sorted(found))


def _parse_field(index: int, word: str, offset: int) -> tuple[int, ...]:
    try:
        return _values_of(index, word)
    except CronError as error:
        raise CronError(error.message, offset + error.start, offset + error.end) from None


def _parse_part(field: _Field, part: str, offset: int) -> range:
    """The values of one item of a list; `offset` is its place in the field."""
    end = offset + len(part)
    if not part:
        comma = max(0, offset - 1)
        raise CronError(f"an empty item in the {field.name} field; take one comma away", comma, comma + 1)
    match = _PART.fullmatch(part)
    if match is None:
        raise CronError(_not_understood(field, part), offset, end)
    first, last, step = match.groups()
    if first == "*":
        if last is not None:
            raise CronError(f"{part!r} in the {field.name} field: `*` is already the whole range", offset, end)
        low, high = field.low, field.high - (1 if field.words is _WEEKDAYS else 0)
    else:
        low = _number(field, first, part, offset)
        high = low if last is None else _number(field, last, part, offset)
        low, high = _sunday(field, low, high, last is not None)
    if high < low:
        raise CronError(_backwards(field, part, low, high), offset, end)
    if step is None:
        return range(low, high + 1)
    if first != "*" and last is None:
        raise CronError(
            f"{part!r} in the {field.name} field: a step needs a range; write {low}-{field.high}/{step}",
            offset,
            end,
        )
    size = 7 if field.words is _WEEKDAYS else field.high - field.low + 1
    if not 1 <= int(step) <= size:
        raise CronError(f"{part!r} in the {field.name} field: a step is 1 to {size}", offset, end)
    return range(low, high + 1, int(step))


def _sunday(field: _Field, low: int, high: int, is_range: bool) -> tuple[int, int]:
    """A range of weekdays with Sunday as 7 at its end and 0 at its start: Fri-Sun runs forwards."""
    if field.words is _WEEKDAYS and is_range:
        if high == 0 and low > 0:
            high = 7
        elif low == 7 and high < 7:
            low = 0
    return low, high


def _number(field: _Field, word: str, part: str, offset: int) -> int:
    """The number a word stands for, within the field's range."""
    end = offset + len(part)
    if not word.isdigit():
        if word.lower() not in field.words:
            raise CronError(_not_understood(field, word), offset, end)
        return field.words.index(word.lower()) + (0 if field.words is _WEEKDAYS else 1)
    number = int(word)
    if not field.low <= number <= field.high:
        raise CronError(f"{word} is no {field.name}; it is {field.low} to {field.high}", offset, end)
    return number


def _backwards(field: _Field, part: str, low: int, high: int) -> str:
    """Why a range that runs backwards is wrong, with the list that says it forwards."""
    top = 6 if field.words is _WEEKDAYS else field.high
    pieces = [str(a) if a == b else f"{a}-{b}" for a, b in ((low, top), (field.low, high))]
    return f"{part!r} in the {field.name} field runs backwards; write {','.join(pieces)}"


def _not_understood(field: _Field, part: str) -> str:
    """What is wrong with a part that is no number, name, range or step."""
    allowed = f"{field.low} to {field.high}" + (
        f" or {field.words[0].title()} to {field.words[-1].title()}" if field.words else ""
    )
    where = f"{part!r} in the {field.name} field"
    lower = part.lower()
    if lower == "h" or lower.startswith(("h/", "h(")):
        return f"{where}: a hashed time is not known here; name one, {allowed}"
    if lower == "r" or lower.startswith(("r/", "r(")):
        return f"{where}: a random time is not known here; name one, {allowed}"
    if part == "?":
        return f"{where}: write * instead"
    if "#" in part:
        return f"{where}: the n-th weekday of a month can't be said; name days, {allowed}"
    if re.fullmatch(r"l|l-?\d+|\d+l|lw|[a-z]{3}l", lower):
        return f"{where}: the last day can't be said; name days, {allowed}"
    if re.fullmatch(r"\d+w|w", lower):
        return f"{where}: the nearest weekday can't be said; name days, {allowed}"
    if lower[:3] in field.words and lower.isalpha():
        return f"{where}: write {lower[:3].title()}"
    if part.startswith("-"):
        return f"{where}: it is {allowed}"
    return f"{where} is not understood; it takes {allowed}, lists (1,2), ranges (1-5), steps (*/2)"
