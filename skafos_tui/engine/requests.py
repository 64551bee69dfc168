"""What people ask of the engine: run, retry, cancel, alerts, variables, identity; each answered after its commit."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from skafos_tui.config.reader import CONFIG_NAME, ConfigUnreadable, ReadResult, find_config, read_config
from skafos_tui.engine.alerting import acknowledge, take_back
from skafos_tui.engine.deployments import Candidate, is_wanted
from skafos_tui.engine.engine import Engine
from skafos_tui.engine.triggers import ManualTrigger, Refusal, create_manual_run, create_retry
from skafos_tui.model.diagnostic import Severity, has_errors
from skafos_tui.model.project import Project
from skafos_tui.model.run import Run
from skafos_tui.store import projects, runs
from skafos_tui.store.database import note_change
from skafos_tui.store.disk import full, is_full, shortage
from skafos_tui.store.projects import ProjectRow, Variable
from skafos_tui.store.working_tree import ConfigChanged, SnapshotError, config_digest

UNREACHABLE = 3
CONFIG_LOOKS = 5
"""How often the files are copied anew because the config was saved meanwhile."""
USAGE = 2


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was accepted: it is in the store, durably."""

    run: int
    deployment: int
    project: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A working tree that may become a deployment: `row` is the project as it is to be kept, `digest` its config's."""

    row: ProjectRow
    candidate: Candidate
    digest: str
    warnings: tuple[str, ...]


class Requests:
    """The verbs of the control socket."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def start_run(self, directory: Path, trigger: ManualTrigger, runner: str | None) -> Started:
        """Snapshot the working tree if it changed and run it now. Raises Refusal."""
        known = await self.engine.read(lambda c: runs.run_of_request(c, trigger.request_id))
        if known is not None:
            return await self._started(known, ())
        asked = await self.candidate(directory, runner)
        now = time.time()

        def apply(connection: sqlite3.Connection) -> int:
            keep_project(connection, asked.row)
            deployment = self.engine.deployments.record(connection, asked.candidate, now)
            return create_manual_run(connection, asked.candidate.project, deployment, trigger, now)

        run_id = await self.engine.commit("trigger", apply)
        await self.follow(asked.row.token)
        return await self._begin(run_id, asked.candidate.project, asked.warnings)

    async def candidate(self, directory: Path, runner: str | None) -> Asked:
        """The working tree of a directory as it would be deployed. Raises Refusal."""
        for _ in range(CONFIG_LOOKS):
            result, project = await self._valid_config(directory)
            row = await self._row(project, directory, runner)
            await self.engine.read(partial(check_identity, row=row))
            self._refuse_without_runner(row.runner)
            self._refuse_without_room()
            try:
                candidate = await self._candidate(directory, result, project)
            except ConfigChanged:
                continue
            digest = hashlib.sha256(result.data).hexdigest()
            if await self.engine.deployments.in_thread(lambda: config_digest(directory)) == digest:
                warnings = tuple(d.message for d in result.diagnostics if d.severity is Severity.WARNING)
                return Asked(row, candidate, digest, warnings)
            self.engine.deployments.release(candidate)
        raise Refusal("config-changes", f"{CONFIG_NAME} changes all the time; try again when it is saved")

    async def retry(self, run_id: int, request_id: str, from_job: str | None, working_tree: bool) -> Started:
        """Run what failed again, on the same deployment or on the working tree. Raises Refusal."""
        known = await self.engine.read(lambda c: runs.run_of_request(c, request_id))
        if known is not None:
            return await self._started(known, ())
        retried = await self._run(run_id)
        now = time.time()
        row = await self.known(retried.project)
        self._refuse_without_runner(row.runner)
        self._refuse_without_room()
        if working_tree:
            result, project = await self._valid_config(Path(row.directory))
            try:
                candidate = await self._candidate(Path(row.directory), result, project)
            except ConfigChanged as error:
                raise Refusal("snapshot", str(error)) from None
        else:
            await self._refuse_given_up(retried.deployment)
            candidate = None
            project = await self.engine.read(lambda c: self.engine.config(c, retried.deployment))

        def apply(connection: sqlite3.Connection) -> int:
            deployment = retried.deployment
            if candidate is not None:
                deployment = self.engine.deployments.record(connection, candidate, now)
            else:
                self.engine.deployments.try_again(connection, deployment)
            return create_retry(
                connection, project, deployment, retried, request_id=request_id, from_job=from_job, now=now
            )

        return await self._begin(await self.engine.commit("retry", apply), project, ())

    async def cancel(self, run_id: int, words: Sequence[str], by: str) -> list[str]:
        """Cancel a run, or some of its jobs; the ids of the jobs it ends. Raises Refusal."""
        run = await self._run(run_id)
        project = await self.engine.read(lambda c: self.engine.config(c, run.deployment))

        def apply(connection: sqlite3.Connection) -> list[str]:
            return cancel_tasks(connection, run_id, project, words, by)

        cancelled = await self.engine.commit("cancel", apply, (run_id,))
        await self._drop_unwanted_build(run.deployment, project)
        return cancelled

    async def acknowledge(self, token: str | None, alerts: Sequence[int] | None, by: str) -> list[int]:
        """Take notice of alerts, None: of all of a project (None: any) and the engine; the ids of those that fired.

        Raises Refusal where an id is unknown.
        """
        now = time.time()
        return await self.engine.commit("acknowledge", lambda c: acknowledge(c, token, alerts, by, now), ())

    async def take_back(self, alerts: Sequence[int]) -> list[int]:
        """Let acknowledged alerts fire again; the ids of those. Raises Refusal where an id is unknown."""
        return await self.engine.commit("acknowledge", lambda c: take_back(c, alerts), ())

    async def set_variable(self, token: str, variable: Variable) -> None:
        """Keep a variable of a project. Raises Refusal."""
        await self.known(token)
        await self.engine.commit("variable", lambda c: projects.set_variable(c, token, variable), ())

    async def delete_variable(self, token: str, key: str) -> None:
        """Drop a variable of a project. Raises Refusal where there is none."""
        await self.known(token)
        if not await self.engine.commit("variable", lambda c: projects.delete_variable(c, token, key), ()):
            raise Refusal("unknown-variable", f"there is no variable {key}")

    async def register(self, directory: Path, runner: str | None) -> ProjectRow:
        """Make a directory's project known. Raises Refusal."""
        _, project = await self._valid_config(directory)
        row = await self._row(project, directory, runner)
        await self.engine.commit("register", lambda c: keep_project(c, row), ())
        await self.follow(row.token)
        return row

    async def adopt(self, directory: Path) -> tuple[ProjectRow, str]:
        """Bind the token in this directory's config to this directory; the row, and where it was. Raises Refusal."""
        _, project = await self._valid_config(directory)
        before = await self.engine.read(lambda c: projects.get_project(c, project.token))
        row = await self._row(project, directory, None)

        def apply(connection: sqlite3.Connection) -> None:
            release_directory(connection, row)
            projects.save_project(connection, row)

        await self.engine.commit("adopt", apply, ())
        await self.follow(row.token)
        return row, before.directory if before else ""

    async def forget(self, token: str) -> None:
        """Drop a project with its history, logs and data. Raises Refusal while a run of it is not finished."""
        await self.known(token)

        def apply(connection: sqlite3.Connection) -> None:
            refuse_unfinished(connection, token)
            projects.delete_project(connection, token)

        await self.engine.commit("forget", apply, ())
        self.engine.project_forgotten(token)
        await self.engine.deployments.stop_copying(token)
        directory = self.engine.home.project(token)
        await self.engine.deployments.in_thread(lambda: shutil.rmtree(directory, ignore_errors=True))

    async def _valid_config(self, directory: Path) -> tuple[ReadResult, Project]:
        """The config of a directory. Raises Refusal with the findings where it has errors."""
        settings = self.engine.settings
        machine = self.engine.machine(self._default_runner())
        path = find_config(directory)
        if path is None:
            raise Refusal("no-config", f"{directory} has no {CONFIG_NAME}: skafos init makes one", USAGE)
        try:
            result = await self.engine.deployments.in_thread(
                lambda: read_config(path, machine=machine, max_cpu=settings.max_cpu, max_memory=settings.max_memory)
            )
        except ConfigUnreadable as error:
            raise Refusal("unreadable-config", str(error), USAGE) from None
        if result.project is None:
            count = sum(item.severity is Severity.ERROR for item in result.diagnostics)
            assert has_errors(result.diagnostics)
            noun = "error" if count == 1 else "errors"
            findings = [item.render(CONFIG_NAME) for item in result.diagnostics]
            raise Refusal("invalid-config", f"{CONFIG_NAME} has {count} {noun}", diagnostics=findings)
        refuse_missing_parts(result.project)
        return result, result.project

    async def _candidate(self, directory: Path, result: ReadResult, project: Project) -> Candidate:
        try:
            return await self.engine.deployments.prepare(directory, result, project)
        except ConfigChanged:
            raise
        except SnapshotError as error:
            if is_full(error):
                self.engine.disk_is_full(str(error))
                raise Refusal("disk-full", f"{full(self.engine.home.path)}: make room, then ask again") from None
            raise Refusal("snapshot", str(error)) from None

    def _refuse_without_room(self) -> None:
        problem = shortage(self.engine.home.path) or self.engine.room.problem
        if problem:
            raise Refusal("disk-full", f"{problem}: make room, then ask again")

    def _refuse_without_runner(self, kind: str) -> None:
        problem = self.engine.link(kind).problem
        if problem:
            raise Refusal("runner-unreachable", problem, UNREACHABLE)

    def _default_runner(self) -> str:
        """The runner of a project that never ran: by the settings, else the first that answers (SPEC 4)."""
        links = self.engine.links.values()
        answering = (link.kind for link in links if not link.problem)
        return self.engine.settings.runner or next(answering, next(iter(links)).kind)

    async def _row(self, project: Project, directory: Path, runner: str | None) -> ProjectRow:
        """The project as it is to be kept; its runner never changes by itself, only where `runner` says so."""
        known = await self.engine.read(lambda c: projects.get_project(c, project.token))
        chosen = runner or (known.runner if known is not None else self._default_runner())
        if chosen not in self.engine.links:
            there = ", ".join(self.engine.links)
            raise Refusal("no-runner", f"there is no runner {chosen!r}; this engine has {there}", USAGE)
        return ProjectRow(project.token, project.name, str(directory), chosen, time.time())

    async def follow(self, token: str) -> None:
        """Have the project's config watched from now on, and that of those no more whose directory it may have got."""
        for row in await self.engine.read(projects.list_projects):
            if row.token == token or not row.directory:
                self.engine.project_changed(row)

    async def known(self, token: str) -> ProjectRow:
        """The project with this token. Raises Refusal."""
        row = await self.engine.read(lambda c: projects.get_project(c, token))
        if row is None:
            raise Refusal("unknown-project", f"there is no project {token}; skafos projects list shows them", USAGE)
        return row

    async def _refuse_given_up(self, deployment_id: int) -> None:
        deployment = await self.engine.read(lambda c: projects.get_deployment(c, deployment_id))
        assert deployment is not None
        if deployment.collected_at is not None:
            message = f"deployment {deployment.number} is old, its files and image were given up"
            raise Refusal("collected", f"{message}: retry on the working tree (--working-tree)")

    async def _run(self, run_id: int) -> Run:
        run = await self.engine.read(lambda c: runs.get_run(c, run_id))
        if run is None:
            raise Refusal("unknown-run", f"there is no run {run_id}; skafos runs shows them", USAGE)
        return run

    async def _begin(self, run_id: int, project: Project, warnings: tuple[str, ...]) -> Started:
        run = await self._run(run_id)
        self.engine.build(run.deployment, project)
        return await self._started(run, warnings)

    async def _started(self, run: Run, warnings: tuple[str, ...]) -> Started:
        deployment = await self.engine.read(lambda c: projects.get_deployment(c, run.deployment))
        assert deployment is not None
        return Started(run.id, deployment.number, run.project, warnings)

    async def _drop_unwanted_build(self, deployment: int, project: Project) -> None:
        """End the build of a deployment that no unfinished run waits for."""
        if not await self.engine.read(lambda c: is_wanted(c, deployment)):
            await self.engine.deployments.cancel(deployment, project)


def refuse_missing_parts(project: Project) -> None:
    """Refuse what validates but can't run yet, in one line. Raises Refusal."""
    if project.add_ons:
        names = ", ".join(add_on.name for add_on in project.add_ons)
        raise Refusal("no-add-on", f"{project.name} asks for the add-on {names}, which is not there yet")


def check_identity(connection: sqlite3.Connection, row: ProjectRow) -> None:
    """A token is bound to one directory; in a second one it is refused with the two ways out (SPEC 3)."""
    known = projects.get_project(connection, row.token)
    if known is not None and known.directory and known.directory != row.directory:
        raise Refusal(
            "other-directory",
            f"token {row.token} belongs to {known.directory}: if the project moved here, skafos projects adopt;"
            " if this is a copy, skafos projects adopt --new-token",
        )


def refuse_unfinished(connection: sqlite3.Connection, token: str) -> None:
    """Refuse while anything of a project runs or waits. Raises Refusal."""
    unfinished = [run.id for run in runs.unfinished_runs(connection) if run.project == token]
    open_attempts = [
        attempt.run_id
        for attempt in runs.uncollected_attempts(connection)
        if (run := runs.get_run(connection, attempt.run_id)) is not None and run.project == token
    ]
    if unfinished or open_attempts:
        run_id = (unfinished + open_attempts)[0]
        raise Refusal("unfinished", f"run {run_id} is not finished: skafos kill {run_id} ends it")


def keep_project(connection: sqlite3.Connection, row: ProjectRow) -> None:
    """Write a project at its first run, or its new name. Raises Refusal for a second directory."""
    check_identity(connection, row)
    release_directory(connection, row)
    known = projects.get_project(connection, row.token)
    if known is None:
        projects.save_project(connection, row)
    elif (row.name, row.directory, row.runner) != (known.name, known.directory, known.runner):
        if row.runner != known.runner:
            refuse_unfinished(connection, row.token)
        projects.save_project(connection, row)


def release_directory(connection: sqlite3.Connection, row: ProjectRow) -> None:
    """Another token was in this directory's config before: its history stays, without a directory; its schedules pause
    as if the directory had vanished, for what they would run is this project's now.
    """
    other = projects.project_at(connection, row.directory)
    if other is not None and other.token != row.token:
        projects.save_project(connection, replace(other, directory=""))
        problem = f"{row.directory} is {row.name}'s now ({row.token}): the schedules pause until it has one of its own"
        projects.set_problem(connection, other.token, problem)


def cancel_tasks(
    connection: sqlite3.Connection, run_id: int, project: Project, words: Sequence[str], by: str
) -> list[str]:
    """Mark a run, or some of its tasks, as cancelled; what follows is the planner's. Raises Refusal."""
    run = runs.get_run(connection, run_id)
    assert run is not None
    if run.state.finished:
        raise Refusal("finished", f"run {run_id} has ended already: {run.state.value}")
    unfinished: Mapping[str, object] = {
        task.job_id: task for task in runs.tasks_of(connection, run_id) if not task.state.finished
    }
    if not words:
        runs.update_run(connection, replace(run, cancelled_by=run.cancelled_by or by))
        return list(unfinished)
    wanted = set()
    for word in words:
        found = [job.id for job in project.find(word) if job.id in unfinished]
        if not found:
            raise Refusal("unknown-job", f"no unfinished job {word!r} in run {run_id}", USAGE)
        wanted.update(found)
    for task in runs.tasks_of(connection, run_id):
        if task.job_id in wanted:
            runs.update_task(connection, replace(task, cancelled_by=task.cancelled_by or by))
    note_change(connection, "run", run_id)
    return [job.id for job in project.jobs if job.id in wanted]
