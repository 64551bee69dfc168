"""The characters of drawings: states, lines of two weights, and what stands for them without Unicode (SCREENS 4, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from skafos_tui.model.run import TaskState
from skafos_tui.text import charts

NODE = "●"
"""A job without a state."""
ARROW = "▸"
MORE = "┆"
"""Stands for the lanes that are not drawn."""
DISABLED = "∅"
RETRY_PENDING = "↻"
MISSED = "◇"

STATE_GLYPHS = {
    TaskState.WAITING: "·",
    TaskState.SKIPPED: "–",
    TaskState.UPSTREAM_FAILED: "^",
    TaskState.QUEUED: "○",
    TaskState.STARTING: "◌",
    TaskState.RUNNING: "►",
    TaskState.SUCCEEDED: "✓",
    TaskState.FAILED: "✗",
    TaskState.TIMED_OUT: "◷",
    TaskState.LOST: "?",
    TaskState.CANCELLED: "■",
}

_LINES = " ╴╸╷╮┑╻┒┓╶─╾╭┬┭┎┰┱╺╼━┍┮┯┏┲┳╵╯┙│┤┥╽┧┪╰┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋"
"""By the weights of the arms up, right, down, left as digits to the base of three; light corners are round."""


def line_glyph(up: int, right: int, down: int, left: int) -> str:
    """The character with these arms; a weight is 0 (no arm), 1 (light) or 2 (heavy)."""
    return _LINES[27 * up + 9 * right + 3 * down + left]


def _ascii_line(arms: Sequence[int]) -> str:
    """Lines without Unicode: what goes on down differs from what ends, so that rails still read back."""
    up, right, down, left = arms
    if not (up or down):
        return "=" if 2 in arms else "-"
    if 2 in arms:
        return "#"
    if up and down:
        return "*" if right or left else "|"
    return "'" if up else "."


_BARS = dict(zip("▁▂▃▄▅▆▇", ".:-=+*#", strict=True))
ASCII = str.maketrans(
    {line_glyph(*arms): _ascii_line(arms) for arms in product(range(3), repeat=4) if any(arms)}
    | {NODE: "o", ARROW: ">", MORE: "!", DISABLED: "0", RETRY_PENDING: "r", MISSED: "m", "…": "~"}
    | charts.ASCII_CELLS
    | _BARS
    | {"·": ".", "–": "-", "○": "o", "◌": ":", "►": ">", "✓": "+", "✗": "X", "◷": "T", "■": "#"}
)
"""For `str.translate`: each character of our drawings to the one that stands for it where there is no Unicode."""
