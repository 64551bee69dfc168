"""A store with the project of SCREENS in it, built through the store's own functions; no engine, no Docker."""

from __future__ import annotations

import hashlib
import io
import json
import math
import sqlite3
import tarfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from skafos_tui.model.alert import AlertKey, AlertKind, Cause, acknowledged, occurred, taken_back
from skafos_tui.model.metrics import Sample
from skafos_tui.model.project import Catchup
from skafos_tui.model.run import Run, RunState, Task, TaskState, TriggerKind
from skafos_tui.model.verdict import Verdict, VerdictKind
from skafos_tui.store import alerts, projects, runs, schedules
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import NANOSECONDS, format_line
from skafos_tui.store.logs.writer import LogWriter
from skafos_tui.store.metrics_writer import MetricsWriter, Origin

TOKEN = "06a16549a3e19a93faff2cc3"
NOW = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""
GOOD = Verdict(VerdictKind.EXITED, 0)
OUT_OF_MEMORY = Verdict(VerdictKind.OUT_OF_MEMORY, 137, "limit 2.0Gi, peak 2.0Gi, ended with exit 137 (SIGKILL)")
STOPPED = ("Evaluate", "Score", "Report")
"""What can't go on without "Train forest"."""
PIPELINE: dict[str, tuple[str, ...]] = {
    "Ingest": (),
    "Check": ("Ingest",),
    "Clean": ("Ingest",),
    "Features": ("Clean",),
    "Train forest": ("Features",),
    "Train linear": ("Features",),
    "Evaluate": ("Train forest", "Train linear"),
    "Score": ("Train forest",),
    "Report": ("Evaluate", "Check"),
}
USUAL = {
    "Ingest": 11,
    "Check": 8,
    "Clean": 30,
    "Features": 58,
    "Train forest": 302,
    "Train linear": 45,
    "Evaluate": 20,
    "Score": 15,
    "Report": 5,
}


def job_id(name: str) -> str:
    """The id of a job, the same in every test."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


CODE = {"features.py": "ratio = 2\n", "train.py": "import features\n", "requirements.txt": "pandas\n"}
"""The code of the first deployment."""
CHANGED_CODE = {**CODE, "features.py": "ratio = 3\nwide = True\n", "requirements.txt": "pandas\npyarrow\n"}
"""The code that the failed run had."""


def config_of(pipeline: dict[str, tuple[str, ...]], parallel: str = "Train forest", parallelism: int = 3) -> str:
    """The text of a config with these jobs."""
    lines = [f"project_token: {TOKEN}", "name: wine", "jobs:"]
    for name, parents in pipeline.items():
        lines += [f"  - job_id: {job_id(name)}", "    language: python", f"    name: {json.dumps(name)}"]
        lines += ["    entrypoint: sleep 1"]
        if parents:
            lines.append(f"    dependencies: {json.dumps([job_id(parent) for parent in parents])}")
        if name == parallel:
            lines.append(f"    parallelism: {parallelism}")
    return "\n".join(lines) + "\n"


def epochs(begin: float, seconds: int) -> list[tuple[float, str]]:
    """What a training says, every six seconds."""
    times = range(6, seconds, 6)
    return [(begin + at, f"epoch {at // 6}/50 loss {0.9 - at / 400:.4f} acc {0.7 + at / 1300:.3f}") for at in times]


@dataclass
class Store:
    """A state database to write into as the engine would."""

    path: Path
    pipeline: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(PIPELINE))
    deployment: int = 0
    _requests: int = 0
    _batch: sqlite3.Connection | None = None

    def make(self, directory: Path) -> Store:
        """Create it, with the project and one ready, active deployment."""
        migrate(self.path)
        project = projects.ProjectRow(TOKEN, "wine", str(directory), "docker", NOW - 100_000)
        self.write(lambda connection: projects.save_project(connection, project))
        self.deployment = self.deploy(parallelism=2)
        return self

    def deploy(self, *, ready: bool = True, parallelism: int = 3, code: dict[str, str] = CODE) -> int:
        """A new deployment of the pipeline, with its files in the archive."""
        digest = self._archive(code)
        with self.batch():
            connection = self._batch
            assert connection is not None
            found = projects.insert_deployment(
                connection,
                project=TOKEN,
                config=config_of(self.pipeline, parallelism=parallelism),
                config_digest="c",
                code_digest=digest,
                missing={},
                now=NOW - 5,
            )
            if ready:
                projects.deployment_ready(connection, found, {}, "", NOW - 90_000)
                projects.set_active(connection, TOKEN, found)
        return found

    def _archive(self, code: dict[str, str]) -> str:
        """The digest of files as an archive that stands where the engine would have written it."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w:gz") as tar:
            for name, text in code.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        digest = hashlib.sha256(json.dumps(code).encode()).hexdigest()
        archive = Home(self.path.parent).code(TOKEN, digest)
        archive.parent.mkdir(parents=True, exist_ok=True)
        archive.write_bytes(content.getvalue())
        return digest

    def step(self, deployment: int, step: str) -> None:
        """What the image step does now."""
        self.write(lambda connection: projects.deployment_step(connection, deployment, step))

    def schedule(self, name: str, expression: str) -> None:
        """Give a job of the active deployment a schedule."""
        row = schedules.ScheduleRow(TOKEN, job_id(name), expression, "UTC", Catchup.LATEST, NOW)
        self.write(lambda connection: schedules.put_schedules(connection, TOKEN, [row]))

    def pause(self, name: str) -> None:
        """The schedule of a job stands still."""
        self.write(lambda connection: schedules.pause(connection, TOKEN, job_id(name), NOW))

    def run_with(self, parameters: dict[str, str]) -> int:
        """A manual run with parameters, which has succeeded."""
        run_id = self.run(parameters=parameters)
        self.set_run(run_id, RunState.SUCCEEDED, NOW - 300, NOW - 200)
        return run_id

    def write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do this in one transaction, or in that of a batch."""
        if self._batch is not None:
            work(self._batch)
            return
        with self.batch():
            self.write(work)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Everything inside is one transaction; nobody waits for the disk."""
        if self._batch is not None:
            yield
            return
        with closing(connect(self.path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")
            self._batch = connection
            try:
                yield
            finally:
                self._batch = None
            connection.execute("COMMIT")

    def run(
        self,
        trigger: TriggerKind = TriggerKind.MANUAL,
        *,
        deployment: int | None = None,
        parameters: dict[str, str] | None = None,
    ) -> int:
        """A new run of all jobs, queued."""
        self._requests += 1
        with self.batch():
            assert self._batch is not None
            return runs.insert_run(
                self._batch,
                project=TOKEN,
                deployment=deployment or self.deployment,
                trigger=trigger,
                request_id=f"request-{self._requests}",
                now=NOW - 400,
                tasks=[(job_id(name), name, 3 if name == "Train forest" else 1) for name in self.pipeline],
                parameters=parameters or {},
            )

    def set_run(self, run_id: int, state: RunState, started_at: float | None, ended_at: float | None = None) -> None:
        """Write the run's state."""

        def work(connection: sqlite3.Connection) -> None:
            known = runs.get_run(connection, run_id)
            assert known is not None
            runs.update_run(
                connection,
                Run(
                    run_id,
                    TOKEN,
                    known.deployment,
                    known.trigger,
                    state,
                    known.created_at,
                    started_at=started_at,
                    ended_at=ended_at,
                ),
            )

        self.write(work)

    def set_task(
        self,
        run_id: int,
        name: str,
        state: TaskState,
        started_at: float | None = None,
        ended_at: float | None = None,
        *,
        reason: str = "",
        verdict: Verdict | None = None,
    ) -> None:
        """Write a task's state; one instance unless attempts say otherwise."""
        task = Task(
            run_id,
            job_id(name),
            name,
            state,
            3 if name == "Train forest" else 1,
            reason,
            started_at,
            started_at,
            ended_at,
            verdict,
        )
        self.write(lambda connection: runs.update_task(connection, task))

    def attempt(
        self,
        run_id: int,
        name: str,
        started_at: float,
        ended_at: float | None = None,
        *,
        instance: int = 0,
        number: int = 1,
        verdict: Verdict = GOOD,
    ) -> None:
        """An attempt, running or ended."""
        label = f"{run_id}-{name}-{instance}-{number}"

        def work(connection: sqlite3.Connection) -> None:
            runs.insert_attempt(
                connection,
                run_id=run_id,
                job_id=job_id(name),
                instance=instance,
                number=number,
                name=label,
                cpu=1.0,
                memory=1 << 30,
                now=started_at,
            )
            runs.attempt_starting(connection, label)
            runs.attempt_running(connection, label, started_at)
            if ended_at is not None:
                runs.attempt_ended(connection, label, verdict, started_at=started_at, ended_at=ended_at)
                runs.attempt_collected(connection, label)

        self.write(work)

    def sample(self, attempts: Sequence[str], begin: float, seconds: int, limit: int = 2 << 30) -> None:
        """What these attempts used, a sample a second: cpu in waves, memory that grows to its limit."""
        writer = MetricsWriter(self.path.with_name("metrics.db"))
        for attempt in attempts:
            used = 0.0
            for second in range(seconds + 1):
                used += 0.6 + 0.3 * math.sin(second / 15)
                memory = int(limit * (0.2 + 0.8 * (second / seconds) ** 2))
                traffic = 40_000 * second
                made = Sample(begin + second, used, memory, limit, 4, traffic, traffic // 2, traffic // 4, 0)
                writer.add(Origin(attempt, TOKEN, int(attempt.partition("-")[0]), 1.0), made)
        writer.close()

    def alert(self, key: AlertKey, cause: Cause, at: float = NOW, times: int = 1) -> None:
        """An alert happens (again), as the engine would write it."""

        def work(connection: sqlite3.Connection) -> None:
            alerts.put_alert(connection, occurred(alerts.find_alert(connection, key), key, cause, at, times))

        self.write(work)

    def acknowledge(self, *ids: int) -> list[int]:
        """Somebody takes notice of alerts."""

        def work(connection: sqlite3.Connection) -> None:
            for number in ids:
                known = alerts.get_alert(connection, number)
                assert known is not None
                alerts.put_alert(connection, acknowledged(known, "ada@here", NOW))

        self.write(work)
        return list(ids)

    def log(
        self, run_id: int, name: str, lines: Iterable[tuple[float, str]], *, instance: int = 0, number: int = 1
    ) -> Path:
        """Add lines with their Unix seconds to an attempt's log; those that begin with `!` went to stderr."""
        path = Home(self.path.parent).attempt_log(TOKEN, run_id, f"{run_id}-{name}-{instance}-{number}")
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = LogWriter(path)
        for at, text in lines:
            stream = "stderr" if text.startswith("!") else "stdout"
            writer.append(format_line(round(at * NANOSECONDS), text.removeprefix("!").encode(), stream))
        writer.close(sync=False)
        return path

    def take_back(self, *ids: int) -> list[int]:
        """It was a mistake: they fire again."""

        def work(connection: sqlite3.Connection) -> None:
            for number in ids:
                known = alerts.get_alert(connection, number)
                assert known is not None
                alerts.put_alert(connection, taken_back(known))

        self.write(work)
        return list(ids)

    def good_run(self, begin: float) -> int:
        """A whole run that succeeded, every job in its usual time."""
        with self.batch():
            return self._good_run(begin)

    def running_run(self) -> int:
        """The run of SCREENS 1 at 6:24."""
        with self.batch():
            return self._running_run()

    def failed_run(self) -> int:
        """The run of SCREENS 2, 38 minutes after it failed."""
        with self.batch():
            return self._failed_run()

    def _good_run(self, begin: float) -> int:
        run_id = self.run(TriggerKind.SCHEDULE)
        ends: dict[str, float] = {}
        for name, parents in self.pipeline.items():
            started = max((ends[parent] for parent in parents), default=begin)
            ends[name] = started + USUAL.get(name, 10)
            for instance in range(3 if name == "Train forest" else 1):
                self.attempt(run_id, name, started, ends[name], instance=instance)
            self.set_task(run_id, name, TaskState.SUCCEEDED, started, ends[name], verdict=GOOD)
        self.set_run(run_id, RunState.SUCCEEDED, begin, max(ends.values()))
        return run_id

    def _running_run(self) -> int:
        run_id = self.run()
        begin = NOW - 384
        at = begin
        for name, seconds in (("Ingest", 12), ("Clean", 31), ("Features", 62)):
            self._done(run_id, name, at, at + seconds)
            at += seconds
        self._done(run_id, "Check", begin + 12, begin + 20)
        forest = NOW - 271
        self._done(run_id, "Train linear", forest, forest + 44)
        self.attempt(run_id, "Train forest", forest, forest + 238, instance=0)
        self.attempt(run_id, "Train forest", forest, instance=1)
        self.attempt(run_id, "Train forest", forest, instance=2)
        self.set_task(run_id, "Train forest", TaskState.RUNNING, forest)
        for instance, until in ((0, 238), (1, 268), (2, 267)):
            self.log(run_id, "Train forest", epochs(forest + instance / 4, until), instance=instance)
        self.set_task(run_id, "Score", TaskState.QUEUED, reason="needs 1 cpu, Train linear has it")
        self.set_run(run_id, RunState.RUNNING, begin)
        return run_id

    def _failed_run(self) -> int:
        deployment = self.deploy(code=CHANGED_CODE)
        run_id = self.run(TriggerKind.SCHEDULE, deployment=deployment)
        end = NOW - 38 * 60
        begin = end - 200
        at = begin
        for name, seconds in (("Ingest", 12), ("Clean", 31), ("Features", 62)):
            self._done(run_id, name, at, at + seconds)
            at += seconds
        self._done(run_id, "Check", begin + 12, begin + 20)
        self._done(run_id, "Train linear", at, at + 44)
        self.attempt(run_id, "Train forest", at, end - 2, instance=0)
        self.attempt(run_id, "Train forest", at, end - 3, instance=2)
        self.attempt(run_id, "Train forest", at, end, instance=1, verdict=OUT_OF_MEMORY)
        self.log(run_id, "Train forest", [*epochs(at, 90), (end - 1, "!Killed")], instance=1)
        self.set_task(run_id, "Train forest", TaskState.FAILED, at, end, verdict=OUT_OF_MEMORY)
        for name in STOPPED:
            self.set_task(run_id, name, TaskState.UPSTREAM_FAILED, None, end, reason="Train forest failed")
        self.set_run(run_id, RunState.FAILED, begin, end)
        cause = Cause("failed: out of memory", OUT_OF_MEMORY.evidence, "Train forest", run_id, STOPPED)
        self.alert(AlertKey(TOKEN, AlertKind.FAILURE, job_id("Train forest")), cause, end)
        return run_id

    def _done(self, run_id: int, name: str, started_at: float, ended_at: float) -> None:
        self.attempt(run_id, name, started_at, ended_at)
        self.set_task(run_id, name, TaskState.SUCCEEDED, started_at, ended_at, verdict=GOOD)
