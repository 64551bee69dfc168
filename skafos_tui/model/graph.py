"""The dependency graph of a project, and what a trigger runs in it; pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from skafos_tui.model.project import Project

Graph = Mapping[str, Sequence[str]]
"""Job id to the ids it depends on, in the order of the file. Every id that occurs is a key."""


def graph_of(project: Project) -> dict[str, tuple[str, ...]]:
    """The dependencies of every job; ids that name no job of the project are left out."""
    known = {job.id for job in project.jobs}
    return {job.id: tuple(d for d in job.dependencies if d in known) for job in project.jobs}


def children_of(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Job id to the ids that depend on it directly, in the order of the file."""
    children: dict[str, list[str]] = {job: [] for job in graph}
    for job, parents in graph.items():
        for parent in parents:
            children[parent].append(job)
    return {job: tuple(found) for job, found in children.items()}


def reachable(start: Iterable[str], edges: Mapping[str, Sequence[str]], stop: Collection[str] = ()) -> set[str]:
    """What can be reached from `start` along `edges`, `start` left out; nothing goes through or into `stop`."""
    found: set[str] = set()
    todo = list(start)
    while todo:
        for following in edges[todo.pop()]:
            if following not in found and following not in stop:
                found.add(following)
                todo.append(following)
    return found


def topological(graph: Graph) -> list[str]:
    """The jobs, parents first, else in the order of the file; jobs on a cycle are left out."""
    waiting = {job: len(set(parents)) for job, parents in graph.items()}
    children = children_of({job: tuple(dict.fromkeys(parents)) for job, parents in graph.items()})
    ready = [job for job, count in waiting.items() if count == 0]
    order: list[str] = []
    for job in ready:
        order.append(job)
        for child in children[job]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    return order


def find_cycles(graph: Graph) -> list[tuple[str, ...]]:
    """One cycle for each knot of jobs that wait for each other, in the direction of waiting.

    `("a", "b")` means a depends on b and b on a. A job that depends on itself is not a cycle here: it has its
    own finding. Iterative, so that a chain of any length is fine.
    """
    colour: dict[str, int] = {}
    cycles: list[tuple[str, ...]] = []
    for root in graph:
        if root in colour:
            continue
        path: list[str] = []
        stack: list[tuple[str, int]] = [(root, 0)]
        while stack:
            job, position = stack.pop()
            if position == 0:
                colour[job] = 1
                path.append(job)
            parents = graph[job]
            advanced = False
            for index in range(position, len(parents)):
                parent = parents[index]
                if parent == job or parent not in graph:
                    continue
                if colour.get(parent) == 1:
                    cycles.append(tuple(path[path.index(parent) :]))
                elif parent not in colour:
                    stack.append((job, index + 1))
                    stack.append((parent, 0))
                    advanced = True
                    break
            if not advanced:
                colour[job] = 2
                path.pop()
    seen: set[str] = set()
    distinct: list[tuple[str, ...]] = []
    for cycle in cycles:
        if not seen.intersection(cycle):
            distinct.append(cycle)
            seen.update(cycle)
    return distinct


def follows_from(
    project: Project, roots: Collection[str], children: Mapping[str, Sequence[str]] | None = None
) -> set[str]:
    """What a trigger of `roots` runs: the roots and everything downstream of them (SPEC 3).

    Jobs with a schedule of their own, and what hangs only on those, start at their own time; disabled jobs, and
    what hangs only on those, are left out too. `children` are those of the project's graph, where they are at hand.
    """
    own_time = {job.id for job in project.jobs if job.schedule or not job.enabled}
    found = reachable(roots, children_of(graph_of(project)) if children is None else children, stop=own_time)
    return found | set(roots)


def connected_parts(graph: Graph) -> dict[str, str]:
    """Job to its connected part: the first, in the order of the file, of all jobs that paths of edges join to it."""
    children = children_of(graph)
    part: dict[str, str] = {}
    for root in graph:
        if root in part:
            continue
        part[root] = root
        todo = [root]
        while todo:
            at = todo.pop()
            for neighbour in (*graph[at], *children[at]):
                if neighbour not in part:
                    part[neighbour] = root
                    todo.append(neighbour)
    return part


def everything(project: Project) -> set[str]:
    """Every enabled job: what a manual run without a name runs."""
    return {job.id for job in project.jobs if job.enabled}
