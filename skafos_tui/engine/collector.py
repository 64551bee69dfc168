"""Reads one attempt's log into its file, while it runs and to the very end (DESIGN 4.6)."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from skafos_tui.runners.base import Runner, RunnerError, RunnerUnreachable
from skafos_tui.store.logs.writer import LogWriter

log = logging.getLogger(__name__)
T = TypeVar("T")
DRAIN_PATIENCE_S = 1.0
"""How long a followed stream of an ended container may stand still before it is cut and read plainly."""


class DiskFull(Exception):
    """The log can't be written for lack of space; reading can go on later where it stopped."""


class Collector:
    """One attempt's log; following is a thread of its own that may end early, `read_to_end` reads what it left."""

    def __init__(self, runner: Runner, name: str, path: Path, *, cap: int, secrets: Sequence[bytes]) -> None:
        self._runner = runner
        self._name = name
        self._path = path
        self._cap = cap
        self._secrets = secrets
        self._writer: LogWriter | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._taken = 0

    def follow(self) -> None:
        """Follow the log from where the file ends; nothing happens while that is going on."""
        if self.following:
            return
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"log {self._name}", daemon=True)
        self._thread.start()

    @property
    def following(self) -> bool:
        """Whether the log is being followed now."""
        return self._thread is not None and self._thread.is_alive()

    async def halt(self) -> None:
        """Stop following and let go of the file, so that another collector may open it."""
        self._stop.set()
        await on_thread(self._let_go, f"log {self._name}")

    async def read_to_end(self) -> bool:
        """Read the rest of an ended attempt's log; False where nothing came at all, not even what is stored.

        Raises RunnerUnreachable and DiskFull; can then be called again.
        """
        return await on_thread(lambda: self._careful(self._read_to_end), f"log {self._name}")

    async def complete(self, *, gone: bool, cut: bool) -> None:
        """Say what is missing, and sync the log. Raises DiskFull; then all of it is to be read again.

        `gone`: its container was no longer there to be read; `cut`: it ended while nobody took up what it printed.
        """
        await on_thread(lambda: self._careful(lambda: self._complete(gone, cut)), f"log {self._name}")

    def abandon(self) -> None:
        """Stop following; the next engine goes on from what is in the file."""
        self._stop.set()

    def _let_go(self) -> None:
        if self._thread is not None:
            self._thread.join()
        self._close_early()

    def _close_early(self) -> None:
        """Let go of the file without last words: the log is not complete, a later try opens it anew."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close(sync=False, final=False)

    def _open(self) -> LogWriter:
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = LogWriter(self._path, cap=self._cap, secrets=self._secrets)
        return self._writer

    def _sink(self, batch: bytes) -> None:
        self._taken += len(batch)
        self._open().append(batch)

    def _follow(self) -> None:
        try:
            self._read(follow=True)
        except (RunnerError, OSError) as error:
            # Told, not raised: following is a convenience, `read_to_end` reads the same again and reports.
            log.warning("the log of %s is not followed any more: %s", self._name, error)

    def _read(self, *, follow: bool) -> None:
        """One pass over the stream from the file's end, what is stored already left out.

        With a fresh writer: what an earlier one holds in memory (lines of a full disk, the end of a partial line that
        may be a secret's beginning) comes again.
        """
        self._close_early()
        writer = self._open()
        point = writer.resume_point()
        writer.begin_resume()
        self._runner.read_logs(self._name, since=point.since, follow=follow, sink=self._sink, stop=self._stop)

    def _careful(self, work: Callable[[], T]) -> T:
        """Let go of the file when it can't be written."""
        try:
            return work()
        except OSError as error:
            self._close_early()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise DiskFull(f"no space for the log {self._path}") from None
            raise

    def _read_to_end(self) -> bool:
        self._drain()
        before = self._taken
        try:
            self._read_rest()
        except RunnerUnreachable:
            raise
        except RunnerError as error:
            self._open().append_gap(f"not all of this log could be read: {error}")
            return True
        return self._taken > before

    def _complete(self, gone: bool, cut: bool) -> None:
        self._drain()
        if gone:
            self._open().append_gap("the container was removed before its log was read to the end")
        if cut:
            self._open().append_gap("the last lines may be missing: this ended while the daemon was away")
        writer, self._writer = self._open(), None
        writer.close()

    def _read_rest(self) -> None:
        before = self._taken
        self._read(follow=False)
        writer = self._open()
        if self._taken == before and writer.resume_point().lines:
            # Not even the last stored line came back, although `since` includes it: the clock was set back
            # (DESIGN 4.6), or the file was rotated away. Read from the start and skip what is there.
            writer.begin_resume_by_count()
            self._runner.read_logs(self._name, since=None, follow=False, sink=self._sink, stop=self._stop)

    def _drain(self) -> None:
        """Let a followed stream end by itself as long as it moves, then cut it."""
        thread = self._thread
        if thread is None:
            return
        seen, since = self._taken, time.monotonic()
        while thread.is_alive():
            thread.join(0.05)
            if self._taken != seen:
                seen, since = self._taken, time.monotonic()
            elif time.monotonic() - since > DRAIN_PATIENCE_S:
                self._stop.set()
        self._thread = None
        self._stop = threading.Event()


async def on_thread(work: Callable[[], T], name: str) -> T:
    """Run blocking work on a daemon thread of its own, which an ending engine does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
