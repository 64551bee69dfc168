"""Times and durations as people read them, and as programs do."""

from __future__ import annotations

from datetime import UTC, datetime

UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def clock(seconds: float | None) -> str:
    """A duration in seconds as `0:41` or `1:02:03`; empty where there is none."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def roughly(seconds: float) -> str:
    """A duration in its largest unit, as `5 h` or `12 s`."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "0 s"


def relative(instant: float, now: float) -> str:
    """An instant seen from `now`, both Unix seconds: `in 5 h`, `3 min ago`, `now`."""
    distance = instant - now
    if abs(distance) < 1:
        return "now"
    return f"in {roughly(distance)}" if distance > 0 else f"{roughly(-distance)} ago"


def local_time(instant: float | None) -> str:
    """Unix seconds as `2026-11-24 09:00:05` in this machine's time zone; empty where there is none."""
    if instant is None:
        return ""
    return datetime.fromtimestamp(instant, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def rfc3339(instant: float | None) -> str | None:
    """Unix seconds as `2026-11-24T09:00:05.120Z`, for programs; None where there is none."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
