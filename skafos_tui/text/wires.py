"""The lines of a layered drawing as cells that know the edges in each of their arms (SCREENS 4, step 8)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from skafos_tui.model.ancestry import Edge
from skafos_tui.text.channels import Channel, Net
from skafos_tui.text.glyphs import ARROW, line_glyph

Edges = tuple[Edge, ...]
UP, RIGHT, DOWN, LEFT = range(4)


class Wire(NamedTuple):
    """`length` equal cells of lines from `column` on; each arm holds the edges in it, none where there is no arm."""

    column: int
    length: int
    up: Edges
    right: Edges
    down: Edges
    left: Edges
    is_arrow: bool = False

    @property
    def edges(self) -> Edges:
        """All edges that run through it."""
        return tuple(dict.fromkeys((*self.left, *self.up, *self.down, *self.right)))

    def text(self, heavy: Collection[Edge]) -> str:
        """The characters; arms with an edge of `heavy` are heavy."""
        if self.is_arrow:
            return ARROW
        weights = [_weight(arm, heavy) for arm in (self.up, self.right, self.down, self.left)]
        return line_glyph(*weights) * self.length


def _weight(arm: Edges, heavy: Collection[Edge]) -> int:
    if not arm:
        return 0
    return 2 if heavy and any(edge in heavy for edge in arm) else 1


WireRows = Sequence[dict[int, Wire]]
"""For each row of the drawing the wires by their column."""


class Gap:
    """The lines of one gap: collects the arms of its nets and unites them."""

    def __init__(self, column: int, width: int, channel: Channel, edges: Callable[[int, int], Edges]) -> None:
        """`column` is the gap's first one, `edges` gives those between a source and a target."""
        self._first = column
        self._last = column + width - 1
        self._edges = edges
        self._arms: dict[tuple[int, int], dict[int, list[Edges]]] = {}
        for number, net in enumerate(channel.nets):
            track = channel.tracks[number]
            self._draw(number, net, self._last if track is None else column + 1 + track)

    def _draw(self, number: int, net: Net, turn: int) -> None:
        for source, row in net.sources:
            edges = tuple([edge for target, _ in net.targets for edge in self._edges(source, target)])
            self._put(row, self._first, number, LEFT, edges)
            self._horizontal(row, self._first, turn, number, edges)
        for target, row in net.targets:
            edges = tuple([edge for source, _ in net.sources for edge in self._edges(source, target)])
            self._put(row, self._last, number, RIGHT, edges)
            self._horizontal(row, turn, self._last, number, edges)
        for above, below in pairwise(sorted({row for _, row in (*net.sources, *net.targets)})):
            edges = self._between(net, above, below)
            for row in range(above, below):
                self._put(row, turn, number, DOWN, edges)
                self._put(row + 1, turn, number, UP, edges)

    def _between(self, net: Net, above: int, below: int) -> Edges:
        """The edges that pass from one row to the other, down or up."""
        return tuple(
            edge
            for source, leaving in net.sources
            for target, entering in net.targets
            if min(leaving, entering) <= above and max(leaving, entering) >= below
            for edge in self._edges(source, target)
        )

    def _horizontal(self, row: int, left: int, right: int, number: int, edges: Edges) -> None:
        for column in range(left, right):
            self._put(row, column, number, RIGHT, edges)
            self._put(row, column + 1, number, LEFT, edges)

    def _put(self, row: int, column: int, number: int, arm: int, edges: Edges) -> None:
        self._arms.setdefault((row, column), {}).setdefault(number, [(), (), (), ()])[arm] = edges

    def wires(self) -> Iterator[tuple[int, Wire]]:
        """All cells, each with its row."""
        for (row, column), by_net in self._arms.items():
            up, right, down, left = _united(list(by_net.values()))
            yield row, Wire(column, 1, up, right, down, left)


def _united(nets: Sequence[Sequence[Edges]]) -> Sequence[Edges]:
    """The arms of a cell; where two nets cross at right angles those of the vertical."""
    if len(nets) == 1:
        return nets[0]
    if len(nets) == 2:
        for one, other in (nets, nets[::-1]):
            if _is_vertical(one) and _is_horizontal(other):
                return one
    return [tuple(edge for arms in nets for edge in arms[arm]) for arm in range(4)]


def _is_vertical(arms: Sequence[Edges]) -> bool:
    return bool(arms[UP] and arms[DOWN] and not arms[LEFT] and not arms[RIGHT])


def _is_horizontal(arms: Sequence[Edges]) -> bool:
    return bool(arms[LEFT] and arms[RIGHT] and not arms[UP] and not arms[DOWN])


def follow(rows: WireRows, row: int, column: int, last: int) -> set[int]:
    """The rows in column `last` that a reader comes to who follows lines from a cell rightwards, up and down."""
    reached: set[int] = set()
    seen: set[tuple[int, int, int]] = set()
    todo = [(row, column, RIGHT)]
    while todo:
        step = todo.pop()
        if step in seen:
            continue
        seen.add(step)
        row, column, heading = step
        wire = rows[row].get(column)
        if wire is None:
            continue
        if column == last:
            reached.add(row)
            continue
        todo += _ways_on(row, column, heading, wire)
    return reached


def _ways_on(row: int, column: int, heading: int, wire: Wire) -> Iterator[tuple[int, int, int]]:
    if heading == RIGHT and not wire.left:
        yield row, column + 1, RIGHT  # below a vertical that crosses
        return
    if wire.right:
        yield row, column + 1, RIGHT
    if wire.up:
        yield row - 1, column, UP
    if wire.down:
        yield row + 1, column, DOWN


def reads_back(rows: WireRows, channel: Channel, first: int, last: int) -> bool:
    """Whether following the lines of a gap leads from each source to its targets, and nowhere else."""
    entry_of: Mapping[int, int] = {row: target for net in channel.nets for target, row in net.targets}
    return all(
        {entry_of.get(row) for row in follow(rows, leaving, first, last)} == {target for target, _ in net.targets}
        for net in channel.nets
        for _, leaving in net.sources
    )
