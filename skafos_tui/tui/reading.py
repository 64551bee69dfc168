"""The dashboard's view read from the store: one closure over a reading connection, and what needs no second look."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from skafos_tui.model.graph import graph_of
from skafos_tui.model.project import Project
from skafos_tui.model.run import Attempt, AttemptState, Deployment, DeploymentState, Run, RunState, Task, TaskState
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import projects, schedules
from skafos_tui.store.alerts import list_alerts
from skafos_tui.store.home import Home
from skafos_tui.store.runs import OPEN_ATTEMPTS, attempts_of, get_run, tasks_of, usual_duration
from skafos_tui.text.sgr import plain
from skafos_tui.tui.changes import Changes
from skafos_tui.tui.reading_alerts import FailureReader, alert_rows
from skafos_tui.tui.reading_logs import LogsReader
from skafos_tui.tui.views import NO_LOGS, Dashboard, ImageFacts, JobRow, Span, shown_run
from skafos_tui.tui.written import Written

LOOKED_THROUGH = 200
"""So many runs back the one to show is looked for."""
LAST = 8
FIRST_JOBS = 100
"""More don't fit on a screen; what is known of all others takes longer to read than the rest."""
USUAL_OF = 20
_OF_CONFIG = 0
"""Stands for a deployment's id: what is written, not deployed."""
"""The usual duration is the median of so many successes, as in `store.runs`."""
_SUCCEEDED = TaskState.SUCCEEDED.value
_TASK_STATES = {state.value: state for state in TaskState}

_STATE_OF_VERDICT = {
    VerdictKind.TIMEOUT: TaskState.TIMED_OUT,
    VerdictKind.CANCELLED: TaskState.CANCELLED,
    VerdictKind.LOST: TaskState.LOST,
}
_COUNT_ORDER = (TaskState.SUCCEEDED, TaskState.RUNNING, TaskState.STARTING)


@dataclass(frozen=True, slots=True)
class _Past:
    """What a job's earlier tasks say; changes only when one of them ends."""

    usual_s: float | None
    last: tuple[TaskState, ...]


_NOTHING = _Past(None, ())


class DashboardReader:
    """Reads views of one project; keeps what only certain changes can make different. Used by one thread at a time."""

    def __init__(self, token: str, name: str = "", written: Project | None = None, *, home: Home | None = None) -> None:
        """`written` is the project as its config says, for the time before anything is deployed.

        Without a `home` there are no logs, and no run is compared with the last good one.
        """
        self.token = token
        self._name = name
        self._written = Written(written)
        self.changes = Changes(home)
        self._failures = FailureReader(None if home is None else home.metrics_database)
        self._logs = None if home is None else LogsReader(home)
        self._projects: dict[int, Project | None] = {}
        self._past: dict[str, _Past] = {}
        self._hasty = False
        self._known: dict[str, JobRow] = {}
        self._fires: dict[tuple[str, str, str], float | None] = {}
        self._graphs: dict[int, Mapping[str, tuple[str, ...]]] = {}

    def changed(self, changes: Iterable[tuple[str, str]]) -> bool:
        """Take note of `(kind, id)` as in the table `changes`; whether a view may be another one now."""
        any_of_ours = False
        for kind, identity in changes:
            if kind == "task":
                self._past.pop(identity.partition("/")[2], None)
            any_of_ours = any_of_ours or kind != "variable"
        return any_of_ours

    def write(self, written: Written) -> None:
        """Take in what the config says now."""
        if written is not self._written:
            self._written = written
            self._graphs.pop(_OF_CONFIG, None)

    def forget(self) -> None:
        """Drop what is kept: the changes between could not be told."""
        self._past.clear()

    def read(
        self, connection: sqlite3.Connection, now: float, chosen: int | None = None, *, hasty: bool = False
    ) -> Dashboard:
        """The view of the chosen run, or of the one that matters most; one consistent state of the store.

        `hasty`: of all but the first jobs what earlier runs say is left out, where it isn't known already.
        """
        self._hasty = hasty
        connection.execute("BEGIN")
        try:
            return self._read(connection, now, chosen)
        finally:
            connection.execute("COMMIT")

    def next_moment(self) -> float | None:
        """When the view changes although the store doesn't: the next slot, Unix seconds."""
        return min((at for at in self._fires.values() if at is not None), default=None)

    def _read(self, connection: sqlite3.Connection, now: float, chosen: int | None) -> Dashboard:
        row = projects.get_project(connection, self.token)
        if row is None:
            return self.unknown()
        alerts = alert_rows(list_alerts(connection, self.token))
        firing = [alert for alert in alerts if alert.firing]
        recent = _recent_runs(connection, self.token, chosen)
        run_id = shown_run(chosen, recent, [alert.run_id for alert in firing if alert.run_id is not None])
        run = None if run_id is None else get_run(connection, run_id)
        deployment = self._deployment(connection, run, row)
        project = self._project(deployment)
        cpu, memory = _held(connection)
        active = _active(connection, row.active)
        tasks = tasks_of(connection, run.id) if run else []
        attempts = attempts_of(connection, run.id) if run else []
        logs = self._logs and self._logs.read(connection, self.token, run, deployment, tasks, attempts)
        view = Dashboard(
            token=self.token,
            name=plain(row.name),
            run=run,
            deployment=deployment.number if deployment and run else None,
            active=active[0] if active else None,
            active_code=active[1] if active else "",
            run_code=deployment.code_digest if deployment and run and run.state is RunState.FAILED else "",
            note=self._written.note if project is None else "",
            paused=row.paused_at is not None,
            problem=row.problem,
            runner=row.runner,
            rows=self._rows(connection, project, tasks, attempts, row, now),
            graph=self._graph(deployment, project),
            image=_image(connection, self.token, run, deployment),
            cpu=cpu,
            memory=memory,
            firing=len(firing),
            alerts=alerts,
            changed=self.changes.line(connection, run),
            live=chosen is None or run_id != chosen,
            logs=logs or NO_LOGS,
        )
        return replace(view, failures=self._failures.read(connection, view, project, attempts))

    def unknown(self) -> Dashboard:
        """A project that was neither run nor deployed."""
        project = self._written.project
        rows = tuple(JobRow(job.id, plain(job.name), enabled=job.enabled) for job in project.jobs) if project else ()
        graph = self._graph(None, project)
        return Dashboard(self.token, self._name, rows=rows, graph=graph, note=self._written.note)

    def _deployment(
        self, connection: sqlite3.Connection, run: Run | None, row: projects.ProjectRow
    ) -> Deployment | None:
        if run is not None:
            return projects.get_deployment(connection, run.deployment)
        if row.active is not None:
            return projects.get_deployment(connection, row.active)
        return None

    def _project(self, deployment: Deployment | None) -> Project | None:
        if deployment is None:
            return self._written.project
        if self._written.project is not None and self._written.digest == deployment.config_digest:
            self._projects.setdefault(deployment.id, self._written.project)
        if deployment.id not in self._projects:
            from skafos_tui.config.reader import parse_config

            # It was within the ceilings of the user when it was accepted.
            found = parse_config(deployment.config, max_cpu=math.inf, max_memory=sys.maxsize).project
            self._projects[deployment.id] = found
        return self._projects[deployment.id]

    def _graph(self, deployment: Deployment | None, project: Project | None) -> Mapping[str, tuple[str, ...]]:
        if project is None:
            return {}
        key = deployment.id if deployment else _OF_CONFIG
        if key not in self._graphs:
            self._graphs[key] = graph_of(project)
        return self._graphs[key]

    def _rows(
        self,
        connection: sqlite3.Connection,
        project: Project | None,
        tasks: Sequence[Task],
        attempts: Sequence[Attempt],
        row: projects.ProjectRow,
        now: float,
    ) -> tuple[JobRow, ...]:
        tried_of = _by_job(attempts)
        next_at, paused = self._coming(connection, row, now)
        of_job = {task.job_id: task for task in tasks}
        jobs = (
            [(job.id, job.name, job.enabled) for job in project.jobs]
            if project
            else [(task.job_id, task.name, True) for task in tasks]
        )
        rows = []
        for job_id, name, enabled in jobs:
            task, past = of_job.get(job_id), self._past_of(connection, job_id)
            tried = tried_of.get(job_id, ())
            made = JobRow(
                job_id=job_id,
                name=plain(name),
                task=task,
                enabled=enabled,
                counts=_counts(task, tried),
                usual_s=past.usual_s,
                last=past.last,
                next_at=next_at.get(job_id),
                paused=job_id in paused,
                spans=tuple(Span(a.started_at, a.ended_at) for a in tried if a.started_at is not None),
            )
            # The same object where nothing is different: whoever compares is quick then.
            known = self._known.get(job_id)
            if known != made:
                known = self._known[job_id] = made
            rows.append(known)
        return tuple(rows)

    def _past_of(self, connection: sqlite3.Connection, job_id: str) -> _Past:
        found = self._past.get(job_id)
        if found is None and self._hasty and len(self._past) >= FIRST_JOBS:
            return _NOTHING
        if found is None:
            found = self._past[job_id] = _read_past(connection, self.token, job_id)
        return found

    def _coming(
        self, connection: sqlite3.Connection, row: projects.ProjectRow, now: float
    ) -> tuple[dict[str, float], set[str]]:
        """Job id to its next slot, and the jobs whose schedules stand still."""
        listed = schedules.list_schedules(connection, self.token)
        resting = set(schedules.paused_jobs(connection, self.token))
        if row.active is None or row.problem:
            listed = []
        if row.paused_at is not None:
            resting = {schedule.job_id for schedule in listed}
        fires: dict[tuple[str, str, str], float | None] = {}
        coming: dict[str, float] = {}
        for schedule in listed:
            if schedule.job_id in resting:
                continue
            key = (schedule.job_id, schedule.expression, schedule.timezone)
            known = self._fires.get(key)
            at = known if known is not None and known > now else next_fire(key[1], key[2], now)
            fires[key] = at
            if at is not None:
                coming[schedule.job_id] = at
        self._fires = fires
        return coming, resting


def _read_past(connection: sqlite3.Connection, token: str, job_id: str) -> _Past:
    """One query where the newest tasks are enough for the usual duration, too."""
    cursor = connection.cursor()
    cursor.row_factory = None
    rows = cursor.execute(
        "SELECT state, ended_at - started_at FROM tasks WHERE project = ? AND job_id = ? AND ended_at IS NOT NULL"
        " ORDER BY ended_at DESC LIMIT ?",
        (token, job_id, USUAL_OF),
    ).fetchall()
    last = tuple([_TASK_STATES[state] for state, _ in rows[LAST - 1 :: -1]])
    good = sorted(duration for state, duration in rows if state == _SUCCEEDED and duration is not None)
    if len(rows) < USUAL_OF or len(good) == USUAL_OF:
        return _Past(good[len(good) // 2] if good else None, last)
    return _Past(usual_duration(connection, token, job_id), last)


def next_fire(expression: str, zone: str, now: float) -> float | None:
    """When a schedule fires next, in Unix seconds; None: never again."""
    from skafos_tui.config.cron import parse_cron

    found = parse_cron(expression).next_fire(datetime.fromtimestamp(now, UTC), zone)
    return None if found is None else found.timestamp()


def _recent_runs(connection: sqlite3.Connection, token: str, chosen: int | None) -> list[tuple[int, RunState]]:
    rows = connection.execute(
        "SELECT id, state FROM runs WHERE project = ? ORDER BY id DESC LIMIT ?", (token, LOOKED_THROUGH)
    ).fetchall()
    if chosen is not None and all(row["id"] != chosen for row in rows):
        rows += connection.execute(
            "SELECT id, state FROM runs WHERE project = ? AND id = ?", (token, chosen)
        ).fetchall()
    return [(row["id"], RunState(row["state"])) for row in rows]


def neighbour_run(connection: sqlite3.Connection, token: str, run_id: int, *, newer: bool) -> int | None:
    """The next newer or older run of a project; None at the end."""
    compare, order = (">", "ASC") if newer else ("<", "DESC")
    row = connection.execute(
        f"SELECT id FROM runs WHERE project = ? AND id {compare} ? ORDER BY id {order} LIMIT 1", (token, run_id)
    ).fetchone()
    return None if row is None else int(row["id"])


def _active(connection: sqlite3.Connection, deployment_id: int | None) -> tuple[int, str] | None:
    """Number and code digest of the active deployment."""
    if deployment_id is None:
        return None
    row = connection.execute("SELECT number, code_digest FROM deployments WHERE id = ?", (deployment_id,)).fetchone()
    return None if row is None else (int(row["number"]), str(row["code_digest"]))


def _held(connection: sqlite3.Connection) -> tuple[float, int]:
    """What open attempts of all projects hold: cores, bytes."""
    row = connection.execute(
        # The first condition is that of the index, which has only those that are not collected.
        "SELECT COALESCE(SUM(cpu), 0.0), COALESCE(SUM(memory), 0) FROM attempts"
        f" WHERE state != 'collected' AND {OPEN_ATTEMPTS}"
    ).fetchone()
    return float(row[0]), int(row[1])


def _image(
    connection: sqlite3.Connection, token: str, run: Run | None, deployment: Deployment | None
) -> ImageFacts | None:
    """The image step of the shown run, else of a deployment that is being built."""
    if run is not None and deployment is not None and deployment.state is not DeploymentState.READY:
        failed = deployment.state is DeploymentState.FAILED
        return ImageFacts(
            deployment.number, plain(deployment.step), run.created_at, plain(deployment.error) if failed else ""
        )
    row = connection.execute(
        "SELECT number, step, created_at FROM deployments WHERE project = ? AND state = ? ORDER BY id DESC LIMIT 1",
        (token, DeploymentState.BUILDING),
    ).fetchone()
    return None if row is None else ImageFacts(row["number"], plain(row["step"]), row["created_at"])


def _by_job(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(attempt.job_id, []).append(attempt)
    return found


def _counts(task: Task | None, attempts: Sequence[Attempt]) -> tuple[tuple[TaskState, int], ...]:
    """The instances of a task by the state of their newest attempt; nothing for a single one."""
    if task is None or task.instances < 2 or not attempts:
        return ()
    newest = {attempt.instance: attempt for attempt in attempts}
    counted = Counter(_state_of(attempt.state, attempt.verdict) for attempt in newest.values())
    order = {state: place for place, state in enumerate(_COUNT_ORDER)}
    return tuple(sorted(counted.items(), key=lambda item: order.get(item[0], -1)))


def _state_of(state: AttemptState, verdict: Verdict | None) -> TaskState:
    if verdict is not None:
        return TaskState.SUCCEEDED if verdict.succeeded else _STATE_OF_VERDICT.get(verdict.kind, TaskState.FAILED)
    return TaskState.RUNNING if state is AttemptState.RUNNING else TaskState.STARTING
