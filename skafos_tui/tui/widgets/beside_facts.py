"""What stands beside a config's text: the plan against what is active, when a job fires; read in threads."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from skafos_tui.store.database import DatabaseError, connect_reader
from skafos_tui.store.projects import get_deployment, get_project
from skafos_tui.store.runs import usual_duration
from skafos_tui.store.schedules import paused_jobs

if TYPE_CHECKING:
    from skafos_tui.config.plan import Plan
    from skafos_tui.config.upcoming import Preview
    from skafos_tui.model.project import Job, Project


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a save would change: `words` in one line, `lines` in full. `problem` says why that isn't known."""

    words: str = ""
    lines: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FireFacts:
    """When a job fires next. `clashes` are words for each fire; `why_none` says why there is no schedule to show."""

    name: str
    schedule: str = ""
    preview: Preview | None = None
    clashes: tuple[tuple[str, ...], ...] = ()
    why_none: str = ""
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What is deployed of a project: its active config, read, and what is paused of it."""

    deployment: int | None = None
    number: int = 0
    project: Project | None = None
    all_paused: bool = False
    paused: Mapping[str, float] = field(default_factory=dict)


class StoreFacts:
    """Reads what the store knows of one project; every call opens it anew, so that any thread may ask."""

    def __init__(self, database: Path, token: str) -> None:
        self._database = database
        self._token = token
        self._known = Standing()

    def standing(self) -> Standing:
        """What is active now; nothing where there is no store yet."""
        try:
            with closing(connect_reader(self._database)) as store:
                row = get_project(store, self._token)
                if row is None or row.active is None:
                    self._known = Standing()
                    return self._known
                paused, all_paused = paused_jobs(store, self._token), row.paused_at is not None
                if row.active == self._known.deployment:
                    return Standing(row.active, self._known.number, self._known.project, all_paused, paused)
                deployment = get_deployment(store, row.active)
        except (sqlite3.Error, OSError, DatabaseError):
            return self._known
        project = None if deployment is None else _project_of(deployment.config)
        number = 0 if deployment is None else deployment.number
        self._known = Standing(row.active, number, project, all_paused, paused)
        return self._known

    def usual(self, job_ids: Iterable[str]) -> dict[str, float]:
        """The usual durations in seconds of the jobs that have one."""
        try:
            with closing(connect_reader(self._database)) as store:
                found = {job_id: usual_duration(store, self._token, job_id) for job_id in job_ids}
        except (sqlite3.Error, OSError, DatabaseError):
            return {}
        return {job_id: seconds for job_id, seconds in found.items() if seconds is not None}


def _project_of(config: str) -> Project | None:
    """The project of a deployment's config, which was within the user's ceilings when it was accepted."""
    from skafos_tui.config.reader import parse_config

    return parse_config(config, max_cpu=math.inf, max_memory=sys.maxsize).project


def plan_facts(standing: Standing, project: Project | None, errors: int, now: float) -> PlanFacts:
    """The plan from what is active to what the text says; `errors` are those of the text, `now` Unix seconds."""
    from skafos_tui.config.plan import plan_of

    if project is None:
        return PlanFacts(problem=f"not applied: {errors} error{'' if errors == 1 else 's'}")
    if standing.project is None:
        return PlanFacts(problem="nothing is deployed: a save is only checked")
    plan = plan_of(standing.project, project, datetime.fromtimestamp(now, UTC))
    return PlanFacts(plan_words(plan), () if plan.empty else tuple(plan.lines()))


def plan_words(plan: Plan) -> str:
    """A plan as counts: `~2 jobs, 1 schedule moves`."""
    kinds = (("+", plan.added), ("~", plan.changed), ("-", plan.removed))
    words = [f"{sign}{len(jobs)} job{'' if len(jobs) == 1 else 's'}" for sign, jobs in kinds if jobs]
    if plan.project:
        words.append("the project")
    if plan.moved:
        words.append(f"{len(plan.moved)} schedule{' moves' if len(plan.moved) == 1 else 's move'}")
    return ", ".join(words) or "nothing changes"


def fire_facts(
    project: Project, job: Job, store: StoreFacts, now: float, *, schedule: str | None = None, zone: str | None = None
) -> FireFacts:
    """When a job fires next, and what usually still runs then; `schedule` and `zone` instead of its own, as typed."""
    from dataclasses import replace

    from skafos_tui.config.upcoming import clash_words, clashes, preview
    from skafos_tui.model.graph import graph_of, reachable

    text = job.schedule if schedule is None else schedule
    if not text:
        names = {other.id: other.name for other in project.jobs}
        after = ", ".join(names.get(parent, parent) for parent in job.dependencies)
        return FireFacts(job.name, why_none=f"no schedule: starts after {after}" if after else "no schedule")
    where = zone or job.timezone
    shown = preview(text, where, datetime.fromtimestamp(now, UTC))
    words: tuple[tuple[str, ...], ...] = ()
    if shown.fires:
        typed = replace(job, schedule=text, timezone=where)
        whole = replace(project, jobs=tuple(typed if other.id == job.id else other for other in project.jobs))
        graph = graph_of(whole)
        usual = store.usual([job.id, *reachable([job.id], graph)])
        found = clashes(whole, typed, shown.fires, usual) if usual else []
        words = tuple(tuple(clash_words(clash, typed) for clash in found if clash.at == at) for at in shown.fires)
    standing = store.standing()
    paused = standing.all_paused or job.id in standing.paused
    why = "" if job.enabled else "the job is disabled: it does not fire"
    return FireFacts(job.name, text, shown, words, why, paused)
