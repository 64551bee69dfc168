"""`skafos next`: the coming fire times of the schedules."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from skafos_tui.cli.common import OpenProject, add_json, pick_job, project_directory, valid_project
from skafos_tui.cli.errors import CommandError
from skafos_tui.cli.output import Output, clean, remark

if TYPE_CHECKING:
    from skafos_tui.model.project import Job, Project

MOST = 1000
"""More fire times than anybody reads."""


@dataclass(frozen=True, slots=True)
class Fire:
    """One coming slot of a job; `at` is an aware UTC datetime."""

    job: Job
    at: datetime

    @property
    def wall(self) -> datetime:
        """The slot on the clock of the job's time zone."""
        from zoneinfo import ZoneInfo

        return self.at.astimezone(ZoneInfo(self.job.timezone))


def configure(command: str, parser: argparse.ArgumentParser) -> None:
    """The arguments of `next`."""
    parser.add_argument("job", metavar="JOB", nargs="?", help="one job, by name or id (default: all)")
    parser.add_argument("-n", type=_count, default=5, metavar="N", dest="count", help="how many (default 5)")
    parser.add_argument("--from", type=_instant, dest="start", help=argparse.SUPPRESS)
    add_json(parser)
    parser.set_defaults(run=run_next)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST):
        raise argparse.ArgumentTypeError(f"-n takes a number from 1 to {MOST}, not `{text}`")
    return int(text)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is no time such as 2026-11-24T09:00:00+01:00") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def coming_fires(project: Project, after: datetime, job_id: str | None = None) -> Iterator[Fire]:
    """The fire times after an aware instant, earliest first, jobs in the order of the file where they coincide.

    Of all enabled jobs with a schedule, or of one job. As endless as the schedules are.
    """
    from skafos_tui.config.cron import parse_cron

    def fires(index: int, job: Job, schedule: str) -> Iterator[tuple[datetime, int, Job]]:
        for at in parse_cron(schedule).fires_after(after, job.timezone):
            yield at, index, job

    wanted = (job for job in project.jobs if job.enabled and job_id in (None, job.id))
    streams = [fires(index, job, job.schedule) for index, job in enumerate(wanted) if job.schedule]
    for at, _, job in merge(*streams, key=lambda fire: fire[:2]):
        yield Fire(job, at)


def run_next(args: argparse.Namespace) -> int:
    """Print the coming fire times; where there are none, say why on standard error."""
    project = valid_project(_opened(args))
    after: datetime = args.start or datetime.now(UTC)
    job_id = None if args.job is None else pick_job(project, args.job)
    fires = list(islice(coming_fires(project, after, job_id), args.count))
    out = Output()
    if args.json:
        out.json([_view(fire) for fire in fires])
    elif fires:
        _print(out, fires, after)
    if not fires:
        remark(_why_none(project, job_id))
    return 0


def _opened(args: argparse.Namespace) -> OpenProject:
    """The project as its config says: nothing of the store is needed to read a calendar."""
    from skafos_tui.config.reader import CONFIG_NAME, ConfigUnreadable, find_config, read_config

    directory = project_directory(args)
    config = find_config(directory)
    if config is None:
        raise CommandError(
            f"there is no {CONFIG_NAME} in {clean(str(directory))} or above: `skafos init` makes a project,"
            " --project DIR names one"
        )
    try:
        read = read_config(config)
    except ConfigUnreadable as error:
        raise CommandError(clean(error.message)) from None
    name = read.project.name if read.project else directory.name
    return OpenProject(directory, config, None, name, read.project, read.diagnostics)


def _why_none(project: Project, job_id: str | None) -> str:
    if job_id is not None:
        job = project.job(job_id)
        return f"{job.name} is disabled" if job.schedule else f"{job.name} has no schedule"
    if any(job.schedule for job in project.jobs):
        return "every job with a schedule is disabled"
    return "no job has a schedule"


def _print(out: Output, fires: list[Fire], after: datetime) -> None:
    from skafos_tui.text.durations import relative
    from skafos_tui.text.tables import cell_width, pad

    names = [clean(fire.job.name) for fire in fires]
    width = max(map(cell_width, names))
    for fire, name in zip(fires, names, strict=True):
        distance = relative(fire.at.timestamp(), after.timestamp())
        out.line(f"{fire.wall:%Y-%m-%d %H:%M} {_offset(fire.wall)}  {pad(name, width)}  {distance}")


def _offset(wall: datetime) -> str:
    """The UTC offset, as `+01:00`."""
    return wall.isoformat()[19:]


def _view(fire: Fire) -> dict[str, Any]:
    from skafos_tui.text.durations import rfc3339

    return {
        "scheduled_at": rfc3339(fire.at.timestamp()),
        "local_time": fire.wall.isoformat(),
        "timezone": fire.job.timezone,
        "job_id": fire.job.id,
        "name": fire.job.name,
        "schedule": fire.job.schedule,
    }
