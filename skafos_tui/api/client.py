"""The client of the engine: its calls, and how an engine of this version comes to be there; standard library only."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from skafos_tui import __version__
from skafos_tui.api import unit
from skafos_tui.api.transport import ApiError as ApiError
from skafos_tui.api.transport import EngineSilent as EngineSilent
from skafos_tui.api.transport import EngineUnreachable as EngineUnreachable
from skafos_tui.api.transport import UnixConnection, call, refusal
from skafos_tui.api.versions import is_newer
from skafos_tui.store.engine_log import last_line, log_size
from skafos_tui.store.home import Home, HomeError

PROTOCOL = 1
"""The number of what client and engine say to each other; a change that an older client would get wrong raises it."""
START_TIMEOUT_S = 20.0
CALL_TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 900.0
"""For what may have to make an image first."""
STATUS_TIMEOUT_S = 3.0
"""For questions that an engine answers at once: whoever waits longer waits for one that hangs."""
POLL_S = 0.02
AGAIN_S = 0.5
"""After this, then twice as long and so on, an engine is started once more: the one in charge then may have gone."""


class EngineClient:
    """Calls to the engine of one home. Every method raises EngineUnreachable and ApiError."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def status(self) -> dict[str, Any]:
        """`running`, `pid`, `version`, `protocol`, `engine`, `started_at`, `runners`, `disk` and `active_runs`.

        `disk` says why nothing new starts for lack of room, empty where there is enough.
        A runner has `kind`, `problem` (empty: it answers), `cpu` and `memory`; the first one is Docker.
        """
        return self._call("GET", "/v1/status", timeout_s=STATUS_TIMEOUT_S)

    def stop(self) -> None:
        """End the engine; jobs go on. Returns when its process has gone."""
        pid = int(self._call("POST", "/v1/stop", timeout_s=STATUS_TIMEOUT_S)["pid"])
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _has_ended(pid):
            if time.monotonic() > deadline:
                raise EngineUnreachable(f"the engine (pid {pid}) has not ended within {START_TIMEOUT_S:.0f} s")
            time.sleep(POLL_S)

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

    def deploy(self, directory: str, request_id: str, *, run: bool, runner: str | None = None) -> dict[str, Any]:
        """Snapshot and activate: `activation`, `deployment` (its number), `state`, `run`, `project` and `warnings`.

        The same request id gives the same activation again. `run`: start what starts with a deploy.
        """
        body = {"directory": directory, "request_id": request_id, "run": run, "runner": runner}
        return self._call("POST", "/v1/deployments", body)

    def rollback(self, project: str, deployment: int, request_id: str) -> dict[str, Any]:
        """Make the deployment with this number active again; answers as `deploy`."""
        body = {"deployment": deployment, "request_id": request_id}
        return self._call("POST", f"/v1/projects/{project}/rollback", body)

    def undeploy(self, project: str, request_id: str) -> dict[str, Any]:
        """Turn all schedules of a project off; answers as `deploy`."""
        return self._call("POST", f"/v1/projects/{project}/undeploy", {"request_id": request_id})

    def pause(self, project: str, job: str | None = None) -> dict[str, Any]:
        """Stop the schedule of a job (id or name), or all: `changed`, `job_id`, `name`."""
        return self._call("POST", f"/v1/projects/{project}/pause", {"job": job})

    def resume(self, project: str, job: str | None = None) -> dict[str, Any]:
        """Go on with what was paused, from now; answers as `pause`."""
        return self._call("POST", f"/v1/projects/{project}/resume", {"job": job})

    def ack(self, project: str | None, alerts: Sequence[int] | None, *, by: str) -> list[int]:
        """Take notice of alerts, None: of all of the project (None: any); the ids of those that were firing."""
        body = {"project": project, "alerts": None if alerts is None else list(alerts), "by": by}
        found: list[int] = self._call("POST", "/v1/alerts/ack", body)["acknowledged"]
        return found

    def take_back(self, alerts: Sequence[int]) -> list[int]:
        """Let acknowledged alerts fire again; the ids of those."""
        found: list[int] = self._call("POST", "/v1/alerts/take-back", {"alerts": list(alerts)})["firing"]
        return found

    def look(self, attempt: str) -> dict[str, Any]:
        """What the runner knows of an attempt, by name: `inspect` (None: there is nothing any more), `processes`."""
        return self._call("GET", f"/v1/attempts/{quote(attempt, safe='')}", timeout_s=STATUS_TIMEOUT_S)

    def shell(self, attempt: str) -> dict[str, Any]:
        """The way into an attempt that runs: `argv`, its `environment`, the `command` a person could type, `made`."""
        return self._call("POST", f"/v1/attempts/{quote(attempt, safe='')}/shell", {})

    def debug_shell(self, attempt: str) -> dict[str, Any]:
        """Make again what an ended attempt ran in; answers as `shell`. `end_debug` removes it."""
        path = f"/v1/attempts/{quote(attempt, safe='')}/debug"
        return self._call("POST", path, {}, timeout_s=BUILD_TIMEOUT_S)

    def end_debug(self, attempt: str) -> None:
        """Remove what was made for a debug shell."""
        self._call("DELETE", f"/v1/attempts/{quote(attempt, safe='')}/debug")

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
        connection = UnixConnection(str(self.home.socket), 1800)
        try:
            connection.request("POST", "/v1/image/bootstrap")
            response = connection.getresponse()
            if response.status >= 400:
                raise refusal(json.loads(response.read()))
            for raw in response:
                item = json.loads(raw)
                if "error" in item:
                    raise refusal(item)
                yield item
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineUnreachable(f"the engine was lost meanwhile: {error}") from None
        finally:
            connection.close()

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout_s: float = CALL_TIMEOUT_S
    ) -> dict[str, Any]:
        return call(self.home, method, path, body, timeout_s)


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # Ended, but its parent (us, where we started it) has not asked for its exit code.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, PermissionError):
        return True  # gone; the number may be another user's by now
    except OSError:
        return False  # no /proc on this platform; or it ends just now, and the next look sees it


def is_running(home: Home) -> bool:
    """Whether an engine of this home answers."""
    try:
        EngineClient(home).status()
    except (EngineUnreachable, ApiError):
        return False
    return True


def ensure_engine(home: Home, *, timeout_s: float = START_TIMEOUT_S) -> EngineClient:
    """The client of the running engine; starts one in the background where there is none.

    An older engine is told to end, and one of this version started: jobs go on and are taken up by it. Where systemd
    runs the engine, it does so through systemd. Of many commands at once one does all that, and the others wait.
    Raises EngineUnreachable with the engine's own last line when it does not come up, and where the engine is newer
    and speaks another protocol.
    """
    client = EngineClient(home)
    found = _ask(client)
    if found is not None and _suits(found):
        return client
    begun = time.monotonic()
    with _start_lock(home) as lock:
        while not _take(lock, begun + timeout_s):
            found = _ask(client)
            if found is not None and _suits(found):
                return client
        _bring_up(client, timeout_s)
    return client


def serve_by_systemd(home: Home, *, renewed: bool) -> int | None:
    """Have the enabled service be the engine; the pid of one that ended for it, None where there was none.

    An engine that is the service already goes on, unless the service was `renewed`. Jobs go on in any case. Raises
    EngineUnreachable and ApiError.
    """
    client = EngineClient(home)
    begun = time.monotonic()
    with _start_lock(home) as lock:
        while not _take(lock, begun + START_TIMEOUT_S):
            pass
        found = _ask(client)
        pid = None if found is None else int(found["pid"])
        if pid is not None and unit.is_main_process(home, pid):
            if not renewed:
                return None
            good = unit.restart_service(home)
        else:
            if pid is not None:
                client.stop()
            good = unit.start_service(home)
        if not good:
            name = unit.unit_name(home)
            raise EngineUnreachable(f"systemd doesn't start {name}: `systemctl --user status {name}` says why")
        _await(client, _Start(home, begun=True), START_TIMEOUT_S, gone=pid)
    return pid


def _ask(client: EngineClient) -> dict[str, Any] | None:
    """The status of the engine; None where there is none. Raises EngineSilent and EngineUnreachable."""
    try:
        return client.status()
    except EngineSilent:
        raise
    except EngineUnreachable:
        return None
    except ApiError as error:
        raise EngineUnreachable(f"the engine is in trouble: {error.message}") from None


def _suits(status: Mapping[str, Any]) -> bool:
    """Whether this client can work with an engine; False where the engine is older and shall be replaced.

    Raises EngineUnreachable where it is newer and speaks another protocol.
    """
    version = str(status.get("version") or "")
    if is_newer(__version__, version):
        return False
    _check_protocol(status)
    return True


def _check_protocol(status: Mapping[str, Any]) -> None:
    if status.get("protocol", 1) == PROTOCOL:
        return
    version = status.get("version")
    raise EngineUnreachable(
        f"the engine is skafos {version}, this is {__version__}, and they don't understand each other:"
        f" `pip install skafos-tui=={version}` here, or `skafos engine stop` and use this one"
    )


def _start_lock(home: Home) -> IO[str]:
    try:
        home.create()
        return (home.path / "start.lock").open("a")
    except HomeError as error:
        raise EngineUnreachable(str(error)) from None
    except OSError as error:
        raise EngineUnreachable(f"{home.path} can't be written: {error.strerror}; make it yours again") from None


def _take(lock: IO[str], deadline: float) -> bool:
    """Whether the lock is ours now; waits a moment where it isn't. Raises EngineUnreachable after the deadline."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if time.monotonic() > deadline:
            raise EngineUnreachable("another command has been starting the engine all the while: try again") from None
        time.sleep(POLL_S)
        return False
    return True


def _bring_up(client: EngineClient, timeout_s: float) -> None:
    """See to it that an engine of this version answers; the start lock is ours. Raises EngineUnreachable."""
    found = _ask(client)
    if found is None:
        _await(client, _Start(client.home), timeout_s)
    elif not _suits(found):
        pid = found.get("pid")
        # Once only: where an older one comes up again, it stays if it understands us.
        _check_protocol(_await(client, _hand_over(client, pid), timeout_s, gone=pid))


def _hand_over(client: EngineClient, pid: object) -> _Start:
    """End an older engine and start this one, as systemd's service where the old one was that."""
    unit.renew_interpreter(client.home)
    if unit.is_main_process(client.home, pid) and unit.restart_service(client.home):
        return _Start(client.home, begun=True)
    try:
        client.stop()
    except ApiError as error:
        raise EngineUnreachable(f"the older engine (pid {pid}) doesn't end: {error.message}") from None
    except EngineUnreachable:
        if _ask(client) is not None:
            raise
        # It has gone by itself meanwhile.
    return _Start(client.home)


class _Start:
    """An engine that was started: by systemd where it is enabled there, else as a process of ours."""

    def __init__(self, home: Home, *, begun: bool = False) -> None:
        self._home = home
        self._log_begin = log_size(home)
        self._process = None if begun or self._by_systemd() else spawn_engine(home)
        self._looked_at = time.monotonic()

    def _by_systemd(self) -> bool:
        return unit.is_enabled(self._home) and unit.start_service(self._home)

    def exit_code(self) -> int | None:
        """None while it goes on; 0 where another engine was in charge."""
        if self._process is not None:
            return self._process.poll()
        now = time.monotonic()
        if now - self._looked_at < AGAIN_S:
            return None
        self._looked_at = now
        # `activating` is the pause of systemd before it starts a failed one again.
        return {"inactive": 0, "failed": 1, "activating": 1}.get(unit.service_state(self._home))

    def last_line(self) -> str:
        """What it said last."""
        return last_line(self._home, self._log_begin)


def _await(client: EngineClient, start: _Start, timeout_s: float, gone: object = None) -> dict[str, Any]:
    """The status of an engine that was started, other than `gone`; raises EngineUnreachable with its last line."""
    begun = time.monotonic()
    pause_s, again_at = AGAIN_S, begun + AGAIN_S
    silent: EngineSilent | None = None
    while time.monotonic() - begun < timeout_s:
        try:
            found = _ask(client)
        except EngineSilent as error:
            silent = error  # it has just begun, and the machine is slow
            continue
        silent = None
        if found is not None and found.get("pid") != gone:
            return found
        code = start.exit_code()
        if code not in (None, 0):
            break
        if code == 0 and time.monotonic() > again_at:
            # Another one was in charge, but doesn't answer: it is starting yet, or was ending.
            start = _Start(client.home)
            pause_s *= 2
            again_at = time.monotonic() + pause_s
        time.sleep(POLL_S)
    raise silent or EngineUnreachable(
        f"the engine did not start: {start.last_line()} (its log: {client.home.engine_log})"
    )


def spawn_engine(home: Home) -> subprocess.Popen[bytes]:
    """Start the engine as a process of its own session that outlives this terminal.

    An engine that finds another one in charge ends with code 0, so two callers at once are fine. Raises
    EngineUnreachable where its log can't be written.
    """
    try:
        log = home.engine_log.open("ab")
    except OSError as error:
        raise EngineUnreachable(
            f"{home.engine_log} can't be written: {error.strerror}; make it yours again, or remove it"
        ) from None
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", unit.MODULE],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, **unit.engine_variables(home)},
            start_new_session=True,
            close_fds=True,
        )
