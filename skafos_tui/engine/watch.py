"""Tells when a project's config file differs from the content last seen (SPEC 3, hot reload)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from skafos_tui.engine.config_glance import (
    Glance,
    Standing,
    Trace,
    being_written,
    config_path,
    glance,
    points_of,
    trace_of,
)
from skafos_tui.engine.directory_events import DirectoryEvents, Happened, WatchfilesEvents

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_S = 5.0
POLL_WITHOUT_EVENTS_S = 1.0
SETTLE_S = 0.03
"""Two looks this far apart must agree: some editors truncate a file and write it in pieces."""
COME_BACK_S = 0.3
"""What an empty or missing file is given to come back: others delete and rename, or truncate and think."""
WRITER_PATIENCE_S = 2.0
"""What stays the same this long counts, though a program still has it open for writing."""
SLOW_AFTER_S = 2.0
SLOW_LOOK_S = 0.25
"""A file that goes on changing is looked at less often."""
EVENTS_AGAIN_S = 60.0
READERS = 4


class SightingKind(StrEnum):
    """What is different from what was last seen."""

    CHANGED = "changed"
    CONFIG_GONE = "config_gone"
    DIRECTORY_GONE = "directory_gone"
    DIRECTORY_BACK = "directory_back"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was seen of one project's config.

    `content` are its bytes, at most 1 MiB and one; `digest` their SHA-256 in hex. Both are empty unless CHANGED.
    """

    project: str
    directory: Path
    kind: SightingKind
    content: bytes = b""
    digest: str = ""


@dataclass(slots=True)
class _Watched:
    """One project: what was last seen of it, and what the next look is compared with.

    `version` counts what `watch` was told, so that a look begun before it is void. No `trace`: look again.
    """

    directory: Path
    seen: str
    version: int = 0
    there: bool = True
    due: bool = True
    trace: Trace | None = None
    points: frozenset[tuple[str, str]] = frozenset()
    trouble: str = ""


class ConfigWatch:
    """Watches the configs of any number of projects, by level: what an event misses, the next poll finds.

    `tell` is called once for each content that differs from the one last seen, in order; for one project never
    twice at a time. Only after it returned a content counts as seen: what it could not take is told again. An empty
    digest stands for a config that isn't there. All methods are the loop's; files are read on threads.
    """

    def __init__(
        self,
        tell: Callable[[Sighting], Awaitable[None]],
        *,
        poll_s: float = POLL_S,
        events: Callable[[Happened], DirectoryEvents] = WatchfilesEvents,
    ) -> None:
        self._tell = tell
        self._poll_s = poll_s
        self._make_events = events
        self._events: DirectoryEvents | None = None
        self._without_events = False
        self._said = False
        self._projects: dict[str, _Watched] = {}
        self._at: dict[tuple[str, str], set[str]] = {}
        self._within: dict[str, set[str]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
        self._running = False
        self._stale = asyncio.Event()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="config-reader")
        self._poller = ThreadPoolExecutor(1, thread_name_prefix="config-poller")

    def watch(self, project: str, directory: Path, seen: str, *, gone: bool = False) -> None:
        """Begin, or change the directory or what was last seen there: a SHA-256 in hex, "" for nothing.

        `gone`: the last that was told of the directory is that it went, so that its return is news.
        """
        watched = self._projects.get(project)
        if watched is None:
            watched = self._projects[project] = _Watched(directory, seen)
            self._stale.set()
        elif watched.directory != directory:
            watched.directory, watched.there, watched.points, watched.trouble = directory, True, frozenset(), ""
            self._stale.set()
        watched.seen, watched.trace = seen, None
        watched.there = watched.there and not gone
        watched.version += 1
        self._attend(project)

    def forget(self, project: str) -> None:
        """Tell nothing more of a project; what is being told just now is told to its end."""
        watched = self._projects.pop(project, None)
        if watched is not None:
            watched.version += 1
            self._stale.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        self._running = True
        loop = asyncio.get_running_loop()
        again_at = 0.0
        try:
            while True:
                if self._without_events and loop.time() >= again_at:
                    self._stale.set()
                if self._stale.is_set():
                    self._stale.clear()
                    await self._watch_directories()
                    again_at = loop.time() + EVENTS_AGAIN_S
                await self._poll()
                pause = min(self._poll_s, POLL_WITHOUT_EVENTS_S) if self._without_events else self._poll_s
                try:
                    async with asyncio.timeout(pause):
                        await self._stale.wait()
                except TimeoutError:
                    continue
        finally:
            self._running = False
            await self._close()

    async def _close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        if self._events is not None:
            self._events.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._poller.shutdown(wait=False, cancel_futures=True)
        await asyncio.gather(*workers, return_exceptions=True)

    # What to look at -----------------------------------------------------------------------------------------

    async def _watch_directories(self) -> None:
        """Watch where a change of any project's config would show; where that can't be, look more often."""
        directories = {project: watched.directory for project, watched in self._projects.items()}
        points = await self._on(self._poller, lambda: _points(directories))
        self._at, self._within = {}, {}
        for project, found in points.items():
            if (watched := self._projects.get(project)) is not None:
                watched.points = found
            for directory, name in found:
                self._at.setdefault((directory, name), set()).add(project)
                self._within.setdefault(directory, set()).add(project)
        try:
            events = self._events = self._events or self._make_events(self._happened)
            wanted = tuple(self._within)
            await self._on(self._poller, lambda: events.watch(wanted))
        except OSError as error:
            self._without_events = True
            if not self._said:
                self._said = True
                log.warning(
                    "the system tells of no more file changes (%s); configs are looked at every %g s instead",
                    error.strerror or error,
                    POLL_WITHOUT_EVENTS_S,
                )
        else:
            self._without_events = False

    def _happened(self, directory: str, name: str) -> None:
        if not directory:
            projects: Iterable[str] = tuple(self._projects)
        elif name:
            projects = self._at.get((directory, name), ())
        else:
            projects = self._within.get(directory, ())
            self._stale.set()
        for project in projects:
            self._attend(project)

    async def _poll(self) -> None:
        """Compare every project's trace with the last one; where events missed something, they begin anew."""
        directories = {
            project: watched.directory for project, watched in self._projects.items() if project not in self._workers
        }
        traces = await self._on(self._poller, lambda: _traces(directories))
        for project, trace in traces.items():
            watched = self._projects.get(project)
            if watched is None or watched.directory != directories[project] or watched.trace == trace:
                continue
            if watched.trace is not None and project not in self._workers and not self._without_events:
                self._stale.set()
            self._attend(project)

    # One project ---------------------------------------------------------------------------------------------

    def _attend(self, project: str) -> None:
        """Have a project looked at, soon, once."""
        watched = self._projects.get(project)
        if watched is None:
            return
        watched.due = True
        if self._running and project not in self._workers:
            self._workers[project] = asyncio.create_task(self._work(project), name=f"config-{project}")

    async def _work(self, project: str) -> None:
        try:
            while (watched := self._projects.get(project)) is not None and watched.due:
                watched.due = False
                try:
                    await self._look(project, watched)
                except Exception:
                    # The next poll tells it again: what was not taken was not seen.
                    log.exception("a change of the config in %s was not taken in", watched.directory)
        finally:
            del self._workers[project]

    async def _look(self, project: str, watched: _Watched) -> None:
        version, watched.trace = watched.version, None
        found = await self._settled(watched)
        if watched.version != version:
            return
        if found.points != watched.points:
            self._stale.set()
        self._note_trouble(watched, found.trouble)
        for sighting in _sightings(project, watched, found):
            await self._tell(sighting)
            if watched.version != version:
                return
            _learn(watched, sighting)
        watched.trace = None if found.trace.recent() else found.trace

    @staticmethod
    def _note_trouble(watched: _Watched, trouble: str) -> None:
        """Say once why a config can't be read: until it can be, the last one stands."""
        if trouble and trouble != watched.trouble:
            log.warning("the config in %s can't be read and counts as unchanged: %s", watched.directory, trouble)
        watched.trouble = trouble

    async def _settled(self, watched: _Watched) -> Glance:
        """What stands there once it has stopped changing."""
        clock = asyncio.get_running_loop().time
        directory, version = str(watched.directory), watched.version
        started = since = clock()
        last = await self._on(self._readers, lambda: glance(directory))
        while watched.version == version:
            quiet = clock() - since
            if quiet >= _quiet_needed(watched, last) and (
                quiet >= WRITER_PATIENCE_S or not await self._unfinished(watched, last)
            ):
                break
            await asyncio.sleep(SETTLE_S if clock() - started < SLOW_AFTER_S else SLOW_LOOK_S)
            now = clock()
            found = await self._on(self._readers, lambda: glance(directory))
            if not found.agrees(last):
                since = now
            last = found
        return last

    async def _unfinished(self, watched: _Watched, found: Glance) -> bool:
        """Whether a program still writes what was found; asked only of what would be told."""
        if found.standing is not Standing.CONTENT or found.digest == watched.seen:
            return False
        directory = str(watched.directory)
        return await self._on(self._readers, lambda: being_written(directory, found.trace))

    @staticmethod
    async def _on(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


def _quiet_needed(watched: _Watched, found: Glance) -> float:
    """How long, in seconds, what was found must have stayed the same to count."""
    match found.standing:
        case Standing.CONTENT if found.digest == watched.seen:
            return 0.0
        case Standing.CONTENT:
            return SETTLE_S if found.content else COME_BACK_S
        case Standing.NOTHING:
            return COME_BACK_S if watched.seen else 0.0
        case Standing.NO_DIRECTORY:
            return COME_BACK_S if watched.there else 0.0
        case Standing.UNREADABLE:
            return SETTLE_S
        case Standing.CHANGING:
            return float("inf")


def _sightings(project: str, watched: _Watched, found: Glance) -> Iterator[Sighting]:
    """What is new in what was found."""
    directory = watched.directory
    if found.standing is Standing.NO_DIRECTORY:
        if watched.there:
            yield Sighting(project, directory, SightingKind.DIRECTORY_GONE)
        return
    if not watched.there and found.trace.directory is not None:
        yield Sighting(project, directory, SightingKind.DIRECTORY_BACK)
    if found.standing is Standing.NOTHING and watched.seen:
        yield Sighting(project, directory, SightingKind.CONFIG_GONE)
    elif found.standing is Standing.CONTENT and found.digest != watched.seen:
        yield Sighting(project, directory, SightingKind.CHANGED, found.content, found.digest)


def _learn(watched: _Watched, told: Sighting) -> None:
    """What was told is what was seen."""
    match told.kind:
        case SightingKind.DIRECTORY_GONE:
            watched.there = False
        case SightingKind.DIRECTORY_BACK:
            watched.there = True
        case SightingKind.CHANGED | SightingKind.CONFIG_GONE:
            watched.seen = told.digest


def _points(directories: Mapping[str, Path]) -> dict[str, frozenset[tuple[str, str]]]:
    return {project: points_of(config_path(str(directory))) for project, directory in directories.items()}


def _traces(directories: Mapping[str, Path]) -> dict[str, Trace]:
    return {project: trace_of(str(directory)) for project, directory in directories.items()}
