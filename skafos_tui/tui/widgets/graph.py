"""The graph in layers, the other face of the jobs; where it is larger than its pane it stands there as rails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip

from skafos_tui.model.ancestry import Edge, edges_between, family
from skafos_tui.model.graph import children_of
from skafos_tui.text.rails import Rails, RailTrace, lay_rails
from skafos_tui.text.tables import clip
from skafos_tui.tui.graph_steps import Place, along, between, end_of_layer
from skafos_tui.tui.labels import critical_of, detail_of, look_in, size_of, title_of
from skafos_tui.tui.theme import Role
from skafos_tui.tui.views import Dashboard, JobRow
from skafos_tui.tui.widgets.pane import BOLD, FOCUS, PLAIN, Pane, Piece
from skafos_tui.tui.widgets.rail_pieces import rail_pieces

if TYPE_CHECKING:
    from skafos_tui.text.layered import Layered, Span
    from skafos_tui.tui.screens.dashboard import DashboardScreen

TOO_LARGE = "larger than this pane: shown as rails"
CRITICAL = "━ critical path"
_REVERSE = Style(bold=True, reverse=True)


class GraphPane(Pane):
    """The dependency graph of the shown run; its selection is that of the jobs.

    What it lays out depends on the graph, the names and the pane's size; states, times and selection only change how
    rows of it look.
    """

    def __init__(self, view: Dashboard, *, id: str = "graph") -> None:
        super().__init__(2, "GRAPH", id=id)
        self.view = view
        self.selected: str | None = None
        self.marked: frozenset[str] = frozenset()
        self._layered: Layered | None = None
        self._refused: tuple[int, int] | None = None
        self._rails: Rails | None = None
        self._drawn: Layered | Rails | None = None
        self._places: Mapping[str, Place] = {}
        self._rows_of_edge: dict[Edge, set[int]] = {}
        self._heavy: frozenset[Edge] = frozenset()
        self._family: frozenset[str] = frozenset()
        self._bright: frozenset[Edge] = frozenset()
        self._trace: RailTrace | None = None
        self._labels: dict[str, tuple[str, str]] = {}
        self._strips: dict[int, Strip] = {}
        self._top = 0

    @property
    def dashboard(self) -> DashboardScreen:
        """The screen that this is a pane of."""
        return cast("DashboardScreen", self.screen)

    def drawing_for(self, width: int, height: int) -> Layered | None:
        """The layered drawing where it fits into so many cells below the title; else None."""
        known = self._layered
        if known is not None:
            return known if known.width <= width and known.height <= height else None
        if self._refused is not None and width <= self._refused[0] and height <= self._refused[1]:
            return None
        self._layered = self._lay_layers(width, height)
        self._refused = None if self._layered else (width, height)
        return self._layered

    def _lay_layers(self, width: int, height: int) -> Layered | None:
        from skafos_tui.text.layered import lay_layers  # not before a graph is drawn

        rows, graph = self.view.row_of, self.view.graph
        if not graph or graph.keys() != rows.keys():
            return None
        return lay_layers(graph, {job: size_of(row) for job, row in rows.items()}, width, height)

    def show(self, view: Dashboard) -> None:
        """Show another view: a changed state draws its rows anew, only another graph is laid out."""
        before, self.view = self.view, view
        if _differs(before, view):
            self._layered = self._refused = self._rails = None
            self._lay_out()
            return
        rows: set[int] = set()
        for old, new in zip(before.rows, view.rows, strict=True):
            if old is not new and old != new:
                rows |= self._rows_of(new)
                if old.ticks != new.ticks:
                    rows |= self._rows_into(new.job_id)
        self._redraw_rows(rows | self._weigh())

    def tick(self) -> None:
        """A second has gone by: times grow, and the critical path may be another one."""
        rows = {row for job in self._places if (found := self.view.row_of[job]).ticks for row in self._rows_of(found)}
        self._redraw_rows(rows | self._weigh())

    def restyle(self) -> None:
        """Colours or glyphs have changed."""
        self._redraw()

    def select(self, job_id: str | None, marked: frozenset[str] = frozenset()) -> None:
        """The selected job, with its ancestors and descendants, is bright; the rest is dim."""
        if (job_id, marked) != (self.selected, self.marked):
            if marked != self.marked:
                self._labels.clear()
            self.selected, self.marked = job_id, marked
            self._follow_selection()
            self._bring_into_sight()
            self._redraw()

    def do_down(self) -> None:
        self._step(self._beside(1))

    def do_up(self) -> None:
        self._step(self._beside(-1))

    def do_page_down(self) -> None:
        self._page(1)

    def do_page_up(self) -> None:
        self._page(-1)

    def do_top(self) -> None:
        self._step(min(self._places, key=self._places.__getitem__, default=None))

    def do_bottom(self) -> None:
        self._step(max(self._places, key=self._places.__getitem__, default=None))

    def do_mark(self) -> None:
        if self.selected is not None:
            self.dashboard.jobs.toggle_mark(self.selected)

    def do_deeper(self) -> None:
        """`l` goes along an edge, Enter into the log."""
        job = self._standing
        if job and self.dashboard.last_key in ("l", "right"):
            self._step(along(job, children_of(self._graph)[job], self._places))
        else:
            self.dashboard.do_deeper()

    def do_back(self) -> None:
        """`h` goes along an edge, `q` and Esc back."""
        job = self._standing
        if job and self.dashboard.last_key in ("h", "left"):
            self._step(along(job, self._graph[job], self._places))
        elif self.marked:
            self.dashboard.jobs.clear_marks()
        else:
            self.dashboard.do_back()

    def heading(self) -> list[Piece]:
        if isinstance(self._drawn, Rails):
            return [(f"  {TOO_LARGE}", self.role(Role.WARN))]
        row = self.view.row_of.get(self.selected or "")
        said = [row.name] if row else []
        if self._heavy:
            said.append(CRITICAL)
        return [(f"  {'   '.join(said)}", self.role(Role.IDLE))] if said else []

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self.title_strip()
        if self._drawn is None:
            self._lay_out()
        number = y - 1 + self._top
        found = self._strips.get(number)
        if found is None:
            found = self._strips[number] = self.strip(self._pieces(number))
        return found

    def on_resize(self, _event: events.Resize) -> None:
        self._lay_out()

    def on_click(self, event: events.Click) -> None:
        job = self._job_at(event.x - 1, event.y - 1 + self._top) if event.y >= 1 else None
        self._step(job)
        if job is not None and event.chain == 2:
            self.dashboard.do_deeper()
        else:
            self.post_message(self.Focused(self))

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        self._show_from(self._top + 3)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._show_from(self._top - 3)

    @property
    def _graph(self) -> Mapping[str, tuple[str, ...]]:
        return self._drawn.graph if self._drawn else {}

    def _lay_out(self) -> None:
        """The drawing for this size, else rails; nothing while the pane has no size."""
        self._drawn, self._places, self._rows_of_edge = None, {}, {}
        self._labels.clear()
        width, height = self.size.width - 1, self.size.height - 1
        if width < 1 or height < 1:
            return
        layered = self.drawing_for(width, height)
        if layered is not None:
            self._drawn = layered
            self._places = {job: (box.column, box.row) for job, box in layered.boxes.items()}
            self._rows_of_edge = _rows_of_edges(layered)
        elif self.view.graph.keys() == self.view.row_of.keys():
            self._rails = self._rails or lay_rails(self.view.graph)
            self._drawn = self._rails
            self._places = {job: (0, row) for job, row in self._rails.row_of.items()}
        self._follow_selection()
        self._weigh()
        self._bring_into_sight()
        self._redraw()

    def _follow_selection(self) -> None:
        job = self._standing
        self._family = family(self._graph, job) if job else frozenset()
        self._bright = edges_between(self._graph, self._family)
        rails = self._drawn if isinstance(self._drawn, Rails) else None
        self._trace = rails.trace(self._family, self._bright) if job and rails else None

    def _weigh(self) -> set[int]:
        """Find the critical path; the rows that look otherwise for it. Rails have no weights."""
        if not self._rows_of_edge:
            return set()
        path = critical_of(self.view, self._graph, self.skafos.now())
        before, self._heavy = self._heavy, frozenset(pairwise(path))
        if bool(before) != bool(self._heavy) and self.is_mounted:
            self.refresh(Region(0, 0, self.size.width, 1))
        return {row for edge in before ^ self._heavy for row in self._rows_of_edge.get(edge, ())}

    def _rows_of(self, row: JobRow) -> set[int]:
        """The rows of the drawing that a job's label takes; what it says is to be made anew."""
        self._labels.pop(row.job_id, None)
        place = self._places.get(row.job_id)
        if place is None:
            return set()
        return {place[1]} if isinstance(self._drawn, Rails) else {place[1], place[1] + 1}

    def _rows_into(self, job: str) -> set[int]:
        edges = [(parent, job) for parent in self._graph.get(job, ())]
        return {row for edge in edges for row in self._rows_of_edge.get(edge, ())}

    def _pieces(self, number: int) -> list[Piece]:
        if isinstance(self._drawn, Rails):
            return self._rails_pieces(self._drawn, number)
        if self._drawn is None or number >= self._drawn.height:
            return []
        labels = _Labels(self)
        return [
            (" ", PLAIN),
            *(piece for span in self._drawn.row(number, labels, self._heavy) for piece in self._styled(span, number)),
        ]

    def _styled(self, span: Span, number: int) -> Iterator[Piece]:
        if span.job is not None:
            yield from self._label_pieces(span.text, span.job, is_title=number == self._places[span.job][1])
        else:
            yield span.text, self._line_style(span.edges)

    def _line_style(self, edges: Iterable[Edge]) -> Style:
        """Edges into a running job have its colour, those of the selected job's family are bright, the rest dim."""
        if any(self.view.row_of[child].ticks for _, child in edges):
            return self.role(Role.RUN)
        return PLAIN if any(edge in self._bright for edge in edges) else self.role(Role.IDLE)

    def _label_pieces(self, text: str, job: str, *, is_title: bool) -> Iterator[Piece]:
        look = look_in(self.view, self.view.row_of[job])
        own = self.role(look.role, bold=look.bold)
        if not is_title:
            yield text, own if look.role is Role.RUN else self.role(Role.IDLE)
            return
        yield text[:1], own
        yield text[1:2], self.role(Role.WARN, bold=True) if job in self.marked else PLAIN
        yield text[2:], self._name_style(job)

    def _name_style(self, job: str) -> Style:
        if job == self.selected:
            return _REVERSE
        return PLAIN if job in self._family or not self._family else self.role(Role.IDLE)

    def _label(self, job: str) -> tuple[str, str]:
        found = self._labels.get(job)
        row = self.view.row_of[job]
        if found is None or row.ticks:
            title = title_of(row, look_in(self.view, row), is_marked=job in self.marked)
            found = self._labels[job] = (title, detail_of(row, self.skafos.now()))
        return found

    def _rails_pieces(self, rails: Rails, number: int) -> list[Piece]:
        if number >= len(rails.rows):
            return []
        row = self.view.row_of[rails.rows[number].job]
        look = look_in(self.view, row)
        chosen = row.job_id == self.selected
        is_marked = row.job_id in self.marked
        return [
            (FOCUS if chosen else " ", self.role(Role.RUN, bold=True)),
            *rail_pieces(rails, number, look, self._trace, self.role),
            ("*" if is_marked else " ", self.role(Role.WARN, bold=True) if is_marked else PLAIN),
            (clip(row.name, self.size.width), BOLD if chosen else self._name_style(row.job_id)),
            (detail_of(row, self.skafos.now()), self.role(look.role if look.role is Role.RUN else Role.IDLE)),
        ]

    def _beside(self, by: int) -> str | None:
        job = self._standing
        return between(job, by, self._places) if job else None

    @property
    def _standing(self) -> str | None:
        """The selected job, where it is drawn."""
        return self.selected if self.selected in self._places else None

    def _page(self, by: int) -> None:
        """Half a page of rails; to the end of a layer in the drawing."""
        job = self._standing
        if job is None:
            return
        if isinstance(self._drawn, Rails):
            self._step(between(job, by * max(1, (self.size.height - 1) // 2), self._places))
        else:
            self._step(end_of_layer(job, by, self._places))

    def _step(self, job: str | None) -> None:
        if job is not None and job != self.selected:
            self.select(job, self.marked)
            # At once: the next key is for this job.
            self.dashboard.jobs.select(job)

    def _job_at(self, x: int, row: int) -> str | None:
        if isinstance(self._drawn, Rails):
            return next((job for job, place in self._places.items() if place[1] == row), None)
        for box in self._drawn.boxes.values() if self._drawn else ():
            if box.column <= x < box.column + box.width and box.row <= row < box.row + box.height:
                return box.job
        return None

    def _bring_into_sight(self) -> None:
        if not isinstance(self._drawn, Rails):
            self._top = 0
        elif job := self._standing:
            at, height = self._places[job][1], self.size.height - 1
            self._show_from(max(at - height + 1, min(self._top, at)))

    def _show_from(self, top: int) -> None:
        rows = len(self._drawn.rows) if isinstance(self._drawn, Rails) else 0
        top = max(0, min(top, rows - (self.size.height - 1)))
        if top != self._top:
            self._top = top
            self.refresh()

    def _redraw(self) -> None:
        self._strips.clear()
        if self.is_mounted:
            self.refresh()

    def _redraw_rows(self, rows: Iterable[int]) -> None:
        for row in rows:
            if self._strips.pop(row, None) is not None:
                self.refresh_row(row - self._top)


class _Labels(Mapping[str, tuple[str, str]]):
    """The labels of the jobs in a row, made when they are asked for."""

    def __init__(self, pane: GraphPane) -> None:
        self._pane = pane

    def __getitem__(self, job: str) -> tuple[str, str]:
        return self._pane._label(job)

    def __iter__(self) -> Iterator[str]:
        return iter(self._pane.view.graph)

    def __len__(self) -> int:
        return len(self._pane.view.graph)


def _differs(before: Dashboard, view: Dashboard) -> bool:
    """Whether it is to be laid out anew: another graph, or labels of another size."""
    if before.graph is not view.graph and before.graph != view.graph:
        return True
    if len(before.rows) != len(view.rows):
        return True
    return any(
        old.job_id != new.job_id or size_of(old) != size_of(new)
        for old, new in zip(before.rows, view.rows, strict=True)
        if old is not new
    )


def _rows_of_edges(layered: Layered) -> dict[Edge, set[int]]:
    """The rows of a drawing that each edge runs through."""
    from skafos_tui.text.wires import Wire

    found: dict[Edge, set[int]] = {}
    for number, pieces in enumerate(layered.pieces):
        for piece in pieces:
            for edge in piece.edges if isinstance(piece, Wire) else piece.leaving:
                found.setdefault(edge, set()).add(number)
    return found
