"""The dashboard: one run of one project, live; a selected job drives every pane."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.timer import Timer
from textual.widget import Widget

from skafos_tui.tui.arrangement import PANES, Arrangement, Box, arrange
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.run_control import RunControl
from skafos_tui.tui.views import Dashboard
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.header import Header
from skafos_tui.tui.widgets.jobs import JobsPane
from skafos_tui.tui.widgets.pane import EmptyPane, Lines, Pane
from skafos_tui.tui.widgets.rule import Rule

DISTANCES_S = 60.0
"""How often `in 5 h` is looked at; only what reads otherwise is drawn."""


class DashboardScreen(RunControl, CommandScreen):
    """Header, panes and footer; panes that aren't shown get their view once they are."""

    CSS_PATH = "dashboard.tcss"

    def __init__(self, view: Dashboard) -> None:
        super().__init__()
        self.view = view
        self.jobs = JobsPane(view)
        self.header = Header(view)
        self.zoomed = False
        self.at = "jobs"
        self._dirty: set[str] = set()
        self._arranged: Arrangement | None = None
        self._seconds: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self.header
        yield self.jobs
        yield EmptyPane(2, "GRAPH", id="graph")
        yield EmptyPane(3, "LOG", id="log")
        yield EmptyPane(4, "METRICS", id="metrics")
        yield EmptyPane(5, "ALERTS", id="alerts")
        yield Rule(id="rule-0")
        yield Rule(id="rule-1")
        yield Footer()

    def on_mount(self) -> None:
        self._arrange()
        self.pane(self.at).focus()
        self._seconds = self.set_interval(1.0, self._second, pause=not self.view.ticks)
        self.set_interval(DISTANCES_S, self._minute)
        self.update_footer()

    def on_resize(self, _event: events.Resize) -> None:
        self._arrange()

    def on_screen_resume(self) -> None:
        self._let_tick()

    def on_screen_suspend(self) -> None:
        if self._seconds is not None:
            self._seconds.pause()

    def pane(self, name: str) -> Pane:
        """The pane of this name."""
        return self.query_one(f"#{name}", Pane)

    def show(self, view: Dashboard) -> None:
        """Show another view in what is visible; the rest is dirty."""
        self.view = view
        self._dirty = {"header", "jobs"}
        self._catch_up()
        self._arrange()
        self._let_tick()
        self.update_footer()

    def restyle(self) -> None:
        """Colours or glyphs have changed."""
        self.jobs.restyle()
        for lines in self.query(Lines):
            lines.refresh()

    def keys_pane(self) -> Pane:
        return self.pane(self.at)

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.DASHBOARD, Where(self.at)})

    def facts(self) -> frozenset[Fact]:
        view = self.view
        row = view.row_of.get(self.jobs.selected or "")
        is_open = row is not None and row.task is not None and not row.task.state.finished
        known = {
            Fact.JOBS: bool(view.rows),
            Fact.ROWS: bool(view.rows),
            Fact.RUN: view.run is not None,
            Fact.JOB_OPEN: view.run is not None and not view.run.state.finished and is_open,
            Fact.LOOKING_BACK: not view.live,
        }
        return frozenset(fact for fact, is_so in known.items() if is_so)

    def on_jobs_pane_selected(self, _message: JobsPane.Selected) -> None:
        self.update_footer()

    def on_pane_focused(self, message: Pane.Focused) -> None:
        if message.pane.id:
            self._go_to(message.pane.id)

    def do_focus_jobs(self) -> None:
        self._focus_or_zoom("jobs")

    def do_focus_graph(self) -> None:
        self._focus_or_zoom("graph")

    def do_focus_log(self) -> None:
        self._focus_or_zoom("log")

    def do_focus_metrics(self) -> None:
        self._focus_or_zoom("metrics")

    def do_focus_alerts(self) -> None:
        self._focus_or_zoom("alerts")

    def do_focus_next(self) -> None:
        self._step_focus(1)

    def do_focus_previous(self) -> None:
        self._step_focus(-1)

    def do_zoom(self) -> None:
        self.zoomed = not self.zoomed
        self._arrange()
    def go_to_job(self, job_id: str) -> None:
        """Select this job, with the keys on the jobs."""
        if job_id in self.view.row_of:
            self._go_to("jobs")
            self.jobs.select(job_id)

    def go_to_job_of(self, run_id: int, job_id: str | None) -> None:
        """Select this job once this run is shown, with the keys on the jobs."""
        self.zoomed = False
        self._go_to(self.face)
        self._wanted_job = None if job_id is None else (run_id, job_id)
        self._select_wanted()

    def _select_wanted(self) -> None:
        if self._wanted_job and self.view.run and self.view.run.id == self._wanted_job[0]:
            job_id, self._wanted_job = self._wanted_job[1], None
            if job_id in self.view.row_of:
                self.jobs.select(job_id)

    def on_alerts_pane_opened(self, message: AlertsPane.Opened) -> None:
        from skafos_tui.tui.attention import go_to

        go_to(self, message.alert)

    def on_alerts_pane_acknowledged(self, message: AlertsPane.Acknowledged) -> None:
        from skafos_tui.tui.attention import acknowledge

        acknowledge(self.skafos, [message.alert], message.alert.name or message.alert.what)

    def do_ack(self) -> None:
        """Take notice of the failure that is shown."""
        from skafos_tui.tui.attention import acknowledge, alerts_of_run

        run = self.view.run
        if run is not None:
            acknowledge(self.skafos, alerts_of_run(self.view), f"run {run.id}")


    def do_deeper(self) -> None:
        self._go_to("log")

    def do_config(self) -> None:
        self.edit_config(self.jobs.selected)

    def do_older(self) -> None:
        self.skafos.bridge.step(-1)

    def do_newer(self) -> None:
        self.skafos.bridge.step(1)

    def do_live(self) -> None:
        self.skafos.bridge.step(0)

    def do_cancel(self) -> None:
        from skafos_tui.tui.screens.cancel import ask_cancel

        row = self.view.row_of.get(self.jobs.selected or "")
        if row is not None and self.view.run is not None:
            ask_cancel(self.skafos, self.view, row)

    def do_back(self) -> None:
        """One step back; at the top only `q` quits: an Esc too many must not."""
        if self.zoomed:
            self.do_zoom()
        elif self.at != "jobs":
            self._go_to("jobs")
        elif self.last_key == "q":
            self.skafos.leave()

    def _focus_or_zoom(self, name: str) -> None:
        if name == self.at:
            self.do_zoom()
        else:
            self._go_to(name)

    def _go_to(self, name: str) -> None:
        shown = self._arranged.boxes if self._arranged else {}
        self.at = name
        if name not in shown or self.zoomed:
            self._arrange()
        if self._arranged and name not in self._arranged.boxes:
            # There is room for it only when it is alone.
            self.zoomed = True
            self._arrange()
        self.pane(name).focus()
        self.update_footer()

    def _step_focus(self, by: int) -> None:
        shown = self._arranged.boxes if self._arranged and not self.zoomed else {}
        names = [name for name in PANES if name in shown]
        order = names if len(names) > 1 else [name for name in PANES if name != "graph"]
        at = order.index(self.at) if self.at in order else 0
        self._go_to(order[(at + by) % len(order)])

    def _arrange(self) -> None:
        width, height = self.size
        if not width or not height:
            return
        arranged = arrange(width, height, self.jobs.wanted_rows, self.at, zoomed=self.zoomed)
        if arranged == self._arranged:
            return
        self._arranged = arranged
        for name in ("header", "footer", *PANES):
            _place(self.query_one(f"#{name}"), arranged.boxes.get(name))
        for number in range(2):
            _place(self.query_one(f"#rule-{number}"), dict(enumerate(arranged.rules)).get(number))
        self._catch_up()

    def _catch_up(self) -> None:
        """Give the view to what is visible and hasn't got it."""
        for widget in (self.header, self.jobs):
            if widget.id in self._dirty and widget.display:
                self._dirty.discard(widget.id)
                widget.show(self.view)

    def _let_tick(self) -> None:
        if self._seconds is None:
            return
        if self.view.ticks and self.is_current:
            self._seconds.resume()
        else:
            self._seconds.pause()

    def _second(self) -> None:
        self.skafos.tick()

    def draw_times(self) -> None:
        """Draw the times that grow."""
        self.header.refresh()
        if self.jobs.display:
            self.jobs.tick()

    def _minute(self) -> None:
        if not self.view.ticks:
            self.header.tick_distances()
        if self.jobs.display:
            self.jobs.tick_distances()


def _place(widget: Widget, box: Box | None) -> None:
    widget.display = box is not None
    if box is not None:
        widget.styles.offset = Offset(box.x, box.y)
        widget.styles.width = box.width
        widget.styles.height = box.height
