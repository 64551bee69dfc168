"""One attempt, from its planned row to its removed container; never lost, never started twice (DESIGN 4)."""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
import time
from typing import Protocol

from skafos_tui.engine.admission import limits_of
from skafos_tui.engine.books import Books
from skafos_tui.engine.collector import Collector, DiskFull
from skafos_tui.engine.links import Link
from skafos_tui.engine.sampler import Sampler
from skafos_tui.engine.surroundings import Surroundings, drop_directory, secrets_to_mask, spec_of
from skafos_tui.model.run import Attempt, AttemptState
from skafos_tui.model.verdict import End, Stop, StopKind, Verdict, VerdictKind, judge
from skafos_tui.runners.base import CouldNotStart, Observation, Phase, RunnerUnreachable
from skafos_tui.store import runs
from skafos_tui.store.failpoints import failpoint
from skafos_tui.store.metrics_writer import Origin

log = logging.getLogger(__name__)
DISK_RETRY_S = 5.0
SETTLE_S = 0.25
"""How long the first look at a started container waits for its end: one that is over at once is looked at and read once
instead of twice, and Docker is not busy with us while it starts others."""
NAP_S = 30.0
"""The longest sleep: the wall clock may be set, and timers don't run while a machine sleeps."""


class Host(Books, Protocol):
    """What a supervisor needs of the engine."""

    network: str
    log_cap: int
    grace_s: float
    sampler: Sampler

    async def surroundings(self, attempt: Attempt) -> Surroundings:
        """All that is recorded about an attempt."""
        ...

    async def images_again(self, around: Surroundings) -> bool:
        """Make the images of the attempt's deployment again if they are gone; whether they were."""
        ...

    def disk_is_full(self, message: str) -> None:
        """Tell that new work must wait for space."""
        ...

    async def paused(self, attempt: Attempt, paused: bool) -> None:
        """Somebody has paused a container, or let it go on."""
        ...


class Supervisor:
    """The life of one attempt; `run` is called once, `nudge` and `stop` come from outside."""

    def __init__(self, host: Host, attempt: Attempt) -> None:
        self.attempt = attempt
        self._host = host
        self._stop = attempt.stop
        self._began: float | None = None
        """The monotonic instant at which the container began to run: the wall clock may be set meanwhile."""
        self._signalled_at: float | None = None
        self._killed = False
        self.paused = False
        self._wake = asyncio.Event()
        self._collector: Collector | None = None
        self._end: Observation | None = None
        self._around: Surroundings | None = None

    @property
    def name(self) -> str:
        """The attempt's name, its container's as well."""
        return self.attempt.name

    def runs_elsewhere(self, link: Link) -> bool:
        """Whether the attempt is known to be another runner's."""
        return self._around is not None and self._around.runner != link.kind

    @property
    def _link(self) -> Link:
        assert self._around is not None, "what is recorded is read first"
        return self._host.link(self._around.runner)

    def nudge(self) -> None:
        """Something may have happened to the container: look."""
        self._wake.set()

    def stop(self, stop: Stop) -> None:
        """End the attempt; the reason is in the store already. The first reason counts."""
        self._stop = self._stop or stop
        self._wake.set()

    def abandon(self) -> None:
        """The engine ends: stop reading; nothing happens to the container."""
        if self._collector is not None:
            self._collector.abandon()

    async def run(self) -> None:
        """Bring the attempt up, watch it, record its end, collect its log, remove its container."""
        around = self._around = await self._host.surroundings(self.attempt)
        path = self._host.home.attempt_log(around.project.token, around.run.id, self.name)
        secrets = secrets_to_mask(around, self._host.home)
        self._collector = Collector(self._link.runner, self.name, path, cap=self._host.log_cap, secrets=secrets)
        try:
            await self._record(around)
        except Exception:
            # Another supervisor takes over; two writers must not have the same log open.
            await self._collector.halt()
            raise
        await self._link.insist(lambda: self._link.runner.remove(self.name))
        drop_directory(self._host.home, self.name)

    async def _record(self, around: Surroundings) -> None:
        """From what is recorded to `collected`."""
        if self.attempt.state.open:
            await self._live(around)
        if self.attempt.state is not AttemptState.COLLECTED:
            if self._may_have_run:
                await self._collect()
            await self._host.commit("collected", lambda c: runs.attempt_collected(c, self.name), ())

    @property
    def following(self) -> bool:
        """Whether the attempt's log is being followed, if it is not over."""
        return self._collector is None or self._collector.following or not self.attempt.state.open

    @property
    def _may_have_run(self) -> bool:
        """Whether the ended attempt can have a log; one that never started must not seem to have lost it."""
        verdict = self.attempt.verdict
        assert verdict is not None
        never = verdict.kind in (VerdictKind.CANCELLED, VerdictKind.COULD_NOT_START)
        return self.attempt.started_at is not None or not never

    async def _live(self, around: Surroundings) -> None:
        """From planned to ended."""
        verdict = await self._bring_up(around)
        observation: Observation | None = None
        if verdict is None:
            try:
                observation = await self._watch(around)
            finally:
                self._host.sampler.end(self.name)
            verdict = self._judge(around, observation)
        await self._record_end(verdict, observation)

    async def _bring_up(self, around: Surroundings) -> Verdict | None:
        """Create and start the container, each at most once; a verdict where it never ran."""
        try:
            if self.attempt.state is AttemptState.PLANNED:
                if self._stop is not None:
                    return self._stopped_before(self._stop)
                await self._create(around)
                stop = await self._host.commit("starting", self._starting, ())
                if stop is not None:
                    return self._stopped_before(stop)
            elif await self._link.insist(lambda: self._link.runner.inspect(self.name)) is None:
                # It was asked to start, so it may have run: starting another one could run it twice.
                return Verdict(VerdictKind.LOST, None, "its container was removed before its end could be read")
            if self.attempt.state is not AttemptState.RUNNING:
                self._wake.clear()
                await self._link.insist(lambda: self._link.runner.start(self.name))
                self._began = time.monotonic()
                name, now = self.name, time.time()
                await self._host.commit("running", lambda c: runs.attempt_running(c, name, now), (self.attempt.run_id,))
                await self._sleep(self._began + SETTLE_S)
        except CouldNotStart as error:
            return Verdict(VerdictKind.COULD_NOT_START, None, self._masked(str(error)))
        return None

    def _starting(self, connection: sqlite3.Connection) -> Stop | None:
        """Record that the container will be asked to start, unless it was told to stop before: that stop."""
        if runs.attempt_starting(connection, self.name):
            return None
        attempt = runs.get_attempt(connection, self.name)
        assert attempt is not None
        assert attempt.stop is not None, "only a stop keeps a planned attempt from starting"
        return attempt.stop

    async def _create(self, around: Surroundings) -> None:
        spec = spec_of(around, self._host.home, self._link.capacity, self._host.network)
        try:
            await self._link.insist(lambda: self._link.runner.create(spec))
        except CouldNotStart:
            if not await self._host.images_again(around):
                raise
            around = self._around = await self._host.surroundings(self.attempt)
            spec = spec_of(around, self._host.home, self._link.capacity, self._host.network)
            await self._link.insist(lambda: self._link.runner.create(spec))

    def _stopped_before(self, stop: Stop) -> Verdict:
        return Verdict(VerdictKind.CANCELLED, None, f"by {stop.detail}, before it started")

    async def _watch(self, around: Surroundings) -> Observation | None:
        """Follow the log and look at the container whenever something may have happened, until it has ended.

        None: the container is gone.
        """
        assert self._collector is not None
        while True:
            self._wake.clear()
            observation = await self._link.insist(lambda: self._link.runner.inspect(self.name))
            if observation is None or observation.phase is Phase.ENDED:
                return observation
            if observation.phase is Phase.CREATED and observation.error:
                return observation
            self._collector.follow()
            limits = limits_of(around.job, self._link.capacity)
            origin = Origin(self.name, around.run.project, around.run.id, limits.cpu)
            self._host.sampler.begin(origin, self._link.runner)
            await self._tell_paused(observation.phase is Phase.PAUSED)
            deadline = await self._enforce(around, observation)
            await self._sleep(deadline)

    async def _tell_paused(self, paused: bool) -> None:
        if paused != self.paused:
            self.paused = paused
            await self._host.paused(self.attempt, paused)

    async def _sleep(self, deadline: float | None) -> None:
        timeout = None if deadline is None else min(max(0.0, deadline - time.monotonic()), NAP_S)
        try:
            # Not `wait_for`: Python 3.11's loses a cancellation that comes together with a wake-up.
            async with asyncio.timeout(timeout):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _enforce(self, around: Surroundings, observation: Observation) -> float | None:
        """Apply the timeout and our stop; when to look again (monotonic seconds), None: when woken."""
        limit = around.job.timeout_s
        deadline = None
        if limit is not None:
            deadline = self._running_since(observation) + limit
            if self._stop is None and time.monotonic() >= deadline:
                await self._time_out(limit)
        if self._stop is None:
            return deadline
        now = time.monotonic()
        if self._signalled_at is None:
            self._signalled_at = now
            await self._link.insist(lambda: self._link.runner.signal(self.name, "SIGTERM"))
        elif now >= self._signalled_at + self._host.grace_s and not self._killed:
            self._killed = True
            await self._link.insist(lambda: self._link.runner.signal(self.name, "SIGKILL"))
        return None if self._killed else self._signalled_at + self._host.grace_s

    def _running_since(self, observation: Observation) -> float:
        """When the attempt began, on the monotonic clock. What another engine started is as old as the wall clock
        says when this one first sees it; from then on the wall clock may be set without ending anything early.
        """
        if self._began is None:
            started_at = observation.started_at or self.attempt.planned_at
            self._began = time.monotonic() - max(0.0, time.time() - started_at)
        return self._began

    async def _time_out(self, limit: float) -> None:
        stop = Stop(StopKind.TIMEOUT, f"{limit:g}s")
        name = self.name
        recorded = await self._host.commit("timeout", lambda c: runs.attempt_stopping(c, name, stop), ())
        if recorded:
            self._stop = stop

    def _judge(self, around: Surroundings, observation: Observation | None) -> Verdict:
        if observation is None:
            return judge(End(None, error="its container was removed before its end could be read"), None)
        if observation.phase is not Phase.ENDED or (observation.error and observation.started_at is None):
            return Verdict(VerdictKind.COULD_NOT_START, observation.exit_code, self._masked(observation.error))
        memory = around.job.limits.memory
        limit = min(memory, self._link.capacity.memory or memory) if memory else self._link.capacity.memory
        return judge(
            End(
                observation.exit_code,
                observation.out_of_memory,
                memory_limit=limit,
                daemon_restarted=observation.daemon_restarted,
                error=observation.error,
            ),
            self._stop,
        )

    async def _record_end(self, verdict: Verdict, observation: Observation | None) -> None:
        ended_at = (observation.ended_at if observation else None) or time.time()
        started_at = observation.started_at if observation else None
        name = self.name

        def apply(connection: sqlite3.Connection) -> Attempt:
            runs.attempt_ended(connection, name, verdict, started_at=started_at, ended_at=ended_at)
            attempt = runs.get_attempt(connection, name)
            assert attempt is not None
            return attempt

        self.attempt = await self._host.commit("ended", apply, (self.attempt.run_id,))
        # Whoever removes a running container kills it first, so one that ended well is still there to be read.
        self._end = observation if observation is not None and observation.exit_code == 0 else None

    async def _collect(self) -> None:
        """Read the log to its end, on disk, before the container may go."""
        assert self._collector is not None
        collector = self._collector
        while True:
            observation, self._end = self._end, None
            if observation is None:
                observation = await self._link.insist(lambda: self._link.runner.inspect(self.name))
            cut = observation is not None and observation.log_cut
            try:
                failpoint("collect.before")
                gone = observation is None
                if not gone and not await collector.read_to_end():
                    # A container that was removed a moment ago has an empty log as well.
                    gone = await self._link.insist(lambda: self._link.runner.inspect(self.name)) is None
                await collector.complete(gone=gone, cut=cut)
                break
            except RunnerUnreachable:
                continue
            except DiskFull as error:
                self._host.disk_is_full(str(error))
            except OSError as error:
                if error.errno not in (errno.EIO, errno.EMFILE, errno.ENFILE):
                    raise
                log.error("the log of %s can't be written: %s", self.name, error)
            await asyncio.sleep(DISK_RETRY_S)

    def _masked(self, text: str) -> str:
        for secret in self._around.secrets if self._around else ():
            text = text.replace(secret.decode(), "***")
        return text
