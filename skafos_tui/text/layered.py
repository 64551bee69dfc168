"""The dependency graph drawn from left to right in layers, jobs as labels, lines that can be followed (SCREENS 4).

The layout depends on the graph and the sizes of the labels only. States, times, selection and critical path change what
is written in it and how it looks, row by row.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from skafos_tui.model.ancestry import Edge, reduced
from skafos_tui.model.graph import Graph
from skafos_tui.text.channels import Channel, entry_offsets, route
from skafos_tui.text.glyphs import line_glyph
from skafos_tui.text.layers import Layering, jobs_by_layer, layer_jobs
from skafos_tui.text.placement import GAP_ROWS, place_rows
from skafos_tui.text.tables import cell_width, clip
from skafos_tui.text.wires import Edges, Gap, Wire, reads_back

SHIFTS = 3
"""How often the layers right of a gap move down a row, where its nets stand in each other's way."""
NARROWEST_GAP = 3
TURNS = 2
"""Cells of a gap beside its tracks: the one that leaves a job, and the arrow."""

Labels = Mapping[str, Sequence[str]]
"""Job id to the lines of its label, the title first; what doesn't fit is cut."""


class Size(NamedTuple):
    """What a label may take, in cells and rows."""

    width: int
    height: int


class Box(NamedTuple):
    """Where a job's label stands; `width` has one cell more, before the line that leaves; `leaving` are its edges."""

    job: str
    column: int
    row: int
    width: int
    height: int
    leaving: Edges


class Span(NamedTuple):
    """A piece of a row: a job's label, or a line with the edges that run through it, or neither: blank."""

    text: str
    job: str | None = None
    edges: Edges = ()


@dataclass(frozen=True)
class Layered:
    """A drawing, in cells and rows; `graph` is what is drawn, without implied edges."""

    graph: Mapping[str, tuple[str, ...]]
    width: int
    height: int
    boxes: Mapping[str, Box]
    pieces: Sequence[Sequence[Box | Wire]]

    def row(self, number: int, labels: Labels, heavy: Collection[Edge] = ()) -> list[Span]:
        """One row from left to right; the edges of `heavy` (the critical path) are drawn heavy."""
        spans: list[Span] = []
        at = 0
        for piece in self.pieces[number]:
            if piece.column > at:
                spans.append(Span(" " * (piece.column - at)))
            if isinstance(piece, Wire):
                spans.append(Span(piece.text(heavy), None, piece.edges))
                at = piece.column + piece.length
            else:
                spans += _label(piece, number, labels, heavy)
                at = piece.column + piece.width
        return spans

    def lines(self, labels: Labels, heavy: Collection[Edge] = ()) -> list[str]:
        """The whole drawing as plain text."""
        rows = [self.row(number, labels, heavy) for number in range(self.height)]
        return ["".join([span.text for span in row]).rstrip() for row in rows]


def _label(box: Box, row: int, labels: Labels, heavy: Collection[Edge]) -> list[Span]:
    """The part of a box in a row, filled up to its width: the title with the line that leaves it."""
    lines = labels[box.job]
    number = row - box.row
    text = clip(lines[number], box.width - 1) if number < len(lines) else ""
    left = box.width - cell_width(text) - 1
    if number or not box.leaving:
        return [Span(text, box.job), Span(" " * (left + 1))]
    weight = 2 if any(edge in heavy for edge in box.leaving) else 1
    return [Span(f"{text} ", box.job), Span(line_glyph(0, weight, 0, weight) * left, None, box.leaving)]


def lay_layers(
    graph: Graph, sizes: Mapping[str, Size], width: int | None = None, height: int | None = None
) -> Layered | None:
    """The drawing of a graph without cycles (else ValueError), implied edges left out.

    None where it does not fit into `width` cells or `height` rows, or where some line could be read wrongly: rails
    show that graph.
    """
    if not graph:
        return None
    parents = reduced(graph)
    if _is_larger(_least_size(parents, sizes), width, height):
        return None
    layout = _Layout(layer_jobs(parents), sizes)
    if _is_larger(Size(layout.width, layout.height), width, height):
        return None
    rows = layout.wires()
    if not all(
        reads_back(rows, channel, gap.first, gap.last)
        for channel, gap in zip(layout.channels, layout.gaps, strict=True)
    ):
        return None
    boxes = layout.boxes()
    pieces: list[list[Box | Wire]] = [list(row.values()) for row in layout.with_arrows(rows)]
    for box in boxes:
        for row in range(box.row, box.row + box.height):
            pieces[row].append(box)
    for row_pieces in pieces:
        row_pieces.sort(key=lambda piece: piece.column)
    return Layered(parents, layout.width, layout.height, {box.job: box for box in boxes}, pieces)


def _is_larger(size: Size, width: int | None, height: int | None) -> bool:
    return (width is not None and size.width > width) or (height is not None and size.height > height)


def _least_size(graph: Graph, sizes: Mapping[str, Size]) -> Size:
    """What the labels alone take; most graphs that are too large are so by this, which is quickly known."""
    layers = [[sizes[job] for job in layer] for layer in jobs_by_layer(graph)]
    width = sum(max(size.width for size in layer) + 1 + NARROWEST_GAP for layer in layers) - NARROWEST_GAP
    return Size(width, max(sum(size.height + GAP_ROWS for size in layer) for layer in layers) - GAP_ROWS)


class _Columns(NamedTuple):
    first: int
    last: int


class _Layout:
    """Rows of all items, columns of layers and gaps, and the nets of each gap with their tracks."""

    def __init__(self, layering: Layering, sizes: Mapping[str, Size]) -> None:
        self._layering = layering
        self._offsets = entry_offsets(layering)
        self._heights = self._item_heights(sizes)
        self._row_of = place_rows(layering, self._heights)
        self.channels = [self._route(number) for number in range(len(layering.layers) - 1)]
        self._place_columns(sizes)
        self.height = max(row + tall for row, tall in zip(self._row_of, self._heights, strict=True))

    def _item_heights(self, sizes: Mapping[str, Size]) -> list[int]:
        """A job is as high as its label, or as its entries; a dummy is one row."""
        heights = [1] * len(self._layering.owner)
        for item, job in enumerate(self._layering.jobs):
            heights[item] = max(1, sizes[job].height)
        for (_, target), offset in self._offsets.items():
            heights[target] = max(heights[target], offset + 1)
        return heights

    def _route(self, number: int) -> Channel:
        """The channel right of a layer; where its nets are in each other's way, later layers move down a row."""
        layers = self._layering.layers
        channel = route(self._layering, layers[number], self._row_of, self._offsets)
        for _ in range(SHIFTS):
            if channel.is_clear:
                break
            for layer in layers[number + 1 :]:
                for item in layer:
                    self._row_of[item] += 1
            channel = route(self._layering, layers[number], self._row_of, self._offsets)
        return channel

    def _place_columns(self, sizes: Mapping[str, Size]) -> None:
        """Layers as wide as their widest label and a blank, except the last one, which nothing leaves."""
        jobs = self._layering.jobs
        widths = [
            1 + max((sizes[jobs[item]].width for item in layer if self._layering.is_job(item)), default=0)
            for layer in self._layering.layers
        ]
        gaps = [max(NARROWEST_GAP, channel.count + TURNS) for channel in self.channels]
        ends = list(accumulate(size for pair in zip(widths, [*gaps, 0], strict=True) for size in pair))
        self._columns = [_Columns(end - size, end - 1) for end, size in zip(ends[::2], widths, strict=True)]
        self.gaps = [_Columns(end - size, end - 1) for end, size in zip(ends[1:-1:2], gaps, strict=True)]
        self.width = ends[-1]

    def boxes(self) -> list[Box]:
        """Where the jobs stand."""
        boxes = []
        for layer, (first, last) in zip(self._layering.layers, self._columns, strict=True):
            for item in filter(self._layering.is_job, layer):
                job, width = self._layering.jobs[item], last - first + 1
                leaving = tuple(
                    edge for right in self._layering.after[item] for edge in self._edges_between(item, right)
                )
                boxes.append(Box(job, first, self._row_of[item], width, self._heights[item], leaving))
        return boxes

    def _edges_between(self, left: int, right: int) -> Edges:
        parent = self._layering.jobs[self._layering.owner[left]]
        return tuple([edge for edge in self._layering.edges[right] if edge[0] == parent])

    def wires(self) -> list[dict[int, Wire]]:
        """All lines: those of the gaps, and those that pass a layer."""
        rows: list[dict[int, Wire]] = [{} for _ in range(self.height)]
        for channel, (first, last) in zip(self.channels, self.gaps, strict=True):
            for row, wire in Gap(first, last - first + 1, channel, self._edges_between).wires():
                rows[row][wire.column] = wire
        for layer, (first, last) in zip(self._layering.layers, self._columns, strict=True):
            for item in layer:
                if not self._layering.is_job(item):
                    edges = self._layering.edges[item]
                    rows[self._row_of[item]][first] = Wire(first, last - first + 1, (), edges, (), edges)
        return rows

    def with_arrows(self, rows: list[dict[int, Wire]]) -> list[dict[int, Wire]]:
        """The lines with an arrow wherever one enters a job."""
        for channel, (_, last) in zip(self.channels, self.gaps, strict=True):
            for net in channel.nets:
                for target, row in net.targets:
                    if self._layering.is_job(target):
                        rows[row][last] = rows[row][last]._replace(is_arrow=True)
        return rows
