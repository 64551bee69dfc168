"""A link to one runner: whether it answers, what it may hand out, and patience with it while it doesn't."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from skafos_tui.model.project import Resources
from skafos_tui.runners.base import Runner, RunnerUnreachable

log = logging.getLogger(__name__)
T = TypeVar("T")

PROBE_S = 0.5
"""How often a runner that doesn't answer is asked again."""
OWN_DOING = frozenset({"create", "start", "destroy"})
"""Events of what supervisors do themselves; what others did that way is found by reconciling."""


class Link:
    """One runner as the engine sees it; `told` is awaited at every change between answering and not."""

    def __init__(self, runner: Runner, told: Callable[[Link], Awaitable[None]]) -> None:
        self.runner = runner
        self.capacity = local_capacity()
        self.problem = ""
        """Why nothing is started at the moment; empty when all is well."""
        self._told = told
        self._up = asyncio.Event()
        self._lost = asyncio.Event()

    @property
    def kind(self) -> str:
        """The runner's kind."""
        return self.runner.kind

    async def open(self) -> None:
        """Ask for the first time; nobody is told, the engine is only starting."""
        try:
            self.capacity = (await self.runner.info()).capacity
            self._up.set()
        except RunnerUnreachable as error:
            self.problem = str(error)
            self._lost.set()

    async def insist(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Call the runner until it answers; meanwhile everything that waits says why."""
        while True:
            await self._up.wait()
            try:
                return await operation()
            except RunnerUnreachable as error:
                await self.lose(str(error))

    async def lose(self, message: str) -> None:
        """The runner doesn't answer."""
        if not self._up.is_set():
            return
        self._up.clear()
        self._lost.set()
        log.warning("%s", message)
        self.problem = message
        await self._told(self)

    async def probe(self) -> None:
        """Ask a runner that did not answer until it does. Its event stream may go on meanwhile: it proves nothing."""
        await self._lost.wait()
        await asyncio.sleep(PROBE_S)
        try:
            info = await self.runner.info()
        except RunnerUnreachable:
            return
        log.info("%s answers", info.kind)
        self.capacity, self.problem = info.capacity, ""
        self._lost.clear()
        self._up.set()
        await self._told(self)

    async def watch(self, engine: str, nudge: Callable[[str], None]) -> None:
        """Hand on the hints of the event stream, as long as there is one; `engine` is the label to watch for."""
        await self._up.wait()
        try:
            async for event in self.runner.events(engine):
                if event.action not in OWN_DOING:
                    nudge(event.name)
        except RunnerUnreachable as error:
            await self.lose(str(error))
        await asyncio.sleep(PROBE_S)


def local_capacity() -> Resources:
    """This machine, until the runner says better."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Resources(float(os.cpu_count() or 1), memory)
