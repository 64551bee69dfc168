"""The ends of attempts as hints: each shim is watched through a descriptor of its process, which costs nothing."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from skafos_tui.runners.base import Phase, RunnerEvent
from skafos_tui.runners.process.attempts import LocalAttempts, open_process
from skafos_tui.store.failpoints import failpoint

T = TypeVar("T")
CONNECTED = RunnerEvent("", "connected")
"""First of all: what happened before is not known, so everything is looked at."""
POLL_S = 0.1
"""How often a running attempt is looked at on systems without such descriptors."""


class Run(Protocol):
    """Does blocking work on threads of its own."""

    async def __call__(self, work: Callable[[], T]) -> T:
        """The result of `work`."""
        ...


class Ends:
    """Who wants to hear of ends; `started` is called on any thread, `watch` on the listener's loop."""

    def __init__(self, attempts: LocalAttempts, run: Run) -> None:
        """`run` does blocking work on threads."""
        self._attempts = attempts
        self._run = run
        self._listeners: list[_Listener] = []
        self._lock = threading.Lock()

    def started(self, name: str) -> None:
        """This runner started an attempt."""
        engine = self._attempts.engine_of(name)
        shim = self._attempts.shim_of(name)
        with self._lock:
            listeners = [listener for listener in self._listeners if listener.engine == engine]
        for listener in listeners:
            listener.call(name, shim)

    async def watch(self, engine: str) -> AsyncIterator[RunnerEvent]:
        """The ends of this engine's attempts; it never ends by itself."""
        failpoint("process.events.before")
        listener = _Listener(engine, self._attempts, asyncio.get_running_loop())
        with self._lock:
            self._listeners.append(listener)
        try:
            yield CONNECTED
            phases = await self._run(lambda: self._attempts.list_attempts(engine))
            for name, phase in phases.items():
                if phase is Phase.RUNNING:
                    listener.add(name, await self._run(lambda name=name: self._attempts.shim_of(name)))  # type: ignore[misc]
            while True:
                yield await listener.queue.get()
        finally:
            with self._lock:
                self._listeners.remove(listener)
            listener.close()


class _Listener:
    """One connection: its queue, and the descriptors it waits for."""

    def __init__(self, engine: str, attempts: LocalAttempts, loop: asyncio.AbstractEventLoop) -> None:
        self.engine = engine
        self.queue: asyncio.Queue[RunnerEvent] = asyncio.Queue()
        self._attempts = attempts
        self._loop = loop
        self._watched: dict[str, int] = {}
        self._polls: dict[str, asyncio.Task[None]] = {}

    def call(self, name: str, shim: tuple[int, str] | None) -> None:
        """`add` from another thread."""
        try:
            self._loop.call_soon_threadsafe(self.add, name, shim)
        except RuntimeError:
            # The loop has ended; nobody waits for hints any more.
            return

    def add(self, name: str, shim: tuple[int, str] | None) -> None:
        """Tell when this attempt ends, at once if it has."""
        if name in self._watched or name in self._polls:
            return
        descriptor = None if shim is None else open_process(*shim)
        if descriptor is not None:
            self._watched[name] = descriptor
            self._loop.add_reader(descriptor, self._ended, name)
        elif shim is None or hasattr(os, "pidfd_open"):
            self._tell(name)
        else:
            self._polls[name] = self._loop.create_task(self._poll(name))

    def _ended(self, name: str) -> None:
        descriptor = self._watched.pop(name)
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self._tell(name)

    async def _poll(self, name: str) -> None:
        while self._attempts.runs(name):  # noqa: ASYNC110  # nobody could set an event
            await asyncio.sleep(POLL_S)
        del self._polls[name]
        self._tell(name)

    def _tell(self, name: str) -> None:
        self.queue.put_nowait(RunnerEvent(name, "die"))

    def close(self) -> None:
        """Let go of everything."""
        for descriptor in self._watched.values():
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
        self._watched.clear()
        for task in self._polls.values():
            task.cancel()
