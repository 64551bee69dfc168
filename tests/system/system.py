"""A person at a terminal, for tests: a project to write jobs into, the real commands, the real engine, real Docker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

LIMIT_S = 120.0


class Person:
    """One user with a SKAFOS_HOME and a project; `engine_environment` goes to the engine the commands start."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = directory / "home"
        self.project = directory / "project"
        self.project.mkdir(parents=True)
        self.token = uuid.uuid4().hex[:24]
        self.ids: dict[str, str] = {}
        self.config: dict[str, Any] = {"project_token": self.token, "name": "test", "jobs": []}
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SKAFOS_")},
            "SKAFOS_HOME": str(self.home),
            "SKAFOS_SETTINGS": str(directory / "settings.yml"),
            **(environment or {}),
        }

    def job(self, name: str, code: str | None = None, *, after: Sequence[str] = (), **keys: Any) -> str:
        """Add a job, with a script of this code unless it has an entrypoint; its id."""
        self.ids[name] = str(uuid.uuid4())
        entry: dict[str, Any] = {"job_id": self.ids[name], "language": "python", "name": name}
        entry["entrypoint"] = f"{name.lower().replace(' ', '_')}.py"
        if code is not None:
            (self.project / entry["entrypoint"]).write_text(code)
        if after:
            entry["dependencies"] = [self.ids[other] for other in after]
        self.config["jobs"].append({**entry, **keys})
        self.save()
        return self.ids[name]

    def save(self) -> None:
        """Write the config."""
        (self.project / "metis.config.yml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def skafos(self, *words: str, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess[str]:
        """Type a command in the project's directory."""
        return subprocess.run(
            self.command(*words),
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )

    def command(self, *words: str) -> list[str]:
        """The argument vector of a command."""
        return [sys.executable, "-m", "skafos_tui", *words]

    def start(self, *words: str) -> int:
        """`run --detach`; the id of the new run."""
        done = self.skafos("run", "--detach", *words)
        assert done.returncode == 0, done.stderr
        return self.newest()["id"]

    def newest(self) -> dict[str, Any]:
        """The newest run."""
        found: list[dict[str, Any]] = json.loads(self.skafos("runs", "--json").stdout)
        return found[0]

    def show(self, run: int) -> dict[str, Any]:
        """`show RUN --json`."""
        done = self.skafos("show", str(run), "--json")
        assert done.returncode == 0, done.stderr
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def tasks(self, run: int) -> dict[str, dict[str, Any]]:
        """The tasks of a run by name."""
        return {task["name"]: task for task in self.show(run)["tasks"]}

    def until(self, run: int, done: Any, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait until `done(show)` is true; what is shown then."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            shown = self.show(run)
            if done(shown):
                return shown
            time.sleep(0.1)
        raise AssertionError(f"run {run} after {limit_s} s: {json.dumps(shown, indent=1)[:3000]}")

    def finished(self, run: int, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait for the end of a run and of its logs."""
        return self.until(run, lambda s: s["state"] not in ("queued", "running"), limit_s)

    def running(self, run: int, count: int, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait until so many attempts run."""

        def enough(shown: dict[str, Any]) -> bool:
            attempts = [a for task in shown["tasks"] for a in task["attempts"]]
            return sum(a["state"] == "running" for a in attempts) >= count

        return self.until(run, enough, limit_s)

    def engine_pid(self) -> int:
        """The process of the engine."""
        return int(json.loads(self.skafos("engine", "status", "--json").stdout)["pid"])

    def kill_engine(self) -> None:
        """SIGKILL to the engine; returns when it is gone."""
        pid = self.engine_pid()
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            time.sleep(0.01)

    def log(self, run: int, job: str, instance: int = 0) -> list[str]:
        """The stored lines of the last attempt of an instance, without their prefix; none before its first."""
        attempts = [a for a in self.tasks(run)[job]["attempts"] if a["instance"] == instance]
        path = Path(attempts[-1]["log"])
        text = path.read_text(errors="replace") if path.exists() else ""
        return [line.split(" ", 3)[3] for line in text.splitlines()]

    def collected(self, run: int, limit_s: float = LIMIT_S) -> None:
        """Wait until the logs of a run are complete and its containers removed."""
        import sqlite3

        deadline = time.monotonic() + limit_s
        query = "SELECT COUNT(*) FROM attempts WHERE run_id = ? AND state != 'collected'"
        while time.monotonic() < deadline:
            with sqlite3.connect(self.home / "state.db") as store:
                if store.execute(query, (run,)).fetchone()[0] == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the logs of run {run} are not complete after {limit_s} s")

    def leave(self) -> None:
        """End runs and the engine, remove what is left of this home's containers and images."""
        for run in json.loads(self.skafos("runs", "--json").stdout or "[]"):
            if run["state"] in ("queued", "running"):
                self.skafos("kill", str(run["id"]))
                self.finished(run["id"])
        self.skafos("engine", "stop")
        docker = ["docker"]
        if "DOCKER_HOST" in self.environment:
            docker += ["--host", self.environment["DOCKER_HOST"]]
        for kind, remove in (("ps", "rm"), ("images", "rmi")):
            wanted = ["--filter", f"label=skafos.project={self.token}", "--quiet"]
            listed = subprocess.run([*docker, kind, "--all", *wanted], capture_output=True, text=True, check=False)
            if names := listed.stdout.split():
                subprocess.run([*docker, remove, "--force", *names], capture_output=True, check=False)
