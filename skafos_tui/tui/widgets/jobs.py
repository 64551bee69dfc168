"""Jobs and DAG as one list: a row a job, dependencies as rails on its left, the run's timeline on its right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from skafos_tui.text.rails import Rails, RailTrace, lay_rails
from skafos_tui.text.tables import cell_width
from skafos_tui.tui.columns import Columns, columns_for
from skafos_tui.tui.theme import Role, look_of
from skafos_tui.tui.timeline import Course, Timeline, course_of
from skafos_tui.tui.views import FAILURES, Dashboard, JobRow, elapsed, first_selected
from skafos_tui.tui.widgets.job_pieces import image_pieces, name_of, name_pieces, next_text, state_pieces
from skafos_tui.tui.widgets.pane import BOLD, FOCUS, PLAIN, Pane, Piece
from skafos_tui.tui.widgets.rail_pieces import rail_pieces

if TYPE_CHECKING:
    from skafos_tui.tui.screens.dashboard import DashboardScreen

_KEPT_STRIPS = 4096
NOTE_ROWS = 2
STALE_S = 1.0
"""So long what is expected counts from the same instant: a job that changes moves only what follows from it."""


class JobsPane(Pane):
    """The list of jobs; one of them is selected, and every other pane follows it."""

    class Selected(Message):
        """Another job is selected; `job_id` is None where there are none."""

        def __init__(self, job_id: str | None) -> None:
            super().__init__()
            self.job_id = job_id

    def __init__(self, view: Dashboard, *, id: str = "jobs") -> None:
        super().__init__(1, "JOBS", id=id)
        self.view = view
        self.selected: str | None = None
        self.by_hand = False
        """Whether a person has selected it, in this run: then it stays."""
        self.marked: frozenset[str] = frozenset()
        self.by_time = False
        self._top = 0
        self._order: tuple[str, ...] = ()
        self._rails: Rails | None = None
        self._place: Mapping[str, int] = {}
        self._graph: Mapping[str, tuple[str, ...]] | None = None
        self._trace: RailTrace | None = None
        self._strips: dict[int, Strip] = {}
        self._columns: Columns | None = None
        self._course: Course | None = None
        self._timeline: Timeline | None = None
        self._next_texts: dict[str, str] = {}
        self._widths: dict[str, _Width] = {}
        self._set_view(view)

    @property
    def wanted_rows(self) -> int:
        """Rows that would show everything, the title included."""
        return 1 + self._image_rows + (len(self._order) or (NOTE_ROWS if self.view.note else 0))

    @property
    def _image_rows(self) -> int:
        return int(self.view.image is not None)

    def show(self, view: Dashboard) -> None:
        """Show another view; only rows that differ are drawn anew."""
        if view.live and view.run is not None and (self.view.run is None or self.view.run.id != view.run.id):
            self.by_hand = False
        changed = self._changed_rows(view)
        if changed is None or not self._take(view, changed):
            self._show_anew(view)
        chosen = self._chosen(view)
        if chosen != self.selected:
            self._select(chosen)

    def _changed_rows(self, view: Dashboard) -> list[JobRow] | None:
        """The rows that differ, where all else is the same; None: it isn't."""
        before = self.view
        runs = [(run.id, run.state.finished) if run else None for run in (before.run, view.run)]
        same_graph = self._graph is view.graph or self._graph == view.graph
        if self.by_time or not same_graph or runs[0] != runs[1] or len(before.rows) != len(view.rows):
            return None
        if (before.image is None) != (view.image is None) or before.note != view.note:
            return None
        changed = [new for old, new in zip(before.rows, view.rows, strict=True) if old is not new and old != new]
        return changed if all(row.job_id in self._place for row in changed) else None

    def _take(self, view: Dashboard, changed: list[JobRow]) -> bool:
        """Show a view in which only these rows differ; False: more than them looks otherwise."""
        moved: set[str] | None = set()
        if self._course is not None:
            is_stale = self.skafos.now() - self._course.now >= STALE_S
            moved = None if is_stale else self._course.take(view, [row.job_id for row in changed])
        elif any(row.spans for row in changed):
            moved = None
        if moved is None:
            return False
        before, self.view = self.view, view
        for row in changed:
            self._widths[row.job_id] = _width_of(row)
        columns, timeline = self._columns, self._timeline
        self._fit()
        if columns != self._columns or not self._same_axis(timeline):
            self._redraw()
            return True
        if before.image != view.image:
            self._redraw_row(0)
        for job in moved.union([row.job_id for row in changed]):
            self._redraw_row(self._place[job] + self._image_rows)
        return True

    def _show_anew(self, view: Dashboard) -> None:
        before, old_columns, old_order = self.view, self._columns, self._order
        old_image, old_timeline = self._image_rows, self._timeline
        self._set_view(view)
        self._measure()
        same_frame = (
            old_columns == self._columns
            and old_order == self._order
            and old_image == self._image_rows
            and before.note == view.note
            and self._same_axis(old_timeline)
        )
        if not same_frame:
            self._redraw()
            return
        if before.image != view.image:
            self._redraw_row(0)
        for job, row in view.row_of.items():
            moved = old_timeline is not None and self._bar_moved(old_timeline, job)
            if moved or (before.row_of.get(job) is not row and before.row_of.get(job) != row):
                self._redraw_row(self._place[job] + self._image_rows)

    def tick(self) -> None:
        """A second has gone by: times that grow, and bars that move."""
        old = self._timeline
        self._measure()
        if not self._same_axis(old):
            self._redraw()
            return
        if self._image_rows:
            self._redraw_row(0)
        for job in self._visible_jobs():
            if self.view.row_of[job].ticks or (old is not None and self._bar_moved(old, job)):
                self._redraw_row(self._place[job] + self._image_rows)

    def tick_distances(self) -> None:
        """A minute has gone by: only rows whose NEXT reads otherwise now are drawn anew."""
        for job in self._visible_jobs():
            if self._next_texts.get(job, "") != next_text(self.view.row_of[job], self.skafos.now()):
                self._redraw_row(self._place[job] + self._image_rows)

    def restyle(self) -> None:
        """Colours or glyphs have changed."""
        self._redraw()

    def move(self, by: int) -> None:
        """Select the job so many rows below (negative: above), at most the last."""
        if not self._order:
            return
        at = self._place.get(self.selected or "", 0)
        self.select(self._order[max(0, min(len(self._order) - 1, at + by))])

    def move_page(self, by: int) -> None:
        """Half a page down (1) or up (-1)."""
        self.move(by * max(1, (self.size.height - 1) // 2))

    def move_to_end(self, by: int) -> None:
        """To the first (-1) or last (1) row."""
        self.move(by * len(self._order))

    def select(self, job_id: str | None) -> None:
        """Select a job and bring its row into sight."""
        self.by_hand = True
        if job_id != self.selected:
            self._select(job_id)

    def _select(self, job_id: str | None) -> None:
        self.selected = job_id
        self._follow_selection()
        self._bring_into_sight()
        self._redraw()
        self.post_message(self.Selected(job_id))

    def toggle_mark(self, job_id: str) -> None:
        """Mark a job, or take its mark away: what is done next is done to all marked ones."""
        self.marked ^= {job_id}
        self._redraw_row(self._place[job_id] + self._image_rows)
        self.post_message(self.Selected(self.selected))

    def clear_marks(self) -> None:
        """Take all marks away."""
        for job in self.marked & self._place.keys():
            self._redraw_row(self._place[job] + self._image_rows)
        self.marked = frozenset()
        self.post_message(self.Selected(self.selected))

    def do_mark(self) -> None:
        """Mark the selected job and go on to the next."""
        if self.selected is not None:
            self.toggle_mark(self.selected)
            self.move(1)

    def do_back(self) -> None:
        """Marks go first."""
        if self.marked:
            self.clear_marks()
        else:
            self.dashboard.do_back()

    @property
    def dashboard(self) -> DashboardScreen:
        """The screen that this is a pane of."""
        return cast("DashboardScreen", self.screen)

    def do_down(self) -> None:
        self.move(1)

    def do_up(self) -> None:
        self.move(-1)

    def do_page_down(self) -> None:
        self.move_page(1)

    def do_page_up(self) -> None:
        self.move_page(-1)

    def do_top(self) -> None:
        self.move_to_end(-1)

    def do_bottom(self) -> None:
        self.move_to_end(1)

    def do_order(self) -> None:
        """By dependencies, or by time: what took longest first; in that order there are no rails."""
        self.by_time = not self.by_time
        self._graph = None
        self._set_view(self.view)
        self._bring_into_sight()
        self._redraw()

    def heading(self) -> list[Piece]:
        columns = self._columns or self._measure()
        axis = self._timeline.axis(columns.timeline) if self._timeline and columns.timeline else ""
        gap = " " * max(1, columns.name - cell_width(f"{self.number} {self.label}"))
        return [(gap + columns.head(axis).rstrip(), self.role(Role.IDLE))]

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self.title_strip()
        number = y - 1 + self._top
        found = self._strips.get(number)
        if found is None:
            if len(self._strips) >= _KEPT_STRIPS:
                self._strips.clear()
            found = self._strips[number] = self.strip(self._pieces(number))
        return found

    def on_resize(self, _event: events.Resize) -> None:
        self._measure()
        self._bring_into_sight()
        self._redraw()

    def on_click(self, event: events.Click) -> None:
        number = event.y - 1 + self._top - self._image_rows
        is_job = event.y >= 1 and 0 <= number < len(self._order)
        if is_job:
            self.select(self._order[number])
        if is_job and event.chain == 2:
            self.dashboard.do_deeper()
        else:
            self.post_message(self.Focused(self))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._scroll_by(3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._scroll_by(-3)

    def _set_view(self, view: Dashboard) -> None:
        self.view = view
        if self.by_time:
            now = self.skafos.now()
            longest = sorted(view.rows, key=lambda row: -(elapsed(row.task, now) or 0.0))
            self._rails, self._trace, self._graph = None, None, None
            self._set_order(tuple(row.job_id for row in longest))
        elif (self._graph is not view.graph and self._graph != view.graph) or len(self._order) != len(view.rows):
            self._graph = view.graph
            self._rails = lay_rails(view.graph) if len(view.graph) == len(view.rows) else None
            self._follow_selection()
            rows = self._rails.rows if self._rails else ()
            self._set_order(tuple(row.job for row in rows) or tuple(row.job_id for row in view.rows))
        self.marked &= view.row_of.keys()
        if self.selected not in view.row_of:
            self.selected = self._chosen(view)
            self._follow_selection()
            if self.is_mounted:
                self.post_message(self.Selected(self.selected))

    def _chosen(self, view: Dashboard) -> str | None:
        """What is selected now: what a person has selected, else the job that failed, else one that runs."""
        is_known = self.selected in view.row_of
        if is_known and self.by_hand:
            return self.selected
        first = first_selected([view.row_of[job] for job in self._order])
        if first is None or not is_known or self.selected is None:
            return first
        row, now = view.row_of[first], view.row_of[self.selected]
        failed = row.task is not None and row.task.state in FAILURES
        return first if failed or (row.ticks and not now.ticks) else self.selected

    def _follow_selection(self) -> None:
        """The family of the selected job is bright."""
        known = self._rails is not None and self.selected in self._rails.row_of
        self._trace = self._rails.highlight(self.selected) if known and self._rails and self.selected else None

    def _set_order(self, order: tuple[str, ...]) -> None:
        if order != self._order:
            self._order = order
            self._place = {job: number for number, job in enumerate(order)}
            self._strips.clear()

    def _measure(self) -> Columns:
        """The columns and the timeline for this view, width and instant."""
        known, self._widths = self._widths, {}
        for row in self.view.rows:
            found = known.get(row.job_id)
            self._widths[row.job_id] = found if found is not None and found.row is row else _width_of(row)
        order = self._order if self._rails else ()
        with_timeline = columns_for(self.size.width, 0, 0).timeline
        self._course = course_of(self.view, self.skafos.now(), order) if with_timeline else None
        return self._fit()

    def _fit(self) -> Columns:
        """The columns for the widest name and word there are, and the axis for the time there is."""
        rails = self._rails.width + 1 if self._rails and self._rails.width else 2
        widths = self._widths.values()
        names = max((width.name for width in widths), default=0)
        words = max((width.word for width in widths), default=0)
        self._columns = columns_for(self.size.width, 1 + rails + names, words)
        self._timeline = self._course.timeline(self._columns.timeline) if self._course else None
        return self._columns

    def _note_pieces(self, number: int) -> list[Piece]:
        """Why there are no jobs, and what mends it."""
        if not self.view.note or number >= NOTE_ROWS:
            return []
        if number == 0:
            return [(" ", PLAIN), (self.view.note, self.role(Role.BAD, bold=True))]
        return [(" ", PLAIN), ("e", BOLD), (" opens it there", self.role(Role.IDLE))]

    def _same_axis(self, old: Timeline | None) -> bool:
        new = self._timeline
        return old is new if new is None else new.same_axis(old)

    def _bar_moved(self, old: Timeline, job: str) -> bool:
        width = self._columns.timeline if self._columns else 0
        new = self._timeline
        if new is None or old.pieces.get(job) == new.pieces.get(job):
            return False
        return old.bar(job, width) != new.bar(job, width)

    def _visible_jobs(self) -> tuple[str, ...]:
        begin = max(0, self._top - self._image_rows)
        return self._order[begin : begin + self.size.height]

    def _bring_into_sight(self) -> None:
        height = self.size.height - 1
        if height < 1:
            return
        at = self._place.get(self.selected or "", 0) + self._image_rows
        # The image stands above the jobs: with the first one selected it is seen, too.
        self._top = min(self._top, at if at > self._image_rows else 0)
        self._top = max(self._top, at - height + 1)
        self._top = max(0, min(self._top, self.wanted_rows - 1 - height))

    def _scroll_by(self, rows: int) -> None:
        top = max(0, min(self._top + rows, self.wanted_rows - self.size.height))
        if top != self._top:
            self._top = top
            self.refresh()

    def _redraw(self) -> None:
        self._strips.clear()
        if self.is_mounted:
            self.refresh()

    def _redraw_row(self, number: int) -> None:
        self._strips.pop(number, None)
        self.refresh_row(number - self._top)

    def refresh_row(self, number: int) -> None:
        if 0 <= number < self.size.height - 1:
            self.refresh(Region(0, number + 1, self.size.width, 1))

    def _pieces(self, number: int) -> list[Piece]:
        if number < self._image_rows:
            return image_pieces(self.view.image, self.role, self.skafos.now()) if self.view.image else []
        number -= self._image_rows
        if not self._order:
            return self._note_pieces(number)
        if number >= len(self._order):
            return []
        job = self._order[number]
        columns = self._columns or self._measure()
        row = self.view.row_of[job]
        look = look_of(row.task, enabled=row.enabled, in_run=self.view.run is not None)
        chosen, now = job == self.selected, self.skafos.now()
        pieces: list[Piece] = [(FOCUS if chosen else " ", self.role(Role.RUN, bold=True))]
        if self._rails is not None:
            pieces += rail_pieces(self._rails, number, look, self._trace, self.role)
        else:
            pieces.append((look.glyph, self.role(look.role, bold=look.bold)))
        room = columns.name - (self._rails.width if self._rails else 1)
        pieces += name_pieces(row, look, room, self.role, chosen=chosen, marked=job in self.marked)
        self._next_texts[job] = next_text(row, now)
        return pieces + state_pieces(row, look, columns, self.role, now, self._timeline)


class _Width(NamedTuple):
    """The cells that a row's name and word want."""

    row: JobRow
    name: int
    word: int


def _width_of(row: JobRow) -> _Width:
    return _Width(row, cell_width(name_of(row)), len(look_of(row.task, enabled=row.enabled).word))
