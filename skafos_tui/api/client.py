"""The client of the engine's control socket: HTTP with JSON over a Unix socket; standard library only."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from skafos_tui.store.home import Home, HomeError

START_TIMEOUT_S = 20.0
CALL_TIMEOUT_S = 60.0


class EngineUnreachable(Exception):
    """There is no engine, or it doesn't answer; the message is one line that says what to do."""


class ApiError(Exception):
    """The engine refused; `message` is one line for people, `code` a stable word, `exit_code` that of SPEC 9.

    `details` holds what belongs to the code: `diagnostics` of an invalid config, for one.
    """

    def __init__(self, code: str, message: str, exit_code: int, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_code = exit_code
        self.details = details


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class EngineClient:
    """Calls to the engine of one home. Every method raises EngineUnreachable and ApiError."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def status(self) -> dict[str, Any]:
        """`running`, `pid`, `version`, `engine`, `started_at`, `runner` and `active_runs`."""
        return self._call("GET", "/v1/status")

    def stop(self) -> None:
        """End the engine; jobs go on. Returns when its process has gone."""
        pid = int(self._call("POST", "/v1/stop")["pid"])
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)
        raise EngineUnreachable(f"the engine (pid {pid}) has not ended within {START_TIMEOUT_S:.0f} s")

    def start_run(
        self,
        directory: str,
        request_id: str,
        *,
        jobs: tuple[str, ...] = (),
        only: bool = False,
        with_upstream: bool = False,
        parameters: Mapping[str, str] | None = None,
        runner: str | None = None,
    ) -> dict[str, Any]:
        """Run now: `run`, `deployment`, `project` and `warnings`. The same request id gives the same run again."""
        body = {
            "directory": directory,
            "request_id": request_id,
            "jobs": list(jobs),
            "only": only,
            "with_upstream": with_upstream,
            "parameters": dict(parameters or {}),
            "runner": runner,
        }
        return self._call("POST", "/v1/runs", body)

    def retry(
        self, run: int, request_id: str, *, from_job: str | None = None, working_tree: bool = False
    ) -> dict[str, Any]:
        """Run the failed tasks of a run again, or a job and what follows it; answers as `start_run`."""
        body = {"request_id": request_id, "from_job": from_job, "working_tree": working_tree}
        return self._call("POST", f"/v1/runs/{run}/retry", body)

    def cancel(self, run: int, *, jobs: tuple[str, ...] = (), by: str) -> dict[str, Any]:
        """Cancel a run, or some of its jobs: `cancelled`, the job ids that were not finished."""
        return self._call("POST", f"/v1/runs/{run}/cancel", {"jobs": list(jobs), "by": by})

    def set_variable(self, project: str, key: str, value: str, *, secret: bool) -> None:
        """Keep a variable of the project."""
        self._call("PUT", f"/v1/projects/{project}/variables/{quote(key, safe='')}", {"value": value, "secret": secret})

    def delete_variable(self, project: str, key: str) -> None:
        """Drop a variable of the project."""
        self._call("DELETE", f"/v1/projects/{project}/variables/{quote(key, safe='')}")

    def register(self, directory: str, runner: str | None = None) -> dict[str, Any]:
        """Make a directory's project known without running it: `project`, `name`."""
        return self._call("POST", "/v1/projects", {"directory": directory, "runner": runner})

    def adopt(self, directory: str) -> dict[str, Any]:
        """Bind the token in this directory's config to this directory (the project moved): `project`, `was`."""
        return self._call("POST", "/v1/projects/adopt", {"directory": directory})

    def forget(self, project: str) -> None:
        """Drop a project with its history, logs and data."""
        self._call("DELETE", f"/v1/projects/{project}")

    def doctor(self) -> list[dict[str, Any]]:
        """The engine's checks: `name`, `good`, `detail`, `remedy`."""
        checks: list[dict[str, Any]] = self._call("GET", "/v1/doctor")["checks"]
        return checks

    def image_bootstrap(self) -> Iterator[dict[str, Any]]:
        """Make the base image: objects with `line` as it goes, at last one with `image`. Raises ApiError."""
        connection = _UnixConnection(str(self.home.socket), 1800)
        try:
            connection.request("POST", "/v1/image/bootstrap")
            response = connection.getresponse()
            if response.status >= 400:
                raise _refusal(json.loads(response.read()))
            for raw in response:
                item = json.loads(raw)
                if "error" in item:
                    raise _refusal(item)
                yield item
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineUnreachable(f"the engine was lost meanwhile: {error}") from None
        finally:
            connection.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = _UnixConnection(str(self.home.socket), CALL_TIMEOUT_S)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineUnreachable(f"the engine doesn't answer at {self.home.socket}: {error}") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise _refusal(answer)
        return answer


def _refusal(answer: Mapping[str, Any]) -> ApiError:
    error = dict(answer.get("error") or {})
    return ApiError(
        str(error.pop("code", "error")),
        str(error.pop("message", "the engine refused without a reason")),
        int(error.pop("exit_code", 1)),
        error,
    )


def is_running(home: Home) -> bool:
    """Whether an engine of this home answers."""
    try:
        EngineClient(home).status()
    except (EngineUnreachable, ApiError):
        return False
    return True


def ensure_engine(home: Home, *, timeout_s: float = START_TIMEOUT_S) -> EngineClient:
    """The client of the running engine; starts one in the background where there is none.

    Raises EngineUnreachable with the engine's own last line when it does not come up.
    """
    client = EngineClient(home)
    if is_running(home):
        return client
    try:
        home.create()
    except HomeError as error:
        raise EngineUnreachable(str(error)) from None
    process = spawn_engine(home)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_running(home):
            return client
        if process.poll() not in (None, 0):
            break
        time.sleep(0.02)
    raise EngineUnreachable(f"the engine did not start: {last_line(home)} (its log: {home.engine_log})")


def spawn_engine(home: Home) -> subprocess.Popen[bytes]:
    """Start the engine as a process of its own session that outlives this terminal.

    An engine that finds another one in charge ends with code 0, so two callers at once are fine.
    """
    environment = {**os.environ, "SKAFOS_HOME": str(home.path)}
    with home.engine_log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "skafos_tui.daemon"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=environment,
            start_new_session=True,
            close_fds=True,
        )


def last_line(home: Home) -> str:
    """The last line of the engine's log that is not empty."""
    try:
        lines = home.engine_log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return "it has no log"
    return lines[-1] if lines else "its log is empty"
