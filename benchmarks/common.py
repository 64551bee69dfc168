"""What the benchmarks share: an engine with a home of its own, projects to run, floors to hold the figures against."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import signal
import sqlite3
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError

from skafos_tui.api.client import EngineClient, ensure_engine
from skafos_tui.config.reader import parse_config
from skafos_tui.engine.surroundings import Surroundings, spec_of
from skafos_tui.model.run import Run, RunState
from skafos_tui.runners.docker.client import DockerClient
from skafos_tui.runners.docker.containers import container_config, own_user
from skafos_tui.runners.docker.host import host_of, runner_info
from skafos_tui.store import projects, runs
from skafos_tui.store.database import connect_reader
from skafos_tui.store.home import Home

LABEL_FLOOR = "skafos.benchmark"
NO_OP = "pass\n"
POLL_S = 0.02
RUN_TIMEOUT_S = 180.0


@dataclass(frozen=True)
class JobLines:
    """One job of a benchmark's config."""

    name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    entrypoint: str = "main.py"
    dependencies: tuple[str, ...] = ()
    extra: str = ""

    def text(self) -> str:
        """The job as it stands in the config."""
        lines = [
            f"  - job_id: {self.id}",
            "    language: python",
            f"    name: {self.name}",
            f"    entrypoint: {json.dumps(self.entrypoint)}",
        ]
        if self.dependencies:
            lines.append(f"    dependencies: {json.dumps(list(self.dependencies))}")
        return "\n".join(lines) + "\n" + self.extra


def chain_of(count: int) -> list[JobLines]:
    """Jobs that each wait for the one before."""
    jobs: list[JobLines] = []
    for number in range(count):
        jobs.append(JobLines(f"step-{number}", dependencies=(jobs[-1].id,) if jobs else ()))
    return jobs


class Bench:
    """An engine in a home of its own; everything it made is removed at the end."""

    def __init__(self, network: str = "bridge") -> None:
        self.root = Path(tempfile.mkdtemp(prefix="skafos-bench-"))
        self.home = Home(self.root / "home")
        self.network = network
        settings = self.root / "settings.yml"
        settings.write_text(f"network: {network}\n")
        os.environ["SKAFOS_SETTINGS"] = str(settings)
        self.docker: Any = docker.APIClient(base_url=DockerClient().address.url, version="auto", timeout=300)
        self.client = self.start_engine()
        self._tokens: list[str] = []
        self.engine_id = str(self.client.status()["engine"])
        self._ensure_base_image()

    def start_engine(self) -> EngineClient:
        """The client of the running engine; starts it where it isn't running."""
        client = ensure_engine(self.home)
        # It is this process's child: unless somebody waits for it, it stays in the process table when it ends.
        threading.Thread(target=reap, args=(int(client.status()["pid"]),), daemon=True).start()
        return client

    def engine_pid(self) -> int:
        """The process of the engine."""
        return int(self.client.status()["pid"])

    def kill_engine(self) -> None:
        """End the engine as a crash would."""
        pid = self.engine_pid()
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.001)

    def project(self, name: str, jobs: Sequence[JobLines], script: str = NO_OP) -> Path:
        """A project directory with these jobs and one `main.py`; its path."""
        directory = self.root / name
        directory.mkdir()
        token = secrets.token_hex(12)
        self._tokens.append(token)
        head = f"project_token: {token}\nname: {name}\njobs:\n"
        (directory / "metis.config.yml").write_text(head + "".join(job.text() for job in jobs))
        (directory / "main.py").write_text(script)
        return directory

    def start(self, directory: Path, jobs: tuple[str, ...] = (), *, only: bool = False) -> int:
        """Trigger a run; its id."""
        return int(self.client.start_run(str(directory), uuid.uuid4().hex, jobs=jobs, only=only)["run"])

    def wait(self, run_id: int) -> Run:
        """The run once it has succeeded."""
        with closing(connect_reader(self.home.state_database)) as store:
            deadline = time.monotonic() + RUN_TIMEOUT_S
            seen = -1
            while time.monotonic() < deadline:
                # Waiting must cost next to nothing, or the figure would pay for being measured.
                version = store.execute("PRAGMA data_version").fetchone()[0]
                if version == seen:
                    time.sleep(POLL_S)
                    continue
                seen = version
                run = runs.get_run(store, run_id)
                assert run is not None
                if run.state.finished:
                    if run.state is not RunState.SUCCEEDED:
                        raise SystemExit(f"run {run_id} {run.state.value}: {run.reason}\n{self._words()}")
                    return run
        raise SystemExit(f"run {run_id} has not ended within {RUN_TIMEOUT_S:.0f} s\n{self._words()}")

    def _words(self) -> str:
        """What the engine has to say."""
        return self.home.engine_log.read_text(errors="replace")[-4000:]

    def settle(self) -> None:
        """Wait until nothing of the engine's runs is left in Docker, so that what comes next has the machine."""
        deadline = time.monotonic() + 120
        while self.containers():
            if time.monotonic() > deadline:
                raise SystemExit("containers of ended attempts are not removed")
            time.sleep(0.1)

    def containers(self) -> list[str]:
        """The ids of this engine's containers."""
        return ids_with(self.docker, f"skafos.engine={self.engine_id}")

    def attempt_config(self, run_id: int) -> dict[str, Any]:
        """Docker's create call of an attempt of this run, as the engine makes it, with the floor's own label."""
        with closing(connect_reader(self.home.state_database)) as store:
            config = read_config_of(store, self.home, self.engine_id, run_id, self.network)
        config["Labels"] = {LABEL_FLOOR: self.engine_id}
        return config

    def close(self) -> None:
        """End the engine, remove its containers, images and home."""
        try:
            self.client = self.start_engine()
            self.client.stop()
            for container in [*self.containers(), *ids_with(self.docker, f"{LABEL_FLOOR}={self.engine_id}")]:
                remove_container(self.docker, container)
            for token in self._tokens:
                for image in self.docker.images(name="skafos/code"):
                    for tag in image["RepoTags"] or []:
                        if tag.startswith(f"skafos/code:{token}-"):
                            self.docker.remove_image(tag)
        finally:
            self.docker.close()
            shutil.rmtree(self.root, ignore_errors=True)

    def _ensure_base_image(self) -> None:
        if any("image" in check["name"] and not check["good"] for check in self.client.doctor()):
            for _ in self.client.image_bootstrap():
                pass


def arguments(description: str | None, rounds: int) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="how often it is measured; the median counts")
    parser.add_argument("--network", choices=("bridge", "none"), default="bridge")
    return parser


@contextmanager
def bench(network: str) -> Iterator[Bench]:
    """A Bench, cleaned up whatever happens."""
    made = Bench(network)
    try:
        yield made
    finally:
        made.close()


def read_config_of(store: sqlite3.Connection, home: Home, engine: str, run_id: int, network: str) -> dict[str, Any]:
    """The create call of the first attempt of a run, made by the engine's own functions from what is recorded."""
    run = runs.get_run(store, run_id)
    assert run is not None
    deployment = projects.get_deployment(store, run.deployment)
    assert deployment is not None
    project = parse_config(deployment.config, max_cpu=10_000, max_memory=1 << 60).project
    assert project is not None
    attempt = runs.attempts_of(store, run_id)[0]
    task = next(task for task in runs.tasks_of(store, run_id) if task.job_id == attempt.job_id)
    around = Surroundings(
        engine, run, task, attempt, deployment, project, project.job(attempt.job_id), projects.list_variables(store, "")
    )
    client = DockerClient()
    try:
        host = host_of(client)
        spec = spec_of(around, home, runner_info(host, client.address.url).capacity, network)
        return container_config(replace(spec, name=""), host, own_user())
    finally:
        client.close()


def reap(pid: int) -> None:
    """Wait for a child that ends at its own time."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def ids_with(client: Any, label: str) -> list[str]:
    """The ids of all containers with this label."""
    return [found["Id"] for found in client.containers(all=True, filters={"label": [label]})]


def remove_container(client: Any, identity: str) -> None:
    """Remove a container that may be on its way out already."""
    try:
        client.remove_container(identity, v=True, force=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise


def docker_run_words(config: dict[str, Any]) -> list[str]:
    """The same container as words for `docker run --rm`."""
    host = config["HostConfig"]
    words = ["docker", "run", "--rm", "--init", "--entrypoint", "", "--no-healthcheck"]
    words += ["--user", config["User"], "--workdir", config["WorkingDir"], "--stop-signal", config["StopSignal"]]
    for entry in config["Env"]:
        words += ["--env", entry]
    for key, value in config["Labels"].items():
        words += ["--label", f"{key}={value}"]
    for mount in host["Mounts"]:
        read_only = ",readonly" if mount["ReadOnly"] else ""
        words += ["--mount", f"type=bind,source={mount['Source']},target={mount['Target']}{read_only}"]
    words += ["--log-driver", host["LogConfig"]["Type"]]
    for key, value in host["LogConfig"]["Config"].items():
        words += ["--log-opt", f"{key}={value}"]
    for capability in host["CapDrop"]:
        words += ["--cap-drop", capability]
    for option in host["SecurityOpt"]:
        words += ["--security-opt", option]
    words += ["--network", host["NetworkMode"], "--pids-limit", str(host["PidsLimit"])]
    words += ["--memory", str(host["Memory"]), "--memory-swap", str(host["MemorySwap"])]
    words += ["--shm-size", str(host["ShmSize"]), "--cpus", f"{host['NanoCpus'] / 1e9:g}"]
    return [*words, config["Image"], *config["Cmd"]]


class Makespan:
    """First start to last end of the containers with a label, from the times in Docker's own events."""

    def __init__(self, client: Any, label: str) -> None:
        self._client = client
        self._filters = {"type": ["container"], "label": [label], "event": ["start", "die"]}
        self.starts: list[float] = []
        self.ends: list[float] = []

    def __enter__(self) -> Makespan:
        self._stream = self._client.events(decode=True, filters=self._filters)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self) -> None:
        for event in self._stream:
            times = self.starts if event["Action"] == "start" else self.ends
            times.append(event["timeNano"] / 1e9)

    def __exit__(self, *_: object) -> None:
        time.sleep(0.1)  # the last events are still on their way
        self._stream.close()
        self._thread.join(5)

    def seconds(self, containers: int) -> float:
        """The makespan; `containers` is how many there must have been."""
        if len(self.starts) != containers or len(self.ends) != containers:
            raise SystemExit(f"{len(self.starts)} starts and {len(self.ends)} ends seen of {containers} containers")
        return max(self.ends) - min(self.starts)


@dataclass(frozen=True)
class Bar:
    """One bar of DESIGN 8 and what was measured; `limit` is a ratio to the floor, or without a floor the figure's."""

    what: str
    figure: float
    unit: str
    limit: float
    floor: float | None = None
    ratio: float | None = None
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bar holds."""
        held = self.figure if self.ratio is None else self.ratio
        return held >= self.limit if self.at_least else held <= self.limit

    def line(self) -> str:
        """One line for people."""
        sign = "≥" if self.at_least else "≤"
        verdict = "holds" if self.holds else "DOES NOT HOLD"
        if self.floor is None or self.ratio is None:
            return f"{self.what}: {self.figure:.3g} {self.unit} (bar {sign} {self.limit:g} {self.unit}): {verdict}"
        return (
            f"{self.what}: {self.figure:.3f} {self.unit}, floor {self.floor:.3f} {self.unit}, "
            f"ratio {self.ratio:.3f} (bar {sign} {self.limit:g}): {verdict}"
        )


def report(bars: Sequence[Bar], remark: str) -> int:
    """Print the bars; 0 where all hold, else 1."""
    print(remark)
    for bar in bars:
        print(bar.line())
    return 0 if all(bar.holds for bar in bars) else 1


def interleaved(rounds: int, floor: Callable[[], tuple[float, ...]], figure: Callable[[], tuple[float, ...]]) -> Pairs:
    """Measure both `rounds` times, in changing order, so that noise of the machine meets both."""
    floors: list[tuple[float, ...]] = []
    figures: list[tuple[float, ...]] = []
    for number in range(rounds):
        turns = [(floor, floors), (figure, figures)]
        for measure, taken in turns if number % 2 == 0 else reversed(turns):
            taken.append(measure())
        print(f"  round {number + 1}: floor {show(floors[-1])}, figure {show(figures[-1])}", flush=True)
    return Pairs(floors, figures)


@dataclass(frozen=True)
class Pairs:
    """What several rounds gave, each a tuple of figures."""

    floors: list[tuple[float, ...]]
    figures: list[tuple[float, ...]]

    def bar(self, position: int, what: str, unit: str, limit: float, *, at_least: bool = False) -> Bar:
        """The bar on one column: medians of figure and floor, and the median of the rounds' own ratios.

        Noise that comes and goes meets both halves of a round, so their ratio says more than that of two medians.
        """
        figures = [row[position] for row in self.figures]
        floors = [row[position] for row in self.floors]
        ratio = statistics.median(figure / floor for figure, floor in zip(figures, floors, strict=True))
        return Bar(what, statistics.median(figures), unit, limit, statistics.median(floors), ratio, at_least)


def show(values: Sequence[float]) -> str:
    """Figures of one round for people."""
    return "/".join(f"{value:.2f}" for value in values)


def machine() -> str:
    """One line on the machine and how busy it was."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, load {load}"
