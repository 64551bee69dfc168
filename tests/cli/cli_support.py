"""What the tests of commands share: a project, a store to fill, an engine that only answers."""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

from skafos_tui.model.run import Run, Task, TriggerKind
from skafos_tui.model.verdict import Verdict
from skafos_tui.store import projects, runs
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
