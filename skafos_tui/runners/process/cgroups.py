"""A cgroup for an attempt where this user may make one: the kernel's own limits, version 2 or 1.

The shim starts with this: nothing slow is imported.
"""

from __future__ import annotations

import os
import time

ROOT = "/sys/fs/cgroup"
PERIOD_US = 100_000
CONTROLLERS = ("memory", "cpu", "pids")
REMOVE_LIMIT_S = 1.0


class Cgroup:
    """The directories of one attempt, one for all controllers or one for each, and what they limit."""

    def __init__(self, directories: dict[str, str], version: int) -> None:
        self.version = version
        self._by_controller = directories

    @property
    def limits(self) -> frozenset[str]:
        """The controllers that work, of `memory`, `cpu`, `pids`."""
        return frozenset(self._by_controller)

    @property
    def directories(self) -> list[str]:
        """What is to be joined, and removed at the end."""
        return sorted(set(self._by_controller.values()))

    def limit(self, *, memory: int, cpu: float, pids: int) -> None:
        """Set the limits, in bytes, cores and processes; a controller that refuses doesn't count as limiting."""
        quota = max(1000, int(cpu * PERIOD_US))
        swap = {2: [("memory.swap.max", "0")], 1: [("memory.memsw.limit_in_bytes", str(memory))]}[self.version]
        wanted = {
            "memory": [("memory.max" if self.version == 2 else "memory.limit_in_bytes", str(memory))],
            "cpu": [("cpu.max", f"{quota} {PERIOD_US}") if self.version == 2 else ("cpu.cfs_quota_us", str(quota))],
            "pids": [("pids.max", str(pids))],
        }
        for controller, settings in wanted.items():
            directory = self._by_controller.get(controller)
            if directory is not None and not all(_write(f"{directory}/{file}", text) for file, text in settings):
                del self._by_controller[controller]
                if directory not in self._by_controller.values():
                    remove([directory])
        if "memory" in self._by_controller:
            for file, text in swap:
                # Not there where the kernel doesn't account for swap.
                _write(f"{self._by_controller['memory']}/{file}", text)

    def join(self) -> None:
        """Put the calling process in."""
        for directory in self.directories:
            _write(f"{directory}/cgroup.procs", str(os.getpid()))

    def killed_for_memory(self) -> bool:
        """Whether the kernel killed a process in it for memory."""
        directory = self._by_controller.get("memory")
        if directory is None:
            return False
        text = _read(f"{directory}/{'memory.events' if self.version == 2 else 'memory.oom_control'}")
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in text.splitlines())

    def peak(self) -> int | None:
        """The most bytes it held; None where the kernel doesn't tell."""
        directory = self._by_controller.get("memory")
        text = _read(f"{directory}/{'memory.peak' if self.version == 2 else 'memory.max_usage_in_bytes'}")
        return int(text) if text.strip().isdigit() else None


def make(name: str) -> Cgroup:
    """The attempt's cgroup, with as many controllers as can be had; maybe none."""
    own = _own_paths()
    if os.path.exists(f"{ROOT}/cgroup.controllers"):
        return _make_unified(name, own.get("", "/"))
    directories = {}
    for controller in CONTROLLERS:
        directory = _make_below(f"{ROOT}/{controller}", own.get(controller, "/"), name)
        if directory is not None:
            directories[controller] = directory
    return Cgroup(directories, 1)


def _make_unified(name: str, own: str) -> Cgroup:
    """Beside ourselves, for a cgroup with processes of its own can't hand out controllers; else below."""
    for parent in dict.fromkeys((os.path.dirname(own), own)):
        base = f"{ROOT}{parent}".rstrip("/")
        given = set(_read(f"{base}/cgroup.subtree_control").split())
        if "memory" not in given:
            continue
        directory = f"{base}/{name}"
        # Going there needs the right to move processes in the nearest cgroup above both.
        if os.access(f"{base}/cgroup.procs", os.W_OK) and _mkdir(directory):
            return Cgroup({controller: directory for controller in CONTROLLERS if controller in given}, 2)
    return Cgroup({}, 2)


def _make_below(mount: str, own: str, name: str) -> str | None:
    # In a container our own path may be one of the host, which isn't mounted here.
    for parent in dict.fromkeys((own, "/")):
        directory = f"{mount}{parent}".rstrip("/") + f"/{name}"
        if os.path.isdir(os.path.dirname(directory)):
            return directory if _mkdir(directory) else None
    return None


def _own_paths() -> dict[str, str]:
    """Controller to our own cgroup; the unified one is the controller ""."""
    paths = {}
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def remove(directories: list[str]) -> None:
    """Remove cgroups whose processes have ended; they count as busy for a moment still."""
    deadline = time.monotonic() + REMOVE_LIMIT_S
    for directory in directories:
        while os.path.isdir(directory):
            try:
                os.rmdir(directory)
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.005)


def _mkdir(path: str) -> bool:
    try:
        os.mkdir(path)
    except FileExistsError:
        return True
    except OSError:
        return False
    return True


def _write(path: str, text: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
