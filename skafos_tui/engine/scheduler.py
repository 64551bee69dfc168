"""Time: fires the slots of the active deployments, each once, and records those that were missed (SPEC 3)."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from skafos_tui.engine.books import Books
from skafos_tui.engine.ledger import StoredConfigInvalid
from skafos_tui.engine.timetable import Due, Missed, Schedule, Timetable
from skafos_tui.engine.triggers import create_slot_run
from skafos_tui.model.graph import children_of, connected_parts, follows_from, graph_of
from skafos_tui.model.project import Project
from skafos_tui.store import projects, runs, schedules
from skafos_tui.store.schedules import ScheduleRow

log = logging.getLogger(__name__)
T = TypeVar("T")

NAP_S = 30.0
"""The longest sleep: the wall clock may be set, and timers don't run while a machine sleeps."""
AT_ONCE = 100
"""How many schedules one commit decides: thousands that are due together must not keep everybody else waiting."""
RETRY_S = 1.0
"""How long after a commit that failed (the disk is full, say) the slots are tried again."""


class Scheduler:
    """The engine's clock. `refresh` after every commit that changes a project's schedules."""

    def __init__(self, books: Books, clock: Callable[[], float] = time.time) -> None:
        self._books = books
        self._clock = clock
        self._timetable = Timetable()
        self._stale: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._wake = asyncio.Event()

    def refresh(self, project: str) -> None:
        """The schedules of a project have changed in the store: read them again."""
        self._stale.add(project)
        self._wake.set()

    async def start(self) -> None:
        """Read all schedules. What was missed meanwhile is decided by the first round."""
        self._put(await self._books.read(schedules.running_schedules))
        for row in await self._books.read(projects.list_projects):
            await self._warm(row.token)

    async def run(self) -> None:
        """Fire what is due, round after round, until cancelled."""
        while True:
            await self.round()
            await self._sleep()

    async def round(self) -> None:
        """Take up changed schedules, then fire what is due now."""
        self._wake.clear()
        await self._take_changes()
        now = self._clock()
        back = self._timetable.clock_set_back(now)
        if back:
            log.warning("the clock was set back; %d schedules go on from now", len(back))
            moments = [(now, project, job_id) for project, job_id in back]
            await self._books.commit("clock", lambda c: schedules.undecided_from(c, moments), ())
        made: list[int] = []
        while due := self._timetable.due(now, AT_ONCE):
            made.extend(await self._fire(due, now))
        if made:
            # The plan of all is durable before the first of them takes the machine's time.
            await self._books.commit("slots_taken", lambda _: None, made)

    async def _fire(self, due: Collection[Due], now: float) -> list[int]:
        """Record what is due in one transaction; the ids of the new runs, none where it could not be written."""
        try:
            return await self._books.record("slots", lambda c: fire(c, self._books.config, self._shape, due, now))
        except sqlite3.Error as error:
            log.error("slots can't be recorded: %s", error)
            # Nothing of it is in the store: what is there says what is due.
            self._stale.update(each.project for each in due)
            await asyncio.sleep(RETRY_S)
            self._wake.set()
            return []

    async def _take_changes(self) -> None:
        while self._stale:
            project = self._stale.pop()
            rows = await self._books.read(partial(schedules.running_schedules, project=project))
            self._timetable.drop(project)
            self._put(rows)
            await self._warm(project)

    async def _warm(self, project: str) -> None:
        """Have the active config read before its first slot is due."""

        def load(connection: sqlite3.Connection) -> None:
            row = projects.get_project(connection, project)
            if row is not None and row.active is not None:
                with suppress(StoredConfigInvalid):  # told when a slot is due
                    self._shape(self._books.config(connection, row.active))

        await self._books.read(load)

    def _shape(self, project: Project) -> Shape:
        """What slots of this version of a project run; kept for the version that is active."""
        known = self._shapes.get(project.token)
        if known is None or known.project is not project:
            known = self._shapes[project.token] = Shape(project)
        return known

    def _put(self, rows: Iterable[ScheduleRow]) -> None:
        for row in rows:
            try:
                self._timetable.put(_schedule(row))
            except ValueError as error:
                # It was valid when it was deployed: this machine has lost a time zone, say.
                log.error("the schedule of job %s stands still: %s", row.job_id, error)

    async def _sleep(self) -> None:
        coming = self._timetable.next_at()
        wait = NAP_S if coming is None else min(max(0.0, coming - self._clock()), NAP_S)
        try:
            async with asyncio.timeout(wait):
                await self._wake.wait()
        except TimeoutError:
            pass


def _schedule(row: ScheduleRow) -> Schedule:
    return Schedule(row.project, row.job_id, row.expression, row.timezone, row.catchup, row.since)


class Shape:
    """What the slots of one version of a project run: its connected parts, and what follows from each job."""

    def __init__(self, project: Project) -> None:
        self.project = project
        graph = graph_of(project)
        self.parts = connected_parts(graph)
        self._children = children_of(graph)
        self._follows: dict[str, set[str]] = {}

    def follows(self, due: Iterable[str]) -> set[str]:
        """The ids of all jobs that a trigger of `due` runs."""
        found: set[str] = set()
        for job_id in due:
            if job_id not in self._follows:
                self._follows[job_id] = follows_from(self.project, {job_id}, self._children)
            found |= self._follows[job_id]
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """The slot of one connected part of a project's graph: what shares a run."""

    project: str
    slot: int
    part: str


def fire(
    connection: sqlite3.Connection,
    config: Callable[[sqlite3.Connection, int], Project],
    shapes: Callable[[Project], Shape],
    due: Collection[Due],
    now: float,
) -> list[int]:
    """Write the runs of the slots that fire, and the missed ones; the ids of the new runs.

    What is recorded decides: a schedule that was changed or paused meanwhile is left out, to be decided by what it is
    now (whoever changed it has it read again); a slot that has fired is not fired again.
    """
    made: list[int] = []
    for token, of_project in _by_project(due).items():
        row = projects.get_project(connection, token)
        if row is None or row.active is None:
            continue
        try:
            project = config(connection, row.active)
        except StoredConfigInvalid as error:
            log.error("schedules of %s stand still: %s", row.name, error)
            continue
        fires: dict[_Part, list[str]] = {}
        missed: dict[_Part, list[tuple[str, Missed]]] = {}
        shape = shapes(project)
        decided = []
        for each in of_project:
            standing = schedules.running_schedule(connection, token, each.job_id)
            if standing is None or _schedule(standing) != each.basis:
                continue
            decided.append((each.since, token, each.job_id))
            part = shape.parts[each.job_id]
            for slot in each.fire:
                if not schedules.fired(connection, token, each.job_id, slot):
                    fires.setdefault(_Part(token, slot, part), []).append(each.job_id)
            for gap in each.missed:
                if not schedules.fired(connection, token, each.job_id, gap.slot):
                    missed.setdefault(_Part(token, gap.slot, part), []).append((each.job_id, gap))
        for place, gaps in sorted(missed.items(), key=lambda item: item[0].slot):
            record_missed(connection, project, row.active, place.slot, gaps, now)
        if fires:
            # Its image was pruned and could not be made again last time, for want of a network, say: every slot tries.
            projects.try_failed_again(connection, row.active)
        for place, jobs in sorted(fires.items(), key=lambda item: item[0].slot):
            selected = shape.follows(jobs)
            made.append(create_slot_run(connection, project, row.active, place.slot, jobs, selected, now))
        schedules.decided_until(connection, decided)
    return made


def _by_project(due: Iterable[Due]) -> Mapping[str, list[Due]]:
    found: dict[str, list[Due]] = {}
    for each in due:
        found.setdefault(each.project, []).append(each)
    return found


def record_missed(
    connection: sqlite3.Connection,
    project: Project,
    deployment: int,
    slot: int,
    gaps: list[tuple[str, Missed]],
    now: float,
) -> None:
    """Write one row of the history for what missed the same slot."""
    run_id = runs.insert_missed(
        connection,
        project=project.token,
        deployment=deployment,
        request_id=f"missed/{project.token}/{slot}/{min(job_id for job_id, _ in gaps)}/{now:.6f}",
        slot=slot,
        now=now,
        reason="; ".join(_missed_reason(project, job_id, gap) for job_id, gap in gaps),
    )
    for job_id, gap in gaps:
        schedules.record_slot(
            connection, project.token, job_id, gap.slot, run_id, fired=False, count=gap.count, first_slot=gap.first
        )


def _missed_reason(project: Project, job_id: str, gap: Missed) -> str:
    job = project.job(job_id)
    if gap.count > 1 and gap.first is not None:
        return f"{job.name}: {gap.count} slots from {_moment(gap.first)} to {_moment(gap.slot)} (catchup {job.catchup})"
    return f"{job.name} (catchup {job.catchup})"


def _moment(slot: int) -> str:
    return datetime.fromtimestamp(slot, UTC).strftime("%Y-%m-%d %H:%M UTC")
