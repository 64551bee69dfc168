"""What is different in a run since the last good one: config, parameters, code, packages, images."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from skafos_tui.config.plan import JobChange, Plan, field_words, plan_of
from skafos_tui.config.plan_values import FieldChange
from skafos_tui.config.reader import CONFIG_NAME, parse_config
from skafos_tui.model.project import Project
from skafos_tui.model.run import Deployment, Run, Task, TaskState
from skafos_tui.store import projects, runs
from skafos_tui.store.code import CodeChange, CodeUnreadable, code_files, compare_code
from skafos_tui.store.home import Home
from skafos_tui.store.logs.masking import mask, needles_of

FAILURES = (TaskState.FAILED, TaskState.TIMED_OUT, TaskState.LOST)
"""The states of a task that make its run `failed`."""
SMALL_ARCHIVE = 256 << 10
"""Bytes of two code archives that are compared in some 20 ms; larger ones are none for a first frame."""
_KEPT_LISTS = 16
_SECRET = "***"
D = TypeVar("D", bound="Differences")


@dataclass(frozen=True, slots=True)
class JobTimes:
    """Seconds that a job takes: the median of its last successes, in the good run, in this one; None: unknown."""

    job_id: str
    name: str
    usual_s: float | None = None
    good_s: float | None = None
    now_s: float | None = None


@dataclass(frozen=True, slots=True)
class Differences:
    """What is different between two deployments, the older one, or the better, first.

    `code` is None where it was not looked at; `code_problem` says why it could not be. `packages` and `images` (by job
    name) are as fields: old and new. Values of secrets stand nowhere.
    """

    deployments: tuple[Deployment, Deployment]
    plan: Plan = field(default_factory=Plan)
    code: CodeChange | None = field(default_factory=CodeChange)
    code_problem: str = ""
    packages: tuple[FieldChange, ...] = ()
    images: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed(Differences):
    """What is different in `run` since `good`; `job_id` is the job that they were compared for, if any."""

    run: Run
    good: Run
    job_id: str | None
    parameters: tuple[FieldChange, ...] = ()

    @property
    def line(self) -> str:
        """All of it in a line: `since good run 142: parallelism 2 -> 3, features.py`."""
        return f"since good run {self.good.id}: {', '.join(self.words()) or 'nothing changed'}"

    def words(self) -> list[str]:
        """Each thing that differs, the likeliest cause first."""
        found = [field_words(change) for change in self.parameters]
        own = [change for change in self.plan.changed if change.job_id == self.job_id]
        others = [change for change in self.plan.changed if change.job_id != self.job_id]
        found += [_words_of(each) for change in own for each in change.fields]
        found += [field_words(each) for each in self.plan.project]
        if self.code is None:
            found.append("code")
        else:
            found += [*self.code.changed]
            found += [f"+{path}" for path in self.code.added] + [f"-{path}" for path in self.code.removed]
        found += [f"{change.name}: {_words_of(each)}" for change in others for each in change.fields]
        found += [f"+{job.name}" for job in self.plan.added] + [f"-{job.name}" for job in self.plan.removed]
        return found + [field_words(change) for change in self.packages]


def _words_of(change: FieldChange) -> str:
    """One field of a job as a line has room for it: `limits.memory` can only be of its resources."""
    return field_words(change).removeprefix("resources.")


def good_run_before(connection: sqlite3.Connection, run: Run, job_id: str | None = None) -> Run | None:
    """The newest run before this one in which the job succeeded; without a job: the newest that succeeded."""
    if job_id is None:
        query = "SELECT id FROM runs WHERE project = ? AND id < ? AND state = 'succeeded' ORDER BY id DESC LIMIT 1"
        row = connection.execute(query, (run.project, run.id)).fetchone()
    else:
        row = connection.execute(
            "SELECT run_id FROM tasks WHERE project = ? AND job_id = ? AND state = 'succeeded' AND run_id < ?"
            " ORDER BY ended_at DESC, run_id DESC LIMIT 1",
            (run.project, job_id, run.id),
        ).fetchone()
    return None if row is None else runs.get_run(connection, int(row[0]))


def changes_since_good(
    connection: sqlite3.Connection,
    home: Home,
    run: Run,
    job_id: str | None = None,
    *,
    most_bytes: float = math.inf,
) -> Changed | None:
    """What is different in a run since the last good one of a job, by itself of the first that failed; None: no such.

    Code archives that have more than `most_bytes` together are not compared. Blocking: hashes both of them once.
    """
    tasks = runs.tasks_of(connection, run.id)
    if job_id is None:
        job_id = next((task.job_id for task in tasks if task.state in FAILURES), None)
    good = good_run_before(connection, run, job_id)
    if good is None:
        return None
    old, new = (projects.get_deployment(connection, each.deployment) for each in (good, run))
    assert old is not None and new is not None
    secrets = _secrets(connection, run.project)
    found = Changed(
        (old, new),
        run=run,
        good=good,
        job_id=job_id,
        plan=_plan(old, new, run.created_at),
        packages=_differences(_packages(old.packages), _packages(new.packages)),
        images=_images(old, new, {task.job_id: task.name for task in tasks}),
    )
    keys = _differences(good.parameters, run.parameters)
    return replace(_masked(_with_code(found, home, most_bytes), secrets), parameters=_masked_fields(keys, secrets))


def differences(
    connection: sqlite3.Connection, home: Home, old: Deployment, new: Deployment, now: float
) -> Differences:
    """What is different between two deployments of a project; schedules move as seen from `now`, Unix seconds.

    Blocking: hashes both code archives once.
    """
    project = config_project(new)
    names = {job.id: job.name for job in project.jobs} if project is not None else {}
    found = Differences(
        (old, new),
        plan=_plan(old, new, now),
        packages=_differences(_packages(old.packages), _packages(new.packages)),
        images=_images(old, new, names),
    )
    return _masked(_with_code(found, home, math.inf), _secrets(connection, new.project))


def job_times(connection: sqlite3.Connection, run: Run, good: Run) -> tuple[JobTimes, ...]:
    """How long the jobs of a run take, beside those of the good one."""
    before = {task.job_id: task for task in runs.tasks_of(connection, good.id)}
    found = []
    for task in runs.tasks_of(connection, run.id):
        usual = runs.usual_duration(connection, run.project, task.job_id)
        found.append(JobTimes(task.job_id, task.name, usual, _seconds(before.get(task.job_id)), _seconds(task)))
    return tuple(found)


def secret_needles(connection: sqlite3.Connection, project: str) -> tuple[bytes, ...]:
    """What must not be seen of a project, for `mask`."""
    return _needles(_secrets(connection, project))


def _secrets(connection: sqlite3.Connection, project: str) -> list[projects.Variable]:
    return [variable for variable in projects.list_variables(connection, project) if variable.secret]


def _needles(secrets: Iterable[projects.Variable]) -> tuple[bytes, ...]:
    return needles_of(variable.value.encode() for variable in secrets)


def config_project(deployment: Deployment) -> Project | None:
    """The project as a deployment's config says it; it was within the user's ceilings when it was accepted."""
    return _project(deployment.config)


@lru_cache(8)
def _project(config: str) -> Project | None:
    return parse_config(config, max_cpu=math.inf, max_memory=sys.maxsize).project


def _plan(old: Deployment, new: Deployment, now: float) -> Plan:
    if old.config == new.config:
        return Plan()
    before, after = config_project(old), config_project(new)
    if before is None or after is None:
        return Plan(project=(FieldChange("config", "", ""),))
    return plan_of(before, after, datetime.fromtimestamp(now, UTC))


def _with_code(found: D, home: Home, most_bytes: float) -> D:
    old, new = found.deployments
    if old.code_digest == new.code_digest:
        return found
    archives = [home.code(each.project, each.code_digest) for each in (old, new)]
    try:
        if sum(archive.stat().st_size for archive in archives) > most_bytes:
            return replace(found, code=None)
        before, after = (_listed(home, each.project, each.code_digest) for each in (old, new))
    except FileNotFoundError:
        return replace(found, code=None, code_problem="the files of one of them were given up")
    except (CodeUnreadable, OSError) as error:
        return replace(found, code=None, code_problem=str(error))
    return replace(found, code=_without_config(compare_code(before, after)))


@lru_cache(_KEPT_LISTS)
def _listed(home: Home, project: str, digest: str) -> Mapping[str, str]:
    return code_files(home.code(project, digest))


def _without_config(change: CodeChange) -> CodeChange:
    """The config is one of the files; what differs in it is said by its keys."""
    if CONFIG_NAME not in change.changed:
        return change
    return replace(change, changed=tuple(path for path in change.changed if path != CONFIG_NAME))


def _differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FieldChange, ...]:
    keys = dict.fromkeys([*new, *old])
    return tuple(FieldChange(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key))


def _packages(frozen: str) -> dict[str, str]:
    """Names to versions of a `pip freeze`; a line of another form stands for itself."""
    found = {}
    for line in filter(None, map(str.strip, frozen.splitlines())):
        name, _, version = line.partition("==")
        found[name] = version or "another source"
    return found


def _images(old: Deployment, new: Deployment, names: Mapping[str, str]) -> tuple[FieldChange, ...]:
    changes = []
    for job_id, name in names.items():
        before, after = old.images.get(job_id), new.images.get(job_id)
        if before != after:
            changes.append(FieldChange(name, before, after))
    return tuple(changes)


def _seconds(task: Task | None) -> float | None:
    if task is None or task.started_at is None or task.ended_at is None:
        return None
    return max(0.0, task.ended_at - task.started_at)


# Secrets -----------------------------------------------------------------------------------------------------


def _masked(found: D, secrets: Sequence[projects.Variable]) -> D:
    """Without the values of secrets, which a config may repeat."""
    if not secrets:
        return found
    jobs = (JobChange(job.job_id, job.name, _masked_fields(job.fields, secrets)) for job in found.plan.changed)
    plan = replace(found.plan, changed=tuple(jobs), project=_masked_fields(found.plan.project, secrets))
    return replace(found, plan=plan)


def _masked_fields(fields: Iterable[FieldChange], secrets: Sequence[projects.Variable]) -> tuple[FieldChange, ...]:
    needles, keys = _needles(secrets), {variable.key for variable in secrets}
    return tuple(_masked_field(each, needles, keys) for each in fields) if secrets else tuple(fields)


def _masked_field(change: FieldChange, needles: Sequence[bytes], keys: set[str]) -> FieldChange:
    def masked(text: str | None) -> str | None:
        if text is None:
            return None
        return _SECRET if change.key.rpartition(".")[2] in keys else mask(text.encode(), needles).decode()

    return replace(change, old=masked(change.old), new=masked(change.new))
