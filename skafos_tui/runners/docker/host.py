"""What the daemon says about its machine and itself."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skafos_tui.model.project import Resources
from skafos_tui.runners.base import RunnerInfo
from skafos_tui.runners.capacity import usable_memory
from skafos_tui.runners.docker.client import DockerClient

FRESH_S = 5.0


@dataclass(frozen=True, slots=True)
class Host:
    """The facts of `docker info` that matter here. `memory` in bytes, `cpus` in cores."""

    version: str
    cpus: int
    memory: int
    rootless: bool
    selinux: bool
    live_restore: bool
    storage_driver: str
    cgroup_version: str
    root_directory: str
    warnings: tuple[str, ...]


_known: weakref.WeakKeyDictionary[DockerClient, tuple[float, Host]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def host_of(client: DockerClient, *, fresh: bool = False) -> Host:
    """The daemon's host; asked for once, or, with `fresh`, again after FRESH_S seconds."""
    with _lock:
        known = _known.get(client)
    if known is not None and (not fresh or time.monotonic() - known[0] < FRESH_S):
        return known[1]
    host = parse_info(client.call("info", lambda docker: docker.info()))
    with _lock:
        _known[client] = (time.monotonic(), host)
    return host


def parse_info(info: Mapping[str, Any]) -> Host:
    """The answer of Docker's `/info`."""
    security = info.get("SecurityOptions") or []
    warnings = [str(line).removeprefix("WARNING: ") for line in info.get("Warnings") or []]
    return Host(
        version=info["ServerVersion"],
        cpus=info["NCPU"],
        memory=info["MemTotal"],
        rootless=any("name=rootless" in option for option in security),
        selinux=any("name=selinux" in option for option in security),
        live_restore=bool(info.get("LiveRestoreEnabled")),
        storage_driver=info["Driver"],
        cgroup_version=info.get("CgroupVersion") or "1",
        root_directory=info["DockerRootDir"],
        warnings=tuple(warnings),
    )


def runner_info(host: Host, address: str) -> RunnerInfo:
    """The same as `engine status` and `doctor` show it, with what admission may hand out."""
    details = {
        "address": address,
        "cgroup_version": host.cgroup_version,
        "rootless": "yes" if host.rootless else "no",
        "live_restore": "yes" if host.live_restore else "no",
        "storage_driver": host.storage_driver,
        "root_directory": host.root_directory,
    }
    if host.warnings:
        details["warnings"] = "; ".join(host.warnings)
    return RunnerInfo(
        kind="docker",
        version=host.version,
        capacity=Resources(cpu=float(host.cpus), memory=usable_memory(host.memory)),
        details=details,
    )
