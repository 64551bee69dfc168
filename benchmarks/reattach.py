"""The engine is killed with many running containers and started again: how long until every log grows again.

A log that grows says that its attempt is supervised, its container was inspected, and its output is read: what a
container printed while no engine ran counts as soon as it is in the file. Every container prints a counter once a
second, and at the end each counter must stand in its file whole and in order. By default the containers have no
network: re-attaching doesn't touch it, and a hundred bridge ports that go at once are Docker's own test.
"""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

from common import Bar, Bench, JobLines, arguments, bench, machine, report

from skafos_tui.model.run import AttemptState
from skafos_tui.store import runs
from skafos_tui.store.database import connect_reader

CONTAINERS = 100
ROUNDS = 3
BAR_S = 5.0
AWAY_S = 3.0
PATIENCE_S = 300.0
SCRIPT = """\
import time

began = time.monotonic()
for number in range(3600):
    print(number)
    time.sleep(max(0.0, began + number + 1 - time.monotonic()))
"""


def main() -> int:
    """Measure and report; 1 where the bar does not hold."""
    parser = arguments(__doc__, ROUNDS)
    parser.set_defaults(network="none")
    parser.add_argument("--containers", type=int, default=CONTAINERS)
    args = parser.parse_args()
    extra = f"    parallelism: {args.containers}\n    resources: {{requests: {{cpu: 0.01, memory: 16Mi}}}}\n"
    with bench(args.network) as place:
        directory = place.project("reattach", [JobLines("ticker", extra=extra)], SCRIPT)
        run_id = place.start(directory)
        logs = running_logs(place, run_id, args.containers)
        print(f"  {len(logs)} containers run", flush=True)
        worst = []
        for number in range(args.rounds):
            times = one_restart(place, logs)
            worst.append(percentile(times, 0.95))
            half, last = percentile(times, 0.5), times[-1]
            print(f"  round {number + 1}: p50 {half:.2f} s, p95 {worst[-1]:.2f} s, all {last:.2f} s", flush=True)
        for log in logs:
            check_counter(log)
        place.client.cancel(run_id, by="benchmark")
        place.settle()
    bar = Bar(f"{args.containers} containers re-attached, p95", sorted(worst)[len(worst) // 2], "s", BAR_S)
    return report([bar], f"median of {args.rounds} restarts, no line lost or doubled; {machine()}")


def running_logs(place: Bench, run_id: int, count: int) -> list[Path]:
    """The log files of the attempts, once all of them run and have printed something."""
    deadline = time.monotonic() + PATIENCE_S
    with closing(connect_reader(place.home.state_database)) as store:
        while time.monotonic() < deadline:
            attempts = [a for a in runs.attempts_of(store, run_id) if a.state is AttemptState.RUNNING]
            run = runs.get_run(store, run_id)
            assert run is not None
            if run.state.finished:
                raise SystemExit(f"the run ended: {run.state.value} {run.reason}")
            logs = [place.home.attempt_log(run.project, run_id, attempt.name) for attempt in attempts]
            if len(logs) == count and all(size(log) for log in logs):
                return logs
            time.sleep(0.2)
    raise SystemExit(f"{count} containers do not run after {PATIENCE_S:.0f} s")


def one_restart(place: Bench, logs: list[Path]) -> list[float]:
    """Kill the engine, start it after a while; seconds from its start until each log has grown, sorted."""
    place.kill_engine()
    time.sleep(AWAY_S)
    before = {log: size(log) for log in logs}
    began = time.monotonic()
    place.client = place.start_engine()
    times = []
    while before and time.monotonic() < began + PATIENCE_S:
        now = time.monotonic() - began
        for log in [log for log, length in before.items() if size(log) > length]:
            del before[log]
            times.append(now)
        time.sleep(0.01)
    if before:
        raise SystemExit(f"{len(before)} logs did not go on")
    return times


def size(path: Path) -> int:
    """The length of a file in bytes; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def check_counter(log: Path) -> None:
    """Every line once and in order, across all restarts."""
    numbers = [int(line.split(" ", 3)[3]) for line in log.read_text().splitlines()]
    if numbers != list(range(len(numbers))):
        raise SystemExit(f"lines are missing or doubled in {log.name}: {numbers}")


def percentile(times: list[float], share: float) -> float:
    """The value below which `share` of the sorted times lie."""
    return times[min(len(times) - 1, int(share * len(times)))]


if __name__ == "__main__":
    sys.exit(main())
