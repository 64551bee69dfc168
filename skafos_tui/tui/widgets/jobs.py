"""Jobs and DAG as one list: a row a job, dependencies as rails on its left, the run's timeline on its right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from skafos_tui.model.run import TaskState
from skafos_tui.text.durations import clock, relative
from skafos_tui.text.rails import RailCell, RailKind, RailRow, Rails, RailTrace, lay_rails
from skafos_tui.text.tables import cell_width, clip, pad
from skafos_tui.tui.columns import LAST, TIME, Columns, columns_for
from skafos_tui.tui.theme import LOOKS, Look, Role, look_of
from skafos_tui.tui.timeline import Timeline, timeline_of
from skafos_tui.tui.views import Dashboard, JobRow, elapsed, first_selected
from skafos_tui.tui.widgets.pane import FOCUS, PLAIN, Pane, Piece

if TYPE_CHECKING:
    from skafos_tui.tui.screens.dashboard import DashboardScreen

MARK = "*"
"""Stands before the name of a marked job."""
_MOST_NAME = 40
_KEPT_STRIPS = 4096


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
        self._timeline: Timeline | None = None
        self._next_texts: dict[str, str] = {}
        self._widths: dict[str, tuple[JobRow, int, int]] = {}
        self._set_view(view)

    @property
    def wanted_rows(self) -> int:
        """Rows that would show everything, the title included."""
        return 1 + self._image_rows + len(self._order)

    @property
    def _image_rows(self) -> int:
        return int(self.view.image is not None)

    def show(self, view: Dashboard) -> None:
        """Show another view; only rows that differ are drawn anew."""
        before, old_columns, old_order = self.view, self._columns, self._order
        old_image, old_timeline = self._image_rows, self._timeline
        self._set_view(view)
        self._measure()
        same_frame = (
            old_columns == self._columns
            and old_order == self._order
            and old_image == self._image_rows
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
            if self._next_texts.get(job, "") != self._next_text(self.view.row_of[job]):
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
        if job_id == self.selected:
            return
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
            self.selected = first_selected([view.row_of[job] for job in self._order])
            self._follow_selection()
            if self.is_mounted:
                self.post_message(self.Selected(self.selected))

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
        rails = self._rails.width + 1 if self._rails and self._rails.width else 2
        names, words = self._wanted_widths()
        self._columns = columns_for(self.size.width, 1 + rails + names, words)
        wide = self._columns.timeline
        order = self._order if self._rails else ()
        self._timeline = timeline_of(self.view, self.skafos.now(), wide, order) if wide else None
        return self._columns

    def _wanted_widths(self) -> tuple[int, int]:
        """The widest name with its instances, and the widest word; only rows that differ are looked at."""
        known, self._widths = self._widths, {}
        for row in self.view.rows:
            found = known.get(row.job_id)
            if found is None or found[0] is not row:
                word = look_of(row.task, enabled=row.enabled).word
                found = (row, cell_width(_name_of(row)), len(word))
            self._widths[row.job_id] = found
        values = self._widths.values()
        return max((name for _, name, _ in values), default=0), max((word for _, _, word in values), default=0)

    def _same_axis(self, old: Timeline | None) -> bool:
        new = self._timeline
        if old is None or new is None:
            return old is new
        return (old.length_s, old.step_s) == (new.length_s, new.step_s)

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
            return self._image_pieces()
        number -= self._image_rows
        if number >= len(self._order):
            return []
        job = self._order[number]
        columns = self._columns or self._measure()
        row = self.view.row_of[job]
        look = look_of(row.task, enabled=row.enabled, in_run=self.view.run is not None)
        chosen = job == self.selected
        bar: Piece = (FOCUS if chosen else " ", self.role(Role.RUN, bold=True))
        return [bar, *self._name_pieces(number, row, look, columns.name), *self._state_pieces(row, look, columns)]

    def _image_pieces(self) -> list[Piece]:
        image = self.view.image
        if image is None:
            return []
        role = Role.BAD if image.error else Role.RUN
        glyph = LOOKS[TaskState.FAILED if image.error else TaskState.STARTING].glyph
        text = image.error or image.step or "building"
        time = "" if image.error else f"  {clock(self.skafos.now() - image.since)}"
        style = self.role(role, bold=bool(image.error))
        return [(" ", PLAIN), (f"{glyph} ", style), ("image  ", PLAIN), (text, style), (time, self.role(Role.IDLE))]

    def _name_pieces(self, number: int, row: JobRow, look: Look, width: int) -> list[Piece]:
        """Rails with the glyph of the state, the name, and instances by state, in exactly `width` cells."""
        pieces, used = self._rail_pieces(number, look)
        is_marked = row.job_id in self.marked
        pieces.append((MARK if is_marked else " ", self.role(Role.WARN, bold=True) if is_marked else PLAIN))
        used += 1
        counts = [f"{count}{LOOKS[state].glyph}" for state, count in row.counts]
        room = width - 1 - used - sum(len(text) + 1 for text in counts)
        name = clip(row.name, max(0, room))
        chosen = row.job_id == self.selected
        faint = look.role is Role.IDLE and not chosen and row.task is None
        pieces.append((name, Style(bold=True) if chosen else self.role(Role.IDLE) if faint else PLAIN))
        used += cell_width(name)
        for (state, _), text in zip(row.counts, counts, strict=True):
            pieces.append((f" {text}", self.role(LOOKS[state].role)))
            used += 1 + len(text)
        pieces.append((" " * max(0, width - used), PLAIN))
        return pieces

    def _rail_pieces(self, number: int, look: Look) -> tuple[list[Piece], int]:
        glyph_style = self.role(look.role, bold=look.bold)
        if self._rails is None:
            return [(look.glyph, glyph_style)], 1
        rail = self._rails.rows[number]
        bright = self._trace.row(number) if self._trace else (False,) * len(rail.cells)
        pieces = [
            (look.glyph, glyph_style)
            if cell.kind is RailKind.NODE
            else (cell.character, self._rail_style(rail, cell, look, is_bright))
            for cell, is_bright in zip(rail.cells, bright, strict=True)
        ]
        used = len(rail.cells)
        if used < self._rails.width:
            pieces.append((" " * (self._rails.width - used), PLAIN))
        return pieces, self._rails.width

    def _rail_style(self, rail: RailRow, cell: RailCell, look: Look, bright: bool) -> Style:
        """Edges into a running job have its colour; the family of the selected job is bright, the rest dim."""
        if look.bold and look.role is Role.RUN and cell.kind in (RailKind.LINK, RailKind.JOIN) and cell.sources:
            return self.role(Role.RUN)
        return PLAIN if bright else self.role(Role.IDLE)

    def _state_pieces(self, row: JobRow, look: Look, columns: Columns) -> list[Piece]:
        style = self.role(look.role, bold=look.bold)
        waits = row.task is not None and row.task.state is TaskState.QUEUED and look.role is Role.RUN
        if waits and row.task is not None and row.task.reason:
            return [(f"{look.word}: {row.task.reason}", style)]
        idle = self.role(Role.IDLE)
        time = clock(elapsed(row.task, self.skafos.now()))
        pieces: list[Piece] = [
            (pad(clip(look.word, columns.state), columns.state) + " ", style),
            (f"{time:>{TIME}}", PLAIN),
        ]
        if columns.usual:
            pieces.append((f"{clock(row.usual_s):>{columns.usual}}", idle))
        if columns.last:
            pieces.append(("  " + " " * (LAST - len(row.last)), PLAIN))
            pieces += [(LOOKS[state].glyph, self.role(LOOKS[state].role)) for state in row.last]
        if columns.next:
            text = self._next_texts[row.job_id] = self._next_text(row)
            pieces.append((f"  {clip(text, columns.next):<{columns.next}}", idle))
        if columns.timeline and self._timeline:
            pieces += [("  ", PLAIN), (self._timeline.bar(row.job_id, columns.timeline), self.role(look.role))]
        return pieces

    def _next_text(self, row: JobRow) -> str:
        if row.paused:
            return "paused"
        return "" if row.next_at is None else relative(row.next_at, self.skafos.now())


def _name_of(row: JobRow) -> str:
    counts = " ".join(f"{count}{LOOKS[state].glyph}" for state, count in row.counts)
    name = clip(row.name, _MOST_NAME)
    return f"{name} {counts}" if counts else name
