"""What this machine is as a runner: what admission may hand out, which limits it can set, what `doctor` shows of it."""

from __future__ import annotations

import os
import platform
import secrets
import sys
from collections.abc import Mapping

from skafos_tui.model.project import Resources
from skafos_tui.runners.base import RunnerInfo
from skafos_tui.runners.capacity import usable_memory
from skafos_tui.runners.checks import Check, check
from skafos_tui.runners.process import cgroups
from skafos_tui.runners.process.pip import has_pip

WITHOUT_CGROUP = {
    "memory": "watched, and the biggest process killed",
    "cpu": "as whole cores",
    "pids": "for all processes of the user",
}
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def runner_info(directory: str) -> RunnerInfo:
    """What `engine status` and `doctor` show. Blocking."""
    return RunnerInfo(
        kind="process",
        version=platform.python_version(),
        capacity=Resources(cpu=float(cores()), memory=usable_memory(memory())),
        details={"directory": directory, **{f"limit_{key}": text for key, text in limits().items()}},
    )


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def memory() -> int:
    """The bytes of this machine, or of the container that we are in."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in MEMORY_LIMITS:
        try:
            with open(path) as file:  # noqa: PTH123
                text = file.read().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def limits() -> Mapping[str, str]:
    """How each limit is kept here, found out by making a cgroup and removing it."""
    if sys.platform != "linux":
        return {**WITHOUT_CGROUP, "cpu": "not at all", "pids": "not at all"}
    made = cgroups.make(f"skafos-probe-{secrets.token_hex(4)}")
    made.limit(memory=64 << 20, cpu=1.0, pids=64)
    found = {key: f"cgroup v{made.version}" if key in made.limits else text for key, text in WITHOUT_CGROUP.items()}
    cgroups.remove(made.directories)
    return found


def checks() -> list[Check]:
    """What is missing here compared with Docker, and what helps. Blocking."""
    name = f"Python {platform.python_version()}, {cores()} cpu, {memory() / (1 << 30):.1f}Gi"
    found = [check("processes", True, name)]
    if not has_pip():
        remedy = "apt install python3-venv"
        found.append(check("pip", False, "requirements can't be installed: this Python has no ensurepip", remedy))
    by_cgroup = "run the engine as a systemd user service (`skafos engine enable`), or use Docker"
    for key, text in limits().items():
        good = text.startswith("cgroup")
        found.append(check(f"limit of {key}", good, text, "" if good else by_cgroup, needed=False))
    remedy = "use Docker: --runner docker"
    found.append(check("isolation", False, "jobs see all your files and the network", remedy, needed=False))
    return found
