"""Which seeds of random scenarios are played, so that one that failed can be played again alone."""

from __future__ import annotations

import os


def chunks(variable: str, count: int, size: int) -> list[range]:
    """The seeds from 0, or those that the environment variable names (`17` or `100-199`), so many at a time."""
    wanted = os.environ.get(variable, f"0-{count - 1}")
    first, _, last = wanted.partition("-")
    begin, end = int(first), int(last or first) + 1
    return [range(at, min(at + size, end)) for at in range(begin, end, size)]
