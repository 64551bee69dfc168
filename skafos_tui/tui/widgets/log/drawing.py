"""A log line as rows of cells: gutter, the job's own colours, hits reversed, wrapped or not; nothing that controls."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.color import Color
from rich.style import Style

from skafos_tui.store.logs.format import GAP_PREFIX, LogLine
from skafos_tui.text import sgr
from skafos_tui.text.tables import cell_width, character_width, clip, pad
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.log.levels import MARKS, Level, level_of
from skafos_tui.tui.widgets.log.when import Times, shown_time

Piece = tuple[str, Style]
PLAIN = Style()
REVERSE = Style(reverse=True)
LABEL_CELLS = 14
"""A job's name in the gutter is cut to this."""
HITS_SHOWN = 200
_LOOKED_AT = 4096
"""Characters of a line in which hits are shown."""


@dataclass(frozen=True)
class Drawing:
    """How lines are drawn: what the person has chosen, and the width there is."""

    width: int
    times: Times = Times.CLOCK
    wrap: bool = False
    bare: bool = False
    shift: int = 0
    started_ns: int = 0
    pattern: re.Pattern[str] | None = None


class Drawn(NamedTuple):
    """A line as it is drawn: its level, what stands before its first row (with one cell left for marks), its rows."""

    level: Level
    time: str
    label: str
    rows: list[list[Piece]]


def draw(line: LogLine, label: str, how: Drawing, *, event: bool, roles: Mapping[Role, Style]) -> Drawn:
    """A line's rows; `label` is whose it is, empty where that is plain."""
    level = Level.NORMAL
    if line.gap:
        pieces = [(f"--- {sgr.plain(line.text.removeprefix(GAP_PREFIX))} ---", roles[Role.WARN])]
    elif event:
        pieces = [(sgr.plain(line.text), roles[Role.IDLE])]
    else:
        pieces = [(span.text, rich_style(span.style)) for span in sgr.parse(line.text)]
        level = level_of("".join(text for text, _ in pieces))
    if how.pattern is not None:
        pieces = with_hits(pieces, how.pattern)
    time = "" if how.bare else shown_time(how.times, line.time_ns, how.started_ns)
    shown_label = "" if how.bare or not label else label
    width = max(1, how.width - gutter_width(how, time, shown_label))
    if how.wrap:
        return Drawn(level, time, shown_label, fold(pieces, width))
    return Drawn(level, time, shown_label, [cut(pieces, how.shift, width)])


def gutter_width(how: Drawing, time: str, label: str) -> int:
    """The cells before a line's text: level, time, mark, label."""
    if how.bare:
        return 0
    return 1 + len(time) + 1 + (cell_width(label) + 1 if label else 0)


def gutter(drawn: Drawn, part: int, mark: str, roles: Mapping[Role, Style]) -> list[Piece]:
    """What stands before a row's text; `mark` is one cell. Further rows of a line only keep the room."""
    label = f"{drawn.label} " if drawn.label else ""
    if part:
        return [(" " * (1 + len(drawn.time)) + mark + " " * cell_width(label), roles[Role.IDLE])]
    grave = roles[Role.BAD] if drawn.level is Level.ERROR else roles[Role.WARN]
    return [(MARKS[drawn.level], grave), (drawn.time + mark + label, roles[Role.IDLE])]


def label_of(job: str, instance: int, attempt: int, *, all_jobs: bool, instances: bool, attempts: bool) -> str:
    """Whose a line is, as far as that must be told apart: `Train forest#1`, `#1`, nothing."""
    words = clip(sgr.plain(job), LABEL_CELLS) if all_jobs else ""
    words += f"#{instance}" if instances else ""
    words += f"/{attempt}" if attempts else ""
    return words


def labels(names: Sequence[str]) -> list[str]:
    """Labels of one width."""
    width = max(map(cell_width, names), default=0)
    return [pad(name, width) for name in names]


@functools.lru_cache(maxsize=1024)
def rich_style(style: sgr.Style) -> Style:
    """A job's own style for the screen."""
    if style == sgr.PLAIN:
        return PLAIN
    return Style(
        color=_colour(style.foreground),
        bgcolor=_colour(style.background),
        bold=style.bold or None,
        dim=style.dim or None,
        italic=style.italic or None,
        underline=style.underline or None,
        reverse=style.reverse or None,
        strike=style.strike or None,
    )


def _colour(colour: sgr.Colour | None) -> Color | None:
    if colour is None:
        return None
    return Color.from_rgb(*colour) if isinstance(colour, tuple) else Color.from_ansi(colour)


def with_hits(pieces: list[Piece], pattern: re.Pattern[str]) -> list[Piece]:
    """The pieces with what matches reversed."""
    text = "".join(piece for piece, _ in pieces)[:_LOOKED_AT]
    spans = [match.span() for match, _ in zip(pattern.finditer(text), range(HITS_SHOWN), strict=False)]
    spans = [span for span in spans if span[0] < span[1]]
    if not spans:
        return pieces
    found: list[Piece] = []
    position = 0
    for piece, style in pieces:
        end = position + len(piece)
        at = position
        for start, stop in spans:
            if stop <= at or start >= end:
                continue
            if start > at:
                found.append((piece[at - position : start - position], style))
            reversed_style = style + Style(reverse=not style.reverse)
            found.append((piece[max(at, start) - position : min(stop, end) - position], reversed_style))
            at = min(stop, end)
        if at < end:
            found.append((piece[at - position :], style))
        position = end
    return found


def fold(pieces: list[Piece], width: int) -> list[list[Piece]]:
    """The pieces in rows of at most `width` cells; nothing is one empty row."""
    rows: list[list[Piece]] = [[]]
    left = width
    for text, style in pieces:
        while text:
            taken, cells = _taken(text, left)
            if not taken and left < width:
                rows.append([])
                left = width
                continue
            taken = taken or 1  # a character wider than the pane must not stop us
            rows[-1].append((text[:taken], style))
            text = text[taken:]
            left -= cells
            if text:
                rows.append([])
                left = width
    return rows


def cut(pieces: list[Piece], shift: int, width: int) -> list[Piece]:
    """What stands from cell `shift` on in `width` cells; a wide character cut in half leaves a blank."""
    found: list[Piece] = []
    for text, style in pieces:
        if width <= 0:
            break
        if shift:
            taken, cells = _taken(text, shift)
            text = text[taken:]
            shift -= cells
            if text and shift:
                text = " " * (character_width(text[0]) - shift) + text[1:]
                shift = 0
        taken, cells = _taken(text, width)
        if taken:
            found.append((text[:taken], style))
            width -= cells
        if taken < len(text):
            break
    return found


def _taken(text: str, width: int) -> tuple[int, int]:
    """How many characters of a text fit into `width` cells, and the cells they take."""
    head = text[:width]
    if head.isascii():
        following = text[width : width + 1]
        if not following or following.isascii() or character_width(following):
            return len(head), len(head)
    cells = 0
    for number, character in enumerate(text):
        size = character_width(character)
        if cells + size > width:
            return number, cells
        cells += size
    return len(text), cells
