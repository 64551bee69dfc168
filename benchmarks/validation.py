"""Validation: 1000 jobs in process (bar 60 ms) and a small file as a process (bar 120 ms), beside their floors.

Figures are medians and minima of interleaved runs, so that a busy machine slows the floor as much. A bar in
milliseconds belongs to the machine it was set on, where `yaml.compose` takes 14 ms for 3000 lines; elsewhere the bar's
own ratio to that floor is what holds or does not.
"""

from __future__ import annotations

import gc
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import yaml

from skafos_tui.config.reader import parse_config

RUNS = 21
JOBS = 1000
COMPOSE_MS_A_LINE = 14 / 3000
"""What the floor costs on the machine of the bars."""


def many_jobs(count: int) -> str:
    """A config of `count` jobs: a quarter on schedules, the others in chains, a third with resources."""
    chance = random.Random(1)
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(count)]
    lines = ["project_token: 06a16549a3e19a93faff2cc3", "name: big", "jobs:"]
    for number, job_id in enumerate(ids):
        lines += [f"  - job_id: {job_id}", "    language: python", f"    name: Job {number}"]
        lines.append(f'    entrypoint: "job_{number}.py"')
        if number % 4 == 0:
            lines.append(f'    schedule: "{number % 60} {number % 24} * * *"')
        else:
            lines.append(f'    dependencies: ["{ids[number - 1]}"]')
        if number % 3 == 0:
            lines += ["    resources:", "      limits:", "        cpu: 2", "        memory: 4Gi"]
    return "\n".join(lines) + "\n"


def measure(runs: int, *actions: Callable[[], object]) -> list[list[float]]:
    """Milliseconds of each action, the actions taking turns."""
    found: list[list[float]] = [[] for _ in actions]
    for _ in range(runs):
        for action, times in zip(actions, found, strict=True):
            gc.collect()
            begin = time.perf_counter()
            action()
            times.append((time.perf_counter() - begin) * 1000)
    return found


def judged(
    what: str, bar: float, figure: list[float], floor_name: str, floor: list[float], floor_of_bar: float | None = None
) -> bool:
    """Print one line: the figure, its floor, their ratio; whether the bar holds.

    `floor_of_bar`: the floor in milliseconds where the bar was set; the bar then is a ratio, too.
    """
    ours, below = statistics.median(figure), statistics.median(floor)
    ratio = ours / below
    held = ours <= bar
    verdict = "holds" if held else "does not hold in milliseconds"
    if not held and floor_of_bar is not None:
        held = ratio <= bar / floor_of_bar
        verdict += f"; as a ratio to its floor (≤ {bar / floor_of_bar:.2f}) {'it holds' if held else 'NEITHER'}"
    print(
        f"{what}: median {ours:.1f} ms, min {min(figure):.1f} (bar ≤ {bar:g} ms): {verdict}; "
        f"floor {floor_name}: median {below:.1f}, min {min(floor):.1f}; ratio {ratio:.2f}"
    )
    return held


def main() -> int:
    """Print both figures; 0 where both bars hold, else 1."""
    text = many_jobs(JOBS)
    assert parse_config(text).diagnostics == ()
    ours, floor = measure(RUNS, lambda: parse_config(text), lambda: yaml.compose(text, Loader=yaml.CSafeLoader))
    lines = text.count("\n")
    its_floor = lines * COMPOSE_MS_A_LINE
    held = judged(f"{JOBS} jobs, {lines} lines, in process", 60, ours, "yaml.compose", floor, its_floor)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "metis.config.yml"
        path.write_text(many_jobs(3).replace('"job_0.py"', "sleep 1").replace('"job_', '"sleep 1 # '))
        command = [sys.executable, "-m", "skafos_tui", "validate", str(path)]
        bare = [sys.executable, "-c", "import argparse, dataclasses, yaml"]
        ours, floor = measure(
            RUNS,
            lambda: subprocess.run(command, check=True, capture_output=True),
            lambda: subprocess.run(bare, check=True, capture_output=True),
        )
        held &= judged(
            "`skafos validate`, 3 jobs, as a process",
            120,
            ours,
            "a Python that imports argparse, dataclasses and yaml",
            floor,
        )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
