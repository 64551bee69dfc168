"""Which process is meant: a pid is given again, a pid with its start time and the machine's boot is not.

Nothing but `os` and `sys` is imported at the top: the process runner's shim starts with this.
"""

from __future__ import annotations

import os
import sys

NO_BOOT = "-"


def boot_id() -> str:
    """What differs between any two boots of this machine; `-` where it can't be told."""
    if sys.platform == "darwin":
        return _said_by("sysctl", "-n", "kern.bootsessionuuid") or NO_BOOT
    return _read("/proc/sys/kernel/random/boot_id").strip() or NO_BOOT


def start_of(pid: int) -> str:
    """When the process started, in the system's own words; empty where there is none."""
    if sys.platform == "darwin":
        return _said_by("ps", "-o", "lstart=", "-p", str(pid))
    fields = stat_fields(pid)
    return fields[19] if fields else ""


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third (state) on; empty where there is no such process.

    The name in parentheses before them may hold anything.
    """
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def builder_identity() -> str:
    """Who makes something: user, boot, process and its start, so that what a dead process left can be told."""
    pid = os.getpid()
    return f"{os.geteuid()}:{boot_id()}:{pid}:{start_of(pid).replace(' ', '_').replace(':', '.')}"


def is_left_behind(identity: str) -> bool:
    """Whether the builder was a process of this user that has ended."""
    uid, boot, pid, start = (*identity.split(":", 3), "", "", "", "")[:4]
    if uid != str(os.geteuid()) or not pid.isdigit():
        return False
    return boot != boot_id() or start_of(int(pid)).replace(" ", "_").replace(":", ".") != start


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 4096).decode("utf-8", "replace")
    except OSError:
        # The process ended between the two calls.
        return ""
    finally:
        os.close(descriptor)


def _said_by(*command: str) -> str:
    import subprocess

    ran = subprocess.run(
        command, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/bin"}
    )
    return ran.stdout.strip()
