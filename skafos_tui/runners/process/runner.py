"""The process runner: `base.Runner` over directories, shims and processes of this user."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from skafos_tui.runners.base import (
    AttemptSpec,
    BuiltImage,
    Door,
    ImageRequest,
    LogSink,
    Look,
    Observation,
    Phase,
    Progress,
    RunnerEvent,
    RunnerInfo,
    RunnerUnreachable,
    StatsSink,
)
from skafos_tui.runners.checks import Check
from skafos_tui.runners.process import doors, files, host, logs, stats
from skafos_tui.runners.process.attempts import LocalAttempts
from skafos_tui.runners.process.builds import Builds
from skafos_tui.runners.process.events import Ends
from skafos_tui.runners.process.places import Places

T = TypeVar("T")
CALL_THREADS = 8


class ProcessRunner:
    """Attempts as local processes; everything it keeps lies below `directory`, where any later runner finds it."""

    kind = "process"

    def __init__(self, directory: Path) -> None:
        self._places = Places(Path(os.path.abspath(directory)))  # noqa: PTH100  # links in it may change
        self._attempts = LocalAttempts(self._places)
        self._builds = Builds(self._places)
        self._ends = Ends(self._attempts, self._run)
        self._pool = ThreadPoolExecutor(CALL_THREADS, thread_name_prefix="process-call")
        self._closed = False

    async def info(self) -> RunnerInfo:
        """What this runner is and how much it may hand out."""
        return await self._run(lambda: host.runner_info(str(self._places.directory)))

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """Make the environment and unpack the code, or find them; see `Builds.build`."""
        return await self._builds.build(request, progress)

    async def has_image(self, reference: str) -> bool:
        """Whether environment and code are there."""
        return await self._run(lambda: self._builds.has(reference))

    async def drop_image(self, reference: str) -> None:
        """Remove an image that nothing will be created from; nothing happens where it is in use or gone."""
        await self._run(lambda: self._drop(reference))

    def _drop(self, reference: str) -> None:
        if not self._attempts.uses(image=reference):
            self._builds.drop(reference, lambda environment: self._attempts.uses(environment=environment))

    async def create(self, spec: AttemptSpec) -> None:
        """Make the attempt's directory, or adopt it; see `LocalAttempts.create`."""
        await self._run(lambda: self._attempts.create(spec))

    async def start(self, name: str) -> None:
        """Start the attempt if it never was; see `LocalAttempts.start`."""
        await self._run(lambda: self._start(name))

    def _start(self, name: str) -> None:
        if self._attempts.start(name):
            self._ends.started(name)

    async def inspect(self, name: str) -> Observation | None:
        """The attempt as it is; None where there is none."""
        return await self._run(lambda: self._attempts.inspect(name))

    async def list_attempts(self, engine: str) -> Mapping[str, Phase]:
        """All attempts with this engine's label, by name."""
        return await self._run(lambda: self._attempts.list_attempts(engine))

    async def signal(self, name: str, signal: str) -> None:
        """Send a signal to the user's own process; nothing happens where it has ended."""
        await self._run(lambda: self._attempts.signal(name, signal))

    async def remove(self, name: str) -> None:
        """End what runs and remove the attempt; nothing happens where there is none."""
        await self._run(lambda: self._attempts.remove(name))

    def events(self, engine: str) -> AsyncIterator[RunnerEvent]:
        """Hints as they come, a `connected` first; see `Ends.watch`."""
        return self._ends.watch(engine)

    def read_logs(self, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event) -> None:
        """Hand the attempt's log to `sink`, on this thread; see `logs.read_logs`."""
        path = self._places.attempt(name) / files.LOG
        logs.read_logs(path, lambda: self._attempts.runs(name), since=since, follow=follow, sink=sink, stop=stop)

    def read_stats(self, name: str, sink: StatsSink, stop: threading.Event) -> None:
        """Hand a sample every second to `sink`, on this thread; see `stats.read_stats`."""
        shim = self._attempts.shim_of(name)
        if shim is not None:
            stats.read_stats(self._places.attempt(name), shim, sink, stop)

    async def shell(self, name: str, prompt: str) -> Door:
        """The way into an attempt that runs; see `doors.shell`."""
        return await self._run(lambda: doors.shell(self._places, self._attempts, name, prompt))

    async def debug_shell(self, spec: AttemptSpec, prompt: str) -> Door:
        """An ended attempt's directory again; see `doors.debug_shell`."""
        return await self._run(lambda: doors.debug_shell(self._places, self._attempts, spec, prompt))

    async def end_debug(self, name: str) -> None:
        """Remove what was made for a debug shell; nothing happens where there is none."""
        await self._run(lambda: doors.end_debug(self._places, self._attempts, name))

    async def look(self, name: str) -> Look | None:
        """What the attempt's files say, and its processes; None where there is none."""
        return await self._run(lambda: doors.look(self._places, name))

    async def doctor(self) -> list[Check]:
        """What is missing here; see `host.checks`."""
        return await self._run(host.checks)

    async def close(self) -> None:
        """End all builds and threads; jobs go on."""
        self._closed = True
        await self._builds.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        """`work` on threads of this runner, never on the loop's default executor (6 threads, joined at exit)."""
        if self._closed:
            raise RunnerUnreachable("the process runner is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
