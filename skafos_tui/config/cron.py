"""Crontab schedules: five fields read strictly, and when they fire in a time zone (SPEC 2 and 3)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
    steady_offset,
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
        offset = steady_offset(instant.date(), places)
        last = instant
        second_passes: list[datetime] = []
        for wall in self._walls(_first_wall(instant, places) if offset is None else instant + offset):
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

    def fires_between(self, after: datetime, until: datetime, zone: str) -> Iterator[datetime]:
        """The fire times later than `after` and not later than `until`, in order; see `fires_after`."""
        for fire in self.fires_after(after, zone):
            if fire > until:
                return
            yield fire

    def count_between(self, after: datetime, until: datetime, zone: str) -> int:
        """How many fire times are later than `after` and not later than `until`, both aware.

        Exact, and quick over years: whole days are counted by the calendar; only where clocks change are the
        fire times made one by one. ValueError where `zone` is no zone.
        """
        places = zone_named(zone)
        after, until = after.astimezone(UTC), until.astimezone(UTC)
        if until <= after or self.never_fires():
            return 0
        count = 0
        day = after.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
        for jump in jumps(zone, day, (until - day).days + 3):
            # Skipped times fire just after the change; repeated ones reach as far to both sides as clocks went back.
            reach = abs(jump.after - jump.before) + timedelta(minutes=1)
            calm_until = min(max(jump.instant - reach, after), until)
            changed_until = min(max(jump.instant + reach, after), until)
            count += self._count_walls(after + jump.before, calm_until + jump.before)
            count += sum(1 for _ in self.fires_between(calm_until, changed_until, zone))
            after = changed_until
        offset = offset_at(until, places)
        return count + self._count_walls(after + offset, until + offset)

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

    def _month_days(self, year: int, month: int) -> tuple[int, ...]:
        """The matching days of a month."""
        if month not in self.months:
            return ()
        return _days_of(self, date(year, month, 1).isoweekday() % 7, _length(year, month))

    def _walls(self, first: datetime) -> Iterator[datetime]:
        """The matching wall times from the minute of `first` on, as if they were UTC; clock changes left aside."""
        yield from self._walls_of_day(first)
        for year in range(first.year, LAST_YEAR + 1):
            months = self.months
            if year == first.year:
                months = months[bisect_left(months, first.month) :]
            for month in months:
                days = self._month_days(year, month)
                if month == first.month and year == first.year:
                    days = days[bisect_right(days, first.day) :]
                for day in days:
                    for hour in self.hours:
                        for minute in self.minutes:
                            yield datetime(year, month, day, hour, minute, tzinfo=UTC)

    def _walls_of_day(self, first: datetime) -> Iterator[datetime]:
        """The matching wall times from the minute of `first` to the end of its day."""
        if not self._matches_day(first):
            return
        for hour in self.hours[bisect_left(self.hours, first.hour) :]:
            start = bisect_left(self.minutes, first.minute) if hour == first.hour else 0
            for minute in self.minutes[start:]:
                yield datetime(first.year, first.month, first.day, hour, minute, tzinfo=UTC)

    def _count_walls(self, after: datetime, until: datetime) -> int:
        """How many matching wall times are in (after, until], clock changes left aside."""
        days = 0
        for year in range(after.year, until.year + 1):
            for month in self.months:
                if (after.year, after.month) <= (year, month) <= (until.year, until.month):
                    found = self._month_days(year, month)
                    start = bisect_left(found, after.day) if (year, month) == (after.year, after.month) else 0
                    end = bisect_left(found, until.day) if (year, month) == (until.year, until.month) else len(found)
                    days += end - start
        return days * len(self.hours) * len(self.minutes) - self._count_of_day(after) + self._count_of_day(until)

    def _count_of_day(self, until: datetime) -> int:
        """How many matching wall times its day has up to and with `until`."""
        if not self._matches_day(until):
            return 0
        earlier = bisect_left(self.hours, until.hour) * len(self.minutes)
        return earlier + (bisect_right(self.minutes, until.minute) if until.hour in self.hours else 0)


@lru_cache(maxsize=4096)
def _days_of(cron: Cron, first_weekday: int, length: int) -> tuple[int, ...]:
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
    """The wall time, as if it were UTC, whose minute is the earliest that can still fire after `instant`.

    Before its own wall time only where clocks are about to go back (the second pass of times already past
    once is still to come) or went forward within this minute (the skipped times fire at the next whole one).
    """
    now, earlier = offset_at(instant, zone), offset_at(instant - timedelta(minutes=1), zone)
    back = max(now - earlier, timedelta(0))
    if (repeated := now - offset_at(instant + timedelta(hours=25), zone)) > timedelta(0) and (
        offset_at(instant + repeated, zone) != now
    ):
        back = max(back, repeated)
    return instant + now - back


def _instants(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime | None]:
    """When a wall time, given as if it were UTC, fires in UTC: once, or at its first and its second pass."""
    offset = steady_offset(wall.date(), zone)
    if offset is not None:
        return wall - offset, None
    local = wall.replace(tzinfo=zone)
    before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
    assert before is not None and after is not None
    if before == after:
        return wall - before, None
    if before > after:
        return wall - before, wall - after
    jump = jump_between(wall - after, wall - before, zone)
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
