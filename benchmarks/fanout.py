"""Independent no-op jobs, four at a time, against a bare docker-py thread pool with the same containers."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import LABEL_FLOOR, JobLines, Makespan, arguments, bench, interleaved, machine, report

JOBS = 32
AT_A_TIME = 4
ROUNDS = 7
RATE_BAR = 0.95
MAKESPAN_BAR = 1.05


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--jobs", type=int, default=JOBS)
    args = parser.parse_args()
    with bench(args.network) as place:
        cores = float(place.docker.info()["NCPU"])
        request = f"    resources: {{requests: {{cpu: {cores / AT_A_TIME:g}}}}}\n"
        jobs = [JobLines(f"leaf-{number}", extra=request) for number in range(args.jobs)]
        directory = place.project("fanout", jobs)
        run_id = place.start(directory)
        place.wait(run_id)  # the image is built and everything is warm
        place.settle()
        config = place.attempt_config(run_id)

        def floor() -> tuple[float, float]:
            with Makespan(place.docker, f"{LABEL_FLOOR}={place.engine_id}") as makespan:
                began = time.perf_counter()
                with ThreadPoolExecutor(AT_A_TIME) as pool:
                    list(pool.map(lambda _: one_life(place.docker, config), range(args.jobs)))
                wall = time.perf_counter() - began
            return args.jobs / wall, makespan.seconds(args.jobs)

        def figure() -> tuple[float, float]:
            with Makespan(place.docker, f"skafos.engine={place.engine_id}") as makespan:
                began = time.perf_counter()
                place.wait(place.start(directory))
                wall = time.perf_counter() - began
            place.settle()
            return args.jobs / wall, makespan.seconds(args.jobs)

        pairs = interleaved(args.rounds, floor, figure)
    bars = [
        pairs.bar(0, f"{args.jobs} jobs, {AT_A_TIME} at a time, rate", "/s", RATE_BAR, at_least=True),
        pairs.bar(1, f"{args.jobs} jobs, {AT_A_TIME} at a time, makespan", "s", MAKESPAN_BAR),
    ]
    return report(bars, f"medians of {args.rounds} rounds; {machine()}")


def one_life(client: Any, config: dict[str, Any]) -> None:
    """One container as the floor lives it: create, start, wait, remove."""
    container = client.create_container_from_config(config)["Id"]
    client.start(container)
    status = client.wait(container)["StatusCode"]
    if status != 0:
        raise SystemExit(f"the floor's container ended with {status}")
    client.remove_container(container)


if __name__ == "__main__":
    sys.exit(main())
