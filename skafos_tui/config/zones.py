"""Time zones as the schedules need them: which names exist, and where a zone's clocks jump."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])\s*([0-9]{1,2})(?::?00)?", re.IGNORECASE | re.ASCII)
_NOT_ZONES = ("posix/", "right/", "localtime", "posixrules")
"""What the system keeps beside the zones: `right/` counts leap seconds, the others vary by machine."""

_ABBREVIATIONS = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MDT": "America/Denver",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "EDT": "America/New_York",
    "BST": "Europe/London",
    "CEST": "Europe/Paris",
    "EEST": "Europe/Athens",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "Z": "UTC",
}


class Jump(NamedTuple):
    """The clocks of a zone change at `instant` (UTC) from the UTC offset `before` to `after`."""

    instant: datetime
    before: timedelta
    after: timedelta

    @property
    def skips(self) -> bool:
        """Whether wall time is skipped; else it is repeated."""
        return self.after > self.before

    @property
    def first(self) -> datetime:
        """The first wall time that is skipped or repeated, naive."""
        return (self.instant + min(self.before, self.after)).replace(tzinfo=None)

    @property
    def end(self) -> datetime:
        """The first wall time after those that are skipped or repeated, naive."""
        return (self.instant + max(self.before, self.after)).replace(tzinfo=None)


def offset_at(instant: datetime, zone: tzinfo) -> timedelta:
    """The UTC offset of `zone` at an aware instant."""
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


@lru_cache(maxsize=4096)
def steady_offset(day: date, zone: tzinfo) -> timedelta | None:
    """The UTC offset of a zone around a day; None where its clocks change within a day and a half of it, or may.

    Looked at once a day: no zone of the database ever changed its clocks twice within a day.
    """
    if zone is UTC:
        return timedelta(0)
    if day.year == 1:
        return None  # no room for the days before
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    offset = offset_at(noon, zone)
    around = (offset_at(noon + timedelta(days=days), zone) for days in (-2, -1, 1, 2))
    return offset if all(other == offset for other in around) else None


def jump_between(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The UTC instant at which the offset stops being what it is at `low`; at `high` it is another one.

    Exact to the second, as the zone files are.
    """
    before = offset_at(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if offset_at(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


@cache
def zone_named(name: str) -> tzinfo:
    """The time zone with this name; ValueError where there is none."""
    if name == "UTC":
        return UTC
    if _NAME.fullmatch(name) and not name.startswith(_NOT_ZONES):
        # Imported here: a config without zones, the usual one, is validated without it.
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            # A directory (`Europe`) or a file beside the zones (`leapseconds`) is no zone either.
            pass
    raise ValueError(f"{name!r} is no time zone")


def valid_timezone(name: str) -> bool:
    """Whether `name` is a time zone of the IANA database, as it is spelt there."""
    try:
        zone_named(name)
    except ValueError:
        return False
    return True


def nearest_timezone(name: str) -> str | None:
    """The zone a person may have meant: by city, by abbreviation, or by its spelling."""
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    offset = _OFFSET.fullmatch(name.strip())
    if offset is not None:
        # The database counts the other way round: Etc/GMT-2 is two hours ahead of UTC.
        zone = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}"
        return zone if valid_timezone(zone) else None
    if name.strip().upper() in _ABBREVIATIONS:
        return _ABBREVIATIONS[name.strip().upper()]
    zones = sorted(zone for zone in available_timezones() if valid_timezone(zone))
    wanted = re.sub(r"[\s-]+", "_", name.strip()).lower()
    by_name = {zone.lower(): zone for zone in zones}
    by_city: dict[str, str] = {}
    for zone in zones:
        if not zone.startswith("Etc/"):
            by_city.setdefault(zone.rpartition("/")[2].lower(), zone)
    for spelt in (wanted, wanted.rpartition("/")[2]):
        if found := by_name.get(spelt) or by_city.get(spelt):
            return found
    for known in (by_name, by_city):
        if close := get_close_matches(wanted, known, n=1, cutoff=0.75):
            return known[close[0]]
    return None


@lru_cache(maxsize=64)
def jumps(name: str, first_day: datetime, days: int) -> tuple[Jump, ...]:
    """The clock changes of a zone within `days` days after an aware UTC `first_day`, in order."""
    return tuple(_jumps(zone_named(name), first_day, days))


@lru_cache(maxsize=64)
def touched_hours(name: str, first_day: datetime, days: int) -> frozenset[int]:
    """The hours of the day that any of these clock changes skips or repeats, wholly or in part."""
    found: set[int] = set()
    for jump in jumps(name, first_day, days):
        hour = jump.first.replace(minute=0, second=0, microsecond=0)
        while hour < jump.end:
            found.add(hour.hour)
            hour += timedelta(hours=1)
    return frozenset(found)


def _jumps(zone: tzinfo, first_day: datetime, days: int) -> Iterator[Jump]:
    earlier, before = first_day, offset_at(first_day, zone)
    for day in range(1, days + 1):
        later = first_day + timedelta(days=day)
        after = offset_at(later, zone)
        if after != before:
            yield Jump(jump_between(earlier, later, zone), before, after)
        earlier, before = later, after
