"""The dashboard: one run of one project, live; a selected job drives every pane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.geometry import Offset
from textual.timer import Timer
from textual.widget import Widget

from skafos_tui.tui.arrangement import PANES, Arrangement, Box, Layout, arrange, graph_room, layout_of
from skafos_tui.tui.banner import banner_of
from skafos_tui.tui.command import Fact, Where
from skafos_tui.tui.memory import Remembered
from skafos_tui.tui.screens.alert_control import AlertControl
from skafos_tui.tui.screens.attempt_control import AttemptControl
from skafos_tui.tui.screens.base import CommandScreen
from skafos_tui.tui.screens.run_control import RunControl
from skafos_tui.tui.views import Dashboard
from skafos_tui.tui.widgets.alerts import AlertsPane
from skafos_tui.tui.widgets.banner import Banner
from skafos_tui.tui.widgets.card import FailureCard, card_rows
from skafos_tui.tui.widgets.footer import Footer
from skafos_tui.tui.widgets.graph import GraphPane
from skafos_tui.tui.widgets.header import Header
from skafos_tui.tui.widgets.jobs import JobsPane
from skafos_tui.tui.widgets.pane import EmptyPane, Lines, Pane
from skafos_tui.tui.widgets.rule import Rule

if TYPE_CHECKING:
    from skafos_tui.tui.widgets.log.pane import LogPane
    from skafos_tui.tui.widgets.metrics.pane import MetricsPane

DISTANCES_S = 60.0
"""How often `in 5 h` is looked at; only what reads otherwise is drawn."""


class DashboardScreen(RunControl, AttemptControl, AlertControl, CommandScreen):
    """Header, panes and footer; panes that aren't shown get their view once they are."""

    CSS_PATH = "dashboard.tcss"

    def __init__(self, view: Dashboard) -> None:
        super().__init__()
        self.view = view
        self.jobs = JobsPane(view)
        self.banner = Banner()
        self.when_back: Callable[[], None] | None = None
        self.graph = GraphPane(view)
        self.graph.selected = self.jobs.selected
        self.face = "jobs"
        self.header = Header(view)
        self.alerts = AlertsPane(view)
        self.card = FailureCard(view)
        self.card.selected = self.jobs.selected
        self.metrics: MetricsPane | None = None
        self.logs: LogPane | None = None
        self._panes: dict[str, Pane] = {
            "jobs": self.jobs,
            "graph": self.graph,
            "log": EmptyPane(3, "LOG", id="log"),
            "metrics": EmptyPane(4, "METRICS", id="metrics"),
            "alerts": self.alerts,
        }
        self.zoomed = False
        self.at = "jobs"
        self._dirty: set[str] = set()
        self._arranged: Arrangement | None = None
        self._seconds: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self.header
        yield from self._panes.values()
        yield self.card
        yield self.banner
        yield Rule(id="rule-0")
        yield Rule(id="rule-1")
        yield Footer()

    def on_mount(self) -> None:
        self._begin_as_left(self.skafos.remembered)
        self._arrange()
        self.pane(self.at).focus()
        self._seconds = self.set_interval(1.0, self._second, pause=not self.view.ticks)
        self.set_interval(DISTANCES_S, self._minute)
        self.update_footer()
        self.call_after_refresh(self._complete)

    def _begin_as_left(self, left: Remembered) -> None:
        """As the project was left; where the run has come to something else since, what matters is selected."""
        self.at = left.at if left.at in PANES else "jobs"
        self.face = left.face if left.face in ("jobs", "graph") else "jobs"
        self.zoomed = left.zoomed
        if left.by_time:
            self.jobs.do_order()
        run = self.view.run
        is_same = run is not None and (run.id, run.state.value) == (left.run, left.state)
        if is_same and left.selected in self.view.row_of:
            self.jobs.select(left.selected)

    def left(self) -> Remembered:
        """How it is left now."""
        run = self.view.run
        return Remembered(
            run=run.id if run is not None else 0,
            state=run.state.value if run is not None else "",
            chosen=not self.view.live,
            selected=(self.jobs.selected or "") if self.jobs.by_hand else "",
            at=self.at,
            face=self.face,
            zoomed=self.zoomed,
            by_time=self.jobs.by_time,
        )

    async def _complete(self) -> None:
        """Mount what the first frame can do without."""
        from skafos_tui.tui.widgets.log.pane import LogPane
        from skafos_tui.tui.widgets.metrics.pane import MetricsPane

        log = LogPane(3, "LOG", id="log", offer=lambda frame: self.skafos.pacer.offer(frame, "log"))
        await self._take_place(log, "log")
        self.logs = log
        self._show_log()
        charts = MetricsPane()
        await self._take_place(charts, "metrics")
        self.metrics = charts
        self._show_metrics()

    async def _take_place(self, pane: Pane, name: str) -> None:
        """Mount a pane in the place of the empty one."""
        await self._panes[name].remove()
        self._panes[name] = pane
        _place(pane, self._box_of(name))
        await self.mount(pane)
        _place(pane, self._box_of(name))  # it may be another one by now
        if self.at == name:
            pane.focus()

    def _box_of(self, name: str) -> Box | None:
        return self._arranged.boxes.get(name) if self._arranged else None

    def _show_metrics(self) -> None:
        """Tell the charts which job they are of."""
        if self.metrics is not None:
            self.metrics.show(self.view, self.jobs.selected)

    def _show_log(self) -> None:
        """Give the logs to their pane, where it can be seen."""
        if self.logs is not None and self.logs.display:
            self._tell_log()

    def _tell_log(self) -> LogPane | None:
        """Give the logs to their pane, if it is there already."""
        if self.logs is not None:
            self.logs.set_shown(replace(self.view.logs, job_id=self.jobs.selected))
        return self.logs

    def on_resize(self, _event: events.Resize) -> None:
        self._arrange()

    def on_screen_resume(self) -> None:
        go, self.when_back = self.when_back, None
        if go is not None:
            go()
        self._let_tick()

    def on_screen_suspend(self) -> None:
        if self._seconds is not None:
            self._seconds.pause()

    def pane(self, name: str) -> Pane:
        """The pane of this name."""
        return self._panes[name]

    def show(self, view: Dashboard) -> None:
        """Show another view in what is visible; the rest is dirty."""
        self.view = view
        self.alerts.show(view)
        self._dirty = {"header", "jobs", "graph"}
        self._catch_up()
        self._arrange()
        if self._arranged and self.at not in self._arranged.boxes:
            # The failure card has taken its place.
            self._go_to(self.face)
        self.select_wanted()
        self.card.show(view, self.jobs.selected)
        self._show_metrics()
        self._let_tick()
        self.update_footer()

    def restyle(self) -> None:
        """Colours or glyphs have changed."""
        self.jobs.restyle()
        self.graph.restyle()
        for lines in self.query(Lines):
            lines.refresh()

    def keys_pane(self) -> Pane:
        return self.pane(self.at)

    def where(self) -> frozenset[Where]:
        return frozenset({Where.ANYWHERE, Where.DASHBOARD, Where(self.at)})

    def facts(self) -> frozenset[Fact]:
        view = self.view
        known = {
            Fact.JOBS: bool(view.rows),
            Fact.ROWS: bool(view.rows),
            Fact.RUN: view.run is not None,
            Fact.LOOKING_BACK: not view.live,
            Fact.TO_ACK: bool(view.failures),
        } | self.keys_pane().facts()
        return frozenset(fact for fact, is_so in known.items() if is_so) | self.run_facts() | self.attempt_facts()

    def on_jobs_pane_selected(self, _message: JobsPane.Selected) -> None:
        self.graph.select(self.jobs.selected, self.jobs.marked)
        self.card.show(self.view, self.jobs.selected)
        self._show_metrics()
        self._show_log()
        self.update_footer()

    def on_log_pane_status(self, message: LogPane.Status) -> None:
        self.tell(message.text)

    def on_log_pane_follow_changed(self, _message: LogPane.FollowChanged) -> None:
        self.update_footer()

    def on_log_pane_chosen(self, message: LogPane.Chosen) -> None:
        if self.metrics is not None:
            self.metrics.choose(message.instance, message.attempt)

    def do_log_instance(self) -> None:
        """What the log shows is what the charts show."""
        if (log := self._tell_log()) is not None:
            log.do_log_instance()

    def do_log_older_attempt(self) -> None:
        if (log := self._tell_log()) is not None:
            log.do_log_older_attempt()

    def do_log_newer_attempt(self) -> None:
        if (log := self._tell_log()) is not None:
            log.do_log_newer_attempt()

    def on_pane_focused(self, message: Pane.Focused) -> None:
        if message.pane.id:
            self._go_to(message.pane.id)

    def go_to_job(self, job_id: str) -> None:
        """Select this job, with the keys on the jobs."""
        if job_id in self.view.row_of:
            self._go_to("jobs")
            self.jobs.select(job_id)

    def leave_pane(self) -> None:
        """The keys go to the jobs, and nothing has the whole screen."""
        self.zoomed = False
        self._go_to(self.face)

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

    def do_face(self) -> None:
        """The list of jobs or the graph; where both are seen, the graph alone."""
        self.face = "graph" if self.face == "jobs" else "jobs"
        self.zoomed = self.zoomed and self.at in ("jobs", "graph")
        self.at = self.face
        self._arrange()
        self.pane(self.at).focus()
        self.update_footer()

    def do_deeper(self) -> None:
        self._go_to("log")

    def do_find(self) -> None:
        """Find in the log, from wherever the keys are."""
        if self.logs is not None:
            self._go_to("log")
            self.logs.do_find()

    def do_config(self) -> None:
        self.edit_config(self.jobs.selected)

    def do_older(self) -> None:
        self.skafos.bridge.step(-1)

    def do_newer(self) -> None:
        self.skafos.bridge.step(1)

    def do_live(self) -> None:
        self.skafos.bridge.step(0)

    def do_back(self) -> None:
        """One step back; at the top only `q` quits: an Esc too many must not."""
        if self.zoomed:
            self.do_zoom()
        elif self.at != self.face:
            self._go_to(self.face)
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
        banner = banner_of(self.view)
        self.banner.show(banner)
        wanted, beside = self._upper_wants(width, height - bool(banner))
        arranged = arrange(
            width,
            height,
            wanted,
            self.at,
            zoomed=self.zoomed,
            face=self.face,
            beside=beside,
            card=card_rows(self.view),
            banner=bool(banner),
        )
        if arranged == self._arranged:
            return
        self._arranged = arranged
        for name in ("header", "footer", "banner", "card", *PANES):
            # While one pane takes the place of another there is neither among the widgets.
            _place(self._panes.get(name) or self.query_one(f"#{name}"), arranged.boxes.get(name))
        for number in range(2):
            _place(self.query_one(f"#rule-{number}"), dict(enumerate(arranged.rules)).get(number))
        self._catch_up()

    def _upper_wants(self, width: int, height: int) -> tuple[int, bool]:
        """The rows that would show all jobs, and the graph where it is seen; whether it fits beside them."""
        wanted = self.jobs.wanted_rows
        if self.zoomed or (self.face == "jobs" and layout_of(width, height) is not Layout.LARGE):
            return wanted, False
        self._give(self.graph)
        room = (width - 1, graph_room(width, height)[1]) if self.face == "graph" else graph_room(width, height)
        drawing = self.graph.drawing_for(*room)
        if drawing is None:
            return wanted, False
        return drawing.height + 1 if self.face == "graph" else max(wanted, drawing.height + 1), True

    def _catch_up(self) -> None:
        """Give the view to what is visible and hasn't got it."""
        for widget in (self.header, self.jobs, self.graph):
            # The selection is kept by the jobs, also where the graph stands in their place.
            if widget.display or (widget is self.jobs and self.graph.display):
                self._give(widget)
        if self.metrics is not None:
            self.metrics.wake()
        self._show_log()

    def _give(self, widget: Header | JobsPane | GraphPane) -> None:
        if widget.id in self._dirty:
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
        if self.graph.display:
            self.graph.tick()
        if self.metrics is not None:
            self.metrics.tick()

    def _minute(self) -> None:
        if self.card.display:
            self.card.tick_distances()
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
