"""Containers of attempts: created once, started at most once, looked at, signalled, removed (DESIGN 4)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skafos_tui.runners.base import (
    LABEL_ENGINE,
    LABEL_NAME,
    LABEL_SPEC,
    AttemptSpec,
    CouldNotStart,
    Mount,
    Observation,
    Phase,
)
from skafos_tui.runners.command import command_line
from skafos_tui.runners.docker.client import CONFLICT, NOT_FOUND, DockerClient, Refused, one_line
from skafos_tui.runners.docker.daemon import DaemonLife, began_before, daemon_life, ended_by_restart, ended_unseen
from skafos_tui.runners.docker.host import Host, host_of
from skafos_tui.runners.docker.renamed import bring_back, name_of
from skafos_tui.runners.docker.times import parse_time

PROJECT_DIRECTORY = "/project"
HOME_DIRECTORY = "/home/skafos"
USER_NAME = "skafos"
GROUP_SIGNALS = {"TINI_KILL_PROCESS_GROUP": "1"}
"""Docker's init hands signals to the whole process group of its child."""
LOG_CONFIG = {"max-size": "4g", "max-file": "2", "mode": "blocking"}
"""Rotation drops lines: those nobody has read, and, for a reader that follows, many in the middle (measured: 162,000 of
400,000 lines came through four rotations). So it must not happen before our own cap of 1 GiB an attempt (SPEC 8):
Docker's JSON takes up to twice our format for short lines, more where characters are escaped. `blocking`, because the
other mode drops lines too (DESIGN 9).
"""

KILLED = 137
MEMORY_MARK_S = 0.25
"""The kernel's mark "out of memory" and the exit reach Docker as two events, in either order: a container that was
killed a moment ago is looked at once more."""

PHASES = {
    "created": Phase.CREATED,
    "running": Phase.RUNNING,
    "restarting": Phase.RUNNING,
    "paused": Phase.PAUSED,
    "exited": Phase.ENDED,
    "dead": Phase.ENDED,
    "removing": Phase.ENDED,
}


class Containers:
    """The containers of attempts on one daemon. All methods block; none touches a container that isn't ours."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._seen_running: dict[str, str] = {}
        """Name to the identity of the daemon's life in which it was last seen running."""
        self._own: dict[str, str] = {}
        """Name to the id of a container known to be ours; an id is never given again."""

    def create(self, spec: AttemptSpec) -> None:
        """Create the container, or adopt the one that has the name, the labels and the hash. Raises CouldNotStart."""
        config = container_config(spec, host_of(self._client), own_user())
        try:
            self._client.call("create", lambda docker: docker.create_container_from_config(config, name=spec.name))
        except Refused as error:
            if error.status != CONFLICT:
                raise CouldNotStart(str(error)) from error
            self._adopt(spec, config["Labels"], error)

    def _adopt(self, spec: AttemptSpec, labels: Mapping[str, str], conflict: Refused) -> None:
        found = self._look(spec.name)
        if found is None:
            raise CouldNotStart(str(conflict)) from conflict
        present = found["Config"].get("Labels") or {}
        if any(present.get(key) != value for key, value in labels.items()):
            raise CouldNotStart(
                f"another container has the name {spec.name} and is not this attempt; remove it or rename it: "
                f"docker rm {spec.name}"
            ) from conflict

    def start(self, name: str) -> None:
        """Start the container if its state is `created`; it is never started again. Raises CouldNotStart."""
        found = self._look_at_own(name)
        if found is None:
            raise CouldNotStart(f"the container {name} is gone")
        if found["State"]["Status"] != "created":
            return
        life = daemon_life(self._client)
        try:
            self._client.call("start", lambda docker: docker.start(found["Id"]))
        except Refused as error:
            raise CouldNotStart(str(error)) from error
        self._saw_running((name,), life)

    def inspect(self, name: str) -> Observation | None:
        """What Docker knows of the attempt; None where there is no such container of ours."""
        found = self._look_at_own(name)
        if found is None:
            return None
        phase = PHASES[found["State"]["Status"]]
        if phase is Phase.CREATED:
            return observation(name, found, phase, restarted=False)
        life = daemon_life(self._client)
        if phase is not Phase.ENDED:
            self._saw_running((name,), life)
            return observation(name, found, phase, restarted=False)
        if _memory_may_be_told_later(found["State"]):
            time.sleep(MEMORY_MARK_S)
            found = self._look_at_own(name) or found
        with self._lock:
            seen_in = self._seen_running.get(name)
        state = found["State"]
        started_at, ended_at = parse_time(state["StartedAt"]), parse_time(state["FinishedAt"])
        # Docker's `info` takes 30 ms to 60 ms, so it is asked only where its answer can matter.
        restarted = began_before(life, seen_in, started_at) and ended_by_restart(
            life,
            seen_in,
            started_at=started_at,
            exit_code=state["ExitCode"],
            live_restore=host_of(self._client, fresh=True).live_restore,
        )
        log_cut = ended_unseen(life, seen_in, started_at=started_at, ended_at=ended_at)
        return replace(observation(name, found, phase, restarted=restarted), log_cut=log_cut)

    def list_attempts(self, engine: str) -> dict[str, Phase]:
        """All containers with this engine's label, by name."""
        found = self._client.call(
            "list",
            lambda docker: docker.containers(all=True, filters={"label": [f"{LABEL_ENGINE}={engine}"]}),
        )
        phases = {name: PHASES[entry["State"]] for entry in found if (name := name_of(entry))}
        running = tuple(name for name, phase in phases.items() if phase in (Phase.RUNNING, Phase.PAUSED))
        life = daemon_life(self._client) if running else None
        with self._lock:
            self._seen_running = {name: seen for name, seen in self._seen_running.items() if name in phases}
            self._own = {name: identity for name, identity in self._own.items() if name in phases}
        if life is not None:
            self._saw_running(running, life)
        return phases

    def signal(self, name: str, signal: str) -> None:
        """Send a signal to the user's process; nothing happens where the container has ended or is gone."""
        found = self._look_at_own(name)
        if found is None or PHASES[found["State"]["Status"]] not in (Phase.RUNNING, Phase.PAUSED):
            return
        try:
            self._client.call("kill", lambda docker: docker.kill(found["Id"], signal))
        except Refused as error:
            if error.status not in (CONFLICT, NOT_FOUND):
                raise

    def remove(self, name: str) -> None:
        """Remove the container and its anonymous volumes; nothing happens where there is none of ours."""
        with self._lock:
            identity = self._own.get(name)
        if identity is None:
            found = self._look_at_own(name)
            if found is None:
                return
            identity = found["Id"]
        try:
            self._client.call("remove", lambda docker: docker.remove_container(identity, v=True, force=True))
        except Refused as error:
            # 409: its removal is under way already.
            if error.status not in (NOT_FOUND, CONFLICT):
                raise
        with self._lock:
            self._seen_running.pop(name, None)
            self._own.pop(name, None)

    def _look(self, name: str) -> dict[str, Any] | None:
        try:
            return dict(self._client.call("inspect", lambda docker: docker.inspect_container(name)))
        except Refused as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def _look_at_own(self, name: str) -> dict[str, Any] | None:
        found = self._look(name)
        if found is None and bring_back(self._client, name):
            found = self._look(name)
        # Docker also finds containers by the beginning of an id.
        if found is None or found["Name"].lstrip("/") != name:
            return None
        if LABEL_ENGINE not in (found["Config"].get("Labels") or {}):
            return None
        with self._lock:
            self._own[name] = found["Id"]
        return found

    def _saw_running(self, names: tuple[str, ...], life: DaemonLife) -> None:
        with self._lock:
            self._seen_running.update(dict.fromkeys(names, life.identity))


def _memory_may_be_told_later(state: Mapping[str, Any]) -> bool:
    ended_at = parse_time(state["FinishedAt"])
    fresh = ended_at is not None and abs(time.time() - ended_at) < 1.0
    return fresh and state["ExitCode"] == KILLED and not state.get("OOMKilled")


def own_user() -> tuple[int, int]:
    """The uid and gid whose files a job writes."""
    return os.geteuid(), os.getegid()


def container_config(spec: AttemptSpec, host: Host, user: tuple[int, int]) -> dict[str, Any]:
    """The body of Docker's create call for an attempt. Raises CouldNotStart for a notebook."""
    command = command_line(spec.segments)
    environment = {
        "HOME": HOME_DIRECTORY,
        # A uid without an entry in /etc/passwd has no name: getpass.getuser() raises.
        "USER": USER_NAME,
        "LOGNAME": USER_NAME,
        **(GROUP_SIGNALS if command.signals_group else {}),
        **spec.environment,
    }
    uid, gid = (0, 0) if host.rootless else user
    return {
        "Image": spec.image,
        # Not the image's own: an entrypoint script would come before the job, a health check beside it.
        "Entrypoint": [],
        "Cmd": list(command.argv),
        "Healthcheck": {"Test": ["NONE"]},
        "Env": [f"{key}={value}" for key, value in environment.items()],
        "Labels": {**spec.labels, LABEL_NAME: spec.name, LABEL_SPEC: spec.digest()},
        "User": f"{uid}:{gid}",
        "WorkingDir": PROJECT_DIRECTORY,
        # Docker wakes a paused container for the signal that stops it.
        "StopSignal": "SIGTERM",
        "OpenStdin": False,
        "Tty": False,
        "HostConfig": {
            "Init": True,
            "AutoRemove": False,
            "RestartPolicy": {"Name": "no"},
            "LogConfig": {"Type": "json-file", "Config": LOG_CONFIG},
            "CapDrop": ["ALL"],
            "SecurityOpt": _security(host),
            "PidsLimit": spec.pids,
            "Memory": spec.memory,
            "MemorySwap": spec.memory,
            # Docker refuses more than the machine has.
            "NanoCpus": int(min(spec.cpu, host.cpus) * 1e9),
            # Its pages count as the job's memory, so the memory limit is the one that binds.
            "ShmSize": spec.memory,
            "NetworkMode": spec.network,
            "Mounts": [_mount(mount) for mount in spec.mounts],
        },
    }


def _security(host: Host) -> list[str]:
    options = ["no-new-privileges"]
    if host.selinux:
        # The job's directories carry the user's labels, and relabelling a home directory breaks other programs.
        options.append("label=disable")
    return options


def _mount(mount: Mount) -> dict[str, Any]:
    """As `Mounts`, not `Binds`: those create a missing source, as root."""
    return {
        "Type": "bind",
        "Source": str(mount.source),
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }


def observation(name: str, found: Mapping[str, Any], phase: Phase, *, restarted: bool) -> Observation:
    """What an answer of Docker's inspect says."""
    state = found["State"]
    ended = phase is Phase.ENDED
    return Observation(
        name=name,
        phase=phase,
        labels=found["Config"].get("Labels") or {},
        started_at=parse_time(state["StartedAt"]),
        ended_at=parse_time(state["FinishedAt"]) if ended else None,
        exit_code=state["ExitCode"] if ended else None,
        out_of_memory=bool(state.get("OOMKilled")),
        daemon_restarted=restarted,
        error=one_line(state.get("Error") or ""),
    )
