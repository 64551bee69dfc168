"""A trigger becomes a run: which jobs, on which deployment, once (SPEC 3); inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from skafos_tui.engine.ledger import dependency_standing
from skafos_tui.engine.planner import Standing
from skafos_tui.model.graph import children_of, everything, follows_from, graph_of, reachable
from skafos_tui.model.project import Job, Project
from skafos_tui.model.run import Run, TaskState, TriggerKind
from skafos_tui.store import runs, schedules


class Refusal(Exception):
    """A trigger that makes no run: `code` a stable word, `message` one line for people, `exit_code` as in SPEC 9."""

    def __init__(self, code: str, message: str, exit_code: int = 1, **details: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.details = details


@dataclass(frozen=True, slots=True)
class ManualTrigger:
    """What a person asks for; `jobs` are ids or names, none means everything that is enabled."""

    request_id: str
    jobs: tuple[str, ...] = ()
    only: bool = False
    with_upstream: bool = False
    parameters: Mapping[str, str] | None = None


def find_jobs(project: Project, words: Iterable[str]) -> list[Job]:
    """The jobs meant by ids or names. Raises Refusal for an unknown word or a name that several jobs have."""
    found = []
    for word in words:
        jobs = project.find(word)
        if not jobs:
            known = ", ".join(job.name for job in project.jobs)
            raise Refusal("unknown-job", f"there is no job {word!r} in {project.name}; it has {known}", 2)
        if len(jobs) > 1:
            ids = ", ".join(job.id for job in jobs)
            raise Refusal("ambiguous-job", f"{len(jobs)} jobs are named {word!r}; say which by id: {ids}", 2)
        found.append(jobs[0])
    return found


def select_jobs(project: Project, trigger: ManualTrigger) -> set[str]:
    """The ids a manual trigger runs. Raises Refusal."""
    if not trigger.jobs:
        selected = everything(project)
        if not selected:
            raise Refusal("nothing-to-run", f"{project.name} has no enabled job")
        return selected
    named = {job.id for job in find_jobs(project, trigger.jobs)}
    selected = named if trigger.only else follows_from(project, named)
    if trigger.with_upstream:
        selected |= reachable(named, graph_of(project))
    return set(selected)


def check_parameters(project: Project, selected: Collection[str], parameters: Mapping[str, str]) -> None:
    """Refuse a parameter that no selected job declares; a misspelt one would change nothing, silently."""
    declared = {name for job in project.jobs if job.id in selected for name in job.parameters}
    for name in parameters:
        if name not in declared:
            known = ", ".join(sorted(declared)) or "none"
            raise Refusal("unknown-parameter", f"no job of this run has a parameter {name!r}; declared: {known}", 2)


def check_dependencies(
    connection: sqlite3.Connection, project: Project, selected: Collection[str], named: Collection[str]
) -> None:
    """Refuse a named job with an unmet dependency outside the run, and name the way out."""
    jobs = {job.id: job for job in project.jobs}
    for job_id in named:
        for dependency in jobs[job_id].dependencies:
            if dependency in selected:
                continue
            outside = dependency_standing(connection, project.token, dependency, jobs[dependency].name)
            if outside.standing is Standing.UNMET:
                message = f"{jobs[job_id].name} needs {jobs[dependency].name}, but {outside.reason}"
                raise Refusal("unmet-dependency", f"{message}: run it with --with-upstream")


def create_manual_run(
    connection: sqlite3.Connection, project: Project, deployment: int, trigger: ManualTrigger, now: float
) -> int:
    """Write the run of a manual trigger; a request seen before gives its run again. Raises Refusal."""
    known = runs.run_of_request(connection, trigger.request_id)
    if known is not None:
        return known.id
    selected = select_jobs(project, trigger)
    parameters = dict(trigger.parameters or {})
    check_parameters(project, selected, parameters)
    check_dependencies(connection, project, selected, [job.id for job in find_jobs(project, trigger.jobs)])
    return runs.insert_run(
        connection,
        project=project.token,
        deployment=deployment,
        trigger=TriggerKind.MANUAL,
        request_id=trigger.request_id,
        now=now,
        tasks=_tasks(project, selected),
        parameters=parameters,
    )


def create_retry(
    connection: sqlite3.Connection,
    project: Project,
    deployment: int,
    retried: Run,
    *,
    request_id: str,
    from_job: str | None,
    now: float,
) -> int:
    """Write a run that does again what failed in `retried`, or `from_job` and what follows it there."""
    known = runs.run_of_request(connection, request_id)
    if known is not None:
        return known.id
    if not retried.state.finished:
        raise Refusal("unfinished", f"run {retried.id} is not finished: skafos kill {retried.id} ends it")
    tasks = runs.tasks_of(connection, retried.id)
    present = {job.id for job in project.jobs}
    inside = {task.job_id for task in tasks if task.job_id in present}
    if from_job is not None:
        start = find_jobs(project, [from_job])[0]
        if start.id not in inside:
            raise Refusal("unknown-job", f"{start.name} was no part of run {retried.id}", 2)
        selected = ({start.id} | reachable([start.id], children_of(graph_of(project)))) & inside
    else:
        selected = {task.job_id for task in tasks if task.state is not TaskState.SUCCEEDED} & inside
    if not selected:
        raise Refusal("nothing-to-retry", f"nothing in run {retried.id} failed; --from JOB runs a part of it again")
    return runs.insert_run(
        connection,
        project=project.token,
        deployment=deployment,
        trigger=TriggerKind.RETRY,
        request_id=request_id,
        now=now,
        tasks=_tasks(project, selected),
        parameters=retried.parameters,
        retry_of=retried.id,
    )


def create_deploy_run(
    connection: sqlite3.Connection, project: Project, deployment: int, request_id: str, now: float
) -> int | None:
    """Write the run that a deploy starts, as Skafos did: every job without schedule and dependencies, and what follows.

    None where there is no such job.
    """
    roots = {job.id for job in project.jobs if job.enabled and not job.schedule and not job.dependencies}
    if not roots:
        return None
    return runs.insert_run(
        connection,
        project=project.token,
        deployment=deployment,
        trigger=TriggerKind.DEPLOY,
        request_id=request_id,
        now=now,
        tasks=_tasks(project, follows_from(project, roots)),
        parameters={},
    )


def create_slot_run(
    connection: sqlite3.Connection,
    project: Project,
    deployment: int,
    slot: int,
    due: Collection[str],
    selected: Collection[str],
    now: float,
) -> int:
    """Write the run of the jobs `due` at a slot (Unix seconds), one connected part of the graph; `selected` follows."""
    first = min(due)
    run_id = runs.insert_run(
        connection,
        project=project.token,
        deployment=deployment,
        trigger=TriggerKind.SCHEDULE,
        request_id=f"slot/{project.token}/{slot}/{first}",
        now=now,
        tasks=_tasks(project, selected),
        parameters={},
        scheduled_at=slot,
    )
    for job_id in due:
        schedules.record_slot(connection, project.token, job_id, slot, run_id, fired=True)
    return run_id


def _tasks(project: Project, selected: Collection[str]) -> list[tuple[str, str, int]]:
    return [(job.id, job.name, job.parallelism) for job in project.jobs if job.id in selected]
