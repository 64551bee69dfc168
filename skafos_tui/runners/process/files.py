"""The files of an attempt's directory, and how they are written and locked.

The shim starts with this: nothing slow is imported.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

SPEC = "spec.json"
"""What the attempt is: its labels, its command, its environment, its limits."""
LOCK = "lock"
"""Locked by whoever starts the attempt, and from then on by its shim until that ends: so it tells whether the attempt
runs, and no pid that was given again can deceive it. The kernel lets go of it when the shim dies."""
CLAIM = "claim"
"""Made, exclusively and durably, before anything is started: there is one start at most."""
STARTED = "started"
"""The shim's pid and the start of its process, and when the attempt started."""
EXIT = "exit"
"""How the attempt ended; written last."""
LOG = "log"
"""What it printed, in the format of DESIGN 5."""
WORDS = "words"
"""What went wrong with the shim itself."""
COOKIE = "SKAFOS_ATTEMPT_DIRECTORY"
"""In the environment of every process of an attempt: what a shim that was killed left running is found by it."""


def read_json(path: str) -> dict[str, Any] | None:
    """The content of a file of ours; None where there is none, or none that a power cut left whole."""
    try:
        with open(path, "rb") as file:  # pathlib takes the shim 10 ms
            found = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_file(path: str, content: dict[str, Any], *, durable: bool) -> None:
    """Write atomically; with `durable` it is on disk afterwards."""
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, json.dumps(content).encode())
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.rename(temporary, path)
    if durable:
        sync_directory(os.path.dirname(path))


def create_durably(path: str, content: dict[str, Any]) -> bool:
    """Make a file that must not be there, on disk afterwards; False where it is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        write_all(descriptor, json.dumps(content).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_directory(os.path.dirname(path))
    return True


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it, however many calls it takes."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_directory(path: str) -> None:
    """Put a directory's entries on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(path: str) -> int | None:
    """The lock as a descriptor to be closed, or handed to another process; None where it is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_locked(path: str) -> bool:
    """Whether somebody holds the lock; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
