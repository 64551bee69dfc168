"""The failure card: why a run has failed, what that stops, and what comes next, without a key (SCREENS 2)."""

from __future__ import annotations

from datetime import UTC, datetime

from textual import events
from textual.message import Message
from textual.strip import Strip

from skafos_tui.model.run import TaskState
from skafos_tui.text.durations import relative
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.tui.theme import LOOKS, Role
from skafos_tui.tui.views import Dashboard, Failure
from skafos_tui.tui.widgets.pane import PLAIN, Lines, Piece

GAP = "   "
_GLYPHS = {"timeout": TaskState.TIMED_OUT, "timed out": TaskState.TIMED_OUT, "lost": TaskState.LOST}


def card_rows(view: Dashboard) -> int:
    """The rows of the card; none where nothing has failed that somebody has still to see."""
    if not view.failures:
        return 0
    return 3 if view.changed else 2


class FailureCard(Lines):
    """The failure of the selected job, else of the first that failed; never focused."""

    class Opened(Message):
        """A click wants to go to the job that failed."""

        def __init__(self, job_id: str) -> None:
            super().__init__()
            self.job_id = job_id

    def __init__(self, view: Dashboard, *, id: str = "card") -> None:
        super().__init__(id=id)
        self.view = view
        self.selected: str | None = None
        self._said = ""

    @property
    def failure(self) -> Failure | None:
        """The failure that is told."""
        of_job = {failure.job_id: failure for failure in self.view.failures}
        return of_job.get(self.selected or "") or next(iter(self.view.failures), None)

    def show(self, view: Dashboard, selected: str | None) -> None:
        """Show another view."""
        before = (self.view.failures, self.view.changed, self.view.firing, self.failure)
        self.view, self.selected = view, selected
        if before != (view.failures, view.changed, view.firing, self.failure):
            self.refresh()

    def on_click(self, _event: events.Click) -> None:
        if self.failure is not None:
            self.post_message(self.Opened(self.failure.job_id))

    def tick_distances(self) -> None:
        """A minute has gone by: drawn anew only if it reads otherwise now."""
        if self._said != self._coming(self.failure):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        failure = self.failure
        if failure is None:
            return self.strip([])
        if y == 0:
            return self.strip(self._verdict(failure))
        return self.strip(self._outcome(failure) if y == 1 else [(f"{GAP}{self.view.changed}", PLAIN)])

    def _verdict(self, failure: Failure) -> list[Piece]:
        glyph = LOOKS[_GLYPHS.get(failure.verdict, TaskState.FAILED)].glyph
        instance = "" if failure.instance is None else f" #{failure.instance}"
        usual = f" (usual {failure.usual})" if failure.usual else ""
        bad = self.role(Role.BAD, bold=True)
        verdict = failure.verdict.upper()
        others = self._others()
        room = self.size.width - 3 - cell_width(instance) - 2 - cell_width(verdict)
        # The verdict is what must be read; a name may be long.
        name = clip(failure.name, max(8, room))
        left = max(0, room - cell_width(name) - cell_width(others))
        told = f"  {failure.evidence}{usual}" if failure.evidence else usual
        evidence = told if cell_width(told) <= left else clip(f"  {failure.evidence}", left)
        return [
            (f" {glyph} {name}{instance}", bad),
            (f"  {verdict}", bad),
            (evidence, PLAIN),
            (others, self.role(Role.IDLE)),
        ]

    def _others(self) -> str:
        """What else there is: other failed jobs, other alerts."""
        more = len(self.view.failures) - 1
        if more > 0:
            return f"{GAP}and {more} more failed"
        alerts = self.view.firing - 1
        return f"{GAP}5 and {alerts} more alert{'s' if alerts > 1 else ''}" if alerts > 0 else ""

    def _outcome(self, failure: Failure) -> list[Piece]:
        self._said = self._coming(failure)
        stops = f"stops {', '.join(failure.stops)}" if failure.stops else "stops nothing else"
        retries, room = f"{GAP}retries {failure.retries} of {failure.retry_limit}", self.size.width - len(GAP)
        # Where all of it does not fit, that nothing was to be retried goes first.
        if not failure.retry_limit and cell_width(stops + retries + GAP + self._said) > room:
            retries = ""
        tail = f"{retries}{GAP}{self._said}"
        return [(GAP, PLAIN), (clip(stops, max(12, room - cell_width(tail))), PLAIN), (tail, PLAIN)]

    def _coming(self, failure: Failure | None) -> str:
        if failure is None:
            return ""
        if failure.next_at is None:
            return "schedule paused" if failure.paused else "no next run"
        at = datetime.fromtimestamp(failure.next_at, UTC).astimezone()
        return f"next run {at:%H:%M}, {relative(failure.next_at, self.skafos.now())}"
