"""A chain of no-op jobs against a shell loop of `docker run --rm` with the same image, network, mounts and limits."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path

from common import (
    LABEL_FLOOR,
    Bench,
    Makespan,
    arguments,
    bench,
    chain_of,
    docker_run_words,
    interleaved,
    machine,
    report,
)

JOBS = 20
ROUNDS = 5
WALL_BAR = 1.10
MAKESPAN_BAR = 1.05


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--jobs", type=int, default=JOBS)
    args = parser.parse_args()
    with bench(args.network) as place:
        directory = place.project("chain", chain_of(args.jobs))
        run_id = place.start(directory)
        place.wait(run_id)  # the image is built and everything is warm
        place.settle()
        words = docker_run_words(place.attempt_config(run_id))
        loop = f"set -e; for i in $(seq {args.jobs}); do {shlex.join(words)}; done"

        def floor() -> tuple[float, float]:
            with Makespan(place.docker, f"{LABEL_FLOOR}={place.engine_id}") as makespan:
                began = time.perf_counter()
                subprocess.run(["bash", "-c", loop], check=True, stdin=subprocess.DEVNULL)
                wall = time.perf_counter() - began
            return wall, makespan.seconds(args.jobs)

        def figure() -> tuple[float, float]:
            return measure_run(place, directory, args.jobs)

        pairs = interleaved(args.rounds, floor, figure)
    bars = [
        pairs.bar(0, f"chain of {args.jobs}, wall", "s", WALL_BAR),
        pairs.bar(1, f"chain of {args.jobs}, makespan", "s", MAKESPAN_BAR),
    ]
    return report(bars, f"medians of {args.rounds} rounds; {machine()}")


def measure_run(place: Bench, directory: Path, jobs: int) -> tuple[float, float]:
    """Wall from the trigger to the end of the run in the store, and the makespan; both in seconds."""
    with Makespan(place.docker, f"skafos.engine={place.engine_id}") as makespan:
        began = time.perf_counter()
        place.wait(place.start(directory))
        wall = time.perf_counter() - began
    place.settle()
    return wall, makespan.seconds(jobs)


if __name__ == "__main__":
    sys.exit(main())
