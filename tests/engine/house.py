"""A home, a daemon and a project, and the engines that live there one after another and may be killed at any point.

A kill is simulated inside this process: from the instant of the kill on, every commit, every call of the runner and
every line handed to a log of the dying engine is refused by raising `Killed`. What its `except` and `finally` clauses
do after that has no effect on store, logs or daemon.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from memory import Behave, Behaviour, Daemon, MemoryRunner

from skafos_tui.config.settings import Settings
from skafos_tui.engine import collector, deployments, engine, links, supervisor
from skafos_tui.engine.deploying import Deploying
from skafos_tui.engine.engine import Engine
from skafos_tui.engine.requests import Requests
from skafos_tui.engine.triggers import ManualTrigger
from skafos_tui.model.run import Attempt, Run, Task
from skafos_tui.runners.base import (
    AttemptSpec,
    BuiltImage,
    ImageRequest,
    LogSink,
    Observation,
    Phase,
    Progress,
    RunnerEvent,
    RunnerInfo,
)
from skafos_tui.store import runs
from skafos_tui.store.database import Writer, connect, migrate
from skafos_tui.store.failpoints import on_failpoint
from skafos_tui.store.home import Home

T = TypeVar("T")
TOKEN = "0123456789abcdef01234567"
PATIENCE_S = 3.0
GRACE_S = 0.005
RAM_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Killed(BaseException):
    """The engine's process is no more."""


class MortalWriter(Writer):
    """A writer that does nothing for a dead engine."""

    life: Life

    async def _on_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        life = self.life

        def guarded(connection: sqlite3.Connection) -> T:
            life.check()
            life.house.observe(connection)
            return work(connection)

        return await super()._on_thread(guarded)


class MortalRunner(MemoryRunner):
    """A runner that does nothing for a dead engine."""

    def __init__(self, daemon: Daemon, life: Life) -> None:
        super().__init__(daemon)
        self._life = life

    async def _hop(self) -> None:
        self._life.check()
        await super()._hop()
        self._life.check()

    async def info(self) -> RunnerInfo:
        return await self._alive(super().info())

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        def tell(line: str) -> None:
            self._life.check()
            progress(line)

        return await self._alive(super().build(request, tell))

    async def has_image(self, reference: str) -> bool:
        return await self._alive(super().has_image(reference))

    async def drop_image(self, reference: str) -> None:
        await self._alive(super().drop_image(reference))

    async def create(self, spec: AttemptSpec) -> None:
        await self._alive(super().create(spec))

    async def start(self, name: str) -> None:
        await self._alive(super().start(name))

    async def inspect(self, name: str) -> Observation | None:
        return await self._alive(super().inspect(name))

    async def list_attempts(self, engine: str) -> Mapping[str, Phase]:
        return await self._alive(super().list_attempts(engine))

    async def signal(self, name: str, signal: str) -> None:
        await self._alive(super().signal(name, signal))

    async def remove(self, name: str) -> None:
        await self._alive(super().remove(name))

    async def _alive(self, call: Any) -> Any:
        result = await call
        self._life.check()
        return result

    async def events(self, engine: str) -> AsyncIterator[RunnerEvent]:
        async for event in super().events(engine):
            self._life.check()
            yield event

    def read_logs(self, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event) -> None:
        def mortal(batch: bytes) -> None:
            self._life.check()
            sink(batch)

        try:
            self._life.check()
            super().read_logs(name, since=since, follow=follow, sink=mortal, stop=stop)
            self._life.check()
        except Killed:
            # Nobody waits for a following thread, and nothing comes after its reading.
            if not follow:
                raise


class Life:
    """One engine, from its start to its close or its death."""

    def __init__(self, house: House, dies_at: Callable[[str], bool] | None = None) -> None:
        self.house = house
        self.dead = False
        self.died_at = ""
        self.death = asyncio.Event()
        self._dies_at = dies_at
        self._loop = asyncio.get_running_loop()
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine of this life."""
        assert self._engine is not None
        return self._engine

    @property
    def requests(self) -> Requests:
        """What clients ask."""
        return Requests(self.engine)

    @property
    def deploying(self) -> Deploying:
        """What clients ask about deployments."""
        return Deploying(self.requests, self.engine.scheduler)

    def set_clock(self, clock: Callable[[], float]) -> None:
        """The clock that slots go by from now on."""
        self.engine.scheduler._clock = clock
        self.engine.scheduler.refresh(TOKEN)

    def check(self) -> None:
        """Raise Killed once the engine is dead."""
        if self.dead:
            raise Killed

    def kill(self, name: str) -> None:
        """The instant of death; from any thread."""
        self.died_at = name
        self.dead = True
        if self._engine is not None:
            dying: Any = self._engine
            dying._closed = True  # what its tasks die of is no news
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self.death.set)

    def reached(self, name: str) -> None:
        """A failpoint, on any thread."""
        self.check()
        self.house.reached[name] = self.house.reached.get(name, 0) + 1
        self.house.at(name)
        if self._dies_at is not None and self._dies_at(name):
            self.kill(name)
            raise Killed

    async def begin(self) -> None:
        """Open the store and start the engine. Raises Killed."""
        on_failpoint(self.reached)
        writer = await MortalWriter.open(self.house.home.state_database)
        assert isinstance(writer, MortalWriter)
        writer.life = self
        runner = MortalRunner(self.house.daemon, self)
        self._engine = Engine(self.house.home, self.house.settings, writer, [runner], grace_s=GRACE_S)
        self.house.furnish(self._engine)
        await self._engine.start()

    async def close(self) -> None:
        """An orderly end."""
        await self.engine.close()
        await self._join_threads()
        on_failpoint(None)

    async def bury(self) -> None:
        """After a kill (or instead of one): end every task and thread that is left of the engine."""
        if not self.dead:
            self.kill("by hand")
        if self._engine is None:
            on_failpoint(None)
            return
        dying: Any = self._engine
        dying._closed = True
        if dying._wake is not None:
            dying._wake.cancel()
        for reader in self.house.collectors:
            reader.abandon()
        tasks = [*dying._tasks, *dying.deployments._builds.values(), *dying.reload._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*dying._commits, return_exceptions=True)
        await asyncio.sleep(0)
        dying.sampler.close(write=False)
        await self._join_threads()
        dying.deployments._threads.shutdown(wait=True)
        await dying._writer.close()
        on_failpoint(None)

    async def _join_threads(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            left = [thread for thread in threading.enumerate() if thread.name.startswith(("log ", "stats "))]
            if not left:
                break
            assert time.monotonic() < deadline, f"threads are left: {left}"
            await asyncio.sleep(0.0005)
        for log in self.house.collectors:
            log._close_early()
        self.house.collectors.clear()


class House:
    """One home over many lives of its engine."""

    times: tuple[tuple[Any, str, Any], ...] = ()
    """Constants to be replaced besides those of `_quick`: module, name, value."""

    def __init__(self, daemon: Daemon, path: Path, settings: Settings) -> None:
        self.daemon = daemon
        self.home = Home(path / "home")
        self.home.create()
        self.directory = path / "project"
        self.directory.mkdir()
        self.settings = settings
        self.reached: dict[str, int] = {}
        self.collectors: list[collector.Collector] = []
        self.observed: list[dict[tuple[int, str], str]] = []
        """Every recorded state of runs (job "") and tasks, in order, without repetition."""

    def furnish(self, new: Engine) -> None:
        """An engine moves in; it has not started."""

    def at(self, name: str) -> None:
        """A failpoint was reached, on any thread."""

    def observe(self, connection: sqlite3.Connection) -> None:
        """Note what is committed now."""
        states = {(row[0], ""): str(row[1]) for row in connection.execute("SELECT id, state FROM runs")}
        rows = connection.execute("SELECT run_id, job_id, state FROM tasks")
        states.update({(row[0], row[1]): str(row[2]) for row in rows})
        if not self.observed or self.observed[-1] != states:
            self.observed.append(states)

    def write_config(self, jobs: list[dict[str, Any]], **project: Any) -> None:
        """The project's config; JSON is YAML too."""
        config = {"project_token": TOKEN, "name": "house", "jobs": jobs, **project}
        (self.directory / "metis.config.yml").write_text(json.dumps(config, indent=1))

    def query(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Look at the store between lives."""
        connection = connect(self.home.state_database)
        try:
            return work(connection)
        finally:
            connection.close()

    def log(self, attempt: Attempt) -> list[bytes]:
        """The stored lines of an attempt."""
        path = self.home.attempt_log(TOKEN, attempt.run_id, attempt.name)
        return path.read_bytes().splitlines(keepends=True) if path.exists() else []


H = TypeVar("H", bound=House)


def job_id(number: int) -> str:
    """The id of the n-th job."""
    return f"00000000-0000-4000-8000-{number:012}"


def job(number: int, *, after: tuple[int, ...] = (), **keys: Any) -> dict[str, Any]:
    """The n-th job of a config, called `j0`, `j1`, …"""
    return {
        "job_id": job_id(number),
        "language": "python",
        "name": f"j{number}",
        "entrypoint": f"echo {number}",
        "dependencies": [job_id(parent) for parent in after],
        **keys,
    }


@asynccontextmanager
async def a_house(
    daemon: Daemon | None = None,
    settings: Settings | None = None,
    template: Path | None = None,
    place: Path | None = None,
    make: type[H] = House,
) -> AsyncIterator[H]:
    """A house on a RAM disk, or at `place`; `template` is an empty migrated database to begin with."""
    path = Path(tempfile.mkdtemp(prefix="skafos-", dir=place or RAM_DISK))
    try:
        house = make(daemon or Daemon(), path, settings or Settings())
        if template is None:
            migrate(house.home.state_database)
        else:
            shutil.copyfile(template, house.home.state_database)
        with _quick(house):
            yield house
    finally:
        on_failpoint(None)
        shutil.rmtree(path, ignore_errors=True)


class _quick:
    """Waiting times of the engine cut to what a test can wait for, and its collectors known."""

    TIMES = (
        (engine, "RECONCILE_S", 0.012),
        (engine, "PROBE_S", 0.002),
        (links, "PROBE_S", 0.002),
        (collector, "DRAIN_PATIENCE_S", 0.006),
        (supervisor, "DISK_RETRY_S", 0.005),
        (deployments, "STEP_INTERVAL_S", 0.0),
    )

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        house = self._house

        class Known(collector.Collector):
            def __init__(self, *arguments: Any, **options: Any) -> None:
                super().__init__(*arguments, **options)
                house.collectors.append(self)

        for module, name, value in (*self.TIMES, *house.times, (supervisor, "Collector", Known)):
            self._kept.append((module, name, getattr(module, name)))
            setattr(module, name, value)

    def __exit__(self, *_: object) -> None:
        for module, name, value in self._kept:
            setattr(module, name, value)


async def start_run(life: Life, request_id: str = "r1", jobs: tuple[str, ...] = (), **options: Any) -> int:
    """Ask for a run; its id."""
    trigger = ManualTrigger(request_id=request_id, jobs=jobs, **options)
    return (await life.requests.start_run(life.house.directory, trigger, None)).run


async def until(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait for a condition (sync or async); its value."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {patience_s:g} s: {what}"
        await asyncio.sleep(0.002)


async def finished(life: Life, run_id: int) -> tuple[Run, dict[str, Task], list[Attempt]]:
    """Wait until a run and all that belongs to it is over: the run, its tasks by name, its attempts."""

    def look(connection: sqlite3.Connection) -> tuple[Run, dict[str, Task], list[Attempt]] | None:
        run = runs.get_run(connection, run_id)
        assert run is not None
        if not run.state.finished or any(a.run_id == run_id for a in runs.uncollected_attempts(connection)):
            return None
        tasks = {task.name: task for task in runs.tasks_of(connection, run_id)}
        return run, tasks, runs.attempts_of(connection, run_id)

    found = await until(lambda: life.engine.read(look), f"run {run_id} ends")
    await until(lambda: not any(r.run_id == run_id for r in life.house.daemon.containers.values()), "containers go")
    result: tuple[Run, dict[str, Task], list[Attempt]] = found
    return result


async def tasks_of(life: Life, run_id: int) -> dict[str, Task]:
    """The tasks of a run as recorded now, by name."""
    return {task.name: task for task in await life.engine.read(lambda c: runs.tasks_of(c, run_id))}


@asynccontextmanager
async def a_life(
    jobs: list[dict[str, Any]], behave: Behave | None = None, settings: Settings | None = None, **project: Any
) -> AsyncIterator[Life]:
    """An engine at work in a house of its own, closed in order at the end."""
    daemon = Daemon(behave) if behave is not None else Daemon()
    async with a_house(daemon, settings) as house:
        house.write_config(jobs, **project)
        life = Life(house)
        await life.begin()
        try:
            yield life
        finally:
            await life.close()
        assert not daemon.violations


def by_job(**behaviours: Behaviour | list[Behaviour]) -> Behave:
    """Behaviours by the name of the job; a list has one for each attempt, the last for all that follow."""

    def behave(spec: AttemptSpec) -> Behaviour:
        found = behaviours.get(spec.environment["SKAFOS_JOB_NAME"], Behaviour())
        if isinstance(found, Behaviour):
            return found
        return found[min(int(spec.environment["SKAFOS_ATTEMPT"]), len(found)) - 1]

    return behave
