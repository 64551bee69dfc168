"""Hot reload: from the end of a save to the recorded plan, in a real engine process; then until it is active.

The floor is the settling time the watch needs to know that a file is whole, and one durable commit.
"""

from __future__ import annotations

import random
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from pathlib import Path

from common import Bar, JobLines, arguments, bench, machine, report

from skafos_tui.api.client import EngineClient
from skafos_tui.store.database import connect_reader

SAVES = 60
BAR_MS = 150.0
JOBS = 20
PATIENCE_S = 20.0


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = arguments(__doc__, SAVES)
    args = parser.parse_args()
    jobs = [JobLines(f"job-{number}", extra="    schedule: '0 9 * * *'\n") for number in range(JOBS)]
    with bench(args.network) as place:
        directory = place.project("reload", jobs)
        client = EngineClient(place.home)
        client.deploy(str(directory), "deploy", run=False)
        with closing(connect_reader(place.home.state_database)) as store:
            wait(store, "SELECT 1 FROM activations WHERE state = 'active'")
            recorded, active = measure(store, directory / "metis.config.yml", args.rounds)
    ordered = sorted(recorded)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"{len(recorded)} saves: recorded median {statistics.median(recorded):.0f} ms, p95 {p95:.0f} ms, most"
        f" {ordered[-1]:.0f} ms; active median {statistics.median(active):.0f} ms"
    )
    return report([Bar("save → reload recorded, p95", p95, "ms", BAR_MS)], machine())


def measure(store: sqlite3.Connection, path: Path, saves: int) -> tuple[list[float], list[float]]:
    """Milliseconds from each save to its row, and to its being active; half of the saves in place, half renamed."""
    chance = random.Random(5)
    text = path.read_text()
    recorded, active = [], []
    for number in range(saves):
        changed = text.replace("0 9 * * *", f"{1 + number % 59} {9 + number // 59} * * *", 1)
        before = store.execute("SELECT COALESCE(MAX(id), 0) FROM activations").fetchone()[0]
        if number % 2:
            path.write_text(changed)
        else:
            beside = path.with_name(".metis.config.yml.tmp")
            beside.write_text(changed)
            beside.replace(path)
        saved = time.perf_counter()
        wait(store, f"SELECT 1 FROM activations WHERE id > {before}")
        recorded.append((time.perf_counter() - saved) * 1000)
        wait(store, f"SELECT 1 FROM activations WHERE id > {before} AND state = 'active'")
        active.append((time.perf_counter() - saved) * 1000)
        time.sleep(0.1 + chance.random() * 0.3)
    return recorded, active


def wait(store: sqlite3.Connection, query: str) -> None:
    """Until a query has a row."""
    deadline = time.monotonic() + PATIENCE_S
    while store.execute(query).fetchone() is None:
        if time.monotonic() > deadline:
            raise SystemExit(f"nothing within {PATIENCE_S:g} s: {query}")
        time.sleep(0.002)


if __name__ == "__main__":
    sys.exit(main())
