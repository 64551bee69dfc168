"""One row of the list of jobs as pieces: what stands in its columns, and in which style."""

from __future__ import annotations

from collections.abc import Callable

from rich.style import Style

from skafos_tui.model.run import TaskState
from skafos_tui.text.durations import clock, relative
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import cell_width, clip, pad
from skafos_tui.tui.columns import LAST, TIME, Columns
from skafos_tui.tui.theme import LOOKS, Look, Role
from skafos_tui.tui.timeline import Timeline
from skafos_tui.tui.views import ImageFacts, JobRow, elapsed
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Piece

MARK = "*"
"""Stands before the name of a marked job."""
_MOST_NAME = 40
Styles = Callable[[Role], Style]


def name_of(row: JobRow) -> str:
    """The name with the instances by state, as it wants to be shown."""
    name = clip(row.name, _MOST_NAME)
    return " ".join((name, *_counts(row)))


def next_text(row: JobRow, now: float) -> str:
    """When the job's schedule fires next."""
    if row.paused:
        return "paused"
    return "" if row.next_at is None else relative(row.next_at, now)


def name_pieces(row: JobRow, look: Look, width: int, role: Styles, *, chosen: bool, marked: bool) -> list[Piece]:
    """The name, and instances by state, in exactly `width` cells."""
    counts = _counts(row)
    name = clip(row.name, max(0, width - 2 - sum(len(text) + 1 for text in counts)))
    faint = look.role is Role.IDLE and row.task is None
    pieces: list[Piece] = [(MARK, role(Role.WARN) + BOLD) if marked else (" ", PLAIN)]
    pieces.append((name, BOLD if chosen else role(Role.IDLE) if faint else PLAIN))
    used = 1 + cell_width(name)
    for (state, _), text in zip(row.counts, counts, strict=True):
        pieces.append((f" {text}", role(LOOKS[state].role)))
        used += 1 + len(text)
    pieces.append((" " * max(0, width - used), PLAIN))
    return pieces


def state_pieces(
    row: JobRow, look: Look, columns: Columns, role: Styles, now: float, timeline: Timeline | None
) -> list[Piece]:
    """Everything behind the name; a job that waits says for what, in place of its times."""
    style = role(look.role) + BOLD if look.bold else role(look.role)
    task = row.task
    if task is not None and task.state is TaskState.QUEUED and look.role is Role.RUN and task.reason:
        return [(f"{look.word}: {plain(task.reason)}", style)]
    idle = role(Role.IDLE)
    pieces: list[Piece] = [
        (pad(clip(look.word, columns.state), columns.state) + " ", style),
        (f"{clock(elapsed(task, now)):>{TIME}}", PLAIN),
    ]
    if columns.usual:
        pieces.append((f"{clock(row.usual_s):>{columns.usual}}", idle))
    if columns.last:
        pieces.append(("  " + " " * (LAST - len(row.last)), PLAIN))
        pieces += [(LOOKS[state].glyph, role(LOOKS[state].role)) for state in row.last]
    if columns.next:
        pieces.append((f"  {clip(next_text(row, now), columns.next):<{columns.next}}", idle))
    if columns.timeline and timeline:
        pieces += [("  ", PLAIN), (timeline.bar(row.job_id, columns.timeline), role(look.role))]
    return pieces


def image_pieces(image: ImageFacts, role: Styles, now: float) -> list[Piece]:
    """The row above the jobs: what the image step does, for how long, or why it failed."""
    look = LOOKS[TaskState.FAILED if image.error else TaskState.STARTING]
    style = role(Role.BAD) + BOLD if image.error else role(Role.RUN)
    text = image.error or image.step or "building"
    time = "" if image.error else f"  {clock(now - image.since)}"
    return [(" ", PLAIN), (f"{look.glyph} ", style), ("image  ", PLAIN), (text, style), (time, role(Role.IDLE))]


def _counts(row: JobRow) -> list[str]:
    return [f"{count}{LOOKS[state].glyph}" for state, count in row.counts]
