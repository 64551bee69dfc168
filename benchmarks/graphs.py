"""Drawings of 500 jobs with 1000 dependencies: rails (bar 20 ms), one row styled anew (bar 2 ms), the layered drawing.

The floor is building as many plain strings as there are rows, of as many characters. All times are of the processor:
drawings are computations only, and a busy machine is not theirs.
"""

from __future__ import annotations

import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from itertools import cycle

from common import machine

from skafos_tui.model.ancestry import edges_between
from skafos_tui.text.layered import Size, lay_layers
from skafos_tui.text.rails import RailKind, Rails, RailTrace, lay_rails

RUNS = 31
JOBS = 500
EDGES = 1000
REACH = 40
"""How far apart, in the order of the file, two jobs with a dependency stand at most."""


def random_graph(jobs: int, edges: int) -> dict[str, list[str]]:
    """A graph without cycles, the same each time."""
    chance = random.Random(1)
    graph: dict[str, list[str]] = {f"job {number}": [] for number in range(jobs)}
    names = list(graph)
    while edges:
        first, second = sorted(chance.sample(range(jobs), 2))
        if second - first < REACH and names[first] not in graph[names[second]]:
            graph[names[second]].append(names[first])
            edges -= 1
    return graph


def plain_strings(rows: int, width: int) -> list[str]:
    """As many strings of as many characters, joined from single ones."""
    return ["".join(["│" if column % 2 else " " for column in range(width)]) for _ in range(rows)]


def styled(rails: Rails, trace: RailTrace, number: int) -> list[tuple[str, str]]:
    """One row as a widget styles it: by state, by kind, and by what is selected."""
    row = rails.rows[number]
    return [
        ("✓" if cell.kind is RailKind.NODE else cell.character, "bold" if lit else "dim")
        for cell, lit in zip(row.cells, trace.row(number), strict=True)
    ]


def measure(runs: int, *actions: Callable[[], object]) -> list[list[float]]:
    """Milliseconds of the processor for each action, the actions taking turns."""
    found: list[list[float]] = [[] for _ in actions]
    for _ in range(runs):
        for action, times in zip(actions, found, strict=True):
            gc.collect()
            begin = time.process_time()
            action()
            times.append((time.process_time() - begin) * 1000)
    return found


def show(what: str, figure: list[float], floor: list[float], bar: float | None = None) -> bool:
    """Print one line, the figure, its floor, their ratio; whether the bar holds, if there is one."""
    ours, below = statistics.median(figure), statistics.median(floor)
    holds = bar is None or ours <= bar
    verdict = "no bar" if bar is None else f"bar ≤ {bar:g} ms: {'holds' if holds else 'DOES NOT HOLD'}"
    print(
        f"{what}: median {ours:.2f} ms, min {min(figure):.2f} ({verdict}); "
        f"floor plain strings: median {below:.3f}; ratio {ours / below:.1f}"
    )
    return holds


def main() -> int:
    """Print the figures; 0 where both bars hold, else 1."""
    print(machine())
    graph = random_graph(JOBS, EDGES)
    held = measure_rails(graph)
    return 0 if measure_layered(graph) and held else 1


def measure_rails(graph: dict[str, list[str]]) -> bool:
    """The rails of all jobs, and what a change of state or selection costs."""
    rails = lay_rails(graph)
    drawn = sum(map(len, rails.graph.values()))
    print(f"{JOBS} jobs, {EDGES} edges, {drawn} of them drawn, rails of {rails.width} cells")
    ours, floor = measure(RUNS, lambda: lay_rails(graph), lambda: plain_strings(JOBS, rails.width))
    held = show("rails", ours, floor, 20)
    job = rails.rows[JOBS // 2].job
    trace, numbers = rails.highlight(job), cycle(range(JOBS))
    one, anew, floor = measure(
        RUNS,
        lambda: styled(rails, trace, next(numbers)),
        lambda: rails.highlight(job),
        lambda: plain_strings(1, rails.width),
    )
    held &= show("one row of rails styled anew", one, floor, 2)
    show("another job selected: its family", anew, floor)
    return held


def measure_layered(graph: dict[str, list[str]]) -> bool:
    """The layered drawing of all jobs, of as many as fit a pane, and one row of it."""
    sizes = {job: Size(len(job) + 2, 2) for job in graph}
    labels = {job: (f"✓ {job}", "  0:08") for job in graph}
    few = random_graph(20, 28)
    layered, small = lay_layers(graph, sizes), lay_layers(few, sizes)
    if layered is None or small is None:
        print("layered: some line of this graph could be read wrongly, so it isn't drawn")
        return False
    heavy = edges_between(layered.graph, lay_rails(graph).highlight(f"job {JOBS // 2}").jobs)
    rows = cycle(range(layered.height))
    whole, one, refused, floor = measure(
        7,
        lambda: lay_layers(graph, sizes),
        lambda: layered.row(next(rows), labels, heavy),
        lambda: lay_layers(graph, sizes, width=200, height=50),
        lambda: plain_strings(layered.height, layered.width),
    )
    show(f"layered, {JOBS} jobs in {layered.width}x{layered.height} cells", whole, floor)
    show("  that it doesn't fit into 200x50", refused, floor)
    held = show("  one row of it styled anew", one, floor, 2)
    ours, floor = measure(RUNS, lambda: lay_layers(few, sizes), lambda: plain_strings(small.height, small.width))
    show(f"layered, 20 jobs in {small.width}x{small.height} cells", ours, floor)
    return held


if __name__ == "__main__":
    sys.exit(main())
