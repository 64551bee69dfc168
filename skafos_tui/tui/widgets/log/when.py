"""Times of log lines: as they are shown, and as people type them to go there."""

from __future__ import annotations

import functools
import re
import time
from datetime import datetime, timedelta
from enum import Enum

from skafos_tui.store.logs.format import NANOSECONDS

_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d+)?))?")
_SPAN = re.compile(r"(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s)?")
DAY = timedelta(days=1)


class Times(Enum):
    """What stands before each line."""

    CLOCK = "clock"
    SINCE_START = "since start"
    OFF = "off"


@functools.lru_cache(maxsize=4096)
def clock(seconds: int) -> str:
    """Unix seconds in this machine's time zone: `09:00:05`."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def shown_time(times: Times, time_ns: int, started_ns: int) -> str:
    """The time of a line in eight cells, or nothing; since the start to the second, with the sign where it's before."""
    if times is Times.OFF:
        return ""
    if time_ns == 0:
        return " " * 8
    if times is Times.CLOCK:
        return clock(time_ns // NANOSECONDS)
    seconds = (time_ns - started_ns) // NANOSECONDS
    hours, rest = divmod(abs(seconds), 3600)
    text = f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
    return ("-" + text if seconds < 0 else text).rjust(8)


def parse_time(text: str, *, first_ns: int, last_ns: int, started_ns: int) -> int:
    """The instant, in Unix nanoseconds, that a person means within a log from `first_ns` to `last_ns`.

    `03:17`, `03:17:39`: that time of day, within the log where possible; `+90s`, `+1:30` (m:s), `+1h5m`: since the
    start; `-5m`: before the end; `2026-11-23 03:17`: as it stands, in this machine's zone unless it names one. Raises
    ValueError.
    """
    text = text.strip()
    if text[:1] in ("+", "-") and (span := _span(text[1:].strip())) is not None:
        return started_ns + span if text[0] == "+" else last_ns - span
    if match := _CLOCK.fullmatch(text):
        return _time_of_day(int(match[1]), int(match[2]), float(match[3] or 0), first_ns, last_ns)
    try:
        return round(datetime.fromisoformat(text).timestamp() * NANOSECONDS)
    except ValueError:
        raise ValueError(f"not a time: {text!r}; as 03:17, 03:17:39, +1m30s, -5m, 2026-11-23 03:17") from None


def _span(text: str) -> int | None:
    if match := _CLOCK.fullmatch(text):
        first, second, third = int(match[1]), int(match[2]), match[3]
        seconds = first * 60 + second if third is None else first * 3600 + second * 60 + float(third)
        return round(seconds * NANOSECONDS)
    match = _SPAN.fullmatch(text)
    if match is None or not text:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return (hours * 3600 + minutes * 60 + seconds) * NANOSECONDS


def _time_of_day(hour: int, minute: int, second: float, first_ns: int, last_ns: int) -> int:
    """On the first day on which it is not before the log's start, or the day before if that is after its end."""
    first = datetime.fromtimestamp(first_ns / NANOSECONDS).astimezone()
    wanted = first.replace(hour=hour, minute=minute, second=int(second), microsecond=int(second % 1 * 1e6))
    # To the second, so that the first line's own time as it is shown is found.
    if wanted < first.replace(microsecond=0):
        later = wanted + DAY
        if later.timestamp() * NANOSECONDS <= last_ns:
            wanted = later
    return round(wanted.timestamp() * NANOSECONDS)
