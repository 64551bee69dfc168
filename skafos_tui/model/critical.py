"""The critical path of a run: which chain of jobs decides when it ends, or decided it (SCREENS 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from skafos_tui.model.graph import Graph, children_of, topological


def critical_path(graph: Graph, ended_at: Mapping[str, float], remaining_s: Mapping[str, float]) -> tuple[str, ...]:
    """The jobs of the critical path, the first one first; empty where nothing ran and nothing is to come.

    `ended_at` has the jobs that ran and ended (Unix seconds), `remaining_s` those that are still to end, with the
    seconds they usually still take. A live run: the chain that takes longest from now on, led to by what it waited
    for longest. A finished run: back from the job that ended last over the parent that ended last.
    """
    coming = longest_remaining(graph, remaining_s)
    if coming:
        return (*_waited_for(graph, ended_at, coming[0]), *coming)
    last = _latest(graph, ended_at)
    return () if last is None else (*_waited_for(graph, ended_at, last), last)


def longest_remaining(graph: Graph, remaining_s: Mapping[str, float]) -> tuple[str, ...]:
    """The chain of jobs still to end that takes longest; of equally long ones that with more jobs.

    The sum of its `remaining_s` is what the run still takes, where the machine has room for all that may run.
    """
    children = children_of(graph)
    best: dict[str, tuple[float, int]] = {}
    following: dict[str, str] = {}
    for job in reversed(topological(graph)):
        if job not in remaining_s:
            continue
        seconds, count = 0.0, 0
        for child in children[job]:
            if child in best and best[child] > (seconds, count):
                (seconds, count), following[job] = best[child], child
        best[job] = (seconds + remaining_s[job], count + 1)
    if not best:
        return ()
    # The first in the order of the file, also among equals.
    path = [max((job for job in graph if job in best), key=lambda job: best[job])]
    while path[-1] in following:
        path.append(following[path[-1]])
    return tuple(path)


def remaining_seconds(usual_s: float | None, elapsed_s: float) -> float:
    """What a job usually still takes after `elapsed_s`; 0 where nothing is known, or it takes longer than usual."""
    return max(0.0, (usual_s or 0.0) - elapsed_s)


def _waited_for(graph: Graph, ended_at: Mapping[str, float], job: str) -> list[str]:
    """The chain before `job`: always the parent that ended last."""
    chain: list[str] = []
    parent = _latest(graph[job], ended_at)
    while parent is not None:
        chain.append(parent)
        parent = _latest(graph[parent], ended_at)
    return chain[::-1]


def _latest(jobs: Iterable[str], ended_at: Mapping[str, float]) -> str | None:
    """Of the jobs that ran the one that ended last; the first of equals."""
    return max((job for job in jobs if job in ended_at), key=lambda job: ended_at[job], default=None)
