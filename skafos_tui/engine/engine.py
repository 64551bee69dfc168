"""The engine: the one process that decides and acts; its life, its commits, what people ask of it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from skafos_tui.config.files import Machine
from skafos_tui.config.settings import Settings
from skafos_tui.engine import alerting
from skafos_tui.engine.collector import on_thread
from skafos_tui.engine.deployments import Deployments, is_wanted
from skafos_tui.engine.giving_up import GivingUp
from skafos_tui.engine.ledger import Consequences, Ledger, runner_of
from skafos_tui.engine.links import PROBE_S, Link
from skafos_tui.engine.reload import Reload
from skafos_tui.engine.room import LOOK_S, Room
from skafos_tui.engine.sampler import Sampler
from skafos_tui.engine.scheduler import Scheduler
from skafos_tui.engine.supervisor import Supervisor
from skafos_tui.engine.surroundings import Surroundings, drop_directory
from skafos_tui.model.project import Project
from skafos_tui.model.run import Attempt, AttemptState
from skafos_tui.runners.base import Phase, Runner, RunnerError
from skafos_tui.store import projects, runs
from skafos_tui.store.database import Writer, get_meta, last_change, set_meta
from skafos_tui.store.disk import is_full
from skafos_tui.store.home import Home
from skafos_tui.store.metrics_writer import MetricsWriter
from skafos_tui.store.projects import ProjectRow

log = logging.getLogger(__name__)
T = TypeVar("T")

RECONCILE_S = 5.0
"""How often the containers are compared with the store, whatever the event stream says (DESIGN 4.4)."""
GRACE_S = 10.0
"""Between SIGTERM and SIGKILL, as `docker stop` has it."""
ENGINE_ID = "engine"


class Engine:
    """Commits events, advances runs, supervises attempts. One event loop; all decisions happen in the ledger."""

    def __init__(
        self, home: Home, settings: Settings, writer: Writer, runners: Iterable[Runner], *, grace_s: float = GRACE_S
    ) -> None:
        """`runners` in order of preference: a project that names none gets the first that answers."""
        self.home = home
        self.settings = settings
        self.links: Mapping[str, Link] = {runner.kind: Link(runner, self._link_changed) for runner in runners}
        self.network = settings.network
        self.log_cap = settings.log_cap
        self.grace_s = grace_s
        self.id = ""
        self.started_at = time.time()
        self.room = Room(home.path)
        self.metrics = MetricsWriter(home.metrics_database)
        self.sampler = Sampler(self.metrics, lambda: not self.room.problem)
        self.deployments = Deployments(self, settings.image)
        self.scheduler = Scheduler(self)
        self.reload = Reload(self, self.scheduler.refresh)
        self._giving_up = GivingUp(self)
        self._writer = writer
        self._ledger = Ledger("", self.links)
        self._supervisors: dict[str, Supervisor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._commits: set[asyncio.Task[Any]] = set()
        self._behind = False
        self._wake: asyncio.TimerHandle | None = None
        self._closed = False

    async def start(self) -> None:
        """Take up what the last engine left: every attempt without an end has a supervisor when this returns."""
        self.id = await self._writer.transact("engine", _engine_id)
        self._ledger.engine = self.id
        for link in self.links.values():
            await link.open()
        for attempt in await self._writer.read(runs.uncollected_attempts):
            self._supervise(attempt)
        await self._recover()
        await self._resume_builds()
        await self._drop_directories()
        self.metrics.keep(row.token for row in await self._writer.read(projects.list_projects))
        await self.scheduler.start()
        await self.reload.start()
        self._background(self._again_and_again(self.scheduler.run), "schedules")
        self._background(self._again_and_again(self.reload.run), "hot reload")
        self._background(self._again_and_again(self._giving_up.run), "old deployments")
        self._background(self._again_and_again(self._watch_room), "room on the disk")
        for link in self.links.values():
            self._background(self._again_and_again(partial(link.watch, self.id, self._nudge)), f"{link.kind} events")
            self._background(self._again_and_again(link.probe), f"{link.kind} probe")
            self._background(self._again_and_again(partial(self._reconcile, link)), f"{link.kind} reconcile")

    async def close(self) -> None:
        """End the engine; containers are not touched."""
        self._closed = True
        if self._wake is not None:
            self._wake.cancel()
        await self.deployments.close()
        for supervisor in self._supervisors.values():
            supervisor.abandon()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._commits, return_exceptions=True)
        await on_thread(self.sampler.close, "metrics end")
        for link in self.links.values():
            await link.runner.close()
        await self._writer.close()

    async def commit(
        self, name: str, apply: Callable[[sqlite3.Connection], T], touched: Iterable[int] | None = None
    ) -> T:
        """One durable transaction: an event, and all that follows from it in the books; then act on it.

        `touched` are the runs it concerns (None: all). `apply` may refuse by raising; then nothing is written.
        Once begun it is seen through, also when whoever waits for it is cancelled: what is durable must be acted on.
        """
        task = asyncio.create_task(self._commit(name, apply, touched), name=f"commit {name}")
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return await asyncio.shield(task)

    async def _commit(self, name: str, apply: Callable[[sqlite3.Connection], T], touched: Iterable[int] | None) -> T:
        now = time.time()

        def work(connection: sqlite3.Connection) -> tuple[T, Consequences]:
            result = apply(connection)
            return result, self._ledger.settle(connection, touched, now)

        try:
            result, consequences = await self._writer.transact(name, self._alerted(work, now), self._ledger.forget)
        except sqlite3.Error as error:
            self._behind = True
            if is_full(error):
                self.disk_is_full(f"{self.home.state_database}: {error}")
            raise
        self._act(consequences)
        return result

    async def record(self, name: str, apply: Callable[[sqlite3.Connection], T]) -> T:
        """One durable transaction from which nothing follows until the next `commit`."""
        return await self._writer.transact(name, self._alerted(apply, time.time()), self._ledger.forget)

    def _alerted(self, work: Callable[[sqlite3.Connection], T], now: float) -> Callable[[sqlite3.Connection], T]:
        """The work of a transaction, with the alerts that follow from it in the same one."""

        def both(connection: sqlite3.Connection) -> T:
            since = last_change(connection)
            result = work(connection)
            alerting.follow(connection, self._ledger, since, now)
            return result

        return both

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """A reading closure that sees every commit before it."""
        return await self._writer.read(work)

    def config(self, connection: sqlite3.Connection, deployment: int) -> Project:
        """The project of a deployment, for use in a reading or writing closure."""
        return self._ledger.config(connection, deployment)

    def link(self, kind: str) -> Link:
        """The link to the runner of this kind."""
        return self.links[kind]

    async def surroundings(self, attempt: Attempt) -> Surroundings:
        """All that is recorded about an attempt."""

        def load(connection: sqlite3.Connection) -> Surroundings:
            run = runs.get_run(connection, attempt.run_id)
            assert run is not None
            deployment = projects.get_deployment(connection, run.deployment)
            assert deployment is not None
            project = self._ledger.config(connection, run.deployment)
            task = next(t for t in runs.tasks_of(connection, run.id) if t.job_id == attempt.job_id)
            return Surroundings(
                engine=self.id,
                runner=runner_of(connection, run.project),
                run=run,
                task=task,
                attempt=attempt,
                deployment=deployment,
                project=project,
                job=project.job(attempt.job_id),
                variables=projects.list_variables(connection, run.project),
            )

        return await self._writer.read(load)

    async def images_again(self, around: Surroundings) -> bool:
        """Make the images of the attempt's deployment again if they are gone; whether they were."""
        reference = around.deployment.images.get(around.job.id)
        link = self.link(around.runner)
        if reference is not None and await link.insist(lambda: link.runner.has_image(reference)):
            return False
        await self.deployments.rebuild(around.deployment.id, around.project)
        return True

    def disk_is_full(self, message: str) -> None:
        """Tell that new work must wait for space."""
        self.room.failed(message)

    async def paused(self, attempt: Attempt, paused: bool) -> None:
        """Somebody has paused a container, or let it go on: its task says so."""
        others = self._ledger.paused - {attempt.name}
        self._ledger.paused = others | {attempt.name} if paused else others
        await self.commit("timer", lambda _: None, (attempt.run_id,))

    def machine(self, runner: str) -> Machine:
        """What the machine behind a runner can give, for checks of a config."""
        capacity = self.link(runner).capacity
        return Machine(cpu=capacity.cpu or 1.0, memory=capacity.memory or 0)

    def schedules_changed(self, project: str) -> None:
        """Another deployment of a project may have become active."""
        self.scheduler.refresh(project)
        self._giving_up.look()

    def project_changed(self, row: ProjectRow) -> None:
        """A project is new, or its directory has changed."""
        self.reload.follow(row)
        self.scheduler.refresh(row.token)

    def project_forgotten(self, token: str) -> None:
        """A project is gone."""
        self.metrics.forget(token)
        self.reload.forget(token)
        self.scheduler.refresh(token)

    def build(self, deployment_id: int, project: Project) -> None:
        """See to it that a deployment's images get made."""
        self.deployments.ensure(deployment_id, project)

    def _act(self, consequences: Consequences) -> None:
        """What a commit asks for, after it is durable."""
        for attempt in consequences.start:
            self._supervise(attempt)
        for name in consequences.stop:
            supervisor = self._supervisors.get(name)
            if supervisor is not None:
                self._background(self._pass_stop(supervisor), f"stop {name}")
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if consequences.wake_at is not None and not self._closed:
            delay = max(0.0, consequences.wake_at - time.time())
            # Slept in short pieces: the wall clock may be set, and timers don't run while a machine sleeps.
            self._wake = asyncio.get_running_loop().call_later(min(delay, 30.0), self._look_again)

    def _look_again(self) -> None:
        self._background(self.commit("timer", lambda _: None), "timer")

    async def _pass_stop(self, supervisor: Supervisor) -> None:
        """Hand a recorded stop to its supervisor."""
        attempt = await self._writer.read(lambda c: runs.get_attempt(c, supervisor.name))
        if attempt is not None and attempt.stop is not None:
            supervisor.stop(attempt.stop)

    def _supervise(self, attempt: Attempt) -> None:
        if attempt.name in self._supervisors or self._closed:
            return
        supervisor = Supervisor(self, attempt)
        self._supervisors[attempt.name] = supervisor
        self._background(self._run_supervisor(supervisor), f"attempt {attempt.name}")

    async def _run_supervisor(self, supervisor: Supervisor) -> None:
        try:
            await supervisor.run()
        finally:
            self._supervisors.pop(supervisor.name, None)
            self._ledger.paused -= {supervisor.name}

    def _background(self, work: Awaitable[None], name: str) -> None:
        task = asyncio.ensure_future(work)
        if isinstance(task, asyncio.Task):
            task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None or self._closed:
            return
        if is_full(error):
            log.warning("waits for room on the disk: %s", error)
        else:
            log.error("a task of the engine failed", exc_info=error)

    async def _resume_builds(self) -> None:
        """Build what unfinished runs and activations wait for."""

        def load(connection: sqlite3.Connection) -> list[tuple[int, Project]]:
            building = [d for d in projects.building_deployments(connection) if is_wanted(connection, d.id)]
            return [(d.id, self._ledger.config(connection, d.id)) for d in building]

        for deployment_id, project in await self._writer.read(load):
            self.build(deployment_id, project)

    async def _drop_directories(self) -> None:
        """Remove what a killed engine left of the directories of attempts that are over: secrets may be in them."""
        present = {path.name for path in self.home.attempt("").glob("*")}

        def over(connection: sqlite3.Connection) -> set[str]:
            return present - {attempt.name for attempt in runs.uncollected_attempts(connection)}

        for name in await self._writer.read(over) if present else ():
            drop_directory(self.home, name)

    async def _link_changed(self, link: Link) -> None:
        """A runner has stopped answering, or answers again."""
        if link.problem:
            await self.commit("runner_lost", lambda _: None)
            return
        for supervisor in self._supervisors.values():
            supervisor.nudge()
        await self.commit("runner_found", lambda _: None)

    async def _recover(self) -> None:
        """Decide what became due while no engine was there; where the disk is full that waits for room."""
        self._look_at_room()
        try:
            await self.commit("recovery", lambda _: None)
        except sqlite3.Error as error:
            if not is_full(error):
                raise

    def _look_at_room(self) -> bool:
        changed = self.room.look()
        self._ledger.shortage = self.room.problem
        return changed

    async def _watch_room(self) -> None:
        await asyncio.sleep(LOOK_S)
        if self._look_at_room():
            await self.commit("timer", lambda _: None)

    async def _again_and_again(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """One round after another; one that fails (the disk is full, say) is told, and the next comes all the same."""
        while True:
            try:
                await work()
            except (RunnerError, sqlite3.Error, OSError) as error:
                log.error("the engine's upkeep: %r", error)
                await asyncio.sleep(PROBE_S)

    def _nudge(self, name: str) -> None:
        """Look at one attempt, or at all of them."""
        if name:
            supervisor = self._supervisors.get(name)
            if supervisor is not None:
                supervisor.nudge()
            return
        for supervisor in self._supervisors.values():
            supervisor.nudge()

    async def _reconcile(self, link: Link) -> None:
        await asyncio.sleep(RECONCILE_S)
        await self.reconcile(link)

    async def reconcile(self, link: Link) -> None:
        """What there is against what should be (DESIGN 4.4), and whatever failed on the way is begun again.

        Nudges the supervisors whose container does not run or whose log is not followed, removes containers whose log
        is collected, gives attempts without a supervisor one, and begins builds that ended without a result.
        """
        present = await link.insist(lambda: link.runner.list_attempts(self.id))
        for name, supervisor in list(self._supervisors.items()):
            if supervisor.runs_elsewhere(link):
                continue
            if present.get(name) is not Phase.RUNNING or not supervisor.following or supervisor.paused:
                supervisor.nudge()
        for name in present:
            if name not in self._supervisors:
                await self._remove_leftover(link, name)
        if self._behind:
            self._behind = False
            await self.commit("recovery", lambda _: None)
        # A supervisor that failed (the disk was full, say) is replaced by one that starts from what is recorded.
        for attempt in await self._writer.read(runs.uncollected_attempts):
            self._supervise(attempt)
        await self._resume_builds()

    async def _remove_leftover(self, link: Link, name: str) -> None:
        """Remove the container of an attempt whose end is complete in the store; others are not ours to judge."""
        attempt = await self._writer.read(lambda c: runs.get_attempt(c, name))
        if attempt is not None and attempt.state is AttemptState.COLLECTED:
            await link.insist(lambda: link.runner.remove(name))
            drop_directory(self.home, name)


def _engine_id(connection: sqlite3.Connection) -> str:
    """The id that marks the containers of this home's engine, made once."""
    known = get_meta(connection, ENGINE_ID)
    if known is None:
        known = secrets.token_hex(4)
        set_meta(connection, ENGINE_ID, known)
    return known
