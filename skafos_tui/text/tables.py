"""Plain tables for terminals and pipes: aligned by cells, also where characters are two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import partial

GAP = "  "
ELLIPSIS = "…"
NARROWEST = 8
"""A column is not cut below this many cells to make a table fit."""

Paint = Callable[[int, int, str], str]
"""Takes row (from 0, the head left out), column and the padded text of a cell; gives it with its colours."""


def character_width(character: str) -> int:
    """The cells of one character: 0 for combining and invisible ones, 2 for wide ones."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cell_width(text: str) -> int:
    """The cells that `text` takes on a terminal."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(map(character_width, text))


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells; what is cut ends with `…`."""
    if cell_width(text) <= width:
        return text
    if width < 1:
        return ""
    kept, used = [], 0
    for character in text:
        used += character_width(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def pad(text: str, width: int, *, right: bool = False) -> str:
    """`text` filled with spaces to `width` cells, on its left if `right`."""
    spaces = " " * max(0, width - cell_width(text))
    return spaces + text if right else text + spaces


def draw_table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None = None,
    right: Collection[int] = (),
    paint: Paint | None = None,
) -> list[str]:
    """The lines of a table with its head.

    Within `width` cells the widest columns are cut; None: nothing is cut. Columns in `right` are aligned right. The
    last column is not filled up, so no line ends with spaces.
    """
    widths = [max(cell_width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    if width is not None:
        widths = fit(widths, width - len(GAP) * (len(head) - 1))
    painter = paint or _unpainted
    lines = [_line(head, widths, right, partial(_unpainted, -1))]
    lines += [_line(row, widths, right, partial(painter, number)) for number, row in enumerate(rows)]
    return lines


def _unpainted(row: int, column: int, text: str) -> str:
    return text


def fit(widths: Sequence[int], total: int) -> list[int]:
    """The widths, cut from the widest on until their sum is `total` or none can be cut further."""
    fitted = list(widths)
    while sum(fitted) > total:
        widest = max(range(len(fitted)), key=lambda column: fitted[column])
        if fitted[widest] <= NARROWEST:
            break
        below = max((size for size in fitted if size < fitted[widest]), default=NARROWEST)
        excess = sum(fitted) - total
        fitted[widest] = max(NARROWEST, min(fitted[widest] - 1, max(below, fitted[widest] - excess)))
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], right: Collection[int], paint: Callable[[int, str], str]) -> str:
    last = max((column for column, text in enumerate(cells) if text), default=0)
    parts = []
    for column, text in enumerate(cells[: last + 1]):
        clipped = clip(text, widths[column])
        at_right = column in right
        filled = clipped if column == last and not at_right else pad(clipped, widths[column], right=at_right)
        parts.append(paint(column, filled))
    return GAP.join(parts)
