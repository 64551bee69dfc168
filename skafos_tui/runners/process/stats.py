"""What a running attempt's processes use, as /proc and its cgroup tell it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from skafos_tui.model.metrics import Sample
from skafos_tui.runners.base import StatsSink
from skafos_tui.runners.identity import stat_fields
from skafos_tui.runners.process import files, host, processes

INTERVAL_S = 1.0
TICKS = os.sysconf("SC_CLK_TCK")
_USED = slice(11, 15)
"""User and system time of the process, and of its children that have ended (proc(5), from field 3 on)."""
_THREADS = 17
_START = 19
_PAGES = 21


def read_stats(attempt: Path, shim: tuple[int, str], sink: StatsSink, stop: threading.Event) -> None:
    """The samples of an attempt (its directory) as `Runner.read_stats` promises; `shim` is its pid and start.

    Without /proc nothing is sampled: this waits for `stop`.
    """
    if sys.platform != "linux":
        stop.wait()
        return
    limit = (files.read_json(str(attempt / files.SPEC)) or {}).get("memory", 0)
    groups = (files.read_json(str(attempt / files.STARTED)) or {}).get("cgroups", [])
    limit = min(limit, host.memory()) or host.memory()
    due = time.monotonic()
    while not stop.wait(max(0.0, due - time.monotonic())):
        sample = look(*shim, groups, limit)
        if sample is None:
            return
        sink(sample)
        due = max(due + INTERVAL_S, time.monotonic())


def look(pid: int, start: str, groups: Sequence[str], limit: int) -> Sample | None:
    """One sample of all below a shim; None where it has ended.

    Children that ended count with the parents that waited for them, the shim at last: so nothing gets lost, and the
    shim's own time is left out. What it writes is the attempt's log.
    """
    own = stat_fields(pid)
    if not own or own[_START] != start:
        return None
    below = processes.descendants(pid)
    fields = [found for found in map(stat_fields, below) if found]
    ticks = sum(map(int, own[13:15])) + sum(int(number) for one in fields for number in one[_USED])
    memory = memory_of(groups)
    if memory is None:
        memory = sum(int(one[_PAGES]) for one in fields) * processes.PAGE
    read, written = _blocks([pid, *below])
    return Sample(
        at=time.time(),
        cpu_s=ticks / TICKS,
        memory=memory,
        memory_limit=limit,
        processes=sum(int(one[_THREADS]) for one in fields),
        read=read,
        written=written,
    )


def memory_of(groups: Sequence[str]) -> int | None:
    """What the attempt's cgroup holds without inactive page cache, version 2 or 1; None where there is none."""
    for group in groups:
        for file, cache in (("memory.current", "inactive_file"), ("memory.usage_in_bytes", "total_inactive_file")):
            try:
                usage = int(Path(group, file).read_text())
                details = dict(line.split() for line in Path(group, "memory.stat").read_text().splitlines())
            except (OSError, ValueError):
                continue
            return max(0, usage - int(details.get(cache, 0)))
    return None


def _blocks(pids: Sequence[int]) -> tuple[int | None, int | None]:
    """Bytes that came from and went to block devices; None where the kernel doesn't tell."""
    read = written = 0
    told = False
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        except OSError:
            # It has ended, or may not be looked at.
            continue
        numbers = dict(line.split(": ") for line in lines)
        told = told or "read_bytes" in numbers
        read += int(numbers.get("read_bytes", 0))
        written += int(numbers.get("write_bytes", 0))
    return (read, written) if told else (None, None)
