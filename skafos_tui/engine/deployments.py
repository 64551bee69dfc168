"""Deployments: a snapshot of config and code, and the images made from it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import re
import sqlite3
import tarfile
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from skafos_tui.config.reader import ReadResult
from skafos_tui.engine.activation import image_failed, image_ready
from skafos_tui.engine.books import Books
from skafos_tui.engine.ledger import runner_of
from skafos_tui.engine.snapshots import missing_file, write_archive
from skafos_tui.model.project import Project, SegmentKind
from skafos_tui.model.run import Deployment, DeploymentState
from skafos_tui.runners.base import BuildFailed, ImageRequest, RunnerError, RunnerUnreachable
from skafos_tui.store import activations, projects, runs
from skafos_tui.store.disk import is_full
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import format_line
from skafos_tui.store.logs.writer import LogWriter
from skafos_tui.store.working_tree import ConfigChanged, Snapshot, SnapshotError, take_snapshot

log = logging.getLogger(__name__)
T = TypeVar("T")
STEP_INTERVAL_S = 1.0
SNAPSHOT_LOOKS = 4
"""How often files are copied again that changed meanwhile."""
SNAPSHOT_PAUSE_S = 0.1
HELD_S = 60.0
"""How long the archive of a candidate stays of which no deployment was made yet."""


class Host(Books, Protocol):
    """What deployments need of the engine."""

    def schedules_changed(self, project: str) -> None:
        """Another deployment of a project may have become active."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A config and the files beside it, on disk as an archive, ready to become a deployment."""

    project: Project
    config: str
    config_digest: str
    snapshot: Snapshot
    missing: Mapping[str, str]


def prepare(
    home: Home,
    directory: Path,
    read: ReadResult,
    project: Project,
    hold: Callable[[Path], None] = lambda _: None,
) -> Candidate:
    """Snapshot the working tree and write its archive. Raises SnapshotError. Blocking.

    Raises ConfigChanged where the config among the files is not the one that was read: never a new config with old
    files, or the other way round. `hold` is told of the archive before it is looked for: it may be there already, and
    must not go now.
    """
    for looks_left in reversed(range(SNAPSHOT_LOOKS)):
        try:
            snapshot = take_snapshot(directory)
            if snapshot.config not in ("", hashlib.sha256(read.data).hexdigest()):
                raise ConfigChanged("the config was saved while the files were copied: run it again")
            archive = home.code(project.token, snapshot.digest)
            hold(archive)
            write_archive(snapshot, archive)
            break
        except ConfigChanged:
            raise
        except SnapshotError:
            if not looks_left:
                raise
            time.sleep(SNAPSHOT_PAUSE_S)
    paths = frozenset(snapshot.paths)
    missing = {
        job.id: segment.path
        for job in project.jobs
        for segment in reversed(job.segments)
        if segment.kind is not SegmentKind.COMMAND and segment.path and missing_file(paths, segment.path)
    }
    return Candidate(project, read.text, hashlib.sha256(read.text.encode()).hexdigest(), snapshot, missing)


class Deployments:
    """Makes the images of deployments, each once however many wait for it."""

    def __init__(self, books: Host, default_image: str | None) -> None:
        self._books = books
        self._default_image = default_image
        self._builds: dict[int, asyncio.Task[None]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="files")
        self._copying: dict[str, set[Future[Candidate]]] = {}
        self._held: dict[Path, float] = {}
        self._holding = threading.Lock()

    async def prepare(self, directory: Path, read: ReadResult, project: Project) -> Candidate:
        """`prepare` on a thread of its own."""
        copying = self._threads.submit(prepare, self._books.home, directory, read, project, self._hold)
        of_project = self._copying.setdefault(project.token, set())
        of_project.add(copying)
        copying.add_done_callback(of_project.discard)
        return await asyncio.wrap_future(copying)

    async def stop_copying(self, token: str) -> None:
        """Have no files of a project copied any more; a copy that has begun is waited for."""
        for copying in list(self._copying.get(token, ())):
            if not copying.cancel():
                await asyncio.gather(asyncio.wrap_future(copying), return_exceptions=True)
        self._copying.pop(token, None)

    def _hold(self, archive: Path) -> None:
        now = time.monotonic()
        with self._holding:
            self._held = {path: until for path, until in self._held.items() if until > now}
            self._held[archive] = now + HELD_S

    def release(self, candidate: Candidate) -> None:
        """No deployment will be made of a candidate: its archive may go."""
        with self._holding:
            self._held.pop(self._books.home.code(candidate.project.token, candidate.snapshot.digest), None)

    def drop_archive(self, archive: Path) -> bool:
        """Remove an archive that no deployment names any more, unless one is just being made of the same files;
        whether it is gone. To be called inside a closure of the store, so that no deployment is recorded meanwhile.
        """
        with self._holding:
            if self._held.get(archive, 0.0) > time.monotonic():
                return False
            archive.unlink(missing_ok=True)
            return True

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Any short work on files, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def record(self, connection: sqlite3.Connection, candidate: Candidate, now: float) -> int:
        """The newest deployment if nothing changed since, else a new one, in state `building`."""
        token = candidate.project.token
        # From this transaction on the deployment itself keeps the archive.
        self.release(candidate)
        same = projects.same_deployment(connection, token, candidate.config_digest, candidate.snapshot.digest)
        if same is not None:
            return same.id
        return projects.insert_deployment(
            connection,
            project=token,
            config=candidate.config,
            config_digest=candidate.config_digest,
            code_digest=candidate.snapshot.digest,
            missing=candidate.missing,
            now=now,
        )

    def try_again(self, connection: sqlite3.Connection, deployment_id: int) -> None:
        """Let a deployment whose images could not be made be built once more: somebody retries a run of it."""
        projects.try_failed_again(connection, deployment_id)

    def ensure(self, deployment_id: int, project: Project) -> asyncio.Task[None]:
        """Build a deployment that is `building`; the one task that does it."""
        task = self._builds.get(deployment_id)
        if task is None or task.done():
            task = asyncio.create_task(self._build(deployment_id, project), name=f"build-{deployment_id}")
            self._builds[deployment_id] = task
            task.add_done_callback(lambda done: self._built(deployment_id, done))
        return task

    def _built(self, deployment_id: int, task: asyncio.Task[None]) -> None:
        if self._builds.get(deployment_id) is task:
            del self._builds[deployment_id]
        if task.cancelled() or (error := task.exception()) is None:
            return
        if is_full(error):
            log.warning("the image step of deployment %d waits for room on the disk: %s", deployment_id, error)
        else:
            log.error("the image step of deployment %d failed; it begins again", deployment_id, exc_info=error)

    async def rebuild(self, deployment_id: int, project: Project) -> None:
        """Make the images of a ready deployment again, from its archive: they were pruned."""
        if deployment_id not in self._builds:
            await self._books.commit("rebuild", lambda c: projects.deployment_rebuilding(c, deployment_id))
        await asyncio.shield(self.ensure(deployment_id, project))

    async def cancel(self, deployment_id: int, project: Project) -> None:
        """End a build that nothing waits for any more; the next run of the same files begins it anew."""
        task = self._builds.get(deployment_id)
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not await self._books.commit("build_cancelled", lambda c: cancel_building(c, deployment_id)):
            # A run has come to wait for it meanwhile.
            self.ensure(deployment_id, project)

    async def close(self) -> None:
        """End all builds; the next engine begins them again."""
        tasks = list(self._builds.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _build(self, deployment_id: int, project: Project) -> None:
        deployment = await self._books.commit("build", lambda c: projects.get_deployment(c, deployment_id))
        if deployment is None or deployment.state is not DeploymentState.BUILDING:
            return
        build_log = _BuildLog(self._books, deployment)
        try:
            images, packages = await self._make_images(deployment, project, build_log)
        except (RunnerError, OSError, EOFError, tarfile.TarError, zlib.error) as error:
            if is_full(error):
                # It begins again when the engine looks around, until there is room.
                raise
            message = str(error) if isinstance(error, BuildFailed) else f"the image step failed: {error}"
            build_log.line(message)
            await self._books.commit("build_failed", lambda c: self._failed(c, deployment_id, message))
        else:
            now = time.time()
            await self._books.commit(
                "build_ready",
                lambda c: self._ready(c, deployment_id, images, packages, now),
            )
            self._books.schedules_changed(deployment.project)
        finally:
            build_log.close()

    def _ready(
        self, connection: sqlite3.Connection, deployment_id: int, images: Mapping[str, str], packages: str, now: float
    ) -> None:
        projects.deployment_ready(connection, deployment_id, images, packages, now)
        image_ready(connection, self._books.config, deployment_id, now)

    def _failed(self, connection: sqlite3.Connection, deployment_id: int, message: str) -> None:
        projects.deployment_failed(connection, deployment_id, message)
        image_failed(connection, deployment_id, message, time.time())

    async def _make_images(
        self, deployment: Deployment, project: Project, build_log: _BuildLog
    ) -> tuple[dict[str, str], str]:
        """The image of each job and the packages in them; jobs of one base share one."""
        kind = await self._books.read(lambda c: runner_of(c, deployment.project))
        link = self._books.link(kind)
        archive = self._books.home.code(deployment.project, deployment.code_digest)
        requirements = await self.in_thread(lambda: _whole_requirements(archive))
        bases = {job.id: job.image or project.image or self._default_image for job in project.jobs}
        made: dict[str | None, str] = {}
        packages: list[str] = []
        for base in dict.fromkeys(bases.values()):
            request = ImageRequest(deployment.project, base, requirements, archive, deployment.code_digest)
            while True:
                try:
                    image = await link.runner.build(request, build_log.line)
                    break
                except RunnerUnreachable as error:
                    build_log.line(str(error))
                    await link.insist(link.runner.info)
            made[base] = image.reference
            packages.append(image.packages)
        return {job_id: made[base] for job_id, base in bases.items()}, "\n".join(packages)


def cancel_building(connection: sqlite3.Connection, deployment_id: int) -> bool:
    """Give up a deployment that is still being built; False where a run has come to wait for it meanwhile."""
    deployment = projects.get_deployment(connection, deployment_id)
    waiting = is_wanted(connection, deployment_id)
    if deployment is not None and deployment.state is DeploymentState.BUILDING and not waiting:
        projects.deployment_failed(connection, deployment_id, "cancelled: no run waited for it any more")
    return not waiting


def is_wanted(connection: sqlite3.Connection, deployment_id: int) -> bool:
    """Whether a run or an activation waits for a deployment, or runs on it."""
    return any(run.deployment == deployment_id for run in runs.unfinished_runs(connection)) or any(
        activation.deployment == deployment_id for activation in activations.waiting_activations(connection)
    )


def _whole_requirements(archive: Path) -> bytes | None:
    """`requirements_in` of an archive that is whole. One that is damaged is removed: the next snapshot of the same
    files writes it anew. Raises BuildFailed, OSError. Blocking.
    """
    try:
        with gzip.open(archive) as content:
            # To its end, where the checksum is: junk may well unpack to something.
            while content.read(1 << 20):
                pass
        return requirements_in(archive)
    except (gzip.BadGzipFile, EOFError, tarfile.TarError, zlib.error) as error:
        archive.unlink()
        raise BuildFailed(
            f"the code archive {archive} was damaged ({error}); run or deploy the project's files again"
        ) from error


def requirements_in(archive: Path) -> bytes | None:
    """The requirements.txt of a code archive without the lines that the built-in SDK satisfies."""
    with tarfile.open(archive, "r:gz") as files:
        try:
            member = files.extractfile("requirements.txt")
        except KeyError:
            return None
        content = member.read() if member is not None else b""
    return without_sdk(content)


def without_sdk(requirements: bytes) -> bytes | None:
    """Requirements less every line that asks for `skafossdk`; None where nothing is left to install."""
    kept = [line for line in requirements.splitlines(keepends=True) if not _names_sdk(line)]
    wanted = [line for line in kept if line.strip() and not line.strip().startswith(b"#")]
    return b"".join(kept) if wanted else None


def _names_sdk(line: bytes) -> bool:
    """`skafossdk`, `skafossdk==1.2`, `skafossdk[x] >= 1`; git and file addresses that end in its name as well."""
    text = line.decode("utf-8", "replace").strip().lower().replace("_", "-")
    for option in ("-e ", "--editable "):
        text = text.removeprefix(option).strip()
    before, _, after = text.partition("://")
    if after and "@" not in before:
        path, _, fragment = after.partition("#")
        last = path.rstrip("/").rsplit("/", 1)[-1].split("@", 1)[0].removesuffix(".git")
        return "egg=skafossdk" in fragment.split("&") or re.fullmatch(r"skafossdk(-[0-9].*)?", last) is not None
    return re.match(r"skafossdk\s*($|[=<>~!;@\[#])", text) is not None


class _BuildLog:
    """The log of an image step: every line to its file, the last one to the store, once a second at most."""

    def __init__(self, books: Host, deployment: Deployment) -> None:
        path = books.home.build_log(deployment.project, deployment.id)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._books = books
        self._deployment = deployment.id
        self._writer = LogWriter(path)
        self._loop = asyncio.get_running_loop()
        self._told = 0.0
        self._lock = threading.Lock()
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    def line(self, text: str) -> None:
        """Take one line, on any thread; a build that was cancelled may still have something to say."""
        with self._lock:
            if self._closed:
                return
            try:
                self._writer.append(format_line(time.time_ns(), text.encode("utf-8", "replace")))
            except OSError as error:
                # The lines stay in memory; an image is not given up for the log of its making.
                log.warning("%s", error)
            now = time.monotonic()
            if now - self._told >= STEP_INTERVAL_S:
                self._told = now
                self._loop.call_soon_threadsafe(self._tell, text)

    def _tell(self, text: str) -> None:
        if not self._closed:
            task = self._loop.create_task(self._step(text.strip()[:120]))
            self._tasks.add(task)
            task.add_done_callback(self._stepped)

    def _stepped(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("the step of a build is not shown: %s", error)

    async def _step(self, text: str) -> None:
        await self._books.commit("build_step", lambda c: projects.deployment_step(c, self._deployment, text))

    def close(self) -> None:
        """Flush the file; nothing is taken from now on."""
        with self._lock:
            self._closed = True
            try:
                self._writer.close()
            except OSError as error:
                log.warning("%s", error)
