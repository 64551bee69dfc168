"""Who comes before whom in a dependency graph: implied edges, and the family of a job; ancestors are bit sets."""

from __future__ import annotations

from collections.abc import Collection

from skafos_tui.model.graph import Graph, children_of, reachable, topological

Edge = tuple[str, str]
"""A job id and the id of a job that depends on it."""


def reduced(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The dependencies less those that a longer path implies, and less repeated ones.

    Raises ValueError where jobs wait for each other.
    """
    order = topological(graph)
    if len(order) < len(graph):
        raise ValueError("jobs that wait for each other have no order")
    place = {job: number for number, job in enumerate(order)}
    ancestors: list[int] = []
    kept: dict[str, tuple[str, ...]] = {}
    for job in order:
        parents = dict.fromkeys(graph[job])
        implied = own = 0
        for parent in parents:
            implied |= ancestors[place[parent]]
            own |= 1 << place[parent]
        kept[job] = tuple(parent for parent in parents if not implied >> place[parent] & 1)
        ancestors.append(implied | own)
    return {job: kept[job] for job in graph}


def edges_between(graph: Graph, jobs: Collection[str]) -> frozenset[Edge]:
    """The edges that begin and end at one of these jobs."""
    return frozenset((parent, job) for job in jobs for parent in graph[job] if parent in jobs)


def family(graph: Graph, job: str) -> frozenset[str]:
    """The job, all it waits for and all that waits for it, directly or not."""
    return frozenset({job} | reachable([job], graph) | reachable([job], children_of(graph)))
