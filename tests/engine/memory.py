"""A runner in memory: a daemon that outlives engines, and the runner that an engine reaches it through.

The daemon's containers live in real, very short time. What a container does is said by a `Behaviour`, chosen by its
labels; what the daemon did is kept in `records`, for tests to compare with what the engine believes.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from skafos_tui.model.metrics import Sample
from skafos_tui.model.project import Resources
from skafos_tui.runners.base import (
    LABEL_ATTEMPT,
    LABEL_ENGINE,
    LABEL_INSTANCE,
    LABEL_JOB,
    LABEL_RUN,
    LABEL_SPEC,
    AttemptSpec,
    BuildFailed,
    BuiltImage,
    CouldNotStart,
    ImageRequest,
    LogSink,
    Observation,
    Phase,
    Progress,
    RunnerEvent,
    RunnerInfo,
    RunnerUnreachable,
    StatsSink,
)
from skafos_tui.store.failpoints import failpoint
from skafos_tui.store.logs.format import format_line, time_of

GIBIBYTE = 1 << 30
NEVER_S = 3600.0
POLL_S = 0.001
MACHINE = Resources(2.0, 4 * GIBIBYTE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a container's log, `at_s` seconds after its start."""

    at_s: float
    text: str
    stream: str = "stdout"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a container does by itself. `term_code` None: it ignores SIGTERM; `cpu` in cores, `used` bytes."""

    duration_s: float = 0.002
    exit_code: int = 0
    lines: tuple[Line, ...] = ()
    out_of_memory: bool = False
    term_code: int | None = 143
    start_error: str = ""
    cpu: float = 0.5
    used: int = 64 << 20


Behave = Callable[[AttemptSpec], Behaviour]


@dataclass
class Record:
    """All that ever happened to one container; kept when it is removed."""

    name: str
    spec: AttemptSpec
    behaviour: Behaviour
    creations: int = 0
    starts: int = 0
    started_ns: int | None = None
    end_ns: int | None = None
    exit_code: int | None = None
    ended_by: str = ""
    """`itself`, `SIGTERM`, `SIGKILL`, `outside`, `daemon`, `removal`."""
    signals: list[str] = field(default_factory=list)
    removed_by: str = ""
    removed_ns: int | None = None
    daemon_restarted: bool = False
    error: str = ""

    @property
    def instance(self) -> int:
        """Which of the job's copies it is."""
        return int(self.spec.labels[LABEL_INSTANCE])

    @property
    def number(self) -> int:
        """Which attempt of the instance it is."""
        return int(self.spec.labels[LABEL_ATTEMPT])

    @property
    def run_id(self) -> int:
        """The run it belongs to."""
        return int(self.spec.labels[LABEL_RUN])

    @property
    def job_id(self) -> str:
        """The job it is an attempt of."""
        return self.spec.labels[LABEL_JOB]

    def phase(self, now_ns: int) -> Phase:
        """Where it stands at an instant."""
        if self.started_ns is None:
            return Phase.CREATED
        assert self.end_ns is not None
        return Phase.RUNNING if now_ns < self.end_ns else Phase.ENDED

    def sample(self, now_ns: int) -> Sample:
        """What it uses at an instant."""
        assert self.started_ns is not None
        ran_s = (now_ns - self.started_ns) / 1e9
        amount = int(1000 * ran_s)
        return Sample(
            at=now_ns / 1e9,
            cpu_s=self.behaviour.cpu * ran_s,
            memory=self.behaviour.used,
            memory_limit=self.spec.memory,
            processes=3,
            received=amount,
            sent=2 * amount,
            read=3 * amount,
            written=4 * amount,
        )

    def log(self, until_ns: int) -> list[bytes]:
        """The stored lines it has written by an instant."""
        if self.started_ns is None or self.end_ns is None:
            return []
        last = min(until_ns, self.end_ns)
        times = [(self.started_ns + round(line.at_s * 1e9), line) for line in self.behaviour.lines]
        return [format_line(at, line.text.encode(), line.stream) for at, line in times if at <= last]


class Daemon:
    """The containers and images of a machine, and the ways in which a real daemon fails."""

    def __init__(self, behave: Behave = lambda spec: Behaviour(), capacity: Resources = MACHINE) -> None:
        self.behave = behave
        self.capacity = capacity
        self.lock = threading.RLock()
        self.containers: dict[str, Record] = {}
        self.records: dict[str, Record] = {}
        self.images: set[str] = set()
        self.builds: list[ImageRequest] = []
        self.build_s = 0.0
        self.build_lines: tuple[str, ...] = ("collecting", "installing")
        self.build_error: str = ""
        self.random = random.Random(0)
        self.event_loss = 0.0
        self.follow_loss = 0.0
        self.sample_s = 0.02
        self.down = False
        self.ahead_s = 0.0
        """How far the machine's clock is ahead: what is told of a container's start and end goes by it."""
        self.changed: set[Callable[[], None]] = set()
        self.violations: list[str] = []
        """Promises the engine broke towards the daemon; every test ends by looking here."""

    def touch(self) -> None:
        """Wake whoever listens."""
        for wake in list(self.changed):
            wake()

    def set_down(self, down: bool) -> None:
        """Stop or begin to answer; containers go on."""
        self.down = down
        self.touch()

    def check(self) -> None:
        """Raise as an unreachable daemon does."""
        if self.down:
            raise RunnerUnreachable("the Docker daemon does not answer")

    def running(self) -> list[Record]:
        """The containers that run now."""
        now = time.time_ns()
        with self.lock:
            return [record for record in self.containers.values() if record.phase(now) is Phase.RUNNING]

    def end_now(self, record: Record, code: int, by: str) -> None:
        """End a running container."""
        with self.lock:
            now = time.time_ns()
            if record.phase(now) is Phase.RUNNING:
                record.end_ns, record.exit_code, record.ended_by = now, code, by
        self.touch()

    def kill_behind(self, name: str, code: int = 137) -> None:
        """Somebody else ends a container."""
        self.end_now(self.containers[name], code, "outside")

    def remove_behind(self, name: str) -> None:
        """Somebody else removes a container, whatever it does."""
        with self.lock:
            record = self.containers[name]
            self.end_now(record, 137, "removal")
            self._drop(record, "outside")

    def prune(self) -> list[str]:
        """Remove what does not run, as `docker system prune` does; the names."""
        now = time.time_ns()
        with self.lock:
            gone = [record for record in self.containers.values() if record.phase(now) is not Phase.RUNNING]
            for record in gone:
                self._drop(record, "outside")
        self.touch()
        return [record.name for record in gone]

    def restart(self) -> None:
        """The daemon ends and starts again without live-restore: what ran ends with it."""
        with self.lock:
            for record in self.running():
                record.daemon_restarted = True
                self.end_now(record, 255, "daemon")

    def _drop(self, record: Record, by: str) -> None:
        record.removed_by, record.removed_ns = by, time.time_ns()
        del self.containers[record.name]

    def remove(self, name: str) -> None:
        """The engine removes a container."""
        with self.lock:
            record = self.containers.get(name)
            if record is not None:
                self.end_now(record, 137, "removal")
                self._drop(record, "engine")


class MemoryRunner:
    """`base.Runner` over a `Daemon`; the failpoints are those of the Docker runner."""

    kind = "docker"

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    async def _hop(self) -> None:
        """What every call costs at least: a turn of the loop."""
        await asyncio.sleep(0)
        self.daemon.check()

    async def info(self) -> RunnerInfo:
        """What this runner is."""
        await self._hop()
        failpoint("docker.info.before")
        failpoint("docker.info.after")
        return RunnerInfo("docker", "memory", self.daemon.capacity)

    async def build(self, request: ImageRequest, progress: Progress) -> BuiltImage:
        """Find the image, or make it in `build_s` seconds."""
        reference = f"skafos/code:{request.project}-{request.code_digest[:12]}-{request.base or 'default'}"
        if await self.has_image(reference):
            return BuiltImage(reference, "")
        failpoint("docker.build.before")
        self.daemon.builds.append(request)
        failpoint("docker.build.after")
        for line in self.daemon.build_lines:
            await asyncio.sleep(self.daemon.build_s / len(self.daemon.build_lines))
            self.daemon.check()
            progress(line)
        if self.daemon.build_error:
            raise BuildFailed(self.daemon.build_error)
        failpoint("docker.commit.before")
        self.daemon.images.add(reference)
        failpoint("docker.commit.after")
        return BuiltImage(reference, "numpy==2.0\n")

    async def drop_image(self, reference: str) -> None:
        """Remove an image."""
        await self._hop()
        self.daemon.images.discard(reference)

    async def has_image(self, reference: str) -> bool:
        """Whether the image is there."""
        await self._hop()
        failpoint("docker.inspect_image.before")
        found = reference in self.daemon.images
        failpoint("docker.inspect_image.after")
        return found

    async def create(self, spec: AttemptSpec) -> None:
        """Create a container, or adopt the one that is there."""
        await self._hop()
        failpoint("docker.create.before")
        daemon = self.daemon
        with daemon.lock:
            labels = {**spec.labels, LABEL_SPEC: spec.digest()}
            known = daemon.containers.get(spec.name)
            if known is not None:
                if {**known.spec.labels, LABEL_SPEC: known.spec.digest()} != labels:
                    raise CouldNotStart(f"another container has the name {spec.name} and is not this attempt")
            elif spec.image not in daemon.images:
                raise CouldNotStart(f"No such image: {spec.image}")
            else:
                record = daemon.records.get(spec.name)
                if record is None:
                    record = Record(spec.name, spec, daemon.behave(spec))
                elif record.starts:
                    daemon.violations.append(f"{spec.name} was created again after it had run")
                record.spec, record.removed_by, record.removed_ns = spec, "", None
                record.creations += 1
                daemon.records[spec.name] = daemon.containers[spec.name] = record
        failpoint("docker.create.after")

    async def start(self, name: str) -> None:
        """Start a container that never was; a second start of one name is a violation."""
        await self._hop()
        daemon = self.daemon
        with daemon.lock:
            record = daemon.containers.get(name)
            if record is None:
                raise CouldNotStart(f"the container {name} is gone")
            if record.phase(time.time_ns()) is not Phase.CREATED:
                return
        failpoint("docker.start.before")
        with daemon.lock:
            if name not in daemon.containers:
                raise CouldNotStart(f"the container {name} is gone")
            if record.behaviour.start_error:
                record.error = record.behaviour.start_error
                raise CouldNotStart(record.error)
            record.starts += 1
            if record.starts > 1:
                daemon.violations.append(f"{name} was started twice")
            record.started_ns = time.time_ns()
            record.end_ns = record.started_ns + round(record.behaviour.duration_s * 1e9)
            record.exit_code, record.ended_by = record.behaviour.exit_code, "itself"
        daemon.touch()
        failpoint("docker.start.after")

    async def inspect(self, name: str) -> Observation | None:
        """What the daemon knows of a container."""
        await self._hop()
        failpoint("docker.inspect.before")
        with self.daemon.lock:
            record = self.daemon.containers.get(name)
            found = None if record is None else _observe(record, time.time_ns(), self.daemon.ahead_s)
        failpoint("docker.inspect.after")
        return found

    async def list_attempts(self, engine: str) -> Mapping[str, Phase]:
        """The containers of an engine."""
        await self._hop()
        failpoint("docker.list.before")
        now = time.time_ns()
        with self.daemon.lock:
            found = {
                record.name: record.phase(now)
                for record in self.daemon.containers.values()
                if record.spec.labels[LABEL_ENGINE] == engine
            }
        failpoint("docker.list.after")
        return found

    async def signal(self, name: str, signal: str) -> None:
        """Signal a running container."""
        await self._hop()
        with self.daemon.lock:
            record = self.daemon.containers.get(name)
            if record is None or record.phase(time.time_ns()) is not Phase.RUNNING:
                return
        failpoint("docker.kill.before")
        record.signals.append(signal)
        if signal == "SIGKILL":
            self.daemon.end_now(record, 137, signal)
        elif record.behaviour.term_code is not None:
            self.daemon.end_now(record, record.behaviour.term_code, signal)
        failpoint("docker.kill.after")

    async def remove(self, name: str) -> None:
        """Remove a container, if it is there."""
        await self._hop()
        if name not in self.daemon.containers:
            return
        failpoint("docker.remove.before")
        self.daemon.remove(name)
        failpoint("docker.remove.after")

    async def events(self, engine: str) -> AsyncIterator[RunnerEvent]:
        """The ends of containers as they come; some are lost."""
        await self._hop()
        failpoint("docker.events.before")
        daemon, changed, loop = self.daemon, asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(changed.set)

        now = time.time_ns()
        told = {record.name for record in daemon.containers.values() if record.phase(now) is Phase.ENDED}
        daemon.changed.add(wake)
        try:
            yield RunnerEvent("", "connected")
            while True:
                daemon.check()
                now = time.time_ns()
                with daemon.lock:
                    known = list(daemon.records.values())
                for record in known:
                    over = record.phase(now) is Phase.ENDED or bool(record.removed_by)
                    if over and record.name not in told:
                        told.add(record.name)
                        if daemon.random.random() >= daemon.event_loss:
                            yield RunnerEvent(record.name, "die")
                ends = [r.end_ns for r in known if r.end_ns is not None and r.name not in told]
                changed.clear()
                timeout = min((max(0, end - time.time_ns()) / 1e9 for end in ends), default=0.05)
                try:
                    # Not `wait_for`: Python 3.11's loses a cancellation that comes together with a wake-up.
                    async with asyncio.timeout(min(timeout, 0.05) + 0.0002):
                        await changed.wait()
                except TimeoutError:
                    continue
        finally:
            daemon.changed.discard(wake)

    def read_logs(self, name: str, *, since: str | None, follow: bool, sink: LogSink, stop: threading.Event) -> None:
        """The log of a container; a followed one may end early and lose the rest, as Docker's does (DESIGN 9)."""
        daemon = self.daemon
        daemon.check()
        failpoint("docker.logs.before")
        first = 0 if since is None else int(since.replace(".", ""))
        sent = 0
        breaks_after = NEVER_S
        if follow and daemon.random.random() < daemon.follow_loss:
            breaks_after = daemon.random.randint(0, 6)
        while True:
            daemon.check()
            now = time.time_ns()
            with daemon.lock:
                record = daemon.containers.get(name)
                lines = [] if record is None else [raw for raw in record.log(now) if time_of(raw) >= first]
                over = record is None or record.phase(now) is Phase.ENDED or not follow
            batch = lines[sent:]
            if len(lines) > breaks_after:
                batch, over = batch[: max(0, int(breaks_after) - sent)], True
            sent += len(batch)
            if batch:
                sink(b"".join(batch))
            if over or stop.is_set():
                break
            stop.wait(POLL_S)
        failpoint("docker.logs.after")

    def read_stats(self, name: str, sink: StatsSink, stop: threading.Event) -> None:
        """Samples of a running container, `sample_s` apart."""
        while not stop.wait(self.daemon.sample_s):
            self.daemon.check()
            now = time.time_ns()
            with self.daemon.lock:
                record = self.daemon.containers.get(name)
                if record is None or record.phase(now) is not Phase.RUNNING:
                    return
                sample = record.sample(now)
            sink(sample)

    async def close(self) -> None:
        """Nothing is held."""


def _observe(record: Record, now: int, ahead_s: float) -> Observation:
    phase = record.phase(now)
    ended = phase is Phase.ENDED
    return Observation(
        name=record.name,
        phase=phase,
        labels=record.spec.labels,
        started_at=None if record.started_ns is None else record.started_ns / 1e9 + ahead_s,
        ended_at=record.end_ns / 1e9 + ahead_s if ended and record.end_ns is not None else None,
        exit_code=record.exit_code if ended else None,
        out_of_memory=ended and record.behaviour.out_of_memory and record.ended_by == "itself",
        daemon_restarted=record.daemon_restarted,
        error=record.error,
    )
