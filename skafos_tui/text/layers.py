"""A graph in layers from left to right: who stands in which layer, and in which order (SCREENS 4, steps 2 to 4).

Items are numbers: a job is its place in `Layering.jobs`; above them are the dummies, by which an edge passes a layer.
A job has one chain of dummies for all its edges that are longer than one layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skafos_tui.model.ancestry import Edge
from skafos_tui.model.graph import children_of, topological

SWEEPS = 6
"""Of the search for an order with few crossings."""


@dataclass(frozen=True)
class Layering:
    """The layers from the left, each from above; `after` and `before` are the neighbours in the next and last layer.

    `edges[item]` are the edges of the graph that run into the item.
    """

    jobs: tuple[str, ...]
    layers: tuple[tuple[int, ...], ...]
    after: Sequence[Sequence[int]]
    before: Sequence[Sequence[int]]
    owner: Sequence[int]
    edges: Sequence[tuple[Edge, ...]]

    def is_job(self, item: int) -> bool:
        """Whether an item is a job, not a dummy."""
        return item < len(self.jobs)


def layer_jobs(graph: Mapping[str, Sequence[str]]) -> Layering:
    """The layers of a graph without cycles and without implied edges."""
    jobs, children, layer_of = _assigned(graph)
    made = _Chains(jobs, children, layer_of)
    edges = _edges_into(jobs, made)
    return Layering(jobs, _least_crossings(made), made.after, made.before, made.owner, edges)


def jobs_by_layer(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The jobs of each layer in no particular order: enough to know the least size of a drawing."""
    jobs, _, layer_of = _assigned(graph)
    layers: list[list[str]] = [[] for _ in range(1 + max(layer_of))]
    for job, layer in zip(jobs, layer_of, strict=True):
        layers[layer].append(job)
    return layers


def _assigned(graph: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], list[list[int]], list[int]]:
    """The jobs in order, and by their number their children and their layer."""
    jobs = tuple(topological(graph))
    place = {job: number for number, job in enumerate(jobs)}
    children = [[place[child] for child in found] for found in map(children_of(graph).__getitem__, jobs)]
    return jobs, children, _layer_of([[place[parent] for parent in graph[job]] for job in jobs], children)


def _layer_of(parents: Sequence[Sequence[int]], children: Sequence[Sequence[int]]) -> list[int]:
    """The longest path from a source; sources stand next to their first child."""
    layer_of: list[int] = []
    for own in parents:
        layer_of.append(1 + max((layer_of[parent] for parent in own), default=-1))
    for job, own in enumerate(parents):
        if not own and children[job]:
            layer_of[job] = min(layer_of[child] for child in children[job]) - 1
    return layer_of


class _Chains:
    """The items with their neighbours, while dummies are put into the layers that edges pass."""

    def __init__(self, jobs: Sequence[str], children: Sequence[Sequence[int]], layer_of: Sequence[int]) -> None:
        self.layers: list[list[int]] = [[] for _ in range(1 + max(layer_of))]
        self.after: list[list[int]] = [[] for _ in jobs]
        self.before: list[list[int]] = [[] for _ in jobs]
        self.owner = list(range(len(jobs)))
        for job, layer in enumerate(layer_of):
            self.layers[layer].append(job)
        for job, own in enumerate(children):
            self._chain(job, own, layer_of)

    def _chain(self, job: int, children: Sequence[int], layer_of: Sequence[int]) -> None:
        last = job
        furthest = max((layer_of[child] for child in children), default=0)
        for layer in range(layer_of[job] + 1, furthest + 1):
            for child in children:
                if layer_of[child] == layer:
                    self._join(last, child)
            if layer < furthest:
                dummy = len(self.owner)
                self.owner.append(job)
                self.after.append([])
                self.before.append([])
                self.layers[layer].append(dummy)
                self._join(last, dummy)
                last = dummy

    def _join(self, left: int, right: int) -> None:
        self.after[left].append(right)
        self.before[right].append(left)


def _edges_into(jobs: Sequence[str], made: _Chains) -> list[tuple[Edge, ...]]:
    """The edges of the graph that run into each item: a dummy has those that go on behind it."""
    edges: list[tuple[Edge, ...]] = [()] * len(made.owner)
    for item, before in enumerate(made.before[: len(jobs)]):
        edges[item] = tuple((jobs[made.owner[left]], jobs[item]) for left in before)
    for dummy in range(len(made.owner) - 1, len(jobs) - 1, -1):
        parent = jobs[made.owner[dummy]]
        edges[dummy] = tuple(edge for right in made.after[dummy] for edge in edges[right] if edge[0] == parent)
    return edges


def _least_crossings(made: _Chains) -> tuple[tuple[int, ...], ...]:
    """The layers in the best order found: by the mean place of the neighbours, sweeping to the right and back."""
    layers = [list(layer) for layer in made.layers]
    best = [tuple(layer) for layer in layers]
    fewest = _crossings(layers, made.after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        numbers = range(1, len(layers)) if rightwards else range(len(layers) - 2, -1, -1)
        for number in numbers:
            beside = layers[number - 1 if rightwards else number + 1]
            layers[number] = _by_neighbours(layers[number], beside, made.before if rightwards else made.after)
        count = _crossings(layers, made.after)
        if count < fewest:
            fewest, best = count, [tuple(layer) for layer in layers]
    return tuple(best)


def _by_neighbours(layer: Sequence[int], beside: Sequence[int], neighbours: Sequence[Sequence[int]]) -> list[int]:
    place = {item: number for number, item in enumerate(beside)}
    mean: dict[int, float] = {}
    for number, item in enumerate(layer):
        own = neighbours[item]
        mean[item] = sum([place[other] for other in own]) / len(own) if own else number
    return sorted(layer, key=mean.__getitem__)


def _crossings(layers: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> int:
    """How many pairs of edges between neighbouring layers cross: inversions, counted in a tree of partial sums."""
    total = 0
    for number in range(len(layers) - 1):
        place = {item: position for position, item in enumerate(layers[number + 1], start=1)}
        tree = [0] * (len(place) + 1)
        seen = 0
        for item in layers[number]:
            ends = [place[right] for right in after[item]]
            for end in ends:
                total += seen - _sum_up_to(tree, end)
            for end in ends:
                _add_at(tree, end)
            seen += len(ends)
    return total


def _sum_up_to(tree: Sequence[int], position: int) -> int:
    total = 0
    while position:
        total += tree[position]
        position &= position - 1
    return total


def _add_at(tree: list[int], position: int) -> None:
    while position < len(tree):
        tree[position] += 1
        position += position & -position
