"""Hot reload: a saved config is validated, its plan recorded, and becomes active once its image is there (SPEC 3)."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from skafos_tui.config.files import DirectoryFiles, Machine
from skafos_tui.config.reader import CONFIG_NAME, ConfigUnreadable, ReadResult, find_config, parse_config, read_bytes
from skafos_tui.config.settings import Settings
from skafos_tui.engine.activation import activate_if_ready, plan_for
from skafos_tui.engine.books import Books
from skafos_tui.engine.deployments import Candidate, Deployments
from skafos_tui.engine.watch import ConfigWatch, Sighting, SightingKind
from skafos_tui.model.run import Activation, ActivationKind, ActivationState
from skafos_tui.store import activations, projects, schedules
from skafos_tui.store.disk import is_full
from skafos_tui.store.projects import ProjectRow
from skafos_tui.store.working_tree import ConfigChanged, SnapshotError

log = logging.getLogger(__name__)
T = TypeVar("T")

ROOM_RETRY_S = 2.0
"""How long after a full disk kept it from copying files a reload is tried again."""


class Host(Books, Protocol):
    """What hot reload needs of the engine."""

    settings: Settings
    deployments: Deployments

    def machine(self, runner: str) -> Machine:
        """What the machine behind a runner can give."""
        ...


class Reload:
    """Watches the configs of all projects; `refresh` is told of projects whose schedules changed."""

    def __init__(self, books: Host, refresh: Callable[[str], None]) -> None:
        self._books = books
        self._refresh = refresh
        self._watch = ConfigWatch(self.sighted)
        self._workers: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Watch every project that has a directory, and go on with reloads that a killed engine left."""
        for row in await self._books.read(projects.list_projects):
            self.follow(row)
        for activation in await self._books.read(activations.waiting_activations):
            if activation.deployment is None:
                self._work(activation.project)

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            await self._watch.run()
        finally:
            for worker in self._workers.values():
                worker.cancel()
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    def follow(self, row: ProjectRow) -> None:
        """Watch a project's directory from now on; what was seen of it is in its row."""
        if row.directory:
            self._watch.watch(row.token, Path(row.directory), row.seen, gone=bool(row.problem))
        else:
            self._watch.forget(row.token)

    def forget(self, token: str) -> None:
        """The project is gone."""
        self._watch.forget(token)
        worker = self._workers.pop(token, None)
        if worker is not None:
            worker.cancel()

    async def sighted(self, sighting: Sighting) -> None:
        """Act on what the watch saw; called one at a time for each project."""
        row = await self._books.read(lambda c: projects.get_project(c, sighting.project))
        if row is None:
            return
        if sighting.kind is SightingKind.CHANGED:
            await self._changed(row, sighting)
            return
        problems = {
            SightingKind.DIRECTORY_GONE: f"{row.directory} is gone: its schedules pause until it is back",
            SightingKind.CONFIG_GONE: "",
            SightingKind.DIRECTORY_BACK: "",
        }
        problem, now = problems[sighting.kind], time.time()
        if sighting.kind is SightingKind.CONFIG_GONE:
            log.warning("%s: %s is gone; what is deployed stays", row.directory, CONFIG_NAME)

        def apply(connection: sqlite3.Connection) -> None:
            known = projects.get_project(connection, sighting.project)
            if known is None or known.problem == problem:
                return
            projects.set_problem(connection, sighting.project, problem)
            if not problem:
                # As after a pause: slots of that time are nobody's.
                schedules.skip_to(connection, sighting.project, now)

        await self._books.commit("directory", apply, ())
        self._refresh(sighting.project)

    async def _changed(self, row: ProjectRow, sighting: Sighting) -> None:
        settings, machine = self._books.settings, self._books.machine(row.runner)
        result: ReadResult = await self._books.deployments.in_thread(
            lambda: parse_config(
                sighting.content,
                files=DirectoryFiles(row.directory),
                machine=machine,
                max_cpu=settings.max_cpu,
                max_memory=settings.max_memory,
            )
        )
        now = time.time()
        waits = await self._books.commit("reload", lambda c: self._record(c, row.seen, sighting, result, now), ())
        if waits:
            self._work(sighting.project)

    def _record(
        self, connection: sqlite3.Connection, seen: str, sighting: Sighting, result: ReadResult, now: float
    ) -> bool:
        """Write what a sighting means; whether a reload waits for its files now.

        `seen` is what had been seen before it: where a deploy or a rollback has looked at the file meanwhile, the
        sighting is an older one, and the watch looks again.
        """
        row = projects.get_project(connection, sighting.project)
        if row is None or row.seen != seen or seen == sighting.digest:
            return False
        projects.set_seen(connection, row.token, sighting.digest)
        if row.problem:
            projects.set_problem(connection, row.token, "")
        findings = findings_of(row, result)
        if not findings and row.active is None and not activations.waiting_activations(connection, row.token):
            # Nothing is deployed: a valid config has no one to tell.
            return False
        plan = "{}"
        if not findings:
            assert result.project is not None
            plan = plan_for(connection, self._books.config, row.token, result.project, now)
            for waiting in activations.waiting_activations(connection, row.token):
                if waiting.kind is ActivationKind.RELOAD and waiting.deployment is None:
                    state, error = ActivationState.SUPERSEDED, "the config was saved again before its files were copied"
                    activations.decide_activation(connection, waiting.id, state, now, error)
        activations.insert_activation(
            connection,
            project=row.token,
            kind=ActivationKind.RELOAD,
            state=ActivationState.INVALID if findings else ActivationState.WAITING,
            deployment=None,
            previous=row.active,
            request_id=f"reload/{secrets.token_hex(8)}",
            now=now,
            config_digest=sighting.digest,
            plan=plan,
            findings=findings,
        )
        return not findings

    def _work(self, token: str) -> None:
        """See to it that somebody copies files for the waiting reloads of a project."""
        worker = self._workers.get(token)
        if worker is None or worker.done():
            self._workers[token] = asyncio.create_task(self._take_waiting(token), name=f"reload {token}")

    async def _take_waiting(self, token: str) -> None:
        """Copy files and make images for the newest waiting reload, one after another: a storm of edits costs one
        image at a time, and the last one is always made.
        """
        while (activation := await self._books.read(lambda c: newest_without_files(c, token))) is not None:
            try:
                build = await self._snapshot(activation)
            except (SnapshotError, ConfigUnreadable, sqlite3.Error, OSError) as error:
                if is_full(error):
                    # Nobody saves the file again because there is room again.
                    log.warning("reload %d of %s waits for room: %s", activation.id, token, error)
                    await asyncio.sleep(ROOM_RETRY_S)
                    continue
                log.error("reload %d of %s: %s", activation.id, token, error)
                await self._fail(activation, str(error))
                continue
            if build is not None:
                await asyncio.gather(asyncio.shield(build), return_exceptions=True)
                self._refresh(token)

    async def _fail(self, activation: Activation, error: str) -> None:
        now, state = time.time(), ActivationState.FAILED
        await self._books.commit(
            "reload_failed", lambda c: activations.decide_activation(c, activation.id, state, now, error), ()
        )

    async def _snapshot(self, activation: Activation) -> asyncio.Task[None] | None:
        """Copy the files of a waiting reload and record its deployment; the task that makes its image.

        None where the config has been saved again: that reload is coming, this one is superseded.
        """
        row = await self._books.read(lambda c: projects.get_project(c, activation.project))
        assert row is not None
        directory = Path(row.directory)
        candidate = await self._candidate(directory, activation.config_digest)
        now = time.time()
        if candidate is None:
            await self._books.commit("reload_failed", lambda c: _give_way(c, activation, now), ())
            row = await self._books.read(lambda c: projects.get_project(c, activation.project))
            if row is not None:
                self.follow(row)
            return None

        def apply(connection: sqlite3.Connection) -> int | None:
            current = activations.get_activation(connection, activation.id)
            if current is None or current.state is not ActivationState.WAITING:
                return None
            deployment = self._books.deployments.record(connection, candidate, now)
            activations.activation_snapshot(connection, activation.id, deployment)
            activate_if_ready(connection, self._books.config, activation.id, now)
            return deployment

        deployment = await self._books.commit("reload_snapshot", apply)
        if deployment is None:
            self._books.deployments.release(candidate)
            return None
        self._refresh(activation.project)
        return self._books.deployments.ensure(deployment, candidate.project)

    async def _candidate(self, directory: Path, digest: str) -> Candidate | None:
        """The working tree with the config of this digest; None where another one stands there."""

        def read() -> bytes:
            path = find_config(directory)
            return read_bytes(path) if path is not None else b""

        data = await self._books.deployments.in_thread(read)
        if hashlib.sha256(data).hexdigest() != digest:
            return None
        settings = self._books.settings
        result = parse_config(data, max_cpu=settings.max_cpu, max_memory=settings.max_memory)
        if result.project is None:
            raise ConfigUnreadable(f"{CONFIG_NAME} has become invalid")
        try:
            candidate = await self._books.deployments.prepare(directory, result, result.project)
        except ConfigChanged:
            return None
        again = await self._books.deployments.in_thread(read)
        if again != data:
            self._books.deployments.release(candidate)
            return None
        return candidate


def _give_way(connection: sqlite3.Connection, activation: Activation, now: float) -> None:
    """The config is not that of a waiting reload any more: what stands there is looked at as if nothing was seen.

    Else a config that comes back to what it was, after a moment that nobody saw, would be neither new nor active.
    """
    error = "the config was saved again before its files were copied"
    activations.decide_activation(connection, activation.id, ActivationState.SUPERSEDED, now, error)
    row = projects.get_project(connection, activation.project)
    newest = next(iter(activations.list_activations(connection, activation.project, 1)), activation)
    if row is not None and row.seen == activation.config_digest and newest.id == activation.id:
        projects.set_seen(connection, row.token, "")


def newest_without_files(connection: sqlite3.Connection, token: str) -> Activation | None:
    """The newest waiting reload of a project whose files are not copied yet."""
    found = [a for a in activations.waiting_activations(connection, token) if a.deployment is None]
    return found[-1] if found else None


def findings_of(row: ProjectRow, result: ReadResult) -> list[str]:
    """Why a saved config can't become active, one line each; none where it can."""
    if result.project is None:
        return [item.render(CONFIG_NAME) for item in result.diagnostics]
    if result.project.token != row.token:
        return [
            f"the token is now {result.project.token}, this project's is {row.token}:"
            " put it back, or `skafos deploy` this directory as another project"
        ]
    if result.project.add_ons:
        names = ", ".join(add_on.name for add_on in result.project.add_ons)
        return [f"{row.name} asks for the add-on {names}, which is not there yet"]
    return []
