"""Work that several may wait for: one of a kind at a time, ended only when nobody waits any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from skafos_tui.runners.base import BuildFailed, Progress

T = TypeVar("T")
Work = Callable[[Progress, threading.Event], T]
"""Blocking work: it tells lines, and ends soon after the event is set, by raising Cancelled."""


class Cancelled(BuildFailed):
    """Nobody waits for this build any more."""

    def __init__(self) -> None:
        super().__init__("the build was cancelled")


@dataclass(slots=True)
class _Build:
    """One build under way: who listens, what was told so far, and how to end it."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    listeners: list[Progress] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    task: asyncio.Task[Any] | None = None

    def tell(self, line: str) -> None:
        with self.lock:
            self.told.append(line)
            for listener in self.listeners:
                listener(line)

    def join(self, listener: Progress) -> None:
        with self.lock:
            for line in self.told:
                listener(line)
            self.listeners.append(listener)

    def leave(self, listener: Progress) -> bool:
        """Whether that was the last one."""
        with self.lock:
            self.listeners.remove(listener)
            return not self.listeners


class SharedBuilds:
    """Builds by key, on threads of their own; all methods on one event loop."""

    def __init__(self, threads: int, name: str) -> None:
        """More builds than `threads` wait; `name` begins the threads' names."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._builds: dict[str, _Build] = {}

    async def do(self, key: str, progress: Progress, work: Work[T]) -> T:
        """The result of `work`, done once for all who ask for `key` meanwhile; cancelled with the last of them."""
        build = self._builds.get(key)
        if build is None or build.cancelled.is_set():
            build = self._builds[key] = _Build()
            build.task = asyncio.create_task(self._work(key, build, work))
        build.join(progress)
        assert build.task is not None
        try:
            result: T = await asyncio.shield(build.task)
            return result
        finally:
            if build.leave(progress) and not build.task.done():
                build.cancelled.set()
                # Its end is of no interest to anyone, but it must be looked at.
                build.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _work(self, key: str, build: _Build, work: Work[T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._pool, lambda: work(build.tell, build.cancelled))
        finally:
            if self._builds.get(key) is build:
                del self._builds[key]

    async def close(self) -> None:
        """End all builds."""
        builds = list(self._builds.values())
        for build in builds:
            build.cancelled.set()
        await asyncio.gather(*(build.task for build in builds if build.task is not None), return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
