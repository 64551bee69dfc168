"""Room on the disk under SKAFOS_HOME: how much new work needs, and whether an error says that there is none."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from skafos_tui.model.verdict import format_bytes

LOW_BYTES = 64 << 20
LOW_SHARE = 0.05
"""Below the smaller of both nothing new starts: what runs can still record its end and write its log."""
FEW_FILES = 100
"""With fewer free inodes than this nothing new starts either: a run makes a dozen files."""
PROBE_BYTES = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLITE_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE})


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or what it comes from, says that the disk (or the user's quota) has no more room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return True
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) in _SQLITE_FULL:
            return True
        error = error.__cause__
    return False


def shortage(path: Path) -> str:
    """One line that says that the disk of `path` is too full for new work; empty where it is not."""
    found = os.statvfs(path)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    wanted = min(LOW_BYTES, int(total * LOW_SHARE))
    if free < wanted:
        return f"{full(path)}: {format_bytes(free)} free, new work needs {format_bytes(wanted)}"
    if found.f_files and found.f_favail < FEW_FILES:
        return f"{full(path)}: room for {found.f_favail} more files"
    return ""


def full(path: Path) -> str:
    """The beginning of every message about it."""
    return f"the disk of {path} is full"


def takes_no_more(path: Path) -> bool:
    """Whether a file of 1 MiB can't be written: a quota shows no other way. Leaves nothing behind."""
    probe = path / f".room-{os.getpid()}"
    try:
        probe.write_bytes(bytes(PROBE_BYTES))
    except OSError as error:
        if is_full(error):
            return True
        raise
    finally:
        probe.unlink(missing_ok=True)
    return False
