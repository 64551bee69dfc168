"""`skafos next`: the coming fire times of the active deployment, or of the config where nothing is deployed."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from skafos_tui.cli.common import OpenProject, add_json, open_project, open_store, pick_job, valid_project
from skafos_tui.cli.fires import (
    Timetable,
    active_timetable,
    fire_lines,
    fire_view,
    next_fires,
    now_utc,
)
from skafos_tui.cli.output import Output, remark
from skafos_tui.config.upcoming import coming_fires
from skafos_tui.store.home import find_home

if TYPE_CHECKING:
    from skafos_tui.model.project import Job, Project

MOST = 1000
"""More fire times than anybody reads."""


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


def run_next(args: argparse.Namespace) -> int:
    """Print the coming fire times, those of paused schedules marked and not counted; say why where there are none."""
    home = find_home()
    opened = open_project(args, home)
    with open_store(home) as store:
        timetable = active_timetable(store, opened.token)
    timetable = timetable or Timetable(valid_project(opened))
    after: datetime = args.start or now_utc()
    job_id = None if args.job is None else pick_job(timetable.project, args.job)
    fires = list(islice(coming_fires(_wanted(timetable.running(), job_id), after), args.count))
    fires += next_fires(_wanted(timetable.paused(), job_id), after)
    out = Output()
    if args.json:
        out.json([fire_view(fire, timetable) for fire in fires])
    else:
        out.lines(fire_lines(fires, after, timetable))
    out.flush()
    for text in _remarks(timetable, opened) if fires else [_why_none(timetable.project, job_id)]:
        remark(text)
    return 0


def _wanted(jobs: list[Job], job_id: str | None) -> list[Job]:
    return [job for job in jobs if job_id in (None, job.id)]


def _remarks(timetable: Timetable, opened: OpenProject) -> list[str]:
    """What one has to know to read the fire times right."""
    if timetable.deployment is None:
        return ["nothing is deployed, so nothing fires by itself: skafos deploy"]
    texts = [f"nothing fires: {timetable.problem}"] if timetable.problem else []
    if timetable.paused_at is not None:
        texts.append("all schedules are paused: skafos resume")
    if opened.project is None:
        texts.append(f"of deployment {timetable.deployment}, which is active; the config has errors: skafos validate")
    elif schedules_of(opened.project) != schedules_of(timetable.project):
        texts.append(
            f"of deployment {timetable.deployment}, which is active; the config has other schedules: skafos deploy"
        )
    return texts


def schedules_of(project: Project) -> dict[str, tuple[str, str]]:
    """Job id to schedule and time zone, of the enabled jobs."""
    return {job.id: (job.schedule, job.timezone) for job in project.jobs if job.schedule and job.enabled}


def _why_none(project: Project, job_id: str | None) -> str:
    if job_id is not None:
        job = project.job(job_id)
        return f"{job.name} is disabled" if job.schedule else f"{job.name} has no schedule"
    if any(job.schedule for job in project.jobs):
        return "every job with a schedule is disabled"
    return "no job has a schedule"
