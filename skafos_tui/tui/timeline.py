"""The timeline beside the jobs: what ran when, and what is expected, on an axis that seldom changes its scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from heapq import heappop, heappush

from skafos_tui.model.graph import children_of, topological
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


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The pieces of every job; `length_s` is the time the axis covers, a whole number of ticks of `step_s`."""

    length_s: float
    step_s: float
    pieces: Mapping[str, Pieces]

    def same_axis(self, other: Timeline | None) -> bool:
        """Whether the same times stand at the same places."""
        return other is not None and (self.length_s, self.step_s) == (other.length_s, other.step_s)

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
            # After the clock was set back something may begin long before the run.
            begin = min(width - 1, max(0, int(piece.begin_s / self.length_s * width)))
            end = min(width, max(begin + 1, round(piece.end_s / self.length_s * width)))
            cells[begin:end] = piece.bar.value * (end - begin)
        return "".join(cells)


class Course:
    """What ran and what is expected of the shown run, at one instant; kept while single jobs of it change.

    `order` has the jobs with parents first, where the caller knows it. Raises ValueError where nothing has begun.
    """

    def __init__(self, view: Dashboard, now: float, order: Sequence[str] = ()) -> None:
        self.now = now
        self.view = view
        self.zero = min(span.started_at for row in view.rows for span in row.spans)
        self.pieces: dict[str, Pieces] = {}
        self._ends: dict[str, float] = {}
        self._live = view.run is not None and not view.run.state.finished
        self._order = order or topological(view.graph)
        for job in self._order if self._live else view.row_of:
            row = view.row_of.get(job)
            if row is not None:
                self._keep(job, self._pieces_of(row))

    def timeline(self, width: int) -> Timeline:
        """The timeline for an axis of `width` cells."""
        end = max(self._ends.values(), default=1.0)
        step = _step(end, max(1, width // _TICK_CELLS))
        return Timeline(step * max(1, -(-end // step)), step, self.pieces)

    def take(self, view: Dashboard, jobs: Iterable[str]) -> set[str] | None:
        """Take in a view in which the rows of these jobs differ; the jobs whose bars move. None: begin anew."""
        before, self.view = self.view, view
        todo: list[tuple[int, str]] = []
        for job in jobs:
            starts = [span.started_at for row in (before.row_of[job], view.row_of[job]) for span in row.spans]
            if job not in self._place or min(starts, default=self.zero + 1) <= self.zero:
                return None
            heappush(todo, (self._place[job], job))
        moved: set[str] = set()
        while todo:
            _, job = heappop(todo)
            pieces = self._pieces_of(view.row_of[job])
            if pieces != self.pieces.get(job, ()):
                moved.add(job)
                self._keep(job, pieces)
                for child in self._children[job] if self._live else ():
                    heappush(todo, (self._place[child], child))
        return moved

    @cached_property
    def _place(self) -> Mapping[str, int]:
        return {job: number for number, job in enumerate(self._order)}

    @cached_property
    def _children(self) -> Mapping[str, Sequence[str]]:
        return children_of(self.view.graph)

    def _keep(self, job: str, pieces: Pieces) -> None:
        if pieces:
            self.pieces[job], self._ends[job] = pieces, pieces[-1].end_s
        else:
            self.pieces.pop(job, None)
            self._ends.pop(job, None)

    def _pieces_of(self, row: JobRow) -> Pieces:
        """What ran, and behind it what is to come: a waiting job begins when the last of its parents may have ended."""
        zero, now, task = self.zero, self.now, row.task
        pieces = tuple(
            [
                Piece(span.started_at - zero, max(span.started_at, span.ended_at or now) - zero, Bar.RAN)
                for span in row.spans
            ]
        )
        if not self._live or task is None or row.usual_s is None or task.state.finished:
            return pieces
        if row.ticks and task.started_at is not None:
            begin, bar = now - zero, Bar.TO_COME
            end = max(begin, task.started_at - zero + row.usual_s)
        else:
            ends = [self._ends[parent] for parent in self.view.graph[row.job_id] if parent in self._ends]
            begin, bar = max([now - zero, *ends]), Bar.EXPECTED
            end = begin + row.usual_s
        return (*pieces, Piece(begin, end, bar)) if end > begin else pieces


def course_of(view: Dashboard, now: float, order: Sequence[str] = ()) -> Course | None:
    """The course of the shown run; None where nothing of it has begun."""
    begun = view.run is not None and any(row.spans for row in view.rows)
    return Course(view, now, order) if begun else None


def timeline_of(view: Dashboard, now: float, width: int) -> Timeline | None:
    """The timeline of the shown run at an instant, for an axis of `width` cells; None where nothing has begun."""
    course = course_of(view, now)
    return None if course is None else course.timeline(width)


def _step(end_s: float, ticks: int) -> float:
    for step in _STEPS:
        if end_s / step <= ticks:
            return float(step)
    return float(_STEPS[-1]) * max(1.0, -(-end_s // (_STEPS[-1] * ticks)))
