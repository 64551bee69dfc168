"""Where a step leads in a drawing of the graph: along its edges, and up and down between jobs; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Place = tuple[int, int]
"""The column and row of a job's label; the column is the same for all jobs of a layer."""


def along(job: str, neighbours: Iterable[str], places: Mapping[str, Place]) -> str | None:
    """Of the jobs at the other ends of edges the one that stands nearest to this one's row; None: there is none."""
    row = places[job][1]
    return min(neighbours, key=lambda other: (abs(places[other][1] - row), places[other][1]), default=None)


def between(job: str, by: int, places: Mapping[str, Place]) -> str:
    """The job so many places below (negative: above) in its layer; beyond its end that of the next layer goes on."""
    order = sorted(places, key=lambda other: places[other])
    return order[max(0, min(len(order) - 1, order.index(job) + by))]


def end_of_layer(job: str, by: int, places: Mapping[str, Place]) -> str:
    """The last (1) or first (-1) job of the layer; from there on the neighbour in the next one."""
    layer = sorted((row, other) for other, (column, row) in places.items() if column == places[job][0])
    end = layer[-1 if by > 0 else 0][1]
    return end if end != job else between(job, by, places)
