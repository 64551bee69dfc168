"""The timeline beside the jobs: what ran when, and what is expected, on an axis that seldom changes its scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from skafos_tui.model.graph import topological
from skafos_tui.text.durations import clock
from skafos_tui.tui.views import Dashboard, JobRow

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800)
_TICK_CELLS = 9
"""Room for a tick's text and a gap."""


class Bar(Enum):
    """What a piece of a job's bar means, and its character."""

    RAN = "█"
    TO_COME = "▒"
    """What a running job usually still takes."""
    EXPECTED = "░"
    """When a job that waits may run."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a bar, in seconds since the run began."""

    begin_s: float
    end_s: float
    bar: Bar


@dataclass(frozen=True, slots=True)
class Timeline:
    """The pieces of every job; `length_s` is the time the axis covers, a whole number of ticks of `step_s`."""

    length_s: float
    step_s: float
    pieces: Mapping[str, tuple[Piece, ...]]

    def axis(self, width: int) -> str:
        """The ticks with their times, in `width` cells."""
        cells = [" "] * width
        tick = 0.0
        while tick < self.length_s:
            place, text = int(tick / self.length_s * width), clock(tick)
            if place + len(text) <= width:
                cells[place : place + len(text)] = text
            tick += self.step_s
        return "".join(cells)

    def bar(self, job_id: str, width: int) -> str:
        """A job's bar in `width` cells; the shortest piece that happened takes one."""
        cells = [" "] * width
        for piece in self.pieces.get(job_id, ()):
            begin = min(width - 1, int(piece.begin_s / self.length_s * width))
            end = min(width, max(begin + 1, round(piece.end_s / self.length_s * width)))
            cells[begin:end] = piece.bar.value * (end - begin)
        return "".join(cells)


def timeline_of(view: Dashboard, now: float, width: int, order: Sequence[str] = ()) -> Timeline | None:
    """The timeline of the shown run at an instant, for an axis of `width` cells; None where nothing has begun.

    `order` has the jobs with parents first, where the caller knows it.
    """
    run = view.run
    begins = [span.started_at for row in view.rows for span in row.spans]
    if run is None or not begins:
        return None
    zero = min(begins)
    live = not run.state.finished
    pieces = _expected(view, order or topological(view.graph), zero, now) if live else _ran(view.rows, zero, now)
    end = max((piece.end_s for found in pieces.values() for piece in found), default=1.0)
    step = _step(end, max(1, width // _TICK_CELLS))
    return Timeline(step * max(1, -(-end // step)), step, pieces)


def _step(end_s: float, ticks: int) -> float:
    for step in _STEPS:
        if end_s / step <= ticks:
            return float(step)
    return float(_STEPS[-1]) * max(1.0, -(-end_s // (_STEPS[-1] * ticks)))


def _ran(rows: Sequence[JobRow], zero: float, now: float) -> dict[str, tuple[Piece, ...]]:
    return {row.job_id: pieces for row in rows if (pieces := _past(row, zero, now))}


def _past(row: JobRow, zero: float, now: float) -> tuple[Piece, ...]:
    if not row.spans:
        return ()
    return tuple(
        Piece(span.started_at - zero, max(span.started_at, span.ended_at or now) - zero, Bar.RAN) for span in row.spans
    )


def _expected(view: Dashboard, order: Sequence[str], zero: float, now: float) -> dict[str, tuple[Piece, ...]]:
    """What ran, and behind it what is to come: a waiting job begins when the last of its parents may have ended."""
    ends: dict[str, float] = {}
    found: dict[str, tuple[Piece, ...]] = {}
    graph, rows = view.graph, view.row_of
    for job in order:
        row = rows.get(job)
        if row is None or row.task is None:
            continue
        pieces = _past(row, zero, now)
        if not row.task.state.finished and row.usual_s is not None:
            if row.ticks and row.task.started_at is not None:
                begin, bar = now - zero, Bar.TO_COME
                end = max(begin, row.task.started_at - zero + row.usual_s)
            else:
                begin = max([now - zero, *(ends[parent] for parent in graph[job] if parent in ends)])
                end, bar = begin + row.usual_s, Bar.EXPECTED
            if end > begin:
                pieces += (Piece(begin, end, bar),)
        if pieces:
            found[job], ends[job] = pieces, pieces[-1].end_s
    return found
