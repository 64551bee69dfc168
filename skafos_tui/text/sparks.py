"""Small drawings of a series in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII_BLOCKS = ".:-=+*#%"


def spark(values: Sequence[float | None], *, top: float | None = None, ascii_only: bool = False) -> str:
    """One character a value, from 0 to `top` (None: the highest value); a blank where there is none."""
    levels = ASCII_BLOCKS if ascii_only else BLOCKS
    highest = top if top is not None else max((value for value in values if value is not None), default=0.0)
    return "".join(_level(value, highest, levels) for value in values)


def _level(value: float | None, highest: float, levels: str) -> str:
    if value is None:
        return " "
    if highest <= 0:
        return levels[0]
    return levels[min(len(levels) - 1, max(0, int(value / highest * len(levels))))]
