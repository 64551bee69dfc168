"""What the tests of commands share: a project, a store to fill, an engine that only answers."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from skafos_tui.config.plan import plan_of
from skafos_tui.config.reader import parse_config
from skafos_tui.model.project import Project
from skafos_tui.model.run import ActivationKind, ActivationState, Run, Task, TriggerKind
from skafos_tui.model.verdict import Verdict
from skafos_tui.store import activations, projects, runs, schedules
from skafos_tui.store.database import connect, migrate
from skafos_tui.store.home import Home
from skafos_tui.store.logs.format import format_line

TOKEN = "5b6559ad6551d0f920c485e4"
INGEST = "20d19311-146b-4cd8-ac39-270515e6b77b"
TRAIN = "b039a0b0-9ec5-40fa-b014-262e9cb04087"
REPORT = "0a4ad4fd-1a8c-4c0e-a4a9-8e3a4e1d4a10"
NAMES = {INGEST: "Ingest", TRAIN: "Train", REPORT: "Report"}
INSTANCES = {INGEST: 1, TRAIN: 2, REPORT: 1}
CONFIG = f"""\
project_token: {TOKEN}
name: wines
jobs:
  - job_id: {INGEST}
    language: python
    name: Ingest
    entrypoint: ingest.py
  - job_id: {TRAIN}
    language: python
    name: Train
    entrypoint: train.py
    parallelism: 2
    dependencies: ["{INGEST}"]
  - job_id: {REPORT}
    language: python
    name: Report
    entrypoint: report.py
    dependencies: ["{TRAIN}"]
"""
BEGAN = 1_790_000_000.0
"""When the first run of a store begins, Unix seconds."""

Answer = tuple[int, Any]


class Store:
    """Fills the state database as an engine would."""

    def __init__(self, home: Home, directory: Path) -> None:
        self.home = home
        home.create()
        migrate(home.state_database)
        self.connection: sqlite3.Connection = connect(home.state_database)
        self.add_project(TOKEN, "wines", directory)
        self.deployment = projects.insert_deployment(
            self.connection, project=TOKEN, config="", config_digest="c", code_digest="d", missing={}, now=BEGAN
        )
        projects.deployment_ready(self.connection, self.deployment, {}, "", BEGAN)

    def add_project(self, token: str, name: str, directory: Path) -> None:
        """Bind a token to a directory."""
        projects.save_project(self.connection, projects.ProjectRow(token, name, str(directory), "docker", BEGAN))

    def add_deployment(self, config: str = CONFIG, *, code: str = "d", ready: bool = True, at: float = BEGAN) -> int:
        """A deployment of a config; its id."""
        digest = hashlib.sha256(config.encode()).hexdigest()
        made = projects.insert_deployment(
            self.connection, project=TOKEN, config=config, config_digest=digest, code_digest=code, missing={}, now=at
        )
        if ready:
            projects.deployment_ready(self.connection, made, {}, "", at + 1)
        return made

    def add_activation(
        self,
        deployment: int | None,
        *,
        kind: ActivationKind = ActivationKind.DEPLOY,
        state: ActivationState = ActivationState.ACTIVE,
        at: float = BEGAN,
        **columns: Any,
    ) -> int:
        """A change of what is active, planned as an engine plans it; where it is decided well it is in force."""
        row = projects.get_project(self.connection, TOKEN)
        assert row is not None
        found = projects.get_deployment(self.connection, deployment) if deployment else None
        before = projects.get_deployment(self.connection, row.active) if row.active else None
        new = parse_config(found.config).project if found else None
        if new is not None and "plan" not in columns:
            old = parse_config(before.config).project if before else None
            columns["plan"] = plan_of(old, new, datetime.fromtimestamp(at, UTC)).to_json()
        activation = activations.insert_activation(
            self.connection,
            project=TOKEN,
            kind=kind,
            state=state,
            deployment=deployment,
            previous=row.active,
            request_id=uuid.uuid4().hex,
            now=at,
            **columns,
        )
        if state is ActivationState.ACTIVE:
            self.put_in_force(deployment, new, at)
        return activation

    def put_in_force(self, deployment: int | None, project: Project | None, at: float) -> None:
        """Let schedules use a deployment (None: nothing)."""
        projects.set_active(self.connection, TOKEN, deployment)
        rows = [
            schedules.ScheduleRow(TOKEN, job.id, job.schedule, job.timezone, job.catchup, at)
            for job in (project.jobs if project else ())
            if job.schedule and job.enabled
        ]
        schedules.put_schedules(self.connection, TOKEN, rows)

    def add_run(self, began: float = BEGAN, **changes: Any) -> int:
        """A run of all jobs; `changes` are fields of the run."""
        run_id = runs.insert_run(
            self.connection,
            project=TOKEN,
            deployment=self.deployment,
            trigger=TriggerKind.MANUAL,
            request_id=uuid.uuid4().hex,
            now=began,
            tasks=[(job, name, INSTANCES[job]) for job, name in NAMES.items()],
            parameters=changes.pop("parameters", {}),
        )
        self.change_run(run_id, **changes)
        return run_id

    def change_run(self, run_id: int, **changes: Any) -> Run:
        """Write fields of a run."""
        run = runs.get_run(self.connection, run_id)
        assert run is not None
        changed = replace(run, **changes)
        runs.update_run(self.connection, changed)
        return changed

    def change_task(self, run_id: int, job_id: str, **changes: Any) -> Task:
        """Write fields of a task."""
        task = next(task for task in runs.tasks_of(self.connection, run_id) if task.job_id == job_id)
        changed = replace(task, **changes)
        runs.update_task(self.connection, changed)
        return changed

    def add_attempt(
        self,
        run_id: int,
        job_id: str,
        *,
        instance: int = 0,
        number: int = 1,
        lines: tuple[str, ...] = (),
        verdict: Verdict | None = None,
        collected: bool = True,
    ) -> str:
        """An attempt with its log, ended where there is a verdict; its name."""
        name = f"skafos-{run_id}-{job_id[:4]}-{instance}-{number}"
        runs.insert_attempt(
            self.connection,
            run_id=run_id,
            job_id=job_id,
            instance=instance,
            number=number,
            name=name,
            cpu=1,
            memory=1 << 30,
            now=BEGAN,
        )
        self.write_log(run_id, name, lines)
        if verdict is not None:
            runs.attempt_ended(self.connection, name, verdict, started_at=BEGAN + 1, ended_at=BEGAN + 42)
            if collected:
                runs.attempt_collected(self.connection, name)
        return name

    def write_log(self, run_id: int, name: str, lines: tuple[str, ...]) -> None:
        """Append lines to an attempt's log."""
        path = self.home.attempt_log(TOKEN, run_id, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for number, line in enumerate(lines):
                file.write(format_line(int(BEGAN * 1e9) + number, line.encode()))


class FakeEngine:
    """Answers on the control socket what the test put into `answers`; `requests` holds what was asked."""

    def __init__(self, home: Home) -> None:
        self.answers: dict[tuple[str, str], Answer | Callable[[Any], Answer]] = {
            ("GET", "/v1/status"): (200, {"running": True, "pid": 4711, "version": "1.2.3", "active_runs": 0})
        }
        self.requests: list[tuple[str, str, Any]] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                engine.requests.append((self.command, self.path, body))
                found = engine.answers[(self.command, self.path)]
                status, value = found(body) if callable(found) else found
                if status == 0:
                    return  # the connection breaks: the answer is lost
                payload = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        home.create()
        self._server = ThreadingUnixStreamServer(str(home.socket), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def asked(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests to a path."""
        return [body for verb, where, body in self.requests if (verb, where) == (method, path)]

    def close(self) -> None:
        """End the server; its socket file stays, as after a crash."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def refusal(code: str, message: str, exit_code: int = 1, **details: Any) -> dict[str, Any]:
    """The body of an answer that refuses."""
    return {"error": {"code": code, "message": message, "exit_code": exit_code, **details}}
