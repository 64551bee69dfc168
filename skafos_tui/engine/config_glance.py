"""What stands where a project's config belongs, at one moment; blocking, for a thread."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from skafos_tui.config.reader import CONFIG_NAME, ConfigUnreadable, read_bytes
from skafos_tui.config.source import MAX_BYTES

COARSE_S = 2.0
"""The coarsest clock of a file system (FAT): what changed more recently may change again under the same time."""
_MOST_LINKS = 40
_ABSENT = frozenset([errno.ENOENT, errno.ENOTDIR])


class Trace(NamedTuple):
    """What tells one state of a config file from another without reading it.

    `directory` is device and inode, None where there is none; `file` mode, device, inode, size, and the times of
    its content and of its inode in ns, links followed; None where there is none. `trouble`: why neither is known.
    """

    directory: tuple[int, int] | None = None
    file: tuple[int, int, int, int, int, int] | None = None
    trouble: str = ""

    @property
    def regular(self) -> bool:
        """Whether it is a file that can be read to an end."""
        return self.file is not None and stat.S_ISREG(self.file[0])

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return self.file[3] if self.file is not None else 0

    def recent(self) -> bool:
        """Whether the file changed so recently that another change may leave the same trace."""
        return self.file is not None and abs(time.time() - max(self.file[4:]) / 1e9) < COARSE_S


class Standing(Enum):
    """What a glance found."""

    NO_DIRECTORY = "no directory"
    NOTHING = "nothing"
    UNREADABLE = "unreadable"
    CHANGING = "changing"
    CONTENT = "content"


class Glance(NamedTuple):
    """One look: what was found, under which trace, and the `points` at which a change of it shows.

    A point is a real directory and a name in it. `digest` is the SHA-256 of `content`, in hex; `trouble` says why
    a config is unreadable.
    """

    standing: Standing
    trace: Trace
    points: frozenset[tuple[str, str]]
    content: bytes = b""
    digest: str = ""
    trouble: str = ""

    def agrees(self, other: Glance) -> bool:
        """Whether two looks found the same, untouched in between."""
        return (self.standing, self.trace, self.digest) == (other.standing, other.trace, other.digest)


def config_path(directory: str) -> str:
    """Where the config of a directory belongs."""
    return os.path.join(directory, CONFIG_NAME)  # noqa: PTH118


def trace_of(directory: str) -> Trace:
    """The trace of a directory's config: two calls of stat."""
    try:
        where = os.stat(directory)  # noqa: PTH116
        if not stat.S_ISDIR(where.st_mode):
            return Trace()
    except OSError as error:
        return Trace() if error.errno in _ABSENT else Trace(trouble=error.strerror or str(error))
    here = (where.st_dev, where.st_ino)
    try:
        found = os.stat(config_path(directory))  # noqa: PTH116
    except OSError as error:
        return Trace(here) if error.errno in _ABSENT else Trace(here, trouble=error.strerror or str(error))
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return Trace(here, (found.st_mode, found.st_dev, found.st_ino, found.st_size, *times))


def glance(directory: str) -> Glance:
    """Look at a directory's config and read it."""
    trace, points = trace_of(directory), points_of(config_path(directory))
    if trace.trouble:
        return Glance(Standing.UNREADABLE, trace, points, trouble=trace.trouble)
    if trace.directory is None:
        return Glance(Standing.NO_DIRECTORY, trace, points)
    if trace.file is None:
        return Glance(Standing.NOTHING, trace, points)
    if not trace.regular:
        return Glance(Standing.UNREADABLE, trace, points, trouble="it is not a regular file")
    try:
        content = read_bytes(config_path(directory))
    except ConfigUnreadable as error:
        return _unless_changed(directory, Glance(Standing.UNREADABLE, trace, points, trouble=error.message))
    if len(content) < min(trace.size, MAX_BYTES + 1):
        return Glance(Standing.CHANGING, trace, points)
    digest = hashlib.sha256(content).hexdigest()
    return _unless_changed(directory, Glance(Standing.CONTENT, trace, points, content, digest))


def _unless_changed(directory: str, found: Glance) -> Glance:
    """What was found, if the file is still the one that was looked at."""
    return found if trace_of(directory) == found.trace else Glance(Standing.CHANGING, found.trace, found.points)


def being_written(directory: str, trace: Trace) -> bool:
    """Whether a program has the config open for writing, or it is no longer the one with this trace.

    Asked by a read lease, which Linux refuses as long as there is a writer (fcntl(2)); it is given back at once. A
    program that opens the file within that instant waits for it. False where it can't be known: other systems, most
    network mounts, somebody else's file.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        descriptor = os.open(config_path(directory), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        # Not as it was a moment ago: the next look says what it is.
        return True
    try:
        # The kernel tells of a writer by a signal that would end this process; SIGURG is one that nobody minds.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return True
    finally:
        os.close(descriptor)
    return trace_of(directory) != trace


def points_of(path: str) -> frozenset[tuple[str, str]]:
    """Where a change of what `path` leads to shows: at every link on the way, and at its end.

    Each as the real directory and the name in it. The way ends at the file, or at the first name that isn't there.
    """
    return frozenset(_walk(path))


def _walk(path: str) -> Iterator[tuple[str, str]]:
    rest = [name for name in path.split("/") if name][::-1]
    here, links = "/", 0
    while rest:
        name = rest.pop()
        if name in (".", ".."):
            here = os.path.dirname(here) if name == ".." else here  # noqa: PTH120
            continue
        step = os.path.join(here, name)  # noqa: PTH118
        try:
            target = os.readlink(step) if stat.S_ISLNK(os.lstat(step).st_mode) else None  # noqa: PTH115
        except OSError:
            yield here, name
            return
        if target is None:
            if not rest:
                yield here, name
            here = step
            continue
        yield here, name
        links += 1
        if links > _MOST_LINKS:
            return
        rest += [part for part in target.split("/") if part][::-1]
        here = "/" if target.startswith("/") else here
