"""The real engine, killed with SIGKILL at a named failpoint over real Docker, and started again."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from skafos_tui.api.client import ApiError, EngineClient, EngineUnreachable, is_running
from skafos_tui.model.run import Attempt, AttemptState, RunState, TaskState
from skafos_tui.model.verdict import VerdictKind
from skafos_tui.runners.base import LABEL_ENGINE
from skafos_tui.runners.docker.bootstrap import bootstrap
from skafos_tui.runners.docker.labels import BASE_TAG, CODE_REPOSITORY
from skafos_tui.store import failpoints, runs
from skafos_tui.store.database import connect_reader, get_meta
from skafos_tui.store.home import Home
from skafos_tui.store.logs.reader import LogFile

pytestmark = pytest.mark.docker
TOKEN = "f00dfeedf00dfeedf00dfeed"
LINES = 40
PATIENCE_S = 60.0
CONFIG = f"""\
project_token: {TOKEN}
name: killed
image: {BASE_TAG}
jobs:
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b771
    language: python
    name: ingest
    entrypoint: work.py
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b772
    language: python
    name: train
    entrypoint: work.py
    parallelism: 2
    retries: {{limit: 1, delay: 0.2s}}
    dependencies: [20d19311-146b-4cd8-ac39-270515e6b771]
  - job_id: 20d19311-146b-4cd8-ac39-270515e6b773
    language: python
    name: report
    entrypoint: work.py
    dependencies: [20d19311-146b-4cd8-ac39-270515e6b772]
"""
WORK = f"""\
import os, sys, time
job, instance, attempt = (os.environ[f"SKAFOS_{{k}}"] for k in ("JOB_NAME", "INSTANCE", "ATTEMPT"))
with open(os.environ["SKAFOS_DATA"] + "/starts", "a") as starts:
    starts.write(f"{{job}} {{instance}} {{attempt}}\\n")
for number in range({LINES}):
    print(job, instance, attempt, number)
    time.sleep(0.01)
sys.exit(7 if (job, instance, attempt) == ("train", "1", "1") else 0)
"""
FAILPOINTS = (
    "commit.trigger.after",
    "commit.build_ready.after",
    "docker.create.after",
    "commit.starting.after",
    "docker.start.before",
    "docker.start.after:2",
    "commit.ended.before",
    "commit.ended.after:2",
    "commit.collected.before",
    "docker.remove.before",
)


@pytest.fixture(scope="module")
def base_image() -> Iterator[str]:
    """The bootstrapped base image; made where it is missing, once for all workers. What was made from it goes."""
    with (Path(tempfile.gettempdir()) / f"skafos-test-base-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = bootstrap(print)
    yield made
    command = ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={CODE_REPOSITORY}"]
    known = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    for image in known:
        if image.startswith(f"{CODE_REPOSITORY}:{TOKEN}-"):
            subprocess.run(["docker", "rmi", image], check=False, capture_output=True)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home under a short path; what its engine leaves in Docker is removed."""
    path = Path(tempfile.mkdtemp(prefix="sk-"))
    monkeypatch.setenv("SKAFOS_HOME", str(path / "home"))
    monkeypatch.setenv("SKAFOS_SETTINGS", str(path / "settings.yml"))
    (path / "settings.yml").write_text("network: none\n")
    made = Home(path / "home")
    made.create()
    yield made
    if made.state_database.exists():
        for container in containers_of(made):
            subprocess.run(["docker", "rm", "-f", container], check=True, capture_output=True)
    shutil.rmtree(path)


def query(home: Home, work: Callable[[Any], Any]) -> Any:
    """Look at the store as a command does."""
    with closing(connect_reader(home.state_database)) as connection:
        return work(connection)


def containers_of(home: Home) -> list[str]:
    """The containers that carry the label of this home's engine."""
    engine = query(home, lambda c: get_meta(c, "engine"))
    if engine is None:
        return []
    command = ["docker", "ps", "-aq", "--filter", f"label={LABEL_ENGINE}={engine}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


class Process:
    """One engine process."""

    def __init__(self, home: Home, failpoint: str = "") -> None:
        self._home = home
        environment = {**os.environ, failpoints.VARIABLE: failpoint}
        with home.engine_log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "skafos_tui.daemon"], stdout=log, stderr=log, env=environment, cwd="/"
            )

    def ready(self) -> None:
        """Wait until it answers, or has died."""
        self._wait(lambda: self._process.poll() is not None or is_running(self._home), "the engine answers")

    def died_by_kill(self) -> None:
        """Wait until the failpoint has killed it."""
        self._wait(lambda: self._process.poll() is not None, "the failpoint is reached")
        assert self._process.returncode == -signal.SIGKILL, self._home.engine_log.read_text()

    def end(self) -> None:
        """Stop it in order, and hard where that fails."""
        self._process.terminate()
        try:
            assert self._process.wait(10) == 0, self._home.engine_log.read_text()
        finally:
            self._process.kill()
            self._process.wait()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(f"not within {PATIENCE_S:g} s: {what}\n{self._home.engine_log.read_text()}")
            time.sleep(0.02)


def ask(home: Home, directory: Path) -> int | None:
    """The run of our one request; None where the engine died over it."""
    try:
        return int(EngineClient(home).start_run(str(directory), "the-one-request")["run"])
    except (EngineUnreachable, ConnectionError):
        return None
    except ApiError as error:
        raise AssertionError(f"refused: {error.message} {error.details}") from error


def over(home: Home, run_id: int) -> bool:
    """Whether the run and everything of it has ended, its containers included."""
    run = query(home, lambda c: runs.get_run(c, run_id))
    return run.state.finished and not query(home, runs.uncollected_attempts) and not containers_of(home)


@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_killed_engine_loses_nothing_and_starts_nothing_twice(
    failpoint: str, home: Home, tmp_path: Path, base_image: str
) -> None:
    assert base_image
    (tmp_path / "metis.config.yml").write_text(CONFIG)
    (tmp_path / "work.py").write_text(WORK)
    first = Process(home, failpoint)
    first.ready()
    ask(home, tmp_path)
    first.died_by_kill()
    second = Process(home)
    try:
        second.ready()
        run_id = ask(home, tmp_path)
        assert run_id is not None
        second._wait(lambda: over(home, run_id), "the run ends and leaves no container")
    finally:
        second.end()
    check(home, run_id)


def check(home: Home, run_id: int) -> None:
    """What must be true however the engine died."""
    assert [run.id for run in query(home, lambda c: runs.list_runs(c, TOKEN))] == [run_id]
    run = query(home, lambda c: runs.get_run(c, run_id))
    tasks = {task.name: task for task in query(home, lambda c: runs.tasks_of(c, run_id))}
    attempts: list[Attempt] = query(home, lambda c: runs.attempts_of(c, run_id))
    assert run.state is RunState.SUCCEEDED, run
    assert {task.state for task in tasks.values()} == {TaskState.SUCCEEDED}
    names = {task.job_id: task.name for task in tasks.values()}
    codes = {}
    for attempt in attempts:
        assert attempt.state is AttemptState.COLLECTED
        verdict = attempt.verdict
        assert verdict is not None
        assert verdict.kind is VerdictKind.EXITED, attempt
        which = f"{names[attempt.job_id]} {attempt.instance} {attempt.number}"
        codes[which] = verdict.exit_code
        lines = [line.text.decode() for line in LogFile(home.attempt_log(TOKEN, run_id, attempt.name)).lines()]
        assert lines == [f"{which} {number}" for number in range(LINES)]
    assert codes == {"ingest 0 1": 0, "train 0 1": 0, "train 1 1": 7, "train 1 2": 0, "report 0 1": 0}
    starts = Counter((home.data(TOKEN) / "starts").read_text().splitlines())
    assert starts == dict.fromkeys(codes, 1)
    assert not list((home.path / "attempts").glob("*"))
