"""The line at the top: which run of which project this is, how far it is, and what the machine gives for it."""

from __future__ import annotations

from datetime import UTC, datetime

from textual.strip import Strip

from skafos_tui.model.critical import longest_remaining, remaining_seconds
from skafos_tui.model.run import RunState, TaskState
from skafos_tui.text.durations import clock, relative
from skafos_tui.text.tables import cell_width
from skafos_tui.tui.theme import BUILDING, LOOKS, Role
from skafos_tui.tui.views import Dashboard, EngineState, elapsed
from skafos_tui.tui.widgets.pane import BOLD, PLAIN, Lines, Piece

RUN_LOOKS = {
    RunState.QUEUED: LOOKS[TaskState.QUEUED],
    RunState.RUNNING: LOOKS[TaskState.RUNNING],
    RunState.SUCCEEDED: LOOKS[TaskState.SUCCEEDED],
    RunState.FAILED: LOOKS[TaskState.FAILED],
    RunState.CANCELLED: LOOKS[TaskState.CANCELLED],
    RunState.SKIPPED: LOOKS[TaskState.SKIPPED],
    RunState.MISSED: LOOKS[TaskState.CANCELLED]._replace(glyph="◇", word="missed"),
}
"""How the states of runs are shown."""
ROOMY = 80
"""From so many columns on there is room for what started the run."""
WIDE = 100
"""From so many columns on there are wider gaps, and a good engine is worth a word."""
GIBIBYTE = 1 << 30


class Header(Lines):
    """The header of the dashboard; never focused."""

    def __init__(self, view: Dashboard, *, id: str = "header") -> None:
        super().__init__(id=id)
        self.view = view
        self._said = ""

    def show(self, view: Dashboard) -> None:
        """Show another view."""
        self.view = view
        self.refresh()

    def tick_distances(self) -> None:
        """A minute has gone by: drawn anew only if it reads otherwise now."""
        if self._said != self._told():
            self.refresh()

    def _told(self) -> str:
        return "".join(text for part in self._left() for text, _ in part)

    def render_line(self, y: int) -> Strip:
        """What is known on the left, the machine on the right; of the right what does not fit goes, its end first."""
        self._said = self._told()
        width = self.size.width
        gap = "   " if width >= WIDE else "  "
        left: list[Piece] = [(" ", PLAIN)]
        for number, part in enumerate(self._left()):
            left += [(gap, PLAIN), *part] if number else part
        used = sum(cell_width(text) for text, _ in left)
        right = self._right(width - used - len(gap))
        while right and used + sum(len(gap) + cell_width(text) for text, _ in right) > width:
            right.pop()
        tail: list[Piece] = [piece for part in right for piece in ((gap, PLAIN), part)]
        blank = width - used - sum(cell_width(text) for text, _ in tail)
        strip = self.strip([*left, (" " * (max(0, blank - 1) if width >= WIDE else 1 if blank else 0), PLAIN), *tail])
        return strip if self.view.live else strip.apply_style(self.skafos.reverse)

    def _left(self) -> list[list[Piece]]:
        view, now = self.view, self.skafos.now()
        parts: list[list[Piece]] = [[(view.name or "no project", BOLD)]]
        run = view.run
        if run is None:
            return [*parts, [("no runs yet", self.role(Role.IDLE))]]
        look = RUN_LOOKS[run.state]
        title = f"run {run.id}" if view.live else f"HISTORY run {run.id}"
        if self.size.width >= ROOMY:
            title += f" {run.trigger.value}"
        if run.state is RunState.QUEUED and view.image is not None and not view.image.error:
            look = BUILDING
        return [
            *parts,
            [(title, PLAIN)],
            [(f"{look.glyph} {self._progress(look.word, now)}", self.role(look.role, bold=look.bold))],
        ]

    def _progress(self, word: str, now: float) -> str:
        run = self.view.run
        assert run is not None
        if run.state is RunState.RUNNING:
            left = self._remaining(now)
            ran = clock(now - (run.started_at or run.created_at))
            return f"{ran}, ~{clock(left)} left" if left else ran
        if not run.state.finished or run.ended_at is None:
            return word
        ended = datetime.fromtimestamp(run.ended_at, UTC).astimezone()
        return f"{word} {ended:%H:%M}, {relative(run.ended_at, now)}"

    def _remaining(self, now: float) -> float:
        """What the run usually still takes, in seconds; 0 where nothing is known."""
        to_come = {
            row.job_id: remaining_seconds(row.usual_s, elapsed(row.task, now) or 0.0)
            for row in self.view.rows
            if row.task is not None and not row.task.state.finished
        }
        return sum(to_come[job] for job in longest_remaining(self.view.graph, to_come))

    def _right(self, room: int) -> list[Piece]:
        """The most important first."""
        view, engine = self.view, self.view.engine
        parts = [self._engine(room)]
        idle = self.role(Role.IDLE)
        if view.active is not None:
            star = "*" if view.differs else ""
            parts.append((f"deployed {view.active}{star}{' paused' if view.paused else ''}", PLAIN))
        if view.runner == "process" and self.size.width >= WIDE:
            parts.append(("local processes", idle))
        if engine.cpu:
            parts.append((f"cpu {view.cpu:.2g}/{engine.cpu:.3g}", idle))
        if engine.memory:
            parts.append((f"mem {view.memory / GIBIBYTE:.1f}/{engine.memory / GIBIBYTE:.1f}G", idle))
        return [part for part in parts if part[0]]

    def _engine(self, room: int) -> Piece:
        """What is known of the engine; in little room only how old everything is."""
        engine = self.view.engine
        if engine.state is EngineState.OK:
            return ("engine ok" if self.size.width >= WIDE else "", self.role(Role.IDLE))
        words = {EngineState.STARTING: "engine starting", EngineState.LOST: "engine lost"}.get(engine.state, "")
        as_of = f"as of {datetime.fromtimestamp(engine.as_of, UTC).astimezone():%H:%M:%S}" if engine.as_of else ""
        whole = ", ".join(filter(None, (as_of, words)))
        return (whole if len(whole) <= room else as_of or words, self.role(Role.WARN, bold=True))
