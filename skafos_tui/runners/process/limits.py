"""The limits of an attempt: by a cgroup where there is one, else as far as the system enforces them otherwise (SPEC 4).

The shim starts with this: nothing slow is imported.
"""

from __future__ import annotations

import fcntl
import math
import os
import resource
import sys
import time
from collections import Counter

from skafos_tui.runners.identity import start_of
from skafos_tui.runners.process import files, processes

LONGEST_S = 0.25
SHORTEST_S = 0.02
GROWTH = 2 << 30
"""Bytes a second that a job may fill its memory by, as assumed: the nearer the limit, the sooner the next look."""
GONE_S = 0.1
"""How long a killed process may hold its memory before the next one is killed."""
APPLE_S = 2.0
"""Without /proc a look costs a `ps`."""


class MemoryWatch:
    """Kills the biggest process of an attempt above its limit, as the kernel does in a cgroup."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.killed = False
        self.peak = 0
        self.due = time.monotonic() + SHORTEST_S

    def look(self) -> None:
        """Sum up, kill if it must be, and say when it is `due` again (monotonic seconds)."""
        sizes = processes.resident(processes.descendants(os.getpid()))
        used = sum(sizes.values())
        if used > self._limit:
            # Workers that were forked share most of what they have: that counts once.
            sizes = {pid: processes.proportional(pid) or size for pid, size in sizes.items()}
            used = sum(sizes.values())
        self.peak = max(self.peak, used)
        wait = min(LONGEST_S, max(SHORTEST_S, (self._limit - used) / GROWTH))
        if used > self._limit:
            self.killed = True
            processes.kill([max(sizes, key=lambda pid: sizes[pid])])
            wait = GONE_S
        self.due = time.monotonic() + (max(wait, APPLE_S) if sys.platform == "darwin" else wait)


def choose_cores(attempt: str, cpu: float) -> list[int]:
    """The cores to keep an attempt on, those that the fewest others have; empty where it may use all.

    To be called, and `started` written, under the lock of `cores_lock`.
    """
    if sys.platform == "darwin":
        return []
    present = sorted(os.sched_getaffinity(0))
    wanted = math.ceil(cpu)
    if wanted >= len(present):
        return []
    taken = Counter(core for other in _running_beside(attempt) for core in other.get("cores", []))
    return sorted(sorted(present, key=lambda core: (taken[core], core))[:wanted])


def cores_lock(attempt: str) -> int:
    """Hold the choice of cores for this attempt; close the descriptor to let go."""
    path = f"{os.path.dirname(attempt)}/.cores"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _running_beside(attempt: str) -> list[dict[str, list[int]]]:
    beside = os.path.dirname(attempt)
    found = []
    for name in os.listdir(beside):
        started = files.read_json(f"{beside}/{name}/{files.STARTED}")
        ended = os.path.exists(f"{beside}/{name}/{files.EXIT}")
        if started is not None and not ended and start_of(started["pid"]) == started["start"]:
            found.append(started)
    return found


def limit_processes(pids: int) -> None:
    """Bound the processes of this user: what the machine has now, and `pids` more.

    The limit counts all of the user's threads, not the attempt's. Root has none.
    """
    if sys.platform == "darwin" or os.geteuid() == 0:
        return
    with open("/proc/loadavg") as file:
        present = int(file.read().split()[3].partition("/")[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    wanted = present + pids
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (limit, hard))
