"""The books of the engine: every commit applies an event, advances the runs it touches and hands out the machine.

All methods run inside a transaction on the writer's thread; what they return is what the engine has to do after it.
"""

from __future__ import annotations

import hashlib
import logging
import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from skafos_tui.config.reader import parse_config
from skafos_tui.engine.admission import Held, Request, admit, clamp_warning, request_of
from skafos_tui.engine.planner import Ahead, Outside, RunView, Standing, Step, Want, advance
from skafos_tui.model.project import Job, Project, Resources
from skafos_tui.model.run import Attempt, Run, Task, TaskState
from skafos_tui.model.verdict import Stop, StopKind
from skafos_tui.store import projects, runs

log = logging.getLogger(__name__)
NAME_PREFIX = "skafos"
JOBS_KEPT = 20_000
"""Configs with more jobs than this in all are not kept: a year of edits must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from a commit: attempts to supervise, attempts to end, and when to look again (Unix seconds)."""

    start: tuple[Attempt, ...] = ()
    stop: tuple[str, ...] = ()
    wake_at: float | None = None
    finished: tuple[int, ...] = ()

    def then(self, later: Consequences) -> Consequences:
        """Both, one after the other; the later one knows best when to look again."""
        return Consequences(
            self.start + later.start,
            tuple(dict.fromkeys(self.stop + later.stop)),
            later.wake_at,
            self.finished + later.finished,
        )


class StoredConfigInvalid(Exception):
    """A config that was accepted is not valid for this version of the program; what belongs to it stands still."""


class Machine(Protocol):
    """What a runner has to give, and why it gives nothing at the moment."""

    capacity: Resources
    problem: str


@dataclass
class Ledger:
    """Recorded state turned into decisions; `engine` is the id that marks this engine's containers."""

    engine: str
    machines: Mapping[str, Machine]
    """By the kind of runner."""
    shortage: str = ""
    """Why nothing new starts on any runner: the disk is full."""
    paused: frozenset[str] = frozenset()
    """The attempts that somebody has paused behind our back."""
    _configs: dict[int, Project] = field(default_factory=dict)
    _steps: dict[int, Step] = field(default_factory=dict)
    _recorded: dict[int, tuple[Run, Mapping[str, Task]]] = field(default_factory=dict)
    _told: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """What admission last said of the queued tasks of a run, by job."""

    def forget(self) -> None:
        """Drop what is kept between commits; after a transaction that was rolled back it may not be true."""
        self._configs.clear()
        self._steps.clear()
        self._recorded.clear()
        self._told.clear()

    def settle(self, connection: sqlite3.Connection, touched: Iterable[int] | None, now: float) -> Consequences:
        """Advance the runs in `touched` and the runs that may look at them (None: all), then admit."""
        finished: list[int] = []
        replaced: list[int] = []
        stop: list[str] = []
        for run in self._due(connection, touched):
            try:
                view = self.view(connection, run)
            except StoredConfigInvalid as error:
                log.error("run %d stands still: %s", run.id, error)
                continue
            self._recorded[run.id] = (run, {task.job_id: task for task in view.tasks})
            # What admission said holds until it says otherwise: a queue of hundreds is not written anew at each commit.
            self._steps[run.id] = with_reasons(advance(view, now), self._told.get(run.id, {}))
            stop.extend(self._stop_cancelled(connection, view))
            # Written at once: the next run in line looks at the tasks of this one (overlap, dependencies).
            replaced.extend(self._replace(connection, self._steps[run.id]))
            if self._write(connection, run.id):
                finished.append(run.id)
        started = self._admit(connection, now)
        pending = [want.ready_at for step in self._steps.values() for want in step.wants if want.ready_at > now]
        result = Consequences(started, tuple(stop), min(pending, default=None), tuple(finished))
        again = finished + replaced
        return result if not again else result.then(self.settle(connection, again, now))

    def _due(self, connection: sqlite3.Connection, touched: Iterable[int] | None) -> list[Run]:
        """The touched runs, then all others of their projects: overlap and dependencies look across runs."""
        unfinished = runs.unfinished_runs(connection)
        ids = {run.id for run in unfinished}
        for gone in set(self._steps) - ids:
            self._drop(gone)
        if touched is None:
            return unfinished
        wanted = set(touched)
        new = ids - set(self._steps)
        affected = {run.project for run in unfinished if run.id in wanted | new}
        for run_id in wanted - ids:
            run = runs.get_run(connection, run_id)
            if run is not None:
                affected.add(run.project)
        due = [run for run in unfinished if run.project in affected]
        return sorted(due, key=lambda run: (run.id not in wanted, run.id))

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of a deployment, parsed once while it is in use."""
        known = self._configs.pop(deployment, None)
        if known is None:
            row = projects.get_deployment(connection, deployment)
            assert row is not None, f"deployment {deployment} is referenced by a run"
            # It was within the user's ceilings when it was accepted; the settings may have changed since.
            known = parse_config(row.config, max_cpu=math.inf, max_memory=sys.maxsize).project
            if known is None:
                raise StoredConfigInvalid(
                    f"the config of deployment {row.number} of {row.project} is not valid any more"
                )
            while self._configs and sum(len(each.jobs) for each in self._configs.values()) > JOBS_KEPT:
                del self._configs[next(iter(self._configs))]
        # The one asked for last stands last.
        self._configs[deployment] = known
        return known

    def view(self, connection: sqlite3.Connection, run: Run) -> RunView:
        """All that the future of a run depends on, read in one go."""
        deployment = projects.get_deployment(connection, run.deployment)
        assert deployment is not None
        jobs = {job.id: job for job in self.config(connection, run.deployment).jobs}
        tasks = runs.tasks_of(connection, run.id)
        inside = {task.job_id for task in tasks}
        outside = {
            dependency: self._outside(connection, run, dependency, jobs)
            for task in tasks
            if task.state is TaskState.WAITING
            for dependency in jobs[task.job_id].dependencies
            if dependency not in inside
        }
        return RunView(
            run=run,
            deployment=deployment.state,
            deployment_detail=deployment.error or deployment.step,
            jobs=jobs,
            tasks=tasks,
            attempts=runs.attempts_of(connection, run.id),
            outside=outside,
            missing=deployment.missing,
            ahead=self._ahead(connection, run, tasks),
            problem=self._machine(connection, run).problem,
            shortage=self.shortage,
            paused=self.paused,
        )

    def _outside(self, connection: sqlite3.Connection, run: Run, job_id: str, jobs: Mapping[str, Job]) -> Outside:
        """How a dependency outside the run stands; a retry takes outcomes from the run it retries (SPEC 3)."""
        name = jobs[job_id].name if job_id in jobs else job_id
        origin = run.retry_of
        while origin is not None:
            retried = runs.get_run(connection, origin)
            task = next((t for t in runs.tasks_of(connection, origin) if t.job_id == job_id), None)
            if task is not None and task.state.finished:
                if task.state is TaskState.SUCCEEDED:
                    return Outside(Standing.MET)
                return Outside(Standing.UNMET, f"{name} {task.state.value} in run {origin}")
            origin = retried.retry_of if retried is not None else None
        return dependency_standing(connection, run.project, job_id, name, before=run.id)

    def _ahead(self, connection: sqlite3.Connection, run: Run, tasks: Iterable[Task]) -> dict[str, Ahead]:
        """Jobs whose task in another run goes first: it runs already, or was queued by an older run.

        Asked for tasks that run, too: one whose last attempt has just ended may want another one, and yields here.
        """
        found: dict[str, Ahead] = {}
        if not runs.runs_beside(connection, run.project, run.id):
            return found
        for task in tasks:
            if task.state.finished:
                continue
            first = []
            for other in runs.unfinished_tasks(connection, run.project, task.job_id):
                queued = other.state is TaskState.QUEUED and other.run_id < run.id
                if other.run_id != run.id and (queued or other.state in (TaskState.STARTING, TaskState.RUNNING)):
                    first.append(other.run_id)
            if first:
                found[task.job_id] = Ahead(f"{task.name} of run {first[0]}", tuple(first))
        return found

    def _replace(self, connection: sqlite3.Connection, step: Step) -> list[int]:
        """Cancel the tasks of other runs that this one's replace; the ids of those runs."""
        by = f"run {step.run.id}, which replaces it"
        for run_id, job_id in step.replaces:
            task = next(task for task in runs.tasks_of(connection, run_id) if task.job_id == job_id)
            runs.update_task(connection, replace(task, cancelled_by=task.cancelled_by or by))
        return [run_id for run_id, _ in step.replaces]

    def _admit(self, connection: sqlite3.Connection, now: float) -> tuple[Attempt, ...]:
        """Plan the attempts that fit, and record their tasks as starting, the others with what they wait for."""
        started: list[Attempt] = []
        reasons: dict[int, dict[str, str]] = {}
        for machine, wants in self._wants(connection):
            # What runs elsewhere on this machine counts as well: there is only one.
            held = self._held(connection)
            admission = admit(wants, held, machine.capacity, lambda want: self._request(connection, want), now)
            started.extend(self._plan(connection, want, now) for want in admission.admitted)
            for want, reason in admission.reasons.items():
                reasons.setdefault(want.run_id, {})[want.job_id] = reason
        changed = {attempt.run_id for attempt in started}
        for run_id in changed | set(reasons):
            told = reasons.get(run_id, {})
            if run_id in changed or told != self._told.get(run_id):
                self._told[run_id] = told
                step = advance(self.view(connection, self._recorded[run_id][0]), now)
                self._steps[run_id] = with_reasons(step, told)
                self._write(connection, run_id)
        return tuple(started)

    def _wants(self, connection: sqlite3.Connection) -> list[tuple[Machine, list[Want]]]:
        """What is wanted of each runner that takes something at the moment."""
        wanted: dict[str, list[Want]] = {}
        if self.shortage:
            return []
        for step in self._steps.values():
            if step.wants:
                wanted.setdefault(runner_of(connection, step.run.project), []).extend(step.wants)
        return [(self.machines[kind], wants) for kind, wants in wanted.items() if not self.machines[kind].problem]

    def _machine(self, connection: sqlite3.Connection, run: Run) -> Machine:
        return self.machines[runner_of(connection, run.project)]

    def _plan(self, connection: sqlite3.Connection, want: Want, now: float) -> Attempt:
        name = attempt_name(self.engine, want)
        request = self._request(connection, want)
        runs.insert_attempt(
            connection,
            run_id=want.run_id,
            job_id=want.job_id,
            instance=want.instance,
            number=want.number,
            name=name,
            cpu=request.cpu,
            memory=request.memory,
            now=now,
        )
        attempt = runs.get_attempt(connection, name)
        assert attempt is not None
        return attempt

    def _held(self, connection: sqlite3.Connection) -> list[Held]:
        names = {(task.run_id, task.job_id): task.name for step in self._steps.values() for task in step.tasks}
        return [
            Held(names.get((a.run_id, a.job_id), a.job_id), Request(a.cpu, a.memory))
            for a in runs.uncollected_attempts(connection)
            if a.state.open
        ]

    def _job(self, connection: sqlite3.Connection, run: Run, job_id: str) -> Job:
        return self.config(connection, run.deployment).job(job_id)

    def _request(self, connection: sqlite3.Connection, want: Want) -> Request:
        run = self._steps[want.run_id].run
        return request_of(self._job(connection, run, want.job_id), self._machine(connection, run).capacity)

    def _write(self, connection: sqlite3.Connection, run_id: int) -> bool:
        """Record what of a run differs from the store; whether the run has ended with it."""
        step = self._steps[run_id]
        run, known = self._recorded[run_id]
        written = {}
        for task in step.tasks:
            before = known[task.job_id]
            if task.state is not TaskState.WAITING and before.state is TaskState.WAITING:
                capacity = self._machine(connection, run).capacity
                task = replace(task, warning=clamp_warning(self._job(connection, run, task.job_id), capacity))
            if task != before:
                runs.update_task(connection, task)
            written[task.job_id] = task
        if step.run != run:
            runs.update_run(connection, step.run)
        self._recorded[run_id] = (step.run, written)
        self._steps[run_id] = replace(step, tasks=tuple(written.values()))
        if step.run.state.finished:
            self._drop(run_id)
            return True
        return False

    def _drop(self, run_id: int) -> None:
        """Forget a run that has ended."""
        del self._steps[run_id], self._recorded[run_id]
        self._told.pop(run_id, None)

    def _stop_cancelled(self, connection: sqlite3.Connection, view: RunView) -> Iterator[str]:
        """Record the stop of the open attempts of cancelled tasks; their names."""
        cancelled = {task.job_id: task.cancelled_by or view.run.cancelled_by for task in view.tasks}
        for attempt in view.attempts:
            by = cancelled[attempt.job_id]
            if by is not None and attempt.state.open:
                runs.attempt_stopping(connection, attempt.name, Stop(StopKind.CANCELLED, by))
                yield attempt.name


def runner_of(connection: sqlite3.Connection, project: str) -> str:
    """The kind of runner a project's attempts run on."""
    row = projects.get_project(connection, project)
    assert row is not None, "what runs belongs to a project"
    return row.runner


def with_reasons(step: Step, told: Mapping[str, str]) -> Step:
    """The step with what admission says of its queued tasks, by job, where the planner itself has nothing to say."""
    tasks = tuple(
        replace(task, reason=told[task.job_id])
        if task.state is TaskState.QUEUED and not task.reason and task.job_id in told
        else task
        for task in step.tasks
    )
    return replace(step, tasks=tasks)


def attempt_name(engine: str, want: Want) -> str:
    """The deterministic name of an attempt's container, from engine, run, job, instance and attempt."""
    job = hashlib.sha256(want.job_id.encode()).hexdigest()[:8]
    return f"{NAME_PREFIX}-{engine}-{want.run_id}-{job}-{want.instance}-{want.number}"


def dependency_standing(
    connection: sqlite3.Connection, project: str, job_id: str, name: str, *, before: int | None = None
) -> Outside:
    """How a job stands as a dependency from outside a run: by its unfinished tasks in older runs, else its latest.

    `before` is the id of the run that asks; None for a run that does not exist yet.
    """
    for task in runs.unfinished_tasks(connection, project, job_id):
        if before is None or task.run_id < before:
            return Outside(Standing.UNFINISHED, f"{name} in run {task.run_id}")
    latest = runs.latest_finished(connection, project, job_id)
    if latest is None:
        return Outside(Standing.UNMET, f"{name} has never run")
    if latest.state is TaskState.SUCCEEDED:
        return Outside(Standing.MET)
    state = latest.state.value.replace("_", " ")
    return Outside(Standing.UNMET, f"{name} ended as {state} in run {latest.run_id}")
