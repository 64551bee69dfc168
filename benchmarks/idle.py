"""The engine when nothing happens, after a run, with a project of 1000 jobs known: CPU and memory."""

from __future__ import annotations

import statistics
import sys
import time

import psutil
from common import Bar, JobLines, arguments, bench, machine, report

JOBS = 1000
ROUNDS = 1
WATCH_S = 30.0
CALM_S = 3.0
CPU_BAR = 1.0
MEMORY_BAR = 90.0
MEBIBYTE = 1 << 20


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--seconds", type=float, default=WATCH_S)
    args = parser.parse_args()
    with bench(args.network) as place:
        process = psutil.Process(place.engine_pid())
        fresh = process.memory_info().rss / MEBIBYTE
        jobs = [JobLines(f"job-{number}") for number in range(args.jobs)]
        directory = place.project("idle", jobs)
        place.wait(place.start(directory, (jobs[0].name, jobs[1].name), only=True))
        place.settle()
        time.sleep(CALM_S)
        shares = []
        for _ in range(args.rounds):
            cpu_before = cpu_seconds(process)
            time.sleep(args.seconds)
            shares.append((cpu_seconds(process) - cpu_before) / args.seconds * 100)
        share = statistics.median(shares)
        memory = process.memory_info().rss / MEBIBYTE
        threads = process.num_threads()
    bars = [
        Bar(f"idle engine, CPU over {args.seconds:g} s", share, "%", CPU_BAR),
        Bar(f"idle engine, RSS with {args.jobs} jobs known, after a run", memory, "MiB", MEMORY_BAR),
    ]
    return report(bars, f"one engine; {fresh:.1f} MiB after its start, {threads} threads; {machine()}")


def cpu_seconds(process: psutil.Process) -> float:
    """The processor time used so far, without that of the children."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
