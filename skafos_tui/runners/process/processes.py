"""Processes of an attempt: which there are, what memory they take, how they are ended.

The shim starts with this: nothing slow is imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from skafos_tui.runners.identity import stat_fields
from skafos_tui.runners.process.files import COOKIE

PAGE = os.sysconf("SC_PAGE_SIZE")
END_LIMIT_S = 10.0
"""How long killed processes may take to be gone: one that waits for a dead disk can't be killed."""


def descendants(pid: int) -> list[int]:
    """All processes below this one, parents before their children."""
    if sys.platform == "darwin" or not os.path.exists(f"/proc/{pid}/task/{pid}/children"):
        return _below(pid, _parents())
    found: list[int] = []
    todo = [pid]
    while todo:
        children = _children(todo.pop())
        found.extend(children)
        todo.extend(children)
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found.extend(map(int, file.read().split()))
    except OSError:
        # It ended meanwhile; its children are the shim's now.
        return found
    return found


def _parents() -> dict[int, int]:
    """Every process's parent, where the kernel keeps no lists of children."""
    if sys.platform == "darwin":
        return {pid: parent for pid, parent, _ in _listed()}
    pairs = ((pid, stat_fields(pid)) for pid in all_pids())
    return {pid: int(fields[1]) for pid, fields in pairs if fields}


def _below(pid: int, parents: dict[int, int]) -> list[int]:
    found = [pid]
    for parent in found:
        found.extend(child for child, above in parents.items() if above == parent and child not in found)
    return found[1:]


def all_pids() -> list[int]:
    """The pids of this machine, as far as they are visible."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _listed() -> list[tuple[int, int, int]]:
    """pid, parent and resident KiB of every process, in the words of `ps`."""
    import subprocess

    ran = subprocess.run(["/bin/ps", "-axo", "pid=,ppid=,rss="], capture_output=True, text=True)
    rows = (line.split() for line in ran.stdout.splitlines())
    return [(int(pid), int(parent), int(size)) for pid, parent, size in rows]


def resident(pids: list[int]) -> dict[int, int]:
    """The resident bytes of each process; pages that processes share count in each."""
    if sys.platform == "darwin":
        wanted = set(pids)
        return {pid: size << 10 for pid, _, size in _listed() if pid in wanted}
    sizes: dict[int, int] = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/statm") as file:
                sizes[pid] = int(file.read().split()[1]) * PAGE
        except (OSError, IndexError):
            continue
    return sizes


def proportional(pid: int) -> int | None:
    """The process's bytes, those it shares divided among the sharers; None where the kernel doesn't tell."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) << 10
    except OSError:
        return None
    return None


def kill(pids: list[int]) -> None:
    """SIGKILL to each; who is gone is gone."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def end_all_below(group: int) -> None:
    """Kill and reap all that is below this process, which is a subreaper, and the group where it can't be one."""
    deadline = time.monotonic() + END_LIMIT_S
    while time.monotonic() < deadline:
        kill(descendants(os.getpid()))
        if sys.platform == "darwin":
            kill_group(group)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def kill_group(group: int) -> None:
    """SIGKILL to a process group."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def kill_left_behind(directory: str) -> int:
    """Kill the processes of an attempt whose shim is gone; how many. They are known by their environment."""
    killed: set[int] = set()
    deadline = time.monotonic() + END_LIMIT_S
    while time.monotonic() < deadline:
        found = of_attempt(directory)
        if not found:
            break
        kill(found)
        killed.update(found)
        time.sleep(0.01)
    return len(killed)


def of_attempt(directory: str) -> list[int]:
    """The processes of an attempt, known by their environment, also those that left its shim."""
    cookie = f"{COOKIE}={directory}".encode()
    return [pid for pid in all_pids() if _has(pid, cookie)] if sys.platform != "darwin" else []


def command_of(pid: int) -> str:
    """A process's command line; empty where it is gone, or the system doesn't tell."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _has(pid: int, cookie: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return cookie in file.read().split(b"\0")
    except OSError:
        return False
