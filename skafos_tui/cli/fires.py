"""When schedules fire: of a config, or of the deployment that is active, with what is paused of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.output import clean
from skafos_tui.config.upcoming import Fire, coming_fires

if TYPE_CHECKING:
    from skafos_tui.model.project import Job, Project

NEVER_PAUSED: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Timetable:
    """The schedules of a project: of deployment number `deployment`, or of the config as it stands (None).

    `paused_at` (Unix seconds) is since when all of them are paused, `paused_jobs` since when single jobs are;
    `problem` says why nothing fires although nothing is paused.
    """

    project: Project
    config: str = ""
    deployment: int | None = None
    paused_at: float | None = None
    paused_jobs: Mapping[str, float] = field(default_factory=lambda: NEVER_PAUSED)
    problem: str = ""

    def paused_since(self, job: Job) -> float | None:
        """Since when a job's schedule is paused, Unix seconds; None where it isn't."""
        moments = [moment for moment in (self.paused_at, self.paused_jobs.get(job.id)) if moment is not None]
        return min(moments, default=None)

    def scheduled(self) -> list[Job]:
        """The enabled jobs that have a schedule."""
        return [job for job in self.project.jobs if job.enabled and job.schedule]

    def running(self) -> list[Job]:
        """Of them those that aren't paused."""
        return [job for job in self.scheduled() if self.paused_since(job) is None]

    def paused(self) -> list[Job]:
        """Of them those that are paused."""
        return [job for job in self.scheduled() if self.paused_since(job) is not None]


def active_timetable(store: sqlite3.Connection | None, token: str | None) -> Timetable | None:
    """The schedules of the active deployment; None where nothing is deployed."""
    from skafos_tui.store.projects import get_deployment, get_project
    from skafos_tui.store.schedules import paused_jobs

    row = get_project(store, token) if store is not None and token is not None else None
    if store is None or row is None or row.active is None:
        return None
    deployment = get_deployment(store, row.active)
    project = None if deployment is None else project_of(deployment.config)
    if deployment is None or project is None:
        return None
    return Timetable(
        project, deployment.config, deployment.number, row.paused_at, paused_jobs(store, row.token), row.problem
    )


def project_of(config: str) -> Project | None:
    """The project of a deployment's config, which was within the user's ceilings when it was accepted."""
    import math
    import sys

    from skafos_tui.config.reader import parse_config

    return parse_config(config, max_cpu=math.inf, max_memory=sys.maxsize).project


def next_fires(jobs: list[Job], after: datetime) -> list[Fire]:
    """Of every job its next fire, earliest first."""
    firsts = [fire for job in jobs for fire in _first(job, after)]
    return sorted(firsts, key=lambda fire: fire.at)


def _first(job: Job, after: datetime) -> list[Fire]:
    found = next(coming_fires([job], after), None)
    return [] if found is None else [found]


def fire_lines(fires: list[Fire], after: datetime, timetable: Timetable) -> list[str]:
    """Fires as aligned lines: the slot on the job's clock, its offset, the job, and how far away or paused it is."""
    from skafos_tui.text.durations import local_time, relative
    from skafos_tui.text.tables import cell_width, pad

    names = [clean(fire.job.name) for fire in fires]
    width = max(map(cell_width, names), default=0)
    lines = []
    for fire, name in zip(fires, names, strict=True):
        since = timetable.paused_since(fire.job)
        distance = relative(fire.at.timestamp(), after.timestamp())
        how = distance if since is None else f"paused since {local_time(since)}"
        lines.append(f"{moment(fire)}  {pad(name, width)}  {how}")
    return lines


def moment(fire: Fire) -> str:
    """A fire on the clock of its job, as `2026-11-24 09:00 +01:00`."""
    return f"{fire.wall:%Y-%m-%d %H:%M} {fire.wall.isoformat()[19:]}"


def fire_view(fire: Fire, timetable: Timetable) -> dict[str, Any]:
    """A fire as JSON."""
    from skafos_tui.text.durations import rfc3339

    since = timetable.paused_since(fire.job)
    return {
        "scheduled_at": rfc3339(fire.at.timestamp()),
        "local_time": fire.wall.isoformat(),
        "timezone": fire.job.timezone,
        "job_id": fire.job.id,
        "name": fire.job.name,
        "schedule": fire.job.schedule,
        "paused": since is not None,
        "paused_at": rfc3339(since),
        "deployment": timetable.deployment,
    }


def now_utc() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)
