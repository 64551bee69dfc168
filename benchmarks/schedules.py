"""10,000 schedules over an hour: from the slot to the durable plan, with a runner in memory and jobs that really run.

The hour is compressed: once a minute's runs are over, the engine's clock goes on to half a second before the next
minute. The floor is the bare commit of as many rows on the same disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "engine"))

from common import Bar, machine, report
from memory import Behaviour, Daemon, MemoryRunner

from skafos_tui.config.settings import Settings
from skafos_tui.engine.deploying import Deploying
from skafos_tui.engine.engine import Engine
from skafos_tui.engine.requests import Requests
from skafos_tui.model.project import Resources
from skafos_tui.store import projects, runs
from skafos_tui.store.database import Writer, connect
from skafos_tui.store.home import Home

SCHEDULES = 10_000
PROJECTS = 100
MINUTES = 60
BAR_MS = 100.0
LEAD_S = 0.5


def config_of(number: int, count: int, chance: random.Random) -> str:
    """A project of `count` independent jobs, each at its own minute of every hour."""
    jobs = [
        {
            "job_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "language": "python",
            "name": f"job {index}",
            "entrypoint": "true",
            "schedule": f"{chance.randrange(60)} * * * *",
            "overlap": "parallel",
        }
        for index in range(count)
    ]
    return json.dumps({"project_token": f"{number:024x}", "name": f"project {number}", "jobs": jobs})


class Watch:
    """The engine's commits of slots, with how late each slot was then."""

    def __init__(self, engine: Engine) -> None:
        self.ahead = 0.0
        self.late_ms: list[float] = []
        self._engine = engine
        self._record = engine.record
        engine.record = self.record  # type: ignore[method-assign]
        engine.scheduler._clock = self.clock

    def clock(self) -> float:
        """The engine's clock for slots."""
        return time.time() + self.ahead

    async def record(self, name: str, apply: Any) -> Any:
        """Pass a transaction on; after one of slots, note the lateness of each."""
        result = await self._record(name, apply)
        now = self.clock()
        if name == "slots":
            made = await self._engine.read(lambda c: [runs.get_run(c, run_id) for run_id in result])
            self.late_ms.extend((now - (run.scheduled_at or now)) * 1000 for run in made if run is not None)
        return result


async def measure(home: Home, schedules: int, minutes: int) -> tuple[list[float], float]:
    """The lateness of every slot in milliseconds, and how long the engine took to start with all schedules, seconds."""
    chance = random.Random(7)
    daemon = Daemon(lambda spec: Behaviour(duration_s=0.001), Resources(64.0, 256 << 30))
    engine = Engine(home, Settings(), await Writer.open(home.state_database), [MemoryRunner(daemon)])
    await engine.start()
    deploying = Deploying(Requests(engine), engine.scheduler)
    for number in range(PROJECTS):
        directory = home.path.parent / f"project-{number}"
        directory.mkdir()
        (directory / "metis.config.yml").write_text(config_of(number, schedules // PROJECTS, chance))
        await deploying.deploy(directory, f"deploy {number}", run=False, runner=None)
    while any(row.active is None for row in await engine.read(projects.list_projects)):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await engine.close()

    engine = Engine(home, Settings(), await Writer.open(home.state_database), [MemoryRunner(daemon)])
    began = time.perf_counter()
    await engine.start()
    start_s = time.perf_counter() - began
    watch = Watch(engine)
    for _ in range(minutes):
        watch.ahead += 60 - watch.clock() % 60 - LEAD_S
        engine.scheduler.refresh("")
        await asyncio.sleep(LEAD_S * 2)
        while await engine.read(runs.unfinished_runs):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await engine.close()
    return watch.late_ms, start_s


def floor_ms(path: Path, rows: int) -> float:
    """The bare durable commit of so many slots, a run and a task each: median of seven, milliseconds."""
    connection = connect(path)
    connection.execute("CREATE TABLE r (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT, c REAL)")
    connection.execute("CREATE TABLE t (r INTEGER, j TEXT, s TEXT, PRIMARY KEY (r, j)) WITHOUT ROWID")
    times = []
    for round_number in range(7):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        for number in range(rows):
            _insert(connection, round_number * rows + number)
        connection.execute("COMMIT")
        times.append((time.perf_counter() - began) * 1000)
    connection.close()
    return statistics.median(times)


def _insert(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("INSERT INTO r (a, b, c) VALUES (?, ?, ?)", (f"slot/{number}", "queued", time.time()))
    connection.execute("INSERT INTO t VALUES (?, ?, ?)", (number, "job", "waiting"))


def main() -> int:
    """Measure and report; 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=SCHEDULES)
    parser.add_argument("--minutes", type=int, default=MINUTES)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="skafos-bench-") as directory:
        home = Home(Path(directory) / "home")
        home.create()
        late, start_s = asyncio.run(measure(home, args.schedules, args.minutes))
        floor = floor_ms(Path(directory) / "floor.db", max(1, len(late) // args.minutes))
    ordered = sorted(late)
    p99 = ordered[int(len(ordered) * 0.99)]
    print(
        f"{len(late)} slots in {args.minutes} minutes; late: median {statistics.median(late):.1f} ms, p99 {p99:.1f} ms,"
    )
    print(
        f"most {ordered[-1]:.1f} ms; floor: the bare commit of a minute's slots {floor:.1f} ms; start {start_s:.2f} s"
    )
    bars = [Bar(f"{args.schedules} schedules, plan committed − slot, p99", p99, "ms", BAR_MS)]
    return report(bars, machine())


if __name__ == "__main__":
    sys.exit(main())
