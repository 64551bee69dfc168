"""The pane of charts: reads in a thread while it is seen and something runs, and draws what differs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from skafos_tui.model.run import Task
from skafos_tui.tui.command import Fact
from skafos_tui.tui.reading_metrics import GAP_S, MetricsReader, Target, Usage
from skafos_tui.tui.theme import Role
from skafos_tui.tui.views import Dashboard
from skafos_tui.tui.widgets.metrics.gauges import Gauge, gauges_of
from skafos_tui.tui.widgets.metrics.layout import Life, Row, lay_line, lay_rows
from skafos_tui.tui.widgets.pane import FOCUS, PLAIN, Pane, Piece

LEAST_S = 0.9
"""A tick is a second; one that comes a little early must not be left out."""
NOT_YET = "nothing sampled yet"
NOTHING = "nothing sampled: it was over in a second"


class MetricsPane(Pane):
    """Charts of the selected job in the shown run; several instances are summed, or one is shown."""

    class Read(Message):
        """A thread has read what was asked for."""

        def __init__(self, target: Target, usage: Usage) -> None:
            super().__init__()
            self.target = target
            self.usage = usage

    def __init__(self, *, id: str = "metrics") -> None:
        super().__init__(4, "METRICS", id=id)
        self._reader: MetricsReader | None = None
        self._target: Target | None = None
        self._shown_task: Task | None = None
        self._job_name = ""
        self._failed: int | None = None
        self._usage: Usage | None = None
        self._instance: int | None = None
        self._gauges: list[Gauge] = []
        self._lines: list[Row] = []
        self._drawn_for: tuple[int, int] = (0, 0)
        self._reading = False
        self._due = False
        self._read_at = 0.0

    @property
    def settled(self) -> bool:
        """Whether nothing that can be seen is still being read."""
        return not self._reading and not (self._due and self.display)

    def show(self, view: Dashboard, job_id: str | None) -> None:
        """Show another view: of this job, in its run."""
        row = view.row_of.get(job_id or "")
        run, task = view.run, row.task if row else None
        target = Target(run.project, run.id, row.job_id) if run is not None and row is not None else None
        self._job_name = row.name if row else ""
        failed = {failure.job_id: failure.instance for failure in view.failures}.get(job_id or "")
        known = self._target and replace(self._target, attempt=None)
        if target != known:
            self._target, self._usage = target, None
            # After a failure the charts are those of the instance that failed.
            self._instance = self._failed = failed
            self._due = True
            self._lay()
        elif failed != self._failed:
            self._instance = self._failed = failed
            self._lay()
        if task != self._shown_task:
            self._due = True
            if task is not None and task.state.finished and self._shown_task is not None:
                # The last samples may come a little later.
                self.set_timer(GAP_S + 1.0, self._read_again)
            self._shown_task = task
        self.wake()

    def wake(self) -> None:
        """Read what is due, if it can be seen."""
        if self._due and self.display and self.is_mounted:
            self._due = False
            self._read()

    def tick(self) -> None:
        """A second has gone by."""
        if (
            self._shown_task is not None
            and not self._shown_task.state.finished
            and self._shown_task.started_at is not None
        ):
            self._due = self._due or self.skafos.now() - self._read_at >= LEAST_S
            self.wake()

    def facts(self) -> dict[Fact, bool]:
        """What is so here, for the commands."""
        usage = self._usage or Usage()
        return {Fact.ROWS: False, Fact.INSTANCES: len(usage.lanes) > 1, Fact.ATTEMPTS: usage.attempts > 1}

    def choose(self, instance: int | None, attempt: int | None) -> None:
        """One instance alone, or all summed (None); one attempt by its number, or the newest (None)."""
        self._instance = instance
        if self._target is not None and self._target.attempt != attempt:
            self._target, self._due = replace(self._target, attempt=attempt), True
        self._lay()
        self.wake()

    def on_metrics_pane_read(self, message: Read) -> None:
        self._reading = False
        if message.target != self._target:
            self._due = True
            self.wake()
            return
        if message.usage != self._usage:
            self._usage = message.usage
            self.skafos.pacer.offer(self._lay, "metrics")
        self.wake()

    def on_resize(self, _event: events.Resize) -> None:
        self._lay()
        self.wake()

    def on_click(self, _event: events.Click) -> None:
        self.post_message(self.Focused(self))

    def title_strip(self) -> Strip:
        """In one row the charts stand in the title's place."""
        if self.size.height > 1:
            return super().title_strip()
        bar: Piece = (FOCUS if self.has_focus else " ", PLAIN)
        number: Piece = (f"{self.number} ", self.role(Role.IDLE, bold=self.has_focus))
        blank: Row = [(self._blank() or "metrics", Role.IDLE)]
        line = self._lines[0] if self._lines else blank
        return self.strip([bar, number, *self._pieces(line)])

    def heading(self) -> list[Piece]:
        return [(f" {self._job_name}{self._whose()}", self.role(Role.IDLE))]

    def row(self, number: int) -> list[Piece]:
        if number < len(self._lines):
            return self._pieces(self._lines[number])
        blank = self._blank() if number == len(self._lines) else ""
        return [(f" {blank}", self.role(Role.IDLE))] if blank else []

    def _whose(self) -> str:
        """Which instances the charts are of, and which attempts where there were several."""
        usage = self._usage or Usage()
        numbers = {lane.number for lane in usage.lanes if self._instance in (None, lane.instance)}
        again = f"  attempt {max(numbers)}" if usage.attempts > 1 and len(numbers) == 1 else ""
        if len(usage.lanes) < 2:
            return again
        whose = f"  {len(usage.lanes)} instances summed" if self._instance is None else f" #{self._instance}"
        return whose + again

    def _blank(self) -> str:
        """Why there are no charts."""
        if self._usage is None:
            return "" if self._target else "no runs yet"
        if self._usage.problem:
            return self._usage.problem
        if not self._usage.lanes:
            return "not started yet"
        if any(gauge.over_time and gauge.peak_words for gauge in self._gauges):
            return ""
        return NOT_YET if self._usage.running else NOTHING

    def _pieces(self, row: Row) -> list[Piece]:
        return [(text, self.role(role) if role else Style()) for text, role in row]

    def _lay(self) -> None:
        """Lay out anew; only rows that differ are drawn."""
        usage, (width, height) = self._usage, self.size
        self._gauges = gauges_of(usage, self._instance) if usage is not None else []
        before, same_size = self._lines, self._drawn_for == (width, height)
        self._drawn_for = (width, height)
        if usage is None or not width:
            self._lines = []
        elif height == 1:
            line = lay_line(self._gauges, width - 3) if not self._blank() else []
            self._lines = [line] if line else []
        else:
            life = Life(usage.until - usage.since, usage.step_s, usage.running)
            sampled = [gauge for gauge in self._gauges if gauge.peak_words or not gauge.over_time]
            rows = height - 1 - bool(self._blank())
            self._lines = lay_rows(sampled, width, rows, life)
        if not same_size or len(before) != len(self._lines) or height == 1 or self._blank():
            self.refresh()
            return
        self.refresh(Region(0, 0, width, 1))
        for number, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh_row(number)

    def _read_again(self) -> None:
        self._due = True
        self.wake()

    def _read(self) -> None:
        """Read in a thread; one at a time."""
        target, opened = self._target, self.skafos.opened
        if target is None or opened is None:
            return
        if self._reading:
            self._due = True
            return
        if self._reader is None:
            self._reader = MetricsReader(opened.home.state_database, opened.home.metrics_database)
        self._reading, self._read_at = True, self.skafos.now()
        work = partial(self._read_there, self._reader, target, self._read_at)
        self.run_worker(work, thread=True, group="metrics", exit_on_error=False)

    def _read_there(self, reader: MetricsReader, target: Target, now: float) -> None:
        self.post_message(self.Read(target, reader.read(target, now)))
