"""Docker's timestamps, RFC 3339 with up to nine digits of a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")


def parse_time(text: str) -> float | None:
    """Unix seconds; None for Docker's "never", the year 1, and for what is no time."""
    match = _TIME.fullmatch(text)
    if match is None or text.startswith("0001-"):
        return None
    whole, fraction, zone = match.groups()
    moment = datetime.fromisoformat(whole + ("+00:00" if zone == "Z" else zone)).astimezone(UTC)
    return moment.timestamp() + int((fraction or "").ljust(9, "0")) / 1e9
