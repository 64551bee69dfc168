"""The rows of a layered drawing: every item near its neighbours, none on another (SCREENS 4, step 6)."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from skafos_tui.text.layers import Layering

SWEEPS = 4
GAP_ROWS = 1
"""Blank rows between two items of a layer."""


def place_rows(layering: Layering, heights: Sequence[int]) -> list[int]:
    """The first row of each item, from 0; `heights` in rows by item."""
    row_of = [0] * len(heights)
    for layer in layering.layers:
        row = 0
        for item in layer:
            row_of[item] = row
            row += heights[item] + GAP_ROWS
    for sweep in range(SWEEPS):
        rightwards = sweep % 2 == 0
        neighbours = layering.before if rightwards else layering.after
        for layer in layering.layers[1:] if rightwards else layering.layers[-2::-1]:
            _towards(layer, neighbours, heights, row_of)
    top = min(row_of)
    return [row - top for row in row_of]


def _towards(
    layer: Sequence[int], neighbours: Sequence[Sequence[int]], heights: Sequence[int], row_of: list[int]
) -> None:
    """Move the items of a layer as near as the distances allow to the median of their neighbours, in their order."""
    offsets: list[int] = []
    wanted: list[float] = []
    offset = 0
    for item in layer:
        wanted.append(_median([row_of[other] for other in neighbours[item]], row_of[item]) - offset)
        offsets.append(offset)
        offset += heights[item] + GAP_ROWS
    for item, offset, first in zip(layer, offsets, _never_falling(wanted), strict=True):
        row_of[item] = floor(first) + offset


def _median(rows: list[int], default: int) -> float:
    if not rows:
        return default
    rows.sort()
    return (rows[(len(rows) - 1) // 2] + rows[len(rows) // 2]) / 2


def _never_falling(values: Sequence[float]) -> list[float]:
    """The sequence nearest to the values that never falls: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, count = value, 1
        while blocks and blocks[-1][0] > mean:
            other, size = blocks.pop()
            mean, count = (other * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    return [mean for mean, count in blocks for _ in range(count)]
