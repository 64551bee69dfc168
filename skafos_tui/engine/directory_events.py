"""What happens in a set of directories, told as it happens; a hint, since every system loses some of it."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import os
import struct
import sys
import threading
from collections.abc import Callable, Collection
from typing import Protocol

log = logging.getLogger(__name__)

Happened = Callable[[str, str], None]
"""Called on the loop with a directory and the name in it that changed.

Without a name it is the directory itself that went or was moved; without a directory anything may have changed.
"""
_LIMITS = frozenset([errno.ENOSPC, errno.ENOMEM, errno.EMFILE, errno.ENFILE])
"""The system has no more watches to give; anything else is the matter of one directory."""


class DirectoryEvents(Protocol):
    """Watches the entries of directories, not what is below them."""

    def watch(self, directories: Collection[str]) -> None:
        """Watch exactly these (real paths) from now on; what isn't there is left out.

        Blocking, on any thread. What happened before it returns may be lost. OSError where the system's limits
        don't allow all of them.
        """

    def close(self) -> None:
        """End it, on the loop."""


def directory_events(happened: Happened) -> DirectoryEvents:
    """This system's way to learn of changes, for the running loop. OSError where its limits are exhausted.

    On Linux inotify itself: watchfiles asks every 10 ms whether something happened, which costs an idle engine 0.5 %
    of a core (measured with 200 directories), and it has to begin anew for each directory more.
    """
    return InotifyEvents(happened) if sys.platform == "linux" else WatchfilesEvents(happened)


class InotifyEvents:
    """Linux: the kernel wakes the loop, nothing runs in between (inotify(7)).

    Of writing only the close is watched: a job that prints into a file beside the config wakes nobody.
    """

    _EVENT = struct.Struct("iIII")
    _CLOSE_WRITE, _ATTRIB, _MOVED_FROM, _MOVED_TO = 0x8, 0x4, 0x40, 0x80
    _CREATE, _DELETE, _DELETE_SELF, _MOVE_SELF = 0x100, 0x200, 0x400, 0x800
    _UNMOUNT, _OVERFLOW, _IGNORED, _ONLY_DIRECTORIES = 0x2000, 0x4000, 0x8000, 0x1000000
    _ENTRY = _CLOSE_WRITE | _ATTRIB | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
    _ITSELF = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED
    _WANTED = _ENTRY | _DELETE_SELF | _MOVE_SELF | _ONLY_DIRECTORIES

    def __init__(self, happened: Happened) -> None:
        self._happened = happened
        self._directories: dict[int, set[str]] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise self._error()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)

    def watch(self, directories: Collection[str]) -> None:
        """See `DirectoryEvents`. One watch per inode: what is watched already is not disturbed."""
        found: dict[int, set[str]] = {}
        failure: OSError | None = None
        for directory in directories:
            number = self._libc.inotify_add_watch(self._descriptor, os.fsencode(directory), self._WANTED)
            if number >= 0:
                found.setdefault(number, set()).add(directory)
            elif (error := self._error()).errno in _LIMITS:
                failure = error
        before, self._directories = self._directories, found
        for number in before.keys() - found.keys():
            self._libc.inotify_rm_watch(self._descriptor, number)
        if failure is not None:
            raise failure

    @staticmethod
    def _error() -> OSError:
        number = ctypes.get_errno()
        return OSError(number, os.strerror(number))

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65_536)
        except BlockingIOError:
            return
        told: set[tuple[str, str]] = set()
        offset = 0
        while offset < len(data):
            number, mask, _, length = self._EVENT.unpack_from(data, offset)
            offset += self._EVENT.size
            name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
            offset += length
            if mask & self._OVERFLOW:
                told.add(("", ""))
            elif mask & self._ITSELF:
                told.update((directory, "") for directory in self._directories.get(number, ()))
            elif name:
                told.update((directory, name) for directory in self._directories.get(number, ()))
        for directory, name in told:
            self._happened(directory, name)

    def close(self) -> None:
        """See `DirectoryEvents`."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)


class WatchfilesEvents:
    """Elsewhere: the watchfiles package, which is made anew for each other set of directories."""

    STEP_MS = 20
    """How often it looks; each look costs an idle engine something."""
    DEBOUNCE_MS = 100

    def __init__(self, happened: Happened) -> None:
        self._happened = happened
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._directories: frozenset[str] = frozenset()

    def watch(self, directories: Collection[str]) -> None:
        """See `DirectoryEvents`."""
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        there = [directory for directory in directories if os.path.isdir(directory)]  # noqa: PTH112
        try:
            notify = RustNotify(there, False, False, 300, False, True)
        except WatchfilesRustInternalError as error:
            raise OSError(errno.EMFILE, str(error)) from error
        before, self._stop, self._directories = self._stop, threading.Event(), frozenset(there)
        threading.Thread(target=self._follow, args=(notify, self._stop), name="directories", daemon=True).start()
        before.set()

    def _follow(self, notify: object, stop: threading.Event) -> None:
        from watchfiles._rust_notify import RustNotify

        assert isinstance(notify, RustNotify)
        with notify:
            while not stop.is_set():
                try:
                    found = notify.watch(self.DEBOUNCE_MS, self.STEP_MS, 60_000, stop)
                except RuntimeError as error:
                    log.warning("changes of configs come later, by looking: %s", error)
                    return
                if not isinstance(found, str) and not stop.is_set():
                    self._pass_on({path for _, path in found})

    def _pass_on(self, paths: set[str]) -> None:
        for path in paths:
            directory, name = (path, "") if path in self._directories else os.path.split(path)
            try:
                self._loop.call_soon_threadsafe(self._happened, directory, name)
            except RuntimeError:
                # The loop has ended meanwhile, and this thread with it.
                self._stop.set()
                return

    def close(self) -> None:
        """See `DirectoryEvents`."""
        self._stop.set()
