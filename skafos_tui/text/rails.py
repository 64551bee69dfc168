"""The dependency graph beside a list: one row a job, its dependencies as rails on the left (SCREENS 4).

The parents of every job can be read back from the characters alone, as long as no more lanes are needed than are
drawn. The drawing depends on the graph only: states, selection and critical path are styles of its cells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache, cached_property
from typing import NamedTuple

from skafos_tui.model.ancestry import Edge, edges_between, family, reduced
from skafos_tui.model.graph import Graph, children_of, topological
from skafos_tui.text.glyphs import MORE, NODE, line_glyph

MOST_LANES = 8
"""More lanes nobody follows with the eye; what is beyond them is counted."""


class RailKind(Enum):
    """What a cell is part of."""

    BLANK = auto()
    NODE = auto()
    LANE = auto()
    """A job's lane, on its way down to children."""
    LINK = auto()
    """The horizontal between a row's job and its parents."""
    JOIN = auto()
    """Where a parent's lane meets that horizontal."""
    HIDDEN = auto()
    """The lanes beyond those drawn, and how many they are."""


class RailCell(NamedTuple):
    """One cell: the jobs whose lanes go on below it, and the parents whose edge to the row's job runs through it."""

    character: str
    kind: RailKind
    lanes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


BLANK = RailCell(" ", RailKind.BLANK)


class RailRow(NamedTuple):
    """The rails in the row of a job; `node` is the index of the cell for the glyph of its state."""

    job: str
    cells: tuple[RailCell, ...]
    node: int

    def text(self, glyph: str = NODE) -> str:
        """The characters of the row."""
        return "".join([glyph if cell.kind is RailKind.NODE else cell.character for cell in self.cells])


@dataclass(frozen=True)
class Rails:
    """All rows, from above; `graph` is what is drawn, without implied edges; `width` is in cells."""

    rows: tuple[RailRow, ...]
    graph: Mapping[str, tuple[str, ...]]
    width: int

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Job id to the number of its row, from 0."""
        return {row.job: number for number, row in enumerate(self.rows)}

    def highlight(self, job: str) -> RailTrace:
        """The job with its ancestors and descendants, and the edges between them."""
        return self.trace(family(self.graph, job))

    def trace(self, jobs: Collection[str], edges: Collection[Edge] | None = None) -> RailTrace:
        """Where some jobs and edges are drawn; by default all edges between these jobs."""
        wanted = frozenset(jobs)
        chosen = edges_between(self.graph, wanted) if edges is None else frozenset(edges)
        reach: dict[str, int] = {}
        for parent, job in chosen:
            reach[parent] = max(reach.get(parent, -1), self.row_of[job])
        return RailTrace(self, wanted, chosen, reach)


@dataclass(frozen=True)
class RailTrace:
    """Some jobs and edges in the rails; `reach` is the last row that an edge from a job leads to."""

    rails: Rails
    jobs: frozenset[str]
    edges: frozenset[Edge]
    reach: Mapping[str, int]

    def row(self, number: int) -> tuple[bool, ...]:
        """Of each cell of a row whether it belongs to one of the jobs or edges."""
        row = self.rails.rows[number]
        return tuple([self._holds(number, row.job, cell) for cell in row.cells])

    def _holds(self, number: int, job: str, cell: RailCell) -> bool:
        if cell.kind is RailKind.NODE:
            return job in self.jobs
        if any(self.reach.get(lane, -1) > number for lane in cell.lanes):
            return True
        return any((source, job) in self.edges for source in cell.sources)


def lay_rails(graph: Graph, most_lanes: int = MOST_LANES) -> Rails:
    """The rails of a graph without cycles (else ValueError); implied edges are left out."""
    parents = reduced(graph)
    lanes = _Lanes(parents, most_lanes)
    rows = tuple([lanes.row(job) for job in row_order(parents)])
    return Rails(rows, parents, max((len(row.cells) for row in rows), default=0))


def row_order(graph: Graph) -> list[str]:
    """Depth first, parents before children; of the children that become ready the one nearest to its end first."""
    children = children_of(graph)
    to_end: dict[str, int] = {}
    for job in reversed(topological(graph)):
        to_end[job] = 1 + max((to_end[child] for child in children[job]), default=0)
    rank = {job: number for number, job in enumerate(graph)}
    missing = {job: len(parents) for job, parents in graph.items()}
    todo = [job for job in graph if not missing[job]][::-1]
    order = []
    while todo:
        job = todo.pop()
        order.append(job)
        ready = []
        for child in children[job]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
        todo += sorted(ready, key=lambda child: (to_end[child], rank[child]), reverse=True)
    return order


class _Lanes:
    """The lanes between two rows, each as the cell it is where it only passes; BLANK where a column is free."""

    def __init__(self, graph: Mapping[str, tuple[str, ...]], most: int) -> None:
        self._graph = graph
        self._missing = {job: len(children) for job, children in children_of(graph).items()}
        self._lanes: list[RailCell] = []
        self._column_of: dict[str, int] = {}
        self._childless = -1  # the column of a job without children in the row above
        self._most = most

    def row(self, job: str) -> RailRow:
        """Draw the row of the next job, and go on below it."""
        joins: dict[int, bool] = {}
        for parent in self._graph[job]:
            self._missing[parent] -= 1
            joins[self._column_of[parent]] = bool(self._missing[parent])
        ending = [column for column in sorted(joins) if not joins[column]]
        column = ending[0] if ending else self._free_column(max(joins, default=-1) + 1)
        self._lanes += [BLANK] * (column + 1 - len(self._lanes))
        row = _Row(job, column, joins, self._lanes, bool(self._missing[job])).draw(self._most)
        self._go_on(job, column, ending)
        return row

    def _free_column(self, column: int) -> int:
        """The first free column from this one on: below a job without children it would look like its child."""
        while column == self._childless or (column < len(self._lanes) and self._lanes[column] is not BLANK):
            column += 1
        return column

    def _go_on(self, job: str, column: int, ending: Sequence[int]) -> None:
        for ended in ending:
            self._lanes[ended] = BLANK
        goes_on = bool(self._missing[job])
        self._lanes[column] = RailCell("│", RailKind.LANE, (job,)) if goes_on else BLANK
        self._column_of[job] = column
        self._childless = -1 if goes_on else column
        while self._lanes and self._lanes[-1] is BLANK:
            self._lanes.pop()


class _Row:
    """One row to be drawn: `lanes` as they come from above, `joins` says of each parent's column whether it goes on."""

    def __init__(
        self, job: str, column: int, joins: Mapping[int, bool], lanes: Sequence[RailCell], goes_on: bool
    ) -> None:
        self._job = job
        self._column = column
        self._joins = joins
        self._lanes = lanes
        self._node = RailCell(NODE, RailKind.NODE, (job,) if goes_on else ())
        self._low = min(column, *joins) if joins else column
        self._high = max(column, *joins) if joins else column

    def draw(self, most: int) -> RailRow:
        """The cells; of more than `most` lanes the others are one cell and their count."""
        count = min(most, len(self._lanes))
        cells = [BLANK] * (2 * count)
        cells[::2] = self._lanes[:count]
        self._lead_to_node(cells, range(self._low, self._column), 1)
        self._lead_to_node(cells, range(self._high, self._column, -1), -1)
        if self._column < count:
            cells[2 * self._column] = self._node
        if len(self._lanes) > most:
            cells += self._beyond(most)
        while cells[-1] is BLANK:
            cells.pop()
        return RailRow(self._job, tuple(cells), 2 * min(self._column, most))

    def _lead_to_node(self, cells: list[RailCell], columns: range, step: int) -> None:
        """Draw the horizontal over some columns, the outermost parent's first; beyond what is drawn it only gathers."""
        link = BLANK
        for column in columns:
            lane = self._lanes[column]
            cell = link if lane is BLANK else lane
            if column in self._joins:
                goes_on = self._joins[column]
                sources = (*link.sources, lane.lanes[0])
                glyph = line_glyph(1, int(column < self._high), int(goes_on), int(column > self._low))
                cell = RailCell(glyph, RailKind.JOIN, lane.lanes if goes_on else (), sources)
                link = RailCell("─", RailKind.LINK, (), sources)
            if 2 * column < len(cells):
                cells[2 * column] = cell
            if 2 * column + step < len(cells):
                cells[2 * column + step] = link

    def _beyond(self, most: int) -> list[RailCell]:
        """What stands for the lanes that are not drawn: the job if it has one, and the number of the others."""
        beyond = self._lanes[most:]
        count = len(beyond) - beyond.count(BLANK)
        if self._column < most:
            return [_MORE, *_digits(count)]
        return [self._node, *_digits(count - (self._lanes[self._column] is not BLANK))]


_MORE = RailCell(MORE, RailKind.HIDDEN)


@cache
def _digits(count: int) -> tuple[RailCell, ...]:
    return tuple([RailCell(digit, RailKind.HIDDEN) for digit in f"+{count}"]) if count else ()
