"""The books of the engine: every commit applies an event, advances the runs it touches and hands out the machine.

All methods run inside a transaction on the writer's thread; what they return is what the engine has to do after it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from skafos_tui.config.reader import parse_config
from skafos_tui.engine.admission import Held, Request, admit, clamp_warning, request_of
from skafos_tui.engine.planner import Outside, RunView, Standing, Step, Want, advance
from skafos_tui.model.project import Job, Project, Resources
from skafos_tui.model.run import Attempt, Run, Task, TaskState
from skafos_tui.model.verdict import Stop, StopKind
from skafos_tui.store import projects, runs

NAME_PREFIX = "skafos"


@dataclass(frozen=True, slots=True)
class Consequences:
    """What follows from a commit: attempts to supervise, attempts to end, and when to look again (Unix seconds)."""

    start: tuple[Attempt, ...] = ()
    stop: tuple[str, ...] = ()
    wake_at: float | None = None
    finished: tuple[int, ...] = ()


@dataclass
class Ledger:
    """Recorded state turned into decisions; `engine` is the id that marks this engine's containers."""

    engine: str
    capacity: Resources
    problem: str = ""
    _configs: dict[int, Project] = field(default_factory=dict)
    _steps: dict[int, Step] = field(default_factory=dict)
    _recorded: dict[int, tuple[Run, Mapping[str, Task]]] = field(default_factory=dict)

    def forget(self) -> None:
        """Drop what is kept between commits; after a transaction that was rolled back it may not be true."""
        self._steps.clear()
        self._recorded.clear()

    def settle(self, connection: sqlite3.Connection, touched: Iterable[int] | None, now: float) -> Consequences:
        """Advance the runs in `touched` and the runs that may look at them (None: all), then admit."""
        unfinished = runs.unfinished_runs(connection)
        self._steps = {run.id: self._steps[run.id] for run in unfinished if run.id in self._steps}
        due = set(self._due(connection, unfinished, touched))
        views: list[RunView] = []
        for run in unfinished:
            if run.id in due or run.id not in self._steps:
                view = self.view(connection, run)
                self._recorded[run.id] = (run, {task.job_id: task for task in view.tasks})
                self._steps[run.id] = advance(view, now)
                views.append(view)
        started = self._admit(connection, now)
        for run_id in {attempt.run_id for attempt in started}:
            # The tasks of what was just planned are starting; the view is read anew for the new attempts.
            step = self._steps[run_id]
            view = self.view(connection, self._recorded[run_id][0])
            again = advance(replace(view, tasks=step.tasks), now)
            told = {task.job_id: task.reason for task in step.tasks}
            tasks = tuple(
                replace(t, reason=told[t.job_id]) if t.state is TaskState.QUEUED and not t.reason else t
                for t in again.tasks
            )
            self._steps[run_id] = replace(again, tasks=tasks)
        finished = self._write(connection)
        stop = self._stop_cancelled(connection, views)
        pending = [w.ready_at for step in self._steps.values() for w in step.wants if w.ready_at > now]
        result = Consequences(started, stop, min(pending, default=None), finished)
        if finished:
            # What waited for these runs from outside may go on now.
            more = self.settle(connection, finished, now)
            result = Consequences(
                result.start + more.start,
                tuple(dict.fromkeys(result.stop + more.stop)),
                more.wake_at,
                result.finished + more.finished,
            )
        return result

    def _due(
        self, connection: sqlite3.Connection, unfinished: list[Run], touched: Iterable[int] | None
    ) -> Iterable[int]:
        """The touched runs and all others of their projects: overlap and dependencies look across runs."""
        if touched is None:
            return [run.id for run in unfinished]
        wanted = set(touched)
        affected = {run.project for run in unfinished if run.id in wanted}
        for run_id in wanted.difference(run.id for run in unfinished):
            run = runs.get_run(connection, run_id)
            if run is not None:
                affected.add(run.project)
        return [run.id for run in unfinished if run.project in affected]

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of a deployment, parsed once."""
        if deployment not in self._configs:
            row = projects.get_deployment(connection, deployment)
            assert row is not None, f"deployment {deployment} is referenced by a run"
            project = parse_config(row.config).project
            assert project is not None, f"deployment {deployment} was accepted, so its config is valid"
            self._configs[deployment] = project
        return self._configs[deployment]

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
            blocked=self._blocked(connection, run, tasks),
            problem=self.problem,
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

    def _blocked(self, connection: sqlite3.Connection, run: Run, tasks: Iterable[Task]) -> dict[str, str]:
        """Jobs whose task in another run goes first: it runs already, or was queued by an older run."""
        blocked: dict[str, str] = {}
        for task in tasks:
            if task.state.finished or task.state in (TaskState.STARTING, TaskState.RUNNING):
                continue
            for other in runs.unfinished_tasks(connection, run.project, task.job_id):
                ahead = other.state is TaskState.QUEUED and other.run_id < run.id
                if other.run_id != run.id and (ahead or other.state in (TaskState.STARTING, TaskState.RUNNING)):
                    blocked[task.job_id] = f"{task.name} of run {other.run_id} goes first"
                    break
        return blocked

    def _admit(self, connection: sqlite3.Connection, stored: Mapping[int, RunView], now: float) -> tuple[Attempt, ...]:
        """Plan the attempts that fit; put the reasons of the others on their tasks."""
        wants = [want for step in self._steps.values() for want in step.wants]
        if self.problem or not wants:
            return ()
        held = self._held(connection)
        admission = admit(wants, held, self.capacity, lambda want: self._request(connection, want), now)
        self._tell_reasons(admission.reasons)
        started = []
        for want in admission.admitted:
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
            started.append(attempt)
        return tuple(started)

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
        return request_of(self._job(connection, self._steps[want.run_id].run, want.job_id), self.capacity)

    def _tell_reasons(self, reasons: Mapping[Want, str]) -> None:
        for want, reason in reasons.items():
            step = self._steps[want.run_id]
            tasks = tuple(
                replace(task, reason=reason)
                if task.job_id == want.job_id and task.state is TaskState.QUEUED and not task.reason
                else task
                for task in step.tasks
            )
            self._steps[want.run_id] = replace(step, tasks=tasks)

    def _write(self, connection: sqlite3.Connection) -> tuple[int, ...]:
        """Record what differs from the store; the runs that ended with it."""
        finished = []
        for run_id, step in self._steps.items():
            run, known = self._recorded[run_id]
            written = {}
            for task in step.tasks:
                if task.state is not TaskState.WAITING and known[task.job_id].state is TaskState.WAITING:
                    warning = clamp_warning(self._job(connection, step.run, task.job_id), self.capacity)
                    task = replace(task, warning=warning)
                if task != known[task.job_id]:
                    runs.update_task(connection, task)
                written[task.job_id] = task
            if step.run != run:
                runs.update_run(connection, step.run)
                if step.run.state.finished:
                    finished.append(run_id)
            self._recorded[run_id] = (step.run, written)
            self._steps[run_id] = replace(step, tasks=tuple(written.values()))
        for run_id in finished:
            del self._steps[run_id], self._recorded[run_id]
        return tuple(finished)

    def _stop_cancelled(self, connection: sqlite3.Connection, views: Iterable[RunView]) -> tuple[str, ...]:
        """Record the stop of the open attempts of cancelled tasks; their names."""
        names = []
        for view in views:
            cancelled = {t.job_id: t.cancelled_by or view.run.cancelled_by for t in view.tasks}
            for attempt in view.attempts:
                by = cancelled[attempt.job_id]
                if by is not None and attempt.state.open:
                    runs.attempt_stopping(connection, attempt.name, Stop(StopKind.CANCELLED, by))
                    names.append(attempt.name)
        return tuple(names)


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
