"""Reads what an attempt ran in: facts from the store, and what its runner knows of it, as rows to show."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skafos_tui.model.project import Job, Project, Resources
from skafos_tui.model.run import Attempt, AttemptState, Deployment, Run, Task
from skafos_tui.model.verdict import Verdict, format_bytes
from skafos_tui.store.comparison import config_project
from skafos_tui.store.environment import DATA_TARGET, SECRETS_TARGET, attempt_environment
from skafos_tui.store.home import Home
from skafos_tui.store.logs.masking import mask, needles_of
from skafos_tui.store.projects import Variable, get_deployment, get_project, list_variables
from skafos_tui.store.runs import attempts_of, get_run, tasks_of
from skafos_tui.text.durations import clock, local_time
from skafos_tui.text.sgr import plain
from skafos_tui.text.tables import pad
from skafos_tui.tui.theme import Role
from skafos_tui.tui.widgets.document import Row, Words, heading, says, sections

HIDDEN = "***"
PROJECT_TARGET = "/project"
MOST_INSPECT_LINES = 2000


@dataclass(frozen=True, slots=True)
class Details:
    """All that is recorded about one attempt; `attempts` are all of its task. `project` None: the config is unread."""

    run: Run
    task: Task
    attempt: Attempt | None
    attempts: tuple[Attempt, ...]
    deployment: Deployment
    project: Project | None
    runner: str
    variables: tuple[Variable, ...]

    @property
    def job(self) -> Job | None:
        """The job as its deployment has it."""
        jobs = self.project.jobs if self.project is not None else ()
        return next((job for job in jobs if job.id == self.task.job_id), None)

    @property
    def title(self) -> str:
        """What the screen is about."""
        if self.attempt is None:
            return f"{plain(self.task.name)}   run {self.run.id}"
        instance = f" #{self.attempt.instance}" if self.task.instances > 1 else ""
        return f"{plain(self.task.name)}{instance}   run {self.run.id}, attempt {self.attempt.number}"


def read_details(
    connection: sqlite3.Connection, run_id: int, job_id: str, attempt_name: str | None = None
) -> Details | None:
    """Of the attempt of this name, else of the newest that failed, else of the newest; None where there is no task."""
    run = get_run(connection, run_id)
    task = next((task for task in tasks_of(connection, run_id) if task.job_id == job_id), None)
    deployment = get_deployment(connection, run.deployment) if run is not None else None
    if run is None or task is None or deployment is None:
        return None
    attempts = tuple(attempt for attempt in attempts_of(connection, run_id) if attempt.job_id == job_id)
    row = get_project(connection, run.project)
    return Details(
        run=run,
        task=task,
        attempt=_chosen(attempts, attempt_name),
        attempts=attempts,
        deployment=deployment,
        project=config_project(deployment),
        runner=row.runner if row is not None else "",
        variables=tuple(list_variables(connection, run.project)),
    )


def _chosen(attempts: Sequence[Attempt], name: str | None) -> Attempt | None:
    named = [attempt for attempt in attempts if attempt.name == name]
    newest = {attempt.instance: attempt for attempt in sorted(attempts, key=lambda attempt: attempt.number)}
    failed = [attempt for attempt in newest.values() if attempt.verdict is not None and not attempt.verdict.succeeded]
    return next(iter(named or failed or newest.values()), None)


def detail_rows(found: Details, home: Home, now: float) -> list[Row]:
    """What the store knows, in sections; times against `now` (Unix seconds)."""
    masked = _masking(found.variables)
    return sections(
        _verdict(found, now),
        _attempts(found, now),
        _image(found),
        _limits(found),
        _command(found, masked),
        _environment(found, masked),
        _mounts(found, home),
    )


def live_rows(found: Details, inspect: Mapping[str, Any] | None, processes: Sequence[Sequence[str]]) -> list[Row]:
    """What the runner knows, in sections: processes, then all of its own words."""
    if inspect is None:
        gone = "container is" if found.runner == "docker" else "directory is"
        return sections([heading("inspect"), says(f"its {gone} gone: S makes it again for a debug shell", Role.IDLE)])
    lines = json.dumps(inspect, indent=2, ensure_ascii=False).splitlines()
    more = len(lines) - MOST_INSPECT_LINES
    rows = [says(plain(line)) for line in lines[:MOST_INSPECT_LINES]]
    cut = [says(f"and {more:,} more lines", Role.WARN)] if more > 0 else []
    image = inspect.get("Image")
    digest = [heading("image digest"), says(plain(str(image)))] if isinstance(image, str) else []
    return sections(digest, _processes(processes), [heading("inspect"), *rows, *cut])


def _verdict(found: Details, now: float) -> list[Row]:
    attempt, task = found.attempt, found.task
    if attempt is None:
        return [
            heading("state", task.state.value.replace("_", " ")),
            *([says(plain(task.reason))] if task.reason else []),
        ]
    end = attempt.ended_at or (now if attempt.state.open else None)
    took = "" if attempt.started_at is None or end is None else clock(max(0.0, end - attempt.started_at))
    rows: list[Row]
    if attempt.verdict is None:
        rows = [heading("state", attempt.state.value)]
    else:
        good = attempt.verdict.succeeded
        rows = [
            (
                Words("verdict", None, True),
                Words(f"  {plain(attempt.verdict.text)}", Role.OK if good else Role.BAD, True),
            )
        ]
        evidence = _evidence(attempt.verdict)
        if evidence:
            rows.append(says(plain(evidence)))
    if task.warning:
        rows.append(says(plain(task.warning), Role.WARN))
    times = (
        ("planned", local_time(attempt.planned_at)),
        ("started", local_time(attempt.started_at)),
        ("ended", local_time(attempt.ended_at)),
        ("took", took),
    )
    return [*rows, *_pairs((name, text) for name, text in times if text)]


def _attempts(found: Details, now: float) -> list[Row]:
    if len(found.attempts) < 2:
        return []
    rows: list[Row] = [heading("attempts", str(len(found.attempts)))]
    for each in found.attempts:
        end = each.ended_at or (now if each.state.open else None)
        took = clock(end - each.started_at) if each.started_at is not None and end is not None else ""
        verdict = each.verdict
        word = verdict.text if verdict is not None else each.state.value
        role = None if verdict is None else Role.OK if verdict.succeeded else Role.BAD
        here = found.attempt is not None and each.name == found.attempt.name
        evidence = f"  {plain(_evidence(verdict))}" if verdict is not None else ""
        rows.append(
            (
                Words(f"{'▌' if here else ' '} #{each.instance} attempt {each.number}  {took:>7}  "),
                Words(plain(word), role, here),
                Words(evidence, Role.IDLE),
            )
        )
    return rows


def _evidence(verdict: Verdict) -> str:
    """What the verdict's own words don't say."""
    return verdict.line.removeprefix(verdict.text).removeprefix(": ")


def _image(found: Details) -> list[Row]:
    image = found.deployment.images.get(found.task.job_id, "")
    base = (found.job.image if found.job is not None else None) or (found.project.image if found.project else None)
    packages = len(found.deployment.packages.splitlines())
    pairs = (
        ("image", plain(image) or "not built"),
        ("made from", plain(base or "the default image") if found.runner == "docker" else ""),
        ("packages", str(packages) if packages else ""),
        ("code", found.deployment.code_digest[:12]),
        ("deployment", str(found.deployment.number)),
        ("runner", found.runner),
    )
    return [heading("image"), *_pairs((name, text) for name, text in pairs if text)]


def _limits(found: Details) -> list[Row]:
    job, attempt = found.job, found.attempt
    if job is None:
        return []
    pairs = [("limits", _resources(job.limits) or "this machine"), ("requests", _resources(job.requests))]
    if attempt is not None:
        pairs.append(("counted as", _resources(Resources(attempt.cpu, attempt.memory))))
    pairs.append(("timeout", f"{job.timeout_s:g} s" if job.timeout_s is not None else ""))
    pairs.append(("retries", str(job.retries.limit) if job.retries.limit else ""))
    return [heading("limits"), *_pairs((name, text) for name, text in pairs if text)]


def _resources(resources: Resources) -> str:
    cpu = f"{resources.cpu:g} cpu" if resources.cpu is not None else ""
    memory = f"{format_bytes(resources.memory)} memory" if resources.memory is not None else ""
    return ", ".join(filter(None, (cpu, memory)))


def _command(found: Details, masked: Callable[[str], str]) -> list[Row]:
    job, attempt = found.job, found.attempt
    rows: list[Row] = [heading("command")]
    if job is not None:
        rows.append(says(plain(masked(job.entrypoint))))
    parameters = {**(job.parameters if job is not None else {}), **found.run.parameters}
    rows += [says(f"parameter {plain(key)} = {plain(masked(value))}") for key, value in parameters.items()]
    if attempt is not None:
        word = "container" if found.runner == "docker" else "name"
        rows.append(says(f"{word} {attempt.name}"))
        if found.runner == "docker" and attempt.state is AttemptState.RUNNING:
            rows.append(says(f"docker exec -it {attempt.name} sh", Role.IDLE))
    return rows


def _environment(found: Details, masked: Callable[[str], str]) -> list[Row]:
    if found.attempt is None or found.project is None or found.job is None:
        return []
    variables = attempt_environment(
        found.project, found.job, found.deployment, found.run, found.task, found.attempt, found.variables
    )
    secret = {variable.key for variable in found.variables if variable.secret}
    kept = ", those of `skafos env` as they are now" if found.variables and not found.attempt.state.open else ""
    shown = {key: HIDDEN if key in secret else masked(value) for key, value in sorted(variables.items())}
    return [
        heading("environment", f"{len(shown)}{kept}"),
        *_pairs((plain(key), plain(value)) for key, value in shown.items()),
    ]


def _mounts(found: Details, home: Home) -> list[Row]:
    local = found.runner != "docker"
    pairs = [(str(home.data(found.run.project)), "SKAFOS_DATA" if local else DATA_TARGET)]
    if any(variable.secret for variable in found.variables):
        pairs.append(("secrets, read only", "SKAFOS_SECRETS" if local else SECRETS_TARGET))
    if not local:
        pairs.append(("the code, in the image", PROJECT_TARGET))
    return [heading("mounts"), *_pairs((target, source) for source, target in pairs)]


def _processes(rows: Sequence[Sequence[str]]) -> list[Row]:
    if len(rows) < 2:
        return []
    widths = [max(len(plain(row[at])) for row in rows if at < len(row)) for at in range(len(rows[0]))]
    lines = ["  ".join(pad(plain(cell), width) for cell, width in zip(row, widths, strict=False)) for row in rows]
    first, *others = (line.rstrip() for line in lines)
    return [heading("processes", str(len(rows) - 1)), says(first, Role.IDLE), *map(says, others)]


def _pairs(pairs: Any) -> list[Row]:
    """Names and values below each other."""
    found = list(pairs)
    width = max((len(name) for name, _ in found), default=0)
    return [(Words(f"  {pad(name, width)}  ", Role.IDLE), Words(text)) for name, text in found]


def _masking(variables: Sequence[Variable]) -> Callable[[str], str]:
    needles = needles_of(variable.value.encode() for variable in variables if variable.secret)

    def masked(text: str) -> str:
        return mask(text.encode(errors="replace"), needles).decode(errors="replace")

    return masked
