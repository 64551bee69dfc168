"""Crontab schedules: five fields read strictly, and when they fire in a time zone (SPEC 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from skafos_tui.config.cron_fields import CronError, field_values, placed_error, words_of
from skafos_tui.config.zones import (
    Jump,
    jump_between,
    jumps,
    nearest_timezone,
    offset_at,
    touched_hours,
    valid_timezone,
    zone_named,
)

__all__ = ["Cron", "CronError", "nearest_timezone", "parse_cron", "valid_timezone"]

LAST_YEAR = 9998
"""Fire times end here: a zone's arithmetic needs a day of room below `datetime.max`."""
REMARK_DAYS = 3660
"""How far ahead a clock change can hit a schedule to be worth a remark."""

_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Cron(NamedTuple):
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
        if touched_hours(zone, start, REMARK_DAYS).isdisjoint(self.hours):
            return None
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
        """The first matching wall time among those a change of the clocks skips or repeats."""
        first = _minute_up(jump.first)
        day = first.replace(hour=0, minute=0)
        while day < jump.end:
            if self._matches_day(day):
                for hour in self.hours:
                    for minute in self.minutes:
                        if first <= (wall := day.replace(hour=hour, minute=minute)) < jump.end:
                            return wall
            day += timedelta(days=1)
        return None

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
    words = words_of(text)
    try:
        minutes, hours, days, months, weekdays = map(field_values, range(5), words)
    except CronError:
        raise placed_error(text) from None
    _, hour, day, _, weekday = words
    return Cron(
        text=" ".join(words),
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=weekdays,
        either_day=day[0] != "*" and weekday[0] != "*",
        every_hour="*" in hour or "/" in hour,
    )
