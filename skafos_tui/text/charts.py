"""Charts of braille dots, filled from below: two values a cell, four levels a row; pure, from numbers to text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

DOTS = 4
"""Levels of a row."""
VALUES = 2
"""Values of a cell."""
BLANK = " "
"""A cell without dots; the braille one would be three bytes, and be copied as what it is not."""
_LEFT, _RIGHT = (0, 0x40, 0x44, 0x46, 0x47), (0, 0x80, 0xA0, 0xB0, 0xB8)
_CELLS = tuple(tuple(chr(0x2800 + left + right) if left or right else BLANK for right in _RIGHT) for left in _LEFT)
"""By the dots that are filled from below, left and right."""
_BY_DOTS = " ..::||##"
ASCII_CELLS = {_CELLS[left][right]: _BY_DOTS[left + right] for left in range(5) for right in range(5)}
"""What stands for a cell where there is no Unicode."""
STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
"""Distances between the marks of an axis, in seconds."""


def draw_chart(values: Sequence[float | None], width: int, height: int, top: float) -> list[str]:
    """`height` rows of `width` cells, the upper one first; `values` stand from the left, two a cell.

    `top` is the value that fills the height; what is above fills it too. A value of 0 still has its lowest dot, a
    value that is missing has none.
    """
    wanted = VALUES * width
    most = DOTS * height
    scale = most / top if top > 0 else 0.0
    levels = [0 if value is None else max(1, min(most, int(value * scale + 0.5))) for value in values[:wanted]]
    levels += [0] * (wanted - len(levels))
    pairs = list(zip(levels[::2], levels[1::2], strict=True))
    return [_row(pairs, DOTS * row) for row in range(height - 1, -1, -1)]


def _row(pairs: Sequence[tuple[int, int]], below: int) -> str:
    """The row that shows the levels above `below`."""
    full = below + DOTS
    return "".join(
        [
            _CELLS[DOTS if left >= full else left - below if left > below else 0][
                DOTS if right >= full else right - below if right > below else 0
            ]
            for left, right in pairs
        ]
    )


def resample(values: Sequence[float | None], count: int, *, peaks: bool = False) -> list[float | None]:
    """A series in `count` equal parts: the mean of the values in each, with `peaks` the highest.

    Of a longer series several values come together, of a shorter one each is repeated; None where all are missing.
    """
    length = len(values)
    if not length or count < 1:
        return [None] * max(0, count)
    found: list[float | None] = []
    for part in range(count):
        first = part * length // count
        last = max(first + 1, (part + 1) * length // count)
        here = [value for value in values[first:last] if value is not None]
        found.append((max(here) if peaks else sum(here) / len(here)) if here else None)
    return found


def merged(values: Sequence[float | None], size: int, *, peaks: bool = False) -> list[float | None]:
    """A series with every `size` neighbours as one value; the last one may be of fewer."""
    return [resample(values[first : first + size], 1, peaks=peaks)[0] for first in range(0, len(values), max(1, size))]


def time_axis(span_s: float, width: int) -> str:
    """Marks from `0:00` on below a chart of `width` cells that shows `span_s` seconds; none comes too close."""
    if width < 5 or span_s <= 0:
        return "0:00"[: max(0, width)]
    # Each mark takes four or five cells, from an hour on seven, and some air.
    least = span_s * (8 if span_s < 3600 else 11) / width
    at = bisect_left(STEPS_S, least)
    step = STEPS_S[at] if at < len(STEPS_S) else STEPS_S[-1] * -(-int(least) // STEPS_S[-1])
    line = ""
    for number in range(int(span_s // step) + 1):
        place, mark = round(number * step / span_s * width), _mark(number * step)
        if place + len(mark) > width:
            break
        line = line.ljust(place) + mark
    return line


def _mark(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def round_top(value: float, *, base: int = 1000) -> float:
    """The next round number that is at least `value`: 1, 2 or 5 times a power of ten, also within powers of `base`."""
    if value <= 0:
        return 1.0
    unit = 1.0
    while value >= unit * base:
        unit *= base
    for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, base):
        if value <= step * unit:
            return step * unit
    return base * unit
