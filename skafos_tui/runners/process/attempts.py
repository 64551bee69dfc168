"""Attempts as directories and processes: created once, started at most once, looked at, signalled, removed (DESIGN 4).

All that is known of an attempt lies in its directory, so that any engine can go on with it.
"""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import skafos_tui
from skafos_tui.runners.base import (
    LABEL_ENGINE,
    LABEL_SPEC,
    AttemptSpec,
    CouldNotStart,
    Observation,
    Phase,
    RunnerError,
)
from skafos_tui.runners.command import command_line
from skafos_tui.runners.identity import boot_id, start_of
from skafos_tui.runners.process import cgroups, files, processes, shim
from skafos_tui.runners.process.builds import copy_code, environment_of
from skafos_tui.runners.process.environment import PROJECT_TARGET, job_environment
from skafos_tui.runners.process.places import Places, remove_tree
from skafos_tui.store.failpoints import failpoint

LOST = "its process is gone without an exit code"
REBOOTED = "the machine was restarted under it"
PACKAGE_ROOT = str(Path(skafos_tui.__file__).parent.parent)
POLL_S = 0.005
LIMIT_S = 10.0
"""How long a shim may take to say who it is, or to end."""


class LocalAttempts:
    """The attempts below one directory. All methods block."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._cleaned = False

    def create(self, spec: AttemptSpec) -> None:
        """Make the attempt's directory, or adopt the one with the labels and the hash. Raises CouldNotStart."""
        failpoint("process.create.before")
        labels = {**spec.labels, LABEL_SPEC: spec.digest()}
        if not self._adopted(spec.name, labels):
            self._make(spec, labels)
        failpoint("process.create.after")

    def _adopted(self, name: str, labels: Mapping[str, str]) -> bool:
        present = self._spec(name)
        if present is None:
            return False
        if present["labels"] != labels:
            place = self._places.attempt(name)
            raise CouldNotStart(f"another attempt has the name {name}; remove it: rm -r {place}")
        return True

    def _make(self, spec: AttemptSpec, labels: Mapping[str, str]) -> None:
        command = command_line(spec.segments)
        environment = environment_of(self._places, spec.image)
        if environment is None:
            raise CouldNotStart(f"{spec.image} is gone; it is made again at the next run")
        for mount in spec.mounts:
            if not mount.source.exists():
                raise CouldNotStart(f"{mount.source} is to be {mount.target} and does not exist")
        self._places.make()
        if not self._cleaned:
            self._cleaned = True
            self._places.clean()
        attempt, aside = self._places.attempt(spec.name), self._places.aside()
        mounted = next((mount.source for mount in spec.mounts if mount.target == PROJECT_TARGET), None)
        project = mounted or attempt / "project"
        content = {
            "name": spec.name,
            "labels": labels,
            "image": spec.image,
            "argv": command.argv,
            "signals_group": command.signals_group,
            "environment": job_environment(spec, attempt, environment, project, os.environ),
            "directory": str(project),
            "memory": spec.memory,
            "cpu": spec.cpu,
            "pids": spec.pids,
        }
        try:
            (aside / "home").mkdir(mode=0o700, parents=True)
            if mounted is None:
                copy_code(self._places, spec.image, aside / "project")
            (aside / files.LOCK).touch(mode=0o600)
            files.write_file(str(aside / files.SPEC), content, durable=False)
            aside.rename(attempt)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise CouldNotStart(f"its files can't be made: {error.strerror}: {error.filename}") from error
            # Another thread was first.
            self._adopted(spec.name, labels)
        finally:
            if aside.exists():
                remove_tree(aside)

    def start(self, name: str) -> bool:
        """Start the attempt if it never was; whether this call did. Raises CouldNotStart."""
        failpoint("process.start.before")
        attempt = self._places.attempt(name)
        lock = self._claim(name)
        if lock is not None:
            try:
                failpoint("process.claim.after")
                self._launch(attempt, lock)
            finally:
                os.close(lock)
        failpoint("process.start.after")
        return lock is not None

    def _claim(self, name: str) -> int | None:
        """The attempt's lock, held, if this is its first start; from then on there is no second."""
        attempt = self._places.attempt(name)
        content = {"time": time.time(), "boot": boot_id()}
        deadline = time.monotonic() + LIMIT_S
        while not (attempt / files.CLAIM).exists():
            try:
                lock = files.try_lock(str(attempt / files.LOCK))
            except FileNotFoundError:
                raise CouldNotStart(f"the attempt {name} is gone") from None
            if lock is not None:
                if files.create_durably(str(attempt / files.CLAIM), content):
                    return lock
                os.close(lock)
            elif time.monotonic() > deadline:
                raise RunnerError(f"another process holds {attempt / files.LOCK}")
            # Somebody looks, or starts it: either is over soon.
            time.sleep(POLL_S)
        return None

    def _launch(self, attempt: Path, lock: int) -> None:
        command = shim.command(sys.executable, PACKAGE_ROOT, str(attempt), lock)
        # The interpreter itself may lie where only this finds its libraries.
        kept = {key: os.environ[key] for key in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if key in os.environ}
        (attempt / files.WORDS).touch(mode=0o600)
        with (attempt / files.WORDS).open("wb") as words:
            try:
                ran = subprocess.run(
                    command,
                    cwd="/",
                    env=kept,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=words,
                    pass_fds=(lock,),
                    start_new_session=True,
                )
                if ran.returncode == 0:
                    return
                said = (attempt / files.WORDS).read_text(errors="replace").strip().splitlines()
                reason = said[-1] if said else f"the shim ended with {ran.returncode}"
            except OSError as error:
                reason = str(error)
        files.write_file(str(attempt / files.EXIT), {"error": f"it can't be started: {reason}"}, durable=True)
        raise CouldNotStart(f"it can't be started: {reason}")

    def inspect(self, name: str) -> Observation | None:
        """What is known of the attempt; None where there is no such directory."""
        failpoint("process.inspect.before")
        spec = self._spec(name)
        found = None if spec is None else self._observe(name, spec)
        failpoint("process.inspect.after")
        return found

    def _observe(self, name: str, spec: Mapping[str, Any]) -> Observation:
        attempt, labels = self._places.attempt(name), spec["labels"]
        phase = self._phase(attempt)
        if phase is Phase.CREATED:
            return Observation(name, phase, labels)
        claim = files.read_json(str(attempt / files.CLAIM)) or {}
        started = files.read_json(str(attempt / files.STARTED))
        started_at = claim.get("time") if started is None else started["started"]
        if phase is Phase.RUNNING:
            return Observation(name, phase, labels, started_at=started_at)
        rebooted = claim.get("boot") != boot_id()
        end = files.read_json(str(attempt / files.EXIT))
        if end is None:
            if not rebooted:
                processes.kill_left_behind(str(attempt))
            error = REBOOTED if rebooted else LOST
            # Without a time there would seem to have been no start.
            return Observation(
                name,
                phase,
                labels,
                started_at=started_at or attempt.stat().st_mtime,
                daemon_restarted=rebooted,
                log_cut=started is not None,
                error=error,
            )
        if "error" in end:
            return Observation(name, phase, labels, error=end["error"])
        return Observation(
            name,
            phase,
            labels,
            started_at=end["started"],
            ended_at=end["ended"],
            exit_code=end["code"],
            out_of_memory=end["out_of_memory"],
            daemon_restarted=rebooted,
            error=REBOOTED if rebooted else "",
        )

    def _phase(self, attempt: Path) -> Phase:
        if (attempt / files.EXIT).exists():
            return Phase.ENDED
        # In this order: the lock is taken before the claim is made.
        if not (attempt / files.CLAIM).exists():
            return Phase.CREATED
        return Phase.RUNNING if files.is_locked(str(attempt / files.LOCK)) else Phase.ENDED

    def list_attempts(self, engine: str) -> dict[str, Phase]:
        """All attempts with this engine's label, by name."""
        failpoint("process.list.before")
        found = {}
        for name in self._names():
            spec = self._spec(name)
            if spec is not None and spec["labels"].get(LABEL_ENGINE) == engine:
                found[name] = self._phase(self._places.attempt(name))
        failpoint("process.list.after")
        return found

    def uses(self, image: str | None = None, environment: str | None = None) -> bool:
        """Whether an attempt that has not ended is of this image, or runs in this environment (a digest)."""
        for name in self._names():
            spec = self._spec(name)
            if spec is None or self._phase(self._places.attempt(name)) is Phase.ENDED:
                continue
            if spec["image"] == image or (environment is not None and f"/{environment}-" in spec["image"]):
                return True
        return False

    def runs(self, name: str) -> bool:
        """Whether the attempt runs now."""
        return self._phase(self._places.attempt(name)) is Phase.RUNNING

    def engine_of(self, name: str) -> str | None:
        """The engine whose attempt it is."""
        spec = self._spec(name)
        return None if spec is None else spec["labels"].get(LABEL_ENGINE)

    def shim_of(self, name: str) -> tuple[int, str] | None:
        """Pid and start of the process beside a running attempt; None where it doesn't run.

        A shim that was only just started is given time to say who it is.
        """
        attempt = self._places.attempt(name)
        deadline = time.monotonic() + LIMIT_S
        while self.runs(name) and time.monotonic() < deadline:
            started = files.read_json(str(attempt / files.STARTED))
            if started is not None:
                return started["pid"], started["start"]
            time.sleep(POLL_S)
        return None

    def signal(self, name: str, wanted: str) -> None:
        """Send `SIGTERM` to the user's own process, or `SIGKILL` to all of the attempt's."""
        failpoint("process.kill.before")
        found = self.shim_of(name)
        if found is not None:
            send(*found, shim.KILL if wanted == "SIGKILL" else signal.Signals[wanted])
        failpoint("process.kill.after")

    def remove(self, name: str) -> None:
        """End what runs, and remove the directory; nothing happens where there is none."""
        failpoint("process.remove.before")
        attempt = self._places.attempt(name)
        if self._spec(name) is not None:
            self._end(name)
            started = files.read_json(str(attempt / files.STARTED))
            aside = self._places.aside()
            try:
                attempt.rename(aside)
            except FileNotFoundError:
                return
            remove_tree(aside)
            cgroups.remove(started["cgroups"] if started is not None else [])
        failpoint("process.remove.after")

    def _end(self, name: str) -> None:
        found = self.shim_of(name)
        if found is None:
            if self._phase(self._places.attempt(name)) is Phase.ENDED:
                processes.kill_left_behind(str(self._places.attempt(name)))
            return
        send(*found, shim.KILL)
        deadline = time.monotonic() + LIMIT_S
        while self.runs(name):
            if time.monotonic() > deadline:
                # It can't write down the end, for the disk is full or gone; nobody wants to know any more.
                send(*found, signal.SIGKILL)
                processes.kill_left_behind(str(self._places.attempt(name)))
                return
            time.sleep(POLL_S)

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self._places.attempts.iterdir() if not path.name.startswith(".")]
        except FileNotFoundError:
            return []

    def _spec(self, name: str) -> dict[str, Any] | None:
        return files.read_json(str(self._places.attempt(name) / files.SPEC))


def open_process(pid: int, start: str) -> int | None:
    """A descriptor of the process; None where it has ended, or its pid is another's now, or the system has none."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None
    if start_of(pid) == start:
        return descriptor
    os.close(descriptor)
    return None


def send(pid: int, start: str, number: signal.Signals) -> None:
    """Signal a process if it is still the one that started then."""
    descriptor = open_process(pid, start)
    try:
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
        elif not hasattr(os, "pidfd_open") and start_of(pid) == start:
            os.kill(pid, number)
    except ProcessLookupError:
        return
    finally:
        if descriptor is not None:
            os.close(descriptor)
