"""What happens in a set of directories, told as it happens; a hint, since every system loses some of it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import threading
from collections.abc import Callable, Collection
from typing import Protocol

log = logging.getLogger(__name__)

Happened = Callable[[str, str], None]
"""Called on the loop with a directory and the name in it that changed.

Without a name it is the directory itself that went or was moved; without a directory anything may have changed.
"""


class DirectoryEvents(Protocol):
    """Watches the entries of directories, not what is below them."""

    def watch(self, directories: Collection[str]) -> None:
        """Watch exactly these (real paths) from now on; what isn't there is left out.

        Blocking, on any thread. What happened before it returns may be lost. OSError where the system's limits
        don't allow all of them.
        """

    def close(self) -> None:
        """End it, on the loop."""


class WatchfilesEvents:
    """The watchfiles package on a thread of its own, which is made anew for each other set of directories."""

    STEP_MS = 20
    """How often it looks; each look costs an idle engine something: 0.4 % of a core at 20 ms (measured)."""
    DEBOUNCE_MS = 100
    READY_MS = 100
    """How long after its start it is known to watch: then it first says that nothing happened."""
    READY_WITHIN_S = 10.0

    def __init__(self, happened: Happened) -> None:
        self._happened = happened
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._directories: frozenset[str] = frozenset()

    def watch(self, directories: Collection[str]) -> None:
        """See `DirectoryEvents`."""
        there = frozenset(directory for directory in directories if os.path.isdir(directory))  # noqa: PTH112
        before, self._stop, self._directories = self._stop, threading.Event(), there
        ready, failures = threading.Event(), list[Exception]()
        if there:
            arguments = (there, self._stop, ready, failures)
            threading.Thread(target=self._follow, args=arguments, name="directories", daemon=True).start()
            ready.wait(self.READY_WITHIN_S)
        before.set()
        if failures:
            self._directories = frozenset()
            raise OSError(errno.EMFILE, str(failures[0]))

    def _follow(
        self,
        directories: frozenset[str],
        stop: threading.Event,
        ready: threading.Event,
        failures: list[Exception],
    ) -> None:
        from watchfiles import watch

        changes = watch(
            *sorted(directories),
            watch_filter=None,
            debounce=self.DEBOUNCE_MS,
            step=self.STEP_MS,
            stop_event=stop,
            rust_timeout=self.READY_MS,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
            ignore_permission_denied=True,
        )
        try:
            for found in changes:
                ready.set()
                if found and not stop.is_set():
                    self._pass_on({path for _, path in found})
        except (OSError, RuntimeError) as error:
            if ready.is_set():
                log.warning("changes of configs come later, by looking: %s", error)
            failures.append(error)
        finally:
            ready.set()

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
