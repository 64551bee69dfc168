"""What `skafos graph` draws: the jobs of a config, or those of a run with their states and times."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skafos_tui.cli.errors import FAILED, CommandError
from skafos_tui.cli.output import clean

if TYPE_CHECKING:
    from skafos_tui.model.project import Job, Project
    from skafos_tui.model.run import Attempt, Run, Task


@dataclass(frozen=True, slots=True)
class Node:
    """A job in the graph; `task` and `instances` (counts by state, for people) where it is that of a run."""

    job: Job
    usual_s: float | None = None
    task: Task | None = None
    took_s: float | None = None
    instances: str = ""

    @property
    def state(self) -> str:
        """The name of its state, empty in a config."""
        return self.task.state.value if self.task else ""

    @property
    def name(self) -> str:
        """Its name, fit to be shown."""
        return clean(self.task.name if self.task else self.job.name)

    @property
    def glyph(self) -> str:
        """The character of its state."""
        from skafos_tui.text.glyphs import DISABLED, NODE, STATE_GLYPHS

        if self.task is not None:
            return STATE_GLYPHS[self.task.state]
        return NODE if self.job.enabled else DISABLED

    @property
    def schedule(self) -> str:
        """When it starts by itself: `0 9 * * *`, with its time zone unless that is UTC; or that it is disabled."""
        if not self.job.enabled:
            return "disabled"
        if not self.job.schedule:
            return ""
        zone = "" if self.job.timezone == "UTC" else f" {self.job.timezone}"
        return clean(self.job.schedule + zone)

    @property
    def detail(self) -> str:
        """What stands below its name: in a run its time, with `~` the usual one where it is still to start."""
        from skafos_tui.text.durations import clock

        if self.task is None:
            return self.schedule
        if self.took_s is None and not self.task.state.finished and self.usual_s is not None:
            return f"~{clock(self.usual_s)}"
        return f"{self.instances} {clock(self.took_s)}".strip()


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn: the project's token, the nodes by job id, their dependencies, and the run, if it is of one."""

    token: str | None
    nodes: Mapping[str, Node]
    graph: Mapping[str, tuple[str, ...]]
    run: Run | None = None


def of_config(store: sqlite3.Connection | None, project: Project) -> Picture:
    """The jobs of a config."""
    from skafos_tui.model.graph import graph_of
    from skafos_tui.store.runs import usual_duration

    nodes = {
        job.id: Node(job, usual_duration(store, project.token, job.id) if store is not None else None)
        for job in project.jobs
    }
    return Picture(project.token, nodes, graph_of(project))


def of_run(store: sqlite3.Connection, run: Run) -> Picture:
    """The tasks of a run with the dependencies of its deployment."""
    from skafos_tui.cli.fires import project_of
    from skafos_tui.cli.views import attempts_by_job, deployment_number, duration_of
    from skafos_tui.store.projects import get_deployment
    from skafos_tui.store.runs import attempts_of, tasks_of, usual_duration

    tasks = {task.job_id: task for task in tasks_of(store, run.id)}
    deployment = get_deployment(store, run.deployment)
    project = project_of(deployment.config) if deployment is not None else None
    if project is None:
        number = deployment_number(store, run.deployment)
        raise CommandError(f"the config of deployment {number} can't be read any more: skafos show {run.id}", FAILED)
    now, by_job = time.time(), attempts_by_job(attempts_of(store, run.id))
    nodes = {
        job.id: Node(
            job,
            usual_duration(store, run.project, job.id),
            task,
            duration_of(task.started_at, task.ended_at, now),
            _instances(task, by_job.get(job.id, [])),
        )
        for job in project.jobs
        if (task := tasks.get(job.id)) is not None
    }
    dependencies = {id: tuple(one for one in node.job.dependencies if one in nodes) for id, node in nodes.items()}
    return Picture(run.project, nodes, dependencies, run)


def _instances(task: Task, attempts: list[Attempt]) -> str:
    """The instances of a job by their state: `1✓ 2►`; empty where there is one, or none has begun."""
    from skafos_tui.cli.lines import latest_attempts
    from skafos_tui.cli.views import attempt_state
    from skafos_tui.text.glyphs import STATE_GLYPHS

    if task.instances < 2:
        return ""
    states = [attempt_state(attempt) for attempt in latest_attempts(attempts)]
    return " ".join(f"{states.count(state)}{glyph}" for state, glyph in STATE_GLYPHS.items() if state in states)


def critical(picture: Picture) -> tuple[str, ...]:
    """The critical path of a run."""
    from skafos_tui.model.ancestry import reduced
    from skafos_tui.model.critical import critical_path, remaining_seconds

    ended_at: dict[str, float] = {}
    remaining_s: dict[str, float] = {}
    for job, node in picture.nodes.items():
        task = node.task
        if task is not None and not task.state.finished:
            remaining_s[job] = remaining_seconds(node.usual_s, node.took_s or 0.0)
        elif task is not None and task.started_at is not None and task.ended_at is not None:
            ended_at[job] = task.ended_at
    return critical_path(reduced(picture.graph), ended_at, remaining_s)
