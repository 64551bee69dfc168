"""Graphs for drawings, and readers that know nothing of a drawing but its characters."""

from __future__ import annotations

import os
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

SOAK = bool(os.environ.get("SKAFOS_SOAK"))

WINE = {
    "Ingest": [],
    "Check": ["Ingest"],
    "Clean": ["Ingest"],
    "Features": ["Clean"],
    "Train forest": ["Features"],
    "Train linear": ["Features"],
    "Evaluate": ["Train forest", "Train linear", "Ingest"],
    "Score": ["Evaluate"],
    "Report": ["Check", "Evaluate"],
}
"""The graph of SCREENS 4, and one edge that a longer path implies."""
GLYPHS = dict(zip(WINE, "✓✓✓✓►✓···", strict=True))


def random_graph(seed: int, jobs: int, edges: int) -> dict[str, list[str]]:
    """A graph without cycles, the jobs in a random order of the file."""
    chance = random.Random(f"{seed} {jobs} {edges}")
    names = [f"j{number}" for number in range(jobs)]
    graph: dict[str, list[str]] = {name: [] for name in chance.sample(names, jobs)}
    for _ in range(50 * edges):
        first, second = sorted(chance.sample(range(jobs), 2))
        if second - first < max(4, jobs // 3) and names[first] not in graph[names[second]]:
            graph[names[second]].append(names[first])
            edges -= 1
            if not edges:
                break
    return graph


def random_graphs(count: int, sizes: Sequence[int], density: Sequence[float]) -> Iterator[dict[str, list[str]]]:
    """Graphs of these numbers of jobs and edges per job, taking turns."""
    for seed in range(count):
        jobs, edges = sizes[seed % len(sizes)], density[seed // len(sizes) % len(density)]
        yield random_graph(seed, jobs, int(jobs * edges))


def drop_implied(graph: dict[str, list[str]]) -> dict[str, set[str]]:
    """The edges that no other path implies, the slow way: by trying each."""

    def comes_before(first: str, job: str) -> bool:
        return any(parent == first or comes_before(first, parent) for parent in graph[job])

    remembered = cache(comes_before)
    return {
        job: {one for one in parents if not any(other != one and remembered(one, other) for other in parents)}
        for job, parents in graph.items()
    }


def parents_on_rails(rows: Sequence[str], names: Sequence[str], lane_of: str = "│├┤┼|*") -> dict[str, set[str]]:
    """The parents of each row's job as a reader sees them; `░` is a cell that is not looked at."""
    width = max(map(len, rows)) + 2
    grid = [row.ljust(width) for row in rows]

    def source(row: int, column: int) -> str | None:
        while row >= 0 and grid[row][column] in lane_of:
            row -= 1
        return names[row] if row >= 0 and grid[row][column] in "●o" else None

    found: dict[str, set[str]] = {}
    for number, row in enumerate(grid):
        node = max(row.find("●"), row.find("o"))
        if node < 0:
            continue
        places = [node]
        for step in (-1, 1):
            at = node + step
            while at > 0 and row[at] in "─-":
                at += step
                if row[at] in "├┤┼╰╯┴*'":
                    places.append(at)
                at += step
        found[names[number]] = {name for at in places if (name := source(number - 1, at))}
    return found


WAYS = {"UP": "u", "RIGHT": "r", "DOWN": "d", "LEFT": "l", "VERTICAL": "ud", "HORIZONTAL": "lr"}


@cache
def arms(character: str) -> dict[str, bool]:
    """The arms of a box drawing character by its Unicode name: `u r d l`, each with whether it is heavy."""
    found: dict[str, bool] = {}
    heavy = False
    name = unicodedata.name(character, "")
    if name.startswith("BOX DRAWINGS "):
        for part in name.removeprefix("BOX DRAWINGS ").replace("ARC", "").split(" AND "):
            words = part.split()
            if "HEAVY" in words or "LIGHT" in words:
                heavy = "HEAVY" in words
            found.update({way: heavy for word in words for way in WAYS.get(word, "")})
    return found


def children_by_lines(
    lines: Sequence[str], *, heavy_only: bool = False, passed: set[tuple[int, int]] | None = None
) -> dict[str, set[str]]:
    """The jobs that the lines from each job (`● name`) lead to, followed rightwards, up and down, never left.

    `passed` takes the row and column of every cell that was come by.
    """
    width = max(map(len, lines)) + 2
    grid = [line.ljust(width) for line in lines]
    titles = [
        (row, match.start(), match.end(), match[1])
        for row, line in enumerate(grid)
        for match in re.finditer(r"● (\w+)", line)
    ]

    def entered(row: int, column: int) -> str:
        """The job whose label begins in this column, at this row or nearest above."""
        return max((place, name) for place, at, _, name in titles if at == column and place <= row)[1]

    def follow(row: int, column: int) -> Iterator[str]:
        seen, todo = set(), [(row, column, "r")]
        while todo:
            step = row, column, heading = todo.pop()
            if step in seen:
                continue
            seen.add(step)
            if passed is not None:
                passed.add((row, column))
            if grid[row][column] == "▸":
                yield entered(row, column + 1)
                continue
            here = arms(grid[row][column])
            assert here, f"a line ends nowhere at {row}:{column}\n" + "\n".join(lines)
            back = {"r": "l", "u": "d", "d": "u"}[heading]
            if heading == "r" and back not in here:
                assert "u" in here and "d" in here
                todo.append((row, column + 1, "r"))
                continue
            assert back in here, f"a line breaks at {row}:{column}\n" + "\n".join(lines)
            if heavy_only and not here[back]:
                continue
            for way, down, right in (("r", 0, 1), ("u", -1, 0), ("d", 1, 0)):
                if way != back and way in here and (here[way] or not heavy_only):
                    todo.append((row + down, column + right, way))

    return {name: set(follow(row, end + 1)) if arms(grid[row][end + 1]) else set() for row, _, end, name in titles}
