"""Thousands of short runs in one engine process: what grows, what is left behind. Prints figure, bar, holds.

python tests/soak/soak.py memory --runs 2000      an engine over a daemon in memory, in this process
python tests/soak/soak.py docker --runs 200       a real engine over real Docker
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "engine"), str(TESTS / "system")]

from house import TOKEN, job, until  # noqa: E402
from memory import Daemon, MemoryRunner  # noqa: E402
from system import Person  # noqa: E402

from skafos_tui.api.client import EngineClient  # noqa: E402
from skafos_tui.config.settings import Settings  # noqa: E402
from skafos_tui.engine import engine as engine_module  # noqa: E402
from skafos_tui.engine.deploying import Deploying  # noqa: E402
from skafos_tui.engine.engine import Engine  # noqa: E402
from skafos_tui.engine.requests import Requests  # noqa: E402
from skafos_tui.engine.triggers import ManualTrigger  # noqa: E402
from skafos_tui.store import runs  # noqa: E402
from skafos_tui.store.database import Writer  # noqa: E402
from skafos_tui.store.home import Home  # noqa: E402

WARM_UP = 0.1
AT_ONCE = 8
PATIENCE_S = 60.0
GROWTH = 0.05


@dataclass(frozen=True)
class Counts:
    """What an engine holds at a moment of rest; `rss` in bytes, None what can't be seen from here."""

    rss: int
    descriptors: int
    threads: int
    tasks: int | None
    containers: int
    attempt_files: int
    volumes: int | None


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    before: float
    after: float
    bar: float

    @property
    def holds(self) -> bool:
        """Whether what is there afterwards is within the bar."""
        return self.after <= self.bar


def figures(before: Counts, after: Counts, growth: float) -> list[Figure]:
    """The table: memory may grow a little, nothing else may."""
    most = before.rss * (1 + growth)
    table = [Figure("RSS, MiB", before.rss / 2**20, after.rss / 2**20, most / 2**20)]
    for name in ("descriptors", "threads", "tasks"):
        # A pool that had not yet all of its threads is no leak.
        slack = 8 if name == "threads" else 2
        begun = getattr(before, name)
        if begun is not None:
            table.append(Figure(name, begun, getattr(after, name), begun + slack))
    for name in ("containers", "attempt_files", "volumes"):
        if getattr(before, name) is not None:
            table.append(Figure(name.replace("_", " "), getattr(before, name), getattr(after, name), 0))
    return table


class InMemory:
    """An engine in this process; time is the test's, so that schedules fire as quickly as they can."""

    def __init__(self, place: Path) -> None:
        self.home = Home(place / "home")
        self.home.create()
        self.project = place / "project"
        self.project.mkdir()
        self.daemon = Daemon()
        self.now = float(int(time.time() / 60) * 60 + 1)
        scheduled = job(0, schedule="* * * * *", overlap="parallel")
        config = {"project_token": TOKEN, "name": "soak", "jobs": [scheduled, job(1), job(2, after=(1,))]}
        (self.project / "metis.config.yml").write_text(json.dumps(config))

    async def begin(self) -> None:
        """Start the engine and deploy."""
        engine_module.RECONCILE_S = 0.5
        writer = await Writer.open(self.home.state_database)
        self.engine = Engine(self.home, Settings(), writer, [MemoryRunner(self.daemon)])
        await self.engine.start()
        self.engine.scheduler._clock = lambda: self.now
        self.requests = Requests(self.engine)
        await Deploying(self.requests, self.engine.scheduler).deploy(self.project, "deploy", run=False, runner=None)

    async def trigger(self, number: int) -> None:
        """One more run: by a schedule, or by hand."""

        async def room() -> bool:
            return len(await self.engine.read(runs.unfinished_runs)) < AT_ONCE

        await until(room, "runs end", PATIENCE_S)
        if number % 2:
            self.now += 60
            self.engine.scheduler.refresh(TOKEN)
        else:
            await self.requests.start_run(self.project, ManualTrigger(f"r{number}", ("j1",)), None)
        self._forget_removed()

    def _forget_removed(self) -> None:
        """The daemon in memory keeps what it has removed, for tests to look at; here it would be what grows."""
        with self.daemon.lock:
            for name, record in list(self.daemon.records.items()):
                if record.removed_by:
                    del self.daemon.records[name]

    async def rest(self) -> Counts:
        """Wait until nothing goes on, and count."""

        async def at_rest() -> bool:
            return not await self.engine.read(lambda c: runs.unfinished_runs(c) or runs.uncollected_attempts(c))

        await until(at_rest, "everything is over", PATIENCE_S)
        await asyncio.sleep(1.2)
        self._forget_removed()
        gc.collect()
        process = psutil.Process()
        return Counts(
            process.memory_info().rss,
            process.num_fds(),
            process.num_threads(),
            len(asyncio.all_tasks()),
            len(self.daemon.containers),
            sum(1 for _ in self.home.attempt("").glob("*")),
            None,
        )


async def soak_in_memory(count: int, growth: float) -> list[Figure]:
    """So many runs over the daemon in memory."""
    with tempfile.TemporaryDirectory(prefix="sk-") as place:
        lived = InMemory(Path(place))
        await lived.begin()
        warm = max(4, int(count * WARM_UP))
        for number in range(warm):
            await lived.trigger(number)
        before = await lived.rest()
        for number in range(warm, count):
            await lived.trigger(number)
        after = await lived.rest()
        made = await lived.engine.read(lambda c: c.execute("SELECT COUNT(*) FROM runs").fetchone()[0])
        good = await lived.engine.read(
            lambda c: c.execute("SELECT COUNT(*) FROM runs WHERE state = 'succeeded'").fetchone()[0]
        )
        await lived.engine.close()
        lost = Figure("runs not succeeded", 0, max(made, count) - good, count * 0.01)
        return [*figures(before, after, growth), lost]


def soak_docker(count: int, growth: float) -> list[Figure]:
    """So many runs over real Docker, in an engine process of its own."""
    with tempfile.TemporaryDirectory(prefix="sk-", dir="/tmp") as place:
        person = Person(Path(place))
        person.job("Short", "print('short')")
        person.job("Often", "print('often')", schedule="* * * * *")
        assert person.skafos("deploy", "--no-run").returncode == 0
        client = EngineClient(Home(person.home))
        process = psutil.Process(person.engine_pid())
        warm = max(4, int(count * WARM_UP))
        try:
            _runs_in_docker(client, person, range(warm))
            before = _count_docker(client, person, process)
            _runs_in_docker(client, person, range(warm, count))
            after = _count_docker(client, person, process)
            return figures(before, after, growth)
        finally:
            person.leave()


def _runs_in_docker(client: EngineClient, person: Person, numbers: range) -> None:
    for number in numbers:
        while len(client.status()["active_runs"]) >= AT_ONCE:
            time.sleep(0.02)
        client.start_run(str(person.project), f"r{number}", jobs=("Short",))


def _count_docker(client: EngineClient, person: Person, process: psutil.Process) -> Counts:
    deadline = time.monotonic() + 120
    own = f"label=skafos.project={person.token}"

    def listed(*words: str) -> int:
        found = subprocess.run(["docker", *words, "--quiet"], capture_output=True, text=True, check=True)
        return len(found.stdout.split())

    while client.status()["active_runs"] or listed("ps", "--all", "--filter", own):
        assert time.monotonic() < deadline, "it does not come to rest"
        time.sleep(0.2)
    time.sleep(2)
    return Counts(
        process.memory_info().rss,
        process.num_fds(),
        process.num_threads(),
        None,
        listed("ps", "--all", "--filter", own),
        sum(1 for _ in (person.home / "attempts").glob("*")),
        listed("volume", "ls", "--filter", own),
    )


def main() -> int:
    """Soak, print the table; 1 where a bar does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("daemon", choices=("memory", "docker"))
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--growth", type=float, default=GROWTH, help="of RSS after the warm-up (default: 0.05)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    begun = time.monotonic()
    if args.daemon == "memory":
        table = asyncio.run(soak_in_memory(args.runs, args.growth))
    else:
        table = soak_docker(args.runs, args.growth)
    if args.json:
        print(json.dumps([{**asdict(each), "holds": each.holds} for each in table]))
    else:
        print(f"{args.runs} runs, {args.daemon}, {time.monotonic() - begun:.0f} s")
        print(f"{'what':<20}{'before':>10}{'after':>10}{'bar':>10}  holds")
        for each in table:
            mark = "yes" if each.holds else "NO"
            print(f"{each.what:<20}{each.before:>10.1f}{each.after:>10.1f}{each.bar:>10.1f}  {mark}")
    return 0 if all(each.holds for each in table) else 1


if __name__ == "__main__":
    sys.exit(main())
